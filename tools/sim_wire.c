/* The line of tools/sim_wire.h. */
#include "tools/sim_wire.h"

#include <assert.h>
#include <stdlib.h>

#include "tools/sim_smsc.h"

/* Octets that wait for the link; then the session keeps the rest and notices. */
#define OUT_OCTETS (256u << 10)

void sim_wire_clear(struct sim_wire *wire)
{
	while (wire->shapes != NULL) {
		struct sim_shape *shape = wire->shapes;

		wire->shapes = shape->next;
		free(shape);
	}
	buffer_release(&wire->out);
	buffer_release(&wire->held);
}

/* ---- shapes ---- */

void sim_wire_shape(struct sim_wire *wire, const struct sim_step *step, uint32_t sequence_number,
		    uint32_t count)
{
	struct sim_shape **end = &wire->shapes;

	for (; *end != NULL; end = &(*end)->next)
		if ((*end)->sequence_number == sequence_number)
			return;
	*end = sim_grow(NULL, 0, sizeof(**end));
	**end = (struct sim_shape){ .step = step,
				    .sequence_number = sequence_number,
				    .count = count };
}

/* Takes the shape of this answer off the list; false: it has none. */
static bool take_shape(struct sim_wire *wire, uint32_t sequence_number, struct sim_shape *out)
{
	struct sim_shape **at = &wire->shapes;

	while (*at != NULL && (*at)->sequence_number != sequence_number)
		at = &(*at)->next;
	if (*at == NULL)
		return false;
	*out = **at;
	free(*at);
	*at = out->next;
	return true;
}

/* ---- PDUs in ---- */

static void note_out(struct sim_smsc *smsc, struct sim_link *link, const uint8_t *octets, size_t n)
{
	uint32_t length = 0;

	link->wire.put_octets += n;
	if (smpp_frame(octets, n, SMPP_MAX_PDU_OCTETS, &length) == SMPP_FRAME_OK && length == n) {
		struct smpp_reader header = smpp_reader_of(octets + 4, 4);

		uint32_t command_id = smpp_read_u32(&header);

		sim_smsc_count(smsc->stats.out, command_id);
		link->strict.answered += command_id >> 31;
		sim_log_pdu(smsc->log, link->number, port_now_ms(smsc->port), link->wire.put_octets,
			    octets, n);
	} else {
		sim_log_octets(smsc->log, link->number, port_now_ms(smsc->port),
			       link->wire.put_octets, octets, n);
	}
}

void sim_wire_put(struct sim_smsc *smsc, struct sim_link *link, const uint8_t *octets, size_t n,
		  uint32_t cut)
{
	size_t whole = n;

	if (link->wire.muted || n == 0)
		return;
	if (cut == SIM_CUT_HALF)
		n = n / 2;
	else if (cut != 0 && cut < n)
		n = cut;
	note_out(smsc, link, octets, n);
	buffer_append(&link->wire.out, octets, n);
	link->wire.muted = n < whole;
}

static void hold_back(struct sim_smsc *smsc, struct sim_link *link, const struct sim_step *step,
		      const uint8_t *octets, size_t n)
{
	struct sim_wire *wire = &link->wire;
	struct buffer held = { 0 };

	buffer_append(&held, octets, n);
	buffer_append(&held, wire->held.octets, wire->held.n);
	buffer_release(&wire->held);
	wire->held = held;
	if (++wire->held_count >= step->n)
		sim_wire_release_held(smsc, link);
	else if (wire->held_count == 1 && step->has_after)
		sim_act_later(smsc, link, step, NULL, 0);
}

/* The answer as its step wants it. */
static void change(struct sim_smsc *smsc, struct sim_link *link, const struct sim_shape *shape,
		   const uint8_t *octets, size_t n)
{
	const struct sim_step *step = shape->step;
	struct buffer changed = { 0 };
	struct smpp_problem problem;
	struct smpp_pdu pdu;
	struct sim_subject subject = { .pdu = &pdu,
				       .wall_ms = port_wall_ms(smsc->port),
				       .link = link->number,
				       .count = shape->count };

	if (smpp_pdu_decode(octets, n, &pdu, &problem) != SMPP_OK)
		assert(!"the session answers in whole PDUs");
	/* What was cut off an answer that is refused is not what the template asks about. */
	pdu.body_absent = n == SMPP_HEADER_OCTETS;
	sim_pdu_render(&step->pdu, &pdu, &subject, true, &changed);
	for (uint32_t i = 0; i < step->times; i++) {
		if (step->after_ms > 0)
			sim_act_later(smsc, link, step, changed.octets, changed.n);
		else
			sim_wire_put(smsc, link, changed.octets, changed.n, step->cut);
	}
	buffer_release(&changed);
}

