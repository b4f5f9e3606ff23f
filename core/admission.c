/* From an intent to an order, or to the first reason why not. See admission.h. */
#include "core/admission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/accepted.h"
#include "core/account.h"
#include "core/content.h"
#include "core/engine.h"
#include "core/intent.h"
#include "core/ledger.h"
#include "core/orders.h"
#include "core/pricing.h"
#include "core/provider.h"
#include "core/queue.h"
#include "core/route.h"
#include "core/view.h"

/* Hashes of Idempotency-Keys, beside those of provider ids: no provider has such numbers. */
#define KEY_SCOPE  0xFFFFFE00u
#define KEY_SCOPE2 0xFFFFFE01u

/* One intent on its way through the checks. */
struct admission {
	struct api_call *call;
	bool estimate;
	struct json *body;
	struct intent intent;
	const struct config_route *route;
	bool sandbox; /* the sandbox carries it, and nothing is charged */
	struct smpp_coding_choice coding;
	struct content_kind kind; /* what the text becomes */
	uint32_t segments;	  /* submits per message */
	uint32_t parts;		  /* short messages per message, which are what is paid for */
	struct pricing pricing;
	const struct price *price;
	const struct price *country;
	int64_t cost;
	bool poor; /* the balance does not cover it; an estimate says so and goes on */
	bool keyed;
	struct store_idempotency key;
};

typedef bool check_fn(struct admission *admission);

/* ---- Idempotency-Key ---- */

static const struct api_error error_other_body = {
	.status = 422,
	.code = "idempotency_mismatch",
	.stage = "idempotency",
	.detail = "Idempotency-Key was used with another body.",
	.param = "Idempotency-Key",
};

/* Members that mean nothing here are told. */
static void add_warnings(struct admission *admission)
{
	struct json_writer *json = &admission->call->json;
	char text[120];
	if (admission->intent.n_unknown) {
		json_key(json, "warnings");
		json_begin_array(json);
		for (size_t i = 0; i < admission->intent.n_unknown; i++) {
			snprintf(text, sizeof(text), "unknown member ignored: %.80s",
				 admission->intent.unknown[i]);
			json_put_text(json, text);
		}
		json_end_array(json);
	}
}

/* The answer of the order that the key made, again. */
static void replay(struct admission *admission)
{
	struct api_call *call = admission->call;
	struct store_order order = { .order = admission->key.order };
	const struct store_order *found = &order;
	enum store_err err = store_order_get(call->turn->txn, &order);
	if (err == STORE_NOTFOUND) {
		/* One that this very turn has made is written at its end. */
		const struct work *work = orders_work(call->turn, order.order);
		if (!work) {
			api_refuse_not_found(call, "Order not found.");
			return;
		}
		found = &work->rec;
		err = STORE_OK;
	}
	turn_fail(call->turn, err);
	if (err)
		return;
	accepted_begin(call, found, admission->key.balance_after);
	intent_unknown(admission->body, &admission->intent);
	add_warnings(admission);
	accepted_end(call, found, NULL);
	api_field(call, "Idempotent-Replayed", "true");
}

/* True: nothing is known under this key, or there is none. */
static bool check_key(struct admission *admission)
{
	struct api_call *call = admission->call;
	struct store_idempotency *key = &admission->key;
	const char *text = http_header(call->request, "Idempotency-Key");
	uint8_t digest[PORT_SHA256_OCTETS];
	if (!text || admission->estimate)
		return true;
	size_t n = strlen(text);
	if (!n || n > ADMISSION_KEY_OCTETS) {
		api_flaw(call, "header", "Idempotency-Key", -1, "string_length",
			 "Idempotency-Key must have 1 to %d octets", ADMISSION_KEY_OCTETS);
		return !api_flawed(call, "idempotency");
	}
	if (!port_sha256(call->request->body, call->request->body_octets, digest)) {
		turn_fail(call->turn, STORE_FULL);
		return false;
	}
	key->account = call->account.account;
	key->hash = store_ids_hash(call->engine->store, KEY_SCOPE, (const uint8_t *)text, n);
	key->hash2 = store_ids_hash(call->engine->store, KEY_SCOPE2, (const uint8_t *)text, n);
	admission->keyed = true;
	enum store_err err = store_idempotency_get(call->turn->txn, key);
	bool old = !err && call->turn->at_ms - (int64_t)key->at_ms >
				   call->engine->config->retention.idempotency_ms;
	bool same = !err && key->body_hash.n == sizeof(digest) &&
		    !memcmp(key->body_hash.at, digest, sizeof(digest));
	memcpy(key->raw, digest, sizeof(digest));
	key->body_hash = (struct store_octets){ key->raw, sizeof(digest) };
	if (err == STORE_NOTFOUND || old)
		return true;
	turn_fail(call->turn, err);
	if (!err && same)
		replay(admission);
	else if (!err)
		api_refuse(call, &error_other_body);
	return false;
}

