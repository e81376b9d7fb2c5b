/* SPDX-License-Identifier: MIT */
/*
 * Rules files: YAML made into rules, everything checked, so that a file that loads works. docs/rules.md is the manual.
 *
 *     libraries: [com.zaxxer.hikari., …]        prefixes of classes that are never the one to blame
 *     rules:
 *       - id: …                                 rules_rule.c
 *
 * Errors name file, line, column, the rule and its key.
 */
#include <dirent.h>
#include <string.h>

#include "ha/base/file.h"
#include "ha/query/q_rank.h"
#include "rules/rules_rule.h"

#define FILES_MAX 1000U

/* ---- files ---- */

static struct ha_err *libraries_read(struct reading *r, const struct ha_yaml *list)
{
    r->at = list;
    if (list->kind != HA_YAML_LIST) {
        return reading_complain(r, list, "a list of prefixes is wanted here");
    }
    for (const struct ha_yaml *item = list->first; item != NULL; item = item->next) {
        const char **slot = ha_vec_push(&r->rules->libraries);
        if (slot == NULL) {
            return ha_err_nomem();
        }
        *slot = "";
        HA_TRY(reading_text(r, item, slot));
    }
    r->at = NULL;
    return NULL;
}

static struct ha_err *document_read(struct reading *r, const struct ha_yaml *root)
{
    if (root->kind != HA_YAML_MAP) {
        return reading_complain(r, root, "a rules file is a map with the keys 'libraries' and 'rules'");
    }
    for (const struct ha_yaml *node = root->first; node != NULL; node = node->next) {
        bool is_rules = strcmp(node->key, "rules") == 0;
        if (!is_rules && strcmp(node->key, "libraries") != 0) {
            return ha_yaml_error(r->name, &(struct ha_yaml){.line = node->key_line, .column = node->key_column}, "unknown key '%s'", node->key);
        }
        if (!is_rules) {
            HA_TRY(libraries_read(r, node));
            continue;
        }
        if (node->kind != HA_YAML_LIST) {
            return reading_complain(r, node, "a list of rules is wanted here");
        }
        for (const struct ha_yaml *item = node->first; item != NULL; item = item->next) {
            HA_TRY(rule_read(r, item));
        }
    }
    return NULL;
}

struct ha_err *rules_text_add(struct ha_rules *rules, const char *name, const char *text, size_t bytes, bool builtin)
{
    struct ha_yaml *root;
    struct reading r = {.rules = rules, .builtin = builtin, .name = ha_arena_strndup(&rules->arena, name, strlen(name))};
    if (r.name == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_yaml_read(r.name, text, bytes, &rules->arena, &root));
    return document_read(&r, root);
}

static struct ha_err *file_add(struct ha_rules *rules, const char *path)
{
    struct ha_file_info info;
    int fd;
    HA_TRY(ha_file_open_plain(path, &fd, &info));
    HA_FREE char *text = NULL;
    size_t bytes = 0;
    struct ha_err *err = NULL;
    if (!info.regular || info.bytes > HA_YAML_BYTES_MAX) {
        err = ha_err_new(HA_ERR_USAGE, "%s: %s", path, info.regular ? "too large for a rules file" : "neither a file nor a folder");
    } else {
        text = ha_alloc((size_t)info.bytes + 1);
        err = text == NULL ? ha_err_nomem() : ha_file_read_at(fd, path, 0, text, (size_t)info.bytes, &bytes);
    }
    ha_file_close(fd);
    return err != NULL ? err : rules_text_add(rules, path, text, bytes, false);
}

static bool is_yaml(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot != name && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int compare_names(const void *ctx, const void *a, const void *b)
{
    (void)ctx;
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct ha_err *folder_add(struct ha_rules *rules, const char *path, DIR *dir)
{
    HA_VEC(const char *) names = {0};
    struct ha_err *err = NULL;
    for (const struct dirent *entry; err == NULL && (entry = readdir(dir)) != NULL;) {
        const char **slot = !is_yaml(entry->d_name) ? NULL : ha_vec_push(&names);
        if (slot != NULL) {
            *slot = ha_arena_printf(&rules->arena, "%s/%s", path, entry->d_name);
        }
        if (is_yaml(entry->d_name) && (slot == NULL || *slot == NULL)) {
            err = ha_err_nomem();
        } else if (names.count > FILES_MAX) {
            err = ha_err_new(HA_ERR_USAGE, "%s: more than %u rules files", path, FILES_MAX);
        }
    }
    if (err == NULL && names.count == 0) {
        err = ha_err_new(HA_ERR_USAGE, "%s: no rules files (*.yaml, *.yml) in this folder", path);
    }
    ha_rank_sort(names.data, names.count, sizeof *names.data, compare_names, NULL);
    for (size_t i = 0; i < names.count && err == NULL; i++) {
        err = file_add(rules, names.data[i]);
    }
    ha_vec_deinit(&names);
    return err;
}

static struct ha_err *path_add(struct ha_rules *rules, const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return file_add(rules, path);
    }
    struct ha_err *err = folder_add(rules, path, dir);
    closedir(dir);
    return err;
}

/* ---- the whole ---- */

struct ha_err *rules_finish(struct ha_rules *rules, struct ha_err *err, struct ha_rules **ret)
{
    if (err != NULL) {
        ha_rules_destroy(rules);
        return err;
    }
    *ret = rules;
    return NULL;
}

struct ha_rules *rules_create(void)
{
    return ha_calloc_array(1, sizeof(struct ha_rules));
}

/* Users' rules know the same libraries as the built-in ones. */
struct ha_err *ha_rules_load(const char *const *paths, size_t path_count, struct ha_rules **ret)
{
    struct ha_rules *rules = rules_create();
    if (rules == NULL) {
        return ha_err_nomem();
    }
    struct ha_err *err = rules_libraries_add(rules);
    for (size_t i = 0; i < path_count && err == NULL; i++) {
        err = path_add(rules, paths[i]);
    }
    return rules_finish(rules, err, ret);
}

struct ha_err *ha_rules_parse(const char *name, const char *text, size_t bytes, struct ha_rules **ret)
{
    struct ha_rules *rules = rules_create();
    return rules == NULL ? ha_err_nomem() : rules_finish(rules, rules_text_add(rules, name, text, bytes, false), ret);
}

void ha_rules_destroy(struct ha_rules *rules)
{
    if (rules != NULL) {
        ha_vec_deinit(&rules->list);
        ha_vec_deinit(&rules->libraries);
        ha_arena_deinit(&rules->arena);
        ha_free(rules);
    }
}

uint32_t ha_rules_count(const struct ha_rules *rules)
{
    return (uint32_t)rules->list.count;
}

bool ha_rules_at(const struct ha_rules *rules, uint32_t i, struct ha_rule_info *ret)
{
    if (i >= rules->list.count) {
        return false;
    }
    const struct rule *rule = rules->list.data[i];
    *ret = (struct ha_rule_info){rule->id, rule->about, rule->source, rule->agent, rule->builtin};
    return true;
}

bool ha_rules_has(const struct ha_rules *rules, const char *id)
{
    for (size_t i = 0; i < rules->list.count; i++) {
        if (strcmp(rules->list.data[i]->id, id) == 0) {
            return true;
        }
    }
    return false;
}
