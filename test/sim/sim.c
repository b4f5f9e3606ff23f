/*
 * Deterministic simulation of the whole daemon: the real engine on the real store, under virtual
 * time, with carriers that answer late, never or wrongly, links that are cut at any octet and
 * crashes between turns. Each seed is one run; after it the store must tell the truth.
 *
 *	sim [--seed N | --seeds N] [--from N] [--verbose]
 */
#include <argp.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "core/engine.h"
#include "core/ledger.h"
#include "core/log.h"
#include "core/orders.h"
#include "core/provider.h"
#include "core/tap.h"
#include "test/sim/run.h"

/* ---- making ---- */

static void write_file(const struct run *run, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", run->folder, name);
	FILE *file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file))
		abort();
	chmod(path, 0600);
}

static const char config_form[] =
	"store: {path: store, size: 64MiB}\n"
	"log: {level: %s}\n"
	"sockets:\n"
	"  submit: {path: submit.sock}\n"
	"  control: {path: control.sock}\n"
	"providers:\n"
	"  alpha: {system_id: a, password_file: password, window: %u, release_ahead: %u,\n"
	"    window_scope: %s, congestion: %s, concat: %s, submit_multi: %u,\n"
	"    message_id_dialect: %s, join_unique_receipt: %s,\n"
	"    timers: {response: 3s, enquire_link_idle: 5s, enquire_link_answer: 3s,\n"
	"      reconnect_min: 200ms, reconnect_max: 2s, fallback: 4s},\n"
	"    links: {one: {host: 127.0.0.1, port: 1, tls: off}%s}}\n"
	"  beta: {system_id: b, password_file: password, window: %u, rate: %u, congestion: %s,\n"
	"    concat: %s, query_missing_receipt: %s,\n"
	"    message_id_dialect: %s, join_unique_receipt: %s,\n"
	"    timers: {response: 3s, reconnect_min: 200ms, reconnect_max: 2s, fallback: 4s},\n"
	"    links: {main: {host: 127.0.0.1, port: 2, tls: off}}}\n"
	"  sandbox: {kind: sandbox, timers: {response: 3s}}\n"
	"routes:\n"
	"  1: {name: a, provider: alpha, batch_size: 20, validity: 60s, receipt_deadline: 40s,\n"
	"    doubt: %s, doubt_grace: 2s, refund: undelivered, retries: {count: 2, delays: [300ms]}}\n"
	"  2: {name: b, provider: beta, validity: 60s, receipt_deadline: 40s, doubt: %s,\n"
	"    doubt_grace: 2s}\n"
	"prices:\n"
	"  - {route: 1, prefix: \"31\", country: NL, price: \"0.088\"}\n";

static const char *draw_concat(struct run *run)
{
	return config_concat_word((enum config_concat)dice_between(&run->dice, CONFIG_CONCAT_UDH8,
								   CONFIG_CONCAT_PAYLOAD));
}

static void write_config(const struct run *run, const struct setting *now)
{
	static const char two[] = ", two: {host: 127.0.0.1, port: 1, tls: off}";
	char text[sizeof(config_form) + 200];
	snprintf(text, sizeof(text), config_form, run->verbose ? "debug" : "error", now->window,
		 now->ahead, run->shared ? "provider" : "session", now->congestion[0],
		 now->concat[0], now->multi, now->dialect[0], now->join[0], now->two ? two : "",
		 now->window, now->rate, now->congestion[1], now->concat[1],
		 now->query && now->window > 1 ? "true" : "false", now->dialect[1], now->join[1],
		 run->hold[0] ? "hold" : "resend", run->hold[1] ? "hold" : "resend");
	write_file(run, "esmed.yaml", text);
}

