/* file_input: where a file source reads: a file, a pipe or standard input.
 *
 * Opening never blocks (a pipe that nobody writes to is simply empty) and reading never waits. A file is followed as it
 * grows; it is read again from its beginning after it was cut below where we are, and when another file stands under
 * its name and this one has been read to its end.
 */
#ifndef FILE_INPUT_H
#define FILE_INPUT_H

#include <millrace/error.h>
#include <sys/types.h>

enum input_state {
    INPUT_DATA,     /* bytes were read */
    INPUT_NOTHING,  /* none now */
    INPUT_CUT,      /* the file is shorter than what was read of it: it was gone back to its beginning */
    INPUT_REPLACED, /* another file has the name, and this one is at its end: close, then open again */
    INPUT_ENDED,    /* standard input was closed by its writer: nothing will come any more */
    INPUT_FAILED
};

struct file_input {
    const char *path; /* NULL: standard input */
    int fd;           /* -1: closed */
    bool is_regular;
    bool may_grow; /* at its end more may come: anything but a pipe or terminal on standard input */
    dev_t device;
    ino_t inode;
    int64_t read_to;    /* regular: offset of the next byte */
    uint32_t ends_seen; /* empty reads in a row while the name belongs to another file */
};

void file_input_init(struct file_input *input, const char *path);
/* 1: open; 0: there is no such file (yet); -1: cannot be read. */
int file_input_open(struct file_input *input, struct mr_error **error);
void file_input_close(struct file_input *input);
/* Regular files: goes to the line that holds `position`, at most line_max_bytes back. `*from` is where reading starts.
 * Others have no positions: *from is `position`. */
int file_input_seek(struct file_input *input, int64_t position, size_t line_max_bytes, int64_t *from,
                    struct mr_error **error);
enum input_state file_input_read(struct file_input *input, void *buffer, size_t size, size_t *got,
                                 struct mr_error **error);

#endif
