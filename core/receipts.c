/* Receipts: what they say, and what that does. See receipts.h and reconcile.h. */
#include "core/receipts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/correlate.h"
#include "core/dialect.h"
#include "core/history.h"
#include "core/inbound.h"
#include "core/lifecycle.h"
#include "core/log.h"
#include "core/match.h"
#include "core/orphans.h"
#include "core/reconcile.h"
#include "core/release.h"
#include "core/route.h"
#include "core/remarks.h"
#include "core/tap.h"
#include "smpp/receipt.h"

#define REMATCHED_MAX 1000 /* orphans, when a dialect was withdrawn */

/* A deliver_sm or data_sm that waits for its turn. */
struct delivery {
	struct input input;
	struct link *link;
	uint64_t session; /* that it came on, and that alone is answered */
	uint32_t command_id, sequence_number;
	uint64_t tap; /* where it stands on the tap */
	uint64_t tag; /* of the segment that it was matched with; 0: with none */
	bool unreadable;
	uint32_t n;
	uint8_t octets[];
};

/* ---- the answer ---- */

struct answer {
	struct effect effect;
	struct link *link;
	uint64_t session;
	uint32_t command_id, sequence_number;
	uint64_t tap, tag;
	enum unmatched_news news;
};

static void send_answer(struct link *link, uint32_t command_id, uint32_t sequence_number,
			uint32_t status)
{
	struct smpp_pdu pdu;
	smpp_pdu_init(&pdu, command_id | SMPP_RESP_BIT, sequence_number);
	pdu.command_status = status;
	if (link->session && smpp_session_respond(link->session, &pdu) != SMPP_SESSION_OK)
		log_debug("link.unanswered", "link=%s sequence=%u", link->name, sequence_number);
}

/* Never OK before the commit. */
static void answered(struct engine *engine, struct effect *effect, enum turn_end end)
{
	struct answer *answer = (void *)effect;
	if (end != TURN_DONE)
		return;
	if (answer->tag)
		tap_tell(engine->tap, answer->tap, answer->tag);
	if (answer->news)
		unmatched_count(answer->link->provider, answer->news);
	if (answer->link->session_number == answer->session)
		send_answer(answer->link, answer->command_id, answer->sequence_number, 0);
}

/* It cannot be kept: what the provider's setting says, so that the carrier keeps it. */
static void refuse_delivery(struct engine *engine, struct input *input, enum store_err why)
{
	(void)engine;
	(void)why;
	struct delivery *delivery = (void *)input;
	if (delivery->link->session_number == delivery->session)
		send_answer(delivery->link, delivery->command_id, delivery->sequence_number,
			    delivery->link->provider->config->store_full_status);
}

/* ---- what a receipt says ---- */

static const struct {
	enum life_event event;
	enum store_error given;
} meanings[] = {
	[SMPP_STATE_UNKNOWN] = { LIFE_ON_RECEIPT_UNKNOWN, STORE_ERROR_NONE },
	[SMPP_STATE_DELIVERED] = { LIFE_ON_RECEIPT_DELIVERED, STORE_ERROR_NONE },
	[SMPP_STATE_EXPIRED] = { LIFE_ON_RECEIPT_EXPIRED, STORE_ERROR_NONE },
	[SMPP_STATE_DELETED] = { LIFE_ON_RECEIPT_FAILED, STORE_ERROR_DELETED },
	[SMPP_STATE_UNDELIVERABLE] = { LIFE_ON_RECEIPT_FAILED, STORE_ERROR_UNDELIVERABLE },
	[SMPP_STATE_REJECTED] = { LIFE_ON_RECEIPT_FAILED, STORE_ERROR_DELIVERY_REJECTED },
	[SMPP_STATE_SKIPPED] = { LIFE_ON_RECEIPT_FAILED, STORE_ERROR_UNDELIVERABLE },
	[SMPP_STATE_ENROUTE] = { LIFE_ON_RECEIPT_PENDING, STORE_ERROR_NONE },
	[SMPP_STATE_SCHEDULED] = { LIFE_ON_RECEIPT_PENDING, STORE_ERROR_NONE },
	[SMPP_STATE_BUFFERED] = { LIFE_ON_RECEIPT_PENDING, STORE_ERROR_NONE },
	[SMPP_STATE_ACCEPTED] = { LIFE_ON_RECEIPT_PENDING, STORE_ERROR_NONE },
	[SMPP_STATE_VENDOR] = { LIFE_ON_RECEIPT_UNKNOWN, STORE_ERROR_NONE },
};
_Static_assert(sizeof(meanings) / sizeof(meanings[0]) == SMPP_STATES,
	       "every state means something");

