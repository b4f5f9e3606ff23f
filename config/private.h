/*
 * What the files of config/ share: the tree of a parsed file, the rows of config.def as data, and
 * the context of one load. Nobody outside config/ includes it.
 *
 *	config.c  file and overrides -> tree      number.c  a text -> a number, and back
 *	tree.c    memory, nodes, mistakes         value.c   one value -> one member, and back
 *	schema.c  config.def as arrays            bind.c    tree -> structs, by the rows
 *	print.c   --show-config, the reference    check.c   what concerns several keys, and files
 *	diff.c    what two configs differ in
 */
#ifndef CONFIG_PRIVATE_H
#define CONFIG_PRIVATE_H

#include <stdarg.h>

#include "config/config.h"

/* ---- memory: freed as a whole with the config ---- */

struct config_arena {
	struct config_block *blocks;
};

/* Zeroed, aligned for anything; NULL when there is no memory. */
void *config_arena_alloc(struct config_arena *arena, size_t octets);
void config_arena_release(struct config_arena *arena);

/* ---- the tree ---- */

struct config_place {
	const char *source;
	bool set;
	uint32_t line, column;
};

enum config_node_kind {
	CONFIG_NODE_REFUSED, /* an alias, a tag...: told already, taken for nothing else */
	CONFIG_NODE_SCALAR,
	CONFIG_NODE_MAPPING,
	CONFIG_NODE_LIST,
};

struct config_node {
	enum config_node_kind kind;
	bool plain;		/* a scalar without quotes */
	bool wrong;		/* its value was refused: no check of several keys looks at it */
	const char *text;	/* of a scalar */
	const char *key;	/* under which it stands in a mapping; NULL in a list */
	struct config_place at; /* of the value */
	struct config_place key_at; /* of the key; in a list as at */
	struct config_node *first, *last, *next;
	size_t n; /* entries */
};

void config_node_append(struct config_node *parent, struct config_node *child);
struct config_node *config_node_find(const struct config_node *mapping, const char *key);
struct config_node *config_node_nth(const struct config_node *list, size_t index);

/* ---- the rows ---- */

enum config_type {
	CONFIG_TYPE_TEXT,
	CONFIG_TYPE_LABEL,
	CONFIG_TYPE_NAME,
	CONFIG_TYPE_DIGITS,
	CONFIG_TYPE_CAPITALS,
	CONFIG_TYPE_HEX,
	CONFIG_TYPE_PATH,
	CONFIG_TYPE_COUNT,
	CONFIG_TYPE_TIME,
	CONFIG_TYPE_SIZE,
	CONFIG_TYPE_MONEY,
	CONFIG_TYPE_MODE,
	CONFIG_TYPE_STATUS,
	CONFIG_TYPE_OCTET,
	CONFIG_TYPE_ZONE,
	CONFIG_TYPE_TAG,
	CONFIG_TYPE_OCTETS,
	CONFIG_TYPE_USER,
	CONFIG_TYPE_GROUP,
	CONFIG_TYPE_BOOL,
	CONFIG_TYPE_ADDRESS,
	CONFIG_TYPE_TEXTS,
	CONFIG_TYPE_TIMES,
	CONFIG_TYPE_CHOICE,
};

struct config_row {
	const char *key;
	enum config_type type;
	const char *const *words; /* of a CHOICE, by value */
	size_t n_words;
	const char *unit;
	int64_t least, most;
	const char *fallback;
	const char *sentence;
	size_t offset;
};

enum config_shape {
	CONFIG_SHAPE_SECTION,  /* a mapping of keys; absent: all defaults */
	CONFIG_SHAPE_OPTIONAL, /* the same; absent: off (its struct starts with `enabled`) */
	CONFIG_SHAPE_SWITCH,   /* the same; absent or `on`: all defaults, `off`: off */
	CONFIG_SHAPE_NAMED, /* a mapping of names, each to a mapping; its first row is the name */
	CONFIG_SHAPE_PAIRS, /* a mapping of names, each to a value; two rows */
	CONFIG_SHAPE_LIST,  /* a list of mappings */
};

struct config_section;

struct config_child {
	const char *key;
	enum config_shape shape;
	const struct config_section *section;
	size_t offset; /* of the struct; of the pointer to an array */
	size_t count;  /* of an array's length */
	size_t size;   /* of one element of an array */
};

struct config_section {
	const char *sentence; /* what it is, for the reference */
	const struct config_row *rows;
	size_t n_rows;
	const struct config_child *children;
	size_t n_children;
};

extern const struct config_section config_root_section, config_provider_section,
	config_link_section;

/* The rows that a mapping of this shape may hold: a name is not among them. */
size_t config_shape_first_row(enum config_shape shape);
bool config_shape_is_array(enum config_shape shape);

/* ---- one load ---- */

