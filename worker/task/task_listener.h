/*
 * task_listener: what a task tells upwards. Declared here, filled by the executor.
 *
 * thread: the pool thread that steps the task, no lock held. A member must only post; it must not call back into the task.
 * Texts live only during the call.
 */
#ifndef TASK_TASK_LISTENER_H
#define TASK_TASK_LISTENER_H

#include <stdint.h>

#include "task/task.h"

struct task_listener {
    /* What kind of failure it is (base/failure.h), right before FAILED. NULL: nobody wants to know. */
    void (*on_failure)(void *argument, const struct failure *failure);
    /* PREPARED, RUNNING, PAUSED, STOPPED or FAILED was reached; `trace` with FAILED, else NULL. After STOPPED and FAILED
     * nothing more comes. A task fenced by its legitimate successor ends as STOPPED. */
    void (*on_state)(void *argument, enum task_state state, const char *trace);
    /* The first record that Kafka acknowledged of (or was read from) this topic, since the start or since topics_epoch has
     * changed. */
    void (*on_topic)(void *argument, const char *topic);
};

#endif
