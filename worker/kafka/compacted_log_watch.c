/* compacted_log_watch.c: is everything there still? A reader at the end of a topic hears nothing when the topic is deleted (for minutes),
 * and never when what it has read is deleted: it would go on while whoever starts later finds nothing. */
#include "kafka/compacted_log_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#include "base/bans.h"

#define ASK_TIMEOUT_MS 1000   /* the reader does not read meanwhile */
#define GONE_LOOKS 3          /* while metadata travels through a cluster a topic may be unknown for a moment */

enum log_presence log_topic_presence(struct compacted_log *log, size_t index, int timeout_ms, int32_t *partition_count)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(log->reader->rk, 0, log->topics[index].reading, &metadata, timeout_ms);
    *partition_count = 0;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
        code = metadata->topics[0].err;
        *partition_count = metadata->topics[0].partition_cnt;
    }
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return LOG_PRESENCE_GONE;
    return code == RD_KAFKA_RESP_ERR_NO_ERROR && *partition_count > 0 ? LOG_PRESENCE_THERE : LOG_PRESENCE_UNKNOWN;
}

/* A topic that is compacted alone keeps its first offset for ever; only who deletes records, or lets them grow old, moves it. */
static void check_beginnings(struct compacted_log *log, size_t index)
{
    struct log_topic *topic = &log->topics[index];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(topic->partition_count);
    char words[160];
    for (int32_t p = 0; p < topic->partition_count; p++)
        rd_kafka_topic_partition_list_add(list, topic->name, p);
    bool asked = log_ask_offsets(log, list, RD_KAFKA_OFFSET_BEGINNING, ASK_TIMEOUT_MS, NULL) == 0;
    for (int i = 0; asked && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *found = &list->elems[i];
        if (found->offset <= topic->partitions[found->partition].start_first)
            continue;
        snprintf(words, sizeof words, "partition %" PRId32 " begins at %" PRId64 ", but did at %" PRId64 ": records were deleted",
                 found->partition, found->offset, topic->partitions[found->partition].start_first);
        log_lost(log, index, found->partition, COMPACTED_LOG_CUT, words);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void look_at(struct compacted_log *log, size_t index)
{
    struct log_topic *topic = &log->topics[index];
    int32_t partition_count;
    switch (log_topic_presence(log, index, ASK_TIMEOUT_MS, &partition_count)) {
    case LOG_PRESENCE_THERE:
        topic->gone_looks = 0;
        check_beginnings(log, index);
        break;
    case LOG_PRESENCE_GONE:
        if (++topic->gone_looks >= GONE_LOOKS)
            log_lost(log, index, 0, COMPACTED_LOG_DELETED, "the topic does not exist any more");
        break;
    case LOG_PRESENCE_UNKNOWN:
        break;
    }
}

int64_t log_watch(struct compacted_log *log)
{
    int64_t now_ms = clock_monotonic_ms(NULL);
    bool is_watched = false;
    if (now_ms < log->next_watch_ms)
        return log->next_watch_ms;
    for (size_t i = 0; i < log->topic_count; i++) {
        if (!log->topics[i].is_watched || atomic_load(&log->topics[i].lost))
            continue;
        is_watched = true;
        if (log->next_watch_ms != 0)   /* not when it has only just begun to read */
            look_at(log, i);
    }
    log->next_watch_ms = is_watched ? deadline_after_ms(log->watch_interval_ms) : DEADLINE_NEVER;
    return log->next_watch_ms;
}
