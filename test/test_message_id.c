/* Public message ids: reversible, unguessable, and never taken from a stranger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/message_id.h"
#include "test/store_folder.h"

/* Two stores with secrets of their own. */
struct fixture {
	struct store_folder folders[2];
	struct store *stores[2];
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	for (int i = 0; i < 2; i++) {
		store_folder_make(&fixture->folders[i]);
		memset(fixture->folders[i].options.seed, 7 + i,
		       sizeof(fixture->folders[i].options.seed));
		assert_int_equal(store_folder_open(&fixture->folders[i], &fixture->stores[i]),
				 STORE_OPEN_OK);
	}
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 2; i++) {
		store_close(fixture->stores[i]);
		store_folder_remove(&fixture->folders[i]);
	}
	free(fixture);
	return 0;
}

static void test_message_id__comes_back_as_order_and_index(void **state)
{
	const struct store *store = ((struct fixture *)*state)->stores[0];
	static const uint64_t orders[] = { 1, 2, 4711, 1ull << 39, 999999999999999999ull };
	static const uint32_t indexes[] = { 0, 1, 2, 3303, 49999, 65535 };
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		for (size_t j = 0; j < sizeof(indexes) / sizeof(indexes[0]); j++) {
			char text[MESSAGE_ID_OCTETS];
			uint64_t order = 0;
			uint32_t index = UINT32_MAX;
			message_id_write(store, orders[i], indexes[j], text);
			assert_true(message_id_shaped(text));
			assert_true(message_id_read(store, text, &order, &index));
			assert_int_equal(order, orders[i]);
			assert_int_equal(index, indexes[j]);
		}
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void test_message_id__differs_for_every_message_of_an_order(void **state)
{
	const struct store *store = ((struct fixture *)*state)->stores[0];
	enum {
		MESSAGES = 50000
	};
	char(*ids)[MESSAGE_ID_OCTETS] = calloc(MESSAGES, sizeof(*ids));
	for (uint32_t i = 0; i < MESSAGES; i++)
		message_id_write(store, 1, i, ids[i]);
	qsort(ids, MESSAGES, sizeof(*ids), by_text);
	for (size_t i = 1; i < MESSAGES; i++)
		assert_string_not_equal(ids[i], ids[i - 1]);
	free(ids);
}

/* No digit of a real id can be changed, nor its order: each such id is a stranger's. */
static void test_message_id__refuses_what_was_never_given_out(void **state)
{
	const struct store *store = ((struct fixture *)*state)->stores[0];
	static const char digits[] = "0123456789abcdef";
	char text[MESSAGE_ID_OCTETS], forged[MESSAGE_ID_OCTETS];
	uint64_t order;
	uint32_t index;
	message_id_write(store, 12, 34, text);
	for (size_t at = strlen(text) - 16; text[at]; at++) {
		for (const char *digit = digits; *digit; digit++) {
			if (*digit == text[at])
				continue;
			memcpy(forged, text, sizeof(forged));
			forged[at] = *digit;
			assert_true(message_id_shaped(forged));
			assert_false(message_id_read(store, forged, &order, &index));
		}
	}
	for (unsigned other = 1; other < 1000; other++) {
		if (other == 12)
			continue;
		snprintf(forged, sizeof(forged), "BX-%u-%s", other, text + strlen(text) - 16);
		assert_false(message_id_read(store, forged, &order, &index));
	}
}

static void test_message_id__of_one_store_means_nothing_to_another(void **state)
{
	struct fixture *fixture = *state;
	char text[MESSAGE_ID_OCTETS];
	uint64_t order;
	uint32_t index;
	for (uint32_t i = 0; i < 100; i++) {
		message_id_write(fixture->stores[0], 1, i, text);
		assert_false(message_id_read(fixture->stores[1], text, &order, &index));
	}
}

static void test_message_id__refuses_every_other_form(void **state)
{
	const struct store *store = ((struct fixture *)*state)->stores[0];
	static const char *const forms[] = {
		"",
		"BX",
		"BX-",
		"BX-1",
		"BX-1-",
		"BX--0123456789abcdef",
		"BX-1-0123456789abcde",
		"BX-1-0123456789abcdef0",
		"BX-1-0123456789ABCDEF",
		"BX-1-0123456789abcdeg",
		"BX-1_0123456789abcdef",
		"BX-1a-0123456789abcdef",
		"bx-1-0123456789abcdef",
		" BX-1-0123456789abcdef",
	};
	uint64_t order;
	uint32_t index;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		assert_false(message_id_shaped(forms[i]));
		assert_false(message_id_read(store, forms[i], &order, &index));
	}
}

/* Its form is right, so it is a message that is not there; no second writing of one that is. */
static void test_message_id__knows_no_order_that_cannot_be(void **state)
{
	const struct store *store = ((struct fixture *)*state)->stores[0];
	char text[MESSAGE_ID_OCTETS], again[MESSAGE_ID_OCTETS + 2];
	uint64_t order;
	uint32_t index;
	message_id_write(store, 7, 0, text);
	snprintf(again, sizeof(again), "BX-0%s", text + 3);
	const char *const forms[] = {
		again,
		"BX-0-0123456789abcdef",
		"BX-1234567890123456789-0123456789abcdef",
		"BX-18446744073709551623-0123456789abcdef",
	};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		assert_true(message_id_shaped(forms[i]));
		assert_false(message_id_read(store, forms[i], &order, &index));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_id__comes_back_as_order_and_index),
		cmocka_unit_test(test_message_id__differs_for_every_message_of_an_order),
		cmocka_unit_test(test_message_id__refuses_what_was_never_given_out),
		cmocka_unit_test(test_message_id__of_one_store_means_nothing_to_another),
		cmocka_unit_test(test_message_id__refuses_every_other_form),
		cmocka_unit_test(test_message_id__knows_no_order_that_cannot_be),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
