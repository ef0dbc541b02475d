#include "base/file_watch.h"

#include <stddef.h>
#include <string.h>

#include "base/hash.h"

#include "base/bans.h"

/* Into the watch; has one of them changed? */
static bool take_stamps(struct file_watch *watch)
{
    bool changed = false;
    for (size_t i = 0; i < FILE_WATCH_PATHS; i++) {
        if (watch->paths[i] == NULL)
            continue;
        struct file_stamp stamp = file_stamp_of(watch->paths[i]);
        changed = changed || !file_stamp_equals(&stamp, &watch->stamps[i]);
        watch->stamps[i] = stamp;
    }
    return changed;
}

void file_watch_init(struct file_watch *watch, const char *path, const char *other)
{
    *watch = (struct file_watch){.paths = {path, other}};
    take_stamps(watch);
}

bool file_watch_is_due(struct file_watch *watch, int64_t now_ms)
{
    if (!take_stamps(watch))
        return watch->failed && now_ms >= watch->again_ms;
    watch->told = 0;
    watch->wait_ms = FILE_WATCH_AGAIN_MS;
    return true;
}

void file_watch_worked(struct file_watch *watch)
{
    watch->failed = false;
}

bool file_watch_failed(struct file_watch *watch, const char *why, int64_t now_ms)
{
    uint64_t words = hash_bytes(why, strlen(why), 0) | 1;
    bool is_news = words != watch->told;
    watch->told = words;
    watch->failed = true;
    watch->again_ms = now_ms + watch->wait_ms;
    watch->wait_ms = watch->wait_ms < FILE_WATCH_AGAIN_MAX_MS / 2 ? 2 * watch->wait_ms : FILE_WATCH_AGAIN_MAX_MS;
    return is_news;
}
