/*
 * line_json: a log line as one JSON object in one line.
 *
 *     {"time":"2026-01-31T12:00:00.123Z","level":"ERROR","logger":"errors","worker":"host:8083","connector":"orders","task":0,
 *      "stage":"VALUE_CONVERTER","plugin":"org.apache.…","call":"put","message":"…","left_out":12}
 *
 * Members that a line does not have are left out. Bytes that are no UTF-8 become U+FFFD, control characters are escaped. A message that
 * does not fit is cut and ends in "…"; the object is always whole.
 * thread: any. locks: none.
 */
#ifndef LOGGING_LINE_JSON_H
#define LOGGING_LINE_JSON_H

#include <stddef.h>
#include <stdint.h>

struct log_line;

#define LINE_JSON_MAX (20u << 10) /* enough for a full line of ASCII without escapes, names and all */

/* Returns the length, line end included. size at least 4096. `worker` "": not known. */
size_t line_json_format(const struct log_line *line, const char *worker, uint64_t left_out, char *text, size_t size);

#endif
