/* SPDX-License-Identifier: MIT */
/*
 * A heap from text, opened as a snapshot, with a query on it:
 *
 *     struct fixture x;
 *     fixture_init(&x, "use jdk17\nobject @leak com.acme.Foo\n…");
 *     … &x.q, at(&x, 0x3000) …
 *     fixture_deinit(&x);
 */
#ifndef HA_TESTS_UNIT_QUERY_QUERY_FIXTURE_H
#define HA_TESTS_UNIT_QUERY_QUERY_FIXTURE_H

#include "ha/query/q_query.h"
#include "support/ck_ha.h"
#include "support/dumpgen.h"
#include "support/temp_dir.h"

struct fixture {
    struct temp_dir dir;
    struct ha_snapshot *snapshot;
    struct ha_query q;
};

static inline void fixture_open(struct fixture *x, const char *text,
                                const struct ha_snapshot_options *options)
{
    struct gen_file file;
    struct gen_error error;
    char path[TEMP_PATH_BYTES];
    memset(x, 0, sizeof *x);
    temp_dir_init(&x->dir);
    gen_file_init(&file);
    ck_assert_msg(gen_parse(&file, "test.heap", text, &error), "%s", error.message);
    ck_assert_ptr_null(gen_file_write(&file, temp_path(&x->dir, "test.hprof", path)));
    gen_file_deinit(&file);
    ck_ok(ha_snapshot_open(path, options, &x->snapshot));
    ha_query_init(&x->q, x->snapshot);
}

static inline void fixture_init(struct fixture *x, const char *text)
{
    fixture_open(
        x, text,
        &(struct ha_snapshot_options){.no_index = true, .size_model = HA_SIZES_MAT, .threads = 2});
}

static inline void fixture_deinit(struct fixture *x)
{
    ha_query_deinit(&x->q);
    ha_snapshot_close(x->snapshot);
    temp_dir_deinit(&x->dir);
}

static inline ha_obj at(struct fixture *x, ha_addr address)
{
    ha_obj obj = HA_OBJ_NONE;
    ck_ok(ha_query_object_at(&x->q, address, &obj));
    return obj;
}

static inline ha_addr address_of(struct fixture *x, ha_obj obj)
{
    return ha_obj_is_none(obj) ? 0 : ha_heap_address(x->snapshot->heap, obj);
}

#endif
