/* Answers: what became of a submit, and the bookkeeping of sessions and releases. */
#include "core/reconcile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/correlate.h"
#include "core/dialect.h"
#include "core/history.h"
#include "core/json.h"
#include "core/lifecycle.h"
#include "core/log.h"
#include "core/match.h"
#include "core/orphans.h"
#include "core/receipts.h"
#include "core/route.h"
#include "core/tap.h"
#include "smpp/receipt.h"

#define REMATCHED_MAX 10000 /* orphans, at a start with other settings */

/* ---- inputs ---- */

/* Without memory for an answer the daemon ends: at the next start its segment is in doubt. */
static void *input_new(struct engine *engine, size_t size, input_fn *apply, refuse_fn *refuse)
{
	struct input *input = calloc(1, size);
	if (!input) {
		log_error("memory", "no memory for an event of a link; stopping");
		engine->stopped = true;
		engine->exit_status = 1;
		return NULL;
	}
	input->apply = apply;
	input->refuse = refuse;
	return input;
}

struct session_input {
	struct input input;
	struct link *link;
	uint64_t connection; /* the port's id: a session is one life of one connection */
	uint64_t session;
	int64_t opened_ms;
	char reason[128];
};

struct session_numbered {
	struct effect effect;
	struct link *link;
	uint64_t connection, session;
};

/*
 * A number is on disk before anything bears it, so that what a trace, a log or a carrier's ticket
 * names is never another session too, whenever the daemon dies. A connection that is not bound in
 * the end has used up its number, and leaves no record.
 */
static void session_numbered(struct engine *engine, struct effect *effect, enum turn_end end)
{
	struct session_numbered *numbered = (void *)effect;
	if (end == TURN_DONE && numbered->link->port_link == numbered->connection)
		link_numbered(engine, numbered->link, numbered->session);
}

static void apply_up(struct turn *turn, struct input *input)
{
	struct session_input *up = (void *)input;
	uint64_t session = store_next(turn->txn, STORE_NEXT_SESSION);
	struct session_numbered *numbered =
		(void *)turn_effect(turn, session_numbered, sizeof(*numbered));
	if (!numbered)
		return;
	numbered->link = up->link;
	numbered->connection = up->connection;
	numbered->session = session;
}

static void refuse_up(struct engine *engine, struct input *input, enum store_err why)
{
	struct session_input *up = (void *)input;
	if (up->link->port_link == up->connection)
		link_unnumbered(engine, up->link, store_err_text(why));
}

void reconcile_up(struct engine *engine, struct link *link)
{
	struct session_input *input = input_new(engine, sizeof(*input), apply_up, refuse_up);
	if (!input)
		return;
	input->link = link;
	input->connection = link->port_link;
	engine_input(engine, &input->input);
}

struct session_ready {
	struct effect effect;
	struct link *link;
	uint64_t session;
};

static void session_ready(struct engine *engine, struct effect *effect, enum turn_end end)
{
	struct session_ready *ready = (void *)effect;
	struct link *link = ready->link;
	if (end == TURN_DONE && link->state == LINK_BOUND && link->session_number == ready->session)
		link->ready = engine->schedule = true;
}

static void apply_bound(struct turn *turn, struct input *input)
{
	struct session_input *bound = (void *)input;
	struct link *link = bound->link;
	struct store_session rec = {
		.session = bound->session,
		.provider = link->provider->number,
		.kind = (uint8_t)link->bind_command_id,
		.opened_ms = (uint64_t)bound->opened_ms,
		.link = { (const uint8_t *)link->name, (uint32_t)strnlen(link->name, 64) },
		.peer = { (const uint8_t *)link->peer, (uint32_t)strnlen(link->peer, 64) },
	};
	turn_fail(turn, store_session_put(turn->txn, &rec));
	feed_tell(turn, FEED_LINK_BOUND, rec.session);
	struct session_ready *ready = (void *)turn_effect(turn, session_ready, sizeof(*ready));
	if (!ready)
		return;
	ready->link = link;
	ready->session = rec.session;
}

