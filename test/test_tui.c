/* The full-screen view without a terminal: keys in, lines out. The session is that of test/vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "tools/capture.h"
#include "tools/trace_capture.h"
#include "tools/tui_view.h"

#define SESSION	 "test/vectors/upper-pdu.pcapng"
#define NUMBER	 "3161234"
#define PASSWORD "s3cret"
#define TEXT	 "Your code is"
#define EVENTS	 53 /* 52 PDUs, and one request that was not answered */

struct fixture {
	struct tui tui;
	struct tui_screen screen;
	struct buffer shown; /* the screen as one text */
};

static void drain(struct tui *tui, struct flow *flow)
{
	struct flow_event event;

	while (flow_next(flow, &event))
		assert_true(tui_add(tui, &event));
}

/* How many PDUs are in the file. */
static uint64_t read_file(struct tui *tui, const char *path)
{
	char error[CAPTURE_ERROR_OCTETS] = "";
	struct trace_capture *capture = trace_capture_open(path, 0, error);
	struct flow *flow = flow_new(60000000);
	struct trace_pdu pdu;
	uint64_t n = 0;

	assert_non_null(capture);
	while (trace_capture_next(capture, &pdu, error)) {
		n += pdu.kind == TRACE_PDU;
		flow_add(flow, &pdu);
		drain(tui, flow);
	}
	assert_string_equal(error, "");
	flow_end(flow);
	drain(tui, flow);
	flow_free(flow);
	trace_capture_close(capture);
	return n;
}

static void read_session(struct tui *tui)
{
	assert_int_equal(read_file(tui, SESSION), 52);
}

static int make(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->tui.title = SESSION;
	fixture->tui.utf8 = true;
	tui_init(&fixture->tui, 12, 80);
	read_session(&fixture->tui);
	fixture->tui.complete = true;
	*state = fixture;
	return 0;
}

static int end(void **state)
{
	struct fixture *fixture = *state;

	tui_screen_release(&fixture->screen);
	tui_release(&fixture->tui);
	buffer_release(&fixture->shown);
	free(fixture);
	return 0;
}

static const char *look(struct fixture *fixture)
{
	struct tui_screen *screen = &fixture->screen;

	assert_true(tui_draw(&fixture->tui, screen));
	buffer_clear(&fixture->shown);
	for (size_t i = 0; i < screen->n; i++) {
		buffer_append(&fixture->shown, screen->rows[i].text.octets, screen->rows[i].text.n);
		buffer_text(&fixture->shown, "\n");
	}
	buffer_append(&fixture->shown, "", 1);
	return (const char *)fixture->shown.octets;
}

static void type(struct fixture *fixture, const char *keys)
{
	for (; *keys != '\0'; keys++)
		tui_key(&fixture->tui, *keys);
}

static void assert_shows(struct fixture *fixture, const char *text)
{
	if (strstr(look(fixture), text) == NULL)
		fail_msg("`%s` is not in\n%s", text, (const char *)fixture->shown.octets);
}

static void assert_hides(struct fixture *fixture, const char *text)
{
	if (strstr(look(fixture), text) != NULL)
		fail_msg("`%s` is in\n%s", text, (const char *)fixture->shown.octets);
}

static void assert_golden(struct fixture *fixture, const char *path)
{
	char expected[16384];
	FILE *file = fopen(path, "r");
	size_t n = file != NULL ? fread(expected, 1, sizeof(expected) - 1, file) : 0;

	assert_non_null(file);
	fclose(file);
	expected[n] = '\0';
	assert_string_equal(look(fixture), expected);
}

/* ---- panes ---- */

static void test_tui__lists_the_pdus(void **state)
{
	assert_golden(*state, "test/trace/tui_list.expected");
}

static void test_tui__draws_the_ladder_of_one_session(void **state)
{
	struct fixture *fixture = *state;

	type(fixture, "\n");
	assert_golden(fixture, "test/trace/tui_ladder.expected");
	/* Two PDUs passed on the other link. */
	tui_key(&fixture->tui, TUI_KEY_END);
	assert_shows(fixture, "51 of 53");
	assert_hides(fixture, "#34");
}

static void test_tui__draws_the_ladder_in_ascii(void **state)
{
	struct fixture *fixture = *state;

	fixture->tui.utf8 = false;
	type(fixture, "\n");
	assert_shows(fixture, "|- 2 submit_sm -------------------------------->|");
	for (const uint8_t *at = fixture->shown.octets; *at != 0; at++)
		assert_true(*at < 0x80);
}

