/* SPDX-License-Identifier: MIT */
/*
 * The array of renderers, and the choice among them: by the word of --format, or by what a file is called.
 */
#include "ha/render/render.h"

#include <string.h>
#include <strings.h>

#include "render/renderers.h"

static const struct ha_renderer *const renderers[] = {
    &ha_renderer_text,
    &ha_renderer_json,
    &ha_renderer_junit,
    &ha_renderer_sarif,
    &ha_renderer_github,
    &ha_renderer_gitlab,
    &ha_renderer_markdown,
    NULL,
};

const struct ha_renderer *ha_renderer_at(size_t i)
{
    return renderers[i];
}

const struct ha_renderer *ha_renderer_by_name(const char *name)
{
    for (size_t i = 0; renderers[i] != NULL; i++) {
        if (strcmp(renderers[i]->name, name) == 0) {
            return renderers[i];
        }
    }
    return NULL;
}

/* Whether a blank-separated list holds the word. */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    while (*list != '\0') {
        size_t item = strcspn(list, " ");
        if (item == len && strncasecmp(list, word, len) == 0) {
            return true;
        }
        list += item;
        list += strspn(list, " ");
    }
    return false;
}

const struct ha_renderer *ha_renderer_by_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash == NULL ? path : slash, '.');
    for (size_t i = 0; dot != NULL && dot[1] != '\0' && renderers[i] != NULL; i++) {
        if (has_word(renderers[i]->extensions, dot + 1)) {
            return renderers[i];
        }
    }
    return NULL;
}
