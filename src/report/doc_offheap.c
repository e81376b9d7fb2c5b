/* SPDX-License-Identifier: MIT */
/*
 * Why the process is bigger than its heap, as a document: a table of what takes memory, how each figure is known, what direct memory looks
 * like from several sides, and whether a container is big enough.
 */
#include "ha/report/builders.h"

#include <inttypes.h>
#include <string.h>

#include "ha/base/mem.h"
#include "ha/query/q_offheap.h"
#include "ha/report/words.h"

struct offheap_ctx {
    struct ha_report *r;
    const struct ha_offheap *offheap;
};

/* "16.0 MiB" with the life of the document. */
static const char *size_words(struct ha_doc *doc, uint64_t bytes)
{
    struct ha_sbuf text = {0};
    ha_words_bytes(&text, bytes);
    const char *copy = ha_doc_copy(doc, ha_sbuf_text(&text), text.len);
    ha_sbuf_deinit(&text);
    return copy;
}

/* ---- notes: where a figure is from, what it leaves out ---- */

static const char *heap_note(struct ha_doc *doc, const struct ha_jvm *jvm)
{
    switch (jvm->max_heap_from) {
    case HA_MAX_HEAP_UNKNOWN:
        return "its maximum is not in the dump: taken for what is used";
    case HA_MAX_HEAP_ARGUMENT:
        return "maximum from the arguments of the JVM";
    case HA_MAX_HEAP_PERCENTAGE:
        return ha_doc_printf(doc, "maximum: -XX:MaxRAMPercentage=%g of the container",
                             jvm->max_ram_percentage);
    case HA_MAX_HEAP_VM:
        return "maximum as the JVM told its class library";
    case HA_MAX_HEAP_ADDRESSES:
        return "maximum estimated from where the objects lie: what is empty below the lowest is "
               "not seen";
    }
    return NULL;
}

static const char *direct_note(struct ha_doc *doc, const struct ha_offheap *o)
{
    const struct ha_direct_memory *d = &o->counts.direct;
    uint64_t limit = d->limit_bytes != 0 ? d->limit_bytes : o->jvm.max_direct_bytes;
    if (limit == 0) {
        return d->has_counters ? "the JDK's counters; the limit is not in the dump"
                               : "by cleaners; the JDK's counters are not in the dump";
    }
    return o->jvm.max_direct_given
               ? ha_doc_printf(doc, "-XX:MaxDirectMemorySize is %s", size_words(doc, limit))
               : ha_doc_printf(doc, "-XX:MaxDirectMemorySize is not set: as much as the heap, %s",
                               size_words(doc, limit));
}

static const char *netty_note(struct ha_doc *doc, const struct ha_offheap_counts *counts)
{
    if (!counts->has_netty) {
        return "buffers without a cleaner, made by native code or Unsafe: in no counter of the JDK";
    }
    return ha_doc_printf(doc, "Netty's own counter, of %s; %s in buffers of the dump",
                         size_words(doc, counts->netty_limit_bytes),
                         size_words(doc, counts->direct.bare_bytes));
}

static const char *stacks_note(struct ha_doc *doc, const struct ha_offheap *o)
{
    return ha_doc_printf(
        doc, "reserved; by default %s each%s; without the VM's own threads%s",
        size_words(doc, o->jvm.thread_stack_bytes),
        o->jvm.thread_stack_given ? "" : " (no -Xss in the dump)",
        o->counts.virtual_threads > 0 ? "; stacks of virtual threads are in the heap" : "");
}

