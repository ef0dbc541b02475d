#include "path_watch.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "providers.h"

#define NOTICES (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF)

struct path_watch_tuning path_watch_tuning = {PATH_WATCH_SETTLE_MS, PATH_WATCH_POLL_MS, false};

/* One subscription. References: the list's, and the thread's while it looks. */
struct watched {
    struct watched *next;
    int references; /* lock */
    bool is_removed, is_called; /* lock */
    const void *owner;
    char *path, *usable;
    enum path_kind kind;
    mr_config_changed_fn *changed;
    void *argument;
    struct path_mark mark; /* the thread's, once it is in the list */
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t called; /* some `changed` has returned; the thread has ended */
    int users;
    size_t count;
    struct watched *first;
    bool has_thread, ends;
    bool is_new;   /* the list has changed: look soon */
    bool is_stale; /* the same, and notices are still to be asked for anew */
    pthread_t thread;
    int wake; /* eventfd, while has_thread */
} watcher = {.lock = PTHREAD_MUTEX_INITIALIZER, .called = PTHREAD_COND_INITIALIZER, .wake = -1};

/* The list; with the lock ----------------------------------------------------------------------------------------- */

static void watched_free(struct watched *watched)
{
    free(watched->path);
    free(watched->usable);
    free(watched);
}

static void watched_drop(struct watched *watched)
{
    if (--watched->references == 0)
        watched_free(watched);
}

static void wake(void)
{
    uint64_t one = 1;
    ssize_t written = write(watcher.wake, &one, sizeof(one)); /* full: it is awake already */
    (void)written;
}

/* All of the list, a reference each, NULL-terminated; NULL: no memory, the next look will do. */
static struct watched **list_copy(void)
{
    struct watched **copy = calloc(watcher.count + 1, sizeof(*copy));
    size_t i = 0;
    for (struct watched *at = watcher.first; copy != NULL && at != NULL; at = at->next) {
        at->references++;
        copy[i++] = at;
    }
    return copy;
}

/* The thread ------------------------------------------------------------------------------------------------------ */

static int64_t now_ms(void)
{
    return provider_host->clock_monotonic_ms();
}

/* The folder that holds `path`. */
static void listen_beside(int inotify, const char *path)
{
    char text[PATH_MAX];
    size_t length = strlen(path);
    if (length >= sizeof(text))
        return;
    memcpy(text, path, length + 1);
    inotify_add_watch(inotify, dirname(text), NOTICES | IN_ONLYDIR);
}

/* A folder that cannot be watched is left to polling. */
static void listen_to(int inotify, const struct watched *watched)
{
    char real[PATH_MAX];
    if (watched->kind == PATH_FOLDER)
        inotify_add_watch(inotify, watched->usable, NOTICES | IN_ONLYDIR);
    listen_beside(inotify, watched->usable);
    if (realpath(watched->usable, real) != NULL)
        listen_beside(inotify, real);
}

/* Anew each time: links may lead elsewhere now. -1: none to be had. */
static int listen_to_all(int former, struct watched *const *all)
{
    if (former >= 0)
        close(former);
    int inotify = path_watch_tuning.without_notices ? -1 : inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    for (size_t i = 0; inotify >= 0 && all[i] != NULL; i++)
        listen_to(inotify, all[i]);
    return inotify;
}

static void tell(struct watched *watched)
{
    pthread_mutex_lock(&watcher.lock);
    bool is_wanted = !watched->is_removed;
    watched->is_called = is_wanted;
    pthread_mutex_unlock(&watcher.lock);
    if (!is_wanted)
        return;
    watched->changed(watched->argument, watched->path);
    pthread_mutex_lock(&watcher.lock);
    watched->is_called = false;
    pthread_cond_broadcast(&watcher.called);
    pthread_mutex_unlock(&watcher.lock);
}

/* Listening comes before looking: what changes in between is noticed. */
static int look(int inotify, bool is_noticed)
{
    pthread_mutex_lock(&watcher.lock);
    struct watched **all = list_copy();
    bool is_stale = watcher.is_stale;
    watcher.is_stale = is_stale && all == NULL;
    pthread_mutex_unlock(&watcher.lock);
    if (all == NULL)
        return inotify;
    if (is_stale || is_noticed)
        inotify = listen_to_all(inotify, all);
    for (size_t i = 0; all[i] != NULL; i++)
        if (path_mark_update(&all[i]->mark, all[i]->usable, all[i]->kind))
            tell(all[i]);
    pthread_mutex_lock(&watcher.lock);
    for (size_t i = 0; all[i] != NULL; i++)
        watched_drop(all[i]);
    pthread_mutex_unlock(&watcher.lock);
    free(all);
    return inotify;
}

/* true: there was something. */
static bool drain(int fd)
{
    char bytes[4096] __attribute__((aligned(8)));
    bool has_read = false;
    while (fd >= 0 && read(fd, bytes, sizeof(bytes)) > 0)
        has_read = true;
    return has_read;
}

/* When to look. */
struct schedule {
    int64_t look_at, first_notice; /* first_notice -1: none since the last look */
};

static void schedule_notice(struct schedule *schedule, int64_t now)
{
    if (schedule->first_notice < 0)
        schedule->first_notice = now;
    int64_t quiet = now + path_watch_tuning.settle_ms, most = schedule->first_notice + PATH_WATCH_SETTLE_MOST_MS;
    schedule->look_at = quiet < most ? quiet : most;
}

