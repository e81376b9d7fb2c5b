/* SPDX-License-Identifier: MIT */
/*
 * Findings of the built-in rules in the index, so that they are computed once. Sections JFND and MFND (findings hold sizes), bytes, little-endian:
 *
 *     u64  hash of the built-in rules and of this layout; another one: they are computed again
 *     u32  findings, u32 left out
 *     per finding:
 *       text pattern, u32 certainty, text title, subject, class, u64 instances, shallow, retained, native, bytes
 *       u32 flags (1 agent, 2 estimated, 4 held_by.library), text holder class, field, u32 holder object, u64 share
 *       u32 thread, text frame, text advice
 *       u32 lines:    text, u32 has value, u32 quantity, u64 bits of a double
 *       u32 objects:  u32 each
 *       u32 covers:   u32 top, u32 class, u64 bytes
 *
 *     text: u32 length (all ones: NULL), bytes, no NUL inside
 *
 * The section comes from a file: everything is checked when it is read, and what is wrong makes it as good as absent.
 */
#include <math.h>
#include <string.h>

#include "ha/base/hash.h"
#include "ha/heap/heap_sections.h"
#include "ha/query/q_rank.h"
#include "rules/rules_builtin.h"
#include "rules/rules_model.h"

#define LAYOUT 1U
#define TEXT_MAX 100000U
#define NO_TEXT UINT32_MAX

/* Findings hold sizes, so they are of a size model, too. */
static uint64_t key_now(const struct ha_snapshot *snapshot)
{
    uint64_t parts[3] = {rules_builtin_hash(), LAYOUT, (uint64_t)snapshot->sizes->model};
    return ha_hash(parts, sizeof parts);
}

/* ---- writing ---- */

static void put32(struct ha_sbuf *out, uint32_t v)
{
    ha_sbuf_add(out, (const char *)&v, sizeof v);
}

static void put64(struct ha_sbuf *out, uint64_t v)
{
    ha_sbuf_add(out, (const char *)&v, sizeof v);
}

static void put_text(struct ha_sbuf *out, const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);
    len = len < TEXT_MAX ? len : TEXT_MAX;
    put32(out, text == NULL ? NO_TEXT : (uint32_t)len);
    ha_sbuf_add(out, text == NULL ? "" : text, len);
}

static void put_lists(struct ha_sbuf *out, const struct ha_finding *f)
{
    put32(out, f->evidence_count);
    for (uint32_t i = 0; i < f->evidence_count; i++) {
        uint64_t bits;
        memcpy(&bits, &f->evidence[i].value, sizeof bits);
        put_text(out, f->evidence[i].text);
        put32(out, f->evidence[i].has_value ? 1 : 0);
        put32(out, (uint32_t)f->evidence[i].quantity);
        put64(out, bits);
    }
    put32(out, f->object_count);
    for (uint32_t i = 0; i < f->object_count; i++) {
        put32(out, f->objects[i].i);
    }
    put32(out, f->cover_count);
    for (uint32_t i = 0; i < f->cover_count; i++) {
        put32(out, f->covers[i].top.i);
        put32(out, f->covers[i].cls.i);
        put64(out, f->covers[i].bytes);
    }
}

static void put_finding(struct ha_sbuf *out, const struct ha_finding *f)
{
    put_text(out, f->pattern);
    put32(out, (uint32_t)f->certainty);
    put_text(out, f->title);
    put_text(out, f->subject);
    put_text(out, f->class_name);
    put64(out, f->instances);
    put64(out, f->shallow_bytes);
    put64(out, f->retained_bytes);
    put64(out, f->native_bytes);
    put64(out, f->bytes);
    put32(out, (f->agent ? 1U : 0) | (f->estimated ? 2U : 0) | (f->held_by.library ? 4U : 0));
    put_text(out, f->held_by.class_name);
    put_text(out, f->held_by.field);
    put32(out, f->held_by.object.i);
    put64(out, f->held_by.share_percent);
    put32(out, f->thread.thread.i);
    put_text(out, f->thread.frame);
    put_text(out, f->advice);
    put_lists(out, f);
}

