#include "herder/herder_internal.h"

#include <assert.h>
#include <millrace/error.h>
#include <string.h>

#include "base/clock.h"
#include "base/lease.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/thread.h"
#include "coordination/membership.h"
#include "executor/job_pool.h"
#include "herder/cluster_internal.h"
#include "herder/questions_internal.h"
#include "herder/requests_internal.h"
#include "herder/units_internal.h"
#include "store/config_store.h"
#include "store/status_store.h"

#include "base/bans.h"

#define LOOK_AGAIN_MS 1000     /* when a timer found no memory */
#define LEAVE_LEAST_MS 500
#define LEAVE_MOST_MS 3000
#define FLUSH_TIMEOUT_MS 2000
#define VALIDATIONS_STOP_TIMEOUT_MS 500 /* they have been answered */

int64_t herder_now_ms(void)
{
    return clock_monotonic_ms(NULL);
}

bool herder_may_run(const struct herder *herder)
{
    return herder->stage == HERDER_LEADING || herder->stage == HERDER_FOLLOWING;
}

void herder_stage_set(struct herder *herder, enum herder_stage stage)
{
    herder->stage = stage;
    atomic_store(&herder->seen_stage, stage);
    atomic_store(&herder->leads, stage == HERDER_LEADING);
    if (stage != HERDER_CATCHING_UP)
        atomic_store(&herder->runs_nothing, !herder_may_run(herder) && stage != HERDER_STOPPING);
}

/* --- the pulse -------------------------------------------------------------------------------------------------- */

static void begin_turn(struct herder *herder)
{
    atomic_store_explicit(&herder->turn_due_ms, herder_now_ms(), memory_order_relaxed);
}

/* locks: queue. Something is to be done from now on. */
static void call_to_turn(struct herder *herder)
{
    int64_t now_ms = herder_now_ms();

    if (atomic_load_explicit(&herder->turn_due_ms, memory_order_relaxed) > now_ms)
        atomic_store_explicit(&herder->turn_due_ms, now_ms, memory_order_relaxed);
}

/* --- the queue -------------------------------------------------------------------------------------------------- */

void herder_post(struct herder *herder, struct herder_post *post)
{
    post->next = NULL;
    mutex_lock(&herder->lock);
    if (herder->last != NULL)
        herder->last->next = post;
    else
        herder->first = post;
    herder->last = post;
    call_to_turn(herder);
    cond_signal(&herder->wake);
    mutex_unlock(&herder->lock);
}

void herder_event_lost(struct herder *herder)
{
    mutex_lock(&herder->lock);
    atomic_store(&herder->event_lost, true);
    call_to_turn(herder);
    cond_signal(&herder->wake);
    mutex_unlock(&herder->lock);
}

static struct herder_post *take_posts(struct herder *herder, int64_t until_ms)
{
    struct herder_post *posts;

    mutex_lock(&herder->lock);
    if (herder->first == NULL && !atomic_load(&herder->event_lost))
        atomic_store_explicit(&herder->turn_due_ms, until_ms, memory_order_relaxed);
    while (herder->first == NULL && !atomic_load(&herder->event_lost) &&
           cond_wait_until_ms(&herder->wake, &herder->lock, until_ms))
        ;
    posts = herder->first;
    herder->first = herder->last = NULL;
    mutex_unlock(&herder->lock);
    return posts;
}

static void handle_posts(struct herder *herder, struct herder_post *posts)
{
    while (posts != NULL) {
        struct herder_post *post = posts;

        posts = post->next;
        begin_turn(herder);
        post->handle(herder, post);
    }
}

/* --- timers ----------------------------------------------------------------------------------------------------- */

void herder_timer_init(struct herder_timer *timer, void (*due)(struct herder *, struct herder_timer *))
{
    timer_entry_init(&timer->entry, timer);
    timer->due = due;
}

bool herder_timer_set(struct herder *herder, struct herder_timer *timer, int64_t deadline_ms)
{
    if (timer_heap_set(&herder->timers, &timer->entry, deadline_ms))
        return true;
    herder->look_at_all = true;
    return false;
}

void herder_timer_clear(struct herder *herder, struct herder_timer *timer)
{
    timer_heap_remove(&herder->timers, &timer->entry);
}

