/* Opening a store, and every way in which that may fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>

#include "store/inside.h"
#include "test/store_fixture.h"

static int data_file(const struct store_folder *folder, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/data.mdb", folder->path);
	int fd = open(path, flags);

	assert_true(fd >= 0);
	return fd;
}

static void copy_file(const struct store_folder *folder, const char *from, const char *to)
{
	char command[300];

	snprintf(command, sizeof(command), "cp %s/%s %s/%s", folder->path, from, folder->path, to);
	assert_int_equal(system(command), 0);
}

/* `copy` is as long as what the store uses, and equal so far. */
static void assert_used_pages_equal(const struct store_folder *folder, const char *store,
				    const char *copy)
{
	char command[400];

	snprintf(command, sizeof(command),
		 "cd %s && test $(stat -c %%s %s) -ge 16384 && cmp -n $(stat -c %%s %s) %s %s",
		 folder->path, copy, copy, store, copy);
	assert_int_equal(system(command), 0);
}

/* --- Places ----------------------------------------------------------------------------------- */

static void test_open__makes_what_only_we_may_read(void **state)
{
	struct store_folder *folder = *state;
	const char *names[] = { "", "/data.mdb", "/lock.mdb", "/daemon.lock", "/hw" };
	struct stat st;

	assert_int_equal(chmod(folder->path, 0755), 0);
	store_close(open_ok(folder));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s%s", folder->path, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, i == 0 ? 0700 : 0600);
	}
}

static void test_open__allocates_the_whole_map(void **state)
{
	struct store_folder *folder = *state;
	struct stat st;

	store_close(open_ok(folder));
	int fd = data_file(folder, O_RDONLY);

	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	assert_int_equal(st.st_size, TEST_STORE_OCTETS);
	assert_true((uint64_t)st.st_blocks * 512 >= TEST_STORE_OCTETS);
}

static void test_open__second_one_is_told_the_pid(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = open_ok(folder);
	struct store *second;
	char pid[32];

	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	assert_int_equal(store_folder_open(folder, &second), STORE_OPEN_LOCKED);
	assert_null(second);
	assert_non_null(strstr(folder->err, pid));
	put_providers(store, 1, 1);
	store_close(store);
	store_close(open_ok(folder));
}

static void test_open__tells_that_there_is_none(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;

	folder->options.create = false;
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_MISSING);
	assert_null(store);
	assert_non_null(strstr(folder->err, "there is no store in"));
}

static void test_open__refuses_what_is_no_store(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;
	char path[128];

	snprintf(path, sizeof(path), "%s/data.mdb", folder->path);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	for (int i = 0; i < 2000; i++)
		fprintf(file, "this is a letter to my aunt\n");
	fclose(file);
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_NOT_A_STORE);
	assert_string_equal(folder->err, "data.mdb is not a store");
	assert_int_equal(store_open(path, &folder->options, &store, folder->err),
			 STORE_OPEN_NOT_A_STORE);
}

static void test_open__refuses_a_parent_that_everybody_may_write(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;
	char path[128];

	snprintf(path, sizeof(path), "%s/inner", folder->path);
	assert_int_equal(chmod(folder->path, 0777), 0);
	assert_int_equal(store_open(path, &folder->options, &store, folder->err),
			 STORE_OPEN_BAD_PLACE);
	assert_non_null(strstr(folder->err, "may be written by everybody"));
	rmdir(path);
}

static void test_open__refuses_every_truncation(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = open_ok(folder);
	uint64_t used;

	put_providers(store, 1, 1000);
	used = store_used_octets(store);
	store_close(store);
	folder->options.no_child = false;
	int fd = data_file(folder, O_RDWR);

	for (uint64_t octets = used - 4096; octets > 8192; octets -= 4096) {
		assert_int_equal(ftruncate(fd, (off_t)octets), 0);
		assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_DAMAGED);
		assert_non_null(strstr(folder->err, "data.mdb is truncated: it has"));
	}
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_DAMAGED);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_NOT_A_STORE);
	close(fd);
}

