#include "forwarding/forwarding_internal.h"

#include <millrace/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/identity.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/thread.h"
#include "config/worker_config.h"
#include "forwarding/own_certificate_internal.h"
#include "forwarding/signature.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define URL_MAX 20000
#define MESSAGE_MAX 1000
#define NAME_MAX_SELF 300

/* One request on its way. */
struct passing {
    struct forwarding *forwarding;
    struct str_buffer url;
    size_t worker_length; /* of the url: the part that names the worker */
    char method[8];
    int64_t sent_ms, deadline_ms;
    int64_t ready_by_ms; /* 0: no answer yet */
    struct pulse *pulse; /* the other worker's */
    bool is_vain;        /* that one is frozen or cut off */
    forwarding_done_fn *done;
    void *argument;
};

static void passing_destroy(struct passing *passing)
{
    pulse_drop(passing->pulse);
    str_buffer_release(&passing->url);
    mem_free(passing);
}

static int64_t config_offset_of(const struct client_answer *answer)
{
    const char *text = client_answer_header(answer, FORWARDING_OFFSET_HEADER);

    return text == NULL ? -1 : strtoll(text, NULL, 10);
}

static bool has_caught_up(void *argument, const struct client_answer *answer)
{
    struct passing *passing = argument;
    int64_t now_ms = clock_monotonic_ms(NULL), wanted = config_offset_of(answer);
    struct config_snapshot *snapshot = config_store_snapshot(passing->forwarding->configs);
    bool is_there = config_snapshot_offset(snapshot) >= wanted;

    config_snapshot_drop(snapshot);
    if (passing->ready_by_ms == 0)
        passing->ready_by_ms = now_ms + FORWARDING_CATCH_UP_MS;
    return is_there || now_ms >= passing->ready_by_ms;
}

/* Until the worker has given no sign of life for too long. */
static int64_t go_on_until(void *argument, int64_t now_ms)
{
    struct passing *passing = argument;
    int64_t look_ms = now_ms + pulse_look_ms(passing->forwarding);

    if (now_ms >= passing->deadline_ms)
        return 0;
    passing->is_vain = pulse_is_gone(passing->pulse, passing->sent_ms, now_ms);
    if (passing->is_vain)
        return 0;
    return look_ms < passing->deadline_ms ? look_ms : passing->deadline_ms;
}

static void tell_failure(struct passing *passing, int status, const char *why)
{
    struct str_buffer message;

    str_buffer_init(&message, MESSAGE_MAX + URL_MAX);
    if (status == 500)
        str_buffer_append_text(&message, "IO Error trying to forward REST request: ");
    str_buffer_append_text(&message, why);
    passing->done(passing->argument, &(struct forwarding_answer){.status = status, .message = str_buffer_text(&message)});
    str_buffer_release(&message);
}

/* Nothing has happened there, as with every other request that finds nobody who may do it: whoever tries again does it right. It is
 * so with a worker that ends, until another one has its place. */
static void tell_unreachable(struct passing *passing, const char *why)
{
    struct str_buffer words;

    str_buffer_init(&words, MESSAGE_MAX + URL_MAX);
    str_buffer_printf(&words, "Worker %.*s, which would have to do this, cannot be reached (%s); nothing was sent to it, try again",
                      (int)passing->worker_length, str_buffer_text(&passing->url), why);
    tell_failure(passing, 409, str_buffer_text(&words));
    str_buffer_release(&words);
}

/* When it comes to itself it sees that nobody waits for its answer, and does not begin with it (http_exchange_is_forsaken). */
static void tell_vain(struct passing *passing)
{
    struct str_buffer words;

    str_buffer_init(&words, MESSAGE_MAX + URL_MAX);
    str_buffer_printf(&words,
                      "Worker %.*s, which would have to do this, has not given any answer for %u ms: it may be frozen, or cut off. "
                      "Another one takes over when its session is over; look whether this was done, and try again",
                      (int)passing->worker_length, str_buffer_text(&passing->url), passing->forwarding->patience_ms);
    tell_failure(passing, 409, str_buffer_text(&words));
    str_buffer_release(&words);
}

