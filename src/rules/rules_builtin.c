/* SPDX-License-Identifier: MIT */
/*
 * The built-in rules. Reading all of them takes milliseconds, as much as a small dump takes in all, and most are about libraries that a given heap
 * does not have. So for a heap only those are read that name a class of it:
 *
 *     names of all rules -> small hash table <- names of the heap's classes        a rule that was hit is read, others find nothing anyway
 */
#include "rules/rules_builtin.h"

#include <string.h>

#include "ha/base/hash.h"
#include "rules/rules_model.h"

uint64_t rules_builtin_hash(void)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < ha_builtin_file_count; i++) {
        const char *text = ha_builtin_files[i].text;
        uint64_t both[2] = {hash, ha_hash(text, strlen(text))};
        hash = ha_hash(both, sizeof both);
    }
    return hash;
}

/* What is wrong in these files nobody can mend but us. */
static struct ha_err *as_bug(struct ha_err *err)
{
    if (err == NULL || ha_err_kind(err) != HA_ERR_USAGE) {
        return err;
    }
    struct ha_err *bug = ha_err_new(HA_ERR_BUG, "built-in rules: %s", ha_err_message(err));
    ha_err_free(err);
    return bug;
}

static struct ha_err *file_add(struct ha_rules *rules, size_t file)
{
    const struct ha_builtin_file *f = &ha_builtin_files[file];
    return rules_text_add(rules, f->name, f->text, strlen(f->text), true);
}

struct ha_err *rules_libraries_add(struct ha_rules *rules)
{
    for (size_t i = 0; i < ha_builtin_file_count; i++) {
        if (strcmp(ha_builtin_files[i].name, "libraries.yaml") == 0) {
            return as_bug(file_add(rules, i));
        }
    }
    return ha_err_new(HA_ERR_BUG, "built-in rules: there is no libraries.yaml");
}

struct ha_err *ha_rules_builtin(struct ha_rules **ret)
{
    struct ha_rules *rules = rules_create();
    struct ha_err *err = rules == NULL ? ha_err_nomem() : NULL;
    for (size_t i = 0; i < ha_builtin_file_count && err == NULL; i++) {
        err = as_bug(file_add(rules, i));
    }
    return rules_finish(rules, err, ret);
}

/* ---- those that can find something ---- */

struct choice {
    const struct ha_heap *heap;
    struct ha_idmap names; /* hash of a name -> number of its first use */
    HA_VEC(uint32_t) uses; /* rule and next use of the same name: two numbers each; HA_NONE ends */
    bool *wanted;          /* per rule */
};

static bool is_prefix(const char *name)
{
    return name[strlen(name) - 1] == '*';
}

static struct ha_err *name_note(struct choice *c, const char *name, uint32_t rule)
{
    uint32_t first = HA_IDMAP_NONE;
    uint32_t number = (uint32_t)c->uses.count;
    if (!ha_vec_reserve(&c->uses, c->uses.count + 2) || !ha_idmap_add(&c->names, ha_hash(name, strlen(name)), number, &first)) {
        return ha_err_nomem();
    }
    c->uses.data[number] = rule;
    c->uses.data[number + 1] = first == HA_IDMAP_NONE ? HA_NONE : c->uses.data[first + 1];
    c->uses.count += 2;
    if (first != HA_IDMAP_NONE) {
        c->uses.data[first + 1] = number;
    }
    return NULL;
}

static bool prefix_occurs(const struct ha_heap *heap, const char *prefix)
{
    for (uint32_t i = 0; i < heap->facts.class_count; i++) {
        if (strncmp(heap->classes[i].name, prefix, strlen(prefix) - 1) == 0) {
            return true;
        }
    }
    return false;
}

static struct ha_err *names_note(struct choice *c)
{
    for (uint32_t i = 0; i < ha_builtin_rule_count; i++) {
        const char *const *names = ha_builtin_rules[i].names;
        c->wanted[i] = names == NULL;
        for (; names != NULL && *names != NULL && !c->wanted[i]; names++) {
            if (is_prefix(*names)) {
                c->wanted[i] = prefix_occurs(c->heap, *names);
            } else {
                HA_TRY(name_note(c, *names, i));
            }
        }
    }
    return NULL;
}

static void names_find(struct choice *c)
{
    for (uint32_t i = 0; i < c->heap->facts.class_count; i++) {
        const char *name = c->heap->classes[i].name;
        uint32_t use = ha_idmap_get(&c->names, ha_hash(name, strlen(name)));
        for (; use != HA_IDMAP_NONE && use != HA_NONE; use = c->uses.data[use + 1]) {
            c->wanted[c->uses.data[use]] = true;
        }
    }
}

/* The wanted rules of a file, as a file. */
static struct ha_err *part_add(struct ha_rules *rules, const bool *wanted, uint32_t file)
{
    struct ha_sbuf text = {0};
    ha_sbuf_puts(&text, "rules:\n");
    bool any = false;
    for (size_t i = 0; i < ha_builtin_rule_count; i++) {
        const struct ha_builtin_rule *rule = &ha_builtin_rules[i];
        if (rule->file == file && wanted[i]) {
            ha_sbuf_add(&text, ha_builtin_files[file].text + rule->begin, rule->end - rule->begin);
            any = true;
        }
    }
    struct ha_err *err = ha_sbuf_failed(&text) ? ha_err_nomem() : NULL;
    if (err == NULL && any) {
        err = as_bug(rules_text_add(rules, ha_builtin_files[file].name, ha_sbuf_text(&text), text.len, true));
    }
    ha_sbuf_deinit(&text);
    return err;
}

struct ha_err *ha_rules_builtin_for(const struct ha_heap *heap, struct ha_rules **ret)
{
    struct choice c = {.heap = heap};
    struct ha_rules *rules = rules_create();
    HA_FREE bool *wanted = ha_calloc_array(ha_builtin_rule_count, sizeof *wanted);
    c.wanted = wanted;
    struct ha_err *err = rules == NULL || wanted == NULL ? ha_err_nomem() : names_note(&c);
    if (err == NULL) {
        names_find(&c);
        err = rules_libraries_add(rules);
    }
    for (uint32_t i = 0; i < ha_builtin_file_count && err == NULL; i++) {
        err = part_add(rules, wanted, i);
    }
    ha_idmap_deinit(&c.names);
    ha_vec_deinit(&c.uses);
    return rules_finish(rules, err, ret);
}
