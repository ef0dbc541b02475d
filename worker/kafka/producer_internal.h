/*
 * producer's back room: the pool, one producer (a librdkafka handle and its poll thread), topics, users.
 *
 * Locks, never two at once but for swap_lock → lock and pool->lock → lock:
 *   pool->lock        which producers there are
 *   producer->lock    users, waiting, topics, failed, errand
 *   producer->swap_lock   senders read, a swap writes: nobody produces to a handle that is being replaced
 * All callbacks of users run on the poll thread, with none of them held.
 */
#ifndef KAFKA_PRODUCER_INTERNAL_H
#define KAFKA_PRODUCER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "kafka/native_internal.h"
#include "kafka/native_notes_internal.h"
#include "kafka/producer.h"

#define PRODUCER_LOGGER "kafka.producer"
#define PRODUCER_TICK_MS 100    /* the poll thread looks at waiting users at least so often */

struct client_config;
struct lease;
struct pointer_map;

struct producer_pool {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct graveyard *graveyard;
    struct metrics_registry *_Atomic registry;   /* NULL: nobody wants to know of producers */
    const struct lease *_Atomic lease;   /* NULL: one that never ends */
    struct producer *first;         /* those that may be joined */
    size_t alive;                   /* poll threads not yet ended */
};

enum topic_state { TOPIC_ASKING, TOPIC_READY, TOPIC_REFUSED };

struct producer_topic {
    struct producer *producer;
    char *name;
    rd_kafka_topic_t *rkt;          /* of the current handle; swap_lock. NULL: beyond PRODUCER_TOPICS_MAX */
    size_t users;                   /* lock: that asked for it; without one it is forgotten */
    _Atomic enum topic_state state;
    atomic_int partition_count;
    rd_kafka_resp_err_t refusal;    /* of TOPIC_REFUSED; written before the state */
    _Atomic int64_t answered_ms;    /* when partition_count was learnt */
    _Atomic int64_t asking_since_ms;
    int64_t ask_at_ms;              /* errand thread */
    int64_t backoff_ms;             /* errand thread */
    atomic_bool renews;             /* READY, and its partitions are asked for once more */
    int64_t complained_ms;          /* errand thread */
};

struct producer_user {
    struct producer *producer;
    struct producer_user *next;     /* producer->users */
    struct producer_user *next_waiting;
    const struct producer_user_listener *listener;
    void *argument;
    char *name;
    uint64_t bytes_max;
    uint32_t records_max;
    _Atomic uint64_t bytes;         /* outstanding */
    _Atomic uint32_t records;
    atomic_bool rewinds;            /* records came back and the user has not gone back yet; set under swap_lock */
    bool goes_back;                 /* poll thread: it is to be told so */
    struct pointer_map *topics;     /* user's thread, after the close the poll thread: name → producer_topic */
    struct producer_topic *last_topic;
    bool is_waiting;                /* lock: in producer->waiting */
    struct producer_topic *waits_for;   /* lock: a topic; NULL: for room */
    uint32_t needs_bytes;           /* lock: of the record it waits with */
    bool closing;                   /* lock */
    int64_t close_deadline_ms;      /* lock */
};

struct producer {
    struct producer_pool *pool;
    struct producer *next;          /* pool->lock */
    struct client_config *config;
    struct client_metrics *metrics; /* NULL: nobody wants to know */
    const char *transactional_id;   /* the config's; NULL: an ordinary one */
    uint64_t bytes_max;
    size_t record_bytes_max;        /* max.request.size */
    int64_t asking_max_ms;          /* a topic that is not known for so long is refused; INT64_MAX: never */

    pthread_rwlock_t swap_lock;
    struct native_handle *handle;   /* swap_lock */
    rd_kafka_queue_t *queue;        /* poll thread */
    bool swapping;                  /* swap_lock */
    int wake_fd;
    pthread_t poll_thread;

    _Atomic uint64_t bytes;         /* outstanding, all users */
    _Atomic uint32_t records;
    atomic_bool fatal;              /* seen by the poll thread: a swap is due */
    atomic_bool crowded;            /* the handle knows too many topics, most of them unused: a swap is due */
    bool had_lease;                 /* poll thread */
    bool fatal_is_told;             /* poll thread; of a transactional one */
    _Atomic int64_t login_refused_ms;   /* when a broker last refused our login; 0: never, or it works again */

    pthread_mutex_t lock;
    pthread_cond_t settled;         /* a user has nothing outstanding */
    struct producer_user *users;
    size_t user_count;              /* also changed under pool->lock, when it grows from nothing */
    struct producer_user *waiting, **waiting_end;
    struct pointer_map *topics;     /* name → producer_topic */
    size_t handle_topics;           /* that the handle knows: it forgets none */
    struct producer_topic *errand_topic;   /* that is asked for now */
    char login_words[2 * NOTES_WORDS_MAX];
    struct producer_ticket *failed; /* refused at produce, behind others that were taken */
    pthread_t errand_thread;
    bool errand_started, errand_running, errand_stop;
};

/* producer.c */
struct producer *producer_create(struct producer_pool *pool, struct client_config *config, struct mr_error **error);
void producer_wake(struct producer *producer);
/* thread: poll, or the creator before it starts. */
int producer_open_handle(struct producer *producer, struct native_handle **handle, struct mr_error **error);

/* producer_poll.c */
struct run;   /* deliveries on their way to one user */
void *producer_poll_run(void *producer);
/* Hands on what is at hand. */
void producer_serve(struct producer *producer, struct run *run);
void producer_sleep_until_woken(struct producer *producer, int timeout_ms);

/* producer_swap.c: replaces the handle, or purges it, when there is reason to. thread: poll. */
void producer_swap_if_due(struct producer *producer, struct run *run);
/* The topic of records of the user is away: what came back is to be sent again from the oldest on. thread: poll. */
void producer_hold_back(struct producer *producer, struct producer_user *user, const char *topic);
/* Tells those that were held back. */
void producer_tell_back(struct producer *producer);

/* producer_pool.c: the poll thread asks whether it may end: nobody uses it, and nobody can find it any more. */
bool producer_pool_forget(struct producer *producer);
void producer_pool_ended(struct producer_pool *pool);
void producer_user_free(struct producer_user *user);   /* out of all lists; NULL is fine */
void producer_destroy(struct producer *producer);

/* producer_topic.c */
void producer_topic_destroy(void *topic);
void producer_topics_ask_again(struct producer *producer);   /* after a swap; starts the errand thread */
void producer_errand_stop(struct producer *producer);
/* What is known of the topic is not true any more: its senders wait until it was asked for. thread: a sender; swap_lock
 * (read) held. */
void producer_topic_doubt(struct producer_topic *topic);
/* Whether it has one partition, as far as is known: then there is nothing to choose. Asks anew in time, without keeping anybody waiting.
 * thread: a sender; swap_lock (read) held. */
bool producer_topic_is_single(struct producer_topic *topic);
/* The user ends. thread: poll; lock held. */
void producer_topics_let_go(struct producer_user *user);

/* producer_send.c: a waiting user may go on. lock held. */
bool producer_user_may_go_on(const struct producer_user *user);
bool producer_login_is_refused(const struct producer *producer);

#endif
