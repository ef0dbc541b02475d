/* The plugins of examples/ do what their pages say: each is driven as a task drives it. */
#include "loader_test.h"

#include <millrace/connector.h>
#include <millrace/converter.h>
#include <millrace/sink_task.h>
#include <millrace/source_task.h>
#include <millrace/transform.h>

#include "base/string_map.h"
#include "sdk/collect.h"
#include "sdk/contexts.h"

/* What stands in for the task around a plugin. */
struct bench {
    struct loader *loader;
    struct mr_error *error;
    uint32_t poll_after_ms;
    int64_t stored_count;   /* the offset a source finds; 0: none */
    struct mr_batch *batch;
    char path[PATH_MAX];
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->loader = load(MR_TEST_PLUGINS "/hello_source.so," MR_TEST_PLUGINS "/hello_sink.so," MR_TEST_PLUGINS
                                         "/hello_transform.so");
    bench->batch = mr_batch_create(1024 * 1024);
    snprintf(bench->path, sizeof(bench->path), "%s/hello-test.XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    *state = bench;
    return mkdtemp(bench->path) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    char command[PATH_MAX + 16];
    mr_batch_drop(bench->batch);
    loader_destroy(bench->loader);
    snprintf(command, sizeof(command), "rm -rf '%s'", bench->path);
    int status = system(command);
    free(bench);
    return status;
}

static const struct loader_plugin *find(struct bench *bench, const char *name)
{
    const struct loader_plugin *plugin = NULL;
    assert_int_equal(0, loader_find_any(bench->loader, name, NULL, &plugin, NULL));
    return plugin;
}

static struct mr_config *configure(const struct loader_plugin *plugin, const char *const *names,
                                   const char *const *texts, size_t count)
{
    struct mr_config *config = mr_config_parse(plugin->config_def, names, texts, count, NULL);
    assert_non_null(config);
    return config;
}

static struct mr_record *append(struct bench *bench, const struct mr_schema *schema, const struct mr_value *value)
{
    struct mr_record *record = mr_batch_append(bench->batch);
    assert_non_null(record);
    assert_int_equal(0, mr_record_set_value(record, schema, value));
    return record;
}

static struct mr_record *append_text(struct bench *bench, const char *text)
{
    return append(bench, mr_schema_primitive(MR_TYPE_STRING, false), mr_string(mr_batch_arena(bench->batch), text));
}

static void assert_text(const char *expected, const struct mr_value *value)
{
    assert_int_equal(MR_KIND_STRING, mr_value_kind(value));
    struct mr_bytes text = mr_value_bytes(value);
    assert_int_equal(strlen(expected), text.size);
    assert_memory_equal(expected, text.data, text.size);
}

static void the_transform_greets_text_and_refuses_the_rest(void **state)
{
    struct bench *bench = *state;
    const struct loader_plugin *plugin = find(bench, "HelloTransform");
    struct mr_config *config =
        configure(plugin, (const char *[]){ "greeting" }, (const char *[]){ "Good morning," }, 1);
    void *self = plugin->transform->create(config, NULL);
    struct mr_emitter emitter = { 0 };
    emitter_init(&emitter);

    struct mr_record *text = append_text(bench, "Ada");
    assert_int_equal(0, plugin->transform->apply(self, text, &emitter, NULL));
    assert_int_equal(1, emitter.count);
    assert_text("Good morning, Ada", mr_record_value(text));

    emitter_clear(&emitter);
    struct mr_record *tombstone = append(bench, NULL, mr_null());
    assert_int_equal(0, plugin->transform->apply(self, tombstone, &emitter, NULL));
    assert_int_equal(1, emitter.count);
    assert_true(mr_value_is_null(mr_record_value(tombstone)));

    emitter_clear(&emitter);
    struct mr_record *number = append(bench, NULL, mr_int64(mr_batch_arena(bench->batch), 7));
    assert_int_equal(-1, plugin->transform->apply(self, number, &emitter, &bench->error));
    assert_int_equal(0, emitter.count);
    assert_int_equal(MR_ERR_DATA, mr_error_code(bench->error));
    mr_error_clear(&bench->error);

    emitter_release(&emitter);
    plugin->transform->destroy(self);
    mr_config_destroy(config);
}

static const struct mr_value *stored_offset(void *owner, const struct mr_value *partition, struct mr_arena *arena,
                                            struct mr_error **error)
{
    struct bench *bench = owner;
    (void)error;
    assert_non_null(mr_map_get(partition, "name"));
    if (bench->stored_count == 0)
        return mr_null();
    struct mr_value *offset = mr_map_create(arena, 1);
    assert_int_equal(0, mr_map_put_text(arena, offset, "count", mr_int64(arena, bench->stored_count)));
    return offset;
}

static void remember_delay(void *owner, uint32_t delay_ms)
{
    ((struct bench *)owner)->poll_after_ms = delay_ms;
}

static const struct source_context_host source_host = { .offset = stored_offset, .poll_after_ms = remember_delay };

static void the_source_goes_on_where_it_stopped_and_waits_without_a_thread(void **state)
{
    struct bench *bench = *state;
    const struct loader_plugin *plugin = find(bench, "HelloSource");
    const struct mr_source_task_ops *ops = plugin->source->task;
    struct mr_source_context context = { .host = &source_host, .owner = bench, .connector = "hello" };
    struct mr_config *config = configure(plugin, (const char *[]){ "topic", "names", "interval.ms" },
                                         (const char *[]){ "greetings", "Ada", "60000" }, 3);
    bench->stored_count = 41;
    void *self = ops->create(&context, NULL);
    assert_int_equal(0, ops->start(self, config, NULL));

    assert_int_equal(0, ops->poll(self, bench->batch, NULL));
    assert_int_equal(1, mr_batch_count(bench->batch));
    const struct mr_record *record = mr_batch_at(bench->batch, 0);
    assert_string_equal("greetings", mr_record_topic(record));
    assert_text("Ada", mr_record_key(record));
    assert_text("Hello Ada, for the 42. time", mr_record_value(record));
    assert_int_equal(42, mr_value_integer(mr_map_get(mr_record_source_offset(record), "count")));

    assert_int_equal(0, ops->poll(self, bench->batch, NULL));
    assert_int_equal(1, mr_batch_count(bench->batch));
    assert_in_range(bench->poll_after_ms, 1, 60000);

    ops->stop(self);
    ops->destroy(self);
    mr_config_destroy(config);
}

static void the_source_spreads_names_over_tasks(void **state)
{
    struct bench *bench = *state;
    const struct loader_plugin *plugin = find(bench, "HelloSource");
    struct mr_connector_context context = { .name = "hello" };
    struct mr_config *config = configure(plugin, (const char *[]){ "topic", "names" },
                                         (const char *[]){ "greetings", "Ada,Grace,Joan" }, 2);
    struct mr_task_configs *configs = task_configs_create();
    void *self = plugin->source->create(&context, NULL);
    assert_int_equal(0, plugin->source->start(self, config, NULL));
    assert_int_equal(0, plugin->source->task_configs(self, 2, configs, NULL));
    assert_int_equal(2, task_configs_count(configs));
    assert_string_equal("Ada,Joan", string_map_get(task_configs_at(configs, 0), "names"));
    assert_string_equal("Grace", string_map_get(task_configs_at(configs, 1), "names"));
    assert_string_equal("greetings", string_map_get(task_configs_at(configs, 1), "topic"));
    plugin->source->stop(self);
    plugin->source->destroy(self);
    task_configs_destroy(configs);
    mr_config_destroy(config);
}

static void assert_file(const char *path, const char *expected)
{
    char content[256] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(expected, content);
}

static void the_sink_has_its_lines_on_disk_after_a_flush(void **state)
{
    struct bench *bench = *state;
    char path[PATH_MAX + 16];
    const struct loader_plugin *plugin = find(bench, "HelloSink");
    const struct mr_sink_task_ops *ops = plugin->sink->task;
    struct mr_sink_context context = { .connector = "hello", .task = 3 };
    snprintf(path, sizeof(path), "%s/out", bench->path);
    struct mr_config *config = configure(plugin, (const char *[]){ "path" }, (const char *[]){ path }, 1);
    void *self = ops->create(&context, NULL);
    assert_int_equal(0, ops->start(self, config, NULL));
    struct mr_record *records[] = { append_text(bench, "Hello Ada"),
                                    append(bench, NULL, mr_int64(mr_batch_arena(bench->batch), 7)) };
    assert_int_equal(0, ops->put(self, records, 2, NULL));
    assert_int_equal(0, ops->flush(self, NULL, NULL));
    strcat(path, ".3");
    assert_file(path, "Hello Ada\n7\n");
    ops->stop(self);
    ops->destroy(self);
    mr_config_destroy(config);
}

static void a_sink_that_cannot_start_can_be_stopped(void **state)
{
    struct bench *bench = *state;
    const struct loader_plugin *plugin = find(bench, "HelloSink");
    const struct mr_sink_task_ops *ops = plugin->sink->task;
    struct mr_sink_context context = { .connector = "hello" };
    struct mr_config *config =
        configure(plugin, (const char *[]){ "path" }, (const char *[]){ "/nowhere/at/all" }, 1);
    void *self = ops->create(&context, NULL);
    assert_int_equal(-1, ops->start(self, config, &bench->error));
    assert_string_equal("cannot open /nowhere/at/all.0: No such file or directory", mr_error_message(bench->error));
    mr_error_clear(&bench->error);
    ops->stop(self);
    ops->destroy(self);
    mr_config_destroy(config);
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(the_transform_greets_text_and_refuses_the_rest),
        test(the_source_goes_on_where_it_stopped_and_waits_without_a_thread),
        test(the_source_spreads_names_over_tasks),
        test(the_sink_has_its_lines_on_disk_after_a_flush),
        test(a_sink_that_cannot_start_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
