/* Records for the pipeline, made of what was consumed before; which of them fail, and who says so. */
#include <millrace/error.h>
#include <millrace/record.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "errors/stage.h"
#include "errors/tolerance.h"
#include "sdk/future_host.h"
#include "task/sink_feed_internal.h"

#include "base/bans.h"

/* Copies --------------------------------------------------------------------------------------------------------- */

/* Null stays null; nothing is not null. false: no memory. */
static bool copy(struct mr_arena *arena, struct mr_bytes from, struct mr_bytes *to)
{
    *to = from;
    if (from.data == NULL)
        return true;
    char *made = mr_arena_alloc(arena, from.size + 1);
    if (made == NULL)
        return false;
    memcpy(made, from.data, from.size);
    made[from.size] = '\0';
    to->data = made;
    return true;
}

static const char *copy_text(struct mr_arena *arena, const char *text)
{
    struct mr_bytes made;
    return copy(arena, (struct mr_bytes){.data = text, .size = strlen(text)}, &made) ? made.data : NULL;
}

static bool copy_headers(struct mr_arena *arena, const struct record_origin *from, struct record_origin *to)
{
    struct record_raw_header *headers = mr_arena_alloc(arena, (from->header_count + 1) * sizeof(*headers));
    for (uint32_t i = 0; headers != NULL && i < from->header_count; i++) {
        headers[i].key = copy_text(arena, from->headers[i].key);
        if (headers[i].key == NULL || !copy(arena, from->headers[i].value, &headers[i].value))
            return false;
    }
    to->headers = headers;
    return headers != NULL;
}

/* A plugin may keep the batch for as long as it likes. */
static int add_record(struct mr_batch *batch, const struct record_origin *from, uint32_t index, struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    struct record_origin origin = *from;
    origin.topic = record == NULL ? NULL : copy_text(arena, from->topic);
    if (origin.topic == NULL || !copy(arena, from->key, &origin.key) || !copy(arena, from->value, &origin.value) ||
        !copy_headers(arena, from, &origin) || record_set_origin(record, &origin) != 0)
        return mr_arena_failed(arena, error);
    record->owner_index = index;
    return 0;
}

static struct mr_batch *batch_of(struct sink_feed *feed, struct mr_error **error)
{
    struct mr_batch *batch = batch_pool_take(feed->pool);
    if (batch == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a batch of records");
        return NULL;
    }
    arena_set_limit(mr_batch_arena(batch), SINK_FEED_ARENA_MAX);
    batch->share_bytes = SINK_FEED_ARENA_MAX;
    batch->work_bytes_max = 2 * SINK_FEED_ARENA_MAX;
    for (size_t i = 0; i < feed->count; i++) {
        if (add_record(batch, feed->items[i]->origin, (uint32_t)i, error) != 0) {
            mr_batch_drop(batch);
            return NULL;
        }
    }
    return batch;
}

/* Failures ------------------------------------------------------------------------------------------------------- */

/* Of the batch at hand; NULL: the record is of an earlier one, or none that was fed. With the lock. */
static struct sink_feed_item *item_of(const struct sink_feed *feed, const struct mr_record *record)
{
    const struct mr_record *entry = record->original;
    return feed->batch != NULL && entry->batch == feed->batch && entry->owner_index < feed->count ? feed->items[entry->owner_index] : NULL;
}

static void fail(struct sink_feed_item *item, const char *stage, const struct mr_error *why)
{
    int size = 0;
    if (item->result == SINK_FEED_FAILED)
        return;
    item->result = SINK_FEED_FAILED;
    item->stage = stage;
    for (; why != NULL && size < SINK_FEED_WHY_MAX; why = mr_error_cause(why))
        size += snprintf(item->why + size, SINK_FEED_WHY_MAX - (size_t)size, "%s%s", size == 0 ? "" : "; caused by: ", mr_error_message(why));
}

void feed_give_up(struct sink_feed *feed, const struct mr_record *record, const char *stage, const struct mr_error *why)
{
    mutex_lock(&feed->lock);
    struct sink_feed_item *item = item_of(feed, record);
    if (item != NULL)
        fail(item, stage, why);
    mutex_unlock(&feed->lock);
}

void feed_on_failed(void *argument, const struct operation *operation, const struct mr_error *why)
{
    struct sink_feed *feed = argument;
    if (tolerance_is_own_trouble(operation, why)) /* which ends the pipeline's run */
        return;
    if (!mr_error_is_retriable(why))
        feed_give_up(feed, operation->record, stage_name(operation->stage), why);
    else if (feed->halt == NULL)
        feed->halt = mr_error_copy(why);
}

static int report(void *owner, const struct mr_record *record, const struct mr_error *reason, struct mr_future **future,
                  struct mr_error **error)
{
    struct sink_feed *feed = owner;
    struct mr_future *done = future == NULL ? NULL : future_create(0);
    if (future != NULL && done == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a report");
    mutex_lock(&feed->lock);
    struct sink_feed_item *item = item_of(feed, record);
    if (item != NULL)
        fail(item, stage_name(STAGE_TASK_PUT), reason);
    mutex_unlock(&feed->lock);
    if (item == NULL) {
        mr_future_drop(done);
        return mr_error_set(error, MR_ERR_ILLEGAL_STATE, "the record was said to be safe, or was never put");
    }
    if (future != NULL)
        *future = done;
    return 0;
}

const struct errant_reporter_host feed_errant_host = {.report = report};

/* The pipeline --------------------------------------------------------------------------------------------------- */

/* What is neither there to be put nor failed was dropped. */
static void note_dropped(struct sink_feed *feed)
{
    for (size_t i = 0; i < feed->count; i++)
        if (feed->items[i]->result == SINK_FEED_OPEN)
            feed->items[i]->result = SINK_FEED_DROPPED;
    for (size_t i = 0; i < feed->output.records.count; i++)
        feed->items[feed->output.records.items[i]->original->owner_index]->result = SINK_FEED_OPEN;
}

int feed_make_batch(struct sink_feed *feed, struct mr_error **error)
{
    struct mr_batch *batch = batch_of(feed, error);
    if (batch == NULL)
        return -1;
    mutex_lock(&feed->lock);
    feed->batch = batch;
    mutex_unlock(&feed->lock);
    if (sink_pipeline_run(feed->pipeline, batch, &feed->output, error) != 0)
        return -1;
    if (feed->halt != NULL) {
        *error = feed->halt;
        feed->halt = NULL;
        return mr_error_wrap(error, "a stage failed that may work later");
    }
    note_dropped(feed);
    return 0;
}

void feed_drop_batch(struct sink_feed *feed)
{
    feed->output.records.count = 0;
    mr_error_clear(&feed->halt);
    mutex_lock(&feed->lock);
    struct mr_batch *batch = feed->batch;
    feed->batch = NULL;
    mutex_unlock(&feed->lock);
    mr_batch_drop(batch);
}
