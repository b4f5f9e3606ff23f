/*
 * A library to preload: it writes down what a program asks of the files in one folder, in order and
 * with the octets, for power_replay.c; and it lets one of these calls fail. It is for tests of the
 * store only and knows the calls that the store and LMDB use, no others: power_replay.c compares
 * what it wrote down with the file and says when something was missed. One thread.
 *
 *   POWER_WATCH   the folder, real path with a slash at the end
 *   POWER_TRACE   where to write; without it nothing is written down
 *   POWER_FAIL    CALL:K, the K-th such call on data.mdb fails with EIO:
 *                 sync, write, meta (nothing written), meta-written (all written)
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/power_trace.h"

#define FDS   1024
#define FILES 32

static struct {
	bool watched;
	bool on_disk; /* O_DSYNC */
	uint32_t file;
} fds[FDS];

static char names[FILES][64];
static uint32_t files;
static int trace_fd = -1;

/* --- The real calls --------------------------------------------------------------------------- */

#define REAL(result, name, ...) static result (*real_##name)(__VA_ARGS__);
REAL(int, open, const char *, int, ...)
REAL(int, openat, int, const char *, int, ...)
REAL(int, close, int)
REAL(ssize_t, write, int, const void *, size_t)
REAL(ssize_t, pwrite, int, const void *, size_t, off_t)
REAL(ssize_t, writev, int, const struct iovec *, int)
REAL(int, ftruncate, int, off_t)
REAL(int, fallocate, int, int, off_t, off_t)
REAL(int, posix_fallocate, int, off_t, off_t)
REAL(int, fdatasync, int)
REAL(int, fsync, int)

static void find(const char *name, void *to)
{
	void *at = dlsym(RTLD_NEXT, name);

	if (!at)
		abort();
	memcpy(to, &at, sizeof(at)); /* ISO C has no cast from an object to a function */
}

[[gnu::constructor]] static void start(void)
{
	const char *path = getenv("POWER_TRACE");

	find("open", &real_open);
	find("openat", &real_openat);
	find("close", &real_close);
	find("write", &real_write);
	find("pwrite", &real_pwrite);
	find("writev", &real_writev);
	find("ftruncate", &real_ftruncate);
	find("fallocate", &real_fallocate);
	find("posix_fallocate", &real_posix_fallocate);
	find("fdatasync", &real_fdatasync);
	find("fsync", &real_fsync);
	if (!path)
		return;
	trace_fd = real_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (trace_fd < 0)
		abort();
}

/* --- Writing down ----------------------------------------------------------------------------- */

static void note(enum power_kind kind, uint32_t file, uint64_t at, const void *octets, size_t n)
{
	struct power_op op = { .kind = kind, .file = file, .at = at, .n = n };
	const struct iovec parts[2] = { { &op, sizeof(op) }, { (void *)(uintptr_t)octets, n } };

	if (trace_fd >= 0 && real_writev(trace_fd, parts, 2) != (ssize_t)(sizeof(op) + n))
		abort();
}

static bool watched(int fd)
{
	return fd >= 0 && fd < FDS && fds[fd].watched;
}

static uint32_t file_of(const char *name)
{
	for (uint32_t i = 0; i < files; i++)
		if (!strcmp(names[i], name))
			return i;
	if (files == FILES || strlen(name) >= sizeof(names[0]))
		abort();
	strcpy(names[files], name);
	note(POWER_NAME, files, 0, name, strlen(name));
	return files++;
}

static int opened(int fd, int flags)
{
	const char *folder = getenv("POWER_WATCH");
	char link[32];
	char path[PATH_MAX];

	if (!folder || fd < 0 || fd >= FDS)
		return fd;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);

	if (n < 0)
		return fd;
	path[n] = '\0';
	fds[fd].watched = !(flags & O_DIRECTORY) && !strncmp(path, folder, strlen(folder));
	if (!fds[fd].watched)
		return fd;
	fds[fd].on_disk = (flags & O_DSYNC) != 0;
	fds[fd].file = file_of(path + strlen(folder));
	if (flags & O_TRUNC)
		note(POWER_SIZE, fds[fd].file, 0, "", 0);
	return fd;
}

static void wrote(int fd, uint64_t at, const void *octets, ssize_t n)
{
	if (watched(fd) && n > 0)
		note(fds[fd].on_disk ? POWER_WRITE_ON : POWER_WRITE, fds[fd].file, at, octets,
		     (size_t)n);
}

/* --- Failing ---------------------------------------------------------------------------------- */

