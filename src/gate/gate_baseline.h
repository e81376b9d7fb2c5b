/* SPDX-License-Identifier: MIT */
/*
 * Private to the folder: looking things up in a baseline.
 */
#ifndef HA_SRC_GATE_GATE_BASELINE_H
#define HA_SRC_GATE_GATE_BASELINE_H

#include "gate/gate_measure.h"

/* Classes with at least so many instances are listed whatever they retain. */
#define GATE_CLASSES_MIN_INSTANCES 100U

/* NULL: it is not there. */
const struct ha_gate_known *gate_known_subject(const struct ha_gate_baseline *baseline, const char *key);
const struct ha_gate_known_suspect *gate_known_suspect(const struct ha_gate_baseline *baseline, const char *id);
const struct ha_summary_class *gate_known_class(const struct ha_gate_baseline *baseline, const char *name);
const struct ha_summary_place *gate_known_place(const struct ha_gate_baseline *baseline, const char *signature);

/* Whether sizes of baseline and heap can be compared, and whether they are of one program. HA_ERR_INPUT with the way out. */
struct ha_err *gate_baseline_check(const struct ha_gate_baseline *baseline, const struct gate_heap *heap) HA_WARN_UNUSED;

/* Names that tell a program from another: packages of its classes, and classes without one; ascending, at most PROGRAM_MAX, all in q->arena. */
#define GATE_PROGRAM_MAX 32U
struct ha_err *gate_program(const struct gate_heap *heap, const char ***ret, uint64_t *ret_count) HA_WARN_UNUSED;

#endif
