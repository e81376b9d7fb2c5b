/* SPDX-License-Identifier: MIT */
/*
 * Depth-first search from all roots without a stack: parent[] leads back, and while an object waits for those below it, semi[] holds which of
 * its references is next. (Its semidominator cannot become known meanwhile: references from above it are taken when it is left.)
 * References to leaves are passed over, those down the tree and into the trees of earlier roots are folded into semi[] at once, the others are logged.
 *
 * The log is kept in buckets of 65536 targets, each a chunk list, so that the next phase finds the references of one target close
 * together.
 */
#include "dom/dom_search.h"

#include "ha/graph/graph.h"
#include "ha/heap/heap_sections.h"

#include <string.h>

#define ROOT_MARK 0x80000000U  /* in pre[]: a root; no references to it need to be looked at */
#define TAKEN_ALL UINT32_MAX
#define CACHE_LINE 64U

/* Objects that refer to each other often lie near each other, so with the memory of an object that around it is asked for, where this is so. */
#define ROW_LINES 4    /* 64 bytes each, before a row and behind its begin */
#define NUMBER_LINES 1 /* before and behind its number, and the start of its row */
#define NEAR_OBJECTS 32U
#define NEAR_ENOUGH (HA_SPOOL_WINDOW / 256U) /* so many of a window of vertex[] lie near the one entered before (random order: none, javac: 4 %, HeapMix: 90 %) */

static struct ha_err *find_class_edges(struct ha_search *search)
{
    const struct ha_build *build = search->build;
    search->class_edges = ha_alloc_array(build->classes.count + 1, sizeof(uint32_t));
    if (search->class_edges == NULL) {
        return ha_err_nomem();
    }
    for (size_t i = 0; i < build->classes.count; i++) {
        const struct ha_build_class *cls = &build->classes.data[i];
        bool matters = (cls->flags & HA_CLASS_IS_ROOT) == 0 && cls->object.i < build->facts.branch_count;
        search->class_edges[i] = matters ? cls->object.i : HA_NONE;
    }
    return NULL;
}

/* Whether their places take more than 32 bits. */
static inline bool many_targets(const struct ha_search *search)
{
    return search->target_count >= TAKEN_ALL;
}

struct ha_err *ha_search_init(struct ha_search *search, struct ha_build *build)
{
    *search = (struct ha_search){.build = build};
    uint64_t n = (uint64_t)build->facts.branch_count + 2;
    struct ha_index_section section;
    search->row_start = build->row_starts.data;
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_TARGETS, &section));
    search->targets = section.data;
    search->target_count = section.count;
    search->class_column = build->class_column.data;
    search->class_width = build->classes.count <= 65536 ? 2 : 4;
    HA_TRY(ha_big_init(&search->pre, n, sizeof(uint32_t)));
    HA_TRY(ha_big_init_raw(&search->parent, n, sizeof(uint32_t)));
    HA_TRY(ha_big_init_raw(&search->semi, n, sizeof(uint32_t)));
    HA_TRY(many_targets(search) ? ha_big_init_cold(&search->vertex, n, sizeof(uint32_t)) : ha_spool_init(&search->vertices, n));
    search->bucket_count = (uint32_t)(n >> HA_LOG_BUCKET_BITS) + 1;
    search->buckets = ha_calloc_array(search->bucket_count, sizeof *search->buckets);
    search->root_bits = ha_calloc_array(build->facts.object_count / 64 + 1, sizeof(uint64_t));
    if (search->buckets == NULL || search->root_bits == NULL) {
        return ha_err_nomem();
    }
    for (size_t i = 0; i < build->final_roots.count; i++) {
        uint32_t obj = build->final_roots.data[i].obj.i;
        search->root_bits[obj >> 6] |= 1ULL << (obj & 63);
    }
    return find_class_edges(search);
}

