/* SPDX-License-Identifier: MIT */
/*
 * What damage costs the answer, in words. The passes note what they come across; when the heap is read and the average size of an object known,
 * finds become one diagnostic per code: how often, where first, bytes lost, objects that were probably in them.
 *
 *     find of pass 1   [ segment that leads astray ........ )     a gap: the sub-records inside that make no sense belong to it
 *     find of pass 2              [ .. )   [ ... )
 *
 * Two passes may come across the same damage, and pass 2 may be done several times: finds are sorted, repeats dropped, and those within the
 * range of an earlier one added to it.
 */
#include "heap/heap_damage.h"

#include <assert.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PARTS_MAX 4096U /* one per worker thread of the JVM that dumped */

struct ha_err *ha_damage_note(struct ha_build *build, enum ha_damage_kind kind, uint8_t tag, uint64_t off, uint64_t end, uint64_t lost,
                              uint64_t skipped)
{
    struct ha_damage *damage = ha_vec_push(&build->damages);
    if (damage == NULL) {
        return ha_err_nomem();
    }
    *damage = (struct ha_damage){.off = off, .end = end, .lost = lost, .skipped = skipped, .kind = (uint8_t)kind, .tag = tag};
    return NULL;
}

/* ---- words ---- */

static void add_count(struct ha_sbuf *out, uint64_t count)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, count);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            ha_sbuf_putc(out, ',');
        }
        ha_sbuf_putc(out, digits[i]);
    }
}

/* "1 byte", "1,020 bytes", "2.1 MiB" */
static void add_bytes(struct ha_sbuf *out, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 10240) {
        add_count(out, bytes);
        ha_sbuf_puts(out, bytes == 1 ? " byte" : " bytes");
        return;
    }
    double v = (double)bytes / 1024;
    size_t unit = 0;
    for (; v >= 1023.95 && unit + 1 < sizeof units / sizeof *units; unit++) {
        v /= 1024;
    }
    ha_sbuf_printf(out, "%.1f %s", v, units[unit]);
}

/* ", about 1,200 objects": as many as the bytes held if they were like the rest. */
static void add_objects(struct ha_sbuf *out, const struct ha_build *build, uint64_t bytes)
{
    uint64_t read = build->heap_bytes;
    for (size_t i = 0; i < build->damages.count && read > 0; i++) {
        uint64_t unread = build->damages.data[i].unread;
        read -= unread < read ? unread : read;
    }
    if (bytes == 0 || read == 0 || build->records == 0) {
        return;
    }
    uint64_t objects = (uint64_t)((double)bytes / (double)read * (double)build->records + 0.5);
    objects = objects == 0 ? 1 : objects;
    ha_sbuf_puts(out, ", about ");
    add_count(out, objects);
    ha_sbuf_puts(out, objects == 1 ? " object" : " objects");
}

/* ---- putting finds together ---- */

static int compare_damages(const void *a, const void *b)
{
    const struct ha_damage *x = a, *y = b;
    if (x->off != y->off) {
        return x->off < y->off ? -1 : 1;
    }
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1; /* finds of pass 1 first */
    }
    return (x->skipped > y->skipped) - (x->skipped < y->skipped); /* the last try knows more classes and loses less */
}

static bool is_of_pass_2(const struct ha_damage *damage)
{
    return damage->kind == HA_DAMAGE_UNKNOWN_SUB || damage->kind == HA_DAMAGE_BAD_SUB || damage->kind == HA_DAMAGE_LONG_SUB;
}

static bool takes_up(const struct ha_damage *wide, const struct ha_damage *damage)
{
    bool spans = wide->kind == HA_DAMAGE_CLIPPED_HEAP || wide->kind == HA_DAMAGE_GAP || wide->kind == HA_DAMAGE_ZERO_LENGTH ||
                 wide->kind == HA_DAMAGE_WRAPPED || wide->kind == HA_DAMAGE_TAIL;
    return spans && is_of_pass_2(damage) && damage->off < wide->end;
}

