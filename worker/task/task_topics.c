/* Which topics a task has told its listener of. */
#include <stdatomic.h>

#include "base/pointer_map.h"
#include "task/task_internal.h"
#include "task/task_listener.h"

#include "base/bans.h"

void task_topics_renew(struct task *task)
{
    const _Atomic uint32_t *now = task->setup.topics_epoch;
    uint32_t epoch = now == NULL ? 0 : atomic_load_explicit(now, memory_order_acquire);

    if (epoch == task->topics_epoch)
        return;
    task->topics_epoch = epoch;
    pointer_map_clear(task->topics_told);
}

void task_topics_tell(struct task *task, const char *topic)
{
    if (task_is_abandoned(task) || pointer_map_has(task->topics_told, topic) || !pointer_map_put(task->topics_told, topic, task))
        return; /* without memory it is told with the next record */
    task->setup.listener->on_topic(task->setup.listener_argument, topic);
}
