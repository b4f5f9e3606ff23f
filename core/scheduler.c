/* The scheduler: queue to release to session. See scheduler.h. */
#include "core/scheduler.h"

#include <stdlib.h>
#include <string.h>

#include "core/compose.h"
#include "core/engine.h"
#include "core/lifecycle.h"
#include "core/log.h"
#include "core/orders.h"
#include "core/provider.h"
#include "core/reconcile.h"
#include "core/release.h"
#include "core/route.h"

#define MEMBERS_OCTETS	    1900  /* of one release record */
#define MEMBER_FIRST_OCTETS 24	  /* of a PDU's first member, at most; see store/members.c */
#define MEMBER_NEXT_OCTETS  1	  /* of each further one: the next index, the first attempt */
#define SKIPS_MAX	    20000 /* entries whose record has moved on, passed over in one turn */

/* What is being released to one link in this turn. */
struct loading {
	struct link *link;
	uint32_t room;
	struct store_release rec;
	struct store_members members;
	uint8_t octets[MEMBERS_OCTETS];
	uint32_t pdus;			   /* in the record */
	uint32_t released;		   /* PDUs in this turn */
	uint64_t msisdn[SMPP_MAX_ENTRIES]; /* destinations of the PDU that is being made */
	uint32_t attempt;		   /* of them */
};

/* ---- the submit, after the commit ---- */

struct submit {
	struct effect effect;
	struct link *link;
	struct work *work;
	struct segment_ref ref;
	uint64_t release;
	uint16_t reference;
	struct flight flight;
	uint64_t msisdn[]; /* flight.n; behind them room for their addresses */
};

static enum smpp_session_error send(struct submit *submit, int64_t now_ms)
{
	const struct work *work = submit->work;
	struct compose what = {
		.route = work->route,
		.order = &work->rec,
		.content = work->content,
		.segment = (uint16_t)submit->ref.segment,
		.reference = submit->reference,
		.at_ms = submit->flight.released_at_ms,
	};
	struct composed composed;
	uint32_t n = submit->flight.n;
	struct smpp_writer dests =
		smpp_writer_of((uint8_t *)(submit->msisdn + n), n * COMPOSE_DEST_OCTETS);
	if (n > 1)
		compose_submit_multi(&what, submit->msisdn, n, &dests, &composed);
	else
		compose_submit_sm(&what, submit->msisdn[0], &composed);
	return smpp_session_request(submit->link->session, &composed.pdu, release_tag(submit->ref),
				    now_ms);
}

/* The release is on disk: from here on the segment is out until it has a verdict. */
static void submitted(struct engine *engine, struct effect *effect, enum turn_end end)
{
	struct submit *submit = (void *)effect;
	struct link *link = submit->link;
	struct release *release = NULL;
	if (end != TURN_DONE)
		return;
	release = releases_get(engine->releases, submit->release, link);
	if (!release || !releases_fly(engine->releases, release, &submit->flight)) {
		/* Its release stands on disk: after a restart it is in doubt and nothing is lost. */
		log_error("memory", "no memory for a release; stopping");
		engine->stopped = true;
		engine->exit_status = 1;
		return;
	}
	enum smpp_session_error err = link->session ? send(submit, submit->flight.released_now_ms) :
						      SMPP_SESSION_STATE;
	link->submits++;
	if (err == SMPP_SESSION_OK)
		return;
	if (err == SMPP_SESSION_BAD_PDU)
		log_error("submit.unencodable", "order=%llu index=%u route=%u",
			  (unsigned long long)submit->ref.order, submit->ref.index,
			  submit->work->rec.route);
	struct smpp_event unsent = { .kind = SMPP_EVENT_UNSENT, .tag = submit->flight.tag };
	link->unsent++;
	reconcile_verdict(engine, link, &unsent);
}

/* ---- the release, in the transaction ---- */

static void close_record(struct turn *turn, struct loading *loading)
{
	if (!loading->pdus)
		return;
	loading->rec.members =
		(struct store_octets){ loading->octets, (uint32_t)loading->members.n };
	turn_fail(turn, store_release_put(turn->txn, &loading->rec));
	loading->pdus = 0;
}

static void open_record(struct turn *turn, struct loading *loading)
{
	const struct link *link = loading->link;
	loading->rec = (struct store_release){
		.release = store_next(turn->txn, STORE_NEXT_RELEASE),
		.session = link->session_number,
		.provider = link->provider->number,
		.at_ms = (uint64_t)turn->due_ms,
	};
	store_members_init(&loading->members, loading->octets, sizeof(loading->octets));
}

