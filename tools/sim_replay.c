/* Captures into rows, of tools/sim_replay.h. */
#include "tools/sim_replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/capture_file.h"
#include "tools/scenario.h"
#include "tools/sim_words.h"
#include "tools/trace_capture.h"

/* What the capture lacks is told here, a damage at the end in error. */
static void read_pdus(const char *file, struct trace_capture *capture, struct scenario *scenario,
		      char *error)
{
	struct trace_pdu pdu;

	while (trace_capture_next(capture, &pdu, error)) {
		if (pdu.lost > 0)
			fprintf(stderr,
				"smsc-sim: %s: connection %" PRIu64 " lacks %" PRIu64 " octets\n",
				file, pdu.session, pdu.lost);
		scenario_add(scenario, &pdu);
	}
}

static bool put_rows(const char *file, struct scenario *scenario, struct buffer *script,
		     char *error)
{
	const struct buffer *rows;
	enum scenario_error result = scenario_end(scenario, &rows);
	int64_t shortened_ms = scenario_shortened_ms(scenario);

	if (error[0] == '\0' && result != SCENARIO_OK)
		snprintf(error, CAPTURE_ERROR_OCTETS, "%s", scenario_error_text(result));
	if (shortened_ms > 0)
		fprintf(stderr, "smsc-sim: %s: what came after %" PRId64 " s comes after %u s\n",
			file, shortened_ms / 1000, SIM_MS_MAX / 1000);
	buffer_append(script, rows->octets, rows->n);
	return error[0] == '\0' && !script->failed;
}

static bool read_capture(const char *file, struct buffer *script)
{
	char error[CAPTURE_ERROR_OCTETS] = "out of memory";
	struct scenario *scenario = scenario_new();
	struct trace_capture *capture = NULL;
	bool well = false;

	if (scenario != NULL)
		capture = trace_capture_open(file, 0, error);
	if (capture != NULL) {
		error[0] = '\0';
		read_pdus(file, capture, scenario, error);
		well = put_rows(file, scenario, script, error);
	}
	if (error[0] != '\0')
		fprintf(stderr, "smsc-sim: %s: %s\n", file, error);
	trace_capture_close(capture);
	scenario_free(scenario);
	return well;
}

bool sim_replay_read(const char *file, struct buffer *script)
{
	FILE *stream = fopen(file, "re");
	uint8_t octets[4096] = { 0 };
	size_t n;

	if (stream == NULL) {
		fprintf(stderr, "smsc-sim: %s: %s\n", file, strerror(errno));
		return false;
	}
	n = fread(octets, 1, 4, stream);
	if (n == 4 && capture_file_is(octets)) {
		fclose(stream);
		return read_capture(file, script);
	}
	do {
		buffer_append(script, octets, n);
		n = fread(octets, 1, sizeof(octets), stream);
	} while (n > 0);
	fclose(stream);
	return !script->failed;
}
