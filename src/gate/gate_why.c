/* SPDX-License-Identifier: MIT */
/*
 * The cause of growth is looked for among the places of the dominator tree: the place that grew most, then down from it as long as most of the growth
 * is in one place below.
 *
 *     class com.acme.Service          +3.2 MiB
 *     └─ static FORGOTTEN  ArrayList  +3.2 MiB   new
 *        └─ []  com.acme.Request      +3.2 MiB   3,000 objects more    ← where the number of objects grew: its holder is where to look
 *           └─ body  byte[]           +3.1 MiB
 *
 * Without a baseline all of it counts as growth. A class that fills no place is explained by a shortest path from a GC root.
 */
#include "gate/gate_why.h"

#include <string.h>

#include "ha/base/vec.h"
#include "ha/compare/place_words.h"
#include "ha/query/q_names.h"
#include "ha/query/q_rank.h"
#include "ha/query/q_threads.h"

#define DESCENT 0.7
#define CHAIN_MAX 64U
#define THREAD_GROUPS 3
#define CLIMB_MAX 64

static const char entry_class[] = "java.lang.ThreadLocal$ThreadLocalMap$Entry";

/* ---- growth of places ---- */

static struct ha_err *places_make(struct gate_explainer *e)
{
    if (!e->has_places) {
        HA_TRY(ha_places_query(e->heap->q, 0, &e->places));
        e->has_places = true;
    }
    return NULL;
}

static const struct ha_summary_place *before(const struct gate_explainer *e, const struct ha_place *place)
{
    const struct ha_gate_baseline *baseline = e->heap->input->baseline;
    return baseline == NULL ? NULL : gate_known_place(baseline, place->signature);
}

static uint64_t growth(const struct gate_explainer *e, uint32_t i)
{
    const struct ha_place *place = &e->places.list[i];
    const struct ha_summary_place *old = before(e, place);
    uint64_t bytes = old == NULL ? 0 : old->retained_bytes;
    return place->retained_bytes > bytes ? place->retained_bytes - bytes : 0;
}

static uint64_t growth_of_objects(const struct gate_explainer *e, uint32_t i)
{
    const struct ha_place *place = &e->places.list[i];
    const struct ha_summary_place *old = before(e, place);
    uint64_t objects = old == NULL ? 0 : old->objects;
    return place->objects > objects ? place->objects - objects : 0;
}

static struct ha_err *place_belongs(const struct ha_gate_target *target, const char *class_name, const struct ha_place *place, bool *ret)
{
    bool classes = target->kind == HA_GATE_CLASS || target->kind == HA_GATE_REGEX || target->kind == HA_GATE_PACKAGE;
    *ret = !classes;
    if (class_name != NULL) {
        *ret = strcmp(place->class_name, class_name) == 0;
    } else if (classes) {
        return gate_matches_class(target, place->class_name, ret);
    }
    return NULL;
}

/* The place of the target that grew most; HA_NONE: none did. */
static struct ha_err *largest_growth(struct gate_explainer *e, const struct ha_gate_target *target, const char *class_name, uint32_t *ret)
{
    uint64_t most = 0;
    *ret = HA_NONE;
    for (uint32_t i = 0; i < e->places.count; i++) {
        bool belongs;
        HA_TRY(place_belongs(target, class_name, &e->places.list[i], &belongs));
        if (belongs && growth(e, i) > most) {
            most = growth(e, i);
            *ret = i;
        }
    }
    return NULL;
}

/* Down to where most of it is. Places stand behind the ones above them. */
static uint32_t descend(const struct gate_explainer *e, uint32_t from)
{
    for (uint32_t at = from;;) {
        uint32_t best = HA_NONE;
        for (uint32_t i = at + 1; i < e->places.count; i++) {
            if (e->places.list[i].parent == at && (best == HA_NONE || growth(e, i) > growth(e, best))) {
                best = i;
            }
        }
        if (best == HA_NONE || (double)growth(e, best) < DESCENT * (double)growth(e, at)) {
            return at;
        }
        at = best;
    }
}

/* ---- what is told of it ---- */

