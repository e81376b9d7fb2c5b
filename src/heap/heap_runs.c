/* SPDX-License-Identifier: MIT */
/* Runs of ascending addresses, and class objects between them: heap_runs.h has the picture. Cost: sorting both. */
#include "heap/heap_runs.h"

#include <stdlib.h>

/* ---- class objects ---- */

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

struct ha_err *ha_class_objects_init(struct ha_class_objects *classes, const struct ha_build *build)
{
    *classes = (struct ha_class_objects){.count = (uint32_t)build->classes.count};
    classes->ids = ha_alloc_array((size_t)classes->count + 1, sizeof *classes->ids);
    classes->next = ha_calloc_array((size_t)classes->count + 1, sizeof *classes->next);
    if (classes->ids == NULL || classes->next == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t i = 0; i < classes->count; i++) {
        classes->ids[i] = build->classes.data[i].id;
        classes->gcd = ha_build_gcd(classes->gcd, classes->ids[i]);
    }
    qsort(classes->ids, classes->count, sizeof *classes->ids, compare_u64);
    return NULL;
}

void ha_class_objects_deinit(struct ha_class_objects *classes)
{
    ha_free(classes->ids);
    ha_free(classes->next);
}

uint32_t ha_class_objects_from(const struct ha_class_objects *classes, uint64_t address)
{
    uint32_t low = 0, high = classes->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (classes->ids[middle] < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- runs ---- */

static int compare_runs(const void *a, const void *b)
{
    const struct ha_run *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

void ha_runs_sort(ha_runs *runs)
{
    if (runs->count > 1) {
        qsort(runs->data, runs->count, sizeof *runs->data, compare_runs);
    }
}

bool ha_runs_are_apart(const ha_runs *runs, const struct ha_class_objects *classes)
{
    for (size_t i = 1; i < runs->count; i++) {
        if (runs->data[i].first <= runs->data[i - 1].last.address) {
            return false;
        }
    }
    for (uint32_t i = 1; i < classes->count; i++) {
        if (classes->ids[i] == classes->ids[i - 1]) {
            return false;
        }
    }
    return true;
}

/* Pages and regions are known as far as records and class objects have them on their own: some may be those of both. */
bool ha_runs_are_dense(const ha_runs *runs, const struct ha_class_objects *classes, uint64_t objects, uint64_t dump_bytes)
{
    uint64_t pages = 0, regions = 0, class_pages = 0, class_regions = 0, first = UINT64_MAX, last = 0, before = UINT64_MAX;
    for (size_t i = 0; i < runs->count; i++) {
        const struct ha_run *run = &runs->data[i];
        pages += run->pages - (before != UINT64_MAX && ha_page_of(run->first) == ha_page_of(before));
        regions += run->regions - (before != UINT64_MAX && ha_region_of(run->first) == ha_region_of(before));
        before = run->last.address;
        first = run->first < first ? run->first : first;
        last = before > last ? before : last;
    }
    before = UINT64_MAX;
    for (uint32_t i = 0; i < classes->count; i++) {
        uint64_t id = classes->ids[i];
        class_pages += before == UINT64_MAX || ha_page_of(id) != ha_page_of(before);
        class_regions += before == UINT64_MAX || ha_region_of(id) != ha_region_of(before);
        before = id;
        first = id < first ? id : first;
        last = id > last ? id : last;
    }
    uint64_t span = ha_page_of(last) - ha_page_of(first) + 1;
    return ha_addresses_are_dense(pages, pages + class_pages, regions + class_regions, span, objects, dump_bytes);
}

/* ---- distances ---- */

static uint64_t nearer(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

void ha_runs_close(const ha_runs *runs, const struct ha_class_objects *classes, struct ha_tallies *tallies)
{
    for (size_t i = 0; i < runs->count; i++) {
        const struct ha_run_last *last = &runs->data[i].last;
        uint32_t at = ha_class_objects_from(classes, last->address);
        uint64_t next = nearer(i + 1 < runs->count ? runs->data[i + 1].first : 0, at < classes->count ? classes->ids[at] : 0);
        if (last->cls != HA_NONE) {
            ha_tally_add_gap(tallies, &tallies->classes[last->cls], last->address, last->length, next);
        }
    }
}

/* The first record of the first run that does not begin below an address; 0: there is none. */
static uint64_t first_run_from(const ha_runs *runs, uint64_t address)
{
    size_t low = 0, high = runs->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (runs->data[middle].first < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < runs->count ? runs->data[low].first : 0;
}

void ha_runs_close_classes(const ha_runs *runs, const struct ha_class_objects *classes, const struct ha_build *build, struct ha_gaps *gaps)
{
    for (uint32_t i = 0; i < classes->count; i++) {
        uint64_t id = classes->ids[i], next = atomic_load_explicit(&classes->next[i], memory_order_relaxed);
        next = nearer(next != 0 ? next : first_run_from(runs, id), i + 1 < classes->count ? classes->ids[i + 1] : 0);
        gaps->classes[ha_build_class_of(build, id)].object = ha_gap_between(id, next);
    }
}
