/*
 * gate: who asks? Takes a request's proof of identity by what the worker's properties allow (config/worker_config.h, rest_auth):
 * a password (Basic), a token (Bearer), a client certificate. An Authorization header counts before a certificate.
 *
 * Wrong passwords: after GATE_FAILURES_FREE of one user from one address in a row the next is looked at only after a delay, which
 * doubles from GATE_DELAY_MIN_MS to GATE_DELAY_MAX_MS; until then 429 with Retry-After. Of IPv6 an address is all of its /64. The same
 * user from elsewhere is not concerned until there were GATE_USER_FAILURES_FREE failures from anywhere, and then for
 * GATE_USER_DELAY_MAX_MS at most, and not where the user has logged in within GATE_HOME_MS: who guesses from many addresses is slowed
 * down, and locks nobody out. GATE_PASSWORDS_WAITING_MAX requests wait for the hashing threads, GATE_PASSWORDS_PER_ADDRESS_MAX of one address;
 * further ones are told 503 with Retry-After. Right passwords that are remembered (access/login_file.h) do not wait.
 *
 * Life: _create → _look, _check … → _stop → _destroy. thread: any. locks: its own, none held while somebody is told.
 */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>

#define GATE_PASSWORD_THREADS 2
#define GATE_PASSWORDS_WAITING_MAX 64
#define GATE_PASSWORDS_PER_ADDRESS_MAX 32
#define GATE_FAILURES_FREE 5
#define GATE_DELAY_MIN_MS 1000
#define GATE_DELAY_MAX_MS 60000
#define GATE_USER_FAILURES_FREE 50
#define GATE_USER_DELAY_MAX_MS 4000
#define GATE_HOME_MS (24 * 60 * 60 * 1000) /* after the last login */
#define GATE_FAILURES_FORGOTTEN_MS (15 * 60 * 1000) /* after the last one */

struct access_file_listener;
struct bindings_file;
struct clock;
struct gate;
struct http_request;
struct http_response;
struct identity;
struct mr_error;
struct rest_auth_config;
struct str_buffer;

/* Opens the files and begins to fetch the issuer's keys. `clock` NULL: the real one. NULL: MR_ERR_CONFIG, which names property or file;
 * MR_ERR_NO_MEMORY; MR_ERR_CONNECT for threads that could not be started. */
struct gate *gate_create(const struct rest_auth_config *config, const struct clock *clock, struct mr_error **error);
/* Who waits is told 503. Nobody may ask any more; who is being told goes on to use the gate. */
void gate_stop(struct gate *gate); /* NULL is fine */
void gate_destroy(struct gate *gate); /* NULL is fine */

/* Of its files, as they are now and whenever they are read anew. Before anybody asks. */
void gate_listen(struct gate *gate, const struct access_file_listener *listener);

/* Has a file of logins or bindings been changed into something that is of no use? */
bool gate_is_failing(struct gate *gate);

/* Which logins are taken, and how much there is to go by: "password (4 users), certificate; 2 bindings". */
void gate_describe(struct gate *gate, struct str_buffer *words);

/* What those who pass may do: the gate's, until _destroy. */
struct bindings_file *gate_bindings(struct gate *gate);

enum gate_outcome { GATE_PASSED, GATE_REFUSED, GATE_UNDECIDED };
struct gate_verdict {
    enum gate_outcome outcome;
    int status;                /* of GATE_REFUSED: 401, 429, 503 */
    unsigned retry_after_s;    /* of 429 and 503 */
    const char *why;           /* of GATE_REFUSED: static, for the answer and the log */
    const char *token_problem; /* of GATE_REFUSED: an error code of RFC 6750; NULL: no token was the matter */
    struct identity *identity; /* of GATE_PASSED: the caller's */
};

/* What can be said at once, from the headers alone. GATE_UNDECIDED: gate_check tells. Does not wait. */
struct gate_verdict gate_look(struct gate *gate, const struct http_request *request);

/* Which user was tried, if there is that one: what is none may be a password in the wrong field. For our own records alone. */
#define GATE_TRIED_SIZE 257 /* longer names are cut */
bool gate_tried(struct gate *gate, const struct http_request *request, char name[GATE_TRIED_SIZE]);

/* `verdict` is never GATE_UNDECIDED; its identity is yours. thread: one of the gate's, the issuer's, or the asker's own. */
typedef void gate_told_fn(void *argument, const struct gate_verdict *verdict);
/* Tells exactly once, maybe before this returns. The request is not needed once this has returned. */
void gate_check(struct gate *gate, const struct http_request *request, gate_told_fn *told, void *argument);

/* The answer to who is refused, with challenges for the proofs that are taken here. */
void gate_fill_refusal(const struct gate *gate, const struct gate_verdict *verdict, struct http_response *response);

#endif
