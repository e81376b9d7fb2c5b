/* SPDX-License-Identifier: MIT */
/*
 * Sections added to an index where it lies: who opens it then finds them, who has it open goes on, and whatever goes wrong leaves the index as it was.
 */
#include "ha/index/index.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/ck_ha.h"
#include "support/temp_dir.h"

#define ID_A HA_INDEX_ID('A', 'A', 'A', 'A')
#define ID_B HA_INDEX_ID('B', 'B', 'B', 'B')
#define ID_NEW HA_INDEX_ID('N', 'E', 'W', '1')
#define ID_MORE HA_INDEX_ID('N', 'E', 'W', '2')
#define ID_NONE HA_INDEX_ID('N', 'O', 'N', 'E')

static const struct ha_fingerprint print = {.bytes = 77, .heap = 1, .sample = 0xabc};
static uint8_t old_data[9000], new_data[5000];

static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];

static void write_sections(struct ha_index_writer *writer)
{
    ck_ok(ha_index_section_put(writer, ID_A, 3, 3000, old_data));
    ck_ok(ha_index_section_put(writer, ID_B, 1, 4096, old_data));
}

static struct ha_index *open_index(void)
{
    struct ha_index *index = NULL;
    ck_ok(ha_index_open(path, &index));
    return index;
}

static struct ha_index *reopen(struct ha_index *index)
{
    ha_index_close(index);
    return open_index();
}

static void setup(void)
{
    struct ha_index_writer *writer = NULL;
    struct ha_index *index = NULL;
    for (size_t i = 0; i < sizeof old_data; i++) {
        old_data[i] = (uint8_t)(i * 7 + 1);
    }
    memset(new_data, 0x5a, sizeof new_data);
    temp_dir_init(&dir);
    temp_path(&dir, "a.hpx", path);
    ck_ok(ha_index_writer_create(path, NULL, &writer));
    write_sections(writer);
    ck_ok(ha_index_writer_commit(writer, &print, 1, &index));
    ha_index_close(index);
}

static void teardown(void)
{
    temp_dir_deinit(&dir);
}

static uint64_t append(const struct ha_index *index, uint32_t id, uint64_t count)
{
    const struct ha_index_section added[] = {{.id = id, .width = 1, .count = count, .data = new_data}};
    uint64_t bytes = 1;
    ck_ok(ha_index_append(index, added, 1, &bytes));
    return bytes;
}

static void check_old(const struct ha_index *index)
{
    struct ha_index_section a = ha_index_find(index, ID_A, 3), b = ha_index_find(index, ID_B, 1);
    ck_assert_uint_eq(a.count, 3000);
    ck_assert_mem_eq(a.data, old_data, 9000);
    ck_assert_uint_eq(b.count, 4096);
    ck_assert_mem_eq(b.data, old_data, 4096);
    ck_assert_int_eq(memcmp(ha_index_fingerprint(index), &print, sizeof print), 0);
    ck_ok(ha_index_verify(index, 2));
}

static void check_has(const struct ha_index *index, uint32_t id, uint64_t count)
{
    struct ha_index_section s = ha_index_find(index, id, 1);
    ck_assert_uint_eq(s.count, count);
    ck_assert(count == 0 || memcmp(s.data, new_data, count) == 0);
}

static uint64_t file_bytes(void)
{
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    return (uint64_t)st.st_size;
}

START_TEST(test_added_sections)
{
    setup();
    struct ha_index *before = open_index();
    uint64_t bytes = append(before, ID_NEW, sizeof new_data);
    ck_assert_uint_eq(bytes, file_bytes());
    check_old(before);
    check_has(before, ID_NEW, 0);
    struct ha_index *after = open_index();
    ck_assert_uint_eq(ha_index_bytes(after), bytes);
    check_old(after);
    check_has(after, ID_NEW, sizeof new_data);
    ck_assert_uint_eq(append(before, ID_MORE, 10), 0); // it has changed since
    const struct ha_index_section two[] = {{.id = ID_MORE, .width = 1, .count = 4096, .data = new_data}, {.id = ID_NONE, .width = 8, .count = 0}};
    ck_ok(ha_index_append(after, two, 2, &bytes));
    struct ha_index *last = open_index();
    check_old(last);
    check_has(last, ID_NEW, sizeof new_data);
    check_has(last, ID_MORE, 4096);
    ck_assert_uint_eq(ha_index_section_count(last), 5);
    ha_index_close(before);
    ha_index_close(after);
    check_old(last);
    ha_index_close(last);
    teardown();
}
END_TEST

/* Copied, an index has no gaps any more, and all of its sections. */
START_TEST(test_extended_afterwards)
{
    setup();
    struct ha_index *index = open_index(), *longer = NULL;
    append(index, ID_NEW, 100);
    index = reopen(index);
    const struct ha_index_section more = {.id = ID_MORE, .width = 1, .count = 7, .data = new_data};
    ck_ok(ha_index_extend(index, &more, 1, &longer));
    check_old(longer);
    check_has(longer, ID_NEW, 100);
    check_has(longer, ID_MORE, 7);
    ck_assert_uint_eq(ha_index_bytes(longer), 4096 * (1 + 3 + 1 + 1 + 1) + 4 * 32);
    ha_index_close(longer);
    teardown();
}
END_TEST

