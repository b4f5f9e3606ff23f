/*
 * test_session_pair.c: two sessions talking, octets cut anywhere, links cut anywhere, and a million
 * time-outs. Everything is drawn from a seed, which a failure prints.
 */
#include "session_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33) % below;
}

/* ---- one stream, cut anywhere --------------------------------------------------------------- */

/* All that happened to an ESME: its events in short, and every octet it wrote. */
struct transcript {
	uint8_t at[1u << 16];
	size_t n;
};

static void record(struct transcript *t, const void *octets, size_t n)
{
	assert_true(n <= sizeof t->at - t->n);
	if (n > 0)
		memcpy(t->at + t->n, octets, n);
	t->n += n;
}

static void record_output(struct transcript *t, struct smpp_session *s)
{
	struct smpp_output out;

	smpp_session_output(s, 1, &out);
	record(t, out.at, out.n);
	smpp_session_wrote(s, out.n);
}

/* An owner with ten things to send who answers at once. */
static void pull_all(struct smpp_session *s, struct transcript *t)
{
	struct smpp_event ev;

	while (smpp_session_next(s, &ev)) {
		uint32_t brief[] = { ev.kind,		ev.command_id,
				     ev.command_status, ev.sequence_number,
				     (uint32_t)ev.tag,	ev.octets_n };

		record(t, brief, sizeof brief);
		record(t, ev.octets, ev.octets_n);
		if (ev.kind == SMPP_EVENT_BOUND) {
			for (uint64_t tag = 0; tag < 10; tag++)
				request(s, tag, 1);
		}
		if (ev.kind == SMPP_EVENT_REQUEST)
			(void)!answer(s, ev.command_id | SMPP_RESP_BIT, 0, ev.sequence_number);
		record_output(t, s);
	}
}

/* What an SMSC may say in one life, all kinds of PDU, good and bad. */
static size_t smsc_stream(uint8_t *at)
{
	size_t n = wire(at, SMPP_deliver_sm, 0, 1, DELIVER, DELIVER_N);

	n += wire(at + n, SMPP_bind_transceiver_resp, 0, 1, "smsc\0" V34, 10);
	n += wire(at + n, SMPP_enquire_link, 0, 2, NULL, 0);
	n += wire(at + n, SMPP_submit_sm_resp, 0, 3, "b", 2);
	n += wire(at + n, SMPP_submit_sm_resp, 0, 2, "a", 2);
	n += wire(at + n, SMPP_submit_sm_resp, 0, 2, "a", 2);
	n += wire(at + n, SMPP_deliver_sm, 0, 3, "\0\1\1", 3);
	n += wire(at + n, 0x00000BAD, 0, 4, "????????", 8);
	n += wire(at + n, 0x80000BAD, 0, 4, "????????", 8);
	n += wire(at + n, SMPP_submit_sm_resp, SMPP_ESME_RTHROTTLED, 4, NULL, 0);
	n += wire(at + n, SMPP_generic_nack, SMPP_ESME_RINVCMDID, 5, NULL, 0);
	n += wire(at + n, SMPP_alert_notification, 0, 5, "\0\0\0\0\0\0", 6);
	n += wire(at + n, SMPP_submit_sm, 0, 6, "", 1);
	for (uint32_t i = 0; i < 100; i++)
		n += wire(at + n, SMPP_deliver_sm, 0, 100 + i, DELIVER, DELIVER_N);
	n += wire(at + n, SMPP_unbind, 0, 7, NULL, 0);
	for (uint32_t i = 6; i < 12; i++)
		n += wire(at + n, SMPP_submit_sm_resp, 0, i, "z", 2);
	n += wire(at + n, SMPP_enquire_link, 0, 8, NULL, 0);
	at[n] = at[n + 1] = at[n + 2] = at[n + 3] = 0xFF;
	return n + 4;
}

