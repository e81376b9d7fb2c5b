/* SPDX-License-Identifier: MIT */
/*
 * Sections of an index with changed contents: opening checks header and table only, so everything read from a section must be checked where
 * it is used. Half of the indexes are packed. Any answer will do, or building the index anew; no access may go astray. Worth most in a build with sanitizers.
 */
#include "damage.h"

#include "ha/rules/rules.h"
#include "index/index_format.h"
#include "support/engine/snapshot_report.h"

#define DUMPS 4

static struct temp_dir dir;
static char dump[TEMP_PATH_BYTES], index_path[TEMP_PATH_BYTES];
static uint8_t *good, *bad;
static size_t good_bytes;
static unsigned section_count;

static void setup_dump(uint64_t seed, bool packed)
{
    struct ha_snapshot *s;
    size_t bytes;
    damage_dir(&dir);
    uint8_t *data = damage_dump(seed, &bytes);
    temp_write(temp_path(&dir, "a.hprof", dump), data, bytes);
    free(data);
    ck_ok(ha_snapshot_open(dump, &(struct ha_snapshot_options){.threads = 1, .index_packed = packed, .extra = snapshot_report_keep}, &s));
    ck_assert_ptr_nonnull(ha_index_path(s->index));
    snprintf(index_path, sizeof index_path, "%s", ha_index_path(s->index));
    section_count = ha_index_section_count(s->index);
    ha_snapshot_close(s);
    good = temp_read(index_path, &good_bytes);
    bad = malloc(good_bytes);
    ck_assert_ptr_nonnull(bad);
}

static void teardown_dump(void)
{
    free(good);
    free(bad);
    temp_dir_deinit(&dir);
}

/* Opens the dump with the index as `bad` now is. */
static void try_index(void)
{
    struct ha_snapshot *s;
    struct snapshot_digest digest;
    temp_write(index_path, bad, good_bytes);
    ck_ok(ha_snapshot_open(dump, &(struct ha_snapshot_options){.threads = 1}, &s));
    snapshot_digest_take(s, &digest);
    uint64_t bytes = 0;
    struct ha_err *err = snapshot_report(s, &bytes);
    ck_assert_msg(err == NULL || ha_err_kind(err) == HA_ERR_INPUT, "%s", err == NULL ? "" : ha_err_message(err));
    ck_assert(err != NULL || bytes > 0);
    ha_err_free(err);
    ha_snapshot_close(s);
}

static struct ha_index_entry entry_at(unsigned section)
{
    struct ha_index_header header;
    struct ha_index_entry entry;
    memcpy(&header, good, sizeof header);
    memcpy(&entry, good + header.table_off + section * sizeof entry, sizeof entry);
    return entry;
}

START_TEST(test_sections_filled)
{
    static const uint8_t fills[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe};
    setup_dump((uint64_t)_i + 1, _i % 2 != 0);
    for (unsigned section = 0; section < section_count; section++) {
        struct ha_index_entry entry = entry_at(section);
        for (size_t f = 0; f < sizeof fills && entry.count > 0; f++) {
            memcpy(bad, good, good_bytes);
            memset(bad + entry.off, fills[f], entry.count * entry.width);
            try_index();
        }
    }
    teardown_dump();
}
END_TEST

START_TEST(test_section_bytes)
{
    setup_dump((uint64_t)_i + 50, _i % 2 != 0);
    for (unsigned section = 0; section < section_count; section++) {
        struct ha_index_entry entry = entry_at(section);
        uint64_t bytes = entry.count * entry.width;
        for (unsigned n = 0; bytes > 0 && n < 24 * damage_factor(); n++) {
            struct rng rng = rng_seed((uint64_t)_i << 40 | (uint64_t)section << 32 | n);
            memcpy(bad, good, good_bytes);
            for (uint64_t k = 1 + rng_below(&rng, 20); k > 0; k--) {
                uint8_t *at = bad + entry.off + rng_below(&rng, bytes);
                *at = rng_chance(&rng, 30)   ? 0xff
                      : rng_chance(&rng, 30) ? (uint8_t)(*at ^ 1U << rng_below(&rng, 8))
                                             : (uint8_t)rng_next(&rng);
            }
            try_index();
        }
    }
    teardown_dump();
}
END_TEST

/* Elements exchanged and repeated: values that are valid, in places where they are wrong. */
START_TEST(test_section_elements)
{
    setup_dump((uint64_t)_i + 90, _i % 2 != 0);
    for (unsigned section = 0; section < section_count; section++) {
        struct ha_index_entry entry = entry_at(section);
        for (unsigned n = 0; entry.count > 1 && n < 12 * damage_factor(); n++) {
            struct rng rng = rng_seed((uint64_t)_i << 40 | (uint64_t)section << 32 | n);
            memcpy(bad, good, good_bytes);
            for (uint64_t k = 1 + rng_below(&rng, 8); k > 0; k--) {
                memmove(bad + entry.off + rng_below(&rng, entry.count) * entry.width,
                        bad + entry.off + rng_below(&rng, entry.count) * entry.width, entry.width);
            }
            try_index();
        }
    }
    teardown_dump();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("index_contents");
    const struct {
        const char *name;
        const TTest *test;
    } cases[] = {{"filled", test_sections_filled}, {"bytes", test_section_bytes}, {"elements", test_section_elements}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) { // CK_RUN_CASE names one
        TCase *tcase = tcase_create(cases[i].name);
        tcase_set_timeout(tcase, 600.0 * damage_factor());
        tcase_add_loop_test(tcase, cases[i].test, 0, DUMPS);
        suite_add_tcase(suite, tcase);
    }
    return ck_ha_run_suite(suite);
}
