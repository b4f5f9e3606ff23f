/*
 * Fuzzes the way of a capture file into a script: any octets as a pcap or pcapng file. Whatever comes
 * of it, the rows that were made can be read again, all of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/sim_replay.h"
#include "tools/sim_script.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file = -1;

/* What is said about bad files would fill the log; what the sanitizers say goes there by itself. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	file = memfd_create("capture", MFD_CLOEXEC);
	if (file < 0)
		abort();
	stderr = fopen("/dev/null", "we");
	return stderr == NULL;
}

/* Anything else is taken for a script, which fuzz_script is about. */
static bool is_capture(const uint8_t *data, size_t size)
{
	static const uint8_t pcap[4] = { 0xD4, 0xC3, 0xB2, 0xA1 };
	static const uint8_t pcapng[4] = { 0x0A, 0x0D, 0x0D, 0x0A };

	return size >= 4 && (memcmp(data, pcap, 4) == 0 || memcmp(data, pcapng, 4) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sim_script script = { 0 };
	struct buffer rows = { 0 };
	char path[64];

	if (!is_capture(data, size))
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size)
		abort();
	if (sim_replay_read(path, &rows) &&
	    !sim_script_read_text(&script, "rows", (const char *)rows.octets, rows.n))
		abort();
	sim_script_release(&script);
	buffer_release(&rows);
	return 0;
}