/* sizes[]: the pieces, the last of which repeats. */
static void play(struct transcript *t, const uint8_t *stream, size_t n, const size_t *sizes,
		 size_t sizes_n)
{
	struct smpp_session *s = open_session(&esme_config);
	size_t fed = 0;

	t->n = 0;
	record_output(t, s);
	for (size_t i = 0; fed < n; i++) {
		size_t piece = sizes[i < sizes_n ? i : sizes_n - 1];

		if (piece > n - fed)
			piece = n - fed;
		feed(s, stream + fed, piece, 1);
		pull_all(s, t);
		fed += piece;
	}
	smpp_session_free(s);
}

/* 4 */
static void test_session_pair__check_04_how_octets_are_cut_changes_nothing(void **state)
{
	static struct transcript whole;
	static struct transcript cut;
	static uint8_t stream[1u << 16];
	size_t n = smsc_stream(stream);
	size_t sizes[64];

	(void)state;
	sizes[0] = n;
	play(&whole, stream, n, sizes, 1);
	for (size_t size = 1; size < 100; size++) {
		play(&cut, stream, n, &size, 1);
		assert_int_equal(cut.n, whole.n);
		assert_memory_equal(cut.at, whole.at, whole.n);
	}
	for (size_t first = 1; first < n; first++) { /* each header cut at each of its octets */
		sizes[0] = first;
		sizes[1] = n;
		play(&cut, stream, n, sizes, 2);
		assert_int_equal(cut.n, whole.n);
		assert_memory_equal(cut.at, whole.at, whole.n);
	}
	for (uint64_t seed = 1; seed <= 200; seed++) {
		uint64_t drawn = seed;

		for (size_t i = 0; i < 64; i++)
			sizes[i] = 1 + draw(&drawn, i % 2 ? 200 : 20);
		play(&cut, stream, n, sizes, 64);
		if (cut.n != whole.n || memcmp(cut.at, whole.at, whole.n) != 0)
			fail_msg("seed %llu", (unsigned long long)seed);
	}
}

/* ---- definitely unsent ---------------------------------------------------------------------- */

/* 53; row 8 of the faults: a request is unsent until its last octet is the kernel's. */
static void test_session_pair__check_53_unsent_exactly_until_the_last_octet(void **state)
{
	enum {
		REQUESTS = 8
	};
	size_t stream_n = 0;
	size_t cut = 0;

	(void)state;
	do {
		struct smpp_session *s = bound_esme(&esme_config);
		uint64_t base = stats_of(s).out_octets;
		uint64_t ends[REQUESTS];
		struct smpp_output out;

		smpp_session_kernel_sent(s, base, 0);
		for (uint64_t i = 0; i < REQUESTS; i++) {
			request(s, i, 0);
			if (i == 4) { /* an answer between them moves the octets, not the rule */
				says(s, SMPP_enquire_link, 0, 1, NULL, 0, 0);
				event(s, SMPP_EVENT_NOTICE);
			}
			stream_n = smpp_session_output(s, 0, &out);
			ends[i] = stream_n;
		}
		smpp_session_wrote(s, stream_n);
		smpp_session_kernel_sent(s, base + cut / 2, 1);
		smpp_session_kernel_sent(s, base + cut, 1);
		smpp_session_down(s, 2);
		for (uint64_t i = 0; i < REQUESTS; i++) {
			struct smpp_event ev =
				event(s, ends[i] <= cut ? SMPP_EVENT_LOST : SMPP_EVENT_UNSENT);

			assert_int_equal(ev.tag, i);
			assert_int_equal(ev.sequence_number, 2 + i);
			assert_int_equal(ev.sent_ms, ends[i] <= cut ? 1 : 0);
		}
		no_event(s);
		smpp_session_free(s);
	} while (cut++ < stream_n);
}

/* ---- a million time-outs -------------------------------------------------------------------- */

