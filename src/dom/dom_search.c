/* SPDX-License-Identifier: MIT */
/*
 * Depth-first search from all roots, with an explicit stack that lies in the array the dominators will need later (8 bytes per object: number,
 * references already taken). References to leaves are passed over, those down the tree are folded into semi[] at once, the others are logged.
 *
 * The log is kept in buckets of 65536 targets, each a list of 4 KiB chunks, so that the next phase finds the references of one target close
 * together.
 */
#include "dom/dom_search.h"

#include "ha/graph/graph.h"
#include "ha/heap/heap_sections.h"

#include <string.h>

#define CHUNKS_PER_BLOCK 64U

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

struct ha_err *ha_search_init(struct ha_search *search, const struct ha_build *build)
{
    *search = (struct ha_search){.build = build};
    uint64_t n = (uint64_t)build->facts.branch_count + 2;
    struct ha_index_section section;
    search->row_start = build->row_starts.data;
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_TARGETS, &section));
    search->targets = section.data;
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_CLASS_COLUMN, &section));
    search->class_column = section.data;
    search->class_width = section.width;
    HA_TRY(ha_big_init(&search->vertex, n, sizeof(uint32_t)));
    HA_TRY(ha_big_init(&search->pre, n, sizeof(uint32_t)));
    HA_TRY(ha_big_init(&search->parent, n, sizeof(uint32_t)));
    HA_TRY(ha_big_init(&search->semi, n, sizeof(uint32_t)));
    HA_TRY(ha_big_init(&search->word, n, sizeof(uint64_t)));
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

void ha_search_deinit(struct ha_search *search)
{
    ha_big_deinit(&search->vertex);
    ha_big_deinit(&search->pre);
    ha_big_deinit(&search->parent);
    ha_big_deinit(&search->semi);
    ha_big_deinit(&search->word);
    for (size_t i = 0; i < search->blocks.count; i++) {
        ha_free(search->blocks.data[i]);
    }
    ha_vec_deinit(&search->blocks);
    ha_free(search->buckets);
    ha_free(search->root_bits);
    ha_free(search->class_edges);
}

static struct ha_log_chunk *chunk_new(struct ha_search *search)
{
    if (search->blocks.count == 0 || search->block_used == CHUNKS_PER_BLOCK) {
        struct ha_log_chunk *block = ha_alloc_array(CHUNKS_PER_BLOCK, sizeof *block);
        struct ha_log_chunk **slot = block == NULL ? NULL : ha_vec_push(&search->blocks);
        if (slot == NULL) {
            ha_free(block);
            return NULL;
        }
        *slot = block;
        search->block_used = 0;
    }
    return &search->blocks.data[search->blocks.count - 1][search->block_used++];
}

static HA_NOINLINE struct ha_err *chunk_add(struct ha_search *search, uint32_t bucket)
{
    struct ha_log_chunk *chunk = chunk_new(search);
    if (chunk == NULL) {
        return ha_err_nomem();
    }
    chunk->next = search->buckets[bucket];
    chunk->count = 0;
    search->buckets[bucket] = chunk;
    return NULL;
}

static inline struct ha_err *log_reference(struct ha_search *search, uint32_t target, uint32_t source)
{
    uint32_t bucket = target >> HA_LOG_BUCKET_BITS;
    struct ha_log_chunk *chunk = search->buckets[bucket];
    if (HA_UNLIKELY(chunk == NULL || chunk->count == sizeof chunk->pairs / sizeof *chunk->pairs)) {
        HA_TRY(chunk_add(search, bucket));
        chunk = search->buckets[bucket];
    }
    chunk->pairs[chunk->count++] = (uint64_t)target << 32 | source;
    return NULL;
}

/* The class edge of an object that was just numbered, or HA_NONE. */
static inline uint32_t class_edge(const struct ha_search *search, const uint8_t *column, uint32_t width, uint32_t obj)
{
    uint32_t cls = width == 2 ? ha_le16(column + 2 * (size_t)obj) : ha_le32(column + 4 * (size_t)obj);
    return search->class_edges[cls];
}

struct ha_err *ha_search_run(struct ha_search *search)
{
    const struct ha_build *build = search->build;
    const uint32_t branch_count = build->facts.branch_count;
    uint32_t *vertex = search->vertex.data, *pre = search->pre.data, *parent = search->parent.data, *semi = search->semi.data;
    uint64_t *stack = search->word.data;
    const uint8_t *column = search->class_column;
    const uint32_t width = search->class_width;
    uint32_t count = 0;
    for (size_t r = 0; r < build->final_roots.count; r++) {
        uint32_t target = build->final_roots.data[r].obj.i;
        if (target >= branch_count || pre[target] != 0) {
            continue;
        }
        uint64_t depth = 0;
        uint32_t current = 0; /* number of the object whose references are being taken */
        const uint32_t *edge = NULL;
        uint32_t class_target = HA_NONE;
        for (;;) {
            /* number `target`, a new object below `current` */
            uint32_t p = ++count;
            pre[target] = p;
            vertex[p] = target;
            parent[p] = current;
            semi[p] = ha_search_is_root(search, target) ? 0 : current;
            if (current != 0) {
                uint64_t start = ha_le40(search->row_start + 5 * (size_t)vertex[current]);
                uint32_t taken = edge == NULL ? UINT32_MAX : (uint32_t)(edge - (search->targets + start));
                stack[depth++] = (uint64_t)current << 32 | taken;
            }
            current = p;
            class_target = class_edge(search, column, width, target);
            uint64_t start = ha_le40(search->row_start + 5 * (size_t)target);
            edge = start == HA_ROW_EMPTY ? NULL : search->targets + start;
            target = HA_NONE;
            for (;;) {
                uint32_t t;
                if (class_target != HA_NONE) {
                    t = class_target;
                    class_target = HA_NONE;
                } else if (edge != NULL) {
                    uint32_t word = *edge;
                    t = word & ~HA_EDGE_END;
                    edge = (word & HA_EDGE_END) != 0 ? NULL : edge + 1;
                } else if (depth > 0) {
                    uint64_t top = stack[--depth];
                    current = (uint32_t)(top >> 32);
                    uint32_t taken = (uint32_t)top;
                    edge = taken == UINT32_MAX ? NULL
                                               : search->targets + ha_le40(search->row_start + 5 * (size_t)vertex[current]) + taken;
                    continue;
                } else {
                    break;
                }
                if (t >= branch_count) {
                    continue; /* leaves and null referents */
                }
                uint32_t q = pre[t];
                if (q == 0) {
                    target = t;
                    break;
                }
                if (q > current) {
                    semi[q] = semi[q] < current ? semi[q] : current;
                } else if (q != current && semi[q] != 0) {
                    search->logged++;
                    HA_TRY(log_reference(search, q, current));
                }
            }
            if (target == HA_NONE) {
                break;
            }
        }
    }
    search->count = count;
    return NULL;
}
