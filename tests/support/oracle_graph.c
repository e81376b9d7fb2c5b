/* SPDX-License-Identifier: MIT */
/*
 * Nodes, edges and roots of the oracle, by the rules in oracle.h.
 *
 * Classes the dump lacks are made up: the class of an instance or array without CLASS_DUMP, and a missing super class, at their own ids;
 * java.lang.Class and the classes of primitive arrays, which no record names by id, at the lowest free multiples of the alignment. Their
 * super is java.lang.Object and they have no loader. (MAT also makes up java.lang.ClassLoader for its artificial boot loader object; neither is here.)
 */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

static struct oracle_node *add_node(struct oracle *o, uint64_t id)
{
    struct oracle_node *n = &o->nodes[o->count];
    *n = (struct oracle_node){.id = id, .name = "", .super = ORACLE_NONE, .loader = ORACLE_NONE};
    sup_map_put(&o->by_id, id, o->count++);
    return n;
}

static void add_class(struct oracle *o, uint64_t id, const struct gen_class *def)
{
    struct oracle_node *n = add_node(o, id);
    n->is_class = true;
    n->def = def;
    n->name = def != NULL ? def->name : "";
    n->made_up = def == NULL;
}

static bool is_known(const struct oracle *o, uint64_t id)
{
    return sup_map_get(&o->by_id, id) != SUP_MAP_NONE;
}

static const struct gen_class *dumped_class(const struct oracle *o, uint64_t id)
{
    const struct gen_class *c = gen_class_by_id(o->heap, id);
    return c != NULL && !c->no_dump ? c : NULL;
}

