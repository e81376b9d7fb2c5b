/* SPDX-License-Identifier: MIT */
/*
 * Opening the heap from the sections of an index. Tables are checked here, element by element, for they are small; columns are checked in their
 * accessors. Whatever does not fit makes the whole index unusable: it is then rebuilt.
 */
#include "ha/heap/heap.h"

#include "ha/base/mem.h"
#include "ha/heap/heap_addresses.h"
#include "ha/heap/heap_counts.h"
#include "ha/heap/heap_sections.h"
#include "heap/heap_format.h"

#include <inttypes.h>
#include <string.h>

#define RANK_BLOCK 512U
#define NAME_BYTES_MAX (3U * 65535U + 256U) /* a name of the class file with every byte replaced by U+FFFD, and its array brackets */

static struct ha_err *damaged(const char *what)
{
    return ha_err_new(HA_ERR_INPUT, "%s of the index %s damaged", what, what[strlen(what) - 1] == 's' ? "are" : "is");
}

struct opening {
    const struct ha_index *index;
    struct ha_heap *heap;
    const char *text;
    uint64_t text_bytes;
};

static struct ha_err *find_section(void *ctx, uint32_t id, struct ha_index_section *ret)
{
    *ret = ha_index_find(ctx, id, 0);
    return NULL;
}

/* The text at an offset; "" for a wrong one, and for one that is longer than any name can be. The section ends with NUL. */
static const char *text_at(const struct opening *o, uint32_t off)
{
    uint64_t left = off < o->text_bytes ? o->text_bytes - off : 0;
    bool ends = left > 0 && memchr(o->text + off, 0, left < NAME_BYTES_MAX ? left : NAME_BYTES_MAX) != NULL;
    return ends ? o->text + off : "";
}

static struct ha_err *open_facts(struct opening *o)
{
    struct ha_index_section section = ha_index_find(o->index, HA_SECTION_FACTS, sizeof(struct ha_heap_facts));
    if (section.count != 1) {
        return damaged("the facts");
    }
    struct ha_heap_facts *facts = &o->heap->facts;
    memcpy(facts, section.data, sizeof *facts);
    facts->format[sizeof facts->format - 1] = '\0';
    if ((facts->id_size != 4 && facts->id_size != 8) || facts->object_count > HA_OBJECTS_MAX || facts->branch_count > facts->object_count ||
        facts->class_count > HA_CLASSES_MAX || facts->class_count == 0 || facts->object_alignment < 8 || facts->object_alignment > 256 ||
        facts->dump_bytes != ha_input_bytes(o->heap->input)) {
        return damaged("the facts");
    }
    struct ha_index_section text = ha_index_find(o->index, HA_SECTION_TEXT, 1);
    o->text = text.data;
    o->text_bytes = text.count;
    return text.count == 0 || o->text[text.count - 1] == '\0' ? NULL : damaged("the names");
}

static struct ha_err *open_fields(struct opening *o)
{
    struct ha_heap *heap = o->heap;
    struct ha_index_section fields = ha_index_find(o->index, HA_SECTION_FIELDS, sizeof(struct ha_disk_field));
    struct ha_index_section statics = ha_index_find(o->index, HA_SECTION_STATICS, sizeof(struct ha_disk_static));
    struct ha_field *f = ha_arena_alloc(&heap->tables, fields.count + 1, sizeof *f);
    struct ha_static *s = ha_arena_alloc(&heap->tables, statics.count + 1, sizeof *s);
    if (f == NULL || s == NULL) {
        return ha_err_nomem();
    }
    const struct ha_disk_field *df = fields.data;
    for (uint64_t i = 0; i < fields.count; i++) {
        if (ha_type_bytes((enum ha_type)df[i].type, heap->facts.id_size) == 0) {
            return damaged("the fields");
        }
        f[i] = (struct ha_field){text_at(o, df[i].name), df[i].type};
    }
    const struct ha_disk_static *ds = statics.data;
    for (uint64_t i = 0; i < statics.count; i++) {
        if (ha_type_bytes((enum ha_type)ds[i].type, heap->facts.id_size) == 0) {
            return damaged("the static fields");
        }
        s[i] = (struct ha_static){text_at(o, ds[i].name), ds[i].type, ds[i].value};
    }
    heap->fields = f;
    heap->field_count = fields.count;
    heap->statics = s;
    heap->static_count = statics.count;
    return NULL;
}

