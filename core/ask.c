/* Asking a provider about a segment. See ask.h. */
#include "core/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/compose.h"
#include "core/history.h"
#include "core/lifecycle.h"
#include "core/log.h"
#include "core/provider.h"
#include "core/receipts.h"

/* Releases' tags have an order's number in their upper bits, which stays below it. */
#define ASK_TAG (1ull << 63)

struct asks {
	struct ask *by_number;
	uint64_t last;
};

/* What each kind sends, and what it leaves in the evidence. */
static const struct {
	uint32_t command_id;
	enum life_event asked; /* QUERY: none, for it does nothing there */
	enum life_event answered;
} kinds[] = {
	[ASK_QUERY] = { SMPP_query_sm, LIFE_EVENTS, LIFE_ON_QUERIED },
	[ASK_CANCEL] = { SMPP_cancel_sm, LIFE_ON_CANCEL_ASKED, LIFE_ON_CANCEL_ANSWERED },
	[ASK_REPLACE] = { SMPP_replace_sm, LIFE_ON_REPLACE_ASKED, LIFE_ON_REPLACE_ANSWERED },
};

/* ---- the table ---- */

struct asks *asks_new(void)
{
	return calloc(1, sizeof(struct asks));
}

static void forget(struct asks *asks, struct ask *ask)
{
	HASH_DEL(asks->by_number, ask);
	free(ask);
}

void asks_free(struct asks *asks)
{
	struct ask *ask, *next;
	if (!asks)
		return;
	HASH_ITER(hh, asks->by_number, ask, next)
		forget(asks, ask);
	free(asks);
}

static struct ask *find(const struct engine *engine, uint64_t number)
{
	struct ask *ask;
	HASH_FIND(hh, engine->asks->by_number, &number, sizeof(number), ask);
	return ask;
}

const struct ask *ask_find(const struct engine *engine, uint64_t number)
{
	return find(engine, number);
}

/* Makes room by what is done: what is old, or when full, the one that is done longest. */
static bool has_room(struct engine *engine, int64_t now_ms)
{
	struct asks *asks = engine->asks;
	struct ask *ask, *next, *oldest = NULL;
	HASH_ITER(hh, asks->by_number, ask, next) {
		if (ask->outcome == ASK_WAITS)
			continue;
		if (ask->done_ms + ASK_KEPT_MS <= now_ms)
			forget(asks, ask);
		else if (!oldest || ask->done_ms < oldest->done_ms)
			oldest = ask;
	}
	if (HASH_COUNT(asks->by_number) >= ASKS_MAX && oldest)
		forget(asks, oldest);
	return HASH_COUNT(asks->by_number) < ASKS_MAX;
}

static struct ask *keep(struct engine *engine, const struct ask *ask)
{
	struct ask *kept = has_room(engine, port_now_ms(engine->port)) ? malloc(sizeof(*kept)) :
									 NULL;
	if (!kept)
		return NULL;
	*kept = *ask;
	HASH_ADD(hh, engine->asks->by_number, number, sizeof(kept->number), kept);
	if (find(engine, ask->number))
		return kept;
	free(kept);
	return NULL;
}

/* ---- may it be asked? ---- */

/* Why it may not be, as operators read it and as clients do. */
enum refusal {
	REFUSAL_NONE,
	REFUSAL_UNREADABLE,
	REFUSAL_MEMORY,
	REFUSAL_QUEUED,
	REFUSAL_SUBMITTED,
	REFUSAL_IN_DOUBT,
	REFUSAL_NOT_SENT,
	REFUSAL_ENDED,
	REFUSAL_NAMELESS,
	REFUSAL_SHARED,
	REFUSAL_NO_LINK,
	REFUSAL_TOO_MANY,
};
static const struct {
	const char *why, *told;
} refusals[] = {
	[REFUSAL_NONE] = { NULL, NULL },
	[REFUSAL_UNREADABLE] = { "its record cannot be read", "its record cannot be read" },
	[REFUSAL_MEMORY] = { "there is no memory", "there is no memory" },
	[REFUSAL_QUEUED] = { "it waits here: the provider does not know it yet",
			     "it waits here: the provider does not know it yet" },
	[REFUSAL_SUBMITTED] = { "its submit is not answered yet: there is no message_id to ask by",
				"it is being handed over and the provider has not answered yet: try again" },
	[REFUSAL_IN_DOUBT] = { "it is in doubt: no answer gave a message_id to ask by",
			       "it is in doubt: without the provider's answer it cannot be named there" },
	[REFUSAL_NOT_SENT] = { "only what is SENT can be replaced",
			       "only what is SENT can be replaced" },
	[REFUSAL_ENDED] = { "it has ended", "it has ended" },
	[REFUSAL_NAMELESS] = { "the provider named no message_id to ask by",
			       "the provider took it without a name that it could be asked by" },
	[REFUSAL_SHARED] = { "its message_id belongs to every destination of its submit_multi: none "
			     "can be asked about alone",
			     "it went out together with others: none can be taken back alone" },
	[REFUSAL_NO_LINK] = { "no link of its provider is bound, free to send, and no receiver",
			      "the provider has it and cannot be reached now: try again" },
	[REFUSAL_TOO_MANY] = { "too many others are not answered yet",
			       "too many others are not answered yet: try again" },
};

