/* SPDX-License-Identifier: MIT */
/* Sub-records that are neither instances nor arrays: roots, Android's extras, class dumps (of which only the id is decoded here). */
#include "ha/hprof/hprof_heap.h"

unsigned ha_sub_root_bytes(uint8_t tag, unsigned id_size)
{
    switch (tag) {
    case HA_SUB_ROOT_UNKNOWN:
    case HA_SUB_ROOT_STICKY_CLASS:
    case HA_SUB_ROOT_MONITOR_USED:
    case HA_SUB_ROOT_INTERNED_STRING:
    case HA_SUB_ROOT_FINALIZING:
    case HA_SUB_ROOT_DEBUGGER:
    case HA_SUB_ROOT_REFERENCE_CLEANUP:
    case HA_SUB_ROOT_VM_INTERNAL:
    case HA_SUB_ROOT_UNREACHABLE:
        return id_size;
    case HA_SUB_ROOT_JNI_GLOBAL:
        return 2 * id_size;
    case HA_SUB_ROOT_NATIVE_STACK:
    case HA_SUB_ROOT_THREAD_BLOCK:
        return id_size + 4;
    case HA_SUB_ROOT_JNI_LOCAL:
    case HA_SUB_ROOT_JAVA_FRAME:
    case HA_SUB_ROOT_THREAD_OBJ:
    case HA_SUB_ROOT_JNI_MONITOR:
        return id_size + 8;
    default:
        return 0;
    }
}

bool ha_sub_tag_known(uint8_t tag)
{
    return ha_sub_root_bytes(tag, 4) != 0 || (tag >= HA_SUB_CLASS && tag <= HA_SUB_PRIM_ARRAY) || tag == HA_SUB_PRIM_ARRAY_NODATA ||
           tag == HA_SUB_HEAP_INFO;
}

enum ha_sub_result ha_sub_read_other(const uint8_t *p, uint64_t off, uint64_t end, unsigned id_size, struct ha_sub *ret)
{
    ret->body = off + 1;
    unsigned root_bytes = ha_sub_root_bytes(ret->tag, id_size);
    uint64_t bytes = root_bytes;
    if (root_bytes != 0) {
        ret->id = ha_sub_id(p + 1, id_size);
        ret->serial = root_bytes >= id_size + 4 && ret->tag != HA_SUB_ROOT_JNI_GLOBAL ? ha_be32(p + 1 + id_size) : 0;
        ret->number = root_bytes == id_size + 8 && ret->tag != HA_SUB_ROOT_JNI_GLOBAL ? ha_be32(p + 5 + id_size) : UINT32_MAX;
    } else if (ret->tag == HA_SUB_CLASS) {
        ret->id = ha_sub_id(p + 1, id_size);
        bytes = 7U * id_size + 4 + 4 + 6;
    } else if (ret->tag == HA_SUB_HEAP_INFO) {
        ret->count = ha_be32(p + 1);
        ret->id = ha_sub_id(p + 5, id_size);
        bytes = 4U + id_size;
    } else if (ret->tag == HA_SUB_PRIM_ARRAY_NODATA) {
        ret->id = ha_sub_id(p + 1, id_size);
        ret->count = ha_be32(p + 5 + id_size);
        ret->type = p[9 + id_size];
        bytes = 9U + id_size;
        if (ha_primitive_bytes(ret->type) == 0) {
            return bytes > end - ret->body ? HA_SUB_TRUNCATED : HA_SUB_UNKNOWN;
        }
    } else {
        return HA_SUB_UNKNOWN;
    }
    if (ret->body > end || bytes > end - ret->body) {
        return HA_SUB_TRUNCATED;
    }
    ret->end = ret->body + bytes;
    return HA_SUB_OK;
}
