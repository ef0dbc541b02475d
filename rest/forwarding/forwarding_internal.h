/*
 * forwarding_internal: what passing on and the herder's calls share.
 */
#ifndef FORWARDING_FORWARDING_INTERNAL_H
#define FORWARDING_FORWARDING_INTERNAL_H

#include <pthread.h>

#include "forwarding/caller_internal.h"
#include "forwarding/client.h"
#include "forwarding/forwarding.h"
#include "herder/leader_link.h"

#define FORWARDING_LOG "millrace.forwarding"

struct pulse;

struct forwarding {
    const struct worker_config *worker;
    struct config_store *configs;
    struct client *client;
    struct callers *callers; /* NULL: there is nothing to sign with */
    struct identity *self;   /* this worker; NULL: no login is needed and there is no secret, so nobody is named */
    char secret_mark[CALLER_SECRET_MARK_SIZE];
    struct leader_link link;
    uint32_t patience_ms;
    pthread_mutex_t lock;
    struct pulse *pulses; /* locks: lock */
};

/* boot_call.c; of the link. */
void forwarding_ask_boot(void *argument, const char *url, int64_t deadline_ms, leader_link_boot_fn *done, void *done_argument);

/* GET / of a worker. false: nothing was sent, and nobody is told. */
struct root_question {
    const char *url;
    int64_t deadline_ms;
    uint32_t connect_timeout_ms; /* client.h */
    client_done_fn *done;
    void *argument;
};
bool forwarding_get_root(struct forwarding *forwarding, const struct root_question *question);

/*
 * pulse.c: is a worker alive that owes an answer? While one is awaited it is asked for its root now and then; any answer is a sign of life.
 * One that gives none for forwarding->patience_ms, and leaves such a question unanswered too, is frozen or cut off: a call to it is in
 * vain. That a call takes long says nothing. One pulse a URL, shared. locks: forwarding->lock.
 */
/* NULL: no memory. thread: any. */
struct pulse *pulse_take(struct forwarding *forwarding, const char *url);
void pulse_drop(struct pulse *pulse); /* NULL is fine. thread: any */
void pulse_felt(struct pulse *pulse); /* an answer came */
/* Of a call that was sent then. Asks when it is time for that. thread: the client's. */
bool pulse_is_gone(struct pulse *pulse, int64_t sent_ms, int64_t now_ms);
/* How soon to look again. */
int64_t pulse_look_ms(const struct forwarding *forwarding);

extern const struct leader_link forwarding_calls; /* leader_calls.c; the argument is the forwarding */

#endif