static void on_answer(void *argument, const struct client_answer *answer)
{
    struct passing *passing = argument;

    if (answer->status != 0) {
        pulse_felt(passing->pulse);
        passing->done(passing->argument,
                      &(struct forwarding_answer){.status = answer->status,
                                                  .body = answer->body,
                                                  .body_length = answer->body_length,
                                                  .content_type = client_answer_header(answer, "Content-Type")});
    } else {
        log_warn(FORWARDING_LOG, "no answer to %s %s: %s", passing->method, str_buffer_text(&passing->url), answer->why);
        if (answer->is_unreachable)
            tell_unreachable(passing, answer->why);
        else if (passing->is_vain)
            tell_vain(passing);
        else
            tell_failure(passing, 500, answer->why);
    }
    passing_destroy(passing);
}

static struct passing *passing_create(struct forwarding *forwarding, const struct forwarding_request *request)
{
    struct passing *passing = mem_calloc(1, sizeof(*passing));
    size_t length = strlen(request->url);

    if (passing == NULL)
        return NULL;
    passing->forwarding = forwarding;
    for (size_t i = 0; i + 1 < sizeof(passing->method) && request->method[i] != '\0'; i++)
        passing->method[i] = request->method[i];
    str_buffer_init(&passing->url, URL_MAX);
    str_buffer_append(&passing->url, request->url, length);
    passing->worker_length = length;
    if (length > 0 && request->url[length - 1] != '/')
        str_buffer_append_char(&passing->url, '/');
    str_buffer_append_text(&passing->url, request->target);
    passing->pulse = pulse_take(forwarding, request->url);
    passing->sent_ms = clock_monotonic_ms(NULL);
    passing->deadline_ms = request->deadline_ms;
    if (!str_buffer_failed(&passing->url) && passing->pulse != NULL)
        return passing;
    passing_destroy(passing);
    return NULL;
}

/* 0, or the status for the asker. */
static int write_caller(const struct passing *passing, const struct forwarding_request *request, struct str_buffer *header,
                        const char **why)
{
    const struct caller_call call = {request->method, str_buffer_text(&passing->url), request->body, request->body_length};

    return caller_write(passing->forwarding->callers, request->caller, request->bindings, &call, header, why);
}

static bool send_with_caller(struct passing *passing, const struct forwarding_request *request, const char *caller,
                             const char **why)
{
    const struct client_header headers[] = {
        {"Authorization", caller == NULL ? request->authorization : NULL},
        {CALLER_HEADER, caller},
        {SIGNATURE_HEADER, request->signature},
        {SIGNATURE_ALGORITHM_HEADER, request->signature_algorithm},
        {"X-Request-ID", request->request_id},
    };

    return client_send(passing->forwarding->client,
                       &(struct client_request){.method = request->method,
                                                .url = str_buffer_text(&passing->url),
                                                .body = request->body,
                                                .body_length = request->body_length,
                                                .headers = headers,
                                                .header_count = sizeof(headers) / sizeof(headers[0]),
                                                .deadline_ms = go_on_until(passing, passing->sent_ms),
                                                .is_ready = has_caught_up,
                                                .extend = go_on_until,
                                                .done = on_answer,
                                                .argument = passing},
                       why);
}

/* 0, or the status for the asker. */
static int passing_send(struct passing *passing, const struct forwarding_request *request, const char **why)
{
    bool says_caller = passing->forwarding->self != NULL && request->caller != NULL;
    struct str_buffer header;
    int status;

    str_buffer_init(&header, CALLER_HEADER_MAX);
    status = says_caller ? write_caller(passing, request, &header, why) : 0;
    if (status == 0 && !send_with_caller(passing, request, says_caller ? str_buffer_text(&header) : NULL, why))
        status = 503;
    str_buffer_release(&header);
    return status;
}

void forwarding_send(struct forwarding *forwarding, const struct forwarding_request *request, forwarding_done_fn *done,
                     void *argument)
{
    struct passing *passing = passing_create(forwarding, request);
    const char *why = NULL;
    int status;

    if (passing == NULL) {
        done(argument, &(struct forwarding_answer){.status = 503, .message = "The worker has no memory left for this request"});
        return;
    }
    passing->done = done;
    passing->argument = argument;
    log_debug(FORWARDING_LOG, "passing on %s %s", passing->method, str_buffer_text(&passing->url));
    status = passing_send(passing, request, &why);
    if (status == 0)
        return;
    tell_failure(passing, status, why);
    passing_destroy(passing);
}

