/* SPDX-License-Identifier: MIT */
/* Private to the folder: one line per renderer; render.c has them in an array. */
#ifndef HA_SRC_RENDER_RENDERERS_H
#define HA_SRC_RENDER_RENDERERS_H

#include "ha/render/render.h"

extern const struct ha_renderer ha_renderer_text;
extern const struct ha_renderer ha_renderer_json;
extern const struct ha_renderer ha_renderer_junit;
extern const struct ha_renderer ha_renderer_sarif;
extern const struct ha_renderer ha_renderer_github;
extern const struct ha_renderer ha_renderer_gitlab;
extern const struct ha_renderer ha_renderer_markdown;

#endif
