/* SPDX-License-Identifier: MIT */
/* See bench_world.h. Names of strings are small numbers; nothing else lives down there. */
#include "bench_world.h"

#include <string.h>

#define CLASS_BYTES 112U
#define THREAD_BYTES 112U
#define MEMBERS_MAX 6U

struct member {
    const char *name;
    enum hprof_type type;
};

struct class_row {
    const char *name;
    enum world_class super;
    bool application;
    struct member fields[MEMBERS_MAX + 1];
};

static const struct class_row rows[WC_COUNT] = {
    [WC_OBJECT] = {.name = "java/lang/Object"},
    [WC_CLASS] = {.name = "java/lang/Class"},
    [WC_STRING] = {.name = "java/lang/String", .fields = {{"value", HPROF_OBJECT}, {"hash", HPROF_INT}}},
    [WC_INTEGER] = {.name = "java/lang/Integer", .fields = {{"value", HPROF_INT}}},
    [WC_LONG] = {.name = "java/lang/Long", .fields = {{"value", HPROF_LONG}}},
    [WC_HASH_MAP] = {.name = "java/util/HashMap", .fields = {{"table", HPROF_OBJECT}, {"size", HPROF_INT}}},
    [WC_MAP_NODE] = {.name = "java/util/HashMap$Node",
                     .fields = {{"key", HPROF_OBJECT}, {"value", HPROF_OBJECT}, {"next", HPROF_OBJECT}, {"hash", HPROF_INT}}},
    [WC_ARRAY_LIST] = {.name = "java/util/ArrayList", .fields = {{"elementData", HPROF_OBJECT}, {"size", HPROF_INT}}},
    [WC_THREAD] = {.name = "java/lang/Thread", .fields = {{"name", HPROF_OBJECT}}},
    [WC_BYTES] = {.name = "[B"},
    [WC_LONGS] = {.name = "[J"},
    [WC_OBJECTS] = {.name = "[Ljava/lang/Object;"},
    [WC_MAP_NODES] = {.name = "[Ljava/util/HashMap$Node;"},
    [WC_BOOT_NODE] = {.name = "java/bench/Node", .fields = {{"next", HPROF_OBJECT}}},
    [WC_BOOT_LINK] = {.name = "java/bench/Link",
                      .fields = {{"previous", HPROF_OBJECT}, {"next", HPROF_OBJECT}, {"item", HPROF_OBJECT}}},
    [WC_DIRECTORY] = {.name = "java/bench/Directory"},
    [WC_LOADER] = {.name = "java/bench/Loader"},
    [WC_LEAF] = {.name = "app/Leaf", .application = true},
    [WC_ENTITY] = {.name = "app/Entity", .application = true,
                   .fields = {{"id", HPROF_LONG}, {"name", HPROF_OBJECT}, {"attributes", HPROF_OBJECT}, {"items", HPROF_OBJECT},
                              {"next", HPROF_OBJECT}, {"other", HPROF_OBJECT}}},
    };

static uint64_t front(const struct world *world)
{
    return world->base - WORLD_FRONT_BYTES - (uint64_t)world->threads * THREAD_BYTES;
}

uint64_t world_class_id(const struct world *world, enum world_class cls)
{
    return front(world) + (uint64_t)cls * CLASS_BYTES;
}

static uint64_t loader_id(const struct world *world)
{
    return front(world) + (uint64_t)WC_COUNT * CLASS_BYTES;
}

uint64_t world_thread_id(const struct world *world, uint32_t thread)
{
    return front(world) + WORLD_FRONT_BYTES + (uint64_t)thread * THREAD_BYTES;
}

static uint32_t field_count(enum world_class cls)
{
    uint32_t count = 0;
    while (rows[cls].fields[count].name != NULL) {
        count++;
    }
    return count;
}

static uint32_t payload_bytes(const struct world *world, enum world_class cls)
{
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < field_count(cls); i++) {
        bytes += hprof_type_bytes(rows[cls].fields[i].type, world->id_size);
    }
    return bytes;
}

/* ---- names ---- */

static uint64_t class_name_id(enum world_class cls)
{
    return 1 + (uint64_t)cls;
}

static uint64_t field_name_id(enum world_class cls, uint32_t field)
{
    return 100 + (uint64_t)cls * MEMBERS_MAX + field;
}

enum { NAME_TABLE = 1000, NAME_METHOD, NAME_SIGNATURE, NAME_SOURCE };

