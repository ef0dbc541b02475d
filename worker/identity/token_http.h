/*
 * token_http: one HTTP request of a token source, and libcurl, which nobody else here knows.
 *
 * Time-outs, a limit for the answer (TOKEN_ANSWER_MAX), no redirects, no proxies, no cookies; https is verified, by the authorities of the
 * settings or the system's. It waits, but not beyond a stop. thread: the source's; token_http_stop: any.
 */
#ifndef IDENTITY_TOKEN_HTTP_H
#define IDENTITY_TOKEN_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str_buffer.h"

struct token_settings;
struct token_http;

#define TOKEN_HTTP_WHY_MAX 320
#define TOKEN_HTTP_HEADERS_MAX 4

/* Lines and form are borrowed for the call. */
struct token_http_request {
    const char *url;
    const char *form;                             /* NULL: GET */
    const char *headers[TOKEN_HTTP_HEADERS_MAX];  /* "Name: value"; NULL ends them */
};

struct token_http_answer {
    int status;             /* 0: none came: `why` */
    bool is_setup_failure;  /* none will come: the certificate is not believed, the address is none */
    struct str_buffer body; /* wiped by token_http_answer_release */
    int64_t date_s;         /* its Date header, since 1970; 0: none */
    int64_t retry_after_ms; /* 0: none */
    char why[TOKEN_HTTP_WHY_MAX];
};

struct token_http *token_http_create(void); /* NULL: no memory */
void token_http_destroy(struct token_http *http);
/* Whoever waits comes back at once; later requests fail until token_http_resume. */
void token_http_stop(struct token_http *http);
void token_http_resume(struct token_http *http);

void token_http_ask(struct token_http *http, const struct token_settings *settings, const struct token_http_request *request,
                    struct token_http_answer *answer);
void token_http_answer_release(struct token_http_answer *answer);

#endif
