/* esmed: arguments, privileges, store, engine, and the loop. Everything else is in its module. */
#include <argp.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/config.h"
#include "core/engine.h"
#include "core/log.h"

/* Exit statuses; 78 tells a supervisor that starting again will not help. */
enum {
	EXIT_RUNTIME = 1,
	EXIT_USAGE = 2,
	EXIT_CONFIG = 78,
};

#define SETS_MAX 64

enum mode {
	MODE_RUN,
	MODE_CHECK,
	MODE_SHOW,
	MODE_STORE_CHECK,
};

struct arguments {
	enum mode mode;
	const char *config;
	const char *store; /* store check FOLDER */
	const char *sets[SETS_MAX];
	size_t n_sets;
	const char *user;
	bool allow_root, one_thread, accept_older;
	int words; /* of `store check FOLDER` seen */
};

enum {
	OPTION_CHECK = 256,
	OPTION_SHOW,
	OPTION_SET,
	OPTION_USER,
	OPTION_ALLOW_ROOT,
	OPTION_ONE_THREAD,
	OPTION_ACCEPT_OLDER,
};

static const struct argp_option options[] = {
	{ "config", 'c', "FILE", 0, "Configuration to run with", 0 },
	{ "check", OPTION_CHECK, "FILE", 0, "Check a configuration and tell every mistake", 0 },
	{ "show-config", OPTION_SHOW, "FILE", 0,
	  "Print every effective value and where it comes from, secrets masked", 0 },
	{ "set", OPTION_SET, "KEY=VALUE", 0,
	  "Override a key of the configuration, such as store.size=1GiB; may be given again", 0 },
	{ "user", OPTION_USER, "NAME", 0, "Run as this user (needed when started as root)", 0 },
	{ "allow-root", OPTION_ALLOW_ROOT, NULL, 0, "Run as root all the same", 0 },
	{ "one-thread", OPTION_ONE_THREAD, NULL, 0, "Do input and output in the engine's thread",
	  0 },
	{ "accept-older-store", OPTION_ACCEPT_OLDER, NULL, 0,
	  "Start on a store that was put back from a copy; whatever is queued is then in doubt and "
	  "not submitted again. If that start is interrupted, give it again",
	  0 },
	{ 0 },
};

const char *argp_program_version = "esmed " ESMED_VERSION;

static const char doc[] =
	"The SMPP 3.4 ESME with a lifecycle tracker: binds to carriers, takes send intents on a "
	"local socket and keeps what became of every message.\v"
	"store check walks a whole store while no daemon runs on it.\n\n"
	"Exit status: 0 stopped in order; 1 something outside failed (store in use, port in use, "
	"disk); 2 usage; 78 configuration or store need a person.";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	switch (key) {
	case 'c':
		arguments->config = arg;
		return 0;
	case OPTION_CHECK:
	case OPTION_SHOW:
		arguments->mode = key == OPTION_CHECK ? MODE_CHECK : MODE_SHOW;
		arguments->config = arg;
		return 0;
	case OPTION_SET:
		if (arguments->n_sets == SETS_MAX)
			argp_error(state, "more than %d times --set", SETS_MAX);
		arguments->sets[arguments->n_sets++] = arg;
		return 0;
	case OPTION_USER:
		arguments->user = arg;
		return 0;
	case OPTION_ALLOW_ROOT:
		arguments->allow_root = true;
		return 0;
	case OPTION_ONE_THREAD:
		arguments->one_thread = true;
		return 0;
	case OPTION_ACCEPT_OLDER:
		arguments->accept_older = true;
		return 0;
	case ARGP_KEY_ARG: {
		static const char *const words[] = { "store", "check" };
		if (arguments->words < 2 && !strcmp(arg, words[arguments->words])) {
			arguments->words++;
			return 0;
		}
		if (arguments->words != 2 || arguments->store)
			argp_error(state, "unexpected argument '%s'", arg);
		arguments->mode = MODE_STORE_CHECK;
		arguments->store = arg;
		return 0;
	}
	case ARGP_KEY_END:
		if (arguments->words && !arguments->store)
			argp_error(state, "say: esmed store check FOLDER");
		if (!arguments->config && !arguments->store)
			argp_error(state, "--config FILE is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool print_octets(void *user, const char *octets, size_t n)
{
	return fwrite(octets, 1, n, user) == n;
}

static struct config_source source_of(const struct arguments *arguments, uid_t owner)
{
	return (struct config_source){
		.path = arguments->config,
		.set = arguments->sets,
		.n_set = arguments->n_sets,
		.secret_owner = owner,
	};
}

static struct config *load_config(const struct config_source *source)
{
	struct config_errors *errors = calloc(1, sizeof(*errors));
	struct config *config = errors ? config_load(source, errors) : NULL;
	for (size_t i = 0; errors && i < errors->n; i++) {
		char line[1024];
		config_error_format(&errors->list[i], line, sizeof(line));
		fprintf(stderr, "%s\n", line);
	}
	if (errors && errors->more)
		fprintf(stderr, "and %zu more\n", errors->more);
	free(errors);
	return config;
}

/* ---- store check ---- */

static void finding(void *arg, enum store_kind kind, const char *record, const char *what)
{
	(void)arg;
	printf("%s: %s\n\t%s\n", store_kind_name(kind), what, record);
}

static bool progress(void *arg, uint64_t done, uint64_t total)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%llu of %llu records", (unsigned long long)done,
			(unsigned long long)total);
	(void)arg;
	return true;
}

