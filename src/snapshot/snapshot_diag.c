/* SPDX-License-Identifier: MIT */
/*
 * Damage and notes kept with the index, so that every later answer can show them. Section DIAG, per entry:
 *
 *     8 count   8 offset   code text NUL   message NUL
 */
#include "snapshot/snapshot_internal.h"

#include "ha/base/bytes.h"
#include "ha/heap/heap_sections.h"

#include <string.h>

struct ha_err *ha_diag_write(const struct ha_diag *diag, struct ha_index_writer *writer)
{
    struct ha_sbuf out = {0};
    for (int code = 0; code < HA_DIAG_COUNT; code++) {
        const struct ha_diag_entry *entry = ha_diag_get(diag, (enum ha_diag_code)code);
        if (entry->count == 0) {
            continue;
        }
        const char *message = entry->message == NULL ? "" : entry->message;
        ha_sbuf_add(&out, (const char *)&entry->count, sizeof entry->count);
        ha_sbuf_add(&out, (const char *)&entry->off, sizeof entry->off);
        ha_sbuf_add(&out, ha_diag_code_text(entry->code), strlen(ha_diag_code_text(entry->code)) + 1);
        ha_sbuf_add(&out, message, strlen(message) + 1);
    }
    struct ha_err *err =
        ha_sbuf_failed(&out) ? ha_err_nomem() : ha_index_section_put(writer, HA_SECTION_DIAG, 1, out.len, ha_sbuf_text(&out));
    ha_sbuf_deinit(&out);
    return err;
}

struct ha_err *ha_diag_read(const struct ha_index *index, struct ha_diag *diag)
{
    struct ha_index_section section = ha_index_find(index, HA_SECTION_DIAG, 1);
    const uint8_t *p = section.data;
    for (uint64_t left = section.count; left > 0;) {
        const uint8_t *code = left > 16 ? p + 16 : NULL;
        const uint8_t *code_end = code == NULL ? NULL : memchr(code, 0, left - 16);
        uint64_t rest = code_end == NULL ? 0 : left - (uint64_t)(code_end + 1 - p);
        const uint8_t *message_end = rest == 0 ? NULL : memchr(code_end + 1, 0, rest);
        if (message_end == NULL) {
            return ha_err_new(HA_ERR_INPUT, "list of warnings of the index is damaged");
        }
        for (int c = 0; c < HA_DIAG_COUNT; c++) {
            if (strcmp(ha_diag_code_text((enum ha_diag_code)c), (const char *)code) == 0) {
                ha_diag_add(diag, (enum ha_diag_code)c, ha_le64(p + 8), ha_le64(p), "%s", (const char *)(code_end + 1));
            }
        }
        left -= (uint64_t)(message_end + 1 - p);
        p = message_end + 1;
    }
    return NULL;
}
