/* SPDX-License-Identifier: MIT */
/*
 * From records to a numbered heap: the order of the passes, and what is tried again when a guess was wrong.
 *
 * The scan must know which objects are leaves before it knows the roots (they may come last). It guesses that boot classes are roots, as they
 * are in every HotSpot dump; when that proves wrong for a class that has instances, the scan is done once more with the truth. The same when
 * classes turn up after their instances (hprof agent), when ids are not aligned, too sparse for the bitmap, or not unique.
 */
#include "ha/heap/heap_build.h"

#include "ha/heap/heap_sections.h"
#include "heap/heap_addresses_format.h"
#include "heap/heap_count.h"
#include "heap/heap_damage.h"
#include "heap/heap_hop.h"
#include "heap/heap_scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DUMP_BYTES_MAX (1ULL << 40) /* offsets of records take 5 bytes */

struct ha_err *ha_build_create(struct ha_input *input, uint32_t heap, struct ha_diag *diag, struct ha_progress *progress, unsigned threads,
                               struct ha_build **ret)
{
    struct ha_build *build = ha_calloc_array(1, sizeof *build);
    if (build == NULL) {
        return ha_err_nomem();
    }
    build->input = input;
    build->diag = diag;
    build->progress = progress;
    build->threads = threads < 1 ? 1 : threads;
    build->class_class = build->object_array = build->fallback_class = HA_NONE;
    for (unsigned t = 0; t < 12; t++) {
        build->primitive_arrays[t] = HA_NONE;
    }
    struct ha_window window;
    struct ha_hprof_header header;
    ha_window_init(&window, input, HA_WINDOW_RANDOM);
    struct ha_err *err = ha_hprof_header_read(&window, &header);
    ha_window_deinit(&window);
    if (err == NULL && ha_input_bytes(input) >= DUMP_BYTES_MAX) {
        err = ha_err_new(HA_ERR_LIMIT, "'%s' holds %" PRIu64 " bytes; dumps below 1 TiB can be read", ha_input_path(input), ha_input_bytes(input));
    }
    if (err == NULL) {
        memcpy(build->facts.format, header.format, sizeof build->facts.format);
        build->facts.id_size = header.id_size;
        build->facts.created_ms = header.created_ms;
        build->facts.dump_bytes = ha_input_bytes(input);
        ha_progress_begin(progress, "records", 0);
        err = ha_err_wrap(ha_hop(build, heap, header.first_record), "'%s'", ha_input_path(input));
        ha_progress_end(progress);
    }
    if (err == NULL) {
        err = ha_build_names_sort(build);
    }
    if (err != NULL) {
        ha_build_destroy(build);
        return err;
    }
    *ret = build;
    return NULL;
}

void ha_build_destroy(struct ha_build *build)
{
    if (build == NULL) {
        return;
    }
    ha_vec_deinit(&build->batches);
    ha_vec_deinit(&build->damages);
    ha_vec_deinit(&build->strings);
    ha_vec_deinit(&build->loads);
    ha_vec_deinit(&build->frames);
    ha_vec_deinit(&build->traces);
    ha_vec_deinit(&build->classes);
    ha_vec_deinit(&build->fields);
    ha_vec_deinit(&build->statics);
    ha_build_root_lists_deinit(&build->roots);
    ha_vec_deinit(&build->mirrors);
    ha_vec_deinit(&build->final_roots);
    ha_vec_deinit(&build->final_threads);
    ha_vec_deinit(&build->locals);
    ha_vec_deinit(&build->extras);
    ha_vec_deinit(&build->text);
    ha_big_deinit(&build->row_starts);
    ha_big_deinit(&build->class_column);
    ha_idmap_deinit(&build->class_ids);
    ha_idmap_deinit(&build->load_names);
    ha_idmap_deinit(&build->text_of_string);
    ha_vec_deinit(&build->class_names);
    ha_idmap_deinit(&build->name_of_string);
    ha_idmap_deinit(&build->bad_strings);
    ha_addresses_close(build->addresses);
    ha_counts_destroy(build->counts);
    ha_arena_deinit(&build->arena);
    ha_free(build);
}

/* ---- classes that stand in front ---- */

