/* line_reader: bytes in, lines out.
 *
 * A line ends with \n, \r or \r\n. A \r at the end of what was read so far is no end yet: a \n may follow. What has no end yet
 * waits in `rest`, at most line_max_bytes of it.
 *
 * A line that lies in one block is a reference into it; one that spans blocks is a copy in the arena.
 */
#ifndef FILE_LINE_READER_H
#define FILE_LINE_READER_H

#include <millrace/arena.h>

struct line_reader {
    unsigned char *rest; /* malloc; holds no line end, but perhaps a \r as its last byte */
    size_t rest_size, rest_capacity;
    size_t line_max_bytes;
};

/* A block being cut. */
struct line_block {
    const unsigned char *at, *end;
};

void line_reader_init(struct line_reader *reader, size_t line_max_bytes);
void line_reader_release(struct line_reader *reader);
void line_reader_clear(struct line_reader *reader);

/* Cuts the next line off. 1: `line` and `consumed` (its bytes with its end, rest included); 0: the block is used up and its last
 * part is kept; -1: the line is longer than allowed, or no memory. */
int line_reader_next(struct line_reader *reader, struct line_block *block, struct mr_arena *arena,
                     struct mr_bytes *line, size_t *consumed, struct mr_error **error);
/* Gives the unfinished rest as a line: the input has ended for good. 1 or 0 (nothing left), -1. */
int line_reader_finish(struct line_reader *reader, struct mr_arena *arena, struct mr_bytes *line, size_t *consumed,
                       struct mr_error **error);

#endif
