/*
 * A file and its overrides to a tree, and the life of a config. YAML is read as events only: a
 * document API would follow aliases and nest without bound. What YAML has beyond plain mappings,
 * lists and texts is refused here, so that nothing behind this file has to think of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <yaml.h>

#include "config/private.h"

#define MAPPING_KEYS_MAX 4096 /* a duplicate is looked for among so many */

/* ---- events to nodes ---- */

/* One text being read: the file, or the value of one override. */
struct reader {
	struct config_load *load;
	const char *source;
	bool set;
	yaml_parser_t parser;
	struct config_node *stack[CONFIG_DEPTH_MAX]; /* the mappings and lists that are open */
	size_t depth;
	char *key; /* of the value that comes next, when the top of the stack is a mapping */
	struct config_place key_at;
	struct config_node *root;
	bool stopped; /* a mistake behind which nothing can be made out */
};

static struct config_place place(const struct reader *reader, yaml_mark_t mark)
{
	return (struct config_place){
		.source = reader->source,
		.set = reader->set,
		.line = (uint32_t)mark.line + 1,
		.column = (uint32_t)mark.column + 1,
	};
}

static struct config_node *top(const struct reader *reader)
{
	return reader->depth > 0 ? reader->stack[reader->depth - 1] : NULL;
}

static void refuse(struct reader *reader, yaml_mark_t mark, const char *what, const char *hint)
{
	const struct config_place at = place(reader, mark);

	config_hint(config_mistake(reader->load, &at, "%s", what), "%s", hint);
}

static void stop(struct reader *reader, yaml_mark_t mark, const char *what, const char *hint)
{
	refuse(reader, mark, what, hint);
	reader->stopped = true;
}

static bool awaits_key(const struct reader *reader)
{
	const struct config_node *node = top(reader);

	return node && node->kind == CONFIG_NODE_MAPPING && !reader->key;
}

static char *take_text(struct reader *reader, const yaml_event_t *event)
{
	const char *octets = (const char *)event->data.scalar.value;
	const size_t n = event->data.scalar.length;
	char *text = config_load_text(reader->load, octets, n);

	if (text && strlen(text) != n)
		refuse(reader, event->start_mark, "a text with a NUL in it is not taken", "");
	reader->stopped |= !text;
	return text;
}

static void take_key(struct reader *reader, const yaml_event_t *event)
{
	const struct config_node *mapping = top(reader), *first;
	char quoted[CONFIG_QUOTED_OCTETS];

	if (event->type != YAML_SCALAR_EVENT) {
		stop(reader, event->start_mark, "a key must be one text", "");
		return;
	}
	if (mapping->n >= MAPPING_KEYS_MAX) {
		stop(reader, event->start_mark, "too many keys in one mapping", "4096 are allowed");
		return;
	}
	reader->key = take_text(reader, event);
	reader->key_at = place(reader, event->start_mark);
	if (!reader->key)
		return;
	first = config_node_find(mapping, reader->key);
	if (first)
		config_hint(config_mistake(reader->load, &reader->key_at, "key %s stands twice",
					   config_quote(quoted, reader->key)),
			    "first on line %u", first->key_at.line);
}

/* Hangs a node under the top of the stack, with the key that waited for it. */
static struct config_node *attach(struct reader *reader, const yaml_event_t *event,
				  enum config_node_kind kind)
{
	struct config_node *node = config_load_alloc(reader->load, sizeof(*node));
	struct config_node *parent = top(reader);

	if (!node) {
		reader->stopped = true;
		return NULL;
	}
	node->kind = kind;
	node->at = place(reader, event->start_mark);
	node->key_at = node->at;
	if (parent && parent->kind == CONFIG_NODE_MAPPING) {
		node->key = reader->key;
		node->key_at = reader->key_at;
		reader->key = NULL;
	}
	if (parent)
		config_node_append(parent, node);
	else
		reader->root = node;
	return node;
}

