/* SPDX-License-Identifier: MIT */
/*
 * The lines of q_offheap.h: what was counted, what each piece takes, and whether the sum fits.
 *
 * The rules of thumb below were set beside `jcmd VM.native_memory` and /proc/PID/status of programs whose use is known
 * (tests/real/offheap.py; the table is in docs/offheap.md): the truth must lie within each range.
 */
#include "query/q_offheap.h"

#include "ha/base/checked.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

/* What zlib's zconf.h says: (1 << 15) + about 7 KiB to inflate, (1 << (15 + 2)) + (1 << (8 + 9)) + a few KiB to deflate. */
#define INFLATE_BYTES (40 * KIB)
#define DEFLATE_BYTES (264 * KIB)

#define FITS_MARGIN                                                                                \
    20 /* a twentieth of the container stays free: for libraries and native code that the heap does not tell of */

#define STACK_RESIDENT_LOW (40 * KIB)   /* of a thread that waits */
#define STACK_RESIDENT_HIGH (256 * KIB) /* deep ones touch more, up to all of it */

/* Metaspace of a class: constant pool, methods, vtables; from the archive of the JDK (CDS) it costs none. */
#define CLASS_LOW (3584)
#define CLASS_HIGH (8 * KIB)
#define HIDDEN_LOW (2 * KIB)
#define HIDDEN_HIGH (5 * KIB)
#define ARRAY_LOW 400
#define ARRAY_HIGH (1 * KIB)
#define LOADER_LOW (1 * KIB)
#define LOADER_HIGH (8 * KIB)
#define ARCHIVED_CLASSES                                                                           \
    1300 /* classes of the boot loader that the JDK's default archive holds, since 12 */

