/* Status, links, orders, messages of an order, recount, store check. */
#include <stdio.h>
#include <string.h>

#include "tools/ctl_table.h"
#include "tools/ctl_verbs.h"

/* ---- status ---- */

static void show_layers(const struct json *status)
{
	const struct json *outcome = json_get(status, "outcome");
	const struct json *execution = json_get(status, "execution");
	const struct json *api = json_get(status, "api");
	const struct json *counted = json_get(status, "counted");
	char share[CTL_TIME_OCTETS];
	printf("outcome    %6s %% on time   %lld on time, %lld late, %lld failed (%lld expired), "
	       "%lld unknown, %lld pending (%lld in doubt)\n",
	       ctl_money(outcome, "on_time_pct", share), (long long)ctl_int(outcome, "on_time"),
	       (long long)ctl_int(outcome, "late"), (long long)ctl_int(outcome, "failed"),
	       (long long)ctl_int(outcome, "expired"), (long long)ctl_int(outcome, "unknown"),
	       (long long)ctl_int(outcome, "pending"), (long long)ctl_int(outcome, "in_doubt"));
	printf("execution  %6s %% taken     %lld taken, %lld refused, %lld unanswered\n",
	       ctl_money(execution, "taken_pct", share), (long long)ctl_int(execution, "taken"),
	       (long long)ctl_int(execution, "refused"),
	       (long long)ctl_int(execution, "unanswered"));
	printf("API        %lld messages accepted in %lld orders%s\n",
	       (long long)ctl_int(api, "messages"), (long long)ctl_int(api, "orders"),
	       ctl_bool(counted, "all") ? "" : ", the newest; older ones are not counted here");
}

static void show_alarms(const struct json *status)
{
	const struct json *alarms = json_get(status, "alarms");
	char since[CTL_TIME_OCTETS];
	for (size_t i = 0; i < json_count(alarms); i++) {
		const struct json *alarm = json_at(alarms, i);
		printf("%sALARM %s since %s UTC: ", i ? "" : "\n", ctl_text(alarm, "name", "?"),
		       ctl_time(alarm, "since", since));
		ctl_print_clean(stdout, ctl_text(alarm, "text", ""));
		putchar('\n');
	}
}

/* "auto", and what was learned of the text: "auto, dec_to_hex", "none, proposed: exact". */
static void cell_of_dialect(struct ctl_table *table, const struct json *provider)
{
	const struct json *dialect = json_get(provider, "message_id_dialect");
	const struct json *learned = json_get(dialect, "text");
	if (!ctl_text(learned, "applied", NULL) && !ctl_text(learned, "proposed", NULL))
		learned = json_get(dialect, "tlv");
	const char *applied = ctl_text(learned, "applied", NULL);
	const char *proposed = ctl_text(learned, "proposed", NULL);
	ctl_table_cell(table, "%s%s%s", ctl_text(dialect, "setting", "?"),
		       applied	? ", " :
		       proposed ? ", proposed: " :
				  "",
		       applied	? applied :
		       proposed ? proposed :
				  "");
}

static void show_down(const struct json *links)
{
	for (size_t i = 0; i < json_count(links); i++) {
		const struct json *link = json_at(links, i);
		printf("%s is %s: ", ctl_text(link, "link", "?"), ctl_text(link, "state", "?"));
		ctl_print_clean(stdout, ctl_text(link, "reason", "not tried yet"));
		putchar('\n');
	}
}