/* ---- checks, in their order ---- */

static bool check_shape(struct admission *admission)
{
	struct api_call *call = admission->call;
	intent_read(call, admission->body, call->engine->config, call->turn->at_ms,
		    &admission->intent);
	return !api_flawed(call, "shape") && !turn_failed(call->turn);
}

static bool check_route(struct admission *admission)
{
	admission->route =
		config_route_find(admission->call->engine->config, admission->intent.route_id);
	admission->call->route_id = admission->intent.route_id;
	admission->sandbox =
		admission->call->account.sandbox ||
		(admission->route && admission->route->provider->kind == CONFIG_KIND_SANDBOX);
	if (admission->route && admission->route->active)
		return true;
	api_refuse_route(admission->call, 400);
	return false;
}

static bool check_access(struct admission *admission)
{
	const struct config_route *route = admission->route;
	char detail[80];
	struct api_error error = {
		.status = 403,
		.code = "route_not_allowed",
		.stage = "authorization",
		.detail = detail,
		.param = "route_id",
	};
	if (account_may_use(&admission->call->account, route))
		return true;
	if (route->category == CONFIG_CATEGORY_CASINO)
		error.detail = "You are not authorized for the casino route.";
	else
		snprintf(detail, sizeof(detail), "You are not authorized for route %u.", route->id);
	api_refuse(admission->call, &error);
	return false;
}

/* An account without bulk names one number in a request. */
static bool check_bulk(struct admission *admission)
{
	char detail[96];
	const struct api_error error = {
		.status = 403,
		.code = "bulk_not_allowed",
		.stage = "authorization",
		.detail = detail,
		.param = "numbers",
		.hint = "send one number in a request, or let the operator allow this account bulk",
	};
	if (admission->intent.n_numbers == 1 || admission->call->account.bulk)
		return true;
	snprintf(detail, sizeof(detail), "You are not authorized for route %u in bulk.",
		 admission->route->id);
	api_refuse(admission->call, &error);
	return false;
}

static bool check_sender(struct admission *admission)
{
	char detail[80];
	struct api_error error = {
		.status = 403,
		.code = "sender_not_allowed",
		.stage = "sender_policy",
		.detail = detail,
		.param = "caller_id",
	};
	if (account_may_send_as(&admission->call->account, admission->route,
				admission->intent.caller_id))
		return true;
	snprintf(detail, sizeof(detail), "Sender ID not allowed for route %u.",
		 admission->route->id);
	api_refuse(admission->call, &error);
	return false;
}

/* The alphabet that a text of the route must keep to; ALPHABETS: any. */
static const struct {
	enum smpp_alphabet has;
	const char *name;
} texts[] = {
	[CONFIG_TEXT_ASCII] = { SMPP_ALPHABET_ASCII, "ASCII" },
	[CONFIG_TEXT_GSM7] = { SMPP_ALPHABET_GSM7, "GSM7" },
	[CONFIG_TEXT_UNICODE] = { SMPP_ALPHABETS, "Unicode" },
};

static void check_characters(struct admission *admission)
{
	const struct intent *intent = &admission->intent;
	const struct config_route *route = admission->route;
	const struct config_message *message = &route->message;
	enum smpp_alphabet has = texts[message->alphabet].has;
	struct smpp_coding_measure measure = { 0 };
	if (has != SMPP_ALPHABETS &&
	    smpp_coding_measure(has, intent->text, intent->text_octets, &measure)) {
		api_flaw(
			admission->call, "body", "message", -1, "alphabet",
			"message may have %s characters only on route %u; U+%04X at character %u is "
			"none",
			texts[message->alphabet].name, route->id, measure.offender,
			measure.offender_at + 1);
		return;
	}
	if (content_choose(route, intent->text, intent->text_octets, &admission->coding))
		api_flaw(admission->call, "body", "message", -1, "alphabet",
			 "message has U+%04X at character %u, which route %u cannot carry",
			 admission->coding.offender, admission->coding.offender_at + 1, route->id);
	else if (admission->coding.chars > message->max_chars)
		api_flaw(admission->call, "body", "message", -1, "string_too_long",
			 "message has %u characters; route %u allows at most %u",
			 admission->coding.chars, route->id, message->max_chars);
}

