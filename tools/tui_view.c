/* State and drawing. See tools/tui_view.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "tools/trace_own.h"
#include "tools/tui_own.h"

#define CHROME_ROWS 4 /* two headings; messages, keys */
#define RUNGS_LEAST 20
#define RUNGS_MOST  56
#define REST_LEAST  16 /* columns for what stands behind an arrow */

/* ---- state ---- */

enum tui_pane tui_pane(const struct tui *tui)
{
	return tui->panes[tui->depth - 1];
}

bool tui_has_rows(const struct tui *tui)
{
	enum tui_pane pane = tui_pane(tui);

	return pane == TUI_LIST || pane == TUI_SESSIONS || pane == TUI_LADDER;
}

/* A screen too low for headings has rows only. */
size_t tui_body_rows(const struct tui *tui)
{
	return tui->rows > CHROME_ROWS ? tui->rows - CHROME_ROWS : tui->rows;
}

void tui_init(struct tui *tui, size_t rows, size_t columns)
{
	tui->view.format = TRACE_BLOCK;
	tui->view.print = tui->print;
	tui->depth = 1;
	tui->panes[0] = TUI_LIST;
	tui_resize(tui, rows, columns);
}

void tui_resize(struct tui *tui, size_t rows, size_t columns)
{
	tui->rows = rows < 1 ? 1 : rows > TUI_ROWS ? TUI_ROWS : rows;
	tui->columns = columns < 1 ? 1 : columns > TUI_COLUMNS ? TUI_COLUMNS : columns;
}

void tui_release(struct tui *tui)
{
	tui_keep_release(&tui->keep);
	trace_view_release(&tui->view);
	trace_reading_release(&tui->reading);
	filter_free(tui->filter);
	buffer_release(&tui->text);
}

static bool choose(struct tui *tui, struct tui_item *item)
{
	struct flow_event event;

	if (!tui_item_event(item, &tui->reading, &event))
		return false;
	item->holds = tui->filter == NULL || filter_holds(tui->filter, &event);
	tui->blind += !item->holds && filter_is_blind(tui->filter, &event);
	return true;
}

void tui_set_filter(struct tui *tui, struct filter *filter, const char *text)
{
	filter_free(tui->filter);
	tui->filter = filter;
	snprintf(tui->filter_text, sizeof(tui->filter_text), "%s", text);
	tui->blind = 0;
	for (uint64_t place = tui->keep.first; place < tui->keep.end; place++)
		choose(tui, tui_keep_at(&tui->keep, place));
	if (tui->blind > 0)
		snprintf(tui->message, sizeof(tui->message),
			 "%" PRIu64 " PDUs came masked, and the filter cannot look at them",
			 tui->blind);
}

bool tui_add(struct tui *tui, const struct flow_event *event)
{
	struct tui_item *item;

	if (tui->paused) {
		tui->missed += event->kind == FLOW_PDU;
		return true;
	}
	item = tui_keep_add(&tui->keep, event);
	if (item == NULL || !choose(tui, item))
		return false;
	if (tui->live && tui->follows && tui_pane(tui) != TUI_SESSIONS && tui_shown(tui, item))
		tui->cursor = tui->keep.end - 1;
	return true;
}

bool tui_shown(const struct tui *tui, const struct tui_item *item)
{
	if (tui_pane(tui) == TUI_LIST)
		return item->holds;
	if (tui_pane(tui) == TUI_SESSIONS)
		return item->leads;
	return tui_item_session(item) == tui->session && !strcmp(tui_item_link(item), tui->link);
}

bool tui_seek(const struct tui *tui, uint64_t *place, bool back)
{
	uint64_t at = *place < tui->keep.first ? tui->keep.first : *place;

	if (back && at >= tui->keep.end && tui->keep.end > 0)
		at = tui->keep.end - 1;
	for (; at >= tui->keep.first && at < tui->keep.end; at += back ? UINT64_MAX : 1) {
		if (tui_shown(tui, tui_keep_at(&tui->keep, at))) {
			*place = at;
			return true;
		}
	}
	return false;
}

