#include "sdk/schema_internal.h"

#include <stdarg.h>
#include <string.h>

#include "sdk/value_layout.h"
#include "base/mem.h"
#include "base/bans.h"

/* Names, docs, fields and the default of one schema together. */
#define BUILDER_MAX_BYTES ((size_t)64 << 20)

struct mr_schema_builder {
    struct mr_arena arena; /* texts, tables, the default; keeps the children */
    struct mr_schema draft;
    struct schema_parameter *parameters;
    struct schema_field *fields;
    uint32_t parameter_capacity, field_capacity;
    bool has_mistake;
    struct mr_error *mistake; /* the first one */
};

static bool is_usable(const struct mr_schema_builder *builder)
{
    return builder != NULL && !builder->has_mistake;
}

MR_PRINTF(2, 3)
static void note_mistake(struct mr_schema_builder *builder, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    builder->has_mistake = true;
    mr_error_set_v(&builder->mistake, MR_ERR_DATA, format, args);
    va_end(args);
}

static void note_no_memory(struct mr_schema_builder *builder)
{
    builder->has_mistake = true;
    mr_arena_failed(&builder->arena, &builder->mistake);
}

static const char *builder_text(struct mr_schema_builder *builder, const char *text)
{
    const char *copy = mr_arena_text(&builder->arena, text);
    if (copy == NULL)
        note_no_memory(builder); /* here, or where the text should have been made */
    return copy;
}

/* A table twice as long in the arena; NULL: noted. */
static void *builder_grow(struct mr_schema_builder *builder, const void *old, uint32_t *capacity, size_t row_bytes)
{
    uint32_t more = *capacity == 0 ? 8 : *capacity * 2;
    void *table = mr_arena_alloc(&builder->arena, more * row_bytes);
    if (table == NULL) {
        note_no_memory(builder);
        return NULL;
    }
    if (*capacity > 0)
        memcpy(table, old, *capacity * row_bytes);
    *capacity = more;
    return table;
}

struct mr_schema_builder *mr_schema_builder_create(enum mr_type type)
{
    struct mr_schema_builder *builder = mem_calloc(1, sizeof(*builder));
    if (builder == NULL)
        return NULL;
    arena_init(&builder->arena, BUILDER_MAX_BYTES);
    builder->draft.type = (uint8_t)type;
    builder->draft.depth = 1;
    if (type < MR_TYPE_INT8 || type > MR_TYPE_STRUCT)
        note_mistake(builder, "there is no schema type %d", (int)type);
    return builder;
}

struct mr_schema_builder *mr_schema_builder_from(const struct mr_schema *schema, enum mr_type type)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(type);
    if (builder == NULL || schema == NULL)
        return builder;
    if (schema->name != NULL)
        mr_schema_builder_set_name(builder, schema->name);
    if (schema->has_version)
        mr_schema_builder_set_version(builder, schema->version);
    if (schema->doc != NULL)
        mr_schema_builder_set_doc(builder, schema->doc);
    for (uint32_t i = 0; i < schema->parameter_count; i++)
        mr_schema_builder_set_parameter(builder, schema->parameters[i].key, schema->parameters[i].value);
    return builder;
}

void mr_schema_builder_destroy(struct mr_schema_builder *builder)
{
    if (builder == NULL)
        return;
    arena_release(&builder->arena);
    mr_error_drop(builder->mistake);
    mem_free(builder);
}

void mr_schema_builder_set_optional(struct mr_schema_builder *builder, bool optional)
{
    if (is_usable(builder))
        builder->draft.is_optional = optional;
}

void mr_schema_builder_set_name(struct mr_schema_builder *builder, const char *name)
{
    if (!is_usable(builder))
        return;
    builder->draft.name = builder_text(builder, name);
    builder->draft.logical = (uint8_t)schema_logical_of(builder->draft.name);
}

void mr_schema_builder_set_version(struct mr_schema_builder *builder, int32_t version)
{
    if (!is_usable(builder))
        return;
    builder->draft.has_version = true;
    builder->draft.version = version;
}

void mr_schema_builder_set_doc(struct mr_schema_builder *builder, const char *doc)
{
    if (is_usable(builder))
        builder->draft.doc = builder_text(builder, doc);
}