static bool number_ok(uint32_t number, uint32_t count)
{
    return number < count || number == HA_NONE;
}

static bool range_ok(uint32_t first, uint32_t count, uint64_t total)
{
    return (uint64_t)first + count <= total;
}

static struct ha_err *open_classes(struct opening *o)
{
    struct ha_heap *heap = o->heap;
    uint32_t count = heap->facts.class_count, objects = heap->facts.object_count;
    struct ha_index_section section = ha_index_find(o->index, HA_SECTION_CLASSES, sizeof(struct ha_disk_class));
    struct ha_index_section pairs = ha_index_find(o->index, HA_SECTION_CLASS_OBJECTS, 2 * sizeof(uint32_t));
    if (section.count != count || pairs.count > count) {
        return damaged("the classes");
    }
    struct ha_class *classes = ha_arena_alloc(&heap->tables, count, sizeof *classes);
    if (classes == NULL) {
        return ha_err_nomem();
    }
    const struct ha_disk_class *disk = section.data;
    uint64_t fields = 0, statics = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct ha_disk_class *d = &disk[i];
        if (!number_ok(d->object, objects) || !number_ok(d->super, count) || !number_ok(d->loader, objects) ||
            !range_ok(d->fields_first, d->fields_count, heap->field_count) || !range_ok(d->statics_first, d->statics_count, heap->static_count) ||
            d->kind > HA_CLASS_PRIMITIVE_ARRAY) {
            return damaged("the classes");
        }
        fields += d->fields_count;
        statics += d->statics_count;
        classes[i] = (struct ha_class){.name = text_at(o, d->name), .address = d->address, .object = {d->object}, .super = {d->super},
                                       .loader = {d->loader}, .flags = d->flags, .fields_first = d->fields_first, .fields_count = d->fields_count,
                                       .statics_first = d->statics_first, .statics_count = d->statics_count, .payload_bytes = d->payload_bytes,
                                       .reference_fields = d->reference_fields, .kind = d->kind, .element_type = d->element_type};
    }
    if (fields > heap->field_count || statics > heap->static_count) {
        return damaged("the classes"); /* no two classes share a field */
    }
    const uint32_t *pair = pairs.data;
    for (uint64_t i = 0; i < pairs.count; i++) {
        if (pair[2 * i] >= objects || pair[2 * i + 1] >= count) {
            return damaged("the class objects");
        }
    }
    heap->classes = classes;
    heap->class_objects = pair;
    heap->class_object_count = pairs.count;
    return NULL;
}

