/*
 * What smsc-sim was asked to be: its command line, read and checked. Used by the files of smsc-sim.
 */
#ifndef TOOLS_SIM_OPTIONS_H
#define TOOLS_SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/outcome.h"

/* A time drawn evenly of min_ms..max_ms for each message. */
struct sim_spread {
	uint32_t min_ms;
	uint32_t max_ms;
};

/* How a 64-bit message id is written: base 16 or 10, zero padded to width characters. */
struct sim_id_form {
	uint8_t base;
	bool upper;
	uint8_t width; /* 0: no padding; at most SIM_ID_WIDTH_MAX */
};

#define SIM_ID_WIDTH_MAX 64u

struct sim_options {
	char listen_host[256];
	uint16_t listen_port;
	char outbind_host[256]; /* "": nobody is called */
	uint16_t outbind_port;
	const char *tls_cert_file; /* NULL: plain */
	const char *tls_key_file;
	const char *tls_client_ca_file; /* NULL: clients show no certificate */
	const char *tls_folder;		/* NULL: nothing is generated */
	bool tls_require_client;

	const char *system_id;	      /* NULL: any; else the only one that may bind */
	const char *password;	      /* NULL: any */
	uint8_t sc_interface_version; /* 0: the TLV is left out */

	uint64_t seed;
	struct outcome_mix mix;
	struct sim_spread latency;
	struct sim_spread receipt_delay;
	uint32_t late_ms;	   /* receipts by the way `late` */
	uint32_t redeliver_ms;	   /* a receipt without an OK answer is sent again after that */
	uint32_t redeliver_max_ms; /* twice as late each time, up to that; 0: always the same */
	uint32_t answer_ms;	   /* how long a deliver_sm_resp is waited for */
	const char *receipt_shape; /* a name of tools/sim_shapes.def */
	const char *script_file;   /* NULL: none */
	const char *replay_file;   /* NULL: none */
	bool show_script;
	bool hang; /* binds are taken, submits never answered */

	struct sim_id_form ids;
	struct sim_id_form receipt_ids;
	uint64_t first_id; /* 0: from the wall clock */
	bool receipt_tlvs;

	char *profile_words;	    /* what the last profile was read from */
	const char *profile_script; /* its rows; NULL: none */
	uint32_t links;		    /* bound links of one system_id; 0: no bound */
	uint32_t inactivity_ms;	    /* nothing read for so long ends a link; 0: never */
	uint32_t window;	    /* unanswered submits of one link; 0: no bound */
	uint32_t receipt_window;    /* unanswered receipts of one link */
	uint32_t rate_per_s;	    /* submits of one system_id; 0: no bound */
	uint32_t burst;		    /* depth of its token bucket */

	const char *log_file; /* NULL: none */
	bool log_text;
	bool strict;
	const char *control; /* NULL: none; else unix:PATH or HOST:PORT */
	bool quiet;
	uint64_t stop_after;  /* submits; 0: never */
	uint32_t max_seconds; /* 0: no bound */
};

/* Reads the command line. --help and --version end the process with 0, a mistake with 2. */
void sim_options_read(struct sim_options *options, int argc, char **argv);

#endif
