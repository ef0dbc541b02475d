/* mock_plugin: what MockSource and MockSink share: their options, and a connector that fails when it is told to. */
#ifndef MOCK_PLUGIN_H
#define MOCK_PLUGIN_H

#include <millrace/millrace.h>

#define MOCK_VERSION "4.3.1"
#define MOCK_SOURCE_CLASS "org.apache.kafka.connect.tools.MockSourceConnector"
#define MOCK_SINK_CLASS "org.apache.kafka.connect.tools.MockSinkConnector"

extern const struct mr_plugin mock_source_plugin;
extern const struct mr_plugin mock_sink_plugin;
extern const struct mr_config_def mock_config_def;
/* Set once by mr_module_v1, before anything is created. */
extern const struct mr_host *mock_host;

/* The connector of both: with mock_mode=connector-failure it fails delay_ms after each start, from a thread of its own. */
void *mock_create(struct mr_connector_context *context, struct mr_error **error);
int mock_start(void *self, const struct mr_config *config, struct mr_error **error);
int mock_task_configs(void *self, uint32_t tasks_max, struct mr_task_configs *configs, struct mr_error **error);
void mock_stop(void *self);
void mock_destroy(void *self);

/* When a task fails. */
struct mock_clock {
    int64_t fails_at_ms; /* monotonic; INT64_MAX: never */
    int64_t delay_ms;
};
void mock_clock_start(struct mock_clock *clock, const struct mr_config *config);
/* 0, and how many ms are left (UINT32_MAX: for ever, or nearly); -1: it is time to fail. */
int mock_clock_check(const struct mock_clock *clock, uint32_t *left_ms, struct mr_error **error);

#endif
