/* The requests of tools/sim_control.h. */
#include "tools/sim_control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "tools/address.h"

#define BODY_OCTETS (256u << 10)

/* ---- replies ---- */

struct call {
	struct sim_control *control;
	const struct http_request *request;
	const char *argument; /* what stands behind the path of its row */
	struct json *body;    /* NULL: there is none */
	int status;
	struct buffer text;
};

static void refuse(struct call *call, int status, const char *why)
{
	struct json_writer writer = { .out = &call->text };

	call->status = status;
	buffer_clear(&call->text);
	json_begin_object(&writer);
	json_add_text(&writer, "detail", why);
	json_end_object(&writer);
}

/* ---- what can be asked ---- */

static void get_stats(struct call *call)
{
	sim_smsc_stats(call->control->smsc,
		       port_now_ms(call->control->port) - call->control->started_ms, &call->text);
}

static const char *bound_name(const struct sim_smsc *smsc, const struct sim_link *link)
{
	return link->account == SIM_ACCOUNTS_MAX ? NULL : smsc->accounts[link->account].system_id;
}

static void get_links(struct call *call)
{
	const struct sim_smsc *smsc = call->control->smsc;
	struct json_writer writer = { .out = &call->text };

	json_begin_array(&writer);
	for (uint32_t i = 0; i < smsc->slots_used; i++) {
		const struct sim_link *link = smsc->slots[i];

		if (link == NULL)
			continue;
		json_begin_object(&writer);
		json_add_uint(&writer, "link", link->number);
		json_add_text(&writer, "system_id", bound_name(smsc, link));
		json_add_bool(&writer, "receives", link->receives);
		json_add_uint(&writer, "unanswered", link->unanswered);
		json_add_uint(&writer, "receipts_in_flight", link->receipts_in_flight);
		json_end_object(&writer);
	}
	json_end_array(&writer);
}

/* A link that stays, and that the body names by link or system_id if it names one. */
static bool is_meant(const struct call *call, const struct sim_link *link)
{
	const char *system_id = json_get_text(json_get(call->body, "system_id"), NULL);
	const char *name = bound_name(call->control->smsc, link);
	int64_t number;

	if (link->closing || link->wire.ending != SIM_STAYS)
		return false;
	if (json_get_int(json_get(call->body, "link"), &number) && number != link->number)
		return false;
	return system_id == NULL || (name != NULL && strcmp(system_id, name) == 0);
}

static struct sim_link *find_receiver(const struct call *call)
{
	const struct sim_smsc *smsc = call->control->smsc;

	for (uint32_t i = 0; i < smsc->slots_used; i++)
		if (smsc->slots[i] != NULL && smsc->slots[i]->receives &&
		    is_meant(call, smsc->slots[i]))
			return smsc->slots[i];
	return NULL;
}

/* ---- messages ---- */

static void put_inbound(struct call *call, const struct sim_inbound *inbound)
{
	struct json_writer writer = { .out = &call->text };

	json_begin_object(&writer);
	json_add_uint(&writer, "message", inbound->number);
	json_add_uint(&writer, "sent", inbound->sent);
	json_add_uint(&writer, "acked", inbound->acked);
	json_add_uint(&writer, "refused", inbound->refused);
	json_add_uint(&writer, "unanswered", inbound->unanswered);
	json_end_object(&writer);
}

static void get_message(struct call *call)
{
	const struct sim_inbound *inbound;
	uint64_t number;

	if (!sim_read_number(smpp_octets_of(call->argument), UINT32_MAX, &number)) {
		refuse(call, 404, "there is no such message");
		return;
	}
	inbound = sim_inbound_find(call->control->smsc, (uint32_t)number);
	if (inbound == NULL)
		refuse(call, 404, "there is no such message");
	else
		put_inbound(call, inbound);
}

/* A word of a list in a member of the body; *out is untouched without it. */
static bool read_choice(struct call *call, const char *key, const char *const *names, int *out)
{
	const struct json *member = json_get(call->body, key);
	const char *word = json_get_text(member, NULL);

	if (member == NULL)
		return true;
	for (int i = 0; word != NULL && names[i] != NULL; i++) {
		if (strcmp(names[i], word) != 0)
			continue;
		*out = i;
		return true;
	}
	refuse(call, 400, key);
	return false;
}

