/*
 * The codec of records: three loops (key, encode, decode) over the rows of record.def. See record.h
 * for the form on disk. It allocates nothing and knows no storage.
 */
#include "store/record.h"

#include <assert.h>
#include <string.h>

#include "store/crc.h"
#include "store/rows.h"

#define CRC_OCTETS  4
#define GROW_OCTETS 16

/* Far beyond any time, and far enough from 2^64 that a distance between two never wraps. */
#define T_MOST ((uint64_t)1 << 62)

/* --- Tables ----------------------------------------------------------------------------------- */

/* One function per kind, for within it the struct has a name that its rows can say. */
#define SEG_NUMBER(kind, member, how, doc) \
	{ "seg." #member, offsetof(rec, seg.member), 0, ROW_##kind, SHOW_##how, false },
#define SEG_OCTETS(member, limit, how, doc) \
	{ "seg." #member, offsetof(rec, seg.member), limit, ROW_OCTETS, SHOW_##how, false },
#define RECORD(NAME, kind, version_, reserve_, slack_, doc)        \
	static const struct store_row *rows_of_##kind(unsigned *n) \
	{                                                          \
		typedef struct store_##kind rec;                   \
		static const struct store_row rows[] = {
#define KEY(kind, member, doc) { #member, offsetof(rec, member), 0, ROW_##kind, SHOW_PLAIN, true },
#define NUMBER(kind, member, how, doc) \
	{ #member, offsetof(rec, member), 0, ROW_##kind, SHOW_##how, false },
#define OCTETS(member, limit, how, doc) \
	{ #member, offsetof(rec, member), limit, ROW_OCTETS, SHOW_##how, false },
#define SEGMENT() STORE_SEGMENT_ROWS(SEG_NUMBER, SEG_OCTETS)
#define END(NAME, kind)                      \
	}                                    \
	;                                    \
	*n = sizeof(rows) / sizeof(rows[0]); \
	return rows;                         \
	}
#include "store/record.def"

static const struct store_shape shapes[STORE_KINDS] = {
#define RECORD(NAME, kind, version_, reserve_, slack_, doc)                   \
	[STORE_KIND_##NAME] = { .name = #kind,                                \
				.rows = rows_of_##kind,                       \
				.raw_at = offsetof(struct store_##kind, raw), \
				.version = version_,                          \
				.reserve = reserve_,                          \
				.slack = slack_ },
#include "store/record.def"
};

const struct store_shape *store_shape(enum store_kind kind)
{
	assert((unsigned)kind < STORE_KINDS);
	return &shapes[kind];
}

const char *store_kind_name(enum store_kind kind)
{
	return store_shape(kind)->name;
}

unsigned store_key_members(enum store_kind kind)
{
	unsigned n;
	unsigned keys = 0;
	const struct store_row *rows = store_shape(kind)->rows(&n);

	while (keys < n && rows[keys].key)
		keys++;
	return keys;
}

/* --- Names ------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	const char *shown;
	int rank;
	int fold;
} states[] = {
#define STATE(NAME, number, rank_, fold_, shown_) [number] = { #NAME, shown_, rank_, fold_ },
#include "store/record.def"
};

static const struct {
	const char *name;
	const char *stage;
} errors[] = {
#define ERROR(NAME, number, stage_) [number] = { #NAME, stage_ },
#include "store/record.def"
};

static const char *const ledger_kinds[] = {
#define LEDGER(NAME, number, text) [number] = text,
#include "store/record.def"
};

static const char *const flags[] = {
#define FLAG(NAME, bit, doc) [bit] = #NAME,
#include "store/record.def"
};

static const char *const errs[] = {
	[STORE_OK] = "ok",
	[STORE_NOTFOUND] = "no such record",
	[STORE_CORRUPT] = "record is corrupt",
	[STORE_TOO_BIG] = "record is too big",
	[STORE_FULL] = "store is full",
	[STORE_POISONED] = "transaction has failed before",
	[STORE_FATAL] = "store has failed",
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const char *store_state_name(enum store_state state)
{
	return (unsigned)state < COUNT(states) ? states[state].name : "?";
}

const char *store_state_shown(enum store_state state)
{
	return (unsigned)state < COUNT(states) ? states[state].shown : "?";
}

int store_state_rank(enum store_state state)
{
	assert((unsigned)state < COUNT(states));
	return states[state].rank;
}

int store_state_fold(enum store_state state)
{
	assert((unsigned)state < COUNT(states));
	return states[state].fold;
}

const char *store_error_name(enum store_error error)
{
	if (error == STORE_ERROR_NONE)
		return "";
	return (unsigned)error < COUNT(errors) ? errors[error].name : "?";
}

const char *store_error_stage(enum store_error error)
{
	return (unsigned)error < COUNT(errors) ? errors[error].stage : "?";
}

const char *store_ledger_kind_name(enum store_ledger_kind kind)
{
	return (unsigned)kind < COUNT(ledger_kinds) ? ledger_kinds[kind] : "?";
}

const char *store_flag_name(unsigned bit)
{
	return bit < COUNT(flags) ? flags[bit] : NULL;
}

const char *store_err_text(enum store_err err)
{
	return (unsigned)err < COUNT(errs) ? errs[err] : "?";
}

/* --- Members ---------------------------------------------------------------------------------- */

uint64_t store_row_number(const struct store_row *row, const void *rec)
{
	const uint8_t *at = (const uint8_t *)rec + row->at;
	uint64_t u64 = 0;
	uint32_t u32;
	uint16_t u16;

	switch (row->type) {
	case ROW_U8:
		return *at;
	case ROW_U16:
		memcpy(&u16, at, sizeof(u16));
		return u16;
	case ROW_U32:
		memcpy(&u32, at, sizeof(u32));
		return u32;
	case ROW_U64:
	case ROW_I64:
	case ROW_T:
		memcpy(&u64, at, sizeof(u64));
		return u64;
	case ROW_OCTETS:
		break;
	}
	return 0;
}

void store_row_set(const struct store_row *row, void *rec, uint64_t number)
{
	uint8_t *at = (uint8_t *)rec + row->at;
	uint32_t u32 = (uint32_t)number;
	uint16_t u16 = (uint16_t)number;

	switch (row->type) {
	case ROW_U8:
		*at = (uint8_t)number;
		return;
	case ROW_U16:
		memcpy(at, &u16, sizeof(u16));
		return;
	case ROW_U32:
		memcpy(at, &u32, sizeof(u32));
		return;
	case ROW_U64:
	case ROW_I64:
	case ROW_T:
		memcpy(at, &number, sizeof(number));
		return;
	case ROW_OCTETS:
		return;
	}
}

/* The greatest number a member takes. */
static const uint64_t number_most[] = {
	[ROW_U8] = UINT8_MAX,	[ROW_U16] = UINT16_MAX, [ROW_U32] = UINT32_MAX,
	[ROW_U64] = UINT64_MAX, [ROW_I64] = UINT64_MAX, [ROW_T] = UINT64_MAX,
};

/* --- Keys ------------------------------------------------------------------------------------- */

static size_t key_width(const struct store_row *row)
{
	return row->type == ROW_U32 ? 4 : 8;
}

static void put_be(uint8_t *at, uint64_t number, size_t width)
{
	for (size_t i = 0; i < width; i++)
		at[i] = (uint8_t)(number >> 8 * (width - 1 - i));
}

static uint64_t get_be(const uint8_t *at, size_t width)
{
	uint64_t number = 0;

	for (size_t i = 0; i < width; i++)
		number = number << 8 | at[i];
	return number;
}

size_t store_key_encode(enum store_kind kind, const void *rec, uint8_t key[STORE_KEY_OCTETS])
{
	unsigned n;
	const struct store_row *rows = store_shape(kind)->rows(&n);
	size_t at = 0;

	for (const struct store_row *row = rows; row < rows + n && row->key; row++) {
		size_t width = key_width(row);

		put_be(key + at, store_row_number(row, rec), width);
		at += width;
	}
	return at;
}

size_t store_key_prefix_octets(enum store_kind kind, unsigned members)
{
	unsigned n;
	const struct store_row *rows = store_shape(kind)->rows(&n);
	size_t octets = 0;

	for (unsigned i = 0; i < n && i < members && rows[i].key; i++)
		octets += key_width(&rows[i]);
	return octets;
}

enum store_err store_key_decode(enum store_kind kind, const uint8_t *key, size_t key_n, void *rec)
{
	unsigned n;
	const struct store_row *rows = store_shape(kind)->rows(&n);

	if (key_n != store_key_prefix_octets(kind, n))
		return STORE_CORRUPT;
	for (const struct store_row *row = rows; row < rows + n && row->key; row++) {
		size_t width = key_width(row);

		store_row_set(row, rec, get_be(key, width));
		key += width;
	}
	return STORE_OK;
}

/* --- Values ----------------------------------------------------------------------------------- */

static uint64_t zigzag(uint64_t number)
{
	return number << 1 ^ (0 - (number >> 63));
}

static uint64_t unzigzag(uint64_t number)
{
	return number >> 1 ^ (0 - (number & 1));
}

static uint32_t seal(enum store_kind kind, const uint8_t *key, size_t key_n, const uint8_t *value,
		     size_t n)
{
	uint8_t kind_octet = (uint8_t)kind;
	uint32_t crc = store_crc32c(0, &kind_octet, 1);

	crc = store_crc32c(crc, key, key_n);
	return store_crc32c(crc, value, n);
}

struct writer {
	uint8_t *at;
	size_t n;
	size_t most;
	bool full;
};

static void write_octets(struct writer *w, const uint8_t *octets, size_t n)
{
	if (w->full || w->most - w->n < n) {
		w->full = true;
		return;
	}
	if (n > 0)
		memcpy(w->at + w->n, octets, n);
	w->n += n;
}

static void write_long(struct writer *w, uint64_t number)
{
	uint8_t octets[10];
	size_t n = 0;

	for (; number >= 0x80; number >>= 7)
		octets[n++] = (uint8_t)(number | 0x80);
	octets[n++] = (uint8_t)number;
	write_octets(w, octets, n);
}

/* Most numbers of most records are small. */
static inline void write_varint(struct writer *w, uint64_t number)
{
	if (number >= 0x80 || w->n >= w->most)
		write_long(w, number);
	else
		w->at[w->n++] = (uint8_t)number;
}

/* `last_ms` is the last T that was set, which the next is told by its distance from. */
static void write_member(struct writer *w, const struct store_row *row, const void *rec,
			 uint64_t *last_ms)
{
	uint64_t number = store_row_number(row, rec);
	struct store_octets octets;

	switch (row->type) {
	case ROW_U8:
	case ROW_U16:
	case ROW_U32:
	case ROW_U64:
		write_varint(w, number);
		return;
	case ROW_I64:
		write_varint(w, zigzag(number));
		return;
	case ROW_T:
		if (number == 0) {
			write_varint(w, 0);
			return;
		}
		w->full |= number > T_MOST;
		write_varint(w, zigzag(number - *last_ms) + 1);
		*last_ms = number;
		return;
	case ROW_OCTETS:
		memcpy(&octets, (const uint8_t *)rec + row->at, sizeof(octets));
		if (octets.n > row->most) {
			w->full = true;
			return;
		}
		write_varint(w, octets.n);
		write_octets(w, octets.at, octets.n);
		return;
	}
}

/* How long the value is to be on disk when its members take `need` octets. */
static size_t padded(const struct store_shape *shape, size_t need, size_t old_n, size_t most)
{
	size_t n = need;

	if (old_n == 0)
		n += shape->slack;
	else if (need > old_n && shape->reserve + shape->slack > 0)
		n = (need + GROW_OCTETS - 1) / GROW_OCTETS * GROW_OCTETS;
	if (n < shape->reserve)
		n = shape->reserve;
	if (n < old_n && shape->reserve + shape->slack > 0)
		n = old_n;
	return n < most ? n : most;
}

enum store_err store_value_encode(enum store_kind kind, const void *rec, size_t old_n,
				  uint8_t value[STORE_VALUE_OCTETS], size_t *value_n)
{
	const struct store_shape *shape = store_shape(kind);
	unsigned n;
	const struct store_row *rows = shape->rows(&n);
	uint8_t key[STORE_KEY_OCTETS];
	size_t key_n = store_key_encode(kind, rec, key);
	size_t most = STORE_PAIR_OCTETS - key_n;
	struct writer w = { .at = value, .most = most - CRC_OCTETS };
	uint64_t last_ms = 0;

	write_octets(&w, &shape->version, 1);
	for (unsigned i = 0; i < n; i++) {
		if (!rows[i].key)
			write_member(&w, &rows[i], rec, &last_ms);
	}
	if (w.full)
		return STORE_TOO_BIG;
	*value_n = padded(shape, w.n + CRC_OCTETS, old_n, most);
	size_t body = *value_n - CRC_OCTETS;

	memset(value + w.n, 0, body - w.n);
	put_be(value + body, seal(kind, key, key_n, value, body), CRC_OCTETS);
	return STORE_OK;
}

struct reader {
	const uint8_t *at;
	size_t n;
	uint8_t *raw; /* where octets go */
	bool bad;
};

/* Where the value ends the number is 0: a member that was added later. */
static uint64_t read_long(struct reader *r)
{
	uint64_t number = 0;
	unsigned shift = 0;

	while (r->n > 0) {
		uint8_t octet = *r->at++;

		r->n--;
		if (shift == 63 && octet > 1)
			break;
		number |= (uint64_t)(octet & 0x7f) << shift;
		if (octet < 0x80) {
			r->bad |= octet == 0 && shift > 0;
			return number;
		}
		shift += 7;
		if (shift > 63)
			break;
	}
	r->bad |= shift > 0 || r->n > 0;
	return 0;
}

static inline uint64_t read_varint(struct reader *r)
{
	if (r->n == 0 || *r->at >= 0x80)
		return read_long(r);
	r->n--;
	return *r->at++;
}

static void read_octets(struct reader *r, const struct store_row *row, void *rec)
{
	struct store_octets octets = { .at = r->raw };
	uint64_t n = read_varint(r);

	if (n > row->most || n > r->n) {
		r->bad = true;
		return;
	}
	octets.n = (uint32_t)n;
	memcpy(r->raw, r->at, octets.n);
	memcpy((uint8_t *)rec + row->at, &octets, sizeof(octets));
	r->raw += octets.n;
	r->at += octets.n;
	r->n -= octets.n;
}

static void read_member(struct reader *r, const struct store_row *row, void *rec, uint64_t *last_ms)
{
	if (row->type == ROW_OCTETS) {
		read_octets(r, row, rec);
		return;
	}
	uint64_t number = read_varint(r);

	if (row->type == ROW_I64) {
		number = unzigzag(number);
	} else if (row->type == ROW_T && number > 0) {
		number = *last_ms + unzigzag(number - 1);
		*last_ms = number;
	}
	r->bad |= number > number_most[row->type];
	store_row_set(row, rec, number);
}

enum store_err store_value_decode(enum store_kind kind, const uint8_t *key, size_t key_n,
				  const uint8_t *value, size_t value_n, void *rec)
{
	const struct store_shape *shape = store_shape(kind);
	unsigned n;
	const struct store_row *rows = shape->rows(&n);
	uint64_t last_ms = 0;

	if (store_key_decode(kind, key, key_n, rec) || value_n < 1 + CRC_OCTETS ||
	    value_n > STORE_PAIR_OCTETS - key_n)
		return STORE_CORRUPT;
	size_t body = value_n - CRC_OCTETS;

	if (get_be(value + body, CRC_OCTETS) != seal(kind, key, key_n, value, body) ||
	    value[0] != shape->version)
		return STORE_CORRUPT;
	struct reader r = { .at = value + 1, .n = body - 1, .raw = (uint8_t *)rec + shape->raw_at };

	for (unsigned i = 0; i < n; i++) {
		if (!rows[i].key)
			read_member(&r, &rows[i], rec, &last_ms);
	}
	for (; r.n > 0; r.n--)
		r.bad |= *r.at++ != 0;
	return r.bad ? STORE_CORRUPT : STORE_OK;
}
