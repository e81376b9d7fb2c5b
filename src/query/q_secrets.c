/* SPDX-License-Identifier: MIT */
#include "ha/query/q_secrets.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* ---- names ---- */

/* Anywhere in a name. */
static const char *const telling[] = {"password",  "passwd",       "passphrase", "secret",
                                      "token",     "credential",   "apikey",     "privatekey",
                                      "accesskey", "authorization"};
/* As a word of its own: SECRET_KEY, db.pwd, userPass; not KEYBOARD, PWD, keyStore. */
static const char *const words[] = {"key", "keys", "pwd", "pass", "auth", "cookie", "pin"};
/* Names that look like secrets and are none. */
static const char *const harmless[] = {"PWD", "OLDPWD", "SSH_AUTH_SOCK", "XAUTHORITY"};

static bool contains(const char *text, size_t len, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = 0; i + n <= len; i++) {
        if (strncasecmp(text + i, part, n) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a word begins at i: "api-key", "apiKey", "key". */
static bool word_begins(const char *text, size_t i)
{
    return i == 0 || !isalnum((unsigned char)text[i - 1]) ||
           (islower((unsigned char)text[i - 1]) && isupper((unsigned char)text[i]));
}

static bool word_ends(const char *text, size_t len, size_t end)
{
    return end == len || !isalnum((unsigned char)text[end]) ||
           (islower((unsigned char)text[end - 1]) && isupper((unsigned char)text[end]));
}

static bool contains_word(const char *text, size_t len, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= len; i++) {
        if (strncasecmp(text + i, word, n) == 0 && word_begins(text, i) &&
            word_ends(text, len, i + n) &&
            !contains(text + i + n, len - i - n < 5 ? len - i - n : 5,
                      "store")) { // keyStore: a path
            return true;
        }
    }
    return false;
}

bool ha_secret_name(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        if (strlen(harmless[i]) == len && strncmp(harmless[i], name, len) == 0) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof telling / sizeof *telling; i++) {
        if (contains(name, len, telling[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (contains_word(name, len, words[i])) {
            return true;
        }
    }
    return false;
}

/* ---- forms of values; each returns the length of the secret that begins at s, 0: none ---- */

static size_t run_of(const char *s, const char *also)
{
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || (s[n] != '\0' && strchr(also, s[n]) != NULL)) {
        n++;
    }
    return n;
}

/* header.payload.signature in base64url; the header is JSON, so it begins with {" */
static size_t jwt_length(const char *s)
{
    if (strncmp(s, "eyJ", 3) != 0) {
        return 0;
    }
    size_t header = run_of(s, "-_");
    if (s[header] != '.') {
        return 0;
    }
    size_t payload = run_of(s + header + 1, "-_");
    size_t end = header + 1 + payload;
    return header >= 10 && payload >= 4 && s[end] == '.' ? end + 1 + run_of(s + end + 1, "-_") : 0;
}

static size_t key_length(const char *s)
{
    static const struct {
        const char *begin;
        size_t least; /* characters behind it */
    } forms[] = {{"AKIA", 16},        {"ASIA", 16},   {"ghp_", 30},  {"gho_", 30}, {"ghs_", 30},
                 {"github_pat_", 30}, {"glpat-", 20}, {"xoxb-", 20}, {"xoxp-", 20}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t begin = strlen(forms[i].begin);
        if (strncmp(s, forms[i].begin, begin) == 0) {
            size_t rest = run_of(s + begin, "-_");
            return rest >= forms[i].least ? begin + rest : 0;
        }
    }
    return 0;
}

static size_t pem_length(const char *s)
{
    return strncmp(s, "-----BEGIN ", 11) == 0 && strstr(s, "PRIVATE KEY-----") != NULL ? strlen(s)
                                                                                       : 0;
}

/* Where the password of "//user:password@" lies; s is at the "//". */
static bool url_password(const char *s, size_t *ret_begin, size_t *ret_len)
{
    if (strncmp(s, "//", 2) != 0) {
        return false;
    }
    size_t user = strcspn(s + 2, ":/@ \t\n\"'");
    if (s[2 + user] != ':') {
        return false;
    }
    size_t begin = 2 + user + 1;
    size_t len = strcspn(s + begin, "/@ \t\n\"'");
    *ret_begin = begin;
    *ret_len = len;
    return len > 0 && s[begin + len] == '@';
}

#define ASSIGNED_NAME_MAX 128 /* longer names are none */

/* Where the value of "name=value" or "--name value" lies, if the name tells of a secret; s is at the beginning of a word. */
static bool assigned(const char *s, bool option, size_t *ret_begin, size_t *ret_len)
{
    size_t name = 0;
    while (name < ASSIGNED_NAME_MAX && (isalnum((unsigned char)s[name]) ||
                                        (s[name] != '\0' && strchr("._-", s[name]) != NULL))) {
        name++;
    }
    bool blank = option && s[name] == ' ' && s[name + 1] != '-';
    if (name == 0 || (s[name] != '=' && !blank) || !ha_secret_name(s, name)) {
        return false;
    }
    size_t begin = name + 1;
    const char *end = s[begin] == '"' ? "\"" : s[begin] == '\'' ? "'" : " \t\n&;,\"'";
    begin += s[begin] == end[0] && end[1] == '\0';
    *ret_begin = begin;
    *ret_len = strcspn(s + begin, end);
    return *ret_len > 0;
}

/* ---- all together ---- */

/* A secret at s: what stays in front of it (*ret_begin) and its length. */
static bool secret_at(const char *value, size_t i, size_t *ret_begin, size_t *ret_len)
{
    const char *s = value + i;
    bool fresh = i == 0 || (!isalnum((unsigned char)value[i - 1]) && value[i - 1] != '.' &&
                            value[i - 1] != '_');
    if (url_password(s, ret_begin, ret_len)) {
        return true;
    }
    if (!fresh) {
        return false;
    }
    size_t len = jwt_length(s);
    len = len != 0 ? len : key_length(s);
    len = len != 0 ? len : pem_length(s);
    if (len != 0) {
        *ret_begin = 0;
        *ret_len = len;
        return true;
    }
    bool option = i >= 2 && value[i - 1] == '-' && value[i - 2] == '-';
    return assigned(s, option, ret_begin, ret_len);
}

bool ha_secret_mask(const char *name, const char *value, struct ha_sbuf *out)
{
    if (name != NULL && *value != '\0' && ha_secret_name(name, strlen(name))) {
        ha_sbuf_puts(out, HA_SECRET_MASK);
        return true;
    }
    bool masked = false;
    for (size_t i = 0; value[i] != '\0';) {
        size_t begin, len;
        if (secret_at(value, i, &begin, &len)) {
            ha_sbuf_add(out, value + i, begin);
            ha_sbuf_puts(out, HA_SECRET_MASK);
            i += begin + len;
            masked = true;
        } else {
            ha_sbuf_putc(out, value[i++]);
        }
    }
    return masked;
}
