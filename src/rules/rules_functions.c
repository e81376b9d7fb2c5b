/* SPDX-License-Identifier: MIT */
/*
 * Functions that rules may call. One row of the table each; docs/rules.md lists them (tests compare the two).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "rules/rules_model.h"

#define SUM_ELEMENTS_MAX 100000U /* of an array of arrays */
#define CELLS_MAX 1024U
#define REFERRERS_MAX 1000U /* looked at */

static struct value argument(struct run *run, const struct expr *e, uint32_t i)
{
    return i < e->arg_count ? expr_eval(run, e->args[i]) : value_missing();
}

/* What a function of an object gives when there is none: MISSING stays, all else is NULL. */
static struct value no_object(struct value v)
{
    return v.kind == VALUE_MISSING ? v : value_null();
}

static const struct ha_heap *heap_of(const struct run *run)
{
    return run->q.snapshot->heap;
}

static struct value own_text(struct run *run, const char *text)
{
    return text == NULL ? value_null() : value_text(run_text(run, text, strlen(text)));
}

/* ---- objects ---- */

/* The class of an object; of a class object the class it stands for. */
static ha_cls class_meant(const struct run *run, ha_obj obj)
{
    ha_cls cls;
    return ha_heap_as_class(heap_of(run), obj, &cls) ? cls : ha_heap_class_of(heap_of(run), obj);
}

static struct value fn_class(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    return v.kind == VALUE_OBJECT ? value_text(ha_heap_class(heap_of(run), class_meant(run, v.u.obj))->name) : no_object(v);
}

static struct value fn_loader(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    if (v.kind != VALUE_OBJECT) {
        return no_object(v);
    }
    ha_obj loader = ha_heap_class(heap_of(run), class_meant(run, v.u.obj))->loader;
    return ha_obj_is_none(loader) ? value_null() : value_object(loader);
}

static struct value fn_length(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    if (v.kind != VALUE_OBJECT) {
        return no_object(v);
    }
    return ha_heap_is_array(heap_of(run), v.u.obj) ? value_number(ha_heap_array_length(heap_of(run), v.u.obj)) : value_missing();
}

static struct value fn_size(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    return v.kind == VALUE_OBJECT ? collection_size(run, v.u.obj) : no_object(v);
}

static struct value fn_shallow(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    return v.kind == VALUE_OBJECT ? value_number((double)ha_query_shallow(&run->q, v.u.obj)) : no_object(v);
}

static struct value fn_retained(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    return v.kind == VALUE_OBJECT ? value_number((double)ha_query_retained(&run->q, v.u.obj)) : no_object(v);
}

static struct value fn_address(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    return v.kind == VALUE_OBJECT ? value_number((double)ha_heap_address(heap_of(run), v.u.obj)) : no_object(v);
}

static struct value fn_is_a(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    const char *name = e->args[1]->constant.u.text;
    if (v.kind != VALUE_OBJECT) {
        return v.kind == VALUE_MISSING ? v : value_bool(false);
    }
    ha_cls cls = ha_heap_class_of(heap_of(run), v.u.obj);
    for (unsigned depth = 0; depth < HA_CLASS_DEPTH_MAX && !ha_cls_is_none(cls); depth++) {
        const struct ha_class *c = ha_heap_class(heap_of(run), cls);
        if (strcmp(c->name, name) == 0) {
            return value_bool(true);
        }
        cls = c->super;
    }
    return value_bool(false);
}

static struct value fn_thread_root(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    return v.kind == VALUE_OBJECT ? value_bool(ha_heap_thread_of(heap_of(run), v.u.obj) != NULL) : no_object(v);
}

static struct value reference_or_number(struct run *run, const struct ha_static *s)
{
    ha_obj obj;
    if (s->type == HA_TYPE_REFERENCE) {
        return s->value != 0 && ha_heap_find(heap_of(run), s->value, &obj) ? value_object(obj) : value_null();
    }
    if (s->type == HA_TYPE_BOOLEAN) {
        return value_bool(s->value != 0);
    }
    uint32_t bytes = ha_type_bytes((enum ha_type)s->type, 8);
    unsigned shift = bytes >= 8 || bytes == 0 ? 0 : 64 - 8 * bytes;
    int64_t number = (int64_t)(s->value << shift) >> shift;
    bool real = s->type == HA_TYPE_FLOAT || s->type == HA_TYPE_DOUBLE;
    return real ? value_null() : value_number(s->type == HA_TYPE_CHAR ? (double)s->value : (double)number);
}

