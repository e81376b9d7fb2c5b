/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "ha/base/hash.h"
#include "query/q_edges.h"
#include "query/q_suspect.h"

#define DROP_RATIO 0.7
#define DESCENT_MAX 1000

/* ---- path ---- */

static const char *class_at(const struct ha_heap *heap, ha_obj obj)
{
    ha_cls cls;
    if (!ha_heap_as_class(heap, obj, &cls)) {
        cls = ha_heap_class_of(heap, obj);
    }
    return ha_heap_class(heap, cls)->name;
}

/* The first object on the way whose class is none of the platform's, and its field that leads on. */
static void find_holder(const struct ha_heap *heap, struct ha_suspect *suspect)
{
    suspect->held_by.object = HA_OBJ_NONE;
    for (uint64_t i = 0; i < suspect->path_count; i++) {
        const char *name = class_at(heap, suspect->path[i].obj);
        if (!ha_class_name_is_platform(name)) {
            suspect->held_by.class_name = name;
            suspect->held_by.object = suspect->path[i].obj;
            suspect->held_by.field =
                i + 1 < suspect->path_count ? suspect->path[i + 1].field : NULL;
            return;
        }
    }
}

static const struct ha_frame *frame_of_local(const struct ha_heap *heap,
                                             const struct ha_thread *thread,
                                             const struct ha_step *step)
{
    bool is_local =
        step->field != NULL && step->edge.kind == HA_EDGE_LOCAL && step->edge.local != NULL;
    if (!is_local || step->edge.local->frame >= thread->frames_count) {
        return NULL;
    }
    uint64_t frame = (uint64_t)thread->frames_first + step->edge.local->frame;
    return frame < heap->frame_count ? &heap->frames[frame] : NULL;
}

/* The first frame of the application, else the top one. */
static const struct ha_frame *telling_frame(const struct ha_heap *heap,
                                            const struct ha_thread *thread)
{
    for (uint64_t i = 0; i < thread->frames_count && thread->frames_first + i < heap->frame_count;
         i++) {
        const struct ha_frame *frame = &heap->frames[thread->frames_first + i];
        if (frame->class_name[0] != '\0' && !ha_class_name_is_platform(frame->class_name)) {
            return frame;
        }
    }
    return thread->frames_count > 0 && thread->frames_first < heap->frame_count
               ? &heap->frames[thread->frames_first]
               : NULL;
}

/* The first frame of the application below a frame of the platform; NULL if there is none, or if the frame is the application's own. */
static const struct ha_frame *application_frame_below(const struct ha_heap *heap,
                                                      const struct ha_thread *thread,
                                                      const struct ha_frame *frame)
{
    uint64_t first = (uint64_t)(frame - heap->frames);
    uint64_t end = (uint64_t)thread->frames_first + thread->frames_count;
    for (uint64_t i = first; i < end && i < heap->frame_count; i++) {
        const char *name = heap->frames[i].class_name;
        if (name[0] != '\0' && !ha_class_name_is_platform(name)) {
            return i == first ? NULL : &heap->frames[i];
        }
    }
    return NULL;
}

/* The thread whose local begins the path, or that is the suspect itself. */
static struct ha_err *find_thread(struct ha_query *q, struct ha_suspect *suspect)
{
    const struct ha_heap *heap = q->snapshot->heap;
    const struct ha_step *second = suspect->path_count > 1 ? &suspect->path[1] : NULL;
    bool local = second != NULL && second->field != NULL && second->edge.kind == HA_EDGE_LOCAL;
    suspect->thread.thread = suspect->is_thread ? suspect->object
                             : local            ? suspect->path[0].obj
                                                : HA_OBJ_NONE;
    if (ha_obj_is_none(suspect->thread.thread)) {
        return NULL;
    }
    const struct ha_thread *thread = ha_heap_thread_of(heap, suspect->thread.thread);
    if (thread == NULL) {
        return NULL;
    }
    const struct ha_frame *frame = local && suspect->path[0].obj.i == suspect->thread.thread.i
                                       ? frame_of_local(heap, thread, second)
                                       : NULL;
    frame = frame == NULL && suspect->is_thread ? telling_frame(heap, thread) : frame;
    if (frame == NULL) {
        return NULL;
    }
    struct ha_sbuf text = {0};
    ha_frame_text(frame, &text);
    const struct ha_frame *below = application_frame_below(heap, thread, frame);
    if (below != NULL) {
        ha_sbuf_puts(&text, " <- ");
        ha_frame_text(below, &text);
    }
    suspect->thread.frame =
        ha_sbuf_failed(&text) ? NULL : ha_arena_strndup(&q->arena, ha_sbuf_text(&text), text.len);
    ha_sbuf_deinit(&text);
    return suspect->thread.frame == NULL ? ha_err_nomem() : NULL;
}

