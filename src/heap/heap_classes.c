/* SPDX-License-Identifier: MIT */
/*
 * The class table while the index is being built: class dumps come in any order, so hierarchy, names, kinds and layouts are worked out when
 * all (or, before the scan, those that stand in front) have been read.
 *
 *     class_add*   ->  finish(roots guessed)  ->  scan  ->  class_add*  ->  finish(roots known)  ->  flatten
 *
 * Invariants after finish: super chains are acyclic (a cycle is cut and reported); payload_bytes and reference_fields cover the whole
 * hierarchy; a class is a leaf only if its instances refer to nothing but its class object, and that to roots only.
 */
#include "ha/heap/heap_build.h"

#include "ha/base/checked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FLATTEN_FLOOR (64U << 20) /* bytes of payload, over all classes, that any dump may have laid out; beyond, only in proportion to its size */

struct ha_err *ha_build_class_add(struct ha_build *build, const struct ha_class_dump *dump)
{
    if (build->classes.count >= HA_CLASSES_MAX) {
        return ha_err_at(HA_ERR_LIMIT, dump->off, "the dump has more than %u classes", HA_CLASSES_MAX);
    }
    if (dump->id == 0) {
        return NULL; /* null is no class */
    }
    uint32_t old;
    if (!ha_idmap_add(&build->class_ids, dump->id, (uint32_t)build->classes.count, &old)) {
        return ha_err_nomem();
    }
    if (old != HA_IDMAP_NONE) {
        return NULL; /* the first dump of a class counts */
    }
    struct ha_build_class *cls = ha_vec_push(&build->classes);
    if (cls == NULL || !ha_vec_reserve(&build->statics, dump->static_count) || !ha_vec_reserve(&build->fields, dump->field_count)) {
        return ha_err_nomem();
    }
    *cls = (struct ha_build_class){.id = dump->id, .super_id = dump->super, .loader_id = dump->loader, .record = dump->off,
                                   .super = HA_CLS_NONE, .fields_super = HA_CLS_NONE, .object = HA_OBJ_NONE,
                                   .statics_first = (uint32_t)build->statics.count, .statics_count = dump->static_count,
                                   .fields_first = (uint32_t)build->fields.count, .fields_count = dump->field_count};
    if (build->statics.count > UINT32_MAX - 65536 || build->fields.count > UINT32_MAX - 65536) {
        return ha_err_at(HA_ERR_LIMIT, dump->off, "the dump has more than 4 G field declarations");
    }
    struct ha_class_dump_entry entry;
    const uint8_t *p = dump->statics;
    for (uint32_t i = 0; i < dump->static_count; i++) {
        p = ha_class_dump_static(p, build->facts.id_size, &entry);
        build->statics.data[build->statics.count++] =
            (struct ha_build_field){entry.name_id, entry.value, entry.type == 1 ? HA_TYPE_REFERENCE : entry.type};
    }
    p = dump->fields;
    for (uint32_t i = 0; i < dump->field_count; i++) {
        p = ha_class_dump_field(p, build->facts.id_size, &entry);
        build->fields.data[build->fields.count++] =
            (struct ha_build_field){entry.name_id, 0, entry.type == 1 ? HA_TYPE_REFERENCE : entry.type};
    }
    return NULL;
}

struct ha_err *ha_build_class_make_up(struct ha_build *build, uint64_t id, const char *name, uint8_t kind)
{
    if (build->classes.count >= HA_CLASSES_MAX) {
        return ha_err_new(HA_ERR_LIMIT, "the dump has more than %u classes", HA_CLASSES_MAX);
    }
    if (id != 0 && !ha_idmap_add(&build->class_ids, id, (uint32_t)build->classes.count, NULL)) {
        return ha_err_nomem();
    }
    struct ha_build_class *cls = ha_vec_push(&build->classes);
    char *copy = ha_arena_strndup(&build->arena, name, strlen(name));
    if (cls == NULL || copy == NULL) {
        return ha_err_nomem();
    }
    struct ha_build_name judged = ha_build_name_judge(copy);
    *cls = (struct ha_build_class){.id = id, .record = UINT64_MAX, .name = copy, .super = HA_CLS_NONE, .fields_super = HA_CLS_NONE,
                                   .object = HA_OBJ_NONE, .kind = kind, .element_type = judged.kind == kind ? judged.element_type : 0,
                                   .flags = HA_CLASS_IS_MADE_UP};
    if (kind == HA_CLASS_OBJECT_ARRAY) {
        cls->element_type = HA_TYPE_REFERENCE;
    }
    return NULL;
}

