/* SPDX-License-Identifier: MIT */
/*
 * Collections of the JDK by their fields, not by their names: a wrapper leads to what it wraps, and a class that we do not know has no size.
 *
 *     size()      array length | size | count | elementCount | baseCount + counterCells | head and tail | what a wrapper wraps
 *     elements()  array | elementData, queue, items, array | first/head chain with item | keys of a set's map
 *     keys(), values()  table of nodes with next | table of pairs
 *
 * Chains are followed EACH_MAX steps at most, so those in circles end too.
 */
#include <string.h>

#include "rules/rules_model.h"

#define WRAPPERS_MAX 8
#define CELLS_MAX 1024U

static const char *const wrapped[] = {"map", "m", "c", "list", "al", "delegate", "q", "deque"};

static bool read_long(struct run *run, ha_obj obj, const char *field, int64_t *ret)
{
    return ha_heap_read_long(run->q.snapshot->heap, &run->q.window, obj, field, ret);
}

static bool read_object(struct run *run, ha_obj obj, const char *field, ha_obj *ret)
{
    return ha_heap_read_reference(run->q.snapshot->heap, &run->q.window, obj, field, ret);
}

static bool has_field(const struct run *run, ha_obj obj, const char *field, enum ha_type *ret)
{
    struct ha_field_at at;
    const struct ha_heap *heap = run->q.snapshot->heap;
    if (!ha_heap_field_find(heap, ha_heap_class_of(heap, obj), NULL, field, &at)) {
        return false;
    }
    *ret = (enum ha_type)at.field->type;
    return true;
}

static bool next_wrapped(struct run *run, ha_obj obj, ha_obj *ret)
{
    for (size_t i = 0; i < sizeof wrapped / sizeof *wrapped; i++) {
        if (read_object(run, obj, wrapped[i], ret)) {
            return true;
        }
    }
    return false;
}

/* ---- size ---- */

/* ConcurrentHashMap: the base and its cells. */
static bool concurrent_size(struct run *run, ha_obj obj, int64_t *ret)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    ha_obj cells, cell;
    if (!read_long(run, obj, "baseCount", ret)) {
        return false;
    }
    uint32_t count = read_object(run, obj, "counterCells", &cells) ? ha_heap_array_length(heap, cells) : 0;
    for (uint32_t i = 0; i < count && i < CELLS_MAX && run->steps > 0; i++, run->steps--) {
        struct ha_value value;
        int64_t n;
        if (ha_heap_read_element(heap, &run->q.window, cells, i, &value) && value.type == HA_TYPE_REFERENCE && ha_heap_find(heap, value.bits, &cell) &&
            read_long(run, cell, "value", &n)) {
            *ret = (int64_t)((uint64_t)*ret + (uint64_t)n);
        }
    }
    return true;
}

/* ArrayDeque: from head to tail in a circle. */
static bool circle_size(struct run *run, ha_obj obj, int64_t *ret)
{
    int64_t head, tail;
    ha_obj elements;
    if (!read_long(run, obj, "head", &head) || !read_long(run, obj, "tail", &tail) || !read_object(run, obj, "elements", &elements)) {
        return false;
    }
    int64_t length = ha_heap_array_length(run->q.snapshot->heap, elements);
    *ret = head < 0 || tail < 0 || head >= length || tail >= length ? 0 : tail >= head ? tail - head : tail - head + length;
    return true;
}

static bool counted_size(struct run *run, ha_obj obj, int64_t *ret)
{
    static const char *const fields[] = {"size", "count", "elementCount"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        ha_obj counter;
        if (read_long(run, obj, fields[i], ret)) {
            return true;
        }
        if (read_object(run, obj, fields[i], &counter) && read_long(run, counter, "value", ret)) {
            return true;
        }
    }
    return false;
}

/* Queues of JCTools that grow in linked arrays count in twos. */
static bool jctools_size(struct run *run, ha_obj obj, int64_t *ret)
{
    int64_t producer, consumer;
    enum ha_type type;
    if (!read_long(run, obj, "producerIndex", &producer) || !read_long(run, obj, "consumerIndex", &consumer)) {
        return false;
    }
    bool by_twos = has_field(run, obj, "producerBuffer", &type);
    *ret = consumer > producer ? 0 : (int64_t)((uint64_t)producer - (uint64_t)consumer) / (by_twos ? 2 : 1);
    return true;
}

