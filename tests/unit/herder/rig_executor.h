/* rig_executor: the executor of a rig, in place of the real one: it says what it is told, and answers as rig_state.h tells it. */
#ifndef TEST_HERDER_RIG_EXECUTOR_H
#define TEST_HERDER_RIG_EXECUTOR_H

#include "rig_state.h"

static inline const char *rig_target_name(enum connector_target target)
{
    return target == CONNECTOR_TARGET_STARTED ? "STARTED" : target == CONNECTOR_TARGET_PAUSED ? "PAUSED" : "STOPPED";
}

static inline void rig_connector(const char *name, enum connector_state state, const char *trace)
{
    rig.listener->on_connector_state(rig.listener_argument, name, state, trace, "1.0");
}

static inline void rig_task(const char *name, uint32_t task, enum task_state state, const char *trace)
{
    rig.listener->on_task_state(rig.listener_argument, name, task, state, trace, "1.0");
}

struct executor *__wrap_executor_create(const struct executor_setup *setup, struct mr_error **error);
struct executor *__wrap_executor_create(const struct executor_setup *setup, struct mr_error **error)
{
    (void)error;
    rig.listener = setup->listener;
    rig.listener_argument = setup->listener_argument;
    return (struct executor *)&rig;
}

bool __wrap_executor_stop(struct executor *executor, int64_t deadline_ms);
bool __wrap_executor_stop(struct executor *executor, int64_t deadline_ms)
{
    (void)executor, (void)deadline_ms;
    rig_say("executor stops");
    return true;
}

void __wrap_executor_destroy(struct executor *executor);
void __wrap_executor_destroy(struct executor *executor)
{
    (void)executor;
}

static inline void rig_settle(const char *name, enum connector_target target)
{
    if (rig_is(&rig.connector_silent))
        return;
    if (rig_is(&rig.start_fails))
        rig_connector(name, CONNECTOR_FAILED, "it would not start");
    else
        rig_connector(name,
                      target == CONNECTOR_TARGET_STARTED  ? CONNECTOR_RUNNING
                      : target == CONNECTOR_TARGET_PAUSED ? CONNECTOR_PAUSED
                                                          : CONNECTOR_STOPPED,
                      NULL);
}

int __wrap_executor_start_connector(struct executor *executor, const char *connector, const struct string_map *config,
                                    enum connector_target target, struct mr_error **error);
int __wrap_executor_start_connector(struct executor *executor, const char *connector, const struct string_map *config,
                                    enum connector_target target, struct mr_error **error)
{
    (void)executor, (void)error;
    assert_non_null(config);
    rig_say("start %s %s", connector, rig_target_name(target));
    rig_settle(connector, target);
    return 0;
}

void __wrap_executor_set_connector_target(struct executor *executor, const char *connector,
                                          enum connector_target target);
void __wrap_executor_set_connector_target(struct executor *executor, const char *connector,
                                          enum connector_target target)
{
    (void)executor;
    rig_say("target %s %s", connector, rig_target_name(target));
    rig_settle(connector, target);
}

void __wrap_executor_end_connector(struct executor *executor, const char *connector);
void __wrap_executor_end_connector(struct executor *executor, const char *connector)
{
    (void)executor;
    rig_say("end %s", connector);
    if (!rig_is(&rig.connector_silent))
        rig_connector(connector, CONNECTOR_ENDED, NULL);
}

void __wrap_executor_request_task_configs(struct executor *executor, const char *connector, uint64_t token);
void __wrap_executor_request_task_configs(struct executor *executor, const char *connector, uint64_t token)
{
    struct string_map *maps[64];
    const char *value;
    unsigned count;

    (void)executor;
    mutex_lock(&rig.lock);
    count = rig.tasks;
    value = rig.task_value;
    rig.configs_token = token;
    mutex_unlock(&rig.lock);
    rig_say("configs %s", connector);
    if (rig_is(&rig.configs_silent))
        return;
    if (rig_is(&rig.configs_fail) || rig_is(&rig.has_too_many)) {
        rig.listener->on_task_configs(rig.listener_argument, connector, token, NULL, 0, "no configurations today",
                                      rig_is(&rig.has_too_many));
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        char number[16];

        snprintf(number, sizeof(number), "%u", i);
        maps[i] = string_map_create();
        string_map_put(maps[i], "task.class", "Task");
        string_map_put(maps[i], "number", number);
        string_map_put(maps[i], "value", value);
    }
    rig.listener->on_task_configs(rig.listener_argument, connector, token, maps, count, NULL, false);
    for (unsigned i = 0; i < count; i++)
        string_map_destroy(maps[i]);
}