static bool read_byte(struct call *call, const struct json *value, const char *key, uint16_t max,
		      uint16_t *out)
{
	int64_t number;

	if (value == NULL)
		return true;
	if (json_get_int(value, &number) && number >= 0 && number <= max) {
		*out = (uint16_t)number;
		return true;
	}
	refuse(call, 400, key);
	return false;
}

static bool read_order(struct call *call, struct sim_inbound_wish *wish,
		       uint8_t order[SMPP_CONCAT_MAX_PARTS])
{
	const struct json *list = json_get(call->body, "order");

	if (list == NULL)
		return true;
	wish->order = order;
	for (; wish->order_n < json_count(list); wish->order_n++) {
		uint16_t part = 0;

		if (wish->order_n == SMPP_CONCAT_MAX_PARTS) {
			refuse(call, 400, "order");
			return false;
		}
		if (!read_byte(call, json_at(list, wish->order_n), "order", UINT8_MAX, &part))
			return false;
		order[wish->order_n] = (uint8_t)part;
	}
	return true;
}

/* The body as a wish; false: it was refused, naming the member that is wrong. */
static bool read_wish(struct call *call, struct sim_inbound_wish *wish,
		      uint8_t order[SMPP_CONCAT_MAX_PARTS])
{
	static const char *const codings[] = { "auto", "gsm7", "ucs2", "latin1", "ascii", NULL };
	static const enum smpp_alphabet alphabets[] = { SMPP_ALPHABET_GSM7, SMPP_ALPHABET_GSM7,
							SMPP_ALPHABET_UCS2, SMPP_ALPHABET_LATIN1,
							SMPP_ALPHABET_ASCII };
	static const char *const ways[] = { "udh8", "udh16", "sar", "payload", NULL };
	static const enum smpp_concat_method methods[] = { SMPP_CONCAT_UDH8, SMPP_CONCAT_UDH16,
							   SMPP_CONCAT_SAR, SMPP_CONCAT_PAYLOAD };
	uint16_t esm_class = wish->esm_class,
		 reference = (uint16_t)call->control->smsc->inbound_count;
	int coding = 0, way = 0;

	wish->from = json_get_text(json_get(call->body, "from"), NULL);
	wish->to = json_get_text(json_get(call->body, "to"), NULL);
	wish->text = json_get_text(json_get(call->body, "text"), &wish->text_n);
	if (wish->from == NULL || wish->to == NULL || wish->text == NULL) {
		refuse(call, 400, "from, to and text are wanted");
		return false;
	}
	if (!read_choice(call, "coding", codings, &coding) ||
	    !read_choice(call, "parts", ways, &way) ||
	    !read_byte(call, json_get(call->body, "esm_class"), "esm_class", UINT8_MAX,
		       &esm_class) ||
	    !read_order(call, wish, order))
		return false;
	wish->method = methods[way];
	if (wish->method == SMPP_CONCAT_UDH8)
		reference &= UINT8_MAX;
	if (!read_byte(call, json_get(call->body, "reference"), "reference",
		       wish->method == SMPP_CONCAT_UDH8 ? UINT8_MAX : UINT16_MAX, &reference))
		return false;
	wish->reference = reference;
	wish->esm_class = (uint8_t)esm_class;
	wish->auto_coding = coding == 0;
	wish->alphabet = alphabets[coding];
	return true;
}

static void post(struct call *call, uint8_t esm_class)
{
	uint8_t order[SMPP_CONCAT_MAX_PARTS];
	struct sim_inbound_wish wish = { .esm_class = esm_class };
	struct sim_link *link = find_receiver(call);
	struct sim_inbound *inbound;
	const char *why;

	if (!read_wish(call, &wish, order))
		return;
	if (link == NULL) {
		refuse(call, 409, "no such link is bound to receive");
		return;
	}
	why = sim_inbound_send(call->control->smsc, link, &wish, &inbound);
	if (why != NULL) {
		refuse(call, 400, why);
		return;
	}
	call->status = 202;
	put_inbound(call, inbound);
}

static void post_message(struct call *call)
{
	post(call, 0);
}

/* 5.2.12: a receipt of the SMSC. Its text is the caller's. */
static void post_receipt(struct call *call)
{
	post(call, 0x04);
}

/* ---- steps ---- */

