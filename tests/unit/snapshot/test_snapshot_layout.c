/* SPDX-License-Identifier: MIT */
/*
 * Field layout by hand-computed examples: objects lie too far apart for distances to tell, so the rules alone decide. Without a class that came with
 * a later JDK the rule is that of JDK 14 and before: each class behind its super class and rounded up to a reference; the gap before the first long
 * takes an int, else shorts, bytes, a reference; then ints, shorts, bytes, references. With Class.classData it is that of JDK 15 and later.
 */
#include "snapshot/snapshot_fixture.h"

#include <inttypes.h>
#include <stdio.h>

#define STACKED "class java.lang.Class @0x1100 super @0x1000\n"
#define PACKED "class java.lang.Class @0x1100 super @0x1000 fields ref classData\n"

struct example {
    const char *classes; /* the last one, @0x2000, is measured */
    unsigned stacked, packed;
};

/* With a header of 12 bytes and references of 4. */
static const struct example narrow[] = {
    {"class T @0x2000", 16, 16},
    {"class T @0x2000 fields int a", 16, 16},
    {"class T @0x2000 fields long a", 24, 24},
    {"class T @0x2000 fields long a, int b", 24, 24},            /* 12 header, int in the gap, long at 16 */
    {"class T @0x2000 fields long a, int b, int c", 32, 32},     /* only one int fits: 16 + 8 + 4 = 28 */
    {"class T @0x2000 fields long a, short b, byte c, byte d", 24, 24}, /* the gap takes a short and two bytes */
    {"class T @0x2000 fields long a, byte b, ref c", 32, 32},    /* the byte takes the gap; the reference goes behind: 28 */
    {"class T @0x2000 fields long a, ref b", 24, 24},            /* the reference takes the gap */
    {"class S @0x1900 fields byte a\nclass T @0x2000 super @0x1900 fields byte b", 24, 16},  /* 13 rounded to 16, + 1 = 17; packed: 14 */
    {"class S @0x1900 fields long a, byte b\nclass T @0x2000 super @0x1900 fields int c", 32, 32}, /* byte 12, long 16, int 24 */
    {"class S @0x1900 fields byte a\nclass T @0x2000 super @0x1900 fields long b", 24, 24},
    {"class R @0x1800 fields byte a\nclass S @0x1900 super @0x1800 fields byte b\nclass T @0x2000 super @0x1900 fields byte c", 24, 16}, /* 13 to 16, 17 to 20, 21; packed: 15 */
    {"class T @0x2000 fields boolean a, boolean b, boolean c, char d, char e, float f, double g", 32, 32}, /* 12 float, 16 double, 24 chars, 28 .. 31 */
    /* one of the classes with references first, whose gaps stay: long 16, int 24 */
    {"class java.lang.Long @0x2000 fields long a, int b", 32, 24},
};

/* Addresses beyond 32 GiB: references of 8, and before JDK 15 a header of 16, afterwards one of 12. */
static const struct example wide[] = {
    {"class T @0x2000", 16, 16},
    {"class T @0x2000 fields byte a, ref b", 32, 24},            /* 16, 24; packed: 12, 16 */
    {"class S @0x1900 fields byte a\nclass T @0x2000 super @0x1900 fields byte b", 32, 16}, /* 17 rounded to 24, + 1; packed: 14 */
    {"class T @0x2000 fields long a, int b, ref c", 40, 32},     /* 16 long, 24 int, 32 reference; packed: int 12, long 16, reference 24 */
};

static uint64_t measure(const char *class_class, const char *classes, uint64_t address)
{
    char text[2048];
    struct fixture x;
    snprintf(text, sizeof text,
             "class java.lang.Object @0x1000 super none\n%sclass java.lang.Object[] @0x1200\nclass Far @0x1300 super @0x1000\n%s\nobject @0x%" PRIx64 " %s\n"
             "root jni-global @0x%" PRIx64 "\nobject @0x%" PRIx64 " Far\n",
             class_class, classes, address, strstr(classes, "java.lang.Long ") != NULL ? "java.lang.Long" : "T", address, address + 0x10000);
    fixture_write(&x, text);
    fixture_open(&x, &(struct ha_snapshot_options){.no_index = true, .size_model = HA_SIZES_JVM, .threads = 1});
    uint64_t bytes = ha_sizes_of(x.s->sizes, at(&x, address));
    fixture_deinit(&x);
    return bytes;
}

static void check(const struct example *examples, size_t count, uint64_t address)
{
    for (size_t i = 0; i < count; i++) {
        const struct example *e = &examples[i];
        uint64_t stacked = measure(STACKED, e->classes, address), packed = measure(PACKED, e->classes, address);
        ck_assert_msg(stacked == e->stacked, "%s: %u before JDK 15, not %u", e->classes, (unsigned)stacked, e->stacked);
        ck_assert_msg(packed == e->packed, "%s: %u since JDK 15, not %u", e->classes, (unsigned)packed, e->packed);
    }
}

START_TEST(examples_by_hand)
{
    check(narrow, sizeof narrow / sizeof *narrow, 0x10000);
    check(wide, sizeof wide / sizeof *wide, 0x900000000);
}
END_TEST

CK_HA_MAIN("snapshot_layout", examples_by_hand)
