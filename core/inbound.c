/* Inbound messages: keeping, putting together, giving away. See inbound.h. */
#include "core/inbound.h"

#include <stdlib.h>
#include <string.h>

#include "core/account.h"
#include "core/content.h"
#include "core/feed.h"
#include "core/inbound_text.h"
#include "core/log.h"
#include "core/reassembly.h"

#define MORE_OCTETS 1900

/* ---- whose it is ---- */

/* As it is configured now, or while it leaves; NULL: it is gone. */
static const struct config_provider *config_of(const struct engine *engine, uint32_t number)
{
	const struct config_provider *leaving = NULL;
	for (size_t i = 0; i < engine->n_providers; i++) {
		const struct provider *provider = engine->providers[i];
		if (provider->number == number && !provider->held)
			return provider->config;
		if (provider->number == number)
			leaving = provider->config;
	}
	return leaving;
}

static const char *account_name(const struct config_provider *config, struct store_octets to)
{
	const struct config_inbound *best = NULL;
	if (to.n && to.at[0] == '+') {
		to.at++;
		to.n--;
	}
	for (size_t i = 0; i < config->n_inbounds; i++) {
		const struct config_inbound *row = &config->inbounds[i];
		size_t n = strlen(row->prefix);
		if (n <= to.n && (!n || !memcmp(row->prefix, to.at, n)) &&
		    (!best || n > strlen(best->prefix)))
			best = row;
	}
	return best ? best->account : NULL;
}

/* The account that the provider's prefixes give this number to; 0: none. */
static uint32_t owner(struct turn *turn, const struct config_provider *config,
		      struct store_octets to)
{
	struct store_account account = { 0 };
	const char *name = config ? account_name(config, to) : NULL;
	if (!name)
		return 0;
	enum store_err err = account_by_name(turn->txn, name, &account);
	if (!err)
		return account.account;
	if (err == STORE_NOTFOUND)
		log_warning("inbound.no_account", "provider=%s account=\"%s\"", config->name, name);
	turn_fail(turn, err == STORE_NOTFOUND || err == STORE_CORRUPT ? STORE_OK : err);
	return 0;
}

/* ---- handing out ---- */

static struct store_octets address(struct smpp_octets octets)
{
	return (struct store_octets){ octets.at, octets.n < 65 ? octets.n : 65 };
}

/* From now on it can be read. `pdu` is any of its PDUs: they agree in what is taken from it. */
static uint64_t tell(struct turn *turn, struct store_inbound_message *message,
		     const struct smpp_pdu *pdu)
{
	const struct config_provider *config = config_of(turn->engine, message->provider);
	message->seq = store_next(turn->txn, STORE_NEXT_INBOUND_MESSAGE);
	message->at_ms = (uint64_t)turn->at_ms;
	message->source = address(pdu->source_addr);
	message->dest = address(pdu->destination_addr);
	message->esm_class = pdu->esm_class;
	message->data_coding = pdu->data_coding;
	message->alphabet = (uint8_t)(config ?
					      content_alphabet(config, pdu->data_coding) :
					      smpp_coding_of(pdu->data_coding, SMPP_ALPHABET_GSM7));
	message->account = owner(turn, config, message->dest);
	turn_fail(turn, store_inbound_message_put(turn->txn, message));
	feed_tell_account(turn, FEED_INBOUND, message->account, message->seq);
	return message->seq;
}

/* Parts are missing, and what came is what there is. */
static void give_up(struct turn *turn, const struct store_inbound_group *group, uint32_t flags)
{
	struct store_inbound_message message = {
		.provider = group->provider,
		.first = group->first,
		.parts = group->parts,
		.received = group->received,
		.flags = flags,
	};
	struct inbound_pdu *first = inbound_pdu_read(turn->txn, group->first);
	struct smpp_pdu none;
	if (!first) /* corrupt: it is told all the same, and that text is missing */
		smpp_pdu_init(&none, SMPP_deliver_sm, 0);
	tell(turn, &message, first ? &first->pdu : &none);
	free(first);
}

/* The group goes; what is awaited is handed out as far as it came. */
static void close_group(struct turn *turn, const struct store_inbound_group *group, uint32_t flags)
{
	if (!group->message)
		give_up(turn, group, flags);
	reassembly_forget(turn, group);
}

static bool expired(const struct turn *turn, const struct store_inbound_group *group)
{
	const struct config_provider *config = config_of(turn->engine, group->provider);
	/* Of a provider that is no longer configured nothing more will come. */
	return !config || (int64_t)group->at_ms + config->timers.reassembly_ms <= turn->due_ms;
}

