/* SPDX-License-Identifier: MIT */
/*
 * What an expression gives for a row, or for the totals of a group. The recursion is over the expression, whose size the parser bounds.
 */
#include <math.h>
#include <string.h>

#include "ha/base/words.h"
#include "rules/rules_model.h"

#define TEXT_CHARS 2000U /* of a String of the heap */

const char *run_text(struct run *run, const char *text, size_t len)
{
    char *copy = ha_arena_strndup(&run->scratch, text, len);
    run->failed = run->failed || copy == NULL;
    return copy == NULL ? "" : copy;
}

const char *value_as_text(struct run *run, struct value value)
{
    if (value.kind == VALUE_TEXT) {
        return value.u.text;
    }
    const struct ha_heap *heap = run->q.snapshot->heap;
    if (value.kind != VALUE_OBJECT || (ha_heap_class(heap, ha_heap_class_of(heap, value.u.obj))->flags & HA_CLASS_IS_STRING) == 0) {
        return NULL;
    }
    struct ha_sbuf text = {0};
    const char *copy = NULL;
    if (ha_heap_string(heap, &run->q.window, value.u.obj, TEXT_CHARS, &text, NULL)) {
        copy = run_text(run, ha_sbuf_text(&text), text.len);
    }
    ha_sbuf_deinit(&text);
    return copy;
}

size_t text_length(const struct ha_sbuf *text)
{
    size_t len = text->len < RULE_TEXT_MAX ? text->len : RULE_TEXT_MAX;
    while (len > 0 && len < text->len && ((unsigned char)text->data[len] & 0xc0) == 0x80) {
        len--; // not within a character of UTF-8
    }
    return len;
}

/* ---- fields ---- */

static struct value from_heap(const struct ha_heap *heap, const struct ha_value *v)
{
    ha_obj obj;
    double real;
    float single;
    uint32_t bits = (uint32_t)v->bits;
    switch (v->type) {
    case HA_TYPE_REFERENCE:
        return v->bits != 0 && ha_heap_find(heap, v->bits, &obj) ? value_object(obj) : value_null();
    case HA_TYPE_BOOLEAN:
        return value_bool(v->bits != 0);
    case HA_TYPE_FLOAT:
        memcpy(&single, &bits, sizeof single);
        return isfinite(single) ? value_number(single) : value_null();
    case HA_TYPE_DOUBLE:
        memcpy(&real, &v->bits, sizeof real);
        return isfinite(real) ? value_number(real) : value_null();
    case HA_TYPE_CHAR:
    case HA_TYPE_BYTE:
    case HA_TYPE_SHORT:
    case HA_TYPE_INT:
    case HA_TYPE_LONG:
        return value_number((double)(int64_t)v->bits);
    }
    return value_null();
}

static struct value field_of(struct run *run, ha_obj obj, const struct expr *e)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    ha_cls cls = ha_heap_class_of(heap, obj);
    for (uint32_t i = 0; i < e->name_count; i++) {
        struct ha_field_at at;
        struct ha_value value;
        if (ha_heap_field_find(heap, cls, NULL, e->names[i], &at)) {
            return ha_heap_read(heap, &run->q.window, obj, &at, &value) ? from_heap(heap, &value) : value_missing();
        }
    }
    return value_missing();
}

static struct value field_eval(struct run *run, const struct expr *e)
{
    struct value base = expr_eval(run, e->args[0]);
    if (base.kind == VALUE_OBJECT) {
        return field_of(run, base.u.obj, e);
    }
    return base.kind == VALUE_NULL ? base : value_missing();
}

/* ---- operators ---- */

static bool undecided(struct value v)
{
    return v.kind == VALUE_MISSING || v.kind == VALUE_NULL;
}

/* false and MISSING is false, true and MISSING is MISSING: as far as it can be decided. NULL counts as false. */
static struct value logic_eval(struct run *run, const struct expr *e)
{
    bool decides = e->kind == EXPR_OR; // the value that decides alone
    struct value a = expr_eval(run, e->args[0]);
    if (a.kind == VALUE_BOOL && a.u.truth == decides) {
        return a;
    }
    struct value b = expr_eval(run, e->args[1]);
    if (b.kind == VALUE_BOOL && b.u.truth == decides) {
        return b;
    }
    if (a.kind == VALUE_MISSING || b.kind == VALUE_MISSING) {
        return value_missing();
    }
    return value_bool(!decides && a.kind == VALUE_BOOL && b.kind == VALUE_BOOL);
}

static bool same(struct run *run, struct value a, struct value b)
{
    const char *x, *y;
    if (a.kind == VALUE_NULL || b.kind == VALUE_NULL) {
        return a.kind == b.kind;
    }
    if (a.kind == VALUE_NUMBER && b.kind == VALUE_NUMBER) {
        return !(a.u.number < b.u.number) && !(a.u.number > b.u.number);
    }
    if (a.kind == VALUE_BOOL && b.kind == VALUE_BOOL) {
        return a.u.truth == b.u.truth;
    }
    if (a.kind == VALUE_OBJECT && b.kind == VALUE_OBJECT) {
        return ha_obj_equal(a.u.obj, b.u.obj);
    }
    x = value_as_text(run, a);
    y = value_as_text(run, b);
    return x != NULL && y != NULL && strcmp(x, y) == 0;
}

