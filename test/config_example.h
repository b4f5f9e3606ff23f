/*
 * The example configuration, made ready to run in a folder of its own: the password file that it
 * names is written there, and the store, the sockets and the simulators' ports are overridden.
 * For tests that need a whole config and care little what stands in it.
 */
#ifndef TEST_CONFIG_EXAMPLE_H
#define TEST_CONFIG_EXAMPLE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"

#define CONFIG_EXAMPLE_PASSWORD "canary7"
#define CONFIG_EXAMPLE_SETS	8

/* Writes a text to a new file of that mode, whatever the umask; true when it did. */
static inline bool config_example_write(const char *path, const char *text, mode_t mode)
{
	bool good;
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	good = write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0;
	return close(fd) == 0 && good;
}

/*
 * The config, or NULL with the mistakes in errs. set is n_set further overrides, CONFIG_EXAMPLE_SETS
 * at most. It is run from the top of the tree; mistakes are borrowed until it is called again.
 */
static inline struct config *config_example_load(const char *folder, const char *const *set,
						 size_t n_set, struct config_errors *errs)
{
	static const char *const paths[][2] = {
		{ "store.path", "store" },
		{ "sockets.submit.path", "submit.sock" },
		{ "sockets.control.path", "control.sock" },
		{ "sockets.tap.path", "tap.sock" },
		{ "providers.alpha.password_file", "example.password" },
		{ "providers.beta.password_file", "example.password" },
	};
	enum {
		PATHS = sizeof(paths) / sizeof(*paths)
	};
	static char texts[PATHS][512];
	const char *all[PATHS + CONFIG_EXAMPLE_SETS];
	const struct config_source source = { .path = "config/example.yaml",
					      .set = all,
					      .n_set = PATHS + n_set };

	if (n_set > CONFIG_EXAMPLE_SETS)
		abort();
	for (size_t i = 0; i < PATHS; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%s=%s/%s", paths[i][0], folder, paths[i][1]);
		all[i] = texts[i];
	}
	for (size_t i = 0; i < n_set; i++)
		all[PATHS + i] = set[i];
	snprintf(texts[0], sizeof(texts[0]), "%s/example.password", folder);
	if (!config_example_write(texts[0], CONFIG_EXAMPLE_PASSWORD "\n", 0600))
		abort();
	snprintf(texts[0], sizeof(texts[0]), "%s=%s/%s", paths[0][0], folder, paths[0][1]);
	return config_load(&source, errs);
}

#endif
