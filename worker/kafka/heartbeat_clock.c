/* heartbeat_clock.c: see the header. The hooks take no lock and call nothing of librdkafka. */
#include "kafka/heartbeat_clock_internal.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/refcount.h"
#include "kafka/native_internal.h"
#include "metrics/client_metrics.h"

#include "base/bans.h"

/* ApiKeys */
#define JOIN_GROUP 11
#define HEARTBEAT 12
#define SYNC_GROUP 14
#define FROZEN_MS 250      /* a tick older than this: the process may have stood still */

struct heartbeat_clock {
    struct refcount refcount;
    struct client_metrics *metrics;    /* told how long joins take; NULL: nobody is */
    _Atomic uintptr_t main_thread;
    _Atomic int64_t tick_ms;
    _Atomic int64_t gap_at_ms;         /* when the owner last found that it had stood still */
    _Atomic int64_t anchor_ms;         /* of the heartbeat under way */
    _Atomic int64_t answered_at_ms;
    _Atomic int64_t candidate_ms;
    atomic_bool joining;
};

struct heartbeat_clock *heartbeat_clock_create(struct client_metrics *metrics)
{
    struct heartbeat_clock *clock = mem_calloc(1, sizeof *clock);
    if (clock == NULL)
        return NULL;
    refcount_init(&clock->refcount);
    clock->metrics = client_metrics_take(metrics);
    return clock;
}

void heartbeat_clock_drop(struct heartbeat_clock *clock)
{
    if (clock == NULL || !refcount_drop(&clock->refcount))
        return;
    client_metrics_drop(clock->metrics);
    mem_free(clock);
}

/* ---- hooks ---- */

static rd_kafka_resp_err_t on_thread_start(rd_kafka_t *rk, rd_kafka_thread_type_t type, const char *name, void *argument)
{
    struct heartbeat_clock *clock = argument;
    (void)rk, (void)name;
    if (type == RD_KAFKA_THREAD_MAIN)
        atomic_store(&clock->main_thread, (uintptr_t)pthread_self());
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_request_sent(rd_kafka_t *rk, int sockfd, const char *broker, int32_t broker_id,
                                           int16_t key, int16_t version, int32_t correlation, size_t size,
                                           void *argument)
{
    struct heartbeat_clock *clock = argument;
    (void)rk, (void)sockfd, (void)broker, (void)broker_id, (void)version, (void)correlation, (void)size;
    if (key == JOIN_GROUP || key == SYNC_GROUP)
        atomic_store(&clock->joining, true);
    if (key != HEARTBEAT)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    int64_t now_ms = clock_boottime_ms(NULL);
    int64_t answered_at_ms = atomic_load(&clock->answered_at_ms);
    bool frozen = now_ms - atomic_load(&clock->tick_ms) > FROZEN_MS || atomic_load(&clock->gap_at_ms) > answered_at_ms;
    atomic_store(&clock->anchor_ms, frozen ? answered_at_ms : now_ms);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_response_received(rd_kafka_t *rk, int sockfd, const char *broker, int32_t broker_id,
                                                int16_t key, int16_t version, int32_t correlation, size_t size,
                                                int64_t rtt, rd_kafka_resp_err_t code, void *argument)
{
    struct heartbeat_clock *clock = argument;
    (void)rk, (void)sockfd, (void)broker, (void)broker_id, (void)version, (void)correlation, (void)size;
    bool is_second = atomic_load(&clock->main_thread) == (uintptr_t)pthread_self();   /* each is told twice */
    if (key == JOIN_GROUP && code == RD_KAFKA_RESP_ERR_NO_ERROR && is_second)
        client_metrics_joined(clock->metrics, rtt, clock_monotonic_ms(NULL));
    if (key == SYNC_GROUP && code == RD_KAFKA_RESP_ERR_NO_ERROR && is_second)
        client_metrics_synced(clock->metrics, rtt, clock_monotonic_ms(NULL));
    if ((key == JOIN_GROUP || key == SYNC_GROUP) && is_second)
        atomic_store(&clock->joining, false);   /* or librdkafka gave it up */
    if (key != HEARTBEAT || code != RD_KAFKA_RESP_ERR_NO_ERROR || !is_second)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    atomic_store(&clock->candidate_ms, atomic_load(&clock->anchor_ms));
    atomic_store(&clock->answered_at_ms, clock_boottime_ms(NULL));
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *argument, char *words, size_t size)
{
    static const char name[] = "heartbeat-clock";
    struct heartbeat_clock *clock = argument;
    (void)conf, (void)words, (void)size;
    rd_kafka_interceptor_add_on_thread_start(rk, name, on_thread_start, clock);
    rd_kafka_interceptor_add_on_request_sent(rk, name, on_request_sent, clock);
    return rd_kafka_interceptor_add_on_response_received(rk, name, on_response_received, clock);
}

/* ---- the owner ---- */

void heartbeat_clock_install(struct heartbeat_clock *clock, rd_kafka_conf_t *conf)
{
    rd_kafka_conf_interceptor_add_on_new(conf, "heartbeat-clock", on_new, clock);
}

static void drop_hooked(void *clock)
{
    heartbeat_clock_drop(clock);
}

void heartbeat_clock_hook(struct heartbeat_clock *clock, struct native_handle *handle)
{
    refcount_take(&clock->refcount);
    handle->hooked = clock;
    handle->drop_hooked = drop_hooked;
}

void heartbeat_clock_tick(struct heartbeat_clock *clock)
{
    int64_t now_ms = clock_boottime_ms(NULL);
    int64_t before_ms = atomic_load(&clock->tick_ms);
    if (before_ms != 0 && now_ms - before_ms > FROZEN_MS)
        atomic_store(&clock->gap_at_ms, now_ms);
    atomic_store(&clock->tick_ms, now_ms);
}

int64_t heartbeat_clock_candidate(const struct heartbeat_clock *clock)
{
    return atomic_load(&clock->candidate_ms);
}

bool heartbeat_clock_is_joining(const struct heartbeat_clock *clock)
{
    return atomic_load(&clock->joining);
}

void heartbeat_clock_forget(struct heartbeat_clock *clock)
{
    atomic_store(&clock->candidate_ms, 0);
}
