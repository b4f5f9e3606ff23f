/*
 * smsc-sim asked over HTTP while it runs: figures, messages from handsets, and steps of a script on
 * a link, now. Local only: a Unix socket, or an address of the machine itself. The requests are in
 * smsc-sim(1), CONTROL.
 */
#ifndef TOOLS_SIM_CONTROL_H
#define TOOLS_SIM_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/http.h"
#include "core/port.h"
#include "tools/sim_smsc.h"

enum {
	SIM_CONTROL_CONNECTIONS = 16,
};

struct sim_control_conn {
	uint64_t link; /* 0: free */
	struct http_conn *http;
	struct buffer out;
	bool keep; /* the connection stays when out is written */
	bool busy; /* a reply is under way */
};

/* All zero is one that does not listen. */
struct sim_control {
	struct sim_smsc *smsc;
	struct port *port;
	uint64_t listener;
	int64_t started_ms;
	struct sim_control_conn conns[SIM_CONTROL_CONNECTIONS];
	struct sim_script asked; /* steps that may still be due */
};

/* where: unix:PATH or HOST:PORT. false: `error` (PORT_TEXT_OCTETS) has one line. */
bool sim_control_listen(struct sim_control *control, struct port *port, struct sim_smsc *smsc,
			const char *where, char *error);
/* Its address; NULL: it does not listen. */
const char *sim_control_address(const struct sim_control *control);

/* true: the event was one of ours. */
bool sim_control_event(struct sim_control *control, const struct port_event *event);
void sim_control_tick(struct sim_control *control, int64_t now_ms);
int64_t sim_control_deadline_ms(const struct sim_control *control);
void sim_control_release(struct sim_control *control);

#endif