/* It does not wait for room: written behind its end, the record would stay open. */
static void refuse_bound(struct engine *engine, struct input *input, enum store_err why)
{
	struct session_input *bound = (void *)input;
	char reason[128];
	snprintf(reason, sizeof(reason), "no record of its session: %s", store_err_text(why));
	if (bound->link->session_number == bound->session)
		link_rebind(engine, bound->link, reason);
}

void reconcile_bound(struct engine *engine, struct link *link)
{
	struct session_input *input = input_new(engine, sizeof(*input), apply_bound, refuse_bound);
	if (!input)
		return;
	input->link = link;
	input->session = link->session_number;
	input->opened_ms = port_wall_ms(engine->port);
	engine_input(engine, &input->input);
}

static void apply_closed(struct turn *turn, struct input *input)
{
	struct session_input *closed = (void *)input;
	struct store_session rec = { .session = closed->session };
	if (store_session_get(turn->txn, &rec) != STORE_OK)
		return;
	rec.closed_ms = (uint64_t)turn->at_ms;
	rec.reason = store_octets_of(closed->reason);
	turn_fail(turn, store_session_put(turn->txn, &rec));
	feed_tell(turn, FEED_LINK_DOWN, rec.session);
}

void reconcile_closed(struct engine *engine, struct link *link)
{
	struct session_input *input = input_new(engine, sizeof(*input), apply_closed, NULL);
	if (!input)
		return;
	input->link = link;
	input->session = link->session_number;
	snprintf(input->reason, sizeof(input->reason), "%.*s", (int)sizeof(input->reason) - 1,
		 link->reason);
	engine_input(engine, &input->input);
}

/* ---- verdicts ---- */

struct verdict {
	struct input input;
	struct link *link;
	uint64_t tag, session;
	enum smpp_event_kind kind;
	bool late;
	uint32_t status, sequence_number, rtt_ms;
	int64_t sent_ms; /* monotonic; 0: it never left */
	uint8_t id[64];
	uint32_t id_n;
	/* Of a submit_multi, for each destination in turn: its status is the PDU's, or in the list. */
	bool with_others;
	uint32_t pdu_status;
	uint32_t unsuccess_n;
	uint8_t unsuccess[]; /* unsuccess_sme (4.5.2.1) */
};

/* The segment that a verdict is about, as it stands. */
struct subject {
	const struct work *work;
	struct segment_ref ref;
	const struct store_seg *seg;
};

/* Refusals of one kind that the segment's evidence shows already, wherever it is kept. */
static uint32_t refusals(const struct turn *turn, const struct subject *subject,
			 const struct config_provider *provider, enum config_status_class class)
{
	struct history history;
	struct evidence row;
	uint32_t n = 0;
	history_begin(&history, turn->txn, &subject->work->rec, subject->ref, subject->seg);
	while (history_next(&history, &row))
		n += row.event == LIFE_ON_REFUSED_FOR_NOW && row.has_code &&
		     route_status_class(provider, row.code) == class;
	return n;
}

/* What a refusal means: the event, when the segment is due again, and what the message is marked with. */
static enum life_event refusal(const struct turn *turn, const struct subject *subject,
			       const struct verdict *verdict, int64_t head_ms,
			       struct happening *happening)
{
	const struct config_provider *provider = verdict->link->provider->config;
	const struct config_route *route = subject->work->route;
	bool no_multi = verdict->with_others && verdict->pdu_status == SMPP_ESME_RINVCMDID;
	enum config_status_class class = no_multi ? CONFIG_STATUS_REBIND :
						    route_status_class(provider, verdict->status);
	int64_t wait_ms = -1;
	switch (class) {
	case CONFIG_STATUS_PAUSE:
		happening->flags |= STORE_FLAG_THROTTLED;
		happening->due_ms = head_ms; /* back to the head, in its old order */
		return LIFE_ON_REFUSED_FOR_NOW;
	case CONFIG_STATUS_RETRY:
		if (route)
			wait_ms =
				route_retry_ms(route, refusals(turn, subject, provider, class) + 1);
		happening->due_ms = turn->due_ms + wait_ms;
		return wait_ms < 0 ? LIFE_ON_REFUSED : LIFE_ON_REFUSED_FOR_NOW;
	case CONFIG_STATUS_REBIND:
		happening->due_ms = head_ms;
		/* Twice is poison. */
		return refusals(turn, subject, provider, class) ? LIFE_ON_REFUSED :
								  LIFE_ON_REFUSED_FOR_NOW;
	case CONFIG_STATUS_FAIL:
	case CONFIG_STATUS_UNDELIVERABLE:
		break;
	}
	return LIFE_ON_REFUSED;
}

