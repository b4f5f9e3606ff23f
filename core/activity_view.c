/* What is told of an account's requests: sums of its counters, and pages of its rows. See activity.h. */
#include "core/activity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/view.h"

#define HOUR_MS		3600000
#define LIMIT_MOST	100
#define PAGE_MOST	1000000
#define ENDPOINTS_MOST	128
#define ENDPOINT_OCTETS 65

/* ---- counters ---- */

struct sums {
	uint64_t requests, errors, took_us;
};

static void add(struct sums *sums, const struct store_usage *usage)
{
	sums->requests += usage->requests;
	sums->errors += usage->errors;
	sums->took_us += usage->took_us;
}

typedef void usage_fn(void *to, const struct store_usage *usage);

/* Every counter of the account from one hour to another, both included. */
static void walk(struct api_call *call, int64_t from, int64_t to, usage_fn *each, void *arg)
{
	struct turn *turn = call->turn;
	for (int64_t hour = from; hour <= to && !turn_failed(turn); hour++) {
		struct store_usage usage = { .hour = (uint32_t)hour,
					     .account = call->account.account };
		enum store_err err = store_usage_seek(turn->txn, &usage, 2);
		for (; !err || err == STORE_CORRUPT; err = store_usage_next(turn->txn, &usage, 2))
			if (!err)
				each(arg, &usage);
		if (err != STORE_NOTFOUND)
			turn_fail(turn, err);
	}
}

static void add_to_sums(void *to, const struct store_usage *usage)
{
	add(to, usage);
}

static struct sums sum(struct api_call *call, int64_t from, int64_t to)
{
	struct sums sums = { 0 };
	walk(call, from, to, add_to_sums, &sums);
	return sums;
}

static int64_t hour_now(const struct api_call *call)
{
	return call->turn->at_ms / HOUR_MS;
}

static int64_t day_begin(int64_t hour)
{
	return hour - hour % 24;
}

/* Milliseconds with three decimals; 0 where there was nothing. */
static void add_average(struct json_writer *json, const struct sums *sums)
{
	int64_t average_us = sums->requests ? (int64_t)(sums->took_us / sums->requests) : 0;
	json_add_micro(json, "average_latency_ms", average_us * 1000);
}

/* ---- summary ---- */

static uint64_t active_keys(struct api_call *call)
{
	struct store_apikey key = { 0 };
	uint64_t n = 0;
	enum store_err err = store_apikey_seek(call->turn->txn, &key, 0);
	for (; !err || err == STORE_CORRUPT; err = store_apikey_next(call->turn->txn, &key, 0))
		n += !err && key.account == call->account.account && key.active;
	return n;
}

void activity_summary(struct api_call *call)
{
	struct json_writer *json = &call->json;
	int64_t now = hour_now(call);
	activity_write(call->turn);
	struct sums all = sum(call, day_begin(now) - (ACTIVITY_DAYS - 1) * 24, now);
	struct sums today = sum(call, day_begin(now), now);
	struct sums recent = sum(call, now - 23, now);
	uint64_t good = all.requests - all.errors;
	/* Per cent, rounded to two decimals. */
	uint64_t hundredths = all.requests ? (good * 10000 + all.requests / 2) / all.requests : 0;
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_key(json, "summary");
	json_begin_object(json);
	json_add_uint(json, "total_requests", all.requests);
	json_add_uint(json, "requests_today", today.requests);
	json_add_uint(json, "success_requests", good);
	json_add_uint(json, "error_requests", all.errors);
	json_add_micro(json, "success_rate", (int64_t)hundredths * 10000);
	add_average(json, &all);
	json_add_uint(json, "active_api_keys", active_keys(call));
	json_add_uint(json, "recent_errors_24h", recent.errors);
	json_end_object(json);
	json_end_object(json);
}

/* ---- by day ---- */

void activity_usage(struct api_call *call)
{
	struct json_writer *json = &call->json;
	int64_t days = api_query_number(call, "days", 7, 1, ACTIVITY_DAYS);
	int64_t today = day_begin(hour_now(call));
	if (api_flawed(call, "shape"))
		return;
	activity_write(call->turn);
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_key(json, "usage");
	json_begin_array(json);
	for (int64_t day = today - (days - 1) * 24; day <= today; day += 24) {
		struct sums sums = sum(call, day, day + 23);
		char date[25];
		json_time_text(day * HOUR_MS, date);
		json_begin_object(json);
		json_key(json, "date");
		json_put_octets(json, date, 10);
		json_add_uint(json, "total", sums.requests);
		json_add_uint(json, "success", sums.requests - sums.errors);
		json_add_uint(json, "errors", sums.errors);
		add_average(json, &sums);
		json_end_object(json);
	}
	json_end_array(json);
	json_end_object(json);
}

/* ---- by endpoint ---- */

struct endpoint {
	uint64_t hash;
	char method[8], pattern[ENDPOINT_OCTETS];
	struct sums sums;
};

struct endpoints {
	struct endpoint at[ENDPOINTS_MOST];
	size_t n;
};

static void copy(char *to, size_t octets, struct store_octets from)
{
	size_t n = from.n < octets ? from.n : octets - 1;
	memcpy(to, from.at, n);
	to[n] = '\0';
}

static void add_to_endpoint(void *to, const struct store_usage *usage)
{
	struct endpoints *endpoints = to;
	size_t i = 0;
	while (i < endpoints->n && endpoints->at[i].hash != usage->hash)
		i++;
	if (i == ENDPOINTS_MOST)
		return;
	struct endpoint *endpoint = &endpoints->at[i];
	if (i == endpoints->n) {
		endpoints->n++;
		endpoint->hash = usage->hash;
		copy(endpoint->method, sizeof(endpoint->method), usage->method);
		copy(endpoint->pattern, sizeof(endpoint->pattern), usage->pattern);
	}
	add(&endpoint->sums, usage);
}

