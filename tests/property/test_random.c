/* SPDX-License-Identifier: MIT */
/*
 * The engine against the naive oracle on random heaps, and against itself:
 *
 *     threads       1, 2 and 8 threads write the same index, byte for byte           (by turns)
 *     oracle        what the index says about every object is what the oracle says
 *     reopening     the index read back answers as the run that wrote it, and as a run without an index file
 *     packing       half of the indexes are packed; the same dump with the other form of index gives the same answers
 *     shuffling     records in another order give the same numbers for every address
 *     models        both size models on one index, whichever came first and with any number of threads: the same numbers, and those of the oracle
 *     counting      a run that only counts the objects, with any number of threads, gives the numbers of the full one
 *     island        unreachable objects added to the heap change nothing for the others
 *
 *     test_random [HEAPS [FIRST SEED]]        1200 heaps from seed 1; HA_PROPERTY_HEAPS in the environment asks for more
 *
 * A failure prints the seed: `test_random 1 SEED` repeats it, `dumpgen --random SEED --features BITS FILE` writes the dump.
 */
#include "support/engine/counted_compare.h"
#include "support/engine/snapshot_digest.h"
#include "support/random_heap.h"
#include "support/rng.h"
#include "support/temp_dir.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

struct run {
    uint64_t seed;
    struct temp_dir dir;
    char dump[TEMP_PATH_BYTES];
    enum ha_size_model model;
    bool packed;    /* the index */
    bool all;       /* every check; otherwise one kind by turns, so that more heaps fit the time */
    char what[600]; /* what went wrong; "" while nothing did */
};

static bool wrong(struct run *run, const char *what, const char *detail)
{
    if (run->what[0] == '\0') {
        snprintf(run->what, sizeof run->what, "%s: %s", what, detail);
    }
    return false;
}

/* Features are drawn from the seed: mostly all of them, at times a few. */
static struct random_heap options_of(uint64_t seed)
{
    struct rng rng = rng_seed(seed ^ 0x5eed);
    unsigned features = rng_chance(&rng, 60) ? RANDOM_ALL : (unsigned)rng_below(&rng, RANDOM_ALL + 1);
    uint32_t objects = rng_chance(&rng, 3) ? 400 + (uint32_t)rng_below(&rng, 800) : 0;
    return (struct random_heap){.seed = seed, .features = features, .objects = objects};
}

static bool open_dump(struct run *run, const char *path, const char *index_dir, bool rebuild, unsigned threads, struct ha_snapshot **ret)
{
    struct ha_snapshot_options options = {.index_dir = index_dir, .no_index = index_dir == NULL, .rebuild = rebuild, .threads = threads,
                                          .size_model = run->model, .index_packed = run->packed};
    struct ha_err *err = ha_snapshot_open(path, &options, ret);
    if (err != NULL) {
        wrong(run, "opening", ha_err_message(err));
        ha_err_free(err);
        return false;
    }
    return true;
}

static bool same_digest(struct run *run, const char *what, const struct snapshot_digest *a, const struct snapshot_digest *b, bool all)
{
    if (a->objects != b->objects) {
        return wrong(run, what, "objects differ");
    }
    if (all && a->threads != b->threads) {
        return wrong(run, what, "threads differ");
    }
    return !all || a->diag == b->diag || wrong(run, what, "warnings differ");
}

/* ---- one dump: threads, oracle, reopening ---- */

/* Which size references have shows only where object arrays follow each other in ascending order: the snapshot's word is taken for it
   when records are in any order. */
static struct oracle *ask_oracle(const struct gen_file *file, const struct ha_snapshot *s)
{
    bool ascending = file->options.sequence == GEN_ASCENDING && !file->options.shuffle_all;
    return oracle_create_as(file, file->heaps.count - 1, ascending ? 0 : s->sizes->reference_bytes);
}

static bool check_oracle(struct run *run, const char *what, const struct ha_snapshot *s, const struct oracle *oracle)
{
    struct comparison comparison;
    return snapshot_agrees(s, oracle, &comparison) || wrong(run, what, comparison.difference);
}

