/*
 * esmectl top: what every link, provider and route does now, drawn again and again. It asks for the
 * documents of status and links and shows the difference of two looks as rates; it keeps nothing
 * else. On a terminal it redraws in place by plain control sequences, elsewhere it prints one table.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "tools/ctl_table.h"
#include "tools/ctl_verbs.h"

#define KEY_MS 100 /* a key is obeyed after so long at most */

/* One look at the daemon. */
struct look {
	struct ctl_answer status, links;
	int64_t at_ms; /* 0: none yet */
};

struct top {
	const struct ctl_run *run;
	struct look before, now;
	bool screen; /* redrawn in place */
	struct termios was;
};

/* ---- looking ---- */

static bool ask(const struct ctl_run *run, const char *target, bool quiet,
		struct ctl_answer *answer)
{
	struct ctl_call call = { .method = "GET", .target = target, .quiet = quiet };
	return ctl_client_call(run->client, &call, answer);
}

static void forget(struct look *look)
{
	ctl_answer_release(&look->status);
	ctl_answer_release(&look->links);
	look->at_ms = 0;
}

/* False: nobody answers; what was seen before stays. */
static bool look(struct top *top)
{
	struct look now = { 0 };
	bool quiet = top->now.at_ms;
	if (!ask(top->run, "/control/v1/status", quiet, &now.status) ||
	    !ask(top->run, "/control/v1/links", quiet, &now.links)) {
		forget(&now);
		return false;
	}
	now.at_ms = ctl_client_now_ms(top->run->client);
	forget(&top->before);
	top->before = top->now;
	top->now = now;
	return true;
}

static const struct json *link_before(const struct top *top, const char *name)
{
	const struct json *links = json_get(top->before.links.json, "links");
	for (size_t i = 0; i < json_count(links); i++)
		if (!strcmp(ctl_text(json_at(links, i), "name", ""), name))
			return json_at(links, i);
	return NULL;
}

/* Of a counter of a link, a second; below 0: not known, as after a restart of the daemon. */
static double rate(const struct top *top, const struct json *link, const char *counter)
{
	const struct json *before = link_before(top, ctl_text(link, "name", ""));
	int64_t ms = top->now.at_ms - top->before.at_ms;
	int64_t more = before ? ctl_int(link, counter) - ctl_int(before, counter) : -1;
	return more < 0 || ms <= 0 || !top->before.at_ms ? -1 : (double)more * 1000 / (double)ms;
}

/* ---- tables ---- */

static const char *const counters[] = { "submits", "answers", "receipts" };

static void rate_cell(struct ctl_table *table, double per_s)
{
	if (per_s < 0)
		ctl_table_cell(table, "-");
	else
		ctl_table_cell(table, per_s < 10 ? "%.1f" : "%.0f", per_s);
}

/* Of all links of the provider. */
static double provider_rate(const struct top *top, const char *provider, const char *counter)
{
	const struct json *links = json_get(top->now.links.json, "links");
	double sum = 0;
	for (size_t i = 0; i < json_count(links); i++) {
		const struct json *link = json_at(links, i);
		double one = rate(top, link, counter);
		if (strcmp(ctl_text(link, "provider", ""), provider) != 0)
			continue;
		if (one < 0)
			return -1;
		sum += one;
	}
	return sum;
}

static void draw_providers(const struct top *top, FILE *out)
{
	static const char *const heads[] = { "PROVIDER", ">BOUND",     ">OUT",	  ">SUBMIT/S",
					     ">RESP/S",	 ">RECEIPT/S", ">QUEUED", "BLOCKED BY" };
	const struct json *providers = json_get(top->now.status.json, "providers");
	struct ctl_table table;
	ctl_table_begin(&table, heads, 8);
	for (size_t i = 0; i < json_count(providers); i++) {
		const struct json *provider = json_at(providers, i);
		ctl_table_member(&table, provider, "name");
		ctl_table_cell(&table, "%lld/%lld", (long long)ctl_int(provider, "links_bound"),
			       (long long)ctl_int(provider, "links"));
		ctl_table_member(&table, provider, "outstanding");
		for (size_t k = 0; k < 3; k++)
			rate_cell(&table,
				  provider_rate(top, ctl_text(provider, "name", ""), counters[k]));
		ctl_table_member(&table, provider, "queued");
		ctl_table_member(&table, provider, "blocked_reason");
	}
	ctl_table_print(&table, out, "no provider is configured");
}

