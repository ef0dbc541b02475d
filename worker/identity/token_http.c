#include "identity/token_http.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "identity/token_answer.h"
#include "identity/token_settings.h"

#include "base/bans.h"

#define POLL_MS 1000
#define TRUST_FILE_MAX (16u << 20)

struct token_http {
    CURLM *multi;
    _Atomic bool is_stopping;
};

struct transfer {
    CURL *easy;
    struct curl_slist *headers;
    struct str_buffer trust;
    struct token_http_answer *answer;
    char words[CURL_ERROR_SIZE];
};

struct token_http *token_http_create(void)
{
    struct token_http *http = mem_calloc(1, sizeof *http);
    if (http == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        mem_free(http);
        return NULL;
    }
    http->multi = curl_multi_init();
    if (http->multi == NULL || curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, 1L) != CURLM_OK) {
        token_http_destroy(http);
        return NULL;
    }
    return http;
}

void token_http_destroy(struct token_http *http)
{
    if (http == NULL)
        return;
    if (http->multi != NULL)
        curl_multi_cleanup(http->multi);
    curl_global_cleanup();
    mem_free(http);
}

void token_http_stop(struct token_http *http)
{
    atomic_store(&http->is_stopping, true);
    curl_multi_wakeup(http->multi);
}

void token_http_resume(struct token_http *http)
{
    atomic_store(&http->is_stopping, false);
}

void token_http_answer_release(struct token_http_answer *answer)
{
    if (answer->body.data != NULL)
        explicit_bzero(answer->body.data, answer->body.capacity);
    str_buffer_release(&answer->body);
}

/* ---- setting up ---- */

static size_t on_bytes(char *bytes, size_t size, size_t count, void *argument)
{
    struct transfer *transfer = argument;
    return str_buffer_append(&transfer->answer->body, bytes, size * count) ? size * count : 0;
}

#define SET(option, value) (curl_easy_setopt(transfer->easy, (option), (value)) == CURLE_OK)

static bool add_headers(struct transfer *transfer, const struct token_http_request *request)
{
    const char *lines[TOKEN_HTTP_HEADERS_MAX + 3] = {"Accept: application/json", "User-Agent: millrace", "Expect:"};
    for (size_t i = 0; i < TOKEN_HTTP_HEADERS_MAX && request->headers[i] != NULL; i++)
        lines[3 + i] = request->headers[i];
    for (size_t i = 0; i < sizeof lines / sizeof *lines && lines[i] != NULL; i++) {
        struct curl_slist *longer = curl_slist_append(transfer->headers, lines[i]);
        if (longer == NULL)
            return false;
        transfer->headers = longer;
    }
    return SET(CURLOPT_HTTPHEADER, transfer->headers);
}

/* A store that was named is all that counts, unless it only adds: then the system's bundle comes before it. */
static bool set_trust(struct transfer *transfer, const struct token_settings *settings)
{
    if (settings->trust_pem == NULL)
        return true;
    const char *bundle = settings->trust_adds ? curl_version_info(CURLVERSION_NOW)->cainfo : NULL;
    char why[256];
    char *text = bundle != NULL ? file_read(bundle, TRUST_FILE_MAX, NULL, why, sizeof why) : NULL;
    if (text != NULL)
        str_buffer_printf(&transfer->trust, "%s\n", text);
    mem_free(text);
    str_buffer_append_text(&transfer->trust, settings->trust_pem);
    struct curl_blob blob = {.data = transfer->trust.data, .len = transfer->trust.length, .flags = CURL_BLOB_NOCOPY};
    return !str_buffer_failed(&transfer->trust) && SET(CURLOPT_CAINFO_BLOB, &blob) &&
           (settings->trust_adds || SET(CURLOPT_CAPATH, NULL));
}

static bool set_up(struct transfer *transfer, const struct token_settings *settings, const struct token_http_request *request)
{
    bool is_fine = SET(CURLOPT_URL, request->url) && SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
                   SET(CURLOPT_PROXY, "") && SET(CURLOPT_PATH_AS_IS, 1L) && SET(CURLOPT_ERRORBUFFER, transfer->words) &&
                   SET(CURLOPT_CONNECTTIMEOUT_MS, (long)settings->connect_timeout_ms) &&
                   SET(CURLOPT_TIMEOUT_MS, (long)(settings->connect_timeout_ms + settings->read_timeout_ms)) &&
                   SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) && SET(CURLOPT_WRITEFUNCTION, on_bytes) &&
                   SET(CURLOPT_WRITEDATA, transfer) && SET(CURLOPT_FRESH_CONNECT, 1L) && SET(CURLOPT_FORBID_REUSE, 1L);
    if (is_fine && request->form != NULL)
        is_fine = SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request->form)) && SET(CURLOPT_POSTFIELDS, request->form);
    return is_fine && add_headers(transfer, request) && set_trust(transfer, settings);
}

