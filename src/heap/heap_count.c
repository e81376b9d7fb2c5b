/* SPDX-License-Identifier: MIT */
/*
 * Counting without numbering: one pass over the records for those who ask how many objects there are of which size, and no more.
 *
 * Most objects are taken by a short loop that knows only what is usual; whatever is not makes it stop, and step() looks at that one record:
 *
 *     usual     instance with as many bytes as its class has, array; of a class seen before; its address above that of the one before, below the
 *               next class object, in the same page of 128 KiB, aligned as all were so far; well within the segment and the window
 *     step()    everything else that JVMs write: class dumps, roots, the first object of a class, of a page, behind a class object, of a run
 *     odd       the rest. Then the dump is scanned and numbered as for all other questions (heap_scan.c)
 *
 * Ids must be those of one object each, or the histogram would not count what the full index does. No set is needed to see that: the addresses ascend
 * but for some descents, so each batch is some ascending runs (heap_runs.h), and all is well if no two runs overlap. A run also ends where a page
 * or more is left out: several threads of a JVM that share in the dumping take turns at regions of the heap.
 *
 * The same order tells how far it is from an object to the next (heap_gaps.h): that is the next record, or a class object that lies between, whose
 * addresses are known. For the last object of a run that is found out when all runs are there.
 */
#include "heap/heap_count.h"

#include "ha/base/pool.h"
#include "heap/heap_overlap.h"
#include "heap/heap_runs.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_BYTES (16U << 10)
#define AHEAD_BYTES 4096U     /* asked for ahead: over the end of a page, where processors stop to do it by themselves */
#define ROOM 32U              /* bytes that the fixed part of a record takes at most */
#define CACHE_SLOTS 4096U
#define CLASSES_MAX (1U << 17) /* each worker counts for all of them */
#define WORKERS_BYTES_MAX (64U << 20) /* of the counts of all workers; where they would take more, one does the work */
#define RUNS_FLOOR 64U        /* of a batch; and one more per so many bytes */
#define RUN_BYTES_SHIFT 14U

/* What one batch yields. */
struct found {
    HA_VEC(struct ha_sample) samples;
    ha_runs runs;
    ha_build_roots roots;
    HA_VEC(uint64_t) chunks;
    struct ha_overlap overlap;
};

struct worker {
    struct ha_window window;
    struct ha_tallies tallies;
    struct {
        uint64_t class_id;
        struct ha_tally *tally;
    } cache[CACHE_SLOTS];
    struct ha_tally *primitives[16]; /* by element type */
    uint64_t gcd;                    /* of all addresses it met */
    /* where it is in its batch */
    uint64_t last;         /* address of the last object */
    uint64_t bound;        /* objects below need no look at pages and class objects */
    struct ha_tally *open; /* of the last object if its distance to the next is wanted */
    uint32_t open_length;
    uint32_t next_class;  /* the first class object behind it */
    bool in_run, in_sample;
    char pad[64];
};

struct count {
    struct ha_build *build;
    struct found *found; /* per batch */
    struct worker *workers;
    struct ha_class_objects class_objects;
    unsigned threads; /* that have room for tallies */
    bool *chunks;     /* per class: StackChunk */
    _Atomic(bool) odd;
};

/* An address with any of these bits is not aligned as all so far were. */
static uint64_t unaligned_bits(uint64_t gcd)
{
    return gcd != 0 && (gcd & (gcd - 1)) == 0 ? gcd - 1 : UINT64_MAX;
}

/* ---- what is usual ---- */

/* A record as the loop sees it. */
struct usual {
    struct ha_tally *tally;
    uint64_t end;
    uint32_t length;
};

HA_INLINE bool is_usual_instance(struct worker *w, const uint8_t *p, uint64_t off, unsigned id_size, struct usual *ret)
{
    uint64_t class_id = ha_sub_id(p + 5 + id_size, id_size);
    size_t slot = (class_id >> 3 ^ class_id >> 15) % CACHE_SLOTS;
    ret->length = ha_be32(p + 5 + 2 * id_size);
    ret->tally = w->cache[slot].tally;
    ret->end = off + 9 + 2 * id_size + ret->length;
    return w->cache[slot].class_id == class_id && ret->tally != NULL && ret->tally->payload == ret->length;
}

