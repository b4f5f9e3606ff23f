/*
 * What a disk may hold after the power went, made from a trace of power_shim.c: everything that was
 * synced by then, and of the rest any sectors, each with any of the contents it was given since.
 * Each such image is opened as the daemon opens its store and must hold all that power_load.c was
 * told is on disk: exactly the records of one transaction, the last acknowledged or the one under
 * way, and it must take more of them. Used by test/e2e/power.py.
 *
 *   power_replay images TRACE STORE COUNT SEED [tear | no-data-sync | no-meta-sync]
 *   power_replay after TRACE STORE ACKED
 *
 * images  COUNT images beside STORE, which is as the traced run left it
 *   tear          the power goes while a meta page is written, of which any eight octets are there:
 *                 the store may refuse, but what is lost it must notice
 *   no-data-sync  as if fdatasync did nothing: such images must be found bad
 *   no-meta-sync  as if O_DSYNC did nothing: likewise
 * after   STORE itself, left by a run that failed after ACKED; TRACE is of one that did not fail
 *
 * Prints what was seen as NAME=NUMBER and each of the first images that are bad. Exit status: 0 it
 * ran, whatever it found; 1 the trace or the store is not what it should be; 2 usage.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/power_digest.h"
#include "test/power_trace.h"

#define SECTOR_OCTETS 512u
#define PAGE_OCTETS   4096u
#define WORD_OCTETS   8u
#define FILE_MOST     (16u << 20)
#define BAD_SHOWN     5u
#define CHILD_S	      20u
#define TRACED_FILES  32u
#define MORE_COMMITS  3u
#define MORE_ROWS     20u
#define MORE_OCTETS   (512u << 10) /* more than these transactions add to the file */
#define START_MS      UINT64_C(1790000000000)

enum role {
	ROLE_DATA,
	ROLE_HW,
	ROLES,
	ROLE_ACKS = ROLES,
	ROLE_OTHER
};

static const char *const role_names[ROLES] = { "data.mdb", "hw" };

/* A change that is not on disk yet: octets within one sector, or a size (octets NULL). */
struct piece {
	enum role role;
	bool kept;
	uint64_t at;
	size_t n;
	const uint8_t *octets;
};

struct file {
	uint8_t *disk;	/* as it would be after the power went, FILE_MOST octets */
	uint8_t *image; /* the same with some of what is pending */
	uint64_t disk_size;
	uint64_t image_size;
	uint64_t used;	  /* nothing was ever written from here on */
	uint32_t *stamps; /* per sector: the last image that keeps something of it */
};

static struct {
	const uint8_t *octets;
	size_t n;
	size_t *ops; /* offsets */
	size_t count;
	enum role roles[TRACED_FILES];
} trace;

static struct file files[ROLES];
static struct piece *pending;
static size_t pieces;
static size_t room;
static uint64_t *boundaries; /* digest of each transaction */
static long last_boundary = -1;
static long acked = -1;

static enum {
	PLAIN,
	TEAR,
	NO_DATA_SYNC,
	NO_META_SYNC
} mode;

static struct {
	unsigned images, bad, unmade, refused, newer, decayed;
} seen;

[[gnu::noreturn]] static void stop(const char *what, const char *of)
{
	fprintf(stderr, "power_replay: %s: %s\n", what, of);
	exit(1);
}

/* --- Chance ----------------------------------------------------------------------------------- */

static uint64_t chance;

/* splitmix64 */
static uint64_t drawn(uint64_t below)
{
	uint64_t z = chance += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % below;
}

/* --- The trace -------------------------------------------------------------------------------- */

static const struct power_op *op_at(size_t i, const uint8_t **octets)
{
	static struct power_op op; /* the trace is not aligned */

	memcpy(&op, trace.octets + trace.ops[i], sizeof(op));
	*octets = trace.octets + trace.ops[i] + sizeof(op);
	return &op;
}

static enum role role_of(const char *name, size_t n)
{
	for (unsigned role = 0; role < ROLES; role++) {
		size_t length = strlen(role_names[role]);

		if (n > length && name[n - length - 1] == '/' &&
		    !memcmp(name + n - length, role_names[role], length))
			return (enum role)role;
	}
	return n == 4 && !memcmp(name, "acks", 4) ? ROLE_ACKS : ROLE_OTHER;
}