struct static_search {
    struct run *run;
    const char *field;
    struct value found;
};

static void static_visit(void *ctx, ha_cls cls)
{
    struct static_search *search = ctx;
    const struct ha_static *s = ha_heap_static_find(heap_of(search->run), cls, search->field);
    if (s != NULL && (search->found.kind == VALUE_MISSING || search->found.kind == VALUE_NULL)) {
        search->found = reference_or_number(search->run, s);
    }
}

/* static('CLASS', 'FIELD'); the first class of that name whose field is not null */
static struct value fn_static(struct run *run, const struct expr *e)
{
    struct static_search search = {run, e->args[1]->constant.u.text, value_missing()};
    ha_heap_classes_named(heap_of(run), e->args[0]->constant.u.text, static_visit, &search);
    return search.found;
}

/* The JDK's counters: AtomicLong, AtomicInteger, LongAdder (base and cells). */
static struct value fn_counter(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    int64_t number;
    ha_obj cells;
    if (v.kind == VALUE_NUMBER) {
        return v;
    }
    if (v.kind != VALUE_OBJECT) {
        return no_object(v);
    }
    if (ha_heap_read_long(heap_of(run), &run->q.window, v.u.obj, "value", &number)) {
        return value_number((double)number);
    }
    if (!ha_heap_read_long(heap_of(run), &run->q.window, v.u.obj, "base", &number)) {
        return value_missing();
    }
    double sum = (double)number;
    uint32_t count = ha_heap_read_reference(heap_of(run), &run->q.window, v.u.obj, "cells", &cells) ? ha_heap_array_length(heap_of(run), cells) : 0;
    for (uint32_t i = 0; i < count && i < CELLS_MAX && run->steps > 0; i++, run->steps--) {
        struct ha_value cell;
        ha_obj obj;
        if (ha_heap_read_element(heap_of(run), &run->q.window, cells, i, &cell) && cell.type == HA_TYPE_REFERENCE &&
            ha_heap_find(heap_of(run), cell.bits, &obj) && ha_heap_read_long(heap_of(run), &run->q.window, obj, "value", &number)) {
            sum += (double)number;
        }
    }
    return value_number(sum);
}

static bool target_bytes(void *ctx, ha_obj obj)
{
    struct value *sum = ctx;
    (void)obj;
    sum->u.number += 1;
    return true;
}

static struct value fn_chain(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    struct value count = value_number(0);
    if (v.kind != VALUE_OBJECT) {
        return v.kind == VALUE_NULL ? count : value_missing();
    }
    return collection_each(run, v.u.obj, EACH_LINKS, e->args[1]->constant.u.text, target_bytes, &count) ? count : value_missing();
}

/* One step of a walk, of those that the run may still make. */
static bool step_take(struct run *run)
{
    if (run->steps == 0) {
        return false;
    }
    run->steps--;
    return true;
}

/* Walks the references among an array's elements; null elements are left out. */
static struct value over_elements(struct run *run, struct value array, bool shallow)
{
    if (array.kind != VALUE_OBJECT) {
        return no_object(array);
    }
    if (!ha_heap_is_array(heap_of(run), array.u.obj)) {
        return value_missing();
    }
    struct ha_out out = ha_graph_out(run->q.snapshot->graph, array.u.obj);
    double sum = 0;
    uint32_t left = SUM_ELEMENTS_MAX;
    for (ha_obj target; left > 0 && ha_out_next(&out, &target); left--) {
        if (!step_take(run)) {
            return value_missing();
        }
        sum += shallow ? (double)ha_query_shallow(&run->q, target) : 1;
    }
    return value_number(sum);
}

static struct value fn_filled(struct run *run, const struct expr *e)
{
    return over_elements(run, argument(run, e, 0), false);
}

static struct value fn_elements_shallow(struct run *run, const struct expr *e)
{
    return over_elements(run, argument(run, e, 0), true);
}

