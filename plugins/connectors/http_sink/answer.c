#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_LEAST 4 /* shorter ones would hide half of every text */

void answer_secrets_add(struct answer_secrets *secrets, const char *text)
{
    if (text != NULL && strlen(text) >= SECRET_LEAST && secrets->count < ANSWER_SECRETS_MAX)
        secrets->texts[secrets->count++] = text;
}

void answer_clear(struct answer *answer)
{
    free(answer->body);
    *answer = (struct answer){.retry_after_ms = -1, .body_most = ANSWER_BODY_KEPT};
}

enum answer_class answer_classify_status(long status, const struct http_settings *settings)
{
    if (status >= 200 && status < 300)
        return ANSWER_TAKEN;
    if (status < 400)
        return ANSWER_FATAL; /* redirections are not followed: what was POST would become GET */
    if (status == 429)
        return ANSWER_THROTTLED;
    if (status == 401 || status == 407 || (status >= 502 && status <= 504))
        return ANSWER_TARGET;
    return status_set_has(&settings->retry_on, status) ? ANSWER_AGAIN : ANSWER_REFUSED;
}

enum answer_class answer_classify(const struct answer *answer, const struct http_settings *settings)
{
    enum answer_class class;

    if (answer->failure[0] != '\0')
        return answer->is_setup_failure ? ANSWER_FATAL : ANSWER_TARGET;
    class = answer_classify_status(answer->status, settings);
    if (answer->retry_after_ms >= 0 && answer->status >= 400 && (class != ANSWER_REFUSED || answer->status == 413))
        return ANSWER_THROTTLED;
    return class;
}

/* --- words ---------------------------------------------------------------------------------------------------------------- */

/* The length of a secret that stands at `text`; 0: none. The longest counts. */
static size_t secret_at(const struct answer_secrets *secrets, const char *text, size_t left)
{
    size_t longest = 0;

    for (size_t i = 0; i < secrets->count; i++) {
        size_t size = strlen(secrets->texts[i]);

        if (size <= left && size > longest && memcmp(text, secrets->texts[i], size) == 0)
            longest = size;
    }
    return longest;
}

static void put(char *words, size_t size, size_t *at, const char *text, size_t length)
{
    for (size_t i = 0; i < length && *at + 1 < size; i++)
        words[(*at)++] = text[i];
}

/* Searches the kept body as a whole, so that a secret across the cut is hidden too. */
static void put_body(const struct answer *answer, const struct answer_secrets *secrets, size_t limit, char *words,
                     size_t size, size_t *at)
{
    size_t i = 0;

    while (i < answer->body_size && i < limit) {
        size_t hidden = secret_at(secrets, answer->body + i, answer->body_size - i);
        char c = answer->body[i];

        if (hidden > 0)
            put(words, size, at, "[hidden]", 8);
        else
            put(words, size, at, (unsigned char)c < ' ' || c == 0x7f ? "." : &c, 1);
        i += hidden > 0 ? hidden : 1;
    }
    if (i < answer->body_read)
        put(words, size, at, "…", strlen("…"));
}

void answer_words(const struct answer *answer, const struct http_settings *settings,
                  const struct answer_secrets *secrets, char *words, size_t size)
{
    size_t at = 0, limit = settings->error_body_bytes;
    char head[64];

    if (answer->failure[0] != '\0') {
        snprintf(words, size, "%s", answer->failure);
        return;
    }
    snprintf(head, sizeof(head), settings->error_as_answer ? "HTTP %ld" : "it answered %ld", answer->status);
    put(words, size, &at, head, strlen(head));
    if (limit > 0 && answer->body_size > 0) {
        put(words, size, &at, settings->error_as_answer ? "\n\n" : ": ", 2);
        put_body(answer, secrets, limit, words, size, &at);
    }
    words[at] = '\0';
}
