/*
 * path_mark: has what a provider reads under a path changed? Two marks: a cheap one of names, sizes and times, and one of the
 * content, which decides. Symbolic links are followed. No content is kept, only 64 bits made of it.
 */
#ifndef CONFIG_PROVIDERS_PATH_MARK_H
#define CONFIG_PROVIDERS_PATH_MARK_H

#include <stdbool.h>
#include <stdint.h>

/* A file, or the regular files of a folder. */
enum path_kind { PATH_FILE, PATH_FOLDER };

struct path_mark {
    bool is_there; /* could be read */
    uint64_t stats, content;
};

struct path_mark path_mark_of(const char *path, enum path_kind kind);

/* Brings the mark up to date. true: there is content, and it is not what was seen last. What has gone keeps its mark: nothing is no
 * new value, and the old content, when it comes back, is none either. */
bool path_mark_update(struct path_mark *mark, const char *path, enum path_kind kind);

#endif