static bool count_one(void *ctx, ha_obj obj)
{
    int64_t *count = ctx;
    (void)obj;
    ++*count;
    return true;
}

/* ConcurrentLinkedQueue: nodes that still have an item. */
static bool linked_size(struct run *run, ha_obj obj, int64_t *ret)
{
    enum ha_type type;
    *ret = 0;
    return has_field(run, obj, "head", &type) && type == HA_TYPE_REFERENCE && collection_each(run, obj, EACH_ELEMENTS, NULL, count_one, ret);
}

static bool known_size(struct run *run, ha_obj obj, int64_t *ret)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    ha_obj array;
    if (ha_heap_is_array(heap, obj)) {
        *ret = ha_heap_array_length(heap, obj);
        return true;
    }
    if (concurrent_size(run, obj, ret) || counted_size(run, obj, ret) || circle_size(run, obj, ret) || jctools_size(run, obj, ret)) {
        return true;
    }
    if (read_object(run, obj, "array", &array) && ha_heap_is_array(heap, array)) { // CopyOnWriteArrayList
        *ret = ha_heap_array_length(heap, array);
        return true;
    }
    return linked_size(run, obj, ret);
}

struct value collection_size(struct run *run, ha_obj obj)
{
    int64_t size;
    ha_obj inner;
    for (unsigned i = 0; i < WRAPPERS_MAX; i++) {
        if (known_size(run, obj, &size)) {
            return value_number(size < 0 ? 0 : (double)size);
        }
        if (!next_wrapped(run, obj, &inner)) {
            break;
        }
        obj = inner;
    }
    return value_missing();
}

/* ---- elements ---- */

struct walk {
    struct run *run;
    each_fn fn;
    void *ctx;
    uint32_t left;
};

/* The elements of an array of references, `limit` at most. */
/* All elements, by the array's row of references: a table of mostly nulls costs what is in it. */
static void walk_row(struct walk *w, ha_obj array)
{
    struct ha_out out = ha_graph_out(w->run->q.snapshot->graph, array);
    for (ha_obj obj; w->left > 0 && ha_out_next(&out, &obj); w->left--) {
        if (!w->fn(w->ctx, obj)) {
            break;
        }
    }
}

static bool walk_array(struct walk *w, ha_obj array, int64_t limit)
{
    const struct ha_heap *heap = w->run->q.snapshot->heap;
    if (!ha_heap_is_array(heap, array)) {
        return false;
    }
    if (limit == INT64_MAX) {
        walk_row(w, array);
        return true;
    }
    uint32_t length = ha_heap_array_length(heap, array);
    for (uint32_t i = 0; i < length && (int64_t)i < limit && w->left > 0; i++, w->left--) {
        struct ha_value value;
        ha_obj obj;
        if (!ha_heap_read_element(heap, &w->run->q.window, array, i, &value) || value.type != HA_TYPE_REFERENCE) {
            break;
        }
        if (value.bits != 0 && ha_heap_find(heap, value.bits, &obj) && !w->fn(w->ctx, obj)) {
            break;
        }
    }
    return true;
}

/* What a field refers to; "CLASS#FIELD" names one that a field of a subclass hides. */
static bool read_link(struct run *run, ha_obj obj, const char *link, ha_obj *ret)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    const char *hash = strchr(link, '#');
    char declared_in[200];
    struct ha_field_at at;
    struct ha_value value;
    if (hash == NULL) {
        return read_object(run, obj, link, ret);
    }
    if ((size_t)(hash - link) >= sizeof declared_in) {
        return false;
    }
    memcpy(declared_in, link, (size_t)(hash - link));
    declared_in[hash - link] = '\0';
    return ha_heap_field_find(heap, ha_heap_class_of(heap, obj), declared_in, hash + 1, &at) && at.field->type == HA_TYPE_REFERENCE &&
           ha_heap_read(heap, &run->q.window, obj, &at, &value) && value.bits != 0 && ha_heap_find(heap, value.bits, ret);
}

/* A chain of nodes: what `item` names in each, or (NULL) the nodes. */
static void walk_chain(struct walk *w, ha_obj node, const char *link, const char *item)
{
    for (bool more = true; more && w->left > 0; w->left--) {
        ha_obj obj = node;
        bool there = item == NULL || read_object(w->run, node, item, &obj);
        ha_obj next;
        if (there && !w->fn(w->ctx, obj)) {
            return;
        }
        more = read_link(w->run, node, link, &next) && !ha_obj_equal(next, node);
        node = more ? next : node;
    }
}

