/* SPDX-License-Identifier: MIT */
/*
 * dumpgen: makes an HPROF file from a heap text, or a random one.
 *
 *     dumpgen in.heap out.hprof
 *     dumpgen --random SEED [--objects N] [--features BITS] out.hprof
 *     dumpgen --oracle in.heap | --random SEED …                          the right answers: one line an object, as TSV
 */
#include "dumpgen.h"
#include "oracle.h"
#include "random_heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
    bool random, oracle;
    struct random_heap options;
    const char *paths[2];
    int path_count;
};

static int usage(void)
{
    fputs("usage: dumpgen IN.heap OUT.hprof\n"
          "       dumpgen --random SEED [--objects N] [--features BITS] OUT.hprof\n"
          "       dumpgen --oracle IN.heap\n"
          "       dumpgen --oracle --random SEED [--objects N] [--features BITS]\n",
          stderr);
    return 2;
}

static bool read_number(const char *text, uint64_t *ret)
{
    char *end;
    *ret = strtoull(text, &end, 0);
    return *text >= '0' && *text <= '9' && *end == '\0';
}

static bool read_arguments(int argc, char **argv, struct arguments *ret)
{
    *ret = (struct arguments){.options.features = RANDOM_ALL};
    for (int i = 1; i < argc; i++) {
        bool number = strcmp(argv[i], "--random") == 0 || strcmp(argv[i], "--objects") == 0 ||
                      strcmp(argv[i], "--features") == 0;
        uint64_t value = 0;
        if (number && (i + 1 == argc || !read_number(argv[i + 1], &value))) {
            return false;
        }
        if (strcmp(argv[i], "--oracle") == 0) {
            ret->oracle = true;
        } else if (strcmp(argv[i], "--random") == 0) {
            ret->random = true;
            ret->options.seed = value;
        } else if (strcmp(argv[i], "--objects") == 0) {
            ret->options.objects = (uint32_t)value;
        } else if (strcmp(argv[i], "--features") == 0) {
            ret->options.features = (unsigned)value;
        } else if (ret->path_count < 2 && argv[i][0] != '-') {
            ret->paths[ret->path_count++] = argv[i];
        } else {
            return false;
        }
        i += number;
    }
    return ret->path_count == (ret->random ? 0 : 1) + (ret->oracle ? 0 : 1);
}

/* The form of `export objects --format tsv`, after the name of the made-up classes. */
static void print_oracle(const struct gen_file *f)
{
    struct oracle *o = oracle_create(f, f->heaps.count - 1);
    puts("address\tclass\tshallow\tretained\tidom");
    for (uint32_t i = 0; i < o->count; i++) {
        const struct oracle_node *n = &o->nodes[i];
        if (!n->reachable) {
            continue;
        }
        printf("0x%llx\t%s%s\t%llu\t%llu\t", (unsigned long long)n->id, n->is_class ? "class " : "",
               n->is_class ? n->name : o->nodes[n->cls].name, (unsigned long long)n->shallow,
               (unsigned long long)n->retained);
        if (n->idom == ORACLE_ROOT) {
            puts("-");
        } else {
            printf("0x%llx\n", (unsigned long long)o->nodes[n->idom].id);
        }
    }
    oracle_destroy(o);
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    if (!read_arguments(argc, argv, &arguments)) {
        return usage();
    }
    struct gen_file f;
    struct gen_error error;
    gen_file_init(&f);
    const char *problem = NULL;
    if (arguments.random) {
        random_heap_make(&f, &arguments.options);
    } else if (!gen_parse_file(&f, arguments.paths[0], &error)) {
        problem = error.message;
    }
    if (problem == NULL && arguments.oracle) {
        print_oracle(&f);
    } else if (problem == NULL) {
        problem = gen_file_write(&f, arguments.paths[arguments.path_count - 1]);
    }
    if (problem != NULL) {
        fprintf(stderr, "dumpgen: %s\n", problem);
    }
    gen_file_deinit(&f);
    return problem != NULL;
}
