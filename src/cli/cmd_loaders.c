/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze loaders DUMP; hprof-analyze unreachable DUMP
 */
#include "cli/run.h"

/* ---- loaders ---- */

static struct ha_err *loaders_ask(struct cli *cli, struct ha_report *r, struct ha_doc_node *root)
{
    struct ha_loaders *loaders = ha_doc_alloc(r->doc, sizeof *loaders);
    if (loaders == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_loaders_query(r->query, cli_limit(cli), loaders));
    ha_report_loaders(r, root, loaders, false);
    return NULL;
}

const struct cli_spec cli_spec_loaders = {
    .operands_min = 1,
    .operands_max = 1,
    .details = "Class loaders as a tree by parent: classes they defined, instances of these, what "
               "the loader itself keeps alive, and how many of its classes another loader defined "
               "too. Loaders of web applications show their state (Tomcat, Jetty): one that is "
               "stopped and still there is a leak.",
    .examples = "hprof-analyze loaders app.hprof\n"
                "hprof-analyze loaders -n 0 app.hprof",
    .ask = loaders_ask,
};

/* ---- unreachable ---- */

static struct ha_err *unreachable_ask(struct cli *cli, struct ha_report *r,
                                      struct ha_doc_node *root)
{
    struct ha_unreachable *unreachable = ha_doc_alloc(r->doc, sizeof *unreachable);
    if (unreachable == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_unreachable_query(r->query, true, cli_limit(cli), unreachable));
    return ha_report_unreachable(r, root, unreachable, false);
}

const struct cli_spec cli_spec_unreachable = {
    .operands_min = 1,
    .operands_max = 1,
    .details = "What no GC root leads to: how much of which class, the biggest things in it, and "
               "whether it is garbage at all. HotSpot does not write everything that holds "
               "objects: fields of class objects, and stacks of parked virtual threads in JDK 21.",
    .examples = "hprof-analyze unreachable app.hprof",
    .ask = unreachable_ask,
};
