/* Exactly once: where transactions end, and what becomes of records and offsets with them (docs/decisions/0012). */
#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "errors/tolerance.h"
#include "kafka/producer.h"
#include "metrics/task_metrics.h"
#include "task/source_task_internal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.source"

/* --- what the plugin asks for (transaction.boundary=connector); thread: the task's, inside poll ------------------------------ */

static void wish(struct source_task *task, const struct mr_record *record, enum source_cut cut)
{
    struct source_exact *exact = &task->exact;
    enum source_cut *at = &exact->batch_wish;
    struct mr_record *own = (struct mr_record *)(uintptr_t)record;

    if (record != NULL && (record->batch != exact->polled || record->original != record)) {
        exact->wish_mistake = "the plugin named a record of another batch as the end of a transaction";
        return;
    }
    enum source_cut before = record == NULL ? *at : (enum source_cut)own->owner_index;
    if (before != CUT_NONE && before != cut)
        exact->wish_mistake = "the plugin asked for one transaction to be both committed and aborted";
    else if (record == NULL)
        *at = cut;
    else
        own->owner_index = cut;
}

static void wish_commit(void *owner, const struct mr_record *record)
{
    wish(owner, record, CUT_COMMIT);
}

static void wish_abort(void *owner, const struct mr_record *record)
{
    wish(owner, record, CUT_ABORT);
}

static const struct transaction_host boundaries_host = {.commit = wish_commit, .abort = wish_abort};

/* --- where a batch is cut ------------------------------------------------------------------------------------------------ */

static void add_cut(struct source_batch *batch, uint32_t at, enum source_cut kind)
{
    batch->cuts[batch->cut_count++] = (struct batch_cut){.at = at, .kind = kind};
}

static void cut_where_wished(struct source_task *task, struct source_batch *batch)
{
    uint32_t item = 0, entries = batch_entry_count(batch->batch);

    for (uint32_t i = 0; i < entries; i++) {
        struct mr_record *entry = batch_entry_at(batch->batch, i);

        while (item < batch->count && batch->flights[item].record->original == entry)
            item++;
        if (entry->owner_index != CUT_NONE)
            add_cut(batch, item, (enum source_cut)entry->owner_index);
    }
    if (task->exact.batch_wish != CUT_NONE)
        add_cut(batch, batch->count, task->exact.batch_wish);
}

int source_task_cut(struct source_task *task, struct source_batch *batch, struct mr_error **error)
{
    struct source_exact *exact = &task->exact;
    bool by_connector = exact->setup.boundary == SOURCE_BOUNDARY_CONNECTOR;
    uint32_t most = by_connector ? batch_entry_count(batch->batch) + 1 : 1;

    if (exact->wish_mistake != NULL)
        return mr_error_set(error, MR_ERR_CONNECT, "%s", exact->wish_mistake);
    batch->cuts = mr_arena_alloc(mr_batch_arena(batch->batch), most * sizeof(*batch->cuts));
    if (batch->cuts == NULL)
        return mr_arena_failed(mr_batch_arena(batch->batch), error);
    if (by_connector)
        cut_where_wished(task, batch);
    else
        add_cut(batch, batch->count, exact->setup.boundary == SOURCE_BOUNDARY_POLL ? CUT_COMMIT : CUT_IF_DUE);
    exact->batch_wish = CUT_NONE;
    return 0;
}

void source_task_polls(struct source_task *task, const struct mr_batch *batch)
{
    task->exact.polled = batch;
    task->exact.batch_wish = CUT_NONE;
}

static bool is_due(const struct source_task *task)
{
    return clock_monotonic_ms(task->task.setup.clock) - task->exact.committed_ms >= task->exact.setup.interval_ms;
}

bool source_task_stops_here(struct source_task *task)
{
    struct source_batch *batch = task->cursor;

    if (batch->cut_next == batch->cut_count || batch->cuts[batch->cut_next].at != task->cursor_at)
        return false;
    enum source_cut kind = batch->cuts[batch->cut_next++].kind;
    task->exact.cut = kind == CUT_IF_DUE ? (is_due(task) ? CUT_COMMIT : CUT_NONE) : kind;
    return task->exact.cut != CUT_NONE;
}

int source_task_may_send(struct source_task *task, struct mr_error **error)
{
    struct transaction *transaction = &task->exact.transaction;

    return transaction->state == TRANSACTION_NONE ? transaction_begin(transaction, error) : 0;
}