struct ha_err *ha_search_use_packed(struct ha_search *search)
{
    struct ha_index_section blocks, large;
    HA_TRY(ha_index_writer_section(search->build->writer, HA_SECTION_ROWS_PACKED, &blocks));
    HA_TRY(ha_index_writer_section(search->build->writer, HA_SECTION_ROWS_LARGE, &large));
    /* nothing is opened where rows are out of order */
    (void)ha_starts_open(&blocks, &large, search->build->facts.branch_count, search->target_count, &search->packed);
    return NULL;
}

void ha_search_drop_log(struct ha_search *search)
{
    ha_chunks_deinit(&search->log);
    ha_free(search->buckets);
    search->buckets = NULL;
}

void ha_search_deinit(struct ha_search *search)
{
    ha_spool_deinit(&search->vertices);
    ha_big_deinit(&search->vertex);
    ha_big_deinit(&search->pre);
    ha_big_deinit(&search->parent);
    ha_big_deinit(&search->semi);
    ha_big_deinit(&search->word);
    ha_search_drop_log(search);
    ha_free(search->root_bits);
    ha_free(search->class_edges);
}

static HA_NOINLINE struct ha_err *chunk_add(struct ha_search *search, struct ha_chunk_list *bucket)
{
    HA_TRY(ha_chunks_next(&search->log, bucket));
    ((struct ha_log_chunk *)bucket->chunk)->count = 0;
    return NULL;
}

/* Of two sources in line the lower one says what the higher one would: the path from it leads through the other. So what waits below the last source
   of its bucket adds nothing, and what was entered from it takes its place. */
static inline struct ha_err *log_reference(struct ha_search *search, uint32_t target, uint32_t source, uint32_t source_parent)
{
    struct ha_chunk_list *bucket = &search->buckets[target >> HA_LOG_BUCKET_BITS];
    struct ha_log_chunk *chunk = bucket->chunk;
    const uint16_t slot = target & ((1U << HA_LOG_BUCKET_BITS) - 1);
    if (chunk != NULL && chunk->target[chunk->count - 1] == slot) {
        uint32_t *last = &chunk->source[chunk->count - 1];
        if (*last >= source) {
            return NULL;
        }
        if (*last == source_parent) {
            *last = source;
            return NULL;
        }
    }
    if (HA_UNLIKELY(chunk == NULL || chunk->count == HA_LOG_CHUNK_REFERENCES)) {
        HA_TRY(chunk_add(search, bucket));
        chunk = bucket->chunk;
    }
    chunk->target[chunk->count] = slot;
    chunk->source[chunk->count++] = source;
    return NULL;
}

/* Where the search stands: which object's references are being taken. */
struct cursor {
    uint32_t current;     /* its number; 0: none */
    uint32_t tree;        /* number of the root above it */
    uint32_t sibling;     /* to be tried after what is below the current object: its row was asked for; HA_NONE: none */
    uint32_t class_edge;  /* a class object to be tried before the row, or HA_NONE */
    const uint32_t *edge; /* next of the row; NULL at its end */
    uint32_t entered;     /* the object entered last */
    uint32_t near;        /* objects of this window that lie near the one entered before */
    bool neighbours;      /* to be asked for */
    const uint32_t *targets;
    uint32_t *vertex, *pre, *parent, *semi; /* arrays of the search, vertex[] at number & vertex_mask */
    uint64_t vertex_mask;
};

static HA_NOINLINE const uint32_t *packed_row_of(const struct ha_search *search, uint32_t obj)
{
    struct ha_span row = ha_starts_get(&search->packed, obj);
    return row.length == 0 ? NULL : search->targets + row.begin;
}

static inline const uint32_t *row_of(const struct ha_search *search, uint32_t obj)
{
    if (HA_UNLIKELY(search->packed.item_count > 0)) {
        return packed_row_of(search, obj);
    }
    uint64_t start = ha_le40(search->row_start + 5 * (size_t)obj);
    return start == HA_ROW_EMPTY ? NULL : search->targets + start;
}

