#include "task/sink_feed.h"

#include <millrace/error.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "errors/tolerance.h"
#include "sdk/config_host.h"
#include "sdk/plugin_metrics.h"
#include "sdk/waker_host.h"
#include "task/sink_feed_internal.h"

#include <millrace/host.h>

#include "base/bans.h"

#define LOG_NAME "millrace.task.feed"
#define BATCHES_IDLE_MAX 1
#define LOOK_MS 50 /* how often a wait looks whether it is interrupted */

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a sink's records");
}

int feed_failed(const char *call, struct mr_error *why, struct mr_error **error)
{
    if (why == NULL)
        mr_error_set(&why, MR_ERR_CONNECT, "%s failed without a reason", call);
    *error = why;
    return mr_error_wrap(error, "%s of the connector failed", call);
}

int feed_may_go_on(const struct sink_feed *feed, struct mr_error **error)
{
    if (!atomic_load(&feed->is_interrupted))
        return 0;
    return mr_error_set(error, MR_ERR_TIMEOUT, "it was given up, since the connector took too long");
}

void feed_pause(const struct sink_feed *feed, int64_t duration_ms, int64_t deadline_ms)
{
    int64_t until_ms = deadline_after_ms(duration_ms);
    until_ms = until_ms < deadline_ms ? until_ms : deadline_ms;
    for (int64_t now_ms = clock_monotonic_ms(NULL); now_ms < until_ms && !atomic_load(&feed->is_interrupted);
         now_ms = clock_monotonic_ms(NULL)) {
        int64_t wait_ms = until_ms - now_ms < LOOK_MS ? until_ms - now_ms : LOOK_MS;
        nanosleep(&(struct timespec){.tv_nsec = wait_ms * 1000000}, NULL);
    }
}

/* What the plugin may ask ------------------------------------------------------------------------------------- */

static const struct mr_offsets *assignment(const void *owner)
{
    return ((const struct sink_feed *)owner)->assignment;
}

static int take_pause(void *owner, const char *topic, int32_t partition, struct mr_error **error)
{
    (void)owner, (void)topic, (void)partition, (void)error;
    return 0;
}

static void retry_after_ms(void *owner, uint32_t delay_ms)
{
    ((struct sink_feed *)owner)->wished_delay_ms = delay_ms;
}

static bool is_stopping(const void *owner)
{
    return atomic_load(&((const struct sink_feed *)owner)->is_interrupted);
}

/* A commit follows each call anyway; seeking is left out on purpose. */
static const struct sink_context_host context_host = {
    .assignment = assignment,
    .pause = take_pause,
    .resume = take_pause,
    .retry_after_ms = retry_after_ms,
    .is_stopping = is_stopping,
};

/* Whoever puts looks by itself. */
static void wake_nobody(void *argument)
{
    (void)argument;
}

/* Partitions --------------------------------------------------------------------------------------------------- */

/* -1: no memory. */
static int note_partitions(struct sink_feed *feed)
{
    mr_offsets_clear(feed->offsets);
    for (size_t i = 0; i < feed->count; i++) {
        const struct record_origin *origin = feed->items[i]->origin;
        if (mr_offsets_get(feed->assignment, origin->topic, origin->partition) != -1 ||
            mr_offsets_get(feed->offsets, origin->topic, origin->partition) != -1)
            continue;
        if (mr_offsets_put(feed->offsets, origin->topic, origin->partition, origin->offset) != 0)
            return -1;
    }
    for (size_t i = 0; i < mr_offsets_count(feed->offsets); i++)
        if (mr_offsets_put(feed->assignment, mr_offsets_topic(feed->offsets, i), mr_offsets_partition(feed->offsets, i),
                           mr_offsets_offset(feed->offsets, i)) != 0)
            return -1;
    return 0;
}

int feed_open_partitions(struct sink_feed *feed, struct mr_error **error)
{
    struct mr_error *why = NULL;
    if (note_partitions(feed) != 0)
        return no_memory(error);
    if (mr_offsets_count(feed->offsets) == 0 || feed->setup.plugin->open == NULL)
        return 0;
    struct plugin_call before = feed_enter(feed, "open");
    int status = feed->setup.plugin->open(feed->self, feed->offsets, &why);
    plugin_call_leave(before);
    if (status != 0)
        return feed_failed("open", why, error);
    mr_error_drop(why);
    return 0;
}

