/* SPDX-License-Identifier: MIT */
/*
 * Lists of the kids of one name. Each worker has those that it met, in no order; a long list is sorted by a bit per object of the heap, a short one by hand.
 * An object that is there twice shows that the index holds no tree.
 */
#include <stdlib.h>
#include <string.h>

#include "query/q_kids_parts.h"
#include "query/q_tree.h"

#define SORT_BY_HAND 1024U

/* The place of the next kid that belongs to the sample, among all that are listed. */
struct sampling {
    struct kid_list *list;
    uint64_t next, step, rank;
};

/* A kid that has `rank` before it. */
static inline void sample_add(struct sampling *s, uint64_t rank, uint32_t kid)
{
    if (rank == s->next && s->list->sample_count < KIDS_SAMPLE) {
        s->list->sample[s->list->sample_count++].i = kid;
        s->next += s->step;
    }
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static struct ha_err *sort_few(const struct kids *k, uint32_t name, struct sampling *s)
{
    struct kid_objects *holders = &s->list->holders;
    uint32_t numbers[SORT_BY_HAND];
    size_t count = 0;
    for (unsigned i = 0; i < k->worker_count; i++) {
        const struct name_sum *sum = &k->workers[i].sums[name];
        if (sum->objects.count > 0) {
            memcpy(numbers + count, sum->objects.data, sum->objects.count * sizeof *numbers);
            count += sum->objects.count;
        }
    }
    qsort(numbers, count, sizeof *numbers, compare_numbers);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && numbers[i] == numbers[i - 1]) {
            return ha_tree_damaged();
        }
        sample_add(s, i, numbers[i]);
        if (kid_may_hold(k, numbers[i])) {
            holders->data[holders->count++].i = numbers[i];
        }
    }
    return NULL;
}

struct bit_range {
    uint64_t *words;
    uint64_t first, end; /* words */
};

static struct bit_range bits_set(const struct kids *k, uint32_t name)
{
    struct bit_range range = {k->bits.data, UINT64_MAX, 0};
    uint32_t least = UINT32_MAX, most = 0;
    for (unsigned i = 0; i < k->worker_count; i++) {
        const struct name_sum *sum = &k->workers[i].sums[name];
        for (size_t j = 0; j < sum->objects.count; j++) {
            uint32_t kid = sum->objects.data[j];
            range.words[kid >> 6] |= 1ULL << (kid & 63);
            least = kid < least ? kid : least;
            most = kid > most ? kid : most;
        }
    }
    range.first = least >> 6;
    range.end = (most >> 6) + 1;
    return range;
}

/* Samples of the objects of a word, the first of which has `rank` before it. */
static void sample_word(struct sampling *s, uint64_t at, uint64_t word, uint64_t rank)
{
    for (; word != 0; word &= word - 1) {
        sample_add(s, rank++, (uint32_t)(at << 6) + (uint32_t)__builtin_ctzll(word));
    }
}

/* Those objects of a word that may dominate something. */
static size_t word_take(const struct kids *k, uint64_t at, uint64_t word, ha_obj *out)
{
    size_t count = 0;
    for (; word != 0; word &= word - 1) {
        uint32_t kid = (uint32_t)(at << 6) + (uint32_t)__builtin_ctzll(word);
        if (kid_may_hold(k, kid)) {
            out[count++].i = kid;
        }
    }
    return count;
}

/* Takes the bits in order, and clears them. */
HA_POPCNT_CLONES
static void bits_take(const struct kids *k, struct bit_range range, struct sampling *s)
{
    const uint64_t branch_words = k->q->snapshot->heap->facts.branch_count / 64;
    const bool some_leaves_hold = k->q->snapshot->retained->extra_count > 0;
    ha_obj *out = s->list->holders.data;
    for (uint64_t at = range.first; at < range.end; at++) {
        uint64_t word = range.words[at], held = (uint64_t)__builtin_popcountll(word);
        if (word == 0) {
            continue;
        }
        range.words[at] = 0;
        if (HA_UNLIKELY(s->next < s->rank + held) && s->list->sample_count < KIDS_SAMPLE) {
            sample_word(s, at, word, s->rank);
        }
        s->rank += held;
        if (at < branch_words) {
            for (const uint32_t first = (uint32_t)(at << 6); word != 0; word &= word - 1) {
                (out++)->i = first + (uint32_t)__builtin_ctzll(word);
            }
        } else if (at == branch_words || some_leaves_hold) {
            out += word_take(k, at, word, out);
        }
    }
    s->list->holders.count = (size_t)(out - s->list->holders.data);
}

static struct ha_err *sort_many(struct kids *k, uint32_t name, uint64_t count, struct sampling *s)
{
    if (k->bits.data == NULL) {
        HA_TRY(ha_big_init(&k->bits, (uint64_t)k->q->snapshot->heap->facts.object_count / 64 + 1, sizeof(uint64_t)));
    }
    bits_take(k, bits_set(k, name), s);
    return s->rank == count ? NULL : ha_tree_damaged();
}

struct ha_err *kids_list(struct kids *k, const struct kid_group *group, struct kid_list *ret)
{
    uint64_t count = 0;
    struct sampling s = {.list = ret, .step = group->count > KIDS_SAMPLE ? group->count / KIDS_SAMPLE : 1};
    ret->holders = (struct kid_objects){0};
    ret->sample_count = 0;
    for (unsigned i = 0; i < k->worker_count; i++) {
        count += k->workers[i].sums[group->name].objects.count;
    }
    if (k->below_root) {
        s.next = UINT64_MAX;
    }
    if (!ha_vec_reserve(&ret->holders, (size_t)count + 1)) {
        return ha_err_nomem();
    }
    struct ha_err *err = count <= SORT_BY_HAND ? sort_few(k, group->name, &s) : sort_many(k, group->name, count, &s);
    if (err != NULL) {
        ha_vec_deinit(&ret->holders);
    }
    return err;
}
