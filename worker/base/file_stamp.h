/*
 * file_stamp: has a file been changed or replaced since it was read? By device, inode, size, and the times of change, as
 * nobody writes a file of logins or certificates twice within the clock's grain.
 */
#ifndef BASE_FILE_STAMP_H
#define BASE_FILE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

struct file_stamp {
    uint64_t device, inode;
    int64_t size, modified_ns, changed_ns;   /* size -1: there was no such file */
};

struct file_stamp file_stamp_of(const char *path);   /* one stat() */
bool file_stamp_equals(const struct file_stamp *one, const struct file_stamp *other);

#endif
