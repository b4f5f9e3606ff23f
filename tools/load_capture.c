/* See tools/load_capture.h. One PDU is one segment; the clock goes on by 100 us with each. */
#include "tools/load_capture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "smpp/pdu.h"
#include "tools/pcapng.h"

#define LINK_RAW      101
#define HEADER_OCTETS 40u /* IPv4 and TCP */
#define PACKET_OCTETS 512u
#define STEP_US	      100
#define BEGIN_US      INT64_C(1700000000000000)

enum {
	ESME,
	SMSC
};

struct session {
	struct pcapng *pcapng;
	int64_t at_us;
	uint32_t sequence[2]; /* of TCP */
};

static void put_cstring(struct smpp_writer *out, const char *text)
{
	smpp_write_octets(out, text, (uint32_t)strlen(text) + 1);
}

static void put_text(struct smpp_writer *out, const char *text)
{
	uint32_t n = (uint32_t)strlen(text);

	smpp_write_u8(out, (uint8_t)n);
	smpp_write_octets(out, text, n);
}

/* Checksums are 0, as where hardware makes them. */
static void put_headers(struct smpp_writer *out, struct session *session, unsigned from, uint32_t n)
{
	static const uint32_t addresses[] = { 0xC0000201, 0xC6336401 }; /* RFC 5737 */
	static const uint16_t ports[] = { 49152, 2775 };

	smpp_write_u16(out, 0x4500);
	smpp_write_u16(out, (uint16_t)(HEADER_OCTETS + n));
	smpp_write_u32(out, 0);
	smpp_write_u32(out, 0x40060000); /* TTL 64, TCP */
	smpp_write_u32(out, addresses[from]);
	smpp_write_u32(out, addresses[!from]);
	smpp_write_u16(out, ports[from]);
	smpp_write_u16(out, ports[!from]);
	smpp_write_u32(out, session->sequence[from]);
	smpp_write_u32(out, session->sequence[!from]);
	smpp_write_u32(out, 0x5018FFFF); /* PSH, ACK */
	smpp_write_u32(out, 0);
	session->sequence[from] += n;
}

static bool put_pdu(struct session *session, unsigned from, uint32_t command_id, uint32_t sequence,
		    struct smpp_octets body)
{
	uint8_t octets[PACKET_OCTETS];
	struct smpp_writer out = smpp_writer_of(octets, sizeof(octets));
	struct pcapng_packet packet = { .interface = "esme-load", .comment = "", .octets = octets };
	uint32_t n = SMPP_HEADER_OCTETS + body.n;

	put_headers(&out, session, from, n);
	smpp_write_u32(&out, n);
	smpp_write_u32(&out, command_id);
	smpp_write_u32(&out, 0);
	smpp_write_u32(&out, sequence);
	smpp_write_octets(&out, body.at, body.n);
	packet.n = HEADER_OCTETS + n;
	packet.at_us = session->at_us += STEP_US;
	return pcapng_add(session->pcapng, &packet);
}

static bool put_bind(struct session *session)
{
	static const uint8_t bind[] = "esme-load\0\0\0\x34\0\0", answer[] = "SMSC";

	return put_pdu(session, ESME, SMPP_bind_transceiver, 1,
		       (struct smpp_octets){ bind, sizeof(bind) }) &&
	       put_pdu(session, SMSC, SMPP_bind_transceiver_resp, 1,
		       (struct smpp_octets){ answer, sizeof(answer) });
}

/* What submit_sm and deliver_sm have alike. */
static struct smpp_octets message_of(struct smpp_writer *out, const char *from, const char *to,
				     uint8_t esm_class, const char *text)
{
	smpp_write_u8(out, 0);
	smpp_write_u16(out, 0);
	put_cstring(out, from);
	smpp_write_u16(out, 0x0101);
	put_cstring(out, to);
	smpp_write_u8(out, esm_class);
	smpp_write_u32(out, 0); /* protocol_id, priority_flag, no times */
	smpp_write_u32(out, esm_class == 0 ? 0x01000000 : 0);
	put_text(out, text);
	return smpp_writer_octets(out);
}

static bool put_message(struct session *session, const struct load_options *options, uint64_t n)
{
	uint8_t octets[PACKET_OCTETS - HEADER_OCTETS - SMPP_HEADER_OCTETS];
	struct smpp_writer out = smpp_writer_of(octets, sizeof(octets));
	uint32_t sequence = (uint32_t)n + 2;
	char to[24], id[24], receipt[128];
	int id_n = snprintf(id, sizeof(id), "%" PRIx64, n + 1);

	snprintf(to, sizeof(to), "%" PRIu64, options->numbers_from + n);
	snprintf(receipt, sizeof(receipt),
		 "id:%s sub:001 dlvrd:001 submit date:2311142213 done date:2311142213 stat:DELIVRD "
		 "err:000 text:",
		 id);
	if (!put_pdu(session, ESME, SMPP_submit_sm, sequence,
		     message_of(&out, options->caller_id, to, 0, options->text)) ||
	    !put_pdu(session, SMSC, SMPP_submit_sm_resp, sequence,
		     (struct smpp_octets){ (const uint8_t *)id, (uint32_t)id_n + 1 }))
		return false;
	out = smpp_writer_of(octets, sizeof(octets));
	return put_pdu(session, SMSC, SMPP_deliver_sm, sequence,
		       message_of(&out, to, options->caller_id, 4, receipt)) &&
	       put_pdu(session, ESME, SMPP_deliver_sm_resp, sequence,
		       (struct smpp_octets){ (const uint8_t *)"", 1 });
}

bool load_capture(const struct load_options *options)
{
	struct pcapng_want want = { .path = options->capture_file,
				    .program = "esme-load " ESMED_VERSION,
				    .comment = "Made up: nobody sent this.",
				    .link_type = LINK_RAW };
	struct session session = { .at_us = BEGIN_US, .sequence = { 1, 1 } };
	char error[CAPTURE_ERROR_OCTETS];
	bool well;

	session.pcapng = pcapng_new(&want, error);
	if (session.pcapng == NULL) {
		fprintf(stderr, "esme-load: %s\n", error);
		return false;
	}
	well = put_bind(&session);
	for (uint64_t n = 0; well && n < options->count; n++)
		well = put_message(&session, options, n);
	well = well && pcapng_flush(session.pcapng);
	if (!well)
		fprintf(stderr, "esme-load: %s\n", pcapng_error(session.pcapng));
	pcapng_free(session.pcapng);
	return well;
}