size_t tui_step(const struct tui *tui, uint64_t *place, size_t rows, bool back)
{
	size_t n = 0;

	for (uint64_t at = *place; n < rows; n++) {
		if (back && at == 0)
			return n;
		at += back ? UINT64_MAX : 1;
		if (at < tui->keep.first || !tui_seek(tui, &at, back))
			return n;
		*place = at;
	}
	return n;
}

void tui_settle(struct tui *tui)
{
	uint64_t at = tui->cursor, top, next;
	size_t room = tui_body_rows(tui);

	tui->follows = true;
	if (!tui_seek(tui, &at, false) && !tui_seek(tui, &at, true))
		return;
	tui->cursor = at;
	next = at + 1;
	tui->follows = !tui_seek(tui, &next, false);
	top = tui->top > at ? at : tui->top;
	tui_seek(tui, &top, false);
	/* The cursor is on the screen... */
	tui_step(tui, &at, room - 1, true);
	top = top > at ? top : at;
	/* ...and no row of it is empty while there are some above. */
	next = top;
	tui_step(tui, &top, room - 1 - tui_step(tui, &next, room - 1, false), true);
	tui->top = top;
}

/* ---- drawing ---- */

static struct buffer *begin_row(struct tui_screen *screen, enum tui_style style)
{
	struct buffer *out = &screen->rows[screen->n].text;

	screen->rows[screen->n++].style = style;
	buffer_clear(out);
	return out;
}

static void put_row(struct tui *tui, struct tui_screen *screen, enum tui_style style,
		    const char *text)
{
	tui_put_fitting(begin_row(screen, style), text, strlen(text), 0, tui->columns, tui->utf8);
}

static int64_t time_before(const struct tui *tui, uint64_t place)
{
	const struct tui_item *item = tui_keep_at(&tui->keep, place);
	uint64_t before = place - 1;

	if (place > tui->keep.first && tui_seek(tui, &before, true))
		return tui_keep_at(&tui->keep, before)->event.at_us;
	return item->event.at_us;
}

/* "22:13:20.345", or "+0.304" right of it. */
static void put_time(const struct tui *tui, struct buffer *out, uint64_t place)
{
	int64_t at_us = tui_keep_at(&tui->keep, place)->event.at_us;
	char time[25];

	if (tui->delta) {
		buffer_format(out, "%+12.3f ", (double)(at_us - time_before(tui, place)) / 1e6);
		return;
	}
	json_time_text(at_us / 1000, time);
	buffer_format(out, "%.12s ", time + 11);
}

static size_t rungs(const struct tui *tui)
{
	size_t around = 2 + 13 + 2 + REST_LEAST;
	size_t n = tui->columns > around + RUNGS_LEAST ? tui->columns - around : RUNGS_LEAST;

	return n > RUNGS_MOST ? RUNGS_MOST : n;
}

static void put_dashes(const struct tui *tui, struct buffer *out, size_t n)
{
	for (; n > 0; n--)
		buffer_text(out, tui->utf8 ? "─" : "-");
}

/* "│─ 7 submit_sm ───────→│" */
static void put_arrow(const struct tui *tui, struct buffer *out, const char *label,
		      enum trace_direction direction)
{
	const char *bar = tui->utf8 ? "│" : "|";
	size_t n = strlen(label), room = rungs(tui) - 4;
	size_t left = room > n ? room - n : 0;

	buffer_text(out, bar);
	if (direction == TRACE_IN) {
		buffer_text(out, tui->utf8 ? "←" : "<");
		put_dashes(tui, out, left);
	} else {
		put_dashes(tui, out, 1);
	}
	buffer_format(out, " %.*s ", (int)room, label);
	if (direction == TRACE_OUT) {
		put_dashes(tui, out, left);
		buffer_text(out, tui->utf8 ? "→" : ">");
	} else {
		put_dashes(tui, out, direction == TRACE_IN ? 1 : left + 1);
	}
	buffer_text(out, bar);
}

