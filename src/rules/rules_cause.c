/* SPDX-License-Identifier: MIT */
/*
 * Why class loaders are still alive, in words: the shortest strong path from a root to the nearest of them is compared with the known ways in which
 * JDK and libraries keep loaders. The table is in order: the first row that fits a reference of the path (from the root on) decides. A path that
 * fits none is told by the static field, the thread or the root that it comes from. Without a strong path there is no leak: the garbage collector
 * takes the loader away.
 */
#include <string.h>

#include "ha/query/q_paths.h"
#include "rules/rules_model.h"

#define CAUSES_MAX 200U /* searches of a run */

struct way {
    const char *class_name; /* of the object that refers: exact, or a prefix if it ends in '*'; NULL: any */
    const char *field;      /* its field; NULL: any */
    const char *words;
    const char *advice;
};

static const struct way ways[] = {
    {"java.sql.DriverManager", "registeredDrivers", "a JDBC driver that it registered in java.sql.DriverManager",
     "Deregister the driver when the application stops (DriverManager.deregisterDriver), or put the driver into the server's own libraries."},
    {"java.lang.ApplicationShutdownHooks", "hooks", "a shutdown hook that it registered",
     "Remove the hook when the application stops (Runtime.removeShutdownHook)."},
    {"com.mysql.*", NULL, "MySQL's clean-up thread or statics", "Call AbandonedConnectionCleanupThread.checkedShutdown() when the application stops."},
    {"java.beans.*", NULL, "the cache of bean introspection (java.beans)", "Call Introspector.flushCaches() when the application stops; newer JDKs mend it."},
    {"com.sun.beans.*", NULL, "the cache of bean introspection (com.sun.beans)", "Call Introspector.flushCaches() when the application stops; newer JDKs mend it."},
    {"sun.rmi.*", NULL, "an exported RMI object or RMI's own threads", "Unexport the objects when the application stops (UnicastRemoteObject.unexportObject)."},
    {"java.util.logging.*", NULL, "a level, handler or logger of java.util.logging", "Take custom levels and handlers away when the application stops."},
    {"sun.awt.*", NULL, "an AppContext of AWT", "Let the server touch AWT before applications do (Tomcat: JreMemoryLeakPreventionListener)."},
    {"sun.net.www.http.*", NULL, "the keep-alive timer of HTTP connections", "Let the server start that thread (Tomcat: JreMemoryLeakPreventionListener)."},
    {"java.util.ResourceBundle", NULL, "the cache of resource bundles", "Call ResourceBundle.clearCache(loader) when the application stops."},
    {"java.lang.ThreadLocal$ThreadLocalMap$Entry", "value", "a thread local of a thread that lives longer than it",
     "Call remove() on the ThreadLocal when the work is done, or renew the pool's threads when the application stops."},
    {"io.netty.util.internal.InternalThreadLocalMap", NULL, "a FastThreadLocal of Netty in a thread that lives longer than it",
     "Call FastThreadLocal.removeAll() when the work is done."},
    {NULL, "contextClassLoader", "the context class loader of a thread that still runs",
     "Stop the thread with the application, or set its context class loader to null if the thread belongs to the JDK."},
    {NULL, "inheritedAccessControlContext", "the access control context that a thread inherited when it was made",
     "Stop the thread with the application, or make it where none of the application's code is on the stack."},
    {"java.util.TimerThread", NULL, "a java.util.Timer that was not cancelled", "Cancel the timer when the application stops."},
    {"java.util.concurrent.ThreadPoolExecutor*", NULL, "a thread pool that was not shut down", "Shut the pool down when the application stops."},
    {"java.util.concurrent.ScheduledThreadPoolExecutor*", NULL, "a scheduler that was not shut down", "Shut the scheduler down when the application stops."},
    {"org.codehaus.groovy.*", NULL, "Groovy's registry of classes", "Clear the class cache, or set groovy.use.classvalue=true."},
};