static enum life_event meaning(const struct config_provider *config,
			       const struct config_route *route, const struct smpp_receipt *receipt)
{
	enum life_event event = meanings[receipt->state].event;
	if (receipt->kind == SMPP_RECEIPT_INTERMEDIATE)
		return LIFE_ON_RECEIPT_PENDING;
	if (receipt->state == SMPP_STATE_ACCEPTED &&
	    config->receipt_accepted == CONFIG_RECEIPT_ACCEPTED_DELIVERED)
		event = LIFE_ON_RECEIPT_DELIVERED;
	if (event == LIFE_ON_RECEIPT_UNKNOWN &&
	    config->receipt_unknown == CONFIG_RECEIPT_UNKNOWN_FINAL)
		return LIFE_ON_RECEIPT_UNKNOWN_FINAL;
	if (event == LIFE_ON_RECEIPT_DELIVERED && route && route->delivered_beats_failed)
		return LIFE_ON_RECEIPT_BEATS;
	return event;
}

/* The provider's stat table as smpp/receipt.h wants it. */
static const enum smpp_receipt_state states[] = {
	[CONFIG_RECEIPT_SCHEDULED] = SMPP_STATE_SCHEDULED,
	[CONFIG_RECEIPT_ENROUTE] = SMPP_STATE_ENROUTE,
	[CONFIG_RECEIPT_DELIVERED] = SMPP_STATE_DELIVERED,
	[CONFIG_RECEIPT_EXPIRED] = SMPP_STATE_EXPIRED,
	[CONFIG_RECEIPT_DELETED] = SMPP_STATE_DELETED,
	[CONFIG_RECEIPT_UNDELIVERABLE] = SMPP_STATE_UNDELIVERABLE,
	[CONFIG_RECEIPT_ACCEPTED] = SMPP_STATE_ACCEPTED,
	[CONFIG_RECEIPT_UNKNOWN] = SMPP_STATE_UNKNOWN,
	[CONFIG_RECEIPT_REJECTED] = SMPP_STATE_REJECTED,
	[CONFIG_RECEIPT_SKIPPED] = SMPP_STATE_SKIPPED,
};

/* The provider's settings; `words` is where its table stands then. */
static struct smpp_receipt_options options_of(const struct config_provider *config,
					      struct smpp_receipt_word words[CONFIG_STATS_MAX])
{
	for (size_t i = 0; i < config->n_stats; i++)
		words[i] = (struct smpp_receipt_word){ .word = config->stats[i].word,
						       .state = states[config->stats[i].state] };
	return (struct smpp_receipt_options){ .unmarked = config->unmarked_receipts,
					      .words = words,
					      .words_n = config->n_stats };
}

void receipts_read(const struct config_provider *config, const struct smpp_pdu *pdu,
		   struct smpp_receipt *receipt)
{
	struct smpp_receipt_word words[CONFIG_STATS_MAX];
	struct smpp_receipt_options options = options_of(config, words);
	smpp_receipt_parse(pdu, &options, receipt);
}

/* ---- what it does ---- */

