/* What a task that delivers exactly once needs of its executor: threads for calls that wait, and answers to what it asks the cluster. */
#include "executor/task_unit_internal.h"

#include <assert.h>

#include <millrace/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

#include "base/bans.h"

/* Calls that wait ------------------------------------------------------------------------------------------------------ */

struct waiting_call {
    struct task_unit *unit; /* a reference */
    void (*call)(void *);
    void *argument;
};

static void call_run(void *argument)
{
    struct waiting_call *waiting = argument;
    struct log_context context;
    log_context_push(&context, waiting->unit->connector, (int)waiting->unit->number);
    waiting->call(waiting->argument); /* the task may end at any time from here on */
    log_context_pop(&context);
}

static void call_outcome(void *argument, enum job_outcome outcome)
{
    struct waiting_call *waiting = argument;
    assert(outcome == JOB_DONE); /* no deadline */
    (void)outcome;
    task_unit_drop(waiting->unit);
    mem_free(waiting);
}

bool task_unit_run(void *argument, void (*call)(void *), void *call_argument)
{
    struct task_unit *unit = argument;
    struct waiting_call *waiting = mem_alloc(sizeof(*waiting));
    if (waiting == NULL)
        return false;
    *waiting = (struct waiting_call){.unit = task_unit_take(unit), .call = call, .argument = call_argument};
    struct job job = {.run = call_run, .on_outcome = call_outcome, .argument = waiting, .deadline_ms = INT64_MAX};
    if (job_post(unit->executor->setup.jobs, &job))
        return true;
    task_unit_drop(unit);
    mem_free(waiting);
    return false;
}

/* Questions ------------------------------------------------------------------------------------------------------------ */

/* Of the question that was asked last. */
static enum source_answer answer_of(struct unit_question *asked, struct mr_error **error)
{
    if (!asked->is_answered)
        return SOURCE_ANSWER_PENDING;
    if (asked->failure == NULL)
        return SOURCE_ANSWER_YES;
    mr_error_set(error, mr_error_code(asked->failure), "%s", mr_error_message(asked->failure));
    return SOURCE_ANSWER_FAILED;
}

static void question_begin(struct task_unit *unit, enum task_question question)
{
    struct unit_question *asked = &unit->question;
    mr_error_clear(&asked->failure);
    asked->token = atomic_fetch_add(&unit->executor->questions, 1) + 1;
    asked->question = question;
    asked->is_answered = false;
}

enum source_answer task_unit_ask(void *argument, enum task_question question, struct mr_error **error)
{
    struct task_unit *unit = argument;
    const struct executor *executor = unit->executor;
    if (listener_of(executor)->on_task_asks == NULL) {
        mr_error_set(error, MR_ERR_NOT_SUPPORTED, "exactly-once delivery needs a distributed worker");
        return SOURCE_ANSWER_FAILED;
    }
    mutex_lock(&unit->lock);
    bool is_new = unit->question.token == 0 || unit->question.question != question;
    if (is_new)
        question_begin(unit, question);
    uint64_t token = unit->question.token;
    enum source_answer answer = answer_of(&unit->question, error);
    mutex_unlock(&unit->lock);
    if (is_new)
        listener_of(executor)->on_task_asks(executor->setup.listener_argument, unit->connector, unit->number, question, token);
    return answer;
}

static struct mr_error *copy_of(const struct mr_error *failure)
{
    struct mr_error *copy = NULL;
    if (failure != NULL)
        mr_error_set(&copy, mr_error_code(failure), "%s", mr_error_message(failure));
    return copy;
}

void executor_answer_task(struct executor *executor, const char *connector, uint32_t task, uint64_t token,
                          const struct mr_error *failure)
{
    struct task_unit *unit = executor_find_task(executor, connector, task);
    if (unit == NULL)
        return;
    mutex_lock(&unit->lock);
    bool is_asked = unit->question.token == token && !unit->question.is_answered;
    if (is_asked) {
        unit->question.is_answered = true;
        unit->question.failure = copy_of(failure);
    }
    mutex_unlock(&unit->lock);
    if (is_asked)
        task_unit_wake(unit);
    task_unit_drop(unit);
}
