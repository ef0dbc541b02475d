#include "own/value_path.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a path");
}

static int malformed(const char *text, size_t at, const char *words, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_CONFIG, "'%s' is no path: %s at position %zu", text, words, at);
}

/* Parsing ---------------------------------------------------------------------------------------------------- */

/* Takes the step's name. */
static int add_step(struct value_path *path, struct value_step step, size_t at, struct mr_error **error)
{
    struct value_step *steps = NULL;
    if (path->count == VALUE_PATH_STEPS_MAX) {
        free(step.name);
        return malformed(path->text, at, "too many steps", error);
    }
    if (step.kind != STEP_NAME || step.name != NULL)
        steps = realloc(path->steps, (path->count + 1) * sizeof(*steps));
    if (steps == NULL) {
        free(step.name);
        return no_memory(error);
    }
    path->steps = steps;
    path->steps[path->count++] = step;
    return 0;
}

static bool ends_step(char character)
{
    return character == '\0' || character == '.' || character == '[';
}

/* From the backtick on. */
static int add_quoted(struct value_path *path, size_t *at, struct mr_error **error)
{
    const char *text = path->text;
    size_t from = *at, length = 0;
    char *name = malloc(strlen(text + from) + 1);
    if (name == NULL)
        return no_memory(error);
    for (size_t i = from + 1; text[i] != '\0'; i++) {
        if (text[i] == '`' && ends_step(text[i + 1])) {
            name[length] = '\0';
            *at = i + 1;
            return add_step(path, (struct value_step){ .kind = STEP_NAME, .name = name }, from, error);
        }
        if (text[i] == '\\' && text[i + 1] == '`')
            i++;
        name[length++] = text[i];
    }
    free(name);
    return malformed(text, from, "a backtick that nothing closes", error);
}

static int add_plain(struct value_path *path, size_t *at, struct mr_error **error)
{
    const char *text = path->text + *at;
    size_t from = *at, length = strcspn(text, ".[");
    if (length == 0)
        return malformed(path->text, from, "an empty step", error);
    *at += length;
    return add_step(path, (struct value_step){ .kind = STEP_NAME, .name = strndup(text, length) }, from, error);
}

static int add_index(struct value_path *path, size_t *at, bool may_have_each, struct mr_error **error)
{
    const char *text = path->text + *at + 1;
    size_t from = *at, length = strcspn(text, "]");
    char *end = NULL;
    if (text[length] != ']')
        return malformed(path->text, from, "a bracket that nothing closes", error);
    *at += length + 2;
    if (length == 1 && text[0] == '*') {
        if (!may_have_each)
            return malformed(path->text, from, "[*], which stands for many places where one is wanted,", error);
        return add_step(path, (struct value_step){ .kind = STEP_EACH }, from, error);
    }
    bool is_number = length > 0 && length <= 10 && strspn(text + (text[0] == '-'), "0123456789") == length - (text[0] == '-');
    int64_t index = is_number ? strtoll(text, &end, 10) : 0;
    if (!is_number || end != text + length)
        return malformed(path->text, from, "a bracket without a number", error);
    return add_step(path, (struct value_step){ .kind = STEP_INDEX, .index = index }, from, error);
}

static int add_steps(struct value_path *path, bool may_have_each, struct mr_error **error)
{
    const char *text = path->text;
    size_t at = 0;
    while (text[at] != '\0') {
        int added = 0;
        if (text[at] != '[')
            added = text[at] == '`' ? add_quoted(path, &at, error) : add_plain(path, &at, error);
        while (added == 0 && text[at] == '[')
            added = add_index(path, &at, may_have_each, error);
        if (added < 0)
            return -1;
        if (text[at] == '\0')
            break;
        if (text[at] != '.')
            return malformed(text, at, "text behind a bracket", error);
        if (text[++at] == '\0' || text[at] == '[')
            return malformed(text, at, "an empty step", error);
    }
    return 0;
}

int value_path_init(struct value_path *path, const char *text, bool may_have_each, struct mr_error **error)
{
    *path = (struct value_path){ .text = strdup(text == NULL ? "" : text) };
    if (path->text == NULL)
        return no_memory(error);
    if (add_steps(path, may_have_each, error) == 0)
        return 0;
    value_path_release(path);
    return -1;
}

void value_path_release(struct value_path *path)
{
    for (size_t i = 0; i < path->count; i++)
        free(path->steps[i].name);
    free(path->steps);
    free(path->text);
    *path = (struct value_path){ .count = 0 };
}

/* Options ---------------------------------------------------------------------------------------------------- */

static int check(const char *text, bool may_have_each, struct mr_error **error)
{
    struct value_path path;
    if (value_path_init(&path, text, may_have_each, error) < 0)
        return -1;
    value_path_release(&path);
    return 0;
}

int check_value_path(const char *name, const char *text, const struct mr_config *config, const void *argument,
                     struct mr_error **error)
{
    (void)name, (void)config, (void)argument;
    return check(text, false, error);
}

/* For lists, item by item. */
int check_value_path_each(const char *name, const char *text, const struct mr_config *config, const void *argument,
                          struct mr_error **error)
{
    (void)text, (void)argument;
    size_t count = mr_config_list_count(config, name);
    for (size_t i = 0; i < count; i++)
        if (check(mr_config_list_at(config, name, i), true, error) < 0)
            return -1;
    return 0;
}

/* Finding ---------------------------------------------------------------------------------------------------- */

int64_t value_step_position(const struct value_step *step, size_t count)
{
    int64_t position = step->index < 0 ? step->index + (int64_t)count : step->index;
    return position >= 0 && position < (int64_t)count ? position : -1;
}

static const struct mr_value *find_name(const struct value_step *step, const struct mr_value *value, bool with_default)
{
    if (mr_value_kind(value) == MR_KIND_MAP)
        return mr_map_get(value, step->name);
    if (mr_value_kind(value) != MR_KIND_STRUCT)
        return NULL;
    int32_t index = mr_schema_field_index(mr_struct_schema(value), step->name);
    if (index < 0)
        return NULL;
    return with_default ? mr_struct_at_or_default(value, (size_t)index) : mr_struct_at(value, (size_t)index);
}

static const struct mr_value *find_index(const struct value_step *step, const struct mr_value *value)
{
    if (mr_value_kind(value) != MR_KIND_ARRAY)
        return NULL;
    int64_t position = value_step_position(step, mr_array_count(value));
    return position < 0 ? NULL : mr_array_at(value, (size_t)position);
}

const struct mr_value *value_path_find(const struct value_path *path, const struct mr_value *value, bool with_default)
{
    for (size_t i = 0; value != NULL && i < path->count; i++) {
        const struct value_step *step = &path->steps[i];
        value = step->kind == STEP_NAME ? find_name(step, value, with_default) : find_index(step, value);
    }
    return value;
}
