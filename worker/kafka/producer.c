/* producer.c: one producer: its handle, and its beginning and end. What its thread does is in producer_poll.c. */
#include "kafka/producer_internal.h"

#include <stdlib.h>
#include <unistd.h>

#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/thread.h"
#include "kafka/client_config.h"
#include "kafka/statistics_internal.h"
#include "metrics/registry.h"

#include "base/bans.h"

/* Records to a topic that is not there come back soon: we ask for it, and hold them, better than librdkafka's queue does. */
#define PROPAGATION_MS "3000"
#define TRANSACTION_TIMEOUT_MS "60000"   /* as Java's producer */

static size_t record_bytes_max_of(const struct client_config *config)
{
    const char *text = client_config_get_native(config, "message.max.bytes");
    return text != NULL ? (size_t)strtoull(text, NULL, 10) : 1000000;
}

/* How long a topic may be unknown. */
static int64_t asking_max_of(const struct client_config *config)
{
    const char *text = client_config_get_native(config, "message.timeout.ms");
    long long delivery_ms = text != NULL ? strtoll(text, NULL, 10) : 0;
    int64_t most_ms = client_config_max_block_ms(config);
    return delivery_ms > 0 && delivery_ms < most_ms ? delivery_ms : most_ms;
}

/* librdkafka wants no record to outlive its transaction. */
static void set_transactional(const struct client_config *config, rd_kafka_conf_t *conf)
{
    const char *transaction = client_config_get_native(config, "transaction.timeout.ms");
    const char *message = client_config_get_native(config, "message.timeout.ms");
    if (transaction == NULL)
        transaction = TRANSACTION_TIMEOUT_MS;
    long long message_ms = message != NULL ? strtoll(message, NULL, 10) : 0;
    native_conf_set(conf, "enable.idempotence", "true");
    native_conf_set(conf, "transaction.timeout.ms", transaction);
    if (message_ms == 0 || message_ms > strtoll(transaction, NULL, 10))
        native_conf_set(conf, "message.timeout.ms", transaction);
}

int producer_open_handle(struct producer *producer, struct native_handle **handle, struct mr_error **error)
{
    rd_kafka_conf_t *conf = native_conf_create(producer->config, error);
    if (conf == NULL)
        return -1;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS);
    statistics_install(conf, producer->metrics);
    /* As Java's producer: asking for a topic creates it where the broker is set to do so. */
    native_conf_set(conf, "allow.auto.create.topics", "true");
    native_conf_set(conf, "topic.metadata.propagation.max.ms", PROPAGATION_MS);
    if (producer->transactional_id != NULL)
        set_transactional(producer->config, conf);
    rd_kafka_t *rk = native_open(producer->config, RD_KAFKA_PRODUCER, &conf, error);
    if (rk == NULL)
        return -1;
    *handle = native_handle_create(rk, producer->pool->graveyard);
    if (*handle == NULL) {
        native_destroy(rk);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a producer");
    }
    producer->queue = rd_kafka_queue_get_main(rk);
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(producer->queue, producer->wake_fd, &one, sizeof one);
    return 0;
}

void producer_wake(struct producer *producer)
{
    uint64_t one = 1;
    if (write(producer->wake_fd, &one, sizeof one) < 0)
        return;   /* the counter is full: it is awake */
}

static struct producer *producer_new(struct producer_pool *pool, struct client_config *config)
{
    struct producer *producer = mem_calloc(1, sizeof *producer);
    if (producer == NULL)
        return NULL;
    producer->pool = pool;
    producer->config = client_config_take(config);
    producer->transactional_id = client_config_get_native(config, "transactional.id");
    producer->metrics = metrics_registry_add_client(atomic_load(&pool->registry), CLIENT_METRICS_PRODUCER,
                                                    client_config_client_id(config));
    producer->bytes_max = client_config_buffer_bytes(config);
    producer->record_bytes_max = record_bytes_max_of(config);
    producer->asking_max_ms = asking_max_of(config);
    producer->waiting_end = &producer->waiting;
    pthread_rwlock_init(&producer->swap_lock, NULL);
    mutex_init(&producer->lock);
    cond_init(&producer->settled);
    producer->topics = pointer_map_create(producer_topic_destroy);
    producer->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return producer;
}

struct producer *producer_create(struct producer_pool *pool, struct client_config *config, struct mr_error **error)
{
    char why[128];
    struct producer *producer = producer_new(pool, config);
    if (producer == NULL || producer->topics == NULL || producer->wake_fd < 0) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory or no file descriptor for a producer");
        producer_destroy(producer);
        return NULL;
    }
    if (producer_open_handle(producer, &producer->handle, error) != 0) {
        producer_destroy(producer);
        return NULL;
    }
    struct thread_setup thread = {.name = "producer", .run = producer_poll_run, .argument = producer};
    if (!thread_start(&producer->poll_thread, &thread, why, sizeof why)) {
        mr_error_set(error, MR_ERR_CONNECT, "%s", why);
        producer_destroy(producer);
        return NULL;
    }
    pthread_detach(producer->poll_thread);   /* it ends itself; the pool counts it */
    return producer;
}

/* Nobody knows it any more. Topic handles go before the handle they belong to. */
void producer_destroy(struct producer *producer)
{
    if (producer == NULL)
        return;
    pointer_map_destroy(producer->topics);
    if (producer->queue != NULL) {
        rd_kafka_queue_io_event_enable(producer->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(producer->queue);
    }
    native_handle_drop(producer->handle);
    if (producer->wake_fd >= 0)
        close(producer->wake_fd);
    pthread_rwlock_destroy(&producer->swap_lock);
    cond_destroy(&producer->settled);
    mutex_destroy(&producer->lock);
    client_metrics_close(producer->metrics);
    client_metrics_drop(producer->metrics);
    client_config_drop(producer->config);
    mem_free(producer);
}
