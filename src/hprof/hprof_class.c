/* SPDX-License-Identifier: MIT */
/*
 * CLASS_DUMP records. Their length is known only after walking the constant pool and the statics, so the record is first looked at in what
 * the window holds anyway; only if that is too short is more asked for, in growing pieces, up to the longest record the counts allow.
 */
#include "ha/hprof/hprof_class.h"

#include <string.h>

unsigned ha_value_bytes(uint8_t type, unsigned id_size)
{
    return type == 1 || type == 2 ? id_size : ha_primitive_bytes(type);
}

/* A walk over [p, p + len) that notices when it runs out. */
struct walk {
    const uint8_t *p;
    size_t left;
    bool short_of_bytes;
    bool bad_type;
};

static const uint8_t *take(struct walk *walk, size_t len)
{
    static const uint8_t zeros[32];
    if (walk->left < len) {
        walk->short_of_bytes = true;
        return zeros;
    }
    const uint8_t *p = walk->p;
    walk->p += len;
    walk->left -= len;
    return p;
}

/* Skips `count` entries of `fixed` bytes, a type and a value. */
static void skip_values(struct walk *walk, unsigned count, unsigned fixed, unsigned id_size)
{
    for (unsigned i = 0; i < count && !walk->short_of_bytes && !walk->bad_type; i++) {
        uint8_t type = take(walk, fixed + 1)[fixed];
        unsigned bytes = ha_value_bytes(type, id_size);
        if (bytes == 0 && !walk->short_of_bytes) {
            walk->bad_type = true;
        }
        take(walk, bytes);
    }
}

static void check_field_types(struct walk *walk, unsigned count, unsigned id_size)
{
    for (unsigned i = 0; i < count && !walk->short_of_bytes && !walk->bad_type; i++) {
        if (ha_value_bytes(take(walk, id_size + 1)[id_size], id_size) == 0 && !walk->short_of_bytes) {
            walk->bad_type = true;
        }
    }
}

/* Parses the record from the `len` bytes at p. */
static struct walk parse(const uint8_t *p, size_t len, uint64_t off, unsigned id_size, struct ha_class_dump *ret)
{
    struct walk walk = {.p = p, .left = len};
    const uint8_t *fixed = take(&walk, 9 + 7 * (size_t)id_size);
    if (walk.short_of_bytes) {
        return walk;
    }
    ret->off = off;
    ret->id = ha_sub_id(fixed + 1, id_size);
    ret->super = ha_sub_id(fixed + 5 + id_size, id_size);
    ret->loader = ha_sub_id(fixed + 5 + 2 * id_size, id_size);
    skip_values(&walk, ha_be16(take(&walk, 2)), 2, id_size);
    ret->static_count = ha_be16(take(&walk, 2));
    ret->statics = walk.p;
    skip_values(&walk, ret->static_count, id_size, id_size);
    ret->field_count = ha_be16(take(&walk, 2));
    ret->fields = walk.p;
    check_field_types(&walk, ret->field_count, id_size);
    ret->end = off + (len - walk.left);
    return walk;
}

enum ha_sub_result ha_class_dump_read(struct ha_window *window, uint64_t off, uint64_t end, unsigned id_size, struct ha_class_dump *ret)
{
    uint64_t left = end - off;
    uint64_t ready = ha_window_ready(window, off);
    size_t len = (size_t)(ready < left ? ready : left);
    for (;;) {
        const uint8_t *p = len == 0 ? NULL : ha_window_at(window, off, len);
        if (p == NULL && len != 0) {
            return HA_SUB_TRUNCATED;
        }
        if (p != NULL) {
            struct walk walk = parse(p, len, off, id_size, ret);
            if (walk.bad_type) {
                return HA_SUB_UNKNOWN;
            }
            if (!walk.short_of_bytes) {
                return HA_SUB_OK;
            }
        }
        if (len >= left || len >= HA_CLASS_DUMP_MAX) {
            return HA_SUB_TRUNCATED;
        }
        len = len < 32768 ? 65536 : len * 4;
        len = len < left ? len : (size_t)left;
        len = len < HA_CLASS_DUMP_MAX ? len : HA_CLASS_DUMP_MAX;
    }
}

const uint8_t *ha_class_dump_static(const uint8_t *p, unsigned id_size, struct ha_class_dump_entry *ret)
{
    ret->name_id = ha_sub_id(p, id_size);
    ret->type = p[id_size];
    p += id_size + 1;
    unsigned bytes = ha_value_bytes(ret->type, id_size);
    switch (bytes) {
    case 1:
        ret->value = p[0];
        break;
    case 2:
        ret->value = ha_be16(p);
        break;
    case 4:
        ret->value = ha_be32(p);
        break;
    default:
        ret->value = ha_be64(p);
        break;
    }
    return p + bytes;
}

const uint8_t *ha_class_dump_field(const uint8_t *p, unsigned id_size, struct ha_class_dump_entry *ret)
{
    ret->name_id = ha_sub_id(p, id_size);
    ret->type = p[id_size];
    ret->value = 0;
    return p + id_size + 1;
}
