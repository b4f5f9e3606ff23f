/*
 * A call of the local API: one HTTP request being answered within a turn, whichever socket it came
 * from, and what handlers share: the table with its dispatcher, the error writer, readers of body
 * and query. It is not HTTP (core/http.c), not connections (core/server.c) and not admission.
 * Used by api.c and its handlers (submit socket) and by control.c (control and tap sockets).
 *
 * Promises
 *   - A handler reads and writes through call->turn->txn, writes its answer with call->json and
 *     returns; it never waits. What must happen after the commit it hangs on the turn as an effect
 *     (core/turn.h). The answer leaves when the turn is on disk.
 *   - A handler may run more than once for a request: when the transaction is dropped, the call is
 *     made anew. It keeps nothing between two runs.
 *   - A refusal comes before the first write: after api_refuse and its kin a handler returns without
 *     having changed anything. A store error it cannot answer for is turn_fail(), then return.
 */
#ifndef CORE_API_H
#define CORE_API_H

#include "core/engine.h"
#include "core/http.h"
#include "core/json.h"
#include "core/turn.h"

enum api_socket {
	API_SUBMIT, /* applications, by key or uid; also the TCP listener */
	API_CONTROL,
	API_TAP,
};

#define API_PARAMS_MAX	 3
#define API_PARAM_OCTETS 72 /* of one path parameter, decoded, with its NUL */
#define API_FIELDS_MAX	 6
#define API_FIELD_OCTETS 160

struct account_rates;
struct guesses;
struct api_row;
struct server_stream;

/* Pointers in it live as long as the call: until its handler returns, and not longer. */
struct api_call {
	struct engine *engine;
	struct turn *turn;
	const struct http_request *request;
	bool announced; /* the body is to come: who asks, and for what, is checked and no more */
	struct account_rates *rates; /* see core/account.h */
	struct guesses *guesses;     /* see core/guess.h */
	enum api_socket socket;
	bool local; /* came by a Unix socket: uid and gid are the peer's */
	uid_t uid;
	gid_t gid;
	const char *address; /* of a TCP client; "" of a local one */
	char request_id[24]; /* also in the log and in the X-Request-Id field */

	const struct api_row *row;		       /* the row that matched */
	char params[API_PARAMS_MAX][API_PARAM_OCTETS]; /* what stood in its {…}, in order */
	struct store_account account; /* whose key or uid it is; rows with API_ACCOUNT only */
	uint64_t key_id;	      /* of that key, as in struct store_order; 0: it was the uid */
	uint32_t route_id;	      /* that the request names, once a handler knows; 0: none */

	/* The answer. */
	int status;		 /* 200 */
	struct json_writer json; /* into the body */
	struct buffer *body;
	const char *content_type;		  /* "application/json"; static */
	struct http_field fields[API_FIELDS_MAX]; /* api_field adds one */
	char field_values[API_FIELDS_MAX][API_FIELD_OCTETS];
	size_t n_fields;
	size_t n_kept;		      /* the first of them, which a refusal keeps too */
	const char *code;	      /* of a refusal, for the log */
	struct server_stream *stream; /* the body goes on after the turn: core/server.h; or NULL */

	char currency[4];    /* of view_currency */
	struct buffer flaws; /* of api_flaw; the dispatcher's */
	char first_flaw[160];
};

typedef void api_handler(struct api_call *call);

enum api_flag {
	API_ACCOUNT = 1, /* wants an account: a key, or a uid that the configuration maps */
};

/*
 * Patterns are matched segment by segment. {number}, {order_id} and {route_id} are digits, {message}
 * and {bx_message_id} a bx_message_id, {name} 1 to 64 octets of letters, digits and ._-/ once
 * decoded (so that provider%2Flink is one). Anything else in a path is compared as it is.
 */
struct api_row {
	const char *method; /* "GET" serves HEAD too */
	const char *pattern;
	api_handler *handle;
	unsigned flags; /* of enum api_flag */
};

/*
 * Finds the row and calls its handler; answers 404, 405 with Allow, and 401 where the row wants an
 * account. Rows of one path stand together.
 */
void api_dispatch(struct api_call *call, const struct api_row *rows, size_t n);

/* Every call of the submit socket. */
void api_handle(struct api_call *call);
/* Every call of the control and tap sockets (call->socket tells); core/control.c. */
void control_handle(struct api_call *call);

/* The parameter at `position`, of a {number}; INT64_MAX, which nobody's is, for a larger one. */
uint64_t api_number(const struct api_call *call, size_t position);

/* Adds a field to the answer; `name` is static. */
__attribute__((format(printf, 3, 4))) void api_field(struct api_call *call, const char *name,
						     const char *format, ...);

/* Whether the client names this media type as one that it takes. */
bool api_accepts(const struct api_call *call, const char *type);

/* ---- refusals ---- */

/* Why a request is refused. Texts are static or live until the handler returns. */
struct api_error {
	int status;
	const char *code;    /* "insufficient_balance" */
	const char *stage;   /* "balance" */
	const char *detail;  /* the text clients match */
	const char *param;   /* the member it is about, or NULL */
	const char *hint;    /* what would be right, or NULL */
	const char *outcome; /* "unknown" when nobody knows what became of it, or NULL */
	bool has_money;	     /* cost and balance, micro-units, are said too */
	int64_t cost, balance;
};

/* Drops what the body holds and answers with the error. */
void api_refuse(struct api_call *call, const struct api_error *error);
/* The usual ones. */
void api_refuse_not_found(struct api_call *call, const char *detail);			  /* 404 */
void api_refuse_unavailable(struct api_call *call, const char *code, const char *detail); /* 503 */
void api_refuse_route(struct api_call *call,
		      int status); /* no such route: 404 in a path, else 400 */
void api_refuse_state(struct api_call *call, const char *code, const char *detail,
		      const char *hint); /* 409 */

/*
 * One mistake in the request: where ("body", "query"), which member (NULL: the whole), which element
 * (-1: none), a type in snake case, and the sentence. They add up; api_flawed answers 422 with the
 * list if there is any, and says so.
 */
__attribute__((format(printf, 6, 7))) void api_flaw(struct api_call *call, const char *where,
						    const char *member, int64_t index,
						    const char *type, const char *format, ...);
bool api_flawed(struct api_call *call, const char *stage);

/* ---- readers ---- */

/* The body as a JSON object, to be freed by json_free; NULL: 422 has been answered. */
struct json *api_body(struct api_call *call);
/* Each member of the body that is none of `names` (ending in NULL) is a flaw. */
void api_body_only(struct api_call *call, const struct json *body, const char *const *names);

/*
 * A whole number of the query, `standard` when it is absent; outside least..most, or no number, is a
 * flaw. Of this and api_query_text a name that is there twice is one too.
 */
int64_t api_query_number(struct api_call *call, const char *name, int64_t standard, int64_t least,
			 int64_t most);
/* A text of the query; false and out "" when absent; one that does not fit is a flaw. */
bool api_query_text(struct api_call *call, const char *name, char *out, size_t out_octets);
/* Every name in the query that `names` (ending in NULL) does not list is a flaw. */
void api_query_only(struct api_call *call, const char *const *names);

/* Times as RFC 3339 UTC with milliseconds; null for 0. */
void api_put_time(struct json_writer *json, uint64_t at_ms);

#endif
