#include "task/transaction_internal.h"

#include <assert.h>
#include <pthread.h>

#include <millrace/arena.h>
#include <millrace/error.h>
#include <millrace/value.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/refcount.h"
#include "base/thread.h"
#include "kafka/producer.h"
#include "task/source_batch_internal.h"
#include "task/task_internal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.source"

void transaction_init(struct transaction *transaction, const struct transaction_setup *setup)
{
    *transaction = (struct transaction){.setup = *setup, .post_at_ms = INT64_MAX};
}

/* ---- what the store below is to forget: before the commit, else an offset of it would speak again after a crash ---- */

/* Shared with the store, which may answer long after the task has ended. */
struct forgetting {
    struct refcount owners;
    pthread_mutex_t lock;
    struct task *task; /* NULL: it has let go. locks: lock */
    bool has_failed;   /* before is_told */
    atomic_bool is_told;
};

static void forgetting_drop(struct forgetting *forgetting)
{
    if (!refcount_drop(&forgetting->owners))
        return;
    mutex_destroy(&forgetting->lock);
    mem_free(forgetting);
}

/* thread: the store's, or that of whoever asks */
static void on_forgotten(void *argument, const struct mr_error *error)
{
    struct forgetting *forgetting = argument;

    mutex_lock(&forgetting->lock);
    forgetting->has_failed = error != NULL;
    if (forgetting->task != NULL)
        task_signal(forgetting->task, &forgetting->is_told);
    mutex_unlock(&forgetting->lock);
    if (error != NULL)
        log_warn(LOG_NAME, "a source offset that was to be forgotten is still in the worker's offset topic: %s", mr_error_message(error));
    forgetting_drop(forgetting);
}

static void forgetting_let_go(struct transaction *transaction)
{
    struct forgetting *forgetting = transaction->forgetting;

    if (forgetting == NULL)
        return;
    mutex_lock(&forgetting->lock);
    forgetting->task = NULL;
    mutex_unlock(&forgetting->lock);
    transaction->forgetting = NULL;
    forgetting_drop(forgetting);
}

static bool has_removals(const struct offset_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (mr_value_is_null(entries[i].offset))
            return true;
    return false;
}

