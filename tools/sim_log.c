/* The log of tools/sim_log.h. */
#include "tools/sim_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smpp/concat.h"
#include "smpp/pdu.h"
#include "smpp/receipt.h"

/* Of octets that are no PDU so many are shown. */
#define HEX_OCTETS 64u

bool sim_log_open(struct sim_log *log, struct port *port, const char *file, bool text)
{
	*log = (struct sim_log){ .port = port, .fd = -1, .text = text };
	if (file == NULL)
		return true;
	log->fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	return log->fd >= 0;
}

void sim_log_close(struct sim_log *log)
{
	if (log->fd < 0)
		return;
	sim_log_flush(log);
	close(log->fd);
	log->fd = -1;
	buffer_release(&log->lines);
}

bool sim_log_wanted(const struct sim_log *log)
{
	return log->fd >= 0;
}

struct json_writer sim_log_begin(struct sim_log *log, const char *event, int64_t at_ms)
{
	struct json_writer writer = { .out = &log->lines };

	json_begin_object(&writer);
	json_add_text(&writer, "event", event);
	json_add_int(&writer, "at_ms", at_ms);
	json_add_int(&writer, "wall_ms", port_wall_ms(log->port));
	return writer;
}

void sim_log_end(struct sim_log *log, struct json_writer *writer)
{
	json_end_object(writer);
	buffer_text(&log->lines, "\n");
}

void sim_log_flush(struct sim_log *log)
{
	const uint8_t *at = log->lines.octets;
	size_t n = log->lines.n;

	if (log->fd < 0)
		return;
	while (n > 0 && !log->lines.failed) {
		ssize_t written = write(log->fd, at, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			break;
		at += written;
		n -= (size_t)written;
	}
	if (n > 0 || log->lines.failed) {
		fprintf(stderr, "smsc-sim: the log cannot be written: %s\n",
			log->lines.failed ? "out of memory" : strerror(errno));
		exit(1);
	}
	buffer_clear(&log->lines);
}

static void add_octets(struct json_writer *writer, const char *key, struct smpp_octets value)
{
	json_key(writer, key);
	json_put_octets(writer, value.at, value.n);
}

/* FNV-1a, 64 bits: simple enough for a reader of the log to compute as well. */
static uint64_t text_hash(struct smpp_octets text)
{
	uint64_t hash = UINT64_C(0xCBF29CE484222325);

	for (uint32_t i = 0; i < text.n; i++)
		hash = (hash ^ text.at[i]) * UINT64_C(0x100000001B3);
	return hash;
}

static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '_' || c == '-';
}

/* What stands behind the first '#': a test's name for the message. UCS-2's zeros are skipped. */
static void add_token(struct json_writer *writer, struct smpp_octets text)
{
	char token[33];
	size_t n = 0;
	uint32_t i = 0;

	while (i < text.n && text.at[i] != '#')
		i++;
	for (i++; i < text.n && n + 1 < sizeof(token); i++) {
		if (text.at[i] == 0)
			continue;
		if (!is_word(text.at[i]))
			break;
		token[n++] = (char)text.at[i];
	}
	token[n] = '\0';
	if (n > 0)
		json_add_text(writer, "token", token);
}

static void add_message(struct json_writer *writer, const struct smpp_pdu *pdu, bool text)
{
	struct smpp_concat_info info;
	char hash[17];

	smpp_concat_info(pdu, &info);
	add_octets(writer, "source", pdu->source_addr);
	add_octets(writer, "destination", pdu->destination_addr);
	json_add_uint(writer, "esm_class", pdu->esm_class);
	json_add_uint(writer, "registered_delivery", pdu->registered_delivery);
	json_add_uint(writer, "data_coding", pdu->data_coding);
	if (info.total > 1) {
		json_add_uint(writer, "part", info.seqnum);
		json_add_uint(writer, "parts", info.total);
		json_add_uint(writer, "reference", info.ref);
	}
	snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)text_hash(info.body));
	json_add_uint(writer, "text_octets", info.body.n);
	json_add_text(writer, "text_hash", hash);
	add_token(writer, info.body);
	if (text)
		add_octets(writer, "text", info.body);
}

