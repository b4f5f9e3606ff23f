/* See tools/address.h. */
#include "tools/address.h"

#include <stdlib.h>
#include <string.h>

static bool read_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}

bool address_read(const char *text, const char *otherwise, char *host, size_t host_octets,
		  uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : 0;

	if (!read_port(colon != NULL ? colon + 1 : text, port))
		return false;
	if (colon == NULL && otherwise != NULL) {
		text = otherwise;
		n = strlen(otherwise);
	}
	if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (n == 0 || n >= host_octets)
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	return true;
}
