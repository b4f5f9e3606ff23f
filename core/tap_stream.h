/*
 * The tap over HTTP: GET /tap/v1/stream on the tap socket, one JSON object a line for each PDU,
 * until the client goes away. It is not the tap itself (core/tap.h) and not a connection
 * (core/server.h). Whoever may connect to the socket may ask for texts and numbers.
 *
 *	?link=NAME    of this link or this provider only
 *	&text=1       texts as they are; else masked
 *	&numbers=1    numbers as they are; else masked
 *
 *	{"seq":7,"time":"2026-11-20T08:30:00.123Z","link":"main/a","session":3,"dir":"out",
 *	 "dropped":0,"hex":"0000001000000015..."}
 *
 * dropped: PDUs of any link that this client was too slow for, since the line before. hex: the
 * PDU; of octets that are no PDU the first 16. When PDUs were dropped and none follows yet, a line
 * tells only that:
 *
 *	{"seq":9,"dropped":2}
 *
 * msg is our id of the message that the PDU belongs to, where it does: requests of ours, their answers
 * and receipts that were matched; of a submit_multi that of the first recipient. Between PDUs stand
 * notes of what the daemon does about the link:
 *
 *	{"seq":7,"time":"2026-11-20T08:30:00.124Z","link":"main/a","session":3,"dropped":0,
 *	 "note":"throttled: nothing is submitted until 08:30:01.190"}
 */
#ifndef CORE_TAP_STREAM_H
#define CORE_TAP_STREAM_H

struct api_call;

/* 200 with a stream; 422 for a bad query, 503 when there are too many readers. */
void tap_stream(struct api_call *call);

#endif
