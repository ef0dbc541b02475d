/*
 * cluster_internal: this worker among the others: what the records and the group say, what it is to run, what it says of itself, and,
 * while it leads, the plan. docs/decisions/0007. thread: herder, unless said otherwise.
 *
 * herder->cluster is NULL in a standalone worker, which runs everything.
 */
#ifndef HERDER_CLUSTER_INTERNAL_H
#define HERDER_CLUSTER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coordination/cluster_picture.h"
#include "coordination/process_identity.h"
#include "herder/herder_internal.h"

struct config_snapshot;
struct drain_request;
struct membership_peer;

struct herder_cluster {
    char *url; /* ours: the stable id */
    char boot[MEMBERSHIP_BOOT_ID_SIZE];
    struct process_identity process;
    const char *secret_mark; /* leader_link.h; NULL: none */
    uint32_t return_delay_ms, rebalance_timeout_ms;

    /* ---- cluster.c: what is read ---- */
    struct cluster_picture picture;
    pthread_mutex_t seats_lock; /* the herder writes the picture's seats under it; other threads copy them under it */
    uint64_t seats_epoch;   /* membership_epoch() that they belong to */
    struct herder_timer sweep_timer; /* of statuses, some time after work has moved or gone */
    bool is_stale; /* records or seats have changed since they were read */
    bool is_unseen; /* they were read since the units were looked at; whoever reads them first must not hide it */
    struct cluster_stamp seen; /* of the own assignment when the units were looked at last */

    /* ---- duty.c: what this worker says of itself ---- */
    struct cluster_member own;
    char *own_text;    /* as it should stand in the topic */
    char *own_written; /* as it does; NULL: it does not */
    bool own_write_is_under_way, must_report;
    bool own_is_in_doubt; /* a write failed, or was late: the topic may hold it all the same */
    int64_t own_failing_since_ms; /* 0: not */
    struct herder_timer own_timer, watch_timer, statuses_timer;

    /* ---- newcomer.c: whether the name of this worker is free ---- */
    bool has_stood; /* its record stood in the topic: the name was its own */
    bool is_asking, rival_is_ghost, rival_is_alive;
    char rival[MEMBERSHIP_BOOT_ID_SIZE]; /* who has it, as far as one knows; "": nobody */
    int64_t rival_since_ms;
    uint32_t session_timeout_ms;
    struct herder_timer newcomer_timer;

    /* ---- rebalance.c ---- */
    struct cluster_stamp counted; /* of the own assignment that was looked at last */
    bool is_rebalancing;          /* it is not come to yet */

    /* ---- crash_notes.c ---- */
    bool crashes_are_due, crashes_are_written; /* to be looked at; a write is under way */
    struct herder_timer crash_timer;

    /* ---- drain.c ---- */
    struct drain_request *drain_requests; /* that wait */

    /* ---- balance.c: while it leads ---- */
    struct cluster_stamp last;
    bool is_due, is_under_way;
    const char *reason;                   /* of the next plan */
    bool has_swept;                       /* the statuses of what is gone, since it leads */
    int64_t unknown_since_ms;             /* a member is there that the topic does not know, nor a cluster. 0: not so; -1: told */
    int64_t refused_since_ms;             /* a plan, by the brokers. 0: not */
    struct herder_timer balance_timer;
    int64_t contest_began_ms; /* others have written as leaders meanwhile */
    unsigned contest_count;
    int64_t stands_back_until_ms; /* too often: it plans nothing before */
    /* ---- cluster_terms.c ---- */
    struct cluster_stamp head_at_start;          /* of the cluster record, before the group was joined */
    bool is_established;                         /* its group was here first: it led when this one began to, or this one has for long */
    int64_t lead_began_ms;
    char displaced[MEMBERSHIP_BOOT_ID_SIZE];     /* the leader of another group whose record it found then; "": none */
    char foreign_told[MEMBERSHIP_BOOT_ID_SIZE];  /* the last of another group that the log has */
    unsigned foreign_count;                      /* how often such a one overtook it */

    uint64_t told_rebalance;         /* the last that the log has */
    struct unit_map told_unassigned; /* those whose status says why nobody runs them */

    /* ---- fencing.c ---- */
    enum config_fencing fencing; /* while it leads */
    bool fencing_told;           /* that the leader does it otherwise */
};

/* ---- cluster.c ---- */
int cluster_create(struct herder *herder, struct mr_error **error);
void cluster_destroy(struct herder_cluster *cluster);
/* What the topic holds now, if it has changed. false: no memory (to be tried again). */
bool cluster_refresh(struct herder *herder);
void cluster_note_came(struct herder *herder);
/* Reads what is new; has the units looked at when other ones are this worker's. */
void cluster_look(struct herder *herder);
/* The group has settled so. */
void cluster_take_seats(struct herder *herder, uint64_t epoch, const struct membership_peer *peers, size_t count);
/* May any worker still run a task of it? What is looked at again with each note that comes. */
bool cluster_runs_tasks(const struct herder *herder, const char *connector);
/* Was it given to a worker that is there, and not been taken back? */
bool cluster_holds(const struct herder *herder, const char *connector, int32_t task);
/* Where a unit runs, or is to run. NULL: nowhere, or at one whose process has ended. */
const char *cluster_owner(const struct herder *herder, const char *connector, int32_t task);

