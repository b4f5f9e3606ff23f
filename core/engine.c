/* The engine: rounds, turns, commits, effects. See engine.h and turn.h. */
#include "core/engine.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/activity.h"
#include "core/ask.h"
#include "core/certificates.h"
#include "core/cohort.h"
#include "core/deadline.h"
#include "core/feed.h"
#include "core/inbound.h"
#include "core/insight_alarm.h"
#include "core/link_alarm.h"
#include "core/log.h"
#include "core/missing.h"
#include "core/orders.h"
#include "core/overdue.h"
#include "core/provider.h"
#include "core/reconcile.h"
#include "core/release.h"
#include "core/reload.h"
#include "core/retention.h"
#include "core/sandbox.h"
#include "core/scheduler.h"
#include "core/server.h"
#include "core/tap.h"
#include "core/traffic.h"

#define FULL_WAIT_MS	1000 /* after a turn of ours found no room */
#define MARK_MS		1000
#define TICK_MS		1000 /* timers wait so long at most for what is to be fed first */
#define STEP_MS		2000 /* a wall clock that moved by more has stepped */
#define RECOVER_RECORDS 200  /* releases put in doubt in one transaction */
#define SANDBOX_EVENTS	256
#define SESSIONS_MAX	1000 /* looked at when those a crash left open are closed */

/* ---- turns ---- */

void turn_fail(struct turn *turn, enum store_err err)
{
	if (err != STORE_OK && turn->error == STORE_OK)
		turn->error = err;
}

bool turn_spent(const struct turn *turn)
{
	return port_now_ms(turn->engine->port) - turn->now_ms >= ENGINE_TURN_MS;
}

static struct effect *add_effect(struct turn *turn, struct effects *to, effect_fn *run, size_t size)
{
	struct effect *effect = calloc(1, size);
	if (!effect) {
		turn_fail(turn, STORE_FULL);
		return NULL;
	}
	effect->run = run;
	if (to->last)
		to->last->next = effect;
	else
		to->first = effect;
	to->last = effect;
	return effect;
}

struct effect *turn_effect(struct turn *turn, effect_fn *run, size_t size)
{
	return add_effect(turn, &turn->effects, run, size);
}

struct effect *turn_answer(struct turn *turn, effect_fn *run, size_t size)
{
	return add_effect(turn, &turn->answers, run, size);
}

static void turn_begin(struct turn *turn, struct engine *engine)
{
	*turn = (struct turn){ .engine = engine, .now_ms = port_now_ms(engine->port) };
	turn->at_ms = port_wall_ms(engine->port);
	turn->due_ms = engine->due_base_ms + turn->now_ms;
	turn_fail(turn, store_begin(engine->store, &turn->txn));
}

static void run_effects(struct engine *engine, struct effects *effects, enum turn_end end)
{
	while (effects->first) {
		struct effect *effect = effects->first;
		effects->first = effect->next;
		effect->run(engine, effect, end);
		free(effect);
	}
}

/* Commits or aborts, and lets the effects out in the form that fits. */
static enum turn_end turn_finish(struct turn *turn)
{
	enum turn_end end = TURN_DONE;
	struct engine *engine = turn->engine;
	if (!turn_failed(turn)) {
		turn_fail(turn, store_commit(turn->txn));
		turn->txn = NULL;
		engine->commits++;
	}
	if (turn->txn)
		store_abort(turn->txn);
	if (turn_failed(turn))
		end = turn->error == STORE_FATAL ? TURN_UNKNOWN : TURN_DROPPED;
	if (turn->answers.first) {
		run_effects(engine, &turn->answers, end);
		port_push(engine->port);
	}
	run_effects(engine, &turn->effects, end);
	orders_release(turn);
	cohorts_release(turn);
	if (end != TURN_UNKNOWN)
		return end;
	log_error("store.fatal",
		  "a commit failed and nobody knows what is on disk; start again to find out");
	engine->stopped = true;
	engine->exit_status = 1;
	return end;
}

/* ---- memory that mirrors the store ---- */

