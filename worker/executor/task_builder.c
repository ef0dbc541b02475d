/*
 * From the text of the config topic to a task: references resolved, plugin found, options parsed, client settings
 * translated, error policy and pipeline made, the dead letter topic there. Whatever goes wrong is an error in words.
 */
#include "executor/executor_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/connector_config.h"
#include "config/plugin_options.h"
#include "config/topic_groups.h"
#include "config/variables.h"
#include "errors/dead_letter.h"
#include "errors/tolerance.h"
#include "executor/offset_stores.h"
#include "executor/task_unit_internal.h"
#include "executor/topic_maker.h"
#include "kafka/admin.h"
#include "kafka/client_config.h"
#include "kafka/producer_fence.h"
#include "loader/loader.h"
#include "metrics/task_metrics.h"
#include "metrics/unit_metrics.h"
#include "pipeline/chain.h"
#include "pipeline/converters.h"
#include "pipeline/sink_pipeline.h"
#include "pipeline/source_pipeline.h"
#include "task/sink_task.h"
#include "task/source_task.h"

#include <millrace/connector.h>

#include "base/bans.h"

#define BATCH_RECORDS_MAX 2000 /* advice to sources: as much as their own default, as a rule */
#define CLIENT_ID_MAX 2048
#define TRANSACTION_TIMEOUT_MS 60000 /* of clients that do not say */

/* Everything on the way; what was handed over to the task is NULL again. */
struct build {
    const struct task_plan *plan;
    struct executor *executor;
    struct string_map *connector, *task; /* resolved */
    const struct loader_plugin *plugin;
    struct connector_config *config;
    struct mr_config *own;
    struct client_config *client, *letter_client;
    struct tolerance *tolerance;
    struct offset_store *offsets; /* of a source, taken */
    struct mr_error **error;
};

static void build_release(struct build *build)
{
    tolerance_destroy(build->tolerance, clock_monotonic_ms(NULL));
    client_config_drop(build->client);
    client_config_drop(build->letter_client);
    mr_config_destroy(build->own);
    connector_config_destroy(build->config);
    string_map_destroy(build->connector);
    string_map_destroy(build->task);
}

/* Configuration ---------------------------------------------------------------------------------------------------- */

static int resolve(struct build *build)
{
    const struct variables *variables = build->executor->setup.variables;
    build->connector = variables_resolve(variables, build->plan->connector_config, NULL, build->error);
    if (build->connector != NULL)
        build->task = variables_resolve(variables, build->plan->task_config, NULL, build->error);
    return build->task == NULL ? -1 : 0;
}

static int check_overrides(struct build *build)
{
    struct connector_validation validation = {.loader = build->executor->setup.loader,
                                              .worker = build->executor->setup.worker,
                                              .name = build->plan->connector,
                                              .raw = build->plan->connector_config};
    return connector_config_check_overrides(&validation, build->plugin, build->connector, build->error);
}

static void warn_without_creation(const struct build *build)
{
    if (build->config->kind != CONNECTOR_SOURCE || build->executor->setup.worker->topic_creation_enable ||
        !topic_groups_are_wished(build->connector))
        return;
    log_warn(LOG_NAME,
             "connector %s: topic.creation.enable is false on this worker, so topic.creation.* says nothing; missing topics "
             "are created by the broker's defaults, where it does so",
             build->plan->connector);
}

static int understand(struct build *build)
{
    const struct executor_setup *setup = &build->executor->setup;
    if (resolve(build) != 0 ||
        connector_config_plugin(setup->loader, build->connector, &build->plugin, build->error) != 0)
        return -1;
    enum connector_kind kind = build->plugin->kind == MR_PLUGIN_SOURCE ? CONNECTOR_SOURCE : CONNECTOR_SINK;
    build->config = connector_config_create(kind, build->connector, setup->worker, build->error);
    if (build->config == NULL || check_overrides(build) != 0)
        return -1;
    warn_without_creation(build);
    struct mr_error *reason = NULL;
    build->own = plugin_options_read(build->plugin, build->task, NULL, NULL, &reason);
    if (build->own == NULL)
        mr_error_set(build->error, mr_error_code(reason), "The connector's configuration of task %u is not valid: %s",
                     build->plan->number, mr_error_message(reason));
    mr_error_drop(reason);
    return build->own == NULL ? -1 : 0;
}

