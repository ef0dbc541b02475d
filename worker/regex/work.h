/*
 * work: how much a search may cost, whatever the expression and the text. PCRE2 limits the steps of a match anew for each place where one
 * may begin and cannot see how far a repeated character goes, so its own limits leave the square of the text, and more.
 *
 * Counted is at marks ((?C), which the translator puts behind all that can be taken in more than one way): a step for each, and one for
 * WORK_STRIDE bytes that lie between it and the mark before, or the beginning of the match. That is the same on each machine. What no mark
 * sees (look-behind, large counts, back references) is stopped by processor time. Both grow with the text, so that a search that looks at
 * each place once always ends.
 * thread: the expression's. No memory.
 */
#ifndef REGEX_WORK_H
#define REGEX_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORK_STRIDE 32

struct work {
    uint64_t steps, steps_max;
    size_t start, place; /* of the match that is tried; where the mark before stood */
    uint32_t unseen;     /* steps since the last look at the clock */
    int64_t cpu_end_ns; /* of this thread's processor time */
};

/* For a text of `size` bytes; it lasts until the next begin. */
void work_begin(struct work *work, size_t size);
/* A place was found and another one is looked for, which is work of its own. */
void work_go_on(struct work *work);
/* A mark at `place` was passed, in a match that would begin at `start`. false: that was too much. */
bool work_take(struct work *work, size_t start, size_t place);
bool work_is_late(const struct work *work);

#endif
