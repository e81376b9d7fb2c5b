/* SPDX-License-Identifier: MIT */
/*
 * Changes to a valid index: the input is a list of patches
 *
 *     u1 section (of those with elements, modulo their number)   u2 offset (modulo its bytes)   u1 length   bytes
 *
 * with header and table left alone (tests/unit/index changes those). The patched index is opened and asked for everything.
 */
#include "fuzz.h"

#include "index/index_format.h"
#include "ha/rules/rules.h"
#include "support/engine/snapshot_digest.h"
#include "support/engine/snapshot_report.h"
#include "support/random_heap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAP_SEED 31U /* threads with locals, Reference objects, leaves, unreachable objects */

static char dir[64], dump[128], index_path[512];
static uint8_t *good, *bad;
static size_t good_bytes;

static void die(const char *what)
{
    fprintf(stderr, "fuzz_index: %s\n", what);
    abort();
}

static void clean(void)
{
    unlink(index_path);
    unlink(dump);
    rmdir(dir);
}

static void read_index(void)
{
    struct stat st;
    int fd = open(index_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        die("no index");
    }
    good_bytes = (size_t)st.st_size;
    good = sup_calloc(good_bytes, 1);
    bad = sup_calloc(good_bytes, 1);
    if (read(fd, good, good_bytes) != (ssize_t)good_bytes) {
        die("cannot read the index");
    }
    close(fd);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_use_memory();
    const char *root = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%.32s/ha-fuzz-XXXXXX", root != NULL ? root : "/tmp");
    if (mkdtemp(dir) == NULL) {
        die("no folder");
    }
    atexit(clean);
    snprintf(dump, sizeof dump, "%s/a.hprof", dir);
    struct gen_file file;
    struct random_heap options = {.seed = HEAP_SEED, .objects = 60, .features = RANDOM_ALL};
    gen_file_init(&file);
    random_heap_make(&file, &options);
    if (gen_file_write(&file, dump) != NULL) {
        die("cannot write the dump");
    }
    gen_file_deinit(&file);
    struct ha_snapshot *s;
    struct ha_err *err = ha_snapshot_open(dump, &(struct ha_snapshot_options){.threads = 1, .extra = snapshot_report_keep}, &s);
    if (err != NULL) {
        die(ha_err_message(err));
    }
    snprintf(index_path, sizeof index_path, "%s", ha_index_path(s->index));
    ha_snapshot_close(s);
    read_index();
    return 0;
}

/* The n-th section that has elements, n modulo their number. */
static struct ha_index_entry section(unsigned n)
{
    struct ha_index_header header;
    struct ha_index_entry entry;
    memcpy(&header, good, sizeof header);
    for (uint32_t i = 0, left = n % header.section_count;; i = (i + 1) % header.section_count) {
        memcpy(&entry, good + header.table_off + i * sizeof entry, sizeof entry);
        if (entry.count > 0 && left-- == 0) {
            return entry;
        }
    }
}

static void patch(const uint8_t *data, size_t size)
{
    for (size_t at = 0; size - at > 4;) {
        struct ha_index_entry entry = section(data[at]);
        uint64_t bytes = entry.count * entry.width;
        uint64_t off = (data[at + 1] | (uint64_t)data[at + 2] << 8) % bytes;
        uint64_t len = 1U + data[at + 3] % 16U;
        at += 4;
        len = len < size - at ? len : size - at;
        len = len < bytes - off ? len : bytes - off;
        memcpy(bad + entry.off + off, data + at, len);
        at += len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memcpy(bad, good, good_bytes);
    patch(data, size);
    int fd = open(index_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bad, good_bytes) != (ssize_t)good_bytes || close(fd) != 0) {
        die("cannot write the index");
    }
    struct ha_snapshot *s;
    struct ha_err *err = ha_snapshot_open(dump, &(struct ha_snapshot_options){.threads = 1}, &s);
    if (err != NULL) {
        die(ha_err_message(err));
    }
    struct snapshot_digest digest;
    snapshot_digest_take(s, &digest);
    uint64_t bytes = 0;
    err = snapshot_report(s, &bytes);
    if (err != NULL && ha_err_kind(err) == HA_ERR_BUG) {
        die(ha_err_message(err));
    }
    ha_err_free(err);
    ha_snapshot_close(s);
    return 0;
}