/* The provider took it under this id: found by it from now on, by receipts that came first too. */
static void accepted(struct turn *turn, const struct verdict *verdict, struct segment_ref ref,
		     int64_t released_ms)
{
	char id[SMPP_ID_OCTETS];
	size_t n = smpp_id_canonical(verdict->id, verdict->id_n, id);
	if (!n)
		return;
	const struct provider *provider = verdict->link->provider;
	uint64_t hash =
		store_ids_hash(turn->engine->store, provider->number, (const uint8_t *)id, n);
	uint64_t at = hash;
	struct store_ref to = { .order = ref.order, .index = ref.index, .segment = ref.segment };
	struct store_message message = { .order = ref.order, .index = ref.index };
	if (verdict->with_others && store_message_get(turn->txn, &message) == STORE_OK)
		at = match_shared_hash(turn->engine->store, provider->number, id, n,
				       store_tail(message.msisdn) + 1);
	turn_fail(turn, store_ids_add(turn->txn, at, &to, (uint64_t)turn->at_ms));
	if (verdict->with_others)
		orphans_join_shared(turn, provider, ref, hash, released_ms);
	else
		orphans_join(turn, provider, ref, hash, released_ms);
}

static void describe(struct happening *happening, const struct verdict *verdict)
{
	struct evidence *row = &happening->evidence;
	row->has_submit = true;
	row->attempt = happening->attempt;
	row->session = verdict->session;
	row->sequence_number = verdict->sequence_number;
	row->rtt_ms = verdict->rtt_ms;
	row->with_others = verdict->with_others;
	if (verdict->kind == SMPP_EVENT_RESPONSE) {
		row->has_code = true;
		row->code = verdict->status;
		/* What was refused alone has no part in the id of the others. */
		if (!verdict->with_others || !verdict->status)
			row->id = (struct smpp_octets){ .at = verdict->id, .n = verdict->id_n };
	}
}

/* 0xFE and its kin: the provider took it and says in the same breath that it was not delivered. */
static void undeliverable(struct turn *turn, const struct verdict *verdict, struct segment_ref ref)
{
	struct happening happening = {
		.event = LIFE_ON_RECEIPT_FAILED,
		.given = STORE_ERROR_UNDELIVERABLE,
		.evidence = { .has_code = true, .code = verdict->status },
	};
	orders_happen(turn, ref, &happening);
}

static void happen(struct turn *turn, const struct verdict *verdict, struct segment_ref ref,
		   struct happening *happening)
{
	bool failed_there = verdict->kind == SMPP_EVENT_RESPONSE && verdict->status &&
			    route_status_class(verdict->link->provider->config, verdict->status) ==
				    CONFIG_STATUS_UNDELIVERABLE;
	if (failed_there)
		happening->event = LIFE_ON_ACCEPTED;
	describe(happening, verdict);
	if (happening->event == LIFE_ON_ACCEPTED && !verdict->id_n)
		happening->flags |= STORE_FLAG_NO_MESSAGE_ID;
	orders_happen(turn, ref, happening);
	if (failed_there)
		undeliverable(turn, verdict, ref);
	else if (happening->event == LIFE_ON_ACCEPTED)
		accepted(turn, verdict, ref, happening->evidence.released_ms);
}