static void post_do(struct call *call)
{
	struct sim_smsc *smsc = call->control->smsc;
	struct sim_script *asked = &call->control->asked;
	struct json_writer writer = { .out = &call->text };
	struct sim_mistake mistake = { 0 };
	const char *steps;
	uint32_t n = 0;
	size_t steps_n;

	steps = json_get_text(json_get(call->body, "steps"), &steps_n);
	if (steps == NULL) {
		refuse(call, 400, "steps are wanted");
		return;
	}
	if (!sim_script_read_steps(asked, steps, steps_n, &mistake)) {
		buffer_format(&call->text, "steps, column %u: %s", mistake.column, mistake.text);
		buffer_append(&call->text, "", 1);
		steps = strdup((const char *)call->text.octets);
		refuse(call, 400, steps);
		free((char *)(uintptr_t)steps);
		return;
	}
	for (uint32_t i = 0; i < smsc->slots_used; i++) {
		if (smsc->slots[i] == NULL || !is_meant(call, smsc->slots[i]))
			continue;
		sim_act_now(smsc, smsc->slots[i], &asked->rules[asked->count - 1]);
		n++;
	}
	json_begin_object(&writer);
	json_add_uint(&writer, "links", n);
	json_end_object(&writer);
}

/* ---- routing ---- */

static const struct row {
	const char *method;
	const char *path; /* with a slash at its end: an argument follows */
	void (*handle)(struct call *call);
} table[] = {
	{ "GET", "/stats", get_stats },	       { "GET", "/links", get_links },
	{ "GET", "/messages/", get_message },  { "POST", "/messages", post_message },
	{ "POST", "/receipts", post_receipt }, { "POST", "/do", post_do },
};

static bool is_row(const struct row *row, struct call *call)
{
	size_t n = strlen(row->path);

	if (strcmp(row->method, call->request->method) != 0)
		return false;
	call->argument = call->request->path + n;
	if (row->path[n - 1] == '/')
		return strncmp(row->path, call->request->path, n) == 0;
	return strcmp(row->path, call->request->path) == 0;
}

static const struct row *find_row(struct call *call)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (is_row(&table[i], call))
			return &table[i];
	return NULL;
}

static void handle(struct call *call)
{
	const struct row *row = find_row(call);
	struct json_error error;

	call->status = 200;
	if (row == NULL) {
		refuse(call, 404, "there is no such request");
		return;
	}
	if (call->request->body_octets > 0) {
		call->body = json_read(call->request->body, call->request->body_octets, &error);
		if (call->body == NULL) {
			refuse(call, 400, error.text);
			return;
		}
	}
	row->handle(call);
}

/* ---- connections ---- */

static void drop(struct sim_control_conn *conn)
{
	http_conn_free(conn->http);
	buffer_release(&conn->out);
	*conn = (struct sim_control_conn){ 0 };
}

static void reply(struct sim_control_conn *conn, int status, bool keep, const void *text, size_t n)
{
	struct http_reply head = { .status = status,
				   .content_type = "application/json",
				   .keep_alive = keep };

	http_reply_whole(&conn->out, &head, text, n);
	conn->keep = keep;
	conn->busy = true;
}

static void serve(struct sim_control *control, struct sim_control_conn *conn)
{
	struct call call = { .control = control, .request = http_conn_request(conn->http) };

	handle(&call);
	reply(conn, call.status, call.request->keep_alive, call.text.octets, call.text.n);
	json_free(call.body);
	buffer_release(&call.text);
}

/* Writes; when all is out, begins anew or ends. true: the next request may be looked at. */
static bool flush(struct sim_control *control, struct sim_control_conn *conn)
{
	size_t n = port_write(control->port, conn->link, conn->out.octets, conn->out.n);

	buffer_drop(&conn->out, n);
	if (conn->out.n > 0 || !conn->busy)
		return false;
	conn->busy = false;
	if (!conn->keep) {
		port_close(control->port, conn->link);
		return false;
	}
	http_conn_done(conn->http, port_now_ms(control->port));
	return true;
}

static void look(struct sim_control *control, struct sim_control_conn *conn, int64_t now_ms)
{
	do {
		switch (http_conn_next(conn->http, now_ms)) {
		case HTTP_WAIT:
		case HTTP_ANNOUNCED: /* none is, by its limits */
			return;
		case HTTP_CONTINUE:
			buffer_text(&conn->out, HTTP_CONTINUE_REPLY);
			break;
		case HTTP_REQUESTED:
			serve(control, conn);
			break;
		case HTTP_REFUSED:
			reply(conn, http_conn_refusal(conn->http)->status, false, "{}", 2);
			break;
		case HTTP_CLOSE:
			port_close(control->port, conn->link);
			return;
		}
	} while (flush(control, conn));
}

