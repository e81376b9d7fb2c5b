/* SPDX-License-Identifier: MIT */
/*
 * Writes a resolved model as HPROF:
 *
 *     header · raw header · UTF8 · LOAD_CLASS · FRAME, TRACE · raw records
 *     · per heap: raw heap · sub-records · raw heap-end · END
 *     · raw end
 *
 * The sub-records of a heap are first listed as items, then put in the wanted order, then written. Patches and the cut come last.
 */
#include "dumpgen.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

struct item {
    enum gen_group group;
    uint32_t index;
    uint64_t key; /* sorted by */
};

struct writer {
    struct hprof_out *out;
    const struct gen_file *f;
    struct sup_map name_ids;      /* address of the interned name -> number */
    struct sup_map class_serials; /* class id -> serial */
    uint32_t names, serials;
    uint64_t frames;
};

/* --- names ------------------------------------------------------------------------------------------------------- */

/* com.acme.Foo[][] -> [[Lcom/acme/Foo;   int[] -> [I   a name that begins with '[' or has a '/' stays. */
static char *slashed(const char *name)
{
    size_t len = strlen(name);
    char *ret = sup_calloc(len + 4, 1);
    size_t n = 0;
    while (len > 2 && name[len - 1] == ']' && name[len - 2] == '[') {
        ret[n++] = '[';
        len -= 2;
    }
    enum hprof_type type = n > 0 ? gen_type_by_name(name, len) : (enum hprof_type)0;
    if (type != 0 && type != HPROF_OBJECT) {
        ret[n] = "LLLLZCFDBSIJ"[type];
        return ret;
    }
    if (n > 0) {
        ret[n++] = 'L';
    }
    for (size_t i = 0; i < len; i++) {
        ret[n++] = name[i] == '.' ? '/' : name[i];
    }
    if (strlen(name) != len) {
        ret[n] = ';';
    }
    return ret;
}

/* The UTF8 id of a text; writes its record when first asked for. */
static uint64_t text_id(struct writer *w, const char *text, bool class_name)
{
    const struct gen_options *options = &w->f->options;
    uint64_t base = options->string_base;
    if (base == 0) {
        base = options->out.id_size == 4 ? 0x08000000 : 0x7f5a00000000;
    }
    uint64_t key = (uint64_t)(uintptr_t)text * 2 + class_name;
    uint32_t number = sup_map_get(&w->name_ids, key);
    if (number == SUP_MAP_NONE) {
        number = w->names++;
        sup_map_put(&w->name_ids, key, number);
        char *internal = class_name && !options->dotted_names ? slashed(text) : NULL;
        const char *written = internal != NULL ? internal : text;
        hprof_out_utf8(w->out, base + 8 * (uint64_t)number, written, strlen(written));
        sup_free(internal);
    }
    return base + 8 * (uint64_t)number;
}

static void write_names(struct writer *w, const struct gen_heap *h)
{
    for (size_t i = 0; i < h->classes.count; i++) {
        const struct gen_class *c = &h->classes.data[i];
        if (!c->no_load) {
            text_id(w, c->name, true);
        }
        for (size_t k = 0; k < c->statics.count; k++) {
            text_id(w, c->statics.data[k].field.name, false);
        }
        for (size_t k = 0; k < c->fields.count; k++) {
            text_id(w, c->fields.data[k].name, false);
        }
    }
}

static void write_load_classes(struct writer *w, const struct gen_heap *h)
{
    for (size_t i = 0; i < h->classes.count; i++) {
        const struct gen_class *c = &h->classes.data[i];
        if (c->no_load || sup_map_get(&w->class_serials, c->id) != SUP_MAP_NONE) {
            continue;
        }
        sup_map_put(&w->class_serials, c->id, ++w->serials);
        hprof_out_load_class(w->out, w->serials, c->id, w->f->options.trace,
                             text_id(w, c->name, true));
    }
}

/* --- traces ------------------------------------------------------------------------------------------------------ */

static void write_frame(struct writer *w, const struct gen_frame *frame, uint64_t id)
{
    uint64_t method = text_id(w, frame->method, false);
    uint64_t signature = text_id(w, frame->signature, false);
    uint64_t source = frame->source != NULL ? text_id(w, frame->source, false) : 0;
    uint32_t serial = 0;
    for (size_t i = 0; i < w->f->heaps.count && serial == 0; i++) {
        const struct gen_class *c = gen_class_by_name(w->f->heaps.data[i], frame->class_name);
        uint32_t found = c != NULL ? sup_map_get(&w->class_serials, c->id) : SUP_MAP_NONE;
        serial = found != SUP_MAP_NONE ? found : 0;
    }
    hprof_out_frame(w->out, id, method, signature, source, serial, frame->line);
}

