/* Times without a link that receives. See absence.h. */
#include "core/absence.h"

#include <stdio.h>

#include "core/engine.h"
#include "core/json.h"
#include "smpp/pdu.h"

#define EARLIER 200 /* sessions before it that may still have been open */

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

/* Takes one of the sessions, which come in the order in which they were bound. */
static void take(struct absence *absence, const struct store_session *session,
		 int64_t *bound_until_ms)
{
	int64_t opened_ms = (int64_t)session->opened_ms, closed_ms = (int64_t)session->closed_ms;
	if (closed_ms && closed_ms <= *bound_until_ms)
		return;
	if (opened_ms > *bound_until_ms)
		add(absence, *bound_until_ms, opened_ms);
	*bound_until_ms = closed_ms ? closed_ms : absence->until_ms;
	if (*bound_until_ms >= absence->until_ms)
		return;
	if (store_octets_are(session->reason, ENGINE_ENDED))
		absence->restarted_ms = closed_ms;
	if (!absence->times)
		snprintf(absence->why, sizeof(absence->why), "%.*s", (int)session->reason.n,
			 (const char *)session->reason.at);
}

void absence_find(struct store_txn *txn, struct absence *absence)
{
	struct store_session session = {
		.session = absence->session > EARLIER ? absence->session - EARLIER : 0,
	};
	int64_t bound_until_ms = absence->since_ms;
	enum store_err err = STORE_OK;
	for (int i = 0; bound_until_ms < absence->until_ms; i++) {
		if (i == ABSENCE_SESSIONS)
			return;
		err = store_session_next(txn, &session, 0);
		if (err || (int64_t)session.opened_ms >= absence->until_ms)
			break;
		if (receives(absence, &session))
			take(absence, &session, &bound_until_ms);
	}
	if (bound_until_ms < absence->until_ms && (!err || err == STORE_NOTFOUND))
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
