/*
 * The engine: collects inputs, applies them in one transaction, commits, and only then lets
 * effects out. It owns the store, the port and every object of the daemon; it decides nothing
 * about messages. main.c makes one; the simulation makes one with another port.
 */
#ifndef CORE_ENGINE_H
#define CORE_ENGINE_H

#include "config/config.h"
#include "core/alarm.h"
#include "core/port.h"
#include "core/queue.h"
#include "core/timing.h"
#include "core/turn.h"
#include "store/store.h"

struct provider;
struct server;
struct tap;
struct releases;
struct asks;
struct missing;
struct input;
struct wakes;
struct insight_alarm;
struct retention;
struct activity;
struct cohorts;
struct traffic;
struct sandbox;

#define ENGINE_TURN_INPUTS 4096 /* one event may bring some more; none is ever split */
#define ENGINE_TURN_MS	   5
#define ENGINE_ENDED	   "the daemon ended without closing it" /* why a session did */

/*
 * Something that came from outside and waits to be applied. `apply` hangs changes and effects on
 * the turn; it may be called again when the transaction had to be dropped. `refuse` is called once
 * instead when the input alone cannot be kept, with the reason: STORE_FULL, or TOO_BIG or CORRUPT for
 * a defect. Without it an input that found no room waits for a turn that has some.
 * Allocated with malloc by who makes it; the struct is the head of the maker's own.
 */
typedef void input_fn(struct turn *turn, struct input *input);
typedef void refuse_fn(struct engine *engine, struct input *input, enum store_err why);
struct input {
	struct input *next;
	input_fn *apply;
	refuse_fn *refuse;
	bool alone; /* its turn has nothing else in it: no other input, no deadline, no release */
};
/* Takes the input over; the engine frees it. */
void engine_input(struct engine *engine, struct input *input);

/* Everything modules may look at; each member is changed by the module that owns it only. */
struct engine {
	struct config *config;		    /* held; core/reload.c puts another in its place */
	const struct config_source *source; /* to load it again from; NULL: nothing */
	struct generation *generation;	    /* which one it is: core/reload.h */
	struct port *port;
	struct store *store;
	struct queue *queue;
	struct provider **providers; /* in the order of the configuration, then those that leave */
	size_t n_providers;
	uint32_t next_provider; /* index of the next one that is made */
	bool leaving;		/* providers or links that are no longer configured still drain */
	struct link *links;	/* those with a connection, by the port's id */
	struct releases *releases;
	struct asks *asks;
	struct missing *missing;
	struct wakes *wakes;
	struct retention *retention;
	struct insight_alarm *insight_alarm;
	struct activity *activity;
	struct cohorts *cohorts;
	struct traffic *traffic;
	struct sandbox *sandbox;
	struct server *server;
	struct tap *tap;
	struct alarm *alarms;
	struct input *first_input, *last_input;
	size_t n_inputs;
	int64_t due_base_ms;	      /* clock of deadlines minus monotonic clock */
	int64_t wall_base_ms;	      /* wall clock minus monotonic clock when last looked at */
	enum store_err dropped_error; /* why the last transaction was dropped */
	uint64_t turns, commits;
	struct timing turns_took;
	bool schedule; /* something may be releasable: run the scheduler in the next turn */
	bool stale;    /* queue and wakes differ from the store: read them back */
	bool draining;
	bool stopped;
	int exit_status;
	int64_t drain_until_ms;
	int64_t started_ms;	 /* wall clock */
	int64_t full_until_ms;	 /* no room for deadlines and releases: not before then again */
	int64_t scheduled_ms;	 /* clock of deadlines: what was due then, the scheduler has seen */
	int64_t marked_ms;	 /* store_mark */
	int64_t ticked_ms;	 /* monotonic: when timers were looked at last */
	int64_t outcomes_ms;	 /* monotonic: when alarms look at them next */
	int64_t retain_ms;	 /* monotonic: the next slice of retention */
	int64_t certificates_ms; /* monotonic: when they are looked at next */
};

struct engine_options {
	const struct config *config;
	const struct config_source
		*source;     /* to load it again from; outlives the engine; or NULL */
	struct port *port;   /* the caller's */
	struct store *store; /* the caller's; opened */
	bool accept_older; /* an older copy of the store was put back: what is queued is in doubt */
	bool sockets;	   /* open the API's sockets; the simulation does without */
};

/* NULL, with a sentence in `error` (PORT_TEXT_OCTETS). Recovers what the store says is open. */
struct engine *engine_new(const struct engine_options *options, char *error);
void engine_free(struct engine *engine);

/* One round: waits for inputs or a deadline, applies them. False once it has stopped. */
bool engine_step(struct engine *engine);
/* Stops taking intents, waits for responses, unbinds, stops. A second call stops at once. */
void engine_drain(struct engine *engine);

/*
 * The wall clock minus the clock of deadlines: what is asked for by one and kept by the other. It
 * moves with steps of the wall clock only, not by the millisecond that lies between two readings.
 */
static inline int64_t engine_wall_ahead_ms(const struct engine *engine)
{
	return engine->wall_base_ms - engine->due_base_ms;
}

/* When engine_step would have something to do without any event; monotonic. */
int64_t engine_deadline(const struct engine *engine);

/* TERM and INT drain, a second one stops at once; HUP reloads; others are noted and ignored. */
void engine_signal(struct engine *engine, int signo);

#endif
