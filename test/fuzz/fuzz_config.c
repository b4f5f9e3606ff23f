/*
 * fuzz_config.c: any octets as a configuration file, with any overrides (libFuzzer).
 *
 * What stands behind the first octet 0xff, which no YAML holds, are overrides, each ended by one
 * more. Promises asserted: a config or mistakes, never both and never neither; every mistake can
 * be told; what loads can be printed, and what was printed loads again and prints the same.
 *
 *	clang-14 -g -O1 -fsanitize=fuzzer,address,undefined -I. -D_GNU_SOURCE \
 *		test/fuzz/fuzz_config.c config/[a-z]*.c -lyaml -o fuzz_config
 *	./fuzz_config NEW test/config config
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"

#define SETS_MAX 8

struct printed {
	char octets[4 * CONFIG_FILE_OCTETS_MAX];
	size_t n;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool collect(void *user, const char *octets, size_t n)
{
	struct printed *printed = user;

	if (n > sizeof(printed->octets) - printed->n)
		return false;
	memcpy(printed->octets + printed->n, octets, n);
	printed->n += n;
	return true;
}

static struct config *load(const char *octets, size_t n, const char *const *set, size_t n_set)
{
	static struct config_errors errs;
	const int fd = memfd_create("config", MFD_CLOEXEC);
	struct config *config;
	char path[64], text[600];

	assert(fd >= 0 && fchmod(fd, 0600) == 0);
	assert(write(fd, octets, n) == (ssize_t)n);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config = config_load(&(struct config_source){ .path = path, .set = set, .n_set = n_set },
			     &errs);
	assert((config == NULL) == (errs.n > 0));
	assert(errs.more == 0 || errs.n == CONFIG_ERRORS_MAX);
	for (size_t i = 0; i < errs.n; i++)
		assert(config_error_format(&errs.list[i], text, sizeof(text)) > 0);
	close(fd);
	return config;
}

/* Without where a value came from: that differs the second time. */
static void strip(struct printed *printed)
{
	size_t to = 0;

	for (size_t from = 0; from < printed->n;) {
		if (printed->n - from > 2 && memcmp(printed->octets + from, " # ", 3) == 0) {
			while (printed->octets[from] != '\n')
				from++;
		}
		printed->octets[to++] = printed->octets[from++];
	}
	printed->n = to;
}

static void check_round_trip(struct config *config)
{
	static struct printed first, second;
	struct config *again;

	first.n = second.n = 0;
	assert(config_print(config, collect, &first));
	if (first.n > CONFIG_FILE_OCTETS_MAX)
		return;
	again = load(first.octets, first.n, NULL, 0);
	assert(again);
	assert(config_print(again, collect, &second));
	strip(&first);
	strip(&second);
	assert(first.n == second.n && memcmp(first.octets, second.octets, first.n) == 0);
	config_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 0 ? memchr(data, 0xff, size) : NULL;
	const size_t n = end ? (size_t)(end - data) : size;
	char *rest = malloc(size - n + 1);
	const char *set[SETS_MAX];
	struct config *config;
	size_t n_set = 0;

	assert(rest);
	memcpy(rest, data + n, size - n);
	rest[size - n] = '\0';
	for (char *p = rest; *p == (char)0xff && n_set < SETS_MAX;) {
		*p++ = '\0';
		set[n_set++] = p;
		while (*p && *p != (char)0xff)
			p++;
	}
	config = load((const char *)data, n, set, n_set);
	if (config)
		check_round_trip(config);
	config_free(config);
	free(rest);
	return 0;
}
