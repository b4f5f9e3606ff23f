/*
 * The store: every record of record.def in one LMDB environment, written in transactions that are
 * on disk when commit returns. It knows keys, checksums, indexes and numbers; it knows nothing of
 * what the records mean. Used by core/engine.c, which alone writes, and by the offline checker.
 *
 *   FOLDER/data.mdb     the environment; its size is fixed and allocated when it is made
 *   FOLDER/lock.mdb     LMDB's own; nobody else opens it
 *   FOLDER/daemon.lock  flock for life, with the pid of the process that holds it
 *   FOLDER/hw           how far the store had come, so that an older copy put back is noticed
 *
 * One named database per kind, keys as record.h draws them. Indexes (account_name, open_order,
 * returned, orphan_id, orphan_tail, doubt, inbound_hash) are functions of their record: put and
 * del move them, nobody else.
 *
 * Reads copy out: nothing that a call returns lies in the map. One thread owns a store.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/record.h"
#include "store/siphash.h"

/* Version of the form on disk; a store of a higher one is refused. */
#define STORE_SCHEMA 2

#define STORE_SIZE_LEAST_OCTETS (8u << 20)
#define STORE_ERR_OCTETS	512

struct store;
struct store_txn;

/* --- Opening ---------------------------------------------------------------------------------- */

enum store_open {
	STORE_OPEN_OK,
	STORE_OPEN_LOCKED,	/* another process holds it; the text names its pid */
	STORE_OPEN_MISSING,	/* nothing there, and create was not asked for */
	STORE_OPEN_NOT_A_STORE, /* there is something else there */
	STORE_OPEN_DAMAGED,	/* truncated, torn, or a record that must be there is corrupt */
	STORE_OPEN_TORN,	/* LMDB took a meta page that the records contradict */
	STORE_OPEN_ROLLED_BACK, /* older than hw says: a copy was put back */
	STORE_OPEN_TOO_NEW,	/* written by a later schema */
	STORE_OPEN_NO_SPACE,	/* the disk has no room for size_octets */
	STORE_OPEN_BAD_PLACE,	/* NFS, CIFS, 9p, FUSE; a parent that others may write; not ours */
	STORE_OPEN_FAILED,	/* a system call failed; the text says which */
};

/* What a commit is made to do, for tests and for the simulation. */
enum store_fault {
	STORE_FAULT_NONE,
	STORE_FAULT_FULL,   /* not written, FULL is returned */
	STORE_FAULT_LOST,   /* not written, FATAL is returned */
	STORE_FAULT_HIDDEN, /* written, FATAL is returned all the same */
};

typedef enum store_fault store_fault_fn(void *arg);

struct store_options {
	uint64_t size_octets;  /* of the map; 0: as it is. It grows a store, never shrinks it */
	bool create;	       /* make folder and store if there is none */
	bool accept_older;     /* ROLLED_BACK and TORN still open the store, see store_open */
	uint8_t seed[24];      /* random octets, used when a store is made */
	uint64_t now_ms;       /* wall clock, for created_ms */
	bool no_sync;	       /* tests and simulation only: nothing is durable */
	bool no_child;	       /* tests and simulation only: do without the verifying child */
	store_fault_fn *fault; /* tests and simulation only: asked before each commit */
	void *fault_arg;
};

/*
 * Opens or makes the store in the folder `path`. Before this process maps the file, a child opens
 * it and walks what recovery needs, so that a truncated file is a message and not SIGBUS; call
 * this while there is one thread. On OK *out is the store. On ROLLED_BACK and TORN with
 * accept_older *out is set too, and the incarnation is one higher: the caller must treat what was
 * queued or submitted as in doubt. On everything else *out is NULL and `err` one sentence.
 */
enum store_open store_open(const char *path, const struct store_options *options,
			   struct store **out, char err[STORE_ERR_OCTETS]);

/* Ends an open transaction by aborting it, writes hw, lets go of everything. NULL is allowed. */
void store_close(struct store *store);

struct store_info {
	uint64_t store_id;
	uint32_t incarnation;
	uint32_t schema;
	uint64_t created_ms;
	uint64_t last_txn;    /* last committed transaction */
	uint64_t size_octets; /* of the map */
	bool unproven;	      /* overlay or tmpfs: durability is what that filesystem makes of it */
	uint64_t ids;	      /* entries of the provider-id look-up, awaiting and closed */
	uint64_t ids_memory_octets;
	unsigned id_runs;
};

void store_info(const struct store *store, struct store_info *info);

/* Writes hw. To be called about once a second while there are commits; closing does it too. */
void store_mark(struct store *store);

/* Pages in use of 1,000; as of the last commit. Refuse intents at 800: deletes need pages too. */
unsigned store_used_permille(struct store *store);

/* Pages in use, free ones not counted, as octets. */
uint64_t store_used_octets(struct store *store);

