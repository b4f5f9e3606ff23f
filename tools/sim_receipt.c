/* Ids and receipts of tools/sim_receipt.h. */
#include "tools/sim_receipt.h"

#include <stdio.h>
#include <string.h>

bool sim_id_form_read(struct smpp_octets text, struct sim_id_form *form)
{
	static const struct {
		const char *name;
		uint8_t base;
		bool upper;
	} forms[] = { { "hex", 16, false }, { "HEX", 16, true }, { "decimal", 10, false } };
	const uint8_t *colon = memchr(text.at, ':', text.n);
	uint64_t width = 0;

	if (colon != NULL) {
		uint32_t n = (uint32_t)(colon - text.at);
		struct smpp_octets digits = { .at = colon + 1, .n = text.n - n - 1 };

		if (!sim_read_number(digits, SIM_ID_WIDTH_MAX, &width))
			return false;
		text.n = n;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (!smpp_octets_equal(text, smpp_octets_of(forms[i].name)))
			continue;
		*form = (struct sim_id_form){ .base = forms[i].base,
					      .upper = forms[i].upper,
					      .width = (uint8_t)width };
		return true;
	}
	return false;
}

uint32_t sim_id_text(uint64_t id, struct sim_id_form form, char out[SIM_ID_TEXT_OCTETS])
{
	const char *digits = form.upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char reversed[SIM_ID_WIDTH_MAX];
	uint32_t n = 0;

	do {
		reversed[n++] = digits[id % form.base];
		id /= form.base;
	} while (id != 0);
	while (n < form.width)
		reversed[n++] = '0';
	for (uint32_t i = 0; i < n; i++)
		out[i] = reversed[n - 1 - i];
	out[n] = '\0';
	return n;
}

/* ---- shapes ---- */

static const struct {
	const char *name;
	const char *row;
	const char *sentence;
} shapes[] = {
#define SHAPE(name, row, sentence) { name, row, sentence },
#include "tools/sim_shapes.def"
#undef SHAPE
};

bool sim_receipt_shape(struct sim_pdu *shape, const char *name)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (strcmp(shapes[i].name, name) != 0)
			continue;
		sim_pdu_read_row(shape, shapes[i].row, SIM_KNOWS_MESSAGE);
		return true;
	}
	return false;
}

void sim_receipt_list(struct buffer *out)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		buffer_format(out, "%-20s %s\n", shapes[i].name, shapes[i].sentence);
}

void sim_receipt_make(const struct sim_pdu *shape, const struct sim_subject *subject, bool tlvs,
		      struct buffer *out)
{
	const struct sim_message *message = subject->message;
	struct smpp_pdu base;

	smpp_pdu_init(&base, SMPP_deliver_sm, 0);
	/* A receipt travels the other way: it comes from where the message went (4.6). */
	base.source_addr_ton = message->dest_ton;
	base.source_addr_npi = message->dest_npi;
	base.source_addr = smpp_octets_of(message->destination);
	base.dest_addr_ton = message->source_ton;
	base.dest_addr_npi = message->source_npi;
	base.destination_addr = smpp_octets_of(message->source);
	base.esm_class = 0x04; /* 5.2.12: SMSC delivery receipt */
	sim_pdu_render(shape, &base, subject, tlvs, out);
}
