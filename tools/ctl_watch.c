/* What goes on in time: the feed as it comes, and waiting for an order. */
#include <stdio.h>
#include <string.h>

#include "tools/ctl_table.h"
#include "tools/ctl_verbs.h"

/* Between two looks at an order that is waited for. */
#define LOOK_MIN_MS 50
#define LOOK_MAX_MS 500

/* ---- events ---- */

static bool show_event(void *arg, const char *line, size_t n)
{
	static const char *const says[] = { "link", "reason", "name", "text", NULL };
	const struct ctl_run *run = arg;
	struct json_error error;
	char at[CTL_TIME_OCTETS];
	if (run->json) {
		printf("%s\n", line);
		return !fflush(stdout);
	}
	struct json *event = json_read(line, n, &error);
	const struct json *order = json_get(event, "order_id");
	if (!event)
		return true; /* a line of another kind, such as one that keeps the link alive */
	printf("%-8s %s  %-18s", ctl_text(event, "id", "?"), ctl_time(event, "at", at),
	       ctl_text(event, "event", "?"));
	if (json_kind(order) == JSON_KIND_INTEGER)
		printf("  order %lld", (long long)ctl_int(event, "order_id"));
	if (ctl_text(event, "bx_message_id", NULL))
		printf("  %s  %s", ctl_text(event, "bx_message_id", ""),
		       ctl_text(event, "status", ""));
	if (json_kind(json_get(event, "number")) == JSON_KIND_INTEGER)
		printf("  %lld", (long long)ctl_int(event, "number"));
	for (const char *const *name = says; *name; name++) {
		const char *text = ctl_text(event, *name, NULL);
		if (!text)
			continue;
		fputs("  ", stdout);
		ctl_print_clean(stdout, text);
	}
	putchar('\n');
	json_free(event);
	return !fflush(stdout);
}

int ctl_events(const struct ctl_run *run)
{
	char target[CTL_WORD_OCTETS + 128], types[CTL_WORD_OCTETS];
	struct ctl_run mine = *run;
	int n = snprintf(target, sizeof(target), "/control/v1/events");
	char join = '?';
	if (run->types) {
		n += snprintf(target + n, sizeof(target) - (size_t)n, "%ctypes=%s", join,
			      ctl_encode(run->types, types));
		join = '&';
	}
	if (run->since) {
		n += snprintf(target + n, sizeof(target) - (size_t)n, "%csince=%.40s", join,
			      run->since);
		join = '&';
	}
	if (run->order)
		snprintf(target + n, sizeof(target) - (size_t)n, "%corder_id=%llu", join,
			 (unsigned long long)run->order);
	return ctl_client_stream(run->client, target, show_event, &mine) ? CTL_DONE : CTL_FAILED;
}

/* ---- waiting ---- */

static void say_waited(const struct ctl_run *run, const struct json *order, bool resolved)
{
	printf("order %s %s: %lld delivered, %lld failed, %lld unknown, %lld pending of %lld\n",
	       run->args[0], resolved ? "resolved" : "not resolved in time",
	       (long long)ctl_int(order, "delivered"), (long long)ctl_int(order, "failed"),
	       (long long)ctl_int(order, "unknown"), (long long)ctl_int(order, "pending"),
	       (long long)ctl_int(order, "total"));
}

/*
 * Looks again and again instead of following the feed, so that it outlives a daemon that is started
 * anew meanwhile. The first look must find a daemon and the order.
 */
int ctl_wait_order(const struct ctl_run *run)
{
	char target[CTL_WORD_OCTETS + 32], id[CTL_WORD_OCTETS];
	int64_t until_ms = ctl_client_now_ms(run->client) + run->timeout_ms, step_ms = LOOK_MIN_MS;
	struct ctl_call call = { .method = "GET", .target = target };
	snprintf(target, sizeof(target), "/control/v1/orders/%s", ctl_encode(run->args[0], id));
	for (bool first = true;; first = false) {
		struct ctl_answer answer;
		int64_t now_ms = ctl_client_now_ms(run->client);
		call.quiet = !first;
		call.until_ms = first || until_ms < now_ms ? 0 : until_ms + LOOK_MAX_MS;
		bool found = ctl_client_call(run->client, &call, &answer);
		bool gone = !found && (first || answer.status == 404);
		bool resolved = found && !ctl_int(answer.json, "pending");
		bool late = ctl_client_now_ms(run->client) >= until_ms;
		if (found && (resolved || late) && run->json)
			printf("%.*s\n", (int)answer.text.n, (const char *)answer.text.octets);
		else if (found && (resolved || late))
			say_waited(run, answer.json, resolved);
		else if (late && !gone)
			fprintf(stderr, "esmectl: the time is up and the daemon does not answer\n");
		ctl_answer_release(&answer);
		if (resolved)
			return CTL_DONE;
		int64_t next_ms = ctl_client_now_ms(run->client) + step_ms;
		if (gone || late ||
		    !ctl_client_wait(run->client, next_ms < until_ms ? next_ms : until_ms))
			return CTL_FAILED;
		step_ms = step_ms * 2 < LOOK_MAX_MS ? step_ms * 2 : LOOK_MAX_MS;
	}
}