static void make_config(struct run *run)
{
	static struct config_errors errors;
	char line[600];
	struct setting *setting = &run->setting;
	run->window = (uint32_t)dice_between(&run->dice, 1, 20);
	run->shared = dice_permille(&run->dice, 300);
	for (size_t i = 0; i < CARRIERS; i++)
		run->hold[i] = dice_permille(&run->dice, 700);
	*setting = (struct setting){ .window = run->window, .two = true };
	setting->ahead = (uint32_t)dice_between(&run->dice, 0, 20);
	setting->congestion[0] = dice_permille(&run->dice, 300) ? "slow" : "ignore";
	setting->concat[0] = draw_concat(run);
	setting->rate = dice_permille(&run->dice, 300) ? 50 : 0;
	setting->congestion[1] = dice_permille(&run->dice, 300) ? "slow" : "ignore";
	setting->concat[1] = draw_concat(run);
	setting->multi =
		dice_permille(&run->dice, 500) ? (uint32_t)dice_between(&run->dice, 2, 254) : 0;
	setting->query = dice_permille(&run->dice, 500);
	for (size_t i = 0; i < CARRIERS; i++) {
		setting->dialect[i] = dice_permille(&run->dice, 500) ? "auto" : "none";
		setting->join[i] = dice_permille(&run->dice, 500) ? "true" : "false";
	}
	write_file(run, "password", "secret\n");
	write_config(run, setting);
	snprintf(run->path, sizeof(run->path), "%s/esmed.yaml", run->folder);
	run->source.path = run->path;
	run->config = config_load(&run->source, &errors);
	for (size_t i = 0; i < errors.n; i++) {
		config_error_format(&errors.list[i], line, sizeof(line));
		printf("%s\n", line);
	}
	if (!run->config)
		abort();
}

static enum store_fault fault(void *arg)
{
	struct run *run = arg;
	bool full = world_stormy(run->world) &&
		    dice_permille(&run->dice, run->weather.full_permille);
	return full ? STORE_FAULT_FULL : STORE_FAULT_NONE;
}

static bool start(struct run *run)
{
	char err[STORE_ERR_OCTETS], error[PORT_TEXT_OCTETS];
	struct store_options how = {
		.size_octets = run->config->store.size_octets,
		.create = true,
		.no_sync = true,
		.no_child = true,
		.fault = fault,
		.fault_arg = run,
		.now_ms = 1700000000000,
	};
	memcpy(how.seed, &run->seed, sizeof(run->seed));
	run->port = sim_port_new(run->world, run->seed + run->crashes);
	for (size_t i = 0; i < CARRIERS; i++)
		sim_port_listen(run->port, (uint16_t)(i + 1), run->carriers[i]);
	/* A start that found no room is tried again, as a supervisor would. */
	for (int i = 0; i < STARTS_MAX && !run->store; i++)
		store_open(run->config->store.path, &how, &run->store, err);
	if (!run->store) {
		printf("seed %llu: %s\n", (unsigned long long)run->seed, err);
		return false;
	}
	struct engine_options parts = { .config = run->config,
					.source = &run->source,
					.port = run->port,
					.store = run->store };
	for (int i = 0; i < STARTS_MAX && !run->engine; i++)
		run->engine = engine_new(&parts, error);
	if (!run->engine) {
		printf("seed %llu: %s\n", (unsigned long long)run->seed, error);
		return false;
	}
	run->tap = tap_reader_new(run->engine->tap, &(struct tap_want){ 0 });
	run->old_sessions = run->sessions;
	return run->tap;
}

static void stop(struct run *run)
{
	tap_reader_free(run->tap);
	engine_free(run->engine);
	port_free(run->port);
	store_close(run->store);
	run->tap = NULL;
	run->engine = NULL;
	run->store = NULL;
}

/* Every PDU has its session, and no session of now one of before the crash. */
static void watch_sessions(struct run *run)
{
	struct tap_record record;
	while (tap_reader_next(run->tap, &record)) {
		if (record.note || !record.octets)
			continue;
		if (record.session <= run->old_sessions)
			run_complain(run, "a PDU has no session of its own", record.session);
		if (record.session > run->sessions)
			run->sessions = record.session;
	}
}

/* ---- what clients do ---- */

struct intent {
	struct input input;
	struct run *run;
	uint32_t route, total, parts;
	uint64_t first; /* number */
	bool sandbox;
};

struct acceptance {
	struct effect effect;
	struct run *run;
	uint32_t total;
};

static void accepted(struct engine *engine, struct effect *effect, enum turn_end end)
{
	struct acceptance *acceptance = (void *)effect;
	(void)engine;
	if (end == TURN_DONE)
		acceptance->run->accepted_messages += acceptance->total;
}

static void make_account(struct turn *turn)
{
	struct store_account account = { .account = 1, .active = 1, .balance = 0 };
	account.name = (struct store_octets){ (const uint8_t *)"shop", 4 };
	account.currency = (struct store_octets){ (const uint8_t *)"EUR", 3 };
	if (store_account_get(turn->txn, &(struct store_account){ .account = 1 }) == STORE_OK)
		return;
	account.account = (uint32_t)store_next(turn->txn, STORE_NEXT_ACCOUNT);
	turn_fail(turn, store_account_put(turn->txn, &account));
	struct ledger_entry opening = {
		.account = 1, .kind = STORE_LEDGER_OPENING, .amount = OPENING, .cause = "opening"
	};
	ledger_post(turn, &opening, NULL);
}

