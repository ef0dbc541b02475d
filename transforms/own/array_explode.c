#include <stdlib.h>

#include "own/own.h"

static const struct mr_config_row rows[] = {
    {
        .name = "field",
        .type = MR_CONFIG_STRING,
        .default_text = "",
        .importance = MR_HIGH,
        .doc = "Where the array stands: a path like order.lines; empty: the whole key or value. Each element becomes a record of its own, "
               "with the element in place of the whole key or value.",
        .validator = check_value_path,
    },
    {
        .name = "index.header",
        .type = MR_CONFIG_STRING,
        .importance = MR_LOW,
        .doc = "Name of a header that says which element it was, from 0 (int32). Without one there is no such header.",
        .validator = mr_check_not_empty,
    },
    MISSING_ROW,
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct array_explode {
    enum side side;
    enum missing missing;
    struct value_path path;
    char *index_header; /* NULL: none */
};

static void destroy(void *self)
{
    struct array_explode *explode = self;
    if (explode == NULL)
        return;
    value_path_release(&explode->path);
    free(explode->index_header);
    free(explode);
}

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    struct array_explode *explode = calloc(1, sizeof(*explode));
    const char *header = mr_config_string(config, "index.header");
    if (explode == NULL || (header != NULL && (explode->index_header = strdup(header)) == NULL)) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for ArrayExplode");
        destroy(explode);
        return NULL;
    }
    explode->side = side;
    explode->missing = missing_of(config);
    if (value_path_init(&explode->path, mr_config_string(config, "field"), false, error) == 0)
        return explode;
    destroy(explode);
    return NULL;
}

/* The schema of the elements where the path leads; NULL: none. */
static const struct mr_schema *element_schema(const struct value_path *path, const struct mr_schema *schema)
{
    for (size_t i = 0; schema != NULL && i < path->count; i++) {
        int32_t index = -1;
        if (path->steps[i].kind != STEP_NAME || mr_schema_type(schema) == MR_TYPE_MAP) {
            schema = mr_schema_element(schema);
            continue;
        }
        if (mr_schema_type(schema) == MR_TYPE_STRUCT)
            index = mr_schema_field_index(schema, path->steps[i].name);
        schema = index < 0 ? NULL : mr_schema_field(schema, (size_t)index);
    }
    return schema == NULL || mr_schema_type(schema) != MR_TYPE_ARRAY ? NULL : mr_schema_element(schema);
}

static int emit_element(const struct array_explode *explode, const struct mr_record *record, const struct mr_value *array, size_t index,
                        const struct mr_schema *schema, struct mr_emitter *emitter, struct mr_error **error)
{
    struct mr_arena *arena = mr_record_arena(record);
    struct mr_record *part = mr_record_copy(record);
    if (part == NULL)
        return mr_arena_failed(arena, error);
    if (explode->index_header != NULL &&
        mr_record_add_header(part, explode->index_header, mr_schema_primitive(MR_TYPE_INT32, false),
                             mr_int32(arena, (int32_t)index)) < 0)
        return mr_arena_failed(arena, error);
    return operand_emit(part, explode->side, schema, mr_array_at(array, index), emitter, error);
}

/* An empty array makes no record, as a filter would. */
static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct array_explode *explode = self;
    const struct mr_value *array = value_path_find(&explode->path, operand_value(record, explode->side), false);
    if (array == NULL || mr_value_is_null(array))
        return missing_end(explode->missing, &explode->path, record, emitter, error);
    if (mr_value_kind(array) != MR_KIND_ARRAY)
        return mr_error_set(error, MR_ERR_DATA, "at %s stands no array but a value of kind %s",
                            explode->path.count == 0 ? "the top" : explode->path.text, mr_kind_name(mr_value_kind(array)));
    const struct mr_schema *schema = element_schema(&explode->path, operand_schema(record, explode->side));
    for (size_t i = 0; i < mr_array_count(array); i++)
        if (emit_element(explode, record, array, i, schema, emitter, error) < 0)
            return -1;
    return 0;
}

OWN_PAIR(array_explode, "ArrayExplode", "Makes a record of each element of an array.", options);
