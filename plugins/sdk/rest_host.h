/*
 * rest_host: what the worker lends to REST extensions, as contexts.h does to connectors: structs that the caller embeds and fills; the
 * exported functions only look into them or dispatch to the host table with `owner`.
 */
#ifndef SDK_REST_HOST_H
#define SDK_REST_HOST_H

#include <millrace/rest_extension.h>

/* thread: the call's. Texts live as long as the request. */
struct rest_request_host {
    const char *(*segment)(const void *owner, size_t index);
    const char *(*query)(const void *owner, const char *name);
    const char *(*header)(const void *owner, const char *name);
};

struct mr_rest_request {
    const struct rest_request_host *host;
    const void *owner;
    const char *method, *path;
    const char *caller; /* may be NULL */
    const char *client_address;
    struct mr_bytes body;
};

/* thread: the call's. -1: the answer has failed, and remembers it. */
struct rest_answer_host {
    int (*set)(void *owner, int status, const char *json);
    int (*add_header)(void *owner, const char *name, const char *value);
};

struct mr_rest_answer {
    const struct rest_answer_host *host;
    void *owner;
};

/* thread: any. */
struct rest_context_host {
    const char *(*cluster_id)(const void *owner);
    int (*each_connector)(void *owner, mr_rest_connector_fn *visit, void *argument, struct mr_error **error);
    int (*each_unit)(void *owner, const char *connector, mr_rest_unit_fn *visit, void *argument, struct mr_error **error);
};

struct mr_rest_context {
    const struct rest_context_host *host;
    void *owner;
};

#endif