/* Clients ------------------------------------------------------------------------------------------------------------ */

static struct client_config *client_of(struct build *build, enum client_kind kind, const char *role)
{
    char id[CLIENT_ID_MAX], group[CLIENT_ID_MAX];
    snprintf(id, sizeof(id), "%s-%s-%u", role, build->plan->connector, build->plan->number);
    snprintf(group, sizeof(group), "connect-%s", build->plan->connector);
    struct client_layers layers = {.worker = build->executor->setup.worker->properties,
                                   .connector = build->connector,
                                   .client_id = id,
                                   .group_id = kind == CLIENT_CONSUMER ? group : NULL};
    return client_config_for(kind, &layers, NULL, build->error);
}

/* With exactly once it has the id that the JVM worker would give it: so each shuts out the other. */
static struct client_config *producer_of_source(struct build *build)
{
    char id[CLIENT_ID_MAX], transactional_id[TRANSACTIONAL_ID_MAX];
    const struct worker_config *worker = build->executor->setup.worker;
    if (!build->config->exactly_once.is_on)
        return client_of(build, CLIENT_PRODUCER, "connector-producer");
    snprintf(id, sizeof(id), "connector-producer-%s-%u", build->plan->connector, build->plan->number);
    if (!transactional_id_of_task(transactional_id, worker->group_id, build->plan->connector, build->plan->number)) {
        mr_error_set(build->error, MR_ERR_CONFIG, "The names of group and connector are too long for a transactional id");
        return NULL;
    }
    struct client_layers layers = {.worker = worker->properties,
                                   .connector = build->connector,
                                   .client_id = id,
                                   .transactional_id = transactional_id};
    return client_config_for(CLIENT_PRODUCER, &layers, NULL, build->error);
}

static int take_offsets(struct build *build)
{
    const struct offset_stores_want want = {
        .connector = build->plan->connector,
        .config = build->connector,
        .topic = build->config->exactly_once.offsets_topic,
        .exactly_once = build->config->exactly_once.is_on,
        .deadline_ms = build->plan->deadline_ms,
    };
    build->offsets = offset_stores_take(build->executor->offset_stores, &want, build->error);
    return build->offsets == NULL ? -1 : 0;
}

/* The topic is there before the task starts, or it does not start. */
static int prepare_letters(struct build *build)
{
    const struct connector_errors *errors = &build->config->errors;
    if (errors->dead_letter_topic == NULL)
        return 0;
    build->letter_client = client_of(build, CLIENT_PRODUCER, "connector-dlq-producer");
    struct client_config *config =
        build->letter_client == NULL ? NULL : client_of(build, CLIENT_ADMIN, "connector-dlq-adminclient");
    if (config == NULL)
        return -1;
    struct admin *admin = admin_open(config, build->executor->setup.graveyard, build->error);
    int status = admin == NULL ? -1
                               : dead_letter_prepare(admin, errors->dead_letter_topic,
                                                     (int16_t)errors->dead_letter_replication_factor,
                                                     build->plan->deadline_ms, build->error);
    admin_close(admin);
    client_config_drop(config);
    return status;
}

static int make_tolerance(struct build *build)
{
    const struct connector_errors *errors = &build->config->errors;
    const struct task_common_setup *common = build->plan->common;
    struct error_settings settings = {
        .retry_timeout_ms = errors->retry_timeout_ms,
        .retry_delay_max_ms = errors->retry_delay_max_ms,
        .tolerate_all = errors->tolerate_all,
        .log_enable = errors->log_enable,
        .log_messages = errors->log_messages,
        .dead_letter_context = errors->dead_letter_context_headers,
        .dead_letter_replication_factor = (int16_t)errors->dead_letter_replication_factor,
        .dead_letter_topic = errors->dead_letter_topic,
    };
    struct task_metrics *cells = unit_metrics_cells(common->metrics);
    struct tolerance_setup setup = {
        .connector = build->plan->connector,
        .task = build->plan->number,
        .settings = &settings,
        .clock = build->executor->setup.clock,
        .counters = cells == NULL ? NULL : &cells->errors,
        .producers = build->executor->setup.producers,
        .producer_config = build->letter_client,
        .wake = common->wake,
        .wake_argument = common->wake_argument,
    };
    build->tolerance = tolerance_create(&setup, build->error);
    return build->tolerance == NULL ? -1 : 0;
}

