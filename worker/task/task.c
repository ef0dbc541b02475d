#include "task/task.h"

#include <assert.h>
#include <millrace/error.h>

#include "base/clock.h"
#include "base/lease.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/thread.h"
#include "metrics/task_metrics.h"
#include "metrics/unit_metrics.h"
#include "sdk/waker_host.h"
#include "task/task_internal.h"
#include "task/task_listener.h"

#include "base/bans.h"

#define MAY(state) (1u << (state))
#define TO_THE_END (MAY(TASK_STOPPING) | MAY(TASK_STOPPED) | MAY(TASK_FAILED))

static const unsigned moves[] = {
    [TASK_NEW] = MAY(TASK_PREPARING) | TO_THE_END,
    [TASK_PREPARING] = MAY(TASK_PREPARED) | TO_THE_END,
    [TASK_PREPARED] = MAY(TASK_STARTING) | MAY(TASK_PAUSED) | TO_THE_END,
    [TASK_STARTING] = MAY(TASK_RUNNING) | MAY(TASK_PAUSED) | TO_THE_END,
    [TASK_RUNNING] = MAY(TASK_PAUSED) | TO_THE_END,
    [TASK_PAUSED] = MAY(TASK_STARTING) | MAY(TASK_RUNNING) | TO_THE_END,
    [TASK_STOPPING] = MAY(TASK_STOPPED) | MAY(TASK_FAILED),
    [TASK_STOPPED] = 0,
    [TASK_FAILED] = 0,
};

static const char *const names[] = {
    [TASK_NEW] = "NEW",           [TASK_PREPARING] = "PREPARING", [TASK_PREPARED] = "PREPARED",
    [TASK_STARTING] = "STARTING", [TASK_RUNNING] = "RUNNING",     [TASK_PAUSED] = "PAUSED",
    [TASK_STOPPING] = "STOPPING", [TASK_STOPPED] = "STOPPED",     [TASK_FAILED] = "FAILED",
};

const char *task_state_name(enum task_state state)
{
    return names[state];
}

bool task_state_may_move(enum task_state from, enum task_state to)
{
    return (moves[from] & MAY(to)) != 0;
}

int task_init(struct task *task, const struct task_ops *ops, const struct task_common_setup *setup,
              const struct task_plugin *plugin, bool blocks, struct mr_error **error)
{
    *task = (struct task){.ops = ops, .setup = *setup, .plugin = *plugin, .blocks = blocks};
    task->connector = mem_strdup(setup->connector);
    task->topics_told = pointer_map_create(NULL);
    if (task->connector == NULL || task->topics_told == NULL) {
        pointer_map_destroy(task->topics_told);
        mem_free(task->connector);
        task->connector = NULL;
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for task %s-%u", setup->connector, setup->number);
    }
    task->setup.connector = task->connector;
    task->setup.metrics = unit_metrics_take(setup->metrics);
    task->cells = unit_metrics_cells(setup->metrics);
    task->health = task->cells == NULL ? &task->own_health : &task->cells->health;
    mutex_init(&task->lock);
    mutex_init(&task->plugin_lock);
    atomic_init(&task->stopping, false);
    atomic_init(&task->abandoned, false);
    atomic_init(&task->state, TASK_NEW);
    atomic_init(&task->inside, "");
    return 0;
}

void task_release(struct task *task)
{
    if (task->connector == NULL)
        return;
    assert(task->self == NULL);
    mr_error_drop(task->failure);
    unit_metrics_drop(task->setup.metrics);
    pointer_map_destroy(task->topics_told);
    mutex_destroy(&task->plugin_lock);
    mutex_destroy(&task->lock);
    mem_free(task->connector);
    task->connector = NULL;
}

void task_wake(struct task *task)
{
    task->setup.wake(task->setup.wake_argument);
}

void task_signal(struct task *task, atomic_bool *flag)
{
    struct task_common_setup setup = task->setup;

    setup.wake_take(setup.wake_argument);
    atomic_store_explicit(flag, true, memory_order_release); /* the last touch of the task */
    setup.wake(setup.wake_argument);
    setup.wake_drop(setup.wake_argument);
}

/* --- the plugin's own wake-up ---------------------------------------------------------------------------------- */

static void plugin_wakes(void *argument)
{
    struct plugin_wake *target = argument;

    atomic_store_explicit(&target->woken, true, memory_order_release);
    target->wake(target->wake_argument);
}

static void plugin_wake_release(void *argument)
{
    struct plugin_wake *target = argument;

    target->wake_drop(target->wake_argument);
    mem_free(target);
}

struct mr_waker *plugin_wake_create(const struct task *task, struct plugin_wake **target)
{
    struct plugin_wake *made = mem_calloc(1, sizeof(*made));
    struct mr_waker *waker = NULL;

