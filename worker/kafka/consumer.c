/* consumer.c: opening and closing. Events, assignment, reading and commits have files of their own. */
#include "kafka/consumer_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/client_config.h"
#include "kafka/statistics_internal.h"

#include "base/bans.h"

#define CLOSE_POLL_MS 10
#define EVENTS (RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_FETCH)

/* Under librdkafka's queue lock, as the next one. */
static void records_are_ready(rd_kafka_t *rk, void *argument)
{
    struct consumer *consumer = argument;
    (void)rk;
    atomic_store(&consumer->ready, true);
    if (consumer->on_ready != NULL)
        consumer->on_ready(consumer->argument);
}

static void group_is_ready(rd_kafka_t *rk, void *argument)
{
    struct consumer *consumer = argument;
    (void)rk;
    consumer->on_ready(consumer->argument);
}

rd_kafka_topic_partition_list_t *consumer_list_of(const struct consumer_partition *partitions, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, partitions[i].topic, partitions[i].partition)->offset =
            partitions[i].offset;
    return list;
}

/* ---- subscribing ---- */

static rd_kafka_topic_partition_list_t *subscription_of(const struct consumer_subscription *wanted, struct mr_error **error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)wanted->topic_count + 1);
    for (size_t i = 0; i < wanted->topic_count; i++)
        rd_kafka_topic_partition_list_add(list, wanted->topics[i], RD_KAFKA_PARTITION_UA);
    if (wanted->topics_regex == NULL)
        return list;
    char *regex = consumer_regex_translate(wanted->topics_regex, error);
    if (regex == NULL) {
        rd_kafka_topic_partition_list_destroy(list);
        return NULL;
    }
    rd_kafka_topic_partition_list_add(list, regex, RD_KAFKA_PARTITION_UA);
    mem_free(regex);
    return list;
}

int consumer_subscribe(struct consumer *consumer, const struct consumer_subscription *subscription, struct mr_error **error)
{
    rd_kafka_topic_partition_list_t *list = subscription_of(subscription, error);
    if (list == NULL)
        return -1;
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : native_error_set(error, code, "subscribing");
}

/* ---- opening ---- */

/* By itself librdkafka asks a broker for up to 50 MiB at once. No client is opened whose fetches are smaller than the largest
 * message; brokers send a larger batch all the same. */
static void bound_fetches(rd_kafka_conf_t *conf, const struct consumer_setup *setup)
{
    static const uint64_t most = 52428800, message_max = 1000000;
    uint64_t bytes = setup->buffer_bytes_max / CONSUMER_RESPONSE_SHARE;
    char text[24];
    if (setup->buffer_bytes_max == 0 || bytes >= most || client_config_get_native(setup->config, "fetch.max.bytes") != NULL)
        return;
    snprintf(text, sizeof text, "%" PRIu64, bytes > CONSUMER_RESPONSE_BYTES_MIN ? bytes : CONSUMER_RESPONSE_BYTES_MIN);
    if (bytes < message_max)
        native_conf_set(conf, "message.max.bytes", text);
    native_conf_set(conf, "fetch.max.bytes", text);
}

static rd_kafka_t *open_native(const struct consumer *consumer, const struct consumer_setup *setup,
                               struct mr_error **error)
{
    rd_kafka_conf_t *conf = native_conf_create(setup->config, error);
    if (conf == NULL)
        return NULL;
    rd_kafka_conf_set_events(conf, EVENTS | RD_KAFKA_EVENT_STATS);
    statistics_install(conf, setup->metrics);
    if (client_config_get_native(setup->config, "partition.assignment.strategy") == NULL)
        native_conf_set(conf, "partition.assignment.strategy", "range");
    if (setup->instance_id != NULL && client_config_get_native(setup->config, "group.instance.id") == NULL)
        native_conf_set(conf, "group.instance.id", setup->instance_id);
    bound_fetches(conf, setup);
    batch_account_install(consumer->account, conf);
    return native_open(setup->config, RD_KAFKA_CONSUMER, &conf, error);
}

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a consumer");
}

static int open_handle(struct consumer *consumer, const struct consumer_setup *setup, struct mr_error **error)
{
    consumer->account = batch_account_create();
    if (consumer->account == NULL)
        return no_memory(error);
    consumer->rk = open_native(consumer, setup, error);
    if (consumer->rk == NULL)
        return -1;
    consumer->handle = native_handle_create(consumer->rk, setup->graveyard);
    if (consumer->handle == NULL) {
        native_destroy(consumer->rk);
        return no_memory(error);
    }
    batch_account_hook(consumer->account, consumer->handle);
    return 0;
}

