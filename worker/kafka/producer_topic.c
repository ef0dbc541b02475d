/* producer_topic.c: topics of a producer: their metadata is asked for before anything is produced, by a thread that lives
 * as long as there is something to ask ("producer-errand"). A topic that cannot be reached keeps nobody else waiting. */
#include "kafka/producer_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/thread.h"

#include "base/bans.h"

#define ASK_TIMEOUT_MS 1000
#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 1000
#define COMPLAIN_EVERY_MS 60000
#define SINGLE_RENEW_MS 30000    /* topics grow */
#define SINGLE_BELIEVED_MS 60000 /* librdkafka itself believes for five minutes */

const char *producer_topic_name(const struct producer_topic *topic)
{
    return topic->name;
}

bool producer_topic_is_ready(const struct producer_topic *topic)
{
    return atomic_load(&topic->state) == TOPIC_READY;
}

void producer_topic_destroy(void *argument)
{
    struct producer_topic *topic = argument;
    if (topic->rkt != NULL)
        rd_kafka_topic_destroy(topic->rkt);
    mem_free(topic->name);
    mem_free(topic);
}

/* ---- the errand ---- */

static void complain(struct producer_topic *topic, rd_kafka_resp_err_t code)
{
    int64_t now_ms = clock_monotonic_ms(NULL);
    if (topic->complained_ms != 0 && now_ms - topic->complained_ms < COMPLAIN_EVERY_MS)
        return;
    /* The first refusal of a topic that is just being created is no news. */
    if (topic->backoff_ms >= BACKOFF_MAX_MS) {
        topic->complained_ms = now_ms;
        log_warn(PRODUCER_LOGGER, "topic %s: %s; its records wait", topic->name, rd_kafka_err2str(code));
    }
}

/* As Java's producer: max.block.ms and delivery.timeout.ms, whose defaults under Kafka Connect have no end. */
static bool has_been_asked_too_long(const struct producer_topic *topic)
{
    int64_t most_ms = topic->producer->asking_max_ms;
    return most_ms != INT64_MAX && clock_monotonic_ms(NULL) - atomic_load(&topic->asking_since_ms) >= most_ms;
}

static void postpone(struct producer_topic *topic, rd_kafka_resp_err_t code)
{
    if (has_been_asked_too_long(topic)) {
        topic->refusal = RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
        atomic_store(&topic->state, TOPIC_REFUSED);
        return;
    }
    complain(topic, code);
    topic->ask_at_ms = deadline_after_ms(topic->backoff_ms);
    topic->backoff_ms = topic->backoff_ms * 2 < BACKOFF_MAX_MS ? topic->backoff_ms * 2 : BACKOFF_MAX_MS;
}

