/* What all views share. */
#include "tools/trace_view.h"

#include <inttypes.h>
#include <string.h>

#include "core/json.h"
#include "smpp/mask.h"
#include "smpp/status.h"
#include "tools/trace_facts.h"
#include "tools/trace_own.h"

typedef void view_fn(struct trace_view *view, const struct flow_event *event);

static view_fn *const views[] = {
	[TRACE_LINE] = trace_view_line,	    [TRACE_BLOCK] = trace_view_block,
	[TRACE_LADDER] = trace_view_ladder, [TRACE_JSON] = trace_view_json,
	[TRACE_FIELDS] = trace_view_fields, [TRACE_CSV] = trace_view_fields,
};

void trace_view_event(struct trace_view *view, const struct flow_event *event)
{
	if (event->kind == FLOW_PDU &&
	    !trace_read(&view->reading, event->pdu, view->print.show_text,
			view->print.show_numbers)) {
		view->out.failed = true;
		return;
	}
	views[view->format](view, event);
}

void trace_view_release(struct trace_view *view)
{
	trace_reading_release(&view->reading);
	buffer_release(&view->scratch);
	buffer_release(&view->object);
	buffer_release(&view->out);
}

const char *trace_printed(struct trace_view *view, trace_print_fn *print)
{
	size_t room = smpp_print_room(&view->reading.pdu);
	struct smpp_print_options options = view->print;
	struct smpp_print_out out;
	char *at;

	options.of_facts = view->reading.facts != NULL;
	buffer_clear(&view->scratch);
	at = (char *)buffer_reserve(&view->scratch, room);
	if (!at) {
		view->out.failed = true;
		return "";
	}
	out = smpp_print_out_of(at, room);
	print(&out, &view->reading.pdu, &options);
	return at;
}

void trace_put_quoted(struct buffer *out, struct smpp_octets octets)
{
	buffer_text(out, "\"");
	for (uint32_t i = 0; i < octets.n; i++) {
		uint8_t octet = octets.at[i];

		if (octet < 0x20 || octet > 0x7E || octet == '"' || octet == '\\')
			buffer_format(out, "\\x%02x", octet);
		else
			buffer_append(out, &octet, 1);
	}
	buffer_text(out, "\"");
}

void trace_put_answer(struct buffer *out, const struct trace_reading *reading)
{
	struct smpp_status status = smpp_status(reading->problem.status);

	switch (reading->answer) {
	case TRACE_ANSWER_NONE:
		return;
	case TRACE_ANSWER_RESP:
	case TRACE_ANSWER_CLOSE:
		buffer_format(out, "%s 0x%08" PRIx32 " %s (%s)", reading->answer_command->name,
			      reading->problem.status, status.name ? status.name : "",
			      status.meaning);
		if (reading->answer == TRACE_ANSWER_CLOSE)
			buffer_text(out, ", sequence_number 0, and the link is closed");
		return;
	case TRACE_ANSWER_WAIT:
		buffer_text(out, "none yet; the link is closed if the rest does not come in time");
		return;
	case TRACE_ANSWER_NEVER:
		buffer_text(out, "none, for responses are not answered");
		return;
	}
}

void trace_put_part(struct buffer *out, const struct trace_reading *reading)
{
	const struct smpp_concat_info *part = &reading->part;

	buffer_format(out, " part=%u/%u", part->seqnum, part->total);
	if (reading->facts == NULL)
		buffer_format(out, "(reference %u)", part->ref);
}

const char *trace_part_method(enum smpp_concat_method method)
{
	switch (method) {
	case SMPP_CONCAT_UDH8:
		return "UDH, 8-bit reference";
	case SMPP_CONCAT_UDH16:
		return "UDH, 16-bit reference";
	case SMPP_CONCAT_SAR:
		return "sar_* TLVs";
	case SMPP_CONCAT_NONE:
	case SMPP_CONCAT_PAYLOAD:
		break;
	}
	return "none";
}

const char *trace_command_name(uint32_t command_id)
{
	const struct smpp_command *command = smpp_command(command_id);

	return command != NULL ? command->name : "unknown";
}

/* ---- places, numbers, times ---- */

static const char *const arrows[] = {
	[TRACE_UNKNOWN] = "--",
	[TRACE_IN] = "<-",
	[TRACE_OUT] = "->",
};

/* The hours and smaller; a day is told by the block and by JSON. */
static void put_where(struct buffer *out, int64_t at_us, const char *link, uint64_t session,
		      enum trace_direction direction)
{
	char time[25];

	json_time_text(at_us / 1000, time);
	buffer_format(out, "%.12s", time + 11);
	if (link[0] != '\0')
		buffer_format(out, " %s#%" PRIu64 " %s", link, session, arrows[direction]);
}

