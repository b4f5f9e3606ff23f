/* Receipts of unknown ids and segments in doubt. See correlate.h. */
#include "core/correlate.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/history.h"
#include "core/lifecycle.h"
#include "core/match.h"
#include "core/receipts.h"

#define LOOKED_AT_MAX 64 /* entries of one number: with more of them nothing is unique */
#define JOINED_MAX    8	 /* orphans of one id that are joined at once */
#define WORDS_OCTETS  20 /* of the text that are compared; Appendix B repeats so many */

/* ---- fitting ---- */

/* A segment in doubt with all that a receipt is held against. */
struct doubt {
	struct work *work;
	struct segment_ref ref;
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	int64_t since_ms; /* release of its first attempt of unknown fate */
};

static bool is_same(struct segment_ref a, struct segment_ref b)
{
	return a.order == b.order && a.index == b.index && a.segment == b.segment;
}

static bool read_doubt(struct turn *turn, struct segment_ref ref, struct doubt *doubt)
{
	struct history history;
	struct evidence row;
	doubt->ref = ref;
	doubt->work = orders_work(turn, ref.order);
	if (!doubt->work ||
	    !orders_segment(turn, &doubt->work->rec, ref, &doubt->message, &doubt->segment,
			    &doubt->seg) ||
	    doubt->seg->state != STORE_STATE_IN_DOUBT)
		return false;
	doubt->since_ms = INT64_MAX;
	history_begin(&history, turn->txn, &doubt->work->rec, ref, doubt->seg);
	while (history_next(&history, &row))
		if (row.event == LIFE_ON_LOST && row.released_ms < doubt->since_ms)
			doubt->since_ms = row.released_ms;
	return true;
}

/* The sender's address, or one that says nothing. */
static bool is_sender(struct smpp_octets address, struct store_octets sender)
{
	struct smpp_octets ours = { .at = sender.at, .n = sender.n };
	uint32_t tail = smpp_number_tail(ours);
	if (!address.n || !sender.n)
		return true;
	if (tail)
		return tail == smpp_number_tail(address);
	return address.n == sender.n &&
	       !strncasecmp((const char *)address.at, (const char *)sender.at, sender.n);
}

static bool addresses_fit(const struct smpp_pdu *pdu, const struct doubt *doubt)
{
	uint32_t tail = store_tail(doubt->message.msisdn) + 1;
	struct store_octets sender = doubt->work->rec.caller_id;
	return (smpp_number_tail(pdu->source_addr) == tail &&
		is_sender(pdu->destination_addr, sender)) ||
	       (smpp_number_tail(pdu->destination_addr) == tail &&
		is_sender(pdu->source_addr, sender));
}

static bool is_plain(uint8_t octet)
{
	return (octet >= '0' && octet <= '9') || ((octet | 0x20) >= 'a' && (octet | 0x20) <= 'z');
}

/* Letters and digits are the same in every alphabet that receipts are written in; at anything else
 * the two may differ and still mean the same. */
static bool words_differ(struct smpp_octets words, const uint8_t *text, size_t n)
{
	while (words.n && words.at[0] == ' ') {
		words.at++;
		words.n--;
	}
	for (size_t i = 0; i < words.n && i < n && i < WORDS_OCTETS; i++) {
		if (!is_plain(words.at[i]) || !is_plain(text[i]))
			return false;
		if (words.at[i] != text[i])
			return true;
	}
	return false;
}

/* Does the receipt repeat the text, of the whole or of this part, so far as it does? */
static bool text_fits(struct turn *turn, const struct smpp_receipt *receipt,
		      const struct doubt *doubt)
{
	struct smpp_concat_part part;
	uint8_t text[4 * WORDS_OCTETS];
	struct smpp_octets none = { .at = (const uint8_t *)"none", .n = 4 };
	uint32_t segments[] = { 0, doubt->ref.segment };
	if (!receipt->text.n || smpp_octets_equal(receipt->text, none) ||
	    !orders_content(turn, doubt->work))
		return true;
	for (size_t i = 0; i < 2; i++) {
		struct smpp_coding_buf utf8 = { .at = text, .cap = sizeof(text) };
		smpp_concat_part(&doubt->work->content->plan, (uint16_t)segments[i], 0, &part);
		size_t n = part.n < WORDS_OCTETS ? part.n : WORDS_OCTETS;
		if (smpp_coding_to_utf8(doubt->work->content->plan.alphabet, part.at,
					n & ~(size_t)1, &utf8) != SMPP_CODING_OK ||
		    !words_differ(receipt->text, text, utf8.n))
			return true;
	}
	return false;
}

