/* See tools/trace_split.h. */
#include "tools/trace_split.h"

#include "smpp/pdu.h"

static enum trace_framing framing_of(const uint8_t *octets, size_t n, uint32_t *length)
{
	switch (smpp_frame(octets, n, TRACE_PDU_OCTETS, length)) {
	case SMPP_FRAME_OK:
		return TRACE_WHOLE;
	case SMPP_FRAME_MORE:
		return TRACE_CUT;
	case SMPP_FRAME_LOST:
		break;
	}
	return TRACE_LOST;
}

bool trace_split_next(struct trace_split *split, struct trace_pdu *pdu)
{
	size_t left = split->n - split->next;
	uint32_t length;

	if (left == 0)
		return false;
	*pdu = (struct trace_pdu){ .number = ++split->number,
				   .offset = split->next,
				   .message = "",
				   .octets = split->octets + split->next };
	pdu->framing = framing_of(pdu->octets, left, &length);
	pdu->n = pdu->framing == TRACE_WHOLE ? length : (uint32_t)left;
	split->next += pdu->n;
	return true;
}
