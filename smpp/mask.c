/* Masks the octets that smpp_pdu_visit names. See smpp/mask.h. */
#include "smpp/mask.h"

#include <string.h>

#include "smpp/concat.h"
#include "smpp/receipt.h"

struct masking {
	uint8_t *octets;
	const struct smpp_pdu *pdu;
	bool show_text;
	bool show_numbers;
};

/* What the carrier wrote, not the user: the words of a receipt and where each is (Appendix B). */
static const struct {
	const char *key;
	size_t member; /* of struct smpp_receipt */
} receipt_words[] = {
	{ "id:", offsetof(struct smpp_receipt, ids) },
	{ "sub:", offsetof(struct smpp_receipt, sub) },
	{ "dlvrd:", offsetof(struct smpp_receipt, dlvrd) },
	{ "submit date:", offsetof(struct smpp_receipt, submit_date) },
	{ "done date:", offsetof(struct smpp_receipt, done_date) },
	{ "stat:", offsetof(struct smpp_receipt, stat) },
	{ "err:", offsetof(struct smpp_receipt, err) },
};

/* Slices of a decoded PDU lie in its octets, which are ours to write. */
static uint8_t *writable(const struct masking *m, struct smpp_octets slice)
{
	return m->octets + (slice.at - m->pdu->wire.at);
}

static void fill(const struct masking *m, struct smpp_octets slice, uint8_t octet)
{
	if (slice.n > 0)
		memset(writable(m, slice), octet, slice.n);
}

static void mask_number(const struct masking *m, const struct smpp_field *field)
{
	uint8_t *at = writable(m, field->value);
	uint32_t digits = 0;

	if (field->type != SMPP_TYPE_CSTRING) {
		fill(m, field->value, SMPP_MASK_NUMBER_OCTET);
		return;
	}
	for (uint32_t i = 0; i < field->value.n; i++)
		digits += at[i] >= '0' && at[i] <= '9';
	for (uint32_t i = 0; i < field->value.n && digits > SMPP_MASK_DIGITS_SHOWN; i++) {
		if (at[i] < '0' || at[i] > '9')
			continue;
		at[i] = SMPP_MASK_NUMBER_OCTET;
		digits--;
	}
}

/* --- The user's text ------------------------------------------------------------------------ */

/* A text, and which of its octets stay; behind SMPP_RECEIPT_BODY_OCTETS none do. */
struct stays {
	struct smpp_octets text;
	bool octets[SMPP_RECEIPT_BODY_OCTETS];
};

static void stay(struct stays *stays, uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < from + n && i < SMPP_RECEIPT_BODY_OCTETS; i++)
		stays->octets[i] = true;
}

static void stay_blank(struct stays *stays, uint32_t at)
{
	if (at < stays->text.n && stays->text.at[at] == ' ')
		stay(stays, at, 1);
}

static uint8_t lower(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet | 0x20) : octet;
}

static bool ends_in(struct smpp_octets text, uint32_t end, const char *key)
{
	uint32_t n = (uint32_t)strlen(key);

	if (end < n)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t octet = text.at[end - n + i];

		if (lower(octet) != (uint8_t)key[i] && !(octet == '_' && key[i] == ' '))
			return false;
	}
	return true;
}

/* A value of the receipt, if it lies in the text itself, with its key and the blanks around. */
static void stay_word(struct stays *stays, struct smpp_octets word, const char *key)
{
	uint32_t n = (uint32_t)strlen(key);
	uint32_t from;

	if (word.n == 0 || word.at < stays->text.at || word.at >= stays->text.at + stays->text.n)
		return;
	from = (uint32_t)(word.at - stays->text.at);
	stay(stays, from, word.n);
	stay_blank(stays, from + word.n);
	if (!ends_in(stays->text, from, key))
		return;
	stay(stays, from - n, n);
	if (from > n)
		stay_blank(stays, from - n - 1);
}