/* The segments of one PDU stand in one record, which holds those of the largest. */
static void add_members(struct turn *turn, struct loading *loading, struct segment_ref ref,
			uint32_t n, uint32_t attempt)
{
	if (loading->members.n + MEMBER_FIRST_OCTETS + n * MEMBER_NEXT_OCTETS > MEMBERS_OCTETS)
		close_record(turn, loading);
	if (!loading->pdus)
		open_record(turn, loading);
	struct store_member member = {
		.order = ref.order,
		.index = ref.index,
		.pdu = loading->pdus,
		.segment = (uint8_t)ref.segment,
		.attempt = attempt,
	};
	for (; n; n--, member.index++)
		if (!store_members_add(&loading->members, &member))
			turn_fail(turn, STORE_TOO_BIG);
	loading->pdus++;
	loading->released++;
	loading->room--;
}

/* Is the entry still what its record says? A segment may have been cancelled or have expired. */
static bool still_queued(const struct queue_item *item, const struct work *work,
			 const struct store_seg *seg)
{
	if (!orders_pending(&work->rec) || seg->state != STORE_STATE_QUEUED)
		return false;
	return item->returned ? (int64_t)seg->due_ms == item->due_ms : !seg->due_ms;
}

/* The segment, and with it those of the n - 1 messages behind it, in one PDU. */
static bool release_segments(struct turn *turn, struct loading *loading, struct work *work,
			     const struct queue_item *item, const struct store_message *message,
			     uint32_t n)
{
	struct link *link = loading->link;
	uint32_t attempt = loading->attempt;
	size_t dest_octets = sizeof(loading->msisdn[0]) + (n > 1 ? COMPOSE_DEST_OCTETS : 0);
	struct submit *submit =
		(void *)turn_effect(turn, submitted, sizeof(*submit) + n * dest_octets);
	if (!submit)
		return false;
	add_members(turn, loading, item->segment, n, attempt);
	submit->link = link;
	submit->work = work;
	submit->ref = item->segment;
	submit->release = loading->rec.release;
	memcpy(submit->msisdn, loading->msisdn, n * sizeof(loading->msisdn[0]));
	submit->reference = message->reference;
	submit->flight = (struct flight){
		.tag = release_tag(item->segment),
		.n = n,
		.attempt = attempt,
		.released_due_ms = turn->due_ms,
		.released_at_ms = turn->at_ms,
		.released_now_ms = turn->now_ms,
		.in_flight = link->outstanding - link->settling + loading->released,
		.queued = (uint32_t)queue_depth(turn->engine->queue, item->route),
		.rate_per_s = provider_rate(link->provider, turn->now_ms),
	};
	if (item->returned)
		orders_happen(turn, item->segment,
			      &(struct happening){ .event = LIFE_ON_RELEASED });
	return true;
}

/* Out of the queue for good: the entry that came back, or all that is left of the order. */
static void discard(struct queue *queue, const struct queue_item *item)
{
	if (item->returned)
		queue_take(queue, false);
	else
		queue_drop(queue);
}

/* Out of the queue, but not past the cursor: QUEUED until queue_deadline says what it is then. */
static void unsendable(struct turn *turn, const struct queue_item *item, const char *why)
{
	if (turn_failed(turn))
		return;
	alarm_set(turn->engine, "text_missing", true, why);
	discard(turn->engine->queue, item);
}

/* Ends a number as one of these does? By its end its receipt is told from theirs. */
static bool ends_alike(const uint32_t *tails, uint32_t n, uint32_t tail)
{
	for (uint32_t i = 0; i < n; i++)
		if (tails[i] == tail)
			return true;
	return false;
}

/*
 * How many messages from this one on go together: those that stand next to one another, wait for
 * their first submit and have one part. The parts of a long one bear references of their own, and
 * what came back goes alone. No two of their numbers end alike. At most `most` segments.
 */
