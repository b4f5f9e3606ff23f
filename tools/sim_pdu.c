/*
 * The templates of tools/sim_pdu.h: fields found in the rows of smpp/pdu.def, and a writer that
 * walks the same rows as the codec's but refuses nothing. Texts are in sim_pdu_text.c.
 */
#include "tools/sim_pdu.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a field is; the first ones are no parameters of a body. */
enum target {
	TARGET_COMMAND_LENGTH,
	TARGET_COMMAND_ID,
	TARGET_COMMAND_STATUS,
	TARGET_SEQUENCE_NUMBER,
	TARGET_TAIL,
	TARGET_BODY,
};

struct sim_field {
	const char *name;		/* static; NULL: a tag by number */
	enum target target;		/* TARGET_BODY: param, or else a TLV */
	const struct smpp_param *param; /* NULL: a TLV in every PDU */
	const struct smpp_tlv_row *row; /* NULL: none of that name or tag */
	uint16_t tag;
	struct sim_text text;
};

static const char *const targets[] = {
	[TARGET_COMMAND_LENGTH] = "command_length",
	[TARGET_COMMAND_ID] = "command_id",
	[TARGET_COMMAND_STATUS] = "command_status",
	[TARGET_SEQUENCE_NUMBER] = "sequence_number",
	[TARGET_TAIL] = "tail",
};

void *sim_grow(void *list, size_t n, size_t size)
{
	if (n != 0 && (n & (n - 1)) != 0)
		return list;
	list = reallocarray(list, n == 0 ? 1 : 2 * n, size);
	if (list != NULL)
		return list;
	fputs("smsc-sim: out of memory\n", stderr);
	exit(1);
}

void sim_pdu_release(struct sim_pdu *pdu)
{
	free(pdu->fields);
	free(pdu->pieces);
	buffer_release(&pdu->literals);
	*pdu = (struct sim_pdu){ 0 };
}

bool sim_pdu_says(const struct sim_pdu *pdu)
{
	return pdu->command_id != 0 || pdu->field_count > 0 || pdu->body != SIM_BODY_USUAL;
}

/* ---- finding rows ---- */

bool sim_pdu_read_command(struct smpp_octets name, uint32_t *command_id)
{
	uint64_t number;

	for (size_t i = 0; i < SMPP_N_COMMANDS; i++) {
		if (!smpp_octets_equal(name, smpp_octets_of(smpp_commands[i].name)))
			continue;
		*command_id = smpp_commands[i].id;
		return true;
	}
	if (!sim_read_number(name, UINT32_MAX, &number))
		return false;
	*command_id = (uint32_t)number;
	return true;
}

static const struct smpp_param *param_in(const struct smpp_command *command,
					 struct smpp_octets name)
{
	const struct smpp_place *place = command->places;

	for (; place->param != NULL; place++)
		if (smpp_octets_equal(name, smpp_octets_of(place->param->name)))
			return place->param;
	return NULL;
}

/* In the template's command, or in any when it is the base's that will be known. */
static const struct smpp_param *find_param(const struct sim_pdu *pdu, struct smpp_octets name)
{
	const struct smpp_command *command = smpp_command(pdu->command_id);

	if (pdu->command_id != 0)
		return command == NULL ? NULL : param_in(command, name);
	for (size_t i = 0; i < SMPP_N_COMMANDS; i++) {
		const struct smpp_param *param = param_in(&smpp_commands[i], name);

		if (param != NULL)
			return param;
	}
	return NULL;
}

static bool find_tlv(struct smpp_octets name, struct sim_field *field)
{
	uint64_t tag;

	for (size_t i = 0; i < SMPP_N_TLV_ROWS; i++) {
		if (!smpp_octets_equal(name, smpp_octets_of(smpp_tlv_rows[i].name)))
			continue;
		field->row = &smpp_tlv_rows[i];
		field->tag = smpp_tlv_rows[i].tag;
		field->name = smpp_tlv_rows[i].name;
		return true;
	}
	if (!sim_read_number(name, UINT16_MAX, &tag))
		return false;
	field->tag = (uint16_t)tag;
	field->row = smpp_tlv_row(field->tag);
	return true;
}

