/* SPDX-License-Identifier: MIT */
/*
 * From records to a numbered heap: what the passes over the dump share while an index is being built.
 *
 *     ha_build_create     pass 1: hop over the top-level records: names, frames, traces, where the heap's segments lie
 *     ha_build_scan       pass 2: all sub-records in parallel: addresses, classes, roots; then classes and objects are numbered
 *                         or, where numbers are enough: all are counted, and the few that are chosen become the heap (heap_count.c)
 *     (graph_build.c)     pass 3: all records once more: columns of the objects and rows of references
 *     ha_build_finish     names, classes, roots, threads -> sections
 */
#ifndef HA_HEAP_HEAP_BUILD_H
#define HA_HEAP_HEAP_BUILD_H

#include "ha/base/arena.h"
#include "ha/base/diag.h"
#include "ha/base/idmap.h"
#include "ha/base/progress.h"
#include "ha/base/vec.h"
#include "ha/heap/heap.h"
#include "ha/heap/heap_addresses.h"
#include "ha/heap/heap_counts.h"
#include "ha/hprof/hprof_class.h"
#include "ha/hprof/hprof_heap.h"
#include "ha/hprof/hprof_reader.h"

/* A unit of work of the parallel passes: a part of the file that begins and ends at record boundaries. */
struct ha_batch {
    uint64_t off, end;
    bool raw;     /* sub-records from the start; else complete top-level records, of which heap segments are taken */
    bool guessed; /* the end is that of the file, not that of the record: other records may stand among its sub-records */
};
typedef HA_VEC(struct ha_batch) ha_batches;

/* What the passes found wrong, kept until its cost can be told (heap_damage.c). */
enum ha_damage_kind {
    HA_DAMAGE_CLIPPED_HEAP,   /* the file ends inside a heap record */
    HA_DAMAGE_CLIPPED_RECORD, /* the same with any other */
    HA_DAMAGE_CUT_HEADER,     /* fewer bytes are left than a record header takes */
    HA_DAMAGE_ZEROS,          /* nothing but zeros up to the end of the file */
    HA_DAMAGE_TAIL,           /* no record begins, here or later */
    HA_DAMAGE_NO_END,         /* segments end with the file, without HEAP_DUMP_END */
    HA_DAMAGE_GAP,            /* a record leads astray; records go on at `end` */
    HA_DAMAGE_ZERO_LENGTH,
    HA_DAMAGE_WRAPPED,
    HA_DAMAGE_UNKNOWN_RECORD, /* skipped by its length */
    HA_DAMAGE_UNKNOWN_SUB,    /* a sub-record that does not exist, within a segment */
    HA_DAMAGE_BAD_SUB,        /* bytes that make no sense where a sub-record should be */
    HA_DAMAGE_LONG_SUB        /* a sub-record that does not fit into its segment */
};

struct ha_damage {
    uint64_t off, end; /* the range it concerns: a later find within it belongs to it */
    uint64_t lost;     /* bytes known to be missing */
    uint64_t skipped;  /* bytes that are there and cannot be read */
    uint64_t unread;   /* those of them that belong to a batch */
    uint64_t beyond;   /* bytes missing of the one object that the end of the file cuts */
    uint8_t kind, tag;
    bool resumed;      /* reading went on behind it, before `end` of the segment */
};
typedef HA_VEC(struct ha_damage) ha_damages;

/* A class while the index is being built. */
struct ha_build_class {
    uint64_t id, super_id, loader_id;
    uint64_t record;        /* offset of its CLASS_DUMP; UINT64_MAX: made up */
    const char *name;       /* Java source form; in the arena */
    ha_cls super;
    ha_cls fields_super;    /* the nearest super class with fields of its own */
    ha_obj object;
    uint32_t fields_first, fields_count, statics_first, statics_count;
    uint32_t flags;
    uint32_t payload_bytes, reference_fields; /* of the whole hierarchy */
    uint32_t referent;      /* own field that holds the referent, HA_NONE unless this is java.lang.ref.Reference */
    uint32_t depth;         /* super classes above it */
    uint8_t kind, element_type;
    bool unnamed;           /* the dump does not say what it is called */
    bool cut;               /* not all super classes are there: instances may have more values than are known */
    uint64_t instances;     /* records seen */
    const uint32_t *reference_offsets; /* reference_fields offsets in the payload, in record order, the referent first; NULL: walk the fields */
};