static void test_tui__opens_a_pdu_and_goes_back(void **state)
{
	struct fixture *fixture = *state;

	tui_key(&fixture->tui, TUI_KEY_DOWN);
	tui_key(&fixture->tui, TUI_KEY_DOWN);
	type(fixture, "\n\n");
	assert_shows(fixture, "PDU 3, packet 3,");
	assert_shows(fixture, "submit_sm (SMPP 3.4, 4.4.1)");
	assert_hides(fixture, "destination_addr");
	tui_key(&fixture->tui, TUI_KEY_PAGE_DOWN);
	assert_shows(fixture, "destination_addr          \"********000\"");
	type(fixture, "q");
	assert_shows(fixture, "ESME");
	tui_key(&fixture->tui, TUI_KEY_ESCAPE);
	assert_shows(fixture, "link#session");
	assert_false(fixture->tui.quit);
	type(fixture, "q");
	assert_true(fixture->tui.quit);
}

static void test_tui__lists_the_sessions(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 40; i++)
		tui_key(&fixture->tui, TUI_KEY_DOWN);
	type(fixture, "s");
	assert_shows(fixture, "2 sessions");
	assert_shows(fixture, "> 22:13:20.000 a#1  50 PDUs  4 errors  1 unanswered");
	assert_shows(fixture, "b#2  2 PDUs  0 errors  0 unanswered");
	tui_key(&fixture->tui, TUI_KEY_DOWN);
	type(fixture, "\n");
	assert_shows(fixture, "2 of 53");
	assert_shows(fixture, "SMSC  b#2");
	type(fixture, "q");
	assert_shows(fixture, "2 sessions");
	type(fixture, "q");
	assert_shows(fixture, "53 of 53");
}

static void test_tui__shows_one_session_only(void **state)
{
	struct fixture *fixture = *state;

	type(fixture, "s");
	tui_key(&fixture->tui, TUI_KEY_END);
	type(fixture, "o");
	assert_shows(fixture, "2 of 53");
	assert_shows(fixture, "filter: link=\"b\" & session=2");
	type(fixture, "/");
	tui_key(&fixture->tui, TUI_KEY_CLEAR);
	type(fixture, "\n");
	tui_key(&fixture->tui, TUI_KEY_HOME);
	type(fixture, "o");
	assert_shows(fixture, "51 of 53");
	assert_shows(fixture, "filter: link=\"a\" & session=1");
}

/* More than are kept, of sessions that come and go: a row each while something is kept of it. */
static void test_tui__forgets_sessions_with_their_pdus(void **state)
{
	struct fixture *fixture = *state;
	struct trace_pdu pdu = { .link = "a", .message = "", .octets = (const uint8_t *)"" };
	struct flow_event event = { .kind = FLOW_PDU, .pdu = &pdu };

	for (uint64_t i = 0; i < TUI_KEPT + 5; i++) {
		/* Two rounds of 100 to 104, then 100 and 104 by turns. */
		pdu.session = 100 + (i < 10 ? i % 5 : i % 2 * 4);
		assert_true(tui_add(&fixture->tui, &event));
	}
	type(fixture, "s");
	/* The first round is forgotten, and of the second one is there of each. */
	assert_shows(fixture, "5 sessions");
	assert_shows(fixture, "a#102  1 PDUs");
	for (int i = 0; i < 5; i++)
		assert_true(tui_add(&fixture->tui, &event));
	assert_shows(fixture, "2 sessions");
	assert_hides(fixture, "a#102");
	assert_shows(fixture, "a#100  10003 PDUs");
	assert_shows(fixture, "a#104  9997 PDUs");
}

static void test_tui__compares_two_selected_pdus(void **state)
{
	struct fixture *fixture = *state;

	type(fixture, "d");
	assert_shows(fixture, "d compares two PDUs, and 0 are selected");
	tui_key(&fixture->tui, TUI_KEY_DOWN);
	tui_key(&fixture->tui, TUI_KEY_DOWN);
	type(fixture, "  ");
	assert_shows(fixture, " *22:13:20.019");
	type(fixture, "d");
	tui_resize(&fixture->tui, 60, 80);
	assert_golden(fixture, "test/trace/tui_diff.expected");
	type(fixture, "q d");
	assert_shows(fixture, "and 3 are selected");
}

/* ---- the filter ---- */

