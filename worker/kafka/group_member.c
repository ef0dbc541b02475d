/* group_member.c: the thread that holds the membership. The guard is in group_guard.c.
 *
 * The partition is assigned at its end and paused at once: nothing is read of it. A member without a partition gets no
 * event when it loses its membership, so the member id is looked at on every tick as well. */
#include "kafka/group_member_internal.h"

#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "kafka/client_config.h"
#include "kafka/heartbeat_clock_internal.h"
#include "kafka/native_internal.h"
#include "kafka/statistics_internal.h"
#include "metrics/registry.h"

#include "base/bans.h"

#define LOGGER "kafka.group_member"
#define CLOSE_TIMEOUT_MS 2000
#define JOINING_LOOK_MS 500
#define EVENTS (RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_FETCH | \
                RD_KAFKA_EVENT_STATS)

/* ---- what happens in the group; thread: group-member ---- */

static void set_owner(struct group_member *member, bool owns)
{
    if (atomic_exchange(&member->owns_partition_0, owns) != owns)
        atomic_fetch_add(&member->reign, 1);
}

static void lose(struct group_member *member)
{
    heartbeat_clock_forget(member->clock);
    atomic_store(&member->acked_ms, 0);
    set_owner(member, false);
    if (!member->is_member)
        return;
    member->is_member = false;
    if (!member->unsubscribed)
        client_metrics_lost(member->metrics);
    atomic_fetch_add(&member->epoch, 1);
    if (member->listener->on_lost != NULL && !member->unsubscribed)
        member->listener->on_lost(member->argument);
}

static bool holds_partition_0(const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; list != NULL && i < list->cnt; i++) {
        if (list->elems[i].partition == 0)
            return true;
    }
    return false;
}

static void warn_of(rd_kafka_error_t *failure)
{
    if (failure == NULL)
        return;
    log_debug(LOGGER, "%s", rd_kafka_error_string(failure));
    rd_kafka_error_destroy(failure);
}

/* librdkafka tells the generation only inside the metadata it makes for transactions: "CGMDv2:", then the number. */
static int32_t ask_generation(rd_kafka_t *rk)
{
    static const char magic[] = "CGMDv2:";
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata(rk);
    void *bytes = NULL;
    size_t size = 0;
    int32_t generation = -1;
    if (metadata == NULL)
        return generation;
    warn_of(rd_kafka_consumer_group_metadata_write(metadata, &bytes, &size));
    if (bytes != NULL && size >= sizeof magic - 1 + sizeof generation && memcmp(bytes, magic, sizeof magic - 1) == 0)
        memcpy(&generation, (const char *)bytes + sizeof magic - 1, sizeof generation);
    rd_kafka_mem_free(rk, bytes);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    return generation;
}

static bool note_id(struct group_member *member)
{
    char *id = rd_kafka_memberid(member->rk);   /* a round trip to librdkafka's main thread */
    bool present = id != NULL && *id != '\0';
    mutex_lock(&member->lock);
    snprintf(member->id, sizeof member->id, "%s", present ? id : "");
    mutex_unlock(&member->lock);
    rd_kafka_mem_free(member->rk, id);
    return present;
}

/* Another id than at the assignment, or none: the group has dropped us. Without partitions to revoke nothing else says so. */
static bool look_at_id(struct group_member *member)
{
    bool present = note_id(member);
    if (member->is_member && strcmp(member->id, member->assigned_id) != 0)
        lose(member);
    return present;
}

static void take_assigned(struct group_member *member, rd_kafka_topic_partition_list_t *list)
{
    look_at_id(member);   /* dropped and joined anew at once: this may come before any other look */
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = RD_KAFKA_OFFSET_END;
    warn_of(rd_kafka_incremental_assign(member->rk, list));
    if (list->cnt > 0)
        rd_kafka_pause_partitions(member->rk, list);
    if (holds_partition_0(list))
        set_owner(member, true);
    member->is_member = true;
    snprintf(member->assigned_id, sizeof member->assigned_id, "%s", member->id);
    atomic_store(&member->generation, ask_generation(member->rk));
    atomic_fetch_add(&member->epoch, 1);
    if (member->listener->on_assigned != NULL)
        member->listener->on_assigned(member->argument, atomic_load(&member->owns_partition_0));
}

static void take_revoked(struct group_member *member, const rd_kafka_topic_partition_list_t *list)
{
    bool lost = rd_kafka_assignment_lost(member->rk) != 0;
    if (lost) {
        lose(member);
    } else if (holds_partition_0(list) && atomic_load(&member->owns_partition_0)) {
        if (member->listener->on_revoked != NULL)
            member->listener->on_revoked(member->argument);
        set_owner(member, false);
        atomic_fetch_add(&member->epoch, 1);
    }
    warn_of(rd_kafka_incremental_unassign(member->rk, list));
}

static void serve_rebalance(struct group_member *member, rd_kafka_event_t *event)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        take_assigned(member, list);
    else
        take_revoked(member, list);
}

