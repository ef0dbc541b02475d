#include "converter_plugin.h"

const char *const converter_types[] = {"key", "value", "header", NULL};

static const struct mr_config_row rows[] = {CONVERTER_TYPE_ROW};
const struct mr_config_def converter_no_options = MR_CONFIG_DEF(rows);

int converter_check(const char *name, enum mr_type type, enum mr_kind kind, const struct mr_schema *schema,
                    const struct mr_value *value, struct mr_error **error)
{
    if (schema != NULL && mr_schema_type(schema) != type)
        return mr_error_set(error, MR_ERR_DATA, "Invalid schema type for %s: %s", name,
                            mr_type_name(mr_schema_type(schema)));
    if (mr_value_is_null(value))
        return 0;
    if (mr_value_kind(value) == kind)
        return 1;
    return mr_error_set(error, MR_ERR_DATA, "%s is not compatible with a value of kind %s", name,
                        mr_kind_name(mr_value_kind(value)));
}