struct ha_err *ha_findings_store(void *ctx, const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx)
{
    struct ha_rules *rules;
    struct ha_arena arena = {0};
    struct ha_findings findings;
    struct ha_sbuf out = {0};
    (void)ctx;
    HA_TRY(ha_rules_builtin_for(snapshot->heap, &rules));
    struct ha_err *err = ha_rules_run(rules, snapshot, &arena, &findings);
    if (err == NULL) {
        put64(&out, key_now(snapshot));
        put32(&out, findings.count);
        put32(&out, findings.omitted);
        for (uint32_t i = 0; i < findings.count; i++) {
            put_finding(&out, &findings.list[i]);
        }
        err = ha_sbuf_failed(&out) ? ha_err_nomem() : put(put_ctx, HA_SECTION_OF(snapshot->sizes->model, FINDINGS), 1, out.len, out.data);
    }
    ha_sbuf_deinit(&out);
    ha_arena_deinit(&arena);
    ha_rules_destroy(rules);
    return err;
}

/* ---- reading ---- */

struct reader {
    const uint8_t *at, *end;
    const struct ha_heap *heap;
    struct ha_arena *arena;
    bool failed;
};

static uint64_t get(struct reader *r, size_t bytes)
{
    if (r->failed || (size_t)(r->end - r->at) < bytes) {
        r->failed = true;
        return 0;
    }
    uint64_t v = bytes == 4 ? ha_le32(r->at) : ha_le64(r->at);
    r->at += bytes;
    return v;
}

static uint32_t get32(struct reader *r)
{
    return (uint32_t)get(r, 4);
}

/* A number below `most`. */
static uint32_t get_below(struct reader *r, uint32_t most)
{
    uint32_t v = get32(r);
    r->failed = r->failed || v >= most;
    return r->failed ? 0 : v;
}

/* How many of something follow, each at least `bytes` long. */
static uint32_t get_count(struct reader *r, uint32_t most, size_t bytes)
{
    uint32_t count = get32(r);
    r->failed = r->failed || count > most || (size_t)(r->end - r->at) / bytes < count;
    return r->failed ? 0 : count;
}

static const char *get_text(struct reader *r)
{
    uint32_t len = get32(r);
    if (r->failed || len == NO_TEXT) {
        return NULL;
    }
    if (len > TEXT_MAX || (size_t)(r->end - r->at) < len || memchr(r->at, '\0', len) != NULL) {
        r->failed = true;
        return NULL;
    }
    const char *text = ha_arena_strndup(r->arena, (const char *)r->at, len);
    r->at += len;
    r->failed = r->failed || text == NULL;
    return text;
}

/* A text that must be there. */
static const char *want_text(struct reader *r)
{
    const char *text = get_text(r);
    r->failed = r->failed || text == NULL;
    return r->failed ? "" : text;
}

static ha_obj get_object(struct reader *r, bool optional)
{
    uint32_t i = get32(r);
    if (optional && i == HA_NONE) {
        return HA_OBJ_NONE;
    }
    r->failed = r->failed || i >= r->heap->facts.object_count;
    return (ha_obj){r->failed ? 0 : i};
}

static void get_evidence(struct reader *r, struct ha_finding *f)
{
    uint32_t count = get_count(r, RULE_LINES_MAX, 20);
    struct ha_evidence *list = ha_arena_calloc(r->arena, (size_t)count + 1, sizeof *list);
    for (uint32_t i = 0; i < count && list != NULL; i++) {
        list[i].text = want_text(r);
        list[i].has_value = get32(r) != 0;
        list[i].quantity = (enum ha_quantity)get_below(r, HA_QUANTITY_PERCENT + 1);
        uint64_t bits = get(r, 8);
        memcpy(&list[i].value, &bits, sizeof bits);
        r->failed = r->failed || !isfinite(list[i].value);
    }
    r->failed = r->failed || list == NULL;
    f->evidence = list;
    f->evidence_count = count;
}

static void get_places(struct reader *r, struct ha_finding *f)
{
    f->object_count = get_count(r, HA_FINDING_OBJECTS, 4);
    ha_obj *objects = ha_arena_calloc(r->arena, HA_FINDING_OBJECTS, sizeof *objects);
    for (uint32_t i = 0; i < f->object_count && objects != NULL; i++) {
        objects[i] = get_object(r, false);
    }
    f->cover_count = get_count(r, HA_FINDING_COVERS, 16);
    struct ha_cover *covers = ha_arena_calloc(r->arena, (size_t)f->cover_count + 1, sizeof *covers);
    for (uint32_t i = 0; i < f->cover_count && covers != NULL; i++) {
        covers[i].top = get_object(r, true);
        covers[i].cls = (ha_cls){get_below(r, r->heap->facts.class_count)};
        covers[i].bytes = get(r, 8);
    }
    r->failed = r->failed || objects == NULL || covers == NULL;
    f->objects = objects;
    f->covers = covers;
}

