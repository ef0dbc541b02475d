#include <stdlib.h>
#include <string.h>

#include "support/names.h"
#include "support/schema_plan.h"
#include "transform.h"

#define PURPOSE "field replacement"

static int check_renames(const char *name, const char *text, const struct mr_config *config, const void *argument,
                         struct mr_error **error);

static const struct mr_config_row rows[] = {
    {
        .name = "exclude",
        .type = MR_CONFIG_LIST,
        .default_text = "",
        .importance = MR_MEDIUM,
        .doc = "Fields to leave out, even if include names them.",
        .validator = mr_check_valid_list,
    },
    {
        .name = "include",
        .type = MR_CONFIG_LIST,
        .default_text = "",
        .importance = MR_MEDIUM,
        .doc = "Fields to keep; when empty, all but the excluded ones.",
        .validator = mr_check_valid_list,
    },
    {
        .name = "renames",
        .type = MR_CONFIG_LIST,
        .default_text = "",
        .importance = MR_MEDIUM,
        .doc = "New names of fields that are kept: old:new,other:another.",
        .validator = check_renames,
    },
    REPLACE_NULL_ROW,
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct replace_field {
    enum side side;
    bool with_default;
    struct names exclude, include;
    struct names olds, news; /* olds.items[i] becomes news.items[i] */
    struct schema_plans plans; /* fields[i]: where field i of the result takes its value from */
};

/* Renames ---------------------------------------------------------------------------------------------------- */

/* "old:new"; colons at the very end do not count. false: it is no such thing. */
static bool split_rename(const char *text, size_t *old_size, size_t *new_size)
{
    size_t size = strlen(text);
    while (size > 0 && text[size - 1] == ':')
        size--;
    const char *colon = memchr(text, ':', size);
    if (colon == NULL || memchr(colon + 1, ':', size - (size_t)(colon + 1 - text)) != NULL)
        return false;
    *old_size = (size_t)(colon - text);
    *new_size = size - *old_size - 1;
    return true;
}

static int check_renames(const char *name, const char *text, const struct mr_config *config, const void *argument,
                         struct mr_error **error)
{
    (void)argument;
    if (text == NULL)
        return 0;
    size_t count = mr_config_list_count(config, name), old_size, new_size;
    for (size_t i = 0; i < count; i++) {
        const char *item = mr_config_list_at(config, name, i);
        if (!split_rename(item, &old_size, &new_size))
            return mr_error_set(error, MR_ERR_CONFIG, "Invalid rename mapping: %s", item);
    }
    return 0;
}

/* From the last on: of two renames of one field the later counts. */
static bool add_renames(struct replace_field *replace, const struct mr_config *config)
{
    size_t old_size, new_size;
    for (size_t i = mr_config_list_count(config, "renames"); i-- > 0;) {
        const char *text = mr_config_list_at(config, "renames", i);
        if (!split_rename(text, &old_size, &new_size))
            continue; /* the validator refused it */
        if (names_find(&replace->olds, (struct mr_bytes){ .data = text, .size = old_size }) >= 0)
            continue;
        if (!names_add(&replace->olds, text, old_size) || !names_add(&replace->news, text + old_size + 1, new_size))
            return false;
    }
    return true;
}

static bool is_kept(const struct replace_field *replace, struct mr_bytes name)
{
    return names_find(&replace->exclude, name) < 0 &&
           (replace->include.count == 0 || names_find(&replace->include, name) >= 0);
}

/* Life ------------------------------------------------------------------------------------------------------- */

static void destroy(void *self)
{
    struct replace_field *replace = self;
    if (replace == NULL)
        return;
    names_release(&replace->exclude);
    names_release(&replace->include);
    names_release(&replace->olds);
    names_release(&replace->news);
    schema_plans_release(&replace->plans);
    free(replace);
}

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    struct replace_field *replace = calloc(1, sizeof(*replace));
    if (replace != NULL && names_add_list(&replace->exclude, config, "exclude") &&
        names_add_list(&replace->include, config, "include") && add_renames(replace, config)) {
        replace->side = side;
        replace->with_default = mr_config_boolean(config, REPLACE_NULL);
        return replace;
    }
    mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for ReplaceField");
    destroy(replace);
    return NULL;
}

/* Records ---------------------------------------------------------------------------------------------------- */

/* Each field of the result takes the value that the field renamed to its name had, whichever field it came from: with
 * renames=a:b, exclude=a and another field b, that is the value of a. So does Kafka Connect. */
