/* SPDX-License-Identifier: MIT */
/* The built-in rules files, src/rules/builtin, as the build embeds them (embed.py makes rules_data.c). */
#ifndef HA_SRC_RULES_RULES_BUILTIN_H
#define HA_SRC_RULES_RULES_BUILTIN_H

#include <stddef.h>
#include <stdint.h>

struct ha_builtin_file {
    const char *name; /* "netty.yaml" */
    const char *text;
};
extern const struct ha_builtin_file ha_builtin_files[];
extern const size_t ha_builtin_file_count;

struct ha_builtin_rule {
    const char *id;
    uint32_t file, begin, end; /* its bytes in the file's text, from its first line */
    const char *const *names;  /* classes it is about, without any of which it finds nothing; "BEGINNING*" too; NULL-terminated; NULL: any heap */
};
extern const struct ha_builtin_rule ha_builtin_rules[]; /* in the order of the files */
extern const size_t ha_builtin_rule_count;

/* Of all these texts. */
uint64_t rules_builtin_hash(void);

#endif
