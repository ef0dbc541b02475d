#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "forwarding/forwarding_internal.h"

#include "base/bans.h"

#define ASK_SHARE 6   /* of the patience: silent for so long, it is asked */
#define LOOK_SHARE 24 /* ... looked at so often */

struct pulse {
    struct forwarding *forwarding;
    struct pulse *next;
    size_t owners; /* calls, and the question under way */
    char *url;
    int64_t felt_ms;
    bool is_asked;  /* a question is under way */
    bool was_vain;  /* the last one had no answer */
};

/* ---- life; forwarding->lock held ---- */

static struct pulse *pulse_find(const struct forwarding *forwarding, const char *url)
{
    struct pulse *pulse = forwarding->pulses;

    while (pulse != NULL && strcmp(pulse->url, url) != 0)
        pulse = pulse->next;
    return pulse;
}

static struct pulse *pulse_add(struct forwarding *forwarding, const char *url)
{
    struct pulse *pulse = mem_calloc(1, sizeof(*pulse));
    char *copy = mem_strdup(url);

    if (pulse == NULL || copy == NULL) {
        mem_free(pulse);
        mem_free(copy);
        return NULL;
    }
    *pulse = (struct pulse){.forwarding = forwarding, .url = copy, .next = forwarding->pulses};
    forwarding->pulses = pulse;
    return pulse;
}

static void pulse_remove(struct pulse *pulse)
{
    struct pulse **at = &pulse->forwarding->pulses;

    while (*at != pulse)
        at = &(*at)->next;
    *at = pulse->next;
    mem_free(pulse->url);
    mem_free(pulse);
}

struct pulse *pulse_take(struct forwarding *forwarding, const char *url)
{
    struct pulse *pulse;

    mutex_lock(&forwarding->lock);
    pulse = pulse_find(forwarding, url);
    if (pulse == NULL)
        pulse = pulse_add(forwarding, url);
    if (pulse != NULL)
        pulse->owners++;
    mutex_unlock(&forwarding->lock);
    return pulse;
}

void pulse_drop(struct pulse *pulse)
{
    pthread_mutex_t *lock = pulse != NULL ? &pulse->forwarding->lock : NULL;

    if (pulse == NULL)
        return;
    mutex_lock(lock);
    if (--pulse->owners == 0)
        pulse_remove(pulse);
    mutex_unlock(lock);
}

/* ---- feeling it ---- */

void pulse_felt(struct pulse *pulse)
{
    mutex_lock(&pulse->forwarding->lock);
    pulse->felt_ms = clock_monotonic_ms(NULL);
    pulse->was_vain = false;
    mutex_unlock(&pulse->forwarding->lock);
}

/* One that never had a connection to itself, because all are in use, proves nothing. */
static void on_answer(void *argument, const struct client_answer *answer)
{
    struct pulse *pulse = argument;

    if (answer->status != 0)
        pulse_felt(pulse);
    mutex_lock(&pulse->forwarding->lock);
    pulse->is_asked = false;
    pulse->was_vain = answer->status == 0 && (answer->was_sent || answer->is_unreachable);
    mutex_unlock(&pulse->forwarding->lock);
    pulse_drop(pulse);
}

static void ask(struct pulse *pulse, int64_t now_ms)
{
    uint32_t patience_ms = pulse->forwarding->patience_ms, rest_ms = patience_ms - patience_ms / ASK_SHARE;

    if (forwarding_get_root(pulse->forwarding, &(struct root_question){.url = pulse->url,
                                                                       .deadline_ms = now_ms + rest_ms,
                                                                       .connect_timeout_ms = rest_ms - rest_ms / 4,
                                                                       .done = on_answer,
                                                                       .argument = pulse}))
        return;
    mutex_lock(&pulse->forwarding->lock);
    pulse->is_asked = false; /* at the next look */
    mutex_unlock(&pulse->forwarding->lock);
    pulse_drop(pulse);
}

bool pulse_is_gone(struct pulse *pulse, int64_t sent_ms, int64_t now_ms)
{
    struct forwarding *forwarding = pulse->forwarding;
    int64_t silent_ms;
    bool is_gone, asks;

    mutex_lock(&forwarding->lock);
    silent_ms = now_ms - (pulse->felt_ms > sent_ms ? pulse->felt_ms : sent_ms);
    is_gone = pulse->was_vain && silent_ms >= forwarding->patience_ms;
    asks = !is_gone && !pulse->is_asked && silent_ms >= forwarding->patience_ms / ASK_SHARE;
    pulse->is_asked = pulse->is_asked || asks;
    pulse->owners += asks;
    mutex_unlock(&forwarding->lock);
    if (asks)
        ask(pulse, now_ms);
    return is_gone;
}

int64_t pulse_look_ms(const struct forwarding *forwarding)
{
    return forwarding->patience_ms / LOOK_SHARE + 1;
}
