/* SPDX-License-Identifier: MIT */
/* What is counted of each class: heap_tally.h has the picture. The sums do not depend on which worker counted what. */
#include "heap/heap_tally.h"

static uint32_t count_array_classes(const struct ha_build *build)
{
    uint32_t count = 0;
    for (size_t i = 0; i < build->classes.count; i++) {
        count += build->classes.data[i].kind != HA_CLASS_INSTANCE;
    }
    return count;
}

uint64_t ha_tallies_bytes(const struct ha_build *build)
{
    return build->classes.count * sizeof(struct ha_tally) + (uint64_t)count_array_classes(build) * sizeof(struct ha_array_tally);
}

static uint32_t element_bytes_of(const struct ha_build_class *cls)
{
    return cls->kind == HA_CLASS_OBJECT_ARRAY ? 0 : ha_type_bytes((enum ha_type)cls->element_type, 4);
}

struct ha_err *ha_tallies_init(struct ha_tallies *tallies, const struct ha_build *build, const bool *look)
{
    const struct ha_gap none = {.smallest = HA_GAP_NONE, .object = HA_GAP_NONE};
    *tallies = (struct ha_tallies){.class_count = (uint32_t)build->classes.count};
    tallies->classes = ha_calloc_array(build->classes.count + 1, sizeof *tallies->classes);
    tallies->arrays = ha_calloc_array((size_t)count_array_classes(build) + 1, sizeof *tallies->arrays);
    if (tallies->classes == NULL || tallies->arrays == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t i = 0; i < tallies->class_count; i++) {
        const struct ha_build_class *cls = &build->classes.data[i];
        bool array = cls->kind != HA_CLASS_INSTANCE;
        tallies->classes[i] = (struct ha_tally){.payload = array || look[i] ? UINT64_MAX : cls->payload_bytes,
                                                .cls = i, .array = array ? tallies->array_count : HA_NONE, .gaps = {none, none}};
        if (array) {
            tallies->arrays[tallies->array_count++] = (struct ha_array_tally){
                .count = {.cls = i}, .gaps = {ha_gap_arrays_none, ha_gap_arrays_none}, .element_bytes = element_bytes_of(cls)};
        }
    }
    return NULL;
}

void ha_tallies_deinit(struct ha_tallies *tallies)
{
    ha_free(tallies->classes);
    ha_free(tallies->arrays);
}

void ha_tallies_merge(struct ha_tallies *tallies, const struct ha_tallies *other)
{
    for (uint32_t i = 0; i < tallies->class_count; i++) {
        struct ha_tally *to = &tallies->classes[i];
        to->instances += other->classes[i].instances;
        ha_gap_merge(&to->gaps[0], &other->classes[i].gaps[0]);
        ha_gap_merge(&to->gaps[1], &other->classes[i].gaps[1]);
    }
    for (uint32_t i = 0; i < tallies->array_count; i++) {
        struct ha_array_tally *to = &tallies->arrays[i];
        const struct ha_array_tally *from = &other->arrays[i];
        to->count.elements += from->count.elements;
        for (unsigned r = 0; r < HA_LENGTHS_MODULO; r++) {
            to->count.lengths[r] += from->count.lengths[r];
        }
        ha_gap_arrays_merge(&to->gaps[0], &from->gaps[0]);
        ha_gap_arrays_merge(&to->gaps[1], &from->gaps[1]);
    }
}

/* Of classes with many instances only what lies at sampled addresses counts. */
static void put_gaps(const struct ha_tallies *tallies, struct ha_gaps *gaps)
{
    for (uint32_t i = 0; i < tallies->class_count; i++) {
        const struct ha_tally *tally = &tallies->classes[i];
        for (unsigned kind = 0; kind < (tally->instances <= HA_GAP_ALL_MAX ? 2 : 1); kind++) {
            if (tally->array == HA_NONE) {
                ha_gap_merge(&gaps->classes[i], &tally->gaps[kind]);
            } else {
                ha_gap_arrays_merge(&gaps->arrays, &tallies->arrays[tally->array].gaps[kind]);
            }
        }
    }
}

struct ha_err *ha_tallies_put(const struct ha_tallies *tallies, const struct ha_build *build, struct ha_counts *ret)
{
    ret->instances = ha_calloc_array((size_t)tallies->class_count + 1, sizeof *ret->instances);
    ret->arrays = ha_calloc_array((size_t)tallies->array_count + 1, sizeof *ret->arrays);
    if (ret->instances == NULL || ret->arrays == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_gaps_init(&ret->gaps, tallies->class_count));
    for (uint32_t i = 0; i < tallies->class_count; i++) {
        ret->instances[i] = tallies->classes[i].instances;
        ret->objects += tallies->classes[i].instances;
    }
    ret->instances[build->class_class] += tallies->class_count;
    ret->objects += tallies->class_count;
    for (uint32_t i = 0; i < tallies->array_count; i++) {
        ret->arrays[i] = tallies->arrays[i].count;
    }
    ret->array_classes = tallies->array_count;
    put_gaps(tallies, &ret->gaps);
    return NULL;
}
