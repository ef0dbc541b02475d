#include "store/status_sender_internal.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/thread.h"
#include "store/status_store_internal.h"
#include "base/bans.h"

/* One put, until it is sent or given up. In the list of all, oldest first; its texts lie behind it. */
struct sending {
    struct status_sender *sender;
    struct sending *older, *newer;
    struct sending *next_to_resend;
    uint64_t number;
    struct status_message message;
    struct store_record record;   /* the key's text ends with a NUL */
    char texts[];
};

struct status_sender {
    const struct status_log *log;
    void *log_argument;
    status_may_write_fn *may_write;
    void *argument;

    pthread_mutex_t lock;              /* for all below */
    pthread_cond_t changed;            /* something ended, or waits to be sent again, or the end has come */
    struct sending *oldest, *newest;
    uint64_t next_number;
    struct pointer_map *newest_of;     /* key → its newest struct sending, while that one is in the list */
    struct sending *resend_first, **resend_end;
    pthread_t thread;
    bool has_thread, is_ending;
};

struct status_sender *status_sender_create(const struct status_log *log, void *log_argument,
                                           status_may_write_fn *may_write, void *argument)
{
    struct status_sender *sender = mem_calloc(1, sizeof(*sender));
    if (sender == NULL)
        return NULL;
    sender->newest_of = pointer_map_create(NULL);
    if (sender->newest_of == NULL) {
        mem_free(sender);
        return NULL;
    }
    sender->log = log;
    sender->log_argument = log_argument;
    sender->may_write = may_write;
    sender->argument = argument;
    sender->resend_end = &sender->resend_first;
    mutex_init(&sender->lock);
    cond_init(&sender->changed);
    return sender;
}

/* ---- one sending ---- */

static char *place(char **at, const void *bytes, size_t size)
{
    char *copy = *at;
    if (size > 0)
        memcpy(copy, bytes, size);
    copy[size] = '\0';
    *at += size + 1;
    return copy;
}

static struct sending *sending_create(struct status_sender *sender, const struct store_record *record,
                                      const struct status_message *message)
{
    const char *worker_id = message->worker_id != NULL ? message->worker_id : "";
    size_t size = record->key.size + record->value.size + strlen(message->connector) + strlen(worker_id) + 4;
    struct sending *sending = mem_calloc(1, sizeof(*sending) + size);
    if (sending == NULL)
        return NULL;
    char *at = sending->texts;
    sending->sender = sender;
    sending->message = *message;
    sending->record = *record;
    sending->record.key.data = place(&at, record->key.data, record->key.size);
    if (record->value.data != NULL)
        sending->record.value.data = place(&at, record->value.data, record->value.size);
    sending->message.connector = place(&at, message->connector, strlen(message->connector));
    sending->message.worker_id = place(&at, worker_id, strlen(worker_id));
    return sending;
}

/* Locked. false: no memory. */
static bool list_add(struct status_sender *sender, struct sending *sending)
{
    if (!pointer_map_put(sender->newest_of, sending->record.key.data, sending))
        return false;
    sending->number = sender->next_number++;
    sending->older = sender->newest;
    if (sender->newest != NULL)
        sender->newest->newer = sending;
    else
        sender->oldest = sending;
    sender->newest = sending;
    return true;
}

/* Locked. */
static void list_remove(struct status_sender *sender, struct sending *sending)
{
    if (sending->older != NULL)
        sending->older->newer = sending->newer;
    else
        sender->oldest = sending->newer;
    if (sending->newer != NULL)
        sending->newer->older = sending->older;
    else
        sender->newest = sending->older;
    if (pointer_map_get(sender->newest_of, sending->record.key.data) == sending)
        pointer_map_remove(sender->newest_of, sending->record.key.data);
}

static void finish(struct sending *sending)
{
    struct status_sender *sender = sending->sender;
    mutex_lock(&sender->lock);
    list_remove(sender, sending);
    cond_broadcast(&sender->changed);
    mutex_unlock(&sender->lock);
    mem_free(sending);
}

static bool is_passing(const struct mr_error *error)
{
    return mr_error_code(error) == MR_ERR_TIMEOUT || mr_error_code(error) == MR_ERR_RETRIABLE;
}

static bool is_wanted(struct status_sender *sender, const struct sending *sending)
{
    return !sending->message.is_safe || sender->may_write(sender->argument, &sending->message);
}

static void *resend_run(void *argument);

/* Locked. Without a thread it waits for the next failure to start one. */
static void thread_ensure(struct status_sender *sender)
{
    char why[200];
    if (sender->has_thread)
        return;
    struct thread_setup setup = {.name = "status-resend", .run = resend_run, .argument = sender};
    sender->has_thread = thread_start(&sender->thread, &setup, why, sizeof(why));
    if (!sender->has_thread)
        log_error("store.status", "statuses that failed wait: %s", why);
}

