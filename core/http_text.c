/*
 * The parts of HTTP that are only text: queries in; replies, chunks and calls out. See http.h. No
 * parser, no state; http.c has both.
 */
#include "core/http.h"
#include "core/http_scan.h"

#include <stdio.h>
#include <string.h>

/* ---- query ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes n octets into `out`; false (and out "") when they are broken or do not fit. */
static bool decode(const char *from, size_t n, char *out, size_t out_octets)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		int c = from[i] == '+' ? ' ' : (unsigned char)from[i];

		if (from[i] == '%') {
			int high = n - i > 2 ? hex_digit(from[i + 1]) : -1;
			int low = n - i > 2 ? hex_digit(from[i + 2]) : -1;

			c = high < 0 || low < 0 ? 0 : high * 16 + low;
			i += 2;
		}
		if (c == 0 || used + 1 >= out_octets) {
			out[0] = '\0';
			return false;
		}
		out[used++] = (char)c;
	}
	out[used] = '\0';
	return true;
}

/* Does the encoded name of n octets decode to `name`? */
static bool same_name(const char *encoded, size_t n, const char *name)
{
	char decoded[64];

	return decode(encoded, n, decoded, sizeof(decoded)) && strcmp(decoded, name) == 0;
}

enum http_query_result http_query(const struct http_request *request, const char *name, size_t nth,
				  char *out, size_t out_octets)
{
	out[0] = '\0';
	for (const char *p = request->query; *p != '\0';) {
		size_t n = strcspn(p, "&");
		size_t name_n = strcspn(p, "=&");

		if (n > 0 && same_name(p, name_n, name) && nth-- == 0) {
			size_t value = name_n < n ? name_n + 1 : n;

			return decode(p + value, n - value, out, out_octets) ? HTTP_QUERY_FOUND :
									       HTTP_QUERY_BAD;
		}
		p += p[n] == '&' ? n + 1 : n;
	}
	return HTTP_QUERY_ABSENT;
}

bool http_query_next(const struct http_request *request, const char **cursor, char *out,
		     size_t out_octets)
{
	const char *p = *cursor != NULL ? *cursor : request->query;

	while (*p == '&')
		p++;
	out[0] = '\0';
	if (*p == '\0')
		return false;
	size_t n = strcspn(p, "&");

	decode(p, strcspn(p, "=&"), out, out_octets);
	*cursor = p + n;
	return true;
}

/* ---- replies ---- */

static const struct {
	int status;
	const char *text;
} statuses[] = {
	{ 200, "OK" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

const char *http_status_text(int status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (statuses[i].status == status)
			return statuses[i].text;
	}
	return "";
}

/* A line break smuggled into a value would end the field. */
static void put_fields(struct buffer *out, const struct http_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buffer_text(out, fields[i].name);
		buffer_text(out, ": ");
		for (const char *p = fields[i].value; *p != '\0'; p++) {
			if (http_is_text((uint8_t)*p))
				buffer_append(out, p, 1);
		}
		buffer_text(out, "\r\n");
	}
}

void http_reply_head(struct buffer *out, const struct http_reply *reply)
{
	buffer_format(out, "HTTP/1.1 %d %s\r\n", reply->status, http_status_text(reply->status));
	if (reply->content_type != NULL)
		buffer_format(out, "Content-Type: %s\r\n", reply->content_type);
	if (reply->content_type == NULL && reply->status != 204 && reply->status != 304)
		buffer_text(out, "Content-Length: 0\r\n");
	else if (reply->content_type != NULL && reply->content_length >= 0)
		buffer_format(out, "Content-Length: %lld\r\n", (long long)reply->content_length);
	else if (reply->content_type != NULL && reply->chunked)
		buffer_text(out, "Transfer-Encoding: chunked\r\n");
	put_fields(out, reply->fields, reply->field_count);
	if (!reply->keep_alive)
		buffer_text(out, "Connection: close\r\n");
	buffer_text(out, "\r\n");
}

void http_reply_whole(struct buffer *out, const struct http_reply *reply, const void *body,
		      size_t n)
{
	struct http_reply whole = *reply;

	whole.content_length = (int64_t)n;
	http_reply_head(out, &whole);
	buffer_append(out, body, n);
}

void http_chunk(struct buffer *out, const void *octets, size_t n)
{
	if (n == 0)
		return; /* an empty chunk would end the body */
	buffer_format(out, "%zx\r\n", n);
	buffer_append(out, octets, n);
	buffer_text(out, "\r\n");
}

void http_chunk_end(struct buffer *out)
{
	buffer_text(out, "0\r\n\r\n");
}

/* ---- calls ---- */

void http_call(struct buffer *out, const struct http_call *call)
{
	buffer_format(out, "%s %s HTTP/1.1\r\nHost: %s\r\n", call->method, call->target,
		      call->host != NULL ? call->host : "localhost");
	if (call->content_type != NULL)
		buffer_format(out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
			      call->content_type, call->body_octets);
	put_fields(out, call->fields, call->field_count);
	if (!call->keep_alive)
		buffer_text(out, "Connection: close\r\n");
	buffer_text(out, "\r\n");
	if (call->content_type != NULL)
		buffer_append(out, call->body, call->body_octets);
}

void http_encode(struct buffer *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		char c = *p;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-._~", c) != NULL)
			buffer_append(out, p, 1);
		else
			buffer_format(out, "%%%02X", (unsigned)(unsigned char)c);
	}
}