static void write_traces(struct writer *w)
{
    bool default_trace = w->f->options.trace != 0;
    for (size_t i = 0; i < w->f->traces.count; i++) {
        default_trace &= w->f->traces.data[i].serial != w->f->options.trace;
    }
    if (default_trace) {
        hprof_out_trace(w->out, w->f->options.trace, 0, NULL, 0);
    }
    for (size_t i = 0; i < w->f->traces.count; i++) {
        const struct gen_trace *t = &w->f->traces.data[i];
        uint64_t *ids = sup_calloc(t->frames.count, sizeof *ids);
        for (size_t k = 0; k < t->frames.count; k++) {
            ids[k] = ++w->frames;
            write_frame(w, &t->frames.data[k], ids[k]);
        }
        hprof_out_trace(w->out, t->serial, t->thread, ids, (uint32_t)t->frames.count);
        sup_free(ids);
    }
}

/* --- sub-records ------------------------------------------------------------------------------------------------- */

static void write_class(struct writer *w, const struct gen_heap *h, const struct gen_class *c)
{
    size_t total = c->fields.count + c->statics.count + c->constants.count;
    struct hprof_out_value *values = sup_calloc(total, sizeof *values);
    size_t n = 0;
    for (size_t i = 0; i < c->fields.count; i++) {
        values[n++] = (struct hprof_out_value){.name = text_id(w, c->fields.data[i].name, false),
                                               .type = c->fields.data[i].type};
    }
    for (size_t i = 0; i < c->statics.count; i++) {
        const struct gen_static *s = &c->statics.data[i];
        values[n++] =
            (struct hprof_out_value){text_id(w, s->field.name, false), s->field.type, s->value};
    }
    for (size_t i = 0; i < c->constants.count; i++) {
        const struct gen_static *s = &c->constants.data[i];
        values[n++] = (struct hprof_out_value){i + 1, s->field.type, s->value};
    }
    unsigned id_size = w->f->options.out.id_size;
    hprof_out_class(w->out, &(struct hprof_out_class){
                                .id = c->id,
                                .super = c->super,
                                .loader = c->loader,
                                .signers = c->signers,
                                .domain = c->domain,
                                .instance_size = c->instance_size >= 0
                                                     ? (uint32_t)c->instance_size
                                                     : gen_layout_bytes(h, c->id, id_size),
                                .fields = values,
                                .field_count = (uint16_t)c->fields.count,
                                .statics = values + c->fields.count,
                                .static_count = (uint16_t)c->statics.count,
                                .constants = values + c->fields.count + c->statics.count,
                                .constant_count = (uint16_t)c->constants.count,
                            });
    sup_free(values);
}

static void write_instance(struct writer *w, const struct gen_heap *h, const struct gen_object *o)
{
    if (o->data != NULL || o->count == 0) {
        hprof_out_instance_begin(w->out, o->id, o->cls, o->data_bytes);
        hprof_out_bytes(w->out, o->data, o->data_bytes);
        return;
    }
    struct gen_slot *slots = sup_calloc(o->count, sizeof *slots);
    gen_layout(h, o->cls, slots, o->count);
    hprof_out_instance_begin(w->out, o->id, o->cls,
                             gen_layout_bytes(h, o->cls, w->f->options.out.id_size));
    for (uint32_t i = 0; i < o->count; i++) {
        hprof_out_value(w->out, slots[i].field->type, o->values[i]);
    }
    sup_free(slots);
}

static void write_object(struct writer *w, const struct gen_heap *h, const struct gen_object *o)
{
    hprof_out_set_trace(w->out, o->trace != 0 ? o->trace : w->f->options.trace);
    switch (o->kind) {
    case GEN_INSTANCE:
        write_instance(w, h, o);
        break;
    case GEN_OBJECT_ARRAY:
        hprof_out_object_array_begin(w->out, o->id, o->cls, o->count);
        for (uint32_t i = 0; i < o->count; i++) {
            hprof_out_id(w->out, o->values[i]);
        }
        break;
    case GEN_PRIM_ARRAY:
        hprof_out_prim_array_begin(w->out, o->id, o->type, o->count);
        hprof_out_bytes(w->out, o->data, o->data_bytes);
        break;
    }
    hprof_out_set_trace(w->out, w->f->options.trace);
}

static void write_raws(struct writer *w, const struct gen_heap *h, enum gen_place place,
                       uint64_t id)
{
    for (size_t i = 0; i < h->raws.count; i++) {
        const struct gen_raw *raw = &h->raws.data[i];
        if (raw->place == place && ((place != GEN_BEFORE && place != GEN_AFTER) || raw->id == id)) {
            hprof_out_raw(w->out, raw->bytes.data, raw->bytes.count);
        }
    }
}

static void write_item(struct writer *w, const struct gen_heap *h, const struct item *item)
{
    switch (item->group) {
    case GEN_CLASSES: {
        const struct gen_class *c = &h->classes.data[item->index];
        write_raws(w, h, GEN_BEFORE, c->id);
        write_class(w, h, c);
        write_raws(w, h, GEN_AFTER, c->id);
        break;
    }
    case GEN_OBJECTS: {
        const struct gen_object *o = &h->objects.data[item->index];
        write_raws(w, h, GEN_BEFORE, o->id);
        write_object(w, h, o);
        write_raws(w, h, GEN_AFTER, o->id);
        break;
    }
    case GEN_ROOTS: {
        const struct gen_root *r = &h->roots.data[item->index];
        hprof_out_root(w->out, r->kind, r->id, r->a, r->b);
        break;
    }
    }
}