/* "ack N DIGEST": false when it is another line. */
static bool read_ack(const uint8_t *octets, size_t n, long *number, uint64_t *digest)
{
	char line[64] = "";

	memcpy(line, octets, n < sizeof(line) - 1 ? n : sizeof(line) - 1);
	return sscanf(line, "ack %ld %" SCNx64, number, digest) == 2;
}

static void index_op(const struct power_op *op, const uint8_t *octets)
{
	long number;
	uint64_t digest;

	if (op->file >= TRACED_FILES)
		stop("the trace names too many files", "trace");
	if (op->kind == POWER_NAME)
		trace.roles[op->file] = role_of((const char *)octets, op->n);
	if (op->kind != POWER_WRITE || trace.roles[op->file] != ROLE_ACKS ||
	    !read_ack(octets, op->n, &number, &digest))
		return;
	if (number != ++last_boundary)
		stop("the trace leaves out an acknowledgement", "trace");
	boundaries[number] = digest;
}

static void load_trace(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) || !st.st_size)
		stop("cannot read", path);
	trace.n = (size_t)st.st_size;
	trace.octets = mmap(NULL, trace.n, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	trace.ops = malloc(trace.n / sizeof(struct power_op) * sizeof(*trace.ops));
	boundaries = malloc(trace.n / sizeof(struct power_op) * sizeof(*boundaries));
	if (trace.octets == MAP_FAILED || !trace.ops || !boundaries)
		stop("no memory", path);
	for (size_t at = 0; at < trace.n;) {
		const uint8_t *octets;

		trace.ops[trace.count] = at;
		const struct power_op *op = op_at(trace.count++, &octets);

		index_op(op, octets);
		at += sizeof(*op) + op->n;
	}
	if (last_boundary < 1)
		stop("nothing was acknowledged", path);
}

/* --- The disk --------------------------------------------------------------------------------- */

static void grow(uint64_t *size, uint64_t to)
{
	if (to > FILE_MOST)
		stop("a file grows too large", "trace");
	if (*size < to)
		*size = to;
}

static void apply(const struct piece *piece, uint8_t *to, uint64_t *size)
{
	grow(size, piece->at + piece->n);
	if (piece->octets && files[piece->role].used < piece->at + piece->n)
		files[piece->role].used = piece->at + piece->n;
	if (piece->octets)
		memcpy(to + piece->at, piece->octets, piece->n);
}

static void add_piece(enum role role, uint64_t at, const uint8_t *octets, size_t n)
{
	if (pieces == room) {
		room = room ? room * 2 : 4096;
		pending = realloc(pending, room * sizeof(*pending));
		if (!pending)
			stop("no memory", "pieces");
	}
	pending[pieces++] = (struct piece){ .role = role, .at = at, .n = n, .octets = octets };
}

static void add_write(enum role role, uint64_t at, const uint8_t *octets, size_t n, size_t unit)
{
	while (n) {
		size_t some = unit - at % unit;

		if (some > n)
			some = n;
		add_piece(role, at, octets, some);
		at += some;
		octets += some;
		n -= some;
	}
}

/* What is pending in these octets is on disk now; the page cache writes whole sectors. */
static void settle(enum role role, uint64_t from, uint64_t to)
{
	size_t left = 0;

	from -= from % SECTOR_OCTETS;
	to += (SECTOR_OCTETS - to % SECTOR_OCTETS) % SECTOR_OCTETS;
	for (size_t i = 0; i < pieces; i++) {
		if (pending[i].role == role && pending[i].at >= from && pending[i].at < to)
			apply(&pending[i], files[role].disk, &files[role].disk_size);
		else
			pending[left++] = pending[i];
	}
	pieces = left;
}

/* The call was made. What a sync promises it promises when it has returned: see returned(). */
static void called(const struct power_op *op, const uint8_t *octets, size_t unit)
{
	enum role role = trace.roles[op->file];

	if (role >= ROLES)
		return;
	if (op->kind == POWER_WRITE || op->kind == POWER_WRITE_ON)
		add_write(role, op->at, octets, op->n, unit);
	else if (op->kind == POWER_ALLOCATE)
		add_piece(role, op->at, NULL, 0);
	else if (op->kind == POWER_SIZE)
		stop("a file is cut", role_names[role]);
}

