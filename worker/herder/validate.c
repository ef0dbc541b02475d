/* PUT /connector-plugins/{plugin}/config/validate: plugin code, on a validation's thread, by any worker. */
#include <millrace/error.h>

#include "base/string_map.h"
#include "config/connector_config.h"
#include "herder/errand_internal.h"

#include "base/bans.h"

static void run(struct errand *errand)
{
    const struct herder_setup *setup = &errand->herder->setup;

    if (errand->config == NULL) {
        mr_error_set(&errand->error, MR_ERR_NO_MEMORY, "The worker has no memory left for this request");
        return;
    }
    errand->report = connector_config_validate(
        &(struct connector_validation){.loader = setup->loader,
                                       .worker = setup->worker,
                                       .variables = setup->variables,
                                       .name = string_map_get_or(errand->config, "name", ""),
                                       .raw = errand->config},
        &errand->error);
}

static void answer(struct errand *errand)
{
    errand_reply(errand, &(struct herder_reply){.status = 200, .report = errand->report});
}

void herder_validate(struct herder *herder, const struct string_map *config, herder_reply_fn *reply, void *argument)
{
    struct errand *errand = errand_create(herder, "", NULL, reply, argument);

    if (errand == NULL)
        return;
    errand->config = string_map_copy(config);
    errand->pool = herder->validations;
    errand->blames_asker = true;
    errand->doing = "validating the configuration";
    errand->run = run;
    errand->answer = answer;
    errand_post(errand);
}
