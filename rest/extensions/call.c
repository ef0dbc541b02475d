/* One request's way through the extensions: a job for each call, the next one posted when it has returned. */
#include <millrace/error.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/refcount.h"
#include "executor/job_pool.h"
#include "extensions/extensions_internal.h"
#include "http/exchange.h"
#include "http/request.h"
#include "http/response.h"
#include "json/json_error.h"

#include "base/bans.h"

#define PATH_MAX_BYTES (3 * HTTP_REQUEST_LINE_MAX + 16)

struct call {
    struct refcount owners; /* its outcome, and its run; with each an exchange is held */
    struct extensions *extensions;
    struct extension *extension;
    struct http_exchange *exchange;
    const char *caller;
    bool serves;                  /* else it filters */
    extensions_passed_fn *passed; /* of a filter */
    extensions_refused_fn *refused;
    void *argument;
    struct mr_rest_request request; /* what the extension sees */
    struct str_buffer path;
    struct extension_answer answer;
    int status; /* of the call */
    struct mr_error *error;
};

/* ---- what the extension sees of the request ---- */

static const char *segment(const void *owner, size_t index)
{
    const struct http_request *request = owner;
    return index < request->target.segment_count && index < HTTP_SEGMENTS_MAX ? request->target.segments[index] : NULL;
}

static const char *query(const void *owner, const char *name)
{
    return http_request_query(owner, name);
}

static const char *header(const void *owner, const char *name)
{
    return http_request_header(owner, name);
}

static bool fill_request(struct call *call)
{
    static const struct rest_request_host host = {.segment = segment, .query = query, .header = header};
    const struct http_request *request = http_exchange_request(call->exchange);
    for (size_t i = 0; segment(request, i) != NULL; i++) {
        str_buffer_append_char(&call->path, '/');
        http_segment_append(&call->path, segment(request, i));
    }
    if (call->path.length == 0)
        str_buffer_append_char(&call->path, '/');
    call->request = (struct mr_rest_request){.host = &host,
                                             .owner = request,
                                             .method = http_method_name(request->method),
                                             .path = str_buffer_text(&call->path),
                                             .caller = call->caller,
                                             .client_address = request->client_address,
                                             .body = {request->body, request->body_length}};
    return !str_buffer_failed(&call->path);
}

/* ---- answers of our own ---- */

static void answer_error(struct http_exchange *exchange, int status, const char *format, const char *name)
{
    struct str_buffer words;
    struct http_response response;
    str_buffer_init(&words, 64 * 1024);
    str_buffer_printf(&words, format, name);
    http_response_init(&response, status, HTTP_CONTENT_JSON);
    json_error_set_told(&response, status, str_buffer_text(&words));
    str_buffer_release(&words);
    http_exchange_answer(exchange, &response);
}

static int status_of(const struct mr_error *error)
{
    switch (mr_error_code(error)) {
    case MR_ERR_CONFIG: return 400;
    case MR_ERR_NOT_FOUND: return 404;
    case MR_ERR_CONFLICT: return 409;
    default: return 500;
    }
}

/* It failed, or said what cannot be sent. Why a filter failed is the log's alone: the client may be who it keeps out. */
static void answer_failure(struct call *call)
{
    const char *name = call->extension->plugin->class_name;
    const char *words = call->answer.why[0] != '\0' ? call->answer.why
                        : call->error != NULL       ? mr_error_message(call->error)
                        : call->status == 0         ? "no answer"
                                                    : "it gave no reason";
    bool tells = call->serves && call->error != NULL && call->answer.why[0] == '\0';
    log_warn("rest.extensions", "REST extension %s failed in %s %s: %s", name, call->request.method, call->request.path, words);
    if (tells)
        answer_error(call->exchange, status_of(call->error), "%s", mr_error_message(call->error));
    else
        answer_error(call->exchange, 500, "REST extension %s failed", name);
}

/* ---- a call ---- */

static void call_drop(struct call *call)
{
    if (!refcount_drop(&call->owners))
        return;
    mr_error_drop(call->error);
    extension_answer_release(&call->answer);
    str_buffer_release(&call->path);
    mem_free(call);
}

/* The run has ended, or never begun: the extension has let go of the request. */
static void call_left(struct call *call)
{
    struct http_exchange *exchange = call->exchange;
    atomic_fetch_sub(&call->extension->inside, 1);
    call_drop(call);
    http_exchange_drop(exchange);
}

static void run(void *argument)
{
    struct call *call = argument;
    const struct mr_rest_extension_ops *ops = call->extension->ops;
    const struct plugin_call before = plugin_call_enter(&call->extension->plugin->name, call->serves ? "serve" : "filter");
    call->status = (call->serves ? ops->serve : ops->filter)(call->extension->self, &call->request, &call->answer.door, &call->error);
    plugin_call_leave(before);
}

static void filter_from(struct extensions *extensions, size_t index, const struct call *like);

static bool is_refusal(int status)
{
    return status == 401 || status == 403 || status == 429;
}

