/* SPDX-License-Identifier: MIT */
#include "cli/optparse.h"

#include "support/ck_ha.h"

#include <stdio.h>

struct values {
    bool flag;
    uint64_t count;
    struct opt_share share;
    unsigned choice;
    const char *text;
    struct opt_words words;
    struct opt_address address;
};

#define AT(field) offsetof(struct values, field)

static const struct opt options[] = {
    {'q', "quiet", NULL, OPT_FLAG, AT(flag), 0, 0, ""},
    {'n', "top", "N", OPT_COUNT, AT(count), 1, 100, ""},
    {0, "threshold", "10%|SIZE", OPT_SHARE, AT(share), 0, 0, ""},
    {0, "by", "class|package", OPT_CHOICE, AT(choice), 0, 0, ""},
    {0, "name", "TEXT", OPT_TEXT, AT(text), 0, 0, ""},
    {'f', "format", "FORMAT", OPT_WORDS, AT(words), 0, 0, ""},
    {'o', "output", "FILE", OPT_WORDS, AT(words), 0, 0, ""},
    {0, "object", "0xADDR", OPT_ADDRESS, AT(address), 0, 0, ""},
};

static struct ha_arena arena;

/* Reads a line; operands are joined by commas. */
static struct ha_err *line_read(char **argv, struct values *values, char operands[64])
{
    int argc = 0;
    while (argv[argc] != NULL) {
        argc++;
    }
    struct opt_parser parser = {.argv = argv, .argc = argc, .arena = &arena, .set_count = 1};
    parser.sets[0] = (struct opt_set){options, sizeof options / sizeof *options, values};
    size_t len = 0;
    operands[0] = '\0';
    for (;;) {
        const char *word = NULL;
        HA_TRY(opt_next(&parser, &word));
        if (word == NULL) {
            return NULL;
        }
        len += (size_t)snprintf(operands + len, 64 - len, "%s%s", len == 0 ? "" : ",", word);
    }
}

#define LINE(...) ((char *[]){__VA_ARGS__, NULL})

START_TEST(test_spellings)
{
    struct values v = {0};
    char operands[64];
    ck_ok(line_read(LINE("a", "-qn5", "--by=package", "--name", "x y", "-", "--object", "0xfF",
                         "--threshold=12.5%", "--", "-n"),
                    &v, operands));
    ck_assert_str_eq(operands, "a,-,-n");
    ck_assert(v.flag);
    ck_assert_uint_eq(v.count, 5);
    ck_assert_uint_eq(v.choice, 1);
    ck_assert_str_eq(v.text, "x y");
    ck_assert(v.address.given);
    ck_assert_uint_eq(v.address.value, 255);
    ck_assert_double_eq(v.share.percent, 12.5);
    ha_arena_deinit(&arena);
}
END_TEST

START_TEST(test_words_keep_their_order)
{
    struct values v = {0};
    char operands[64];
    ck_ok(line_read(LINE("-f", "json", "-oa.json", "--format=text"), &v, operands));
    ck_assert_uint_eq(v.words.count, 3);
    ck_assert_int_eq(v.words.list[0].letter, 'f');
    ck_assert_int_eq(v.words.list[1].letter, 'o');
    ck_assert_str_eq(v.words.list[1].text, "a.json");
    ck_assert_str_eq(v.words.list[2].text, "text");
    ha_arena_deinit(&arena);
}
END_TEST

START_TEST(test_mistakes)
{
    struct values v = {0};
    char operands[64];
    ck_err(line_read(LINE("--quite"), &v, operands), HA_ERR_USAGE,
           "unknown option '--quite', did you mean '--quiet'?");
    ck_err(line_read(LINE("--zzzzzz"), &v, operands), HA_ERR_USAGE, "unknown option '--zzzzzz'");
    ck_err(line_read(LINE("-x"), &v, operands), HA_ERR_USAGE, "unknown option '-x'");
    ck_err(line_read(LINE("--top"), &v, operands), HA_ERR_USAGE, "--top needs a value (N)");
    ck_err(line_read(LINE("-n"), &v, operands), HA_ERR_USAGE, "-n needs a value (N)");
    ck_err(line_read(LINE("-n", "0"), &v, operands), HA_ERR_USAGE,
           "-n: 0 is not between 1 and 100");
    ck_err(line_read(LINE("-n", "5x"), &v, operands), HA_ERR_USAGE, "-n: '5x' is not a number");
    ck_err(line_read(LINE("-n", "-5"), &v, operands), HA_ERR_USAGE, "-n: '-5' is not a number");
    ck_err(line_read(LINE("--top=99999999999999999999999"), &v, operands), HA_ERR_USAGE,
           "is not a number");
    ck_err(line_read(LINE("--quiet=1"), &v, operands), HA_ERR_USAGE, "--quiet takes no value");
    ck_err(line_read(LINE("--by", "clas"), &v, operands), HA_ERR_USAGE,
           "--by: 'clas' is not one of class|package");
    ck_err(line_read(LINE("--by="), &v, operands), HA_ERR_USAGE, "'' is not one of");
    ck_err(line_read(LINE("--threshold", "101%"), &v, operands), HA_ERR_USAGE, "more than 100%");
    ck_err(line_read(LINE("--threshold", "much"), &v, operands), HA_ERR_USAGE,
           "neither a percentage");
    ck_err(line_read(LINE("--object", "12"), &v, operands), HA_ERR_USAGE, "'12' is not an address");
    ck_err(line_read(LINE("--object", "0x"), &v, operands), HA_ERR_USAGE, "is not an address");
    ck_err(line_read(LINE("--object", "0x1g"), &v, operands), HA_ERR_USAGE, "is not an address");
    ck_err(line_read(LINE("--object", "0x12345678123456789"), &v, operands), HA_ERR_USAGE,
           "is not an address");
    ha_arena_deinit(&arena);
}
END_TEST

START_TEST(test_sizes)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0", 0},
        {"512", 512},
        {"512B", 512},
        {"64K", 65536},
        {"64k", 65536},
        {"64KB", 65536},
        {"64KiB", 65536},
        {"10M", 10485760},
        {"1.5G", 1610612736},
        {"1.5GiB", 1610612736},
        {"2T", 2199023255552},
        {"0.5K", 512},
    };
    static const char *const bad[] = {"",   "K",   "1X",    "1Ki B",     "1KiBB",
                                      "-1", "1e3", "1.5.5", "99999999T", "1Ki5"};
    uint64_t bytes;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ck_ok(opt_parse_size(good[i].text, "--size", &bytes));
        ck_assert_uint_eq(bytes, good[i].bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_err(opt_parse_size(bad[i], "--size", &bytes), HA_ERR_USAGE, "--size");
    }
}
END_TEST

CK_HA_MAIN("optparse", test_spellings, test_words_keep_their_order, test_mistakes, test_sizes)
