/* SPDX-License-Identifier: MIT */
/*
 * Writes the dumps of the benchmarks: heaps whose shape once was, or could be, expensive. Streaming, so that they can be of any size.
 *
 *     shape      n                  the heap
 *     chain      nodes              a linked list, and nothing else
 *     links      nodes              a doubly linked list; each node shares one of n / 4 leaves, which have no neighbourhood
 *     chains     nodes              linked lists of 100,000 nodes that grew side by side, each node with an item of its own, and large arrays: all nodes again,
 *                                   a million in each
 *     star       leaves             one array, a leaf of its own in each place
 *     array      references         one array, to n / 16 objects all over the heap
 *     roots      roots              each an object of its own
 *     instances  instances          of a class that is no root: every one has an edge to the class object that counts
 *     locals     locals             of n / 1000 threads (at least one), each an object of its own
 *     threads    threads            with one local each
 *     arrays     arrays             of 64 KiB, every other one of references
 *     mix        units of 19 objects and about 28 references: strings, maps, lists, boxed values, entities that know others
 *     zgc        units              the same as a collector writes it that walks the graph: addresses all over the place
 *     mix4       units              mix with identifiers of 4 bytes
 *
 * usage: bench_dump SHAPE FILE N
 */
#include "bench_world.h"

#include "support/rng.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE_BYTES 16U
#define LINK_BYTES 24U
#define LEAF_BYTES 16U
#define SHARD 4096U
#define ARRAY_BYTES (64U << 10)

static uint64_t array_bytes(uint64_t count)
{
    return (16 + 4 * count + 7) / 8 * 8;
}

static void write_leaves(struct world *world, uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        world_instance(world, first + i * LEAF_BYTES, WC_LEAF);
    }
}

/* ---- lists ---- */

static void write_chain(struct world *world, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        world_instance(world, world->base + i * NODE_BYTES, WC_BOOT_NODE);
        hprof_out_id(world->out, i + 1 < n ? world->base + (i + 1) * NODE_BYTES : 0);
    }
}

static void write_links(struct world *world, uint64_t n)
{
    struct rng rng = rng_seed(1);
    uint64_t leaves = n / 4 + 1, leaf = world->base + n * LINK_BYTES;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = world->base + i * LINK_BYTES;
        world_instance(world, at, WC_BOOT_LINK);
        hprof_out_id(world->out, i > 0 ? at - LINK_BYTES : 0);
        hprof_out_id(world->out, i + 1 < n ? at + LINK_BYTES : 0);
        hprof_out_id(world->out, leaf + rng_below(&rng, leaves) * LEAF_BYTES);
    }
    write_leaves(world, leaf, leaves);
}

/* ---- lists and large arrays ---- */

#define CHAIN_NODES 100000U
#define LARGE_ARRAY 1000000U

static void write_ids(struct world *world, uint64_t id, uint64_t first, uint64_t count, uint64_t step)
{
    world_objects(world, id, WC_OBJECTS, (uint32_t)count);
    for (uint64_t i = 0; i < count; i++) {
        hprof_out_id(world->out, first + i * step);
    }
}

static void write_chains(struct world *world, uint64_t n)
{
    uint64_t chains = (n + CHAIN_NODES - 1) / CHAIN_NODES, arrays = (n + LARGE_ARRAY - 1) / LARGE_ARRAY;
    uint64_t heads = world->base + array_bytes(arrays + 1), array = heads + array_bytes(chains);
    uint64_t node = array + arrays * array_bytes(LARGE_ARRAY), item = node + n * LINK_BYTES;
    world_objects(world, world->base, WC_OBJECTS, (uint32_t)arrays + 1);
    hprof_out_id(world->out, heads);
    for (uint64_t a = 0; a < arrays; a++) {
        hprof_out_id(world->out, array + a * array_bytes(LARGE_ARRAY));
    }
    write_ids(world, heads, node, chains, LINK_BYTES);
    for (uint64_t a = 0; a < arrays; a++) {
        uint64_t first = a * LARGE_ARRAY, left = n - first;
        write_ids(world, array + a * array_bytes(LARGE_ARRAY), node + first * LINK_BYTES, left < LARGE_ARRAY ? left : LARGE_ARRAY, LINK_BYTES);
    }
    for (uint64_t i = 0; i < n; i++) {
        world_instance(world, node + i * LINK_BYTES, WC_BOOT_LINK);
        hprof_out_id(world->out, 0);
        hprof_out_id(world->out, i + chains < n ? node + (i + chains) * LINK_BYTES : 0);
        hprof_out_id(world->out, item + i * LEAF_BYTES);
    }
    write_leaves(world, item, n);
}

