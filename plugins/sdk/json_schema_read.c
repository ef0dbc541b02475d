/*
 * Schemas from JSON. The text is read into maps first, a "default" being kept as text (JSON_RAW_DEFAULTS): how it is to
 * be read depends on the rest of its schema, which may come after it.
 */
#include "sdk/json_internal.h"

#include "base/bans.h"

/* Everything one schema text may need while it is read. */
#define SCRATCH_MAX_BYTES ((size_t)256 << 20)

struct schema_reader {
    struct mr_arena scratch;
    uint32_t flags;
    uint32_t depth;
    struct mr_error **error;
};

static const struct mr_schema *schema_from(struct schema_reader *reader, const struct mr_value *json);

static const struct mr_schema *refuse(struct schema_reader *reader, const char *words)
{
    mr_error_set(reader->error, MR_ERR_DATA, "The JSON of a schema is not acceptable: %s", words);
    return NULL;
}

static const struct mr_value *member(const struct mr_value *json, const char *name)
{
    return value_kind(json) == MR_KIND_MAP ? mr_map_get(json, name) : NULL;
}

static bool is_plain_text(const struct mr_value *json)
{
    return json != NULL && value_is_text(json) && (json->flags & JSON_CELL_RAW) == 0;
}

static bool type_of(const struct mr_value *name, enum mr_type *type)
{
    static const struct {
        const char *name;
        enum mr_type type;
    } TYPES[] = {{"boolean", MR_TYPE_BOOLEAN}, {"int8", MR_TYPE_INT8},   {"int16", MR_TYPE_INT16},
                 {"int32", MR_TYPE_INT32},     {"int64", MR_TYPE_INT64}, {"float", MR_TYPE_FLOAT32},
                 {"double", MR_TYPE_FLOAT64},  {"bytes", MR_TYPE_BYTES}, {"string", MR_TYPE_STRING},
                 {"array", MR_TYPE_ARRAY},     {"map", MR_TYPE_MAP},     {"struct", MR_TYPE_STRUCT}};
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
        if (value_text_is(name, TYPES[i].name, strlen(TYPES[i].name))) {
            *type = TYPES[i].type;
            return true;
        }
    }
    return false;
}

/* NUL-terminated, without a NUL inside; NULL: filled in the error. */
static const char *text_of(struct schema_reader *reader, const struct mr_value *text)
{
    if (memchr(text->bytes, '\0', text->length) != NULL) {
        refuse(reader, "a text in it contains U+0000");
        return NULL;
    }
    char *copy = arena_alloc(&reader->scratch, (size_t)text->length + 1);
    if (copy == NULL) {
        mr_arena_failed(&reader->scratch, reader->error);
        return NULL;
    }
    memcpy(copy, text->bytes, text->length);
    copy[text->length] = '\0';
    return copy;
}

/* Parts ----------------------------------------------------------------------------------------------------- */

static int parameter_set(struct schema_reader *reader, struct mr_schema_builder *builder,
                         const struct value_entry *entry)
{
    const struct mr_value *text = &entry->value;
    if ((text->flags & JSON_CELL_RAW) != 0) /* a parameter that is called default */
        text = json_read_text(&reader->scratch, value_bytes(text), NULL, 0, 0, reader->error);
    if (text == NULL)
        return -1;
    if (!value_is_text(text)) {
        refuse(reader, "a parameter is not text");
        return -1;
    }
    const char *key = text_of(reader, &entry->key), *value = key == NULL ? NULL : text_of(reader, text);
    if (value == NULL)
        return -1;
    mr_schema_builder_set_parameter(builder, key, value);
    return 0;
}

static int parameters_set(struct schema_reader *reader, struct mr_schema_builder *builder, const struct mr_value *json)
{
    if (json == NULL || value_kind(json) != MR_KIND_MAP)
        return 0;
    for (uint32_t i = 0; i < json->map->count; i++)
        if (parameter_set(reader, builder, &json->map->entries[i]) != 0)
            return -1;
    return 0;
}

