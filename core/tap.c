/* The ring behind core/tap.h, and its cursors. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/provider.h"
#include "core/tap.h"
#include "smpp/mask.h"
#include "smpp/pdu.h"
#include "smpp/session.h"

struct kept {
	uint64_t seq; /* of its PDU */
	int64_t at_ms;
	uint64_t session;
	uint64_t from; /* of its octets, counted from the first that were ever kept */
	uint32_t n;
	enum tap_direction direction;
	bool note;
	uint64_t tag;
	char link[TAP_LINK_OCTETS];
};

/*
 * Records `first` to `next` - 1 are there, each at its number modulo TAP_RECORDS. The octets of a
 * record lie in one piece, at `from` modulo TAP_OCTETS, and end before `end`. A record has the
 * number of its PDU; where those leap, PDUs were not kept.
 */
struct tap {
	struct tap_reader *readers;
	size_t n_readers;
	struct kept *records; /* NULL while nobody reads */
	uint8_t *octets;
	uint64_t first, next;
	uint64_t end;
	uint64_t last;	   /* record of the last PDU that passed; 0: it was not kept */
	uint64_t passed;   /* PDUs that somebody wanted */
	uint64_t dropped;  /* of these, as the ring was full */
	bool full;	   /* nothing is kept until the quickest reader has read half of it */
	int64_t period_us; /* when it ends */
	int64_t idle;	   /* periods in a row in which the engine had time */
	uint64_t busy_us;  /* of the engine, as it began */
	int64_t left_us;   /* of it, for readers */
	int64_t took_us;   /* by them, since the daemon began */
};

struct tap_reader {
	struct tap_reader *next_reader;
	struct tap *tap;
	char link[TAP_LINK_OCTETS]; /* "": all */
	bool text, numbers;
	uint64_t next;	  /* record to read */
	uint64_t seq;	  /* of the last PDU that it was asked about, or told that it was dropped */
	uint64_t dropped; /* not yet told */
	struct buffer copy;
};

struct tap *tap_new(void)
{
	struct tap *tap = calloc(1, sizeof(*tap));
	if (tap)
		tap->first = tap->next = 1;
	return tap;
}

static void forget(struct tap *tap)
{
	free(tap->records);
	free(tap->octets);
	tap->records = NULL;
	tap->octets = NULL;
	tap->first = tap->next;
	tap->last = 0;
	tap->full = false;
}

void tap_free(struct tap *tap)
{
	if (!tap)
		return;
	assert(!tap->readers);
	forget(tap);
	free(tap);
}

/* ---- writing ---- */

static struct kept *kept_at(const struct tap *tap, uint64_t seq)
{
	return &tap->records[seq % TAP_RECORDS];
}

/* Where the octets of a record would begin that has n of them: in one piece. */
static uint64_t place_of(const struct tap *tap, uint32_t n)
{
	uint64_t from = tap->end;
	if (from % TAP_OCTETS + n > TAP_OCTETS)
		from += TAP_OCTETS - from % TAP_OCTETS;
	return from;
}

/* The first record that nobody has read: those of slower readers may be written over. */
static uint64_t unread(const struct tap *tap)
{
	uint64_t next = tap->first;
	for (const struct tap_reader *reader = tap->readers; reader; reader = reader->next_reader)
		if (reader->next > next)
			next = reader->next;
	return next;
}

/* May what was not read by anybody stay, if it takes so many records, and octets up to `end`? */
static bool stays(const struct tap *tap, uint64_t end, uint64_t records, uint64_t octets)
{
	uint64_t next = unread(tap);
	return tap->next - next < records &&
	       (next == tap->next || end - kept_at(tap, next)->from <= octets);
}

/*
 * What nobody will have time to read is not copied, which is what costs: so a reader that is too
 * slow gets long stretches with gaps between, in which a request stands with its response, and one
 * that has stopped costs nothing.
 */
static bool has_room(struct tap *tap, uint32_t n)
{
	if (tap->full)
		tap->full = !stays(tap, tap->end, TAP_RECORDS / 2, TAP_OCTETS / 2);
	if (!tap->full)
		tap->full = !stays(tap, place_of(tap, n) + n, TAP_RECORDS, TAP_OCTETS);
	return !tap->full;
}

/* Room for a record of n octets; the oldest give way. */
static struct kept *make_room(struct tap *tap, uint32_t n)
{
	uint64_t from = place_of(tap, n);
	tap->end = from + n;
	while (tap->first < tap->next && (tap->next - tap->first == TAP_RECORDS ||
					  kept_at(tap, tap->first)->from + TAP_OCTETS < tap->end))
		tap->first++;
	struct kept *kept = kept_at(tap, tap->next++);
	kept->from = from;
	kept->n = n;
	return kept;
}

