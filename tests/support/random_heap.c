/* SPDX-License-Identifier: MIT */
/*
 * See random_heap.h. All ids are drawn first, so that references may point anywhere; then come loaders, classes, objects, statics,
 * threads and roots.
 *
 *   objects 0 .. island-1   refer to each other by the shape of the heap
 *   objects island .. n-1   nobody below refers to them: unreachable, unless a root or a static hits one
 */
#include "random_heap.h"

#include "rng.h"

#include <stdio.h>

enum shape { UNIFORM, NEAR, FORWARD, TREE, CHAIN, HUBS, SHAPES };

struct maker {
    struct gen_file *f;
    struct rng rng;
    unsigned features;
    enum shape shape;
    uint32_t count, island;
    uint64_t *ids; /* of the objects */
    uint64_t loaders[3];
    uint32_t loader_count;
    uint64_t classes[24]; /* of the application, references included */
    uint32_t class_count;
    unsigned null_percent;
    bool no_boot;
};

static bool has(const struct maker *m, enum random_feature feature)
{
    return (m->features & (unsigned)feature) != 0;
}

static bool chance(struct maker *m, unsigned percent)
{
    return rng_chance(&m->rng, percent);
}

static uint32_t below(struct maker *m, uint64_t n)
{
    return (uint32_t)rng_below(&m->rng, n);
}

/* --- how the file is written ------------------------------------------------------------------------------------- */

static void choose_order(struct maker *m)
{
    struct gen_options *options = &m->f->options;
    static const enum gen_group orders[6][3] = {
        {GEN_CLASSES, GEN_OBJECTS, GEN_ROOTS}, {GEN_CLASSES, GEN_ROOTS, GEN_OBJECTS},
        {GEN_ROOTS, GEN_OBJECTS, GEN_CLASSES}, {GEN_OBJECTS, GEN_CLASSES, GEN_ROOTS},
        {GEN_ROOTS, GEN_CLASSES, GEN_OBJECTS}, {GEN_OBJECTS, GEN_ROOTS, GEN_CLASSES},
    };
    const enum gen_group *order = orders[below(m, 6)];
    for (int i = 0; i < 3; i++) {
        options->order[i] = order[i];
    }
    options->seed = rng_next(&m->rng);
    options->sequence = (enum gen_sequence)below(m, 3);
    options->shuffle_all = chance(m, 10);
    options->out.framing = (enum hprof_framing)below(m, 3);
    options->out.segment_bytes = chance(m, 50) ? 20 + below(m, 4000) : 0;
    options->out.no_end = chance(m, 30);
    options->dotted_names = chance(m, 20);
    options->trace = below(m, 2);
}

static void choose_file(struct maker *m)
{
    struct gen_options *options = &m->f->options;
    options->out.id_size = chance(m, 70) ? 8 : 4;
    options->out.time_ms = 1700000000000;
    if (chance(m, 30)) {
        snprintf(m->f->version, sizeof m->f->version, "1.0.1");
    }
    options->ref_bytes = chance(m, 60) ? 4 : 8;
    options->alignment = chance(m, 80) ? 8 : 16U << below(m, 3);
    options->strings = chance(m, 60) ? GEN_STRING_BYTES : GEN_STRING_CHARS;
    if (has(m, RANDOM_ODD_ORDER)) {
        choose_order(m);
    }
    if (has(m, RANDOM_ODD_IDS) && chance(m, 20)) {
        options->base = 0x50000001;
        options->dense = true;
        options->alignment = 1;
    }
}

/* --- ids --------------------------------------------------------------------------------------------------------- */

