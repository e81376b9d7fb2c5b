/* SPDX-License-Identifier: MIT */
/*
 * What is in the heap: classes, objects, roots, threads, sizes, names; field values on demand from the dump. Read-only: everything lies in
 * sections of the index, written by heap_build.c, and is checked where it is used.
 *
 * Ownership: a ha_heap borrows the index and the input; names and tables live until ha_heap_close().
 */
#ifndef HA_HEAP_HEAP_H
#define HA_HEAP_HEAP_H

#include "ha/base/arena.h"
#include "ha/base/bytes.h"
#include "ha/base/err.h"
#include "ha/base/sbuf.h"
#include "ha/heap/heap_ids.h"
#include "ha/index/index.h"
#include "ha/input/input.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- classes ---- */

/* Value types; the numbers are those of the HPROF format. */
enum ha_type {
    HA_TYPE_REFERENCE = 2,
    HA_TYPE_BOOLEAN = 4,
    HA_TYPE_CHAR = 5,
    HA_TYPE_FLOAT = 6,
    HA_TYPE_DOUBLE = 7,
    HA_TYPE_BYTE = 8,
    HA_TYPE_SHORT = 9,
    HA_TYPE_INT = 10,
    HA_TYPE_LONG = 11
};

enum ha_class_kind {
    HA_CLASS_INSTANCE,
    HA_CLASS_OBJECT_ARRAY,
    HA_CLASS_PRIMITIVE_ARRAY
};

/* What a class is by its ancestors (itself included). */
enum {
    HA_CLASS_IS_CLASS = 1U << 0,     /* java.lang.Class itself */
    HA_CLASS_IS_REFERENCE = 1U << 1, /* java.lang.ref.Reference: element 0 of each row is the referent */
    HA_CLASS_IS_SOFT = 1U << 2,
    HA_CLASS_IS_WEAK = 1U << 3,
    HA_CLASS_IS_PHANTOM = 1U << 4,
    HA_CLASS_IS_FINAL = 1U << 5,     /* java.lang.ref.FinalReference, Finalizer */
    HA_CLASS_IS_THREAD = 1U << 6,
    HA_CLASS_IS_LOADER = 1U << 7,
    HA_CLASS_IS_MADE_UP = 1U << 8,   /* the dump names it but has no CLASS_DUMP */
    HA_CLASS_IS_ROOT = 1U << 9,      /* its class object is a GC root: references to it change no dominator */
    HA_CLASS_IS_SINK = 1U << 10,     /* a leaf: its class object refers to roots only (boot array classes) */
    HA_CLASS_IS_LEAF = 1U << 11,     /* its instances are leaf objects */
    HA_CLASS_IS_STRING = 1U << 12
};

struct ha_class {
    const char *name;     /* as in Java source: `byte[]`, `com.acme.Foo$Bar`, `Foo$$Lambda/0x…`; UTF-8, never NULL */
    ha_addr address;      /* the class id of the dump */
    ha_obj object;        /* the class object; HA_OBJ_NONE if it is no object of the heap */
    ha_cls super;         /* HA_CLS_NONE for java.lang.Object and where it is unknown */
    ha_obj loader;        /* HA_OBJ_NONE: the boot loader */
    uint32_t flags;       /* HA_CLASS_IS_… */
    uint32_t fields_first, fields_count;   /* own instance fields, in record order */
    uint32_t statics_first, statics_count; /* static fields, in record order */
    uint32_t payload_bytes; /* bytes of values in an INSTANCE_DUMP: own fields and those of all super classes */
    uint32_t reference_fields; /* of the whole hierarchy */
    uint8_t kind;           /* enum ha_class_kind */
    uint8_t element_type;   /* enum ha_type of a primitive array's elements, HA_TYPE_REFERENCE for object arrays */
};

/* Super classes above any class at most: longer chains are cut when the index is built. */
#define HA_CLASS_DEPTH_MAX 1000U

struct ha_field {
    const char *name; /* UTF-8 */
    uint32_t type;    /* enum ha_type */
};

