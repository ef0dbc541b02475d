#include "store/connector_offset_store.h"

#include <stdatomic.h>
#include <stdio.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "kafka/compacted_log.h"
#include "store/offset_store_internal.h"
#include "base/bans.h"

#define FLUSH_TIMEOUT_MS 3000 /* a broker that is gone must not hold up the end */
#define WORDS_MAX 1024

struct connector_topic {
    struct compacted_log *log;
    struct offset_store *store;
    char *connector, *name;
    const _Atomic int64_t *flush_until_ms;
};

/* ---- from the log to the store: the log-reader thread ---- */

static void lose(struct connector_topic *topic, const char *why)
{
    char words[WORDS_MAX];
    snprintf(words, sizeof(words), "topic %s of connector %s: %s", topic->name, topic->connector, why);
    offset_store_lose(topic->store, words);
}

static void on_record(void *argument, const struct compacted_log_record *record)
{
    struct connector_topic *topic = argument;
    if (offset_store_feed(topic->store, record->key, record->value, record->timestamp_ms) != 0)
        lose(topic, "no memory left to hold it: restart the worker with more");
}

static void on_lost(void *argument, size_t index, int32_t partition, enum compacted_log_loss loss, const char *words)
{
    (void)index, (void)partition, (void)loss;
    lose(argument, words);
}

static const struct compacted_log_listener listener = {.on_record = on_record, .on_lost = on_lost};

/* ---- from the store to the log ---- */

static int append(void *argument, const struct store_record *records, size_t count, offset_done_fn *done, void *done_argument,
                  struct mr_error **error)
{
    struct connector_topic *topic = argument;
    struct compacted_log_entry *entries = mem_calloc(count, sizeof(*entries));
    if (entries == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "topic %s: no memory for a record", topic->name);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct compacted_log_entry){.key = records[i].key, .value = records[i].value};
    int status = compacted_log_append(topic->log, entries, count, done, done_argument, error);
    mem_free(entries);
    return status;
}

static int refresh(void *argument, int64_t deadline_ms, struct mr_error **error)
{
    struct connector_topic *topic = argument;
    return compacted_log_read_to_end(topic->log, 0, deadline_ms, error);
}

static void refresh_then(void *argument, int64_t deadline_ms, offset_done_fn *done, void *done_argument)
{
    struct connector_topic *topic = argument;
    compacted_log_read_to_end_then(topic->log, 0, deadline_ms, done, done_argument);
}

static void topic_destroy(struct connector_topic *topic)
{
    compacted_log_destroy(topic->log);
    mem_free(topic->connector);
    mem_free(topic->name);
    mem_free(topic);
}

static void end(void *argument)
{
    struct connector_topic *topic = argument;
    int64_t until_ms = deadline_after_ms(FLUSH_TIMEOUT_MS);
    if (topic->flush_until_ms != NULL && atomic_load(topic->flush_until_ms) < until_ms)
        until_ms = atomic_load(topic->flush_until_ms);
    compacted_log_stop(topic->log, until_ms);
    topic_destroy(topic);
}

static const struct offset_log topic_log = {
    .append = append, .refresh = refresh, .refresh_then = refresh_then, .destroy = end};

/* ---- opening ---- */

static struct compacted_log *log_create(struct connector_topic *topic, const struct connector_offset_store_setup *setup,
                                        struct mr_error **error)
{
    struct compacted_log_topic one = {.name = setup->topic, .listener = &listener, .argument = topic};
    return compacted_log_create(&(struct compacted_log_setup){.consumer = setup->consumer,
                                                              .producer = setup->producer,
                                                              .topics = &one,
                                                              .topic_count = 1,
                                                              .graveyard = setup->graveyard,
                                                              .read_committed = setup->read_committed,
                                                              .lease = setup->lease},
                                error);
}

static struct connector_topic *topic_create(const struct connector_offset_store_setup *setup, struct mr_error **error)
{
    struct connector_topic *topic = mem_calloc(1, sizeof(*topic));
    if (topic == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "connector %s: no memory for its offset store", setup->connector);
        return NULL;
    }
    topic->flush_until_ms = setup->flush_until_ms;
    topic->connector = mem_strdup(setup->connector);
    topic->name = mem_strdup(setup->topic);
    if (topic->connector == NULL || topic->name == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "connector %s: no memory for its offset store", setup->connector);
    else
        topic->log = log_create(topic, setup, error);
    if (topic->log != NULL && (topic->store = offset_store_create(&topic_log, topic, error)) != NULL)
        return topic;
    topic_destroy(topic);
    return NULL;
}

struct offset_store *connector_offset_store_open(const struct connector_offset_store_setup *setup, int64_t deadline_ms,
                                                 struct mr_error **error)
{
    struct connector_topic *topic = topic_create(setup, error);
    if (topic == NULL)
        return NULL;
    topic->store->below = setup->worker;
    if (compacted_log_start(topic->log, deadline_ms, error) == 0 && compacted_log_catch_up(topic->log, 0, deadline_ms, error) == 0)
        return topic->store;
    offset_store_destroy(topic->store);
    return NULL;
}
