/*
 * The form of a trace: what a program asked of the files it was watched on, in order. Written by
 * power_shim.c, read by power_replay.c. A struct power_op, then its n octets.
 */
#ifndef TEST_POWER_TRACE_H
#define TEST_POWER_TRACE_H

#include <stdint.h>

enum power_kind {
	POWER_NAME,  /* `file` is the number of the file whose name follows, without the folder */
	POWER_WRITE, /* octets at `at` */
	POWER_WRITE_ON, /* the same through a descriptor with O_DSYNC: on disk when it returned */
	POWER_SIZE,	/* the file is `at` octets long from here on */
	POWER_ALLOCATE, /* the file is at least `at` octets long */
	POWER_SYNC,	/* fsync or fdatasync */
};

struct power_op {
	uint32_t kind; /* enum power_kind */
	uint32_t file;
	uint64_t at;
	uint64_t n;
};

#endif