static bool check_index_bytes(struct run *run, const char *index, uint8_t **first, size_t *first_bytes, unsigned threads)
{
    size_t bytes;
    uint8_t *data = temp_read(index, &bytes);
    bool same = *first == NULL || (bytes == *first_bytes && memcmp(data, *first, bytes) == 0);
    if (*first == NULL) {
        *first = data;
        *first_bytes = bytes;
    } else {
        free(data);
    }
    return same || wrong(run, "index bytes differ from those of one thread", threads == 2 ? "two threads" : "eight threads");
}

/* *ret_oracle is owned by the caller whatever comes back. */
static bool check_built(struct run *run, const struct gen_file *file, struct oracle **ret_oracle, struct snapshot_digest *ret)
{
    uint8_t *first = NULL;
    size_t first_bytes = 0;
    static const unsigned threads[] = {1, 2, 8};
    for (int i = 0; i < 3; i++) {
        struct ha_snapshot *s;
        if (!open_dump(run, run->dump, run->dir.path, true, threads[i], &s)) {
            return false;
        }
        bool ok = s->built && ha_index_path(s->index) != NULL;
        ok = ok ? check_index_bytes(run, ha_index_path(s->index), &first, &first_bytes, threads[i]) : wrong(run, "building", "no index was written");
        if (*ret_oracle == NULL) {
            *ret_oracle = ask_oracle(file, s);
            ok = check_oracle(run, "oracle", s, *ret_oracle) && ok;
            snapshot_digest_take(s, ret);
        }
        ha_snapshot_close(s);
        if (!ok) {
            break;
        }
    }
    free(first);
    return run->what[0] == '\0';
}