static void take_scalar(struct reader *reader, const yaml_event_t *event)
{
	struct config_node *node = attach(reader, event, CONFIG_NODE_SCALAR);
	const char *null_words[] = { "~", "null", "Null", "NULL" };

	if (!node)
		return;
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = take_text(reader, event);
	for (size_t i = 0; node->plain && node->text && i < 4; i++) {
		if (strcmp(node->text, null_words[i]) == 0)
			node->text = "";
	}
}

static void open_node(struct reader *reader, const yaml_event_t *event, enum config_node_kind kind)
{
	struct config_node *node;

	if (reader->depth == CONFIG_DEPTH_MAX) {
		stop(reader, event->start_mark, "nested too deep", "8 levels are allowed");
		return;
	}
	node = attach(reader, event, kind);
	if (node)
		reader->stack[reader->depth++] = node;
}

static void refuse_decoration(struct reader *reader, const yaml_event_t *event,
			      const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		refuse(reader, event->start_mark, "an anchor is not taken",
		       "write the value where it is used");
	if (tag)
		refuse(reader, event->start_mark, "a tag is not taken",
		       "types follow from the key");
}

static void take_event(struct reader *reader, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		refuse_decoration(reader, event, event->data.scalar.anchor, event->data.scalar.tag);
		if (awaits_key(reader))
			take_key(reader, event);
		else
			take_scalar(reader, event);
		break;
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		/* Both events begin with anchor and tag; the members are of different structs. */
		if (event->type == YAML_MAPPING_START_EVENT)
			refuse_decoration(reader, event, event->data.mapping_start.anchor,
					  event->data.mapping_start.tag);
		else
			refuse_decoration(reader, event, event->data.sequence_start.anchor,
					  event->data.sequence_start.tag);
		if (awaits_key(reader))
			take_key(reader, event);
		else
			open_node(reader, event,
				  event->type == YAML_MAPPING_START_EVENT ? CONFIG_NODE_MAPPING :
									    CONFIG_NODE_LIST);
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		reader->depth--;
		break;
	case YAML_ALIAS_EVENT:
		refuse(reader, event->start_mark, "an alias is not taken",
		       "write the value where it is used");
		if (awaits_key(reader))
			take_key(reader, event);
		else
			attach(reader, event, CONFIG_NODE_REFUSED);
		break;
	case YAML_DOCUMENT_START_EVENT:
		if (reader->root)
			stop(reader, event->start_mark, "a second document is not taken",
			     "one file is one document");
		break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
}