/* 69 */
static void test_session_pair__check_69_a_million_time_outs_leave_no_trace(void **state)
{
	struct smpp_session_config config = esme_config;
	struct smpp_session *s = NULL;
	uint32_t slots_free = 0;
	uint32_t sequences[16 * 10];
	size_t late = 0;
	uint64_t tag = 0;
	int64_t now = 0;
	struct smpp_event ev;

	(void)state;
	config.enquire_link_idle_ms = 0;
	config.first_sequence = 0x7FFFFFFF - 500000; /* and over the wrap */
	s = bound_esme(&config);
	slots_free = stats_of(s).slots_free;
	while (tag < 1000000) {
		for (int i = 0; i < 10; i++)
			sequences[late++] = submit(s, tag++, now);
		writes_nothing(s, now);
		now += 60000;
		smpp_session_tick(s, now);
		for (uint64_t i = 10; i > 0; i--)
			assert_int_equal(event(s, SMPP_EVENT_TIMEOUT).tag, tag - i);
		no_event(s);
		assert_int_equal(stats_of(s).in_flight, 0);
		if (late < 16 * 10)
			continue;
		while (late > 0) { /* the peer wakes up */
			accepts(s, sequences[--late], now);
			ev = event(s, SMPP_EVENT_RESPONSE);
			assert_true(ev.late);
		}
		assert_int_equal(stats_of(s).slots_free, slots_free);
	}
	smpp_session_free(s);
}

/* ---- two sessions --------------------------------------------------------------------------- */

enum {
	ORDER = 400,
	FATES = 4
};

enum fate {
	UNKNOWN_YET,
	ANSWERED,
	RETURNED, /* UNSENT */
	IN_DOUBT, /* LOST */
};

/* A wire in one direction: taken by the kernel, not yet with the peer. */
struct line {
	uint8_t at[1u << 20];
	size_t n;
	uint64_t taken;
};

struct talk {
	struct smpp_session *esme;
	struct smpp_session *smsc;
	struct line there;
	struct line back;
	uint64_t seed;
	int64_t now;
	uint32_t last_sequence; /* of the requests the SMSC has seen */
	uint32_t
		unanswered; /* requests the SMSC has not answered: the window as the peer sees it */
	uint32_t waiting[64]; /* their numbers */
	bool seen[ORDER];     /* by the SMSC, whole */
	enum fate fates[ORDER];
	uint32_t receipts; /* deliver_sm answered by the ESME, as the SMSC counts */
	bool is_cut;
	bool esme_closes;
	bool smsc_closes;
};

/* The kernel takes some of what a session wrote; the owner may hand over less than it was shown. */
static void write_some(struct talk *talk, struct smpp_session *s, struct line *line)
{
	struct smpp_output out;
	size_t n = smpp_session_output(s, talk->now, &out);

	if (n > 0)
		n = draw(&talk->seed, (uint32_t)n + 1);
	assert_true(n <= sizeof line->at - line->n);
	if (n > 0)
		memcpy(line->at + line->n, out.at, n);
	line->n += n;
	line->taken += n;
	smpp_session_wrote(s, n);
	smpp_session_kernel_sent(s, line->taken, talk->now);
}

static void read_some(struct talk *talk, struct smpp_session *s, struct line *line)
{
	size_t n = line->n;

	if (n > 1)
		n = 1 + draw(&talk->seed, n < 300 ? (uint32_t)n : 300);
	feed(s, line->at, n, talk->now);
	memmove(line->at, line->at + n, line->n - n);
	line->n -= n;
}