/* ---- fans ---- */

static void write_star(struct world *world, uint64_t n)
{
    uint64_t leaf = world->base + array_bytes(n);
    world_objects(world, world->base, WC_OBJECTS, (uint32_t)n);
    for (uint64_t i = 0; i < n; i++) {
        hprof_out_id(world->out, leaf + i * LEAF_BYTES);
    }
    write_leaves(world, leaf, n);
}

static void write_array(struct world *world, uint64_t n)
{
    struct rng rng = rng_seed(1);
    uint64_t targets = n / 16 + 1, first = world->base + array_bytes(n);
    world_objects(world, world->base, WC_OBJECTS, (uint32_t)n);
    for (uint64_t i = 0; i < n; i++) {
        hprof_out_id(world->out, first + rng_below(&rng, targets) * NODE_BYTES);
    }
    for (uint64_t i = 0; i < targets; i++) {
        world_instance(world, first + i * NODE_BYTES, WC_BOOT_NODE);
        hprof_out_id(world->out, 0);
    }
}

static void write_roots(struct world *world, uint64_t n)
{
    write_leaves(world, world->base, n);
    for (uint64_t i = 0; i < n; i++) {
        hprof_out_root(world->out, HPROF_ROOT_JNI_GLOBAL, world->base + i * LEAF_BYTES, i, 0);
    }
}

static void write_instances(struct world *world, uint64_t n)
{
    uint64_t leaf = world->base + array_bytes((n + SHARD - 1) / SHARD) + (n + SHARD - 1) / SHARD * array_bytes(SHARD);
    uint64_t shard = world->base + array_bytes((n + SHARD - 1) / SHARD);
    world_objects(world, world->base, WC_OBJECTS, (uint32_t)((n + SHARD - 1) / SHARD));
    for (uint64_t s = 0; s * SHARD < n; s++) {
        hprof_out_id(world->out, shard + s * array_bytes(SHARD));
    }
    for (uint64_t s = 0; s * SHARD < n; s++) {
        world_objects(world, shard + s * array_bytes(SHARD), WC_OBJECTS, SHARD);
        for (uint64_t i = s * SHARD; i < (s + 1) * SHARD; i++) {
            hprof_out_id(world->out, i < n ? leaf + i * LEAF_BYTES : 0);
        }
    }
    write_leaves(world, leaf, n);
}

static void write_locals(struct world *world, uint64_t n)
{
    write_leaves(world, world->base, n);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t thread = i * world->threads / n;
        hprof_out_root(world->out, HPROF_ROOT_JAVA_FRAME, world->base + i * LEAF_BYTES, thread + 1, 0);
    }
}

static void write_arrays(struct world *world, uint64_t n)
{
    uint32_t references = (ARRAY_BYTES - 16) / 4;
    world_objects(world, world->base, WC_OBJECTS, (uint32_t)n);
    uint64_t first = world->base + array_bytes(n);
    for (uint64_t i = 0; i < n; i++) {
        hprof_out_id(world->out, first + i * ARRAY_BYTES);
    }
    for (uint64_t i = 0; i < n; i++) {
        if (i % 2 != 0) {
            hprof_out_prim_array_begin(world->out, first + i * ARRAY_BYTES, HPROF_BYTE, ARRAY_BYTES - 16);
            hprof_out_fill(world->out, (uint8_t)i, ARRAY_BYTES - 16);
            continue;
        }
        world_objects(world, first + i * ARRAY_BYTES, WC_OBJECTS, references);
        for (uint32_t k = 0; k < references; k++) {
            hprof_out_id(world->out, first + (i + k) % n * ARRAY_BYTES);
        }
    }
}

/* ---- the service mix ---- */

#define POOL_STRINGS 256U
#define POOL_BYTES 56U
#define UNIT_BYTES 544U
#define UNIT_OBJECTS 19U
#define ENTRIES 4U
#define ITEMS 8U
#define SLOT_BYTES 96U /* zgc: one object of any kind */
#define SLOTS_TOGETHER 8U /* zgc: objects that were allocated together */

/* The objects of a unit in the order they are written, and where the ascending form has them. */
enum { U_ENTITY, U_NAME, U_NAME_BYTES, U_MAP, U_TABLE, U_NODE, U_VALUE = U_NODE + ENTRIES, U_LIST = U_VALUE + ENTRIES, U_ITEMS, U_ITEM };
static const uint16_t unit_off[UNIT_OBJECTS] = {0, 40, 64, 104, 152, 184, 216, 248, 280, 312, 336, 360, 384, 408, 432, 480, 496, 512, 528};

