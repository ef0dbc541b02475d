#include "forwarding/client.h"

#include <assert.h>
#include <curl/curl.h>
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/thread.h"
#include "base/timer_heap.h"
#include "forwarding/tls_internal.h"
#include "tls/tls_keeper.h"

#include "base/bans.h"

#define POLL_MAX_MS 1000
#define HEADER_LINE_MAX 8300

static const char NO_MEMORY[] = "no memory left for the request";

/* One request, from client_send until it is told. */
struct call {
    struct call *next; /* in the inbox, or among those that are not ready */
    struct client *client;
    CURL *easy;
    const struct tls_material *material; /* of an https request; NULL: none */
    struct curl_slist *headers;
    struct str_buffer answer;
    struct timer_entry deadline;
    size_t body_length;
    bool is_in_multi;
    bool is_too_large; /* its answer */
    bool may_be_sent;  /* some of it, over any connection */
    bool is_unreachable;
    int status;
    char why[CURL_ERROR_SIZE + 300];
    client_ready_fn *is_ready;
    client_extend_fn *extend;
    client_done_fn *done;
    void *argument;
};

struct client {
    struct peer_tls tls;
    CURLM *multi;
    pthread_t thread; /* started with the first request */
    bool has_thread;  /* under the lock */

    pthread_mutex_t lock;
    struct call *first, *last; /* the inbox. locks: lock */
    size_t count, body_bytes;  /* under way, the inbox included. locks: lock */
    bool is_stopping;          /* locks: lock */

    /* The client's thread. */
    struct timer_heap deadlines;
    struct call *unready;
    size_t answer_bytes;
};

/* ---- a call ---- */

static void call_destroy(struct call *call)
{
    curl_easy_cleanup(call->easy);
    tls_material_drop(call->material);
    curl_slist_free_all(call->headers);
    str_buffer_release(&call->answer);
    mem_free(call);
}

static bool call_add_header(struct call *call, const char *name, const char *value)
{
    char line[HEADER_LINE_MAX];
    struct curl_slist *longer;

    if (value == NULL)
        return true;
    if (strpbrk(value, "\r\n") != NULL ||
        snprintf(line, sizeof(line), *value == '\0' ? "%s;" : "%s: %s", name, value) >= (int)sizeof(line))
        return false;
    longer = curl_slist_append(call->headers, line);
    if (longer != NULL)
        call->headers = longer;
    return longer != NULL;
}

static bool call_add_headers(struct call *call, const struct client_request *request)
{
    bool fine = call_add_header(call, "Accept", "application/json") && call_add_header(call, "User-Agent", "millrace");

    if (fine && request->body != NULL)
        fine = call_add_header(call, "Content-Type", "application/json");
    for (size_t i = 0; i < request->header_count && fine; i++)
        fine = call_add_header(call, request->headers[i].name, request->headers[i].value);
    return fine;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *argument)
{
    struct call *call = argument;
    struct client *client = call->client;
    size_t length = size * count;

    call->is_too_large = length > CLIENT_ANSWERS_MAX - client->answer_bytes;
    if (call->is_too_large || !str_buffer_append(&call->answer, bytes, length)) {
        call->is_too_large = call->is_too_large || call->answer.over_max;
        return 0; /* ends the transfer */
    }
    client->answer_bytes += length;
    return length;
}

/* A connection is there. curl sends over a new one what it sent in vain over an old one; that the new one fails then proves nothing. */
static int on_connected(void *argument, char *their_ip, char *our_ip, int their_port, int our_port)
{
    struct call *call = argument;

    (void)their_ip, (void)our_ip, (void)their_port, (void)our_port;
    call->may_be_sent = true;
    return CURL_PREREQFUNC_OK;
}

#define SET(option, value) (curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

