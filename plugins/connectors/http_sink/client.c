#include "client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_plugin.h"
#include "retry_after.h"

#define TRANSFERS_MAX 65 /* one of them for a token */

struct http_client {
    CURLM *multi;
    const struct http_settings *settings;
    struct client_tls tls;
    struct curl_slist *common; /* headers of all requests to the target that have none of their own */
    struct transfer transfers[TRANSFERS_MAX];
    size_t count, to_target;
    bool is_global;
};

#define SET(option, value) (curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

/* --- what libcurl calls ------------------------------------------------------------------------------------------------------ */

static bool is_too_long(const struct answer *answer)
{
    return answer->body_read > ANSWER_BODY_READ && answer->body_read > answer->body_most;
}

static size_t keep_body(char *bytes, size_t one, size_t size, void *owner)
{
    struct answer *answer = &((struct transfer *)owner)->answer;
    size_t room = answer->body_most - answer->body_size, kept = size < room ? size : room;
    char *grown;

    (void)one;
    answer->body_read += size;
    if (kept > 0 && (grown = realloc(answer->body, answer->body_size + kept)) != NULL) {
        memcpy(grown + answer->body_size, bytes, kept);
        answer->body = grown;
        answer->body_size += kept;
    }
    return is_too_long(answer) ? 0 : size;
}

/* --- headers ------------------------------------------------------------------------------------------------------------------ */

/* -1: no memory; the list keeps what it had. */
static int append(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer == NULL)
        return -1;
    *list = longer;
    return 0;
}

/* "Content-Type:" keeps libcurl from sending the one it thinks of, "Expect:" from asking before it sends a large body. */
static int append_common(struct curl_slist **list, const struct http_settings *settings)
{
    char line[1024];

    if (append(list, "Expect:") != 0)
        return -1;
    for (size_t i = 0; i < settings->header_count; i++)
        if (append(list, settings->header_lines[i]) != 0)
            return -1;
    if (http_headers_have(settings->header_lines, settings->header_count, "Content-Type"))
        return 0;
    snprintf(line, sizeof(line), "Content-Type:%s%s", settings->content_type == NULL ? "" : " ",
             settings->content_type == NULL ? "" : settings->content_type);
    return append(list, line);
}

static int append_auth(struct curl_slist **list, const struct http_settings *settings)
{
    char *line;
    int status;

    if (settings->auth != HTTP_AUTH_TEXT)
        return 0;
    if (asprintf(&line, "Authorization: %s", settings->auth_text) < 0)
        return -1;
    status = append(list, line);
    explicit_bzero(line, strlen(line));
    free(line);
    return status;
}

static bool has_own(const struct http_call *call, const char *line)
{
    char name[256];

    snprintf(name, sizeof(name), "%.*s", (int)strcspn(line, ":;"), line);
    return http_headers_have(call->header_lines, call->header_count, name);
}

/* What the call has itself takes the place of the common one of that name. */
static int own_headers(const struct http_client *client, const struct http_call *call, struct curl_slist **list)
{
    if (!call->is_to_target && append(list, "Expect:") != 0)
        return -1;
    for (const struct curl_slist *item = call->is_to_target ? client->common : NULL; item != NULL; item = item->next)
        if (!has_own(call, item->data) && append(list, item->data) != 0)
            return -1;
    for (size_t i = 0; i < call->header_count; i++)
        if (append(list, call->header_lines[i]) != 0)
            return -1;
    return call->authorization == NULL ? 0 : append(list, call->authorization);
}

static void free_headers(struct curl_slist *list)
{
    for (struct curl_slist *item = list; item != NULL; item = item->next)
        explicit_bzero(item->data, strlen(item->data));
    curl_slist_free_all(list);
}

/* --- handles ------------------------------------------------------------------------------------------------------------------- */

