/* SPDX-License-Identifier: MIT */
/*
 * Suspects as the index keeps them: what takes a search. How large they are, and what goes with them, comes from other sections; names are read anew.
 * Section JSUS, MSUS (those of the usual threshold), JSU1 … JSU4, MSU1 … MSU4 (those of thresholds that somebody asked for), words of 4 bytes:
 *
 *     threshold under which they were found, lower and upper half
 *     suspects
 *     per suspect:
 *       kind, class, object (none: a group), accumulation point (none: none), path avoids references that are not strong (0, 1), objects sampled
 *       objects on the path, largest parts, parts left out of these, lower and upper half
 *       the objects on the path, the largest parts
 *
 * The section comes from a file: what is wrong makes it as good as absent.
 */
#include <string.h>

#include "ha/base/mem.h"
#include "ha/heap/heap_sections.h"
#include "query/q_suspect.h"

#define HEAD 3U
#define RECORD 10U
#define PATH_MAX_OBJECTS 1000000U /* a longer path is found again when it is asked for */
#define ASKED_PATH_MAX_OBJECTS 10000U /* the same in a section that is added for a threshold that somebody asked for */

/* ---- writing ---- */

typedef HA_VEC(uint32_t) word_list;

static struct ha_err *put_suspect(const struct ha_suspect *s, word_list *out)
{
    const uint64_t omitted = s->largest.omitted;
    const uint32_t head[RECORD] = {(uint32_t)s->kind, s->cls.i, s->object.i, s->accumulation_point.i, s->path_excluded, (uint32_t)s->sampled,
                                   (uint32_t)s->path_count, (uint32_t)s->largest.count, (uint32_t)omitted, (uint32_t)(omitted >> 32)};
    if (!ha_vec_reserve(out, RECORD + s->path_count + s->largest.count)) {
        return ha_err_nomem();
    }
    memcpy(out->data + out->count, head, sizeof head);
    out->count += RECORD;
    for (uint64_t i = 0; i < s->path_count; i++) {
        out->data[out->count++] = s->path[i].obj.i;
    }
    for (uint64_t i = 0; i < s->largest.count; i++) {
        out->data[out->count++] = s->largest.list[i].obj.i;
    }
    return NULL;
}

static struct ha_err *put_suspects(const struct ha_suspects *suspects, uint64_t path_max, word_list *out)
{
    if (!ha_vec_reserve(out, HEAD)) {
        return ha_err_nomem();
    }
    out->data[0] = (uint32_t)suspects->threshold_bytes;
    out->data[1] = (uint32_t)(suspects->threshold_bytes >> 32);
    out->data[2] = 0;
    out->count = HEAD;
    for (uint64_t i = 0; i < suspects->count; i++) {
        if (suspects->list[i].path_count <= path_max) {
            out->data[2]++;
            HA_TRY(put_suspect(&suspects->list[i], out));
        }
    }
    return NULL;
}

struct ha_err *ha_suspects_store(const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx)
{
    struct ha_query q;
    struct ha_suspects suspects;
    word_list words = {0};
    ha_query_init(&q, snapshot);
    struct ha_err *err = ha_suspects_query(&q, &(struct ha_suspects_options){.class_limit = 1}, &suspects);
    if (err == NULL) {
        err = put_suspects(&suspects, PATH_MAX_OBJECTS, &words);
    }
    if (err == NULL && suspects.count > 0) {
        err = put(put_ctx, HA_SECTION_OF(snapshot->sizes->model, SUSPECTS), sizeof *words.data, words.count, words.data);
    }
    ha_vec_deinit(&words);
    ha_query_deinit(&q);
    return err;
}

static uint32_t section_id(const struct ha_query *q, unsigned n)
{
    const enum ha_size_model model = q->snapshot->sizes->model;
    return n == 0 ? HA_SECTION_OF(model, SUSPECTS) : HA_SECTION_NTH(HA_SECTION_OF(model, SUSPECTS_ASKED), n - 1);
}

void suspects_note(struct ha_query *q, const struct ha_suspects *suspects)
{
    word_list words = {0};
    struct ha_err *err = put_suspects(suspects, ASKED_PATH_MAX_OBJECTS, &words);
    uint32_t *noted = err == NULL ? ha_arena_alloc(&q->arena, words.count, sizeof *noted) : NULL;
    if (noted != NULL) {
        memcpy(noted, words.data, words.count * sizeof *noted);
        q->suspects = noted;
        q->suspects_words = words.count;
    }
    ha_vec_deinit(&words);
    ha_err_free(err);
}

/* Whether a section keeps these suspects, or as many of the same threshold. */
static bool keeps_as_many(struct ha_index_section section, const uint32_t *suspects)
{
    const uint32_t *kept = section.data;
    return section.count >= HEAD && section.width == sizeof *kept && kept[0] == suspects[0] && kept[1] == suspects[1] && kept[2] >= suspects[2];
}

