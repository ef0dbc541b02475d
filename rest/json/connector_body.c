#include "json/connector_body.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/ptr_array.h"
#include "base/string_map.h"
#include "json/body_internal.h"

#include "base/bans.h"

/* ---- the configuration ---- */

static bool read_option(struct body_reader *reader, struct string_map *config)
{
    if (reader->options_left-- == 0)
        return body_refuse(reader->problem, "There are more than %d options", BODY_OPTIONS_MAX);
    const char *name = str_buffer_text(&reader->name);
    enum json_in_kind kind = json_in_kind(&reader->in);
    if (kind == JSON_IN_OBJECT || kind == JSON_IN_ARRAY)
        return body_refuse(reader->problem, "Option \"%.*s\" is %s; it must be a text, a number or a boolean", BODY_SHOWN_MAX,
                      name, kind == JSON_IN_OBJECT ? "an object" : "an array");
    if (!json_in_scalar(&reader->in, &reader->value))
        return false;
    bool kept = kind == JSON_IN_NULL ? string_map_put_null(config, name)
                                     : string_map_put(config, name, str_buffer_text(&reader->value));
    return kept || body_refuse_no_memory(reader->problem);
}

struct string_map *body_read_options(struct body_reader *reader)
{
    struct string_map *config = string_map_create();
    if (config == NULL) {
        body_refuse_no_memory(reader->problem);
        return NULL;
    }
    while (json_in_next_member(&reader->in, &reader->name))
        if (!read_option(reader, config))
            break;
    if (body_is_fine(reader))
        return config;
    string_map_destroy(config);
    return NULL;
}

/* `name` in the configuration is the connector's, or not given, or null: then it becomes so. */
static bool fit_name(struct string_map *config, const char *name, struct body_problem *problem)
{
    const char *given = string_map_get(config, "name");
    if (given == NULL)
        return string_map_put(config, "name", name) || body_refuse_no_memory(problem);
    return strcmp(given, name) == 0 ||
           body_refuse(problem, "Connector name configuration (%.*s) doesn't match connector name in the URL (%.*s)",
                  BODY_SHOWN_MAX, given, BODY_SHOWN_MAX, name);
}

struct string_map *options_body_read(const char *text, size_t length, struct body_problem *problem)
{
    struct body_reader reader;
    struct string_map *config = NULL;
    body_reader_init(&reader, text, length, problem);
    if (body_enter_object(&reader, "the configuration of a connector: an object of options"))
        config = body_read_options(&reader);
    json_in_end(&reader.in);
    if (!body_is_fine(&reader)) {
        string_map_destroy(config);
        config = NULL;
    }
    body_reader_release(&reader);
    return config;
}

struct string_map *config_body_read(const char *name, const char *text, size_t length, struct body_problem *problem)
{
    struct string_map *config = options_body_read(text, length, problem);
    if (config == NULL || fit_name(config, name, problem))
        return config;
    string_map_destroy(config);
    return NULL;
}

/* ---- configurations of tasks ---- */

static bool read_task(struct body_reader *reader, struct ptr_array *maps)
{
    struct string_map *options;

    if (json_in_kind(&reader->in) != JSON_IN_OBJECT)
        return body_refuse(reader->problem, "The configuration of a task must be an object of options");
    if (maps->count == TASK_CONFIGS_BODY_MAX)
        return body_refuse(reader->problem, "There are more than %d tasks", TASK_CONFIGS_BODY_MAX);
    json_in_enter(&reader->in, JSON_IN_OBJECT);
    options = body_read_options(reader);
    if (options == NULL)
        return false;
    if (ptr_array_push(maps, options))
        return true;
    string_map_destroy(options);
    return body_refuse_no_memory(reader->problem);
}

bool task_configs_body_read(struct ptr_array *maps, const char *text, size_t length, struct body_problem *problem)
{
    struct body_reader reader;
    body_reader_init(&reader, text, length, problem);
    if (json_in_kind(&reader.in) != JSON_IN_ARRAY)
        body_refuse(problem, "The request body must be an array of the configurations of tasks");
    else if (json_in_enter(&reader.in, JSON_IN_ARRAY))
        while (json_in_next_item(&reader.in))
            if (!read_task(&reader, maps))
                break;
    if (problem->status == 0)
        json_in_end(&reader.in);
    bool fine = body_is_fine(&reader);
    body_reader_release(&reader);
    return fine;
}

