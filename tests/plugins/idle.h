/* idle.h: tables of every kind that do nothing, for plugins that are looked at and never run. */
#ifndef TEST_PLUGINS_IDLE_H
#define TEST_PLUGINS_IDLE_H

#include <millrace/millrace.h>

static char idle_self;

static inline void idle_void(void *self)
{
    (void)self;
}

static inline int idle_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)self, (void)config, (void)error;
    return 0;
}

static inline void *idle_create(const struct mr_config *config, struct mr_error **error)
{
    (void)config, (void)error;
    return &idle_self;
}

static inline int idle_apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    (void)self, (void)error;
    return mr_emit(emitter, record);
}

static inline int idle_test(void *self, const struct mr_record *record, bool *holds, struct mr_error **error)
{
    (void)self, (void)record, (void)error;
    *holds = false;
    return 0;
}

static inline int idle_from_connect(void *self, const struct mr_converter_place *place, const struct mr_schema *schema,
                                    const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *bytes,
                                    struct mr_error **error)
{
    (void)self, (void)place, (void)schema, (void)value, (void)arena, (void)error;
    *bytes = (struct mr_bytes){ NULL, 0 };
    return 0;
}

static inline int idle_to_connect(void *self, const struct mr_converter_place *place, struct mr_bytes bytes,
                                  struct mr_arena *arena, const struct mr_schema **schema, const struct mr_value **value,
                                  struct mr_error **error)
{
    (void)self, (void)place, (void)bytes, (void)arena, (void)error;
    *schema = NULL;
    *value = mr_null();
    return 0;
}

static inline int idle_get(void *self, const char *path, const char *const *keys, size_t key_count,
                           struct mr_config_data *data, struct mr_error **error)
{
    (void)self, (void)path, (void)keys, (void)key_count, (void)data, (void)error;
    return 0;
}

static inline int idle_check(void *self, const struct mr_override_request *request, struct mr_error **error)
{
    (void)self, (void)request, (void)error;
    return 0;
}

static inline void *idle_rest_create(struct mr_rest_context *context, const struct mr_config *config, struct mr_error **error)
{
    (void)context, (void)config, (void)error;
    return &idle_self;
}

static inline int idle_filter(void *self, const struct mr_rest_request *request, struct mr_rest_answer *answer, struct mr_error **error)
{
    (void)self, (void)request, (void)answer, (void)error;
    return 0;
}

static inline void *idle_connector_create(struct mr_connector_context *context, struct mr_error **error)
{
    (void)context, (void)error;
    return &idle_self;
}

static inline int idle_task_configs(void *self, uint32_t tasks_max, struct mr_task_configs *configs,
                                    struct mr_error **error)
{
    (void)self, (void)tasks_max, (void)configs, (void)error;
    return 0;
}

static inline void *idle_source_create(struct mr_source_context *context, struct mr_error **error)
{
    (void)context, (void)error;
    return &idle_self;
}

static inline int idle_poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    (void)self, (void)batch, (void)error;
    return 0;
}

static inline void *idle_sink_create(struct mr_sink_context *context, struct mr_error **error)
{
    (void)context, (void)error;
    return &idle_self;
}

static inline int idle_put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    (void)self, (void)records, (void)count, (void)error;
    return 0;
}

#define IDLE_TRANSFORM_OPS \
    { .size = sizeof(struct mr_transform_ops), .create = idle_create, .apply = idle_apply, .destroy = idle_void }
#define IDLE_PREDICATE_OPS \
    { .size = sizeof(struct mr_predicate_ops), .create = idle_create, .test = idle_test, .destroy = idle_void }
#define IDLE_CONVERTER_OPS \
    { .size = sizeof(struct mr_converter_ops), .create = idle_create, .from_connect = idle_from_connect, \
      .to_connect = idle_to_connect, .destroy = idle_void }
#define IDLE_CONFIG_PROVIDER_OPS \
    { .size = sizeof(struct mr_config_provider_ops), .create = idle_create, .get = idle_get, .destroy = idle_void }
#define IDLE_OVERRIDE_POLICY_OPS \
    { .size = sizeof(struct mr_override_policy_ops), .create = idle_create, .check = idle_check, .destroy = idle_void }
#define IDLE_REST_EXTENSION_OPS \
    { .size = sizeof(struct mr_rest_extension_ops), .create = idle_rest_create, .destroy = idle_void, .filter = idle_filter }
#define IDLE_SOURCE_TASK_OPS \
    { .size = sizeof(struct mr_source_task_ops), .create = idle_source_create, .start = idle_start, .poll = idle_poll, \
      .stop = idle_void, .destroy = idle_void }
#define IDLE_SINK_TASK_OPS \
    { .size = sizeof(struct mr_sink_task_ops), .create = idle_sink_create, .start = idle_start, .put = idle_put, \
      .stop = idle_void, .destroy = idle_void }
#define IDLE_CONNECTOR_OPS(table, task_name, task_table) \
    { .size = sizeof(struct table), .task_class_name = (task_name), .create = idle_connector_create, \
      .start = idle_start, .task_configs = idle_task_configs, .stop = idle_void, .destroy = idle_void, \
      .task = (task_table) }

#define IDLE_PLUGIN(kind_value, name, table) \
    { .size = sizeof(struct mr_plugin), .kind = (kind_value), .class_name = (name), .version = "1.0", .ops = (table) }

/* The one function a plugin exports, handing over `module`. */
#define IDLE_ENTRY(module) \
    const struct mr_module *mr_module_v1(const struct mr_host *host) \
    { \
        (void)host; \
        return &(module); \
    }

#endif