static struct schema_parameter *parameter_find(struct mr_schema_builder *builder, const char *key)
{
    for (uint32_t i = 0; i < builder->draft.parameter_count; i++)
        if (strcmp(builder->parameters[i].key, key) == 0)
            return &builder->parameters[i];
    return NULL;
}

static struct schema_parameter *parameter_add(struct mr_schema_builder *builder, const char *key)
{
    uint32_t count = builder->draft.parameter_count;
    if (count >= SCHEMA_PARAMETERS_MAX) {
        note_mistake(builder, "a schema has more than %u parameters", SCHEMA_PARAMETERS_MAX);
        return NULL;
    }
    if (count == builder->parameter_capacity) {
        void *table = builder_grow(builder, builder->parameters, &builder->parameter_capacity, sizeof(struct schema_parameter));
        if (table == NULL)
            return NULL;
        builder->parameters = table;
    }
    struct schema_parameter *parameter = &builder->parameters[count];
    parameter->key = builder_text(builder, key);
    builder->draft.parameter_count++;
    return parameter;
}

void mr_schema_builder_set_parameter(struct mr_schema_builder *builder, const char *key, const char *value)
{
    if (!is_usable(builder))
        return;
    if (key == NULL || value == NULL) {
        note_mistake(builder, "a schema parameter needs a name and a value");
        return;
    }
    builder->draft.has_parameters = true;
    struct schema_parameter *parameter = parameter_find(builder, key);
    if (parameter == NULL)
        parameter = parameter_add(builder, key);
    if (parameter != NULL)
        parameter->value = builder_text(builder, value);
}

void mr_schema_builder_set_parameters_present(struct mr_schema_builder *builder)
{
    if (is_usable(builder))
        builder->draft.has_parameters = true;
}

void mr_schema_builder_set_default(struct mr_schema_builder *builder, const struct mr_value *value)
{
    if (!is_usable(builder))
        return;
    if (value == NULL) {
        note_no_memory(builder); /* the constructor failed */
        return;
    }
    builder->draft.default_value = value_is_null(value) ? NULL : mr_value_copy(&builder->arena, value);
    if (builder->draft.default_value == NULL && !value_is_null(value))
        note_no_memory(builder);
}

static void set_child(struct mr_schema_builder *builder, const struct mr_schema **child, const struct mr_schema *schema)
{
    *child = schema;
    if (schema == NULL) {
        note_no_memory(builder); /* where the schema should have been built */
        return;
    }
    if (mr_arena_keep_schema(&builder->arena, schema) < 0)
        note_no_memory(builder);
    if (schema->depth >= builder->draft.depth)
        builder->draft.depth = (uint16_t)(schema->depth + 1);
}

void mr_schema_builder_set_key(struct mr_schema_builder *builder, const struct mr_schema *schema)
{
    if (!is_usable(builder))
        return;
    if (builder->draft.type != MR_TYPE_MAP)
        note_mistake(builder, "a schema of type %s has no key schema", mr_type_name((enum mr_type)builder->draft.type));
    else
        set_child(builder, &builder->draft.key, schema);
}

void mr_schema_builder_set_element(struct mr_schema_builder *builder, const struct mr_schema *schema)
{
    if (!is_usable(builder))
        return;
    if (builder->draft.type != MR_TYPE_MAP && builder->draft.type != MR_TYPE_ARRAY)
        note_mistake(builder, "a schema of type %s has no element schema", mr_type_name((enum mr_type)builder->draft.type));
    else
        set_child(builder, &builder->draft.element, schema);
}

static bool field_is_acceptable(struct mr_schema_builder *builder, const char *name, const struct mr_schema *schema)
{
    if (builder->draft.type != MR_TYPE_STRUCT)
        note_mistake(builder, "a schema of type %s has no fields", mr_type_name((enum mr_type)builder->draft.type));
    else if (name == NULL || name[0] == '\0')
        note_mistake(builder, "a field of a struct schema has no name");
    else if (schema == NULL)
        note_mistake(builder, "field \"%s\" has no schema", name);
    else if (builder->draft.field_count >= SCHEMA_FIELDS_MAX)
        note_mistake(builder, "a struct schema has more than %u fields", SCHEMA_FIELDS_MAX);
    return !builder->has_mistake;
}

