#include <string.h>

#include "sink_run.h"

#define WAIT_MS 1000
#define AT_ONCE_MS 1u /* mr_error_set_retry_after_ms: it is no failure */
#define SCAN_MAX 256u /* requests looked at beyond the first open one when more are to be started */

/* --- requests ------------------------------------------------------------------------------------------------------------------ */

static int start_token(struct run *run, struct mr_error **error)
{
    struct http_task *task = run->task;
    const struct http_oauth2 *oauth2 = &task->settings.oauth2;
    char *lines[HEADERS_MAX + 1] = {"Content-Type: application/x-www-form-urlencoded"};
    struct http_call call = {.method = "POST",
                             .url = oauth2->url,
                             .body = {.data = task->token_form, .size = strlen(task->token_form)},
                             .has_body = true,
                             .header_lines = lines,
                             .header_count = 1,
                             .authorization = task->token_basic};

    for (size_t i = 0; i < oauth2->header_count; i++)
        lines[call.header_count++] = oauth2->header_lines[i];
    run->is_fetching = http_client_start(task->client, &call, error) != NULL;
    return run->is_fetching ? 0 : -1;
}

static size_t most_of_results(size_t count)
{
    return count < (ANSWER_RESULTS_KEPT_MAX - ANSWER_BODY_KEPT) / ANSWER_RESULT_KEPT
               ? ANSWER_BODY_KEPT + count * ANSWER_RESULT_KEPT
               : ANSWER_RESULTS_KEPT_MAX;
}

static int start_request(struct run *run, struct request *request, struct mr_error **error)
{
    struct http_task *task = run->task;
    struct http_call call = {.method = request->method,
                             .url = request->url,
                             .has_body = request->has_body,
                             .header_lines = request->header_lines,
                             .header_count = request->header_count,
                             .authorization = task->token.header,
                             .is_to_target = true,
                             .owner = request};

    if (task->settings.results_path != NULL)
        call.body_most = most_of_results(request->count);
    if (request->has_body && plan_body(&run->plan, request, &call.body, error) != 0)
        return -1;
    if (http_client_start(task->client, &call, error) == NULL) {
        plan_body_drop(request);
        return -1;
    }
    request->token_generation = task->token.generation;
    request->state = REQUEST_RUNNING;
    run->running++;
    mr_metric_add(task->metrics.requests, 1);
    mr_metric_add(task->metrics.bytes, (double)call.body.size);
    return 0;
}

static bool has_token(const struct http_task *task)
{
    return task->settings.auth != HTTP_AUTH_OAUTH2 || token_counts(&task->token, http_host->clock_monotonic_ms());
}

/* Starts what may go now: a request waits for those before it that have a partition in common. */
static int start_more(struct run *run, struct mr_error **error)
{
    size_t left = http_client_free(run->task->client), looked_at = 0;
    uint64_t busy = 0;

    while (run->open != NULL && run->open->state == REQUEST_DONE)
        run->open = run->open->next;
    if (run->open == NULL || run->is_halted || run->is_failed || run->is_fetching)
        return 0;
    if (!has_token(run->task))
        return run_first_waiting(run) == NULL ? 0 : start_token(run, error);
    for (struct request *at = run->open; at != NULL && left > 0 && looked_at < SCAN_MAX; at = at->next, looked_at++) {
        if (at->state == REQUEST_WAITING && (busy & at->partitions) == 0) {
            if (start_request(run, at, error) != 0)
                return -1;
            left--;
        }
        if (at->state != REQUEST_DONE)
            busy |= at->partitions;
    }
    return 0;
}

static bool take_answers(struct run *run)
{
    struct transfer *transfer;
    bool any = false;

    while ((transfer = http_client_take(run->task->client)) != NULL) {
        any = true;
        if (transfer->owner == NULL) {
            run_act_on_token(run, &transfer->answer);
        } else {
            run->running--;
            run_act_on_answer(run, transfer->owner, &transfer->answer);
        }
        transfer_drop(transfer);
    }
    return any;
}

static bool is_over(const struct run *run)
{
    if (run->is_failed)
        return true;
    return run->running == 0 && !run->is_fetching && (run->is_halted || run->open == NULL);
}

/* A slow target would keep the task inside one put, where it neither keeps its place in the consumer group nor can be stopped in
 * order: what is left comes again at once, and what was delivered is not sent again. */
static void end_long_put(struct run *run)
{
    if (run->is_halted || run->is_failed || run_first_waiting(run) == NULL ||
        http_host->clock_monotonic_ms() < run->until_ms)
        return;
    run->is_halted = run->goes_on = true;
    mr_error_set(&run->why, MR_ERR_RETRIABLE, "%s is slow: after %u s the rest of %zu records waits for another put",
                 run->task->where, PUT_MOST_MS / 1000, run->count);
}

/* -1: cannot go on at all; `*error` says why. */
static int send_all(struct run *run, struct mr_error **error)
{
    struct http_task *task = run->task;

    for (;;) {
        if (atomic_load(&task->is_stopping))
            return mr_error_set(error, MR_ERR_RETRIABLE, "%s: the task stops; what is under way is broken off",
                                task->where);
        end_long_put(run);
        if (start_more(run, error) != 0)
            return -1;
        if (is_over(run))
            return 0;
        http_client_step(task->client);
        if (!take_answers(run))
            http_client_wait(task->client, WAIT_MS);
    }
}

/* --- the put ------------------------------------------------------------------------------------------------------------------ */

static bool are_siblings(const struct mr_record *a, const struct mr_record *b)
{
    struct delivered_place one = place_of(a), other = place_of(b);

    return one.offset == other.offset && one.partition == other.partition && strcmp(one.topic, other.topic) == 0;
}

