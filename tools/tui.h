/*
 * The terminal of the full-screen view: keys in, lines out. The only file that knows ncurses; what
 * is shown is tools/tui_view.h. It has the terminal from tui_open to tui_close, which every way out
 * of the program passes: TERM, INT, HUP and QUIT end tui_turn, Ctrl-Z is ncurses' own.
 */
#ifndef TOOLS_TUI_H
#define TOOLS_TUI_H

#include "tools/tui_view.h"

/* Takes the terminal of standard input and output. false: it has no such terminal; that was said. */
bool tui_open(struct tui *tui);
void tui_close(struct tui *tui);

/* Draws, waits so long at most for a key and obeys all that wait. false: the user or a signal ended
 * it, or there is no memory. */
bool tui_turn(struct tui *tui, int most_ms);

#endif
