/* SPDX-License-Identifier: MIT */
/* Numbers in words, under the name by which builders and renderers know them. */
#ifndef HA_REPORT_WORDS_H
#define HA_REPORT_WORDS_H

#include "ha/base/words.h"

#endif