static const char *copy(struct ha_arena *arena, const char *text, size_t len)
{
    return ha_arena_strndup(arena, text, len);
}

/* Splits a signature into steps; a step is new if the baseline does not know the place up to it. */
static struct ha_err *steps_make(const struct gate_explainer *e, const char *signature, struct ha_gate_why *why)
{
    static const char separator[] = " > ";
    struct ha_arena *arena = &e->heap->q->arena;
    const struct ha_gate_baseline *baseline = e->heap->input->baseline;
    uint64_t count = 1;
    for (const char *at = strstr(signature, separator); at != NULL; at = strstr(at + 1, separator)) {
        count++;
    }
    struct ha_gate_step *steps = ha_arena_calloc(arena, count, sizeof *steps);
    const char *at = signature;
    for (uint64_t i = 0; steps != NULL && i < count; i++) {
        const char *next = strstr(at, separator);
        size_t len = next == NULL ? strlen(at) : (size_t)(next - at);
        const char *prefix = copy(arena, signature, (size_t)(at - signature) + len);
        steps[i].text = copy(arena, at, len);
        if (prefix == NULL || steps[i].text == NULL) {
            return ha_err_nomem();
        }
        steps[i].is_new = baseline != NULL && gate_known_place(baseline, prefix) == NULL;
        at += next == NULL ? len : len + sizeof separator - 1;
    }
    why->steps = steps;
    why->step_count = count;
    return steps == NULL ? ha_err_nomem() : NULL;
}

static struct ha_err *holder_make(struct ha_arena *arena, const char *signature, struct ha_gate_why *why)
{
    struct ha_sbuf class_name = {0};
    struct ha_sbuf field = {0};
    struct ha_err *err = NULL;
    if (why->holder_class == NULL && ha_place_holder(signature, &class_name, &field)) {
        why->holder_class = copy(arena, ha_sbuf_text(&class_name), class_name.len);
        why->holder_field = copy(arena, ha_sbuf_text(&field), field.len);
        err = why->holder_class == NULL || why->holder_field == NULL ? ha_err_nomem() : NULL;
    }
    ha_sbuf_deinit(&class_name);
    ha_sbuf_deinit(&field);
    return err;
}

/* The field that refers to the ThreadLocal under whose entry an object lies. */
static struct ha_err *thread_local_make(struct gate_heap *heap, ha_obj obj, struct ha_gate_why *why)
{
    struct ha_query *q = heap->q;
    const struct ha_heap *h = q->snapshot->heap;
    ha_obj variable;
    for (int i = 0; i < CLIMB_MAX && strcmp(ha_heap_class(h, ha_heap_class_of(h, obj))->name, entry_class) != 0; i++) {
        if (!ha_dom_of(q->snapshot->dom, obj, &obj)) {
            return NULL;
        }
    }
    if (!ha_graph_referent(q->snapshot->graph, obj, &variable)) {
        return NULL;
    }
    struct ha_in in = ha_graph_in(q->snapshot->graph, variable);
    for (uint64_t i = 0; i < in.count && why->thread_local_field == NULL; i++) {
        ha_obj source = ha_in_at(&in, i);
        ha_cls stands_for;
        struct ha_step step;
        if (ha_heap_as_class(h, source, &stands_for)) {
            HA_TRY(ha_step_label(q, source, variable, NULL, &step));
            const char *field = step.field == NULL ? NULL : strrchr(step.field, ' ');
            why->thread_local_field = field == NULL ? NULL : ha_arena_printf(&q->arena, "%s.%s", ha_heap_class(h, stands_for)->name, field + 1);
        }
    }
    return NULL;
}

