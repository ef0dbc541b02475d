/* Batches of letters: into the pipeline, where that is wished, and then a transaction of what is left to be written. */
#include "dead_letters/replay_internal.h"

#include <inttypes.h>
#include <millrace/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "dry_run/encode.h"
#include "sdk/record_layout.h"
#include "task/sink_feed.h"

#include "base/bans.h"

#define WRITE_TIMEOUT_MS FENCED_WRITER_TRANSACTION_MS /* less than is left of a request when its replay ends */

void replay_clear(struct replaying *replaying)
{
    for (size_t i = 0; i < replaying->batch_count; i++) {
        mem_free(replaying->batch[i].resend);
        free(replaying->batch[i].value);
    }
    replaying->batch_count = replaying->batch_bytes = 0;
}

/* Into the pipeline ---------------------------------------------------------------------------------------------- */

struct delivery {
    struct record_origin origin;
    struct record_raw_header *headers;
};

static void deliveries_free(struct delivery *deliveries, size_t count)
{
    for (size_t i = 0; deliveries != NULL && i < count; i++)
        mem_free(deliveries[i].headers);
    mem_free(deliveries);
}

/* NULL: no memory. */
static struct delivery *make_deliveries(struct replaying *replaying)
{
    size_t count = replaying->batch_count;
    struct delivery *deliveries = mem_calloc(count, sizeof(*deliveries));
    if (replaying->items == NULL)
        replaying->items = mem_calloc(DEAD_LETTERS_BATCH_MAX, sizeof(*replaying->items));
    bool fine = deliveries != NULL && replaying->items != NULL;
    for (size_t i = 0; fine && i < count; i++) {
        fine = resend_origin(replaying->batch[i].resend, &deliveries[i].origin, &deliveries[i].headers);
        replaying->items[i] = (struct sink_feed_item){.origin = &deliveries[i].origin};
    }
    if (fine)
        return deliveries;
    deliveries_free(deliveries, count);
    return NULL;
}

static void note_result(struct replaying *replaying, size_t i)
{
    struct settled *settled = &replaying->batch[i];
    enum sink_feed_result result = replaying->items[i].result;
    settled->is_left = result == SINK_FEED_OPEN;
    settled->state = result == SINK_FEED_FAILED ? MARK_NONE : MARK_REPLAYED;
}

/* -1: it did not get to its end; each letter knows its result nevertheless. */
static int deliver(struct replaying *replaying, struct mr_error **error)
{
    struct delivery *deliveries = make_deliveries(replaying);
    for (size_t i = 0; deliveries == NULL && i < replaying->batch_count; i++)
        replaying->batch[i].is_left = true;
    if (deliveries == NULL)
        return replay_no_memory(error);
    int status = letters_deliver(replaying->letters, replaying->items, replaying->batch_count, replaying->letters->deadline_ms - REPLAY_END_MS,
                                 error);
    for (size_t i = 0; i < replaying->batch_count; i++) {
        note_result(replaying, i);
        replaying->items[i].origin = NULL;
    }
    deliveries_free(deliveries, replaying->batch_count);
    return status;
}

/* Marks ---------------------------------------------------------------------------------------------------------- */

static json_t *with_way(const struct replaying *replaying, const struct settled *settled, json_t *json)
{
    int32_t attempts = settled->attempts == LETTER_ATTEMPTS_UNKNOWN ? 0 : settled->attempts;
    json = encode_with(json, "attempt", json_integer(attempts + 1));
    if (replaying->selection->into == NULL)
        return encode_with(json, "to", json_string(settled->resend->entry.topic));
    json = encode_with(json, "into", json_string(replaying->selection->into));
    if (settled->state != MARK_NONE)
        return json;
    const struct sink_feed_item *item = &replaying->items[settled - replaying->batch];
    json = encode_with(json, "stage", json_string(item->stage));
    return encode_with(json, "why", encode_text_or_null(item->why));
}

