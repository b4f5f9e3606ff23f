/*
 * Answers and commits: what a client is told when the store has no room, when a turn is dropped and
 * made again, and when nobody knows what is on disk. The real engine, port and store, one thread,
 * and commits that fail when told to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/account.h"
#include "core/engine.h"
#include "core/http.h"
#include "core/json.h"
#include "test/store_folder.h"

#define KEY	"0123456789abcdef"
#define OPENING INT64_C(1000000)
#define STEPS	2000 /* rounds of the engine that an answer may take */
#define CLIENTS 2

struct fixture {
	struct store_folder folder;
	struct config *config;
	struct port *port;
	struct store *store;
	struct engine *engine;
	enum store_fault fault;
	unsigned faults; /* how many commits fail with it */
	char error[PORT_TEXT_OCTETS];
};

static enum store_fault fail_commit(void *arg)
{
	struct fixture *fixture = arg;
	if (!fixture->faults)
		return STORE_FAULT_NONE;
	fixture->faults--;
	return fixture->fault;
}

/* ---- a daemon in a folder ---- */

static void load_config(struct fixture *fixture)
{
	static struct config_errors errors;
	char path[100], text[1200];
	const char *folder = fixture->folder.path;
	snprintf(path, sizeof(path), "%s/esmed.yaml", folder);
	snprintf(text, sizeof(text),
		 "store: {path: %s}\n"
		 "sockets: {submit: {path: %s/submit.sock}, control: {path: %s/control.sock}}\n"
		 "providers:\n"
		 "  a: {system_id: x, links: {l: {host: 127.0.0.1, port: 1, tls: off}}}\n"
		 "routes: {1: {name: r, provider: a}}\n"
		 "prices:\n"
		 "  - {route: 1, prefix: \"31\", country: NL, price: \"0.1\"}\n",
		 folder, folder, folder);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	struct config_source source = { .path = path };
	errors = (struct config_errors){ 0 };
	fixture->config = config_load(&source, &errors);
	if (!fixture->config)
		fail_msg("line %u: %s", errors.list[0].line, errors.list[0].what);
}

static void open_account(struct store *store)
{
	static const char name[] = "acme";
	struct store_txn *txn;
	struct store_apikey key = { .account = 1, .active = 1 };
	struct store_account account = { .account = 1, .active = 1, .bulk = 1, .balance = OPENING };
	struct store_ledger opening = { .account = 1,
					.at_ms = 1,
					.amount = OPENING,
					.balance_after = OPENING,
					.cause = store_octets_of("opening") };
	account.name = (struct store_octets){ (const uint8_t *)name, sizeof(name) - 1 };
	assert_int_equal(store_begin(store, &txn), STORE_OK);
	opening.seq = store_next(txn, STORE_NEXT_LEDGER);
	account_key(&(struct turn){ 0 }, KEY, &key);
	assert_int_equal(store_account_put(txn, &account), STORE_OK);
	assert_int_equal(store_ledger_put(txn, &opening), STORE_OK);
	assert_int_equal(store_apikey_put(txn, &key), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
}

static void start(struct fixture *fixture)
{
	struct port_options how = { .one_thread = true };
	fixture->folder.options.fault = fail_commit;
	fixture->folder.options.fault_arg = fixture;
	if (store_folder_open(&fixture->folder, &fixture->store) != STORE_OPEN_OK)
		fail_msg("%s", fixture->folder.err);
	fixture->port = port_new(&how);
	assert_non_null(fixture->port);
}

static void run(struct fixture *fixture)
{
	struct engine_options parts = { .config = fixture->config,
					.port = fixture->port,
					.store = fixture->store,
					.sockets = true };
	fixture->engine = engine_new(&parts, fixture->error);
	if (!fixture->engine)
		fail_msg("%s", fixture->error);
}

static void stop(struct fixture *fixture)
{
	engine_free(fixture->engine);
	fixture->engine = NULL;
	port_free(fixture->port);
	store_close(fixture->store);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	store_folder_make(&fixture->folder);
	load_config(fixture);
	start(fixture);
	open_account(fixture->store);
	run(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	stop(fixture);
	config_free(fixture->config);
	store_folder_remove(&fixture->folder);
	free(fixture);
	return 0;
}

/* ---- clients ---- */

struct client {
	int fd;
	struct http_reader *reader;
	struct json *answer;
};

static void say_to(struct fixture *fixture, const char *socket_name, struct client *client,
		   const char *method, const char *target, const char *key, const char *body)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct http_field fields[] = { { "X-API-KEY", KEY }, { "Idempotency-Key", key } };
	struct http_call call = {
		.method = method,
		.target = target,
		.fields = fields,
		.field_count = key ? 2 : 1,
		.content_type = body ? "application/json" : NULL,
		.body = body,
		.body_octets = body ? strlen(body) : 0,
	};
	struct buffer octets = { 0 };
	*client = (struct client){ .fd = socket(AF_UNIX, SOCK_STREAM, 0),
				   .reader = http_reader_new(0) };
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", fixture->folder.path,
		 socket_name);
	assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	http_call(&octets, &call);
	assert_int_equal(write(client->fd, octets.octets, octets.n), octets.n);
	buffer_release(&octets);
}

