/*
 * Memory, nodes and mistakes of one load. It knows neither YAML nor the meaning of any key; all
 * other files of config/ build on it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/private.h"

#define BLOCK_OCTETS (32 * 1024)
#define ALIGNMENT    _Alignof(max_align_t)

struct config_block {
	struct config_block *next;
	size_t size, used;
	_Alignas(max_align_t) char octets[];
};

void *config_arena_alloc(struct config_arena *arena, size_t octets)
{
	struct config_block *block = arena->blocks;
	size_t size;
	void *p;

	octets = (octets + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!block || block->size - block->used < octets) {
		size = octets > BLOCK_OCTETS ? octets : BLOCK_OCTETS;
		block = calloc(1, sizeof(*block) + size);
		if (!block)
			return NULL;
		block->size = size;
		block->next = arena->blocks;
		arena->blocks = block;
	}
	p = block->octets + block->used;
	block->used += octets;
	return p;
}

void config_arena_release(struct config_arena *arena)
{
	struct config_block *block, *next;

	for (block = arena->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	arena->blocks = NULL;
}

void config_node_append(struct config_node *parent, struct config_node *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->n++;
}

struct config_node *config_node_find(const struct config_node *mapping, const char *key)
{
	struct config_node *node;

	if (!mapping || mapping->kind != CONFIG_NODE_MAPPING)
		return NULL;
	for (node = mapping->first; node; node = node->next) {
		if (strcmp(node->key, key) == 0)
			return node;
	}
	return NULL;
}

struct config_node *config_node_nth(const struct config_node *list, size_t index)
{
	struct config_node *node;

	if (!list || (list->kind != CONFIG_NODE_LIST && list->kind != CONFIG_NODE_MAPPING))
		return NULL;
	for (node = list->first; node && index > 0; node = node->next)
		index--;
	return node;
}

void config_load_no_memory(struct config_load *load)
{
	const struct config_place whole = { .source = load->source->path };

	if (!load->no_memory)
		config_mistake(load, &whole, "there is no memory to load it");
	load->no_memory = true;
}

void *config_load_alloc(struct config_load *load, size_t octets)
{
	void *p = config_arena_alloc(load->arena, octets);

	if (!p)
		config_load_no_memory(load);
	return p;
}

char *config_load_text(struct config_load *load, const char *octets, size_t n)
{
	char *text = config_load_alloc(load, n + 1);

	if (text && n > 0)
		memcpy(text, octets, n);
	return text;
}

size_t config_path_push(struct config_load *load, const char *key)
{
	size_t mark = load->path_octets, room = sizeof(load->path) - mark;
	int n = snprintf(load->path + mark, room, "%s%s", mark > 0 ? "." : "", key);

	/* Keys are rows, and names that passed their bound; the depth is bounded too. */
	if (n > 0 && (size_t)n < room)
		load->path_octets += (size_t)n;
	load->path[load->path_octets] = '\0';
	return mark;
}

void config_path_pop(struct config_load *load, size_t mark)
{
	load->path_octets = mark;
	load->path[mark] = '\0';
}

struct config_error *config_mistake(struct config_load *load, const struct config_place *at,
				    const char *format, ...)
{
	struct config_errors *errs = load->errs;
	struct config_error *error = &load->spill;
	va_list args;

	if (errs->n < CONFIG_ERRORS_MAX)
		error = &errs->list[errs->n++];
	else
		errs->more++;
	*error = (struct config_error){
		.source = at->source,
		.set = at->set,
		.line = at->line,
		.column = at->column,
	};
	va_start(args, format);
	vsnprintf(error->what, sizeof(error->what), format, args);
	va_end(args);
	return error;
}

void config_hint(struct config_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->hint, sizeof(error->hint), format, args);
	va_end(args);
}

const char *config_quote(char buf[CONFIG_QUOTED_OCTETS], const char *text)
{
	const size_t room = CONFIG_QUOTED_OCTETS - sizeof("\"...");
	size_t n = 0;
	const char *p;

	buf[n++] = '"';
	for (p = text; *p && n + sizeof("\\xff") <= room; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			n += (size_t)snprintf(buf + n, CONFIG_QUOTED_OCTETS - n, "\\x%02x", c);
		else
			buf[n++] = (char)c;
	}
	snprintf(buf + n, CONFIG_QUOTED_OCTETS - n, "%s\"", *p ? "..." : "");
	return buf;
}

size_t config_error_format(const struct config_error *error, char *buf, size_t n)
{
	const char *semicolon = error->hint[0] ? "; " : "";
	int length;

	if (error->set)
		length = snprintf(buf, n, "--set:%.*s: %s%s%s", (int)strcspn(error->source, "="),
				  error->source, error->what, semicolon, error->hint);
	else if (error->line > 0)
		length = snprintf(buf, n, "%s:%u:%u: %s%s%s", error->source, error->line,
				  error->column, error->what, semicolon, error->hint);
	else
		length = snprintf(buf, n, "%s: %s%s%s", error->source, error->what, semicolon,
				  error->hint);
	return length > 0 ? (size_t)length : 0;
}
