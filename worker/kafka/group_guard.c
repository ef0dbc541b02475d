/* group_guard.c: what other threads ask a member, and the leader's guard. */
#include "kafka/group_member_internal.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"

#include "base/bans.h"

#define GUARD_AGAIN_MS 50

/* ---- asking ---- */

int64_t group_member_acked_ms(const struct group_member *member)
{
    return atomic_load(&member->acked_ms);
}

bool group_member_owns_partition_0(const struct group_member *member)
{
    return atomic_load(&member->owns_partition_0);
}

uint64_t group_member_epoch(const struct group_member *member)
{
    return atomic_load(&member->epoch);
}

int32_t group_member_generation(const struct group_member *member)
{
    return atomic_load(&member->generation);
}

size_t group_member_id(const struct group_member *member, char *id, size_t size)
{
    struct group_member *locked = (struct group_member *)(uintptr_t)member;
    mutex_lock(&locked->lock);
    int length = snprintf(id, size, "%s", member->id);
    mutex_unlock(&locked->lock);
    return (size_t)length;
}

/* ---- the guard ---- */

static rd_kafka_resp_err_t commit_once(struct group_member *member, int64_t offset, int64_t deadline_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, member->topic, 0)->offset = offset;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(member->rk);
    rd_kafka_resp_err_t code = rd_kafka_commit_queue(member->rk, list, queue, NULL, NULL);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, native_timeout_ms(deadline_ms, 600000));
        code = event != NULL ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
        const rd_kafka_topic_partition_list_t *done =
            event != NULL ? rd_kafka_event_topic_partition_list(event) : NULL;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR && done != NULL && done->cnt == 1)
            code = done->elems[0].err;
        if (event != NULL)
            rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

/* The broker checks the generation, not who owns the partition: a worker that was out and is in again has a good
 * generation, so that partition 0 must have been ours all the time as well. */
int group_member_guard(struct group_member *member, int64_t offset, int64_t deadline_ms, struct mr_error **error)
{
    uint64_t reign = atomic_load(&member->reign);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    while (group_member_owns_partition_0(member)) {
        code = commit_once(member, offset, deadline_ms);
        if (!native_error_is_retriable(code) || clock_monotonic_ms(NULL) + GUARD_AGAIN_MS >= deadline_ms)
            break;
        nanosleep(&(struct timespec){.tv_nsec = GUARD_AGAIN_MS * 1000000L}, NULL);
    }
    if (!group_member_owns_partition_0(member) || atomic_load(&member->reign) != reign)
        return mr_error_set(error, MR_ERR_CONFLICT, "This worker does not lead the group any more");
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    if (native_error_is_retriable(code))
        return mr_error_set(error, MR_ERR_TIMEOUT, "Whether this worker still leads cannot be told: %s",
                            rd_kafka_err2str(code));
    return native_error_set(error, code, "This worker does not lead the group any more");
}