struct ha_static {
    const char *name;
    uint32_t type;  /* enum ha_type */
    uint64_t value; /* bits as in the dump, zero-extended; a reference is an address */
};

/* Classes put into groups: by package (the empty name for classes without one) or by defining loader. */
enum ha_grouping_by {
    HA_GROUPING_PACKAGE,
    HA_GROUPING_LOADER
};

struct ha_grouping {
    uint32_t count;
    uint32_t *of_class;    /* per class: its group; groups are numbered in the order of their first class */
    uint32_t *first_class; /* per group */
};

/* ---- roots, threads ---- */

/* In the order in which an object that is a root in several ways shows them. */
enum ha_root_kind {
    HA_ROOT_SYSTEM_CLASS,
    HA_ROOT_JNI_GLOBAL,
    HA_ROOT_JNI_LOCAL,
    HA_ROOT_JAVA_LOCAL,
    HA_ROOT_NATIVE_STACK,
    HA_ROOT_THREAD_BLOCK,
    HA_ROOT_BUSY_MONITOR,
    HA_ROOT_THREAD,
    HA_ROOT_UNKNOWN,
    HA_ROOT_INTERNED_STRING,
    HA_ROOT_FINALIZING,
    HA_ROOT_DEBUGGER,
    HA_ROOT_REFERENCE_CLEANUP,
    HA_ROOT_VM_INTERNAL,
    HA_ROOT_JNI_MONITOR
};
#define HA_ROOT_KIND_COUNT 15

/* A distinct root object, after the thread rule (locals of a known thread belong to the thread and are no roots). */
struct ha_root {
    ha_obj obj;
    uint32_t kinds; /* bit set of 1 << enum ha_root_kind, never 0 */
};

struct ha_frame {
    const char *class_name; /* Java source form; "" when unknown */
    const char *method;
    const char *signature;  /* as in the class file, "" when unknown */
    const char *file;       /* "" when unknown */
    int32_t line;           /* > 0 line, 0 none, -1 unknown, -2 compiled, -3 native */
};

struct ha_local {
    ha_obj obj;
    uint32_t kind;  /* enum ha_root_kind: JAVA_LOCAL, JNI_LOCAL, NATIVE_STACK, THREAD_BLOCK */
    uint32_t frame; /* index into the thread's frames, 0 is the top; HA_NONE: none */
};

/* A thread that the dump names with a THREAD_OBJ root. */
struct ha_thread {
    ha_obj obj;
    uint32_t serial;
    uint32_t frames_first, frames_count;
    uint32_t locals_first, locals_count; /* in file order */
};

/* ---- the heap ---- */

struct ha_heap_facts {
    char format[24];             /* "JAVA PROFILE 1.0.2" */
    uint32_t id_size;            /* 4 or 8 */
    uint32_t heap, heaps;        /* which heap of the file this is, from 1, and how many there are */
    int64_t created_ms;          /* since 1970; of this heap's file header */
    uint64_t dump_bytes;         /* plain (inflated) size */
    uint32_t object_count;       /* all, unreachable ones included */
    uint32_t branch_count;
    uint32_t class_count;
    uint32_t compressed_references; /* 0 or 1, as MAT detects it */
    uint32_t object_alignment;
    uint64_t dangling_references; /* to addresses that are not in the heap */
    uint64_t reference_count;    /* edges kept in rows */
};

struct ha_gap;
struct ha_gap_arrays;
struct ha_array_count;
struct ha_heap_addresses; /* address <-> number, heap_addresses.c */

struct ha_heap {
    struct ha_heap_facts facts;
    const struct ha_class *classes;
    const struct ha_field *fields;
    const struct ha_static *statics;
    const struct ha_root *roots; /* ascending by object number */
    const struct ha_thread *threads; /* ascending by object number */
    const struct ha_local *locals;
    const struct ha_frame *frames;
    uint64_t field_count, static_count, root_count, thread_count, local_count, frame_count;

