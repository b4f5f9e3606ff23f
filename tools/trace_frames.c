/* See tools/trace_frames.h. */
#include "tools/trace_frames.h"

#include "smpp/pdu.h"

void trace_frames_release(struct trace_frames *frames)
{
	buffer_release(&frames->pending);
}

static void forget_given(struct trace_frames *frames)
{
	if (frames->given)
		buffer_clear(&frames->pending);
	frames->given = false;
}

static uint32_t u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Is this the beginning of a PDU, as far as its first octets tell? */
static bool looks_like_pdu(const struct trace_frames *frames, const uint8_t *octets, size_t n)
{
	uint32_t length = n >= 4 ? u32(octets) : SMPP_HEADER_OCTETS;

	if (length < SMPP_HEADER_OCTETS || length > SMPP_MAX_PDU_OCTETS)
		return false;
	return n < 8 || frames->is_smpp || smpp_command(u32(octets + 4)) != NULL;
}

void trace_frames_add(struct trace_frames *frames, const uint8_t *octets, size_t n)
{
	forget_given(frames);
	frames->at = 0;
	frames->octets = octets;
	frames->n = n;
	if (frames->pending.n == 0)
		return;
	buffer_append(&frames->pending, octets, n);
	frames->octets = frames->pending.octets;
	frames->n = frames->pending.n;
}

/* What is left is kept for the octets to come. */
static bool keep_rest(struct trace_frames *frames)
{
	struct buffer *pending = &frames->pending;

	if (pending->n > 0)
		buffer_drop(pending, frames->at);
	else
		buffer_append(pending, frames->octets + frames->at, frames->n - frames->at);
	frames->octets = NULL;
	return false;
}

bool trace_frames_next(struct trace_frames *frames, struct trace_frame *frame)
{
	const uint8_t *octets = frames->octets + frames->at;
	size_t n = frames->n - frames->at;
	uint32_t length = 0;

	if (frames->octets == NULL)
		return false;
	if (n > 0 && !frames->synced && !looks_like_pdu(frames, octets, n)) {
		frames->lost += n;
		frames->at = frames->n;
		n = 0;
	}
	if (n == 0)
		return keep_rest(frames);
	frames->synced = frames->synced || n >= 8;
	switch (smpp_frame(octets, n, frames->most, &length)) {
	case SMPP_FRAME_OK:
		frame->framing = TRACE_WHOLE;
		frame->command_id = u32(octets + 4);
		break;
	case SMPP_FRAME_MORE:
		return keep_rest(frames);
	case SMPP_FRAME_LOST:
		frame->framing = TRACE_LOST;
		frames->synced = false;
		length = (uint32_t)n;
		break;
	}
	frame->octets = octets;
	frame->n = length;
	frames->at += length;
	return true;
}

bool trace_frames_cut(struct trace_frames *frames, struct trace_frame *frame)
{
	forget_given(frames);
	frames->synced = false;
	frames->given = frames->pending.n > 0;
	frame->framing = TRACE_CUT;
	frame->octets = frames->pending.octets;
	frame->n = (uint32_t)frames->pending.n;
	return frames->given;
}

void trace_frames_skip(struct trace_frames *frames, uint64_t n)
{
	forget_given(frames);
	buffer_clear(&frames->pending);
	frames->synced = false;
	frames->lost += n;
}