/* True for the one call of that name on data.mdb that POWER_FAIL means. */
static bool fails(int fd, const char *call)
{
	static unsigned long calls;
	const char *wanted = getenv("POWER_FAIL");
	const char *colon = wanted ? strchr(wanted, ':') : NULL;

	if (!colon || !watched(fd) || !strstr(names[fds[fd].file], "data.mdb"))
		return false;
	if (strlen(call) != (size_t)(colon - wanted) || strncmp(call, wanted, strlen(call)) != 0)
		return false;
	return ++calls == strtoul(colon + 1, NULL, 10);
}

static const char *write_call(int fd)
{
	return watched(fd) && fds[fd].on_disk ? "meta" : "write";
}

static ssize_t eio(void)
{
	errno = EIO;
	return -1;
}

/* --- The calls -------------------------------------------------------------------------------- */

static mode_t mode_of(int flags, va_list rest)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list rest;

	va_start(rest, flags);
	mode_t mode = mode_of(flags, rest);

	va_end(rest);
	return opened(real_open(path, flags, mode), flags);
}

int open64(const char *path, int flags, ...)
{
	va_list rest;

	va_start(rest, flags);
	mode_t mode = mode_of(flags, rest);

	va_end(rest);
	return opened(real_open(path, flags, mode), flags);
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list rest;

	va_start(rest, flags);
	mode_t mode = mode_of(flags, rest);

	va_end(rest);
	return opened(real_openat(dir, path, flags, mode), flags);
}

int openat64(int dir, const char *path, int flags, ...)
{
	va_list rest;

	va_start(rest, flags);
	mode_t mode = mode_of(flags, rest);

	va_end(rest);
	return opened(real_openat(dir, path, flags, mode), flags);
}

int close(int fd)
{
	if (watched(fd))
		fds[fd].watched = false;
	return real_close(fd);
}

ssize_t pwrite(int fd, const void *octets, size_t n, off_t at)
{
	if (fails(fd, write_call(fd)))
		return eio();
	ssize_t done = real_pwrite(fd, octets, n, at);

	wrote(fd, (uint64_t)at, octets, done);
	return watched(fd) && fds[fd].on_disk && fails(fd, "meta-written") ? eio() : done;
}

ssize_t pwrite64(int fd, const void *octets, size_t n, off64_t at)
{
	return pwrite(fd, octets, n, at);
}

ssize_t write(int fd, const void *octets, size_t n)
{
	if (fails(fd, write_call(fd)))
		return eio();
	off_t at = watched(fd) ? lseek(fd, 0, SEEK_CUR) : 0;
	ssize_t done = real_write(fd, octets, n);

	wrote(fd, (uint64_t)at, octets, done);
	return done;
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
	if (fails(fd, write_call(fd)))
		return eio();
	off_t at = watched(fd) ? lseek(fd, 0, SEEK_CUR) : 0;
	ssize_t done = real_writev(fd, parts, n);
	ssize_t left = done;

	for (int i = 0; i < n && left > 0; i++) {
		ssize_t some = (ssize_t)parts[i].iov_len < left ? (ssize_t)parts[i].iov_len : left;

		wrote(fd, (uint64_t)at, parts[i].iov_base, some);
		at += some;
		left -= some;
	}
	return done;
}

int ftruncate(int fd, off_t size)
{
	int rc = real_ftruncate(fd, size);

	if (!rc && watched(fd))
		note(POWER_SIZE, fds[fd].file, (uint64_t)size, "", 0);
	return rc;
}

int ftruncate64(int fd, off64_t size)
{
	return ftruncate(fd, size);
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
	int rc = real_fallocate(fd, mode, at, n);

	if (!rc && watched(fd) && !mode)
		note(POWER_ALLOCATE, fds[fd].file, (uint64_t)(at + n), "", 0);
	return rc;
}

int fallocate64(int fd, int mode, off64_t at, off64_t n)
{
	return fallocate(fd, mode, at, n);
}

int posix_fallocate(int fd, off_t at, off_t n)
{
	int rc = real_posix_fallocate(fd, at, n);

	if (!rc && watched(fd))
		note(POWER_ALLOCATE, fds[fd].file, (uint64_t)(at + n), "", 0);
	return rc;
}

int posix_fallocate64(int fd, off64_t at, off64_t n)
{
	return posix_fallocate(fd, at, n);
}

static int synced(int fd, int (*call)(int))
{
	if (fails(fd, "sync"))
		return (int)eio();
	int rc = call(fd);

	if (!rc && watched(fd))
		note(POWER_SYNC, fds[fd].file, 0, "", 0);
	return rc;
}

int fdatasync(int fd)
{
	return synced(fd, real_fdatasync);
}

int fsync(int fd)
{
	return synced(fd, real_fsync);
}