    const uint8_t *class_column; /* class_width bytes per object, little-endian */
    uint32_t class_width;        /* 2 or 4 */
    const uint8_t *offset_column; /* 5 bytes per object: offset of its record in the dump; all ones: made up, no record. NULL: see samples */
    const uint8_t *samples;       /* 5 bytes per line of addresses: where the records of its objects begin, one after the other; all ones: none */
    const uint64_t *strays;       /* pairs (object, offset of its record), ascending: records that are not there */
    uint64_t stray_count;
    const uint8_t *array_bits;    /* one bit per object: it is an array */
    const uint32_t *array_ranks;  /* arrays before each block of 512 objects */
    const uint32_t *array_lengths;
    uint64_t array_count;

    const struct ha_gap *gaps;    /* per class: distances between objects (heap_gaps.h) */
    const struct ha_gap_arrays *gap_arrays;
    const uint32_t *chunks;       /* pairs (object, words of stack), ascending: jdk.internal.vm.StackChunk */
    uint64_t chunk_count;

    const uint64_t *counts;       /* objects per class; NULL: the heap has all its objects. Else it has but a few, and these are all (heap_counts.h) */
    const struct ha_array_count *array_counts;
    uint64_t array_count_count;
    uint64_t counted_objects;

    const void *instance_ranges;  /* objects of classes that have few: ha_heap_instances(); NULL: not there */
    const uint32_t *instances;
    uint64_t instance_count;

    const uint32_t *class_objects; /* pairs (object, class), ascending by object: class objects */
    uint64_t class_object_count;

    bool utf16_big_endian; /* byte order of UTF-16 in the byte[] of strings: that of the machine that ran the JVM */

    struct ha_heap_addresses *addresses;
    struct ha_input *input;
    struct ha_arena tables; /* memory behind classes, fields, statics and frames */
};

/* Attaches to the sections of an index. All tables are checked; columns are checked as they are read. HA_ERR_INPUT: the index is not usable. */
struct ha_err *ha_heap_open(const struct ha_index *index, struct ha_input *input, struct ha_heap **ret) HA_WARN_UNUSED;
void ha_heap_close(struct ha_heap *heap); /* NULL is fine */

/* Objects of the heap, those included that were only counted. */
static inline uint64_t ha_heap_object_total(const struct ha_heap *heap)
{
    return heap->counts != NULL ? heap->counted_objects : heap->facts.object_count;
}

/* Object at an address. */
bool ha_heap_find(const struct ha_heap *heap, ha_addr address, ha_obj *ret);
ha_addr ha_heap_address(const struct ha_heap *heap, ha_obj obj);

/* Which of two objects has the lower address: < 0, 0, > 0. Among branch objects, and among leaves, numbers ascend with addresses, so that these need not be
   looked up. */
static inline int ha_heap_compare_addresses(const struct ha_heap *heap, ha_obj a, ha_obj b)
{
    if ((a.i < heap->facts.branch_count) == (b.i < heap->facts.branch_count)) {
        return (a.i > b.i) - (a.i < b.i);
    }
    ha_addr x = ha_heap_address(heap, a), y = ha_heap_address(heap, b);
    return (x > y) - (x < y);
}

/* The class of an object (java.lang.Class for class objects); class 0 if the index is wrong. */
static inline ha_cls ha_heap_class_of(const struct ha_heap *heap, ha_obj obj)
{
    uint32_t c = heap->class_width == 2 ? ha_le16(heap->class_column + 2 * (size_t)obj.i)
                                        : ha_le32(heap->class_column + 4 * (size_t)obj.i);
    return (ha_cls){HA_LIKELY(c < heap->facts.class_count) ? c : 0};
}

/* Asks the memory for what ha_heap_class_of() is going to read. */
HA_INLINE void ha_heap_class_prefetch(const struct ha_heap *heap, ha_obj obj)
{
    __builtin_prefetch(heap->class_column + (size_t)heap->class_width * obj.i);
}

static inline const struct ha_class *ha_heap_class(const struct ha_heap *heap, ha_cls cls)
{
    return &heap->classes[cls.i];
}

/* The class that a class object stands for; false if obj is no class object. */
bool ha_heap_as_class(const struct ha_heap *heap, ha_obj obj, ha_cls *ret);