/* Carriers may write it in national form; those of one PDU differ in their ends. */
static bool is_number(struct smpp_octets address, uint64_t msisdn)
{
	char digits[24];
	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)msisdn);
	if (smpp_number_tail(address))
		return smpp_number_tail(address) == store_tail(msisdn) + 1;
	if (address.n && address.at[0] == '+') {
		address.at++;
		address.n--;
	}
	return smpp_octets_equal(address, smpp_octets_of(digits));
}

/* What the answer of a submit_multi says of one destination (4.5.2). */
static void status_for(struct verdict *verdict, uint64_t msisdn)
{
	struct smpp_octets rest = { verdict->unsuccess, verdict->unsuccess_n };
	struct smpp_unsuccess one;
	verdict->status = verdict->pdu_status;
	while (smpp_unsuccess_next(&rest, &one))
		if (one.error_status_code && is_number(one.destination_addr, msisdn))
			verdict->status = one.error_status_code;
}

/* Somebody watches: when the message goes again. */
struct told_again {
	struct effect effect;
	struct link *link;
	uint64_t tag;
	int64_t at_ms; /* wall clock */
	int64_t due_ms;
	uint32_t attempt;
};

static void tell_again(struct engine *engine, struct effect *effect, enum turn_end end)
{
	const struct told_again *told = (void *)effect;
	int64_t wait_ms = told->link->paused_until_ms - port_now_ms(engine->port);
	int64_t paused_ms = wait_ms > 0 ? port_wall_ms(engine->port) + wait_ms : 0;
	char due[25];
	if (end != TURN_DONE)
		return;
	json_time_text(told->due_ms > paused_ms ? told->due_ms : paused_ms, due);
	tap_note(engine->tap, told->link, told->at_ms, told->tag,
		 "refused for now: attempt %u goes not before %s", told->attempt + 1, due);
}

static void again(struct turn *turn, const struct verdict *verdict, struct segment_ref ref,
		  const struct happening *happening)
{
	if (!tap_wants(turn->engine->tap, verdict->link))
		return;
	struct told_again *told = (void *)turn_effect(turn, tell_again, sizeof(*told));
	if (!told)
		return;
	told->link = verdict->link;
	told->tag = release_tag(ref);
	told->at_ms = turn->at_ms;
	told->due_ms = turn->at_ms + happening->due_ms - turn->due_ms;
	told->attempt = happening->attempt;
}

/* The answer, or its absence, of a segment whose PDU is out. */
static void in_time(struct turn *turn, struct verdict *verdict, struct segment_ref ref,
		    const struct flight *flight)
{
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	struct work *work = orders_work(turn, ref.order);
	struct happening happening = {
		.event = verdict->kind == SMPP_EVENT_UNSENT ? LIFE_ON_UNSENT : LIFE_ON_LOST,
		.attempt = flight->attempt,
		.verdict = true,
		.released_ms = flight->released_due_ms,
		.due_ms = flight->released_due_ms,
		.evidence = {
			.released_ms = flight->released_at_ms,
			.in_flight = flight->in_flight,
			.queued = flight->queued,
			.rate_per_s = flight->rate_per_s,
		},
	};
	if (!work || !orders_segment(turn, &work->rec, ref, &message, &segment, &seg))
		return;
	if (verdict->with_others)
		status_for(verdict, message.msisdn);
	struct subject subject = { work, ref, seg };
	if (verdict->sent_ms > flight->released_now_ms)
		happening.evidence.sent_after_ms =
			(uint32_t)(verdict->sent_ms - flight->released_now_ms);
	if (verdict->kind == SMPP_EVENT_RESPONSE)
		happening.event = verdict->status ? refusal(turn, &subject, verdict,
							    flight->released_due_ms, &happening) :
						    LIFE_ON_ACCEPTED;
	happen(turn, verdict, ref, &happening);
	if (happening.event == LIFE_ON_REFUSED_FOR_NOW)
		again(turn, verdict, ref, &happening);
	if (verdict->sent_ms)
		receipts_cover(turn, verdict->link->provider, ref,
			       flight->released_at_ms + happening.evidence.sent_after_ms);
	correlate(turn, verdict->link->provider, store_tail(message.msisdn) + 1);
	if (happening.event != LIFE_ON_LOST)
		orphans_match_early(turn, verdict->link->provider, store_tail(message.msisdn) + 1);
}

