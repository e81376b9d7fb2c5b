/* SPDX-License-Identifier: MIT */
/*
 * dumpgen: makes an HPROF file from a heap text, or a random one.
 *
 *     dumpgen in.heap out.hprof
 */
#include "dumpgen.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: dumpgen IN.heap OUT.hprof\n");
        return 2;
    }
    struct gen_file f;
    struct gen_error error;
    gen_file_init(&f);
    int status = 1;
    if (!gen_parse_file(&f, argv[1], &error)) {
        fprintf(stderr, "%s\n", error.message);
    } else {
        const char *problem = gen_file_write(&f, argv[2]);
        status = problem != NULL;
        if (problem != NULL) {
            fprintf(stderr, "%s: %s\n", argv[2], problem);
        }
    }
    gen_file_deinit(&f);
    return status;
}
