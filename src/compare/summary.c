/* SPDX-License-Identifier: MIT */
#include "ha/compare/summary.h"

#include <stdlib.h>
#include <string.h>

#include "ha/base/file.h"
#include "ha/query/q_rank.h"

void ha_summary_deinit(struct ha_summary *summary)
{
    ha_arena_deinit(&summary->arena);
}

static int compare_classes(const void *ctx, const void *a, const void *b)
{
    const struct ha_summary_class *x = a, *y = b;
    (void)ctx;
    return strcmp(x->name, y->name);
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

uint64_t ha_summary_classes_merge(struct ha_summary_class *classes, uint64_t count)
{
    uint64_t kept = 0;
    ha_rank_sort(classes, count, sizeof *classes, compare_classes, NULL);
    for (uint64_t i = 0; i < count; i++) {
        struct ha_sizes3 *last = kept == 0 ? NULL : &classes[kept - 1].sizes;
        if (last == NULL || strcmp(classes[kept - 1].name, classes[i].name) != 0) {
            classes[kept++] = classes[i];
            continue;
        }
        last->instances = add(last->instances, classes[i].sizes.instances);
        last->shallow_bytes = add(last->shallow_bytes, classes[i].sizes.shallow_bytes);
        last->retained_bytes = add(last->retained_bytes, classes[i].sizes.retained_bytes);
    }
    return kept;
}

static int find_class(const void *key, const void *row)
{
    return strcmp(key, ((const struct ha_summary_class *)row)->name);
}

static int find_place(const void *key, const void *row)
{
    return strcmp(key, ((const struct ha_summary_place *)row)->signature);
}

const struct ha_summary_class *ha_summary_class_find(const struct ha_summary *summary, const char *name)
{
    return summary->class_count == 0 ? NULL
                                     : bsearch(name, summary->classes, summary->class_count,
                                               sizeof *summary->classes, find_class);
}

const struct ha_summary_place *ha_summary_place_find(const struct ha_summary *summary, const char *signature)
{
    return summary->place_count == 0 ? NULL
                                     : bsearch(signature, summary->places, summary->place_count,
                                               sizeof *summary->places, find_place);
}

struct ha_err *ha_summary_is_json(const char *path, bool *ret)
{
    struct ha_file_info info;
    unsigned char head[64];
    size_t len = 0;
    int fd = -1;
    *ret = false;
    HA_TRY(ha_file_open_plain(path, &fd, &info));
    struct ha_err *err = info.regular ? ha_file_read_at(fd, path, 0, head, sizeof head, &len) : NULL;
    ha_file_close(fd);
    HA_TRY(err);
    size_t i = 0;
    while (i < len && strchr(" \t\r\n", head[i]) != NULL && head[i] != '\0') {
        i++;
    }
    *ret = i < len && head[i] == '{';
    return NULL;
}
