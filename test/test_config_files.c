/*
 * The bounds of a configuration file, the files it names, its secrets, and what is printed of it.
 * Run from the top of the tree.
 */
#include "test/config_help.h"

/* ---- bounds of a file ---- */

static void test_config__refuses_fifty_thousand_brackets_at_the_ninth(void **state)
{
	static char text[50001];
	const char *path;
	char expected[200];

	(void)state;
	memset(text, '[', sizeof(text) - 1);
	path = written("deep.yaml", text);
	snprintf(expected, sizeof(expected), "%s:1:9: nested too deep; 8 levels are allowed", path);
	/* A library that is left to itself takes seconds over it. */
	alarm(2);
	expect_one(path, NULL, expected);
	alarm(0);
}

static void test_config__takes_eight_levels(void **state)
{
	const char *path = written("eight.yaml", "a: [[[[[[[]]]]]]]\n");

	(void)state;
	assert_null(load_with(path, NULL, 0));
	assert_null(strstr(told(0), "nested"));
	path = written("nine.yaml", "a: [[[[[[[[]]]]]]]]\n");
	assert_null(load_with(path, NULL, 0));
	assert_int_equal(errs.n, 1);
	assert_non_null(strstr(told(0), "nine.yaml:1:11: nested too deep"));
}

static void test_config__takes_a_file_of_the_largest_size_and_no_octet_more(void **state)
{
	static char text[CONFIG_FILE_OCTETS_MAX + 2];
	static const char start[] = "store: {path: s}\n"
				    "sockets: {submit: {path: s.sock}, control: {path: c.sock}}\n#";
	char expected[200];
	const char *path;

	(void)state;
	memset(text, 'x', CONFIG_FILE_OCTETS_MAX);
	memcpy(text, start, sizeof(start) - 1);
	config_free(load_good(written("largest.yaml", text), NULL, 0));
	text[CONFIG_FILE_OCTETS_MAX] = 'x';
	path = written("larger.yaml", text);
	snprintf(expected, sizeof(expected), "%s: is too large; 262144 octets are allowed", path);
	expect_one(path, NULL, expected);
}

static void test_config__bounds_events_and_keys(void **state)
{
	static char text[CONFIG_FILE_OCTETS_MAX];
	size_t n;

	(void)state;
	n = (size_t)snprintf(text, sizeof(text), "uids: [");
	for (int i = 0; i < CONFIG_EVENTS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "1,");
	snprintf(text + n, sizeof(text) - n, "]\n");
	assert_null(load_with(written("events.yaml", text), NULL, 0));
	assert_int_equal(errs.n, 1);
	assert_non_null(strstr(told(0), "too many keys and values"));

	n = 0;
	for (int i = 0; i <= 4096; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "k%d: 1\n", i);
	assert_null(load_with(written("keys.yaml", text), NULL, 0));
	assert_int_equal(errs.n, 1);
	assert_non_null(strstr(told(0), "keys.yaml:4097:1: too many keys in one mapping"));
}

static void test_config__refuses_octets_that_are_no_text(void **state)
{
	(void)state;
	assert_null(load_with(written("nul.yaml", "log: {level: \"info\\0\"}\n"), NULL, 0));
	assert_non_null(
		strstr(told(errs.n - 1), "nul.yaml:1:14: a text with a NUL in it is not taken"));
	assert_null(
		load_with(written("utf8.yaml", "# \xc3\xbc\nstore: {path: \xc3\x28}\n"), NULL, 0));
	assert_int_equal(errs.n, 1);
	assert_non_null(strstr(told(0), "utf8.yaml:2:16: not YAML: invalid trailing UTF-8 octet"));
	assert_null(load_with(written("utf16.yaml", "\xff\xfes"), NULL, 0));
	assert_int_equal(errs.n, 1);
	assert_non_null(strstr(told(0), "utf16.yaml:1:1: not YAML: "));
}

static void test_config__refuses_keys_that_are_no_texts(void **state)
{
	(void)state;
	assert_null(load_with(written("key.yaml", "? [a, b]\n: c\n"), NULL, 0));
	assert_non_null(strstr(told(0), "key.yaml:1:3: a key must be one text"));
	assert_null(load_with(written("key.yaml", "a: &x b\n*x : c\n"), NULL, 0));
	assert_non_null(strstr(told(2), "key.yaml:2:1: a key must be one text"));
}