static void draw_links(const struct top *top, FILE *out)
{
	static const char *const heads[] = { "LINK",	  "STATE",	">OUT/WINDOW",
					     ">SUBMIT/S", ">RESP/S",	">RECEIPT/S",
					     ">RTT MS",	  ">THROTTLED", ">NO ANSWER",
					     "REASON" };
	const struct json *links = json_get(top->now.links.json, "links");
	struct ctl_table table;
	char rtt[CTL_TIME_OCTETS];
	ctl_table_begin(&table, heads, 10);
	for (size_t i = 0; i < json_count(links); i++) {
		const struct json *link = json_at(links, i);
		ctl_table_member(&table, link, "name");
		ctl_table_cell(&table, "%s%s", ctl_text(link, "state", "?"),
			       ctl_int(link, "paused_ms") ? ", paused" : "");
		ctl_table_cell(&table, "%lld/%lld", (long long)ctl_int(link, "outstanding"),
			       (long long)ctl_int(link, "window"));
		for (size_t k = 0; k < 3; k++)
			rate_cell(&table, rate(top, link, counters[k]));
		ctl_table_cell(&table, "%s", ctl_money(link, "rtt_ms", rtt));
		ctl_table_member(&table, link, "throttles");
		ctl_table_member(&table, link, "unanswered");
		ctl_table_member(&table, link, "reason");
	}
	ctl_table_print(&table, out, "no provider has a link");
}

static void draw_routes(const struct top *top, FILE *out)
{
	static const char *const heads[] = { ">ROUTE",	"NAME",	   "PROVIDER",
					     ">QUEUED", ">OLDEST", "BLOCKED BY" };
	const struct json *routes = json_get(top->now.status.json, "routes");
	struct ctl_table table;
	char age[CTL_TIME_OCTETS];
	ctl_table_begin(&table, heads, 6);
	for (size_t i = 0; i < json_count(routes); i++) {
		const struct json *route = json_at(routes, i);
		bool waits = json_kind(json_get(route, "oldest_queued_ms")) == JSON_KIND_INTEGER;
		ctl_table_member(&table, route, "route_id");
		ctl_table_member(&table, route, "name");
		ctl_table_member(&table, route, "provider");
		ctl_table_member(&table, route, "queued");
		ctl_table_cell(&table, "%s",
			       waits ? ctl_duration(ctl_int(route, "oldest_queued_ms"), age) : "-");
		ctl_table_member(&table, route, "blocked_reason");
	}
	ctl_table_print(&table, out, "no route is configured");
}

static void draw_head(const struct top *top, bool answers, FILE *out)
{
	const struct json *status = top->now.status.json, *alarms = json_get(status, "alarms");
	const struct json *outcome = json_get(status, "outcome");
	char up[CTL_TIME_OCTETS], share[CTL_TIME_OCTETS];
	fprintf(out, "esmed %s, up %s%s%s\n", ctl_text(status, "version", "?"),
		ctl_duration(ctl_int(status, "uptime_ms"), up),
		ctl_bool(status, "draining") ? ", draining" : "",
		answers ? "" : ": IT DOES NOT ANSWER; what follows is old");
	fprintf(out, "on time %s %%, pending %lld, in doubt %lld, unknown %lld, failed %lld\n",
		ctl_money(outcome, "on_time_pct", share), (long long)ctl_int(outcome, "pending"),
		(long long)ctl_int(outcome, "in_doubt"), (long long)ctl_int(outcome, "unknown"),
		(long long)ctl_int(outcome, "failed"));
	for (size_t i = 0; i < json_count(alarms); i++) {
		fprintf(out, "ALARM %s: ", ctl_text(json_at(alarms, i), "name", "?"));
		ctl_print_clean(out, ctl_text(json_at(alarms, i), "text", ""));
		fputc('\n', out);
	}
	fputc('\n', out);
}

static void draw(const struct top *top, bool answers, FILE *out)
{
	draw_head(top, answers, out);
	draw_providers(top, out);
	fputc('\n', out);
	draw_links(top, out);
	fputc('\n', out);
	draw_routes(top, out);
}

/* ---- JSON ---- */

static void put_rates(const struct top *top, const struct json *link, struct json_writer *json)
{
	static const char *const names[] = { "submits_per_s", "answers_per_s", "receipts_per_s" };
	json_begin_object(json);
	json_add_text(json, "link", ctl_text(link, "name", "?"));
	for (size_t i = 0; i < 3; i++) {
		double per_s = rate(top, link, counters[i]);
		if (per_s < 0)
			json_add_null(json, names[i]);
		else
			json_add_micro(json, names[i], (int64_t)(per_s * 1000 + 0.5) * 1000);
	}
	json_end_object(json);
}

static int length(const struct buffer *text)
{
	size_t n = text->n;
	while (n && text->octets[n - 1] == '\n')
		n--;
	return (int)n;
}