/*
 * The row of the attempt that went out under this session and number and was given up on; its
 * slices live as long as the history.
 */
static bool find_lost(struct history *history, const struct verdict *verdict, struct evidence *row)
{
	while (history_next(history, row))
		if (row->event == LIFE_ON_LOST && row->session == verdict->session &&
		    row->sequence_number == verdict->sequence_number)
			return true;
	return false;
}

/* False: the segment did not go out under this session and number. */
static bool too_late(struct turn *turn, struct verdict *verdict, struct segment_ref ref)
{
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	struct history history;
	struct evidence lost;
	struct work *work = orders_work(turn, ref.order);
	if (!work || !orders_segment(turn, &work->rec, ref, &message, &segment, &seg))
		return false;
	history_begin(&history, turn->txn, &work->rec, ref, seg);
	if (!find_lost(&history, verdict, &lost))
		return false;
	verdict->with_others = lost.with_others;
	if (verdict->with_others)
		status_for(verdict, message.msisdn);
	struct subject subject = { work, ref, seg };
	struct happening happening = {
		.event = LIFE_ON_ACCEPTED,
		.attempt = lost.attempt,
		.answers_open = true,
		.evidence = { .released_ms = lost.released_ms },
	};
	bool latest = happening.attempt == seg->attempts &&
		      (seg->state == STORE_STATE_IN_DOUBT || seg->state == STORE_STATE_UNKNOWN);
	if (verdict->status)
		happening.event =
			latest ? refusal(turn, &subject, verdict, turn->due_ms, &happening) :
				 LIFE_ON_EARLIER_REFUSED;
	happen(turn, verdict, ref, &happening);
	return true;
}

static void apply_verdict(struct turn *turn, struct input *input)
{
	struct verdict *verdict = (void *)input;
	struct segment_ref ref = release_ref(verdict->tag);
	struct flight *flight = releases_find(turn->engine->releases, verdict->tag);
	if (!verdict->late && flight && flight->release->session == verdict->session) {
		verdict->with_others = flight->n > 1;
		releases_settle(turn, flight);
		for (uint32_t n = 0; n < flight->n; n++, ref.index++)
			in_time(turn, verdict, ref, flight);
	} else if (verdict->kind == SMPP_EVENT_RESPONSE) {
		/* The others of a submit_multi stand next to one another behind the first. */
		for (uint32_t n = 0; n < SMPP_MAX_ENTRIES; n++, ref.index++)
			if (!too_late(turn, verdict, ref) || !verdict->with_others)
				break;
	}
}

void reconcile_verdict(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	bool multi = event->command_id == SMPP_submit_multi_resp && event->pdu;
	bool readable = event->pdu && !event->unparsed;
	struct smpp_octets unsuccess = { 0 };
	if (multi && readable)
		unsuccess = event->pdu->unsuccess_sme;
	struct verdict *verdict =
		input_new(engine, sizeof(*verdict) + unsuccess.n, apply_verdict, NULL);
	if (!verdict)
		return;
	verdict->unsuccess_n = unsuccess.n;
	if (unsuccess.n)
		memcpy(verdict->unsuccess, unsuccess.at, unsuccess.n);
	verdict->link = link;
	verdict->tag = event->tag;
	verdict->session = link->session_number;
	verdict->kind = event->kind;
	verdict->late = event->late;
	verdict->status = verdict->pdu_status = event->command_status;
	/* Some were refused, perhaps, and nobody can read which; or a generic_nack says that nothing
	 * is wrong, which is no acceptance: as if no answer had come. */
	if (((multi && !readable) || event->command_id == SMPP_generic_nack) &&
	    event->kind == SMPP_EVENT_RESPONSE && !event->command_status)
		verdict->kind = SMPP_EVENT_LOST;
	verdict->sequence_number = event->sequence_number;
	verdict->rtt_ms = event->rtt_ms;
	verdict->sent_ms = event->sent_ms;
	if (readable) {
		struct smpp_octets id = event->pdu->message_id;
		verdict->id_n = id.n < sizeof(verdict->id) ? id.n : (uint32_t)sizeof(verdict->id);
		if (verdict->id_n)
			memcpy(verdict->id, id.at, verdict->id_n);
	}
	engine_input(engine, &verdict->input);
}