static bool call_set_up(struct call *call, const struct client_request *request)
{
    long connect_timeout_ms = request->connect_timeout_ms != 0 ? (long)request->connect_timeout_ms : CLIENT_CONNECT_TIMEOUT_MS;
    CURL *easy = call->easy;
    bool fine = SET(CURLOPT_URL, request->url) && SET(CURLOPT_CUSTOMREQUEST, request->method) &&
                SET(CURLOPT_HTTPHEADER, call->headers) && SET(CURLOPT_PRIVATE, call) && SET(CURLOPT_NOSIGNAL, 1L) &&
                SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_PROXY, request->proxy != NULL ? request->proxy : "") &&
                SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
                SET(CURLOPT_MAXAGE_CONN, (long)CLIENT_IDLE_MAX_S) && SET(CURLOPT_PATH_AS_IS, 1L) &&
                SET(CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms) && SET(CURLOPT_ERRORBUFFER, call->why) &&
                SET(CURLOPT_WRITEFUNCTION, on_bytes) && SET(CURLOPT_WRITEDATA, call) &&
                SET(CURLOPT_PREREQFUNCTION, on_connected) && SET(CURLOPT_PREREQDATA, call);

    if (fine && request->body != NULL)
        fine = SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length) && SET(CURLOPT_POSTFIELDS, request->body);
    return fine;
}

/* Without it a large body would wait for the other side's word, which never refuses one. */
static bool call_forbid_expect(struct call *call)
{
    struct curl_slist *longer = curl_slist_append(call->headers, "Expect:");

    if (longer != NULL)
        call->headers = longer;
    return longer != NULL;
}

/* NULL: *why says so. */
static struct call *call_create(struct client *client, const struct client_request *request, const char **why)
{
    struct call *call = mem_calloc(1, sizeof(*call));

    *why = NO_MEMORY;
    if (call == NULL)
        return NULL;
    call->client = client;
    call->is_ready = request->is_ready;
    call->extend = request->extend;
    call->done = request->done;
    call->argument = request->argument;
    call->body_length = request->body_length;
    timer_entry_init(&call->deadline, call);
    call->deadline.deadline_ms = request->deadline_ms;
    str_buffer_init(&call->answer, request->answer_max != 0 ? request->answer_max : CLIENT_ANSWER_MAX);
    call->easy = curl_easy_init();
    if (call->easy != NULL && call_forbid_expect(call) && call_add_headers(call, request) && call_set_up(call, request) &&
        (strncmp(request->url, "https:", 6) != 0 || peer_tls_apply(&client->tls, call->easy, &call->material, why)))
        return call;
    call_destroy(call);
    return NULL;
}

static struct client_answer answer_of(const struct call *call)
{
    bool has_come = call->status != 0;

    return (struct client_answer){.status = call->status,
                                  .is_unreachable = !has_come && call->is_unreachable,
                                  .was_sent = call->may_be_sent,
                                  .why = has_come ? "" : call->why,
                                  .body = has_come ? str_buffer_text(&call->answer) : "",
                                  .body_length = has_come ? call->answer.length : 0,
                                  .handle = call->easy};
}

/* Takes it out of everything but the list of those that are not ready, tells, frees. */
static void call_end(struct call *call)
{
    struct client *client = call->client;
    struct client_answer answer = answer_of(call);

    if (call->is_in_multi)
        curl_multi_remove_handle(client->multi, call->easy);
    timer_heap_remove(&client->deadlines, &call->deadline);
    client->answer_bytes -= call->answer.length;
    mutex_lock(&client->lock);
    client->count--;
    client->body_bytes -= call->body_length;
    mutex_unlock(&client->lock);
    call->done(call->argument, &answer);
    call_destroy(call);
}

static void call_fail(struct call *call, const char *why)
{
    call->status = 0;
    snprintf(call->why, sizeof(call->why), "%s", why);
    call_end(call);
}

/* ---- the client's thread ---- */

static void begin(struct client *client, struct call *call)
{
    if (!timer_heap_set(&client->deadlines, &call->deadline, call->deadline.deadline_ms) ||
        curl_multi_add_handle(client->multi, call->easy) != CURLM_OK)
        call_fail(call, NO_MEMORY);
    else
        call->is_in_multi = true;
}

static bool is_ready(const struct call *call)
{
    struct client_answer answer = answer_of(call);

    return call->status == 0 || call->is_ready == NULL || call->is_ready(call->argument, &answer);
}

/* Not so certificates that do not fit: trying again does not mend those. */
static bool says_unreachable(CURLcode code)
{
    return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_OPERATION_TIMEDOUT;
}

