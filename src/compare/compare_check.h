/* SPDX-License-Identifier: MIT */
/* Private to the folder: whether two summaries may be compared at all. */
#ifndef HA_SRC_COMPARE_COMPARE_CHECK_H
#define HA_SRC_COMPARE_COMPARE_CHECK_H

#include "ha/compare/summary.h"

struct ha_err *compare_models_check(const struct ha_summary *a, const struct ha_summary *b) HA_WARN_UNUSED;

#endif
