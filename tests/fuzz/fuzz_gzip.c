/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a gzip file: inflated into a temporary file and, with the table made of it, read where they lie. Both must give the same bytes, with
 * one thread as with two. The first two bytes are made those of gzip, so that no input is wasted.
 */
#include "fuzz.h"

#include "ha/base/diag.h"
#include "ha/input/input.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLAIN_MAX (64U << 20) /* more is not compared */
#define STEP 65521U

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_use_memory();
    return 0;
}

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void compare(struct ha_input *a, struct ha_input *b)
{
    struct ha_window in_a, in_b;
    uint64_t bytes = ha_input_bytes(a) < PLAIN_MAX ? ha_input_bytes(a) : PLAIN_MAX;
    must(ha_input_bytes(a) == ha_input_bytes(b));
    ha_window_init(&in_a, a, HA_WINDOW_STREAM);
    ha_window_init(&in_b, b, HA_WINDOW_RANDOM);
    for (uint64_t off = 0; off < bytes; off += STEP) {
        size_t len = bytes - off < STEP ? (size_t)(bytes - off) : STEP;
        const uint8_t *p = ha_window_at(&in_a, off, len);
        const uint8_t *q = ha_window_at(&in_b, off, len);
        must(p != NULL && q != NULL && memcmp(p, q, len) == 0);
    }
    ha_window_deinit(&in_a);
    ha_window_deinit(&in_b);
}

static struct ha_input *open_it(const char *path, unsigned threads, const struct ha_input_table *table)
{
    struct ha_diag *diag = ha_diag_create();
    struct ha_input_options options = {.threads = threads, .diag = diag, .table = table};
    struct ha_input *input = NULL;
    struct ha_err *err = ha_input_open(path, &options, &input);
    must(err == NULL || ha_err_kind(err) == HA_ERR_INPUT);
    ha_err_free(err);
    ha_diag_destroy(diag);
    return input;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = fuzz_file(data, size, path);
    must(size < 2 || pwrite(fd, "\x1f\x8b", 2, 0) == 2);
    struct ha_input *input = open_it(path, 1, NULL);
    struct ha_input *other = open_it(path, 2, NULL);
    must((input == NULL) == (other == NULL));
    if (input != NULL) {
        struct ha_input_table table;
        compare(input, other);
        if (ha_input_table_get(input, &table)) {
            struct ha_input *again = open_it(path, 1, &table);
            must(again != NULL);
            compare(input, again);
            ha_input_close(again);
        }
    }
    ha_input_close(input);
    ha_input_close(other);
    close(fd);
    return 0;
}
