#include "executor/topic_maker.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/topic_groups.h"
#include "executor/executor_internal.h"
#include "kafka/admin.h"
#include "kafka/client_config.h"

#include <millrace/error.h>

#include "base/bans.h"

#define NEW_TOPIC_WORDS_MAX 4096

/* What is known of a topic. */
enum finding { FINDING_OPEN, FINDING_THERE, FINDING_FAILED };

struct wanted {
    enum finding finding;
    int64_t since_ms, again_at_ms, used_ms; /* the executor's clock */
    struct mr_error *error;        /* of FAILED */
    bool is_next;                  /* in the queue, or with a job */
    struct wanted *next;           /* in the queue */
    char name[];
};

struct topic_maker {
    struct refcount references; /* the task's and a job's */
    struct executor *executor;
    struct topic_groups *groups;
    struct client_config *config;
    char *connector;
    uint32_t number;
    const struct clock *clock;
    void (*wake)(void *argument);
    void (*wake_drop)(void *argument);
    void *wake_argument;
    struct admin *admin; /* a job's; NULL: nobody asks now */

    pthread_mutex_t lock; /* guards all below */
    struct pointer_map *topics; /* name → struct wanted */
    struct wanted *first, *last;
    int64_t forget_at_ms; /* not before */
    bool has_job, has_ended;
};

/* Life ------------------------------------------------------------------------------------------------------------ */

static void wanted_free(void *argument)
{
    struct wanted *wanted = argument;
    mr_error_drop(wanted->error);
    mem_free(wanted);
}

static void maker_free(struct topic_maker *maker)
{
    struct executor *executor = maker->executor;
    if (maker->wake_drop != NULL)
        maker->wake_drop(maker->wake_argument);
    admin_close(maker->admin); /* the pool had no room for the job that would have closed it */
    pointer_map_destroy(maker->topics);
    topic_groups_destroy(maker->groups);
    client_config_drop(maker->config);
    mutex_destroy(&maker->lock);
    mem_free(maker->connector);
    mem_free(maker);
    executor_freed(executor);
}

static void maker_drop(struct topic_maker *maker)
{
    if (refcount_drop(&maker->references))
        maker_free(maker);
}

static void end(void *argument)
{
    struct topic_maker *maker = argument;
    mutex_lock(&maker->lock);
    maker->has_ended = true;
    mutex_unlock(&maker->lock);
    maker_drop(maker);
}

/* Asking the cluster; thread: a job's ------------------------------------------------------------------------------- */

static int64_t attempt_deadline_ms(void)
{
    return clock_monotonic_ms(NULL) + TOPIC_MAKER_ATTEMPT_MS;
}

/* "(name=…, numPartitions=…, …)" */
static void describe(struct str_buffer *words, const char *topic, const struct topic_group *group)
{
    str_buffer_init(words, NEW_TOPIC_WORDS_MAX);
    str_buffer_printf(words, "(name=%s, numPartitions=%d, replicationFactor=%d, configs={", topic, (int)group->partitions,
                      (int)group->replication_factor);
    for (size_t i = 0; i < string_map_count(group->configs); i++)
        str_buffer_printf(words, "%s%s=%s", i == 0 ? "" : ", ", string_map_key(group->configs, i),
                          string_map_value(group->configs, i));
    str_buffer_append_text(words, "})");
}

static enum finding refused(const char *topic, const struct topic_group *group, struct mr_error **error)
{
    struct str_buffer words;
    describe(&words, topic, group);
    mr_error_wrap(error,
                  "Task failed to create new topic %s. Ensure that the task is authorized to create topics or that the topic "
                  "exists and restart the task",
                  str_buffer_text(&words));
    str_buffer_release(&words);
    return FINDING_FAILED;
}

static enum finding create(struct topic_maker *maker, const char *topic, bool is_late, struct mr_error **error)
{
    const struct topic_group *group = topic_groups_find(maker->groups, topic);
    const struct admin_new_topic wanted = {.name = topic,
                                           .partitions = group->partitions,
                                           .replication_factor = group->replication_factor,
                                           .configs = group->configs};
    switch (admin_create_topic(maker->admin, &wanted, attempt_deadline_ms(), error)) {
    case ADMIN_CREATED:
        log_info(LOG_NAME, "created topic %s by topic creation group %s: partitions %d, replication factor %d", topic,
                 group->name, (int)group->partitions, (int)group->replication_factor);
        return FINDING_THERE;
    case ADMIN_EXISTED:
        return FINDING_THERE;
    case ADMIN_NOT_AUTHORISED:
    case ADMIN_UNSUPPORTED:
        return refused(topic, group, error);
    default:
        break;
    }
    if (mr_error_code(*error) == MR_ERR_TIMEOUT && !is_late)
        return FINDING_OPEN;
    mr_error_wrap(error,
                  mr_error_code(*error) == MR_ERR_TIMEOUT ? "Timed out while checking for or creating topic(s) '%s'"
                                                          : "Error while attempting to create/find topic(s) '%s'",
                  topic);
    return FINDING_FAILED;
}

