#include "results.h"

#include <millrace/json.h>
#include <millrace/number_text.h>
#include <string.h>

#define NAME_MAX_BYTES 256

static const struct mr_value *member(const struct mr_value *value, const char *name, size_t size)
{
    char text[NAME_MAX_BYTES];

    if (mr_value_kind(value) != MR_KIND_MAP || size >= sizeof(text))
        return NULL;
    if (size == 1 && name[0] == '*')
        return mr_map_count(value) == 1 ? mr_map_value_at(value, 0) : NULL;
    memcpy(text, name, size);
    text[size] = '\0';
    return mr_map_get(value, text);
}

static const struct mr_value *at_path(const struct mr_value *value, const char *path)
{
    if (strcmp(path, ".") == 0)
        return value;
    while (value != NULL && *path != '\0') {
        size_t size = strcspn(path, ".");

        value = member(value, path, size);
        path += size + (path[size] == '.');
    }
    return value;
}

void results_read(struct results *results, struct mr_arena *arena, struct mr_bytes body, const char *path,
                  const char *status_path, size_t count)
{
    const struct mr_value *answer = mr_json_read(arena, body, 0, NULL);
    const struct mr_value *array = answer == NULL ? NULL : at_path(answer, path);

    *results = (struct results){.status_path = status_path};
    if (array != NULL && mr_value_kind(array) == MR_KIND_ARRAY && mr_array_count(array) == count)
        results->array = array;
}

static bool is_status(int64_t number)
{
    return number >= 100 && number <= 599;
}

long results_status(const struct results *results, size_t index)
{
    const struct mr_value *element = results->array == NULL ? NULL : mr_array_at(results->array, index);
    const struct mr_value *status = element == NULL ? NULL : at_path(element, results->status_path);
    int64_t number;

    if (status == NULL)
        return 0;
    if (mr_value_kind(status) == MR_KIND_BOOLEAN)
        return mr_value_boolean(status) ? 200 : 400;
    if (mr_value_kind(status) == MR_KIND_STRING)
        return mr_int64_parse(mr_value_bytes(status), &number) && is_status(number) ? (long)number : 0;
    number = mr_value_kind(status) == MR_KIND_INT64 ? mr_value_integer(status) : 0;
    return is_status(number) ? (long)number : 0;
}
