/* SPDX-License-Identifier: MIT */
#include "query/q_common_path.h"

#include "ha/base/idmap.h"
#include "ha/base/vec.h"

#define NODES_MAX                                                                                  \
    (1U << 20) /* of the merged tree: 64 MiB; targets beyond it are left out of the sample */
#define KEEP_RATIO 0.8
#define DROP_RATIO 0.7

struct node {
    uint32_t obj;
    uint32_t parent;        /* node; HA_NONE: a root */
    uint32_t children_left; /* not added up yet */
    uint32_t best;          /* child with the most paths; HA_NONE: no child */
    uint64_t count;
    uint64_t retained_bytes;
};

struct merged {
    struct ha_query *q;
    struct ha_idmap map; /* object -> node */
    HA_VEC(struct node) nodes;
    uint64_t paths;
    uint32_t open_end; /* node whose way to the root was cut by NODES_MAX; HA_NONE: none */
};

static void merged_deinit(struct merged *m)
{
    ha_idmap_deinit(&m->map);
    ha_vec_deinit(&m->nodes);
}

/* The node of an object, made if there is none. *ret_new: it was made. */
static struct ha_err *node_of(struct merged *m, ha_obj obj, uint32_t *ret, bool *ret_new)
{
    uint32_t old;
    if (!ha_idmap_add(&m->map, obj.i, (uint32_t)m->nodes.count, &old)) {
        return ha_err_nomem();
    }
    *ret_new = old == HA_IDMAP_NONE;
    *ret = old;
    if (*ret_new) {
        struct node *node = ha_vec_push(&m->nodes);
        if (node == NULL) {
            return ha_err_nomem();
        }
        *node = (struct node){.obj = obj.i, .parent = HA_NONE, .best = HA_NONE};
        *ret = (uint32_t)m->nodes.count - 1;
    }
    return NULL;
}

/* Enters the path of a target, which `way` begins with, up to the first node that is there already. */
static struct ha_err *add_path(struct merged *m, struct ha_way *way)
{
    uint32_t number;
    bool is_new;
    HA_TRY(node_of(m, way->obj, &number, &is_new));
    m->nodes.data[number].count++;
    m->nodes.data[number].retained_bytes += ha_query_retained(m->q, way->obj);
    m->paths++;
    while (is_new && ha_way_back(way)) {
        if (m->nodes.count >= NODES_MAX) {
            m->open_end = number;
            return NULL;
        }
        uint32_t above;
        HA_TRY(node_of(m, way->obj, &above, &is_new));
        m->nodes.data[number].parent = above;
        m->nodes.data[above].children_left++;
        number = above;
    }
    return NULL;
}

static bool is_better(const struct merged *m, uint32_t a, uint32_t b)
{
    const struct node *x = &m->nodes.data[a];
    const struct node *y = &m->nodes.data[b];
    if (x->count != y->count) {
        return x->count > y->count;
    }
    if (x->retained_bytes != y->retained_bytes) {
        return x->retained_bytes > y->retained_bytes;
    }
    const struct ha_heap *heap = m->q->snapshot->heap;
    return ha_heap_address(heap, (ha_obj){x->obj}) < ha_heap_address(heap, (ha_obj){y->obj});
}

/* Adds every node to its parent, children before parents; returns the best root (HA_NONE: there is none). */
static uint32_t add_up(struct merged *m)
{
    uint32_t best_root = HA_NONE;
    for (uint32_t i = 0; i < m->nodes.count; i++) {
        uint32_t at = i;
        while (at != HA_NONE && m->nodes.data[at].children_left == 0) {
            struct node *node = &m->nodes.data[at];
            node->children_left = HA_NONE; // done
            uint32_t *best =
                node->parent == HA_NONE ? &best_root : &m->nodes.data[node->parent].best;
            if (at != m->open_end && (*best == HA_NONE || is_better(m, at, *best))) {
                *best = at;
            }
            at = node->parent;
            if (at != HA_NONE) {
                m->nodes.data[at].count += node->count;
                m->nodes.data[at].retained_bytes += node->retained_bytes;
                m->nodes.data[at].children_left--;
            }
        }
    }
    return best_root;
}

static struct ha_err *descend(const struct merged *m, uint32_t root, uint64_t sample,
                              struct ha_common_path *ret)
{
    uint64_t threshold = (uint64_t)(KEEP_RATIO * (double)sample);
    HA_VEC(ha_obj) path = {0};
    ret->accumulation_point = HA_OBJ_NONE;
    for (uint32_t at = root; at != HA_NONE && m->nodes.data[at].count > threshold;) {
        const struct node *node = &m->nodes.data[at];
        ha_obj *slot = ha_vec_push(&path);
        if (slot == NULL) {
            ha_vec_deinit(&path);
            return ha_err_nomem();
        }
        slot->i = node->obj;
        const struct node *child = node->best == HA_NONE ? NULL : &m->nodes.data[node->best];
        if (child == NULL ||
            (double)child->retained_bytes < DROP_RATIO * (double)node->retained_bytes) {
            ret->accumulation_point.i = node->obj;
            break;
        }
        at = node->best;
    }
    ret->count = path.count;
    ret->objects = ha_arena_alloc(&m->q->arena, path.count + 1, sizeof *ret->objects);
    for (size_t i = 0; ret->objects != NULL && i < path.count; i++) {
        ret->objects[i] = path.data[i];
    }
    ha_vec_deinit(&path);
    return ret->objects == NULL ? ha_err_nomem() : NULL;
}

struct ha_err *ha_common_path_find(struct ha_query *q, const struct ha_multipath *multipath,
                                   const ha_obj *targets, uint64_t target_count,
                                   struct ha_common_path *ret)
{
    struct merged m = {.q = q, .open_end = HA_NONE};
    struct ha_common_path answer = {.accumulation_point = HA_OBJ_NONE};
    struct ha_err *err = NULL;
    uint64_t sample = 0;
    while (err == NULL && sample < target_count && m.nodes.count < NODES_MAX) {
        struct ha_way way;
        if (ha_multipath_way(multipath, targets[sample++], &way)) {
            err = add_path(&m, &way);
        }
    }
    if (err == NULL) {
        answer.paths = m.paths;
        err = descend(&m, add_up(&m), sample, &answer);
    }
    merged_deinit(&m);
    if (err == NULL) {
        *ret = answer;
    }
    return err;
}
