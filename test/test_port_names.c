/*
 * Names of several addresses, and names that change: what the port makes of what the look-up says.
 * The look-up itself is replaced here for names under .test, as no test may ask the network; the
 * thread that it runs in, and the sockets, are the real ones.
 */
#include "test/port_fixture.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>

/* ---- the look-up ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *const *answer; /* addresses, ending in NULL; under the lock */
static atomic_int asked;
static atomic_bool hangs;

static void answers(const char *const *addresses)
{
	pthread_mutex_lock(&lock);
	answer = addresses;
	pthread_mutex_unlock(&lock);
}

/* One piece of memory each, as freeaddrinfo frees them. */
static struct addrinfo *entry_of(const char *text, const char *service)
{
	struct addrinfo *entry = calloc(1, sizeof(*entry) + sizeof(struct sockaddr_in6));
	struct sockaddr_in *four = (void *)(entry + 1);
	struct sockaddr_in6 *six = (void *)(entry + 1);
	uint16_t number = htons((uint16_t)atoi(service));

	entry->ai_socktype = SOCK_STREAM;
	entry->ai_addr = (void *)four;
	if (strchr(text, ':') != NULL) {
		*six = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = number };
		inet_pton(AF_INET6, text, &six->sin6_addr);
		entry->ai_addrlen = sizeof(*six);
	} else {
		*four = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = number };
		inet_pton(AF_INET, text, &four->sin_addr);
		entry->ai_addrlen = sizeof(*four);
	}
	entry->ai_family = entry->ai_addr->sa_family;
	return entry;
}

/* Instead of the library's, for every caller in this program. */
int getaddrinfo(const char *restrict name, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict list)
{
	const char *const own[] = { name, NULL };
	bool literal = strstr(name, ".test") == NULL;
	struct addrinfo **next = list;

	*list = NULL;
	if (!literal && (hints->ai_flags & AI_NUMERICHOST) != 0)
		return EAI_NONAME;
	while (!literal && atomic_load(&hangs))
		usleep(1000);
	asked += !literal;
	pthread_mutex_lock(&lock);
	for (const char *const *at = literal ? own : answer; *at != NULL; at++) {
		*next = entry_of(*at, service);
		next = &(*next)->ai_next;
	}
	pthread_mutex_unlock(&lock);
	return *list != NULL ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *list)
{
	while (list != NULL) {
		struct addrinfo *next = list->ai_next;

		free(list);
		list = next;
	}
}

static uint64_t open_name(struct world *world, uint16_t number, uint32_t resolve_ms)
{
	struct port_address address = { .host = "smsc.test", .port = number };
	uint64_t link = port_open(world->port, &(struct port_target){ .addresses = &address,
								      .address_count = 1,
								      .resolve_ms = resolve_ms });

	assert_int_not_equal(link, 0);
	return link;
}

/* ---- tests ---- */

static void test_port__check_64_addresses_of_a_name_are_tried_in_turn(void **state)
{
	static const char *const rows[][5] = {
		{ "127.0.0.1", NULL },
		{ "127.0.0.2", "127.0.0.1", NULL },
		{ "127.0.0.2", "::1", "127.0.0.3", "127.0.0.1", NULL },
		{ "127.0.0.1", "127.0.0.2", NULL },
	};
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	uint16_t number = bound_port(world, listener);
	char peer[32];

	snprintf(peer, sizeof(peer), "127.0.0.1:%u", number);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answers(rows[i]);
		uint64_t link = open_name(world, number, 0);

		await_up(world, link);
		assert_string_equal(seen(world, link)->peer, peer);
		port_abort(world->port, link);
		await_down(world, link);
	}
	/* Each failed: the last one says why. */
	static const char *const none[] = { "127.0.0.2", "127.0.0.3", NULL };

	answers(none);
	uint64_t link = open_name(world, number, 0);

	await_down(world, link);
	assert_int_equal(seen(world, link)->reason, PORT_DOWN_CONNECT);
	assert_non_null(strstr(seen(world, link)->text, "127.0.0.3"));
}

static void test_port__check_64_a_name_is_looked_up_at_each_connect(void **state)
{
	static const char *const before[] = { "127.0.0.1", NULL };
	static const char *const after[] = { "127.0.0.2", NULL };
	static const char *const gone[] = { NULL };
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	uint16_t number = bound_port(world, listener);
	int asked_before = atomic_load(&asked);

	answers(before);
	uint64_t link = open_name(world, number, 0);

	await_up(world, link);
	answers(after);
	uint64_t other = open_name(world, number, 0);

	await_down(world, other); /* nobody is there, and the old one is not asked */
	assert_false(seen(world, other)->up);
	answers(gone);
	uint64_t none = open_name(world, number, 0);

	await_down(world, none);
	assert_int_equal(seen(world, none)->reason, PORT_DOWN_RESOLVE);
	assert_int_equal(atomic_load(&asked) - asked_before, 3);
	assert_false(seen(world, link)->down);
}

static void test_port__check_64_a_look_up_that_hangs_holds_up_nothing(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", NULL };
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	uint16_t number = bound_port(world, listener);
	uint64_t near = open_tcp(world, number, (struct port_target){ 0 });

	await_up(world, near);
	uint64_t far = await_accepted(world);

	answers(addresses);
	atomic_store(&hangs, true);
	uint64_t slow = open_name(world, number, 300);
	uint64_t patient = open_name(world, number, 60000);

	write_all(world, near, 2000);
	await_octets(world, far, 2000);
	assert_pattern(&seen(world, far)->octets, 2000);
	await_down(world, slow);
	assert_int_equal(seen(world, slow)->reason, PORT_DOWN_RESOLVE);
	assert_non_null(strstr(seen(world, slow)->text, "no answer within 300 ms"));
	assert_false(seen(world, patient)->up);
	atomic_store(&hangs, false);
	await_up(world, patient);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_port__check_64_addresses_of_a_name_are_tried_in_turn),
		BOTH(test_port__check_64_a_name_is_looked_up_at_each_connect),
		BOTH(test_port__check_64_a_look_up_that_hangs_holds_up_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