/* An id that belongs to nothing, or none, but a state. */
static bool may_correlate(const struct store_orphan *orphan)
{
	return orphan->reason == ORPHAN_UNKNOWN_ID || orphan->reason == ORPHAN_UNPARSED;
}

static bool fits(struct turn *turn, const struct store_orphan *orphan,
		 const struct orphan_read *read, const struct doubt *doubt)
{
	return may_correlate(orphan) && doubt->work->rec.provider == orphan->provider &&
	       (int64_t)orphan->at_ms >= doubt->since_ms && addresses_fit(&read->pdu, doubt) &&
	       (orphan->id.n || read->receipt.source != SMPP_RECEIPT_FROM_NONE) &&
	       text_fits(turn, &read->receipt, doubt);
}

/* ---- uniqueness, from the side of the receipt ---- */

/* Segments of one message that are in doubt and fit; `but` is not counted. */
static uint32_t fitting_segments(struct turn *turn, const struct store_orphan *orphan,
				 const struct orphan_read *read, const struct store_doubt *entry,
				 struct segment_ref but)
{
	struct doubt doubt;
	struct work *work = orders_work(turn, entry->order);
	uint32_t n = 0;
	for (uint32_t i = 0; work && i < work->rec.parts; i++) {
		struct segment_ref ref = { entry->order, entry->index, i };
		if (!is_same(ref, but) && read_doubt(turn, ref, &doubt))
			n += fits(turn, orphan, read, &doubt);
	}
	return n;
}

/* Does anything else in doubt fit it, too? */
static bool fits_another(struct turn *turn, const struct store_orphan *orphan,
			 const struct orphan_read *read, struct segment_ref ref)
{
	const uint32_t tails[] = { orphan->source_tail, orphan->dest_tail };
	int looked_at = 0;
	for (size_t i = 0; i < 2; i++) {
		struct store_doubt entry = { .tail = tails[i] };
		enum store_err err = tails[i] ? store_doubt_seek(turn->txn, &entry, 1) :
						STORE_NOTFOUND;
		for (; !err; err = store_doubt_next(turn->txn, &entry, 1))
			if (looked_at++ == LOOKED_AT_MAX ||
			    fitting_segments(turn, orphan, read, &entry, ref))
				return true;
	}
	return false;
}

bool correlate_is_awaited(struct turn *turn, const struct provider *provider,
			  const uint32_t tails[2], int64_t came_ms)
{
	const struct flight *flight = NULL;
	while ((flight = releases_next(turn->engine->releases, flight))) {
		struct segment_ref ref = release_ref(flight->tag);
		struct store_message message = { .order = ref.order, .index = ref.index };
		if (flight->release->link->provider != provider || flight->released_at_ms > came_ms)
			continue;
		for (uint32_t n = 0; n < flight->n; n++, message.index++) {
			if (store_message_get(turn->txn, &message) != STORE_OK)
				continue;
			uint32_t tail = store_tail(message.msisdn) + 1;
			if (tail == tails[0] || tail == tails[1])
				return true;
		}
	}
	return false;
}

static bool is_in_doubt(struct turn *turn, const struct provider *provider, uint32_t tail,
			struct segment_ref but)
{
	struct store_doubt entry = { .tail = tail };
	size_t n = 0;
	for (enum store_err err = store_doubt_seek(turn->txn, &entry, 1);
	     tail && !err && n++ < LOOKED_AT_MAX; err = store_doubt_next(turn->txn, &entry, 1)) {
		struct store_order order = { .order = entry.order };
		if (entry.order == but.order && entry.index == but.index)
			continue;
		if (store_order_get(turn->txn, &order) == STORE_OK &&
		    order.provider == provider->number)
			return true;
	}
	return false;
}

bool correlate_is_open(struct turn *turn, const struct provider *provider, const uint32_t tails[2],
		       int64_t came_ms, struct segment_ref ref)
{
	return is_in_doubt(turn, provider, tails[0], ref) ||
	       is_in_doubt(turn, provider, tails[1], ref) ||
	       correlate_is_awaited(turn, provider, tails, came_ms);
}