/* Every page in turn is overwritten: what recovery needs is noticed, and nothing crashes us. */
static void test_open__survives_every_wiped_page(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = open_ok(folder);
	uint8_t page[4096];
	uint8_t wiped[4096];
	unsigned noticed = 0;

	put_providers(store, 1, 300);
	uint64_t used = store_used_octets(store);

	store_close(store);
	folder->options.no_child = false;
	memset(wiped, 0xa5, sizeof(wiped));
	int fd = data_file(folder, O_RDWR);

	for (off_t at = 0; at < (off_t)used; at += 4096) {
		assert_int_equal(pread(fd, page, sizeof(page), at), 4096);
		assert_int_equal(pwrite(fd, wiped, sizeof(wiped), at), 4096);
		enum store_open code = store_folder_open(folder, &store);

		if (code) {
			assert_null(store);
			assert_true(strlen(folder->err) > 10);
			noticed++;
		}
		store_close(store);
		assert_int_equal(pwrite(fd, page, sizeof(page), at), 4096);
	}
	close(fd);
	assert_true(noticed >= 6); /* two meta pages, main database, meta record, providers */
	store_close(open_ok(folder));
}

#define META_FREE_AT 40 /* LMDB's record of its list of free pages */
#define META_FREE_N  48
#define META_TXN_AT  144

static uint64_t meta_txn(int fd, unsigned page)
{
	uint64_t txn = 0;

	assert_int_equal(pread(fd, &txn, sizeof(txn), page * 4096 + META_TXN_AT), 8);
	return txn;
}

/* The older meta page takes a newer number: LMDB believes it, and one commit is gone. */
static void test_open__notices_a_torn_meta_page(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = open_ok(folder);

	put_providers(store, 1, 1);
	put_providers(store, 2, 2);
	store_close(store);
	int fd = data_file(folder, O_RDWR);
	unsigned older = meta_txn(fd, 0) < meta_txn(fd, 1) ? 0 : 1;
	uint64_t next = meta_txn(fd, 1 - older) + 1;

	assert_int_equal(pwrite(fd, &next, sizeof(next), older * 4096 + META_TXN_AT), 8);
	close(fd);
	for (unsigned i = 0; i < 2; i++) {
		folder->options.no_child = i == 0;
		assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_TORN);
		assert_null(store);
		assert_non_null(strstr(folder->err, "committed work was lost"));
	}
	folder->options.accept_older = true;
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_TORN);
	struct store_info info;

	store_info(store, &info);
	assert_int_equal(info.incarnation, 2);
	store_close(store);
	folder->options.accept_older = false;
	store_close(open_ok(folder));
}

/* The newer meta page keeps the older one's list of free pages: all is there, to be written over. */
static void test_open__notices_a_list_of_free_pages_that_is_older(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = open_ok(folder);
	uint8_t list[META_FREE_N];

	put_providers(store, 1, 1);
	put_providers(store, 2, 2);
	store_close(store);
	int fd = data_file(folder, O_RDWR);
	unsigned older = meta_txn(fd, 0) < meta_txn(fd, 1) ? 0 : 1;

	assert_int_equal(pread(fd, list, sizeof(list), older * 4096 + META_FREE_AT), META_FREE_N);
	assert_int_equal(pwrite(fd, list, sizeof(list), (1 - older) * 4096 + META_FREE_AT),
			 META_FREE_N);
	close(fd);
	folder->options.accept_older = true;
	for (unsigned i = 0; i < 2; i++) {
		folder->options.no_child = i == 0;
		assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_DAMAGED);
		assert_null(store);
		assert_non_null(strstr(folder->err, "the list of free pages is not"));
	}
}

static void test_open__notices_an_older_copy(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = open_ok(folder);
	struct store_info info;

	put_providers(store, 1, 1);
	store_close(store);
	copy_file(folder, "data.mdb", "backup");
	store = open_ok(folder);
	put_providers(store, 2, 2);
	store_close(store);
	copy_file(folder, "backup", "data.mdb");
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_ROLLED_BACK);
	assert_null(store);
	assert_non_null(strstr(folder->err, "older than it was"));
	folder->options.accept_older = true;
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_ROLLED_BACK);
	assert_false(has_provider(store, 2));
	store_info(store, &info);
	assert_int_equal(info.incarnation, 2);
	store_close(store);
	folder->options.accept_older = false;
	store_close(open_ok(folder));
	copy_file(folder, "backup", "data.mdb"); /* the same copy once more */
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_ROLLED_BACK);
}

static void test_open__takes_hw_that_is_gone_or_torn_for_none(void **state)
{
	struct store_folder *folder = *state;
	char path[128];

	store_close(open_ok(folder));
	snprintf(path, sizeof(path), "%s/hw", folder->path);
	assert_int_equal(truncate(path, 40), 0);
	store_close(open_ok(folder));
	assert_int_equal(unlink(path), 0);
	store_close(open_ok(folder));
}

