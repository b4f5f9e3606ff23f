/* Accounts: import, creation, what they may do, keys, prices. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_table.h"
#include "tools/ctl_verbs.h"

#define FILE_OCTETS_MAX (1u << 20) /* the largest body that the daemon takes as it comes */

/* ---- making ---- */

/* A row for each new key, so that its label tells whose it is; one row where there is none. */
static void add_made(struct ctl_table *table, const struct json *account, const struct json *key)
{
	char balance[CTL_TIME_OCTETS];
	const char *label = key ? ctl_text(key, "label", "") : "";
	ctl_table_member(table, account, "name");
	ctl_table_member(table, account, "result");
	ctl_table_cell(table, "%s", ctl_money(account, "balance", balance));
	ctl_table_member(table, account, "currency");
	ctl_table_cell(table, "%s", *label ? label : "-");
	ctl_table_cell(table, "%s", key ? ctl_text(key, "key", "-") : "-");
}

/* What was made, with the secrets that are shown this once. */
static void show_made(const struct ctl_run *run, const struct json *answer)
{
	static const char *const heads[] = { "ACCOUNT",	 "WHAT",  ">BALANCE",
					     "CURRENCY", "LABEL", "NEW KEY" };
	const struct json *accounts = json_get(answer, "accounts");
	struct ctl_table table;
	(void)run;
	ctl_table_begin(&table, heads, 6);
	for (size_t i = 0; i < json_count(accounts); i++) {
		const struct json *account = json_at(accounts, i),
				  *keys = json_get(account, "keys");
		size_t shown = 0;
		for (size_t k = 0; k < json_count(keys); k++) {
			const struct json *key = json_at(keys, k);
			if (ctl_text(key, "key", NULL)) {
				add_made(&table, account, key);
				shown++;
			}
		}
		if (!shown)
			add_made(&table, account, NULL);
	}
	ctl_table_print(&table, stdout, "the file names no account");
}