static void show_providers(const struct json *status)
{
	static const char *const heads[] = { "PROVIDER", ">BOUND",     ">LINKS",     ">OUT",
					     ">QUEUED",	 ">UNMATCHED", "ID DIALECT", "BLOCKED BY" };
	const struct json *providers = json_get(status, "providers");
	struct ctl_table table;
	ctl_table_begin(&table, heads, 8);
	for (size_t i = 0; i < json_count(providers); i++) {
		const struct json *provider = json_at(providers, i);
		ctl_table_member(&table, provider, "name");
		ctl_table_member(&table, provider, "links_bound");
		ctl_table_member(&table, provider, "links");
		ctl_table_member(&table, provider, "outstanding");
		ctl_table_member(&table, provider, "queued");
		ctl_table_member(&table, json_get(provider, "receipts"), "unmatched");
		cell_of_dialect(&table, provider);
		ctl_table_member(&table, provider, "blocked_reason");
	}
	putchar('\n');
	ctl_table_print(&table, stdout, "no provider is configured");
	for (size_t i = 0; i < json_count(providers); i++)
		show_down(json_get(json_at(providers, i), "down"));
}

static void show_routes(const struct json *status)
{
	static const char *const heads[] = { ">ROUTE", "NAME", "PROVIDER", ">QUEUED",
					     "BLOCKED BY" };
	const struct json *routes = json_get(status, "routes");
	struct ctl_table table;
	ctl_table_begin(&table, heads, 5);
	for (size_t i = 0; i < json_count(routes); i++) {
		const struct json *route = json_at(routes, i);
		ctl_table_member(&table, route, "route_id");
		ctl_table_member(&table, route, "name");
		ctl_table_member(&table, route, "provider");
		ctl_table_member(&table, route, "queued");
		ctl_table_member(&table, route, "blocked_reason");
	}
	putchar('\n');
	ctl_table_print(&table, stdout, "no route is configured");
}

/* Where a provider does not go as it is configured. */
static void show_deviation(const struct json *provider)
{
	const char *name = ctl_text(provider, "name", "?");
	if (ctl_int(provider, "fallbacks"))
		printf("%s: bind_transceiver is not known there; %lld of its links a transmitter and "
		       "a receiver instead\n",
		       name, (long long)ctl_int(provider, "fallbacks"));
	if (ctl_int(provider, "pace_percent") < 100)
		printf("%s: congested; window and rate are at %lld %%\n", name,
		       (long long)ctl_int(provider, "pace_percent"));
}

static void show_deviations(const struct json *status)
{
	const struct json *providers = json_get(status, "providers");
	for (size_t i = 0; i < json_count(providers); i++)
		show_deviation(json_at(providers, i));
}

static void show_engine(const struct json *status)
{
	const struct json *store = json_get(status, "store"), *engine = json_get(status, "engine");
	printf("\nstore      %.1f of %lld MiB used (%lld.%lld %%), %lld provider ids%s\n",
	       (double)ctl_int(store, "used_octets") / (1 << 20),
	       (long long)ctl_int(store, "size_octets") >> 20,
	       (long long)ctl_int(store, "used_permille") / 10,
	       (long long)ctl_int(store, "used_permille") % 10, (long long)ctl_int(store, "ids"),
	       strcmp(ctl_text(status, "durability", ""), "unproven") ?
		       "" :
		       "; durability unproven on this file system");
	printf("engine     %lld turns, %lld commits, longest turn %lld us\n",
	       (long long)ctl_int(engine, "turns"), (long long)ctl_int(engine, "commits"),
	       (long long)ctl_int(engine, "turn_us_max"));
	if (ctl_int(engine, "log_dropped"))
		printf("log        %lld lines lost: what reads it is too slow\n",
		       (long long)ctl_int(engine, "log_dropped"));
}

static void show_status(const struct ctl_run *run, const struct json *status)
{
	char up[CTL_TIME_OCTETS], since[CTL_TIME_OCTETS];
	const struct json *config = json_get(status, "config");
	(void)run;
	printf("esmed %s, up %s since %s UTC%s\n", ctl_text(status, "version", "?"),
	       ctl_duration(ctl_int(status, "uptime_ms"), up),
	       ctl_time(status, "started_at", since),
	       ctl_bool(status, "draining") ? ", draining" : "");
	printf("configuration %s, generation %lld, loaded %s UTC from ",
	       ctl_text(config, "digest", "?"), (long long)ctl_int(config, "generation"),
	       ctl_time(config, "loaded_at", since));
	ctl_print_clean(stdout, ctl_text(config, "file", "?"));
	fputs("\n\n", stdout);
	show_layers(status);
	show_alarms(status);
	show_providers(status);
	show_routes(status);
	show_deviations(status);
	show_engine(status);
}

