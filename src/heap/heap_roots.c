/* SPDX-License-Identifier: MIT */
/*
 * Root records become roots, threads, locals and extra edges, by MAT's rules:
 *
 *   - locals (Java frame, JNI local, native stack, thread block) of a known thread are edges of the thread object, no roots of their own;
 *   - with an unknown thread serial, or where the thread's record has object id 0, they are plain roots;
 *   - they are lost only when the thread's id is not 0 and not in the heap;
 *   - roots that are not in the heap are dropped;
 *   - a dump without any sticky class gets every boot class that is no array as root;
 *   - if no class of the dump has loader 0, each loader gets edges to its classes.
 */
#include "ha/heap/heap_build.h"

#include <stdlib.h>
#include <string.h>

struct ha_err *ha_build_roots_add(ha_build_roots *roots, const struct ha_sub *record)
{
    uint64_t *id = ha_vec_push(&roots->ids);
    if (id == NULL) {
        return ha_err_nomem();
    }
    *id = record->id;
    struct ha_build_root_run *run = roots->runs.count == 0 ? NULL : &roots->runs.data[roots->runs.count - 1];
    if (HA_LIKELY(run != NULL && run->tag == record->tag && run->serial == record->serial && run->number == record->number && run->count < UINT32_MAX)) {
        run->count++;
        return NULL;
    }
    run = ha_vec_push(&roots->runs);
    if (run == NULL) {
        return ha_err_nomem();
    }
    *run = (struct ha_build_root_run){.count = 1, .serial = record->serial, .number = record->number, .tag = record->tag};
    return NULL;
}

struct ha_err *ha_build_roots_move(ha_build_root_lists *lists, ha_build_roots *from)
{
    if (from->ids.count == 0) {
        return NULL;
    }
    ha_build_roots *slot = ha_vec_push(lists);
    if (slot == NULL) {
        return ha_err_nomem();
    }
    *slot = *from;
    *from = (ha_build_roots){0};
    return NULL;
}

uint64_t ha_build_root_count(const ha_build_root_lists *lists)
{
    uint64_t count = 0;
    for (size_t i = 0; i < lists->count; i++) {
        count += lists->data[i].ids.count;
    }
    return count;
}

void ha_build_roots_deinit(ha_build_roots *roots)
{
    ha_vec_deinit(&roots->ids);
    ha_vec_deinit(&roots->runs);
}

void ha_build_root_lists_deinit(ha_build_root_lists *lists)
{
    for (size_t i = 0; i < lists->count; i++) {
        ha_build_roots_deinit(&lists->data[i]);
    }
    ha_vec_deinit(lists);
}

static enum ha_root_kind kind_of(uint8_t tag)
{
    switch (tag) {
    case HA_SUB_ROOT_JNI_GLOBAL:
        return HA_ROOT_JNI_GLOBAL;
    case HA_SUB_ROOT_JNI_LOCAL:
        return HA_ROOT_JNI_LOCAL;
    case HA_SUB_ROOT_JAVA_FRAME:
        return HA_ROOT_JAVA_LOCAL;
    case HA_SUB_ROOT_NATIVE_STACK:
        return HA_ROOT_NATIVE_STACK;
    case HA_SUB_ROOT_STICKY_CLASS:
        return HA_ROOT_SYSTEM_CLASS;
    case HA_SUB_ROOT_THREAD_BLOCK:
        return HA_ROOT_THREAD_BLOCK;
    case HA_SUB_ROOT_MONITOR_USED:
        return HA_ROOT_BUSY_MONITOR;
    case HA_SUB_ROOT_THREAD_OBJ:
        return HA_ROOT_THREAD;
    case HA_SUB_ROOT_INTERNED_STRING:
        return HA_ROOT_INTERNED_STRING;
    case HA_SUB_ROOT_FINALIZING:
        return HA_ROOT_FINALIZING;
    case HA_SUB_ROOT_DEBUGGER:
        return HA_ROOT_DEBUGGER;
    case HA_SUB_ROOT_REFERENCE_CLEANUP:
        return HA_ROOT_REFERENCE_CLEANUP;
    case HA_SUB_ROOT_VM_INTERNAL:
        return HA_ROOT_VM_INTERNAL;
    case HA_SUB_ROOT_JNI_MONITOR:
        return HA_ROOT_JNI_MONITOR;
    default:
        return HA_ROOT_UNKNOWN;
    }
}

