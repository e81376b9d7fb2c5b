/* SPDX-License-Identifier: MIT */
/* Bytes as an opened dump with a window on it. */
#ifndef HA_TESTS_UNIT_HPROF_FIXTURE_H
#define HA_TESTS_UNIT_HPROF_FIXTURE_H

#include "ha/input/input.h"
#include "support/ck_ha.h"
#include "support/temp_dir.h"

struct fixture {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    struct ha_input *input;
    struct ha_window window;
};

static inline void fixture_init(struct fixture *x, const void *data, size_t len)
{
    temp_dir_init(&x->dir);
    temp_write(temp_path(&x->dir, "a.hprof", x->path), data, len);
    ck_ok(ha_input_open(x->path, NULL, &x->input));
    ha_window_init(&x->window, x->input, HA_WINDOW_STREAM);
}

static inline void fixture_deinit(struct fixture *x)
{
    ha_window_deinit(&x->window);
    ha_input_close(x->input);
    temp_dir_deinit(&x->dir);
}

/* Big-endian bytes into a buffer. */
static inline size_t put_be(uint8_t *p, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        p[i] = (uint8_t)(value >> 8 * (width - 1 - i));
    }
    return width;
}

#endif