/* Topics of the connector's own making, where it and the worker wish for them. */
static int make_topics(struct build *build, struct source_topics *topics)
{
    struct topic_groups *groups = build->config->topic_groups;
    if (groups == NULL)
        return 0;
    struct client_config *config = client_of(build, CLIENT_ADMIN, "connector-adminclient");
    if (config == NULL)
        return -1;
    build->config->topic_groups = NULL;
    int status = topic_maker_create(build->executor, build->plan->common, groups, config, topics, build->error);
    client_config_drop(config);
    return status;
}

/* What it is, for whoever looks at its numbers. `converters`: NULL before they are made. */
static void describe(const struct build *build, const struct converters *converters)
{
    const struct loader_plugin *plugin = build->plugin;
    bool is_source = plugin->kind == MR_PLUGIN_SOURCE;
    struct unit_description description = {
        .kind = is_source ? UNIT_KIND_SOURCE : UNIT_KIND_SINK,
        .connector_class = plugin->class_name,
        .connector_version = plugin->version,
        .task_class = is_source ? plugin->source->task_class_name : plugin->sink->task_class_name,
    };
    if (converters != NULL) {
        description.key_converter = (struct unit_converter){converters->key.class_name, converters->key.version};
        description.value_converter = (struct unit_converter){converters->value.class_name, converters->value.version};
        description.header_converter = (struct unit_converter){converters->header.class_name, converters->header.version};
    }
    unit_metrics_describe(build->plan->common->metrics, &description);
}

static void describe_chain(const struct build *build, const struct chain *chain)
{
    struct chain_part parts[UNIT_STAGES_MAX];
    struct unit_stage stages[UNIT_STAGES_MAX];
    size_t count = chain_parts(chain, parts, UNIT_STAGES_MAX);
    if (count > UNIT_STAGES_MAX)
        count = UNIT_STAGES_MAX;
    for (size_t i = 0; i < count; i++)
        stages[i] = (struct unit_stage){parts[i].alias, parts[i].class_name, parts[i].version, parts[i].is_predicate};
    unit_metrics_set_stages(build->plan->common->metrics, stages, count);
}

/* A rate is the connector's: its tasks, wherever they run, have equal parts of it. */
static struct task_common_setup common_of(const struct build *build)
{
    struct task_common_setup common = *build->plan->common;
    common.plugin = &build->plugin->name;
    common.records_per_second = (double)build->config->records_per_second / build->plan->tasks;
    common.bytes_per_second = (double)build->config->bytes_per_second / build->plan->tasks;
    return common;
}

/* The two kinds -------------------------------------------------------------------------------------------------------- */

static enum source_boundary boundary_of(const struct connector_exactly_once *exactly_once)
{
    switch (exactly_once->boundary) {
    case CONNECTOR_BOUNDARY_INTERVAL: return SOURCE_BOUNDARY_INTERVAL;
    case CONNECTOR_BOUNDARY_CONNECTOR: return SOURCE_BOUNDARY_CONNECTOR;
    case CONNECTOR_BOUNDARY_POLL: break;
    }
    return SOURCE_BOUNDARY_POLL;
}

/* The brokers undo a transaction that is open for longer than its time-out; so one that is to last as long ends at half of that. */
static uint32_t interval_of(const struct build *build)
{
    const char *text = build->client != NULL ? client_config_get(build->client, "transaction.timeout.ms") : NULL;
    unsigned long long timeout_ms = text != NULL ? strtoull(text, NULL, 10) : TRANSACTION_TIMEOUT_MS;
    uint32_t wished_ms = build->config->exactly_once.interval_ms;
    return wished_ms > timeout_ms / 2 ? (uint32_t)(timeout_ms / 2) : wished_ms;
}

