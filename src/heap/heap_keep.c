/* SPDX-License-Identifier: MIT */
/*
 * The few objects that a counted heap has (heap_count.c), besides its class objects: those that a histogram asks for by address.
 *
 *     role        is followed to
 *     OWNER       all it refers to, as TEXT        a class loader: its name may be in any field
 *     TEXT        if it is a String, its array
 *     PROPERTIES  System.props: `map`, or itself, as MAP      (snapshot_info.c reads the version of the JVM there)
 *     MAP         `table` as TABLE
 *     TABLE       its elements as NODE
 *     NODE        `key`, `val`, `value` as TEXT, `next` as NODE
 *     PLAIN       nothing: roots, StackChunks
 *
 * They are found by address without a map of all addresses: there is a sample of each 16 KiB of records, from where it is a short walk.
 */
#include "heap/heap_count.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MAX (1U << 17)
#define ELEMENTS_MAX 100000U /* of a property table, as snapshot_info.c looks at */

enum role { PLAIN, OWNER, TEXT, PROPERTIES, MAP, TABLE, NODE, THREAD };

struct wanted {
    uint64_t address;
    enum role role;
};

struct keep {
    struct ha_build *build;
    const struct ha_counted *counted;
    struct ha_window window, values; /* of records; of what is in them */
    HA_VEC(struct wanted) queue;
    struct ha_idmap seen; /* address | role */
    ha_kept_list *kept;
    bool fits;
};

static struct ha_err *want(struct keep *k, uint64_t address, enum role role)
{
    static_assert(THREAD < 8, "objects lie at multiples of 8");
    uint32_t old;
    if (address == 0 || address % 8 != 0 || ha_build_class_of(k->build, address) != HA_NONE) {
        return NULL;
    }
    k->fits = k->fits && k->queue.count < KEPT_MAX;
    if (!k->fits) {
        return NULL;
    }
    if (!ha_idmap_add(&k->seen, address | role, 0, &old)) {
        return ha_err_nomem();
    }
    struct wanted *wanted = old != HA_IDMAP_NONE ? NULL : ha_vec_push(&k->queue);
    if (wanted != NULL) {
        *wanted = (struct wanted){address, role};
    }
    return wanted == NULL && old == HA_IDMAP_NONE ? ha_err_nomem() : NULL;
}

