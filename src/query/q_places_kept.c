/* SPDX-License-Identifier: MIT */
/*
 * Places as the index keeps them, since working them out looks at most objects of the heap:
 *
 *     JPLC MPLC   first how large they are and whether some are missing, then a record per place, in the order of ha_places
 *     JPLT MPLT   their names, each ended by NUL
 *
 * Signatures follow from the names. The sections come from a file: what is wrong makes them as good as absent. Sizes may lie, as those of classes may, but
 * are no larger than the heap.
 */
#include <string.h>

#include "ha/base/hash.h"
#include "ha/heap/heap_sections.h"
#include "query/q_place.h"
#include "query/q_texts.h"

#define NAME_MAX_BYTES 4096U /* with a longer one nothing is kept */

struct disk_place {
    uint64_t objects, retained_bytes;
    uint32_t parent, largest;
    uint32_t class_name, field; /* where they begin among the names; field none: NULL */
};
static_assert(sizeof(struct disk_place) == 32, "layout is part of the index format");

/* In the place of the first record. */
struct disk_head {
    uint64_t min_bytes;
    uint32_t cut, zero[5];
};
static_assert(sizeof(struct disk_head) == sizeof(struct disk_place), "layout is part of the index format");

const char *place_signature(struct ha_arena *arena, const struct ha_place *up, const char *field, const char *class_name)
{
    const char *shown = field == NULL ? "?" : field;
    if (up == NULL) {
        return class_name;
    }
    size_t len = strlen(up->signature);
    if (len + strlen(shown) + strlen(class_name) <= PLACE_SIGNATURE_MAX) {
        return ha_arena_printf(arena, "%s > %s %s", up->signature, shown, class_name);
    }
    return ha_arena_printf(arena, "… %016llx > %s %s", (unsigned long long)ha_hash(up->signature, len), shown, class_name);
}

/* ---- writing ---- */

struct storing {
    struct texts texts;
    struct ha_sbuf names;
    HA_VEC(uint32_t) starts; /* per text: where it begins among the names */
};

static struct ha_err *put_name(struct storing *s, const char *name, uint32_t *ret)
{
    uint32_t number;
    HA_TRY(texts_number(&s->texts, name, &number));
    if (number == s->starts.count) {
        uint32_t *start = ha_vec_push(&s->starts);
        if (start == NULL) {
            return ha_err_nomem();
        }
        *start = (uint32_t)s->names.len; /* places and the lengths of their names are limited */
        ha_sbuf_puts(&s->names, name);
        ha_sbuf_putc(&s->names, '\0');
    }
    *ret = s->starts.data[number];
    return ha_sbuf_failed(&s->names) ? ha_err_nomem() : NULL;
}

static bool names_are_short(const struct ha_places *places)
{
    for (uint32_t i = 0; i < places->count; i++) {
        const struct ha_place *place = &places->list[i];
        if (strlen(place->class_name) > NAME_MAX_BYTES || (place->field != NULL && strlen(place->field) > NAME_MAX_BYTES)) {
            return false;
        }
    }
    return true;
}

static struct ha_err *store(struct ha_query *q, struct storing *s, ha_section_put put, void *put_ctx)
{
    const struct ha_places *places = q->places;
    const enum ha_size_model model = q->snapshot->sizes->model;
    struct disk_place *rows = ha_arena_calloc(&q->arena, (size_t)places->count + 1, sizeof *rows);
    if (rows == NULL) {
        return ha_err_nomem();
    }
    const struct disk_head head = {.min_bytes = places->min_bytes, .cut = places->cut};
    memcpy(rows, &head, sizeof head);
    for (uint32_t i = 0; i < places->count; i++) {
        const struct ha_place *place = &places->list[i];
        struct disk_place *row = &rows[i + 1];
        *row = (struct disk_place){place->objects, place->retained_bytes, place->parent, place->largest.i, HA_NONE, HA_NONE};
        HA_TRY(put_name(s, place->class_name, &row->class_name));
        if (place->field != NULL) {
            HA_TRY(put_name(s, place->field, &row->field));
        }
    }
    HA_TRY(put(put_ctx, HA_SECTION_OF(model, PLACES), sizeof *rows, (uint64_t)places->count + 1, rows));
    return s->names.len == 0 ? NULL : put(put_ctx, HA_SECTION_OF(model, PLACE_NAMES), 1, s->names.len, s->names.data);
}

