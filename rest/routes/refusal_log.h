/*
 * refusal_log: how many refused calls the log takes. Each has its line, REFUSALS_PER_SECOND_MAX in a second; of further ones the next
 * line tells the number, so that nobody fills a disk with what is refused. (The audit record is another matter: docs/audit.md.)
 *
 * Embedded, zero to begin with. thread: any. locks: none; a line more or less at the turn of a second does not matter.
 */
#ifndef ROUTES_REFUSAL_LOG_H
#define ROUTES_REFUSAL_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define REFUSALS_PER_SECOND_MAX 20

struct refusal_log {
    _Atomic int64_t second;
    _Atomic unsigned count, left_out;
};

/* true: to be logged; `*left_out` were not since the last one that was. */
bool refusal_log_takes(struct refusal_log *log, int64_t now_ms, unsigned *left_out);

#endif
