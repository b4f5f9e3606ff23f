/*
 * The full-screen view without a screen: what it shows (tui_draw) and what keys do to it (tui_key).
 * No terminal here and no clock, so that a test can press keys and read the lines; tools/tui.c is
 * the terminal.
 *
 *	list ── Enter ──► ladder of the session ── Enter ──► the PDU as a block
 *	  ├── d: two selected PDUs, field by field
 *	  └── s: sessions ── Enter ──► ladder of one
 *
 * What is shown of a PDU is said by the views of tools/trace_view.h, masked as there.
 */
#ifndef TOOLS_TUI_VIEW_H
#define TOOLS_TUI_VIEW_H

#include "tools/filter.h"
#include "tools/trace_view.h"
#include "tools/tui_keep.h"

#define TUI_ROWS	 500 /* a taller terminal is used so far */
#define TUI_COLUMNS	 1000
#define TUI_INPUT_OCTETS 256 /* of what is typed, with its NUL */
#define TUI_DEPTH	 6   /* panes behind one another */

enum tui_pane {
	TUI_LIST,
	TUI_SESSIONS, /* a row is the oldest of its session that is kept */
	TUI_LADDER,
	TUI_BLOCK,
	TUI_DIFF,
	TUI_HELP,
};

enum tui_prompt {
	TUI_NO_PROMPT,
	TUI_ASK_FILTER,
	TUI_ASK_FILE,
};

/* Characters are themselves. */
enum tui_key {
	TUI_KEY_ENTER = '\n',
	TUI_KEY_ESCAPE = 27,
	TUI_KEY_RUBOUT = 127,
	TUI_KEY_CLEAR = 21, /* Ctrl-U */
	TUI_KEY_UP = 0x110000,
	TUI_KEY_DOWN,
	TUI_KEY_LEFT,
	TUI_KEY_RIGHT,
	TUI_KEY_PAGE_UP,
	TUI_KEY_PAGE_DOWN,
	TUI_KEY_HOME,
	TUI_KEY_END,
	TUI_KEY_SAVE, /* F2 */
};

struct tui {
	/* Set by the caller before tui_init. */
	const char *title; /* where the PDUs come from */
	bool live;
	bool masked; /* at the source: what is not shown cannot be asked for */
	bool utf8;   /* the terminal has more than ASCII; LC_CTYPE says so, too */
	struct smpp_print_options print;

	struct tui_keep keep;
	struct trace_view view; /* writes what is shown; its out is scratch */
	struct trace_reading reading;
	struct filter *filter; /* NULL: everything is shown */
	char filter_text[TUI_INPUT_OCTETS];
	size_t rows, columns;
	enum tui_pane panes[TUI_DEPTH]; /* the last is to be seen */
	size_t depth;
	uint64_t cursor; /* a place */
	uint64_t top;	 /* place of the first row */
	char link[TRACE_LINK_OCTETS];
	uint64_t session; /* of the ladder */
	struct buffer text;
	size_t text_top; /* line of `text` */
	size_t left;	 /* columns that are scrolled out */
	enum tui_prompt prompt;
	char input[TUI_INPUT_OCTETS];
	uint32_t bad_column; /* of the input, from 1; 0: none */
	char message[256];
	bool delta; /* times since the row above */
	bool paused;
	bool follows;	  /* live: the cursor goes with the last row */
	bool complete;	  /* nothing more will come */
	uint64_t blind;	  /* came masked, where the filter looks */
	uint64_t missed;  /* came while it was paused */
	uint64_t dropped; /* by the daemon */
	bool quit;
};

enum tui_style {
	TUI_PLAIN,
	TUI_HEADING,
	TUI_CURSOR,
	TUI_BAD, /* an error, a problem, no answer */
	TUI_SELECTED,
};

/* A zeroed one is empty; release it. */
struct tui_screen {
	size_t n;
	struct {
		enum tui_style style;
		struct buffer text; /* UTF-8, no wider than the screen */
	} rows[TUI_ROWS];
	size_t caret; /* column of the input's end in the last row but one; 0: nothing is typed */
};

void tui_init(struct tui *tui, size_t rows, size_t columns);
void tui_release(struct tui *tui);
void tui_resize(struct tui *tui, size_t rows, size_t columns);

/* The filter from here on; owned by tui. */
void tui_set_filter(struct tui *tui, struct filter *filter, const char *text);

/* false: out of memory. */
__attribute__((warn_unused_result)) bool tui_add(struct tui *tui, const struct flow_event *event);
void tui_key(struct tui *tui, int key);
/* false: out of memory. */
__attribute__((warn_unused_result)) bool tui_draw(struct tui *tui, struct tui_screen *screen);
void tui_screen_release(struct tui_screen *screen);

#endif