static bool load_order(struct turn *turn, uint64_t number)
{
	struct store_order rec = { .order = number };
	enum store_err err = store_order_get(turn->txn, &rec);
	if (err == STORE_CORRUPT || err == STORE_NOTFOUND) {
		alarm_set(turn->engine, "store_corrupt", true,
			  "an open order cannot be read; run: esmectl store check");
		return true;
	}
	turn_fail(turn, err);
	if (err)
		return false;
	orders_enqueue(turn, &rec);
	/* A walk that was cut short begins again at once, and so does one that has no time. */
	int64_t wake_ms = rec.wake_at_ms ? (int64_t)rec.wake_at_ms : ORDERS_WALKING;
	if (!wakes_push(turn->engine->wakes, wake_ms, number))
		turn_fail(turn, STORE_FULL);
	return !turn_failed(turn);
}

/* Of one that came back; `rec` is the order that was read last. */
static bool load_returned(struct turn *turn, const struct store_returned *back,
			  struct store_order *rec)
{
	struct segment_ref ref = { .order = back->order,
				   .index = back->index,
				   .segment = back->segment };
	if (!config_route_find(turn->engine->config, queue_lane_route(back->route)))
		return true;
	if (rec->order != back->order) {
		*rec = (struct store_order){ .order = back->order };
		if (store_order_get(turn->txn, rec) != STORE_OK)
			rec->created_ms = back->due_ms; /* told elsewhere; its age is not known */
	}
	return queue_return(turn->engine->queue, back->route, (int64_t)back->due_ms,
			    orders_since_ms(turn, rec), ref);
}

static bool usable(enum store_err err)
{
	return err == STORE_OK || err == STORE_CORRUPT;
}

/* Queue and wakes from the records, at start and when a transaction was dropped. */
static bool load(struct engine *engine)
{
	struct turn turn = { .engine = engine };
	struct store_open_order open = { 0 };
	struct store_returned back = { 0 };
	struct store_order rec = { 0 };
	queue_clear(engine->queue);
	wakes_clear(engine->wakes);
	missing_clear(engine->missing);
	turn_fail(&turn, store_read_begin(engine->store, &turn.txn));
	if (turn_failed(&turn))
		return false;
	/* An entry of an index that is corrupt has its key, and the key is all there is to it. */
	for (enum store_err err = store_open_order_seek(turn.txn, &open, 0); usable(err);
	     err = store_open_order_next(turn.txn, &open, 0))
		if (!load_order(&turn, open.order))
			break;
	for (enum store_err err = store_returned_seek(turn.txn, &back, 0);
	     usable(err) && !turn_failed(&turn); err = store_returned_next(turn.txn, &back, 0))
		if (!load_returned(&turn, &back, &rec))
			turn_fail(&turn, STORE_FULL);
	store_read_end(turn.txn);
	engine->schedule = true;
	engine->stale = false;
	return !turn_failed(&turn);
}

static void read_back(struct engine *engine)
{
	if (!engine->stale || engine->stopped || load(engine))
		return;
	log_error("store.reload", "the queue cannot be read back; stopping");
	engine->stopped = true;
	engine->exit_status = 1;
}

/* ---- inputs ---- */

void engine_input(struct engine *engine, struct input *input)
{
	input->next = NULL;
	if (engine->last_input)
		engine->last_input->next = input;
	else
		engine->first_input = input;
	engine->last_input = input;
	engine->n_inputs++;
}

/* Deadlines, sums, for outcomes are looked at when these are whole, what is too old, releases. */
static void own_work(struct turn *turn)
{
	struct engine *engine = turn->engine;
	bool retains = turn->now_ms >= engine->retain_ms;
	bool looks = turn->now_ms >= engine->outcomes_ms;
	deadline_run(turn);
	if (retains || looks || cohorts_wait(engine))
		looks = cohorts_fold(turn) && looks;
	if (retains) {
		engine->retain_ms = turn->now_ms + RETENTION_EVERY_MS;
		inbound_run(turn);
		retention_run(turn);
	}
	if (looks || insight_alarm_waits(engine->insight_alarm)) {
		engine->outcomes_ms = turn->now_ms + INSIGHT_ALARM_EVERY_MS;
		insight_alarm_run(turn);
	}
	if (activity_waits(engine))
		activity_write(turn);
	engine->scheduled_ms = turn->due_ms;
	scheduler_run(turn);
	missing_run(turn);
}

