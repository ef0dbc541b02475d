/* The schemas that live for ever: all types without children, plain, and the three logical types without parameters. */
#include "sdk/schema_internal.h"

#include <string.h>

#include "base/bans.h"

#define STATIC_HASH(number) (UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(number))

#define PLAIN(the_type, optional) \
    [optional][the_type] = {.type = (the_type), .is_immortal = true, .is_optional = (optional), .depth = 1, \
        .hash = STATIC_HASH(2 * (the_type) + (optional) + 1)}
#define BOTH(the_type) PLAIN(the_type, 0), PLAIN(the_type, 1)

static const struct mr_schema plain[2][MR_TYPE_BYTES + 1] = {BOTH(MR_TYPE_INT8), BOTH(MR_TYPE_INT16),
    BOTH(MR_TYPE_INT32), BOTH(MR_TYPE_INT64), BOTH(MR_TYPE_FLOAT32), BOTH(MR_TYPE_FLOAT64), BOTH(MR_TYPE_BOOLEAN),
    BOTH(MR_TYPE_STRING), BOTH(MR_TYPE_BYTES)};

#define LOGICAL(the_logical, the_type, the_name, optional) \
    [optional][the_logical] = {.type = (the_type), .logical = (the_logical), .is_immortal = true, \
        .is_optional = (optional), .has_version = true, .version = 1, .depth = 1, .name = (the_name), \
        .hash = STATIC_HASH(64 + 2 * (the_logical) + (optional))}

static const struct mr_schema logical[2][MR_LOGICAL_TIMESTAMP + 1] = {
    LOGICAL(MR_LOGICAL_DATE, MR_TYPE_INT32, MR_DATE_NAME, 0),
    LOGICAL(MR_LOGICAL_DATE, MR_TYPE_INT32, MR_DATE_NAME, 1),
    LOGICAL(MR_LOGICAL_TIME, MR_TYPE_INT32, MR_TIME_NAME, 0),
    LOGICAL(MR_LOGICAL_TIME, MR_TYPE_INT32, MR_TIME_NAME, 1),
    LOGICAL(MR_LOGICAL_TIMESTAMP, MR_TYPE_INT64, MR_TIMESTAMP_NAME, 0),
    LOGICAL(MR_LOGICAL_TIMESTAMP, MR_TYPE_INT64, MR_TIMESTAMP_NAME, 1),
};

const struct mr_schema *mr_schema_primitive(enum mr_type type, bool optional)
{
    return type >= MR_TYPE_INT8 && type <= MR_TYPE_BYTES ? &plain[optional][type] : NULL;
}

const struct mr_schema *mr_schema_logical(enum mr_logical_type type, bool optional)
{
    return type >= MR_LOGICAL_DATE && type <= MR_LOGICAL_TIMESTAMP ? &logical[optional][type] : NULL;
}

const struct mr_schema *schema_static_find(const struct mr_schema *draft)
{
    if (draft->type > MR_TYPE_BYTES || draft->doc != NULL || draft->has_parameters || draft->default_value != NULL)
        return NULL;
    if (draft->name == NULL)
        return draft->has_version ? NULL : &plain[draft->is_optional][draft->type];
    const struct mr_schema *known = mr_schema_logical((enum mr_logical_type)draft->logical, draft->is_optional);
    bool same = known != NULL && known->type == draft->type && draft->has_version && draft->version == 1;
    return same ? known : NULL;
}
