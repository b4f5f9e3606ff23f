/*
 * Mistakes in a configuration, each with its place, and overrides. The files of test/config come
 * in pairs: NAME.yaml and, for each that must be refused, NAME.expected with one line per mistake.
 * Run from the top of the tree.
 */
#include "test/config_help.h"

/* ---- mistakes ---- */

static void check_corpus_file(const char *name)
{
	char path[300], expected[400], line[600];
	FILE *file;
	size_t n = 0;

	snprintf(path, sizeof(path), "test/config/%s.expected", name);
	file = fopen(path, "r");
	assert_non_null(file);
	snprintf(path, sizeof(path), "test/config/%s.yaml", name);
	assert_null(load_with(path, NULL, 0));
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		assert_true(snprintf(expected, sizeof(expected), "%s:%s", path, line) > 0);
		if (n >= errs.n || strcmp(told(n), expected) != 0)
			fail_msg("expected %s\n     told %s", expected,
				 n < errs.n ? told(n) : "no more");
		n++;
	}
	fclose(file);
	if (n < errs.n)
		fail_msg("%s: told too: %s", name, told(n));
}

static void test_config__tells_every_mistake_of_the_corpus_with_its_place(void **state)
{
	DIR *dir = opendir("test/config");
	struct dirent *entry;
	size_t n = 0;
	char name[256];

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		const char *dot = strstr(entry->d_name, ".expected");

		if (!dot)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(dot - entry->d_name), entry->d_name);
		check_corpus_file(name);
		n++;
	}
	closedir(dir);
	assert_true(n >= 9);
}

static void test_config__counts_the_mistakes_that_it_cannot_list(void **state)
{
	char text[CONFIG_ERRORS_MAX * 12 + 200] = "";
	size_t n = 0;

	(void)state;
	for (int i = 0; i < CONFIG_ERRORS_MAX + 5; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "key%03d: 1\n", i);
	assert_null(load_with(written("many.yaml", text), NULL, 0));
	assert_int_equal(errs.n, CONFIG_ERRORS_MAX);
	/* Five more keys; and a store and two sockets are missing. */
	assert_int_equal(errs.more, 5 + 3);
}

static void test_config__cuts_a_message_only_in_the_callers_buffer(void **state)
{
	char small[10];
	size_t whole;

	(void)state;
	assert_null(load_with("test/config/empty.yaml", NULL, 0));
	whole = strlen(told(0));
	assert_int_equal(config_error_format(&errs.list[0], small, sizeof(small)), whole);
	assert_string_equal(small, "test/conf");
}

/* ---- more than there is room for ---- */

/* `n` entries behind `open`, each `entry` with its number and then `close`. */
static const char *many(const char *open, const char *entry, const char *close, int n)
{
	static char text[4000];
	size_t used = (size_t)snprintf(text, sizeof(text), "%s", open);

	for (int i = 0; i < n; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%d", i ? ", " : "",
					 entry, i);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", close);
	}
	snprintf(text + used, sizeof(text) - used, "%s", *close ? "}" : "]");
	return text;
}

static void test_config__refuses_one_host_more_than_are_tried(void **state)
{
	const char *set = many("providers.a.links.one.host=[", "smsc", "", CONFIG_HOSTS_MAX);
	struct config *config = load_good(BASE, &set, 1);

	(void)state;
	assert_int_equal(config->providers[0].links[0].hosts.n, CONFIG_HOSTS_MAX);
	config_free(config);
	expect_one(BASE, many("providers.a.links.one.host=[", "smsc", "", CONFIG_HOSTS_MAX + 1),
		   "--set:providers.a.links.one.host: providers.a.links.one.host: has 9 entries; "
		   "allowed: at most 8");
}

static void test_config__refuses_one_stat_more_than_are_read(void **state)
{
	const char *set = many("providers.a.stat={", "WORD", ": delivered", CONFIG_STATS_MAX);
	struct config *config = load_good(BASE, &set, 1);

	(void)state;
	assert_int_equal(config->providers[0].n_stats, CONFIG_STATS_MAX);
	config_free(config);
	expect_one(BASE, many("providers.a.stat={", "WORD", ": delivered", CONFIG_STATS_MAX + 1),
		   "--set:providers.a.stat: providers.a.stat: has 65 entries; "
		   "allowed: at most 64");
}

