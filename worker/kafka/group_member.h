/*
 * group_member: the worker's membership in its group, as a consumer that is subscribed to the (one-partition) config topic.
 *
 * It reads no records. What counts: being a member (the lease), owning partition 0 (leading), and the guard: a commit of
 * partition 0's offset is refused by the broker when our generation is no longer the group's.
 * Strategy cooperative-sticky, dynamic membership. client.id carries who we are and is what admin_describe_group() shows.
 *
 * The lease rests on heartbeats *acknowledged for a member*: group_member_acked_ms() is the time (CLOCK_BOOTTIME, ms) at
 * which the last such heartbeat was sent; 0 while not a member (docs/decisions/0003). Its owner adds session − 1 s.
 *
 * Threads: one of its own ("group-member") runs the listener, no lock held. Getters: any thread, no waiting.
 */
#ifndef KAFKA_GROUP_MEMBER_H
#define KAFKA_GROUP_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_error;
struct client_config;
struct graveyard;
struct group_member;
struct lease;

/* thread: group-member, no lock held. Must return soon: while one runs no heartbeat is confirmed. Must not call
 * group_member_leave or _close. Members may be NULL. */
struct group_member_listener {
    /* The group has a new generation and we are in it; owns_partition_0: we lead. Also comes when nothing changed for us. */
    void (*on_assigned)(void *argument, bool owns_partition_0);
    /* Partition 0 goes, in order: stop leading before this returns. */
    void (*on_revoked)(void *argument);
    /* We are not a member any more (or were frozen too long); whatever we had is somebody else's. Rejoins by itself. */
    void (*on_lost)(void *argument);
    /* The error cannot heal by itself: another kind of group under this group.id (a live JVM worker:
     * MR_ERR_CONFLICT), no right to the group, fatal. Nothing but close helps. */
    void (*on_failed)(void *argument, const struct mr_error *error);
    /* Every GROUP_MEMBER_TICK_MS at most: acked_ms as of now (0: not a member). */
    void (*on_tick)(void *argument, int64_t acked_ms);
};
#define GROUP_MEMBER_TICK_MS 50

struct metrics_registry;
struct group_member_setup {
    struct client_config *config;   /* CLIENT_MEMBER */
    struct graveyard *graveyard;
    const char *topic;              /* the config topic; must exist */
    const char *client_id;          /* used in place of the configuration's; NULL: the configuration's */
    struct metrics_registry *metrics; /* where the client is shown; outlives the member; NULL: nowhere */
    const struct group_member_listener *listener;
    void *argument;
};

/* Starts joining; does not wait. */
struct group_member *group_member_open(const struct group_member_setup *setup, struct mr_error **error);
/* Leaves the group in order, so that the others see it at once (unsubscribe, poll until the member id is gone). The listener
 * gets on_revoked if we led. false: the deadline passed first. While the group is still letting us in it can only be left
 * afterwards, and that is waited for beyond the deadline, a session at most: who goes earlier may be chosen to make the
 * next assignment, and everybody would wait for the dead until its session is over. */
bool group_member_leave(struct group_member *member, int64_t deadline_ms);
/* Ends it, after leaving or without (as a crash would look to others). Waits for its thread, bounded. NULL is fine. */
void group_member_close(struct group_member *member);

int64_t group_member_acked_ms(const struct group_member *member);
bool group_member_owns_partition_0(const struct group_member *member);
/* "" while not a member. Returns the length. */
size_t group_member_id(const struct group_member *member, char *id, size_t size);
/* Counts the memberships: grows whenever on_assigned or on_lost comes. */
uint64_t group_member_epoch(const struct group_member *member);
/* The group's generation as of the last on_assigned; 0 before the first, -1 when librdkafka does not tell. */
int32_t group_member_generation(const struct group_member *member);

/* The leader's guard: commits `offset` for partition 0 with our generation. While the group rebalances and the broker keeps the answer
 * back, the lease is enough (NULL: the answer is waited for). -1: MR_ERR_CONFLICT when the broker says the generation is stale or we
 * are no member; MR_ERR_TIMEOUT when nobody can tell. thread: any but group-member. */
int group_member_guard(struct group_member *member, int64_t offset, const struct lease *lease, int64_t deadline_ms,
                       struct mr_error **error);

#endif
