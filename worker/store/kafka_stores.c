#include "store/kafka_stores.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "kafka/client_config.h"
#include "kafka/compacted_log.h"
#include "kafka/fenced_writer.h"
#include "store/config_store_internal.h"
#include "store/offset_store_internal.h"
#include "store/status_store_internal.h"
#include "base/bans.h"

/* In the order in which they are read and stopped for. */
enum stores_topic { TOPIC_OFFSETS, TOPIC_STATUSES, TOPIC_CONFIGS, TOPIC_COUNT };

/* A status that is not acknowledged by then is sent again, unless a newer one exists. */
#define STATUS_APPEND_TIMEOUT_MS 30000
#define CONFIG_APPEND_TIMEOUT_MS 15000
#define TRANSACTION_LEAST_MS 1000 /* with less time left it is not begun: whether it was committed might not be known by then */

#define TRANSACTIONAL_ID_PREFIX "connect-cluster-"
#define TOO_LITTLE_TIME "config topic: too little time is left to write; nothing was written"

struct kafka_stores {
    struct compacted_log *log;
    struct client_config *fenced_producer; /* NULL: no transactions */
    struct graveyard *graveyard;
    char *transactional_id, *config_topic;
    struct fenced_writer *claim; /* NULL: none is held. Under the config store's turn */
    struct config_store *configs;
    struct status_store *statuses;
    struct offset_store *offsets;
};

/* ---- from the log to the stores: the log-reader thread ---- */

static void on_config(void *argument, const struct compacted_log_record *record)
{
    struct kafka_stores *stores = argument;
    config_store_feed(stores->configs, record->offset, record->key, record->value);
}

static void on_configs_read(void *argument)
{
    struct kafka_stores *stores = argument;
    config_store_publish(stores->configs);
}

static void on_configs_caught_up(void *argument, size_t topic)
{
    struct kafka_stores *stores = argument;
    (void)topic;
    config_store_begin_telling(stores->configs);
}

static void on_configs_lost(void *argument, size_t topic, int32_t partition, enum compacted_log_loss loss,
                            const char *words)
{
    struct kafka_stores *stores = argument;
    (void)topic;
    (void)partition;
    (void)loss;
    config_store_lose(stores->configs, words);
}

static void on_status(void *argument, const struct compacted_log_record *record)
{
    struct kafka_stores *stores = argument;
    status_store_feed(stores->statuses, record->key, record->value);
}

/* The cache goes on from what the writers say next. */
static void on_statuses_lost(void *argument, size_t topic, int32_t partition, enum compacted_log_loss loss,
                             const char *words)
{
    (void)argument;
    (void)topic;
    (void)partition;
    (void)loss;
    log_error("store.status", "status topic: %s; statuses shown are those known before", words);
}

static void on_offset(void *argument, const struct compacted_log_record *record)
{
    struct kafka_stores *stores = argument;
    if (offset_store_feed(stores->offsets, record->key, record->value, record->timestamp_ms) != 0)
        offset_store_lose(stores->offsets, "no memory left to hold it: restart the worker with more");
}

static void on_offsets_lost(void *argument, size_t topic, int32_t partition, enum compacted_log_loss loss,
                            const char *words)
{
    struct kafka_stores *stores = argument;
    (void)topic;
    (void)partition;
    (void)loss;
    offset_store_lose(stores->offsets, words);
}

static const struct compacted_log_listener config_topic_listener = {.on_record = on_config,
                                                                    .on_burst_end = on_configs_read,
                                                                    .on_caught_up = on_configs_caught_up,
                                                                    .on_lost = on_configs_lost};
static const struct compacted_log_listener status_topic_listener = {.on_record = on_status,
                                                                    .on_lost = on_statuses_lost};
static const struct compacted_log_listener offset_topic_listener = {.on_record = on_offset,
                                                                    .on_lost = on_offsets_lost};

/* ---- from the stores to the log ---- */

/* The entries of the records, for mem_free. NULL: no memory. */
static struct compacted_log_entry *entries_of(enum stores_topic topic, const struct store_record *records, size_t count)
{
    struct compacted_log_entry *entries = mem_calloc(count, sizeof(*entries));
    for (size_t i = 0; entries != NULL && i < count; i++)
        entries[i] = (struct compacted_log_entry){.topic = topic, .key = records[i].key, .value = records[i].value};
    return entries;
}

/* Whoever waits is told at the deadline that it timed out: what was not written by then must not be written later. The
 * record itself expires before. */
