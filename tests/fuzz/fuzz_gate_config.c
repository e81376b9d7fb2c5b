/* SPDX-License-Identifier: MIT */
/* Configurations of the gate: any text is rules or an error with a place. */
#include "fuzz.h"

#include "ha/gate/gate_config.h"

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
    struct ha_gate_config config;
    ha_gate_config_init(&config);
    struct ha_err *err = ha_gate_config_parse("gate.yaml", (const char *)data, size, &config);
    if (err == NULL) {
        for (size_t i = 0; i < config.rules.count; i++) { // what was taken is whole
            const struct ha_gate_rule *rule = &config.rules.data[i];
            if (rule->name == NULL || rule->target.text == NULL || (rule->target.kind == HA_GATE_REGEX) != (rule->target.regex != NULL)) {
                abort();
            }
        }
        for (size_t i = 0; i < config.ignores.count; i++) {
            if (config.ignores.data[i].reason == NULL || !ha_gate_is_date(config.ignores.data[i].until)) {
                abort();
            }
        }
    } else if (ha_err_kind(err) == HA_ERR_USAGE && strncmp(ha_err_message(err), "gate.yaml:", 10) != 0) {
        abort(); // a mistake without its place
    }
    ha_err_free(err);
    ha_gate_config_deinit(&config);
    return 0;
}