/* It may be of a segment that is out, whose answer with the id is still to come. */
static bool may_be_parked(struct turn *turn, const struct provider *provider,
			  const struct store_orphan *orphan)
{
	const uint32_t tails[] = { orphan->source_tail, orphan->dest_tail };
	return correlate_is_awaited(turn, provider, tails, (int64_t)orphan->at_ms);
}

/* ---- from the side of the doubt ---- */

/* Orphans that fit one segment: of one id, for they are the receipts of one message. */
struct fitting {
	uint64_t seqs[JOINED_MAX];
	size_t n;
	char id[66];
};

/* False: no further one may be looked at, for several differ or cannot be told apart. */
static bool add(struct fitting *fitting, const struct store_orphan *orphan)
{
	char id[66];
	uint32_t n = orphan->id.n < sizeof(id) - 1 ? orphan->id.n : (uint32_t)sizeof(id) - 1;
	if (n)
		memcpy(id, orphan->id.at, n);
	id[n] = '\0';
	if (fitting->n && (!n || strcmp(id, fitting->id) != 0 || fitting->n == JOINED_MAX))
		return false;
	memcpy(fitting->id, id, n + 1);
	fitting->seqs[fitting->n++] = orphan->seq;
	return true;
}

/* False: they do not tell the segment from others. */
static bool look_at(struct turn *turn, const struct provider *provider, const struct doubt *doubt,
		    const struct store_orphan *orphan, struct fitting *fitting)
{
	if (orphan->provider != provider->number || !may_correlate(orphan))
		return true;
	struct orphan_read *read = orphans_read(turn, provider, orphan);
	bool fit = read && fits(turn, orphan, read, doubt);
	bool told = !fit ||
		    (add(fitting, orphan) && !fits_another(turn, orphan, read, doubt->ref) &&
		     !may_be_parked(turn, provider, orphan));
	orphans_read_free(read);
	return told;
}

static bool find_fitting(struct turn *turn, const struct provider *provider,
			 const struct doubt *doubt, struct fitting *fitting)
{
	struct store_orphan_tail entry = { .tail = store_tail(doubt->message.msisdn) + 1 };
	enum store_err err = store_orphan_tail_seek(turn->txn, &entry, 1);
	*fitting = (struct fitting){ .n = 0 };
	for (int looked_at = 0; !err && !turn_failed(turn);
	     err = store_orphan_tail_next(turn->txn, &entry, 1)) {
		struct store_orphan orphan = { .seq = entry.seq };
		if (looked_at++ == LOOKED_AT_MAX)
			return false;
		if (store_orphan_get(turn->txn, &orphan) == STORE_OK &&
		    !look_at(turn, provider, doubt, &orphan, fitting))
			return false;
	}
	return fitting->n > 0;
}

uint64_t correlate_suggest(struct turn *turn, const struct provider *provider,
			   struct segment_ref ref)
{
	struct doubt doubt;
	struct fitting fitting;
	return read_doubt(turn, ref, &doubt) && find_fitting(turn, provider, &doubt, &fitting) ?
		       fitting.seqs[fitting.n - 1] :
		       0;
}

/* ---- joining ---- */

/* From now on receipts of that id are this segment's. */
static void give_id(struct turn *turn, const struct provider *provider, struct segment_ref ref,
		    const struct store_orphan *orphan)
{
	if (!orphan->id.n)
		return;
	struct store_ref to = { .order = ref.order, .index = ref.index, .segment = ref.segment };
	uint64_t hash =
		store_ids_hash(turn->engine->store, provider->number, orphan->id.at, orphan->id.n);
	turn_fail(turn, store_ids_add(turn->txn, hash, &to, (uint64_t)turn->at_ms));
}

