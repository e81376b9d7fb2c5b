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
 * but for some descents, so each batch is some ascending runs, and all is well if no two runs overlap. A run also ends where a page or more is
 * left out: several threads of a JVM that share in the dumping take turns at regions of the heap.
 *
 *     runs       [0x100000 … 0x14fff8]  [0x900000 … 0x90aff0]  [0x200000 … 0x24fff8]
 *
 * The same order tells how far it is from an object to the next (heap_gaps.h): that is the next record, or a class object that lies between, whose
 * addresses are known. For the last object of a run that is found out when all runs are there.
 */
#include "heap/heap_count.h"

#include "ha/base/pool.h"
#include "heap/heap_overlap.h"

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

/* One worker's count of a class; together with neither the size of the class nor its name, or it would take two cache lines. */
struct tally {
    uint64_t instances;
    uint64_t payload; /* bytes of values of each instance; UINT64_MAX: step() has to look */
    uint32_t cls;
    uint32_t array;   /* index in arrays; HA_NONE: its objects are instances */
    struct ha_gap gaps[2]; /* behind sampled objects; behind all others while there are few */
};

struct array_tally {
    struct ha_array_count count;
    struct ha_gap_arrays gaps[2];
    uint32_t element_bytes; /* 0: references */
};

struct tallies {
    struct tally *classes;
    struct array_tally *arrays;
};

/* An object whose distance to the next is not known yet. */
struct last {
    uint64_t address;
    uint32_t cls; /* HA_NONE: it does not matter */
    uint32_t length;
};

/* Records whose addresses ascend. */
struct run {
    uint64_t first;
    struct last last;
    uint64_t pages, regions; /* that its objects lie in */
};

struct found {
    HA_VEC(struct ha_sample) samples;
    HA_VEC(struct run) runs;
    ha_build_roots roots;
    HA_VEC(uint64_t) chunks;
    struct ha_overlap overlap;
};

struct worker {
    struct ha_window window;
    struct tallies tallies;
    struct {
        uint64_t class_id;
        struct tally *tally;
    } cache[CACHE_SLOTS];
    struct tally *primitives[16]; /* by element type */
    uint64_t gcd;                 /* of all addresses it met */
    /* where it is in its batch */
    uint64_t last;         /* address of the last object */
    uint64_t bound;        /* objects below need no look at pages and class objects */
    struct tally *open;    /* of the last object if its distance to the next is wanted */
    uint32_t open_length;
    uint32_t next_class;   /* in class_ids */
    bool in_run, in_sample;
    char pad[64];
};

struct count {
    struct ha_build *build;
    struct found *found; /* per batch */
    struct worker *workers;
    uint64_t *class_ids;            /* ascending */
    _Atomic(uint64_t) *class_next;  /* the next record behind each, 0: not in the middle of a run */
    uint32_t class_count;
    uint32_t *array_of;             /* per class: index of its arrays */
    uint32_t array_count;
    unsigned threads;               /* that have room for tallies */
    uint64_t class_gcd;
    bool *chunks;                   /* per class: StackChunk; NULL: there is none */
    _Atomic(bool) odd;
};

/* An address with any of these bits is not aligned as all so far were. */
static uint64_t unaligned_bits(uint64_t gcd)
{
    return gcd != 0 && (gcd & (gcd - 1)) == 0 ? gcd - 1 : UINT64_MAX;
}

static bool is_sampled(uint64_t address)
{
    return (address & HA_GAP_SAMPLE_MASK) == 0;
}

static uint64_t page_of(uint64_t address)
{
    return address >> HA_PAGE_ADDRESS_BITS;
}

static uint64_t region_of(uint64_t address)
{
    return address >> HA_REGION_ADDRESS_BITS;
}

/* As ha_gap_after() tells it. next 0: there is none. */
static uint32_t distance(uint64_t address, uint64_t next)
{
    return next == 0 || page_of(next) - page_of(address) > 1 ? HA_GAP_NONE : (uint32_t)(next - address);
}