static enum turn_end try_inputs(struct engine *engine, struct input **inputs, size_t n, bool own)
{
	struct turn turn;
	turn_begin(&turn, engine);
	for (size_t i = 0; i < n && !turn_failed(&turn); i++)
		inputs[i]->apply(&turn, inputs[i]);
	if (own && !turn_failed(&turn))
		own_work(&turn);
	orders_flush(&turn);
	if (!turn_failed(&turn) && store_changed(turn.txn))
		activity_write(&turn);
	enum store_err error = turn.error;
	enum turn_end end = turn_finish(&turn);
	if (end == TURN_DROPPED) {
		log_warning("store.dropped", "inputs=%zu error=\"%s\"", n,
			    store_err_text(error ? error : turn.error));
		engine->dropped_error = turn.error;
		engine->stale = true;
	}
	return end;
}

/* The input alone cannot be kept. */
static void refuse(struct engine *engine, struct input *input)
{
	enum store_err why = engine->dropped_error;
	if (input->refuse) {
		input->refuse(engine, input, why);
		free(input);
	} else if (why == STORE_FULL) {
		engine_input(engine, input);
	} else {
		log_error("input.lost", "error=\"%s\"", store_err_text(why));
		alarm_set(engine, "input_lost", true,
			  "an answer of a carrier could not be recorded; see the log");
		free(input);
	}
}

/* True when one of them could not be kept by itself. */
static bool halves(struct engine *engine, struct input **inputs, size_t n)
{
	if (!n)
		return false;
	if (!engine->stopped && try_inputs(engine, inputs, n, false) == TURN_DROPPED) {
		if (n == 1) {
			refuse(engine, inputs[0]);
			return true;
		}
		bool first = halves(engine, inputs, n / 2);
		return halves(engine, inputs + n / 2, n - n / 2) || first;
	}
	for (size_t i = 0; i < n; i++)
		free(inputs[i]);
	return false;
}

/* All that wait, but for what has to be alone: that ends what is taken, or is all of it. */
static size_t take_inputs(struct engine *engine, struct input **inputs)
{
	size_t n = 0;
	struct input *input = engine->first_input;
	while (input && (!n || (!inputs[0]->alone && !input->alone))) {
		inputs[n++] = input;
		input = input->next;
	}
	engine->first_input = input;
	if (!input)
		engine->last_input = NULL;
	engine->n_inputs -= n;
	return n;
}

static void run_turn(struct engine *engine)
{
	struct input **inputs = malloc((engine->n_inputs + 1) * sizeof(*inputs));
	if (!inputs)
		return; /* they wait */
	size_t n = take_inputs(engine, inputs);
	engine->turns++;
	bool own = port_now_ms(engine->port) >= engine->full_until_ms && !(n && inputs[0]->alone);
	int64_t begun_us = port_now_us(engine->port);
	if (try_inputs(engine, inputs, n, own) == TURN_DROPPED) {
		bool full = engine->dropped_error == STORE_FULL;
		alarm_set(engine, "store_full", full,
			  "the store has no room; raise store.size and start again");
		/* An input that finds a corrupt record holds nothing up but itself. */
		bool alone = halves(engine, inputs, n) && !full;
		read_back(engine);
		if (!alone || (own && !engine->stopped &&
			       try_inputs(engine, NULL, 0, true) == TURN_DROPPED)) {
			engine->full_until_ms = port_now_ms(engine->port) + FULL_WAIT_MS;
			read_back(engine);
		}
	} else {
		if (own)
			alarm_set(engine, "store_full", false, "");
		for (size_t i = 0; i < n; i++)
			free(inputs[i]);
	}
	free(inputs);
	timing_add(&engine->turns_took, port_now_us(engine->port) - begun_us);
}

/* ---- rounds ---- */

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* A deadline of the durable clock as a monotonic one. */
static int64_t monotonic(const struct engine *engine, int64_t due_ms)
{
	return due_ms == INT64_MAX ? due_ms : due_ms - engine->due_base_ms;
}