static const char *class_name(const struct ha_heap *heap, ha_obj obj)
{
    ha_cls cls;
    if (!ha_heap_as_class(heap, obj, &cls)) {
        cls = ha_heap_class_of(heap, obj);
    }
    return ha_heap_class(heap, cls)->name;
}

static bool fits(const struct way *way, const char *name, const char *field)
{
    if (way->field != NULL && (field == NULL || strcmp(field, way->field) != 0)) {
        return false;
    }
    if (way->class_name == NULL) {
        return true;
    }
    size_t len = strlen(way->class_name);
    return way->class_name[len - 1] == '*' ? strncmp(name, way->class_name, len - 1) == 0 : strcmp(name, way->class_name) == 0;
}

/* A reference of the path that fits a row of the table, and that row. */
struct fit {
    const struct way *way; /* NULL: none */
    uint64_t at;           /* the step that refers */
};

static struct fit way_of(const struct ha_heap *heap, const struct ha_path *path)
{
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        for (uint64_t i = 0; i + 1 < path->count; i++) {
            const struct ha_step *next = &path->steps[i + 1];
            if (fits(&ways[w], class_name(heap, path->steps[i].obj), next->field == NULL ? NULL : next->edge.name)) {
                return (struct fit){&ways[w], i};
            }
        }
    }
    return (struct fit){NULL, 0};
}

/* The class that defines what a step is: of a class object that class, else its own. */
static ha_cls class_of_step(const struct ha_heap *heap, ha_obj obj)
{
    ha_cls cls;
    return ha_heap_as_class(heap, obj, &cls) ? cls : ha_heap_class_of(heap, obj);
}

static bool defined_by(const struct ha_heap *heap, ha_obj obj, ha_obj loader)
{
    return ha_obj_equal(ha_heap_class(heap, class_of_step(heap, obj))->loader, loader);
}

/* "CLASS.FIELD" of the static field nearest to the loader that is none of the loader's own classes; NULL: the path leads through none. */
static const char *static_words(struct run *run, const struct ha_path *path)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    for (uint64_t i = path->count; i-- > 1;) {
        const struct ha_step *step = &path->steps[i];
        ha_obj owner = path->steps[i - 1].obj;
        if (step->field != NULL && step->edge.kind == HA_EDGE_STATIC && !defined_by(heap, owner, path->target)) {
            const char *words = ha_arena_printf(run->arena, "%s.%s", class_name(heap, owner), step->edge.name);
            run->failed = run->failed || words == NULL;
            return words;
        }
    }
    return NULL;
}

/* What a thread that is the root does with classes of the loader. */
static const char *thread_words(struct run *run, const struct ha_path *path)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    if (defined_by(heap, path->steps[0].obj, path->target)) {
        return "a thread whose class it defined and that was not stopped";
    }
    const struct ha_step *second = path->count > 1 ? &path->steps[1] : NULL;
    if (second != NULL && second->field != NULL && second->edge.kind == HA_EDGE_LOCAL) {
        const char *method = strrchr(second->field, ' ');
        return method == NULL ? "a local variable of a running method" : ha_arena_printf(run->arena, "a local variable of the running method%s", method);
    }
    for (uint64_t i = 1; i + 1 < path->count; i++) {
        if (defined_by(heap, path->steps[i].obj, path->target)) {
            return ha_arena_printf(run->arena, "a thread that still runs and has a %s of it", class_name(heap, path->steps[i].obj));
        }
    }
    return "a thread that still runs";
}

/* No known way: what the path begins with. */
static const char *plain_words(struct run *run, const struct ha_path *path)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    const struct ha_step *first = &path->steps[0];
    if ((path->root.kinds & 1U << HA_ROOT_THREAD) != 0) {
        return thread_words(run, path);
    }
    if (path->count > 1 && path->steps[1].field != NULL) {
        return ha_arena_printf(run->arena, "%s, %s (root: %s)", class_name(heap, first->obj), path->steps[1].field, ha_root_kind_text(path->root.kind));
    }
    return ha_arena_printf(run->arena, "a root of kind %s", ha_root_kind_text(path->root.kind));
}

