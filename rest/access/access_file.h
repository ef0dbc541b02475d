/*
 * access_file: whoever keeps a record of it is told when a file that says who may do what has been read.
 */
#ifndef ACCESS_ACCESS_FILE_H
#define ACCESS_ACCESS_FILE_H

/* thread: whoever looked. The file's lock is held: must neither wait nor call back. */
typedef void access_file_read_fn(void *argument, const char *path);

struct access_file_listener {
    access_file_read_fn *read; /* NULL: nobody is told */
    void *argument;
};

#endif
