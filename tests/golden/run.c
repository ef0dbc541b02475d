#include "run.h"

#include <millrace/converter.h>
#include <millrace/predicate.h>
#include <millrace/transform.h>
#include <string.h>

#include "dry_run/decode.h"
#include "dry_run/encode.h"
#include "loader/loader.h"
#include "sdk/collect.h"
#include "sdk/config_host.h"
#include "base/string_map.h"
#include "base/bans.h"

#define ARENA_BYTES ((size_t)64 << 20)

/* One case and what it needs. */
struct run {
    const struct loader *loader;
    const json_t *test_case;
    const char *class_name;
    struct string_map *properties;
    struct mr_config *config;
    struct mr_batch *batch; /* all memory of the case */
    struct mr_arena *arena;
};

json_t *run_broken(struct mr_error *error)
{
    json_t *outcome = json_pack("{ss}", "broken", error == NULL ? "no reason given" : mr_error_message(error));
    mr_error_drop(error);
    return outcome;
}

json_t *run_error(const char *stage, struct mr_error *error)
{
    json_t *content = json_pack("{ssss*ss}", "kind", stage == NULL ? "data" : "config", "stage", stage, "message",
                                error == NULL ? "no reason given" : mr_error_message(error));
    mr_error_drop(error);
    return json_pack("{so}", "error", content);
}

json_t *run_records(struct mr_record *const *records, size_t count)
{
    if (count == 0)
        return json_pack("{sb}", "dropped", 1);
    if (count == 1)
        return json_pack("{so}", "record", encode_record(records[0]));
    return json_pack("{ss}", "broken", "more than one record came out");
}

/* Adds {"option": [message, …]} of all mistakes in the properties, as the REST validation finds them. */
static void mistakes_add(const struct run *run, const struct mr_config_def *def, json_t *outcome)
{
    const struct config_source source = {.mood = CONFIG_VALIDATE, .defs = &def, .def_count = 1, .map = run->properties};
    struct mr_config_report *report = config_report_create();
    struct mr_config *config = NULL;
    json_t *mistakes = json_object();
    if (report != NULL && config_parse(&source, &config, report, NULL) == 0) {
        for (size_t i = 0; i < config_report_count(report); i++) {
            const char *option = config_report_option(report, i);
            json_t *messages = json_object_get(mistakes, option == NULL ? "" : option);
            if (messages == NULL) {
                messages = json_array();
                json_object_set_new(mistakes, option == NULL ? "" : option, messages);
            }
            json_array_append_new(messages, json_string(config_report_message(report, i)));
        }
    }
    mr_config_destroy(config);
    config_report_destroy(report);
    json_object_set_new(json_object_get(outcome, "error"), "mistakes", mistakes);
}

/* NULL and an outcome: the plugin does not exist, or the configuration is refused. */
static const struct loader_plugin *plugin_find(struct run *run, enum mr_plugin_kind kind, json_t **outcome)
{
    struct mr_error *error = NULL;
    const struct loader_plugin *plugin = NULL;
    if (loader_find(run->loader, kind, run->class_name, NULL, &plugin, &error) != 0) {
        *outcome = run_broken(error);
        return NULL;
    }
    run->config = config_create(plugin->config_def, run->properties, &error);
    if (run->config == NULL) {
        *outcome = run_error("validate", error);
        mistakes_add(run, plugin->config_def, *outcome);
        return NULL;
    }
    return plugin;
}

/* Transforms and predicates --------------------------------------------------------------------------------- */

static json_t *transform_apply(const struct mr_transform_ops *ops, void *self, struct mr_record *record)
{
    struct mr_error *error = NULL;
    struct mr_emitter emitter;
    emitter_init(&emitter);
    bool worked = ops->apply(self, record, &emitter, &error) == 0 && emitter_check(&emitter, &error) == 0;
    json_t *outcome = worked ? run_records(emitter.records, emitter.count) : run_error(NULL, error);
    emitter_release(&emitter);
    return outcome;
}

static json_t *transform_run(struct run *run)
{
    struct mr_error *error = NULL;
    json_t *outcome = NULL;
    const struct loader_plugin *plugin = plugin_find(run, MR_PLUGIN_TRANSFORM, &outcome);
    if (plugin == NULL)
        return outcome;
    void *self = plugin->transform->create(run->config, &error);
    if (self == NULL)
        return run_error("configure", error);
    struct mr_record *record = decode_record(run->batch, json_object_get(run->test_case, "input"), &error);
    outcome = record == NULL ? run_broken(error) : transform_apply(plugin->transform, self, record);
    plugin->transform->destroy(self);
    return outcome;
}

static json_t *predicate_run(struct run *run)
{
    struct mr_error *error = NULL;
    json_t *outcome = NULL;
    const struct loader_plugin *plugin = plugin_find(run, MR_PLUGIN_PREDICATE, &outcome);
    if (plugin == NULL)
        return outcome;
    void *self = plugin->predicate->create(run->config, &error);
    if (self == NULL)
        return run_error("configure", error);
    bool holds = false;
    struct mr_record *record = decode_record(run->batch, json_object_get(run->test_case, "input"), &error);
    if (record == NULL)
        outcome = run_broken(error);
    else if (plugin->predicate->test(self, record, &holds, &error) == 0)
        outcome = json_pack("{sb}", "result", (int)holds);
    else
        outcome = run_error(NULL, error);
    plugin->predicate->destroy(self);
    return outcome;
}

static json_t *chain_run(struct run *run)
{
    struct mr_error *error = NULL;
    struct mr_record *record = decode_record(run->batch, json_object_get(run->test_case, "input"), &error);
    return record == NULL ? run_broken(error) : run_chain(run->loader, run->properties, record);
}