static void utf8(struct world *world, uint64_t id, const char *text)
{
    hprof_out_utf8(world->out, id, text, strlen(text));
}

static void write_names(struct world *world)
{
    for (enum world_class c = 0; c < WC_COUNT; c++) {
        utf8(world, class_name_id(c), rows[c].name);
        for (uint32_t i = 0; i < field_count(c); i++) {
            utf8(world, field_name_id(c, i), rows[c].fields[i].name);
        }
        hprof_out_load_class(world->out, c + 1, world_class_id(world, c), 1, class_name_id(c));
    }
    utf8(world, NAME_TABLE, "TABLE");
    utf8(world, NAME_METHOD, "work");
    utf8(world, NAME_SIGNATURE, "()V");
    utf8(world, NAME_SOURCE, "Directory.java");
}

/* Trace 1 is that of everything else: without a thread, without frames. Thread t has trace t + 2. */
static void write_traces(struct world *world)
{
    hprof_out_frame(world->out, 1, NAME_METHOD, NAME_SIGNATURE, NAME_SOURCE, WC_DIRECTORY + 1, 17);
    hprof_out_trace(world->out, 1, 0, NULL, 0);
    for (uint32_t t = 0; t < world->threads; t++) {
        hprof_out_trace(world->out, t + 2, t + 1, &(uint64_t){1}, 1);
    }
}

/* ---- the front of the heap ---- */

static void write_class(struct world *world, enum world_class cls)
{
    struct hprof_out_value fields[MEMBERS_MAX];
    struct hprof_out_value table = {.name = NAME_TABLE, .type = HPROF_OBJECT, .value = world->base};
    uint32_t count = field_count(cls);
    for (uint32_t i = 0; i < count; i++) {
        fields[i] = (struct hprof_out_value){.name = field_name_id(cls, i), .type = rows[cls].fields[i].type};
    }
    hprof_out_class(world->out, &(struct hprof_out_class){
                                    .id = world_class_id(world, cls),
                                    .super = cls == WC_OBJECT ? 0 : world_class_id(world, rows[cls].super),
                                    .loader = rows[cls].application ? loader_id(world) : 0,
                                    .instance_size = payload_bytes(world, cls),
                                    .fields = fields,
                                    .field_count = (uint16_t)count,
                                    .statics = &table,
                                    .static_count = cls == WC_DIRECTORY,
                                });
}

static void write_front(struct world *world)
{
    for (enum world_class c = 0; c < WC_COUNT; c++) {
        write_class(world, c);
    }
    for (enum world_class c = 0; c < WC_COUNT; c++) {
        if (!rows[c].application && rows[c].name[0] != '[') {
            hprof_out_root(world->out, HPROF_ROOT_STICKY_CLASS, world_class_id(world, c), 0, 0);
        }
    }
    world_instance(world, loader_id(world), WC_LOADER);
    hprof_out_root(world->out, HPROF_ROOT_JNI_GLOBAL, loader_id(world), 0, 0);
    for (uint32_t t = 0; t < world->threads; t++) {
        hprof_out_root(world->out, HPROF_ROOT_THREAD_OBJECT, world_thread_id(world, t), t + 1, t + 2);
        world_instance(world, world_thread_id(world, t), WC_THREAD);
        hprof_out_id(world->out, 0);
    }
}

bool world_begin(struct world *world, const char *path)
{
    uint64_t low = world->id_size == 4 ? 0x10000000ULL : 0x700000000ULL;
    uint64_t before = WORLD_FRONT_BYTES + (uint64_t)world->threads * THREAD_BYTES;
    world->base = low + (before + 0xfff) / 0x1000 * 0x1000;
    world->out = hprof_out_create_file(path, &(struct hprof_out_options){.id_size = world->id_size});
    if (world->out == NULL) {
        return false;
    }
    write_names(world);
    write_traces(world);
    hprof_out_heap_begin(world->out);
    write_front(world);
    return true;
}

const char *world_end(struct world *world)
{
    hprof_out_heap_end(world->out);
    return hprof_out_finish(world->out);
}

void world_instance(struct world *world, uint64_t id, enum world_class cls)
{
    hprof_out_instance_begin(world->out, id, world_class_id(world, cls), payload_bytes(world, cls));
}

void world_objects(struct world *world, uint64_t id, enum world_class cls, uint32_t count)
{
    hprof_out_object_array_begin(world->out, id, world_class_id(world, cls), count);
}
