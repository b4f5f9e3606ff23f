/* See tools/trace_tap.h. */
#include "tools/trace_tap.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/json.h"
#include "smpp/pdu.h"
#include "tools/trace_hex.h"

static const char hex_key[] = "\"hex\":\"";

/*
 * Cuts the value of "hex", which begins at `from`, out of a line and decodes it. It is longer than
 * JSON strings may be for our reader, and has no escapes.
 */
static bool take_hex(char *line, size_t *n, char *from, struct buffer *octets)
{
	char *to = memchr(from, '"', *n - (size_t)(from - line));

	if (!to || !trace_hex_digits(from, (size_t)(to - from), octets))
		return false;
	memmove(from, to, *n - (size_t)(to - line));
	*n -= (size_t)(to - from);
	return true;
}

/* "2026-11-20T08:30:00.123Z" */
static bool read_time(const char *text, int64_t *at_us)
{
	struct tm tm = { 0 };
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	unsigned ms = 0;

	if (!rest || (*rest == '.' && sscanf(rest, ".%3uZ", &ms) != 1))
		return false;
	*at_us = ((int64_t)timegm(&tm) * 1000 + ms) * 1000;
	return true;
}

static bool get_uint(const struct json *line, const char *name, uint64_t *value)
{
	int64_t number;

	if (!json_get_int(json_get(line, name), &number) || number < 0)
		return false;
	*value = (uint64_t)number;
	return true;
}

/* Where and when. Notes need not be of a link. */
static bool read_place(const struct json *line, struct trace_pdu *pdu)
{
	const char *link = json_get_text(json_get(line, "link"), NULL);
	const char *dir = json_get_text(json_get(line, "dir"), NULL);

	if (link && strlen(link) >= sizeof(pdu->link))
		return false;
	if (link)
		memcpy(pdu->link, link, strlen(link) + 1);
	if (dir)
		pdu->direction = strcmp(dir, "in") == 0 ? TRACE_IN : TRACE_OUT;
	get_uint(line, "session", &pdu->session);
	get_uint(line, "dropped", &pdu->dropped);
	return read_time(json_get_text(json_get(line, "time"), NULL), &pdu->at_us);
}

/* The tap gives whole PDUs; all else it gives were octets that are none. */
static bool read_octets(const struct trace_tap *tap, struct trace_pdu *pdu)
{
	const char *message = json_get_text(json_get(tap->json, "msg"), NULL);
	uint32_t length;

	pdu->octets = tap->octets.octets;
	pdu->n = (uint32_t)tap->octets.n;
	pdu->framing = smpp_frame(pdu->octets, pdu->n, TRACE_PDU_OCTETS, &length) == SMPP_FRAME_OK ?
			       TRACE_WHOLE :
			       TRACE_LOST;
	pdu->message = message ? message : "";
	return read_place(tap->json, pdu) && pdu->link[0] != '\0' &&
	       pdu->direction != TRACE_UNKNOWN;
}

static bool read_line(struct trace_tap *tap, bool hex, struct trace_pdu *pdu)
{
	if (!tap->json)
		return false;
	if (hex)
		return read_octets(tap, pdu);
	if (json_get(tap->json, "time"))
		return read_place(tap->json, pdu) && trace_facts_read(tap->json, &tap->facts, pdu);
	return get_uint(tap->json, "dropped", &pdu->dropped);
}

bool trace_tap_line(struct trace_tap *tap, char *line, size_t n, struct trace_pdu *pdu)
{
	struct json_error error;
	char *hex = memmem(line, n, hex_key, sizeof(hex_key) - 1);

	buffer_clear(&tap->octets);
	json_free(tap->json);
	tap->json = NULL;
	if (hex && !take_hex(line, &n, hex + sizeof(hex_key) - 1, &tap->octets))
		return false;
	tap->json = json_read(line, n, &error);
	return read_line(tap, hex != NULL, pdu);
}

void trace_tap_release(struct trace_tap *tap)
{
	buffer_release(&tap->octets);
	json_free(tap->json);
}
