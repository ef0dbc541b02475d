/*
 * file: whole small files: properties, offsets of standalone mode, bindings.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The content with a NUL behind it, for mem_free; length may be NULL. NULL: why names the path and the reason (also when
 * it holds more than max bytes). Reads pipes and /proc files too. */
char *file_read(const char *path, size_t max, size_t *length, char *why, size_t why_size);

/*
 * Replaces the file as one step: a reader, or a machine that loses power, finds the old content or the new, never a
 * mixture. Writes path.tmp beside it, fsyncs, renames, fsyncs the folder. One writer per path at a time.
 */
struct file_content {
    const void *bytes;
    size_t length;
    mode_t mode;   /* of the new file, before umask: 0600, 0644 */
};
bool file_replace(const char *path, const struct file_content *content, char *why, size_t why_size);

/* A regular file that whoever is on the machine may read. */
bool file_is_open_to_all(const char *path);

/* For tests: the next `steps` of file_replace work (each byte written, each fsync and the rename are one); the one after fails as on a
 * full disk, and so do all later ones, or, with `dies`, the process ends in it as by SIGKILL. INT64_MAX: all work again. */
void file_fail_after(int64_t steps, bool dies);

#endif
