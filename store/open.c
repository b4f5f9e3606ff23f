/*
 * Opening and closing a store: in which order what is believed. First the folder and its lock, then
 * the two meta pages as octets, then everything recovery needs in a child, and only then the map in
 * this process. store.c does what needs LMDB.
 */
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/check.h"
#include "store/inside.h"
#include "store/upgrade.h"

/* It makes the databases and frees no page; every later one frees those of the meta record. */
#define FIRST_TXN 1

static enum store_open no_memory(char *err)
{
	snprintf(err, STORE_ERR_OCTETS, "no memory");
	return STORE_OPEN_FAILED;
}

static void set_secret(struct store *store, const uint8_t secret[16])
{
	memcpy(store->secret, secret, sizeof(store->secret));
	store->meta.secret =
		(struct store_octets){ .at = store->secret, .n = sizeof(store->secret) };
}

/* The first transaction: every database, and the meta record. */
static enum store_open make_store(struct store *store, const struct store_options *options,
				  char *err)
{
	struct store_txn *txn;

	memcpy(&store->meta.store_id, options->seed, sizeof(store->meta.store_id));
	set_secret(store, options->seed + sizeof(store->meta.store_id));
	store->meta.schema = STORE_SCHEMA;
	store->meta.incarnation = 1;
	store->meta.created_ms = options->now_ms;
	if (store_begin(store, &txn))
		return no_memory(err);
	enum store_open code = store_env_make_tables(txn, err);

	if (code) {
		store_abort(txn);
		return code;
	}
	enum store_err bad = store_commit(txn);

	if (!bad)
		return store_place_sync(&store->place, err);
	snprintf(err, STORE_ERR_OCTETS, "cannot make the store: %s", store_err_text(bad));
	return bad == STORE_FULL ? STORE_OPEN_NO_SPACE : STORE_OPEN_FAILED;
}

/* Opens the databases of a store that exists, and believes nothing before the meta record fits. */
static enum store_open attach(struct store *store, char *err)
{
	struct store_txn *txn;
	enum store_open code = store_env_find_tables(store, err);

	if (code)
		return code;
	if (store_read_begin(store, &txn))
		return no_memory(err);
	enum store_err bad = store_meta_get(txn, &store->meta);

	store_read_end(txn);
	if (bad || store->meta.secret.n != sizeof(store->secret)) {
		snprintf(err, STORE_ERR_OCTETS, "the meta record cannot be read: %s",
			 store_err_text(bad ? bad : STORE_CORRUPT));
		return STORE_OPEN_DAMAGED;
	}
	set_secret(store, store->meta.secret.at);
	if (store->meta.schema > STORE_SCHEMA) {
		snprintf(err, STORE_ERR_OCTETS,
			 "the store has schema %" PRIu32 " and this program knows up to %d",
			 store->meta.schema, STORE_SCHEMA);
		return STORE_OPEN_TOO_NEW;
	}
	if (store->tables_missing && store->meta.schema == STORE_SCHEMA) {
		snprintf(err, STORE_ERR_OCTETS, "%u databases of the store are missing",
			 store->tables_missing);
		return STORE_OPEN_DAMAGED;
	}
	return STORE_OPEN_OK;
}

/*
 * Whether what LMDB's meta page names is of one transaction. A page that was torn while it was
 * written may name the new number with older records, and an older list of free pages with new
 * records, whose pages would then be written over.
 */
static enum store_open check_torn(const struct store *store, char *err)
{
	uint64_t self = store->meta.self_txn;
	uint64_t txn = store_env_last_txn(store);
	uint64_t freed = store_env_last_freed(store);

