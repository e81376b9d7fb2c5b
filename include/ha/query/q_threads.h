/* SPDX-License-Identifier: MIT */
/*
 * Threads: every reachable instance of java.lang.Thread and its subclasses, largest retained size first.
 */
#ifndef HA_QUERY_Q_THREADS_H
#define HA_QUERY_Q_THREADS_H

#include "ha/base/regex.h"
#include "ha/query/q_label.h"

struct ha_thread_local_view {
    ha_obj obj;
    enum ha_root_kind kind; /* JAVA_LOCAL, JNI_LOCAL, NATIVE_STACK, THREAD_BLOCK */
};

struct ha_thread_frame {
    const char *method; /* com.acme.Foo.bar */
    const struct ha_frame *frame; /* class, method, signature, file, line */
    struct ha_thread_local_view *locals; /* distinct, in file order */
    uint64_t local_count;
};

struct ha_thread_view {
    ha_obj obj;
    const char *name;  /* "" when it has none; NULL when the dump does not tell */
    const char *state; /* new, runnable, blocked, waiting, timed waiting, parked, timed parked, sleeping, terminated, alive; NULL: unknown */
    bool daemon;
    bool is_virtual;
    bool is_root; /* the dump names it as a thread */
    bool oom;     /* it threw the OutOfMemoryError that wrote the dump */
    uint64_t retained_bytes;
    uint64_t max_local_retained_bytes; /* of its locals (only of objects that it dominates) */
    struct ha_thread_frame *frames;    /* frame 0 is the top */
    uint64_t frame_count;
    struct ha_thread_local_view *locals; /* that belong to no frame */
    uint64_t local_count;
};

struct ha_threads_options {
    struct ha_regex *name; /* only threads with such a name; NULL: all */
    bool with_locals;
    uint64_t limit; /* threads; 0: all */
};

struct ha_threads {
    struct ha_thread_view *list;
    uint64_t count, omitted;
};

struct ha_err *ha_threads_query(struct ha_query *q, const struct ha_threads_options *options, struct ha_threads *ret) HA_WARN_UNUSED;

/* The name of a thread, at most max_chars code points (0: all). false: the dump does not tell. */
bool ha_thread_name(struct ha_query *q, ha_obj thread, size_t max_chars, struct ha_sbuf *out);

/* Whether a thread object is a virtual thread (JDK 21 and later), by its class. */
bool ha_thread_is_virtual(const struct ha_heap *heap, ha_obj thread);

/* Who ran out of memory: the JVM puts a frame OutOfMemoryError.<init> on top of that thread's stack. */
struct ha_oom {
    bool found;
    ha_obj thread;
    const char *frame;             /* "com.acme.Foo.bar (Foo.java:17)", the frame below OutOfMemoryError.<init>; NULL: there is none */
    const char *application_frame; /* the first frame outside the platform's packages; NULL: there is none */
};
struct ha_err *ha_oom_query(struct ha_query *q, struct ha_oom *ret) HA_WARN_UNUSED;

/* "com.acme.Foo.bar" and "com.acme.Foo.bar (Foo.java:17)" of a frame. */
void ha_frame_method(const struct ha_frame *frame, struct ha_sbuf *out);
void ha_frame_text(const struct ha_frame *frame, struct ha_sbuf *out);

#endif
