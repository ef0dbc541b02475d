/*
 * membership: this worker in its group: who is a member, who leads, until when we may act.
 *
 * All workers of a cluster are members of one classic consumer group (the worker's group.id) that is subscribed to the
 * config topic; the owner of its one partition leads. A member says who it is by its client.id:
 * "<advertised URL>#<boot id>": the URL is the worker's stable id, the boot id tells one run from the next.
 *
 * The lease (base/lease.h) is moved here and nowhere else: send time of the last acknowledged heartbeat + session - LEASE_MARGIN_MS
 * (docs/decisions/0003); leaving and losing the membership end it at once. It runs for every member.
 *
 * Life: _create → _start → … → _leave → _destroy. Threads: the group member's and one of its own, which asks who is there and who leads.
 */
#ifndef COORDINATION_MEMBERSHIP_H
#define COORDINATION_MEMBERSHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct admin;
struct client_config;
struct graveyard;
struct lease;
struct membership;
struct membership_listener;
struct metrics_registry;
struct mr_error;

#define LEASE_MARGIN_MS 1000
#define MEMBERSHIP_BOOT_ID_SIZE 17 /* 16 hexadecimal digits and the NUL */

struct membership_setup {
    struct client_config *config; /* CLIENT_MEMBER; a reference is taken */
    struct graveyard *graveyard;
    struct admin *admin;
    const char *config_topic; /* exists */
    const char *group_id;
    const char *worker_url; /* the advertised URL */
    uint32_t session_timeout_ms;
    struct lease *lease;
    struct metrics_registry *metrics; /* where the group's client is shown; outlives the membership; NULL: nowhere */
    const struct membership_listener *listener;
    void *listener_argument;
};

struct membership *membership_create(const struct membership_setup *setup, struct mr_error **error);
/* Before _start: a run of this worker that has died, and whose session may still go on. While a newcomer joins beside it the group does
 * not settle, and the leader's guard waits for the answer to its own joining (one connection): nobody's work would be given out. So it
 * joins when that member is out of the group, or its session must be over; it would not have been in any sooner. */
void membership_wait_out(struct membership *membership, const char *boot_id);
/* Starts to join; does not wait for the group. */
int membership_start(struct membership *membership, struct mr_error **error);
/* Ends the lease and leaves in order, so that the others see it at once. false: not confirmed by the deadline, or a session
 * later while the group is letting us in (group_member_leave). */
bool membership_leave(struct membership *membership, int64_t deadline_ms);
void membership_destroy(struct membership *membership);

/* Once the group was lost the lease stays ended, also when it is joined again: what ran here may be another worker's by now. Whoever has
 * read whose it is, and seen to it that the rest does nothing more, gives it back. `losses`: membership_losses() from before that
 * reading; when the group was lost again since, nothing happens. thread: any. */
uint64_t membership_losses(struct membership *membership);
void membership_resume(struct membership *membership, uint64_t losses);

bool membership_is_leading(const struct membership *membership);
/* Of the group, when this worker last joined or stayed; what statuses are stamped with. 0: not known. */
int32_t membership_generation(const struct membership *membership);
/* Grows with every change of the group that reached us, and when the membership is lost. */
uint64_t membership_epoch(const struct membership *membership);
const char *membership_boot_id(const struct membership *membership);

/* Before a write that only the leader may make, and after it: MR_ERR_CONFLICT when the broker no longer counts us as the
 * owner of partition 0. An answer to a question of this membership that was asked less than max_age_ms ago will do; 0: it is asked. One
 * caller at a time. thread: job. */
int membership_guard(struct membership *membership, int64_t max_age_ms, int64_t deadline_ms, struct mr_error **error);

/* "URL#boot" apart; false: not a client.id of ours. */
bool membership_parse_client_id(const char *client_id, char *url, size_t url_size, char *boot_id, size_t boot_id_size);

#endif