static struct ha_err *open_threads(struct opening *o)
{
    struct ha_heap *heap = o->heap;
    uint32_t objects = heap->facts.object_count;
    struct ha_index_section roots = ha_index_find(o->index, HA_SECTION_ROOTS, sizeof(struct ha_root));
    struct ha_index_section threads = ha_index_find(o->index, HA_SECTION_THREADS, sizeof(struct ha_thread));
    struct ha_index_section locals = ha_index_find(o->index, HA_SECTION_LOCALS, sizeof(struct ha_local));
    struct ha_index_section frames = ha_index_find(o->index, HA_SECTION_FRAMES, sizeof(struct ha_disk_frame));
    const struct ha_root *root = roots.data;
    for (uint64_t i = 0; i < roots.count; i++) {
        if (root[i].obj.i >= objects || root[i].kinds == 0 || root[i].kinds >> HA_ROOT_KIND_COUNT != 0 || (i > 0 && root[i - 1].obj.i >= root[i].obj.i)) {
            return damaged("the roots");
        }
    }
    const struct ha_thread *thread = threads.data;
    for (uint64_t i = 0; i < threads.count; i++) {
        if (thread[i].obj.i >= objects || !range_ok(thread[i].frames_first, thread[i].frames_count, frames.count) ||
            !range_ok(thread[i].locals_first, thread[i].locals_count, locals.count)) {
            return damaged("the threads");
        }
    }
    const struct ha_local *local = locals.data;
    for (uint64_t i = 0; i < locals.count; i++) {
        if (local[i].obj.i >= objects || local[i].kind >= HA_ROOT_KIND_COUNT) {
            return damaged("the locals");
        }
    }
    struct ha_frame *f = ha_arena_alloc(&heap->tables, frames.count + 1, sizeof *f);
    if (f == NULL) {
        return ha_err_nomem();
    }
    const struct ha_disk_frame *disk = frames.data;
    for (uint64_t i = 0; i < frames.count; i++) {
        f[i] = (struct ha_frame){text_at(o, disk[i].class_name), text_at(o, disk[i].method), text_at(o, disk[i].signature),
                                 text_at(o, disk[i].file), disk[i].line};
    }
    heap->roots = root;
    heap->root_count = roots.count;
    heap->threads = thread;
    heap->thread_count = threads.count;
    heap->locals = local;
    heap->local_count = locals.count;
    heap->frames = f;
    heap->frame_count = frames.count;
    return NULL;
}

static struct ha_err *open_columns(struct opening *o)
{
    struct ha_heap *heap = o->heap;
    uint64_t n = heap->facts.object_count;
    struct ha_index_section classes = ha_index_find(o->index, HA_SECTION_CLASS_COLUMN, 0);
    struct ha_index_section offsets = ha_index_find(o->index, HA_SECTION_OFFSETS, 5);
    struct ha_index_section samples = ha_index_find(o->index, HA_SECTION_SAMPLES, 5);
    struct ha_index_section strays = ha_index_find(o->index, HA_SECTION_STRAYS, 2 * sizeof(uint64_t));
    struct ha_index_section bits = ha_index_find(o->index, HA_SECTION_ARRAY_BITS, 1);
    struct ha_index_section ranks = ha_index_find(o->index, HA_SECTION_ARRAY_RANKS, sizeof(uint32_t));
    struct ha_index_section lengths = ha_index_find(o->index, HA_SECTION_ARRAY_LENGTHS, sizeof(uint32_t));
    bool sampled = offsets.count == 0 && heap->addresses->sorted == NULL && samples.count == heap->addresses->page_count * HA_PAGE_LINES;
    if (classes.count != n || (offsets.count != n && !sampled) || bits.count != (n + 7) / 8 || ranks.count != (n + RANK_BLOCK - 1) / RANK_BLOCK ||
        (n > 0 && classes.width != 2 && classes.width != 4)) {
        return damaged("the columns");
    }
    heap->class_column = classes.data;
    heap->class_width = classes.width;
    heap->offset_column = offsets.data;
    heap->samples = samples.data;
    heap->strays = strays.data;
    heap->stray_count = strays.count;
    heap->array_bits = bits.data;
    heap->array_ranks = ranks.data;
    heap->array_lengths = lengths.data;
    heap->array_count = lengths.count;
    return NULL;
}

static struct ha_err *open_gaps(struct opening *o)
{
    struct ha_heap *heap = o->heap;
    struct ha_index_section gaps = ha_index_find(o->index, HA_SECTION_GAPS, sizeof(struct ha_gap));
    struct ha_index_section arrays = ha_index_find(o->index, HA_SECTION_GAP_ARRAYS, sizeof(struct ha_gap_arrays));
    struct ha_index_section chunks = ha_index_find(o->index, HA_SECTION_CHUNK_SIZES, 2 * sizeof(uint32_t));
    if (gaps.count != heap->facts.class_count || arrays.count != 1) {
        return damaged("the distances between objects");
    }
    heap->gaps = gaps.data;
    heap->gap_arrays = arrays.data;
    heap->chunks = chunks.data;
    heap->chunk_count = chunks.count;
    return NULL;
}