static void add_gap(struct tallies *tallies, struct tally *tally, uint64_t address, uint32_t length, uint64_t next)
{
    unsigned kind = is_sampled(address) ? 0 : 1;
    if (tally->array == HA_NONE) {
        ha_gap_add(&tally->gaps[kind], distance(address, next));
    } else {
        struct array_tally *array = &tallies->arrays[tally->array];
        ha_gap_arrays_add(&array->gaps[kind], distance(address, next), length, array->element_bytes);
    }
}

HA_INLINE struct tally *if_wanted(struct tally *tally, uint64_t address)
{
    return HA_UNLIKELY(is_sampled(address) || tally->instances <= HA_GAP_ALL_MAX) ? tally : NULL;
}

HA_INLINE void add_length(struct tallies *tallies, const struct tally *tally, uint32_t length)
{
    struct ha_array_count *count = &tallies->arrays[tally->array].count;
    count->elements += length;
    count->lengths[length % HA_LENGTHS_MODULO]++;
}

/* ---- what is usual ---- */

/* A record as the loop sees it. */
struct usual {
    struct tally *tally;
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
    struct tally *open = w->open;
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
            add_length(&w->tallies, u.tally, u.length);
        } else if (tag == HA_SUB_OBJ_ARRAY) {
            if (HA_UNLIKELY(!is_usual_object_array(w, p, at, id_size, &u) || u.end > seg_end || found->overlap.first == 0)) {
                break;
            }
            add_length(&w->tallies, u.tally, u.length);
            ha_overlap_note_next(&found->overlap, id, u.length);
        } else {
            break;
        }
        u.tally->instances++;
        if (HA_UNLIKELY(open != NULL)) {
            add_gap(&w->tallies, open, last, open_length, id);
        }
        open = if_wanted(u.tally, id);
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

