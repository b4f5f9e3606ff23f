/*
 * command_status: numbers, names, meanings and what a sender does about them (SMPP 3.4, 5.1.3;
 * rows in smpp/status.def).
 *
 * Not here: settings of a provider that change a status's class; they stand before this table.
 * Used by the session (whether a bind was refused), the core (what becomes of a segment), the
 * tools (what to call a status).
 */
#ifndef SMPP_STATUS_H
#define SMPP_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SMPP_ESME_ROK, SMPP_ESME_RTHROTTLED, … : the specification's names behind the module's. */
enum smpp_status_value {
#define STATUS(value, name, meaning, class) SMPP_##name = value,
#include "smpp/status.def"
#undef STATUS
};

enum smpp_status_class {
	SMPP_STATUS_ACCEPTED,	 /* the request was done */
	SMPP_STATUS_THROTTLE,	 /* pause the link, send the same again later, without count */
	SMPP_STATUS_RETRY,	 /* send the same again later, a bounded number of times */
	SMPP_STATUS_LINK,	 /* the link is wrong, not the message: rebind; twice is poison */
	SMPP_STATUS_BIND,	 /* says something about a bind only */
	SMPP_STATUS_PERMANENT,	 /* the message will never be taken */
	SMPP_STATUS_OPERATION,	 /* query, cancel or replace failed; the message is as it was */
	SMPP_STATUS_TRANSACTION, /* delivery itself failed (transaction mode): an outcome */
	SMPP_STATUS_VENDOR,	 /* 0x400-0x4FF: the carrier's own; permanent unless configured */
	SMPP_STATUS_RESERVED,	 /* no document names it; permanent unless configured */
};

/* The name of a class ("throttle"), for listings and settings. Static. */
const char *smpp_status_class_name(enum smpp_status_class class);

struct smpp_status {
	const char *name;    /* "ESME_RTHROTTLED"; NULL where no document names the value */
	const char *meaning; /* a few words, never NULL */
	enum smpp_status_class class;
};

/* Every value has an answer: a row, or what its range says. The strings are static. */
struct smpp_status smpp_status(uint32_t command_status);

/*
 * The value that a document calls so, also without "ESME_" and in any letter case. false: none does.
 */
bool smpp_status_named(const char *name, size_t n, uint32_t *command_status);

#define SMPP_STATUS_TEXT_OCTETS 80
/*
 * "ESME_RTHROTTLED (0x00000058)"; where no document names it, as carriers may quote it either way,
 * "0x00000401 (1025)". Returns out.
 */
const char *smpp_status_text(uint32_t command_status, char out[SMPP_STATUS_TEXT_OCTETS]);

#endif
