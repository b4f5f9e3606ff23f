/* Reading inbound messages back. See inbound_text.h. */
#include "core/inbound_text.h"

#include <stdlib.h>
#include <string.h>

#include "smpp/concat.h"

struct inbound_pdu *inbound_pdu_read(struct store_txn *txn, uint64_t seq)
{
	struct store_inbound rec = { .seq = seq };
	struct smpp_problem problem;
	if (store_inbound_get(txn, &rec) || rec.pdu.n > rec.pdu_octets)
		return NULL;
	struct inbound_pdu *pdu = malloc(sizeof(*pdu) + rec.pdu_octets);
	if (!pdu)
		return NULL;
	struct store_inbound_more more = { .seq = seq };
	pdu->rec = rec;
	pdu->rec.pdu = (struct store_octets){ pdu->octets, rec.pdu.n };
	if (rec.pdu.n)
		memcpy(pdu->octets, rec.pdu.at, rec.pdu.n);
	pdu->n = rec.pdu.n;
	for (; pdu->n < rec.pdu_octets; more.n++) {
		if (store_inbound_more_get(txn, &more) || !more.pdu.n ||
		    more.pdu.n > rec.pdu_octets - pdu->n)
			break;
		memcpy(pdu->octets + pdu->n, more.pdu.at, more.pdu.n);
		pdu->n += more.pdu.n;
	}
	if (pdu->n == rec.pdu_octets &&
	    smpp_pdu_decode(pdu->octets, pdu->n, &pdu->pdu, &problem) == SMPP_OK)
		return pdu;
	free(pdu);
	return NULL;
}

uint64_t inbound_part_seq(struct store_txn *txn, const struct store_inbound_message *message,
			  uint32_t part)
{
	struct store_inbound_part rec = { .first = message->first, .part = part };
	if (message->parts == 1)
		return message->first;
	return store_inbound_part_get(txn, &rec) ? 0 : rec.seq;
}

/* What stands between two gaps; an escape or a pair may have been cut apart between two parts. */
static bool decode(struct inbound_text *text, enum smpp_alphabet alphabet, size_t from)
{
	size_t n = text->octets.n - from;
	struct smpp_coding_buf out = { .cap = SMPP_CODING_UTF8_MAX(n) };
	if (!n || text->binary)
		return true;
	out.at = buffer_reserve(&text->utf8, out.cap);
	if (!out.at || smpp_coding_to_utf8(alphabet, text->octets.octets + from, n, &out))
		return false;
	text->utf8.n += out.n;
	text->odd = text->odd || out.flags;
	return true;
}

/* Appends the text of a part; false: it cannot be read. */
static bool append(struct store_txn *txn, uint64_t seq, struct inbound_text *text)
{
	struct smpp_concat_info info;
	struct inbound_pdu *pdu = inbound_pdu_read(txn, seq);
	if (!pdu)
		return false;
	smpp_concat_info(&pdu->pdu, &info);
	buffer_append(&text->octets, info.body.at, info.body.n);
	free(pdu);
	return true;
}

bool inbound_text_read(struct store_txn *txn, const struct store_inbound_message *message,
		       struct inbound_text *text)
{
	enum smpp_alphabet alphabet = (enum smpp_alphabet)message->alphabet;
	size_t from = 0;
	bool ok = true;
	*text = (struct inbound_text){ .binary = alphabet >= SMPP_ALPHABET_BINARY };
	for (uint32_t part = 1; part <= message->parts && ok; part++) {
		uint64_t seq = inbound_part_seq(txn, message, part);
		bool there = seq && append(txn, seq, text);
		text->unread += seq && !there;
		if (there)
			continue;
		ok = decode(text, alphabet, from);
		from = text->octets.n;
	}
	return ok && decode(text, alphabet, from) && !text->octets.failed;
}

void inbound_text_release(struct inbound_text *text)
{
	buffer_release(&text->octets);
	buffer_release(&text->utf8);
}
