/* What ?millrace=true adds to a task's status: what holds it up now, and what becomes of it. Known of this worker's tasks alone. */
#include "base/clock.h"
#include "json/json_out.h"
#include "metrics/registry.h"
#include "metrics/task_metrics.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

static const char *const stalls[] = {
    [TASK_STALL_NONE] = NULL,    [TASK_STALL_CALL] = "call",           [TASK_STALL_COMMIT] = "commit",
    [TASK_STALL_GROUP] = "group", [TASK_STALL_LETTERS] = "dead-letters", [TASK_STALL_START] = "start",
};
static const char *const breakers[] = {
    [TASK_BREAKER_CLOSED] = "closed", [TASK_BREAKER_OPEN] = "open", [TASK_BREAKER_PROBING] = "probing"};

bool task_health_is_asked(const struct http_exchange *exchange)
{
    return http_request_query_has(http_exchange_request(exchange), "millrace", "true");
}

static void write_number(struct json_out *out, const char *name, int64_t number)
{
    json_out_name(out, name);
    json_out_int(out, number);
}

static int64_t read_moment(const _Atomic int64_t *moment)
{
    return atomic_load_explicit(moment, memory_order_relaxed);
}

/* A moment that has passed is none. */
static void write_until(struct json_out *out, const char *name, const _Atomic int64_t *until_ms, int64_t now_ms)
{
    int64_t left_ms = read_moment(until_ms) - now_ms;

    write_number(out, name, left_ms > 0 ? left_ms : 0);
}

static void write_health(struct json_out *out, const struct task_health *health)
{
    int64_t now_ms = clock_monotonic_ms(NULL);
    const char *stall = stalls[atomic_load_explicit(&health->stall, memory_order_relaxed)];

    json_out_open(out, '{');
    json_out_pair(out, "stalled", stall);
    write_number(out, "stalled_ms", stall == NULL ? 0 : now_ms - read_moment(&health->stalled_since_ms));
    json_out_pair(out, "breaker", breakers[atomic_load_explicit(&health->breaker, memory_order_relaxed)]);
    write_number(out, "put_failures", atomic_load_explicit(&health->put_failures, memory_order_relaxed));
    write_number(out, "put_retries", (int64_t)atomic_load_explicit(&health->put_retries, memory_order_relaxed));
    write_until(out, "put_again_ms", &health->put_again_ms, now_ms);
    write_until(out, "rate_wait_ms", &health->rate_until_ms, now_ms);
    write_number(out, "restarts", (int64_t)atomic_load_explicit(&health->restarts, memory_order_relaxed));
    json_out_pair(out, "restart", atomic_load_explicit(&health->restart_verdict, memory_order_relaxed));
    write_until(out, "restart_ms", &health->restart_due_ms, now_ms);
    json_out_close(out, '}');
}

void task_health_write(void *argument, struct json_out *out, const char *connector, uint32_t task)
{
    struct rest_context *context = argument;
    struct unit_metrics *unit = metrics_registry_find_task(context->metrics, connector, task);
    const struct task_metrics *cells = unit_metrics_cells(unit);

    json_out_name(out, "millrace");
    if (cells == NULL)
        json_out_text(out, NULL);
    else
        write_health(out, &cells->health);
    unit_metrics_drop(unit);
}
