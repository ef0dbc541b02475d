#include "field_path.h"

#include <stdlib.h>
#include <string.h>

const char *const field_syntax_versions[] = { "V1", "V2", NULL };

enum field_syntax field_syntax_of(const struct mr_config *config)
{
    return strcasecmp(mr_config_string(config, FIELD_SYNTAX), "V2") == 0 ? FIELD_SYNTAX_V2 : FIELD_SYNTAX_V1;
}

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a field path");
}

/* Takes the step, which may be NULL for want of memory. */
static int add_step(struct field_path *path, char *step, struct mr_error **error)
{
    char **steps = step == NULL ? NULL : realloc(path->steps, (path->count + 1) * sizeof(*steps));
    if (steps == NULL) {
        free(step);
        return no_memory(error);
    }
    path->steps = steps;
    path->steps[path->count++] = step;
    return 0;
}

static int unclosed(const char *text, size_t at, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_CONFIG,
                        "Incomplete backtick pair in path: [%s], consider adding a backslash before backtick at position %zu "
                        "to escape it", text, at);
}

/* The backtick at `text[at]` opens a step. A backtick before a dot or the end closes it, unless a backslash stands before:
 * then, before a dot, it is part of the name without its backslash; at the end nothing closes the step any more. Other
 * backticks are part of the name. */
static int add_quoted_step(struct field_path *path, const char *text, size_t *at, struct mr_error **error)
{
    char *step = malloc(strlen(text + *at) + 1);
    if (step == NULL)
        return no_memory(error);
    size_t length = 0;
    for (size_t i = *at + 1; text[i] != '\0'; i++) {
        bool may_close = text[i] == '`' && (text[i + 1] == '.' || text[i + 1] == '\0');
        bool is_escaped = may_close && text[i - 1] == '\\';
        if (may_close && !is_escaped) {
            step[length] = '\0';
            *at = i + (text[i + 1] == '.' ? 2 : 1);
            return add_step(path, step, error);
        }
        if (is_escaped && text[i + 1] == '.')
            length--; /* its backslash */
        step[length++] = text[i];
    }
    free(step);
    return unclosed(text, *at, error);
}

static int add_plain_step(struct field_path *path, const char *text, size_t *at, struct mr_error **error)
{
    size_t length = strcspn(text + *at, ".");
    char *step = strndup(text + *at, length);
    *at += length + (text[*at + length] == '.' ? 1 : 0);
    return add_step(path, step, error);
}

static int add_all_steps(struct field_path *path, const char *text, struct mr_error **error)
{
    size_t at = 0, size = strlen(text);
    while (at < size) {
        int added = text[at] == '`' ? add_quoted_step(path, text, &at, error) : add_plain_step(path, text, &at, error);
        if (added < 0)
            return -1;
    }
    return size > 0 && text[size - 1] == '.' ? add_step(path, strdup(""), error) : 0;
}

int field_path_init(struct field_path *path, enum field_syntax syntax, const char *text, struct mr_error **error)
{
    *path = (struct field_path){ .count = 0 };
    int result = syntax == FIELD_SYNTAX_V1 ? add_step(path, strdup(text), error) : add_all_steps(path, text, error);
    if (result < 0)
        field_path_release(path);
    return result;
}

void field_path_release(struct field_path *path)
{
    for (size_t i = 0; i < path->count; i++)
        free(path->steps[i]);
    free(path->steps);
    *path = (struct field_path){ .count = 0 };
}
