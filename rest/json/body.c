#include "json/body_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/bans.h"

/* Longer than any body: no text in it can be longer. */
#define TEXT_MAX (2u << 20)

void body_reader_init(struct body_reader *reader, const char *text, size_t length, struct body_problem *problem)
{
    *problem = (struct body_problem){.status = 0};
    reader->problem = problem;
    reader->options_left = BODY_OPTIONS_MAX;
    json_in_init(&reader->in, text, length);
    str_buffer_init(&reader->name, TEXT_MAX);
    str_buffer_init(&reader->value, TEXT_MAX);
}

void body_reader_release(struct body_reader *reader)
{
    str_buffer_release(&reader->name);
    str_buffer_release(&reader->value);
}

bool body_refuse(struct body_problem *problem, const char *format, ...)
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

bool body_refuse_no_memory(struct body_problem *problem)
{
    body_refuse(problem, "Out of memory. Try again in a moment.");
    problem->status = 503;
    return false;
}

bool body_is_fine(struct body_reader *reader)
{
    bool no_memory = (str_buffer_failed(&reader->name) && !reader->name.over_max) ||
                     (str_buffer_failed(&reader->value) && !reader->value.over_max);
    if (no_memory)
        return body_refuse_no_memory(reader->problem);
    if (json_in_broken(&reader->in))
        return body_refuse(reader->problem, "The request body is not valid JSON: %s", json_in_why(&reader->in));
    return reader->problem->status == 0;
}

bool body_enter_object(struct body_reader *reader, const char *what)
{
    enum json_in_kind kind = json_in_kind(&reader->in);
    if (json_in_broken(&reader->in))
        return false;
    if (kind == JSON_IN_NOTHING && reader->in.at == reader->in.end)
        return body_refuse(reader->problem, "The request body is empty; it must be %s", what);
    if (kind != JSON_IN_OBJECT && kind != JSON_IN_NOTHING)
        return body_refuse(reader->problem, "The request body must be %s", what);
    return json_in_enter(&reader->in, JSON_IN_OBJECT);
}

bool body_read_object(struct body_reader *reader, const char *what, body_field_fn *read_field, void *body)
{
    if (body_enter_object(reader, what))
        while (json_in_next_member(&reader->in, &reader->name))
            if (!read_field(reader, body))
                break;
    if (reader->problem->status == 0)
        json_in_end(&reader->in);
    return body_is_fine(reader);
}
