#include "json/try_body.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "herder/herder.h"
#include "json/body_internal.h"

#include "base/bans.h"

#define RECORDS_BYTES_MAX (2u << 20) /* no longer than the body, with a NUL for each */

static bool read_config(struct body_reader *reader, struct try_body *body)
{
    string_map_destroy(body->config);
    body->config = NULL;
    if (json_in_kind(&reader->in) != JSON_IN_OBJECT)
        return body_refuse(reader->problem, "\"config\" must be an object of options");
    json_in_enter(&reader->in, JSON_IN_OBJECT);
    body->config = body_read_options(reader);
    return body->config != NULL;
}

/* Their texts as they stand: whoever tries them reads them. */
static bool read_record(struct body_reader *reader, struct try_body *body)
{
    json_in_kind(&reader->in);
    const char *start = reader->in.at;
    if (body->record_count++ == HERDER_TRY_RECORDS_MAX)
        return body_refuse(reader->problem, "At most %d records are tried at once", HERDER_TRY_RECORDS_MAX);
    if (!json_in_skip(&reader->in))
        return false;
    str_buffer_append(&body->records, start, (size_t)(reader->in.at - start));
    return str_buffer_append_char(&body->records, '\0') || body_refuse_no_memory(reader->problem);
}

static bool read_records(struct body_reader *reader, struct try_body *body)
{
    str_buffer_clear(&body->records);
    body->record_count = 0;
    if (json_in_kind(&reader->in) != JSON_IN_ARRAY)
        return body_refuse(reader->problem, "\"records\" must be a list of records");
    json_in_enter(&reader->in, JSON_IN_ARRAY);
    while (json_in_next_item(&reader->in))
        if (!read_record(reader, body))
            return false;
    return !json_in_broken(&reader->in);
}

static bool read_topic(struct body_reader *reader, struct try_body *body)
{
    if (json_in_kind(&reader->in) != JSON_IN_STRING)
        return body_refuse(reader->problem, "\"topic\" must be a text");
    if (!json_in_scalar(&reader->in, &reader->value))
        return false;
    mem_free(body->topic);
    body->topic = mem_strdup(str_buffer_text(&reader->value));
    return body->topic != NULL || body_refuse_no_memory(reader->problem);
}

static bool read_last(struct body_reader *reader, struct try_body *body)
{
    char *end;
    if (json_in_kind(&reader->in) != JSON_IN_NUMBER || !json_in_scalar(&reader->in, &reader->value))
        return body_refuse(reader->problem, "\"last\" must be a number");
    unsigned long number = strtoul(str_buffer_text(&reader->value), &end, 10);
    if (*str_buffer_text(&reader->value) == '-' || *end != '\0' || number < 1 || number > HERDER_TRY_RECORDS_MAX)
        return body_refuse(reader->problem, "\"last\" must be from 1 to %d", HERDER_TRY_RECORDS_MAX);
    body->last = number;
    return true;
}

static bool read_field(struct body_reader *reader, void *body)
{
    static const struct {
        const char *name;
        bool (*read)(struct body_reader *reader, struct try_body *body);
    } fields[] = {{"config", read_config}, {"records", read_records}, {"topic", read_topic}, {"last", read_last}};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strcmp(str_buffer_text(&reader->name), fields[i].name) == 0)
            return fields[i].read(reader, body);
    return body_refuse(reader->problem, "Unknown field \"%.*s\"; there are \"config\", and \"records\" or \"topic\" and \"last\"",
                       BODY_SHOWN_MAX, str_buffer_text(&reader->name));
}

static bool is_complete(const struct try_body *body, struct body_problem *problem)
{
    if (body->config == NULL)
        return body_refuse(problem, "\"config\" is missing; it must be an object of options");
    if (body->topic != NULL ? body->record_count > 0 || *body->topic == '\0' || body->last == 0 : body->record_count == 0 || body->last > 0)
        return body_refuse(problem, "Give either \"records\", one at least, or \"topic\" and \"last\"");
    return true;
}

bool try_body_read(struct try_body *body, const char *text, size_t length, struct body_problem *problem)
{
    struct body_reader reader;
    *body = (struct try_body){.config = NULL};
    str_buffer_init(&body->records, RECORDS_BYTES_MAX);
    body_reader_init(&reader, text, length, problem);
    bool fine = body_read_object(&reader, "an object with \"config\" and \"records\"", read_field, body) && is_complete(body, problem);
    if (!fine)
        try_body_release(body);
    body_reader_release(&reader);
    return fine;
}

void try_body_release(struct try_body *body)
{
    string_map_destroy(body->config);
    str_buffer_release(&body->records);
    mem_free(body->topic);
    *body = (struct try_body){.config = NULL};
}
