/*
 * smsc-sim: an SMSC to test against. This file is the process: options, the port, signals, the
 * loop, the end. What the SMSC does is in tools/sim_smsc.h and its files.
 *
 * Exit status: 0 ended as asked, 1 something failed at run time, 2 the command line is wrong, 3 the
 * peer broke the protocol (--strict).
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/port.h"
#include "tools/sim_control.h"
#include "tools/sim_log.h"
#include "tools/sim_options.h"
#include "tools/sim_replay.h"
#include "tools/sim_smsc.h"

/* How long links may take to unbind at the end. */
#define FAREWELL_MS 1000

/* How long after a call was refused, or ended, the ESME is called again. */
#define REDIAL_MS 1000

/* How long generated certificates are good for. */
#define CERTIFICATE_DAYS 30

struct sim {
	struct sim_options options;
	struct port *port;
	struct port_tls *tls;
	struct sim_log log;
	struct sim_smsc smsc;
	struct sim_control control;
	uint64_t listener;
	uint64_t called;	   /* the link of --outbind; 0: none */
	int64_t redial_ms;	   /* when it is made again */
	struct sim_script outbind; /* what is said on it */
	int64_t started_ms;
	int64_t end_ms; /* when the loop ends at the latest */
	bool leaving;	/* links are being unbound */
};

