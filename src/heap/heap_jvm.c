/* SPDX-License-Identifier: MIT */
/*
 * Headers, references, alignment and field layout of the JVM that wrote the dump. Every JVM there can be is a candidate:
 *
 *     header 8 (compact), 12 (compressed class pointers), 16    references 4, 8    fields packed, packed with references leading, stacked
 *
 * and is judged by the classes with most instances: a class is a match where the layout gives exactly the smallest distance behind its
 * instances, and a contradiction where the layout is larger, for objects do not overlap. Arrays take part in the same way. The candidate with
 * most points wins; a part of it counts as found if every candidate with another value of that part has fewer points, else it is assumed.
 *
 * Distances say nothing, and all is assumed, where ids are no addresses of a 64-bit HotSpot: 4-byte ids, ids that are no multiple of 8, arrays that
 * overlap.
 */
#include "heap/heap_jvm.h"

#include "ha/base/mem.h"
#include "ha/heap/heap_gaps.h"

#include <stdlib.h>
#include <string.h>

#define JUDGES_MAX 400U       /* classes that take part */
#define JUDGE_INSTANCES 3U    /* at least, of a class that takes part */
#define CONTRADICTION 4       /* points a contradiction costs; a match gives 1 */
#define ARRAY_POINTS 8
#define IMPOSSIBLE (-1000000)
#define ALIGNMENT_OBJECTS 64U /* objects from which on a common alignment of 16 and more is no chance */
#define COMPRESSED_END (1ULL << 35) /* compressed references reach so far at an alignment of 8 */
#define FITS_PERCENT 80U
#define FITS_JUDGES 20U       /* fewer cannot tell that a layout is wrong */

enum style { PACKED, PACKED_LEADING, STACKED, STYLES };
#define CANDIDATES (3U * 2U * STYLES)

struct candidate {
    struct layout_mode mode;
    int points;
};

struct judge {
    uint32_t cls, count;
};

static int compare_judges(const void *a, const void *b)
{
    const struct judge *x = a, *y = b;
    if (x->count != y->count) {
        return x->count > y->count ? -1 : 1;
    }
    return (x->cls > y->cls) - (x->cls < y->cls);
}

/* The classes with most instances that are followed at a distance; *ret holds JUDGES_MAX at most. */
static struct ha_err *choose_judges(const struct ha_heap *heap, struct judge **ret, uint32_t *ret_count)
{
    struct judge *judges = ha_alloc_array((size_t)heap->facts.class_count + 1, sizeof *judges);
    uint32_t count = 0;
    if (judges == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        const struct ha_class *cls = &heap->classes[c];
        const struct ha_gap *gap = &heap->gaps[c];
        if (cls->kind == HA_CLASS_INSTANCE && (cls->flags & (HA_CLASS_IS_CLASS | HA_CLASS_IS_MADE_UP)) == 0 && gap->count >= JUDGE_INSTANCES &&
            gap->smallest != HA_GAP_NONE) {
            judges[count++] = (struct judge){c, gap->same};
        }
    }
    qsort(judges, count, sizeof *judges, compare_judges);
    *ret = judges;
    *ret_count = count < JUDGES_MAX ? count : JUDGES_MAX;
    return NULL;
}

static int judge_arrays(const struct ha_gap_arrays *arrays, const struct layout_mode *mode)
{
    uint32_t narrow = mode->header_bytes == 8 ? 12 : mode->header_bytes == 12 ? 16 : 20;
    int points = 0;
    if (arrays->narrow != HA_GAP_NONE) {
        bool match = arrays->narrow == narrow || (mode->header_bytes == 16 && arrays->narrow == 24);
        points += arrays->narrow < narrow ? -CONTRADICTION * ARRAY_POINTS : match ? ARRAY_POINTS : 0;
    }
    if (arrays->close_arrays > 0 && mode->reference_bytes == 8) {
        points -= CONTRADICTION * ARRAY_POINTS;
    }
    if (arrays->close_arrays == 0 && arrays->far_arrays > 0 && mode->reference_bytes == 8) {
        points += ARRAY_POINTS;
    }
    return points;
}

