/* SPDX-License-Identifier: MIT */
/* Stands in for the fuzzing engine: replays files, and all files of folders, each once. A crash is the failure. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "cannot open '%s'\n", path);
        return 0;
    }
    uint8_t *data = NULL;
    size_t size = 0, got;
    do {
        uint8_t *more = realloc(data, size + 65536);
        if (more == NULL) {
            abort();
        }
        data = more;
        got = fread(data + size, 1, 65536, file);
        size += got;
    } while (got > 0);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

static int replay(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return replay_file(path);
    }
    int count = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char file[4096];
        if (entry->d_name[0] != '.' && snprintf(file, sizeof file, "%s/%s", path, entry->d_name) < (int)sizeof file) {
            count += replay_file(file);
        }
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        count += replay(argv[i]);
    }
    fprintf(stderr, "replayed %d files\n", count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