void trace_put_place(struct buffer *out, const struct trace_pdu *pdu)
{
	if (pdu->at_us == 0)
		buffer_format(out, "@%" PRIu64, pdu->offset);
	else
		put_where(out, pdu->at_us, pdu->link, pdu->session, pdu->direction);
}

void trace_put_words(struct buffer *out, const char *words)
{
	size_t n = strlen(words), room = SMPP_PRINT_WORDS_ROOM(n);
	char *at = (char *)buffer_reserve(out, room);
	struct smpp_print_out text;

	if (!at)
		return;
	text = smpp_print_out_of(at, room);
	smpp_print_words(&text, words, n);
	out->n += text.n;
}

void trace_put_number(struct buffer *out, const char *number, bool show)
{
	size_t n = strlen(number);
	size_t hidden = show || n < SMPP_MASK_DIGITS_SHOWN ? 0 : n - SMPP_MASK_DIGITS_SHOWN;

	if (!show && n < SMPP_MASK_DIGITS_SHOWN)
		hidden = n;
	for (size_t i = 0; i < n; i++) {
		char c = i < hidden ? SMPP_MASK_NUMBER_OCTET : number[i];

		if (c < 0x20 || c > 0x7E)
			buffer_format(out, "\\x%02x", (unsigned)(uint8_t)c);
		else
			buffer_append(out, &c, 1);
	}
}

void trace_put_whose(struct buffer *out, const struct flow_request *request, bool show_numbers)
{
	if (flow_is_submit(request->command_id)) {
		buffer_text(out, " to=");
		trace_put_number(out, request->to, show_numbers);
	}
	if (request->message[0] != '\0') {
		buffer_text(out, " msg=");
		trace_put_number(out, request->message, true);
	}
}

void trace_put_ms(struct buffer *out, int64_t us)
{
	if (us % 1000 == 0)
		buffer_format(out, "%" PRId64 "ms", us / 1000);
	else
		buffer_format(out, "%.3fms", (double)us / 1000);
}

/* ---- what PDUs have to do with one another ---- */

void trace_put_rule(struct buffer *out, const struct flow_event *event)
{
	static const char *const words[] = {
		[SMPP_ID_ANY] = "the same",
		[SMPP_ID_EXACT] = "the same",
		[SMPP_ID_HEX_TO_DEC] = "decimal",
		[SMPP_ID_DEC_TO_HEX] = "hex",
	};

	const struct trace_facts *facts = event->pdu->facts;

	if (event->id.n > 0)
		trace_put_quoted(out, event->id);
	if (event->rule != SMPP_ID_ANY && event->submit->id[0] != '\0')
		buffer_format(out, "%s%s %s", event->id.n > 0 ? " = " : "", words[event->rule],
			      event->submit->id);
	else if (facts != NULL && facts->rule_text != NULL)
		buffer_format(out, "%s%s", event->id.n > 0 ? ", " : "", facts->rule_text);
}

static void put_request(struct trace_view *view, const struct flow_event *event)
{
	const struct flow_request *request = event->request;
	struct buffer *out = &view->out;

	buffer_format(out, " of #%" PRIu64, request->number);
	if (flow_is_submit(request->command_id)) {
		buffer_text(out, " to=");
		trace_put_number(out, request->to, view->print.show_numbers);
	}
	if (event->late)
		buffer_text(out, " late");
}

static void put_join(struct trace_view *view, const struct flow_event *event)
{
	struct buffer *out = &view->out;

	switch (event->join) {
	case FLOW_JOIN_NONE:
		return;
	case FLOW_JOIN_UNKNOWN:
		buffer_text(out, " of no submit that was seen");
		return;
	case FLOW_JOIN_AMBIGUOUS:
		buffer_text(out, " of one of several submits: its id fits them in another base");
		return;
	case FLOW_JOIN_SUBMIT:
		break;
	}
	buffer_format(out, " of #%" PRIu64 " (", event->submit->number);
	trace_put_rule(out, event);
	buffer_text(out, ") after ");
	trace_put_ms(out, event->delay_us);
	if (event->other_link)
		buffer_format(out, ", submitted on %s#%" PRIu64, event->submit->link,
			      event->submit->session);
}

static void put_history(struct buffer *out, const struct flow_event *event)
{
	if (event->early != 0) {
		buffer_format(out, " receipt=#%" PRIu64 " (came before it by ", event->early);
		trace_put_ms(out, event->early_us);
		buffer_text(out, ")");
	}
	if (event->again != 0) {
		char text[SMPP_STATUS_TEXT_OCTETS];

		buffer_format(out, " again=#%" PRIu64 " (%s)", event->again,
			      event->again_in_doubt ? "unanswered" :
						      smpp_status_text(event->again_status, text));
	}
	if (event->pause_us >= 0) {
		buffer_text(out, " pause=");
		trace_put_ms(out, event->pause_us);
		buffer_text(out, " (the first since a throttle)");
	}
}