/* OpenSSL, which would say what it does not believe, has said nothing (0), or was not asked yet (1, "unspecified"): the name is curl's to
 * look at, and it does so before. */
static bool is_misnamed(const struct call *call)
{
    long verified = -1;

    return curl_easy_getinfo(call->easy, CURLINFO_SSL_VERIFYRESULT, &verified) == CURLE_OK &&
           (verified == 0 || verified == 1);
}

static void name_remedy(struct call *call)
{
    char words[CURL_ERROR_SIZE];

    snprintf(words, sizeof(words), "%.255s", call->why);
    if (is_misnamed(call))
        snprintf(call->why, sizeof(call->why),
                 "the certificate of that worker does not name the host it is asked at: put the host into its subjectAltName, or set "
                 "rest.advertised.host.name of that worker to a name that stands there (%s)",
                 words);
    else
        snprintf(call->why, sizeof(call->why),
                 "the certificate of that worker is not believed: name its authority in ssl.truststore.location of this worker (%s)", words);
}

static void transfer_ended(struct client *client, struct call *call, CURLcode code)
{
    long status = 0;

    curl_multi_remove_handle(client->multi, call->easy);
    call->is_in_multi = false;
    if (code == CURLE_OK)
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    else if (call->is_too_large)
        snprintf(call->why, sizeof(call->why), "the answer is too large");
    else if (call->why[0] == '\0')
        snprintf(call->why, sizeof(call->why), "%s", curl_easy_strerror(code));
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        name_remedy(call);
    call->status = (int)status;
    call->is_unreachable = !call->may_be_sent && says_unreachable(code);
    if (is_ready(call)) {
        call_end(call);
        return;
    }
    call->next = client->unready;
    client->unready = call;
}

static void read_messages(struct client *client)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        struct call *call = NULL;
        CURLcode code = message->data.result; /* the message dies with the handle's removal */

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        transfer_ended(client, call, code);
    }
}

/* May it go on beyond its deadline, which has come? */
static bool is_extended(struct client *client, struct call *call, int64_t now_ms)
{
    int64_t until_ms = call->extend != NULL ? call->extend(call->argument, now_ms) : 0;

    return until_ms > now_ms && timer_heap_set(&client->deadlines, &call->deadline, until_ms);
}

/* Those whose answer came but may not be told yet. A deadline is looked at here too, so that nobody else takes them out. */
static void look_at_unready(struct client *client)
{
    int64_t now_ms = clock_monotonic_ms(NULL);
    struct call *call = client->unready;

    client->unready = NULL;
    while (call != NULL) {
        struct call *next = call->next;

        if (is_ready(call) || (now_ms >= call->deadline.deadline_ms && !is_extended(client, call, now_ms))) {
            call_end(call);
        } else {
            call->next = client->unready;
            client->unready = call;
        }
        call = next;
    }
}

static void end_overdue(struct client *client)
{
    int64_t now_ms = clock_monotonic_ms(NULL);
    struct timer_entry *entry;

    while ((entry = timer_heap_pop_due(&client->deadlines, now_ms)) != NULL) {
        struct call *call = entry->item;

        if (call->is_in_multi && !is_extended(client, call, now_ms))
            call_fail(call, "no answer in time");
    }
}

/* The inbox, oldest first; `*is_stopping` true: the last time. */
static struct call *take_inbox(struct client *client, bool *is_stopping)
{
    struct call *first;

    mutex_lock(&client->lock);
    first = client->first;
    client->first = client->last = NULL;
    *is_stopping = client->is_stopping;
    mutex_unlock(&client->lock);
    return first;
}

static void end_all(struct client *client)
{
    struct timer_entry *entry;

    while (client->unready != NULL) {
        struct call *call = client->unready;

        client->unready = call->next;
        call_end(call); /* its answer has come */
    }
    while ((entry = timer_heap_pop_due(&client->deadlines, INT64_MAX)) != NULL)
        call_fail(entry->item, "the worker is shutting down");
}

