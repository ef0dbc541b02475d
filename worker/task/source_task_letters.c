/* Records that were given up and wait for their dead letters: before those are safe no source offset moves past them. */
#include <millrace/host.h>

#include "base/mem.h"
#include "errors/tolerance.h"
#include "task/source_task_internal.h"

#include "base/bans.h"

int source_task_await_letter(struct source_task *task, const struct letter_wait *wanted, struct mr_error **error)
{
    struct letter_wait *wait = mem_alloc(sizeof(*wait));

    if (wait == NULL) {
        mr_future_drop(wanted->future);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to wait for a dead letter");
    }
    *wait = *wanted;
    wait->next = NULL;
    if (task->last_letter != NULL)
        task->last_letter->next = wait;
    else
        task->first_letter = wait;
    task->last_letter = wait;
    return 0;
}

static struct letter_wait pop(struct source_task *task)
{
    struct letter_wait *wait = task->first_letter, popped = *wait;

    task->first_letter = wait->next;
    if (task->first_letter == NULL)
        task->last_letter = NULL;
    mem_free(wait);
    return popped;
}

/* Source partitions may be the plugin's own: they are not looked at once it has ended. */
static void blame(struct source_task *task, const struct letter_wait *wait)
{
    if (task->task.failure != NULL || task->task.self == NULL)
        return;
    task->task.failed.kind = FAILURE_DEAD_LETTERS;
    tolerance_add_record(&task->task.failed, wait->flight != NULL ? wait->flight->record : wait->entry);
}

void source_task_blame_letters(struct source_task *task)
{
    if (task->task.failure == NULL)
        task->task.failed.kind = FAILURE_DEAD_LETTERS;
    for (const struct letter_wait *wait = task->first_letter; wait != NULL; wait = wait->next)
        blame(task, wait);
}

/* Letters are written about in the order they were made: what is behind one that is not done waits its turn. */
bool source_task_take_letter(struct source_task *task, struct letter_wait *done)
{
    while (task->first_letter != NULL && mr_future_is_done(task->first_letter->future)) {
        struct letter_wait wait = pop(task);
        struct mr_error *ignored = NULL; /* tolerance_letter_failure tells the same */
        int status = mr_future_wait(wait.future, 0, &ignored);

        mr_error_drop(ignored);
        mr_future_drop(wait.future);
        if (status == 0) {
            *done = wait;
            return true;
        }
        blame(task, &wait);
    }
    return false;
}

void source_task_forget_letters(struct source_task *task)
{
    while (task->first_letter != NULL)
        mr_future_drop(pop(task).future);
}
