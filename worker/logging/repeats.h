/*
 * repeats: how many lines of one kind are written. Of those with the same logger, level, connector, task and message, numbers aside
 * (but for those that are part of a name), `max` in a window of `window_ms` are; further ones are counted, and the count is told with the next that is written or by itself
 * when the window has ended.
 *
 * DEBUG and TRACE are never held back: somebody asked for them. Neither is FATAL. A table of REPEATS_KINDS_MAX kinds; a kind whose place
 * another takes begins anew, so more is written, never less.
 * thread: any. locks: its own, for a look at the table.
 */
#ifndef LOGGING_REPEATS_H
#define LOGGING_REPEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPEATS_KINDS_MAX 256
#define REPEATS_SAMPLE_MAX 256 /* bytes of a message that are kept to tell what was left out */

struct log_line;
struct repeats;

struct repeats *repeats_create(uint32_t max, uint32_t window_ms); /* max 0: all is written. NULL: no memory */
void repeats_set(struct repeats *repeats, uint32_t max, uint32_t window_ms);
void repeats_destroy(struct repeats *repeats);

/* false: left out. *left_out: so many like it were before it, which nobody was told of yet. */
bool repeats_takes(struct repeats *repeats, const struct log_line *line, int64_t now_ms, uint64_t *left_out);

/* What was left out of windows that have ended; a call for each kind, without the lock. Returns whether more is to come. */
typedef void repeats_fn(void *argument, const struct log_line *sample, uint64_t left_out);
bool repeats_sweep(struct repeats *repeats, int64_t now_ms, repeats_fn *each, void *argument);
bool repeats_pending(const struct repeats *repeats);
uint64_t repeats_left_out(const struct repeats *repeats); /* since the start */

#endif
