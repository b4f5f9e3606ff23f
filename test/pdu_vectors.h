/*
 * Reads test/vectors/pdus.txt: PDUs laid out by hand, field by field.
 */
#ifndef TEST_PDU_VECTORS_H
#define TEST_PDU_VECTORS_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "test/hex.h"

enum {
	VECTOR_MAX_FIELDS = 64,
};

struct vector_field {
	char name[48];
	char value[160]; /* number, "string", octets in hexadecimal, or - for none */
	size_t offset;
	size_t octets;
};

struct vector {
	char title[96];
	uint8_t octets[1024];
	size_t n;
	struct vector_field fields[VECTOR_MAX_FIELDS];
	size_t n_fields;
};

static inline void vector_line(struct vector *vector, char *line)
{
	struct vector_field *field = &vector->fields[vector->n_fields++];
	const char *hex = strsep(&line, "\t");
	const char *name = strsep(&line, "\t");

	if (!name || !line || vector->n_fields == VECTOR_MAX_FIELDS)
		abort();
	snprintf(field->name, sizeof field->name, "%s", name);
	snprintf(field->value, sizeof field->value, "%s", line);
	field->offset = vector->n;
	if (strcmp(hex, "-") != 0)
		vector->n += hex_octets(hex, vector->octets + vector->n,
					sizeof vector->octets - vector->n);
	field->octets = vector->n - field->offset;
}

/* The next PDU of the file, or false at its end. */
static inline bool vector_next(FILE *file, struct vector *vector)
{
	char line[512];

	vector->n = 0;
	vector->n_fields = 0;
	while (fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#')
			snprintf(vector->title, sizeof vector->title, "%.90s", line + 2);
		else if (line[0] != '\0')
			vector_line(vector, line);
		else if (vector->n > 0)
			return true;
	}
	return vector->n > 0;
}

/* The file; a test runs from the root of the source. */
static inline FILE *vector_file(void)
{
	FILE *file = fopen("test/vectors/pdus.txt", "r");

	if (!file)
		abort();
	return file;
}

#endif
