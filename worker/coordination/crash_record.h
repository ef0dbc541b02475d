/*
 * crash_record: that a unit has ended a worker process, as all workers of the cluster know it (docs/decisions/0007): a record a death,
 * under CRASH_RECORD_PREFIX + id. Whoever is given the unit next sees how often it did that.
 *
 * JSON: "v", and the lines of the report (base/crash_file.h) as texts, with "config", the fingerprint of the connector's configuration.
 * Members that are no texts are passed over, so that later builds may say more. thread: one at a time.
 */
#ifndef COORDINATION_CRASH_RECORD_H
#define COORDINATION_CRASH_RECORD_H

#include <stddef.h>

struct mr_error;
struct str_buffer;
struct string_map;

#define CRASH_RECORD_PREFIX "millrace-crash-" /* + the id of the report (executor/quarantine.h) */
#define CRASH_RECORD_MAX (64u << 10)          /* bytes of one record, read or written */

int crash_record_encode(const struct string_map *report, struct str_buffer *text, struct mr_error **error);
/* For string_map_destroy. NULL: not such a record (MR_ERR_DATA), or no memory. */
struct string_map *crash_record_decode(const char *text, size_t size, struct mr_error **error);

#endif
