#include "config/worker_environment.h"

#include <millrace/error.h>
#include <string.h>

#include "base/str_buffer.h"
#include "base/string_map.h"

#include "base/bans.h"

#define PREFIX "CONNECT_"
#define PREFIX_LENGTH (sizeof(PREFIX) - 1)
#define RUN_MAX 3

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void append_name(struct str_buffer *name, const char *variable, size_t length)
{
    static const char meant[RUN_MAX + 1] = {0, '.', '_', '-'};
    for (size_t i = 0; i < length;) {
        size_t run = 0;
        while (i + run < length && variable[i + run] == '_')
            run++;
        if (run == 0)
            str_buffer_append_char(name, lower(variable[i++]));
        else if (i > 0 && i + run < length && run <= RUN_MAX)
            str_buffer_append_char(name, meant[run]);
        else
            str_buffer_append(name, variable + i, run);
        i += run;
    }
}

static int put(struct string_map *properties, const char *variable, const char *equals, struct mr_error **error)
{
    size_t length = (size_t)(equals - variable);
    if (length > WORKER_ENVIRONMENT_NAME_MAX)
        return mr_error_set(error, MR_ERR_CONFIG, "An environment variable's name is longer than %d bytes: %.40s…. Say this property in a file",
                            WORKER_ENVIRONMENT_NAME_MAX, variable);
    struct str_buffer name;
    int status = 0;
    str_buffer_init(&name, WORKER_ENVIRONMENT_NAME_MAX);
    append_name(&name, variable + PREFIX_LENGTH, length - PREFIX_LENGTH);
    if (!str_buffer_failed(&name) && string_map_has(properties, str_buffer_text(&name)))
        status = mr_error_set(error, MR_ERR_CONFIG, "Two environment variables set %s, one of them %.*s: take one away",
                              str_buffer_text(&name), (int)length, variable);
    else if (str_buffer_failed(&name) || !string_map_put(properties, str_buffer_text(&name), equals + 1))
        status = mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for the worker's environment");
    str_buffer_release(&name);
    return status;
}

struct string_map *worker_environment_read(char *const *variables, struct mr_error **error)
{
    struct string_map *properties = string_map_create();
    if (properties == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for the worker's environment");
    for (; properties != NULL && *variables != NULL; variables++) {
        const char *equals = strchr(*variables, '=');
        if (equals == NULL || strncmp(*variables, PREFIX, PREFIX_LENGTH) != 0 || equals == *variables + PREFIX_LENGTH)
            continue;
        if (put(properties, *variables, equals, error) != 0) {
            string_map_destroy(properties);
            properties = NULL;
        }
    }
    return properties;
}
