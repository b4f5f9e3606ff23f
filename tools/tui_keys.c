/* What keys do. See tools/tui_view.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/tui_own.h"

/* ---- panes ---- */

static void open_pane(struct tui *tui, enum tui_pane pane)
{
	if (tui->depth == TUI_DEPTH || tui_pane(tui) == pane)
		return;
	tui->panes[tui->depth++] = pane;
}

static void back(struct tui *tui, int key)
{
	if (tui->depth > 1)
		tui->depth--;
	else if (key == 'q')
		tui->quit = true;
	else
		snprintf(tui->message, sizeof(tui->message), "q ends");
	tui->left = 0;
}

static void open_ladder(struct tui *tui)
{
	const struct tui_item *item = tui_keep_at(&tui->keep, tui->cursor);

	if (item == NULL)
		return;
	memcpy(tui->link, tui_item_link(item), sizeof(tui->link));
	tui->session = tui_item_session(item);
	tui->left = 0;
	open_pane(tui, TUI_LADDER);
}

static void enter(struct tui *tui)
{
	switch (tui_pane(tui)) {
	case TUI_LIST:
	case TUI_SESSIONS:
		open_ladder(tui);
		return;
	case TUI_LADDER:
		if (tui_text_block(tui))
			open_pane(tui, TUI_BLOCK);
		return;
	case TUI_BLOCK:
	case TUI_DIFF:
	case TUI_HELP:
		return;
	}
}

/* ---- what is typed ---- */

static void ask(struct tui *tui, enum tui_prompt prompt, const char *text)
{
	tui->prompt = prompt;
	tui->bad_column = 0;
	snprintf(tui->input, sizeof(tui->input), "%s", text);
}

static bool take_filter(struct tui *tui)
{
	struct filter_error error = { .column = 0 };
	struct filter *filter = NULL;
	const char *refusal = NULL;

	if (tui->input[0] != '\0' && (filter = filter_new(tui->input, &error)) == NULL) {
		tui->bad_column = error.column;
		snprintf(tui->message, sizeof(tui->message), "%s", error.text);
		return false;
	}
	if (filter != NULL && tui->masked)
		refusal = filter_refusal(filter, tui->print.show_text, tui->print.show_numbers);
	if (refusal != NULL) {
		filter_free(filter);
		snprintf(tui->message, sizeof(tui->message), "%s", refusal);
		return false;
	}
	tui_set_filter(tui, filter, tui->input);
	return true;
}

static void answer(struct tui *tui)
{
	bool done = tui->prompt == TUI_ASK_FILTER ? take_filter(tui) : tui_save(tui, tui->input);

	if (done)
		tui->prompt = TUI_NO_PROMPT;
}

static void type(struct tui *tui, int key)
{
	size_t n = strlen(tui->input);

	tui->bad_column = 0;
	if (key == TUI_KEY_ENTER) {
		answer(tui);
	} else if (key == TUI_KEY_ESCAPE) {
		tui->prompt = TUI_NO_PROMPT;
	} else if (key == TUI_KEY_CLEAR) {
		tui->input[0] = '\0';
	} else if (key == TUI_KEY_RUBOUT && n > 0) {
		tui->input[n - 1] = '\0';
	} else if (key >= ' ' && key < 127 && n + 1 < sizeof(tui->input)) {
		tui->input[n] = (char)key;
		tui->input[n + 1] = '\0';
	}
}

/* ---- moving ---- */

static size_t text_lines(const struct tui *tui)
{
	size_t n = 0;

	for (size_t i = 0; i < tui->text.n; i++)
		n += tui->text.octets[i] == '\n';
	return n;
}

static void scroll_text(struct tui *tui, size_t rows, bool back)
{
	size_t lines = text_lines(tui), room = tui_body_rows(tui);
	size_t most = lines > room ? lines - room : 0;

	if (back)
		tui->text_top -= rows < tui->text_top ? rows : tui->text_top;
	else
		tui->text_top = most - tui->text_top > rows ? tui->text_top + rows : most;
}

static void move(struct tui *tui, size_t rows, bool back)
{
	if (tui_has_rows(tui))
		tui_step(tui, &tui->cursor, rows, back);
	else
		scroll_text(tui, rows, back);
}

#define SIDE_COLUMNS 8

