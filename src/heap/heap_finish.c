/* SPDX-License-Identifier: MIT */
/* Classes, names, roots, threads and stacks as sections of the index: the last step of building the heap. */
#include "ha/heap/heap_build.h"

#include "ha/heap/heap_sections.h"
#include "heap/heap_format.h"

#include <stdlib.h>
#include <string.h>

static struct ha_err *write_fields(struct ha_build *build, struct ha_window *window)
{
    void *fields, *statics;
    HA_TRY(ha_index_section_map(build->writer, HA_SECTION_FIELDS, sizeof(struct ha_disk_field), build->fields.count, &fields));
    for (size_t i = 0; i < build->fields.count; i++) {
        struct ha_disk_field *field = (struct ha_disk_field *)fields + i;
        field->type = build->fields.data[i].type;
        HA_TRY(ha_build_text_of_string(build, window, build->fields.data[i].name_id, &field->name));
    }
    HA_TRY(ha_index_section_map(build->writer, HA_SECTION_STATICS, sizeof(struct ha_disk_static), build->statics.count, &statics));
    for (size_t i = 0; i < build->statics.count; i++) {
        struct ha_disk_static *field = (struct ha_disk_static *)statics + i;
        field->type = build->statics.data[i].type;
        field->value = build->statics.data[i].value;
        HA_TRY(ha_build_text_of_string(build, window, build->statics.data[i].name_id, &field->name));
    }
    return NULL;
}

struct class_object {
    uint32_t object, cls;
};

static int compare_class_objects(const void *a, const void *b)
{
    const struct class_object *x = a, *y = b;
    if (x->object != y->object) {
        return x->object < y->object ? -1 : 1;
    }
    return (x->cls > y->cls) - (x->cls < y->cls);
}

/* Where the name is in the text section. Classes called by the same string share it, or a name of 64 KiB would take that once per class. */
static struct ha_err *class_name_text(struct ha_build *build, struct ha_idmap *texts, const char *name, uint32_t *ret)
{
    uint32_t known = ha_idmap_get(texts, (uintptr_t)name);
    if (known != HA_IDMAP_NONE) {
        *ret = known;
        return NULL;
    }
    HA_TRY(ha_build_text(build, name, strlen(name), ret));
    return ha_idmap_add(texts, (uintptr_t)name, *ret, NULL) ? NULL : ha_err_nomem();
}

static void put_class(const struct ha_build *build, const struct ha_build_class *cls, uint32_t name, struct ha_disk_class *disk)
{
    ha_obj loader;
    bool has_loader = ha_build_find(build, cls->loader_id, &loader);
    *disk = (struct ha_disk_class){.address = cls->id, .name = name, .object = cls->object.i, .super = cls->super.i,
                                   .loader = has_loader ? loader.i : HA_NONE, .flags = cls->flags, .fields_first = cls->fields_first,
                                   .fields_count = cls->fields_count, .statics_first = cls->statics_first, .statics_count = cls->statics_count,
                                   .payload_bytes = cls->payload_bytes, .reference_fields = cls->reference_fields, .kind = cls->kind,
                                   .element_type = cls->element_type};
}

static struct ha_err *write_classes(struct ha_build *build)
{
    void *data;
    struct ha_idmap texts = {0};
    size_t count = build->classes.count, objects = 0;
    HA_FREE struct class_object *pairs = ha_alloc_array(count + 1, sizeof *pairs);
    if (pairs == NULL) {
        return ha_err_nomem();
    }
    struct ha_err *err = ha_index_section_map(build->writer, HA_SECTION_CLASSES, sizeof(struct ha_disk_class), count, &data);
    for (size_t i = 0; i < count && err == NULL; i++) {
        const struct ha_build_class *cls = &build->classes.data[i];
        uint32_t name = 0;
        err = class_name_text(build, &texts, cls->name, &name);
        put_class(build, cls, name, (struct ha_disk_class *)data + i);
        if (!ha_obj_is_none(cls->object)) {
            pairs[objects++] = (struct class_object){cls->object.i, (uint32_t)i};
        }
    }
    ha_idmap_deinit(&texts);
    HA_TRY(err);
    qsort(pairs, objects, sizeof *pairs, compare_class_objects);
    return ha_index_section_put(build->writer, HA_SECTION_CLASS_OBJECTS, sizeof *pairs, objects, pairs);
}

