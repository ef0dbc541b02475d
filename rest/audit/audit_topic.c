/*
 * The topic: each line is a record, its key the worker, so that one worker's lines keep their order. A batch counts when all in-sync
 * replicas have acknowledged all of it. The pool is our own: it does not end with the worker's lease, for the record goes on.
 *
 * What is not acknowledged within AUDIT_TOPIC_WAIT_MS is called back by closing the producer's user; it may have arrived all the same,
 * and lines other than intents are sent again: at least once.
 */
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit_internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/string_map.h"
#include "kafka/admin.h"
#include "kafka/client_config.h"
#include "kafka/producer.h"

#include "base/bans.h"

#define POOL_CLOSE_MS 2000

struct audit_topic {
    struct audit_target target;
    char *name, *key;
    struct client_config *config;
    struct producer_pool *pool;
    struct producer_user *user; /* NULL: to be opened */
    struct producer_ticket *tickets;
    size_t ticket_capacity;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    uint32_t wait_ms;
    int64_t deadline_ms; /* of what is being written */
    size_t outstanding;
    bool has_room, is_closed, has_failed;
    char failure[AUDIT_REASON_SIZE];
};

static struct audit_topic *topic_of(struct audit_target *target)
{
    return (struct audit_topic *)target;
}

/* What the producer tells; thread: its own ------------------------------------------------------------------------- */

static void on_delivery(void *argument, const struct producer_delivery *deliveries, size_t count)
{
    struct audit_topic *topic = argument;
    mutex_lock(&topic->lock);
    for (size_t i = 0; i < count; i++) {
        if (deliveries[i].outcome != PRODUCER_ACKED && !topic->has_failed) {
            topic->has_failed = true;
            snprintf(topic->failure, sizeof(topic->failure), "%s",
                     deliveries[i].outcome == PRODUCER_FAILED ? deliveries[i].words : "it was not acknowledged in time");
        }
        topic->outstanding--;
    }
    cond_broadcast(&topic->changed);
    mutex_unlock(&topic->lock);
}

static void set(struct audit_topic *topic, bool *what)
{
    mutex_lock(&topic->lock);
    *what = true;
    cond_broadcast(&topic->changed);
    mutex_unlock(&topic->lock);
}

static void on_writable(void *argument)
{
    struct audit_topic *topic = argument;
    set(topic, &topic->has_room);
}

static void on_closed(void *argument)
{
    struct audit_topic *topic = argument;
    set(topic, &topic->is_closed);
}

static const struct producer_user_listener listener = {
    .on_delivery = on_delivery, .on_writable = on_writable, .on_closed = on_closed};

/* The user --------------------------------------------------------------------------------------------------------- */

static bool fails(char reason[AUDIT_REASON_SIZE], const char *words)
{
    snprintf(reason, AUDIT_REASON_SIZE, "%s", words);
    return false;
}

static bool open_user(struct audit_topic *topic, char reason[AUDIT_REASON_SIZE])
{
    struct mr_error *error = NULL;
    if (topic->user != NULL)
        return true;
    topic->user = producer_user_open(topic->pool,
                                     &(struct producer_user_setup){
                                         .config = topic->config, .name = "audit", .listener = &listener, .argument = topic},
                                     &error);
    if (topic->user == NULL)
        fails(reason, mr_error_message(error));
    mr_error_drop(error);
    return topic->user != NULL;
}

/* Everything outstanding has come back after it. */
static void close_user(struct audit_topic *topic)
{
    if (topic->user == NULL)
        return;
    topic->is_closed = false; /* nobody else looks at it now */
    producer_user_close(topic->user, clock_monotonic_ms(NULL));
    mutex_lock(&topic->lock);
    while (!topic->is_closed)
        cond_wait(&topic->changed, &topic->lock);
    mutex_unlock(&topic->lock);
    topic->user = NULL;
}

/* Writing ---------------------------------------------------------------------------------------------------------- */

/* Waits for a change, which may be an earlier deadline. lock held. */
static bool wait_is_over(struct audit_topic *topic)
{
    cond_wait_until_ms(&topic->changed, &topic->lock, topic->deadline_ms);
    return clock_monotonic_ms(NULL) >= topic->deadline_ms;
}

/* One after another, waiting for room. */
static bool send_lines(struct audit_topic *topic, const char *text, size_t length, char reason[AUDIT_REASON_SIZE])
{
    struct producer_topic *to = producer_user_topic(topic->user, topic->name);
    size_t line = 0;
    bool is_late = false;
    if (to == NULL)
        return fails(reason, "no memory");
    while (length > 0) {
        struct mr_error *error = NULL;
        size_t taken = 0, end = (size_t)((const char *)memchr(text, '\n', length) - text);
        struct producer_record record = {.topic = to,
                                         .partition = -1,
                                         .timestamp_ms = -1,
                                         .key = {topic->key, strlen(topic->key)},
                                         .value = {text, end},
                                         .ticket = &topic->tickets[line]};
        mutex_lock(&topic->lock);
        topic->has_room = false;
        topic->outstanding++; /* it may come back before the call does */
        mutex_unlock(&topic->lock);
        int status = is_late ? 0 : producer_send(topic->user, &record, 1, &taken, &error);
        mutex_lock(&topic->lock);
        topic->outstanding -= 1 - taken;
        while (status == 0 && taken == 0 && !is_late && !topic->has_room)
            is_late = wait_is_over(topic);
        mutex_unlock(&topic->lock);
        if (status != 0)
            fails(reason, mr_error_message(error));
        else if (is_late)
            fails(reason, "the brokers took no line in time");
        mr_error_drop(error);
        if (status != 0 || is_late)
            return false;
        if (taken == 1) {
            text += end + 1;
            length -= end + 1;
            line++;
        }
    }
    return true;
}