static struct asked refuse(enum refusal refusal)
{
	return (struct asked){ .why = refusals[refusal].why, .told = refusals[refusal].told };
}

static enum refusal refused_by_state(enum ask_kind kind, enum store_state state)
{
	switch (state) {
	case STORE_STATE_QUEUED:
		return REFUSAL_QUEUED;
	case STORE_STATE_SUBMITTED:
		return REFUSAL_SUBMITTED;
	case STORE_STATE_IN_DOUBT:
		return REFUSAL_IN_DOUBT;
	case STORE_STATE_SENT:
		return REFUSAL_NONE;
	case STORE_STATE_UNKNOWN:
		return kind == ASK_REPLACE ? REFUSAL_NOT_SENT : REFUSAL_NONE;
	case STORE_STATE_DELIVERED:
	case STORE_STATE_FAILED:
	case STORE_STATE_EXPIRED:
		return kind == ASK_QUERY ? REFUSAL_NONE : REFUSAL_ENDED;
	case STORE_STATES:
		break;
	}
	return REFUSAL_UNREADABLE;
}

struct name {
	uint8_t at[64];
	uint32_t n;
	bool shared;
};

/* The id that the last answer gave it. */
static struct name name_of(struct turn *turn, const struct store_order *order,
			   struct segment_ref ref, const struct store_seg *seg)
{
	struct name name = { .n = 0 };
	struct history history;
	struct evidence row;
	history_begin(&history, turn->txn, order, ref, seg);
	while (history_next(&history, &row)) {
		if (row.event != LIFE_ON_ACCEPTED || !row.id.n)
			continue;
		name.n = row.id.n < sizeof(name.at) ? row.id.n : (uint32_t)sizeof(name.at);
		memcpy(name.at, row.id.at, name.n);
		name.shared = row.with_others;
	}
	return name;
}

static bool can_send(const struct engine *engine, const struct link *link, int64_t now_ms)
{
	return link->provider->config->enabled && link->ready && link->state == LINK_BOUND &&
	       link->session && link->bind_command_id != SMPP_bind_receiver &&
	       !link->trunk->up_for_down && now_ms >= link->paused_until_ms &&
	       !link->provider->paused && !engine->draining;
}

/* The link of the provider with the least on it. */
static struct link *choose_link(const struct engine *engine, uint32_t provider, int64_t now_ms)
{
	struct link *best = NULL;
	for (size_t i = 0; i < engine->n_providers; i++)
		for (size_t k = 0; k < engine->providers[i]->n_links; k++) {
			struct link *link = engine->providers[i]->links[k];
			if (engine->providers[i]->number == provider &&
			    can_send(engine, link, now_ms) &&
			    (!best ||
			     link->outstanding + link->asking < best->outstanding + best->asking))
				best = link;
		}
	return best;
}

uint32_t ask_places(const struct engine *engine, const struct provider *provider, int64_t now_ms)
{
	uint32_t out = 0, window = provider->config->window;
	bool any = false;
	for (size_t i = 0; i < provider->n_links; i++) {
		out += provider->links[i]->outstanding + provider->links[i]->asking;
		any = any || can_send(engine, provider->links[i], now_ms);
	}
	return any && out < window ? window - out : 0;
}

/* ---- asking ---- */