static void check_parts(struct admission *admission)
{
	const struct intent *intent = &admission->intent;
	const struct config_route *route = admission->route;
	struct content content;
	admission->kind = (struct content_kind){ admission->coding.alphabet,
						 content_method(route->provider) };
	enum content_error err = content_make(route->provider, admission->kind, intent->text,
					      intent->text_octets, &content);
	content_release(&content);
	if (err == CONTENT_MEMORY) {
		turn_fail(admission->call->turn, STORE_FULL);
		return;
	}
	admission->segments = content.plan.pdus;
	admission->parts = content.plan.radio_parts;
	if (err || admission->parts > route->message.max_parts)
		api_flaw(admission->call, "body", "message", -1, "too_many_parts",
			 "message takes %u parts as %s; route %u allows at most %u",
			 admission->parts, smpp_coding_name(admission->coding.alphabet), route->id,
			 route->message.max_parts);
}

static bool check_route_shape(struct admission *admission)
{
	const struct config_route *route = admission->route;
	const struct intent *intent = &admission->intent;
	struct api_call *call = admission->call;
	if (intent->n_numbers > route->max_recipients)
		api_flaw(call, "body", "numbers", -1, "too_long",
			 "numbers has %u entries; route %u allows at most %u", intent->n_numbers,
			 route->id, route->max_recipients);
	if (intent->validity_ms && !route->allow_validity)
		api_flaw(call, "body", "validity_s", -1, "not_allowed",
			 "validity_s is not allowed on route %u", route->id);
	if (intent->send_at_ms && !route->allow_send_at)
		api_flaw(call, "body", "send_at", -1, "not_allowed",
			 "send_at is not allowed on route %u", route->id);
	if (intent->has_priority && !route->allow_priority)
		api_flaw(call, "body", "priority", -1, "not_allowed",
			 "priority is not allowed on route %u", route->id);
	check_characters(admission);
	if (!call->flaws.n)
		check_parts(admission);
	return !api_flawed(call, "route_shape") && !turn_failed(call->turn);
}

static bool check_rate(struct admission *admission)
{
	static const struct api_error error = {
		.status = 429,
		.code = "rate_limited",
		.stage = "rate",
		.detail = "Rate limit exceeded",
	};
	struct api_call *call = admission->call;
	struct account_rate rate;
	if (admission->estimate || !call->account.rate_per_s)
		return true;
	bool spent = account_rate_spend(call, &rate);
	api_field(call, "X-RateLimit-Limit", "%u", call->account.rate_per_s);
	api_field(call, "X-RateLimit-Remaining", "%u", rate.left);
	call->n_kept = call->n_fields; /* what is refused from here on has spent it too */
	if (spent)
		return true;
	api_refuse(call, &error);
	api_field(call, "Retry-After", "%u", rate.retry_after_s);
	return false;
}

static bool same_country(const struct price *a, const struct price *b)
{
	return a == b || (a && b && !strcmp(a->country, b->country));
}

static bool check_country(struct admission *admission)
{
	const struct intent *intent = &admission->intent;
	struct api_call *call = admission->call;
	turn_fail(call->turn,
		  pricing_load(call->turn->txn, call->engine->config, call->account.account,
			       admission->route->id, &admission->pricing));
	if (turn_failed(call->turn))
		return false;
	admission->country = pricing_country(&admission->pricing, intent->numbers[0]);
	for (uint32_t i = 1; i < intent->n_numbers; i++) {
		const struct price *other =
			pricing_country(&admission->pricing, intent->numbers[i]);
		if (!same_country(admission->country, other))
			api_flaw(
				call, "body", "numbers", i, "mixed_countries",
				"all numbers of one request must belong to one country; numbers[%u] "
				"is of %s, numbers[0] of %s",
				i, other ? other->country : "no known country",
				admission->country ? admission->country->country :
						     "no known country");
	}
	return !api_flawed(call, "country");
}

static bool refuse_price(struct admission *admission)
{
	struct api_error error = {
		.status = 400,
		.code = "no_pricing",
		.stage = "pricing",
		.detail = admission->estimate ?
				  "Estimate failed: No pricing available for destination" :
				  "Pricing failed: No pricing available for destination",
		.param = "numbers",
	};
	api_refuse(admission->call, &error);
	return false;
}

/* An order has one price, so numbers that one country prices apart need requests of their own. */
static bool check_price(struct admission *admission)
{
	const struct intent *intent = &admission->intent;
	admission->price = pricing_find(&admission->pricing, intent->numbers[0]);
	if (!admission->price)
		return refuse_price(admission);
	for (uint32_t i = 1; i < intent->n_numbers; i++) {
		const struct price *price = pricing_find(&admission->pricing, intent->numbers[i]);
		if (!price)
			return refuse_price(admission);
		if (price->micros != admission->price->micros)
			api_flaw(
				admission->call, "body", "numbers", i, "mixed_prices",
				"numbers[%u] has another price than numbers[0]; send it in a request "
				"of its own",
				i);
	}
	if (api_flawed(admission->call, "pricing"))
		return false;
	return ledger_cost(admission->price->micros, admission->parts, intent->n_numbers,
			   &admission->cost) ||
	       refuse_price(admission);
}