static struct ha_err *read_front_classes(struct ha_build *build)
{
    struct ha_window window;
    ha_window_init(&window, build->input, HA_WINDOW_STREAM);
    struct ha_err *err = NULL;
    bool front = true;
    for (size_t b = 0; b < build->batches.count && front && err == NULL; b++) {
        struct ha_batch_walk walk;
        ha_batch_walk_begin(&build->batches.data[b], &window, &walk);
        while (front && err == NULL && ha_batch_walk_segment(&walk)) {
            uint64_t off = walk.off;
            while (off < walk.seg_end && front && err == NULL) {
                struct ha_class_dump dump;
                const uint8_t *tag = ha_window_at(&window, off, 1);
                front = tag != NULL && tag[0] == HA_SUB_CLASS &&
                        ha_class_dump_read(&window, off, walk.seg_end, build->facts.id_size, &dump) == HA_SUB_OK;
                if (front) {
                    err = ha_build_class_add(build, &dump);
                    off = dump.end;
                }
            }
        }
    }
    ha_err_free(ha_window_error(&window)); /* the scan meets it again */
    ha_window_deinit(&window);
    return err;
}

/* ---- classes that are missing ---- */

/* What a class without CLASS_DUMP is called: as its LOAD_CLASS says, if there is one. */
static struct ha_err *make_up_named(struct ha_build *build, struct ha_window *window, uint64_t id, uint8_t kind, uint64_t *made)
{
    struct ha_build_name name;
    char text[48];
    HA_TRY(ha_build_class_name(build, window, id, &name));
    if (name.text == NULL || name.kind != kind) {
        snprintf(text, sizeof text, "unknown-class-%" PRIu64 "%s", *made, kind == HA_CLASS_OBJECT_ARRAY ? "[]" : "");
        name.text = text;
    }
    ++*made;
    return ha_build_class_make_up(build, id, name.text, kind);
}

static struct ha_err *make_up_unknown(struct ha_build *build, const struct ha_scan_result *result, uint64_t *made)
{
    static const char *const primitive[12] = {[HA_TYPE_BOOLEAN] = "boolean[]", [HA_TYPE_CHAR] = "char[]", [HA_TYPE_FLOAT] = "float[]",
                                              [HA_TYPE_DOUBLE] = "double[]",   [HA_TYPE_BYTE] = "byte[]", [HA_TYPE_SHORT] = "short[]",
                                              [HA_TYPE_INT] = "int[]",         [HA_TYPE_LONG] = "long[]"};
    struct ha_window window;
    struct ha_err *err = NULL;
    for (uint32_t type = 0; type < 12; type++) {
        if ((result->unknown_types >> type & 1) != 0 && build->primitive_arrays[type] == HA_NONE) {
            HA_TRY(ha_build_class_make_up(build, 0, primitive[type], HA_CLASS_PRIMITIVE_ARRAY));
        }
    }
    ha_window_init(&window, build->input, HA_WINDOW_RANDOM);
    for (size_t i = 0; i < result->unknown.count && err == NULL; i++) {
        uint64_t id = result->unknown.data[i].id;
        if (id != 0 && ha_idmap_get(&build->class_ids, id) == HA_IDMAP_NONE) {
            err = make_up_named(build, &window, id, (uint8_t)result->unknown.data[i].number, made);
        }
    }
    ha_window_deinit(&window);
    return err;
}

static struct ha_err *make_up_missing(struct ha_build *build, const struct ha_scan_result *result)
{
    uint64_t made = 0;
    bool nameless = false;
    for (size_t i = 0; i < result->unknown.count; i++) {
        nameless = nameless || result->unknown.data[i].id == 0;
    }
    HA_TRY(make_up_unknown(build, result, &made));
    if ((result->unknown_overflow || nameless) && build->fallback_class == HA_NONE) {
        build->fallback_class = (uint32_t)build->classes.count;
        made++;
        HA_TRY(ha_build_class_make_up(build, 0, "unknown-class", HA_CLASS_INSTANCE));
    }
    if (build->class_class == HA_NONE) {
        HA_TRY(ha_build_class_make_up(build, 0, "java.lang.Class", HA_CLASS_INSTANCE));
    }
    if (build->bad_arrays > 0 && build->object_array == HA_NONE) {
        HA_TRY(ha_build_class_make_up(build, 0, "java.lang.Object[]", HA_CLASS_OBJECT_ARRAY));
    }
    if (made > 0) {
        build->missing_off = build->missing_classes == 0 || result->unknown_off < build->missing_off ? result->unknown_off : build->missing_off;
        build->missing_classes += made;
    }
    return NULL;
}

/* ---- the scan and its second tries ---- */

/* Alignment, sparseness, wrong leaves, duplicates: each can call for one more try, none for a second of its own. Late classes call for one in sound
   dumps, and in damaged ones for several: where records are looked for behind a damage, a class that is known by now lets one be found that makes
   other classes known. */
#define TRIES_MAX 8U       /* but for late classes */
#define LATE_TRIES_MAX 64U

struct attempt {
    uint32_t shift;
    bool leaves;
    size_t classes;                  /* known when it began */
    unsigned late_tries;             /* so far: ended because classes were found late */
    HA_VEC(uint32_t) assumed_leaves; /* classes taken for leaves by this attempt */
};