static const int open_status[] = {
	[STORE_OPEN_OK] = 0,
	[STORE_OPEN_LOCKED] = EXIT_RUNTIME,
	[STORE_OPEN_MISSING] = EXIT_CONFIG,
	[STORE_OPEN_NOT_A_STORE] = EXIT_CONFIG,
	[STORE_OPEN_DAMAGED] = EXIT_CONFIG,
	[STORE_OPEN_TORN] = EXIT_CONFIG,
	[STORE_OPEN_ROLLED_BACK] = EXIT_CONFIG,
	[STORE_OPEN_TOO_NEW] = EXIT_CONFIG,
	[STORE_OPEN_NO_SPACE] = EXIT_RUNTIME,
	[STORE_OPEN_BAD_PLACE] = EXIT_CONFIG,
	[STORE_OPEN_FAILED] = EXIT_RUNTIME,
};

static int check_store(const char *path)
{
	char err[STORE_ERR_OCTETS];
	struct store *store;
	struct store_options how = { 0 };
	struct store_check check = { .finding = finding, .progress = progress };
	enum store_open opened = store_open(path, &how, &store, err);
	if (opened != STORE_OPEN_OK) {
		fprintf(stderr, "esmed: %s: %s\n", path, err);
		return open_status[opened];
	}
	enum store_err checked = store_check(store, &check);
	uint64_t records = 0;
	for (size_t i = 0; i < STORE_KINDS; i++)
		records += check.records[i];
	store_close(store);
	if (checked != STORE_OK) {
		fprintf(stderr, "esmed: %s: %s\n", path, store_err_text(checked));
		return EXIT_CONFIG;
	}
	printf("%s%llu records, %llu findings\n", isatty(STDERR_FILENO) ? "\n" : "",
	       (unsigned long long)records, (unsigned long long)check.findings);
	return check.findings ? EXIT_CONFIG : 0;
}

/* A damaged page can end the process that walks it: that is a child, and its end is told. */
static int check_in_child(const char *path)
{
	int status = 0;
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0) {
		fprintf(stderr, "esmed: %s: %s\n", path, strerror(errno));
		return EXIT_RUNTIME;
	}
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		exit(check_store(path));
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "esmed: %s: reading it ended in signal %d (%s): it is damaged\n", path,
		WTERMSIG(status), strsignal(WTERMSIG(status)));
	return EXIT_CONFIG;
}

/* ---- run ---- */

/* Becomes the user for good; everything that is opened afterwards is opened as him. */
static bool become(const struct passwd *user)
{
	if (initgroups(user->pw_name, user->pw_gid) || setgid(user->pw_gid) ||
	    setuid(user->pw_uid)) {
		fprintf(stderr, "esmed: cannot become %s: %s\n", user->pw_name, strerror(errno));
		return false;
	}
	return true;
}

static void harden(void)
{
	struct rlimit none = { 0 }, files;
	setrlimit(RLIMIT_CORE, &none);
	/* A thousand clients and more: as many descriptors as are allowed. */
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	umask(077);
}

