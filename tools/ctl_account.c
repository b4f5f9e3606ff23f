/* Accounts: import, creation, keys, top-ups, the ledger. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/ctl_table.h"
#include "tools/ctl_verbs.h"

#define FILE_OCTETS_MAX (1u << 20) /* the largest body that the daemon takes as it comes */

/* ---- making ---- */

/* What was made, with the secrets that are shown this once. */
static void show_made(const struct ctl_run *run, const struct json *answer)
{
	static const char *const heads[] = { "ACCOUNT", "WHAT", ">BALANCE", "CURRENCY",
					     "NEW KEYS" };
	const struct json *accounts = json_get(answer, "accounts");
	struct ctl_table table;
	char balance[CTL_TIME_OCTETS];
	(void)run;
	ctl_table_begin(&table, heads, 5);
	for (size_t i = 0; i < json_count(accounts); i++) {
		const struct json *account = json_at(accounts, i),
				  *keys = json_get(account, "keys");
		struct buffer list = { 0 };
		for (size_t k = 0; k < json_count(keys); k++) {
			const char *key = json_get_text(json_get(json_at(keys, k), "key"), NULL);
			if (key)
				buffer_format(&list, "%s%s", list.n ? " " : "", key);
		}
		ctl_table_member(&table, account, "name");
		ctl_table_member(&table, account, "result");
		ctl_table_cell(&table, "%s", ctl_money(account, "balance", balance));
		ctl_table_member(&table, account, "currency");
		ctl_table_cell(&table, "%.*s", list.n ? (int)list.n : 1,
			       list.n ? (const char *)list.octets : "-");
		buffer_release(&list);
	}
	ctl_table_print(&table, stdout, "the file names no account");
}

static bool read_file(const char *path, struct buffer *body)
{
	bool standard = !strcmp(path, "-");
	FILE *file = standard ? stdin : fopen(path, "re");
	size_t n = 1;
	while (file && n && body->n <= FILE_OCTETS_MAX) {
		uint8_t *at = buffer_reserve(body, 65536);
		n = at ? fread(at, 1, 65536, file) : 0;
		body->n += n;
	}
	bool bad = !file || ferror(file) || body->failed;
	if (bad)
		fprintf(stderr, "esmectl: %s: %s\n", path,
			body->failed ? "out of memory" : strerror(errno));
	else if (body->n > FILE_OCTETS_MAX)
		fprintf(stderr, "esmectl: %s: more than %u octets; split the file\n", path,
			FILE_OCTETS_MAX);
	else if (!body->n)
		fprintf(stderr, "esmectl: %s: empty\n", path);
	if (file && !standard)
		fclose(file);
	return !bad && body->n && body->n <= FILE_OCTETS_MAX;
}

int ctl_account_import(const struct ctl_run *run)
{
	struct buffer body = { 0 };
	int status = CTL_FAILED;
	if (read_file(run->args[0], &body))
		status = ctl_post(run, show_made, "/control/v1/accounts/import", &body);
	buffer_release(&body);
	return status;
}

int ctl_account_create(const struct ctl_run *run)
{
	struct buffer body = { 0 };
	struct json_writer json = { .out = &body };
	json_begin_object(&json);
	json_add_text(&json, "name", run->args[0]);
	if (run->currency)
		json_add_text(&json, "currency", run->currency);
	if (run->opening)
		json_add_text(&json, "opening", run->opening);
	if (run->credit_limit)
		json_add_text(&json, "credit_limit", run->credit_limit);
	if (run->sandbox)
		json_add_bool(&json, "sandbox", true);
	json_key(&json, "keys");
	json_begin_array(&json);
	json_begin_object(&json);
	json_add_text(&json, "label", run->label ? run->label : "first");
	json_end_object(&json);
	json_end_array(&json);
	json_end_object(&json);
	int status = ctl_post(run, show_made, "/control/v1/accounts", &body);
	buffer_release(&body);
	return status;
}

static void show_keys(const struct ctl_run *run, const struct json *answer)
{
	static const char *const heads[] = { "ID", "LABEL", "ACTIVE", "CREATED (UTC)" };
	const struct json *keys = json_get(answer, "keys");
	struct ctl_table table;
	char created[CTL_TIME_OCTETS];
	(void)run;
	ctl_table_begin(&table, heads, 4);
	for (size_t i = 0; i < json_count(keys); i++) {
		const struct json *key = json_at(keys, i);
		ctl_table_member(&table, key, "id");
		ctl_table_member(&table, key, "label");
		ctl_table_member(&table, key, "active");
		ctl_table_cell(&table, "%s", ctl_time(key, "created_at", created));
	}
	ctl_table_print(&table, stdout, "the account has no key");
}

int ctl_account_keys(const struct ctl_run *run)
{
	char name[CTL_WORD_OCTETS];
	return ctl_get(run, show_keys, "/control/v1/accounts/%s/keys",
		       ctl_encode(run->args[0], name));
}

