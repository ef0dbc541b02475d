/* group_member's back room: its state, and who touches what. */
#ifndef KAFKA_GROUP_MEMBER_INTERNAL_H
#define KAFKA_GROUP_MEMBER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "kafka/group_member.h"
#include "kafka/native_internal.h"

struct heartbeat_clock;

struct group_member {
    uint32_t session_timeout_ms;
    struct native_handle *handle;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct heartbeat_clock *clock;
    struct client_metrics *metrics; /* NULL: nobody wants to know */
    char *topic;
    const struct group_member_listener *listener;
    void *argument;
    pthread_t thread;

    /* read by any thread */
    _Atomic int64_t acked_ms;
    atomic_bool owns_partition_0;
    _Atomic uint64_t epoch;
    _Atomic int32_t generation;
    _Atomic uint64_t reign;       /* grows whenever partition 0 comes or goes */
    atomic_bool leave_wanted, close_wanted;

    /* group-member thread */
    bool is_member;       /* on_assigned came, and on_lost has not */
    bool has_failed;
    bool unsubscribed;
    char assigned_id[256];   /* member id of the last on_assigned; another one is another membership */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool has_left;        /* lock */
    char id[256];         /* lock; written by the group-member thread alone */
};

#endif