static struct ha_err *place_tell(struct gate_explainer *e, uint32_t chosen, struct ha_gate_why *why)
{
    struct ha_arena *arena = &e->heap->q->arena;
    uint32_t chain[CHAIN_MAX];
    uint32_t length = 0;
    for (uint32_t at = chosen; at != HA_NONE && length < CHAIN_MAX; at = e->places.list[at].parent) {
        chain[length++] = at;
    }
    uint32_t told = chosen;
    for (uint32_t i = length > 1 ? length - 1 : length; i-- > 0;) { // not at the top, where all of a class are one place
        if (growth_of_objects(e, chain[i]) >= 2) {
            told = chain[i];
            break;
        }
    }
    const struct ha_place *place = &e->places.list[told];
    const struct ha_summary_place *old = before(e, place);
    why->known = true;
    why->class_name = place->class_name;
    why->new_bytes = place->retained_bytes;
    why->new_objects = place->objects;
    why->has_old = old != NULL;
    why->old_bytes = old == NULL ? 0 : old->retained_bytes;
    why->old_objects = old == NULL ? 0 : old->objects;
    HA_TRY(holder_make(arena, place->signature, why));
    HA_TRY(holder_make(arena, e->places.list[chosen].signature, why));
    if (strstr(e->places.list[chosen].signature, entry_class) != NULL) {
        HA_TRY(thread_local_make(e->heap, e->places.list[chosen].largest, why));
    }
    return steps_make(e, e->places.list[chosen].signature, why);
}

/* ---- paths ---- */

static struct ha_err *path_tell(struct gate_explainer *e, const struct ha_step *path, uint64_t count, struct ha_gate_why *why)
{
    struct ha_query *q = e->heap->q;
    const struct ha_heap *h = q->snapshot->heap;
    struct ha_gate_step *steps = ha_arena_calloc(&q->arena, count + 1, sizeof *steps);
    for (uint64_t i = 0; steps != NULL && i < count; i++) {
        ha_cls cls;
        struct ha_sbuf text = {0};
        bool is_class = ha_heap_as_class(h, path[i].obj, &cls);
        cls = is_class ? cls : ha_heap_class_of(h, path[i].obj);
        if (path[i].field != NULL) {
            ha_field_stable(path[i].field, &text);
            ha_sbuf_putc(&text, ' ');
        }
        ha_sbuf_puts(&text, is_class ? "class " : "");
        ha_name_stable(ha_heap_class(h, cls)->name, &text);
        steps[i].text = ha_sbuf_failed(&text) ? NULL : copy(&q->arena, ha_sbuf_text(&text), text.len);
        bool application = !ha_class_name_is_platform(ha_heap_class(h, cls)->name);
        ha_sbuf_deinit(&text);
        if (steps[i].text == NULL) {
            return ha_err_nomem();
        }
        if (application && why->holder_class == NULL && i + 1 < count && path[i + 1].field != NULL) {
            why->holder_class = ha_heap_class(h, cls)->name;
            const char *blank = strchr(path[i + 1].field, ' ');
            why->holder_field = blank != NULL && strncmp(path[i + 1].field, "static ", 7) == 0 ? blank + 1 : path[i + 1].field;
        }
    }
    why->steps = steps;
    why->step_count = count;
    why->known = why->known || count > 0;
    return steps == NULL ? ha_err_nomem() : NULL;
}

/* A shortest path to an instance of a class of the target. */
static struct ha_err *class_path_tell(struct gate_explainer *e, const struct ha_gate_target *target, const char *class_name, struct ha_gate_why *why)
{
    const struct ha_heap *h = e->heap->q->snapshot->heap;
    uint64_t most = 0;
    uint32_t best = HA_NONE;
    for (uint32_t i = 0; i < h->facts.class_count; i++) {
        bool belongs = class_name != NULL && strcmp(class_name, e->heap->stable_names[i]) == 0;
        if (class_name == NULL) {
            HA_TRY(gate_matches_class(target, e->heap->stable_names[i], &belongs));
        }
        const struct ha_class_total *total = &e->heap->q->snapshot->retained->classes[i];
        if (belongs && total->instances > 0 && (best == HA_NONE || total->retained_bytes > most)) {
            best = i;
            most = total->retained_bytes;
        }
    }
    if (best == HA_NONE) {
        return NULL;
    }
    struct ha_paths paths;
    HA_TRY(ha_paths_to_class(e->heap->q, h->classes[best].name, &(struct ha_paths_options){.max = 1}, &paths));
    why->class_name = e->heap->stable_names[best];
    why->new_bytes = most;
    why->new_objects = e->heap->q->snapshot->retained->classes[best].instances;
    return paths.count == 0 ? NULL : path_tell(e, paths.list[0].steps, paths.list[0].count, why);
}

