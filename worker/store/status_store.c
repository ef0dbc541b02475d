#include "store/status_store_internal.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/thread.h"
#include "store/status_records_internal.h"
#include "store/status_sender_internal.h"
#include "store/status_table_internal.h"
#include "base/bans.h"

struct status_store {
    const struct status_log *log;
    void *log_argument;
    const struct clock *clock;
    struct status_sender *sender;
    pthread_mutex_t lock;         /* for the table */
    struct status_table *table;
    _Atomic uint32_t topics_epoch;
};

/* Another worker that said something under a greater generation knows better. */
static bool may_write(void *argument, const struct status_message *message)
{
    struct status_store *store = argument;
    mutex_lock(&store->lock);
    const struct unit_status *known =
        message->is_task ? status_table_task(store->table, message->connector, message->task)
                         : status_table_connector(store->table, message->connector);
    bool may = known == NULL || strcmp(known->worker_id, message->worker_id) == 0 ||
               known->generation <= message->generation;
    mutex_unlock(&store->lock);
    return may;
}

struct status_store *status_store_create(const struct status_log *log, void *argument, const struct clock *clock,
                                         struct mr_error **error)
{
    struct status_store *store = mem_calloc(1, sizeof(*store));
    if (store != NULL) {
        store->table = status_table_create();
        store->sender = status_sender_create(log, argument, may_write, store);
    }
    if (store == NULL || store->table == NULL || store->sender == NULL) {
        if (store != NULL) {
            status_table_destroy(store->table);
            status_sender_destroy(store->sender);
        }
        mem_free(store);
        mr_error_set(error, MR_ERR_NO_MEMORY, "status store: no memory");
        return NULL;
    }
    mutex_init(&store->lock);
    store->log = log;
    store->log_argument = argument;
    store->clock = clock;
    return store;
}

void status_store_destroy(struct status_store *store)
{
    if (store == NULL)
        return;
    status_sender_destroy(store->sender);
    if (store->log->destroy != NULL)
        store->log->destroy(store->log_argument);
    status_table_destroy(store->table);
    mutex_destroy(&store->lock);
    mem_free(store);
}

void status_store_feed(struct status_store *store, struct mr_bytes key, struct mr_bytes value)
{
    mutex_lock(&store->lock);
    bool done = status_table_apply(store->table, key, value);
    atomic_store(&store->topics_epoch, status_table_topics_removed(store->table));
    mutex_unlock(&store->lock);
    if (!done)
        log_error("store.status", "no memory for a status: what is shown may be old");
}

/* ---- writing ---- */

/* Takes key and value; a value that nothing was written to is a tombstone. */
static void put(struct status_store *store, struct status_message *message, struct str_buffer *key,
                struct str_buffer *value)
{
    struct store_record record = {0};
    bool is_tombstone = value->length == 0 && !str_buffer_failed(value);
    record.key.data = str_buffer_take(key, &record.key.size);
    if (!is_tombstone)
        record.value.data = str_buffer_take(value, &record.value.size);
    bool put_it = record.key.data != NULL && (is_tombstone || record.value.data != NULL) &&
                  status_sender_put(store->sender, &record, message);
    if (!put_it)
        log_error("store.status", "connector %s: no memory to write a status", message->connector);
    mem_free((void *)record.key.data);
    mem_free((void *)record.value.data);
}

static void put_unit(struct status_store *store, struct status_message *message, const struct unit_status *status,
                     enum status_care care)
{
    struct str_buffer key, value;
    str_buffer_init(&key, RECORD_TEXT_MAX);
    str_buffer_init(&value, RECORD_TEXT_MAX);
    if (message->is_task)
        status_key_task(&key, message->connector, message->task);
    else
        status_key_connector(&key, message->connector);
    if (status->state != UNIT_DESTROYED)
        status_value(&value, status);
    message->is_safe = care == STATUS_SAFE;
    message->worker_id = status->worker_id;
    message->generation = status->generation;
    put(store, message, &key, &value);
}

void status_store_put_connector(struct status_store *store, const char *connector, const struct unit_status *status,
                                enum status_care care)
{
    put_unit(store, &(struct status_message){.connector = connector}, status, care);
}

void status_store_put_task(struct status_store *store, const char *connector, uint32_t task,
                           const struct unit_status *status, enum status_care care)
{
    struct status_message message = {.connector = connector, .is_task = true, .task = task};
    put_unit(store, &message, status, care);
}

static void put_topic(struct status_store *store, const char *connector, const char *topic,
                      const struct topic_status *status)
{
    struct status_message message = {.connector = connector};
    struct str_buffer key, value;
    str_buffer_init(&key, RECORD_TEXT_MAX);
    str_buffer_init(&value, RECORD_TEXT_MAX);
    status_key_topic(&key, connector, topic);
    if (status != NULL)
        status_value_topic(&value, connector, status);
    put(store, &message, &key, &value);
}

void status_store_put_topic(struct status_store *store, const char *connector, const char *topic, uint32_t task)
{
    mutex_lock(&store->lock);
    bool known = status_table_has_topic(store->table, connector, topic);
    mutex_unlock(&store->lock);
    if (known)
        return;
    put_topic(store, connector, topic,
              &(struct topic_status){.topic = topic, .task = task, .discovered_ms = clock_wall_ms(store->clock)});
}

void status_store_remove_topic(struct status_store *store, const char *connector, const char *topic)
{
    put_topic(store, connector, topic, NULL);
}

void status_store_remove_all(struct status_store *store, const char *connector)
{
    static const struct unit_status destroyed = {.state = UNIT_DESTROYED, .worker_id = ""};
    size_t topic_count = 0;
    struct status_view *view = status_store_view(store, connector);
    struct topic_status *topics = status_store_topics(store, connector, &topic_count);
    if (view == NULL || topics == NULL)
        log_error("store.status", "connector %s: no memory to remove its statuses", connector);
    for (size_t i = 0; view != NULL && i < view->task_count; i++)
        status_store_put_task(store, connector, view->tasks[i].task, &destroyed, STATUS_CERTAIN);
    if (view != NULL && view->connector != NULL)
        status_store_put_connector(store, connector, &destroyed, STATUS_CERTAIN);
    for (size_t i = 0; topics != NULL && i < topic_count; i++)
        status_store_remove_topic(store, connector, topics[i].topic);
    status_view_destroy(view);
    status_topics_destroy(topics);
}

const _Atomic uint32_t *status_store_topics_epoch(const struct status_store *store)
{
    return &store->topics_epoch;
}

int status_store_flush(struct status_store *store, int64_t deadline_ms, struct mr_error **error)
{
    return status_sender_flush(store->sender, deadline_ms, error);
}

int status_store_refresh(struct status_store *store, int64_t deadline_ms, struct mr_error **error)
{
    return store->log->refresh(store->log_argument, deadline_ms, error);
}

/* ---- reading ---- */

struct status_view *status_store_view(struct status_store *store, const char *connector)
{
    mutex_lock(&store->lock);
    struct status_view *view = status_table_view(store->table, connector);
    mutex_unlock(&store->lock);
    return view;
}

struct topic_status *status_store_topics(struct status_store *store, const char *connector, size_t *count)
{
    mutex_lock(&store->lock);
    struct topic_status *topics = status_table_topics(store->table, connector, count);
    mutex_unlock(&store->lock);
    return topics;
}

char **status_store_connectors(struct status_store *store, size_t *count)
{
    mutex_lock(&store->lock);
    char **names = status_table_connectors(store->table, count);
    mutex_unlock(&store->lock);
    return names;
}
