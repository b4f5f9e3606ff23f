/* What becomes of orders and messages, as lines of the log. See journal.h. */
#include "core/journal.h"

#include <stdio.h>
#include <string.h>

#include "core/engine.h"
#include "core/lifecycle.h"
#include "core/log.h"
#include "core/message_id.h"

#define REQUEST_OCTETS 24

/* What the records say now: after the effects of the turn they may be gone. */
struct line {
	struct effect effect;
	enum feed_event event;
	uint64_t order;
	uint32_t route, account;
	char request_id[REQUEST_OCTETS];
	union {
		struct {
			uint32_t total, delivered, failed, unknown;
			const char *status;
		} whole;
		struct {
			uint32_t index, attempts;
			enum store_state state;
			enum store_error error;
		} message;
	};
};

static struct line *line_new(struct turn *turn, const struct work *work, effect_fn *write)
{
	const struct store_order *rec = &work->rec;
	struct line *line = (struct line *)turn_effect(turn, write, sizeof(*line));
	if (!line)
		return NULL;
	line->order = rec->order;
	line->route = rec->route;
	line->account = rec->account;
	snprintf(line->request_id, sizeof(line->request_id), "%.*s", (int)rec->request_id.n,
		 (const char *)rec->request_id.at);
	return line;
}

static void write_order(struct engine *engine, struct effect *effect, enum turn_end end)
{
	static const char *const names[] = {
		[FEED_ORDER_ACCEPTED] = "order.accepted",
		[FEED_ORDER_RESOLVED] = "order.resolved",
		[FEED_ORDER_REVISED] = "order.revised",
	};
	const struct line *line = (struct line *)effect;
	(void)engine;
	if (end == TURN_DONE)
		log_info(names[line->event],
			 "order=%llu route=%u request_id=%s account=%u status=%s messages=%u "
			 "delivered=%u failed=%u unknown=%u",
			 (unsigned long long)line->order, line->route, line->request_id,
			 line->account, line->whole.status, line->whole.total,
			 line->whole.delivered, line->whole.failed, line->whole.unknown);
}

void journal_order(struct turn *turn, const struct work *work, enum feed_event event)
{
	const struct store_order *rec = &work->rec;
	struct line *line = line_new(turn, work, write_order);
	if (!line)
		return;
	line->event = event;
	line->whole.total = rec->total;
	line->whole.delivered = rec->delivered;
	line->whole.failed = rec->failed;
	line->whole.unknown = rec->unknown;
	line->whole.status = orders_status(rec);
}

static void write_message(struct engine *engine, struct effect *effect, enum turn_end end)
{
	const struct line *line = (struct line *)effect;
	enum store_error error = line->message.error;
	char id[MESSAGE_ID_OCTETS];
	if (end != TURN_DONE)
		return;
	message_id_write(engine->store, line->order, line->message.index, id);
	log_info("message.status",
		 "message=%s order=%llu route=%u request_id=%s status=%s final=%s in_doubt=%s "
		 "error=%s attempts=%u",
		 id, (unsigned long long)line->order, line->route, line->request_id,
		 life_shown(line->message.state, error),
		 life_is_final(line->message.state) ? "yes" : "no",
		 line->message.state == STORE_STATE_IN_DOUBT ? "yes" : "no",
		 error ? store_error_name(error) : "-", line->message.attempts);
}

void journal_message(struct turn *turn, const struct work *work,
		     const struct store_message *message)
{
	if (!turn->engine->config->log.messages)
		return;
	struct line *line = line_new(turn, work, write_message);
	if (!line)
		return;
	line->message.index = message->index;
	line->message.attempts = message->seg.attempts;
	line->message.state = (enum store_state)message->state;
	line->message.error = (enum store_error)message->error;
}
