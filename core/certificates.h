/*
 * Certificates that will end: ours, those of the file ca, and the carrier's as the last handshake
 * showed it, of every link. One alarm for all, from certificate_warning before the first of them
 * ends until it is renewed. It verifies nothing: the port does.
 */
#ifndef CORE_CERTIFICATES_H
#define CORE_CERTIFICATES_H

#include <stdint.h>

struct engine;

#define CERTIFICATES_EVERY_MS 60000

/* Raises or ends the alarm; after a handshake, after a reload, and every so often. */
void certificates_check(struct engine *engine);

#endif
