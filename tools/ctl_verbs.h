/*
 * esmectl's verbs: each asks the daemon one thing and prints the answer. Their table, with names,
 * arguments and options, is in tools/esmectl.c.
 */
#ifndef TOOLS_CTL_VERBS_H
#define TOOLS_CTL_VERBS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/ctl_client.h"

/* Also those of verbs that have none of their own use; 2 is for the command line. */
enum {
	CTL_DONE = 0,
	CTL_FAILED = 1, /* not found, refused, nobody answers, timed out */
	CTL_USAGE = 2,
};

/* What the command line said, read and checked. */
struct ctl_run {
	struct ctl_client *client;
	const char *const *args; /* behind the verb; as many as its row demands */
	bool json;		 /* print what the daemon said */
	bool numbers;		 /* telephone numbers in full */
	uint64_t order;		 /* --order: 0 is none */
	int64_t limit;		 /* --limit: 0 is the daemon's own */
	uint64_t before;	 /* --before: 0 is none */
	const char *since;	 /* --since, digits or digits-digits; NULL is none */
	const char *types;	 /* --types: NULL is all */
	int64_t timeout_ms;	 /* --timeout */
	const char *status;	 /* --status: NULL is any */
	bool dot;		 /* --dot */
	bool dry_run;		 /* --dry-run */
	bool once;		 /* --once */
	int64_t interval_ms;	 /* --interval */
	bool text;		 /* --text: what messages say */
	const char *cause, *label, *currency, *opening, *credit_limit;
	bool sandbox;
	int64_t part;				   /* --part: 0 is none */
	int64_t rate;				   /* --rate: -1 is none */
	const char *routes, *categories, *senders; /* words with commas between; NULL is none */
	bool bulk;
};

/* Each returns an exit status. */
typedef int ctl_verb(const struct ctl_run *run);

/* tools/ctl_show.c */
ctl_verb ctl_status, ctl_links, ctl_orders, ctl_order, ctl_messages, ctl_recount, ctl_store_check;
/* tools/ctl_message.c */
ctl_verb ctl_message, ctl_explain;
/* tools/ctl_watch.c */
ctl_verb ctl_events, ctl_wait_order;
/* tools/ctl_top.c */
ctl_verb ctl_top;
/* tools/ctl_account.c */
ctl_verb ctl_account_create, ctl_account_import, ctl_account_list, ctl_account_show,
	ctl_account_activate, ctl_account_deactivate, ctl_account_limit, ctl_account_allow,
	ctl_account_deny, ctl_account_key_add, ctl_account_key_list, ctl_account_key_revoke,
	ctl_account_price_list, ctl_account_price_set, ctl_account_price_delete;
/* tools/ctl_ledger.c */
ctl_verb ctl_account_topup, ctl_account_adjust, ctl_account_ledger, ctl_ledger_verify;
/* tools/ctl_operate.c */
ctl_verb ctl_reload, ctl_link, ctl_provider, ctl_route, ctl_doubt_list, ctl_doubt_close,
	ctl_doubt_resend, ctl_doubt_join, ctl_orphans_list, ctl_orphans_join, ctl_orphans_drop,
	ctl_audit_list;
/* tools/ctl_inbound.c */
ctl_verb ctl_inbound_list, ctl_inbound_show;
/* tools/ctl_ask.c */
ctl_verb ctl_query, ctl_cancel, ctl_replace;
/* tools/ctl_lifecycle.c */
ctl_verb ctl_lifecycle;

/* Says what is wrong with the command line and ends the process. */
__attribute__((format(printf, 1, 2), noreturn)) void ctl_usage(const char *format, ...);

/* An id or name from the command line as part of a target; one that is too long ends the process. */
#define CTL_WORD_OCTETS 256
const char *ctl_encode(const char *word, char out[CTL_WORD_OCTETS]);

/* What --limit and --before ask for, as the first words of a query; 20 unless told. */
#define CTL_PAGE_OCTETS 64
const char *ctl_page(const struct ctl_run *run, char out[CTL_PAGE_OCTETS]);

/*
 * Asks and, with --json, prints what came, else gives it to `show`. The target is formatted; what
 * goes into it from outside went through ctl_encode.
 */
typedef void ctl_show_fn(const struct ctl_run *run, const struct json *answer);
__attribute__((format(printf, 3, 4))) int ctl_get(const struct ctl_run *run, ctl_show_fn *show,
						  const char *target, ...);
int ctl_post(const struct ctl_run *run, ctl_show_fn *show, const char *target,
	     const struct buffer *body);

#endif
