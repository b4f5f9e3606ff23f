/* See tools/trace_export.h. */
#include "tools/trace_export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buffer.h"
#include "smpp/mask.h"
#include "tools/own_file.h"
#include "tools/pcapng.h"
#include "tools/scenario.h"

/* epan/exported_pdu.h of Wireshark; numbers are big-endian. */
enum tag {
	TAG_END = 0,
	TAG_DISSECTOR = 12,
	TAG_IPV4_FROM = 20,
	TAG_IPV4_TO = 21,
	TAG_PORT_TYPE = 24,
	TAG_PORT_FROM = 25,
	TAG_PORT_TO = 26,
};

/*
 * A PDU has no addresses here, but Wireshark tells ends by them: so they are made up, of blocks that
 * nobody has (RFC 5737).
 */
#define ESME_ADDRESS   0xC0000201u /* 192.0.2.1 */
#define SMSC_ADDRESS   0xC6336401u /* 198.51.100.1 */
#define SMSC_PORT      2775u
#define ESME_PORT      49152u /* and the session, as far as there are ports */
#define ESME_PORTS     16384u
#define PORT_TYPE_TCP  2u
#define COMMENT_OCTETS (2 * CAPTURE_COMMENT_OCTETS)

struct trace_export {
	struct trace_export_want want;
	char comment[192]; /* of the file */
	struct buffer octets;
	struct pcapng *pcapng;	   /* NULL: no capture */
	struct scenario *scenario; /* NULL: none */
	FILE *file;		   /* of the scenario */
	char error[CAPTURE_ERROR_OCTETS];
};

/* ---- one PDU ---- */

static void put_u16(struct buffer *out, uint32_t value)
{
	const uint8_t octets[] = { (uint8_t)(value >> 8), (uint8_t)value };

	buffer_append(out, octets, sizeof(octets));
}

static void put_number(struct buffer *out, enum tag tag, uint32_t value)
{
	put_u16(out, tag);
	put_u16(out, 4);
	put_u16(out, value >> 16);
	put_u16(out, value & 0xFFFF);
}

static void put_tags(struct buffer *out, const struct trace_pdu *pdu)
{
	uint32_t esme_port = ESME_PORT + (uint32_t)(pdu->session % ESME_PORTS);
	bool in = pdu->direction == TRACE_IN;

	put_u16(out, TAG_DISSECTOR);
	put_u16(out, 4);
	buffer_text(out, "smpp");
	put_number(out, TAG_IPV4_FROM, in ? SMSC_ADDRESS : ESME_ADDRESS);
	put_number(out, TAG_IPV4_TO, in ? ESME_ADDRESS : SMSC_ADDRESS);
	put_number(out, TAG_PORT_TYPE, PORT_TYPE_TCP);
	put_number(out, TAG_PORT_FROM, in ? SMSC_PORT : esme_port);
	put_number(out, TAG_PORT_TO, in ? esme_port : SMSC_PORT);
	put_u16(out, TAG_END);
	put_u16(out, 0);
}

/* Our id of the message: a response has that of its request, a receipt that of its submit. */
static const char *message_of(const struct flow_event *event)
{
	if (event->pdu->message[0] != '\0')
		return event->pdu->message;
	if (event->request != NULL && event->request->message[0] != '\0')
		return event->request->message;
	return event->submit != NULL ? event->submit->message : "";
}

/* Words as "window=4", which a filter of Wireshark on frame.comment can look for. */
static void write_comment(char comment[COMMENT_OCTETS], const struct flow_event *event,
			  const char *interface)
{
	const char *message = message_of(event);
	size_t n = 0;

	if (message[0] != '\0')
		n += (size_t)snprintf(comment + n, COMMENT_OCTETS - n, "msg=%s ", message);
	if (event->window > 0)
		n += (size_t)snprintf(comment + n, COMMENT_OCTETS - n, "window=%" PRIu32 " ",
				      event->window);
	if (event->pdu->dropped > 0)
		n += (size_t)snprintf(comment + n, COMMENT_OCTETS - n, "dropped=%" PRIu64 " ",
				      event->pdu->dropped);
	if (event->pdu->lost > 0)
		n += (size_t)snprintf(comment + n, COMMENT_OCTETS - n, "lost=%" PRIu64 " ",
				      event->pdu->lost);
	snprintf(comment + n, COMMENT_OCTETS - n, "session=%s", interface);
}

/* octets: the tags, and behind them the PDU, masked. */
static bool add_packet(struct trace_export *export, const struct flow_event *event)
{
	static const enum capture_way ways[] = { [TRACE_UNKNOWN] = CAPTURE_WAY_UNKNOWN,
						 [TRACE_IN] = CAPTURE_WAY_IN,
						 [TRACE_OUT] = CAPTURE_WAY_OUT };
	const struct trace_pdu *pdu = event->pdu;
	char interface[CAPTURE_NAME_OCTETS], comment[COMMENT_OCTETS];
	struct pcapng_packet packet = { .interface = interface,
					.comment = comment,
					.at_us = pdu->at_us,
					.way = ways[pdu->direction],
					.octets = export->octets.octets,
					.n = export->octets.n };

	snprintf(interface, sizeof(interface), "%s#%" PRIu64, pdu->link, pdu->session);
	write_comment(comment, event, interface);
	return pcapng_add(export->pcapng, &packet);
}

