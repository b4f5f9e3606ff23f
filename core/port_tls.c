/*
 * What encrypts: contexts, certificates and records, by OpenSSL, which no other file knows. It
 * decides nothing about links but whether a peer is the one that was meant, and says why not so
 * that somebody can act on it at night: what, which certificate, until when, what to do.
 *
 * SSL objects are driven directly, not through bufferevents: PORT_SENT must say exactly what the
 * kernel has taken. SSL_write of at most one record either returns, and then the whole record is in
 * the kernel, or it wants to be called again with the same octets, and then the peer cannot have
 * read any of them.
 */
#include "core/port_inside.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- TLS contexts ---- */

struct port_tls {
	atomic_int holders;
	SSL_CTX *context;
	bool server;
	bool pinned;
	uint8_t pin[32];
	struct port_tls_ends ends;
};

/* ---- certificates in words ---- */

/* "CN=smsc.example,O=Carrier" */
static void name_text(const X509_NAME *name, char *to, size_t room)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_read(bio, to, (int)room - 1);
	BIO_free(bio);
	to[n > 0 ? n : 0] = '\0';
}

/* Milliseconds since 1970; 0: not to be read. */
static int64_t time_ms(const ASN1_TIME *at)
{
	struct tm parts;

	if (at == NULL || ASN1_TIME_to_tm(at, &parts) != 1)
		return 0;
	return (int64_t)timegm(&parts) * 1000;
}

static void time_text(const ASN1_TIME *at, char to[24])
{
	struct tm parts;

	if (at == NULL || ASN1_TIME_to_tm(at, &parts) != 1 ||
	    strftime(to, 24, "%Y-%m-%d %H:%M UTC", &parts) == 0)
		snprintf(to, 24, "an unreadable date");
}

/* The sooner of two ends, of which 0 is none; the name goes with it. */
static void sooner_end(struct port_tls_end *end, const X509 *certificate)
{
	int64_t ms = time_ms(X509_get0_notAfter(certificate));

	if (ms == 0 || (end->ms != 0 && end->ms <= ms))
		return;
	end->ms = ms;
	name_text(X509_get_subject_name(certificate), end->subject, sizeof(end->subject));
}

static void store_end(SSL_CTX *context, struct port_tls_end *end)
{
	STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));

	for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
		const X509 *one = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));

		if (one != NULL)
			sooner_end(end, one);
	}
}

static void own_end(SSL_CTX *context, struct port_tls_end *end)
{
	STACK_OF(X509) *chain = NULL;

	sooner_end(end, SSL_CTX_get0_certificate(context));
	SSL_CTX_get0_chain_certs(context, &chain);
	for (int i = 0; i < sk_X509_num(chain); i++)
		sooner_end(end, sk_X509_value(chain, i));
}

static void peer_end(const SSL *ssl, struct port_tls_end *end)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	const X509 *certificate = SSL_get0_peer_certificate(ssl);

	if (certificate != NULL)
		sooner_end(end, certificate);
	for (int i = 0; i < sk_X509_num(chain); i++)
		sooner_end(end, sk_X509_value(chain, i));
}

void port_tls_ends(const struct port_tls *tls, struct port_tls_ends *ends)
{
	*ends = tls->ends;
}

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

static bool use_key(SSL_CTX *context, const struct port_tls_options *options, char *error,
		    size_t room)
{
	const char *path = options->key_file;
	struct stat file;

	if (stat(path, &file) != 0)
		snprintf(error, room, "key %s: %s", path, strerror(errno));
	else if ((file.st_mode & S_IRWXO) != 0)
		snprintf(error, room, "key %s: others may read it (mode %04o); chmod 0600 it", path,
			 (unsigned)file.st_mode & 07777u);
	else if (SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) == 1)
		return true;
	else if (ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH)
		snprintf(error, room, "key %s: it is not the key of the certificate in %s", path,
			 options->cert_file);
	else
		snprintf(error, room, "key %s: no PEM key without passphrase: %s", path,
			 tls_reason());
	return false;
}

static bool tls_use_files(SSL_CTX *context, const struct port_tls_options *options, char *error,
			  size_t room)
{
	if (options->ca_file != NULL &&
	    SSL_CTX_load_verify_locations(context, options->ca_file, NULL) != 1)
		snprintf(error, room, "ca %s: no certificates in PEM: %s", options->ca_file,
			 tls_reason());
	else if (options->ca_file == NULL && !options->server &&
		 SSL_CTX_set_default_verify_paths(context) != 1)
		snprintf(error, room, "the system's certificates: %s", tls_reason());
	else if ((options->cert_file == NULL) != (options->key_file == NULL) ||
		 (options->server && options->cert_file == NULL))
		snprintf(error, room, "cert and key are needed together");
	else if (options->cert_file == NULL)
		return true;
	else if (SSL_CTX_use_certificate_chain_file(context, options->cert_file) != 1)
		snprintf(error, room, "cert %s: no certificate in PEM: %s", options->cert_file,
			 tls_reason());
	else
		return use_key(context, options, error, room);
	return false;
}

