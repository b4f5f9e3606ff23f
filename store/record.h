/*
 * Records: the structs of record.def and their form on disk. No storage here and no policy: a
 * record goes in, octets come out, and back. Used by store.c, by core for the structs, and by
 * whatever prints records.
 *
 *   key    each KEY member big-endian, fixed width, so that keys sort as their numbers do
 *   value  [version u8][members][zero padding][crc32c of kind, key and value, u32 big-endian]
 *
 * The checksum covers kind and key, so a value that turns up under another key is corrupt.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * The longest key, and the longest value under the shortest key: key and value together stay at or
 * under STORE_PAIR_OCTETS, so that two pairs fit a page and no value needs a page of its own.
 */
/* In a due_route: the orders of the sandbox on that route wait in a queue of their own. */
#define STORE_LANE_SANDBOX 0x80000000u

#define STORE_KEY_OCTETS   28
#define STORE_PAIR_OCTETS  2030
#define STORE_VALUE_OCTETS (STORE_PAIR_OCTETS - 4)

enum store_err {
	STORE_OK,
	STORE_NOTFOUND, /* no such record */
	STORE_CORRUPT,	/* the record's checksum, version or form is wrong; nothing was decoded */
	STORE_TOO_BIG, /* a member is longer than its row allows, or the value than a value may be */
	STORE_FULL,    /* no room in the map, on the disk or in memory; only abort is left */
	STORE_POISONED, /* an earlier put of this transaction failed; it can only be aborted */
	STORE_FATAL,	/* the store does not know what is on disk: let nothing out and exit */
};

enum store_kind {
#define RECORD(NAME, name, version, reserve, slack, doc) STORE_KIND_##NAME,
#include "store/record.def"
	STORE_KINDS,
};

enum store_state {
#define STATE(NAME, number, rank, fold, shown) STORE_STATE_##NAME = number,
#include "store/record.def"
	STORE_STATES,
};

enum store_error {
#define ERROR(NAME, number, stage) STORE_ERROR_##NAME = number,
#include "store/record.def"
	STORE_ERRORS,
};

enum store_ledger_kind {
#define LEDGER(NAME, number, text) STORE_LEDGER_##NAME = number,
#include "store/record.def"
	STORE_LEDGER_KINDS,
};

enum store_flag {
#define FLAG(NAME, bit, doc) STORE_FLAG_##NAME = 1 << (bit),
#include "store/record.def"
};

enum store_counter {
#define COUNTER(NAME, name, doc) STORE_NEXT_##NAME,
#include "store/record.def"
	STORE_COUNTERS,
};

/*
 * Octets of a record. As input they are the caller's and need live only as long as the call; as
 * output they lie in the `raw` of the same struct and live until that struct is read into again.
 * A copy of the struct therefore still points into the original.
 */
struct store_octets {
	const uint8_t *at;
	uint32_t n;
};

/* A text without its NUL, which it points to; and whether octets are exactly such a text. */
static inline struct store_octets store_octets_of(const char *text)
{
	return (struct store_octets){ (const uint8_t *)text, (uint32_t)strlen(text) };
}
static inline bool store_octets_are(struct store_octets octets, const char *text)
{
	return octets.n == strlen(text) && (!octets.n || !memcmp(octets.at, text, octets.n));
}

typedef uint8_t store_c_U8;
typedef uint16_t store_c_U16;
typedef uint32_t store_c_U32;
typedef uint64_t store_c_U64;
typedef int64_t store_c_I64;
typedef uint64_t store_c_T;

/* The members of a segment: of segment 0 in its message, of the others in struct store_segment. */
struct store_seg {
#define STORE_SEG_NUMBER(type, name, show, doc) store_c_##type name;
#define STORE_SEG_OCTETS(name, most, show, doc) struct store_octets name;
	STORE_SEGMENT_ROWS(STORE_SEG_NUMBER, STORE_SEG_OCTETS)
#undef STORE_SEG_NUMBER
#undef STORE_SEG_OCTETS
};

/* Room for all octets of a record of each kind: STORE_RAW_order and so on. */
enum store_raw {
#define STORE_NO_OCTETS(...)
#define STORE_ADD_OCTETS(name, most, show, doc)		 +(most)
#define RECORD(NAME, name, version, reserve, slack, doc) STORE_RAW_##name = 1
#define OCTETS(name, most, show, doc)			 +(most)
#define SEGMENT()					 STORE_SEGMENT_ROWS(STORE_NO_OCTETS, STORE_ADD_OCTETS)
#define END(NAME, name)					 ,
#include "store/record.def"
#undef STORE_NO_OCTETS
#undef STORE_ADD_OCTETS
};

