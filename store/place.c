/* The folder of a store. See place.h. */
#include "store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/crc.h"

#define HW_OCTETS 96

static enum store_open failed(char *err, const char *what, const char *path)
{
	snprintf(err, STORE_ERR_OCTETS, "%s %s: %s", what, path, strerror(errno));
	return errno == ENOSPC || errno == EDQUOT ? STORE_OPEN_NO_SPACE : STORE_OPEN_FAILED;
}

/* Filesystems by the f_type of statfs(2). Where one is refused neither lock nor sync holds. */
static const struct {
	uint32_t type;
	const char *name;
	bool refused;
} filesystems[] = {
	{ 0x6969, "NFS", true },	  { 0xff534d42, "CIFS", true },
	{ 0xfe534d42, "SMB2", true },	  { 0x517b, "SMB", true },
	{ 0x01021997, "9p", true },	  { 0x65735546, "FUSE", true },
	{ 0x794c7630, "overlay", false }, { 0x01021994, "tmpfs", false },
};

enum store_open store_place_filesystem(uint32_t type, const char *path, bool *unproven,
				       char err[STORE_ERR_OCTETS])
{
	for (size_t i = 0; i < sizeof(filesystems) / sizeof(filesystems[0]); i++) {
		if (filesystems[i].type != type)
			continue;
		if (filesystems[i].refused) {
			snprintf(err, STORE_ERR_OCTETS,
				 "%s is on %s, which can neither lock nor keep a store", path,
				 filesystems[i].name);
			return STORE_OPEN_BAD_PLACE;
		}
		*unproven = true;
	}
	return STORE_OPEN_OK;
}

static enum store_open check_filesystem(struct store_place *place, const char *path, char *err)
{
	struct statfs fs;

	if (fstatfs(place->dir_fd, &fs))
		return failed(err, "cannot tell the filesystem of", path);
	return store_place_filesystem((uint32_t)fs.f_type, path, &place->unproven, err);
}

/* Ours alone, and in a parent where nobody else can put another in its place. */
static enum store_open check_folder(const struct store_place *place, const char *path, char *err)
{
	struct stat dir;
	struct stat parent;

	if (fstat(place->dir_fd, &dir) || fstatat(place->dir_fd, "..", &parent, 0))
		return failed(err, "cannot look at", path);
	if (dir.st_uid != geteuid()) {
		snprintf(err, STORE_ERR_OCTETS, "%s belongs to uid %u and not to uid %u", path,
			 (unsigned)dir.st_uid, (unsigned)geteuid());
		return STORE_OPEN_BAD_PLACE;
	}
	if (parent.st_mode & S_IWOTH && !(parent.st_mode & S_ISVTX)) {
		snprintf(err, STORE_ERR_OCTETS,
			 "the folder that %s is in may be written by everybody", path);
		return STORE_OPEN_BAD_PLACE;
	}
	if (dir.st_mode & 077 && fchmod(place->dir_fd, 0700))
		return failed(err, "cannot close to others", path);
	return STORE_OPEN_OK;
}

static enum store_open open_folder(struct store_place *place, const char *path, bool create,
				   char *err)
{
	if (create && mkdir(path, 0700) && errno != EEXIST)
		return failed(err, "cannot make", path);
	place->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->dir_fd < 0) {
		int code = errno;

		failed(err, "cannot open", path);
		return code == ENOENT  ? STORE_OPEN_MISSING :
		       code == ENOTDIR ? STORE_OPEN_NOT_A_STORE :
					 STORE_OPEN_FAILED;
	}
	if (!create && faccessat(place->dir_fd, "data.mdb", F_OK, 0)) {
		snprintf(err, STORE_ERR_OCTETS, "there is no store in %s", path);
		return STORE_OPEN_MISSING;
	}
	return STORE_OPEN_OK;
}

static enum store_open take_lock(struct store_place *place, const char *path, char *err)
{
	char pid[24] = "";

