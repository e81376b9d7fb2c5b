/* SPDX-License-Identifier: MIT */
/* Sizes as the JVM counts them: what distances between objects say about the JVM, and what is not believed. */
#include "snapshot/snapshot_fixture.h"

#include <stdarg.h>

#define FIRST 0x10000U
#define COUNT 20U

static struct fixture x;
static char text[16384];

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void add(const char *format, ...)
{
    va_list args;
    size_t length = strlen(text);
    va_start(args, format);
    vsnprintf(text + length, sizeof text - length, format, args);
    va_end(args);
}

/* COUNT instances of Node (reference, long, byte) at a distance, then one Object[8] and the object behind it. */
static void write_heap(unsigned distance, unsigned array_bytes)
{
    text[0] = '\0';
    add("class java.lang.Object @0x1000 super none\nclass java.lang.Class @0x1100\nclass java.lang.Object[] @0x1200\nclass long[] @0x1400\n");
    add("class Node @0x1300 fields ref next, long value, byte small\nroot sticky @0x1300\n");
    for (unsigned i = 0; i < COUNT; i++) {
        add("object @0x%x Node\n", FIRST + distance * i);
    }
    unsigned array = FIRST + distance * COUNT;
    add("array @0x%x java.lang.Object[] [null*8]\nobject @0x%x Node\n", array, array + array_bytes);
    fixture_write(&x, text);
}

static void open_as(enum ha_size_model model)
{
    fixture_open(&x, &(struct ha_snapshot_options){.size_model = model, .threads = 2});
}

static uint64_t node_bytes(void)
{
    return ha_sizes_of(x.s->sizes, at(&x, FIRST));
}

START_TEST(distances_tell_the_jvm)
{
    static const struct {
        unsigned distance, array_bytes;
        uint32_t header, references;
    } jvms[] = {{32, 48, 12, 4}, {32, 80, 12, 8}, {40, 88, 16, 8}};
    for (size_t i = 0; i < sizeof jvms / sizeof *jvms; i++) {
        write_heap(jvms[i].distance, jvms[i].array_bytes);
        open_as(HA_SIZES_JVM);
        ck_assert_uint_eq(node_bytes(), jvms[i].distance);
        ck_assert_uint_eq(x.s->sizes->reference_bytes, jvms[i].references);
        ck_assert_msg(x.s->sizes->parts[4].value == jvms[i].header, "case %zu: header %u", i, (unsigned)x.s->sizes->parts[4].value);
        fixture_deinit(&x);
    }
}
END_TEST

/* What lies far apart says nothing: the layout stands. */
START_TEST(large_distances_are_not_sizes)
{
    write_heap(4096, 4096);
    open_as(HA_SIZES_JVM);
    ck_assert_uint_eq(node_bytes(), 32);
    fixture_deinit(&x);
}
END_TEST

/* Objects closer than their fields, and an object among the elements of an array: ids are no addresses. */
START_TEST(overlaps_are_not_believed)
{
    write_heap(8, 48);
    open_as(HA_SIZES_JVM);
    ck_assert_uint_eq(node_bytes(), 32);
    fixture_deinit(&x);
    write_heap(24, 16);
    open_as(HA_SIZES_JVM);
    ck_assert_uint_eq(node_bytes(), 32);
    ck_assert_str_eq(x.s->sizes->parts[4].found_by, "assumed");
    fixture_deinit(&x);
}
END_TEST

/* The other model is added to the index that is there; both stay. */
START_TEST(models_share_an_index)
{
    write_heap(32, 48);
    open_as(HA_SIZES_JVM);
    ck_assert(x.s->built);
    uint64_t bytes = x.s->retained->reachable_bytes;
    fixture_close(&x);
    open_as(HA_SIZES_MAT);
    ck_assert(!x.s->built);
    ck_assert_uint_ne(x.s->retained->reachable_bytes, bytes);
    fixture_close(&x);
    open_as(HA_SIZES_JVM);
    ck_assert_uint_eq(x.s->retained->reachable_bytes, bytes);
    ck_assert(ha_retained_is_there(x.s->index, HA_SIZES_MAT));
    fixture_deinit(&x);
}
END_TEST

CK_HA_MAIN("snapshot_sizes", distances_tell_the_jvm, large_distances_are_not_sizes, overlaps_are_not_believed, models_share_an_index)