HA_INLINE bool is_usual_object_array(struct worker *w, const uint8_t *p, uint64_t off, unsigned id_size, struct usual *ret)
{
    uint64_t class_id = ha_sub_id(p + 9 + id_size, id_size);
    size_t slot = (class_id >> 3 ^ class_id >> 15) % CACHE_SLOTS;
    ret->length = ha_be32(p + 5 + id_size);
    ret->tally = w->cache[slot].tally;
    ret->end = off + 9 + 2 * id_size + (uint64_t)ret->length * id_size;
    return w->cache[slot].class_id == class_id && ret->tally != NULL && ret->tally->array != HA_NONE;
}

HA_INLINE bool is_usual_primitive_array(struct worker *w, const uint8_t *p, uint64_t off, unsigned id_size, struct usual *ret)
{
    /*                                  -  -  -  -  Z  C  F  D  B  S  I  J  -  -  -  - */
    static const uint8_t shifts[16] = {0, 0, 0, 0, 0, 1, 2, 3, 0, 1, 2, 3, 0, 0, 0, 0};
    uint8_t type = p[9 + id_size];
    ret->length = ha_be32(p + 5 + id_size);
    ret->tally = w->primitives[type & 15];
    ret->end = off + 10 + id_size + ((uint64_t)ret->length << shifts[type & 15]);
    return type < 16 && ret->tally != NULL && ret->length != UINT32_MAX;
}

/* Goes on while everything is usual, from *off; to `limit` at most, which leaves ROOM in the window. */
HA_INLINE void count_usual(struct worker *w, struct found *found, uint64_t *off, uint64_t limit, uint64_t seg_end, unsigned id_size)
{
    const uint8_t *const data = w->window.data;
    const uint64_t start = w->window.start, bound = w->bound, unaligned = unaligned_bits(w->gcd);
    uint64_t at = *off, last = w->last;
    struct ha_tally *open = w->open;
    uint32_t open_length = w->open_length;
    while (at < limit) {
        const uint8_t *p = data + (at - start);
        struct usual u;
        uint64_t id = ha_sub_id(p + 1, id_size);
        __builtin_prefetch(p + AHEAD_BYTES);
        if (HA_UNLIKELY(id <= last || id >= bound || (id & unaligned) != 0)) {
            break;
        }
        uint8_t tag = p[0];
        if (HA_LIKELY(tag == HA_SUB_INSTANCE)) {
            if (HA_UNLIKELY(!is_usual_instance(w, p, at, id_size, &u) || u.end > seg_end)) {
                break;
            }
        } else if (tag == HA_SUB_PRIM_ARRAY) {
            if (HA_UNLIKELY(!is_usual_primitive_array(w, p, at, id_size, &u) || u.end > seg_end)) {
                break;
            }
            ha_tally_add_length(&w->tallies, u.tally, u.length);
        } else if (tag == HA_SUB_OBJ_ARRAY) {
            if (HA_UNLIKELY(!is_usual_object_array(w, p, at, id_size, &u) || u.end > seg_end || found->overlap.first == 0)) {
                break;
            }
            ha_tally_add_length(&w->tallies, u.tally, u.length);
            ha_overlap_note_next(&found->overlap, id, u.length);
        } else {
            break;
        }
        u.tally->instances++;
        if (HA_UNLIKELY(open != NULL)) {
            ha_tally_add_gap(&w->tallies, open, last, open_length, id);
        }
        open = ha_tally_if_wanted(u.tally, id);
        open_length = u.length;
        last = id;
        at = u.end;
    }
    *off = at;
    w->last = last;
    w->open = open;
    w->open_length = open_length;
}

/* ---- all else ---- */