/* ---- reading ---- */

static bool is_integer(const struct sim_field *field, uint64_t *max)
{
	if (field->target < TARGET_TAIL ||
	    (field->param != NULL && field->param->type == SMPP_TYPE_INT4)) {
		*max = UINT32_MAX;
		return true;
	}
	if (field->param != NULL) {
		*max = UINT8_MAX;
		return field->param->type == SMPP_TYPE_INT1 ||
		       field->param->type == SMPP_TYPE_LENGTH ||
		       field->param->type == SMPP_TYPE_COUNT ||
		       field->param->type == SMPP_TYPE_COUNT1;
	}
	if (field->target != TARGET_BODY || field->row == NULL ||
	    (field->row->type != SMPP_TYPE_INT && field->row->type != SMPP_TYPE_BITS))
		return false;
	*max = field->row->min == 4 ? UINT32_MAX : (UINT64_C(1) << 8 * field->row->min) - 1;
	return true;
}

static bool check_integer(const struct sim_field *field, const struct sim_word *word,
			  struct sim_mistake *mistake)
{
	uint32_t status;
	uint64_t max = 0, value;

	if (!is_integer(field, &max))
		return true;
	if (field->target == TARGET_COMMAND_STATUS && sim_read_status(word->value, &status))
		return true;
	if (sim_read_number(word->value, max, &value))
		return true;
	return sim_wrong(mistake, word->column, "%.*s wants a whole number of 0 to %llu",
			 (int)word->name.n, (const char *)word->name.at, (unsigned long long)max);
}

static bool read_body(struct sim_pdu *pdu, const struct sim_word *word, struct sim_mistake *mistake)
{
	static const char *const names[] = {
		[SIM_BODY_NONE] = "none", [SIM_BODY_NUL] = "nul", [SIM_BODY_FULL] = "full"
	};

	for (enum sim_body body = SIM_BODY_NONE; body <= SIM_BODY_FULL; body++) {
		if (!smpp_octets_equal(word->value, smpp_octets_of(names[body])))
			continue;
		pdu->body = body;
		return true;
	}
	return sim_wrong(mistake, word->column, "body is none, nul or full");
}

static bool find_target(struct sim_pdu *pdu, const struct sim_word *word, struct sim_field *field)
{
	field->target = TARGET_BODY;
	for (int i = 0; i < TARGET_BODY; i++) {
		if (!sim_word_is(word, targets[i]))
			continue;
		field->target = (enum target)i;
		field->name = targets[i];
		return true;
	}
	field->param = find_param(pdu, word->name);
	if (find_tlv(word->name, field) && field->param == NULL)
		return true;
	if (field->param != NULL)
		field->name = field->param->name;
	return field->param != NULL;
}

bool sim_pdu_read_field(struct sim_pdu *pdu, const struct sim_word *word,
			struct sim_mistake *mistake)
{
	struct sim_field field = { 0 };

	if (!word->has_value)
		return sim_wrong(mistake, word->column, "`%.*s` wants a value", (int)word->name.n,
				 (const char *)word->name.at);
	if (sim_word_is(word, "body"))
		return read_body(pdu, word, mistake);
	if (!find_target(pdu, word, &field))
		return sim_wrong(mistake, word->column, "`%.*s` is no field of this PDU and no TLV",
				 (int)word->name.n, (const char *)word->name.at);
	if (!sim_text_read(pdu, word->value, word->column + word->name.n + 1, &field.text, mistake))
		return false;
	if (field.text.coding != SIM_CODING_HEX && sim_text_is_fixed(pdu, &field.text) &&
	    !check_integer(&field, word, mistake))
		return false;
	pdu->fields = sim_grow(pdu->fields, pdu->field_count, sizeof(*pdu->fields));
	pdu->fields[pdu->field_count++] = field;
	return true;
}

