/*
 * Reload: the configuration's file is read again while the daemon runs, and takes the place of the
 * one in force whole, or not at all. Asked for by esmectl (core/control_reload.c) and by SIGHUP.
 *
 * A config is immutable, and whoever outlives a turn reaches it through engine->config, through
 * provider->config or through link->config: reload_swap points all of these elsewhere, in one
 * place and between turns, because its turn has nothing else in it (struct input, alone). What
 * drains because it is no longer configured holds the config it came from; the last holder's
 * config_free frees it. Everything that can fail is done before the swap: parsing, password files,
 * TLS contexts, memory, what the running daemon cannot change, and routes with open messages.
 */
#ifndef CORE_RELOAD_H
#define CORE_RELOAD_H

#include "config/config.h"
#include "core/turn.h"

/* Which configuration is in force. */
struct generation {
	uint32_t number; /* 1 is the one of the start */
	int64_t at_ms;	 /* wall clock: in force since */
	char digest[CONFIG_DIGEST_OCTETS];
};
/* Of engine->config, as number 1. NULL without memory. */
struct generation *generation_new(const struct engine *engine);

/* A configuration that waits to be swapped in. */
struct reload;

/*
 * Loads the file and checks it against what runs; call it in a turn that is alone. NULL: the turn
 * has failed. Free it, or hand it to reload_commit.
 */
struct reload *reload_new(struct turn *turn);
void reload_free(struct engine *engine, struct reload *reload);

/* Every mistake; with n above 0 it can only be freed. Lives as long as the reload. */
const struct config_errors *reload_errors(const struct reload *reload);
const struct generation *reload_generation(const struct reload *reload);

/* Each change, with a static text that says when it counts: "at once", "at the next session"... */
typedef void reload_change_fn(void *user, const struct config_change *change, const char *when);
void reload_changes(const struct reload *reload, reload_change_fn *change, void *user);

/*
 * Swaps it in when the turn is on disk, with an audit record of the caller (control_caller; 0: not
 * known); frees it otherwise. It has no errors.
 */
void reload_commit(struct turn *turn, struct reload *reload, uint32_t uid);

/* SIGHUP: the same, told in the log alone. */
void reload_signal(struct engine *engine);

/* Frees providers and links that have drained; no input may wait that points to one. */
void reload_forget(struct engine *engine);

#endif
