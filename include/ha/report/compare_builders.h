/* SPDX-License-Identifier: MIT */
/*
 * Documents about several heaps: whole ones, from summaries that outlive the snapshots they were made from.
 */
#ifndef HA_REPORT_COMPARE_BUILDERS_H
#define HA_REPORT_COMPARE_BUILDERS_H

#include "ha/compare/compare.h"
#include "ha/report/doc.h"

/* --fail-on-growth: how much the reachable heap may have grown. */
struct ha_compare_limit {
    struct ha_tolerance tolerance;
    uint64_t limit_bytes, actual_bytes;
    bool passed;
};

/* Writes the whole document. Answers are borrowed as long as it lives; limit may be NULL. Memory running out shows in ha_doc_error(). */
void ha_report_compare(struct ha_doc *doc, const char *version, const struct ha_compare *compare, const struct ha_compare_limit *limit);

/* The same of a series: compare is between the first and the last heap. */
void ha_report_growth(struct ha_doc *doc, const char *version, const struct ha_compare *compare, const struct ha_compare_limit *limit,
                      const struct ha_summary *const *heaps, const struct ha_growth *growth);

#endif
