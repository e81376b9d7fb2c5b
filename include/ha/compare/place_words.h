/* SPDX-License-Identifier: MIT */
/*
 * The signature of a place (q_places.h) taken apart.
 *
 *     class com.acme.Service > static sessions java.util.HashMap > table java.util.HashMap$Node[] > [] java.util.HashMap$Node
 *           └── holder ─────┘   └─ field ─────┘                                                        └── what is held ────┘
 *
 * The holder is the last class of the application on the way that something hangs on: its field is where a leak is mended.
 */
#ifndef HA_COMPARE_PLACE_WORDS_H
#define HA_COMPARE_PLACE_WORDS_H

#include "ha/base/sbuf.h"

#include <stdbool.h>

/* Appends the holder's class and field. false: no class of the application is on the way; nothing is appended. */
bool ha_place_holder(const char *signature, struct ha_sbuf *holder_class, struct ha_sbuf *holder_field);

/* Appends the signature as people read it: "com.acme.Service.sessions > … > java.util.HashMap$Node"; short ones as they are. */
void ha_place_words(const char *signature, struct ha_sbuf *out);

#endif