/* ---- overrides ---- */

static void test_config__names_the_override_that_is_wrong(void **state)
{
	(void)state;
	expect_one(BASE, "providers.a.window=0",
		   "--set:providers.a.window: providers.a.window: \"0\" is out of range; "
		   "allowed: 1 to 1000 requests");
	expect_one(BASE, "providers.a.windw=5",
		   "--set:providers.a.windw: providers.a: unknown key \"windw\"; "
		   "did you mean \"window\"?");
	expect_one(BASE, "window",
		   "--set:window: not an override; write dotted.path=value, as store.size=1GiB");
	expect_one(BASE, "=5",
		   "--set:: not an override; write dotted.path=value, as store.size=1GiB");
	expect_one(BASE, "a..b=5",
		   "--set:a..b: not an override; write dotted.path=value, as store.size=1GiB");
	expect_one(BASE, "a.b.c.d.e.f.g.h.i=5",
		   "--set:a.b.c.d.e.f.g.h.i: not an override; write dotted.path=value, as "
		   "store.size=1GiB");
	expect_one(BASE, "prices.2.price=1", "--set:prices.2.price: there is no \"2\" to set");
	expect_one(BASE, "store.path.x=1", "--set:store.path.x: there is no \"x\" to set");
	expect_one(BASE, "store.size=", "--set:store.size: store.size: has no value");
	expect_one(BASE, "store.size=# nothing", "--set:store.size: store.size: has no value");
	expect_one(BASE, "store.size={",
		   "--set:store.size: not YAML: did not find expected node "
		   "content; while parsing a flow node");
}

static void test_config__has_one_sandbox(void **state)
{
	const char *named[] = { "providers.box={kind: sandbox, window: 3}",
				"routes.2={name: second, provider: box}" };
	const char *unnamed[] = { "routes.2={name: second, provider: sandbox}" };
	struct config *config = load_good(BASE, named, 2);

	(void)state;
	assert_string_equal(config->sandbox.provider->name, "box");
	assert_int_equal(config->sandbox.provider->window, 3);
	assert_ptr_equal(config->routes[1].provider, config->sandbox.provider);
	assert_int_equal(config->n_all_providers, config->n_providers);
	config_free(config);
	config = load_good(BASE, unnamed, 1);
	assert_string_equal(config->sandbox.provider->name, "sandbox");
	assert_int_equal(config->sandbox.provider->window, 10);
	assert_int_equal(config->sandbox.provider->timers.response_ms, 60000);
	assert_ptr_equal(config->routes[1].provider, config->sandbox.provider);
	assert_int_equal(config->n_all_providers, config->n_providers + 1);
	config_free(config);
	expect_one(BASE, "providers={a: {kind: sandbox}, b: {kind: sandbox}}",
		   "--set:providers: providers.b.kind: there is another sandbox, and one is all");
}

static void test_config__lets_overrides_add_what_the_file_has_not(void **state)
{
	const char *set[] = {
		"providers.b.kind=sandbox",
		"routes.2={name: second, provider: b}",
		"prices.1={route: 2, prefix: 34, country: ES, price: 0.051}",
		"prices.0.price=1000",
		"sockets.tap.path=tap.sock",
		"store.size=16MiB",
		"store.size=32MiB",
	};
	struct config *config = load_good(BASE, set, 7);

	(void)state;
	assert_int_equal(config->n_providers, 2);
	assert_string_equal(config->routes[1].provider->name, "b");
	assert_int_equal(config->prices[0].price_micros, INT64_C(1000000000));
	assert_int_equal(config->prices[1].price_micros, 51000);
	assert_true(config->sockets.tap.enabled);
	assert_int_equal(config->store.size_octets, 32 << 20);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config__tells_every_mistake_of_the_corpus_with_its_place),
		cmocka_unit_test(test_config__counts_the_mistakes_that_it_cannot_list),
		cmocka_unit_test(test_config__cuts_a_message_only_in_the_callers_buffer),
		cmocka_unit_test(test_config__refuses_one_host_more_than_are_tried),
		cmocka_unit_test(test_config__refuses_one_stat_more_than_are_read),
		cmocka_unit_test(test_config__names_the_override_that_is_wrong),
		cmocka_unit_test(test_config__has_one_sandbox),
		cmocka_unit_test(test_config__lets_overrides_add_what_the_file_has_not),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