static void say(struct fixture *fixture, struct client *client, const char *method,
		const char *target, const char *key, const char *body)
{
	say_to(fixture, "submit.sock", client, method, target, key, body);
}

static void send_one(struct fixture *fixture, struct client *client, const char *key)
{
	say(fixture, client, "POST", "/api/v1/send_sms", key,
	    "{\"route_id\":1,\"caller_id\":\"ACME\",\"numbers\":[\"31612345678\"],"
	    "\"message\":\"hello\"}");
}

/* True once the answer is whole. */
static bool hear(struct client *client)
{
	char octets[4096];
	struct json_error error;
	ssize_t n = recv(client->fd, octets, sizeof(octets), MSG_DONTWAIT);
	if (client->answer)
		return true;
	if (n <= 0 || http_reader_feed(client->reader, octets, (size_t)n) != HTTP_READING_DONE)
		return false;
	struct buffer *body = http_reader_body(client->reader);
	client->answer = json_read(body->octets, body->n, &error);
	return client->answer != NULL;
}

static void await(struct fixture *fixture, struct client *clients, size_t n)
{
	for (int i = 0; i < STEPS; i++) {
		size_t heard = 0;
		for (size_t j = 0; j < n; j++)
			heard += hear(&clients[j]);
		if (heard == n)
			return;
		engine_step(fixture->engine);
	}
	fail_msg("no answer");
}

static void hang_up(struct client *client)
{
	json_free(client->answer);
	http_reader_free(client->reader);
	close(client->fd);
}

static const char *said(const struct client *client, const char *key)
{
	const char *text = json_get_text(json_get(client->answer, key), NULL);
	return text ? text : "";
}

static int64_t number(const struct client *client, const char *key)
{
	int64_t value = -1;
	json_get_int(json_get(client->answer, key), &value);
	return value;
}

/* What the store holds: the balance of the account, and how many orders there are. */
static void holds(struct fixture *fixture, int64_t balance, uint64_t orders)
{
	struct store_txn *txn;
	struct store_account account = { .account = 1 };
	assert_int_equal(store_read_begin(fixture->store, &txn), STORE_OK);
	assert_int_equal(store_account_get(txn, &account), STORE_OK);
	assert_int_equal(account.balance, balance);
	assert_int_equal(store_count(txn, STORE_KIND_ORDER), orders);
	assert_int_equal(store_count(txn, STORE_KIND_MESSAGE), orders);
	assert_int_equal(store_count(txn, STORE_KIND_IDEMPOTENCY), orders);
	store_read_end(txn);
}

#define PRICE 100000

/* ---- tests ---- */

static void test_server__answers_an_intent_that_is_on_disk(void **state)
{
	struct fixture *fixture = *state;
	struct client client;
	send_one(fixture, &client, "k");
	await(fixture, &client, 1);
	assert_int_equal(http_reader_status(client.reader), 200);
	assert_int_equal(number(&client, "order_id"), 1);
	assert_string_equal(said(&client, "initial_state"), "QUEUED");
	holds(fixture, OPENING - PRICE, 1);
	hang_up(&client);
}

