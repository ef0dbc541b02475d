/* One request's proof of identity: what the headers say at once, and what takes longer. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "access/identity.h"
#include "access/jwt_validator.h"
#include "access/login_file.h"
#include "base/log.h"
#include "base/mem.h"
#include "gate/gate_internal.h"
#include "http/request.h"
#include "issuer/key_set.h"

#include "base/bans.h"

#define BEARER "Bearer "
#define BEARER_LENGTH (sizeof(BEARER) - 1)
#define INVALID_TOKEN "invalid_token"

static const struct gate_verdict UNDECIDED = {.outcome = GATE_UNDECIDED};

struct gate_verdict gate_refusal(int status, const char *why)
{
    return (struct gate_verdict){
        .outcome = GATE_REFUSED, .status = status, .why = why, .retry_after_s = status == 503 ? 1 : 0};
}

static struct gate_verdict pass(struct identity *identity)
{
    return (struct gate_verdict){.outcome = GATE_PASSED, .identity = identity};
}

static struct gate_verdict no_memory(void)
{
    return gate_refusal(503, "Out of memory. Try again in a moment.");
}

/* ---- certificates ---- */

/* Of what a worker without logins passes on the certificate is that worker's: anybody may have asked it. */
static struct gate_verdict look_at_certificate(const struct gate *gate, const struct http_request *request)
{
    const char *subject = request->certificate_subject;
    if (!gate->takes_certificates || subject == NULL)
        return gate_refusal(401, "This needs a login.");
    if (http_request_query(request, "forward") != NULL || request->certificate_is_ours)
        return gate_refusal(401, "This needs a login: the certificate is that of a worker, which does not say for whom it asks.");
    if (!identity_name_is_fit(subject, strlen(subject)))
        return gate_refusal(401, "The subject of the client's certificate cannot be a name.");
    struct identity *identity = identity_create(subject, IDENTITY_CERTIFICATE);
    return identity != NULL ? pass(identity) : no_memory();
}

/* ---- passwords ---- */

/* GATE_UNDECIDED: the password may be looked at. */
static struct gate_verdict limit(struct gate *gate, const char *user, const char *network)
{
    int64_t wait_ms = failure_limit_wait_ms(gate->failures, user, network);
    if (wait_ms == 0)
        return UNDECIDED;
    struct gate_verdict verdict = gate_refusal(429, "Too many wrong passwords for this user. Try again later.");
    verdict.retry_after_s = (unsigned)((wait_ms + 999) / 1000);
    return verdict;
}

/* A name that is none may be a password in the wrong field. */
static void note_failure(struct gate *gate, const char *user, const char *network)
{
    if (failure_limit_failed(gate->failures, user, network) && login_file_has_user(gate->logins, user))
        log_warn("access", "%d wrong passwords in a row for the user %.256s from %s: from now on they are looked at after a delay only",
                 GATE_FAILURES_FREE, user, network);
}

bool gate_tried(struct gate *gate, const struct http_request *request, char name[GATE_TRIED_SIZE])
{
    const char *header = http_request_header(request, "Authorization");
    struct basic_credentials credentials;
    if (gate->logins == NULL || header == NULL || !basic_is_scheme(header) || !basic_parse(&credentials, header))
        return false;
    bool is_user = login_file_has_user(gate->logins, credentials.user);
    if (is_user)
        snprintf(name, GATE_TRIED_SIZE, "%s", credentials.user);
    basic_release(&credentials);
    return is_user;
}

static struct gate_verdict verdict_of(struct gate *gate, enum login_result result, const struct basic_credentials *credentials,
                                      const char *network, struct identity *identity)
{
    switch (result) {
    case LOGIN_ACCEPTED:
        failure_limit_succeeded(gate->failures, credentials->user, network);
        return pass(identity);
    case LOGIN_REFUSED:
        note_failure(gate, credentials->user, network);
        return gate_refusal(401, "The user or the password is wrong.");
    case LOGIN_FAILED:
        return no_memory();
    case LOGIN_UNDECIDED:
        break;
    }
    return UNDECIDED;
}

static struct gate_verdict look_at_password(struct gate *gate, const struct http_request *request, const char *header)
{
    struct basic_credentials credentials;
    struct identity *identity = NULL;
    if (gate->logins == NULL)
        return gate_refusal(401, "Passwords are not taken here.");
    if (!basic_parse(&credentials, header))
        return gate_refusal(401, "The Authorization header is no well-formed Basic login.");
    char network[NETWORK_SIZE];
    network_of(request->client_address, network);
    struct gate_verdict verdict = limit(gate, credentials.user, network);
    if (verdict.outcome == GATE_UNDECIDED) {
        enum login_result result = login_file_look(gate->logins, &credentials, &identity);
        verdict = verdict_of(gate, result, &credentials, network, identity);
    }
    basic_release(&credentials);
    return verdict;
}

