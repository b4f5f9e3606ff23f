/*
 * The port over TLS: both ends are ours, the certificates are made here by the openssl program. Each
 * refusal must name its reason.
 */
#include "test/port_fixture.h"

#include <sys/stat.h>

/* Names of the files of the certificates below, in one folder for the whole run. */
static char folder[] = "/tmp/esmed-tls-XXXXXX";

static const char *file(const char *name)
{
	static char paths[4][96];
	static size_t next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static const char make_certificates[] =
	"set -e; exec 2>/dev/null; cd '%s'; umask 077\n"
	"ca() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 "
	"-keyout $1.key -out $1.crt -subj /CN=$1; }\n"
	"leaf() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key "
	"-out $1.csr -subj /CN=$1; printf '%%s' \"$3\" > $1.ext; openssl x509 -req -in $1.csr -CA "
	"$2.crt -CAkey $2.key -CAcreateserial -out $1.crt -extfile $1.ext $4 $5 $6; }\n"
	"ca good-ca; ca other-ca\n"
	"leaf good good-ca 'subjectAltName=DNS:smsc.test,IP:127.0.0.1' -days 9\n"
	"leaf wrong good-ca 'subjectAltName=DNS:else.test' -days 9\n"
	"leaf stale good-ca 'subjectAltName=DNS:smsc.test' -days -1\n"
	"leaf foreign other-ca 'subjectAltName=DNS:smsc.test' -days 9\n"
	"leaf client good-ca 'extendedKeyUsage=clientAuth' -days 9\n"
	"leaf partial good-ca 'subjectAltName=DNS:s*.test' -days 9\n"
	"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -keyout "
	"self.key -out self.crt -subj /CN=self -addext subjectAltName=DNS:smsc.test\n"
	"openssl pkey -in good.key -pubout -outform der | openssl dgst -sha256 -r | cut -c1-64 "
	"> good.pin\n"
	"openssl pkey -in good.key -aes128 -passout pass:x -out locked.key\n"
	"cp good.key open.key; chmod 644 open.key\n";

static int make_folder(void **state)
{
	char command[sizeof(make_certificates) + sizeof(folder)];

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(command, sizeof(command), make_certificates, folder);
#pragma GCC diagnostic pop
	return system(command);
}

static int remove_folder(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static struct port_tls *context(struct port_tls_options options)
{
	char error[PORT_TEXT_OCTETS] = "";
	struct port_tls *tls = port_tls_new(&options, error, sizeof(error));

	if (tls == NULL)
		fail_msg("%s", error);
	return tls;
}

/* A server that shows the certificate of that name; asks for one of the client's if ca_file is set. */
static uint64_t serve(struct world *world, const char *name, const char *ca_file)
{
	char certificate[32];
	char key[32];

	snprintf(certificate, sizeof(certificate), "%s.crt", name);
	snprintf(key, sizeof(key), "%s.key", name);
	struct port_tls *tls = context((struct port_tls_options){ .server = true,
								  .ca_file = ca_file,
								  .cert_file = file(certificate),
								  .key_file = file(key) });
	uint64_t listener = listen_tcp(world, (struct port_listen){ .tls = tls });

	port_tls_free(tls); /* the listener holds it */
	return listener;
}

static uint64_t open_tls(struct world *world, uint64_t listener, const char *name,
			 struct port_tls_options options)
{
	if (options.ca_file == NULL)
		options.ca_file = file("good-ca.crt");
	struct port_tls *tls = context(options);
	uint64_t link = open_tcp(world, bound_port(world, listener),
				 (struct port_target){ .tls = tls, .server_name = name });

	port_tls_free(tls);
	return link;
}

/* `#` in `text` stands for what changes from run to run: a date, a time, a pin. */
static bool says(const char *said, const char *text)
{
	while (*text != '\0' && *text == *said) {
		text++;
		said++;
	}
	if (*text != '#')
		return *text == *said;
	while (!says(said, text + 1)) {
		if (*said++ == '\0')
			return false;
	}
	return true;
}

static void assert_says(const char *said, const char *text)
{
	if (!says(said, text))
		fail_msg("\"%s\" instead of \"%s\"", said, text);
}

static void assert_refused(struct world *world, uint64_t link, const char *text)
{
	struct seen *client = await_down(world, link);

	assert_false(client->up);
	assert_says(client->text, text);
	assert_int_equal(client->reason, PORT_DOWN_TLS);
}

/* ---- what is let through ---- */

static void test_port_tls__carries_octets_both_ways(void **state)
{
	struct world *world = *state;
	size_t n = 1000000;
	uint64_t listener = serve(world, "good", NULL);
	uint64_t client = open_tls(world, listener, "smsc.test", (struct port_tls_options){ 0 });
	uint64_t server = await_accepted(world);

	await_up(world, client);
	assert_memory_equal(seen(world, client)->tls, "TLSv1.3 ", 8);
	assert_non_null(strstr(seen(world, client)->tls, " CN=good pin "));
	write_all(world, client, n);
	write_all(world, server, n);
	await_octets(world, server, n);
	await_octets(world, client, n);
	assert_pattern(&seen(world, server)->octets, n);
	assert_pattern(&seen(world, client)->octets, n);
	UNTIL(world, seen(world, client)->sent == n && seen(world, server)->sent == n);
}

/* Many small pieces and a receiver with little credit, so that records are held back all the time. */
static void test_port_tls__small_reads_do_not_get_stuck(void **state)
{
	struct world *world = *state;
	struct port_tls *tls = context((struct port_tls_options){
		.server = true, .cert_file = file("good.crt"), .key_file = file("good.key") });
	uint64_t listener =
		listen_tcp(world, (struct port_listen){ .tls = tls, .input_octets = 2048 });
	uint64_t client = open_tls(world, listener, "smsc.test", (struct port_tls_options){ 0 });
	uint64_t server = await_accepted(world);
	size_t n = 0;

	port_tls_free(tls);
	for (int i = 0; i < 400; i++) {
		uint8_t piece[1000];

		for (size_t k = 0; k < sizeof(piece); k++)
			piece[k] = pattern(n + k);
		while (port_write_room(world->port, client) < sizeof(piece))
			turn(world);
		assert_int_equal(port_write(world->port, client, piece, sizeof(piece)), 1000);
		n += sizeof(piece);
		if (i % 7 == 0)
			turn(world);
	}
	await_octets(world, server, n);
	assert_pattern(&seen(world, server)->octets, n);
}

static void test_port_tls__close_flushes_and_says_goodbye(void **state)
{
	struct world *world = *state;
	uint64_t listener = serve(world, "good", NULL);
	uint64_t client = open_tls(world, listener, "smsc.test", (struct port_tls_options){ 0 });
	uint64_t server = await_accepted(world);

	await_up(world, client);
	write_all(world, client, 200000);
	port_close(world->port, client);
	assert_int_equal(await_down(world, server)->reason, PORT_DOWN_EOF);
	assert_pattern(&seen(world, server)->octets, 200000);
	assert_int_equal(await_down(world, client)->reason, PORT_DOWN_OURS);
	assert_int_equal(seen(world, client)->sent, 200000);
}

static void test_port_tls__goes_on_reading_behind_its_own_end(void **state)
{
	struct world *world = *state;
	struct port_tls *own = context((struct port_tls_options){
		.server = true, .cert_file = file("good.crt"), .key_file = file("good.key") });
	struct port_tls *tls = context((struct port_tls_options){ .ca_file = file("good-ca.crt") });
	uint64_t listener = listen_tcp(world, (struct port_listen){ .tls = own, .half = true });
	uint64_t client = open_tcp(
		world, bound_port(world, listener),
		(struct port_target){ .tls = tls, .server_name = "smsc.test", .half = true });
	uint64_t server = await_accepted(world);

	port_tls_free(own);
	port_tls_free(tls);
	write_all(world, client, 200000);
	port_finish(world->port, client);
	await_octets(world, server, 200000);
	UNTIL(world, seen(world, server)->ended);
	write_all(world, server, 200000);
	port_finish(world->port, server);
	await_octets(world, client, 200000);
	UNTIL(world, seen(world, client)->ended);
	assert_pattern(&seen(world, server)->octets, 200000);
	assert_pattern(&seen(world, client)->octets, 200000);
	assert_false(seen(world, client)->down || seen(world, server)->down);
	port_close(world->port, client);
	assert_int_equal(await_down(world, client)->reason, PORT_DOWN_OURS);
}

static void test_port_tls__counts_as_sent_only_whole_records(void **state)
{
	struct world *world = *state;
	uint64_t listener = serve(world, "good", NULL);
	struct port_tls *tls = context((struct port_tls_options){ .ca_file = file("good-ca.crt") });
	uint64_t client = open_tcp(world, bound_port(world, listener),
				   (struct port_target){ .tls = tls,
							 .server_name = "smsc.test",
							 .output_octets = 16u << 20 });
	uint64_t server = await_accepted(world);

	port_tls_free(tls);
	port_pause(world->port, server);
	turn(world);
	write_all(world, client, 16u << 20);
	UNTIL(world, seen(world, client)->sent > 0);
	for (int quiet = 0; quiet < 5; quiet++)
		turn(world);
	assert_true(seen(world, client)->sent < 16u << 20);
	port_abort(world->port, client);
	await_down(world, client);
	port_resume(world->port, server);
	await_down(world, server);
	assert_true(seen(world, server)->octets.n <= seen(world, client)->sent);
	assert_pattern(&seen(world, server)->octets, seen(world, server)->octets.n);
}

static void test_port_tls__verifies_an_address(void **state)
{
	struct world *world = *state;
	uint64_t listener = serve(world, "good", NULL);

	/* No server_name: the host that is tried, 127.0.0.1, must be in the certificate. */
	await_up(world, open_tls(world, listener, NULL, (struct port_tls_options){ 0 }));
}

static void test_port_tls__takes_the_pinned_key(void **state)
{
	struct world *world = *state;
	uint64_t listener = serve(world, "good", NULL);
	char pin[65] = "";
	FILE *in = fopen(file("good.pin"), "r");

	assert_non_null(fgets(pin, sizeof(pin), in));
	fclose(in);
	await_up(world, open_tls(world, listener, "smsc.test",
				 (struct port_tls_options){ .pin_sha256 = pin }));
	pin[0] = pin[0] == 'f' ? '0' : 'f';
	assert_refused(
		world,
		open_tls(world, listener, "smsc.test",
			 (struct port_tls_options){ .pin_sha256 = pin }),
		"certificate refused: its key is not the pinned one (CN=good, issuer CN=good-ca, until "
		"20#); if the key was changed on purpose, set pin to #");
	assert_refused(
		world,
		open_tls(world, listener, "smsc.test",
			 (struct port_tls_options){ .pin_sha256 = pin, .unverified = true }),
		"certificate refused: its key is not the pinned one (CN=good, issuer CN=good-ca, until "
		"20#); if the key was changed on purpose, set pin to #");
}

static void test_port_tls__unverified_takes_anything(void **state)
{
	struct world *world = *state;
	uint64_t listener = serve(world, "self", NULL);

	await_up(world, open_tls(world, listener, "else.test",
				 (struct port_tls_options){ .unverified = true }));
}

static void test_port_tls__shows_a_client_certificate(void **state)
{
	struct world *world = *state;
	uint64_t listener = serve(world, "good", file("good-ca.crt"));
	uint64_t client = open_tls(world, listener, "smsc.test",
				   (struct port_tls_options){ .cert_file = file("client.crt"),
							      .key_file = file("client.key") });
	uint64_t server = await_accepted(world);

	await_up(world, client);
	assert_non_null(strstr(seen(world, server)->tls, " CN=client pin "));
}

/* ---- what is refused ---- */

static void refuses(struct world *world, const char *certificate, const char *text)
{
	uint64_t listener = serve(world, certificate, NULL);

	assert_refused(world,
		       open_tls(world, listener, "smsc.test", (struct port_tls_options){ 0 }),
		       text);
	port_listen_close(world->port, listener);
}

static void test_port_tls__refuses_bad_certificates(void **state)
{
	struct world *world = *state;

	refuses(world, "wrong",
		"certificate refused: it is for else.test and not for smsc.test (CN=wrong, issuer "
		"CN=good-ca, until 20# UTC); if it is the right one, set server_name to a name of it");
	refuses(world, "partial",
		"certificate refused: it is for s*.test and not for smsc.test (CN=partial, issuer "
		"CN=good-ca, until 20# UTC); if it is the right one, set server_name to a name of it");
	refuses(world, "stale",
		"certificate refused: it has expired (CN=stale, issuer CN=good-ca, until 20# UTC); "
		"its owner has to renew it; or this machine's clock is wrong");
	refuses(world, "self",
		"certificate refused: it is self-signed (CN=self, issuer CN=self, until 20# UTC); if "
		"it is the right one, put it into the file ca");
	refuses(world, "foreign",
		"certificate refused: its issuer is not trusted (CN=foreign, issuer CN=other-ca, until "
		"20# UTC); if it is the right one, put the issuer's certificate into the file ca");
}

static void test_port_tls__refuses_another_address(void **state)
{
	struct world *world = *state;
	uint64_t listener = serve(world, "wrong", NULL);

	assert_refused(
		world, open_tls(world, listener, NULL, (struct port_tls_options){ 0 }),
		"certificate refused: it is for else.test and not for 127.0.0.1 (CN=wrong, issuer "
		"CN=good-ca, until 20# UTC); if it is the right one, set server_name to a name "
		"of it");
}

static void test_port_tls__says_when_the_peer_refuses(void **state)
{
	struct world *world = *state;
	uint64_t listener = serve(world, "good", file("good-ca.crt"));
	uint64_t client = open_tls(world, listener, "smsc.test", (struct port_tls_options){ 0 });
	struct seen *seen = await_down(world, client);

	assert_int_equal(seen->reason, PORT_DOWN_TLS);
	assert_string_equal(
		seen->text,
		"refused by the peer: it demands a certificate of ours (tlsv13 alert certificate "
		"required); set cert and key");
}

static void test_port_tls__says_when_the_peer_does_not_speak_tls(void **state)
{
	struct world *world = *state;
	uint64_t plain = listen_tcp(world, (struct port_listen){ 0 });
	uint64_t client = open_tls(world, plain, "smsc.test", (struct port_tls_options){ 0 });
	uint64_t server = await_accepted(world);

	port_write(world->port, server, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
	assert_refused(
		world, client,
		"the peer does not speak TLS (wrong version number); is it plain TCP on this port "
		"(tls: off)?");
}

static void test_port_tls__says_when_the_peer_leaves(void **state)
{
	struct world *world = *state;
	uint64_t plain = listen_tcp(world, (struct port_listen){ 0 });
	uint64_t client = open_tls(world, plain, "smsc.test", (struct port_tls_options){ 0 });

	port_close(world->port, await_accepted(world));
	assert_refused(
		world, client,
		"the peer closed during the handshake, without a word; is it plain TCP on this port "
		"(tls: off)?");
}

static void test_port_tls__handshake_has_a_deadline(void **state)
{
	struct world *world = *state;
	uint64_t plain = listen_tcp(world, (struct port_listen){ 0 });
	struct port_tls *tls = context((struct port_tls_options){ .ca_file = file("good-ca.crt") });
	uint64_t client = open_tcp(world, bound_port(world, plain),
				   (struct port_target){ .tls = tls, .tls_ms = 200 });

	port_tls_free(tls);
	struct seen *seen = await_down(world, client);

	assert_int_equal(seen->reason, PORT_DOWN_DEADLINE);
	assert_string_equal(
		seen->text,
		"no TLS handshake within 200 ms: the peer says nothing; is it plain TCP on this "
		"port?");
}

static void test_port_tls__sends_the_name_but_no_address(void **state)
{
	struct world *world = *state;
	uint64_t plain = listen_tcp(world, (struct port_listen){ 0 });

	/* A plain listener sees the greeting, in which the name stands in clear. */
	open_tls(world, plain, "smsc.test", (struct port_tls_options){ 0 });
	struct seen *named = seen(world, await_accepted(world));

	UNTIL(world, named->octets.n > 100);
	assert_non_null(memmem(named->octets.octets, named->octets.n, "smsc.test", 9));
	open_tls(world, plain, NULL, (struct port_tls_options){ 0 });
	struct seen *unnamed = seen(world, await_accepted(world));

	UNTIL(world, unnamed->octets.n > 100);
	assert_null(memmem(unnamed->octets.octets, unnamed->octets.n, "127.0.0.1", 9));
}

/* A plain client of a TLS listener: the caller sees one DOWN of a link that never was up. */
static void test_port_tls__reports_a_failed_handshake_of_a_client(void **state)
{
	struct world *world = *state;
	uint64_t listener = serve(world, "good", NULL);
	uint64_t client = open_tcp(world, bound_port(world, listener), (struct port_target){ 0 });

	port_write(world->port, client, "GET / HTTP/1.1\r\n\r\n", 18);
	UNTIL(world, world->seen_count == 2 && world->seen[0].down && world->seen[1].down);
	struct seen *server = &world->seen[world->seen[0].link == client ? 1 : 0];

	assert_false(server->up);
	assert_int_equal(server->reason, PORT_DOWN_TLS);
	assert_string_equal(server->text,
			    "the peer does not speak TLS (http request; ours is CN=good)");
}

/* An end without close_notify is an end, behind all that was sent before. */
static void test_port_tls__takes_an_end_without_goodbye(void **state)
{
	struct world *world = *state;
	uint64_t listener = serve(world, "good", NULL);
	uint64_t client = open_tls(world, listener, "smsc.test", (struct port_tls_options){ 0 });
	uint64_t server = await_accepted(world);

	await_up(world, client);
	write_all(world, client, 100);
	UNTIL(world, seen(world, client)->sent == 100);
	port_abort(world->port, client);
	assert_int_equal(await_down(world, server)->reason, PORT_DOWN_EOF);
	assert_int_equal(seen(world, server)->octets.n, 100);
}

/* ---- contexts ---- */

static void refuses_options(struct port_tls_options options, const char *text)
{
	char error[PORT_TEXT_OCTETS] = "";

	assert_null(port_tls_new(&options, error, sizeof(error)));
	if (strstr(error, text) == NULL)
		fail_msg("\"%s\" instead of \"%s\"", error, text);
}

static void test_port_tls__refuses_unusable_files(void **state)
{
	(void)state;
	refuses_options((struct port_tls_options){ .ca_file = file("nowhere") }, "/nowhere: ");
	refuses_options((struct port_tls_options){ .ca_file = file("good.key") }, "/good.key: ");
	refuses_options((struct port_tls_options){ .server = true },
			"cert and key are needed together");
	refuses_options((struct port_tls_options){ .cert_file = file("good.crt") },
			"cert and key are needed together");
	refuses_options((struct port_tls_options){ .cert_file = file("good.crt"),
						   .key_file = file("nowhere") },
			"/nowhere: No such file or directory");
	refuses_options((struct port_tls_options){ .cert_file = file("good.crt"),
						   .key_file = file("client.key") },
			"client.key: it is not the key of the certificate in /");
	refuses_options((struct port_tls_options){ .cert_file = file("good.crt"),
						   .key_file = file("open.key") },
			"others may read it (mode 0644)");
	refuses_options((struct port_tls_options){ .cert_file = file("good.crt"),
						   .key_file = file("locked.key") },
			"locked.key: ");
	refuses_options((struct port_tls_options){ .pin_sha256 = "abcd" },
			"pin_sha256 is not 64 hex digits");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_port_tls__carries_octets_both_ways),
		BOTH(test_port_tls__small_reads_do_not_get_stuck),
		BOTH(test_port_tls__close_flushes_and_says_goodbye),
		BOTH(test_port_tls__goes_on_reading_behind_its_own_end),
		BOTH(test_port_tls__counts_as_sent_only_whole_records),
		BOTH(test_port_tls__verifies_an_address),
		BOTH(test_port_tls__takes_the_pinned_key),
		BOTH(test_port_tls__unverified_takes_anything),
		BOTH(test_port_tls__shows_a_client_certificate),
		BOTH(test_port_tls__refuses_bad_certificates),
		BOTH(test_port_tls__refuses_another_address),
		BOTH(test_port_tls__says_when_the_peer_refuses),
		BOTH(test_port_tls__says_when_the_peer_does_not_speak_tls),
		BOTH(test_port_tls__says_when_the_peer_leaves),
		BOTH(test_port_tls__sends_the_name_but_no_address),
		BOTH(test_port_tls__handshake_has_a_deadline),
		BOTH(test_port_tls__reports_a_failed_handshake_of_a_client),
		BOTH(test_port_tls__takes_an_end_without_goodbye),
		cmocka_unit_test(test_port_tls__refuses_unusable_files),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