static bool is_hopeless(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL || code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT ||
           code == RD_KAFKA_RESP_ERR_INVALID_GROUP_ID || code == RD_KAFKA_RESP_ERR__FATAL;
}

static void fail(struct group_member *member, rd_kafka_resp_err_t code, const char *words)
{
    struct mr_error *error = NULL;
    member->has_failed = true;
    lose(member);
    if (code == RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL)
        mr_error_set(&error, MR_ERR_CONFLICT, "The worker cannot join its group: members of another kind are in it, "
                     "probably Kafka Connect workers of the JVM; stop them, or choose another group.id");
    else if (code == RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT)
        mr_error_set(&error, MR_ERR_CONFIG, "The worker cannot join its group: the brokers do not accept "
                     "session.timeout.ms; see group.min.session.timeout.ms there");
    else
        mr_error_set(&error, MR_ERR_CONNECT, "The worker cannot join its group: %s", words);
    if (member->listener->on_failed != NULL)
        member->listener->on_failed(member->argument, error);
    mr_error_drop(error);
}

static void serve_error(struct group_member *member, rd_kafka_resp_err_t code, const char *words)
{
    if (is_hopeless(code) && !member->has_failed)
        fail(member, code, words);
    else if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_debug(LOGGER, "%s", words);
}

/* Records of the config topic may slip in before the pause; only errors count. */
static void serve_fetch(struct group_member *member, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message;
    while ((message = rd_kafka_event_message_next(event)) != NULL) {
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            serve_error(member, message->err, rd_kafka_message_errstr(message));
    }
}

static void serve(struct group_member *member, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_REBALANCE:
        serve_rebalance(member, event);
        break;
    case RD_KAFKA_EVENT_ERROR:
        serve_error(member, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
        break;
    case RD_KAFKA_EVENT_FETCH:
        serve_fetch(member, event);
        break;
    case RD_KAFKA_EVENT_STATS:
        statistics_take(member->metrics, rd_kafka_event_stats(event));
        break;
    default:
        break;
    }
}

/* ---- the lease; thread: group-member ---- */

/* The candidate is read before the id: an id that is there afterwards, and the same, proves that the answer was a good one. */
static bool renew(struct group_member *member)
{
    int64_t candidate_ms = heartbeat_clock_candidate(member->clock);
    bool present = look_at_id(member);
    bool counts = present && member->is_member && !member->has_failed && !atomic_load(&member->leave_wanted);
    if (counts && candidate_ms != atomic_load(&member->acked_ms))
        client_metrics_heartbeat(member->metrics, clock_monotonic_ms(NULL));
    atomic_store(&member->acked_ms, counts ? candidate_ms : 0);
    if (!present)
        lose(member);
    return present;
}

/* ---- the thread ---- */

static void poll_group(struct group_member *member)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(member->queue, GROUP_MEMBER_TICK_MS);
    heartbeat_clock_tick(member->clock);
    while (event != NULL) {
        serve(member, event);
        rd_kafka_event_destroy(event);
        event = rd_kafka_queue_poll(member->queue, 0);
    }
}

static void begin_to_leave(struct group_member *member)
{
    member->unsubscribed = true;
    atomic_store(&member->acked_ms, 0);
    rd_kafka_unsubscribe(member->rk);
}

static void say_left(struct group_member *member)
{
    mutex_lock(&member->lock);
    member->has_left = true;
    cond_broadcast(&member->changed);
    mutex_unlock(&member->lock);
}

/* An id that is gone means that LeaveGroup is on its way; the close waits for its answer. */
static void close_native(struct group_member *member)
{
    int64_t deadline_ms = deadline_after_ms(CLOSE_TIMEOUT_MS);
    rd_kafka_error_t *failure = rd_kafka_consumer_close_queue(member->rk, member->queue);
    if (failure != NULL) {
        rd_kafka_error_destroy(failure);
        return;
    }
    while (!rd_kafka_consumer_closed(member->rk) && clock_monotonic_ms(NULL) < deadline_ms) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(member->queue, 10);
        if (event != NULL && rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            serve_rebalance(member, event);
        if (event != NULL)
            rd_kafka_event_destroy(event);
    }
}

static void *member_run(void *argument)
{
    struct group_member *member = argument;
    bool left = false;
    while (!left && !atomic_load(&member->close_wanted)) {
        poll_group(member);
        if (atomic_load(&member->leave_wanted) && !member->unsubscribed)
            begin_to_leave(member);
        bool present = renew(member);
        /* A first JoinGroup has no member id yet: the group makes one for it, whatever we do. */
        left = member->unsubscribed && !present && !heartbeat_clock_is_joining(member->clock);
        if (member->listener->on_tick != NULL)
            member->listener->on_tick(member->argument, atomic_load(&member->acked_ms));
    }
    atomic_store(&member->acked_ms, 0);
    if (left) {
        close_native(member);
        say_left(member);
    }
    return NULL;
}

