/* SPDX-License-Identifier: MIT */
/* Between the files of snapshot. */
#ifndef HA_SNAPSHOT_INTERNAL_H
#define HA_SNAPSHOT_INTERNAL_H

#include "ha/heap/heap_build.h"
#include "ha/snapshot/snapshot.h"

/* snapshot_build.c: runs all passes into a writer and puts the index in place. `build` has done pass 1 and is used up. path NULL: unnamed, in temp_dir. */
struct ha_err *ha_snapshot_build(struct ha_build *build, const struct ha_snapshot_options *options, const char *path,
                                 const struct ha_fingerprint *fingerprint, struct ha_diag *diag, struct ha_index **ret) HA_WARN_UNUSED;

/* snapshot_extend.c: adds retained sizes and totals under the asked size model to the open index of a snapshot. The index is used up on success;
   *ret is the longer one, in its place or, where that cannot be written, unnamed. */
struct ha_err *ha_snapshot_extend(struct ha_snapshot *snapshot, const struct ha_snapshot_options *options, struct ha_index **ret) HA_WARN_UNUSED;

/* snapshot.c: a notice "WHY: WHAT"; without memory WHAT alone. */
void ha_snapshot_notice(const struct ha_snapshot_options *options, const char *why, const char *what);

/* snapshot.c: whether it is the folder or the disk that would not have an index. */
bool ha_snapshot_cannot_write(const struct ha_err *err);

/* snapshot_pack.c: whether the columns of an index are packed. */
bool ha_snapshot_is_packed(const struct ha_index *index);

/* From now on columns that can be packed are set aside; all of them and nothing else is to be made before ha_snapshot_pack() puts them into the index. */
struct ha_err *ha_snapshot_pack_begin(struct ha_index_writer *writer, enum ha_size_model model) HA_WARN_UNUSED;
struct ha_err *ha_snapshot_pack(struct ha_index_writer *writer, enum ha_size_model model, unsigned threads) HA_WARN_UNUSED;

/* Makes the retained column of a size model a packed one, in memory of its own (ha_free()) that *section then points to; other sections, and what
   cannot be packed, stay as they are. */
struct ha_err *ha_snapshot_pack_retained(enum ha_size_model model, unsigned threads, struct ha_index_section *section) HA_WARN_UNUSED;

/* snapshot_diag.c: the list of damage and notes as a section, and back. A wrong section is HA_ERR_INPUT. */
struct ha_err *ha_diag_write(const struct ha_diag *diag, struct ha_index_writer *writer) HA_WARN_UNUSED;
struct ha_err *ha_diag_read(const struct ha_index *index, struct ha_diag *diag) HA_WARN_UNUSED;

/* snapshot_input.c: opens the dump of a snapshot, with the help of its index, or without one (NULL; damage then goes to the snapshot's list). What
   the index holds must live as long as the input. */
struct ha_err *ha_snapshot_input_open(const struct ha_snapshot *snapshot, const struct ha_snapshot_options *options,
                                      const struct ha_index *index, struct ha_input **ret) HA_WARN_UNUSED;

/* Writes what the next one to open the dump with the index needs, if anything. */
struct ha_err *ha_snapshot_input_write(const struct ha_input *input, struct ha_index_writer *writer) HA_WARN_UNUSED;

/* snapshot_memory.c: fits the run to the memory there is: number of threads, where big arrays lie (ha_big_limit_set(), until
   ha_snapshot_close()). After pass 1. HA_ERR_SYSTEM when it cannot be enough: says how much would be. index_path may be NULL. */
struct ha_err *ha_snapshot_memory_fit(struct ha_build *build, const struct ha_snapshot_options *options, const char *index_path) HA_WARN_UNUSED;

/* snapshot_memory.c: once objects are counted, how much of big arrays shall be anonymous (ha_big_aim_set()). */
void ha_snapshot_memory_aim(const struct ha_build *build);

#endif
