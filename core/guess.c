/* Wrong keys by peer: a bucket each. See guess.h. */
#include "core/guess.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/api.h"
#include "core/hash.h"
#include "core/traffic.h"

#define WINDOW_MS 10000

struct peer {
	uint64_t id;
	double left; /* wrong keys that it may still give */
	int64_t at_ms;
	UT_hash_handle hh;
};

struct guesses {
	struct peer *peers;
	uint64_t known[GUESS_KNOWN];
};

struct guesses *guesses_new(void)
{
	return calloc(1, sizeof(struct guesses));
}

static void forget(struct guesses *guesses, struct peer *peer)
{
	HASH_DEL(guesses->peers, peer);
	free(peer);
}

void guesses_free(struct guesses *guesses)
{
	struct peer *peer, *next;
	if (!guesses)
		return;
	HASH_ITER(hh, guesses->peers, peer, next)
		forget(guesses, peer);
	free(guesses);
}

static uint64_t peer_id(const struct api_call *call)
{
	char name[64];
	int n = call->local ? snprintf(name, sizeof(name), "uid %ld", (long)call->uid) :
			      snprintf(name, sizeof(name), "%s", call->address);
	return hash_octets(name, (size_t)n);
}

static struct peer *find(const struct guesses *guesses, uint64_t id)
{
	struct peer *peer;
	HASH_FIND(hh, guesses->peers, &id, sizeof(id), peer);
	return peer;
}

/* NULL without memory: then it is not counted. */
static struct peer *peer_new(struct guesses *guesses, uint64_t id, double left, int64_t now_ms)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	if (HASH_COUNT(guesses->peers) >= GUESS_PEERS)
		forget(guesses, guesses->peers);
	*peer = (struct peer){ .id = id, .left = left, .at_ms = now_ms };
	HASH_ADD(hh, guesses->peers, id, sizeof(peer->id), peer);
	if (find(guesses, id) == peer)
		return peer;
	free(peer);
	return NULL;
}

/* The place of a key that was right from this peer, and what stands there if it was. */
static uint64_t *place(const struct api_call *call, const char *key, uint64_t *hash)
{
	char text[192];
	int n = snprintf(text, sizeof(text), "%llx %.128s", (unsigned long long)peer_id(call), key);
	*hash = hash_octets(text, (size_t)n);
	return &call->guesses->known[*hash % GUESS_KNOWN];
}

static void refill(struct peer *peer, double most, int64_t now_ms)
{
	peer->left += most * (double)(now_ms - peer->at_ms) / WINDOW_MS;
	if (peer->left > most)
		peer->left = most;
	peer->at_ms = now_ms;
}

bool guess_allowed(const struct api_call *call, const char *key, uint32_t *retry_after_s)
{
	double most = call->engine->config->limits.wrong_keys;
	struct peer *peer = find(call->guesses, peer_id(call));
	uint64_t hash, *known = place(call, key, &hash);
	if (!peer || *known == hash)
		return true;
	refill(peer, most, call->turn->now_ms);
	if (peer->left >= 1)
		return true;
	*retry_after_s = 1 + (uint32_t)((1 - peer->left) * WINDOW_MS / most / 1000);
	traffic_limit_met(call->engine->traffic, TRAFFIC_LIMIT_wrong_keys);
	return false;
}

void guess_was(const struct api_call *call, const char *key, bool right)
{
	double most = call->engine->config->limits.wrong_keys;
	uint64_t hash, *known = place(call, key, &hash), id = peer_id(call);
	if (right) {
		*known = hash;
		return;
	}
	if (*known == hash)
		*known = 0; /* it was taken back since */
	call->engine->traffic->wrong_keys++;
	struct peer *peer = find(call->guesses, id);
	if (!peer)
		peer = peer_new(call->guesses, id, most, call->turn->now_ms);
	if (!peer)
		return;
	refill(peer, most, call->turn->now_ms);
	peer->left = peer->left > 1 ? peer->left - 1 : 0;
}
