/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze paths DUMP
 */
#include "cli/run.h"

#include <string.h>

#include "cli/typo.h"

#define EXCLUDE_ITEMS_MAX 256

struct values {
    struct opt_address object;
    const char *class_name;
    uint64_t max; /* paths; 0: all */
    struct opt_words exclude;
    struct ha_excludes excludes;
};

static const struct opt options[] = {
    {0, "object", "0xADDR", OPT_ADDRESS, offsetof(struct values, object), 0, 0,
     "paths to this object"},
    {0, "class", "NAME", OPT_TEXT, offsetof(struct values, class_name), 0, 0,
     "paths to the instances of this class (exact name, all class loaders)"},
    {0, "max", "N", OPT_COUNT, offsetof(struct values, max), 0, UINT32_MAX,
     "how many paths; 0: all (default: 30)"},
    {0, "exclude", "LIST", OPT_WORDS, offsetof(struct values, exclude), 0, 0,
     "references that no path may use: none, weak, soft, phantom, finalizer, CLASS#FIELD, CLASS; "
     "repeatable (default: weak,soft,phantom,finalizer)"},
};

/* ---- --exclude ---- */

static struct ha_err *item_add(struct cli *cli, struct ha_excludes *excludes,
                               struct ha_exclude_rule *rules, const char *item, size_t len)
{
    static const uint32_t kinds[] = {HA_EXCLUDE_WEAK, HA_EXCLUDE_SOFT, HA_EXCLUDE_PHANTOM,
                                     HA_EXCLUDE_FINALIZER};
    char *word = ha_arena_strndup(&cli->arena, item, len);
    unsigned kind = 0;
    if (word == NULL) {
        return ha_err_nomem();
    }
    if (len == 0) {
        return ha_err_new(HA_ERR_USAGE, "--exclude: an item is empty");
    }
    if (strcmp(word, "none") == 0) {
        *excludes = (struct ha_excludes){.rules = rules};
        return NULL;
    }
    if (opt_choice("weak|soft|phantom|finalizer", word, &kind)) {
        excludes->kinds |= kinds[kind];
        return NULL;
    }
    if (excludes->rule_count == EXCLUDE_ITEMS_MAX) {
        return ha_err_new(HA_ERR_USAGE, "--exclude: more than %d items", EXCLUDE_ITEMS_MAX);
    }
    char *field = strchr(word, '#');
    if (field != NULL) {
        *field++ = '\0';
    }
    if (*word == '\0' || (field != NULL && *field == '\0')) {
        return ha_err_new(HA_ERR_USAGE, "--exclude: '%.*s' is not CLASS#FIELD", (int)len, item);
    }
    rules[excludes->rule_count++] = (struct ha_exclude_rule){word, field};
    return NULL;
}

static struct ha_err *excludes_read(struct cli *cli, struct values *values)
{
    struct ha_exclude_rule *rules = ha_arena_calloc(&cli->arena, EXCLUDE_ITEMS_MAX, sizeof *rules);
    if (rules == NULL) {
        return ha_err_nomem();
    }
    values->excludes = (struct ha_excludes){
        .kinds = values->exclude.count == 0 ? HA_EXCLUDE_DEFAULT : 0, .rules = rules};
    for (size_t i = 0; i < values->exclude.count; i++) {
        const char *s = values->exclude.list[i].text;
        for (;;) {
            size_t len = strcspn(s, ",");
            HA_TRY(item_add(cli, &values->excludes, rules, s, len));
            if (s[len] == '\0') {
                break;
            }
            s += len + 1;
        }
    }
    return NULL;
}

/* ---- the command ---- */

static struct ha_err *prepare(struct cli *cli)
{
    struct values *values = cli->values;
    if (values->object.given == (values->class_name != NULL)) {
        return ha_err_new(HA_ERR_USAGE, "paths needs either --object or --class");
    }
    return excludes_read(cli, values);
}

/* The class must be there; if it is not, the error names the nearest of all class names. */
static struct ha_err *class_check(struct ha_query *query, const char *name)
{
    struct ha_classes classes;
    struct ha_err *err = ha_query_classes(query, name, &classes);
    if (err == NULL || ha_err_kind(err) != HA_ERR_USAGE ||
        strstr(ha_err_message(err), "did you mean") != NULL) {
        return err;
    }
    const struct ha_heap *heap = query->snapshot->heap;
    struct typo typo;
    typo_begin(&typo, name);
    for (uint32_t i = 0; i < heap->facts.class_count; i++) {
        typo_offer(&typo, heap->classes[i].name);
    }
    if (typo.best == NULL) {
        return err;
    }
    struct ha_err *better =
        ha_err_new(HA_ERR_USAGE, "%s, did you mean '%s'?", ha_err_message(err), typo.best);
    ha_err_free(err);
    return better;
}

/* A rule about a class that the dump does not have is a mistake, not a rule without effect. */
static struct ha_err *rules_check(struct ha_query *query, const struct ha_excludes *excludes)
{
    for (size_t i = 0; i < excludes->rule_count; i++) {
        HA_TRY(ha_err_wrap(class_check(query, excludes->rules[i].class_name), "--exclude"));
    }
    return NULL;
}

static struct ha_err *ask(struct cli *cli, struct ha_report *r, struct ha_doc_node *root)
{
    const struct values *values = cli->values;
    struct ha_paths *paths = ha_doc_alloc(r->doc, sizeof *paths);
    const struct ha_paths_options query = {.excludes = &values->excludes, .max = values->max};
    if (paths == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(rules_check(r->query, &values->excludes));
    if (values->class_name != NULL) {
        HA_TRY(class_check(r->query, values->class_name));
        HA_TRY(ha_paths_to_class(r->query, values->class_name, &query, paths));
    } else {
        ha_obj obj;
        HA_TRY(ha_query_object_at(r->query, values->object.value, &obj));
        HA_TRY(ha_paths_to_objects(r->query, &obj, 1, &query, paths));
    }
    return ha_report_paths(r, root, paths);
}

static const struct values defaults = {.max = HA_PATHS_DEFAULT_MAX};

const struct cli_spec cli_spec_paths = {
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_bytes = sizeof(struct values),
    .defaults = &defaults,
    .operands_min = 1,
    .operands_max = 1,
    .details = "The shortest paths from GC roots to an object or to the instances of a class, "
               "shortest first. References that do not keep an object "
               "alive (weak, soft, phantom, finalizer) are left out unless --exclude says "
               "otherwise; its first use replaces this default. Where no "
               "path is left, that is the answer. CLASS#FIELD leaves out one field, CLASS all "
               "references of a class; subclasses are included.",
    .examples =
        "hprof-analyze paths --object 0x7f3a10c0 app.hprof\n"
        "hprof-analyze paths --class com.acme.Session --max 5 app.hprof\n"
        "hprof-analyze paths --object 0x7f3a10c0 --exclude weak,com.acme.Cache#table app.hprof",
    .prepare = prepare,
    .ask = ask,
};
