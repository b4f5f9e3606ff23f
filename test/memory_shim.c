/*
 * A library to preload: one allocation of a program fails, whoever asks for it. MEMORY_CONTROL names
 * a file of three numbers that the test shares with it: how many allocations there were, which one
 * fails (0: none does), and how many have failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t octets);
extern void *__libc_calloc(size_t n, size_t octets);
extern void *__libc_realloc(void *at, size_t octets);

static struct control {
	_Atomic uint64_t asked, fails_at, failed;
} * control;

__attribute__((constructor)) static void share(void)
{
	const char *path = getenv("MEMORY_CONTROL");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED :
			    mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED,
				 fd, 0);
	if (at != MAP_FAILED)
		control = at;
	if (fd >= 0)
		close(fd);
}

static bool fails(void)
{
	if (!control || atomic_fetch_add(&control->asked, 1) + 1 != control->fails_at)
		return false;
	atomic_fetch_add(&control->failed, 1);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t octets)
{
	return fails() ? NULL : __libc_malloc(octets);
}

void *calloc(size_t n, size_t octets)
{
	return fails() ? NULL : __libc_calloc(n, octets);
}

void *realloc(void *at, size_t octets)
{
	return fails() ? NULL : __libc_realloc(at, octets);
}
