/* SPDX-License-Identifier: MIT */
/*
 * Threads are found by class (q_instances.h); stacks and locals come from the dump's own thread table. States are read
 * from where the JDK of the dump keeps them: Thread.threadStatus (JVMTI bits), Thread.holder.threadStatus (19+), VirtualThread.state.
 */
#include "ha/query/q_threads.h"

#include <string.h>

#include "ha/base/mem.h"
#include "ha/base/vec.h"
#include "ha/query/q_dominators.h"
#include "ha/query/q_instances.h"

/* ---- names and states ---- */

bool ha_thread_name(struct ha_query *q, ha_obj thread, size_t max_chars, struct ha_sbuf *out)
{
    return ha_object_field_text(q, thread, "name", max_chars, out);
}

/* A field of the thread, or of its holder. */
static bool read_thread_field(struct ha_query *q, ha_obj thread, const char *field, int64_t *ret)
{
    const struct ha_heap *heap = q->snapshot->heap;
    ha_obj holder;
    if (ha_heap_read_long(heap, &q->window, thread, field, ret)) {
        return true;
    }
    return ha_heap_read_reference(heap, &q->window, thread, "holder", &holder) &&
           ha_heap_read_long(heap, &q->window, holder, field, ret);
}

/* jvmti.h, GetThreadState */
static const char *state_of_platform(int64_t status)
{
    bool timed = (status & 0x20) != 0;
    if (status == 0) {
        return "new";
    }
    if ((status & 0x2) != 0) {
        return "terminated";
    }
    if ((status & 0x40) != 0) {
        return "sleeping";
    }
    if ((status & 0x200) != 0) {
        return timed ? "timed parked" : "parked";
    }
    if ((status & 0x180) != 0) {
        return timed ? "timed waiting" : "waiting";
    }
    if ((status & 0x400) != 0) {
        return "blocked";
    }
    return (status & 0x4) != 0 ? "runnable" : "alive";
}

/* java.lang.VirtualThread, JDK 21 to 25; bit 8: suspended */
static const char *state_of_virtual(int64_t state)
{
    switch (state & 0xff) {
    case 0:
        return "new";
    case 4:
    case 5:
        return "parked";
    case 7:
    case 8:
        return "timed parked";
    case 13:
        return "blocked";
    case 16:
        return "waiting";
    case 18:
        return "timed waiting";
    case 99:
        return "terminated";
    default:
        return "runnable";
    }
}

#define DEPTH_MAX 64 /* super classes that are looked at */

bool ha_thread_is_virtual(const struct ha_heap *heap, ha_obj thread)
{
    ha_cls cls = ha_heap_class_of(heap, thread);
    for (uint32_t depth = 0; depth < DEPTH_MAX && cls.i < heap->facts.class_count; depth++) {
        const char *name = ha_heap_class(heap, cls)->name;
        if (strcmp(name, "java.lang.BaseVirtualThread") == 0 ||
            strcmp(name, "java.lang.VirtualThread") == 0) {
            return true;
        }
        cls = ha_heap_class(heap, cls)->super;
    }
    return false;
}

static const char *state_of(struct ha_query *q, const struct ha_thread_view *view)
{
    int64_t value;
    if (view->is_virtual &&
        ha_heap_read_long(q->snapshot->heap, &q->window, view->obj, "state", &value)) {
        return state_of_virtual(value);
    }
    if (!read_thread_field(q, view->obj, "threadStatus", &value) || (value == 0 && view->is_root)) {
        return NULL; // the JVM lists no thread that is not started: it did not set the status
    }
    return state_of_platform(value);
}

/* ---- frames and locals ---- */

void ha_frame_method(const struct ha_frame *frame, struct ha_sbuf *out)
{
    if (frame->class_name[0] != '\0') {
        ha_sbuf_printf(out, "%s.", frame->class_name);
    }
    ha_sbuf_puts(out, frame->method);
}

void ha_frame_text(const struct ha_frame *frame, struct ha_sbuf *out)
{
    ha_frame_method(frame, out);
    if (frame->line == -3) {
        ha_sbuf_puts(out, " (native)");
    } else if (frame->file[0] != '\0') {
        ha_sbuf_printf(out, " (%s", frame->file);
        if (frame->line > 0) {
            ha_sbuf_printf(out, ":%d", frame->line);
        }
        ha_sbuf_putc(out, ')');
    }
}

#define RECENT 64 /* locals of a frame among which repeats are looked for */

static bool is_repeat(const struct ha_thread_local_view *list, uint64_t count,
                      const struct ha_local *local)
{
    for (uint64_t i = count > RECENT ? count - RECENT : 0; i < count; i++) {
        if (list[i].obj.i == local->obj.i && list[i].kind == (enum ha_root_kind)local->kind) {
            return true;
        }
    }
    return false;
}