static void test_tui__filters_the_list(void **state)
{
	struct fixture *fixture = *state;

	type(fixture, "/status=0x58\n");
	assert_shows(fixture, "1 of 53");
	assert_shows(fixture, "filter: status=0x58");
	assert_shows(fixture, "7 submit_sm_resp ESME_RTHROTTLED #20");
	type(fixture, "/");
	tui_key(&fixture->tui, TUI_KEY_CLEAR);
	type(fixture, "\n");
	assert_shows(fixture, "53 of 53");
}

static void test_tui__fills_the_screen_when_a_filter_leaves_few_below(void **state)
{
	struct fixture *fixture = *state;

	tui_key(&fixture->tui, TUI_KEY_END);
	look(fixture);
	type(fixture, "/cmd=submit_sm\n");
	/* The last of 36 is at the bottom of the eight rows. */
	look(fixture);
	assert_int_equal(*fixture->screen.rows[9].text.octets, '>');
	for (size_t row = 2; row < 10; row++)
		assert_true(fixture->screen.rows[row].text.n > 0);
}

static void test_tui__points_at_a_mistake_in_a_filter(void **state)
{
	struct fixture *fixture = *state;

	type(fixture, "/cmd=submit_sm & rtt>fast\n");
	/* "filter: " and 20 octets stand before what is wrong */
	assert_shows(fixture, "filter: cmd=submit_sm & rtt>fast\n"
			      "                            ^ ");
	assert_shows(fixture, "53 of 53");
	assert_int_equal(fixture->screen.caret, strlen("filter: cmd=submit_sm & rtt>fast") + 1);
	for (int i = 0; i < 4; i++)
		tui_key(&fixture->tui, TUI_KEY_RUBOUT);
	type(fixture, "1s\n");
	assert_shows(fixture, "0 of 53");
}

static void test_tui__keeps_the_filter_when_the_prompt_is_left(void **state)
{
	struct fixture *fixture = *state;

	type(fixture, "/receipt\n/ & nonsense");
	tui_key(&fixture->tui, TUI_KEY_ESCAPE);
	assert_shows(fixture, "filter: receipt\n");
	assert_shows(fixture, "4 of 53");
}

/* ---- other keys ---- */

static void test_tui__tells_times_since_the_row_above(void **state)
{
	struct fixture *fixture = *state;

	type(fixture, "w");
	assert_shows(fixture, ">       +0.000 a#1 -> 1 bind_transceiver");
	assert_shows(fixture, "       +0.018 a#1 <- 1 bind_transceiver_resp");
	type(fixture, "w");
	assert_hides(fixture, "+0.018");
}

static void test_tui__saves_what_is_selected_and_overwrites_nothing(void **state)
{
	struct fixture *fixture = *state;
	char folder[] = "/tmp/test_tui.XXXXXX", path[64], text[8192];
	struct stat stat_of;
	size_t n;
	FILE *file;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/saved", folder);
	type(fixture, " ");
	tui_key(&fixture->tui, TUI_KEY_SAVE);
	type(fixture, path);
	type(fixture, "\n");
	assert_shows(fixture, "saved 1 to ");
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 07777, 0600);
	file = fopen(path, "r");
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	assert_non_null(strstr(text, "PDU 1, packet 1,"));
	assert_null(strstr(text, "PDU 2,"));
	tui_key(&fixture->tui, TUI_KEY_SAVE);
	type(fixture, path);
	type(fixture, "\n");
	assert_shows(fixture, "File exists");
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(stat_of.st_size, n);
	unlink(path);
	rmdir(folder);
}

static void test_tui__saves_a_capture_with_what_is_hidden_hidden(void **state)
{
	struct fixture *fixture = *state, *again = calloc(1, sizeof(*again));
	char folder[] = "/tmp/test_tui.XXXXXX", path[64];
	struct stat stat_of;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/saved.pcapng", folder);
	type(fixture, "/cmd=submit_sm\n");
	tui_key(&fixture->tui, TUI_KEY_SAVE);
	type(fixture, path);
	type(fixture, "\n");
	/* 18 submits and the answers to all but one; that nothing came is no PDU. */
	assert_shows(fixture, "saved 35 to ");
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 07777, 0600);
	again->tui.title = path;
	again->tui.print = (struct smpp_print_options){ .show_text = true, .show_numbers = true };
	tui_init(&again->tui, 60, 200);
	assert_int_equal(read_file(&again->tui, path), 35);
	assert_shows(again, "#1 to=\"********000\"");
	end((void **)&again);
	unlink(path);
	rmdir(folder);
}

