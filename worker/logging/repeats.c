#include "logging/repeats.h"

#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/log_sink.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/utf8.h"

#include "base/bans.h"

#define KEY_BYTES_MAX 512 /* of a message that count for its kind */

/* What is kept of the last line that was left out. */
struct sample {
    enum log_level level;
    char logger[LOG_NAME_MAX + 1];
    char connector[LOG_CONTEXT_TEXT_MAX];
    struct log_context frame;
    bool has_frame;
    char message[REPEATS_SAMPLE_MAX];
    size_t message_length;
};

struct kind {
    uint64_t key; /* 0: free */
    int64_t began_ms;
    uint32_t written;
    uint64_t left_out;
    struct sample *sample; /* NULL: nothing was left out, or there was no memory */
};

struct repeats {
    pthread_mutex_t lock;
    _Atomic uint32_t max, window_ms;
    _Atomic uint64_t left_out;
    _Atomic unsigned pending; /* kinds with something left out */
    struct kind kinds[REPEATS_KINDS_MAX];
};

struct repeats *repeats_create(uint32_t max, uint32_t window_ms)
{
    struct repeats *repeats = mem_calloc(1, sizeof(*repeats));
    if (repeats == NULL)
        return NULL;
    mutex_init(&repeats->lock);
    repeats_set(repeats, max, window_ms);
    return repeats;
}

void repeats_set(struct repeats *repeats, uint32_t max, uint32_t window_ms)
{
    atomic_store(&repeats->max, max);
    atomic_store(&repeats->window_ms, window_ms);
}

void repeats_destroy(struct repeats *repeats)
{
    if (repeats == NULL)
        return;
    for (size_t i = 0; i < REPEATS_KINDS_MAX; i++)
        mem_free(repeats->kinds[i].sample);
    mutex_destroy(&repeats->lock);
    mem_free(repeats);
}

static bool is_of_name(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.' || c == '/' || (unsigned char)c >= 0x80;
}

/* A number by itself counts as one digit, however long: offsets and times do not make a kind, "orders-12" and "orders-13" are two. */
static size_t fold(const struct log_line *line, char text[KEY_BYTES_MAX])
{
    size_t length = 0;
    bool is_in_name = false, is_in_number = false;
    for (size_t i = 0; i < line->message_length && length < KEY_BYTES_MAX; i++) {
        char c = line->message[i];
        bool is_digit = isdigit((unsigned char)c) && !is_in_name;
        if (!is_digit || !is_in_number)
            text[length++] = is_digit ? '0' : c;
        is_in_number = is_digit;
        is_in_name = !is_digit && is_of_name(c);
    }
    return length;
}

static uint64_t key_of(const struct log_line *line)
{
    char text[KEY_BYTES_MAX];
    size_t length = fold(line, text);
    uint64_t key = hash_bytes(line->logger, strlen(line->logger), (uint64_t)line->level);
    key = hash_bytes(line->context, strlen(line->context), key);
    key = hash_bytes(text, length, key);
    return key != 0 ? key : 1;
}

/* lock held. */
static void forget(struct repeats *repeats, struct kind *kind)
{
    if (kind->left_out > 0)
        atomic_fetch_sub(&repeats->pending, 1);
    kind->left_out = 0;
    mem_free(kind->sample);
    kind->sample = NULL;
}

static void keep(struct sample *sample, const struct log_line *line)
{
    sample->level = line->level;
    snprintf(sample->logger, sizeof(sample->logger), "%s", line->logger);
    sample->has_frame = line->frame != NULL;
    if (sample->has_frame) {
        snprintf(sample->connector, sizeof(sample->connector), "%s", line->frame->connector);
        memcpy(sample->frame.text, line->frame->text, sizeof(sample->frame.text));
        sample->frame.task = line->frame->task;
        sample->frame.stage = line->frame->stage;
    }
    sample->message_length = utf8_cut(line->message, line->message_length,
                                      line->message_length < REPEATS_SAMPLE_MAX ? line->message_length : REPEATS_SAMPLE_MAX);
    memcpy(sample->message, line->message, sample->message_length);
}