/* ---- the answer ---- */

static const char *header_of(CURL *easy, const char *name)
{
    struct curl_header *header;
    return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : NULL;
}

static void read_headers(struct transfer *transfer)
{
    const char *date = header_of(transfer->easy, "Date"), *after = header_of(transfer->easy, "Retry-After");
    int64_t date_s = date != NULL ? (int64_t)curl_getdate(date, NULL) : 0;
    transfer->answer->date_s = date_s > 0 ? date_s : 0;
    if (after != NULL && *after >= '0' && *after <= '9' && strlen(after) < 8) {
        transfer->answer->retry_after_ms = (int64_t)strtol(after, NULL, 10) * 1000;
    } else if (after != NULL && date_s > 0) {
        int64_t until_s = (int64_t)curl_getdate(after, NULL);
        transfer->answer->retry_after_ms = until_s > date_s ? (until_s - date_s) * 1000 : 0;
    }
}

static bool is_setup_failure(CURLcode code)
{
    return code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT || code == CURLE_PEER_FAILED_VERIFICATION ||
           code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CIPHER;
}

/* libcurl's words name hosts and certificates, never what was sent. */
static void take_result(struct transfer *transfer, CURLcode code)
{
    struct token_http_answer *answer = transfer->answer;
    long status = 0;
    if (code == CURLE_OK) {
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        answer->status = (int)status;
        read_headers(transfer);
        return;
    }
    answer->is_setup_failure = is_setup_failure(code);
    if (code == CURLE_WRITE_ERROR && answer->body.over_max)
        snprintf(answer->why, sizeof answer->why, "its answer is larger than %u bytes", TOKEN_ANSWER_MAX);
    else if (code == CURLE_PEER_FAILED_VERIFICATION)
        snprintf(answer->why, sizeof answer->why, "its certificate is not believed: name its authority in ssl.truststore.location (%.200s)",
                 *transfer->words != '\0' ? transfer->words : curl_easy_strerror(code));
    else
        snprintf(answer->why, sizeof answer->why, "no answer: %.250s",
                 *transfer->words != '\0' ? transfer->words : curl_easy_strerror(code));
}

/* Until it has ended; false: a stop came first. */
static bool perform(struct token_http *http, CURLcode *code)
{
    int running = 1, left;
    while (!atomic_load(&http->is_stopping)) {
        if (curl_multi_perform(http->multi, &running) != CURLM_OK)
            break;
        CURLMsg *message = curl_multi_info_read(http->multi, &left);
        if (message != NULL && message->msg == CURLMSG_DONE) {
            *code = message->data.result;
            return true;
        }
        curl_multi_poll(http->multi, NULL, 0, POLL_MS, NULL);
    }
    return false;
}

void token_http_ask(struct token_http *http, const struct token_settings *settings, const struct token_http_request *request,
                    struct token_http_answer *answer)
{
    struct transfer transfer = {.easy = curl_easy_init(), .answer = answer};
    CURLcode code = CURLE_OUT_OF_MEMORY;
    *answer = (struct token_http_answer){0};
    str_buffer_init(&answer->body, TOKEN_ANSWER_MAX);
    str_buffer_init(&transfer.trust, 2u * TRUST_FILE_MAX);
    if (transfer.easy == NULL || !set_up(&transfer, settings, request) ||
        curl_multi_add_handle(http->multi, transfer.easy) != CURLM_OK) {
        snprintf(answer->why, sizeof answer->why, "the request cannot be made: no memory");
    } else {
        if (perform(http, &code))
            take_result(&transfer, code);
        else
            snprintf(answer->why, sizeof answer->why, "the request was given up: nobody needs its answer any more");
        curl_multi_remove_handle(http->multi, transfer.easy);
    }
    curl_easy_cleanup(transfer.easy);
    curl_slist_free_all(transfer.headers);
    str_buffer_release(&transfer.trust);
}
