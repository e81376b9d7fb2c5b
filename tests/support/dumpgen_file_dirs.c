/* SPDX-License-Identifier: MIT */
/*
 * Directives about the file: its header, how and in which order it is written, and what shall be wrong with it.
 */
#include "dumpgen_parse.h"

#include <string.h>

static bool hprof_directive(struct parser *p)
{
    const char *version;
    if (!parse_word(p, &version)) {
        return false;
    }
    size_t len = strlen(version);
    if (len >= sizeof p->f->version) {
        return parse_fail(p, "version is too long");
    }
    memcpy(p->f->version, version, len + 1);
    while (!at_end(p)) {
        uint64_t id_size = p->f->options.out.id_size;
        bool ok = parse_keyword(p, "id") ? parse_unsigned(p, &id_size)
                  : parse_keyword(p, "time")
                      ? parse_unsigned(p, &p->f->options.out.time_ms)
                      : parse_fail(p, "'%s' is no part of a header", token_text(p));
        if (!ok) {
            return false;
        }
        p->f->options.out.id_size = (unsigned)id_size;
    }
    return true;
}

static bool use_directive(struct parser *p)
{
    const char *what;
    if (!parse_word(p, &what)) {
        return false;
    }
    struct gen_error error = {0};
    return gen_use(p->f, what, &error) || parse_fail(p, "%.180s", error.message);
}

static bool framing_directive(struct parser *p)
{
    struct hprof_out_options *out = &p->f->options.out;
    if (parse_keyword(p, "dump")) {
        out->framing = HPROF_FRAMING_DUMP;
        out->no_end = true;
        return true;
    }
    if (parse_keyword(p, "each")) {
        out->framing = HPROF_FRAMING_EACH;
        return true;
    }
    if (parse_keyword(p, "segments")) {
        out->framing = HPROF_FRAMING_SEGMENTS;
        return at_end(p) || parse_unsigned(p, &out->segment_bytes);
    }
    return parse_fail(p, "expected dump, segments BYTES or each");
}

static bool end_directive(struct parser *p)
{
    bool yes = parse_keyword(p, "yes");
    if (!yes && !parse_keyword(p, "no")) {
        return parse_fail(p, "expected yes or no");
    }
    p->f->options.out.no_end = !yes;
    return true;
}

static bool names_directive(struct parser *p)
{
    bool dotted = parse_keyword(p, "dotted");
    if (!dotted && !parse_keyword(p, "slashed")) {
        return parse_fail(p, "expected dotted or slashed");
    }
    p->f->options.dotted_names = dotted;
    return true;
}

static bool order_directive(struct parser *p)
{
    struct gen_options *options = &p->f->options;
    if (parse_keyword(p, "shuffled")) {
        options->shuffle_all = true;
        return at_end(p) || parse_unsigned(p, &options->seed);
    }
    bool seen[3] = {false};
    for (size_t i = 0; i < 3; i++) {
        options->order[i] = parse_keyword(p, "classes")   ? GEN_CLASSES
                            : parse_keyword(p, "objects") ? GEN_OBJECTS
                                                          : GEN_ROOTS;
        if ((options->order[i] == GEN_ROOTS && !parse_keyword(p, "roots")) ||
            seen[options->order[i]]) {
            return parse_fail(
                p, "expected classes, objects and roots in some order, or shuffled SEED");
        }
        seen[options->order[i]] = true;
    }
    return true;
}

static bool objects_directive(struct parser *p)
{
    struct gen_options *options = &p->f->options;
    if (parse_keyword(p, "ascending")) {
        options->sequence = GEN_ASCENDING;
        return true;
    }
    if (parse_keyword(p, "written")) {
        options->sequence = GEN_AS_WRITTEN;
        return true;
    }
    if (parse_keyword(p, "shuffled")) {
        options->sequence = GEN_SHUFFLED;
        return at_end(p) || parse_unsigned(p, &options->seed);
    }
    return parse_fail(p, "expected ascending, written or shuffled SEED");
}

static bool strings_directive(struct parser *p)
{
    if (parse_keyword(p, "bytes")) {
        p->f->options.strings = GEN_STRING_BYTES;
        return true;
    }
    if (parse_keyword(p, "chars")) {
        p->f->options.strings = GEN_STRING_CHARS;
        return true;
    }
    return parse_fail(p, "expected bytes or chars");
}