/* The ladder is of one session, which its heading names. */
static void put_place(struct tui *tui, const char *link, uint64_t session)
{
	if (tui_pane(tui) == TUI_LIST)
		buffer_format(&tui->view.out, "%s#%" PRIu64 " ", link, session);
}

static void put_pdu(struct tui *tui, const struct flow_event *event)
{
	static const char *const arrows[] = {
		[TRACE_UNKNOWN] = "--", [TRACE_IN] = "<-", [TRACE_OUT] = "->"
	};
	struct buffer *out = &tui->view.out;
	const struct trace_pdu *pdu = event->pdu;
	const struct smpp_octets to = tui->view.reading.pdu.destination_addr;
	char label[TRACE_LABEL_OCTETS];

	trace_label(label, sizeof(label), event, &tui->view.reading);
	put_place(tui, pdu->link, pdu->session);
	if (tui_pane(tui) == TUI_LIST)
		buffer_format(out, "%s %s", arrows[pdu->direction], label);
	else
		put_arrow(tui, out, label, pdu->direction);
	buffer_format(out, " #%" PRIu64, pdu->number);
	if (tui_pane(tui) == TUI_LIST && to.n > 0) {
		buffer_text(out, " to=");
		trace_put_quoted(out, to);
	}
	trace_put_rest(&tui->view, event);
}

static void put_closed(struct tui *tui, const struct flow_event *event)
{
	struct buffer *out = &tui->view.out;

	put_place(tui, event->pdu->link, event->pdu->session);
	if (tui_pane(tui) != TUI_LIST) {
		put_arrow(tui, out, event->pdu->kind == TRACE_RST ? "RST" : "FIN",
			  event->pdu->direction);
		buffer_text(out, " ");
	}
	trace_put_closed(out, event->pdu);
}

/* "a#1  51 PDUs  9 errors  1 unanswered": of what is kept; into view.out. */
static enum tui_style put_session(struct tui *tui, const struct tui_session *session)
{
	buffer_format(&tui->view.out,
		      "%s#%" PRIu64 "  %" PRIu64 " PDUs  %" PRIu64 " errors  %" PRIu64
		      " unanswered",
		      session->key.link, session->key.session, session->pdus, session->errors,
		      session->unanswered);
	return session->errors + session->unanswered > 0 ? TUI_BAD : TUI_PLAIN;
}

/* What stands behind the time; into view.out. */
static enum tui_style put_event(struct tui *tui, const struct flow_event *event)
{
	const struct smpp_pdu *pdu = &tui->view.reading.pdu;

	switch (event->kind) {
	case FLOW_UNANSWERED:
		put_place(tui, event->request->link, event->request->session);
		trace_put_silence(&tui->view, event);
		return TUI_BAD;
	case FLOW_CLOSED:
		put_closed(tui, event);
		return TUI_PLAIN;
	case FLOW_NOTE:
		put_place(tui, event->pdu->link, event->pdu->session);
		trace_put_note(&tui->view.out, event->pdu);
		return TUI_PLAIN;
	case FLOW_PDU:
		break;
	}
	if (!trace_read(&tui->view.reading, event->pdu, tui->print.show_text,
			tui->print.show_numbers))
		tui->view.out.failed = true;
	put_pdu(tui, event);
	return tui->view.reading.problematic || pdu->command_status != 0 ? TUI_BAD : TUI_PLAIN;
}