static struct value fn_element(struct run *run, const struct expr *e)
{
    struct value array = argument(run, e, 0);
    struct value i = argument(run, e, 1);
    struct ha_value value;
    ha_obj obj;
    if (array.kind != VALUE_OBJECT || i.kind != VALUE_NUMBER) {
        return no_object(array);
    }
    if (i.u.number < 0 || i.u.number >= ha_heap_array_length(heap_of(run), array.u.obj)) {
        return value_null();
    }
    if (!ha_heap_read_element(heap_of(run), &run->q.window, array.u.obj, (uint32_t)i.u.number, &value)) {
        return value_missing();
    }
    if (value.type == HA_TYPE_REFERENCE) {
        return ha_heap_find(heap_of(run), value.bits, &obj) ? value_object(obj) : value_null();
    }
    return value_number((double)(int64_t)value.bits);
}

/* ---- who refers to it ---- */

/* Whether nothing but java.lang.ref.References leads to it. */
static struct value fn_weakly_held(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    if (v.kind != VALUE_OBJECT) {
        return no_object(v);
    }
    struct ha_in in = ha_graph_in(run->q.snapshot->graph, v.u.obj);
    for (uint64_t i = 0; i < in.count; i++) {
        if (!step_take(run)) {
            return value_missing();
        }
        ha_obj source = ha_in_at(&in, i), referent;
        bool is_reference = (ha_heap_class(heap_of(run), ha_heap_class_of(heap_of(run), source))->flags & HA_CLASS_IS_REFERENCE) != 0;
        if (!is_reference || !ha_graph_referent(run->q.snapshot->graph, source, &referent) || !ha_obj_equal(referent, v.u.obj)) {
            return value_bool(false);
        }
    }
    return value_bool(ha_heap_root_kinds(heap_of(run), v.u.obj) == 0);
}

/* Whether an instance of a class (or the class object itself) refers to it. */
static struct value fn_referred_by(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    if (v.kind != VALUE_OBJECT) {
        return v.kind == VALUE_MISSING ? v : value_bool(false);
    }
    struct ha_in in = ha_graph_in(run->q.snapshot->graph, v.u.obj);
    for (uint64_t i = 0; i < in.count && i < REFERRERS_MAX; i++) {
        if (!step_take(run)) {
            return value_missing();
        }
        const char *name = ha_heap_class(heap_of(run), class_meant(run, ha_in_at(&in, i)))->name;
        if (strcmp(name, e->args[1]->constant.u.text) == 0) {
            return value_bool(true);
        }
    }
    return value_bool(false);
}

static bool take_first(void *ctx, ha_obj obj)
{
    *(struct value *)ctx = value_object(obj);
    return false;
}

static struct value fn_first_of(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    struct value first = value_null();
    if (v.kind != VALUE_OBJECT) {
        return no_object(v);
    }
    return collection_each(run, v.u.obj, EACH_ELEMENTS, NULL, take_first, &first) ? first : value_missing();
}

/* ---- texts ---- */

static struct value text_test(struct run *run, const struct expr *e, int how)
{
    struct value v = argument(run, e, 0);
    const char *text = value_as_text(run, v);
    const char *part = e->args[1]->constant.u.text;
    if (text == NULL) {
        return no_object(v);
    }
    size_t len = strlen(text), want = strlen(part);
    bool found = how == 0   ? strncmp(text, part, want) == 0
                 : how == 1 ? len >= want && strcmp(text + len - want, part) == 0
                            : strstr(text, part) != NULL;
    return value_bool(found);
}

static struct value fn_starts(struct run *run, const struct expr *e)
{
    return text_test(run, e, 0);
}

static struct value fn_ends(struct run *run, const struct expr *e)
{
    return text_test(run, e, 1);
}

static struct value fn_contains(struct run *run, const struct expr *e)
{
    return text_test(run, e, 2);
}

static struct value fn_text(struct run *run, const struct expr *e)
{
    struct ha_sbuf out = {0};
    for (uint32_t i = 0; i < e->arg_count && out.len <= RULE_TEXT_MAX; i++) {
        struct value v = argument(run, e, i);
        if (v.kind == VALUE_MISSING || !value_words(run, v, e->args[i]->unit, &out)) {
            ha_sbuf_deinit(&out);
            return no_object(v);
        }
    }
    struct value text = value_text(run_text(run, ha_sbuf_text(&out), text_length(&out)));
    run->failed = run->failed || ha_sbuf_failed(&out);
    ha_sbuf_deinit(&out);
    return text;
}