static void returned(const struct power_op *op, const uint8_t *octets)
{
	enum role role = trace.roles[op->file];
	long number;
	uint64_t digest;

	if (role == ROLE_ACKS && op->kind == POWER_WRITE &&
	    read_ack(octets, op->n, &number, &digest))
		acked = number;
	if (role >= ROLES)
		return;
	if (op->kind == POWER_SYNC && mode != NO_DATA_SYNC)
		settle(role, 0, FILE_MOST);
	if (op->kind == POWER_WRITE_ON && mode != NO_META_SYNC)
		settle(role, op->at, op->at + op->n);
}

/* --- Images ----------------------------------------------------------------------------------- */

/* How the sectors that reached the disk were chosen. */
enum choice {
	CHOICE_HALF,
	CHOICE_SOME, /* with one probability for all */
	CHOICE_NONE,
	CHOICE_ALL,
	CHOICE_FIRST, /* in the order they were written */
	CHOICE_NEARLY_ALL,
	CHOICE_PAGES, /* whole pages */
	CHOICES
};

static bool keeps(enum choice choice, const struct piece *piece, size_t i, uint64_t level)
{
	uint64_t page = (piece->at / PAGE_OCTETS + 1) * level;

	switch (choice) {
	case CHOICE_HALF:
		return drawn(2);
	case CHOICE_SOME:
		return drawn(1000) < level % 1000;
	case CHOICE_NONE:
		return false;
	case CHOICE_ALL:
		return true;
	case CHOICE_FIRST:
		return i < level % (pieces + 1);
	case CHOICE_NEARLY_ALL:
		return drawn(pieces) > 1;
	case CHOICE_PAGES:
		return power_hash(POWER_FNV, &page, sizeof(page)) >> 40 & 1;
	case CHOICES:
		break;
	}
	return false;
}

/* With a later piece of a sector come its earlier ones: it has one content. Torn words have many. */
static void make_image(unsigned number)
{
	enum choice choice = mode == TEAR ? CHOICE_HALF : (enum choice)drawn(CHOICES);
	uint64_t level = drawn(UINT64_C(1) << 40);

	for (size_t i = pieces; i-- > 0;) {
		struct piece *piece = &pending[i];
		uint32_t *stamp = &files[piece->role].stamps[piece->at / SECTOR_OCTETS];

		piece->kept = keeps(choice, piece, i, level);
		if (mode == TEAR || !piece->octets)
			continue;
		piece->kept = piece->kept || *stamp == number;
		if (piece->kept)
			*stamp = number;
	}
	for (unsigned role = 0; role < ROLES; role++) {
		struct file *file = &files[role];

		memcpy(file->image, file->disk, file->used);
		file->image_size = file->disk_size;
	}
	for (size_t i = 0; i < pieces; i++) {
		struct file *file = &files[pending[i].role];

		if (pending[i].kept)
			apply(&pending[i], file->image, &file->image_size);
	}
}

/* Behind its n octets the file has zeros or an earlier image's rest, to which nothing refers. */
static void write_file(const char *folder, const char *name, const uint8_t *octets, uint64_t n,
		       uint64_t size)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)size) || pwrite(fd, octets, n, 0) != (ssize_t)n)
		stop("cannot write", path);
	close(fd);
}

/* lock.mdb is never synced and may hold anything. */
static void write_image(const char *folder)
{
	uint8_t noise[PAGE_OCTETS];
	char lock[PATH_MAX + 16];

	for (unsigned role = 0; role < ROLES; role++) {
		const struct file *file = &files[role];
		uint64_t n = file->used + MORE_OCTETS;

		write_file(folder, role_names[role], file->image,
			   n < file->image_size ? n : file->image_size, file->image_size);
	}
	snprintf(lock, sizeof(lock), "%s/lock.mdb", folder);
	switch (drawn(4)) {
	case 0:
		unlink(lock);
		break;
	case 1:
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)drawn(256);
		write_file(folder, "lock.mdb", noise, sizeof(noise), sizeof(noise));
		break;
	default:
		break; /* as the image before left it */
	}
}

/* --- What an image is worth ------------------------------------------------------------------- */

enum stage {
	STAGE_STARTED,
	STAGE_OPENED, /* or refused, see code */
	STAGE_READ,
	STAGE_WENT_ON
};

/* Told by the child as far as it came. */
struct verdict {
	volatile enum stage stage;
	enum store_open code;
	uint64_t digest;
	bool readable;
	bool stays; /* what was there was there after more transactions too */
	char err[STORE_ERR_OCTETS];
};

static struct verdict *verdict;

