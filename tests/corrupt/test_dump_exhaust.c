/* SPDX-License-Identifier: MIT */
/*
 * Dumps cut at each record and one byte beside, and with one byte in a hundred changed: by the thousand, in one process. Each must end in an
 * answer whose parts fit each other (snapshot_check.h) or in an error about the input; a cut may not go unnoticed where the format shows the end.
 *
 *     test_corrupt_dump_exhaust [--cuts N] [--flips N] [--first N] [--answered] [--gzip] FILE…
 *
 *     FILE     a heap text (*.heap), a dump, or a compressed dump
 *     --cuts   N seeded places of each file; 0: every record and sub-record, one byte before and one behind (the default)
 *     --flips  N seeds of each file, 100 by default
 *     --first  the first of these seeds, 0 by default
 *     --answered  an error about the input will not do
 *     --gzip   each file is compressed in several layouts, and the compressed file damaged, at members and at N (1000) seeded places
 *
 * Some of the inputs are read with two threads as well, or through an index that is verified and opened again: the same answers. A backstop ends the
 * process if one input takes a minute, or all of them more than MEMORY_MAX; nothing is judged by time. Prints how many inputs were tried.
 */
#include "hprof_places.h"

#include "support/dumpgen.h"
#include "support/engine/snapshot_check.h"
#include "support/engine/snapshot_digest.h"
#include "support/gzip_out.h"
#include "support/rng.h"
#include "support/temp_dir.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/resource.h>
#include <zlib.h>

#define INPUT_SECONDS_MAX 60U
#define MEMORY_MAX ((rlim_t)4 << 30)
#define GZIP_CUTS 1000U
#define MEMBER_BYTES 2000U

static struct temp_dir dir;
static char path[TEMP_PATH_BYTES], index_dir[TEMP_PATH_BYTES];
static char what[256]; /* the input at work */
static uint64_t tried, answered, refused, two_threads, reopened;
static uint64_t cuts, flips = 100, first_flip;
static bool all_answered;

/* ---- one input ---- */

static void on_alarm(int signal_number)
{
    static const char text[] = "takes too long: ";
    (void)signal_number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0 || write(STDERR_FILENO, what, strlen(what)) < 0) {
        _exit(2);
    }
    _exit(1);
}

static void give_up(const char *problem)
{
    ck_abort_msg("%s: %s", what, problem);
}

static void write_input(const uint8_t *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0) {
        give_up("cannot be written");
    }
}

/* NULL: refused as it should be. */
static struct ha_snapshot *open_input(unsigned threads, bool with_index)
{
    struct ha_snapshot_options options = {.no_index = !with_index, .index_dir = with_index ? index_dir : NULL, .threads = threads};
    struct ha_snapshot *s = NULL;
    struct ha_err *err = ha_snapshot_open(path, &options, &s);
    if (err != NULL && (all_answered || (ha_err_kind(err) != HA_ERR_INPUT && ha_err_kind(err) != HA_ERR_LIMIT))) {
        give_up(ha_err_message(err));
    }
    ha_err_free(err);
    return s;
}

static void must_be_same(const struct ha_snapshot *s, const struct snapshot_digest *digest, const char *how)
{
    struct snapshot_digest other;
    snapshot_digest_take(s, &other);
    if (memcmp(&other, digest, sizeof other) != 0) {
        give_up(how);
    }
}

static void check_two_threads(const struct snapshot_digest *digest)
{
    struct ha_snapshot *s = open_input(2, false);
    if (s == NULL) {
        give_up("opens with one thread, not with two");
    }
    must_be_same(s, digest, "differs with two threads");
    ha_snapshot_close(s);
    two_threads++;
}

static void check_index(const struct snapshot_digest *digest)
{
    for (int again = 0; again < 2; again++) {
        struct ha_snapshot *s = open_input(1, true);
        if (s == NULL || s->built == (again != 0)) {
            give_up(s == NULL ? "does not open with an index" : "the index was not used, or not made");
        }
        must_be_same(s, digest, again ? "differs when opened again" : "differs with an index");
        struct ha_err *err = ha_index_verify(s->index, 1);
        if (err != NULL) {
            give_up(ha_err_message(err));
        }
        ha_snapshot_close(s);
    }
    uint32_t removed;
    struct ha_err *err = ha_index_place_remove(path, index_dir, &removed);
    if (err != NULL || removed != 1) {
        give_up("the index is not removed");
    }
    reopened++;
}

