/*
 * A folder of its own for each test that needs a store, and the options the tests open it with.
 * Used by test_store.c, test_ids.c, test_check.c.
 */
#ifndef TEST_STORE_FOLDER_H
#define TEST_STORE_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

#define TEST_STORE_OCTETS (16u << 20)

struct store_folder {
	char path[64];
	char err[STORE_ERR_OCTETS];
	struct store_options options;
};

static inline void store_folder_make(struct store_folder *folder)
{
	*folder = (struct store_folder){ .path = "/tmp/esmed-store-XXXXXX" };
	folder->options = (struct store_options){ .size_octets = TEST_STORE_OCTETS,
						  .create = true,
						  .now_ms = 1790000000000,
						  .no_sync = true,
						  .no_child = true };
	memset(folder->options.seed, 7, sizeof(folder->options.seed));
	if (!mkdtemp(folder->path))
		abort();
}

static inline void store_folder_remove(struct store_folder *folder)
{
	char path[400];
	DIR *dir = opendir(folder->path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder->path, entry->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(folder->path);
}

static inline enum store_open store_folder_open(struct store_folder *folder, struct store **store)
{
	return store_open(folder->path, &folder->options, store, folder->err);
}

#endif
