/*
 * What the files of one module share beside core/provider.h:
 *
 *	provider.c  the provider as a whole: rate, standing, what operators do to it
 *	trunk.c     configured links: when, where and as what their ends connect
 *	link.c      one end: octets to session to inputs, and back
 *	adopt.c     which links stay, come and go with another configuration
 */
#ifndef CORE_LINK_H
#define CORE_LINK_H

#include "core/provider.h"

void link_set_state(struct engine *engine, struct link *link, enum link_state state);
void link_event(struct engine *engine, struct link *link, const struct port_event *event);
/* Ends its connection without saying anything more. */
void link_abort(struct engine *engine, const struct link *link);
/* The connection is this link's from now on. */
void link_takes(struct engine *engine, struct link *link, uint64_t port_link);
/* Pulls every event of the session, then writes its output. */
void link_pump(struct engine *engine, struct link *link);
void link_tick(struct engine *engine, struct link *link, int64_t now_ms);
/* The window as congestion leaves it. */
uint32_t link_window(const struct provider *provider, int64_t now_ms);
void link_unbind(struct engine *engine, struct link *link, const char *reason);
/* Held at once, so that what this turn has released does not leave either; and let go again. */
void link_hold(struct engine *engine, struct link *link);
void link_let_go(struct engine *engine, struct link *link);
/* Nothing more leaves by it; what has left is waited for unless `now`, then it is unbound. */
void link_drain(struct engine *engine, struct link *link, bool now, const char *reason);
/* Raises or ends the alarm for links whose login is refused. */
void link_tell_refusals(struct engine *engine);
/* The same of links that cannot send what the settings want sent. */
void link_tell_tlvs(struct engine *engine);

/* NULL: no memory, or `error` (PORT_TEXT_OCTETS) says why not. Its ends are not listed yet. */
struct trunk *trunk_new(struct provider *provider, const struct config_link *config, char *error);
void trunk_free(struct engine *engine, struct trunk *trunk);
/* provider->links anew, from the ends in use. */
void trunks_list(struct provider *provider);
/* An end is down, which was bound or only tried to be: when to try again, where and as what. */
void trunk_end_down(struct engine *engine, struct link *link, bool bound, int64_t now_ms);
/* A link of this kind waits for the carrier to connect, and then for its outbind. */
bool trunk_listens(const struct trunk *trunk);
/* True if the event was of a connection on a trunk's listener that is no link's (any more). */
bool trunk_called(struct engine *engine, struct provider *provider, const struct port_event *event);
/* The outbind that came is the one we expect. */
bool trunk_knows(const struct trunk *trunk, const struct smpp_pdu *outbind);
/* What the operator wants of it goes on until it is so. */
void trunk_tick(struct engine *engine, struct trunk *trunk, int64_t now_ms);
/* Connects the end that has waited longest, if one may connect now. */
void trunks_connect(struct engine *engine, struct provider *provider, int64_t now_ms);
int64_t trunks_deadline(const struct engine *engine, const struct provider *provider);

/* Takes the configuration and the TLS context of `fresh`, and is rebound if it is another link. */
void trunk_adopt(struct engine *engine, struct trunk *trunk, struct trunk *fresh);
/* It is no longer in the configuration that comes after `old`: drains. */
void trunk_leave(struct engine *engine, struct trunk *trunk, const struct config *old);
/* Drained, and nobody waits for a verdict of it. */
bool trunk_has_left(const struct trunk *trunk);

#endif
