/* Showing inbound messages. See inbound_list.h. */
#include "core/inbound_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/control.h"
#include "core/history.h"
#include "core/inbound.h"
#include "core/inbound_text.h"
#include "core/view.h"
#include "smpp/coding.h"

#define LIMIT_MAX   100
#define LOOKED_AT   2000   /* messages of other accounts, and what filters pass over */
#define PARTS_READ  1000   /* PDUs that one page decodes; its cursor goes on from there */
#define PAGE_OCTETS 262144 /* a page ends behind the message that reaches it */
#define NUMBER_ROOM 68

struct showing {
	struct api_call *call;
	bool text, numbers;
	uint32_t parts; /* read so far */
};

/* ---- one message ---- */

static void add_number(const struct showing *showing, const char *key, struct store_octets number)
{
	char out[NUMBER_ROOM];
	uint32_t n = number.n < NUMBER_ROOM ? number.n : NUMBER_ROOM - 1;
	for (uint32_t i = 0; i < n; i++)
		out[i] = showing->numbers || i + 3 >= n ? (char)number.at[i] : '*';
	json_key(&showing->call->json, key);
	json_put_octets(&showing->call->json, out, n);
}

static void add_hex(struct json_writer *json, const char *key, const uint8_t *octets, size_t n)
{
	struct buffer hex = { 0 };
	for (size_t i = 0; i < n; i++)
		buffer_format(&hex, "%02x", octets[i]);
	json_key(json, key);
	json_put_octets(json, hex.n ? (const void *)hex.octets : "", hex.n);
	json->out->failed = json->out->failed || hex.failed;
	buffer_release(&hex);
}

/* esm_class, SMPP 3.4, 5.2.12: the message type is the value of bits 5 to 2. */
static const char *type_word(uint8_t esm_class)
{
	static const char *const words[16] = {
		[0x00 >> 2] = "message",
		[0x08 >> 2] = "delivery_acknowledgement",
		[0x10 >> 2] = "user_acknowledgement",
		[0x18 >> 2] = "conversation_abort",
	};
	const char *word = words[(esm_class & 0x3C) >> 2];
	return word ? word : "reserved";
}

static void put_flags(struct json_writer *json, uint32_t flags, const struct inbound_text *text)
{
	static const char *const words[] = {
#define X(name, bit, word) [bit] = word,
		INBOUND_FLAGS(X)
#undef X
	};
	json_key(json, "flags");
	json_begin_array(json);
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (flags >> i & 1)
			json_put_text(json, words[i]);
	if (text->odd)
		json_put_text(json, "bad_text");
	if (text->unread)
		json_put_text(json, "unreadable_part");
	json_end_array(json);
}

static void put_parts(const struct showing *showing, const struct store_inbound_message *message)
{
	struct json_writer *json = &showing->call->json;
	json_key(json, "parts");
	json_begin_object(json);
	json_add_uint(json, "total", message->parts);
	json_add_uint(json, "received", message->received);
	json_key(json, "missing");
	json_begin_array(json);
	for (uint32_t part = 1; part <= message->parts && message->received < message->parts;
	     part++)
		if (!inbound_part_seq(showing->call->turn->txn, message, part))
			json_put_uint(json, part);
	json_end_array(json);
	json_end_object(json);
}

/* Within an object that is open. */
static void put_members(struct showing *showing, const struct store_inbound_message *message)
{
	struct api_call *call = showing->call;
	struct json_writer *json = &call->json;
	struct inbound_text text;
	if (!inbound_text_read(call->turn->txn, message, &text))
		turn_fail(call->turn, STORE_FULL);
	showing->parts += message->parts;
	json_add_uint(json, "inbound_id", message->seq);
	control_add_time(json, "received_at", message->at_ms);
	json_add_text(json, "type", type_word(message->esm_class));
	add_number(showing, "msisdn", message->source);
	add_number(showing, "destination", message->dest);
	json_key(json, "message");
	if (text.binary || !showing->text)
		json_put_null(json);
	else
		json_put_octets(json, text.utf8.n ? (const void *)text.utf8.octets : "",
				text.utf8.n);
	if (text.binary && showing->text)
		add_hex(json, "data", text.octets.octets, text.octets.n);
	else
		json_add_null(json, "data");
	json_add_text(json, "encoding", smpp_coding_name((enum smpp_alphabet)message->alphabet));
	json_add_uint(json, "octets", text.octets.n);
	put_parts(showing, message);
	json_add_bool(json, "complete", message->received == message->parts && !text.unread);
	put_flags(json, message->flags, &text);
	inbound_text_release(&text);
}

static bool page_is_full(const struct showing *showing)
{
	return showing->parts >= PARTS_READ || showing->call->body->n >= PAGE_OCTETS;
}

/* ---- applications ---- */

struct wish {
	char msisdn[NUMBER_ROOM], destination[NUMBER_ROOM]; /* "": any */
	int64_t limit;
};

static bool is_number(struct store_octets number, const char *wanted)
{
	return !*wanted || store_octets_are(number, wanted);
}

static bool wanted(const struct api_call *call, const struct wish *wish,
		   const struct store_inbound_message *message)
{
	return message->account == call->account.account &&
	       is_number(message->source, wish->msisdn) &&
	       is_number(message->dest, wish->destination);
}

