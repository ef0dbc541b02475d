#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_FIRST 4096

int secret_file_open(int folder, const char *name)
{
    struct stat info;
    int code = 0, fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &info) != 0)
        code = errno;
    else if (!S_ISREG(info.st_mode))
        code = S_ISDIR(info.st_mode) ? EISDIR : ENOTSUP;
    if (code == 0)
        return fd;
    close(fd);
    return -code;
}

void secret_file_release(struct secret_file *file)
{
    if (file->bytes != NULL)
        explicit_bzero(file->bytes, file->capacity);
    free(file->bytes);
    *file = (struct secret_file){0};
}

/* Room for more; the bytes left behind are wiped, which realloc would not do. */
static int grow(struct secret_file *file)
{
    size_t capacity = file->capacity == 0 ? READ_FIRST : file->capacity * 2;
    char *bytes = malloc(capacity);
    if (bytes == NULL)
        return ENOMEM;
    size_t size = file->size;
    if (size > 0)
        memcpy(bytes, file->bytes, size);
    secret_file_release(file);
    *file = (struct secret_file){bytes, size, capacity};
    return 0;
}

static int read_all(struct secret_file *file, int fd)
{
    for (;;) {
        if (file->capacity - file->size < 2 && grow(file) != 0)
            return ENOMEM;
        ssize_t got = read(fd, file->bytes + file->size, file->capacity - file->size - 1);
        if (got < 0 && errno != EINTR)
            return errno;
        if (got > 0)
            file->size += (size_t)got;
        if (file->size > SECRET_FILE_MAX)
            return EFBIG;
        if (got == 0)
            break;
    }
    file->bytes[file->size] = '\0';
    return 0;
}

int secret_file_read(struct secret_file *file, int folder, const char *name)
{
    *file = (struct secret_file){0};
    int fd = secret_file_open(folder, name);
    if (fd < 0)
        return -fd;
    int code = read_all(file, fd);
    close(fd);
    if (code != 0)
        secret_file_release(file);
    return code;
}

const char *secret_file_words(int code, char words[SECRET_FILE_WORDS])
{
    if (code == EFBIG) {
        snprintf(words, SECRET_FILE_WORDS, "it is larger than the %zu bytes allowed", SECRET_FILE_MAX);
        return words;
    }
    return code == ENOTSUP ? "it is not a regular file" : strerror_r(code, words, SECRET_FILE_WORDS);
}