static void test_config__says_why_a_file_cannot_be_read(void **state)
{
	const char *path = written("open.yaml", "a: b\n");
	char expected[300];

	(void)state;
	expect_one("/no/such/file.yaml", NULL,
		   "/no/such/file.yaml: cannot be read: No such file or directory");
	expect_one("/dev/null", NULL, "/dev/null: is no regular file");
	assert_int_equal(chmod(path, 0666), 0);
	snprintf(expected, sizeof(expected), "%s: can be written by everybody; chmod o-w", path);
	expect_one(path, NULL, expected);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	snprintf(expected, sizeof(expected),
		 "%s: lies in a folder that everybody may write; chmod o-w", path);
	expect_one(path, NULL, expected);
	assert_int_equal(chmod(folder, 01777), 0);
	assert_null(load_with(path, NULL, 0));
	assert_null(strstr(told(0), "folder"));
	assert_int_equal(chmod(folder, 0700), 0);
}

/* ---- secrets ---- */

/* Loads the base with a password file; the answer is the password, or NULL when it was refused. */
static const char *password_of(const char *path, uid_t owner)
{
	static char password[CONFIG_PASSWORD_MAX + 1];
	static char set[300]; /* what went wrong is told with it */
	const char *sets[] = { set };
	const struct config_source source = {
		.path = BASE, .set = sets, .n_set = 1, .secret_owner = owner
	};
	struct config *config;

	snprintf(set, sizeof(set), "providers.a.password_file=%s", path);
	config = config_load(&source, &errs);
	if (!config)
		return NULL;
	snprintf(password, sizeof(password), "%s", config->providers[0].password);
	config_free(config);
	return password;
}

static void test_config__reads_a_password_of_one_to_eight_characters(void **state)
{
	(void)state;
	assert_string_equal(password_of(written("pw", "12345678"), 0), "12345678");
	assert_string_equal(password_of(written("pw", "12345678\n"), 0), "12345678");
	assert_string_equal(password_of(written("pw", "12345678\r\n"), 0), "12345678");
	assert_string_equal(password_of(written("pw", "x"), 0), "x");
	assert_null(password_of(written("pw", "123456789"), 0));
	assert_non_null(strstr(told(0), "holds no password that fits; 1 to 8 printable"));
	assert_null(password_of(written("pw", ""), 0));
	assert_null(password_of(written("pw", "\n"), 0));
	assert_null(password_of(written("pw", "a\n\n"), 0));
	assert_null(password_of(written("pw", "a b"), 0));
	assert_null(password_of(written("pw", "1234567\xc3\xa4"), 0));
	assert_null(password_of(written("pw", "123456789012345678901234567890"), 0));
	assert_non_null(strstr(told(0), "is too large"));
	assert_null(strstr(told(0), "12345678"));
}

static void test_config__refuses_a_password_that_others_may_read(void **state)
{
	static const mode_t bad[] = { 0640, 0620, 0610, 0604, 0602, 0601 };
	const char *path = written("pw", "secret");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(chmod(path, bad[i]), 0);
		assert_null(password_of(path, 0));
		assert_int_equal(errs.n, 1);
		assert_non_null(strstr(told(0), "can be read by others; chmod 0600"));
	}
	assert_int_equal(chmod(path, 0400), 0);
	assert_string_equal(password_of(path, 0), "secret");
	assert_null(password_of(folder, 0));
	assert_non_null(strstr(told(0), "is no regular file"));
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	assert_null(password_of(in_folder("fifo"), 0));
	assert_non_null(strstr(told(0), "is no regular file"));
}

static void test_config__refuses_a_password_of_another_user(void **state)
{
	const char *path = written("pw", "secret");

	(void)state;
	if (chown(path, 65533, 65533) != 0) {
		assert_int_equal(errno, EPERM);
		skip();
	}
	assert_null(password_of(path, 0));
	assert_non_null(strstr(told(0), "belongs to somebody else"));
	assert_string_equal(password_of(path, 65533), "secret");
}

