/* SPDX-License-Identifier: MIT */
/* The word that was probably meant. */
#ifndef HA_SRC_CLI_TYPO_H
#define HA_SRC_CLI_TYPO_H

#include <stddef.h>

/* Restricted Damerau-Levenshtein distance: insertions, deletions, changes, swaps of neighbours. Words longer than TYPO_WORD_MAX count as far. */
#define TYPO_WORD_MAX 63
size_t typo_distance(const char *a, const char *b);

/* Collects candidates and keeps the nearest (the first of equals). */
struct typo {
    const char *word;
    const char *best; /* NULL: none is near enough */
    size_t distance;
};
void typo_begin(struct typo *typo, const char *word);
void typo_offer(struct typo *typo, const char *candidate);

#endif
