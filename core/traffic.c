/* What the local API was asked and answered. See traffic.h. */
#include "core/traffic.h"

#include <stdlib.h>

static const char *const limit_names[] = {
#define LIMITS_KEY(type, member, key, ...) [TRAFFIC_LIMIT_##member] = (key),
#include "config/config.def"
};

const char *traffic_limit_name(enum traffic_limit limit)
{
	return limit_names[limit];
}

struct traffic *traffic_new(void)
{
	return calloc(1, sizeof(struct traffic));
}

void traffic_free(struct traffic *traffic)
{
	struct traffic_row *row, *next;
	if (!traffic)
		return;
	HASH_ITER(hh, traffic->rows, row, next) {
		HASH_DEL(traffic->rows, row);
		free(row);
	}
	free(traffic);
}

/* NULL without memory: then it is not counted. */
static struct traffic_row *row_of(struct traffic *traffic, const struct api_call *call)
{
	struct traffic_row *row, *added;
	struct traffic_key key = { 0 }; /* its padding counts */
	key.row = call->row;
	key.socket = call->socket;
	HASH_FIND(hh, traffic->rows, &key, sizeof(key), row);
	if (row)
		return row;
	row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	row->key.row = key.row;
	row->key.socket = key.socket;
	HASH_ADD(hh, traffic->rows, key, sizeof(row->key), row);
	HASH_FIND(hh, traffic->rows, &key, sizeof(key), added);
	if (added == row)
		return row;
	free(row);
	return NULL;
}

void traffic_answer(struct traffic *traffic, const struct api_call *call, int64_t took_us)
{
	struct traffic_row *row = row_of(traffic, call);
	if (!row || call->status < 100 || call->status >= 100 + TRAFFIC_STATUSES)
		return;
	row->answers[call->status - 100]++;
	if (took_us >= 0)
		timing_add(&row->took, took_us);
}

void traffic_limit_met(struct traffic *traffic, enum traffic_limit limit)
{
	traffic->limits[limit]++;
}
