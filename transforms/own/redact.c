#include <stdlib.h>

#include "own/own.h"
#include "own/value_rewrite.h"
#include "support/regex_option.h"
#include "text.h"

#define DEPTH_MAX 1000
#define WHY_BYTES 200
#define MISSING_PLACE "missing.behavior"
#define KEYS "map.keys"

static const char *const missing_place_behaviors[] = { "include", "fail", NULL };
static const char *const keys_behaviors[] = { "keep", "fail", "replace", NULL };

static int check_pattern(const char *name, const char *text, const struct mr_config *config, const void *argument,
                         struct mr_error **error)
{
    if (text != NULL)
        return check_regex_not_empty(name, text, config, argument, error);
    if (mr_config_list_count(config, "fields") > 0)
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG, "give fields, pattern or both: without them nothing would be redacted");
}

/* A group that the pattern does not have would fail each record in which it finds something. */
static int check_replacement(const char *name, const char *text, const struct mr_config *config, const void *argument,
                             struct mr_error **error)
{
    struct mr_error *ignored = NULL; /* the pattern's own mistake, told with the pattern */
    struct java_regex *pattern;
    char why[WHY_BYTES] = "";
    (void)name, (void)argument;
    if (text == NULL || !mr_config_has_value(config, "pattern"))
        return 0;
    pattern = regex_option_create(config, "pattern", &ignored);
    if (pattern != NULL && !java_regex_check_replacement(pattern, text, why, sizeof(why)))
        mr_error_set(error, MR_ERR_CONFIG, "%s in pattern", why);
    mr_error_drop(ignored);
    java_regex_destroy(pattern);
    return *why == '\0' ? 0 : -1;
}

static int check_keys(const char *name, const char *text, const struct mr_config *config, const void *argument,
                      struct mr_error **error)
{
    (void)argument;
    if (mr_check_one_of(name, text, config, keys_behaviors, error) < 0)
        return -1;
    if (strcmp(text, "keep") == 0 || mr_config_has_value(config, "pattern"))
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG, "only a pattern searches keys of maps: give one");
}

