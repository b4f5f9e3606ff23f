/*
 * Absence: when, while a receipt was waited for, no link of its provider was bound that could have
 * taken it: then it is no silence of the carrier. Read from the records of sessions. Used by
 * core/explain.c.
 */
#ifndef CORE_ABSENCE_H
#define CORE_ABSENCE_H

#include "store/store.h"

#define ABSENCE_SESSIONS 1000 /* looked at; what more there are counts as bound */

/* Set provider to until_ms, times of the wall clock; the rest is found. */
struct absence {
	uint32_t provider;
	uint64_t session; /* that the message was sent on */
	int64_t since_ms, until_ms;

	uint32_t times;		/* 0: there always was one, as far as is known */
	int64_t in_all_ms;	/* of all times together */
	int64_t from_ms, to_ms; /* the first */
	char why[132];		/* the session before it ended; "" when it is not known */
	int64_t restarted_ms;	/* the daemon had ended, nobody knows when; 0: it had not */
};

void absence_find(struct store_txn *txn, struct absence *absence);
/* "; no link that receives was bound from …" for the end of a sentence; "" when there is nothing. */
#define ABSENCE_TEXT_OCTETS 480
void absence_text(const struct absence *absence, char out[ABSENCE_TEXT_OCTETS]);

#endif
