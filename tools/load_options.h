/*
 * What esme-load was asked to do: its command line, read and checked. Used by tools/esme_load.c.
 */
#ifndef TOOLS_LOAD_OPTIONS_H
#define TOOLS_LOAD_OPTIONS_H

#include <stdint.h>

struct load_options {
	const char *socket_path;
	char key[257]; /* the API key; "": none is sent */
	uint32_t route;
	uint64_t count;	     /* messages */
	uint32_t batch;	     /* recipients of one request; the last has what is left */
	uint32_t rate_per_s; /* messages; 0: as fast as answers come */
	uint32_t connections;
	const char *text;
	const char *caller_id;
	uint64_t numbers_from;	  /* the first recipient, then counting up by one */
	const char *key_prefix;	  /* of Idempotency-Keys; NULL: none are sent */
	const char *log_file;	  /* NULL: no client log */
	const char *capture_file; /* NULL: orders are sent; else this is written instead */
	uint32_t max_seconds;
};

#define LOAD_CONNECTIONS_MAX 1024u
#define LOAD_BATCH_MAX	     50000u
#define LOAD_REQUESTS_MAX    50000000u

/* Reads the command line. --help and --version end the process with 0, a mistake with 2. */
void load_options_read(struct load_options *options, int argc, char **argv);

#endif
