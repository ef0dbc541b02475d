#include <millrace/number_text.h>

#include <stdlib.h>
#include <string.h>

#include "support/names.h"
#include "support/schema_plan.h"
#include "transform.h"

#define PURPOSE "mask fields"

static const struct mr_config_row rows[] = {
    {
        .name = "fields",
        .type = MR_CONFIG_LIST,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "The fields to mask.",
        .validator = mr_check_valid_list,
        .validator_argument = "not empty",
    },
    {
        .name = "replacement",
        .type = MR_CONFIG_STRING,
        .importance = MR_LOW,
        .doc = "What stands in place of the values, for text and numbers only; without it they become empty, 0 or false.",
        .validator = mr_check_not_empty,
    },
    REPLACE_NULL_ROW,
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct mask_field {
    enum side side;
    bool with_default;
    struct names fields;
    char *replacement;             /* NULL: none */
    struct mr_arena *arena;        /* of `number` */
    const struct mr_value *number; /* the replacement as a decimal; NULL: it is no number */
    struct schema_plans plans;     /* fields[i]: 0 where field i is masked */
};

/* Life ------------------------------------------------------------------------------------------------------- */

static void destroy(void *self)
{
    struct mask_field *mask = self;
    if (mask == NULL)
        return;
    names_release(&mask->fields);
    schema_plans_release(&mask->plans);
    mr_arena_destroy(mask->arena);
    free(mask->replacement);
    free(mask);
}

static bool configure(struct mask_field *mask, const struct mr_config *config)
{
    const char *replacement = mr_config_string(config, "replacement");
    mask->with_default = mr_config_boolean(config, REPLACE_NULL);
    if (!names_add_list(&mask->fields, config, "fields"))
        return false;
    if (replacement == NULL)
        return true;
    mask->replacement = strdup(replacement);
    mask->arena = mr_arena_create(1u << 20);
    if (mask->replacement == NULL || mask->arena == NULL)
        return false;
    mask->number = mr_decimal_parse(mask->arena, bytes_of(mask->replacement), NULL);
    return true;
}

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    struct mask_field *mask = calloc(1, sizeof(*mask));
    if (mask != NULL && configure(mask, config)) {
        mask->side = side;
        return mask;
    }
    mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for MaskField");
    destroy(mask);
    return NULL;
}

/* Masks: the masked value; NULL with an error, or without memory ----------------------------------------------- */

static const struct mr_value *mask_number(const struct mask_field *mask, struct mr_arena *arena, enum mr_kind kind,
                                          struct mr_error **error)
{
    int64_t number = mr_decimal_integer(mask->number);
    double wide;
    switch (kind) {
    case MR_KIND_INT8: return mr_int8(arena, (int8_t)number);
    case MR_KIND_INT16: return mr_int16(arena, (int16_t)number);
    case MR_KIND_INT32: return mr_int32(arena, (int32_t)number);
    case MR_KIND_INT64: return mr_int64(arena, number);
    case MR_KIND_DECIMAL: return mr_value_copy(arena, mask->number);
    case MR_KIND_FLOAT32:
    case MR_KIND_FLOAT64:
        if (mr_decimal_float64(mask->number, &wide, error) < 0)
            return NULL;
        return kind == MR_KIND_FLOAT32 ? mr_float32(arena, (float)wide) : mr_float64(arena, wide); /* Java rounds twice */
    default: return NULL;
    }
}

/* BigInteger takes digits alone. */
static const struct mr_value *mask_bigint(const struct mask_field *mask, struct mr_arena *arena, struct mr_error **error)
{
    if (mask->replacement[strspn(mask->replacement, "+-0123456789")] != '\0') {
        mr_error_set(error, MR_ERR_DATA, "Unable to convert %s (class java.lang.String) to number", mask->replacement);
        return NULL;
    }
    struct mr_bytes digits = mr_value_unscaled(mask->number);
    return mr_bigint(arena, digits.data, digits.size);
}

static const struct mr_value *mask_by_replacement(const struct mask_field *mask, struct mr_arena *arena,
                                                  const struct mr_value *value, struct mr_error **error)
{
    enum mr_kind kind = mr_value_kind(value);
    struct mr_bytes text = bytes_of(mask->replacement);
    bool is_exact = kind == MR_KIND_DECIMAL || kind == MR_KIND_BIGINT;
    bool is_number = is_exact || (kind >= MR_KIND_INT8 && kind <= MR_KIND_FLOAT64);
    if (kind == MR_KIND_STRING)
        return mr_string_copy(arena, text.data, text.size);
    if (!is_number) {
        mr_error_set(error, MR_ERR_DATA, "Cannot mask value of kind %s with custom replacement.", mr_kind_name(kind));
        return NULL;
    }
    if (mask->number == NULL) {
        mr_error_set(error, MR_ERR_DATA, "Unable to convert %s (class java.lang.String) to %snumber", mask->replacement,
                     is_exact ? "" : "a ");
        return NULL;
    }
    return kind == MR_KIND_BIGINT ? mask_bigint(mask, arena, error) : mask_number(mask, arena, kind, error);
}

