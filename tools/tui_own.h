/* What tools/tui_view.c, tui_keys.c, tui_text.c and tui_save.c share. Nothing else includes this. */
#ifndef TOOLS_TUI_OWN_H
#define TOOLS_TUI_OWN_H

#include "tools/tui_view.h"

enum tui_pane tui_pane(const struct tui *tui);
/* Are its rows PDUs, or what stands for some? */
bool tui_has_rows(const struct tui *tui);
/* Rows between the headings and the last two. */
size_t tui_body_rows(const struct tui *tui);

/* Is the item a row of the list, or of the ladder? */
bool tui_shown(const struct tui *tui, const struct tui_item *item);
/* The nearest shown place from `place` on, backwards or forwards; false: there is none. */
bool tui_seek(const struct tui *tui, uint64_t *place, bool back);
/* Moves from a shown place by so many rows, as far as there are any; how many there were. */
size_t tui_step(const struct tui *tui, uint64_t *place, size_t rows, bool back);

/* The cursor is on a row, and its row on the screen, whatever has come and gone. */
void tui_settle(struct tui *tui);

/* Into tui->text: the item at the cursor, the two that are selected, the keys. */
bool tui_text_block(struct tui *tui);
bool tui_text_diff(struct tui *tui);
void tui_text_help(struct tui *tui);

/* As much of a line of UTF-8 as fits, from column `left` on; what cannot be shown is '?'. */
void tui_put_fitting(struct buffer *out, const char *text, size_t n, size_t left, size_t columns,
		     bool utf8);

/* Writes the selected, or all that are shown, into a new file, a capture if its name is one's;
 * tui->message says what became of it. */
bool tui_save(struct tui *tui, const char *path);

#endif
