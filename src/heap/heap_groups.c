/* SPDX-License-Identifier: MIT */
/* Classes by package and by loader. The same grouping is made when totals are computed for the index and when they are shown. */
#include "ha/base/hash.h"
#include "ha/base/idmap.h"
#include "ha/heap/heap.h"

#include <string.h>

size_t ha_class_name_length(const char *name)
{
    const char *mark = strstr(name, "/0x");
    return mark != NULL ? (size_t)(mark - name) : strlen(name);
}

size_t ha_class_package_length(const char *name)
{
    size_t len = ha_class_name_length(name);
    while (len > 0 && name[len - 1] != '.') {
        len--;
    }
    return len == 0 ? 0 : len - 1;
}

static bool same_group(const struct ha_heap *heap, enum ha_grouping_by by, uint32_t a, uint32_t b)
{
    const struct ha_class *x = &heap->classes[a], *y = &heap->classes[b];
    if (by == HA_GROUPING_LOADER) {
        return ha_obj_equal(x->loader, y->loader);
    }
    size_t len = ha_class_package_length(x->name);
    return len == ha_class_package_length(y->name) && memcmp(x->name, y->name, len) == 0;
}

/* The group of a class: the map finds it by hash; another group with the same hash moves on to the next number. */
static struct ha_err *group_class(const struct ha_heap *heap, enum ha_grouping_by by, struct ha_idmap *map, uint32_t cls, struct ha_grouping *grouping)
{
    const struct ha_class *c = &heap->classes[cls];
    uint64_t hash = by == HA_GROUPING_LOADER ? c->loader.i : ha_hash(c->name, ha_class_package_length(c->name));
    for (;; hash++) {
        uint32_t old;
        if (!ha_idmap_add(map, hash, grouping->count, &old)) {
            return ha_err_nomem();
        }
        if (old == HA_IDMAP_NONE) {
            grouping->first_class[grouping->count] = cls;
            grouping->of_class[cls] = grouping->count++;
            return NULL;
        }
        if (same_group(heap, by, grouping->first_class[old], cls)) {
            grouping->of_class[cls] = old;
            return NULL;
        }
    }
}

struct ha_err *ha_heap_group(const struct ha_heap *heap, enum ha_grouping_by by, struct ha_grouping *ret)
{
    uint32_t classes = heap->facts.class_count;
    struct ha_grouping grouping = {0, ha_alloc_array(classes, sizeof(uint32_t)), ha_alloc_array(classes, sizeof(uint32_t))};
    struct ha_idmap map = {0}, names = {0}; /* names: classes that share one, by where it is; a long one is looked at once */
    struct ha_err *err = grouping.of_class == NULL || grouping.first_class == NULL ? ha_err_nomem() : NULL;
    for (uint32_t c = 0; c < classes && err == NULL; c++) {
        uint32_t same = HA_IDMAP_NONE;
        if (by == HA_GROUPING_PACKAGE && !ha_idmap_add(&names, (uintptr_t)heap->classes[c].name, c, &same)) {
            err = ha_err_nomem();
        } else if (same != HA_IDMAP_NONE) {
            grouping.of_class[c] = grouping.of_class[same];
        } else {
            err = group_class(heap, by, &map, c, &grouping);
        }
    }
    ha_idmap_deinit(&map);
    ha_idmap_deinit(&names);
    if (err != NULL) {
        ha_grouping_deinit(&grouping);
        return err;
    }
    *ret = grouping;
    return NULL;
}

void ha_grouping_deinit(struct ha_grouping *grouping)
{
    ha_free(grouping->of_class);
    ha_free(grouping->first_class);
    *grouping = (struct ha_grouping){0};
}
