/*
 * store_dump FOLDER: every record of a store as a line of JSON, nothing masked but secrets, for
 * the checker in test/e2e. Segments come with their rows of evidence, releases with their members,
 * messages with the id that clients know them by; then what store_check has to say. It is a tool
 * of the tests and is not installed: operators have `esmed store check`.
 *
 * Exit status: 0 all was read, 1 the store cannot be opened or read, 2 usage.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/evidence.h"
#include "core/match.h"
#include "core/message_id.h"
#include "smpp/receipt.h"
#include "store/store.h"

#define LINE_OCTETS 65536

/* A record of any kind. */
union any {
#define RECORD(NAME, name, version, reserve, slack, doc) struct store_##name name;
#include "store/record.def"
};

static struct store *store;
static struct store_order owner; /* the order of the segments that are being read */

/* The look-up's own records: large, and store_check compares them with the segments. */
static bool left_out(enum store_kind kind)
{
	return !strncmp(store_kind_name(kind), "id_", 3);
}

static void print_octets(const char *name, struct smpp_octets octets)
{
	printf(",\"%s\":\"", name);
	for (uint32_t i = 0; i < octets.n; i++) {
		uint8_t octet = octets.at[i];
		if (octet < 0x20 || octet >= 0x7f || octet == '"' || octet == '\\')
			printf("\\u%04x", octet);
		else
			putchar(octet);
	}
	putchar('"');
}

static void print_row(const struct evidence *row)
{
	printf("{\"event\":\"%s\",\"mark\":\"%s\",\"at_ms\":%" PRId64, life_event_name(row->event),
	       life_mark_name(row->mark), row->at_ms);
	if (row->has_submit)
		printf(",\"attempt\":%" PRIu32 ",\"session\":%" PRIu64 ",\"sequence\":%" PRIu32
		       ",\"released_ms\":%" PRId64,
		       row->attempt, row->session, row->sequence_number, row->released_ms);
	if (row->has_code)
		printf(",\"code\":%" PRIu32, row->code);
	if (row->has_receipt) {
		printf(",\"receipt_session\":%" PRIu64 ",\"rule\":\"%s\"", row->receipt_session,
		       evidence_rule_name(row->rule));
		printf(",\"state\":\"%s\"",
		       smpp_receipt_state_name((enum smpp_receipt_state)row->code));
	}
	if (row->id.n)
		print_octets("id", row->id);
	putchar('}');
}

static void print_rows(struct store_octets evidence)
{
	struct evidence row;
	size_t offset = 0;
	const char *comma = "";
	printf(",\"rows\":[");
	while (evidence_next(evidence.at, evidence.n, &offset, (int64_t)owner.created_ms, &row)) {
		printf("%s", comma);
		print_row(&row);
		comma = ",";
	}
	printf("],\"rows_whole\":%s", offset == evidence.n ? "true" : "false");
}

static void print_members(struct store_octets members)
{
	struct store_members_reader reader;
	struct store_member member;
	const char *comma = "";
	printf(",\"list\":[");
	store_members_read(&reader, members);
	while (store_members_next(&reader, &member)) {
		printf("%s[%" PRIu64 ",%" PRIu32 ",%u,%u]", comma, member.order, member.index,
		       member.segment, member.attempt);
		comma = ",";
	}
	printf("],\"list_whole\":%s", reader.bad ? "false" : "true");
}

static void print_message_id(const struct store_message *message)
{
	char id[MESSAGE_ID_OCTETS];
	message_id_write(store, message->order, message->index, id);
	printf(",\"bx_message_id\":\"%s\"", id);
}

