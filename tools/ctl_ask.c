/* Asking a provider about a message: query, cancel, replace; and waiting for what comes of it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/ctl_table.h"
#include "tools/ctl_verbs.h"

/* Between two looks at what is not answered yet. */
#define LOOK_MIN_MS 20
#define LOOK_MAX_MS 500

/* ---- what came of one ask ---- */

static void show_state(const struct json *ask)
{
	const char *date = ctl_text(ask, "final_date", NULL);
	printf("the provider says %s", ctl_text(ask, "message_state", "?"));
	if (date) {
		fputs(" since ", stdout);
		ctl_print_clean(stdout, date);
	}
	if (ctl_int(ask, "error_code"))
		printf(", error_code %" PRId64, ctl_int(ask, "error_code"));
}

static void show_status(const struct json *ask)
{
	int64_t status = ctl_int(ask, "command_status");
	const char *action = ctl_text(ask, "action", "");
	if (!status)
		printf("accepted by the provider%s",
		       !strcmp(action, "cancel") ?
			       "; a receipt or a query tells whether it was so" :
			       "");
	else
		printf("refused by the provider: 0x%08" PRIx64 " %s (%s); nothing has changed",
		       status, ctl_text(ask, "status_name", "unnamed"),
		       ctl_text(ask, "meaning", "?"));
}

/* True: it was answered, and not with an error. */
static bool show_ask(const struct json *ask, int64_t part, int64_t parts)
{
	const char *outcome = ctl_text(ask, "outcome", "?");
	const char *error = ctl_text(ask, "error", NULL);
	bool answered = !strcmp(outcome, "answered");
	if (parts > 1)
		printf("part %" PRId64 " of %" PRId64 ": ", part, parts);
	if (answered && json_get(ask, "message_state"))
		show_state(ask);
	else if (answered)
		show_status(ask);
	else if (!strcmp(outcome, "unanswered"))
		fputs("no answer came: nobody knows whether the provider heard it", stdout);
	else if (!strcmp(outcome, "unsent"))
		fputs("not sent: the link was throttled, taken down or lost before", stdout);
	else
		fputs("not answered yet", stdout);
	printf(" (link %s); the message is %s%s%s\n", ctl_text(ask, "link", "?"),
	       ctl_text(ask, "status", "?"), error ? " / " : "", error ? error : "");
	return answered && !ctl_int(ask, "command_status");
}

/* Looks until it is done or the time is up. */
static bool follow(const struct ctl_run *run, const struct json *part, int64_t parts,
		   int64_t until_ms)
{
	char target[64];
	int64_t step_ms = LOOK_MIN_MS;
	struct ctl_call call = { .method = "GET", .target = target };
	snprintf(target, sizeof(target), "/control/v1/asks/%" PRId64, ctl_int(part, "ask"));
	for (;;) {
		struct ctl_answer answer;
		bool good = ctl_client_call(run->client, &call, &answer), found = good;
		bool late = ctl_client_now_ms(run->client) >= until_ms;
		bool waits = found && !strcmp(ctl_text(answer.json, "outcome", ""), "waits");
		if (found && (!waits || late) && run->json)
			printf("%.*s\n", (int)answer.text.n, (const char *)answer.text.octets);
		if (found && (!waits || late) && !run->json)
			good = show_ask(answer.json, ctl_int(part, "segment") + 1, parts);
		else if (found)
			good = !waits &&
			       !strcmp(ctl_text(answer.json, "outcome", ""), "answered") &&
			       !ctl_int(answer.json, "command_status");
		ctl_answer_release(&answer);
		if (!waits || late)
			return good;
		int64_t next_ms = ctl_client_now_ms(run->client) + step_ms;
		if (!ctl_client_wait(run->client, next_ms < until_ms ? next_ms : until_ms))
			return false;
		step_ms = step_ms * 2 < LOOK_MAX_MS ? step_ms * 2 : LOOK_MAX_MS;
	}
}

/* ---- the verbs ---- */

static bool show_part(const struct ctl_run *run, const struct json *part, int64_t parts,
		      int64_t until_ms)
{
	const char *result = ctl_text(part, "result", "?");
	if (!strcmp(result, "asked"))
		return follow(run, part, parts, until_ms);
	if (run->json)
		return !strcmp(result, "cancelled");
	if (parts > 1)
		printf("part %" PRId64 " of %" PRId64 ": ", ctl_int(part, "segment") + 1, parts);
	if (!strcmp(result, "cancelled")) {
		puts("cancelled here, it is not sent");
		return true;
	}
	fputs("nothing done: ", stdout);
	ctl_print_clean(stdout, ctl_text(part, "why", "?"));
	putchar('\n');
	return false;
}

static int ask(const struct ctl_run *run, const char *action, const struct buffer *body)
{
	char id[CTL_WORD_OCTETS], target[CTL_WORD_OCTETS + 64];
	struct ctl_answer answer;
	snprintf(target, sizeof(target), "/control/v1/messages/%s/%s", ctl_encode(run->args[0], id),
		 action);
	struct ctl_call call = {
		.method = "POST", .target = target, .body = body->octets, .body_octets = body->n
	};
	int64_t until_ms = ctl_client_now_ms(run->client) + run->timeout_ms;
	bool good = !body->failed && ctl_client_call(run->client, &call, &answer);
	if (body->failed) {
		fprintf(stderr, "esmectl: out of memory\n");
		return CTL_FAILED;
	}
	if (good && run->json)
		printf("%.*s\n", (int)answer.text.n, (const char *)answer.text.octets);
	const struct json *parts = json_get(answer.json, "parts");
	int64_t n = (int64_t)json_count(parts);
	for (int64_t i = 0; i < n; i++)
		good = show_part(run, json_at(parts, (size_t)i), n, until_ms) && good;
	ctl_answer_release(&answer);
	return good && !fflush(stdout) ? CTL_DONE : CTL_FAILED;
}

static const struct buffer nothing = { .octets = (uint8_t *)"{}", .n = 2 };

int ctl_query(const struct ctl_run *run)
{
	return ask(run, "query", &nothing);
}

int ctl_cancel(const struct ctl_run *run)
{
	return ask(run, "cancel", &nothing);
}

int ctl_replace(const struct ctl_run *run)
{
	struct buffer body = { 0 };
	struct json_writer json = { .out = &body };
	json_begin_object(&json);
	json_add_text(&json, "text", run->args[1]);
	json_end_object(&json);
	int status = ask(run, "replace", &body);
	buffer_release(&body);
	return status;
}
