/* SPDX-License-Identifier: MIT */
/* The summary of an opened dump. Texts are copied: the snapshot is closed before the next dump is opened. */
#include "ha/compare/summary.h"

#include <string.h>
#include <time.h>

#include "ha/query/q_histogram.h"
#include "ha/query/q_names.h"
#include "ha/query/q_places.h"
#include "ha/query/q_rank.h"
#include "ha/query/q_suspects.h"

/* A copy; NULL stays NULL. Memory running out shows as NULL too and is noticed where a text must be there. */
static const char *copy(struct ha_summary *s, const char *text)
{
    return text == NULL ? NULL : ha_arena_strndup(&s->arena, text, strlen(text));
}

/* The stable form of a name; consumes nothing, NULL without memory. */
static const char *stable_copy(struct ha_summary *s, const char *name)
{
    struct ha_sbuf text = {0};
    ha_name_stable(name, &text);
    const char *made = ha_sbuf_failed(&text) ? NULL : ha_arena_strndup(&s->arena, ha_sbuf_text(&text), text.len);
    ha_sbuf_deinit(&text);
    return made;
}

/* ---- what it is ---- */

static const char *created_text(struct ha_summary *s, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[40];
    if (ms <= 0 || gmtime_r(&seconds, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        return NULL;
    }
    return ha_arena_printf(&s->arena, "%s.%03dZ", text, (int)(ms % 1000));
}

static void dump_fill(const struct ha_snapshot *snapshot, struct ha_summary *s)
{
    const struct ha_heap_facts *facts = &snapshot->heap->facts;
    const char *name = ha_input_name(snapshot->path);
    const char *slash = strrchr(name, '/');
    struct ha_sbuf jvm = {0};
    s->path = copy(s, name);
    s->dump.file = copy(s, slash == NULL || slash[1] == '\0' ? name : slash + 1);
    s->dump.format = copy(s, facts->format);
    s->dump.created = created_text(s, facts->created_ms);
    s->dump.jvm = ha_snapshot_jvm_version(snapshot, &jvm) ? copy(s, ha_sbuf_text(&jvm)) : NULL;
    ha_sbuf_deinit(&jvm);
    s->dump.size_model = ha_size_model_name(snapshot->sizes->model);
    s->dump.bytes = snapshot->file_bytes;
    s->dump.id_size = facts->id_size;
    s->dump.heap = facts->heap;
    s->dump.heaps = facts->heaps;
    s->dump.object_alignment = facts->object_alignment;
    s->dump.compressed_references = facts->compressed_references != 0;
}

static struct ha_err *heap_fill(struct ha_query *q, struct ha_summary *s)
{
    struct ha_overview overview;
    HA_TRY(ha_query_overview(q, &overview));
    s->heap.objects = overview.objects;
    s->heap.shallow_bytes = overview.shallow_bytes;
    s->heap.classes = overview.classes;
    s->heap.class_loaders = overview.class_loaders;
    s->heap.gc_roots = overview.gc_roots;
    s->heap.unreachable_objects = overview.unreachable_objects;
    s->heap.unreachable_bytes = overview.unreachable_bytes;
    return NULL;
}

static struct ha_err *warnings_fill(const struct ha_diag *diag, struct ha_summary *s)
{
    s->warnings = ha_arena_calloc(&s->arena, HA_DIAG_COUNT, sizeof *s->warnings);
    if (s->warnings == NULL) {
        return ha_err_nomem();
    }
    for (enum ha_diag_code code = 0; code < HA_DIAG_COUNT && diag != NULL; code++) {
        const struct ha_diag_entry *entry = ha_diag_get(diag, code);
        if (entry->count > 0) {
            s->warnings[s->warning_count++] = (struct ha_summary_warning){
                ha_diag_code_text(code), ha_diag_is_damage(code) ? "damage" : "note",
                copy(s, entry->message), entry->off, entry->count};
        }
    }
    return NULL;
}

/* ---- what it holds ---- */

static struct ha_err *classes_fill(struct ha_query *q, struct ha_summary *s)
{
    struct ha_histogram histogram;
    HA_TRY(ha_histogram_query(q, &(struct ha_histogram_options){.by = HA_BY_CLASS}, &histogram));
    s->classes = ha_arena_calloc(&s->arena, histogram.count + 1, sizeof *s->classes);
    if (s->classes == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < histogram.count; i++) {
        const struct ha_histogram_row *row = &histogram.rows[i];
        const char *name = stable_copy(s, row->name);
        if (name == NULL) {
            return ha_err_nomem();
        }
        s->classes[i] =
            (struct ha_summary_class){name, {row->instances, row->shallow_bytes, row->retained_bytes}};
    }
    s->class_count = ha_summary_classes_merge(s->classes, histogram.count);
    return NULL;
}

static struct ha_err *suspects_fill(struct ha_query *q, struct ha_summary *s)
{
    struct ha_suspects suspects;
    HA_TRY(ha_suspects_query(q, &(struct ha_suspects_options){.class_limit = 1}, &suspects));
    s->suspects = ha_arena_calloc(&s->arena, suspects.count + 1, sizeof *s->suspects);
    if (s->suspects == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < suspects.count; i++) {
        const struct ha_suspect *from = &suspects.list[i];
        struct ha_summary_suspect *to = &s->suspects[s->suspect_count++];
        to->id = copy(s, from->id);
        to->kind = from->kind == HA_SUSPECT_GROUP ? "group" : "object";
        to->class_name = stable_copy(s, from->class_name);
        to->holder_class =
            from->held_by.class_name == NULL ? NULL : stable_copy(s, from->held_by.class_name);
        to->holder_field = copy(s, from->held_by.field);
        to->instances = from->instances;
        to->retained_bytes = from->retained_bytes;
        if (to->id == NULL || to->class_name == NULL) {
            return ha_err_nomem();
        }
    }
    s->has_suspects = true;
    return NULL;
}

static int compare_places(const void *ctx, const void *a, const void *b)
{
    const struct ha_summary_place *x = a, *y = b;
    (void)ctx;
    return strcmp(x->signature, y->signature);
}

static struct ha_err *places_fill(struct ha_query *q, struct ha_summary *s)
{
    struct ha_places places;
    HA_TRY(ha_places_query(q, 0, &places));
    s->places_min_bytes = places.min_bytes;
    s->places = ha_arena_calloc(&s->arena, (size_t)places.count + 1, sizeof *s->places);
    if (s->places == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t i = 0; i < places.count; i++) {
        const struct ha_place *from = &places.list[i];
        struct ha_summary_place *to = &s->places[s->place_count++];
        *to = (struct ha_summary_place){copy(s, from->signature), copy(s, from->class_name), from->objects,
                                        from->retained_bytes};
        if (to->signature == NULL || to->class_name == NULL) {
            return ha_err_nomem();
        }
    }
    ha_rank_sort(s->places, s->place_count, sizeof *s->places, compare_places, NULL);
    s->has_places = true;
    return NULL;
}

struct ha_err *ha_summary_of_snapshot(struct ha_query *q, const struct ha_summary_options *options, struct ha_summary *ret)
{
    *ret = (struct ha_summary){0};
    dump_fill(q->snapshot, ret);
    if (ret->path == NULL || ret->dump.file == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(heap_fill(q, ret));
    HA_TRY(warnings_fill(q->snapshot->diag, ret));
    HA_TRY(classes_fill(q, ret));
    if (options->with_suspects) {
        HA_TRY(suspects_fill(q, ret));
    }
    return options->with_places ? places_fill(q, ret) : NULL;
}
