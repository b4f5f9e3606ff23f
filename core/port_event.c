/*
 * What waits and what encrypts: watches and the loop by libevent, contexts and records by OpenSSL.
 * No other file knows the two. It decides nothing about links: port_io.c does. See port_inside.h.
 *
 * Sockets and SSL objects are driven directly, not through bufferevents: PORT_SENT must say exactly
 * what the kernel has taken. SSL_write of at most one record either returns, and then the whole
 * record is in the kernel, or it wants to be called again with the same octets, and then the peer
 * cannot have read any of them.
 */
#include "core/port_inside.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- watches ---- */

struct port_watch {
	struct port_loop *loop;
	port_watch_call *call;
	void *owner;
	struct event readable;
	struct event writable;
	struct event timer;
	bool reading;
	bool writing;
};

struct port_loop {
	struct event_base *base;
	struct event wait_over;
	port_watch_call *signalled;
	void *owner;
	struct event signals[PORT_SIGNALS];
};

static struct timeval duration(int64_t ms)
{
	return (struct timeval){ .tv_sec = (time_t)(ms / 1000),
				 .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
	struct port_watch *watch = argument;

	(void)fd, (void)what;
	watch->call(watch->owner, PORT_READABLE);
}

static void on_writable(evutil_socket_t fd, short what, void *argument)
{
	struct port_watch *watch = argument;

	(void)fd, (void)what;
	watch->call(watch->owner, PORT_WRITABLE);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct port_watch *watch = argument;

	(void)fd, (void)what;
	watch->call(watch->owner, PORT_TIMER);
}

struct port_watch *port_watch_new(struct port_loop *loop, port_watch_call *call, void *owner)
{
	struct port_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	watch->loop = loop;
	watch->call = call;
	watch->owner = owner;
	evtimer_assign(&watch->timer, loop->base, on_timer, watch);
	port_watch_fd(watch, -1);
	return watch;
}

void port_watch_free(struct port_watch *watch)
{
	if (watch == NULL)
		return;
	port_watch_want(watch, false, false);
	event_del(&watch->readable); /* it may be active without being armed */
	event_del(&watch->timer);
	free(watch);
}

void port_watch_fd(struct port_watch *watch, int fd)
{
	if (watch->reading)
		event_del(&watch->readable);
	if (watch->writing)
		event_del(&watch->writable);
	watch->reading = watch->writing = false;
	event_assign(&watch->readable, watch->loop->base, fd, EV_READ | EV_PERSIST, on_readable,
		     watch);
	event_assign(&watch->writable, watch->loop->base, fd, EV_WRITE | EV_PERSIST, on_writable,
		     watch);
}

static bool want(struct event *event, bool *armed, bool wanted)
{
	if (*armed == wanted)
		return true;
	if ((wanted ? event_add(event, NULL) : event_del(event)) != 0)
		return false;
	*armed = wanted;
	return true;
}

bool port_watch_want(struct port_watch *watch, bool readable, bool writable)
{
	return want(&watch->readable, &watch->reading, readable) &&
	       want(&watch->writable, &watch->writing, writable);
}

void port_watch_again(struct port_watch *watch)
{
	event_active(&watch->readable, EV_READ, 0);
}

bool port_watch_timer(struct port_watch *watch, int64_t ms)
{
	struct timeval after = duration(ms > 0 ? ms : 0);

	event_del(&watch->timer);
	return ms < 0 || event_add(&watch->timer, &after) == 0;
}

/* ---- the loop ---- */

static void on_wait_over(evutil_socket_t fd, short what, void *argument)
{
	(void)fd, (void)what, (void)argument;
}

static void on_signal(evutil_socket_t signo, short what, void *argument)
{
	struct port_loop *loop = argument;

	(void)what;
	loop->signalled(loop->owner, (int)signo);
}

static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config == NULL)
		return NULL;
	/*
	 * One thread at a time uses it, so it needs no lock. No change list: it would speak of
	 * descriptors after they were closed.
	 */
	if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER) ==
	    0)
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

