/*
 * leader_link: what the herder asks of another worker, over its REST interface. Declared here, filled by rest/forwarding.
 *
 * Calls never wait: `done` is told once, from a thread of the link's, and must only post. What is handed in is copied before the call
 * returns. `message` lives only during the call; NULL when there is nothing to say.
 */
#ifndef HERDER_LEADER_LINK_H
#define HERDER_LEADER_LINK_H

#include <stddef.h>
#include <stdint.h>

struct string_map;

/* `status`: of HTTP; 0: no answer came. */
typedef void leader_link_done_fn(void *argument, int status, const char *message);

/* Which run of a worker answers there: its boot id, which stands in this header of GET /. NULL: no answer, or none that says it. */
#define LEADER_LINK_BOOT_HEADER "Millrace-Boot"
typedef void leader_link_boot_fn(void *argument, const char *boot);

/* Task configurations that a connector made. `made_from`: the fingerprint (base/fingerprint.h) of its configuration then, which goes along
 * as this parameter: the leader refuses them with 409 when it has another by now. NULL: not known, nothing is compared. */
#define LEADER_LINK_MADE_FROM "made-from"
struct leader_link_tasks {
    const char *connector;
    const struct string_map *const *maps;
    size_t count;
    const char *made_from;
};

/* How long a request waits for somebody who says nothing: a worker that was asked, or the group while it is joined. A session, in which
 * another worker takes over, and a margin; no longer than a client cares to wait. */
#define LEADER_LINK_PATIENCE_MS(session_timeout_ms) (((session_timeout_ms) < 15000 ? (session_timeout_ms) : 15000) + 2000)

struct leader_link {
    /* POST /connectors/{connector}/tasks, signed with the session key. */
    void (*put_tasks)(void *argument, const char *leader_url, const struct leader_link_tasks *tasks, int64_t deadline_ms,
                      leader_link_done_fn *done, void *done_argument);
    /* PUT /connectors/{connector}/fence, signed with the session key. NULL: cannot be asked. */
    void (*fence)(void *argument, const char *leader_url, const char *connector, int64_t deadline_ms, leader_link_done_fn *done,
                  void *done_argument);
    /* GET url: who answers at this address? */
    void (*ask_boot)(void *argument, const char *url, int64_t deadline_ms, leader_link_boot_fn *done, void *done_argument);
    void *argument;
    /* What millrace.inter.worker.secret looks like to who may not know it: a few digits that stand in the member record. NULL: there is
     * none. Lives as long as the link. */
    const char *secret_mark;
};

#endif