/* What only the daemon can know of it. */
static void put_facts(struct buffer *out, const struct trace_facts *facts)
{
	if (facts->attempt > 1 && facts->released_ms >= 0)
		buffer_format(out, " attempt=%" PRIu32, facts->attempt);
	if (facts->released_ms > 0)
		buffer_format(out, " (released %" PRId64 "ms before)", facts->released_ms);
	if (facts->mark != NULL)
		buffer_format(out, " mark=%s", facts->mark);
}

static void put_held(struct buffer *out, const struct flow_event *event)
{
	if (event->held_us < FLOW_HELD_US || event->window == 0)
		return;
	buffer_format(out, " (%" PRIu32 " waited ", event->window);
	trace_put_ms(out, event->held_us);
	buffer_text(out, " for it)");
}

void trace_put_relations(struct trace_view *view, const struct flow_event *event)
{
	struct buffer *out = &view->out;
	const char *message = event->pdu->message;

	if (event->parts_seen > 1)
		buffer_format(out, " of #%" PRIu64, event->first_part);
	put_join(view, event);
	put_history(out, event);
	if (event->pdu->at_us != 0 && event->window > 0)
		buffer_format(out, " window=%" PRIu32, event->window);
	if (event->pairing == FLOW_PAIR_ANSWER) {
		put_request(view, event);
		message = message[0] != '\0' ? message : event->request->message;
	} else if (event->submit != NULL && message[0] == '\0') {
		message = event->submit->message;
	}
	if (message[0] != '\0') {
		buffer_text(out, " msg=");
		trace_put_number(out, message, true);
	}
	if (event->pairing == FLOW_PAIR_ANSWER && event->pdu->at_us != 0) {
		buffer_text(out, " rtt=");
		trace_put_ms(out, event->rtt_us);
		put_held(out, event);
	}
	if (event->pairing == FLOW_PAIR_UNASKED)
		buffer_text(out, " rtt=? (its request was not seen)");
	if (event->pdu->facts != NULL)
		put_facts(out, event->pdu->facts);
	if (event->pdu->dropped > 0)
		buffer_format(out, " (%" PRIu64 " dropped before it)", event->pdu->dropped);
	if (event->pdu->lost > 0)
		buffer_format(out, " (%" PRIu64 " octets lost before it)", event->pdu->lost);
}

void trace_put_silence(struct trace_view *view, const struct flow_event *event)
{
	static const char *const whys[] = {
		[FLOW_WHY_TIME] = "is not answered in time",
		[FLOW_WHY_CLOSED] = "will not be answered, for the connection has ended",
		[FLOW_WHY_END] = "was not answered until the end of the recording",
		[FLOW_WHY_REUSED] = "was not answered until its sequence_number was used again",
		[FLOW_WHY_FORGOTTEN] = "is no longer watched, for too many are open",
		[FLOW_WHY_GIVEN_UP] = "is no longer waited for",
	};
	const struct flow_request *request = event->request;
	struct buffer *out = &view->out;

	buffer_format(out, "!! %s sequence_number=%" PRIu32 " (#%" PRIu64 ")",
		      trace_command_name(request->command_id), request->sequence_number,
		      request->number);
	trace_put_whose(out, request, view->print.show_numbers);
	buffer_format(out, " %s", whys[event->why]);
	if (event->at_us != 0) {
		buffer_text(out, ", after ");
		trace_put_ms(out, event->rtt_us);
	}
	if (event->note != NULL) {
		buffer_text(out, ": ");
		trace_put_words(out, event->note);
	}
	if (flow_is_submit(request->command_id))
		buffer_text(out, ": it may have been sent");
}

void trace_put_note(struct buffer *out, const struct trace_pdu *pdu)
{
	buffer_text(out, "* ");
	trace_put_words(out, pdu->note);
	if (pdu->facts != NULL && pdu->facts->part.total > 1)
		buffer_format(out, " part=%u/%u", pdu->facts->part.seqnum, pdu->facts->part.total);
	if (pdu->message[0] != '\0') {
		buffer_text(out, " msg=");
		trace_put_number(out, pdu->message, true);
	}
}

void trace_put_unanswered(struct trace_view *view, const struct flow_event *event)
{
	const struct flow_request *request = event->request;

	if (event->at_us != 0)
		put_where(&view->out, event->at_us, request->link, request->session,
			  request->direction);
	buffer_text(&view->out, " ");
	trace_put_silence(view, event);
	buffer_text(&view->out, "\n");
}

void trace_put_closed(struct buffer *out, const struct trace_pdu *pdu)
{
	static const char *const whos[] = {
		[TRACE_UNKNOWN] = "one end",
		[TRACE_IN] = "the carrier",
		[TRACE_OUT] = "us",
	};

	buffer_format(out, "closed by %s (%s)", whos[pdu->direction],
		      pdu->kind == TRACE_RST ? "RST" : "FIN");
}