static struct ha_byte_range range(uint64_t low, uint64_t high)
{
    return (struct ha_byte_range){low, high < low ? low : high};
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* n × each, cut at the largest number. */
static uint64_t times(uint64_t n, uint64_t each)
{
    uint64_t product;
    return ha_mul_u64(n, each, &product) ? product : UINT64_MAX;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return ha_add_u64(a, b, &sum) ? sum : UINT64_MAX;
}

static uint64_t share(uint64_t bytes, double percent)
{
    return (uint64_t)((double)bytes * percent / 100);
}

static struct ha_offheap_line *add_line(struct ha_offheap *o, enum ha_offheap_what what,
                                        enum ha_offheap_known known, uint64_t count, uint64_t bytes)
{
    struct ha_offheap_line *line = &o->lines[o->line_count++];
    *line = (struct ha_offheap_line){.what = what,
                                     .known = known,
                                     .count = count,
                                     .bytes = bytes,
                                     .now = {bytes, bytes},
                                     .most = {bytes, bytes}};
    return line;
}

/* ---- lines ---- */

static void heap_line(struct ha_offheap *o, const struct ha_overview *overview)
{
    o->heap_used_bytes = plus(overview->shallow_bytes, overview->unreachable_bytes);
    struct ha_offheap_line *line =
        add_line(o, HA_OFFHEAP_HEAP, HA_KNOWN_MEASURED,
                 overview->objects + overview->unreachable_objects, o->heap_used_bytes);
    uint64_t most =
        o->jvm.max_heap_bytes > o->heap_used_bytes ? o->jvm.max_heap_bytes : o->heap_used_bytes;
    line->now.high = most;
    line->most = range(most, most);
}

static void direct_line(struct ha_offheap *o)
{
    const struct ha_direct_memory *d = &o->counts.direct;
    uint64_t used = plus(d->buffer_bytes, d->segment_bytes);
    uint64_t limit = d->limit_bytes != 0 ? d->limit_bytes : o->jvm.max_direct_bytes;
    used = d->has_counters && d->reserved_bytes > used ? d->reserved_bytes : used;
    struct ha_offheap_line *line =
        add_line(o, HA_OFFHEAP_DIRECT, d->has_counters ? HA_KNOWN_MEASURED : HA_KNOWN_COUNTED,
                 d->has_counters ? d->count : d->buffers + d->segments, used);
    line->most =
        range(o->jvm.max_direct_given && limit > used ? limit : used, limit > used ? limit : used);
}

static void netty_line(struct ha_offheap *o)
{
    const struct ha_offheap_counts *counts = &o->counts;
    if (!counts->has_netty && counts->direct.bare_bytes == 0) {
        return;
    }
    uint64_t used = counts->has_netty ? counts->netty_bytes : counts->direct.bare_bytes;
    struct ha_offheap_line *line =
        add_line(o, HA_OFFHEAP_NETTY, counts->has_netty ? HA_KNOWN_MEASURED : HA_KNOWN_COUNTED,
                 counts->direct.bares, used);
    line->most = range(used, counts->netty_limit_bytes > used ? counts->netty_limit_bytes : used);
}

static void mapped_line(struct ha_offheap *o)
{
    const struct ha_offheap_counts *counts = &o->counts;
    uint64_t files = counts->mapped_files + (counts->image_bytes > 0);
    if (files > 0) {
        struct ha_offheap_line *line = add_line(
            o, HA_OFFHEAP_MAPPED, counts->mapped_counters ? HA_KNOWN_MEASURED : HA_KNOWN_COUNTED,
            files, plus(counts->mapped_bytes, counts->image_bytes));
        line->now = line->most = range(0, 0); // page cache, which the kernel takes back
    }
}

static void stacks_line(struct ha_offheap *o)
{
    const struct ha_offheap_counts *counts = &o->counts;
    struct ha_offheap_line *line =
        add_line(o, HA_OFFHEAP_STACKS, HA_KNOWN_COUNTED, counts->threads, counts->stack_bytes);
    uint64_t high = least(counts->stack_bytes, times(counts->threads, STACK_RESIDENT_HIGH));
    line->now = range(least(high, times(counts->threads, STACK_RESIDENT_LOW)), high);
    line->most = range(line->now.low, counts->stack_bytes);
}

static void zlib_line(struct ha_offheap *o)
{
    const struct ha_offheap_counts *counts = &o->counts;
    uint64_t bytes =
        plus(times(counts->inflaters, INFLATE_BYTES), times(counts->deflaters, DEFLATE_BYTES));
    struct ha_offheap_line *line = add_line(o, HA_OFFHEAP_ZLIB, HA_KNOWN_COUNTED,
                                            counts->inflaters + counts->deflaters, bytes);
    line->now.low = bytes / 8; // a stream that saw no data yet touched little of it
    line->most = line->now;
}

static uint64_t middle(struct ha_byte_range r)
{
    return r.low / 2 + r.high / 2;
}

static void metaspace_line(struct ha_offheap *o)
{
    const struct ha_offheap_counts *counts = &o->counts;
    uint64_t archived =
        o->jvm.feature_version >= 12 ? least(counts->boot_classes, ARCHIVED_CLASSES) : 0;
    uint64_t low = plus(plus(times(counts->classes - archived, CLASS_LOW),
                             times(counts->hidden_classes, HIDDEN_LOW)),
                        plus(times(counts->arrays, ARRAY_LOW), times(counts->loaders, LOADER_LOW)));
    uint64_t high =
        plus(plus(times(counts->classes, CLASS_HIGH), times(counts->hidden_classes, HIDDEN_HIGH)),
             plus(times(counts->arrays, ARRAY_HIGH), times(counts->loaders, LOADER_HIGH)));
    struct ha_byte_range now = range(low, high);
    struct ha_offheap_line *line =
        add_line(o, HA_OFFHEAP_METASPACE, HA_KNOWN_ESTIMATED,
                 counts->classes + counts->hidden_classes + counts->arrays, middle(now));
    line->now = now;
    line->most = range(
        low, o->jvm.max_metaspace_bytes > low ? least(high, o->jvm.max_metaspace_bytes) : high);
}

static void code_line(struct ha_offheap *o)
{
    uint64_t reserved =
        o->jvm.code_cache_bytes != 0 ? o->jvm.code_cache_bytes : HA_CODE_CACHE_DEFAULT;
    uint64_t classes = o->counts.classes + o->counts.hidden_classes;
    struct ha_byte_range now = range(least(reserved, 3 * MIB + times(classes, KIB / 2)),
                                     least(reserved, 16 * MIB + times(classes, 6 * KIB)));
    struct ha_offheap_line *line = add_line(o, HA_OFFHEAP_CODE, HA_KNOWN_ESTIMATED, 0, middle(now));
    line->now = line->most = now;
}

/*
 * Tables of the collector: a fixed part and one that grows with the heap. As NMT says of heaps of 256 MiB to 2 GiB: the mark bitmaps are a 32nd of the
 * heap in two copies, since JDK 20 (G1) and 21 (Parallel) in one; cards and block offsets another half percent; the rest of G1's share are remembered
 * sets. 32 of G1's fixed MiB are the stack of marking, reserved, touched when it is needed.
 */
static void gc_line(struct ha_offheap *o)
{
    static const struct {
        double low, high, high_new; /* percent of the heap; new: one bitmap */
        uint64_t fixed_high;
        unsigned new_since;
    } tables[] = {
        [HA_GC_UNKNOWN] = {0.3, 8, 8, 36 * MIB, 0},
        [HA_GC_SERIAL] = {0.2, 1, 1, 2 * MIB, 0},
        [HA_GC_PARALLEL] = {0.5, 5, 3, 8 * MIB, 21},
        [HA_GC_G1] = {1, 8, 6, 36 * MIB, 20},
        [HA_GC_Z] = {0.5, 5, 5, 80 * MIB, 0}, // marking stacks of the one without generations
        [HA_GC_SHENANDOAH] = {1, 6, 6, 32 * MIB, 0},
    };
    uint64_t most = o->lines[0].most.high;
    enum ha_gc gc = o->jvm.gc;
    bool is_new = tables[gc].new_since != 0 && o->jvm.feature_version >= tables[gc].new_since;
    double high = is_new ? tables[gc].high_new : tables[gc].high;
    struct ha_byte_range now = range(share(o->heap_used_bytes, tables[gc].low),
                                     plus(tables[gc].fixed_high, share(most, high)));
    struct ha_offheap_line *line = add_line(o, HA_OFFHEAP_GC, HA_KNOWN_ESTIMATED, 0, middle(now));
    line->now = now;
    line->most = range(share(most, tables[gc].low), now.high);
}

static void jvm_line(struct ha_offheap *o)
{
    uint64_t classes = o->counts.classes + o->counts.hidden_classes;
    struct ha_byte_range now =
        range(3 * MIB + times(classes, KIB / 2), 40 * MIB + times(classes, 2 * KIB));
    struct ha_offheap_line *line = add_line(o, HA_OFFHEAP_JVM, HA_KNOWN_ESTIMATED, 0, middle(now));
    line->now = line->most = now;
}

/* ---- the verdict ---- */

static void sum_lines(struct ha_offheap *o)
{
    for (size_t i = 0; i < o->line_count; i++) {
        const struct ha_offheap_line *line = &o->lines[i];
        o->now = range(plus(o->now.low, line->now.low), plus(o->now.high, line->now.high));
        o->most = range(plus(o->most.low, line->most.low), plus(o->most.high, line->most.high));
    }
}

const struct ha_offheap_line *ha_offheap_line_of(const struct ha_offheap *offheap,
                                                 enum ha_offheap_what what)
{
    for (size_t i = 0; i < offheap->line_count; i++) {
        if (offheap->lines[i].what == what) {
            return &offheap->lines[i];
        }
    }
    return NULL;
}

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
    uint64_t up;
    return ha_align_u64(bytes, unit, &up) ? up : bytes;
}

