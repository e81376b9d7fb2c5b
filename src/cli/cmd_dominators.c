/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze dominators DUMP
 */
#include "cli/run.h"

#define DEPTH_TOP 2    /* levels unless the user says, from the top */
#define DEPTH_OBJECT 3 /* below an object: a map, its table, its entries */
#define DEPTH_MAX 100  /* documents nest as deep, and renderers with them */
#define NODES_MAX 1000000

struct values {
    struct opt_address object;
    uint64_t depth;
    unsigned by; /* 0: objects, else enum ha_group_by + 1 */
};

static const struct opt options[] = {
    {0, "object", "0xADDR", OPT_ADDRESS, offsetof(struct values, object), 0, 0,
     "the tree below this object (default: from the top)"},
    {0, "depth", "N", OPT_COUNT, offsetof(struct values, depth), 1, DEPTH_MAX,
     "levels (default: 2, below an object 3)"},
    {0, "by", "object|class|package|loader", OPT_CHOICE, offsetof(struct values, by), 0, 0,
     "what a node stands for (default: object)"},
};

static struct ha_err *ask(struct cli *cli, struct ha_report *r, struct ha_doc_node *root)
{
    const struct values *values = cli->values;
    struct ha_dominators *dominators = ha_doc_alloc(r->doc, sizeof *dominators);
    struct ha_dominators_options query = {
        .object = HA_OBJ_NONE,
        .depth = (uint32_t)(values->depth != 0     ? values->depth
                            : values->object.given ? DEPTH_OBJECT
                                                   : DEPTH_TOP),
        .limit = cli_limit(cli),
        .grouped = values->by != 0,
        .by = values->by == 0 ? HA_BY_CLASS : (enum ha_group_by)(values->by - 1),
        .max_nodes = cli->options.top == 0 ? 0 : NODES_MAX,
    };
    if (dominators == NULL) {
        return ha_err_nomem();
    }
    if (values->object.given) {
        HA_TRY(ha_query_object_at(r->query, values->object.value, &query.object));
        struct ha_doc_node *line = ha_doc_line(r->doc, root, NULL);
        HA_TRY(ha_report_object(r, line, NULL, query.object, NULL));
        ha_doc_say(r->doc, line, " keeps ");
        ha_doc_bytes(r->doc, line, NULL, ha_query_retained(r->query, query.object));
        ha_doc_say(r->doc, line, " alive, itself included:");
        struct ha_doc_node *object = NULL;
        HA_TRY(ha_report_object(r, root, "object", query.object, &object));
        ha_doc_machine(object);
    }
    HA_TRY(ha_dominators_query(r->query, &query, dominators));
    ha_report_dominators(r, root, dominators);
    return NULL;
}

const struct cli_spec cli_spec_dominators = {
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_bytes = sizeof(struct values),
    .operands_min = 1,
    .operands_max = 1,
    .details = "Who keeps how much alive. An object stands below the one without which it would be "
               "garbage; what a node retains is itself and all that "
               "stands below it.",
    .examples = "hprof-analyze dominators app.hprof\n"
                "hprof-analyze dominators --object 0x7f3a10c0 --depth 5 -n 5 app.hprof\n"
                "hprof-analyze dominators --by package app.hprof",
    .ask = ask,
};
