/* What operators do: reload, links, providers, routes, doubts, orphans; and the audit of it. */
#include <stdio.h>
#include <string.h>

#include "tools/ctl_table.h"
#include "tools/ctl_verbs.h"

/* ---- reload ---- */

static void show_reload(const struct ctl_run *run, const struct json *answer)
{
	static const char *const heads[] = { "KEY", "WAS", "IS", "WHEN" };
	const struct json *changes = json_get(answer, "changes");
	struct ctl_table table;
	ctl_print_clean(stdout, ctl_text(answer, "file", "?"));
	printf(run->dry_run ? ": no mistakes; nothing was changed, generation %lld is in force\n" :
			      ": loaded, generation %lld is in force\n",
	       (long long)ctl_int(answer, "generation"));
	ctl_table_begin(&table, heads, 4);
	for (size_t i = 0; i < json_count(changes); i++) {
		const struct json *change = json_at(changes, i);
		ctl_table_member(&table, change, "path");
		ctl_table_member(&table, change, "was");
		ctl_table_member(&table, change, "is");
		ctl_table_member(&table, change, "when");
	}
	ctl_table_print(&table, stdout,
			"no value differs; passwords and certificates are read again all the same");
}

int ctl_reload(const struct ctl_run *run)
{
	static const struct buffer body = { .octets = (uint8_t *)"{}", .n = 2 };
	return ctl_post(run, show_reload,
			run->dry_run ? "/control/v1/reload?dry_run=1" : "/control/v1/reload",
			&body);
}

/* ---- until the restart ---- */

static void show_change(const struct ctl_run *run, const struct json *answer)
{
	printf("%s: %s, until the daemon restarts (not durable)\n", run->args[0],
	       ctl_text(answer, "action", "?"));
	ctl_print_clean(stdout, ctl_text(answer, "note", ""));
	if (ctl_int(answer, "outstanding"))
		printf("; out without a verdict: %lld", (long long)ctl_int(answer, "outstanding"));
	putchar('\n');
}

/* "links", "alpha/main", "down"; the last word is one of `words` (ending in NULL). */
static int change(const struct ctl_run *run, const char *kind, const char *const *words)
{
	static const struct buffer body = { .octets = (uint8_t *)"{}", .n = 2 };
	char name[CTL_WORD_OCTETS], target[CTL_WORD_OCTETS + 64];
	const char *action = run->args[1];
	size_t i = 0;
	while (words[i] && strcmp(words[i], action) != 0)
		i++;
	if (!words[i])
		ctl_usage("'%s' is neither %s nor %s%s%s", action, words[0], words[1],
			  words[2] ? " nor " : "", words[2] ? words[2] : "");
	snprintf(target, sizeof(target), "/control/v1/%s/%s/%s", kind,
		 ctl_encode(run->args[0], name), action);
	return ctl_post(run, show_change, target, &body);
}

int ctl_link(const struct ctl_run *run)
{
	static const char *const words[] = { "up", "down", "rebind", NULL };
	return change(run, "links", words);
}

static const char *const pauses[] = { "pause", "resume", NULL, NULL };

int ctl_provider(const struct ctl_run *run)
{
	return change(run, "providers", pauses);
}

int ctl_route(const struct ctl_run *run)
{
	return change(run, "routes", pauses);
}

/* ---- doubts ---- */

static void show_doubts(const struct ctl_run *run, const struct json *answer)
{
	static const char *const heads[] = { "MESSAGE",	 ">PART",    "NUMBER", "SINCE (UTC)",
					     ">ATTEMPT", "PROVIDER", "POLICY", "NEXT",
					     "AT (UTC)", ">ORPHAN" };
	const struct json *doubts = json_get(answer, "doubts");
	const char *next = ctl_text(answer, "next", NULL);
	struct ctl_table table;
	char time[CTL_TIME_OCTETS];
	(void)run;
	ctl_table_begin(&table, heads, 10);
	for (size_t i = 0; i < json_count(doubts); i++) {
		const struct json *doubt = json_at(doubts, i);
		ctl_table_member(&table, doubt, "bx_message_id");
		ctl_table_cell(&table, "%lld/%lld", (long long)ctl_int(doubt, "segment") + 1,
			       (long long)ctl_int(doubt, "parts"));
		ctl_table_member(&table, doubt, "msisdn");
		ctl_table_cell(&table, "%s", ctl_time(doubt, "since", time));
		ctl_table_member(&table, doubt, "attempt");
		ctl_table_member(&table, doubt, "provider");
		ctl_table_member(&table, doubt, "policy");
		ctl_table_member(&table, doubt, "next_action");
		ctl_table_cell(&table, "%s", ctl_time(doubt, "next_action_at", time));
		ctl_table_member(&table, doubt, "suggestion");
	}
	ctl_table_print(&table, stdout, next ? "nothing so far" : "nothing is in doubt");
	if (next)
		printf("more: --since=%s\n", next);
}

int ctl_doubt_list(const struct ctl_run *run)
{
	return ctl_get(run, show_doubts, "/control/v1/doubts?limit=%lld%s%s%s",
		       (long long)(run->limit ? run->limit : 20), run->since ? "&from=" : "",
		       run->since ? run->since : "", run->numbers ? "&numbers=1" : "");
}