static uint32_t first_class_from(const struct count *c, uint64_t address)
{
    uint32_t low = 0, high = c->class_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->class_ids[middle] < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Up to where the usual is usual. */
static uint64_t find_bound(const struct count *c, const struct worker *w, uint64_t address)
{
    uint64_t page_end = (page_of(address) + 1) << HA_PAGE_ADDRESS_BITS, class_id = w->next_class < c->class_count ? c->class_ids[w->next_class] : UINT64_MAX;
    return page_end > address && page_end < class_id ? page_end : class_id;
}

static void end_run(struct worker *w, struct found *found)
{
    if (w->in_run) {
        struct run *run = &found->runs.data[found->runs.count - 1];
        run->last = (struct last){w->last, w->open == NULL ? HA_NONE : w->open->cls, w->open_length};
    }
    w->in_run = w->in_sample = false;
    w->open = NULL;
}

static struct ha_err *begin_run(const struct count *c, struct worker *w, struct found *found, uint64_t address)
{
    end_run(w, found);
    struct run *run = ha_vec_push(&found->runs);
    if (run == NULL) {
        return ha_err_nomem();
    }
    *run = (struct run){.first = address, .pages = 1, .regions = 1};
    w->in_run = true;
    w->next_class = first_class_from(c, address);
    return NULL;
}

/* The run goes on: class objects that lie between this object and the one before. */
static void go_on(struct count *c, struct worker *w, struct found *found, uint64_t address)
{
    uint64_t next = address;
    struct run *run = &found->runs.data[found->runs.count - 1];
    for (; w->next_class < c->class_count && c->class_ids[w->next_class] < address; w->next_class++) {
        next = next == address ? c->class_ids[w->next_class] : next;
        atomic_store_explicit(&c->class_next[w->next_class], address, memory_order_relaxed);
    }
    if (w->open != NULL) {
        add_gap(&w->tallies, w->open, w->last, w->open_length, next);
    }
    run->pages += page_of(address) != page_of(w->last);
    run->regions += region_of(address) != region_of(w->last);
}

/* The tally of the class of a record; NULL: there is something odd about it. */
static struct tally *tally_of(struct count *c, struct worker *w, const struct ha_sub *sub)
{
    const struct ha_build *build = c->build;
    if (sub->tag == HA_SUB_PRIM_ARRAY) {
        return sub->count == UINT32_MAX ? NULL : w->primitives[sub->type & 15];
    }
    uint32_t number = ha_build_class_of(build, sub->class_id);
    if (number == HA_NONE || number >= c->class_count) {
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
    struct tally *tally = tally_of(c, w, sub);
    if (tally == NULL || sub->id == 0 || w->gcd % 8 != 0 || (w->in_run && sub->id == w->last)) {
        return NULL;
    }
    if (w->in_run && sub->id > w->last && page_of(sub->id) - page_of(w->last) <= 1) {
        go_on(c, w, found, sub->id);
    } else {
        HA_TRY(begin_run(c, w, found, sub->id));
    }
    if (w->next_class < c->class_count && c->class_ids[w->next_class] == sub->id) {
        return NULL;
    }
    if (c->chunks != NULL && c->chunks[tally->cls]) {
        uint64_t *chunk = ha_vec_push(&found->chunks);
        if (chunk == NULL) {
            return ha_err_nomem();
        }
        *chunk = sub->off;
    }
    if (tally->array != HA_NONE) {
        add_length(&w->tallies, tally, sub->count);
    }
    if (sub->tag == HA_SUB_OBJ_ARRAY) {
        ha_overlap_note(&found->overlap, sub->id, sub->count);
    }
    tally->instances++;
    w->open = if_wanted(tally, sub->id);
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

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The addresses of the class objects, and which classes are of arrays. */
static struct ha_err *list_classes(struct count *c)
{
    const struct ha_build *build = c->build;
    c->class_count = (uint32_t)build->classes.count;
    c->class_ids = ha_alloc_array((size_t)c->class_count + 1, sizeof *c->class_ids);
    c->class_next = ha_calloc_array((size_t)c->class_count + 1, sizeof *c->class_next);
    c->array_of = ha_alloc_array((size_t)c->class_count + 1, sizeof *c->array_of);
    c->chunks = ha_calloc_array((size_t)c->class_count + 1, sizeof *c->chunks);
    if (c->class_ids == NULL || c->class_next == NULL || c->array_of == NULL || c->chunks == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t i = 0; i < c->class_count; i++) {
        const struct ha_build_class *cls = &build->classes.data[i];
        c->class_ids[i] = cls->id;
        c->class_gcd = ha_build_gcd(c->class_gcd, cls->id);
        c->array_of[i] = cls->kind == HA_CLASS_INSTANCE ? HA_NONE : c->array_count++;
        c->chunks[i] = strcmp(cls->name, "jdk.internal.vm.StackChunk") == 0;
    }
    qsort(c->class_ids, c->class_count, sizeof *c->class_ids, compare_u64);
    return NULL;
}

static void tallies_deinit(struct tallies *tallies)
{
    ha_free(tallies->classes);
    ha_free(tallies->arrays);
}

static struct ha_err *tallies_init(const struct count *c, struct tallies *tallies)
{
    tallies->classes = ha_calloc_array((size_t)c->class_count + 1, sizeof *tallies->classes);
    tallies->arrays = ha_calloc_array((size_t)c->array_count + 1, sizeof *tallies->arrays);
    if (tallies->classes == NULL || tallies->arrays == NULL) {
        return ha_err_nomem();
    }
    const struct ha_gap none = {.smallest = HA_GAP_NONE, .object = HA_GAP_NONE};
    for (uint32_t i = 0; i < c->class_count; i++) {
        const struct ha_build_class *cls = &c->build->classes.data[i];
        bool look = cls->kind != HA_CLASS_INSTANCE || c->chunks[i];
        tallies->classes[i] = (struct tally){.payload = look ? UINT64_MAX : cls->payload_bytes, .cls = i, .array = c->array_of[i], .gaps = {none, none}};
        if (c->array_of[i] != HA_NONE) {
            tallies->arrays[c->array_of[i]] = (struct array_tally){
                .count = {.cls = i}, .gaps = {ha_gap_arrays_none, ha_gap_arrays_none},
                .element_bytes = cls->kind == HA_CLASS_OBJECT_ARRAY ? 0 : ha_type_bytes((enum ha_type)cls->element_type, 4)};
        }
    }
    return NULL;
}

static void workers_free(struct worker *workers, unsigned count)
{
    for (unsigned i = 0; workers != NULL && i < count; i++) {
        ha_window_deinit(&workers[i].window);
        tallies_deinit(&workers[i].tallies);
    }
    ha_free(workers);
}

static struct ha_err *workers_create(struct count *c)
{
    const struct ha_build *build = c->build;
    const size_t bytes = (size_t)c->class_count * sizeof(struct tally) + (size_t)c->array_count * sizeof(struct array_tally);
    c->threads = bytes <= WORKERS_BYTES_MAX / build->threads ? build->threads : 1;
    c->workers = ha_calloc_array(c->threads, sizeof *c->workers);
    if (c->workers == NULL) {
        return ha_err_nomem();
    }
    for (unsigned i = 0; i < c->threads; i++) {
        struct worker *w = &c->workers[i];
        ha_window_init(&w->window, build->input, HA_WINDOW_RANDOM);
        HA_TRY(tallies_init(c, &w->tallies));
        w->gcd = c->class_gcd;
        for (unsigned type = 0; type < 12; type++) {
            uint32_t cls = build->primitive_arrays[type];
            w->primitives[type] = cls == HA_NONE ? NULL : &w->tallies.classes[cls];
        }
    }
    return NULL;
}

/* ---- putting together ---- */

/* Adds up what the workers counted, in the first one's tallies. */
static void merge_workers(struct count *c)
{
    struct tallies *to = &c->workers[0].tallies;
    for (unsigned i = 1; i < c->threads; i++) {
        const struct tallies *from = &c->workers[i].tallies;
        for (uint32_t k = 0; k < c->class_count; k++) {
            to->classes[k].instances += from->classes[k].instances;
            ha_gap_merge(&to->classes[k].gaps[0], &from->classes[k].gaps[0]);
            ha_gap_merge(&to->classes[k].gaps[1], &from->classes[k].gaps[1]);
        }
        for (uint32_t k = 0; k < c->array_count; k++) {
            to->arrays[k].count.elements += from->arrays[k].count.elements;
            for (unsigned r = 0; r < HA_LENGTHS_MODULO; r++) {
                to->arrays[k].count.lengths[r] += from->arrays[k].count.lengths[r];
            }
            ha_gap_arrays_merge(&to->arrays[k].gaps[0], &from->arrays[k].gaps[0]);
            ha_gap_arrays_merge(&to->arrays[k].gaps[1], &from->arrays[k].gaps[1]);
        }
    }
}

typedef HA_VEC(struct run) run_list;

static int compare_runs(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* All runs, ascending. */
static struct ha_err *collect_runs(const struct count *c, run_list *runs)
{
    for (size_t b = 0; b < c->build->batches.count; b++) {
        const struct found *found = &c->found[b];
        if (!ha_vec_reserve(runs, found->runs.count)) {
            return ha_err_nomem();
        }
        for (size_t i = 0; i < found->runs.count; i++) {
            runs->data[runs->count++] = found->runs.data[i];
        }
    }
    if (runs->count > 1) {
        qsort(runs->data, runs->count, sizeof *runs->data, compare_runs);
    }
    return NULL;
}

/* Whether each address is that of one object. */
static bool are_apart(const struct count *c, const run_list *runs)
{
    for (size_t i = 1; i < runs->count; i++) {
        if (runs->data[i].first <= runs->data[i - 1].last.address) {
            return false;
        }
    }
    for (uint32_t i = 1; i < c->class_count; i++) {
        if (c->class_ids[i] == c->class_ids[i - 1]) {
            return false;
        }
    }
    return true;
}

/* Pages and regions that the addresses lie in, as far as is known: those of class objects may be those of records. */
static bool are_dense(const struct count *c, const run_list *runs, uint64_t objects)
{
    uint64_t pages = 0, regions = 0, class_pages = 0, class_regions = 0, first = UINT64_MAX, last = 0, before = UINT64_MAX;
    for (size_t i = 0; i < runs->count; i++) {
        const struct run *run = &runs->data[i];
        pages += run->pages - (before != UINT64_MAX && page_of(run->first) == page_of(before));
        regions += run->regions - (before != UINT64_MAX && region_of(run->first) == region_of(before));
        before = run->last.address;
        first = run->first < first ? run->first : first;
        last = before > last ? before : last;
    }
    before = UINT64_MAX;
    for (uint32_t i = 0; i < c->class_count; i++) {
        uint64_t id = c->class_ids[i];
        class_pages += before == UINT64_MAX || page_of(id) != page_of(before);
        class_regions += before == UINT64_MAX || region_of(id) != region_of(before);
        before = id;
        first = id < first ? id : first;
        last = id > last ? id : last;
    }
    return ha_addresses_are_dense(pages, pages + class_pages, regions + class_regions, page_of(last) - page_of(first) + 1, objects,
                                  c->build->facts.dump_bytes);
}

static uint64_t nearer(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Distances behind the last objects of the runs. */
static void close_runs(const struct count *c, const run_list *runs)
{
    struct tallies *tallies = &c->workers[0].tallies;
    for (size_t i = 0; i < runs->count; i++) {
        const struct last *last = &runs->data[i].last;
        uint32_t at = first_class_from(c, last->address);
        uint64_t next = nearer(i + 1 < runs->count ? runs->data[i + 1].first : 0, at < c->class_count ? c->class_ids[at] : 0);
        if (last->cls != HA_NONE) {
            add_gap(tallies, &tallies->classes[last->cls], last->address, last->length, next);
        }
    }
}

/* The next record behind a class object that lies in no run. */
static uint64_t first_run_from(const run_list *runs, uint64_t address)
{
    size_t low = 0, high = runs->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (runs->data[middle].first < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < runs->count ? runs->data[low].first : 0;
}

/* Distances behind class objects. */
static void close_classes(struct count *c, const run_list *runs, struct ha_gaps *gaps)
{
    for (uint32_t i = 0; i < c->class_count; i++) {
        uint64_t id = c->class_ids[i], next = atomic_load_explicit(&c->class_next[i], memory_order_relaxed);
        next = nearer(next != 0 ? next : first_run_from(runs, id), i + 1 < c->class_count ? c->class_ids[i + 1] : 0);
        gaps->classes[ha_build_class_of(c->build, id)].object = distance(id, next);
    }
}

/* Of classes with many instances only what lies at sampled addresses counts. */
static void put_gaps(const struct count *c, struct ha_gaps *gaps)
{
    const struct tallies *tallies = &c->workers[0].tallies;
    for (uint32_t i = 0; i < c->class_count; i++) {
        const struct tally *tally = &tallies->classes[i];
        for (unsigned kind = 0; kind < (tally->instances <= HA_GAP_ALL_MAX ? 2 : 1); kind++) {
            if (tally->array == HA_NONE) {
                ha_gap_merge(&gaps->classes[i], &tally->gaps[kind]);
            } else {
                ha_gap_arrays_merge(&gaps->arrays, &tallies->arrays[tally->array].gaps[kind]);
            }
        }
    }
}

static struct ha_err *put_counts(const struct count *c, const run_list *runs, struct ha_counts *counts)
{
    const struct tallies *tallies = &c->workers[0].tallies;
    counts->instances = ha_calloc_array((size_t)c->class_count + 1, sizeof *counts->instances);
    counts->arrays = ha_calloc_array((size_t)c->array_count + 1, sizeof *counts->arrays);
    if (counts->instances == NULL || counts->arrays == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_gaps_init(&counts->gaps, c->class_count));
    for (uint32_t i = 0; i < c->class_count; i++) {
        counts->instances[i] = tallies->classes[i].instances;
        counts->objects += tallies->classes[i].instances;
    }
    counts->instances[c->build->class_class] += c->class_count;
    counts->objects += c->class_count;
    for (uint32_t i = 0; i < c->array_count; i++) {
        counts->arrays[i] = tallies->arrays[i].count;
    }
    counts->array_classes = c->array_count;
    close_runs(c, runs);
    put_gaps(c, &counts->gaps);
    return NULL;
}

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
        const struct found *found = &c->found[b];
        ha_overlap_append(&overlap, &found->overlap);
        HA_TRY(ha_build_roots_append(&ret->roots, &found->roots));
        if (!ha_vec_reserve(&ret->samples, found->samples.count) || !ha_vec_reserve(&ret->chunks, found->chunks.count)) {
            return ha_err_nomem();
        }
        for (size_t i = 0; i < found->samples.count; i++) {
            ascend = ascend && found->samples.data[i].address > before;
            before = found->samples.data[i].address;
            ret->samples.data[ret->samples.count++] = found->samples.data[i];
        }
        for (size_t i = 0; i < found->chunks.count; i++) {
            ret->chunks.data[ret->chunks.count++] = found->chunks.data[i];
        }
    }
    ret->overlap = overlap.found;
    if (!ascend) {
        qsort(ret->samples.data, ret->samples.count, sizeof *ret->samples.data, compare_samples);
    }
    return NULL;
}

static struct ha_err *finish(struct count *c, struct ha_counted *ret, bool *ret_regular)
{
    run_list runs = {0};
    struct ha_err *err = collect_runs(c, &runs);
    merge_workers(c);
    *ret_regular = err == NULL && are_apart(c, &runs);
    if (*ret_regular) {
        ret->counts = ha_calloc_array(1, sizeof *ret->counts);
        err = ret->counts == NULL ? ha_err_nomem() : put_counts(c, &runs, ret->counts);
    }
    if (*ret_regular && err == NULL) {
        ret->gcd = c->class_gcd;
        for (unsigned i = 0; i < c->threads; i++) {
            ret->gcd = ha_build_gcd(ret->gcd, c->workers[i].gcd);
        }
        ret->highest = runs.count > 0 ? runs.data[runs.count - 1].last.address : 0;
        *ret_regular = unaligned_bits(ret->gcd) < HA_COUNTED_ALIGNMENT_MAX && ret->gcd >= 8 && are_dense(c, &runs, ret->counts->objects);
        close_classes(c, &runs, &ret->counts->gaps);
        err = merge_batches(c, ret);
    }
    ha_vec_deinit(&runs);
    return err;
}

static void count_deinit(struct count *c)
{
    for (size_t b = 0; c->found != NULL && b < c->build->batches.count; b++) {
        ha_vec_deinit(&c->found[b].samples);
        ha_vec_deinit(&c->found[b].runs);
        ha_vec_deinit(&c->found[b].roots);
        ha_vec_deinit(&c->found[b].chunks);
    }
    workers_free(c->workers, c->threads);
    ha_free(c->found);
    ha_free(c->class_ids);
    ha_free(c->class_next);
    ha_free(c->array_of);
    ha_free(c->chunks);
}

struct ha_err *ha_count_run(struct ha_build *build, struct ha_counted *ret, bool *ret_regular)
{
    struct count c = {.build = build};
    *ret_regular = false;
    if (build->damages.count > 0 || build->end_missing || build->classes.count > CLASSES_MAX || build->class_class == HA_NONE) {
        return NULL;
    }
    struct ha_err *err = list_classes(&c);
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

void ha_counted_deinit(struct ha_counted *counted)
{
    ha_counts_destroy(counted->counts);
    counted->counts = NULL;
    ha_vec_deinit(&counted->samples);
    ha_vec_deinit(&counted->roots);
    ha_vec_deinit(&counted->chunks);
}
