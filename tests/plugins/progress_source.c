/*
 * A source that mostly only comes further: each poll brings one record and `markers` progress markers; each third poll fails
 * with a retriable error and a delay. It asks for a transaction and commits after its records where it has one, counts what
 * it hears of its records, and refuses offsets that are not its own. Its options use all that options have.
 */
#include <string.h>

#include "one_connector.h"

static int check_even(const char *name, const char *text, const struct mr_config *config, const void *argument,
                      struct mr_error **error)
{
    (void)name, (void)config, (void)argument;
    if (text == NULL || (text[strlen(text) - 1] - '0') % 2 == 0)
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG, "Value must be even");
}

/* A form shows the pace only where there are markers. */
static int recommend_pace(const char *name, const struct mr_config *config, struct mr_text_list *values, bool *visible,
                          struct mr_error **error)
{
    (void)name;
    *visible = mr_config_has_value(config, "markers") && mr_config_integer(config, "markers") > 0;
    if (mr_text_list_append(values, "slow") != 0 || mr_text_list_append(values, "fast") != 0)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for recommendations");
    return 0;
}

static const char *const paces[] = {"slow", "fast", NULL};
static const char *const of_markers[] = {"pace", NULL};
static const struct mr_config_row rows[] = {
    {.name = "markers", .type = MR_CONFIG_INT, .default_text = "2", .importance = MR_HIGH,
     .doc = "Progress markers in a poll.", .validator = check_even, .group = "Progress", .order_in_group = 1,
     .width = MR_WIDTH_SHORT, .display_name = "Markers", .dependents = of_markers},
    {.name = "pace", .type = MR_CONFIG_STRING, .default_text = "fast", .importance = MR_LOW, .doc = "How often.",
     .validator = mr_check_one_of, .validator_argument = paces, .recommender = recommend_pace, .group = "Progress",
     .order_in_group = 2, .width = MR_WIDTH_MEDIUM, .display_name = "Pace"},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* --- the task ---- */

struct task {
    struct mr_source_context *context;
    struct mr_transaction *transaction;
    int64_t markers, at, polls;
    uint32_t poll_after_ms;
    struct mr_metric *prepares, *commits, *records, *filtered, *transactions;
};

static void *create(struct mr_source_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));
    struct mr_metrics *metrics = mr_source_context_metrics(context);

    if (task == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
        return NULL;
    }
    task->context = context;
    task->prepares = mr_metric_counter(metrics, "prepares", "Calls of prepare");
    task->commits = mr_metric_counter(metrics, "commits", "Calls of commit");
    task->records = mr_metric_counter(metrics, "records", "Records that Kafka has");
    task->filtered = mr_metric_counter(metrics, "filtered", "Records that were dropped");
    task->transactions = mr_metric_gauge(metrics, "has-transaction", "Boundaries are its own");
    return task;
}

static int prepare(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)config, (void)error;
    mr_metric_add(((struct task *)self)->prepares, 1);
    return 0;
}

static const struct mr_value *map_of(struct mr_arena *arena, const char *name, int64_t number)
{
    struct mr_value *map = mr_map_create(arena, 1);

    return map != NULL && mr_map_put_text(arena, map, name, mr_int64(arena, number)) == 0 ? map : NULL;
}

static int find_offset(struct task *task, struct mr_error **error)
{
    struct mr_arena *arena = mr_arena_create(65536);
    const struct mr_value *offset = NULL, *partition = arena == NULL ? NULL : map_of(arena, "p", 0);

    if (partition != NULL)
        offset = mr_source_context_offset(task->context, partition, arena, error);
    if (offset != NULL && !mr_value_is_null(offset))
        task->at = mr_value_integer(mr_map_get(offset, "o"));
    mr_arena_destroy(arena);
    return offset == NULL ? mr_error_set(error, MR_ERR_CONNECT, "no offset could be read") : 0;
}

static int start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;

    task->markers = mr_config_integer(config, "markers");
    task->poll_after_ms = strcmp(mr_config_string(config, "pace"), "slow") == 0 ? 5000 : 50;
    task->transaction = mr_source_context_transaction(task->context);
    mr_metric_set(task->transactions, task->transaction != NULL);
    return find_offset(task, error);
}

