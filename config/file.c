/*
 * Regular files: the configuration itself and those that hold a secret. What others could read or
 * replace is refused, because nobody looks at a mode once the daemon runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/private.h"

static bool refuse(struct config_load *load, const struct config_place *at, const char *path,
		   const char *what, const char *hint)
{
	/* The place of a mistake in the whole file names the file already. */
	if (load->path[0])
		config_hint(config_mistake(load, at, "%s: %s %s", load->path, path, what), "%s",
			    hint);
	else
		config_hint(config_mistake(load, at, "%s", what), "%s", hint);
	return false;
}

static bool allowed(struct config_load *load, const struct config_place *at, const char *path,
		    enum config_file_kind kind, const struct stat *st)
{
	const bool ours = st->st_uid == 0 || st->st_uid == geteuid() ||
			  st->st_uid == load->source->secret_owner;

	if (!S_ISREG(st->st_mode))
		return refuse(load, at, path, "is no regular file", "");
	if (kind == CONFIG_FILE_PUBLIC && (st->st_mode & S_IWOTH))
		return refuse(load, at, path, "can be written by everybody", "chmod o-w");
	if (kind == CONFIG_FILE_SECRET && (st->st_mode & (S_IRWXG | S_IRWXO)))
		return refuse(load, at, path, "can be read by others", "chmod 0600");
	if (kind == CONFIG_FILE_SECRET && !ours)
		return refuse(load, at, path, "belongs to somebody else",
			      "its owner must be root or the user of the daemon");
	return true;
}

/* Where everybody may write and nothing is sticky, anybody may put another file in its place. */
static bool folder_allowed(struct config_load *load, const struct config_place *at,
			   const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[4200];
	struct stat st;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path + 1) : 1,
		 slash ? path : ".");
	if (stat(folder, &st) == 0 && (st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
		return refuse(load, at, path, "lies in a folder that everybody may write",
			      "chmod o-w");
	return true;
}

ssize_t config_file_read(struct config_load *load, const struct config_place *at, const char *path,
			 enum config_file_kind kind, char *octets, size_t max)
{
	/* Without O_NONBLOCK a FIFO in its place would hold the start up for ever. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char why[120], too_large[64];
	struct stat st;
	ssize_t n, got = -1;

	if (fd < 0 || fstat(fd, &st) < 0) {
		snprintf(why, sizeof(why), "cannot be read: %s", strerror(errno));
		refuse(load, at, path, why, "");
	} else if (allowed(load, at, path, kind, &st) && folder_allowed(load, at, path)) {
		got = 0;
		if (!octets) {
			close(fd);
			return got;
		}
		do {
			n = read(fd, octets + got, max + 1 - (size_t)got);
			got += n > 0 ? n : 0;
		} while ((n > 0 && (size_t)got <= max) || (n < 0 && errno == EINTR));
		if (n < 0 || (size_t)got > max) {
			snprintf(too_large, sizeof(too_large), "%zu octets are allowed", max);
			refuse(load, at, path, n < 0 ? "cannot be read" : "is too large",
			       n < 0 ? "" : too_large);
			got = -1;
		}
	}
	if (fd >= 0)
		close(fd);
	return got;
}