/* ---- the whole connector ---- */

/* As Java's String.trim: everything up to U+0020 at both ends. */
static char *trimmed_copy(const char *text)
{
    while (*text != '\0' && (unsigned char)*text <= ' ')
        text++;
    size_t length = strlen(text);
    while (length > 0 && (unsigned char)text[length - 1] <= ' ')
        length--;
    return mem_strndup(text, length);
}

static bool read_name(struct body_reader *reader, struct connector_body *body)
{
    enum json_in_kind kind = json_in_kind(&reader->in);
    if (kind == JSON_IN_OBJECT || kind == JSON_IN_ARRAY)
        return body_refuse(reader->problem, "\"name\" must be a text");
    if (!json_in_scalar(&reader->in, &reader->value))
        return false;
    mem_free(body->name);
    body->name = trimmed_copy(kind == JSON_IN_NULL ? "" : str_buffer_text(&reader->value));
    return body->name != NULL || body_refuse_no_memory(reader->problem);
}

static bool read_config(struct body_reader *reader, struct connector_body *body)
{
    string_map_destroy(body->config);
    body->config = NULL;
    if (json_in_kind(&reader->in) != JSON_IN_OBJECT)
        return body_refuse(reader->problem, "\"config\" must be an object of options");
    json_in_enter(&reader->in, JSON_IN_OBJECT);
    body->config = body_read_options(reader);
    return body->config != NULL;
}

static bool read_initial_state(struct body_reader *reader, struct connector_body *body)
{
    static const struct {
        const char *name;
        enum herder_initial_state state;
    } STATES[] = {
        {"RUNNING", HERDER_INITIAL_RUNNING},
        {"PAUSED", HERDER_INITIAL_PAUSED},
        {"STOPPED", HERDER_INITIAL_STOPPED},
    };
    enum json_in_kind kind = json_in_kind(&reader->in);
    if (kind == JSON_IN_OBJECT || kind == JSON_IN_ARRAY)
        return body_refuse(reader->problem, "\"initial_state\" must be RUNNING, PAUSED or STOPPED");
    if (!json_in_scalar(&reader->in, &reader->value))
        return false;
    body->initial_state = HERDER_INITIAL_NONE;
    if (kind == JSON_IN_NULL)
        return true;
    for (size_t i = 0; i < sizeof(STATES) / sizeof(STATES[0]); i++)
        if (strcasecmp(str_buffer_text(&reader->value), STATES[i].name) == 0)
            body->initial_state = STATES[i].state;
    return body->initial_state != HERDER_INITIAL_NONE ||
           body_refuse(reader->problem, "\"initial_state\" is \"%.*s\"; it must be RUNNING, PAUSED or STOPPED", BODY_SHOWN_MAX,
                  str_buffer_text(&reader->value));
}

static bool read_field(struct body_reader *reader, void *body)
{
    const char *field = str_buffer_text(&reader->name);
    if (strcmp(field, "name") == 0)
        return read_name(reader, body);
    if (strcmp(field, "config") == 0)
        return read_config(reader, body);
    if (strcmp(field, "initial_state") == 0)
        return read_initial_state(reader, body);
    return body_refuse(reader->problem, "Unknown field \"%.*s\"; there are \"name\", \"config\" and \"initial_state\"",
                  BODY_SHOWN_MAX, field);
}

static bool complete(struct connector_body *body, struct body_problem *problem)
{
    if (body->config == NULL)
        return body_refuse(problem, "\"config\" is missing; it must be an object of options");
    if (body->name == NULL && (body->name = mem_strdup("")) == NULL)
        return body_refuse_no_memory(problem);
    return fit_name(body->config, body->name, problem);
}

bool connector_body_read(struct connector_body *body, const char *text, size_t length, struct body_problem *problem)
{
    struct body_reader reader;
    *body = (struct connector_body){.initial_state = HERDER_INITIAL_NONE};
    body_reader_init(&reader, text, length, problem);
    bool fine = body_read_object(&reader, "an object with \"name\" and \"config\"", read_field, body) && complete(body, problem);
    if (!fine)
        connector_body_release(body);
    body_reader_release(&reader);
    return fine;
}

void connector_body_release(struct connector_body *body)
{
    mem_free(body->name);
    string_map_destroy(body->config);
    *body = (struct connector_body){.initial_state = HERDER_INITIAL_NONE};
}