/* ---- life ---- */

static int prepare_callers(struct forwarding *forwarding, const struct forwarding_setup *setup, struct mr_error **error)
{
    const char *secret = setup->worker->inter_worker_secret;
    bool has_secret = secret != NULL && *secret != '\0';
    const struct callers_setup callers = {.secret = secret,
                                          .is_sessioned = worker_config_is_sessioned(setup->worker),
                                          .configs = setup->configs,
                                          .address = setup->address};
    bool needs_login = worker_config_needs_login(setup->worker);
    char name[NAME_MAX_SELF];

    if (!needs_login && !callers.is_sessioned && !has_secret)
        return 0;
    forwarding->callers = callers_create(&callers, error);
    if (forwarding->callers == NULL || !(needs_login || has_secret))
        return forwarding->callers == NULL ? -1 : 0;
    snprintf(name, sizeof(name), "worker %s", setup->address);
    forwarding->self = identity_create(name, IDENTITY_WORKER);
    if (has_secret && caller_secret_mark(secret, forwarding->secret_mark))
        forwarding->link.secret_mark = forwarding->secret_mark;
    if (forwarding->self == NULL || (has_secret && forwarding->link.secret_mark == NULL))
        return mr_error_set(error, MR_ERR_NO_MEMORY, "requests to other workers: no memory");
    return 0;
}

static void warn_of_own_certificate(const struct forwarding_setup *setup)
{
    char why[200] = "";
    enum own_certificate is = OWN_CERTIFICATE_BELIEVED;

    if (strcmp(setup->worker->advertised_scheme, "https") == 0)
        is = own_certificate_look(setup->worker->properties, setup->address, why, sizeof(why));
    if (is == OWN_CERTIFICATE_MISNAMED)
        log_warn(FORWARDING_LOG,
                 "other workers ask this one at https://%s/, and its certificate does not name that host (%s): they could pass no request on "
                 "to it. Put the host into subjectAltName of the certificate, or set rest.advertised.host.name to a name that stands there",
                 setup->address, why);
    if (is != OWN_CERTIFICATE_UNBELIEVED)
        return;
    log_warn(FORWARDING_LOG,
             "a worker with these ssl.* properties would not believe this one at https://%s/ (%s), and could pass no request on to it: "
             "name the authority that issued its certificate, or a certificate that signed itself, in ssl.truststore.location of every "
             "worker",
             setup->address, why);
}

static void forwarding_free(struct forwarding *forwarding)
{
    callers_destroy(forwarding->callers);
    identity_destroy(forwarding->self);
    mutex_destroy(&forwarding->lock);
    mem_free(forwarding);
}

struct forwarding *forwarding_start(const struct forwarding_setup *setup, struct mr_error **error)
{
    struct forwarding *forwarding = mem_calloc(1, sizeof(*forwarding));

    if (forwarding == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "requests to other workers: no memory");
        return NULL;
    }
    mutex_init(&forwarding->lock);
    forwarding->worker = setup->worker;
    forwarding->configs = setup->configs;
    forwarding->patience_ms = setup->patience_ms != 0 ? setup->patience_ms : LEADER_LINK_PATIENCE_MS(setup->worker->session_timeout_ms);
    forwarding->link = forwarding_calls;
    forwarding->link.ask_boot = forwarding_ask_boot;
    forwarding->link.argument = forwarding;
    if (prepare_callers(forwarding, setup, error) == 0)
        forwarding->client = client_start(setup->worker->properties, error);
    if (forwarding->client != NULL) {
        warn_of_own_certificate(setup);
        return forwarding;
    }
    forwarding_free(forwarding);
    return NULL;
}

void forwarding_stop(struct forwarding *forwarding)
{
    if (forwarding == NULL)
        return;
    client_stop(forwarding->client);
    forwarding_free(forwarding);
}

const struct leader_link *forwarding_leader_link(const struct forwarding *forwarding)
{
    return &forwarding->link;
}

struct callers *forwarding_callers(const struct forwarding *forwarding)
{
    return forwarding == NULL ? NULL : forwarding->callers;
}

struct config_store *forwarding_configs(const struct forwarding *forwarding)
{
    return forwarding->configs;
}