/* Asked by core/missing.c, of which each provider has one out: clients only ever cancel. */
static bool of_ours(const struct ask *ask)
{
	return ask->kind == ASK_QUERY && !ask->by_operator;
}

struct sending {
	struct effect effect;
	struct link *link;
	const struct work *work;
	uint64_t session;
	uint64_t msisdn;
	struct ask ask;
	struct name name;
	uint8_t text[ASK_TEXT_OCTETS];
	uint32_t text_n;
};

static enum smpp_session_error send(const struct sending *sending, int64_t now_ms)
{
	struct link *link = sending->link;
	struct composed out;
	struct compose_about about = {
		.provider = link->provider->config,
		.order = &sending->work->rec,
		.command_id = kinds[sending->ask.kind].command_id,
		.message_id = { sending->name.at, sending->name.n },
		.msisdn = sending->msisdn,
		.text = { sending->text, sending->text_n },
	};
	if (!link->session || link->session_number != sending->session)
		return SMPP_SESSION_STATE;
	compose_about(&about, &out);
	return smpp_session_request(link->session, &out.pdu, sending->ask.number | ASK_TAG, now_ms);
}

static void asked(struct engine *engine, struct effect *effect, enum turn_end end)
{
	const struct sending *sending = (const void *)effect;
	struct smpp_event unsent = { .kind = SMPP_EVENT_UNSENT,
				     .tag = sending->ask.number | ASK_TAG };
	if (end != TURN_DONE)
		return;
	if (!keep(engine, &sending->ask)) {
		log_warning("ask.unsent", "ask=%llu no room to remember it",
			    (unsigned long long)sending->ask.number);
		return;
	}
	sending->link->asking++;
	if (of_ours(&sending->ask))
		sending->link->provider->querying = true;
	if (send(sending, port_now_ms(engine->port)) != SMPP_SESSION_OK)
		ask_event(engine, sending->link, &unsent);
}

static struct asked go(struct turn *turn, const struct ask_wish *wish, struct link *link,
		       const struct name *name, uint64_t msisdn)
{
	struct sending *sending = (void *)turn_effect(turn, asked, sizeof(*sending));
	if (!sending)
		return refuse(REFUSAL_MEMORY);
	sending->link = link;
	sending->session = link->session_number;
	sending->work = wish->work;
	sending->msisdn = msisdn;
	sending->name = *name;
	sending->text_n = wish->text.n;
	if (wish->text.n)
		memcpy(sending->text, wish->text.at, wish->text.n);
	/* A number that a dropped turn has used is not given again; that is all it changes. */
	sending->ask = (struct ask){ .number = ++turn->engine->asks->last,
				     .kind = wish->kind,
				     .ref = wish->ref,
				     .by_operator = wish->by_operator };
	memcpy(sending->ask.link, link->name, sizeof(sending->ask.link));
	if (kinds[wish->kind].asked != LIFE_EVENTS)
		orders_happen(turn, wish->ref,
			      &(struct happening){ .event = kinds[wish->kind].asked,
						   .evidence = { .by_operator = wish->by_operator,
								 .note = wish->note } });
	return (struct asked){ .number = sending->ask.number, .link = link->name };
}

struct asked ask_segment(struct turn *turn, const struct ask_wish *wish)
{
	struct work *work = wish->work;
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	if (!orders_segment(turn, &work->rec, wish->ref, &message, &segment, &seg))
		return refuse(REFUSAL_UNREADABLE);
	enum refusal refusal = refused_by_state(wish->kind, (enum store_state)seg->state);
	if (refusal)
		return refuse(refusal);
	struct name name = name_of(turn, &work->rec, wish->ref, seg);
	if (!name.n)
		return refuse(REFUSAL_NAMELESS);
	if (name.shared)
		return refuse(REFUSAL_SHARED);
	struct link *link = choose_link(turn->engine, work->rec.provider, turn->now_ms);
	if (!link)
		return refuse(REFUSAL_NO_LINK);
	if (!has_room(turn->engine, turn->now_ms))
		return refuse(REFUSAL_TOO_MANY);
	return go(turn, wish, link, &name, message.msisdn);
}

/* ---- answers ---- */

bool ask_is(uint64_t tag)
{
	return tag & ASK_TAG;
}

struct answer {
	struct input input;
	const struct provider *provider;
	uint64_t session;
	struct ask ask; /* as it will be */
	uint8_t message_state;
};