static struct schema_plan *build_plan(const void *self, const struct mr_schema *from, struct mr_error **error)
{
    const struct replace_field *replace = self;
    struct mr_schema_builder *builder = mr_schema_builder_from(from, MR_TYPE_STRUCT);
    size_t count = mr_schema_field_count(from);
    for (size_t i = 0; i < count; i++) {
        struct mr_bytes name = bytes_of(mr_schema_field_name(from, i));
        if (!is_kept(replace, name))
            continue;
        int64_t rename = names_find(&replace->olds, name);
        const char *renamed = rename < 0 ? name.data : replace->news.items[rename].text;
        mr_schema_builder_add_field(builder, renamed, mr_schema_field(from, i));
    }
    const struct mr_schema *to = mr_schema_builder_build(builder, error);
    struct schema_plan *plan = schema_plan_create(from, to, to == NULL ? 0 : mr_schema_field_count(to), error);
    for (size_t i = 0; plan != NULL && i < plan->count; i++) {
        const char *name = mr_schema_field_name(to, i);
        int64_t rename = names_find(&replace->news, bytes_of(name));
        plan->fields[i] = mr_schema_field_index(from, rename < 0 ? name : replace->olds.items[rename].text);
    }
    return plan;
}

static int carry(const struct replace_field *replace, const struct schema_plan *plan, size_t i, struct mr_value *updated,
                 const struct mr_value *value, struct mr_error **error)
{
    if (plan->fields[i] < 0)
        return mr_error_set(error, MR_ERR_DATA, "there is no field to be renamed to %s", mr_schema_field_name(plan->to, i));
    size_t source = (size_t)plan->fields[i];
    if (mr_schema_field(plan->to, i) == mr_schema_field(plan->from, source))
        return struct_carry(updated, i, value, source, replace->with_default, error);
    const struct mr_value *field =
        replace->with_default ? mr_struct_at_or_default(value, source) : mr_struct_at(value, source);
    return mr_struct_put(updated, i, field, error);
}

static int apply_with_schema(struct replace_field *replace, struct mr_record *record, const struct mr_value *value,
                             struct mr_emitter *emitter, struct mr_error **error)
{
    if (require_struct(value, PURPOSE, error) < 0)
        return -1;
    const struct schema_plan *plan =
        schema_plans_find(&replace->plans, mr_struct_schema(value), build_plan, replace, error);
    if (plan == NULL)
        return -1;
    struct mr_value *updated = mr_struct_create(mr_record_arena(record), plan->to);
    for (size_t i = 0; updated != NULL && i < plan->count; i++) {
        if (carry(replace, plan, i, updated, value, error) < 0)
            return -1;
    }
    return operand_emit(record, replace->side, plan->to, updated, emitter, error);
}

static int apply_schemaless(struct replace_field *replace, struct mr_record *record, const struct mr_value *value,
                            struct mr_emitter *emitter, struct mr_error **error)
{
    if (require_map(value, PURPOSE, error) < 0)
        return -1;
    struct mr_arena *arena = mr_record_arena(record);
    size_t count = mr_map_count(value);
    struct mr_value *updated = mr_map_create(arena, count);
    for (size_t i = 0; updated != NULL && i < count; i++) {
        const struct mr_value *key = mr_map_key_at(value, i);
        if (mr_value_is_null(key)) { /* is on no list but the empty one */
            if (replace->include.count == 0 && mr_map_put(arena, updated, key, mr_map_value_at(value, i)) < 0)
                return mr_arena_failed(arena, error);
            continue;
        }
        if (mr_value_kind(key) != MR_KIND_STRING)
            return mr_error_set(error, MR_ERR_DATA, "Only maps with text keys supported for [" PURPOSE "], found: %s",
                                mr_kind_name(mr_value_kind(key)));
        struct mr_bytes name = mr_value_bytes(key);
        if (!is_kept(replace, name))
            continue;
        int64_t rename = names_find(&replace->olds, name);
        if (rename >= 0)
            key = mr_string_copy(arena, replace->news.items[rename].text, replace->news.items[rename].size);
        if (key == NULL || mr_map_put(arena, updated, key, mr_map_value_at(value, i)) < 0)
            return mr_arena_failed(arena, error);
    }
    return operand_emit(record, replace->side, NULL, updated, emitter, error);
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct replace_field *replace = self;
    const struct mr_value *value = operand_value(record, replace->side);
    if (mr_value_is_null(value))
        return mr_emit(emitter, record);
    if (operand_schema(record, replace->side) == NULL)
        return apply_schemaless(replace, record, value, emitter, error);
    return apply_with_schema(replace, record, value, emitter, error);
}

TRANSFORM_PAIR(replace_field, "ReplaceField", "Leaves fields out and renames fields.", options);
