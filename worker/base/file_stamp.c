#include "base/file_stamp.h"

#include <sys/stat.h>

#include "base/bans.h"

static int64_t in_ns(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

struct file_stamp file_stamp_of(const char *path)
{
    struct stat found;
    if (stat(path, &found) != 0)
        return (struct file_stamp){.size = -1};
    return (struct file_stamp){
        .device = found.st_dev,
        .inode = found.st_ino,
        .size = found.st_size,
        .modified_ns = in_ns(&found.st_mtim),
        .changed_ns = in_ns(&found.st_ctim),
    };
}

bool file_stamp_equals(const struct file_stamp *one, const struct file_stamp *other)
{
    return one->device == other->device && one->inode == other->inode && one->size == other->size &&
           one->modified_ns == other->modified_ns && one->changed_ns == other->changed_ns;
}