static const char *note_of(struct ha_doc *doc, const struct ha_offheap *o,
                           enum ha_offheap_what what)
{
    const struct ha_offheap_counts *counts = &o->counts;
    switch (what) {
    case HA_OFFHEAP_HEAP:
        return heap_note(doc, &o->jvm);
    case HA_OFFHEAP_DIRECT:
        return direct_note(doc, o);
    case HA_OFFHEAP_NETTY:
        return netty_note(doc, counts);
    case HA_OFFHEAP_MAPPED:
        return counts->image_bytes > 0
                   ? ha_doc_printf(doc,
                                   "address space, of it %s the JDK's own modules; resident pages "
                                   "are page cache, which the kernel takes back",
                                   size_words(doc, counts->image_bytes))
                   : "address space; resident pages are page cache, which the kernel takes back";
    case HA_OFFHEAP_STACKS:
        return stacks_note(doc, o);
    case HA_OFFHEAP_ZLIB:
        return ha_doc_printf(doc, "not ended: inflaters %" PRIu64 ", deflaters %" PRIu64,
                             counts->inflaters, counts->deflaters);
    case HA_OFFHEAP_METASPACE:
        return ha_doc_printf(doc,
                             "classes %" PRIu64 ", hidden ones %" PRIu64 ", of arrays %" PRIu64
                             ", class loaders %" PRIu64,
                             counts->classes, counts->hidden_classes, counts->arrays,
                             counts->loaders);
    case HA_OFFHEAP_CODE:
        return ha_doc_printf(doc, "by the number of classes; reserved %s",
                             size_words(doc, o->jvm.code_cache_bytes != 0 ? o->jvm.code_cache_bytes
                                                                          : HA_CODE_CACHE_DEFAULT));
    case HA_OFFHEAP_GC:
        return o->jvm.gc == HA_GC_UNKNOWN
                   ? "which collector is not in the dump"
                   : ha_doc_printf(doc, "%s, from %s", ha_gc_name(o->jvm.gc), o->jvm.gc_from);
    case HA_OFFHEAP_JVM:
        return "symbols, compilers, malloc's own; not: shared libraries, other native code";
    }
    return NULL;
}

static const char *title_of(enum ha_offheap_what what)
{
    switch (what) {
    case HA_OFFHEAP_HEAP:
        return "Heap";
    case HA_OFFHEAP_DIRECT:
        return "Direct memory";
    case HA_OFFHEAP_NETTY:
        return "Direct memory apart";
    case HA_OFFHEAP_MAPPED:
        return "Mapped files";
    case HA_OFFHEAP_STACKS:
        return "Thread stacks";
    case HA_OFFHEAP_ZLIB:
        return "Zip streams";
    case HA_OFFHEAP_METASPACE:
        return "Metaspace";
    case HA_OFFHEAP_CODE:
        return "Code cache";
    case HA_OFFHEAP_GC:
        return "Garbage collector";
    case HA_OFFHEAP_JVM:
        return "The JVM itself";
    }
    return "";
}

/* ---- the table ---- */

static void range_add(struct ha_doc *doc, struct ha_doc_node *row, const char *key,
                      const struct ha_byte_range *range)
{
    struct ha_doc_node *record = ha_doc_record(doc, row, key);
    ha_doc_bytes(doc, record, "low_bytes", range->low);
    ha_doc_bytes(doc, record, "high_bytes", range->high);
}

/* "16.0 MiB", "4.0 - 16.0 MiB" */
static const char *range_words(struct ha_doc *doc, const struct ha_byte_range *range)
{
    if (range->low == range->high) {
        return size_words(doc, range->low);
    }
    return ha_doc_printf(doc, "%s - %s", size_words(doc, range->low), size_words(doc, range->high));
}

static struct ha_err *line_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                               uint64_t index)
{
    const struct offheap_ctx *c = ctx;
    const struct ha_offheap_line *line = &c->offheap->lines[index];
    const char *note = note_of(doc, c->offheap, line->what);
    ha_doc_machine(ha_doc_text(doc, row, "what", ha_offheap_name(line->what)));
    ha_doc_text(doc, row, "known", ha_offheap_known(line->known));
    ha_doc_count(doc, row, "count", line->count);
    ha_doc_bytes(doc, row, "bytes", line->bytes);
    range_add(doc, row, "now", &line->now);
    range_add(doc, row, "most", &line->most);
    ha_doc_machine(ha_doc_text(doc, row, "note", note));
    ha_doc_people(ha_doc_text(doc, row, "title", title_of(line->what)));
    ha_doc_people(ha_doc_text(doc, row, "most_words", range_words(doc, &line->most)));
    return NULL;
}

