/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a plain file: one descriptor and one read-only mapping of all of it. Nothing is read in advance: a scan goes through
 * pread (a fault per page costs more than a copy on virtual machines), and so does what leaps from one head of a record to the next; look-ups here and
 * there go through the mapping.
 */
#include "input_source.h"

#include "ha/base/file.h"

#include <inttypes.h>

struct ha_err *ha_input_plain_attach(struct ha_input *input, int fd, uint64_t bytes)
{
    ha_input_plain_detach(input);
    input->fd = fd;
    input->bytes = bytes;
    if (bytes > SIZE_MAX) {
        return ha_err_new(HA_ERR_LIMIT, "'%s' holds %" PRIu64 " bytes, more than can be addressed",
                          input->shown, bytes);
    }
    void *map = NULL;
    struct ha_err *err = ha_file_map(fd, input->path, bytes, false, &map);
    // Some network file systems cannot map; reading works everywhere.
    ha_err_free(err);
    input->map = map;
    return NULL;
}

void ha_input_plain_unmap(struct ha_input *input)
{
    if (input->map != NULL) {
        ha_file_unmap(input->map, input->bytes);
        input->map = NULL;
    }
}

void ha_input_plain_detach(struct ha_input *input)
{
    ha_input_plain_unmap(input);
    ha_file_close(input->fd);
    input->fd = -1;
    input->bytes = 0;
}

struct ha_err *ha_input_shorter(const struct ha_input *input, uint64_t off)
{
    return ha_err_at(HA_ERR_SYSTEM, off,
                     "'%s' became shorter while it was read; try again when it is whole",
                     input->shown);
}

struct ha_err *ha_input_plain_read(const struct ha_input *input, uint64_t off, void *buf,
                                   size_t len)
{
    size_t got = 0;
    HA_TRY(ha_file_read_at(input->fd, input->path, off, buf, len, &got));
    if (got < len) {
        return ha_input_shorter(input, off + got);
    }
    return NULL;
}