/* What the rows of record.def do not say by themselves. */
static void print_more(struct store_txn *txn, enum store_kind kind, const union any *rec)
{
	uint64_t order = kind == STORE_KIND_MESSAGE	  ? rec->message.order :
			 kind == STORE_KIND_SEGMENT	  ? rec->segment.order :
			 kind == STORE_KIND_EVIDENCE_MORE ? rec->evidence_more.order :
							    0;
	if (order && order != owner.order) {
		owner = (struct store_order){ .order = order };
		if (store_order_get(txn, &owner) != STORE_OK)
			owner.created_ms = 0;
	}
	if (kind == STORE_KIND_MESSAGE)
		print_message_id(&rec->message);
	if (kind == STORE_KIND_MESSAGE)
		print_rows(rec->message.seg.evidence);
	else if (kind == STORE_KIND_SEGMENT)
		print_rows(rec->segment.seg.evidence);
	else if (kind == STORE_KIND_EVIDENCE_MORE)
		print_rows(rec->evidence_more.evidence);
	else if (kind == STORE_KIND_RELEASE)
		print_members(rec->release.members);
}

static enum store_err print_kind(struct store_txn *txn, enum store_kind kind)
{
	static char line[LINE_OCTETS];
	static union any rec;
	memset(&rec, 0, sizeof(rec));
	enum store_err err = store_seek(txn, kind, &rec, 0);
	for (; err == STORE_OK || err == STORE_CORRUPT; err = store_step(txn, kind, &rec, 0)) {
		if (err == STORE_CORRUPT) {
			printf("{\"kind\":\"corrupt\",\"of\":\"%s\"}\n", store_kind_name(kind));
			continue;
		}
		size_t n = store_dump(kind, &rec, true, line, sizeof(line));
		if (n >= sizeof(line))
			return STORE_TOO_BIG;
		printf("%.*s", (int)n - 1, line);
		print_more(txn, kind, &rec);
		puts("}");
	}
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

static enum store_err print_all(void)
{
	struct store_txn *txn;
	enum store_err err = store_read_begin(store, &txn);
	if (err)
		return err;
	for (unsigned kind = 0; kind < STORE_KINDS && !err; kind++)
		if (!left_out((enum store_kind)kind))
			err = print_kind(txn, (enum store_kind)kind);
	store_read_end(txn);
	return err;
}

/* ---- what store_check says ---- */

static void finding(void *arg, enum store_kind kind, const char *record, const char *what)
{
	(void)arg;
	printf("{\"kind\":\"finding\",\"of\":\"%s\",\"what\":\"%s\",\"record\":%s}\n",
	       store_kind_name(kind), what, record && *record == '{' ? record : "null");
}

static void ids_of(void *arg, const struct store_order *order, const struct store_seg *seg,
		   uint64_t msisdn, store_id_emit_fn *emit, void *to)
{
	struct evidence row;
	size_t offset = 0;
	char id[SMPP_ID_OCTETS];
	(void)arg;
	while (evidence_next(seg->evidence.at, seg->evidence.n, &offset, (int64_t)order->created_ms,
			     &row)) {
		size_t n = row.event == LIFE_ON_ACCEPTED && row.id.n ?
				   smpp_id_canonical(row.id.at, row.id.n, id) :
				   0;
		if (n && row.with_others)
			emit(to, match_shared_hash(store, order->provider, id, n,
						   store_tail(msisdn) + 1));
		else if (n)
			emit(to, store_ids_hash(store, order->provider, (const uint8_t *)id, n));
	}
}

int main(int argc, char **argv)
{
	char text[STORE_ERR_OCTETS];
	struct store_options options = { 0 };
	struct store_check check = { .finding = finding, .ids_of = ids_of };
	if (argc != 2) {
		fprintf(stderr, "usage: store_dump FOLDER\n");
		return 2;
	}
	if (store_open(argv[1], &options, &store, text) != STORE_OPEN_OK) {
		fprintf(stderr, "store_dump: %s: %s\n", argv[1], text);
		return 1;
	}
	enum store_err err = print_all();
	if (!err)
		err = store_check(store, &check);
	if (!err)
		printf("{\"kind\":\"end\",\"findings\":%" PRIu64 "}\n", check.findings);
	store_close(store);
	if (err)
		fprintf(stderr, "store_dump: %s: %s\n", argv[1], store_err_text(err));
	return err || fflush(stdout) ? 1 : 0;
}
