/* SPDX-License-Identifier: MIT */
/* See snapshot_report.h. The queries are those of the command report. */
#include "support/engine/snapshot_report.h"

#include "ha/query/q_suspects.h"
#include "ha/query/q_unreachable.h"
#include "ha/render/render.h"
#include "ha/report/builders.h"
#include "ha/rules/problems.h"
#include "ha/rules/rules.h"

static struct ha_err *count_bytes(void *ctx, const char *data, size_t len)
{
    (void)data;
    *(uint64_t *)ctx += len;
    return NULL;
}

static struct ha_err *ask(struct ha_query *query, struct ha_full_report *full)
{
    const struct ha_suspects_options suspects = {.threshold_percent = 1};
    const struct ha_histogram_options histogram = {.with_empty = true};
    const struct ha_threads_options threads = {.with_locals = true};
    HA_TRY(ha_suspects_query(query, &(struct ha_suspects_options){0}, &full->suspects));
    HA_TRY(ha_suspects_query(query, &suspects, &full->suspects));
    HA_TRY(ha_findings_get(query->snapshot, NULL, &query->arena, &full->findings));
    HA_TRY(ha_problems_merge(query, &full->suspects, &full->findings, 0, &full->problems));
    HA_TRY(ha_oom_query(query, &full->oom));
    HA_TRY(ha_top_query(query, 0, &full->top));
    HA_TRY(ha_histogram_query(query, &histogram, &full->histogram));
    HA_TRY(ha_threads_query(query, &threads, &full->threads));
    HA_TRY(ha_offheap_query(query, 1U << 30, &full->offheap));
    HA_TRY(ha_loaders_query(query, 0, &full->loaders));
    HA_TRY(ha_unreachable_query(query, true, 0, &full->unreachable));
    return ha_properties_query(query, false, &full->properties);
}

static struct ha_err *render(struct ha_doc *doc, uint64_t *ret_bytes)
{
    static const char *const names[] = {"json", "text"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct ha_render_options options = {.width = 100, .limit = 0};
        HA_TRY(ha_renderer_by_name(names[i])->render(doc, &options, count_bytes, ret_bytes));
    }
    return ha_doc_error(doc);
}

struct ha_err *snapshot_report(const struct ha_snapshot *snapshot, uint64_t *ret_bytes)
{
    struct ha_query query;
    struct ha_report report;
    struct ha_full_report full = {0};
    struct ha_doc *doc = ha_doc_create();
    if (doc == NULL) {
        return ha_err_nomem();
    }
    ha_query_init(&query, snapshot);
    ha_report_init(&report, doc, &query, "0");
    struct ha_err *err = ha_report_envelope(&report, "report");
    err = err != NULL ? err : ask(&query, &full);
    err = err != NULL ? err : ha_report_full(&report, ha_doc_root(doc), &full);
    err = err != NULL ? err : render(doc, ret_bytes);
    ha_report_deinit(&report);
    ha_doc_destroy(doc);
    ha_query_deinit(&query);
    return err;
}

struct ha_err *snapshot_report_keep(void *ctx, const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx)
{
    HA_TRY(ha_findings_store(ctx, snapshot, put, put_ctx));
    HA_TRY(ha_level_store(snapshot, put, put_ctx));
    HA_TRY(ha_suspects_store(snapshot, put, put_ctx));
    return ha_unreachable_store(snapshot, put, put_ctx);
}
