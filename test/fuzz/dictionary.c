/*
 * Writes the words that a fuzz target should know, in libFuzzer's form, from the rows that the
 * code itself is made of: what a row adds is in the dictionary from then on. test/fuzz/NAME.dict is
 * what `fuzz_dictionary NAME` writes; test/e2e/dictionaries.sh holds the two together.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "smpp/pdu.h"
#include "smpp/status.h"

static void put_word(const void *octets, size_t n)
{
	const uint8_t *at = octets;

	putchar('"');
	for (size_t i = 0; i < n; i++)
		printf("\\x%02x", at[i]);
	puts("\"");
}

static void put_text(const char *text)
{
	printf("\"%s\"\n", text); /* letters, digits, _, spaces and colons: nothing to escape */
}

static void put_u32(uint32_t value)
{
	uint8_t octets[4];
	struct smpp_writer writer = smpp_writer_of(octets, sizeof octets);

	smpp_write_u32(&writer, value);
	put_word(octets, sizeof octets);
}

/* Tag and length of a TLV. */
static void put_tlv(uint16_t tag, uint32_t n)
{
	uint8_t octets[4];
	struct smpp_writer writer = smpp_writer_of(octets, sizeof octets);

	smpp_write_u16(&writer, tag);
	smpp_write_u16(&writer, (uint16_t)n);
	put_word(octets, sizeof octets);
}

static void put_pdu(void)
{
	static const uint32_t statuses[] = {
#define STATUS(value, name, meaning, class) value,
#include "smpp/status.def"
#undef STATUS
	};

	for (size_t i = 0; i < SMPP_N_COMMANDS; i++)
		put_u32(smpp_commands[i].id);
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		put_u32(statuses[i]);
	for (size_t i = 0; i < SMPP_N_TLV_ROWS; i++) {
		put_tlv(smpp_tlv_rows[i].tag, smpp_tlv_rows[i].min);
		if (smpp_tlv_rows[i].max != smpp_tlv_rows[i].min)
			put_tlv(smpp_tlv_rows[i].tag, smpp_tlv_rows[i].max);
	}
}

static void put_receipt(void)
{
	static const char *const labels[] = {
#define RECEIPT_LABEL(label, field) label ":",
#include "smpp/receipt.def"
	};
	static const char *const words[] = {
#define RECEIPT_WORD(word, state) "stat:" word,
#include "smpp/receipt.def"
	};

	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
		put_text(labels[i]);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		put_text(words[i]);
	put_tlv(SMPP_TLV_message_state, 1);
	put_tlv(SMPP_TLV_network_error_code, 3);
	put_tlv(SMPP_TLV_receipted_message_id, 9);
	put_tlv(SMPP_TLV_message_payload, 60);
}

/* A character of the basic plane in UTF-8. */
static size_t utf8(uint32_t code_point, uint8_t *at)
{
	if (code_point < 0x80) {
		at[0] = (uint8_t)code_point;
		return 1;
	}
	if (code_point < 0x800) {
		at[0] = (uint8_t)(0xC0 | code_point >> 6);
		at[1] = (uint8_t)(0x80 | (code_point & 0x3F));
		return 2;
	}
	at[0] = (uint8_t)(0xE0 | code_point >> 12);
	at[1] = (uint8_t)(0x80 | (code_point >> 6 & 0x3F));
	at[2] = (uint8_t)(0x80 | (code_point & 0x3F));
	return 3;
}

static void put_coding(void)
{
	static const struct {
		uint8_t escape; /* in front of the septet; 0: none */
		uint8_t septet;
		uint16_t code_point;
	} rows[] = {
#define GSM(septet, code_point)	    { 0, septet, code_point },
#define GSM_EXT(septet, code_point) { 0x1B, septet, code_point },
#include "smpp/gsm7.def"
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t octets[3];

		if (rows[i].code_point >= 0x80)
			put_word(octets, utf8(rows[i].code_point, octets));
		if (rows[i].escape)
			put_word(&rows[i].escape, 2);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*put)(void);
	} dictionaries[] = { { "pdu", put_pdu },
			     { "receipt", put_receipt },
			     { "coding", put_coding } };

	for (size_t i = 0; i < sizeof dictionaries / sizeof dictionaries[0]; i++) {
		if (argc == 2 && strcmp(argv[1], dictionaries[i].name) == 0) {
			dictionaries[i].put();
			return 0;
		}
	}
	fprintf(stderr, "usage: fuzz_dictionary pdu|receipt|coding\n");
	return 2;
}