static void draw_ids(struct maker *m)
{
    bool far = has(m, RANDOM_ODD_IDS) && !m->f->options.dense && chance(m, 15);
    unsigned step_bits = m->f->options.out.id_size == 4 ? 18 : 32;
    uint64_t next = m->f->options.out.id_size == 4 ? 0x30000000 : 0x80000000000;
    m->ids = sup_calloc(m->count, sizeof *m->ids);
    for (uint32_t i = 0; i < m->count; i++) {
        bool label = !far || chance(m, 20) || (m->f->options.out.id_size == 4 && next > 0xf0000000);
        if (label) {
            m->ids[i] = gen_label(m->f, NULL, 0);
        } else {
            next += 0x2000 + rng_below(&m->rng, (uint64_t)1 << step_bits) / 8 *
                                 8; /* more than any array of ours */
            m->ids[i] = next;
        }
    }
    for (uint32_t i = m->count; far && i > 1;
         i--) { /* so that the order of creation is not that of the addresses */
        uint32_t k = below(m, i);
        uint64_t swap = m->ids[k];
        m->ids[k] = m->ids[i - 1];
        m->ids[i - 1] = swap;
    }
}

/* The object that object i refers to by the shape of the heap. */
static uint32_t neighbour(struct maker *m, uint32_t i)
{
    bool inside = i < m->island;
    uint32_t end = inside ? m->island : m->count;
    uint32_t child;
    switch (m->shape) {
    case NEAR:
        return (i + end - 4 % end + below(m, 9)) % end;
    case FORWARD:
        return i + below(m, end - i);
    case TREE:
        child = i * 2 + 1 + below(m, 2);
        return child < end ? child : below(m, end);
    case CHAIN:
        return chance(m, 45)   ? (i + 1) % end
               : chance(m, 60) ? (i + end - 1) % end
                               : below(m, 3) % end;
    case HUBS:
        return chance(m, 70) ? below(m, 4) % end : below(m, end);
    case UNIFORM:
    case SHAPES:
        break;
    }
    return below(m, end);
}

/* A value for a reference of object i (m->count: of a class). */
static uint64_t reference(struct maker *m, uint32_t i)
{
    if (chance(m, m->null_percent)) {
        return 0;
    }
    if (has(m, RANDOM_DANGLING) && chance(m, 4)) {
        uint64_t nowhere = m->f->options.out.id_size == 4 ? 0x7fff0000 : 0x6ffffff00000;
        return nowhere + 8 * (uint64_t)below(m, 100);
    }
    if (chance(m, 3)) {
        return m->classes[below(m, m->class_count)];
    }
    if (m->loader_count > 0 && chance(m, 2)) {
        return m->loaders[below(m, m->loader_count)];
    }
    if (i == m->count) {
        return m->ids[below(m, m->island)];
    }
    return chance(m, 3) ? m->ids[i] : m->ids[neighbour(m, i) % m->count];
}

/* --- classes ----------------------------------------------------------------------------------------------------- */

static enum hprof_type random_type(struct maker *m)
{
    static const enum hprof_type types[] = {HPROF_BOOLEAN, HPROF_CHAR,  HPROF_FLOAT, HPROF_DOUBLE,
                                            HPROF_BYTE,    HPROF_SHORT, HPROF_INT,   HPROF_LONG};
    return chance(m, 60) ? HPROF_OBJECT : types[below(m, 8)];
}

static void make_loaders(struct maker *m)
{
    m->loader_count = m->no_boot ? 1 + below(m, 3) : below(m, 4);
    uint64_t super = gen_class_by_name(gen_heap(m->f), "java.lang.ClassLoader")->id;
    for (uint32_t i = 0; i < m->loader_count; i++) {
        m->loaders[i] = gen_label(m->f, NULL, 0);
    }
    if (m->loader_count > 0) {
        uint64_t id = gen_label(m->f, NULL, 0);
        struct gen_class *c =
            gen_class_add(m->f, id, "com.acme.Loader", super, chance(m, 50) ? 0 : m->loaders[0]);
        gen_class_field(m->f, c, HPROF_OBJECT, "defined");
        for (uint32_t i = 0; i < m->loader_count; i++) {
            gen_instance_add(m->f, m->loaders[i], id);
        }
    }
}

static uint64_t random_loader(struct maker *m)
{
    if (m->loader_count == 0 || (!m->no_boot && chance(m, 30))) {
        return 0;
    }
    if (has(m, RANDOM_DANGLING) && !m->no_boot && chance(m, 2)) {
        return 0x66660000;
    }
    return m->loaders[below(m, m->loader_count)];
}

