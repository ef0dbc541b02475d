/*
 * Rounds: before tasks with exactly once begin, the producers of the tasks of the former commit are shut out, and a tasks-fencing record
 * says so (KIP-618). The leader does it; other workers ask it. A round is bound to the commit it was begun for: when newer task
 * configurations come meanwhile nothing is written, and it begins anew.
 *
 * Tasks wait until their round has worked, however often that is tried (250 ms → 10 s): an outage is nothing that people must mend. Who
 * asks over REST is told what one attempt came to. Whoever comes while an attempt is under way waits for the next one: what he asks
 * about may be newer.
 */
#include "herder/questions_internal.h"

#include <millrace/error.h>
#include <stddef.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/string_map.h"
#include "herder/leader_link.h"
#include "herder/requests_internal.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define RETRY_FIRST_MS 250
#define RETRY_MAX_MS 10000
#define ATTEMPT_MS 60000     /* the leader's; a connection to the coordinator of each id, an answer, a record */
#define LINK_MARGIN_MS 5000  /* what another worker waits beyond that */
#define STATUS_NEVER 501     /* to another worker: trying again does not help */

/* One that waits: a task, or who asked over REST. */
struct fence_asker {
    struct fence_asker *next;
    struct question *question; /* NULL: over REST */
    herder_reply_fn *reply;
    void *argument;
};

struct fence_round {
    char *connector;
    struct fence_asker *waiting, *running; /* for the next attempt; of the one under way */
    bool is_running;
    int64_t retry_ms;
    struct herder_timer timer;
};

static void round_begin(struct herder *herder, struct fence_round *round);

/* --- who waits --------------------------------------------------------------------------------------------------------- */

static void askers_free(struct fence_asker *asker)
{
    while (asker != NULL) {
        struct fence_asker *next = asker->next;

        question_free(asker->question);
        mem_free(asker);
        asker = next;
    }
}

void fence_round_free(void *argument)
{
    struct fence_round *round = argument;

    askers_free(round->waiting);
    askers_free(round->running);
    mem_free(round->connector);
    mem_free(round);
}

static void round_due(struct herder *herder, struct herder_timer *timer)
{
    round_begin(herder, (struct fence_round *)((char *)timer - offsetof(struct fence_round, timer)));
}

static struct fence_round *round_of(struct herder *herder, const char *connector)
{
    struct pointer_map *rounds = herder->questions->rounds;
    struct fence_round *round = pointer_map_get(rounds, connector);

    if (round != NULL)
        return round;
    round = mem_calloc(1, sizeof(*round));
    if (round != NULL)
        round->connector = mem_strdup(connector);
    if (round == NULL || round->connector == NULL || !pointer_map_put(rounds, connector, round)) {
        if (round != NULL)
            fence_round_free(round);
        return NULL;
    }
    herder_timer_init(&round->timer, round_due);
    return round;
}

static bool round_add(struct herder *herder, const char *connector, const struct fence_asker *wanted)
{
    struct fence_round *round = round_of(herder, connector);
    struct fence_asker *asker = round == NULL ? NULL : mem_alloc(sizeof(*asker));

    if (asker == NULL)
        return false;
    *asker = *wanted;
    asker->next = round->waiting;
    round->waiting = asker;
    if (round->retry_ms == 0)
        round_begin(herder, round);
    return true;
}

static void reply_to(const struct fence_asker *asker, int status, const char *words)
{
    if (asker->reply != NULL)
        asker->reply(asker->argument, &(struct herder_reply){.status = status, .message = words});
}

/* --- what an attempt came to ------------------------------------------------------------------------------------------------ */

enum outcome { OUTCOME_DONE, OUTCOME_AGAIN, OUTCOME_NEVER };

struct attempt_end {
    enum outcome outcome;
    int status; /* for REST */
    const char *words;
};

static void answer_task(struct herder *herder, struct fence_round *round, struct fence_asker *asker, const struct attempt_end *end)
{
    struct mr_error *failure = NULL;

    if (end->outcome == OUTCOME_AGAIN && question_asker(herder, asker->question) != NULL) {
        asker->next = round->waiting;
        round->waiting = asker;
        return;
    }
    if (end->outcome == OUTCOME_NEVER)
        mr_error_set(&failure, MR_ERR_NOT_SUPPORTED, "The producers of former tasks cannot be shut out: %s", end->words);
    if (end->outcome == OUTCOME_AGAIN)
        question_free(asker->question);
    else
        question_answer(herder, asker->question, failure);
    mr_error_drop(failure);
    mem_free(asker);
}

