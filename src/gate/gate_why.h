/* SPDX-License-Identifier: MIT */
/*
 * Private to the folder: why something failed.
 */
#ifndef HA_SRC_GATE_GATE_WHY_H
#define HA_SRC_GATE_GATE_WHY_H

#include "gate/gate_baseline.h"
#include "ha/query/q_places.h"

/* Made at the first failure. */
struct gate_explainer {
    struct gate_heap *heap;
    bool has_places;
    struct ha_places places;
};

/* Explains a failure about a target; of an `each` rule about one class, which is given by its stable name (else NULL). */
struct ha_err *gate_explain(struct gate_explainer *e, const struct ha_gate_target *target, const char *class_name, const struct gate_measured *measured,
                            struct ha_gate_why *ret) HA_WARN_UNUSED;

/* Of a suspect. */
struct ha_err *gate_explain_suspect(struct gate_explainer *e, const struct ha_suspect *suspect, struct ha_gate_why *ret) HA_WARN_UNUSED;

/* One sentence of it, or NULL: "com.acme.Service.FORGOTTEN keeps 3.2 MiB more than in the baseline". */
const char *gate_why_sentence(struct ha_arena *arena, const struct ha_gate_why *why, bool has_baseline);

#endif