static void table_add(struct ha_report *r, struct ha_doc_node *parent,
                      const struct offheap_ctx *ctx)
{
    static const struct ha_doc_column columns[] = {
        {"bytes", "Bytes", NULL},
        {"known", "How known", NULL},
        {"title", "What", NULL},
        {"most_words", "At most", NULL},
    };
    struct ha_doc_node *list = ha_doc_list_of(r->doc, parent, "lines", ctx->offheap->line_count,
                                              line_row, (void *)(uintptr_t)ctx);
    ha_doc_columns(list, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    list->u.list->never_cut = true;
    list->u.list->people_most = HA_DOC_EVERYTHING;
}

/* The notes, one line each: too long for a column. */
static void notes_say(struct ha_doc *doc, struct ha_doc_node *parent, const struct ha_offheap *o)
{
    struct ha_doc_node *section = ha_doc_section(doc, parent, "Where the figures are from");
    for (size_t i = 0; i < o->line_count; i++) {
        const char *note = note_of(doc, o, o->lines[i].what);
        if (note != NULL) {
            ha_doc_say(doc, ha_doc_line(doc, section, title_of(o->lines[i].what)), note);
        }
    }
}

/* ---- direct memory, from several sides ---- */

static void counted_record(struct ha_doc *doc, struct ha_doc_node *parent, const char *key,
                           uint64_t count, uint64_t bytes)
{
    struct ha_doc_node *record = ha_doc_record(doc, parent, key);
    ha_doc_count(doc, record, "count", count);
    ha_doc_bytes(doc, record, "bytes", bytes);
}

static void direct_record(struct ha_doc *doc, struct ha_doc_node *parent,
                          const struct ha_direct_memory *d)
{
    struct ha_doc_node *record = ha_doc_machine(ha_doc_record(doc, parent, "direct"));
    if (d->has_counters) {
        struct ha_doc_node *counters = ha_doc_record(doc, record, "jdk_counters");
        ha_doc_bytes(doc, counters, "reserved_bytes", d->reserved_bytes);
        ha_doc_bytes(doc, counters, "capacity_bytes", d->capacity_bytes);
        ha_doc_count(doc, counters, "count", d->count);
        ha_doc_bytes(doc, counters, "limit_bytes", d->limit_bytes);
    } else {
        ha_doc_null(doc, record, "jdk_counters");
    }
    counted_record(doc, record, "buffers", d->buffers, d->buffer_bytes);
    counted_record(doc, record, "segments", d->segments, d->segment_bytes);
    counted_record(doc, record, "waiting", d->waiting, d->waiting_bytes);
    counted_record(doc, record, "without_cleaner", d->bares, d->bare_bytes);
    ha_doc_count(doc, record, "views", d->views);
    ha_doc_bytes(doc, record, "buffer_objects_bytes", d->buffer_heap_bytes);
}

static void say_bytes(struct ha_doc *doc, struct ha_doc_node *line, uint64_t bytes,
                      const char *text)
{
    ha_doc_bytes(doc, line, NULL, bytes);
    ha_doc_say(doc, line, text);
}

static void difference_say(struct ha_doc *doc, struct ha_doc_node *section,
                           const struct ha_direct_memory *d)
{
    uint64_t sum = d->buffer_bytes + d->segment_bytes;
    struct ha_doc_node *line = ha_doc_line(doc, section, "Difference");
    if (sum == d->reserved_bytes) {
        ha_doc_say(doc, line, "none: the counters and the sum agree");
    } else if (sum < d->reserved_bytes) {
        say_bytes(doc, line, d->reserved_bytes - sum,
                  " more in the counters than in objects: reserved while the dump was written, or "
                  "held by "
                  "native memory whose owner is not in the dump");
    } else {
        say_bytes(doc, line, sum - d->reserved_bytes,
                  " more in objects than in the counters: freed, but not yet taken off the list");
    }
}

static void direct_say(struct ha_doc *doc, struct ha_doc_node *parent,
                       const struct ha_direct_memory *d)
{
    struct ha_doc_node *section = ha_doc_section(doc, parent, "Direct memory");
    if (d->has_counters) {
        struct ha_doc_node *line = ha_doc_line(doc, section, "JDK's counters");
        say_bytes(doc, line, d->reserved_bytes, " in ");
        ha_doc_say_count(doc, line, d->count, "piece", NULL);
        if (d->limit_bytes != 0) {
            ha_doc_say(doc, line, " of at most ");
            ha_doc_bytes(doc, line, NULL, d->limit_bytes);
        }
    }
    struct ha_doc_node *line = ha_doc_line(doc, section, "Sum of objects");
    say_bytes(doc, line, d->buffer_bytes, " in ");
    ha_doc_say_count(doc, line, d->buffers, "buffer", NULL);
    if (d->segments > 0) {
        ha_doc_say(doc, line, ", ");
        say_bytes(doc, line, d->segment_bytes, " in ");
        ha_doc_say_count(doc, line, d->segments, "memory segment", NULL);
    }
    if (d->views > 0) {
        ha_doc_say(doc, line, "; ");
        ha_doc_say_count(doc, line, d->views, "slice or duplicate", "slices and duplicates");
        ha_doc_say(doc, line, " not counted");
    }
    if (d->has_counters) {
        difference_say(doc, section, d);
    }
    if (d->waiting > 0) {
        line = ha_doc_line(doc, section, "Waiting");
        say_bytes(doc, line, d->waiting_bytes, " in ");
        ha_doc_say_count(doc, line, d->waiting, "buffer", NULL);
        ha_doc_say(doc, line,
                   " that only a cleaner knows: freed by the next collection that finds them");
    }
}

/* ---- the container ---- */

static const char *verdict_words(enum ha_fit fit)
{
    switch (fit) {
    case HA_FIT_NO_LIMIT:
        return NULL;
    case HA_FITS:
        return "fits: even at its most the process stays below the limit";
    case HA_FIT_TIGHT:
        return "tight: it depends on the estimates below whether the process stays within the "
               "limit";
    case HA_FIT_CANNOT:
        return "cannot fit: what the settings allow is more than the limit; OOMKilled is to be "
               "expected even without a leak in the heap";
    }
    return NULL;
}

static void advice_row(struct ha_doc *doc, struct ha_doc_node *section, struct ha_doc_node *list,
                       const char *text)
{
    ha_doc_text(doc, list, NULL, text);
    ha_doc_say(doc, ha_doc_line(doc, section, "Advice"), text);
}

static void advice_add(struct ha_doc *doc, struct ha_doc_node *section, struct ha_doc_node *record,
                       const struct ha_offheap *o)
{
    const struct ha_offheap_advice *a = &o->advice;
    struct ha_doc_node *list = ha_doc_list(doc, record, "advice");
    list->u.list->never_cut = true;
    if (a->max_direct_bytes != 0) {
        advice_row(doc, section, list,
                   ha_doc_printf(doc,
                                 "-XX:MaxDirectMemorySize=%" PRIu64
                                 "m: half as much again as is in use%s",
                                 a->max_direct_bytes >> 20,
                                 o->jvm.max_direct_given
                                     ? ""
                                     : "; without it direct memory may grow as large as the heap"));
    }
    if (a->netty_direct_bytes != 0) {
        advice_row(doc, section, list,
                   ha_doc_printf(doc,
                                 "-Dio.netty.maxDirectMemory=%" PRIu64
                                 ": Netty counts its direct memory apart from the JDK",
                                 a->netty_direct_bytes));
    }
    if (a->max_ram_percentage != 0) {
        bool absolute = o->jvm.max_heap_from == HA_MAX_HEAP_ARGUMENT &&
                        o->jvm.max_ram_percentage <= 0; // -Xmx wins over a percentage
        const char *flag =
            absolute ? ha_doc_printf(doc, "-Xmx%" PRIu64 "m", a->max_heap_bytes >> 20)
                     : ha_doc_printf(doc, "-XX:MaxRAMPercentage=%u", a->max_ram_percentage);
        advice_row(doc, section, list,
                   ha_doc_printf(doc, "%s: a heap of %s leaves room for the rest (%s are in use)",
                                 flag, size_words(doc, a->max_heap_bytes),
                                 size_words(doc, o->heap_used_bytes)));
    }
    if (a->fewer_stacks) {
        advice_row(doc, section, list,
                   ha_doc_printf(doc,
                                 "fewer threads, or a smaller -Xss: %" PRIu64 " threads reserve %s",
                                 o->counts.threads, size_words(doc, o->counts.stack_bytes)));
    }
    if (a->container_bytes != 0) {
        advice_row(doc, section, list,
                   ha_doc_printf(doc, "as it is, a limit of %s would hold all of it",
                                 size_words(doc, a->container_bytes)));
    }
}

static void container_add(struct ha_report *r, struct ha_doc_node *parent,
                          struct ha_doc_node *machine, const struct ha_offheap *o)
{
    struct ha_doc *doc = r->doc;
    if (o->fit == HA_FIT_NO_LIMIT) {
        ha_doc_null(doc, machine, "container");
        struct ha_doc_node *line = ha_doc_line(doc, parent, "Container");
        ha_doc_say(doc, line, "give its limit to have it judged: ");
        ha_doc_command(doc, line, NULL, ha_report_command(r, "offheap", "--container-limit 1GiB"));
        return;
    }
    struct ha_doc_node *record = ha_doc_record(doc, machine, "container");
    ha_doc_bytes(doc, record, "limit_bytes", o->container_bytes);
    ha_doc_text(doc, record, "verdict", ha_fit_name(o->fit));
    struct ha_doc_node *line = ha_doc_line(doc, parent, "Container");
    say_bytes(doc, line, o->container_bytes, ": ");
    ha_doc_strong(ha_doc_text(doc, line, NULL, verdict_words(o->fit)));
    advice_add(doc, parent, record, o);
}

void ha_report_offheap(struct ha_report *r, struct ha_doc_node *parent,
                       const struct ha_offheap *offheap, bool brief)
{
    struct ha_doc *doc = r->doc;
    struct offheap_ctx *ctx = ha_doc_alloc(doc, sizeof *ctx);
    if (ctx == NULL) {
        return;
    }
    *ctx = (struct offheap_ctx){r, offheap};
    struct ha_doc_node *record = ha_doc_title(ha_doc_record(doc, parent, "offheap"), "");
    struct ha_doc_node *section = ha_doc_section(doc, record, NULL);
    struct ha_doc_node *line = ha_doc_line(doc, section, "Process now");
    ha_doc_say(doc, line, range_words(doc, &offheap->now));
    ha_doc_say(doc, line, ", of it in the heap ");
    ha_doc_bytes(doc, line, NULL, offheap->heap_used_bytes);
    line = ha_doc_line(doc, section, "At most");
    ha_doc_say(doc, line, range_words(doc, &offheap->most));
    struct ha_doc_node *machine = ha_doc_machine(ha_doc_record(doc, record, "sum"));
    range_add(doc, machine, "now", &offheap->now);
    range_add(doc, machine, "most", &offheap->most);
    direct_record(doc, record, &offheap->counts.direct);
    ha_doc_machine(
        ha_doc_text(doc, record, "collector",
                    offheap->jvm.gc == HA_GC_UNKNOWN ? NULL : ha_gc_name(offheap->jvm.gc)));
    struct ha_doc_node *holder = ha_doc_section(doc, record, NULL);
    container_add(r, section, holder, offheap);
    for (struct ha_doc_node *n = holder->first_child; n != NULL; n = n->next) {
        ha_doc_machine(n);
    }
    table_add(r, ha_doc_section(doc, record, brief ? NULL : "What takes memory"), ctx);
    if (!brief) {
        notes_say(doc, record, offheap);
        direct_say(doc, record, &offheap->counts.direct);
    }
}
