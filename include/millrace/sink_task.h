/* sink_task.h: a sink task takes records out.
 *
 * Life: create → prepare → start → open → (put | pre_commit | flush)* → close → stop → destroy; open and close come
 * again at each rebalance, with the partitions gained or lost only. As with sources, prepare may come early and without
 * start, stop and destroy come in any case, and request_stop may come from another thread while a call is inside. An error of
 * open or close fails the task.
 *
 * put() gets records in order per partition, and an empty call now and then (at least once per commit interval): a time
 * for housekeeping. It may keep records (record.h) and may return before they are safe, as long as pre_commit answers
 * only with offsets that are.
 *
 * put fails with MR_ERR_RETRIABLE: the same records come again after the hinted delay, or after
 * mr_sink_context_retry_after_ms, else by the worker's backoff; membership in the consumer group is kept meanwhile. Any
 * other error fails the task.
 *
 * Offsets: before each commit the worker calls pre_commit with what put has been given (next offset per partition). The
 * task may lower, remove or replace entries: what remains is committed. An empty result commits nothing. Without
 * pre_commit, flush is called and everything given is committed. An error there is not fatal: the task gets the records
 * after the last committed offsets again.
 */
#ifndef MILLRACE_SINK_TASK_H
#define MILLRACE_SINK_TASK_H

#include <millrace/source_task.h>

MR_BEGIN_DECLS

/* Topic, partition and offset lists. Past the end a topic is NULL, a partition and an offset are -1. Removing moves the last
 * entry into the hole: whoever removes while walking walks backwards. Topics live until the call returns that gave the
 * list, those of the assignment until the next open or close. */
struct mr_offsets;
MR_EXPORT size_t mr_offsets_count(const struct mr_offsets *offsets);
MR_EXPORT const char *mr_offsets_topic(const struct mr_offsets *offsets, size_t index);
MR_EXPORT int32_t mr_offsets_partition(const struct mr_offsets *offsets, size_t index);
MR_EXPORT int64_t mr_offsets_offset(const struct mr_offsets *offsets, size_t index); /* next to be read; -1 unknown */
MR_EXPORT int64_t mr_offsets_get(const struct mr_offsets *offsets, const char *topic,
                                 int32_t partition); /* -1: absent */
/* Replaces or adds. */
MR_EXPORT int mr_offsets_put(struct mr_offsets *offsets, const char *topic, int32_t partition,
                             int64_t offset) MR_MUST_USE;
MR_EXPORT void mr_offsets_remove(struct mr_offsets *offsets, const char *topic, int32_t partition);
MR_EXPORT void mr_offsets_clear(struct mr_offsets *offsets);

/* What the task may ask of the worker; valid from create until destroy. Thread: the task's, unless said otherwise. */
struct mr_sink_context;
MR_EXPORT const char *mr_sink_context_connector(const struct mr_sink_context *context);
MR_EXPORT uint32_t mr_sink_context_task(const struct mr_sink_context *context);
MR_EXPORT const struct mr_offsets *mr_sink_context_assignment(const struct mr_sink_context *context);
/* Delivery goes on at `offset` (rewind or skip). In open and put. */
MR_EXPORT int mr_sink_context_seek(struct mr_sink_context *context, const char *topic, int32_t partition,
                                   int64_t offset, struct mr_error **error);
MR_EXPORT int mr_sink_context_pause(struct mr_sink_context *context, const char *topic, int32_t partition,
                                    struct mr_error **error);
MR_EXPORT int mr_sink_context_resume(struct mr_sink_context *context, const char *topic, int32_t partition,
                                     struct mr_error **error);
/* Time until a failed put is tried again, or until the next empty put: for the present round only. */
MR_EXPORT void mr_sink_context_retry_after_ms(struct mr_sink_context *context, uint32_t delay_ms);
MR_EXPORT void mr_sink_context_request_commit(struct mr_sink_context *context);
MR_EXPORT struct mr_waker *mr_sink_context_waker(struct mr_sink_context *context); /* borrowed */
MR_EXPORT bool mr_sink_context_is_stopping(const struct mr_sink_context *context); /* thread: any */
MR_EXPORT struct mr_metrics *mr_sink_context_metrics(struct mr_sink_context *context);

/* Hands single records to the error policy (KIP-610). NULL when the connector has neither a dead letter topic nor error
 * logging. The future is done when the dead letter is safe; offsets are not committed past it before. With
 * errors.tolerance=none reporting fails (-1), and so does the task. `future` may be NULL. Thread: any while put runs. */
struct mr_errant_reporter;
MR_EXPORT struct mr_errant_reporter *mr_sink_context_errant_reporter(struct mr_sink_context *context);
MR_EXPORT int mr_errant_report(struct mr_errant_reporter *reporter, const struct mr_record *record,
                               const struct mr_error *reason, struct mr_future **future, struct mr_error **error);

struct mr_sink_task_ops {
    uint32_t size;
    uint32_t flags; /* enum mr_task_flag */
    void *(*create)(struct mr_sink_context *context, struct mr_error **error);
    int (*prepare)(void *self, const struct mr_config *config, struct mr_error **error); /* NULL: nothing */
    int (*start)(void *self, const struct mr_config *config, struct mr_error **error);
    int (*open)(void *self, const struct mr_offsets *partitions, struct mr_error **error); /* NULL: nothing */
    int (*put)(void *self, struct mr_record *const *records, size_t count, struct mr_error **error);
    int (*flush)(void *self, const struct mr_offsets *offsets, struct mr_error **error);    /* NULL: nothing */
    int (*pre_commit)(void *self, struct mr_offsets *offsets, struct mr_error **error);     /* NULL: flush */
    int (*close)(void *self, const struct mr_offsets *partitions, struct mr_error **error); /* NULL: nothing */
    void (*request_stop)(void *self); /* NULL: calls never block */
    void (*stop)(void *self);
    void (*destroy)(void *self);
};

MR_END_DECLS
#endif
