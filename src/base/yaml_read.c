/* SPDX-License-Identifier: MIT */
/*
 * libyaml's events, made a tree. The parser keeps its own stack on the heap, we keep ours (`open`), so depth costs no recursion; what a
 * hostile file could blow up is refused before it grows: size, depth, number of nodes, keys of a map, aliases.
 */
#include "ha/base/yaml_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "ha/base/file.h"
#include "ha/base/mem.h"

struct reading {
    const char *name;
    struct ha_arena *arena;
    yaml_parser_t parser;
    struct ha_yaml *open[HA_YAML_DEPTH_MAX];
    struct ha_yaml *last[HA_YAML_DEPTH_MAX]; /* last child of each */
    const yaml_event_t *event;
    unsigned depth;
    struct ha_yaml *root;
    const char *key; /* read, its value is still to come; NULL: none */
    uint32_t key_line, key_column;
    uint32_t nodes;
    bool done;
};

static HA_PRINTF(4, 0) struct ha_err *complain(const char *name, size_t line, size_t column, const char *fmt, va_list ap)
{
    char text[512];
    vsnprintf(text, sizeof text, fmt, ap);
    return ha_err_new(HA_ERR_USAGE, "%s:%zu:%zu: %s", name, line, column, text);
}

struct ha_err *ha_yaml_error(const char *name, const struct ha_yaml *node, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct ha_err *err = complain(name, node->line, node->column, fmt, ap);
    va_end(ap);
    return err;
}

static HA_PRINTF(2, 3) struct ha_err *event_error(const struct reading *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct ha_err *err = complain(r->name, r->event->start_mark.line + 1, r->event->start_mark.column + 1, fmt, ap);
    va_end(ap);
    return err;
}

static struct ha_err *parser_error(const struct reading *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem != NULL ? p->problem : "it cannot be read";
    if (p->error == YAML_MEMORY_ERROR) {
        return ha_err_nomem();
    }
    if (p->error == YAML_READER_ERROR) {
        return ha_err_new(HA_ERR_USAGE, "%s: no YAML: %s (byte %zu)", r->name, problem, p->problem_offset);
    }
    return ha_err_new(HA_ERR_USAGE, "%s:%zu:%zu: no YAML: %s%s%s", r->name, p->problem_mark.line + 1, p->problem_mark.column + 1, problem,
                      p->context != NULL ? " " : "", p->context != NULL ? p->context : "");
}

/* ---- nodes ---- */

static struct ha_err *node_add(struct reading *r, enum ha_yaml_kind kind, struct ha_yaml **ret)
{
    if (++r->nodes > HA_YAML_NODES_MAX) {
        return event_error(r, "more than %u values", HA_YAML_NODES_MAX);
    }
    struct ha_yaml *node = ha_arena_calloc(r->arena, 1, sizeof *node);
    if (node == NULL) {
        return ha_err_nomem();
    }
    *node = (struct ha_yaml){.kind = kind,
                             .key = r->key,
                             .key_line = r->key_line,
                             .key_column = r->key_column,
                             .line = (uint32_t)r->event->start_mark.line + 1,
                             .column = (uint32_t)r->event->start_mark.column + 1};
    r->key = NULL;
    if (r->depth == 0) {
        r->root = node;
    } else {
        struct ha_yaml *parent = r->open[r->depth - 1];
        struct ha_yaml **last = &r->last[r->depth - 1];
        *(*last == NULL ? &parent->first : &(*last)->next) = node;
        *last = node;
        parent->count++;
    }
    *ret = node;
    return NULL;
}

static bool wants_key(const struct reading *r)
{
    return r->depth > 0 && r->open[r->depth - 1]->kind == HA_YAML_MAP && r->key == NULL;
}

static struct ha_err *container_open(struct reading *r, enum ha_yaml_kind kind)
{
    struct ha_yaml *node = NULL;
    if (wants_key(r)) {
        return event_error(r, "a key must be a word");
    }
    if (r->depth == HA_YAML_DEPTH_MAX) {
        return event_error(r, "nested deeper than %u", HA_YAML_DEPTH_MAX);
    }
    HA_TRY(node_add(r, kind, &node));
    r->open[r->depth] = node;
    r->last[r->depth] = NULL;
    r->depth++;
    return NULL;
}

static struct ha_err *key_take(struct reading *r, const char *text)
{
    const struct ha_yaml *map = r->open[r->depth - 1];
    const struct ha_yaml *same = ha_yaml_get(map, text);
    if (same != NULL) {
        return event_error(r, "the key '%s' stands here twice (first in line %u)", text, same->key_line);
    }
    if (map->count == HA_YAML_KEYS_MAX) {
        return event_error(r, "more than %u keys", HA_YAML_KEYS_MAX);
    }
    r->key = text;
    r->key_line = (uint32_t)r->event->start_mark.line + 1;
    r->key_column = (uint32_t)r->event->start_mark.column + 1;
    return NULL;
}

