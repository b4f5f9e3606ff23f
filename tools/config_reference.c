/*
 * Writes the source of the manual page of the configuration: the file named as its argument, which
 * says what no row can, and behind it every key from config.def. Used by the build alone.
 */
#include <stdio.h>

#include "config/config.h"

static bool put(void *user, const char *octets, size_t n)
{
	return fwrite(octets, 1, n, user) == n;
}

int main(int argc, char **argv)
{
	FILE *head = argc == 2 ? fopen(argv[1], "r") : NULL;
	char piece[4096];
	size_t n;
	bool good;

	if (!head) {
		fprintf(stderr, "usage: config-reference HEAD.scd\n");
		return 64;
	}
	while ((n = fread(piece, 1, sizeof(piece), head)) > 0)
		fwrite(piece, 1, n, stdout);
	good = !ferror(head) && config_print_reference(put, stdout) && fflush(stdout) == 0;
	fclose(head);
	return good && !ferror(stdout) ? 0 : 74;
}