static struct value compare_eval(struct run *run, const struct expr *e)
{
    struct value a = expr_eval(run, e->args[0]);
    struct value b = expr_eval(run, e->args[1]);
    if (a.kind == VALUE_MISSING || b.kind == VALUE_MISSING) {
        return value_missing();
    }
    if (e->operator == OPERATOR_EQUAL || e->operator == OPERATOR_DIFFERENT) {
        return value_bool(same(run, a, b) == (e->operator == OPERATOR_EQUAL));
    }
    if (a.kind != VALUE_NUMBER || b.kind != VALUE_NUMBER) {
        return value_bool(false);
    }
    double x = a.u.number, y = b.u.number;
    return value_bool(e->operator == OPERATOR_LESS         ? x < y
                      : e->operator == OPERATOR_LESS_EQUAL ? x <= y
                      : e->operator == OPERATOR_MORE       ? x > y
                                                           : x >= y);
}

static struct value arithmetic_eval(struct run *run, const struct expr *e)
{
    struct value a = expr_eval(run, e->args[0]);
    struct value b = expr_eval(run, e->args[1]);
    if (a.kind == VALUE_MISSING || b.kind == VALUE_MISSING) {
        return value_missing();
    }
    if (a.kind != VALUE_NUMBER || b.kind != VALUE_NUMBER) {
        return value_null();
    }
    double x = a.u.number, y = b.u.number;
    double r = e->operator == OPERATOR_ADD        ? x + y
               : e->operator == OPERATOR_SUBTRACT ? x - y
               : e->operator == OPERATOR_MULTIPLY ? x * y
               : y > 0 || y < 0                   ? x / y
                                                  : NAN;
    return isfinite(r) ? value_number(r) : value_null();
}

/* ---- all of them ---- */

struct value expr_eval(struct run *run, const struct expr *e)
{
    struct value v;
    switch (e->kind) {
    case EXPR_CONSTANT:
        return e->constant;
    case EXPR_HEAP_SHARE:
        return value_number(e->constant.u.number / 100 * (double)run->q.snapshot->retained->reachable_bytes);
    case EXPR_THIS:
        return value_object(run->row->obj);
    case EXPR_FIELD:
        return field_eval(run, e);
    case EXPR_COLUMN:
        return run->row->columns[e->number];
    case EXPR_VALUE:
        return run->row != NULL ? run->row->values[e->number] : total_value(run, e->number);
    case EXPR_BUILTIN:
        return total_builtin(run, (enum builtin)e->number);
    case EXPR_AGGREGATE:
        return total_aggregate(run, e->number);
    case EXPR_CALL:
        return e->function->call == NULL ? value_missing() : e->function->call(run, e);
    case EXPR_NOT:
        v = expr_eval(run, e->args[0]);
        return undecided(v) ? v : value_bool(v.kind == VALUE_BOOL && !v.u.truth);
    case EXPR_NEGATE:
        v = expr_eval(run, e->args[0]);
        return v.kind == VALUE_NUMBER ? value_number(-v.u.number) : undecided(v) ? v : value_null();
    case EXPR_AND:
    case EXPR_OR:
        return logic_eval(run, e);
    case EXPR_ELSE:
        v = expr_eval(run, e->args[0]);
        return undecided(v) ? expr_eval(run, e->args[1]) : v;
    case EXPR_COMPARE:
        return compare_eval(run, e);
    case EXPR_ARITHMETIC:
        return arithmetic_eval(run, e);
    }
    return value_missing();
}

/* ---- for people ---- */

static void number_words(double number, enum unit unit, struct ha_sbuf *out)
{
    bool negative = number < 0;
    double size = fabs(number);
    uint64_t whole = size < 1.8e19 ? (uint64_t)(size + 0.5) : UINT64_MAX;
    if (negative && whole > 0) {
        ha_sbuf_putc(out, '-');
    }
    if (unit == UNIT_BYTES) {
        ha_words_bytes(out, whole);
    } else if (unit == UNIT_PERCENT) {
        ha_words_percent(out, size);
    } else if (unit == UNIT_SECONDS) {
        const char *name = size < 120 ? "s" : size < 7200 ? "min" : size < 172800 ? "h" : "days";
        double per = size < 120 ? 1 : size < 7200 ? 60 : size < 172800 ? 3600 : 86400;
        ha_words_count(out, (uint64_t)(size / per < 1e18 ? size / per : 1e18));
        ha_sbuf_printf(out, " %s", name);
    } else if (unit == UNIT_COUNT && size < 100 && size - floor(size) > 0.05) {
        ha_sbuf_printf(out, "%.1f", size); // a ratio
    } else {
        ha_words_count(out, whole);
    }
}

bool value_words(struct run *run, struct value value, enum unit unit, struct ha_sbuf *out)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    const char *text;
    ha_cls cls;
    switch (value.kind) {
    case VALUE_MISSING:
    case VALUE_NULL:
        return false;
    case VALUE_NUMBER:
        number_words(value.u.number, unit, out);
        return true;
    case VALUE_BOOL:
        ha_sbuf_puts(out, value.u.truth ? "yes" : "no");
        return true;
    case VALUE_TEXT:
        ha_sbuf_puts(out, value.u.text);
        return true;
    case VALUE_OBJECT:
        text = value_as_text(run, value);
        if (text == NULL) {
            bool is_class = ha_heap_as_class(heap, value.u.obj, &cls);
            text = ha_heap_class(heap, is_class ? cls : ha_heap_class_of(heap, value.u.obj))->name;
        }
        ha_sbuf_puts(out, text);
        return true;
    }
    return false;
}
