/*
 * rig: a herder with memory stores and fakes around it. Everything that is said is one line of a log, in order:
 *
 *     start a STARTED · target a PAUSED · end a · configs a · task+ a-0 · task- a-0 stay|leave · pause a-0 · resume a-0
 *     prepare a-0 · unprepare a-0 · claim generation|transaction
 *     status a RUNNING · status a-0 FAILED
 *
 * By default the fakes answer at once as if all went well, with rig.tasks task configurations. `fails` makes starts fail,
 * `silent` leaves commands unanswered: the test then answers itself through rig.listener.
 */
#ifndef TEST_HERDER_RIG_H
#define TEST_HERDER_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <millrace/connector.h>
#include <millrace/error.h>
#include <millrace/module.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/lease.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/connector_config.h"
#include "config/worker_config.h"
#include "coordination/membership.h"
#include "coordination/membership_listener.h"
#include "executor/executor.h"
#include "executor/job_pool.h"
#include "herder/herder.h"
#include "herder/leader_link.h"
#include "loader/loader.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"
#include "store/memory_offset_store.h"
#include "store/offset_store.h"
#include "store/status_store.h"
#include "support/eventually.h"

#define RIG_LOG_SIZE 65536
#define RIG_URL "http://here:8083/"
#define RIG_BOOT "00112233aabbccdd"

static struct rig {
    pthread_mutex_t lock;
    char log[RIG_LOG_SIZE];
    size_t length;

    /* What the fakes do; set under the lock or before anything runs. */
    unsigned tasks;         /* task configurations a connector makes */
    const char *task_value; /* what stands in them */
    bool start_fails, task_fails, configs_fail, has_too_many;
    bool connector_silent, task_silent, configs_silent;
    uint64_t configs_token; /* of the latest question */
    bool validation_hangs;
    atomic_int validations_inside;
    bool alter_hangs, alter_fails, alter_handles;
    bool is_sink;
    const char *finding;
    bool own_notes_refused;
    bool guard_refuses;
    int guard_hangs_at; /* the how manyeth question from now on hangs until guard_hangs is false, and is refused. 0: none */
    bool guard_hangs;
    bool log_is_lost;
    bool claim_is_denied; /* of transactions */
    atomic_uint losses; /* of the group */

    struct herder *herder;
    struct config_store *configs;
    struct status_store *statuses;
    struct offset_store *offsets;
    struct job_pool *jobs;
    struct worker_config worker;
    struct lease lease;
    const struct executor_listener *listener;
    void *listener_argument;
    const struct membership_listener *group;
    void *group_argument;
    char failure[256];
    bool failure_had_run;
} rig;

/* To other workers; set before the rig is opened. */
static const struct leader_link *rig_link;
/* Units that have ended a worker; set before the rig is opened. */
static struct quarantine *rig_quarantine;
static uint32_t rig_settle_timeout_ms; /* 0: the usual; likewise */

static void rig_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void rig_say(const char *format, ...)
{
    va_list args;

    mutex_lock(&rig.lock);
    va_start(args, format);
    rig.length += (size_t)vsnprintf(rig.log + rig.length, RIG_LOG_SIZE - rig.length, format, args);
    va_end(args);
    rig.length += (size_t)snprintf(rig.log + rig.length, RIG_LOG_SIZE - rig.length, "\n");
    assert_true(rig.length < RIG_LOG_SIZE);
    mutex_unlock(&rig.lock);
}

static inline void rig_log_clear(void)
{
    mutex_lock(&rig.lock);
    rig.length = 0;
    rig.log[0] = '\0';
    mutex_unlock(&rig.lock);
}

static bool rig_is(const bool *flag)
{
    bool is;

    mutex_lock(&rig.lock);
    is = *flag;
    mutex_unlock(&rig.lock);
    return is;
}

static void rig_set(bool *flag, bool value)
{
    mutex_lock(&rig.lock);
    *flag = value;
    mutex_unlock(&rig.lock);
}

static inline void rig_set_tasks(unsigned tasks, const char *value)
{
    mutex_lock(&rig.lock);
    rig.tasks = tasks;
    rig.task_value = value;
    mutex_unlock(&rig.lock);
}

/* --- the executor ------------------------------------------------------------------------------------------------- */

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

/* --- what it says of itself, on its way ---------------------------------------------------------------------------------- */

int __real_config_store_put_own_note(struct config_store *store, const struct config_note_write *note, int64_t deadline_ms,
                                     struct mr_error **error);
int __wrap_config_store_put_own_note(struct config_store *store, const struct config_note_write *note, int64_t deadline_ms,
                                     struct mr_error **error);
int __wrap_config_store_put_own_note(struct config_store *store, const struct config_note_write *note, int64_t deadline_ms,
                                     struct mr_error **error)
{
    if (rig_is(&rig.own_notes_refused) && strcmp(note->key, "millrace-member-" RIG_URL) == 0)
        return mr_error_set(error, MR_ERR_CONNECT, "Topic authorization failed");
    return __real_config_store_put_own_note(store, note, deadline_ms, error);
}

