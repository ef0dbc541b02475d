#include "compare.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bans.h"

static bool values_equal(const json_t *expected, const json_t *got);

static bool is_nothing(const json_t *json)
{
    return json == NULL || json_is_null(json);
}

/* Plain JSON; what is absent is null. */
static bool plain_equal(const json_t *expected, const json_t *got)
{
    if (is_nothing(expected) || is_nothing(got))
        return is_nothing(expected) && is_nothing(got);
    return json_equal((json_t *)expected, (json_t *)got) != 0;
}

static bool members_equal(const json_t *expected, const json_t *got, const char *name)
{
    return plain_equal(json_object_get(expected, name), json_object_get(got, name));
}

/* Schemas --------------------------------------------------------------------------------------------------- */

static bool schemas_equal(const json_t *expected, const json_t *got);

static bool fields_equal(const json_t *expected, const json_t *got)
{
    size_t count = json_array_size(expected);
    if (count != json_array_size(got) || json_is_array(expected) != json_is_array(got))
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *left = json_array_get(expected, i), *right = json_array_get(got, i);
        if (!members_equal(left, right, "name") ||
            !schemas_equal(json_object_get(left, "schema"), json_object_get(right, "schema")))
            return false;
    }
    return true;
}

static bool schemas_equal(const json_t *expected, const json_t *got)
{
    static const char *const PLAIN[] = {"type", "name", "version", "doc", "parameters"};
    if (is_nothing(expected) || is_nothing(got))
        return is_nothing(expected) && is_nothing(got);
    for (size_t i = 0; i < sizeof(PLAIN) / sizeof(PLAIN[0]); i++)
        if (!members_equal(expected, got, PLAIN[i]))
            return false;
    const json_t *optional = json_object_get(expected, "optional");
    if (optional != NULL && !json_is_boolean(optional))
        return false;
    const json_t *standard = json_object_get(expected, "default"), *standard_got = json_object_get(got, "default");
    if ((standard == NULL) != (standard_got == NULL) || !values_equal(standard, standard_got))
        return false;
    return json_is_true(optional) == json_is_true(json_object_get(got, "optional")) &&
           fields_equal(json_object_get(expected, "fields"), json_object_get(got, "fields")) &&
           schemas_equal(json_object_get(expected, "keySchema"), json_object_get(got, "keySchema")) &&
           schemas_equal(json_object_get(expected, "valueSchema"), json_object_get(got, "valueSchema"));
}

/* Values ---------------------------------------------------------------------------------------------------- */

bool compare_is_nan(const char *text)
{
    uint64_t bits = strtoull(text, NULL, 16);
    if (strlen(text) == 16)
        return (bits & UINT64_C(0x7FFFFFFFFFFFFFFF)) > UINT64_C(0x7FF0000000000000);
    return (bits & 0x7FFFFFFF) > 0x7F800000;
}

static bool floats_equal(const json_t *expected, const json_t *got)
{
    const char *left = json_string_value(json_object_get(expected, "bits"));
    const char *right = json_string_value(json_object_get(got, "bits"));
    if (left == NULL || right == NULL || strlen(left) != strlen(right))
        return false;
    return strcmp(left, right) == 0 || (compare_is_nan(left) && compare_is_nan(right));
}

static bool lists_equal(const json_t *expected, const json_t *got)
{
    size_t count = json_array_size(expected);
    if (count != json_array_size(got))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!values_equal(json_array_get(expected, i), json_array_get(got, i)))
            return false;
    return true;
}

/* Fields: [name, value], in order. */
static bool structs_equal(const json_t *expected, const json_t *got)
{
    const json_t *left = json_object_get(expected, "v"), *right = json_object_get(got, "v");
    const json_t *schema = json_object_get(expected, "schema"), *schema_got = json_object_get(got, "schema");
    size_t count = json_array_size(left);
    if (count != json_array_size(right) || (schema == NULL) != (schema_got == NULL) ||
        !schemas_equal(schema, schema_got))
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *field = json_array_get(left, i), *field_got = json_array_get(right, i);
        if (!plain_equal(json_array_get(field, 0), json_array_get(field_got, 0)) ||
            !values_equal(json_array_get(field, 1), json_array_get(field_got, 1)))
            return false;
    }
    return true;
}

