/* The world of test_engine*.c. See engine_world.h. */
#include "test/engine_world.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/evidence.h"
#include "core/ledger.h"
#include "core/lifecycle.h"
#include "core/log.h"
#include "core/orders.h"
#include "core/provider.h"

#define SPIN_STEPS 20000 /* steps at one instant: more is a spin */

/* ---- making the world ---- */

static const char form[] = "store: {path: store, size: 16MiB}\n"
			   "log: {level: error}\n"
			   "sockets: {submit: {path: submit.sock}, control: {path: control.sock}}\n"
			   "%s"
			   "providers:\n"
			   "  alpha: {system_id: a, password_file: password, %s,\n"
			   "    links: {one: {host: 127.0.0.1, port: 1, tls: off}%s}}\n"
			   "  beta: {system_id: b, password_file: password, %s,\n"
			   "    links: {main: {host: 127.0.0.1, port: 2, tls: off}}}\n"
			   "routes:\n"
			   "  1: {name: a, provider: alpha, %s}\n"
			   "  2: {name: b, provider: beta, %s}\n"
			   "  3: {name: c, provider: alpha, %s}\n"
			   "prices:\n"
			   "  - {route: 1, prefix: \"31\", country: NL, price: \"0.088\"}\n";
static const char usual_provider[] =
	"window: 10, release_ahead: 10, timers: {response: 5s, reconnect_min: 200ms, "
	"reconnect_max: 2s, pause_min: 1s, pause_max: 8s}";
static const char usual_route[] = "validity: 60s, receipt_deadline: 40s";

static void write_file(const struct engine_world *world, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", world->folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0 && !fclose(file));
	assert_int_equal(chmod(path, 0600), 0);
}

static const char *or_usual(const char *text, const char *usual)
{
	return text ? text : usual;
}

void engine_world_write(struct engine_world *world, const struct setting *setting)
{
	char text[4096];
	const char *route = or_usual(setting->route, usual_route);
	if (setting->file)
		snprintf(text, sizeof(text), "%s", setting->file);
	else
		snprintf(text, sizeof(text), form, or_usual(setting->top, ""),
			 or_usual(setting->alpha, usual_provider), or_usual(setting->links, ""),
			 or_usual(setting->beta, usual_provider), route,
			 or_usual(setting->route2, usual_route), route);
	write_file(world, "password", setting->password ? setting->password : "secret\n");
	write_file(world, "esmed.yaml", text);
}

static void configure(struct engine_world *world, const struct setting *setting)
{
	static struct config_errors errors;
	char line[600];
	snprintf(world->path, sizeof(world->path), "%s/esmed.yaml", world->folder);
	world->source = (struct config_source){ .path = world->path, .secret_owner = geteuid() };
	engine_world_write(world, setting);
	world->config = config_load(&world->source, &errors);
	for (size_t i = 0; i < errors.n; i++) {
		config_error_format(&errors.list[i], line, sizeof(line));
		print_error("%s\n", line);
	}
	assert_non_null(world->config);
}

static enum store_fault fault(void *arg)
{
	struct engine_world *world = arg;
	world->failed_commits += world->fault != STORE_FAULT_NONE;
	return world->fault;
}

static void open_store(struct engine_world *world)
{
	char err[STORE_ERR_OCTETS];
	struct store_options how = {
		.size_octets = world->config->store.size_octets,
		.create = true,
		.no_sync = true,
		.no_child = true,
		.fault = fault,
		.fault_arg = world,
		.now_ms = 1700000000000,
		.seed = { 7 },
	};
	if (store_open(world->config->store.path, &how, &world->store, err) != STORE_OPEN_OK)
		fail_msg("%s", err);
}

void engine_world_start(struct engine_world *world)
{
	char error[PORT_TEXT_OCTETS];
	world->port = sim_port_new(world->world, 7);
	for (uint16_t i = 0; i < 2; i++)
		sim_port_listen(world->port, (uint16_t)(i + 1), world->carriers[i]);
	open_store(world);
	struct engine_options parts = { .config = world->config,
					.source = &world->source,
					.port = world->port,
					.store = world->store,
					.accept_older = world->older };
	world->engine = engine_new(&parts, error);
	if (!world->engine)
		fail_msg("%s", error);
	world->stopped = false;
}

void engine_world_configure(struct engine_world *world, const struct setting *setting)
{
	config_free(world->config);
	configure(world, setting);
}

void engine_world_kill(struct engine_world *world)
{
	engine_free(world->engine);
	port_free(world->port);
	store_close(world->store);
	world->engine = NULL;
	world->port = NULL;
	world->store = NULL;
}

