/*
 * audit: the record of who changed what: one JSON object per line, appended to a file or a Kafka topic (docs/audit.md).
 *
 * A change has two lines: its intent, which must be durable (fdatasync; acknowledged by all in-sync replicas) before the change is
 * let through, and its outcome. While lines cannot be written every change is refused; nothing else is held up. The record is tried
 * again every AUDIT_RETRY_MS, and once it can be written, what waited is, with a line "gap" that says what is missing.
 * Between intent and outcome a crash may come: an intent without an outcome says that how it ended is not known.
 * A look at records has one line, which must be durable before anything is shown; while lines cannot be written nobody looks.
 *
 * Limits: AUDIT_CHANGES_MAX changes that have not ended and looks that wait, a further one is refused; AUDIT_NOTES_MAX other lines that
 * wait, a further one is counted and lost; AUDIT_REFUSALS_PER_SECOND lines for refused calls, further ones of that second are counted by
 * who, address, method, route and status, each of which has a line at its end (or as soon as there are AUDIT_KINDS_MAX): nobody's calls are
 * hidden by another's. Texts from outside are cut (audit_line.c). No line holds a value of a configuration.
 *
 * thread: any; nobody waits. One thread of its own, "audit", writes and tells. locks: its own, never while calling out.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_CHANGES_MAX 1024
#define AUDIT_NOTES_MAX 1024
#define AUDIT_REFUSALS_PER_SECOND 100
#define AUDIT_RETRY_MS 500
#define AUDIT_SYNC_MS 200         /* an outcome alone is durable after so long, or with the next intent */
#define AUDIT_TOPIC_WAIT_MS 10000 /* for acknowledgements; then the topic counts as broken */
#define AUDIT_HURRY_MS 2000       /* the same when the worker ends */
#define AUDIT_WORDS_SIZE 512
#define AUDIT_KEY_MIN 32 /* bytes of a hash key that somebody chose */

struct admin;
struct audit;
struct audit_change;
struct audit_counters;
struct client_config;
struct clock;
struct graveyard;
struct mr_error;
struct string_map;

/* Either `file`, or `topic` with all that belongs to it. Texts are copied. */
struct audit_setup {
    const char *file;  /* NULL: a topic */
    const char *topic; /* created where it is not there and may be */
    int32_t topic_replication_factor; /* -1: the broker's default */
    struct admin *admin;              /* during the call */
    struct client_config *producer;   /* CLIENT_INTERNAL_PRODUCER */
    struct graveyard *graveyard;      /* outlives it */
    int64_t deadline_ms;              /* for the topic to be there */
    uint32_t topic_wait_ms;           /* 0: AUDIT_TOPIC_WAIT_MS */

    const char *worker;   /* host:port, in each line */
    const char *hash_key; /* audit_hash.h; NULL or "": a random one */
    struct audit_counters *counters; /* outlives it; NULL: nobody counts */
    const struct clock *clock;       /* NULL: the real one */
};

/* NULL: MR_ERR_CONFIG for a file that cannot be opened or is another worker's, a topic that is not there; names property and remedy. A full
 * disk is no reason: changes are refused then. */
struct audit *audit_open(const struct audit_setup *setup, struct mr_error **error);
/* The worker ends: waits until whoever asked is told. No more changes are asked for meanwhile. thread: any but the audit's. */
void audit_settle(struct audit *audit);
/* Writes what waits, as far as one try goes. All changes have ended. NULL is fine. */
void audit_close(struct audit *audit);

/* The worker's name, where it was not known whole at _open. Before the first change. */
bool audit_set_worker(struct audit *audit, const char *worker); /* false: no memory */

/* Who asks for what. Borrowed during the call; what is NULL is null in the line. */
struct audit_call {
    const char *request;     /* its id (audit_request_id) */
    const char *user;        /* NULL: "anonymous" */
    const char *login;       /* how the user proved it; NULL: "none" */
    const char *tried;       /* the user for whom the proof was wrong; NULL: none that there is */
    const char *address;     /* where it came from */
    uint16_t port;           /* 0: not known */
    const char *method;
    const char *path;        /* without query, which may hold anything */
    const char *route;       /* its pattern, "/connectors/{name}"; NULL: the path */
    const char *connector;
    bool is_forwarded;       /* by another worker, whose record has the same request id */
};

/* `why` not NULL: it must not be made, and these words say so to the client. Else it may go on; `change` must be ended with
 * audit_change_end (NULL of a look, which has ended). thread: the audit's, or, of a refusal, the asker's own. No lock held. Must not
 * wait. */
typedef void audit_admitted_fn(void *argument, struct audit_change *change, const char *why);

/* Writes the intent and tells `done`, exactly once. `hash_before` as audit_hash_config made it; NULL: there is nothing yet. */
void audit_admit(struct audit *audit, const struct audit_call *call, const char *hash_before, audit_admitted_fn *done,
                 void *argument);
/* Its outcome: the status that the client was told. The change is gone. */
void audit_change_end(struct audit_change *change, int status, const char *hash_after);

/* A call that was refused: 401, 403, 429. */
void audit_refused(struct audit *audit, const struct audit_call *call, int status);

struct audit_pair {
    const char *name, *text; /* the name is a literal */
};
/* A line of another kind, `event` is a literal. */
void audit_note(struct audit *audit, const char *event, const struct audit_pair *pairs, size_t count);
/* The line of a look at records; `done` is told exactly once, when it is durable or will not be. */
void audit_admit_look(struct audit *audit, const struct audit_pair *pairs, size_t count, audit_admitted_fn *done, void *argument);

/* Is every change refused now, and every look? Then the words say why; they name no path. */
bool audit_is_failing(struct audit *audit, char words[AUDIT_WORDS_SIZE]);

/* ---- request ids ---- */

#define AUDIT_REQUEST_ID_SIZE 65

/* The client's own where it is one: 1 to 64 letters, digits, '.', '_', '-'; else a new one of 32 hex digits. */
void audit_request_id(const char *clients, char id[AUDIT_REQUEST_ID_SIZE]);

#endif
