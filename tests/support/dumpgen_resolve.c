/* SPDX-License-Identifier: MIT */
/*
 * Labels become addresses: every class and object with a label for an id gets the next free address from `base`, classes
 * first, then objects, in the order in which they were added and as far apart as a JVM would place them, so that sizes taken from address gaps come out right:
 *
 *     header (8 + refs, or 8 with 4-byte ids) + fields, or + 4 + elements, rounded up to the alignment
 *
 * Then every id of the model that is a label is replaced. A label nobody defines may be the name of a class.
 */
#include "dumpgen.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CLASS_MIRROR_BYTES 112U /* java.lang.Class in HotSpot 17, without the statics */

static bool is_label(uint64_t id)
{
    return (id & GEN_LABEL_MASK) == GEN_LABEL_PREFIX;
}

static unsigned ref_bytes(const struct gen_options *options)
{
    return options->out.id_size == 4 ? 4 : options->ref_bytes;
}

static uint64_t class_bytes(const struct gen_options *options, const struct gen_class *c)
{
    uint64_t bytes = CLASS_MIRROR_BYTES;
    for (size_t i = 0; i < c->statics.count; i++) {
        bytes += hprof_type_bytes(c->statics.data[i].field.type, ref_bytes(options));
    }
    return bytes;
}

static uint64_t object_bytes(const struct gen_options *options, const struct gen_heap *h,
                             const struct gen_object *o)
{
    unsigned refs = ref_bytes(options);
    uint64_t header = options->out.id_size + refs;
    switch (o->kind) {
    case GEN_INSTANCE:
        return header + (o->data != NULL ? o->data_bytes : gen_layout_bytes(h, o->cls, refs));
    case GEN_OBJECT_ARRAY:
        return (header + 4 + refs - 1) / refs * refs + (uint64_t)o->count * refs;
    case GEN_PRIM_ARRAY:
        return (header + 4 + refs - 1) / refs * refs + o->data_bytes;
    }
    return header;
}

/* The next free address, for an object of that size. */
static uint64_t place(const struct gen_options *options, uint64_t *next, uint64_t bytes)
{
    uint64_t at = *next;
    uint64_t step = (bytes + options->alignment - 1) / options->alignment * options->alignment;
    *next += options->dense ? 1 : step;
    return at;
}

/* addresses[label] for all labels that something defines; 0 otherwise. */
static void assign(const struct gen_options *options, const struct gen_heap *h, uint64_t *addresses)
{
    uint64_t next = options->base;
    if (next == 0) {
        next = options->out.id_size == 4 ? 0x10000000 : 0x700000000;
    }
    for (size_t i = 0; i < h->classes.count; i++) {
        const struct gen_class *c = &h->classes.data[i];
        if (is_label(c->id)) {
            addresses[c->id - GEN_LABEL_PREFIX] = place(options, &next, class_bytes(options, c));
        }
    }
    for (size_t i = 0; i < h->objects.count; i++) {
        const struct gen_object *o = &h->objects.data[i];
        if (is_label(o->id)) {
            addresses[o->id - GEN_LABEL_PREFIX] =
                place(options, &next, object_bytes(options, h, o));
        }
    }
    for (size_t i = 0; i < h->labels.count; i++) {
        const char *name = h->labels.data[i].name;
        const struct gen_class *c = name != NULL ? gen_class_by_name(h, name) : NULL;
        if (addresses[i] == 0 && c != NULL) {
            addresses[i] = is_label(c->id) ? addresses[c->id - GEN_LABEL_PREFIX] : c->id;
        }
    }
}

static void replace(const uint64_t *addresses, uint64_t *id)
{
    if (is_label(*id)) {
        *id = addresses[*id - GEN_LABEL_PREFIX];
    }
}