/* Keys are unique, so a set is equal when each entry has its equal. */
static bool maps_equal(const json_t *expected, const json_t *got)
{
    size_t count = json_array_size(expected);
    if (count != json_array_size(got))
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *entry = json_array_get(expected, i);
        bool found = false;
        for (size_t j = 0; j < count && !found; j++)
            found = lists_equal(entry, json_array_get(got, j));
        if (!found)
            return false;
    }
    return true;
}

static bool values_equal(const json_t *expected, const json_t *got)
{
    if (is_nothing(expected) || is_nothing(got))
        return is_nothing(expected) && is_nothing(got);
    const char *tag = json_string_value(json_object_get(expected, "t"));
    if (tag == NULL || !members_equal(expected, got, "t"))
        return false;
    const json_t *v = json_object_get(expected, "v"), *v_got = json_object_get(got, "v");
    if (strncmp(tag, "float", 5) == 0)
        return floats_equal(expected, got);
    if (strcmp(tag, "array") == 0)
        return lists_equal(v, v_got);
    if (strcmp(tag, "map") == 0)
        return maps_equal(v, v_got);
    if (strcmp(tag, "struct") == 0)
        return structs_equal(expected, got);
    return plain_equal(v, v_got) && members_equal(expected, got, "unscaled") && members_equal(expected, got, "scale") &&
           members_equal(expected, got, "ms");
}

/* Outcomes -------------------------------------------------------------------------------------------------- */

static bool pairs_equal(const json_t *expected, const json_t *got, const char *schema, const char *value)
{
    return schemas_equal(json_object_get(expected, schema), json_object_get(got, schema)) &&
           values_equal(json_object_get(expected, value), json_object_get(got, value));
}

static bool headers_equal(const json_t *expected, const json_t *got)
{
    size_t count = json_array_size(expected);
    if (count != json_array_size(got))
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *left = json_array_get(expected, i), *right = json_array_get(got, i);
        if (!members_equal(left, right, "key") || !pairs_equal(left, right, "schema", "value"))
            return false;
    }
    return true;
}

static bool records_equal(const json_t *expected, const json_t *got)
{
    static const char *const PLAIN[] = {"kind", "topic", "partition", "offset", "timestamp"};
    for (size_t i = 0; i < sizeof(PLAIN) / sizeof(PLAIN[0]); i++)
        if (!members_equal(expected, got, PLAIN[i]))
            return false;
    return pairs_equal(expected, got, "keySchema", "key") && pairs_equal(expected, got, "valueSchema", "value") &&
           headers_equal(json_object_get(expected, "headers"), json_object_get(got, "headers"));
}

bool compare_outcome(const json_t *expected, const json_t *outcome, const char *operation)
{
    const json_t *error = json_object_get(expected, "error"), *record = json_object_get(expected, "record");
    const json_t *outcome_error = json_object_get(outcome, "error"),
                 *outcome_record = json_object_get(outcome, "record");
    if (json_object_get(outcome, "broken") != NULL)
        return false;
    if (error != NULL || outcome_error != NULL)
        return error != NULL && outcome_error != NULL && members_equal(error, outcome_error, "kind");
    if (operation != NULL && strcmp(operation, "toConnect") == 0)
        return pairs_equal(expected, outcome, "schema", "value");
    if (operation != NULL)
        return json_object_get(outcome, "bytes") != NULL && members_equal(expected, outcome, "bytes");
    if (record != NULL || outcome_record != NULL)
        return record != NULL && outcome_record != NULL && records_equal(record, outcome_record);
    return members_equal(expected, outcome, "dropped") && members_equal(expected, outcome, "result");
}
