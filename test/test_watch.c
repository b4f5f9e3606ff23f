/* The watch of the simulation finds what it is there to find: each rule broken once, on purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "smpp/octets.h"
#include "smpp/pdu.h"
#include "test/sim/watch.h"

enum way {
	HEARD,
	SAID,
	END
};

struct step {
	enum way way;
	uint32_t command_id, status, sequence_number;
};

#define BOUND                                          \
	{ HEARD, SMPP_bind_transceiver, 0, 1 },        \
	{                                              \
		SAID, SMPP_bind_transceiver_resp, 0, 1 \
	}

/* Octet by octet, as a wire may deliver it. */
static void pass(struct watch *watch, const struct step *step)
{
	uint8_t octets[16];
	struct smpp_writer out = smpp_writer_of(octets, sizeof(octets));
	smpp_write_u32(&out, sizeof(octets));
	smpp_write_u32(&out, step->command_id);
	smpp_write_u32(&out, step->status);
	smpp_write_u32(&out, step->sequence_number);
	for (size_t i = 0; i < sizeof(octets); i++)
		(step->way == HEARD ? watch_heard : watch_said)(watch, octets + i, 1);
}

static void test_watch__finds_each_rule_that_is_broken(void **state)
{
	static const struct {
		const char *broken; /* NULL: all is well */
		size_t open;
		struct step steps[8];
	} rows[] = {
		{ NULL,
		  0,
		  { BOUND,
		    { SAID, SMPP_deliver_sm, 0, 9 },
		    { HEARD, SMPP_submit_sm, 0, 2 },
		    { HEARD, SMPP_deliver_sm_resp, 0, 9 },
		    { HEARD, SMPP_submit_sm, 0, 4 },
		    { END, 0, 0, 0 } } },
		{ NULL,
		  2,
		  { BOUND,
		    { SAID, SMPP_deliver_sm, 0, 0 },
		    { SAID, SMPP_enquire_link, 0, 1 },
		    { SAID, SMPP_alert_notification, 0, 2 },
		    { END, 0, 0, 0 } } },
		{ NULL,
		  0,
		  { { HEARD, SMPP_bind_receiver, 0, 1 },
		    { SAID, SMPP_bind_receiver_resp, 0, 1 },
		    { SAID, SMPP_unbind, 0, 1 },
		    { HEARD, SMPP_unbind_resp, 0, 1 },
		    { END, 0, 0, 0 } } },
		{ "the number 1", 0, { { HEARD, SMPP_bind_transceiver, 0, 2 }, { END, 0, 0, 0 } } },
		{ "do not rise", 0, { BOUND, { HEARD, SMPP_submit_sm, 0, 1 }, { END, 0, 0, 0 } } },
		{ "do not rise",
		  0,
		  { BOUND, { HEARD, SMPP_submit_sm, 0, 0x80000000 }, { END, 0, 0, 0 } } },
		{ "before bind_resp",
		  0,
		  { { HEARD, SMPP_bind_transceiver, 0, 1 },
		    { HEARD, SMPP_submit_sm, 0, 2 },
		    { END, 0, 0, 0 } } },
		{ "before bind_resp",
		  0,
		  { { HEARD, SMPP_bind_transceiver, 0, 1 },
		    { SAID, SMPP_bind_transceiver_resp, 0x0E, 1 },
		    { HEARD, SMPP_bind_transceiver, 0, 2 },
		    { END, 0, 0, 0 } } },
		{ "on a bound session",
		  0,
		  { BOUND, { HEARD, SMPP_bind_receiver, 0, 2 }, { END, 0, 0, 0 } } },
		{ "another type",
		  0,
		  { BOUND,
		    { SAID, SMPP_deliver_sm, 0, 7 },
		    { HEARD, SMPP_data_sm_resp, 0, 7 },
		    { END, 0, 0, 0 } } },
		{ "answers nothing",
		  0,
		  { BOUND, { HEARD, SMPP_deliver_sm_resp, 0, 7 }, { END, 0, 0, 0 } } },
		{ "for a second time",
		  0,
		  { BOUND,
		    { SAID, SMPP_deliver_sm, 0, 7 },
		    { HEARD, SMPP_deliver_sm_resp, 0, 7 },
		    { HEARD, SMPP_deliver_sm_resp, 0, 7 },
		    { END, 0, 0, 0 } } },
		{ "follows unbind_resp",
		  0,
		  { BOUND,
		    { SAID, SMPP_unbind, 0, 7 },
		    { HEARD, SMPP_unbind_resp, 0, 7 },
		    { HEARD, SMPP_submit_sm, 0, 2 },
		    { END, 0, 0, 0 } } },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct watch *watch = watch_new();
		for (const struct step *step = rows[i].steps; step->way != END; step++)
			pass(watch, step);
		if (rows[i].broken)
			assert_non_null(watch_broken(watch));
		else
			assert_null(watch_broken(watch));
		if (rows[i].broken)
			assert_non_null(strstr(watch_broken(watch), rows[i].broken));
		assert_int_equal(watch_open(watch), rows[i].open);
		watch_free(watch);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_watch__finds_each_rule_that_is_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
