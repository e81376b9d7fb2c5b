/* SPDX-License-Identifier: MIT */
#include "ha/query/q_loader_state.h"

#include <string.h>

#include "ha/query/q_label.h"

/* The first class from cls upwards that `is` accepts. */
static bool has_ancestor(const struct ha_heap *heap, ha_obj obj, bool (*is)(const char *name))
{
    ha_cls cls = ha_heap_class_of(heap, obj);
    for (uint32_t depth = 0; depth < HA_CLASS_DEPTH_MAX && cls.i < heap->facts.class_count;
         depth++) {
        if (is(ha_heap_class(heap, cls)->name)) {
            return true;
        }
        cls = ha_heap_class(heap, cls)->super;
    }
    return false;
}

static bool is_tomcat(const char *name)
{
    return strcmp(name, "org.apache.catalina.loader.WebappClassLoaderBase") == 0;
}

/* org.eclipse.jetty.webapp.WebAppClassLoader, org.eclipse.jetty.ee10.webapp.WebAppClassLoader */
static bool is_jetty(const char *name)
{
    static const char before[] = "org.eclipse.jetty.";
    static const char after[] = "webapp.WebAppClassLoader";
    size_t len = strlen(name);
    return len >= sizeof before - 1 + sizeof after - 1 &&
           strncmp(name, before, sizeof before - 1) == 0 &&
           strcmp(name + len - (sizeof after - 1), after) == 0;
}

static bool is_jboss(const char *name)
{
    return strcmp(name, "org.jboss.modules.ModuleClassLoader") == 0;
}

static bool is_url_loader(const char *name)
{
    return strcmp(name, "java.net.URLClassLoader") == 0;
}

static bool reference(struct ha_query *q, ha_obj obj, const char *field, ha_obj *ret)
{
    return ha_heap_read_reference(q->snapshot->heap, &q->window, obj, field, ret);
}

/* ---- states that the servers keep ---- */

static const char *enum_text(struct ha_query *q, ha_obj constant)
{
    struct ha_sbuf text = {0};
    const char *copy = NULL;
    if (ha_object_field_text(q, constant, "name", HA_LABEL_CHARS, &text) && text.len > 0 &&
        !ha_sbuf_failed(&text)) {
        copy = ha_arena_strndup(&q->arena, ha_sbuf_text(&text), text.len);
    }
    ha_sbuf_deinit(&text);
    return copy;
}

/* AbstractLifeCycle of Jetty 9. */
static const char *jetty_number(int64_t state)
{
    static const char *const names[] = {"FAILED", "STOPPED", "STARTING", "STARTED", "STOPPING"};
    return state >= -1 && state <= 3 ? names[state + 1] : NULL;
}

static const char *life_cycle(struct ha_query *q, ha_obj owner, const char *field)
{
    ha_obj state;
    int64_t number;
    if (reference(q, owner, field, &state)) {
        return enum_text(q, state);
    }
    bool is_number = ha_heap_read_long(q->snapshot->heap, &q->window, owner, field, &number);
    return is_number ? jetty_number(number) : NULL;
}

static bool runs(const char *state)
{
    return strncmp(state, "START", 5) == 0 || strcmp(state, "NEW") == 0 ||
           strncmp(state, "INITIALIZ", 9) == 0;
}

/* Whether a living ModuleLoader$FutureModule, an entry of its module loader's map, stands for the module. */
static bool module_is_known(struct ha_query *q, ha_obj module)
{
    const struct ha_heap *heap = q->snapshot->heap;
    struct ha_in in = ha_graph_in(q->snapshot->graph, module);
    for (uint64_t i = 0; i < in.count; i++) {
        ha_obj from = ha_in_at(&in, i);
        const char *name = ha_heap_class(heap, ha_heap_class_of(heap, from))->name;
        if (strcmp(name, "org.jboss.modules.ModuleLoader$FutureModule") == 0 &&
            ha_query_reachable(q, from)) {
            return true;
        }
    }
    return false;
}

/* Old versions keep modules in a map with weak values, and entries that outlive it: they do not tell. */
static const char *module_state(struct ha_query *q, ha_obj loader)
{
    const struct ha_heap *heap = q->snapshot->heap;
    ha_obj module, owner, map;
    if (!reference(q, loader, "module", &module) || !reference(q, module, "moduleLoader", &owner) ||
        !reference(q, owner, "moduleMap", &map) ||
        strcmp(ha_heap_class(heap, ha_heap_class_of(heap, map))->name,
               "java.util.concurrent.ConcurrentHashMap") != 0) {
        return NULL;
    }
    return module_is_known(q, module) ? "LOADED" : "UNLOADED";
}

/* ---- the JDK's ---- */

static const char *url_state(struct ha_query *q, ha_obj loader)
{
    ha_obj path;
    int64_t closed;
    if (!has_ancestor(q->snapshot->heap, loader, is_url_loader) ||
        !reference(q, loader, "ucp", &path) ||
        !ha_heap_read_long(q->snapshot->heap, &q->window, path, "closed", &closed)) {
        return NULL;
    }
    return closed != 0 ? "CLOSED" : "OPEN";
}

void ha_loader_state_read(struct ha_query *q, ha_obj loader, struct ha_loader_state *ret)
{
    const struct ha_heap *heap = q->snapshot->heap;
    struct ha_loader_state state = {.text = url_state(q, loader)};
    ha_obj context;
    if (has_ancestor(heap, loader, is_tomcat)) {
        state.text = life_cycle(q, loader, "state");
        state.application = state.text != NULL;
        state.stopped = state.text != NULL && !runs(state.text);
    } else if (has_ancestor(heap, loader, is_jetty)) {
        bool closed = state.text != NULL && strcmp(state.text, "CLOSED") == 0;
        if (!closed) {
            state.text =
                reference(q, loader, "_context", &context) ? life_cycle(q, context, "_state") : NULL;
        }
        state.application = state.text != NULL;
        state.stopped = closed || (state.text != NULL && !runs(state.text));
    } else if (has_ancestor(heap, loader, is_jboss)) {
        state.text = module_state(q, loader);
        state.application = state.text != NULL;
        state.stopped = state.text != NULL && strcmp(state.text, "UNLOADED") == 0;
    }
    *ret = state;
}
