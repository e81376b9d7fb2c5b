/* SPDX-License-Identifier: MIT */
#include "ha/rules/problems.h"

#include <stdio.h>
#include <string.h>

#include "ha/base/hash.h"
#include "ha/base/vec.h"
#include "ha/query/q_rank.h"

/* Bytes of the group's class that lie below objects which are suspects of their own. */
static uint64_t covered_by_singles(const struct ha_finding *f, const struct ha_suspects *suspects, ha_cls cls)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < f->cover_count; i++) {
        const struct ha_cover *cover = &f->covers[i];
        bool single = false;
        for (uint64_t k = 0; k < suspects->count && !single && !ha_obj_is_none(cover->top) && cover->cls.i == cls.i; k++) {
            single = suspects->list[k].kind == HA_SUSPECT_OBJECT && ha_obj_equal(suspects->list[k].object, cover->top);
        }
        bytes += single ? cover->bytes : 0;
    }
    return bytes;
}

static uint64_t coverage(const struct ha_finding *f, const struct ha_suspects *suspects, const struct ha_suspect *s)
{
    for (uint32_t i = 0; i < f->cover_count; i++) {
        const struct ha_cover *cover = &f->covers[i];
        if (s->kind == HA_SUSPECT_OBJECT && !ha_obj_is_none(cover->top) && ha_obj_equal(cover->top, s->object)) {
            return cover->bytes;
        }
        if (s->kind == HA_SUSPECT_GROUP && ha_obj_is_none(cover->top) && cover->cls.i == s->cls.i) {
            uint64_t singles = covered_by_singles(f, suspects, s->cls);
            return cover->bytes > singles ? cover->bytes - singles : 0;
        }
    }
    return 0;
}

/* The finding that says most about a suspect; NULL: none explains half of it. */
static const struct ha_finding *explanation(const struct ha_findings *findings, const struct ha_suspects *suspects, const struct ha_suspect *s)
{
    const struct ha_finding *best = NULL;
    uint64_t best_bytes = 0;
    for (uint32_t i = 0; i < findings->count; i++) {
        const struct ha_finding *f = &findings->list[i];
        uint64_t bytes = coverage(f, suspects, s);
        bool surer = best == NULL || f->certainty > best->certainty || (f->certainty == best->certainty && bytes > best_bytes);
        if (bytes >= s->retained_bytes / 2 && bytes > 0 && surer) {
            best = f;
            best_bytes = bytes;
        }
    }
    return best;
}

static void take_words(struct ha_suspect *s, const struct ha_finding *f)
{
    if (f->held_by.class_name != NULL && (!f->held_by.library || s->held_by.class_name == NULL)) {
        s->held_by.class_name = f->held_by.class_name;
        s->held_by.field = f->held_by.field;
        s->held_by.object = f->held_by.object;
    }
    if (!ha_obj_is_none(f->thread.thread)) {
        s->thread.thread = f->thread.thread;
        s->thread.frame = f->thread.frame;
    }
}

/* The text behind the id of a finding, as ha_suspect's: "pattern", the rule, the class, the holder's CLASS#FIELD; lines. */
static struct ha_err *make_id(struct ha_suspect *s, const struct ha_finding *f)
{
    struct ha_sbuf text = {0};
    ha_sbuf_printf(&text, "pattern\n%s\n", f->pattern);
    ha_sbuf_add(&text, s->class_name, ha_class_name_length(s->class_name));
    ha_sbuf_putc(&text, '\n');
    if (f->subject != NULL && strstr(f->subject, "0x") == NULL) {
        ha_sbuf_printf(&text, "%s\n", f->subject);
    }
    if (f->held_by.class_name != NULL) {
        const char *field = f->held_by.field == NULL || f->held_by.field[0] == '[' ? "" : f->held_by.field;
        ha_sbuf_add(&text, f->held_by.class_name, ha_class_name_length(f->held_by.class_name));
        ha_sbuf_printf(&text, "#%s\n", strncmp(field, "<local>", 7) == 0 ? "<local>" : field);
    }
    bool failed = ha_sbuf_failed(&text);
    snprintf(s->id, sizeof s->id, "s1-%016llx", (unsigned long long)ha_hash(ha_sbuf_text(&text), text.len));
    ha_sbuf_deinit(&text);
    return failed ? ha_err_nomem() : NULL;
}

