#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str_buffer.h"

#include "base/bans.h"

enum { READ_STEP = 16 * 1024 };

/* "PATH: what: words of the error". */
static bool explain(char *why, size_t why_size, const char *path, const char *what, int error)
{
    char words[128];
    snprintf(why, why_size, "%s: %s: %s", path, what, strerror_r(error, words, sizeof(words)));
    return false;
}

/* Reads to the end, into room for one byte more than allowed, which tells "exactly full" from "too long". Returns 0 or an
 * errno; EFBIG: too long. */
static int read_all(int fd, struct str_buffer *content, size_t max)
{
    for (;;) {
        size_t room = max + 1 - content->length;
        size_t step = room < READ_STEP ? room : READ_STEP;
        char *end = str_buffer_reserve(content, step);
        if (end == NULL)
            return ENOMEM;
        ssize_t got = read(fd, end, step);
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return errno;
        if (got > 0)
            str_buffer_advance(content, (size_t)got);
        if (content->length > max)
            return EFBIG;
    }
}

static void explain_read(char *why, size_t why_size, const char *path, size_t max, int error)
{
    if (error == EFBIG)
        snprintf(why, why_size, "%s: larger than the %zu bytes allowed", path, max);
    else
        explain(why, why_size, path, "cannot be read", error);
}

char *file_read(const char *path, size_t max, size_t *length, char *why, size_t why_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        explain(why, why_size, path, "cannot be opened", errno);
        return NULL;
    }
    struct str_buffer content;
    str_buffer_init(&content, max + 1);
    int error = read_all(fd, &content, max);
    close(fd);
    char *text = error == 0 ? str_buffer_take(&content, length) : NULL;
    if (text == NULL)
        explain_read(why, why_size, path, max, error == 0 ? ENOMEM : error);
    str_buffer_release(&content);
    return text;
}

static _Atomic int64_t steps_left = INT64_MAX;
static atomic_bool dies_then;

void file_fail_after(int64_t steps, bool dies)
{
    atomic_store(&dies_then, dies);
    atomic_store(&steps_left, steps);
}

/* How many of `wanted` steps may be taken; 0: errno says why not. */
static size_t steps_take(size_t wanted)
{
    int64_t left = atomic_load(&steps_left);
    if (left == INT64_MAX)
        return wanted;
    if (left == 0 && atomic_load(&dies_then))
        raise(SIGKILL);
    errno = ENOSPC;
    size_t taken = (int64_t)wanted < left ? wanted : (size_t)left;
    atomic_fetch_sub(&steps_left, (int64_t)taken);
    return taken;
}

static int step_fails(void)
{
    return steps_take(1) == 1 ? 0 : -1;
}

static int write_all(int fd, const struct file_content *content)
{
    const char *at = content->bytes;
    for (size_t left = content->length; left > 0;) {
        size_t step = steps_take(left);
        ssize_t written = step == 0 ? -1 : write(fd, at, step);
        if (written < 0 && errno != EINTR)
            return errno;
        if (written > 0) {
            at += written;
            left -= (size_t)written;
        }
    }
    return step_fails() == 0 && fsync(fd) == 0 ? 0 : errno;
}

/* A leftover of an earlier crash is overwritten. */
static int write_new(const char *path, const struct file_content *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, content->mode);
    if (fd < 0)
        return errno;
    int error = write_all(fd, content);
    if (close(fd) != 0 && error == 0)
        error = errno;
    return error;
}

/* The rename itself is durable only when the folder is. `path` is cut by dirname(3). */
static int sync_folder(char *path)
{
    int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = step_fails() == 0 && fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return error == EINVAL ? 0 : error;   /* some file systems cannot sync a folder */
}

bool file_replace(const char *path, const struct file_content *content, char *why, size_t why_size)
{
    struct str_buffer temporary;
    str_buffer_init(&temporary, 2 * 4096);
    if (!str_buffer_printf(&temporary, "%s.tmp", path)) {
        str_buffer_release(&temporary);
        return explain(why, why_size, path, "cannot be written", ENOMEM);
    }
    int error = write_new(str_buffer_text(&temporary), content);
    if (error == 0 && (step_fails() != 0 || rename(str_buffer_text(&temporary), path) != 0))
        error = errno;
    if (error != 0)
        unlink(str_buffer_text(&temporary));
    else
        error = sync_folder(temporary.data);
    str_buffer_release(&temporary);
    return error == 0 || explain(why, why_size, path, "cannot be written", error);
}

bool file_is_open_to_all(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0;
}
