/* ncurses. See tools/tui.h. */
#include "tools/tui.h"

#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ESCAPE_MS 25 /* after which Esc is no longer the beginning of another key */

enum {
	PAIR_BAD = 1
};

static volatile sig_atomic_t stopped;
static SCREEN *terminal;
static struct tui_screen screen;

static void on_signal(int signo)
{
	(void)signo;
	stopped = 1;
}

static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = on_signal };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

bool tui_open(struct tui *tui)
{
	setlocale(LC_CTYPE, "");
	tui->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	terminal = newterm(NULL, stdout, stdin);
	if (terminal == NULL) {
		const char *name = getenv("TERM");

		fprintf(stderr, "smpp-trace: -i cannot use a terminal of type `%s` (TERM)\n",
			name != NULL ? name : "");
		return false;
	}
	catch_signals();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	if (has_colors() && start_color() == OK && use_default_colors() == OK)
		init_pair(PAIR_BAD, COLOR_RED, -1);
	tui_init(tui, (size_t)LINES, (size_t)COLS);
	return true;
}

void tui_close(struct tui *tui)
{
	if (terminal == NULL)
		return;
	endwin();
	delscreen(terminal);
	terminal = NULL;
	tui_screen_release(&screen);
	tui_release(tui);
}

/* ---- lines ---- */

static attr_t look_of(enum tui_style style, short *pair)
{
	*pair = 0;
	switch (style) {
	case TUI_PLAIN:
		return A_NORMAL;
	case TUI_HEADING:
		return A_REVERSE;
	case TUI_CURSOR:
		return A_REVERSE | A_BOLD;
	case TUI_BAD:
		*pair = has_colors() ? PAIR_BAD : 0;
		return has_colors() ? A_NORMAL : A_BOLD;
	case TUI_SELECTED:
		return A_BOLD;
	}
	return A_NORMAL;
}

static bool draw(struct tui *tui)
{
	if (!tui_draw(tui, &screen))
		return false;
	erase();
	for (size_t i = 0; i < screen.n; i++) {
		const struct buffer *text = &screen.rows[i].text;
		short pair;
		attr_t look = look_of(screen.rows[i].style, &pair);

		if (text->n > 0)
			mvaddnstr((int)i, 0, (const char *)text->octets, (int)text->n);
		mvchgat((int)i, 0, -1, look, pair, NULL);
	}
	curs_set(screen.caret > 0);
	if (screen.caret > 0)
		move((int)screen.n - 2, (int)screen.caret - 1);
	refresh();
	return true;
}

/* ---- keys ---- */

static int key_of(int key)
{
	static const struct {
		int curses;
		int key;
	} keys[] = {
		{ KEY_UP, TUI_KEY_UP },		{ KEY_DOWN, TUI_KEY_DOWN },
		{ KEY_LEFT, TUI_KEY_LEFT },	{ KEY_RIGHT, TUI_KEY_RIGHT },
		{ KEY_PPAGE, TUI_KEY_PAGE_UP }, { KEY_NPAGE, TUI_KEY_PAGE_DOWN },
		{ KEY_HOME, TUI_KEY_HOME },	{ KEY_END, TUI_KEY_END },
		{ KEY_F(2), TUI_KEY_SAVE },	{ KEY_ENTER, TUI_KEY_ENTER },
		{ '\r', TUI_KEY_ENTER },	{ KEY_BACKSPACE, TUI_KEY_RUBOUT },
		{ '\b', TUI_KEY_RUBOUT },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (keys[i].curses == key)
			return keys[i].key;
	}
	return key;
}

bool tui_turn(struct tui *tui, int most_ms)
{
	int key;

	if (stopped || !draw(tui))
		return false;
	timeout(most_ms);
	while (!stopped && !tui->quit && (key = getch()) != ERR) {
		if (key == KEY_RESIZE)
			tui_resize(tui, (size_t)LINES, (size_t)COLS);
		else
			tui_key(tui, key_of(key));
		timeout(0);
	}
	return !stopped && !tui->quit;
}
