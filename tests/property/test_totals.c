/* SPDX-License-Identifier: MIT */
/*
 * Sums over the dominator tree against slow ones, on random heaps:
 *
 *     groups    minimum retained bytes of packages and loaders: for each object, climb and look for an ancestor of the same group
 *     parts     histograms of the big parts: for each object, climb to the first level and ask which part it belongs to
 *     tree      retained sizes and totals computed once more from the finished tree, without the search's order: the same sections
 *
 *     packages  the same sums where more packages have leaves than dom_nested.c has bits
 *
 *     test_totals [HEAPS [FIRST SEED]]
 */
#include "ha/base/mem.h"
#include "ha/dom/dom_build.h"
#include "ha/snapshot/snapshot.h"
#include "property/random_heaps.h"

#include <inttypes.h>
#include <string.h>

#define PACKAGES 100U

/* ---- groups ---- */

static bool nested(const struct ha_snapshot *s, const uint32_t *of_class, ha_obj obj)
{
    uint32_t group = of_class[ha_heap_class_of(s->heap, obj).i];
    ha_obj at = obj;
    while (ha_dom_of(s->dom, at, &at)) {
        if (of_class[ha_heap_class_of(s->heap, at).i] == group) {
            return true;
        }
    }
    return false;
}

static void check_groups(const struct ha_snapshot *s, enum ha_grouping_by by, const struct ha_class_total *kept, uint64_t kept_count, uint64_t seed)
{
    struct ha_grouping grouping;
    ck_ok(ha_heap_group(s->heap, by, &grouping));
    ck_assert_uint_eq(grouping.count, kept_count);
    struct ha_class_total *slow = ha_calloc_array(grouping.count + 1, sizeof *slow);
    for (uint32_t i = 0; i < s->heap->facts.object_count; i++) {
        ha_obj obj = {i};
        struct ha_class_total *total = &slow[grouping.of_class[ha_heap_class_of(s->heap, obj).i]];
        total->all_instances++;
        if (ha_dom_reachable(s->dom, obj)) {
            total->instances++;
            total->shallow_bytes += ha_sizes_of(s->sizes, obj);
            total->retained_bytes += nested(s, grouping.of_class, obj) ? 0 : ha_retained_of(s->retained, obj);
            ha_obj parent;
            total->top_instances += !ha_dom_of(s->dom, obj, &parent);
        }
    }
    for (uint32_t g = 0; g < grouping.count; g++) {
        ck_assert_msg(slow[g].retained_bytes == kept[g].retained_bytes && slow[g].instances == kept[g].instances &&
                          slow[g].shallow_bytes == kept[g].shallow_bytes && slow[g].all_instances == kept[g].all_instances &&
                          slow[g].top_instances == kept[g].top_instances,
                      "seed %" PRIu64 ": %s %" PRIu32 ": retained %" PRIu64 ", kept %" PRIu64, seed, by == HA_GROUPING_PACKAGE ? "package" : "loader", g,
                      slow[g].retained_bytes, kept[g].retained_bytes);
    }
    ha_free(slow);
    ha_grouping_deinit(&grouping);
}

/* ---- parts ---- */

static ha_obj first_level(const struct ha_snapshot *s, ha_obj obj)
{
    ha_obj parent;
    while (ha_dom_of(s->dom, obj, &parent)) {
        obj = parent;
    }
    return obj;
}

/* The part of an object: that of its first-level ancestor, else that of the ancestor's class; part_count: none. */
static uint64_t part_of(const struct ha_snapshot *s, ha_obj obj)
{
    ha_obj top = first_level(s, obj);
    const struct ha_retained *r = s->retained;
    uint64_t rest = r->part_count;
    for (uint64_t p = 0; p < r->part_count; p++) {
        if (ha_obj_equal(r->parts[p].object, top)) {
            return p;
        }
        if (ha_obj_is_none(r->parts[p].object) && r->parts[p].cls.i == ha_heap_class_of(s->heap, top).i) {
            rest = p;
        }
    }
    return rest;
}

