/*
 * From the tree to the structs by walking the rows: unknown keys, missing keys, defaults. It knows
 * shapes and rows, no key by name but those of `misplaced`; what concerns several keys at once is
 * check.c's.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/private.h"

#define KEYS_MAX 64 /* keys of one section */

/* Keys that people expect and that are refused on purpose. */
static const struct {
	const char *key, *hint;
} misplaced[] = {
	{ "password", "write it to a file of mode 0600 and name that with password_file" },
	{ "api_key", "keys live in the store: see esmectl account" },
	{ "accounts", "accounts live in the store: see esmectl account" },
	{ "<<", "merge keys are not taken; write the keys where they are used" },
	{ "balance", "balances live in the store: see esmectl account" },
};

/* ---- suggestions ---- */

/* The keys that stand in a section, its own and those of its parts. */
static size_t section_keys(const struct config_section *section, size_t first_row,
			   const char *keys[KEYS_MAX])
{
	size_t n = 0;

	assert(section->n_rows + section->n_children <= KEYS_MAX);
	for (size_t i = first_row; i < section->n_rows; i++)
		keys[n++] = section->rows[i].key;
	for (size_t i = 0; i < section->n_children; i++)
		keys[n++] = section->children[i].key;
	return n;
}

/* Writes where else in the file the key stands, as "providers.NAME.links.NAME"; false if nowhere. */
static bool find_home(const struct config_section *section, size_t first_row, const char *key,
		      struct config_text_out *out)
{
	const size_t mark = out->n;
	const char *keys[KEYS_MAX];
	const size_t n = section_keys(section, first_row, keys);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(keys[i], key) == 0)
			return true;
	}
	for (size_t i = 0; i < section->n_children; i++) {
		const struct config_child *child = &section->children[i];

		if (child->shape == CONFIG_SHAPE_PAIRS)
			continue;
		config_out(out, "%s%s", mark > 0 ? "." : "", child->key);
		if (child->shape == CONFIG_SHAPE_NAMED)
			config_out(out, ".%s", child->section->rows[0].key);
		if (find_home(child->section, config_shape_first_row(child->shape), key, out))
			return true;
		out->n = mark;
		out->octets[mark] = '\0';
	}
	return false;
}

static void hint_at_known(const char *key, const char *const *keys, size_t n,
			  struct config_error *error)
{
	const char *nearest = config_nearest(key, keys, n);
	char text[200] = "";
	struct config_text_out out = { .octets = text, .size = sizeof(text) };

	for (size_t i = 0; i < sizeof(misplaced) / sizeof(*misplaced); i++) {
		if (strcmp(key, misplaced[i].key) == 0) {
			config_hint(error, "%s", misplaced[i].hint);
			return;
		}
	}
	/* A key of another place is no misspelt key of this one, however near. */
	if (find_home(&config_root_section, 0, key, &out)) {
		config_hint(error, out.n > 0 ? "it belongs under %s" : "it belongs at the top%s",
			    text);
	} else if (nearest) {
		config_hint(error, "did you mean \"%s\"?", nearest);
	} else {
		for (size_t i = 0; i < n; i++)
			config_out(&out, "%s%s", i > 0 ? ", " : "", keys[i]);
		config_hint(error, "known here: %s%s", text, out.cut ? "..." : "");
	}
}

static void refuse_unknown(struct config_load *load, const struct config_section *section,
			   size_t first_row, const struct config_node *node)
{
	const char *keys[KEYS_MAX];
	const size_t n = section_keys(section, first_row, keys);
	char quoted[CONFIG_QUOTED_OCTETS];
	const struct config_node *entry;
	struct config_error *error;
	size_t i;

	for (entry = node->first; entry; entry = entry->next) {
		for (i = 0; i < n && strcmp(keys[i], entry->key) != 0; i++)
			;
		if (i < n)
			continue;
		error = config_mistake(load, &entry->key_at, "%s%sunknown key %s", load->path,
				       load->path[0] ? ": " : "", config_quote(quoted, entry->key));
		hint_at_known(entry->key, keys, n, error);
	}
}

