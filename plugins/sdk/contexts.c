/* The exported context functions: each one looks into the context or calls the owner's table. */
#include "sdk/contexts.h"

#include "base/bans.h"

static int not_supported(struct mr_error **error, const char *what)
{
    return mr_error_set(error, MR_ERR_NOT_SUPPORTED, "This context cannot %s", what);
}

/* Connectors --------------------------------------------------------------------------------------------------- */

const char *mr_connector_context_name(const struct mr_connector_context *context)
{
    return context->name;
}

void mr_connector_context_request_task_reconfiguration(struct mr_connector_context *context)
{
    if (context->host->request_task_reconfiguration != NULL)
        context->host->request_task_reconfiguration(context->owner);
}

void mr_connector_context_raise_error(struct mr_connector_context *context, const struct mr_error *error)
{
    if (context->host->raise_error != NULL)
        context->host->raise_error(context->owner, error);
}

struct mr_metrics *mr_connector_context_metrics(struct mr_connector_context *context)
{
    return context->metrics;
}

/* Source tasks ------------------------------------------------------------------------------------------------- */

const char *mr_source_context_connector(const struct mr_source_context *context)
{
    return context->connector;
}

uint32_t mr_source_context_task(const struct mr_source_context *context)
{
    return context->task;
}

const struct mr_value *mr_source_context_offset(struct mr_source_context *context,
                                                const struct mr_value *source_partition, struct mr_arena *arena,
                                                struct mr_error **error)
{
    if (context->host->offset != NULL)
        return context->host->offset(context->owner, source_partition, arena, error);
    not_supported(error, "read stored offsets");
    return NULL;
}

void mr_source_context_poll_after_ms(struct mr_source_context *context, uint32_t delay_ms)
{
    if (context->host->poll_after_ms != NULL)
        context->host->poll_after_ms(context->owner, delay_ms);
}

struct mr_waker *mr_source_context_waker(struct mr_source_context *context)
{
    return context->waker;
}

bool mr_source_context_is_stopping(const struct mr_source_context *context)
{
    return context->host->is_stopping != NULL && context->host->is_stopping(context->owner);
}

struct mr_metrics *mr_source_context_metrics(struct mr_source_context *context)
{
    return context->metrics;
}

size_t mr_source_context_batch_records_max(const struct mr_source_context *context)
{
    return context->batch_records_max;
}

size_t mr_source_context_batch_bytes_max(const struct mr_source_context *context)
{
    return context->batch_bytes_max == 0 ? SIZE_MAX : context->batch_bytes_max;
}

struct mr_transaction *mr_source_context_transaction(struct mr_source_context *context)
{
    return context->transaction;
}

void mr_transaction_commit_batch(struct mr_transaction *transaction)
{
    transaction->host->commit(transaction->owner, NULL);
}

void mr_transaction_commit_after(struct mr_transaction *transaction, const struct mr_record *record)
{
    transaction->host->commit(transaction->owner, record);
}

void mr_transaction_abort_batch(struct mr_transaction *transaction)
{
    transaction->host->abort(transaction->owner, NULL);
}

void mr_transaction_abort_after(struct mr_transaction *transaction, const struct mr_record *record)
{
    transaction->host->abort(transaction->owner, record);
}

/* Sink tasks --------------------------------------------------------------------------------------------------- */

const char *mr_sink_context_connector(const struct mr_sink_context *context)
{
    return context->connector;
}

uint32_t mr_sink_context_task(const struct mr_sink_context *context)
{
    return context->task;
}

const struct mr_offsets *mr_sink_context_assignment(const struct mr_sink_context *context)
{
    return context->host->assignment == NULL ? NULL : context->host->assignment(context->owner);
}

int mr_sink_context_seek(struct mr_sink_context *context, const char *topic, int32_t partition, int64_t offset,
                         struct mr_error **error)
{
    if (context->host->seek == NULL)
        return not_supported(error, "seek");
    return context->host->seek(context->owner, topic, partition, offset, error);
}

int mr_sink_context_pause(struct mr_sink_context *context, const char *topic, int32_t partition,
                          struct mr_error **error)
{
    if (context->host->pause == NULL)
        return not_supported(error, "pause partitions");
    return context->host->pause(context->owner, topic, partition, error);
}

int mr_sink_context_resume(struct mr_sink_context *context, const char *topic, int32_t partition,
                           struct mr_error **error)
{
    if (context->host->resume == NULL)
        return not_supported(error, "resume partitions");
    return context->host->resume(context->owner, topic, partition, error);
}

void mr_sink_context_retry_after_ms(struct mr_sink_context *context, uint32_t delay_ms)
{
    if (context->host->retry_after_ms != NULL)
        context->host->retry_after_ms(context->owner, delay_ms);
}

void mr_sink_context_request_commit(struct mr_sink_context *context)
{
    if (context->host->request_commit != NULL)
        context->host->request_commit(context->owner);
}

struct mr_waker *mr_sink_context_waker(struct mr_sink_context *context)
{
    return context->waker;
}

bool mr_sink_context_is_stopping(const struct mr_sink_context *context)
{
    return context->host->is_stopping != NULL && context->host->is_stopping(context->owner);
}

struct mr_metrics *mr_sink_context_metrics(struct mr_sink_context *context)
{
    return context->metrics;
}

struct mr_errant_reporter *mr_sink_context_errant_reporter(struct mr_sink_context *context)
{
    return context->errant;
}

int mr_errant_report(struct mr_errant_reporter *reporter, const struct mr_record *record, const struct mr_error *reason,
                     struct mr_future **future, struct mr_error **error)
{
    if (future != NULL)
        *future = NULL;
    return reporter->host->report(reporter->owner, record, reason, future, error);
}