static bool write_more(struct store *store)
{
	uint8_t verb[400];

	memset(verb, 'v', sizeof(verb));
	for (unsigned i = 0; i < MORE_COMMITS; i++) {
		struct store_txn *txn;

		if (store_begin(store, &txn))
			return false;
		for (unsigned row = 0; row < MORE_ROWS; row++) {
			const struct store_audit audit = {
				.seq = store_next(txn, STORE_NEXT_AUDIT),
				.verb = { verb, sizeof(verb) },
			};

			if (store_audit_put(txn, &audit))
				return false;
		}
		if (store_commit(txn))
			return false;
	}
	return true;
}

/* In a child, for a page that is wrong may end it. */
[[gnu::noreturn]] static void look(const char *folder)
{
	struct power_digest digest;
	struct power_digest later;
	struct store *store;
	struct store_options options = { .size_octets = STORE_SIZE_LEAST_OCTETS,
					 .create = acked < 0,
					 .now_ms = START_MS };

	alarm(CHILD_S);
	memset(options.seed, 7, sizeof(options.seed));
	verdict->code = store_open(folder, &options, &store, verdict->err);
	verdict->stage = STAGE_OPENED;
	if (verdict->code)
		_exit(0);
	verdict->readable = power_digest(store, &digest) == STORE_OK;
	verdict->digest = power_digest_whole(&digest);
	verdict->stage = STAGE_READ;
	if (!verdict->readable)
		_exit(0);
	verdict->stays = write_more(store) && power_digest(store, &later) == STORE_OK &&
			 power_digest_but_audit(&digest) == power_digest_but_audit(&later);
	store_close(store);
	verdict->stage = STAGE_WENT_ON;
	_exit(0);
}

static void judge_folder(const char *folder)
{
	int status;

	memset(verdict, 0, sizeof(*verdict));
	fflush(stdout);
	pid_t pid = fork();

	if (pid == 0)
		look(folder);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		stop("cannot run", "a child");
}

/* NULL: it holds transaction acked or the next one. Otherwise what is wrong. */
static const char *find_boundary(bool *newer)
{
	static char text[64];
	long wanted = acked < 0 ? 0 : acked;

	if (!verdict->readable)
		return "it opens and a record cannot be read";
	for (long i = last_boundary; i >= 0; i--) {
		if (boundaries[i] != verdict->digest)
			continue;
		*newer = i > wanted;
		if (i == wanted || i == wanted + 1)
			return NULL;
		snprintf(text, sizeof(text), "it opens with transaction %ld", i);
		return text;
	}
	return "it opens with what no transaction left";
}

static const char *judge(void)
{
	bool newer = false;

	if (verdict->stage == STAGE_STARTED || (verdict->stage == STAGE_OPENED && !verdict->code))
		return "its reader died";
	if (verdict->code && acked < 0) {
		seen.unmade++;
		return NULL;
	}
	if (verdict->code) {
		bool told = verdict->code == STORE_OPEN_TORN || verdict->code == STORE_OPEN_DAMAGED;

		seen.refused++;
		return mode == TEAR && told ? NULL : verdict->err;
	}
	const char *wrong = find_boundary(&newer);

	seen.newer += newer;
	if (wrong || (verdict->stage == STAGE_WENT_ON && verdict->stays))
		return wrong;
	seen.decayed++;
	return mode == TEAR ? NULL : "it opens and does not go on";
}

/* --- The runs --------------------------------------------------------------------------------- */

static bool is_meta(size_t i)
{
	const uint8_t *octets;
	const struct power_op *op = op_at(i, &octets);

	return op->kind == POWER_WRITE_ON && trace.roles[op->file] == ROLE_DATA;
}

/* Where the power goes: anywhere, more often at a meta page; with TEAR there only. */
static size_t draw_point(void)
{
	size_t drawn_at = (size_t)drawn(trace.count);
	bool meta = mode == TEAR || drawn(4) == 0;

	for (size_t i = drawn_at; meta && i < trace.count; i++)
		if (is_meta(i))
			return i;
	for (size_t i = drawn_at; mode == TEAR && i-- > 0;)
		if (is_meta(i))
			return i;
	return drawn_at;
}

static int compare_points(const void *a, const void *b)
{
	size_t left = *(const size_t *)a;
	size_t right = *(const size_t *)b;

	return left < right ? -1 : left > right;
}