/* Elements of an array; 0 for other objects. */
uint32_t ha_heap_array_length(const struct ha_heap *heap, ha_obj obj);

/* How many objects with smaller numbers are arrays: the place of an array's length in array_lengths. All arrays, if there is no such object. O(1). */
uint64_t ha_heap_arrays_before(const struct ha_heap *heap, ha_obj obj);

static inline bool ha_heap_is_array(const struct ha_heap *heap, ha_obj obj)
{
    return (heap->array_bits[obj.i >> 3] >> (obj.i & 7) & 1) != 0;
}

/* Classes of a name (exact), all loaders: calls back in class number order; returns how many. */
uint32_t ha_heap_classes_named(const struct ha_heap *heap, const char *name, void (*fn)(void *ctx, ha_cls cls), void *ctx);
bool ha_heap_class_is_a(const struct ha_heap *heap, ha_cls cls, ha_cls ancestor);

/* Root kinds of an object (bit set), 0 if it is none. */
uint32_t ha_heap_root_kinds(const struct ha_heap *heap, ha_obj obj);
const char *ha_root_kind_text(enum ha_root_kind kind); /* as the JSON contract has it: "system class", "JNI global", … */
const struct ha_thread *ha_heap_thread_of(const struct ha_heap *heap, ha_obj obj); /* NULL: not a thread of the dump */

/* Walks all objects in ascending address order. */
struct ha_heap_walk {
    const struct ha_heap *heap;
    uint64_t position;
    uint64_t branch_next, leaf_next;
};
void ha_heap_walk_begin(const struct ha_heap *heap, struct ha_heap_walk *ret);
bool ha_heap_walk_next(struct ha_heap_walk *walk, ha_obj *ret_obj, ha_addr *ret_address);

/* heap_groups.c. Free with ha_grouping_deinit(). */
struct ha_err *ha_heap_group(const struct ha_heap *heap, enum ha_grouping_by by, struct ha_grouping *ret) HA_WARN_UNUSED;
void ha_grouping_deinit(struct ha_grouping *grouping);

/* The length of a class name without the `/0x…` of a hidden class (its instance of the same run): "Foo$$Lambda/0x0000" gives that of "Foo$$Lambda". */
size_t ha_class_name_length(const char *name);

/* The length of the package part of a class name ("com.acme" of "com.acme.Foo$Bar[]"); 0: no package, or a primitive array. */
size_t ha_class_package_length(const char *name);

/* ---- field values, read from the dump ---- */

struct ha_value {
    enum ha_type type;
    uint64_t bits; /* integers sign-extended (char, boolean zero-extended), float and double as their bits, references as addresses */
};

/* Where a field lies in the payload of instances of a class. */
struct ha_field_at {
    const struct ha_field *field;
    ha_cls declared_in;
    uint32_t offset; /* in the payload */
};

/* Walks the instance fields of cls, own first, then super's, as in the record: *at must be zeroed before the first call. */
struct ha_field_walk {
    ha_cls cls;      /* class whose fields are being walked */
    uint32_t next;   /* field within it */
    uint32_t offset;
    uint32_t depth;
};
void ha_field_walk_begin(ha_cls cls, struct ha_field_walk *ret);
bool ha_field_walk_next(const struct ha_heap *heap, struct ha_field_walk *walk, struct ha_field_at *ret);

/* Finds an instance field by name, searching from cls upwards; declared_in (may be NULL) names the declaring class. */
bool ha_heap_field_find(const struct ha_heap *heap, ha_cls cls, const char *declared_in, const char *name, struct ha_field_at *ret);
/* Finds a static field of the class itself. */
const struct ha_static *ha_heap_static_find(const struct ha_heap *heap, ha_cls cls, const char *name);

/* Reads the value of a field of an instance. false: no such bytes (short record, damage, read error). */
bool ha_heap_read(const struct ha_heap *heap, struct ha_window *window, ha_obj obj, const struct ha_field_at *at, struct ha_value *ret);