/* ---- names and kinds ---- */

static struct ha_err *name_classes(struct ha_build *build, struct ha_window *window)
{
    for (size_t i = 0; i < build->classes.count; i++) {
        struct ha_build_class *cls = &build->classes.data[i];
        if (cls->name != NULL) {
            continue;
        }
        struct ha_build_name name;
        HA_TRY(ha_build_class_name(build, window, cls->id, &name));
        if (name.text == NULL) {
            char text[48];
            int len = snprintf(text, sizeof text, "unknown-name@0x%" PRIx64, cls->id);
            name.text = ha_arena_strndup(&build->arena, text, (size_t)len);
            cls->unnamed = true;
        }
        if (name.text == NULL) {
            return ha_err_nomem();
        }
        cls->name = name.text;
        cls->kind = name.kind;
        cls->element_type = name.element_type;
    }
    return NULL;
}

/* ---- hierarchy ---- */

static const struct {
    const char *name;
    uint32_t flags;
} known[] = {{"java.lang.Class", HA_CLASS_IS_CLASS},
             {"java.lang.ref.SoftReference", HA_CLASS_IS_SOFT},
             {"java.lang.ref.WeakReference", HA_CLASS_IS_WEAK},
             {"java.lang.ref.PhantomReference", HA_CLASS_IS_PHANTOM},
             {"java.lang.ref.FinalReference", HA_CLASS_IS_FINAL},
             {"java.lang.Thread", HA_CLASS_IS_THREAD},
             {"java.lang.ClassLoader", HA_CLASS_IS_LOADER},
             {"java.lang.String", HA_CLASS_IS_STRING}};

/* Field of `cls` itself that holds the referent; HA_NONE unless cls is java.lang.ref.Reference. */
static uint32_t find_referent(struct ha_build *build, struct ha_window *window, const struct ha_build_class *cls)
{
    for (uint32_t i = 0; strcmp(cls->name, "java.lang.ref.Reference") == 0 && i < cls->fields_count; i++) {
        const struct ha_build_field *field = &build->fields.data[cls->fields_first + i];
        if (field->type == HA_TYPE_REFERENCE && ha_build_string_is(build, window, field->name_id, "referent")) {
            return i;
        }
    }
    return HA_NONE;
}

static void finish_class(struct ha_build *build, struct ha_window *window, struct ha_build_class *cls)
{
    uint32_t kept = cls->flags & HA_CLASS_IS_MADE_UP;
    cls->flags = kept;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(cls->name, known[i].name) == 0) {
            cls->flags |= known[i].flags;
        }
    }
    cls->referent = find_referent(build, window, cls);
    if (cls->referent != HA_NONE) {
        cls->flags |= HA_CLASS_IS_REFERENCE;
    }
    if (!ha_cls_is_none(cls->super) && build->classes.data[cls->super.i].depth >= HA_CLASS_DEPTH_MAX) {
        cls->super = HA_CLS_NONE;
        build->deep_classes++;
    }
    cls->cut = ha_cls_is_none(cls->super) ? cls->super_id != 0 : build->classes.data[cls->super.i].cut;
    cls->depth = ha_cls_is_none(cls->super) ? 0 : build->classes.data[cls->super.i].depth + 1;
    uint64_t payload = 0, references = 0;
    for (uint32_t i = 0; i < cls->fields_count; i++) {
        uint8_t type = build->fields.data[cls->fields_first + i].type;
        payload += ha_value_bytes(type, build->facts.id_size);
        references += type == HA_TYPE_REFERENCE;
    }
    if (!ha_cls_is_none(cls->super)) {
        const struct ha_build_class *super = &build->classes.data[cls->super.i];
        const uint32_t inherited = HA_CLASS_IS_SOFT | HA_CLASS_IS_WEAK | HA_CLASS_IS_PHANTOM | HA_CLASS_IS_FINAL | HA_CLASS_IS_THREAD |
                                   HA_CLASS_IS_LOADER | HA_CLASS_IS_REFERENCE;
        cls->flags |= super->flags & inherited;
        payload += super->payload_bytes;
        references += super->reference_fields;
        cls->fields_super = super->fields_count > 0 ? cls->super : super->fields_super;
    } else {
        cls->fields_super = HA_CLS_NONE;
    }
    cls->payload_bytes = payload > UINT32_MAX ? UINT32_MAX : (uint32_t)payload;
    cls->reference_fields = references > UINT32_MAX ? UINT32_MAX : (uint32_t)references;
}