/* Half as much again as is in use, and some. */
static uint64_t with_margin(uint64_t used)
{
    return round_up(plus(plus(used, used / 2), 16 * MIB), 16 * MIB);
}

/* What the heap may have when direct memory keeps a margin over what it uses and all else takes its most. */
static void advise(struct ha_offheap *o)
{
    struct ha_offheap_advice *advice = &o->advice;
    const struct ha_offheap_line *heap = &o->lines[0];
    const struct ha_offheap_line *netty = ha_offheap_line_of(o, HA_OFFHEAP_NETTY);
    uint64_t others = 0;
    for (size_t i = 1; i < o->line_count; i++) {
        const struct ha_offheap_line *line = &o->lines[i];
        uint64_t limit = line->most.high;
        if ((line->what == HA_OFFHEAP_DIRECT || line == netty) &&
            limit > with_margin(line->bytes)) {
            limit = with_margin(line->bytes);
            *(line == netty ? &advice->netty_direct_bytes : &advice->max_direct_bytes) = limit;
        }
        others = plus(others, limit);
    }
    if (others < o->container_bytes && heap->most.high > o->container_bytes - others) {
        uint64_t room = o->container_bytes - others;
        unsigned percent = (unsigned)(100 * (double)room / (double)o->container_bytes);
        advice->max_ram_percentage = percent >= 10 ? percent : 0;
        advice->max_heap_bytes = percent >= 10 ? share(o->container_bytes, percent) : 0;
    }
    advice->fewer_stacks = o->counts.stack_bytes > o->container_bytes / 10;
    advice->container_bytes =
        round_up(plus(o->most.high, o->most.high / (FITS_MARGIN - 1)), 64 * MIB);
}