static int config_append(void *argument, const struct store_record *records, size_t count, int64_t deadline_ms,
                         struct mr_error **error)
{
    struct kafka_stores *stores = argument;
    if (deadline_ms < deadline_after_ms(CONFIG_APPEND_TIMEOUT_MS))
        return mr_error_set(error, MR_ERR_TIMEOUT, TOO_LITTLE_TIME);
    struct compacted_log_entry *entries = entries_of(TOPIC_CONFIGS, records, count);
    if (entries == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "config topic: no memory for a record");
    int status = compacted_log_append_and_read_back(stores->log, entries, count, deadline_ms, error);
    mem_free(entries);
    return status;
}

static void config_renounce(void *argument)
{
    struct kafka_stores *stores = argument;
    fenced_writer_close(stores->claim);
    stores->claim = NULL;
}

static int config_claim(void *argument, int64_t deadline_ms, struct mr_error **error)
{
    struct kafka_stores *stores = argument;
    config_renounce(stores);
    if (stores->fenced_producer == NULL)
        return mr_error_set(error, MR_ERR_NOT_SUPPORTED, "this worker is not set up for transactions");
    stores->claim = fenced_writer_open(&(struct fenced_writer_setup){.config = stores->fenced_producer,
                                                                     .graveyard = stores->graveyard,
                                                                     .transactional_id = stores->transactional_id,
                                                                     .topic = stores->config_topic},
                                       deadline_ms, error);
    return stores->claim != NULL ? 0 : -1;
}

static bool config_is_claimed(void *argument)
{
    struct kafka_stores *stores = argument;
    return stores->claim != NULL;
}

/* One transaction; by the deadline it is written, or never will be, but for a commit that nobody has answered. */
static int config_append_claimed(void *argument, const struct store_record *records, size_t count, int64_t deadline_ms,
                                 struct mr_error **error)
{
    struct kafka_stores *stores = argument;
    struct fenced_writer_place last;
    if (deadline_ms < deadline_after_ms(TRANSACTION_LEAST_MS))
        return mr_error_set(error, MR_ERR_TIMEOUT, TOO_LITTLE_TIME);
    struct fenced_writer_entry *entries = mem_calloc(count, sizeof(*entries));
    if (entries == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "config topic: no memory for a record");
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct fenced_writer_entry){.key = records[i].key, .value = records[i].value};
    int status = fenced_writer_write(stores->claim, entries, count, deadline_ms, &last, error);
    mem_free(entries);
    if (status == 0)
        return compacted_log_read_past(stores->log, TOPIC_CONFIGS, last.partition, last.offset, deadline_ms, error);
    if (!fenced_writer_is_usable(stores->claim))
        config_renounce(stores);
    return -1;
}

static int config_refresh(void *argument, int64_t deadline_ms, struct mr_error **error)
{
    struct kafka_stores *stores = argument;
    return compacted_log_read_to_end(stores->log, TOPIC_CONFIGS, deadline_ms, error);
}

static int status_send(void *argument, const struct store_record *record, status_sent_fn *sent, void *sent_argument,
                       struct mr_error **error)
{
    struct kafka_stores *stores = argument;
    struct compacted_log_entry entry = {.topic = TOPIC_STATUSES, .key = record->key, .value = record->value};
    return compacted_log_append(stores->log, &entry, 1, sent, sent_argument, error);
}

static int status_refresh(void *argument, int64_t deadline_ms, struct mr_error **error)
{
    struct kafka_stores *stores = argument;
    return compacted_log_read_to_end(stores->log, TOPIC_STATUSES, deadline_ms, error);
}

static int offset_append(void *argument, const struct store_record *records, size_t count, offset_done_fn *done,
                         void *done_argument, struct mr_error **error)
{
    struct kafka_stores *stores = argument;
    struct compacted_log_entry *entries = entries_of(TOPIC_OFFSETS, records, count);
    if (entries == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "offset topic: no memory for a record");
    int status = compacted_log_append(stores->log, entries, count, done, done_argument, error);
    mem_free(entries);
    return status;
}

static int offset_refresh(void *argument, int64_t deadline_ms, struct mr_error **error)
{
    struct kafka_stores *stores = argument;
    return compacted_log_read_to_end(stores->log, TOPIC_OFFSETS, deadline_ms, error);
}

static void offset_refresh_then(void *argument, int64_t deadline_ms, offset_done_fn *done, void *done_argument)
{
    struct kafka_stores *stores = argument;
    compacted_log_read_to_end_then(stores->log, TOPIC_OFFSETS, deadline_ms, done, done_argument);
}

/* The log is not theirs to destroy. */
static const struct config_log config_log = {.append = config_append,
                                             .refresh = config_refresh,
                                             .claim = config_claim,
                                             .append_claimed = config_append_claimed,
                                             .is_claimed = config_is_claimed,
                                             .renounce = config_renounce};