static void test_server__refuses_what_finds_no_room(void **state)
{
	struct fixture *fixture = *state;
	struct client client;
	fixture->fault = STORE_FAULT_FULL;
	fixture->faults = 1000;
	send_one(fixture, &client, "k");
	await(fixture, &client, 1);
	assert_int_equal(http_reader_status(client.reader), 503);
	assert_string_equal(said(&client, "detail"), "Not stored: store is full.");
	assert_string_equal(said(&client, "code"), "store_full");
	assert_non_null(http_reader_header(client.reader, "Retry-After"));
	hang_up(&client);
	holds(fixture, OPENING, 0);

	fixture->faults = 0;
	send_one(fixture, &client, "k");
	await(fixture, &client, 1);
	assert_int_equal(http_reader_status(client.reader), 200);
	assert_null(http_reader_header(client.reader, "Idempotent-Replayed"));
	hang_up(&client);
	holds(fixture, OPENING - PRICE, 1);
}

/* The turn of both is dropped; each is then applied by itself, once. */
static void test_server__makes_a_dropped_turn_again(void **state)
{
	struct fixture *fixture = *state;
	struct client clients[CLIENTS];
	fixture->fault = STORE_FAULT_FULL;
	fixture->faults = 1;
	send_one(fixture, &clients[0], "k0");
	send_one(fixture, &clients[1], "k1");
	await(fixture, clients, CLIENTS);
	for (int i = 0; i < CLIENTS; i++) {
		assert_int_equal(http_reader_status(clients[i].reader), 200);
		hang_up(&clients[i]);
	}
	holds(fixture, OPENING - 2 * PRICE, 2);
}

/* A commit whose outcome is unknown: said, and the process ends; the next start knows. */
static void commit_unknown(struct fixture *fixture, enum store_fault fault, bool kept)
{
	struct client client;
	fixture->fault = fault;
	fixture->faults = 1;
	send_one(fixture, &client, "k");
	for (int i = 0; i < STEPS && engine_step(fixture->engine); i++)
		;
	assert_true(fixture->engine->stopped);
	assert_int_equal(fixture->engine->exit_status, 1);
	stop(fixture);
	assert_true(hear(&client));
	assert_int_equal(http_reader_status(client.reader), 503);
	assert_string_equal(said(&client, "detail"),
			    "Outcome unknown: retry with the same Idempotency-Key.");
	assert_string_equal(said(&client, "code"), "outcome_unknown");
	assert_string_equal(said(&client, "outcome"), "unknown");
	hang_up(&client);

	start(fixture);
	holds(fixture, OPENING - kept * PRICE, kept);
	run(fixture);
	send_one(fixture, &client, "k");
	await(fixture, &client, 1);
	assert_int_equal(http_reader_status(client.reader), 200);
	assert_int_equal(http_reader_header(client.reader, "Idempotent-Replayed") != NULL, kept);
	assert_int_equal(number(&client, "order_id"), 1);
	hang_up(&client);
	holds(fixture, OPENING - PRICE, 1);
}

static void test_server__says_when_nobody_knows_and_nothing_was_kept(void **state)
{
	commit_unknown(*state, STORE_FAULT_LOST, false);
}

static void test_server__says_when_nobody_knows_and_it_was_kept(void **state)
{
	commit_unknown(*state, STORE_FAULT_HIDDEN, true);
}

static void test_server__forgets_who_hung_up_before_being_heard(void **state)
{
	struct fixture *fixture = *state;
	struct client client;
	send_one(fixture, &client, "k");
	hang_up(&client);
	say(fixture, &client, "GET", "/api/v1/balance", NULL, NULL);
	await(fixture, &client, 1);
	assert_int_equal(http_reader_status(client.reader), 200);
	hang_up(&client);
}

