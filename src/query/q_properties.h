/* SPDX-License-Identifier: MIT */
/* Private to the folder. */
#ifndef HA_SRC_QUERY_Q_PROPERTIES_H
#define HA_SRC_QUERY_Q_PROPERTIES_H

#include "ha/query/q_jvm.h"

/* The texts of a map in a static field, as they are, in q->arena; no such class, field or map: found is false. */
struct ha_err *ha_property_table(struct ha_query *q, const char *class_name, const char *field, struct ha_property_list *ret) HA_WARN_UNUSED;

#endif
