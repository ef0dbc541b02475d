#include "file_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENDS_UNTIL_REPLACED 2 /* a writer may still be adding to a file that was just renamed */
#define SCAN_BYTES 4096

void file_input_init(struct file_input *input, const char *path)
{
    *input = (struct file_input){.path = path, .fd = -1};
}

static const char *name_of(const struct file_input *input)
{
    return input->path == NULL ? "standard input" : input->path;
}

static int failed(const struct file_input *input, const char *what, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_CONNECT, "%s: %s: %s", name_of(input), what, strerror(errno));
}

int file_input_open(struct file_input *input, struct mr_error **error)
{
    struct stat status;

    input->fd =
        input->path == NULL ? dup(STDIN_FILENO) : open(input->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (input->fd < 0)
        return errno == ENOENT ? 0 : failed(input, "cannot be opened", error);
    if (fstat(input->fd, &status) != 0) {
        failed(input, "cannot be examined", error);
        file_input_close(input);
        return -1;
    }
    if (S_ISDIR(status.st_mode)) {
        file_input_close(input);
        return mr_error_set(error, MR_ERR_CONNECT, "%s: is a directory; give the name of a file", name_of(input));
    }
    input->is_regular = S_ISREG(status.st_mode) && input->path != NULL;
    input->may_grow = S_ISREG(status.st_mode) || input->path != NULL;
    input->device = status.st_dev;
    input->inode = status.st_ino;
    input->read_to = 0;
    input->ends_seen = 0;
    return 1;
}

void file_input_close(struct file_input *input)
{
    if (input->fd >= 0)
        close(input->fd);
    input->fd = -1;
}

/* --- positions ------------------------------------------------------------------------------------------------------- */

static bool is_line_end(unsigned char byte)
{
    return byte == '\n' || byte == '\r';
}

static ssize_t read_at(const struct file_input *input, void *buffer, size_t size, int64_t at)
{
    ssize_t got;

    do
        got = pread(input->fd, buffer, size, at);
    while (got < 0 && errno == EINTR);
    return got;
}

/* The place after the last line end before `position`; -1: none within reach, or it cannot be read. */
static int64_t line_start(const struct file_input *input, int64_t position, size_t reach)
{
    unsigned char bytes[SCAN_BYTES];
    int64_t end = position;

    while (end > 0 && position - end < (int64_t)reach) {
        size_t size = end < SCAN_BYTES ? (size_t)end : SCAN_BYTES;

        if (read_at(input, bytes, size, end - (int64_t)size) != (ssize_t)size)
            return -1;
        for (size_t i = size; i > 0; i--)
            if (is_line_end(bytes[i - 1]))
                return end - (int64_t)(size - i);
        end -= (int64_t)size;
    }
    return end == 0 ? 0 : -1;
}

/* Between \r and \n of one line end? Then the line begins one byte later. */
static bool splits_line_end(const struct file_input *input, int64_t position)
{
    unsigned char around[2];

    return position > 0 && read_at(input, around, 2, position - 1) == 2 && around[0] == '\r' && around[1] == '\n';
}

int file_input_seek(struct file_input *input, int64_t position, size_t line_max_bytes, int64_t *from,
                    struct mr_error **error)
{
    struct stat status;

    *from = position;
    if (!input->is_regular)
        return 0;
    if (fstat(input->fd, &status) != 0)
        return failed(input, "cannot be examined", error);
    if (position > status.st_size)
        *from = 0; /* another, shorter file, or this one was cut */
    else if (splits_line_end(input, position))
        *from = position + 1;
    else
        *from = line_start(input, position, line_max_bytes);
    if (*from < 0)
        return mr_error_set(error, MR_ERR_CONNECT,
                            "%s: no line begins within %zu bytes before the stored position %lld", name_of(input),
                            line_max_bytes, (long long)position);
    if (lseek(input->fd, *from, SEEK_SET) < 0)
        return failed(input, "cannot be positioned", error);
    input->read_to = *from;
    return 0;
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

static enum input_state at_end(struct file_input *input, struct mr_error **error)
{
    struct stat here, there;

    if (!input->is_regular)
        return input->may_grow ? INPUT_NOTHING : INPUT_ENDED; /* a named pipe may get another writer */
    if (fstat(input->fd, &here) != 0) {
        failed(input, "cannot be examined", error);
        return INPUT_FAILED;
    }
    if (here.st_size < input->read_to) {
        if (lseek(input->fd, 0, SEEK_SET) < 0) {
            failed(input, "cannot be positioned", error);
            return INPUT_FAILED;
        }
        input->read_to = 0;
        return INPUT_CUT;
    }
    if (stat(input->path, &there) == 0 && (there.st_dev != input->device || there.st_ino != input->inode))
        return ++input->ends_seen >= ENDS_UNTIL_REPLACED ? INPUT_REPLACED : INPUT_NOTHING;
    input->ends_seen = 0;
    return INPUT_NOTHING;
}

static bool has_bytes(const struct file_input *input)
{
    struct pollfd poll_fd = {.fd = input->fd, .events = POLLIN};

    return poll(&poll_fd, 1, 0) > 0;
}

enum input_state file_input_read(struct file_input *input, void *buffer, size_t size, size_t *got,
                                 struct mr_error **error)
{
    ssize_t count;

    /* Standard input is shared with others: it is not made non-blocking, but asked first. */
    if (input->path == NULL && !has_bytes(input))
        return INPUT_NOTHING;
    do
        count = read(input->fd, buffer, size);
    while (count < 0 && errno == EINTR);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return INPUT_NOTHING;
    if (count < 0) {
        failed(input, "cannot be read", error);
        return INPUT_FAILED;
    }
    if (count == 0)
        return at_end(input, error);
    *got = (size_t)count;
    input->read_to += count;
    input->ends_seen = 0;
    return INPUT_DATA;
}
