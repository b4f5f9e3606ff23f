/* Receipts that belong to no message. See unmatched.h. */
#include "core/unmatched.h"

#include <stdio.h>

#include "core/alarm.h"
#include "core/provider.h"

#define WINDOW_MS     300000
#define LOOK_EVERY_MS 5000
#define LEAST	      10 /* fewer are no alarm */
#define RAISE_PERCENT 20
#define END_PERCENT   10

void unmatched_count(struct provider *provider, enum unmatched_news news)
{
	struct unmatched *unmatched = &provider->unmatched;
	unmatched->counts[news]++;
	unmatched->recent[0][news]++;
}

static uint64_t kept(const uint64_t counts[UNMATCHED_NEWS])
{
	uint64_t n = 0;
	for (int news = UNMATCHED_KEPT; news < UNMATCHED_JOINED; news++)
		n += counts[news];
	return n > counts[UNMATCHED_JOINED] ? n - counts[UNMATCHED_JOINED] : 0;
}

uint64_t unmatched_total(const struct unmatched *unmatched)
{
	return kept(unmatched->counts);
}

static const char *const advice[UNMATCHED_NEWS] = {
	[UNMATCHED_EXACT] = "most would match with message_id_dialect: exact (or auto)",
	[UNMATCHED_HEX_TO_DEC] = "most would match with message_id_dialect: hex_to_dec (or auto)",
	[UNMATCHED_DEC_TO_HEX] = "most would match with message_id_dialect: dec_to_hex (or auto)",
	[UNMATCHED_ADDRESS] = "most would match with match_addresses: false",
};

/* What would have matched most of them; or where to look. */
static const char *advise(const uint64_t counts[UNMATCHED_NEWS], uint64_t orphans)
{
	for (int news = UNMATCHED_EXACT; news <= UNMATCHED_ADDRESS; news++)
		if (counts[news] * 2 > orphans)
			return advice[news];
	return "compare their ids with those of sent messages: esmectl orphans list";
}

static void set_alarm(struct engine *engine, struct provider *provider, bool on, const char *text)
{
	char name[64];
	provider->unmatched.alarmed = on;
	snprintf(name, sizeof(name), "unmatched_receipts:%s", provider->config->name);
	alarm_set(engine, name, on, text);
}

void unmatched_end(struct engine *engine, struct provider *provider)
{
	if (provider->unmatched.alarmed)
		set_alarm(engine, provider, false, "");
}

static void look(struct engine *engine, struct provider *provider)
{
	struct unmatched *unmatched = &provider->unmatched;
	uint64_t counts[UNMATCHED_NEWS];
	char text[200];
	for (int news = 0; news < UNMATCHED_NEWS; news++)
		counts[news] = (uint64_t)unmatched->recent[0][news] + unmatched->recent[1][news];
	uint64_t orphans = kept(counts);
	uint64_t all = orphans + counts[UNMATCHED_MATCHED] + counts[UNMATCHED_JOINED];
	uint64_t percent = unmatched->alarmed ? END_PERCENT : RAISE_PERCENT;
	bool on = orphans >= LEAST && orphans * 100 >= all * percent;
	if (!on && !unmatched->alarmed)
		return;
	snprintf(text, sizeof(text), "%s: %llu of %llu receipts belong to no message; %s",
		 provider->config->name, (unsigned long long)orphans, (unsigned long long)all,
		 advise(counts, orphans));
	set_alarm(engine, provider, on, text);
}

void unmatched_tick(struct engine *engine, struct provider *provider, int64_t now_ms)
{
	struct unmatched *unmatched = &provider->unmatched;
	if (now_ms < unmatched->looked_ms + LOOK_EVERY_MS)
		return;
	unmatched->looked_ms = now_ms;
	if (now_ms >= unmatched->since_ms + WINDOW_MS) {
		for (int news = 0; news < UNMATCHED_NEWS; news++) {
			unmatched->recent[1][news] = unmatched->recent[0][news];
			unmatched->recent[0][news] = 0;
		}
		unmatched->since_ms = now_ms;
	}
	look(engine, provider);
}
