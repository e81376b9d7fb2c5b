/* SPDX-License-Identifier: MIT */
/* Answers that come from what the index keeps against the same made anew: the first level of the dominator tree, leak suspects. */
#include "ha/query/q_suspects.h"
#include "ha/query/q_top.h"

#include "ha/heap/heap_sections.h"
#include "support/random_heap.h"
#include "unit/query/query_fixture.h"

static struct ha_err *keep(void *ctx, const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx)
{
    (void)ctx;
    HA_TRY(ha_level_store(snapshot, put, put_ctx));
    return ha_suspects_store(snapshot, put, put_ctx);
}

/* One dump, opened with an index that keeps answers, and without. */
struct pair {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    struct ha_snapshot *with, *without;
    struct ha_query kept, made;
};

static void pair_write(struct pair *p, uint64_t seed)
{
    struct gen_file file;
    struct random_heap options = {.seed = seed, .objects = 150, .features = RANDOM_ALL};
    memset(p, 0, sizeof *p);
    temp_dir_init(&p->dir);
    gen_file_init(&file);
    random_heap_make(&file, &options);
    ck_assert_ptr_null(gen_file_write(&file, temp_path(&p->dir, "test.hprof", p->path)));
    gen_file_deinit(&file);
}

static void pair_open(struct pair *p, enum ha_size_model model)
{
    struct ha_snapshot_options options = {.threads = 1, .size_model = model, .extra = keep};
    ck_ok(ha_snapshot_open(p->path, &options, &p->with));
    options.extra = NULL;
    options.no_index = options.rebuild = true;
    ck_ok(ha_snapshot_open(p->path, &options, &p->without));
    ha_query_init(&p->kept, p->with);
    ha_query_init(&p->made, p->without);
}

static void pair_close(struct pair *p)
{
    ha_query_deinit(&p->kept);
    ha_query_deinit(&p->made);
    ha_snapshot_close(p->with);
    ha_snapshot_close(p->without);
}

static bool has(const struct ha_snapshot *s, uint32_t id)
{
    return ha_index_find(s->index, id, 0).count > 0;
}

static void check_ranked(const struct ha_ranked_list *a, const struct ha_ranked_list *b)
{
    ck_assert_uint_eq(a->count, b->count);
    ck_assert_uint_eq(a->omitted, b->omitted);
    for (uint64_t i = 0; i < a->count; i++) {
        ck_assert_uint_eq(a->list[i].obj.i, b->list[i].obj.i);
        ck_assert_uint_eq(a->list[i].retained_bytes, b->list[i].retained_bytes);
    }
}

static void check_rows(const struct ha_histogram *a, const struct ha_histogram *b)
{
    ck_assert_uint_eq(a->count, b->count);
    ck_assert_uint_eq(a->omitted, b->omitted);
    ck_assert_uint_eq(a->instances, b->instances);
    ck_assert_uint_eq(a->shallow_bytes, b->shallow_bytes);
    for (uint64_t i = 0; i < a->count; i++) {
        ck_assert_uint_eq(a->rows[i].cls.i, b->rows[i].cls.i);
        ck_assert_uint_eq(a->rows[i].instances, b->rows[i].instances);
        ck_assert_uint_eq(a->rows[i].shallow_bytes, b->rows[i].shallow_bytes);
        ck_assert_uint_eq(a->rows[i].retained_bytes, b->rows[i].retained_bytes);
    }
}

static void check_text(const char *a, const char *b)
{
    ck_assert(a == NULL ? b == NULL : b != NULL && strcmp(a, b) == 0);
}