/* Queues it for the resend thread, unless it is over. */
static void failed(struct sending *sending, const struct mr_error *error)
{
    struct status_sender *sender = sending->sender;
    const char *key = sending->record.key.data;
    bool again = is_passing(error) && is_wanted(sender, sending);
    if (!is_passing(error))
        log_error("store.status", "%s was not written: %s", key, mr_error_message(error));
    mutex_lock(&sender->lock);
    again = again && !sender->is_ending && pointer_map_get(sender->newest_of, key) == sending;
    if (again) {
        sending->next_to_resend = NULL;
        *sender->resend_end = sending;
        sender->resend_end = &sending->next_to_resend;
        thread_ensure(sender);
        cond_broadcast(&sender->changed);
    }
    mutex_unlock(&sender->lock);
    if (!again)
        finish(sending);
}

static void on_sent(void *argument, const struct mr_error *error)
{
    if (error == NULL)
        finish(argument);
    else
        failed(argument, error);
}

static void sending_send(struct sending *sending)
{
    struct status_sender *sender = sending->sender;
    struct mr_error *error = NULL;
    if (sender->log->send(sender->log_argument, &sending->record, on_sent, sending, &error) == 0)
        return;
    failed(sending, error);
    mr_error_drop(error);
}

/* ---- the resend thread ---- */

/* Locked. All that wait, as a list; NULL: none. */
static struct sending *resend_take(struct status_sender *sender)
{
    struct sending *first = sender->resend_first;
    sender->resend_first = NULL;
    sender->resend_end = &sender->resend_first;
    return first;
}

/* A pause before each round, so that a topic that is away is not asked all the time. */
static void pause_locked(struct status_sender *sender)
{
    int64_t until_ms = deadline_after_ms(STATUS_RESEND_DELAY_MS);
    while (!sender->is_ending && clock_monotonic_ms(NULL) < until_ms)
        cond_wait_until_ms(&sender->changed, &sender->lock, until_ms);
}

static bool is_newest(struct status_sender *sender, const struct sending *sending)
{
    mutex_lock(&sender->lock);
    bool newest = pointer_map_get(sender->newest_of, sending->record.key.data) == sending;
    mutex_unlock(&sender->lock);
    return newest;
}

static void resend_all(struct status_sender *sender, struct sending *first)
{
    for (struct sending *next; first != NULL; first = next) {
        next = first->next_to_resend;
        if (is_newest(sender, first) && is_wanted(sender, first))
            sending_send(first);
        else
            finish(first);
    }
}

static void *resend_run(void *argument)
{
    struct status_sender *sender = argument;
    mutex_lock(&sender->lock);
    while (!sender->is_ending) {
        if (sender->resend_first == NULL) {
            cond_wait(&sender->changed, &sender->lock);
            continue;
        }
        pause_locked(sender);
        if (sender->is_ending)
            break;
        struct sending *first = resend_take(sender);
        mutex_unlock(&sender->lock);
        resend_all(sender, first);
        mutex_lock(&sender->lock);
    }
    mutex_unlock(&sender->lock);
    return NULL;
}

void status_sender_destroy(struct status_sender *sender)
{
    if (sender == NULL)
        return;
    mutex_lock(&sender->lock);
    sender->is_ending = true;
    cond_broadcast(&sender->changed);
    bool has_thread = sender->has_thread;
    mutex_unlock(&sender->lock);
    if (has_thread)
        thread_join(sender->thread);
    for (struct sending *first = resend_take(sender), *next; first != NULL; first = next) {
        next = first->next_to_resend;
        finish(first);
    }
    assert(sender->oldest == NULL);
    pointer_map_destroy(sender->newest_of);
    cond_destroy(&sender->changed);
    mutex_destroy(&sender->lock);
    mem_free(sender);
}

/* ---- the door ---- */

bool status_sender_put(struct status_sender *sender, const struct store_record *record,
                       const struct status_message *message)
{
    struct sending *sending = sending_create(sender, record, message);
    if (sending == NULL)
        return false;
    if (!is_wanted(sender, sending)) {
        mem_free(sending);
        return true;
    }
    mutex_lock(&sender->lock);
    bool listed = list_add(sender, sending);
    mutex_unlock(&sender->lock);
    if (listed)
        sending_send(sending);
    else
        mem_free(sending);
    return listed;
}

int status_sender_flush(struct status_sender *sender, int64_t deadline_ms, struct mr_error **error)
{
    int status = 0;
    mutex_lock(&sender->lock);
    uint64_t end = sender->next_number;
    while (status == 0 && sender->oldest != NULL && sender->oldest->number < end)
        if (!cond_wait_until_ms(&sender->changed, &sender->lock, deadline_ms))
            if (sender->oldest != NULL && sender->oldest->number < end)
                status = mr_error_set(error, MR_ERR_TIMEOUT, "status topic: not all statuses are written yet");
    mutex_unlock(&sender->lock);
    return status;
}