/* Up to where the usual is usual. */
static uint64_t find_bound(const struct count *c, const struct worker *w, uint64_t address)
{
    uint64_t page_end = (ha_page_of(address) + 1) << HA_PAGE_ADDRESS_BITS;
    uint64_t class_object = w->next_class < c->class_objects.count ? c->class_objects.ids[w->next_class] : UINT64_MAX;
    return page_end > address && page_end < class_object ? page_end : class_object;
}

static void end_run(struct worker *w, struct found *found)
{
    if (w->in_run) {
        struct ha_run *run = &found->runs.data[found->runs.count - 1];
        run->last = (struct ha_run_last){w->last, w->open == NULL ? HA_NONE : w->open->cls, w->open_length};
    }
    w->in_run = w->in_sample = false;
    w->open = NULL;
}

static struct ha_err *begin_run(const struct count *c, struct worker *w, struct found *found, uint64_t address)
{
    end_run(w, found);
    struct ha_run *run = ha_vec_push(&found->runs);
    if (run == NULL) {
        return ha_err_nomem();
    }
    *run = (struct ha_run){.first = address, .pages = 1, .regions = 1};
    w->in_run = true;
    w->next_class = ha_class_objects_from(&c->class_objects, address);
    return NULL;
}

/* The run goes on: class objects that lie between this object and the one before. */
static void go_on(struct count *c, struct worker *w, struct found *found, uint64_t address)
{
    uint64_t next = address;
    struct ha_run *run = &found->runs.data[found->runs.count - 1];
    for (; w->next_class < c->class_objects.count && c->class_objects.ids[w->next_class] < address; w->next_class++) {
        next = next == address ? c->class_objects.ids[w->next_class] : next;
        atomic_store_explicit(&c->class_objects.next[w->next_class], address, memory_order_relaxed);
    }
    if (w->open != NULL) {
        ha_tally_add_gap(&w->tallies, w->open, w->last, w->open_length, next);
    }
    run->pages += ha_page_of(address) != ha_page_of(w->last);
    run->regions += ha_region_of(address) != ha_region_of(w->last);
}

/* The tally of the class of a record; NULL: there is something odd about it. */
static struct ha_tally *tally_of(struct count *c, struct worker *w, const struct ha_sub *sub)
{
    const struct ha_build *build = c->build;
    if (sub->tag == HA_SUB_PRIM_ARRAY) {
        return sub->count == UINT32_MAX ? NULL : w->primitives[sub->type & 15];
    }
    uint32_t number = ha_build_class_of(build, sub->class_id);
    if (number == HA_NONE || number >= w->tallies.class_count) {
        return NULL;
    }
    const struct ha_build_class *cls = &build->classes.data[number];
    bool array = sub->tag == HA_SUB_OBJ_ARRAY;
    if (cls->kind != (array ? HA_CLASS_OBJECT_ARRAY : HA_CLASS_INSTANCE) || (!array && sub->count != cls->payload_bytes)) {
        return NULL;
    }
    size_t slot = (sub->class_id >> 3 ^ sub->class_id >> 15) % CACHE_SLOTS;
    w->cache[slot].class_id = sub->class_id;
    w->cache[slot].tally = &w->tallies.classes[number];
    return w->cache[slot].tally;
}

static struct ha_err *begin_sample(struct worker *w, struct found *found, const struct ha_sub *sub)
{
    struct ha_sample *sample = w->in_sample ? &found->samples.data[found->samples.count - 1] : NULL;
    if (sample == NULL || sub->off - sample->off >= SAMPLE_BYTES) {
        sample = ha_vec_push(&found->samples);
        if (sample == NULL) {
            return ha_err_nomem();
        }
        *sample = (struct ha_sample){.address = sub->id, .off = sub->off};
        w->in_sample = true;
    }
    sample->end = sub->end;
    return NULL;
}