static void retry_later(struct herder *herder, struct fence_round *round)
{
    round->retry_ms = round->retry_ms == 0 ? RETRY_FIRST_MS : round->retry_ms * 2;
    if (round->retry_ms > RETRY_MAX_MS)
        round->retry_ms = RETRY_MAX_MS;
    herder_timer_set(herder, &round->timer, herder_now_ms() + round->retry_ms);
}

static void round_ended(struct herder *herder, struct fence_round *round, const struct attempt_end *end)
{
    struct fence_asker *asker = round->running;

    round->running = NULL;
    round->is_running = false;
    if (end->outcome != OUTCOME_DONE)
        log_warn(HERDER_LOG, "connector %s: the producers of its former tasks are not shut out yet%s: %s", round->connector,
                 end->outcome == OUTCOME_AGAIN ? ", trying again" : "", end->words);
    while (asker != NULL) {
        struct fence_asker *next = asker->next;

        if (asker->question != NULL) {
            answer_task(herder, round, asker, end);
        } else {
            reply_to(asker, end->status, end->outcome == OUTCOME_DONE ? NULL : end->words);
            mem_free(asker);
        }
        asker = next;
    }
    if (round->waiting == NULL) {
        herder_timer_clear(herder, &round->timer);
        pointer_map_remove(herder->questions->rounds, round->connector);
    } else if (end->outcome == OUTCOME_AGAIN) {
        retry_later(herder, round);
    } else {
        round->retry_ms = 0;
        round_begin(herder, round);
    }
}

static struct fence_round *round_that_runs(struct herder *herder, const char *connector)
{
    struct fence_round *round = herder->stage == HERDER_ENDED ? NULL : pointer_map_get(herder->questions->rounds, connector);

    return round != NULL && round->is_running ? round : NULL;
}

/* --- the leader's attempt -------------------------------------------------------------------------------------------------- */

struct bound {
    struct config_store *configs;
    char *connector;
    int64_t commit; /* of this record */
};

static const char *is_overtaken(void *argument)
{
    const struct bound *bound = argument;
    struct config_snapshot *snapshot = config_store_snapshot(bound->configs);
    bool is_still = config_snapshot_tasks_offset(snapshot, bound->connector) == bound->commit;

    config_snapshot_drop(snapshot);
    return is_still ? NULL : "newer task configurations have come";
}

static void bound_free(void *argument)
{
    struct bound *bound = argument;

    mem_free(bound->connector);
    mem_free(bound);
}

static int write_record(struct config_store *configs, const char *connector, int64_t commit, uint32_t count, int64_t deadline_ms,
                        struct mr_error **error)
{
    struct bound *bound = mem_alloc(sizeof(*bound));
    char *name = mem_strdup(connector);

    if (bound == NULL || name == NULL) {
        mem_free(bound);
        mem_free(name);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to write what was shut out");
    }
    *bound = (struct bound){configs, name, commit};
    return config_store_put_fenced_count(configs, connector, count, &(struct config_condition){is_overtaken, bound, bound_free},
                                         deadline_ms, error);
}

/* Their producers may still be there: a first round has no former tasks, and a task that was and stays alone shuts itself out. */
static uint32_t count_to_shut_out(int64_t former, uint32_t count)
{
    return former <= 0 || (former == 1 && count == 1) ? 0 : (uint32_t)former;
}

struct fence_watch {
    const struct herder *herder;
    struct bound bound;
};

/* Another leader may shut out the same ids by now and have the tasks started: theirs must not be shut out after that. */
static const char *why_not(void *argument)
{
    struct fence_watch *watch = argument;

    return !atomic_load(&watch->herder->leads) ? "this worker does not lead any more" : is_overtaken(&watch->bound);
}

static int shut_out(const struct herder *herder, const char *name, const struct config_snapshot *snapshot, int64_t deadline_ms,
                    struct mr_error **error)
{
    const struct string_map *applied = config_snapshot_applied(snapshot, name);
    struct fence_watch watch = {herder, {herder->setup.configs, (char *)(uintptr_t)name, config_snapshot_tasks_offset(snapshot, name)}};
    const struct executor_fence fence = {
        .connector = name,
        .config = applied != NULL ? applied : config_snapshot_config(snapshot, name),
        .count = count_to_shut_out(config_snapshot_fenced_count(snapshot, name), config_snapshot_task_count(snapshot, name)),
        .deadline_ms = deadline_ms,
        .why_not = why_not,
        .argument = &watch,
    };

