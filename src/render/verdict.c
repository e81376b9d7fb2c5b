/* SPDX-License-Identifier: MIT */
#include "render/verdict.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ha/base/hash.h"
#include "ha/base/words.h"

static const char *text_at(const struct ha_doc_node *record, const char *path)
{
    const struct ha_doc_node *node = ha_doc_find(record, path);
    bool text = node != NULL && (node->kind == HA_DOC_TEXT || node->kind == HA_DOC_CLASS);
    return text ? node->u.text : NULL;
}

static uint64_t number_at(const struct ha_doc_node *record, const char *path, bool *ret_known)
{
    const struct ha_doc_node *node = ha_doc_find(record, path);
    *ret_known = node != NULL && (node->kind == HA_DOC_COUNT || node->kind == HA_DOC_BYTES);
    return *ret_known ? node->u.u64 : 0;
}

static bool truth_at(const struct ha_doc_node *record, const char *path)
{
    const struct ha_doc_node *node = ha_doc_find(record, path);
    return node != NULL && node->kind == HA_DOC_BOOL && node->u.truth;
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

struct ha_err *verdict_open(struct ha_doc *doc, struct verdict *ret)
{
    bool known;
    *ret = (struct verdict){.root = ha_doc_root(doc)};
    ret->check = ha_doc_find(ret->root, "check");
    ret->rules = ret->check == NULL ? NULL : ha_doc_find(ret->check, "rules");
    if (ret->rules == NULL) {
        return ha_err_new(HA_ERR_USAGE, "this format is for the verdict of check");
    }
    ret->notices = ha_doc_find(ret->check, "notices");
    ret->config = text_at(ret->check, "config");
    ret->dump = or_empty(text_at(ret->root, "dump.file"));
    ret->version = or_empty(text_at(ret->root, "tool.version"));
    ret->passed = truth_at(ret->check, "passed");
    ret->failed = number_at(ret->check, "failed", &known);
    ret->ignored = number_at(ret->check, "ignored", &known);
    const struct ha_doc_node *created = ha_doc_find(ret->root, "dump.created");
    time_t seconds = created == NULL || created->kind != HA_DOC_TIME ? 0 : (time_t)(created->u.i64 / 1000);
    struct tm tm;
    if (seconds > 0 && gmtime_r(&seconds, &tm) != NULL) {
        strftime(ret->created_text, sizeof ret->created_text, "%Y-%m-%dT%H:%M:%S", &tm);
    }
    ret->created = ret->created_text;
    for (const struct ha_doc_node *n = ret->rules->first_child; n != NULL; n = n->next) {
        ret->count++;
    }
    return NULL;
}

void verdict_row_read(const struct ha_doc_node *node, struct verdict_row *ret)
{
    bool known;
    *ret = (struct verdict_row){
        .rule = or_empty(text_at(node, "rule")),
        .subject = or_empty(text_at(node, "subject")),
        .measure = or_empty(text_at(node, "measure")),
        .limit_text = or_empty(text_at(node, "limit_text")),
        .message = or_empty(text_at(node, "message")),
        .advice = text_at(node, "why.advice"),
        .bytes = strcmp(or_empty(text_at(node, "unit")), "bytes") == 0,
        .failed = strcmp(or_empty(text_at(node, "verdict")), "failed") == 0,
        .ignored = strcmp(or_empty(text_at(node, "verdict")), "ignored") == 0,
        .path = ha_doc_find(node, "why.path"),
    };
    ret->limit = number_at(node, "limit", &ret->has_limit);
    ret->baseline = number_at(node, "baseline", &ret->has_baseline);
    ret->actual = number_at(node, "actual", &known);
    ret->line = number_at(node, "line", &known);
    ret->column = number_at(node, "column", &known);
}

const char *verdict_file(const struct verdict *v)
{
    return v->config != NULL ? v->config : v->dump;
}

void verdict_fingerprint(const struct verdict_row *row, char ret[17])
{
    struct ha_sbuf text = {0};
    ha_sbuf_printf(&text, "%s\n%s\n%s\n", row->rule, row->subject, row->measure);
    snprintf(ret, 17, "%016llx", (unsigned long long)ha_hash(ha_sbuf_text(&text), text.len));
    ha_sbuf_deinit(&text);
}

void verdict_number(const struct verdict_row *row, uint64_t value, struct ha_sbuf *out)
{
    if (row->bytes) {
        ha_words_bytes(out, value);
    } else {
        ha_words_count(out, value);
    }
}

const char *verdict_step(const struct ha_doc_node *step, bool *ret_new)
{
    *ret_new = truth_at(step, "new");
    return or_empty(text_at(step, "step"));
}

struct ha_err *verdict_flush(struct ha_sbuf *out, ha_write_fn write, void *ctx)
{
    struct ha_err *err = ha_sbuf_failed(out) ? ha_err_nomem() : write(ctx, ha_sbuf_text(out), out->len);
    ha_sbuf_deinit(out);
    return err;
}