/* --- Transactions ----------------------------------------------------------------------------- */

/*
 * The one write transaction. A put or del that fails with FULL or FATAL poisons it: every later
 * call on it returns POISONED, and only abort is left. TOO_BIG, NOTFOUND and CORRUPT do not.
 * The txn is the store's and gone after commit or abort, whatever these return.
 */
enum store_err store_begin(struct store *store, struct store_txn **txn);

/*
 * OK: it is on disk. FULL: nothing of it is, go on. FATAL: nobody knows; let nothing out and exit.
 * POISONED: it was, and has been aborted. A transaction without a change touches no disk.
 */
enum store_err store_commit(struct store_txn *txn);
/* Something was written in it: its commit will change the file. */
bool store_changed(const struct store_txn *txn);
void store_abort(struct store_txn *txn);

/*
 * A snapshot for reading beside the write transaction. Never kept across turns: an old reader
 * keeps pages from being used again. put and del fail with POISONED on it. End it before closing.
 */
enum store_err store_read_begin(struct store *store, struct store_txn **txn);
void store_read_end(struct store_txn *txn);

/* The next number of a counter, from 1. A transaction that is aborted gives its numbers back. */
uint64_t store_next(struct store_txn *txn, enum store_counter counter);
/* The number that it gave last; 0: none yet. */
uint64_t store_last(const struct store_txn *txn, enum store_counter counter);

/* --- Records ---------------------------------------------------------------------------------- */

/*
 * Each has a typed form below: store_order_get(txn, &order). The caller sets the key members.
 * get, seek, next and prev fill the whole struct; on NOTFOUND they leave it as it was.
 *   get      the record of that key
 *   seek     the first with that key or a higher one
 *   next     the first with a higher key (store_step)
 *   prev     the last with a lower key (store_back)
 * The first `prefix` key members must stay what they are, else NOTFOUND; 0 walks the whole kind.
 * The last of a prefix is prev from the highest numbers. A corrupt record ends a walk with
 * CORRUPT, its key members set, so that next goes on behind it.
 *   put      writes it, new or over the old one, and its indexes
 *   del      deletes it and its indexes; NOTFOUND when there is none
 */
enum store_err store_get(struct store_txn *txn, enum store_kind kind, void *rec);
enum store_err store_seek(struct store_txn *txn, enum store_kind kind, void *rec, unsigned prefix);
enum store_err store_step(struct store_txn *txn, enum store_kind kind, void *rec, unsigned prefix);
enum store_err store_back(struct store_txn *txn, enum store_kind kind, void *rec, unsigned prefix);
enum store_err store_put(struct store_txn *txn, enum store_kind kind, const void *rec);
enum store_err store_del(struct store_txn *txn, enum store_kind kind, const void *rec);

/* Number of records of a kind. */
uint64_t store_count(struct store_txn *txn, enum store_kind kind);

