/*
 * Objects under a struct schema. Members are expected in the order of the fields, as whoever writes by the same schema
 * writes them: then a name costs one comparison.
 */
#include "sdk/json_internal.h"

#include "base/bans.h"

#define NO_FIELD UINT32_MAX

/* Does `"name"` stand here? Only for names that need no escapes. */
static bool name_stands_here(const struct json_reader *reader, const struct schema_field *field)
{
    size_t left = (size_t)(reader->end - reader->at);
    return left > (size_t)field->name_size + 1 && reader->at[0] == '"' && reader->at[field->name_size + 1] == '"' &&
           memcmp(reader->at + 1, field->name, field->name_size) == 0;
}

static uint32_t field_find(const struct mr_schema *schema, struct mr_bytes name)
{
    int32_t index = schema_field_find(schema, name.data, name.size);
    return index < 0 ? NO_FIELD : (uint32_t)index;
}

/* A member's name, up to its value. */
static enum json_outcome field_read(struct json_reader *reader, const struct mr_schema *schema, uint32_t expected,
                                    uint32_t *index)
{
    struct mr_bytes name;
    if (expected < schema->field_count && !schema->has_odd_names &&
        name_stands_here(reader, &schema->fields[expected])) {
        reader->at += schema->fields[expected].name_size + 2;
        *index = expected;
        return json_colon(reader);
    }
    if (json_peek(reader) != '"')
        return json_broken(reader, "the name of a member");
    if (json_string_read(reader, &name) != JSON_FINE)
        return JSON_BROKEN;
    *index = field_find(schema, name);
    return json_colon(reader);
}

/* Behind a field's value: what Struct#put would say to it. */
static void field_settle(struct json_reader *reader, const struct schema_field *field, enum json_outcome outcome,
                         struct mr_value *cell)
{
    struct mr_error *mistake = NULL;
    if (outcome == JSON_NULLED && field->schema->is_optional) {
        cell->flags = JSON_CELL_SETTLED;
    } else if (outcome == JSON_NULLED) {
        json_bad(reader, cell, field->schema, "null for a required field");
    } else if (outcome == JSON_FINE && reader->has_loose &&
               mr_value_validate(field->schema, cell, field->name, &mistake) != 0) {
        mr_error_drop(mistake);
        json_bad(reader, cell, field->schema, "null inside it for a required value");
    }
}

static enum json_outcome members_read(struct json_reader *reader, const struct mr_schema *schema,
                                      struct mr_value *cells)
{
    uint32_t expected = 0;
    int more = 1;
    while (more > 0) {
        uint32_t index = NO_FIELD;
        if (field_read(reader, schema, expected, &index) != JSON_FINE)
            return JSON_BROKEN;
        if (index == NO_FIELD) {
            if (json_skip(reader) != JSON_FINE)
                return JSON_BROKEN;
        } else {
            const struct schema_field *field = &schema->fields[index];
            enum json_outcome outcome = json_value_as(reader, field->schema, &cells[index]);
            if (outcome == JSON_BROKEN)
                return JSON_BROKEN;
            if (__builtin_expect(outcome == JSON_NULLED || reader->has_loose, 0))
                field_settle(reader, field, outcome, &cells[index]);
            expected = index + 1;
        }
        more = json_next(reader, '}');
    }
    return more < 0 ? JSON_BROKEN : JSON_FINE;
}

/* Nulls so far are fields that were not there, or that settled as they are. */
static enum json_outcome nulls_settle(struct json_reader *reader, const struct mr_schema *schema,
                                      struct mr_value *cells)
{
    bool is_bad = false;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (__builtin_expect(cells[i].kind != MR_KIND_NULL, 1)) {
            is_bad |= (cells[i].flags & JSON_CELL_BAD) != 0;
            continue;
        }
        if ((cells[i].flags & JSON_CELL_BAD) != 0)
            is_bad = true;
        else if ((cells[i].flags & JSON_CELL_SETTLED) != 0)
            cells[i].flags = 0;
        else
            is_bad |= json_null_as(reader, schema->fields[i].schema, &cells[i]) == JSON_BAD;
    }
    return is_bad ? JSON_BAD : JSON_FINE;
}

enum json_outcome json_struct(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell)
{
    if (json_peek(reader) != '{')
        return json_skip(reader) == JSON_FINE ? json_bad(reader, cell, schema, "not an object") : JSON_BROKEN;
    size_t cells_bytes = schema->field_count * sizeof(struct mr_value);
    struct value_struct *body = arena_alloc(reader->arena, sizeof(*body) + cells_bytes);
    if (body == NULL)
        return json_no_memory(reader);
    body->schema = schema;
    memset(body->cells, 0, cells_bytes);
    int content = json_open(reader, '}');
    if (content < 0 || (content > 0 && members_read(reader, schema, body->cells) != JSON_FINE))
        return JSON_BROKEN;
    enum json_outcome outcome = nulls_settle(reader, schema, body->cells);
    *cell = (struct mr_value){.kind = MR_KIND_STRUCT, .structure = body};
    if (outcome == JSON_BAD)
        cell->flags = JSON_CELL_BAD;
    return outcome;
}
