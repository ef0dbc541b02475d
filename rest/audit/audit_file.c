/*
 * The file: append only, one writer (a lock keeps a second worker away), whole lines: what could not be written whole is cut off again.
 *
 * Before each batch the path is looked at: a file that was renamed (logrotate) is followed by a new one. How large it grows is
 * the administrator's business. Besides files only devices are taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit_internal.h"
#include "base/mem.h"

#include "base/bans.h"

struct audit_file {
    struct audit_target target;
    char *path;
    int fd; /* -1: none */
    dev_t device;
    ino_t inode;
    bool is_regular;
    bool is_torn; /* a line without its end may stand last */
};

static struct audit_file *file_of(struct audit_target *target)
{
    return (struct audit_file *)target;
}

static bool fails(char reason[AUDIT_REASON_SIZE], const char *words)
{
    snprintf(reason, AUDIT_REASON_SIZE, "%s", words);
    return false;
}

/* A new file is there after a loss of power only when its folder is. */
static bool sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? mem_strdup(".") : mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
    int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    mem_free(folder);
    return is_synced;
}

static bool ends_torn(int fd, off_t size)
{
    char last = '\n';
    return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

/* Takes the descriptor. */
static bool adopt(struct audit_file *file, int fd, char reason[AUDIT_REASON_SIZE])
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return fails(reason, strerror(errno));
    if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode))
        return fails(reason, "it is no regular file");
    if (S_ISREG(status.st_mode) && flock(fd, LOCK_EX | LOCK_NB) != 0)
        return fails(reason, "another process writes it; each worker needs a file of its own");
    if (S_ISREG(status.st_mode) && status.st_size == 0 && !sync_folder(file->path))
        return fails(reason, "its folder cannot be synchronised");
    if (file->fd >= 0)
        close(file->fd);
    file->fd = fd;
    file->device = status.st_dev;
    file->inode = status.st_ino;
    file->is_regular = S_ISREG(status.st_mode);
    file->is_torn = file->is_regular && ends_torn(fd, status.st_size);
    return true;
}

static bool open_path(struct audit_file *file, char reason[AUDIT_REASON_SIZE])
{
    int fd = open(file->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (fd < 0)
        return fails(reason, strerror(errno));
    if (adopt(file, fd, reason))
        return true;
    close(fd);
    return false;
}

static bool is_at_its_path(const struct audit_file *file)
{
    struct stat status;
    return file->fd >= 0 && stat(file->path, &status) == 0 && status.st_dev == file->device && status.st_ino == file->inode;
}

static bool append(int fd, const char *text, size_t length, char reason[AUDIT_REASON_SIZE])
{
    while (length > 0) {
        ssize_t written = write(fd, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return fails(reason, written == 0 ? "nothing was written" : strerror(errno));
        text += written;
        length -= (size_t)written;
    }
    return true;
}

static bool file_sync(struct audit_target *target, char reason[AUDIT_REASON_SIZE])
{
    const struct audit_file *file = file_of(target);
    if (fdatasync(file->fd) == 0 || (!file->is_regular && (errno == EINVAL || errno == EROFS)))
        return true;
    return fails(reason, strerror(errno));
}

static bool append_whole(struct audit_file *file, const char *text, size_t length, bool may_wait, char reason[AUDIT_REASON_SIZE])
{
    if (file->is_torn && !append(file->fd, "\n", 1, reason))
        return false;
    return append(file->fd, text, length, reason) && (may_wait || file_sync(&file->target, reason));
}

static bool file_write(struct audit_target *target, const char *text, size_t length, bool may_wait, char reason[AUDIT_REASON_SIZE])
{
    struct audit_file *file = file_of(target);
    if (!is_at_its_path(file) && !open_path(file, reason))
        return false;
    struct stat before;
    if (fstat(file->fd, &before) != 0)
        return fails(reason, strerror(errno));
    bool is_written = append_whole(file, text, length, may_wait, reason);
    if (is_written)
        file->is_torn = false;
    else if (file->is_regular && ftruncate(file->fd, before.st_size) != 0)
        file->is_torn = true;
    return is_written;
}

static void file_close(struct audit_target *target)
{
    struct audit_file *file = file_of(target);
    if (file->fd >= 0)
        close(file->fd);
    mem_free(file->path);
    mem_free(file);
}

static const struct audit_target_ops file_ops = {
    .property = "millrace.audit.file", .write = file_write, .sync = file_sync, .close = file_close};

struct audit_target *audit_file_open(const char *path, struct mr_error **error)
{
    char reason[AUDIT_REASON_SIZE];
    struct audit_file *file = mem_calloc(1, sizeof(*file));
    char *copy = mem_strdup(path);
    if (file == NULL || copy == NULL) {
        mem_free(file);
        mem_free(copy);
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the audit record");
        return NULL;
    }
    *file = (struct audit_file){.target = {&file_ops}, .path = copy, .fd = -1};
    if (open_path(file, reason))
        return &file->target;
    mr_error_set(error, MR_ERR_CONFIG, "millrace.audit.file: %s cannot be opened for appending: %s. Name a file in a folder that the worker "
                 "may write to, and that is this worker's alone", path, reason);
    file_close(&file->target);
    return NULL;
}
