/* PUT /admin/loggers/{l}?scope=cluster: a record that every worker follows when it reads it, this one too (config_events.c). */
#include <millrace/error.h>

#include "herder/errand_internal.h"
#include "herder/requests_internal.h"

#include "base/bans.h"

static void write_run(struct errand *errand)
{
    int64_t budget_ms = herder_now_ms() + STORE_WRITE_TIMEOUT_MS;

    config_store_put_logger_level(errand->herder->setup.configs, errand->name, errand->text,
                                  budget_ms < errand->deadline_ms ? budget_ms : errand->deadline_ms, &errand->error);
}

static void answer_written(struct errand *errand)
{
    errand_reply(errand, &(struct herder_reply){.status = 204});
}

void herder_set_logger_level(struct herder *herder, const char *logger, const char *level, herder_reply_fn *reply,
                             void *argument)
{
    struct errand *errand = errand_create(herder, logger, level, reply, argument);

    if (errand == NULL)
        return;
    errand->doing = "writing a logger's level to the config topic";
    errand->run = write_run;
    errand->answer = answer_written;
    errand_post(errand);
}