static void replace_in_class(const uint64_t *addresses, struct gen_class *c)
{
    replace(addresses, &c->id);
    replace(addresses, &c->super);
    replace(addresses, &c->loader);
    replace(addresses, &c->signers);
    replace(addresses, &c->domain);
    for (size_t i = 0; i < c->statics.count; i++) {
        if (c->statics.data[i].field.type == HPROF_OBJECT) {
            replace(addresses, &c->statics.data[i].value);
        }
    }
    for (size_t i = 0; i < c->constants.count; i++) {
        if (c->constants.data[i].field.type == HPROF_OBJECT) {
            replace(addresses, &c->constants.data[i].value);
        }
    }
}

/* Before the classes get their addresses: finds layouts by the old ids. */
static void replace_in_object(const uint64_t *addresses, const struct gen_heap *h,
                              struct gen_object *o)
{
    if (o->kind == GEN_INSTANCE && o->values != NULL) {
        struct gen_slot *slots = sup_calloc(o->count, sizeof *slots);
        gen_layout(h, o->cls, slots, o->count);
        for (uint32_t i = 0; i < o->count; i++) {
            if (slots[i].field->type == HPROF_OBJECT) {
                replace(addresses, &o->values[i]);
            }
        }
        sup_free(slots);
    }
    for (uint32_t i = 0; o->kind == GEN_OBJECT_ARRAY && i < o->count; i++) {
        replace(addresses, &o->values[i]);
    }
    replace(addresses, &o->id);
    replace(addresses, &o->cls);
}

static void replace_all(const uint64_t *addresses, struct gen_heap *h)
{
    for (size_t i = 0; i < h->objects.count; i++) {
        replace_in_object(addresses, h, &h->objects.data[i]);
    }
    for (size_t i = 0; i < h->classes.count; i++) {
        replace_in_class(addresses, &h->classes.data[i]);
    }
    for (size_t i = 0; i < h->roots.count; i++) {
        replace(addresses, &h->roots.data[i].id);
        replace(addresses, &h->roots.data[i].a);
    }
    for (size_t i = 0; i < h->raws.count; i++) {
        replace(addresses, &h->raws.data[i].id);
    }
    sup_map_free(&h->class_of_id);
    sup_map_free(&h->object_of_id);
    for (size_t i = 0; i < h->classes.count; i++) {
        sup_map_put(&h->class_of_id, h->classes.data[i].id, (uint32_t)i);
    }
    for (size_t i = 0; i < h->objects.count; i++) {
        sup_map_put(&h->object_of_id, h->objects.data[i].id, (uint32_t)i);
    }
}

/* HotSpot's rule: boot classes are sticky, array classes are not. */
static void add_sticky_roots(struct gen_heap *h)
{
    for (size_t i = 0; h->sticky_boot && i < h->classes.count; i++) {
        const struct gen_class *c = &h->classes.data[i];
        if (c->loader == 0 && !c->no_dump && !gen_name_is_array(c->name)) {
            struct gen_root *r = sup_push(&h->roots);
            r->kind = HPROF_ROOT_STICKY_CLASS;
            r->id = c->id;
        }
    }
    h->sticky_boot = false;
}

static bool heap_resolve(const struct gen_options *options, struct gen_heap *h,
                         struct gen_error *error)
{
    uint64_t *addresses = sup_calloc(h->labels.count, sizeof *addresses);
    assign(options, h, addresses);
    for (size_t i = 0; i < h->labels.count; i++) {
        if (addresses[i] == 0) {
            const char *name = h->labels.data[i].name;
            snprintf(error->message, sizeof error->message, "%d: '@%s' is used but not defined",
                     h->labels.data[i].line, name != NULL ? name : "?");
            sup_free(addresses);
            return false;
        }
    }
    replace_all(addresses, h);
    add_sticky_roots(h);
    h->labels.count = 0;
    sup_free(addresses);
    return true;
}

bool gen_file_resolve(struct gen_file *f, struct gen_error *error)
{
    for (size_t i = 0; i < f->heaps.count; i++) {
        if (!heap_resolve(&f->options, f->heaps.data[i], error)) {
            return false;
        }
    }
    return true;
}
