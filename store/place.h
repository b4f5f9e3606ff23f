/*
 * The folder a store lives in, seen from outside LMDB: who may have it, on which filesystem, how
 * whole data.mdb looks, how far it had come. Used by store.c only; it never touches lock.mdb.
 */
#ifndef STORE_PLACE_H
#define STORE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct store_place {
	int dir_fd;
	int lock_fd; /* flock held for life */
	int hw_fd;
	bool unproven; /* the filesystem does not promise that what was synced stays */
};

/*
 * Makes the folder if asked to, checks it and takes daemon.lock. On anything but OK nothing is
 * held, and err says why in one sentence.
 */
enum store_open store_place_take(struct store_place *place, const char *path, bool create,
				 char err[STORE_ERR_OCTETS]);

/* Lets go of everything; the files stay. */
void store_place_release(struct store_place *place);

/* OK or BAD_PLACE for a filesystem by its f_type; *unproven is set on overlay and tmpfs. */
enum store_open store_place_filesystem(uint32_t type, const char *path, bool *unproven,
				       char err[STORE_ERR_OCTETS]);

/* The entries of the folder, and of the folder it is in, are on disk when this returns OK. */
enum store_open store_place_sync(const struct store_place *place, char err[STORE_ERR_OCTETS]);

/* What the two meta pages at the head of data.mdb say. All zero when there is no store yet. */
struct store_head {
	uint64_t size_octets; /* of the map */
	uint64_t last_txn;
	uint64_t need_octets; /* the file must be at least so long */
	uint64_t file_octets;
};

/* OK, NOT_A_STORE, or DAMAGED when a meta page is no meta page or the file is too short. */
enum store_open store_place_head(const struct store_place *place, struct store_head *head,
				 char err[STORE_ERR_OCTETS]);

/*
 * Runs `work` in a child and hands on its code and sentence; a child that a signal ends (a page
 * that is not there is SIGBUS) is DAMAGED. Call it while there is one thread.
 */
typedef enum store_open store_place_work_fn(void *arg, char err[STORE_ERR_OCTETS]);
enum store_open store_place_in_child(store_place_work_fn *work, void *arg,
				     char err[STORE_ERR_OCTETS]);

/* How far the store had come when somebody last looked. */
struct store_hw {
	uint64_t store_id;
	uint64_t txn;
	uint32_t incarnation;
};

/* False when there is none that can be read. */
bool store_place_hw_read(const struct store_place *place, struct store_hw *hw);
/* Written in place, in one sector; it may be lost by a power failure and is then merely older. */
void store_place_hw_write(const struct store_place *place, const struct store_hw *hw, bool sync);

#endif
