/* SPDX-License-Identifier: MIT */
/*
 * The word that was probably meant: the candidate with the smallest edit distance, if that is small for a word of this length.
 */
#include "cli/typo.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t typo_distance(const char *a, const char *b)
{
    size_t rows[3][TYPO_WORD_MAX +
                   1]; // the row before the last, the last one, this one; swaps look two back
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (a_len > TYPO_WORD_MAX || b_len > TYPO_WORD_MAX) {
        return a_len > b_len ? a_len : b_len;
    }
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *here = rows[i % 3];
        const size_t *last = rows[(i + 2) % 3];
        const size_t *before = rows[(i + 1) % 3];
        here[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = last[j - 1] + (a[i - 1] != b[j - 1]);
            here[j] = least(change, least(last[j], here[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                here[j] = least(here[j], before[j - 2] + 1);
            }
        }
    }
    return rows[a_len % 3][b_len];
}

void typo_begin(struct typo *typo, const char *word)
{
    *typo = (struct typo){.word = word, .distance = strlen(word) / 3 + 2};
}

void typo_offer(struct typo *typo, const char *candidate)
{
    size_t distance = typo_distance(typo->word, candidate);
    size_t len = strlen(candidate);
    // A word that is the beginning of another is a good guess too: "hist" for "histogram".
    if (strlen(typo->word) >= 2 && strncmp(typo->word, candidate, strlen(typo->word)) == 0) {
        distance = 1;
    }
    if (distance < typo->distance && distance < len) {
        typo->best = candidate;
        typo->distance = distance;
    }
}