/* The busiest first; of equals by name, so that the order is always the same. */
static int by_requests(const void *a, const void *b)
{
	const struct endpoint *x = a, *y = b;
	if (x->sums.requests != y->sums.requests)
		return x->sums.requests > y->sums.requests ? -1 : 1;
	int names = strcmp(x->pattern, y->pattern);
	return names ? names : strcmp(x->method, y->method);
}

void activity_endpoints(struct api_call *call)
{
	struct json_writer *json = &call->json;
	int64_t now = hour_now(call);
	struct endpoints *endpoints = calloc(1, sizeof(*endpoints));
	if (!endpoints) {
		turn_fail(call->turn, STORE_FULL);
		return;
	}
	activity_write(call->turn);
	walk(call, day_begin(now) - (ACTIVITY_DAYS - 1) * 24, now, add_to_endpoint, endpoints);
	qsort(endpoints->at, endpoints->n, sizeof(endpoints->at[0]), by_requests);
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_key(json, "endpoints");
	json_begin_array(json);
	for (size_t i = 0; i < endpoints->n; i++) {
		const struct endpoint *endpoint = &endpoints->at[i];
		json_begin_object(json);
		json_add_text(json, "endpoint", endpoint->pattern);
		json_add_text(json, "method", endpoint->method);
		json_add_uint(json, "requests", endpoint->sums.requests);
		json_add_uint(json, "success_requests",
			      endpoint->sums.requests - endpoint->sums.errors);
		json_add_uint(json, "error_requests", endpoint->sums.errors);
		add_average(json, &endpoint->sums);
		json_end_object(json);
	}
	json_end_array(json);
	json_end_object(json);
	free(endpoints);
}

/* ---- request by request ---- */

struct filter {
	char endpoint[ENDPOINT_OCTETS], method[8];
	int64_t status, route; /* -1: any */
};

static bool wanted(const struct filter *filter, const struct store_request *request)
{
	return (!*filter->endpoint || store_octets_are(request->pattern, filter->endpoint)) &&
	       (!*filter->method || store_octets_are(request->method, filter->method)) &&
	       (filter->status < 0 || request->status == (uint64_t)filter->status) &&
	       (filter->route < 0 || request->route == (uint64_t)filter->route);
}

static void put_row(struct json_writer *json, const struct store_request *request)
{
	char route[24];
	snprintf(route, sizeof(route), "%u", request->route);
	json_begin_object(json);
	json_add_uint(json, "id", request->seq);
	json_add_time(json, "timestamp", (int64_t)request->at_ms);
	view_add_octets(json, "endpoint", request->pattern);
	view_add_octets(json, "method", request->method);
	json_add_uint(json, "status_code", request->status);
	json_add_micro(json, "latency_ms", (int64_t)request->took_us * 1000);
	view_add_octets(json, "ip_address", request->address);
	json_add_text(json, "route_id", request->route ? route : NULL);
	json_end_object(json);
}

void activity_logs(struct api_call *call)
{
	struct json_writer *json = &call->json;
	struct filter filter;
	struct store_request request = { .account = call->account.account, .seq = UINT64_MAX };
	int64_t page = api_query_number(call, "page", 1, 1, PAGE_MOST);
	int64_t limit = api_query_number(call, "limit", 20, 1, LIMIT_MOST);
	api_query_text(call, "endpoint", filter.endpoint, sizeof(filter.endpoint));
	api_query_text(call, "method", filter.method, sizeof(filter.method));
	filter.status = api_query_number(call, "status_code", -1, 100, 599);
	filter.route = api_query_number(call, "route_id", -1, 0, INT32_MAX);
	if (api_flawed(call, "shape"))
		return;
	activity_write(call->turn);
	int64_t total = 0, skip = (page - 1) * limit;
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_add_int(json, "page", page);
	json_add_int(json, "limit", limit);
	json_key(json, "logs");
	json_begin_array(json);
	enum store_err err = store_request_prev(call->turn->txn, &request, 1);
	for (; !err || err == STORE_CORRUPT;
	     err = store_request_prev(call->turn->txn, &request, 1)) {
		if (err || !wanted(&filter, &request))
			continue;
		if (total >= skip && total < skip + limit)
			put_row(json, &request);
		total++;
	}
	if (err != STORE_NOTFOUND)
		turn_fail(call->turn, err);
	json_end_array(json);
	json_add_int(json, "total", total);
	json_end_object(json);
}

/* ---- sends ---- */

bool activity_sends(struct activity_sends *sends, struct turn *turn, activity_send_fn *each,
		    void *arg, unsigned *budget)
{
	struct store_request request = { .account = sends->account, .seq = sends->seq };
	for (; *budget; --*budget, sends->seq = request.seq) {
		enum store_err err = store_request_prev(turn->txn, &request, 1);
		if (err == STORE_CORRUPT)
			continue;
		if (err == STORE_NOTFOUND && request.seq > 1)
			return true; /* older ones are gone */
		if (err && err != STORE_NOTFOUND) {
			turn_fail(turn, err);
			return false;
		}
		if (err || (int64_t)request.at_ms < sends->from_ms) {
			sends->since_ms = sends->from_ms;
			return true;
		}
		sends->since_ms = (int64_t)request.at_ms;
		if (store_octets_are(request.method, "POST") &&
		    store_octets_are(request.pattern, "/api/v1/send_sms"))
			each(arg, &request);
	}
	return false;
}