static int pause_ms(const struct client *client)
{
    int64_t left_ms = timer_heap_next_ms(&client->deadlines);

    if (client->unready != NULL)
        return CLIENT_READY_POLL_MS;
    if (left_ms == INT64_MAX)
        return POLL_MAX_MS;
    left_ms -= clock_monotonic_ms(NULL);
    return left_ms < 0 ? 0 : left_ms > POLL_MAX_MS ? POLL_MAX_MS : (int)left_ms;
}

static void *run(void *argument)
{
    struct client *client = argument;
    bool is_stopping = false;
    int running;

    while (!is_stopping) {
        struct call *call = take_inbox(client, &is_stopping);

        while (call != NULL) {
            struct call *next = call->next;

            begin(client, call);
            call = next;
        }
        curl_multi_perform(client->multi, &running);
        read_messages(client);
        look_at_unready(client);
        end_overdue(client);
        if (!is_stopping)
            curl_multi_poll(client->multi, NULL, 0, pause_ms(client), NULL);
    }
    end_all(client);
    return NULL;
}

/* ---- life ---- */

static void client_free(struct client *client)
{
    if (client->multi != NULL)
        curl_multi_cleanup(client->multi);
    curl_global_cleanup();
    peer_tls_release(&client->tls);
    timer_heap_release(&client->deadlines);
    mutex_destroy(&client->lock);
    mem_free(client);
}

static bool multi_set_up(CURLM *multi)
{
    return multi != NULL && curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CLIENT_CONNECTIONS_MAX) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)CLIENT_HOST_CONNECTIONS_MAX) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)CLIENT_IDLE_CONNECTIONS_MAX) == CURLM_OK;
}

struct client *client_start(const struct string_map *properties, struct mr_error **error)
{
    struct client *client = NULL;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
        client = mem_calloc(1, sizeof(*client));
        if (client == NULL)
            curl_global_cleanup();
    }
    if (client == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "requests to other workers: no memory");
        return NULL;
    }
    peer_tls_init(&client->tls, properties);
    mutex_init(&client->lock);
    timer_heap_init(&client->deadlines);
    client->multi = curl_multi_init();
    if (multi_set_up(client->multi))
        return client;
    mr_error_set(error, MR_ERR_NO_MEMORY, "requests to other workers: no memory");
    client_free(client);
    return NULL;
}

void client_stop(struct client *client)
{
    if (client == NULL)
        return;
    mutex_lock(&client->lock);
    client->is_stopping = true;
    mutex_unlock(&client->lock);
    if (client->has_thread) {
        curl_multi_wakeup(client->multi);
        thread_join(client->thread);
    }
    assert(client->count == 0);
    client_free(client);
}

/* ---- sending ---- */

/* locks: client->lock. A worker that is alone never asks another one. */
static bool thread_there(struct client *client)
{
    char words[160];

    if (!client->has_thread)
        client->has_thread = thread_start(
            &client->thread, &(struct thread_setup){.name = "forwarding", .run = run, .argument = client}, words, sizeof(words));
    return client->has_thread;
}

/* Into the inbox; false: `why` says full, too late, or no thread. */
static bool enter(struct client *client, struct call *call, const char **why)
{
    bool fits;

    mutex_lock(&client->lock);
    fits = !client->is_stopping && client->count < CLIENT_REQUESTS_MAX &&
           call->body_length <= CLIENT_BODIES_MAX - client->body_bytes;
    if (!fits) {
        *why = "too many requests to other workers are under way";
    } else if (!thread_there(client)) {
        fits = false;
        *why = "no thread for requests to other workers (raise the limit of processes)";
    }
    if (fits) {
        client->count++;
        client->body_bytes += call->body_length;
        if (client->last != NULL)
            client->last->next = call;
        else
            client->first = call;
        client->last = call;
    }
    mutex_unlock(&client->lock);
    return fits;
}

bool client_send(struct client *client, const struct client_request *request, const char **why)
{
    struct call *call = call_create(client, request, why);

    if (call == NULL)
        return false;
    if (!enter(client, call, why)) {
        call_destroy(call);
        return false;
    }
    curl_multi_wakeup(client->multi);
    return true;
}

const char *client_answer_header(const struct client_answer *answer, const char *name)
{
    struct curl_header *header;

    if (answer->status == 0 ||
        curl_easy_header(answer->handle, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    return header->value;
}