static uint32_t run_of(struct turn *turn, struct loading *loading, const struct work *work,
		       const struct queue_item *item, uint32_t most)
{
	const struct provider *provider = loading->link->provider;
	uint32_t n = 1, left = work->rec.total - item->segment.index;
	uint32_t tails[SMPP_MAX_ENTRIES];
	if (item->returned || work->rec.parts > 1 || provider->no_multi || loading->attempt > 1)
		return 1;
	most = most < provider->config->submit_multi ? most : provider->config->submit_multi;
	most = most < left ? most : left;
	tails[0] = store_tail(loading->msisdn[0]);
	for (; n < most; n++) {
		struct segment_ref ref = { work->rec.order, item->segment.index + n, 0 };
		struct store_message message;
		struct store_seg *seg;
		if (!orders_segment(turn, &work->rec, ref, &message, NULL, &seg) ||
		    seg->state != STORE_STATE_QUEUED || seg->due_ms || seg->attempts)
			break;
		tails[n] = store_tail(message.msisdn);
		if (ends_alike(tails, n, tails[n]))
			break;
		loading->msisdn[n] = message.msisdn;
	}
	return n;
}

/* Takes what is next off the queue, at most so many segments; how many were released. */
static uint32_t serve(struct turn *turn, struct loading *loading, const struct queue_item *item,
		      uint32_t most)
{
	struct queue *queue = turn->engine->queue;
	struct work *work = orders_work(turn, item->segment.order);
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	if (turn_failed(turn))
		return 0;
	if (!work || !orders_pending(&work->rec)) {
		discard(queue, item);
		return 0;
	}
	bool queued = orders_segment(turn, &work->rec, item->segment, &message, &segment, &seg) &&
		      still_queued(item, work, seg);
	if (queued && !orders_content(turn, work)) {
		unsendable(turn, item,
			   "an order's text cannot be read or encoded; its messages wait");
		return 0;
	}
	if (queued && content_needs_tlvs(work->content->plan.method) &&
	    !loading->link->tlvs_allowed) {
		unsendable(turn, item,
			   "an order needs TLVs, which its carrier no longer takes; its "
			   "messages wait");
		return 0;
	}
	uint32_t n = 1;
	if (queued) {
		loading->msisdn[0] = message.msisdn;
		loading->attempt = seg->attempts + 1u;
		n = run_of(turn, loading, work, item, most);
	}
	if (n > 1)
		queue_take_run(queue, n);
	else
		queue_take(queue, queued);
	if (!item->returned) {
		work->rec.released = item->cursor + n - 1;
		work->changed = true;
	}
	return queued && release_segments(turn, loading, work, item, &message, n) ? n : 0;
}

/* The link with the most room, the links in turn where they are equal. */
static struct loading *roomiest(struct provider *provider, struct loading *loadings, size_t n)
{
	struct loading *best = NULL;
	for (size_t i = 0; i < n; i++) {
		struct loading *loading = &loadings[(provider->next_link + i) % n];
		if (loading->room && (!best || loading->room > best->room))
			best = loading;
	}
	provider->next_link++;
	return best;
}

static void serve_provider(struct turn *turn, struct provider *provider, struct loading *loadings)
{
	struct queue_item item;
	struct loading *loading;
	uint32_t allowance = provider_allowance(provider, turn->now_ms), skipped = 0, n;
	uint32_t room = provider_room(provider, turn->now_ms);
	for (size_t i = 0; i < provider->n_links; i++) {
		loadings[i].link = provider->links[i];
		loadings[i].room = link_room(provider->links[i], turn->now_ms);
		loadings[i].pdus = loadings[i].released = 0;
	}
	while (allowance && room && skipped < SKIPS_MAX && !turn_failed(turn) &&
	       (loading = roomiest(provider, loadings, provider->n_links)) &&
	       queue_peek(turn->engine->queue, provider->index, turn->due_ms, &item)) {
		n = serve(turn, loading, &item, allowance);
		if (n) {
			provider_spend(provider, n);
			allowance = provider_allowance(provider, turn->now_ms);
			room--;
		} else {
			skipped++;
		}
	}
	for (size_t i = 0; i < provider->n_links; i++)
		close_record(turn, &loadings[i]);
	if (skipped == SKIPS_MAX)
		turn->engine->schedule = true;
}

void scheduler_run(struct turn *turn)
{
	struct engine *engine = turn->engine;
	engine->schedule = false;
	for (size_t i = 0; i < engine->n_providers && !turn_failed(turn); i++) {
		struct provider *provider = engine->providers[i];
		if (!provider->config->enabled || provider->paused || engine->draining ||
		    !provider->n_links)
			continue;
		struct queue_item item;
		if (!queue_peek(engine->queue, provider->index, turn->due_ms, &item))
			continue;
		struct loading *loadings = calloc(provider->n_links, sizeof(*loadings));
		if (!loadings) {
			turn_fail(turn, STORE_FULL);
			return;
		}
		serve_provider(turn, provider, loadings);
		free(loadings);
	}
}