static void put_local(const struct ha_local *local, struct ha_thread_local_view *list,
                      uint64_t *count)
{
    if (!is_repeat(list, *count, local)) {
        list[(*count)++] =
            (struct ha_thread_local_view){local->obj, (enum ha_root_kind)local->kind};
    }
}

/* Counts the locals of each frame, makes room, and puts them there. */
static struct ha_err *add_locals(struct ha_query *q, const struct ha_thread *thread,
                                 struct ha_thread_view *view)
{
    const struct ha_heap *heap = q->snapshot->heap;
    uint64_t count =
        thread->locals_first > heap->local_count ? 0 : heap->local_count - thread->locals_first;
    count = thread->locals_count < count ? thread->locals_count : count;
    const struct ha_local *locals = count == 0 ? NULL : heap->locals + thread->locals_first;
    struct ha_thread_local_view *all = ha_arena_alloc(&q->arena, count + 1, sizeof *all);
    if (all == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < count; i++) {
        *(locals[i].frame < view->frame_count ? &view->frames[locals[i].frame].local_count
                                              : &view->local_count) += 1;
    }
    view->locals = all;
    all += view->local_count;
    view->local_count = 0;
    for (uint64_t f = 0; f < view->frame_count; f++) {
        view->frames[f].locals = all;
        all += view->frames[f].local_count;
        view->frames[f].local_count = 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        struct ha_thread_frame *frame =
            locals[i].frame < view->frame_count ? &view->frames[locals[i].frame] : NULL;
        put_local(&locals[i], frame != NULL ? frame->locals : view->locals,
                  frame != NULL ? &frame->local_count : &view->local_count);
        ha_obj dominator;
        if (locals[i].obj.i < heap->facts.object_count &&
            ha_dom_of(q->snapshot->dom, locals[i].obj, &dominator) && dominator.i == view->obj.i) {
            uint64_t retained = ha_query_retained(q, locals[i].obj);
            view->max_local_retained_bytes = retained > view->max_local_retained_bytes
                                                 ? retained
                                                 : view->max_local_retained_bytes;
        }
    }
    return NULL;
}

static bool is_oom_frame(const struct ha_frame *frame)
{
    return strcmp(frame->class_name, "java.lang.OutOfMemoryError") == 0 &&
           strcmp(frame->method, "<init>") == 0;
}

static struct ha_err *frame_string(struct ha_query *q, const struct ha_frame *frame,
                                   void (*write)(const struct ha_frame *, struct ha_sbuf *),
                                   const char **ret)
{
    struct ha_sbuf text = {0};
    write(frame, &text);
    *ret =
        ha_sbuf_failed(&text) ? NULL : ha_arena_strndup(&q->arena, ha_sbuf_text(&text), text.len);
    ha_sbuf_deinit(&text);
    return *ret == NULL ? ha_err_nomem() : NULL;
}

static uint64_t frames_of(const struct ha_heap *heap, const struct ha_thread *thread)
{
    uint64_t left =
        thread->frames_first > heap->frame_count ? 0 : heap->frame_count - thread->frames_first;
    return thread->frames_count < left ? thread->frames_count : left;
}

static struct ha_err *add_frames(struct ha_query *q, const struct ha_thread *thread,
                                 struct ha_thread_view *view)
{
    const struct ha_heap *heap = q->snapshot->heap;
    view->frame_count = frames_of(heap, thread);
    view->frames = ha_arena_calloc(&q->arena, view->frame_count + 1, sizeof *view->frames);
    if (view->frames == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < view->frame_count; i++) {
        view->frames[i].frame = &heap->frames[thread->frames_first + i];
        HA_TRY(frame_string(q, view->frames[i].frame, ha_frame_method, &view->frames[i].method));
    }
    view->oom = view->frame_count > 0 && is_oom_frame(view->frames[0].frame);
    return NULL;
}

/* ---- the list ---- */

typedef HA_VEC(uint32_t) object_list;

static struct ha_err *name_of(struct ha_query *q, ha_obj thread, const char **ret)
{
    struct ha_sbuf text = {0};
    *ret = NULL;
    if (ha_thread_name(q, thread, 0, &text)) {
        *ret = ha_sbuf_failed(&text) ? NULL
                                     : ha_arena_strndup(&q->arena, ha_sbuf_text(&text), text.len);
        if (*ret == NULL) {
            ha_sbuf_deinit(&text);
            return ha_err_nomem();
        }
    }
    ha_sbuf_deinit(&text);
    return NULL;
}

static struct ha_err *matches(struct ha_query *q, ha_obj thread, struct ha_regex *regex, bool *ret)
{
    struct ha_sbuf text = {0};
    struct ha_err *err = NULL;
    *ret = regex == NULL;
    if (regex != NULL && ha_thread_name(q, thread, 0, &text)) {
        err = ha_regex_match(regex, ha_sbuf_text(&text), text.len, ret);
    }
    ha_sbuf_deinit(&text);
    return err;
}