    if (fence.count > 0)
        log_info(HERDER_LOG, "connector %s: the producers of its %u former task(s) are shut out", name, fence.count);
    return executor_shut_out_producers(herder->executor, &fence, error);
}

static void fence(struct herder_job *job, const struct config_snapshot *snapshot)
{
    struct config_store *configs = job->herder->setup.configs;
    const char *name = job->data;

    if (!config_snapshot_has(snapshot, name))
        mr_error_set(&job->error, MR_ERR_NOT_FOUND, "Connector %s not found", name);
    else if (config_snapshot_needs_fencing(snapshot, name) &&
             shut_out(job->herder, name, snapshot, job->deadline_ms, &job->error) == 0 &&
             config_store_refresh(configs, job->deadline_ms, &job->error) == 0)
        write_record(configs, name, config_snapshot_tasks_offset(snapshot, name), config_snapshot_task_count(snapshot, name),
                     job->deadline_ms, &job->error);
}

/* thread: job */
static void attempt_run(struct herder_job *job)
{
    struct config_store *configs = job->herder->setup.configs;
    struct config_snapshot *snapshot;

    if (config_store_refresh(configs, job->deadline_ms, &job->error) != 0)
        return;
    snapshot = config_store_snapshot(configs);
    fence(job, snapshot);
    config_snapshot_drop(snapshot);
}

static struct attempt_end end_of(const struct mr_error *error, const char *words)
{
    if (error == NULL)
        return (struct attempt_end){OUTCOME_DONE, 204, NULL};
    switch (mr_error_code(error)) {
    case MR_ERR_NOT_SUPPORTED:
    case MR_ERR_CONFIG:
        return (struct attempt_end){OUTCOME_NEVER, STATUS_NEVER, words};
    case MR_ERR_CONFLICT:
        return (struct attempt_end){OUTCOME_AGAIN, 409, words};
    case MR_ERR_NOT_FOUND:
        return (struct attempt_end){OUTCOME_AGAIN, 404, words};
    default:
        return (struct attempt_end){OUTCOME_AGAIN, 500, words};
    }
}

static void attempt_done(struct herder *herder, struct herder_job *job)
{
    struct fence_round *round = round_that_runs(herder, job->data);
    char *told = job->error == NULL ? NULL : herder_error_words(job->error);
    struct attempt_end end = end_of(job->error, told != NULL ? told : "no memory for the reason");

    if (round != NULL)
        round_ended(herder, round, &end);
    mem_free(told);
}

/* Every step of it has a deadline: one that comes to no end by then is about to. */
static void attempt_late(struct herder *herder, struct herder_job *job)
{
    struct fence_round *round = round_that_runs(herder, job->data);

    if (round != NULL)
        round_ended(herder, round, &(struct attempt_end){OUTCOME_AGAIN, 500, "not in time"});
}

static bool attempt(struct herder *herder, const struct fence_round *round)
{
    char *name = mem_strdup(round->connector);

    return name != NULL && herder_job_post(herder, &(struct herder_job_setup){.run = attempt_run,
                                                                              .done = attempt_done,
                                                                              .late = attempt_late,
                                                                              .data = name,
                                                                              .data_free = mem_free,
                                                                              .deadline_ms = herder_now_ms() + ATTEMPT_MS});
}

/* --- asked of the leader ------------------------------------------------------------------------------------------------------ */

struct link_end {
    struct herder_post post;
    struct herder *herder;
    char *connector;
    int status;
    char words[512];
};

static void handle_link_end(struct herder *herder, struct herder_post *post)
{
    struct link_end *end = (struct link_end *)post;
    struct fence_round *round = round_that_runs(herder, end->connector);
    bool is_done = end->status >= 200 && end->status < 300;
    enum outcome outcome = is_done ? OUTCOME_DONE : end->status == STATUS_NEVER ? OUTCOME_NEVER : OUTCOME_AGAIN;

    if (round != NULL)
        round_ended(herder, round, &(struct attempt_end){outcome, end->status, end->words});
    mem_free(end->connector);
    mem_free(end);
}