/* false: not all was acknowledged. */
static bool await(struct audit_topic *topic, char reason[AUDIT_REASON_SIZE])
{
    bool is_late = false;
    mutex_lock(&topic->lock);
    while (topic->outstanding > 0 && !is_late)
        is_late = wait_is_over(topic);
    bool is_written = topic->outstanding == 0 && !topic->has_failed;
    if (!is_written)
        fails(reason, topic->has_failed ? topic->failure : "the brokers did not acknowledge it in time");
    mutex_unlock(&topic->lock);
    return is_written;
}

static bool reserve_tickets(struct audit_topic *topic, const char *text, size_t length)
{
    size_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    if (lines <= topic->ticket_capacity)
        return true;
    struct producer_ticket *tickets = mem_realloc(topic->tickets, lines * sizeof(*tickets));
    if (tickets == NULL)
        return false;
    topic->tickets = tickets;
    topic->ticket_capacity = lines;
    return true;
}

static bool topic_write(struct audit_target *target, const char *text, size_t length, bool may_wait, char reason[AUDIT_REASON_SIZE])
{
    struct audit_topic *topic = topic_of(target);
    (void)may_wait;
    if (!reserve_tickets(topic, text, length))
        return fails(reason, "no memory");
    if (!open_user(topic, reason))
        return false;
    mutex_lock(&topic->lock);
    topic->has_failed = false; /* nothing is outstanding */
    topic->deadline_ms = clock_monotonic_ms(NULL) + topic->wait_ms;
    mutex_unlock(&topic->lock);
    bool is_sent = send_lines(topic, text, length, reason);
    bool is_written = is_sent && await(topic, reason);
    if (!is_written)
        close_user(topic);
    return is_written;
}

static void topic_hurry(struct audit_target *target)
{
    struct audit_topic *topic = topic_of(target);
    int64_t soon_ms = clock_monotonic_ms(NULL) + AUDIT_HURRY_MS;
    mutex_lock(&topic->lock);
    topic->wait_ms = topic->wait_ms < AUDIT_HURRY_MS ? topic->wait_ms : AUDIT_HURRY_MS;
    topic->deadline_ms = topic->deadline_ms < soon_ms ? topic->deadline_ms : soon_ms;
    cond_broadcast(&topic->changed);
    mutex_unlock(&topic->lock);
}

static bool topic_sync(struct audit_target *target, char reason[AUDIT_REASON_SIZE])
{
    (void)target, (void)reason;
    return true;
}

/* Life ------------------------------------------------------------------------------------------------------------- */

static void topic_close(struct audit_target *target)
{
    struct audit_topic *topic = topic_of(target);
    close_user(topic);
    if (topic->pool != NULL)
        producer_pool_destroy(topic->pool, clock_monotonic_ms(NULL) + POOL_CLOSE_MS);
    client_config_drop(topic->config);
    cond_destroy(&topic->changed);
    mutex_destroy(&topic->lock);
    mem_free(topic->tickets);
    mem_free(topic->name);
    mem_free(topic->key);
    mem_free(topic);
}

static const struct audit_target_ops topic_ops = {
    .property = "millrace.audit.topic", .write = topic_write,
    .sync = topic_sync, .hurry = topic_hurry, .close = topic_close};

/* Kept for ever, unless somebody decides otherwise: a record that ends by itself after a week is none. */
static int create(const struct audit_setup *setup, struct mr_error **error)
{
    struct mr_error *why = NULL;
    struct string_map *configs = string_map_create();
    if (configs == NULL || !string_map_put(configs, "cleanup.policy", "delete") || !string_map_put(configs, "retention.ms", "-1")) {
        string_map_destroy(configs);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the audit record");
    }
    struct admin_new_topic topic = {.name = setup->topic,
                                    .partitions = 1,
                                    .replication_factor = setup->topic_replication_factor,
                                    .configs = configs};
    enum admin_created created = admin_create_topic(setup->admin, &topic, setup->deadline_ms, &why);
    string_map_destroy(configs);
    bool is_there = created == ADMIN_CREATED || created == ADMIN_EXISTED;
    if (!is_there)
        mr_error_set(error, MR_ERR_CONFIG, "millrace.audit.topic: %s is not there and cannot be created: %s. Create it, or allow this worker "
                     "to", setup->topic, why == NULL ? "no reason was given" : mr_error_message(why));
    mr_error_drop(why);
    return is_there ? 0 : -1;
}

static int ensure(const struct audit_setup *setup, struct mr_error **error)
{
    int32_t partitions = 0;
    if (admin_partition_count(setup->admin, setup->topic, &partitions, setup->deadline_ms, error) != 0)
        return -1;
    return partitions > 0 ? 0 : create(setup, error);
}

struct audit_target *audit_topic_open(const struct audit_setup *setup, struct mr_error **error)
{
    if (ensure(setup, error) != 0)
        return NULL;
    struct audit_topic *topic = mem_calloc(1, sizeof(*topic));
    if (topic == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the audit record");
        return NULL;
    }
    topic->target.ops = &topic_ops;
    topic->wait_ms = setup->topic_wait_ms != 0 ? setup->topic_wait_ms : AUDIT_TOPIC_WAIT_MS;
    mutex_init(&topic->lock);
    cond_init(&topic->changed);
    topic->config = client_config_take(setup->producer);
    topic->name = mem_strdup(setup->topic);
    topic->key = mem_strdup(setup->worker);
    topic->pool = producer_pool_create(setup->graveyard, error);
    if (topic->pool != NULL && topic->name != NULL && topic->key != NULL)
        return &topic->target;
    if (topic->pool != NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the audit record");
    topic_close(&topic->target);
    return NULL;
}