static const struct mr_config_row rows[] = {
    {
        .name = "fields",
        .type = MR_CONFIG_LIST,
        .default_text = "",
        .importance = MR_HIGH,
        .doc = "What to redact: paths like customer.card or lines[*].note. Empty: all texts and numbers, however deep. Names of fields, "
               "bytes, booleans, dates and times, headers and the other side of the record stay.",
        .validator = check_value_path_each,
    },
    {
        .name = "pattern",
        .type = MR_CONFIG_STRING,
        .importance = MR_HIGH,
        .doc = "A regular expression; the parts of the texts that it finds are replaced, and numbers in which it finds something become 0. "
               "Without it the fields are replaced as a whole.",
        .validator = check_pattern,
    },
    {
        .name = "replacement",
        .type = MR_CONFIG_STRING,
        .default_text = "****",
        .importance = MR_MEDIUM,
        .doc = "What stands for redacted text; with a pattern $1 and ${name} stand for its groups.",
        .validator = check_replacement,
    },
    {
        .name = MISSING_PLACE,
        .type = MR_CONFIG_STRING,
        .default_text = "include",
        .importance = MR_MEDIUM,
        .doc = "What becomes of a record in which one of the fields leads nowhere, be it that it is misspelt: include (the record passes; that "
               "field hides nothing in it) or fail (a data error). Null, and an array without elements, is somewhere.",
        .validator = mr_check_one_of,
        .validator_argument = missing_place_behaviors,
    },
    {
        .name = KEYS,
        .type = MR_CONFIG_STRING,
        .default_text = "keep",
        .importance = MR_MEDIUM,
        .doc = "What the pattern does with keys of maps, which are also the names in a record without a schema: keep (they are not searched), "
               "fail (a data error where it finds something in one) or replace (in keys as in values; a data error where two become the same).",
        .validator = check_keys,
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

enum keys { KEYS_KEEP, KEYS_FAIL, KEYS_REPLACE };

struct redact {
    enum side side;
    bool fails_missing;
    enum keys keys;
    struct value_path *fields;
    size_t field_count;
    struct java_regex *pattern; /* NULL: none */
    char *replacement;
};

/* Life ------------------------------------------------------------------------------------------------------- */

static void destroy(void *self)
{
    struct redact *redact = self;
    if (redact == NULL)
        return;
    for (size_t i = 0; i < redact->field_count; i++)
        value_path_release(&redact->fields[i]);
    free(redact->fields);
    java_regex_destroy(redact->pattern);
    free(redact->replacement);
    free(redact);
}

static enum keys keys_of(const char *text)
{
    if (strcmp(text, "fail") == 0)
        return KEYS_FAIL;
    return strcmp(text, "replace") == 0 ? KEYS_REPLACE : KEYS_KEEP;
}

static int configure(struct redact *redact, const struct mr_config *config, struct mr_error **error)
{
    size_t count = mr_config_list_count(config, "fields");
    redact->fails_missing = strcmp(mr_config_string(config, MISSING_PLACE), "fail") == 0;
    redact->keys = keys_of(mr_config_string(config, KEYS));
    redact->replacement = strdup(mr_config_string(config, "replacement"));
    redact->fields = calloc(count + 1, sizeof(*redact->fields));
    if (redact->replacement == NULL || redact->fields == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for Redact");
    for (; redact->field_count < count; redact->field_count++)
        if (value_path_init(&redact->fields[redact->field_count], mr_config_list_at(config, "fields", redact->field_count), true,
                            error) < 0)
            return -1;
    if (!mr_config_has_value(config, "pattern"))
        return 0;
    redact->pattern = regex_option_create(config, "pattern", error);
    return redact->pattern == NULL ? -1 : 0;
}

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    struct redact *redact = calloc(1, sizeof(*redact));
    if (redact == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for Redact");
        return NULL;
    }
    redact->side = side;
    if (configure(redact, config, error) == 0)
        return redact;
    destroy(redact);
    return NULL;
}

/* One value ------------------------------------------------------------------------------------------------ */

static const struct mr_value *zero_of(struct mr_arena *arena, const struct mr_value *value)
{
    switch (mr_value_kind(value)) {
    case MR_KIND_BOOLEAN: return mr_boolean(false);
    case MR_KIND_INT8: return mr_int8(arena, 0);
    case MR_KIND_INT16: return mr_int16(arena, 0);
    case MR_KIND_INT32: return mr_int32(arena, 0);
    case MR_KIND_INT64: return mr_int64(arena, 0);
    case MR_KIND_FLOAT32: return mr_float32(arena, 0);
    case MR_KIND_FLOAT64: return mr_float64(arena, 0);
    case MR_KIND_BYTES: return mr_bytes_ref(arena, "", 0);
    case MR_KIND_DECIMAL: return mr_decimal(arena, "", 0, mr_value_decimal_scale(value));
    case MR_KIND_BIGINT: return mr_bigint(arena, "", 0);
    case MR_KIND_INSTANT: return mr_instant(arena, 0);
    case MR_KIND_ARRAY: return mr_array_create(arena, 0);
    case MR_KIND_MAP: return mr_map_create(arena, 0);
    default: return NULL;
    }
}

/* All of it, by something of its kind that says nothing. */
static int redact_whole(struct redact *redact, struct mr_arena *arena, struct typed_value *at, struct mr_error **error)
{
    enum mr_kind kind = mr_value_kind(at->value);
    if (kind == MR_KIND_STRUCT)
        return mr_error_set(error, MR_ERR_DATA, "Redact: a whole struct cannot be redacted; name its fields");
    at->value = kind == MR_KIND_STRING ? mr_string_copy(arena, redact->replacement, strlen(redact->replacement))
                                       : zero_of(arena, at->value);
    return at->value == NULL ? failed(arena, error) : 0;
}

static int give_up(const struct redact *redact, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_DATA, "Redact: a value was not searched to its end for pattern, so the record must not pass: %s",
                        java_regex_failure(redact->pattern));
}

static void put_piece(void *to, const char *bytes, size_t size)
{
    text_add(to, bytes, size);
}

static int redact_text(struct redact *redact, struct mr_arena *arena, struct typed_value *at, struct mr_error **error)
{
    struct mr_bytes was = mr_value_bytes(at->value);
    struct text text = { .arena = arena };
    char why[WHY_BYTES];
    size_t count;
    if (!java_regex_find(redact->pattern, was.data, was.size))
        return java_regex_failure(redact->pattern) == NULL ? 0 : give_up(redact, error);
    if (!java_regex_replace_all(redact->pattern, was.data, was.size, redact->replacement, put_piece, &text, &count, why, sizeof(why)))
        return java_regex_failure(redact->pattern) != NULL ? give_up(redact, error) : mr_error_set(error, MR_ERR_DATA, "Redact: %s", why);
    at->value = text.failed ? NULL : mr_string_ref(arena, text.size == 0 ? "" : text.data, text.size);
    return at->value == NULL ? failed(arena, error) : 0;
}

/* A number is searched in as the text that a reader sees. */
static int redact_number(struct redact *redact, struct mr_arena *arena, struct typed_value *at, struct mr_error **error)
{
    static const struct value_path whole = { .text = (char *)"" };
    struct mr_bytes text = field_text(arena, &whole, at->value, error);
    if (text.data == NULL)
        return -1;
    if (!java_regex_find(redact->pattern, text.data, text.size))
        return java_regex_failure(redact->pattern) == NULL ? 0 : give_up(redact, error);
    at->value = zero_of(arena, at->value);
    return at->value == NULL ? failed(arena, error) : 0;
}

static bool is_number(enum mr_kind kind)
{
    return (kind >= MR_KIND_INT8 && kind <= MR_KIND_FLOAT64) || kind == MR_KIND_DECIMAL || kind == MR_KIND_BIGINT;
}

static int redact_scalar(struct redact *redact, struct mr_arena *arena, struct typed_value *at, struct mr_error **error)
{
    enum mr_kind kind = mr_value_kind(at->value);
    if (kind == MR_KIND_STRING)
        return redact_text(redact, arena, at, error);
    return is_number(kind) ? redact_number(redact, arena, at, error) : 0;
}

/* Everywhere ------------------------------------------------------------------------------------------------- */

static int redact_deep(struct redact *redact, struct mr_arena *arena, struct typed_value *at, int depth, struct mr_error **error);

static struct mr_value *struct_copy(struct mr_arena *arena, const struct mr_value *value)
{
    const struct mr_schema *schema = mr_struct_schema(value);
    struct mr_value *copy = mr_struct_create(arena, schema);
    for (size_t i = 0; copy != NULL && i < mr_schema_field_count(schema); i++)
        if (mr_struct_put_unchecked(copy, i, mr_struct_at(value, i)) < 0)
            return NULL;
    return copy;
}

static int deep_struct(struct redact *redact, struct mr_arena *arena, struct typed_value *at, int depth, struct mr_error **error)
{
    const struct mr_schema *schema = mr_struct_schema(at->value);
    struct mr_value *updated = NULL;
    for (size_t i = 0; i < mr_schema_field_count(schema); i++) {
        struct typed_value field = { mr_schema_field(schema, i), mr_struct_at(at->value, i) };
        const struct mr_value *was = field.value;
        if (redact_deep(redact, arena, &field, depth + 1, error) < 0)
            return -1;
        if (field.value == was)
            continue;
        if (updated == NULL && (updated = struct_copy(arena, at->value)) == NULL)
            return failed(arena, error);
        if (mr_struct_put_unchecked(updated, i, field.value) < 0)
            return failed(arena, error);
    }
    if (updated != NULL)
        at->value = updated;
    return 0;
}

/* A key has no name that could be told, and two keys that become one would lose a value. */
static int redact_map_key(struct redact *redact, struct mr_arena *arena, struct typed_value *key, struct mr_error **error)
{
    const struct mr_value *was = key->value;
    if (redact->keys == KEYS_KEEP)
        return 0;
    if (redact_scalar(redact, arena, key, error) < 0)
        return -1;
    if (key->value == was || redact->keys == KEYS_REPLACE)
        return 0;
    return mr_error_set(error, MR_ERR_DATA, "Redact: pattern finds something in the key of a map (" KEYS "=replace would replace it)");
}

static const struct mr_value *element_at(const struct mr_value *value, size_t i)
{
    return mr_value_kind(value) == MR_KIND_MAP ? mr_map_value_at(value, i) : mr_array_at(value, i);
}

/* One element into `updated`, and for a map its key. */
static int deep_element(struct redact *redact, struct mr_arena *arena, const struct mr_value *value, size_t i, int depth,
                        struct mr_value *updated, bool *is_changed, struct mr_error **error)
{
    bool is_map = mr_value_kind(value) == MR_KIND_MAP;
    struct typed_value item = { NULL, element_at(value, i) }, key = { NULL, is_map ? mr_map_key_at(value, i) : NULL };
    if (redact_deep(redact, arena, &item, depth + 1, error) < 0 || (is_map && redact_map_key(redact, arena, &key, error) < 0))
        return -1;
    *is_changed = *is_changed || item.value != element_at(value, i) || (is_map && key.value != mr_map_key_at(value, i));
    int status = is_map ? mr_map_put(arena, updated, key.value, item.value) : mr_array_append(arena, updated, item.value);
    return status < 0 ? failed(arena, error) : 0;
}

/* A map or an array. */
static int deep_elements(struct redact *redact, struct mr_arena *arena, struct typed_value *at, int depth, struct mr_error **error)
{
    bool is_map = mr_value_kind(at->value) == MR_KIND_MAP, is_changed = false;
    size_t count = is_map ? mr_map_count(at->value) : mr_array_count(at->value);
    struct mr_value *updated = is_map ? mr_map_create(arena, count) : mr_array_create(arena, count);
    if (updated == NULL)
        return failed(arena, error);
    for (size_t i = 0; i < count; i++)
        if (deep_element(redact, arena, at->value, i, depth, updated, &is_changed, error) < 0)
            return -1;
    if (is_map && mr_map_count(updated) != count)
        return mr_error_set(error, MR_ERR_DATA, "Redact: two keys of a map became the same");
    if (is_changed)
        at->value = updated;
    return 0;
}

static int redact_deep(struct redact *redact, struct mr_arena *arena, struct typed_value *at, int depth, struct mr_error **error)
{
    enum mr_kind kind = mr_value_kind(at->value);
    if (depth > DEPTH_MAX)
        return mr_error_set(error, MR_ERR_DATA, "Redact: nested deeper than %d levels", DEPTH_MAX);
    if (kind == MR_KIND_STRUCT)
        return deep_struct(redact, arena, at, depth, error);
    if (kind == MR_KIND_MAP || kind == MR_KIND_ARRAY)
        return deep_elements(redact, arena, at, depth, error);
    return redact_scalar(redact, arena, at, error);
}

/* Records ---------------------------------------------------------------------------------------------------- */

static int redact_place(void *argument, struct mr_arena *arena, struct typed_value *at, struct mr_error **error)
{
    struct redact *redact = argument;
    return redact->pattern == NULL ? redact_whole(redact, arena, at, error) : redact_deep(redact, arena, at, 0, error);
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct redact *redact = self;
    struct mr_arena *arena = mr_record_arena(record);
    struct typed_value top = { operand_schema(record, redact->side), operand_value(record, redact->side) };
    if (redact->field_count == 0 && redact_deep(redact, arena, &top, 0, error) < 0)
        return -1;
    for (size_t i = 0; i < redact->field_count; i++) {
        struct value_rewrite rewrite = { .path = &redact->fields[i], .rewrite = redact_place, .argument = redact };
        if (value_rewrite_run(&rewrite, arena, &top, error) < 0)
            return -1;
        if (redact->fails_missing && rewrite.leads_nowhere && rewrite.places == 0)
            return mr_error_set(error, MR_ERR_DATA, "Redact: there is no %s in this record (" MISSING_PLACE "=include would let it pass)",
                                redact->fields[i].text);
    }
    return operand_emit(record, redact->side, top.schema, top.value, emitter, error);
}

OWN_PAIR(redact, "Redact", "Replaces what nobody behind it should see, by field, by pattern, or both.", options);
