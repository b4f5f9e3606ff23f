/*
 * The bare LMDB that test/bench compares esmed with: what the disk and the B+tree cost when
 * nothing else is done. Not a store: no checksums, no indexes on disk, no meaning.
 *
 *   bench_lmdb loop FOLDER SECONDS           lifecycles a second, fsynced: three changes each
 *                                            (made, sent, delivered), 1,000 changes a commit,
 *                                            ids in memory, receipts drawn from 100,000 waiting
 *   bench_lmdb put FOLDER COUNT INTERVAL_US  how long a commit of one put takes, one at a time
 *
 * FOLDER must exist; bare.mdb in it is made anew and removed. One line of JSON on standard output.
 */
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define WAITING	       100000u
#define CHANGES	       1000u
#define SLOTS	       (1u << 18) /* of the index: a power of two, at least twice WAITING */
#define KEY_OCTETS     12
#define RECORD_OCTETS  128
#define ORDER_MESSAGES 1000u
#define MAP_OCTETS     (8ull << 30)
#define WARM_UP	       20 /* commits that are not counted */

struct slot {
	uint64_t id; /* 0: free */
	uint64_t message;
};

struct bare {
	MDB_env *env;
	MDB_dbi dbi;
	MDB_txn *txn;
	char path[4096];
	uint64_t chance;
	uint64_t made; /* messages so far; the newest CHANGES of them wait for their answer */
	uint64_t sent; /* of these, those with an id */
	uint64_t done;
	uint64_t waiting[WAITING + CHANGES]; /* ids */
	size_t n_waiting;
	struct slot slots[SLOTS];
};

static void must(int rc, const char *what)
{
	if (!rc)
		return;
	fprintf(stderr, "bench_lmdb: %s: %s\n", what, mdb_strerror(rc));
	exit(1);
}

static uint64_t now_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t draw(struct bare *bare)
{
	bare->chance ^= bare->chance << 13;
	bare->chance ^= bare->chance >> 7;
	bare->chance ^= bare->chance << 17;
	return bare->chance;
}

static void open_bare(struct bare *bare, const char *folder)
{
	bare->chance = 88172645463325252ull;
	snprintf(bare->path, sizeof(bare->path), "%s/bare.mdb", folder);
	unlink(bare->path);
	must(mdb_env_create(&bare->env), "create");
	must(mdb_env_set_mapsize(bare->env, MAP_OCTETS), "map size");
	must(mdb_env_open(bare->env, bare->path, MDB_NOSUBDIR | MDB_NOLOCK, 0600), bare->path);
	must(mdb_txn_begin(bare->env, NULL, 0, &bare->txn), "begin");
	must(mdb_dbi_open(bare->txn, NULL, 0, &bare->dbi), "open");
	must(mdb_txn_commit(bare->txn), "commit");
}

static void close_bare(struct bare *bare)
{
	mdb_env_close(bare->env);
	unlink(bare->path);
}

/* --- Records ---------------------------------------------------------------------------------- */

static MDB_val key_of(uint64_t message, uint8_t key[KEY_OCTETS])
{
	uint64_t order = message / ORDER_MESSAGES, index = message % ORDER_MESSAGES;

	for (unsigned i = 0; i < 8; i++)
		key[i] = (uint8_t)(order >> (56 - 8 * i));
	for (unsigned i = 0; i < 4; i++)
		key[8 + i] = (uint8_t)(index >> (24 - 8 * i));
	return (MDB_val){ KEY_OCTETS, key };
}

static void put(struct bare *bare, uint64_t message, uint8_t record[RECORD_OCTETS])
{
	uint8_t octets[KEY_OCTETS];
	MDB_val key = key_of(message, octets), value = { RECORD_OCTETS, record };

	must(mdb_put(bare->txn, bare->dbi, &key, &value, 0), "put");
}

/* Reads a record, changes its state and what goes with it, writes it back. */
static void change(struct bare *bare, uint64_t message, uint8_t state, uint64_t id)
{
	uint8_t octets[KEY_OCTETS], record[RECORD_OCTETS];
	MDB_val key = key_of(message, octets), value;

	must(mdb_get(bare->txn, bare->dbi, &key, &value), "get");
	memcpy(record, value.mv_data, RECORD_OCTETS);
	record[0] = state;
	memcpy(record + 8 * state, &id, sizeof(id));
	put(bare, message, record);
}

/* --- The index in memory ---------------------------------------------------------------------- */

static size_t slot_of(const struct bare *bare, uint64_t id)
{
	size_t at = id & (SLOTS - 1);

	while (bare->slots[at].id && bare->slots[at].id != id)
		at = (at + 1) & (SLOTS - 1);
	return at;
}