/* Sorts, drops repeats, adds finds to the ones that explain them. */
static void condense(struct ha_build *build)
{
    struct ha_damage *all = build->damages.data;
    size_t kept = 0;
    uint64_t last_sub = UINT64_MAX;
    if (build->damages.count > 1) {
        qsort(all, build->damages.count, sizeof *all, compare_damages);
    }
    for (size_t i = 0; i < build->damages.count; i++) {
        struct ha_damage damage = all[i];
        if (is_of_pass_2(&damage) && damage.off == last_sub) {
            continue;
        }
        last_sub = is_of_pass_2(&damage) ? damage.off : last_sub;
        if (kept > 0 && takes_up(&all[kept - 1], &damage)) {
            all[kept - 1].skipped += damage.skipped;
            all[kept - 1].unread += damage.unread;
            all[kept - 1].beyond = damage.beyond;
            all[kept - 1].resumed = damage.resumed;
        } else if (kept == 0 || all[kept - 1].kind != HA_DAMAGE_ZEROS || damage.kind != HA_DAMAGE_ZEROS) {
            all[kept++] = damage;
        }
    }
    build->damages.count = kept;
}

static enum ha_diag_code code_of(const struct ha_build *build, const struct ha_damage *damage)
{
    switch ((enum ha_damage_kind)damage->kind) {
    case HA_DAMAGE_CLIPPED_HEAP:
        return damage->resumed ? HA_DIAG_GAP : HA_DIAG_TRUNCATED; /* resumed: the end of the heap is there, what is missing is before it */
    case HA_DAMAGE_CLIPPED_RECORD:
    case HA_DAMAGE_CUT_HEADER:
    case HA_DAMAGE_ZEROS:
    case HA_DAMAGE_TAIL:
    case HA_DAMAGE_NO_END:
        return HA_DIAG_TRUNCATED;
    case HA_DAMAGE_GAP:
    case HA_DAMAGE_BAD_SUB:
        return HA_DIAG_GAP;
    case HA_DAMAGE_ZERO_LENGTH:
        return HA_DIAG_ZERO_LENGTH;
    case HA_DAMAGE_WRAPPED:
        return HA_DIAG_WRAPPED_LENGTH;
    case HA_DAMAGE_UNKNOWN_RECORD:
    case HA_DAMAGE_UNKNOWN_SUB:
        return HA_DIAG_UNKNOWN_RECORD;
    case HA_DAMAGE_LONG_SUB:
        return damage->end == ha_input_bytes(build->input) && !damage->resumed ? HA_DIAG_TRUNCATED : HA_DIAG_GAP;
    }
    return HA_DIAG_GAP;
}

/* All finds of one code. */
struct total {
    uint64_t count, lost, skipped;
    const struct ha_damage *first;
};

/* ---- sentences ---- */

/* ": at least 4,096 bytes are gone, 1,020 bytes more could not be read, about 55 objects; sizes are lower bounds" */
static void say_cost(struct ha_sbuf *out, const struct ha_build *build, const struct total *total)
{
    const char *between = ": ";
    if (total->lost > 0) {
        ha_sbuf_puts(out, ": at least ");
        add_bytes(out, total->lost);
        ha_sbuf_puts(out, total->lost == 1 ? " is gone" : " are gone");
        between = ", ";
    }
    if (total->skipped > 0) {
        ha_sbuf_puts(out, between);
        add_bytes(out, total->skipped);
        ha_sbuf_puts(out, total->lost > 0 ? " more could not be read" : " could not be read");
    }
    add_objects(out, build, total->lost + total->skipped);
    ha_sbuf_puts(out, "; sizes are lower bounds");
}

static void say_clipped(struct ha_sbuf *out, const struct ha_build *build, const struct total *total)
{
    const struct ha_damage *first = total->first;
    ha_sbuf_puts(out, first->kind == HA_DAMAGE_CLIPPED_HEAP ? "the file ends inside a heap record: " : "the file ends inside a record of names or stacks: ");
    add_bytes(out, first->lost);
    ha_sbuf_puts(out, " of its ");
    add_bytes(out, first->lost + (first->end - first->off - HA_RECORD_HEADER_BYTES));
    ha_sbuf_puts(out, first->lost == 1 ? " is missing" : " are missing");
    uint64_t beyond = first->beyond < first->lost ? first->beyond : first->lost;
    add_objects(out, build, first->kind == HA_DAMAGE_CLIPPED_HEAP ? first->lost - beyond : 0);
    ha_sbuf_puts(out, ", and all that came after; sizes are lower bounds");
}