static uint64_t random_super(struct maker *m)
{
    static const char *const references[] = {
        "java.lang.ref.WeakReference", "java.lang.ref.SoftReference",
        "java.lang.ref.PhantomReference", "java.lang.ref.FinalReference",
        "java.lang.ref.Reference"};
    const struct gen_class *c = NULL;
    if (m->class_count > 0 && chance(m, 40)) {
        return m->classes[below(m, m->class_count)];
    }
    if (chance(m, 20)) {
        c = gen_class_by_name(gen_heap(m->f), references[below(m, 5)]);
    }
    if (c == NULL) {
        c = gen_class_by_name(gen_heap(m->f), "java.lang.Object");
    }
    return c->id;
}

static void make_classes(struct maker *m)
{
    uint32_t wanted = 2 + below(m, 14);
    for (uint32_t i = 0; i < wanted; i++) {
        char name[64];
        int letter = 'A' + (int)below(m, 3);
        snprintf(name, sizeof name, "com.acme.%c%u", letter, (unsigned)(chance(m, 80) ? i : i / 2));
        uint64_t super = random_super(m);
        uint64_t loader = random_loader(m);
        struct gen_class *c = gen_class_add(m->f, gen_label(m->f, NULL, 0), name, super, loader);
        for (uint32_t k = 1 + below(m, 5); k > 0; k--) {
            snprintf(name, sizeof name, "f%u", (unsigned)k);
            gen_class_field(m->f, c, random_type(m), name);
        }
        m->classes[m->class_count++] = c->id;
    }
    static const char *const known[] = {"java.lang.ref.WeakReference",
                                        "java.lang.ref.SoftReference", "java.lang.ref.Finalizer",
                                        "java.lang.Object"};
    for (size_t i = 0; i < 4; i++) {
        const struct gen_class *c = gen_class_by_name(gen_heap(m->f), known[i]);
        if (c != NULL) {
            m->classes[m->class_count++] = c->id;
        }
    }
}

static void make_statics(struct maker *m)
{
    struct gen_heap *h = gen_heap(m->f);
    for (size_t i = 0; i < h->classes.count; i++) {
        struct gen_class *c = &h->classes.data[i];
        if (gen_name_is_array(c->name) || !chance(m, 25)) {
            continue;
        }
        for (uint32_t k = 1 + below(m, 3); k > 0; k--) {
            char name[16];
            enum hprof_type type = random_type(m);
            snprintf(name, sizeof name, "S%u", (unsigned)k);
            gen_class_static(m->f, c, type, name,
                             type == HPROF_OBJECT ? reference(m, m->count) : rng_next(&m->rng));
        }
        c->signers = chance(m, 5) ? reference(m, m->count) : 0;
        c->domain = chance(m, 10) ? reference(m, m->count) : 0;
    }
}

/* --- objects ----------------------------------------------------------------------------------------------------- */

static void make_instance(struct maker *m, uint32_t i)
{
    uint64_t cls = m->classes[below(m, m->class_count)];
    struct gen_object *o = gen_instance_add(m->f, m->ids[i], cls);
    struct gen_slot *slots = sup_calloc(o->count, sizeof *slots);
    gen_layout(gen_heap(m->f), cls, slots, o->count);
    for (uint32_t k = 0; k < o->count; k++) {
        o->values[k] = slots[k].field->type == HPROF_OBJECT ? reference(m, i) : rng_next(&m->rng);
    }
    sup_free(slots);
}

static void make_array(struct maker *m, uint32_t i)
{
    char name[96];
    const struct gen_class *element =
        gen_class_by_id(gen_heap(m->f), m->classes[below(m, m->class_count)]);
    snprintf(name, sizeof name, "%s%s", element->name, chance(m, 10) ? "[][]" : "[]");
    uint64_t cls = gen_array_class(m->f, chance(m, 40) ? "java.lang.Object[]" : name);
    uint32_t count = chance(m, 15) ? 0 : below(m, chance(m, 10) ? 60 : 8);
    struct gen_object *o = gen_array_add(m->f, m->ids[i], cls, count);
    for (uint32_t k = 0; k < count; k++) {
        o->values[k] = k > 0 && chance(m, 10) ? o->values[k - 1] : reference(m, i);
    }
}