/* --- statuses, on their way -------------------------------------------------------------------------------------------- */

void __real_status_store_put_connector(struct status_store *store, const char *connector,
                                       const struct unit_status *status, enum status_care care);
void __wrap_status_store_put_connector(struct status_store *store, const char *connector,
                                       const struct unit_status *status, enum status_care care);
void __wrap_status_store_put_connector(struct status_store *store, const char *connector,
                                       const struct unit_status *status, enum status_care care)
{
    rig_say("status %s %s%s", connector, unit_state_name(status->state), care == STATUS_SAFE ? " safe" : "");
    __real_status_store_put_connector(store, connector, status, care);
}

void __real_status_store_put_task(struct status_store *store, const char *connector, uint32_t task,
                                  const struct unit_status *status, enum status_care care);
void __wrap_status_store_put_task(struct status_store *store, const char *connector, uint32_t task,
                                  const struct unit_status *status, enum status_care care);
void __wrap_status_store_put_task(struct status_store *store, const char *connector, uint32_t task,
                                  const struct unit_status *status, enum status_care care)
{
    rig_say("status %s-%u %s%s", connector, task,
            status->state == UNIT_DESTROYED ? "DESTROYED" : unit_state_name(status->state),
            care == STATUS_SAFE ? " safe" : "");
    __real_status_store_put_task(store, connector, task, status, care);
}

/* --- validation ---------------------------------------------------------------------------------------------------------- */

#define RIG_CALM_CLASS "Calm" /* never hangs */

static inline bool no_validation_is_inside(void *argument)
{
    (void)argument;
    return atomic_load(&rig.validations_inside) == 0;
}

static inline bool a_validation_is_inside(void *argument)
{
    return !no_validation_is_inside(argument);
}

struct connector_report *__wrap_connector_config_validate(const struct connector_validation *validation,
                                                          struct mr_error **error);
struct connector_report *__wrap_connector_config_validate(const struct connector_validation *validation,
                                                          struct mr_error **error)
{
    static struct connector_report good = {.class_name = "any"}, bad = {.class_name = "any", .error_count = 1};

