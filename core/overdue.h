/*
 * Overdue: the alarm for messages that could go out and wait on their route for too long, so that
 * nothing is queued and never executed unseen. One alarm for all routes, queued_too_long; it names
 * the route whose message has waited longest beyond its limit, and why nothing goes out there.
 */
#ifndef CORE_OVERDUE_H
#define CORE_OVERDUE_H

struct engine;

/*
 * Raises or ends the alarm; once a second. It ends at three quarters of the limit, for what waits
 * in a queue that moves goes to and fro around it.
 */
void overdue_check(struct engine *engine);

#endif