/* --- order ------------------------------------------------------------------------------------------------------- */

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    return x->key != y->key ? (x->key < y->key ? -1 : 1)
                            : (x->index > y->index) - (x->index < y->index);
}

static size_t list_group(const struct gen_options *options, const struct gen_heap *h,
                         enum gen_group group, struct rng *rng, struct item *ret)
{
    size_t n = 0;
    size_t count = group == GEN_CLASSES   ? h->classes.count
                   : group == GEN_OBJECTS ? h->objects.count
                                          : h->roots.count;
    for (size_t i = 0; i < count; i++) {
        struct item item = {group, (uint32_t)i, i};
        if (group == GEN_CLASSES && h->classes.data[i].no_dump) {
            continue;
        }
        if (group == GEN_OBJECTS && options->sequence == GEN_ASCENDING) {
            item.key = h->objects.data[i].id;
        }
        if (options->shuffle_all || (group == GEN_OBJECTS && options->sequence == GEN_SHUFFLED)) {
            item.key = rng_next(rng);
        }
        ret[n++] = item;
    }
    qsort(ret, n, sizeof *ret, compare_items);
    return n;
}

static void write_heap(struct writer *w, const struct gen_heap *h)
{
    const struct gen_options *options = &w->f->options;
    struct rng rng = rng_seed(options->seed);
    size_t most = h->classes.count + h->objects.count + h->roots.count;
    struct item *items = sup_calloc(most, sizeof *items);
    size_t n = 0;
    for (size_t i = 0; i < 3; i++) {
        n += list_group(options, h, options->order[i], &rng, items + n);
    }
    if (options->shuffle_all) {
        qsort(items, n, sizeof *items, compare_items);
    }
    hprof_out_heap_begin(w->out);
    write_raws(w, h, GEN_AT_HEAP, 0);
    for (size_t i = 0; i < n; i++) {
        write_item(w, h, &items[i]);
    }
    write_raws(w, h, GEN_AT_HEAP_END, 0);
    hprof_out_heap_end(w->out);
    sup_free(items);
}

/* --- the file ---------------------------------------------------------------------------------------------------- */

static void write_damage(struct writer *w)
{
    const struct gen_options *options = &w->f->options;
    uint64_t size = hprof_out_position(w->out);
    if (options->has_heap_length && hprof_out_segment_position(w->out) != UINT64_MAX) {
        uint32_t length = __builtin_bswap32(options->heap_length);
        hprof_out_patch(w->out, hprof_out_segment_position(w->out) + 5, &length, 4);
    }
    for (size_t i = 0; i < w->f->patches.count; i++) {
        const struct gen_patch *p = &w->f->patches.data[i];
        uint64_t off = p->off < 0 ? size + (uint64_t)p->off : (uint64_t)p->off;
        hprof_out_patch(w->out, off, p->bytes.data, p->bytes.count);
    }
    if (options->has_truncate) {
        uint64_t keep = options->truncate < 0 ? size + (uint64_t)options->truncate
                                              : (uint64_t)options->truncate;
        hprof_out_truncate(w->out, keep <= size ? keep : 0);
    }
}

static void write_all(struct hprof_out *out, const struct gen_file *f)
{
    struct writer w = {.out = out, .f = f};
    hprof_out_set_trace(out, f->options.trace);
    for (size_t i = 0; i < f->heaps.count; i++) {
        write_raws(&w, f->heaps.data[i], GEN_AT_HEADER, 0);
    }
    for (size_t i = 0; i < f->heaps.count; i++) {
        write_names(&w, f->heaps.data[i]);
        write_load_classes(&w, f->heaps.data[i]);
    }
    write_traces(&w);
    for (size_t i = 0; i < f->heaps.count; i++) {
        write_raws(&w, f->heaps.data[i], GEN_AT_RECORDS, 0);
    }
    for (size_t i = 0; i < f->heaps.count; i++) {
        write_heap(&w, f->heaps.data[i]);
    }
    for (size_t i = 0; i < f->heaps.count; i++) {
        write_raws(&w, f->heaps.data[i], GEN_AT_END, 0);
    }
    write_damage(&w);
    sup_map_free(&w.name_ids);
    sup_map_free(&w.class_serials);
}

static struct hprof_out_options out_options(const struct gen_file *f)
{
    struct hprof_out_options options = f->options.out;
    options.version = f->version;
    return options;
}

const char *gen_file_write(const struct gen_file *f, const char *path)
{
    struct hprof_out_options options = out_options(f);
    struct hprof_out *out = hprof_out_create_file(path, &options);
    if (out == NULL) {
        return "cannot create the file";
    }
    write_all(out, f);
    return hprof_out_finish(out);
}

void gen_file_write_memory(const struct gen_file *f, uint8_t **ret_data, size_t *ret_bytes)
{
    struct hprof_out_options options = out_options(f);
    struct hprof_out *out = hprof_out_create_memory(&options);
    write_all(out, f);
    hprof_out_finish_memory(out, ret_data, ret_bytes);
}
