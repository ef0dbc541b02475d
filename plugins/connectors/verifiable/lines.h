/* lines: lines that wait to be printed on standard output.
 *
 * They leave whole: as many as fit into PIPE_BUF in one write(2), a longer one alone, one task at a time, so that neither the lines
 * of other tasks nor the worker's log get in between. As with Kafka's tools, output that fails costs the lines and nothing else
 * (one warning each time); a pipe that nobody empties holds the task up.
 *
 * Thread: one at a time per instance; several instances print side by side. */
#ifndef VERIFIABLE_LINES_H
#define VERIFIABLE_LINES_H

#include <millrace/error.h>
#include <stddef.h>

struct lines {
    char *data;
    size_t size, capacity;
};

/* Appends; the '\n' at the end of a line is the caller's. A failure (MR_ERR_NO_MEMORY) appends nothing. */
int lines_add(struct lines *lines, struct mr_error **error, const char *format, ...) MR_PRINTF(3, 4) MR_MUST_USE;
/* Prints them all, and is empty. */
void lines_print(struct lines *lines);
void lines_release(struct lines *lines);

/* A text in quotes, escaped as JSON wants it. NULL: failed. The caller frees it. */
char *lines_quoted(const char *text, struct mr_error **error);

#endif
