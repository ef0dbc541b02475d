#include "converter_plugin.h"

const char *const converter_types[] = {"key", "value", "header", NULL};

static const struct mr_config_row rows[] = {CONVERTER_TYPE_ROW};
const struct mr_config_def converter_no_options = MR_CONFIG_DEF(rows);
