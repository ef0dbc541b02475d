#include "dlq_rest.h"

#include <millrace/error.h>
#include <stdlib.h>

#include "base/str_buffer.h"
#include "dlq_options.h"
#include "rest_ask.h"

#include "base/bans.h"

static void append_parameters(struct str_buffer *url, const json_t *selection)
{
    const char *name;
    json_t *value;
    char between = '?';
    json_object_foreach((json_t *)(uintptr_t)selection, name, value)
    {
        str_buffer_printf(url, "%c%s=", between, name);
        if (json_is_string(value))
            rest_ask_escape(url, json_string_value(value));
        else
            str_buffer_printf(url, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        between = '&';
    }
}

static void write_path(struct str_buffer *path, const struct dlq_options *options)
{
    const json_t *place = json_array_get(json_object_get(options->selection, "letters"), 0);
    str_buffer_append_text(path, "/connectors/");
    rest_ask_escape(path, options->connector);
    str_buffer_append_text(path, "/dlq");
    if (options->verb == DLQ_LIST)
        append_parameters(path, options->selection);
    else if (options->verb == DLQ_SHOW)
        str_buffer_printf(path, "/%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(place, "partition")),
                          json_integer_value(json_object_get(place, "offset")));
    else
        str_buffer_append_text(path, options->verb == DLQ_REPLAY ? "/replay" : "/discard");
}

json_t *dlq_rest_ask(const struct dlq_options *options, const struct string_map *tls, struct mr_error **error)
{
    struct str_buffer path;
    json_t *json = NULL;
    bool is_change = options->verb == DLQ_REPLAY || options->verb == DLQ_DISCARD;
    char *body = is_change ? json_dumps(options->selection, JSON_COMPACT) : NULL;
    str_buffer_init(&path, REST_ASK_URL_MAX);
    write_path(&path, options);
    if (str_buffer_failed(&path) || (is_change && body == NULL))
        mr_error_set(error, MR_ERR_CONFIG, "the selection is too long to be asked for");
    else
        json = rest_ask(&(struct rest_worker){options->url, options->authorization_file, tls},
                        &(struct rest_question){.method = is_change ? "POST" : "GET", .path = str_buffer_text(&path), .body = body}, error);
    str_buffer_release(&path);
    free(body);
    return json;
}