/* --- the end of a transaction ---------------------------------------------------------------------------------------------- */

int source_task_is_broken(struct source_task *task, struct mr_error **error)
{
    const struct transaction *transaction = &task->exact.transaction;
    const char *advice = transaction->is_fenced ? "; if no other worker has taken this task over, the brokers ended its transaction: "
                                                  "raise producer.override.transaction.timeout.ms, or commit more often" : "";

    task->task.failed.kind = transaction->is_fenced ? FAILURE_FENCED : task->task.failed.kind;
    return mr_error_set(error, mr_error_code(transaction->why), "the transaction failed: %s%s",
                        mr_error_message(transaction->why), advice);
}

/* What was sent since the last transaction counts as dropped: its offsets are committed, by the next one. */
static void drop_what_was_aborted(struct source_task *task)
{
    for (struct source_batch *batch = task->first; batch != NULL; batch = batch->next) {
        uint32_t end = batch == task->cursor ? task->cursor_at : batch->count;

        for (uint32_t i = batch->ended_at; i < end; i++) {
            struct flight *flight = &batch->flights[i];

            flight->is_dropped = true;
            batch->dropped++;
            if (atomic_load_explicit(&flight->state, memory_order_acquire) != FLIGHT_ACKED)
                source_task_flight_acked(flight);
        }
        if (batch == task->cursor)
            break;
    }
    atomic_store(&task->exact.gave_back, false);
    task->exact.is_emptied = true;
    task_metrics_transaction_aborted(task->task.cells);
}

/* Of the transaction that is ending. */
static size_t record_count(const struct source_task *task)
{
    size_t count = 0;

    for (const struct source_batch *batch = task->first; batch != NULL; batch = batch->next) {
        count += (batch == task->cursor ? task->cursor_at : batch->count) - batch->ended_at;
        if (batch == task->cursor)
            break;
    }
    return count;
}

static void count_committed(struct source_task *task)
{
    size_t records = task->exact.is_emptied ? 0 : record_count(task);

    task->exact.is_emptied = false;
    if (records > 0)
        task_metrics_transaction_committed(task->task.cells, records, task_now_us(&task->task));
}

/* No later transaction has to do with what was sent so far. */
static void leave_behind(struct source_task *task)
{
    for (struct source_batch *batch = task->first; batch != NULL && batch != task->cursor; batch = batch->next)
        batch->ended_at = batch->count;
    if (task->cursor != NULL)
        task->cursor->ended_at = task->cursor_at;
}

static void has_ended(struct source_task *task)
{
    count_committed(task);
    leave_behind(task);
    task->exact.stage = STAGE_FREE;
    task->exact.has_lost_lease = task->exact.is_outage = false;
    atomic_store(&task->exact.awaits_offsets, false);
    task->exact.cut = CUT_NONE;
    task->exact.committed_ms = clock_monotonic_ms(task->task.setup.clock);
    source_task_commit_records(task);
    source_task_flush(task, false); /* tells the plugin */
}

void source_task_undo_for(struct source_task *task, struct mr_error *cause)
{
    if (task->exact.cause == NULL)
        task->exact.cause = cause;
    else
        mr_error_drop(cause);
}

/* An abort tells whether the producer was shut out: only then it is known why records were refused. */
static int undo_for_cause(struct source_task *task, struct mr_error **error)
{
    struct source_exact *exact = &task->exact;

    if (exact->transaction.state == TRANSACTION_OPEN) {
        transaction_abort(&exact->transaction);
        exact->stage = STAGE_UNDOING;
        return 0;
    }
    if (exact->transaction.state == TRANSACTION_BROKEN)
        return source_task_is_broken(task, error);
    *error = exact->cause;
    exact->cause = NULL;
    return -1;
}

/* While a former transaction is being completed the brokers put off what begins the next one. To end one that they have not begun is a fatal
 * error there (INVALID_TXN_STATE), so an abort waits for what is under way as a commit does. */
static bool may_abort(struct source_task *task)
{
    return producer_user_record_count(task->user) == 0 || atomic_load(&task->exact.gave_back);
}

static int stage_free(struct source_task *task, bool *is_waiting)
{
    struct source_exact *exact = &task->exact;

    if (exact->cut == CUT_ABORT && exact->transaction.state == TRANSACTION_OPEN) {
        *is_waiting = !may_abort(task);
        if (*is_waiting)
            return 0;
        transaction_abort(&exact->transaction);
        exact->stage = STAGE_ABORTING;
    } else {
        if (exact->cut == CUT_ABORT)
            drop_what_was_aborted(task);
        exact->stage = STAGE_DRAIN;
    }
    return 0;
}