/* The two documents as they came, and the rates between them and those before; one line. */
static bool print_json(const struct top *top)
{
	const struct json *links = json_get(top->now.links.json, "links");
	struct buffer body = { 0 };
	struct json_writer json = { .out = &body };
	json_begin_object(&json);
	json_add_int(&json, "interval_ms",
		     top->before.at_ms ? top->now.at_ms - top->before.at_ms : 0);
	json_key(&json, "rates");
	json_begin_array(&json);
	for (size_t i = 0; i < json_count(links); i++)
		put_rates(top, json_at(links, i), &json);
	json_end_array(&json);
	json_end_object(&json);
	if (!body.failed)
		printf("{\"status\":%.*s,\"links\":%.*s,\"top\":%.*s}\n",
		       length(&top->now.status.text), (const char *)top->now.status.text.octets,
		       length(&top->now.links.text), (const char *)top->now.links.text.octets,
		       (int)body.n, (const char *)body.octets);
	bool printed = !body.failed && !fflush(stdout);
	buffer_release(&body);
	return printed;
}

/* ---- the screen ---- */

static void begin_screen(struct top *top)
{
	struct termios raw;
	top->screen = !tcgetattr(STDIN_FILENO, &top->was);
	if (!top->screen)
		return;
	raw = top->was;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs("\033[?1049h\033[?25l", stdout); /* a screen of our own, no cursor */
}

static void end_screen(const struct top *top)
{
	if (!top->screen)
		return;
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &top->was);
}

/* One line, as much of it as there are columns, and what stood behind it goes. */
static void put_line(const char *line, size_t n, unsigned columns)
{
	size_t width = 0, at = 0;
	while (at < n && (width < columns || ((unsigned char)line[at] & 0xC0) == 0x80)) {
		width += ((unsigned char)line[at] & 0xC0) != 0x80;
		at++;
	}
	printf("%.*s\033[K", (int)at, line);
}

static void put_screen(const char *text, int64_t interval_ms)
{
	struct winsize size = { 0 };
	char every[CTL_TIME_OCTETS];
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	fputs("\033[H", stdout);
	for (unsigned row = 1; row < size.ws_row && *text; row++) {
		size_t n = strcspn(text, "\n");
		put_line(text, n, size.ws_col);
		putchar('\n');
		text += n + (text[n] == '\n');
	}
	printf("\033[J\033[7mevery %s; q ends%s\033[m", ctl_duration(interval_ms, every),
	       *text ? "; the terminal is too low for all" : "");
}

static bool redraw(const struct top *top, bool answers)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	if (!out)
		return false;
	draw(top, answers, out);
	fclose(out);
	put_screen(text, top->run->interval_ms);
	free(text);
	return !fflush(stdout);
}

/* ---- the loop ---- */

/* Until the next look; false: the operator has had enough. */
static bool wait_for_key(const struct top *top, int64_t until_ms)
{
	struct pollfd keys = { .fd = STDIN_FILENO, .events = POLLIN };
	struct ctl_client *client = top->run->client;
	char key;
	for (;;) {
		int64_t now_ms = ctl_client_now_ms(client), left_ms = until_ms - now_ms;
		if (left_ms <= 0)
			return true;
		if (!top->screen)
			return ctl_client_wait(client, until_ms);
		if (poll(&keys, 1, (int)(left_ms < KEY_MS ? left_ms : KEY_MS)) > 0) {
			ssize_t got = read(STDIN_FILENO, &key, 1);
			if (got <= 0 || key == 'q' || key == 'Q')
				return false;
			if (key == ' ')
				return true;
		}
		/* A moment for signals. */
		if (!ctl_client_wait(client, ctl_client_now_ms(client) + 1))
			return false;
	}
}

static bool show(const struct top *top, bool answers)
{
	if (top->run->json)
		return print_json(top);
	if (top->screen)
		return redraw(top, answers);
	draw(top, answers, stdout);
	return !fflush(stdout);
}

int ctl_top(const struct ctl_run *run)
{
	struct top top = { .run = run };
	bool terminal = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
	bool once = run->once || (!terminal && !run->json);
	bool answers = look(&top), shown = answers;
	if (!answers)
		return CTL_FAILED;
	if (!once && !run->json)
		begin_screen(&top);
	/* Rates need a second look. */
	if (!once)
		shown = show(&top, true);
	while (shown && wait_for_key(&top, ctl_client_now_ms(run->client) + run->interval_ms)) {
		answers = look(&top);
		if (!answers && !top.screen)
			break;
		shown = show(&top, answers);
		if (once)
			break;
	}
	end_screen(&top);
	forget(&top.before);
	forget(&top.now);
	return shown && (answers || top.screen) ? CTL_DONE : CTL_FAILED;
}
