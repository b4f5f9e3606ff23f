/* F2: PDUs into a file, as blocks or as a capture. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/capture.h"
#include "tools/trace_export.h"
#include "tools/tui_own.h"

static bool any_selected(const struct tui *tui)
{
	for (uint64_t at = tui->keep.first; at < tui->keep.end; at++) {
		if (tui_keep_at(&tui->keep, at)->selected)
			return true;
	}
	return false;
}

/* Where PDUs go: one of the two. */
struct sink {
	FILE *text;
	struct trace_export *export;
};

static bool write_text(struct tui *tui, const struct tui_item *item, FILE *file)
{
	struct buffer *out = &tui->view.out;

	buffer_clear(out);
	tui->view.format = TRACE_BLOCK;
	trace_view_event(&tui->view, &item->event);
	if (out->failed)
		errno = ENOMEM;
	return !out->failed && fwrite(out->octets, 1, out->n, file) == out->n;
}

/* How many; -1: it cannot be written. */
static int64_t write_items(struct tui *tui, const struct sink *sink)
{
	bool selected = any_selected(tui);
	int64_t n = 0;

	for (uint64_t at = tui->keep.first; at < tui->keep.end; at++) {
		const struct tui_item *item = tui_keep_at(&tui->keep, at);

		if (selected ? !item->selected : !tui_shown(tui, item))
			continue;
		/* In a capture there are PDUs only. */
		if (sink->export != NULL && item->event.kind != FLOW_PDU)
			continue;
		if (!(sink->export != NULL ? trace_export_add(sink->export, &item->event) :
					     write_text(tui, item, sink->text)))
			return -1;
		n++;
	}
	return n;
}

static int64_t save_text(struct tui *tui, const char *path, char *error)
{
	struct sink sink = { .text = fopen(path, "we") };
	int64_t n = sink.text != NULL ? write_items(tui, &sink) : -1;
	int failure = errno;

	if (sink.text != NULL && fclose(sink.text) != 0 && n >= 0) {
		failure = errno;
		n = -1;
	}
	if (n < 0)
		snprintf(error, CAPTURE_ERROR_OCTETS, "%s: %s", path, strerror(failure));
	return n;
}

static int64_t save_pcapng(struct tui *tui, const char *path, char *error)
{
	struct trace_export_want want = { .path = path,
					  .text = tui->print.show_text,
					  .numbers = tui->print.show_numbers };
	struct sink sink = { .export = trace_export_new(&want, error) };
	int64_t n;

	if (sink.export == NULL)
		return -1;
	n = write_items(tui, &sink);
	if (n < 0 || !trace_export_flush(sink.export)) {
		snprintf(error, CAPTURE_ERROR_OCTETS, "%s", trace_export_error(sink.export));
		n = -1;
	}
	trace_export_free(sink.export);
	return n;
}

static bool is_pcapng(const char *path)
{
	size_t n = strlen(path), tail = strlen(".pcapng");

	return n > tail && strcmp(path + n - tail, ".pcapng") == 0;
}

bool tui_save(struct tui *tui, const char *path)
{
	char error[CAPTURE_ERROR_OCTETS] = "";
	/* What is in it is for its owner, and nothing that is there is written over. */
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int64_t n;

	if (fd < 0) {
		snprintf(tui->message, sizeof(tui->message), "%s: %s", path, strerror(errno));
		return false;
	}
	close(fd);
	n = is_pcapng(path) ? save_pcapng(tui, path, error) : save_text(tui, path, error);
	if (n < 0)
		snprintf(tui->message, sizeof(tui->message), "%s", error);
	else
		snprintf(tui->message, sizeof(tui->message), "saved %" PRId64 " to %s", n, path);
	return n >= 0;
}