static void apply_to_segment(struct turn *turn, const struct provider *provider,
			     struct segment_ref ref, const struct smpp_receipt *receipt,
			     const struct receipt_source *source)
{
	struct work *work = orders_work(turn, ref.order);
	if (!work)
		return;
	uint8_t tlvs[REMARKS_TLV_OCTETS], packed[REMARKS_OCTETS];
	struct remarks remarks;
	remarks_of(source->pdu, receipt, tlvs, &remarks);
	if (source->came_ms && source->came_ms < turn->at_ms)
		remarks.waited_ms = turn->at_ms - source->came_ms < UINT32_MAX ?
					    (uint32_t)(turn->at_ms - source->came_ms) :
					    UINT32_MAX;
	uint32_t remarks_n = (uint32_t)remarks_encode(&remarks, packed);
	struct happening happening = {
		.event = meaning(provider->config, work->route, receipt),
		.given = meanings[receipt->state].given,
		.may_repeat = source->rule != EVIDENCE_RULE_CORRELATION, /* its id is kept */
		.answers_open = source->answers_open,
		.flags = source->rule == EVIDENCE_RULE_CORRELATION ? STORE_FLAG_BY_CORRELATION : 0,
		.evidence = {
			.by_operator = source->by_operator,
			.has_code = true,
			.code = receipt->state,
			.has_receipt = true,
			.receipt_session = source->session,
			.rule = source->rule,
			.receipt_flags = receipt->flags,
			.id = match_id(receipt),
			.err = receipt->err,
			.remarks = { .at = packed, .n = remarks_n },
		},
	};
	orders_happen(turn, ref, &happening);
}

/* What may still wait here cannot have been delivered, whatever one receipt covers. */
static bool has_left(struct turn *turn, const struct work *work, struct segment_ref ref)
{
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	return orders_segment(turn, &work->rec, ref, &message, &segment, &seg) &&
	       seg->state != STORE_STATE_QUEUED && seg->state != STORE_STATE_SUBMITTED;
}

void receipts_apply(struct turn *turn, const struct provider *provider, struct segment_ref ref,
		    const struct smpp_receipt *receipt, const struct receipt_source *source)
{
	struct work *work = orders_work(turn, ref.order);
	bool whole = provider->config->receipt_covers == CONFIG_RECEIPT_COVERS_MESSAGE;
	apply_to_segment(turn, provider, ref, receipt, source);
	if (!work || !whole)
		return;
	const uint32_t named = ref.segment;
	for (ref.segment = 0; ref.segment < work->rec.parts; ref.segment++)
		if (ref.segment != named && has_left(turn, work, ref))
			apply_to_segment(turn, provider, ref, receipt, source);
}

enum smpp_receipt_state receipts_apply_query(struct turn *turn, const struct provider *provider,
					     struct segment_ref ref,
					     const struct receipt_query *query)
{
	struct work *work = orders_work(turn, ref.order);
	struct smpp_receipt_word words[CONFIG_STATS_MAX];
	struct smpp_receipt_options options = options_of(provider->config, words);
	struct smpp_receipt says = {
		.state = smpp_receipt_state_of(query->message_state, &options),
	};
	char err[4] = "";
	if (query->error_code)
		snprintf(err, sizeof(err), "%u", query->error_code);
	if (!work)
		return says.state;
	enum life_event event = meaning(provider->config, work->route, &says);
	if (event == LIFE_ON_RECEIPT_UNKNOWN || event == LIFE_ON_RECEIPT_UNKNOWN_FINAL)
		event = LIFE_ON_QUERIED; /* it ends nothing, whatever a receipt would do */
	struct happening happening = {
		.event = event,
		.given = meanings[says.state].given,
		.evidence = {
			.has_code = true,
			.code = says.state,
			.has_receipt = true,
			.receipt_session = query->session,
			.rule = EVIDENCE_RULE_QUERY,
			.err = smpp_octets_of(err),
			.note = query->final_date,
			.by_operator = query->by_operator,
		},
	};
	orders_happen(turn, ref, &happening);
	return says.state;
}

/* When the receipt came, which may have been an orphan first. */
static int64_t came_ms(const struct evidence *row)
{
	struct remarks remarks;
	remarks_decode(row->remarks, &remarks);
	return row->at_ms - remarks.waited_ms;
}

/* What its neighbour's receipts since left_ms remarks; false: there was none. */
static bool repeat_of(struct turn *turn, const struct work *work, struct segment_ref neighbour,
		      struct segment_ref ref, int64_t left_ms)
{
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	struct history history;
	struct evidence row;
	bool any = false;
	if (!orders_segment(turn, &work->rec, neighbour, &message, &segment, &seg))
		return false;
	history_begin(&history, turn->txn, &work->rec, neighbour, seg);
	while (!turn_failed(turn) && history_next(&history, &row)) {
		if (!row.has_receipt || row.rule == EVIDENCE_RULE_QUERY ||
		    came_ms(&row) < left_ms || row.code >= SMPP_STATES)
			continue;
		any = true;
		orders_happen(turn, ref,
			      &(struct happening){ .event = row.event,
						   .given = meanings[row.code].given,
						   .may_repeat = true,
						   .evidence = row });
	}
	return any;
}