struct consumer *consumer_open(const struct consumer_setup *setup, struct mr_error **error)
{
    struct consumer *consumer = mem_calloc(1, sizeof *consumer);
    if (consumer == NULL) {
        client_metrics_close(setup->metrics);
        client_metrics_drop(setup->metrics);
        no_memory(error);
        return NULL;
    }
    if (open_handle(consumer, setup, error) != 0) {
        batch_account_drop(consumer->account);
        client_metrics_close(setup->metrics);
        client_metrics_drop(setup->metrics);
        mem_free(consumer);
        return NULL;
    }
    rd_kafka_t *rk = consumer->rk;
    consumer->metrics = setup->metrics;
    consumer->on_ready = setup->on_ready;
    consumer->argument = setup->argument;
    rd_kafka_poll_set_consumer(rk);
    consumer->queue = rd_kafka_queue_get_consumer(rk);
    consumer->records = rd_kafka_queue_new(rk);
    rd_kafka_queue_cb_event_enable(consumer->records, records_are_ready, consumer);
    if (setup->on_ready != NULL)
        rd_kafka_queue_cb_event_enable(consumer->queue, group_is_ready, consumer);
    return consumer;
}

/* ---- closing ---- */

/* Whatever comes now is answered by letting go. */
static void serve_closing(struct consumer *consumer, rd_kafka_queue_t *queue, int timeout_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
    if (event == NULL)
        return;
    native_rebalance_decline(consumer->rk, event);
    rd_kafka_event_destroy(event);
}

static bool is_member(rd_kafka_t *rk)
{
    char *id = rd_kafka_memberid(rk);
    bool member = id != NULL && *id != '\0';
    rd_kafka_mem_free(rk, id);
    return member;
}

static void leave(struct consumer *consumer, int64_t deadline_ms)
{
    rd_kafka_unsubscribe(consumer->rk);
    while (clock_monotonic_ms(NULL) < deadline_ms && is_member(consumer->rk))
        serve_closing(consumer, consumer->queue, CLOSE_POLL_MS);
}

/* What is not over at the deadline goes on in the graveyard. */
static void close_native(struct consumer *consumer, int64_t deadline_ms)
{
    rd_kafka_error_t *failure = rd_kafka_consumer_close_queue(consumer->rk, consumer->queue);
    if (failure != NULL) {   /* fatal (a fenced member), or closing already: nothing is left to be done */
        rd_kafka_error_destroy(failure);
        return;
    }
    while (!rd_kafka_consumer_closed(consumer->rk) && clock_monotonic_ms(NULL) < deadline_ms)
        serve_closing(consumer, consumer->queue, CLOSE_POLL_MS);
    if (rd_kafka_consumer_closed(consumer->rk))
        return;
    log_warn(CONSUMER_LOGGER, "%s: the brokers did not answer its leaving in time; it is closed in the background",
             rd_kafka_name(consumer->rk));
    consumer->handle->closing_queue = consumer->queue;
    consumer->queue = NULL;
}

static void forget_events(struct consumer *consumer)
{
    if (consumer->rebalance != NULL) {
        native_rebalance_decline(consumer->rk, consumer->rebalance);
        rd_kafka_event_destroy(consumer->rebalance);
    }
    if (consumer->last_event != NULL)
        rd_kafka_event_destroy(consumer->last_event);
    mr_error_drop(consumer->event_error);
    mr_error_drop(consumer->failure);
}

void consumer_close(struct consumer *consumer, enum consumer_close_mode mode, int64_t deadline_ms)
{
    if (consumer == NULL)
        return;
    rd_kafka_queue_cb_event_enable(consumer->queue, NULL, NULL);
    rd_kafka_queue_cb_event_enable(consumer->records, NULL, NULL);
    consumer_readers_clear(consumer);
    rd_kafka_queue_destroy(consumer->records);
    forget_events(consumer);
    if (mode == CONSUMER_CLOSE_LEAVE)
        leave(consumer, deadline_ms);
    close_native(consumer, deadline_ms);
    if (consumer->queue != NULL)
        rd_kafka_queue_destroy(consumer->queue);
    native_handle_drop(consumer->handle);
    client_metrics_close(consumer->metrics);
    client_metrics_drop(consumer->metrics);
    mem_free(consumer->readers);
    mem_free(consumer->event_partitions);
    mem_free(consumer->scratch);
    mem_free(consumer->spare);
    batch_account_drop(consumer->account);
    mem_free(consumer);
}
