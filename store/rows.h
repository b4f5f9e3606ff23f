/*
 * The rows of record.def as tables, for what walks them: record.c (codec), dump.c (printing) and
 * their tests; and the union of all records, for the rest of this folder. Not for core.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "store/record.h"

enum row_type {
	ROW_U8,
	ROW_U16,
	ROW_U32,
	ROW_U64,
	ROW_I64,
	ROW_T,
	ROW_OCTETS
};

enum row_show {
	SHOW_PLAIN,
	SHOW_HEX,
	SHOW_TEXT,
	SHOW_DIGITS,
	SHOW_SECRET,
	SHOW_STATE,
	SHOW_ERROR,
	SHOW_LEDGER,
	SHOW_FLAGS,
};

struct store_row {
	const char *name;
	uint16_t at;   /* offset in the struct */
	uint16_t most; /* OCTETS: how many at most */
	enum row_type type;
	enum row_show show;
	bool key;
};

/* What RECORD and END say of a kind. */
struct store_shape {
	const char *name;
	const struct store_row *(*rows)(unsigned *n);
	uint16_t raw_at; /* offset of raw */
	uint16_t reserve;
	uint16_t slack;
	uint8_t version;
};

const struct store_shape *store_shape(enum store_kind kind);

/* Any record, for where its kind is known at run time only. */
union store_any {
#define RECORD(NAME, name, version, reserve, slack, doc) struct store_##name name;
#include "store/record.def"
};

/*
 * Of a local record or value on the way of every put: two thousand octets that the compiler is not
 * to fill (-ftrivial-auto-var-init), for who writes it sets all that is read.
 */
#define STORE_SCRATCH __attribute__((uninitialized))

/* The number in a NUMBER or KEY member, an I64 as its two's complement. */
uint64_t store_row_number(const struct store_row *row, const void *rec);
void store_row_set(const struct store_row *row, void *rec, uint64_t number);

#endif