static bool check_balance(struct admission *admission)
{
	const struct store_account *account = &admission->call->account;
	int64_t left;
	admission->poor = __builtin_sub_overflow(account->balance, admission->cost, &left) ||
			  __builtin_add_overflow(left, account->credit_limit, &left) || left < 0;
	if (!admission->poor || admission->estimate)
		return true;
	struct api_error error = {
		.status = 402,
		.code = "insufficient_balance",
		.stage = "balance",
		.detail = "Insufficient balance.",
		.hint = admission->sandbox ?
				"the sandbox charges nothing, but its checks are the same: "
				"esmectl account top-up" :
				NULL,
		.has_money = true,
		.cost = admission->cost,
		.balance = account->balance,
	};
	api_refuse(admission->call, &error);
	return false;
}

static bool check_provider(struct admission *admission)
{
	const struct engine *engine = admission->call->engine;
	char detail[80];
	struct api_error error = {
		.status = 502,
		.code = "provider_unusable",
		.stage = "provider",
		.detail = detail,
	};
	if (provider_usable(engine,
			    provider_carrying(engine, admission->route, admission->sandbox)))
		return true;
	snprintf(detail, sizeof(detail), "Vendor send failed: route %u has no usable upstream.",
		 admission->route->id);
	api_refuse(admission->call, &error);
	return false;
}

static bool check_store(struct admission *admission)
{
	struct engine *engine = admission->call->engine;
	if (engine->draining)
		api_refuse_unavailable(admission->call, "draining", "Draining.");
	else if (store_used_permille(engine->store) >= ADMISSION_FULL_PERMILLE)
		api_refuse_unavailable(admission->call, "store_full", "Not stored: store is full.");
	else
		return true;
	return false;
}

/* ---- the one step ---- */

static struct work *create(struct admission *admission)
{
	struct api_call *call = admission->call;
	const struct turn *turn = call->turn;
	const struct intent *intent = &admission->intent;
	const struct config_route *route = admission->route;
	int64_t validity_ms = intent->validity_ms ? intent->validity_ms : route->validity_ms;
	int64_t queue_ms = route->queue_deadline_ms;
	/* The route's queue_deadline follows its validity unless it was set apart. */
	if (queue_ms == route->validity_ms || queue_ms > validity_ms)
		queue_ms = validity_ms;
	int64_t send_at_ms = intent->send_at_ms - engine_wall_ahead_ms(call->engine);
	int64_t wait_ms = intent->send_at_ms ? send_at_ms - turn->due_ms : 0;
	struct store_order rec = {
		.account = call->account.account,
		.route = route->id,
		.provider = provider_of(call->engine,
					provider_carrying(call->engine, route, admission->sandbox))
				    ->number,
		.sandbox = admission->sandbox,
		.priority = (uint8_t)intent->priority,
		.alphabet = (uint8_t)admission->coding.alphabet,
		.parts = (uint8_t)admission->segments,
		.concat = admission->parts > 1 ? (uint8_t)admission->kind.method : 0,
		.paid_parts = admission->parts == admission->segments ? 0 :
									(uint8_t)admission->parts,
		.total = intent->n_numbers,
		.batch_size = route->batch_size,
		.created_ms = (uint64_t)turn->at_ms,
		.updated_ms = (uint64_t)turn->at_ms,
		.send_at_ms = intent->send_at_ms ? (uint64_t)send_at_ms : 0,
		.queue_deadline_ms = (uint64_t)(turn->due_ms + wait_ms + queue_ms),
		.validity_ms = (uint64_t)validity_ms,
		.cost = admission->cost,
		.unit_price = admission->price->micros,
		.prefix = admission->price->prefix,
		.country = admission->country ? (uint32_t)admission->country->prefix : 0,
		.uid = call->local ? (uint32_t)call->uid + 1 : 0,
		.caller_id = store_octets_of(intent->caller_id),
		.client_ref = store_octets_of(intent->client_ref),
		.request_id = store_octets_of(call->request_id),
		.key_id = call->key_id,
	};
	content_keep_reason(&rec, &admission->coding);
	rec.queued_before =
		1 + queue_depth(call->engine->queue, queue_lane(rec.route, rec.sandbox));
	return orders_create(call->turn, &rec);
}