/* What it answers changes nothing any more. */
static void close_partitions(struct sink_feed *feed)
{
    struct mr_error *why = NULL;
    if (mr_offsets_count(feed->assignment) == 0 || feed->setup.plugin->close == NULL)
        return;
    struct plugin_call before = feed_enter(feed, "close");
    feed->setup.plugin->close(feed->self, feed->assignment, &why);
    plugin_call_leave(before);
    mr_error_drop(why);
}

/* Life --------------------------------------------------------------------------------------------------------- */

static int make_pipeline(struct sink_feed *feed, struct mr_error **error)
{
    const struct sink_feed_setup *setup = &feed->setup;
    int64_t timeout_ms = setup->retry_timeout_ms;
    if (timeout_ms < 0 || timeout_ms > SINK_FEED_RETRY_MOST_MS)
        timeout_ms = SINK_FEED_RETRY_MOST_MS;
    const struct error_settings settings = {
        .retry_timeout_ms = timeout_ms, .retry_delay_max_ms = setup->retry_delay_max_ms, .tolerate_all = true};
    feed->tolerance = tolerance_create(&(struct tolerance_setup){.connector = feed->connector,
                                                                 .task = setup->number,
                                                                 .settings = &settings,
                                                                 .failed = feed_on_failed,
                                                                 .failed_argument = feed},
                                       error);
    if (feed->tolerance == NULL)
        return -1;
    struct sink_pipeline_setup pipeline = *setup->pipeline;
    pipeline.tolerance = feed->tolerance;
    feed->pipeline = sink_pipeline_create(&pipeline, error);
    feed->setup.pipeline = NULL;
    return feed->pipeline == NULL ? -1 : 0;
}

static int make_parts(struct sink_feed *feed, struct mr_error **error)
{
    feed->errant = (struct mr_errant_reporter){.host = &feed_errant_host, .owner = feed};
    feed->connector = mem_strdup(feed->setup.connector);
    feed->assignment = offsets_create();
    feed->offsets = offsets_create();
    feed->pool = batch_pool_create(&(struct batch_pool_setup){.batch_limit_bytes = SIZE_MAX / 2, .idle_max = BATCHES_IDLE_MAX});
    feed->context = (struct mr_sink_context){
        .host = &context_host,
        .owner = feed,
        .connector = feed->connector,
        .task = feed->setup.number,
        .waker = waker_create(&(struct waker_setup){.wake = wake_nobody}),
        .metrics = plugin_metrics_create(),
        .errant = &feed->errant,
    };
    if (feed->connector == NULL || feed->assignment == NULL || feed->offsets == NULL || feed->pool == NULL ||
        feed->context.waker == NULL || feed->context.metrics == NULL)
        return no_memory(error);
    return make_pipeline(feed, error);
}

struct sink_feed *sink_feed_create(const struct sink_feed_setup *setup, struct mr_error **error)
{
    struct sink_feed *feed = mem_calloc(1, sizeof(*feed));
    if (feed == NULL) {
        mr_config_destroy(setup->config);
        no_memory(error);
        return NULL;
    }
    feed->setup = *setup;
    mutex_init(&feed->lock);
    mutex_init(&feed->plugin_lock);
    sink_output_init(&feed->output);
    if (make_parts(feed, error) == 0)
        return feed;
    sink_feed_destroy(feed);
    return NULL;
}

static int prepare_and_start(struct sink_feed *feed, struct mr_error **error)
{
    const struct mr_sink_task_ops *plugin = feed->setup.plugin;
    struct mr_error *why = NULL;
    if (plugin->prepare != NULL) {
        struct plugin_call before = feed_enter(feed, "prepare");
        int status = plugin->prepare(feed->self, feed->setup.config, &why);
        plugin_call_leave(before);
        if (status != 0)
            return feed_failed("prepare", why, error);
        mr_error_clear(&why);
    }
    if (feed_may_go_on(feed, error) != 0)
        return -1;
    struct plugin_call before = feed_enter(feed, "start");
    int status = plugin->start(feed->self, feed->setup.config, &why);
    plugin_call_leave(before);
    if (status != 0)
        return feed_failed("start", why, error);
    mr_error_drop(why);
    return 0;
}

