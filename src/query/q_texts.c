/* SPDX-License-Identifier: MIT */
#include "query/q_texts.h"

#include <string.h>

#include "ha/base/hash.h"

static struct ha_err *enter(struct texts *texts, const char *text, uint32_t *ret)
{
    const char *copy = ha_arena_strndup(texts->arena, text, strlen(text));
    const char **slot = copy == NULL ? NULL : ha_vec_push(&texts->list);
    if (slot == NULL) {
        return ha_err_nomem();
    }
    *slot = copy;
    *ret = (uint32_t)texts->list.count - 1;
    return NULL;
}

struct ha_err *texts_number(struct texts *texts, const char *text, uint32_t *ret)
{
    for (uint64_t hash = ha_hash(text, strlen(text));; hash++) {
        uint32_t old;
        if (!ha_idmap_add(&texts->numbers, hash, (uint32_t)texts->list.count, &old)) {
            return ha_err_nomem();
        }
        if (old == HA_IDMAP_NONE) {
            return enter(texts, text, ret);
        }
        if (strcmp(texts->list.data[old], text) == 0) {
            *ret = old;
            return NULL;
        }
    }
}

struct ha_err *texts_number_of(struct texts *texts, struct ha_sbuf *text, uint32_t *ret)
{
    struct ha_err *err = ha_sbuf_failed(text) ? ha_err_nomem() : texts_number(texts, ha_sbuf_text(text), ret);
    ha_sbuf_deinit(text);
    return err;
}

void texts_deinit(struct texts *texts)
{
    ha_vec_deinit(&texts->list);
    ha_idmap_deinit(&texts->numbers);
}