static uint64_t take_id(struct bare *bare, uint64_t id)
{
	size_t hole = slot_of(bare, id), at = hole;
	uint64_t message = bare->slots[hole].message;

	for (;;) {
		at = (at + 1) & (SLOTS - 1);
		if (!bare->slots[at].id)
			break;
		size_t home = bare->slots[at].id & (SLOTS - 1);
		if (((at - home) & (SLOTS - 1)) < ((at - hole) & (SLOTS - 1)))
			continue;
		bare->slots[hole] = bare->slots[at];
		hole = at;
	}
	bare->slots[hole].id = 0;
	return message;
}

/* --- The loop --------------------------------------------------------------------------------- */

static void make(struct bare *bare)
{
	uint8_t record[RECORD_OCTETS] = { 0 };

	put(bare, bare->made++, record);
}

static void send_one(struct bare *bare)
{
	uint64_t id = draw(bare) | 1;
	uint64_t message = bare->sent++;

	change(bare, message, 1, id);
	bare->slots[slot_of(bare, id)] = (struct slot){ id, message };
	bare->waiting[bare->n_waiting++] = id;
}

static void deliver(struct bare *bare)
{
	size_t at = (size_t)(draw(bare) % bare->n_waiting);
	uint64_t id = bare->waiting[at];

	bare->waiting[at] = bare->waiting[--bare->n_waiting];
	change(bare, take_id(bare, id), 2, id);
	bare->done++;
}

static void commit_changes(struct bare *bare)
{
	must(mdb_txn_begin(bare->env, NULL, 0, &bare->txn), "begin");
	for (unsigned i = 0; i < CHANGES;) {
		if (bare->made < bare->sent + CHANGES)
			i++, make(bare);
		if (bare->n_waiting < WAITING)
			i++, send_one(bare);
		else
			i++, deliver(bare);
	}
	must(mdb_txn_commit(bare->txn), "commit");
}

static void loop(struct bare *bare, double seconds)
{
	while (bare->n_waiting < WAITING)
		commit_changes(bare);
	uint64_t done = bare->done, cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
	uint64_t from = now_us(CLOCK_MONOTONIC), until = from + (uint64_t)(seconds * 1e6), now;

	do {
		commit_changes(bare);
		now = now_us(CLOCK_MONOTONIC);
	} while (now < until);
	done = bare->done - done;
	printf("{\"lifecycles\": %llu, \"running_ms\": %llu, \"cpu_ms\": %llu, "
	       "\"lifecycles_per_s\": %.0f}\n",
	       (unsigned long long)done, (unsigned long long)(now - from) / 1000,
	       (unsigned long long)(now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1000,
	       (double)done * 1e6 / (double)(now - from));
}

/* --- One put ---------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void puts_alone(struct bare *bare, unsigned count, useconds_t interval_us)
{
	uint32_t *took_us = calloc(count, sizeof(*took_us));

	if (!took_us)
		must(MDB_PANIC, "memory");
	for (unsigned i = 0; i < count + WARM_UP; i++) {
		uint64_t from = now_us(CLOCK_MONOTONIC);
		must(mdb_txn_begin(bare->env, NULL, 0, &bare->txn), "begin");
		make(bare);
		must(mdb_txn_commit(bare->txn), "commit");
		if (i >= WARM_UP)
			took_us[i - WARM_UP] = (uint32_t)(now_us(CLOCK_MONOTONIC) - from);
		if (interval_us && i >= WARM_UP)
			usleep(interval_us);
	}
	qsort(took_us, count, sizeof(*took_us), compare);
	printf("{\"commits\": %u, \"p50_us\": %u, \"p99_us\": %u}\n", count, took_us[count / 2],
	       took_us[count - 1 - count / 100]);
	free(took_us);
}

int main(int argc, char **argv)
{
	static struct bare bare;

	if (argc == 4 && !strcmp(argv[1], "loop") && atof(argv[3]) > 0) {
		open_bare(&bare, argv[2]);
		loop(&bare, atof(argv[3]));
	} else if (argc == 5 && !strcmp(argv[1], "put") && atoi(argv[3]) > 0) {
		open_bare(&bare, argv[2]);
		puts_alone(&bare, (unsigned)atoi(argv[3]), (useconds_t)atoi(argv[4]));
	} else {
		fprintf(stderr, "usage: bench_lmdb loop FOLDER SECONDS\n"
				"       bench_lmdb put FOLDER COUNT INTERVAL_US\n");
		return 2;
	}
	close_bare(&bare);
	return 0;
}
