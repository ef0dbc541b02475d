/* millrace.h: the whole plugin ABI. A plugin includes this, links libmillrace.so (pkg-config millrace) and exports
 * mr_module_v1 (module.h). docs/plugins.md walks through one. */
#ifndef MILLRACE_MILLRACE_H
#define MILLRACE_MILLRACE_H

#include <millrace/abi.h>
#include <millrace/error.h>
#include <millrace/arena.h>
#include <millrace/schema.h>
#include <millrace/value.h>
#include <millrace/record.h>
#include <millrace/json.h>
#include <millrace/number_text.h>
#include <millrace/properties.h>
#include <millrace/config_def.h>
#include <millrace/host.h>
#include <millrace/module.h>
#include <millrace/connector.h>
#include <millrace/source_task.h>
#include <millrace/sink_task.h>
#include <millrace/transform.h>
#include <millrace/predicate.h>
#include <millrace/converter.h>
#include <millrace/header_converter.h>
#include <millrace/config_provider.h>
#include <millrace/override_policy.h>
#include <millrace/rest_extension.h>

#endif
