/* What the tests of this room share: a folder of their own with files in it, and errors that must say a thing. */
#ifndef ACCESS_TEST_H
#define ACCESS_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <millrace/error.h>

#include "base/file.h"

struct scratch {
    char folder[64], path[96], other[96];
};

static inline void scratch_make(struct scratch *scratch)
{
    snprintf(scratch->folder, sizeof scratch->folder, "/tmp/millrace-access.XXXXXX");
    assert_non_null(mkdtemp(scratch->folder));
    snprintf(scratch->path, sizeof scratch->path, "%s/file", scratch->folder);
    snprintf(scratch->other, sizeof scratch->other, "%s/other", scratch->folder);
}

static inline void scratch_remove(struct scratch *scratch)
{
    unlink(scratch->path);
    unlink(scratch->other);
    assert_int_equal(rmdir(scratch->folder), 0);
}

/* Replaces the file: another inode each time, whatever the clock's grain. */
static inline void file_put(const char *path, const char *text)
{
    char why[300];
    struct file_content content = {.bytes = text, .length = strlen(text), .mode = 0600};
    if (!file_replace(path, &content, why, sizeof why))
        fail_msg("%s", why);
}

/* The error must hold the words, and not `never` (may be NULL); drops it. */
static inline void assert_says(struct mr_error *error, const char *words, const char *never)
{
    assert_non_null(error);
    const char *message = mr_error_message(error);
    if (strstr(message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", message, words);
    if (never != NULL && strstr(message, never) != NULL)
        fail_msg("\"%s\" repeats \"%s\"", message, never);
    mr_error_drop(error);
}

#endif