    if (made == NULL)
        return NULL;
    made->wake = task->setup.wake;
    made->wake_drop = task->setup.wake_drop;
    made->wake_argument = task->setup.wake_argument;
    waker = waker_create(&(struct waker_setup){.wake = plugin_wakes, .release = plugin_wake_release, .argument = made});
    if (waker == NULL) {
        mem_free(made);
        return NULL;
    }
    task->setup.wake_take(task->setup.wake_argument);
    *target = made;
    return waker;
}

void plugin_wake_end(struct mr_waker *waker)
{
    if (waker == NULL)
        return;
    waker_detach(waker);
    mr_waker_drop(waker);
}

/* --- commands ---------------------------------------------------------------------------------------------- */

void task_request_prepare(struct task *task)
{
    mutex_lock(&task->lock);
    task->wish.prepared = true;
    mutex_unlock(&task->lock);
    task_wake(task);
}

void task_request_start(struct task *task)
{
    mutex_lock(&task->lock);
    task->wish.prepared = true;
    task->wish.started = true;
    mutex_unlock(&task->lock);
    task_wake(task);
}

static void request_paused(struct task *task, bool paused)
{
    mutex_lock(&task->lock);
    task->wish.paused = paused;
    mutex_unlock(&task->lock);
    task_wake(task);
}

void task_request_pause(struct task *task)
{
    request_paused(task, true);
}

void task_request_resume(struct task *task)
{
    request_paused(task, false);
}

static void interrupt(struct task *task)
{
    if (atomic_exchange(&task->stopping, true))
        return;
    if (task->ops->interrupt != NULL)
        task->ops->interrupt(task);
    task_plugin_interrupt(task);
}

void task_request_stop(struct task *task, enum task_departure departure, int64_t deadline_ms)
{
    mutex_lock(&task->lock);
    task->wish.stopped = true;
    task->wish.departure = departure;
    task->wish.stop_deadline_ms = deadline_ms;
    mutex_unlock(&task->lock);
    interrupt(task);
    task_wake(task);
}

void task_abandon(struct task *task)
{
    atomic_store(&task->abandoned, true); /* before the look at what is lent: see lend in sink_task.c */
    if (task->ops->abandon != NULL)
        task->ops->abandon(task);
    interrupt(task);
    task_wake(task);
}

void task_oust(struct task *task)
{
    atomic_store(&task->ousted, true);
}

/* --- questions --------------------------------------------------------------------------------------------- */

enum task_state task_state(const struct task *task)
{
    return (enum task_state)atomic_load_explicit(&task->state, memory_order_acquire);
}

const char *task_connector(const struct task *task)
{
    return task->connector;
}

uint32_t task_number(const struct task *task)
{
    return task->setup.number;
}

bool task_blocks(const struct task *task)
{
    return task->blocks;
}

const char *task_inside(const struct task *task)
{
    return atomic_load_explicit(&task->inside, memory_order_acquire);
}

bool task_may_act(const struct task *task)
{
    return !task_is_abandoned(task) && !atomic_load_explicit(&task->ousted, memory_order_acquire) &&
           lease_is_valid(task->setup.lease, task->setup.clock);
}

/* --- for the two kinds ------------------------------------------------------------------------------------- */

void task_move(struct task *task, enum task_state to, const char *trace)
{
    enum task_state from = task_state(task);
    bool is_told =
        to == TASK_PREPARED || to == TASK_RUNNING || to == TASK_PAUSED || to == TASK_STOPPED || to == TASK_FAILED;

    assert(task_state_may_move(from, to));
    assert((trace != NULL) == (to == TASK_FAILED));
    atomic_store_explicit(&task->state, to, memory_order_release);
    if (is_told && !task_is_abandoned(task))
        task->setup.listener->on_state(task->setup.listener_argument, to, trace);
}

int64_t task_now_us(const struct task *task)
{
    return clock_monotonic_us(task->setup.clock);
}

int64_t task_real_deadline_ms(const struct task *task, int64_t deadline_ms)
{
    return clock_monotonic_ms(NULL) + (deadline_ms - clock_monotonic_ms(task->setup.clock));
}

void task_tick(struct task *task)
{
    if (task->ops->tick != NULL)
        task->ops->tick(task);
}

enum task_step task_step(struct task *task, int64_t *wake_at_ms)
{
    struct task_wish wish;

    mutex_lock(&task->lock);
    wish = task->wish;
    mutex_unlock(&task->lock);
    *wake_at_ms = INT64_MAX;
    return task->ops->step(task, &wish, wake_at_ms);
}

void task_destroy(struct task *task)
{
    if (task != NULL)
        task->ops->destroy(task);
}