/* When deadlines or releases want a turn although no input came. */
static int64_t own_deadline(const struct engine *engine)
{
	int64_t due_ms = sooner(wakes_deadline(engine->wakes),
				queue_deadline(engine->queue, engine->scheduled_ms));
	due_ms = sooner(due_ms, missing_deadline(engine->missing));
	int64_t own_ms = monotonic(engine, due_ms);
	own_ms = engine->schedule ? 0 : sooner(own_ms, engine->retain_ms);
	if (activity_waits(engine) || insight_alarm_waits(engine->insight_alarm) ||
	    cohorts_wait(engine))
		own_ms = 0;
	for (size_t i = 0; i < engine->n_providers; i++)
		own_ms = sooner(own_ms, provider_release_deadline(engine, engine->providers[i]));
	return own_ms > engine->full_until_ms ? own_ms : engine->full_until_ms;
}

int64_t engine_deadline(const struct engine *engine)
{
	int64_t due_ms = own_deadline(engine);
	if (engine->n_inputs)
		return engine->full_until_ms;
	for (size_t i = 0; i < engine->n_providers; i++)
		due_ms = sooner(due_ms, provider_deadline(engine, engine->providers[i]));
	due_ms = sooner(due_ms, sandbox_deadline(engine->sandbox));
	if (engine->server)
		due_ms = sooner(due_ms, server_deadline(engine->server));
	/* Once it has passed, the timers of the sessions end what is left. */
	if (engine->draining && engine->drain_until_ms > port_now_ms(engine->port))
		due_ms = sooner(due_ms, engine->drain_until_ms);
	return due_ms;
}

static void dispatch(struct engine *engine, const struct port_event *event)
{
	if (event->kind == PORT_SIGNAL) {
		engine_signal(engine, event->signo);
		return;
	}
	bool known = provider_event(engine, event) ||
		     (engine->server && server_event(engine, event));
	if (!known && event->kind == PORT_UP)
		port_abort(engine->port, event->link); /* its listener was closed meanwhile */
}

/* Takes what waits, within the bounds of a turn; true when nothing waits any more. */
static bool collect(struct engine *engine)
{
	struct port_event event;
	int64_t until_ms = port_now_ms(engine->port) + ENGINE_TURN_MS;
	/* What waits for room must not make it deaf. */
	size_t most = engine->n_inputs + ENGINE_TURN_INPUTS;
	while (engine->n_inputs < most) {
		if (!port_next(engine->port, &event))
			return true;
		dispatch(engine, &event);
		if (port_now_ms(engine->port) >= until_ms)
			return false;
	}
	return false;
}

/* Behind what came from carriers, and a part of it at a time: it must hold none of them up. */
static void collect_sandbox(struct engine *engine)
{
	struct port_event event;
	int64_t until_ms = port_now_ms(engine->port) + ENGINE_TURN_MS;
	size_t most = engine->n_inputs + ENGINE_TURN_INPUTS;
	for (int i = 0;
	     i < SANDBOX_EVENTS && engine->n_inputs < most &&
	     port_now_ms(engine->port) < until_ms && sandbox_next(engine->sandbox, &event);
	     i++)
		dispatch(engine, &event);
}

static void watch_clock(struct engine *engine, int64_t now_ms)
{
	int64_t base_ms = port_wall_ms(engine->port) - now_ms;
	int64_t step_ms = base_ms - engine->wall_base_ms;
	log_clock(now_ms + base_ms);
	if (step_ms >= -1 && step_ms <= 1)
		return; /* two clocks are read one after the other */
	engine->wall_base_ms = base_ms;
	if (step_ms > -STEP_MS && step_ms < STEP_MS)
		return;
	char text[100];
	snprintf(text, sizeof(text), "the wall clock stepped by %lld ms; no deadline has moved",
		 (long long)step_ms);
	alarm_set(engine, "clock_step", true, text);
}