static bool set_proxy(const struct http_settings *settings, CURL *easy)
{
    if (settings->proxy_host == NULL)
        return SET(CURLOPT_PROXY, ""); /* nor one of the worker's environment */
    if (!SET(CURLOPT_PROXY, settings->proxy_host) || !SET(CURLOPT_PROXYPORT, (long)settings->proxy_port) ||
        !SET(CURLOPT_NOPROXY, ""))
        return false;
    return settings->proxy_user == NULL ||
           (SET(CURLOPT_PROXYUSERNAME, settings->proxy_user) && SET(CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC) &&
            (settings->proxy_password == NULL || SET(CURLOPT_PROXYPASSWORD, settings->proxy_password)));
}

static bool set_user(const struct http_settings *settings, CURL *easy)
{
    if (settings->auth != HTTP_AUTH_BASIC)
        return true;
    return SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) && SET(CURLOPT_USERNAME, settings->user) &&
           SET(CURLOPT_PASSWORD, settings->password == NULL ? "" : settings->password);
}

/* All that stays the same from request to request. QUICK_EXIT: a look-up of names that hangs is left behind, not waited for. */
static bool set_up(const struct http_client *client, struct transfer *transfer, bool is_to_target)
{
    const struct http_settings *settings = client->settings;
    CURL *easy = transfer->easy;

    return SET(CURLOPT_PRIVATE, transfer) && SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
           SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_PATH_AS_IS, 1L) && SET(CURLOPT_TCP_NODELAY, 1L) &&
           SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) && SET(CURLOPT_USERAGENT, "millrace-http-sink") &&
           SET(CURLOPT_WRITEFUNCTION, keep_body) && SET(CURLOPT_WRITEDATA, transfer) &&
           SET(CURLOPT_CONNECTTIMEOUT_MS, (long)settings->connect_timeout_ms) &&
           SET(CURLOPT_TIMEOUT_MS, (long)settings->request_timeout_ms) && SET(CURLOPT_QUICK_EXIT, 1L) &&
           set_proxy(settings, easy) && (!is_to_target || set_user(settings, easy)) &&
           client_tls_set(&client->tls, &settings->tls, easy) == 0;
}

static struct transfer *make_transfer(struct http_client *client, bool is_to_target)
{
    struct transfer *transfer = &client->transfers[client->count];

    *transfer = (struct transfer){.client = client, .easy = curl_easy_init()};
    if (transfer->easy == NULL)
        return NULL;
    client->count++;
    answer_clear(&transfer->answer);
    return set_up(client, transfer, is_to_target) ? transfer : NULL;
}

struct http_client *http_client_open(const struct http_settings *settings, struct mr_error **error)
{
    struct http_client *client = calloc(1, sizeof(*client));

    if (client == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for connections");
        return NULL;
    }
    client->settings = settings;
    client->is_global = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (client_tls_open(&client->tls, &settings->tls, error) != 0)
        goto failed;
    client->multi = client->is_global ? curl_multi_init() : NULL;
    if (client->multi == NULL || append_common(&client->common, settings) != 0 ||
        append_auth(&client->common, settings) != 0)
        goto short_of_memory;
    curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)settings->connections_max + 1);
    /* The last slot is for tokens. */
    for (uint32_t i = 0; i <= settings->connections_max; i++)
        if (make_transfer(client, i < settings->connections_max) == NULL)
            goto short_of_memory;
    return client;
short_of_memory:
    mr_error_set(error, MR_ERR_CONNECT, "libcurl %s cannot be set up as the options say", curl_version());
failed:
    http_client_close(client);
    return NULL;
}

void http_client_close(struct http_client *client)
{
    if (client == NULL)
        return;
    for (size_t i = 0; i < client->count; i++) {
        transfer_drop(&client->transfers[i]);
        curl_easy_cleanup(client->transfers[i].easy);
    }
    if (client->multi != NULL)
        curl_multi_cleanup(client->multi);
    free_headers(client->common);
    client_tls_close(&client->tls);
    if (client->is_global)
        curl_global_cleanup();
    free(client);
}

/* --- transfers ----------------------------------------------------------------------------------------------------------------- */

static struct transfer *free_slot(struct http_client *client, bool is_to_target)
{
    size_t last = client->count - 1;

    for (size_t i = is_to_target ? 0 : last; i < (is_to_target ? last : client->count); i++)
        if (!client->transfers[i].is_running && !client->transfers[i].is_done)
            return &client->transfers[i];
    return NULL;
}

