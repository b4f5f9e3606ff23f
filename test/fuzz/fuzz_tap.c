/* Fuzzes lines of the tap: what is taken as one is a PDU with as many octets as its hex, or facts
 * without any. */
#include <stdlib.h>
#include <string.h>

#include "tools/trace_tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1); /* with the line feed that ends it */
	struct trace_pdu pdu = { .message = "" };
	struct trace_tap tap = { 0 };

	if (line == NULL)
		return 0;
	memcpy(line, data, size);
	line[size] = '\n';
	if (trace_tap_line(&tap, line, size, &pdu) &&
	    (pdu.n != tap.octets.n || 2 * tap.octets.n > size ||
	     strlen(pdu.link) >= sizeof(pdu.link) || !pdu.message ||
	     (pdu.facts && (pdu.n > 0 || (pdu.kind != TRACE_PDU && !pdu.note)))))
		abort();
	trace_tap_release(&tap);
	free(line);
	return 0;
}