static void tick(struct engine *engine, int64_t now_ms)
{
	engine->ticked_ms = now_ms;
	watch_clock(engine, now_ms);
	for (size_t i = 0; i < engine->n_providers; i++)
		provider_tick(engine, engine->providers[i], now_ms);
	if (engine->server)
		server_tick(engine, now_ms);
	if (now_ms >= engine->certificates_ms) {
		engine->certificates_ms = now_ms + CERTIFICATES_EVERY_MS;
		certificates_check(engine);
	}
	if (now_ms - engine->marked_ms < MARK_MS)
		return;
	engine->marked_ms = now_ms;
	store_mark(engine->store);
	overdue_check(engine);
	link_alarm_check(engine);
}

static void drain(struct engine *engine, int64_t now_ms)
{
	bool down = true, late = now_ms >= engine->drain_until_ms;
	for (size_t i = 0; i < engine->n_providers; i++) {
		provider_drain(engine, engine->providers[i], late);
		down = down && provider_is_down(engine->providers[i]);
	}
	bool written = !engine->n_inputs && !activity_waits(engine);
	/* What still finds no room is in its release, and in doubt at the next start. */
	if (down && (written || late))
		engine->stopped = true;
}

static void flush_links(struct engine *engine)
{
	struct link *link, *next;
	HASH_ITER(hh, engine->links, link, next)
		link_flush(engine, link);
}

bool engine_step(struct engine *engine)
{
	port_wait(engine->port, engine_deadline(engine));
	bool all = collect(engine);
	collect_sandbox(engine);
	int64_t now_ms = port_now_ms(engine->port);
	/* A peer that floods must not hold up the timers of all the others for ever. */
	if (all || now_ms - engine->ticked_ms >= TICK_MS)
		tick(engine, now_ms);
	if (engine->draining)
		drain(engine, now_ms);
	read_back(engine);
	log_gather();
	if (engine->n_inputs || own_deadline(engine) <= now_ms)
		run_turn(engine);
	flush_links(engine);
	if (engine->server)
		server_flush(engine);
	if (engine->leaving && !engine->n_inputs) /* inputs point to links */
		reload_forget(engine);
	log_flush();
	return !engine->stopped;
}

void engine_drain(struct engine *engine)
{
	if (engine->draining) {
		engine->stopped = true;
		return;
	}
	log_info("engine.draining", "for at most %lld ms", (long long)engine->config->drain_ms);
	engine->draining = true;
	engine->drain_until_ms = port_now_ms(engine->port) + engine->config->drain_ms;
	if (engine->server)
		server_drain(engine);
}

/* ---- start ---- */

/* Members of releases that have no verdict may or may not have been sent: in doubt from now on. */
static bool recover(struct engine *engine)
{
	for (bool more = true; more;) {
		struct turn turn;
		turn_begin(&turn, engine);
		for (int i = 0; i < RECOVER_RECORDS && more && !turn_failed(&turn); i++)
			more = reconcile_recover(&turn);
		orders_flush(&turn);
		if (turn_finish(&turn) != TURN_DONE)
			return false;
	}
	return true;
}

static void close_session(struct turn *turn, struct store_session *session)
{
	session->closed_ms = (uint64_t)turn->at_ms;
	session->reason = store_octets_of(ENGINE_ENDED);
	turn_fail(turn, store_session_put(turn->txn, session));
}

/* One order in a transaction: a crash in between leaves orders for the next try. */
static bool doubt_all(struct engine *engine)
{
	struct store_open_order open = { 0 };
	for (;;) {
		struct turn turn;
		turn_begin(&turn, engine);
		bool more = !turn_failed(&turn) &&
			    store_open_order_next(turn.txn, &open, 0) == STORE_OK;
		if (more)
			reconcile_doubt(&turn, open.order);
		orders_flush(&turn);
		if (turn_finish(&turn) != TURN_DONE)
			return false;
		if (!more)
			return true;
	}
}

/* Durable numbers of providers; sessions that a crash left open are closed. */
static bool prepare(struct engine *engine)
{
	struct turn turn;
	struct store_session session = { .session = UINT64_MAX };
	turn_begin(&turn, engine);
	for (size_t i = 0; i < engine->n_providers && !turn_failed(&turn); i++)
		engine->providers[i]->number =
			provider_number(&turn, engine->providers[i]->config->name);
	for (int i = 0; i < SESSIONS_MAX && !turn_failed(&turn) &&
			store_session_prev(turn.txn, &session, 0) == STORE_OK;
	     i++)
		if (!session.closed_ms)
			close_session(&turn, &session);
	return turn_finish(&turn) == TURN_DONE;
}