/* And what the file changed, or would. */
static void show_imported(const struct ctl_run *run, const struct json *answer)
{
	const struct json *accounts = json_get(answer, "accounts");
	show_made(run, answer);
	for (size_t i = 0; i < json_count(accounts); i++) {
		const struct json *account = json_at(accounts, i),
				  *changes = json_get(account, "changes");
		for (size_t k = 0; k < json_count(changes); k++)
			printf("%s: %s\n", ctl_text(account, "name", "?"),
			       json_get_text(json_at(changes, k), NULL));
	}
	if (run->dry_run)
		printf("nothing was changed: this was a dry run\n");
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
		status = ctl_post(run, show_imported,
				  run->dry_run ? "/control/v1/accounts/import?dry_run=1" :
						 "/control/v1/accounts/import",
				  &body);
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
	if (run->rate >= 0)
		json_add_int(&json, "rate_per_s", run->rate);
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

int ctl_account_key_list(const struct ctl_run *run)
{
	char name[CTL_WORD_OCTETS];
	return ctl_get(run, show_keys, "/control/v1/accounts/%s/keys",
		       ctl_encode(run->args[0], name));
}

/* Posts a body to what stands below the account of the first argument; releases it. */
static int post_below(const struct ctl_run *run, ctl_show_fn *show, const char *below,
		      struct buffer *body)
{
	char name[CTL_WORD_OCTETS], target[3 * CTL_WORD_OCTETS + 64];
	snprintf(target, sizeof(target), "/control/v1/accounts/%s/%s",
		 ctl_encode(run->args[0], name), below);
	int status = ctl_post(run, show, target, body);
	buffer_release(body);
	return status;
}

int ctl_account_key_add(const struct ctl_run *run)
{
	struct buffer body = { 0 };
	struct json_writer json = { .out = &body };
	json_begin_object(&json);
	if (run->label)
		json_add_text(&json, "label", run->label);
	json_end_object(&json);
	return post_below(run, show_made, "keys", &body);
}

static void show_revoked(const struct ctl_run *run, const struct json *answer)
{
	const struct json *key = json_at(json_get(answer, "keys"), 0);
	printf("%s: key %s is revoked%s, durable\n", run->args[0], ctl_text(key, "id", "?"),
	       strcmp(ctl_text(answer, "result", ""), "unchanged") ? "" : " as it was");
}

int ctl_account_key_revoke(const struct ctl_run *run)
{
	struct buffer body = { 0 };
	struct json_writer json = { .out = &body };
	json_begin_object(&json);
	json_add_text(&json, "key", run->args[1]);
	json_end_object(&json);
	return post_below(run, show_revoked, "keys/revoke", &body);
}

/* ---- changing ---- */

static void show_changed(const struct ctl_run *run, const struct json *answer)
{
	const struct json *changes = json_get(answer, "changes");
	printf("%s: ", run->args[0]);
	for (size_t i = 0; i < json_count(changes); i++)
		printf("%s%s", i ? ", " : "", json_get_text(json_at(changes, i), NULL));
	printf("%s, durable\n", json_count(changes) ? "" : "as it was");
}

static int set_active(const struct ctl_run *run, bool active)
{
	struct buffer body = { 0 };
	struct json_writer json = { .out = &body };
	json_begin_object(&json);
	json_add_bool(&json, "active", active);
	json_end_object(&json);
	return post_below(run, show_changed, "change", &body);
}

int ctl_account_activate(const struct ctl_run *run)
{
	return set_active(run, true);
}

int ctl_account_deactivate(const struct ctl_run *run)
{
	return set_active(run, false);
}

int ctl_account_limit(const struct ctl_run *run)
{
	struct buffer body = { 0 };
	struct json_writer json = { .out = &body };
	if (run->rate < 0 && !run->credit_limit)
		ctl_usage("say which limit: --rate, --credit-limit");
	json_begin_object(&json);
	if (run->rate >= 0)
		json_add_int(&json, "rate_per_s", run->rate);
	if (run->credit_limit)
		json_add_text(&json, "credit_limit", run->credit_limit);
	json_end_object(&json);
	return post_below(run, show_changed, "change", &body);
}

/* "a,b" as a list of texts, or of numbers. */
static void add_list(struct json_writer *json, const char *key, const char *words, bool numbers)
{
	if (!words)
		return;
	json_key(json, key);
	json_begin_array(json);
	for (const char *word = words; *word;) {
		size_t n = strcspn(word, ",");
		char *end;
		errno = 0;
		long value = numbers ? strtol(word, &end, 10) : 0;
		if (!n || (numbers && (errno || end != word + n)))
			ctl_usage("--%s: '%s' is no list such as %s", key, words,
				  numbers ? "7,8" : "A,B");
		if (numbers)
			json_put_int(json, value);
		else
			json_put_octets(json, word, n);
		word += n + (word[n] == ',');
	}
	json_end_array(json);
}

static int change_lists(const struct ctl_run *run, const char *how)
{
	struct buffer body = { 0 };
	struct json_writer json = { .out = &body };
	if (!run->routes && !run->categories && !run->senders && !run->bulk)
		ctl_usage("say what to %s: --routes, --categories, --senders, --bulk", how);
	json_begin_object(&json);
	add_list(&json, "routes", run->routes, true);
	add_list(&json, "categories", run->categories, false);
	add_list(&json, "senders", run->senders, false);
	if (run->bulk)
		json_add_bool(&json, "bulk", true);
	json_end_object(&json);
	return post_below(run, show_changed, how, &body);
}

int ctl_account_allow(const struct ctl_run *run)
{
	return change_lists(run, "allow");
}

int ctl_account_deny(const struct ctl_run *run)
{
	return change_lists(run, "deny");
}

/* ---- prices ---- */

static void show_prices(const struct ctl_run *run, const struct json *answer)
{
	static const char *const heads[] = { ">ROUTE", "PREFIX", ">PRICE" };
	const struct json *prices = json_get(answer, "prices");
	struct ctl_table table;
	char text[CTL_TIME_OCTETS];
	(void)run;
	ctl_table_begin(&table, heads, 3);
	for (size_t i = 0; i < json_count(prices); i++) {
		const struct json *price = json_at(prices, i);
		ctl_table_member(&table, price, "route");
		ctl_table_member(&table, price, "prefix");
		ctl_table_cell(&table, "%s", ctl_money(price, "price", text));
	}
	ctl_table_print(&table, stdout,
			"it has no price of its own: it pays what the "
			"configuration says");
	if (!ctl_bool(answer, "all"))
		printf("... and more\n");
}

int ctl_account_price_list(const struct ctl_run *run)
{
	char name[CTL_WORD_OCTETS];
	return ctl_get(run, show_prices, "/control/v1/accounts/%s/prices",
		       ctl_encode(run->args[0], name));
}

static void show_price(const struct ctl_run *run, const struct json *answer)
{
	char text[CTL_TIME_OCTETS];
	printf("%s: route %lld, prefix %s: %s%s, durable\n", run->args[0],
	       (long long)ctl_int(answer, "route"), ctl_text(answer, "prefix", "?"),
	       ctl_money(answer, "price", text),
	       strcmp(ctl_text(answer, "result", ""), "unchanged") ? "" : " as it was");
}

int ctl_account_price_set(const struct ctl_run *run)
{
	struct buffer body = { 0 };
	struct json_writer json = { .out = &body };
	char *end;
	errno = 0;
	long route = strtol(run->args[1], &end, 10);
	if (errno || *end || end == run->args[1])
		ctl_usage("'%s' is no route's number", run->args[1]);
	json_begin_object(&json);
	json_add_int(&json, "route", route);
	json_add_text(&json, "prefix", run->args[2]);
	json_add_text(&json, "price", run->args[3]);
	json_end_object(&json);
	return post_below(run, show_price, "prices", &body);
}

static void show_price_gone(const struct ctl_run *run, const struct json *answer)
{
	printf("%s: the price of route %lld, prefix %s is deleted, durable\n", run->args[0],
	       (long long)ctl_int(answer, "route"), ctl_text(answer, "prefix", "?"));
}

int ctl_account_price_delete(const struct ctl_run *run)
{
	struct buffer body = { 0 };
	struct json_writer json = { .out = &body };
	char below[2 * CTL_WORD_OCTETS + 32], route[CTL_WORD_OCTETS], prefix[CTL_WORD_OCTETS];
	snprintf(below, sizeof(below), "prices/%s/%s/delete", ctl_encode(run->args[1], route),
		 ctl_encode(run->args[2], prefix));
	json_begin_object(&json);
	json_end_object(&json);
	return post_below(run, show_price_gone, below, &body);
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
	if (json_kind(json_get(answer, "next")) == JSON_KIND_INTEGER)
		printf("more: --since=%lld\n", (long long)ctl_int(answer, "next"));
}

int ctl_account_list(const struct ctl_run *run)
{
	return ctl_get(run, show_accounts, "/control/v1/accounts?after=%s",
		       run->since ? run->since : "0");
}

/* `lead` stands before the list, if anything is always there; `none` when nothing is. */
static void print_list(const char *head, const char *lead, const struct json *list,
		       const char *none)
{
	printf("%-12s %s", head, lead);
	for (size_t i = 0; i < json_count(list); i++) {
		const char *word = json_get_text(json_at(list, i), NULL);
		int64_t number = 0;
		json_get_int(json_at(list, i), &number);
		printf("%s", i || *lead ? ", " : "");
		if (word)
			ctl_print_clean(stdout, word);
		else
			printf("%lld", (long long)number);
	}
	printf("%s\n", json_count(list) ? "" : none);
}

static void show_account(const struct ctl_run *run, const struct json *answer)
{
	char balance[CTL_TIME_OCTETS], credit[CTL_TIME_OCTETS], created[CTL_TIME_OCTETS];
	const char *currency = ctl_text(answer, "currency", "");
	int64_t rate = ctl_int(answer, "rate_per_s");
	printf("account %lld %s, %s%s, made %s\n", (long long)ctl_int(answer, "account"),
	       run->args[0], ctl_bool(answer, "active") ? "active" : "not active",
	       ctl_bool(answer, "sandbox") ? ", a sandbox" : "",
	       ctl_time(answer, "created_at", created));
	printf("balance      %s %s, may go %s below 0\n", ctl_money(answer, "balance", balance),
	       currency, ctl_money(answer, "credit_limit", credit));
	if (rate)
		printf("requests     at most %lld a second", (long long)rate);
	else
		printf("requests     no limit");
	printf(", %s\n", ctl_bool(answer, "bulk") ? "of several numbers (bulk)" :
						    "of one number each (no bulk)");
	print_list("routes", "open ones", json_get(answer, "routes"), "");
	print_list("never", "", json_get(answer, "denied_routes"), "no route is denied");
	print_list("categories", "general", json_get(answer, "categories"), "");
	print_list("senders", "", json_get(answer, "senders"), "any that the route allows");
	show_keys(run, answer);
}

int ctl_account_show(const struct ctl_run *run)
{
	char name[CTL_WORD_OCTETS];
	return ctl_get(run, show_account, "/control/v1/accounts/%s",
		       ctl_encode(run->args[0], name));
}
