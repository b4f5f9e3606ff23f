/*
 * The tap: copies of PDUs for whoever watches a link, as they pass, also under TLS. Bounded: a
 * reader that is too slow loses PDUs, which are counted and told to it; the engine never waits.
 * Without readers it costs one comparison and no memory; with readers that all are a whole ring
 * behind, no more than counting.
 *
 *	tap_octets ──► ring of records, passwords masked ──► tap_reader_next, the rest masked
 *	                                                     one cursor for each reader
 *
 * When the ring is full of what even the quickest reader has not read, what passes is dropped until
 * that reader has read half of it. A slower reader is overtaken.
 *
 * It is not a log: nothing that passed before the first reader came, or while there was none, is
 * kept. Not here: HTTP and JSON (core/tap_stream.h), what may be masked (smpp/mask.h).
 */
#ifndef CORE_TAP_H
#define CORE_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link;
struct tap;
struct tap_reader;

enum {
	TAP_READERS = 8,	   /* at one time */
	TAP_RECORDS = 32768,	   /* that are kept for readers */
	TAP_OCTETS = 8u << 20,	   /* of all PDUs that are kept */
	TAP_PDU_OCTETS = 1u << 20, /* of a longer one only the header is kept */
	TAP_LINK_OCTETS = 80,	   /* of a link's name, with its NUL */
	TAP_NOTE_OCTETS = 256,	   /* of a note, with its NUL; a longer one is cut */
	/* In each such time readers may take a part of the engine's time, one in so many: */
	TAP_PERIOD_US = 20000,
	TAP_BUSY_SHARE = 128, /* after one in which it worked for half of it */
	TAP_IDLE_SHARE = 4,   /* after so many in which it did not: */
	TAP_IDLE_PERIODS = 16,
};

enum tap_direction {
	TAP_IN,	 /* from the carrier */
	TAP_OUT, /* to the carrier */
};

struct tap *tap_new(void);
/* After its readers; NULL is allowed. */
void tap_free(struct tap *tap);

/*
 * Whole PDUs in a row, of a link, at a wall clock time. NULL is a tap that nobody can read. Octets
 * that are no PDU are one record, of which the first 16 octets are kept.
 */
void tap_octets(struct tap *tap, const struct link *link, enum tap_direction direction,
		int64_t at_ms, const uint8_t *octets, size_t n);

/* Is there anybody who reads the link? */
bool tap_wants(const struct tap *tap, const struct link *link);

/*
 * What the daemon does about a link, or about the message of a tag (0: of none), between the PDUs: one
 * line of words, without texts or numbers of people. It costs nothing when nobody reads the link.
 */
__attribute__((format(printf, 5, 6))) void tap_note(struct tap *tap, const struct link *link,
						    int64_t at_ms, uint64_t tag, const char *format,
						    ...);

/*
 * Where the PDU stands that was kept by the last call of tap_octets, 0 if none was; and later, when
 * it is known, whose it is: `tag` as in struct tap_record. Of PDUs of our own requests and their
 * answers the tap knows it by itself.
 */
uint64_t tap_last(const struct tap *tap);
void tap_tell(struct tap *tap, uint64_t place, uint64_t tag);

/* ---- readers ---- */

struct tap_want {
	/* A link ("provider/link") or a provider, whose links are all meant; NULL or "": all. */
	const char *link;
	bool text;    /* texts as they are; the caller may see them */
	bool numbers; /* the same of numbers */
};

struct tap_record {
	/* From 1, of all links that anybody reads; also counts what this reader does not get. */
	uint64_t seq;
	int64_t at_ms;
	uint64_t session; /* durable; 0: of a note, while its link was connecting */
	uint64_t dropped; /* PDUs that this reader was too slow for, since the record before */
	const char *link;
	const uint8_t *octets; /* NULL: no PDU, only `dropped` and `seq` are told */
	uint32_t n;
	bool note; /* the octets are words, not a PDU; its seq is that of the PDU before it */
	uint64_t
		tag; /* of the request that it is or answers, or of a receipt's segment; 0: not known */
	enum tap_direction direction;
};

/*
 * Gets what passes from now on. NULL: TAP_READERS are there, or without memory. *want is copied;
 * a link that does not exist is one on which nothing passes.
 */
struct tap_reader *tap_reader_new(struct tap *tap, const struct tap_want *want);
void tap_reader_free(struct tap_reader *reader);

/*
 * The next record, or how many were dropped behind the last; false: none waits. Pointers in it live until the next call for this reader or
 * the next tap_octets. Passwords are never in it, texts and numbers only if they were asked for.
 */
bool tap_reader_next(struct tap_reader *reader, struct tap_record *record);

/*
 * How much longer readers may be served, all together, at now_us of a clock by which the engine has
 * worked for busy_us since it began; 0: not before tap_resume_us. The one who serves tells what it
 * took.
 */
int64_t tap_allowance_us(struct tap *tap, int64_t now_us, uint64_t busy_us);
void tap_took(struct tap *tap, int64_t took_us);
int64_t tap_resume_us(const struct tap *tap);

/* Since the daemon began: PDUs that somebody wanted, and of these what nobody could be given. */
struct tap_counts {
	uint64_t passed;
	uint64_t dropped;
	int64_t took_us; /* of the engine's time, by readers */
	size_t octets;	 /* of memory; now */
};
void tap_counts(const struct tap *tap, struct tap_counts *counts);

#endif