struct mix {
    struct world *world;
    uint64_t units, shards, first_shard, pool, first;
    uint64_t groups, stride; /* zgc: group g of slots lies at place g × stride mod groups; 0: ascending */
};

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    return b == 0 ? a : common_divisor(b, a % b);
}

static uint64_t unit_id(const struct mix *mix, uint64_t unit, unsigned object)
{
    if (mix->groups == 0) {
        return mix->first + unit * UNIT_BYTES + unit_off[object];
    }
    uint64_t slot = unit * UNIT_OBJECTS + object;
    return mix->first + (slot / SLOTS_TOGETHER * mix->stride % mix->groups * SLOTS_TOGETHER + slot % SLOTS_TOGETHER) * SLOT_BYTES;
}

static void write_string(struct world *world, uint64_t id, uint64_t bytes_id, uint64_t number, uint32_t length)
{
    char text[64];
    snprintf(text, sizeof text, "key-%059llu", (unsigned long long)number);
    world_instance(world, id, WC_STRING);
    hprof_out_id(world->out, bytes_id);
    hprof_out_u4(world->out, 0);
    hprof_out_prim_array_begin(world->out, bytes_id, HPROF_BYTE, length);
    hprof_out_bytes(world->out, text + sizeof text - 1 - length, length);
}

static void write_map(const struct mix *mix, uint64_t unit)
{
    struct world *world = mix->world;
    world_instance(world, unit_id(mix, unit, U_MAP), WC_HASH_MAP);
    hprof_out_id(world->out, unit_id(mix, unit, U_TABLE));
    hprof_out_u4(world->out, ENTRIES);
    world_objects(world, unit_id(mix, unit, U_TABLE), WC_MAP_NODES, ENTRIES);
    for (unsigned i = 0; i < ENTRIES; i++) {
        hprof_out_id(world->out, unit_id(mix, unit, U_NODE + i));
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        world_instance(world, unit_id(mix, unit, U_NODE + i), WC_MAP_NODE);
        hprof_out_id(world->out, mix->pool + (unit * 7 + i * 31) % POOL_STRINGS * POOL_BYTES);
        hprof_out_id(world->out, unit_id(mix, unit, U_VALUE + i));
        hprof_out_id(world->out, 0);
        hprof_out_u4(world->out, i);
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        world_instance(world, unit_id(mix, unit, U_VALUE + i), WC_LONG);
        hprof_out_u8(world->out, unit * ENTRIES + i);
    }
}

/* Half of the items are the list's own, the others are entities it knows: most of them near, some anywhere. */
static void write_list(const struct mix *mix, uint64_t unit, struct rng *rng)
{
    struct world *world = mix->world;
    world_instance(world, unit_id(mix, unit, U_LIST), WC_ARRAY_LIST);
    hprof_out_id(world->out, unit_id(mix, unit, U_ITEMS));
    hprof_out_u4(world->out, ITEMS);
    world_objects(world, unit_id(mix, unit, U_ITEMS), WC_OBJECTS, ITEMS);
    for (unsigned i = 0; i < ITEMS / 2; i++) {
        hprof_out_id(world->out, unit_id(mix, unit, U_ITEM + i));
    }
    for (unsigned i = ITEMS / 2; i < ITEMS; i++) {
        uint64_t other = rng_chance(rng, 80) ? unit + rng_below(rng, 64) : rng_below(rng, mix->units);
        hprof_out_id(world->out, unit_id(mix, other % mix->units, U_ENTITY));
    }
    for (unsigned i = 0; i < ITEMS / 2; i++) {
        world_instance(world, unit_id(mix, unit, U_ITEM + i), WC_INTEGER);
        hprof_out_u4(world->out, i);
    }
}

static void write_unit(const struct mix *mix, uint64_t unit, struct rng *rng)
{
    struct world *world = mix->world;
    bool chained = unit < mix->units / 16 || unit % 1000 != 0;
    world_instance(world, unit_id(mix, unit, U_ENTITY), WC_ENTITY);
    hprof_out_u8(world->out, unit);
    hprof_out_id(world->out, unit_id(mix, unit, U_NAME));
    hprof_out_id(world->out, unit_id(mix, unit, U_MAP));
    hprof_out_id(world->out, unit_id(mix, unit, U_LIST));
    hprof_out_id(world->out, chained && unit + 1 < mix->units ? unit_id(mix, unit + 1, U_ENTITY) : 0);
    hprof_out_id(world->out, unit_id(mix, rng_below(rng, mix->units), U_ENTITY));
    write_string(world, unit_id(mix, unit, U_NAME), unit_id(mix, unit, U_NAME_BYTES), unit, 24);
    write_map(mix, unit);
    write_list(mix, unit, rng);
}

