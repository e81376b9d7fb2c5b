/* SPDX-License-Identifier: MIT */
#include "support/engine/counted_compare.h"

#include "ha/heap/heap_counts.h"
#include "ha/query/q_histogram.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool differ(struct comparison *c, const char *what, uint64_t counted, uint64_t full)
{
    snprintf(c->difference, sizeof c->difference, "%s: counted %" PRIu64 ", full %" PRIu64, what, counted, full);
    return false;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_row(struct comparison *c, const struct ha_histogram_row *a, const struct ha_histogram_row *b)
{
    bool same = same_text(a->name, b->name) && same_text(a->loader_class, b->loader_class) && a->loader_address == b->loader_address &&
                a->class_object == b->class_object && a->classes == b->classes && a->instances == b->instances && a->shallow_bytes == b->shallow_bytes;
    if (!same) {
        snprintf(c->difference, sizeof c->difference, "row %.80s, %" PRIu64 " objects, %" PRIu64 " bytes is %.80s, %" PRIu64 " objects, %" PRIu64 " bytes in full",
                 a->name, a->instances, a->shallow_bytes, b->name, b->instances, b->shallow_bytes);
    }
    return same;
}

static bool same_histogram(struct comparison *c, struct ha_query *counted, struct ha_query *full, enum ha_group_by by)
{
    const struct ha_histogram_options options = {.by = by, .sort = HA_SORT_SHALLOW, .keep_unreachable = true, .with_empty = true};
    struct ha_histogram a, b;
    struct ha_err *err = ha_histogram_query(counted, &options, &a);
    err = err == NULL ? ha_histogram_query(full, &options, &b) : err;
    if (err != NULL) {
        snprintf(c->difference, sizeof c->difference, "%s", ha_err_message(err));
        ha_err_free(err);
        return false;
    }
    if (a.count != b.count || a.instances != b.instances || a.shallow_bytes != b.shallow_bytes) {
        return differ(c, "rows", a.count, b.count) || differ(c, "shallow bytes", a.shallow_bytes, b.shallow_bytes);
    }
    for (uint64_t i = 0; i < a.count; i++) {
        if (!same_row(c, &a.rows[i], &b.rows[i])) {
            return false;
        }
    }
    return true;
}

static bool same_facts(struct comparison *c, const struct ha_heap *a, const struct ha_heap *b)
{
    return (ha_heap_object_total(a) == b->facts.object_count || differ(c, "objects", ha_heap_object_total(a), b->facts.object_count)) &&
           (a->root_count == b->root_count || differ(c, "roots", a->root_count, b->root_count)) &&
           (a->thread_count == b->thread_count || differ(c, "threads", a->thread_count, b->thread_count)) &&
           (a->chunk_count == b->chunk_count || differ(c, "stack chunks", a->chunk_count, b->chunk_count)) &&
           (a->facts.class_count == b->facts.class_count || differ(c, "classes", a->facts.class_count, b->facts.class_count)) &&
           (a->facts.object_alignment == b->facts.object_alignment || differ(c, "alignment", a->facts.object_alignment, b->facts.object_alignment)) &&
           (a->facts.compressed_references == b->facts.compressed_references || differ(c, "compressed", a->facts.compressed_references, 0));
}

static bool same_gaps(struct comparison *c, const struct ha_heap *a, const struct ha_heap *b)
{
    for (uint32_t i = 0; i < a->facts.class_count; i++) {
        const struct ha_gap *x = &a->gaps[i], *y = &b->gaps[i];
        if (memcmp(x, y, sizeof *x) != 0) {
            snprintf(c->difference, sizeof c->difference, "distances of %.80s: %u × %u of %u, object %u; in full %u × %u of %u, object %u", a->classes[i].name,
                     x->same, x->smallest, x->count, x->object, y->same, y->smallest, y->count, y->object);
            return false;
        }
    }
    bool same = memcmp(a->gap_arrays, b->gap_arrays, sizeof *a->gap_arrays) == 0;
    return same || differ(c, "distances of arrays", a->gap_arrays->arrays, b->gap_arrays->arrays);
}

static bool same_sizes(struct comparison *c, const struct ha_sizes *a, const struct ha_sizes *b)
{
    for (uint32_t i = 0; i < a->part_count; i++) {
        const struct ha_size_part *x = &a->parts[i], *y = &b->parts[i];
        if (strcmp(x->part, y->part) != 0 || x->value != y->value || !same_text(x->text, y->text) || !same_text(x->found_by, y->found_by)) {
            return differ(c, x->part, x->value, y->value);
        }
    }
    size_t bytes = a->heap->facts.class_count * sizeof *a->class_sizes;
    return (a->part_count == b->part_count && memcmp(a->class_sizes, b->class_sizes, bytes) == 0 && memcmp(a->object_sizes, b->object_sizes, bytes) == 0) ||
           differ(c, "sizes", a->part_count, b->part_count);
}

/* But for what comes of references. */
static bool same_warnings(struct comparison *c, const struct ha_diag *a, const struct ha_diag *b)
{
    for (enum ha_diag_code code = 0; code < HA_DIAG_COUNT; code++) {
        const struct ha_diag_entry *x = ha_diag_get(a, code), *y = ha_diag_get(b, code);
        bool of_references = code == HA_DIAG_DANGLING || code == HA_DIAG_FILLER || code == HA_DIAG_UNREACHABLE;
        if (!of_references && (x->count != y->count || (x->count > 0 && (x->off != y->off || !same_text(x->message, y->message))))) {
            return differ(c, ha_diag_code_text(code), x->count, y->count);
        }
    }
    return true;
}

static bool same_version(struct comparison *c, const struct ha_snapshot *a, const struct ha_snapshot *b)
{
    struct ha_sbuf x = {0}, y = {0};
    bool same = ha_snapshot_jvm_version(a, &x) == ha_snapshot_jvm_version(b, &y) && strcmp(ha_sbuf_text(&x), ha_sbuf_text(&y)) == 0;
    ha_sbuf_deinit(&x);
    ha_sbuf_deinit(&y);
    return same || differ(c, "version of the JVM", 0, 0);
}

static bool same_answers(struct comparison *c, struct ha_query *counted, struct ha_query *full)
{
    struct ha_overview a, b;
    struct ha_err *err = ha_query_overview(counted, &a);
    err = err == NULL ? ha_query_overview(full, &b) : err;
    if (err != NULL) {
        ha_err_free(err);
        return differ(c, "overview", 0, 0);
    }
    return (a.objects == b.objects + b.unreachable_objects || differ(c, "objects", a.objects, b.objects + b.unreachable_objects)) &&
           (a.shallow_bytes == b.shallow_bytes + b.unreachable_bytes || differ(c, "bytes", a.shallow_bytes, b.shallow_bytes + b.unreachable_bytes)) &&
           (a.gc_roots == b.gc_roots || differ(c, "roots", a.gc_roots, b.gc_roots)) && same_histogram(c, counted, full, HA_BY_CLASS) &&
           same_histogram(c, counted, full, HA_BY_PACKAGE) && same_histogram(c, counted, full, HA_BY_LOADER);
}

bool counted_agrees(const struct ha_snapshot *counted, const struct ha_snapshot *full, struct comparison *ret)
{
    struct ha_query x, y;
    ret->difference[0] = '\0';
    ha_query_init(&x, counted);
    ha_query_init(&y, full);
    bool same = same_facts(ret, counted->heap, full->heap) && same_gaps(ret, counted->heap, full->heap) && same_sizes(ret, counted->sizes, full->sizes) &&
                same_warnings(ret, counted->diag, full->diag) && same_version(ret, counted, full) && same_answers(ret, &x, &y);
    ha_query_deinit(&x);
    ha_query_deinit(&y);
    return same;
}