/* damaged: the damage cannot go unnoticed. */
static void try_input(const uint8_t *data, size_t bytes, bool damaged)
{
    struct snapshot_contradiction contradiction;
    struct snapshot_digest digest;
    alarm(INPUT_SECONDS_MAX);
    write_input(data, bytes);
    struct ha_snapshot *s = open_input(1, false);
    uint64_t number = tried++;
    if (s == NULL) {
        refused++;
        return;
    }
    answered++;
    if (!snapshot_fits(s, &contradiction)) {
        give_up(contradiction.text);
    }
    if (damaged && !ha_diag_any_damage(s->diag)) {
        give_up("is answered without a word about the damage");
    }
    snapshot_digest_take(s, &digest);
    ha_snapshot_close(s);
    if (number % 8 == 0) {
        check_two_threads(&digest);
    }
    if (number % 16 == 0) {
        check_index(&digest);
    }
}

/* ---- damage ---- */

/* sure: each cut shows. */
static void cut_at(const char *name, const uint8_t *data, size_t bytes, size_t at, bool sure)
{
    if (at <= bytes) {
        snprintf(what, sizeof what, "%.200s cut at %zu", name, at);
        try_input(data, at, sure && at < bytes);
    }
}

static void cut_around(const char *name, const uint8_t *data, size_t bytes, size_t at, bool sure)
{
    cut_at(name, data, bytes, at - 1, sure);
    cut_at(name, data, bytes, at, sure);
    cut_at(name, data, bytes, at + 1, sure);
}

static void cut_records(const char *name, const uint8_t *data, size_t bytes)
{
    struct hprof_places places;
    if (!hprof_places_find(data, bytes, &places)) {
        snprintf(what, sizeof what, "%.200s", name);
        give_up("is no undamaged dump");
    }
    bool sure = places.heaps == 1 && places.has_end;
    uint64_t count = cuts == 0 ? places.at.count : cuts;
    struct rng rng = rng_seed(bytes);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t place = cuts == 0 ? i : rng_below(&rng, places.at.count);
        cut_around(name, data, bytes, places.at.data[place], sure);
    }
    sup_vec_free(&places.at);
}

/* Every byte with a chance of one in a hundred becomes another one. */
static void flip(const char *name, const uint8_t *data, size_t bytes)
{
    uint8_t *bad = sup_calloc(bytes, 1);
    for (uint64_t seed = first_flip; seed < first_flip + flips; seed++) {
        struct rng rng = rng_seed(seed);
        memcpy(bad, data, bytes);
        for (size_t at = rng_below(&rng, 200); at < bytes; at += 1 + rng_below(&rng, 199)) {
            bad[at] ^= (uint8_t)(1 + rng_below(&rng, 255));
        }
        snprintf(what, sizeof what, "%.200s changed with seed %" PRIu64, name, seed);
        try_input(bad, bytes, false);
    }
    sup_free(bad);
}

/* ---- compressed ---- */

struct layout {
    const char *name;
    struct gzip_out out;
    size_t member_bytes; /* 0: one member */
};

static void damage_layout(const char *name, struct layout *layout, const uint8_t *data, size_t bytes)
{
    char full[256];
    struct gzip_out *out = &layout->out;
    size_t step = layout->member_bytes > 0 ? layout->member_bytes : bytes;
    snprintf(full, sizeof full, "%.150s, %s,", name, layout->name);
    for (size_t at = 0; at < bytes; at += step) {
        gzip_out_member(out, data + at, step < bytes - at ? step : bytes - at);
    }
    for (size_t m = 0; m <= out->count && cuts == 0; m++) {
        cut_around(full, out->data, out->len, out->starts[m], false);
    }
    struct rng rng = rng_seed(bytes);
    for (uint64_t i = 0; i < (cuts > 0 ? cuts : GZIP_CUTS); i++) {
        size_t at = rng_below(&rng, out->len);
        bool in_a_member = true;
        for (size_t m = 0; m <= out->count; m++) {
            in_a_member = in_a_member && at != out->starts[m];
        }
        cut_at(full, out->data, out->len, at, in_a_member);
    }
    flip(full, out->data, out->len);
    gzip_out_free(out);
}

