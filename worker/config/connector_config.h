/*
 * connector_config: the part of a connector's configuration that is the framework's, understood: class, converters,
 * transforms, error policy, topics (Kafka's ConnectorConfig, SinkConnectorConfig).
 *
 * Created from the raw text of the config topic when a connector or task is built, after validation; it does not look at
 * the plugin's own options. Immutable; any thread may read.
 */
#ifndef CONFIG_CONNECTOR_CONFIG_H
#define CONFIG_CONNECTOR_CONFIG_H

#include <millrace/config_def.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/connector_report.h"
#include "config/worker_config.h"

struct loader;
struct loader_plugin;
struct string_map;
struct topic_groups;
struct variables;

enum connector_kind { CONNECTOR_SOURCE, CONNECTOR_SINK };

/* The framework's options in validation order: those of both kinds, then those of this one. */
#define CONNECTOR_DEFS 2
void connector_config_defs(enum connector_kind kind, const struct mr_config_def *defs[CONNECTOR_DEFS]);
/* Options that Kafka Connect does not have. A validation shows one only when it was submitted, so that a form made for Kafka Connect
 * stays as it was; NULL: none of that name. */
#define CONNECTOR_SELECTOR "millrace.placement.selector"
#define CONNECTOR_SOURCE_LETTERS "millrace.errors.deadletterqueue.topic.name"
#define CONNECTOR_SOURCE_LETTERS_FACTOR "millrace.errors.deadletterqueue.topic.replication.factor"
#define CONNECTOR_SOURCE_LETTERS_CONTEXT "millrace.errors.deadletterqueue.context.headers.enable"
#define CONNECTOR_ISOLATE "millrace.errors.isolate"
#define CONNECTOR_RESTART_POLICY "millrace.restart.policy"
#define CONNECTOR_RATE_RECORDS "millrace.rate.records.per.second"
#define CONNECTOR_RATE_BYTES "millrace.rate.bytes.per.second"
#define CONNECTOR_EXACTLY_ONCE "millrace.exactly.once.source"
const struct mr_config_def *connector_config_own_def(const char *name);
const struct mr_config_def *connector_config_own_defs(void); /* all in one */

/* errors.*, as errors/tolerance.h takes them. */
struct connector_errors {
    int64_t retry_timeout_ms; /* 0: no retry; negative: for ever */
    uint32_t retry_delay_max_ms;
    bool tolerate_all, log_enable, log_messages;
    bool isolate;                  /* sink: millrace.errors.isolate */
    const char *dead_letter_topic; /* NULL: none. Of a source: millrace.errors.deadletterqueue.*, as the two below */
    int32_t dead_letter_replication_factor;
    bool dead_letter_context_headers;
};

/* Of a source (KIP-618). */
enum connector_boundary { CONNECTOR_BOUNDARY_POLL, CONNECTOR_BOUNDARY_INTERVAL, CONNECTOR_BOUNDARY_CONNECTOR };
struct connector_exactly_once {
    bool is_on; /* the worker's exactly.once.source.support is enabled; or preparing, and millrace.exactly.once.source enabled */
    enum connector_boundary boundary;
    uint32_t interval_ms;      /* of BOUNDARY_INTERVAL */
    const char *offsets_topic; /* offsets.storage.topic, also without exactly once; NULL: the worker's */
};

struct connector_config {
    enum connector_kind kind;
    const char *name, *class_name;
    const char *plugin_version; /* NULL: newest */
    uint32_t tasks_max;
    bool tasks_max_enforce;
    /* The connector's own, or the worker's with the worker's options (Kafka's Worker.startTask). */
    struct converter_choice key_converter, value_converter, header_converter;
    struct connector_errors errors;
    uint64_t records_per_second, bytes_per_second; /* of all tasks together; 0: no limit */
    const char *const *topics; /* sink */
    size_t topic_count;
    const char *topics_regex; /* sink; NULL: none */
    struct connector_exactly_once exactly_once;
    struct topic_groups *topic_groups; /* source: of topics to be created; NULL: not wished, or not on this worker */
    const struct string_map *raw;
};

/* Is a source connector with this configuration, on this worker, to deliver exactly once? */
bool connector_wants_exactly_once(const struct string_map *raw, const struct worker_config *worker);

/* References in values are resolved already (variables.h). */
struct connector_config *connector_config_create(enum connector_kind kind, const struct string_map *raw,
                                                 const struct worker_config *worker, struct mr_error **error);
void connector_config_destroy(struct connector_config *config);

/* Finds the connector's plugin by its configuration: connector.class, connector.plugin.version. -1: MR_ERR_NOT_FOUND (unknown
 * class) or MR_ERR_CONFIG (no class, no such version) in Kafka Connect's words. */
int connector_config_plugin(const struct loader *loader, const struct string_map *config,
                            const struct loader_plugin **plugin, struct mr_error **error);

/* What a validation looks at. Borrowed during the call. */
struct connector_validation {
    const struct loader *loader;
    const struct worker_config *worker;
    const struct variables *variables; /* NULL: references stay text */
    const char *name;                  /* of the connector, for words and policies */
    const struct string_map *raw;
};

/* Everything that refuses a configuration at creation, and all that REST shows of a validation: framework options, the
 * plugin's own (rows, then its validate), converters, transformations and predicates with theirs, topics, client overrides
 * against the policy, the name of a sink's group. Calls plugin code: job thread, with a deadline.
 * NULL: not to be validated at all: MR_ERR_CONFIG, MR_ERR_NOT_FOUND (no class, unknown class, too many options), or anything
 * else (a provider or plugin that failed, a client override that its client cannot read). */
struct connector_report *connector_config_validate(const struct connector_validation *validation,
                                                   struct mr_error **error);
/* The options of a plugin of any kind that REST lists; of a connector also the framework's. Values are not set. Runs no
 * plugin code: any thread. NULL: no memory. */
struct connector_report *connector_definitions(const struct loader *loader, const struct loader_plugin *plugin,
                                               struct mr_error **error);
/* The client overrides alone, against the policy; for the start of a task. -1: MR_ERR_CONFIG, a line each. */
int connector_config_check_overrides(const struct connector_validation *validation, const struct loader_plugin *plugin,
                                     const struct string_map *resolved, struct mr_error **error);
/* The same before a sink's offsets are asked for: an admin client does that, which its tasks may not have. */
int connector_config_check_offset_overrides(const struct connector_validation *validation,
                                            const struct loader_plugin *plugin, const struct string_map *resolved,
                                            struct mr_error **error);

#endif