static bool is_local(uint8_t tag)
{
    return tag == HA_SUB_ROOT_JNI_LOCAL || tag == HA_SUB_ROOT_JAVA_FRAME || tag == HA_SUB_ROOT_NATIVE_STACK || tag == HA_SUB_ROOT_THREAD_BLOCK;
}

struct finish {
    struct ha_build *build;
    struct ha_idmap threads_by_serial; /* thread serial -> index in final_threads; the first of a serial counts */
    struct ha_idmap lost_serials;      /* thread serials whose object is not in the heap */
    HA_VEC(uint32_t) local_threads;    /* per local, its thread */
};

static struct ha_err *add_root(struct ha_build *build, ha_obj obj, enum ha_root_kind kind)
{
    struct ha_root *root = ha_vec_push(&build->final_roots);
    if (root == NULL) {
        return ha_err_nomem();
    }
    *root = (struct ha_root){obj, 1U << kind};
    return NULL;
}

static struct ha_err *add_threads(struct finish *finish)
{
    struct ha_build *build = finish->build;
    struct ha_build_root_walk walk = {.lists = &build->roots};
    for (struct ha_build_root root; ha_build_root_next(&walk, &root);) {
        if (root.tag != HA_SUB_ROOT_THREAD_OBJ || root.id == 0) {
            continue;
        }
        ha_obj obj;
        if (!ha_build_find(build, root.id, &obj)) {
            if (!ha_idmap_add(&finish->lost_serials, root.serial, 0, NULL)) {
                return ha_err_nomem();
            }
            continue;
        }
        uint32_t old;
        if (!ha_idmap_add(&finish->threads_by_serial, root.serial, (uint32_t)build->final_threads.count, &old)) {
            return ha_err_nomem();
        }
        if (old != HA_IDMAP_NONE) {
            continue;
        }
        struct ha_thread *thread = ha_vec_push(&build->final_threads);
        if (thread == NULL) {
            return ha_err_nomem();
        }
        *thread = (struct ha_thread){.obj = obj, .serial = root.serial, .frames_first = root.number};
    }
    return NULL;
}

/* A local: an edge of its thread where that is known. */
static struct ha_err *add_local(struct finish *finish, const struct ha_build_root *root, ha_obj obj)
{
    struct ha_build *build = finish->build;
    uint32_t thread = ha_idmap_get(&finish->threads_by_serial, root->serial);
    if (thread == HA_IDMAP_NONE) {
        bool lost = ha_idmap_get(&finish->lost_serials, root->serial) != HA_IDMAP_NONE;
        return lost ? NULL : add_root(build, obj, kind_of(root->tag));
    }
    ha_obj thread_obj = build->final_threads.data[thread].obj;
    if (thread_obj.i >= build->facts.branch_count) {
        return add_root(build, obj, kind_of(root->tag)); /* a leaf has no row to put it in */
    }
    struct ha_local *local = ha_vec_push(&build->locals);
    uint32_t *owner = ha_vec_push(&finish->local_threads);
    struct ha_build_extra *extra = ha_vec_push(&build->extras);
    if (local == NULL || owner == NULL || extra == NULL) {
        return ha_err_nomem();
    }
    *local = (struct ha_local){obj, kind_of(root->tag), root->number};
    *owner = thread;
    *extra = (struct ha_build_extra){thread_obj.i, obj.i};
    return NULL;
}