/* ---- rows ---- */

static void refuse_missing(struct config_load *load, const struct config_row *row,
			   const struct config_place *at)
{
	const size_t mark = config_path_push(load, row->key);

	config_hint(config_mistake(load, at, "%s: is missing", load->path), "%s", row->sentence);
	config_path_pop(load, mark);
}

/* A default passes the same door as a value of the file; "a, b" is a list of two. */
static void take_default(struct config_load *load, const struct config_row *row, void *base)
{
	struct config_node nodes[8], list = { .kind = CONFIG_NODE_LIST };
	const char *text = row->fallback, *comma;
	bool good;

	if ((!text[0] && row->type != CONFIG_TYPE_GROUP) || text[0] == '=')
		return;
	for (;; text = comma + strspn(comma, ", ")) {
		comma = text + strcspn(text, ",");
		nodes[list.n] = (struct config_node){
			.kind = CONFIG_NODE_SCALAR,
			.text = config_load_text(load, text, (size_t)(comma - text)),
		};
		if (!nodes[list.n].text)
			return;
		config_node_append(&list, &nodes[list.n]);
		if (!*comma)
			break;
		assert(list.n < sizeof(nodes) / sizeof(*nodes));
	}
	good = config_value_take(load, row, base, list.n > 1 ? &list : &nodes[0]);
	assert(good || load->no_memory);
	(void)good;
}

/* "=key" and "=key+time", once the other keys stand. */
static void derive_default(const struct config_section *section, const struct config_row *row,
			   void *base)
{
	const char *key = row->fallback + 1;
	const size_t length = strcspn(key, "+");
	int64_t plus = 0;

	if (key[length] == '+' && !config_read_time(key + length + 1, &plus))
		assert(false);
	for (size_t i = 0; i < section->n_rows; i++) {
		if (strncmp(section->rows[i].key, key, length) == 0 &&
		    !section->rows[i].key[length])
			config_value_derive(row, &section->rows[i], plus, base);
	}
}

static void bind_rows(struct config_load *load, const struct config_section *section,
		      size_t first_row, void *base, struct config_node *node,
		      const struct config_place *at)
{
	const struct config_row *row;
	struct config_node *value;
	size_t mark;

	for (size_t i = first_row; i < section->n_rows; i++) {
		row = &section->rows[i];
		value = config_node_find(node, row->key);
		if (value) {
			mark = config_path_push(load, row->key);
			config_value_take(load, row, base, value);
			config_path_pop(load, mark);
		} else if (!row->fallback) {
			refuse_missing(load, row, at);
		} else {
			take_default(load, row, base);
		}
	}
	for (size_t i = first_row; i < section->n_rows; i++) {
		row = &section->rows[i];
		if (row->fallback && row->fallback[0] == '=' && !config_node_find(node, row->key))
			derive_default(section, row, base);
	}
}

/* ---- shapes ---- */

static void bind_section(struct config_load *load, const struct config_section *section,
			 size_t first_row, void *base, struct config_node *node,
			 const struct config_place *at);

static bool refuse_shape(struct config_load *load, struct config_node *node,
			 enum config_node_kind kind)
{
	if (node->kind == kind)
		return false;
	if (node->kind != CONFIG_NODE_REFUSED)
		config_mistake(load, &node->at, "%s: must be a %s", load->path,
			       kind == CONFIG_NODE_LIST ? "list" : "mapping of keys");
	node->wrong = true;
	return true;
}

/* The name under which an entry stands, as the first row of its section says. */
static bool bind_name(struct config_load *load, const struct config_section *section, void *base,
		      struct config_node *entry)
{
	struct config_node name = {
		.kind = CONFIG_NODE_SCALAR,
		.text = entry->key,
		.at = entry->key_at,
	};

	if (!config_value_take(load, &section->rows[0], base, &name))
		entry->wrong = true;
	return !entry->wrong;
}

