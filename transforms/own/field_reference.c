#include "own/field_reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const of_transaction[] = { "id", "data_collection_order", "total_order", NULL };
static const char *const of_envelope[] = { "op", "ts_ms", "ts_us", "ts_ns", NULL };

static bool is_among(const char *const *names, const char *name)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static const char *usual_structure(const char *field)
{
    if (is_among(of_transaction, field))
        return "transaction";
    if (is_among(of_envelope, field))
        return NULL;
    return strcmp(field, "updateDescription") == 0 ? "updateDescription" : "source";
}

/* "struct.field:new" apart; lengths of 0: not there. false: no such thing. */
struct pieces {
    const char *structure, *field, *renamed;
    size_t structure_size, field_size;
};

static bool split(const char *text, struct pieces *pieces)
{
    size_t size = strcspn(text, ":"), dot = strcspn(text, ".:");
    const char *renamed = text[size] == ':' ? text + size + 1 : NULL;
    *pieces = (struct pieces){ .field = text, .field_size = size, .renamed = renamed };
    if (dot < size)
        *pieces = (struct pieces){ text, text + dot + 1, renamed, dot, size - dot - 1 };
    return pieces->field_size > 0 && (dot >= size || dot > 0) && memchr(pieces->field, '.', pieces->field_size) == NULL &&
           (renamed == NULL || (*renamed != '\0' && strchr(renamed, ':') == NULL));
}

int check_field_references(const char *name, const char *text, const struct mr_config *config, const void *argument,
                           struct mr_error **error)
{
    (void)text, (void)argument;
    struct pieces pieces;
    for (size_t i = 0; i < mr_config_list_count(config, name); i++)
        if (!split(mr_config_list_at(config, name, i), &pieces))
            return mr_error_set(error, MR_ERR_CONFIG, "'%s' is none of field, struct.field, field:name", mr_config_list_at(config, name, i));
    return 0;
}

static char *new_name(const struct pieces *pieces, const char *prefix)
{
    size_t room = strlen(prefix) + pieces->structure_size + pieces->field_size + (pieces->renamed == NULL ? 0 : strlen(pieces->renamed)) + 2;
    char *name = malloc(room);
    if (name == NULL)
        return NULL;
    if (pieces->renamed != NULL)
        snprintf(name, room, "%s%s", prefix, pieces->renamed);
    else
        snprintf(name, room, "%s%.*s%s%.*s", prefix, (int)pieces->structure_size, pieces->structure == NULL ? "" : pieces->structure,
                 pieces->structure_size > 0 ? "_" : "", (int)pieces->field_size, pieces->field);
    return name;
}

static bool read_one(struct field_reference *reference, const char *text, const char *prefix)
{
    struct pieces pieces;
    split(text, &pieces);
    reference->field = strndup(pieces.field, pieces.field_size);
    reference->name = new_name(&pieces, prefix);
    if (reference->field == NULL || reference->name == NULL)
        return false;
    const char *usual = pieces.structure != NULL ? pieces.structure : usual_structure(reference->field);
    if (usual == NULL)
        return true;
    reference->structure = pieces.structure != NULL ? strndup(usual, pieces.structure_size) : strdup(usual);
    return reference->structure != NULL;
}

bool field_references_read(struct field_references *references, const struct mr_config *config, const char *list_option,
                           const char *prefix_option)
{
    size_t count = mr_config_list_count(config, list_option);
    const char *prefix = mr_config_string(config, prefix_option);
    references->items = calloc(count + 1, sizeof(*references->items));
    for (; references->items != NULL && references->count < count; references->count++)
        if (!read_one(&references->items[references->count], mr_config_list_at(config, list_option, references->count), prefix)) {
            references->count++;
            return false;
        }
    return references->items != NULL;
}

void field_references_release(struct field_references *references)
{
    for (size_t i = 0; i < references->count; i++) {
        free(references->items[i].structure);
        free(references->items[i].field);
        free(references->items[i].name);
    }
    free(references->items);
    *references = (struct field_references){ .count = 0 };
}

static bool find_in(struct reference_found *found, const struct mr_schema *schema, const struct mr_value *value, const char *field)
{
    int32_t index = schema == NULL || mr_schema_type(schema) != MR_TYPE_STRUCT ? -1 : mr_schema_field_index(schema, field);
    if (index < 0)
        return false;
    bool has_value = value != NULL && mr_value_kind(value) == MR_KIND_STRUCT;
    *found = (struct reference_found){ mr_schema_field(schema, (size_t)index), has_value ? mr_struct_at(value, (size_t)index) : mr_null() };
    return true;
}

struct reference_found field_reference_find(const struct field_reference *reference, const struct mr_value *envelope)
{
    struct reference_found found = { NULL, mr_null() }, parent = { mr_struct_schema(envelope), envelope };
    if (reference->structure != NULL && !find_in(&parent, mr_struct_schema(envelope), envelope, reference->structure))
        parent = (struct reference_found){ NULL, mr_null() };
    if (!find_in(&found, parent.schema, parent.value, reference->field))
        find_in(&found, mr_struct_schema(envelope), envelope, reference->field);
    return found;
}
