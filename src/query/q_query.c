/* SPDX-License-Identifier: MIT */
/*
 * The ground of all questions: sizes that are valid with and without dominators, class names, look-ups with helpful refusals, the totals.
 */
#include "ha/query/q_query.h"

#include <string.h>
#include <strings.h>

#include "ha/base/mem.h"
#include "ha/base/vec.h"
#include "ha/query/q_histogram.h"

void ha_query_init(struct ha_query *q, const struct ha_snapshot *snapshot)
{
    memset(q, 0, sizeof *q);
    q->snapshot = snapshot;
    ha_window_init(&q->window, snapshot->input, HA_WINDOW_RANDOM);
}

void ha_query_deinit(struct ha_query *q)
{
    ha_err_free(ha_window_error(&q->window));
    ha_window_deinit(&q->window);
    ha_big_deinit(&q->child_starts);
    ha_arena_deinit(&q->arena);
}

struct ha_err *ha_query_error(struct ha_query *q)
{
    struct ha_err *err = ha_window_error(&q->window);
    return err != NULL ? err : ha_input_error(q->snapshot->input);
}

uint64_t ha_query_shallow(const struct ha_query *q, ha_obj obj)
{
    return ha_sizes_of(q->snapshot->sizes, obj);
}

uint64_t ha_query_retained(const struct ha_query *q, ha_obj obj)
{
    return q->snapshot->retained == NULL ? 0 : ha_retained_of(q->snapshot->retained, obj);
}

bool ha_query_reachable(const struct ha_query *q, ha_obj obj)
{
    return q->snapshot->dom == NULL || ha_dom_reachable(q->snapshot->dom, obj);
}

double ha_query_percent(const struct ha_query *q, uint64_t bytes)
{
    const struct ha_retained *retained = q->snapshot->retained;
    if (retained == NULL || retained->reachable_bytes == 0) {
        return 0;
    }
    return 100.0 * (double)bytes / (double)retained->reachable_bytes;
}

/* ---- names ---- */

static bool is_primitive_array(const char *name)
{
    static const char *const primitives[] = {"boolean[", "byte[", "char[", "double[",
                                             "float[",   "int[",  "long[", "short["};
    for (size_t i = 0; i < sizeof primitives / sizeof primitives[0]; i++) {
        if (strncmp(name, primitives[i], strlen(primitives[i])) == 0) {
            return true;
        }
    }
    return false;
}

bool ha_class_name_is_platform(const char *name)
{
    static const char *const packages[] = {"java.", "javax.", "jdk.", "sun.", "com.sun."};
    for (size_t i = 0; i < sizeof packages / sizeof packages[0]; i++) {
        if (strncmp(name, packages[i], strlen(packages[i])) == 0) {
            return true;
        }
    }
    return is_primitive_array(name);
}

struct ha_err *ha_query_object_at(const struct ha_query *q, ha_addr address, ha_obj *ret)
{
    if (!ha_heap_find(q->snapshot->heap, address, ret)) {
        return ha_err_new(HA_ERR_USAGE, "no object at 0x%llx in this heap",
                          (unsigned long long)address);
    }
    return NULL;
}

struct class_list {
    HA_VEC(ha_cls) found;
    bool failed;
};

static void collect_class(void *ctx, ha_cls cls)
{
    struct class_list *list = ctx;
    ha_cls *slot = ha_vec_push(&list->found);
    if (slot == NULL) {
        list->failed = true;
        return;
    }
    *slot = cls;
}

/* The form class names have in the heap: dots for the slashes of class files, `/0x` for the `+0x` of hidden classes. */
static char *normal_name(struct ha_arena *arena, const char *name)
{
    char *copy = ha_arena_strndup(arena, name, strlen(name));
    if (copy == NULL) {
        return NULL;
    }
    char *mark = strstr(copy, "+0x");
    if (mark != NULL) {
        *mark = '/';
    }
    for (char *p = copy; *p != '\0'; p++) {
        if (*p == '/' && strncmp(p, "/0x", 3) != 0) {
            *p = '.';
        }
    }
    return copy;
}

