/*
 * versioned.h: one class of each kind; the file that includes it says which version of them. Each has an option
 * `only.in.VERSION`. The sink has one task; the transform adds a header "transform" with its version; the predicate holds
 * where `wanted` is its version; the converter writes "VERSION:" before text and reads any bytes as text behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "idle.h"

static const struct mr_config_row rows[] = {
    { .name = "only.in." VERSION, .type = MR_CONFIG_INT, .default_text = "3", .importance = MR_LOW, .doc = "" },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);
static const struct mr_config_row predicate_rows[] = {
    { .name = "only.in." VERSION, .type = MR_CONFIG_INT, .default_text = "3", .importance = MR_LOW, .doc = "" },
    { .name = "wanted", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_LOW, .doc = "" },
};
static const struct mr_config_def predicate_options = MR_CONFIG_DEF(predicate_rows);

static int tag(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    (void)self;
    struct mr_arena *arena = mr_record_arena(record);
    const struct mr_value *version = mr_string(arena, VERSION);
    if (version == NULL ||
        mr_record_add_header(record, "transform", mr_schema_primitive(MR_TYPE_STRING, false), version) < 0)
        return mr_arena_failed(arena, error);
    return mr_emit(emitter, record);
}

static void *predicate_create(const struct mr_config *config, struct mr_error **error)
{
    bool *holds = malloc(sizeof(*holds));
    if (holds == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory");
    else
        *holds = strcmp(mr_config_string(config, "wanted"), VERSION) == 0;
    return holds;
}

static int predicate_test(void *self, const struct mr_record *record, bool *holds, struct mr_error **error)
{
    (void)record, (void)error;
    *holds = *(const bool *)self;
    return 0;
}

/* "VERSION:" and the bytes. NULL: no memory in the arena. */
static char *mark(struct mr_arena *arena, struct mr_bytes bytes, size_t *size)
{
    static const char before[] = VERSION ":";
    *size = sizeof(before) - 1 + bytes.size;
    char *text = mr_arena_alloc(arena, *size);
    if (text == NULL)
        return NULL;
    memcpy(text, before, sizeof(before) - 1);
    if (bytes.size > 0)
        memcpy(text + sizeof(before) - 1, bytes.data, bytes.size);
    return text;
}

static int from_connect(void *self, const struct mr_converter_place *place, const struct mr_schema *schema,
                        const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *bytes,
                        struct mr_error **error)
{
    (void)self, (void)place, (void)schema;
    *bytes = (struct mr_bytes){ NULL, 0 };
    if (mr_value_is_null(value))
        return 0;
    if (mr_value_kind(value) != MR_KIND_STRING)
        return mr_error_set(error, MR_ERR_DATA, "text only");
    size_t size;
    bytes->data = mark(arena, mr_value_bytes(value), &size);
    bytes->size = size;
    return bytes->data != NULL ? 0 : mr_arena_failed(arena, error);
}

static int to_connect(void *self, const struct mr_converter_place *place, struct mr_bytes bytes, struct mr_arena *arena,
                      const struct mr_schema **schema, const struct mr_value **value, struct mr_error **error)
{
    (void)self, (void)place;
    size_t size;
    const char *text = mark(arena, bytes, &size);
    *schema = mr_schema_primitive(MR_TYPE_STRING, true);
    *value = text == NULL ? NULL : mr_string_ref(arena, text, size);
    return *value != NULL ? 0 : mr_arena_failed(arena, error);
}

static int one_task(void *self, uint32_t tasks_max, struct mr_task_configs *configs, struct mr_error **error)
{
    (void)self, (void)tasks_max;
    return mr_task_configs_add(configs) == 0 ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory");
}

static const struct mr_sink_task_ops task = IDLE_SINK_TASK_OPS;
static const struct mr_sink_connector_ops sink_ops = {
    .size = sizeof(sink_ops), .task_class_name = "org.acme.VersionedSinkTask", .create = idle_connector_create,
    .start = idle_start, .task_configs = one_task, .stop = idle_void, .destroy = idle_void, .task = &task
};
static const struct mr_transform_ops transform_ops = { .size = sizeof(transform_ops), .create = idle_create, .apply = tag,
                                                       .destroy = idle_void };
static const struct mr_predicate_ops predicate_ops = { .size = sizeof(predicate_ops), .create = predicate_create,
                                                       .test = predicate_test, .destroy = free };
static const struct mr_converter_ops converter_ops = { .size = sizeof(converter_ops), .create = idle_create,
                                                       .from_connect = from_connect, .to_connect = to_connect,
                                                       .destroy = idle_void };

#define VERSIONED(name_, kind_, class_, options_, ops_)                                                                 \
    static const struct mr_plugin name_ = { .size = sizeof(name_), .kind = (kind_), .class_name = "org.acme." class_,  \
                                            .version = VERSION, .config_def = (options_), .ops = (ops_) }
VERSIONED(sink, MR_PLUGIN_SINK, "VersionedSinkConnector", &options, &sink_ops);
VERSIONED(transform, MR_PLUGIN_TRANSFORM, "VersionedTransform", &options, &transform_ops);
VERSIONED(predicate, MR_PLUGIN_PREDICATE, "VersionedPredicate", &predicate_options, &predicate_ops);
VERSIONED(converter, MR_PLUGIN_CONVERTER, "VersionedConverter", &options, &converter_ops);
VERSIONED(header_converter, MR_PLUGIN_HEADER_CONVERTER, "VersionedConverter", &options, &converter_ops);

static const struct mr_plugin *const plugins[] = { &sink, &transform, &predicate, &converter, &header_converter };
static const struct mr_module module = MR_MODULE("versioned", plugins);

IDLE_ENTRY(module)
