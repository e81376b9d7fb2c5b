/* SPDX-License-Identifier: MIT */
/*
 * What every libcheck test of ours needs.
 *
 *     START_TEST(test_reads_header)
 *     {
 *         ck_ok(ha_input_open(path, &input));
 *         ck_err(ha_input_open("none", &input), HA_ERR_SYSTEM, "cannot open 'none'");
 *     }
 *     END_TEST
 *
 *     CK_HA_MAIN("input", test_reads_header)
 *
 * CK_HA_ASSERTS(function) at the end of a test: calling it must end in a failed assertion, in a process of its own.
 */
#ifndef HA_TESTS_SUPPORT_CK_HA_H
#define HA_TESTS_SUPPORT_CK_HA_H

#include "ha/base/err.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The call returns no error. */
#define ck_ok(expr)                                                                                \
    do {                                                                                           \
        struct ha_err *ck_err_ = (expr);                                                           \
        ck_assert_msg(ck_err_ == NULL, "%s failed: %s", #expr,                                     \
                      ck_err_ == NULL ? "" : ha_err_message(ck_err_));                             \
    } while (0)

/* The call returns an error of that kind whose message contains the text. */
#define ck_err(expr, kind, text)                                                                   \
    do {                                                                                           \
        struct ha_err *ck_err_ = (expr);                                                           \
        ck_assert_msg(ck_err_ != NULL, "%s did not fail", #expr);                                  \
        ck_assert_msg(strstr(ha_err_message(ck_err_), (text)) != NULL, "%s failed with '%s'",      \
                      #expr, ha_err_message(ck_err_));                                             \
        ck_assert_msg(ha_err_kind(ck_err_) == (kind), "%s failed with kind %d: %s", #expr,         \
                      (int)ha_err_kind(ck_err_), ha_err_message(ck_err_));                         \
        ha_err_free(ck_err_);                                                                      \
    } while (0)

/* Whether function() ends in SIGABRT; what it prints and its core file are suppressed. */
static inline int ck_ha_asserts(void (*function)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        int fd = open("/dev/null", O_WRONLY);
        dup2(fd, 2);
        function();
        _exit(0);
    }
    int status = 0;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
           WTERMSIG(status) == SIGABRT;
}
#define CK_HA_ASSERTS(function)                                                                    \
    ck_assert_msg(ck_ha_asserts(function), "%s did not assert", #function)

/* Runs a suite and frees it; what main() returns. */
static inline int ck_ha_run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static inline int ck_ha_run(const char *name, const TTest *const *tests, size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 0); /* meson has one, which knows of slow builds */
    for (size_t i = 0; i < count; i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}

/* main() of a test program: its tests, in order. */
#define CK_HA_MAIN(name, ...)                                                                      \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = {__VA_ARGS__};                                                \
        return ck_ha_run(name, tests, sizeof tests / sizeof *tests);                               \
    }

#endif
