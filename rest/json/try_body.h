/*
 * try_body: the body of POST /connector-plugins/{p}/config/try: {"config": {…}, "records": […]} or {"config": {…}, "topic": …, "last": N}.
 */
#ifndef JSON_TRY_BODY_H
#define JSON_TRY_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str_buffer.h"
#include "json/body_problem.h"

struct string_map;

struct try_body {
    struct string_map *config;
    struct str_buffer records; /* the JSON of each, with a NUL behind it */
    size_t record_count;
    char *topic; /* NULL: records are given */
    size_t last;
};

/* false: *problem says why, nothing is to be released. */
bool try_body_read(struct try_body *body, const char *text, size_t length, struct body_problem *problem);
void try_body_release(struct try_body *body);

#endif
