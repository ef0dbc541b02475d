#include <string.h>

#include <millrace/error.h>

#include "access/bindings.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/file_watch.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

#include "base/bans.h"

struct bindings_file {
    char *path;
    pthread_mutex_t lock;
    struct file_watch watch;     /* lock */
    struct bindings *bindings;   /* lock; never NULL once open */
    struct access_file_listener listener;
};

static struct bindings *read_bindings(const char *path, struct mr_error **error)
{
    char why[600] = "";
    size_t length = 0;
    char *text = file_read(path, BINDINGS_FILE_MAX, &length, why, sizeof why);
    if (text == NULL) {
        mr_error_set(error, MR_ERR_CONFIG, "%s", why);
        return NULL;
    }
    struct mr_error *reason = NULL;
    struct bindings *bindings = bindings_parse(text, length, &reason);
    if (bindings == NULL)
        mr_error_set(error, mr_error_code(reason), "%s: %s", path, mr_error_message(reason));
    mr_error_drop(reason);
    mem_free(text);
    return bindings;
}

struct bindings_file *bindings_file_open(const char *path, struct mr_error **error)
{
    struct bindings_file *file = mem_calloc(1, sizeof(*file));
    if (file == NULL || (file->path = mem_strdup(path)) == NULL) {
        mem_free(file);
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the bindings of %s", path);
        return NULL;
    }
    mutex_init(&file->lock);
    file_watch_init(&file->watch, file->path, NULL);
    file->bindings = read_bindings(path, error);
    if (file->bindings == NULL) {
        bindings_file_close(file);
        return NULL;
    }
    return file;
}

void bindings_file_close(struct bindings_file *file)
{
    if (file == NULL)
        return;
    bindings_drop(file->bindings);
    mutex_destroy(&file->lock);
    mem_free(file->path);
    mem_free(file);
}

/* lock is held. */
static void read_again_if_changed(struct bindings_file *file)
{
    struct mr_error *error = NULL;
    int64_t now_ms = clock_monotonic_ms(NULL);
    if (!file_watch_is_due(&file->watch, now_ms))
        return;
    struct bindings *bindings = read_bindings(file->path, &error);
    if (bindings == NULL) {
        if (file_watch_failed(&file->watch, mr_error_message(error), now_ms))
            log_error("access", "%s; the bindings read before stay in force until the file is mended", mr_error_message(error));
        mr_error_drop(error);
        return;
    }
    file_watch_worked(&file->watch);
    bindings_drop(file->bindings);
    file->bindings = bindings;
    log_info("access", "%s was changed: %zu bindings", file->path, bindings_count(bindings));
    if (file->listener.read != NULL)
        file->listener.read(file->listener.argument, file->path);
}

void bindings_file_listen(struct bindings_file *file, const struct access_file_listener *listener)
{
    file->listener = *listener;
    listener->read(listener->argument, file->path);
}

struct bindings *bindings_file_current(struct bindings_file *file)
{
    mutex_lock(&file->lock);
    read_again_if_changed(file);
    struct bindings *bindings = bindings_take(file->bindings);
    mutex_unlock(&file->lock);
    return bindings;
}

bool bindings_file_is_failing(struct bindings_file *file)
{
    mutex_lock(&file->lock);
    read_again_if_changed(file);
    bool is_failing = file->watch.failed;
    mutex_unlock(&file->lock);
    return is_failing;
}