int __wrap_executor_start_task(struct executor *executor, const struct executor_task *task, struct mr_error **error);
int __wrap_executor_start_task(struct executor *executor, const struct executor_task *task, struct mr_error **error)
{
    (void)executor, (void)error;
    assert_non_null(task->connector_config);
    assert_non_null(task->task_config);
    rig_say("task+ %s-%u%s", task->connector, task->number, task->paused ? " paused" : "");
    if (rig_is(&rig.task_silent))
        return 0;
    if (rig_is(&rig.task_fails))
        rig_task(task->connector, task->number, TASK_FAILED, "it broke");
    else
        rig_task(task->connector, task->number, task->paused ? TASK_PAUSED : TASK_RUNNING, NULL);
    return 0;
}

int __wrap_executor_prepare_task(struct executor *executor, const struct executor_task *task, struct mr_error **error);
int __wrap_executor_prepare_task(struct executor *executor, const struct executor_task *task, struct mr_error **error)
{
    (void)executor;
    assert_non_null(task->connector_config);
    assert_non_null(task->task_config);
    rig_say("prepare %s-%u%s", task->connector, task->number, task->paused ? " paused" : "");
    if (rig_is(&rig.task_fails))
        return mr_error_set(error, MR_ERR_RETRIABLE, "no room");
    if (!rig_is(&rig.task_silent))
        rig.listener->on_task_prepared(rig.listener_argument, task->connector, task->number);
    return 0;
}

void __wrap_executor_drop_prepared_task(struct executor *executor, const char *connector, uint32_t task);
void __wrap_executor_drop_prepared_task(struct executor *executor, const char *connector, uint32_t task)
{
    (void)executor;
    rig_say("unprepare %s-%u", connector, task);
}

void __wrap_executor_set_task_paused(struct executor *executor, const char *connector, uint32_t task, bool paused);
void __wrap_executor_set_task_paused(struct executor *executor, const char *connector, uint32_t task, bool paused)
{
    (void)executor;
    rig_say("%s %s-%u", paused ? "pause" : "resume", connector, task);
    rig_task(connector, task, paused ? TASK_PAUSED : TASK_RUNNING, NULL);
}

void __wrap_executor_oust_task(struct executor *executor, const char *connector, uint32_t task);
void __wrap_executor_oust_task(struct executor *executor, const char *connector, uint32_t task)
{
    (void)executor;
    rig_say("oust %s-%u", connector, task);
}

void __wrap_executor_stop_task(struct executor *executor, const char *connector, uint32_t task,
                               enum task_departure departure, int64_t deadline_ms);
void __wrap_executor_stop_task(struct executor *executor, const char *connector, uint32_t task,
                               enum task_departure departure, int64_t deadline_ms)
{
    (void)executor, (void)deadline_ms;
    rig_say("task- %s-%u %s", connector, task, departure == TASK_DEPARTURE_LEAVE ? "leave" : "stay");
    if (!rig_is(&rig.task_silent))
        rig_task(connector, task, TASK_STOPPED, NULL);
}

void __wrap_executor_forgive(struct executor *executor, const char *connector, int64_t task,
                             bool with_tasks);
void __wrap_executor_forgive(struct executor *executor, const char *connector, int64_t task,
                             bool with_tasks)
{
    (void)executor, (void)connector, (void)task, (void)with_tasks;
}

int __wrap_executor_alter_offsets(const struct executor *executor, const struct string_map *config,
                                  const struct mr_offset_changes *changes, bool *handled, struct mr_error **error);
int __wrap_executor_alter_offsets(const struct executor *executor, const struct string_map *config,
                                  const struct mr_offset_changes *changes, bool *handled, struct mr_error **error)
{
    (void)executor;
    assert_non_null(config);
    rig_say("alter %zu", mr_offset_changes_count(changes));
    while (rig_is(&rig.alter_hangs))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    *handled = rig_is(&rig.alter_handles);
    return rig_is(&rig.alter_fails) ? mr_error_set(error, MR_ERR_CONNECT, "not these offsets") : 0;
}

