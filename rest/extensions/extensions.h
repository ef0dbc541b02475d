/*
 * extensions: what rest.extension.classes names, asked before requests are handled, and serving paths of its own.
 *
 * Each call runs on a thread of this room's pool and has setup.timeout_ms; the asker never waits. Of one extension MR_REST_CALLS_MAX
 * calls may be inside, those that overran their deadline included: a further request is answered 503 at once. So an extension that
 * hangs costs that many threads at most, and refuses all that it was to look at. An answer is sent only if it can be: status,
 * one JSON value, headers that are none of the server's own.
 *
 * Life: _create → _filter, _serve → _stop → _destroy. thread: _create, _stop, _destroy one; the rest any.
 */
#ifndef EXTENSIONS_EXTENSIONS_H
#define EXTENSIONS_EXTENSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXTENSIONS_MAX 16 /* classes in rest.extension.classes */

struct extensions;
struct http_exchange;
struct loader;
struct mr_error;
struct rest_context_host;
struct worker_config;

struct extensions_setup {
    const struct loader *loader;        /* outlives the extensions */
    const struct worker_config *worker; /* rest_extensions, properties; outlives them */
    const struct rest_context_host *cluster; /* sdk/rest_host.h: what extensions may ask; outlives them */
    void *cluster_owner;
    bool (*prefix_is_taken)(const char *prefix); /* by a path of the worker's own */
};

/* NULL: MR_ERR_CONFIG, which names class and remedy, or no memory. Without classes it is there, and idle. */
struct extensions *extensions_create(const struct extensions_setup *setup, struct mr_error **error);
/* No call comes any more; waits for those inside. false: one has not returned by the deadline: must not be destroyed, nor what it may
 * use (cluster, loader). */
bool extensions_stop(struct extensions *extensions, int64_t deadline_ms);
void extensions_destroy(struct extensions *extensions); /* also one that was never stopped, while nothing was asked; NULL is fine */

/* Paths that are served: "/acme"; NULL past the end. */
const char *extensions_prefix(const struct extensions *extensions, size_t index);

/* All filters have let the request pass. thread: a job's. No lock held. Must not wait. */
typedef void extensions_passed_fn(void *argument, struct http_exchange *exchange);

/* A filter has answered 401, 403 or 429; the answer is about to be given. thread: a job's. No lock held. Must not wait. */
typedef void extensions_refused_fn(void *argument, struct http_exchange *exchange, int status, const char *class_name);

bool extensions_have_filters(const struct extensions *extensions);
/* Takes over the exchange: answers it, or hands it on to `passed`, once. `caller` (NULL: nobody logged in) lives as long as the
 * exchange. `argument` must live until one of both has happened, or extensions_stop has returned true. */
void extensions_filter(struct extensions *extensions, struct http_exchange *exchange, const char *caller,
                       extensions_passed_fn *passed, extensions_refused_fn *refused, void *argument);
/* Answers a request for a path below one of the prefixes. */
void extensions_serve(struct extensions *extensions, struct http_exchange *exchange, const char *caller);

#endif
