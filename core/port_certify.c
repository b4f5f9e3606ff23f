/*
 * Certificates for tests, made afresh: a CA, and a server's and a client's that it signs. Of the
 * port because the library that can is hidden here; linked only where it is asked for, which the
 * daemon never does.
 */
#include "core/port.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EARLY_S	     3600L /* clocks differ */
#define SERIAL_BITS  64
#define X509_V3	     2 /* counted from 0 */
#define SUBJECT_ALTS 1024

/* One certificate and its key. */
struct paper {
	EVP_PKEY *key;
	X509 *certificate;
};

struct making {
	const char *folder;
	uint32_t days;
	char *error;
	size_t error_octets;
};

static bool fail(const struct making *making, const char *what, const char *why)
{
	snprintf(making->error, making->error_octets, "%s: %s", what, why);
	return false;
}

static bool fail_crypto(const struct making *making, const char *what)
{
	unsigned long code = ERR_get_error();

	ERR_clear_error();
	return fail(making, what, code == 0 ? "no memory" : ERR_reason_error_string(code));
}

/* ---- certificates ---- */

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	bool added;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

static bool set_serial(X509 *certificate)
{
	BIGNUM *number = BN_new();
	bool set = number != NULL &&
		   BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
		   BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;

	BN_free(number);
	return set;
}

static bool set_names(X509 *certificate, const char *common_name, X509 *issuer)
{
	X509_NAME *name = X509_get_subject_name(certificate);

	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					  (const unsigned char *)common_name, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1;
}

/* What the certificate is for; alternatives NULL: none. */
struct purpose {
	const char *common_name;
	const char *constraints;
	const char *usage;
	const char *extended; /* NULL: any */
	const char *alternatives;
};

static bool fill(X509 *certificate, EVP_PKEY *key, X509 *issuer, const struct purpose *purpose,
		 uint32_t days)
{
	return X509_set_version(certificate, X509_V3) == 1 && set_serial(certificate) &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), -EARLY_S) != NULL &&
	       X509_gmtime_adj(X509_getm_notAfter(certificate), (long)days * 86400L) != NULL &&
	       X509_set_pubkey(certificate, key) == 1 &&
	       set_names(certificate, purpose->common_name, issuer) &&
	       add_extension(certificate, issuer, NID_basic_constraints, purpose->constraints) &&
	       add_extension(certificate, issuer, NID_key_usage, purpose->usage) &&
	       add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
	       add_extension(certificate, issuer, NID_authority_key_identifier, "keyid") &&
	       (purpose->extended == NULL ||
		add_extension(certificate, issuer, NID_ext_key_usage, purpose->extended)) &&
	       (purpose->alternatives == NULL ||
		add_extension(certificate, issuer, NID_subject_alt_name, purpose->alternatives));
}

static void release(struct paper *paper)
{
	EVP_PKEY_free(paper->key);
	X509_free(paper->certificate);
	*paper = (struct paper){ 0 };
}

/* ca NULL: it signs itself. */
static bool make(const struct making *making, const struct purpose *purpose, const struct paper *ca,
		 struct paper *paper)
{
	*paper = (struct paper){ .key = EVP_EC_gen("P-256"), .certificate = X509_new() };
	if (paper->key != NULL && paper->certificate != NULL &&
	    fill(paper->certificate, paper->key, ca == NULL ? paper->certificate : ca->certificate,
		 purpose, making->days) &&
	    X509_sign(paper->certificate, ca == NULL ? paper->key : ca->key, EVP_sha256()) > 0)
		return true;
	release(paper);
	return fail_crypto(making, purpose->common_name);
}

/* ---- files ---- */

static FILE *create(const struct making *making, const char *name, mode_t mode)
{
	char path[4096];
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", making->folder, name);
	if (unlink(path) != 0 && errno != ENOENT) {
		fail(making, path, strerror(errno));
		return NULL;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (file == NULL)
		fail(making, path, strerror(errno));
	if (file == NULL && fd >= 0)
		close(fd);
	return file;
}

static bool finish(const struct making *making, const char *name, FILE *file, int written)
{
	bool closed = fclose(file) == 0;

	return (written == 1 && closed) || fail(making, name, strerror(errno));
}

static bool save(const struct making *making, const struct paper *paper, const char *certificate,
		 const char *key)
{
	FILE *file = create(making, certificate, 0644);

	if (file == NULL ||
	    !finish(making, certificate, file, PEM_write_X509(file, paper->certificate)))
		return false;
	file = create(making, key, 0600);
	return file != NULL &&
	       finish(making, key, file,
		      PEM_write_PrivateKey(file, paper->key, NULL, NULL, 0, NULL, NULL));
}

/* ---- all of it ---- */

static bool is_address(const char *host)
{
	uint8_t octets[16];

	return inet_pton(AF_INET, host, octets) == 1 || inet_pton(AF_INET6, host, octets) == 1;
}

/* "DNS:localhost,IP:127.0.0.1"; false: they do not fit. */
static bool list_hosts(const char *const *hosts, size_t n, char out[SUBJECT_ALTS])
{
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		int added = snprintf(out + used, SUBJECT_ALTS - used, "%s%s:%s", i == 0 ? "" : ",",
				     is_address(hosts[i]) ? "IP" : "DNS", hosts[i]);

		if (added < 0 || (size_t)added >= SUBJECT_ALTS - used)
			return false;
		used += (size_t)added;
	}
	return n > 0;
}

static bool make_signed(const struct making *making, const struct purpose *purpose,
			const struct paper *ca, const char *certificate, const char *key)
{
	struct paper paper;
	bool made = make(making, purpose, ca, &paper) && save(making, &paper, certificate, key);

	release(&paper);
	return made;
}

bool port_certify(const char *folder, const char *const *hosts, size_t n, uint32_t days,
		  char *error, size_t error_octets)
{
	struct making making = {
		.folder = folder, .days = days, .error = error, .error_octets = error_octets
	};
	char alternatives[SUBJECT_ALTS];
	struct purpose authority = { .common_name = "Test CA",
				     .constraints = "critical,CA:TRUE",
				     .usage = "critical,keyCertSign,cRLSign" };
	struct purpose server = { .common_name = "test server",
				  .constraints = "critical,CA:FALSE",
				  .usage = "critical,digitalSignature",
				  .extended = "serverAuth",
				  .alternatives = alternatives };
	struct purpose client = { .common_name = "test client",
				  .constraints = "critical,CA:FALSE",
				  .usage = "critical,digitalSignature",
				  .extended = "clientAuth" };
	struct paper ca;
	bool made;

	if (!list_hosts(hosts, n, alternatives))
		return fail(&making, folder, "no names, or too many");
	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return fail(&making, folder, strerror(errno));
	if (!make(&making, &authority, NULL, &ca))
		return false;
	made = save(&making, &ca, "ca.pem", "ca.key") &&
	       make_signed(&making, &server, &ca, "server.pem", "server.key") &&
	       make_signed(&making, &client, &ca, "client.pem", "client.key");
	release(&ca);
	return made;
}
