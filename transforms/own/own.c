#include "own/own.h"

#include "support/value_cast.h"

const char *const missing_behaviors[] = { "fail", "include", "exclude", NULL };

enum missing missing_of(const struct mr_config *config)
{
    const char *text = mr_config_string(config, MISSING);
    if (strcmp(text, "fail") == 0)
        return MISSING_FAIL;
    return strcmp(text, "include") == 0 ? MISSING_INCLUDE : MISSING_EXCLUDE;
}

int missing_end(enum missing missing, const struct value_path *path, struct mr_record *record, struct mr_emitter *emitter,
                struct mr_error **error)
{
    if (missing == MISSING_FAIL)
        return mr_error_set(error, MR_ERR_DATA, "there is nothing, or null, at %s (" MISSING " can let such records pass or drop them)",
                            path->count == 0 ? "the top" : path->text);
    return missing == MISSING_INCLUDE ? mr_emit(emitter, record) : 0;
}

struct mr_bytes field_text(struct mr_arena *arena, const struct value_path *path, const struct mr_value *value,
                           struct mr_error **error)
{
    enum mr_kind kind = mr_value_kind(value);
    if (kind == MR_KIND_STRING)
        return mr_value_bytes(value);
    if (kind == MR_KIND_ARRAY || kind == MR_KIND_MAP || kind == MR_KIND_STRUCT || kind == MR_KIND_BYTES) {
        mr_error_set(error, MR_ERR_DATA, "at %s stands a value of kind %s, where text, a number or a boolean is wanted",
                     path->count == 0 ? "the top" : path->text, mr_kind_name(kind));
        return (struct mr_bytes){ .data = NULL };
    }
    const struct mr_value *text = value_cast(arena, NULL, value, MR_TYPE_STRING, error);
    if (text != NULL)
        return mr_value_bytes(text);
    failed(arena, error);
    return (struct mr_bytes){ .data = NULL };
}