struct told {
	struct effect effect;
	struct ask ask;
};

static void told(struct engine *engine, struct effect *effect, enum turn_end end)
{
	const struct ask *ask = &((const struct told *)(const void *)effect)->ask;
	struct ask *kept = find(engine, ask->number);
	if (end != TURN_DONE || !kept)
		return;
	UT_hash_handle hh = kept->hh;
	*kept = *ask;
	kept->hh = hh;
	/* Nobody will look for it; without an answer one may still come. */
	if (!ask->by_operator && ask->outcome != ASK_UNANSWERED)
		forget(engine->asks, kept);
}

/* A state that the provider named is evidence as a receipt's would be. */
static void apply_state(struct turn *turn, struct answer *answer)
{
	struct ask *ask = &answer->ask;
	struct receipt_query query = {
		.session = answer->session,
		.message_state = answer->message_state,
		.error_code = ask->error_code,
		.final_date = smpp_octets_of(ask->final_date),
		.by_operator = ask->by_operator,
	};
	ask->state = receipts_apply_query(turn, answer->provider, ask->ref, &query);
}

static void apply_answer(struct turn *turn, struct input *input)
{
	struct answer *answer = (void *)input;
	struct ask *ask = &answer->ask;
	static const char unsent[] = "unsent";
	struct happening happening = {
		.event = kinds[ask->kind].answered,
		.evidence = { .by_operator = ask->by_operator },
	};
	if (ask->outcome == ASK_ANSWERED) {
		happening.evidence.has_code = true;
		happening.evidence.code = ask->status;
	} else if (ask->outcome == ASK_UNSENT) {
		happening.evidence.note = smpp_octets_of(unsent);
	}
	if (ask->has_state)
		apply_state(turn, answer);
	else if (ask->kind != ASK_QUERY || ask->outcome != ASK_UNSENT)
		orders_happen(turn, ask->ref, &happening);
	struct told *effect = (void *)turn_effect(turn, told, sizeof(*effect));
	if (effect)
		effect->ask = *ask;
}

/* A query_sm_resp (4.8.2) that could be read and is none of an error. */
static void read_state(struct answer *answer, const struct smpp_event *event)
{
	struct ask *ask = &answer->ask;
	if (ask->kind != ASK_QUERY || event->kind != SMPP_EVENT_RESPONSE || event->command_status ||
	    event->unparsed || event->command_id != SMPP_query_sm_resp || event->pdu->body_absent)
		return;
	struct smpp_octets date = event->pdu->final_date;
	ask->has_state = true;
	answer->message_state = event->pdu->message_state;
	ask->error_code = event->pdu->error_code;
	snprintf(ask->final_date, sizeof(ask->final_date), "%.*s", (int)date.n,
		 (const char *)date.at);
}

bool ask_ref(const struct engine *engine, uint64_t tag, struct segment_ref *ref)
{
	const struct ask *ask = ask_is(tag) ? find(engine, tag & ~ASK_TAG) : NULL;
	if (ask_is(tag) && !ask)
		return false;
	*ref = ask ? ask->ref : release_ref(tag);
	return true;
}

void ask_event(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	const struct ask *ask = find(engine, event->tag & ~ASK_TAG);
	struct answer *answer = calloc(1, sizeof(*answer));
	if (!event->late)
		link->asking--;
	if (ask && of_ours(ask))
		link->provider->querying = false;
	engine->schedule = true;
	if (!ask || !answer) {
		free(answer);
		log_warning("ask.lost", "link=%s ask=%llu", link->name,
			    (unsigned long long)(event->tag & ~ASK_TAG));
		return;
	}
	answer->input.apply = apply_answer;
	answer->provider = link->provider;
	answer->session = link->session_number;
	answer->ask = *ask;
	answer->ask.outcome = event->kind == SMPP_EVENT_RESPONSE ? ASK_ANSWERED :
			      event->kind == SMPP_EVENT_UNSENT	 ? ASK_UNSENT :
								   ASK_UNANSWERED;
	answer->ask.status = event->command_status;
	answer->ask.rtt_ms = event->rtt_ms;
	answer->ask.done_ms = port_now_ms(engine->port);
	read_state(answer, event);
	engine_input(engine, &answer->input);
}
