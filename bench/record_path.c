#include "record_path.h"

#include <millrace/connector.h>
#include <millrace/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fake_clock.h"
#include "base/lease.h"
#include "base/log.h"
#include "base/string_map.h"
#include "config/plugin_options.h"
#include "errors/tolerance.h"
#include "kafka/client_config.h"
#include "loader/host.h"
#include "loader/loader.h"
#include "metrics/registry.h"
#include "metrics/task_metrics.h"
#include "metrics/unit_metrics.h"
#include "pipeline/sink_pipeline.h"
#include "pipeline/source_pipeline.h"
#include "record_path_kafka.h"
#include "store/memory_offset_store.h"
#include "store/offset_store.h"
#include "task/sink_task.h"
#include "task/source_task.h"
#include "task/task_listener.h"

#define CONNECTOR "files"
#define STRING "org.apache.kafka.connect.storage.StringConverter"
#define JSON "org.apache.kafka.connect.json.JsonConverter"
#define TRANSFORM "org.apache.kafka.connect.transforms."
#define BUFFER_BYTES (32u << 20)
#define BATCH_RECORDS 2000
#define FLUSH_INTERVAL_MS 60000
#define FLUSH_TIMEOUT_MS 5000
#define STEP_MS 1           /* what passes in each step, about as in a worker */
#define IDLE_STEPS_MAX 1000 /* without a record: it stands still */
#define START_MS 1700000000000
#define VALUE_MAX (64u << 10)

#define JSON_BEGIN \
    "{\"schema\":{\"type\":\"struct\",\"optional\":false,\"fields\":[{\"type\":\"string\",\"optional\":false,\"field\":\"line\"}," \
    "{\"type\":\"int64\",\"optional\":true,\"name\":\"org.apache.kafka.connect.data.Timestamp\",\"version\":1,\"field\":\"at\"}]}," \
    "\"payload\":{\"line\":\""
#define JSON_END "\",\"at\":1700000000123}}"

/* Pairs of name and value, NULL at the end. */
static const char *const plain[] = {"value.converter", STRING, NULL};
static const char *const json_source[] = {"value.converter", JSON,
                                          "transforms", "hoist,insert",
                                          "transforms.hoist.type", TRANSFORM "HoistField$Value",
                                          "transforms.hoist.field", "line",
                                          "transforms.insert.type", TRANSFORM "InsertField$Value",
                                          "transforms.insert.timestamp.field", "at", NULL};
static const char *const json_sink[] = {"value.converter", JSON,
                                        "transforms", "insert,extract",
                                        "transforms.insert.type", TRANSFORM "InsertField$Value",
                                        "transforms.insert.offset.field", "offset",
                                        "transforms.extract.type", TRANSFORM "ExtractField$Value",
                                        "transforms.extract.field", "line", NULL};

static const struct kind {
    const char *name;
    bool is_source, has_json;
    const char *const *properties;
} kinds[RECORD_PATH_COUNT] = {{"source", true, false, plain},
                              {"sink", false, false, plain},
                              {"json-source", true, true, json_source},
                              {"json-sink", false, true, json_sink}};

const char *const record_path_names[RECORD_PATH_COUNT] = {"source", "sink", "json-source", "json-sink"};

struct record_path {
    const struct kind *kind;
    char file[64];
    struct fake_clock clock;
    struct lease lease;
    struct loader *loader;
    struct metrics_registry *registry;
    struct unit_metrics *metrics;
    struct offset_store *offsets;
    struct client_config *client;
    struct string_map *properties;
    struct task *task;
    char *values; /* of a sink's input */
    _Atomic uint32_t topics_epoch;
    bool is_awake;
    enum task_state state;
};

static void give_up(const char *what, const struct mr_error *error)
{
    fprintf(stderr, "record_path: %s: %s\n", what, error != NULL ? mr_error_message(error) : "failed");
    exit(1);
}

static void *need(void *made, const char *what, const struct mr_error *error)
{
    if (made == NULL)
        give_up(what, error);
    return made;
}

/* What the task tells ------------------------------------------------------------------------------------------------------ */

static void on_state(void *argument, enum task_state state, const char *trace)
{
    struct record_path *path = argument;

    path->state = state;
    if (state == TASK_FAILED)
        fprintf(stderr, "record_path: %s\n", trace);
}

static void on_failure(void *argument, const struct failure *failure)
{
    (void)argument, (void)failure;
}

static void on_topic(void *argument, const char *topic)
{
    (void)argument, (void)topic;
}

static const struct task_listener listener = {.on_failure = on_failure, .on_state = on_state, .on_topic = on_topic};

static void wake(void *argument)
{
    struct record_path *path = argument;

    path->is_awake = true;
}

static void ignore_reference(void *argument)
{
    (void)argument;
}

/* Input --------------------------------------------------------------------------------------------------------------------- */

static void print_line(char *line, size_t bytes, size_t number)
{
    memset(line, 'a', bytes);
    for (size_t at = 10; at-- > 0 && bytes >= 10; number /= 10)
        line[at] = (char)('0' + number % 10);
}