static const char *thread_name(struct run *run, ha_obj thread)
{
    struct ha_sbuf name = {0};
    const char *words = "";
    if (!ha_obj_is_none(thread) && ha_thread_name(&run->q, thread, 80, &name)) {
        words = ha_arena_printf(run->arena, " (thread \"%s\")", ha_sbuf_text(&name));
    }
    ha_sbuf_deinit(&name);
    return words == NULL ? "" : words;
}

/* The strong path in words. */
static void path_tell(struct run *run, struct group *group, const struct ha_path *path)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    struct fit fit = way_of(heap, path);
    const char *in_static = static_words(run, path);
    ha_obj thread = path->root.thread;
    if (fit.way == NULL && in_static != NULL) {
        group->cause = ha_arena_printf(run->arena, "the static field %s", in_static);
        group->cause_advice = "Take what belongs to it out of that field when it is stopped or closed: whatever holds an object of it holds all of it.";
    } else {
        const char *words = fit.way != NULL ? fit.way->words : plain_words(run, path);
        const char *more = in_static != NULL && !ha_class_name_is_platform(in_static) ? in_static : NULL;
        if (fit.way != NULL && ha_obj_is_none(thread) && ha_heap_thread_of(heap, path->steps[fit.at].obj) != NULL) {
            thread = path->steps[fit.at].obj;
        }
        group->cause = words == NULL  ? NULL
                       : more == NULL ? ha_arena_printf(run->arena, "%s%s", words, thread_name(run, thread))
                                      : ha_arena_printf(run->arena, "%s%s, kept in the static field %s", words, thread_name(run, thread), more);
        group->cause_advice = fit.way != NULL           ? fit.way->advice
                              : ha_obj_is_none(thread) ? "Find out who should have let go of it when it was stopped: 'paths' shows the way."
                                                       : "Stop that thread with the application: interrupt and join it, or shut its pool down.";
    }
    run->failed = run->failed || group->cause == NULL;
}

static void cause_find(struct run *run, struct group *group)
{
    static const struct ha_excludes strong = {.kinds = HA_EXCLUDE_DEFAULT};
    static const struct ha_excludes softly = {.kinds = HA_EXCLUDE_DEFAULT & ~HA_EXCLUDE_SOFT};
    struct ha_paths paths = {0};
    group->cause = "weak, phantom or finalizer references alone";
    group->cause_advice = "Nothing to do: one of the next garbage collections takes it away. If it is still there after a full one, look again.";
    if (group->objects.count == 0) {
        return;
    }
    struct ha_err *err = ha_paths_to_objects(&run->q, group->objects.data, group->objects.count, &(struct ha_paths_options){.excludes = &strong, .max = 1}, &paths);
    group->strong = err == NULL && paths.count > 0;
    if (err == NULL && paths.count == 0) {
        err = ha_paths_to_objects(&run->q, group->objects.data, group->objects.count, &(struct ha_paths_options){.excludes = &softly, .max = 1}, &paths);
    }
    if (err != NULL) {
        run->failed = true;
        ha_err_free(err);
    } else if (group->strong) {
        path_tell(run, group, &paths.list[0]);
    } else if (paths.count > 0) {
        group->cause = "soft references alone (caches)";
        group->cause_advice = "Nothing to do: the garbage collector takes it away when memory runs short.";
    }
}

static void cause_want(struct run *run, struct group *group)
{
    if (group->cause != NULL) {
        return;
    }
    if (run->causes == CAUSES_MAX) {
        group->cause = "something that was not looked for, since there are so many";
        group->cause_advice = "See to the others first.";
        return;
    }
    run->causes++;
    cause_find(run, group);
}

const char *group_cause(struct run *run, struct group *group, bool advice)
{
    cause_want(run, group);
    const char *text = advice ? group->cause_advice : group->cause;
    return text == NULL ? "" : text;
}

bool group_strong(struct run *run, struct group *group)
{
    cause_want(run, group);
    return group->strong;
}