/* The record of the object at an address; false: there is none. */
static bool find_record(struct keep *k, uint64_t address, struct ha_sub *ret)
{
    const struct ha_sample *samples = k->counted->samples.data;
    size_t low = 0, high = k->counted->samples.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (samples[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return false;
    }
    const struct ha_sample *sample = &samples[low - 1];
    for (uint64_t off = sample->off; off < sample->end; off = ret->end) {
        if (ha_sub_read(&k->window, off, sample->end, k->build->facts.id_size, ret) != HA_SUB_OK) {
            return false;
        }
        bool object = ret->tag == HA_SUB_INSTANCE || ret->tag == HA_SUB_OBJ_ARRAY || ret->tag == HA_SUB_PRIM_ARRAY;
        if (object && ret->id == address) {
            return true;
        }
    }
    return false;
}

static struct ha_err *keep_record(struct keep *k, const struct ha_sub *sub)
{
    struct ha_kept *kept = ha_vec_push(k->kept);
    if (kept == NULL) {
        return ha_err_nomem();
    }
    *kept = (struct ha_kept){sub->id, sub->off, sub->end};
    return NULL;
}

static struct ha_err *want_at(struct keep *k, uint64_t off, enum role role)
{
    const unsigned id_size = k->build->facts.id_size;
    const uint8_t *p = ha_window_at(&k->values, off, id_size);
    return p == NULL ? ha_window_error(&k->values) : want(k, ha_sub_id(p, id_size), role);
}

/* What the reference fields called so lead to; name NULL: all of them. */
static struct ha_err *want_fields(struct keep *k, const struct ha_sub *sub, const char *name, enum role role)
{
    struct ha_build *build = k->build;
    uint64_t off = sub->body;
    uint32_t number = sub->tag == HA_SUB_INSTANCE ? ha_build_class_of(build, sub->class_id) : HA_NONE;
    while (number != HA_NONE) {
        const struct ha_build_class *cls = &build->classes.data[number];
        for (uint32_t i = 0; i < cls->fields_count; i++) {
            const struct ha_build_field *field = &build->fields.data[cls->fields_first + i];
            unsigned bytes = ha_value_bytes(field->type, build->facts.id_size);
            if (bytes > sub->end - off) {
                return NULL;
            }
            if (field->type == HA_TYPE_REFERENCE && (name == NULL || ha_build_string_is(build, &k->values, field->name_id, name))) {
                HA_TRY(want_at(k, off, role));
            }
            off += bytes;
        }
        number = cls->fields_super.i;
    }
    return NULL;
}

static struct ha_err *want_elements(struct keep *k, const struct ha_sub *sub)
{
    const unsigned id_size = k->build->facts.id_size;
    for (uint32_t i = 0; sub->tag == HA_SUB_OBJ_ARRAY && i < sub->count && i < ELEMENTS_MAX; i++) {
        HA_TRY(want_at(k, sub->body + (uint64_t)i * id_size, NODE));
    }
    return NULL;
}

static uint32_t flags_of(const struct keep *k, const struct ha_sub *sub)
{
    uint32_t number = sub->tag == HA_SUB_INSTANCE ? ha_build_class_of(k->build, sub->class_id) : HA_NONE;
    return number == HA_NONE ? 0 : k->build->classes.data[number].flags;
}

static struct ha_err *follow(struct keep *k, const struct ha_sub *sub, enum role role)
{
    switch (role) {
    case PLAIN:
    case THREAD:
        return NULL;
    case OWNER:
        return want_fields(k, sub, NULL, TEXT);
    case TEXT:
        return (flags_of(k, sub) & HA_CLASS_IS_STRING) != 0 ? want_fields(k, sub, NULL, PLAIN) : NULL;
    case PROPERTIES:
        HA_TRY(want(k, sub->id, MAP));
        return want_fields(k, sub, "map", MAP);
    case MAP:
        return want_fields(k, sub, "table", TABLE);
    case TABLE:
        return want_elements(k, sub);
    case NODE:
        HA_TRY(want_fields(k, sub, "key", TEXT));
        HA_TRY(want_fields(k, sub, "val", TEXT));
        HA_TRY(want_fields(k, sub, "value", TEXT));
        return want_fields(k, sub, "next", NODE);
    }
    return NULL;
}

/* ---- where it begins ---- */

static struct ha_err *want_properties(struct keep *k)
{
    struct ha_build *build = k->build;
    for (size_t c = 0; c < build->classes.count; c++) {
        const struct ha_build_class *cls = &build->classes.data[c];
        for (uint32_t i = 0; strcmp(cls->name, "java.lang.System") == 0 && i < cls->statics_count; i++) {
            const struct ha_build_field *field = &build->statics.data[cls->statics_first + i];
            if (field->type == HA_TYPE_REFERENCE && ha_build_string_is(build, &k->values, field->name_id, "props")) {
                HA_TRY(want(k, field->value, PROPERTIES));
            }
        }
    }
    return NULL;
}

/* A thread that is none may be a leaf of the full heap, where its locals are roots of their own. */
static struct ha_err *want_roots(struct keep *k)
{
    struct ha_build_root_walk walk = {.lists = &k->counted->roots};
    for (struct ha_build_root root; k->fits && ha_build_root_next(&walk, &root);) {
        struct ha_sub sub;
        uint32_t old = HA_IDMAP_NONE;
        bool thread = root.tag == HA_SUB_ROOT_THREAD_OBJ && root.id != 0;
        if (thread && root.id % 8 == 0 && !ha_idmap_add(&k->seen, root.id | THREAD, 0, &old)) {
            return ha_err_nomem();
        }
        if (thread && old == HA_IDMAP_NONE) { /* many roots may name one thread */
            bool class_object = ha_build_class_of(k->build, root.id) != HA_NONE;
            bool found = !class_object && find_record(k, root.id, &sub);
            k->fits = !class_object && (!found || (flags_of(k, &sub) & HA_CLASS_IS_THREAD) != 0);
        }
        HA_TRY(want(k, root.id, PLAIN));
    }
    return NULL;
}

static struct ha_err *want_chunks(struct keep *k)
{
    for (size_t i = 0; i < k->counted->chunks.count && k->fits; i++) {
        struct ha_sub sub;
        if (ha_sub_read(&k->window, k->counted->chunks.data[i], ha_input_bytes(k->build->input), k->build->facts.id_size, &sub) == HA_SUB_OK) {
            HA_TRY(want(k, sub.id, PLAIN));
        }
    }
    return NULL;
}

static struct ha_err *want_all(struct keep *k)
{
    const struct ha_build *build = k->build;
    HA_TRY(want(k, k->counted->highest, PLAIN));
    HA_TRY(want_properties(k));
    for (size_t c = 0; c < build->classes.count; c++) {
        HA_TRY(want(k, build->classes.data[c].loader_id, OWNER));
    }
    HA_TRY(want_roots(k));
    HA_TRY(want_chunks(k));
    for (size_t i = 0; i < k->queue.count && k->fits; i++) { /* it grows meanwhile */
        struct wanted wanted = k->queue.data[i];
        struct ha_sub sub;
        if (find_record(k, wanted.address, &sub)) {
            HA_TRY(keep_record(k, &sub));
            HA_TRY(follow(k, &sub, wanted.role));
        }
    }
    return NULL;
}

struct ha_err *ha_keep_choose(struct ha_build *build, const struct ha_counted *counted, ha_kept_list *ret, bool *ret_fits)
{
    struct keep k = {.build = build, .counted = counted, .kept = ret, .fits = true};
    ha_window_init(&k.window, build->input, HA_WINDOW_RANDOM);
    ha_window_init(&k.values, build->input, HA_WINDOW_RANDOM);
    struct ha_err *err = want_all(&k);
    if (err == NULL) {
        err = ha_window_error(&k.window);
    }
    if (err == NULL) {
        err = ha_window_error(&k.values);
    }
    ha_err_free(ha_window_error(&k.window));
    ha_err_free(ha_window_error(&k.values));
    ha_window_deinit(&k.window);
    ha_window_deinit(&k.values);
    ha_vec_deinit(&k.queue);
    ha_idmap_deinit(&k.seen);
    *ret_fits = k.fits;
    return err;
}