int ctl_status(const struct ctl_run *run)
{
	return ctl_get(run, show_status, "/control/v1/status");
}

/* ---- links ---- */

/* Below the table: a carrier's reason is longer than a line, a certificate's longer than two. */
static void show_reason(const struct json *link)
{
	const char *reason = ctl_text(link, "reason", NULL);
	const char *waits_for = ctl_text(link, "waits_for", NULL);
	char wait[CTL_TIME_OCTETS];
	if (!reason && !waits_for)
		return;
	printf("%s is %s: ", ctl_text(link, "name", "?"), ctl_text(link, "state", "?"));
	ctl_print_clean(stdout, reason ? reason : "not tried yet");
	if (waits_for)
		printf("; it waits for %s", waits_for);
	if (ctl_int(link, "retry_in_ms"))
		printf(", %s more", ctl_duration(ctl_int(link, "retry_in_ms"), wait));
	putchar('\n');
}

static void show_links(const struct ctl_run *run, const struct json *answer)
{
	static const char *const heads[] = { "LINK",	 "BIND",      "STATE",	 "SINCE (UTC)",
					     ">SESSION", ">OUT",      ">WINDOW", ">SUBMITS",
					     ">ANSWERS", ">RECEIPTS", "PEER" };
	const struct json *links = json_get(answer, "links");
	struct ctl_table table;
	char since[CTL_TIME_OCTETS];
	(void)run;
	ctl_table_begin(&table, heads, 11);
	for (size_t i = 0; i < json_count(links); i++) {
		const struct json *link = json_at(links, i);
		ctl_table_member(&table, link, "name");
		ctl_table_cell(&table, "%s%s", ctl_text(link, "bind", "?"),
			       ctl_text(link, "fallback_since", NULL) ? ", fallback" : "");
		ctl_table_cell(&table, "%s%s", ctl_text(link, "state", "?"),
			       ctl_int(link, "paused_ms") ? ", paused" : "");
		ctl_table_cell(&table, "%s", ctl_time(link, "since", since));
		ctl_table_member(&table, link, "session");
		ctl_table_member(&table, link, "outstanding");
		ctl_table_member(&table, link, "window");
		ctl_table_member(&table, link, "submits");
		ctl_table_member(&table, link, "answers");
		ctl_table_member(&table, link, "receipts");
		ctl_table_member(&table, link, "peer");
	}
	ctl_table_print(&table, stdout, "no provider has a link");
	for (size_t i = 0; i < json_count(links); i++)
		show_reason(json_at(links, i));
}

int ctl_links(const struct ctl_run *run)
{
	return ctl_get(run, show_links, "/control/v1/links");
}

/* ---- orders ---- */

static void show_orders(const struct ctl_run *run, const struct json *answer)
{
	static const char *const heads[] = { ">ORDER",	 "STATUS",   "CREATED (UTC)", "ACCOUNT",
					     ">ROUTE",	 ">TOTAL",   ">DELIVERED",    ">FAILED",
					     ">UNKNOWN", ">PENDING", ">IN DOUBT" };
	static const char *const counts[] = { "route_id", "total",   "delivered", "failed",
					      "unknown",  "pending", "in_doubt" };
	const struct json *orders = json_get(answer, "orders");
	struct ctl_table table;
	char created[CTL_TIME_OCTETS];
	(void)run;
	ctl_table_begin(&table, heads, 11);
	for (size_t i = 0; i < json_count(orders); i++) {
		const struct json *order = json_at(orders, i);
		ctl_table_member(&table, order, "order_id");
		ctl_table_member(&table, order, "status");
		ctl_table_cell(&table, "%s", ctl_time(order, "created_at", created));
		ctl_table_member(&table, order, "account");
		for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
			ctl_table_member(&table, order, counts[k]);
	}
	ctl_table_print(&table, stdout, "no order");
	ctl_print_older(answer);
}

