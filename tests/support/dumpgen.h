/* SPDX-License-Identifier: MIT */
/*
 * A small Java heap as a model, built by calls or from text, and written as an HPROF file the way one producer or another would write it.
 * The naive oracle (oracle.h) computes its answers from the same model, never from the file.
 *
 *     struct gen_file f;
 *     struct gen_error error;
 *     gen_file_init(&f);
 *     if (!gen_parse(&f, "leak.heap", text, &error)) { ... error.message: "leak.heap:3: unknown class 'Foo'" }
 *     gen_file_write(&f, "leak.hprof");                      or gen_file_write_memory(&f, &data, &bytes)
 *     gen_file_deinit(&f);
 *
 * The text: one directive a line; a line that begins with a blank continues the one above; '#' begins a comment; commas count as blanks.
 *
 *     hprof 1.0.2 id 8 time 1700000000000             header (these are the defaults)
 *     use jdk17                                       boot classes: jdk6 jdk8 jdk17 jdk25 | agent | collections | minimal
 *     class com.acme.Foo @0x2000 super com.acme.Base loader @0x5000
 *       fields ref next, int n, ref payload
 *       statics ref LEAKED=@0x3000, int COUNT=7
 *     object @0x3000 com.acme.Foo next=@0x3020 n=5    fields not named are 0 or null
 *     array @0x3040 java.lang.Object[] [@0x3000, null*3, @0x3020, "text"]
 *     bytes @0x3060 "text"                            also booleans chars shorts ints longs floats doubles
 *     ints @0x3070 [1, 2, 0*10, -3]
 *     string @0x3080 "hello"                          a java.lang.String with the value array of the JDK in use
 *     thread @0x4000 "main" serial 1                  a java.lang.Thread, its THREAD_OBJ root and a trace
 *     frame "com.acme.Foo.bar" "Foo.java" 12          appended to the last trace
 *     local @0x3000 frame 0                           a Java frame root of the last thread
 *     root jni-global @0x3040
 *
 * tests/support/README.md has every directive. An address is @ and a number (@0x3000), or @ and a name (@leak): named objects, and those
 * without an address, are laid out one after the other from `base`, as a JVM would place them. @java.lang.String is the class object.
 *
 * Ids may be used before they are defined; classes must stand before their instances.
 */
#ifndef DUMPGEN_H
#define DUMPGEN_H

#include "hprof_out.h"
#include "support_mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ids with this prefix are labels, replaced by addresses in gen_file_resolve(). */
#define GEN_LABEL_PREFIX 0xfa1b000000000000ULL
#define GEN_LABEL_MASK 0xffff000000000000ULL

struct gen_error {
    char message[256];
};

struct gen_field {
    const char *name; /* owned by the file's names */
    enum hprof_type type;
};

struct gen_static {
    struct gen_field field;
    uint64_t value;
};

struct gen_class {
    uint64_t id, super, loader, signers, domain;
    const char *name; /* as in Java source: com.acme.Foo, byte[], java.lang.Object[] */
    SUP_VEC(struct gen_field) fields;
    SUP_VEC(struct gen_static) statics;
    SUP_VEC(struct gen_static) constants; /* constant pool; names unused */
    int64_t instance_size;                /* -1: the sum of the field sizes */
    bool no_dump;                         /* no CLASS_DUMP: its instances have a missing class */
    bool no_load;                         /* no LOAD_CLASS: its name is missing */
};

enum gen_kind { GEN_INSTANCE, GEN_OBJECT_ARRAY, GEN_PRIM_ARRAY };

struct gen_object {
    uint64_t id;
    uint64_t cls; /* class id; 0 for primitive arrays */
    enum gen_kind kind;
    enum hprof_type type; /* of a primitive array */
    uint32_t trace;       /* trace serial; 0: the default of the file */
    uint32_t count;       /* values or elements */
    uint64_t *
        values; /* field values in file order (own class first, then super classes), or elements; NULL if data is used */
    uint8_t *data; /* payload as written: primitive arrays, and instances given as bytes */
    uint32_t data_bytes;
};