static const struct mr_value *mask_by_nothing(struct mr_arena *arena, const struct mr_value *value, struct mr_error **error)
{
    switch (mr_value_kind(value)) {
    case MR_KIND_BOOLEAN: return mr_boolean(false);
    case MR_KIND_INT8: return mr_int8(arena, 0);
    case MR_KIND_INT16: return mr_int16(arena, 0);
    case MR_KIND_INT32: return mr_int32(arena, 0);
    case MR_KIND_INT64: return mr_int64(arena, 0);
    case MR_KIND_FLOAT32: return mr_float32(arena, 0);
    case MR_KIND_FLOAT64: return mr_float64(arena, 0);
    case MR_KIND_STRING: return mr_string_ref(arena, "", 0);
    case MR_KIND_DECIMAL: return mr_decimal(arena, "", 0, 0);
    case MR_KIND_BIGINT: return mr_bigint(arena, "", 0);
    case MR_KIND_INSTANT: return mr_instant(arena, 0);
    case MR_KIND_ARRAY: return mr_array_create(arena, 0);
    case MR_KIND_MAP: return mr_map_create(arena, 0);
    default:
        mr_error_set(error, MR_ERR_DATA, "Cannot mask value of kind %s", mr_kind_name(mr_value_kind(value)));
        return NULL;
    }
}

static const struct mr_value *masked(const struct mask_field *mask, struct mr_arena *arena, const struct mr_value *value,
                                     struct mr_error **error)
{
    if (mr_value_is_null(value))
        return value;
    return mask->replacement == NULL ? mask_by_nothing(arena, value, error)
                                     : mask_by_replacement(mask, arena, value, error);
}

/* Records ---------------------------------------------------------------------------------------------------- */

static struct schema_plan *build_plan(const void *self, const struct mr_schema *from, struct mr_error **error)
{
    const struct mask_field *mask = self;
    struct schema_plan *plan = schema_plan_create(from, mr_schema_take(from), mr_schema_field_count(from), error);
    for (size_t i = 0; plan != NULL && i < plan->count; i++)
        plan->fields[i] = names_find(&mask->fields, bytes_of(mr_schema_field_name(from, i))) >= 0 ? 0 : -1;
    return plan;
}

static int mask_one(const struct mask_field *mask, struct mr_arena *arena, struct mr_value *updated,
                    const struct mr_value *value, size_t i, struct mr_error **error)
{
    const struct mr_value *field = mask->with_default ? mr_struct_at_or_default(value, i) : mr_struct_at(value, i);
    const struct mr_value *replaced = masked(mask, arena, field, error);
    if (replaced == NULL)
        return failed(arena, error);
    return mr_struct_put(updated, i, replaced, error);
}

static int apply_with_schema(struct mask_field *mask, struct mr_record *record, const struct mr_value *value,
                             struct mr_emitter *emitter, struct mr_error **error)
{
    if (require_struct(value, PURPOSE, error) < 0)
        return -1;
    const struct schema_plan *plan = schema_plans_find(&mask->plans, mr_struct_schema(value), build_plan, mask, error);
    if (plan == NULL)
        return -1;
    struct mr_arena *arena = mr_record_arena(record);
    struct mr_value *updated = mr_struct_create(arena, plan->to);
    for (size_t i = 0; updated != NULL && i < plan->count; i++) {
        int done = plan->fields[i] == 0 ? mask_one(mask, arena, updated, value, i, error)
                                        : struct_carry(updated, i, value, i, mask->with_default, error);
        if (done < 0)
            return -1;
    }
    return operand_emit(record, mask->side, operand_schema(record, mask->side), updated, emitter, error);
}

static int apply_schemaless(struct mask_field *mask, struct mr_record *record, const struct mr_value *value,
                            struct mr_emitter *emitter, struct mr_error **error)
{
    if (require_map(value, PURPOSE, error) < 0)
        return -1;
    struct mr_arena *arena = mr_record_arena(record);
    struct mr_value *updated = mr_map_copy(arena, value, mask->fields.count);
    for (size_t i = 0; updated != NULL && i < mask->fields.count; i++) {
        const char *name = mask->fields.items[i].text;
        const struct mr_value *field = mr_map_get(value, name);
        const struct mr_value *replaced = masked(mask, arena, field == NULL ? mr_null() : field, error);
        if (replaced == NULL || mr_map_put_text(arena, updated, name, replaced) < 0)
            return failed(arena, error);
    }
    return operand_emit(record, mask->side, NULL, updated, emitter, error);
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct mask_field *mask = self;
    const struct mr_value *value = operand_value(record, mask->side);
    if (operand_schema(record, mask->side) == NULL)
        return apply_schemaless(mask, record, value, emitter, error);
    return apply_with_schema(mask, record, value, emitter, error);
}

TRANSFORM_PAIR(mask_field, "MaskField", "Replaces the values of fields by nothing, or by a fixed text or number.", options);