struct ha_err *ha_suspect_set_path(struct ha_query *q, struct ha_suspect *suspect,
                                   const ha_obj *path, uint64_t count,
                                   const struct ha_excludes *excludes)
{
    suspect->path = ha_arena_calloc(&q->arena, count + 1, sizeof *suspect->path);
    if (suspect->path == NULL) {
        return ha_err_nomem();
    }
    suspect->path_count = count;
    suspect->root.thread = HA_OBJ_NONE;
    if (count > 0) {
        suspect->path[0].obj = path[0];
        ha_root_describe(q, path[0], &suspect->root);
    }
    struct ha_edge_filter filter;
    HA_TRY(ha_edge_filter_create(q, excludes, &filter));
    struct ha_err *err = NULL;
    for (uint64_t i = 1; i < count && err == NULL; i++) {
        err = ha_edge_label(q, &filter, path[i - 1], path[i], &suspect->path[i]);
    }
    ha_edge_filter_destroy(&filter);
    if (err != NULL) {
        return err;
    }
    find_holder(q->snapshot->heap, suspect);
    return find_thread(q, suspect);
}

/* ---- a single object ---- */

/* To the largest child as long as it keeps most of its parent; none if that does not end. */
static ha_obj accumulation_point(const struct ha_query *q, ha_obj object)
{
    ha_obj at = object;
    double retained = (double)ha_query_retained(q, at);
    for (unsigned depth = 0; depth < DESCENT_MAX; depth++) {
        ha_obj child;
        if (!ha_dominators_largest_child(q, at, &child)) {
            return at;
        }
        double next = (double)ha_query_retained(q, child);
        if (next < DROP_RATIO * retained) {
            return at;
        }
        at = child;
        retained = next;
    }
    return HA_OBJ_NONE;
}

struct ha_err *ha_suspect_trace_object(struct ha_query *q, struct ha_suspect *suspect)
{
    static const struct ha_excludes strong = {.kinds = HA_EXCLUDE_DEFAULT};
    static const struct ha_excludes none = {0};
    suspect->accumulation_point = accumulation_point(q, suspect->object);
    ha_obj target =
        ha_obj_is_none(suspect->accumulation_point) ? suspect->object : suspect->accumulation_point;
    suspect->accumulation_retained_bytes =
        ha_obj_is_none(suspect->accumulation_point) ? 0 : ha_query_retained(q, target);
    struct ha_paths paths;
    suspect->path_excluded = true;
    HA_TRY(ha_paths_to_objects(q, &target, 1, &(struct ha_paths_options){.excludes = &strong, .max = 1}, &paths));
    if (paths.count == 0) {
        suspect->path_excluded = false;
        HA_TRY(ha_paths_to_objects(q, &target, 1, &(struct ha_paths_options){.excludes = &none, .max = 1}, &paths));
    }
    suspect->root.thread = suspect->thread.thread = suspect->held_by.object = HA_OBJ_NONE;
    if (paths.count > 0) {
        suspect->path = paths.list[0].steps;
        suspect->path_count = paths.list[0].count;
        suspect->root = paths.list[0].root;
    }
    find_holder(q->snapshot->heap, suspect);
    return find_thread(q, suspect);
}

/* ---- the rest ---- */

/*
 * The text behind the id, in UTF-8, every line ended by a line feed:
 *
 *     object | group
 *     com.acme.Cache              the class; "class com.acme.Cache" for a class object
 *     com.acme.Cache#map          one line per reference from the root to the accumulation point, equal neighbours once, so that the
 *     java.util.HashMap#table     length of a chain makes no difference
 */