static void get_finding(struct reader *r, struct ha_finding *f)
{
    f->pattern = want_text(r);
    f->certainty = (enum ha_certainty)get_below(r, HA_CERTAINTY_COUNT);
    f->title = want_text(r);
    f->subject = get_text(r);
    f->class_name = get_text(r);
    f->instances = get(r, 8);
    f->shallow_bytes = get(r, 8);
    f->retained_bytes = get(r, 8);
    f->native_bytes = get(r, 8);
    f->bytes = get(r, 8);
    uint32_t flags = get_below(r, 8);
    f->agent = (flags & 1) != 0;
    f->estimated = (flags & 2) != 0;
    f->held_by.library = (flags & 4) != 0;
    f->held_by.class_name = get_text(r);
    f->held_by.field = get_text(r);
    f->held_by.object = get_object(r, true);
    f->held_by.share_percent = get(r, 8);
    f->thread.thread = get_object(r, true);
    f->thread.frame = get_text(r);
    f->advice = want_text(r);
    get_evidence(r, f);
    get_places(r, f);
}

/* false: the section is not there, is of other rules, or cannot be trusted. */
static bool load(const struct ha_snapshot *snapshot, struct ha_arena *arena, struct ha_findings *ret)
{
    struct ha_index_section section = ha_index_find(snapshot->index, HA_SECTION_OF(snapshot->sizes->model, FINDINGS), 1);
    const uint8_t *data = section.data;
    if (data == NULL) {
        return false;
    }
    struct reader r = {data, data + section.count, snapshot->heap, arena, false};
    if (get(&r, 8) != key_now(snapshot) || r.failed) {
        return false;
    }
    struct ha_findings found = {.count = get_count(&r, HA_FINDINGS_MAX, 100)};
    found.omitted = get32(&r);
    found.list = ha_arena_calloc(arena, (size_t)found.count + 1, sizeof *found.list);
    for (uint32_t i = 0; i < found.count && found.list != NULL && !r.failed; i++) {
        get_finding(&r, &found.list[i]);
    }
    *ret = found;
    return !r.failed && found.list != NULL && r.at == r.end;
}

/* ---- built-in ones and users' ---- */

static int compare_bytes(const void *ctx, const void *a, const void *b)
{
    const struct ha_finding *x = a, *y = b;
    (void)ctx;
    if (x->bytes != y->bytes) {
        return x->bytes > y->bytes ? -1 : 1;
    }
    int order = strcmp(x->pattern, y->pattern);
    return order != 0 ? order : strcmp(x->subject == NULL ? "" : x->subject, y->subject == NULL ? "" : y->subject);
}

static struct ha_err *merge(struct ha_findings *builtin, const struct ha_rules *more, const struct ha_snapshot *snapshot, struct ha_arena *arena,
                            struct ha_findings *ret)
{
    struct ha_findings users;
    HA_TRY(ha_rules_run(more, snapshot, arena, &users));
    ret->list = ha_arena_calloc(arena, (size_t)builtin->count + users.count + 1, sizeof *ret->list);
    if (ret->list == NULL) {
        return ha_err_nomem();
    }
    ret->count = 0;
    ret->omitted = builtin->omitted + users.omitted;
    for (uint32_t i = 0; i < builtin->count; i++) {
        if (!ha_rules_has(more, builtin->list[i].pattern)) {
            ret->list[ret->count++] = builtin->list[i];
        }
    }
    for (uint32_t i = 0; i < users.count; i++) {
        ret->list[ret->count++] = users.list[i];
    }
    ha_rank_sort(ret->list, ret->count, sizeof *ret->list, compare_bytes, NULL);
    return NULL;
}

struct ha_err *ha_findings_get(const struct ha_snapshot *snapshot, const struct ha_rules *more, struct ha_arena *arena, struct ha_findings *ret)
{
    struct ha_findings builtin;
    struct ha_err *err = NULL;
    if (!load(snapshot, arena, &builtin)) {
        struct ha_rules *rules;
        HA_TRY(ha_rules_builtin_for(snapshot->heap, &rules));
        err = ha_rules_run(rules, snapshot, arena, &builtin);
        ha_rules_destroy(rules);
    }
    if (err == NULL && more != NULL) {
        return merge(&builtin, more, snapshot, arena, ret);
    }
    if (err == NULL) {
        *ret = builtin;
    }
    return err;
}