static const struct status_log status_log = {.send = status_send, .refresh = status_refresh};
static const struct offset_log offset_log = {
    .append = offset_append, .refresh = offset_refresh, .refresh_then = offset_refresh_then};

/* ---- life ---- */

static struct compacted_log *log_create(struct kafka_stores *stores, const struct kafka_stores_setup *setup,
                                        struct mr_error **error)
{
    struct compacted_log_topic topics[TOPIC_COUNT] = {
        [TOPIC_OFFSETS] = {.name = setup->offset_topic, .listener = &offset_topic_listener, .argument = stores},
        [TOPIC_STATUSES] = {.name = setup->status_topic,
                            .append_timeout_ms = STATUS_APPEND_TIMEOUT_MS,
                            .listener = &status_topic_listener,
                            .argument = stores},
        [TOPIC_CONFIGS] = {.name = setup->config_topic,
                           .append_timeout_ms = CONFIG_APPEND_TIMEOUT_MS,
                           .listener = &config_topic_listener,
                           .argument = stores,
                           .is_watched = true},
    };
    return compacted_log_create(&(struct compacted_log_setup){.consumer = setup->consumer,
                                                              .producer = setup->producer,
                                                              .topics = topics,
                                                              .topic_count = TOPIC_COUNT,
                                                              .graveyard = setup->graveyard,
                                                              .read_committed = setup->read_committed,
                                                              .lease = setup->lease},
                                error);
}

/* false: no memory. */
static bool prepare_claims(struct kafka_stores *stores, const struct kafka_stores_setup *setup)
{
    stores->graveyard = setup->graveyard;
    if (setup->fenced_producer == NULL)
        return true;
    stores->fenced_producer = client_config_take(setup->fenced_producer);
    size_t id_size = sizeof(TRANSACTIONAL_ID_PREFIX) + strlen(setup->group_id);
    stores->transactional_id = mem_alloc(id_size);
    stores->config_topic = mem_strdup(setup->config_topic);
    if (stores->transactional_id != NULL)
        snprintf(stores->transactional_id, id_size, TRANSACTIONAL_ID_PREFIX "%s", setup->group_id);
    return stores->transactional_id != NULL && stores->config_topic != NULL;
}

struct kafka_stores *kafka_stores_create(const struct kafka_stores_setup *setup, struct mr_error **error)
{
    struct kafka_stores *stores = mem_calloc(1, sizeof(*stores));
    if (stores == NULL || !prepare_claims(stores, setup)) {
        kafka_stores_destroy(stores);
        mr_error_set(error, MR_ERR_NO_MEMORY, "stores: no memory");
        return NULL;
    }
    if ((stores->log = log_create(stores, setup, error)) != NULL &&
        (stores->configs = config_store_create(&config_log, stores, error)) != NULL &&
        (stores->statuses = status_store_create(&status_log, stores, NULL, error)) != NULL &&
        (stores->offsets = offset_store_create(&offset_log, stores, error)) != NULL)
        return stores;
    kafka_stores_destroy(stores);
    return NULL;
}

int kafka_stores_start(struct kafka_stores *stores, int64_t deadline_ms, struct mr_error **error)
{
    if (compacted_log_start(stores->log, deadline_ms, error) != 0)
        return -1;
    for (size_t topic = 0; topic < TOPIC_COUNT; topic++) {
        if (compacted_log_catch_up(stores->log, topic, deadline_ms, error) != 0) {
            compacted_log_stop(stores->log, 0);
            return -1;
        }
    }
    return 0;
}

void kafka_stores_stop(struct kafka_stores *stores, int64_t flush_deadline_ms)
{
    struct mr_error *error = NULL;
    if (status_store_flush(stores->statuses, flush_deadline_ms, &error) != 0)
        log_warn("store.status", "%s", mr_error_message(error));
    mr_error_drop(error);
    config_store_renounce(stores->configs);
    compacted_log_stop(stores->log, flush_deadline_ms);
}

void kafka_stores_destroy(struct kafka_stores *stores)
{
    if (stores == NULL)
        return;
    if (stores->log != NULL)
        compacted_log_stop(stores->log, 0);
    status_store_destroy(stores->statuses);
    offset_store_destroy(stores->offsets);
    config_store_destroy(stores->configs);
    compacted_log_destroy(stores->log);
    fenced_writer_close(stores->claim);
    client_config_drop(stores->fenced_producer);
    mem_free(stores->transactional_id);
    mem_free(stores->config_topic);
    mem_free(stores);
}

struct config_store *kafka_stores_configs(struct kafka_stores *stores)
{
    return stores->configs;
}

struct status_store *kafka_stores_statuses(struct kafka_stores *stores)
{
    return stores->statuses;
}

struct offset_store *kafka_stores_offsets(struct kafka_stores *stores)
{
    return stores->offsets;
}
