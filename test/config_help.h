/*
 * What the tests of the configuration share: loading with overrides, the text of a mistake, and a
 * folder of their own. One translation unit includes it.
 */
#ifndef TEST_CONFIG_HELP_H
#define TEST_CONFIG_HELP_H

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include "test/config_example.h"

#define BASE "test/config/base.yaml"

static struct config_errors errs;
static char folder[64];

static inline struct config *load_with(const char *path, const char *const *set, size_t n)
{
	const struct config_source source = { .path = path, .set = set, .n_set = n };

	return config_load(&source, &errs);
}

static inline const char *told(size_t i)
{
	static char text[1000];

	assert_true(i < errs.n);
	config_error_format(&errs.list[i], text, sizeof(text));
	return text;
}

/* Loads and expects success; the mistakes are shown where there are any. */
static inline struct config *load_good(const char *path, const char *const *set, size_t n)
{
	struct config *config = load_with(path, set, n);

	for (size_t i = 0; i < errs.n; i++)
		print_error("%s\n", told(i));
	assert_non_null(config);
	assert_int_equal(errs.n, 0);
	return config;
}

static inline void expect_one(const char *path, const char *set, const char *expected)
{
	assert_null(load_with(path, &set, set ? 1 : 0));
	assert_int_equal(errs.n, 1);
	assert_string_equal(told(0), expected);
}

static inline const char *in_folder(const char *name)
{
	static char paths[8][400];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static inline const char *written(const char *name, const char *text)
{
	const char *path = in_folder(name);

	assert_true(config_example_write(path, text, 0600));
	return path;
}

struct text {
	char octets[200000];
	size_t n, most;
};

static inline bool collect(void *user, const char *octets, size_t n)
{
	struct text *text = user;

	if (text->n + n > text->most)
		return false;
	memcpy(text->octets + text->n, octets, n);
	text->n += n;
	text->octets[text->n] = '\0';
	return true;
}

static inline struct text *printed(const struct config *config)
{
	static struct text text;

	text.n = 0;
	text.most = sizeof(text.octets) - 1;
	assert_true(config_print(config, collect, &text));
	return &text;
}

static inline int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test_config.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
	struct dirent *entry;
	DIR *dir = opendir(folder);

	(void)state;
	while (dir && (entry = readdir(dir)))
		unlink(in_folder(entry->d_name));
	if (dir)
		closedir(dir);
	return rmdir(folder);
}

#endif
