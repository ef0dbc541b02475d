#include "own/own.h"

#include "plugin_module.h"

#define BOTH(name) &name##_key, &name##_value

static const struct mr_plugin *const plugins[] = {
    BOTH(array_explode),
    BOTH(filter_by_field),
    BOTH(parse_json),
    BOTH(redact),
    BOTH(route_by_field),
    &unwrap,
    &unwrap_debezium,
};
PLUGIN_MODULE("millrace-transforms", plugins);
