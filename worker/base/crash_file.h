/*
 * crash_file: what crash.h has written, read by the next start, and written back with what has become of it.
 *
 * A report is a map of its lines: "time_ms", "worker", "process", "thread", "signal", "sender" or "address", "connector", "task",
 * "class", "file", "call", "inside" ("yes", "no"), "module", "offset"; what is not known is missing. A report whose end is missing is
 * taken for what it says; other lines are passed over: the file was written by a process that was dying.
 * thread: one at a time.
 */
#ifndef BASE_CRASH_FILE_H
#define BASE_CRASH_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct ptr_array;

/* Appends a struct string_map for each report, oldest first; the caller's to destroy, also after a failure. No file: no reports.
 * false: why says what is wrong. */
bool crash_file_read(const char *path, struct ptr_array *reports, char *why, size_t why_size);
/* Replaces the file; without reports it is removed. */
bool crash_file_write(const char *path, const struct ptr_array *reports, char *why, size_t why_size);

#endif
