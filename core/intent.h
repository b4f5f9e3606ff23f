/*
 * An intent: what the body of send_sms and estimate says, checked as far as it can be without
 * knowing accounts or prices: types, presence, syntax of numbers, duplicates, sender id,
 * control characters. Of the route it knows only whether a sender must be given. Every mistake is
 * told with its place. What else the route allows is core/admission.c.
 */
#ifndef CORE_INTENT_H
#define CORE_INTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "core/json.h"

struct api_call;

#define INTENT_NUMBERS_MAX  50000
#define INTENT_TEXT_MAX	    65535 /* octets of a message */
#define INTENT_REF_MAX	    64	  /* characters of a client_ref */
#define INTENT_WARNINGS_MAX 8

/* Texts live as long as the body that was read. */
struct intent {
	uint32_t route_id;
	char caller_id[12]; /* without blanks around it; "" where the route allows it */
	uint64_t *numbers;  /* of the request, in its order; freed by intent_release */
	uint32_t n_numbers;
	const char *text;
	size_t text_octets;
	const char *client_ref; /* "" when absent */
	int64_t validity_ms;	/* 0: as the route says */
	int64_t send_at_ms;	/* wall clock; 0: at once */
	bool has_priority;
	uint32_t priority;
	const char *unknown[INTENT_WARNINGS_MAX]; /* members that mean nothing here */
	size_t n_unknown;
};

/* Mistakes are added to the call's flaws. Release it in any case. */
void intent_read(struct api_call *call, const struct json *body, const struct config *config,
		 int64_t wall_ms, struct intent *intent);
void intent_release(struct intent *intent);

/* The members of `unknown` alone, of a body that was read before. */
void intent_unknown(const struct json *body, struct intent *intent);

/* RFC 3339 with a zone as wall clock; false: it is none. */
bool intent_time(const char *text, int64_t *at_ms);

#endif
