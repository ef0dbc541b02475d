/*
 * dead_letter: what has to be there before dead letters can be written.
 */
#ifndef ERRORS_DEAD_LETTER_H
#define ERRORS_DEAD_LETTER_H

#include <stdint.h>

struct admin;
struct mr_error;

/* Makes sure that the topic exists: one partition, the given replication factor, else the broker's settings. A topic that
 * somebody else creates meanwhile is fine. -1: "Could not initialize dead letter queue with topic=…" and why: the task must
 * not start. Waits: job threads. Blanks around the name are trimmed; a blank name is no work. */
int dead_letter_prepare(struct admin *admin, const char *topic, int16_t replication_factor, int64_t deadline_ms,
                        struct mr_error **error);

#endif
