/*
 * esmectl's side of the control socket: one request and its answer, or a stream of lines. It knows
 * HTTP and the daemon's way to say no; what an answer means is its caller's business. Opens no
 * socket itself: core/port.h does.
 */
#ifndef TOOLS_CTL_CLIENT_H
#define TOOLS_CTL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/json.h"

/* How long an answer may take; a check of a large store is the slowest. */
#define CTL_ANSWER_MS 60000

struct ctl_client;

/* Talks to the daemon at this path, which must live as long as the client. NULL: no memory. */
struct ctl_client *ctl_client_new(const char *socket_path);
void ctl_client_free(struct ctl_client *client);

struct ctl_call {
	const char *method; /* "GET" */
	const char *target; /* path and query, encoded */
	const void *body;   /* JSON; NULL: none */
	size_t body_octets;
	int64_t until_ms; /* of ctl_client_now_ms; 0: CTL_ANSWER_MS from now */
	bool quiet;	  /* say nothing when nobody answers */
};

struct ctl_answer {
	int status;	    /* of HTTP; 0: nobody answered */
	struct buffer text; /* the body as it came */
	struct json *json;  /* the same, read; NULL when it is none */
};

/*
 * True: an answer of 2xx with JSON. False: it has been said on standard error what is wrong, where
 * and what to do next (unless quiet); answer->status tells. Release the answer either way.
 */
bool ctl_client_call(struct ctl_client *client, const struct ctl_call *call,
		     struct ctl_answer *answer);
void ctl_answer_release(struct ctl_answer *answer);

/*
 * Hands over each line of an endless answer as it comes, without its end, NUL-terminated; false
 * from `line` stops. True: stopped so, or by INT or TERM. False: said on standard error why.
 */
typedef bool ctl_line_fn(void *arg, const char *line, size_t n);
bool ctl_client_stream(struct ctl_client *client, const char *target, ctl_line_fn *line, void *arg);

/* Monotonic. */
int64_t ctl_client_now_ms(struct ctl_client *client);
/* Waits; false: INT or TERM came. */
bool ctl_client_wait(struct ctl_client *client, int64_t until_ms);

#endif