START_TEST(test_pending)
{
    struct ha_index_writer *writer = NULL;
    struct ha_index *index = NULL;
    setup();
    ck_assert_int_eq(unlink(path), 0);
    ck_ok(ha_index_writer_create(path, NULL, &writer));
    write_sections(writer);
    ck_ok(ha_index_writer_seal(writer, &print, 1, &index));
    uint64_t bytes = append(index, ID_NEW, 300);
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_ok(ha_index_keep(index));
    ck_assert_uint_eq(bytes, file_bytes());
    check_old(index);
    index = reopen(index);
    check_old(index);
    check_has(index, ID_NEW, 300);
    ha_index_close(index);
    teardown();
}
END_TEST

START_TEST(test_nothing_to_add_to)
{
    struct ha_index_writer *writer = NULL;
    struct ha_index *index = NULL;
    uint64_t bytes = 1;
    setup();
    ck_ok(ha_index_writer_create(NULL, dir.path, &writer));
    write_sections(writer);
    ck_ok(ha_index_writer_commit(writer, &print, 1, &index));
    ck_assert_uint_eq(append(index, ID_NEW, 1), 0);
    index = reopen(index);
    ck_ok(ha_index_append(index, NULL, 0, &bytes));
    ck_assert_uint_eq(bytes, 0);
    int fd = open(path, O_RDONLY);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ck_assert_uint_eq(append(index, ID_NEW, 1), 0); // another process adds something
    close(fd);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_uint_eq(append(index, ID_NEW, 1), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_uint_eq(append(index, ID_NEW, 1), 0);
    ck_assert_int_eq(unlink(path), 0);
    temp_write(path, new_data, sizeof new_data); // something else in its place
    ck_assert_uint_eq(append(index, ID_NEW, 1), 0);
    ck_assert_uint_eq(file_bytes(), sizeof new_data);
    ha_index_close(index);
    teardown();
}
END_TEST

START_TEST(test_all_sections_taken)
{
    setup();
    for (uint32_t i = 2; i < HA_INDEX_SECTIONS_MAX; i++) {
        struct ha_index *index = open_index();
        ck_assert_uint_ne(append(index, HA_INDEX_ID('X', 'X', 'A' + i / 16, 'A' + i % 16), 1), 0);
        ha_index_close(index);
    }
    struct ha_index *index = open_index();
    check_old(index);
    ck_assert_uint_eq(append(index, ID_NEW, 1), 0);
    ck_assert_uint_eq(ha_index_section_count(index), HA_INDEX_SECTIONS_MAX);
    ha_index_close(index);
    teardown();
}
END_TEST

/* Another process adds section after section: who opens the index meanwhile finds it sound, with what was added before. */
START_TEST(test_opened_while_added_to)
{
    int status = -1;
    uint64_t before = 0, opened = 0;
    setup();
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    for (uint32_t i = 2; child == 0 && i < HA_INDEX_SECTIONS_MAX; i++) {
        struct ha_index *index = open_index();
        append(index, HA_INDEX_ID('X', 'X', 'A' + i / 16, 'A' + i % 16), 1 + i);
        ha_index_close(index);
    }
    if (child == 0) {
        _exit(0);
    }
    for (bool last = false; !last; opened++) {
        last = waitpid(child, &status, WNOHANG) == child;
        struct ha_index *index = open_index();
        ck_assert_uint_ge(ha_index_bytes(index), before);
        before = ha_index_bytes(index);
        if (opened % 100 == 0) { // else no time is lost with it: it is the opening that meets the other one
            check_old(index);
        }
        ha_index_close(index);
    }
    ck_assert_int_eq(status, 0);
    ck_assert_uint_gt(opened, 1);
    struct ha_index *index = open_index();
    ck_assert_uint_eq(ha_index_section_count(index), HA_INDEX_SECTIONS_MAX);
    ha_index_close(index);
    teardown();
}
END_TEST

/* What a process left that was killed before it wrote the header. */
START_TEST(test_leftovers_behind_the_end)
{
    setup();
    struct ha_index *index = open_index();
    uint64_t bytes = file_bytes();
    int fd = open(path, O_WRONLY | O_APPEND);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq((int)write(fd, new_data, sizeof new_data), (int)sizeof new_data);
    }
    close(fd);
    index = reopen(index);
    ck_assert_uint_eq(ha_index_bytes(index), bytes);
    check_old(index);
    ck_assert_uint_eq(append(index, ID_NEW, 5), file_bytes());
    index = reopen(index);
    check_old(index);
    check_has(index, ID_NEW, 5);
    ha_index_close(index);
    teardown();
}
END_TEST

START_TEST(test_full_disk)
{
    struct rlimit limit = {0, RLIM_INFINITY};
    const struct ha_index_section added = {.id = ID_NEW, .width = 1, .count = sizeof new_data, .data = new_data};
    size_t before_len = 0, after_len = 0;
    uint64_t bytes = 1;
    setup();
    uint8_t *before = temp_read(path, &before_len);
    struct ha_index *index = open_index();
    signal(SIGXFSZ, SIG_IGN);
    limit.rlim_cur = before_len + 6000;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_err(ha_index_append(index, &added, 1, &bytes), HA_ERR_SYSTEM, "a.hpx");
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_uint_eq(bytes, 0);
    uint8_t *after = temp_read(path, &after_len);
    ck_assert_uint_eq(after_len, before_len);
    ck_assert_mem_eq(after, before, before_len);
    ha_index_close(index);
    free(before);
    free(after);
    teardown();
}
END_TEST

CK_HA_MAIN("index_append", test_added_sections, test_extended_afterwards, test_pending, test_nothing_to_add_to, test_all_sections_taken, test_opened_while_added_to,
           test_leftovers_behind_the_end, test_full_disk)
