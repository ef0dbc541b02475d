/* What the rules of restarts mean for connectors and tasks of this worker: settings, words, numbers, and the herder's timer. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/connector_config.h"
#include "herder/recovery_internal.h"
#include "herder/units_internal.h"
#include "metrics/registry.h"
#include "metrics/task_metrics.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

#define NAME_MAX 300

static struct recovery *recovery_of(struct herder_connector *connector, int64_t task)
{
    return task < 0 ? &connector->recovery : &connector->tasks[task].recovery;
}

static const char *unit_name(const struct herder_connector *connector, int64_t task, char *name)
{
    if (task < 0)
        snprintf(name, NAME_MAX, "connector %.256s", connector->name);
    else
        snprintf(name, NAME_MAX, "task %.256s-%d", connector->name, (int)task);
    return name;
}

/* The connector's own policy, or the worker's. */
static struct recovery_settings settings_of(const struct herder *herder, const char *name)
{
    const struct restart_config *config = &herder->setup.worker->restart;
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    const struct string_map *own = config_snapshot_config(snapshot, name);
    const char *policy = own == NULL ? NULL : string_map_get(own, CONNECTOR_RESTART_POLICY);
    struct recovery_settings settings = {
        .delay_ms = config->delay_ms,
        .delay_max_ms = config->delay_max_ms,
        .window_ms = config->window_ms,
        .budget = config->budget,
    };

    if (policy == NULL)
        policy = config->policy;
    settings.is_on = policy != NULL && strcmp(policy, "on-failure") == 0;
    config_snapshot_drop(snapshot);
    return settings;
}

/* Also of an instance that took the place of the one that failed. */
static void show(const struct herder *herder, struct herder_connector *connector, int64_t task)
{
    const struct recovery *recovery = recovery_of(connector, task);
    bool waits = recovery->verdict == RECOVERY_WAITS;
    struct unit_metrics *unit =
        task < 0 ? NULL : metrics_registry_find_task(herder->metrics, connector->name, (uint32_t)task);
    struct task_metrics *cells = unit_metrics_cells(unit);

    if (cells != NULL) {
        atomic_store_explicit(&cells->health.restarts, recovery->restarts, memory_order_relaxed);
        atomic_store_explicit(&cells->health.restart_due_ms, waits ? recovery->due_ms : 0, memory_order_relaxed);
        atomic_store_explicit(&cells->health.restart_verdict,
                              recovery->verdict == RECOVERY_NONE ? NULL : recovery_verdict_name(recovery->verdict),
                              memory_order_relaxed);
    }
    unit_metrics_drop(unit);
}

static enum recovery_verdict judge(struct herder *herder, struct herder_connector *connector, int64_t task,
                                   const struct failure *failure)
{
    struct recovery *recovery = recovery_of(connector, task);
    struct recovery_settings settings = settings_of(herder, connector->name);
    enum recovery_verdict verdict =
        recovery_failed(recovery, &settings, failure, herder_now_ms(), hash_seed(recovery));

    if (verdict == RECOVERY_WAITS)
        units_mark_at(herder, connector, recovery->due_ms);
    show(herder, connector, task);
    return verdict;
}

/* --- in words ------------------------------------------------------------------------------------------------------- */

static void append_when(struct str_buffer *words, const struct recovery *recovery, const char *kind)
{
    time_t at = (time_t)((clock_wall_ms(NULL) + recovery->due_ms - herder_now_ms()) / 1000);
    char when[40] = "later";
    struct tm parts;

    if (gmtime_r(&at, &parts) != NULL)
        strftime(when, sizeof(when), "at %Y-%m-%dT%H:%M:%SZ", &parts);
    str_buffer_printf(words, "Will be started again by itself %s (%s; restart %u without progress)", when, kind,
                      recovery->attempts + 1);
}

static bool append_verdict(struct str_buffer *words, const struct recovery *recovery, const char *kind)
{
    const char *why = recovery_words(recovery->verdict);

    if (recovery->verdict == RECOVERY_WAITS)
        append_when(words, recovery, kind);
    else if (why != NULL)
        str_buffer_printf(words, "Not started again by itself: %s", why);
    return recovery->verdict == RECOVERY_WAITS || why != NULL;
}

/* The trace, and what comes of it as its last line. */
static char *trace_with(const char *trace, const char *words)
{
    size_t size = (trace == NULL ? 0 : strlen(trace)) + strlen(words) + 2;
    char *both = mem_alloc(size);

    if (both != NULL)
        snprintf(both, size, "%s\n%s", trace == NULL ? "" : trace, words);
    return both;
}

char *recovery_unit_failed(struct herder *herder, struct herder_connector *connector, int64_t task, const char *trace)
{
    struct recovery *recovery = recovery_of(connector, task);
    struct failure failure = recovery->is_told ? recovery->failure : (struct failure){.kind = FAILURE_PLUGIN};
    struct str_buffer words;
    char name[NAME_MAX], *shown = NULL;

    recovery->is_told = false;
    judge(herder, connector, task, &failure);
    str_buffer_init(&words, NAME_MAX);
    if (append_verdict(&words, recovery, failure_kind_words(failure.kind))) {
        shown = trace_with(trace, str_buffer_text(&words));
        log_warn(HERDER_LOG, "%s failed. %s", unit_name(connector, task, name), str_buffer_text(&words));
    }
    str_buffer_release(&words);
    return shown;
}

/* --- what stalls ------------------------------------------------------------------------------------------------------ */

void recovery_task_stalled(struct herder *herder, struct herder_connector *connector, uint32_t task, bool has_progressed)
{
    struct failure failure = {.kind = FAILURE_STALLED, .has_progressed = has_progressed};

    judge(herder, connector, task, &failure);
}

void recovery_task_goes_on(struct herder *herder, struct herder_connector *connector, uint32_t task)
{
    struct recovery *recovery = recovery_of(connector, task);

    recovery_went_on(recovery);
    show(herder, connector, task);
}

/* --- when it is due ---------------------------------------------------------------------------------------------------- */

void recovery_look(struct herder *herder, struct herder_connector *connector, int64_t task, bool is_meant, bool *restart,
                   bool *announce)
{
    struct recovery *recovery = recovery_of(connector, task);
    int64_t now_ms = herder_now_ms();
    char name[NAME_MAX];

    if (recovery->is_restarting)
        return;
    if (*restart || !is_meant) {
        if (recovery->verdict == RECOVERY_WAITS)
            log_info(HERDER_LOG, "%s is not started again by itself: a user has spoken", unit_name(connector, task, name));
        recovery_forget(recovery);
        show(herder, connector, task);
    } else if (recovery->verdict == RECOVERY_WAITS && now_ms < recovery->due_ms) {
        units_mark_at(herder, connector, recovery->due_ms);
    } else if (recovery->verdict == RECOVERY_WAITS) {
        recovery_restarted(recovery, now_ms);
        log_info(HERDER_LOG, "%s is started again by itself: restart %u without progress", unit_name(connector, task, name),
                 recovery->attempts);
        *restart = *announce = true;
    }
}

void recovery_unit_started(struct herder *herder, struct herder_connector *connector, int64_t task)
{
    recovery_of(connector, task)->is_restarting = false;
    show(herder, connector, task);
}
