/* What the tests of inbound messages share: a handset that speaks in parts, and what can be read. */
#ifndef TEST_ENGINE_HANDSET_H
#define TEST_ENGINE_HANDSET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/feed.h"
#include "core/inbound_text.h"
#include "smpp/concat.h"
#include "test/engine_world.h"

#define TIMERS	"timers: {reassembly: 60s, reconnect_min: 200ms, reconnect_max: 2s}"
#define ACCOUNT "acme"
#define OWNED	TIMERS ", inbound: {\"\": nobody, \"12\": " ACCOUNT ", \"123\": other}"

/* ---- a handset ---- */

/* One PDU to be sent; what is 0 or NULL is usual. */
struct part {
	const char *from, *to; /* "31655500001", "1234" */
	const char *text;
	size_t n; /* of text, when it is not a string */
	enum smpp_concat_method method;
	uint16_t ref;
	uint8_t total, seqnum;
	uint8_t esm_class, data_coding;
	bool data_sm;	 /* text in message_payload */
	bool in_payload; /* of a deliver_sm */
};

static inline uint8_t put_header(const struct part *part, uint8_t *out)
{
	uint8_t n = 0;
	if (part->method != SMPP_CONCAT_UDH8 && part->method != SMPP_CONCAT_UDH16)
		return 0;
	bool wide = part->method == SMPP_CONCAT_UDH16;
	out[n++] = wide ? 6 : 5;
	out[n++] = wide ? 8 : 0;
	out[n++] = wide ? 4 : 3;
	if (wide)
		out[n++] = (uint8_t)(part->ref >> 8);
	out[n++] = (uint8_t)part->ref;
	out[n++] = part->total;
	out[n++] = part->seqnum;
	return n;
}

static inline void add_sar(const struct part *part, struct smpp_pdu *pdu)
{
	assert_int_equal(smpp_pdu_tlv_add_int(pdu, SMPP_TLV_sar_msg_ref_num, part->ref), SMPP_OK);
	assert_int_equal(smpp_pdu_tlv_add_int(pdu, SMPP_TLV_sar_total_segments, part->total),
			 SMPP_OK);
	assert_int_equal(smpp_pdu_tlv_add_int(pdu, SMPP_TLV_sar_segment_seqnum, part->seqnum),
			 SMPP_OK);
}

static inline void send_pdu(struct carrier *carrier, const struct smpp_pdu *pdu)
{
	static uint8_t octets[70000];
	struct smpp_problem problem;
	size_t n;
	assert_int_equal(smpp_pdu_encode(pdu, octets, sizeof(octets), &n, &problem), SMPP_OK);
	assert_true(carrier_raw(carrier, octets, n));
}

static inline void give(struct carrier *carrier, const struct part *part)
{
	static uint32_t sequence;
	static uint8_t octets[66000];
	struct smpp_pdu pdu;
	size_t n = put_header(part, octets);
	size_t text_n = part->n ? part->n : part->text ? strlen(part->text) : 0;
	smpp_pdu_init(&pdu, part->data_sm ? SMPP_data_sm : SMPP_deliver_sm, ++sequence);
	pdu.esm_class = part->esm_class | (n ? 0x40 : 0);
	pdu.data_coding = part->data_coding;
	pdu.source_addr = smpp_octets_of(part->from ? part->from : "31655500001");
	pdu.destination_addr = smpp_octets_of(part->to ? part->to : "1234");
	if (text_n)
		memcpy(octets + n, part->text, text_n);
	struct smpp_octets body = { octets, (uint32_t)(n + text_n) };
	if (part->data_sm || part->in_payload)
		assert_int_equal(smpp_pdu_tlv_add(&pdu, SMPP_TLV_message_payload, body), SMPP_OK);
	else
		pdu.short_message = body;
	if (part->method == SMPP_CONCAT_SAR)
		add_sar(part, &pdu);
	send_pdu(carrier, &pdu);
}

static inline void gives(struct engine_world *world, const struct part *part)
{
	give(world->carriers[0], part);
	engine_world_settle(world);
}

/* Every PDU of carrier_raw was answered, and with OK. */
static inline void assert_answered(const struct carrier *carrier)
{
	assert_int_equal(carrier->raw_answers, carrier->raws);
	assert_int_equal(carrier->raw_status, 0);
}

/* ---- what can be read ---- */

struct read {
	struct store_inbound_message rec;
	char source[66];
	char text[70000];
	bool binary, odd;
};

/* Message n, from 0, in the order they became whole. */
static inline const struct read *message(struct engine_world *world, unsigned n)
{
	static struct read read;
	struct store_txn *txn;
	struct inbound_text text;
	memset(&read, 0, sizeof(read));
	assert_int_equal(store_read_begin(world->store, &txn), STORE_OK);
	for (unsigned i = 0; i <= n; i++)
		assert_int_equal(store_inbound_message_next(txn, &read.rec, 0), STORE_OK);
	assert_true(inbound_text_read(txn, &read.rec, &text));
	assert_int_equal(text.unread, 0);
	const struct buffer *octets = text.binary ? &text.octets : &text.utf8;
	assert_true(octets->n < sizeof(read.text));
	if (octets->n)
		memcpy(read.text, octets->octets, octets->n);
	memcpy(read.source, read.rec.source.at, read.rec.source.n);
	read.binary = text.binary;
	read.odd = text.odd;
	inbound_text_release(&text);
	store_read_end(txn);
	return &read;
}

static inline uint64_t messages(struct engine_world *world)
{
	return world_count(world, STORE_KIND_INBOUND_MESSAGE);
}

/* Events of the feed, of this kind. */
static inline uint32_t told(struct engine_world *world, enum feed_event event)
{
	struct store_txn *txn;
	struct store_feed feed = { 0 };
	struct feed_entry entry;
	uint32_t n = 0;
	assert_int_equal(store_read_begin(world->store, &txn), STORE_OK);
	while (store_feed_next(txn, &feed, 0) == STORE_OK)
		for (uint32_t at = 0; feed_next(feed.events, &at, &entry);)
			n += entry.event == event;
	store_read_end(txn);
	return n;
}

/* ---- whose it is ---- */

static inline uint32_t make_account(struct engine_world *world, const char *name, uint32_t number)
{
	struct store_txn *txn;
	struct store_account account = { .account = number, .active = 1 };
	account.name = (struct store_octets){ (const uint8_t *)name, (uint32_t)strlen(name) };
	assert_int_equal(store_begin(world->store, &txn), STORE_OK);
	while (store_next(txn, STORE_NEXT_ACCOUNT) < number)
		;
	assert_int_equal(store_account_put(txn, &account), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	return number;
}

#endif
