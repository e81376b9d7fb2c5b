/* SPDX-License-Identifier: MIT */
/*
 * Rows that classes and fields alone do not give: threads' locals, classes, class loaders. A rule names one with `collector:`; its columns are
 * names that the rule's expressions may use beside the fields of `this`.
 */
#include <string.h>

#include "ha/base/hash.h"
#include "ha/query/q_loader_state.h"
#include "rules/rules_model.h"

typedef bool (*row_fn)(void *ctx, ha_obj obj, const struct value *columns);

#define ENTRIES_MAX 4000000U /* thread-local entries in all */

/* ---- thread_locals: this is the entry ---- */

struct locals {
    struct run *run;
    row_fn fn;
    void *ctx;
    uint64_t left;
};

static bool entry_row(struct locals *l, ha_obj thread, ha_obj entry, bool inherited)
{
    const struct ha_heap *heap = l->run->q.snapshot->heap;
    struct value columns[ROW_COLUMNS_MAX] = {value_object(thread), value_null(), value_null(), value_bool(inherited)};
    ha_obj obj;
    if (ha_graph_referent(l->run->q.snapshot->graph, entry, &obj)) {
        columns[1] = value_object(obj);
    }
    if (ha_heap_read_reference(heap, &l->run->q.window, entry, "value", &obj)) {
        columns[2] = value_object(obj);
    }
    return l->fn(l->ctx, entry, columns);
}

static bool map_rows(struct locals *l, ha_obj thread, const char *field, bool inherited)
{
    const struct ha_heap *heap = l->run->q.snapshot->heap;
    ha_obj map, table, entry;
    if (!ha_heap_read_reference(heap, &l->run->q.window, thread, field, &map) || !ha_heap_read_reference(heap, &l->run->q.window, map, "table", &table)) {
        return true;
    }
    struct ha_out out = ha_graph_out(l->run->q.snapshot->graph, table);
    for (; l->left > 0 && ha_out_next(&out, &entry); l->left--) {
        if (!entry_row(l, thread, entry, inherited)) {
            return false;
        }
    }
    return true;
}

static struct ha_err *thread_locals(struct run *run, row_fn fn, void *ctx)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    struct locals l = {run, fn, ctx, ENTRIES_MAX};
    bool more = true;
    for (uint64_t i = 0; i < heap->thread_count && more; i++) {
        ha_obj thread = heap->threads[i].obj;
        if (thread.i < heap->facts.object_count && ha_query_reachable(&run->q, thread)) {
            more = map_rows(&l, thread, "threadLocals", false) && map_rows(&l, thread, "inheritableThreadLocals", true);
        }
    }
    return NULL;
}

/* ---- classes: this is the class object ---- */

static bool class_counts(const struct ha_heap *heap, uint32_t c)
{
    const struct ha_class *cls = ha_heap_class(heap, (ha_cls){c});
    return !ha_obj_is_none(cls->object) && cls->kind == HA_CLASS_INSTANCE && (cls->flags & HA_CLASS_IS_MADE_UP) == 0;
}

/* How many classes have the name of each; free it. */
static struct ha_err *copies_count(const struct ha_heap *heap, uint32_t **ret)
{
    uint32_t count = heap->facts.class_count;
    uint32_t *copies = ha_calloc_array((size_t)count + 1, sizeof *copies);
    HA_FREE uint32_t *first = ha_calloc_array((size_t)count + 1, sizeof *first);
    struct ha_idmap by_name = {0};
    struct ha_err *err = copies == NULL || first == NULL ? ha_err_nomem() : NULL;
    for (uint32_t c = 0; c < count && err == NULL; c++) {
        const char *name = ha_heap_class(heap, (ha_cls){c})->name;
        uint32_t old = HA_IDMAP_NONE;
        if (class_counts(heap, c) && !ha_idmap_add(&by_name, ha_hash(name, strlen(name)), c, &old)) {
            err = ha_err_nomem();
        } else if (class_counts(heap, c)) {
            first[c] = old == HA_IDMAP_NONE ? c : old;
            copies[first[c]]++;
        }
    }
    for (uint32_t c = 0; c < count && err == NULL; c++) {
        copies[c] = class_counts(heap, c) ? copies[first[c]] : 0;
    }
    ha_idmap_deinit(&by_name);
    if (err != NULL) {
        ha_free(copies);
        return err;
    }
    *ret = copies;
    return NULL;
}

static struct ha_err *classes(struct run *run, row_fn fn, void *ctx)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    HA_FREE uint32_t *copies = NULL;
    HA_TRY(copies_count(heap, &copies));
    bool more = true;
    for (uint32_t c = 0; c < heap->facts.class_count && more; c++) {
        const struct ha_class *cls = ha_heap_class(heap, (ha_cls){c});
        if (class_counts(heap, c) && ha_query_reachable(&run->q, cls->object)) {
            struct value columns[ROW_COLUMNS_MAX] = {
                value_text(cls->name), ha_obj_is_none(cls->loader) ? value_null() : value_object(cls->loader),
                value_number((double)run->q.snapshot->retained->classes[c].instances), value_number(copies[c])};
            more = fn(ctx, cls->object, columns);
        }
    }
    return NULL;
}

/* ---- loaders: this is the class loader ---- */

struct loader {
    ha_obj obj;
    uint64_t classes, instances, duplicates;
};