/* The number of each record among those that were made of one. */
static uint16_t number_of(const struct run *run, size_t index)
{
    uint16_t number = 0;

    while (index > 0 && number < UINT16_MAX && are_siblings(run->records[index - 1], run->records[index])) {
        index--;
        number++;
    }
    return number;
}

static struct delivered_place place_at(const struct run *run, size_t index)
{
    struct delivered_place place = place_of(run->records[index]);

    place.number = number_of(run, index);
    return place;
}

/* The records behind it come with another put. */
static bool is_full(const struct run *run)
{
    return run->plan.first != NULL && mr_arena_used_bytes(run->task->arena) >= PUT_BYTES;
}

/* `*known`: how many of the records were delivered by an earlier put. */
static int plan_all(struct run *run, size_t *known, struct mr_error **error)
{
    for (size_t i = 0; i < run->count && !run->is_failed && !is_full(run); i++) {
        const struct mr_record *record = run->records[i];
        struct mr_error *why = NULL;
        int status;

        if (run->task->delivered.count > 0 && mr_record_is_sink(record)) {
            struct delivered_place place = place_at(run, i);

            run->done[i] = delivered_has(&run->task->delivered, &place);
        }
        if (run->done[i]) {
            (*known)++;
            continue;
        }
        status = plan_add(&run->plan, record, (uint32_t)i, &why);
        run->done[i] = status == 0;
        if (status >= 0)
            continue;
        if (mr_error_code(why) != MR_ERR_DATA) {
            *error = why;
            return -1;
        }
        run->done[i] = run_refuse(run, record, why) == 0;
        mr_error_drop(why);
    }
    return 0;
}

/* Would its number be another one if the records came in parts? `is_part`: so may these have come already. */
static bool may_be_parted(const struct run *run, size_t at, bool is_part)
{
    bool is_first = at == 0, is_last = at + 1 == run->count;

    return (is_part && (is_first || is_last)) || (!is_first && are_siblings(run->records[at - 1], run->records[at])) ||
           (!is_last && are_siblings(run->records[at], run->records[at + 1]));
}

/* A put that may come again does so as it was. After one that failed for good (`for_good`) the worker may put its parts, where a record is
 * known only if it has no siblings; and what is known of a part that is to come again counts for that part alone. */
static void remember(const struct run *run, bool for_good)
{
    struct http_task *task = run->task;
    bool is_part = task->comes_in_parts;

    if (for_good)
        delivered_clear(&task->delivered);
    for (size_t i = 0; i < run->count; i++)
        if (run->done[i] && mr_record_is_sink(run->records[i]) && !(for_good && may_be_parted(run, i, is_part))) {
            struct delivered_place place = place_at(run, i);

            delivered_add(&task->delivered, &place);
        }
    task->knows_a_part = is_part && !for_good;
    task->comes_in_parts = is_part || for_good;
}

static size_t count_done(const struct run *run)
{
    size_t count = 0;

    for (size_t i = 0; i < run->count; i++)
        count += run->done[i];
    return count;
}

/* How long until the rest is put: at once where the target took some and only time or room were lacking, which nobody takes for a
 * failure. */
static uint32_t pause_ms(const struct run *run, size_t known)
{
    if (run->goes_on && run->delay_ms == 0 && count_done(run) > known)
        return AT_ONCE_MS;
    return run->delay_ms > AT_ONCE_MS ? run->delay_ms : AT_ONCE_MS + 1;
}

static int end(struct run *run, size_t known, struct mr_error **error)
{
    struct http_task *task = run->task;

    if (!run->is_failed && !run->is_halted && is_full(run) && count_done(run) < run->count) {
        run->is_halted = run->goes_on = true;
        mr_error_set(&run->why, MR_ERR_RETRIABLE,
                     "%s: %zu records are too large for one put; the rest of them comes next", task->where, run->count);
    }
    if (run->is_failed || run->is_halted) {
        if (!run->is_failed)
            mr_error_set_retry_after_ms(run->why, pause_ms(run, known));
        remember(run, run->is_failed);
        if (error != NULL && *error == NULL)
            *error = run->why;
        else
            mr_error_drop(run->why);
        return -1;
    }
    if (known == task->delivered.count || task->knows_a_part)
        delivered_clear(&task->delivered);
    task->knows_a_part = false;
    return 0;
}

static void drop_bodies(struct run *run)
{
    http_client_drop_all(run->task->client);
    for (struct request *at = run->plan.first; at != NULL; at = at->next)
        plan_body_drop(at);
}

int sink_run(struct http_task *task, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct run run = {.task = task, .records = records, .count = count};
    struct mr_error *broken = NULL;
    size_t known = 0;
    int status;

    mr_arena_clear(task->arena);
    run.until_ms = http_host->clock_monotonic_ms() + PUT_MOST_MS;
    run.done = mr_arena_alloc(task->arena, count * sizeof(bool));
    if (run.done == NULL)
        return mr_arena_failed(task->arena, error);
    memset(run.done, 0, count * sizeof(bool));
    if (plan_begin(&run.plan, &task->settings, task->arena, count, error) != 0)
        return -1;
    status = plan_all(&run, &known, &broken);
    run.open = run.plan.first;
    if (status == 0)
        status = send_all(&run, &broken);
    drop_bodies(&run);
    if (status != 0) { /* broken off: what was delivered so far stays so, should the records come again */
        mr_error_drop(run.why);
        remember(&run, !mr_error_is_retriable(broken));
        if (error != NULL && *error == NULL)
            *error = broken;
        else
            mr_error_drop(broken);
        return -1;
    }
    return end(&run, known, error);
}
