/* group_guard.c: what other threads ask a member, and the leader's guard. */
#include "kafka/group_member_internal.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/lease.h"
#include "base/thread.h"
#include "kafka/heartbeat_clock_internal.h"

#include "base/bans.h"

#define GUARD_AGAIN_MS 50
#define GUARD_LOOK_MS 10 /* at whether the answer has to wait for that to our JoinGroup */

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

/* A generation that has just ended is no verdict: who still owns partition 0 asks again in the next. */
static bool may_pass(rd_kafka_resp_err_t code)
{
    return native_error_is_retriable(code) || code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION;
}

/* While our JoinGroup is under way the broker answers nothing else on that connection, for as long as it waits for the others (for
 * one that has died: until its session is over). Nobody can have got partition 0 meanwhile: of a cooperative group only who has
 * joined again without it loses it, or who is put out, and that takes longer than the lease. */
static bool is_sure_meanwhile(const struct group_member *member, const struct lease *lease)
{
    return lease != NULL && heartbeat_clock_is_joining(member->clock) && group_member_owns_partition_0(member) &&
           lease_is_valid(lease, NULL);
}

static rd_kafka_resp_err_t code_of(rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const rd_kafka_topic_partition_list_t *done = rd_kafka_event_topic_partition_list(event);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR && done != NULL && done->cnt == 1 ? done->elems[0].err : code;
}

static rd_kafka_resp_err_t wait_for_answer(const struct group_member *member, rd_kafka_queue_t *queue,
                                           const struct lease *lease, int64_t deadline_ms)
{
    while (clock_monotonic_ms(NULL) < deadline_ms && !atomic_load(&member->leave_wanted)) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, native_timeout_ms(deadline_ms, GUARD_LOOK_MS));
        if (event != NULL) {
            rd_kafka_resp_err_t code = code_of(event);
            rd_kafka_event_destroy(event);
            return code;
        }
        if (is_sure_meanwhile(member, lease))
            return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    return RD_KAFKA_RESP_ERR__TIMED_OUT;
}

static rd_kafka_resp_err_t commit_once(struct group_member *member, int64_t offset, const struct lease *lease,
                                       int64_t deadline_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, member->topic, 0)->offset = offset;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(member->rk);
    rd_kafka_resp_err_t code = rd_kafka_commit_queue(member->rk, list, queue, NULL, NULL);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = wait_for_answer(member, queue, lease, deadline_ms);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(list);
    if (may_pass(code) && is_sure_meanwhile(member, lease))
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    return code;
}

/* The broker checks the generation, not who owns the partition: a worker that was out and is in again has a good
 * generation, so that partition 0 must have been ours all the time as well. */
int group_member_guard(struct group_member *member, int64_t offset, const struct lease *lease, int64_t deadline_ms,
                       struct mr_error **error)
{
    uint64_t reign = atomic_load(&member->reign);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT; /* who leaves asks nothing */
    while (group_member_owns_partition_0(member) && !atomic_load(&member->leave_wanted)) {
        code = commit_once(member, offset, lease, deadline_ms);
        if (!may_pass(code) || clock_monotonic_ms(NULL) + GUARD_AGAIN_MS >= deadline_ms)
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