/* Copies octets into a record, for which there is room. */
static struct kept *copy(struct tap *tap, const struct link *link, int64_t at_ms,
			 const void *octets, uint32_t n)
{
	struct kept *kept = make_room(tap, n);
	static_assert(sizeof(kept->link) == sizeof(link->name), "a link's name fits a record");
	memcpy(kept->link, link->name, sizeof(kept->link));
	memcpy(tap->octets + kept->from % TAP_OCTETS, octets, n);
	kept->seq = tap->passed;
	kept->at_ms = at_ms;
	kept->session = link->session_number;
	kept->direction = TAP_OUT;
	kept->note = false;
	kept->tag = 0;
	return kept;
}

/* Of a request of ours, or of the answer to one; 0: it is neither. */
static uint64_t tag_of(const struct link *link, enum tap_direction direction,
		       struct smpp_octets pdu)
{
	struct smpp_reader reader = smpp_reader_of(pdu.at, pdu.n);
	uint64_t tag = 0;
	smpp_read_u32(&reader);
	uint32_t command_id = smpp_read_u32(&reader);
	smpp_read_u32(&reader);
	uint32_t sequence_number = smpp_read_u32(&reader);
	bool ours = (direction == TAP_OUT) == !(command_id & SMPP_RESP_BIT);
	if (reader.bad || !ours || !link->session ||
	    !smpp_session_tag(link->session, sequence_number, &tag))
		return 0;
	return tag;
}

static void keep(struct tap *tap, const struct link *link, enum tap_direction direction,
		 int64_t at_ms, struct smpp_octets pdu)
{
	tap->passed++;
	tap->last = 0;
	if (!has_room(tap, pdu.n)) {
		tap->dropped++;
		return;
	}
	struct kept *kept = copy(tap, link, at_ms, pdu.at, pdu.n);
	kept->direction = direction;
	kept->tag = tag_of(link, direction, pdu);
	smpp_mask(tap->octets + kept->from % TAP_OCTETS, pdu.n, true, true);
	tap->last = tap->next - 1;
}

/* A provider's name stands before the '/' of its links' names. */
static bool wants(const struct tap_reader *reader, const char *link)
{
	size_t n = strlen(reader->link);
	return n == 0 ||
	       (strncmp(link, reader->link, n) == 0 && (link[n] == '\0' || link[n] == '/'));
}

bool tap_wants(const struct tap *tap, const struct link *link)
{
	if (!tap)
		return false;
	for (const struct tap_reader *reader = tap->readers; reader; reader = reader->next_reader)
		if (wants(reader, link->name))
			return true;
	return false;
}

void tap_octets(struct tap *tap, const struct link *link, enum tap_direction direction,
		int64_t at_ms, const uint8_t *octets, size_t n)
{
	if (!tap)
		return;
	tap->last = 0;
	if (!tap_wants(tap, link))
		return;
	while (n > 0) {
		uint32_t length;
		enum smpp_framing framing = smpp_frame(octets, n, TAP_PDU_OCTETS, &length);
		struct smpp_octets pdu = { .at = octets, .n = length };
		size_t taken = length;
		if (framing != SMPP_FRAME_OK) {
			pdu.n = n < SMPP_HEADER_OCTETS ? (uint32_t)n : SMPP_HEADER_OCTETS;
			taken = n;
		}
		keep(tap, link, direction, at_ms, pdu);
		octets += taken;
		n -= taken;
	}
}

void tap_note(struct tap *tap, const struct link *link, int64_t at_ms, uint64_t tag,
	      const char *format, ...)
{
	char text[TAP_NOTE_OCTETS];
	va_list args;
	if (!tap_wants(tap, link))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	uint32_t n = (uint32_t)strlen(text);
	if (!has_room(tap, n))
		return;
	struct kept *kept = copy(tap, link, at_ms, text, n);
	kept->note = true;
	kept->tag = tag;
}

uint64_t tap_last(const struct tap *tap)
{
	return tap ? tap->last : 0;
}

void tap_tell(struct tap *tap, uint64_t place, uint64_t tag)
{
	if (place && tap->records && place >= tap->first && place < tap->next)
		kept_at(tap, place)->tag = tag;
}

/* ---- reading ---- */

static bool start(struct tap *tap)
{
	if (tap->records)
		return true;
	tap->records = calloc(TAP_RECORDS, sizeof(*tap->records));
	tap->octets = malloc(TAP_OCTETS);
	if (tap->records && tap->octets)
		return true;
	forget(tap);
	return false;
}