#define CONFIG_PATH_OCTETS 512

struct config_private {
	size_t holders; /* see config_hold */
	struct config_arena arena;
	struct config_node *root; /* its places name no source any more */
	const char *file;	  /* the last part of its path */
	char *secrets; /* a page that stays out of core dumps; NULL until there is a password */
	size_t secrets_octets, secrets_used;
};

struct config_load {
	const struct config_source *source;
	struct config_errors *errs;
	struct config *config;
	struct config_arena *arena;
	const char *folder; /* of the file, with its last slash; empty: the current one */
	bool no_memory;
	size_t events;		       /* read so far, overrides included */
	struct config_error spill;     /* takes what does not fit in errs */
	char path[CONFIG_PATH_OCTETS]; /* dotted, of what is being read */
	size_t path_octets;
};

/* Tells, once, that there is no memory; and the arena's functions that tell it by themselves. */
void config_load_no_memory(struct config_load *load);
void *config_load_alloc(struct config_load *load, size_t octets);
char *config_load_text(struct config_load *load, const char *octets, size_t n);

/* Appends a key to load->path and returns what config_path_pop needs to take it off again. */
size_t config_path_push(struct config_load *load, const char *key);
void config_path_pop(struct config_load *load, size_t mark);

/* Notes a mistake; the answer takes a hint and is never NULL. */
struct config_error *config_mistake(struct config_load *load, const struct config_place *at,
				    const char *format, ...) __attribute__((format(printf, 3, 4)));
void config_hint(struct config_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A foreign text between quotes, escaped and cut, for a message; buf is returned. */
#define CONFIG_QUOTED_OCTETS 64
const char *config_quote(char buf[CONFIG_QUOTED_OCTETS], const char *text);

/* Where printed text goes: to write, or without it to octets, which it fills and never overruns. */
struct config_text_out {
	config_write_fn write;
	void *user;
	char *octets;
	size_t size, n;
	bool cut; /* something did not go out: no room, or write said no */
};

/* Through write at most 511 octets a call. */
void config_out(struct config_text_out *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- numbers with their units: false when the text is no such number; no bound is looked at ---- */

bool config_read_count(const char *text, int64_t *number);
bool config_read_time(const char *text, int64_t *ms);
bool config_read_size(const char *text, int64_t *octets);
bool config_read_mode(const char *text, int64_t *bits);
bool config_read_status(const char *text, int64_t *status);
bool config_read_zone(const char *text, int64_t *minutes);
bool config_read_money(const char *text, int64_t *micros);

void config_write_count(int64_t number, struct config_text_out *out);
void config_write_time(int64_t ms, struct config_text_out *out);
void config_write_size(int64_t octets, struct config_text_out *out);
void config_write_mode(int64_t bits, struct config_text_out *out);
void config_write_status(int64_t status, struct config_text_out *out);
void config_write_zone(int64_t minutes, struct config_text_out *out);
void config_write_money(int64_t micros, struct config_text_out *out);

/* ---- values: a member is found by its row and the base of its struct ---- */

/*
 * Reads node as row says. False when it was refused and told, with load->path before it; then the
 * member is as before and node->wrong is set.
 */
bool config_value_take(struct config_load *load, const struct config_row *row, void *base,
		       struct config_node *node);

/* Sets a member to that of another row of the same type; a time with so much added. */
void config_value_derive(const struct config_row *row, const struct config_row *from, int64_t plus,
			 void *base);

/* As it would stand in the file; false when the member is not set. */
bool config_value_print(const struct config_row *row, const void *base,
			struct config_text_out *out);

/* What the row allows, in words: "1 to 1000 requests", "open or whitelist". */
void config_range_print(const struct config_row *row, struct config_text_out *out);

/* ---- tree to structs, and what concerns several keys ---- */

/* Fills load->config; root is a mapping. */
void config_bind(struct config_load *load, struct config_node *root);

/* As if all keys of the section stood nowhere, but for its name: the defaults alone. */
void config_bind_defaults(struct config_load *load, const struct config_section *section,
			  void *base);

/* ---- files ---- */

enum config_file_kind {
	CONFIG_FILE_PUBLIC, /* only its owner and group may write it */
	CONFIG_FILE_SECRET, /* only its owner may read it, and that is root, we or secret_owner */
};

/*
 * Reads a regular file of at most max octets. Returns how many, or -1 when it was refused: its
 * kind, size, mode, owner, or a folder in which anybody could replace it. The buffer has room for
 * max + 1; without a buffer the file is only looked at.
 */
ssize_t config_file_read(struct config_load *load, const struct config_place *at, const char *path,
			 enum config_file_kind kind, char *octets, size_t max);

/* Call after config_bind, also when it found mistakes. Reads the password files. */
void config_check(struct config_load *load, struct config_node *root);

#endif