static bool join(struct turn *turn, const struct provider *provider,
		 const struct store_orphan *orphan, struct segment_ref ref, bool by_operator)
{
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	struct work *work = orders_work(turn, ref.order);
	struct orphan_read *read = orphans_read(turn, provider, orphan);
	bool done = read && read->receipt.kind != SMPP_RECEIPT_NOT && work &&
		    orders_segment(turn, &work->rec, ref, &message, &segment, &seg);
	if (done) {
		/* With one attempt of unknown fate, whose it is is no question. */
		struct receipt_source source = { .pdu = &read->pdu,
						 .came_ms = (int64_t)orphan->at_ms,
						 .session = orphan->session,
						 .rule = EVIDENCE_RULE_CORRELATION,
						 .by_operator = by_operator,
						 .answers_open = seg->open_attempts == 1 };
		receipts_apply(turn, provider, ref, &read->receipt, &source);
		give_id(turn, provider, ref, orphan);
		orphans_joined(turn, orphan);
	}
	orphans_read_free(read);
	return done;
}

static void join_all(struct turn *turn, const struct provider *provider, struct segment_ref ref)
{
	struct doubt doubt;
	struct fitting fitting;
	if (!read_doubt(turn, ref, &doubt) || !find_fitting(turn, provider, &doubt, &fitting))
		return;
	for (size_t i = 0; i < fitting.n && !turn_failed(turn); i++) {
		struct store_orphan orphan = { .seq = fitting.seqs[i] };
		if (store_orphan_get(turn->txn, &orphan) == STORE_OK)
			join(turn, provider, &orphan, ref, false);
	}
}

void correlate(struct turn *turn, const struct provider *provider, uint32_t tail)
{
	struct store_doubt entry = { .tail = tail }, entries[LOOKED_AT_MAX];
	size_t n = 0;
	/* Where many receipts belong to nothing, one is no evidence of which doubt it is about. */
	if (!provider->config->join_unique_receipt || !tail || provider->unmatched.alarmed)
		return;
	/* Joining takes entries away, so they are read first. */
	for (enum store_err err = store_doubt_seek(turn->txn, &entry, 1); !err && n < LOOKED_AT_MAX;
	     err = store_doubt_next(turn->txn, &entry, 1))
		entries[n++] = entry;
	for (size_t i = 0; i < n && !turn_failed(turn); i++) {
		struct work *work = orders_work(turn, entries[i].order);
		for (uint32_t part = 0; work && part < work->rec.parts; part++)
			join_all(turn, provider,
				 (struct segment_ref){ entries[i].order, entries[i].index, part });
	}
}

void correlate_all(struct turn *turn)
{
	struct store_doubt entry = { 0 };
	uint32_t tail = 0;
	for (enum store_err err = store_doubt_seek(turn->txn, &entry, 0);
	     !err && !turn_failed(turn); err = store_doubt_next(turn->txn, &entry, 0)) {
		for (size_t i = 0; i < turn->engine->n_providers && entry.tail != tail; i++)
			correlate(turn, turn->engine->providers[i], entry.tail);
		tail = entry.tail;
	}
}

static enum correlate_error may_join(enum store_state state)
{
	if (state == STORE_STATE_QUEUED || state == STORE_STATE_SUBMITTED)
		return CORRELATE_WAITS;
	return store_state_rank(state) == 3 ? CORRELATE_DECIDED : CORRELATE_OK;
}

enum correlate_error correlate_join(struct turn *turn, const struct store_orphan *orphan,
				    struct segment_ref ref)
{
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	struct work *work = orders_work(turn, ref.order);
	const struct provider *provider =
		work ? provider_numbered(turn->engine, work->rec.provider) : NULL;
	if (!provider || orphan->provider != provider->number)
		return CORRELATE_PROVIDER;
	if (!orders_segment(turn, &work->rec, ref, &message, &segment, &seg))
		return CORRELATE_UNREADABLE;
	enum correlate_error error = may_join((enum store_state)seg->state);
	if (error)
		return error;
	return join(turn, provider, orphan, ref, true) ? CORRELATE_OK : CORRELATE_UNREADABLE;
}

const char *correlate_error_text(enum correlate_error error)
{
	static const char *const texts[] = {
		[CORRELATE_OK] = "",
		[CORRELATE_PROVIDER] = ("The receipt came from another provider than the message "
					"went to, or from one that is no longer configured."),
		[CORRELATE_UNREADABLE] = "The receipt cannot be read: it says nothing to join.",
		[CORRELATE_WAITS] = "That part has not been submitted, or its answer is awaited.",
		[CORRELATE_DECIDED] = "That part has its outcome already.",
	};
	return texts[error];
}