void gate_run_password(void *context, struct password_job *job, bool is_stopping)
{
    struct gate *gate = context;
    struct identity *identity = NULL;
    struct gate_verdict verdict = is_stopping ? gate_refusal(503, "Worker is shutting down")
                                              : limit(gate, job->credentials.user, job->network);
    if (verdict.outcome == GATE_UNDECIDED) {
        enum login_result result = login_file_check(gate->logins, &job->credentials, &identity);
        verdict = verdict_of(gate, result, &job->credentials, job->network, identity);
    }
    job->told(job->argument, &verdict);
    password_job_destroy(job);
}

static void check_password(struct gate *gate, const struct http_request *request, const char *header, gate_told_fn *told,
                           void *argument)
{
    struct password_job *job = mem_calloc(1, sizeof(*job));
    struct gate_verdict verdict = no_memory();
    if (job != NULL && basic_parse(&job->credentials, header)) {
        network_of(request->client_address, job->network);
        job->told = told;
        job->argument = argument;
        if (password_queue_push(gate->queue, job))
            return;
        verdict = gate_refusal(503, "Too many logins at one time. Try again in a moment.");
    }
    password_job_destroy(job);
    told(argument, &verdict);
}

/* ---- tokens ---- */

static const char *token_of(const char *header)
{
    if (strncasecmp(header, BEARER, BEARER_LENGTH) != 0)
        return NULL;
    return header + BEARER_LENGTH + strspn(header + BEARER_LENGTH, " ");
}

static struct gate_verdict look_at_token(const struct gate *gate, const char *token)
{
    if (gate->validator == NULL)
        return gate_refusal(401, "Tokens are not taken here.");
    struct jwt_verdict found = jwt_validator_check(gate->validator, token, strlen(token));
    if (found.outcome == JWT_ACCEPTED)
        return pass(found.identity);
    if (found.outcome == JWT_KEY_UNKNOWN)
        return UNDECIDED;
    struct gate_verdict verdict = found.outcome == JWT_FAILED ? no_memory() : gate_refusal(401, found.why);
    if (verdict.status == 401)
        verdict.token_problem = INVALID_TOKEN;
    return verdict;
}

struct token_check {
    struct gate *gate;
    char *token;
    gate_told_fn *told;
    void *argument;
};

static void destroy_token_check(struct token_check *check)
{
    if (check != NULL && check->token != NULL)
        explicit_bzero(check->token, strlen(check->token));
    if (check != NULL)
        mem_free(check->token);
    mem_free(check);
}

/* The issuer was asked, or may not be asked now: what is unknown still is unknown. */
static void look_again(void *argument, bool has_keys)
{
    struct token_check *check = argument;
    struct gate_verdict verdict = look_at_token(check->gate, check->token);
    if (verdict.outcome == GATE_UNDECIDED && has_keys) {
        verdict = gate_refusal(401, "the token is signed by a key that the issuer does not offer");
        verdict.token_problem = INVALID_TOKEN;
    } else if (verdict.outcome == GATE_UNDECIDED) {
        verdict = gate_refusal(503, "The issuer of tokens could not be asked for its keys yet. Try again in a moment.");
    }
    check->told(check->argument, &verdict);
    destroy_token_check(check);
}

static void check_token(struct gate *gate, const char *token, gate_told_fn *told, void *argument)
{
    struct token_check *check = mem_calloc(1, sizeof(*check));
    char *copy = mem_strdup(token);
    if (check == NULL || copy == NULL) {
        struct gate_verdict verdict = no_memory();
        mem_free(copy);
        mem_free(check);
        told(argument, &verdict);
        return;
    }
    *check = (struct token_check){gate, copy, told, argument};
    key_set_await(gate->key_set, look_again, check);
}

/* ---- both doors ---- */

struct gate_verdict gate_look(struct gate *gate, const struct http_request *request)
{
    const char *header = http_request_header(request, "Authorization"), *token;
    if (header == NULL)
        return look_at_certificate(gate, request);
    if (http_request_header_count(request, "Authorization") > 1)
        return gate_refusal(401, "There is more than one Authorization header.");
    if (basic_is_scheme(header))
        return look_at_password(gate, request, header);
    token = token_of(header);
    return token != NULL ? look_at_token(gate, token)
                         : gate_refusal(401, "The scheme of the Authorization header is not known here.");
}

void gate_check(struct gate *gate, const struct http_request *request, gate_told_fn *told, void *argument)
{
    struct gate_verdict verdict = gate_look(gate, request);
    const char *header = http_request_header(request, "Authorization");
    if (verdict.outcome != GATE_UNDECIDED)
        told(argument, &verdict);
    else if (basic_is_scheme(header))
        check_password(gate, request, header, told, argument);
    else
        check_token(gate, token_of(header), told, argument);
}