static struct ha_err *add_roots(struct finish *finish)
{
    struct ha_build *build = finish->build;
    bool sticky = false;
    struct ha_build_root_walk walk = {.lists = &build->roots};
    for (struct ha_build_root root; ha_build_root_next(&walk, &root);) {
        ha_obj obj;
        sticky |= root.tag == HA_SUB_ROOT_STICKY_CLASS;
        if (root.tag == HA_SUB_ROOT_UNREACHABLE || !ha_build_find(build, root.id, &obj)) {
            continue;
        }
        HA_TRY(is_local(root.tag) ? add_local(finish, &root, obj) : add_root(build, obj, kind_of(root.tag)));
    }
    for (size_t i = 0; !sticky && i < build->classes.count; i++) {
        const struct ha_build_class *cls = &build->classes.data[i];
        if (cls->loader_id == 0 && cls->kind == HA_CLASS_INSTANCE && cls->record != UINT64_MAX && !ha_obj_is_none(cls->object)) {
            HA_TRY(add_root(build, cls->object, HA_ROOT_SYSTEM_CLASS));
        }
    }
    return NULL;
}

/* MAT's rule for dumps in which even the boot classes have a loader object. */
static struct ha_err *add_loader_edges(struct ha_build *build)
{
    for (size_t i = 0; i < build->classes.count; i++) {
        if (build->classes.data[i].loader_id == 0 && build->classes.data[i].record != UINT64_MAX) {
            return NULL;
        }
    }
    for (size_t i = 0; i < build->classes.count; i++) {
        const struct ha_build_class *cls = &build->classes.data[i];
        ha_obj loader;
        if (ha_obj_is_none(cls->object) || !ha_build_find(build, cls->loader_id, &loader) || loader.i >= build->facts.branch_count) {
            continue;
        }
        struct ha_build_extra *extra = ha_vec_push(&build->extras);
        if (extra == NULL) {
            return ha_err_nomem();
        }
        *extra = (struct ha_build_extra){loader.i, cls->object.i};
    }
    return NULL;
}

#define SORT_BITS 12U /* two passes for 24 bits, three for 32 */
#define SORT_SLOTS (1U << SORT_BITS)

/* One pass of a radix sort, stable: by the bits of the object's number from `shift` on. */
static void sort_pass(const struct ha_root *roots, size_t count, unsigned shift, struct ha_root *ret)
{
    size_t next[SORT_SLOTS + 1] = {0};
    for (size_t i = 0; i < count; i++) {
        next[(roots[i].obj.i >> shift & (SORT_SLOTS - 1)) + 1]++;
    }
    for (size_t slot = 0; slot < SORT_SLOTS; slot++) {
        next[slot + 1] += next[slot];
    }
    for (size_t i = 0; i < count; i++) {
        ret[next[roots[i].obj.i >> shift & (SORT_SLOTS - 1)]++] = roots[i];
    }
}

static bool ascend(const struct ha_root *roots, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (roots[i].obj.i < roots[i - 1].obj.i) {
            return false;
        }
    }
    return true;
}

/* By object number. There may be millions of them, as of JNI handles that leak. */
static struct ha_err *sort_roots(struct ha_build *build)
{
    const size_t count = build->final_roots.count;
    if (ascend(build->final_roots.data, count)) {
        return NULL;
    }
    struct ha_root *other = ha_alloc_array(count, sizeof *other);
    if (other == NULL) {
        return ha_err_nomem();
    }
    for (unsigned shift = 0; shift < 32 && build->facts.object_count >> shift != 0; shift += SORT_BITS) {
        struct ha_root *sorted = other;
        sort_pass(build->final_roots.data, count, shift, sorted);
        other = build->final_roots.data;
        build->final_roots.data = sorted;
        build->final_roots.capacity = count;
    }
    ha_free(other);
    return NULL;
}

