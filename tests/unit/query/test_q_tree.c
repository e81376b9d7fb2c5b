/* SPDX-License-Identifier: MIT */
/* Children by the starts against children by search; what is no tree is refused. */
#include "query/q_tree.h"

#include "support/random_heap.h"
#include "unit/query/query_fixture.h"

static void check_same(struct fixture *x)
{
    const struct ha_dom *dom = x->snapshot->dom;
    ck_ok(ha_tree_prepare(&x->q));
    for (uint32_t i = 0; i < dom->heap->facts.object_count; i++) {
        struct ha_children found = ha_tree_children(&x->q, (ha_obj){i}), sought = ha_dom_children(dom, (ha_obj){i});
        ck_assert_uint_eq(found.count, sought.count);
        ck_assert(found.count == 0 || found.first == sought.first);
        ck_assert(found.objects == sought.objects || found.count == 0);
    }
}

START_TEST(test_random_heaps)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct gen_file file;
        struct fixture x = {0};
        char path[TEMP_PATH_BYTES];
        gen_file_init(&file);
        random_heap_make(&file, &(struct random_heap){.seed = seed, .objects = 300, .features = RANDOM_ALL});
        temp_dir_init(&x.dir);
        ck_assert_ptr_null(gen_file_write(&file, temp_path(&x.dir, "test.hprof", path)));
        gen_file_deinit(&file);
        ck_ok(ha_snapshot_open(path, &(struct ha_snapshot_options){.index_packed = seed % 2 == 0, .threads = 2}, &x.snapshot));
        ha_query_init(&x.q, x.snapshot);
        check_same(&x);
        fixture_deinit(&x);
    }
}
END_TEST

/* Objects with as many children as a byte can count, and one less and more; blocks whose sum is too large. */
START_TEST(test_many_children)
{
    static const unsigned counts[] = {1, 253, 254, 255, 256, 1000, 0, 130, 130, 3};
    struct fixture x;
    struct ha_sbuf text = {0};
    unsigned next = 0x900000;
    ha_sbuf_puts(&text, "use jdk17\n");
    for (unsigned k = 0; k < 200; k++) {
        unsigned at = 0x100000 + k * 0x4000, count = k % 20 < 10 ? counts[k % 10] : 2;
        ha_sbuf_printf(&text, "array @0x%x java.lang.Object[] [", at);
        for (unsigned i = 0; i < count; i++) {
            ha_sbuf_printf(&text, "%s@0x%x", i == 0 ? "" : " ", next + 0x20 * i);
        }
        ha_sbuf_printf(&text, "]\nroot jni-global @0x%x\n", at);
        for (unsigned i = 0; i < count; i++, next += 0x20) {
            ha_sbuf_printf(&text, "bytes @0x%x 1\n", next);
        }
    }
    fixture_init(&x, ha_sbuf_text(&text));
    check_same(&x);
    fixture_deinit(&x);
    ha_sbuf_deinit(&text);
}
END_TEST

/* The columns of the snapshot with one number changed. */
static void check_damaged(struct fixture *x, uint32_t *number, uint32_t value)
{
    uint32_t old = *number;
    *number = value;
    ha_big_deinit(&x->q.child_starts);
    struct ha_err *err = ha_tree_prepare(&x->q);
    ck_assert_msg(err != NULL, "%u instead of %u was taken", value, old);
    ha_err_free(err);
    *number = old;
}

START_TEST(test_damage)
{
    struct fixture x;
    fixture_init(&x, "use jdk17\narray @0x100000 java.lang.Object[] [@0x110000 @0x120000 @0x130000]\nbytes @0x110000 1\narray @0x120000 java.lang.Object[] [@0x140000]\n"
                     "bytes @0x130000 1\nbytes @0x140000 1\nroot jni-global @0x100000\n");
    struct ha_dom *dom = x.snapshot->dom;
    const uint64_t count = dom->reachable_count, blocks = dom->heap->facts.object_count / HA_CHILD_BLOCK + 2;
    uint32_t *children = ha_alloc_array(count, sizeof *children), *starts = ha_alloc_array(blocks, sizeof *starts);
    ck_assert(children != NULL && starts != NULL);
    memcpy(children, dom->children.plain, count * sizeof *children);
    memcpy(starts, dom->child_start, blocks * sizeof *starts);
    dom->children.plain = children;
    dom->child_start = starts;
    check_same(&x);
    for (uint64_t i = 0; i < count; i++) {
        check_damaged(&x, &children[i], dom->heap->facts.object_count);
        check_damaged(&x, &children[i], children[i == 0 ? count - 1 : 0]);
    }
    for (uint64_t i = 0; i < blocks; i++) {
        check_damaged(&x, &starts[i], starts[i] + 1);
        check_damaged(&x, &starts[i], starts[i] - 1);
    }
    check_same(&x);
    fixture_deinit(&x);
    ha_free(children);
    ha_free(starts);
}
END_TEST

CK_HA_MAIN("q_tree", test_random_heaps, test_many_children, test_damage)