static void write_mix(struct world *world, uint64_t n, bool scattered)
{
    struct rng rng = rng_seed(1);
    struct mix mix = {.world = world, .units = n, .shards = (n + SHARD - 1) / SHARD};
    mix.first_shard = world->base + array_bytes(mix.shards);
    mix.pool = mix.first_shard + mix.shards * array_bytes(SHARD);
    mix.first = mix.pool + (uint64_t)POOL_STRINGS * POOL_BYTES;
    if (scattered) {
        mix.groups = n * UNIT_OBJECTS / SLOTS_TOGETHER + 1;
        mix.stride = mix.groups / 8 * 5 + 1;
        while (common_divisor(mix.stride, mix.groups) != 1) {
            mix.stride++;
        }
    }
    world_objects(world, world->base, WC_OBJECTS, (uint32_t)mix.shards);
    for (uint64_t s = 0; s < mix.shards; s++) {
        hprof_out_id(world->out, mix.first_shard + s * array_bytes(SHARD));
    }
    for (uint64_t s = 0; s < mix.shards; s++) {
        world_objects(world, mix.first_shard + s * array_bytes(SHARD), WC_OBJECTS, SHARD);
        for (uint64_t i = s * SHARD; i < (s + 1) * SHARD; i++) {
            hprof_out_id(world->out, i < n ? unit_id(&mix, i, U_ENTITY) : 0);
        }
    }
    for (unsigned i = 0; i < POOL_STRINGS; i++) {
        uint64_t id = mix.pool + i * POOL_BYTES;
        write_string(world, id, id + 24, i, 16);
    }
    for (uint64_t unit = 0; unit < n; unit++) {
        write_unit(&mix, unit, &rng);
    }
}

static void write_ascending(struct world *world, uint64_t n)
{
    write_mix(world, n, false);
}

static void write_scattered(struct world *world, uint64_t n)
{
    write_mix(world, n, true);
}

/* ---- which ---- */

struct shape {
    const char *name;
    void (*write)(struct world *world, uint64_t n);
    uint64_t per_thread; /* n for each thread of the heap; 0: there is one */
    uint64_t n_max;      /* counts of arrays have 4 bytes; identifiers of 4 bytes end with the fourth GiB */
    unsigned id_size;
};

static const struct shape shapes[] = {
    {"chain", write_chain, 0, UINT32_MAX, 8},       {"links", write_links, 0, UINT32_MAX, 8},
    {"chains", write_chains, 0, UINT32_MAX, 8},
    {"star", write_star, 0, INT32_MAX, 8},          {"array", write_array, 0, INT32_MAX, 8},
    {"roots", write_roots, 0, UINT32_MAX, 8},       {"instances", write_instances, 0, UINT32_MAX, 8},
    {"locals", write_locals, 1000, UINT32_MAX, 8},  {"threads", write_locals, 1, 10000000, 8},
    {"arrays", write_arrays, 0, 1000000, 8},        {"mix", write_ascending, 0, UINT32_MAX / UNIT_OBJECTS, 8},
    {"zgc", write_scattered, 0, UINT32_MAX / UNIT_OBJECTS, 8}, {"mix4", write_ascending, 0, 7000000, 4},
};

static int write_dump(const struct shape *shape, const char *path, uint64_t n)
{
    struct world world = {.id_size = shape->id_size, .threads = 1};
    if (shape->per_thread != 0 && n > shape->per_thread) {
        world.threads = (uint32_t)(n / shape->per_thread);
    }
    if (!world_begin(&world, path)) {
        fprintf(stderr, "bench_dump: cannot make %s: %s\n", path, strerror(errno));
        return 1;
    }
    shape->write(&world, n);
    const char *problem = world_end(&world);
    if (problem != NULL) {
        fprintf(stderr, "bench_dump: cannot write %s: %s\n", path, problem);
    }
    return problem != NULL;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    unsigned long long n = argc == 4 ? strtoull(argv[3], &end, 10) : 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && n > 0 && *end == '\0'; i++) {
        if (strcmp(argv[1], shapes[i].name) == 0 && n <= shapes[i].n_max) {
            return write_dump(&shapes[i], argv[2], n);
        }
    }
    fputs("usage: bench_dump SHAPE FILE N     shapes:", stderr);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        fprintf(stderr, " %s", shapes[i].name);
    }
    fputs("\n", stderr);
    return 2;
}
