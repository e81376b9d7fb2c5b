/* SPDX-License-Identifier: MIT */
/* A document rendered into memory. */
#ifndef HA_TESTS_UNIT_RENDER_PAGE_H
#define HA_TESTS_UNIT_RENDER_PAGE_H

#include "ha/base/sbuf.h"
#include "ha/render/render.h"

#include "support/ck_ha.h"

static struct ha_err *page_write(void *ctx, const char *data, size_t len)
{
    ha_sbuf_add(ctx, data, len);
    return NULL;
}

/* Renders and compares. */
static void page_check(struct ha_doc *doc, const char *renderer, struct ha_render_options options, const char *expected)
{
    struct ha_sbuf page = {0};
    ck_ok(ha_renderer_by_name(renderer)->render(doc, &options, page_write, &page));
    ck_assert_str_eq(ha_sbuf_text(&page), expected);
    ha_sbuf_deinit(&page);
}

#endif
