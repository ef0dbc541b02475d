/*
 * cluster_plan: from what is read to what the leader writes next (docs/decisions/0007). A pure function, to be called again
 * whenever something changed; called twice with the same input it changes nothing the second time.
 *
 * Holds always, whatever came before, also after leaders that died half-way:
 * - a unit stands in `units` or `revoking` of at most one member that is alive (found on two: revoked from both);
 * - it leaves `revoking` only when that very revocation was acknowledged, or when that boot is no member any more;
 * - it stands in `units` of a member only if it is in the work, its selector fits there, and the member takes work (or had it).
 *
 * A unit that is to move from one that is alive to another is first prepared there, while it runs on, and revoked when that is said
 * to be done, or has taken too long.
 *
 * The input is borrowed; the plan owns what it holds. thread: any.
 */
#ifndef COORDINATION_CLUSTER_PLAN_H
#define COORDINATION_CLUSTER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coordination/cluster_records.h"

/* A unit that moved away by force goes home when its home comes back within this time. */
#define CLUSTER_HOME_KEEP_MS 600000
/* So long a successor may take to prepare before the unit is revoked all the same; who has not even said that it was asked gets it
 * not (is_unfit). */
#define CLUSTER_PREPARE_MOST_MS 2000

/* A worker that is a member, or of which records are left. */
struct cluster_worker {
    const char *url;
    const char *boot;                            /* of the member; NULL: no member of this URL is in the group */
    const struct cluster_member *member;         /* as read; NULL: there is none */
    const struct cluster_assignment *assignment; /* as read; NULL: there is none */
    bool is_unfit;                               /* owes an acknowledgement for too long: gets nothing new */
    bool must_be_written;                        /* its assignment was overwritten by a leader that was none any more */
    bool may_be_forgotten;                       /* gone for so long that its records may go: tombstones have no epoch, and one of a
                                                    leader that slept must not take away what a worker has that is back */
};

/* A unit that is to run somewhere. */
struct cluster_work {
    const char *connector;
    int32_t task; /* or UNIT_IS_CONNECTOR */
    const char *selector; /* may be NULL */
    uint32_t weight;      /* at least 1 */
};

struct cluster_plan_input {
    const struct cluster_worker *workers; /* sorted by url */
    size_t worker_count;
    const struct cluster_work *work; /* sorted by unit_compare */
    size_t work_count;
    const struct cluster_head *head; /* as read; NULL: there is none */
    const char *leader_url, *leader_boot;
    const char *fencing;
    const char *group; /* group.id; may be NULL */
    struct cluster_stamp last; /* this leader's epoch, and the highest sequence it used in it */
    const char *reason;        /* why the plan is made: shown if it moves something */
    int64_t now_ms;            /* wall clock */
    uint32_t return_delay_ms;  /* scheduled.rebalance.max.delay.ms */
};

struct cluster_plan {
    size_t worker_count; /* as the input's, and in its order */
    struct cluster_assignment *assignments;
    bool *changed;       /* the assignment is to be written */
    bool *removed;       /* tombstones for assignment and member record of a worker that is gone for long, after all that is to be
                            written; before that its assignment is written empty */
    struct cluster_head head;
    bool head_changed;
    struct cluster_stamp last; /* the highest used */
    size_t moves;        /* units revoked, or taken from the dead, in this plan */
    bool is_settled;     /* nothing is being revoked or waited for */
    int64_t look_again_ms; /* wall clock; 0: only when something changes */
};

/* false: no memory, `plan` is empty. */
bool cluster_plan_make(const struct cluster_plan_input *input, struct cluster_plan *plan);
void cluster_plan_release(struct cluster_plan *plan);

/* Is the member with that boot proven dead by another's word? */
bool cluster_is_proven_gone(const struct cluster_worker *workers, size_t count, const char *url, const char *boot);

#endif
