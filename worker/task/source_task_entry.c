/* Exactly once: from the wish to start to the plugin's start, and what becomes of a task that was shut out (docs/decisions/0012). */
#include "base/clock.h"
#include "base/log.h"
#include "task/source_task_internal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.source"

static int ask(struct source_task *task, enum task_question question, bool *is_waiting, struct mr_error **error)
{
    enum source_answer answer = task->exact.setup.ask(task->exact.setup.argument, question, error);

    *is_waiting = answer == SOURCE_ANSWER_PENDING;
    return answer == SOURCE_ANSWER_FAILED ? -1 : 0;
}

static int shut_out_others(struct source_task *task, bool *is_waiting, int64_t *wake_at_ms, struct mr_error **error)
{
    struct transaction *transaction = &task->exact.transaction;

    if (transaction->state == TRANSACTION_SHUT)
        transaction_shut_out_others(transaction);
    enum transaction_state state = transaction_follow(transaction, wake_at_ms);
    *is_waiting = state == TRANSACTION_BUSY;
    return state == TRANSACTION_BROKEN ? source_task_is_broken(task, error) : 0;
}

int source_task_enter(struct source_task *task, bool *is_waiting, int64_t *wake_at_ms, struct mr_error **error)
{
    struct source_exact *exact = &task->exact;
    int status = 0;

    *is_waiting = false;
    while (status == 0 && !*is_waiting && exact->entry != ENTRY_DONE) {
        if (exact->entry == ENTRY_PRODUCER)
            status = shut_out_others(task, is_waiting, wake_at_ms, error);
        else
            status = ask(task, exact->entry == ENTRY_ROUND ? TASK_ASKS_ROUND : TASK_ASKS_OWNER, is_waiting, error);
        if (status == 0 && !*is_waiting)
            exact->entry++;
    }
    exact->committed_ms = clock_monotonic_ms(task->task.setup.clock);
    return status;
}

/* --- shut out ------------------------------------------------------------------------------------------------------------------- */

void source_task_lease_is_lost(struct source_task *task)
{
    if (task->exact.transaction.state != TRANSACTION_NONE && !task->exact.has_lost_lease) {
        task->exact.has_lost_lease = true;
        log_info(LOG_NAME, TASK_FORMAT ": the lease was lost inside a transaction", TASK_ARGS(&task->task));
    }
}

/* An outage: nothing that people must mend, or a restart policy decide. A lease that was away for a moment may show in what came back alone. */
static bool is_nobodys_fault(const struct source_exact *exact)
{
    return exact->has_lost_lease || atomic_load(&exact->gave_back_offsets) || (exact->is_outage && exact->transaction.state != TRANSACTION_BROKEN);
}

static enum source_verdict build_anew(struct source_task *task, struct mr_error **error)
{
    log_warn(LOG_NAME, TASK_FORMAT ": it reads again from its last offsets: %s", TASK_ARGS(&task->task),
             mr_error_message(*error));
    mr_error_clear(error);
    task->exact.is_undone = true;
    return VERDICT_ENDS;
}

enum source_verdict source_task_judge(struct source_task *task, struct mr_error **error)
{
    struct source_exact *exact = &task->exact;
    struct mr_error *why = NULL;
    bool is_waiting = false;

    if (exact->fenced == NULL && exact->transaction.is_fenced) {
        exact->fenced = *error;
        *error = NULL;
    }
    if (exact->fenced == NULL)
        return is_nobodys_fault(exact) ? build_anew(task, error) : VERDICT_FAILS;
    if (ask(task, TASK_ASKS_SUCCESSOR, &is_waiting, &why) == 0 && is_waiting)
        return VERDICT_WAITS;
    mr_error_drop(why); /* that nobody can tell is no more than the failure itself */
    *error = exact->fenced;
    exact->fenced = NULL;
    return is_nobodys_fault(exact) ? build_anew(task, error) : VERDICT_FAILS; /* the brokers undid meanwhile what took too long */
}