static struct ha_err *on_object(struct count *c, struct worker *w, struct found *found, const struct ha_sub *sub, bool *ret_odd)
{
    w->gcd = ha_build_gcd(w->gcd, sub->id);
    *ret_odd = true;
    struct ha_tally *tally = tally_of(c, w, sub);
    if (tally == NULL || sub->id == 0 || w->gcd % 8 != 0 || (w->in_run && sub->id == w->last)) {
        return NULL;
    }
    if (w->in_run && sub->id > w->last && ha_page_of(sub->id) - ha_page_of(w->last) <= 1) {
        go_on(c, w, found, sub->id);
    } else {
        HA_TRY(begin_run(c, w, found, sub->id));
    }
    if (w->next_class < c->class_objects.count && c->class_objects.ids[w->next_class] == sub->id) {
        return NULL;
    }
    if (c->chunks[tally->cls]) {
        uint64_t *chunk = ha_vec_push(&found->chunks);
        if (chunk == NULL) {
            return ha_err_nomem();
        }
        *chunk = sub->off;
    }
    if (tally->array != HA_NONE) {
        ha_tally_add_length(&w->tallies, tally, sub->count);
    }
    if (sub->tag == HA_SUB_OBJ_ARRAY) {
        ha_overlap_note(&found->overlap, sub->id, sub->count);
    }
    tally->instances++;
    w->open = ha_tally_if_wanted(tally, sub->id);
    w->open_length = sub->count;
    w->last = sub->id;
    w->bound = find_bound(c, w, sub->id);
    *ret_odd = false;
    return begin_sample(w, found, sub);
}

/* One record of any kind at *off. */
static struct ha_err *step(struct count *c, struct worker *w, struct found *found, uint64_t seg_end, uint64_t *off, bool *ret_odd)
{
    const unsigned id_size = c->build->facts.id_size;
    struct ha_sub sub;
    *ret_odd = ha_sub_read(&w->window, *off, seg_end, id_size, &sub) != HA_SUB_OK;
    if (*ret_odd) {
        return NULL;
    }
    if (sub.tag == HA_SUB_INSTANCE || sub.tag == HA_SUB_OBJ_ARRAY || sub.tag == HA_SUB_PRIM_ARRAY) {
        HA_TRY(on_object(c, w, found, &sub, ret_odd));
    } else if (sub.tag == HA_SUB_CLASS) {
        struct ha_class_dump dump;
        uint32_t number = ha_build_class_of(c->build, sub.id);
        bool known = number != HA_NONE && c->build->classes.data[number].record == sub.off;
        *ret_odd = !known || ha_class_dump_read(&w->window, sub.off, seg_end, id_size, &dump) != HA_SUB_OK;
        sub.end = *ret_odd ? sub.end : dump.end;
    } else if (ha_sub_root_bytes(sub.tag, id_size) != 0) {
        HA_TRY(ha_build_roots_add(&found->roots, &sub));
    } else {
        *ret_odd = sub.tag != HA_SUB_HEAP_INFO;
    }
    *off = sub.end;
    return NULL;
}

HA_INLINE struct ha_err *count_segment(struct count *c, struct worker *w, struct found *found, const struct ha_batch_walk *walk, unsigned id_size, bool *ret_odd)
{
    w->in_sample = false;
    for (uint64_t off = walk->off; off < walk->seg_end;) {
        HA_TRY(step(c, w, found, walk->seg_end, &off, ret_odd));
        if (*ret_odd) {
            return NULL;
        }
        if (w->in_run && w->in_sample) {
            struct ha_sample *sample = &found->samples.data[found->samples.count - 1];
            uint64_t limit = sample->off + SAMPLE_BYTES, ready = w->window.end < ROOM ? 0 : w->window.end - ROOM;
            limit = limit < walk->seg_end ? limit : walk->seg_end;
            const uint64_t before = off;
            count_usual(w, found, &off, limit < ready ? limit : ready, walk->seg_end, id_size);
            sample->end = off > before ? off : sample->end; /* records of other kinds do not make it longer: there may be any number of them */
        }
    }
    return NULL;
}

