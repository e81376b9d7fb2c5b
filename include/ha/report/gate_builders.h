/* SPDX-License-Identifier: MIT */
/*
 * The verdict of the gate as document members: `check`, which the verdict renderers (render/verdict_*.c) read too.
 */
#ifndef HA_REPORT_GATE_BUILDERS_H
#define HA_REPORT_GATE_BUILDERS_H

#include "ha/gate/gate.h"
#include "ha/report/builders.h"

/* Adds `check`. config and baseline are paths, NULL: none. The outcome is borrowed as long as the document lives. */
void ha_report_check(struct ha_report *r, struct ha_doc_node *parent, const struct ha_gate_outcome *outcome, const char *config, const char *baseline);

#endif
