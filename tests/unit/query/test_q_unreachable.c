/* SPDX-License-Identifier: MIT */
/* What the index keeps of the unreachable part against what is made anew; sums that must fit. */
#include "ha/query/q_unreachable.h"

#include "ha/heap/heap_sections.h"
#include "support/random_heap.h"
#include "unit/query/query_fixture.h"

static struct ha_err *keep(void *ctx, const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx)
{
    (void)ctx;
    return ha_unreachable_store(snapshot, put, put_ctx);
}

static void random_write(struct fixture *x, uint64_t seed, char *path)
{
    struct gen_file file;
    struct random_heap options = {.seed = seed, .objects = 150, .features = RANDOM_ALL};
    memset(x, 0, sizeof *x);
    temp_dir_init(&x->dir);
    gen_file_init(&file);
    random_heap_make(&file, &options);
    ck_assert_ptr_null(gen_file_write(&file, temp_path(&x->dir, "test.hprof", path)));
    gen_file_deinit(&file);
}

static void check_same(const struct ha_unreachable *a, const struct ha_unreachable *b)
{
    ck_assert_uint_eq(a->objects, b->objects);
    ck_assert_uint_eq(a->bytes, b->bytes);
    ck_assert_uint_eq(a->class_count, b->class_count);
    ck_assert_int_eq(a->has_tops, b->has_tops);
    ck_assert_uint_eq(a->top_count, b->top_count);
    ck_assert_uint_eq(a->tops_omitted, b->tops_omitted);
    for (uint64_t i = 0; i < a->class_count; i++) {
        ck_assert_str_eq(a->classes[i].name, b->classes[i].name);
        ck_assert_uint_eq(a->classes[i].instances, b->classes[i].instances);
        ck_assert_uint_eq(a->classes[i].shallow_bytes, b->classes[i].shallow_bytes);
    }
    for (uint64_t i = 0; i < a->top_count; i++) {
        ck_assert_uint_eq(a->tops[i].obj.i, b->tops[i].obj.i);
        ck_assert_int_eq(a->tops[i].kind, b->tops[i].kind);
        ck_assert_uint_eq(a->tops[i].bytes, b->tops[i].bytes);
        ck_assert_uint_eq(a->tops[i].objects, b->tops[i].objects);
    }
    for (size_t k = 0; k < HA_UNREACHABLE_KINDS; k++) {
        ck_assert_uint_eq(a->kinds[k].objects, b->kinds[k].objects);
        ck_assert_uint_eq(a->kinds[k].bytes, b->kinds[k].bytes);
    }
}

/* Every object goes with one top. */
static void check_sums(const struct ha_unreachable *u)
{
    uint64_t objects = 0, bytes = 0, kinds = 0;
    for (uint64_t i = 0; i < u->top_count; i++) {
        objects += u->tops[i].objects;
        bytes += u->tops[i].bytes;
    }
    for (size_t k = 0; k < HA_UNREACHABLE_KINDS; k++) {
        kinds += u->kinds[k].objects;
    }
    ck_assert(u->objects == 0 || u->has_tops);
    ck_assert_uint_eq(objects, u->objects);
    ck_assert_uint_eq(bytes, u->bytes);
    ck_assert_uint_eq(kinds, u->objects);
}

static bool is_kept(const struct fixture *x, enum ha_size_model model)
{
    return ha_index_find(x->snapshot->index, HA_SECTION_OF(model, UNREACHABLE), 0).count > 0;
}

START_TEST(test_kept_is_made)
{
    static const uint64_t limits[] = {0, 1, 3, 1000};
    struct fixture x;
    char path[TEMP_PATH_BYTES];
    random_write(&x, (uint64_t)_i + 1, path);
    for (int model = HA_SIZES_JVM; model <= HA_SIZES_MAT; model++) { // the second is added to the index of the first
        struct ha_snapshot_options options = {.threads = 1, .size_model = (enum ha_size_model)model, .extra = keep};
        struct ha_snapshot *plain;
        struct ha_query q;
        ck_ok(ha_snapshot_open(path, &options, &x.snapshot));
        ha_query_init(&x.q, x.snapshot);
        options.extra = NULL;
        options.no_index = options.rebuild = true;
        ck_ok(ha_snapshot_open(path, &options, &plain));
        ha_query_init(&q, plain);
        ck_assert_int_eq(is_kept(&x, options.size_model), x.snapshot->retained->unreachable_objects > 0);
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
            struct ha_unreachable kept, made;
            ck_ok(ha_unreachable_query(&x.q, true, limits[i], &kept));
            ck_ok(ha_unreachable_query(&q, true, limits[i], &made));
            check_same(&kept, &made);
            if (limits[i] == 0) {
                check_sums(&kept);
            }
        }
        ha_query_deinit(&q);
        ha_snapshot_close(plain);
        ha_query_deinit(&x.q);
        ha_snapshot_close(x.snapshot);
    }
    temp_dir_deinit(&x.dir);
}
END_TEST

/* A chain that ends in a diamond whose ends know each other, a circle with a tail, and two that know each other and are held by one object each: these
   are told apart only when the whole is gone through once more. */
static const char garbage[] = "use jdk17\n"
                              "class com.acme.Node fields ref a, ref b\n"
                              "object @0x30000 com.acme.Node a=@0x30100\n"
                              "object @0x30100 com.acme.Node a=@0x30200 b=@0x30300\n"
                              "object @0x30200 com.acme.Node a=@0x30400 b=@0x30300\n"
                              "object @0x30300 com.acme.Node a=@0x30400 b=@0x30200\n"
                              "object @0x30400 com.acme.Node\n"
                              "object @0x31000 com.acme.Node a=@0x31100\n"
                              "object @0x31100 com.acme.Node a=@0x31200\n"
                              "object @0x31200 com.acme.Node a=@0x31000 b=@0x31300\n"
                              "object @0x31300 com.acme.Node\n"
                              "object @0x32000 com.acme.Node a=@0x32100\n"
                              "object @0x32100 com.acme.Node a=@0x32200\n"
                              "object @0x32200 com.acme.Node a=@0x32100\n"
                              "object @0x32300 com.acme.Node a=@0x32200\n";

START_TEST(test_tree)
{
    struct fixture x;
    struct ha_unreachable u;
    uint64_t chain = 0, circle = 0, alone = 0;
    fixture_init(&x, garbage);
    ck_ok(ha_unreachable_query(&x.q, true, 0, &u));
    check_sums(&u);
    for (uint64_t i = 0; i < u.top_count; i++) {
        ha_addr address = ha_heap_address(x.snapshot->heap, u.tops[i].obj);
        chain = address == 0x30000 ? u.tops[i].objects : chain;
        circle = address == 0x31000 ? u.tops[i].objects : circle;
        alone += address >= 0x32000 && address <= 0x32300 && u.tops[i].objects == 1;
        ck_assert(address == 0x30000 || address < 0x30000 || address == 0x31000 || address > 0x31300);
    }
    ck_assert_uint_eq(chain, 5);
    ck_assert_uint_eq(circle, 4);
    ck_assert_uint_eq(alone, 4);
    fixture_deinit(&x);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("q_unreachable");
    TCase *tcase = tcase_create("q_unreachable");
    tcase_add_loop_test(tcase, test_kept_is_made, 0, 20);
    tcase_add_test(tcase, test_tree);
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}