static struct ha_err *count_batch(void *ctx, unsigned worker, uint64_t index)
{
    struct count *c = ctx;
    struct worker *w = &c->workers[worker];
    struct found *found = &c->found[index];
    const struct ha_batch *batch = &c->build->batches.data[index];
    const uint64_t runs_most = RUNS_FLOOR + ((batch->end - batch->off) >> RUN_BYTES_SHIFT);
    struct ha_batch_walk walk;
    bool odd = batch->guessed;
    w->in_run = false;
    ha_batch_walk_begin(batch, &w->window, &walk);
    while (!odd && !atomic_load_explicit(&c->odd, memory_order_relaxed) && ha_batch_walk_segment(&walk)) {
        HA_TRY(c->build->facts.id_size == 8 ? count_segment(c, w, found, &walk, 8, &odd) : count_segment(c, w, found, &walk, 4, &odd));
        odd = odd || found->runs.count > runs_most;
    }
    end_run(w, found);
    if (odd) {
        atomic_store(&c->odd, true);
    }
    ha_progress_step(c->build->progress, batch->end - batch->off);
    return ha_window_error(&w->window);
}

/* ---- setting up ---- */

static struct ha_err *find_chunks(struct count *c)
{
    const struct ha_build *build = c->build;
    c->chunks = ha_calloc_array(build->classes.count + 1, sizeof *c->chunks);
    if (c->chunks == NULL) {
        return ha_err_nomem();
    }
    for (size_t i = 0; i < build->classes.count; i++) {
        c->chunks[i] = strcmp(build->classes.data[i].name, "jdk.internal.vm.StackChunk") == 0;
    }
    return NULL;
}

static void workers_free(struct worker *workers, unsigned count)
{
    for (unsigned i = 0; workers != NULL && i < count; i++) {
        ha_window_deinit(&workers[i].window);
        ha_tallies_deinit(&workers[i].tallies);
    }
    ha_free(workers);
}

static struct ha_err *workers_create(struct count *c)
{
    const struct ha_build *build = c->build;
    c->threads = ha_tallies_bytes(build) <= WORKERS_BYTES_MAX / build->threads ? build->threads : 1;
    c->workers = ha_calloc_array(c->threads, sizeof *c->workers);
    if (c->workers == NULL) {
        return ha_err_nomem();
    }
    for (unsigned i = 0; i < c->threads; i++) {
        struct worker *w = &c->workers[i];
        ha_window_init(&w->window, build->input, HA_WINDOW_STREAM);
        HA_TRY(ha_tallies_init(&w->tallies, build, c->chunks));
        w->gcd = c->class_objects.gcd;
        for (unsigned type = 0; type < 12; type++) {
            uint32_t cls = build->primitive_arrays[type];
            w->primitives[type] = cls == HA_NONE ? NULL : &w->tallies.classes[cls];
        }
    }
    return NULL;
}

/* ---- putting together ---- */