static char *mark_text(const struct replaying *replaying, const struct settled *settled)
{
    char print[20];
    snprintf(print, sizeof(print), "%016" PRIx64, settled->print);
    json_t *json = encode_with(json_object(), "state", json_string(mark_state_name(settled->state)));
    json = encode_with(json, "id", json_string(replaying->id));
    json = encode_with(json, "print", json_string(print));
    if (settled->resend != NULL)
        json = with_way(replaying, settled, json);
    json = encode_with(json, "time", json_integer(clock_wall_ms(NULL)));
    json = encode_with(json, "who", encode_text_or_null(replaying->letters->who));
    return replay_dump(encode_with(json, "reason", encode_text_or_null(replaying->selection->reason)));
}

static struct mr_bytes bytes_of(const char *text)
{
    return (struct mr_bytes){.data = text, .size = strlen(text)};
}

static int write_entries(struct replaying *replaying, char *sum, struct mr_error **error)
{
    struct fenced_writer_entry entries[2 * DEAD_LETTERS_BATCH_MAX + 1];
    struct fenced_writer_place last;
    char key[MARKS_KEY_MAX];
    size_t count = 0;
    for (size_t i = 0; i < replaying->batch_count; i++) {
        struct settled *settled = &replaying->batch[i];
        if (settled->is_left)
            continue;
        free(settled->value);
        settled->value = mark_text(replaying, settled);
        if (settled->value == NULL)
            return replay_no_memory(error);
        if (settled->resend != NULL && replaying->selection->into == NULL)
            entries[count++] = settled->resend->entry;
        entries[count++] = (struct fenced_writer_entry){.key = bytes_of(settled->key), .value = bytes_of(settled->value)};
    }
    marks_replay_key(key, replaying->id);
    entries[count++] = (struct fenced_writer_entry){.key = bytes_of(key), .value = bytes_of(sum)};
    int status = fenced_writer_write(replaying->writer, entries, count, deadline_after_ms(WRITE_TIMEOUT_MS), &last, error);
    if (status != 0 && error != NULL && mr_error_code(*error) == MR_ERR_CONFLICT)
        mr_error_wrap(error, "another replay or discard of these letters has begun meanwhile; when it is done, go on with this id for what is left");
    return status;
}

/* The transaction ------------------------------------------------------------------------------------------------ */

struct counts {
    size_t settled, failed, dropped;
};

static struct counts count_batch(const struct replaying *replaying)
{
    struct counts counts = {0};
    for (size_t i = 0; i < replaying->batch_count; i++) {
        const struct settled *settled = &replaying->batch[i];
        bool is_known = !settled->is_left;
        counts.settled += is_known && settled->state != MARK_NONE;
        counts.failed += is_known && settled->state == MARK_NONE;
        counts.dropped += is_known && replaying->items != NULL && replaying->items[i].result == SINK_FEED_DROPPED;
    }
    return counts;
}

static int tell_failures(struct replaying *replaying, struct mr_error **error)
{
    for (size_t i = 0; i < replaying->batch_count; i++) {
        const struct settled *settled = &replaying->batch[i];
        if (!settled->is_left && settled->state == MARK_NONE &&
            replay_tell_failure(replaying, settled, &replaying->items[i], error) != 0)
            return -1;
    }
    return 0;
}

static int write_counted(struct replaying *replaying, const char *state, struct mr_error **error)
{
    const struct counts counts = count_batch(replaying);
    replaying->settled += counts.settled;
    replaying->failed += counts.failed;
    replaying->dropped += counts.dropped;
    char *sum = replay_dump(replay_sum(replaying, state));
    int status = sum == NULL ? replay_no_memory(error) : write_entries(replaying, sum, error);
    free(sum);
    if (status == 0)
        return tell_failures(replaying, error);
    replaying->settled -= counts.settled;
    replaying->failed -= counts.failed;
    replaying->dropped -= counts.dropped;
    return status;
}