static void check_parts(const struct ha_snapshot *s, uint64_t seed)
{
    const struct ha_retained *r = s->retained;
    uint32_t classes = s->heap->facts.class_count;
    struct ha_part_row *slow = ha_calloc_array((r->part_count + 1) * classes, sizeof *slow);
    uint32_t *self = ha_alloc_array(classes, sizeof *self);
    for (uint32_t c = 0; c < classes; c++) {
        self[c] = c;
    }
    for (uint32_t i = 0; i < s->heap->facts.object_count; i++) {
        ha_obj obj = {i};
        if (ha_dom_reachable(s->dom, obj)) {
            struct ha_part_row *row = &slow[part_of(s, obj) * classes + ha_heap_class_of(s->heap, obj).i];
            row->instances++;
            row->shallow_bytes += ha_sizes_of(s->sizes, obj);
            row->retained_bytes += nested(s, self, obj) ? 0 : ha_retained_of(r, obj);
        }
    }
    for (uint64_t p = 0; p < r->part_count; p++) {
        struct ha_part_rows kept = ha_retained_part(r, &r->parts[p]);
        uint64_t found = 0;
        for (uint32_t c = 0; c < classes; c++) {
            found += slow[p * classes + c].instances != 0;
        }
        ck_assert_msg(found == kept.count, "seed %" PRIu64 ": part %" PRIu64 " has %" PRIu64 " classes, kept %" PRIu64, seed, p, found, kept.count);
        for (uint64_t i = 0; i < kept.count; i++) {
            const struct ha_part_row *row = &slow[p * classes + kept.rows[i].cls];
            ck_assert_msg(row->instances == kept.rows[i].instances && row->shallow_bytes == kept.rows[i].shallow_bytes &&
                              row->retained_bytes == kept.rows[i].retained_bytes,
                          "seed %" PRIu64 ": part %" PRIu64 ", %s differs", seed, p, s->heap->classes[kept.rows[i].cls].name);
        }
    }
    ha_free(slow);
    ha_free(self);
}

/* ---- once more, from the tree ---- */

static struct ha_err *compare_section(void *ctx, uint32_t id, uint32_t width, uint64_t count, const void *data)
{
    const struct ha_snapshot *s = ctx;
    struct ha_index_section kept = ha_index_find(s->index, id, 0);
    ck_assert_uint_eq(kept.count, count);
    ck_assert_msg(count == 0 || (kept.width == width && memcmp(kept.data, data, count * width) == 0), "section 0x%08" PRIx32 " differs", id);
    return NULL;
}

static void check_tree(const struct ha_snapshot *s)
{
    struct ha_dom_order order;
    ck_ok(ha_dom_order_from_tree(s->dom, &order));
    union {
        const struct ha_snapshot *in;
        void *out;
    } ctx = {.in = s};
    ck_ok(ha_retained_build(s->dom, s->sizes, &order, 2, compare_section, ctx.out));
    ha_dom_order_deinit(&order);
}

/* Every object once at most: what is told by object number is not written everywhere else. */
static void check_order(const struct ha_snapshot *s, const struct ha_dom_order *order)
{
    const uint32_t branch_count = s->heap->facts.branch_count;
    bool *entered = ha_calloc_array((size_t)branch_count + 1, sizeof *entered);
    ck_assert_ptr_nonnull(entered);
    for (uint64_t p = 1; p <= order->count; p++) {
        ck_assert_uint_lt(order->object[p], branch_count);
        ck_assert_msg(!entered[order->object[p]], "object %" PRIu32 " is entered twice", order->object[p]);
        entered[order->object[p]] = true;
        ck_assert_uint_lt(order->parent[p], p);
    }
    ha_free(entered);
}

