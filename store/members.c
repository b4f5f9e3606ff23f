/*
 * The packed members of a release, see struct store_member in record.h. Each begins with an octet
 * that says what follows the usual way; a run of single segments of one order takes one octet each.
 *
 *   bit 0  same order as the one before, else: order, zigzag of its distance
 *   bit 1  same PDU as the one before, else: the next PDU
 *   bit 2  index one up (in another order: 0), else: index
 *   bit 3  segment 0, else: segment
 *   bit 4  attempt 1, else: attempt
 */
#include "store/record.h"

#include <assert.h>
#include <string.h>

enum {
	SAME_ORDER = 1,
	SAME_PDU = 2,
	NEXT_INDEX = 4,
	FIRST_SEGMENT = 8,
	FIRST_ATTEMPT = 16,
	ALL_BITS = 31,
};

#define MEMBER_OCTETS 23 /* longest: control, 10 of order, 5 of index, 2 of segment, 5 of attempt */

/* The one before the first: with it, the first member of a record follows the same rules. */
static const struct store_member none = { .index = UINT32_MAX, .pdu = UINT32_MAX };

void store_members_init(struct store_members *members, uint8_t *at, size_t cap)
{
	*members = (struct store_members){ .at = at, .cap = cap, .last = none };
}

static size_t put_varint(uint8_t *at, uint64_t number)
{
	size_t n = 0;

	for (; number >= 0x80; number >>= 7)
		at[n++] = (uint8_t)(number | 0x80);
	at[n++] = (uint8_t)number;
	return n;
}

bool store_members_add(struct store_members *members, const struct store_member *member)
{
	const struct store_member *last = &members->last;
	uint64_t far = member->order - last->order;
	bool same = far == 0;
	bool next = member->index == (same ? last->index + 1 : 0);
	uint8_t octets[MEMBER_OCTETS];
	size_t n = 1;

	assert(member->pdu == last->pdu + 1 || (member->pdu == last->pdu && members->n > 0));
	octets[0] = (uint8_t)((same ? SAME_ORDER : 0) | (member->pdu == last->pdu ? SAME_PDU : 0) |
			      (next ? NEXT_INDEX : 0) | (member->segment == 0 ? FIRST_SEGMENT : 0) |
			      (member->attempt == 1 ? FIRST_ATTEMPT : 0));
	if (!same)
		n += put_varint(octets + n, far << 1 ^ (0 - (far >> 63)));
	if (!next)
		n += put_varint(octets + n, member->index);
	if (member->segment != 0)
		n += put_varint(octets + n, member->segment);
	if (member->attempt != 1)
		n += put_varint(octets + n, member->attempt);
	if (members->cap - members->n < n)
		return false;
	memcpy(members->at + members->n, octets, n);
	members->n += n;
	members->last = *member;
	return true;
}

void store_members_read(struct store_members_reader *reader, struct store_octets members)
{
	*reader = (struct store_members_reader){ .at = members.at, .n = members.n, .last = none };
}

/* At the end, or over `most`, the reader is bad and the number 0. */
static uint64_t get_varint(struct store_members_reader *r, uint64_t most)
{
	uint64_t number = 0;

	for (unsigned shift = 0; r->n > 0 && shift <= 63; shift += 7) {
		uint8_t octet = *r->at++;

		r->n--;
		number |= (uint64_t)(octet & 0x7f) << shift;
		if (octet < 0x80) {
			r->bad |= number > most;
			return r->bad ? 0 : number;
		}
	}
	r->bad = true;
	return 0;
}

bool store_members_next(struct store_members_reader *r, struct store_member *member)
{
	struct store_member m = r->last;

	if (r->bad || r->n == 0)
		return false;
	uint8_t bits = *r->at++;

	r->n--;
	r->bad |= bits > ALL_BITS || (bits & SAME_PDU && m.pdu == none.pdu);
	if (!(bits & SAME_ORDER)) {
		uint64_t far = get_varint(r, UINT64_MAX);

		m.order += far >> 1 ^ (0 - (far & 1));
		m.index = UINT32_MAX;
	}
	m.pdu += bits & SAME_PDU ? 0 : 1;
	m.index = bits & NEXT_INDEX ? m.index + 1 : (uint32_t)get_varint(r, UINT32_MAX);
	m.segment = bits & FIRST_SEGMENT ? 0 : (uint8_t)get_varint(r, UINT8_MAX);
	m.attempt = bits & FIRST_ATTEMPT ? 1 : (uint32_t)get_varint(r, UINT32_MAX);
	if (r->bad)
		return false;
	r->last = m;
	*member = m;
	return true;
}
