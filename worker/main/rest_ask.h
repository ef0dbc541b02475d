/*
 * rest_ask: commands that ask a worker which runs, over its REST API.
 */
#ifndef MAIN_REST_ASK_H
#define MAIN_REST_ASK_H

#include <jansson.h>
#include <stdint.h>

#define REST_ASK_URL_MAX (64u << 10)

struct mr_error;
struct str_buffer;
struct string_map;

struct rest_worker {
    const char *url;                /* http(s)://host:port */
    const char *authorization_file; /* holds the header's line, which stands on no command line so; NULL: none */
    const struct string_map *tls;   /* a worker's properties, for its ssl.*; may be empty */
};
struct rest_question {
    const char *method;
    const char *path; /* from the "/" on, escaped, with its query */
    const char *body; /* JSON; NULL: none */
    int64_t timeout_ms; /* 0: more than any request may take */
};

/* What a 200 holds. NULL: MR_ERR_CONNECT nobody answered; or what the worker says. Waits. Errors name the address without its password. */
json_t *rest_ask(const struct rest_worker *worker, const struct rest_question *question, struct mr_error **error);
/* As a part of a path, or of a query. */
void rest_ask_escape(struct str_buffer *url, const char *text);

#endif