static struct ha_err *merge_roots(struct ha_build *build)
{
    size_t kept = 0;
    HA_TRY(sort_roots(build));
    struct ha_root *roots = build->final_roots.data;
    for (size_t i = 0; i < build->final_roots.count; i++) {
        if (kept > 0 && ha_obj_equal(roots[kept - 1].obj, roots[i].obj)) {
            roots[kept - 1].kinds |= roots[i].kinds;
        } else {
            roots[kept++] = roots[i];
        }
    }
    build->final_roots.count = kept;
    return NULL;
}

static int compare_extras(const void *a, const void *b)
{
    const struct ha_build_extra *x = a, *y = b;
    if (x->source != y->source) {
        return x->source < y->source ? -1 : 1;
    }
    return (x->target > y->target) - (x->target < y->target);
}

/* Sorts extras by (source, target) and drops repeats: a local held by several frames is one edge. */
static void sort_extras(struct ha_build *build)
{
    size_t kept = 0;
    struct ha_build_extra *extras = build->extras.data;
    if (build->extras.count > 1) {
        qsort(extras, build->extras.count, sizeof *extras, compare_extras);
    }
    for (size_t i = 0; i < build->extras.count; i++) {
        if (kept == 0 || extras[kept - 1].source != extras[i].source || extras[kept - 1].target != extras[i].target) {
            extras[kept++] = extras[i];
        }
    }
    build->extras.count = kept;
}

/* Orders the locals by thread, in file order within each (a counting sort). */
static struct ha_err *group_locals(struct finish *finish)
{
    struct ha_build *build = finish->build;
    size_t threads = build->final_threads.count, count = build->locals.count;
    HA_FREE uint32_t *next = ha_calloc_array(threads + 1, sizeof(uint32_t));
    if (next == NULL) {
        return ha_err_nomem();
    }
    if (count > UINT32_MAX) {
        return ha_err_new(HA_ERR_LIMIT, "the dump has more than 4 G thread locals");
    }
    for (size_t i = 0; i < count; i++) {
        next[finish->local_threads.data[i] + 1]++;
    }
    for (size_t t = 0; t < threads; t++) {
        build->final_threads.data[t].locals_count = next[t + 1];
        next[t + 1] += next[t];
        build->final_threads.data[t].locals_first = next[t];
    }
    struct ha_local *sorted = ha_alloc_array(count + 1, sizeof *sorted);
    if (sorted == NULL) {
        return ha_err_nomem();
    }
    for (size_t i = 0; i < count; i++) {
        sorted[next[finish->local_threads.data[i]]++] = build->locals.data[i];
    }
    ha_free(build->locals.data);
    build->locals.data = sorted;
    build->locals.capacity = count + 1;
    return NULL;
}

static int compare_threads(const void *a, const void *b)
{
    const struct ha_thread *x = a, *y = b;
    if (x->obj.i != y->obj.i) {
        return x->obj.i < y->obj.i ? -1 : 1;
    }
    return (x->serial > y->serial) - (x->serial < y->serial);
}

struct ha_err *ha_build_roots_finish(struct ha_build *build)
{
    struct finish finish = {.build = build};
    struct ha_err *err = add_threads(&finish);
    if (err == NULL) {
        err = add_roots(&finish);
    }
    ha_build_root_lists_deinit(&build->roots);
    if (err == NULL) {
        err = add_loader_edges(build);
    }
    if (err == NULL) {
        err = merge_roots(build);
    }
    if (err == NULL) {
        sort_extras(build);
        err = group_locals(&finish);
    }
    if (err == NULL && build->final_threads.count > 1) {
        qsort(build->final_threads.data, build->final_threads.count, sizeof *build->final_threads.data, compare_threads);
    }
    ha_idmap_deinit(&finish.threads_by_serial);
    ha_idmap_deinit(&finish.lost_serials);
    ha_vec_deinit(&finish.local_threads);
    return err;
}
