/* SPDX-License-Identifier: MIT */
/*
 * Class objects that are written twice: as CLASS_DUMP and, with the same id, as INSTANCE of java.lang.Class with the fields that the JVM adds to
 * it. JVMs write the first alone, exports of other formats (Eclipse MAT from PHD or DTFJ) both. The class dump counts as the object; what the
 * fields of the instance refer to becomes extra edges of it, so that nothing is unreachable that is held by them alone.
 */
#include "ha/heap/heap_build.h"

static struct ha_err *add_extra(struct ha_build *build, ha_obj source, uint64_t address)
{
    ha_obj target;
    if (!ha_build_find(build, address, &target)) {
        return NULL;
    }
    struct ha_build_extra *extra = ha_vec_push(&build->extras);
    if (extra == NULL) {
        return ha_err_nomem();
    }
    *extra = (struct ha_build_extra){source.i, target.i};
    return NULL;
}

static struct ha_err *add_fields(struct ha_build *build, struct ha_window *window, const struct ha_sub *sub, ha_obj source)
{
    unsigned id_size = build->facts.id_size;
    uint64_t off = sub->body;
    uint32_t index = ha_build_class_of(build, sub->class_id);
    while (index != HA_NONE) {
        const struct ha_build_class *cls = &build->classes.data[index];
        for (uint32_t i = 0; i < cls->fields_count; i++) {
            uint8_t type = build->fields.data[cls->fields_first + i].type;
            unsigned bytes = ha_value_bytes(type, id_size);
            if (bytes > sub->end - off) {
                return NULL;
            }
            const uint8_t *p = type == HA_TYPE_REFERENCE ? ha_window_at(window, off, bytes) : NULL;
            if (p != NULL) {
                HA_TRY(add_extra(build, source, ha_sub_id(p, id_size)));
            }
            off += bytes;
        }
        index = cls->fields_super.i;
    }
    return NULL;
}

struct ha_err *ha_build_mirrors_finish(struct ha_build *build)
{
    struct ha_window window;
    struct ha_err *err = NULL;
    ha_window_init(&window, build->input, HA_WINDOW_RANDOM);
    for (size_t i = 0; i < build->mirrors.count && err == NULL; i++) {
        struct ha_sub sub;
        ha_obj source;
        if (ha_sub_read(&window, build->mirrors.data[i], ha_input_bytes(build->input), build->facts.id_size, &sub) == HA_SUB_OK &&
            ha_build_find(build, sub.id, &source)) {
            err = add_fields(build, &window, &sub, source);
        }
    }
    if (err == NULL) {
        err = ha_window_error(&window);
    }
    ha_window_deinit(&window);
    return err;
}