struct ha_err *ha_suspects_store_asked(const struct ha_query *q, ha_section_put put, void *put_ctx)
{
    unsigned room = 0;
    for (unsigned n = 0; q->suspects != NULL && n < SUSPECTS_SECTIONS; n++) {
        if (keeps_as_many(ha_index_find(q->snapshot->index, section_id(q, n), 0), q->suspects)) {
            return NULL;
        }
        room = room == 0 && n > 0 && !ha_index_has(q->snapshot->index, section_id(q, n)) ? n : room;
    }
    return room == 0 ? NULL : put(put_ctx, section_id(q, room), sizeof *q->suspects, q->suspects_words, q->suspects);
}

/* ---- reading ---- */

/* The record of a suspect in the n-th section; NULL: there is none. */
static const uint32_t *find_record(const struct ha_query *q, const struct ha_suspect *s, unsigned n, uint64_t *ret_threshold)
{
    struct ha_index_section section = ha_index_find(q->snapshot->index, section_id(q, n), sizeof(uint32_t));
    const uint32_t *at = section.data;
    if (section.count < HEAD) {
        return NULL;
    }
    *ret_threshold = at[0] | (uint64_t)at[1] << 32;
    uint64_t left = section.count - HEAD;
    at += HEAD;
    while (left >= RECORD) {
        uint64_t length = RECORD + (uint64_t)at[6] + at[7];
        if (length > left) {
            return NULL;
        }
        if (at[0] == (uint32_t)s->kind && at[1] == s->cls.i && at[2] == s->object.i) {
            return at;
        }
        at += length;
        left -= length;
    }
    return NULL;
}

/* Copies objects; false: one of them is none. */
static bool copy_objects(const struct ha_query *q, const uint32_t *from, uint32_t count, ha_obj *ret)
{
    bool good = true;
    for (uint32_t i = 0; i < count; i++) {
        good = good && from[i] < q->snapshot->heap->facts.object_count;
        ret[i] = (ha_obj){from[i]};
    }
    return good;
}

#define SHORT_PATH 32U

/* Whether no object comes twice: what is said of a path takes as long as its objects have references, all together. */
static struct ha_err *are_distinct(const struct ha_query *q, const ha_obj *path, uint32_t count, bool *ret)
{
    *ret = true;
    if (count <= SHORT_PATH) {
        for (uint32_t i = 0; i < count; i++) {
            for (uint32_t k = 0; k < i; k++) {
                *ret = *ret && !ha_obj_equal(path[i], path[k]);
            }
        }
        return NULL;
    }
    HA_FREE uint64_t *seen = ha_calloc_array(q->snapshot->heap->facts.object_count / 64 + 1, sizeof *seen);
    if (seen == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t i = 0; i < count && *ret; i++) {
        uint64_t *word = &seen[path[i].i / 64], bit = 1ULL << path[i].i % 64;
        *ret = (*word & bit) == 0;
        *word |= bit;
    }
    return NULL;
}

struct ha_err *suspect_kept_find(struct ha_query *q, const struct ha_suspect *s, unsigned n, struct suspect_kept *ret)
{
    uint64_t threshold = 0;
    const uint32_t *record = find_record(q, s, n, &threshold);
    *ret = (struct suspect_kept){.found = false};
    if (record == NULL || record[4] > 1 || (record[3] != HA_NONE && record[3] >= q->snapshot->heap->facts.object_count)) {
        return NULL;
    }
    uint32_t path_count = record[6], largest_count = record[7];
    if (path_count > PATH_MAX_OBJECTS || largest_count > SUSPECT_LARGEST) {
        return NULL;
    }
    ha_obj *path = ha_arena_alloc(&q->arena, (size_t)path_count + 1, sizeof *path);
    ha_obj *largest = ha_arena_alloc(&q->arena, (size_t)largest_count + 1, sizeof *largest);
    struct ha_ranked *ranked = ha_arena_alloc(&q->arena, (size_t)largest_count + 1, sizeof *ranked);
    if (path == NULL || largest == NULL || ranked == NULL) {
        return ha_err_nomem();
    }
    if (!copy_objects(q, record + RECORD, path_count, path) || !copy_objects(q, record + RECORD + path_count, largest_count, largest)) {
        return NULL;
    }
    bool distinct;
    HA_TRY(are_distinct(q, path, path_count, &distinct));
    if (!distinct) {
        return NULL;
    }
    for (uint32_t i = 0; i < largest_count; i++) {
        ranked[i] = (struct ha_ranked){largest[i], ha_query_retained(q, largest[i])};
    }
    *ret = (struct suspect_kept){.found = true, .threshold = threshold, .accumulation_point = {record[3]}, .path_excluded = record[4] != 0, .sampled = record[5],
                                 .path = path, .path_count = path_count,
                                 .largest = {.list = ranked, .count = largest_count, .omitted = record[8] | (uint64_t)record[9] << 32}};
    return NULL;
}
