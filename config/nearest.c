/* What somebody may have meant: see config_nearest in config/config.h. */
#include <string.h>

#include "config/config.h"

#define DISTANCE_MAX 48 /* longest word that is compared */

/* Edit distance with neighbours swapped counting one, over three rows of the usual table. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][DISTANCE_MAX + 1], la = strlen(a), lb = strlen(b), best;

	if (la > DISTANCE_MAX || lb > DISTANCE_MAX)
		return DISTANCE_MAX;
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *now = rows[i % 3], *before = rows[(i + 2) % 3];

		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			best = before[j - 1] + (a[i - 1] != b[j - 1]);
			if (before[j] + 1 < best)
				best = before[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    rows[(i + 1) % 3][j - 2] + 1 < best)
				best = rows[(i + 1) % 3][j - 2] + 1;
			now[j] = best;
		}
	}
	return rows[la % 3][lb];
}

const char *config_nearest(const char *text, const char *const *words, size_t n)
{
	const size_t length = strlen(text);
	size_t least = length / 3 + 1, d;
	const char *nearest = NULL;

	for (size_t i = 0; i < n; i++) {
		d = distance(text, words[i]);
		if (d <= least && (!nearest || d < least) && d < strlen(words[i])) {
			nearest = words[i];
			least = d;
		}
	}
	for (size_t i = 0; i < n && !nearest; i++) {
		if (length > 2 && strncmp(text, words[i], length) == 0)
			nearest = words[i];
	}
	return nearest;
}