static struct sim_control_conn *find(struct sim_control *control, uint64_t link)
{
	for (size_t i = 0; i < SIM_CONTROL_CONNECTIONS; i++)
		if (control->conns[i].link == link)
			return &control->conns[i];
	return NULL;
}

static void on_up(struct sim_control *control, const struct port_event *event)
{
	struct http_limits limits = { .body_octets = BODY_OCTETS };
	struct sim_control_conn *conn = find(control, 0);

	if (conn != NULL)
		conn->http = http_conn_new(&limits, event->at_ms);
	if (conn == NULL || conn->http == NULL)
		port_abort(control->port, event->link);
	else
		conn->link = event->link;
}

bool sim_control_event(struct sim_control *control, const struct port_event *event)
{
	struct sim_control_conn *conn = event->link == 0 ? NULL : find(control, event->link);

	if (event->kind == PORT_UP && control->listener != 0 &&
	    event->listener == control->listener) {
		on_up(control, event);
		return true;
	}
	if (conn == NULL)
		return false;
	if (event->kind == PORT_DOWN) {
		drop(conn);
	} else if (event->kind == PORT_OCTETS) {
		if (!http_conn_feed(conn->http, event->octets, event->n, event->at_ms))
			port_abort(control->port, conn->link);
		else
			look(control, conn, event->at_ms);
	} else if (event->kind == PORT_SENT && flush(control, conn)) {
		look(control, conn, event->at_ms);
	}
	return true;
}

void sim_control_tick(struct sim_control *control, int64_t now_ms)
{
	for (size_t i = 0; i < SIM_CONTROL_CONNECTIONS; i++)
		if (control->conns[i].link != 0 &&
		    http_conn_deadline(control->conns[i].http) <= now_ms)
			look(control, &control->conns[i], now_ms);
}

int64_t sim_control_deadline_ms(const struct sim_control *control)
{
	int64_t first_ms = INT64_MAX;

	for (size_t i = 0; i < SIM_CONTROL_CONNECTIONS; i++) {
		int64_t deadline_ms;

		if (control->conns[i].link == 0)
			continue;
		deadline_ms = http_conn_deadline(control->conns[i].http);
		if (deadline_ms < first_ms)
			first_ms = deadline_ms;
	}
	return first_ms;
}

/* ---- listening ---- */

/* This machine alone: nobody is asked who he is. */
/* A name that merely begins with 127. may be anybody's. */
static bool is_loopback(const char *host)
{
	bool literal = !host[strspn(host, "0123456789.")];
	return (literal && strncmp(host, "127.", 4) == 0) || strcmp(host, "::1") == 0 ||
	       strcmp(host, "localhost") == 0;
}

bool sim_control_listen(struct sim_control *control, struct port *port, struct sim_smsc *smsc,
			const char *where, char *error)
{
	struct port_listen listen = { .mode = 0600,
				      .group = (gid_t)-1,
				      .connections_max = SIM_CONTROL_CONNECTIONS };
	char host[256];

	*control =
		(struct sim_control){ .smsc = smsc, .port = port, .started_ms = port_now_ms(port) };
	if (strncmp(where, "unix:", 5) == 0) {
		listen.unix_path = where + 5;
	} else if (!address_read(where, NULL, host, sizeof(host), &listen.port) ||
		   !is_loopback(host)) {
		snprintf(error, PORT_TEXT_OCTETS,
			 "--control=%.100s is neither unix:PATH nor HOST:PORT of this machine",
			 where);
		return false;
	} else {
		listen.host = host;
	}
	control->listener = port_listen(port, &listen, error, PORT_TEXT_OCTETS);
	return control->listener != 0;
}

const char *sim_control_address(const struct sim_control *control)
{
	return control->listener == 0 ? NULL :
					port_listen_address(control->port, control->listener);
}

void sim_control_release(struct sim_control *control)
{
	for (size_t i = 0; i < SIM_CONTROL_CONNECTIONS; i++)
		if (control->conns[i].link != 0)
			drop(&control->conns[i]);
	sim_script_release(&control->asked);
}
