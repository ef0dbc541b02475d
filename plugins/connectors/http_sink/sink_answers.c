#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results.h"
#include "sink_run.h"

static void fail(struct run *run, struct mr_error *why)
{
    if (run->is_failed) {
        mr_error_drop(why);
        return;
    }
    mr_error_drop(run->why);
    run->why = why;
    run->is_failed = true;
}

/* --- words ------------------------------------------------------------------------------------------------------------------ */

static const char *after_colon(const char *line)
{
    const char *colon = strchr(line, ':');

    return colon == NULL ? NULL : colon + 1 + strspn(colon + 1, " ");
}

static const char *after_blank(const char *text)
{
    const char *blank = text == NULL ? NULL : strchr(text, ' ');

    return blank == NULL ? text : blank + 1;
}

static const char *token_text(const char *header)
{
    return header == NULL ? NULL : after_blank(after_colon(header));
}

static void collect_secrets(const struct http_task *task, struct answer_secrets *secrets)
{
    const struct http_settings *settings = &task->settings;

    *secrets = (struct answer_secrets){0};
    answer_secrets_add(secrets, settings->password);
    answer_secrets_add(secrets, task->basic_text);
    answer_secrets_add(secrets, settings->auth_text);
    answer_secrets_add(secrets, after_blank(settings->auth_text));
    answer_secrets_add(secrets, settings->oauth2.client_secret);
    answer_secrets_add(secrets, task->form_secret);
    answer_secrets_add(secrets, task->token_basic == NULL ? NULL : after_blank(after_colon(task->token_basic)));
    answer_secrets_add(secrets, token_text(task->token.header));
    answer_secrets_add(secrets, token_text(task->token.last_header));
    answer_secrets_add(secrets, settings->proxy_password);
    answer_secrets_add(secrets, task->proxy_text);
    for (size_t i = 0; i < settings->header_count; i++)
        answer_secrets_add(secrets, after_colon(settings->header_lines[i]));
    for (size_t i = 0; i < settings->oauth2.header_count; i++)
        answer_secrets_add(secrets, after_colon(settings->oauth2.header_lines[i]));
}

/* What went wrong with a request, in words, with the code. */
static struct mr_error *error_of(const struct run *run, const struct request *request, const struct answer *answer,
                                 enum mr_error_code code)
{
    const struct http_task *task = run->task;
    struct answer_secrets secrets;
    char words[4 * 8192];
    struct mr_error *error = NULL;

    collect_secrets(task, &secrets);
    answer_words(answer, &task->settings, &secrets, words, sizeof(words));
    if (request == NULL)
        mr_error_set(&error, code, "token endpoint %.*s: %s", (int)strcspn(task->settings.oauth2.url, "?"),
                     task->settings.oauth2.url, words);
    else if (task->settings.error_as_answer && answer->failure[0] == '\0')
        mr_error_set(&error, code, "%s", words);
    else
        mr_error_set(&error, code, "%s%s, %u record(s) from %s-%d@%lld: %s", request->has_body ? "" : "DELETE for ",
                     task->where, request->count,
                     place_of(request->first->record).topic, (int)place_of(request->first->record).partition,
                     (long long)place_of(request->first->record).offset, words);
    return error;
}

/* --- records that are not taken --------------------------------------------------------------------------------------------- */

int run_refuse(struct run *run, const struct mr_record *record, const struct mr_error *why)
{
    struct http_task *task = run->task;
    struct mr_errant_reporter *reporter = mr_sink_context_errant_reporter(task->context);
    struct mr_error *error = NULL;

    mr_metric_add(task->metrics.refused, 1);
    if (reporter != NULL) {
        if (mr_errant_report(reporter, record, why, NULL, &error) == 0)
            return 0;
        fail(run, error != NULL ? error : mr_error_copy(why));
        return -1;
    }
    if (task->settings.on_error == HTTP_ERROR_FAIL) {
        fail(run, mr_error_copy(why));
        return -1;
    }
    mr_log(http_host, task->settings.on_error == HTTP_ERROR_LOG ? MR_LOG_ERROR : MR_LOG_DEBUG, HTTP_LOGGER,
           "left out, by behavior.on.error: the record at %s-%d@%lld: %s", place_of(record).topic,
           (int)place_of(record).partition, (long long)place_of(record).offset, mr_error_message(why));
    return 0;
}

static void refuse_item(struct run *run, struct planned *item, const struct mr_error *why)
{
    if (item->is_done || run_refuse(run, item->record, why) != 0)
        return;
    item->is_done = run->done[item->index] = true;
}

static void refuse_all(struct run *run, struct request *request, struct mr_error *why)
{
    for (struct planned *item = request->first; item != NULL && !run->is_failed; item = item->next)
        refuse_item(run, item, why);
    request->state = REQUEST_DONE;
    mr_error_drop(why);
}

