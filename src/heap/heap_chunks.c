/* SPDX-License-Identifier: MIT */
/*
 * Stacks of virtual threads that are not running lie in the heap, in objects of jdk.internal.vm.StackChunk: the only instances whose size is
 * not that of their class. Their field `size` says how many words the stack takes; it is kept in the index (section SCNK), ascending by object.
 */
#include "ha/heap/heap.h"

#include "ha/base/mem.h"
#include "ha/base/vec.h"
#include "ha/heap/heap_gaps.h"

#include <string.h>

struct ha_err *ha_heap_chunks(const struct ha_heap *heap, uint32_t **ret_pairs, uint64_t *ret_count)
{
    uint32_t chunk_class = HA_NONE;
    HA_VEC(uint32_t) pairs = {0};
    for (uint32_t c = 0; c < heap->facts.class_count && chunk_class == HA_NONE; c++) {
        chunk_class = strcmp(heap->classes[c].name, "jdk.internal.vm.StackChunk") == 0 && heap->gaps[c].count > 0 ? c : HA_NONE;
    }
    struct ha_window window;
    ha_window_init(&window, heap->input, HA_WINDOW_RANDOM);
    struct ha_err *err = NULL;
    for (uint32_t obj = 0; chunk_class != HA_NONE && obj < heap->facts.object_count && err == NULL; obj++) {
        int64_t words;
        if (ha_heap_class_of(heap, (ha_obj){obj}).i != chunk_class || ha_heap_is_array(heap, (ha_obj){obj}) ||
            !ha_heap_read_long(heap, &window, (ha_obj){obj}, "size", &words) || words <= 0 || words > INT32_MAX) {
            continue;
        }
        if (!ha_vec_reserve(&pairs, 2)) {
            err = ha_err_nomem();
            break;
        }
        pairs.data[pairs.count++] = obj;
        pairs.data[pairs.count++] = (uint32_t)words;
    }
    ha_window_deinit(&window);
    if (err != NULL) {
        ha_vec_deinit(&pairs);
        return err;
    }
    *ret_pairs = pairs.data;
    *ret_count = pairs.count / 2;
    return NULL;
}