	if (freed != self && self > FIRST_TXN) {
		snprintf(err, STORE_ERR_OCTETS,
			 "a meta page is torn: the records are of transaction %" PRIu64
			 ", the list of free pages is not",
			 self);
		return STORE_OPEN_DAMAGED;
	}
	if (self == txn)
		return STORE_OPEN_OK;
	snprintf(err, STORE_ERR_OCTETS,
		 "a meta page is torn: it names transaction %" PRIu64
		 ", the records are of %" PRIu64 "; committed work was lost",
		 txn, self);
	return STORE_OPEN_TORN;
}

/* Whether the meta page and hw agree with the records. */
static enum store_open compare(const struct store *store, char *err)
{
	const struct store_meta *meta = &store->meta;
	uint64_t txn = store_env_last_txn(store);
	struct store_hw hw;
	enum store_open code = check_torn(store, err);

	if (code)
		return code;
	if (!store_place_hw_read(&store->place, &hw))
		return STORE_OPEN_OK;
	if (hw.store_id == meta->store_id && hw.incarnation <= meta->incarnation &&
	    (hw.incarnation < meta->incarnation || hw.txn <= txn))
		return STORE_OPEN_OK;
	snprintf(err, STORE_ERR_OCTETS,
		 "the store is older than it was: transaction %" PRIu64 " of incarnation %" PRIu32
		 ", and hw names %" PRIu64 " of %" PRIu32 "%s; a copy was put back",
		 txn, meta->incarnation, hw.txn, hw.incarnation,
		 hw.store_id == meta->store_id ? "" : " of another store");
	return STORE_OPEN_ROLLED_BACK;
}

/* What is kept in memory: the look-up of provider ids, and the references drawn last. */
static enum store_open load(struct store *store, char *err)
{
	struct store_txn *txn;

	if (store_read_begin(store, &txn))
		return no_memory(err);
	const char *what = "provider ids";
	enum store_err bad = store_ids_load(txn, &store->ids);

	if (!bad) {
		what = "reference numbers";
		bad = store_references_load(txn, &store->references);
	}
	store_read_end(txn);
	if (!bad)
		return STORE_OPEN_OK;
	snprintf(err, STORE_ERR_OCTETS, "the %s cannot be read: %s", what, store_err_text(bad));
	return bad == STORE_FULL ? STORE_OPEN_FAILED : STORE_OPEN_DAMAGED;
}

/* What the verifying child does, in a process of its own because a bad page can end it. */
static enum store_open verify(void *arg, char err[STORE_ERR_OCTETS])
{
	struct store *store = arg;
	struct store_txn *txn;
	enum store_open code = store_env_open(store, true, false, err);

	if (!code)
		code = attach(store, err);
	if (!code)
		code = check_torn(store, err); /* before what the records say is walked */
	if (!code)
		code = load(store, err);
	if (!code && store_read_begin(store, &txn))
		code = no_memory(err);
	if (!code) {
		code = store_check_start(txn, err);
		store_read_end(txn);
	}
	return code;
}

static void mark(struct store *store, bool sync)
{
	store_place_hw_write(&store->place,
			     &(struct store_hw){ .store_id = store->meta.store_id,
						 .incarnation = store->meta.incarnation,
						 .txn = store->meta.self_txn },
			     sync);
}

void store_mark(struct store *store)
{
	mark(store, false);
}

/* Beyond this point the file is mapped into this process. */
static enum store_open open_existing(struct store *store, const struct store_options *options,
				     char *err)
{
	enum store_open code = STORE_OPEN_OK;

	if (!options->no_child)
		code = store_place_in_child(verify, store, err);
	if (code == STORE_OPEN_TORN && options->accept_older)
		code = STORE_OPEN_OK;
	if (!code)
		code = store_env_open(store, false, options->no_sync, err);
	if (!code)
		code = store_env_allocate(store, err);
	if (!code)
		code = attach(store, err);
	if (!code)
		code = load(store, err);
	return code ? code : compare(store, err);
}

static enum store_open open_new(struct store *store, const struct store_options *options, char *err)
{
	enum store_open code = store_env_open(store, false, options->no_sync, err);