static struct ha_err *suspect_make(struct ha_query *q, const struct ha_finding *f, struct ha_suspect *s)
{
    const struct ha_heap *heap = q->snapshot->heap;
    memset(s, 0, sizeof *s);
    s->kind = HA_SUSPECT_GROUP;
    s->object = s->accumulation_point = s->held_by.object = s->thread.thread = s->root.thread = HA_OBJ_NONE;
    s->cls = f->object_count > 0 ? ha_heap_class_of(heap, f->objects[0]) : (ha_cls){0};
    s->class_name = f->class_name != NULL ? f->class_name : "";
    s->instances = f->instances;
    s->shallow_bytes = f->shallow_bytes;
    s->retained_bytes = f->retained_bytes;
    s->retained_percent = ha_query_percent(q, f->retained_bytes);
    s->path_excluded = true;
    take_words(s, f);
    s->largest.list = ha_arena_calloc(&q->arena, (size_t)f->object_count + 1, sizeof *s->largest.list);
    if (s->largest.list == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t i = 0; i < f->object_count && i < 10; i++) {
        s->largest.list[s->largest.count++] = (struct ha_ranked){f->objects[i], ha_query_retained(q, f->objects[i])};
    }
    s->largest.omitted = f->instances > s->largest.count ? f->instances - s->largest.count : 0;
    return make_id(s, f);
}

static int compare_problems(const void *ctx, const void *a, const void *b)
{
    const struct ha_problem *x = a, *y = b;
    (void)ctx;
    if (x->bytes != y->bytes) {
        return x->bytes > y->bytes ? -1 : 1;
    }
    int order = strcmp(x->suspect.class_name, y->suspect.class_name);
    return order != 0 ? order : strcmp(x->suspect.id, y->suspect.id);
}

struct merging {
    struct ha_query *q;
    HA_VEC(struct ha_problem) list;
    HA_VEC(const struct ha_finding *) explained;
};

static struct ha_err *add_suspects(struct merging *m, const struct ha_suspects *suspects, const struct ha_findings *findings)
{
    for (uint64_t i = 0; i < suspects->count; i++) {
        const struct ha_suspect *s = &suspects->list[i];
        const struct ha_finding *f = explanation(findings, suspects, s);
        struct ha_problem *p = ha_vec_push(&m->list);
        const struct ha_finding **slot = f == NULL ? NULL : ha_vec_push(&m->explained);
        if (p == NULL || (f != NULL && slot == NULL)) {
            return ha_err_nomem();
        }
        *p = (struct ha_problem){*s, f, true, s->retained_bytes};
        if (f != NULL) {
            *slot = f;
            p->bytes = f->bytes > p->bytes ? f->bytes : p->bytes;
            take_words(&p->suspect, f);
        }
    }
    return NULL;
}

static bool is_explained(const struct merging *m, const struct ha_finding *f)
{
    for (size_t i = 0; i < m->explained.count; i++) {
        if (m->explained.data[i] == f) {
            return true;
        }
    }
    return false;
}

static struct ha_err *add_findings(struct merging *m, const struct ha_findings *findings, struct ha_problems *ret)
{
    ret->noted = ha_arena_calloc(&m->q->arena, (size_t)findings->count + 1, sizeof *ret->noted);
    if (ret->noted == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t i = 0; i < findings->count; i++) {
        const struct ha_finding *f = &findings->list[i];
        if (is_explained(m, f)) {
            continue;
        }
        if (f->certainty == HA_SEEN) {
            ret->noted[ret->noted_count++] = f;
            continue;
        }
        struct ha_problem *p = ha_vec_push(&m->list);
        if (p == NULL) {
            return ha_err_nomem();
        }
        *p = (struct ha_problem){.finding = f, .bytes = f->bytes > f->retained_bytes ? f->bytes : f->retained_bytes};
        HA_TRY(suspect_make(m->q, f, &p->suspect));
    }
    return NULL;
}

static struct ha_err *finish(struct merging *m, uint64_t limit, struct ha_problems *ret)
{
    ha_rank_sort(m->list.data, m->list.count, sizeof *m->list.data, compare_problems, NULL);
    ret->count = limit == 0 || limit > m->list.count ? m->list.count : limit;
    ret->omitted += m->list.count - ret->count;
    ret->list = ha_arena_calloc(&m->q->arena, ret->count + 1, sizeof *ret->list);
    if (ret->list == NULL) {
        return ha_err_nomem();
    }
    if (ret->count > 0) {
        memcpy(ret->list, m->list.data, ret->count * sizeof *ret->list);
    }
    return NULL;
}

struct ha_err *ha_problems_merge(struct ha_query *q, const struct ha_suspects *suspects, const struct ha_findings *findings, uint64_t limit,
                                 struct ha_problems *ret)
{
    struct merging m = {.q = q};
    *ret = (struct ha_problems){.omitted = suspects->omitted, .threshold_bytes = suspects->threshold_bytes, .findings = findings};
    struct ha_err *err = add_suspects(&m, suspects, findings);
    if (err == NULL) {
        err = add_findings(&m, findings, ret);
    }
    if (err == NULL) {
        err = finish(&m, limit, ret);
    }
    ha_vec_deinit(&m.list);
    ha_vec_deinit(&m.explained);
    return err;
}
