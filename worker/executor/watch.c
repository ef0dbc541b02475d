/*
 * The watch: one step unit that looks at all tasks, a few times a second while one is stopping, else once per second or
 * offset.flush.interval.ms. A task inside a plugin call cannot store its offsets itself: the watch has them stored. A task
 * past the deadline of its stop is given up here. Connectors are asked whether the time of their values is over.
 */
#include "executor/executor_internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "config/worker_config.h"

#include "base/bans.h"

#define LOOK_MOST_MS 1000
#define LOOK_LEAST_MS 10

static int64_t period_ms(const struct executor *executor)
{
    int64_t interval_ms = executor->setup.worker->offset_flush_interval_ms;
    return interval_ms > LOOK_MOST_MS ? LOOK_MOST_MS : interval_ms < LOOK_LEAST_MS ? LOOK_LEAST_MS : interval_ms;
}

static void look_at_connectors(struct executor *executor, int64_t now_ms, int64_t *wake_at_ms)
{
    size_t count;
    struct connector_instance **instances = executor_list_connectors(executor, &count);
    for (size_t i = 0; i < count; i++) {
        connector_instance_look(instances[i], now_ms, wake_at_ms);
        connector_instance_drop(instances[i]);
    }
    mem_free(instances);
}

struct step_result executor_watch(void *argument)
{
    struct executor *executor = argument;
    int64_t now_ms = clock_monotonic_ms(NULL);
    struct step_result result = {.verdict = STEP_WAIT, .wake_at_ms = now_ms + period_ms(executor)};
    if (atomic_load(&executor->watch_ends))
        return (struct step_result){.verdict = STEP_END};
    size_t count;
    struct task_unit **units = executor_list_tasks(executor, &count);
    if (count == 0)
        result.wake_at_ms = INT64_MAX; /* a new task wakes us */
    for (size_t i = 0; i < count; i++) {
        task_unit_look(units[i], now_ms, &result.wake_at_ms);
        task_unit_drop(units[i]);
    }
    mem_free(units);
    look_at_connectors(executor, now_ms, &result.wake_at_ms);
    return result;
}
