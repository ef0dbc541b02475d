/* POST /connector-plugins/{plugin}/config/try: plugin code, on a validation's thread, by any worker. */
#include <millrace/error.h>
#include <string.h>

#include "base/clock.h"
#include "base/secrets.h"
#include "base/string_map.h"
#include "dry_run/dry_run.h"
#include "herder/errand_internal.h"

#include "base/bans.h"

#define JSON_MAX (32u << 20) /* of the answer: reports are cut before */
#define RECORDS_MAX (4u << 20)

/* One errand's dry run. */
struct trying {
    struct errand *errand;
    struct dry_run *dry_run;
    struct str_buffer reports;
    size_t outcomes[DRY_RUN_FAILED + 1];
    size_t count;
};

static int add_report(struct trying *trying, struct dry_run_report *report, struct mr_error **error)
{
    if (trying->count++ > 0)
        str_buffer_append_char(&trying->reports, ',');
    trying->outcomes[report->outcome]++;
    bool fine = dry_run_report_write_json(report, &trying->reports);
    dry_run_report_release(report);
    return fine ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "The answer is too large, or the worker has no memory left for it");
}

static int try_consumed(void *argument, struct dry_run *dry_run, const struct record_origin *origin, struct mr_error **error)
{
    struct dry_run_report report;
    if (dry_run_consumed(dry_run, origin, &report, error) != 0)
        return -1;
    return add_report(argument, &report, error);
}

static int try_topic(struct trying *trying, struct mr_error **error)
{
    const struct errand *errand = trying->errand;
    int64_t most_ms = clock_monotonic_ms(NULL) + HERDER_TRY_TOPIC_TIMEOUT_MS;
    const struct dry_run_topic topic = {
        .topic = errand->text,
        .last = errand->last,
        .bytes_max = HERDER_TRY_BYTES_MAX,
        .deadline_ms = most_ms < errand->deadline_ms ? most_ms : errand->deadline_ms,
        .graveyard = errand->herder->graveyard,
    };
    return dry_run_topic(trying->dry_run, &topic, try_consumed, trying, error);
}

static int try_records(struct trying *trying, struct mr_error **error)
{
    const char *text = str_buffer_text(&trying->errand->records), *end = text + trying->errand->records.length;
    for (; text < end; text += strlen(text) + 1) {
        struct dry_run_report report;
        struct mr_error *why = NULL;
        if (dry_run_text(trying->dry_run, text, strlen(text), &report, &why) == 0) {
            if (add_report(trying, &report, error) != 0)
                return -1;
            continue;
        }
        enum mr_error_code code = mr_error_code(why) == MR_ERR_NO_MEMORY ? MR_ERR_NO_MEMORY : MR_ERR_CONFIG;
        mr_error_set(error, code, "records[%zu]: %s", trying->count, mr_error_message(why));
        mr_error_drop(why);
        return -1;
    }
    return 0;
}

static void write_answer(struct trying *trying)
{
    struct str_buffer *json = &trying->errand->json;
    dry_run_end(trying->dry_run);
    str_buffer_printf(json, "{\"passed\":%zu,\"dropped\":%zu,\"skipped\":%zu,\"failed\":%zu,\"records\":[",
                      trying->outcomes[DRY_RUN_PASSED], trying->outcomes[DRY_RUN_DROPPED], trying->outcomes[DRY_RUN_SKIPPED],
                      trying->outcomes[DRY_RUN_FAILED]);
    str_buffer_append(json, str_buffer_text(&trying->reports), trying->reports.length);
    str_buffer_append_text(json, "],\"hints\":");
    bool fine = dry_run_write_hints(trying->dry_run, json) && str_buffer_append_char(json, '}');
    if (!fine)
        mr_error_set(&trying->errand->error, MR_ERR_NO_MEMORY, "The worker has no memory left for this answer");
}

static void run(struct errand *errand)
{
    const struct herder_setup *setup = &errand->herder->setup;
    struct trying trying = {.errand = errand};
    bool before;

    if (errand->config == NULL || str_buffer_failed(&errand->records)) {
        mr_error_set(&errand->error, MR_ERR_NO_MEMORY, "The worker has no memory left for this request");
        return;
    }
    str_buffer_init(&trying.reports, JSON_MAX);
    str_buffer_init(&errand->json, JSON_MAX + 1024);
    before = secrets_trial(true);
    trying.dry_run = dry_run_create(&(struct dry_run_setup){.loader = setup->loader,
                                                            .worker = setup->worker,
                                                            .variables = setup->variables,
                                                            .config = errand->config,
                                                            .shown_max = HERDER_TRY_SHOWN_MAX,
                                                            .shown_all_max = HERDER_TRY_SHOWN_MAX,
                                                            .held_max = HERDER_TRY_HELD_MAX},
                                    &errand->error);
    if (trying.dry_run != NULL &&
        (errand->text != NULL ? try_topic(&trying, &errand->error) : try_records(&trying, &errand->error)) == 0)
        write_answer(&trying);
    dry_run_destroy(trying.dry_run);
    secrets_trial(before);
    str_buffer_release(&trying.reports);
}

/* Takes one of the places. Its errand gives it back when its run has ended, in time or late. */
static bool take_place(struct herder *herder)
{
    if (atomic_fetch_add(&herder->tries, 1) < HERDER_TRIES_MAX)
        return true;
    atomic_fetch_sub(&herder->tries, 1);
    return false;
}

static void leave_place(struct errand *errand)
{
    atomic_fetch_sub(&errand->herder->tries, 1);
}

static void answer(struct errand *errand)
{
    errand_reply(errand, &(struct herder_reply){
                             .status = 200, .json = str_buffer_text(&errand->json), .json_length = errand->json.length});
}

void herder_try(struct herder *herder, const struct herder_try *request, herder_reply_fn *reply, void *argument)
{
    struct errand *errand = errand_create(herder, "", request->topic, reply, argument);

    if (errand == NULL)
        return;
    if (!take_place(herder)) {
        errand_refuse(errand, 503, "The worker tries as many configurations as it may at once: try again in a moment");
        return;
    }
    errand->leave = leave_place;
    errand->config = string_map_copy(request->config);
    errand->last = request->last;
    str_buffer_init(&errand->records, RECORDS_MAX);
    str_buffer_append(&errand->records, request->records, request->records_length);
    errand->pool = herder->validations;
    errand->blames_asker = true;
    errand->doing = "trying the configuration on records";
    errand->run = run;
    errand->answer = answer;
    errand_post(errand);
}