int ctl_orders(const struct ctl_run *run)
{
	char page[CTL_PAGE_OCTETS];
	return ctl_get(run, show_orders, "/control/v1/orders?%s", ctl_page(run, page));
}

static void show_batches(const struct json *order)
{
	static const char *const heads[] = { ">BATCH",	   ">SIZE",   "STATE",
					     ">SUBMITTED", ">TAKEN",  ">REFUSED",
					     ">DELIVERED", ">FAILED", ">UNKNOWN" };
	static const char *const keys[] = { "n",       "size",	    "state",  "submitted", "taken",
					    "refused", "delivered", "failed", "unknown" };
	const struct json *batches = json_get(order, "batches");
	struct ctl_table table;
	ctl_table_begin(&table, heads, 9);
	for (size_t i = 0; i < json_count(batches); i++)
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			ctl_table_member(&table, json_at(batches, i), keys[k]);
	putchar('\n');
	ctl_table_print(&table, stdout, "no batch");
}

static void show_order(const struct ctl_run *run, const struct json *order)
{
	const struct json *execution = json_get(order, "execution");
	const struct json *outcome = json_get(order, "outcome");
	const char *blocked = ctl_text(order, "blocked_reason", NULL);
	char text[CTL_TIME_OCTETS], more[CTL_TIME_OCTETS];
	(void)run;
	printf("order %lld  %s  account %s  route %lld  provider %s%s\n",
	       (long long)ctl_int(order, "order_id"), ctl_text(order, "status", "?"),
	       ctl_text(order, "account", "?"), (long long)ctl_int(order, "route_id"),
	       ctl_text(order, "provider", "?"), ctl_bool(order, "sandbox") ? "  sandbox" : "");
	printf("accepted %s UTC, resolved %s, cost %s\n", ctl_time(order, "created_at", text),
	       ctl_time(order, "resolved_at", more),
	       ctl_money(order, "cost", (char[CTL_TIME_OCTETS]){ 0 }));
	printf("total %lld = delivered %lld + failed %lld (expired %lld) + unknown %lld + pending "
	       "%lld (in doubt %lld)\n",
	       (long long)ctl_int(order, "total"), (long long)ctl_int(order, "delivered"),
	       (long long)ctl_int(order, "failed"), (long long)ctl_int(order, "expired"),
	       (long long)ctl_int(order, "unknown"), (long long)ctl_int(order, "pending"),
	       (long long)ctl_int(order, "in_doubt"));
	printf("progress %s %%; outcome: %lld on time, %lld late; execution: %lld taken, %lld "
	       "refused, %lld unanswered\n",
	       ctl_money(order, "progress_pct", text), (long long)ctl_int(outcome, "on_time"),
	       (long long)ctl_int(outcome, "late"), (long long)ctl_int(execution, "taken"),
	       (long long)ctl_int(execution, "refused"),
	       (long long)ctl_int(execution, "unanswered"));
	if (blocked)
		printf("blocked by: %s\n", blocked);
	show_batches(order);
}

int ctl_order(const struct ctl_run *run)
{
	char id[CTL_WORD_OCTETS];
	return ctl_get(run, show_order, "/control/v1/orders/%s", ctl_encode(run->args[0], id));
}

/* ---- messages of an order ---- */