static int head_set(struct schema_reader *reader, struct mr_schema_builder *builder, const struct mr_value *json)
{
    const struct mr_value *optional = member(json, "optional"), *version = member(json, "version");
    const struct mr_value *name = member(json, "name"), *doc = member(json, "doc");
    mr_schema_builder_set_optional(builder,
                                   optional != NULL && value_kind(optional) == MR_KIND_BOOLEAN && optional->boolean);
    if (is_plain_text(name)) {
        const char *text = text_of(reader, name);
        if (text == NULL)
            return -1;
        mr_schema_builder_set_name(builder, text);
    }
    if (version != NULL && value_kind(version) == MR_KIND_INT64)
        mr_schema_builder_set_version(builder, (int32_t)version->integer);
    if (is_plain_text(doc)) {
        const char *text = text_of(reader, doc);
        if (text == NULL)
            return -1;
        mr_schema_builder_set_doc(builder, text);
    }
    return parameters_set(reader, builder, member(json, "parameters"));
}

/* A key or element schema. */
static int child_set(struct schema_reader *reader, struct mr_schema_builder *builder, const struct mr_value *json,
                     const char *name, void (*set)(struct mr_schema_builder *, const struct mr_schema *))
{
    const struct mr_value *child = member(json, name);
    if (child == NULL || value_is_null(child)) {
        mr_error_set(reader->error, MR_ERR_DATA, "The JSON of a schema is not acceptable: it has no \"%s\"", name);
        return -1;
    }
    const struct mr_schema *schema = schema_from(reader, child);
    if (schema == NULL)
        return -1;
    set(builder, schema);
    mr_schema_drop(schema);
    return 0;
}

static int field_add(struct schema_reader *reader, struct mr_schema_builder *builder, const struct mr_value *json)
{
    const struct mr_value *name = member(json, "field");
    if (!is_plain_text(name)) {
        refuse(reader, "an entry of \"fields\" has no \"field\" with its name");
        return -1;
    }
    const char *text = text_of(reader, name);
    const struct mr_schema *schema = text == NULL ? NULL : schema_from(reader, json);
    if (schema == NULL)
        return -1;
    mr_schema_builder_add_field(builder, text, schema);
    mr_schema_drop(schema);
    return 0;
}

static int fields_add(struct schema_reader *reader, struct mr_schema_builder *builder, const struct mr_value *json)
{
    const struct mr_value *fields = member(json, "fields");
    if (fields == NULL || value_kind(fields) != MR_KIND_ARRAY) {
        refuse(reader, "the \"fields\" of a struct are no array");
        return -1;
    }
    for (uint32_t i = 0; i < fields->array->count; i++)
        if (field_add(reader, builder, &fields->array->cells[i]) != 0)
            return -1;
    return 0;
}

static int children_set(struct schema_reader *reader, struct mr_schema_builder *builder, enum mr_type type,
                        const struct mr_value *json)
{
    switch (type) {
    case MR_TYPE_ARRAY:
        return child_set(reader, builder, json, "items", mr_schema_builder_set_element);
    case MR_TYPE_MAP:
        if (child_set(reader, builder, json, "keys", mr_schema_builder_set_key) != 0)
            return -1;
        return child_set(reader, builder, json, "values", mr_schema_builder_set_element);
    case MR_TYPE_STRUCT:
        return fields_add(reader, builder, json);
    default:
        return 0;
    }
}

/* Whole ----------------------------------------------------------------------------------------------------- */

static struct mr_schema_builder *builder_fill(struct schema_reader *reader, enum mr_type type,
                                              const struct mr_value *json)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(type);
    if (builder == NULL) {
        mr_error_set(reader->error, MR_ERR_NO_MEMORY, "out of memory for a schema");
        return NULL;
    }
    if (children_set(reader, builder, type, json) == 0 && head_set(reader, builder, json) == 0)
        return builder;
    mr_schema_builder_destroy(builder);
    return NULL;
}