/* lock held. */
static void leave_out(struct repeats *repeats, struct kind *kind, const struct log_line *line)
{
    if (kind->left_out++ == 0)
        atomic_fetch_add(&repeats->pending, 1);
    atomic_fetch_add(&repeats->left_out, 1);
    if (kind->sample == NULL && (kind->sample = mem_calloc(1, sizeof(*kind->sample))) != NULL)
        keep(kind->sample, line);
}

/* lock held. Its place, or that of another kind which has nothing to tell, or the first look's. */
static struct kind *place_of(struct repeats *repeats, uint64_t key)
{
    struct kind *spare = NULL;
    for (size_t i = 0; i < 4; i++) {
        struct kind *kind = &repeats->kinds[(key + i) % REPEATS_KINDS_MAX];
        if (kind->key == key)
            return kind;
        if (spare == NULL || (spare->left_out > 0 && kind->left_out == 0) || (kind->left_out == 0 && kind->began_ms < spare->began_ms))
            spare = kind;
    }
    return spare;
}

bool repeats_takes(struct repeats *repeats, const struct log_line *line, int64_t now_ms, uint64_t *left_out)
{
    *left_out = 0;
    if (repeats->max == 0 || line->level >= LOG_LEVEL_DEBUG || line->level <= LOG_LEVEL_FATAL)
        return true;
    uint64_t key = key_of(line);
    mutex_lock(&repeats->lock);
    struct kind *kind = place_of(repeats, key);
    if (kind->key != key) {
        forget(repeats, kind);
        *kind = (struct kind){.key = key, .began_ms = now_ms};
    }
    if (now_ms - kind->began_ms >= repeats->window_ms) {
        *left_out = kind->left_out;
        forget(repeats, kind);
        kind->began_ms = now_ms;
        kind->written = 0;
    }
    bool is_taken = kind->written < repeats->max;
    if (is_taken)
        kind->written++;
    else
        leave_out(repeats, kind, line);
    mutex_unlock(&repeats->lock);
    return is_taken;
}

/* Takes what a kind has to tell; false: nothing, or not yet. */
static bool take(struct repeats *repeats, struct kind *kind, int64_t now_ms, struct sample **sample, uint64_t *left_out)
{
    mutex_lock(&repeats->lock);
    bool is_due = kind->left_out > 0 && now_ms - kind->began_ms >= repeats->window_ms;
    if (is_due) {
        *left_out = kind->left_out;
        *sample = kind->sample;
        kind->sample = NULL;
        forget(repeats, kind);
        kind->began_ms = now_ms;
        kind->written = 0;
    }
    mutex_unlock(&repeats->lock);
    return is_due;
}

bool repeats_sweep(struct repeats *repeats, int64_t now_ms, repeats_fn *each, void *argument)
{
    for (size_t i = 0; i < REPEATS_KINDS_MAX && repeats_pending(repeats); i++) {
        struct sample *sample = NULL;
        uint64_t left_out;
        if (!take(repeats, &repeats->kinds[i], now_ms, &sample, &left_out) || sample == NULL)
            continue;
        sample->frame.connector = sample->connector;
        each(argument,
             &(struct log_line){.level = sample->level, .logger = sample->logger,
                                .context = sample->has_frame ? sample->frame.text : "",
                                .frame = sample->has_frame ? &sample->frame : NULL,
                                .message = sample->message, .message_length = sample->message_length},
             left_out);
        mem_free(sample);
    }
    return repeats_pending(repeats);
}

bool repeats_pending(const struct repeats *repeats)
{
    return atomic_load(&repeats->pending) > 0;
}

uint64_t repeats_left_out(const struct repeats *repeats)
{
    return atomic_load(&repeats->left_out);
}