bool trace_export_add(struct trace_export *export, const struct flow_event *event)
{
	struct buffer *octets = &export->octets;
	struct trace_pdu pdu = *event->pdu;
	size_t tags_n;

	buffer_clear(octets);
	put_tags(octets, &pdu);
	tags_n = octets->n;
	buffer_append(octets, pdu.octets, pdu.n);
	if (octets->failed)
		return false;
	pdu.octets = octets->octets + tags_n;
	smpp_mask(octets->octets + tags_n, pdu.n, export->want.text, export->want.numbers);
	if (export->scenario != NULL)
		scenario_add(export->scenario, &pdu);
	return export->pcapng == NULL || event->kind != FLOW_PDU || add_packet(export, event);
}

/* ---- the scenario ---- */

/* Always false. */
static bool fail(struct trace_export *export, const char *path, const char *text)
{
	snprintf(export->error, sizeof(export->error), "%s: %s", path, text);
	return false;
}

/* Now, so that what cannot be written is known before the session has passed. */
static bool open_scenario(struct trace_export *export)
{
	const char *path = export->want.scenario;
	const char *error;
	int fd = own_file_open(path, export->want.source, &error);

	if (fd < 0)
		return fail(export, path, error);
	export->file = fdopen(fd, "w");
	if (export->file == NULL) {
		fail(export, path, strerror(errno));
		close(fd);
		return false;
	}
	export->scenario = scenario_new();
	return export->scenario != NULL || fail(export, path, "out of memory");
}

static bool end_scenario(struct trace_export *export)
{
	const struct buffer *rows;
	enum scenario_error result = scenario_end(export->scenario, &rows);
	int64_t shortened_ms = scenario_shortened_ms(export->scenario);
	FILE *file = export->file;
	bool written;

	if (result == SCENARIO_FULL)
		return fail(
			export, export->want.scenario,
			"more PDUs than a scenario has rows: choose a part by -f, or a shorter time");
	if (result != SCENARIO_OK)
		return fail(export, export->want.scenario, scenario_error_text(result));
	fprintf(file, "# smpp-trace " ESMED_VERSION ": %s Play it by smsc-sim --replay.\n",
		export->comment);
	if (shortened_ms > 0)
		fprintf(file,
			"# What came after %" PRId64 " s comes sooner: a script cannot say it.\n",
			shortened_ms / 1000);
	fwrite(rows->octets, 1, rows->n, file);
	written = fflush(file) == 0 && !ferror(file);
	return written || fail(export, export->want.scenario, strerror(errno));
}

/* ---- the whole ---- */

/* The one that is open already. */
static bool is_scenario(const struct trace_export *export, const char *path)
{
	struct stat scenario, target;

	return export->file != NULL && fstat(fileno(export->file), &scenario) == 0 &&
	       S_ISREG(scenario.st_mode) && stat(path, &target) == 0 &&
	       scenario.st_dev == target.st_dev && scenario.st_ino == target.st_ino;
}

static void write_policy(struct trace_export *export)
{
	const char *true_words = "as the source had them";

	snprintf(export->comment, sizeof(export->comment),
		 "Passwords are masked, texts %s, numbers %s, lengths are true. IP addresses and "
		 "ports, where there are any, are made up.",
		 export->want.text ? true_words : "masked",
		 export->want.numbers ? true_words : "masked");
}

static bool open_capture(struct trace_export *export)
{
	struct pcapng_want want = { .path = export->want.path,
				    .source = export->want.source,
				    .program = "smpp-trace " ESMED_VERSION,
				    .comment = export->comment,
				    .link_type = TRACE_EXPORT_LINK_TYPE,
				    .file_octets = export->want.file_octets,
				    .files = export->want.files };

	export->pcapng = pcapng_new(&want, export->error);
	return export->pcapng != NULL;
}

/* false: export->error says why. */
static bool open_files(struct trace_export *export)
{
	const struct trace_export_want *want = &export->want;

	if (want->scenario != NULL && !open_scenario(export))
		return false;
	if (want->path == NULL)
		return true;
	if (is_scenario(export, want->path))
		return fail(export, want->path, "is the scenario; name another file");
	return open_capture(export);
}

struct trace_export *trace_export_new(const struct trace_export_want *want, char *error)
{
	struct trace_export *export = calloc(1, sizeof(*export));

	if (export == NULL) {
		snprintf(error, CAPTURE_ERROR_OCTETS, "out of memory");
		return NULL;
	}
	export->want = *want;
	write_policy(export);
	if (open_files(export))
		return export;
	memcpy(error, export->error, CAPTURE_ERROR_OCTETS);
	trace_export_free(export);
	return NULL;
}

void trace_export_free(struct trace_export *export)
{
	if (export == NULL)
		return;
	if (export->file != NULL)
		fclose(export->file);
	scenario_free(export->scenario);
	pcapng_free(export->pcapng);
	buffer_release(&export->octets);
	free(export);
}

bool trace_export_flush(struct trace_export *export)
{
	return export->pcapng == NULL || pcapng_flush(export->pcapng);
}

bool trace_export_end(struct trace_export *export)
{
	return trace_export_flush(export) && (export->scenario == NULL || end_scenario(export));
}

uint64_t trace_export_written(const struct trace_export *export)
{
	return export->pcapng != NULL ? pcapng_written(export->pcapng) : 0;
}

bool trace_export_unread(const struct trace_export *export)
{
	return export->pcapng != NULL && pcapng_unread(export->pcapng);
}

const char *trace_export_error(const struct trace_export *export)
{
	if (export->octets.failed)
		return "out of memory";
	return export->error[0] != '\0' ? export->error : pcapng_error(export->pcapng);
}