static void draw_item(struct tui *tui, struct tui_screen *screen, uint64_t place)
{
	const struct tui_item *item = tui_keep_at(&tui->keep, place);
	struct buffer *out = &tui->view.out;
	bool sessions = tui_pane(tui) == TUI_SESSIONS;
	bool at_cursor = place == tui->cursor, selected = item->selected && !sessions;
	struct buffer *row;
	enum tui_style style;

	buffer_clear(out);
	put_time(tui, out, place);
	style = sessions ? put_session(tui, item->session) : put_event(tui, &item->event);
	style = at_cursor ? TUI_CURSOR : selected ? TUI_SELECTED : style;
	row = begin_row(screen, style);
	if (tui->columns > 2) {
		buffer_format(row, "%c%c", at_cursor ? '>' : ' ', selected ? '*' : ' ');
		tui_put_fitting(row, (const char *)out->octets, out->n, tui->left, tui->columns - 2,
				tui->utf8);
	}
	row->failed = row->failed || out->failed;
}

static void draw_items(struct tui *tui, struct tui_screen *screen)
{
	size_t room = tui_body_rows(tui);
	uint64_t place;

	tui_settle(tui);
	place = tui->top;
	for (; room > 0 && tui_seek(tui, &place, false); room--)
		draw_item(tui, screen, place++);
}

static void draw_text(struct tui *tui, struct tui_screen *screen)
{
	const char *at = (const char *)tui->text.octets;
	const char *end = at + tui->text.n;
	size_t room = tui_body_rows(tui);

	for (size_t line = 0; at < end && room > 0; line++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t n = stop != NULL ? (size_t)(stop - at) : (size_t)(end - at);

		if (line >= tui->text_top) {
			bool differs = tui_pane(tui) == TUI_DIFF && n > 0 && *at != ' ';
			tui_put_fitting(begin_row(screen, differs ? TUI_BAD : TUI_PLAIN), at, n,
					tui->left, tui->columns, tui->utf8);
			room--;
		}
		at += n + 1;
	}
}

static uint64_t count_shown(const struct tui *tui)
{
	uint64_t n = 0;

	for (uint64_t at = tui->keep.first; at < tui->keep.end; at++)
		n += tui_shown(tui, tui_keep_at(&tui->keep, at));
	return n;
}

static void draw_title(struct tui *tui, struct tui_screen *screen)
{
	struct buffer *out = &tui->view.out;

	buffer_clear(out);
	buffer_text(out, "smpp-trace");
	if (tui_pane(tui) == TUI_SESSIONS)
		buffer_format(out, "  %u sessions", HASH_COUNT(tui->keep.sessions));
	else if (tui_has_rows(tui))
		buffer_format(out, "  %" PRIu64 " of %" PRIu64, count_shown(tui),
			      tui->keep.end - tui->keep.first);
	if (tui->keep.first > 0)
		buffer_format(out, "  the first %" PRIu64 " are no longer kept", tui->keep.first);
	if (tui->dropped > 0)
		buffer_format(out, "  dropped %" PRIu64, tui->dropped);
	if (tui->paused)
		buffer_format(out, "  PAUSED, %" PRIu64 " passed unseen", tui->missed);
	else if (tui->missed > 0)
		buffer_format(out, "  %" PRIu64 " passed while paused", tui->missed);
	if (!tui->complete && !tui->live)
		buffer_text(out, "  reading");
	if (tui->complete && tui->live)
		buffer_text(out, "  the stream has ended");
	/* Last, for it may be long. */
	buffer_format(out, "  %s", tui->title);
	buffer_append(out, "", 1);
	put_row(tui, screen, TUI_HEADING, out->failed ? "" : (const char *)out->octets);
}