/* Behind *after, which becomes the last one looked at. True: there are no more. */
static bool write_messages(struct showing *showing, const struct wish *wish, uint64_t *after)
{
	struct api_call *call = showing->call;
	struct store_inbound_message message = { .seq = *after };
	int64_t left = wish->limit;
	for (unsigned i = 0; i < LOOKED_AT && left && !page_is_full(showing); i++) {
		enum store_err err = store_inbound_message_next(call->turn->txn, &message, 0);
		if (err == STORE_NOTFOUND)
			return true;
		turn_fail(call->turn, err == STORE_CORRUPT ? STORE_OK : err);
		if (turn_failed(call->turn))
			return false;
		*after = message.seq;
		if (err || !wanted(call, wish, &message))
			continue;
		json_begin_object(&call->json);
		put_members(showing, &message);
		json_end_object(&call->json);
		left--;
	}
	return store_inbound_message_next(call->turn->txn, &message, 0) == STORE_NOTFOUND;
}

void inbound_list(struct api_call *call)
{
	static const char *const names[] = { "after", "limit", "msisdn", "destination", NULL };
	struct json_writer *json = &call->json;
	struct showing showing = { .call = call, .text = true, .numbers = true };
	struct wish wish = { .limit = api_query_number(call, "limit", 50, 1, LIMIT_MAX) };
	uint64_t after = (uint64_t)api_query_number(call, "after", 0, 0, INT64_MAX);
	char cursor[24];
	api_query_text(call, "msisdn", wish.msisdn, sizeof(wish.msisdn));
	api_query_text(call, "destination", wish.destination, sizeof(wish.destination));
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_key(json, "messages");
	json_begin_array(json);
	bool all = write_messages(&showing, &wish, &after);
	json_end_array(json);
	snprintf(cursor, sizeof(cursor), "%llu", (unsigned long long)after);
	json_add_text(json, "next_after", cursor);
	json_add_bool(json, "more", !all);
	json_end_object(json);
}

/* ---- operators ---- */

static void put_owner(struct api_call *call, const struct store_inbound_message *message)
{
	struct store_provider provider = { .number = message->provider };
	if (store_provider_get(call->turn->txn, &provider) == STORE_OK)
		view_add_octets(&call->json, "provider", provider.name);
	else
		json_add_null(&call->json, "provider");
	if (message->account)
		control_add_account(call, "account", message->account);
	else
		json_add_null(&call->json, "account");
}

static void read_showing(struct api_call *call, struct showing *showing)
{
	*showing = (struct showing){
		.call = call,
		.text = api_query_number(call, "text", 0, 0, 1) == 1,
		.numbers = api_query_number(call, "numbers", 0, 0, 1) == 1,
	};
}

void control_inbound_list(struct api_call *call)
{
	static const char *const names[] = { "limit", "before", "numbers", "text", NULL };
	struct json_writer *json = &call->json;
	struct showing showing;
	int64_t limit = api_query_number(call, "limit", 20, 1, LIMIT_MAX);
	int64_t before = api_query_number(call, "before", INT64_MAX, 1, INT64_MAX);
	struct store_inbound_message message = { .seq = (uint64_t)before };
	uint64_t last = 0;
	read_showing(call, &showing);
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	json_begin_object(json);
	json_add_uint(json, "total", store_count(call->turn->txn, STORE_KIND_INBOUND_MESSAGE));
	json_key(json, "messages");
	json_begin_array(json);
	enum store_err err = store_inbound_message_prev(call->turn->txn, &message, 0);
	for (; limit && !page_is_full(&showing) && (!err || err == STORE_CORRUPT);
	     err = store_inbound_message_prev(call->turn->txn, &message, 0), limit--) {
		last = message.seq;
		json_begin_object(json);
		if (err) {
			json_add_uint(json, "inbound_id", last);
		} else {
			put_members(&showing, &message);
			put_owner(call, &message);
		}
		json_end_object(json);
	}
	control_end_list(json, err, last);
}

static void put_pdus(const struct showing *showing, const struct store_inbound_message *message)
{
	struct api_call *call = showing->call;
	struct json_writer *json = &call->json;
	char link[HISTORY_LINK_OCTETS];
	json_key(json, "pdus");
	json_begin_array(json);
	for (uint32_t part = 1; part <= message->parts; part++) {
		uint64_t seq = inbound_part_seq(call->turn->txn, message, part);
		struct inbound_pdu *pdu = seq ? inbound_pdu_read(call->turn->txn, seq) : NULL;
		if (!seq)
			continue;
		json_begin_object(json);
		json_add_uint(json, "part", part);
		if (pdu) {
			json_add_text(json, "link",
				      history_link(call->turn->txn, pdu->rec.session, link));
			control_add_time(json, "at", pdu->rec.at_ms);
			json_add_uint(json, "octets", pdu->n);
		}
		if (pdu && showing->text && !page_is_full(showing))
			add_hex(json, "pdu", pdu->octets, pdu->n);
		json_end_object(json);
		free(pdu);
	}
	json_end_array(json);
}

void control_inbound_show(struct api_call *call)
{
	static const char *const names[] = { "numbers", "text", NULL };
	struct store_inbound_message message = { .seq = api_number(call, 0) };
	struct showing showing;
	read_showing(call, &showing);
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	enum store_err err = store_inbound_message_get(call->turn->txn, &message);
	if (err == STORE_NOTFOUND)
		api_refuse_not_found(call, "There is no inbound message of that number.");
	else if (err == STORE_CORRUPT)
		api_refuse_unavailable(call, "store_corrupt",
				       "The message's record is corrupt; run: esmectl store check");
	else
		turn_fail(call->turn, err);
	if (err)
		return;
	json_begin_object(&call->json);
	put_members(&showing, &message);
	put_owner(call, &message);
	put_pdus(&showing, &message);
	json_end_object(&call->json);
}