static void settle(struct producer_topic *topic, const struct rd_kafka_metadata_topic *found)
{
    if (found->err == RD_KAFKA_RESP_ERR_NO_ERROR && found->partition_cnt > 0) {
        atomic_store(&topic->partition_count, found->partition_cnt);
        atomic_store(&topic->answered_ms, clock_monotonic_ms(NULL));
        topic->backoff_ms = BACKOFF_MIN_MS;
        atomic_store(&topic->state, TOPIC_READY);
        atomic_store(&topic->producer->login_refused_ms, 0);
    } else if (found->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
               found->err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION) {
        topic->refusal = found->err;
        atomic_store(&topic->state, TOPIC_REFUSED);
    } else {
        postpone(topic, found->err != RD_KAFKA_RESP_ERR_NO_ERROR ? found->err : RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    }
}

/* It stays READY whatever the answer. */
static void renew(struct producer *producer, struct producer_topic *topic)
{
    const struct rd_kafka_metadata *metadata = NULL;
    if (rd_kafka_metadata(producer->handle->rk, 0, topic->rkt, &metadata, ASK_TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topics[0].partition_cnt > 0) {
        atomic_store(&topic->partition_count, metadata->topics[0].partition_cnt);
        atomic_store(&topic->answered_ms, clock_monotonic_ms(NULL));
    }
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    atomic_store(&topic->renews, false);
}

static void ask(struct producer *producer, struct producer_topic *topic)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(producer->handle->rk, 0, topic->rkt, &metadata, ASK_TIMEOUT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        postpone(topic, code);
    else if (metadata->topic_cnt != 1)
        postpone(topic, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    else
        settle(topic, &metadata->topics[0]);
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    if (atomic_load(&topic->state) != TOPIC_ASKING)
        producer_wake(producer);
}

/* The topic to ask for next, and when. NULL: none; then the thread is no longer running. lock held. */
static struct producer_topic *next_errand(struct producer *producer)
{
    struct producer_topic *next = NULL;
    for (size_t i = 0; i < pointer_map_count(producer->topics); i++) {
        struct producer_topic *topic = pointer_map_value(producer->topics, i);
        if (topic->rkt != NULL && (atomic_load(&topic->state) == TOPIC_ASKING || atomic_load(&topic->renews)) &&
            (next == NULL || topic->ask_at_ms < next->ask_at_ms))
            next = topic;
    }
    return next;
}

/* Whose last user has gone, and that is not just being asked for. lock held. */
static void forget_unused(struct producer *producer, struct producer_topic *topic)
{
    if (topic->users == 0 && topic != producer->errand_topic)
        pointer_map_remove(producer->topics, topic->name);
}

static void *errand_run(void *argument)
{
    struct producer *producer = argument;
    mutex_lock(&producer->lock);
    for (;;) {
        struct producer_topic *topic = producer->errand_stop ? NULL : next_errand(producer);
        if (topic == NULL)
            break;
        if (topic->ask_at_ms > clock_monotonic_ms(NULL)) {
            cond_wait_until_ms(&producer->settled, &producer->lock, topic->ask_at_ms);
            continue;
        }
        producer->errand_topic = topic;
        mutex_unlock(&producer->lock);
        if (atomic_load(&topic->state) == TOPIC_ASKING)
            ask(producer, topic);
        else
            renew(producer, topic);
        mutex_lock(&producer->lock);
        producer->errand_topic = NULL;
        forget_unused(producer, topic);
    }
    producer->errand_running = false;
    mutex_unlock(&producer->lock);
    return NULL;
}

/* lock held. The thread before may have ended already: then it is only to be joined. */
static void errand_start(struct producer *producer)
{
    char why[128];
    if (producer->errand_running) {
        cond_broadcast(&producer->settled);
        return;
    }
    if (producer->errand_started)
        thread_join(producer->errand_thread);
    struct thread_setup thread = {.name = "producer-errand", .run = errand_run, .argument = producer};
    producer->errand_started = producer->errand_running =
        thread_start(&producer->errand_thread, &thread, why, sizeof why);
    if (!producer->errand_started)
        log_error(PRODUCER_LOGGER, "%s; topics new to this producer wait", why);
}

void producer_errand_stop(struct producer *producer)
{
    mutex_lock(&producer->lock);
    producer->errand_stop = true;
    bool started = producer->errand_started;
    producer->errand_started = false;
    cond_broadcast(&producer->settled);
    mutex_unlock(&producer->lock);
    if (started)
        thread_join(producer->errand_thread);
}

/* lock held. */
static void begin_asking(struct producer_topic *topic)
{
    atomic_store(&topic->renews, false);
    topic->ask_at_ms = 0;
    topic->backoff_ms = BACKOFF_MIN_MS;
    atomic_store(&topic->asking_since_ms, clock_monotonic_ms(NULL));
    atomic_store(&topic->state, TOPIC_ASKING);
}

void producer_topics_ask_again(struct producer *producer)
{
    mutex_lock(&producer->lock);
    for (size_t i = 0; i < pointer_map_count(producer->topics); i++) {
        struct producer_topic *topic = pointer_map_value(producer->topics, i);
        if (topic->rkt != NULL)
            rd_kafka_topic_destroy(topic->rkt);
        topic->rkt = rd_kafka_topic_new(producer->handle->rk, topic->name, NULL);
        begin_asking(topic);
    }
    producer->handle_topics = pointer_map_count(producer->topics);
    producer->errand_stop = false;
    if (pointer_map_count(producer->topics) > 0)
        errand_start(producer);
    mutex_unlock(&producer->lock);
}

void producer_topic_doubt(struct producer_topic *topic)
{
    struct producer *producer = topic->producer;
    mutex_lock(&producer->lock);
    if (atomic_load(&topic->state) == TOPIC_READY)
        begin_asking(topic);
    errand_start(producer);
    mutex_unlock(&producer->lock);
}

bool producer_topic_is_single(struct producer_topic *topic)
{
    struct producer *producer = topic->producer;
    if (atomic_load(&topic->state) != TOPIC_READY || atomic_load(&topic->partition_count) != 1)
        return false;
    int64_t age_ms = clock_monotonic_ms(NULL) - atomic_load(&topic->answered_ms);
    if (age_ms >= SINGLE_RENEW_MS && !atomic_load(&topic->renews)) {
        mutex_lock(&producer->lock);
        if (atomic_load(&topic->state) == TOPIC_READY) {
            topic->ask_at_ms = 0;
            atomic_store(&topic->renews, true);
        }
        errand_start(producer);
        mutex_unlock(&producer->lock);
    }
    return age_ms < SINGLE_BELIEVED_MS;
}

/* ---- the door ---- */

/* What the handle knows stays there until it is replaced. With as many topics in use there is no room, and the topic is one
 * to which nothing can be sent. swap_lock (read) and lock held. */
static bool topic_introduce(struct producer *producer, struct producer_topic *topic)
{
    if (producer->handle_topics < PRODUCER_TOPICS_MAX) {
        topic->rkt = rd_kafka_topic_new(producer->handle->rk, topic->name, NULL);
        producer->handle_topics++;
        begin_asking(topic);
        return topic->rkt != NULL;
    }
    if (pointer_map_count(producer->topics) <= PRODUCER_TOPICS_MAX / 2) {
        atomic_store(&producer->crowded, true);
        begin_asking(topic);   /* by the next handle */
        producer_wake(producer);
    } else {
        topic->refusal = RD_KAFKA_RESP_ERR__QUEUE_FULL;
        atomic_store(&topic->state, TOPIC_REFUSED);
    }
    return true;
}

/* swap_lock (read) and lock held. */
static struct producer_topic *topic_create(struct producer *producer, const char *name)
{
    struct producer_topic *topic = mem_calloc(1, sizeof *topic);
    if (topic == NULL)
        return NULL;
    topic->producer = producer;
    topic->name = mem_strdup(name);
    if (topic->name == NULL || !topic_introduce(producer, topic) || !pointer_map_put(producer->topics, name, topic)) {
        producer_topic_destroy(topic);
        return NULL;
    }
    return topic;
}

/* swap_lock (read) and lock held. NULL: no memory. */
static struct producer_topic *topic_of(struct producer_user *user, const char *name)
{
    struct producer *producer = user->producer;
    bool is_new = !pointer_map_has(user->topics, name);
    struct producer_topic *topic = pointer_map_get(producer->topics, name);
    if (topic == NULL)
        topic = topic_create(producer, name);
    else if (atomic_load(&topic->state) == TOPIC_REFUSED && topic->rkt != NULL)
        begin_asking(topic);   /* rights may have changed */
    if (topic == NULL || (is_new && !pointer_map_put(user->topics, name, topic))) {
        if (topic != NULL)
            forget_unused(producer, topic);
        return NULL;
    }
    topic->users += is_new;
    return topic;
}

struct producer_topic *producer_user_topic(struct producer_user *user, const char *name)
{
    struct producer *producer = user->producer;
    struct producer_topic *topic = user->last_topic;   /* as a rule */
    if (topic != NULL && strcmp(topic->name, name) == 0 && producer_topic_is_ready(topic))
        return topic;
    pthread_rwlock_rdlock(&producer->swap_lock);
    mutex_lock(&producer->lock);
    topic = topic_of(user, name);
    if (topic != NULL && atomic_load(&topic->state) == TOPIC_ASKING && !producer->swapping)
        errand_start(producer);
    mutex_unlock(&producer->lock);
    pthread_rwlock_unlock(&producer->swap_lock);
    user->last_topic = topic;
    return topic;
}

void producer_topics_let_go(struct producer_user *user)
{
    for (size_t i = 0; i < pointer_map_count(user->topics); i++) {
        struct producer_topic *topic = pointer_map_value(user->topics, i);
        topic->users--;
        forget_unused(user->producer, topic);
    }
}