static void write_input(struct record_path *path, const struct record_path_setup *setup)
{
    char line[VALUE_MAX];
    FILE *file;
    int fd;

    snprintf(path->file, sizeof(path->file), "/tmp/record-path.XXXXXX");
    fd = mkstemp(path->file);
    file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file == NULL)
        give_up(path->file, NULL);
    for (size_t i = 0; path->kind->is_source && i < setup->records_max; i++) {
        print_line(line, setup->line_bytes, i);
        line[setup->line_bytes] = '\n';
        fwrite(line, 1, setup->line_bytes + 1, file);
    }
    if (fclose(file) != 0)
        give_up(path->file, NULL);
}

static void make_values(struct record_path *path, const struct record_path_setup *setup)
{
    static struct mr_bytes values[KAFKA_BATCH_RECORDS];
    const char *begin = path->kind->has_json ? JSON_BEGIN : "", *end = path->kind->has_json ? JSON_END : "";
    size_t size = strlen(begin) + setup->line_bytes + strlen(end);

    path->values = need(malloc(KAFKA_BATCH_RECORDS * size), "memory", NULL);
    for (size_t i = 0; i < KAFKA_BATCH_RECORDS; i++) {
        char *value = path->values + i * size;

        memcpy(value, begin, strlen(begin));
        print_line(value + strlen(begin), setup->line_bytes, i);
        memcpy(value + strlen(begin) + setup->line_bytes, end, strlen(end));
        values[i] = (struct mr_bytes){.data = (const unsigned char *)value, .size = size};
    }
    kafka_set_input(values);
}

/* The task ------------------------------------------------------------------------------------------------------------------ */

static void put(struct record_path *path, const char *name, const char *value)
{
    if (!string_map_put(path->properties, name, value))
        give_up("memory", NULL);
}

static void make_properties(struct record_path *path)
{
    path->properties = need(string_map_create(), "memory", NULL);
    put(path, "file", path->file);
    put(path, path->kind->is_source ? "topic" : "topics", "lines");
    put(path, "key.converter", STRING);
    for (const char *const *pair = path->kind->properties; *pair != NULL; pair += 2)
        put(path, pair[0], pair[1]);
}

static void make_client(struct record_path *path)
{
    struct mr_error *error = NULL;
    struct string_map *map = need(string_map_create(), "memory", NULL);
    bool is_source = path->kind->is_source;

    if (!string_map_put(map, "bootstrap.servers", "127.0.0.1:1") || !string_map_put(map, "client.id", CONNECTOR) ||
        (!is_source && !string_map_put(map, "group.id", "connect-" CONNECTOR)))
        give_up("memory", NULL);
    path->client = need(client_config_create(is_source ? CLIENT_PRODUCER : CLIENT_CONSUMER, map, NULL, &error), "client", error);
    string_map_destroy(map);
}

static struct task_common_setup common_of(struct record_path *path, const struct loader_plugin *plugin)
{
    return (struct task_common_setup){.connector = CONNECTOR,
                                      .plugin = &plugin->name,
                                      .lease = &path->lease,
                                      .clock = &path->clock.clock,
                                      .listener = &listener,
                                      .listener_argument = path,
                                      .wake = wake,
                                      .wake_take = ignore_reference,
                                      .wake_drop = ignore_reference,
                                      .wake_argument = path,
                                      .offset_flush_interval_ms = FLUSH_INTERVAL_MS,
                                      .offset_flush_timeout_ms = FLUSH_TIMEOUT_MS,
                                      .buffer_bytes_max = BUFFER_BYTES,
                                      .topics_epoch = &path->topics_epoch,
                                      .metrics = path->metrics};
}

static struct task *make_source(struct record_path *path, const struct loader_plugin *plugin, struct mr_config *config,
                                struct tolerance *tolerance, struct mr_error **error)
{
    struct source_pipeline_setup pipeline = {.loader = path->loader, .connector = path->properties, .tolerance = tolerance};
    struct source_task_setup setup = {.common = common_of(path, plugin),
                                      .plugin = plugin->source->task,
                                      .config = config,
                                      .pipeline = source_pipeline_create(&pipeline, error),
                                      .tolerance = tolerance,
                                      .offsets = path->offsets,
                                      .producer_config = path->client,
                                      .batch_records_max = BATCH_RECORDS};

    return setup.pipeline == NULL ? NULL : source_task_create(&setup, error);
}

static struct task *make_sink(struct record_path *path, const struct loader_plugin *plugin, struct mr_config *config,
                              struct tolerance *tolerance, struct mr_error **error)
{
    static const char *const topics[] = {"lines"};
    struct sink_pipeline_setup pipeline = {.loader = path->loader, .connector = path->properties, .tolerance = tolerance};
    struct sink_task_setup setup = {.common = common_of(path, plugin),
                                    .plugin = plugin->sink->task,
                                    .config = config,
                                    .pipeline = sink_pipeline_create(&pipeline, error),
                                    .tolerance = tolerance,
                                    .consumer_config = path->client,
                                    .topics = topics,
                                    .topic_count = 1};

