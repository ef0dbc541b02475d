/* admin_positions.c: where in partitions a time is, and where they begin and end. */
#include "kafka/admin_internal.h"

#include "base/bans.h"

#define WAIT_MAX_MS 600000

static rd_kafka_topic_partition_list_t *list_of(const struct admin_position *positions, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, positions[i].topic, positions[i].partition)->offset = positions[i].time_ms;
    return list;
}

/* The list keeps its order. */
static int take_offsets(struct admin_position *positions, const rd_kafka_topic_partition_list_t *list, struct mr_error **error)
{
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *found = &list->elems[i];
        if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return native_error_set(error, found->err, "offsets of %s-%d by time", found->topic, (int)found->partition);
        positions[i].offset = found->offset >= 0 ? found->offset : -1;
    }
    return 0;
}

int admin_find_positions(struct admin *admin, struct admin_position *positions, size_t count, int64_t deadline_ms,
                         struct mr_error **error)
{
    int status;
    if (count == 0)
        return 0;
    rd_kafka_topic_partition_list_t *list = list_of(positions, count);
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(admin->rk, list, native_timeout_ms(deadline_ms, WAIT_MAX_MS));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && native_error_code(code) == MR_ERR_TIMEOUT)
        status = native_silence_set(error, admin->rk, "offsets by time");
    else if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        status = native_error_set(error, code, "offsets of %s-%d%s by time", positions[0].topic, (int)positions[0].partition,
                                  count > 1 ? " and others" : "");
    else
        status = take_offsets(positions, list, error);
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}