/* Everything that is to be in it has been acknowledged; then its offsets, which lead to the commit. */
static int stage_drain(struct source_task *task, bool *is_waiting, struct mr_error **error)
{
    struct source_exact *exact = &task->exact;

    *is_waiting = producer_user_record_count(task->user) > 0 || tolerance_is_waiting(task->setup.tolerance);
    if (*is_waiting)
        return 0;
    offset_commit_collect(task->commit);
    offset_commit_flush(task->commit, true);
    if (exact->transaction.state == TRANSACTION_BROKEN)
        return source_task_is_broken(task, error);
    if (offset_commit_lacks(task->commit))
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the source offsets of a transaction");
    if (exact->transaction.state == TRANSACTION_NONE) {
        has_ended(task);
        return 0;
    }
    atomic_store(&exact->awaits_offsets, true);
    transaction_commit(&exact->transaction);
    exact->stage = STAGE_COMMITTING;
    return 0;
}

static int stage_busy(struct source_task *task, bool *is_waiting, int64_t *wake_at_ms, struct mr_error **error)
{
    struct source_exact *exact = &task->exact;

    switch (transaction_follow(&exact->transaction, wake_at_ms)) {
    case TRANSACTION_BROKEN:
        atomic_store(&exact->awaits_offsets, false); /* an abort gives them back in any case */
        if (!exact->transaction.needs_abort)
            return source_task_is_broken(task, error);
        transaction_abort(&exact->transaction); /* which may say more */
        return 0;
    case TRANSACTION_NONE:
        break;
    default:
        *is_waiting = true;
        return 0;
    }
    if (exact->stage != STAGE_COMMITTING && producer_user_record_count(task->user) > 0) {
        *is_waiting = true; /* for the last words about records that went with it */
        return 0;
    }
    if (exact->stage == STAGE_UNDOING)
        return undo_for_cause(task, error);
    if (exact->stage == STAGE_COMMITTING) {
        has_ended(task);
        return 0;
    }
    drop_what_was_aborted(task);
    exact->stage = STAGE_DRAIN;
    return 0;
}

/* Nothing can follow in the same transaction: its sequence has a gap. */
static void undo_if_given_back(struct source_task *task)
{
    struct source_exact *exact = &task->exact;
    bool is_sending = exact->stage == STAGE_FREE || exact->stage == STAGE_DRAIN;
    struct mr_error *cause = NULL;

    if (!is_sending || exact->cut == CUT_ABORT || !atomic_load(&exact->gave_back))
        return;
    mr_error_set(&cause, MR_ERR_RETRIABLE,
                 "records of the open transaction were given back: Kafka has not taken them within transaction.timeout.ms, or the "
                 "worker has lost its lease meanwhile");
    exact->is_outage = true;
    source_task_undo_for(task, cause);
}

int source_task_transact(struct source_task *task, bool *is_free, int64_t *wake_at_ms, struct mr_error **error)
{
    struct source_exact *exact = &task->exact;
    bool is_waiting = false;
    int status = 0;

    undo_if_given_back(task);
    while (status == 0 && !is_waiting && (exact->stage != STAGE_FREE || exact->cut != CUT_NONE || exact->cause != NULL)) {
        if (exact->cause != NULL && (exact->stage == STAGE_FREE || exact->stage == STAGE_DRAIN))
            status = undo_for_cause(task, error);
        else if (exact->stage == STAGE_FREE)
            status = stage_free(task, &is_waiting);
        else if (exact->stage == STAGE_DRAIN)
            status = stage_drain(task, &is_waiting, error);
        else
            status = stage_busy(task, &is_waiting, wake_at_ms, error);
    }
    *is_free = status == 0 && !is_waiting;
    return status;
}

/* --- boundaries that are not in a batch --------------------------------------------------------------------------------------- */

/* Also offsets alone, of records that were dropped: a boundary of the connector's own has them go with its next one. */
static bool has_uncommitted(const struct source_task *task)
{
    const struct source_exact *exact = &task->exact;

    return exact->transaction.state == TRANSACTION_OPEN ||
           (exact->transaction.state == TRANSACTION_NONE && exact->setup.boundary != SOURCE_BOUNDARY_CONNECTOR &&
            offset_commit_lacks(task->commit));
}