static void apply_intent(struct turn *turn, struct input *input)
{
	struct intent *intent = (void *)input;
	struct run *run = intent->run;
	const struct config_route *route = config_route_find(turn->engine->config, intent->route);
	char text[400];
	int64_t cost = 0;
	make_account(turn);
	memset(text, 'x', sizeof(text));
	ledger_cost(PRICE, intent->parts, intent->total, &cost);
	enum smpp_concat_method method = content_method(route->provider);
	bool cut_there = intent->parts > 1 && method == SMPP_CONCAT_PAYLOAD;
	struct store_order rec = {
		.account = 1,
		.route = intent->route,
		.provider = provider_of(turn->engine,
					provider_carrying(turn->engine, route, intent->sandbox))
				    ->number,
		.sandbox = intent->sandbox,
		.alphabet = SMPP_ALPHABET_GSM7,
		.parts = cut_there ? 1 : (uint8_t)intent->parts,
		.paid_parts = cut_there ? (uint8_t)intent->parts : 0,
		.concat = intent->parts > 1 ? (uint8_t)method : 0,
		.total = intent->total,
		.batch_size = route->batch_size,
		.created_ms = (uint64_t)turn->at_ms,
		.queue_deadline_ms = (uint64_t)(turn->due_ms + route->queue_deadline_ms),
		.wake_at_ms = (uint64_t)(turn->due_ms + route->queue_deadline_ms),
		.validity_ms = (uint64_t)route->validity_ms,
		.cost = cost,
		.unit_price = PRICE,
		.caller_id = { (const uint8_t *)"Shop", 4 },
	};
	struct work *work = turn_failed(turn) ? NULL : orders_create(turn, &rec);
	if (!work)
		return;
	orders_add_text(turn, work, text, intent->parts > 1 ? 153 * (intent->parts - 1) + 10 : 60);
	for (uint32_t i = 0; i < intent->total; i++)
		orders_add_message(turn, work, i, intent->first + i);
	struct ledger_entry debit = { .account = 1,
				      .kind = STORE_LEDGER_DEBIT,
				      .amount = -cost,
				      .order = work->rec.order,
				      .cause = "order" };
	if (!intent->sandbox)
		ledger_post(turn, &debit, NULL);
	orders_enqueue(turn, &work->rec);
	struct acceptance *effect = (void *)turn_effect(turn, accepted, sizeof(*effect));
	if (!effect)
		return;
	effect->run = run;
	effect->total = intent->total;
}

/* No room: the client is refused, and nothing of it may be found later. */
static void refuse_intent(struct engine *engine, struct input *input, enum store_err why)
{
	(void)engine;
	(void)input;
	(void)why;
}

static struct intent *draw_intent(struct run *run, struct dice *dice)
{
	struct intent *intent = calloc(1, sizeof(*intent));
	intent->input.apply = apply_intent;
	intent->input.refuse = refuse_intent;
	intent->run = run;
	intent->route = (uint32_t)dice_between(dice, 1, 2);
	intent->total = (uint32_t)dice_between(dice, 1, 60);
	intent->parts = dice_permille(dice, 200) ? 3 : 1;
	return intent;
}

static void send_intent(struct world *world, void *arg, uint64_t number)
{
	struct run *run = arg;
	(void)world;
	(void)number;
	if (!run->engine)
		return;
	struct intent *intent = draw_intent(run, &run->dice);
	intent->first = run->next_msisdn;
	run->next_msisdn += intent->total;
	engine_input(run->engine, &intent->input);
}

/* The same of a sandbox account. */
static void send_sandboxed(struct world *world, void *arg, uint64_t number)
{
	struct run *run = arg;
	(void)world;
	(void)number;
	if (!run->engine)
		return;
	struct intent *intent = draw_intent(run, &run->sandboxed);
	intent->first = SANDBOX_FIRST;
	intent->sandbox = true;
	engine_input(run->engine, &intent->input);
}

static void speak(struct world *world, void *arg, uint64_t number)
{
	struct run *run = arg;
	(void)world;
	carrier_speak(run->carriers[number]);
}

static void cut_links(struct world *world, void *arg, uint64_t number)
{
	struct run *run = arg;
	if (!world_stormy(world))
		return;
	carrier_cut(run->carriers[number]);
	world_later(world,
		    world_now_ms(world) +
			    dice_between(&run->dice, 1, 2 * run->weather.cut_every_ms),
		    cut_links, run, number);
}

