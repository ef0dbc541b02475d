/*
 * hello_rest: a REST extension. It freezes changes while a file is there, and tells at /hello what is not well.
 *
 *     rest.extension.classes=HelloRestExtension
 *     hello.freeze.file=/etc/millrace/freeze
 *
 *     $ touch /etc/millrace/freeze
 *     $ curl -X DELETE localhost:8083/connectors/orders
 *     {"error_code":403,"message":"Changes are frozen"}
 *     $ curl localhost:8083/hello
 *     {"connectors":12,"failed":["orders"]}
 *
 * Calls come on several threads at once and each must end soon: what they share is constant here.
 */
#include <millrace/millrace.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX (4 * 1024 * 1024) /* bytes, with what is made on the way to it */

/* ---- Options: properties of the worker, so choose names of your own. ---- */

static const struct mr_config_row rows[] = {
    {
        .name = "hello.freeze.file",
        .type = MR_CONFIG_STRING,
        .default_text = "",
        .importance = MR_MEDIUM,
        .doc = "While this file is there, nothing may be changed over REST. Empty: changes are never frozen.",
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* ---- The instance: one for the worker, from its start to its end. ---- */

struct hello {
    struct mr_rest_context *context;
    const char *freeze_file; /* in the configuration, which stays valid until destroy */
};

static void *hello_create(struct mr_rest_context *context, const struct mr_config *config, struct mr_error **error)
{
    struct hello *hello = calloc(1, sizeof(*hello));
    if (hello == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a REST extension");
        return NULL;
    }
    hello->context = context;
    hello->freeze_file = mr_config_string(config, "hello.freeze.file");
    return hello;
}

static void hello_destroy(void *self)
{
    free(self);
}

/* ---- Before the worker handles a request: say nothing, and it goes on; set an answer, and that is it. ---- */

static bool is_reading(const struct mr_rest_request *request)
{
    const char *method = mr_rest_request_method(request);
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* A check changes nothing, though it is a PUT. */
static bool is_validation(const struct mr_rest_request *request)
{
    const char *first = mr_rest_request_segment(request, 0);
    return first != NULL && strcmp(first, "connector-plugins") == 0;
}

static int hello_filter(void *self, const struct mr_rest_request *request, struct mr_rest_answer *answer, struct mr_error **error)
{
    const struct hello *hello = self;
    (void)error;
    if (is_reading(request) || is_validation(request) || hello->freeze_file[0] == '\0' || access(hello->freeze_file, F_OK) != 0)
        return 0;
    return mr_rest_answer_set(answer, 403, "{\"error_code\":403,\"message\":\"Changes are frozen\"}");
}

/* ---- A path of its own. ---- */

/* The answer as values of an arena, which mr_json_write makes JSON of: names may hold anything. */
struct findings {
    struct mr_rest_context *context;
    struct mr_arena *arena;
    struct mr_value *failed;
    bool has_failed; /* a unit of the connector that is looked at */
    int64_t count;
    int status;
    struct mr_error **error;
};

static void look_at_unit(void *argument, const struct mr_unit_health *unit)
{
    struct findings *findings = argument;
    findings->has_failed |= strcmp(unit->state, "FAILED") == 0;
}

static void look_at_connector(void *argument, const char *connector)
{
    struct findings *findings = argument;
    findings->count++;
    findings->has_failed = false;
    /* One that was deleted a moment ago is not found, and not failed. */
    mr_rest_context_each_unit(findings->context, connector, look_at_unit, findings, NULL);
    if (findings->has_failed &&
        mr_array_append(findings->arena, findings->failed, mr_string_copy(findings->arena, connector, strlen(connector))) != 0)
        findings->status = -1;
}

static int tell(struct findings *findings, struct mr_rest_answer *answer)
{
    struct mr_bytes json;
    struct mr_value *told = mr_map_create(findings->arena, 2);
    const char *text;
    if (mr_map_put_text(findings->arena, told, "connectors", mr_int64(findings->arena, findings->count)) != 0 ||
        mr_map_put_text(findings->arena, told, "failed", findings->failed) != 0)
        return mr_arena_failed(findings->arena, findings->error);
    if (mr_json_write(findings->arena, NULL, told, 0, &json, findings->error) != 0)
        return -1;
    text = mr_arena_printf(findings->arena, "%.*s", (int)json.size, (const char *)json.data);
    return text == NULL ? mr_arena_failed(findings->arena, findings->error) : mr_rest_answer_set(answer, 200, text);
}

static int hello_serve(void *self, const struct mr_rest_request *request, struct mr_rest_answer *answer, struct mr_error **error)
{
    const struct hello *hello = self;
    if (mr_rest_request_segment(request, 1) != NULL)
        return mr_error_set(error, MR_ERR_NOT_FOUND, "There is nothing below /hello");
    struct mr_arena *arena = mr_arena_create(ANSWER_MAX);
    if (arena == NULL)
        return mr_arena_failed(arena, error);
    struct findings findings = {.context = hello->context, .arena = arena, .failed = mr_array_create(arena, 16), .error = error};
    int status = -1;
    if (mr_rest_context_each_connector(hello->context, look_at_connector, &findings, error) == 0)
        status = findings.status != 0 ? mr_arena_failed(arena, error) : tell(&findings, answer);
    mr_arena_destroy(arena);
    return status;
}

/* ---- What the file hands over. ---- */

static const struct mr_rest_extension_ops hello_ops = {
    .size = sizeof(hello_ops),
    .create = hello_create,
    .destroy = hello_destroy,
    .filter = hello_filter,
    .serve = hello_serve,
    .prefix = "/hello",
};

static const struct mr_plugin hello_plugin = {
    .size = sizeof(hello_plugin),
    .kind = MR_PLUGIN_REST_EXTENSION,
    .class_name = "org.example.HelloRestExtension",
    .version = "1.0",
    .doc = "Freezes changes over REST while a file is there, and tells at /hello which connectors have failed.",
    .config_def = &options,
    .ops = &hello_ops,
};

static const struct mr_plugin *const plugins[] = { &hello_plugin };
static const struct mr_module module = MR_MODULE("hello_rest", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    (void)host;
    return &module;
}