struct ha_err *gate_explain_suspect(struct gate_explainer *e, const struct ha_suspect *suspect, struct ha_gate_why *ret)
{
    *ret = (struct ha_gate_why){.known = true,
                                .class_name = suspect->class_name,
                                .new_bytes = suspect->retained_bytes,
                                .new_objects = suspect->instances};
    const struct ha_gate_baseline *baseline = e->heap->input->baseline;
    const struct ha_gate_known_suspect *old = baseline == NULL ? NULL : gate_known_suspect(baseline, suspect->id);
    ret->has_old = old != NULL;
    ret->old_bytes = old == NULL ? 0 : old->retained_bytes;
    return path_tell(e, suspect->path, suspect->path_count, ret);
}

/* ---- threads ---- */

struct name_group {
    const char *name; /* digits as # */
    uint64_t count;
};

static int compare_names(const void *ctx, const void *a, const void *b)
{
    (void)ctx;
    return strcmp(((const struct name_group *)a)->name, ((const struct name_group *)b)->name);
}

static int compare_counts(const void *ctx, const void *a, const void *b)
{
    const struct name_group *x = a, *y = b;
    if (x->count != y->count) {
        return x->count > y->count ? -1 : 1;
    }
    return compare_names(ctx, a, b);
}

/* "pool-3-thread-17" as "pool-#-thread-#". */
static const char *name_pattern(struct ha_arena *arena, const char *name)
{
    char *made = ha_arena_strndup(arena, name, strlen(name));
    char *to = made;
    for (const char *p = made; p != NULL && *p != '\0'; p++) {
        bool digit = *p >= '0' && *p <= '9';
        if (!digit || to == made || to[-1] != '#') {
            *to++ = digit ? '#' : *p;
        }
    }
    if (to != NULL) {
        *to = '\0';
    }
    return made;
}

static struct ha_err *threads_tell(struct gate_explainer *e, struct ha_gate_why *why)
{
    struct ha_arena *arena = &e->heap->q->arena;
    struct ha_threads threads;
    HA_TRY(ha_threads_query(e->heap->q, &(struct ha_threads_options){0}, &threads));
    struct name_group *groups = ha_arena_calloc(arena, threads.count + 1, sizeof *groups);
    for (uint64_t i = 0; groups != NULL && i < threads.count; i++) {
        groups[i] = (struct name_group){name_pattern(arena, threads.list[i].name == NULL ? "?" : threads.list[i].name), 1};
        if (groups[i].name == NULL) {
            return ha_err_nomem();
        }
    }
    if (groups == NULL) {
        return ha_err_nomem();
    }
    uint64_t kept = 0;
    ha_rank_sort(groups, threads.count, sizeof *groups, compare_names, NULL);
    for (uint64_t i = 0; i < threads.count; i++) {
        if (kept > 0 && strcmp(groups[kept - 1].name, groups[i].name) == 0) {
            groups[kept - 1].count++;
        } else {
            groups[kept++] = groups[i];
        }
    }
    ha_rank_sort(groups, kept, sizeof *groups, compare_counts, NULL);
    struct ha_sbuf text = {0};
    for (uint64_t i = 0; i < kept && i < THREAD_GROUPS; i++) {
        ha_sbuf_printf(&text, "%s%llu named \"%s\"", i == 0 ? "" : ", ", (unsigned long long)groups[i].count, groups[i].name);
    }
    why->details = ha_sbuf_failed(&text) ? NULL : copy(arena, ha_sbuf_text(&text), text.len);
    why->known = why->details != NULL;
    ha_sbuf_deinit(&text);
    return NULL;
}

/* ---- all together ---- */

