/* GET /connector-plugins/{plugin}/config, PUT …/config/validate (KIP-769). */
#include <millrace/error.h>
#include <string.h>

#include "base/string_map.h"
#include "config/connector_config.h"
#include "config/connector_shown.h"
#include "json/config_entity.h"
#include "json/connector_body.h"
#include "loader/loader.h"
#include "routes/dispatch.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

/* ---- definitions ---- */

static bool has_listed_kind(const struct loader_plugin *plugin)
{
    return plugin->kind <= MR_PLUGIN_HEADER_CONVERTER;
}

static void answer_definitions(struct http_exchange *exchange, const struct loader *loader, const struct loader_plugin *plugin)
{
    struct mr_error *error = NULL;
    struct connector_report *report = connector_definitions(loader, plugin, &error);
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    if (report == NULL) {
        json_error_set_told(&response, 500, mr_error_message(error));
        http_exchange_answer(exchange, &response);
        mr_error_drop(error);
        return;
    }
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
        answer_definitions(exchange, loader, plugin);
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

struct validation {
    struct rest_context *context;
    struct http_exchange *exchange;
    struct string_map *config;
    const struct string_map *given;   /* as the client wrote it */
    const char *name;                 /* that the configuration gives itself; NULL: none */
    const struct string_map *present; /* of the connector of that name; NULL: none */
};

/* "[hidden]" stands for what is stored. false: answered. */
static bool restore_hidden(const struct validation *validation)
{
    const char *missing;
    if (connector_shown_restore(validation->config, validation->present, &missing))
        return true;
    if (missing != NULL)
        rest_answer_error(validation->exchange, 400, CONNECTOR_SHOWN_MISSING, missing);
    else
        rest_answer_error(validation->exchange, 503, "Out of memory. Try again in a moment.");
    return false;
}

/* A validation resolves references and runs the connector's code: it asks for what making the connector does, and, since stored
 * values may stand in it, for what changing that one does. false: answered. */
static bool is_allowed(const struct validation *validation, const struct route_asker *asker)
{
    char why[ACCESS_WHY_SIZE];
    if (!restore_hidden(validation))
        return false;
    const struct route_change change = {validation->name, validation->present, validation->config, validation->given};
    if (route_may_touch(asker, validation->context, &change, why))
        return true;
    dispatch_note_refusal(validation->context, validation->exchange, 403, why);
    rest_answer_error(validation->exchange, 403, "%s", why);
    return false;
}

/* false: answered. */
static bool may_validate(struct rest_context *context, struct http_exchange *exchange, struct string_map *config)
{
    struct config_snapshot *snapshot = rest_snapshot(context, exchange);
    struct route_asker asker;
    if (snapshot == NULL)
        return false;
    struct string_map *given = string_map_copy(config); /* NULL: whatever may have been kept counts as kept */
    struct validation validation = {context, exchange, config, given, string_map_get(config, "name"), NULL};
    if (validation.name != NULL)
        validation.present = config_snapshot_config(snapshot, validation.name);
    route_asker_init(&asker, context, exchange);
    bool may = is_allowed(&validation, &asker);
    route_asker_release(&asker);
    string_map_destroy(given);
    config_snapshot_drop(snapshot);
    return may;
}

bool plugin_config_admit(struct rest_context *context, struct http_exchange *exchange, struct string_map *config)
{
    const char *plugin = http_request_part(http_exchange_request(exchange), "plugin");
    const char *class_name = string_map_get(config, "connector.class");
    if (class_name != NULL && !fits(class_name, plugin)) {
        rest_answer_error(exchange, 400, "Included connector type %s does not match request type %s", class_name, plugin);
        return false;
    }
    return rest_guard(context, exchange) == NULL || may_validate(context, exchange, config);
}

void plugin_config_validate(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    const struct http_request *request = http_exchange_request(exchange);
    struct body_problem problem;
    struct string_map *config = options_body_read(request->body, request->body_length, &problem);
    if (config == NULL) {
        rest_answer_error(exchange, problem.status, "%s", problem.message);
        return;
    }
    if (plugin_config_admit(context, exchange, config)) {
        struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
        if (pending != NULL)
            herder_validate(context->herder, config, reply_infos, pending);
    }
    string_map_destroy(config);
}
