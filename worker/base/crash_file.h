/*
 * crash_file: what crash.h has written, read by the next start, and written back with what has become of it.
 *
 * A report is a map of its lines: "time_ms", "worker", "process", "thread", "signal", "sender" or "address", "connector", "task",
 * "class", "file", "call", "inside" ("yes", "no"), "module", "offset", "sent" ("yes": the courier took it further); what is not known is missing. A
 * report whose end is missing is taken for what it says; other lines are passed over: the file was written by a process that was dying.
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
/* The same of such a text, which is spoilt. false: no memory. */
bool crash_file_parse(char *text, struct ptr_array *reports);
/* What the file says of these reports, for mem_free: "" without any. NULL: no memory, or too many. */
char *crash_file_text(const struct ptr_array *reports, size_t *length);
/* Replaces the file by such a text; "" removes it. A crash at that moment is not lost (crash_replace_begin). One thread at a time. */
bool crash_file_write(const char *path, const char *text, size_t length, char *why, size_t why_size);

#endif
