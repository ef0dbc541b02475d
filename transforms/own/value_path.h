/* value_path.h: where values stand inside a key or a value: `order.lines[0].sku`.
 *
 * Steps are divided by dots, as in Kafka Connect's field.syntax.version=V2: a step names a field of a struct or an entry of a
 * map; a name that holds dots or brackets itself stands in backticks (`a.b`.c), a backtick in it behind a backslash. Any number of
 * [n] may follow a step, or begin the path: the n-th element of an array, from 0, from the end if negative ([-1] is the last).
 * Where many places make sense, [*] stands for all elements of an array. The empty path is the whole.
 *
 * Immutable after _init; may be read from any thread.
 */
#ifndef TRANSFORMS_OWN_VALUE_PATH_H
#define TRANSFORMS_OWN_VALUE_PATH_H

#include <millrace/millrace.h>

#define VALUE_PATH_STEPS_MAX 64

enum value_step_kind { STEP_NAME, STEP_INDEX, STEP_EACH };

struct value_step {
    enum value_step_kind kind;
    char *name;    /* NAME */
    int64_t index; /* INDEX */
};

struct value_path {
    struct value_step *steps;
    size_t count;
    char *text; /* as configured, for messages */
};

/* -1: MR_ERR_CONFIG that names the place, or no memory; nothing to release then. */
int value_path_init(struct value_path *path, const char *text, bool may_have_each, struct mr_error **error);
void value_path_release(struct value_path *path);

/* Validators of options; an empty or absent text is the whole. _each: [*] is understood. */
mr_config_validator check_value_path, check_value_path_each;

/* The value there; null is a value. A null in a field reads as the field's default if `with_default`. NULL: there is no such place. */
const struct mr_value *value_path_find(const struct value_path *path, const struct mr_value *value, bool with_default);

/* The position of an [n] in an array of `count`; -1: outside. */
int64_t value_step_position(const struct value_step *step, size_t count);

#endif
