/* SPDX-License-Identifier: MIT */
/*
 * Private to the folder: how much there is of what a rule is about.
 */
#ifndef HA_SRC_GATE_GATE_MEASURE_H
#define HA_SRC_GATE_GATE_MEASURE_H

#include "ha/gate/gate.h"
#include "ha/query/q_suspects.h"

/* What several rules look at. */
struct gate_heap {
    const struct ha_gate_input *input;
    struct ha_query *q;
    struct ha_summary summary; /* heap and classes */
    const char **stable_names; /* per class */
    uint64_t thread_count;
    bool has_suspects;
    struct ha_suspects suspects; /* by the default threshold */
};

struct ha_err *gate_heap_init(const struct ha_gate_input *input, struct gate_heap *ret) HA_WARN_UNUSED;
void gate_heap_deinit(struct gate_heap *heap);

/* Suspects, found when first asked for. */
struct ha_err *gate_heap_suspects(struct gate_heap *heap) HA_WARN_UNUSED;

struct gate_measured {
    struct ha_sizes3 sizes;
    bool found;                        /* false: the dump has no such thing; sizes are 0 */
    const struct ha_suspect *suspect;  /* of HA_GATE_SUSPECT, when found */
    const struct ha_gate_pattern *pattern;
};

struct ha_err *gate_measure(struct gate_heap *heap, const struct ha_gate_target *target, uint64_t suspect_floor, struct gate_measured *ret) HA_WARN_UNUSED;

/* Whether a class (by its stable name) belongs to a target of classes. HA_ERR_USAGE: an expression ran into a limit. */
struct ha_err *gate_matches_class(const struct ha_gate_target *target, const char *stable_name, bool *ret) HA_WARN_UNUSED;

/* "class com.acme.Foo", "heap": what a target is called in baselines and messages. */
const char *gate_target_text(struct ha_arena *arena, const struct ha_gate_target *target);

#endif
