/* SPDX-License-Identifier: MIT */
/*
 * JSON: the tree as it is. Sections are looked through, lines are left out.
 *
 * A list that was cut has a sibling "omitted" with the number of rows left out; where several lists of one record were cut, "omitted" is
 * their sum and each has a sibling of its own, "KEY_omitted".
 */
#include "render/renderers.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ha/base/mutf8.h"

#define CUT_LISTS_MAX 16
#define DECIMALS_OF_PERCENT 2
#define DECIMALS_MAX 17

struct json {
    struct ha_doc *doc;
    const struct ha_render_options *options;
    struct ha_json *writer;
    struct ha_err *err;
};

/* Lists of one record that were cut. */
struct cuts {
    struct {
        const char *key;
        uint64_t omitted;
    } list[CUT_LISTS_MAX];
    size_t count;
};

static void node_write(struct json *j, const struct ha_doc_node *node, struct cuts *cuts);

static void time_write(struct json *j, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[64];
    if (ms < 0 || gmtime_r(&seconds, &tm) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        ha_json_null(j->writer);
        return;
    }
    size_t len = strlen(text);
    snprintf(text + len, sizeof text - len, ".%03dZ", (int)(ms % 1000));
    ha_json_string(j->writer, text);
}

/* Shortest digits that give the same number back. What JSON (or the writer's fixed notation) has no number for is a string: "NaN", "1e-300". */
static void real_write(struct json *j, double v)
{
    char text[40];
    int precision = 1;
    for (; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, v);
        if (strtod(text, NULL) == v) {
            break;
        }
    }
    if (!isfinite(v)) {
        ha_json_string(j->writer, isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
        return;
    }
    char scientific[40];
    snprintf(scientific, sizeof scientific, "%.*e", precision - 1, v);
    int exponent = 0;
    if (sscanf(scientific, "%*[^e]e%d", &exponent) != 1) {
        exponent = 0;
    }
    int decimals = precision - 1 - exponent;
    if (decimals > DECIMALS_MAX) {
        snprintf(text, sizeof text, "%.*g", precision, v);
        ha_json_string(j->writer, text);
        return;
    }
    ha_json_double(j->writer, v, decimals < 0 ? 0 : decimals);
}

static void char_write(struct json *j, uint16_t unit)
{
    uint8_t bytes[2] = {(uint8_t)unit, (uint8_t)(unit >> 8)};
    struct ha_sbuf text = {0};
    ha_text_from_utf16(&text, bytes, sizeof bytes, false, 0);
    ha_json_string_n(j->writer, ha_sbuf_text(&text), text.len);
    ha_sbuf_deinit(&text);
}

/* Whether the node is part of the answer for machines. */
static bool for_machines(const struct ha_doc_node *node)
{
    return node->audience != HA_DOC_PEOPLE && node->kind != HA_DOC_LINE;
}

static void members_write(struct json *j, const struct ha_doc_node *parent, struct cuts *cuts)
{
    for (const struct ha_doc_node *n = parent->first_child; n != NULL && j->err == NULL;
         n = n->next) {
        if (!for_machines(n)) {
            continue;
        }
        if (n->kind == HA_DOC_SECTION) {
            members_write(j, n, cuts);
        } else if (n->key != NULL) {
            ha_json_key(j->writer, n->key);
            node_write(j, n, cuts);
        }
    }
}

static void record_write(struct json *j, const struct ha_doc_node *record)
{
    struct cuts cuts = {0};
    ha_json_object_begin(j->writer);
    members_write(j, record, &cuts);
    uint64_t sum = 0;
    for (size_t i = 0; i < cuts.count; i++) {
        sum += cuts.list[i].omitted;
        if (cuts.count > 1) {
            char key[80];
            snprintf(key, sizeof key, "%s_omitted", cuts.list[i].key);
            ha_json_key(j->writer, key);
            ha_json_u64(j->writer, cuts.list[i].omitted);
        }
    }
    if (cuts.count > 0) {
        ha_json_key(j->writer, "omitted");
        ha_json_u64(j->writer, sum);
    }
    ha_json_object_end(j->writer);
}