/* struct store_order, struct store_message and all the others, members in the order of the rows. */
#define RECORD(NAME, name, version, reserve, slack, doc) struct store_##name {
#define KEY(type, name, doc)				 store_c_##type name;
#define NUMBER(type, name, show, doc)			 store_c_##type name;
#define OCTETS(name, most, show, doc)			 struct store_octets name;
#define SEGMENT()					 struct store_seg seg;
#define END(NAME, name)                \
	uint8_t raw[STORE_RAW_##name]; \
	}                              \
	;
#include "store/record.def"

/* --- What rows say ---------------------------------------------------------------------------- */

const char *store_kind_name(enum store_kind kind); /* "order" */
unsigned store_key_members(enum store_kind kind);  /* number of KEY rows */
const char *store_err_text(enum store_err err);	   /* "store is full" */

const char *store_state_name(enum store_state state);  /* "IN_DOUBT" */
const char *store_state_shown(enum store_state state); /* "UNKNOWN": what clients see */
int store_state_rank(enum store_state state);	       /* 0..3; ranks of a segment never fall */
int store_state_fold(enum store_state state); /* the lowest of its segments is a message's */
const char *store_error_name(enum store_error error);		 /* "NO_RECEIPT"; "" for NONE */
const char *store_error_stage(enum store_error error);		 /* "receipt" */
const char *store_ledger_kind_name(enum store_ledger_kind kind); /* "debit" */
const char *store_flag_name(unsigned bit); /* "ON_TIME" for 3; NULL past the last */

/* --- Records and octets ----------------------------------------------------------------------- */

/* The record's key; its length is returned. */
size_t store_key_encode(enum store_kind kind, const void *rec, uint8_t key[STORE_KEY_OCTETS]);

/* Length of the first `members` members of a key. */
size_t store_key_prefix_octets(enum store_kind kind, unsigned members);

/* CORRUPT when n is not the length of this kind's keys. Sets the key members and nothing else. */
enum store_err store_key_decode(enum store_kind kind, const uint8_t *key, size_t n, void *rec);

/*
 * The record's value. old_n is the length of the value that stands on disk, 0 when there is none:
 * where a kind has reserve or slack a value never shrinks and grows in steps, so that most are
 * written in place.
 * TOO_BIG: a member is over its row's size, a T past 2^62, or the value over what a pair may be.
 */
enum store_err store_value_encode(enum store_kind kind, const void *rec, size_t old_n,
				  uint8_t value[STORE_VALUE_OCTETS], size_t *n);

/*
 * Checks the checksum against key and value, then sets every member, those of the key too; octets
 * are copied into rec's own raw. CORRUPT leaves rec undefined but its key members alone.
 */
enum store_err store_value_decode(enum store_kind kind, const uint8_t *key, size_t key_n,
				  const uint8_t *value, size_t n, void *rec);

/*
 * One line of JSON without the newline: {"kind":"order","order":7,...}. Members that are zero or
 * empty are left out, texts are their length, numbers of telephones their last three digits unless
 * `unmasked`; secrets never show. Cut at cap - 1 and always terminated; the length it would need
 * is returned.
 */
size_t store_dump(enum store_kind kind, const void *rec, bool unmasked, char *out, size_t cap);

/* --- The members of a release ----------------------------------------------------------------- */

/*
 * A segment that a release carries. Members of one PDU stand together and share `pdu`, which
 * counts 0, 1, ... within the record. The record goes away when every member has its verdict:
 * its segment's `attempts` is `attempt` or more.
 */
struct store_member {
	uint64_t order;
	uint32_t index;
	uint32_t pdu;
	uint8_t segment;
	uint32_t attempt;
};

/* Packs members into octets of the caller's; about 4 octets each when orders and indexes run on. */
struct store_members {
	uint8_t *at;
	size_t cap;
	size_t n; /* octets used: the record's members are { at, n } */
	struct store_member last;
};

void store_members_init(struct store_members *members, uint8_t *at, size_t cap);

/* False when there is no room left: nothing was added. */
bool store_members_add(struct store_members *members, const struct store_member *member);

/* Walks packed members. After the last, next is false; `bad` tells that they were malformed. */
struct store_members_reader {
	const uint8_t *at;
	size_t n;
	struct store_member last;
	bool bad;
};

void store_members_read(struct store_members_reader *reader, struct store_octets members);
bool store_members_next(struct store_members_reader *reader, struct store_member *member);

#endif
