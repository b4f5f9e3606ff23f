/*
 * Guessed keys: a peer (a local user, or the address of a TCP client) that gives more wrong API keys
 * than limits.wrong_keys in ten seconds is refused further ones unseen, until time has passed. Keys
 * that were right from there before still are, so that a client with an old key does not lock out
 * its neighbours; no account is ever locked, and no other peer is touched. In memory only.
 */
#ifndef CORE_GUESS_H
#define CORE_GUESS_H

#include <stdbool.h>
#include <stdint.h>

struct api_call;

#define GUESS_PEERS 1024 /* that are remembered; past it the one that began first is forgotten */
#define GUESS_KNOWN 1024 /* places for keys that were right, each by its hash */

struct guesses;
struct guesses *guesses_new(void);
void guesses_free(struct guesses *guesses);

/*
 * May the key be looked at? If not, in how many seconds. Counted at once and not after the commit:
 * a turn that is dropped counts its guesses twice, and one with many must not let them all pass.
 */
bool guess_allowed(const struct api_call *call, const char *key, uint32_t *retry_after_s);
/* What came of it. */
void guess_was(const struct api_call *call, const char *key, bool right);

#endif