/* ---- opening and closing ---- */

static rd_kafka_t *open_native(struct group_member *member, const struct group_member_setup *setup,
                               struct mr_error **error)
{
    char words[256];
    rd_kafka_conf_t *conf = native_conf_create(setup->config, error);
    if (conf == NULL)
        return NULL;
    if (setup->client_id != NULL &&
        rd_kafka_conf_set(conf, "client.id", setup->client_id, words, sizeof words) != RD_KAFKA_CONF_OK) {
        mr_error_set(error, MR_ERR_CONFIG, "client.id '%s': %s", setup->client_id, words);
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_events(conf, EVENTS);
    statistics_install(conf, member->metrics);
    heartbeat_clock_install(member->clock, conf);
    return native_open(setup->config, RD_KAFKA_CONSUMER, &conf, error);
}

static int join(struct group_member *member, struct mr_error **error)
{
    char why[128];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, member->topic, RD_KAFKA_PARTITION_UA);
    heartbeat_clock_tick(member->clock);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(member->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return native_error_set(error, code, "joining the worker's group");
    struct thread_setup thread = {.name = "group-member", .run = member_run, .argument = member};
    return thread_start(&member->thread, &thread, why, sizeof why) ? 0
                                                                   : mr_error_set(error, MR_ERR_CONNECT, "%s", why);
}

static void member_free(struct group_member *member)
{
    if (member->queue != NULL)
        rd_kafka_queue_destroy(member->queue);
    native_handle_drop(member->handle);
    heartbeat_clock_drop(member->clock);
    client_metrics_close(member->metrics);
    client_metrics_drop(member->metrics);
    cond_destroy(&member->changed);
    mutex_destroy(&member->lock);
    mem_free(member->topic);
    mem_free(member);
}

static int open_handle(struct group_member *member, const struct group_member_setup *setup, struct mr_error **error)
{
    member->clock = heartbeat_clock_create(member->metrics);
    member->topic = mem_strdup(setup->topic);
    if (member->clock == NULL || member->topic == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the group member");
    rd_kafka_t *rk = open_native(member, setup, error);
    if (rk == NULL)
        return -1;
    member->handle = native_handle_create(rk, setup->graveyard);
    if (member->handle == NULL) {
        native_destroy(rk);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the group member");
    }
    heartbeat_clock_hook(member->clock, member->handle);
    member->rk = rk;
    rd_kafka_poll_set_consumer(rk);
    member->queue = rd_kafka_queue_get_consumer(rk);
    return 0;
}

struct group_member *group_member_open(const struct group_member_setup *setup, struct mr_error **error)
{
    struct group_member *member = mem_calloc(1, sizeof *member);
    if (member == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the group member");
        return NULL;
    }
    mutex_init(&member->lock);
    cond_init(&member->changed);
    member->listener = setup->listener;
    member->metrics = metrics_registry_add_client(setup->metrics, CLIENT_METRICS_MEMBER, client_config_client_id(setup->config));
    member->argument = setup->argument;
    member->session_timeout_ms = client_config_session_timeout_ms(setup->config);
    if (open_handle(member, setup, error) != 0 || join(member, error) != 0) {
        member_free(member);
        return NULL;
    }
    return member;
}

/* librdkafka leaves only when the group has let it in, which lasts as long as the group's rebalance: three seconds by default
 * when it was empty. Who goes before that stays a member until the session ends, and whoever comes next waits for that. */
/* *was_joining: at the last look. The leave itself follows the join, and takes a moment as well. */
static bool may_wait_on(const struct group_member *member, int64_t *deadline_ms, int64_t end_ms, bool *was_joining)
{
    int64_t now_ms = clock_monotonic_ms(NULL);
    bool is_joining = heartbeat_clock_is_joining(member->clock);
    if (now_ms >= end_ms || (!is_joining && !*was_joining))
        return false;
    *was_joining = is_joining;
    *deadline_ms = now_ms + JOINING_LOOK_MS;
    return true;
}

bool group_member_leave(struct group_member *member, int64_t deadline_ms)
{
    int64_t end_ms = deadline_ms == DEADLINE_NEVER ? DEADLINE_NEVER : deadline_ms + member->session_timeout_ms;
    bool was_joining = heartbeat_clock_is_joining(member->clock);
    atomic_store(&member->leave_wanted, true);
    mutex_lock(&member->lock);
    while (!member->has_left) {
        if (!cond_wait_until_ms(&member->changed, &member->lock, deadline_ms) && !member->has_left &&
            !may_wait_on(member, &deadline_ms, end_ms, &was_joining))
            break;
    }
    bool left = member->has_left;
    mutex_unlock(&member->lock);
    return left;
}

void group_member_close(struct group_member *member)
{
    if (member == NULL)
        return;
    atomic_store(&member->close_wanted, true);
    thread_join(member->thread);
    member_free(member);
}