/* Only of what the SMSC has marked as its receipt: a handset can write the same words. */
static void stay_receipt(struct stays *stays, const struct smpp_pdu *pdu)
{
	struct smpp_receipt receipt;
	enum smpp_receipt_kind kind = smpp_receipt_parse(pdu, NULL, &receipt);

	if (kind != SMPP_RECEIPT_IS && kind != SMPP_RECEIPT_INTERMEDIATE)
		return;
	if (receipt.flags & (SMPP_RECEIPT_NEEDS_MATCH | SMPP_RECEIPT_TEXT_FIRST))
		return;
	for (size_t i = 0; i < sizeof receipt_words / sizeof receipt_words[0]; i++) {
		struct smpp_octets word;

		memcpy(&word, (const char *)&receipt + receipt_words[i].member, sizeof word);
		stay_word(stays, word, receipt_words[i].key);
	}
}

static void mask_message(const struct masking *m, struct smpp_octets text)
{
	struct stays stays = { .text = text };
	struct smpp_concat_info info;

	smpp_concat_info(m->pdu, &info);
	if (info.udh.n > 0)
		stay(&stays, 0, info.udh.n);
	stay_receipt(&stays, m->pdu);
	for (uint32_t i = 0; i < text.n; i++) {
		if (i >= SMPP_RECEIPT_BODY_OCTETS || !stays.octets[i])
			writable(m, text)[i] = SMPP_MASK_TEXT_OCTET;
	}
}

/* --- The PDU -------------------------------------------------------------------------------- */

static void mask_field(void *ctx, const struct smpp_field *field)
{
	const struct masking *m = ctx;

	switch (field->mask) {
	case SMPP_MASK_OPEN:
		break;
	case SMPP_MASK_ANY:
		if (!m->show_text || !m->show_numbers)
			fill(m, field->value, SMPP_MASK_TEXT_OCTET);
		break;
	case SMPP_MASK_PASSWORD:
		fill(m, field->value, SMPP_MASK_PASSWORD_OCTET);
		break;
	case SMPP_MASK_NUMBER:
		if (!m->show_numbers)
			mask_number(m, field);
		break;
	case SMPP_MASK_TEXT:
		if (m->show_text || field->value.n == 0)
			break;
		if (field->value.at == smpp_pdu_message(m->pdu).at)
			mask_message(m, field->value);
		else
			fill(m, field->value, SMPP_MASK_TEXT_OCTET);
		break;
	}
}

static bool carries_password(const struct smpp_command *command)
{
	for (const struct smpp_place *place = command ? command->places : NULL;
	     place && place->param; place++) {
		if (place->param->mask == SMPP_MASK_PASSWORD)
			return true;
	}
	return false;
}

void smpp_mask(uint8_t *octets, size_t n, bool show_text, bool show_numbers)
{
	struct masking m = { .octets = octets,
			     .show_text = show_text,
			     .show_numbers = show_numbers };
	struct smpp_reader header = smpp_reader_of(octets, SMPP_HEADER_OCTETS);
	struct smpp_problem problem;
	struct smpp_pdu pdu;
	uint32_t length;

	if (n <= SMPP_HEADER_OCTETS)
		return;
	if (smpp_frame(octets, n, UINT32_MAX, &length) != SMPP_FRAME_OK || length != n) {
		memset(octets + SMPP_HEADER_OCTETS, SMPP_MASK_TEXT_OCTET, n - SMPP_HEADER_OCTETS);
		return;
	}
	smpp_read_u32(&header);
	if (show_text && show_numbers && !carries_password(smpp_command(smpp_read_u32(&header))))
		return;
	/* What could not be decoded is visited as the rest. */
	m.pdu = &pdu;
	if (smpp_pdu_decode(octets, n, &pdu, &problem) != SMPP_EFRAME)
		smpp_pdu_visit(&pdu, mask_field, &m);
}

bool smpp_masked_text(struct smpp_octets text)
{
	uint32_t n = 0;

	while (n < text.n && text.at[n] == SMPP_MASK_TEXT_OCTET)
		n++;
	return n > 0 && n == text.n;
}
