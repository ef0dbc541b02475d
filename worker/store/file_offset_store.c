#include "store/file_offset_store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <millrace/error.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/thread.h"
#include "store/file_offsets_internal.h"
#include "store/offset_store_internal.h"
#include "base/bans.h"

/* A put that is in the index and waits for the file. */
struct file_put {
    struct file_put *next;
    offset_done_fn *done;
    void *argument;
};

#define FILE_PUTS_MAX 100000   /* waiting for one replacement; more are refused with MR_ERR_RETRIABLE */

struct file_offset_log {
    struct offset_store *store;
    char *path;
    int lock_file;
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock;      /* for all below */
    pthread_cond_t changed;
    struct file_put *first, **end;
    size_t count;
    bool is_ending;
};

/* ---- the writing thread ---- */

static void puts_tell(struct file_put *first, const struct mr_error *error)
{
    for (struct file_put *next; first != NULL; first = next) {
        next = first->next;
        first->done(first->argument, error);
        mem_free(first);
    }
}

static struct mr_error *replace(struct file_offset_log *log)
{
    struct mr_error *error = NULL;
    struct str_buffer text;
    char why[512];
    str_buffer_init(&text, FILE_OFFSET_STORE_BYTES_MAX);
    file_offsets_write(log->store, &text);
    if (str_buffer_failed(&text)) {
        mr_error_set(&error, text.over_max ? MR_ERR_CONNECT : MR_ERR_NO_MEMORY,
                     "%s: source offsets need more than %u bytes, or memory is short", log->path,
                     FILE_OFFSET_STORE_BYTES_MAX);
    } else {
        struct file_content content = {.bytes = text.data, .length = text.length, .mode = 0644};
        if (!file_replace(log->path, &content, why, sizeof(why)))
            mr_error_set(&error, MR_ERR_RETRIABLE, "source offsets are not written: %s", why);
    }
    str_buffer_release(&text);
    return error;
}

/* Waits for puts; NULL: none, and the end has come. */
static struct file_put *puts_take(struct file_offset_log *log)
{
    mutex_lock(&log->lock);
    while (log->first == NULL && !log->is_ending)
        cond_wait(&log->changed, &log->lock);
    struct file_put *first = log->first;
    log->first = NULL;
    log->end = &log->first;
    log->count = 0;
    mutex_unlock(&log->lock);
    return first;
}

static void *file_run(void *argument)
{
    struct file_offset_log *log = argument;
    for (struct file_put *first; (first = puts_take(log)) != NULL;) {
        struct mr_error *error = replace(log);
        puts_tell(first, error);
        mr_error_drop(error);
    }
    return NULL;
}

/* ---- the log ---- */

static int put_queue(struct file_offset_log *log, struct file_put *put, struct mr_error **error)
{
    int status = 0;
    mutex_lock(&log->lock);
    if (log->count >= FILE_PUTS_MAX) {
        status =
            mr_error_set(error, MR_ERR_RETRIABLE, "%s: more than %d writes of offsets wait", log->path, FILE_PUTS_MAX);
    } else {
        *log->end = put;
        log->end = &put->next;
        log->count++;
        cond_signal(&log->changed);
    }
    mutex_unlock(&log->lock);
    return status;
}

static int file_append(void *argument, const struct store_record *records, size_t count, offset_done_fn *done,
                       void *done_argument, struct mr_error **error)
{
    struct file_offset_log *log = argument;
    struct file_put *put = mem_calloc(1, sizeof(*put));
    int status = put != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < count; i++)
        status = offset_store_feed(log->store, records[i].key, records[i].value, -1);
    if (status != 0) {
        mem_free(put);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "%s: no memory for offsets", log->path);
    }
    *put = (struct file_put){.done = done, .argument = done_argument};
    status = put_queue(log, put, error);
    if (status != 0)
        mem_free(put);
    return status;
}

static void file_destroy(void *argument)
{
    struct file_offset_log *log = argument;
    if (log->has_thread) {
        mutex_lock(&log->lock);
        log->is_ending = true;
        cond_signal(&log->changed);
        mutex_unlock(&log->lock);
        thread_join(log->thread);
    }
    assert(log->first == NULL);
    if (log->lock_file >= 0)
        close(log->lock_file);   /* FILE.lock stays: removing it would race with a worker that starts */
    cond_destroy(&log->changed);
    mutex_destroy(&log->lock);
    mem_free(log->path);
    mem_free(log);
}

static const struct offset_log file_log = {.append = file_append,
                                           .refresh = offset_refresh_nothing,
                                           .refresh_then = offset_refresh_nothing_then,
                                           .destroy = file_destroy};

/* ---- opening ---- */

static int lock_take(struct file_offset_log *log, struct mr_error **error)
{
    struct str_buffer path;
    str_buffer_init(&path, 1 << 16);
    str_buffer_printf(&path, "%s.lock", log->path);
    int status = -1;
    if (str_buffer_failed(&path)) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "%s: no memory", log->path);
    } else if ((log->lock_file = open(path.data, O_CREAT | O_RDWR | O_CLOEXEC, 0644)) < 0) {
        mr_error_set(error, MR_ERR_CONFIG, "offset.storage.file.filename: %s cannot be created: %s", path.data,
                     strerror(errno));
    } else if (flock(log->lock_file, LOCK_EX | LOCK_NB) != 0) {
        mr_error_set(error, MR_ERR_CONFIG,
                     "offset.storage.file.filename: %s is in use by another worker: give each worker a file of its own",
                     log->path);
    } else {
        status = 0;
    }
    str_buffer_release(&path);
    return status;
}

static int content_read(struct file_offset_log *log, struct mr_error **error)
{
    struct stat facts;
    char why[512];
    size_t length;
    if (stat(log->path, &facts) != 0 && errno == ENOENT)
        return 0;
    char *text = file_read(log->path, FILE_OFFSET_STORE_BYTES_MAX, &length, why, sizeof(why));
    if (text == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "offset.storage.file.filename: %s", why);
    int status = file_offsets_read(log->store, log->path, text, length, error);
    mem_free(text);
    return status;
}

static int thread_begin(struct file_offset_log *log, struct mr_error **error)
{
    char why[200];
    struct thread_setup setup = {.name = "offset-file", .run = file_run, .argument = log};
    log->has_thread = thread_start(&log->thread, &setup, why, sizeof(why));
    return log->has_thread ? 0 : mr_error_set(error, MR_ERR_CONNECT, "%s: %s", log->path, why);
}

static struct file_offset_log *log_create(const char *path)
{
    struct file_offset_log *log = mem_calloc(1, sizeof(*log));
    char *copy = mem_strdup(path);
    if (log == NULL || copy == NULL) {
        mem_free(log);
        mem_free(copy);
        return NULL;
    }
    log->path = copy;
    log->lock_file = -1;
    log->end = &log->first;
    mutex_init(&log->lock);
    cond_init(&log->changed);
    return log;
}

struct offset_store *file_offset_store_create(const char *path, struct mr_error **error)
{
    struct file_offset_log *log = log_create(path);
    if (log == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "%s: no memory", path);
        return NULL;
    }
    log->store = offset_store_create(&file_log, log, error);
    if (log->store == NULL) {
        file_destroy(log);
        return NULL;
    }
    if (lock_take(log, error) == 0 && content_read(log, error) == 0 && thread_begin(log, error) == 0)
        return log->store;
    offset_store_destroy(log->store);
    return NULL;
}