/* Of a heap that was only counted. */
static struct ha_err *open_counts(struct opening *o)
{
    struct ha_heap *heap = o->heap;
    struct ha_index_section counts = ha_index_find(o->index, HA_SECTION_COUNTS, sizeof(uint64_t));
    struct ha_index_section arrays = ha_index_find(o->index, HA_SECTION_ARRAY_COUNTS, sizeof(struct ha_array_count));
    const struct ha_array_count *array = arrays.data;
    if (counts.count == 0) {
        return NULL;
    }
    if (counts.count != heap->facts.class_count) {
        return damaged("the counts");
    }
    for (uint64_t i = 0; i < arrays.count; i++) {
        if (array[i].cls >= heap->facts.class_count) {
            return damaged("the counts");
        }
    }
    heap->counts = counts.data;
    heap->array_counts = array;
    heap->array_count_count = arrays.count;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        heap->counted_objects += heap->counts[c];
    }
    return NULL;
}

/* Not required: without them the class column tells. */
static void open_instances(struct opening *o)
{
    struct ha_heap *heap = o->heap;
    struct ha_index_section ranges = ha_index_find(o->index, HA_SECTION_INSTANCE_RANGES, sizeof(struct ha_disk_instances));
    struct ha_index_section instances = ha_index_find(o->index, HA_SECTION_INSTANCES, sizeof(uint32_t));
    if (ranges.count == heap->facts.class_count) {
        heap->instance_ranges = ranges.data;
        heap->instances = instances.data;
        heap->instance_count = instances.count;
    }
}

/* JDK 9 and later keep UTF-16 in byte[] in the byte order of the machine; StringUTF16.HI_BYTE_SHIFT tells which. */
static void find_byte_order(struct ha_heap *heap)
{
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        if (strcmp(heap->classes[c].name, "java.lang.StringUTF16") == 0) {
            const struct ha_static *shift = ha_heap_static_find(heap, (ha_cls){c}, "HI_BYTE_SHIFT");
            heap->utf16_big_endian = shift != NULL && shift->value == 8;
            return;
        }
    }
}

struct ha_err *ha_heap_open(const struct ha_index *index, struct ha_input *input, struct ha_heap **ret)
{
    struct ha_heap *heap = ha_calloc_array(1, sizeof *heap);
    if (heap == NULL) {
        return ha_err_nomem();
    }
    heap->input = input;
    struct opening o = {.index = index, .heap = heap};
    /* find_section only reads: the callback's ctx has no const because building uses it with a writer */
    union {
        const struct ha_index *in;
        void *out;
    } ctx = {.in = index};
    struct ha_err *err = open_facts(&o);
    if (err == NULL) {
        err = ha_addresses_open(find_section, ctx.out, &heap->addresses);
    }
    if (err == NULL && (heap->addresses->branch_count != heap->facts.branch_count ||
                        heap->addresses->branch_count + heap->addresses->leaf_count != heap->facts.object_count)) {
        err = damaged("the address map");
    }
    if (err == NULL) {
        err = open_fields(&o);
    }
    if (err == NULL) {
        err = open_classes(&o);
    }
    if (err == NULL) {
        err = open_threads(&o);
    }
    if (err == NULL) {
        err = open_columns(&o);
    }
    if (err == NULL) {
        err = open_gaps(&o);
    }
    if (err == NULL) {
        err = open_counts(&o);
    }
    if (err != NULL) {
        ha_heap_close(heap);
        return err;
    }
    open_instances(&o);
    find_byte_order(heap);
    *ret = heap;
    return NULL;
}

void ha_heap_close(struct ha_heap *heap)
{
    if (heap != NULL) {
        ha_addresses_close(heap->addresses);
        ha_arena_deinit(&heap->tables);
        ha_free(heap);
    }
}
