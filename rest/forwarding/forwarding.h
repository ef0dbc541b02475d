/*
 * forwarding: passes a request on to the worker it belongs to, and carries the herder's own requests to the leader.
 *
 * A write that another worker made is told only when this worker's snapshot of the config topic shows it, so that whoever wrote
 * through this worker reads it here next: the answering worker says in FORWARDING_OFFSET_HEADER how far its snapshot had come. That
 * waits for FORWARDING_CATCH_UP_MS at most, then the answer is told as it is: the write has happened.
 *
 * Where login is needed, every request says for whom it is made (caller.h): the client that this worker let in, or, of the herder's own,
 * this worker. The client's own proof (Authorization) then stays here: the other worker has no use for it. Where the workers have a secret
 * (millrace.inter.worker.secret) the herder's own say so in any case: the others demand it.
 *
 * Life: _start, before the herder (which is given the link) → _stop, after the herder has stopped and REST has. At _stop all that
 * is under way is told that no answer came.
 */
#ifndef FORWARDING_FORWARDING_H
#define FORWARDING_FORWARDING_H

#include <stddef.h>
#include <stdint.h>

/* config_snapshot_offset of the worker that answered; only to workers (a request with `forward`). */
#define FORWARDING_OFFSET_HEADER "Millrace-Config-Offset"
#define FORWARDING_CATCH_UP_MS 10000
#define FORWARDING_BODY_MAX (16u << 20) /* of the herder's requests: task configurations of one connector */

struct bindings;
struct callers;
struct config_store;
struct forwarding;
struct identity;
struct leader_link;
struct mr_error;
struct worker_config;

struct forwarding_setup {
    const struct worker_config *worker;
    struct config_store *configs;
    const char *address; /* of this worker, as it is advertised: "host:port" */
}; /* all outlive it */

/* NULL: no memory, no thread, or MR_ERR_CONFIG: login is needed, and there is nothing to sign with (caller.h). */
struct forwarding *forwarding_start(const struct forwarding_setup *setup, struct mr_error **error);
void forwarding_stop(struct forwarding *forwarding); /* NULL is fine */

/* For herder_setup; lives as long as the forwarding. */
const struct leader_link *forwarding_leader_link(const struct forwarding *forwarding);
struct config_store *forwarding_configs(const struct forwarding *forwarding);
/* To check what other workers say of callers, also where no login is needed here: not all workers may have been told yet. NULL: there
 * is nothing to sign with, or (forwarding NULL) there are no others. */
struct callers *forwarding_callers(const struct forwarding *forwarding);

struct forwarding_request {
    const char *url;    /* advertised, of the other worker: "http://host:port/" */
    const char *method;
    const char *target; /* path and query, escaped, without a leading slash: "connectors/a%20b/pause?forward=true" */
    const char *body;   /* borrowed until done; NULL: none */
    size_t body_length;
    const char *authorization, *signature, *signature_algorithm; /* headers to be passed on; NULL: not there */
    const struct identity *caller;    /* for whom; NULL: not said. Needed during the call, as the bindings */
    const struct bindings *bindings;  /* NULL: whatever of the caller fits goes along */
    const char *request_id; /* "X-Request-ID"; NULL: none */
    int64_t deadline_ms;
};
struct forwarding_answer {
    int status; /* 409 of ours: the worker could not be connected to, nothing was sent; 500: it may have been */
    const char *message; /* of a failure of ours: there is no body then. NULL: the other worker's answer */
    const char *body;
    size_t body_length;
    const char *content_type; /* NULL: none */
};
/* thread: the forwarding's, or the asker's own when nothing could be sent. Must not wait. The answer lives only during the call. */
typedef void forwarding_done_fn(void *argument, const struct forwarding_answer *answer);

/* `done` is told, exactly once. thread: any. */
void forwarding_send(struct forwarding *forwarding, const struct forwarding_request *request, forwarding_done_fn *done,
                     void *argument);

#endif
