/* See http_scan.h. A state per place in the head, a step per octet. */
#include "core/http_scan.h"

#include <string.h>

void http_head_reset(struct http_head *head)
{
	head->state = head->response ? HTTP_HEAD_VERSION : HTTP_HEAD_METHOD;
	head->word = 0;
	head->field_count = 0;
	head->target = NULL;
	buffer_clear(&head->text);
}

static enum http_head_state bad(struct http_head *head, int status, const char *why)
{
	head->status = status;
	head->why = why;
	return HTTP_HEAD_BAD;
}

static bool is_token(uint8_t c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

bool http_is_text(uint8_t c)
{
	return (c >= 0x20 && c != 0x7f) || c == '\t';
}

static enum http_head_state step_version(struct http_head *head, uint8_t c)
{
	static const char form[] = "HTTP/1.1";
	uint32_t at = head->word++;
	bool digit = c >= '0' && c <= '9';

	if (at < 8) {
		if (at == 5 || at == 7) {
			if (!digit)
				return bad(head, 400, "The HTTP version is malformed.");
			head->digits[at == 7] = (uint32_t)(c - '0');
		} else if (c != (uint8_t)form[at]) {
			return bad(head, 400, "The HTTP version is malformed.");
		}
		return HTTP_HEAD_VERSION;
	}
	if (c != (head->response ? ' ' : '\r'))
		return bad(head, 400, "The HTTP version is malformed.");
	if (head->digits[0] != 1 || head->digits[1] > 1)
		return bad(head, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken.");
	return head->response ? HTTP_HEAD_REASON : HTTP_HEAD_LINE_LF;
}

static enum http_head_state step_first_line(struct http_head *head, uint8_t c)
{
	if (head->state == HTTP_HEAD_VERSION)
		return step_version(head, c);
	if (head->state == HTTP_HEAD_REASON) {
		if (c == '\r')
			return HTTP_HEAD_LINE_LF;
		return http_is_text(c) ? HTTP_HEAD_REASON :
					 bad(head, 400, "The status line is malformed.");
	}
	if (head->state == HTTP_HEAD_METHOD) {
		if (c == ' ' && head->word > 0) {
			head->word = 0;
			return HTTP_HEAD_TARGET;
		}
		head->word++;
		return is_token(c) ? HTTP_HEAD_METHOD : bad(head, 400, "The method is malformed.");
	}
	if (head->word == 0 && c != '/')
		return bad(head, 400, "The request target must begin with a slash.");
	if (c == ' ') {
		head->word = 0;
		return HTTP_HEAD_VERSION;
	}
	head->word++;
	if (c == '\r' || c == '\n')
		return bad(head, 400, "The request line has no HTTP version.");
	if (c < 0x21 || c > 0x7e || c == '#')
		return bad(head, 400, "The request target has a character that must be encoded.");
	return HTTP_HEAD_TARGET;
}

static enum http_head_state step_field(struct http_head *head, uint8_t c)
{
	if (head->state == HTTP_HEAD_NAME_FIRST) {
		if (c == '\r')
			return HTTP_HEAD_LAST_LF;
		if (c == ' ' || c == '\t')
			return bad(head, 400, "A header field is folded over lines.");
		if (head->field_count == head->fields_max) {
			head->limit = head->fields_max;
			head->met = HTTP_LIMIT_FIELDS;
			return bad(head, 431, "There are more header fields than the limit of");
		}
		head->field_count++;
		return is_token(c) ? HTTP_HEAD_NAME : bad(head, 400, "A header field has no name.");
	}
	if (head->state == HTTP_HEAD_NAME) {
		if (c == ':')
			return HTTP_HEAD_VALUE;
		return is_token(c) ? HTTP_HEAD_NAME :
				     bad(head, 400, "A header field's name is malformed.");
	}
	if (c == '\r')
		return HTTP_HEAD_LINE_LF;
	return http_is_text(c) ? HTTP_HEAD_VALUE :
				 bad(head, 400, "A header field has a control character.");
}

static enum http_head_state step(struct http_head *head, uint8_t c)
{
	switch (head->state) {
	case HTTP_HEAD_METHOD:
	case HTTP_HEAD_TARGET:
	case HTTP_HEAD_VERSION:
	case HTTP_HEAD_REASON:
		return step_first_line(head, c);
	case HTTP_HEAD_NAME_FIRST:
	case HTTP_HEAD_NAME:
	case HTTP_HEAD_VALUE:
		return step_field(head, c);
	case HTTP_HEAD_LINE_LF:
		return c == '\n' ? HTTP_HEAD_NAME_FIRST :
				   bad(head, 400, "A line does not end with CR LF.");
	case HTTP_HEAD_LAST_LF:
		return c == '\n' ? HTTP_HEAD_COMPLETE :
				   bad(head, 400, "A line does not end with CR LF.");
	case HTTP_HEAD_COMPLETE:
	case HTTP_HEAD_BAD:
		break;
	}
	return head->state;
}

size_t http_head_feed(struct http_head *head, const uint8_t *octets, size_t n)
{
	size_t i = 0;

	while (i < n && head->state < HTTP_HEAD_COMPLETE) {
		if (head->text.n + i == head->octets_max) {
			head->limit = head->octets_max;
			head->met = HTTP_LIMIT_HEAD;
			head->state = bad(head, 431, "The header is longer than the limit of");
			break;
		}
		head->state = step(head, octets[i++]);
	}
	buffer_append(&head->text, octets, i);
	return i;
}