struct gen_root {
    enum hprof_root kind;
    uint64_t id;
    uint64_t a; /* as hprof_out_root() wants them */
    uint32_t b;
};

struct gen_frame {
    const char *class_name, *method, *signature, *source; /* source may be NULL */
    int32_t line;
};

struct gen_trace {
    uint32_t serial, thread;
    SUP_VEC(struct gen_frame) frames;
};

enum gen_place {
    GEN_AT_HEADER,   /* before the first record */
    GEN_AT_RECORDS,  /* after the top-level records, before the first heap */
    GEN_AT_HEAP,     /* first in the heap */
    GEN_AT_HEAP_END, /* last in the heap */
    GEN_AT_END,      /* end of the file */
    GEN_BEFORE,      /* before the record of an object or class */
    GEN_AFTER
};

struct gen_raw {
    enum gen_place place;
    uint64_t id;
    struct sup_bytes bytes;
};

struct gen_label {
    const char *name; /* NULL: without a name */
    int line;         /* of its first mention */
};

struct gen_heap {
    SUP_VEC(struct gen_class) classes;
    SUP_VEC(struct gen_object) objects;
    SUP_VEC(struct gen_root) roots;
    SUP_VEC(struct gen_raw) raws;
    SUP_VEC(struct gen_label) labels;
    struct sup_map class_of_id, object_of_id;
    bool
        sticky_boot; /* every non-array class of the boot loader gets a sticky root when resolved */
};

enum gen_string_style { GEN_STRING_BYTES, GEN_STRING_CHARS };
enum gen_group { GEN_CLASSES, GEN_OBJECTS, GEN_ROOTS };
enum gen_sequence { GEN_ASCENDING, GEN_AS_WRITTEN, GEN_SHUFFLED };

struct gen_patch {
    int64_t off; /* negative: from the end of the file */
    struct sup_bytes bytes;
};

struct gen_options {
    struct hprof_out_options out;
    bool dotted_names;
    enum gen_group order[3];
    enum gen_sequence sequence; /* of the objects */
    bool shuffle_all;           /* all sub-records in one random order */
    uint64_t seed;
    bool has_truncate, has_heap_length;
    int64_t truncate;     /* bytes to keep; negative: bytes to cut */
    uint32_t heap_length; /* written into the last heap record */
    enum gen_string_style strings;
    unsigned ref_bytes; /* of the imagined JVM, for the layout of addresses: 4 or 8 */
    unsigned alignment;
    bool dense;           /* addresses one apart, as the ids of the old agent */
    uint64_t base;        /* 0: 0x700000000 (id size 8) or 0x10000000 */
    uint64_t string_base; /* 0: 0x7f5a00000000 (id size 8) or 0x08000000 */
    uint32_t trace;       /* default trace serial of classes and objects */
};

struct gen_file {
    struct gen_options options;
    char version[32];
    SUP_VEC(struct gen_heap *) heaps; /* at least one; the last is the one directives go to */
    SUP_VEC(struct gen_trace) traces;
    SUP_VEC(struct gen_patch) patches;
    SUP_VEC(char *) names; /* interned */
    struct sup_map names_by_hash;
};

/* Defaults: HotSpot 17, 64 bit, compressed references, one empty heap. */
void gen_file_init(struct gen_file *f);
void gen_file_deinit(struct gen_file *f);

/* --- building ------------------------------------------------------------------------------------------------------
 * Pointers to classes and objects are valid until the next one is added. */

const char *gen_name(struct gen_file *f, const char *text, size_t len); /* interned copy */
struct gen_heap *gen_heap(struct gen_file *f);                          /* the last heap */
struct gen_heap *gen_heap_add(struct gen_file *f,
                              bool copy); /* a further heap, empty or a copy of the last */

uint64_t gen_label(struct gen_file *f, const char *name,
                   int line); /* NULL: a new label without a name */

