/* own.h: transforms that Kafka Connect does not have, with the habits of those it has: $Key and $Value, predicates, data errors
 * that go through the error policy. Places are paths (value_path.h). */
#ifndef TRANSFORMS_OWN_OWN_H
#define TRANSFORMS_OWN_OWN_H

#include "own/value_path.h"
#include "transform.h"

#define OWN_CLASS(name) "millrace.transforms." name
#define OWN_VERSION "1.0.0"

/* As TRANSFORM_PAIR. */
#define OWN_PAIR(name, simple_name, text, options) TRANSFORM_SIDES(name, OWN_CLASS(simple_name), OWN_VERSION, text, options)

/* What to do with a record that has nothing, or null, where a field is looked for. */
#define MISSING "missing.or.null.behavior"
enum missing { MISSING_FAIL, MISSING_INCLUDE, MISSING_EXCLUDE };
extern const char *const missing_behaviors[];
#define MISSING_ROW                                                                                                    \
    {                                                                                                                  \
        .name = MISSING, .type = MR_CONFIG_STRING, .default_text = "fail", .importance = MR_MEDIUM,                    \
        .doc = "What becomes of a record that has nothing, or null, in that place: fail (a data error), include (it passes as it is) " \
               "or exclude (it is dropped).",                                                                          \
        .validator = mr_check_one_of, .validator_argument = missing_behaviors                                          \
    }
enum missing missing_of(const struct mr_config *config);
/* The end of such a record: emits it, drops it, or MR_ERR_DATA. */
int missing_end(enum missing missing, const struct value_path *path, struct mr_record *record, struct mr_emitter *emitter,
                struct mr_error **error);

/* A field as text: text as it is, numbers and booleans as Cast writes them. data NULL: MR_ERR_DATA (a container), or no memory. */
struct mr_bytes field_text(struct mr_arena *arena, const struct value_path *path, const struct mr_value *value,
                           struct mr_error **error);

extern const struct mr_plugin array_explode_key, array_explode_value;
extern const struct mr_plugin filter_by_field_key, filter_by_field_value;
extern const struct mr_plugin parse_json_key, parse_json_value;
extern const struct mr_plugin redact_key, redact_value;
extern const struct mr_plugin route_by_field_key, route_by_field_value;
extern const struct mr_plugin unwrap, unwrap_debezium;

#endif