enum { UNSEEN, ON_PATH, DONE };

static void note_missing_super(struct ha_build *build, const struct ha_build_class *cls)
{
    if (cls->super_id != 0) {
        build->bad_supers_off = build->bad_supers == 0 || cls->record < build->bad_supers_off ? cls->record : build->bad_supers_off;
        build->bad_supers++;
    }
}

/* Finishes super classes before their subclasses, without recursion; a cycle is cut at the class that closes it. */
static struct ha_err *finish_hierarchy(struct ha_build *build, struct ha_window *window)
{
    size_t count = build->classes.count;
    HA_FREE uint8_t *state = ha_calloc_array(count + 1, 1);
    HA_FREE uint32_t *path = ha_alloc_array(count + 1, sizeof(uint32_t));
    if (state == NULL || path == NULL) {
        return ha_err_nomem();
    }
    build->bad_supers = build->cycles = build->deep_classes = 0; /* of the last time only */
    for (size_t start = 0; start < count; start++) {
        size_t depth = 0;
        for (uint32_t i = (uint32_t)start; state[i] == UNSEEN;) {
            struct ha_build_class *cls = &build->classes.data[i];
            state[i] = ON_PATH;
            path[depth++] = i;
            uint32_t super = cls->super_id == 0 ? HA_IDMAP_NONE : ha_idmap_get(&build->class_ids, cls->super_id);
            cls->super = (ha_cls){super == HA_IDMAP_NONE ? HA_NONE : super};
            if (super == HA_IDMAP_NONE) {
                note_missing_super(build, cls);
                break;
            }
            if (state[super] == ON_PATH) {
                cls->super = HA_CLS_NONE;
                build->cycles++;
                break;
            }
            i = super;
        }
        while (depth > 0) {
            depth--;
            finish_class(build, window, &build->classes.data[path[depth]]);
            state[path[depth]] = DONE;
        }
    }
    return NULL;
}

/* ---- roots, sinks, leaves ---- */

static bool has_static_references(const struct ha_build *build, const struct ha_build_class *cls)
{
    for (uint32_t i = 0; i < cls->statics_count; i++) {
        const struct ha_build_field *field = &build->statics.data[cls->statics_first + i];
        if (field->type == HA_TYPE_REFERENCE && field->value != 0) {
            return true;
        }
    }
    return false;
}

static bool is_global_root(uint8_t tag)
{
    return tag != HA_SUB_ROOT_JNI_LOCAL && tag != HA_SUB_ROOT_JAVA_FRAME && tag != HA_SUB_ROOT_NATIVE_STACK &&
           tag != HA_SUB_ROOT_THREAD_BLOCK && tag != HA_SUB_ROOT_JNI_MONITOR && tag != HA_SUB_ROOT_UNREACHABLE;
}

static void mark_roots(struct ha_build *build, bool roots_known)
{
    bool sticky = false;
    struct ha_build_root_walk walk = {.lists = &build->roots};
    for (struct ha_build_root root; roots_known && ha_build_root_next(&walk, &root);) {
        uint32_t cls = is_global_root(root.tag) ? ha_idmap_get(&build->class_ids, root.id) : HA_IDMAP_NONE;
        if (cls != HA_IDMAP_NONE) {
            build->classes.data[cls].flags |= HA_CLASS_IS_ROOT;
        }
        sticky = sticky || root.tag == HA_SUB_ROOT_STICKY_CLASS;
    }
    for (size_t i = 0; !sticky && i < build->classes.count; i++) {
        struct ha_build_class *cls = &build->classes.data[i];
        if (cls->loader_id == 0 && cls->kind == HA_CLASS_INSTANCE && cls->record != UINT64_MAX) {
            cls->flags |= HA_CLASS_IS_ROOT;
        }
    }
}

/* A class object that refers to roots only. Boot array classes are not sticky, yet millions of instances refer to them. */
static bool is_sink(const struct ha_build *build, const struct ha_build_class *cls)
{
    if ((cls->flags & HA_CLASS_IS_ROOT) != 0 || cls->kind == HA_CLASS_INSTANCE || cls->loader_id != 0 || has_static_references(build, cls)) {
        return false;
    }
    bool class_is_root = build->class_class != HA_NONE && (build->classes.data[build->class_class].flags & HA_CLASS_IS_ROOT) != 0;
    bool super_is_root = ha_cls_is_none(cls->super) || (build->classes.data[cls->super.i].flags & HA_CLASS_IS_ROOT) != 0;
    return class_is_root && super_is_root;
}