/* What semi[] says of an object that waits: the place of its next reference among all targets, or, where these are too many for 32 bits, in its row. */
static inline uint32_t place_of_edge(const struct ha_search *search, const struct cursor *c)
{
    if (c->edge == NULL) {
        return TAKEN_ALL;
    }
    return (uint32_t)(c->edge - (HA_LIKELY(!many_targets(search)) ? c->targets : row_of(search, c->vertex[c->current])));
}

static inline const uint32_t *edge_at(const struct ha_search *search, const struct cursor *c, uint32_t waited)
{
    uint32_t place = c->semi[waited];
    if (place == TAKEN_ALL) {
        return NULL;
    }
    return (HA_LIKELY(!many_targets(search)) ? c->targets : row_of(search, c->vertex[waited])) + place;
}

/* Asks for so many lines before and behind that of an address. */
HA_INLINE void ask_around(const void *address, uintptr_t lines)
{
    for (uintptr_t i = 1; i <= lines; i++) {
        __builtin_prefetch((const void *)((uintptr_t)address - i * CACHE_LINE));
        __builtin_prefetch((const void *)((uintptr_t)address + i * CACHE_LINE));
    }
}

/* Begins with a new window of vertex[], and looks whether the objects of the last one lay near each other. */
static HA_NOINLINE struct ha_err *next_window(struct ha_search *search, struct cursor *c)
{
    c->neighbours = c->near >= NEAR_ENOUGH && search->packed.item_count == 0; /* see look_ahead() */
    c->near = 0;
    return c->vertex_mask == UINT64_MAX ? NULL : ha_spool_next(&search->vertices, search->count);
}

/* Notes whether a new object lies near the one before, and asks for its neighbours where that is usual. */
static inline void ask_for_neighbours(const struct ha_search *search, struct cursor *c, uint32_t obj)
{
    c->near += obj - c->entered + NEAR_OBJECTS < 2 * NEAR_OBJECTS;
    c->entered = obj;
    if (c->neighbours) {
        ask_around(c->edge != NULL ? c->edge : c->targets, ROW_LINES);
        ask_around(search->row_start + 5 * (size_t)obj, NUMBER_LINES);
        ask_around(&c->pre[obj], NUMBER_LINES);
    }
}

/* Numbers a new object below the current one, which waits. */
static inline struct ha_err *enter(struct ha_search *search, struct cursor *c, uint32_t obj)
{
    if (c->current != 0) {
        c->semi[c->current] = place_of_edge(search, c);
    }
    uint32_t p = ++search->count;
    if (HA_UNLIKELY(p % HA_SPOOL_WINDOW == 0)) {
        HA_TRY(next_window(search, c));
    }
    c->pre[obj] |= p;
    c->vertex[p & c->vertex_mask] = obj;
    c->parent[p] = c->current;
    c->current = p;
    c->class_edge = search->class_edges[ha_search_class_of(search, obj)];
    c->edge = row_of(search, obj);
    ask_for_neighbours(search, c, obj);
    return NULL;
}

/* Goes back to the object above the current one. false: there is none. */
static inline bool leave(const struct ha_search *search, struct cursor *c)
{
    uint32_t above = c->parent[c->current];
    c->semi[c->current] = above;
    c->current = above;
    if (above == 0) {
        return false;
    }
    c->edge = edge_at(search, c, above);
    return true;
}

/* Asks for what it takes to enter the next object of a row, before all that is below the one just found is entered. Where its references lie is only
   known once the begin of its row has come, so they are asked for one object later. */