struct ha_build_field {
    uint64_t name_id;
    uint64_t value; /* statics */
    uint8_t type;
};

/* A string of the file, not yet read. */
struct ha_build_string {
    uint64_t id;
    uint64_t off;
    uint32_t len;
};

/* A class name in Java source form, and what it says. */
struct ha_build_name {
    const char *text; /* in the arena */
    uint8_t kind, element_type;
};

struct ha_build_load {
    uint64_t class_id, name_id;
    uint32_t serial;
};

struct ha_build_frame {
    uint64_t id, method_id, signature_id, file_id;
    uint32_t class_serial;
    int32_t line;
};

struct ha_build_trace {
    uint32_t serial, thread_serial;
    uint32_t frame_count;
    uint64_t frames_off; /* of the frame ids in the file */
};

/* A root record. */
struct ha_build_root {
    uint64_t id;
    uint32_t serial, number;
    uint8_t tag;
};

/* Root records that follow each other and differ in their ids alone, as most do. */
struct ha_build_root_run {
    uint32_t count;
    uint32_t serial, number;
    uint8_t tag;
};

/* The root records of a batch. There may be many millions. */
typedef struct {
    HA_VEC(uint64_t) ids;
    HA_VEC(struct ha_build_root_run) runs;
} ha_build_roots;

/* The lists of batches, in file order. */
typedef HA_VEC(ha_build_roots) ha_build_root_lists;

/* Goes through them: zeroed but for `lists`. */
struct ha_build_root_walk {
    const ha_build_root_lists *lists;
    size_t list, run, id; /* the next ones */
    uint32_t in_run;      /* ids of the run that were there */
};

/* false at the end. */
static inline bool ha_build_root_next(struct ha_build_root_walk *walk, struct ha_build_root *ret)
{
    for (; walk->list < walk->lists->count; walk->list++, walk->run = walk->id = 0) {
        const ha_build_roots *roots = &walk->lists->data[walk->list];
        if (walk->run == roots->runs.count) {
            continue;
        }
        const struct ha_build_root_run *run = &roots->runs.data[walk->run];
        *ret = (struct ha_build_root){.id = roots->ids.data[walk->id++], .serial = run->serial, .number = run->number, .tag = run->tag};
        walk->in_run++;
        if (walk->in_run == run->count) {
            walk->in_run = 0;
            walk->run++;
        }
        return true;
    }
    return false;
}

/* An edge that no record of its source holds: a thread to a local, a loader to a class. */
struct ha_build_extra {
    uint32_t source, target;
};

struct ha_build {
    struct ha_input *input;
    struct ha_diag *diag;
    struct ha_progress *progress;
    struct ha_index_writer *writer;
    unsigned threads;

    struct ha_heap_facts facts;
    struct ha_arena arena;
    ha_batches batches;
    uint64_t heap_bytes; /* of all batches */
    uint64_t segments;   /* heap records of them */
    bool end_missing;    /* the file ends with a segment where HEAP_DUMP_END should be */
    ha_damages damages;
    uint64_t bad_arrays, bad_arrays_off; /* object arrays of classes that are none; of the last scan */
    uint64_t missing_classes, missing_off; /* classes that objects have and the dump does not; the first object of one */
    uint64_t bad_supers, bad_supers_off, deep_classes, cycles; /* classes whose hierarchy had to be cut, by reason */

    HA_VEC(struct ha_build_string) strings; /* sorted by id once read */
    HA_VEC(struct ha_build_load) loads;
    HA_VEC(struct ha_build_frame) frames;
    HA_VEC(struct ha_build_trace) traces;