static uint32_t delay_of(struct http_task *task, const struct attempt *attempt, int64_t retry_after_ms)
{
    uint32_t times = attempt == NULL ? 1 : attempt->failed + attempt->throttled;

    if (retry_after_ms > 0)
        return (uint32_t)retry_after_ms;
    return attempts_delay_ms(task->settings.backoff_ms, BACKOFF_MOST_MS, times, task->settings.backoff_grows,
                             (uint32_t)rand_r(&task->dice));
}

/* The put will be tried again after a while. */
static void halt(struct run *run, struct request *request, struct mr_error *why, uint32_t delay_ms)
{
    request->state = REQUEST_LATER;
    run->delay_ms = delay_ms > run->delay_ms ? delay_ms : run->delay_ms;
    if (run->is_halted || run->is_failed) {
        mr_error_drop(why);
        return;
    }
    run->is_halted = true;
    run->why = why;
}

/* A target, or token endpoint, that is away may be back in an hour, and the worker starts the task again until it is; credentials that it
 * refuses, or an answer that makes no sense, are likely to stay as they are. */
static enum mr_error_code code_of_trouble(const struct answer *answer)
{
    bool is_away = answer->status == 0 || answer->status == 408 || answer->status >= 500;

    return is_away && !answer->is_setup_failure ? MR_ERR_TIMEOUT : MR_ERR_CONNECT;
}

static void give_up(struct run *run, struct request *request, const struct answer *answer, enum answer_class class,
                    const struct request *told, uint32_t times)
{
    bool is_record = class == ANSWER_AGAIN || run->task->settings.on_error != HTTP_ERROR_FAIL;
    struct mr_error *why = error_of(run, told, answer, is_record ? MR_ERR_DATA : code_of_trouble(answer));

    if (times > 1) { /* in one message: dead letters show no causes */
        struct mr_error *whole = NULL;

        mr_error_set(&whole, mr_error_code(why), "%s (given up after %u attempts)", mr_error_message(why), times);
        mr_error_drop(why);
        why = whole;
    }
    if (is_record)
        refuse_all(run, request, why);
    else
        fail(run, why);
}

/* `told`: the request for messages; NULL: it is the token's that failed. */
static void postpone(struct run *run, struct request *request, const struct answer *answer, enum answer_class class,
                     const struct request *told)
{
    struct http_task *task = run->task;
    struct delivered_place place = place_of(request->first->record);
    struct attempt *attempt = attempts_of(&task->attempts, &place);

    if (class == ANSWER_THROTTLED) {
        mr_metric_add(task->metrics.throttled, 1);
        if (attempt != NULL)
            attempt->throttled++;
    } else if (attempt != NULL && ++attempt->failed > task->settings.retries_max) {
        uint32_t times = attempt->failed;

        attempts_forget(&task->attempts, &place);
        give_up(run, request, answer, class, told, times);
        return;
    }
    mr_metric_add(task->metrics.retries, 1);
    halt(run, request, error_of(run, told, answer, MR_ERR_RETRIABLE), delay_of(task, attempt, answer->retry_after_ms));
}

/* --- answers ------------------------------------------------------------------------------------------------------------------ */

static void take_out_done(struct request *request)
{
    struct planned **at = &request->first;

    request->bytes = request->count = 0;
    request->last = NULL;
    while (*at != NULL) {
        if ((*at)->is_done) {
            *at = (*at)->next;
            continue;
        }
        request->bytes += (*at)->text.size;
        request->count++;
        request->last = *at;
        at = &(*at)->next;
    }
}

static void take_item(struct run *run, struct planned *item)
{
    item->is_done = run->done[item->index] = true;
}

static void refuse_one(struct run *run, const struct request *request, struct planned *item,
                       const struct answer *answer)
{
    struct request alone = *request;
    struct mr_error *why;

    alone.first = item;
    alone.count = 1;
    why = error_of(run, &alone, answer, MR_ERR_DATA);
    refuse_item(run, item, why);
    mr_error_drop(why);
}

/* Something moved at the head of the partition: what failed before does not count against what is first now. */
static void forget_attempts(struct run *run, const struct planned *first)
{
    struct delivered_place place = place_of(first->record);

    if (run->task->attempts.count > 0 && first->is_done)
        attempts_forget(&run->task->attempts, &place);
}

/* The target says what became of each record. One of which it says nothing is refused: it may have it, or not. What is to come again
 * does so by the mildest of the reasons: no record is given up while its neighbours are told to wait. */