static struct ha_err *note_assumptions(const struct ha_build *build, struct attempt *attempt)
{
    attempt->assumed_leaves.count = 0;
    attempt->classes = build->classes.count;
    for (size_t i = 0; attempt->leaves && i < build->classes.count; i++) {
        if ((build->classes.data[i].flags & HA_CLASS_IS_LEAF) != 0) {
            uint32_t *slot = ha_vec_push(&attempt->assumed_leaves);
            if (slot == NULL) {
                return ha_err_nomem();
            }
            *slot = (uint32_t)i;
        }
    }
    return NULL;
}

/* Arrays of a primitive type without class are taken for leaves: this is a class made up for such during the attempt. */
static bool made_up_as_leaf(const struct ha_build *build, const struct attempt *attempt, size_t i)
{
    const struct ha_build_class *cls = &build->classes.data[i];
    return attempt->leaves && i >= attempt->classes && (cls->flags & HA_CLASS_IS_MADE_UP) != 0 && cls->kind == HA_CLASS_PRIMITIVE_ARRAY;
}

/* Whether no class that has instances was wrongly taken for a leaf; what was not taken for one is no leaf from now on. */
static bool assumptions_hold(struct ha_build *build, const struct attempt *attempt)
{
    bool hold = true;
    size_t next = 0;
    for (size_t i = 0; i < build->classes.count; i++) {
        struct ha_build_class *cls = &build->classes.data[i];
        bool assumed = next < attempt->assumed_leaves.count && attempt->assumed_leaves.data[next] == i;
        next += assumed;
        bool leaf = (cls->flags & HA_CLASS_IS_LEAF) != 0;
        if (!leaf && ((assumed && cls->instances > 0) || made_up_as_leaf(build, attempt, i))) {
            hold = false;
        }
    }
    if (hold) {
        next = 0;
        for (size_t i = 0; i < build->classes.count; i++) {
            bool assumed = next < attempt->assumed_leaves.count && attempt->assumed_leaves.data[next] == i;
            next += assumed;
            if (!assumed && !made_up_as_leaf(build, attempt, i)) {
                build->classes.data[i].flags &= ~(uint32_t)HA_CLASS_IS_LEAF;
            }
        }
    }
    return hold;
}

static struct ha_err *add_class_objects(struct ha_build *build, struct ha_address_set *set, const struct attempt *attempt, uint64_t *ret_made_up)
{
    *ret_made_up = 0;
    for (size_t i = 0; i < build->classes.count; i++) {
        const struct ha_build_class *cls = &build->classes.data[i];
        if (cls->id != 0) {
            bool leaf = attempt->leaves && (cls->flags & HA_CLASS_IS_SINK) != 0;
            *ret_made_up += cls->record == UINT64_MAX;
            HA_TRY(ha_address_set_add(set, ha_address_set_pending(set, 0), 0, cls->id, leaf));
        }
    }
    return ha_address_set_flush(set, 0);
}

/* What to try next when the addresses did not fit the form: each step is taken at most once. */
static void after_trouble(struct attempt *attempt, enum ha_address_trouble trouble)
{
    attempt->shift = trouble == HA_ADDRESSES_UNALIGNED && attempt->shift != 0 ? 0 : HA_SHIFT_SORTED;
    attempt->leaves = attempt->leaves && attempt->shift != HA_SHIFT_SORTED;
}

/* One attempt. *ret_again: something was not as assumed, `attempt` was changed, try again. */
static struct ha_err *scan_once(struct ha_build *build, struct attempt *attempt, struct ha_address_set *set, struct ha_scan_result *result, bool *ret_again)
{
    *ret_again = true;
    size_t classes_before = build->classes.count;
    HA_TRY(note_assumptions(build, attempt));
    HA_TRY(ha_scan_run(build, set, attempt->leaves, result));
    enum ha_address_trouble trouble = ha_address_set_trouble(set);
    if (trouble != HA_ADDRESSES_FINE) {
        after_trouble(attempt, trouble);
        return NULL;
    }
    bool late_classes = build->classes.count > classes_before &&
                        (result->unknown.count > 0 || result->unknown_types != 0 || result->unknown_overflow);
    if (late_classes) {
        attempt->late_tries++;
        return ha_build_classes_finish(build, true);
    }
    HA_TRY(ha_build_classes_finish(build, true));
    HA_TRY(make_up_missing(build, result));
    HA_TRY(ha_build_classes_finish(build, true));
    if (build->mirrors.count > 0 && attempt->leaves) {
        attempt->leaves = false; /* class objects with fields are no leaves, whatever their statics say */
        return NULL;
    }
    if (!assumptions_hold(build, attempt)) {
        return NULL;
    }
    uint64_t made_up;
    HA_TRY(add_class_objects(build, set, attempt, &made_up));
    if (attempt->shift != HA_SHIFT_SORTED) {
        uint64_t distinct = ha_address_set_count(set);
        build->duplicates = build->records + made_up > distinct;
        if (ha_address_set_trouble(set) != HA_ADDRESSES_FINE) {
            after_trouble(attempt, ha_address_set_trouble(set));
            return NULL;
        }
        if (build->duplicates && attempt->leaves) {
            attempt->leaves = false;
            return NULL;
        }
    }
    ha_progress_begin(build->progress, "numbers", 0);
    HA_TRY(ha_address_set_finish(set, build->writer));
    ha_progress_end(build->progress);
    if (ha_address_set_trouble(set) != HA_ADDRESSES_FINE) {
        after_trouble(attempt, ha_address_set_trouble(set));
        return NULL;
    }
    *ret_again = false;
    return NULL;
}