static void add_receipt(struct json_writer *writer, const struct smpp_pdu *pdu)
{
	struct smpp_receipt receipt;

	if (smpp_receipt_parse(pdu, NULL, &receipt) == SMPP_RECEIPT_NOT)
		return;
	json_key(writer, "receipt");
	json_begin_object(writer);
	add_octets(writer, "id", receipt.ids[SMPP_RECEIPT_TEXT_ID]);
	if (receipt.ids[SMPP_RECEIPT_TLV_ID].n > 0)
		add_octets(writer, "tlv_id", receipt.ids[SMPP_RECEIPT_TLV_ID]);
	add_octets(writer, "stat", receipt.stat);
	json_add_text(writer, "state", smpp_receipt_state_name(receipt.state));
	add_octets(writer, "err", receipt.err);
	json_end_object(writer);
}

static void add_body(struct json_writer *writer, const struct smpp_pdu *pdu, bool text)
{
	switch (pdu->command_id) {
	case SMPP_submit_sm:
	case SMPP_data_sm:
		add_message(writer, pdu, text);
		break;
	case SMPP_deliver_sm:
		add_message(writer, pdu, text);
		add_receipt(writer, pdu);
		break;
	case SMPP_submit_sm_resp:
	case SMPP_data_sm_resp:
	case SMPP_query_sm:
		add_octets(writer, "message_id", pdu->message_id);
		break;
	case SMPP_bind_transmitter:
	case SMPP_bind_receiver:
	case SMPP_bind_transceiver: /* the password stays out */
		add_octets(writer, "system_id", pdu->system_id);
		json_add_uint(writer, "interface_version", pdu->interface_version);
		break;
	default:
		break;
	}
}

void sim_log_pdu(struct sim_log *log, uint32_t link, int64_t at_ms, uint64_t end_octets,
		 const uint8_t *octets, size_t n)
{
	const struct smpp_command *command;
	struct smpp_problem problem = { 0 };
	struct json_writer writer;
	struct smpp_pdu pdu;
	enum smpp_error error;
	char id[11];

	if (!sim_log_wanted(log))
		return;
	error = smpp_pdu_decode(octets, n, &pdu, &problem);
	command = smpp_command(pdu.command_id);
	snprintf(id, sizeof(id), "0x%08x", pdu.command_id);
	writer = sim_log_begin(log, end_octets == 0 ? "in" : "out", at_ms);
	json_add_uint(&writer, "link", link);
	json_add_text(&writer, "command", command == NULL ? id : command->name);
	json_add_uint(&writer, "sequence", pdu.sequence_number);
	json_add_uint(&writer, "status", pdu.command_status);
	json_add_uint(&writer, "octets", n);
	if (end_octets != 0)
		json_add_uint(&writer, "end_octets", end_octets);
	if (error == SMPP_OK)
		add_body(&writer, &pdu, log->text);
	else
		json_add_text(&writer, "problem", problem.text);
	sim_log_end(log, &writer);
}

void sim_log_octets(struct sim_log *log, uint32_t link, int64_t at_ms, uint64_t end_octets,
		    const uint8_t *octets, size_t n)
{
	struct buffer hex = { 0 };
	struct json_writer writer;

	if (!sim_log_wanted(log))
		return;
	for (size_t i = 0; i < n && i < HEX_OCTETS; i++)
		buffer_format(&hex, "%02x", octets[i]);
	writer = sim_log_begin(log, "octets", at_ms);
	json_add_uint(&writer, "link", link);
	json_add_uint(&writer, "octets", n);
	json_add_uint(&writer, "end_octets", end_octets);
	json_key(&writer, "hex");
	json_put_octets(&writer, hex.octets, hex.n);
	sim_log_end(log, &writer);
	buffer_release(&hex);
}