static int forget_ahead(struct transaction *transaction, const char *connector, const struct offset_entry *entries, size_t count,
                        struct mr_error **error)
{
    if (!has_removals(entries, count))
        return 0;
    struct forgetting *forgetting = mem_calloc(1, sizeof(*forgetting));
    if (forgetting == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to write source offsets");
    refcount_init(&forgetting->owners);
    refcount_take(&forgetting->owners);
    mutex_init(&forgetting->lock);
    forgetting->task = transaction->setup.task;
    transaction->forgetting = forgetting;
    if (offset_store_forget_ahead(transaction->setup.store, connector, entries, count, on_forgotten, forgetting, error) == 0)
        return 0;
    forgetting_drop(forgetting); /* the store's: it tells nothing then */
    return -1;
}

static bool is_forgotten(const struct transaction *transaction)
{
    const struct forgetting *forgetting = transaction->forgetting;

    return forgetting == NULL || atomic_load_explicit(&forgetting->is_told, memory_order_acquire);
}

static bool forgetting_has_failed(const struct transaction *transaction)
{
    return transaction->forgetting != NULL && is_forgotten(transaction) && transaction->forgetting->has_failed;
}

static void let_offsets_go(struct transaction *transaction)
{
    forgetting_let_go(transaction);
    mr_arena_destroy(transaction->arena);
    offset_copy_drop(transaction->copy);
    transaction->arena = NULL;
    transaction->copy = NULL;
    transaction->offsets = NULL;
    transaction->offset_count = transaction->offsets_sent = 0;
}

void transaction_release(struct transaction *transaction)
{
    assert(!transaction->is_posted);
    let_offsets_go(transaction);
    mr_error_clear(&transaction->why);
    mr_error_clear(&transaction->result_error);
}

/* ---- jobs ---- */

/* thread: a job's */
static void run_call(void *argument)
{
    struct transaction *transaction = argument;

    transaction->result = transaction->call(transaction->setup.user, deadline_after_ms(TRANSACTION_SLICE_MS),
                                            &transaction->result_error);
    task_signal(transaction->setup.task, &transaction->job_ended);
}

static void post(struct transaction *transaction)
{
    transaction->is_posted = transaction->setup.run(transaction->setup.run_argument, run_call, transaction);
    transaction->post_at_ms =
        transaction->is_posted ? INT64_MAX : clock_monotonic_ms(transaction->setup.task->setup.clock) + TRANSACTION_RETRY_MS;
}

static void begin_call(struct transaction *transaction, transaction_call_fn *call)
{
    assert(transaction->call == NULL);
    transaction->was = transaction->state;
    transaction->state = TRANSACTION_BUSY;
    transaction->call = call;
}

/* ---- what the task wants ---- */

void transaction_shut_out_others(struct transaction *transaction)
{
    assert(transaction->state == TRANSACTION_SHUT);
    begin_call(transaction, producer_transactions_init);
    post(transaction);
}

static void break_it(struct transaction *transaction, enum producer_transaction result, struct mr_error *why)
{
    transaction->state = TRANSACTION_BROKEN;
    transaction->needs_abort = result == PRODUCER_TRANSACTION_ABORT;
    transaction->is_fenced = result == PRODUCER_TRANSACTION_FENCED;
    if (transaction->why == NULL)
        transaction->why = why;
    else
        mr_error_drop(why); /* the first one is the reason */
}

int transaction_begin(struct transaction *transaction, struct mr_error **error)
{
    struct mr_error *why = NULL;
    enum producer_transaction result = producer_transaction_begin(transaction->setup.user, &why);

    assert(transaction->state == TRANSACTION_NONE);
    if (result == PRODUCER_TRANSACTION_DONE) {
        transaction->state = TRANSACTION_OPEN;
        return 0;
    }
    mr_error_set(error, mr_error_code(why), "%s", mr_error_message(why));
    break_it(transaction, result, why);
    return -1;
}

/* Those that are not handed over stay. */
static void stop_offsets(struct transaction *transaction)
{
    transaction->offset_count = transaction->offsets_sent;
}

void transaction_commit(struct transaction *transaction)
{
    assert(transaction->state == TRANSACTION_OPEN);
    begin_call(transaction, producer_transaction_commit);
}

void transaction_abort(struct transaction *transaction)
{
    assert(transaction->state == TRANSACTION_OPEN || (transaction->state == TRANSACTION_BROKEN && transaction->needs_abort));
    transaction->needs_abort = false;
    stop_offsets(transaction);
    forgetting_let_go(transaction);
    begin_call(transaction, producer_transaction_abort);
    post(transaction);
}

/* ---- offsets ---- */

static int make_records(struct transaction *transaction, const struct offset_record *records, size_t count, struct mr_error **error)
{
    struct producer_topic *topic = producer_user_topic(transaction->setup.user, transaction->setup.offsets_topic);
    struct flight *flights = mr_arena_alloc(transaction->arena, (count + 1) * sizeof(*flights));

    transaction->offsets = mr_arena_alloc(transaction->arena, (count + 1) * sizeof(*transaction->offsets));
    if (topic == NULL || flights == NULL || transaction->offsets == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to write source offsets");
    for (size_t i = 0; i < count; i++) {
        flights[i] = (struct flight){.partition = -1};
        transaction->offsets[i] = (struct producer_record){.topic = topic,
                                                           .partition = -1,
                                                           .timestamp_ms = -1,
                                                           .key = records[i].key,
                                                           .value = records[i].value,
                                                           .ticket = &flights[i].ticket};
    }
    transaction->offset_count = count;
    return 0;
}

static int encode(struct transaction *transaction, const char *connector, const struct offset_entry *entries, size_t count,
                  struct mr_error **error)
{
    struct offset_record *records = NULL;
    size_t record_count = 0;

    let_offsets_go(transaction);
    transaction->arena = mr_arena_create(SIZE_MAX / 2);
    if (transaction->arena == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to write source offsets");
    if (offset_store_encode(transaction->setup.store, connector, entries, count, transaction->arena, &records, &record_count,
                            error) != 0 ||
        forget_ahead(transaction, connector, entries, count, error) != 0)
        return -1;
    transaction->copy = offset_store_copy(transaction->setup.store, connector, entries, count);
    return make_records(transaction, records, record_count, error);
}

int transaction_put(void *argument, const char *connector, const struct offset_entry *entries, size_t count,
                    offset_done_fn *done, void *done_argument, struct mr_error **error)
{
    struct transaction *transaction = argument;
    struct mr_error *why = NULL;

    assert(transaction->done == NULL);
    if (transaction->state == TRANSACTION_NONE && transaction_begin(transaction, error) != 0)
        return -1;
    assert(transaction->state == TRANSACTION_OPEN);
    if (encode(transaction, connector, entries, count, &why) != 0) {
        mr_error_set(error, mr_error_code(why), "%s", mr_error_message(why));
        break_it(transaction, PRODUCER_TRANSACTION_ABORT, why);
        return -1;
    }
    transaction->done = done;
    transaction->done_argument = done_argument;
    return 0;
}

static void tell_put(struct transaction *transaction, const struct mr_error *error)
{
    offset_done_fn *done = transaction->done;

    transaction->done = NULL;
    if (done != NULL)
        done(transaction->done_argument, error);
}

/* true: all are with the producer. */
static bool hand_over_offsets(struct transaction *transaction)
{
    struct mr_error *why = NULL;
    size_t taken = 0;

    if (transaction->offsets_sent == transaction->offset_count)
        return true;
    if (producer_send(transaction->setup.user, transaction->offsets + transaction->offsets_sent,
                      transaction->offset_count - transaction->offsets_sent, &taken, &why) != 0) {
        mr_error_wrap(&why, "source offsets cannot be written");
        stop_offsets(transaction);
        transaction->call = NULL;
        tell_put(transaction, why);
        break_it(transaction, PRODUCER_TRANSACTION_ABORT, why);
        return false;
    }
    transaction->offsets_sent += taken;
    return transaction->offsets_sent == transaction->offset_count;
}

/* ---- following ---- */

/* A put whose transaction never came to its commit. */
static void tell_undone(struct transaction *transaction)
{
    struct mr_error *why = NULL;

    if (transaction->done == NULL)
        return;
    mr_error_set(&why, MR_ERR_CONFLICT, "the transaction that held the source offsets was undone");
    tell_put(transaction, why);
    mr_error_drop(why);
}

static void call_is_done(struct transaction *transaction)
{
    bool was_broken = transaction->was == TRANSACTION_BROKEN, was_commit = transaction->call == producer_transaction_commit;

    transaction->call = NULL;
    transaction->state = was_broken ? TRANSACTION_BROKEN : TRANSACTION_NONE;
    if (!was_commit) {
        tell_undone(transaction);
        return;
    }
    offset_copy_send(transaction->copy);
    transaction->copy = NULL;
    tell_put(transaction, NULL);
}

static void call_has_failed(struct transaction *transaction, struct mr_error *why)
{
    bool was_abort = transaction->call == producer_transaction_abort;

    transaction->call = NULL;
    tell_put(transaction, why);
    break_it(transaction, transaction->result, why);
    transaction->needs_abort &= !was_abort; /* once is enough: the next producer of the id undoes it */
}

static void take_result(struct transaction *transaction)
{
    struct mr_error *why = transaction->result_error;

    transaction->is_posted = false;
    transaction->result_error = NULL;
    atomic_store_explicit(&transaction->job_ended, false, memory_order_relaxed);
    switch (transaction->result) {
    case PRODUCER_TRANSACTION_DONE:
        call_is_done(transaction);
        break;
    case PRODUCER_TRANSACTION_AGAIN:
        if (transaction->is_given_up) {
            call_has_failed(transaction, why);
            break;
        }
        log_debug(LOG_NAME, TASK_FORMAT ": %s; again", TASK_ARGS(transaction->setup.task), mr_error_message(why));
        mr_error_drop(why);
        post(transaction);
        break;
    case PRODUCER_TRANSACTION_ABORT:
    case PRODUCER_TRANSACTION_FENCED:
    case PRODUCER_TRANSACTION_FAILED:
        call_has_failed(transaction, why);
        break;
    }
}

static void give_up_offsets(struct transaction *transaction, const char *words)
{
    struct mr_error *why = NULL;

    mr_error_set(&why, MR_ERR_TIMEOUT, "%s", words);
    stop_offsets(transaction);
    forgetting_let_go(transaction);
    transaction->result = PRODUCER_TRANSACTION_ABORT;
    call_has_failed(transaction, why);
}

enum transaction_state transaction_follow(struct transaction *transaction, int64_t *wake_at_ms)
{
    if (transaction->is_posted && atomic_load_explicit(&transaction->job_ended, memory_order_acquire))
        take_result(transaction);
    if (transaction->state == TRANSACTION_BUSY && !transaction->is_posted && hand_over_offsets(transaction) && is_forgotten(transaction) &&
        !forgetting_has_failed(transaction) &&
        (transaction->post_at_ms == INT64_MAX ||
         transaction->post_at_ms <= clock_monotonic_ms(transaction->setup.task->setup.clock)))
        post(transaction);
    /* Without time left for what has not come by now. */
    if (transaction->state == TRANSACTION_BUSY && transaction->is_given_up &&
        (transaction->offsets_sent < transaction->offset_count || !is_forgotten(transaction)))
        give_up_offsets(transaction, "source offsets could not be handed over in time");
    else if (transaction->state == TRANSACTION_BUSY && forgetting_has_failed(transaction))
        give_up_offsets(transaction, "a source offset that is to be forgotten could not be removed from the worker's offset topic");
    if (transaction->post_at_ms < *wake_at_ms)
        *wake_at_ms = transaction->post_at_ms;
    return transaction->state;
}