static void esme_event(struct talk *talk, const struct smpp_event *ev)
{
	static const enum fate fates[] = { [SMPP_EVENT_RESPONSE] = ANSWERED,
					   [SMPP_EVENT_UNSENT] = RETURNED,
					   [SMPP_EVENT_LOST] = IN_DOUBT };

	if (ev->kind == SMPP_EVENT_BOUND) {
		for (uint64_t tag = 0; tag < ORDER; tag++)
			request(talk->esme, tag, talk->now);
	}
	if (ev->kind == SMPP_EVENT_RESPONSE || ev->kind == SMPP_EVENT_UNSENT ||
	    ev->kind == SMPP_EVENT_LOST) {
		assert_int_equal(talk->fates[ev->tag], UNKNOWN_YET);
		talk->fates[ev->tag] = fates[ev->kind];
	}
	if (ev->kind == SMPP_EVENT_REQUEST)
		assert_int_equal(answer(talk->esme, SMPP_deliver_sm_resp, 0, ev->sequence_number),
				 talk->is_cut ? SMPP_SESSION_STATE : SMPP_SESSION_OK);
	if (ev->kind == SMPP_EVENT_CLOSE)
		talk->esme_closes = true;
	assert_true(ev->kind != SMPP_EVENT_PROBLEM && ev->kind != SMPP_EVENT_ORPHAN_RESPONSE);
}

static void smsc_event(struct talk *talk, const struct smpp_event *ev)
{
	uint64_t tag = 0;

	if (ev->kind == SMPP_EVENT_BIND_REQUEST)
		assert_int_equal(smpp_session_bind_answer(talk->smsc, 0, "smsc", 0x34, talk->now),
				 SMPP_SESSION_OK);
	if (ev->kind == SMPP_EVENT_RESPONSE)
		talk->receipts++;
	if (ev->kind == SMPP_EVENT_REQUEST) {
		assert_int_equal(ev->pdu->short_message.n, sizeof tag);
		memcpy(&tag, ev->pdu->short_message.at, sizeof tag);
		assert_false(talk->seen[tag]);
		talk->seen[tag] = true;
		assert_true(ev->sequence_number > talk->last_sequence);
		talk->last_sequence = ev->sequence_number;
		talk->waiting[talk->unanswered++] = ev->sequence_number;
		assert_true(talk->unanswered <= esme_config.window);
	}
	if (ev->kind == SMPP_EVENT_CLOSE)
		talk->smsc_closes = true;
	assert_true(ev->kind != SMPP_EVENT_PROBLEM && ev->kind != SMPP_EVENT_ORPHAN_RESPONSE);
}

/* The SMSC answers any one of what waits, and sends a receipt now and then. */
static void smsc_acts(struct talk *talk)
{
	static struct smpp_pdu pdu;
	uint32_t which = 0;

	if (talk->unanswered == 0)
		return;
	which = draw(&talk->seed, talk->unanswered);
	smpp_pdu_init(&pdu, SMPP_submit_sm_resp, talk->waiting[which]);
	pdu.message_id = smpp_octets_of("0123456789");
	assert_int_equal(smpp_session_respond(talk->smsc, &pdu), SMPP_SESSION_OK);
	talk->waiting[which] = talk->waiting[--talk->unanswered];
	if (draw(&talk->seed, 2)) {
		smpp_pdu_init(&pdu, SMPP_deliver_sm, 0);
		assert_int_equal(smpp_session_request(talk->smsc, &pdu, 0, talk->now),
				 SMPP_SESSION_OK);
	}
}

static void pull_both(struct talk *talk)
{
	struct smpp_event ev;

	while (smpp_session_next(talk->esme, &ev))
		esme_event(talk, &ev);
	while (smpp_session_next(talk->smsc, &ev))
		smsc_event(talk, &ev);
}

static void step(struct talk *talk)
{
	talk->now += draw(&talk->seed, 5);
	write_some(talk, talk->esme, &talk->there);
	write_some(talk, talk->smsc, &talk->back);
	read_some(talk, talk->smsc, &talk->there);
	read_some(talk, talk->esme, &talk->back);
	pull_both(talk);
	smpp_session_tick(talk->esme, talk->now);
	smpp_session_tick(talk->smsc, talk->now);
	pull_both(talk);
	if (draw(&talk->seed, 3))
		smsc_acts(talk);
}

static void count(const struct talk *talk, uint32_t *fates)
{
	memset(fates, 0, FATES * sizeof *fates);
	for (size_t tag = 0; tag < ORDER; tag++)
		fates[talk->fates[tag]]++;
}

