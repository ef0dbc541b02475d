/*
 * herder_internal: the herder's state and its queue. Everything here belongs to the herder's thread unless it says otherwise.
 */
#ifndef HERDER_HERDER_INTERNAL_H
#define HERDER_HERDER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/timer_heap.h"
#include "executor/executor.h"
#include "herder/herder.h"
#include "store/config_store.h"

#define HERDER_LOG "millrace.herder"

struct graveyard;
struct herder_cluster;
struct herder_connector;
struct herder_questions;
struct membership;
struct metrics_registry;
struct quarantine;

/* ---- the queue ---- */

/* Something to do on the herder's thread. Embedded as the first member of what it is about; `handle` owns it. */
struct herder_post {
    struct herder_post *next;
    void (*handle)(struct herder *herder, struct herder_post *post);
};
/* Never refuses. After the thread's end posts are handled by herder_stop or _destroy, with stage HERDER_ENDED. thread: any.
 * locks: queue. */
void herder_post(struct herder *herder, struct herder_post *post);
/* An event could not be posted: what runs is not known any more, the worker ends. thread: any. */
void herder_event_lost(struct herder *herder);

struct herder_timer {
    struct timer_entry entry;
    void (*due)(struct herder *herder, struct herder_timer *timer);
};
void herder_timer_init(struct herder_timer *timer, void (*due)(struct herder *, struct herder_timer *));
/* false: no memory for the timer; the herder looks at every connector in a second. */
bool herder_timer_set(struct herder *herder, struct herder_timer *timer, int64_t deadline_ms);
void herder_timer_clear(struct herder *herder, struct herder_timer *timer);

/* ---- the herder ---- */

/*
 * CREATED → JOINING → CATCHING_UP → LEADING | FOLLOWING …; LEADING ⇄ FOLLOWING through CATCHING_UP; any → SUSPENDED when the group
 * is lost, and from there as from JOINING; any → STOPPING → ENDED. Standalone: CREATED → LEADING.
 * Units are started and stopped in LEADING and FOLLOWING; elsewhere what runs stays as it is: its tasks look at the lease.
 */
enum herder_stage {
    HERDER_CREATED,     /* the topics are not read: requests do not come this far */
    HERDER_JOINING,     /* requests wait */
    HERDER_SUSPENDED,   /* no member of the group any more: 409 */
    HERDER_CATCHING_UP, /* reads the topics to the end before it acts: requests wait */
    HERDER_LEADING,
    HERDER_FOLLOWING, /* another worker leads: what only a leader may do goes there */
    HERDER_STOPPING, /* requests are answered at once, nothing new starts */
    HERDER_ENDED     /* the thread is gone */
};

struct herder {
    struct herder_setup setup;
    struct executor *executor;
    struct quarantine *quarantine; /* the executor's; NULL: none */
    struct job_pool *validations;
    atomic_int tries; /* with a place (try.c) */
    struct membership *membership; /* NULL: standalone */
    struct herder_cluster *cluster; /* NULL: standalone */
    struct herder_questions *questions; /* of tasks with exactly once */
    struct lease *lease;
    struct metrics_registry *metrics; /* the executor's; NULL: nobody counts */
    struct graveyard *graveyard;      /* the executor's */
    char *worker_id, *cluster_id;
    char *worker_url; /* NULL: not known */

    pthread_t thread;
    bool thread_runs, executor_stopped;
    atomic_bool has_begun;        /* the thread was started; never false again */
    atomic_bool ready;            /* requests are taken */
    atomic_bool event_lost;       /* some event found no memory */
    atomic_size_t unanswered;     /* requests, at most HERDER_QUEUE_MAX */
    pthread_mutex_t lock;         /* queue */
    pthread_cond_t wake, settled; /* a post came; `quiet` changed */
    struct herder_post *first, *last;
    bool quiet; /* STOPPING was reached. locks: queue */
    bool is_leaving, has_handed_over; /* wishes to; nothing is left to hand over. The second: locks: queue */

    struct herder_post begin; /* standalone: posted by herder_start */
    struct herder_post leave; /* posted by the first herder_stop, which may not wait until it is handled */
    enum herder_stage stage;
    _Atomic int seen_stage;   /* the same, as readers on other threads see it; set with the stage */
    /* When the thread should have turned: while it waits, the moment of the next timer or of the first post; else when what it does
     * now began. Set by the thread without the lock while it turns, by posts under the queue's while it waits. */
    _Atomic int64_t turn_due_ms;
    atomic_bool leads;        /* LEADING, as jobs see it; set with the stage */
    atomic_bool runs_nothing; /* not LEADING, as readers on other threads see it; set with the stage */
    struct pointer_map *connectors;  /* name → herder_connector */
    struct herder_connector *dirty;  /* to be reconciled */
    struct timer_heap timers;
    bool look_at_all;   /* a timer found no memory */
    bool failure_told;
    bool was_member;
    char *leader_url;   /* of STANDBY; NULL: not known */
    bool catches_up_to_lead;
    uint64_t losses, resumed_losses; /* of the group: when the catching up began, and those that are made good */
    uint64_t catch_up_count; /* tells a late catching up from the present one */
    int64_t catch_up_retry_ms;
    char *catch_up_why; /* the last time it failed; NULL: it has not, or there was no memory for it */
    struct herder_timer catch_up_timer;
    struct herder_timer key_timer; /* while it leads: the session key is looked at again */
    uint64_t last_token;
    uint64_t print_seed;
};

int64_t herder_now_ms(void);
bool herder_may_run(const struct herder *herder); /* LEADING, FOLLOWING */
void herder_stage_set(struct herder *herder, enum herder_stage stage);
void herder_fail(struct herder *herder, const char *words);

/* ---- other files' parts ---- */

extern const struct executor_listener herder_executor_listener;     /* unit_events.c; argument: the herder */
extern const struct config_listener herder_config_listener;         /* config_events.c */
extern const struct membership_listener herder_membership_listener; /* leadership.c */
/* What runs is left as it is until the group is joined again; requests that have begun are answered 409. */
void herder_suspend(struct herder *herder);

/* leadership.c */
void herder_begin_standalone(struct herder *herder, struct herder_post *post);
void herder_catch_up_due(struct herder *herder, struct herder_timer *timer);
void herder_claim_lost(struct herder *herder);
void herder_key_due(struct herder *herder, struct herder_timer *timer);
/* Guard of the config store: lease, and generation where the brokers do not refuse by themselves. thread: job. */
/* An error's words as whoever asked may have them: plugins, providers and Kafka's clients choose them, so known secrets are hidden in
 * them (base/secrets.h), before anything cuts them. mem_free; NULL: no memory. */
char *herder_error_words(const struct mr_error *error);

int herder_guard(void *argument, enum config_guard_moment moment, int64_t deadline_ms, struct mr_error **error);

#endif