/* Does JSON escape anything in it? (Beyond the BMP it does, see json.h.) */
static bool is_odd_name(const char *name)
{
    for (const unsigned char *at = (const unsigned char *)name; *at != '\0'; at++)
        if (*at < ' ' || *at == '"' || *at == '\\' || *at >= 0xF0)
            return true;
    return false;
}

void mr_schema_builder_add_field(struct mr_schema_builder *builder, const char *name, const struct mr_schema *schema)
{
    if (!is_usable(builder) || !field_is_acceptable(builder, name, schema))
        return;
    uint32_t count = builder->draft.field_count;
    if (count == builder->field_capacity) {
        void *table = builder_grow(builder, builder->fields, &builder->field_capacity, sizeof(struct schema_field));
        if (table == NULL)
            return;
        builder->fields = table;
    }
    struct schema_field *field = &builder->fields[count];
    size_t size = strlen(name);
    *field = (struct schema_field){.name = builder_text(builder, name), .name_size = (uint32_t)size,
        .name_hash = schema_name_hash(name, size)};
    builder->draft.has_odd_names |= is_odd_name(name);
    set_child(builder, &field->schema, schema);
    if (is_usable(builder))
        builder->draft.field_count++;
}

/* Building -------------------------------------------------------------------------------------------------- */

static bool names_equal(const struct schema_field *a, const struct schema_field *b)
{
    return a->name_hash == b->name_hash && a->name_size == b->name_size && memcmp(a->name, b->name, a->name_size) == 0;
}

static uint32_t slot_count_for(uint32_t field_count)
{
    uint32_t count = 16;
    while (count < 2 * field_count)
        count *= 2;
    return count;
}

/* Works in the builder's arena: a scratch index finds doubles in one pass. */
static void check_field_names(struct mr_schema_builder *builder)
{
    uint32_t count = builder->draft.field_count, mask = slot_count_for(count) - 1;
    uint32_t *slots = mr_arena_alloc(&builder->arena, (mask + 1) * sizeof(*slots));
    if (slots == NULL) {
        note_no_memory(builder);
        return;
    }
    memset(slots, 0, (mask + 1) * sizeof(*slots));
    for (uint32_t i = 0; i < count; i++) {
        const struct schema_field *field = &builder->fields[i];
        uint32_t at = field->name_hash & mask;
        for (; slots[at] != 0; at = (at + 1) & mask) {
            if (names_equal(&builder->fields[slots[at] - 1], field)) {
                note_mistake(builder, "a struct schema has two fields \"%s\"", field->name);
                return;
            }
        }
        slots[at] = i + 1;
    }
}

static void check_default(struct mr_schema_builder *builder)
{
    const struct mr_schema *draft = &builder->draft;
    const struct mr_value *value = draft->default_value;
    if (value == NULL)
        return;
    if (draft->type == MR_TYPE_STRUCT) { /* whatever its name: SetSchemaMetadata may give it any */
        bool fits = value->kind == MR_KIND_STRUCT && schema_fields_equal(draft, value->structure->schema);
        if (!fits) {
            note_mistake(builder, "the default of a struct schema is no struct with its fields");
            return;
        }
        if (value->structure->schema->depth >= draft->depth) /* its end comes with ours: same recursion */
            builder->draft.depth = (uint16_t)(value->structure->schema->depth + 1);
    } else if (mr_value_validate(draft, value, NULL, &builder->mistake) < 0) {
        mr_error_wrap(&builder->mistake, "the default does not fit its schema");
        builder->has_mistake = true;
    }
}

static void check(struct mr_schema_builder *builder)
{
    builder->draft.fields = builder->fields;
    builder->draft.parameters = builder->parameters;
    if (builder->draft.field_count > 1)
        check_field_names(builder);
    if (is_usable(builder))
        check_default(builder);
    if (is_usable(builder) && builder->draft.depth > SCHEMA_DEPTH_MAX)
        note_mistake(builder, "a schema is nested more than %u levels deep", SCHEMA_DEPTH_MAX);
}

