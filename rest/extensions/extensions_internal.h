/*
 * extensions_internal: what the files of this room share.
 */
#ifndef EXTENSIONS_EXTENSIONS_INTERNAL_H
#define EXTENSIONS_EXTENSIONS_INTERNAL_H

#include <stdatomic.h>

#include "base/str_buffer.h"
#include "extensions/extensions.h"
#include "loader/loader.h"
#include "sdk/rest_host.h"

struct mr_config;
struct job_pool;
struct http_response;

struct extension {
    const struct loader_plugin *plugin;
    const struct mr_rest_extension_ops *ops;
    struct mr_config *config;
    void *self; /* NULL: not created */
    atomic_uint inside;
};

struct extensions {
    struct extension list[EXTENSIONS_MAX];
    size_t count;
    struct mr_rest_context context;
    struct job_pool *pool; /* NULL: no extensions */
    uint32_t timeout_ms;
    atomic_bool stopping; /* nothing goes on behind a filter */
    bool stopped;
};

/* ---- answer.c: what an extension has said so far ---- */

struct extension_header {
    char *name, *value;
};

struct extension_answer {
    struct mr_rest_answer door; /* what the extension sees */
    int status;                 /* 0: none set */
    bool has_body;
    struct str_buffer body;
    struct extension_header headers[MR_REST_HEADERS_MAX];
    size_t header_count;
    char why[200]; /* what could not be sent; "": nothing was wrong */
};
void extension_answer_init(struct extension_answer *answer);
void extension_answer_release(struct extension_answer *answer);
/* Notes the headers on the exchange, for whoever answers it. */
void extension_answer_note_headers(const struct extension_answer *answer, struct http_exchange *exchange);
/* Fills a response that is not initialised yet. */
void extension_answer_fill(const struct extension_answer *answer, struct http_response *response);

#endif