static struct ha_err *judge(const struct ha_heap *heap, uint32_t feature, const struct judge *judges, uint32_t count, struct candidate *candidate)
{
    const struct layout_mode *mode = &candidate->mode;
    struct layout *layout;
    if (mode->stacked && (mode->header_bytes == 8 || (mode->header_bytes == 12 && mode->reference_bytes == 8))) {
        candidate->points = IMPOSSIBLE; /* compact headers, and compressed class pointers alone, are younger than that layout */
        return NULL;
    }
    HA_TRY(ha_layout_create(heap, mode, feature, &layout));
    candidate->points = judge_arrays(heap->gap_arrays, &candidate->mode);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bytes = ha_layout_instance_bytes(layout, (ha_cls){judges[i].cls});
        uint32_t gap = heap->gaps[judges[i].cls].smallest;
        candidate->points += bytes == gap ? 1 : bytes > gap ? -CONTRADICTION : 0;
    }
    ha_layout_destroy(layout);
    return NULL;
}

/* Common alignment of all addresses, where there are enough of them to tell. */
static uint32_t find_alignment(const struct ha_heap *heap, bool trusted)
{
    uint32_t seen = heap->facts.object_alignment;
    bool power = (seen & (seen - 1)) == 0;
    return trusted && power && ha_heap_object_total(heap) >= ALIGNMENT_OBJECTS ? seen : 8;
}

static bool low_addresses(const struct ha_heap *heap)
{
    uint32_t last = heap->facts.branch_count, all = heap->facts.object_count;
    ha_addr branch = last == 0 ? 0 : ha_heap_address(heap, (ha_obj){last - 1}), leaf = all == last ? 0 : ha_heap_address(heap, (ha_obj){all - 1});
    return (branch > leaf ? branch : leaf) < COMPRESSED_END;
}

/* The JVM to assume: the usual one for its JDK, with references as the addresses allow. */
static struct layout_mode usual(const struct ha_heap *heap, uint32_t feature, uint32_t alignment)
{
    struct layout_mode mode = {.word_bytes = heap->facts.id_size, .alignment = alignment, .stacked = feature < 15, .references_lead = feature >= 24};
    if (heap->facts.id_size == 4) {
        mode.header_bytes = 8;
        mode.reference_bytes = 4;
        return mode;
    }
    mode.reference_bytes = heap->facts.compressed_references != 0 || low_addresses(heap) ? 4 : 8;
    mode.header_bytes = mode.reference_bytes == 8 && feature < 15 ? 16 : 12;
    return mode;
}

static bool same_style(const struct layout_mode *a, const struct layout_mode *b)
{
    return a->stacked == b->stacked && a->references_lead == b->references_lead;
}

/* How far two modes are from each other: the winner among equals is the nearest to the usual one. */
static unsigned difference(const struct layout_mode *a, const struct layout_mode *b)
{
    return (a->header_bytes != b->header_bytes) + 4U * (a->reference_bytes != b->reference_bytes) + 2U * !same_style(a, b);
}

static void make_candidates(const struct layout_mode *base, struct candidate *candidates)
{
    static const uint32_t headers[] = {8, 12, 16};
    for (unsigned i = 0; i < CANDIDATES; i++) {
        enum style style = (enum style)(i % STYLES);
        candidates[i].mode = (struct layout_mode){.word_bytes = 8, .header_bytes = headers[i / STYLES % 3], .reference_bytes = i / STYLES / 3 == 0 ? 4 : 8,
                                                  .alignment = base->alignment, .stacked = style == STACKED, .references_lead = style == PACKED_LEADING};
    }
}

struct verdict {
    const struct candidate *best;
    bool header, references, layout; /* found, not assumed */
};

static struct verdict choose(const struct candidate *candidates, const struct layout_mode *base)
{
    struct verdict v = {.best = &candidates[0], .header = true, .references = true, .layout = true};
    for (unsigned i = 1; i < CANDIDATES; i++) {
        const struct candidate *c = &candidates[i];
        if (c->points > v.best->points || (c->points == v.best->points && difference(&c->mode, base) < difference(&v.best->mode, base))) {
            v.best = c;
        }
    }
    for (unsigned i = 0; i < CANDIDATES; i++) {
        const struct candidate *c = &candidates[i];
        if (c->points < v.best->points) {
            continue;
        }
        v.header = v.header && c->mode.header_bytes == v.best->mode.header_bytes;
        v.references = v.references && c->mode.reference_bytes == v.best->mode.reference_bytes;
        v.layout = v.layout && c->mode.stacked == v.best->mode.stacked;
    }
    return v;
}