static struct talk *talk_begin(uint64_t seed)
{
	struct smpp_session_config esme = esme_config;
	struct talk *talk = calloc(1, sizeof *talk);

	assert_non_null(talk);
	talk->seed = seed;
	esme.enquire_link_idle_ms = 20; /* so that they come between the requests */
	esme.response_ms = 0;
	talk->esme = open_session(&esme);
	talk->smsc = open_session(&smsc_config);
	return talk;
}

static void talk_end(struct talk *talk)
{
	smpp_session_free(talk->esme);
	smpp_session_free(talk->smsc);
	free(talk);
}

static void test_session_pair__both_roles_agree_on_an_order_and_part_in_peace(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct talk *talk = talk_begin(seed);
		uint32_t fates[FATES];

		do {
			step(talk);
			count(talk, fates);
		} while (fates[ANSWERED] < ORDER && talk->now < 1000000);
		assert_int_equal(fates[ANSWERED], ORDER);
		/* one side unbinds, or both at once */
		if (seed % 3 != 0)
			assert_int_equal(smpp_session_unbind(talk->esme, talk->now),
					 SMPP_SESSION_OK);
		if (seed % 3 != 1)
			assert_int_equal(smpp_session_unbind(talk->smsc, talk->now),
					 SMPP_SESSION_OK);
		while (!(talk->esme_closes && talk->smsc_closes) && talk->now < 2000000)
			step(talk);
		assert_true(talk->esme_closes);
		assert_true(talk->smsc_closes);
		assert_int_equal(stats_of(talk->esme).unanswered, 0);
		assert_int_equal(stats_of(talk->smsc).unanswered, 0);
		talk_end(talk);
	}
}

/* I9, I17: what came back unsent the peer never saw whole; what it saw is answered or in doubt. */
static void test_session_pair__a_cut_link_leaves_each_request_one_true_fate(void **state)
{
	uint32_t sum[FATES] = { 0 };

	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct talk *talk = talk_begin(seed);
		uint32_t fates[FATES];
		uint32_t steps = 5 + draw(&talk->seed, 150);

		for (uint32_t i = 0; i < steps; i++)
			step(talk);
		/* part of what the kernel took still arrives at either end, then nothing more */
		if (draw(&talk->seed, 2))
			read_some(talk, talk->smsc, &talk->there);
		if (draw(&talk->seed, 2))
			read_some(talk, talk->esme, &talk->back);
		talk->is_cut = true;
		smpp_session_down(talk->esme, talk->now);
		smpp_session_down(talk->smsc, talk->now);
		pull_both(talk);
		for (size_t tag = 0; tag < ORDER; tag++) {
			if (talk->fates[tag] == RETURNED && talk->seen[tag])
				fail_msg("seed %llu: %zu was seen", (unsigned long long)seed, tag);
			if (talk->fates[tag] == ANSWERED && !talk->seen[tag])
				fail_msg("seed %llu: %zu was not", (unsigned long long)seed, tag);
		}
		count(talk, fates);
		if (stats_of(talk->esme).next_sequence > 2)
			assert_int_equal(fates[UNKNOWN_YET], 0);
		assert_true(fates[IN_DOUBT] <= esme_config.window);
		for (size_t i = 0; i < FATES; i++)
			sum[i] += fates[i];
		talk_end(talk);
	}
	for (size_t i = ANSWERED; i < FATES; i++)
		assert_true(sum[i] > 100); /* the seeds did reach all fates */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session_pair__check_04_how_octets_are_cut_changes_nothing),
		cmocka_unit_test(test_session_pair__check_53_unsent_exactly_until_the_last_octet),
		cmocka_unit_test(test_session_pair__check_69_a_million_time_outs_leave_no_trace),
		cmocka_unit_test(test_session_pair__both_roles_agree_on_an_order_and_part_in_peace),
		cmocka_unit_test(test_session_pair__a_cut_link_leaves_each_request_one_true_fate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
