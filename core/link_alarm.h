/*
 * The alarm for a carrier that is away: no link of a provider that submits, or none that receives, is
 * bound for longer than the provider's timer link_down_after. Each provider has one of its own,
 * link_down:PROVIDER, whose text says since when, which routes wait, and why the last try failed.
 * What the operator took down or disabled raises none.
 */
#ifndef CORE_LINK_ALARM_H
#define CORE_LINK_ALARM_H

struct engine;
struct provider;

/*
 * Raises or ends the alarms; once a second. A link counts as bound after some seconds, so that a
 * carrier that takes binds and drops them neither keeps the alarm off nor makes it go to and fro.
 */
void link_alarm_check(struct engine *engine);
/* The provider is no longer configured. */
void link_alarm_end(struct engine *engine, const struct provider *provider);

#endif
