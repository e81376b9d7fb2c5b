/* SPDX-License-Identifier: MIT */
/* Baselines of the gate: what is taken is complete and in order. */
#include "fuzz.h"

#include "ha/gate/gate.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ha_json_doc *doc = NULL;
    struct ha_gate_baseline baseline = {0};
    struct ha_err *err = ha_json_read_text((const char *)data, size, "baseline.json", &doc);
    if (err == NULL) {
        err = ha_gate_baseline_of(doc, "baseline.json", &baseline);
    }
    for (uint64_t i = 0; err == NULL && i < baseline.class_count; i++) {
        if (baseline.classes[i].name == NULL || (i > 0 && strcmp(baseline.classes[i - 1].name, baseline.classes[i].name) >= 0)) {
            abort();
        }
    }
    for (uint64_t i = 0; err == NULL && i < baseline.place_count; i++) {
        if (baseline.places[i].signature == NULL || (i > 0 && strcmp(baseline.places[i - 1].signature, baseline.places[i].signature) > 0)) {
            abort();
        }
    }
    ha_err_free(err);
    ha_gate_baseline_deinit(&baseline);
    ha_json_doc_free(doc);
    return 0;
}