    return setup.pipeline == NULL ? NULL : sink_task_create(&setup, error);
}

static void make_task(struct record_path *path)
{
    static const struct error_settings settings = ERROR_SETTINGS_DEFAULT;
    const char *class_name = path->kind->is_source ? "FileStreamSource" : "FileStreamSink";
    const struct loader_plugin *plugin = NULL;
    struct mr_error *error = NULL;
    struct mr_config *config;
    struct tolerance *tolerance;

    if (loader_find_connector(path->loader, class_name, NULL, &plugin, &error) != 0)
        give_up(class_name, error);
    config = need(plugin_options_read(plugin, path->properties, NULL, NULL, &error), class_name, error);
    tolerance = need(tolerance_create(&(struct tolerance_setup){.connector = CONNECTOR,
                                                                .settings = &settings,
                                                                .clock = &path->clock.clock,
                                                                .counters = &unit_metrics_cells(path->metrics)->errors,
                                                                .wake = wake,
                                                                .wake_argument = path},
                                      &error),
                     "errors", error);
    path->task = (path->kind->is_source ? make_source : make_sink)(path, plugin, config, tolerance, &error);
    need(path->task, class_name, error);
}

struct record_path *record_path_open(const struct record_path_setup *setup)
{
    struct record_path *path = need(calloc(1, sizeof(*path)), "memory", NULL);
    struct mr_error *error = NULL;

    for (size_t i = 0; i < RECORD_PATH_COUNT; i++)
        if (strcmp(kinds[i].name, setup->name) == 0)
            path->kind = &kinds[i];
    if (path->kind == NULL || setup->line_bytes >= VALUE_MAX)
        give_up(setup->name, NULL);
    log_level_set("root", LOG_LEVEL_WARN, 0, NULL);
    fake_clock_init(&path->clock, START_MS);
    lease_set(&path->lease, LEASE_FOR_EVER);
    write_input(path, setup);
    if (!path->kind->is_source)
        make_values(path, setup);
    path->loader = need(loader_create(&(struct loader_setup){.with_shipped = true, .host = loader_host()}, &error), "plugins", error);
    path->registry = need(metrics_registry_create(&(struct metrics_registry_setup){.clock = &path->clock.clock, .version = "0", .librdkafka_version = "0"}), "metrics", NULL);
    path->metrics = need(metrics_registry_make_task(path->registry, CONNECTOR, 0), "metrics", NULL);
    path->offsets = need(memory_offset_store_create(&error), "offsets", error);
    make_properties(path);
    make_client(path);
    make_task(path);
    task_request_start(path->task);
    return path;
}

/* Moving --------------------------------------------------------------------------------------------------------------------- */

static size_t moved(const struct record_path *path)
{
    return path->kind->is_source ? kafka_acknowledged() : kafka_read();
}

/* One step; then Kafka answers. */
static enum task_step step(struct record_path *path)
{
    int64_t wake_at_ms = INT64_MAX, now_ms = clock_monotonic_ms(&path->clock.clock);
    enum task_step result;

    path->is_awake = false;
    result = task_step(path->task, &wake_at_ms);
    if (kafka_acknowledge() || path->is_awake || result == TASK_STEP_AGAIN || wake_at_ms == INT64_MAX || wake_at_ms <= now_ms)
        fake_clock_advance_ms(&path->clock, STEP_MS);
    else
        fake_clock_advance_ms(&path->clock, wake_at_ms - now_ms);
    return result;
}

size_t record_path_move(struct record_path *path, size_t count)
{
    size_t before = moved(path), last = before;

    for (int idle = 0; moved(path) - before < count; idle = moved(path) == last ? idle + 1 : 0) {
        last = moved(path);
        if (step(path) == TASK_STEP_ENDED || idle > IDLE_STEPS_MAX)
            give_up("the task stands still", NULL);
    }
    return moved(path) - before;
}

void record_path_sample(struct record_path *path, char *text, size_t size)
{
    FILE *file;

    if (path->kind->is_source) {
        kafka_first_value(text, size);
        return;
    }
    file = need(fopen(path->file, "r"), path->file, NULL);
    if (fgets(text, (int)size, file) == NULL)
        text[0] = '\0';
    fclose(file);
}

void record_path_close(struct record_path *path)
{
    record_path_break(RECORD_PATH_NO_FAULT);
    task_request_stop(path->task, TASK_DEPARTURE_LEAVE, clock_monotonic_ms(&path->clock.clock) + FLUSH_TIMEOUT_MS);
    for (int i = 0; step(path) != TASK_STEP_ENDED; i++)
        if (i > IDLE_STEPS_MAX)
            give_up("the task does not end", NULL);
    if (path->state == TASK_FAILED)
        give_up("the task failed", NULL);
    task_destroy(path->task);
    offset_store_destroy(path->offsets);
    unit_metrics_drop(path->metrics);
    metrics_registry_destroy(path->registry);
    client_config_drop(path->client);
    string_map_destroy(path->properties);
    loader_destroy(path->loader);
    unlink(path->file);
    free(path->values);
    free(path);
}