/* A child that is listed twice, or below another object than its dominator: no tree, or one that lacks it. */
static void check_damaged_tree(const struct ha_snapshot *s)
{
    const uint64_t count = s->dom->reachable_count;
    const uint32_t *sound = s->dom->children.plain;
    uint32_t *children = ha_alloc_array(count, sizeof *children);
    ck_assert_ptr_nonnull(children);
    memcpy(children, sound, count * sizeof *children);
    s->dom->children.plain = children;
    for (uint64_t i = 0; i < count; i++) {
        struct ha_dom_order order;
        children[i] = children[i == 0 ? count - 1 : i - 1];
        struct ha_err *err = ha_dom_order_from_tree(s->dom, &order);
        if (err == NULL) {
            check_order(s, &order);
            ha_dom_order_deinit(&order);
        }
        ha_err_free(err);
        children[i] = sound[i];
    }
    s->dom->children.plain = sound;
    ha_free(children);
}

static void check_totals(const struct ha_snapshot *s, uint64_t seed)
{
    check_groups(s, HA_GROUPING_PACKAGE, s->retained->packages, s->retained->package_count, seed);
    check_groups(s, HA_GROUPING_LOADER, s->retained->loaders, s->retained->loader_count, seed);
    check_parts(s, seed);
    check_tree(s);
    if (seed % 16 == 0) {
        check_damaged_tree(s);
    }
}

START_TEST(test_random_totals)
{
    random_heaps_each(check_totals);
}
END_TEST

/* Per package a holder with a leaf of its own package, which is nested, and one of the next, which is not. */
static void make_packages(struct gen_file *file, uint32_t count)
{
    uint64_t object = gen_class_by_name(gen_heap(file), "java.lang.Object")->id;
    uint64_t leaves[PACKAGES], holders[PACKAGES];
    for (uint32_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "com.p%u.Leaf", (unsigned)i);
        leaves[i] = gen_label(file, NULL, 0);
        gen_class_field(file, gen_class_add(file, leaves[i], name, object, 0), HPROF_LONG, "value");
        snprintf(name, sizeof name, "com.p%u.Holder", (unsigned)i);
        holders[i] = gen_label(file, NULL, 0);
        struct gen_class *holder = gen_class_add(file, holders[i], name, object, 0);
        gen_class_field(file, holder, HPROF_OBJECT, "own");
        holder = gen_class_by_id(gen_heap(file), holders[i]);
        gen_class_field(file, holder, HPROF_OBJECT, "other");
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t ids[3];
        for (unsigned k = 0; k < 3; k++) {
            ids[k] = gen_label(file, NULL, 0);
        }
        gen_instance_add(file, ids[1], leaves[i]);
        gen_instance_add(file, ids[2], leaves[(i + 1) % count]);
        struct gen_object *holder = gen_instance_add(file, ids[0], holders[i]);
        gen_instance_set(file, holder, "own", ids[1]);
        gen_instance_set(file, holder, "other", ids[2]);
        gen_root_add(file, HPROF_ROOT_JNI_GLOBAL, ids[0]);
    }
}

START_TEST(test_many_packages)
{
    struct temp_dir dir;
    char dump[TEMP_PATH_BYTES];
    struct gen_file file;
    struct gen_error error;
    struct ha_snapshot *s;
    temp_dir_init(&dir);
    temp_path(&dir, "packages.hprof", dump);
    gen_file_init(&file);
    ck_assert(gen_use(&file, "jdk17", &error));
    make_packages(&file, PACKAGES);
    ck_assert(gen_file_resolve(&file, &error));
    ck_assert_ptr_null(gen_file_write(&file, dump));
    gen_file_deinit(&file);
    ck_ok(ha_snapshot_open(dump, &(struct ha_snapshot_options){.no_index = true, .size_model = HA_SIZES_MAT, .threads = 1}, &s));
    ck_assert_uint_ge(s->retained->package_count, PACKAGES);
    check_groups(s, HA_GROUPING_PACKAGE, s->retained->packages, s->retained->package_count, 0);
    check_groups(s, HA_GROUPING_LOADER, s->retained->loaders, s->retained->loader_count, 0);
    ha_snapshot_close(s);
    temp_dir_deinit(&dir);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {test_random_totals, test_many_packages};
    return random_heaps_main(argc, argv, "totals", 300, tests, 2);
}