    HA_VEC(struct ha_build_class) classes;
    HA_VEC(struct ha_build_field) fields;
    HA_VEC(struct ha_build_field) statics;
    struct ha_idmap class_ids;    /* class id -> class */
    struct ha_idmap load_names;   /* class id -> index in loads */
    uint32_t primitive_arrays[12]; /* class of the arrays of each element type */
    uint32_t class_class;          /* java.lang.Class */
    uint32_t object_array;         /* java.lang.Object[]: takes the object arrays whose class is no array */
    uint32_t fallback_class;       /* for objects whose class is none of the others; HA_NONE while there is no need */
    ha_build_root_lists roots; /* of all root records; gone after ha_build_scan() */
    uint64_t root_records;     /* how many there were */
    HA_VEC(uint64_t) mirrors; /* offsets of INSTANCEs that are class objects, which their CLASS_DUMPs stand for (MAT's exports have both) */
    uint64_t records;      /* instances, arrays and class dumps */
    bool duplicates;       /* some id has several records: pass 3 keeps the first */
    bool overlap;          /* two neighbouring object arrays would overlap with 8-byte references (MAT's test for compressed ones) */
    uint64_t descents;     /* objects whose address is below that of the one before (in the same batch) */
    uint64_t address_gcd;  /* of all addresses, 0 while there is none; only exact above 8 */

    struct ha_counts *counts; /* NULL: the heap has all objects; else the batches are the records of those that were chosen */
    struct ha_heap_addresses *addresses;
    HA_VEC(struct ha_root) final_roots;
    HA_VEC(struct ha_local) locals;
    HA_VEC(struct ha_thread) final_threads;
    HA_VEC(struct ha_build_extra) extras; /* sorted by source */

    struct ha_big class_column; /* section OCLS; in memory from pass 3 until the search is done */
    struct ha_big row_starts; /* 5 bytes per branch object: where its row begins in the targets; from pass 3 until the search is done */

    HA_VEC(char) text;               /* the text section */
    struct ha_idmap text_of_string;  /* string id -> offset in text */
    HA_VEC(struct ha_build_name) class_names;
    struct ha_idmap name_of_string;  /* string id -> index in class_names */
    struct ha_idmap bad_strings;     /* offsets of strings that were told to be no UTF-8 */
};

/* Pass 1. heap: from 1, 0 for the last. HA_ERR_USAGE when the file has no such heap. */
struct ha_err *ha_build_create(struct ha_input *input, uint32_t heap, struct ha_diag *diag, struct ha_progress *progress, unsigned threads,
                               struct ha_build **ret) HA_WARN_UNUSED;
void ha_build_destroy(struct ha_build *build);

/* Pass 2, numbering, roots and threads; the address map's sections are written. count: it is enough to know how many objects there are; where the
   dump allows to count them without numbering, build->counts is set, and the heap has but a few of the objects. */
struct ha_err *ha_build_scan(struct ha_build *build, struct ha_index_writer *writer, bool count) HA_WARN_UNUSED;