/* Whether the best layout is right for most classes. */
static bool layout_fits(const struct ha_heap *heap, struct layout *layout, const struct judge *judges, uint32_t count)
{
    uint32_t matches = 0;
    for (uint32_t i = 0; i < count; i++) {
        matches += ha_layout_instance_bytes(layout, (ha_cls){judges[i].cls}) == heap->gaps[judges[i].cls].smallest;
    }
    return count < FITS_JUDGES || (uint64_t)matches * 100 >= (uint64_t)count * FITS_PERCENT;
}

/* JDK 23 and later place the first element right behind the length also without compressed class pointers. */
static void find_bases(const struct ha_heap *heap, struct jvm *jvm)
{
    const struct layout_mode *mode = &jvm->mode;
    uint32_t length_end = mode->word_bytes == 4 ? 12 : mode->header_bytes == 8 ? 12 : mode->header_bytes == 12 ? 16 : 20;
    bool wide_header = mode->word_bytes == 8 && mode->header_bytes == 16;
    bool tight = jvm->trusted && heap->gap_arrays->narrow < 24 ? true : jvm->feature >= 24;
    jvm->narrow_base = wide_header && !tight ? 24 : length_end;
    jvm->wide_base = (length_end + 7) / 8 * 8;
    jvm->references_base = mode->reference_bytes == 8 || (wide_header && !tight) ? jvm->wide_base : length_end;
}

static void put_parts(struct jvm *jvm, const struct verdict *v, bool alignment_found)
{
    const struct layout_mode *mode = &jvm->mode;
    const char *const gaps = "gaps between objects", *const assumed = "assumed";
    const char *header = v != NULL && v->header ? gaps : assumed;
    jvm->parts[0] = (struct ha_size_part){"object_alignment", mode->alignment, NULL, alignment_found ? "addresses" : assumed};
    jvm->parts[1] = (struct ha_size_part){"reference_bytes", mode->reference_bytes, NULL,
                                          mode->word_bytes == 4 ? "size of ids" : v != NULL && v->references ? gaps : assumed};
    jvm->parts[2] = (struct ha_size_part){"compact_headers", mode->word_bytes == 8 && mode->header_bytes == 8, "", header};
    jvm->parts[3] = (struct ha_size_part){"compressed_class_pointers", mode->word_bytes == 8 && mode->header_bytes != 16, "", header};
    jvm->parts[4] = (struct ha_size_part){"header_bytes", mode->header_bytes, NULL, header};
    jvm->parts[5] = (struct ha_size_part){"array_header_bytes", jvm->narrow_base, NULL, header};
    jvm->parts[6] = (struct ha_size_part){"field_layout", 0, mode->stacked ? "JDK 14 and before" : "JDK 15 and later",
                                          v != NULL && v->layout ? gaps : jvm->feature > 8 ? "classes of the JDK" : assumed};
}

static struct ha_err *find(const struct ha_heap *heap, struct judge *judges, uint32_t judge_count, struct jvm *jvm, struct layout **ret_layout)
{
    struct candidate candidates[CANDIDATES];
    make_candidates(&jvm->mode, candidates);
    for (unsigned i = 0; i < CANDIDATES; i++) {
        HA_TRY(judge(heap, jvm->feature, judges, judge_count, &candidates[i]));
    }
    struct verdict v = choose(candidates, &jvm->mode);
    jvm->mode = v.best->mode;
    find_bases(heap, jvm);
    put_parts(jvm, &v, ha_heap_object_total(heap) >= ALIGNMENT_OBJECTS);
    HA_TRY(ha_layout_create(heap, &jvm->mode, jvm->feature, ret_layout));
    jvm->fits = layout_fits(heap, *ret_layout, judges, judge_count);
    return NULL;
}

struct ha_err *ha_jvm_find(const struct ha_heap *heap, struct jvm *ret, struct layout **ret_layout)
{
    const struct ha_gap_arrays *arrays = heap->gap_arrays;
    *ret = (struct jvm){.feature = ha_layout_feature(heap)};
    ret->trusted = heap->facts.id_size == 8 && arrays->unaligned == 0 && arrays->overlaps == 0;
    ret->mode = usual(heap, ret->feature, find_alignment(heap, ret->trusted));
    if (!ret->trusted) {
        find_bases(heap, ret);
        put_parts(ret, NULL, false);
        return ha_layout_create(heap, &ret->mode, ret->feature, ret_layout);
    }
    struct judge *judges = NULL;
    uint32_t judge_count = 0;
    HA_TRY(choose_judges(heap, &judges, &judge_count));
    struct ha_err *err = find(heap, judges, judge_count, ret, ret_layout);
    ha_free(judges);
    return err;
}
