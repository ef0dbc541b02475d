/*
 * status_store: how connectors and tasks are, as the status topic says; a cache that may be seconds old. One door, two
 * makes: kafka (kafka_stores.h), memory (below).
 *
 * Writing never waits and never fails for the caller: what cannot be sent now is sent again until it is, or until a
 * newer status of the same unit was put (then only that one). A status is seen by readers when it came back from the
 * topic. Reading copies out under a short lock. Formats and rules: Kafka's KafkaStatusBackingStore.
 *
 * thread: any, also pool threads. locks: its own, never while calling out.
 * Deadlines are absolute on clock_monotonic_ms(NULL).
 */
#ifndef STORE_STATUS_STORE_H
#define STORE_STATUS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_error;
struct status_store;

enum unit_state {
    UNIT_UNASSIGNED,
    UNIT_RUNNING,
    UNIT_PAUSED,
    UNIT_STOPPED,
    UNIT_FAILED,
    UNIT_RESTARTING,
    UNIT_DESTROYED, /* put only: written as a tombstone, never read */
};
const char *unit_state_name(enum unit_state state); /* "RUNNING" */

struct unit_status {
    enum unit_state state;
    const char *worker_id; /* advertised host:port of the worker that says so */
    int32_t generation;    /* of the group, when it was said */
    const char *trace;     /* of FAILED; of UNASSIGNED why no worker has it, where one knows; else NULL */
    const char *version;   /* of the plugin; NULL: not known */
};

/* Past this the trace of a FAILED unit is cut (at a character): a record must fit its topic. */
#define STATUS_TRACE_MAX (256u << 10)

/* A store that forgets all when destroyed. NULL: no memory. */
struct status_store *memory_status_store_create(struct mr_error **error);
/* Not for a store of kafka_stores.h. NULL is fine. */
void status_store_destroy(struct status_store *store);

/* ---- writing: texts are copied; without memory the status is lost with a line in the log ---- */

/* CERTAIN: written, whatever was there. SAFE (FAILED, and UNASSIGNED when stopping): not written when another worker
 * has said something under a greater generation. */
enum status_care { STATUS_CERTAIN, STATUS_SAFE };

void status_store_put_connector(struct status_store *store, const char *connector, const struct unit_status *status,
                                enum status_care care);
void status_store_put_task(struct status_store *store, const char *connector, uint32_t task,
                           const struct unit_status *status, enum status_care care);
/* Written unless the cache knows the topic of the connector already. */
void status_store_put_topic(struct status_store *store, const char *connector, const char *topic, uint32_t task);
void status_store_remove_topic(struct status_store *store, const char *connector, const char *topic);
/* Grows when a topic was read to be removed, whoever did it: then those who put a topic once put it again with its next
 * record. Lives as long as the store. */
const _Atomic uint32_t *status_store_topics_epoch(const struct status_store *store);
/* Tombstones for all that the cache holds of the connector: its own, its tasks', its topics'. */
void status_store_remove_all(struct status_store *store, const char *connector);

/* Waits until all that was put so far is acknowledged or given up. -1: MR_ERR_TIMEOUT. */
int status_store_flush(struct status_store *store, int64_t deadline_ms, struct mr_error **error);
/* Reads what others have written so far. Waits. */
int status_store_refresh(struct status_store *store, int64_t deadline_ms, struct mr_error **error);

/* ---- reading ---- */

struct task_status {
    uint32_t task;
    struct unit_status status;
};

/* One connector, as it was known at one moment; one block of memory, yours. */
struct status_view {
    const struct unit_status *connector; /* NULL: no status known */
    const struct task_status *tasks;     /* by number, ascending */
    size_t task_count;
};
/* NULL: no memory. A connector nobody has heard of gives an empty view. Free with status_view_destroy. */
struct status_view *status_store_view(struct status_store *store, const char *connector);
/* The status of that task in a view; NULL: none. */
const struct unit_status *status_view_task(const struct status_view *view, uint32_t task);
void status_view_destroy(struct status_view *view);

struct topic_status {
    const char *topic;
    uint32_t task;         /* that saw it first */
    int64_t discovered_ms; /* wall clock */
};
/* The topics of a connector, by name; *count of them in one block for status_topics_destroy. NULL: no memory. */
struct topic_status *status_store_topics(struct status_store *store, const char *connector, size_t *count);
void status_topics_destroy(struct topic_status *topics);

/* All connectors that have a status of their own or of a task, by name: a NULL-terminated list in one block for
 * mem_free. NULL: no memory. */
char **status_store_connectors(struct status_store *store, size_t *count);

#endif
