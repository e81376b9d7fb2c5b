/* SPDX-License-Identifier: MIT */
/*
 * What is probably wrong: structural suspects and known patterns in one list.
 *
 *     suspects ─┐                      a finding explains a suspect when at least half of what the suspect keeps belongs to the finding:
 *               ├──▶ problems          the suspect keeps id and numbers and takes the finding's words
 *     findings ─┘                      other findings that are likely or certain are problems of their own
 */
#ifndef HA_RULES_PROBLEMS_H
#define HA_RULES_PROBLEMS_H

#include "ha/query/q_suspects.h"
#include "ha/rules/rules.h"

struct ha_problem {
    struct ha_suspect suspect;        /* as found by structure; of a finding alone: made from it, without a path */
    const struct ha_finding *finding; /* NULL: no pattern is known */
    bool structural;                  /* the dominator tree says so, finding or not */
    uint64_t bytes;                   /* what it is ranked by: the larger of what is retained and what the finding is ranked by */
};

struct ha_problems {
    struct ha_problem *list; /* largest first; ties by class name, then id */
    uint64_t count, omitted;
    uint64_t threshold_bytes; /* of the structural ones */
    const struct ha_finding **noted; /* findings that are no problems: seen, and worth knowing */
    uint64_t noted_count;
    const struct ha_findings *findings;
};

/* limit: problems, 0: all. Suspects and findings are borrowed. */
struct ha_err *ha_problems_merge(struct ha_query *q, const struct ha_suspects *suspects, const struct ha_findings *findings, uint64_t limit,
                                 struct ha_problems *ret) HA_WARN_UNUSED;

#endif
