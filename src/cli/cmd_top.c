/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze top DUMP; hprof-analyze object DUMP ADDRESS
 */
#include "cli/run.h"

/* ---- top ---- */

static struct ha_err *top_ask(struct cli *cli, struct ha_report *r, struct ha_doc_node *root)
{
    struct ha_top *top = ha_doc_alloc(r->doc, sizeof *top);
    if (top == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_top_query(r->query, cli_limit(cli), top));
    ha_report_top(r, root, top, 20);
    return NULL;
}

const struct cli_spec cli_spec_top = {
    .operands_min = 1,
    .operands_max = 1,
    .details = "The first level of the dominator tree, as single objects and grouped by class, "
               "class loader and package. Every byte of the heap belongs "
               "to exactly one object there, so each table adds up to the whole heap.",
    .examples = "hprof-analyze top app.hprof\n"
                "hprof-analyze top -n 5 app.hprof",
    .ask = top_ask,
};

/* ---- object ---- */

struct object_values {
    uint64_t offset;
};

static const struct opt object_options[] = {
    {0, "offset", "N", OPT_COUNT, offsetof(struct object_values, offset), 0, UINT32_MAX,
     "of an array: the first element to show (default: 0)"},
};

static struct ha_err *object_prepare(struct cli *cli)
{
    uint64_t ignored;
    return opt_parse_address(cli->operands[1], &ignored);
}

static struct ha_err *object_ask(struct cli *cli, struct ha_report *r, struct ha_doc_node *root)
{
    const struct object_values *values = cli->values;
    struct ha_object_view *view = ha_doc_alloc(r->doc, sizeof *view);
    const struct ha_object_options options = {.first_element = values->offset,
                                              .limit = cli_limit(cli)};
    ha_addr address = 0;
    ha_obj obj;
    if (view == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(opt_parse_address(cli->operands[1], &address));
    HA_TRY(ha_query_object_at(r->query, address, &obj));
    HA_TRY(ha_object_query(r->query, obj, &options, view));
    return ha_report_object_view(r, root, view);
}

const struct cli_spec cli_spec_object = {
    .options = object_options,
    .option_count = sizeof object_options / sizeof *object_options,
    .values_bytes = sizeof(struct object_values),
    .operands_min = 2,
    .operands_max = 2,
    .details = "Everything about the object at an address: its size, what keeps it alive, its "
               "fields (of an array a page of elements), static fields "
               "of a class object, and the references to it.",
    .examples = "hprof-analyze object app.hprof 0x7f3a10c0\n"
                "hprof-analyze object -n 100 --offset 1000 app.hprof 0x7f3a10c0",
    .prepare = object_prepare,
    .ask = object_ask,
};