static struct sim sim; /* the accounts make it too large for the stack */

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("smsc-sim: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* A fresh CA, and its certificates for this machine by every name that it has for itself. */
static void make_certificates(void)
{
	static char certificate[4096], key[4096], ca[4096];
	const char *hosts[] = { "localhost", "127.0.0.1", "::1", sim.options.listen_host };
	size_t n = sizeof(hosts) / sizeof(hosts[0]);
	char error[PORT_TEXT_OCTETS] = "";

	for (size_t i = 0; i + 1 < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (strcmp(hosts[i], sim.options.listen_host) == 0)
			n = sizeof(hosts) / sizeof(hosts[0]) - 1;
	if (!port_certify(sim.options.tls_folder, hosts, n, CERTIFICATE_DAYS, error, sizeof(error)))
		fail("--tls-generate: %s", error);
	snprintf(certificate, sizeof(certificate), "%s/server.pem", sim.options.tls_folder);
	snprintf(key, sizeof(key), "%s/server.key", sim.options.tls_folder);
	snprintf(ca, sizeof(ca), "%s/ca.pem", sim.options.tls_folder);
	sim.options.tls_cert_file = certificate;
	sim.options.tls_key_file = key;
	if (sim.options.tls_require_client)
		sim.options.tls_client_ca_file = ca;
}

static void start_listening(void)
{
	char error[PORT_TEXT_OCTETS] = "";
	struct port_listen listen = {
		.host = sim.options.listen_host,
		.port = sim.options.listen_port,
		.group = (gid_t)-1,
		.connections_max = SIM_LINKS_MAX,
	};

	if (sim.options.tls_folder != NULL)
		make_certificates();
	if (sim.options.tls_cert_file != NULL) {
		struct port_tls_options tls = { .server = true,
						.ca_file = sim.options.tls_client_ca_file,
						.cert_file = sim.options.tls_cert_file,
						.key_file = sim.options.tls_key_file };

		sim.tls = port_tls_new(&tls, error, sizeof(error));
		if (sim.tls == NULL)
			fail("%s", error);
		listen.tls = sim.tls;
	}
	sim.listener = port_listen(sim.port, &listen, error, sizeof(error));
	if (sim.listener == 0)
		fail("%s", error);
}

static void log_start(void)
{
	struct json_writer writer;

	if (!sim_log_wanted(&sim.log))
		return;
	writer = sim_log_begin(&sim.log, "start", sim.started_ms);
	json_add_text(&writer, "version", ESMED_VERSION);
	json_add_text(&writer, "address", port_listen_address(sim.port, sim.listener));
	json_add_uint(&writer, "seed", sim.options.seed);
	json_add_uint(&writer, "first_id", sim.smsc.next_id);
	sim_log_end(&sim.log, &writer);
	sim_log_flush(&sim.log);
}

/* Rows of the profile, of the capture, of the file, in this order. */
static void read_scripts(struct sim_script *script)
{
	const struct sim_options *options = &sim.options;
	struct buffer replay = { 0 };
	bool good = true;

	if (options->profile_script != NULL)
		good = sim_script_read_text(script, "profile", options->profile_script,
					    strlen(options->profile_script));
	if (options->replay_file != NULL && !sim_replay_read(options->replay_file, &replay))
		exit(1);
	if (options->show_script) {
		fwrite(replay.octets, 1, replay.n, stdout);
		exit(0);
	}
	if (replay.n > 0)
		good &= sim_script_read_text(script, options->replay_file,
					     (const char *)replay.octets, replay.n);
	buffer_release(&replay);
	if (options->script_file != NULL)
		good &= sim_script_read(script, options->script_file);
	if (!good)
		exit(2);
}

static void start_control(void)
{
	char error[PORT_TEXT_OCTETS] = "";

	if (sim.options.control == NULL)
		return;
	if (!sim_control_listen(&sim.control, sim.port, &sim.smsc, sim.options.control, error))
		fail("%s", error);
	printf("control on %s\n", sim_control_address(&sim.control));
}

/* ---- outbind ---- */

/* The steps of a call; the password in hexadecimal, for it may hold anything. */
static void prepare_outbind(void)
{
	const char *password = sim.options.password == NULL ? "" : sim.options.password;
	struct sim_mistake mistake = { 0 };
	struct buffer steps = { 0 };

	buffer_text(&steps, "send outbind system_id=smsc-sim password=\"");
	for (; *password != '\0'; password++)
		buffer_format(&steps, "\\x%02x", (unsigned char)*password);
	buffer_text(&steps, "\"");
	if (steps.failed ||
	    !sim_script_read_steps(&sim.outbind, (const char *)steps.octets, steps.n, &mistake))
		fail("--outbind: %s", mistake.text);
	buffer_release(&steps);
	sim.redial_ms = sim.started_ms;
}

static void dial(void)
{
	struct port_address address = { .host = sim.options.outbind_host,
					.port = sim.options.outbind_port };
	struct port_target target = { .addresses = &address, .address_count = 1 };

	sim.redial_ms = INT64_MAX;
	sim.called = port_open(sim.port, &target);
	if (sim.called == 0)
		fail("--outbind: out of memory");
}

static void start(void)
{
	/* One thread: a simulator that shares a core with what it measures has no use for two. */
	struct port_options options = { .one_thread = true, .signals = true };
	struct sim_script script = { 0 };

	read_scripts(&script);
	sim.port = port_new(&options);
	if (sim.port == NULL)
		fail("out of memory");
	if (!sim_log_open(&sim.log, sim.port, sim.options.log_file, sim.options.log_text))
		fail("%s: %s", sim.options.log_file, strerror(errno));
	sim_smsc_init(&sim.smsc, sim.port, &sim.log, &sim.options, script);
	start_listening();
	sim.started_ms = port_now_ms(sim.port);
	sim.end_ms = INT64_MAX;
	sim.redial_ms = INT64_MAX;
	if (sim.options.outbind_host[0] != '\0')
		prepare_outbind();
	if (sim.options.max_seconds != 0)
		sim.end_ms = sim.started_ms + (int64_t)sim.options.max_seconds * 1000;
	log_start();
	printf("listening on %s\n", port_listen_address(sim.port, sim.listener));
	start_control();
	fflush(stdout);
}

/* Behind what the SMSC makes of the event. */
static void on_called(const struct port_event *event)
{
	struct sim_link *link = sim_smsc_link(&sim.smsc, sim.called);

	if (event->kind == PORT_UP && link != NULL)
		sim_act_now(&sim.smsc, link, &sim.outbind.rules[0]);
	if (event->kind != PORT_DOWN)
		return;
	sim.called = 0;
	if (!sim.leaving)
		sim.redial_ms = event->at_ms + REDIAL_MS;
}

static void print_stats(void)
{
	struct buffer line = { 0 };

	sim_smsc_stats(&sim.smsc, port_now_ms(sim.port) - sim.started_ms, &line);
	fwrite(line.octets, 1, line.n, stdout);
	fflush(stdout);
	buffer_release(&line);
}

/* Begins the end, or, asked again, ends. */
static void leave(void)
{
	int64_t farewell_ms = port_now_ms(sim.port) + FAREWELL_MS;

	if (sim.leaving)
		farewell_ms = 0;
	else
		sim_smsc_unbind(&sim.smsc);
	sim.leaving = true;
	port_listen_close(sim.port, sim.listener);
	if (farewell_ms < sim.end_ms)
		sim.end_ms = farewell_ms;
}

static void on_signal(int signo)
{
	if (signo == SIGUSR1)
		print_stats();
	else if (signo != SIGHUP)
		leave();
}

static void handle(const struct port_event *event)
{
	if (sim_control_event(&sim.control, event))
		return;
	if (event->kind == PORT_SIGNAL) {
		on_signal(event->signo);
		return;
	}
	sim_smsc_event(&sim.smsc, event);
	if (event->link == sim.called)
		on_called(event);
}

static bool done(void)
{
	if (sim.leaving && sim.smsc.by_id == NULL)
		return true;
	return port_now_ms(sim.port) >= sim.end_ms;
}

static void turn(void)
{
	struct port_event event;
	int64_t until_ms = sim_smsc_deadline_ms(&sim.smsc);

	if (sim_control_deadline_ms(&sim.control) < until_ms)
		until_ms = sim_control_deadline_ms(&sim.control);
	if (sim.redial_ms < until_ms)
		until_ms = sim.redial_ms;
	port_wait(sim.port, until_ms < sim.end_ms ? until_ms : sim.end_ms);
	while (port_next(sim.port, &event))
		handle(&event);
	if (port_now_ms(sim.port) >= sim.redial_ms)
		dial();
	sim_control_tick(&sim.control, port_now_ms(sim.port));
	sim_smsc_turn(&sim.smsc);
	if (!sim.leaving && sim.options.stop_after != 0 &&
	    sim.smsc.stats.accepted >= sim.options.stop_after && sim_smsc_settled(&sim.smsc)) {
		leave();
		sim_smsc_turn(&sim.smsc);
	}
}

int main(int argc, char **argv)
{
	sim_options_read(&sim.options, argc, argv);
	start();
	while (!done())
		turn();
	sim_log_close(&sim.log);
	print_stats();
	sim_smsc_release(&sim.smsc);
	sim_control_release(&sim.control);
	sim_script_release(&sim.outbind);
	port_tls_free(sim.tls);
	port_free(sim.port);
	return sim.smsc.stats.breaches == 0 ? 0 : 3;
}