int sink_feed_start(struct sink_feed *feed, struct mr_error **error)
{
    struct mr_error *why = NULL;
    if (feed_may_go_on(feed, error) != 0)
        return -1;
    log_info(LOG_NAME, "connector %s: letters go into its pipeline, by a task of their own with the configuration of task %u", feed->connector,
             feed->setup.number);
    struct plugin_call before = feed_enter(feed, "create");
    void *self = feed->setup.plugin->create(&feed->context, &why);
    plugin_call_leave(before);
    if (self == NULL)
        return feed_failed("create", why, error);
    mr_error_drop(why);
    mutex_lock(&feed->plugin_lock);
    feed->self = self;
    mutex_unlock(&feed->plugin_lock);
    return prepare_and_start(feed, error);
}

void sink_feed_interrupt(struct sink_feed *feed)
{
    struct plugin_call before = feed_enter(feed, "request_stop");
    atomic_store(&feed->is_interrupted, true);
    tolerance_cancel(feed->tolerance);
    mutex_lock(&feed->plugin_lock);
    if (feed->self != NULL && feed->setup.plugin->request_stop != NULL)
        feed->setup.plugin->request_stop(feed->self);
    mutex_unlock(&feed->plugin_lock);
    plugin_call_leave(before);
}

static void stop_plugin(struct sink_feed *feed)
{
    if (feed->self == NULL)
        return;
    close_partitions(feed);
    mutex_lock(&feed->plugin_lock); /* from here on no request_stop comes */
    void *self = feed->self;
    feed->self = NULL;
    mutex_unlock(&feed->plugin_lock);
    struct plugin_call before = feed_enter(feed, "stop");
    feed->setup.plugin->stop(self);
    plugin_call_leave(before);
    before = feed_enter(feed, "destroy");
    feed->setup.plugin->destroy(self);
    plugin_call_leave(before);
}

void sink_feed_destroy(struct sink_feed *feed)
{
    if (feed == NULL)
        return;
    stop_plugin(feed);
    if (feed->context.waker != NULL)
        waker_detach(feed->context.waker);
    mr_waker_drop(feed->context.waker);
    plugin_metrics_destroy(feed->context.metrics);
    sink_output_release(&feed->output);
    sink_pipeline_destroy(feed->pipeline);
    tolerance_destroy(feed->tolerance, 0);
    batch_pool_destroy(feed->pool);
    offsets_destroy(feed->assignment);
    offsets_destroy(feed->offsets);
    mr_config_destroy(feed->setup.config);
    mutex_destroy(&feed->lock);
    mutex_destroy(&feed->plugin_lock);
    mem_free(feed->connector);
    mem_free(feed);
}

/* One call ------------------------------------------------------------------------------------------------------ */

/* qsort is not stable: letters of one record keep the order they were given in. */
static int compare(const void *one, const void *other)
{
    struct sink_feed_item *const *a = one, *const *b = other;
    const struct record_origin *first = (*a)->origin, *second = (*b)->origin;
    int by_topic = strcmp(first->topic, second->topic);
    if (by_topic != 0)
        return by_topic;
    if (first->partition != second->partition)
        return first->partition < second->partition ? -1 : 1;
    if (first->offset != second->offset)
        return first->offset < second->offset ? -1 : 1;
    return *a < *b ? -1 : *a > *b;
}

static int feed_all(struct sink_feed *feed, struct mr_error **error)
{
    if (feed_may_go_on(feed, error) != 0 || feed_open_partitions(feed, error) != 0 || feed_may_go_on(feed, error) != 0 ||
        feed_make_batch(feed, error) != 0)
        return -1;
    if (feed_put_batch(feed, error) == 0)
        return feed_settle(feed, error);
    struct mr_error *why = NULL; /* of what was put before: it stays open, as the rest */
    feed_settle(feed, &why);
    mr_error_drop(why);
    return -1;
}

int sink_feed_put(struct sink_feed *feed, struct sink_feed_item *items, size_t count, int64_t deadline_ms, struct mr_error **error)
{
    feed->items = mem_alloc((count + 1) * sizeof(*feed->items));
    if (feed->items == NULL)
        return no_memory(error);
    for (size_t i = 0; i < count; i++) {
        items[i].result = SINK_FEED_OPEN;
        items[i].stage = NULL;
        items[i].why[0] = '\0';
        feed->items[i] = &items[i];
    }
    qsort(feed->items, count, sizeof(*feed->items), compare);
    feed->count = count;
    feed->deadline_ms = deadline_ms;
    int status = feed_all(feed, error);
    feed_drop_batch(feed);
    mem_free(feed->items);
    feed->items = NULL;
    feed->count = 0;
    return status;
}
