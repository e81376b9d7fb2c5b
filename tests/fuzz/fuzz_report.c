/* SPDX-License-Identifier: MIT */
/* Saved reports: any text is a summary or an error; a summary is compared with itself, which finds nothing. */
#include "fuzz.h"

#include "ha/compare/compare.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static void compare_with_itself(const struct ha_summary *summary)
{
    struct ha_arena arena = {0};
    struct ha_compare compare;
    struct ha_growth growth;
    const struct ha_summary *heaps[] = {summary, summary, summary};
    struct ha_err *err = ha_compare(summary, summary, &arena, &compare);
    if (err == NULL && (compare.class_count != 0 || compare.suspects_new.count != 0 || compare.suspects_resolved.count != 0)) {
        abort();
    }
    ha_err_free(err);
    err = ha_growth_find(heaps, 3, &(struct ha_growth_options){0}, &arena, &growth);
    if (err == NULL && growth.class_count != 0) {
        abort();
    }
    ha_err_free(err);
    ha_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ha_json_doc *doc = NULL;
    struct ha_summary summary = {0};
    struct ha_err *err = ha_json_read_text((const char *)data, size, "report.json", &doc);
    if (err == NULL) {
        err = ha_summary_of_report(doc, "report.json", &summary);
    }
    if (err == NULL) {
        compare_with_itself(&summary);
    }
    ha_err_free(err);
    ha_summary_deinit(&summary);
    ha_json_doc_free(doc);
    return 0;
}