static struct store *open_store(const struct arguments *arguments, const struct config *config,
				int *status)
{
	char err[STORE_ERR_OCTETS];
	struct store *store = NULL;
	struct store_options how = {
		.size_octets = config->store.size_octets,
		.create = true,
		.accept_older = arguments->accept_older,
	};
	port_random(NULL, how.seed, sizeof(how.seed));
	how.now_ms = (uint64_t)port_wall_ms(NULL);
	enum store_open opened = store_open(config->store.path, &how, &store, err);
	*status = open_status[opened];
	if (opened != STORE_OPEN_OK)
		fprintf(stderr, "esmed: %s: %s\n", config->store.path, err);
	if (!store && (opened == STORE_OPEN_ROLLED_BACK || opened == STORE_OPEN_TORN))
		fprintf(stderr,
			"esmed: what it does not know of may have been submitted; to start on "
			"it all the same: --accept-older-store\n");
	if (opened == STORE_OPEN_DAMAGED)
		fprintf(stderr, "esmed: to put a copy back, see COPIES in esmed(8)\n");
	if (!store)
		return NULL;
	struct store_info info;
	store_info(store, &info);
	if (info.created_ms == how.now_ms)
		log_warning("store.created", "path=%s size=%" PRIu64, config->store.path,
			    info.size_octets);
	else if (info.size_octets > how.size_octets)
		log_warning("store.size",
			    "store.size is lower than the store is, %" PRIu64
			    " octets: it is not made smaller",
			    info.size_octets);
	*status = 0;
	return store;
}

/* ---- the service manager, where there is one ---- */

struct manager {
	int64_t every_ms; /* it wants a sign of life so often; 0: it does not */
	int64_t next_ms;
	bool stopping; /* it has been told */
};

static int64_t watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	if (!usec || (pid && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	return strtoll(usec, NULL, 10) / 2000; /* twice in its time */
}

/* Between steps: a step that hangs says nothing. */
static void tell_manager(struct manager *manager, const struct engine *engine)
{
	int64_t now_ms = port_now_ms(engine->port);
	if (engine->draining && !manager->stopping) {
		manager->stopping = true;
		port_notify("STOPPING=1");
	}
	if (!manager->every_ms || now_ms < manager->next_ms)
		return;
	manager->next_ms = now_ms + manager->every_ms;
	port_notify("WATCHDOG=1");
}

static int run_engine(const struct arguments *arguments, const struct config *config,
		      const struct config_source *source, struct store *store)
{
	char error[PORT_TEXT_OCTETS];
	struct port_options how = { .one_thread = arguments->one_thread, .signals = true };
	struct port *port = port_new(&how);
	if (!port) {
		fprintf(stderr, "esmed: no memory, threads or descriptors for input and output\n");
		return EXIT_RUNTIME;
	}
	struct engine_options parts = { .config = config,
					.source = source,
					.port = port,
					.store = store,
					.accept_older = arguments->accept_older,
					.sockets = true };
	struct engine *engine = engine_new(&parts, error);
	int status = EXIT_RUNTIME;
	if (engine) {
		log_info("engine.ready", "version=%s store=%s", ESMED_VERSION, config->store.path);
		struct manager manager = { .every_ms = watchdog_ms() };
		port_notify("READY=1");
		do
			tell_manager(&manager, engine);
		while (engine_step(engine));
		tell_manager(&manager, engine);
		status = engine->exit_status;
		engine_free(engine);
		log_info("engine.stopped", "status=%d", status);
	} else {
		fprintf(stderr, "esmed: %s\n", error);
	}
	port_free(port);
	return status;
}

static int run(const struct arguments *arguments)
{
	struct passwd *user = arguments->user ? getpwnam(arguments->user) : NULL;
	int status;
	if (arguments->user && !user) {
		fprintf(stderr, "esmed: there is no user '%s'\n", arguments->user);
		return EXIT_USAGE;
	}
	if (!geteuid() && !user && !arguments->allow_root) {
		fprintf(stderr, "esmed: will not run as root; give --user NAME, or --allow-root\n");
		return EXIT_USAGE;
	}
	struct config_source source = source_of(arguments, user ? user->pw_uid : geteuid());
	struct config *config = load_config(&source);
	if (!config)
		return EXIT_CONFIG;
	log_setup(config->log.level);
	log_clock(port_wall_ms(NULL));
	harden();
	status = user && geteuid() != user->pw_uid && !become(user) ? EXIT_RUNTIME : 0;
	struct store *store = status ? NULL : open_store(arguments, config, &status);
	if (store)
		status = run_engine(arguments, config, &source, store);
	store_close(store);
	config_free(config);
	return status;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "\nstore check FOLDER",
		.doc = doc,
	};
	struct arguments arguments = { 0 };
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (arguments.mode == MODE_RUN)
		return run(&arguments);
	if (arguments.mode == MODE_STORE_CHECK)
		return check_in_child(arguments.store);
	struct config_source source = source_of(&arguments, geteuid());
	struct config *config = load_config(&source);
	bool printed = true;
	if (!config)
		return EXIT_CONFIG;
	if (arguments.mode == MODE_SHOW)
		printed = config_print(config, print_octets, stdout);
	else
		printf("%s: no mistakes\n", arguments.config);
	config_free(config);
	return printed && !fflush(stdout) ? 0 : EXIT_RUNTIME;
}