void sim_pdu_read_row(struct sim_pdu *pdu, const char *row, uint32_t knows)
{
	struct sim_mistake mistake = { 0 };
	struct sim_words words;

	*pdu = (struct sim_pdu){ .knows = knows };
	sim_words_begin(&words, row, strlen(row));
	if (sim_pdu_read_command(words.word.name, &pdu->command_id))
		sim_words_next(&words);
	for (; words.word.kind == SIM_WORD; sim_words_next(&words))
		if (!sim_pdu_read_field(pdu, &words.word, &mistake))
			break;
	if (mistake.column == 0 && words.word.kind == SIM_WORD_END)
		return;
	fprintf(stderr, "smsc-sim: row `%s`: column %u: %s\n", row, mistake.column, mistake.text);
	abort(); /* a row of this program is wrong */
}

bool sim_pdu_names(const struct sim_pdu *pdu, const char *name)
{
	for (size_t i = 0; i < pdu->field_count; i++)
		if (pdu->fields[i].name != NULL && strcmp(pdu->fields[i].name, name) == 0)
			return true;
	return false;
}

/* ---- rendering ---- */

/* What one PDU is written from. */
struct rendering {
	const struct sim_pdu *pdu;
	const struct smpp_command *command; /* NULL: unknown */
	const struct smpp_pdu *base;	    /* NULL: all null */
	const struct sim_subject *subject;
	struct buffer *out;
	struct buffer *value; /* of the present field */
	size_t sm_length_at;  /* offset in out; 0: none to fill in */
};

static void put_number(struct buffer *out, uint64_t number, uint32_t octets)
{
	uint8_t *at = buffer_reserve(out, octets);

	if (at == NULL)
		return;
	for (uint32_t i = 0; i < octets; i++)
		at[i] = (uint8_t)(number >> 8 * (octets - 1 - i));
	out->n += octets;
}

static void patch_u32(struct buffer *out, size_t at, uint64_t number)
{
	if (out->n < at + 4)
		return; /* no memory: out says so */
	for (int i = 0; i < 4; i++)
		out->octets[at + (size_t)i] = (uint8_t)(number >> 8 * (3 - i));
}

static struct smpp_octets value_of(struct rendering *r, const struct sim_field *field)
{
	buffer_clear(r->value);
	sim_text_render(r->pdu, &field->text, r->subject, r->value);
	return (struct smpp_octets){ .at = r->value->octets, .n = (uint32_t)r->value->n };
}

/* A number by the field's text; a status may be named. What is none is 0. */
static uint64_t number_of(struct rendering *r, const struct sim_field *field)
{
	struct smpp_octets text = value_of(r, field);
	uint64_t number = 0;
	uint32_t status;

	if (field->text.coding == SIM_CODING_HEX) {
		for (uint32_t i = 0; i < text.n; i++)
			number = number << 8 | text.at[i];
		return number;
	}
	if (field->target == TARGET_COMMAND_STATUS && sim_read_status(text, &status))
		return status;
	if (!sim_read_number(text, UINT64_MAX, &number))
		return 0;
	return number;
}

static const struct sim_field *field_of_param(const struct sim_pdu *pdu,
					      const struct smpp_param *param)
{
	for (size_t i = pdu->field_count; i > 0; i--) /* the last word counts */
		if (pdu->fields[i - 1].param == param)
			return &pdu->fields[i - 1];
	return NULL;
}

static struct smpp_octets base_slice(const struct rendering *r, const struct smpp_place *place)
{
	struct smpp_octets slice = { 0 };

	if (r->base != NULL)
		memcpy(&slice, (const uint8_t *)r->base + place->member, sizeof(slice));
	return slice;
}

