/* Releases in memory: two tables, and the effect that forgets. */
#include "core/release.h"

#include <stdlib.h>

#include "core/engine.h"
#include "core/provider.h"
#include "smpp/pdu.h"

struct releases {
	struct release *by_id;
	struct flight *flights;
};

struct releases *releases_new(void)
{
	return calloc(1, sizeof(struct releases));
}

void releases_free(struct releases *releases)
{
	if (!releases)
		return;
	struct flight *flight, *next_flight;
	HASH_ITER(hh, releases->flights, flight, next_flight) {
		HASH_DEL(releases->flights, flight);
		free(flight);
	}
	struct release *release, *next;
	HASH_ITER(hh, releases->by_id, release, next) {
		HASH_DEL(releases->by_id, release);
		free(release);
	}
	free(releases);
}

uint64_t release_tag(struct segment_ref ref)
{
	return ref.order << 24 | (uint64_t)(ref.index & 0xFFFF) << 8 | (ref.segment & 0xFF);
}

struct segment_ref release_ref(uint64_t tag)
{
	return (struct segment_ref){ .order = tag >> 24,
				     .index = tag >> 8 & 0xFFFF,
				     .segment = tag & 0xFF };
}

struct release *releases_get(struct releases *releases, uint64_t id, struct link *link)
{
	struct release *release, *added;
	HASH_FIND(hh, releases->by_id, &id, sizeof(id), release);
	if (release)
		return release;
	release = calloc(1, sizeof(*release));
	if (!release)
		return NULL;
	release->id = id;
	release->session = link->session_number;
	release->link = link;
	HASH_ADD(hh, releases->by_id, id, sizeof(id), release);
	HASH_FIND(hh, releases->by_id, &id, sizeof(id), added);
	if (!added)
		free(release);
	return added;
}

struct flight *releases_fly(struct releases *releases, struct release *release,
			    const struct flight *flight)
{
	struct flight *copy = malloc(sizeof(*copy)), *added;
	if (!copy)
		return NULL;
	*copy = *flight;
	copy->release = release;
	HASH_ADD(hh, releases->flights, tag, sizeof(copy->tag), copy);
	HASH_FIND(hh, releases->flights, &flight->tag, sizeof(flight->tag), added);
	if (!added) {
		free(copy);
		return NULL;
	}
	release->remaining++;
	release->link->outstanding++;
	return copy;
}

struct flight *releases_find(const struct releases *releases, uint64_t tag)
{
	struct flight *flight;
	HASH_FIND(hh, releases->flights, &tag, sizeof(tag), flight);
	return flight && !flight->settling ? flight : NULL;
}

const struct flight *releases_next(const struct releases *releases, const struct flight *flight)
{
	flight = flight ? flight->hh.next : releases->flights;
	while (flight && flight->settling)
		flight = flight->hh.next;
	return flight;
}

struct flight *releases_carrying(const struct releases *releases, struct segment_ref ref)
{
	for (uint32_t back = 0; back < SMPP_MAX_ENTRIES && back <= ref.index; back++) {
		struct segment_ref first = { ref.order, ref.index - back, ref.segment };
		struct flight *flight = releases_find(releases, release_tag(first));
		if (flight && flight->n > back)
			return flight;
	}
	return NULL;
}

struct settled {
	struct effect effect;
	struct flight *flight;
};

static void settled(struct engine *engine, struct effect *effect, enum turn_end end)
{
	struct flight *flight = ((struct settled *)(void *)effect)->flight;
	struct release *release = flight->release;
	flight->settling = false;
	release->settling--;
	release->link->settling--;
	if (end != TURN_DONE)
		return;
	HASH_DEL(engine->releases->flights, flight);
	free(flight);
	release->link->outstanding--;
	if (--release->remaining)
		return;
	HASH_DEL(engine->releases->by_id, release);
	free(release);
}

void releases_settle(struct turn *turn, struct flight *flight)
{
	struct settled *effect = (void *)turn_effect(turn, settled, sizeof(*effect));
	if (!effect)
		return;
	struct release *release = flight->release;
	effect->flight = flight;
	flight->settling = true;
	release->link->settling++;
	turn->engine->schedule = true;
	if (++release->settling < release->remaining)
		return;
	struct store_release rec = { .release = release->id };
	enum store_err err = store_release_del(turn->txn, &rec);
	if (err != STORE_NOTFOUND)
		turn_fail(turn, err);
}
