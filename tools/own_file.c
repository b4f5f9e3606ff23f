/* See tools/own_file.h. */
#include "tools/own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_source(const struct stat *file, const char *source)
{
	struct stat read;
	int failed;

	if (source == NULL || !S_ISREG(file->st_mode))
		return false;
	failed = strcmp(source, "-") == 0 ? fstat(STDIN_FILENO, &read) : stat(source, &read);
	return failed == 0 && read.st_dev == file->st_dev && read.st_ino == file->st_ino;
}

/* NULL: it is as it has to be. */
static const char *make_own(int fd, const char *source)
{
	struct stat file;

	if (fstat(fd, &file) != 0)
		return strerror(errno);
	if (is_source(&file, source))
		return "is what is read; name another file";
	/* It may have been there, and for others to read. */
	if (S_ISREG(file.st_mode) && (fchmod(fd, 0600) != 0 || ftruncate(fd, 0) != 0))
		return strerror(errno);
	return NULL;
}

int own_file_open(const char *path, const char *source, const char **error)
{
	/* Not emptied before it is known what it is. */
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	*error = fd < 0 ? strerror(errno) : make_own(fd, source);
	if (fd >= 0 && *error != NULL) {
		close(fd);
		fd = -1;
	}
	return fd;
}