static void test_open__makes_no_new_store_in_the_place_of_one_that_is_gone(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;
	char path[128];

	store_close(open_ok(folder));
	snprintf(path, sizeof(path), "%s/data.mdb", folder->path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_DAMAGED);
	assert_null(store);
	assert_non_null(strstr(folder->err, "data.mdb is gone"));
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s/hw", folder->path);
	assert_int_equal(unlink(path), 0);
	store_close(open_ok(folder));
}

/* The tables of this schema alone are taken out again, and the number with them. */
static void make_older(struct store *store)
{
	struct store_txn *txn;
	assert_int_equal(store_begin(store, &txn), STORE_OK);
	for (unsigned kind = STORE_KIND_ALARM; kind < STORE_KINDS; kind++)
		assert_int_equal(mdb_drop(txn->txn, store->dbis[kind], 1), 0);
	txn->meta.schema = STORE_SCHEMA - 1;
	txn->changed = true;
	assert_int_equal(store_commit(txn), STORE_OK);
}

static void test_open__brings_an_older_schema_up_to_date(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;
	struct store_txn *txn;
	struct store_info info;
	struct store_feed feed = { .order = 7, .seq = 1 };
	folder->options.no_child = false; /* the child reads it as it is */
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_OK);
	assert_int_equal(store_begin(store, &txn), STORE_OK);
	assert_int_equal(store_next(txn, STORE_NEXT_FEED), 1);
	assert_int_equal(store_feed_put(txn, &feed), STORE_OK);
	assert_int_equal(store_next(txn, STORE_NEXT_ORDER), 1);
	struct store_order order = { .order = 1, .account = 2, .route = 3, .total = 2, .parts = 1 };
	struct store_message message = { .order = 1,
					 .state = STORE_STATE_SENT,
					 .error = STORE_ERROR_RECEIPT_UNKNOWN };

	struct store_account account = { .account = 2, .active = 1 };

	assert_int_equal(store_account_put(txn, &account), STORE_OK);
	assert_int_equal(store_order_put(txn, &order), STORE_OK);
	assert_int_equal(store_message_put(txn, &message), STORE_OK);
	message = (struct store_message){
		.order = 1, .index = 1, .msisdn = 31612345678, .state = STORE_STATE_IN_DOUBT
	};
	assert_int_equal(store_message_put(txn, &message), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	make_older(store);
	store_close(store);
	copy_file(folder, "data.mdb", "before");

	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_OK);
	assert_used_pages_equal(folder, "before", "data.mdb.schema-1");
	store_info(store, &info);
	assert_int_equal(info.schema, STORE_SCHEMA);
	assert_int_equal(store_begin(store, &txn), STORE_OK);
	struct store_alarm alarm = { .seq = store_next(txn, STORE_NEXT_ALARM) };
	assert_int_equal(alarm.seq, 1);
	assert_int_equal(store_alarm_put(txn, &alarm), STORE_OK);
	feed = (struct store_feed){ .seq = 1 };
	assert_int_equal(store_feed_get(txn, &feed), STORE_OK);
	assert_int_equal(feed.order, 7);
	assert_int_equal(store_order_get(txn, &order), STORE_OK);
	assert_int_equal(order.receipt_unknown, 1);
	assert_int_equal(store_account_get(txn, &account), STORE_OK);
	assert_int_equal(account.bulk, 1); /* it could send to many, and still can */
	struct store_block block = { .account = 2, .block = 0, .route = 3 };

	assert_int_equal(store_block_get(txn, &block), STORE_OK);
	assert_int_equal(block.orders, 1);
	assert_int_equal(block.queued, 1);
	assert_int_equal(block.doubtful, 1);
	struct store_doubt doubt = { .tail = 2345679, .order = 1, .index = 1 };

	assert_int_equal(store_count(txn, STORE_KIND_DOUBT), 1);
	assert_int_equal(store_doubt_get(txn, &doubt), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	store_close(store);
}

/* A crash before the commit leaves what it was, and half a copy: the next start does all anew. */
static void test_open__begins_an_upgrade_anew(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = open_ok(folder);
	struct store_info info;

	make_older(store);
	store_close(store);
	copy_file(folder, "daemon.lock", "data.mdb.schema-1.part");
	copy_file(folder, "daemon.lock", "data.mdb.schema-1");
	copy_file(folder, "data.mdb", "before");
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_OK);
	store_info(store, &info);
	assert_int_equal(info.schema, STORE_SCHEMA);
	assert_used_pages_equal(folder, "before", "data.mdb.schema-1");
	store_close(store);
	store_close(open_ok(folder)); /* once is enough */
}