static struct ha_err *writer_section(void *ctx, uint32_t id, struct ha_index_section *ret)
{
    return ha_index_writer_section(ctx, id, ret);
}

static void note_facts(struct ha_build *build)
{
    struct ha_heap_facts *facts = &build->facts;
    facts->branch_count = build->addresses->branch_count;
    facts->object_count = facts->branch_count + build->addresses->leaf_count;
    facts->class_count = (uint32_t)build->classes.count;
    build->root_records = ha_build_root_count(&build->roots);
    facts->compressed_references = facts->id_size == 8 && build->overlap;
    uint64_t gcd = build->address_gcd;
    facts->object_alignment = gcd < 8 ? 8 : gcd > 256 ? 256 : (uint32_t)gcd;
    uint64_t made_up = 0; /* objects without a record */
    for (size_t i = 0; i < build->classes.count; i++) {
        made_up += build->classes.data[i].id != 0 && build->classes.data[i].record == UINT64_MAX;
    }
    uint64_t repeated = build->records + made_up - facts->object_count;
    if (build->addresses->sorted != NULL) {
        build->duplicates = repeated > 0;
    }
    if (build->duplicates) {
        ha_diag_add(build->diag, HA_DIAG_DUPLICATE_ID, HA_ERR_NO_OFFSET, repeated,
                    "some ids belong to several records; the first record of each counts");
    }
}

/* All objects, numbered. */
static struct ha_err *scan_all(struct ha_build *build)
{
    struct attempt attempt = {.shift = 3, .leaves = true};
    struct ha_err *err = NULL;
    bool again = true;
    for (unsigned tries = 0; again && err == NULL && tries - attempt.late_tries < TRIES_MAX && attempt.late_tries < LATE_TRIES_MAX; tries++) {
        struct ha_scan_result result = {.unknown_off = HA_ERR_NO_OFFSET};
        struct ha_address_set *set = ha_address_set_create(attempt.shift, build->threads, build->facts.dump_bytes);
        err = set == NULL ? ha_err_nomem() : scan_once(build, &attempt, set, &result, &again);
        ha_vec_deinit(&result.unknown);
        ha_address_set_destroy(set);
    }
    ha_vec_deinit(&attempt.assumed_leaves);
    if (err == NULL && again) {
        err = attempt.late_tries < LATE_TRIES_MAX
                  ? ha_err_new(HA_ERR_BUG, "the scan found no way to number the objects")
                  : ha_err_new(HA_ERR_INPUT, "'%s' is too damaged: %u times it was read, and classes were found that had not been found before",
                               ha_input_path(build->input), LATE_TRIES_MAX);
    }
    return err;
}

struct ha_err *ha_build_scan(struct ha_build *build, struct ha_index_writer *writer, bool count)
{
    bool counted = false;
    build->writer = writer;
    HA_TRY(read_front_classes(build));
    HA_TRY(ha_build_classes_finish(build, false));
    if (count) {
        HA_TRY(ha_counted_build(build, &counted));
    }
    if (!counted) {
        HA_TRY(scan_all(build));
    }
    HA_TRY(ha_addresses_open(writer_section, writer, &build->addresses));
    note_facts(build);
    ha_damage_tell(build);
    for (size_t i = 0; i < build->classes.count; i++) {
        struct ha_build_class *cls = &build->classes.data[i];
        if (!ha_build_find(build, cls->id, &cls->object)) {
            cls->object = HA_OBJ_NONE;
        }
        ha_obj loader;
        if (!ha_build_find(build, cls->loader_id, &loader)) {
            cls->loader_id = 0; /* as MAT has it: a loader that is not in the dump is the boot loader */
        }
    }
    HA_TRY(ha_build_classes_flatten(build));
    HA_TRY(ha_build_mirrors_finish(build));
    return ha_build_roots_finish(build);
}