struct gen_class *gen_class_add(struct gen_file *f, uint64_t id, const char *name, uint64_t super,
                                uint64_t loader);
void gen_class_field(struct gen_file *f, struct gen_class *c, enum hprof_type type,
                     const char *name);
void gen_class_static(struct gen_file *f, struct gen_class *c, enum hprof_type type,
                      const char *name, uint64_t value);

/* All fields 0. The class and its supers must be complete; a class that is missing or not dumped gives an instance without values. */
struct gen_object *gen_instance_add(struct gen_file *f, uint64_t id, uint64_t cls);
bool gen_instance_set(struct gen_file *f, struct gen_object *o, const char *field,
                      uint64_t value); /* false: no such field */
enum hprof_type gen_instance_type(const struct gen_heap *h, const struct gen_object *o,
                                  const char *field); /* 0: none */
struct gen_object *gen_array_add(struct gen_file *f, uint64_t id, uint64_t cls,
                                 uint32_t count); /* all null */
struct gen_object *gen_prim_add(struct gen_file *f, uint64_t id, enum hprof_type type,
                                uint32_t count); /* all 0 */
struct gen_object *gen_char_array_add(struct gen_file *f, uint64_t id, const char *utf8);
uint64_t gen_string_add(struct gen_file *f, uint64_t id,
                        const char *utf8); /* the id; 0 if java.lang.String is missing */
struct gen_root *gen_root_add(struct gen_file *f, enum hprof_root kind, uint64_t id);
struct gen_trace *gen_trace_add(struct gen_file *f, uint32_t serial, uint32_t thread);
struct gen_frame *gen_frame_add(struct gen_file *f, struct gen_trace *t, const char *cls,
                                const char *method);

/* The class NAME[] or PRIMITIVE[]; made when absent, with the loader of its element class. 0 if the element class is unknown. */
uint64_t gen_array_class(struct gen_file *f, const char *name);

/* --- looking up ------------------------------------------------------------------------------------------------------ */

struct gen_class *gen_class_by_name(const struct gen_heap *h, const char *name);
struct gen_class *gen_class_by_id(const struct gen_heap *h,
                                  uint64_t id); /* also those that are not dumped */
struct gen_object *gen_object_by_id(const struct gen_heap *h,
                                    uint64_t id); /* the last, if several have it */

bool gen_name_is_array(const char *name);
enum hprof_type gen_type_by_name(const char *name, size_t len); /* "int", "ref", …; 0 if unknown */
const char *gen_type_name(enum hprof_type type);                /* "object" for references */

/* The fields of an instance in file order. */
struct gen_slot {
    const struct gen_class *owner;
    const struct gen_field *field;
};

/* Fills at most `max` slots, returns how many there are. Stops at a super class that the dump lacks. */
size_t gen_layout(const struct gen_heap *h, uint64_t cls, struct gen_slot *ret, size_t max);
uint32_t gen_layout_bytes(const struct gen_heap *h, uint64_t cls,
                          unsigned id_size); /* payload of an instance */

/* --- text, resolving, writing ---------------------------------------------------------------------------------------- */

/* Reads directives and resolves. `name` stands in messages. */
bool gen_parse(struct gen_file *f, const char *name, const char *text, struct gen_error *error);
bool gen_parse_file(struct gen_file *f, const char *path, struct gen_error *error);

/* Adds the classes of a JDK: "jdk17" and so on. False: unknown. */
bool gen_use(struct gen_file *f, const char *what, struct gen_error *error);

/* Gives labels their addresses and sorts out sticky roots; call once after building by calls. False: a label without definition. */
bool gen_file_resolve(struct gen_file *f, struct gen_error *error);

/* NULL, or why it failed. */
const char *gen_file_write(const struct gen_file *f, const char *path);
void gen_file_write_memory(const struct gen_file *f, uint8_t **ret_data,
                           size_t *ret_bytes); /* free() the data */

#endif