/* OPEN: no answer now; *error says why. */
static enum finding ask(struct topic_maker *maker, const struct wanted *wanted, struct mr_error **error)
{
    bool is_late = clock_monotonic_ms(maker->clock) - wanted->since_ms >= TOPIC_MAKER_PATIENCE_MS;
    int32_t partitions = 0;
    if (maker->admin == NULL)
        maker->admin = admin_open(maker->config, maker->executor->setup.graveyard, error);
    if (maker->admin == NULL)
        return FINDING_FAILED;
    if (admin_partition_count(maker->admin, wanted->name, &partitions, attempt_deadline_ms(), error) == 0)
        return partitions > 0 ? FINDING_THERE : create(maker, wanted->name, is_late, error);
    if (mr_error_code(*error) == MR_ERR_TIMEOUT || mr_error_is_retriable(*error))
        return FINDING_OPEN;
    mr_error_wrap(error, "Error while attempting to describe topics '%s'", wanted->name);
    return FINDING_FAILED;
}

/* Jobs: one topic each, so that a maker whose cluster does not answer lets others have their turn --------------------- */

static void post_job(struct topic_maker *maker);

/* Returns with the lock held. */
static struct wanted *take_next(struct topic_maker *maker)
{
    mutex_lock(&maker->lock);
    struct wanted *wanted = maker->has_ended ? NULL : maker->first;
    if (wanted == NULL)
        return NULL;
    maker->first = wanted->next;
    if (maker->first == NULL)
        maker->last = NULL;
    return wanted;
}

static void run(void *argument)
{
    struct topic_maker *maker = argument;
    struct log_context context;
    struct wanted *wanted = take_next(maker);
    mutex_unlock(&maker->lock);
    if (wanted == NULL)
        return;
    struct mr_error *error = NULL;
    log_context_push(&context, maker->connector, (int)maker->number);
    enum finding finding = ask(maker, wanted, &error);
    if (finding == FINDING_OPEN)
        log_warn(LOG_NAME, "topic %s could not be looked for or created now, it is tried again: %s", wanted->name,
                 mr_error_message(error));
    log_context_pop(&context);
    mutex_lock(&maker->lock);
    wanted->is_next = false;
    wanted->finding = finding;
    wanted->again_at_ms = clock_monotonic_ms(maker->clock) + TOPIC_MAKER_AGAIN_MS;
    if (finding == FINDING_FAILED) {
        wanted->error = error;
        error = NULL;
    }
    mutex_unlock(&maker->lock);
    mr_error_drop(error);
    maker->wake(maker->wake_argument);
}

/* The next topic, or an end of asking. */
static void outcome(void *argument, enum job_outcome job_outcome)
{
    struct topic_maker *maker = argument;
    assert(job_outcome == JOB_DONE); /* no deadline */
    (void)job_outcome;
    mutex_lock(&maker->lock);
    maker->has_job = false;
    bool has_more = maker->first != NULL && !maker->has_ended;
    struct admin *admin = has_more ? NULL : maker->admin;
    if (!has_more)
        maker->admin = NULL;
    mutex_unlock(&maker->lock);
    admin_close(admin);
    if (has_more)
        post_job(maker);
    maker_drop(maker);
}

/* Only one at a time; a pool without room now is asked again with the task's next question. */
static void post_job(struct topic_maker *maker)
{
    struct job job = {.run = run, .on_outcome = outcome, .argument = maker, .deadline_ms = INT64_MAX};
    mutex_lock(&maker->lock);
    bool is_due = !maker->has_job && maker->first != NULL;
    maker->has_job = maker->has_job || is_due;
    mutex_unlock(&maker->lock);
    if (!is_due)
        return;
    refcount_take(&maker->references);
    if (job_post(maker->executor->setup.jobs, &job))
        return;
    mutex_lock(&maker->lock);
    maker->has_job = false;
    mutex_unlock(&maker->lock);
    maker_drop(maker);
}

/* What the task asks; thread: the task's ------------------------------------------------------------------------------ */

