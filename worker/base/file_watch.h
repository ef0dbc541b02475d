/*
 * file_watch: one or two files that are read again when they have changed. A try that failed is repeated even if nothing changes any
 * more: what was the matter may have been the moment (no memory, no descriptors, a disk), and a file that takes somebody's rights away
 * must count in the end. After FILE_WATCH_AGAIN_MS, then twice as long each time up to FILE_WATCH_AGAIN_MAX_MS.
 *
 *     if (file_watch_is_due(&watch, now_ms)) {
 *         read them
 *         failed: if (file_watch_failed(&watch, why, now_ms)) log why, which was not said of these files yet
 *         worked: file_watch_worked(&watch)
 *     }
 *
 * Times are monotonic. thread: one at a time.
 */
#ifndef BASE_FILE_WATCH_H
#define BASE_FILE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/file_stamp.h"

#define FILE_WATCH_PATHS 2
#define FILE_WATCH_AGAIN_MS 1000
#define FILE_WATCH_AGAIN_MAX_MS 60000

struct file_watch {
    const char *paths[FILE_WATCH_PATHS];        /* NULL: none */
    struct file_stamp stamps[FILE_WATCH_PATHS]; /* of what was tried last */
    uint64_t told;                              /* a hash of what was said of it; 0: nothing */
    int64_t again_ms, wait_ms;
    bool failed;
};

/* Before the first reading, which the watch is not told of. The paths are borrowed; each may be NULL. */
void file_watch_init(struct file_watch *watch, const char *path, const char *other);

/* Looks at the files (stat); true: read them now. What changes while they are read is seen by the next look. */
bool file_watch_is_due(struct file_watch *watch, int64_t now_ms);
void file_watch_worked(struct file_watch *watch);
bool file_watch_failed(struct file_watch *watch, const char *why, int64_t now_ms);

#endif