void inbound_run(struct turn *turn)
{
	struct store_provider provider = { 0 };
	struct store_inbound_group group;
	unsigned left = INBOUND_RUN_MESSAGES;
	enum store_err err = store_provider_seek(turn->txn, &provider, 0);
	for (; !err && !turn_failed(turn); err = store_provider_next(turn->txn, &provider, 0))
		for (; left && reassembly_oldest(turn, provider.number, &group) &&
		       expired(turn, &group);
		     left--)
			close_group(turn, &group, INBOUND_INCOMPLETE);
}

/* ---- what comes ---- */

static uint64_t put_pdu(struct turn *turn, const struct inbound_news *news)
{
	const struct smpp_octets octets = news->octets;
	const uint32_t first_n = octets.n < INBOUND_PIECE_OCTETS ? octets.n : INBOUND_PIECE_OCTETS;
	const struct store_inbound inbound = {
		.seq = store_next(turn->txn, STORE_NEXT_INBOUND),
		.provider = news->provider->number,
		.session = news->session,
		.at_ms = (uint64_t)turn->at_ms,
		.pdu_octets = octets.n,
		.pdu = { octets.at, first_n },
	};
	struct store_inbound_more more = { .seq = inbound.seq };
	turn_fail(turn, store_inbound_put(turn->txn, &inbound));
	for (uint32_t at = first_n; at < octets.n && !turn_failed(turn); at += more.pdu.n) {
		uint32_t n = octets.n - at < MORE_OCTETS ? octets.n - at : MORE_OCTETS;
		more.pdu = (struct store_octets){ octets.at + at, n };
		turn_fail(turn, store_inbound_more_put(turn->txn, &more));
		more.n++;
	}
	return inbound.seq;
}

static uint32_t flags_of(const struct smpp_concat_info *info)
{
	static const struct {
		unsigned odd;
		uint32_t flag;
	} rows[] = {
		{ SMPP_CONCAT_UDH_OVERRUN | SMPP_CONCAT_IE_OVERRUN, INBOUND_BAD_HEADER },
		{ SMPP_CONCAT_BAD_COUNT, INBOUND_BAD_COUNT },
		{ SMPP_CONCAT_CONFLICT, INBOUND_CONFLICT },
		{ SMPP_CONCAT_SAR_PARTIAL, INBOUND_BAD_SAR },
	};
	uint32_t flags = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		flags |= info->flags & rows[i].odd ? rows[i].flag : 0;
	return flags;
}

static void keep_alone(struct turn *turn, const struct inbound_news *news, uint32_t flags)
{
	struct store_inbound_message message = {
		.provider = news->provider->number,
		.first = put_pdu(turn, news),
		.parts = 1,
		.received = 1,
		.flags = flags,
	};
	tell(turn, &message, news->pdu);
}

static void keep_part(struct turn *turn, const struct inbound_news *news,
		      const struct reassembly_part *part)
{
	struct store_inbound_group group, oldest;
	enum reassembly_verdict verdict = reassembly_find(turn, part, &group);
	if (turn_failed(turn) || verdict == REASSEMBLY_DUPLICATE)
		return;
	if (verdict == REASSEMBLY_CONFLICT) {
		keep_alone(turn, news, INBOUND_CONFLICT);
		return;
	}
	if (verdict == REASSEMBLY_NEW &&
	    reassembly_groups(turn, part->provider) >= REASSEMBLY_GROUPS_MAX &&
	    reassembly_oldest(turn, part->provider, &oldest))
		close_group(turn, &oldest, INBOUND_INCOMPLETE | INBOUND_CROWDED);
	reassembly_add(turn, part, verdict, put_pdu(turn, news), &group);
	if (group.received < group.parts || turn_failed(turn))
		return;
	struct store_inbound_message message = {
		.provider = group.provider,
		.first = group.first,
		.parts = group.parts,
		.received = group.received,
	};
	group.message = tell(turn, &message, part->pdu);
	turn_fail(turn, store_inbound_group_put(turn->txn, &group));
}

void inbound_keep(struct turn *turn, const struct inbound_news *news)
{
	struct smpp_concat_info info;
	smpp_concat_info(news->pdu, &info);
	const struct reassembly_part part = { news->provider->number, news->pdu, &info };
	/* So that what is put together of 255 of them stays within reason. */
	bool is_long = info.body.n > SMPP_MAX_SHORT_MESSAGE ||
		       news->octets.n > INBOUND_PIECE_OCTETS;
	if (info.total > 1 && !is_long)
		keep_part(turn, news, &part);
	else
		keep_alone(turn, news, flags_of(&info) | (info.total > 1 ? INBOUND_LONG_PART : 0));
}

/* ---- forgetting ---- */