static int compare_samples(const void *a, const void *b)
{
    const struct ha_sample *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

/* What the batches found, in their order. */
static struct ha_err *merge_batches(const struct count *c, struct ha_counted *ret)
{
    struct ha_overlap overlap = {0};
    uint64_t before = 0;
    bool ascend = true;
    for (size_t b = 0; b < c->build->batches.count; b++) {
        struct found *found = &c->found[b];
        ha_overlap_append(&overlap, &found->overlap);
        HA_TRY(ha_build_roots_move(&ret->roots, &found->roots));
        if (!ha_vec_append(&ret->samples, &found->samples) ||
            !ha_vec_append(&ret->chunks, &found->chunks)) {
            return ha_err_nomem();
        }
        for (size_t i = 0; i < found->samples.count; i++) {
            ascend = ascend && found->samples.data[i].address > before;
            before = found->samples.data[i].address;
        }
    }
    ret->overlap = overlap.found;
    if (!ascend) {
        qsort(ret->samples.data, ret->samples.count, sizeof *ret->samples.data, compare_samples);
    }
    return NULL;
}

/* All runs, ascending. */
static struct ha_err *collect_runs(const struct count *c, ha_runs *ret)
{
    for (size_t b = 0; b < c->build->batches.count; b++) {
        if (!ha_vec_append(ret, &c->found[b].runs)) {
            return ha_err_nomem();
        }
    }
    ha_runs_sort(ret);
    return NULL;
}

/* What all workers counted, in the first one's tallies. */
static struct ha_err *put_counts(struct count *c, const ha_runs *runs, struct ha_counted *ret)
{
    struct ha_tallies *all = &c->workers[0].tallies;
    ret->counts = ha_calloc_array(1, sizeof *ret->counts);
    if (ret->counts == NULL) {
        return ha_err_nomem();
    }
    ret->gcd = c->class_objects.gcd;
    for (unsigned i = 0; i < c->threads; i++) {
        ret->gcd = ha_build_gcd(ret->gcd, c->workers[i].gcd);
    }
    for (unsigned i = 1; i < c->threads; i++) {
        ha_tallies_merge(all, &c->workers[i].tallies);
    }
    ha_runs_close(runs, &c->class_objects, all);
    HA_TRY(ha_tallies_put(all, c->build, ret->counts));
    ha_runs_close_classes(runs, &c->class_objects, c->build, &ret->counts->gaps);
    ret->highest = runs->count > 0 ? runs->data[runs->count - 1].last.address : 0;
    return NULL;
}

static struct ha_err *finish(struct count *c, struct ha_counted *ret, bool *ret_regular)
{
    ha_runs runs = {0};
    struct ha_err *err = collect_runs(c, &runs);
    bool regular = err == NULL && ha_runs_are_apart(&runs, &c->class_objects);
    if (regular) {
        err = put_counts(c, &runs, ret);
    }
    if (regular && err == NULL) {
        regular = unaligned_bits(ret->gcd) < HA_COUNTED_ALIGNMENT_MAX && ret->gcd >= 8 &&
                  ha_runs_are_dense(&runs, &c->class_objects, ret->counts->objects, c->build->facts.dump_bytes);
        err = merge_batches(c, ret);
    }
    *ret_regular = regular;
    ha_vec_deinit(&runs);
    return err;
}

static void count_deinit(struct count *c)
{
    for (size_t b = 0; c->found != NULL && b < c->build->batches.count; b++) {
        ha_vec_deinit(&c->found[b].samples);
        ha_vec_deinit(&c->found[b].runs);
        ha_build_roots_deinit(&c->found[b].roots);
        ha_vec_deinit(&c->found[b].chunks);
    }
    workers_free(c->workers, c->threads);
    ha_free(c->found);
    ha_class_objects_deinit(&c->class_objects);
    ha_free(c->chunks);
}

struct ha_err *ha_count_run(struct ha_build *build, struct ha_counted *ret, bool *ret_regular)
{
    struct count c = {.build = build};
    *ret_regular = false;
    if (build->damages.count > 0 || build->end_missing || build->classes.count > CLASSES_MAX || build->class_class == HA_NONE) {
        return NULL;
    }
    struct ha_err *err = ha_class_objects_init(&c.class_objects, build);
    if (err == NULL) {
        err = find_chunks(&c);
    }
    if (err == NULL) {
        err = workers_create(&c);
    }
    if (err == NULL) {
        c.found = ha_calloc_array(build->batches.count + 1, sizeof *c.found);
        err = c.found == NULL ? ha_err_nomem() : NULL;
    }
    if (err == NULL) {
        ha_progress_begin(build->progress, "count", build->heap_bytes);
        err = ha_parallel_for(c.threads, build->batches.count, count_batch, &c);
        ha_progress_end(build->progress);
    }
    if (err == NULL && !atomic_load(&c.odd)) {
        err = finish(&c, ret, ret_regular);
    }
    count_deinit(&c);
    return err;
}
