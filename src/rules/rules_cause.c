/* SPDX-License-Identifier: MIT */
/*
 * Why a class loader is still alive, by name: the shortest strong path from a root to it is compared with the known ways in which JDK and
 * libraries keep loaders. The table is in order: the first row that fits a reference of the path (from the root on) decides.
 */
#include <string.h>

#include "ha/query/q_paths.h"
#include "rules/rules_model.h"

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

static const struct way *way_of(const struct ha_heap *heap, const struct ha_path *path)
{
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        for (uint64_t i = 0; i + 1 < path->count; i++) {
            const struct ha_step *next = &path->steps[i + 1];
            if (fits(&ways[w], class_name(heap, path->steps[i].obj), next->field == NULL ? NULL : next->edge.name)) {
                return &ways[w];
            }
        }
    }
    return NULL;
}

/* No known way: what the path begins with. */
static const char *plain_words(struct run *run, const struct ha_path *path, ha_obj loader)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    const struct ha_step *first = &path->steps[0];
    ha_cls cls = ha_heap_class_of(heap, first->obj);
    if ((path->root.kinds & 1U << HA_ROOT_THREAD) != 0) {
        ha_obj own = ha_heap_class(heap, cls)->loader;
        return ha_obj_equal(own, loader) ? "a thread whose class it defined and that was not stopped" : "a thread that still runs";
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

static void cause_find(struct run *run, struct group *group)
{
    static const struct ha_excludes strong = {.kinds = HA_EXCLUDE_DEFAULT};
    struct ha_paths paths = {0};
    group->cause = "only weak, soft, phantom or finalizer references";
    group->cause_advice = "It will go with one of the next garbage collections.";
    if (group->objects.count == 0) {
        return;
    }
    struct ha_err *err = ha_paths_to_objects(&run->q, group->objects.data, 1, &(struct ha_paths_options){&strong, 1}, &paths);
    if (err != NULL) {
        run->failed = true;
        ha_err_free(err);
        return;
    }
    if (paths.count == 0) {
        return;
    }
    const struct way *way = way_of(run->q.snapshot->heap, &paths.list[0]);
    const char *words = way != NULL ? way->words : plain_words(run, &paths.list[0], group->objects.data[0]);
    group->cause = ha_arena_printf(run->arena, "%s%s", words == NULL ? "" : words, thread_name(run, paths.list[0].root.thread));
    group->cause_advice = way != NULL ? way->advice : "Find out who should have let go of it when it was stopped: 'paths' shows the way.";
    run->failed = run->failed || words == NULL || group->cause == NULL;
}

const char *group_cause(struct run *run, struct group *group, bool advice)
{
    if (group->cause == NULL) {
        cause_find(run, group);
    }
    const char *text = advice ? group->cause_advice : group->cause;
    return text == NULL ? "" : text;
}