struct ha_err *ha_places_store(struct ha_query *q, ha_section_put put, void *put_ctx)
{
    struct storing s = {.texts.arena = &q->arena};
    const struct ha_snapshot *snapshot = q->snapshot;
    const enum ha_size_model model = snapshot->sizes->model;
    const bool there = ha_index_has(snapshot->index, HA_SECTION_OF(model, PLACES)) || ha_index_has(snapshot->index, HA_SECTION_OF(model, PLACE_NAMES));
    if (q->places == NULL || q->places->kept || there || !names_are_short(q->places)) {
        return NULL; /* what is there is of another share, or of no use */
    }
    struct ha_err *err = store(q, &s, put, put_ctx);
    texts_deinit(&s.texts);
    ha_vec_deinit(&s.starts);
    ha_sbuf_deinit(&s.names);
    return err;
}

/* ---- reading ---- */

/* The name that begins there; NULL: none does. */
static const char *name_at(struct ha_index_section names, uint32_t start)
{
    const char *text = names.data;
    if (start >= names.count || (start > 0 && text[start - 1] != '\0')) {
        return NULL;
    }
    size_t left = names.count - start, room = left < NAME_MAX_BYTES + 1 ? left : NAME_MAX_BYTES + 1;
    return memchr(text + start, '\0', room) == NULL ? NULL : text + start;
}

/* The place that a record tells of, the others before it being in the list. *ret_good: false if it cannot be. */
static struct ha_err *load_place(struct ha_query *q, const struct disk_place *row, struct ha_index_section names, struct ha_place *list, uint32_t i, bool *ret_good)
{
    const char *class_name = name_at(names, row->class_name), *field = row->field == HA_NONE ? NULL : name_at(names, row->field);
    *ret_good = class_name != NULL && (field != NULL || row->field == HA_NONE) && (row->parent == HA_NONE || row->parent < i) &&
                row->largest < q->snapshot->heap->facts.object_count && row->objects <= q->snapshot->heap->facts.object_count &&
                row->retained_bytes <= q->snapshot->retained->reachable_bytes;
    if (!*ret_good) {
        return NULL;
    }
    list[i] = (struct ha_place){.class_name = class_name, .field = field, .parent = row->parent, .objects = row->objects, .retained_bytes = row->retained_bytes,
                                .largest = {row->largest}};
    list[i].signature = place_signature(&q->arena, row->parent == HA_NONE ? NULL : &list[row->parent], field, class_name);
    return list[i].signature == NULL ? ha_err_nomem() : NULL;
}

struct ha_err *places_load(struct ha_query *q, uint64_t min_bytes, struct ha_places *ret, bool *ret_found)
{
    const enum ha_size_model model = q->snapshot->sizes->model;
    const struct ha_index_section rows = ha_index_find(q->snapshot->index, HA_SECTION_OF(model, PLACES), sizeof(struct disk_place));
    const struct ha_index_section names = ha_index_find(q->snapshot->index, HA_SECTION_OF(model, PLACE_NAMES), 1);
    struct disk_head head;
    *ret_found = false;
    if (rows.count == 0 || rows.count - 1 > HA_PLACES_MAX) {
        return NULL;
    }
    memcpy(&head, rows.data, sizeof head);
    if (head.min_bytes != min_bytes || head.cut > 1) {
        return NULL;
    }
    const uint32_t count = (uint32_t)rows.count - 1;
    struct ha_place *list = ha_arena_calloc(&q->arena, rows.count, sizeof *list);
    if (list == NULL) {
        return ha_err_nomem();
    }
    bool good = true;
    for (uint32_t i = 0; i < count && good; i++) {
        HA_TRY(load_place(q, (const struct disk_place *)rows.data + 1 + i, names, list, i, &good));
    }
    *ret = (struct ha_places){.list = list, .count = count, .cut = head.cut != 0, .min_bytes = min_bytes, .kept = true};
    *ret_found = good;
    return NULL;
}