static void crash(struct world *world, void *arg, uint64_t number)
{
	struct run *run = arg;
	(void)number;
	if (!world_stormy(world))
		return;
	run->crash = true;
	world_later(world,
		    world_now_ms(world) +
			    dice_between(&run->dice, 1, 2 * run->weather.crash_every_ms),
		    crash, run, 0);
}

/* ---- what operators do ---- */

/* Another file, one time in four a wrong one; windows never grow beyond what is checked. */
static void reload(struct world *world, void *arg, uint64_t number)
{
	struct run *run = arg;
	struct dice *dice = &run->reloads;
	struct setting now = run->setting;
	(void)number;
	now.window = (uint32_t)dice_between(dice, 1, run->window);
	now.ahead = (uint32_t)dice_between(dice, 0, 20);
	now.rate = dice_permille(dice, 300) ? 50 : 0;
	now.two = dice_permille(dice, 500);
	if (dice_permille(dice, 250))
		write_file(run, "esmed.yaml", "providers: [\n");
	else
		write_config(run, &now);
	if (run->engine && !run->crash)
		engine_signal(run->engine, SIGHUP);
	world_trace(world, "reload", now.window);
}

/* ---- a run ---- */

static void draw(struct run *run)
{
	struct dice *dice = &run->dice;
	run->weather = (struct weather){
		.latency_ms = dice_between(dice, 0, 100),
		.fragment_permille = (unsigned)dice_between(dice, 0, 600),
		.cut_every_ms = dice_permille(dice, 700) ? dice_between(dice, 500, 8000) : 0,
		.crash_every_ms = dice_permille(dice, 600) ? dice_between(dice, 500, 9000) : 0,
		.full_permille = dice_permille(dice, 300) ? (unsigned)dice_between(dice, 1, 50) : 0,
		.calm_ms = 1000000 + dice_between(dice, 2000, 25000),
	};
}

static struct carrier *draw_carrier(struct run *run, uint64_t number)
{
	struct dice *dice = &run->dice;
	struct carrier_options options = {
		.seed = run->seed * 31 + number,
		.latency_ms = dice_between(dice, 0, 400),
		.receipt_ms = dice_between(dice, 0, 6000),
		.lost_permille = (unsigned)dice_between(dice, 0, 100),
		.doubled_permille = (unsigned)dice_between(dice, 0, 200),
		.early_permille = (unsigned)dice_between(dice, 0, 300),
		.silent_permille = (unsigned)dice_between(dice, 0, 60),
		.late_permille = (unsigned)dice_between(dice, 0, 60),
		.error_permille = (unsigned)dice_between(dice, 0, 60),
		.unbind_permille = (unsigned)dice_between(dice, 0, 6),
		.throttled_permille = (unsigned)dice_between(dice, 0, 60),
		.refused_permille = (unsigned)dice_between(dice, 0, 60),
		.failed_permille = (unsigned)dice_between(dice, 0, 200),
		.hex_ids = dice_permille(dice, 500),
		.congested_permille = dice_permille(dice, 300) ? 300 : 0,
		.old_until_ms = dice_permille(dice, 300) ?
					world_now_ms(run->world) + dice_between(dice, 0, 30000) :
					0,
		.sc_interface_version = dice_permille(dice, 800) ? 0x34 : 0,
	};
	return carrier_new(run->world, &options);
}