struct port_loop *port_loop_new(port_watch_call *signalled, void *owner)
{
	struct port_loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return NULL;
	loop->owner = owner;
	loop->base = new_base();
	if (loop->base == NULL) {
		free(loop);
		return NULL;
	}
	evtimer_assign(&loop->wait_over, loop->base, on_wait_over, loop);
	for (size_t i = 0; signalled != NULL && i < PORT_SIGNALS; i++) {
		evsignal_assign(&loop->signals[i], loop->base, port_signals[i], on_signal, loop);
		if (event_add(&loop->signals[i], NULL) != 0) {
			port_loop_free(loop);
			return NULL;
		}
		loop->signalled = signalled;
	}
	return loop;
}

void port_loop_free(struct port_loop *loop)
{
	for (size_t i = 0; loop->signalled != NULL && i < PORT_SIGNALS; i++) {
		if (event_initialized(&loop->signals[i]))
			event_del(&loop->signals[i]);
	}
	event_base_free(loop->base);
	free(loop);
}

void port_loop_run(struct port_loop *loop, int64_t wait_ms)
{
	struct timeval after = duration(wait_ms > 0 ? wait_ms : 0);

	if (wait_ms > 0 && event_add(&loop->wait_over, &after) != 0)
		wait_ms = 0;
	event_base_loop(loop->base, wait_ms == 0 ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
	event_del(&loop->wait_over);
}

/* ---- TLS contexts ---- */

struct port_tls {
	atomic_int holders;
	SSL_CTX *context;
	bool server;
	bool pinned;
	uint8_t pin[32];
};

void port_tls_free(struct port_tls *tls)
{
	if (tls == NULL || atomic_fetch_sub(&tls->holders, 1) > 1)
		return;
	SSL_CTX_free(tls->context);
	free(tls);
}

struct port_tls *port_tls_hold(const struct port_tls *tls)
{
	struct port_tls *ours = (struct port_tls *)(uintptr_t)tls;

	if (ours != NULL)
		atomic_fetch_add(&ours->holders, 1);
	return ours;
}

/* OpenSSL's first reason in words. */
static const char *tls_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	return reason != NULL ? reason : "TLS failed";
}

/* Without this OpenSSL would ask for a passphrase on the terminal. */
static int no_passphrase(char *to, int n, int writing, void *unused)
{
	(void)to, (void)n, (void)writing, (void)unused;
	return -1;
}

static bool tls_use_files(SSL_CTX *context, const struct port_tls_options *options, char *error,
			  size_t room)
{
	struct stat file;

	if (options->ca_file != NULL &&
	    SSL_CTX_load_verify_locations(context, options->ca_file, NULL) != 1)
		snprintf(error, room, "ca_file %s: %s", options->ca_file, tls_reason());
	else if (options->ca_file == NULL && !options->server &&
		 SSL_CTX_set_default_verify_paths(context) != 1)
		snprintf(error, room, "the system's certificates: %s", tls_reason());
	else if ((options->cert_file == NULL) != (options->key_file == NULL) ||
		 (options->server && options->cert_file == NULL))
		snprintf(error, room, "cert_file and key_file are needed together");
	else if (options->cert_file == NULL)
		return true;
	else if (SSL_CTX_use_certificate_chain_file(context, options->cert_file) != 1)
		snprintf(error, room, "cert_file %s: %s", options->cert_file, tls_reason());
	else if (stat(options->key_file, &file) != 0)
		snprintf(error, room, "key_file %s: %s", options->key_file, strerror(errno));
	else if ((file.st_mode & S_IRWXO) != 0)
		snprintf(error, room, "key_file %s: others may read it (mode %04o)",
			 options->key_file, (unsigned)file.st_mode & 07777u);
	else if (SSL_CTX_use_PrivateKey_file(context, options->key_file, SSL_FILETYPE_PEM) != 1 ||
		 SSL_CTX_check_private_key(context) != 1)
		snprintf(error, room, "key_file %s: %s", options->key_file, tls_reason());
	else
		return true;
	return false;
}