static bool make_parts(struct engine *engine, char *error)
{
	const struct config *config = engine->config;
	engine->queue = queue_new();
	engine->wakes = wakes_new();
	engine->generation = generation_new(engine);
	engine->releases = releases_new();
	engine->asks = asks_new();
	engine->missing = missing_new();
	engine->retention = retention_new();
	engine->insight_alarm = insight_alarm_new();
	engine->activity = activity_new();
	engine->cohorts = cohorts_new();
	engine->traffic = traffic_new();
	engine->sandbox = sandbox_new(engine->port);
	engine->tap = tap_new();
	engine->providers = calloc(config->n_all_providers + 1, sizeof(*engine->providers));
	snprintf(error, PORT_TEXT_OCTETS, "out of memory");
	if (!engine->queue || !engine->wakes || !engine->generation || !engine->releases ||
	    !engine->asks || !engine->missing || !engine->retention || !engine->insight_alarm ||
	    !engine->activity || !engine->cohorts || !engine->traffic || !engine->sandbox ||
	    !engine->tap || !engine->providers)
		return false;
	for (size_t i = 0; i < config->n_all_providers; i++) {
		engine->providers[i] = provider_new(engine, &config->providers[i], error);
		if (!engine->providers[i])
			return false;
		engine->providers[i]->index = engine->next_provider++;
		engine->n_providers++;
	}
	sandbox_tune(engine->sandbox, &config->sandbox);
	return provider_queue_routes(engine);
}

struct engine *engine_new(const struct engine_options *options, char *error)
{
	uint8_t key[16];
	struct engine *engine = calloc(1, sizeof(*engine));
	snprintf(error, PORT_TEXT_OCTETS, "out of memory");
	if (!engine)
		return NULL;
	engine->config = config_hold(options->config);
	engine->source = options->source;
	engine->port = options->port;
	engine->store = options->store;
	int64_t now_ms = port_now_ms(engine->port);
	engine->started_ms = port_wall_ms(engine->port);
	engine->due_base_ms = engine->wall_base_ms = engine->started_ms - now_ms;
	log_clock(engine->started_ms);
	port_random(engine->port, key, sizeof(key));
	hash_seed(key);
	bool made = make_parts(engine, error);
	if (made) {
		snprintf(error, PORT_TEXT_OCTETS,
			 "the store has no room to recover; raise store.size");
		/* In this order, so that what the older store has released is not sent again either. */
		made = cohorts_load(engine) == STORE_OK && prepare(engine) &&
		       (!options->accept_older || doubt_all(engine)) && recover(engine) &&
		       load(engine);
	}
	if (made && options->sockets)
		made = (engine->server = server_new(engine, error)) != NULL;
	if (made)
		return engine;
	engine_free(engine);
	return NULL;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	if (engine->server)
		server_free(engine, engine->server);
	for (size_t i = 0; i < engine->n_providers; i++)
		provider_free(engine, engine->providers[i]);
	sandbox_free(engine->sandbox);
	while (engine->first_input) {
		struct input *input = engine->first_input;
		engine->first_input = input->next;
		free(input);
	}
	alarms_free(engine);
	free(engine->providers);
	releases_free(engine->releases);
	asks_free(engine->asks);
	missing_free(engine->missing);
	retention_free(engine->retention);
	insight_alarm_free(engine->insight_alarm);
	activity_free(engine->activity);
	cohorts_free(engine->cohorts);
	traffic_free(engine->traffic);
	wakes_free(engine->wakes);
	queue_free(engine->queue);
	tap_free(engine->tap);
	free(engine->generation);
	config_free(engine->config);
	free(engine);
}

void engine_signal(struct engine *engine, int signo)
{
	bool ends = signo == SIGTERM || signo == SIGINT, reloads = signo == SIGHUP;
	log_info("engine.signal", "signo=%d%s", signo, ends || reloads ? "" : " ignored");
	if (ends)
		engine_drain(engine);
	else if (reloads)
		reload_signal(engine);
}