static void mark_leaves(struct ha_build *build)
{
    for (size_t i = 0; i < build->classes.count; i++) {
        struct ha_build_class *cls = &build->classes.data[i];
        if (is_sink(build, cls)) {
            cls->flags |= HA_CLASS_IS_SINK;
        }
        bool harmless = (cls->flags & (HA_CLASS_IS_ROOT | HA_CLASS_IS_SINK)) != 0;
        bool plain = cls->kind == HA_CLASS_PRIMITIVE_ARRAY ||
                     (cls->kind == HA_CLASS_INSTANCE && cls->reference_fields == 0 && cls->record != UINT64_MAX &&
                      (cls->flags & (HA_CLASS_IS_CLASS | HA_CLASS_IS_THREAD | HA_CLASS_IS_LOADER)) == 0);
        if (harmless && plain) {
            cls->flags |= HA_CLASS_IS_LEAF;
        }
    }
}

/* The first class of each name; of array classes the first one of the boot loader, if there is one. */
static void find_well_known(struct ha_build *build)
{
    build->class_class = build->object_array = HA_NONE;
    for (unsigned t = 0; t < 12; t++) {
        build->primitive_arrays[t] = HA_NONE;
    }
    for (size_t i = build->classes.count; i-- > 0;) {
        const struct ha_build_class *cls = &build->classes.data[i];
        if (cls->kind == HA_CLASS_PRIMITIVE_ARRAY) {
            uint32_t *array = &build->primitive_arrays[cls->element_type];
            bool better = *array == HA_NONE || cls->loader_id == 0 || build->classes.data[*array].loader_id != 0;
            *array = better ? (uint32_t)i : *array;
        }
        if (strcmp(cls->name, "java.lang.Class") == 0) {
            build->class_class = (uint32_t)i;
        }
        if (strcmp(cls->name, "java.lang.Object[]") == 0) {
            build->object_array = (uint32_t)i;
        }
    }
}

struct ha_err *ha_build_classes_finish(struct ha_build *build, bool roots_known)
{
    struct ha_window window;
    ha_window_init(&window, build->input, HA_WINDOW_RANDOM);
    struct ha_err *err = name_classes(build, &window);
    if (err == NULL) {
        err = finish_hierarchy(build, &window);
    }
    ha_window_deinit(&window);
    HA_TRY(err);
    find_well_known(build);
    mark_roots(build, roots_known);
    mark_leaves(build);
    return NULL;
}

/* ---- layouts ---- */

static struct ha_err *flatten(struct ha_build *build, struct ha_build_class *cls)
{
    uint32_t *offsets = ha_arena_calloc(&build->arena, cls->reference_fields, sizeof *offsets);
    if (offsets == NULL) {
        return ha_err_nomem();
    }
    bool reference = (cls->flags & HA_CLASS_IS_REFERENCE) != 0;
    uint32_t n = reference ? 1 : 0, offset = 0;
    for (const struct ha_build_class *c = cls;; c = &build->classes.data[c->fields_super.i]) {
        uint32_t referent = reference ? c->referent : HA_NONE;
        for (uint32_t i = 0; i < c->fields_count; i++) {
            uint8_t type = build->fields.data[c->fields_first + i].type;
            if (type == HA_TYPE_REFERENCE && i == referent) {
                offsets[0] = offset;
            } else if (type == HA_TYPE_REFERENCE && n < cls->reference_fields) {
                offsets[n++] = offset;
            }
            offset += ha_value_bytes(type, build->facts.id_size);
        }
        if (ha_cls_is_none(c->fields_super)) {
            break;
        }
    }
    cls->reference_offsets = offsets;
    return NULL;
}

struct ha_err *ha_build_classes_flatten(struct ha_build *build)
{
    uint64_t budget = FLATTEN_FLOOR + build->facts.dump_bytes / 16;
    struct ha_err *err = NULL;
    for (size_t i = 0; i < build->classes.count && err == NULL; i++) {
        struct ha_build_class *cls = &build->classes.data[i];
        uint64_t work = (uint64_t)cls->payload_bytes + cls->depth; /* at least the fields and classes to be walked */
        bool wanted = cls->instances > 0 && cls->kind == HA_CLASS_INSTANCE && cls->reference_fields > 0 && cls->payload_bytes < UINT32_MAX;
        if (wanted && work <= budget) {
            budget -= work;
            err = flatten(build, cls);
        }
    }
    return err;
}
