/* SPDX-License-Identifier: MIT */
/*
 * An object as a person sees it: the JSON contract's object record.
 */
#ifndef HA_QUERY_Q_LABEL_H
#define HA_QUERY_Q_LABEL_H

#include "ha/query/q_query.h"

#define HA_LABEL_CHARS 80 /* of a string's text */

struct ha_object_record {
    ha_obj obj;
    ha_addr address;
    const char *class_name; /* never NULL */
    const char *is_class;   /* NULL unless it is a class object: the class it stands for */
    const char *label;      /* NULL: there is nothing to say */
    uint64_t shallow_bytes;
    uint64_t retained_bytes;
    bool reachable;
};

/* Fills *ret; its label lives in `arena` (q->arena, or a scratch arena the caller resets row by row). Damage never fails: the label is then NULL. */
struct ha_err *ha_object_describe(struct ha_query *q, ha_obj obj, struct ha_arena *arena, struct ha_object_record *ret) HA_WARN_UNUSED;

/* Appends the label alone: a string's text in quotes, cut at HA_LABEL_CHARS, a thread's or file's name, an array's length, a boxed value, the name of
   an enum constant. false: there is none, nothing appended. */
bool ha_object_label(struct ha_query *q, ha_obj obj, struct ha_sbuf *out);

/* Appends the value of a primitive as Java would print it (chars in single quotes). */
void ha_value_text(const struct ha_value *value, struct ha_sbuf *out);

/* The text of a field that holds a String or (old JDKs) a char[]; at most max_chars code points, 0: all. false: no such field, null, unreadable. */
bool ha_object_field_text(struct ha_query *q, ha_obj obj, const char *field, size_t max_chars, struct ha_sbuf *out);

#endif
