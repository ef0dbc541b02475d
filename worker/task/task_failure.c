/* What kind of failure ended a task: by the error's code and by whose call it was, never by its words. */
#include <millrace/error.h>

#include "task/task_internal.h"

#include "base/bans.h"

enum failure_kind task_failure_kind(const struct mr_error *error, bool is_plugins)
{
    switch (mr_error_code(error)) {
    case MR_ERR_DATA: return FAILURE_RECORD;
    case MR_ERR_CONFIG:
    case MR_ERR_NOT_FOUND:
    case MR_ERR_NOT_SUPPORTED: return FAILURE_CONFIG;
    case MR_ERR_RETRIABLE:
    case MR_ERR_TIMEOUT: return FAILURE_CONNECTION;
    case MR_ERR_CONFLICT: return FAILURE_FENCED;
    case MR_ERR_NO_MEMORY: return FAILURE_MEMORY;
    case MR_ERR_CONNECT:
    case MR_ERR_ILLEGAL_STATE: break;
    }
    return is_plugins ? FAILURE_PLUGIN : FAILURE_CONNECTION;
}

void task_failure_judge(struct task *task, const struct mr_error *error)
{
    if (task->failed.kind == FAILURE_NONE)
        task->failed.kind = task_failure_kind(error, task->is_plugins_fault);
}
