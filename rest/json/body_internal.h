/*
 * body_internal: what the readers of request bodies share: the text, a name and a value that are reused, and why it failed.
 *
 *     body_reader_init → body_enter_object → members → json_in_end → body_is_fine → body_reader_release
 *     body_reader_init → body_read_object, which is all between, where each field has a reader → body_reader_release
 *
 * The first problem stays; a text that is no JSON is the problem whatever came of it.
 */
#ifndef JSON_BODY_INTERNAL_H
#define JSON_BODY_INTERNAL_H

#include "base/str_buffer.h"
#include "json/body_problem.h"
#include "json/json_in.h"

#define BODY_OPTIONS_MAX 524288 /* of all configurations in a body: one costs far more memory than its text */
#define BODY_SHOWN_MAX 100 /* bytes of what a client sent that a message repeats */

struct body_reader {
    struct json_in in;
    struct str_buffer name, value;
    size_t options_left;
    struct body_problem *problem;
};

void body_reader_init(struct body_reader *reader, const char *text, size_t length, struct body_problem *problem);
void body_reader_release(struct body_reader *reader);

/* Into the object that the body must be, `what` in words. An empty body, or null: not even a wrong shape. */
bool body_enter_object(struct body_reader *reader, const char *what);
/* false: the text is broken, memory was short, or it was refused; the problem says so. */
bool body_is_fine(struct body_reader *reader);

/* The whole body, which must be such an object: each member's value is read by `read_field`, whose name is in reader->name. false: broken or
 * refused, by the reader of a field too. */
typedef bool body_field_fn(struct body_reader *reader, void *body);
bool body_read_object(struct body_reader *reader, const char *what, body_field_fn *read_field, void *body);

/* Options of a connector, as connector_body.h keeps them; inside their object. NULL: broken or refused. */
struct string_map;
struct string_map *body_read_options(struct body_reader *reader);

/* Always false; the first problem stays. */
bool body_refuse(struct body_problem *problem, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool body_refuse_no_memory(struct body_problem *problem);

#endif