/* Anybody who would take over what this worker has, as far as is read? */
bool cluster_others_take_work(const struct herder_cluster *cluster);

/* ---- duty.c ---- */
/* NULL: nothing was given out to this run of this worker. */
const struct cluster_assignment *duty_assignment(const struct herder_cluster *cluster);
/* Is it this worker's to run? `task` UNIT_IS_CONNECTOR: the connector itself. */
bool duty_has(const struct herder *herder, const char *connector, int32_t task);
/* Will it probably be, once another worker has let go of it? */
bool duty_prepares(const struct herder *herder, const char *connector, int32_t task);
/* Is it to let go of it, for another worker? */
bool duty_revokes(const struct herder *herder, const char *connector, int32_t task);
/* Some instance of it is there, also one that is being stopped. */
bool duty_is_running(const struct herder *herder, const char *connector, int32_t task);
/* Something has changed that it may have to say. */
void duty_report_later(struct herder *herder);
void duty_report_if_due(struct herder *herder);
/* Wishes to hand everything over. */
void duty_leave(struct herder *herder);
void duty_init(struct herder *herder);
/* It has joined: introduces itself, and looks out for those who end beside it. */
void duty_begin(struct herder *herder);
/* Nothing is left to be handed over: it may leave the group. */
bool duty_is_done(struct herder *herder);

/* ---- resume.c ---- */
/* The topics are about to be read. */
void resume_begin(struct herder *herder);
/* They are: what is others' by now does nothing more, and the lease is back. false: no memory. */
bool resume_what_is_ours(struct herder *herder);

/* ---- newcomer.c ---- */
void newcomer_init(struct herder *herder);
/* Before the group is joined: a predecessor killed on this machine is waited out. */
void newcomer_begin(struct herder *herder);
/* The own member record says that this run is gone: a successor wrote so, and the worker ends. */
bool newcomer_is_replaced(struct herder *herder);
/* The own member record does not stand in the topic: may it be written? false: not now (looked at again), or never: the worker ends. */
bool newcomer_may_introduce(struct herder *herder);

/* ---- cluster_terms.c ---- */
/* Before the group is joined. -1: a worker of another group is alive that uses the same topics. Waits two seconds at most. */
int terms_check_groups(struct herder *herder, struct mr_error **error);
/* The records were read, and this worker begins to lead. false: another group does, and this worker ends. */
bool terms_may_lead(struct herder *herder);
/* Another one has written as leader. false: it is of a group that was here before, and this worker ends. `is_foreign`: it is of another
 * group than this worker. */
bool terms_stand_contest(struct herder *herder, bool *is_foreign);
/* A newcomer among the members. false: one of them has other topics, and this worker ends. */
bool terms_fit(struct herder *herder);
/* The records were read: a member whose topics are not the leader's ends. */
void terms_watch(struct herder *herder);
/* Says once of each member that exactly-once sources are disabled at one of the two and enabled at the other. */
void terms_compare_supports(struct herder *herder);

/* ---- rebalance.c ---- */
/* After units were started and stopped. */
void rebalance_look(struct herder *herder);
/* The generation and the leader, as metrics. */
void rebalance_show_group(struct herder *herder);

/* ---- crash_notes.c ---- */
void crash_notes_init(struct herder *herder);
/* What the records say of units that ended a worker: before any of them is started. */
void crash_notes_hear(struct herder *herder, const struct config_snapshot *snapshot);
/* Says and removes what is due. */
void crash_notes_tend(struct herder *herder);
/* executor_forgive, for all workers. Also standalone. */
void crash_notes_forgive(struct herder *herder, const char *connector, int64_t task, bool with_tasks);

/* ---- worker_secret.c ---- */
/* Says once of each member that its millrace.inter.worker.secret is another. The records were read. */
void worker_secret_watch(struct herder_cluster *cluster);

/* ---- drain.c ---- */
/* Answers those who waited for what is so now. */
void drain_look(struct herder *herder);
void drain_answer_all(struct herder *herder, int status, const char *words);

/* ---- fencing.c ---- */
/* What became of it. */
struct fencing_claim {
    enum config_fencing taken;
    bool is_denied;    /* the brokers do not let this worker have transactions */
    char why_not[512]; /* they are wished for, and why it is to do without; "": nothing of the kind */
};
/* Before this worker leads: shuts out former leaders. `*error` is NULL before. thread: job. */
int fencing_claim(struct herder *herder, struct fencing_claim *claim, int64_t deadline_ms, struct mr_error **error);
uint32_t fencing_claim_timeout_ms(const struct herder *herder); /* what that may take besides catching up */
void fencing_begin(struct herder *herder, const struct fencing_claim *claim); /* it leads */
bool fencing_denied(struct herder *herder, const char *words); /* true: the worker ends */
void fencing_watch(struct herder *herder); /* the records were read */
const char *fencing_name(enum config_fencing fencing);

/* ---- balance.c ---- */
void balance_init(struct herder *herder);
bool balance_begin(struct herder *herder); /* this worker leads from now on. false: it must not, and ends */
void balance_want(struct herder *herder, const char *reason);
void balance_run(struct herder *herder); /* if it is wanted and this worker leads */

#endif
