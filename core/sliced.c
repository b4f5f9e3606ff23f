/* Answers in slices. See sliced.h. */
#include "core/sliced.h"

#include <stdlib.h>

#include "core/engine.h"

static void let_go(struct engine *engine, struct server_stream *stream)
{
	struct sliced *sliced = (struct sliced *)stream;
	(void)engine;
	if (sliced->release)
		sliced->release(sliced);
}

static bool go_on(struct engine *engine, struct server_stream *stream, struct buffer *out,
		  size_t room)
{
	struct sliced *sliced = (struct sliced *)stream;
	struct turn turn = { .engine = engine };
	(void)room;
	turn_fail(&turn, store_read_begin(engine->store, &turn.txn));
	sliced->call.turn = &turn;
	sliced->call.body = sliced->call.json.out = out;
	bool whole = !turn_failed(&turn) && sliced->write(sliced, &turn);
	if (turn.txn)
		store_read_end(turn.txn);
	out->failed = out->failed || turn_failed(&turn);
	stream->due_ms = port_now_ms(engine->port);
	return !whole;
}

void sliced_later(struct sliced *sliced, struct api_call *call)
{
	sliced->call = (struct api_call){ .engine = call->engine, .json = call->json };
	sliced->stream = (struct server_stream){
		.pump = go_on, .free = let_go, .due_ms = call->turn->now_ms, .ends = true
	};
	call->stream = &sliced->stream;
}

void sliced_answer(struct sliced *sliced, struct api_call *call)
{
	sliced->call = *call;
	bool whole = !turn_spent(call->turn) && sliced->write(sliced, call->turn);
	call->json = sliced->call.json;
	if (!whole && !turn_failed(call->turn)) {
		sliced_later(sliced, call);
		return;
	}
	let_go(call->engine, &sliced->stream);
	free(sliced);
}