void source_task_cut_now(struct source_task *task)
{
    if (task->exact.stage == STAGE_FREE && task->exact.cut == CUT_NONE && has_uncommitted(task))
        task->exact.cut = CUT_COMMIT;
}

int source_task_cut_in_time(struct source_task *task, bool is_full, int64_t *wake_at_ms, struct mr_error **error)
{
    const struct source_exact *exact = &task->exact;
    int64_t due_ms = exact->committed_ms + exact->setup.interval_ms;

    if (task->cursor != NULL || task->unsent != NULL || !has_uncommitted(task))
        return 0;
    if (exact->setup.boundary == SOURCE_BOUNDARY_CONNECTOR)
        return is_full && producer_user_record_count(task->user) == 0
                   ? mr_error_set(error, MR_ERR_CONNECT,
                                  "the connector's transaction holds more than the task may: raise millrace.task.buffer.bytes, or "
                                  "let it commit more often")
                   : 0;
    if (is_full || is_due(task))
        source_task_cut_now(task);
    else if (due_ms < *wake_at_ms)
        *wake_at_ms = due_ms;
    return 0;
}

/* --- the task's end ----------------------------------------------------------------------------------------------------------- */

/* Undoes what is open. true: nothing is under way any more. */
static bool undo(struct source_task *task, int64_t *wake_at_ms)
{
    struct transaction *transaction = &task->exact.transaction;

    for (;;) {
        if (transaction->state == TRANSACTION_OPEN || (transaction->state == TRANSACTION_BROKEN && transaction->needs_abort))
            transaction_abort(transaction);
        if (transaction_follow(transaction, wake_at_ms) == TRANSACTION_BUSY)
            return false;
        if (transaction->state != TRANSACTION_BROKEN || !transaction->needs_abort)
            return true;
    }
}

/* Sends the rest of what was polled and commits it. -1: it is to be undone. */
static int finish(struct source_task *task, bool *is_done, int64_t *wake_at_ms)
{
    struct mr_error *error = NULL;
    bool is_free = false, all = false;
    int status = source_task_transact(task, &is_free, wake_at_ms, &error);

    *is_done = false;
    if (status == 0 && is_free)
        status = source_task_send(task, &all, &error);
    if (status == 0 && all && has_uncommitted(task)) {
        if (task->exact.setup.boundary == SOURCE_BOUNDARY_CONNECTOR)
            return -1; /* what the connector has not committed is not */
        source_task_cut_now(task);
    }
    *is_done = status == 0 && all && task->exact.cut == CUT_NONE;
    if (status != 0)
        log_warn(LOG_NAME, TASK_FORMAT ": the last transaction is undone, its records will be read again: %s",
                 TASK_ARGS(&task->task), mr_error_message(error));
    mr_error_drop(error);
    return status;
}

bool source_task_end_transactions(struct source_task *task, bool is_over, int64_t *wake_at_ms)
{
    struct source_exact *exact = &task->exact;
    bool is_done = false;

    exact->transaction.is_given_up |= is_over || !task->task.started;
    if (exact->transaction.state == TRANSACTION_SHUT)
        return true;
    if (is_over || task->task.failure != NULL || exact->transaction.state == TRANSACTION_BROKEN)
        exact->is_undone = true;
    while (!exact->is_undone && !is_done) {
        enum source_stage stage = exact->stage;
        enum source_cut cut = exact->cut;
        const struct mr_error *cause = exact->cause;

        exact->is_undone = finish(task, &is_done, wake_at_ms) != 0;
        if (!exact->is_undone && !is_done && stage == exact->stage && cut == exact->cut && cause == exact->cause)
            return false; /* waits */
    }
    return undo(task, wake_at_ms);
}

/* --- life ----------------------------------------------------------------------------------------------------------------------- */

int source_task_prepare_transactions(struct source_task *task)
{
    struct source_exact *exact = &task->exact;

    transaction_init(&exact->transaction, &(struct transaction_setup){.task = &task->task,
                                                                      .user = task->user,
                                                                      .store = task->setup.offsets,
                                                                      .offsets_topic = exact->offsets_topic,
                                                                      .run = exact->setup.run,
                                                                      .run_argument = exact->setup.argument});
    exact->boundaries = (struct mr_transaction){.host = &boundaries_host, .owner = task};
    if (exact->setup.boundary == SOURCE_BOUNDARY_CONNECTOR)
        task->context.transaction = &exact->boundaries;
    return 0;
}
