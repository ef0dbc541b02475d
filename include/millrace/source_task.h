/* source_task.h: a source task brings records in.
 *
 * Life: create → prepare → start → (poll | commit | commit_record)* → stop → destroy. prepare may come long before
 * start and without it (a successor that makes itself ready while the predecessor still runs): open connections there,
 * read nothing, own nothing. start gets the same configuration. Every create is followed by one stop and one destroy, also
 * where prepare or start failed or never came: stop ends whatever there is. A paused task is not polled and otherwise runs on.
 *
 * Thread: all calls of a task come one at a time, from changing pool threads, except request_stop, which may come from
 * another thread while any other call is inside, more than once, from create on and never after stop has begun: it sets a
 * flag or wakes, and returns at once. A task that keeps thread-local state, or whose poll usually blocks, says
 * MR_TASK_BLOCKS and gets one thread for itself.
 *
 * An idle task costs nothing: poll returns without records at once and says when to call again, by a time
 * (mr_source_context_poll_after_ms) or by the wake-up it owns (mr_source_context_waker). Without either the worker polls
 * again after MR_POLL_IDLE_MS.
 */
#ifndef MILLRACE_SOURCE_TASK_H
#define MILLRACE_SOURCE_TASK_H

#include <millrace/config_def.h>
#include <millrace/host.h>
#include <millrace/record.h>

MR_BEGIN_DECLS

#define MR_POLL_IDLE_MS 100

enum mr_task_flag {
    MR_TASK_BLOCKS = 1u << 0 /* a thread of its own */
};

/* What the task may ask of the worker; valid from create until destroy. Thread: the task's, unless said otherwise. */
struct mr_source_context;
MR_EXPORT const char *mr_source_context_connector(const struct mr_source_context *context);
MR_EXPORT uint32_t mr_source_context_task(const struct mr_source_context *context);
/* The stored offset of a source partition, or the null value. From start on. The result lives in `arena`. NULL: failed. */
MR_EXPORT const struct mr_value *mr_source_context_offset(struct mr_source_context *context,
                                                          const struct mr_value *source_partition,
                                                          struct mr_arena *arena, struct mr_error **error);
/* Call poll again after so many ms, at the latest (for the present round only). UINT32_MAX: not before a wake-up; one that
 * comes while poll is inside counts. */
MR_EXPORT void mr_source_context_poll_after_ms(struct mr_source_context *context, uint32_t delay_ms);
MR_EXPORT struct mr_waker *
mr_source_context_waker(struct mr_source_context *context); /* borrowed: take one to keep it */
MR_EXPORT bool mr_source_context_is_stopping(const struct mr_source_context *context); /* thread: any */
MR_EXPORT struct mr_metrics *mr_source_context_metrics(struct mr_source_context *context);
/* How many records one poll should bring at most (advice). */
MR_EXPORT size_t mr_source_context_batch_records_max(const struct mr_source_context *context);
/* How much of its arena one batch should use at most (advice; compare mr_arena_used_bytes). A poll that stops in front of the
 * first record beyond it stays clear of the limit, whatever the task's buffer. */
MR_EXPORT size_t mr_source_context_batch_bytes_max(const struct mr_source_context *context);

/* Transaction boundaries of its own (transaction.boundary=connector); NULL unless the task runs exactly-once with that
 * setting. In poll only. A commit or abort takes effect after the named record, one of the batch being polled, or at the end of
 * that batch. These are requests: what comes of them, and a record of another batch, shows as the failure of the task. */
struct mr_transaction;
MR_EXPORT struct mr_transaction *mr_source_context_transaction(struct mr_source_context *context);
MR_EXPORT void mr_transaction_commit_batch(struct mr_transaction *transaction);
MR_EXPORT void mr_transaction_commit_after(struct mr_transaction *transaction, const struct mr_record *record);
MR_EXPORT void mr_transaction_abort_batch(struct mr_transaction *transaction);
MR_EXPORT void mr_transaction_abort_after(struct mr_transaction *transaction, const struct mr_record *record);

/* Where a record went; `topic` NULL: it was filtered or dropped by the error policy. Valid during the call. */
struct mr_record_metadata {
    uint32_t size;
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
};

struct mr_source_task_ops {
    uint32_t size;
    uint32_t flags; /* enum mr_task_flag */
    void *(*create)(struct mr_source_context *context, struct mr_error **error);
    /* NULL: nothing to prepare. */
    int (*prepare)(void *self, const struct mr_config *config, struct mr_error **error);
    int (*start)(void *self, const struct mr_config *config, struct mr_error **error);
    /* Appends records to `batch`, none if there are none now. MR_ERR_RETRIABLE: counts as "no records", called again after
	 * the hinted delay; what was appended before the error is discarded. Other errors fail the task. */
    int (*poll)(void *self, struct mr_batch *batch, struct mr_error **error);
    /* After offsets were stored. Errors are logged only. NULL: not interested. */
    int (*commit)(void *self, struct mr_error **error);
    /* Once for each record when Kafka has it (or it was dropped). NULL: not interested. Errors are logged only. */
    int (*commit_record)(void *self, const struct mr_record *record, const struct mr_record_metadata *metadata,
                         struct mr_error **error);
    void (*request_stop)(void *self); /* NULL: polls never block */
    void (*stop)(void *self);
    void (*destroy)(void *self);
};

MR_END_DECLS
#endif
