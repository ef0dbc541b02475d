#include "json/logger_body.h"

#include <string.h>

#include "json/body_internal.h"

#include "base/bans.h"

/* Leaves the level's text in reader->value; *has_one false: null, or a value that is none. */
static bool read_level(struct body_reader *reader, bool *has_one)
{
    enum json_in_kind kind = json_in_kind(&reader->in);
    if (kind == JSON_IN_OBJECT || kind == JSON_IN_ARRAY)
        return body_refuse(reader->problem, "\"level\" must be a text");
    *has_one = kind != JSON_IN_NULL;
    return json_in_scalar(&reader->in, &reader->value);
}

static bool read_fields(struct body_reader *reader, bool *has_one)
{
    while (json_in_next_member(&reader->in, &reader->name)) {
        bool is_level = strcmp(str_buffer_text(&reader->name), "level") == 0;
        if (is_level ? !read_level(reader, has_one) : !json_in_skip(&reader->in))
            return false;
    }
    return json_in_end(&reader->in);
}

static bool find_level(const struct body_reader *reader, bool has_one, enum log_level *level)
{
    const char *text = str_buffer_text(&reader->value);
    if (!has_one)
        return body_refuse(reader->problem, "Desired 'level' parameter was not specified in request.");
    if (log_level_parse(text, level))
        return true;
    body_refuse(reader->problem, "invalid log level '%.*s'.", BODY_SHOWN_MAX, text);
    reader->problem->status = 404;
    return false;
}

bool logger_body_read(enum log_level *level, const char *text, size_t length, struct body_problem *problem)
{
    struct body_reader reader;
    bool has_one = false;
    body_reader_init(&reader, text, length, problem);
    if (body_enter_object(&reader, "an object with a \"level\""))
        read_fields(&reader, &has_one);
    bool fine = body_is_fine(&reader) && find_level(&reader, has_one, level);
    body_reader_release(&reader);
    return fine;
}