static bool has_ended(struct schedule *schedule)
{
    pthread_mutex_lock(&watcher.lock);
    bool ends = watcher.ends;
    if (watcher.is_new)
        schedule->look_at = 0;
    watcher.is_new = false;
    pthread_mutex_unlock(&watcher.lock);
    return ends;
}

static void *run(void *argument)
{
    struct schedule schedule = {0, -1};
    int inotify = -1, wake_fd = *(const int *)argument;
    while (!has_ended(&schedule)) {
        int64_t left = schedule.look_at - now_ms();
        struct pollfd sources[] = {{.fd = wake_fd, .events = POLLIN}, {.fd = inotify, .events = POLLIN}};
        if (left > 0)
            poll(sources, 2, left > INT_MAX ? INT_MAX : (int)left);
        drain(wake_fd);
        if (drain(inotify))
            schedule_notice(&schedule, now_ms());
        if (schedule.look_at > now_ms())
            continue;
        inotify = look(inotify, schedule.first_notice >= 0);
        schedule = (struct schedule){now_ms() + path_watch_tuning.poll_ms, -1};
    }
    if (inotify >= 0)
        close(inotify);
    return NULL;
}

/* Signals are for other threads. With the lock. */
static int start_thread(struct mr_error **error)
{
    sigset_t all, former;
    watcher.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (watcher.wake < 0)
        return mr_error_set(error, MR_ERR_CONNECT, "no eventfd for the watcher of files");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    int code = pthread_create(&watcher.thread, NULL, run, &watcher.wake);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    watcher.has_thread = code == 0;
    if (code == 0) {
        pthread_setname_np(watcher.thread, "config-watch");
        return 0;
    }
    close(watcher.wake);
    watcher.wake = -1;
    return mr_error_set(error, MR_ERR_CONNECT, "no thread for the watcher of files");
}

/* Doors ----------------------------------------------------------------------------------------------------------- */

void path_watch_take(void)
{
    pthread_mutex_lock(&watcher.lock);
    while (watcher.ends)
        pthread_cond_wait(&watcher.called, &watcher.lock);
    watcher.users++;
    pthread_mutex_unlock(&watcher.lock);
}

/* A new user waits until the thread is gone. */
void path_watch_drop(void)
{
    pthread_mutex_lock(&watcher.lock);
    bool is_last = --watcher.users == 0 && watcher.has_thread;
    watcher.ends = is_last;
    if (is_last)
        wake();
    pthread_mutex_unlock(&watcher.lock);
    if (!is_last)
        return;
    pthread_join(watcher.thread, NULL);
    pthread_mutex_lock(&watcher.lock);
    close(watcher.wake);
    watcher.has_thread = watcher.ends = false;
    pthread_cond_broadcast(&watcher.called);
    pthread_mutex_unlock(&watcher.lock);
}

static struct watched *watched_create(const struct path_subscription *subscription, const char *usable, enum path_kind kind)
{
    struct watched *watched = calloc(1, sizeof(*watched));
    if (watched == NULL)
        return NULL;
    *watched = (struct watched){.references = 1,
                                .owner = subscription->owner,
                                .path = strdup(subscription->path),
                                .usable = strdup(usable),
                                .kind = kind,
                                .changed = subscription->changed,
                                .argument = subscription->argument};
    if (watched->path != NULL && watched->usable != NULL)
        return watched;
    watched_free(watched);
    return NULL;
}

int path_watch_subscribe(const struct path_subscription *subscription, const char *usable, enum path_kind kind,
                         struct mr_error **error)
{
    struct watched *watched = watched_create(subscription, usable, kind);
    if (watched == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to watch a file");
    watched->mark = path_mark_of(usable, kind);
    pthread_mutex_lock(&watcher.lock);
    int status = watcher.count < PATH_WATCH_SUBSCRIPTIONS_MAX
                     ? 0
                     : mr_error_set(error, MR_ERR_CONNECT, "more than %d paths cannot be watched",
                                    PATH_WATCH_SUBSCRIPTIONS_MAX);
    if (status == 0 && !watcher.has_thread)
        status = start_thread(error);
    if (status == 0) {
        watched->next = watcher.first;
        watcher.first = watched;
        watcher.count++;
        watcher.is_stale = watcher.is_new = true;
        wake();
    }
    pthread_mutex_unlock(&watcher.lock);
    if (status != 0)
        watched_free(watched);
    return status;
}

static struct watched **find(const struct path_subscription *subscription)
{
    struct watched **at = &watcher.first;
    while (*at != NULL && ((*at)->owner != subscription->owner || (*at)->argument != subscription->argument ||
                           strcmp((*at)->path, subscription->path) != 0))
        at = &(*at)->next;
    return at;
}

/* Folders that nobody asks for any more are listened to until the next look that has a reason to begin anew. */
void path_watch_unsubscribe(const struct path_subscription *subscription)
{
    pthread_mutex_lock(&watcher.lock);
    struct watched **place = find(subscription), *watched = *place;
    if (watched != NULL) {
        *place = watched->next;
        watcher.count--;
        watched->is_removed = true;
        while (watched->is_called)
            pthread_cond_wait(&watcher.called, &watcher.lock);
        watched_drop(watched);
    }
    pthread_mutex_unlock(&watcher.lock);
}