/* Greatest common divisor of addresses, as address_gcd keeps it; 0 stands for none. */
static inline uint64_t ha_build_gcd(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Whether the dump was written by jhsdb: one segment per sub-record, and no end. After ha_build_scan(). */
static inline bool ha_build_of_serviceability_agent(const struct ha_build *build)
{
    return build->segments == build->records + build->root_records;
}

/* Writes the sections of classes, names, roots, threads, facts. After pass 3. */
struct ha_err *ha_build_finish(struct ha_build *build) HA_WARN_UNUSED;

/* ---- walking a batch ---- */

/* Steps through the sub-records of a batch; segment headers are skipped. */
struct ha_batch_walk {
    struct ha_window *window;
    uint64_t off;      /* next sub-record */
    uint64_t seg_end;  /* end of the current segment */
    uint64_t end;      /* end of the batch */
    bool raw;
};

void ha_batch_walk_begin(const struct ha_batch *batch, struct ha_window *window, struct ha_batch_walk *ret);

/* Moves to the next heap segment of the batch; false at its end. */
bool ha_batch_walk_segment(struct ha_batch_walk *walk);

/* The class of a record; HA_NONE if the dump has no such class. */
HA_INLINE uint32_t ha_build_class_of(const struct ha_build *build, uint64_t class_id)
{
    return ha_idmap_get(&build->class_ids, class_id);
}

/* Looks up an address of the heap. */
HA_INLINE bool ha_build_find(const struct ha_build *build, uint64_t address, ha_obj *ret)
{
    return address != 0 && ha_addresses_find(build->addresses, address, ret);
}

/* ---- parts, used by heap_build.c and heap_scan.c ---- */

/* heap_names.c */
struct ha_err *ha_build_names_sort(struct ha_build *build) HA_WARN_UNUSED;
/* Text of a string of the file, modified UTF-8 made UTF-8, in `out`; "" when there is no such string. */
void ha_build_string_text(struct ha_build *build, struct ha_window *window, uint64_t id, struct ha_sbuf *out);
/* Whether a string of the file is exactly this text (ASCII); reads no more of it than that. */
bool ha_build_string_is(struct ha_build *build, struct ha_window *window, uint64_t id, const char *text);
/* Offset of the text in the text section. */
struct ha_err *ha_build_text_of_string(struct ha_build *build, struct ha_window *window, uint64_t id, uint32_t *ret) HA_WARN_UNUSED;
struct ha_err *ha_build_text(struct ha_build *build, const char *text, size_t len, uint32_t *ret) HA_WARN_UNUSED;
/* The name of a class by its LOAD_CLASS record, every string made once however many classes are called by it; text NULL if there is none. */
struct ha_err *ha_build_class_name(struct ha_build *build, struct ha_window *window, uint64_t class_id, struct ha_build_name *ret) HA_WARN_UNUSED;
struct ha_build_name ha_build_name_judge(const char *text); /* kind and element type of what is called so */
/* The Java source form of a class name as dumps write it: `[[I`, `Ljava/lang/String;`, `java/lang/String`, `Foo$$Lambda+0x…`, `int[]`. */
void ha_class_name_to_source(const char *name, size_t len, struct ha_sbuf *out);

/* heap_classes.c */
struct ha_err *ha_build_class_add(struct ha_build *build, const struct ha_class_dump *dump) HA_WARN_UNUSED;
struct ha_err *ha_build_class_make_up(struct ha_build *build, uint64_t id, const char *name, uint8_t kind) HA_WARN_UNUSED;
/* Names, hierarchy, kinds, layouts. `roots_known`: class roots are what the dump says; else every boot class that is no array is taken for one. */
struct ha_err *ha_build_classes_finish(struct ha_build *build, bool roots_known) HA_WARN_UNUSED;
/* Offsets of references in the payload, for the classes that have instances. */
struct ha_err *ha_build_classes_flatten(struct ha_build *build) HA_WARN_UNUSED;

/* Whether an object array cannot be of that class. */
HA_INLINE bool ha_build_is_no_array(const struct ha_build *build, uint32_t cls)
{
    return build->classes.data[cls].kind != HA_CLASS_OBJECT_ARRAY && !build->classes.data[cls].unnamed;
}

/* Whether an INSTANCE of java.lang.Class is the class object of a class that has a record of its own. */
HA_INLINE bool ha_build_is_mirror(const struct ha_build *build, uint64_t id)
{
    uint32_t cls = ha_build_class_of(build, id);
    return cls != HA_NONE && build->classes.data[cls].record != UINT64_MAX;
}

/* heap_mirrors.c */
/* The references in the fields of mirrors, as extras of their class objects. */
struct ha_err *ha_build_mirrors_finish(struct ha_build *build) HA_WARN_UNUSED;

/* heap_roots.c */
/* Takes up a root record. */
struct ha_err *ha_build_roots_add(ha_build_roots *roots, const struct ha_sub *record) HA_WARN_UNUSED;
/* Those of a batch behind those of the batches before it; *from is empty then. */
struct ha_err *ha_build_roots_move(ha_build_root_lists *lists, ha_build_roots *from) HA_WARN_UNUSED;
uint64_t ha_build_root_count(const ha_build_root_lists *lists); /* records */
void ha_build_roots_deinit(ha_build_roots *roots);
void ha_build_root_lists_deinit(ha_build_root_lists *lists);
/* Roots, threads, locals and extras of the heap. */
struct ha_err *ha_build_roots_finish(struct ha_build *build) HA_WARN_UNUSED;

#endif