void engine_world_crash(struct engine_world *world)
{
	engine_world_kill(world);
	engine_world_start(world);
}

static bool all_bound(const struct engine *engine)
{
	for (size_t i = 0; i < engine->n_providers; i++)
		for (size_t k = 0; k < engine->providers[i]->n_links; k++)
			if (!engine->providers[i]->links[k]->ready &&
			    !link_rests(engine, engine->providers[i]->links[k]))
				return false;
	return true;
}

struct engine_world *engine_world_new(const struct setting *setting)
{
	static const struct setting usual;
	static const struct weather calm;
	struct engine_world *world = calloc(1, sizeof(*world));
	log_setup(getenv("ENGINE_LOG") ? CONFIG_LOG_DEBUG : CONFIG_LOG_ERROR);
	snprintf(world->folder, sizeof(world->folder), "/dev/shm/esmed-engine-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	world->world = world_new(1, &calm);
	world->next_number = FIRST_NUMBER;
	for (size_t i = 0; i < 2; i++) {
		world->carriers[i] = calloc(1, sizeof(struct carrier));
		world->carriers[i]->world = world->world;
		world->carriers[i]->sc_interface_version = 0x34;
	}
	configure(world, setting ? setting : &usual);
	engine_world_start(world);
	engine_world_run(world, 100);
	/* Links of one provider bind one after the other. */
	for (int i = 0; i < 100 && !all_bound(world->engine); i++)
		engine_world_run(world, 50);
	return world;
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *ftw)
{
	(void)stat;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void engine_world_free(struct engine_world *world)
{
	if (!world->damaged)
		engine_world_check(world);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(world->carriers[i]->complaints, 0);
	engine_world_kill(world);
	for (size_t i = 0; i < 2; i++)
		carrier_free(world->carriers[i]);
	config_free(world->config);
	world_free(world->world);
	nftw(world->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(world);
}

/* ---- time ---- */

static void step(struct engine_world *world)
{
	world->steps++;
	if (!world->stopped) {
		world->stopped = !engine_step(world->engine);
		return;
	}
	for (struct port_event event; port_next(world->port, &event);)
		; /* nobody hears it */
	port_wait(world->port, INT64_MAX);
}

void engine_world_run(struct engine_world *world, int64_t ms)
{
	int64_t end_ms = world_now_ms(world->world) + ms;
	uint32_t still = 0;
	sim_port_limit(world->port, end_ms);
	while (world_now_ms(world->world) < end_ms) {
		int64_t before_ms = world_now_ms(world->world);
		step(world);
		still = world_now_ms(world->world) == before_ms ? still + 1 : 0;
		if (still > SPIN_STEPS)
			fail_msg("the engine spins at %lld ms", (long long)before_ms);
	}
	/* What falls due at the very end happens too. */
	for (int i = 0; i < 8; i++)
		step(world);
}

void engine_world_settle(struct engine_world *world)
{
	engine_world_run(world, 20);
}

/* ---- orders ---- */

struct wished {
	struct input input;
	struct engine_world *world;
	struct wish wish;
	uint64_t *order;
	uint64_t made;
};

struct accepted {
	struct effect effect;
	uint64_t *order;
	uint64_t made;
};

static void accepted(struct engine *engine, struct effect *effect, enum turn_end end)
{
	struct accepted *done = (void *)effect;
	(void)engine;
	if (end == TURN_DONE)
		*done->order = done->made;
}

static void make_account(struct turn *turn, uint32_t number)
{
	struct store_account account = { .account = number, .active = 1 };
	char name[16];
	int n = snprintf(name, sizeof(name), "shop%u", number);
	if (store_account_get(turn->txn, &account) == STORE_OK)
		return;
	account = (struct store_account){ .account = number, .active = 1 };
	account.name = (struct store_octets){ (const uint8_t *)name, (uint32_t)n };
	account.currency = (struct store_octets){ (const uint8_t *)"EUR", 3 };
	turn_fail(turn, store_account_put(turn->txn, &account));
	while (store_next(turn->txn, STORE_NEXT_ACCOUNT) < number)
		;
	ledger_post(turn,
		    &(struct ledger_entry){ .account = number,
					    .kind = STORE_LEDGER_OPENING,
					    .amount = OPENING,
					    .cause = "opening" },
		    NULL);
}

static struct store_order record_of(const struct turn *turn, const struct wish *wish, int64_t price)
{
	const struct config_route *route = config_route_find(turn->engine->config, wish->route);
	int64_t validity_ms = wish->validity_ms ? wish->validity_ms : route->validity_ms;
	int64_t cost = 0;
	assert_true(ledger_cost(price, wish->parts, wish->total, &cost));
	int64_t queue_ms = turn->due_ms + wish->send_in_ms +
			   (wish->validity_ms ? wish->validity_ms : route->queue_deadline_ms);
	enum smpp_concat_method method = content_method(route->provider);
	bool carrier_cuts = wish->parts > 1 && method == SMPP_CONCAT_PAYLOAD;
	return (struct store_order){
		.account = wish->account,
		.route = wish->route,
		.provider = provider_of(turn->engine,
					provider_carrying(turn->engine, route, wish->sandbox))
				    ->number,
		.sandbox = wish->sandbox,
		.alphabet = SMPP_ALPHABET_GSM7,
		.parts = carrier_cuts ? 1 : (uint8_t)wish->parts,
		.paid_parts = carrier_cuts ? (uint8_t)wish->parts : 0,
		.concat = wish->parts > 1 ? (uint8_t)method : 0,
		.total = wish->total,
		.batch_size = route->batch_size,
		.created_ms = (uint64_t)turn->at_ms,
		.send_at_ms = wish->send_in_ms ? (uint64_t)(turn->due_ms + wish->send_in_ms) : 0,
		.queue_deadline_ms = (uint64_t)queue_ms,
		.validity_ms = (uint64_t)validity_ms,
		.cost = cost,
		.unit_price = price,
		.caller_id = { (const uint8_t *)"Shop", 4 },
	};
}

static void apply_wish(struct turn *turn, struct input *input)
{
	struct wished *wished = (void *)input;
	const struct wish *wish = &wished->wish;
	int64_t price = wish->price < 0 ? 0 : wish->price ? wish->price : PRICE;
	char text[400];
	make_account(turn, wish->account);
	memset(text, 'x', sizeof(text));
	struct store_order rec = record_of(turn, wish, price);
	struct work *work = turn_failed(turn) ? NULL : orders_create(turn, &rec);
	if (!work)
		return;
	orders_add_text(turn, work, text, wish->parts > 1 ? 153 * (wish->parts - 1) + 10 : 60);
	for (uint32_t i = 0; i < wish->total; i++)
		orders_add_message(turn, work, i, wish->first + i * (wish->step + 1));
	struct ledger_entry debit = { .account = wish->account,
				      .kind = STORE_LEDGER_DEBIT,
				      .amount = -rec.cost,
				      .order = work->rec.order,
				      .cause = "order" };
	if (!wish->sandbox)
		ledger_post(turn, &debit, NULL);
	orders_wake(work, (int64_t)work->rec.queue_deadline_ms);
	orders_enqueue(turn, &work->rec);
	struct accepted *effect = (void *)turn_effect(turn, accepted, sizeof(*effect));
	if (!effect)
		return;
	effect->order = wished->order;
	effect->made = work->rec.order;
}

static void refuse_wish(struct engine *engine, struct input *input, enum store_err why)
{
	(void)engine;
	(void)input;
	(void)why;
}

uint64_t engine_world_order(struct engine_world *world, const struct wish *wish)
{
	uint64_t order = 0;
	struct wished *wished = calloc(1, sizeof(*wished));
	wished->input.apply = apply_wish;
	wished->input.refuse = refuse_wish;
	wished->world = world;
	wished->wish = *wish;
	wished->order = &order;
	if (!wished->wish.route)
		wished->wish.route = 1;
	if (!wished->wish.total)
		wished->wish.total = 1;
	if (!wished->wish.parts)
		wished->wish.parts = 1;
	if (!wished->wish.account)
		wished->wish.account = 1;
	if (!wished->wish.first) {
		wished->wish.first = world->next_number;
		world->next_number += wished->wish.total;
	}
	engine_input(world->engine, &wished->input);
	engine_world_settle(world);
	return order;
}

/* ---- what the store says ---- */

static struct store_txn *reading(struct engine_world *world)
{
	struct store_txn *txn;
	assert_int_equal(store_read_begin(world->store, &txn), STORE_OK);
	return txn;
}

struct store_order world_order(struct engine_world *world, uint64_t order)
{
	static struct store_order rec; /* what it points to lies in it, until the next one */
	struct store_txn *txn = reading(world);
	rec = (struct store_order){ .order = order };
	enum store_err err = store_order_get(txn, &rec);
	store_read_end(txn);
	assert_int_equal(err, STORE_OK);
	return rec;
}

const struct store_message *world_message(struct engine_world *world, uint64_t order,
					  uint32_t index)
{
	static struct store_message message;
	struct store_txn *txn = reading(world);
	message = (struct store_message){ .order = order, .index = index };
	enum store_err err = store_message_get(txn, &message);
	store_read_end(txn);
	assert_int_equal(err, STORE_OK);
	return &message;
}

enum store_state world_state(struct engine_world *world, uint64_t order, uint32_t index)
{
	return (enum store_state)world_message(world, order, index)->state;
}

enum store_error world_error(struct engine_world *world, uint64_t order, uint32_t index)
{
	return (enum store_error)world_message(world, order, index)->error;
}

enum store_state world_segment(struct engine_world *world, uint64_t order, uint32_t index,
			       uint32_t n)
{
	struct store_order rec = world_order(world, order);
	struct segment_ref ref = { .order = order, .index = index, .segment = n };
	struct store_segment segment = { .order = order, .index = index, .segment = n };
	if (!n)
		return orders_state(&rec, ref, &world_message(world, order, index)->seg);
	struct store_txn *txn = reading(world);
	enum store_err err = store_segment_get(txn, &segment);
	store_read_end(txn);
	assert_int_equal(err, STORE_OK);
	return orders_state(&rec, ref, &segment.seg);
}

uint64_t world_count(struct engine_world *world, enum store_kind kind)
{
	struct store_txn *txn = reading(world);
	uint64_t n = store_count(txn, kind);
	store_read_end(txn);
	return n;
}

int64_t world_balance(struct engine_world *world)
{
	struct store_account account = { .account = 1 };
	struct store_txn *txn = reading(world);
	enum store_err err = store_account_get(txn, &account);
	store_read_end(txn);
	assert_int_equal(err, STORE_OK);
	return account.balance;
}

uint32_t world_rows(struct engine_world *world, uint64_t order, uint32_t index, int event)
{
	const struct store_message *message = world_message(world, order, index);
	struct evidence row;
	size_t offset = 0;
	uint32_t n = 0;
	while (evidence_next(message->seg.evidence.at, message->seg.evidence.n, &offset, 0, &row))
		n += event < 0 || (int)row.event == event;
	assert_int_equal(offset, message->seg.evidence.n);
	return n;
}

bool world_row(struct engine_world *world, uint64_t order, uint32_t index, enum life_event event,
	       struct evidence *row)
{
	const struct store_message *message = world_message(world, order, index);
	struct evidence any;
	size_t offset = 0;
	bool is = false;
	while (evidence_next(message->seg.evidence.at, message->seg.evidence.n, &offset,
			     (int64_t)world_order(world, order).created_ms, &any))
		if (any.event == event) {
			*row = any;
			is = true;
		}
	return is;
}

static void found(void *arg, enum store_kind kind, const char *record, const char *what)
{
	struct engine_world *world = arg;
	world->findings++;
	print_error("%s: %s\n\t%s\n", store_kind_name(kind), what, record);
}

void engine_world_check(struct engine_world *world)
{
	struct store_check check = { .finding = found, .arg = world };
	world->findings = 0;
	assert_int_equal(store_check(world->store, &check), STORE_OK);
	assert_int_equal(world->findings, 0);
}

bool engine_world_alarmed(const struct engine_world *world, const char *name)
{
	for (const struct alarm *alarm = world->engine->alarms; alarm; alarm = alarm->next)
		if (!strcmp(alarm->name, name))
			return true;
	return false;
}

/* ---- damage ---- */

void engine_world_flip(struct engine_world *world, enum store_kind kind, const void *rec)
{
	uint8_t value[STORE_VALUE_OCTETS], page[4096];
	char path[128];
	size_t n;
	int flipped = 0;
	assert_int_equal(store_value_encode(kind, rec, 0, value, &n), STORE_OK);
	snprintf(path, sizeof(path), "%s/store/data.mdb", world->folder);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	/* The first octets of a value, its key's before it: enough to find it by. */
	uint8_t wanted[STORE_KEY_OCTETS + 12];
	size_t key_n = store_key_encode(kind, rec, wanted);
	memcpy(wanted + key_n, value, 12);
	for (off_t at = 0; pread(fd, page, sizeof(page), at) == (ssize_t)sizeof(page);
	     at += (off_t)sizeof(page)) {
		uint8_t *place = memmem(page, sizeof(page), wanted, key_n + 12);
		if (!place)
			continue;
		place[key_n + 6] ^= 4;
		assert_int_equal(pwrite(fd, page, sizeof(page), at), sizeof(page));
		flipped++;
	}
	close(fd);
	assert_true(flipped > 0);
}
