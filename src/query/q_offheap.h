/* SPDX-License-Identifier: MIT */
/* Private to the folder. */
#ifndef HA_SRC_QUERY_Q_OFFHEAP_PRIVATE_H
#define HA_SRC_QUERY_Q_OFFHEAP_PRIVATE_H

#include "ha/query/q_offheap.h"

/* Counts everything of q_offheap.h (q_offheap_scan.c). */
struct ha_err *offheap_count(struct ha_query *q, const struct ha_jvm *jvm, struct ha_offheap_counts *ret) HA_WARN_UNUSED;

#endif