static void test_config__never_shows_a_secret(void **state)
{
	const char *set = "providers.alpha.password=" CONFIG_EXAMPLE_PASSWORD;
	struct config *config = config_example_load(folder, NULL, 0, &errs);
	const struct text *text = printed(config);

	(void)state;
	assert_null(strstr(text->octets, CONFIG_EXAMPLE_PASSWORD));
	assert_non_null(strstr(text->octets, "example.password\" # --set\n"));
	config_free(config);
	assert_null(config_example_load(folder, &set, 1, &errs));
	for (size_t i = 0; i < errs.n; i++)
		assert_null(strstr(told(i), CONFIG_EXAMPLE_PASSWORD));
	assert_null(load_with("test/config/keys.yaml", NULL, 0));
	for (size_t i = 0; i < errs.n; i++)
		assert_null(strstr(told(i), "canary"));
}

/* ---- printing ---- */

/* The text without where its values came from. */
static void strip_origins(char *text)
{
	char *to = text;

	for (const char *from = text; *from;) {
		if (strncmp(from, " # ", 3) == 0)
			from += strcspn(from, "\n");
		else
			*to++ = *from++;
	}
	*to = '\0';
}

static void check_round_trip(struct config *config)
{
	static struct text first;
	struct text *again;

	first = *printed(config);
	config_free(config);
	config = load_good(written("again.yaml", first.octets), NULL, 0);
	strip_origins(first.octets);
	again = printed(config);
	config_free(config);
	strip_origins(again->octets);
	assert_string_equal(again->octets, first.octets);
}

static void test_config__prints_what_loads_again(void **state)
{
	const char *set[] = {
		"providers.alpha.statuses={0x45: pause}",
		"providers.alpha.stat={\"a \\\"b\\\\\": delivered}",
		"uids={0: app}",
		"listen=\"[::1]:0\"",
		"providers.alpha.links.alpha-1.tls={server_name: smsc.example}",
		"providers.beta.links.beta-1.tls=on",
		"sockets.submit.group=0",
		"routes.1.display_name=\"Gr\303\274\303\237e: #\\\"x\\\"\"",
	};

	(void)state;
	check_round_trip(config_example_load(folder, set, 8, &errs));
}

static void test_config__prints_where_each_value_came_from(void **state)
{
	const char *set[] = { "providers.a.window=20" };
	struct config *config = load_good(BASE, set, 1);
	const char *text = printed(config)->octets;

	(void)state;
	assert_non_null(strstr(text, "    window: 20 # --set\n"));
	assert_non_null(strstr(text, "    release_ahead: 20 # default: window\n"));
	assert_non_null(strstr(text, "    rate: 0 # default\n"));
	assert_non_null(strstr(text, "    system_id: \"esmed\" # base.yaml:8\n"));
	assert_non_null(strstr(text, "        port: 2775 # base.yaml:10\n"));
	assert_non_null(strstr(text, "    receipt_deadline: 26h # default: validity+2h\n"));
	assert_non_null(strstr(text, "    price: 0.088 # base.yaml:14\n"));
	assert_non_null(strstr(text, "  # tap: none\n"));
	config_free(config);
}

static void test_config__stops_printing_when_the_writer_says_no(void **state)
{
	struct config *config = load_good(BASE, NULL, 0);
	static struct text text;

	(void)state;
	text.most = 100;
	assert_false(config_print(config, collect, &text));
	assert_true(text.n <= 100);
	text.n = 0;
	assert_false(config_print_reference(collect, &text));
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config__refuses_fifty_thousand_brackets_at_the_ninth),
		cmocka_unit_test(test_config__takes_eight_levels),
		cmocka_unit_test(test_config__takes_a_file_of_the_largest_size_and_no_octet_more),
		cmocka_unit_test(test_config__bounds_events_and_keys),
		cmocka_unit_test(test_config__refuses_octets_that_are_no_text),
		cmocka_unit_test(test_config__refuses_keys_that_are_no_texts),
		cmocka_unit_test(test_config__says_why_a_file_cannot_be_read),
		cmocka_unit_test(test_config__reads_a_password_of_one_to_eight_characters),
		cmocka_unit_test(test_config__refuses_a_password_that_others_may_read),
		cmocka_unit_test(test_config__refuses_a_password_of_another_user),
		cmocka_unit_test(test_config__never_shows_a_secret),
		cmocka_unit_test(test_config__prints_what_loads_again),
		cmocka_unit_test(test_config__prints_where_each_value_came_from),
		cmocka_unit_test(test_config__stops_printing_when_the_writer_says_no),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