static bool moves(struct tui *tui, int key)
{
	size_t page = tui_body_rows(tui);

	switch (key) {
	case TUI_KEY_UP:
	case TUI_KEY_DOWN:
		move(tui, 1, key == TUI_KEY_UP);
		return true;
	case TUI_KEY_PAGE_UP:
	case TUI_KEY_PAGE_DOWN:
		move(tui, page, key == TUI_KEY_PAGE_UP);
		return true;
	case TUI_KEY_HOME:
	case TUI_KEY_END:
		move(tui, SIZE_MAX, key == TUI_KEY_HOME);
		return true;
	case TUI_KEY_LEFT:
		tui->left -= tui->left < SIDE_COLUMNS ? tui->left : SIDE_COLUMNS;
		return true;
	case TUI_KEY_RIGHT:
		tui->left += tui->left < TUI_COLUMNS ? SIDE_COLUMNS : 0;
		return true;
	default:
		return false;
	}
}

/* ---- keys of the list and the ladder ---- */

static void select_one(struct tui *tui)
{
	struct tui_item *item = tui_keep_at(&tui->keep, tui->cursor);

	if (item == NULL)
		return;
	if (item->event.kind != FLOW_PDU) {
		snprintf(tui->message, sizeof(tui->message), "this is no PDU");
		return;
	}
	item->selected = !item->selected;
	tui_step(tui, &tui->cursor, 1, false);
}

static void toggle_pause(struct tui *tui)
{
	if (!tui->live)
		snprintf(tui->message, sizeof(tui->message), "p pauses live: this is a file");
	else
		tui->paused = !tui->paused;
}

static void open_help(struct tui *tui)
{
	tui_text_help(tui);
	open_pane(tui, TUI_HELP);
}

/* With the cursor on the session of the row where it is. */
static void open_sessions(struct tui *tui)
{
	const struct tui_item *item = tui_keep_at(&tui->keep, tui->cursor);
	uint64_t place = tui->keep.first;

	if (item == NULL)
		return;
	while (tui_keep_at(&tui->keep, place)->session != item->session)
		place++;
	tui->cursor = place;
	tui->depth = 1;
	tui->left = 0;
	open_pane(tui, TUI_SESSIONS);
}

/* By a filter like any other, so that it can be seen, changed and taken back. */
static void only_session(struct tui *tui)
{
	const struct tui_item *item = tui_keep_at(&tui->keep, tui->cursor);

	if (item == NULL)
		return;
	tui->depth = 1;
	snprintf(tui->input, sizeof(tui->input), "link=\"%s\" & session=%" PRIu64,
		 item->session->key.link, item->session->key.session);
	/* The name of a link may be any that a capture gives it: then its filter is there to be mended. */
	if (!take_filter(tui))
		tui->prompt = TUI_ASK_FILTER;
}

static void act_on_session(struct tui *tui, int key)
{
	if (key == 'o')
		only_session(tui);
	else if (key == '?')
		open_help(tui);
}

static void act(struct tui *tui, int key)
{
	switch (key) {
	case ' ':
		select_one(tui);
		return;
	case 'd':
		if (tui_text_diff(tui))
			open_pane(tui, TUI_DIFF);
		return;
	case '/':
		tui->depth = 1;
		ask(tui, TUI_ASK_FILTER, tui->filter_text);
		return;
	case 'w':
		tui->delta = !tui->delta;
		return;
	case 's':
		open_sessions(tui);
		return;
	case 'o':
		only_session(tui);
		return;
	case '?':
		open_help(tui);
		return;
	case TUI_KEY_SAVE:
		ask(tui, TUI_ASK_FILE, "");
		return;
	default:
		return;
	}
}

static void obey(struct tui *tui, int key)
{
	enum tui_pane pane = tui_pane(tui);

	tui->message[0] = '\0';
	if (tui->prompt != TUI_NO_PROMPT) {
		type(tui, key);
	} else if (moves(tui, key)) {
		return;
	} else if (key == 'q' || key == TUI_KEY_ESCAPE) {
		back(tui, key);
	} else if (key == TUI_KEY_ENTER) {
		enter(tui);
	} else if (key == 'p') {
		toggle_pause(tui);
	} else if (pane == TUI_LIST || pane == TUI_LADDER) {
		act(tui, key);
	} else if (pane == TUI_SESSIONS) {
		act_on_session(tui, key);
	}
}

void tui_key(struct tui *tui, int key)
{
	/* The row of the cursor may have gone since it was drawn. */
	tui_settle(tui);
	obey(tui, key);
	tui_settle(tui);
}
