/* sink: a task of the HTTP sink, and one put of it.
 *
 * put returns when every record has been taken by the target, or reported to the error policy: what is committed afterwards is
 * safe. A put that has to wait (target away, throttled) fails as retriable, and what was delivered of it is not sent again. */
#ifndef HTTP_SINK_SINK_H
#define HTTP_SINK_SINK_H

#include <stdatomic.h>

#include "attempts.h"
#include "client.h"
#include "delivered.h"
#include "http_plugin.h"
#include "token.h"

#define PUT_BYTES_MAX ((size_t)1 << 30) /* of texts made for one record */
#define PUT_BYTES ((size_t)64 << 20)    /* of texts made for one put: with more the rest waits for another one */
#define PUT_MOST_MS 30000u              /* a put that lasts longer starts no more requests */
#define BACKOFF_MOST_MS 60000u

struct http_task {
    struct mr_sink_context *context;
    struct http_settings settings;
    bool has_settings;
    _Atomic(struct http_client *) client; /* from start to stop; request_stop reads it from another thread */
    struct mr_arena *arena;               /* of one put */
    struct token token;
    char *token_form, *token_basic; /* of the token request; token_basic NULL: the form has the credentials */
    /* What is made of secrets, to be hidden in answers as they are: user and password for Basic, also the proxy's; the client's in
     * the form. */
    char *basic_text, *proxy_text, *form_secret;
    struct delivered delivered;
    bool comes_in_parts,
        knows_a_part; /* a put has failed for good, and what comes may be parts of it; one of them comes again */
    struct attempts attempts;
    char where[512]; /* method and URL for messages, without its query */
    atomic_bool is_stopping;
    unsigned dice;
    struct {
        struct mr_metric *requests, *retries, *throttled, *refused, *bytes;
    } metrics;
};

/* sink_run.c: what mr_sink_task_ops.put has to do. */
int sink_run(struct http_task *task, struct mr_record *const *records, size_t count, struct mr_error **error);

#endif
