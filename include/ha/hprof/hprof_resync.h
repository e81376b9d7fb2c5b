/* SPDX-License-Identifier: MIT */
/*
 * Where the next record begins when none begins where one should: bytes are missing, or were overwritten.
 *
 *     header  body .........[hole]......  header  body          the length of the first header leads past the second
 *                                         ^ found: a known tag, time 0, a length that fits the file, a sub-record that exists; and the
 *                                           same again where its length leads to: two links in a row (or the end of the file)
 *
 * Chance makes such a pair about once in 10^15 bytes; a byte[] that holds a heap dump can, but only behind real damage.
 * Cost: one pass over the bytes searched and a constant number of looks per place that seems to fit.
 */
#ifndef HA_HPROF_HPROF_RESYNC_H
#define HA_HPROF_HPROF_RESYNC_H

#include "ha/hprof/hprof_reader.h"

/* Whether the record is what its tag demands: a length it can have, and as heap record a sub-record that exists at its start. */
bool ha_record_plausible(struct ha_window *window, const struct ha_record *record, unsigned id_size);

/* Whether so many plausible records in a row, or fewer up to the end of the file, begin at off. */
bool ha_record_chain(struct ha_window *window, uint64_t off, unsigned id_size, unsigned links);

/* Finds the first place at or after `from` where heap segments go on; with `names`, also one where strings, classes or stacks do. false: nowhere.
   A read error counts as nowhere (the passes to come meet it again). */
bool ha_record_search(struct ha_input *input, uint64_t from, unsigned id_size, bool names, uint64_t *ret);

/* Whether all bytes of [from, end) are zero. */
bool ha_range_is_zero(struct ha_input *input, uint64_t from, uint64_t end);

#endif