struct offset_store *__wrap_executor_take_offsets(struct executor *executor, const char *connector, const struct string_map *config,
                                                  int64_t deadline_ms, struct mr_error **error);
struct offset_store *__wrap_executor_take_offsets(struct executor *executor, const char *connector, const struct string_map *config,
                                                  int64_t deadline_ms, struct mr_error **error)
{
    (void)executor, (void)connector, (void)deadline_ms, (void)error;
    assert_non_null(config);
    return rig.offsets;
}

void __wrap_executor_drop_offsets(struct executor *executor, struct offset_store *store);
void __wrap_executor_drop_offsets(struct executor *executor, struct offset_store *store)
{
    (void)executor;
    assert_ptr_equal(store, rig.offsets);
}

/* --- exactly once ------------------------------------------------------------------------------------------------------------ */

void __wrap_executor_answer_task(struct executor *executor, const char *connector, uint32_t task, uint64_t token,
                                 const struct mr_error *failure);
void __wrap_executor_answer_task(struct executor *executor, const char *connector, uint32_t task, uint64_t token,
                                 const struct mr_error *failure)
{
    (void)executor, (void)token;
    if (failure == NULL)
        rig_say("yes %s-%u", connector, task);
    else
        rig_say("no %s-%u %s", connector, task, mr_error_message(failure));
}

static inline bool rig_shut_out_hangs(const char *connector)
{
    bool hangs;

    mutex_lock(&rig.lock);
    hangs = rig.shut_out_hangs != NULL && strcmp(rig.shut_out_hangs, connector) == 0;
    mutex_unlock(&rig.lock);
    return hangs;
}

