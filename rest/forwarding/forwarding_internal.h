/*
 * forwarding_internal: what passing on and the herder's calls share.
 */
#ifndef FORWARDING_FORWARDING_INTERNAL_H
#define FORWARDING_FORWARDING_INTERNAL_H

#include "forwarding/caller.h"
#include "forwarding/client.h"
#include "forwarding/forwarding.h"
#include "herder/leader_link.h"

#define FORWARDING_LOG "millrace.forwarding"

struct forwarding {
    const struct worker_config *worker;
    struct config_store *configs;
    struct client *client;
    struct callers *callers; /* NULL: there is nothing to sign with */
    struct identity *self;   /* this worker; NULL: no login is needed and there is no secret, so nobody is named */
    struct leader_link link;
};

/* boot_call.c; of the link. */
void forwarding_ask_boot(void *argument, const char *url, int64_t deadline_ms, leader_link_boot_fn *done, void *done_argument);

extern const struct leader_link forwarding_calls; /* leader_calls.c; the argument is the forwarding */

#endif
