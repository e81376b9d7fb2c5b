/* SPDX-License-Identifier: MIT */
/* An array in memory, or one window of it and the rest in a file. */
#include "ha/base/spool.h"

#include "ha/base/file.h"

struct ha_err *ha_spool_init(struct ha_spool *spool, uint64_t count)
{
    *spool = (struct ha_spool){.mask = UINT64_MAX};
    const uint64_t bytes = count > UINT64_MAX / sizeof(uint32_t) ? UINT64_MAX : count * sizeof(uint32_t);
    if (ha_big_file_grow(&spool->file, 0, bytes)) {
        spool->file_bytes = bytes;
        spool->mask = HA_SPOOL_WINDOW - 1;
        count = HA_SPOOL_WINDOW;
    }
    struct ha_err *err = ha_big_init_raw(&spool->big, count, sizeof(uint32_t));
    spool->window = spool->big.data;
    if (err != NULL) {
        ha_spool_deinit(spool);
    }
    return err;
}

void ha_spool_deinit(struct ha_spool *spool)
{
    ha_big_deinit(&spool->big);
    if (spool->file_bytes > 0) {
        ha_big_file_close(spool->file, spool->file_bytes);
    }
    *spool = (struct ha_spool){0};
}

/* The numbers from `first` on, which are in the window, go to the file. */
static struct ha_err *put_away(const struct ha_spool *spool, uint64_t first, uint64_t count)
{
    return ha_err_wrap(ha_file_write_at(spool->file, "a temporary file", first * sizeof(uint32_t), spool->window, (size_t)count * sizeof(uint32_t)),
                       "what does not fit into memory");
}

struct ha_err *ha_spool_next(struct ha_spool *spool, uint64_t index)
{
    return spool->file_bytes == 0 || index == 0 ? NULL : put_away(spool, index - HA_SPOOL_WINDOW, HA_SPOOL_WINDOW);
}

struct ha_err *ha_spool_finish(struct ha_spool *spool, uint64_t count, struct ha_big *ret)
{
    if (spool->file_bytes == 0) {
        *ret = spool->big;
        *spool = (struct ha_spool){0};
        return NULL;
    }
    const uint64_t left = count == 0 ? 0 : (count - 1) % HA_SPOOL_WINDOW + 1; /* not put away yet */
    HA_TRY(put_away(spool, count - left, left));
    HA_TRY(ha_big_file_map(spool->file, spool->file_bytes, ret));
    spool->file_bytes = 0; /* the file is that of the array now */
    ha_spool_deinit(spool);
    return NULL;
}