static void run_timers(struct herder *herder)
{
    struct timer_entry *entry;

    while ((entry = timer_heap_pop_due(&herder->timers, herder_now_ms())) != NULL) {
        struct herder_timer *timer = entry->item;

        timer->due(herder, timer);
    }
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

void herder_fail(struct herder *herder, const char *words)
{
    if (herder->failure_told)
        return;
    herder->failure_told = true;
    if (herder->setup.failed != NULL)
        herder->setup.failed(herder->setup.failed_argument, words, herder->was_member);
}

static int64_t next_wake_ms(struct herder *herder)
{
    int64_t timer_ms = timer_heap_next_ms(&herder->timers);

    if (!herder->look_at_all)
        return timer_ms;
    herder->look_at_all = false;
    units_mark_all(herder);
    return timer_ms < herder_now_ms() + LOOK_AGAIN_MS ? timer_ms : herder_now_ms() + LOOK_AGAIN_MS;
}

/* Who has failed cannot be relied on to say that it hands over: the others take over when it is out of the group. Who catches up acts
 * soon, or loses the lease. */
static bool can_hand_over(const struct herder *herder)
{
    if (herder->failure_told)
        return false;
    return herder_may_run(herder) ||
           (herder->stage == HERDER_CATCHING_UP && lease_is_valid(herder->lease, herder->setup.clock));
}

static void note_hand_over(struct herder *herder)
{
    if (!herder->is_leaving || herder->has_handed_over || (can_hand_over(herder) && !duty_is_done(herder)))
        return;
    mutex_lock(&herder->lock);
    herder->has_handed_over = true;
    cond_broadcast(&herder->settled);
    mutex_unlock(&herder->lock);
}

static void *herder_run(void *argument)
{
    struct herder *herder = argument;

    while (herder->stage != HERDER_ENDED) {
        handle_posts(herder, take_posts(herder, next_wake_ms(herder)));
        begin_turn(herder);
        if (atomic_exchange(&herder->event_lost, false))
            herder_fail(herder, "no memory to note what connectors and tasks do; give the worker more");
        run_timers(herder);
        cluster_look(herder);
        reconcile_marked(herder);
        rebalance_look(herder);
        duty_report_if_due(herder);
        crash_notes_tend(herder);
        drain_look(herder);
        balance_run(herder);
        note_hand_over(herder);
    }
    return NULL;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static int make_validations(struct herder *herder, struct mr_error **error)
{
    char why[160];

    herder->validations = job_pool_create(
        &(struct job_pool_setup){.thread_name = "validation", .threads_max = HERDER_VALIDATIONS_MAX}, why, sizeof(why));
    return herder->validations != NULL ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "%s", why);
}

/* false: a plugin is still inside. Asked again it waits again. */
static bool stop_validations(struct herder *herder)
{
    if (herder->validations == NULL)
        return true;
    if (!job_pool_stop(herder->validations, herder_now_ms() + VALIDATIONS_STOP_TIMEOUT_MS))
        return false;
    job_pool_destroy(herder->validations);
    herder->validations = NULL;
    return true;
}

static int make_parts(struct herder *herder, struct mr_error **error)
{
    struct executor_setup executor = *herder->setup.executor;

    herder->connectors = pointer_map_create(units_free);
    herder->questions = questions_create();
    herder->worker_id = mem_strdup(herder->setup.worker_id);
    herder->metrics = executor.metrics;
    herder->graveyard = executor.graveyard;
    herder->quarantine = executor.quarantine;
    herder->cluster_id = mem_strdup(herder->setup.cluster_id != NULL ? herder->setup.cluster_id : "");
    if (herder->connectors == NULL || herder->questions == NULL || herder->worker_id == NULL || herder->cluster_id == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the herder");
    if (make_validations(herder, error) != 0)
        return -1;
    executor.listener = &herder_executor_listener;
    executor.listener_argument = herder;
    herder->executor = executor_create(&executor, error);
    if (herder->executor == NULL)
        return -1;
    if (herder->setup.membership == NULL)
        return 0;
    struct membership_setup membership = *herder->setup.membership;
    membership.listener = &herder_membership_listener;
    membership.listener_argument = herder;
    herder->lease = membership.lease;
    herder->worker_url = mem_strdup(membership.worker_url);
    herder->membership = membership_create(&membership, error);
    return herder->membership == NULL ? -1 : cluster_create(herder, error);
}

struct herder *herder_create(const struct herder_setup *setup, struct mr_error **error)
{
    struct herder *herder = mem_calloc(1, sizeof(*herder));

    if (herder == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the herder");
        return NULL;
    }
    herder->setup = *setup;
    atomic_init(&herder->turn_due_ms, INT64_MAX);
    herder->print_seed = (uint64_t)herder_now_ms();
    mutex_init(&herder->lock);
    cond_init(&herder->wake);
    cond_init(&herder->settled);
    timer_heap_init(&herder->timers);
    herder_timer_init(&herder->catch_up_timer, herder_catch_up_due);
    herder_timer_init(&herder->key_timer, herder_key_due);
    if (make_parts(herder, error) != 0) {
        herder->executor_stopped = true;
        herder_destroy(herder);
        return NULL;
    }
    config_store_set_listener(setup->configs, &herder_config_listener, herder);
    if (herder->membership != NULL)
        config_store_set_guard(setup->configs, herder_guard, herder);
    return herder;
}

int herder_set_worker_id(struct herder *herder, const char *worker_id, struct mr_error **error)
{
    char *copy = mem_strdup(worker_id);

    if (copy == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the worker's id");
    mem_free(herder->worker_id);
    herder->worker_id = copy;
    return 0;
}

int herder_start(struct herder *herder, struct mr_error **error)
{
    char why[128];

    herder_stage_set(herder, HERDER_JOINING);
    if (herder->cluster != NULL) {
        if (terms_check_groups(herder, error) != 0)
            return -1;
        newcomer_begin(herder);
    }
    begin_turn(herder);
    if (!thread_start(&herder->thread,
                      &(struct thread_setup){.name = "herder", .run = herder_run, .argument = herder}, why,
                      sizeof(why)))
        return mr_error_set(error, MR_ERR_CONNECT, "%s", why);
    herder->thread_runs = true;
    atomic_store(&herder->ready, true);
    atomic_store(&herder->has_begun, true);
    if (herder->membership != NULL)
        return membership_start(herder->membership, error);
    herder->begin.handle = herder_begin_standalone;
    herder_post(herder, &herder->begin);
    return 0;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void handle_quiesce(struct herder *herder, struct herder_post *post)
{
    (void)post;
    herder_stage_set(herder, HERDER_STOPPING);
    requests_answer_all(herder, 500, "Worker is shutting down");
    drain_answer_all(herder, 500, "Worker is shutting down");
    fence_rounds_answer_all(herder, 500, "Worker is shutting down");
    mutex_lock(&herder->lock);
    herder->quiet = true;
    cond_broadcast(&herder->settled);
    mutex_unlock(&herder->lock);
}

/* A failed connector has nothing left that would tell it: its record is overwritten like that of every other. */
static void handle_end(struct herder *herder, struct herder_post *post)
{
    (void)post;
    for (size_t i = 0; i < pointer_map_count(herder->connectors); i++) {
        struct herder_connector *connector = pointer_map_value(herder->connectors, i);

        if (connector->phase == CONNECTOR_BROKEN)
            status_of_connector(herder, connector->name, UNIT_UNASSIGNED, NULL, NULL);
    }
    requests_answer_all(herder, 500, "Worker is shutting down");
    drain_answer_all(herder, 500, "Worker is shutting down");
    fence_rounds_answer_all(herder, 500, "Worker is shutting down");
    herder_stage_set(herder, HERDER_ENDED);
}

static void quiesce(struct herder *herder)
{
    struct herder_post post = {.handle = handle_quiesce};

    atomic_store(&herder->ready, false);
    herder_post(herder, &post);
    mutex_lock(&herder->lock);
    while (!herder->quiet)
        cond_wait(&herder->settled, &herder->lock);
    mutex_unlock(&herder->lock);
}

static void end_thread(struct herder *herder)
{
    struct herder_post post = {.handle = handle_end};

    herder_post(herder, &post);
    thread_join(herder->thread);
    herder->thread_runs = false;
    handle_posts(herder, take_posts(herder, 0));
}

static void flush_statuses(struct herder *herder)
{
    struct mr_error *error = NULL;

    if (status_store_flush(herder->setup.statuses, herder_now_ms() + FLUSH_TIMEOUT_MS, &error) == 0)
        return;
    log_warn(HERDER_LOG, "some statuses were not written: %s", mr_error_message(error));
    mr_error_drop(error);
}

static void handle_leaving(struct herder *herder, struct herder_post *post)
{
    (void)post;
    herder->is_leaving = true;
    duty_leave(herder);
}

/* The others take over what runs here, one after another, while it still may run. */
static void hand_over(struct herder *herder, int64_t deadline_ms)
{
    atomic_store(&herder->ready, false);
    if (herder->cluster == NULL)
        return;
    if (herder->leave.handle == NULL) {
        herder->leave.handle = handle_leaving;
        herder_post(herder, &herder->leave);
    }
    mutex_lock(&herder->lock);
    while (!herder->has_handed_over && cond_wait_until_ms(&herder->settled, &herder->lock, deadline_ms))
        ;
    if (!herder->has_handed_over)
        log_warn(HERDER_LOG, "not all connectors and tasks were handed over in time; what is left just stops here");
    mutex_unlock(&herder->lock);
}

/* A broker that does not answer must not hold up the end. */
static int64_t leave_deadline_ms(int64_t deadline_ms)
{
    int64_t now_ms = herder_now_ms(), least_ms = now_ms + LEAVE_LEAST_MS, most_ms = now_ms + LEAVE_MOST_MS;

    return deadline_ms < least_ms ? least_ms : deadline_ms < most_ms ? deadline_ms : most_ms;
}

bool herder_stop(struct herder *herder, int64_t deadline_ms)
{
    int64_t budget_ms = deadline_ms - EXECUTOR_STOP_RESERVE_MS;
    bool is_clean;

    if (herder->thread_runs) {
        hand_over(herder, budget_ms);
        quiesce(herder);
    }
    is_clean = herder->executor_stopped || executor_stop(herder->executor, deadline_ms);
    herder->executor_stopped = is_clean;
    is_clean = stop_validations(herder) && is_clean;
    if (herder->thread_runs) {
        end_thread(herder);
        flush_statuses(herder);
    }
    herder_stage_set(herder, HERDER_ENDED);
    if (herder->membership != NULL && !membership_leave(herder->membership, leave_deadline_ms(budget_ms)))
        log_warn(HERDER_LOG, "the group did not confirm that this worker left");
    return is_clean;
}

void herder_destroy(struct herder *herder)
{
    if (herder == NULL)
        return;
    assert(!herder->thread_runs);
    if (!herder->executor_stopped)
        executor_stop(herder->executor, herder_now_ms());
    stop_validations(herder);
    herder_stage_set(herder, HERDER_ENDED);
    membership_destroy(herder->membership);
    executor_destroy(herder->executor);
    handle_posts(herder, take_posts(herder, 0));
    timer_heap_release(&herder->timers); /* it looks at its entries, which are parts of connectors and of the cluster */
    cluster_destroy(herder->cluster);
    questions_destroy(herder->questions);
    pointer_map_destroy(herder->connectors);
    cond_destroy(&herder->settled);
    cond_destroy(&herder->wake);
    mutex_destroy(&herder->lock);
    mem_free(herder->leader_url);
    mem_free(herder->catch_up_why);
    mem_free(herder->worker_url);
    mem_free(herder->worker_id);
    mem_free(herder->cluster_id);
    mem_free(herder);
}

/* --- reads -------------------------------------------------------------------------------------------------------- */

bool herder_is_ready(const struct herder *herder)
{
    return atomic_load(&herder->ready);
}

struct config_snapshot *herder_configs(const struct herder *herder)
{
    return config_store_snapshot(herder->setup.configs);
}

struct status_store *herder_statuses(const struct herder *herder)
{
    return herder->setup.statuses;
}

const struct loader *herder_loader(const struct herder *herder)
{
    return herder->setup.loader;
}

const struct worker_config *herder_worker(const struct herder *herder)
{
    return herder->setup.worker;
}

const char *herder_idle_worker_id(const struct herder *herder)
{
    return atomic_load(&herder->runs_nothing) ? herder->worker_id : NULL;
}

const char *herder_cluster_id(const struct herder *herder)
{
    return herder->cluster_id;
}
