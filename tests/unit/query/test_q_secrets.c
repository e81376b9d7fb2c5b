/* SPDX-License-Identifier: MIT */
#include "ha/query/q_secrets.h"

#include "support/ck_ha.h"

static void masks(const char *name, const char *value, const char *shown)
{
    struct ha_sbuf out = {0};
    bool masked = ha_secret_mask(name, value, &out);
    ck_assert_str_eq(ha_sbuf_text(&out), shown);
    ck_assert_int_eq(masked, strcmp(value, shown) != 0);
    ha_sbuf_deinit(&out);
}

START_TEST(test_names_that_tell)
{
    static const char *const secret[] = {"DB_PASSWORD",       "spring.datasource.password",
                                         "dbPasswd",          "GITHUB_TOKEN",
                                         "clientSecret",      "aws.secretKey",
                                         "API_KEY",           "my-api-key",
                                         "userPwd",           "signing.key",
                                         "sslKeyPassphrase",  "AUTH",
                                         "http.cookie",       "javax.net.ssl.keyStorePassword",
                                         "GOOGLE_CREDENTIALS"};
    static const char *const plain[] = {"PWD",
                                        "OLDPWD",
                                        "user.dir",
                                        "java.home",
                                        "KEYBOARD",
                                        "monkey",
                                        "javax.net.ssl.keyStore",
                                        "spinner",
                                        "bypass",
                                        "AUTHOR",
                                        "SSH_AUTH_SOCK"};
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++) {
        ck_assert_msg(ha_secret_name(secret[i], strlen(secret[i])), "%s is a secret", secret[i]);
        masks(secret[i], "x", "****");
        masks(secret[i], "", "");
    }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        ck_assert_msg(!ha_secret_name(plain[i], strlen(plain[i])), "%s is none", plain[i]);
        masks(plain[i], "x", "x");
    }
}
END_TEST

START_TEST(test_values_that_look_like_it)
{
    masks("REDIS_URL", "redis://app:hunter2@cache:6379/0", "redis://app:****@cache:6379/0");
    masks("a", "jdbc:postgresql://db/x?user=a&password=b%20c&ssl=true",
          "jdbc:postgresql://db/x?user=a&password=****&ssl=true");
    masks("a", "https://example.org:8080/path@x", "https://example.org:8080/path@x");
    masks("a", "bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-_ end", "bearer **** end");
    masks("a", "eyJhbGciOiJIUzI1NiJ9 alone", "eyJhbGciOiJIUzI1NiJ9 alone");
    masks("a", "id AKIAIOSFODNN7EXAMPLE.", "id ****.");
    masks("a", "AKIAshort", "AKIAshort");
    masks("a", "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END", "****");
    masks("a", "-----BEGIN CERTIFICATE-----\nMII", "-----BEGIN CERTIFICATE-----\nMII");
}
END_TEST

START_TEST(test_command_lines)
{
    masks("sun.java.command", "com.acme.Main --token abc --port 80",
          "com.acme.Main --token **** --port 80");
    masks(NULL, "-Ddb.password=hunter2", "-Ddb.password=****");
    masks(NULL, "-Ddb.password=\"a b\" -Dx=1", "-Ddb.password=\"****\" -Dx=1");
    masks(NULL, "app --quiet-key --port 80", "app --quiet-key --port 80");
    masks(NULL, "-Xmx512m -XX:+UseG1GC", "-Xmx512m -XX:+UseG1GC");
    masks(NULL, "password=", "password=");
}
END_TEST

CK_HA_MAIN("q_secrets", test_names_that_tell, test_values_that_look_like_it, test_command_lines)
