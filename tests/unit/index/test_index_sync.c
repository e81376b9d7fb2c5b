/* SPDX-License-Identifier: MIT */
/* An index that goes to the disk while it is made, here from the first byte on. */
#include "ha/index/index.h"

#include "support/ck_ha.h"
#include "support/held_sync.h"
#include "support/temp_dir.h"

#include <string.h>

#define ID HA_INDEX_ID('A', 'A', 'A', 'A')

static const struct ha_fingerprint print = {.bytes = 1000, .heap = 1};
static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];

/* An index that is sealed while the first sync still goes on. */
static struct ha_index *seal(void)
{
    struct ha_index_writer *writer;
    struct ha_index *index;
    sync_waits = true;
    temp_dir_init(&dir);
    temp_path(&dir, "a.hpx", path);
    ck_ok(ha_index_writer_create(path, NULL, &writer));
    ck_ok(ha_index_section_put(writer, ID, 1, 5, "hello"));
    const unsigned before = syncs;
    ha_index_writer_sync_begin(writer);
    while (syncs == before) {
        sched_yield();
    }
    ha_index_writer_sync_begin(writer);
    ck_assert_uint_eq(syncs, before + 1);
    ck_ok(ha_index_writer_seal(writer, &print, 1, &index));
    sync_waits = false;
    ck_assert(ha_index_is_pending(index));
    return index;
}

START_TEST(test_kept)
{
    struct ha_index *index = seal();
    ck_ok(ha_index_keep(index));
    ck_assert_mem_eq(ha_index_find(index, ID, 1).data, "hello", 5);
    ck_ok(ha_index_verify(index, 1));
    ha_index_close(index);
    ck_assert_int_eq(access(path, F_OK), 0);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_not_kept)
{
    ha_index_close(seal());
    ck_assert_int_eq(access(path, F_OK), -1);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_disk_error)
{
    sync_that_fails = syncs + 1;
    struct ha_index *index = seal();
    ck_err(ha_index_keep(index), HA_ERR_SYSTEM, "cannot write");
    ck_assert_mem_eq(ha_index_find(index, ID, 1).data, "hello", 5); /* as long as it is open */
    ha_index_close(index);
    ck_assert_int_eq(access(path, F_OK), -1);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_given_up)
{
    struct ha_index_writer *writer;
    temp_dir_init(&dir);
    ck_ok(ha_index_writer_create(temp_path(&dir, "a.hpx", path), NULL, &writer));
    ck_ok(ha_index_section_put(writer, ID, 1, 5, "hello"));
    ha_index_writer_sync_begin(writer);
    ha_index_writer_destroy(writer);
    ck_ok(ha_index_writer_create(NULL, dir.path, &writer)); /* without a name there is nothing to bring to the disk */
    const unsigned before = syncs;
    ha_index_writer_sync_begin(writer);
    ha_index_writer_destroy(writer);
    ck_assert_uint_eq(syncs, before);
    ck_assert_int_eq(access(path, F_OK), -1);
    temp_dir_deinit(&dir);
}
END_TEST

CK_HA_MAIN("index_sync", test_kept, test_not_kept, test_disk_error, test_given_up)