static void judge(struct ha_offheap *o)
{
    if (o->container_bytes == 0) {
        return;
    }
    o->fit = o->most.low > o->container_bytes                                        ? HA_FIT_CANNOT
             : o->most.high <= o->container_bytes - o->container_bytes / FITS_MARGIN ? HA_FITS
                                                                                     : HA_FIT_TIGHT;
    if (o->fit == HA_FITS && o->jvm.max_heap_from == HA_MAX_HEAP_UNKNOWN) {
        o->fit = HA_FIT_TIGHT; // the heap may grow
    }
    if (o->fit != HA_FITS) {
        advise(o);
    }
}

struct ha_err *ha_offheap_query(struct ha_query *q, uint64_t container_bytes,
                                struct ha_offheap *ret)
{
    struct ha_overview overview;
    struct ha_offheap o = {.container_bytes = container_bytes, .fit = HA_FIT_NO_LIMIT};
    HA_TRY(ha_jvm_query(q, container_bytes, &o.jvm));
    HA_TRY(ha_query_overview(q, &overview));
    HA_TRY(offheap_count(q, &o.jvm, &o.counts));
    heap_line(&o, &overview);
    direct_line(&o);
    netty_line(&o);
    mapped_line(&o);
    stacks_line(&o);
    zlib_line(&o);
    metaspace_line(&o);
    code_line(&o);
    gc_line(&o);
    jvm_line(&o);
    sum_lines(&o);
    judge(&o);
    *ret = o;
    return NULL;
}

/* ---- words ---- */

const char *ha_offheap_name(enum ha_offheap_what what)
{
    static const char *const names[] = {"heap", "direct",    "netty", "mapped", "stacks",
                                        "zlib", "metaspace", "code",  "gc",     "jvm"};
    return names[what];
}

const char *ha_offheap_known(enum ha_offheap_known known)
{
    static const char *const words[] = {"measured", "counted", "estimated"};
    return words[known];
}

const char *ha_fit_name(enum ha_fit fit)
{
    static const char *const words[] = {"no limit given", "fits", "tight", "cannot fit"};
    return words[fit];
}