/* The balance was looked at in this very transaction, so the debit cannot fail for want of it. */
static int64_t debit(struct admission *admission, const struct work *work)
{
	struct api_call *call = admission->call;
	int64_t balance = call->account.balance;
	if (admission->sandbox)
		return balance;
	struct ledger_entry entry = {
		.account = call->account.account,
		.kind = STORE_LEDGER_DEBIT,
		.amount = -admission->cost,
		.order = work->rec.order,
		.uid = work->rec.uid,
		.cause = "order",
	};
	if (ledger_post(call->turn, &entry, &balance) != LEDGER_OK)
		turn_fail(call->turn, STORE_CORRUPT);
	return balance;
}

static void accept(struct admission *admission)
{
	struct api_call *call = admission->call;
	struct turn *turn = call->turn;
	const struct intent *intent = &admission->intent;
	struct work *work = create(admission);
	if (!work)
		return;
	int64_t balance_after = debit(admission, work);
	orders_add_text(turn, work, intent->text, intent->text_octets);
	for (uint32_t i = 0; i < intent->n_numbers && !turn_failed(turn); i++)
		orders_add_message(turn, work, i, intent->numbers[i]);
	orders_wake(work, (int64_t)work->rec.queue_deadline_ms);
	orders_enqueue(turn, &work->rec);
	if (admission->keyed) {
		admission->key.order = work->rec.order;
		admission->key.at_ms = (uint64_t)turn->at_ms;
		admission->key.balance_after = balance_after;
		turn_fail(turn, store_idempotency_put(turn->txn, &admission->key));
	}
	if (turn_failed(turn))
		return;
	accepted_begin(call, &work->rec, balance_after);
	add_warnings(admission);
	accepted_end(call, &work->rec, intent->numbers);
}

static void write_estimate(struct admission *admission)
{
	struct json_writer *json = &admission->call->json;
	const struct store_account *account = &admission->call->account;
	char reason[CONTENT_REASON_OCTETS];
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_add_text(json, "message", "Estimate calculated successfully.");
	json_add_uint(json, "route_id", admission->route->id);
	json_add_uint(json, "count", admission->intent.n_numbers);
	json_add_micro(json, "estimated_cost", admission->cost);
	json_add_text(json, "currency", view_currency(admission->call));
	json_add_micro(json, "balance", account->balance);
	json_add_bool(json, "sufficient_balance", !admission->poor);
	json_add_bool(json, "sandbox", admission->sandbox);
	json_add_uint(json, "parts", admission->parts);
	json_add_text(json, "encoding", smpp_coding_name(admission->coding.alphabet));
	json_add_text(json, "encoding_reason",
		      smpp_coding_explain(&admission->coding, reason, sizeof(reason)));
	add_warnings(admission);
	json_end_object(json);
}

/* ---- handlers ---- */

/* In the order that clients may rely on; of those without a function the dispatcher has seen. */
static const struct {
	const char *name;
	check_fn *passes;
	bool sending; /* an estimate answers although nothing could be sent now */
} checks[] = {
	{ "authentication", NULL, false },
	{ "json", NULL, false },
	{ "idempotency", check_key, false },
	{ "shape", check_shape, false },
	{ "route", check_route, false },
	{ "authorization", check_access, false },
	{ "bulk", check_bulk, false },
	{ "sender", check_sender, false },
	{ "route_shape", check_route_shape, false },
	{ "rate", check_rate, false },
	{ "country", check_country, false },
	{ "price", check_price, false },
	{ "balance", check_balance, false },
	{ "provider", check_provider, true },
	{ "store", check_store, true },
};
#define CHECKS (sizeof(checks) / sizeof(checks[0]))

const char *admission_check_name(size_t position)
{
	return position < CHECKS ? checks[position].name : NULL;
}

static bool passes(struct admission *admission)
{
	for (size_t i = 0; i < CHECKS; i++)
		if (checks[i].passes && !(checks[i].sending && admission->estimate) &&
		    !checks[i].passes(admission))
			return false;
	return true;
}

static void admit(struct api_call *call, bool estimate)
{
	struct admission admission = { .call = call, .estimate = estimate };
	admission.body = api_body(call);
	if (!admission.body)
		return;
	if (passes(&admission)) {
		if (estimate)
			write_estimate(&admission);
		else
			accept(&admission);
	}
	pricing_release(&admission.pricing);
	intent_release(&admission.intent);
	json_free(admission.body);
}

void admission_send(struct api_call *call)
{
	admit(call, false);
}

void admission_estimate(struct api_call *call)
{
	admit(call, true);
}
