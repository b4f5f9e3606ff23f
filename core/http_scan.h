/*
 * The strict scan of an HTTP head: from the first octet to the empty line, one octet at a time,
 * refusing at the first wrong one. It is no parser: what the fields mean is http.c's business, its
 * only user besides http_text.c.
 */
#ifndef CORE_HTTP_SCAN_H
#define CORE_HTTP_SCAN_H

#include "core/buffer.h"
#include "core/http.h"

enum http_head_state {
	HTTP_HEAD_METHOD,
	HTTP_HEAD_TARGET,
	HTTP_HEAD_VERSION,
	HTTP_HEAD_REASON,
	HTTP_HEAD_LINE_LF, /* CR was seen, LF must follow */
	HTTP_HEAD_NAME_FIRST,
	HTTP_HEAD_NAME,
	HTTP_HEAD_VALUE,
	HTTP_HEAD_LAST_LF,
	HTTP_HEAD_COMPLETE,
	HTTP_HEAD_BAD,
};

struct http_head {
	/* Set these first, then http_head_reset. */
	bool response;
	uint32_t octets_max;
	uint32_t fields_max; /* at most HTTP_FIELDS_MAX */

	enum http_head_state state;
	uint32_t word;	    /* octets of the current word so far */
	uint32_t digits[2]; /* of the version; 1 and 0 or 1 when COMPLETE */
	int status;	    /* BAD: what a server answers, 400, 431 or 505 */
	const char *why;    /* BAD: in words; for 431 the limit's figure is to follow */
	uint32_t limit;	    /* BAD with 431: the figure, and which limit it is */
	enum http_limit met;
	struct buffer text; /* what was taken so far; release it */

	/*
	 * Filled by the parser when the head is COMPLETE; pointers into `text`, which the parser's
	 * callbacks cut into strings.
	 */
	struct http_field fields[HTTP_FIELDS_MAX];
	size_t field_count;
	char *target;
	uint64_t content_length; /* UINT64_MAX: none */
	bool keep_alive;
};

/* Ready for the next head, keeping the memory. */
void http_head_reset(struct http_head *head);

/*
 * Takes octets up to the end of the head or the first wrong one; returns how many.
 * head->text.failed: memory is short.
 */
size_t http_head_feed(struct http_head *head, const uint8_t *octets, size_t n);

/* May the octet stand in a field's value? Visible, blank, tab, or beyond ASCII. */
bool http_is_text(uint8_t c);

#endif