static void make_prim(struct maker *m, uint32_t i)
{
    static const enum hprof_type types[] = {HPROF_BOOLEAN, HPROF_CHAR,  HPROF_FLOAT, HPROF_DOUBLE,
                                            HPROF_BYTE,    HPROF_SHORT, HPROF_INT,   HPROF_LONG};
    uint32_t count = chance(m, 15) ? 0 : below(m, 40);
    struct gen_object *o = gen_prim_add(m->f, m->ids[i], types[below(m, 8)], count);
    for (uint32_t k = 0; k < o->data_bytes; k++) {
        o->data[k] = (uint8_t)rng_next(&m->rng);
    }
}

static void make_objects(struct maker *m)
{
    for (uint32_t i = 0; i < m->count; i++) {
        uint32_t dice = below(m, 100);
        if (dice < 60) {
            make_instance(m, i);
        } else if (dice < 78) {
            make_array(m, i);
        } else if (dice < 95 || gen_string_add(m->f, m->ids[i], "a text") == 0) {
            make_prim(m, i);
        }
    }
}

/* Loaders that know their classes through real fields. */
static void link_loaders(struct maker *m)
{
    for (uint32_t i = 0; i < m->loader_count; i++) {
        if (chance(m, 60)) {
            uint64_t id = gen_label(m->f, NULL, 0);
            uint32_t count = below(m, m->class_count + 1);
            struct gen_object *o =
                gen_array_add(m->f, id, gen_array_class(m->f, "java.lang.Object[]"), count);
            for (uint32_t k = 0; k < count; k++) {
                o->values[k] = m->classes[k];
            }
            gen_instance_set(m->f, gen_object_by_id(gen_heap(m->f), m->loaders[i]), "defined", id);
        }
        struct gen_object *loader = gen_object_by_id(gen_heap(m->f), m->loaders[i]);
        gen_instance_set(m->f, loader, "parent", i > 0 ? m->loaders[i - 1] : 0);
    }
}

/* --- roots ------------------------------------------------------------------------------------------------------- */

static void add_local(struct maker *m, uint32_t serial)
{
    static const enum hprof_root kinds[] = {HPROF_ROOT_JAVA_FRAME, HPROF_ROOT_JAVA_FRAME,
                                            HPROF_ROOT_JNI_LOCAL, HPROF_ROOT_NATIVE_STACK,
                                            HPROF_ROOT_THREAD_BLOCK};
    uint64_t id = reference(m, m->count);
    if (id != 0) {
        struct gen_root *r = gen_root_add(m->f, kinds[below(m, 5)], id);
        r->a = serial;
        r->b = chance(m, 80) ? below(m, 3) : UINT32_MAX;
    }
}

static void make_threads(struct maker *m)
{
    const struct gen_class *thread = gen_class_by_name(gen_heap(m->f), "java.lang.Thread");
    uint64_t cls = thread != NULL ? thread->id : m->classes[0];
    uint32_t count = below(m, 5);
    for (uint32_t serial = 1; serial <= count; serial++) {
        uint64_t id;
        bool odd = has(m, RANDOM_ODD_THREADS) && chance(m, 15);
        if (odd) {
            id = chance(m, 50) ? 0 : 0x77770000;
        } else {
            id = gen_label(m->f, NULL, 0);
            struct gen_object *o = gen_instance_add(m->f, id, cls);
            gen_instance_set(m->f, o, "threadLocals", reference(m, m->count));
        }
        struct gen_root *r = gen_root_add(m->f, HPROF_ROOT_THREAD_OBJECT, id);
        r->a = serial;
        r->b = serial + 1;
        struct gen_trace *t = gen_trace_add(m->f, serial + 1, serial);
        for (uint32_t k = below(m, 4); k > 0; k--) {
            gen_frame_add(m->f, t, "com.acme.Main", k == 1 ? "main" : "call")->line =
                (int32_t)below(m, 200) - 3;
        }
        for (uint32_t k = below(m, 6); k > 0; k--) {
            add_local(m, serial);
        }
    }
    for (uint32_t k = has(m, RANDOM_ODD_THREADS) ? below(m, 3) : 0; k > 0; k--) {
        add_local(m, 99); /* nobody's */
    }
}