static void list_write(struct json *j, const struct ha_doc_node *node, struct cuts *cuts)
{
    const struct ha_doc_list *list = node->u.list;
    uint64_t limit = j->options->limit;
    bool all = limit == 0 || limit == HA_RENDER_LIMIT_DEFAULT || list->never_cut;
    uint64_t shown = all || list->count < limit ? list->count : limit;
    struct ha_doc_rows rows;
    ha_json_array_begin(j->writer);
    ha_doc_rows_begin(j->doc, node, 0, &rows);
    for (uint64_t i = 0; i < shown && j->err == NULL; i++) {
        const struct ha_doc_node *row = NULL;
        j->err = ha_doc_rows_next(&rows, &row);
        if (j->err != NULL || row == NULL) {
            break;
        }
        if (for_machines(row)) {
            node_write(j, row, NULL);
        }
    }
    ha_doc_rows_end(&rows);
    ha_json_array_end(j->writer);
    uint64_t omitted = list->count - shown + list->omitted;
    if (omitted > 0 && cuts != NULL && cuts->count < CUT_LISTS_MAX) {
        cuts->list[cuts->count].key = node->key;
        cuts->list[cuts->count++].omitted = omitted;
    }
}

/* Recursion follows the shape that builders give a document, never the data of a heap. */
static void node_write(struct json *j, const struct ha_doc_node *node, struct cuts *cuts)
{
    char text[24];
    switch (node->kind) {
    case HA_DOC_NULL:
    case HA_DOC_SECTION:
    case HA_DOC_LINE:
        ha_json_null(j->writer);
        break;
    case HA_DOC_BOOL:
        ha_json_bool(j->writer, node->u.truth);
        break;
    case HA_DOC_COUNT:
    case HA_DOC_BYTES:
        ha_json_u64(j->writer, node->u.u64);
        break;
    case HA_DOC_INTEGER:
        ha_json_i64(j->writer, node->u.i64);
        break;
    case HA_DOC_REAL:
        real_write(j, node->u.real);
        break;
    case HA_DOC_CHAR:
        char_write(j, (uint16_t)node->u.u64);
        break;
    case HA_DOC_PERCENT:
        ha_json_double(j->writer, node->u.real, DECIMALS_OF_PERCENT);
        break;
    case HA_DOC_ADDRESS:
        snprintf(text, sizeof text, "0x%" PRIx64, node->u.u64);
        ha_json_string(j->writer, text);
        break;
    case HA_DOC_TIME:
        time_write(j, node->u.i64);
        break;
    case HA_DOC_TEXT:
    case HA_DOC_CLASS:
    case HA_DOC_COMMAND:
        ha_json_string(j->writer, node->u.text);
        break;
    case HA_DOC_RECORD:
    case HA_DOC_OBJECT:
        record_write(j, node);
        break;
    case HA_DOC_LIST:
        list_write(j, node, cuts);
        break;
    }
}

static struct ha_err *json_render(struct ha_doc *doc, const struct ha_render_options *options,
                                  ha_write_fn write, void *ctx)
{
    struct json j = {.doc = doc, .options = options, .writer = ha_json_create(write, ctx, true)};
    if (j.writer == NULL) {
        return ha_err_nomem();
    }
    record_write(&j, ha_doc_root(doc));
    struct ha_err *err = ha_json_end(j.writer);
    ha_json_destroy(j.writer);
    if (j.err == NULL) {
        return err;
    }
    ha_err_free(err);
    return j.err;
}

const struct ha_renderer ha_renderer_json = {
    .name = "json",
    .extensions = "json",
    .summary = "for programs, schema hprof-analyze/1",
    .limit = 0,
    .render = json_render,
};
