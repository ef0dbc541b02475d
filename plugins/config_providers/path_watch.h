/*
 * path_watch: tells when the content under a path has changed. One thread for the process serves all subscriptions of all
 * providers; it is started by the first subscription and joined when the last user has left.
 *
 * The kernel tells of changes in the folder of a path and, where the path is or holds a symbolic link, in the folder that it leads
 * to (inotify): Kubernetes changes a volume by giving its link ..data another target. Notices are a hint to look: after
 * PATH_WATCH_SETTLE_MS of silence (PATH_WATCH_SETTLE_MOST_MS at most) the marks of all paths are compared (path_mark.h). They are
 * also compared every PATH_WATCH_POLL_MS, for what the kernel does not tell: network file systems, links further up, no more
 * inotify instances. So a change is told, once, also when no notice came; what has gone is not a change.
 *
 * thread: any. locks: one inside; none is held while `changed` is called or a file is read.
 */
#ifndef CONFIG_PROVIDERS_PATH_WATCH_H
#define CONFIG_PROVIDERS_PATH_WATCH_H

#include <millrace/config_provider.h>

#include "path_mark.h"

#define PATH_WATCH_SETTLE_MS 200
#define PATH_WATCH_SETTLE_MOST_MS 2000
#define PATH_WATCH_POLL_MS 5000
#define PATH_WATCH_SUBSCRIPTIONS_MAX 10000 /* a further one is refused in words */

/* Every provider that may subscribe takes the watcher and drops it when it ends, after its subscriptions. */
void path_watch_take(void);
void path_watch_drop(void);

/* Who asked for what; compared to find it again. */
struct path_subscription {
    const void *owner;
    const char *path; /* as asked: told to `changed`; copied */
    mr_config_changed_fn *changed;
    void *argument;
};

/* `usable`: what to look at. From this call on changes are told. -1: no memory, no thread, too many. */
int path_watch_subscribe(const struct path_subscription *subscription, const char *usable, enum path_kind kind,
                         struct mr_error **error);
/* By owner, path and argument. Afterwards `changed` is not called any more: waits for one that is being called. */
void path_watch_unsubscribe(const struct path_subscription *subscription);

/* For tests: other times, no notices of the kernel. Only while nobody has taken the watcher. */
struct path_watch_tuning {
    int settle_ms, poll_ms;
    bool without_notices;
};
extern struct path_watch_tuning path_watch_tuning;

#endif