static void show_messages(const struct ctl_run *run, const struct json *answer)
{
	static const char *const heads[] = { "MESSAGE", "NUMBER",    "STATUS",
					     "ERROR",	">ATTEMPTS", "UPDATED (UTC)" };
	const struct json *messages = json_get(answer, "messages");
	struct ctl_table table;
	char updated[CTL_TIME_OCTETS];
	(void)run;
	ctl_table_begin(&table, heads, 6);
	for (size_t i = 0; i < json_count(messages); i++) {
		const struct json *message = json_at(messages, i);
		ctl_table_member(&table, message, "bx_message_id");
		ctl_table_member(&table, message, "msisdn");
		ctl_table_cell(&table, "%s%s", ctl_text(message, "status", "?"),
			       ctl_bool(message, "final") ? "" : " ...");
		ctl_table_member(&table, message, "error");
		ctl_table_member(&table, message, "attempts");
		ctl_table_cell(&table, "%s", ctl_time(message, "updated_at", updated));
	}
	ctl_table_print(&table, stdout, "no such message");
	if (json_kind(json_get(answer, "next")) == JSON_KIND_INTEGER)
		printf("more: --since=%lld\n", (long long)ctl_int(answer, "next"));
}

int ctl_messages(const struct ctl_run *run)
{
	char id[CTL_WORD_OCTETS], wanted[CTL_WORD_OCTETS] = "";
	if (run->status)
		ctl_encode(run->status, wanted);
	return ctl_get(run, show_messages,
		       "/control/v1/orders/%s/messages?limit=%lld&from=%s%s%s%s",
		       ctl_encode(run->args[0], id), (long long)(run->limit ? run->limit : 20),
		       run->since ? run->since : "0", run->numbers ? "&numbers=1" : "",
		       *wanted ? "&status=" : "", wanted);
}

/* ---- recount ---- */

static void show_recount(const struct ctl_run *run, const struct json *count)
{
	static const char *const keys[] = { "total",	"accounted", "delivered", "failed",
					    "expired",	"unknown",   "pending",	  "in_doubt",
					    "attempts", "sent_twice" };
	(void)run;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		printf("%-20s%10lld\n", keys[i], (long long)ctl_int(count, keys[i]));
	printf("%-20s%10s\n", "summary agrees", ctl_bool(count, "summary_ok") ? "yes" : "NO");
	printf("%-20s%10s\n", "balance adds up", ctl_bool(count, "balance_ok") ? "yes" : "NO");
}

int ctl_recount(const struct ctl_run *run)
{
	char id[CTL_WORD_OCTETS];
	return ctl_get(run, show_recount, "/control/v1/recount?order=%s",
		       ctl_encode(run->args[0], id));
}

/* ---- store ---- */

static void show_check(const struct ctl_run *run, const struct json *check)
{
	const struct json *list = json_get(check, "list");
	(void)run;
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *finding = json_at(list, i);
		printf("%s: ", ctl_text(finding, "kind", "?"));
		ctl_print_clean(stdout, ctl_text(finding, "what", ""));
		printf("\n\t");
		ctl_print_clean(stdout, ctl_text(finding, "record", ""));
		putchar('\n');
	}
	printf("%lld records, %lld findings%s\n", (long long)ctl_int(check, "records"),
	       (long long)ctl_int(check, "findings"),
	       ctl_bool(check, "stopped") ? "; stopped before the end, for its time was up" : "");
}

int ctl_store_check(const struct ctl_run *run)
{
	struct ctl_answer answer;
	struct ctl_call call = {
		.method = "POST",
		.target = "/control/v1/store/check",
		.body = "{}",
		.body_octets = 2,
	};
	bool asked = ctl_client_call(run->client, &call, &answer);
	bool clean = asked && !ctl_int(answer.json, "findings") &&
		     !ctl_bool(answer.json, "stopped");
	if (asked && run->json)
		printf("%.*s\n", (int)answer.text.n, (const char *)answer.text.octets);
	else if (asked)
		show_check(run, answer.json);
	ctl_answer_release(&answer);
	return clean ? CTL_DONE : CTL_FAILED;
}
