#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/value_cast.h"
#include "support/names.h"
#include "support/schema_plan.h"
#include "transform.h"

#define PURPOSE "cast types"
#define ARENA_BYTES ((size_t)64 << 20)

static mr_config_validator check_spec;

static const struct mr_config_row rows[] = {
    {
        .name = "spec",
        .type = MR_CONFIG_LIST,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "Fields and the types they are cast to: field1:type,field2:type; or one type for the whole. Types: int8, int16, "
               "int32, int64, float32, float64, boolean, string. Bytes can become a string only.",
        .validator = check_spec,
    },
    REPLACE_NULL_ROW,
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct cast {
    enum side side;
    bool with_default;
    enum mr_type whole; /* 0: fields are cast */
    struct names fields;
    enum mr_type *types; /* of `fields` */
    struct schema_plans plans; /* fields[i]: the type that field i is cast to, or -1 */
};

/* The option ------------------------------------------------------------------------------------------------- */

/* "field:type", or "type" (field NULL); blanks around both do not count, colons at the very end neither. */
struct item {
    const char *field, *type;
    size_t field_size, type_size;
};

static void trim(const char **text, size_t *size)
{
    while (*size > 0 && (unsigned char)**text <= ' ') {
        (*text)++;
        (*size)--;
    }
    while (*size > 0 && (unsigned char)(*text)[*size - 1] <= ' ')
        (*size)--;
}

/* Kafka Connect's words for too many colons: they show the whole list, under the name of another transform's option. */
static int refuse_colons(const struct mr_config *config, const char *text, struct mr_error **error)
{
    char list[1024] = "";
    size_t count = mr_config_list_count(config, "spec"), length = 0;
    for (size_t i = 0; i < count && length < sizeof(list); i++) {
        int size = snprintf(list + length, sizeof(list) - length, "%s%s", i == 0 ? "" : ", ", mr_config_list_at(config, "spec", i));
        length += size > 0 ? (size_t)size : 0;
    }
    return mr_error_set(error, MR_ERR_CONNECT, "Invalid value [%s] for configuration renames: Invalid rename mapping: %s", list, text);
}

static int split(const struct mr_config *config, const char *text, struct item *item, struct mr_error **error)
{
    size_t size = strlen(text), given = size;
    while (size > 0 && text[size - 1] == ':')
        size--;
    if (size == 0 && given > 0)
        return mr_error_set(error, MR_ERR_CONFIG, "Invalid casting spec: %s", text);
    const char *colon = memchr(text, ':', size);
    *item = (struct item){ .type = text, .type_size = size };
    if (colon != NULL)
        *item = (struct item){ .field = text,
                               .field_size = (size_t)(colon - text),
                               .type = colon + 1,
                               .type_size = size - (size_t)(colon + 1 - text) };
    if (colon != NULL && memchr(item->type, ':', item->type_size) != NULL)
        return refuse_colons(config, text, error);
    trim(&item->type, &item->type_size);
    if (item->field != NULL)
        trim(&item->field, &item->field_size);
    return 0;
}

/* In capitals, as Kafka Connect's words have it. */
static const char *unsupported_name(enum mr_type type)
{
    switch (type) {
    case MR_TYPE_BYTES: return "BYTES";
    case MR_TYPE_ARRAY: return "ARRAY";
    case MR_TYPE_MAP: return "MAP";
    default: return "STRUCT";
    }
}

static int type_of(const struct item *item, enum mr_type *type, struct mr_error **error)
{
    int size = (int)item->type_size;
    for (int i = MR_TYPE_INT8; i <= MR_TYPE_STRUCT; i++) {
        const char *name = mr_type_name((enum mr_type)i);
        *type = (enum mr_type)i;
        if (strlen(name) != item->type_size || strncasecmp(name, item->type, item->type_size) != 0)
            continue;
        if (i <= MR_TYPE_STRING)
            return 0;
        return mr_error_set(error, MR_ERR_CONNECT,
                            "Cast transformation does not support casting to %s; supported types are [INT8, INT16, INT32, "
                            "INT64, FLOAT32, FLOAT64, BOOLEAN, STRING]", unsupported_name(*type));
    }
    return mr_error_set(error, MR_ERR_CONNECT, "Invalid type found in casting spec: %.*s", size, item->type);
}

static int check_spec(const char *name, const char *text, const struct mr_config *config, const void *argument,
                      struct mr_error **error)
{
    struct item item;
    enum mr_type type;
    size_t count = text == NULL ? 0 : mr_config_list_count(config, name), whole = 0;
    (void)argument;
    if (count == 0)
        return mr_error_set(error, MR_ERR_CONNECT, "Must specify at least one field to cast.");
    for (size_t i = 0; i < count; i++) {
        const char *entry = mr_config_list_at(config, name, i);
        if (*entry != '\0' && entry[strspn(entry, ":")] == '\0')
            return 0; /* colons alone: found when the plugin is set up, as in Kafka Connect */
        if (split(config, entry, &item, error) < 0 || type_of(&item, &type, error) < 0)
            return -1;
        whole += item.field == NULL;
    }
    if (whole > 0 && count > 1)
        return mr_error_set(error, MR_ERR_CONNECT,
                            "Cast transformations that specify a type to cast the entire value to may only specify a single "
                            "cast in their spec");
    return 0;
}

/* Life ------------------------------------------------------------------------------------------------------- */

static void destroy(void *self)
{
    struct cast *cast = self;
    if (cast == NULL)
        return;
    names_release(&cast->fields);
    free(cast->types);
    schema_plans_release(&cast->plans);
    free(cast);
}

static int configure(struct cast *cast, const struct mr_config *config, struct mr_error **error)
{
    size_t count = mr_config_list_count(config, "spec");
    cast->with_default = mr_config_boolean(config, REPLACE_NULL);
    cast->types = calloc(count, sizeof(*cast->types));
    if (cast->types == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for Cast");
    for (size_t i = 0; i < count; i++) {
        struct item item;
        enum mr_type type;
        if (split(config, mr_config_list_at(config, "spec", i), &item, error) < 0 || type_of(&item, &type, error) < 0)
            return -1;
        struct mr_bytes field = { .data = item.field, .size = item.field_size };
        int64_t known = item.field == NULL ? -1 : names_find(&cast->fields, field);
        if (item.field == NULL)
            cast->whole = type;
        else if (known >= 0)
            cast->types[known] = type;
        else if (!names_add(&cast->fields, item.field, item.field_size))
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for Cast");
        else
            cast->types[cast->fields.count - 1] = type;
    }
    return 0;
}

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    struct cast *cast = calloc(1, sizeof(*cast));
    if (cast == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for Cast");
        return NULL;
    }
    cast->side = side;
    if (configure(cast, config, error) == 0)
        return cast;
    destroy(cast);
    return NULL;
}

/* Schemas ---------------------------------------------------------------------------------------------------- */

/* The default of `from` goes into the new schema, cast like a value. */
static int cast_default(struct mr_schema_builder *builder, const struct mr_schema *from, enum mr_type type,
                        struct mr_error **error)
{
    if (mr_schema_default(from) == NULL)
        return 0;
    struct mr_arena *arena = mr_arena_create(ARENA_BYTES);
    const struct mr_value *standard = arena == NULL ? NULL : value_cast(arena, from, mr_schema_default(from), type, error);
    if (standard != NULL)
        mr_schema_builder_set_default(builder, standard);
    else
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for Cast");
    mr_arena_destroy(arena);
    return standard == NULL ? -1 : 0;
}

/* Ends the builder. NULL: an error is set. */
static const struct mr_schema *finish(struct mr_schema_builder *builder, const struct mr_schema *from, enum mr_type type,
                                      struct mr_error **error)
{
    mr_schema_builder_set_optional(builder, mr_schema_is_optional(from));
    if (cast_default(builder, from, type, error) == 0)
        return mr_schema_builder_build(builder, error);
    mr_schema_builder_destroy(builder);
    return NULL;
}

static enum mr_type cast_of(const struct cast *cast, const char *field)
{
    int64_t found = names_find(&cast->fields, bytes_of(field));
    return found < 0 ? 0 : cast->types[found];
}

static int add_field(const struct cast *cast, struct mr_schema_builder *builder, const struct mr_schema *from, size_t i,
                     struct mr_error **error)
{
    const char *name = mr_schema_field_name(from, i);
    const struct mr_schema *field = mr_schema_field(from, i);
    enum mr_type type = cast_of(cast, name);
    if (type == 0) {
        mr_schema_builder_add_field(builder, name, field);
        return 0;
    }
    const struct mr_schema *updated = finish(mr_schema_builder_create(type), field, type, error);
    if (updated == NULL)
        return -1;
    mr_schema_builder_add_field(builder, name, updated);
    mr_schema_drop(updated);
    return 0;
}

static const struct mr_schema *struct_schema(const struct cast *cast, const struct mr_schema *from, struct mr_error **error)
{
    struct mr_schema_builder *builder = mr_schema_builder_from(from, MR_TYPE_STRUCT);
    for (size_t i = 0; i < mr_schema_field_count(from); i++) {
        if (add_field(cast, builder, from, i, error) < 0) {
            mr_schema_builder_destroy(builder);
            return NULL;
        }
    }
    return finish(builder, from, MR_TYPE_STRUCT, error);
}

static struct schema_plan *build_plan(const void *self, const struct mr_schema *from, struct mr_error **error)
{
    const struct cast *cast = self;
    if (cast->whole != 0) {
        const struct mr_schema *to = finish(mr_schema_builder_from(from, cast->whole), from, cast->whole, error);
        return schema_plan_create(from, to, 0, error);
    }
    if (mr_schema_type(from) != MR_TYPE_STRUCT) {
        not_a_struct(error);
        return NULL;
    }
    struct schema_plan *plan =
        schema_plan_create(from, struct_schema(cast, from, error), mr_schema_field_count(from), error);
    for (size_t i = 0; plan != NULL && i < plan->count; i++) {
        enum mr_type type = cast_of(cast, mr_schema_field_name(from, i));
        plan->fields[i] = type == 0 ? -1 : (int32_t)type;
    }
    return plan;
}

/* Records ---------------------------------------------------------------------------------------------------- */

static int cast_field(const struct cast *cast, struct mr_arena *arena, const struct schema_plan *plan,
                      struct mr_value *updated, const struct mr_value *value, size_t i, struct mr_error **error)
{
    if (plan->fields[i] < 0)
        return struct_carry(updated, i, value, i, cast->with_default, error);
    const struct mr_value *field = cast->with_default ? mr_struct_at_or_default(value, i) : mr_struct_at(value, i);
    field = value_cast(arena, mr_schema_field(plan->from, i), field, (enum mr_type)plan->fields[i], error);
    return field == NULL ? failed(arena, error) : mr_struct_put(updated, i, field, error);
}

static int apply_with_schema(struct cast *cast, struct mr_record *record, const struct mr_schema *schema,
                             const struct mr_value *value, struct mr_emitter *emitter, struct mr_error **error)
{
    bool is_struct = mr_value_kind(value) == MR_KIND_STRUCT;
    struct mr_arena *arena = mr_record_arena(record);
    const struct schema_plan *plan =
        schema_plans_find(&cast->plans, is_struct ? mr_struct_schema(value) : schema, build_plan, cast, error);
    if (plan == NULL)
        return -1;
    if (cast->whole != 0) {
        const struct mr_value *whole = value_cast(arena, schema, value, cast->whole, error);
        return whole == NULL ? failed(arena, error) : operand_emit(record, cast->side, plan->to, whole, emitter, error);
    }
    if (require_struct(value, PURPOSE, error) < 0)
        return -1;
    struct mr_value *updated = mr_struct_create(arena, plan->to);
    for (size_t i = 0; updated != NULL && i < plan->count; i++) {
        if (cast_field(cast, arena, plan, updated, value, i, error) < 0)
            return -1;
    }
    return operand_emit(record, cast->side, plan->to, updated, emitter, error);
}

static int apply_schemaless(struct cast *cast, struct mr_record *record, const struct mr_value *value,
                            struct mr_emitter *emitter, struct mr_error **error)
{
    struct mr_arena *arena = mr_record_arena(record);
    if (cast->whole != 0) {
        const struct mr_value *whole = value_cast(arena, NULL, value, cast->whole, error);
        return whole == NULL ? failed(arena, error) : operand_emit(record, cast->side, NULL, whole, emitter, error);
    }
    if (require_map(value, PURPOSE, error) < 0)
        return -1;
    struct mr_value *updated = mr_map_copy(arena, value, cast->fields.count);
    for (size_t i = 0; updated != NULL && i < cast->fields.count; i++) {
        const char *name = cast->fields.items[i].text;
        const struct mr_value *field = mr_map_get(value, name);
        field = value_cast(arena, NULL, field == NULL ? mr_null() : field, cast->types[i], error);
        if (field == NULL || mr_map_put_text(arena, updated, name, field) < 0)
            return failed(arena, error);
    }
    return operand_emit(record, cast->side, NULL, updated, emitter, error);
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct cast *cast = self;
    const struct mr_schema *schema = operand_schema(record, cast->side);
    const struct mr_value *value = operand_value(record, cast->side);
    if (mr_value_is_null(value))
        return mr_emit(emitter, record);
    if (schema == NULL)
        return apply_schemaless(cast, record, value, emitter, error);
    return apply_with_schema(cast, record, schema, value, emitter, error);
}

TRANSFORM_PAIR(cast, "Cast", "Casts fields, or the whole, to another type.", options);