static void damage_compressed(const char *name, const uint8_t *data, size_t bytes)
{
    struct layout layouts[] = {
        {"one member", {.level = 6}, 0},
        {"chunked", {.level = 1, .comment = "HPROF BLOCKSIZE=2000"}, MEMBER_BYTES},
        {"stored", {.level = 0, .name = "a.hprof", .extra_len = 5, .header_crc = true}, MEMBER_BYTES},
    };
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        damage_layout(name, &layouts[i], data, bytes);
    }
}

/* ---- files ---- */

/* From malloc. */
static uint8_t *load(const char *file, size_t *ret_bytes)
{
    const char *dot = strrchr(file, '.');
    snprintf(what, sizeof what, "%.200s", file);
    if (dot != NULL && strcmp(dot, ".heap") == 0) {
        struct gen_file gen;
        struct gen_error error;
        uint8_t *data;
        gen_file_init(&gen);
        if (!gen_parse_file(&gen, file, &error)) {
            give_up(error.message);
        }
        gen_file_write_memory(&gen, &data, ret_bytes);
        gen_file_deinit(&gen);
        return data;
    }
    struct sup_bytes all = {0};
    static uint8_t block[1 << 16];
    gzFile in = gzopen(file, "rb"); /* reads plain files as they are */
    if (in == NULL) {
        give_up("cannot be opened");
    }
    for (int n = gzread(in, block, sizeof block); n > 0; n = gzread(in, block, sizeof block)) {
        sup_bytes_put(&all, block, (size_t)n);
    }
    gzclose(in);
    *ret_bytes = all.count;
    return all.data;
}

static void damage_file(const char *file, bool compressed)
{
    size_t bytes;
    uint8_t *data = load(file, &bytes);
    const char *slash = strrchr(file, '/');
    const char *name = slash != NULL ? slash + 1 : file;
    uint64_t before = tried, answered_before = answered;
    if (compressed) {
        damage_compressed(name, data, bytes);
    } else {
        cut_records(name, data, bytes);
        flip(name, data, bytes);
    }
    fprintf(stderr, "# %-36s %9zu bytes %8" PRIu64 " inputs %8" PRIu64 " answered\n", name, bytes, tried - before, answered - answered_before);
    free(data);
}

static void backstop(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    struct rlimit limit = {MEMORY_MAX, MEMORY_MAX};
    if (setrlimit(RLIMIT_AS, &limit) != 0) {
        give_up("cannot limit the memory");
    }
#endif
    signal(SIGALRM, on_alarm);
}

static char **words;
static int word_count;

START_TEST(test_damage)
{
    bool compressed = false;
    temp_path(&dir, "damaged.hprof", path);
    temp_path(&dir, "index", index_dir);
    ck_assert_int_eq(mkdir(index_dir, 0700), 0);
    backstop();
    for (int i = 1; i < word_count; i++) {
        if (strcmp(words[i], "--gzip") == 0) {
            compressed = true;
        } else if (i + 1 < word_count && strcmp(words[i], "--cuts") == 0) {
            cuts = strtoull(words[++i], NULL, 0);
        } else if (i + 1 < word_count && strcmp(words[i], "--flips") == 0) {
            flips = strtoull(words[++i], NULL, 0);
        } else if (strcmp(words[i], "--answered") == 0) {
            all_answered = true;
        } else if (i + 1 < word_count && strcmp(words[i], "--first") == 0) {
            first_flip = strtoull(words[++i], NULL, 0);
        } else {
            damage_file(words[i], compressed);
        }
    }
    ck_assert_uint_gt(answered, 0);
    ck_assert_uint_gt(reopened, 0);
    fprintf(stderr, "# %" PRIu64 " inputs: %" PRIu64 " answered, %" PRIu64 " refused; %" PRIu64 " also with two threads, %" PRIu64 " also through an index\n",
            tried, answered, refused, two_threads, reopened);
}
END_TEST

static void setup(void)
{
    if (access("/dev/shm", W_OK) == 0) {
        setenv("TMPDIR", "/dev/shm", 0);
    }
    temp_dir_init(&dir);
}

static void teardown(void)
{
    temp_dir_deinit(&dir);
}

int main(int argc, char **argv)
{
    words = argv;
    word_count = argc;
    Suite *suite = suite_create("dump_exhaust");
    TCase *tcase = tcase_create("dump_exhaust");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_damage);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* one process, so that leaks are seen at its end */
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