/* copies: of each class's name; NULL: duplicates are not asked for. */
static struct ha_err *loaders_list(struct run *run, const uint32_t *copies, struct ha_idmap *index, struct loader **ret, uint32_t *ret_count)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    HA_VEC(struct loader) list = {0};
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        const struct ha_class *cls = ha_heap_class(heap, (ha_cls){c});
        uint32_t at = HA_IDMAP_NONE;
        if (ha_obj_is_none(cls->loader) || !ha_query_reachable(&run->q, cls->loader)) {
            continue;
        }
        bool good = ha_idmap_add(index, cls->loader.i, (uint32_t)list.count, &at);
        struct loader *loader = !good ? NULL : at != HA_IDMAP_NONE ? &list.data[at] : ha_vec_push(&list);
        if (loader == NULL) {
            ha_vec_deinit(&list);
            return ha_err_nomem();
        }
        if (at == HA_IDMAP_NONE) {
            *loader = (struct loader){.obj = cls->loader};
        }
        loader->classes++;
        loader->duplicates += copies != NULL && copies[c] > 1;
        loader->instances += run->q.snapshot->retained->classes[c].instances;
    }
    *ret = list.data;
    *ret_count = (uint32_t)list.count;
    return NULL;
}

static struct value read_value(struct run *run, ha_obj obj, const char *field)
{
    ha_obj found;
    return ha_heap_read_reference(run->q.snapshot->heap, &run->q.window, obj, field, &found) ? value_object(found) : value_null();
}

/* lifecycle, stopped */
static void loader_state(struct run *run, ha_obj loader, struct value columns[2])
{
    struct ha_loader_state state;
    ha_loader_state_read(&run->q, loader, &state);
    columns[0] = state.text == NULL ? value_null() : value_text(state.text);
    columns[1] = value_bool(state.stopped);
}

static struct ha_err *loaders(struct run *run, row_fn fn, void *ctx)
{
    struct ha_idmap index = {0};
    HA_FREE struct loader *list = NULL;
    HA_FREE uint32_t *copies = NULL;
    uint32_t count = 0;
    HA_TRY(copies_count(run->q.snapshot->heap, &copies));
    struct ha_err *err = loaders_list(run, copies, &index, &list, &count);
    bool more = true;
    for (uint32_t i = 0; i < count && err == NULL && more; i++) {
        struct value columns[ROW_COLUMNS_MAX] = {value_number((double)list[i].classes), value_number((double)list[i].instances)};
        loader_state(run, list[i].obj, &columns[2]);
        columns[4] = value_number((double)list[i].duplicates);
        more = fn(ctx, list[i].obj, columns);
    }
    ha_idmap_deinit(&index);
    return err;
}

/* ---- loader_jars: this is the open jar's java.util.zip.ZipFile$Source ---- */

#define JARS_MAX 1000000U /* in all */

struct jars {
    struct run *run;
    row_fn fn;
    void *ctx;
    ha_obj loader;
    uint64_t left;
};

/* URLClassPath.loaders -> JarLoader.jar -> ZipFile.res -> CleanableResource.zsrc */
static bool jar_row(void *ctx, ha_obj part)
{
    struct jars *j = ctx;
    static const char *const way[] = {"jar", "res", "zsrc"};
    ha_obj at = part;
    for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
        if (!ha_heap_read_reference(j->run->q.snapshot->heap, &j->run->q.window, at, way[i], &at)) {
            return true; // a folder, or a JDK that keeps them elsewhere
        }
    }
    struct value columns[ROW_COLUMNS_MAX] = {value_object(j->loader)};
    j->left--;
    return j->left > 0 && j->fn(j->ctx, at, columns);
}

static struct ha_err *loader_jars(struct run *run, row_fn fn, void *ctx)
{
    struct ha_idmap index = {0};
    HA_FREE struct loader *list = NULL;
    uint32_t count = 0;
    struct jars jars = {run, fn, ctx, HA_OBJ_NONE, JARS_MAX};
    struct ha_err *err = loaders_list(run, NULL, &index, &list, &count);
    for (uint32_t i = 0; i < count && err == NULL && jars.left > 0; i++) {
        struct value ucp = read_value(run, list[i].obj, "ucp");
        struct value parts = ucp.kind == VALUE_OBJECT ? read_value(run, ucp.u.obj, "loaders") : value_null();
        jars.loader = list[i].obj;
        if (parts.kind == VALUE_OBJECT) {
            collection_each(run, parts.u.obj, EACH_ELEMENTS, NULL, jar_row, &jars);
        }
    }
    ha_idmap_deinit(&index);
    return err;
}

/* ---- the table ---- */

static const struct collector collectors[] = {
    {"thread_locals", {"thread", "key", "value", "inherited", NULL}, thread_locals},
    {"classes", {"name", "loader", "instances", "copies", NULL}, classes},
    {"loader_jars", {"loader", NULL}, loader_jars},
    {"loaders", {"classes", "instances", "lifecycle", "stopped", "duplicates", NULL}, loaders},
};

const struct collector *collector_at(size_t i)
{
    return i < sizeof collectors / sizeof *collectors ? &collectors[i] : NULL;
}

const struct collector *collector_find(const char *name)
{
    for (size_t i = 0; i < sizeof collectors / sizeof *collectors; i++) {
        if (strcmp(collectors[i].name, name) == 0) {
            return &collectors[i];
        }
    }
    return NULL;
}
