/* What core/provider.c and core/link.c, two halves of one module, share beside core/provider.h. */
#ifndef CORE_LINK_H
#define CORE_LINK_H

#include "core/provider.h"

void link_set_state(struct engine *engine, struct link *link, enum link_state state);
void link_event(struct engine *engine, struct link *link, const struct port_event *event);
/* Pulls every event of the session, then writes its output. */
void link_pump(struct engine *engine, struct link *link);
void link_tick(struct engine *engine, struct link *link, int64_t now_ms);
void link_unbind(struct engine *engine, struct link *link, const char *reason);
/* When to connect again: exponential with jitter; slow after a refused login. */
void link_back_off(struct engine *engine, struct link *link, int64_t now_ms);

#endif
