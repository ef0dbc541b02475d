/*
 * cross_origin: which pages of other origins a browser lets read our answers (CORS; the Fetch standard, section 3.2).
 *
 * As the JVM worker (Jetty's CrossOriginHandler): access.control.allow.origin is a comma list of `*` (all) and regular
 * expressions in Java's dialect over the whole Origin; empty: nothing is added to any answer. Otherwise every answer says
 * `Vary: Origin`, one to an allowed origin names it, and one to a preflight (OPTIONS that asks for a method) names also the
 * methods of access.control.allow.methods and the header Content-Type, for 60 s. Nothing is refused here, and never are
 * credentials allowed: browsers send no passwords of theirs along.
 *
 * Embedded: _init → _apply … → _release. thread: _apply any, at the same time. Locks: its own, around expressions.
 */
#ifndef ROUTES_CROSS_ORIGIN_H
#define ROUTES_CROSS_ORIGIN_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define CROSS_ORIGIN_PATTERNS_MAX 64
#define CROSS_ORIGIN_LENGTH_MAX 1024 /* of a request's Origin; longer ones are not allowed */

struct http_request;
struct http_response;
struct java_regex;
struct mr_error;

struct cross_origin {
    bool is_on, allows_any;
    struct java_regex *patterns[CROSS_ORIGIN_PATTERNS_MAX];
    size_t pattern_count;
    char *methods;
    pthread_mutex_t lock; /* patterns: one match at a time */
};

/* NULL counts as "". -1: MR_ERR_CONFIG that names option and value, or MR_ERR_NO_MEMORY; nothing is held then. */
int cross_origin_init(struct cross_origin *cross_origin, const char *origins, const char *methods, struct mr_error **error);
void cross_origin_release(struct cross_origin *cross_origin); /* also of zeroes */

void cross_origin_apply(struct cross_origin *cross_origin, const struct http_request *request, struct http_response *response);

#endif
