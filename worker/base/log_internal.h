/* log_internal: what log.c asks the registry. */
#ifndef BASE_LOG_INTERNAL_H
#define BASE_LOG_INTERNAL_H

#include "base/log.h"

/* Behind the gate: is a line of that level written? `connector` NULL: it is for none. locks: the registry lock, only while some
 * connector has a level of its own. */
bool log_is_wanted(const struct logger *logger, enum log_level level, const char *connector);

#endif
