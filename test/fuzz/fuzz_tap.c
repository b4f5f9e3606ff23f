/* Fuzzes lines of the tap: what is taken as one is a PDU with a link and as many octets as its hex. */
#include <stdlib.h>
#include <string.h>

#include "tools/trace_tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1); /* with the line feed that ends it */
	struct trace_pdu pdu = { .message = "" };
	struct buffer octets = { 0 };

	if (line == NULL)
		return 0;
	memcpy(line, data, size);
	line[size] = '\n';
	if (trace_tap_line(line, size, &octets, &pdu) &&
	    (pdu.n != octets.n || 2 * octets.n > size || strlen(pdu.link) >= sizeof(pdu.link)))
		abort();
	buffer_release(&octets);
	free(line);
	return 0;
}
