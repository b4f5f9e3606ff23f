/*
 * esmectl's verbs: each asks the daemon one thing and prints the answer. Their table, with names,
 * arguments and options, is tools/ctl_verbs.def.
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
	int n_args;
	bool json;	     /* print what the daemon said */
	bool numbers;	     /* telephone numbers in full */
	uint64_t order;	     /* --order: 0 is none */
	int64_t limit;	     /* --limit: 0 is the daemon's own */
	uint64_t before;     /* --before: 0 is none */
	const char *since;   /* --since, digits or digits-digits; NULL is none */
	const char *types;   /* --types: NULL is all */
	int64_t timeout_ms;  /* --timeout */
	const char *status;  /* --status: NULL is any */
	const char *window;  /* --window: NULL is the daemon's own */
	bool dot;	     /* --dot */
	bool dry_run;	     /* --dry-run */
	bool once;	     /* --once */
	int64_t interval_ms; /* --interval */
	bool text;	     /* --text: what messages say */
	const char *cause, *label, *currency, *opening, *credit_limit;
	bool sandbox;
	int64_t part;				   /* --part: 0 is none */
	int64_t rate;				   /* --rate: -1 is none */
	const char *routes, *categories, *senders; /* words with commas between; NULL is none */
	bool bulk;
};

/* Each returns an exit status. */
typedef int ctl_verb(const struct ctl_run *run);
#define VERB(name, args, n, may, run, what) ctl_verb run;
#include "tools/ctl_verbs.def"

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