/* ---- recovery ---- */

static void lose(struct turn *turn, const struct store_release *release,
		 const struct store_member *member)
{
	struct segment_ref ref = { .order = member->order,
				   .index = member->index,
				   .segment = member->segment };
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	struct work *work = orders_work(turn, ref.order);
	if (!work || !orders_segment(turn, &work->rec, ref, &message, &segment, &seg) ||
	    seg->attempts >= member->attempt)
		return;
	struct happening happening = {
		.event = LIFE_ON_LOST,
		.attempt = member->attempt,
		.verdict = true,
		.released_ms = (int64_t)release->at_ms,
		.evidence = {
			.has_submit = true,
			.attempt = member->attempt,
			.session = release->session,
			.released_ms = (int64_t)release->at_ms,
		},
	};
	orders_happen(turn, ref, &happening);
}

/* Orphans of before a setting was corrected. */
static void match_anew(struct turn *turn)
{
	for (size_t i = 0; i < turn->engine->n_providers; i++)
		if (dialect_settings_changed(turn, turn->engine->providers[i]))
			orphans_rematch(turn, turn->engine->providers[i], REMATCHED_MAX);
}

bool reconcile_recover(struct turn *turn)
{
	struct store_release release = { 0 };
	struct store_members_reader reader;
	struct store_member member;
	enum store_err err = store_release_seek(turn->txn, &release, 0);
	if (err == STORE_NOTFOUND) {
		match_anew(turn);
		correlate_all(turn); /* nothing is out any more: what fits is unique or not */
	} else {
		turn_fail(turn, err);
	}
	if (err || turn_failed(turn))
		return false;
	store_members_read(&reader, release.members);
	while (store_members_next(&reader, &member) && !turn_failed(turn))
		lose(turn, &release, &member);
	turn_fail(turn, reader.bad ? STORE_CORRUPT : store_release_del(turn->txn, &release));
	return !turn_failed(turn);
}

/* ---- an older store ---- */

static void doubt(struct turn *turn, struct work *work, struct segment_ref ref)
{
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	if (!orders_segment(turn, &work->rec, ref, &message, &segment, &seg))
		return;
	enum store_state state = (enum store_state)seg->state;
	uint32_t attempt = seg->attempts + 1u;
	if (state != STORE_STATE_QUEUED && state != STORE_STATE_SUBMITTED)
		return;
	struct happening lost = {
		.event = LIFE_ON_LOST,
		.attempt = attempt,
		.verdict = true,
		.released_ms = turn->due_ms,
		.evidence = {
			.has_submit = true,
			.attempt = attempt,
			.released_ms = turn->at_ms,
		},
	};
	if (state == STORE_STATE_QUEUED)
		orders_happen(turn, ref, &(struct happening){ .event = LIFE_ON_RELEASED });
	orders_happen(turn, ref, &lost);
}

void reconcile_doubt(struct turn *turn, uint64_t order)
{
	struct work *work = orders_work(turn, order);
	if (!work)
		return;
	uint64_t segments = (uint64_t)work->rec.total * work->rec.parts;
	for (uint64_t at = 0; at < segments && !turn_failed(turn); at++)
		doubt(turn, work,
		      (struct segment_ref){ .order = order,
					    .index = (uint32_t)(at / work->rec.parts),
					    .segment = (uint32_t)(at % work->rec.parts) });
	work->rec.released = segments;
	work->changed = true;
}
