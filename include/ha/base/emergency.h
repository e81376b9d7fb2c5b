/* SPDX-License-Identifier: MIT */
/*
 * What a signal handler must know when it ends the program: the temporary names to remove, and which mapped file an address belongs to.
 * Other code adds and drops entries as files come and go; handlers ask. Everything here is async-signal-safe and takes no lock.
 */
#ifndef HA_BASE_EMERGENCY_H
#define HA_BASE_EMERGENCY_H

#include <stdbool.h>
#include <stddef.h>

/* Notes a temporary name (copied), best before the file gets it: returns an entry for ha_emergency_temp_drop(), or 0 when there is no room for it (a
   later run then removes the file, if this one is stopped). */
unsigned ha_emergency_temp_add(const char *path);
void ha_emergency_temp_drop(unsigned entry); /* 0 is fine */

/* Unlinks every noted name. For handlers that end the program. */
void ha_emergency_temps_remove(void);

/* Notes that [start, start + bytes) is a mapping of the file called name (borrowed, must live until the entry is dropped). */
void ha_emergency_map_add(const void *start, size_t bytes, const char *name, bool writable);
void ha_emergency_map_drop(const void *start); /* one that was not added is fine */

/* The name of the mapped file that address lies in, NULL when it lies in none; *ret_writable tells how it was mapped. */
const char *ha_emergency_map_name(const void *address, bool *ret_writable);

#endif
