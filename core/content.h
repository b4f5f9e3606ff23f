/*
 * Content: what a text becomes at a provider. The alphabets that it takes and the data_coding of
 * each, the choice among them with its reason, and the cut into segments. Pure but for memory; one
 * code for the parts that are priced at acceptance and those that go out. What else a submit says
 * is core/compose.c; the codec itself is smpp/coding.h and smpp/concat.h.
 *
 * A segment is one submit on the wire; a part is one short message that the handset gets and that
 * is paid for. They are the same but for message_payload, where one segment carries all parts and
 * the carrier cuts.
 */
#ifndef CORE_CONTENT_H
#define CORE_CONTENT_H

#include "config/config.h"
#include "smpp/coding.h"
#include "smpp/concat.h"
#include "store/record.h"

/* What data_coding means at this provider. */
struct smpp_coding_map content_codings(const struct config_provider *provider);

/* The alphabet of an incoming text with this data_coding. */
enum smpp_alphabet content_alphabet(const struct config_provider *provider, uint8_t data_coding);

/* How a text of several parts is sent at this provider. */
enum smpp_concat_method content_method(const struct config_provider *provider);

/* Segments of several parts cannot go on a link whose peer takes no TLVs. */
bool content_needs_tlvs(enum smpp_concat_method method);

/*
 * The alphabet for a text on a route: the default of its provider if that has every character, else
 * the first that the provider takes. Returns and fills as smpp_coding_choose does.
 */
enum smpp_coding_error content_choose(const struct config_route *route, const char *text, size_t n,
				      struct smpp_coding_choice *choice);

/* A text on its way to the wire. */
struct content {
	uint8_t *wire; /* the encoded octets, which the plan cuts */
	struct smpp_concat_plan plan;
	uint8_t data_coding;
};

enum content_error {
	CONTENT_OK = 0,
	CONTENT_MEMORY,
	CONTENT_CODING, /* the provider has no data_coding for the alphabet, or it lacks a character */
	CONTENT_TOO_LONG, /* plan.radio_parts says how many parts it would be */
};

/* What content_make is to make of a text. */
struct content_kind {
	enum smpp_alphabet alphabet;
	enum smpp_concat_method method;
};
/* The kind of an accepted order: it stays what it was, whatever the configuration says now. */
struct content_kind content_kind_of(const struct store_order *order);

/* Fills *out; release it, also after an error. */
enum content_error content_make(const struct config_provider *provider, struct content_kind kind,
				const char *text, size_t n, struct content *out);
void content_release(struct content *content);

/* Keeps the reason of a choice in an order, and gives it in words. */
void content_keep_reason(struct store_order *order, const struct smpp_coding_choice *choice);
#define CONTENT_REASON_OCTETS 96
const char *content_reason(const struct store_order *order, char out[CONTENT_REASON_OCTETS]);

#endif
