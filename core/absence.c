/* Times without a link that receives. See absence.h. */
#include "core/absence.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/engine.h"
#include "core/json.h"
#include "smpp/pdu.h"

#define EARLIER		200    /* sessions before it that may still have been open */
#define LONGEST_BIND_MS 600000 /* connection to bound: two of timers.bind, with an outbind */

/* Of a session, which has its number from its connection and may be bound behind later ones. */
struct life {
	int64_t opened_ms, closed_ms;
	uint64_t session;
};

static void add(struct absence *absence, int64_t from_ms, int64_t to_ms)
{
	if (!absence->times++) {
		absence->from_ms = from_ms;
		absence->to_ms = to_ms;
	}
	absence->in_all_ms += to_ms - from_ms;
}

/* Of a kind that is not recorded it is taken to receive, as nearly all do. */
static bool receives(const struct absence *absence, const struct store_session *session)
{
	return session->provider == absence->provider && session->kind != SMPP_bind_transmitter;
}

static void tell_end(struct store_txn *txn, struct absence *absence, const struct life *life)
{
	struct store_session session = { .session = life->session };
	if (store_session_get(txn, &session) != STORE_OK)
		return;
	if (store_octets_are(session.reason, ENGINE_ENDED))
		absence->restarted_ms = life->closed_ms;
	if (!absence->times)
		snprintf(absence->why, sizeof(absence->why), "%.*s", (int)session.reason.n,
			 (const char *)session.reason.at);
}

/* Takes one of the sessions, which come in the order in which they were bound. */
static void take(struct store_txn *txn, struct absence *absence, const struct life *life,
		 int64_t *bound_until_ms)
{
	if (life->closed_ms && life->closed_ms <= *bound_until_ms)
		return;
	if (life->opened_ms > *bound_until_ms)
		add(absence, *bound_until_ms, life->opened_ms);
	*bound_until_ms = life->closed_ms ? life->closed_ms : absence->until_ms;
	if (*bound_until_ms < absence->until_ms)
		tell_end(txn, absence, life);
}

static int by_opening(const void *a, const void *b)
{
	const struct life *one = a, *other = b;
	return (one->opened_ms > other->opened_ms) - (one->opened_ms < other->opened_ms);
}

/* The sessions of its time that receive. True: all of them. */
static bool gather(struct store_txn *txn, const struct absence *absence, struct life *lives,
		   size_t *n)
{
	struct store_session session = { .session = absence->session };
	for (int i = 0; i < EARLIER; i++)
		if (store_session_prev(txn, &session, 0) != STORE_OK)
			break;
	session.session -= session.session > 0;
	*n = 0;
	for (int i = 0; i < ABSENCE_SESSIONS; i++) {
		enum store_err err = store_session_next(txn, &session, 0);
		if (err)
			return err == STORE_NOTFOUND;
		if ((int64_t)session.opened_ms >= absence->until_ms + LONGEST_BIND_MS)
			return true;
		if ((int64_t)session.opened_ms < absence->until_ms && receives(absence, &session))
			lives[(*n)++] = (struct life){ (int64_t)session.opened_ms,
						       (int64_t)session.closed_ms,
						       session.session };
	}
	return false;
}

void absence_find(struct store_txn *txn, struct absence *absence)
{
	struct life lives[ABSENCE_SESSIONS];
	size_t n;
	int64_t bound_until_ms = absence->since_ms;
	bool all = gather(txn, absence, lives, &n);
	qsort(lives, n, sizeof(*lives), by_opening);
	for (size_t i = 0; i < n && bound_until_ms < absence->until_ms; i++)
		take(txn, absence, &lives[i], &bound_until_ms);
	if (bound_until_ms < absence->until_ms && all)
		add(absence, bound_until_ms, absence->until_ms);
}

void absence_text(const struct absence *absence, char out[ABSENCE_TEXT_OCTETS])
{
	char from[25], to[25], times[64] = "", restarted[80] = "";
	out[0] = '\0';
	if (!absence->times && !absence->restarted_ms)
		return;
	if (absence->times > 1)
		snprintf(times, sizeof(times), ", %u times in all and %lld ms", absence->times,
			 (long long)absence->in_all_ms);
	if (absence->restarted_ms) {
		json_time_text(absence->restarted_ms, to);
		snprintf(restarted, sizeof(restarted),
			 "; the daemon had ended, and began again at %s", to);
	}
	json_time_text(absence->from_ms, from);
	json_time_text(absence->to_ms, to);
	snprintf(
		out, ABSENCE_TEXT_OCTETS,
		"; no link that receives was bound from %s to %s%s%s%s%s%s: a receipt of that time "
		"comes only if the carrier repeats it",
		from, to, *absence->why ? " (" : "", absence->why, *absence->why ? ")" : "", times,
		restarted);
}
