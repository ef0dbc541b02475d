#include "herder/questions_internal.h"

#include <millrace/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "herder/cluster_internal.h"
#include "herder/requests_internal.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

/* --- one question -------------------------------------------------------------------------------------------------- */

void question_free(struct question *question)
{
    if (question == NULL)
        return;
    mem_free(question->connector);
    mem_free(question);
}

static void free_all(struct question *question)
{
    while (question != NULL) {
        struct question *next = question->next;

        question_free(question);
        question = next;
    }
}

struct herder_task *question_asker(struct herder *herder, const struct question *question)
{
    struct herder_connector *connector = units_find(herder, question->connector);

    if (connector == NULL || question->task >= connector->task_count ||
        connector->tasks[question->task].phase != TASK_PHASE_UP)
        return NULL;
    return &connector->tasks[question->task];
}

void question_answer(struct herder *herder, struct question *question, const struct mr_error *failure)
{
    executor_answer_task(herder->executor, question->connector, question->task, question->token, failure);
    question_free(question);
}

/* --- whose task is it? ------------------------------------------------------------------------------------------------ */

static void read_next(struct herder *herder);

static void wait_on(struct herder *herder, struct question *question)
{
    question->next = herder->questions->waiting;
    herder->questions->waiting = question;
}

/* With the configurations it runs with, and on this worker. */
static bool is_the_one(struct herder *herder, const struct question *question, const struct config_snapshot *snapshot)
{
    const struct herder_task *task = question_asker(herder, question);
    const char *name = question->connector;

    return task != NULL && !task->restart && config_snapshot_has(snapshot, name) &&
           config_snapshot_target(snapshot, name) != TARGET_STOPPED &&
           question->task < config_snapshot_task_count(snapshot, name) &&
           task->commit == config_snapshot_tasks_offset(snapshot, name) && duty_has(herder, name, (int32_t)question->task);
}

static void judge(struct herder *herder, struct question *question, const struct config_snapshot *snapshot)
{
    if (is_the_one(herder, question, snapshot)) {
        question_answer(herder, question, NULL);
        return;
    }
    struct herder_connector *connector = units_find(herder, question->connector);

    if (question_asker(herder, question) == NULL) {
        question_free(question);
        return;
    }
    if (!question->is_told)
        log_info(HERDER_LOG, "task %s-%u has a successor, or is to be stopped: it goes no further", question->connector,
                 question->task);
    question->is_told = true;
    if (connector != NULL)
        units_mark(herder, connector);
    wait_on(herder, question);
}

/* The answer may be known only once this worker belongs to the group again. */
static void judge_all(struct herder *herder, struct question *question)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);

    while (question != NULL) {
        struct question *next = question->next;

        if (herder_may_run(herder))
            judge(herder, question, snapshot);
        else
            wait_on(herder, question);
        question = next;
    }
    config_snapshot_drop(snapshot);
}

/* thread: job */
static void read_run(struct herder_job *job)
{
    config_store_refresh(job->herder->setup.configs, job->deadline_ms, &job->error);
}

static void read_failed(struct herder *herder, const char *words)
{
    struct herder_questions *questions = herder->questions;
    struct question *question = questions->reading;

    log_warn(HERDER_LOG, "tasks with exactly once wait: the config topic could not be read to its end: %s", words);
    questions->reading = NULL;
    while (question != NULL) {
        struct question *next = question->next;

        wait_on(herder, question);
        question = next;
    }
    herder_timer_set(herder, &questions->timer, herder_now_ms() + QUESTION_RETRY_MS);
}

static void read_done(struct herder *herder, struct herder_job *job)
{
    struct herder_questions *questions = herder->questions;
    struct question *reading = questions->reading;

    if (job->error != NULL) {
        read_failed(herder, mr_error_message(job->error));
        return;
    }
    bool has_newer = questions->waiting != NULL;

    questions->reading = NULL;
    judge_all(herder, reading);
    if (has_newer)
        read_next(herder);
    else if (questions->waiting != NULL) /* until they are stopped; or it is theirs again after all */
        herder_timer_set(herder, &questions->timer, herder_now_ms() + QUESTION_RETRY_MS);
}

static void read_late(struct herder *herder, struct herder_job *job)
{
    (void)job;
    read_failed(herder, "not in time");
}

/* Whoever asks while the topic is being read waits for the next time: what it asks about may have come since. */
static void read_next(struct herder *herder)
{
    struct herder_questions *questions = herder->questions;

    if (questions->reading != NULL || questions->waiting == NULL || herder->stage == HERDER_ENDED)
        return;
    questions->reading = questions->waiting;
    questions->waiting = NULL;
    if (herder_may_run(herder) &&
        herder_job_post(herder, &(struct herder_job_setup){.run = read_run,
                                                           .done = read_done,
                                                           .late = read_late,
                                                           .deadline_ms = herder_now_ms() + QUESTION_READ_TIMEOUT_MS}))
        return;
    questions->waiting = questions->reading;
    questions->reading = NULL;
    herder_timer_set(herder, &questions->timer, herder_now_ms() + QUESTION_RETRY_MS);
}

static void read_due(struct herder *herder, struct herder_timer *timer)
{
    (void)timer;
    read_next(herder);
}

/* --- from the executor ------------------------------------------------------------------------------------------------- */

static void handle_question(struct herder *herder, struct herder_post *post)
{
    struct question *question = (struct question *)post;

    if (herder->stage == HERDER_ENDED || question_asker(herder, question) == NULL) {
        question_free(question);
    } else if (question->about == TASK_ASKS_ROUND) {
        fence_round_join(herder, question);
    } else {
        wait_on(herder, question);
        read_next(herder);
    }
}

void questions_on_task_asks(void *argument, const char *connector, uint32_t task, enum task_question about, uint64_t token)
{
    struct question *question = mem_calloc(1, sizeof(*question));

    if (question != NULL)
        question->connector = mem_strdup(connector);
    if (question == NULL || question->connector == NULL) {
        question_free(question);
        herder_event_lost(argument);
        return;
    }
    question->post.handle = handle_question;
    question->task = task;
    question->about = about;
    question->token = token;
    herder_post(argument, &question->post);
}

/* --- life ---------------------------------------------------------------------------------------------------------------- */

struct herder_questions *questions_create(void)
{
    struct herder_questions *questions = mem_calloc(1, sizeof(*questions));

    if (questions == NULL)
        return NULL;
    herder_timer_init(&questions->timer, read_due);
    questions->rounds = pointer_map_create(fence_round_free);
    if (questions->rounds != NULL)
        return questions;
    mem_free(questions);
    return NULL;
}

void questions_destroy(struct herder_questions *questions)
{
    if (questions == NULL)
        return;
    free_all(questions->waiting);
    free_all(questions->reading);
    pointer_map_destroy(questions->rounds);
    mem_free(questions);
}
