/*
 * rig_state: what the fakes of a rig do and have heard. Everything that is said is one line of a log, in order:
 *
 *     start a STARTED · target a PAUSED · end a · configs a · task+ a-0 · task- a-0 stay|leave · pause a-0 · resume a-0
 *     prepare a-0 · unprepare a-0 · claim generation|transaction
 *     status a RUNNING · status a-0 FAILED
 *     yes a-0 · no a-0 why · shut out a 3 (producers)
 *     alter 2 (changes the connector is asked about) · commit a t-0 7 · forget a t-0 · drop a (its group)
 *
 * By default the fakes answer at once as if all went well, with rig.tasks task configurations. `fails` makes starts fail,
 * `silent` leaves commands unanswered: the test then answers itself through rig.listener.
 */
#ifndef TEST_HERDER_RIG_STATE_H
#define TEST_HERDER_RIG_STATE_H

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
#include "base/secrets.h"
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
    atomic_bool validation_was_trial; /* what it knows of secrets is nobody's (secrets.h) */
    bool alter_hangs, alter_fails, alter_handles;
    bool is_sink;
    bool shut_out_fails, shut_out_never; /* for now; for good */
    const char *shut_out_hangs;          /* of this connector, until it is NULL */
    bool group_fails;              /* the cluster does, asked about a sink's group */
    struct rig_committed {
        char topic[32];
        int partition;
        int64_t offset; /* -1: none */
    } committed[8]; /* of the one group; touched by jobs alone */
    size_t committed_count;
    const char *finding;
    bool own_notes_refused;
    bool own_notes_unanswered; /* they are written, but nobody says so */
    bool refresh_fails; /* no memory for what the records say */
    atomic_int refreshes_failed;
    bool plans_refused, plans_unanswered; /* the leader's */
    bool guard_refuses;
    int guard_hangs_at; /* the how manyeth question from now on hangs until guard_hangs is false, and is refused. 0: none */
    bool guard_hangs;
    bool log_is_lost;
    bool claim_is_denied; /* of transactions */
    atomic_uint losses; /* of the group */
    atomic_uint listings; /* of the connectors that have statuses: each sweep begins with one */

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
static uint32_t rig_sweep_ms;          /* likewise */
static const char *rig_url = RIG_URL; /* likewise */

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

#endif
