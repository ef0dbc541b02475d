/*
 * rig: a herder with memory stores and fakes around it (rig_state.h says what they do and how they are told): to be asked, and to be
 * waited for.
 */
#ifndef TEST_HERDER_RIG_H
#define TEST_HERDER_RIG_H

#include "rig_executor.h"
#include "rig_group.h"
#include "rig_state.h"

/* --- asking ----------------------------------------------------------------------------------------------------------------- */

struct answer {
    int status, times;
    char message[512];
    bool created, plan_connector;
    size_t plan_tasks;
    char plan_trace[64]; /* of task 1, when it was planned */
    size_t offsets;
    char json[2048];
};

static void take_answer(void *argument, const struct herder_reply *reply)
{
    struct answer *answer = argument;

    mutex_lock(&rig.lock);
    answer->times++;
    answer->status = reply->status;
    answer->created = reply->created;
    answer->offsets = reply->offset_count;
    snprintf(answer->json, sizeof(answer->json), "%.*s", (int)reply->json_length, reply->json != NULL ? reply->json : "");
    snprintf(answer->message, sizeof(answer->message), "%s", reply->message != NULL ? reply->message : "");
    if (reply->restart != NULL) {
        answer->plan_connector = reply->restart->connector;
        answer->plan_tasks = reply->restart->task_count;
        const struct unit_status *status = status_view_task(reply->restart->statuses, 1);
        snprintf(answer->plan_trace, sizeof(answer->plan_trace), "%s",
                 status != NULL && status->trace != NULL ? status->trace : "");
    }
    mutex_unlock(&rig.lock);
}

static bool was_answered(void *argument)
{
    const struct answer *answer = argument;
    bool was;

    mutex_lock(&rig.lock);
    was = answer->times > 0;
    mutex_unlock(&rig.lock);
    return was;
}

static inline int answered(struct answer *answer)
{
    assert_true(eventually(5000, was_answered, answer));
    assert_int_equal(answer->times, 1);
    return answer->status;
}

/* `extra`: a value that tells one configuration from another. */
static inline void ask_put(const char *name, const char *extra, bool must_be_new, struct answer *answer)
{
    struct string_map *config = string_map_create();

    memset(answer, 0, sizeof(*answer));
    string_map_put(config, "connector.class", "Source");
    string_map_put(config, "extra", extra);
    string_map_put(config, "name", name);
    herder_put_connector(rig.herder,
                         &(struct herder_put_connector){.name = name, .config = config, .must_be_new = must_be_new},
                         take_answer, answer);
    string_map_destroy(config);
}

static inline int put(const char *name, const char *extra)
{
    struct answer answer;

    ask_put(name, extra, false, &answer);
    return answered(&answer);
}

typedef void ask_fn(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument);
static inline int ask(ask_fn *request, const char *name)
{
    struct answer answer = {0};

    request(rig.herder, name, take_answer, &answer);
    return answered(&answer);
}

static inline void delete_unguarded(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    herder_delete_connector(herder, name, NULL, reply, argument);
}

static inline void reset_unguarded(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    herder_change_offsets(herder, &(struct herder_offsets){.verb = HERDER_OFFSETS_RESET, .connector = name}, reply, argument);
}

static inline void undo_unguarded(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    herder_change_offsets(herder, &(struct herder_offsets){.verb = HERDER_OFFSETS_UNDO, .connector = name}, reply, argument);
}

static inline void alter_unguarded(struct herder *herder, const char *name, const struct offset_entry *changes, size_t count,
                                   herder_reply_fn *reply, void *argument)
{
    herder_change_offsets(
        herder,
        &(struct herder_offsets){.verb = HERDER_OFFSETS_ALTER, .connector = name, .changes = changes, .count = count}, reply, argument);
}

/* --- waiting for what is said ----------------------------------------------------------------------------------------------- */

static bool has_said(void *argument)
{
    char line[300];
    bool said;

    snprintf(line, sizeof(line), "\n%s\n", (const char *)argument);
    mutex_lock(&rig.lock);
    said = strncmp(rig.log, line + 1, strlen(line + 1)) == 0 || strstr(rig.log, line) != NULL;
    mutex_unlock(&rig.lock);
    return said;
}

/* The herder has told why the worker must end. */
static inline bool rig_has_failed(void *argument)
{
    bool failed;

    (void)argument;
    mutex_lock(&rig.lock);
    failed = rig.failure[0] != '\0';
    mutex_unlock(&rig.lock);
    return failed;
}

static inline void expect(const char *line)
{
    if (eventually(5000, has_said, (void *)(uintptr_t)line))
        return;
    mutex_lock(&rig.lock);
    print_error("expected: %s\nlog:\n%s", line, rig.log);
    mutex_unlock(&rig.lock);
    fail();
}

