/*
 * cross_origin: which pages of other origins a browser lets read our answers (CORS; the Fetch standard, section 3.2).
 *
 * As the JVM worker (Jetty's CrossOriginHandler): access.control.allow.origin is a comma list of `*` (all) and regular
 * expressions in Java's dialect over the whole Origin; empty: nothing is added to any answer. Otherwise every answer says
 * `Vary: Origin`, one to an allowed origin names it, and one to a preflight (OPTIONS that asks for a method) names also the
 * methods of access.control.allow.methods and the header Content-Type, for 60 s. Never are credentials allowed: browsers let
 * no page read what they got by passwords of theirs.
 *
 * Embedded: _init → _apply, _may_change … → _release. thread: these two any, at the same time. Locks: its own, around expressions.
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

/* May it change something in the name of who has logged in? Browsers send client certificates and remembered passwords along wherever a page
 * of anybody's leads them. No: a browser says that a page of another origin asks (Sec-Fetch-Site, or an Origin that is not the Host that was
 * asked), and no expression names that origin; `*` names none. thread: any. */
bool cross_origin_may_change(struct cross_origin *cross_origin, const struct http_request *request);

void cross_origin_apply(struct cross_origin *cross_origin, const struct http_request *request, struct http_response *response);

#endif
