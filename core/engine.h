/*
 * The engine: collects inputs, applies them in one transaction, commits, and only then lets
 * effects out. It owns the store, the port and every object of the daemon; it decides nothing
 * about messages. main.c makes one; the simulation makes one with another port.
 */
#ifndef CORE_ENGINE_H
#define CORE_ENGINE_H

#include "config/config.h"
#include "core/port.h"
#include "core/queue.h"
#include "core/turn.h"
#include "store/store.h"

struct provider;
struct server;
struct tap;
struct alarm;
struct releases;
struct input;
struct wakes;

#define ENGINE_TURN_INPUTS 4096 /* an input is never split */
#define ENGINE_TURN_MS	   5

/* Everything modules may look at; each member is changed by the module that owns it only. */
struct engine {
	const struct config *config;
	struct port *port;
	struct store *store;
	struct queue *queue;
	struct provider **providers; /* in the order of the configuration */
	size_t n_providers;
	struct releases *releases;
	struct wakes *wakes;
	struct server *server;
	struct tap *tap;
	struct alarm *alarms;
	struct input *inputs; /* ENGINE_TURN_INPUTS and a reserve for what one event brings */
	size_t n_inputs, inputs_room;
	int64_t due_base_ms;  /* clock of deadlines minus monotonic clock */
	int64_t wall_base_ms; /* wall clock minus monotonic clock when last looked at */
	uint64_t turns, commits;
	int64_t turn_us_max;
	bool schedule; /* something may be releasable: run the scheduler in the next turn */
	bool draining;
	bool stopped;
	int exit_status;
	int64_t drain_until_ms;
	int64_t started_ms;    /* wall clock */
	int64_t full_until_ms; /* a turn of ours alone found no room: not before then again */
};

struct engine_options {
	const struct config *config; /* outlives the engine */
	struct port *port;	     /* the caller's */
	struct store *store;	     /* the caller's; opened */
	bool accept_older;	     /* the store was rolled back: what was queued is in doubt */
	bool sockets;		     /* open the API's sockets; the simulation does without */
};

/* NULL, with a sentence in `error` (PORT_TEXT_OCTETS). Recovers what the store says is open. */
struct engine *engine_new(const struct engine_options *options, char *error);
void engine_free(struct engine *engine);

/* One round: waits for inputs or a deadline, applies them. False once it has stopped. */
bool engine_step(struct engine *engine);
/* Stops taking intents, waits for responses, unbinds, stops. A second call stops at once. */
void engine_drain(struct engine *engine);

/* When engine_step would have something to do without any event; monotonic. */
int64_t engine_deadline(const struct engine *engine);

/* Raises or ends a named alarm; `text` says since when what is wrong. Idempotent. */
void engine_alarm(struct engine *engine, const char *name, bool on, const char *text);
struct alarm {
	char name[64];
	char text[200];
	int64_t since_ms; /* wall clock */
	struct alarm *next;
};

#endif
