/* Certificates that will end, and the alarm for them. See certificates.h. */
#include "core/certificates.h"

#include <stdio.h>

#include "core/alarm.h"
#include "core/engine.h"
#include "core/json.h"
#include "core/provider.h"

#define DAY_MS INT64_C(86400000)

/* What ends within the warning: the first of it, and how many. */
struct ending {
	const struct trunk *trunk;
	const struct port_tls_end *end;
	const char *whose;
	int64_t until_ms;
	uint32_t n;
};

static void look_at(struct ending *ending, const struct trunk *trunk,
		    const struct port_tls_end *end, const char *whose)
{
	if (!end->ms || end->ms > ending->until_ms)
		return;
	ending->n++;
	if (ending->end && ending->end->ms <= end->ms)
		return;
	ending->trunk = trunk;
	ending->end = end;
	ending->whose = whose;
}

static void look_at_trunk(struct ending *ending, const struct trunk *trunk)
{
	if (!trunk->tls || trunk->held)
		return;
	look_at(ending, trunk, &trunk->tls_ends.own, "our certificate");
	look_at(ending, trunk, &trunk->tls_ends.ca, "the file ca");
	for (size_t i = 0; i < trunk->n_ends; i++)
		look_at(ending, trunk, &trunk->ends[i]->peer_end, "the carrier's certificate");
}

void certificates_check(struct engine *engine)
{
	int64_t now_ms = port_wall_ms(engine->port);
	struct ending ending = { .until_ms = now_ms + engine->config->certificate_warning_ms };
	char text[sizeof(((struct alarm *)0)->text)] = "", date[25], more[24] = "";
	if (engine->config->certificate_warning_ms)
		for (size_t i = 0; i < engine->n_providers; i++)
			for (size_t k = 0; k < engine->providers[i]->n_trunks; k++)
				look_at_trunk(&ending, engine->providers[i]->trunks[k]);
	if (ending.n) {
		int64_t left_ms = ending.end->ms - now_ms;
		json_time_text(ending.end->ms, date);
		if (ending.n > 1)
			snprintf(more, sizeof(more), "; and %u more", ending.n - 1);
		snprintf(text, sizeof(text), "%.60s: %s (%.40s) %s on %.10s, %d days %s%s",
			 ending.trunk->name, ending.whose, ending.end->subject,
			 left_ms < 0 ? "ended" : "ends", date,
			 (int)((left_ms < 0 ? -left_ms : left_ms) / DAY_MS),
			 left_ms < 0 ? "ago" : "from now", more);
	}
	alarm_set(engine, "certificate", ending.n, text);
}