static void find_ends(struct port_tls *tls, const struct port_tls_options *options)
{
	if (options->ca_file != NULL)
		store_end(tls->context, &tls->ends.ca);
	if (options->cert_file != NULL)
		own_end(tls->context, &tls->ends.own);
}

/* ---- why a certificate is refused ---- */

static const char renew[] = "its owner has to renew it; or this machine's clock is wrong";
static const char trust[] = "if it is the right one, put the issuer's certificate into the file ca";
static const char other_name[] = "if it is the right one, set server_name to a name of it";

static const struct {
	int verdict;
	const char *what; /* NULL: it is for other names */
	const char *advice;
} verdicts[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED, "it has expired", renew },
	{ X509_V_ERR_CERT_NOT_YET_VALID, "it is not valid yet", "is this machine's clock right?" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "it is self-signed",
	  "if it is the right one, put it into the file ca" },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "its issuer is not trusted", trust },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "its issuer is not trusted", trust },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "its issuer is not trusted", trust },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "its issuer is not trusted", trust },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE, "its issuer has another key than the one in ca",
	  trust },
	{ X509_V_ERR_HOSTNAME_MISMATCH, NULL, other_name },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH, NULL, other_name },
	{ X509_V_ERR_EE_KEY_TOO_SMALL, "its key is too short", renew },
	{ X509_V_ERR_CA_KEY_TOO_SMALL, "its issuer's key is too short", renew },
	{ X509_V_ERR_CA_MD_TOO_WEAK, "its signature is too weak", renew },
	{ X509_V_ERR_INVALID_PURPOSE, "it is not made for this use",
	  "ask its owner for one with the right extendedKeyUsage" },
};

/* "CN=smsc, issuer CN=ca, until 2026-12-01 08:00 UTC" */
static void describe(const X509 *certificate, char *to, size_t room)
{
	char subject[64] = "", issuer[48] = "", until[24] = "";

	name_text(X509_get_subject_name(certificate), subject, sizeof(subject));
	name_text(X509_get_issuer_name(certificate), issuer, sizeof(issuer));
	time_text(X509_get0_notAfter(certificate), until);
	snprintf(to, room, "%s, issuer %s, until %s", subject, issuer, until);
}

/* The names and addresses that it is for, as many as there is room for. */
static void names_text(const X509 *certificate, char *to, size_t room)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t n = 0;

	to[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && n + 1 < room; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		char address[INET6_ADDRSTRLEN] = "";
		const char *text = NULL;
		int kind;
		const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &kind);

		if (kind == GEN_DNS)
			text = (const char *)ASN1_STRING_get0_data(value);
		else if (kind == GEN_IPADD)
			text = inet_ntop(ASN1_STRING_length(value) == 4 ? AF_INET : AF_INET6,
					 ASN1_STRING_get0_data(value), address, sizeof(address));
		if (text != NULL)
			n += (size_t)snprintf(to + n, room - n, "%s%s", n > 0 ? " and " : "", text);
	}
	GENERAL_NAMES_free(names);
	if (n == 0)
		snprintf(to, room, "no name at all");
}

/* Each certificate of a chain; the first that is refused is told, and the handshake ends. */
static int on_verify(int good, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct port_link *link = ssl != NULL ? SSL_get_app_data(ssl) : NULL;
	X509 *certificate = X509_STORE_CTX_get_current_cert(store);
	int verdict = X509_STORE_CTX_get_error(store);
	const char *what = X509_verify_cert_error_string(verdict), *advice = "";
	char names[80], which[160];

	if (good || link == NULL || certificate == NULL)
		return good;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		if (verdicts[i].verdict != verdict)
			continue;
		what = verdicts[i].what;
		advice = verdicts[i].advice;
	}
	describe(certificate, which, sizeof(which));
	names_text(certificate, names, sizeof(names));
	if (what != NULL)
		snprintf(link->refusal, sizeof(link->refusal), "certificate refused: %s (%s)%s%s",
			 what, which, *advice != '\0' ? "; " : "", advice);
	else
		snprintf(link->refusal, sizeof(link->refusal),
			 "certificate refused: it is for %s and not for %s (%s); %s", names,
			 port_link_name(link), which, advice);
	return 0;
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
	SSL_CTX_set_verify(context, verify, on_verify);
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
		if (tls_use_files(tls->context, options, error, room)) {
			find_ends(tls, options);
			return tls;
		}
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
	SSL_set_app_data(link->ssl, link);
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

static void pin_text(const uint8_t digest[32], char to[65])
{
	for (size_t i = 0; i < 32; i++)
		snprintf(to + 2 * i, 3, "%02x", digest[i]);
}

/* "TLSv1.3 TLS_AES_256_GCM_SHA384 CN=smsc.example pin 0011...": what status and logs show. */
static void tls_describe(struct port_link *link)
{
	X509 *certificate = SSL_get0_peer_certificate(link->ssl);
	char subject[64] = "";
	char pin[65] = "";
	uint8_t digest[32];

	if (certificate != NULL && peer_pin(link->ssl, digest)) {
		name_text(X509_get_subject_name(certificate), subject, sizeof(subject));
		pin_text(digest, pin);
	}
	peer_end(link->ssl, &link->peer_end);
	snprintf(link->tls_text, sizeof(link->tls_text), "%s %s%s%s%s%s",
		 SSL_get_version(link->ssl), SSL_get_cipher_name(link->ssl),
		 subject[0] != '\0' ? " " : "", subject, pin[0] != '\0' ? " pin " : "", pin);
}

