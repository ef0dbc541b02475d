/* GET /connector-plugins/{plugin}/config, PUT …/config/validate (rest, sections 6 and 7). */
#include <millrace/error.h>
#include <string.h>

#include "base/string_map.h"
#include "config/connector_config.h"
#include "json/config_entity.h"
#include "json/connector_body.h"
#include "loader/loader.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

/* ---- definitions ---- */

static bool has_listed_kind(const struct loader_plugin *plugin)
{
    return plugin->kind <= MR_PLUGIN_HEADER_CONVERTER;
}

static void answer_definitions(struct http_exchange *exchange, const struct loader_plugin *plugin)
{
    struct mr_error *error = NULL;
    struct connector_report *report = connector_definitions(plugin, &error);
    if (report == NULL) {
        rest_answer_error(exchange, 500, "%s", mr_error_message(error));
        mr_error_drop(error);
        return;
    }
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    config_definitions_write(&out, report);
    connector_report_destroy(report);
    http_exchange_answer(exchange, &response);
}

void plugin_config_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    const struct http_request *request = http_exchange_request(exchange);
    const struct loader *loader = herder_loader(context->herder);
    const char *name = http_request_part(request, "plugin"), *version = http_request_query(request, "version");
    const struct loader_plugin *plugin;
    struct mr_error *error = NULL;
    if (version != NULL && *version == '\0')
        version = NULL;
    if (loader_find_any(loader, name, NULL, &plugin, NULL) != 0)
        rest_answer_error(exchange, 404, "Unknown plugin %s.", name);
    else if (!has_listed_kind(plugin))
        rest_answer_error(exchange, 400,
                          "Invalid plugin class %s. Valid types are sink, source, converter, header_converter, "
                          "transformation, predicate.",
                          name);
    else if (loader_find_any(loader, name, version, &plugin, &error) != 0)
        rest_answer_error(exchange, 400, "%s", mr_error_message(error));
    else
        answer_definitions(exchange, plugin);
    mr_error_drop(error);
}

/* ---- validation ---- */

/* The length of a class name without the ending that aliases lack. */
static size_t length_without_suffix(const char *name)
{
    static const char suffix[] = "Connector";
    size_t length = strlen(name), cut = sizeof(suffix) - 1;
    return length > cut && strcmp(name + length - cut, suffix) == 0 ? length - cut : length;
}

/* Kafka Connect compares endings: of "o.a.k.FileStreamSourceConnector" and "FileStreamSource". */
static bool fits(const char *class_name, const char *plugin)
{
    size_t length = length_without_suffix(class_name), wanted = length_without_suffix(plugin);
    return length >= wanted && strncmp(class_name + length - wanted, plugin, wanted) == 0;
}

static void reply_infos(void *argument, const struct herder_reply *reply)
{
    struct rest_pending *pending = argument;
    if (rest_pending_refused(pending, reply))
        return;
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    config_infos_write(&out, reply->report);
    rest_pending_answer(pending, &response);
}

void plugin_config_validate(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    const struct http_request *request = http_exchange_request(exchange);
    const char *plugin = http_request_part(request, "plugin");
    struct body_problem problem;
    struct string_map *config = options_body_read(request->body, request->body_length, &problem);
    if (config == NULL) {
        rest_answer_error(exchange, problem.status, "%s", problem.message);
        return;
    }
    const char *class_name = string_map_get(config, "connector.class");
    if (class_name != NULL && !fits(class_name, plugin)) {
        rest_answer_error(exchange, 400, "Included connector type %s does not match request type %s", class_name,
                          plugin);
    } else {
        struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
        if (pending != NULL)
            herder_validate(context->herder, config, reply_infos, pending);
    }
    string_map_destroy(config);
}
