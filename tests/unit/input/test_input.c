/* SPDX-License-Identifier: MIT */
/* Opening plain files, refusing what is no dump, and reading through windows of both kinds. */
#include "ha/input/input.h"

#include "support/ck_ha.h"
#include "support/temp_dir.h"

/* A file whose byte at offset i is a function of i, so that any piece of it can be checked. */
static uint8_t byte_at(uint64_t i)
{
    return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static void write_pattern(const char *path, size_t len)
{
    uint8_t *data = malloc(len);
    for (size_t i = 0; i < len; i++) {
        data[i] = byte_at(i);
    }
    temp_write(path, data, len);
    free(data);
}

static void check_bytes(const uint8_t *p, uint64_t off, size_t len)
{
    ck_assert_ptr_nonnull(p);
    for (size_t i = 0; i < len; i++) {
        ck_assert_uint_eq(p[i], byte_at(off + i));
    }
}

START_TEST(test_plain_file)
{
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    struct ha_input *input = NULL;
    temp_dir_init(&dir);
    write_pattern(temp_path(&dir, "a.hprof", path), 1000);
    ck_ok(ha_input_open(path, NULL, &input));
    ck_assert_int_eq(ha_input_kind(input), HA_INPUT_PLAIN);
    ck_assert_str_eq(ha_input_path(input), path);
    ck_assert_uint_eq(ha_input_bytes(input), 1000);
    ck_assert_uint_eq(ha_input_file_bytes(input), 1000);
    ha_input_close(input);
    ha_input_close(NULL);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_windows)
{
    enum { LEN = 9 << 20 };
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    struct ha_input *input = NULL;
    temp_dir_init(&dir);
    write_pattern(temp_path(&dir, "a.hprof", path), LEN);
    ck_ok(ha_input_open(path, NULL, &input));
    static const uint64_t offs[] = {0, 1, (1 << 20) - 1, 5, LEN - 10, LEN - 1, 3 << 20, LEN};
    static const size_t lens[] = {0, 1, 9, 10, 4097, 1 << 20, (1 << 20) + 1, HA_WINDOW_MAX};
    for (int mode = HA_WINDOW_STREAM; mode <= HA_WINDOW_RANDOM; mode++) {
        struct ha_window window;
        ha_window_init(&window, input, (enum ha_window_mode)mode);
        for (size_t i = 0; i < sizeof offs / sizeof *offs; i++) {
            for (size_t k = 0; k < sizeof lens / sizeof *lens; k++) {
                const uint8_t *p = ha_window_at(&window, offs[i], lens[k]);
                if (lens[k] > LEN - offs[i]) {
                    ck_assert_ptr_null(p);
                    continue;
                }
                ck_assert_ptr_nonnull(p);
                check_bytes(p, offs[i], lens[k] < 64 ? lens[k] : 64);
                if (lens[k] > 64) {
                    check_bytes(p + lens[k] - 64, offs[i] + lens[k] - 64, 64);
                }
            }
        }
        ck_assert_ptr_null(ha_window_at(&window, UINT64_MAX, 1));
        ck_assert_ptr_null(ha_window_at(&window, UINT64_MAX - 3, 8));
        ck_ok(ha_window_error(&window));
        ha_window_deinit(&window);
    }
    ha_input_close(input);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_window_ready)
{
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    struct ha_input *input = NULL;
    struct ha_window window;
    temp_dir_init(&dir);
    write_pattern(temp_path(&dir, "a.hprof", path), (1 << 20) + 100);
    ck_ok(ha_input_open(path, NULL, &input));
    ha_window_init(&window, input, HA_WINDOW_STREAM);
    ck_assert_uint_eq(ha_window_ready(&window, 0), 0);
    check_bytes(ha_window_at(&window, 50, 4), 50, 4);
    ck_assert_uint_eq(ha_window_ready(&window, 50), 1 << 20);
    ck_assert_uint_eq(ha_window_ready(&window, 49), 0);
    check_bytes(ha_window_at(&window, 1 << 20, 100), 1 << 20, 100);
    ck_assert_uint_eq(ha_window_ready(&window, (1 << 20) + 99), 1);
    ck_assert_uint_eq(ha_window_ready(&window, (1 << 20) + 100), 0);
    ha_window_deinit(&window);
    ha_window_init(&window, input, HA_WINDOW_RANDOM);
    ck_assert_uint_eq(ha_window_ready(&window, 0), (1 << 20) + 100);
    ha_window_deinit(&window);
    ha_window_init(&window, input, HA_WINDOW_LEAPS);
    check_bytes(ha_window_at(&window, 50, 4), 50, 4);
    ck_assert_uint_eq(ha_window_ready(&window, 50), 4 << 10);
    check_bytes(ha_window_at(&window, 40 + (4 << 10), 20), 40 + (4 << 10), 20); /* it goes on */
    ck_assert_uint_eq(ha_window_ready(&window, 40 + (4 << 10)), 8 << 10);
    check_bytes(ha_window_at(&window, 1 << 19, 4), 1 << 19, 4); /* a leap */
    ck_assert_uint_eq(ha_window_ready(&window, 1 << 19), 4 << 10);
    check_bytes(ha_window_at(&window, 100, 4), 100, 4);
    while (window.end < 512 << 10) {
        uint64_t bytes = window.end - window.start;
        ck_assert_ptr_nonnull(ha_window_at(&window, window.end + 30, 1)); /* the next name */
        ck_assert_uint_eq(window.end - window.start, 2 * bytes);
    }
    ha_window_deinit(&window);
    ha_input_close(input);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_window_errors)
{
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    struct ha_input *input = NULL;
    struct ha_window window;
    temp_dir_init(&dir);
    write_pattern(temp_path(&dir, "a.hprof", path), 6 << 20);
    ck_ok(ha_input_open(path, NULL, &input));
    ha_window_init(&window, input, HA_WINDOW_STREAM);
    ck_assert_ptr_null(ha_window_at(&window, 0, HA_WINDOW_MAX + 1));
    ck_err(ha_window_error(&window), HA_ERR_BUG, "window of");
    ck_ok(ha_window_error(&window));
    ck_assert_int_eq(truncate(path, 100), 0);
    ck_assert_ptr_null(ha_window_at(&window, 5 << 20, 8));
    ck_assert_ptr_null(ha_window_at(&window, 96, 8));
    ck_err(ha_window_error(&window), HA_ERR_SYSTEM, "became shorter");
    ha_window_deinit(&window);
    ha_input_close(input);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_not_a_file)
{
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    struct ha_input *input = NULL;
    temp_dir_init(&dir);
    ck_err(ha_input_open(temp_path(&dir, "none", path), NULL, &input), HA_ERR_SYSTEM,
           "No such file");
    ck_err(ha_input_open(dir.path, NULL, &input), HA_ERR_SYSTEM, "Is a directory");
    temp_write(temp_path(&dir, "empty", path), "", 0);
    ck_err(ha_input_open(path, NULL, &input), HA_ERR_INPUT, "is empty");
    ck_err(ha_input_open("/dev/null", NULL, &input), HA_ERR_INPUT,
           "neither a regular file nor a pipe");
    ck_err(ha_input_open("a\nb", NULL, &input), HA_ERR_SYSTEM, "'a\\nb'");
    ck_assert_ptr_null(input);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_refuses_other_formats)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *text;
    } rows[] = {
        {"FLR\0\0\2\0\0more", 12, "flight recording"},
        {"\0\x12portable heap dump\0\0\0\6", 24, "portable heap dump"},
        {"\177ELF\2\1\1\0", 8, "core file"},
        {"JAVA PROFILE 1.0.1, created Mon", 31, "format=b"},
        {"PK\3\4zip", 7, "zip archive"},
        {"BZh91AY", 7, "bunzip2"},
        {"\x28\xb5\x2f\xfd\0\0", 6, "zstd -d"},
        {"\xfd\x37zXZ\0\0", 7, "xz -dk"},
    };
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    struct ha_input *input = NULL;
    temp_dir_init(&dir);
    temp_path(&dir, "x.hprof", path);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        temp_write(path, rows[i].bytes, rows[i].len);
        ck_err(ha_input_open(path, NULL, &input), HA_ERR_INPUT, rows[i].text);
    }
    ck_assert_ptr_null(input);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_takes_what_it_does_not_know)
{
    static const char *const heads[] = {"JAVA PROFILE 1.0.2\0\0\0\0\10\0\0", "B", "PK", "FLR",
                                        "01234567890123456, created never"};
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    temp_dir_init(&dir);
    temp_path(&dir, "x", path);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct ha_input *input = NULL;
        temp_write(path, heads[i], strlen(heads[i]));
        ck_ok(ha_input_open(path, NULL, &input));
        ha_input_close(input);
    }
    temp_dir_deinit(&dir);
}
END_TEST

CK_HA_MAIN("input", test_plain_file, test_windows, test_window_ready, test_window_errors,
           test_not_a_file, test_refuses_other_formats, test_takes_what_it_does_not_know)