/* The class that a generated class was made for or by, as far as names tell: what stands before the mark. Lambdas, proxies, CGLIB, Byte Buddy, … */
static const char *const marks[] = {"$$Lambda",      "$$EnhancerBy", "$$FastClassBy", "$$SpringCGLIB", "$ByteBuddy$", "$HibernateProxy$",
                                    "$MockitoMock$", "_$$_jvst",     "_$$_javassist", "$$Generated",   "$$Proxy",     "$Proxy"};

static const char *mark_of(const char *name)
{
    const char *best = NULL;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *found = strstr(name, marks[i]);
        best = found != NULL && (best == NULL || found < best) ? found : best;
    }
    return best;
}

static struct value fn_generated_from(struct run *run, const struct expr *e)
{
    static const char *const whole[] = {"jdk.internal.reflect.Generated", "sun.reflect.Generated", "java.lang.invoke.LambdaForm$"};
    struct value v = argument(run, e, 0);
    const char *text = value_as_text(run, v);
    if (text == NULL) {
        return no_object(v);
    }
    const char *mark = mark_of(text);
    if (mark != NULL) {
        return value_text(run_text(run, text, mark == text ? strlen("$Proxy") : (size_t)(mark - text)));
    }
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        if (strncmp(text, whole[i], strlen(whole[i])) == 0) {
            return value_text(whole[i]);
        }
    }
    return value_null();
}

static struct value fn_package(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    const char *text = value_as_text(run, v);
    return text == NULL ? no_object(v) : value_text(run_text(run, text, ha_class_package_length(text)));
}

static struct value fn_label(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    struct ha_sbuf out = {0};
    struct value label = no_object(v);
    if (v.kind == VALUE_OBJECT && ha_object_label(&run->q, v.u.obj, &out)) {
        label = own_text(run, ha_sbuf_text(&out));
    }
    ha_sbuf_deinit(&out);
    return label;
}

/* ---- logic and numbers ---- */

static struct value fn_if(struct run *run, const struct expr *e)
{
    struct value c = argument(run, e, 0);
    return c.kind == VALUE_MISSING ? c : argument(run, e, c.kind == VALUE_BOOL && c.u.truth ? 1 : 2);
}

static struct value fn_has(struct run *run, const struct expr *e)
{
    return value_bool(argument(run, e, 0).kind != VALUE_MISSING);
}

static struct value fn_first(struct run *run, const struct expr *e)
{
    return argument(run, e, 0);
}

static struct value extreme(struct run *run, const struct expr *e, bool most)
{
    struct value a = argument(run, e, 0), b = argument(run, e, 1);
    if (a.kind != VALUE_NUMBER || b.kind != VALUE_NUMBER) {
        return a.kind == VALUE_NUMBER ? b : a;
    }
    return most == (a.u.number > b.u.number) ? a : b;
}

static struct value fn_least(struct run *run, const struct expr *e)
{
    return extreme(run, e, false);
}

static struct value fn_most(struct run *run, const struct expr *e)
{
    return extreme(run, e, true);
}

static struct value fn_percent(struct run *run, const struct expr *e)
{
    struct value a = argument(run, e, 0), b = argument(run, e, 1);
    if (a.kind != VALUE_NUMBER || b.kind != VALUE_NUMBER) {
        return a.kind == VALUE_NUMBER ? b : a;
    }
    return b.u.number > 0 ? value_number(100 * a.u.number / b.u.number) : value_null();
}

/* Seconds from a moment (milliseconds since 1970) to the dump. */
static struct value fn_age(struct run *run, const struct expr *e)
{
    struct value v = argument(run, e, 0);
    int64_t now = heap_of(run)->facts.created_ms;
    if (v.kind != VALUE_NUMBER) {
        return v;
    }
    return now > 0 ? value_number(((double)now - v.u.number) / 1000) : value_null();
}

/* ---- the table ---- */