static void tls_set_rules(SSL_CTX *context, const struct port_tls_options *options)
{
	int verify = SSL_VERIFY_PEER;

	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2");
	/*
	 * An end without goodbye is an end like any other: the protocols above are length-framed.
	 */
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					     SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(context,
			 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_verify_depth(context, 4);
	SSL_CTX_set_default_passwd_cb(context, no_passphrase);
	if (options->server)
		verify = options->ca_file == NULL ?
				 SSL_VERIFY_NONE :
				 SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	else if (options->unverified)
		verify = SSL_VERIFY_NONE;
	SSL_CTX_set_verify(context, verify, NULL);
}

static bool read_pin(struct port_tls *tls, const char *hex)
{
	if (hex == NULL)
		return true;
	if (strlen(hex) != 64 || strspn(hex, "0123456789abcdefABCDEF") != 64)
		return false;
	for (size_t i = 0; i < 32; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		tls->pin[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	tls->pinned = true;
	return true;
}

struct port_tls *port_tls_new(const struct port_tls_options *options, char *error, size_t room)
{
	struct port_tls *tls = calloc(1, sizeof(*tls));

	if (tls == NULL) {
		snprintf(error, room, "out of memory");
		return NULL;
	}
	ERR_clear_error();
	atomic_init(&tls->holders, 1);
	tls->server = options->server;
	tls->context = SSL_CTX_new(options->server ? TLS_server_method() : TLS_client_method());
	if (tls->context == NULL) {
		snprintf(error, room, "%s", tls_reason());
	} else if (!read_pin(tls, options->pin_sha256)) {
		snprintf(error, room, "pin_sha256 is not 64 hex digits");
	} else {
		tls_set_rules(tls->context, options);
		if (tls_use_files(tls->context, options, error, room))
			return tls;
	}
	port_tls_free(tls);
	return NULL;
}

/* ---- TLS on a link ---- */

static bool set_up(struct port_link *link)
{
	unsigned char address[16];

	link->ssl = SSL_new(link->tls->context);
	if (link->ssl == NULL || SSL_set_fd(link->ssl, link->fd) != 1)
		return false;
	if (link->tls->server) {
		SSL_set_accept_state(link->ssl);
		return true;
	}
	const char *name = port_link_name(link);

	SSL_set_connect_state(link->ssl);
	SSL_set_hostflags(link->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(link->ssl), name) == 1;
	return SSL_set1_host(link->ssl, name) == 1 &&
	       SSL_set_tlsext_host_name(link->ssl, name) == 1;
}

bool port_tls_begin(struct port_link *link)
{
	ERR_clear_error();
	if (set_up(link))
		return true;
	port_link_down(link, PORT_DOWN_TLS, "%s: %s", port_link_name(link), tls_reason());
	return false;
}

static bool peer_pin(const SSL *ssl, uint8_t digest[32])
{
	X509 *certificate = SSL_get0_peer_certificate(ssl);
	unsigned char *key = NULL;
	int n = certificate != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key) : 0;
	bool good = n > 0 && EVP_Digest(key, (size_t)n, digest, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(key);
	return good;
}

/* "TLSv1.3 TLS_AES_256_GCM_SHA384 CN=smsc.example pin 0011...": what status and logs show. */
static void tls_describe(struct port_link *link)
{
	X509 *certificate = SSL_get0_peer_certificate(link->ssl);
	char subject[64] = "";
	char pin[65] = "";
	uint8_t digest[32];

	if (certificate != NULL && peer_pin(link->ssl, digest)) {
		BIO *bio = BIO_new(BIO_s_mem());

		if (bio != NULL) {
			X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
					   XN_FLAG_RFC2253);
			BIO_read(bio, subject, sizeof(subject) - 1);
			BIO_free(bio);
		}
		for (size_t i = 0; i < sizeof(digest); i++)
			snprintf(pin + 2 * i, 3, "%02x", digest[i]);
	}
	snprintf(link->tls_text, sizeof(link->tls_text), "%s %s%s%s%s%s",
		 SSL_get_version(link->ssl), SSL_get_cipher_name(link->ssl),
		 subject[0] != '\0' ? " " : "", subject, pin[0] != '\0' ? " pin " : "", pin);
}

/* The handshake, or TLS later on, failed: says whose refusal it was and why. */
static void tls_failed(struct port_link *link, int result)
{
	enum {
		FIRST_ALERT = 1000
	}; /* reasons from here on are alerts that the peer sent */
	int error = SSL_get_error(link->ssl, result);
	long verdict = SSL_get_verify_result(link->ssl);
	int reason = ERR_GET_REASON(ERR_peek_error());

	if (error == SSL_ERROR_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED &&
	    (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH))
		port_link_down(link, PORT_DOWN_TLS, "certificate refused: %s: it is not for %s",
			       X509_verify_cert_error_string(verdict), port_link_name(link));
	else if (error == SSL_ERROR_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
		port_link_down(link, PORT_DOWN_TLS, "certificate refused: %s",
			       X509_verify_cert_error_string(verdict));
	else if (error == SSL_ERROR_SSL && reason >= FIRST_ALERT)
		port_link_down(link, PORT_DOWN_TLS, "refused by the peer: %s", tls_reason());
	else if (error == SSL_ERROR_SSL &&
		 (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST))
		port_link_down(link, PORT_DOWN_TLS, "the peer does not speak TLS: %s",
			       tls_reason());
	else if (error == SSL_ERROR_SSL)
		port_link_down(link, PORT_DOWN_TLS, "%s", tls_reason());
	else if (link->state == LINK_TLS)
		port_link_down(link, PORT_DOWN_TLS, "the peer closed during the handshake");
	else if (error == SSL_ERROR_ZERO_RETURN || errno == 0)
		port_link_down(link, PORT_DOWN_EOF, "closed by the peer");
	else
		port_link_down(link, PORT_DOWN_RESET, "%s", strerror(errno));
}

bool port_tls_handshake(struct port_link *link)
{
	uint8_t pin[32];

	ERR_clear_error();
	errno = 0;
	int result = SSL_do_handshake(link->ssl);
	int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(link->ssl, result);

	link->tls_wants_write = error == SSL_ERROR_WANT_WRITE;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return false;
	if (error != SSL_ERROR_NONE) {
		tls_failed(link, result);
		return false;
	}
	if (link->tls->pinned &&
	    (!peer_pin(link->ssl, pin) || CRYPTO_memcmp(pin, link->tls->pin, sizeof(pin)) != 0)) {
		port_link_down(link, PORT_DOWN_TLS,
			       "certificate refused: its key is not the pinned one");
		return false;
	}
	tls_describe(link);
	return true;
}

size_t port_tls_read(struct port_link *link, uint8_t *to, size_t room)
{
	size_t n = 0;

	link->tls_wants_write = false;
	while (n < room) {
		ERR_clear_error();
		errno = 0;
		int got = SSL_read(link->ssl, to + n, (int)(room - n));

		if (got > 0) {
			n += (size_t)got;
			continue;
		}
		int error = SSL_get_error(link->ssl, got);
		bool wait = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;

		link->tls_wants_write = error == SSL_ERROR_WANT_WRITE;
		/* An end behind octets is found again by the next call, which must come. */
		link->tls_more = n > 0 && !wait;
		if (n == 0 && error == SSL_ERROR_ZERO_RETURN)
			port_link_ended(link);
		else if (n == 0 && !wait)
			tls_failed(link, got);
		return n;
	}
	link->tls_more = SSL_pending(link->ssl) > 0;
	return n;
}

ssize_t port_tls_write(struct port_link *link, const uint8_t *octets, size_t n)
{
	ERR_clear_error();
	errno = 0;
	int taken = SSL_write(link->ssl, octets, (int)n);

	if (taken > 0)
		return taken;
	int error = SSL_get_error(link->ssl, taken);

	if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ)
		return 0;
	if (errno == 0)
		errno = EPIPE;
	return -1;
}

void port_tls_goodbye(struct port_link *link)
{
	ERR_clear_error();
	SSL_shutdown(link->ssl);
}

void port_tls_end(struct port_link *link)
{
	SSL_free(link->ssl);
	link->ssl = NULL;
}

/* ---- digests ---- */

void port_sha256(const void *octets, size_t n, uint8_t digest[PORT_SHA256_OCTETS])
{
	SHA256(octets, n, digest);
}
