/* compacted_log_watch.c: is everything there still? A reader at the end of a topic hears nothing when the topic is deleted (for minutes),
 * and never when what it has read is deleted: it would go on while whoever starts later finds nothing. */
#include "kafka/compacted_log_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "kafka/admin_internal.h"

#include "base/bans.h"

#define ASK_TIMEOUT_MS 1000   /* the reader does not read meanwhile */
#define GONE_LOOKS 3          /* while metadata travels through a cluster a topic may be unknown for a moment */

void log_note_leader(struct log_topic *topic, const struct rd_kafka_metadata_topic *found)
{
    topic->leader = found->partition_cnt > 0 ? found->partitions[0].leader : -1;
}

enum log_presence log_topic_presence(struct compacted_log *log, size_t index, int timeout_ms, int32_t *partition_count)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(log->reader->rk, 0, log->topics[index].reading, &metadata, timeout_ms);
    *partition_count = 0;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
        code = metadata->topics[0].err;
        *partition_count = metadata->topics[0].partition_cnt;
        log_note_leader(&log->topics[index], &metadata->topics[0]);
    }
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return LOG_PRESENCE_GONE;
    return code == RD_KAFKA_RESP_ERR_NO_ERROR && *partition_count > 0 ? LOG_PRESENCE_THERE : LOG_PRESENCE_UNKNOWN;
}

/* ---- which topic it is: one that is made anew has another id, and may have as many records ---- */

#if RD_KAFKA_VERSION >= 0x020300ff
/* Brokers before 2.8 give zeros. */
static void copy_id(const struct admin_call *call, char *id)
{
    size_t count = 0;
    const rd_kafka_TopicDescription_t **found =
        rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(call->event), &count);
    if (count != 1 || rd_kafka_error_code(rd_kafka_TopicDescription_error(found[0])) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    const rd_kafka_Uuid_t *uuid = rd_kafka_TopicDescription_topic_id(found[0]);
    if (rd_kafka_Uuid_most_significant_bits(uuid) != 0 || rd_kafka_Uuid_least_significant_bits(uuid) != 0)
        snprintf(id, LOG_TOPIC_ID_SIZE, "%s", rd_kafka_Uuid_base64str(uuid));
}

/* The leader knows best, and others, like the controller, might have to be connected to. */
static void ask_id(struct compacted_log *log, size_t index, int64_t deadline_ms, char *id)
{
    struct admin admin = {log->reader, log->reader->rk};
    const struct log_topic *topic = &log->topics[index];
    const char *name = topic->name;
    char words[160];
    *id = '\0';
    if (topic->leader < 0)
        return;
    rd_kafka_TopicCollection_t *names = rd_kafka_TopicCollection_of_topic_names(&name, 1);
    struct admin_call call;
    admin_call_open(&call, &admin, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, deadline_ms);
    rd_kafka_AdminOptions_set_broker(call.options, topic->leader, words, sizeof words);
    rd_kafka_DescribeTopics(admin.rk, names, call.options, call.queue);
    if (admin_call_wait(&call, name, NULL) == 0)
        copy_id(&call, id);
    admin_call_close(&call);
    rd_kafka_TopicCollection_destroy(names);
}
#else
static void ask_id(struct compacted_log *log, size_t index, int64_t deadline_ms, char *id)
{
    (void)log, (void)index, (void)deadline_ms;
    *id = '\0';
}
#endif

void log_note_ids(struct compacted_log *log, int64_t deadline_ms)
{
    int64_t soon_ms = deadline_after_ms(ASK_TIMEOUT_MS);
    for (size_t i = 0; i < log->topic_count; i++) {
        if (log->topics[i].is_watched && log->topics[i].id[0] == '\0')
            ask_id(log, i, deadline_ms < soon_ms ? deadline_ms : soon_ms, log->topics[i].id);
    }
}

static bool is_another(struct compacted_log *log, size_t index)
{
    char id[LOG_TOPIC_ID_SIZE];
    char *known = log->topics[index].id;
    ask_id(log, index, deadline_after_ms(ASK_TIMEOUT_MS), id);
    if (*known == '\0')
        memcpy(known, id, sizeof id);
    return *id != '\0' && strcmp(id, known) != 0;
}

/* ---- the looks ---- */

/* A topic that is compacted alone keeps its first offset for ever; only who deletes records, or lets them grow old, moves it. */
static void check_beginnings(struct compacted_log *log, size_t index)
{
    struct log_topic *topic = &log->topics[index];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(topic->partition_count);
    char words[160];
    for (int32_t p = 0; p < topic->partition_count; p++)
        rd_kafka_topic_partition_list_add(list, topic->name, p);
    bool asked = log_ask_offsets(log, list, LOG_BEGINNING, ASK_TIMEOUT_MS, NULL) == 0;
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
        if (is_another(log, index))
            log_lost(log, index, 0, COMPACTED_LOG_CUT, "the topic was deleted and created anew");
        else
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
