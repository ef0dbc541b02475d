/* compacted_log.c: the object and its life; reading, waiting and appending have files of their own. */
#include "kafka/compacted_log_internal.h"

#include <assert.h>
#include <stdint.h>
#include <unistd.h>

#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "kafka/client_config.h"
#include "kafka/graveyard.h"

#include "base/bans.h"

static bool topics_init(struct compacted_log *log, const struct compacted_log_setup *setup)
{
    for (size_t i = 0; i < setup->topic_count; i++) {
        const struct compacted_log_topic *from = &setup->topics[i];
        struct log_topic *topic = &log->topics[i];
        assert(from->listener != NULL && from->listener->on_record != NULL);
        topic->name = mem_strdup(from->name);
        topic->append_timeout_ms = from->append_timeout_ms;
        topic->listener = from->listener;
        topic->argument = from->argument;
        topic->is_watched = from->is_watched;
        log->topic_count++;
        if (topic->name == NULL)
            return false;
    }
    return true;
}

struct compacted_log *compacted_log_create(const struct compacted_log_setup *setup, struct mr_error **error)
{
    assert(setup->topic_count > 0 && setup->topic_count <= COMPACTED_LOG_TOPICS_MAX);
    assert(setup->producer != NULL || !setup->read_committed);   /* the reader's handle cannot ask for LOG_END then */
    struct compacted_log *log = mem_calloc(1, sizeof *log);
    if (log == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the log of internal topics");
        return NULL;
    }
    mutex_init(&log->lock);
    log->graveyard = setup->graveyard;
    log->read_committed = setup->read_committed;
    log->lease = setup->lease;
    log->watch_interval_ms = setup->watch_interval_ms != 0 ? setup->watch_interval_ms : COMPACTED_LOG_WATCH_INTERVAL_MS;
    log->consumer_config = client_config_take(setup->consumer);
    if (setup->producer != NULL)
        log->producer_config = client_config_take(setup->producer);
    log->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (log->wake_fd < 0 || !topics_init(log, setup)) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory or no file descriptor for the log of internal topics");
        compacted_log_destroy(log);
        log = NULL;
    }
    return log;
}

static void close_handles(struct compacted_log *log)
{
    for (size_t i = 0; i < log->topic_count; i++) {
        struct log_topic *topic = &log->topics[i];
        if (topic->reading != NULL)
            rd_kafka_topic_destroy(topic->reading);
        if (topic->writing != NULL)
            rd_kafka_topic_destroy(topic->writing);
        topic->reading = topic->writing = NULL;
    }
    if (log->queue != NULL)
        rd_kafka_queue_destroy(log->queue);
    if (log->reports != NULL)
        rd_kafka_queue_destroy(log->reports);
    log->queue = log->reports = NULL;
    native_handle_drop(log->reader);
    native_handle_drop(log->writer);
    log->reader = log->writer = NULL;
}

static void set_running(struct compacted_log *log, bool running)
{
    mutex_lock(&log->lock);
    log->running = running;
    mutex_unlock(&log->lock);
}

int compacted_log_start(struct compacted_log *log, int64_t deadline_ms, struct mr_error **error)
{
    int status = log_reader_open(log, deadline_ms, error);
    if (status == 0 && log->producer_config != NULL)
        status = log_writer_open(log, error);
    if (status == 0) {
        set_running(log, true);
        status = log_reader_start(log, error);
    }
    if (status == 0 && log->producer_config != NULL)
        status = log_writer_start(log, error);
    if (status != 0)
        compacted_log_stop(log, 0);
    return status;
}

void compacted_log_stop(struct compacted_log *log, int64_t flush_deadline_ms)
{
    mutex_lock(&log->lock);
    bool first = !log->stopping;
    log->stopping = true;
    log->running = false;
    log->flush_deadline_ms = flush_deadline_ms;
    mutex_unlock(&log->lock);
    if (!first)
        return;
    log_writer_stop(log);
    log_reader_stop(log);
    close_handles(log);
}

void compacted_log_destroy(struct compacted_log *log)
{
    if (log == NULL)
        return;
    compacted_log_stop(log, 0);
    for (size_t i = 0; i < log->topic_count; i++) {
        mem_free(log->topics[i].name);
        mem_free(log->topics[i].partitions);
    }
    if (log->wake_fd >= 0)
        close(log->wake_fd);
    client_config_drop(log->consumer_config);
    client_config_drop(log->producer_config);
    mutex_destroy(&log->lock);
    mem_free(log);
}

int32_t compacted_log_partition_count(const struct compacted_log *log, size_t topic)
{
    return log->topics[topic].partition_count;
}

int64_t compacted_log_position(const struct compacted_log *log, size_t topic, int32_t partition)
{
    const struct log_topic *of = &log->topics[topic];
    if (partition < 0 || partition >= of->partition_count)
        return 0;
    return atomic_load(&of->partitions[partition].position);
}

bool compacted_log_is_caught_up(const struct compacted_log *log, size_t topic)
{
    return atomic_load(&log->topics[topic].caught_up);
}
