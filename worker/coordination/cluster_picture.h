/*
 * cluster_picture: who is in the cluster and what its records say, put together: the group's members (seats) beside what stands in the
 * config topic under keys of our own (docs/decisions/0007).
 *
 * Embedded in its owner: _init → (_add_seat … → _forget → _read … → _settle)* → _release. What is not a record is kept across: seats, and
 * what a leader notes at a worker. thread: one at a time; the herder has one, and everybody who only wants to show it makes his own.
 */
#ifndef COORDINATION_CLUSTER_PICTURE_H
#define COORDINATION_CLUSTER_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ptr_array.h"
#include "coordination/cluster_records.h"

/* A member, as the group said last. */
struct cluster_seat {
    char *url;
    char boot[MEMBERSHIP_BOOT_ID_SIZE];
    bool leads;
};

/* A worker that is in the group, or of which records are left. */
struct cluster_known {
    char *url;
    char boot[MEMBERSHIP_BOOT_ID_SIZE]; /* of the member in the group; "": none */
    bool has_member, has_assignment, must_be_written;
    struct cluster_member member;
    struct cluster_assignment assignment;
    /* The leader's own: since when the member owes a record, or an acknowledgement; a word that it has read what to prepare.
     * 0: it does not. Since when it is in the group no more. */
    int64_t owes_since_ms, silent_since_ms, gone_since_ms;
    bool is_unfit;
    char secret_told[MEMBERSHIP_BOOT_ID_SIZE]; /* the run of which the log has that its secret is another */
    char support_told[MEMBERSHIP_BOOT_ID_SIZE]; /* the same, that one of the two delivers exactly once and the other knows nothing of it */
};

struct cluster_picture {
    struct ptr_array known; /* struct cluster_known, by url */
    struct ptr_array seats; /* struct cluster_seat */
    bool has_head;
    struct cluster_head head;
};

void cluster_picture_init(struct cluster_picture *picture);
void cluster_picture_release(struct cluster_picture *picture);

/* false: no memory, the picture is as it was. */
bool cluster_picture_add_seat(struct cluster_picture *picture, const char *url, const char *boot, bool leads);
void cluster_picture_clear_seats(struct cluster_picture *picture);

/* Forgets the records, to read all of them anew. */
void cluster_picture_forget(struct cluster_picture *picture);
/* One record; of other keys nothing is taken. What cannot be understood is said in the log and is as if it was not there. `text` is
 * NUL-terminated; "": nothing that counts. false: no memory. */
bool cluster_picture_read(struct cluster_picture *picture, const char *key, const char *text, size_t size, bool is_overruled);
/* After the last record: tells each worker's seat and drops those of whom nothing is left. Of two members with one URL the one counts
 * that introduced itself last: its record stands in the topic. false: no memory. */
bool cluster_picture_settle(struct cluster_picture *picture);

/* NULL: there is none. */
struct cluster_known *cluster_picture_find(const struct cluster_picture *picture, const char *url);
const struct cluster_seat *cluster_picture_seat(const struct cluster_picture *picture, const char *url, const char *boot);
/* It is in the group, and its member record is of this run. */
bool cluster_known_is_introduced(const struct cluster_known *known);
/* It is counted as a member, but another one has seen that its process has ended: what it had is given out already. */
bool cluster_known_is_gone(const struct cluster_picture *picture, const struct cluster_known *known);
/* It is in the group, and has an assignment that is meant for this run. */
bool cluster_known_has_orders(const struct cluster_known *known);
/* It has orders, and its process has not ended: what it was given runs there, or is about to. */
bool cluster_known_is_at_work(const struct cluster_picture *picture, const struct cluster_known *known);
/* As far as is read it would take over what another one hands over; labels of connectors are not looked at. */
bool cluster_known_takes_work(const struct cluster_picture *picture, const struct cluster_known *known);

#endif