/* Every row of every pane, as wide as it is. */
static void test_tui__hides_numbers_and_texts(void **state)
{
	static const char *const secrets[] = { NUMBER, TEXT, PASSWORD };
	struct fixture *fixture = *state;

	tui_resize(&fixture->tui, 100, 1000);
	for (int row = 0; row < EVENTS; row++) {
		type(fixture, "\n\n");
		for (size_t i = 0; i < 3; i++)
			assert_hides(fixture, secrets[i]);
		type(fixture, "qq");
		tui_key(&fixture->tui, TUI_KEY_DOWN);
	}
	fixture->tui.view.print.show_text = fixture->tui.print.show_text = true;
	fixture->tui.view.print.show_numbers = fixture->tui.print.show_numbers = true;
	assert_shows(fixture, NUMBER);
}

static void test_tui__pauses_live_only(void **state)
{
	struct fixture *fixture = *state;

	type(fixture, "p");
	assert_shows(fixture, "p pauses live");
	fixture->tui.live = true;
	type(fixture, "p");
	read_session(&fixture->tui);
	assert_shows(fixture, "PAUSED, 52 passed unseen");
	type(fixture, "p");
	assert_shows(fixture, "52 passed while paused");
	read_session(&fixture->tui);
	assert_shows(fixture, "106 of 106");
}

static void test_tui__follows_live_from_the_last_row(void **state)
{
	struct fixture *fixture = *state;

	fixture->tui.live = true;
	read_session(&fixture->tui);
	assert_int_equal(fixture->tui.cursor, 0);
	tui_key(&fixture->tui, TUI_KEY_END);
	read_session(&fixture->tui);
	assert_int_equal(fixture->tui.cursor, 3 * EVENTS - 1);
	tui_key(&fixture->tui, TUI_KEY_UP);
	read_session(&fixture->tui);
	assert_int_equal(fixture->tui.cursor, 3 * EVENTS - 2);
	/* With a filter the last row is not the last PDU. */
	type(fixture, "/cmd=bind_transceiver\n");
	tui_key(&fixture->tui, TUI_KEY_END);
	assert_int_equal(fixture->tui.cursor, 3 * EVENTS + 1);
	read_session(&fixture->tui);
	assert_int_equal(fixture->tui.cursor, 4 * EVENTS + 1);
}

static void test_tui__follows_live_from_an_empty_screen(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	(void)state;
	fixture->tui.title = "live";
	fixture->tui.live = true;
	tui_init(&fixture->tui, 12, 80);
	assert_shows(fixture, "0 of 0");
	read_session(&fixture->tui);
	assert_int_equal(fixture->tui.cursor, EVENTS - 1);
	end((void **)&fixture);
}

/* ---- bounds ---- */

static void test_tui__keeps_the_last_and_says_so(void **state)
{
	struct fixture *fixture = *state;
	uint64_t rounds = TUI_KEPT / EVENTS + 2;
	char text[64];

	for (uint64_t i = 1; i < rounds; i++)
		read_session(&fixture->tui);
	assert_int_equal(fixture->tui.keep.end - fixture->tui.keep.first, TUI_KEPT);
	snprintf(text, sizeof(text), "the first %d are no longer kept",
		 (int)(rounds * EVENTS - TUI_KEPT));
	assert_shows(fixture, text);
	assert_shows(fixture, "\n> ");
}

static void test_tui__bounds_the_octets_it_keeps(void **state)
{
	static uint8_t octets[1u << 20];
	struct fixture *fixture = *state;
	struct trace_pdu pdu = {
		.octets = octets, .n = sizeof(octets), .framing = TRACE_LOST, .message = ""
	};
	struct flow_event event = { .kind = FLOW_PDU, .pdu = &pdu };

	for (int i = 0; i < 40; i++) {
		assert_true(tui_add(&fixture->tui, &event));
		assert_true(fixture->tui.keep.octets <= TUI_KEPT_OCTETS);
	}
	assert_true(fixture->tui.keep.end - fixture->tui.keep.first >= 31);
	assert_shows(fixture, "1048576 octets that are no PDU");
}

static size_t columns_of(const struct buffer *text)
{
	wchar_t wide[4096];
	char line[8192];
	size_t n;

	assert_true(text->n < sizeof(line));
	memcpy(line, text->n > 0 ? (const char *)text->octets : "", text->n);
	line[text->n] = '\0';
	n = mbstowcs(wide, line, 4096);
	assert_true(n < 4096);
	return (size_t)wcswidth(wide, n);
}

