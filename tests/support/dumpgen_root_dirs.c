/* SPDX-License-Identifier: MIT */
/*
 * Directives about threads and roots: thread, trace, frame, local, root.
 */
#include "dumpgen_parse.h"

#include <string.h>

/* --- threads ----------------------------------------------------------------------------------------------------- */

static bool thread_directive(struct parser *p)
{
    uint64_t id;
    uint64_t name = 0;
    uint32_t serial = p->next_thread;
    int64_t trace = -1;
    if (!parse_own_id(p, &id)) {
        return false;
    }
    const struct gen_class *c = gen_class_by_name(gen_heap(p->f), "java.lang.Thread");
    uint64_t cls = c != NULL ? c->id : 0;
    if (p->lex.kind == GEN_STRING && !parse_value(p, HPROF_OBJECT, &name)) {
        return false;
    }
    while (p->lex.kind == GEN_WORD) {
        bool known = true;
        bool ok = parse_keyword(p, "serial")  ? parse_u32(p, &serial)
                  : parse_keyword(p, "trace") ? parse_number(p, &trace)
                  : parse_keyword(p, "class") ? parse_class(p, &cls)
                                              : (known = false);
        if (!known) {
            break;
        }
        if (!ok) {
            return false;
        }
    }
    if (cls == 0) {
        return parse_fail(p, "a thread needs java.lang.Thread ('use jdk17')");
    }
    size_t at = gen_heap(p->f)->objects.count;
    gen_instance_set(p->f, gen_instance_add(p->f, id, cls), "name", name);
    while (!at_end(p)) {
        if (!parse_assignment(p, at)) {
            return false;
        }
    }
    uint32_t trace_serial = trace < 0 ? serial + 1 : (uint32_t)trace;
    struct gen_root *r = gen_root_add(p->f, HPROF_ROOT_THREAD_OBJECT, id);
    r->a = serial;
    r->b = trace_serial;
    if (trace_serial != 0) {
        gen_trace_add(p->f, trace_serial, serial);
    }
    p->last_thread = serial;
    p->next_thread = serial + 1;
    return true;
}

static bool trace_directive(struct parser *p)
{
    uint32_t serial;
    uint32_t thread = 0;
    if (!parse_u32(p, &serial) || (parse_keyword(p, "thread") && !parse_u32(p, &thread))) {
        return false;
    }
    gen_trace_add(p->f, serial, thread);
    return true;
}

/* frame "com.acme.Foo.bar" "Foo.java" 12 sig "(I)V" */
static bool frame_directive(struct parser *p)
{
    const char *name;
    if (p->f->traces.count == 0) {
        return parse_fail(p, "a frame before any thread or trace");
    }
    if (!parse_word(p, &name)) {
        return false;
    }
    const char *dot = strrchr(name, '.');
    if (dot == NULL) {
        return parse_fail(p, "expected CLASS.METHOD, got '%s'", name);
    }
    struct gen_trace *t = &p->f->traces.data[p->f->traces.count - 1];
    const char *cls = gen_name(p->f, name, (size_t)(dot - name));
    struct gen_frame *frame = gen_frame_add(p->f, t, cls, dot + 1);
    if (!at_end(p) && !parse_keyword(p, "null") && !parse_word(p, &frame->source)) {
        return false;
    }
    int64_t line = -1;
    if (!at_end(p) && !parse_number(p, &line)) {
        return false;
    }
    frame->line = (int32_t)line;
    return !parse_keyword(p, "sig") || parse_word(p, &frame->signature);
}

/* --- roots ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum hprof_root kind;
} root_names[] = {
    {"unknown", HPROF_ROOT_UNKNOWN},
    {"sticky", HPROF_ROOT_STICKY_CLASS},
    {"jni-global", HPROF_ROOT_JNI_GLOBAL},
    {"jni-local", HPROF_ROOT_JNI_LOCAL},
    {"java-frame", HPROF_ROOT_JAVA_FRAME},
    {"native-stack", HPROF_ROOT_NATIVE_STACK},
    {"thread-block", HPROF_ROOT_THREAD_BLOCK},
    {"monitor", HPROF_ROOT_MONITOR_USED},
    {"thread", HPROF_ROOT_THREAD_OBJECT},
    {"interned-string", HPROF_ROOT_INTERNED_STRING},
    {"finalizing", HPROF_ROOT_FINALIZING},
    {"debugger", HPROF_ROOT_DEBUGGER},
    {"reference-cleanup", HPROF_ROOT_REFERENCE_CLEANUP},
    {"vm-internal", HPROF_ROOT_VM_INTERNAL},
    {"jni-monitor", HPROF_ROOT_JNI_MONITOR},
    {"unreachable", HPROF_ROOT_UNREACHABLE},
};

static bool parse_root_kind(struct parser *p, enum hprof_root *ret)
{
    for (size_t i = 0; i < sizeof root_names / sizeof root_names[0]; i++) {
        if (parse_keyword(p, root_names[i].name)) {
            *ret = root_names[i].kind;
            return true;
        }
    }
    return parse_fail(p, "unknown kind of root '%s'", token_text(p));
}

static bool parse_root_details(struct parser *p, struct gen_root *r)
{
    while (!at_end(p)) {
        bool ok =
            parse_keyword(p, "thread") || parse_keyword(p, "serial") || parse_keyword(p, "jni")
                ? parse_unsigned(p, &r->a)
            : parse_keyword(p, "frame") || parse_keyword(p, "trace")
                ? parse_u32(p, &r->b)
                : parse_fail(p, "'%s' is no part of a root", token_text(p));
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool root_directive(struct parser *p)
{
    enum hprof_root kind = HPROF_ROOT_UNKNOWN;
    uint64_t id;
    if (!parse_root_kind(p, &kind) || !parse_class(p, &id)) {
        return false;
    }
    struct gen_root *r = gen_root_add(p->f, kind, id);
    if (kind != HPROF_ROOT_THREAD_OBJECT) {
        r->b = UINT32_MAX;
    }
    return parse_root_details(p, r);
}

static bool local_directive(struct parser *p)
{
    uint64_t id;
    if (!parse_class(p, &id)) {
        return false;
    }
    struct gen_root *r = gen_root_add(p->f, HPROF_ROOT_JAVA_FRAME, id);
    r->a = p->last_thread;
    return parse_root_details(p, r);
}

const struct directive gen_root_directives[] = {
    {"thread", thread_directive}, {"trace", trace_directive}, {"frame", frame_directive},
    {"root", root_directive},     {"local", local_directive}, {NULL, NULL},
};