static void route(struct sim_smsc *smsc, struct sim_link *link, const uint8_t *octets, size_t n)
{
	struct smpp_reader header = smpp_reader_of(octets, SMPP_HEADER_OCTETS);
	struct sim_shape shape;
	uint32_t command_id;

	smpp_read_u32(&header);
	command_id = smpp_read_u32(&header);
	smpp_read_u32(&header);
	if ((command_id & SMPP_RESP_BIT) == 0 ||
	    !take_shape(&link->wire, smpp_read_u32(&header), &shape)) {
		sim_wire_put(smsc, link, octets, n, 0);
		return;
	}
	if (shape.step->verb == SIM_VERB_ANSWER)
		change(smsc, link, &shape, octets, n);
	else if (shape.step->verb == SIM_VERB_REVERSE)
		hold_back(smsc, link, shape.step, octets, n);
}

void sim_wire_take(struct sim_smsc *smsc, struct sim_link *link, int64_t now_ms)
{
	struct smpp_output output;
	uint32_t length;

	if (link->wire.out.n >= OUT_OCTETS)
		return;
	smpp_session_output(link->session, now_ms, &output);
	for (size_t at = 0; at < output.n; at += length) {
		struct smpp_reader header = smpp_reader_of(output.at + at, SMPP_HEADER_OCTETS);

		length = smpp_read_u32(&header);
		assert(length >= SMPP_HEADER_OCTETS && length <= output.n - at);
		route(smsc, link, output.at + at, length);
	}
	smpp_session_wrote(link->session, output.n);
}

void sim_wire_release_held(struct sim_smsc *smsc, struct sim_link *link)
{
	struct sim_wire *wire = &link->wire;
	uint32_t length;

	for (size_t at = 0; at < wire->held.n; at += length) {
		struct smpp_reader header = smpp_reader_of(wire->held.octets + at, 4);

		length = smpp_read_u32(&header);
		sim_wire_put(smsc, link, wire->held.octets + at, length, 0);
	}
	buffer_clear(&wire->held);
	wire->held_count = 0;
}

/* ---- octets out ---- */

static bool drips(const struct sim_wire *wire, int64_t now_ms)
{
	return wire->drip_per_s != 0 && now_ms < wire->drip_until_ms;
}

/* Octets that may leave now. */
static size_t granted(struct sim_wire *wire, int64_t now_ms)
{
	int64_t n;

	if (!drips(wire, now_ms)) {
		wire->drip_per_s = 0;
		return wire->out.n;
	}
	n = (now_ms - wire->drip_ms) * wire->drip_per_s / 1000;
	if (wire->out.n == 0) {
		wire->drip_ms = now_ms; /* nothing is saved up */
		return 0;
	}
	wire->drip_ms += n * 1000 / wire->drip_per_s;
	return (size_t)n < wire->out.n ? (size_t)n : wire->out.n;
}

void sim_wire_write(struct sim_smsc *smsc, struct sim_link *link, int64_t now_ms)
{
	struct sim_wire *wire = &link->wire;
	size_t n = granted(wire, now_ms);

	if (n > 0)
		buffer_drop(&wire->out, port_write(smsc->port, link->id, wire->out.octets, n));
	if (wire->out.n > 0)
		return;
	if (wire->ending == SIM_RESETS && wire->sent_octets == wire->put_octets)
		port_reset(smsc->port, link->id);
	if (wire->ending == SIM_CLOSES)
		port_close(smsc->port, link->id);
}

int64_t sim_wire_deadline_ms(const struct sim_wire *wire)
{
	int64_t first_ms = wire->deaf_until_ms == 0 ? INT64_MAX : wire->deaf_until_ms;

	if (wire->drip_per_s == 0 || wire->out.n == 0)
		return first_ms;
	if (wire->drip_ms + 1000 / wire->drip_per_s + 1 < first_ms)
		first_ms = wire->drip_ms + 1000 / wire->drip_per_s + 1;
	return first_ms;
}

bool sim_wire_reads(struct sim_wire *wire, int64_t now_ms)
{
	if (now_ms >= wire->deaf_until_ms)
		wire->deaf_until_ms = 0; /* over: no time to wake for */
	return wire->deaf_until_ms == 0;
}
