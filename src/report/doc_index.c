/* SPDX-License-Identifier: MIT */
/*
 * What an index file holds, as a document.
 */
#include "ha/report/builders.h"

#include <string.h>

#include "report/parts.h"

struct ha_doc_node *ha_report_index(struct ha_doc *doc, const char *version,
                                    const struct ha_index *index)
{
    static const struct ha_doc_column columns[] = {
        {"id", "Section", NULL},
        {"count", "Elements", NULL},
        {"bytes", "Bytes", NULL},
    };
    part_tool(doc, ha_doc_root(doc), "index info", version);
    struct ha_doc_node *record = ha_doc_title(ha_doc_record(doc, ha_doc_root(doc), "index"), "");
    const char *path = ha_index_path(index);
    ha_doc_title(ha_doc_text(doc, record, "file",
                             path == NULL ? NULL : ha_doc_copy(doc, path, strlen(path))),
                 "Index");
    ha_doc_title(ha_doc_bytes(doc, record, "bytes", ha_index_bytes(index)), "Size");
    ha_doc_title(ha_doc_count(doc, record, "format", ha_index_format(index)), "Format");
    struct ha_doc_node *list =
        ha_doc_list(doc, ha_doc_section(doc, record, "Sections"), "sections");
    ha_doc_columns(list, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    list->u.list->never_cut = true;
    for (uint32_t i = 0; i < ha_index_section_count(index); i++) {
        struct ha_index_section section = ha_index_section_at(index, i);
        char id[4] = {(char)section.id, (char)(section.id >> 8), (char)(section.id >> 16),
                      (char)(section.id >> 24)};
        struct ha_doc_node *row = ha_doc_record(doc, list, NULL);
        ha_doc_text(doc, row, "id", ha_doc_copy(doc, id, sizeof id));
        ha_doc_count(doc, row, "count", section.count);
        ha_doc_bytes(doc, row, "bytes", section.count * section.width);
    }
    return record;
}