static int append_record(struct task *task, struct mr_batch *batch, struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    const struct mr_value *partition = map_of(arena, "p", 0), *offset = map_of(arena, "o", task->at + 1);

    if (record == NULL || mr_record_set_value(record, NULL, mr_int64(arena, task->at + 1)) != 0 ||
        mr_record_add_header(record, "connector", NULL,
                             mr_string(arena, mr_source_context_connector(task->context))) != 0 ||
        mr_record_set_topic_ref(record, "progress") != 0 || mr_record_set_source(record, partition, offset) != 0)
        return mr_arena_failed(arena, error);
    task->at++;
    if (task->transaction != NULL)
        mr_transaction_commit_after(task->transaction, record);
    return 0;
}

static int append_marker(struct task *task, struct mr_batch *batch, struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);

    if (mr_batch_append_progress(batch, map_of(arena, "p", 0), map_of(arena, "o", task->at + 1)) != 0)
        return mr_arena_failed(arena, error);
    task->at++;
    return 0;
}

static int poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    struct task *task = self;

    if (++task->polls % 3 == 0) {
        mr_error_set(error, MR_ERR_RETRIABLE, "nothing for a while");
        if (error != NULL)
            mr_error_set_retry_after_ms(*error, 400);
        if (task->transaction != NULL)
            mr_transaction_abort_batch(task->transaction);
        return -1;
    }
    if (append_record(task, batch, error) != 0)
        return -1;
    for (int64_t i = 0; i < task->markers; i++)
        if (append_marker(task, batch, error) != 0)
            return -1;
    if (task->transaction != NULL)
        mr_transaction_commit_batch(task->transaction);
    mr_source_context_poll_after_ms(task->context, task->poll_after_ms);
    return 0;
}

static int commit(void *self, struct mr_error **error)
{
    (void)error;
    mr_metric_add(((struct task *)self)->commits, 1);
    return 0;
}

static int commit_record(void *self, const struct mr_record *record, const struct mr_record_metadata *metadata,
                         struct mr_error **error)
{
    struct task *task = self;

    (void)record, (void)error;
    mr_metric_add(metadata->topic == NULL ? task->filtered : task->records, 1);
    return 0;
}

static void stop(void *self)
{
    (void)self;
}

static const struct mr_source_task_ops task_ops = {
    .size = sizeof(task_ops), .create = create, .prepare = prepare, .start = start, .poll = poll, .commit = commit,
    .commit_record = commit_record, .stop = stop, .destroy = free,
};

/* --- the connector ---- */

static int validate(const struct mr_config *config, struct mr_config_report *report, struct mr_error **error)
{
    (void)error;
    if (mr_config_has_value(config, "markers") && mr_config_integer(config, "markers") > 100)
        return mr_config_report_error(report, "markers", "%d markers are too many",
                                      (int)mr_config_integer(config, "markers"));
    return 0;
}

static int alter_offsets(const struct mr_config *config, const struct mr_offset_changes *changes, bool *handled,
                         struct mr_error **error)
{
    (void)config;
    for (size_t i = 0; i < mr_offset_changes_count(changes); i++)
        if (mr_map_get(mr_offset_changes_partition(changes, i), "p") == NULL)
            return mr_error_set(error, MR_ERR_CONNECT, "a partition of this source is {\"p\": number}");
    *handled = true;
    return 0;
}

static enum mr_support exactly_once_support(const struct mr_config *config)
{
    (void)config;
    return MR_SUPPORTED;
}

static enum mr_support can_define_transaction_boundaries(const struct mr_config *config)
{
    return mr_config_integer(config, "markers") > 0 ? MR_SUPPORTED : MR_UNSUPPORTED;
}

static const struct mr_source_connector_ops connector_ops = {
    .size = sizeof(connector_ops), ONE_CONNECTOR_HEAD("org.acme.ProgressSource", task_ops), .validate = validate,
    .alter_offsets = alter_offsets, .exactly_once_support = exactly_once_support,
    .can_define_transaction_boundaries = can_define_transaction_boundaries,
};
static const struct mr_plugin plugin =
    ONE_PLUGIN(MR_PLUGIN_SOURCE, "org.acme.ProgressSourceConnector", options, connector_ops);
ONE_MODULE("progress_source")
