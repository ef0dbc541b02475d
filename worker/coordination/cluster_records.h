/*
 * cluster_records: what workers tell each other in the config topic, under keys of our own (docs/decisions/0007).
 *
 * Three kinds of record, JSON: a worker's member record, its assignment, the cluster record. Decoding ignores members it does not
 * know and takes what is absent as empty, so that builds of several versions understand each other; CLUSTER_FORMAT grows only when a
 * member gets another meaning, which needs a new name instead wherever possible.
 *
 * Structs are embedded in their owner: _init → … → _release. Decoding fills an initialised struct, or leaves it empty and fails with
 * MR_ERR_DATA (MR_ERR_NO_MEMORY). Texts are owned by the struct; NULL where absent. thread: one at a time.
 */
#ifndef COORDINATION_CLUSTER_RECORDS_H
#define COORDINATION_CLUSTER_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ptr_array.h"
#include "coordination/membership.h"
#include "coordination/unit_map.h"

struct mr_error;
struct str_buffer;

#define CLUSTER_FORMAT 1
#define CLUSTER_KEY_PREFIX "millrace-"
#define CLUSTER_HEAD_KEY "millrace-cluster"
#define CLUSTER_MEMBER_PREFIX "millrace-member-"         /* + URL */
#define CLUSTER_ASSIGNMENT_PREFIX "millrace-assignment-" /* + URL */
#define CLUSTER_RECORD_MAX (32u << 20) /* bytes of one record, read or written */

/* An order over all that leaders ever wrote. */
struct cluster_stamp {
    uint64_t epoch, sequence;
};
int cluster_stamp_compare(struct cluster_stamp one, struct cluster_stamp other);

/* What a worker says of itself. */
struct cluster_member {
    char boot[MEMBERSHIP_BOOT_ID_SIZE];
    char *version;      /* of the build */
    char *host;         /* the machine's boot and its process namespace: equal for processes that see each other */
    int64_t pid;
    int64_t started;    /* start time of the process in clock ticks since the machine's boot */
    char *labels;
    char *group;        /* group.id; NULL: not said */
    char *offset_topic, *status_topic; /* offset.storage.topic, status.storage.topic; NULL: not said */
    char *exactly_once; /* exactly.once.source.support; NULL: not said */
    char *secret_mark;  /* of millrace.inter.worker.secret: equal for equal ones, and nearly never for others; NULL: it has none */
    bool drains, leaves;
    struct cluster_stamp as_of; /* the assignment that `stopped` and `prepared` answer */
    struct unit_map stopped;    /* of those to be revoked; text: "abandoned" or NULL */
    struct unit_map prepared;   /* of those it prepares: as ready as they will be */
    struct ptr_array gone;      /* char *: "URL#boot" of members that are proven dead */
};

/* What a worker is to run. */
struct cluster_assignment {
    struct cluster_stamp stamp;
    char leader[MEMBERSHIP_BOOT_ID_SIZE]; /* who wrote it */
    char boot[MEMBERSHIP_BOOT_ID_SIZE];   /* whom it is for */
    struct unit_map units;
    struct unit_map revoking;  /* text: the stamp of the revocation and why: "3.12 balance" */
    struct unit_map preparing; /* will come: make ready, do not start; text: since when, wall clock ms of the leader */
    bool is_unfit;             /* the leader gives it nothing new: it owes a record or an answer: to this one, too */
};

/* What all need to know. */
struct cluster_head {
    struct cluster_stamp stamp;
    char leader[MEMBERSHIP_BOOT_ID_SIZE];
    char *leader_url;
    char *group;   /* group.id; NULL: not said */
    char *fencing; /* "generation" or "transaction" */
    struct unit_map unassigned;  /* text: why */
    struct unit_map away;        /* text: the URL of its home, where it does not run now */
    struct unit_map absent;      /* text: "UNTIL_MS URL": waits for its worker to come back (scheduled.rebalance.max.delay.ms) */
    uint64_t rebalance_number;
    char *rebalance_reason;
    int64_t rebalance_began_ms, rebalance_took_ms; /* wall clock; took -1: not finished */
    uint64_t rebalance_moves;
};

/* Does it say that this run is proven dead? Only a member's own word counts: whether it is one is the caller's to know. */
bool cluster_member_says_gone(const struct cluster_member *member, const char *url, const char *boot);

/* By their marks. `mark` NULL: none is had. */
bool cluster_member_shares_secret(const struct cluster_member *member, const char *mark);

/* Is anything of this said by both, and not the same? */
bool cluster_terms_differ(const char *one, const char *other);

void cluster_member_init(struct cluster_member *member);
void cluster_member_release(struct cluster_member *member);
int cluster_member_encode(const struct cluster_member *member, struct str_buffer *text, struct mr_error **error);
int cluster_member_decode(struct cluster_member *member, const char *text, size_t size, struct mr_error **error);

void cluster_assignment_init(struct cluster_assignment *assignment);
void cluster_assignment_release(struct cluster_assignment *assignment);
int cluster_assignment_encode(const struct cluster_assignment *assignment, struct str_buffer *text,
                              struct mr_error **error);
int cluster_assignment_decode(struct cluster_assignment *assignment, const char *text, size_t size,
                              struct mr_error **error);

void cluster_head_init(struct cluster_head *head);
void cluster_head_release(struct cluster_head *head);
int cluster_head_encode(const struct cluster_head *head, struct str_buffer *text, struct mr_error **error);
int cluster_head_decode(struct cluster_head *head, const char *text, size_t size, struct mr_error **error);

/* "3.12 balance" of a revocation. false: not of that form; then it is older than everything. */
bool cluster_revocation_parse(const char *text, struct cluster_stamp *stamp, const char **reason);

#endif