void receipts_cover(struct turn *turn, const struct provider *provider, struct segment_ref ref,
		    int64_t left_ms)
{
	struct work *work = orders_work(turn, ref.order);
	if (!work || provider->config->receipt_covers != CONFIG_RECEIPT_COVERS_MESSAGE)
		return;
	for (uint32_t n = 0; n < work->rec.parts; n++) {
		struct segment_ref neighbour = { ref.order, ref.index, n };
		if (n != ref.segment && repeat_of(turn, work, neighbour, ref, left_ms))
			return; /* the others were told the same */
	}
}

/* ---- a delivery ---- */

static void keep_orphan(struct turn *turn, const struct delivery *delivery,
			const struct smpp_pdu *pdu, const struct smpp_receipt *receipt,
			enum orphan_reason reason)
{
	orphans_keep(turn, &(struct orphan_news){ .provider = delivery->link->provider,
						  .session = delivery->session,
						  .octets = delivery->octets,
						  .n = delivery->n,
						  .pdu = pdu,
						  .receipt = receipt,
						  .reason = reason });
	correlate(turn, delivery->link->provider, smpp_number_tail(pdu->source_addr));
	correlate(turn, delivery->link->provider, smpp_number_tail(pdu->destination_addr));
}

static void keep_inbound(struct turn *turn, const struct delivery *delivery,
			 const struct smpp_pdu *pdu)
{
	inbound_keep(turn, &(struct inbound_news){ .provider = delivery->link->provider,
						   .session = delivery->session,
						   .pdu = pdu,
						   .octets = { delivery->octets, delivery->n } });
}

/* Why it belongs to no segment. */
static enum orphan_reason reason_of(const struct match *match)
{
	return match->early	 ? ORPHAN_EARLY :
	       match->standing	 ? ORPHAN_AMBIGUOUS :
	       match->id_known	 ? ORPHAN_ADDRESS :
	       match->id_of_gone ? ORPHAN_GONE :
				   ORPHAN_UNKNOWN_ID;
}

/* In another reading than the dialect's it fits one: shown to whoever learns, and no match. */
static struct match counter_example(struct turn *turn, struct match_query query)
{
	if (!dialect_of(turn, query.provider, SMPP_RECEIPT_TEXT_ID) &&
	    !dialect_of(turn, query.provider, SMPP_RECEIPT_TLV_ID))
		return (struct match){ 0 };
	query.any = true;
	struct match other = match_receipt(turn, &query);
	return other.standing == 1 ? other : (struct match){ 0 };
}

static void learn(struct turn *turn, const struct provider *provider, const struct match *match)
{
	bool withdrawn = false;
	for (int place = 0; place < DIALECT_PLACES; place++)
		if (match->readings[place])
			withdrawn |= dialect_learn(turn, provider, place, match->readings[place]);
	if (withdrawn)
		orphans_rematch(turn, provider, REMATCHED_MAX);
}

static const enum unmatched_news news_of_rule[] = {
	[EVIDENCE_RULE_NONE] = UNMATCHED_KEPT,
	[EVIDENCE_RULE_EXACT] = UNMATCHED_EXACT,
	[EVIDENCE_RULE_HEX_TO_DEC] = UNMATCHED_HEX_TO_DEC,
	[EVIDENCE_RULE_DEC_TO_HEX] = UNMATCHED_DEC_TO_HEX,
	[EVIDENCE_RULE_PARKED] = UNMATCHED_KEPT,
	[EVIDENCE_RULE_CORRELATION] = UNMATCHED_KEPT,
	[EVIDENCE_RULE_QUERY] = UNMATCHED_KEPT,
	[EVIDENCE_RULE_PREFIX] = UNMATCHED_KEPT,
};