static void bind_entry(struct config_load *load, const struct config_child *child, void *element,
		       struct config_node *entry, size_t index)
{
	char number[24];
	size_t mark;

	if (child->shape != CONFIG_SHAPE_LIST && !bind_name(load, child->section, element, entry))
		return;
	snprintf(number, sizeof(number), "%zu", index);
	mark = config_path_push(load, entry->key ? entry->key : number);
	if (child->shape == CONFIG_SHAPE_PAIRS)
		config_value_take(load, &child->section->rows[1], element, entry);
	else if (!refuse_shape(load, entry, CONFIG_NODE_MAPPING))
		bind_section(load, child->section, config_shape_first_row(child->shape), element,
			     entry, &entry->key_at);
	config_path_pop(load, mark);
}

static void bind_array(struct config_load *load, const struct config_child *child, char *base,
		       struct config_node *node)
{
	const enum config_node_kind kind = child->shape == CONFIG_SHAPE_LIST ? CONFIG_NODE_LIST :
									       CONFIG_NODE_MAPPING;
	struct config_node *entry;
	char *elements;
	size_t n = 0;

	if (!node || refuse_shape(load, node, kind))
		return;
	elements = config_load_alloc(load, node->n * child->size);
	if (!elements)
		return;
	for (entry = node->first; entry; entry = entry->next, n++)
		bind_entry(load, child, elements + n * child->size, entry, n);
	memcpy(base + child->offset, &elements, sizeof(elements));
	memcpy(base + child->count, &n, sizeof(n));
}

/* `on` and `off` in the place of a mapping. True when it was one of them, or refused. */
static bool bind_switch(struct config_load *load, struct config_node *node, bool *enabled)
{
	if (!node || node->kind != CONFIG_NODE_SCALAR)
		return false;
	if (strcmp(node->text, "off") == 0) {
		*enabled = false;
	} else if (strcmp(node->text, "on") != 0) {
		config_hint(config_mistake(load, &node->at,
					   "%s: must be a mapping of keys, on or off", load->path),
			    "off is a connection that anybody on the way can read");
		node->wrong = true;
	}
	return true;
}

static void bind_child(struct config_load *load, const struct config_child *child, char *base,
		       struct config_node *node, const struct config_place *at)
{
	bool enabled = node != NULL || child->shape == CONFIG_SHAPE_SWITCH;
	struct config_node *mapping = node;

	if (config_shape_is_array(child->shape)) {
		bind_array(load, child, base, node);
		return;
	}
	if (child->shape == CONFIG_SHAPE_OPTIONAL && !node)
		return;
	if (child->shape == CONFIG_SHAPE_SWITCH && bind_switch(load, node, &enabled))
		mapping = NULL;
	if (mapping && refuse_shape(load, mapping, CONFIG_NODE_MAPPING))
		return;
	if (child->shape != CONFIG_SHAPE_SECTION)
		memcpy(base + child->offset, &enabled, sizeof(enabled));
	bind_section(load, child->section, 0, base + child->offset, mapping,
		     node ? &node->key_at : at);
}

static void bind_section(struct config_load *load, const struct config_section *section,
			 size_t first_row, void *base, struct config_node *node,
			 const struct config_place *at)
{
	const struct config_child *child;
	size_t mark;

	if (node)
		refuse_unknown(load, section, first_row, node);
	bind_rows(load, section, first_row, base, node, at);
	for (size_t i = 0; i < section->n_children; i++) {
		child = &section->children[i];
		mark = config_path_push(load, child->key);
		bind_child(load, child, base, config_node_find(node, child->key), at);
		config_path_pop(load, mark);
	}
}

void config_bind_defaults(struct config_load *load, const struct config_section *section,
			  void *base)
{
	const struct config_place nowhere = { 0 };

	bind_section(load, section, 1, base, NULL, &nowhere);
}

void config_bind(struct config_load *load, struct config_node *root)
{
	bind_section(load, &config_root_section, 0, load->config, root, &root->at);
}