static void say_truncated(struct ha_sbuf *out, const struct ha_build *build, const struct total *total)
{
    const struct ha_damage *first = total->first;
    switch ((enum ha_damage_kind)first->kind) {
    case HA_DAMAGE_CUT_HEADER:
        ha_sbuf_puts(out, "the file ends inside the header of a record; what came after is missing, sizes are lower bounds");
        return;
    case HA_DAMAGE_NO_END:
        ha_sbuf_puts(out, "the file ends between two records, without the one that marks the end of a heap; if it was cut there, sizes are lower bounds");
        return;
    case HA_DAMAGE_ZEROS:
        ha_sbuf_puts(out, "the file was never written to its end: its last ");
        add_bytes(out, total->skipped);
        ha_sbuf_puts(out, " are zeros where the heap should go on");
        add_objects(out, build, total->skipped);
        ha_sbuf_puts(out, "; sizes are lower bounds");
        return;
    case HA_DAMAGE_TAIL:
        ha_sbuf_puts(out, "no record begins where one should, nor later");
        say_cost(out, build, total);
        return;
    case HA_DAMAGE_LONG_SUB:
        ha_sbuf_puts(out, "the file ends inside an object; what came after is missing, sizes are lower bounds");
        return;
    default:
        say_clipped(out, build, total);
    }
}

static void say_gap(struct ha_sbuf *out, const struct ha_build *build, const struct total *total)
{
    if (total->count == 1 && build->batches.count > 0 && total->first->end <= build->batches.data[0].off) {
        ha_sbuf_puts(out, "bytes are missing or overwritten in front of the heap: names of classes, fields, methods or threads may be wrong or missing");
        return;
    }
    if (total->count == 1) {
        ha_sbuf_puts(out, "bytes are missing or overwritten in the middle of the file");
    } else {
        ha_sbuf_puts(out, "bytes are missing or overwritten at ");
        add_count(out, total->count);
        ha_sbuf_puts(out, " places in the middle of the file");
    }
    say_cost(out, build, total);
}

static void say_unknown(struct ha_sbuf *out, const struct ha_build *build, const struct total *total)
{
    const struct ha_damage *first = total->first;
    bool record = first->kind == HA_DAMAGE_UNKNOWN_RECORD;
    const char *what = record ? "record" : "sub-record";
    if (total->count == 1) {
        ha_sbuf_printf(out, "a %s of a kind that the format does not have (0x%02x)", what, first->tag);
    } else {
        add_count(out, total->count);
        ha_sbuf_printf(out, " records or sub-records of kinds that the format does not have (the first 0x%02x)", first->tag);
    }
    if (record) {
        ha_sbuf_puts(out, total->count == 1 ? " was skipped" : " were skipped");
        return; /* what such a record holds is not known to be objects */
    }
    say_cost(out, build, total);
}

static void say(struct ha_sbuf *out, const struct ha_build *build, enum ha_diag_code code, const struct total *total)
{
    if (code == HA_DIAG_TRUNCATED) {
        say_truncated(out, build, total);
    } else if (code == HA_DIAG_UNKNOWN_RECORD) {
        say_unknown(out, build, total);
    } else if (code == HA_DIAG_GAP) {
        say_gap(out, build, total);
    } else if (code == HA_DIAG_ZERO_LENGTH) {
        ha_sbuf_puts(out, "a heap record says its length is 0 (the JVM died before it wrote it); it was read to the end of the file");
    } else {
        ha_sbuf_puts(out, "a heap record of more than 4 GiB has a length that overflowed; it was read to where it really ends");
    }
    if ((code == HA_DIAG_ZERO_LENGTH || code == HA_DIAG_WRAPPED_LENGTH) && total->skipped > 0) {
        say_cost(out, build, total);
    }
}

/* ---- classes ---- */

/* One part of a sentence, after what was said before. */
static void add_part(struct ha_sbuf *out, uint64_t count, const char *one, const char *many)
{
    if (count == 0) {
        return;
    }
    ha_sbuf_puts(out, out->len > 0 ? "; " : "");
    if (count == 1) {
        ha_sbuf_puts(out, one);
        return;
    }
    add_count(out, count);
    ha_sbuf_puts(out, many);
}