static void check_suspects(const struct ha_suspects *a, const struct ha_suspects *b)
{
    ck_assert_uint_eq(a->count, b->count);
    ck_assert_uint_eq(a->omitted, b->omitted);
    for (uint64_t i = 0; i < a->count; i++) {
        const struct ha_suspect *x = &a->list[i], *y = &b->list[i];
        ck_assert_str_eq(x->id, y->id);
        ck_assert_uint_eq(x->object.i, y->object.i);
        ck_assert_uint_eq(x->instances, y->instances);
        ck_assert_uint_eq(x->retained_bytes, y->retained_bytes);
        ck_assert_uint_eq(x->accumulation_point.i, y->accumulation_point.i);
        ck_assert_uint_eq(x->accumulation_retained_bytes, y->accumulation_retained_bytes);
        ck_assert_int_eq(x->path_excluded, y->path_excluded);
        ck_assert_uint_eq(x->sampled, y->sampled);
        ck_assert_uint_eq(x->root.kinds, y->root.kinds);
        ck_assert_uint_eq(x->root.thread.i, y->root.thread.i);
        ck_assert_uint_eq(x->held_by.object.i, y->held_by.object.i);
        ck_assert_uint_eq(x->thread.thread.i, y->thread.thread.i);
        check_text(x->thread.frame, y->thread.frame);
        check_text(x->held_by.field, y->held_by.field);
        ck_assert_uint_eq(x->path_count, y->path_count);
        for (uint64_t k = 0; k < x->path_count; k++) {
            ck_assert_uint_eq(x->path[k].obj.i, y->path[k].obj.i);
            check_text(x->path[k].field, y->path[k].field);
        }
        check_ranked(&x->largest, &y->largest);
        check_rows(&x->retained_classes, &y->retained_classes);
    }
}

START_TEST(test_first_level)
{
    static const uint64_t limits[] = {1, 5, 1000, 0};
    struct pair p;
    pair_write(&p, (uint64_t)_i + 1);
    for (int model = HA_SIZES_JVM; model <= HA_SIZES_MAT; model++) {
        pair_open(&p, (enum ha_size_model)model);
        bool many = ha_dom_top(p.with->dom).count > 32;
        ck_assert_int_eq(has(p.with, HA_SECTION_OF(model, TOP)), many);
        ck_assert_int_eq(has(p.with, HA_SECTION_OF(model, LEVEL)), many);
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
            struct ha_top kept, made;
            ck_ok(ha_top_query(&p.kept, limits[i], &kept));
            ck_ok(ha_top_query(&p.made, limits[i], &made));
            check_ranked(&kept.objects, &made.objects);
            check_rows(&kept.classes, &made.classes);
            check_rows(&kept.packages, &made.packages);
            check_rows(&kept.loaders, &made.loaders);
        }
        pair_close(&p);
    }
    temp_dir_deinit(&p.dir);
}
END_TEST

START_TEST(test_suspects)
{
    static const struct ha_suspects_options options[] = {{.limit = 0}, {.limit = 1}, {.threshold_percent = 2}, {.class_limit = 3}, {.threshold_percent = 5},
                                                         {.threshold_percent = 8}, {.threshold_percent = 15}, {.threshold_percent = 30}};
    struct pair p;
    pair_write(&p, (uint64_t)_i + 100);
    for (int model = HA_SIZES_JVM; model <= HA_SIZES_MAT; model++) {
        pair_open(&p, (enum ha_size_model)model);
        for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
            struct ha_suspects kept, made;
            ck_ok(ha_suspects_query(&p.kept, &options[i], &kept));
            ck_ok(ha_suspects_query(&p.made, &options[i], &made));
            ck_assert(i != 0 || has(p.with, HA_SECTION_OF(model, SUSPECTS)) == (made.count > 0));
            check_suspects(&kept, &made);
        }
        pair_close(&p);
    }
    temp_dir_deinit(&p.dir);
}
END_TEST

static struct ha_err *put_asked(void *ctx, const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx)
{
    (void)snapshot;
    return ha_suspects_store_asked(ctx, put, put_ctx);
}

/* How many thresholds that somebody asked for the index keeps. */
static unsigned asked_count(const struct ha_snapshot *s, enum ha_size_model model)
{
    unsigned count = 0;
    for (unsigned n = 0; n < HA_SUSPECTS_ASKED; n++) {
        count += has(s, HA_SECTION_NTH(HA_SECTION_OF(model, SUSPECTS_ASKED), n));
    }
    return count;
}

