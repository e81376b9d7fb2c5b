/* SPDX-License-Identifier: MIT */
/*
 * A heap that is only counted, in place of the scan: all objects are counted (heap_count.c), some of them chosen (heap_keep.c), and the records of these,
 * with those of the classes, become the heap.
 *
 *     batches   [ … A … class B … C … ]        counted
 *               [A] [class B] [C]              read again by pass 3, which makes the heap of them
 */
#include "heap/heap_count.h"

#include "heap/heap_addresses_format.h"

#include <stdlib.h>

void ha_counted_deinit(struct ha_counted *counted)
{
    ha_counts_destroy(counted->counts);
    counted->counts = NULL;
    ha_vec_deinit(&counted->samples);
    ha_build_root_lists_deinit(&counted->roots);
    ha_vec_deinit(&counted->chunks);
}

static int compare_kept(const void *a, const void *b)
{
    const struct ha_kept *x = a, *y = b;
    return (x->off > y->off) - (x->off < y->off);
}

/* Adds the class dumps, and sorts all by place. */
static struct ha_err *add_class_dumps(struct ha_build *build, ha_kept_list *kept)
{
    struct ha_window window;
    if (!ha_vec_reserve(kept, build->classes.count)) {
        return ha_err_nomem();
    }
    ha_window_init(&window, build->input, HA_WINDOW_RANDOM);
    for (size_t c = 0; c < build->classes.count; c++) {
        struct ha_class_dump dump;
        const struct ha_build_class *cls = &build->classes.data[c];
        if (ha_class_dump_read(&window, cls->record, ha_input_bytes(build->input), build->facts.id_size, &dump) == HA_SUB_OK) {
            kept->data[kept->count++] = (struct ha_kept){cls->id, dump.off, dump.end};
        }
    }
    struct ha_err *err = ha_window_error(&window);
    ha_window_deinit(&window);
    if (kept->count > 1) {
        qsort(kept->data, kept->count, sizeof *kept->data, compare_kept);
    }
    return err;
}

/* The records that are kept take the place of all batches; neighbours share one. */
static struct ha_err *batch_kept(struct ha_build *build, const ha_kept_list *kept)
{
    ha_batches *batches = &build->batches;
    batches->count = 0;
    build->heap_bytes = 0;
    for (size_t i = 0; i < kept->count; i++) {
        const struct ha_kept *record = &kept->data[i];
        struct ha_batch *last = batches->count > 0 ? &batches->data[batches->count - 1] : NULL;
        if (last != NULL && record->off < last->end) {
            continue; /* chosen twice */
        }
        build->heap_bytes += record->end - record->off;
        if (last != NULL && record->off == last->end) {
            last->end = record->end;
            continue;
        }
        struct ha_batch *batch = ha_vec_push(batches);
        if (batch == NULL) {
            return ha_err_nomem();
        }
        *batch = (struct ha_batch){.off = record->off, .end = record->end, .raw = true};
    }
    return NULL;
}

static struct ha_err *number_kept(struct ha_build *build, const ha_kept_list *kept)
{
    struct ha_address_set *set = ha_address_set_create(HA_SHIFT_SORTED, 1, build->facts.dump_bytes);
    struct ha_err *err = set == NULL ? ha_err_nomem() : NULL;
    build->records = 0;
    for (size_t i = 0; i < kept->count && err == NULL; i++) {
        build->records += i == 0 || kept->data[i].off != kept->data[i - 1].off;
        err = ha_address_set_add(set, ha_address_set_pending(set, 0), 0, kept->data[i].address, false);
    }
    if (err == NULL) {
        err = ha_address_set_finish(set, build->writer);
    }
    ha_address_set_destroy(set);
    return err;
}

/* What counting found becomes that of the build, and what was chosen becomes the heap. */
static struct ha_err *take_counted(struct ha_build *build, struct ha_counted *counted, ha_kept_list *kept)
{
    build->counts = counted->counts;
    counted->counts = NULL;
    build->address_gcd = counted->gcd;
    build->overlap = counted->overlap;
    ha_build_root_lists_deinit(&build->roots);
    build->roots = counted->roots;
    counted->roots = (ha_build_root_lists){0};
    for (size_t c = 0; c < build->classes.count; c++) {
        build->classes.data[c].instances = build->counts->instances[c];
    }
    HA_TRY(ha_build_classes_finish(build, true));
    for (size_t c = 0; c < build->classes.count; c++) {
        build->classes.data[c].flags &= ~(uint32_t)HA_CLASS_IS_LEAF;
    }
    HA_TRY(add_class_dumps(build, kept));
    HA_TRY(batch_kept(build, kept));
    return number_kept(build, kept);
}

struct ha_err *ha_counted_build(struct ha_build *build, bool *ret_done)
{
    struct ha_counted counted = {0};
    ha_kept_list kept = {0};
    *ret_done = false;
    struct ha_err *err = ha_count_run(build, &counted, ret_done);
    if (err == NULL && *ret_done) {
        err = ha_keep_choose(build, &counted, &kept, ret_done);
    }
    if (err == NULL && *ret_done) {
        err = take_counted(build, &counted, &kept);
    }
    ha_vec_deinit(&kept);
    ha_counted_deinit(&counted);
    return err;
}