static const struct gen_class *dumped_class_by_name(const struct oracle *o, const char *name)
{
    for (size_t i = 0; i < o->heap->classes.count; i++) {
        const struct gen_class *c = &o->heap->classes.data[i];
        if (!c->no_dump && strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

/* --- nodes ------------------------------------------------------------------------------------------------------- */

static void add_dumped(struct oracle *o)
{
    for (size_t i = 0; i < o->heap->classes.count; i++) {
        const struct gen_class *c = &o->heap->classes.data[i];
        if (!c->no_dump && !is_known(o, c->id)) {
            add_class(o, c->id, c);
        }
    }
    for (size_t i = 0; i < o->heap->objects.count; i++) {
        const struct gen_object *object = &o->heap->objects.data[i];
        if (!is_known(o, object->id)) {
            add_node(o, object->id)->object = object;
        }
    }
}

static void make_up_class(struct oracle *o, uint64_t id, uint32_t payload)
{
    if (id != 0 && !is_known(o, id)) {
        add_class(o, id, NULL);
    }
    uint32_t at = oracle_find(o, id);
    if (at != ORACLE_NONE && o->nodes[at].made_up) {
        o->nodes[at].made_up_bytes = payload;
    }
}

/* Super classes first: the payload of a real instance counts for more. */
static void make_up_missing(struct oracle *o)
{
    for (size_t i = 0; i < o->heap->classes.count; i++) {
        const struct gen_class *c = &o->heap->classes.data[i];
        if (!c->no_dump && c->super != 0 && dumped_class(o, c->super) == NULL) {
            uint32_t own = 0;
            for (size_t k = 0; k < c->fields.count; k++) {
                own += hprof_type_bytes(c->fields.data[k].type, o->id_size);
            }
            int64_t all = c->instance_size >= 0 ? c->instance_size
                                                : gen_layout_bytes(o->heap, c->id, o->id_size);
            make_up_class(o, c->super, all > own ? (uint32_t)all - own : 0);
        }
    }
    for (size_t i = 0; i < o->heap->objects.count; i++) {
        const struct gen_object *object = &o->heap->objects.data[i];
        if (object->kind != GEN_PRIM_ARRAY && dumped_class(o, object->cls) == NULL) {
            make_up_class(o, object->cls,
                          object->data != NULL
                              ? object->data_bytes
                              : gen_layout_bytes(o->heap, object->cls, o->id_size));
        }
    }
}

static uint64_t next_free(const struct oracle *o, uint64_t *address)
{
    do {
        *address += o->alignment;
    } while (is_known(o, *address));
    return *address;
}

static bool has_array_of(const struct oracle *o, enum hprof_type type)
{
    for (size_t i = 0; i < o->heap->objects.count; i++) {
        const struct gen_object *object = &o->heap->objects.data[i];
        if (object->kind == GEN_PRIM_ARRAY && object->type == type) {
            return true;
        }
    }
    return false;
}

/* "int[]" and so on, as literals: they outlive the oracle. */
static const char *prim_array_name(enum hprof_type type)
{
    static const char *const names[] = {"boolean[]", "char[]",  "float[]", "double[]",
                                        "byte[]",    "short[]", "int[]",   "long[]"};
    return names[type - HPROF_BOOLEAN];
}

static void make_up_named(struct oracle *o)
{
    uint64_t address = 0;
    if (dumped_class_by_name(o, "java.lang.Class") == NULL) {
        add_class(o, next_free(o, &address), NULL);
        o->nodes[o->count - 1].name = "java.lang.Class";
    }
    if (dumped_class_by_name(o, "java.lang.ClassLoader") == NULL) {
        next_free(o, &address); /* the address it gets in MAT */
    }
    for (int type = HPROF_BOOLEAN; type <= HPROF_LONG; type++) {
        const char *name = prim_array_name((enum hprof_type)type);
        if (has_array_of(o, (enum hprof_type)type) && dumped_class_by_name(o, name) == NULL) {
            add_class(o, next_free(o, &address), NULL);
            o->nodes[o->count - 1].name = name;
        }
    }
}

static int compare_nodes(const void *a, const void *b)
{
    uint64_t x = ((const struct oracle_node *)a)->id;
    uint64_t y = ((const struct oracle_node *)b)->id;
    return (x > y) - (x < y);
}

static void sort_nodes(struct oracle *o)
{
    qsort(o->nodes, o->count, sizeof *o->nodes, compare_nodes);
    for (uint32_t i = 0; i < o->count; i++) {
        sup_map_put(&o->by_id, o->nodes[i].id, i);
    }
}

/* The greatest common divisor of all distances, within 8 to 256. Before anything is made up. */
static uint32_t alignment_of(const struct oracle *o)
{
    uint64_t divisor = 0;
    uint64_t before = 0;
    for (uint32_t i = 0; i < o->count; i++) {
        uint64_t a = divisor;
        uint64_t b = before != 0 ? o->nodes[i].id - before : 0;
        while (b != 0) {
            uint64_t rest = a % b;
            a = b;
            b = rest;
        }
        divisor = a;
        before = o->nodes[i].id;
    }
    return divisor < 8 ? 8 : divisor > 256 ? 256 : (uint32_t)divisor;
}

static uint32_t find_class(const struct oracle *o, const char *name)
{
    for (uint32_t i = 0; i < o->count; i++) {
        if (o->nodes[i].is_class && strcmp(o->nodes[i].name, name) == 0) {
            return i;
        }
    }
    return ORACLE_NONE;
}

/* Fills cls, super and loader. */
static void link_classes(struct oracle *o)
{
    uint32_t object_class = find_class(o, "java.lang.Object");
    o->class_class = find_class(o, "java.lang.Class");
    for (uint32_t i = 0; i < o->count; i++) {
        struct oracle_node *n = &o->nodes[i];
        if (n->is_class) {
            n->cls = o->class_class;
            n->super = n->made_up           ? object_class
                       : n->def->super != 0 ? oracle_find(o, n->def->super)
                                            : ORACLE_NONE;
            n->loader =
                !n->made_up && n->def->loader != 0 ? oracle_find(o, n->def->loader) : ORACLE_NONE;
        } else if (n->object->kind == GEN_PRIM_ARRAY) {
            n->cls = find_class(o, prim_array_name(n->object->type));
        } else {
            n->cls = oracle_find(o, n->object->cls);
        }
    }
}

/* --- edges ------------------------------------------------------------------------------------------------------- */

static void add_edge(struct oracle *o, uint32_t from, uint32_t to, const char *field, unsigned kind)
{
    if (to != ORACLE_NONE) {
        *sup_push(&o->edges) = (struct oracle_edge){from, to, field, kind};
    }
}

static void add_reference(struct oracle *o, uint32_t from, uint64_t id, const char *field,
                          unsigned kind)
{
    if (id != 0) {
        add_edge(o, from, oracle_find(o, id), field, kind);
    }
}

static bool is_subclass(const struct oracle *o, uint32_t cls, const char *name)
{
    for (uint32_t depth = 0; cls != ORACLE_NONE && depth <= o->count; depth++) {
        if (strcmp(o->nodes[cls].name, name) == 0) {
            return true;
        }
        cls = o->nodes[cls].super;
    }
    return false;
}

static unsigned referent_kind(const struct oracle *o, uint32_t cls, const struct gen_slot *slot)
{
    if (strcmp(slot->field->name, "referent") != 0 ||
        strcmp(slot->owner->name, "java.lang.ref.Reference") != 0) {
        return 0;
    }
    return is_subclass(o, cls, "java.lang.ref.WeakReference")      ? ORACLE_WEAK
           : is_subclass(o, cls, "java.lang.ref.SoftReference")    ? ORACLE_SOFT
           : is_subclass(o, cls, "java.lang.ref.PhantomReference") ? ORACLE_PHANTOM
           : is_subclass(o, cls, "java.lang.ref.FinalReference")   ? ORACLE_FINALIZER
                                                                   : 0;
}

static unsigned static_kind(const char *cls, const char *field)
{
    bool unfinalized =
        strcmp(cls, "java.lang.ref.Finalizer") == 0 && strcmp(field, "unfinalized") == 0;
    bool runtime = strcmp(cls, "java.lang.Runtime") == 0 && strcmp(field, "<Unfinalized>") == 0;
    return unfinalized || runtime ? ORACLE_FINALIZER : 0;
}

static void add_class_edges(struct oracle *o, uint32_t i)
{
    const struct oracle_node *n = &o->nodes[i];
    add_edge(o, i, n->super, NULL, 0);
    add_edge(o, i, n->loader, NULL, 0);
    for (size_t k = 0; n->def != NULL && k < n->def->statics.count; k++) {
        const struct gen_static *s = &n->def->statics.data[k];
        if (s->field.type == HPROF_OBJECT) {
            add_reference(o, i, s->value, s->field.name, static_kind(n->name, s->field.name));
        }
    }
}

/* The value at a position of a payload given as bytes; 0 beyond its end. */
static uint64_t read_payload(const struct gen_object *object, uint32_t off, unsigned width)
{
    uint64_t value = 0;
    if (off > object->data_bytes || width > object->data_bytes - off) {
        return 0;
    }
    for (unsigned i = 0; i < width; i++) {
        value = value << 8 | object->data[off + i];
    }
    return value;
}

/* The layout up to the first class that is not in the dump. */
static size_t dumped_layout(const struct oracle *o, uint64_t cls, struct gen_slot *ret, size_t max)
{
    size_t n = gen_layout(o->heap, cls, ret, max);
    const struct gen_class *c = dumped_class(o, cls);
    size_t known = 0;
    for (size_t depth = 0; c != NULL && depth <= o->heap->classes.count; depth++) {
        known += c->fields.count;
        c = c->super != 0 ? dumped_class(o, c->super) : NULL;
    }
    return known < n ? known : n;
}

static void add_field_edges(struct oracle *o, uint32_t i)
{
    const struct gen_object *object = o->nodes[i].object;
    size_t most = gen_layout(o->heap, object->cls, NULL, 0);
    struct gen_slot *slots = sup_calloc(most, sizeof *slots);
    size_t count = dumped_layout(o, object->cls, slots, most);
    uint32_t off = 0;
    for (size_t k = 0; k < count; k++) {
        unsigned width = hprof_type_bytes(slots[k].field->type, o->id_size);
        if (slots[k].field->type == HPROF_OBJECT) {
            uint64_t value =
                object->data != NULL ? read_payload(object, off, width) : object->values[k];
            add_reference(o, i, value, slots[k].field->name,
                          referent_kind(o, o->nodes[i].cls, &slots[k]));
        }
        off += width;
    }
    sup_free(slots);
}

/* --- roots ------------------------------------------------------------------------------------------------------- */

static bool belongs_to_thread(enum hprof_root kind)
{
    return kind == HPROF_ROOT_JNI_LOCAL || kind == HPROF_ROOT_JAVA_FRAME ||
           kind == HPROF_ROOT_NATIVE_STACK || kind == HPROF_ROOT_THREAD_BLOCK;
}

/* The id of the thread object with that serial; 0 if there is none, or its record says 0. */
static uint64_t thread_id(const struct oracle *o, uint64_t serial)
{
    uint64_t id = 0;
    for (size_t i = 0; i < o->heap->roots.count; i++) {
        const struct gen_root *r = &o->heap->roots.data[i];
        if (r->kind == HPROF_ROOT_THREAD_OBJECT && (uint32_t)r->a == (uint32_t)serial) {
            id = r->id;
        }
    }
    return id;
}

static void add_local_edges(struct oracle *o, uint32_t i)
{
    for (size_t k = 0; k < o->heap->roots.count; k++) {
        const struct gen_root *r = &o->heap->roots.data[k];
        if (belongs_to_thread(r->kind) && thread_id(o, r->a) == o->nodes[i].id) {
            add_reference(o, i, r->id, NULL, 0);
        }
    }
}

static void mark_root(struct oracle *o, uint64_t id)
{
    uint32_t at = oracle_find(o, id);
    if (at != ORACLE_NONE) {
        o->nodes[at].root = true;
    }
}

static void mark_roots(struct oracle *o)
{
    for (size_t i = 0; i < o->heap->roots.count; i++) {
        const struct gen_root *r = &o->heap->roots.data[i];
        o->sticky_roots |= r->kind == HPROF_ROOT_STICKY_CLASS;
        if (!belongs_to_thread(r->kind) || thread_id(o, r->a) == 0) {
            mark_root(o, r->id);
        }
    }
    for (uint32_t i = 0; i < o->count && !o->sticky_roots; i++) {
        struct oracle_node *n = &o->nodes[i];
        bool unknown_array = false; /* made up for an array */
        for (uint32_t k = 0; n->made_up && k < o->count; k++) {
            unknown_array |= o->nodes[k].cls == i && o->nodes[k].object != NULL &&
                             o->nodes[k].object->kind != GEN_INSTANCE;
        }
        if (n->is_class && n->loader == ORACLE_NONE && !gen_name_is_array(n->name) &&
            !unknown_array) {
            n->root = true;
        }
    }
}

static bool every_class_has_loader(const struct oracle *o)
{
    for (uint32_t i = 0; i < o->count; i++) {
        if (o->nodes[i].is_class && o->nodes[i].loader == ORACLE_NONE) {
            return false;
        }
    }
    return true;
}

static void add_edges(struct oracle *o)
{
    bool loader_edges = every_class_has_loader(o);
    o->first = sup_calloc((size_t)o->count + 1, sizeof *o->first);
    for (uint32_t i = 0; i < o->count; i++) {
        const struct oracle_node *n = &o->nodes[i];
        o->first[i] = (uint32_t)o->edges.count;
        add_edge(o, i, n->cls, NULL, 0);
        if (n->is_class) {
            add_class_edges(o, i);
        } else if (n->object->kind == GEN_INSTANCE) {
            add_field_edges(o, i);
        } else if (n->object->kind == GEN_OBJECT_ARRAY) {
            for (uint32_t k = 0; k < n->object->count; k++) {
                add_reference(o, i, n->object->values[k], NULL, 0);
            }
        }
        add_local_edges(o, i);
        for (uint32_t k = 0; loader_edges && k < o->count; k++) {
            if (o->nodes[k].is_class && o->nodes[k].loader == i) {
                add_edge(o, i, k, NULL, 0);
            }
        }
    }
    o->first[o->count] = (uint32_t)o->edges.count;
}

void oracle_build_graph(struct oracle *o)
{
    size_t most = 2 * (o->heap->classes.count + o->heap->objects.count) + 16;
    o->nodes = sup_calloc(most, sizeof *o->nodes);
    add_dumped(o);
    sort_nodes(o);
    o->alignment = alignment_of(o);
    make_up_missing(o);
    make_up_named(o);
    sort_nodes(o);
    link_classes(o);
    add_edges(o);
    mark_roots(o);
}