static void go_on(struct call *call)
{
    struct http_response response;
    bool is_good = call->status == 0 && call->answer.why[0] == '\0' && !(call->serves && call->answer.status == 0);
    if (!is_good) {
        answer_failure(call);
        return;
    }
    if (atomic_load(&call->extensions->stopping)) {
        answer_error(call->exchange, 503, "%s", "The worker is shutting down");
        return;
    }
    extension_answer_note_headers(&call->answer, call->exchange);
    if (call->answer.status != 0) {
        if (!call->serves && is_refusal(call->answer.status))
            call->refused(call->argument, call->exchange, call->answer.status, call->extension->plugin->class_name);
        extension_answer_fill(&call->answer, &response);
        http_exchange_answer(call->exchange, &response);
        return;
    }
    filter_from(call->extensions, (size_t)(call->extension - call->extensions->list) + 1, call);
}

static void on_outcome(void *argument, enum job_outcome outcome)
{
    struct call *call = argument;
    if (outcome == JOB_DONE) {
        go_on(call);
        call_left(call);
    } else {
        log_warn("rest.extensions", "REST extension %s did not return from %s %s within %u ms", call->extension->plugin->class_name,
                 call->request.method, call->request.path, call->extensions->timeout_ms);
        answer_error(call->exchange, 503, "REST extension %s did not answer in time", call->extension->plugin->class_name);
    }
    call_drop(call);
}

static void on_late(void *argument)
{
    call_left(argument);
}

/* A call like another one: of the same request. NULL: no memory, the exchange was answered. */
static struct call *call_create(const struct call *like, struct extension *extension)
{
    struct call *call = mem_alloc(sizeof(*call));
    if (call == NULL) {
        answer_error(like->exchange, 503, "%s", "Out of memory. Try again in a moment.");
        return NULL;
    }
    *call = (struct call){.extensions = like->extensions, .extension = extension, .exchange = like->exchange,
                          .caller = like->caller, .serves = like->serves, .passed = like->passed, .refused = like->refused,
                          .argument = like->argument};
    refcount_init(&call->owners);
    str_buffer_init(&call->path, PATH_MAX_BYTES);
    extension_answer_init(&call->answer);
    if (fill_request(call))
        return call;
    answer_error(like->exchange, 503, "%s", "Out of memory. Try again in a moment.");
    call_drop(call);
    return NULL;
}

static void post(const struct call *like, struct extension *extension)
{
    const char *name = extension->plugin->class_name;
    struct extensions *extensions = like->extensions;
    if (atomic_fetch_add(&extension->inside, 1) >= MR_REST_CALLS_MAX) {
        atomic_fetch_sub(&extension->inside, 1);
        answer_error(like->exchange, 503, "REST extension %s is busy with other requests. Try again in a moment.", name);
        return;
    }
    struct call *call = call_create(like, extension);
    if (call == NULL) {
        atomic_fetch_sub(&extension->inside, 1);
        return;
    }
    refcount_take(&call->owners);
    http_exchange_take(call->exchange);
    if (job_post(extensions->pool, &(struct job){.run = run,
                                                 .on_outcome = on_outcome,
                                                 .on_late = on_late,
                                                 .argument = call,
                                                 .deadline_ms = clock_monotonic_ms(NULL) + extensions->timeout_ms}))
        return;
    answer_error(call->exchange, 503, "%s", "The worker is shutting down, or has no room for REST extensions");
    call_left(call);
    call_drop(call);
}

/* The first filter from there on; past the last the request passes. */
static void filter_from(struct extensions *extensions, size_t index, const struct call *like)
{
    while (index < extensions->count && extensions->list[index].ops->filter == NULL)
        index++;
    if (index < extensions->count)
        post(like, &extensions->list[index]);
    else
        like->passed(like->argument, like->exchange);
}

void extensions_filter(struct extensions *extensions, struct http_exchange *exchange, const char *caller,
                       extensions_passed_fn *passed, extensions_refused_fn *refused, void *argument)
{
    const struct call like = {.extensions = extensions, .exchange = exchange, .caller = caller, .passed = passed, .refused = refused,
                              .argument = argument};
    filter_from(extensions, 0, &like);
}

static struct extension *find_server(struct extensions *extensions, const char *first_segment)
{
    for (size_t i = 0; i < extensions->count; i++) {
        const char *prefix = extensions->list[i].ops->prefix;
        if (prefix != NULL && strcmp(prefix + 1, first_segment) == 0)
            return &extensions->list[i];
    }
    return NULL;
}

void extensions_serve(struct extensions *extensions, struct http_exchange *exchange, const char *caller)
{
    const char *first = segment(http_exchange_request(exchange), 0);
    struct extension *extension = first == NULL ? NULL : find_server(extensions, first);
    const struct call like = {.extensions = extensions, .exchange = exchange, .caller = caller, .serves = true};
    if (extension != NULL)
        post(&like, extension);
    else
        answer_error(exchange, 404, "HTTP %s", "404 Not Found");
}