/* Without room for the copy nothing is changed. */
static void test_open__refuses_to_upgrade_without_a_copy(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = open_ok(folder);
	char path[128];

	make_older(store);
	store_close(store);
	snprintf(path, sizeof(path), "%s/data.mdb.schema-1.part", folder->path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_FAILED);
	assert_non_null(strstr(folder->err, "cannot make data.mdb.schema-1.part"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_OK);
	store_close(store);
}

static void test_open__refuses_this_schema_without_its_tables(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;
	struct store_txn *txn;
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_OK);
	assert_int_equal(store_begin(store, &txn), STORE_OK);
	assert_int_equal(mdb_drop(txn->txn, store->dbis[STORE_KIND_FEED], 1), 0);
	txn->changed = true;
	assert_int_equal(store_commit(txn), STORE_OK);
	store_close(store);
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_DAMAGED);
	assert_non_null(strstr(folder->err, "1 databases of the store are missing"));
}

static void test_open__refuses_a_later_schema(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = open_ok(folder);

	store->meta.schema = STORE_SCHEMA + 1;
	put_providers(store, 1, 1);
	store_close(store);
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_TOO_NEW);
	assert_non_null(strstr(folder->err, "this program knows up to"));
}

static void test_open__refuses_filesystems_that_cannot_keep_a_store(void **state)
{
	const uint32_t refused[] = {
		0x6969, 0xff534d42, 0xfe534d42, 0x517b, 0x01021997, 0x65735546
	};
	const uint32_t unproven[] = { 0x794c7630, 0x01021994 };
	char err[STORE_ERR_OCTETS];
	bool doubt = false;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_int_equal(store_place_filesystem(refused[i], "/x", &doubt, err),
				 STORE_OPEN_BAD_PLACE);
		assert_non_null(strstr(err, "/x is on "));
	}
	assert_int_equal(store_place_filesystem(0xef53, "/x", &doubt, err), STORE_OPEN_OK);
	assert_false(doubt);
	for (size_t i = 0; i < sizeof(unproven) / sizeof(unproven[0]); i++) {
		doubt = false;
		assert_int_equal(store_place_filesystem(unproven[i], "/x", &doubt, err),
				 STORE_OPEN_OK);
		assert_true(doubt);
	}
}

static enum store_open die(void *arg, char err[STORE_ERR_OCTETS])
{
	(void)err;
	raise(*(const int *)arg);
	return STORE_OPEN_OK;
}

static void test_open__tells_what_its_child_died_of(void **state)
{
	const int signals[] = { SIGBUS, SIGSEGV, SIGABRT };
	char err[STORE_ERR_OCTETS];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char text[32];

		snprintf(text, sizeof(text), "ended in signal %d", signals[i]);
		assert_int_equal(store_place_in_child(die, (void *)&signals[i], err),
				 STORE_OPEN_DAMAGED);
		assert_non_null(strstr(err, text));
	}
}

static void test_open__tells_tmpfs_as_unproven(void **state)
{
	struct store_folder *folder = *state;
	char path[] = "/dev/shm/esmed-store-XXXXXX";
	struct store_info info;
	struct store *store;

	if (!mkdtemp(path))
		skip();
	folder->options.size_octets = STORE_SIZE_LEAST_OCTETS;
	rmdir(folder->path);
	snprintf(folder->path, sizeof(folder->path), "%s", path);
	store = open_ok(folder);
	store_info(store, &info);
	assert_true(info.unproven);
	store_close(store);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_open__makes_what_only_we_may_read),
		T(test_open__allocates_the_whole_map),
		T(test_open__second_one_is_told_the_pid),
		T(test_open__tells_that_there_is_none),
		T(test_open__refuses_what_is_no_store),
		T(test_open__refuses_a_parent_that_everybody_may_write),
		T(test_open__refuses_every_truncation),
		T(test_open__survives_every_wiped_page),
		T(test_open__notices_a_torn_meta_page),
		T(test_open__notices_a_list_of_free_pages_that_is_older),
		T(test_open__notices_an_older_copy),
		T(test_open__takes_hw_that_is_gone_or_torn_for_none),
		T(test_open__makes_no_new_store_in_the_place_of_one_that_is_gone),
		T(test_open__brings_an_older_schema_up_to_date),
		T(test_open__begins_an_upgrade_anew),
		T(test_open__refuses_to_upgrade_without_a_copy),
		T(test_open__refuses_this_schema_without_its_tables),
		T(test_open__refuses_a_later_schema),
		T(test_open__refuses_filesystems_that_cannot_keep_a_store),
		T(test_open__tells_what_its_child_died_of),
		T(test_open__tells_tmpfs_as_unproven),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
