/*
 * token_fetch: one attempt to get a token. It waits for the answer. thread: the source's.
 */
#ifndef IDENTITY_TOKEN_FETCH_H
#define IDENTITY_TOKEN_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "identity/token.h"

struct clock;
struct token_http;
struct token_settings;

#define TOKEN_WORDS_MAX 512
#define TOKEN_SKEW_WARN_S 30

struct token_failure {
    bool is_hopeless;       /* it will fail again unless somebody changes something: who asks is not known, a file is no token */
    int64_t retry_after_ms; /* 0: not said */
    char words[TOKEN_WORDS_MAX]; /* who was asked, what is wrong, the remedy; no secrets */
};

/* NULL: *failure says why. clock NULL: the real one. *skew_s: by how much the issuer's clock is ahead of ours; 0 where it does not say. */
struct token *token_fetch(struct token_http *http, const struct token_settings *settings, const struct clock *clock,
                          int64_t *skew_s, struct token_failure *failure);

/* May a request that was answered so be tried again? */
bool token_status_passes(const struct token_settings *settings, int status);

#endif
