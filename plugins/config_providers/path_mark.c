#include "path_mark.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secret_file.h"

#define FNV_START UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)
#define ENTRIES_MAX 100000 /* of a folder; what comes behind is not looked at */

static uint64_t fold(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * FNV_PRIME;
    return hash;
}

static uint64_t fold_number(uint64_t hash, uint64_t number)
{
    return fold(hash, &number, sizeof(number));
}

static uint64_t fold_time(uint64_t hash, const struct timespec *time)
{
    return fold_number(fold_number(hash, (uint64_t)time->tv_sec), (uint64_t)time->tv_nsec);
}

/* So that hashes can be added up: FNV's own differences between similar texts would cancel each other. */
static uint64_t mix(uint64_t hash)
{
    hash = (hash ^ (hash >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    hash = (hash ^ (hash >> 27)) * UINT64_C(0x94D049BB133111EB);
    return hash ^ (hash >> 31);
}

/* Of one regular file; false: there is none that can be read. */
typedef bool mark_fn(int folder, const char *name, uint64_t *hash);

static bool mark_stats(int folder, const char *name, uint64_t *hash)
{
    struct stat info;
    if (fstatat(folder, name, &info, 0) != 0 || !S_ISREG(info.st_mode))
        return false;
    uint64_t now = fold_number(fold_number(*hash, (uint64_t)info.st_dev), (uint64_t)info.st_ino);
    now = fold_number(now, (uint64_t)info.st_size);
    *hash = fold_time(fold_time(now, &info.st_mtim), &info.st_ctim);
    return true;
}

static bool mark_content(int folder, const char *name, uint64_t *hash)
{
    char bytes[4096];
    size_t total = 0;
    ssize_t got;
    int fd = secret_file_open(folder, name);
    if (fd < 0)
        return false;
    do {
        got = read(fd, bytes, sizeof(bytes));
        if (got > 0) {
            *hash = fold(*hash, bytes, (size_t)got);
            total += (size_t)got;
        }
    } while ((got > 0 || (got < 0 && errno == EINTR)) && total <= SECRET_FILE_MAX);
    explicit_bzero(bytes, sizeof(bytes));
    close(fd);
    *hash = fold_number(*hash, total);
    return got >= 0;
}

/* The order of entries is not told by what is in them: their marks are added up. */
static bool mark_folder(const char *path, mark_fn *mark, uint64_t *sum)
{
    DIR *folder = opendir(path);
    size_t count = 0;
    if (folder == NULL)
        return false;
    for (struct dirent *entry; count < ENTRIES_MAX && (entry = readdir(folder)) != NULL; count++) {
        uint64_t hash = fold(FNV_START, entry->d_name, strlen(entry->d_name) + 1);
        if (mark(dirfd(folder), entry->d_name, &hash))
            *sum += mix(hash);
    }
    closedir(folder);
    return true;
}

static bool mark_with(mark_fn *mark, const char *path, enum path_kind kind, uint64_t *hash)
{
    *hash = FNV_START;
    return kind == PATH_FILE ? mark(AT_FDCWD, path, hash) : mark_folder(path, mark, hash);
}

struct path_mark path_mark_of(const char *path, enum path_kind kind)
{
    struct path_mark mark = {0};
    mark.is_there = mark_with(mark_stats, path, kind, &mark.stats) && mark_with(mark_content, path, kind, &mark.content);
    return mark;
}

bool path_mark_update(struct path_mark *mark, const char *path, enum path_kind kind)
{
    uint64_t stats;
    if (!mark_with(mark_stats, path, kind, &stats) || (mark->is_there && stats == mark->stats))
        return false;
    struct path_mark now = path_mark_of(path, kind);
    if (!now.is_there)
        return false;
    bool is_new = !mark->is_there || now.content != mark->content;
    *mark = now;
    return is_new;
}
