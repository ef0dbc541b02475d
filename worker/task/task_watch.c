/* What a task that runs does not do: moments that the task notes, looked at by the executor's watch. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "task/task_internal.h"

#include "base/bans.h"

void watch_begin(const struct task *task, _Atomic int64_t *since_ms)
{
    if (atomic_load_explicit(since_ms, memory_order_relaxed) == 0)
        watch_since(since_ms, clock_monotonic_ms(task->setup.clock));
}

bool task_has_progressed(const struct task *task)
{
    return atomic_load_explicit(&task->has_progressed, memory_order_relaxed);
}

static bool is_overdue(const _Atomic int64_t *at_ms, uint32_t limit_ms, int64_t now_ms, int64_t *since_ms)
{
    *since_ms = atomic_load_explicit(at_ms, memory_order_relaxed);
    return *since_ms != 0 && now_ms - *since_ms >= limit_ms;
}

/* A poll may take hours where the plugin has a thread of its own for it. */
static bool may_block(const struct task *task)
{
    return task->blocks && strcmp(task_inside(task), "poll") == 0;
}

/* errors.retry.timeout says how long that may take. */
static bool is_retrying(const struct task *task)
{
    return task->ops->is_retrying != NULL && task->ops->is_retrying(task);
}

enum task_stall task_look(const struct task *task, const struct task_limits *limits, int64_t *since_ms)
{
    const struct task_watched *watched = &task->watched;
    int64_t now_ms = clock_monotonic_ms(task->setup.clock);

    enum task_state state = task_state(task);

    if (task_is_stopping(task))
        return TASK_STALL_NONE;
    if (is_overdue(&watched->inside_ms, limits->call_ms, now_ms, since_ms) && !may_block(task) && !is_retrying(task))
        return state < TASK_RUNNING ? TASK_STALL_START : TASK_STALL_CALL;
    if (state != TASK_RUNNING)
        return TASK_STALL_NONE;
    if (is_overdue(&watched->letters_ms, limits->call_ms, now_ms, since_ms))
        return TASK_STALL_LETTERS;
    if (is_overdue(&watched->lost_ms, limits->call_ms, now_ms, since_ms))
        return TASK_STALL_GROUP;
    return is_overdue(&watched->owed_ms, limits->commit_ms, now_ms, since_ms) ? TASK_STALL_COMMIT : TASK_STALL_NONE;
}

const char *task_stall_words(const struct task *task, enum task_stall stall, int64_t since_ms, char *words, size_t size)
{
    int64_t s = (clock_monotonic_ms(task->setup.clock) - since_ms) / 1000;
    const char *inside = task_inside(task);

    switch (stall) {
    case TASK_STALL_NONE: snprintf(words, size, "it goes on"); break;
    case TASK_STALL_CALL:
    case TASK_STALL_START:
        snprintf(words, size, "it has been inside %s%s for %" PRId64 " s", task->is_in_pipeline ? "" : "the plugin's ",
                 inside[0] == '\0' ? "call" : inside, s);
        break;
    case TASK_STALL_COMMIT:
        snprintf(words, size, "records came, and for %" PRId64 " s nothing was acknowledged or committed", s);
        break;
    case TASK_STALL_GROUP:
        snprintf(words, size, "its consumer lost its partitions %" PRId64 " s ago and is not back in its group", s);
        break;
    case TASK_STALL_LETTERS:
        snprintf(words, size, "dead letters hold its offsets back, and for %" PRId64 " s none of them was written", s);
        break;
    }
    return words;
}
