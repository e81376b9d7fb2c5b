/* SPDX-License-Identifier: MIT */
/* Dumps through pipes and standard input. */
#include "ha/input/input.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "support/ck_ha.h"
#include "support/gzip_out.h"
#include "support/temp_dir.h"

#define BYTES ((size_t)3 << 20)

static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];
static uint8_t *plain;

static void setup(void)
{
    temp_dir_init(&dir);
    plain = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++) {
        plain[i] = (uint8_t)(i * 7 + (i >> 11));
    }
}

static void teardown(void)
{
    free(plain);
    temp_dir_deinit(&dir);
}

/* A process that writes to the file behind `path` (a FIFO), or to `fd`. */
static pid_t write_slowly(int fd, const uint8_t *data, size_t len)
{
    pid_t pid = fork();
    if (pid == 0) {
        int out = fd >= 0 ? fd : open(path, O_WRONLY);
        for (size_t done = 0; done < len;) {
            size_t part = len - done < 300001 ? len - done : 300001;
            ssize_t put = write(out, data + done, part);
            done += put < 0 ? len : (size_t)put;
        }
        _exit(0);
    }
    return pid;
}

static void check_input(struct ha_input *input, size_t file_bytes)
{
    struct ha_window window;
    ck_assert_uint_eq(ha_input_bytes(input), BYTES);
    ck_assert_uint_eq(ha_input_file_bytes(input), file_bytes);
    ha_window_init(&window, input, HA_WINDOW_RANDOM);
    ck_assert_mem_eq(ha_window_at(&window, 0, BYTES), plain, BYTES);
    ha_window_deinit(&window);
    ha_input_close(input);
}

START_TEST(test_fifo)
{
    setup();
    struct ha_input_options options = {.temp_dir = dir.path};
    struct ha_input *input = NULL;
    ck_assert_int_eq(mkfifo(temp_path(&dir, "pipe", path), 0600), 0);
    ck_assert(ha_input_is_passing(path));
    pid_t pid = write_slowly(-1, plain, BYTES);
    ck_ok(ha_input_open(path, &options, &input));
    waitpid(pid, NULL, 0);
    ck_assert_str_eq(ha_input_path(input), path);
    check_input(input, BYTES);
    ck_assert_int_eq(temp_count(&dir), 1);

    struct gzip_out out = {.level = 1};
    gzip_out_members(&out, plain, BYTES, 1 << 20);
    pid = write_slowly(-1, out.data, out.len);
    ck_ok(ha_input_open(path, &options, &input));
    waitpid(pid, NULL, 0);
    ck_assert_int_eq(ha_input_kind(input), HA_INPUT_GZIP);
    check_input(input, out.len);
    gzip_out_free(&out);

    input = NULL;
    pid = write_slowly(-1, plain, 0);
    ck_err(ha_input_open(path, &options, &input), HA_ERR_INPUT, "is empty");
    waitpid(pid, NULL, 0);
    ck_assert_ptr_null(input);
    ck_assert_int_eq(temp_count(&dir), 1);
    teardown();
}
END_TEST

/* Puts an open file in the place of standard input; consumes fd. */
static void become_stdin(int fd)
{
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
}

START_TEST(test_stdin)
{
    setup();
    struct ha_input_options options = {.temp_dir = dir.path};
    struct ha_input *input = NULL;
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    become_stdin(ends[0]);
    pid_t pid = write_slowly(ends[1], plain, BYTES);
    close(ends[1]);
    ck_assert(ha_input_is_passing("-"));
    ck_ok(ha_input_open("-", &options, &input));
    waitpid(pid, NULL, 0);
    ck_assert_str_eq(ha_input_path(input), "<stdin>");
    check_input(input, BYTES);
    ck_assert_int_eq(temp_count(&dir), 0);
    input = NULL;
    ck_err(ha_input_open("-", &options, &input), HA_ERR_INPUT, "'<stdin>' is empty");

    // A file is read where it lies, unless somebody has read from it before.
    temp_write(temp_path(&dir, "a", path), plain, BYTES);
    become_stdin(open(path, O_RDONLY));
    options.temp_dir = "/nonexistent";
    ck_ok(ha_input_open("-", &options, &input));
    check_input(input, BYTES);
    input = NULL;
    ck_assert_int_eq(lseek(STDIN_FILENO, 1000, SEEK_SET), 1000);
    ck_err(ha_input_open("-", &options, &input), HA_ERR_SYSTEM,
           "cannot keep '<stdin>' in folder '/nonexistent'");
    become_stdin(open("/dev/null", O_RDONLY));
    options.temp_dir = dir.path;
    ck_err(ha_input_open("-", &options, &input), HA_ERR_INPUT, "'<stdin>' is empty");
    close(STDIN_FILENO);
    ck_err(ha_input_open("-", &options, &input), HA_ERR_SYSTEM, "standard input");
    ck_assert_ptr_null(input);
    teardown();
}
END_TEST

START_TEST(test_terminal)
{
    struct ha_input *input = NULL;
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) {
        return; // none to be had here
    }
    become_stdin(open(ptsname(terminal), O_RDWR | O_NOCTTY));
    ck_err(ha_input_open("-", NULL, &input), HA_ERR_USAGE, "is a terminal");
    close(terminal);
}
END_TEST

START_TEST(test_no_room)
{
    setup();
    struct ha_input_options options = {.temp_dir = dir.path};
    struct ha_input *input = NULL;
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    become_stdin(ends[0]);
    pid_t pid = write_slowly(ends[1], plain, BYTES);
    close(ends[1]);
    struct rlimit limit = {(rlim_t)2 << 20, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct ha_err *err = ha_input_open("-", &options, &input);
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(ha_err_kind(err), HA_ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(ha_err_message(err), "cannot keep '<stdin>' in folder"));
    ck_assert_ptr_nonnull(strstr(ha_err_message(err), dir.path));
    ck_assert_ptr_nonnull(strstr(ha_err_message(err), "bytes written"));
    ha_err_free(err);
    ck_assert_int_eq(temp_count(&dir), 0);
    teardown();
}
END_TEST

START_TEST(test_passing)
{
    ck_assert(ha_input_is_passing("/dev/stdin"));
    ck_assert(ha_input_is_passing("/dev/fd/63"));
    ck_assert(ha_input_is_passing("/proc/self/fd/0"));
    ck_assert(!ha_input_is_passing("/dev/shm/app.hprof"));
    ck_assert(!ha_input_is_passing("app.hprof"));
    ck_assert(!ha_input_is_passing("./-"));
    ck_assert(!ha_input_is_passing("/"));
    ck_assert_str_eq(ha_input_name("-"), "<stdin>");
    ck_assert_str_eq(ha_input_name("a-"), "a-");
}
END_TEST

CK_HA_MAIN("input_spill", test_fifo, test_stdin, test_terminal, test_no_room, test_passing)