static bool is_all_left(const struct replaying *replaying)
{
    for (size_t i = 0; i < replaying->batch_count; i++)
        if (!replaying->batch[i].is_left)
            return false;
    return true;
}

/* One by one --------------------------------------------------------------------------------------------------- */

/* Too large, or for a topic that may not be written to: the others of the batch are not to wait for it. */
static bool is_a_letters_fault(const struct replaying *replaying, const struct mr_error *why)
{
    return mr_error_code(why) == MR_ERR_DATA && replaying->batch_count > 0 && replaying->selection->into == NULL && !replaying->discards;
}

/* After a transaction that failed. Another replay may have been at it meanwhile, so the marks are read again. */
static int begin_anew(struct replaying *replaying, struct mr_error **error)
{
    fenced_writer_close(replaying->writer);
    replaying->writer = NULL;
    marks_release(&replaying->marks);
    marks_init(&replaying->marks, replaying->id);
    return replay_open_writer(replaying, error) != 0 ? -1 : letters_read_marks(replaying->letters, &replaying->marks, error);
}

static bool has_mark(const struct replaying *replaying, const struct settled *settled)
{
    const struct topic_tail_record record = {.partition = settled->partition, .offset = settled->offset};
    const struct mark *mark = marks_find(&replaying->marks, &(struct letter_view){.record = &record, .print = settled->print});
    return mark != NULL && mark->state != MARK_NONE && (!replaying->selection->again || strcmp(mark->id, replaying->id) == 0);
}

/* The only one of its batch. */
static int write_one(struct replaying *replaying, struct mr_error **error)
{
    struct mr_error *why = NULL;
    const struct settled *settled = &replaying->batch[0];
    if (has_mark(replaying, settled)) {
        replaying->done_before++;
        return 0;
    }
    if (write_counted(replaying, "running", &why) == 0)
        return 0;
    if (!is_a_letters_fault(replaying, why)) {
        *error = why;
        return -1;
    }
    int status = replay_refuse(replaying, settled->partition, settled->offset, mr_error_message(why), error);
    mr_error_drop(why);
    return status != 0 ? -1 : begin_anew(replaying, error);
}

static int write_singly(struct replaying *replaying, const char *state, struct mr_error **error)
{
    struct settled all[DEAD_LETTERS_BATCH_MAX];
    size_t count = replaying->batch_count;
    memcpy(all, replaying->batch, count * sizeof(all[0]));
    replaying->batch_count = 0;
    int status = begin_anew(replaying, error);
    for (size_t i = 0; i < count; i++) {
        replaying->batch[0] = all[i];
        replaying->batch_count = 1;
        if (status == 0 && clock_monotonic_ms(NULL) > replaying->letters->deadline_ms)
            replaying->is_cut = true;
        if (status == 0 && !replaying->is_cut)
            status = write_one(replaying, error);
        replay_clear(replaying);
    }
    return status != 0 ? -1 : write_counted(replaying, replaying->is_cut ? "running" : state, error);
}

/* The whole ---------------------------------------------------------------------------------------------------- */

static int write_batch(struct replaying *replaying, const char *state, struct mr_error **error)
{
    struct mr_error *why = NULL;
    int status = write_counted(replaying, state, &why);
    if (status == 0)
        return 0;
    if (!is_a_letters_fault(replaying, why)) {
        *error = why;
        return -1;
    }
    mr_error_drop(why);
    return write_singly(replaying, state, error);
}

int replay_write(struct replaying *replaying, const char *state, struct mr_error **error)
{
    struct mr_error *halt = NULL;
    bool is_delivered = replaying->selection->into == NULL || replaying->batch_count == 0 || deliver(replaying, &halt) == 0;
    int status = !is_delivered && is_all_left(replaying) ? 0 : write_batch(replaying, is_delivered ? state : "running", error);
    replay_clear(replaying);
    if (status == 0 && !is_delivered) {
        *error = halt;
        return -1;
    }
    mr_error_drop(halt);
    return status;
}