static void test_tui__fits_every_screen(void **state)
{
	static const char *const panes[] = { "", "\n", "\n", "qq  d", "q?", "q/status=99999999\n" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(panes) / sizeof(panes[0]); i++) {
		type(fixture, panes[i]);
		for (size_t columns = 1; columns < 100; columns++) {
			size_t rows = 1 + columns % 30;

			tui_resize(&fixture->tui, rows, columns);
			look(fixture);
			assert_int_equal(fixture->screen.n, rows);
			for (size_t row = 0; row < rows; row++)
				assert_true(columns_of(&fixture->screen.rows[row].text) <= columns);
		}
	}
}

static void test_tui__shows_the_cursor_on_every_screen(void **state)
{
	static const int keys[] = { TUI_KEY_END,  TUI_KEY_PAGE_UP,   TUI_KEY_UP,
				    TUI_KEY_HOME, TUI_KEY_PAGE_DOWN, TUI_KEY_DOWN };
	struct fixture *fixture = *state;

	for (size_t rows = 1; rows < 60; rows++) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			tui_resize(&fixture->tui, rows, 80);
			tui_key(&fixture->tui, keys[i]);
			look(fixture);
			assert_true(fixture->shown.octets[0] == '>' ||
				    strstr((const char *)fixture->shown.octets, "\n>") != NULL);
		}
	}
}

static void test_tui__shows_wide_characters_whole(void **state)
{
	struct fixture *fixture = *state;

	/* Each ideograph is two columns wide. */
	fixture->tui.title = "漢字漢字";
	tui_resize(&fixture->tui, 12, 25);
	assert_shows(fixture, "smpp-trace  53 of 53  漢\n");
	fixture->tui.utf8 = false;
	assert_shows(fixture, "  53 of 53  ???\n");
	fixture->tui.title = "\xff\xe6\xbc";
	assert_shows(fixture, "  53 of 53  ???\n");
}

/* A pcapng file calls its interfaces as it likes, and the command line a file. */
static void test_tui__sends_no_control_to_the_terminal(void **state)
{
	struct fixture *fixture = *state;
	struct trace_pdu pdu = { .octets = (const uint8_t *)"",
				 .framing = TRACE_LOST,
				 .message = "m\x1b[2J",
				 .link = "a\x1b[31m\xc2\x9b\t" };
	struct flow_event event = { .kind = FLOW_PDU, .pdu = &pdu };

	fixture->tui.title = "b\x1b]0;";
	assert_true(tui_add(&fixture->tui, &event));
	tui_key(&fixture->tui, TUI_KEY_END);
	assert_shows(fixture, "a?[31m??#0");
	for (const char *keys = "\n\n"; *keys != '\0'; keys++) {
		tui_key(&fixture->tui, *keys);
		assert_hides(fixture, "\x1b");
		assert_hides(fixture, "\xc2\x9b");
	}
	assert_shows(fixture, "b?]0;");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_tui__##name, make, end)
	static const struct CMUnitTest tests[] = {
		TEST(lists_the_pdus),
		TEST(draws_the_ladder_of_one_session),
		TEST(draws_the_ladder_in_ascii),
		TEST(opens_a_pdu_and_goes_back),
		TEST(lists_the_sessions),
		TEST(shows_one_session_only),
		TEST(forgets_sessions_with_their_pdus),
		TEST(compares_two_selected_pdus),
		TEST(filters_the_list),
		TEST(fills_the_screen_when_a_filter_leaves_few_below),
		TEST(points_at_a_mistake_in_a_filter),
		TEST(keeps_the_filter_when_the_prompt_is_left),
		TEST(tells_times_since_the_row_above),
		TEST(saves_what_is_selected_and_overwrites_nothing),
		TEST(saves_a_capture_with_what_is_hidden_hidden),
		TEST(hides_numbers_and_texts),
		TEST(pauses_live_only),
		TEST(follows_live_from_the_last_row),
		cmocka_unit_test(test_tui__follows_live_from_an_empty_screen),
		TEST(keeps_the_last_and_says_so),
		TEST(bounds_the_octets_it_keeps),
		TEST(fits_every_screen),
		TEST(shows_the_cursor_on_every_screen),
		TEST(shows_wide_characters_whole),
		TEST(sends_no_control_to_the_terminal),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
