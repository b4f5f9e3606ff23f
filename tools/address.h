/* "HOST:PORT" of a command line. Used by smsc-sim and smpp-trace proxy. */
#ifndef TOOLS_ADDRESS_H
#define TOOLS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * "HOST:PORT", "[HOST]:PORT" or, unless `otherwise` is NULL, "PORT" alone, which has that host.
 * false: it is none of them, or HOST does not fit.
 */
bool address_read(const char *text, const char *otherwise, char *host, size_t host_octets,
		  uint16_t *port);

#endif
