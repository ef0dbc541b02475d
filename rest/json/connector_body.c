#include "json/connector_body.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "json/json_in.h"

#include "base/bans.h"

/* Longer than any body: no text in it can be longer. */
#define TEXT_MAX (2u << 20)
/* Of what a client sent and a message repeats. */
#define SHOWN_MAX 100

/* What a read is made of: the text, a name and a value that are reused, and why it failed. */
struct body_reader {
    struct json_in in;
    struct str_buffer name, value;
    struct body_problem *problem;
};

static void reader_init(struct body_reader *reader, const char *text, size_t length, struct body_problem *problem)
{
    *problem = (struct body_problem){.status = 0};
    reader->problem = problem;
    json_in_init(&reader->in, text, length);
    str_buffer_init(&reader->name, TEXT_MAX);
    str_buffer_init(&reader->value, TEXT_MAX);
}

static void reader_release(struct body_reader *reader)
{
    str_buffer_release(&reader->name);
    str_buffer_release(&reader->value);
}

/* Always false; the first problem stays. */
static bool refuse(struct body_problem *problem, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(struct body_problem *problem, const char *format, ...)
{
    if (problem->status != 0)
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(problem->message, sizeof(problem->message), format, args);
    va_end(args);
    problem->status = 400;
    return false;
}

static bool refuse_no_memory(struct body_problem *problem)
{
    refuse(problem, "Out of memory. Try again in a moment.");
    problem->status = 503;
    return false;
}

/* When the text is broken that is the reason, whatever came of it. */
static bool refuse_if_broken(struct body_reader *reader)
{
    bool no_memory = (str_buffer_failed(&reader->name) && !reader->name.over_max) ||
                     (str_buffer_failed(&reader->value) && !reader->value.over_max);
    if (no_memory)
        return refuse_no_memory(reader->problem);
    if (json_in_broken(&reader->in))
        return refuse(reader->problem, "The request body is not valid JSON: %s", json_in_why(&reader->in));
    return reader->problem->status == 0;
}

/* An empty body, or null: not even a wrong shape. */
static bool enter_object(struct body_reader *reader, const char *what)
{
    enum json_in_kind kind = json_in_kind(&reader->in);
    if (json_in_broken(&reader->in))
        return false;
    if (kind == JSON_IN_NOTHING && reader->in.at == reader->in.end)
        return refuse(reader->problem, "The request body is empty; it must be %s", what);
    if (kind != JSON_IN_OBJECT && kind != JSON_IN_NOTHING)
        return refuse(reader->problem, "The request body must be %s", what);
    return json_in_enter(&reader->in, JSON_IN_OBJECT);
}

/* ---- the configuration ---- */

static bool read_option(struct body_reader *reader, struct string_map *config)
{
    const char *name = str_buffer_text(&reader->name);
    enum json_in_kind kind = json_in_kind(&reader->in);
    if (kind == JSON_IN_OBJECT || kind == JSON_IN_ARRAY)
        return refuse(reader->problem, "Option \"%.*s\" is %s; it must be a text, a number or a boolean", SHOWN_MAX,
                      name, kind == JSON_IN_OBJECT ? "an object" : "an array");
    if (!json_in_scalar(&reader->in, &reader->value))
        return false;
    bool kept = kind == JSON_IN_NULL ? string_map_put_null(config, name)
                                     : string_map_put(config, name, str_buffer_text(&reader->value));
    return kept || refuse_no_memory(reader->problem);
}

/* Inside the object. NULL: broken or refused. */
static struct string_map *read_options(struct body_reader *reader)
{
    struct string_map *config = string_map_create();
    if (config == NULL) {
        refuse_no_memory(reader->problem);
        return NULL;
    }
    while (json_in_next_member(&reader->in, &reader->name))
        if (!read_option(reader, config))
            break;
    if (refuse_if_broken(reader))
        return config;
    string_map_destroy(config);
    return NULL;
}

/* `name` in the configuration is the connector's, or not given, or null: then it becomes so. */
static bool fit_name(struct string_map *config, const char *name, struct body_problem *problem)
{
    const char *given = string_map_get(config, "name");
    if (given == NULL)
        return string_map_put(config, "name", name) || refuse_no_memory(problem);
    return strcmp(given, name) == 0 ||
           refuse(problem, "Connector name configuration (%.*s) doesn't match connector name in the URL (%.*s)",
                  SHOWN_MAX, given, SHOWN_MAX, name);
}

struct string_map *options_body_read(const char *text, size_t length, struct body_problem *problem)
{
    struct body_reader reader;
    struct string_map *config = NULL;
    reader_init(&reader, text, length, problem);
    if (enter_object(&reader, "the configuration of a connector: an object of options"))
        config = read_options(&reader);
    json_in_end(&reader.in);
    if (!refuse_if_broken(&reader)) {
        string_map_destroy(config);
        config = NULL;
    }
    reader_release(&reader);
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
        return refuse(reader->problem, "\"name\" must be a text");
    if (!json_in_scalar(&reader->in, &reader->value))
        return false;
    mem_free(body->name);
    body->name = trimmed_copy(kind == JSON_IN_NULL ? "" : str_buffer_text(&reader->value));
    return body->name != NULL || refuse_no_memory(reader->problem);
}

static bool read_config(struct body_reader *reader, struct connector_body *body)
{
    string_map_destroy(body->config);
    body->config = NULL;
    if (json_in_kind(&reader->in) != JSON_IN_OBJECT)
        return refuse(reader->problem, "\"config\" must be an object of options");
    json_in_enter(&reader->in, JSON_IN_OBJECT);
    body->config = read_options(reader);
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
        return refuse(reader->problem, "\"initial_state\" must be RUNNING, PAUSED or STOPPED");
    if (!json_in_scalar(&reader->in, &reader->value))
        return false;
    body->initial_state = HERDER_INITIAL_NONE;
    if (kind == JSON_IN_NULL)
        return true;
    for (size_t i = 0; i < sizeof(STATES) / sizeof(STATES[0]); i++)
        if (strcasecmp(str_buffer_text(&reader->value), STATES[i].name) == 0)
            body->initial_state = STATES[i].state;
    return body->initial_state != HERDER_INITIAL_NONE ||
           refuse(reader->problem, "\"initial_state\" is \"%.*s\"; it must be RUNNING, PAUSED or STOPPED", SHOWN_MAX,
                  str_buffer_text(&reader->value));
}

static bool read_field(struct body_reader *reader, struct connector_body *body)
{
    const char *field = str_buffer_text(&reader->name);
    if (strcmp(field, "name") == 0)
        return read_name(reader, body);
    if (strcmp(field, "config") == 0)
        return read_config(reader, body);
    if (strcmp(field, "initial_state") == 0)
        return read_initial_state(reader, body);
    return refuse(reader->problem, "Unknown field \"%.*s\"; there are \"name\", \"config\" and \"initial_state\"",
                  SHOWN_MAX, field);
}

static bool complete(struct connector_body *body, struct body_problem *problem)
{
    if (body->config == NULL)
        return refuse(problem, "\"config\" is missing; it must be an object of options");
    if (body->name == NULL && (body->name = mem_strdup("")) == NULL)
        return refuse_no_memory(problem);
    return fit_name(body->config, body->name, problem);
}

bool connector_body_read(struct connector_body *body, const char *text, size_t length, struct body_problem *problem)
{
    struct body_reader reader;
    *body = (struct connector_body){.initial_state = HERDER_INITIAL_NONE};
    reader_init(&reader, text, length, problem);
    if (enter_object(&reader, "an object with \"name\" and \"config\""))
        while (json_in_next_member(&reader.in, &reader.name))
            if (!read_field(&reader, body))
                break;
    if (problem->status == 0)
        json_in_end(&reader.in);
    bool fine = refuse_if_broken(&reader) && complete(body, problem);
    if (!fine)
        connector_body_release(body);
    reader_release(&reader);
    return fine;
}

void connector_body_release(struct connector_body *body)
{
    mem_free(body->name);
    string_map_destroy(body->config);
    *body = (struct connector_body){.initial_state = HERDER_INITIAL_NONE};
}