/* Suspects of a threshold that the index knows nothing of are searched for once. */
START_TEST(test_suspects_asked)
{
    static const struct ha_suspects_options asked[] = {
        {.threshold_percent = 0.5}, {.threshold_percent = 2, .limit = 1}, {.threshold_percent = 2},   {.threshold_percent = 30},
        {.threshold_percent = 3},   {.threshold_percent = 1},             {.threshold_percent = 1.5}, {.threshold_percent = 25},
    };
    const enum ha_size_model model = _i % 2 == 0 ? HA_SIZES_JVM : HA_SIZES_MAT;
    unsigned kept_count = 0;
    struct pair p;
    pair_write(&p, (uint64_t)_i + 200);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        const struct ha_suspects_options options = asked[i];
        struct ha_suspects kept, made;
        uint64_t bytes;
        pair_open(&p, model);
        ck_ok(ha_suspects_query(&p.made, &options, &made));
        ck_ok(ha_suspects_query(&p.kept, &options, &kept));
        check_suspects(&kept, &made);
        const bool searched = p.kept.suspects != NULL, low = kept.threshold_bytes < p.with->retained->reachable_bytes / HA_PART_SHARE;
        ck_assert(!searched || !low); /* it would be of no use to groups */
        ck_ok(ha_snapshot_append(p.with, put_asked, &p.kept, &bytes));
        ck_assert_int_eq(bytes > 0, searched && kept_count < HA_SUSPECTS_ASKED);
        kept_count += bytes > 0;
        const bool added = bytes > 0;
        pair_close(&p);
        pair_open(&p, model);
        ck_assert_uint_eq(asked_count(p.with, model), kept_count);
        ck_ok(ha_suspects_query(&p.made, &options, &made));
        ck_ok(ha_suspects_query(&p.kept, &options, &kept));
        check_suspects(&kept, &made);
        if (added) {
            ck_assert_ptr_null(p.kept.suspects); /* now all of them are there */
        }
        ck_ok(ha_snapshot_append(p.with, put_asked, &p.kept, &bytes));
        ck_assert_uint_eq(bytes, 0); /* once is enough, also where something is still missing */
        pair_close(&p);
    }
    temp_dir_deinit(&p.dir);
}
END_TEST

/* The suspects that were noted, each with a path that comes by its first object twice. */
static struct ha_err *put_circles(void *ctx, const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx)
{
    enum { HEAD = 3, RECORD = 10, PATH_COUNT = 6, LARGEST_COUNT = 7 };
    const struct ha_query *q = ctx;
    uint64_t forged = 0;
    HA_FREE uint32_t *words = ha_alloc_array(q->suspects_words, sizeof *words);
    ck_assert_ptr_nonnull(words);
    memcpy(words, q->suspects, q->suspects_words * sizeof *words);
    for (uint64_t at = HEAD; at < q->suspects_words; at += RECORD + words[at + PATH_COUNT] + words[at + LARGEST_COUNT]) {
        if (words[at + PATH_COUNT] > 1) {
            words[at + RECORD + 1] = words[at + RECORD];
            forged++;
        }
    }
    return forged == 0 ? NULL : put(put_ctx, HA_SECTION_OF(snapshot->sizes->model, SUSPECTS_ASKED), sizeof *words, q->suspects_words, words);
}

/* A path that visits an object more than once is none, and could be made to take forever. */
START_TEST(test_forged_paths)
{
    static const struct ha_suspects_options options = {.threshold_percent = 2};
    unsigned forged = 0;
    for (uint64_t seed = 300; seed < 320; seed++) {
        struct pair p;
        struct ha_suspects kept, made;
        uint64_t bytes = 0;
        pair_write(&p, seed);
        pair_open(&p, HA_SIZES_JVM);
        ck_ok(ha_suspects_query(&p.kept, &options, &kept));
        if (p.kept.suspects != NULL) {
            ck_ok(ha_snapshot_append(p.with, put_circles, &p.kept, &bytes));
        }
        forged += bytes > 0;
        pair_close(&p);
        pair_open(&p, HA_SIZES_JVM);
        ck_ok(ha_suspects_query(&p.kept, &options, &kept));
        ck_ok(ha_suspects_query(&p.made, &options, &made));
        check_suspects(&kept, &made);
        pair_close(&p);
        temp_dir_deinit(&p.dir);
    }
    ck_assert_uint_gt(forged, 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("q_kept");
    TCase *tcase = tcase_create("q_kept");
    tcase_set_timeout(tcase, 0); /* meson has one for all of them */
    tcase_add_loop_test(tcase, test_first_level, 0, 15);
    tcase_add_loop_test(tcase, test_suspects, 0, 30);
    tcase_add_loop_test(tcase, test_suspects_asked, 0, 12);
    tcase_add_test(tcase, test_forged_paths);
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}