static uint32_t base_number(const struct rendering *r, const struct smpp_place *place)
{
	uint32_t number;

	if (r->base == NULL)
		return 0;
	if (place->param->type != SMPP_TYPE_INT4)
		return *((const uint8_t *)r->base + place->member);
	memcpy(&number, (const uint8_t *)r->base + place->member, sizeof(number));
	return number;
}

static void put_string(struct rendering *r, const struct smpp_place *place, bool terminated)
{
	const struct sim_field *field = field_of_param(r->pdu, place->param);
	struct smpp_octets value = field == NULL ? base_slice(r, place) : value_of(r, field);

	buffer_append(r->out, value.at, value.n);
	if (terminated && (field == NULL || field->text.coding != SIM_CODING_HEX))
		buffer_append(r->out, "", 1);
}

static void put_integer(struct rendering *r, const struct smpp_place *place, uint32_t octets)
{
	const struct sim_field *field = field_of_param(r->pdu, place->param);

	if (field == NULL) {
		put_number(r->out, base_number(r, place), octets);
	} else if (field->text.coding == SIM_CODING_HEX) {
		struct smpp_octets value = value_of(r, field);

		buffer_append(r->out, value.at, value.n);
	} else {
		put_number(r->out, number_of(r, field), octets);
	}
}

static void put_place(struct rendering *r, const struct smpp_place *place)
{
	size_t from;

	switch (place->param->type) {
	case SMPP_TYPE_INT4:
		put_integer(r, place, 4);
		break;
	case SMPP_TYPE_LENGTH:
		r->sm_length_at = field_of_param(r->pdu, place->param) == NULL ? r->out->n : 0;
		put_integer(r, place, 1);
		break;
	case SMPP_TYPE_INT1:
	case SMPP_TYPE_COUNT:
	case SMPP_TYPE_COUNT1:
		put_integer(r, place, 1);
		break;
	case SMPP_TYPE_CSTRING:
	case SMPP_TYPE_TIME:
	case SMPP_TYPE_DATE:
		put_string(r, place, true);
		break;
	case SMPP_TYPE_OCTETS:
	case SMPP_TYPE_GROUP:
		from = r->out->n;
		put_string(r, place, false);
		if (r->sm_length_at != 0 && r->sm_length_at < r->out->n)
			r->out->octets[r->sm_length_at] = (uint8_t)(r->out->n - from);
		break;
	case SMPP_TYPE_INT:
	case SMPP_TYPE_BITS:
	case SMPP_TYPE_NONE:
		break;
	}
}

/* A parameter of this command is in its place already. */
static bool is_tlv(const struct rendering *r, const struct sim_field *field)
{
	if (field->target != TARGET_BODY)
		return false;
	if (field->param == NULL || r->command == NULL)
		return field->param == NULL;
	return field->row != NULL && param_in(r->command, smpp_octets_of(field->name)) == NULL;
}

static void put_tlv(struct rendering *r, const struct sim_field *field)
{
	const struct smpp_tlv_row *row = field->row;
	bool raw = field->text.coding == SIM_CODING_HEX || row == NULL;
	size_t at = r->out->n;
	struct smpp_octets value;

	put_number(r->out, field->tag, 2);
	put_number(r->out, 0, 2);
	if (!raw && (row->type == SMPP_TYPE_INT || row->type == SMPP_TYPE_BITS)) {
		put_number(r->out, number_of(r, field), row->min);
	} else {
		value = value_of(r, field);
		buffer_append(r->out, value.at, value.n);
		if (!raw && row->type == SMPP_TYPE_CSTRING)
			buffer_append(r->out, "", 1);
	}
	if (r->out->n < at + 4)
		return;
	r->out->octets[at + 2] = (uint8_t)((r->out->n - at - 4) >> 8);
	r->out->octets[at + 3] = (uint8_t)(r->out->n - at - 4);
}