static void show_decision(const struct ctl_run *run, const struct json *answer)
{
	const char *error = ctl_text(answer, "error", NULL);
	int64_t parts = ctl_int(answer, "segments");
	(void)run;
	printf("%s: %s of %lld part%s, durable; it is %s%s%s now%s\n",
	       ctl_text(answer, "bx_message_id", "?"), ctl_text(answer, "action", "?"),
	       (long long)parts, parts == 1 ? "" : "s", ctl_text(answer, "status", "?"),
	       error ? " / " : "", error ? error : "",
	       ctl_bool(answer, "possible_duplicate") ? "; it may reach its recipient twice" : "");
}

static int decide(const struct ctl_run *run, const char *action)
{
	static const struct buffer body = { .octets = (uint8_t *)"{}", .n = 2 };
	char id[CTL_WORD_OCTETS], target[CTL_WORD_OCTETS + 64];
	snprintf(target, sizeof(target), "/control/v1/doubts/%s/%s", ctl_encode(run->args[0], id),
		 action);
	return ctl_post(run, show_decision, target, &body);
}

int ctl_doubt_close(const struct ctl_run *run)
{
	return decide(run, "close");
}

int ctl_doubt_resend(const struct ctl_run *run)
{
	return decide(run, "resend");
}

/* ---- orphans ---- */

static void show_orphans(const struct ctl_run *run, const struct json *answer)
{
	static const char *const heads[] = {
		">SEQ", "LINK", ">AGE", "ID", "DESTINATION", "REASON"
	};
	const struct json *orphans = json_get(answer, "orphans");
	struct ctl_table table;
	char age[CTL_TIME_OCTETS];
	(void)run;
	ctl_table_begin(&table, heads, 6);
	for (size_t i = 0; i < json_count(orphans); i++) {
		const struct json *orphan = json_at(orphans, i);
		ctl_table_member(&table, orphan, "seq");
		ctl_table_member(&table, orphan, "link");
		ctl_table_cell(&table, "%s", ctl_duration(ctl_int(orphan, "age_ms"), age));
		ctl_table_member(&table, orphan, "id");
		ctl_table_member(&table, orphan, "destination");
		ctl_table_cell(&table, "%s", ctl_text(orphan, "reason", "its record is corrupt"));
	}
	ctl_table_print(&table, stdout, "no orphan");
	ctl_print_older(answer);
}

int ctl_orphans_list(const struct ctl_run *run)
{
	char page[CTL_PAGE_OCTETS];
	return ctl_get(run, show_orphans, "/control/v1/orphans?%s%s", ctl_page(run, page),
		       run->numbers ? "&numbers=1" : "");
}

static void show_join(const struct ctl_run *run, const struct json *answer)
{
	const char *error = ctl_text(answer, "error", NULL);
	(void)run;
	printf("orphan %lld: joined to %s, part %lld, durable; it is %s%s%s now\n",
	       (long long)ctl_int(answer, "orphan"), ctl_text(answer, "bx_message_id", "?"),
	       (long long)ctl_int(answer, "segment") + 1, ctl_text(answer, "status", "?"),
	       error ? " / " : "", error ? error : "");
}

static int join(const struct ctl_run *run, const char *seq, const char *message)
{
	struct buffer body = { 0 };
	struct json_writer json = { .out = &body };
	char number[CTL_WORD_OCTETS], target[CTL_WORD_OCTETS + 64];
	json_begin_object(&json);
	json_add_text(&json, "message", message);
	if (run->part)
		json_add_int(&json, "part", run->part);
	json_end_object(&json);
	snprintf(target, sizeof(target), "/control/v1/orphans/%s/join", ctl_encode(seq, number));
	int status = ctl_post(run, show_join, target, &body);
	buffer_release(&body);
	return status;
}

int ctl_orphans_join(const struct ctl_run *run)
{
	return join(run, run->args[0], run->args[1]);
}

int ctl_doubt_join(const struct ctl_run *run)
{
	return join(run, run->args[1], run->args[0]);
}

static void show_drop(const struct ctl_run *run, const struct json *answer)
{
	(void)run;
	printf("orphan %lld: dropped, durable\n", (long long)ctl_int(answer, "orphan"));
}

int ctl_orphans_drop(const struct ctl_run *run)
{
	static const struct buffer body = { .octets = (uint8_t *)"{}", .n = 2 };
	char seq[CTL_WORD_OCTETS], target[CTL_WORD_OCTETS + 64];
	snprintf(target, sizeof(target), "/control/v1/orphans/%s/drop",
		 ctl_encode(run->args[0], seq));
	return ctl_post(run, show_drop, target, &body);
}

/* ---- audit ---- */

static void show_audit(const struct ctl_run *run, const struct json *answer)
{
	static const char *const heads[] = { ">SEQ", "AT (UTC)", ">UID", "WHAT" };
	const struct json *rows = json_get(answer, "audit");
	struct ctl_table table;
	char at[CTL_TIME_OCTETS];
	(void)run;
	ctl_table_begin(&table, heads, 4);
	for (size_t i = 0; i < json_count(rows); i++) {
		const struct json *row = json_at(rows, i);
		ctl_table_member(&table, row, "seq");
		ctl_table_cell(&table, "%s", ctl_time(row, "at", at));
		ctl_table_member(&table, row, "uid");
		ctl_table_member(&table, row, "verb");
	}
	ctl_table_print(&table, stdout, "no operator has changed anything yet");
	ctl_print_older(answer);
}

int ctl_audit_list(const struct ctl_run *run)
{
	char page[CTL_PAGE_OCTETS];
	return ctl_get(run, show_audit, "/control/v1/audit?%s", ctl_page(run, page));
}