/* The advice of a known pattern that is about the same thing, else what can be said in general. */
static void advise(const struct gate_explainer *e, const struct gate_measured *measured, struct ha_gate_why *why)
{
    const struct ha_gate_input *input = e->heap->input;
    const struct ha_gate_pattern *found = measured == NULL ? NULL : measured->pattern;
    for (uint64_t i = 0; i < input->pattern_count && found == NULL; i++) {
        const struct ha_gate_pattern *p = &input->patterns[i];
        bool same_holder = p->holder_class != NULL && why->holder_class != NULL && strcmp(p->holder_class, why->holder_class) == 0;
        bool same_class = p->class_name != NULL && why->class_name != NULL && strcmp(p->class_name, why->class_name) == 0;
        found = same_holder || same_class ? p : NULL;
    }
    if (found != NULL) {
        why->pattern = found->id;
        why->advice = found->advice;
    }
    if (why->advice != NULL || !why->known) {
        return;
    }
    if (why->thread_local_field != NULL) {
        why->advice = "Threads of a pool outlive what they do: call remove() on the ThreadLocal in a finally block.";
    } else if (why->details != NULL) {
        why->advice = "Find out who starts these threads and who should stop them: an executor that is not shut down, a timer that is not cancelled.";
    } else if (why->holder_class != NULL) {
        why->advice = "Find out who adds to it and who should remove from it; bound it if it is a cache. If the growth is wanted, write the baseline anew.";
    } else {
        why->advice = "Look at the path: what holds it should let go. If the growth is wanted, write the baseline anew.";
    }
}

struct ha_err *gate_explain(struct gate_explainer *e, const struct ha_gate_target *target, const char *class_name, const struct gate_measured *measured,
                            struct ha_gate_why *ret)
{
    *ret = (struct ha_gate_why){0};
    if (target->kind == HA_GATE_THREADS) {
        HA_TRY(threads_tell(e, ret));
        advise(e, NULL, ret);
        return NULL;
    }
    if (target->kind == HA_GATE_SUSPECT) {
        HA_TRY(measured->suspect == NULL ? NULL : gate_explain_suspect(e, measured->suspect, ret));
        advise(e, measured, ret);
        return NULL;
    }
    uint32_t chosen;
    const char *name = measured != NULL && measured->pattern != NULL ? measured->pattern->class_name : class_name;
    HA_TRY(places_make(e));
    HA_TRY(largest_growth(e, target, name, &chosen));
    bool classes = name != NULL || (target->kind >= HA_GATE_CLASS && target->kind <= HA_GATE_PACKAGE);
    if (chosen != HA_NONE) {
        HA_TRY(place_tell(e, classes ? chosen : descend(e, chosen), ret));
    } else if (classes) {
        HA_TRY(class_path_tell(e, target, name, ret));
    }
    advise(e, measured, ret);
    return NULL;
}

const char *gate_why_sentence(struct ha_arena *arena, const struct ha_gate_why *why, bool has_baseline)
{
    struct ha_sbuf text = {0};
    if (!why->known) {
        return NULL;
    }
    if (why->details != NULL) {
        ha_sbuf_puts(&text, why->details);
    } else if (why->holder_class != NULL || why->thread_local_field != NULL) {
        if (why->thread_local_field != NULL) {
            ha_sbuf_printf(&text, "the ThreadLocal %s keeps ", why->thread_local_field);
        } else {
            ha_sbuf_printf(&text, "%s.%s keeps ", why->holder_class, why->holder_field);
        }
    } else {
        ha_sbuf_printf(&text, "%s keeps ", why->step_count > 0 ? why->steps[0].text : "the heap");
    }
    if (why->details == NULL) {
        bool less = why->new_bytes < why->old_bytes;
        uint64_t more = less ? why->new_bytes : why->new_bytes - why->old_bytes;
        ha_amount_words(more, HA_UNIT_BYTES, &text);
        ha_sbuf_puts(&text, has_baseline && !less ? " more" : "");
        uint64_t objects = why->new_objects > why->old_objects && !less ? why->new_objects - why->old_objects : why->new_objects;
        ha_sbuf_printf(&text, " (%llu %s)", (unsigned long long)objects, why->class_name);
        if (has_baseline && !why->has_old && why->new_bytes > 0) {
            ha_sbuf_puts(&text, ", new since the baseline");
        }
    }
    const char *made = ha_sbuf_failed(&text) ? NULL : ha_arena_strndup(arena, ha_sbuf_text(&text), text.len);
    ha_sbuf_deinit(&text);
    return made;
}