struct tap_reader *tap_reader_new(struct tap *tap, const struct tap_want *want)
{
	const char *link = want->link ? want->link : "";
	if (tap->n_readers == TAP_READERS || strlen(link) >= TAP_LINK_OCTETS)
		return NULL;
	struct tap_reader *reader = calloc(1, sizeof(*reader));
	if (!reader || !start(tap)) {
		free(reader);
		return NULL;
	}
	reader->tap = tap;
	memcpy(reader->link, link, strlen(link) + 1);
	reader->text = want->text;
	reader->numbers = want->numbers;
	reader->next = tap->next;
	reader->seq = tap->passed;
	reader->next_reader = tap->readers;
	tap->readers = reader;
	tap->n_readers++;
	return reader;
}

void tap_reader_free(struct tap_reader *reader)
{
	if (!reader)
		return;
	struct tap *tap = reader->tap;
	struct tap_reader **at = &tap->readers;
	while (*at != reader)
		at = &(*at)->next_reader;
	*at = reader->next_reader;
	tap->n_readers--;
	if (!tap->readers)
		forget(tap);
	buffer_release(&reader->copy);
	free(reader);
}

/* Up to the PDU of that number all is told; `ours`: but for that one. */
static void advance(struct tap_reader *reader, uint64_t seq, bool ours)
{
	reader->dropped += seq - reader->seq - ours;
	reader->seq = seq;
}

static const struct kept *next_kept(struct tap_reader *reader)
{
	const struct tap *tap = reader->tap;
	if (reader->next < tap->first)
		reader->next = tap->first;
	while (reader->next < tap->next) {
		const struct kept *kept = kept_at(tap, reader->next++);
		advance(reader, kept->seq, !kept->note);
		if (wants(reader, kept->link))
			return kept;
	}
	return NULL;
}

bool tap_reader_next(struct tap_reader *reader, struct tap_record *record)
{
	const struct kept *kept;
	*record = (struct tap_record){ 0 };
	while ((kept = next_kept(reader))) {
		buffer_clear(&reader->copy);
		buffer_append(&reader->copy, reader->tap->octets + kept->from % TAP_OCTETS,
			      kept->n);
		if (!reader->copy.failed)
			break;
		reader->dropped++;
	}
	if (kept && !kept->note)
		smpp_mask(reader->copy.octets, kept->n, reader->text, reader->numbers);
	if (kept) {
		*record = (struct tap_record){ .at_ms = kept->at_ms,
					       .session = kept->session,
					       .link = kept->link,
					       .octets = reader->copy.octets,
					       .n = kept->n,
					       .note = kept->note,
					       .tag = kept->tag,
					       .direction = kept->direction };
	} else {
		advance(reader, reader->tap->passed, false);
	}
	record->seq = reader->seq;
	record->dropped = reader->dropped;
	reader->dropped = 0;
	return kept || record->dropped;
}

/* ---- what it costs ---- */

int64_t tap_allowance_us(struct tap *tap, int64_t now_us, uint64_t busy_us)
{
	if (now_us >= tap->period_us) {
		int64_t passed_us = now_us - tap->period_us + TAP_PERIOD_US;
		bool busy = (int64_t)(busy_us - tap->busy_us) >= passed_us / 2;
		tap->idle = busy ? 0 : tap->idle + passed_us / TAP_PERIOD_US;
		tap->left_us = TAP_PERIOD_US /
			       (tap->idle < TAP_IDLE_PERIODS ? TAP_BUSY_SHARE : TAP_IDLE_SHARE);
		tap->busy_us = busy_us;
		tap->period_us = now_us + TAP_PERIOD_US;
	}
	return tap->left_us;
}

void tap_took(struct tap *tap, int64_t took_us)
{
	tap->took_us += took_us;
	tap->left_us -= took_us < tap->left_us ? took_us : tap->left_us;
}

int64_t tap_resume_us(const struct tap *tap)
{
	return tap->period_us;
}

void tap_counts(const struct tap *tap, struct tap_counts *counts)
{
	*counts = (struct tap_counts){ .passed = tap->passed,
				       .dropped = tap->dropped,
				       .took_us = tap->took_us };
	if (tap->records)
		counts->octets = TAP_RECORDS * sizeof(*tap->records) + TAP_OCTETS;
	for (const struct tap_reader *reader = tap->readers; reader; reader = reader->next_reader)
		counts->octets += sizeof(*reader) + reader->copy.room;
}
