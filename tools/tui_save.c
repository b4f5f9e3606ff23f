/* F2: PDUs into a file, as blocks. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/tui_own.h"

static bool any_selected(const struct tui *tui)
{
	for (uint64_t at = tui->keep.first; at < tui->keep.end; at++) {
		if (tui_keep_at(&tui->keep, at)->selected)
			return true;
	}
	return false;
}

static bool write_item(struct tui *tui, const struct tui_item *item, FILE *file)
{
	struct buffer *out = &tui->view.out;

	buffer_clear(out);
	tui->view.format = TRACE_BLOCK;
	trace_view_event(&tui->view, &item->event);
	if (out->failed)
		errno = ENOMEM;
	return !out->failed && fwrite(out->octets, 1, out->n, file) == out->n;
}

/* How many; -1: errno. */
static int64_t write_items(struct tui *tui, FILE *file)
{
	bool selected = any_selected(tui);
	int64_t n = 0;

	for (uint64_t at = tui->keep.first; at < tui->keep.end; at++) {
		const struct tui_item *item = tui_keep_at(&tui->keep, at);

		if (selected ? !item->selected : !tui_shown(tui, item))
			continue;
		if (!write_item(tui, item, file))
			return -1;
		n++;
	}
	return n;
}

bool tui_save(struct tui *tui, const char *path)
{
	/* What is in it is for its owner, and nothing that is there is written over. */
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
	int64_t n = file != NULL ? write_items(tui, file) : -1;
	int error = errno;

	if (file == NULL && fd >= 0)
		close(fd);
	if (file != NULL && fclose(file) != 0 && n >= 0) {
		error = errno;
		n = -1;
	}
	if (n < 0)
		snprintf(tui->message, sizeof(tui->message), "%s: %s", path, strerror(error));
	else
		snprintf(tui->message, sizeof(tui->message), "saved %" PRId64 " to %s", n, path);
	return n >= 0;
}
