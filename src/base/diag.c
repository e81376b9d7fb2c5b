/* SPDX-License-Identifier: MIT */
/*
 * One slot per code, under one lock. The order in which threads report does not matter: counts add up, the lowest offset wins, and of
 * two sentences given with the same offset the alphabetically first.
 */
#include "ha/base/diag.h"

#include "ha/base/mem.h"
#include "ha/base/sbuf.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct ha_diag {
    pthread_mutex_t lock;
    struct ha_diag_entry entries[HA_DIAG_COUNT]; /* guarded by lock */
    bool said[HA_DIAG_COUNT];                    /* guarded by lock: the sentence is final */
};

#define CODE_TEXT(name, text, severity) text,
static const char *const code_texts[] = {HA_DIAG_CODES(CODE_TEXT)};
static_assert(sizeof code_texts / sizeof *code_texts == HA_DIAG_COUNT, "HA_DIAG_COUNT counts");

#define SEVERITY_NOTE false
#define SEVERITY_DAMAGE true
#define CODE_IS_DAMAGE(name, text, severity) SEVERITY_##severity,
static const bool code_damage[] = {HA_DIAG_CODES(CODE_IS_DAMAGE)};

struct ha_diag *ha_diag_create(void)
{
    struct ha_diag *diag = ha_calloc_array(1, sizeof *diag);
    if (diag == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&diag->lock, NULL) != 0) {
        ha_free(diag);
        return NULL;
    }
    for (unsigned i = 0; i < HA_DIAG_COUNT; i++) {
        diag->entries[i].code = (enum ha_diag_code)i;
        diag->entries[i].off = HA_ERR_NO_OFFSET;
    }
    return diag;
}

void ha_diag_destroy(struct ha_diag *diag)
{
    if (diag == NULL) {
        return;
    }
    for (unsigned i = 0; i < HA_DIAG_COUNT; i++) {
        ha_free(diag->entries[i].message);
    }
    pthread_mutex_destroy(&diag->lock);
    ha_free(diag);
}

/* A printed text, NULL without memory. */
HA_PRINTF(1, 0)
static char *print(const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    char *text = len < 0 ? NULL : ha_alloc((size_t)len + 1);
    if (text != NULL) {
        vsnprintf(text, (size_t)len + 1, fmt, args);
    }
    return text;
}

/* Puts the message into the entry (taking it over) if it stands for a lower offset. */
static void offer_message(struct ha_diag_entry *entry, bool said, uint64_t off, char *message)
{
    bool better = entry->message == NULL || off < entry->off ||
                  (off == entry->off && strcmp(message, entry->message) < 0);
    if (said || !better) {
        ha_free(message);
        return;
    }
    ha_free(entry->message);
    entry->message = message;
}

void ha_diag_add(struct ha_diag *diag, enum ha_diag_code code, uint64_t off, uint64_t count,
                 const char *fmt, ...)
{
    if (count == 0) {
        return;
    }
    struct ha_diag_entry *entry = &diag->entries[code];
    pthread_mutex_lock(&diag->lock);
    if (__builtin_add_overflow(entry->count, count, &entry->count)) {
        entry->count = UINT64_MAX;
    }
    if (off <= entry->off) {
        va_list args;
        va_start(args, fmt);
        char *message = print(fmt, args);
        va_end(args);
        if (message != NULL) {
            offer_message(entry, diag->said[code], off, message);
        }
        entry->off = off;
    }
    pthread_mutex_unlock(&diag->lock);
}

void ha_diag_say(struct ha_diag *diag, enum ha_diag_code code, const char *fmt, ...)
{
    struct ha_diag_entry *entry = &diag->entries[code];
    va_list args;
    va_start(args, fmt);
    char *message = print(fmt, args);
    va_end(args);
    pthread_mutex_lock(&diag->lock);
    if (message != NULL && entry->count > 0) {
        ha_free(entry->message);
        entry->message = HA_TAKE(message);
        diag->said[code] = true;
    }
    pthread_mutex_unlock(&diag->lock);
    ha_free(message);
}

const struct ha_diag_entry *ha_diag_get(const struct ha_diag *diag, enum ha_diag_code code)
{
    return &diag->entries[code];
}

bool ha_diag_any_damage(const struct ha_diag *diag)
{
    for (unsigned i = 0; i < HA_DIAG_COUNT; i++) {
        if (code_damage[i] && diag->entries[i].count > 0) {
            return true;
        }
    }
    return false;
}

const char *ha_diag_code_text(enum ha_diag_code code)
{
    return code_texts[code];
}

bool ha_diag_is_damage(enum ha_diag_code code)
{
    return code_damage[code];
}
