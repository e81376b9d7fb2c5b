/* SPDX-License-Identifier: MIT */
/*
 * jansson reads recursively and takes a hundred bytes for a value of two, so the text is looked through before it is parsed: how deep it
 * nests, and how many values it can hold at most.
 */
#include "ha/base/json_read.h"

#include <jansson.h>
#include <string.h>

#include "ha/base/file.h"
#include "ha/base/mem.h"

struct ha_json_doc {
    json_t *root;
};

/* ---- before parsing ---- */

/* Counts what separates values, and the brackets open at a time; what stands in strings does not count. */
static struct ha_err *shape_check(const char *text, size_t len, const char *name)
{
    uint64_t values = 1;
    uint64_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
            continue;
        }
        in_string = c == '"';
        bool opens = c == '[' || c == '{';
        values += opens || c == ',' || c == ':';
        depth += opens;
        depth -= (c == ']' || c == '}') && depth > 0;
        if (depth > HA_JSON_DEPTH_MAX) {
            return ha_err_new(HA_ERR_LIMIT, "'%s' nests deeper than %u levels", name, HA_JSON_DEPTH_MAX);
        }
        if (values > HA_JSON_VALUES_MAX) {
            return ha_err_new(HA_ERR_LIMIT, "'%s' holds more than %u values", name, HA_JSON_VALUES_MAX);
        }
    }
    return NULL;
}

/* ---- parsing ---- */

struct ha_err *ha_json_read_text(const char *text, size_t len, const char *name, struct ha_json_doc **ret)
{
    HA_TRY(shape_check(text, len, name));
    json_set_alloc_funcs(ha_alloc, ha_free);
    json_error_t error;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL && json_error_code(&error) == json_error_out_of_memory) {
        return ha_err_nomem();
    }
    if (root == NULL) {
        return ha_err_new(HA_ERR_INPUT, "'%s' is no JSON: line %d, column %d: %s", name, error.line, error.column,
                          error.text);
    }
    struct ha_json_doc *doc = ha_alloc(sizeof *doc);
    if (doc == NULL) {
        json_decref(root);
        return ha_err_nomem();
    }
    doc->root = root;
    *ret = doc;
    return NULL;
}

static struct ha_err *file_read(int fd, const char *path, uint64_t bytes, struct ha_json_doc **ret)
{
    size_t len = 0;
    char *text = ha_alloc((size_t)bytes + 1);
    if (text == NULL) {
        return ha_err_nomem();
    }
    struct ha_err *err = ha_file_read_at(fd, path, 0, text, (size_t)bytes, &len);
    if (err == NULL) {
        err = ha_json_read_text(text, len, path, ret);
    }
    ha_free(text);
    return err;
}

struct ha_err *ha_json_read_file(const char *path, uint64_t max_bytes, struct ha_json_doc **ret)
{
    struct ha_file_info info;
    int fd = -1;
    HA_TRY(ha_file_open_plain(path, &fd, &info));
    struct ha_err *err = NULL;
    if (!info.regular) {
        err = ha_err_new(HA_ERR_INPUT, "'%s' is no plain file", path);
    } else if (info.bytes > max_bytes) {
        err = ha_err_new(HA_ERR_LIMIT, "'%s' is larger than %llu bytes", path, (unsigned long long)max_bytes);
    } else {
        err = file_read(fd, path, info.bytes, ret);
    }
    ha_file_close(fd);
    return err;
}

void ha_json_doc_free(struct ha_json_doc *doc)
{
    if (doc != NULL) {
        json_decref(doc->root);
        ha_free(doc);
    }
}

/* ---- looking ---- */

/* A ha_json_value is a json_t that nobody changes. */
static const json_t *value_of(const struct ha_json_value *value)
{
    return (const json_t *)(const void *)value;
}

static const struct ha_json_value *from(const json_t *value)
{
    return (const struct ha_json_value *)(const void *)value;
}

const struct ha_json_value *ha_json_root(const struct ha_json_doc *doc)
{
    return from(doc->root);
}

const struct ha_json_value *ha_json_get(const struct ha_json_value *object, const char *key)
{
    return from(json_object_get(value_of(object), key));
}

const struct ha_json_value *ha_json_at(const struct ha_json_value *array, size_t i)
{
    return from(json_array_get(value_of(array), i));
}

size_t ha_json_count(const struct ha_json_value *value)
{
    const json_t *json = value_of(value);
    return json_is_array(json) ? json_array_size(json) : json_object_size(json);
}

bool ha_json_is_object(const struct ha_json_value *value)
{
    return json_is_object(value_of(value));
}

bool ha_json_is_array(const struct ha_json_value *value)
{
    return json_is_array(value_of(value));
}

bool ha_json_is_null(const struct ha_json_value *value)
{
    return json_is_null(value_of(value));
}

const char *ha_json_text(const struct ha_json_value *value)
{
    return json_string_value(value_of(value));
}

bool ha_json_number(const struct ha_json_value *value, uint64_t *ret)
{
    const json_t *json = value_of(value);
    json_int_t number = json_integer_value(json);
    if (!json_is_integer(json) || number < 0) {
        return false;
    }
    *ret = (uint64_t)number;
    return true;
}

bool ha_json_truth(const struct ha_json_value *value, bool *ret)
{
    const json_t *json = value_of(value);
    if (!json_is_boolean(json)) {
        return false;
    }
    *ret = json_is_true(json);
    return true;
}
