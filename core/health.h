/*
 * Health: GET /healthz (is it well), /readyz (may intents come), /version. They need no account and
 * count nothing. Health follows alarms and outcomes, never the success of requests.
 */
#ifndef CORE_HEALTH_H
#define CORE_HEALTH_H

#include "core/api.h"

void health_healthz(struct api_call *call);
void health_readyz(struct api_call *call);
void health_version(struct api_call *call);

#endif