/* ---- stacks ---- */

struct stacks {
    struct ha_build *build;
    struct ha_window window;
    struct ha_idmap frame_ids;        /* frame id -> frame */
    struct ha_idmap serials;          /* class serial -> index in loads */
    struct ha_idmap traces;           /* trace serial -> trace */
    struct ha_idmap thread_traces;    /* thread serial -> the first trace that names it and has frames */
    struct ha_idmap written;          /* trace -> first frame written */
    struct ha_idmap class_texts;      /* class name string id -> text of its source form */
    HA_VEC(struct ha_disk_frame) frames;
};

static struct ha_err *map_stacks(struct stacks *s)
{
    struct ha_build *build = s->build;
    bool ok = true;
    for (size_t i = 0; i < build->frames.count && ok; i++) {
        ok = ha_idmap_add(&s->frame_ids, build->frames.data[i].id, (uint32_t)i, NULL);
    }
    for (size_t i = 0; i < build->loads.count && ok; i++) {
        ok = ha_idmap_add(&s->serials, build->loads.data[i].serial, (uint32_t)i, NULL);
    }
    for (size_t i = 0; i < build->traces.count && ok; i++) {
        const struct ha_build_trace *trace = &build->traces.data[i];
        ok = ha_idmap_add(&s->traces, trace->serial, (uint32_t)i, NULL) &&
             (trace->frame_count == 0 || ha_idmap_add(&s->thread_traces, trace->thread_serial, (uint32_t)i, NULL));
    }
    return ok ? NULL : ha_err_nomem();
}

/* Text of a frame's class in source form; every class once. */
static struct ha_err *class_text(struct stacks *s, uint32_t serial, uint32_t *ret)
{
    uint32_t load = ha_idmap_get(&s->serials, serial);
    uint64_t id = load == HA_IDMAP_NONE ? 0 : s->build->loads.data[load].name_id;
    uint32_t known = ha_idmap_get(&s->class_texts, id);
    if (known != HA_IDMAP_NONE) {
        *ret = known;
        return NULL;
    }
    struct ha_sbuf raw = {0}, source = {0};
    ha_build_string_text(s->build, &s->window, id, &raw);
    ha_class_name_to_source(ha_sbuf_text(&raw), raw.len, &source);
    struct ha_err *err = ha_build_text(s->build, ha_sbuf_text(&source), source.len, ret);
    ha_sbuf_deinit(&raw);
    ha_sbuf_deinit(&source);
    if (err == NULL && !ha_idmap_add(&s->class_texts, id, *ret, NULL)) {
        err = ha_err_nomem();
    }
    return err;
}

static struct ha_err *write_frame(struct stacks *s, uint64_t id)
{
    struct ha_disk_frame *out = ha_vec_push(&s->frames);
    if (out == NULL) {
        return ha_err_nomem();
    }
    *out = (struct ha_disk_frame){0};
    uint32_t i = ha_idmap_get(&s->frame_ids, id);
    if (i == HA_IDMAP_NONE) {
        return NULL; /* offset 0 of the text section is "" */
    }
    const struct ha_build_frame *frame = &s->build->frames.data[i];
    out->line = frame->line;
    HA_TRY(class_text(s, frame->class_serial, &out->class_name));
    HA_TRY(ha_build_text_of_string(s->build, &s->window, frame->method_id, &out->method));
    HA_TRY(ha_build_text_of_string(s->build, &s->window, frame->signature_id, &out->signature));
    return ha_build_text_of_string(s->build, &s->window, frame->file_id, &out->file);
}

