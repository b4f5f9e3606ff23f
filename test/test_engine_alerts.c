/* Alerts of carriers, alert_notification (SMPP 3.4, 4.12): kept, told, and never answered. */
#include "test/engine_handset.h"

#include "core/inbound.h"

static void send_alert(struct engine_world *world, int availability)
{
	struct smpp_pdu pdu;
	smpp_pdu_init(&pdu, SMPP_alert_notification, 77);
	pdu.source_addr = smpp_octets_of("31655500001");
	pdu.esme_addr = smpp_octets_of("1299");
	if (availability >= 0)
		assert_int_equal(smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_ms_availability_status,
						      (uint32_t)availability),
				 SMPP_OK);
	send_pdu(world->carriers[0], &pdu);
}

static struct store_alert alert(struct engine_world *world, unsigned n)
{
	struct store_txn *txn;
	struct store_alert rec = { 0 };
	assert_int_equal(store_read_begin(world->store, &txn), STORE_OK);
	for (unsigned i = 0; i <= n; i++)
		assert_int_equal(store_alert_next(txn, &rec, 0), STORE_OK);
	store_read_end(txn);
	return rec;
}

/* SMPP 3.4, 4.12.1: it has no response, and the feed has it. */
static void test_inbound__check_61_an_alert_is_kept_and_not_answered(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .alpha = OWNED });
	(void)state;
	uint32_t acme = make_account(world, ACCOUNT, 1);
	for (int availability = -1; availability < 3; availability++)
		send_alert(world, availability);
	engine_world_settle(world);
	assert_int_equal(world->carriers[0]->raw_answers, 0);
	assert_int_equal(carrier_bound(world->carriers[0]), 1);
	assert_int_equal(told(world, FEED_ALERT), 4);
	for (unsigned i = 0; i < 4; i++) {
		struct store_alert rec = alert(world, i);
		assert_int_equal(rec.availability, i);
		assert_int_equal(rec.account, acme);
		assert_int_equal(rec.source.n, 11);
		assert_int_equal(rec.esme.n, 4);
	}
	engine_world_free(world);
}

static void test_inbound__a_flood_of_alerts_is_counted_not_kept(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	for (unsigned i = 0; i < INBOUND_ALERTS_PER_S + 480; i++)
		send_alert(world, 0);
	engine_world_settle(world);
	assert_int_equal(world_count(world, STORE_KIND_ALERT), INBOUND_ALERTS_PER_S);
	engine_world_run(world, 1100);
	send_alert(world, 0);
	engine_world_settle(world);
	assert_int_equal(world_count(world, STORE_KIND_ALERT), INBOUND_ALERTS_PER_S + 1);
	assert_int_equal(alert(world, INBOUND_ALERTS_PER_S).skipped, 480);
	engine_world_run(world, (int64_t)49 * 3600 * 1000);
	assert_int_equal(world_count(world, STORE_KIND_ALERT), 0);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inbound__check_61_an_alert_is_kept_and_not_answered),
		cmocka_unit_test(test_inbound__a_flood_of_alerts_is_counted_not_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