static void act_on_results(struct run *run, struct request *request, const struct answer *answer,
                           const struct results *results)
{
    struct answer rest = {.failure = "it took some of its records, and these not yet",
                          .retry_after_ms = answer->retry_after_ms};
    enum answer_class class_of_rest = ANSWER_AGAIN;
    const struct planned *first = request->first;
    size_t index = 0;

    for (struct planned *item = request->first; item != NULL && !run->is_failed; item = item->next, index++) {
        struct answer of_one = {.status = results_status(results, index), .retry_after_ms = answer->retry_after_ms};
        enum answer_class class = answer_classify(&of_one, &run->task->settings);

        if (of_one.status == 0) {
            snprintf(of_one.failure, sizeof(of_one.failure), "its answer does not say what became of the record");
            class = ANSWER_REFUSED;
        }
        if (class == ANSWER_TAKEN)
            take_item(run, item);
        else if (class == ANSWER_REFUSED || class == ANSWER_FATAL)
            refuse_one(run, request, item, &of_one);
        else if (class <= class_of_rest) {
            class_of_rest = class;
            rest.status = of_one.status;
        }
    }
    forget_attempts(run, first);
    take_out_done(request);
    request->state = REQUEST_DONE;
    if (request->count > 0 && !run->is_failed)
        postpone(run, request, &rest, class_of_rest, request);
}

/* Results are looked for and cannot be read: what became of the records is not known. */
static void act_on_no_results(struct run *run, struct request *request, const struct answer *answer)
{
    struct answer said = {.status = answer->status, .retry_after_ms = answer->retry_after_ms};

    if (answer->body_size < answer->body_read)
        snprintf(said.failure, sizeof(said.failure),
                 "it answered %ld with %zu bytes, too many to find results per record in; try a smaller batch.max.size",
                 answer->status, answer->body_read);
    else
        snprintf(said.failure, sizeof(said.failure),
                 "it answered %ld, but not with a JSON array of %u results at \"%.100s\" (millrace.batch.results)",
                 answer->status, request->count, run->task->settings.results_path);
    postpone(run, request, &said, ANSWER_AGAIN, request);
}

static void read_results(struct run *run, struct request *request, const struct answer *answer)
{
    const struct http_settings *settings = &run->task->settings;
    struct mr_arena *arena = mr_arena_create(PUT_BYTES_MAX);
    struct results results = {0};

    if (arena != NULL && answer->body_size == answer->body_read)
        results_read(&results, arena, (struct mr_bytes){.data = answer->body, .size = answer->body_size},
                     settings->results_path, settings->result_status, request->count);
    if (results.array != NULL)
        act_on_results(run, request, answer, &results);
    else
        act_on_no_results(run, request, answer);
    mr_arena_destroy(arena);
}

static void act_on_taken(struct run *run, struct request *request, const struct answer *answer)
{
    if (run->task->settings.results_path != NULL && request->has_body) {
        read_results(run, request, answer);
        return;
    }
    for (struct planned *item = request->first; item != NULL; item = item->next)
        take_item(run, item);
    forget_attempts(run, request->first);
    request->state = REQUEST_DONE;
}

/* The token may have been taken back before its time: once a request, a fresh one is tried. */
static bool wants_fresh_token(struct run *run, struct request *request, const struct answer *answer)
{
    struct http_task *task = run->task;

    if (task->settings.auth != HTTP_AUTH_OAUTH2 || request->was_renewed || answer->failure[0] != '\0' ||
        !status_set_has(&task->settings.oauth2.renew_on, answer->status))
        return false;
    if (task->token.generation == request->token_generation)
        token_retire(&task->token);
    request->was_renewed = true;
    request->state = REQUEST_WAITING;
    return true;
}

void run_act_on_answer(struct run *run, struct request *request, const struct answer *answer)
{
    enum answer_class class = answer_classify(answer, &run->task->settings);

    plan_body_drop(request);
    if (wants_fresh_token(run, request, answer))
        return;
    switch (class) {
    case ANSWER_TAKEN:
        act_on_taken(run, request, answer);
        break;
    case ANSWER_REFUSED:
        refuse_all(run, request, error_of(run, request, answer, MR_ERR_DATA));
        break;
    case ANSWER_FATAL:
        request->state = REQUEST_DONE;
        fail(run, error_of(run, request, answer, MR_ERR_CONNECT));
        break;
    default:
        postpone(run, request, answer, class, request);
    }
}

struct request *run_first_waiting(const struct run *run)
{
    struct request *request = run->open;

    while (request != NULL && request->state != REQUEST_WAITING)
        request = request->next;
    return request;
}

void run_act_on_token(struct run *run, const struct answer *answer)
{
    struct http_task *task = run->task;
    struct mr_bytes body = {.data = answer->body, .size = answer->body_size};
    struct answer said = *answer;
    struct mr_error *why = NULL;

    run->is_fetching = false;
    if (answer->failure[0] == '\0' && answer->status == 200) {
        if (token_read(&task->token, &task->settings.oauth2, body, http_host->clock_monotonic_ms(), &why) == 0)
            return;
        snprintf(said.failure, sizeof(said.failure), "%s", mr_error_message(why));
        mr_error_drop(why);
    }
    if (run_first_waiting(run) != NULL)
        postpone(run, run_first_waiting(run), &said,
                 answer_classify(answer, &task->settings) == ANSWER_THROTTLED ? ANSWER_THROTTLED : ANSWER_TARGET, NULL);
}
