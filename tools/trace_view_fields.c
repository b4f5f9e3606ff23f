/*
 * Chosen members of the JSON object, as a table: so that every name means the same in both, and
 * nothing can be chosen that may not be seen. Members within members are named with a dot.
 */
#include <string.h>

#include "tools/trace_own.h"

/* JSON of ours: without blanks, and right. */
struct cursor {
	const char *at;
	const char *end;
};

/* Behind a value of any kind. */
static const char *behind(struct cursor json)
{
	const char *at = json.at;
	int depth = 0;

	for (; at < json.end; at++) {
		if (*at == '"') {
			for (at++; at < json.end && *at != '"'; at++)
				at += *at == '\\';
		} else if (*at == '{' || *at == '[') {
			depth++;
		} else if (*at == '}' || *at == ']') {
			if (depth == 0)
				return at;
			depth--;
		} else if (*at == ',' && depth == 0) {
			return at;
		}
	}
	return json.end;
}

/* A member's value; n octets of name. false: there is none. */
static bool member(struct cursor object, const char *name, size_t n, struct cursor *value)
{
	struct cursor json = object;

	if (json.at == json.end || *json.at != '{')
		return false;
	json.at++;
	while (json.at < json.end && *json.at == '"') {
		const char *key = json.at + 1;
		const char *stop = memchr(key, '"', (size_t)(json.end - key));

		if (stop == NULL)
			return false;
		json.at = stop + 2;
		value->at = json.at;
		value->end = behind(json);
		if ((size_t)(stop - key) == n && memcmp(key, name, n) == 0)
			return true;
		json.at = value->end + 1;
	}
	return false;
}

/* The names of PDUs have dots themselves: the whole of it comes first. */
static bool choose(struct cursor object, const char *name, struct cursor *value)
{
	const char *dot;

	if (member(object, name, strlen(name), value))
		return true;
	for (dot = strchr(name, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
		struct cursor inner;

		if (member(object, name, (size_t)(dot - name), &inner))
			return choose(inner, dot + 1, value);
	}
	return false;
}

static void put_value(struct trace_view *view, const char *at, size_t n)
{
	struct buffer *out = &view->out;
	bool csv = view->format == TRACE_CSV;

	/* Escapes of JSON stay: so no value holds a tab or a line end. */
	if (n >= 2 && at[0] == '"') {
		at++;
		n -= 2;
	}
	if (!csv || (memchr(at, ',', n) == NULL && memchr(at, '"', n) == NULL)) {
		buffer_append(out, at, n);
		return;
	}
	buffer_text(out, "\"");
	for (size_t i = 0; i < n; i++)
		buffer_append(out, at[i] == '"' ? "\"\"" : at + i, at[i] == '"' ? 2 : 1);
	buffer_text(out, "\"");
}

void trace_view_fields(struct trace_view *view, const struct flow_event *event)
{
	const char *separator = view->format == TRACE_CSV ? "," : "\t";
	struct buffer table = view->out;
	struct cursor object;

	if (event->kind != FLOW_PDU)
		return;
	/* The object is written elsewhere for once. */
	buffer_clear(&view->object);
	view->out = view->object;
	trace_view_json(view, event);
	view->object = view->out;
	view->out = table;
	view->out.failed |= view->object.failed;
	for (size_t i = 0; !view->begun && view->format == TRACE_CSV && i < view->n_names; i++)
		buffer_format(&view->out, "%s%s", view->names[i],
			      i + 1 < view->n_names ? separator : "\n");
	view->begun = true;
	object.at = (const char *)view->object.octets;
	object.end = object.at + view->object.n;
	for (size_t i = 0; i < view->n_names; i++) {
		struct cursor value;

		if (choose(object, view->names[i], &value)) {
			view->named |= UINT64_C(1) << i;
			put_value(view, value.at, (size_t)(value.end - value.at));
		}
		if (i + 1 < view->n_names)
			buffer_text(&view->out, separator);
	}
	buffer_text(&view->out, "\n");
}
