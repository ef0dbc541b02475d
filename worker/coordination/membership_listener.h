/*
 * membership_listener: what the membership tells upwards. Declared here, filled by the herder.
 *
 * thread: the membership's own threads, no lock held. A member must only post. Texts live only during the call.
 */
#ifndef COORDINATION_MEMBERSHIP_LISTENER_H
#define COORDINATION_MEMBERSHIP_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_error;

/* A worker in the group. */
struct membership_peer {
    const char *url, *boot_id;
    bool leads;
};

struct membership_listener {
    /* This worker leads: it owns partition 0 of the config topic, and its lease runs. */
    void (*on_leading)(void *argument);
    /* A member whose lease runs, but another one leads; `leader_url` is NULL while it is not known. Told again when it changes. */
    void (*on_following)(void *argument, const char *leader_url);
    /* Who is in the group now that it has settled, ourselves included; told after each change of the group, also when the same
     * workers are there. Members whose client.id is none of ours are left out. May come late, never out of order; it holds as
     * long as membership_epoch() says `epoch`. */
    void (*on_peers)(void *argument, uint64_t epoch, const struct membership_peer *peers, size_t count);
    /* No member any more: nothing may be done outside until on_leading or on_following comes. */
    void (*on_lost)(void *argument, const char *words);
    /* Cannot heal by itself (a live JVM worker in the group, no right to the group): the worker must end. */
    void (*on_failed)(void *argument, const struct mr_error *error);
};

#endif
