/* SPDX-License-Identifier: MIT */
/*
 * A heap from text, opened as a snapshot:
 *
 *     struct fixture x;
 *     fixture_init(&x, "use jdk17\nobject @0x3000 com.acme.Foo\n…");
 *     … x.s, x.window, at(&x, 0x3000) …
 *     fixture_deinit(&x);
 */
#ifndef HA_TESTS_UNIT_SNAPSHOT_FIXTURE_H
#define HA_TESTS_UNIT_SNAPSHOT_FIXTURE_H

#include "ha/snapshot/snapshot.h"
#include "support/ck_ha.h"
#include "support/dumpgen.h"
#include "support/temp_dir.h"

struct fixture {
    struct temp_dir dir;
    char dump[TEMP_PATH_BYTES];
    struct ha_snapshot *s;
    struct ha_window window;
};

/* Writes the dump alone. */
static inline void fixture_write(struct fixture *x, const char *text)
{
    struct gen_file file;
    struct gen_error error;
    memset(x, 0, sizeof *x);
    temp_dir_init(&x->dir);
    gen_file_init(&file);
    ck_assert_msg(gen_parse(&file, "test.heap", text, &error), "%s", error.message);
    ck_assert_ptr_null(gen_file_write(&file, temp_path(&x->dir, "test.hprof", x->dump)));
    gen_file_deinit(&file);
}

static inline void fixture_open(struct fixture *x, const struct ha_snapshot_options *options)
{
    ck_ok(ha_snapshot_open(x->dump, options, &x->s));
    ha_window_init(&x->window, x->s->input, HA_WINDOW_RANDOM);
}

static inline void fixture_close(struct fixture *x)
{
    ha_window_deinit(&x->window);
    ha_snapshot_close(x->s);
    x->s = NULL;
}

static inline void fixture_init(struct fixture *x, const char *text)
{
    fixture_write(x, text);
    fixture_open(x, &(struct ha_snapshot_options){.no_index = true, .size_model = HA_SIZES_MAT, .threads = 2});
}

static inline void fixture_deinit(struct fixture *x)
{
    if (x->s != NULL) {
        fixture_close(x);
    }
    temp_dir_deinit(&x->dir);
}

static inline ha_obj at(const struct fixture *x, ha_addr address)
{
    ha_obj obj = HA_OBJ_NONE;
    ck_assert_msg(ha_heap_find(x->s->heap, address, &obj), "0x%llx is not in the heap", (unsigned long long)address);
    return obj;
}

static inline const struct ha_class *class_at(const struct fixture *x, ha_addr address)
{
    return ha_heap_class(x->s->heap, ha_heap_class_of(x->s->heap, at(x, address)));
}

/* The immediate dominator's address; 1 under the root, 0 unreachable. */
static inline ha_addr idom_at(const struct fixture *x, ha_addr address)
{
    ha_obj d;
    ha_obj obj = at(x, address);
    if (!ha_dom_reachable(x->s->dom, obj)) {
        return 0;
    }
    return ha_dom_of(x->s->dom, obj, &d) ? ha_heap_address(x->s->heap, d) : 1;
}

static inline uint64_t diag_count(const struct fixture *x, enum ha_diag_code code)
{
    return ha_diag_get(x->s->diag, code)->count;
}

#endif