static void try_image(unsigned number, size_t point, const char *folder)
{
	const uint8_t *octets;
	const struct power_op *op = op_at(point, &octets);
	size_t before = pieces;

	called(op, octets, mode == TEAR ? WORD_OCTETS : SECTOR_OCTETS);
	make_image(number);
	write_image(folder);
	judge_folder(folder);
	const char *wrong = judge();

	seen.images++;
	seen.bad += wrong != NULL;
	if (wrong && seen.bad <= BAD_SHOWN)
		printf("bad: image %u, call %zu of %zu, transaction %ld, %zu pieces: %s\n", number,
		       point, trace.count, acked, pieces, wrong);
	pieces = before;
}

static void make_files(void)
{
	for (unsigned role = 0; role < ROLES; role++) {
		files[role].disk = calloc(1, FILE_MOST);
		files[role].image = calloc(1, FILE_MOST);
		files[role].stamps = calloc(FILE_MOST / SECTOR_OCTETS, sizeof(uint32_t));
		if (!files[role].disk || !files[role].image || !files[role].stamps)
			stop("no memory", "files");
	}
}

/* With everything on disk the image must be what the run left: else a call was not noted. */
static void check_whole(const char *store)
{
	char path[PATH_MAX];
	uint8_t *octets = malloc(FILE_MOST);

	for (unsigned role = 0; role < ROLES; role++) {
		settle((enum role)role, 0, FILE_MOST);
		snprintf(path, sizeof(path), "%s/%s", store, role_names[role]);
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (!octets || fd < 0 ||
		    read(fd, octets, FILE_MOST) != (ssize_t)files[role].disk_size ||
		    memcmp(octets, files[role].disk, files[role].disk_size) != 0)
			stop("the trace is not all that was written to", path);
		close(fd);
	}
	free(octets);
}

static void run_images(const char *store, unsigned count, uint64_t seed)
{
	char folder[PATH_MAX];
	size_t *points = malloc((count + 1) * sizeof(*points));
	size_t op = 0;
	const uint8_t *octets;

	snprintf(folder, sizeof(folder), "%s.image", store);
	if (!points || (mkdir(folder, 0700) && access(folder, W_OK)))
		stop("cannot make", folder);
	chance = seed;
	for (unsigned i = 0; i < count; i++)
		points[i] = draw_point();
	qsort(points, count, sizeof(*points), compare_points);
	for (unsigned i = 0; i <= count; i++) {
		for (; op < (i < count ? points[i] : trace.count); op++) {
			const struct power_op now = *op_at(op, &octets);

			called(&now, octets, SECTOR_OCTETS);
			returned(&now, octets);
		}
		if (i < count)
			try_image(i + 1, points[i], folder);
	}
	check_whole(store);
	free(points);
}

static void run_after(const char *store, long number)
{
	acked = number;
	judge_folder(store);
	const char *wrong = judge();

	seen.images = 1;
	seen.bad = wrong != NULL;
	if (wrong)
		printf("bad: after transaction %ld: %s\n", number, wrong);
}

static int usage(void)
{
	fprintf(stderr, "usage: power_replay images TRACE STORE COUNT SEED "
			"[tear | no-data-sync | no-meta-sync]\n"
			"       power_replay after TRACE STORE ACKED\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const char *const modes[] = { "", "tear", "no-data-sync", "no-meta-sync" };
	bool images = argc > 1 && !strcmp(argv[1], "images");

	if (argc < 5 || (images ? argc < 6 || argc > 7 : strcmp(argv[1], "after") || argc > 5))
		return usage();
	for (unsigned i = 0; images && argc == 7 && i < 4; i++)
		if (!strcmp(argv[6], modes[i]))
			mode = i;
	if (images && argc == 7 && mode == PLAIN)
		return usage();
	verdict = mmap(NULL, sizeof(*verdict), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (verdict == MAP_FAILED)
		stop("no memory", "verdict");
	for (unsigned i = 0; i < TRACED_FILES; i++)
		trace.roles[i] = ROLE_OTHER;
	load_trace(argv[2]);
	make_files();
	if (images)
		run_images(argv[3], (unsigned)strtoul(argv[4], NULL, 10),
			   strtoull(argv[5], NULL, 10));
	else
		run_after(argv[3], strtol(argv[4], NULL, 10));
	printf("images=%u bad=%u refused=%u newer=%u unmade=%u decayed=%u\n", seen.images, seen.bad,
	       seen.refused, seen.newer, seen.unmade, seen.decayed);
	return 0;
}
