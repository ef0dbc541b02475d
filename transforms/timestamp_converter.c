#include <stdlib.h>
#include <string.h>

#include "calendar.h"
#include "date_format.h"
#include "support/schema_plan.h"
#include "transform.h"

#define PURPOSE "converting timestamp formats"
#define ARENA_BYTES ((size_t)64 << 20)

/* The forms of a timestamp, in the order in which Kafka Connect tells them to who misspelt one. */
enum form { FORM_STRING, FORM_UNIX, FORM_DATE, FORM_TIME, FORM_TIMESTAMP, FORM_UNKNOWN };
static const char *const target_types[] = { "string", "unix", "Date", "Time", "Timestamp", NULL };

enum precision { NANOSECONDS, MICROSECONDS, MILLISECONDS, SECONDS };
static const char *const precisions[] = { "nanoseconds", "microseconds", "milliseconds", "seconds", NULL };

static const struct mr_config_row rows[] = {
    {
        .name = "field",
        .type = MR_CONFIG_STRING,
        .default_text = "",
        .importance = MR_HIGH,
        .doc = "The field with the timestamp; empty when the whole key or value is one.",
    },
    {
        .name = "target.type",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "What the timestamp becomes: string, unix, Date, Time or Timestamp.",
        .validator = mr_check_one_of,
        .validator_argument = target_types,
    },
    {
        .name = "format",
        .type = MR_CONFIG_STRING,
        .default_text = "",
        .importance = MR_MEDIUM,
        .doc = "How text is read and written (in UTC): a pattern of java.text.SimpleDateFormat.",
    },
    {
        .name = "unix.precision",
        .type = MR_CONFIG_STRING,
        .default_text = "milliseconds",
        .importance = MR_LOW,
        .doc = "What unix timestamps count: seconds, milliseconds, microseconds or nanoseconds. Parts of a millisecond are lost.",
        .validator = mr_check_one_of,
        .validator_argument = precisions,
    },
    REPLACE_NULL_ROW,
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct timestamp_converter {
    enum side side;
    bool with_default;
    enum form target;
    enum precision precision;
    struct date_format *format; /* NULL: none */
    char *pattern;              /* of it, for messages */
    struct schema_plans plans;  /* fields[i]: for the timestamp the form it has, else -1 */
    char field[];               /* "": the whole */
};

/* Life ------------------------------------------------------------------------------------------------------- */

static void destroy(void *self)
{
    struct timestamp_converter *converter = self;
    if (converter == NULL)
        return;
    schema_plans_release(&converter->plans);
    date_format_destroy(converter->format);
    free(converter->pattern);
    free(converter);
}

static int index_of(const char *const *names, const char *name)
{
    int i = 0;
    while (names[i + 1] != NULL && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\n\v\f\r")] == '\0';
}

static int configure(struct timestamp_converter *converter, const struct mr_config *config, struct mr_error **error)
{
    const char *pattern = mr_config_string(config, "format");
    converter->target = (enum form)index_of(target_types, mr_config_string(config, "target.type"));
    converter->precision = (enum precision)index_of(precisions, mr_config_string(config, "unix.precision"));
    converter->with_default = mr_config_boolean(config, REPLACE_NULL);
    if (is_blank(pattern) && converter->target == FORM_STRING)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "TimestampConverter requires format option to be specified when using string timestamps");
    if (is_blank(pattern))
        return 0;
    converter->pattern = strdup(pattern);
    if (converter->pattern == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for TimestampConverter");
    converter->format = date_format_create(pattern, error);
    if (converter->format == NULL)
        return mr_error_wrap(error, "TimestampConverter requires a SimpleDateFormat-compatible pattern for string timestamps: %s",
                             pattern);
    return 0;
}

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    const char *field = mr_config_string(config, "field");
    struct timestamp_converter *converter = calloc(1, sizeof(*converter) + strlen(field) + 1);
    if (converter == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for TimestampConverter");
        return NULL;
    }
    converter->side = side;
    memcpy(converter->field, field, strlen(field) + 1);
    if (configure(converter, config, error) == 0)
        return converter;
    destroy(converter);
    return NULL;
}

/* Forms ------------------------------------------------------------------------------------------------------ */

static int form_of_schema(const struct mr_schema *schema, enum form *form, struct mr_error **error)
{
    switch (mr_schema_logical_type(schema)) {
    case MR_LOGICAL_TIMESTAMP: *form = FORM_TIMESTAMP; return 0;
    case MR_LOGICAL_DATE: *form = FORM_DATE; return 0;
    case MR_LOGICAL_TIME: *form = FORM_TIME; return 0;
    default: break;
    }
    *form = mr_schema_type(schema) == MR_TYPE_STRING ? FORM_STRING
          : mr_schema_type(schema) == MR_TYPE_INT64  ? FORM_UNIX
                                                     : FORM_UNKNOWN;
    if (*form != FORM_UNKNOWN)
        return 0;
    const char *name = mr_schema_name(schema);
    return data_error(error, CONNECT_EXCEPTION, "Schema Schema{%s%s%s} does not correspond to a known timestamp type format",
                      name == NULL ? "" : name, name == NULL ? "" : ":", mr_type_name(mr_schema_type(schema)));
}

static enum form form_of_value(const struct mr_value *value)
{
    switch (mr_value_kind(value)) {
    case MR_KIND_INSTANT: return FORM_TIMESTAMP;
    case MR_KIND_INT64: return FORM_UNIX;
    case MR_KIND_STRING: return FORM_STRING;
    default: return FORM_UNKNOWN;
    }
}

static const struct mr_schema *schema_of(enum form form, bool is_optional)
{
    switch (form) {
    case FORM_TIMESTAMP: return mr_schema_logical(MR_LOGICAL_TIMESTAMP, is_optional);
    case FORM_DATE: return mr_schema_logical(MR_LOGICAL_DATE, is_optional);
    case FORM_TIME: return mr_schema_logical(MR_LOGICAL_TIME, is_optional);
    case FORM_UNIX: return mr_schema_primitive(MR_TYPE_INT64, is_optional);
    default: return mr_schema_primitive(MR_TYPE_STRING, is_optional);
    }
}

/* The nearest int64 where the product is beyond it. */
static int64_t multiply(int64_t number, int64_t factor)
{
    int64_t product;
    if (__builtin_mul_overflow(number, factor, &product))
        return number < 0 ? INT64_MIN : INT64_MAX;
    return product;
}

static int64_t ms_of_unix(enum precision precision, int64_t unix_time)
{
    switch (precision) {
    case SECONDS: return multiply(unix_time, 1000);
    case MICROSECONDS: return unix_time / 1000;
    case NANOSECONDS: return unix_time / 1000000;
    default: return unix_time;
    }
}

static int64_t unix_of_ms(enum precision precision, int64_t ms)
{
    switch (precision) {
    case SECONDS: return ms / 1000;
    case MICROSECONDS: return multiply(ms, 1000);
    case NANOSECONDS: return multiply(ms, 1000000);
    default: return ms;
    }
}

static int ms_of_text(const struct timestamp_converter *converter, struct mr_bytes text, int64_t *ms,
                      struct mr_error **error)
{
    if (converter->format == NULL)
        return data_error(error, NULL_POINTER, "TimestampConverter: text cannot be read without the option format");
    if (date_format_parse(converter->format, text, ms))
        return 0;
    int shown = text.size > 200 ? 200 : (int)text.size;
    return mr_error_set(error, MR_ERR_DATA, "Could not parse timestamp: value (%.*s) does not match pattern (%s)", shown,
                        (const char *)text.data, converter->pattern);
}

static int ms_of(const struct timestamp_converter *converter, enum form form, const struct mr_value *value, int64_t *ms,
                 struct mr_error **error)
{
    enum form found = form_of_value(value);
    bool is_instant = form == FORM_DATE || form == FORM_TIME || form == FORM_TIMESTAMP;
    bool fits = is_instant ? found == FORM_TIMESTAMP : found == form;
    if (found == FORM_UNKNOWN && form == FORM_UNKNOWN)
        return mr_error_set(error, MR_ERR_DATA, "TimestampConverter does not support values of kind %s as timestamps",
                            mr_kind_name(mr_value_kind(value)));
    if (!fits)
        return mr_error_set(error, MR_ERR_DATA, "Expected %s timestamp, but found a value of kind %s", target_types[form],
                            mr_kind_name(mr_value_kind(value)));
    if (form == FORM_STRING)
        return ms_of_text(converter, mr_value_bytes(value), ms, error);
    *ms = mr_value_integer(value);
    if (form == FORM_UNIX)
        *ms = ms_of_unix(converter->precision, *ms);
    return 0;
}

/* NULL: no memory. */
static const struct mr_value *value_of(const struct timestamp_converter *converter, struct mr_arena *arena, int64_t ms)
{
    struct text text = { .arena = arena };
    switch (converter->target) {
    case FORM_TIMESTAMP: return mr_instant(arena, ms);
    case FORM_DATE: return mr_instant(arena, (int64_t)((uint64_t)ms - (uint64_t)floor_remainder(ms, MS_OF_DAY))); /* wraps, as in Java */
    case FORM_TIME: return mr_instant(arena, floor_remainder(ms, MS_OF_DAY));
    case FORM_UNIX: return mr_int64(arena, unix_of_ms(converter->precision, ms));
    default: break;
    }
    date_format_print(converter->format, ms, &text);
    return text.failed ? NULL : mr_string_ref(arena, text.size == 0 ? "" : text.data, text.size);
}

/* NULL: an error is set, or there is no memory. */
static const struct mr_value *convert(const struct timestamp_converter *converter, struct mr_arena *arena, enum form form,
                                      const struct mr_value *value, struct mr_error **error)
{
    int64_t ms;
    if (mr_value_is_null(value))
        return value;
    return ms_of(converter, form, value, &ms, error) < 0 ? NULL : value_of(converter, arena, ms);
}

/* Structs ---------------------------------------------------------------------------------------------------- */

/* NULL: an error is set, or there is no memory. */
static struct mr_value *convert_struct(const struct timestamp_converter *converter, struct mr_arena *arena,
                                       const struct schema_plan *plan, const struct mr_value *value,
                                       struct mr_error **error)
{
    struct mr_value *updated = mr_struct_create(arena, plan->to);
    for (size_t i = 0; updated != NULL && i < plan->count; i++) {
        int done;
        if (plan->fields[i] < 0) {
            done = struct_carry(updated, i, value, i, converter->with_default, error);
        } else {
            const struct mr_value *field =
                converter->with_default ? mr_struct_at_or_default(value, i) : mr_struct_at(value, i);
            field = convert(converter, arena, (enum form)plan->fields[i], field, error);
            done = field == NULL ? -1 : mr_struct_put(updated, i, field, error);
        }
        if (done < 0)
            return NULL;
    }
    return updated;
}

static struct mr_schema_builder *build_schema(const struct timestamp_converter *converter, const struct mr_schema *from)
{
    struct mr_schema_builder *builder = mr_schema_builder_from(from, MR_TYPE_STRUCT);
    for (size_t i = 0; i < mr_schema_field_count(from); i++) {
        const char *name = mr_schema_field_name(from, i);
        const struct mr_schema *field = mr_schema_field(from, i);
        bool is_it = strcmp(name, converter->field) == 0;
        mr_schema_builder_add_field(builder, name,
                                    is_it ? schema_of(converter->target, mr_schema_is_optional(field)) : field);
    }
    mr_schema_builder_set_optional(builder, mr_schema_is_optional(from));
    return builder;
}

/* The plan again, with the struct's default converted like any value. Ends `plan`. */
static struct schema_plan *with_default(const struct timestamp_converter *converter, struct schema_plan *plan,
                                        struct mr_error **error)
{
    struct mr_arena *arena = mr_arena_create(ARENA_BYTES);
    const struct mr_value *standard =
        arena == NULL ? NULL : convert_struct(converter, arena, plan, mr_schema_default(plan->from), error);
    const struct mr_schema *to = NULL;
    if (standard != NULL) {
        struct mr_schema_builder *builder = build_schema(converter, plan->from);
        mr_schema_builder_set_default(builder, standard);
        to = mr_schema_builder_build(builder, error);
    }
    mr_arena_destroy(arena);
    if (to == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for TimestampConverter");
        schema_plan_destroy(plan);
        return NULL;
    }
    mr_schema_drop(plan->to);
    plan->to = to;
    return plan;
}

static struct schema_plan *build_plan(const void *self, const struct mr_schema *from, struct mr_error **error)
{
    const struct timestamp_converter *converter = self;
    if (mr_schema_type(from) != MR_TYPE_STRUCT) {
        not_a_struct(error);
        return NULL;
    }
    const struct mr_schema *to = mr_schema_builder_build(build_schema(converter, from), error);
    struct schema_plan *plan = schema_plan_create(from, to, mr_schema_field_count(from), error);
    int32_t at = mr_schema_field_index(from, converter->field);
    if (plan == NULL)
        return NULL;
    if (at >= 0) {
        enum form form;
        bool has_default = mr_schema_default(from) != NULL; /* a struct that has the field, too */
        if (form_of_schema(mr_schema_field(from, (size_t)at), &form, has_default ? error : NULL) < 0) {
            if (has_default) {
                schema_plan_destroy(plan);
                return NULL;
            }
            form = FORM_UNKNOWN; /* fails the structs that have it; a null struct passes */
        }
        plan->fields[at] = (int32_t)form;
    }
    return mr_schema_default(from) == NULL ? plan : with_default(converter, plan, error);
}

/* Records ---------------------------------------------------------------------------------------------------- */

static int apply_whole(struct timestamp_converter *converter, struct mr_record *record, const struct mr_schema *schema,
                       const struct mr_value *value, struct mr_emitter *emitter, struct mr_error **error)
{
    enum form form = form_of_value(value);
    if (schema != NULL && form_of_schema(schema, &form, error) < 0)
        return -1;
    const struct mr_value *converted = convert(converter, mr_record_arena(record), form, value, error);
    if (converted == NULL)
        return failed(mr_record_arena(record), error);
    const struct mr_schema *to = schema == NULL ? NULL : schema_of(converter->target, mr_schema_is_optional(schema));
    return operand_emit(record, converter->side, to, converted, emitter, error);
}

static int apply_with_schema(struct timestamp_converter *converter, struct mr_record *record,
                             const struct mr_schema *schema, const struct mr_value *value, struct mr_emitter *emitter,
                             struct mr_error **error)
{
    bool is_null = mr_value_is_null(value);
    if (!is_null && require_struct(value, PURPOSE, error) < 0)
        return -1;
    const struct schema_plan *plan = schema_plans_find(
        &converter->plans, is_null ? schema : mr_struct_schema(value), build_plan, converter, error);
    if (plan == NULL)
        return -1;
    int32_t at = mr_schema_field_index(plan->from, converter->field);
    enum form form;
    if (!is_null && at >= 0 && form_of_schema(mr_schema_field(plan->from, (size_t)at), &form, error) < 0)
        return -1;
    struct mr_arena *arena = mr_record_arena(record);
    const struct mr_value *converted = is_null ? value : convert_struct(converter, arena, plan, value, error);
    if (converted == NULL)
        return failed(arena, error);
    return operand_emit(record, converter->side, plan->to, converted, emitter, error);
}

static int apply_map(struct timestamp_converter *converter, struct mr_record *record, const struct mr_value *value,
                     struct mr_emitter *emitter, struct mr_error **error)
{
    if (require_map(value, PURPOSE, error) < 0)
        return -1;
    struct mr_arena *arena = mr_record_arena(record);
    const struct mr_value *field = mr_map_get(value, converter->field);
    field = field == NULL ? mr_null() : convert(converter, arena, form_of_value(field), field, error);
    struct mr_value *updated = field == NULL ? NULL : mr_map_copy(arena, value, 1);
    if (updated == NULL || mr_map_put_text(arena, updated, converter->field, field) < 0)
        return failed(arena, error);
    return operand_emit(record, converter->side, NULL, updated, emitter, error);
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct timestamp_converter *converter = self;
    const struct mr_schema *schema = operand_schema(record, converter->side);
    const struct mr_value *value = operand_value(record, converter->side);
    if (*converter->field == '\0' || (schema == NULL && mr_value_is_null(value)))
        return apply_whole(converter, record, schema, value, emitter, error);
    if (schema == NULL)
        return apply_map(converter, record, value, emitter, error);
    return apply_with_schema(converter, record, schema, value, emitter, error);
}

TRANSFORM_PAIR(timestamp_converter, "TimestampConverter",
               "Converts timestamps between text, unix time and the logical types Date, Time and Timestamp.", options);
