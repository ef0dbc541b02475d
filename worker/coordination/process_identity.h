/*
 * process_identity: which process of which machine this is, so that another one beside it can tell that it is gone.
 *
 * `host` is equal for two processes exactly when they see the same process ids: the machine's boot id and the process-id
 * namespace (two containers on one machine differ). A process is known by its id and its start time, which tells it from a later
 * one with the same id.
 * Linux only (/proc); where /proc does not say, or shows the processes of another namespace, `host` is empty and nobody is ever taken
 * for gone. Another user's process that /proc hides counts as alive while its number is in use. thread: any.
 */
#ifndef COORDINATION_PROCESS_IDENTITY_H
#define COORDINATION_PROCESS_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#define PROCESS_HOST_SIZE 128

struct process_identity {
    char host[PROCESS_HOST_SIZE]; /* "": not known */
    int64_t pid;
    int64_t started; /* clock ticks since the machine's boot */
};

void process_identity_read(struct process_identity *self);

/* Certain: there is no such process any more, or it has ended and only waits to be collected. Only for processes of our own host. */
bool process_is_gone(int64_t pid, int64_t started);

#endif
