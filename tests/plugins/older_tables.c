/* Tables that end earlier than the worker's: what lies behind them is not theirs. */
#include "idle.h"

static const struct {
    uint32_t size, flags;
    void *(*create)(struct mr_source_context *context, struct mr_error **error);
    int (*prepare)(void *self, const struct mr_config *config, struct mr_error **error);
    int (*start)(void *self, const struct mr_config *config, struct mr_error **error);
    int (*poll)(void *self, struct mr_batch *batch, struct mr_error **error);
    void *commit, *commit_record, *request_stop;
    void (*stop)(void *self);
    void (*destroy)(void *self);
} task = { .size = sizeof(task), .create = idle_source_create, .start = idle_start, .poll = idle_poll,
           .stop = idle_void, .destroy = idle_void };

/* Ends after `task`: exactly_once_support and can_define_transaction_boundaries are absent, and poison follows. */
#define TABLE_END offsetof(struct mr_source_connector_ops, exactly_once_support)
static const union {
    struct mr_source_connector_ops ops;
    void *words[sizeof(struct mr_source_connector_ops) / sizeof(void *)];
} table = { .ops = { .size = TABLE_END, .task_class_name = "org.acme.OldTask", .create = idle_connector_create,
                     .start = idle_start, .task_configs = idle_task_configs, .stop = idle_void, .destroy = idle_void,
                     .task = (const struct mr_source_task_ops *)&task,
                     .exactly_once_support = (enum mr_support (*)(const struct mr_config *))0x1,
                     .can_define_transaction_boundaries = (enum mr_support (*)(const struct mr_config *))0x1 } };

static const struct mr_plugin plugin = IDLE_PLUGIN(MR_PLUGIN_SOURCE, "org.acme.OldSourceConnector", &table);
static const struct mr_plugin *const plugins[] = { &plugin };
static const struct mr_module module = MR_MODULE("older_tables", plugins);

IDLE_ENTRY(module)