static const struct function functions[] = {
    {"class", "o", TYPE_TEXT, UNIT_ANY, false, false, fn_class},
    {"loader", "o", TYPE_OBJECT, UNIT_ANY, false, false, fn_loader},
    {"length", "o", TYPE_NUMBER, UNIT_COUNT, false, false, fn_length},
    {"size", "o", TYPE_NUMBER, UNIT_COUNT, false, false, fn_size},
    {"shallow", "o", TYPE_NUMBER, UNIT_BYTES, false, false, fn_shallow},
    {"retained", "o", TYPE_NUMBER, UNIT_BYTES, false, false, fn_retained},
    {"address", "o", TYPE_NUMBER, UNIT_ANY, false, false, fn_address},
    {"is_a", "oT", TYPE_BOOL, UNIT_ANY, false, false, fn_is_a},
    {"running", "o", TYPE_BOOL, UNIT_ANY, false, false, fn_thread_root},
    {"static", "TT", TYPE_ANY, UNIT_ANY, false, false, fn_static},
    {"counter", "*", TYPE_NUMBER, UNIT_ANY, false, false, fn_counter},
    {"chain", "oT", TYPE_NUMBER, UNIT_COUNT, false, false, fn_chain},
    {"filled", "o", TYPE_NUMBER, UNIT_COUNT, false, false, fn_filled},
    {"elements_shallow", "o", TYPE_NUMBER, UNIT_BYTES, false, false, fn_elements_shallow},
    {"element", "on", TYPE_ANY, UNIT_ANY, false, false, fn_element},
    {"first_of", "o", TYPE_OBJECT, UNIT_ANY, false, false, fn_first_of},
    {"weakly_held", "o", TYPE_BOOL, UNIT_ANY, false, false, fn_weakly_held},
    {"referred_by", "oT", TYPE_BOOL, UNIT_ANY, false, false, fn_referred_by},
    {"starts", "tT", TYPE_BOOL, UNIT_ANY, false, false, fn_starts},
    {"ends", "tT", TYPE_BOOL, UNIT_ANY, false, false, fn_ends},
    {"contains", "tT", TYPE_BOOL, UNIT_ANY, false, false, fn_contains},
    {"text", "*+", TYPE_TEXT, UNIT_ANY, false, false, fn_text},
    {"generated_from", "t", TYPE_TEXT, UNIT_ANY, false, false, fn_generated_from},
    {"package", "t", TYPE_TEXT, UNIT_ANY, false, false, fn_package},
    {"label", "o", TYPE_TEXT, UNIT_ANY, false, false, fn_label},
    {"if", "b**", TYPE_ANY, UNIT_ANY, true, false, fn_if},
    {"has", "*", TYPE_BOOL, UNIT_ANY, false, false, fn_has},
    {"bytes", "n", TYPE_NUMBER, UNIT_BYTES, false, false, fn_first},
    {"number", "n", TYPE_NUMBER, UNIT_COUNT, false, false, fn_first},
    {"seconds", "n", TYPE_NUMBER, UNIT_SECONDS, false, false, fn_first},
    {"least", "nn", TYPE_NUMBER, UNIT_ANY, true, false, fn_least},
    {"most", "nn", TYPE_NUMBER, UNIT_ANY, true, false, fn_most},
    {"percent", "nn", TYPE_NUMBER, UNIT_PERCENT, false, false, fn_percent},
    {"age", "n", TYPE_NUMBER, UNIT_SECONDS, false, false, fn_age},
    {"elements", "o", TYPE_LIST, UNIT_ANY, false, false, NULL},
    {"keys", "o", TYPE_LIST, UNIT_ANY, false, false, NULL},
    {"values", "o", TYPE_LIST, UNIT_ANY, false, false, NULL},
    {"links", "oT", TYPE_LIST, UNIT_ANY, false, false, NULL},
    {"sum", "n", TYPE_NUMBER, UNIT_ANY, true, true, NULL},
    {"min", "n", TYPE_NUMBER, UNIT_ANY, true, true, NULL},
    {"max", "n", TYPE_NUMBER, UNIT_ANY, true, true, NULL},
    {"count_if", "b", TYPE_NUMBER, UNIT_COUNT, false, true, NULL},
    {"distinct", "*", TYPE_NUMBER, UNIT_COUNT, false, true, NULL},
    {"sum_once", "*n", TYPE_NUMBER, UNIT_ANY, true, true, NULL},
    {"at_max", "n*", TYPE_ANY, UNIT_ANY, true, true, NULL},
};

const struct function *function_at(size_t i)
{
    return i < sizeof functions / sizeof *functions ? &functions[i] : NULL;
}

const struct function *function_find(const char *name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(functions[i].name, name) == 0) {
            return &functions[i];
        }
    }
    return NULL;
}