static inline void look_ahead(const struct ha_search *search, struct cursor *c, uint32_t branch_count)
{
    if (HA_UNLIKELY(search->packed.item_count > 0)) {
        return; /* what lies in files is not to be had ahead */
    }
    if (c->sibling < branch_count) {
        uint64_t start = ha_le40(search->row_start + 5 * (size_t)c->sibling);
        __builtin_prefetch(search->targets + (start == HA_ROW_EMPTY ? 0 : start));
    }
    c->sibling = c->edge == NULL ? HA_NONE : *c->edge & ~HA_EDGE_END;
    if (c->sibling < branch_count) {
        __builtin_prefetch(&c->pre[c->sibling]);
        __builtin_prefetch(search->row_start + 5 * (size_t)c->sibling);
        __builtin_prefetch(search->class_column + (size_t)search->class_width * c->sibling);
    }
}

/* Takes references until one leads to a new object: *ret. HA_NONE when all below the root are taken. */
static inline struct ha_err *next_object(struct ha_search *search, struct cursor *c, uint32_t branch_count, uint32_t *ret)
{
    for (;;) {
        uint32_t target;
        if (HA_UNLIKELY(c->class_edge != HA_NONE)) {
            target = c->class_edge;
            c->class_edge = HA_NONE;
        } else if (c->edge != NULL) {
            uint32_t word = *c->edge;
            target = word & ~HA_EDGE_END;
            c->edge = (word & HA_EDGE_END) != 0 ? NULL : c->edge + 1;
        } else if (leave(search, c)) {
            continue;
        } else {
            *ret = HA_NONE;
            return NULL;
        }
        if (target >= branch_count) {
            continue; /* leaves and null referents */
        }
        uint32_t q = c->pre[target];
        if (q == 0 || q == ROOT_MARK) {
            *ret = target;
            look_ahead(search, c, branch_count);
            return NULL;
        }
        if (q > c->current) {
            if ((q & ROOT_MARK) == 0 && c->semi[q] > c->current) {
                c->semi[q] = c->current;
            }
        } else if (q < c->tree) {
            c->semi[q] = 0; /* below another root: no path between the two */
        } else if (q != c->current) {
            HA_TRY(log_reference(search, q, c->current, c->parent[c->current]));
        }
    }
}

struct ha_err *ha_search_run(struct ha_search *search)
{
    const struct ha_build *build = search->build;
    const uint32_t branch_count = build->facts.branch_count;
    uint32_t *pre = search->pre.data, *semi = search->semi.data;
    for (size_t r = 0; r < build->final_roots.count; r++) {
        uint32_t root = build->final_roots.data[r].obj.i;
        if (root < branch_count) {
            pre[root] = ROOT_MARK;
        }
    }
    struct cursor cursor = {.sibling = HA_NONE, .neighbours = search->packed.item_count == 0, .targets = search->targets,
                            .vertex = search->vertex.data, .vertex_mask = UINT64_MAX, .pre = pre, .parent = search->parent.data, .semi = semi};
    if (!many_targets(search)) {
        cursor.vertex = search->vertices.window;
        cursor.vertex_mask = search->vertices.mask;
    }
    cursor.vertex[0] = HA_NONE; /* no object */
    for (size_t r = 0; r < build->final_roots.count; r++) {
        uint32_t target = build->final_roots.data[r].obj.i;
        if (target >= branch_count || pre[target] != ROOT_MARK) {
            continue;
        }
        cursor.current = 0;
        cursor.tree = search->count + 1;
        while (target != HA_NONE) {
            HA_TRY(enter(search, &cursor, target));
            HA_TRY(next_object(search, &cursor, branch_count, &target));
        }
    }
    for (size_t r = 0; r < build->final_roots.count; r++) {
        uint32_t root = build->final_roots.data[r].obj.i;
        if (root < branch_count) {
            pre[root] &= ~ROOT_MARK;
            semi[pre[root]] = 0;
        }
    }
    if (!many_targets(search)) {
        HA_TRY(ha_spool_finish(&search->vertices, (uint64_t)search->count + 1, &search->vertex));
    }
    return ha_chunks_finish(&search->log);
}