/* ---- why a handshake fails ---- */

static const char old_peer[] = "it speaks no TLS 1.2 or later";
static const char plain_peer[] = "is it plain TCP on this port (tls: off)?";

/* What an alert of the peer, or our own error, means for who configures the link. */
static const struct {
	int reason;
	const char *what, *advice;
} reasons[] = {
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "it demands a certificate of ours",
	  "set cert and key" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
	  "it demands a certificate of ours, or has no cipher in common with us",
	  "set cert and key, or ask its operator" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, old_peer, "ask its operator" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, old_peer, "ask its operator" },
	{ SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY, "our ciphers are too weak for it",
	  "ask its operator" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, "it does not trust the issuer of our certificate",
	  "give its operator that issuer's certificate, or set another cert" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "it does not take our certificate",
	  "set another cert and key, or ask its operator" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "it does not take our certificate",
	  "set another cert and key, or ask its operator" },
	{ SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "it does not take certificates like ours",
	  "set another cert and key, or ask its operator" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "our certificate has expired",
	  "renew cert, then: esmectl reload" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "our certificate was revoked",
	  "renew cert, then: esmectl reload" },
	{ SSL_R_TLSV1_ALERT_ACCESS_DENIED, "it does not let our certificate in",
	  "ask its operator" },
	{ SSL_R_TLSV1_UNRECOGNIZED_NAME, "it does not know the name we asked for",
	  "set server_name" },
	{ SSL_R_WRONG_VERSION_NUMBER, "the peer does not speak TLS", plain_peer },
	{ SSL_R_HTTP_REQUEST, "the peer does not speak TLS", "" },
};

static void failed_by_reason(struct port_link *link, int reason)
{
	enum {
		FIRST_ALERT = 1000
	}; /* reasons from here on are alerts that the peer sent */
	const char *whose = reason >= FIRST_ALERT ? "refused by the peer: " : "";
	const char *own = link->tls->ends.own.subject;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].reason != reason)
			continue;
		port_link_down(link, PORT_DOWN_TLS, "%s%s (%s%s%s)%s%s", whose, reasons[i].what,
			       tls_reason(), own[0] != '\0' ? "; ours is " : "", own,
			       reasons[i].advice[0] != '\0' ? "; " : "", reasons[i].advice);
		return;
	}
	port_link_down(link, PORT_DOWN_TLS, "%s%s", whose, tls_reason());
}

bool port_tls_silent(const struct port_link *link)
{
	return BIO_number_read(SSL_get_rbio(link->ssl)) == 0;
}

/* The handshake, or TLS later on, failed: says whose refusal it was and why. */
static void tls_failed(struct port_link *link, int result)
{
	int error = SSL_get_error(link->ssl, result);
	int reason = ERR_GET_REASON(ERR_peek_error());

	if (error == SSL_ERROR_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED &&
	    link->refusal[0] != '\0')
		port_link_down(link, PORT_DOWN_TLS, "%s", link->refusal);
	else if (error == SSL_ERROR_SSL)
		failed_by_reason(link, reason);
	else if (link->state == LINK_TLS && port_tls_silent(link))
		port_link_down(link, PORT_DOWN_TLS,
			       "the peer closed during the handshake, without a word; %s",
			       plain_peer);
	else if (link->state == LINK_TLS)
		port_link_down(link, PORT_DOWN_TLS, "the peer closed during the handshake");
	else if (error == SSL_ERROR_ZERO_RETURN || errno == 0)
		port_link_down(link, PORT_DOWN_EOF, "closed by the peer");
	else
		port_link_down(link, PORT_DOWN_RESET, "%s", strerror(errno));
}

static bool right_key(struct port_link *link)
{
	X509 *certificate = SSL_get0_peer_certificate(link->ssl);
	uint8_t digest[32] = { 0 };
	char pin[65], which[160] = "";

	if (!link->tls->pinned || (peer_pin(link->ssl, digest) &&
				   CRYPTO_memcmp(digest, link->tls->pin, sizeof(digest)) == 0))
		return true;
	pin_text(digest, pin);
	if (certificate != NULL)
		describe(certificate, which, sizeof(which));
	port_link_down(link, PORT_DOWN_TLS,
		       "certificate refused: its key is not the pinned one (%s); if the key was "
		       "changed on purpose, set pin to %s",
		       which, pin);
	return false;
}

bool port_tls_handshake(struct port_link *link)
{
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
	if (!right_key(link))
		return false;
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

bool port_sha256(const void *octets, size_t n, uint8_t digest[PORT_SHA256_OCTETS])
{
	return EVP_Digest(octets, n, digest, NULL, EVP_sha256(), NULL) == 1;
}
