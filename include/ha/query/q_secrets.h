/* SPDX-License-Identifier: MIT */
/*
 * Values that nobody should see in a report that is mailed around: by the name they go under, and by what they look like.
 *
 *     DB_PASSWORD=hunter2                              DB_PASSWORD=****            names: password, secret, token, credential, key as a word …
 *     redis://app:hunter2@cache:6379/0                 redis://app:****@cache:6379/0
 *     java -jar a.jar --token=abc -Ddb.password=x      java -jar a.jar --token=**** -Ddb.password=****
 *     eyJhbGciOi….eyJzdWIi….c2lnbmF0dXJl  AKIA…        ****                        JWT, AWS access keys, tokens of GitHub, GitLab and Slack, PEM
 *
 * It errs on the side of hiding: what is hidden is shown with --show-secrets.
 */
#ifndef HA_QUERY_Q_SECRETS_H
#define HA_QUERY_Q_SECRETS_H

#include "ha/base/sbuf.h"

#include <stdbool.h>

#define HA_SECRET_MASK "****"

/* Whether a value under this name is a secret by its name alone. */
bool ha_secret_name(const char *name, size_t len);

/* Appends value with its secret parts masked; name (may be NULL) is what it goes under. Returns whether anything was masked. */
bool ha_secret_mask(const char *name, const char *value, struct ha_sbuf *out);

#endif