int __wrap_executor_shut_out_producers(const struct executor *executor, const struct executor_fence *fence, struct mr_error **error);
int __wrap_executor_shut_out_producers(const struct executor *executor, const struct executor_fence *fence, struct mr_error **error)
{
    (void)executor;
    assert_non_null(fence->config);
    rig_say("shut out %s %u", fence->connector, fence->count);
    while (rig_shut_out_hangs(fence->connector)) {
        const char *why_not = fence->why_not == NULL ? NULL : fence->why_not(fence->argument);

        if (why_not != NULL && fence->count > 0) {
            rig_say("shut out %s no further: %s", fence->connector, why_not);
            return mr_error_set(error, MR_ERR_CONFLICT, "%s", why_not);
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    if (rig_is(&rig.shut_out_never))
        return mr_error_set(error, MR_ERR_NOT_SUPPORTED, "no right to it");
    return rig_is(&rig.shut_out_fails) ? mr_error_set(error, MR_ERR_TIMEOUT, "no broker") : 0;
}

/* --- the group of a sink ---------------------------------------------------------------------------------------------------- */

static inline int rig_group_answers(struct mr_error **error)
{
    return rig_is(&rig.group_fails) ? mr_error_set(error, MR_ERR_CONNECT, "no such cluster") : 0;
}

int __wrap_executor_read_group_offsets(const struct executor *executor, const struct executor_group *of,
                                       executor_group_offset_fn *each, void *argument, struct mr_error **error);
int __wrap_executor_read_group_offsets(const struct executor *executor, const struct executor_group *of,
                                       executor_group_offset_fn *each, void *argument, struct mr_error **error)
{
    int status = rig_group_answers(error);

    (void)executor;
    assert_non_null(of->config);
    for (size_t i = 0; status == 0 && i < rig.committed_count; i++) {
        const struct rig_committed *at = &rig.committed[i];

        if (at->offset >= 0)
            status = each(argument, &(struct executor_group_offset){at->topic, at->partition, at->offset, false}, error);
    }
    return status;
}

static inline void rig_commit(const struct executor_group_offset *offset)
{
    size_t i = 0;

    while (i < rig.committed_count && (strcmp(rig.committed[i].topic, offset->topic) != 0 ||
                                       rig.committed[i].partition != offset->partition))
        i++;
    assert_true(i < sizeof(rig.committed) / sizeof(rig.committed[0]));
    rig.committed_count += i == rig.committed_count;
    snprintf(rig.committed[i].topic, sizeof(rig.committed[i].topic), "%s", offset->topic);
    rig.committed[i].partition = offset->partition;
    rig.committed[i].offset = offset->is_removed ? -1 : offset->offset;
}

int __wrap_executor_alter_group_offsets(const struct executor *executor, const struct executor_group *of,
                                        const struct executor_group_offset *offsets, size_t count, struct mr_error **error);
int __wrap_executor_alter_group_offsets(const struct executor *executor, const struct executor_group *of,
                                        const struct executor_group_offset *offsets, size_t count, struct mr_error **error)
{
    int status = rig_group_answers(error);

    (void)executor;
    for (size_t i = 0; status == 0 && i < count; i++) {
        rig_commit(&offsets[i]);
        if (offsets[i].is_removed)
            rig_say("forget %s %s-%d", of->connector, offsets[i].topic, (int)offsets[i].partition);
        else
            rig_say("commit %s %s-%d %lld", of->connector, offsets[i].topic, (int)offsets[i].partition,
                    (long long)offsets[i].offset);
    }
    return status;
}

int __wrap_executor_delete_group(const struct executor *executor, const struct executor_group *of, struct mr_error **error);
int __wrap_executor_delete_group(const struct executor *executor, const struct executor_group *of, struct mr_error **error)
{
    int status = rig_group_answers(error);

    (void)executor;
    if (status == 0) {
        rig.committed_count = 0;
        rig_say("drop %s", of->connector);
    }
    return status;
}

/* Topics have two partitions, each with the offsets 10 to 99, one a second from the year 1970 on. */
#define RIG_BEGIN 10
#define RIG_END 100
#define RIG_PARTITIONS 2

static inline int64_t rig_position(int64_t time_ms)
{
    if (time_ms == EXECUTOR_EARLIEST || time_ms < RIG_BEGIN * 1000)
        return time_ms == EXECUTOR_LATEST ? RIG_END : RIG_BEGIN;
    return time_ms > RIG_END * 1000 ? RIG_END : (time_ms + 999) / 1000;
}

int __wrap_executor_seek(const struct executor *executor, const struct executor_group *of, const struct executor_seek *seeks, size_t count,
                         executor_seek_fn *each, void *argument, struct mr_error **error);
int __wrap_executor_seek(const struct executor *executor, const struct executor_group *of, const struct executor_seek *seeks, size_t count,
                         executor_seek_fn *each, void *argument, struct mr_error **error)
{
    int status = rig_group_answers(error);

    (void)executor, (void)of;
    for (size_t i = 0; status == 0 && i < count; i++) {
        if (seeks[i].partition >= RIG_PARTITIONS)
            return mr_error_set(error, MR_ERR_CONFIG, "there is no partition %s-%d", seeks[i].topic, (int)seeks[i].partition);
        rig_say("seek %s-%d %lld", seeks[i].topic, (int)seeks[i].partition, (long long)seeks[i].time_ms);
        for (int32_t k = 0; status == 0 && k < RIG_PARTITIONS; k++)
            if (seeks[i].partition == k || seeks[i].partition == EXECUTOR_ALL_PARTITIONS)
                status = each(argument, i, &(struct executor_group_offset){seeks[i].topic, k, rig_position(seeks[i].time_ms), false}, error);
    }
    return status;
}

int __wrap_executor_find_bounds(const struct executor *executor, const struct executor_group *of, struct executor_bounds *bounds,
                                size_t count, bool *starts_at_end, struct mr_error **error);
int __wrap_executor_find_bounds(const struct executor *executor, const struct executor_group *of, struct executor_bounds *bounds,
                                size_t count, bool *starts_at_end, struct mr_error **error)
{
    (void)executor, (void)of;
    for (size_t i = 0; i < count; i++) {
        bool is_there = bounds[i].partition >= 0 && bounds[i].partition < RIG_PARTITIONS;

        bounds[i].begin = is_there ? RIG_BEGIN : -1;
        bounds[i].end = is_there ? RIG_END : -1;
    }
    *starts_at_end = false;
    return rig_group_answers(error);
}

#endif
