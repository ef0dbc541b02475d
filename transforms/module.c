#include "transform.h"

#include "plugin_module.h"

#define BOTH(name) &name##_key, &name##_value

static const struct mr_plugin *const plugins[] = {
    BOTH(cast),
    &drop_headers,
    BOTH(extract_field),
    &filter,
    BOTH(flatten),
    BOTH(header_from),
    BOTH(hoist_field),
    BOTH(insert_field),
    &insert_header,
    BOTH(mask_field),
    &regex_router,
    BOTH(replace_field),
    BOTH(set_schema_metadata),
    BOTH(timestamp_converter),
    &timestamp_router,
    &value_to_key,
    &has_header_key,
    &record_is_tombstone,
    &topic_name_matches,
};
PLUGIN_MODULE("transforms", plugins);
