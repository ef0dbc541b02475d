/* Put, its tries and its parts; and when what it has taken is safe. */
#include <millrace/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "errors/stage.h"
#include "task/sink_feed_internal.h"
#include "task/sink_task.h"
#include "task/sink_task_internal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.feed"
#define ASK_AGAIN_MS 100 /* whether what was taken is safe; doubles … */
#define ASK_AGAIN_MOST_MS 1000 /* … up to here */

/* Put ------------------------------------------------------------------------------------------------------------ */

static int call_put(struct sink_feed *feed, struct mr_record *const *records, size_t count, struct mr_error **why)
{
    feed->wished_delay_ms = 0;
    struct plugin_call before = feed_enter(feed, "put");
    int status = feed->setup.plugin->put(feed->self, records, count, why);
    plugin_call_leave(before);
    if (status == 0)
        mr_error_clear(why);
    return status;
}

static int64_t delay_of(const struct sink_feed *feed, const struct mr_error *why, int64_t doubled_ms)
{
    uint32_t hint_ms = mr_error_retry_after_ms(why);
    if (hint_ms == 0)
        hint_ms = feed->wished_delay_ms;
    return hint_ms != 0 ? hint_ms : doubled_ms < SINK_FEED_AGAIN_MOST_MS ? doubled_ms : SINK_FEED_AGAIN_MOST_MS;
}

/* The same records again while the failure is retriable and there is time. -1: *why. */
static int put_with_tries(struct sink_feed *feed, struct mr_record *const *records, size_t count, struct mr_error **why)
{
    for (int64_t delay_ms = SINK_RETRY_LEAST_MS;; delay_ms *= 2) {
        int status = feed_may_go_on(feed, why) != 0 ? -1 : call_put(feed, records, count, why);
        if (status == 0 || *why == NULL || !mr_error_is_retriable(*why))
            return status;
        int64_t wait_ms = delay_of(feed, *why, delay_ms);
        if (clock_monotonic_ms(NULL) + wait_ms >= feed->deadline_ms)
            return -1;
        log_info(LOG_NAME, "connector %s: put failed and gets the same %zu letters again in %lld ms: %s", feed->connector, count,
                 (long long)wait_ms, mr_error_message(*why));
        mr_error_clear(why);
        feed_pause(feed, wait_ms, feed->deadline_ms);
    }
}

/* In halves, down to the records that are refused alone. */
static int put_part(struct sink_feed *feed, size_t at, size_t end, struct mr_error **error)
{
    struct mr_error *why = NULL;
    struct mr_record *const *records = feed->output.records.items;
    if (at == end || put_with_tries(feed, records + at, end - at, &why) == 0) {
        feed->taken = end;
        return 0;
    }
    bool may_come_later = atomic_load(&feed->is_interrupted) || (why != NULL && mr_error_is_retriable(why));
    if (!feed->setup.isolate || may_come_later || !sink_task_blames_records(why))
        return feed_failed("put", why, error);
    if (end - at == 1) {
        if (why == NULL)
            mr_error_set(&why, MR_ERR_CONNECT, "put failed without a reason");
        feed_give_up(feed, records[at], stage_name(STAGE_TASK_PUT), why);
        mr_error_drop(why);
        feed->taken = end;
        return 0;
    }
    mr_error_drop(why);
    size_t middle = at + (end - at) / 2;
    return put_part(feed, at, middle, error) != 0 ? -1 : put_part(feed, middle, end, error);
}

int feed_put_batch(struct sink_feed *feed, struct mr_error **error)
{
    size_t count = feed->output.records.count;
    feed->taken = 0;
    int status = put_part(feed, 0, count, error);
    feed->put_count = feed->taken == count ? feed->count : feed->output.records.items[feed->taken]->original->owner_index;
    return status;
}

/* Safe ------------------------------------------------------------------------------------------------------------- */

/* The next offset of each partition of what was put, as a task has it. The items are in order. */
static int offer(struct sink_feed *feed, struct mr_error **error)
{
    mr_offsets_clear(feed->offsets);
    for (size_t i = 0; i < feed->put_count; i++) {
        const struct record_origin *origin = feed->items[i]->origin;
        if (mr_offsets_put(feed->offsets, origin->topic, origin->partition, origin->offset + 1) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for offsets");
    }
    return 0;
}

static int ask(struct sink_feed *feed, struct mr_error **error)
{
    const struct mr_sink_task_ops *plugin = feed->setup.plugin;
    const char *call = plugin->pre_commit != NULL ? "pre_commit" : "flush";
    struct mr_error *why = NULL;
    int status = 0;
    if (offer(feed, error) != 0)
        return -1;
    struct plugin_call before = feed_enter(feed, call);
    if (plugin->pre_commit != NULL)
        status = plugin->pre_commit(feed->self, feed->offsets, &why);
    else if (plugin->flush != NULL)
        status = plugin->flush(feed->self, feed->offsets, &why);
    plugin_call_leave(before);
    if (status != 0)
        return feed_failed(call, why, error);
    mr_error_drop(why);
    return 0;
}

/* How many of those that were put are not said to be safe. Whose report came meanwhile has failed. */
static size_t note_safe(struct sink_feed *feed)
{
    size_t left = 0;
    mutex_lock(&feed->lock);
    for (size_t i = 0; i < feed->put_count; i++) {
        struct sink_feed_item *item = feed->items[i];
        const struct record_origin *origin = item->origin;
        if (item->result != SINK_FEED_OPEN)
            continue;
        if (origin->offset < mr_offsets_get(feed->offsets, origin->topic, origin->partition))
            item->result = SINK_FEED_TAKEN;
        else
            left++;
    }
    mutex_unlock(&feed->lock);
    return left;
}

static int be_patient(struct sink_feed *feed, int64_t delay_ms, int64_t until_ms, struct mr_error **error)
{
    struct mr_error *why = NULL;
    feed_pause(feed, delay_ms, until_ms);
    if (feed_may_go_on(feed, error) != 0)
        return -1;
    if (call_put(feed, NULL, 0, &why) != 0 && (why == NULL || !mr_error_is_retriable(why)))
        return feed_failed("put", why, error);
    mr_error_drop(why);
    return 0;
}

int feed_settle(struct sink_feed *feed, struct mr_error **error)
{
    int64_t until_ms = deadline_after_ms(feed->setup.flush_timeout_ms);
    if (until_ms > feed->deadline_ms)
        until_ms = feed->deadline_ms;
    if (feed->taken == 0)
        return 0;
    for (int64_t delay_ms = ASK_AGAIN_MS;; delay_ms = delay_ms * 2 < ASK_AGAIN_MOST_MS ? delay_ms * 2 : ASK_AGAIN_MOST_MS) {
        if (feed_may_go_on(feed, error) != 0 || ask(feed, error) != 0)
            return -1;
        size_t left = note_safe(feed);
        if (left == 0)
            return 0;
        if (clock_monotonic_ms(NULL) >= until_ms)
            return mr_error_set(error, MR_ERR_TIMEOUT, "the connector has taken %zu records and does not say in time that they are safe "
                                "(pre_commit); one that collects many before it writes needs them by way of their topic", left);
        if (be_patient(feed, delay_ms, until_ms, error) != 0)
            return -1;
    }
}
