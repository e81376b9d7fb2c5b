/* SPDX-License-Identifier: MIT */
/* Texts with placeholders: "held by {holder} in {count} objects" becomes a list of literals and expressions. */
#include <string.h>

#include "rules/rules_model.h"

static struct ha_err *piece_add(const struct scope *scope, struct text_piece ***end, struct text_piece **ret)
{
    struct text_piece *piece = ha_arena_calloc(scope->arena, 1, sizeof *piece);
    if (piece == NULL) {
        return ha_err_nomem();
    }
    **end = piece;
    *end = &piece->next;
    *ret = piece;
    return NULL;
}

struct ha_err *text_parse(const struct scope *scope, const char *text, struct text_piece **ret)
{
    struct text_piece **end = ret;
    *ret = NULL;
    for (const char *at = text; *at != '\0';) {
        struct text_piece *piece = NULL;
        size_t len = strcspn(at, "{");
        HA_TRY(piece_add(scope, &end, &piece));
        if (len > 0) {
            piece->literal = ha_arena_strndup(scope->arena, at, len);
            at += len;
        } else {
            len = strcspn(at, "}");
            if (at[len] == '\0') {
                return ha_err_new(HA_ERR_USAGE, "'{' without its '}' in '%s'", text);
            }
            const char *inside = ha_arena_strndup(scope->arena, at + 1, len - 1);
            if (inside == NULL) {
                return ha_err_nomem();
            }
            HA_TRY(expr_parse(scope, inside, &piece->expr));
            at += len + 1;
        }
        if (piece->literal == NULL && piece->expr == NULL) {
            return ha_err_nomem();
        }
    }
    return NULL;
}