static const char *simple_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? dot + 1 : name;
}

/* A class whose name differs in letter case only, else one of the same simple name; NULL if there is none. */
static const char *near_class(const struct ha_heap *heap, const char *name)
{
    const char *near = NULL;
    for (uint32_t i = 0; i < heap->facts.class_count; i++) {
        const char *candidate = heap->classes[i].name;
        if (strcasecmp(candidate, name) == 0) {
            return candidate;
        }
        if (near == NULL && strcasecmp(simple_name(candidate), simple_name(name)) == 0) {
            near = candidate;
        }
    }
    return near;
}

struct ha_err *ha_query_classes(struct ha_query *q, const char *name, struct ha_classes *ret)
{
    const struct ha_heap *heap = q->snapshot->heap;
    const char *normal = normal_name(&q->arena, name);
    if (normal == NULL) {
        return ha_err_nomem();
    }
    struct class_list list = {0};
    uint32_t count = ha_heap_classes_named(heap, normal, collect_class, &list);
    struct ha_err *err = NULL;
    if (count == 0) {
        const char *near = near_class(heap, normal);
        err = near == NULL
                  ? ha_err_new(HA_ERR_USAGE, "no class '%s' in this heap", name)
                  : ha_err_new(HA_ERR_USAGE, "no class '%s' in this heap; did you mean '%s'?", name,
                               near);
    } else {
        ha_cls *copy = ha_arena_alloc(&q->arena, list.found.count, sizeof *copy);
        if (list.failed || copy == NULL) {
            err = ha_err_nomem();
        } else {
            memcpy(copy, list.found.data, list.found.count * sizeof *copy);
            ret->list = copy;
            ret->count = (uint32_t)list.found.count;
        }
    }
    ha_vec_deinit(&list.found);
    return err;
}

/* ---- totals ---- */

static bool class_is_reachable(const struct ha_query *q, const struct ha_class *cls)
{
    return !ha_obj_is_none(cls->object) && ha_query_reachable(q, cls->object);
}

/* Loaders other than the boot loader that define a reachable class. */
static struct ha_err *count_classes(struct ha_query *q, struct ha_overview *o)
{
    const struct ha_heap *heap = q->snapshot->heap;
    const struct ha_groups *loaders;
    HA_TRY(ha_groups_get(q, HA_BY_LOADER, &loaders));
    bool *seen = ha_calloc_array((size_t)loaders->count + 1, sizeof *seen);
    if (seen == NULL) {
        return ha_err_nomem();
    }
    o->class_loaders = 1;
    for (uint32_t i = 0; i < heap->facts.class_count; i++) {
        if (class_is_reachable(q, &heap->classes[i])) {
            uint32_t g = loaders->of_class[i];
            o->classes++;
            o->class_loaders += !seen[g] && !ha_obj_is_none(loaders->rows[g].loader);
            seen[g] = true;
        }
    }
    ha_free(seen);
    return NULL;
}

struct ha_err *ha_query_overview(struct ha_query *q, struct ha_overview *ret)
{
    const struct ha_heap *heap = q->snapshot->heap;
    const struct ha_retained *retained = q->snapshot->retained;
    struct ha_overview o = {.gc_roots = heap->root_count, .objects = ha_heap_object_total(heap)};
    HA_TRY(count_classes(q, &o));
    if (retained != NULL) {
        o.objects = retained->reachable_objects;
        o.shallow_bytes = retained->reachable_bytes;
        o.unreachable_objects = retained->unreachable_objects;
        o.unreachable_bytes = retained->unreachable_bytes;
    } else {
        struct ha_histogram histogram;
        HA_TRY(ha_histogram_query(
            q, &(struct ha_histogram_options){.sort = HA_SORT_SHALLOW, .limit = 1}, &histogram));
        o.shallow_bytes = histogram.shallow_bytes;
    }
    *ret = o;
    return NULL;
}