static void make_roots(struct maker *m)
{
    static const enum hprof_root kinds[] = {HPROF_ROOT_JNI_GLOBAL, HPROF_ROOT_MONITOR_USED,
                                            HPROF_ROOT_UNKNOWN};
    for (uint32_t i = 0; i < 3 && i < m->count; i++) { /* where trees, chains and hubs begin */
        if (chance(m, 50)) {
            gen_root_add(m->f, HPROF_ROOT_JNI_GLOBAL, m->ids[i]);
        }
    }
    for (uint32_t k = below(m, 8); k > 0; k--) {
        uint64_t id = reference(m, m->count);
        if (id != 0) {
            gen_root_add(m->f, kinds[below(m, 3)], id);
        }
    }
    if (has(m, RANDOM_NO_STICKY) && chance(m, 25)) {
        gen_heap(m->f)->sticky_boot = false;
        if (chance(m, 30)) {
            gen_root_add(m->f, HPROF_ROOT_STICKY_CLASS, m->classes[0]);
        }
    }
    for (uint32_t k = 0; k < m->class_count; k++) {
        if (gen_heap(m->f)->sticky_boot && chance(m, 5)) {
            gen_root_add(m->f, HPROF_ROOT_STICKY_CLASS, m->classes[k]);
        }
    }
}

/* --- what is missing --------------------------------------------------------------------------------------------- */

static void drop_class(const struct maker *m, const char *name)
{
    struct gen_class *c = gen_class_by_name(gen_heap(m->f), name);
    if (c != NULL) {
        c->no_dump = c->no_load = true;
    }
}

static void drop_classes(struct maker *m)
{
    struct gen_heap *h = gen_heap(m->f);
    for (size_t i = 0; has(m, RANDOM_MISSING_CLASSES) && chance(m, 20) && i < h->classes.count;
         i++) {
        struct gen_class *c = &h->classes.data[i];
        bool ours = c->name[0] == 'c' && c->name[1] == 'o'; /* com.acme… */
        if (ours && chance(m, 10)) {
            c->no_dump = c->no_load = true;
        }
    }
    if (has(m, RANDOM_MISSING_BASICS) && chance(m, 5)) {
        drop_class(m, "java.lang.Class");
    }
    if (has(m, RANDOM_MISSING_BASICS) && chance(m, 5)) {
        drop_class(m, "byte[]");
        drop_class(m, "long[]");
    }
}

static void give_loaders_to_all(struct maker *m)
{
    struct gen_heap *h = gen_heap(m->f);
    for (size_t i = 0; i < h->classes.count; i++) {
        if (h->classes.data[i].loader == 0) {
            h->classes.data[i].loader = m->loaders[below(m, m->loader_count)];
        }
    }
}

void random_heap_make(struct gen_file *f, const struct random_heap *options)
{
    static const char *const uses[] = {"jdk17", "jdk8", "jdk6", "jdk25"};
    struct maker m = {.f = f, .rng = rng_seed(options->seed), .features = options->features};
    m.shape = (enum shape)below(&m, SHAPES);
    m.count = options->objects > 0 ? options->objects : 1 + below(&m, 200);
    m.island = m.count - below(&m, m.count / 3 + 1);
    m.null_percent = below(&m, 40);
    m.no_boot = has(&m, RANDOM_NO_BOOT) && chance(&m, 5);
    struct gen_error error = {0};
    if (!gen_use(f, uses[below(&m, 4)], &error)) {
        sup_die("%s", error.message);
    }
    choose_file(&m);
    draw_ids(&m);
    make_loaders(&m);
    make_classes(&m);
    make_objects(&m);
    link_loaders(&m);
    make_statics(&m);
    make_threads(&m);
    make_roots(&m);
    if (m.no_boot) {
        give_loaders_to_all(&m);
    } else {
        drop_classes(&m);
    }
    sup_free(m.ids);
    if (!gen_file_resolve(f, &error)) {
        sup_die("%s", error.message);
    }
}