/* Counts the ledger over; the first finding, of so many. "" for none. */
static void verified(struct fixture *fixture, int64_t findings, const char *first)
{
	struct client client;
	say_to(fixture, "control.sock", &client, "GET", "/control/v1/ledger/verify", NULL, NULL);
	await(fixture, &client, 1);
	assert_int_equal(http_reader_status(client.reader), 200);
	const struct json *what = json_get(json_at(json_get(client.answer, "list"), 0), "what");
	const char *text = json_get_text(what, NULL);
	assert_string_equal(text ? text : "", first);
	assert_int_equal(number(&client, "findings"), findings);
	hang_up(&client);
}

/* The row of the order that send_one has made. */
static struct store_ledger debit_of(struct store_txn *txn)
{
	struct store_ledger row = { .account = 1, .seq = 2 };
	assert_int_equal(store_ledger_get(txn, &row), STORE_OK);
	assert_int_equal(row.kind, STORE_LEDGER_DEBIT);
	row.cause = store_octets_of("order"); /* what was read lies in this row's own memory */
	return row;
}

static void test_server__verifying_finds_a_ledger_that_does_not_add_up(void **state)
{
	struct fixture *fixture = *state;
	struct store_account account = { .account = 1 };
	struct store_order order = { .order = 1 };
	struct store_txn *txn;
	struct client client;
	send_one(fixture, &client, NULL);
	await(fixture, &client, 1);
	hang_up(&client);
	verified(fixture, 0, "");

	assert_int_equal(store_begin(fixture->store, &txn), STORE_OK);
	assert_int_equal(store_account_get(txn, &account), STORE_OK);
	account.balance++;
	assert_int_equal(store_account_put(txn, &account), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	verified(fixture, 1, "the balance is not the sum of its rows");

	assert_int_equal(store_begin(fixture->store, &txn), STORE_OK);
	struct store_ledger row = debit_of(txn);
	row.amount++;
	row.cause.n = 0;
	row.balance_after = -2;
	row.credit = 2;
	assert_int_equal(store_ledger_put(txn, &row), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	/* The sum, the cause, the credit limit, the order's cost; and the balance. */
	verified(fixture, 5, "balance_after is not the sum of the rows up to it");

	assert_int_equal(store_begin(fixture->store, &txn), STORE_OK);
	assert_int_equal(store_order_get(txn, &order), STORE_OK);
	assert_int_equal(store_order_del(txn, &order), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	verified(fixture, 5,
		 "balance_after is not the sum of the rows up to it"); /* it is too young */
}

/* Retention takes the messages of an order first, in several turns, and is no thief. */
static void test_server__verifying_passes_over_an_order_that_is_going(void **state)
{
	struct fixture *fixture = *state;
	struct store_account account = { .account = 1 };
	struct store_order order = { .order = 1 };
	struct store_message message = { .order = 1 };
	struct store_txn *txn;
	struct client client;
	send_one(fixture, &client, NULL);
	await(fixture, &client, 1);
	hang_up(&client);

	assert_int_equal(store_begin(fixture->store, &txn), STORE_OK);
	assert_int_equal(store_account_get(txn, &account), STORE_OK);
	struct store_ledger debit = debit_of(txn), refund = debit;
	debit.at_ms = refund.at_ms = 1;
	assert_int_equal(store_ledger_put(txn, &debit), STORE_OK);
	refund.seq++;
	refund.kind = STORE_LEDGER_REFUND;
	refund.amount = PRICE;
	refund.balance_after = account.balance += PRICE;
	assert_int_equal(store_ledger_put(txn, &refund), STORE_OK);
	assert_int_equal(store_account_put(txn, &account), STORE_OK);
	assert_int_equal(store_message_del(txn, &message), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	verified(fixture, 1, "message 1/0: no such record");

	assert_int_equal(store_begin(fixture->store, &txn), STORE_OK);
	assert_int_equal(store_order_get(txn, &order), STORE_OK);
	order.resolved_ms = 1;
	assert_int_equal(store_order_put(txn, &order), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	verified(fixture, 0, "");
}

/* ---- the feed ---- */

/* Accepts an order, whose feed record is told by number. */
static void order(struct fixture *fixture)
{
	struct client client;
	send_one(fixture, &client, NULL);
	await(fixture, &client, 1);
	assert_int_equal(http_reader_status(client.reader), 200);
	hang_up(&client);
}

/* Retention has come by: the feed begins behind record `last`. */
static void forget(struct fixture *fixture, uint64_t last)
{
	struct store_txn *txn;
	assert_int_equal(store_begin(fixture->store, &txn), STORE_OK);
	for (struct store_feed feed = { .seq = 1 }; feed.seq <= last; feed.seq++)
		assert_int_equal(store_feed_del(txn, &feed), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
}

/* Waits until a stream has said something more, and that; all it said so far is in `text`. */
static void follow(struct fixture *fixture, const struct client *client, const char *until,
		   char *text, size_t room)
{
	size_t n = strlen(text), before = n;
	for (int i = 0; i < STEPS; i++) {
		ssize_t got = recv(client->fd, text + n, room - n - 1, MSG_DONTWAIT);
		n += got > 0 ? (size_t)got : 0;
		text[n] = '\0';
		if (strstr(text + before, until))
			return;
		engine_step(fixture->engine);
	}
	fail_msg("%s does not say %s", text, until);
}

static unsigned count(const char *text, const char *word)
{
	unsigned n = 0;
	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		n++;
	return n;
}

static void test_server__tells_a_late_reader_of_one_gap_and_goes_on(void **state)
{
	struct fixture *fixture = *state;
	struct client client;
	char text[4096] = "";
	for (int i = 0; i < 3; i++)
		order(fixture);
	forget(fixture, 2);
	say(fixture, &client, "GET", "/api/v1/events?since=0&types=order.accepted", NULL, NULL);
	follow(fixture, &client, "\"order_id\":3", text, sizeof(text));
	assert_int_equal(count(text, "data: "), 2);
	assert_non_null(strstr(text, "id: 2\nevent: gap\n"));
	assert_non_null(strstr(text, "\"from\":1,\"to\":2}"));
	order(fixture);
	follow(fixture, &client, "\"order_id\":4", text, sizeof(text));
	assert_int_equal(count(text, "data: "), 3);
	hang_up(&client);
}

static void test_server__tells_a_new_reader_of_no_gap(void **state)
{
	struct fixture *fixture = *state;
	struct client client;
	char text[4096] = "";
	for (int i = 0; i < 3; i++)
		order(fixture);
	forget(fixture, 3);
	say(fixture, &client, "GET", "/api/v1/events?types=order.accepted", NULL, NULL);
	follow(fixture, &client, "retry: ", text, sizeof(text));
	order(fixture);
	follow(fixture, &client, "\"order_id\":4", text, sizeof(text));
	assert_int_equal(count(text, "data: "), 1);
	hang_up(&client);
}

static void test_server__refuses_a_reader_that_knows_the_future(void **state)
{
	static const struct {
		const char *target;
		int status;
	} cases[] = {
		{ "/api/v1/events?since=3", 422 }, { "/api/v1/events?since=3-0", 422 },
		{ "/api/v1/events?since=2", 200 }, { "/api/v1/events?since=2-0", 200 },
		{ "/api/v1/events?since=0", 200 },
	};
	struct fixture *fixture = *state;
	for (int i = 0; i < 2; i++)
		order(fixture);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client client;
		char text[4096] = "", status[24];
		snprintf(status, sizeof(status), "HTTP/1.1 %d ", cases[i].status);
		say(fixture, &client, "GET", cases[i].target, NULL, NULL);
		follow(fixture, &client, status, text, sizeof(text));
		hang_up(&client);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_server__answers_an_intent_that_is_on_disk,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_server__refuses_what_finds_no_room, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_server__makes_a_dropped_turn_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_server__says_when_nobody_knows_and_nothing_was_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server__says_when_nobody_knows_and_it_was_kept,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_server__verifying_finds_a_ledger_that_does_not_add_up, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_server__verifying_passes_over_an_order_that_is_going, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server__forgets_who_hung_up_before_being_heard,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_server__tells_a_late_reader_of_one_gap_and_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server__tells_a_new_reader_of_no_gap, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_server__refuses_a_reader_that_knows_the_future,
						setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