static void draw_heading(struct tui *tui, struct tui_screen *screen)
{
	struct buffer *out = &tui->view.out;
	const struct tui_item *item = tui_keep_at(&tui->keep, tui->cursor);

	buffer_clear(out);
	switch (tui_pane(tui)) {
	case TUI_LIST:
		buffer_format(out, "  %-12s %s", tui->delta ? "     seconds" : "time (UTC)",
			      tui->filter != NULL ? "filter: " : "link#session, PDU");
		buffer_text(out, tui->filter != NULL ? tui->filter_text : "");
		break;
	case TUI_SESSIONS:
		buffer_text(out, "  since        link#session, what is kept of it");
		break;
	case TUI_LADDER:
		buffer_format(out, "  %-12s ESME%*sSMSC  %s#%" PRIu64,
			      tui->delta ? "     seconds" : "time (UTC)", (int)rungs(tui) - 6, "",
			      tui->link, tui->session);
		break;
	case TUI_BLOCK:
		buffer_format(out, "#%" PRIu64 " as a block",
			      item != NULL && item->event.pdu ? item->pdu.number : 0);
		break;
	case TUI_DIFF:
		buffer_text(
			out,
			"- only the earlier, + only the later, else the same as far as it is shown");
		break;
	case TUI_HELP:
		buffer_text(out, "Keys");
		break;
	}
	buffer_append(out, "", 1);
	put_row(tui, screen, TUI_PLAIN, out->failed ? "" : (const char *)out->octets);
}

/* The line that is typed and, below it, what is wrong with it. */
static void draw_prompt(struct tui *tui, struct tui_screen *screen)
{
	const char *asks = tui->prompt == TUI_ASK_FILTER ? "filter: " : "save to: ";
	struct buffer *out = &tui->view.out;
	size_t width = strlen(asks) + strlen(tui->input) + 1;
	size_t left = width > tui->columns ? width - tui->columns : 0;

	buffer_clear(out);
	buffer_format(out, "%s%s", asks, tui->input);
	tui_put_fitting(begin_row(screen, TUI_PLAIN), (const char *)out->octets, out->n, left,
			tui->columns, tui->utf8);
	screen->caret = width - left;
	buffer_clear(out);
	if (tui->bad_column > 0) {
		size_t column = strlen(asks) + tui->bad_column - 1;
		buffer_format(out, "%*s^ ", (int)(column > left ? column - left : 0), "");
	}
	buffer_text(out, tui->message);
	buffer_append(out, "", 1);
	put_row(tui, screen, tui->message[0] ? TUI_BAD : TUI_HEADING,
		out->failed	? "" :
		tui->message[0] ? (const char *)out->octets :
				  "Enter does it  Esc does not  Ctrl-U clears");
}

static void draw_foot(struct tui *tui, struct tui_screen *screen)
{
	static const char *const keys[] = {
		[TUI_LIST] =
			"Enter ladder  s sessions  Space select  d diff  / filter  F2 save  ? help  q end",
		[TUI_SESSIONS] = "Enter ladder  o only this one  ? help  q back",
		[TUI_LADDER] = "Enter PDU  Space select  d diff  w delta  F2 save  ? help  q back",
		[TUI_BLOCK] = "arrows scroll  q back",
		[TUI_DIFF] = "arrows scroll  q back",
		[TUI_HELP] = "arrows scroll  q back",
	};

	if (tui->prompt != TUI_NO_PROMPT) {
		draw_prompt(tui, screen);
		return;
	}
	put_row(tui, screen, TUI_BAD, tui->message);
	put_row(tui, screen, TUI_HEADING, keys[tui_pane(tui)]);
}

bool tui_draw(struct tui *tui, struct tui_screen *screen)
{
	bool chrome = tui->rows > CHROME_ROWS;
	bool failed = false;

	screen->n = 0;
	screen->caret = 0;
	if (chrome) {
		draw_title(tui, screen);
		draw_heading(tui, screen);
	}
	if (tui_has_rows(tui))
		draw_items(tui, screen);
	else
		draw_text(tui, screen);
	while (screen->n < (chrome ? tui->rows - 2 : tui->rows))
		begin_row(screen, TUI_PLAIN);
	if (chrome)
		draw_foot(tui, screen);
	for (size_t i = 0; i < screen->n; i++)
		failed = failed || screen->rows[i].text.failed;
	return !failed;
}

void tui_screen_release(struct tui_screen *screen)
{
	for (size_t i = 0; i < TUI_ROWS; i++)
		buffer_release(&screen->rows[i].text);
}