struct finding {
    struct ha_query *q;
    struct ha_regex *regex;
    object_list *list;
};

static struct ha_err *add_if_fits(void *ctx, ha_obj obj, uint8_t mark)
{
    const struct finding *f = ctx;
    bool fits;
    (void)mark;
    HA_TRY(matches(f->q, obj, f->regex, &fits));
    uint32_t *slot = fits ? ha_vec_push(f->list) : NULL;
    if (fits && slot == NULL) {
        return ha_err_nomem();
    }
    if (fits) {
        *slot = obj.i;
    }
    return NULL;
}

/* All reachable threads whose name fits. */
static struct ha_err *find_threads(struct ha_query *q, struct ha_regex *regex, object_list *ret)
{
    const struct ha_heap *heap = q->snapshot->heap;
    struct finding f = {q, regex, ret};
    struct ha_instances set;
    HA_TRY(ha_instances_init(&set, q));
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        set.marks[c] = (heap->classes[c].flags & HA_CLASS_IS_THREAD) != 0;
    }
    struct ha_err *err = ha_instances_each(&set, add_if_fits, &f);
    ha_instances_deinit(&set);
    return err;
}

static struct ha_err *view_thread(struct ha_query *q, const struct ha_threads_options *options,
                                  const struct ha_ranked *ranked, struct ha_thread_view *view)
{
    const struct ha_heap *heap = q->snapshot->heap;
    const struct ha_thread *thread = ha_heap_thread_of(heap, ranked->obj);
    view->obj = ranked->obj;
    view->retained_bytes = ranked->retained_bytes;
    view->is_virtual = ha_thread_is_virtual(heap, ranked->obj);
    view->is_root = thread != NULL;
    view->state = state_of(q, view);
    int64_t daemon = 0;
    view->daemon =
        view->is_virtual || (read_thread_field(q, ranked->obj, "daemon", &daemon) && daemon != 0);
    HA_TRY(name_of(q, ranked->obj, &view->name));
    if (thread == NULL) {
        return NULL;
    }
    HA_TRY(add_frames(q, thread, view));
    return options->with_locals ? add_locals(q, thread, view) : NULL;
}

static struct ha_err *view_threads(struct ha_query *q, const struct ha_threads_options *options,
                                   const object_list *found, struct ha_threads *ret)
{
    struct ha_children list = ha_children_of_list(q->snapshot->heap, found->data, found->count);
    struct ha_ranked_list ranked;
    HA_TRY(ha_dominators_largest(q, list, options->limit, &ranked));
    ret->list = ha_arena_calloc(&q->arena, ranked.count + 1, sizeof *ret->list);
    if (ret->list == NULL) {
        return ha_err_nomem();
    }
    ret->count = ranked.count;
    ret->omitted = ranked.omitted;
    for (uint64_t i = 0; i < ranked.count; i++) {
        HA_TRY(view_thread(q, options, &ranked.list[i], &ret->list[i]));
    }
    return NULL;
}

struct ha_err *ha_threads_query(struct ha_query *q, const struct ha_threads_options *options,
                                struct ha_threads *ret)
{
    object_list found = {0};
    struct ha_err *err = find_threads(q, options->name, &found);
    if (err == NULL) {
        err = view_threads(q, options, &found, ret);
    }
    ha_vec_deinit(&found);
    return err;
}

/* ---- out of memory ---- */

static struct ha_err *fill_oom(struct ha_query *q, const struct ha_thread *thread,
                               struct ha_oom *oom)
{
    const struct ha_heap *heap = q->snapshot->heap;
    oom->found = true;
    oom->thread = thread->obj;
    uint64_t count = frames_of(heap, thread);
    if (count > 1) {
        HA_TRY(
            frame_string(q, &heap->frames[thread->frames_first + 1], ha_frame_text, &oom->frame));
    }
    for (uint64_t i = 1; i < count; i++) {
        const struct ha_frame *frame = &heap->frames[thread->frames_first + i];
        if (frame->class_name[0] != '\0' && !ha_class_name_is_platform(frame->class_name)) {
            return frame_string(q, frame, ha_frame_text, &oom->application_frame);
        }
    }
    return NULL;
}

struct ha_err *ha_oom_query(struct ha_query *q, struct ha_oom *ret)
{
    const struct ha_heap *heap = q->snapshot->heap;
    struct ha_oom oom = {.thread = HA_OBJ_NONE};
    for (uint64_t i = 0; i < heap->thread_count && !oom.found; i++) {
        const struct ha_thread *thread = &heap->threads[i];
        if (frames_of(heap, thread) > 0 && is_oom_frame(&heap->frames[thread->frames_first])) {
            HA_TRY(fill_oom(q, thread, &oom));
        }
    }
    *ret = oom;
    return NULL;
}
