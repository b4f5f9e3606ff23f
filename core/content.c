/* What a text becomes at a provider. See content.h. */
#include "core/content.h"

#include <stdlib.h>

static const enum smpp_alphabet alphabets[] = {
	[CONFIG_ALPHABET_GSM7] = SMPP_ALPHABET_GSM7,
	[CONFIG_ALPHABET_ASCII] = SMPP_ALPHABET_ASCII,
	[CONFIG_ALPHABET_LATIN1] = SMPP_ALPHABET_LATIN1,
	[CONFIG_ALPHABET_UCS2] = SMPP_ALPHABET_UCS2,
};

static const enum smpp_concat_method methods[] = {
	[CONFIG_CONCAT_UDH8] = SMPP_CONCAT_UDH8,
	[CONFIG_CONCAT_UDH16] = SMPP_CONCAT_UDH16,
	[CONFIG_CONCAT_SAR] = SMPP_CONCAT_SAR,
	[CONFIG_CONCAT_PAYLOAD] = SMPP_CONCAT_PAYLOAD,
};

struct smpp_coding_map content_codings(const struct config_provider *provider)
{
	struct smpp_coding_map map = { .of_zero = alphabets[provider->default_alphabet] };
	for (size_t i = 0; i < provider->n_data_codings; i++) {
		enum smpp_alphabet alphabet = alphabets[provider->data_codings[i].alphabet];
		map.own |= SMPP_ALPHABET_BIT(alphabet);
		map.octets[alphabet] = (uint8_t)provider->data_codings[i].octet;
	}
	return map;
}

enum smpp_alphabet content_alphabet(const struct config_provider *provider, uint8_t data_coding)
{
	for (size_t i = 0; i < provider->n_data_codings; i++)
		if (provider->data_codings[i].octet == data_coding)
			return alphabets[provider->data_codings[i].alphabet];
	return smpp_coding_of(data_coding, alphabets[provider->default_alphabet]);
}

enum smpp_concat_method content_method(const struct config_provider *provider)
{
	return methods[provider->concat];
}

bool content_needs_tlvs(enum smpp_concat_method method)
{
	return method == SMPP_CONCAT_SAR || method == SMPP_CONCAT_PAYLOAD;
}

/* What a route's texts may be sent in beside what its provider's settings name. */
static const unsigned also[] = {
	[CONFIG_TEXT_ASCII] = SMPP_ALPHABET_BIT(SMPP_ALPHABET_ASCII),
	[CONFIG_TEXT_GSM7] = SMPP_ALPHABET_BIT(SMPP_ALPHABET_UCS2),
	[CONFIG_TEXT_UNICODE] = SMPP_ALPHABET_BIT(SMPP_ALPHABET_UCS2),
};

enum smpp_coding_error content_choose(const struct config_route *route, const char *text, size_t n,
				      struct smpp_coding_choice *choice)
{
	struct smpp_coding_policy policy = { .map = content_codings(route->provider) };
	policy.allowed = SMPP_ALPHABET_BIT(policy.map.of_zero) | policy.map.own |
			 also[route->message.alphabet];
	return smpp_coding_choose(text, n, &policy, choice);
}

struct content_kind content_kind_of(const struct store_order *order)
{
	return (struct content_kind){
		.alphabet = (enum smpp_alphabet)order->alphabet,
		.method = order->concat ? (enum smpp_concat_method)order->concat : SMPP_CONCAT_UDH8,
	};
}

enum content_error content_make(const struct config_provider *provider, struct content_kind kind,
				const char *text, size_t n, struct content *out)
{
	struct smpp_coding_map map = content_codings(provider);
	struct smpp_coding_buf wire = { .cap = SMPP_CODING_WIRE_MAX(n) + 1 };
	*out = (struct content){ .wire = malloc(wire.cap) };
	wire.at = out->wire;
	if (!wire.at)
		return CONTENT_MEMORY;
	if (smpp_coding_from_utf8(kind.alphabet, text, n, &wire) != SMPP_CODING_OK ||
	    !smpp_coding_value(kind.alphabet, &map, &out->data_coding))
		return CONTENT_CODING;
	return smpp_concat_plan(kind.alphabet, wire.at, wire.n, kind.method, &out->plan) ==
			       SMPP_CONCAT_OK ?
		       CONTENT_OK :
		       CONTENT_TOO_LONG;
}

void content_release(struct content *content)
{
	free(content->wire);
	content->wire = NULL;
}

/* ---- the reason, kept ---- */

void content_keep_reason(struct store_order *order, const struct smpp_coding_choice *choice)
{
	if (choice->refused == SMPP_ALPHABETS)
		return;
	order->refused_alphabet = (uint8_t)(choice->refused + 1);
	order->offender = choice->offender;
	order->offender_at = choice->offender_at;
}

const char *content_reason(const struct store_order *order, char out[CONTENT_REASON_OCTETS])
{
	struct smpp_coding_choice choice = {
		.alphabet = (enum smpp_alphabet)order->alphabet,
		.refused = SMPP_ALPHABETS,
	};
	if (order->refused_alphabet) {
		choice.why = SMPP_CODING_WHY_FITS;
		choice.refused = (enum smpp_alphabet)(order->refused_alphabet - 1);
		choice.offender = order->offender;
		choice.offender_at = order->offender_at;
	}
	return smpp_coding_explain(&choice, out, CONTENT_REASON_OCTETS);
}