static struct ha_err *scalar_add(struct reading *r)
{
    const char *value = (const char *)r->event->data.scalar.value;
    size_t bytes = r->event->data.scalar.length;
    if (memchr(value, '\0', bytes) != NULL) {
        return event_error(r, "a NUL character");
    }
    char *text = ha_arena_strndup(r->arena, value, bytes);
    if (text == NULL) {
        return ha_err_nomem();
    }
    if (wants_key(r)) {
        return key_take(r, text);
    }
    struct ha_yaml *node = NULL;
    HA_TRY(node_add(r, HA_YAML_SCALAR, &node));
    node->text = text;
    node->text_bytes = bytes;
    node->quoted = r->event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return NULL;
}

static struct ha_err *begins(struct reading *r, enum ha_yaml_kind kind, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL || tag != NULL) {
        return event_error(r, "anchors and tags are not taken");
    }
    return kind == HA_YAML_SCALAR ? scalar_add(r) : container_open(r, kind);
}

static struct ha_err *event_take(struct reading *r)
{
    const yaml_event_t *e = r->event;
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return begins(r, HA_YAML_SCALAR, e->data.scalar.anchor, e->data.scalar.tag);
    case YAML_SEQUENCE_START_EVENT:
        return begins(r, HA_YAML_LIST, e->data.sequence_start.anchor, e->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return begins(r, HA_YAML_MAP, e->data.mapping_start.anchor, e->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        r->depth--;
        return NULL;
    case YAML_ALIAS_EVENT:
        return event_error(r, "anchors and tags are not taken");
    case YAML_DOCUMENT_START_EVENT:
        return r->root == NULL ? NULL : event_error(r, "a second document");
    case YAML_STREAM_END_EVENT:
        r->done = true;
        return NULL;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return NULL;
}

/* ---- the whole ---- */

static struct ha_err *events_read(struct reading *r)
{
    while (!r->done) {
        yaml_event_t event;
        if (yaml_parser_parse(&r->parser, &event) == 0) {
            return parser_error(r);
        }
        r->event = &event;
        struct ha_err *err = event_take(r);
        yaml_event_delete(&event);
        if (err != NULL) {
            return err;
        }
    }
    return NULL;
}

struct ha_err *ha_yaml_read(const char *name, const char *text, size_t bytes, struct ha_arena *arena, struct ha_yaml **ret)
{
    struct reading r = {.name = name, .arena = arena};
    if (bytes > HA_YAML_BYTES_MAX) {
        return ha_err_new(HA_ERR_USAGE, "%s: larger than %u bytes", name, HA_YAML_BYTES_MAX);
    }
    if (yaml_parser_initialize(&r.parser) == 0) {
        return ha_err_nomem();
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, bytes);
    struct ha_err *err = events_read(&r);
    yaml_parser_delete(&r.parser);
    if (err == NULL && r.root == NULL) {
        r.root = ha_arena_calloc(arena, 1, sizeof *r.root);
        if (r.root == NULL) {
            return ha_err_nomem();
        }
        *r.root = (struct ha_yaml){.kind = HA_YAML_MAP, .line = 1, .column = 1};
    }
    if (err == NULL) {
        *ret = r.root;
    }
    return err;
}

struct ha_err *ha_yaml_read_file(const char *path, struct ha_arena *arena, struct ha_yaml **ret)
{
    struct ha_file_info info;
    int fd;
    HA_TRY(ha_file_open_plain(path, &fd, &info));
    HA_FREE char *text = NULL;
    size_t bytes = 0;
    struct ha_err *err = NULL;
    if (info.bytes > HA_YAML_BYTES_MAX || !info.regular) {
        err = ha_err_new(HA_ERR_USAGE, "%s: %s", path, info.regular ? "too large" : "not a plain file");
    } else {
        text = ha_alloc((size_t)info.bytes + 1);
        err = text == NULL ? ha_err_nomem() : ha_file_read_at(fd, path, 0, text, (size_t)info.bytes, &bytes);
    }
    ha_file_close(fd);
    return err != NULL ? err : ha_yaml_read(path, text, bytes, arena, ret);
}

const struct ha_yaml *ha_yaml_get(const struct ha_yaml *map, const char *key)
{
    if (map == NULL || map->kind != HA_YAML_MAP) {
        return NULL;
    }
    for (const struct ha_yaml *node = map->first; node != NULL; node = node->next) {
        if (strcmp(node->key, key) == 0) {
            return node;
        }
    }
    return NULL;
}
