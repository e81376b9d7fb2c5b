/* SPDX-License-Identifier: MIT */
/*
 * Filler objects: JVMs since 19 format dead space as objects of classes of its own (jdk.internal.vm.FillerObject, FillerElement[]), but the dump
 * shows the arrays as int[] and leaves them in even where it is to hold live objects only. They have a mark all the same: nothing refers to
 * them, and no root does. Ordinary garbage has it too, so this is a note about int[] that nobody holds, given where they take a share of the
 * dump that would puzzle people. Being unreachable, they are in no answer but those with --keep-unreachable.
 *
 *     bit per object    is it the target of a reference?      one pass over the targets, in parallel
 */
#include "graph/graph_fillers.h"

#include "ha/base/pool.h"
#include "ha/graph/graph.h"
#include "ha/heap/heap_gaps.h"
#include "ha/heap/heap_sections.h"

#include <inttypes.h>
#include <string.h>

#define PIECE_TARGETS (1U << 20)
#define SHARE_TOLD 100U     /* at least a hundredth of the bytes of the heap in the dump */
#define HEADER_BYTES 16U    /* of an int[] with compressed class pointers; and of the smallest object with any header */

struct mark {
    const uint32_t *targets;
    uint64_t target_count;
    uint64_t *referenced;
    uint64_t objects;
};

static struct ha_err *mark_piece(void *ctx, unsigned worker, uint64_t index)
{
    const struct mark *mark = ctx;
    uint64_t end = (index + 1) * PIECE_TARGETS < mark->target_count ? (index + 1) * PIECE_TARGETS : mark->target_count;
    (void)worker;
    for (uint64_t i = index * PIECE_TARGETS; i < end; i++) {
        uint32_t target = mark->targets[i] & ~HA_EDGE_END;
        uint64_t bit = 1ULL << (target & 63);
        if (target < mark->objects && (__atomic_load_n(&mark->referenced[target >> 6], __ATOMIC_RELAXED) & bit) == 0) {
            __atomic_fetch_or(&mark->referenced[target >> 6], bit, __ATOMIC_RELAXED);
        }
    }
    return NULL;
}

static bool has_filler_class(const struct ha_build *build, uint32_t *ret_filler_object)
{
    bool found = false;
    *ret_filler_object = HA_NONE;
    for (size_t i = 0; i < build->classes.count; i++) {
        const char *name = build->classes.data[i].name;
        if (strncmp(name, "jdk.internal.vm.Filler", 22) == 0) {
            found = found || strcmp(name + 22, "Object") == 0 || strcmp(name + 22, "Array") == 0 || strcmp(name + 22, "Element[]") == 0;
            *ret_filler_object = strcmp(name + 22, "Object") == 0 ? (uint32_t)i : *ret_filler_object;
        }
    }
    return found;
}

static uint32_t class_at(const struct ha_build *build, uint64_t obj)
{
    const void *column = build->class_column.data;
    return build->classes.count <= 65536 ? ((const uint16_t *)column)[obj] : ((const uint32_t *)column)[obj];
}

/* Bytes before the first element of an int[], as the distances between arrays and their neighbours say; the usual number if they say nothing. */
static struct ha_err *array_base(const struct ha_build *build, uint64_t *ret)
{
    struct ha_index_section section;
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_GAP_ARRAYS, &section));
    const struct ha_gap_arrays *arrays = section.data;
    bool known = section.count == 1 && (arrays->narrow == 12 || arrays->narrow == 20 || arrays->narrow == 24);
    *ret = known ? arrays->narrow : HEADER_BYTES;
    return NULL;
}

static struct ha_err *count_fillers(struct ha_build *build, const struct mark *mark, const uint32_t *lengths, uint32_t filler_object)
{
    uint64_t count = 0, bytes = 0, base;
    HA_TRY(array_base(build, &base));
    for (uint64_t obj = 0; obj < mark->objects; obj++) {
        if ((mark->referenced[obj >> 6] >> (obj & 63) & 1) != 0) {
            continue;
        }
        uint32_t cls = class_at(build, obj);
        if (cls == build->primitive_arrays[HA_TYPE_INT] && lengths[obj] != 0) {
            count++;
            bytes += (base + 4 * (uint64_t)(lengths[obj] - 1) + 7) / 8 * 8;
        } else if (cls == filler_object) {
            count++;
            bytes += HEADER_BYTES;
        }
    }
    if (bytes > 0 && bytes >= build->heap_bytes / SHARE_TOLD) {
        ha_diag_add(build->diag, HA_DIAG_FILLER, HA_ERR_NO_OFFSET, count,
                    count == 1 ? "an int[] of %.1f MiB that nothing refers to is probably a filler, dead space that the JVM writes as an array; it is "
                                 "counted with what is unreachable"
                               : "int[] of %.1f MiB in all that nothing refers to are probably fillers, dead space that the JVM writes as arrays; they are "
                                 "counted with what is unreachable",
                    (double)bytes / (1 << 20));
    }
    return NULL;
}

struct ha_err *ha_graph_note_fillers(struct ha_build *build, const uint32_t *lengths)
{
    uint32_t filler_object;
    struct ha_index_section targets;
    if (!has_filler_class(build, &filler_object) || build->primitive_arrays[HA_TYPE_INT] == HA_NONE) {
        return NULL;
    }
    struct ha_big bits = {0};
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_TARGETS, &targets));
    HA_TRY(ha_big_init(&bits, (uint64_t)build->facts.object_count / 64 + 1, sizeof(uint64_t)));
    struct mark mark = {targets.data, targets.count, bits.data, build->facts.object_count};
    for (size_t i = 0; i < build->final_roots.count; i++) {
        uint32_t obj = build->final_roots.data[i].obj.i;
        mark.referenced[obj >> 6] |= 1ULL << (obj & 63);
    }
    struct ha_err *err = ha_parallel_for(build->threads, (targets.count + PIECE_TARGETS - 1) / PIECE_TARGETS, mark_piece, &mark);
    if (err == NULL) {
        err = count_fillers(build, &mark, lengths, filler_object);
    }
    ha_big_deinit(&bits);
    return err;
}