static void drop_pdu(struct turn *turn, uint64_t seq)
{
	struct store_inbound inbound = { .seq = seq };
	struct store_inbound_more more = { .seq = seq };
	enum store_err err;
	while (!turn_failed(turn) &&
	       (err = store_inbound_more_seek(turn->txn, &more, 1)) != STORE_NOTFOUND)
		turn_fail(turn, err == STORE_CORRUPT || !err ?
					store_inbound_more_del(turn->txn, &more) :
					err);
	err = store_inbound_del(turn->txn, &inbound);
	turn_fail(turn, err == STORE_NOTFOUND ? STORE_OK : err);
}

void inbound_drop(struct turn *turn, const struct store_inbound_message *message)
{
	struct store_inbound_part part = { .first = message->first };
	struct store_inbound_group group = { .provider = message->provider,
					     .first = message->first };
	enum store_err err;
	while (!turn_failed(turn) &&
	       (err = store_inbound_part_seek(turn->txn, &part, 1)) != STORE_NOTFOUND) {
		if (!err)
			drop_pdu(turn, part.seq);
		turn_fail(turn, err == STORE_CORRUPT || !err ?
					store_inbound_part_del(turn->txn, &part) :
					err);
	}
	drop_pdu(turn, message->first);
	if (store_inbound_group_get(turn->txn, &group) == STORE_OK)
		reassembly_forget(turn, &group);
	turn_fail(turn, store_inbound_message_del(turn->txn, message));
}

/* ---- alerts ---- */

struct alert {
	struct input input;
	struct provider *provider;
	uint64_t session;
	int64_t at_ms;
	uint32_t skipped;
	uint8_t availability;
	uint8_t source_n, esme_n;
	uint8_t source[65], esme[65];
};

static void apply_alert(struct turn *turn, struct input *input)
{
	const struct alert *alert = (void *)input;
	struct store_alert rec = {
		.seq = store_next(turn->txn, STORE_NEXT_ALERT),
		.provider = alert->provider->number,
		.session = alert->session,
		.at_ms = (uint64_t)alert->at_ms,
		.availability = alert->availability,
		.skipped = alert->skipped,
		.source = { alert->source, alert->source_n },
		.esme = { alert->esme, alert->esme_n },
	};
	rec.account = owner(turn, alert->provider->config, rec.esme);
	turn_fail(turn, store_alert_put(turn->txn, &rec));
	feed_tell_account(turn, FEED_ALERT, rec.account, rec.seq);
}

/* Nobody sends it again: that it was lost is told by the next one. */
static void refuse_alert(struct engine *engine, struct input *input, enum store_err why)
{
	const struct alert *alert = (void *)input;
	(void)engine;
	log_warning("inbound.alert_lost", "provider=%s error=\"%s\"", alert->provider->config->name,
		    store_err_text(why));
	alert->provider->alerts_skipped += alert->skipped + 1;
}

static uint8_t copy(uint8_t out[65], struct smpp_octets octets)
{
	struct store_octets short_enough = address(octets);
	if (short_enough.n)
		memcpy(out, short_enough.at, short_enough.n);
	return (uint8_t)short_enough.n;
}

/* It cannot be held back by not answering it, so a flood is cut off here. */
static bool may_alert(struct provider *provider, int64_t now_ms)
{
	if (now_ms - provider->alerts_since_ms >= 1000) {
		provider->alerts_since_ms = now_ms;
		provider->alerts = 0;
	}
	if (provider->alerts++ < INBOUND_ALERTS_PER_S)
		return true;
	provider->alerts_skipped++;
	return false;
}

void inbound_alert(struct engine *engine, struct link *link, const struct smpp_pdu *pdu)
{
	struct provider *provider = link->provider;
	uint32_t availability;
	if (!may_alert(provider, port_now_ms(engine->port)))
		return;
	struct alert *alert = calloc(1, sizeof(*alert));
	if (!alert) {
		provider->alerts_skipped++;
		return;
	}
	alert->input.apply = apply_alert;
	alert->input.refuse = refuse_alert;
	alert->provider = provider;
	alert->session = link->session_number;
	alert->at_ms = port_wall_ms(engine->port);
	alert->skipped = provider->alerts_skipped;
	provider->alerts_skipped = 0;
	alert->source_n = copy(alert->source, pdu->source_addr);
	alert->esme_n = copy(alert->esme, pdu->esme_addr);
	if (smpp_pdu_tlv_int(pdu, SMPP_TLV_ms_availability_status, &availability) ==
	    SMPP_TLV_INT_OK)
		alert->availability = (uint8_t)(availability < 255 ? availability + 1 : 255);
	engine_input(engine, &alert->input);
}
