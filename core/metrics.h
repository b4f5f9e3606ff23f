/*
 * GET /metrics: the daemon's figures for Prometheus, from one table of rows. It answers whoever may
 * connect, so it names links, providers and routes as they are configured and nothing else: no
 * account, number, text or key. A scrape costs a bounded walk over what is configured and over
 * connections, and looks at no message.
 */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include "core/api.h"

void metrics_get(struct api_call *call);

#endif