static size_t text_bytes(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

/* The block of a schema, cut into its tables and texts one after the other. */
struct block {
    unsigned char *at;
};

static void *block_cut(struct block *block, size_t size)
{
    void *piece = block->at;
    block->at += size;
    return piece;
}

static const char *block_text(struct block *block, const char *text)
{
    size_t size = text_bytes(text);
    return size == 0 ? NULL : memcpy(block_cut(block, size), text, size);
}

static size_t block_bytes(const struct mr_schema *draft, uint32_t slot_count)
{
    size_t size = sizeof(*draft) + draft->parameter_count * sizeof(struct schema_parameter)
        + draft->field_count * sizeof(struct schema_field) + slot_count * sizeof(uint32_t);
    size += text_bytes(draft->name) + text_bytes(draft->doc);
    for (uint32_t i = 0; i < draft->parameter_count; i++)
        size += text_bytes(draft->parameters[i].key) + text_bytes(draft->parameters[i].value);
    for (uint32_t i = 0; i < draft->field_count; i++)
        size += draft->fields[i].name_size + 1;
    return size;
}

static void fill_tables(struct mr_schema *schema, const struct mr_schema *draft, struct block *block, uint32_t slot_count)
{
    struct schema_parameter *parameters = block_cut(block, draft->parameter_count * sizeof(*parameters));
    schema->fields = block_cut(block, draft->field_count * sizeof(*schema->fields));
    if (slot_count > 0) {
        schema->field_slots = block_cut(block, slot_count * sizeof(uint32_t));
        schema->field_mask = slot_count - 1;
    }
    for (uint32_t i = 0; i < draft->parameter_count; i++) {
        parameters[i].key = block_text(block, draft->parameters[i].key);
        parameters[i].value = block_text(block, draft->parameters[i].value);
    }
    schema->parameters = parameters;
    for (uint32_t i = 0; i < draft->field_count; i++) {
        schema->fields[i] = draft->fields[i];
        schema->fields[i].name = block_text(block, draft->fields[i].name);
        mr_schema_take(schema->fields[i].schema);
    }
    if (slot_count > 0)
        schema_index_fields(schema);
}

static int fill_default(struct mr_schema *schema, const struct mr_value *value, size_t limit_bytes)
{
    schema->default_value = NULL;
    if (value == NULL)
        return 0;
    schema->default_arena = mr_arena_create(limit_bytes);
    if (schema->default_arena != NULL)
        schema->default_value = mr_value_copy(schema->default_arena, value);
    return schema->default_value == NULL ? -1 : 0;
}

/* The draft in a block of its own, with references to its children. NULL: no memory. */
static struct mr_schema *seal(const struct mr_schema *draft)
{
    uint32_t slot_count = draft->field_count > SCHEMA_LINEAR_FIELDS_MAX ? slot_count_for(draft->field_count) : 0;
    struct mr_schema *schema = mem_calloc(1, block_bytes(draft, slot_count));
    if (schema == NULL)
        return NULL;
    memcpy((void *)schema, (const void *)draft, sizeof(*schema));
    atomic_init(&schema->references, 1);
    struct block block = {.at = (unsigned char *)(schema + 1)};
    fill_tables(schema, draft, &block, slot_count);
    schema->name = block_text(&block, draft->name);
    schema->doc = block_text(&block, draft->doc);
    mr_schema_take(schema->key);
    mr_schema_take(schema->element);
    if (fill_default(schema, draft->default_value, SCHEMA_DEFAULT_MAX_BYTES) < 0) {
        schema_free(schema);
        return NULL;
    }
    schema->hash = schema_hash(schema);
    return schema;
}

const struct mr_schema *mr_schema_builder_build(struct mr_schema_builder *builder, struct mr_error **error)
{
    if (builder == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "out of memory");
        return NULL;
    }
    const struct mr_schema *schema = NULL;
    if (is_usable(builder))
        check(builder);
    if (is_usable(builder)) {
        schema = schema_static_find(&builder->draft);
        struct mr_schema *fresh = schema == NULL ? seal(&builder->draft) : NULL;
        if (fresh != NULL)
            schema = schema_intern(fresh);
        if (schema == NULL)
            note_no_memory(builder);
    }
    if (schema == NULL && error != NULL && *error == NULL) {
        *error = builder->mistake;
        builder->mistake = NULL;
    }
    mr_schema_builder_destroy(builder);
    return schema;
}
