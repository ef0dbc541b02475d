#include "rest_ask.h"

#include <errno.h>
#include <millrace/error.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/thread.h"
#include "forwarding/client.h"

#include "base/bans.h"

#define TIMEOUT_MS 100000 /* more than a request may take */
#define AUTHORIZATION_MAX 16384
#define SHOWN_MAX 1024

/* One question, answered on the client's thread. */
struct asking {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool is_answered; /* lock */
    int status;       /* lock */
    char *text;       /* lock; what came, or why nothing did */
    size_t length;
};

static void on_done(void *argument, const struct client_answer *answer)
{
    struct asking *asking = argument;
    const char *text = answer->status == 0 ? answer->why : answer->body;
    mutex_lock(&asking->lock);
    asking->status = answer->status;
    asking->length = answer->status == 0 ? strlen(text) : answer->body_length;
    asking->text = mem_strndup(text, asking->length);
    asking->is_answered = true;
    cond_signal(&asking->answered);
    mutex_unlock(&asking->lock);
}

void rest_ask_escape(struct str_buffer *url, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL)
            str_buffer_append_char(url, *text);
        else
            str_buffer_printf(url, "%%%02X", (unsigned char)*text);
    }
}

/* The whole file but the end of its line; a secret does not stand on the command line. */
static int read_authorization(const char *path, char text[AUTHORIZATION_MAX], struct mr_error **error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "%s cannot be opened: %s", path, strerror(errno));
    size_t length = fread(text, 1, AUTHORIZATION_MAX - 1, file);
    fclose(file);
    text[length] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    if (text[0] == '\0' || length == AUTHORIZATION_MAX - 1)
        return mr_error_set(error, MR_ERR_CONFIG, "%s holds no line such as `Basic …` or `Bearer …`", path);
    return 0;
}

/* The address as it is told: without name and password. */
static const char *shown(const char *url, char text[SHOWN_MAX])
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme == NULL ? url : scheme + 3;
    size_t authority = strcspn(host, "/?#");
    for (size_t i = authority; i > 0; i--) {
        if (host[i - 1] != '@')
            continue;
        snprintf(text, SHOWN_MAX, "%.*s%s", (int)(scheme == NULL ? 0 : host - url), url, host + i);
        return text;
    }
    return url;
}

static json_t *read_answer(const struct asking *asking, const char *url, struct mr_error **error)
{
    json_t *json = asking->text == NULL ? NULL : json_loadb(asking->text, asking->length, 0, NULL);
    const char *words = json_string_value(json_object_get(json, "message"));
    if (asking->status == 200 && json != NULL)
        return json;
    if (asking->status == 0)
        mr_error_set(error, MR_ERR_CONNECT, "%s: no answer: %s", url, asking->text == NULL ? "no memory" : asking->text);
    else
        mr_error_set(error, MR_ERR_ILLEGAL_STATE, "%s answers %d: %s", url, asking->status, words == NULL ? "no words" : words);
    json_decref(json);
    return NULL;
}

static json_t *ask(struct client *client, const struct rest_worker *worker, const struct rest_question *question, const char *url,
                   const char *authorization, struct mr_error **error)
{
    struct asking asking = {.is_answered = false};
    char words[SHOWN_MAX];
    const char *told = shown(worker->url, words);
    const char *why = NULL;
    json_t *json = NULL;
    const struct client_header headers[] = {{"Authorization", authorization}};
    const struct client_request request = {.method = question->method,
                                           .url = url,
                                           .body = question->body,
                                           .body_length = question->body == NULL ? 0 : strlen(question->body),
                                           .headers = headers,
                                           .header_count = sizeof(headers) / sizeof(headers[0]),
                                           .deadline_ms = deadline_after_ms(question->timeout_ms > 0 ? question->timeout_ms : TIMEOUT_MS),
                                           .done = on_done,
                                           .argument = &asking};
    mutex_init(&asking.lock);
    cond_init(&asking.answered);
    if (!client_send(client, &request, &why)) {
        mr_error_set(error, MR_ERR_CONNECT, "%s: %s", told, why);
    } else {
        mutex_lock(&asking.lock);
        while (!asking.is_answered)
            cond_wait(&asking.answered, &asking.lock);
        mutex_unlock(&asking.lock);
        json = read_answer(&asking, told, error);
    }
    mem_free(asking.text);
    cond_destroy(&asking.answered);
    mutex_destroy(&asking.lock);
    return json;
}

json_t *rest_ask(const struct rest_worker *worker, const struct rest_question *question, struct mr_error **error)
{
    char authorization[AUTHORIZATION_MAX];
    struct str_buffer url;
    size_t length = strlen(worker->url);
    json_t *json = NULL;
    if (worker->authorization_file != NULL && read_authorization(worker->authorization_file, authorization, error) != 0)
        return NULL;
    struct client *client = client_start(worker->tls, error);
    if (client == NULL)
        return NULL;
    while (length > 0 && worker->url[length - 1] == '/')
        length--;
    str_buffer_init(&url, REST_ASK_URL_MAX);
    str_buffer_append(&url, worker->url, length);
    str_buffer_append_text(&url, question->path);
    if (str_buffer_failed(&url))
        mr_error_set(error, MR_ERR_CONFIG, "what is asked of the worker is too long");
    else
        json = ask(client, worker, question, str_buffer_text(&url), worker->authorization_file == NULL ? NULL : authorization, error);
    str_buffer_release(&url);
    client_stop(client);
    return json;
}