	if (!code)
		code = store_env_allocate(store, err);
	if (!code)
		code = make_store(store, options, err);
	if (!code)
		code = load(store, err);
	if (code) {
		unlinkat(store->place.dir_fd, "data.mdb", 0);
		unlinkat(store->place.dir_fd, "lock.mdb", 0);
	}
	return code;
}

/* An older copy goes on as another incarnation, and hw with it. */
static bool accept_older(struct store *store)
{
	struct store_txn *txn;

	if (store_begin(store, &txn))
		return false;
	txn->meta.incarnation++;
	txn->changed = true;
	return store_commit(txn) == STORE_OK;
}

static enum store_open open_at(struct store *store, const struct store_options *options, char *err)
{
	struct store_head head;
	struct store_hw hw;
	enum store_open code = store_place_head(&store->place, &head, err);

	if (code)
		return code;
	store->page_octets = (unsigned)sysconf(_SC_PAGESIZE);
	store->size_octets = options->size_octets;
	if (store->size_octets < head.size_octets)
		store->size_octets = head.size_octets;
	if (store->size_octets < STORE_SIZE_LEAST_OCTETS)
		store->size_octets = STORE_SIZE_LEAST_OCTETS;
	store->size_octets -= store->size_octets % store->page_octets;
	if (head.last_txn > 0)
		return open_existing(store, options, err);
	if (store_place_hw_read(&store->place, &hw)) {
		snprintf(err, STORE_ERR_OCTETS,
			 "data.mdb is gone: hw names transaction %" PRIu64
			 " of incarnation %" PRIu32 "; to begin with an empty store, remove hw",
			 hw.txn, hw.incarnation);
		return STORE_OPEN_DAMAGED;
	}
	if (options->create)
		return open_new(store, options, err);
	snprintf(err, STORE_ERR_OCTETS, "there is a store that was never finished");
	return STORE_OPEN_MISSING;
}

/* Lets go without a word to hw, for a store that was never fully open. */
static void close_files(struct store *store)
{
	if (store->write)
		store_abort(store->write);
	store_ids_free(store->ids);
	store_references_free(store->references);
	store_env_close(store);
	store_place_release(&store->place);
	explicit_bzero(store->secret, sizeof(store->secret));
	free(store);
}

enum store_open store_open(const char *path, const struct store_options *options,
			   struct store **out, char err[STORE_ERR_OCTETS])
{
	struct store *store = calloc(1, sizeof(*store));
	size_t n = strlen(path);

	*out = NULL;
	err[0] = '\0';
	if (!store || n >= sizeof(store->path)) {
		snprintf(err, STORE_ERR_OCTETS, store ? "the path is too long" : "no memory");
		free(store);
		return STORE_OPEN_FAILED;
	}
	memcpy(store->path, path, n + 1);
	store->fault = options->fault;
	store->fault_arg = options->fault_arg;
	enum store_open code = store_place_take(&store->place, path, options->create, err);

	if (!code)
		code = open_at(store, options, err);
	bool older = code == STORE_OPEN_ROLLED_BACK || code == STORE_OPEN_TORN;

	if (code && !(older && options->accept_older && accept_older(store))) {
		close_files(store);
		return code;
	}
	if (store->meta.schema < STORE_SCHEMA) {
		enum store_open bad = store_upgrade(store, err);

		if (bad) {
			close_files(store);
			return bad;
		}
	}
	mark(store, true);
	*out = store;
	return code;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	mark(store, true);
	close_files(store);
}

void store_info(const struct store *store, struct store_info *info)
{
	*info = (struct store_info){
		.store_id = store->meta.store_id,
		.incarnation = store->meta.incarnation,
		.schema = store->meta.schema,
		.created_ms = store->meta.created_ms,
		.last_txn = store_env_last_txn(store),
		.size_octets = store->size_octets,
		.unproven = store->place.unproven,
	};
	store_ids_info(store->ids, info);
}