/* Gives a thread its frames; threads of the same trace share them. */
static struct ha_err *write_thread_frames(struct stacks *s, struct ha_thread *thread)
{
    uint32_t trace_index = ha_idmap_get(&s->traces, thread->frames_first);
    /* the trace must name the thread: the hprof agent's record gives the trace of the thread's creation, jhsdb's the empty one */
    if (trace_index == HA_IDMAP_NONE || s->build->traces.data[trace_index].thread_serial != thread->serial) {
        trace_index = ha_idmap_get(&s->thread_traces, thread->serial);
    }
    thread->frames_first = thread->frames_count = 0;
    if (trace_index == HA_IDMAP_NONE) {
        return NULL;
    }
    const struct ha_build_trace *trace = &s->build->traces.data[trace_index];
    uint32_t first = ha_idmap_get(&s->written, trace_index);
    if (first == HA_IDMAP_NONE) {
        unsigned id_size = s->build->facts.id_size;
        first = (uint32_t)s->frames.count;
        for (uint32_t i = 0; i < trace->frame_count; i++) {
            const uint8_t *p = ha_window_at(&s->window, trace->frames_off + (uint64_t)i * id_size, id_size);
            if (p == NULL) {
                return ha_window_error(&s->window);
            }
            HA_TRY(write_frame(s, ha_sub_id(p, id_size)));
        }
        if (s->frames.count >= HA_IDMAP_NONE || !ha_idmap_add(&s->written, trace_index, first, NULL)) {
            return ha_err_nomem();
        }
    }
    thread->frames_first = first;
    thread->frames_count = trace->frame_count;
    return NULL;
}

static struct ha_err *write_stacks(struct ha_build *build)
{
    struct stacks s = {.build = build};
    ha_window_init(&s.window, build->input, HA_WINDOW_RANDOM);
    struct ha_err *err = map_stacks(&s);
    for (size_t i = 0; i < build->final_threads.count && err == NULL; i++) {
        err = write_thread_frames(&s, &build->final_threads.data[i]);
    }
    if (err == NULL) {
        err = ha_index_section_put(build->writer, HA_SECTION_FRAMES, sizeof *s.frames.data, s.frames.count, s.frames.data);
    }
    if (err == NULL) {
        err = ha_index_section_put(build->writer, HA_SECTION_THREADS, sizeof(struct ha_thread), build->final_threads.count, build->final_threads.data);
    }
    ha_window_deinit(&s.window);
    ha_idmap_deinit(&s.frame_ids);
    ha_idmap_deinit(&s.serials);
    ha_idmap_deinit(&s.traces);
    ha_idmap_deinit(&s.thread_traces);
    ha_idmap_deinit(&s.written);
    ha_idmap_deinit(&s.class_texts);
    ha_vec_deinit(&s.frames);
    return err;
}

struct ha_err *ha_build_finish(struct ha_build *build)
{
    uint32_t empty;
    struct ha_window window;
    HA_TRY(ha_build_text(build, "", 0, &empty));
    ha_window_init(&window, build->input, HA_WINDOW_RANDOM);
    struct ha_err *err = write_fields(build, &window);
    ha_window_deinit(&window);
    HA_TRY(err);
    HA_TRY(write_classes(build));
    HA_TRY(write_stacks(build));
    HA_TRY(ha_index_section_put(build->writer, HA_SECTION_LOCALS, sizeof(struct ha_local), build->locals.count, build->locals.data));
    HA_TRY(ha_index_section_put(build->writer, HA_SECTION_ROOTS, sizeof(struct ha_root), build->final_roots.count, build->final_roots.data));
    HA_TRY(ha_index_section_put(build->writer, HA_SECTION_TEXT, 1, build->text.count, build->text.data));
    if (build->counts != NULL) {
        HA_TRY(ha_index_section_put(build->writer, HA_SECTION_COUNTS, sizeof(uint64_t), build->classes.count, build->counts->instances));
        HA_TRY(ha_index_section_put(build->writer, HA_SECTION_ARRAY_COUNTS, sizeof(struct ha_array_count), build->counts->array_classes,
                                    build->counts->arrays));
    }
    return ha_index_section_put(build->writer, HA_SECTION_FACTS, sizeof build->facts, 1, &build->facts);
}