static struct source_exactly_once exactly_once_of(const struct build *build)
{
    const struct connector_exactly_once *wished = &build->config->exactly_once;
    if (!wished->is_on)
        return (struct source_exactly_once){0};
    return (struct source_exactly_once){
        .run = task_unit_run,
        .ask = task_unit_ask,
        .argument = build->plan->unit,
        .boundary = boundary_of(wished),
        .interval_ms = interval_of(build),
        .offsets_topic = wished->offsets_topic != NULL ? wished->offsets_topic : build->executor->setup.worker->offset_topic.name,
    };
}

static struct task *build_source(struct build *build)
{
    const struct executor_setup *executor = &build->executor->setup;
    if (take_offsets(build) != 0)
        return NULL;
    struct source_pipeline_setup pipeline = {.loader = executor->loader,
                                             .connector = build->connector,
                                             .worker = executor->worker->properties,
                                             .tolerance = build->tolerance};
    build->client = producer_of_source(build);
    struct source_task_setup setup = {
        .common = common_of(build),
        .plugin = build->plugin->source->task,
        .config = build->own,
        .pipeline = build->client == NULL ? NULL : source_pipeline_create(&pipeline, build->error),
        .tolerance = build->tolerance,
        .offsets = build->offsets,
        .producers = executor->producers,
        .producer_config = build->client,
        .batch_records_max = BATCH_RECORDS_MAX,
        .exactly_once = exactly_once_of(build),
    };
    if (setup.pipeline == NULL || make_topics(build, &setup.topics) != 0) {
        source_pipeline_destroy(setup.pipeline);
        return NULL;
    }
    describe(build, source_pipeline_converters(setup.pipeline));
    describe_chain(build, source_pipeline_chain(setup.pipeline));
    build->own = NULL;
    build->tolerance = NULL;
    return source_task_create(&setup, build->error);
}

static struct task *build_sink(struct build *build)
{
    const struct executor_setup *executor = &build->executor->setup;
    struct sink_pipeline_setup pipeline = {.loader = executor->loader,
                                           .connector = build->connector,
                                           .worker = executor->worker->properties,
                                           .tolerance = build->tolerance};
    build->client = client_of(build, CLIENT_CONSUMER, "connector-consumer");
    struct sink_task_setup setup = {
        .common = common_of(build),
        .plugin = build->plugin->sink->task,
        .config = build->own,
        .pipeline = build->client == NULL ? NULL : sink_pipeline_create(&pipeline, build->error),
        .tolerance = build->tolerance,
        .consumer_config = build->client,
        .graveyard = executor->graveyard,
        .topics = build->config->topics,
        .topic_count = build->config->topic_count,
        .topics_regex = build->config->topics_regex,
        .isolate = build->config->errors.isolate,
    };
    if (setup.pipeline == NULL)
        return NULL;
    describe(build, sink_pipeline_converters(setup.pipeline));
    describe_chain(build, sink_pipeline_chain(setup.pipeline));
    build->own = NULL;
    build->tolerance = NULL;
    return sink_task_create(&setup, build->error);
}

struct task_made task_build(const struct task_plan *plan, struct mr_error **error)
{
    struct build build = {.plan = plan, .executor = plan->executor, .error = error};
    struct task *task = NULL;
    int status = understand(&build);
    if (build.plugin != NULL)
        describe(&build, NULL);
    if (status == 0 && prepare_letters(&build) == 0 && make_tolerance(&build) == 0)
        task = build.plugin->kind == MR_PLUGIN_SOURCE ? build_source(&build) : build_sink(&build);
    variables_hide_error(plan->connector_config, build.connector, error);
    variables_hide_error(plan->task_config, build.task, error);
    struct task_made made = {.task = task, .version = build.plugin == NULL ? NULL : build.plugin->version};
    if (task != NULL)
        made.offsets = build.offsets;
    else
        offset_stores_drop(build.executor->offset_stores, build.offsets);
    build_release(&build);
    return made;
}
