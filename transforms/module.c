#include "transform.h"

static const struct mr_plugin *const plugins[] = {
    &extract_field_key,  &extract_field_value,  &hoist_field_key,     &hoist_field_value,  &insert_field_key,
    &insert_field_value, &replace_field_key,    &replace_field_value, &has_header_key,     &record_is_tombstone,
};
static const struct mr_module module = MR_MODULE("transforms", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    (void)host;
    return &module;
}