static enum unmatched_news sort_receipt(struct turn *turn, struct delivery *delivery,
					const struct smpp_pdu *pdu,
					const struct smpp_receipt *receipt)
{
	struct match_query query = { .provider = delivery->link->provider,
				     .pdu = pdu,
				     .receipt = receipt,
				     .came_ms = INT64_MAX };
	struct match match = match_receipt(turn, &query);
	delivery->link->provider->keeps_early |= match.early;
	if (match.standing == 1 && !match.early) {
		struct receipt_source source = { .pdu = pdu,
						 .session = delivery->session,
						 .rule = match.rule };
		receipts_apply(turn, query.provider, match.ref, receipt, &source);
		learn(turn, query.provider, &match);
		delivery->tag = release_tag(match.ref);
		return UNMATCHED_MATCHED;
	}
	const uint32_t tails[] = { smpp_number_tail(pdu->source_addr),
				   smpp_number_tail(pdu->destination_addr) };
	if (receipt->flags & SMPP_RECEIPT_NEEDS_MATCH && !match.standing &&
	    !correlate_is_awaited(turn, query.provider, tails, turn->at_ms)) {
		keep_inbound(turn, delivery, pdu);
		return UNMATCHED_NONE;
	}
	struct match other = match.id_known ? (struct match){ 0 } : counter_example(turn, query);
	keep_orphan(turn, delivery, pdu, receipt,
		    other.standing ? ORPHAN_DIALECT : reason_of(&match));
	learn(turn, query.provider, &other);
	return other.standing			 ? news_of_rule[other.rule] :
	       match.id_known && !match.standing ? UNMATCHED_ADDRESS :
						   UNMATCHED_KEPT;
}

static enum unmatched_news sort_out(struct turn *turn, struct delivery *delivery)
{
	const struct provider *provider = delivery->link->provider;
	struct smpp_pdu pdu;
	struct smpp_problem problem;
	struct smpp_receipt receipt;
	if (delivery->unreadable ||
	    smpp_pdu_decode(delivery->octets, delivery->n, &pdu, &problem) != SMPP_OK) {
		orphans_keep(turn, &(struct orphan_news){ .provider = provider,
							  .session = delivery->session,
							  .octets = delivery->octets,
							  .n = delivery->n,
							  .reason = ORPHAN_UNREADABLE });
		return UNMATCHED_KEPT;
	}
	receipts_read(provider->config, &pdu, &receipt);
	if (receipt.kind == SMPP_RECEIPT_NOT) {
		keep_inbound(turn, delivery, &pdu);
		return UNMATCHED_NONE;
	}
	if (receipt.kind == SMPP_RECEIPT_UNPARSED) {
		keep_orphan(turn, delivery, &pdu, &receipt, ORPHAN_UNPARSED);
		return UNMATCHED_KEPT;
	}
	return sort_receipt(turn, delivery, &pdu, &receipt);
}

static void apply_delivery(struct turn *turn, struct input *input)
{
	struct delivery *delivery = (void *)input;
	delivery->tag = 0; /* it may be applied again */
	enum unmatched_news news = sort_out(turn, delivery);
	struct answer *answer = (void *)turn_effect(turn, answered, sizeof(*answer));
	if (!answer)
		return;
	answer->news = news;
	answer->tap = delivery->tap;
	answer->tag = delivery->tag;
	answer->link = delivery->link;
	answer->session = delivery->session;
	answer->command_id = delivery->command_id;
	answer->sequence_number = delivery->sequence_number;
}

void reconcile_delivery(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	if (event->command_id != SMPP_deliver_sm && event->command_id != SMPP_data_sm) {
		send_answer(link, event->command_id, event->sequence_number, SMPP_ESME_RINVCMDID);
		return;
	}
	struct delivery *delivery = calloc(1, sizeof(*delivery) + event->octets_n);
	if (!delivery) {
		send_answer(link, event->command_id, event->sequence_number,
			    link->provider->config->store_full_status);
		return;
	}
	delivery->input.apply = apply_delivery;
	delivery->input.refuse = refuse_delivery;
	delivery->link = link;
	delivery->session = link->session_number;
	delivery->command_id = event->command_id;
	delivery->sequence_number = event->sequence_number;
	delivery->tap = tap_last(engine->tap);
	delivery->unreadable = event->unparsed;
	delivery->n = event->octets_n;
	memcpy(delivery->octets, event->octets, event->octets_n);
	engine_input(engine, &delivery->input);
}
