/*
 * error_line: an error with all its causes in one line, for log lines about what has ended. The trace of a status is another
 * thing (mr_error_trace): it has a line for each cause and names exception classes.
 */
#ifndef ERRORS_ERROR_LINE_H
#define ERRORS_ERROR_LINE_H

#include <stddef.h>

struct mr_error;

#define ERROR_LINE_MAX 2048

/* "message; caused by: message; …" into `text`, line ends shown as blanks, cut at `size`. Returns `text`. */
const char *error_line(const struct mr_error *error, char *text, size_t size);

#endif
