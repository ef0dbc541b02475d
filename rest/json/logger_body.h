/*
 * logger_body: the body of PUT /admin/loggers/{l} (KIP-495).
 */
#ifndef JSON_LOGGER_BODY_H
#define JSON_LOGGER_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "json/body_problem.h"

/* {"level": …}, other fields are passed over. false: 400 without a level, 404 for one that does not exist. */
bool logger_body_read(enum log_level *level, const char *text, size_t length, struct body_problem *problem);

#endif
