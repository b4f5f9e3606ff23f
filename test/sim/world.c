/* Virtual time, dice and wires. See world.h. */
#include "test/sim/world.h"

#include <stdlib.h>
#include <string.h>

struct happening {
	int64_t at_ms;
	uint64_t seq; /* equal times: in the order of calls */
	world_fn *fn;
	void *arg;
	uint64_t number;
};

struct world {
	int64_t now_ms;
	struct weather weather;
	struct dice dice;
	struct happening *heap;
	size_t n, room;
	uint64_t seq, hash;
	struct wire *wires;
	void **kept;
	size_t n_kept;
};

/* ---- dice ---- */

static uint64_t scramble(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

struct dice dice_of(uint64_t seed, const char *part)
{
	struct dice dice = { .state = scramble(seed + 0x9e3779b97f4a7c15u) };
	for (; *part; part++)
		dice.state = scramble(dice.state ^ (uint64_t)(unsigned char)*part);
	return dice;
}

uint64_t dice_roll(struct dice *dice)
{
	dice->state += 0x9e3779b97f4a7c15u;
	return scramble(dice->state);
}

int64_t dice_between(struct dice *dice, int64_t least, int64_t most)
{
	return least + (int64_t)(dice_roll(dice) % (uint64_t)(most - least + 1));
}

bool dice_permille(struct dice *dice, unsigned n)
{
	return dice_roll(dice) % 1000 < n;
}

/* ---- time ---- */

struct world *world_new(uint64_t seed, const struct weather *weather)
{
	struct world *world = calloc(1, sizeof(*world));
	world->now_ms = 1000000;
	world->weather = *weather;
	world->dice = dice_of(seed, "world");
	return world;
}

int64_t world_now_ms(const struct world *world)
{
	return world->now_ms;
}

bool world_stormy(const struct world *world)
{
	return world->now_ms < world->weather.calm_ms;
}

static bool before(const struct happening *a, const struct happening *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->seq < b->seq;
}

void world_later(struct world *world, int64_t at_ms, world_fn *fn, void *arg, uint64_t number)
{
	struct happening happening = { at_ms, world->seq++, fn, arg, number };
	if (world->n == world->room) {
		world->room = world->room ? world->room * 2 : 256;
		world->heap = realloc(world->heap, world->room * sizeof(*world->heap));
	}
	size_t i = world->n++;
	while (i && before(&happening, &world->heap[(i - 1) / 2])) {
		world->heap[i] = world->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	world->heap[i] = happening;
}

static struct happening take_first(struct world *world)
{
	struct happening first = world->heap[0], last = world->heap[--world->n];
	size_t i = 0, child;
	while ((child = 2 * i + 1) < world->n) {
		if (child + 1 < world->n && before(&world->heap[child + 1], &world->heap[child]))
			child++;
		if (!before(&world->heap[child], &last))
			break;
		world->heap[i] = world->heap[child];
		i = child;
	}
	world->heap[i] = last;
	return first;
}

bool world_step(struct world *world, int64_t until_ms)
{
	if (!world->n || world->heap[0].at_ms > until_ms)
		return false;
	struct happening first = take_first(world);
	if (first.at_ms > world->now_ms)
		world->now_ms = first.at_ms;
	first.fn(world, first.arg, first.number);
	return true;
}

void world_advance(struct world *world, int64_t to_ms)
{
	if (to_ms > world->now_ms)
		world->now_ms = to_ms;
}

void world_keep(struct world *world, void *memory)
{
	world->kept = realloc(world->kept, (world->n_kept + 1) * sizeof(*world->kept));
	world->kept[world->n_kept++] = memory;
}

void world_trace(struct world *world, const char *what, uint64_t number)
{
	world->hash = scramble(world->hash ^ (uint64_t)world->now_ms);
	for (; *what; what++)
		world->hash = scramble(world->hash ^ (uint64_t)(unsigned char)*what);
	world->hash = scramble(world->hash ^ number);
}

uint64_t world_hash(const struct world *world)
{
	return world->hash;
}

/* ---- wires ---- */

struct lane {
	uint8_t *octets; /* sent and not yet taken */
	size_t n, room;
	size_t arrived;	 /* of these, that may be taken */
	int64_t last_ms; /* when the last of them arrives: nothing overtakes */
};

struct wire {
	struct world *world;
	struct wire_ends ends;
	struct lane to_far, to_near;
	bool near_left, far_left;
	bool cut;	   /* nothing that is sent from now on arrives */
	struct wire *next; /* all of the world, freed with it */
};

struct wire *wire_new(struct world *world, const struct wire_ends *ends)
{
	struct wire *wire = calloc(1, sizeof(*wire));
	wire->world = world;
	wire->ends = *ends;
	wire->next = world->wires;
	world->wires = wire;
	return wire;
}

void wire_set_far(struct wire *wire, world_fn *octets, world_fn *gone, void *far)
{
	wire->ends.octets_far = octets;
	wire->ends.gone_far = gone;
	wire->ends.far = far;
}

static void arrive(struct wire *wire, bool at_far, uint64_t n)
{
	struct lane *lane = at_far ? &wire->to_far : &wire->to_near;
	bool left = at_far ? wire->far_left : wire->near_left;
	lane->arrived += n;
	if (lane->arrived > lane->n)
		lane->arrived = lane->n; /* the rest was cut off */
	if (!left && lane->arrived)
		(at_far ? wire->ends.octets_far : wire->ends.octets_near)(
			wire->world, at_far ? wire->ends.far : wire->ends.near, lane->arrived);
}

static void arrive_far(struct world *world, void *arg, uint64_t n)
{
	(void)world;
	arrive(arg, true, n);
}

static void arrive_near(struct world *world, void *arg, uint64_t n)
{
	(void)world;
	arrive(arg, false, n);
}

static void carry(struct wire *wire, struct lane *lane, bool to_far, size_t n)
{
	struct world *world = wire->world;
	int64_t at_ms = world->now_ms + dice_between(&world->dice, 0, world->weather.latency_ms);
	if (at_ms < lane->last_ms)
		at_ms = lane->last_ms;
	lane->last_ms = at_ms;
	world_later(world, at_ms, to_far ? arrive_far : arrive_near, wire, n);
}

void wire_send(struct wire *wire, bool to_far, const uint8_t *octets, size_t n)
{
	struct lane *lane = to_far ? &wire->to_far : &wire->to_near;
	struct world *world = wire->world;
	if (!n || wire->cut || wire->near_left || wire->far_left)
		return;
	if (lane->n + n > lane->room) {
		lane->room = (lane->n + n) * 2;
		lane->octets = realloc(lane->octets, lane->room);
	}
	memcpy(lane->octets + lane->n, octets, n);
	lane->n += n;
	size_t first = n;
	if (n > 1 && dice_permille(&world->dice, world->weather.fragment_permille))
		first = (size_t)dice_between(&world->dice, 1, (int64_t)n - 1);
	carry(wire, lane, to_far, first);
	if (n > first)
		carry(wire, lane, to_far, n - first);
}

size_t wire_take(struct wire *wire, bool at_far, uint8_t *out, size_t cap)
{
	struct lane *lane = at_far ? &wire->to_far : &wire->to_near;
	size_t n = lane->arrived < cap ? lane->arrived : cap;
	memcpy(out, lane->octets, n);
	memmove(lane->octets, lane->octets + n, lane->n - n);
	lane->n -= n;
	lane->arrived -= n;
	return n;
}

static void tell_far(struct world *world, void *arg, uint64_t number)
{
	struct wire *wire = arg;
	(void)number;
	if (wire->far_left)
		return;
	wire->far_left = true;
	wire->ends.gone_far(world, wire->ends.far, 0);
}

static void tell_near(struct world *world, void *arg, uint64_t number)
{
	struct wire *wire = arg;
	(void)number;
	if (wire->near_left)
		return;
	wire->near_left = true;
	wire->ends.gone_near(world, wire->ends.near, 0);
}

void wire_freeze(struct wire *wire)
{
	wire->cut = true;
	wire->to_far.n = wire->to_far.arrived;
	wire->to_near.n = wire->to_near.arrived;
}

void wire_cut(struct wire *wire)
{
	struct world *world = wire->world;
	int64_t most_ms = 3 * world->weather.latency_ms;
	wire_freeze(wire);
	world_later(world, world->now_ms + dice_between(&world->dice, 0, most_ms), tell_far, wire,
		    0);
	world_later(world, world->now_ms + dice_between(&world->dice, 0, most_ms), tell_near, wire,
		    0);
}

bool wire_is_whole(const struct wire *wire)
{
	return !wire->cut && !wire->near_left && !wire->far_left;
}

void wire_leave(struct wire *wire, bool far)
{
	struct world *world = wire->world;
	struct lane *lane = far ? &wire->to_near : &wire->to_far;
	*(far ? &wire->far_left : &wire->near_left) = true;
	int64_t at_ms = world->now_ms > lane->last_ms ? world->now_ms : lane->last_ms;
	world_later(world, at_ms, far ? tell_near : tell_far, wire, 0);
}

void world_free(struct world *world)
{
	while (world->wires) {
		struct wire *wire = world->wires;
		world->wires = wire->next;
		free(wire->to_far.octets);
		free(wire->to_near.octets);
		free(wire);
	}
	while (world->n_kept)
		free(world->kept[--world->n_kept]);
	free(world->kept);
	free(world->heap);
	free(world);
}