static bool check_reopened(struct run *run, const struct snapshot_digest *built)
{
    struct snapshot_digest digest;
    struct ha_snapshot *s;
    for (int fresh = 0; fresh < 2; fresh++) {
        if (!open_dump(run, run->dump, fresh ? NULL : run->dir.path, false, 2, &s)) {
            return false;
        }
        bool ok = s->built == (fresh != 0) || wrong(run, "reopening", "the index was not used");
        snapshot_digest_take(s, &digest);
        ok = same_digest(run, fresh ? "without an index file" : "reopened", built, &digest, true) && ok;
        ha_snapshot_close(s);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool check_other_form(struct run *run, const struct snapshot_digest *built)
{
    struct snapshot_digest digest;
    struct ha_snapshot *s;
    run->packed = !run->packed;
    bool ok = open_dump(run, run->dump, run->dir.path, true, 2, &s);
    run->packed = !run->packed;
    if (!ok) {
        return false;
    }
    snapshot_digest_take(s, &digest);
    ok = (s->dom->children.plain == NULL) != run->packed || s->dom->reachable_count == 0 || wrong(run, "packing", "the index is in the wrong form");
    ok = same_digest(run, "packed and not", built, &digest, true) && ok;
    ha_snapshot_close(s);
    return ok;
}

/* ---- counted only ---- */

static uint64_t counted_heaps; /* where counting was possible */

static bool check_counted(struct run *run, enum ha_size_model model)
{
    static const unsigned threads[] = {1, 2, 8};
    struct ha_snapshot *full, *counted;
    struct comparison comparison;
    run->model = model;
    bool opened = open_dump(run, run->dump, NULL, false, 2, &full), ok = opened;
    run->model = HA_SIZES_MAT;
    for (int i = 0; ok && i < 3; i++) {
        struct ha_snapshot_options options = {.heap_only = true, .no_index = true, .size_model = model, .threads = threads[i]};
        struct ha_err *err = ha_snapshot_open(run->dump, &options, &counted);
        if (err != NULL) {
            ok = wrong(run, "counting", ha_err_message(err));
            ha_err_free(err);
            break;
        }
        counted_heaps += counted->heap->counts != NULL;
        ok = counted_agrees(counted, full, &comparison) || wrong(run, "counted", comparison.difference);
        ha_snapshot_close(counted);
    }
    if (opened) {
        ha_snapshot_close(full);
    }
    return ok;
}

/* ---- metamorphic ---- */

static bool check_shuffled(struct run *run, struct gen_file *file, unsigned ref_bytes, const struct snapshot_digest *built)
{
    struct gen_options *options = &file->options;
    struct gen_options before = *options;
    struct ha_snapshot *s;
    struct snapshot_digest digest;
    char path[TEMP_PATH_BYTES];
    options->shuffle_all = true;
    options->seed = run->seed;
    options->out.framing = HPROF_FRAMING_SEGMENTS;
    options->out.segment_bytes = 20 + (uint32_t)(run->seed % 3000);
    gen_file_write(file, temp_path(&run->dir, "shuffled.hprof", path));
    if (!open_dump(run, path, NULL, false, 2, &s)) {
        return false;
    }
    struct oracle *oracle = ask_oracle(file, s);
    bool ok = check_oracle(run, "records shuffled, oracle", s, oracle);
    snapshot_digest_take(s, &digest);
    if (s->sizes->reference_bytes == ref_bytes) {
        ok = ok && same_digest(run, "records shuffled", built, &digest, false);
    }
    oracle_destroy(oracle);
    ha_snapshot_close(s);
    *options = before;
    return ok;
}

/* A ring of arrays above all other addresses, that refers to everybody. Returns the lowest of its ids. */
static uint64_t add_island(struct gen_file *file, const struct oracle *oracle)
{
    uint64_t high = oracle->nodes[oracle->count - 1].id;
    uint64_t first = (high + 0x4000) / oracle->alignment * oracle->alignment;
    uint64_t cls = gen_array_class(file, "java.lang.Object[]");
    uint32_t count = 3;
    for (uint32_t i = 0; i < count; i++) {
        struct gen_object *o = gen_array_add(file, first + i * 0x4000, cls, 4);
        o->values[0] = first + (i + 1) % count * 0x4000;
        for (uint32_t k = 1; k < 4; k++) {
            o->values[k] = oracle->nodes[(i * 31 + k * 17) % oracle->count].id;
        }
    }
    return first;
}

static bool check_island(struct run *run, struct gen_file *file, const struct oracle *oracle)
{
    if (oracle->nodes[oracle->count - 1].id > (file->options.out.id_size == 4 ? 0xff000000U : UINT64_MAX / 2) ||
        gen_class_by_name(gen_heap(file), "java.lang.Object[]") == NULL) {
        return true;
    }
    uint64_t first = add_island(file, oracle);
    struct ha_snapshot *s;
    char path[TEMP_PATH_BYTES], detail[64];
    gen_file_write(file, temp_path(&run->dir, "island.hprof", path));
    if (!open_dump(run, path, NULL, false, 2, &s)) {
        return false;
    }
    if (s->sizes->reference_bytes != oracle->ref_bytes) { /* records were shuffled anew */
        ha_snapshot_close(s);
        return true;
    }
    bool ok = s->retained->reachable_bytes == oracle->reachable_bytes || wrong(run, "island", "other reachable bytes");
    for (uint32_t i = 0; ok && i < oracle->count; i++) {
        const struct oracle_node *n = &oracle->nodes[i];
        ha_obj obj, idom = HA_OBJ_NONE;
        snprintf(detail, sizeof detail, "0x%" PRIx64 " changed", n->id);
        if (n->made_up && !ha_heap_find(s->heap, n->id, &obj)) {
            continue; /* no object for us */
        }
        ok = ha_heap_find(s->heap, n->id, &obj) && ha_sizes_of(s->sizes, obj) == n->shallow && ha_dom_reachable(s->dom, obj) == n->reachable &&
             (!n->reachable || ha_retained_of(s->retained, obj) == n->retained) &&
             ha_dom_of(s->dom, obj, &idom) == (n->idom < oracle->count) &&
             (n->idom >= oracle->count || ha_heap_address(s->heap, idom) == oracle->nodes[n->idom].id);
        ok = ok || wrong(run, "island", detail);
    }
    ha_obj island;
    ok = ok && ((ha_heap_find(s->heap, first, &island) && !ha_dom_reachable(s->dom, island)) || wrong(run, "island", "it is reachable"));
    ha_snapshot_close(s);
    return ok;
}

/* ---- both size models ---- */

static uint64_t up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

/* Static fields in a class object: references, then by size; <resolved_references> and such are elsewhere. */
static uint64_t jvm_statics(const struct oracle *o, const struct oracle_node *n)
{
    uint64_t bytes = 0;
    for (unsigned pass = 16; pass > 0; pass /= 2) { /* 16: references */
        for (size_t i = 0; n->def != NULL && i < n->def->statics.count; i++) {
            const struct gen_field *field = &n->def->statics.data[i].field;
            unsigned width = hprof_type_bytes(field->type, o->ref_bytes);
            if (field->name[0] != '<' && (field->type == HPROF_OBJECT ? 16 : width) == pass) {
                bytes = up(bytes, width) + width;
            }
        }
    }
    return up(bytes, o->id_size);
}

/* Header and fields without any padding. */
static uint64_t jvm_least(const struct oracle *o, const struct oracle_node *n, uint64_t header)
{
    uint64_t bytes = header;
    uint32_t left = o->count;
    for (uint32_t c = n->cls; c < o->count && left > 0; c = o->nodes[c].super, left--) {
        const struct oracle_node *cls = &o->nodes[c];
        bytes += cls->made_up ? cls->made_up_bytes : 0;
        for (size_t i = 0; cls->def != NULL && i < cls->def->fields.count; i++) {
            bytes += hprof_type_bytes(cls->def->fields.data[i].type, o->ref_bytes);
        }
    }
    return bytes;
}

static uint64_t jvm_array(const struct oracle *o, const struct gen_object *array, uint64_t header, uint64_t narrow)
{
    uint64_t first = o->id_size == 8 && header == 8 ? 12 : header + 4;
    unsigned width = array->kind == GEN_OBJECT_ARRAY ? o->ref_bytes : hprof_type_bytes(array->type, o->id_size);
    bool old = narrow == 24; /* JDK 22 and before, without compressed class pointers */
    return (width == 8 || old ? up(first, 8) : first) + (uint64_t)array->count * width;
}

/* Shallow sizes of the oracle as the JVM has them, by what the model says of the JVM. Arrays and class objects are computed; instances depend on
   distances and are taken from the snapshot, if their fields fit and the bytes are aligned. */
static bool give_jvm_sizes(struct run *run, const struct ha_snapshot *s, struct oracle *o)
{
    const struct ha_sizes *sizes = s->sizes;
    uint64_t header = ha_sizes_part(sizes, "header_bytes")->value, narrow = ha_sizes_part(sizes, "array_header_bytes")->value;
    uint64_t mirror = ha_sizes_part(sizes, "class_object_bytes")->value, alignment = ha_sizes_part(sizes, "object_alignment")->value;
    char detail[96];
    for (uint32_t i = 0; i < o->count; i++) {
        struct oracle_node *n = &o->nodes[i];
        ha_obj obj;
        n->shallow = 0;
        if (!ha_heap_find(s->heap, n->id, &obj)) {
            continue; /* no object for us */
        }
        if (n->is_class) {
            n->shallow = up(mirror + jvm_statics(o, n), alignment);
        } else if (n->object->kind != GEN_INSTANCE) {
            n->shallow = up(jvm_array(o, n->object, header, narrow), alignment);
        } else {
            n->shallow = ha_sizes_of(sizes, obj);
            if (n->shallow < jvm_least(o, n, header) || n->shallow % alignment != 0) {
                snprintf(detail, sizeof detail, "0x%" PRIx64 " of %" PRIu64 " bytes has no room for its fields", n->id, n->shallow);
                return wrong(run, "jvm sizes", detail);
            }
        }
    }
    oracle_weigh(o);
    return true;
}

static bool check_jvm(struct run *run, const struct gen_file *file, const struct ha_snapshot *s)
{
    struct oracle *o = oracle_create_as(file, file->heaps.count - 1, s->sizes->reference_bytes);
    bool ok = give_jvm_sizes(run, s, o) && check_oracle(run, "jvm sizes, oracle", s, o);
    oracle_destroy(o);
    return ok;
}

/* Opens with one model and compares with the first time; the oracle is asked once for each. */
static bool check_model(struct run *run, const struct gen_file *file, const struct oracle *mat, enum ha_size_model model, bool rebuild, unsigned threads,
                        struct snapshot_digest *digests, bool *known)
{
    struct snapshot_digest digest;
    struct ha_snapshot *s;
    run->model = model;
    bool ok = open_dump(run, run->dump, run->dir.path, rebuild, threads, &s);
    run->model = HA_SIZES_MAT;
    if (!ok) {
        return false;
    }
    ok = s->built == rebuild || wrong(run, "models", "the index was not used");
    snapshot_digest_take(s, &digest);
    if (!known[model]) {
        known[model] = true;
        digests[model] = digest;
        ok = ok && (model == HA_SIZES_JVM ? check_jvm(run, file, s) : check_oracle(run, "mat added, oracle", s, mat));
    } else {
        ok = ok && same_digest(run, model == HA_SIZES_JVM ? "jvm once more" : "mat once more", &digests[model], &digest, true);
    }
    ha_snapshot_close(s);
    return ok;
}

static bool check_models(struct run *run, const struct gen_file *file, const struct oracle *mat)
{
    static const unsigned threads[] = {1, 2, 8};
    struct snapshot_digest digests[2];
    bool known[2] = {false, false}, ok = true;
    for (unsigned i = 0; ok && i < 6; i++) {
        enum ha_size_model first = i % 2 == 0 ? HA_SIZES_JVM : HA_SIZES_MAT, second = i % 2 == 0 ? HA_SIZES_MAT : HA_SIZES_JVM;
        ok = check_model(run, file, mat, first, true, threads[i % 3], digests, known) &&
             check_model(run, file, mat, second, false, threads[(i + 1) % 3], digests, known) &&
             check_model(run, file, mat, first, false, 2, digests, known);
    }
    return ok;
}

static uint64_t heap_count = 1200, first_seed = 1;

/* ---- one seed ---- */

static bool check_seed(struct run *run)
{
    struct gen_file file;
    struct random_heap options = options_of(run->seed);
    gen_file_init(&file);
    random_heap_make(&file, &options);
    temp_path(&run->dir, "random.hprof", run->dump);
    const char *problem = gen_file_write(&file, run->dump);
    struct oracle *oracle = NULL;
    struct snapshot_digest built;
    bool ok = problem == NULL || wrong(run, "writing", problem);
    unsigned turn = run->seed % 4;
    ok = ok && check_built(run, &file, &oracle, &built);
    ok = ok && ((!run->all && turn != 1) || check_reopened(run, &built));
    ok = ok && ((!run->all && turn != 0) || check_other_form(run, &built));
    ok = ok && check_counted(run, turn % 2 == 0 ? HA_SIZES_JVM : HA_SIZES_MAT);
    ok = ok && ((!run->all && turn != 2) || check_shuffled(run, &file, oracle->ref_bytes, &built));
    ok = ok && ((run->seed % 8 != 0 && heap_count != 1) || check_models(run, &file, oracle));
    ok = ok && ((!run->all && turn != 3) || check_island(run, &file, oracle)); /* changes the file */
    oracle_destroy(oracle);
    gen_file_deinit(&file);
    return ok;
}

START_TEST(test_random_heaps)
{
    struct run run;
    unsigned failed = 0;
    if (access("/dev/shm", W_OK) == 0) { /* indexes are synced, which takes longer than all else on a disk */
        setenv("TMPDIR", "/dev/shm", 0);
    }
    run.model = HA_SIZES_MAT;
    temp_dir_init(&run.dir);
    for (uint64_t i = 0; i < heap_count && failed < 5; i++) {
        run.seed = first_seed + i;
        run.packed = (run.seed * 0x9e3779b97f4a7c15ULL >> 63) != 0;
        run.all = heap_count == 1 || run.seed % 4 == 0;
        run.what[0] = '\0';
        if (!check_seed(&run)) {
            struct random_heap options = options_of(run.seed);
            failed++;
            fprintf(stderr, "seed %" PRIu64 " (dumpgen --random %" PRIu64 " --objects %u --features %u): %s\n", run.seed, run.seed,
                    (unsigned)options.objects, options.features, run.what);
        }
    }
    temp_dir_deinit(&run.dir);
    ck_assert_msg(heap_count < 100 || counted_heaps > heap_count / 4, "few heaps are counted: the test says little");
    ck_assert_msg(failed == 0, "see the seeds above; `test_property_random 1 SEED` repeats one");
}
END_TEST

int main(int argc, char **argv)
{
    const char *more = getenv("HA_PROPERTY_HEAPS");
    heap_count = argc > 1 ? strtoull(argv[1], NULL, 0) : heap_count;
    heap_count = more != NULL && strtoull(more, NULL, 0) > heap_count ? strtoull(more, NULL, 0) : heap_count;
    first_seed = argc > 2 ? strtoull(argv[2], NULL, 0) : first_seed;
    Suite *suite = suite_create("random");
    TCase *tcase = tcase_create("random");
    tcase_add_test(tcase, test_random_heaps);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* no time limit but meson's */
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
