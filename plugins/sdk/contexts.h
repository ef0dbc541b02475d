/*
 * contexts: how the worker builds the contexts it hands to plugins.
 *
 * A context is a struct that its owner (a task, a connector) embeds and fills before create is called; it must stay
 * where it is until destroy has returned. What does not change is a member; what does is a function of the host table,
 * called with `owner`. The exported mr_*_context_* functions only dispatch. A NULL function answers nothing: 0, false,
 * NULL; where it could report an error it fails with MR_ERR_NOT_SUPPORTED.
 *
 * Contract of all functions: called on the thread that the public header names, with whatever locks the plugin holds;
 * they must not call back into the plugin.
 */
#ifndef SDK_CONTEXTS_H
#define SDK_CONTEXTS_H

#include <millrace/connector.h>
#include <millrace/sink_task.h>
#include <millrace/source_task.h>

/* Connectors ----------------------------------------------------------------------------------------------- */

struct connector_context_host {
    void (*request_task_reconfiguration)(void *owner);              /* thread: any; must only post */
    void (*raise_error)(void *owner, const struct mr_error *error); /* thread: any; copies what it keeps */
};

struct mr_connector_context {
    const struct connector_context_host *host;
    void *owner;
    const char *name;
    struct mr_metrics *metrics; /* may be NULL */
};

/* Source tasks --------------------------------------------------------------------------------------------- */

struct transaction_host {
    /* `record` NULL: at the end of the batch being polled. */
    void (*commit)(void *owner, const struct mr_record *record);
    void (*abort)(void *owner, const struct mr_record *record);
};

struct mr_transaction {
    const struct transaction_host *host;
    void *owner;
};

struct source_context_host {
    const struct mr_value *(*offset)(void *owner, const struct mr_value *source_partition, struct mr_arena *arena,
                                     struct mr_error **error);
    void (*poll_after_ms)(void *owner, uint32_t delay_ms);
    bool (*is_stopping)(const void *owner); /* thread: any */
};

struct mr_source_context {
    const struct source_context_host *host;
    void *owner;
    const char *connector;
    uint32_t task;
    size_t batch_records_max;
    size_t batch_bytes_max;             /* 0: no limit */
    struct mr_waker *waker;             /* the owner's reference */
    struct mr_metrics *metrics;         /* may be NULL */
    struct mr_transaction *transaction; /* NULL: boundaries are not the task's */
};

/* Sink tasks ----------------------------------------------------------------------------------------------- */

struct errant_reporter_host {
    /* Fills `*future` with a reference for the caller unless `future` is NULL. Thread: any, while put runs. */
    int (*report)(void *owner, const struct mr_record *record, const struct mr_error *reason, struct mr_future **future,
                  struct mr_error **error);
};

struct mr_errant_reporter {
    const struct errant_reporter_host *host;
    void *owner;
};

struct sink_context_host {
    const struct mr_offsets *(*assignment)(const void *owner); /* valid until the next open or close */
    int (*seek)(void *owner, const char *topic, int32_t partition, int64_t offset, struct mr_error **error);
    int (*pause)(void *owner, const char *topic, int32_t partition, struct mr_error **error);
    int (*resume)(void *owner, const char *topic, int32_t partition, struct mr_error **error);
    void (*retry_after_ms)(void *owner, uint32_t delay_ms);
    void (*request_commit)(void *owner);
    bool (*is_stopping)(const void *owner); /* thread: any */
};

struct mr_sink_context {
    const struct sink_context_host *host;
    void *owner;
    const char *connector;
    uint32_t task;
    struct mr_waker *waker;            /* the owner's reference */
    struct mr_metrics *metrics;        /* may be NULL */
    struct mr_errant_reporter *errant; /* NULL: neither a dead letter topic nor error logging */
};

#endif
