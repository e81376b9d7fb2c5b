/* SPDX-License-Identifier: MIT */
/*
 * A document in some notation. A renderer is one file that exports one struct ha_renderer and stands in the array of render.c; it sees
 * documents only, never a heap.
 */
#ifndef HA_RENDER_RENDER_H
#define HA_RENDER_RENDER_H

#include "ha/base/err.h"
#include "ha/base/json_write.h"
#include "ha/report/doc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HA_RENDER_LIMIT_DEFAULT UINT64_MAX

struct ha_render_options {
    unsigned width; /* columns of the terminal; text only */
    bool color;     /* text only */
    uint64_t limit; /* rows of a list that may be cut; 0: all; HA_RENDER_LIMIT_DEFAULT: what the notation thinks right */
};

struct ha_renderer {
    const char *name;       /* of --format */
    const char *extensions; /* of files, separated by blanks, without dots */
    const char *summary;    /* for the help */
    uint64_t limit;         /* rows of a list unless the user says; 0: all */
    const char *command;    /* the one command whose answers it can show; NULL: all */
    struct ha_err *(*render)(struct ha_doc *doc, const struct ha_render_options *options, ha_write_fn write, void *ctx);
};

/* NULL: no such renderer. by_path looks at the extension. */
const struct ha_renderer *ha_renderer_by_name(const char *name);
const struct ha_renderer *ha_renderer_by_path(const char *path);
const struct ha_renderer *ha_renderer_at(size_t i); /* all of them, NULL behind the last */

#endif