static bool names_tag(const struct rendering *r, uint16_t tag)
{
	for (size_t i = 0; i < r->pdu->field_count; i++)
		if (is_tlv(r, &r->pdu->fields[i]) && r->pdu->fields[i].tag == tag)
			return true;
	return false;
}

static void put_tlvs(struct rendering *r)
{
	for (uint32_t i = 0; r->base != NULL && i < r->base->n_tlvs; i++) {
		const struct smpp_tlv *tlv = &r->base->tlvs[i];
		struct smpp_octets value = smpp_tlv_value(tlv);

		if (names_tag(r, tlv->tag))
			continue;
		put_number(r->out, tlv->tag, 2);
		put_number(r->out, value.n, 2);
		buffer_append(r->out, value.at, value.n);
	}
	for (size_t i = 0; i < r->pdu->field_count; i++)
		if (is_tlv(r, &r->pdu->fields[i]))
			put_tlv(r, &r->pdu->fields[i]);
}

static bool has_body(const struct rendering *r)
{
	if (r->pdu->body != SIM_BODY_USUAL)
		return r->pdu->body == SIM_BODY_FULL;
	if (r->base == NULL || !r->base->body_absent)
		return true;
	for (size_t i = 0; i < r->pdu->field_count; i++)
		if (r->pdu->fields[i].target == TARGET_BODY)
			return true;
	return false;
}

static const struct sim_field *field_of_target(const struct sim_pdu *pdu, enum target target)
{
	for (size_t i = pdu->field_count; i > 0; i--)
		if (pdu->fields[i - 1].target == target)
			return &pdu->fields[i - 1];
	return NULL;
}

static uint64_t header_number(struct rendering *r, enum target target, uint32_t otherwise)
{
	const struct sim_field *field = field_of_target(r->pdu, target);

	return field == NULL ? otherwise : number_of(r, field);
}

uint32_t sim_pdu_status(const struct sim_pdu *pdu)
{
	const struct sim_field *field = field_of_target(pdu, TARGET_COMMAND_STATUS);
	struct buffer value = { 0 };
	struct rendering r = { .pdu = pdu, .value = &value };
	uint32_t status;

	if (field == NULL || !sim_text_is_fixed(pdu, &field->text))
		return 0;
	status = (uint32_t)number_of(&r, field);
	buffer_release(&value);
	return status;
}

void sim_pdu_render(const struct sim_pdu *pdu, const struct smpp_pdu *base,
		    const struct sim_subject *subject, bool tlvs, struct buffer *out)
{
	/* Kept from one to the next: a receipt is rendered for every message. */
	static struct buffer value;
	struct rendering r = {
		.pdu = pdu, .base = base, .subject = subject, .out = out, .value = &value
	};
	uint32_t id = pdu->command_id != 0 || base == NULL ? pdu->command_id : base->command_id;
	const struct sim_field *tail = field_of_target(pdu, TARGET_TAIL);
	size_t at = out->n;

	r.command = smpp_command(id);
	put_number(out, 0, 4);
	put_number(out, header_number(&r, TARGET_COMMAND_ID, id), 4);
	put_number(
		out,
		header_number(&r, TARGET_COMMAND_STATUS, base == NULL ? 0 : base->command_status),
		4);
	put_number(
		out,
		header_number(&r, TARGET_SEQUENCE_NUMBER, base == NULL ? 0 : base->sequence_number),
		4);
	if (r.command != NULL && has_body(&r)) {
		for (const struct smpp_place *p = r.command->places; p->param != NULL; p++)
			put_place(&r, p);
		if (tlvs)
			put_tlvs(&r);
	} else if (pdu->body == SIM_BODY_NUL) {
		put_number(out, 0, 1);
	}
	if (tail != NULL) {
		struct smpp_octets octets = value_of(&r, tail);

		buffer_append(out, octets.at, octets.n);
	}
	patch_u32(out, at, header_number(&r, TARGET_COMMAND_LENGTH, (uint32_t)(out->n - at)));
}