/* The same by name; NULL-safe shortcuts for analyses. false: no such field, wrong type, or unreadable. */
bool ha_heap_read_reference(const struct ha_heap *heap, struct ha_window *window, ha_obj obj, const char *field, ha_obj *ret); /* false too for null and dangling */
bool ha_heap_read_long(const struct ha_heap *heap, struct ha_window *window, ha_obj obj, const char *field, int64_t *ret);      /* any integer type, boolean, char */

/* Element `i` of an array. */
bool ha_heap_read_element(const struct ha_heap *heap, struct ha_window *window, ha_obj array, uint32_t i, struct ha_value *ret);

/* Where the body of an object's record lies in the dump: field values of an instance, elements of an array. */
struct ha_body {
    uint64_t off;
    uint64_t bytes;
    uint32_t elements; /* arrays */
};
bool ha_heap_body(const struct ha_heap *heap, struct ha_window *window, ha_obj obj, struct ha_body *ret);

/* Text of a java.lang.String (all JDK layouts), at most max_chars code points (0: all); *ret_cut (may be NULL): there is more. false: not a string or unreadable. */
bool ha_heap_string(const struct ha_heap *heap, struct ha_window *window, ha_obj obj, size_t max_chars, struct ha_sbuf *out, bool *ret_cut);

uint32_t ha_type_bytes(enum ha_type type, uint32_t id_size); /* 0 for no type */
const char *ha_type_name(enum ha_type type);                 /* "int", "boolean", …; "object" for references */

/* ---- shallow sizes ---- */

enum ha_size_model {
    HA_SIZES_JVM, /* as the JVM counts them; the default */
    HA_SIZES_MAT  /* as Eclipse MAT estimates them */
};

const char *ha_size_model_name(enum ha_size_model model); /* "jvm", "mat" */

/* A fact about the JVM that sizes depend on, and how it was found. */
struct ha_size_part {
    const char *part; /* "reference_bytes", … */
    uint64_t value;
    const char *text; /* NULL: `value` is a number; "": it is a truth value; else the value itself */
    const char *found_by;
};
#define HA_SIZE_PARTS 8U

struct ha_sizes {
    enum ha_size_model model;
    const struct ha_heap *heap;
    const uint32_t *class_sizes; /* per class: bytes of an instance (0 for arrays) */
    const uint32_t *object_sizes; /* per class: bytes of its class object */
    uint32_t reference_bytes;
    uint32_t alignment;
    uint32_t object_array_base, narrow_array_base, wide_array_base; /* bytes before the first element; narrow: of 1, 2 or 4 bytes, wide: of 8 */
    ha_cls chunk_class;       /* its instances have a size of their own each; HA_CLS_NONE: there is no such class */
    struct ha_size_part parts[HA_SIZE_PARTS];
    uint32_t part_count;      /* 0 for models that find nothing */
    uint32_t by_gaps, by_layout; /* classes of instances by what decided about their size */
};

/* Reads the words of stack of all StackChunk objects from the dump: pairs (object, words), ascending by object. The caller frees them with ha_free();
   NULL and 0 where there are none. Called once, when the index is built. */
struct ha_err *ha_heap_chunks(const struct ha_heap *heap, uint32_t **ret_pairs, uint64_t *ret_count) HA_WARN_UNUSED;

struct ha_err *ha_sizes_create(const struct ha_heap *heap, enum ha_size_model model, struct ha_sizes **ret) HA_WARN_UNUSED;
void ha_sizes_destroy(struct ha_sizes *sizes);

/* What the model found out about a part by name ("header_bytes", …); NULL where it found no such thing. Borrowed. */
const struct ha_size_part *ha_sizes_part(const struct ha_sizes *sizes, const char *part);

/* Shallow size of an object in bytes; a multiple of the object alignment. */
uint64_t ha_sizes_of(const struct ha_sizes *sizes, ha_obj obj);
uint64_t ha_sizes_of_array(const struct ha_sizes *sizes, const struct ha_class *cls, uint32_t length);

/* The same of all arrays that were counted. */
uint64_t ha_sizes_of_arrays(const struct ha_sizes *sizes, const struct ha_array_count *count);

#endif
