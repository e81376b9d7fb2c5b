/* SPDX-License-Identifier: MIT */
/*
 * Bytes missing or overwritten in the middle of a dump, at every place: what is lost must be the neighbourhood of the damage and no more.
 *
 *     a chain of NODES objects of 45 bytes, in segments of about SEGMENT_BYTES, or in one record as JDK 8 and before wrote it
 *
 * Of each damaged file: it opens, says that it is damaged, says the same with four threads, and has all objects but those that had a byte in the
 * hole and SLACK around it. Worth most in a build with sanitizers.
 */
#include "damage.h"

#include "ha/base/bytes.h"

#define NODES 400
#define NODE_BYTES 45U /* 25 and the 20 bytes of values */
#define SEGMENT_BYTES 1000
#define SLACK 8        /* objects lost besides: the one before the hole, those that look like the end of another, the row that proves the place */

static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];
static uint8_t *good, *bad;
static size_t good_bytes, heap_off;
static uint64_t tried;

static void make(const char *framing)
{
    struct gen_file file;
    struct gen_error error;
    char *text;
    size_t text_bytes;
    FILE *out = open_memstream(&text, &text_bytes);
    ck_assert_ptr_nonnull(out);
    fprintf(out, "use minimal\nhprof 1.0.2 id 8\n%s\nclass Node fields ref next ref other int n statics ref HEAD=@n0\nroot sticky Node\n", framing);
    for (unsigned i = 0; i < NODES; i++) {
        fprintf(out, "object @n%u Node next=@n%u other=@n%u n=%u\n", i, (i + 1) % NODES, i / 2, i);
    }
    ck_assert_int_eq(fclose(out), 0);
    gen_file_init(&file);
    ck_assert_msg(gen_parse(&file, "nodes.heap", text, &error), "%s", error.message);
    gen_file_write_memory(&file, &good, &good_bytes);
    gen_file_deinit(&file);
    free(text);
    heap_off = strlen((const char *)good) + 13;
    while (good[heap_off] != 0x0c && good[heap_off] != 0x1c) {
        heap_off += 9 + ha_be32(good + heap_off + 5);
    }
    bad = malloc(good_bytes);
    ck_assert_ptr_nonnull(bad);
}

static void setup(void)
{
    damage_dir(&dir);
    temp_path(&dir, "holes.hprof", path);
}

static void teardown(void)
{
    free(good);
    free(bad);
    good = bad = NULL;
    temp_dir_deinit(&dir);
}

/* Objects of class Node, and whether there is damage in the list of warnings. */
static uint64_t nodes_of(unsigned threads, bool *ret_damage, struct snapshot_digest *ret_digest)
{
    struct ha_snapshot_options options = {.no_index = true, .threads = threads};
    struct ha_snapshot *s;
    uint64_t nodes = 0;
    ck_ok(ha_snapshot_open(path, &options, &s));
    for (uint32_t i = 0; i < s->heap->facts.object_count; i++) {
        nodes += strcmp(ha_heap_class(s->heap, ha_heap_class_of(s->heap, (ha_obj){i}))->name, "Node") == 0;
    }
    *ret_damage = ha_diag_any_damage(s->diag);
    snapshot_digest_take(s, ret_digest);
    ha_snapshot_close(s);
    return nodes;
}

static void check(const char *what, size_t at, size_t len, size_t bytes)
{
    struct snapshot_digest one, many;
    bool damage = false, again = false;
    temp_write(path, bad, bytes);
    uint64_t nodes = nodes_of(1, &damage, &one);
    uint64_t lost = len / NODE_BYTES + 2 + SLACK;
    ck_assert_msg(nodes + lost >= NODES, "%s of %zu bytes at %zu: %" PRIu64 " of %d objects left", what, len, at, nodes, NODES);
    ck_assert_msg(damage || nodes == NODES, "%s of %zu bytes at %zu: not told, and %" PRIu64 " objects left", what, len, at, nodes);
    if (tried++ % 8 == 0) {
        nodes_of(4, &again, &many);
        ck_assert_msg(memcmp(&one, &many, sizeof one) == 0, "%s of %zu bytes at %zu: differs with four threads", what, len, at);
    }
}

static size_t class_bytes(void)
{
    return 9 + 1000; /* the class dumps stand in front and are not counted: without that of Node there are no Nodes */
}

static void dig(const char *framing, size_t step)
{
    static const size_t lengths[] = {1, 9, 45, 700, 2100};
    make(framing);
    step = step / damage_factor() + 1;
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        size_t len = lengths[k];
        for (size_t at = heap_off + class_bytes(); at + len + 9 + NODE_BYTES * 6 < good_bytes; at += step) {
            memcpy(bad, good, at);
            memcpy(bad + at, good + at + len, good_bytes - at - len);
            check("hole", at, len, good_bytes - len);
            memcpy(bad, good, good_bytes);
            memset(bad + at, 0, len);
            check("zeros", at, len, good_bytes);
        }
    }
}

START_TEST(test_segments)
{
    dig("framing segments 1000", 97);
}
END_TEST

START_TEST(test_one_segment)
{
    dig("framing segments 100000", 211);
}
END_TEST

START_TEST(test_one_heap_dump)
{
    dig("framing dump", 229);
}
END_TEST

START_TEST(test_segment_per_record)
{
    dig("framing each", 223);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dump_holes");
    TCase *tcase = tcase_create("dump_holes");
    tcase_set_timeout(tcase, 3600);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_segments);
    tcase_add_test(tcase, test_one_segment);
    tcase_add_test(tcase, test_one_heap_dump);
    tcase_add_test(tcase, test_segment_per_record);
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}