#define RECORD(NAME, name, version, reserve, slack, doc)                                \
	static inline enum store_err store_##name##_get(struct store_txn *txn,          \
							struct store_##name *rec)       \
	{                                                                               \
		return store_get(txn, STORE_KIND_##NAME, rec);                          \
	}                                                                               \
	static inline enum store_err store_##name##_seek(                               \
		struct store_txn *txn, struct store_##name *rec, unsigned prefix)       \
	{                                                                               \
		return store_seek(txn, STORE_KIND_##NAME, rec, prefix);                 \
	}                                                                               \
	static inline enum store_err store_##name##_next(                               \
		struct store_txn *txn, struct store_##name *rec, unsigned prefix)       \
	{                                                                               \
		return store_step(txn, STORE_KIND_##NAME, rec, prefix);                 \
	}                                                                               \
	static inline enum store_err store_##name##_prev(                               \
		struct store_txn *txn, struct store_##name *rec, unsigned prefix)       \
	{                                                                               \
		return store_back(txn, STORE_KIND_##NAME, rec, prefix);                 \
	}                                                                               \
	static inline enum store_err store_##name##_put(struct store_txn *txn,          \
							const struct store_##name *rec) \
	{                                                                               \
		return store_put(txn, STORE_KIND_##NAME, rec);                          \
	}                                                                               \
	static inline enum store_err store_##name##_del(struct store_txn *txn,          \
							const struct store_##name *rec) \
	{                                                                               \
		return store_del(txn, STORE_KIND_##NAME, rec);                          \
	}
#include "store/record.def"

/* --- What clients see, counted ---------------------------------------------------------------- */

/* The statuses of the API, UNKNOWN apart by whether it is final. */
enum store_shown {
	STORE_SHOWN_QUEUED,
	STORE_SHOWN_SENT,
	STORE_SHOWN_DOUBTFUL, /* UNKNOWN, not final */
	STORE_SHOWN_UNKNOWN,
	STORE_SHOWN_DELIVERED,
	STORE_SHOWN_FAILED,
	STORE_SHOWN_EXPIRED,
	STORE_SHOWNS
};

enum store_shown store_message_shown(const struct store_message *message);
/* Messages of an order, or of a block of them, by enum store_shown. */
void store_order_shown(const struct store_order *order, uint32_t shown[STORE_SHOWNS]);
void store_block_shown(const struct store_block *block, uint32_t shown[STORE_SHOWNS]);

/* A block holds the orders whose numbers are equal but for so many bits at the end. */
#define STORE_BLOCK_BITS 10

/* Numbers are compared from their end: prefixes are written in several ways, or left out. */
#define STORE_TAIL_DIGITS 7
static inline uint32_t store_tail(uint64_t number)
{
	return (uint32_t)(number % 10000000);
}

/* Hash of a name, for a look-up in account_name: seek its hash with prefix 1 and compare names. */
uint64_t store_name_hash(const uint8_t *name, size_t n);

/* SipHash-2-4 under a secret that was drawn when the store was made and stays in it. */
uint64_t store_keyed_hash(const struct store *store, const void *octets, size_t n);

/* --- Provider ids ----------------------------------------------------------------------------- */

/*
 * Which segments a provider's message id may mean: many per id, found for as long as retention
 * keeps them, awaiting or final. What is found is a candidate and true only after comparing with
 * the record. Cost: memory of about 1.3 octets per id, twice that while a merge is under way,
 * beside a fixed few megabytes; disk of about 18 octets; and a look-up that grows with the
 * logarithm of the ids only (ids.c).
 */
struct store_ref {
	uint64_t order;	  /* below 2^40 */
	uint32_t index;	  /* below 2^16 */
	uint32_t segment; /* below 2^8 */
};

/* The keyed hash of an id in its canonical form, of one provider. Never 0. */
uint64_t store_ids_hash(const struct store *store, uint32_t provider, const uint8_t *id, size_t n);

/* Seen by finds of this transaction at once; gone again when it is aborted. */
enum store_err store_ids_add(struct store_txn *txn, uint64_t hash, const struct store_ref *ref,
			     uint64_t now_ms);

/*
 * All candidates, newest first, at most cap of them; *n tells how many there are, which may be
 * more than cap. OK with *n = 0 when there is none.
 */
enum store_err store_ids_find(struct store_txn *txn, uint64_t hash, struct store_ref *refs,
			      size_t cap, size_t *n);

/*
 * Retention: ids of which all in their run came before before_ms go away, at most `budget` records
 * per call. *more tells whether to call again.
 */
enum store_err store_ids_expire(struct store_txn *txn, uint64_t before_ms, unsigned budget,
				bool *more);

/* --- Reference numbers ------------------------------------------------------------------------ */

/*
 * The reference of one more long message from a source to a destination: the one behind the last
 * of this pair, so that none comes again before all the others have been used, 256 or 65,536 by
 * what its carrier takes of them (SMPP 3.4, 5.3.2.22; GSM 03.40, 9.2.3.24.1). `pair` is a
 * store_keyed_hash of the two. Gone again when the transaction is aborted. A pair is remembered
 * until 253,952 more have been drawn, its own and others'. Cost: eight octets on disk, appended;
 * at most 8 MiB of memory. FULL.
 */
enum store_err store_reference_draw(struct store_txn *txn, uint64_t pair, uint16_t *reference);

/* --- Checking --------------------------------------------------------------------------------- */

/*
 * Which provider ids the evidence of a segment of a message to that number names; `emit` is called
 * with the hash of each. msisdn is 0 for a segment that is a record of its own.
 */
typedef void store_id_emit_fn(void *to, uint64_t hash);
typedef void store_ids_of_fn(void *arg, const struct store_order *order,
			     const struct store_seg *seg, uint64_t msisdn, store_id_emit_fn *emit,
			     void *to);

struct store_check {
	/* One finding: kind, the record as store_dump shows it (masked), and what is wrong. */
	void (*finding)(void *arg, enum store_kind kind, const char *record, const char *what);
	/* About every 10,000 records: false stops the check. May be NULL. */
	bool (*progress)(void *arg, uint64_t done, uint64_t total);
	store_ids_of_fn *ids_of; /* NULL: that ids are found is not checked */
	void *arg;
	/* Results */
	uint64_t records[STORE_KINDS];
	uint64_t findings;
	bool stopped;
};

/*
 * Walks everything in one snapshot: every record decodes under its key; indexes and records agree
 * both ways; balances are the sums of their ledgers; orders and batches count what their messages
 * say, messages what their segments say; members of releases exist; ids are found. OK also when
 * there are findings; FATAL when reading itself failed.
 */
enum store_err store_check(struct store *store, struct store_check *check);

#endif