struct table_walk {
    struct walk *w;
    const char *item[2]; /* name of the field in a node, and the other spelling of it */
};

static bool table_node(void *ctx, ha_obj node)
{
    struct table_walk *t = ctx;
    enum ha_type type;
    ha_obj first;
    if (read_object(t->w->run, node, "first", &first)) { // ConcurrentHashMap's tree bins
        node = first;
    }
    const char *item = has_field(t->w->run, node, t->item[0], &type) ? t->item[0] : t->item[1];
    if (has_field(t->w->run, node, item, &type)) {
        walk_chain(t->w, node, "next", item);
    }
    return t->w->left > 0;
}

/* IdentityHashMap: keys and values in turn. */

static bool walk_pairs(struct walk *w, ha_obj table, bool values)
{
    const struct ha_heap *heap = w->run->q.snapshot->heap;
    uint32_t length = ha_heap_array_length(heap, table);
    for (uint32_t i = values ? 1 : 0; i < length && w->left > 0; i += 2, w->left--) {
        struct ha_value value;
        ha_obj obj;
        if (ha_heap_read_element(heap, &w->run->q.window, table, i, &value) && value.type == HA_TYPE_REFERENCE && value.bits != 0 &&
            ha_heap_find(heap, value.bits, &obj) && !w->fn(w->ctx, obj)) {
            break;
        }
    }
    return true;
}

static bool walk_map(struct walk *w, ha_obj map, bool values)
{
    const struct ha_heap *heap = w->run->q.snapshot->heap;
    enum ha_type type;
    ha_obj table;
    if (!has_field(w->run, map, "table", &type) || type != HA_TYPE_REFERENCE) {
        return false;
    }
    if (!read_object(w->run, map, "table", &table)) {
        return true; // nothing was ever put into it
    }
    if (strcmp(ha_heap_class(heap, ha_heap_class_of(heap, map))->name, "java.util.IdentityHashMap") == 0) {
        return walk_pairs(w, table, values);
    }
    struct walk buckets = {w->run, table_node, NULL, w->left};
    struct table_walk t = {w, {values ? "val" : "key", values ? "value" : "key"}};
    buckets.ctx = &t;
    return walk_array(&buckets, table, INT64_MAX);
}

static bool walk_elements(struct walk *w, ha_obj obj)
{
    static const char *const arrays[] = {"elementData", "queue", "items", "array", "elements", "a"};
    static const char *const chains[] = {"first", "head"};
    int64_t size;
    ha_obj inner;
    if (walk_array(w, obj, INT64_MAX)) {
        return true;
    }
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        if (read_object(w->run, obj, arrays[i], &inner) && ha_heap_is_array(w->run->q.snapshot->heap, inner)) {
            bool dense = strcmp(arrays[i], "elementData") == 0 && read_long(w->run, obj, "size", &size);
            return walk_array(w, inner, dense ? size : INT64_MAX);
        }
    }
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        if (read_object(w->run, obj, chains[i], &inner)) {
            walk_chain(w, inner, "next", "item");
            return true;
        }
    }
    enum ha_type type;
    return has_field(w->run, obj, "first", &type) || walk_map(w, obj, false); // an empty LinkedList; the map of a set
}

static bool each_walk(struct walk *w, ha_obj obj, enum each_kind kind, const char *link)
{
    if (kind == EACH_LINKS) {
        walk_chain(w, obj, link, NULL);
        return true;
    }
    for (unsigned i = 0; i < WRAPPERS_MAX; i++) {
        ha_obj inner;
        if (kind == EACH_ELEMENTS ? walk_elements(w, obj) : walk_map(w, obj, kind == EACH_VALUES)) {
            return true;
        }
        if (!next_wrapped(w->run, obj, &inner)) {
            return false;
        }
        obj = inner;
    }
    return false;
}

bool collection_each(struct run *run, ha_obj obj, enum each_kind kind, const char *link, each_fn fn, void *ctx)
{
    uint32_t most = run->steps < EACH_MAX ? (uint32_t)run->steps : EACH_MAX;
    struct walk w = {run, fn, ctx, most};
    bool known = each_walk(&w, obj, kind, link);
    run->steps -= most - w.left < run->steps ? most - w.left : run->steps; // walks inside of fn took theirs
    return known;
}
