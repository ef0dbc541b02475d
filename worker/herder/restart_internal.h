/*
 * restart_internal: a restart request that came back from the config topic. thread: herder.
 */
#ifndef HERDER_RESTART_INTERNAL_H
#define HERDER_RESTART_INTERNAL_H

#include <stdbool.h>

struct herder;

/* Restarts what runs here and the request means; several for one connector fold into the larger one. One that this worker
 * asked for itself waits until its request is answered. */
void restart_plan_came(struct herder *herder, const char *name, bool include_tasks, bool only_failed);

#endif