size_t http_client_free(const struct http_client *client)
{
    size_t count = 0;

    for (size_t i = 0; i + 1 < client->count; i++)
        count += !client->transfers[i].is_running && !client->transfers[i].is_done;
    return count;
}

static bool set_call(struct transfer *transfer, const struct http_call *call)
{
    bool shares = call->is_to_target && call->header_count == 0 && call->authorization == NULL;
    CURL *easy = transfer->easy;

    if (!shares && own_headers(transfer->client, call, &transfer->headers) != 0)
        return false;
    /* A body set once stays with the handle: a request without one has to say so. */
    return SET(CURLOPT_URL, call->url) &&
           (call->has_body ? SET(CURLOPT_POSTFIELDS, call->body.data) &&
                                 SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.size)
                           : SET(CURLOPT_HTTPGET, 1L)) &&
           SET(CURLOPT_CUSTOMREQUEST, call->method) &&
           SET(CURLOPT_HTTPHEADER, shares ? transfer->client->common : transfer->headers);
}

struct transfer *http_client_start(struct http_client *client, const struct http_call *call, struct mr_error **error)
{
    struct transfer *transfer = free_slot(client, call->is_to_target);

    if (transfer == NULL) {
        mr_error_set(error, MR_ERR_ILLEGAL_STATE, "no free connection");
        return NULL;
    }
    answer_clear(&transfer->answer);
    if (call->body_most > 0)
        transfer->answer.body_most = call->body_most;
    transfer->owner = call->owner;
    if (!set_call(transfer, call) || curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK) {
        free_headers(transfer->headers);
        transfer->headers = NULL;
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a request");
        return NULL;
    }
    transfer->is_running = true;
    return transfer;
}

static const char *header_of(CURL *easy, const char *name)
{
    struct curl_header *header;

    return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : NULL;
}

/* Will it be the same whenever it is tried? */
static bool is_setup(CURLcode code)
{
    switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_NOT_BUILT_IN:
        return true;
    default:
        return false;
    }
}

static void finish(struct transfer *transfer, CURLcode code)
{
    const struct http_settings *settings = transfer->client->settings;
    struct answer *answer = &transfer->answer;
    const char *retry_after;

    transfer->is_running = false;
    transfer->is_done = true;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer->status);
    /* An endless body was cut by us: its status counts all the same. */
    if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && is_too_long(answer))) {
        snprintf(answer->failure, sizeof(answer->failure), "there is no answer: %s", curl_easy_strerror(code));
        answer->is_setup_failure = is_setup(code);
        answer->status = 0; /* of an answer that broke off */
        return;
    }
    retry_after = header_of(transfer->easy, "Retry-After");
    if (retry_after != NULL)
        answer->retry_after_ms = retry_after_ms(retry_after, header_of(transfer->easy, "Date"),
                                                http_host->clock_wall_ms() / 1000, settings->retry_after_max_ms);
}

void http_client_step(struct http_client *client)
{
    int running;

    curl_multi_perform(client->multi, &running);
}

void http_client_wait(struct http_client *client, int wait_ms)
{
    curl_multi_poll(client->multi, NULL, 0, wait_ms, NULL);
}

struct transfer *http_client_take(struct http_client *client)
{
    struct transfer *transfer;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        curl_multi_remove_handle(client->multi, transfer->easy); /* `message` ends here */
        finish(transfer, code);
        return transfer;
    }
    return NULL;
}

void transfer_drop(struct transfer *transfer)
{
    if (transfer->is_running)
        curl_multi_remove_handle(transfer->client->multi, transfer->easy);
    transfer->is_running = transfer->is_done = false;
    free_headers(transfer->headers);
    transfer->headers = NULL;
    transfer->owner = NULL;
    answer_clear(&transfer->answer);
}

void http_client_drop_all(struct http_client *client)
{
    for (size_t i = 0; i < client->count; i++)
        if (client->transfers[i].is_running || client->transfers[i].is_done)
            transfer_drop(&client->transfers[i]);
}

void http_client_interrupt(struct http_client *client)
{
    curl_multi_wakeup(client->multi);
}