/* Converters ------------------------------------------------------------------------------------------------ */

static json_t *from_connect(struct run *run, const struct mr_converter_ops *ops, void *self,
                            const struct mr_converter_place *place)
{
    const json_t *input = json_object_get(run->test_case, "input");
    struct mr_error *error = NULL;
    const struct mr_schema *schema;
    struct mr_bytes bytes;
    if (decode_schema(run->arena, json_object_get(input, "schema"), &schema, &error) != 0)
        return run_broken(error);
    const struct mr_value *value = decode_value(run->arena, json_object_get(input, "value"), schema, &error);
    if (value == NULL)
        return run_broken(error);
    if (ops->from_connect(self, place, schema, value, run->arena, &bytes, &error) != 0)
        return run_error(NULL, error);
    return json_pack("{so}", "bytes", encode_bytes(bytes));
}

static json_t *to_connect(struct run *run, const struct mr_converter_ops *ops, void *self,
                          const struct mr_converter_place *place)
{
    const json_t *input = json_object_get(run->test_case, "input");
    struct mr_error *error = NULL;
    const struct mr_schema *schema = NULL;
    const struct mr_value *value = NULL;
    struct mr_bytes bytes;
    if (decode_bytes(run->arena, json_object_get(input, "bytes"), &bytes, &error) != 0)
        return run_broken(error);
    if (ops->to_connect(self, place, bytes, run->arena, &schema, &value, &error) != 0)
        return run_error(NULL, error);
    /* A worker need not ask about nulls: what it does instead must come to the same. */
    if (bytes.data == NULL && ops->null_schema != NULL && (ops->null_schema(self) != schema || !mr_value_is_null(value)))
        return json_pack("{ss}", "differs", "null_schema and to_connect");
    return json_pack("{soso}", "schema", encode_schema(schema), "value", encode_value(value, schema));
}

static json_t *converter_run(struct run *run, bool is_header)
{
    struct mr_error *error = NULL;
    json_t *outcome = NULL;
    const json_t *test_case = run->test_case;
    const char *type = is_header ? "header" : json_is_true(json_object_get(test_case, "isKey")) ? "key" : "value";
    if (!string_map_put(run->properties, "converter.type", type))
        return run_broken(NULL);
    const struct loader_plugin *plugin =
        plugin_find(run, is_header ? MR_PLUGIN_HEADER_CONVERTER : MR_PLUGIN_CONVERTER, &outcome);
    if (plugin == NULL)
        return outcome;
    void *self = plugin->converter->create(run->config, &error);
    if (self == NULL)
        return run_error("configure", error);
    struct mr_converter_place place = {.size = sizeof(place), .topic = "golden", .header_key = is_header ? "h" : NULL};
    bool is_from = strcmp(json_string_value(json_object_get(test_case, "op")), "fromConnect") == 0;
    outcome =
        is_from ? from_connect(run, plugin->converter, self, &place) : to_connect(run, plugin->converter, self, &place);
    plugin->converter->destroy(self);
    return outcome;
}

/* --------------------------------------------------------------------------------------------------------- */

static json_t *suite_run(struct run *run)
{
    const char *suite = json_string_value(json_object_get(run->test_case, "suite"));
    if (strcmp(run->class_name, "chain") == 0)
        return chain_run(run);
    if (strcmp(suite, "transforms") == 0)
        return transform_run(run);
    if (strcmp(suite, "predicates") == 0)
        return predicate_run(run);
    return converter_run(run, strcmp(suite, "header-converters") == 0);
}

static struct string_map *properties_of(const json_t *config)
{
    struct string_map *properties = string_map_create();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)config, name, value) string_map_put(properties, name, json_string_value(value));
    return properties;
}

json_t *run_case(const struct loader *loader, const json_t *test_case)
{
    struct run run = {.loader = loader,
                      .test_case = test_case,
                      .class_name = json_string_value(json_object_get(test_case, "class")),
                      .properties = properties_of(json_object_get(test_case, "config")),
                      .batch = mr_batch_create(ARENA_BYTES)};
    json_t *outcome = NULL;
    if (run.properties != NULL && run.batch != NULL) {
        run.arena = mr_batch_arena(run.batch);
        outcome = suite_run(&run);
    }
    mr_config_destroy(run.config);
    string_map_destroy(run.properties);
    mr_batch_drop(run.batch);
    return outcome == NULL ? run_broken(NULL) : outcome;
}

/* A name of another package stands in a case because it shall not be found; "chain" is none. */
static bool is_there(const struct loader *loader, const char *class_name)
{
    static const char connect[] = "org.apache.kafka.connect.";
    const struct loader_plugin *plugin;
    struct mr_error *error = NULL;
    bool is_of_connect = strchr(class_name, '.') == NULL || strncmp(class_name, connect, sizeof(connect) - 1) == 0;
    if (!is_of_connect || strcmp(class_name, "chain") == 0 ||
        loader_find_any(loader, class_name, NULL, &plugin, &error) == 0)
        return true;
    mr_error_drop(error);
    return false;
}

bool run_is_possible(const struct loader *loader, const json_t *test_case)
{
    const char *name;
    json_t *value;
    if (!is_there(loader, json_string_value(json_object_get(test_case, "class"))))
        return false;
    json_object_foreach(json_object_get(test_case, "config"), name, value)
    {
        size_t size = strlen(name);
        if (size > 5 && strcmp(name + size - 5, ".type") == 0 && !is_there(loader, json_string_value(value)))
            return false;
    }
    return true;
}
