/* SPDX-License-Identifier: MIT */
/* The built-in rules files, src/rules/builtin, as the build embeds them (embed.py makes rules_builtin.c). */
#ifndef HA_SRC_RULES_RULES_BUILTIN_H
#define HA_SRC_RULES_RULES_BUILTIN_H

#include <stddef.h>
#include <stdint.h>

struct ha_builtin_rules {
    const char *name; /* "netty.yaml" */
    const char *text;
};

extern const struct ha_builtin_rules ha_builtin_rules[];
extern const size_t ha_builtin_rules_count;

/* Of all these texts (rules_file.c). */
uint64_t rules_builtin_hash(void);

#endif