static void tell_classes(struct ha_build *build)
{
    struct ha_sbuf text = {0};
    add_part(&text, build->missing_classes, "the class of some objects is not in the dump", " classes of objects are not in the dump");
    add_part(&text, build->bad_supers, "the super class of a class is not in the dump", " classes have a super class that is not in the dump");
    add_part(&text, build->cycles, "a class is its own ancestor", " classes are their own ancestors");
    add_part(&text, build->deep_classes, "a class has more than 1,000 ancestors", " classes have more than 1,000 ancestors");
    uint64_t count = build->missing_classes + build->bad_supers + build->cycles + build->deep_classes;
    uint64_t off = build->missing_classes > 0 ? build->missing_off : HA_ERR_NO_OFFSET;
    off = build->bad_supers > 0 && build->bad_supers_off < off ? build->bad_supers_off : off;
    ha_diag_add(build->diag, HA_DIAG_MISSING_CLASS, off, count, "%s; the fields declared there are unknown, references in them are lost", ha_sbuf_text(&text));
    ha_sbuf_deinit(&text);
    if (build->bad_arrays > 0) {
        bool one = build->bad_arrays == 1;
        ha_diag_add(build->diag, HA_DIAG_BAD_ARRAY, build->bad_arrays_off, build->bad_arrays,
                    "%" PRIu64 " object array%s of a class that is no array class; shown as java.lang.Object[]", build->bad_arrays, one ? " is" : "s are");
    }
}
static_assert(HA_CLASS_DEPTH_MAX == 1000, "as the sentence says");

/* ---- parts that were not put together ---- */

struct parts {
    uint32_t count, first, last;
    uint64_t bytes;
};

/* Whether name is BASE.p0, BASE.p1, …: which. */
static bool part_number(const char *name, const char *base, uint32_t *ret)
{
    size_t len = strlen(base);
    if (strncmp(name, base, len) != 0 || name[len] != '.' || name[len + 1] != 'p') {
        return false;
    }
    const char *digit = name + len + 2;
    uint32_t number = 0;
    bool zero_first = digit[0] == '0' && digit[1] != '\0';
    if (*digit == '\0' || zero_first) {
        return false;
    }
    for (; *digit >= '0' && *digit <= '9' && number < PARTS_MAX; digit++) {
        number = number * 10 + (uint32_t)(*digit - '0');
    }
    *ret = number;
    return *digit == '\0' && number < PARTS_MAX;
}

static void add_part_file(struct parts *parts, int folder, const char *name, uint32_t number)
{
    struct stat st;
    if (fstatat(folder, name, &st, 0) != 0 || !S_ISREG(st.st_mode)) {
        return;
    }
    parts->first = parts->count == 0 || number < parts->first ? number : parts->first;
    parts->last = number > parts->last ? number : parts->last;
    parts->count++;
    parts->bytes += (uint64_t)st.st_size;
}

/* The files FILE.p0, FILE.p1, … that a parallel dump (JDK 22 and later) left behind. The folder is read, not asked for each name: it may be far away. */
static struct parts find_parts(const char *path)
{
    struct parts parts = {0};
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    size_t folder_len = slash == NULL ? 1 : (size_t)(base - path);
    HA_FREE char *folder = ha_strndup(slash == NULL ? "." : path, folder_len);
    DIR *dir = folder == NULL ? NULL : opendir(folder);
    if (dir == NULL) {
        return parts;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        uint32_t number;
        if (part_number(entry->d_name, base, &number)) {
            add_part_file(&parts, dirfd(dir), entry->d_name, number);
        }
    }
    closedir(dir);
    return parts;
}

static void name_parts(struct ha_sbuf *out, const char *path, const struct parts *parts)
{
    ha_sbuf_printf(out, "'%s.p%" PRIu32 "'", path, parts->first);
    if (parts->count > 1) {
        ha_sbuf_printf(out, " to '%s.p%" PRIu32 "'", path, parts->last);
    }
    ha_sbuf_puts(out, " (");
    add_bytes(out, parts->bytes);
    ha_sbuf_puts(out, ")");
}