static bool turn_over(struct run *run)
{
	if (run->crash) {
		run->crash = false;
		run->crashes++;
		oracle_recount(run);
		stop(run);
		if (!start(run))
			return false;
	}
	int64_t before_ms = world_now_ms(run->world);
	bool going = engine_step(run->engine);
	watch_sessions(run);
	run->still = world_now_ms(run->world) == before_ms ? run->still + 1 : 0;
	if (run->still > STILL_MAX) {
		run_complain(run, "the engine spins", (uint64_t)before_ms);
		return false;
	}
	if (!going && run->engine->exit_status) {
		run_complain(run, "the engine gave up", (uint64_t)run->engine->exit_status);
		return false;
	}
	return true;
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *ftw)
{
	(void)stat;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static uint32_t simulate(uint64_t seed, bool verbose, uint64_t *hash)
{
	struct run run = { .seed = seed, .verbose = verbose, .next_msisdn = FIRST_MSISDN };
	snprintf(run.folder, sizeof(run.folder), "/dev/shm/esmed-sim-XXXXXX");
	if (!mkdtemp(run.folder))
		abort();
	run.dice = dice_of(seed, "run");
	draw(&run);
	run.world = world_new(seed, &run.weather);
	for (uint64_t i = 0; i < CARRIERS; i++)
		run.carriers[i] = draw_carrier(&run, i);
	make_config(&run);
	int64_t begin_ms = world_now_ms(run.world);
	for (int64_t i = dice_between(&run.dice, 1, ORDERS_MAX); i > 0; i--)
		world_later(run.world, begin_ms + dice_between(&run.dice, 0, 15000), send_intent,
			    &run, 0);
	for (int64_t i = dice_between(&run.dice, 0, SPEECHES_MAX); i > 0; i--)
		world_later(run.world, begin_ms + dice_between(&run.dice, 0, 15000), speak, &run,
			    (uint64_t)i % CARRIERS);
	for (uint64_t i = 0; run.weather.cut_every_ms && i < CARRIERS; i++)
		world_later(run.world, begin_ms + 1000, cut_links, &run, i);
	if (run.weather.crash_every_ms)
		world_later(run.world, begin_ms + 1500, crash, &run, 0);
	run.reloads = dice_of(seed, "reloads");
	for (int64_t i = dice_between(&run.reloads, -RELOADS_MAX, RELOADS_MAX); i > 0; i--)
		world_later(run.world, begin_ms + dice_between(&run.reloads, 0, 20000), reload,
			    &run, 0);
	run.sandboxed = dice_of(seed, "sandboxed");
	for (int64_t i = dice_between(&run.sandboxed, -SANDBOXED_MAX, SANDBOXED_MAX); i > 0; i--)
		world_later(run.world, begin_ms + dice_between(&run.sandboxed, 0, 15000),
			    send_sandboxed, &run, 0);
	bool going = start(&run);
	int64_t end_ms = run.weather.calm_ms + END_MS, looked_ms = 0;
	while (going && world_now_ms(run.world) < end_ms) {
		going = turn_over(&run);
		if (world_now_ms(run.world) < looked_ms + 1000)
			continue;
		looked_ms = world_now_ms(run.world);
		if (looked_ms > begin_ms + 16000 && !world_stormy(run.world) &&
		    oracle_all_ended(&run))
			break;
	}
	if (!going)
		run.failures++;
	else
		oracle_check(&run);
	*hash = world_hash(run.world);
	stop(&run);
	for (size_t i = 0; i < CARRIERS; i++)
		carrier_free(run.carriers[i]);
	config_free(run.config);
	world_free(run.world);
	nftw(run.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return run.failures;
}

/* ---- arguments ---- */

struct arguments {
	uint64_t from, seeds;
	bool verbose;
};

static const struct argp_option options[] = {
	{ "seed", 's', "N", 0, "Run this one seed", 0 },
	{ "seeds", 'n', "N", 0, "Run so many seeds (200)", 0 },
	{ "from", 'f', "N", 0, "Begin with this seed (1)", 0 },
	{ "verbose", 'v', NULL, 0, "A line for each run; the daemon's log", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	switch (key) {
	case 's':
		arguments->from = strtoull(arg, NULL, 10);
		arguments->seeds = 1;
		return 0;
	case 'n':
		arguments->seeds = strtoull(arg, NULL, 10);
		return 0;
	case 'f':
		arguments->from = strtoull(arg, NULL, 10);
		return 0;
	case 'v':
		arguments->verbose = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* One seed; one in twenty is run again and must not differ. */
static uint32_t one(uint64_t seed, bool verbose)
{
	uint64_t hash, again;
	uint32_t failures = simulate(seed, verbose, &hash);
	if (!failures && seed % 20 == 0) {
		failures = simulate(seed, verbose, &again);
		if (hash != again) {
			printf("seed %llu: two runs differ\n", (unsigned long long)seed);
			failures++;
		}
	}
	if (failures)
		printf("replay: %s --seed %llu --verbose\n", program_invocation_name,
		       (unsigned long long)seed);
	return failures;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse };
	struct arguments arguments = { .from = 1, .seeds = 200 };
	uint64_t failed = 0;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	log_setup(arguments.verbose ? CONFIG_LOG_DEBUG : CONFIG_LOG_ERROR);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (uint64_t i = 0; i < arguments.seeds; i++)
		failed += one(arguments.from + i, arguments.verbose) != 0;
	printf("%llu seeds from %llu: %llu failed\n", (unsigned long long)arguments.seeds,
	       (unsigned long long)arguments.from, (unsigned long long)failed);
	return failed != 0;
}
