#include "herder/errand_internal.h"

#include <millrace/error.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "config/connector_report.h"
#include "executor/job_pool.h"

#include "base/bans.h"

static void reply_plain(herder_reply_fn *reply, void *argument, int status, const char *message)
{
    if (reply != NULL)
        reply(argument, &(struct herder_reply){.status = status, .message = message});
}

static void errand_drop(struct errand *errand)
{
    if (!refcount_drop(&errand->owners))
        return;
    if (errand->leave != NULL)
        errand->leave(errand);
    mr_error_drop(errand->error);
    offset_list_release(&errand->offsets);
    str_buffer_release(&errand->records);
    str_buffer_release(&errand->json);
    connector_report_destroy(errand->report);
    string_map_destroy(errand->config);
    letters_errand_destroy(errand->letters);
    mem_free(errand->name);
    mem_free(errand->text);
    mem_free(errand);
}

struct errand *errand_create(struct herder *herder, const char *name, const char *text, herder_reply_fn *reply,
                             void *argument)
{
    struct errand *errand;

    if (!herder_is_ready(herder)) {
        reply_plain(reply, argument, 503, "The worker is not ready: it is starting or shutting down; try again");
        return NULL;
    }
    errand = mem_calloc(1, sizeof(*errand));
    if (errand != NULL) {
        refcount_init(&errand->owners);
        *errand = (struct errand){.owners = errand->owners,
                                  .herder = herder,
                                  .pool = herder->setup.jobs,
                                  .reply = reply,
                                  .argument = argument,
                                  .name = mem_strdup(name),
                                  .text = mem_strdup(text)};
        if (errand->name != NULL && (text == NULL || errand->text != NULL))
            return errand;
        errand_drop(errand);
    }
    reply_plain(reply, argument, 503, "The worker has no memory left for this request");
    return NULL;
}

void errand_reply(struct errand *errand, const struct herder_reply *reply)
{
    if (errand->reply != NULL)
        errand->reply(errand->argument, reply);
}

void errand_refuse(struct errand *errand, int status, const char *message)
{
    reply_plain(errand->reply, errand->argument, status, message);
    errand_drop(errand);
}

static void errand_run(void *argument)
{
    struct errand *errand = argument;

    errand->run(errand);
}

static int status_of(const struct errand *errand)
{
    enum mr_error_code code = mr_error_code(errand->error);

    if (code == MR_ERR_CONFLICT)
        return 409;
    if (errand->missing_is_404 && code == MR_ERR_NOT_FOUND)
        return 404;
    return errand->blames_asker && (code == MR_ERR_CONFIG || code == MR_ERR_NOT_FOUND) ? 400 : 500;
}

static void errand_give_up(void *argument)
{
    struct errand *errand = argument;

    errand->give_up(errand);
}

static void errand_given_up(void *argument, enum job_outcome outcome)
{
    (void)outcome;
    errand_drop(argument);
}

static void post_give_up(struct errand *errand)
{
    refcount_take(&errand->owners);
    if (!job_post(errand->pool, &(struct job){.run = errand_give_up,
                                              .on_outcome = errand_given_up,
                                              .argument = errand,
                                              .deadline_ms = INT64_MAX}))
        errand_drop(errand);
}

static void errand_outcome(void *argument, enum job_outcome outcome)
{
    struct errand *errand = argument;
    char words[160];

    if (outcome != JOB_DONE) {
        snprintf(words, sizeof(words), "Request timed out. The worker was %s.", errand->doing);
        reply_plain(errand->reply, errand->argument, 500, words);
        if (errand->give_up != NULL)
            post_give_up(errand);
    } else if (errand->error != NULL) {
        char *told = herder_error_words(errand->error);

        reply_plain(errand->reply, errand->argument, status_of(errand), told);
        mem_free(told);
    } else {
        errand->answer(errand);
    }
    if (outcome == JOB_DONE)
        errand_drop(errand); /* the run's, which has ended */
    errand_drop(errand);
}

static void errand_late(void *argument)
{
    errand_drop(argument);
}

void errand_post(struct errand *errand)
{
    const struct herder_setup *setup = &errand->herder->setup;

    errand->deadline_ms =
        herder_now_ms() + (setup->request_timeout_ms != 0 ? setup->request_timeout_ms : HERDER_REQUEST_TIMEOUT_MS);
    refcount_take(&errand->owners);
    if (job_post(errand->pool, &(struct job){.run = errand_run,
                                            .on_outcome = errand_outcome,
                                            .on_late = errand_late,
                                            .argument = errand,
                                            .deadline_ms = errand->deadline_ms}))
        return;
    reply_plain(errand->reply, errand->argument, 503, "The worker is busy: its job pool is full; try again later");
    errand_drop(errand);
    errand_drop(errand);
}