static bool refs_directive(struct parser *p)
{
    uint64_t bytes;
    if (!parse_unsigned(p, &bytes) || (bytes != 4 && bytes != 8)) {
        return parse_fail(p, "expected 4 or 8");
    }
    p->f->options.ref_bytes = (unsigned)bytes;
    return true;
}

static bool base_directive(struct parser *p)
{
    if (!parse_unsigned(p, &p->f->options.base)) {
        return false;
    }
    p->f->options.dense = parse_keyword(p, "dense");
    return true;
}

static bool align_directive(struct parser *p)
{
    uint64_t bytes;
    if (!parse_unsigned(p, &bytes) || bytes == 0 || bytes > 4096) {
        return parse_fail(p, "expected an alignment");
    }
    p->f->options.alignment = (unsigned)bytes;
    return true;
}

static bool string_ids_directive(struct parser *p)
{
    return parse_unsigned(p, &p->f->options.string_base);
}

static bool default_trace_directive(struct parser *p)
{
    uint64_t serial;
    if (!parse_unsigned(p, &serial)) {
        return false;
    }
    p->f->options.trace = (uint32_t)serial;
    return true;
}

static bool sticky_directive(struct parser *p)
{
    bool boot = parse_keyword(p, "boot");
    if (!boot && !parse_keyword(p, "none")) {
        return parse_fail(p, "expected boot or none");
    }
    gen_heap(p->f)->sticky_boot = boot;
    return true;
}

static bool heap_directive(struct parser *p)
{
    gen_heap_add(p->f, parse_keyword(p, "copy"));
    return true;
}

/* --- damage ------------------------------------------------------------------------------------------------------ */

static bool raw_directive(struct parser *p)
{
    static const struct {
        const char *name;
        enum gen_place place;
    } places[] = {
        {"header", GEN_AT_HEADER},     {"records", GEN_AT_RECORDS}, {"heap", GEN_AT_HEAP},
        {"heap-end", GEN_AT_HEAP_END}, {"end", GEN_AT_END},         {"before", GEN_BEFORE},
        {"after", GEN_AFTER},
    };
    size_t count = sizeof places / sizeof places[0];
    size_t at = 0;
    while (at < count && !parse_keyword(p, places[at].name)) {
        at++;
    }
    if (at == count) {
        return parse_fail(
            p, "expected header, records, heap, heap-end, end, before or after, got '%s'",
            token_text(p));
    }
    uint64_t id = 0;
    if ((places[at].place == GEN_BEFORE || places[at].place == GEN_AFTER) && !parse_class(p, &id)) {
        return false;
    }
    struct gen_raw *raw = sup_push(&gen_heap(p->f)->raws);
    raw->place = places[at].place;
    raw->id = id;
    return parse_bytes(p, &raw->bytes);
}

static bool poke_directive(struct parser *p)
{
    struct gen_patch *patch = sup_push(&p->f->patches);
    return parse_number(p, &patch->off) && parse_bytes(p, &patch->bytes);
}

static bool truncate_directive(struct parser *p)
{
    p->f->options.has_truncate = true;
    return parse_number(p, &p->f->options.truncate);
}

static bool heap_length_directive(struct parser *p)
{
    uint64_t length;
    if (!parse_unsigned(p, &length)) {
        return false;
    }
    p->f->options.has_heap_length = true;
    p->f->options.heap_length = (uint32_t)length;
    return true;
}

const struct directive gen_file_directives[] = {
    {"hprof", hprof_directive},
    {"use", use_directive},
    {"framing", framing_directive},
    {"end", end_directive},
    {"names", names_directive},
    {"order", order_directive},
    {"objects", objects_directive},
    {"strings", strings_directive},
    {"refs", refs_directive},
    {"base", base_directive},
    {"align", align_directive},
    {"string-ids", string_ids_directive},
    {"default-trace", default_trace_directive},
    {"sticky", sticky_directive},
    {"heap", heap_directive},
    {"raw", raw_directive},
    {"poke", poke_directive},
    {"truncate", truncate_directive},
    {"heap-length", heap_length_directive},
    {NULL, NULL},
};