/* The line and column of an octet; the library gives an octet that is no text an offset alone. */
static yaml_mark_t mark_of(const char *octets, size_t n)
{
	yaml_mark_t mark = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (octets[i] == '\n') {
			mark.line++;
			mark.column = 0;
		} else if (((unsigned char)octets[i] & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	return mark;
}

static void refuse_syntax(struct reader *reader, const char *octets)
{
	const yaml_parser_t *parser = &reader->parser;
	struct config_place at = place(reader, parser->problem_mark);
	struct config_error *error;

	reader->stopped = true;
	if (parser->error == YAML_MEMORY_ERROR) {
		config_load_no_memory(reader->load);
		return;
	}
	if (parser->error == YAML_READER_ERROR)
		at = place(reader, mark_of(octets, parser->problem_offset));
	error = config_mistake(reader->load, &at, "not YAML: %s",
			       parser->problem ? parser->problem : "it cannot be read");
	if (parser->context)
		config_hint(error, "%s", parser->context);
}

static struct config_node *empty_value(const struct reader *reader)
{
	struct config_node *node = config_load_alloc(reader->load, sizeof(*node));

	if (!node)
		return NULL;
	node->kind = CONFIG_NODE_SCALAR;
	node->plain = true;
	node->text = "";
	node->at = place(reader, (yaml_mark_t){ 0 });
	node->key_at = node->at;
	return node;
}

/* The tree of a text, an empty value when nothing stands there; NULL: told. */
static struct config_node *read_tree(struct config_load *load, const char *source, bool set,
				     const char *octets, size_t n)
{
	struct reader reader = { .load = load, .source = source, .set = set };
	yaml_event_t event;
	bool end = false;

	if (!yaml_parser_initialize(&reader.parser)) {
		config_load_no_memory(load);
		return NULL;
	}
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)octets, n);
	while (!end && !reader.stopped) {
		if (!yaml_parser_parse(&reader.parser, &event)) {
			refuse_syntax(&reader, octets);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		if (++load->events > CONFIG_EVENTS_MAX)
			stop(&reader, event.start_mark, "too many keys and values", "");
		else
			take_event(&reader, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&reader.parser);
	if (reader.stopped)
		return NULL;
	return reader.root ? reader.root : empty_value(&reader);
}

/* ---- overrides ---- */

/* One override on its way down the tree. */
struct override {
	struct config_load *load;
	struct config_place at;
	const char *text; /* dotted.path=value */
};

static struct config_node *new_node(const struct override *override, const char *key)
{
	struct config_node *node = config_load_alloc(override->load, sizeof(*node));

	if (!node)
		return NULL;
	node->kind = CONFIG_NODE_MAPPING;
	node->key = key;
	node->at = override->at;
	node->key_at = override->at;
	return node;
}

/* The entry of that name or number; a new one, still empty, when there is none. NULL: told. */
static struct config_node *step(const struct override *override, struct config_node *node,
				const char *key)
{
	struct config_node *next = NULL;
	char quoted[CONFIG_QUOTED_OCTETS];
	int64_t index;

	if (node->kind == CONFIG_NODE_MAPPING) {
		next = config_node_find(node, key);
	} else if (node->kind != CONFIG_NODE_LIST || !config_read_count(key, &index) ||
		   (size_t)index > node->n) {
		config_mistake(override->load, &override->at, "there is no %s to set",
			       config_quote(quoted, key));
		return NULL;
	} else {
		next = config_node_nth(node, (size_t)index);
		key = NULL;
	}
	if (!next) {
		next = new_node(override, key);
		if (next)
			config_node_append(node, next);
	}
	return next;
}

/* Keys between dots up to an equals sign, no more of them than there may be levels. */
static bool is_override(const char *text)
{
	const char *from = text, *to;

	for (size_t depth = 0; depth < CONFIG_DEPTH_MAX; depth++, from = to + 1) {
		to = from + strcspn(from, ".=");
		if (to == from || !*to)
			return false;
		if (*to == '=')
			return true;
	}
	return false;
}

/* The node that the override names, made where it is missing. NULL: told. */
static struct config_node *find_target(const struct override *override, struct config_node *root)
{
	const char *from = override->text, *to = from;
	struct config_node *node = root;
	char *key;

	for (; node && *to != '='; from = to + 1) {
		to = from + strcspn(from, ".=");
		key = config_load_text(override->load, from, (size_t)(to - from));
		node = key ? step(override, node, key) : NULL;
	}
	return node;
}

/* Puts the value in the place of what stood there, under the key and in the row of the old one. */
static void apply_override(struct config_load *load, struct config_node *root, const char *text)
{
	const struct override override = {
		.load = load,
		.at = { .source = text, .set = true },
		.text = text,
	};
	struct config_node *node, *value, old;
	const char *from;

	if (!is_override(text)) {
		config_hint(config_mistake(load, &override.at, "not an override"),
			    "write dotted.path=value, as store.size=1GiB");
		return;
	}
	node = find_target(&override, root);
	if (!node)
		return;
	from = strchr(text, '=') + 1;
	value = read_tree(load, text, true, from, strlen(from));
	if (!value) {
		node->kind = CONFIG_NODE_REFUSED;
		return;
	}
	old = *node;
	*node = *value;
	node->key = old.key;
	node->key_at = override.at;
	node->at = override.at;
	node->next = old.next;
}

/* ---- the whole ---- */

/* By place, the file before the overrides; what concerns the file as a whole comes first. */
static void sort_mistakes(struct config_errors *errs)
{
	for (size_t i = 1; i < errs->n; i++) {
		const struct config_error error = errs->list[i];
		size_t j = i;

		for (; j > 0; j--) {
			const struct config_error *before = &errs->list[j - 1];

			if (before->set != error.set   ? error.set :
			    before->line != error.line ? before->line < error.line :
							 before->column <= error.column)
				break;
			errs->list[j] = *before;
		}
		errs->list[j] = error;
	}
}

/* Splits the path into the folder, with its last slash or empty, and the file. */
static bool take_path(struct config_load *load, const char *path)
{
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;

	load->folder = config_load_text(load, path, (size_t)(file - path));
	load->config->private->file = config_load_text(load, file, strlen(file));
	return load->folder && load->config->private->file;
}

static void load_file(struct config_load *load)
{
	const struct config_source *source = load->source;
	const struct config_place whole = { .source = source->path };
	struct config_node *root;
	char *octets = config_load_alloc(load, CONFIG_FILE_OCTETS_MAX + 1);
	ssize_t n;

	if (!octets || !take_path(load, source->path))
		return;
	n = config_file_read(load, &whole, source->path, CONFIG_FILE_PUBLIC, octets,
			     CONFIG_FILE_OCTETS_MAX);
	if (n < 0)
		return;
	root = read_tree(load, source->path, false, octets, (size_t)n);
	if (!root)
		return;
	load->config->private->root = root;
	if (root->kind != CONFIG_NODE_MAPPING) {
		config_mistake(load, &root->at, "must be a mapping of keys");
		return;
	}
	for (size_t i = 0; i < source->n_set; i++)
		apply_override(load, root, source->set[i]);
	config_bind(load, root);
	if (!load->no_memory)
		config_check(load, root);
}

static int compare_routes(const void *a, const void *b)
{
	const struct config_route *left = a, *right = b;

	return left->id < right->id ? -1 : left->id > right->id;
}

struct config *config_load(const struct config_source *source, struct config_errors *errs)
{
	struct config *config = calloc(1, sizeof(*config));
	struct config_private *private = calloc(1, sizeof(*private));
	struct config_load load = { .source = source, .errs = errs, .config = config };

	memset(errs, 0, sizeof(*errs));
	if (!config || !private) {
		config_load_no_memory(&load);
		free(private);
		free(config);
		return NULL;
	}
	config->private = private;
	private->holders = 1;
	load.arena = &private->arena;
	load_file(&load);
	if (errs->n > 0) {
		sort_mistakes(errs);
		config_free(config);
		return NULL;
	}
	if (config->n_routes > 0)
		qsort(config->routes, config->n_routes, sizeof(*config->routes), compare_routes);
	return config;
}

struct config *config_hold(const struct config *config)
{
	struct config *ours = (struct config *)(uintptr_t)config;

	ours->private->holders++;
	return ours;
}

void config_free(struct config *config)
{
	struct config_private *private;

	if (!config || --config->private->holders > 0)
		return;
	private = config->private;
	if (private->secrets) {
		explicit_bzero(private->secrets, private->secrets_octets);
		munmap(private->secrets, private->secrets_octets);
	}
	config_arena_release(&private->arena);
	free(private);
	free(config);
}

const struct config_route *config_route_find(const struct config *config, uint32_t id)
{
	const struct config_route key = { .id = id };

	if (config->n_routes == 0)
		return NULL;
	return bsearch(&key, config->routes, config->n_routes, sizeof(key), compare_routes);
}

const struct config_provider *config_provider_find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_all_providers; i++) {
		const struct config_provider *provider = &config->providers[i];

		if (provider->name && strcmp(provider->name, name) == 0)
			return provider;
	}
	return NULL;
}