/* The batch under way must not lose its own: it is sent when all of its topics are there. */
static void forget_unused(struct topic_maker *maker)
{
    int64_t now_ms = clock_monotonic_ms(maker->clock);
    if (pointer_map_count(maker->topics) < TOPIC_MAKER_TOPICS_MAX || now_ms < maker->forget_at_ms)
        return;
    for (size_t i = pointer_map_count(maker->topics); i-- > 0;) {
        const struct wanted *wanted = pointer_map_value(maker->topics, i);
        if (wanted->finding == FINDING_THERE && now_ms - wanted->used_ms >= TOPIC_MAKER_KEPT_MS)
            pointer_map_remove(maker->topics, pointer_map_key(maker->topics, i));
    }
    maker->forget_at_ms = now_ms + TOPIC_MAKER_AGAIN_MS; /* looking at all of them is not for every topic */
}

static struct wanted *find_or_add(struct topic_maker *maker, const char *topic)
{
    struct wanted *found = pointer_map_get(maker->topics, topic);
    size_t size = strlen(topic) + 1;
    if (found != NULL)
        return found;
    forget_unused(maker);
    found = mem_calloc(1, sizeof(*found) + size);
    if (found == NULL)
        return NULL;
    memcpy(found->name, topic, size);
    found->since_ms = clock_monotonic_ms(maker->clock);
    if (pointer_map_put(maker->topics, topic, found))
        return found;
    mem_free(found);
    return NULL;
}

static void queue(struct topic_maker *maker, struct wanted *wanted)
{
    wanted->is_next = true;
    wanted->next = NULL;
    if (maker->last != NULL)
        maker->last->next = wanted;
    else
        maker->first = wanted;
    maker->last = wanted;
}

/* locks: held. *again_at_ms is lowered where only time can bring an answer. */
static enum source_topic answer(struct topic_maker *maker, struct wanted *wanted, int64_t *again_at_ms,
                                struct mr_error **error)
{
    wanted->used_ms = clock_monotonic_ms(maker->clock);
    if (wanted->finding == FINDING_THERE)
        return SOURCE_TOPIC_THERE;
    if (wanted->finding == FINDING_FAILED) {
        if (error != NULL && *error == NULL)
            *error = mr_error_copy(wanted->error);
        return SOURCE_TOPIC_FAILED;
    }
    if (!wanted->is_next && clock_monotonic_ms(maker->clock) >= wanted->again_at_ms)
        queue(maker, wanted);
    int64_t look_ms = wanted->is_next ? clock_monotonic_ms(maker->clock) + TOPIC_MAKER_AGAIN_MS : wanted->again_at_ms;
    if ((!wanted->is_next || !maker->has_job) && look_ms < *again_at_ms)
        *again_at_ms = look_ms;
    return SOURCE_TOPIC_WAITS;
}

static enum source_topic want(void *argument, const char *topic, int64_t *again_at_ms, struct mr_error **error)
{
    struct topic_maker *maker = argument;
    mutex_lock(&maker->lock);
    struct wanted *wanted = find_or_add(maker, topic);
    enum source_topic result = SOURCE_TOPIC_FAILED;
    if (wanted == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for topic %s", topic);
    else
        result = answer(maker, wanted, again_at_ms, error);
    mutex_unlock(&maker->lock);
    if (result == SOURCE_TOPIC_WAITS)
        post_job(maker);
    return result;
}

int topic_maker_create(struct executor *executor, const struct task_common_setup *common, struct topic_groups *groups,
                       struct client_config *admin_config, struct source_topics *topics, struct mr_error **error)
{
    struct topic_maker *maker = mem_calloc(1, sizeof(*maker));
    if (maker == NULL) {
        topic_groups_destroy(groups);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to create topics");
    }
    refcount_init(&maker->references);
    mutex_init(&maker->lock);
    executor_born(executor);
    maker->executor = executor;
    maker->groups = groups;
    maker->config = client_config_take(admin_config);
    maker->number = common->number;
    maker->clock = common->clock;
    maker->connector = mem_strdup(common->connector);
    maker->topics = pointer_map_create(wanted_free);
    if (maker->connector == NULL || maker->topics == NULL) {
        maker_drop(maker);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to create topics");
    }
    maker->wake = common->wake;
    maker->wake_drop = common->wake_drop;
    maker->wake_argument = common->wake_argument;
    common->wake_take(common->wake_argument);
    *topics = (struct source_topics){.want = want, .end = end, .argument = maker};
    return 0;
}
