/* How receipts write ids. See dialect.h. */
#include "core/dialect.h"

#include "core/log.h"

static const enum smpp_id_dialect configured[] = {
	[CONFIG_DIALECT_NONE] = SMPP_ID_ANY,
	[CONFIG_DIALECT_AUTO] = SMPP_ID_ANY,
	[CONFIG_DIALECT_EXACT] = SMPP_ID_EXACT,
	[CONFIG_DIALECT_HEX_TO_DEC] = SMPP_ID_HEX_TO_DEC,
	[CONFIG_DIALECT_DEC_TO_HEX] = SMPP_ID_DEC_TO_HEX,
};

/* ---- counting ---- */

static uint32_t *counter(struct store_dialect *rec, enum smpp_id_dialect rule)
{
	return rule == SMPP_ID_HEX_TO_DEC ? &rec->hex_to_dec :
	       rule == SMPP_ID_DEC_TO_HEX ? &rec->dec_to_hex :
					    &rec->exact;
}

static uint32_t total(const struct store_dialect *rec)
{
	return rec->exact + rec->hex_to_dec + rec->dec_to_hex;
}

enum smpp_id_dialect dialect_proposed(const struct store_dialect *rec)
{
	struct store_dialect copy = *rec;
	uint32_t all = total(rec);
	for (int rule = SMPP_ID_EXACT; all >= DIALECT_PAIRS && rule <= SMPP_ID_DEC_TO_HEX; rule++)
		if (*counter(&copy, (enum smpp_id_dialect)rule) * 100 >= all * 99)
			return (enum smpp_id_dialect)rule;
	return SMPP_ID_ANY;
}

static bool is_contradicted(struct store_dialect *rec)
{
	uint32_t all = total(rec), others = all - *counter(rec, (enum smpp_id_dialect)rec->applied);
	return others >= DIALECT_AGAINST && others * 10 >= all;
}

enum dialect_change dialect_count(struct store_dialect *rec, enum smpp_id_dialect rule, bool apply,
				  uint64_t at_ms)
{
	bool due = apply && !rec->applied;
	if (*counter(rec, rule) >= DIALECT_RECENT && !due)
		return DIALECT_SAME;
	if (total(rec) >= DIALECT_RECENT) {
		rec->exact /= 2;
		rec->hex_to_dec /= 2;
		rec->dec_to_hex /= 2;
	}
	++*counter(rec, rule);
	if (rec->applied && rec->applied != (uint8_t)rule) {
		rec->against++;
		if (!is_contradicted(rec))
			return DIALECT_COUNTED;
		/* Only what contradicts it counts for what comes next. */
		*counter(rec, (enum smpp_id_dialect)rec->applied) = 0;
		rec->applied = SMPP_ID_ANY;
		rec->withdrawn_ms = at_ms;
		return DIALECT_WITHDRAWN;
	}
	if (!due || !dialect_proposed(rec))
		return DIALECT_COUNTED;
	rec->applied = (uint8_t)dialect_proposed(rec);
	rec->since_ms = at_ms;
	return DIALECT_APPLIED;
}

/* ---- in the store ---- */

struct store_dialect dialect_read(struct store_txn *txn, uint32_t provider, int place)
{
	struct store_dialect rec = { .provider = provider, .place = (uint32_t)place };
	if (store_dialect_get(txn, &rec) != STORE_OK)
		rec = (struct store_dialect){ .provider = provider, .place = (uint32_t)place };
	return rec;
}

enum smpp_id_dialect dialect_of(struct turn *turn, const struct provider *provider, int place)
{
	enum config_dialect setting = provider->config->message_id_dialect;
	if (setting != CONFIG_DIALECT_AUTO)
		return configured[setting];
	return (enum smpp_id_dialect)dialect_read(turn->txn, provider->number, place).applied;
}

bool dialect_learn(struct turn *turn, const struct provider *provider, int place,
		   enum smpp_id_dialect rule)
{
	enum config_dialect setting = provider->config->message_id_dialect;
	if (configured[setting])
		return false;
	struct store_dialect rec = dialect_read(turn->txn, provider->number, place);
	enum dialect_change change =
		dialect_count(&rec, rule, setting == CONFIG_DIALECT_AUTO, (uint64_t)turn->at_ms);
	if (change != DIALECT_SAME)
		turn_fail(turn, store_dialect_put(turn->txn, &rec));
	if (change == DIALECT_APPLIED || change == DIALECT_WITHDRAWN)
		log_info("provider.dialect", "provider=%s place=%s rule=%s %s",
			 provider->config->name, place == SMPP_RECEIPT_TLV_ID ? "tlv" : "text",
			 smpp_id_dialect_name(rule),
			 change == DIALECT_APPLIED ? "applied" : "contradicts: withdrawn");
	return change == DIALECT_WITHDRAWN;
}

bool dialect_settings_changed(struct turn *turn, const struct provider *provider)
{
	const struct config_provider *config = provider->config;
	struct store_dialect rec = dialect_read(turn->txn, provider->number, SMPP_RECEIPT_TEXT_ID);
	uint32_t settings = 1u + (uint32_t)config->message_id_dialect +
			    (config->match_addresses ? 16u : 0u) +
			    (config->message_id_prefix_octets << 5);
	bool changed = rec.settings && rec.settings != settings;
	if (rec.settings != settings) {
		rec.settings = settings;
		turn_fail(turn, store_dialect_put(turn->txn, &rec));
	}
	return changed;
}