/* Lines of `lines` (separated by " | ") come in this order; others may stand between. */
static inline void expect_order(const char *lines)
{
    char copy[1024], *rest = copy, *line;
    const char *from;

    snprintf(copy, sizeof(copy), "%s", lines);
    mutex_lock(&rig.lock);
    from = rig.log;
    while (from != NULL && (line = strsep(&rest, "|")) != NULL) {
        while (*line == ' ')
            line++;
        while (*line != '\0' && line[strlen(line) - 1] == ' ')
            line[strlen(line) - 1] = '\0';
        from = strstr(from, line);
        if (from == NULL)
            print_error("missing or too early: %s\nlog:\n%s", line, rig.log);
        else
            from += strlen(line);
    }
    mutex_unlock(&rig.lock);
    assert_non_null(from);
}

static inline void expect_never(const char *text)
{
    bool was_said;

    mutex_lock(&rig.lock);
    was_said = strstr(rig.log, text) != NULL;
    if (was_said)
        print_error("unexpected: %s\nlog:\n%s", text, rig.log);
    mutex_unlock(&rig.lock);
    assert_false(was_said);
}

/* The herder has handled everything that was posted before, and reconciled it. */
static inline void turn(void)
{
    for (int i = 0; i < 2; i++) {
        struct answer answer = {0};

        herder_ask_health(rig.herder, take_answer, &answer);
        answered(&answer);
    }
}

/* --- life --------------------------------------------------------------------------------------------------------------------- */

static void take_failure(void *argument, const char *words, bool had_run)
{
    (void)argument;
    mutex_lock(&rig.lock);
    snprintf(rig.failure, sizeof(rig.failure), "%s", words);
    rig.failure_had_run = had_run;
    mutex_unlock(&rig.lock);
}

/* Set before the rig is opened. */
static uint32_t rig_rebalance_timeout_ms = 0;

static void rig_open(bool in_group, uint32_t request_timeout_ms)
{
    char why[128];
    struct executor_setup executor = {.quarantine = rig_quarantine};
    struct membership_setup membership = {.lease = &rig.lease, .worker_url = rig_url};

    memset(&rig, 0, sizeof(rig));
    mutex_init(&rig.lock);
    rig.tasks = 1;
    rig.task_value = "one";
    rig.worker.task_shutdown_timeout_ms = 5000;
    rig.worker.worker_sync_timeout_ms = 3000;
    rig.worker.rebalance_timeout_ms = rig_rebalance_timeout_ms;
    rig.worker.topic_tracking_enable = true;
    lease_set(&rig.lease, LEASE_FOR_EVER);
    rig.configs = memory_config_store_create(NULL);
    rig.statuses = memory_status_store_create(NULL);
    rig.offsets = memory_offset_store_create(NULL);
    rig.jobs = job_pool_create(&(struct job_pool_setup){.thread_name = "jobs", .threads_max = 4}, why, sizeof(why));
    rig.herder = herder_create(&(struct herder_setup){.worker = &rig.worker,
                                                      .configs = rig.configs,
                                                      .statuses = rig.statuses,
                                                      .offsets = rig.offsets,
                                                      .executor = &executor,
                                                      .jobs = rig.jobs,
                                                      .membership = in_group ? &membership : NULL,
                                                      .worker_id = "here:8083",
                                                      .leader_link = rig_link,
                                                      .request_timeout_ms = request_timeout_ms,
                                                      .settle_timeout_ms = rig_settle_timeout_ms,
                                                      .sweep_ms = rig_sweep_ms,
                                                      .failed = take_failure},
                               NULL);
    assert_non_null(rig.herder);
}

static inline void rig_start(void)
{
    assert_int_equal(herder_start(rig.herder, NULL), 0);
}

static inline void rig_hang_shut_out(const char *connector)
{
    mutex_lock(&rig.lock);
    rig.shut_out_hangs = connector;
    mutex_unlock(&rig.lock);
}

static void rig_close(void)
{
    rig_set(&rig.validation_hangs, false);
    rig_set(&rig.alter_hangs, false);
    rig_set(&rig.guard_hangs, false);
    rig_hang_shut_out(NULL);
    herder_stop(rig.herder, eventually_now_ms() + 5000);
    assert_true(job_pool_stop(rig.jobs, eventually_now_ms() + 20000));
    herder_destroy(rig.herder);
    job_pool_destroy(rig.jobs);
    config_store_destroy(rig.configs);
    status_store_destroy(rig.statuses);
    offset_store_destroy(rig.offsets);
    mutex_destroy(&rig.lock);
}

static inline int standalone_setup(void **state)
{
    (void)state;
    rig_open(false, 0);
    rig_start();
    return 0;
}

static inline int rig_teardown(void **state)
{
    (void)state;
    rig_close();
    return 0;
}

#endif