/* The same schema with the default that `text` is; `plain` is the schema without it. */
static const struct mr_schema *with_default(struct schema_reader *reader, const struct mr_schema *plain,
                                            const struct mr_value *text)
{
    const struct mr_value *value =
        json_read_text(&reader->scratch, value_bytes(text), plain, reader->flags, 0, reader->error);
    if (value == NULL)
        return NULL;
    if (value_is_null(value) && plain->is_optional)
        return mr_schema_take(plain);
    if (value_is_null(value))
        return refuse(reader, "a default is null or of the wrong type, and its schema not optional");
    if (plain->type == MR_TYPE_STRUCT)
        return refuse(reader, "a struct cannot have a default");
    struct mr_schema_builder *builder = mr_schema_builder_from(plain, (enum mr_type)plain->type);
    if (builder == NULL) {
        mr_error_set(reader->error, MR_ERR_NO_MEMORY, "out of memory for a schema");
        return NULL;
    }
    mr_schema_builder_set_optional(builder, plain->is_optional);
    if (plain->key != NULL)
        mr_schema_builder_set_key(builder, plain->key);
    if (plain->element != NULL)
        mr_schema_builder_set_element(builder, plain->element);
    mr_schema_builder_set_default(builder, value);
    return mr_schema_builder_build(builder, reader->error);
}

static const struct mr_schema *schema_make(struct schema_reader *reader, const struct mr_value *json)
{
    enum mr_type type;
    const struct mr_value *type_name = member(json, "type"), *standard = member(json, "default");
    if (!is_plain_text(type_name))
        return refuse(reader, "it has no \"type\"");
    if (!type_of(type_name, &type))
        return refuse(reader,
                      "its \"type\" is unknown (known: boolean, int8 … int64, float, double, bytes, string, array, "
                      "map, struct)");
    struct mr_schema_builder *builder = builder_fill(reader, type, json);
    const struct mr_schema *plain = builder == NULL ? NULL : mr_schema_builder_build(builder, reader->error);
    if (plain == NULL || standard == NULL)
        return plain;
    const struct mr_schema *schema = with_default(reader, plain, standard);
    mr_schema_drop(plain);
    return schema;
}

static const struct mr_schema *schema_from(struct schema_reader *reader, const struct mr_value *json)
{
    if (reader->depth >= SCHEMA_DEPTH_MAX)
        return refuse(reader, "it is nested too deep");
    reader->depth++;
    const struct mr_schema *schema = schema_make(reader, json);
    reader->depth--;
    return schema;
}

const struct mr_schema *json_schema_parse(struct mr_bytes text, uint32_t flags, uint32_t depth, struct mr_error **error)
{
    struct schema_reader reader = {.flags = flags, .error = error};
    const struct mr_schema *schema = NULL;
    arena_init(&reader.scratch, SCRATCH_MAX_BYTES);
    const struct mr_value *json = json_read_text(&reader.scratch, text, NULL, JSON_RAW_DEFAULTS, depth, error);
    if (json != NULL)
        schema = schema_from(&reader, json);
    arena_release(&reader.scratch);
    return schema;
}

const struct mr_schema *mr_json_schema_read(struct mr_bytes text, struct mr_error **error)
{
    return mr_json_schema_read_with(text, 0, error);
}

const struct mr_schema *mr_json_schema_read_with(struct mr_bytes text, uint32_t flags, struct mr_error **error)
{
    struct mr_arena arena; /* for a text in another encoding */
    const struct mr_schema *schema = NULL;
    arena_init(&arena, SCRATCH_MAX_BYTES);
    if (json_encoding_detect(&arena, &text, error) == 0)
        schema = json_schema_parse(text, flags & MR_JSON_KEEP_NULLS, 0, error);
    arena_release(&arena);
    return schema;
}