/* thread: the link's */
static void on_link_done(void *argument, int status, const char *message)
{
    struct link_end *end = argument;

    end->status = status;
    snprintf(end->words, sizeof(end->words), "%s", message != NULL ? message : "the leader did not answer");
    herder_post(end->herder, &end->post);
}

static bool ask_leader(struct herder *herder, const struct fence_round *round)
{
    const struct leader_link *link = herder->setup.leader_link;
    struct link_end *end;

    if (link == NULL || link->fence == NULL || herder->leader_url == NULL)
        return false;
    end = mem_calloc(1, sizeof(*end));
    if (end != NULL)
        end->connector = mem_strdup(round->connector);
    if (end == NULL || end->connector == NULL) {
        mem_free(end);
        return false;
    }
    end->post.handle = handle_link_end;
    end->herder = herder;
    link->fence(link->argument, herder->leader_url, round->connector, herder_now_ms() + ATTEMPT_MS + LINK_MARGIN_MS, on_link_done, end);
    return true;
}

/* --- the round ------------------------------------------------------------------------------------------------------------------- */

static void round_begin(struct herder *herder, struct fence_round *round)
{
    if (round->is_running || round->waiting == NULL)
        return;
    if ((herder->stage == HERDER_LEADING && attempt(herder, round)) ||
        (herder->stage == HERDER_FOLLOWING && ask_leader(herder, round))) {
        round->running = round->waiting;
        round->waiting = NULL;
        round->is_running = true;
        return;
    }
    retry_later(herder, round);
}

/* What it was started from has been fenced, as this worker has read. */
static bool is_fenced(const struct herder *herder, const struct herder_task *task, const char *connector)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    bool is = task->commit == config_snapshot_tasks_offset(snapshot, connector) &&
              !config_snapshot_needs_fencing(snapshot, connector) && config_snapshot_fenced_count(snapshot, connector) >= 0;

    config_snapshot_drop(snapshot);
    return is;
}

void fence_round_join(struct herder *herder, struct question *question)
{
    const struct herder_task *task = question_asker(herder, question);

    if (task == NULL) {
        question_free(question);
    } else if (is_fenced(herder, task, question->connector)) {
        question_answer(herder, question, NULL);
    } else if (!round_add(herder, question->connector, &(struct fence_asker){.question = question})) {
        question_free(question);
        herder_event_lost(herder);
    }
}

/* --- over REST ---------------------------------------------------------------------------------------------------------------------- */

struct fence_post {
    struct herder_post post;
    char *connector;
    struct fence_asker asker;
};

static void handle_fence(struct herder *herder, struct herder_post *post)
{
    struct fence_post *fence_post = (struct fence_post *)post;

    if (herder->stage != HERDER_LEADING)
        reply_to(&fence_post->asker, 409, "Only the leader may process zombie fencing requests.");
    else if (!round_add(herder, fence_post->connector, &fence_post->asker))
        reply_to(&fence_post->asker, 503, "The worker has no memory left for this request");
    mem_free(fence_post->connector);
    mem_free(fence_post);
}

void herder_fence_connector(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    struct fence_post *post = mem_calloc(1, sizeof(*post));

    if (post != NULL)
        post->connector = mem_strdup(name);
    if (post == NULL || post->connector == NULL || !herder_is_ready(herder)) {
        reply_to(&(struct fence_asker){.reply = reply, .argument = argument}, 503,
                 "The worker is not ready: it is starting, shutting down or without memory; try again");
        if (post != NULL)
            mem_free(post->connector);
        mem_free(post);
        return;
    }
    post->post.handle = handle_fence;
    post->asker = (struct fence_asker){.reply = reply, .argument = argument};
    herder_post(herder, &post->post);
}

static void answer_those_of_rest(struct fence_asker **first, int status, const char *words)
{
    while (*first != NULL) {
        struct fence_asker *asker = *first;

        if (asker->question != NULL) {
            first = &asker->next;
            continue;
        }
        *first = asker->next;
        reply_to(asker, status, words);
        mem_free(asker);
    }
}

void fence_rounds_answer_all(struct herder *herder, int status, const char *words)
{
    for (size_t i = 0; i < pointer_map_count(herder->questions->rounds); i++) {
        struct fence_round *round = pointer_map_value(herder->questions->rounds, i);

        answer_those_of_rest(&round->waiting, status, words);
        answer_those_of_rest(&round->running, status, words);
    }
}
