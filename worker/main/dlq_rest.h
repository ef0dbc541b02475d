/*
 * dlq_rest: what `millrace dlq` asks of a worker that runs (--url).
 */
#ifndef MAIN_DLQ_REST_H
#define MAIN_DLQ_REST_H

#include <jansson.h>

struct dlq_options;
struct mr_error;
struct string_map;

/* The answer of the worker; `tls`: properties of a worker, for its ssl.*; may be empty. NULL: MR_ERR_CONNECT nobody answered; or what the
 * worker says. Waits. */
json_t *dlq_rest_ask(const struct dlq_options *options, const struct string_map *tls, struct mr_error **error);

#endif