    if (string_map_get(validation->raw, "connector.class") == NULL) {
        mr_error_set(error, MR_ERR_CONFIG, "Connector config {name=%s} contains no connector type", validation->name);
        return NULL;
    }
    atomic_fetch_add(&rig.validations_inside, 1);
    while (rig_is(&rig.validation_hangs) &&
           strcmp(string_map_get(validation->raw, "connector.class"), RIG_CALM_CLASS) != 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    atomic_fetch_sub(&rig.validations_inside, 1);
    return rig.finding == NULL ? &good : &bad;
}

int __wrap_connector_config_plugin(const struct loader *loader, const struct string_map *config,
                                   const struct loader_plugin **plugin, struct mr_error **error);
int __wrap_connector_config_plugin(const struct loader *loader, const struct string_map *config,
                                   const struct loader_plugin **plugin, struct mr_error **error)
{
    static const struct loader_plugin source = {.kind = MR_PLUGIN_SOURCE}, sink = {.kind = MR_PLUGIN_SINK};

    (void)loader, (void)config, (void)error;
    *plugin = rig_is(&rig.is_sink) ? &sink : &source;
    return 0;
}

char *__wrap_connector_report_message(const struct connector_report *report);
char *__wrap_connector_report_message(const struct connector_report *report)
{
    (void)report;
    return mem_strdup(rig.finding);
}

void __wrap_connector_report_destroy(struct connector_report *report);
void __wrap_connector_report_destroy(struct connector_report *report)
{
    (void)report;
}

bool __wrap_variables_put_back(const struct string_map *raw, struct string_map *config);
bool __wrap_variables_put_back(const struct string_map *raw, struct string_map *config)
{
    (void)raw, (void)config;
    return true;
}

/* --- the group ------------------------------------------------------------------------------------------------------------ */

struct membership *__wrap_membership_create(const struct membership_setup *setup, struct mr_error **error);
struct membership *__wrap_membership_create(const struct membership_setup *setup, struct mr_error **error)
{
    (void)error;
    rig.group = setup->listener;
    rig.group_argument = setup->listener_argument;
    return (struct membership *)&rig;
}

int __wrap_membership_start(struct membership *membership, struct mr_error **error);
int __wrap_membership_start(struct membership *membership, struct mr_error **error)
{
    (void)membership, (void)error;
    return 0;
}

bool __wrap_membership_leave(struct membership *membership, int64_t deadline_ms);
bool __wrap_membership_leave(struct membership *membership, int64_t deadline_ms)
{
    (void)membership, (void)deadline_ms;
    rig_say("leaves the group");
    return true;
}

void __wrap_membership_destroy(struct membership *membership);
void __wrap_membership_destroy(struct membership *membership)
{
    (void)membership;
}

int32_t __wrap_membership_generation(const struct membership *membership);
int32_t __wrap_membership_generation(const struct membership *membership)
{
    (void)membership;
    return 7;
}

const char *__wrap_membership_boot_id(const struct membership *membership);
const char *__wrap_membership_boot_id(const struct membership *membership)
{
    (void)membership;
    return RIG_BOOT;
}

uint64_t __wrap_membership_losses(struct membership *membership);
uint64_t __wrap_membership_losses(struct membership *membership)
{
    (void)membership;
    return atomic_load(&rig.losses);
}

void __wrap_membership_resume(struct membership *membership, uint64_t losses);
void __wrap_membership_resume(struct membership *membership, uint64_t losses)
{
    (void)membership;
    rig_say("lease back after %u", (unsigned)losses);
}

uint64_t __wrap_membership_epoch(const struct membership *membership);
uint64_t __wrap_membership_epoch(const struct membership *membership)
{
    (void)membership;
    return 1;
}

int __wrap_membership_guard(struct membership *membership, int64_t deadline_ms, struct mr_error **error);
int __wrap_membership_guard(struct membership *membership, int64_t deadline_ms, struct mr_error **error)
{
    bool hangs;

    (void)membership, (void)deadline_ms;
    mutex_lock(&rig.lock);
    hangs = rig.guard_hangs_at > 0 && --rig.guard_hangs_at == 0;
    mutex_unlock(&rig.lock);
    while (hangs && rig_is(&rig.guard_hangs))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return hangs || rig_is(&rig.guard_refuses) ? mr_error_set(error, MR_ERR_CONFLICT, "somebody else leads") : 0;
}

/* Says which kind was claimed; the memory store itself has nothing to claim. */
int __wrap_config_store_claim(struct config_store *store, enum config_fencing fencing, int64_t deadline_ms,
                              struct mr_error **error);
int __wrap_config_store_claim(struct config_store *store, enum config_fencing fencing, int64_t deadline_ms,
                              struct mr_error **error)
{
    (void)store, (void)deadline_ms;
    rig_say("claim %s", fencing == CONFIG_FENCING_TRANSACTION ? "transaction" : "generation");
    return fencing == CONFIG_FENCING_TRANSACTION && rig_is(&rig.claim_is_denied)
               ? mr_error_set(error, MR_ERR_NOT_SUPPORTED, "transactional id connect-cluster-g: denied")
               : 0;
}

/* --- the config topic ----------------------------------------------------------------------------------------------------- */

bool __wrap_config_store_is_lost(struct config_store *store, const char **words);
bool __wrap_config_store_is_lost(struct config_store *store, const char **words)
{
    (void)store;
    if (words != NULL)
        *words = "it was cut";
    return rig_is(&rig.log_is_lost);
}

/* --- asking ----------------------------------------------------------------------------------------------------------------- */

struct answer {
    int status, times;
    char message[512];
    bool created, plan_connector;
    size_t plan_tasks;
    size_t offsets;
};

static void take_answer(void *argument, const struct herder_reply *reply)
{
    struct answer *answer = argument;

    mutex_lock(&rig.lock);
    answer->times++;
    answer->status = reply->status;
    answer->created = reply->created;
    answer->offsets = reply->offset_count;
    snprintf(answer->message, sizeof(answer->message), "%s", reply->message != NULL ? reply->message : "");
    if (reply->restart != NULL) {
        answer->plan_connector = reply->restart->connector;
        answer->plan_tasks = reply->restart->task_count;
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
    while ((line = strsep(&rest, "|")) != NULL) {
        while (*line == ' ')
            line++;
        while (*line != '\0' && line[strlen(line) - 1] == ' ')
            line[strlen(line) - 1] = '\0';
        from = strstr(from, line);
        if (from == NULL)
            print_error("missing or too early: %s\nlog:\n%s", line, rig.log);
        assert_non_null(from);
        from += strlen(line);
    }
    mutex_unlock(&rig.lock);
}

static inline void expect_never(const char *text)
{
    mutex_lock(&rig.lock);
    if (strstr(rig.log, text) != NULL)
        print_error("unexpected: %s\nlog:\n%s", text, rig.log);
    assert_null(strstr(rig.log, text));
    mutex_unlock(&rig.lock);
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
    struct membership_setup membership = {.lease = &rig.lease, .worker_url = RIG_URL};

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
                                                      .failed = take_failure},
                               NULL);
    assert_non_null(rig.herder);
}

static inline void rig_start(void)
{
    assert_int_equal(herder_start(rig.herder, NULL), 0);
}

static void rig_close(void)
{
    rig_set(&rig.validation_hangs, false);
    rig_set(&rig.alter_hangs, false);
    rig_set(&rig.guard_hangs, false);
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