static void show_off(const struct ctl_run *run, const struct json *answer)
{
	const struct json *key = json_at(json_get(answer, "keys"), 0);
	printf("%s: key %s is off%s, durable\n", run->args[0], ctl_text(key, "id", "?"),
	       strcmp(ctl_text(answer, "result", ""), "unchanged") ? "" : " as it was");
}

int ctl_account_key(const struct ctl_run *run)
{
	struct buffer body = { 0 };
	struct json_writer json = { .out = &body };
	char name[CTL_WORD_OCTETS], target[CTL_WORD_OCTETS + 64];
	if (run->off && run->label)
		ctl_usage("--off makes no key that could have a --label");
	json_begin_object(&json);
	if (run->label)
		json_add_text(&json, "label", run->label);
	if (run->off)
		json_add_text(&json, "key", run->off);
	json_end_object(&json);
	snprintf(target, sizeof(target), "/control/v1/accounts/%s/keys%s",
		 ctl_encode(run->args[0], name), run->off ? "/off" : "");
	int status = ctl_post(run, run->off ? show_off : show_made, target, &body);
	buffer_release(&body);
	return status;
}

/* ---- money ---- */

static void show_topup(const struct ctl_run *run, const struct json *answer)
{
	char amount[CTL_TIME_OCTETS], balance[CTL_TIME_OCTETS];
	printf("%s: %s %s added, the balance is %s\n", run->args[0],
	       ctl_money(answer, "amount", amount), ctl_text(answer, "currency", ""),
	       ctl_money(answer, "balance", balance));
}

int ctl_account_topup(const struct ctl_run *run)
{
	struct buffer body = { 0 };
	struct json_writer json = { .out = &body };
	char name[CTL_WORD_OCTETS], target[CTL_WORD_OCTETS + 64];
	json_begin_object(&json);
	json_add_text(&json, "amount", run->args[1]);
	if (run->cause)
		json_add_text(&json, "cause", run->cause);
	json_end_object(&json);
	snprintf(target, sizeof(target), "/control/v1/accounts/%s/topup",
		 ctl_encode(run->args[0], name));
	int status = ctl_post(run, show_topup, target, &body);
	buffer_release(&body);
	return status;
}

static void show_ledger(const struct ctl_run *run, const struct json *answer)
{
	static const char *const heads[] = { ">SEQ",	 "AT (UTC)", "KIND", ">AMOUNT",
					     ">BALANCE", ">ORDER",   ">UID", "CAUSE" };
	const struct json *rows = json_get(answer, "ledger");
	struct ctl_table table;
	char text[CTL_TIME_OCTETS];
	(void)run;
	ctl_table_begin(&table, heads, 8);
	for (size_t i = 0; i < json_count(rows); i++) {
		const struct json *row = json_at(rows, i);
		ctl_table_member(&table, row, "seq");
		ctl_table_cell(&table, "%s", ctl_time(row, "at", text));
		ctl_table_member(&table, row, "kind");
		ctl_table_cell(&table, "%s", ctl_money(row, "amount", text));
		ctl_table_cell(&table, "%s", ctl_money(row, "balance_after", text));
		ctl_table_member(&table, row, "order_id");
		ctl_table_member(&table, row, "uid");
		ctl_table_member(&table, row, "cause");
	}
	ctl_table_print(&table, stdout, "nothing was ever booked");
	ctl_print_older(answer);
}

int ctl_account_ledger(const struct ctl_run *run)
{
	char name[CTL_WORD_OCTETS], page[CTL_PAGE_OCTETS];
	return ctl_get(run, show_ledger, "/control/v1/accounts/%s/ledger?%s",
		       ctl_encode(run->args[0], name), ctl_page(run, page));
}

/* ---- list ---- */

static void show_accounts(const struct ctl_run *run, const struct json *answer)
{
	static const char *const heads[] = { ">ACCOUNT", "NAME",    "ACTIVE",	"SANDBOX",
					     ">BALANCE", ">CREDIT", "CURRENCY", ">KEYS" };
	const struct json *accounts = json_get(answer, "accounts");
	struct ctl_table table;
	char text[CTL_TIME_OCTETS];
	(void)run;
	ctl_table_begin(&table, heads, 8);
	for (size_t i = 0; i < json_count(accounts); i++) {
		const struct json *account = json_at(accounts, i);
		ctl_table_member(&table, account, "account");
		ctl_table_member(&table, account, "name");
		ctl_table_member(&table, account, "active");
		ctl_table_member(&table, account, "sandbox");
		ctl_table_cell(&table, "%s", ctl_money(account, "balance", text));
		ctl_table_cell(&table, "%s", ctl_money(account, "credit_limit", text));
		ctl_table_member(&table, account, "currency");
		ctl_table_cell(&table, "%zu", json_count(json_get(account, "keys")));
	}
	ctl_table_print(&table, stdout,
			"no account yet: esmectl account create NAME, or account import FILE");
}

int ctl_account_list(const struct ctl_run *run)
{
	return ctl_get(run, show_accounts, "/control/v1/accounts");
}