	place->lock_fd = openat(place->dir_fd, "daemon.lock",
				O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (place->lock_fd < 0)
		return failed(err, "cannot open daemon.lock in", path);
	if (flock(place->lock_fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return failed(err, "cannot lock daemon.lock in", path);
		if (pread(place->lock_fd, pid, sizeof(pid) - 1, 0) < 0)
			pid[0] = '\0';
		pid[strcspn(pid, "\n")] = '\0';
		snprintf(err, STORE_ERR_OCTETS, "%s is in use by process %s", path,
			 pid[0] ? pid : "unknown");
		return STORE_OPEN_LOCKED;
	}
	int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

	if (ftruncate(place->lock_fd, 0) || pwrite(place->lock_fd, pid, (size_t)n, 0) != n)
		return failed(err, "cannot write daemon.lock in", path);
	return STORE_OPEN_OK;
}

enum store_open store_place_take(struct store_place *place, const char *path, bool create,
				 char err[STORE_ERR_OCTETS])
{
	*place = (struct store_place){ .dir_fd = -1, .lock_fd = -1, .hw_fd = -1 };
	enum store_open code = open_folder(place, path, create, err);

	if (!code)
		code = check_folder(place, path, err);
	if (!code)
		code = check_filesystem(place, path, err);
	if (!code)
		code = take_lock(place, path, err);
	if (!code) {
		place->hw_fd = openat(place->dir_fd, "hw",
				      O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (place->hw_fd < 0)
			code = failed(err, "cannot open hw in", path);
	}
	if (code)
		store_place_release(place);
	return code;
}

void store_place_release(struct store_place *place)
{
	int *const fds[] = { &place->hw_fd, &place->lock_fd, &place->dir_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

enum store_open store_place_sync(const struct store_place *place, char err[STORE_ERR_OCTETS])
{
	int parent = openat(place->dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool synced = parent >= 0 && fsync(parent) == 0 && fsync(place->dir_fd) == 0;
	enum store_open code = synced ? STORE_OPEN_OK : failed(err, "cannot sync", "the folder");

	if (parent >= 0)
		close(parent);
	return code;
}

/* --- The head of data.mdb --------------------------------------------------------------------- */

/*
 * A meta page of LMDB 0.9 on a 64-bit machine, in its own byte order: 16 octets of page header,
 * then magic, version, address, map size, two database records of 48 octets of which the first
 * begins with the page size, last page, transaction.
 */
#define MDB_MAGIC    0xbeefc0deu
#define MDB_VERSION  1
#define META_OCTETS  152
#define AT_MAGIC     16
#define AT_VERSION   20
#define AT_MAP_SIZE  32
#define AT_PAGE_SIZE 40
#define AT_LAST_PAGE 136
#define AT_TXN	     144

static uint64_t number_at(const uint8_t *page, size_t at, size_t width)
{
	uint64_t u64 = 0;

	memcpy(&u64, page + at, width); /* little-endian, as all machines it is built for */
	return u64;
}

static bool is_meta(const uint8_t *page)
{
	return number_at(page, AT_MAGIC, 4) == MDB_MAGIC &&
	       number_at(page, AT_VERSION, 4) == MDB_VERSION;
}

static enum store_open read_head(int fd, struct store_head *head, char *err)
{
	uint8_t metas[2][META_OCTETS] = { { 0 } };
	struct stat file;

	if (fstat(fd, &file))
		return failed(err, "cannot look at", "data.mdb");
	head->file_octets = (uint64_t)file.st_size;
	if (file.st_size == 0) /* a start that ended before the first page */
		return STORE_OPEN_OK;
	if (pread(fd, metas[0], META_OCTETS, 0) != META_OCTETS || !is_meta(metas[0])) {
		snprintf(err, STORE_ERR_OCTETS, "data.mdb is not a store");
		return STORE_OPEN_NOT_A_STORE;
	}
	uint64_t page = number_at(metas[0], AT_PAGE_SIZE, 4);

	if (pread(fd, metas[1], META_OCTETS, (off_t)page) != META_OCTETS || !is_meta(metas[1])) {
		snprintf(err, STORE_ERR_OCTETS, "the second meta page of data.mdb is damaged");
		return STORE_OPEN_DAMAGED;
	}
	const uint8_t *meta = number_at(metas[0], AT_TXN, 8) >= number_at(metas[1], AT_TXN, 8) ?
				      metas[0] :
				      metas[1];

	head->size_octets = number_at(meta, AT_MAP_SIZE, 8);
	head->last_txn = number_at(meta, AT_TXN, 8);
	head->need_octets = (number_at(meta, AT_LAST_PAGE, 8) + 1) * page;
	if (head->file_octets < head->need_octets) {
		snprintf(err, STORE_ERR_OCTETS,
			 "data.mdb is truncated: it has %" PRIu64 " octets and needs %" PRIu64,
			 head->file_octets, head->need_octets);
		return STORE_OPEN_DAMAGED;
	}
	return STORE_OPEN_OK;
}

enum store_open store_place_head(const struct store_place *place, struct store_head *head,
				 char err[STORE_ERR_OCTETS])
{
	*head = (struct store_head){ 0 };
	int fd = openat(place->dir_fd, "data.mdb", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		return STORE_OPEN_OK;
	if (fd < 0)
		return failed(err, "cannot open", "data.mdb");
	enum store_open code = read_head(fd, head, err);

	close(fd);
	return code;
}

/* --- The child -------------------------------------------------------------------------------- */

struct verdict {
	enum store_open code;
	char err[STORE_ERR_OCTETS];
};

/* Does not return. What the child dies of is told by its parent, so no handler may catch it. */
static void work_and_exit(store_place_work_fn *work, void *arg, int to)
{
	struct verdict verdict = { .code = STORE_OPEN_OK };

	signal(SIGBUS, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	verdict.code = work(arg, verdict.err);
	_exit(write(to, &verdict, sizeof(verdict)) == (ssize_t)sizeof(verdict) ? 0 : 1);
}

static ssize_t read_verdict(int from, struct verdict *verdict)
{
	ssize_t n;

	do {
		n = read(from, verdict, sizeof(*verdict));
	} while (n < 0 && errno == EINTR);
	return n;
}

enum store_open store_place_in_child(store_place_work_fn *work, void *arg,
				     char err[STORE_ERR_OCTETS])
{
	struct verdict verdict;
	int ends[2];
	int status = 0;

	if (pipe2(ends, O_CLOEXEC))
		return failed(err, "cannot make a pipe for", "the verifying child");
	pid_t pid = fork();

	if (pid == 0)
		work_and_exit(work, arg, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return failed(err, "cannot start", "the verifying child");
	}
	ssize_t n = read_verdict(ends[0], &verdict);

	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n == (ssize_t)sizeof(verdict)) { /* less than a pipe takes at once */
		memcpy(err, verdict.err, STORE_ERR_OCTETS);
		return verdict.code;
	}
	snprintf(err, STORE_ERR_OCTETS, "reading the store ended in signal %d (%s): it is damaged",
		 WTERMSIG(status), strsignal(WTERMSIG(status)));
	return STORE_OPEN_DAMAGED;
}

/* --- hw --------------------------------------------------------------------------------------- */

bool store_place_hw_read(const struct store_place *place, struct store_hw *hw)
{
	char line[HW_OCTETS + 1] = "";
	int body = 0;
	uint32_t crc;
	ssize_t n = pread(place->hw_fd, line, HW_OCTETS, 0);

	if (n <= 0)
		return false;
	*hw = (struct store_hw){ 0 };
	if (sscanf(line,
		   "store %" SCNx64 " incarnation %" SCNu32 " transaction %" SCNu64
		   "%n crc %" SCNx32,
		   &hw->store_id, &hw->incarnation, &hw->txn, &body, &crc) != 4)
		return false;
	return crc == store_crc32c(0, line, (size_t)body);
}

void store_place_hw_write(const struct store_place *place, const struct store_hw *hw, bool sync)
{
	char line[HW_OCTETS + 1];
	int n = snprintf(line, sizeof(line),
			 "store %016" PRIx64 " incarnation %" PRIu32 " transaction %" PRIu64,
			 hw->store_id, hw->incarnation, hw->txn);
	uint32_t crc = store_crc32c(0, line, (size_t)n);

	n += snprintf(line + n, sizeof(line) - (size_t)n, " crc %08" PRIx32, crc);
	memset(line + n, ' ', (size_t)(HW_OCTETS - n));
	line[HW_OCTETS - 1] = '\n';
	/* A failure leaves an older one or none: less is noticed later, nothing is lost. */
	if (pwrite(place->hw_fd, line, HW_OCTETS, 0) == HW_OCTETS && sync)
		fdatasync(place->hw_fd);
}