static struct ha_err *make_id(const struct ha_heap *heap, struct ha_suspect *suspect)
{
    struct ha_sbuf text = {0};
    ha_sbuf_puts(&text, suspect->kind == HA_SUSPECT_OBJECT ? "object\n" : "group\n");
    ha_sbuf_puts(&text, suspect->is_class ? "class " : "");
    ha_sbuf_add(&text, suspect->class_name, ha_class_name_length(suspect->class_name));
    ha_sbuf_putc(&text, '\n');
    const char *last = "";
    for (uint64_t i = 1; i < suspect->path_count; i++) {
        const char *line = suspect->path[i].class_field;
        if (line == NULL) {
            const char *name = class_at(heap, suspect->path[i - 1].obj);
            ha_sbuf_add(&text, name, ha_class_name_length(name));
            ha_sbuf_puts(&text, "#?\n");
        } else if (strcmp(line, last) != 0) {
            ha_sbuf_puts(&text, line);
            ha_sbuf_putc(&text, '\n');
        }
        last = line != NULL ? line : "";
    }
    bool failed = ha_sbuf_failed(&text);
    snprintf(suspect->id, sizeof suspect->id, "s1-%016llx",
             (unsigned long long)ha_hash(ha_sbuf_text(&text), text.len));
    ha_sbuf_deinit(&text);
    return failed ? ha_err_nomem() : NULL;
}

#define PARTS_MAX 128 /* of one suspect */

/* The kept parts that make up a suspect; 0: there are none that do. A group is made of what remains of its class when the parts that are objects of
   their own are taken out, and of those parts that are below the threshold. */
static size_t parts_of(const struct ha_query *q, const struct ha_suspect *suspect,
                       uint64_t threshold, const struct ha_part *parts[PARTS_MAX])
{
    const struct ha_retained *retained = q->snapshot->retained;
    bool group = suspect->kind == HA_SUSPECT_GROUP;
    bool complete = !group;
    size_t count = 0;
    uint64_t objects = 0;
    if (group && threshold < retained->reachable_bytes / HA_PART_SHARE) {
        return 0; // objects that are suspects of their own lie in the part of the class
    }
    for (uint64_t i = 0; i < retained->part_count; i++) {
        const struct ha_part *part = &retained->parts[i];
        bool rest = ha_obj_is_none(part->object);
        bool belongs = group ? part->cls.i == suspect->cls.i &&
                                   (rest || ha_query_retained(q, part->object) <= threshold)
                             : part->object.i == suspect->object.i;
        if (belongs && count == PARTS_MAX) {
            return 0;
        }
        if (belongs) {
            parts[count++] = part;
            complete = complete || rest;
            objects += !rest;
        }
    }
    return complete || objects == suspect->instances ? count : 0; // all of the class may be objects of their own
}

bool ha_suspect_has_parts(const struct ha_query *q, const struct ha_suspect *suspect, uint64_t threshold)
{
    const struct ha_part *parts[PARTS_MAX];
    return parts_of(q, suspect, threshold, parts) > 0;
}

static struct ha_err *set_classes(struct ha_query *q, struct ha_suspect *suspect,
                                  const struct ha_suspect_members *members, uint64_t threshold,
                                  uint64_t limit)
{
    const struct ha_part *parts[PARTS_MAX];
    size_t part_count = parts_of(q, suspect, threshold, parts);
    limit = limit != 0 ? limit : HA_SUSPECTS_CLASSES;
    if (part_count > 0) {
        return ha_histogram_of_parts(q, parts, part_count, HA_SORT_SHALLOW, limit,
                                     &suspect->retained_classes);
    }
    return ha_histogram_of_subtrees(q, members->all.data, members->all.count, HA_SORT_SHALLOW,
                                    limit, &suspect->retained_classes);
}

struct ha_err *ha_suspect_finish(struct ha_query *q, struct ha_suspect *suspect,
                                 const struct ha_suspect_members *members, uint64_t threshold,
                                 uint64_t class_limit)
{
    const struct ha_heap *heap = q->snapshot->heap;
    HA_TRY(set_classes(q, suspect, members, threshold, class_limit));
    ha_obj point =
        ha_obj_is_none(suspect->accumulation_point) ? suspect->object : suspect->accumulation_point;
    struct ha_children parts;
    if (suspect->kind == HA_SUSPECT_GROUP) {
        parts = ha_children_of_list(heap, members->all.data, members->all.count);
    } else {
        parts = ha_dom_children(q->snapshot->dom, point);
    }
    if (members->kept.found) {
        suspect->largest = members->kept.largest;
    } else {
        HA_TRY(ha_dominators_largest(q, parts, SUSPECT_LARGEST, &suspect->largest));
    }
    return make_id(heap, suspect);
}
