/* SPDX-License-Identifier: MIT */
/*
 * What of a heap can be compared with another: made from an opened dump or from a saved JSON report, and independent of both afterwards.
 *
 *     dump ──▶ snapshot ──ha_summary_of_snapshot()──▶ ┌─────────┐
 *                                                     │ summary │ ──▶ ha_compare()
 *     report.json ────────ha_summary_of_report()────▶ └─────────┘
 *
 * Classes bear stable names (q_names.h); those of one name are one row, whatever their loaders. Retained bytes of a row are the sum of what
 * the classes of that name retain.
 */
#ifndef HA_COMPARE_SUMMARY_H
#define HA_COMPARE_SUMMARY_H

#include "ha/base/arena.h"
#include "ha/base/json_read.h"
#include "ha/query/q_query.h"

struct ha_sizes3 {
    uint64_t instances, shallow_bytes, retained_bytes;
};

struct ha_summary_class {
    const char *name;
    struct ha_sizes3 sizes;
};

struct ha_summary_suspect {
    const char *id, *kind, *class_name;
    const char *holder_class, *holder_field; /* NULL: not known */
    uint64_t instances, retained_bytes;
};

struct ha_summary_place {
    const char *signature; /* q_places.h */
    const char *class_name;
    uint64_t objects, retained_bytes;
};

struct ha_summary_warning {
    const char *code, *severity, *message; /* message may be NULL */
    uint64_t offset, count;                /* offset HA_ERR_NO_OFFSET: none */
};

struct ha_summary {
    struct ha_arena arena; /* owns all below */
    const char *path;      /* as given by the user */
    bool from_report;
    struct {
        const char *file, *format, *created, *jvm, *size_model; /* created: ISO 8601; texts may be NULL */
        uint64_t bytes, id_size, heap, heaps, object_alignment;
        bool compressed_references;
    } dump;
    struct {
        uint64_t objects, shallow_bytes, classes, class_loaders, gc_roots, unreachable_objects, unreachable_bytes;
    } heap;
    struct ha_summary_warning *warnings;
    struct ha_summary_class *classes; /* ascending by name; those with instances */
    struct ha_summary_suspect *suspects; /* as reported */
    struct ha_summary_place *places;  /* ascending by signature */
    uint64_t warning_count, class_count, suspect_count, place_count;
    bool has_suspects, has_places;    /* a report may lack them */
    uint64_t places_min_bytes;
};

struct ha_summary_options {
    bool with_suspects, with_places;
};

/* Both leave *ret valid for ha_summary_deinit() whatever happens. */
struct ha_err *ha_summary_of_snapshot(struct ha_query *q, const struct ha_summary_options *options, struct ha_summary *ret) HA_WARN_UNUSED;

/* From a report (`report -f json`, or a histogram by class with retained sizes). HA_ERR_INPUT: it is none, of a later schema, damaged, or was cut. */
struct ha_err *ha_summary_of_report(const struct ha_json_doc *doc, const char *path, struct ha_summary *ret) HA_WARN_UNUSED;
void ha_summary_deinit(struct ha_summary *summary);

/* The row of a class or place; NULL: there is none. */
const struct ha_summary_class *ha_summary_class_find(const struct ha_summary *summary, const char *name);
const struct ha_summary_place *ha_summary_place_find(const struct ha_summary *summary, const char *signature);

/* Sorts rows by name and makes one of those that have the same. Returns how many are left. */
uint64_t ha_summary_classes_merge(struct ha_summary_class *classes, uint64_t count);

/* What a file is by its first bytes: a JSON document (after blanks, `{`). false for dumps. HA_ERR_SYSTEM: it cannot be read. */
struct ha_err *ha_summary_is_json(const char *path, bool *ret) HA_WARN_UNUSED;

#endif
