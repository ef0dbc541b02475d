/*
 * token: one access token: immutable, refcounted, wiped with its last owner. Its text is noted as a secret (base/secrets.h).
 * thread: any.
 */
#ifndef IDENTITY_TOKEN_H
#define IDENTITY_TOKEN_H

#include <stdint.h>

#include "base/refcount.h"

#define TOKEN_TEXT_MAX (64u << 10)
#define TOKEN_PRINCIPAL_MAX 256

struct token {
    struct refcount refcount;
    char *text;          /* visible ASCII */
    char *principal;     /* its subject; "unknown" where it does not say one */
    int64_t fetched_ms;  /* clock_boottime_ms: when it was asked for, thus not later than it was made */
    int64_t expires_ms;  /* clock_boottime_ms */
};

/* Copies. NULL: no memory. */
struct token *token_create(const char *text, const char *principal, int64_t fetched_ms, int64_t expires_ms);
struct token *token_take(struct token *token);
void token_drop(struct token *token); /* NULL is fine */

#endif
