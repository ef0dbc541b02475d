/* native_notes.c: see the header. */
#include "kafka/native_notes_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

#include "base/bans.h"

struct kind {
    uint64_t hash;          /* of the reason; 0: none yet */
    int64_t logged_ms;
    uint32_t merged;        /* since then */
};

struct native_notes {
    pthread_mutex_t lock;
    char trouble[NOTES_WORDS_MAX];
    char *connector;        /* set before the client logs; NULL: nobody's */
    int task;
    struct native_token *token;
    struct credentials_client *credentials;
    struct kind kinds[NOTES_KINDS_MAX];
};

struct native_notes *native_notes_create(void)
{
    struct native_notes *notes = mem_calloc(1, sizeof *notes);
    if (notes != NULL)
        mutex_init(&notes->lock);
    return notes;
}

void native_notes_destroy(struct native_notes *notes)
{
    if (notes == NULL)
        return;
    mutex_destroy(&notes->lock);
    mem_free(notes->connector);
    mem_free(notes);
}

void native_notes_note_owner(struct native_notes *notes)
{
    const struct log_context *context = log_context_top();
    if (notes == NULL || context == NULL)
        return;
    notes->connector = mem_strdup(context->connector);
    notes->task = context->task;
}

const char *native_notes_owner(const struct native_notes *notes, int *task)
{
    if (notes == NULL)
        return NULL;
    *task = notes->task;
    return notes->connector;
}

void native_notes_put_token(struct native_notes *notes, struct native_token *token)
{
    notes->token = token;
}

struct native_token *native_notes_token(const struct native_notes *notes)
{
    return notes != NULL ? notes->token : NULL;
}

void native_notes_keep_credentials(struct native_notes *notes, struct credentials_client *credentials)
{
    if (notes != NULL)
        notes->credentials = credentials;
}

struct credentials_client *native_notes_credentials(const struct native_notes *notes)
{
    return notes != NULL ? notes->credentials : NULL;
}

/* ---- the last trouble ---- */

/* "… 302ms in state AUTH_REQ, 1 identical …" goes, as does the thread before "]: ". */
static size_t essence_of(const char *words, const char **essence)
{
    const char *after_thread = strstr(words, "]: ");
    *essence = after_thread != NULL ? after_thread + 3 : words;
    const char *statistics = strstr(*essence, " (after ");
    return statistics != NULL ? (size_t)(statistics - *essence) : strlen(*essence);
}

void native_notes_put_trouble(struct native_notes *notes, const char *words)
{
    const char *essence;
    size_t length = essence_of(words, &essence);
    if (notes == NULL)
        return;
    mutex_lock(&notes->lock);
    snprintf(notes->trouble, sizeof notes->trouble, "%.*s", (int)length, essence);
    mutex_unlock(&notes->lock);
}

const char *native_notes_trouble(struct native_notes *notes, char *words, size_t size)
{
    *words = '\0';
    if (notes == NULL)
        return words;
    mutex_lock(&notes->lock);
    snprintf(words, size, "%s", notes->trouble);
    mutex_unlock(&notes->lock);
    return words;
}

/* ---- merging ---- */

/* What follows the last ": ", numbers left out: addresses and counts do not make another kind. FNV-1a. */
static uint64_t hash_of_reason(const char *words)
{
    const char *essence;
    size_t length = essence_of(words, &essence), from = 0;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 2; i < length; i++) {
        if (essence[i - 2] == ':' && essence[i - 1] == ' ')
            from = i;
    }
    for (size_t i = from; i < length; i++) {
        if (essence[i] < '0' || essence[i] > '9')
            hash = (hash ^ (unsigned char)essence[i]) * 1099511628211u;
    }
    return hash != 0 ? hash : 1;
}

/* The one of that hash, or the one to be forgotten for it. */
static struct kind *kind_of(struct native_notes *notes, uint64_t hash)
{
    struct kind *oldest = &notes->kinds[0];
    for (struct kind *kind = notes->kinds; kind < notes->kinds + NOTES_KINDS_MAX; kind++) {
        if (kind->hash == hash)
            return kind;
        if (kind->hash == 0 || (oldest->hash != 0 && kind->logged_ms < oldest->logged_ms))
            oldest = kind;
    }
    return oldest;
}

bool native_notes_may_log(struct native_notes *notes, const char *words, int64_t now_ms, uint32_t *merged)
{
    uint64_t hash = hash_of_reason(words);
    *merged = 0;
    if (notes == NULL)
        return true;
    mutex_lock(&notes->lock);
    struct kind *kind = kind_of(notes, hash);
    bool may_log = kind->hash != hash || now_ms - kind->logged_ms >= NOTES_MERGE_MS;
    if (may_log) {
        *merged = kind->hash == hash ? kind->merged : 0;
        *kind = (struct kind){.hash = hash, .logged_ms = now_ms};
    } else {
        kind->merged++;
    }
    mutex_unlock(&notes->lock);
    return may_log;
}
