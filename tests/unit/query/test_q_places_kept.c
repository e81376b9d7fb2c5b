/* SPDX-License-Identifier: MIT */
/* Places that come from the index against the same worked out anew; whatever is wrong with what is kept, they are worked out. */
#include "ha/query/q_places.h"

#include "ha/heap/heap_sections.h"
#include "index/index_format.h"
#include "support/random_heap.h"
#include "support/rng.h"
#include "unit/query/query_fixture.h"

static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];

static void dump_write(uint64_t seed)
{
    struct gen_file file;
    temp_dir_init(&dir);
    temp_path(&dir, "test.hprof", path);
    gen_file_init(&file);
    random_heap_make(&file, &(struct random_heap){.seed = seed, .objects = 200, .features = RANDOM_ALL});
    ck_assert_ptr_null(gen_file_write(&file, path));
    gen_file_deinit(&file);
}

static struct ha_err *put(void *ctx, const struct ha_snapshot *snapshot, ha_section_put section_put, void *put_ctx)
{
    (void)snapshot;
    return ha_places_store(ctx, section_put, put_ctx);
}

/* Opens the dump and asks for its places; returns whether they were added to the index afterwards. */
static bool ask(const struct ha_snapshot_options *options, struct ha_snapshot **ret_snapshot, struct ha_query *q, struct ha_places *ret)
{
    uint64_t bytes = 0;
    ck_ok(ha_snapshot_open(path, options, ret_snapshot));
    ha_query_init(q, *ret_snapshot);
    ck_ok(ha_places_query(q, 0, ret));
    ck_ok(ha_snapshot_append(*ret_snapshot, put, q, &bytes));
    return bytes > 0;
}

static void done(struct ha_snapshot *snapshot, struct ha_query *q)
{
    ha_query_deinit(q);
    ha_snapshot_close(snapshot);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void ck_same(const struct ha_places *a, const struct ha_places *b)
{
    ck_assert_uint_eq(a->count, b->count);
    ck_assert_int_eq(a->cut, b->cut);
    ck_assert_uint_eq(a->min_bytes, b->min_bytes);
    for (uint32_t i = 0; i < a->count; i++) {
        const struct ha_place *x = &a->list[i], *y = &b->list[i];
        ck_assert_str_eq(x->signature, y->signature);
        ck_assert_str_eq(x->class_name, y->class_name);
        ck_assert(same_text(x->field, y->field));
        ck_assert_uint_eq(x->parent, y->parent);
        ck_assert_uint_eq(x->objects, y->objects);
        ck_assert_uint_eq(x->retained_bytes, y->retained_bytes);
        ck_assert_uint_eq(x->largest.i, y->largest.i);
    }
}

START_TEST(test_kept_like_made)
{
    dump_write((uint64_t)_i + 1);
    for (int model = HA_SIZES_JVM; model <= HA_SIZES_MAT; model++) { // the second one is added to the index of the first
        const struct ha_snapshot_options options = {.threads = 1 + (unsigned)_i % 3, .size_model = (enum ha_size_model)model, .index_packed = _i % 2 == 0};
        struct ha_snapshot *first, *second;
        struct ha_query q, again;
        struct ha_places made, kept, same;
        ck_assert(ask(&options, &first, &q, &made));
        ck_assert(!made.kept);
        ck_ok(ha_places_query(&q, 0, &same));
        ck_assert_ptr_eq(same.list, made.list);
        ck_assert(!ask(&options, &second, &again, &kept));
        ck_assert(kept.kept);
        ck_same(&kept, &made);
        ck_ok(ha_places_query(&again, 1, &kept)); // of another size
        ck_assert(!kept.kept);
        ck_ok(ha_index_verify(second->index, 1));
        done(first, &q);
        done(second, &again);
    }
    temp_dir_deinit(&dir);
}
END_TEST

/* What is true of all places, be they right or not. */
static void ck_sound(const struct ha_snapshot *snapshot, const struct ha_places *places)
{
    ck_assert_uint_le(places->count, HA_PLACES_MAX);
    for (uint32_t i = 0; i < places->count; i++) {
        const struct ha_place *place = &places->list[i];
        ck_assert(place->parent == HA_NONE || place->parent < i);
        ck_assert_uint_lt(place->largest.i, snapshot->heap->facts.object_count);
        ck_assert_uint_ge(strlen(place->signature), strlen(place->class_name));
    }
}

static uint64_t offset_of(const struct ha_index *index, uint32_t id, uint64_t *ret_bytes)
{
    for (uint32_t i = 0; i < ha_index_section_count(index); i++) {
        if (index->entries[i].id == id) {
            *ret_bytes = index->entries[i].count * index->entries[i].width;
            return index->entries[i].off;
        }
    }
    ck_abort_msg("no such section");
    return 0;
}

START_TEST(test_pokes)
{
    static const uint32_t ids[] = {HA_SECTION_JVM_PLACES, HA_SECTION_JVM_PLACE_NAMES};
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff, '>'};
    const struct ha_snapshot_options options = {.threads = 1};
    struct ha_snapshot *snapshot;
    struct ha_query q;
    struct ha_places places;
    char index_path[TEMP_PATH_BYTES];
    size_t len = 0;
    unsigned kept = 0, refused = 0;
    dump_write(3);
    ck_assert(ask(&options, &snapshot, &q, &places));
    done(snapshot, &q);
    uint8_t *bytes = temp_read(temp_path(&dir, "test.hprof.hpx", index_path), &len);
    uint8_t *bad = malloc(len);
    ck_assert_ptr_nonnull(bad);
    struct rng rng = rng_seed(9);
    for (int round = 0; round < 200; round++) {
        uint64_t section_bytes = 0;
        ck_assert(!ask(&options, &snapshot, &q, &places)); // the sections are there, right or wrong
        ck_sound(snapshot, &places);
        kept += places.kept;
        refused += !places.kept;
        uint64_t off = offset_of(snapshot->index, ids[round % 2], &section_bytes);
        done(snapshot, &q);
        memcpy(bad, bytes, len);
        for (uint64_t count = 1 + rng_below(&rng, 3); count > 0; count--) {
            bad[off + rng_below(&rng, section_bytes)] = values[rng_below(&rng, sizeof values)];
        }
        temp_write(index_path, bad, len);
    }
    ck_assert_uint_gt(kept, 30);
    ck_assert_uint_gt(refused, 30);
    free(bytes);
    free(bad);
    temp_dir_deinit(&dir);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("q_places_kept");
    TCase *tcase = tcase_create("q_places_kept");
    tcase_set_timeout(tcase, 0); /* meson has one, which knows of slow builds */
    tcase_add_loop_test(tcase, test_kept_like_made, 0, 20);
    tcase_add_test(tcase, test_pokes);
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}
