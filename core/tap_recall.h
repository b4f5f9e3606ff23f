/*
 * A message, or all of an order, recalled from the store's evidence for smpp-trace: on the tap socket
 * GET /tap/v1/messages/{message} and /tap/v1/orders/{number}, one JSON object a line and then the end.
 * Whoever may connect to the socket may ask for texts and numbers, as of the tap (core/tap_stream.h).
 *
 *	?text=1       the order's text as it is; else its length
 *	&numbers=1    numbers as they are; else their last three digits
 *
 * No PDU is kept, so none is given: what is known of one, and nothing else. The lines of a segment
 * come in the order of its evidence, those of the whole in none.
 *
 *	{"time":…,"msg":"BX-…","part":1,"parts":3,"link":"main/a","session":3, …
 *	 "dir":"out","pdu":"submit_sm","sequence_number":7,"attempt":1,"destination_addr":…,…}
 *	 "dir":"in","pdu":"submit_sm_resp","sequence_number":7,"command_status":0,"message_id":…,…}
 *	 "dir":"in","receipt":"DELIVERED","id":"192935","rule":"dec_to_hex","rule_text":…,…}
 *	 "dir":"out","given_up":"nothing came within the response time","sequence_number":7,…}
 *	{"time":…,"msg":"BX-…","note":"what the daemon did, or what there is no PDU of"}
 *
 * pdu: that of the request; whether it was answered by generic_nack is not kept. command_status: of a
 * submit_multi that of this recipient. Whether a receipt came in deliver_sm or data_sm is not kept.
 */
#ifndef CORE_TAP_RECALL_H
#define CORE_TAP_RECALL_H

struct api_call;

/* 404 says whether there never was such a one or it is no longer kept. */
void tap_recall_message(struct api_call *call);
void tap_recall_order(struct api_call *call);

#endif
