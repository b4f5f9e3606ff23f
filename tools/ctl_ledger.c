/* Money: what is booked, every movement, and the whole ledger counted over. */
#include <stdio.h>

#include "tools/ctl_table.h"
#include "tools/ctl_verbs.h"

static void show_booked(const struct ctl_run *run, const struct json *answer)
{
	char amount[CTL_TIME_OCTETS], balance[CTL_TIME_OCTETS];
	printf("%s: %s %s booked, the balance is %s\n", run->args[0],
	       ctl_money(answer, "amount", amount), ctl_text(answer, "currency", ""),
	       ctl_money(answer, "balance", balance));
}

static int book(const struct ctl_run *run, const char *how)
{
	struct buffer body = { 0 };
	struct json_writer json = { .out = &body };
	char name[CTL_WORD_OCTETS], target[CTL_WORD_OCTETS + 64];
	json_begin_object(&json);
	json_add_text(&json, "amount", run->args[1]);
	if (run->cause)
		json_add_text(&json, "cause", run->cause);
	json_end_object(&json);
	snprintf(target, sizeof(target), "/control/v1/accounts/%s/%s",
		 ctl_encode(run->args[0], name), how);
	int status = ctl_post(run, show_booked, target, &body);
	buffer_release(&body);
	return status;
}

int ctl_account_topup(const struct ctl_run *run)
{
	return book(run, "topup");
}

int ctl_account_adjust(const struct ctl_run *run)
{
	if (!run->cause)
		ctl_usage("an adjustment needs its --cause");
	return book(run, "adjust");
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

/* ---- verify ---- */

#define VERIFY_MS (10 * 60000) /* millions of rows, read beside everything else */

static void show_verified(const struct ctl_run *run, const struct json *answer)
{
	const struct json *list = json_get(answer, "list");
	static const char *const heads[] = { "ACCOUNT", ">SEQ", "WHAT" };
	struct ctl_table table;
	(void)run;
	ctl_table_begin(&table, heads, 3);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *finding = json_at(list, i);
		ctl_table_member(&table, finding, "account");
		ctl_table_member(&table, finding, "seq");
		ctl_table_member(&table, finding, "what");
	}
	ctl_table_print(&table, stdout, "every balance is the sum of its rows");
	int64_t accounts = ctl_int(answer, "accounts"), rows = ctl_int(answer, "rows"),
		findings = ctl_int(answer, "findings"), gone = ctl_int(answer, "orders_gone");
	printf("%lld account%s, %lld row%s, %lld finding%s\n", (long long)accounts,
	       accounts == 1 ? "" : "s", (long long)rows, rows == 1 ? "" : "s", (long long)findings,
	       findings == 1 ? "" : "s");
	if (gone)
		printf("%lld of the rows belong to orders that went with their retention\n",
		       (long long)gone);
}

int ctl_ledger_verify(const struct ctl_run *run)
{
	struct ctl_answer answer;
	struct ctl_call call = {
		.method = "GET",
		.target = "/control/v1/ledger/verify",
		.until_ms = ctl_client_now_ms(run->client) + VERIFY_MS,
	};
	bool asked = ctl_client_call(run->client, &call, &answer);
	bool clean = asked && !ctl_int(answer.json, "findings");
	if (asked && run->json)
		printf("%.*s\n", (int)answer.text.n, (const char *)answer.text.octets);
	else if (asked)
		show_verified(run, answer.json);
	ctl_answer_release(&answer);
	return clean ? CTL_DONE : CTL_FAILED;
}
