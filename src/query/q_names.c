/* SPDX-License-Identifier: MIT */
/*
 * A table of marks. What stands behind a mark and was counted, hashed or drawn by whoever generated the class becomes `N`; a hidden class
 * loses its address first.
 */
#include "ha/query/q_names.h"

#include <ctype.h>
#include <string.h>

enum tail {
    TAIL_DIGITS,
    TAIL_WORD /* letters and digits, `_` too: hashes, random words */
};

/* `mark` and a tail up to the end of the name. */
struct mark {
    const char *mark;
    enum tail tail;
};

static const struct mark marks[] = {
    {".$Proxy", TAIL_DIGITS},                /* java.lang.reflect.Proxy */
    {"GeneratedMethodAccessor", TAIL_DIGITS}, /* jdk.internal.reflect.MethodAccessorGenerator */
    {"GeneratedConstructorAccessor", TAIL_DIGITS},
    {"GeneratedSerializationConstructorAccessor", TAIL_DIGITS},
    {"CGLIB$$", TAIL_WORD},        /* cglib's DefaultNamingPolicy: hash; Spring's: hash, since 6.0 a number */
    {"FastClass$$", TAIL_DIGITS},  /* Spring 6: $$SpringCGLIB$$FastClass$$0 */
    {"ByGuice$$", TAIL_WORD},
    {"$HibernateProxy$", TAIL_WORD}, /* ByteBuddy's SuffixingRandom, and the next four */
    {"$HibernateBasicProxy$", TAIL_WORD},
    {"$HibernateInstantiator$", TAIL_WORD},
    {"$HibernateAccessOptimizer$", TAIL_WORD},
    {"$ByteBuddy$", TAIL_WORD},
    {"$auxiliary$", TAIL_WORD},
    {"$MockitoMock$", TAIL_WORD},
    {"_$$_jvst", TAIL_WORD}, /* javassist's ProxyFactory */
    {"_$$_javassist_", TAIL_WORD},
};

/* The length of the name without the address of a hidden class: "/0x…", with JDK 8 "/" and a decimal hash. */
static size_t hidden_cut(const char *name, size_t len)
{
    const char *slash = memrchr(name, '/', len);
    if (slash == NULL) {
        return len;
    }
    const char *p = slash + 1;
    p += strncmp(p, "0x", 2) == 0 ? 2 : 0;
    const char *first = p;
    while (p < name + len && isxdigit((unsigned char)*p)) {
        p++;
    }
    return p == name + len && p > first ? (size_t)(slash - name) : len;
}

/* "Foo$$Lambda$17" loses its number: newer JDKs do not have it. */
static size_t lambda_cut(const char *name, size_t len)
{
    static const char lambda[] = "$$Lambda$";
    const char *at = memmem(name, len, lambda, sizeof lambda - 1);
    if (at == NULL) {
        return len;
    }
    const char *p = at + sizeof lambda - 1;
    while (p < name + len && isdigit((unsigned char)*p)) {
        p++;
    }
    return p == name + len ? (size_t)(at - name) + sizeof lambda - 2 : len;
}

/* Whether everything from p to the end is a tail of that kind; at least one character. */
static bool is_tail(const char *p, const char *end, enum tail tail)
{
    if (p == end) {
        return false;
    }
    for (; p < end; p++) {
        unsigned char c = (unsigned char)*p;
        if (tail == TAIL_DIGITS ? !isdigit(c) : !isalnum(c) && c != '_') {
            return false;
        }
    }
    return true;
}

/* Appends a package "jdk.proxy2." as "jdk.proxyN.", which numbers class loaders. Returns how much of the name that was. */
static size_t proxy_package(const char *name, size_t len, struct ha_sbuf *out)
{
    static const char *const packages[] = {"jdk.proxy", "com.sun.proxy.jdk.proxy"};
    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++) {
        size_t at = strlen(packages[i]);
        size_t end = at;
        if (len > at && memcmp(name, packages[i], at) == 0) {
            while (end < len && isdigit((unsigned char)name[end])) {
                end++;
            }
            if (end > at && end < len && name[end] == '.') {
                ha_sbuf_add(out, name, at);
                ha_sbuf_putc(out, 'N');
                return end;
            }
        }
    }
    return 0;
}

void ha_name_stable(const char *name, struct ha_sbuf *out)
{
    size_t all = strlen(name);
    size_t len = all;
    while (len >= 2 && name[len - 1] == ']' && name[len - 2] == '[') {
        len -= 2;
    }
    const char *dimensions = name + len;
    len = lambda_cut(name, hidden_cut(name, len));
    size_t done = proxy_package(name, len, out);
    const char *end = name + len;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t mark_len = strlen(marks[i].mark);
        const char *at = memmem(name + done, len - done, marks[i].mark, mark_len);
        if (at != NULL && is_tail(at + mark_len, end, marks[i].tail)) {
            ha_sbuf_add(out, name + done, (size_t)(at - name) + mark_len - done);
            ha_sbuf_putc(out, 'N');
            done = len;
        }
    }
    ha_sbuf_add(out, name + done, len - done);
    ha_sbuf_puts(out, dimensions);
}

void ha_field_stable(const char *field, struct ha_sbuf *out)
{
    static const char local[] = "<local>";
    if (field[0] == '[') {
        ha_sbuf_puts(out, "[]");
    } else if (strncmp(field, local, sizeof local - 1) == 0) {
        ha_sbuf_puts(out, local);
    } else {
        ha_sbuf_puts(out, field);
    }
}
