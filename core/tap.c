/* The ring behind core/tap.h, and its cursors. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/provider.h"
#include "core/tap.h"
#include "smpp/mask.h"
#include "smpp/pdu.h"

struct kept {
	int64_t at_ms;
	uint64_t session;
	uint64_t from; /* of its octets, counted from the first that were ever kept */
	uint32_t n;
	enum tap_direction direction;
	char link[TAP_LINK_OCTETS];
};

/*
 * Records `first` to `next` - 1 are there, each at its number modulo TAP_RECORDS. The octets of a
 * record lie in one piece, at `from` modulo TAP_OCTETS, and end before `end`.
 */
struct tap {
	struct tap_reader *readers;
	size_t n_readers;
	struct kept *records; /* NULL while nobody reads */
	uint8_t *octets;
	uint64_t first, next;
	uint64_t end;
};

struct tap_reader {
	struct tap_reader *next_reader;
	struct tap *tap;
	char link[TAP_LINK_OCTETS]; /* "": all */
	bool text, numbers;
	uint64_t next;	  /* record to read */
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

/* Room for a record of n octets in one piece; the oldest give way. */
static struct kept *make_room(struct tap *tap, uint32_t n)
{
	uint64_t from = tap->end;
	if (from % TAP_OCTETS + n > TAP_OCTETS)
		from += TAP_OCTETS - from % TAP_OCTETS;
	tap->end = from + n;
	while (tap->first < tap->next && (tap->next - tap->first == TAP_RECORDS ||
					  kept_at(tap, tap->first)->from + TAP_OCTETS < tap->end))
		tap->first++;
	struct kept *kept = kept_at(tap, tap->next++);
	kept->from = from;
	kept->n = n;
	return kept;
}

static void keep(struct tap *tap, const struct link *link, enum tap_direction direction,
		 int64_t at_ms, struct smpp_octets pdu)
{
	struct kept *kept = make_room(tap, pdu.n);
	uint8_t *octets = tap->octets + kept->from % TAP_OCTETS;

	static_assert(sizeof(kept->link) == sizeof(link->name), "a link's name fits a record");
	memcpy(kept->link, link->name, sizeof(kept->link));
	kept->at_ms = at_ms;
	kept->session = link->session_number;
	kept->direction = direction;
	memcpy(octets, pdu.at, pdu.n);
	smpp_mask(octets, pdu.n, true, true);
}

void tap_octets(struct tap *tap, const struct link *link, enum tap_direction direction,
		int64_t at_ms, const uint8_t *octets, size_t n)
{
	if (!tap || !tap->readers)
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

/* A provider's name stands before the '/' of its links' names. */
static bool wants(const struct tap_reader *reader, const struct kept *kept)
{
	size_t n = strlen(reader->link);
	return n == 0 || (strncmp(kept->link, reader->link, n) == 0 &&
			  (kept->link[n] == '\0' || kept->link[n] == '/'));
}

bool tap_reader_next(struct tap_reader *reader, struct tap_record *record)
{
	const struct tap *tap = reader->tap;
	if (reader->next < tap->first) {
		reader->dropped += tap->first - reader->next;
		reader->next = tap->first;
	}
	while (reader->next < tap->next) {
		uint64_t seq = reader->next++;
		const struct kept *kept = kept_at(tap, seq);
		if (!wants(reader, kept))
			continue;
		buffer_clear(&reader->copy);
		buffer_append(&reader->copy, tap->octets + kept->from % TAP_OCTETS, kept->n);
		if (reader->copy.failed) {
			reader->dropped++;
			continue;
		}
		smpp_mask(reader->copy.octets, kept->n, reader->text, reader->numbers);
		*record = (struct tap_record){ .seq = seq,
					       .at_ms = kept->at_ms,
					       .session = kept->session,
					       .dropped = reader->dropped,
					       .link = kept->link,
					       .octets = reader->copy.octets,
					       .n = kept->n,
					       .direction = kept->direction };
		reader->dropped = 0;
		return true;
	}
	return false;
}