static void say_how_to_join(struct ha_sbuf *out, const char *path, const struct parts *parts)
{
    ha_sbuf_printf(out, "put them together, in this order: cat '%s' '%s.p%" PRIu32 "'", path, path, parts->first);
    if (parts->count == 2) {
        ha_sbuf_printf(out, " '%s.p%" PRIu32 "'", path, parts->last);
    } else if (parts->count > 2) {
        ha_sbuf_printf(out, " ... '%s.p%" PRIu32 "'", path, parts->last);
    }
    ha_sbuf_puts(out, " > WHOLE.hprof");
}

struct ha_err *ha_damage_no_heap(const struct ha_build *build)
{
    const char *path = ha_input_path(build->input);
    struct parts parts = find_parts(path);
    if (parts.count > 0) {
        struct ha_sbuf text = {0};
        ha_sbuf_puts(&text, "the file holds no heap: it is in the parts of a parallel dump that were not put together, ");
        name_parts(&text, path, &parts);
        ha_sbuf_puts(&text, "; ");
        say_how_to_join(&text, path, &parts);
        struct ha_err *err = ha_err_new(HA_ERR_INPUT, "%s", ha_sbuf_text(&text));
        ha_sbuf_deinit(&text);
        return err;
    }
    const struct ha_damage *damage = build->damages.count > 0 ? &build->damages.data[0] : NULL;
    if (damage != NULL) {
        return ha_err_at(HA_ERR_INPUT, damage->off, "the file holds no heap: it is cut or damaged before its first HEAP_DUMP record");
    }
    return ha_err_new(HA_ERR_INPUT, "the file holds no heap: it has no HEAP_DUMP record (the JVM was stopped before it wrote one)");
}

static void tell_parts(struct ha_build *build)
{
    const char *path = ha_input_path(build->input);
    struct parts parts = find_parts(path);
    if (parts.count == 0) {
        return;
    }
    struct ha_sbuf text = {0};
    name_parts(&text, path, &parts);
    ha_sbuf_puts(&text, parts.count == 1 ? " is a part" : " are parts");
    ha_sbuf_puts(&text, " of a parallel dump that was not put together; what is in there is missing, sizes are lower bounds; ");
    say_how_to_join(&text, path, &parts);
    ha_diag_add(build->diag, HA_DIAG_UNMERGED, HA_ERR_NO_OFFSET, parts.count, "%s", ha_sbuf_text(&text));
    ha_sbuf_deinit(&text);
}

/* ---- all of it ---- */

/* Adds a diagnostic. What the container said about the same (a compressed file that is cut) stays in front: it says why, this what it costs. */
static void tell(struct ha_build *build, enum ha_diag_code code, const struct total *total, const char *text)
{
    const struct ha_diag_entry *entry = ha_diag_get(build->diag, code);
    HA_FREE char *why = entry->count > 0 && entry->message != NULL ? ha_strndup(entry->message, strlen(entry->message)) : NULL;
    ha_diag_add(build->diag, code, total->first->off, total->count, "%s", text);
    if (why != NULL) {
        ha_diag_say(build->diag, code, "%s; %s", why, text);
    }
}

void ha_damage_tell(struct ha_build *build)
{
    struct total totals[HA_DIAG_COUNT] = {0};
    uint64_t size = ha_input_bytes(build->input);
    if (build->end_missing && !ha_build_of_serviceability_agent(build)) {
        struct ha_err *err = ha_damage_note(build, HA_DAMAGE_NO_END, 0, size, size, 0, 0);
        ha_err_free(err);
    }
    condense(build);
    for (size_t i = 0; i < build->damages.count; i++) {
        const struct ha_damage *damage = &build->damages.data[i];
        struct total *total = &totals[code_of(build, damage)];
        total->first = total->first == NULL ? damage : total->first;
        total->count++;
        total->lost += damage->lost;
        total->skipped += damage->skipped;
    }
    for (unsigned code = 0; code < HA_DIAG_COUNT; code++) {
        struct ha_sbuf text = {0};
        if (totals[code].count > 0) {
            say(&text, build, (enum ha_diag_code)code, &totals[code]);
            tell(build, (enum ha_diag_code)code, &totals[code], ha_sbuf_text(&text));
        }
        ha_sbuf_deinit(&text);
    }
    tell_classes(build);
    if (totals[HA_DIAG_TRUNCATED].count > 0) { /* the end is written when all parts have been put together */
        tell_parts(build);
    }
}
