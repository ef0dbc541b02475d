/*
 * The properties of a worker (Kafka's WorkerConfig, DistributedConfig, StandaloneConfig). A new one is a row; config_parse reads and checks it,
 * worker_config.c stores it in its field.
 */
#include "config/worker_config_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/placement.h"

#include "base/bans.h"

#define DEFAULT_HEADER_CONVERTER "org.apache.kafka.connect.storage.SimpleHeaderConverter"
#define KEY_BITS_LEAST 40
#define KEY_BITS_MOST 8192
#define DEFAULT_REPORTER "org.apache.kafka.common.metrics.JmxReporter"

/* Checks ------------------------------------------------------------------------------------------------------- */

static const struct mr_range not_negative = {0, INT64_MAX}, positive = {1, INT64_MAX}, port = {0, 65535},
                             buffer_size = {-1, INT64_MAX}, log_bytes = {65536, 67108864}, stall = {1000, INT64_MAX},
                             skew = {0, 300000}, restarts = {1, 32}, looks = {1000, INT64_MAX}, connections = {8, 10000},
                             buffer_bytes = {64 * 1024, INT64_MAX};

static const char *const dns_lookups[] = {"use_all_dns_ips", "resolve_canonical_bootstrap_servers_only", NULL};
static const char *const discoveries[] = {"only_scan", "hybrid_warn", "hybrid_fail", "service_load", NULL};
static const char *const recording_levels[] = {"INFO", "DEBUG", "TRACE", NULL};
static const char *const protocols[] = {"eager", "compatible", "sessioned", NULL};
static const char *const exactly_once[] = {"disabled", "preparing", "enabled", NULL};
static const char *const presets[] = {"none", "eventhubs", "confluent-cloud", NULL};
static const char *const compactions[] = {"required", "warn", NULL};
static const char *const fencings[] = {"auto", "generation", "transaction", NULL};
static const char *const security_protocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", NULL};
static const char *const client_auths[] = {"required", "requested", "none", NULL};
static const char *const recoveries[] = {"none", "rebootstrap", NULL};
static const char *const restart_policies[] = {"never", "on-failure", NULL};
static const char *const log_formats[] = {"text", "json", NULL};
static const char *const schemes[] = {"http", "https", NULL};

/* Partition counts and replication factors: a positive number, or -1 for the broker's default. */
static int check_count(const char *name, const char *text, const struct mr_config *config, const void *argument,
                       struct mr_error **error)
{
    (void)name, (void)config;
    if (text != NULL && (strcmp(text, "0") == 0 || (text[0] == '-' && strcmp(text, "-1") != 0)))
        return mr_error_set(error, MR_ERR_CONFIG,
                            "%s must be positive and not larger than the number of brokers in the Kafka cluster, "
                            "or -1 to use the broker's default",
                            (const char *)argument);
    return 0;
}

/* "" counts as a choice not made: HmacSHA256 is what there is. */
static int check_hmac(const char *name, const char *text, const struct mr_config *config, const void *argument,
                      struct mr_error **error)
{
    (void)name, (void)config, (void)argument;
    static const char *const known[] = {"HmacSHA1", "HmacSHA224", "HmacSHA256", "HmacSHA384", "HmacSHA512"};
    for (size_t i = 0; text != NULL && i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(text, known[i]) == 0)
            return 0;
    }
    return mr_error_set(error, MR_ERR_CONFIG, "the algorithm is not available; HmacSHA256 is");
}

/* Bits of the session key; what Java's key generators take. */
static int check_key_size(const char *name, const char *text, const struct mr_config *config, const void *argument,
                          struct mr_error **error)
{
    (void)name, (void)config, (void)argument;
    long bits = text == NULL ? KEY_BITS_LEAST : strtol(text, NULL, 10);
    if (bits >= KEY_BITS_LEAST && bits <= KEY_BITS_MOST)
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG, "a session key has %d to %d bits", KEY_BITS_LEAST, KEY_BITS_MOST);
}

static int check_labels(const char *name, const char *text, const struct mr_config *config, const void *argument,
                        struct mr_error **error)
{
    char words[320];
    (void)name, (void)config, (void)argument;
    if (text == NULL || placement_check_labels(text, words, sizeof(words)))
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG, "%s", words);
}

static int check_log_levels(const char *name, const char *text, const struct mr_config *config, const void *argument,
                            struct mr_error **error)
{
    char word[LOG_NAME_MAX + 1];
    enum log_level level;
    (void)text, (void)argument;
    for (size_t i = 0; i < mr_config_list_count(config, name); i++) {
        const char *term = mr_config_list_at(config, name, i), *sign = strrchr(term, '=');
        if (sign == NULL || sign == term || (size_t)(sign - term) >= sizeof(word) || !log_level_parse(sign + 1, &level))
            return mr_error_set(error, MR_ERR_CONFIG, "'%.100s' is not LOGGER=LEVEL, where LEVEL is OFF, FATAL, ERROR, WARN, INFO, "
                                                      "DEBUG, TRACE or ALL", term);
    }
    return 0;
}

/* The table ---------------------------------------------------------------------------------------------------- */

#define NOT_STORED WORKER_FIELD_NONE, 0
#define TEXT(member) WORKER_FIELD_TEXT, offsetof(struct worker_config, member)
#define UINT32(member) WORKER_FIELD_UINT32, offsetof(struct worker_config, member)
#define INT32(member) WORKER_FIELD_INT32, offsetof(struct worker_config, member)
#define UINT16(member) WORKER_FIELD_UINT16, offsetof(struct worker_config, member)
#define UINT64(member) WORKER_FIELD_UINT64, offsetof(struct worker_config, member)
#define BOOL(member) WORKER_FIELD_BOOL, offsetof(struct worker_config, member)

#define ROW(name_, type_, default_, check_, argument_, doc_)                                                           \
    {                                                                                                                  \
        .name = (name_), .type = MR_CONFIG_##type_, .default_text = (default_), .importance = MR_MEDIUM,               \
        .doc = (doc_), .validator = (check_), .validator_argument = (argument_)                                        \
    }
#define OPTION(name_, type_, default_, check_, argument_, doc_, ...)                                                   \
    {                                                                                                                  \
        ROW(name_, type_, default_, check_, argument_, doc_), __VA_ARGS__                                              \
    }
/* By what they hold. */
#define ANY(name, type, standard, ...) OPTION(name, type, standard, NULL, NULL, NULL, __VA_ARGS__)
#define NUMBER(name, type, standard, range, ...)                                                                       \
    OPTION(name, type, standard, mr_check_range, &(range), NULL, __VA_ARGS__)
#define CHOICE(name, standard, choices, ...)                                                                           \
    OPTION(name, STRING, standard, mr_check_one_of_any_case, choices, NULL, __VA_ARGS__)
#define NEEDED(name, remedy, ...) OPTION(name, STRING, MR_REQUIRED, mr_check_not_empty, NULL, remedy, __VA_ARGS__)
#define COUNT(name, type, standard, what, ...) OPTION(name, type, standard, check_count, what, NULL, __VA_ARGS__)

static const struct worker_option common_options[] = {
    OPTION("bootstrap.servers", LIST, MR_REQUIRED, mr_check_valid_list, "not empty",
           "Set bootstrap.servers=HOST:PORT of one or more Kafka brokers", TEXT(bootstrap_servers)),
    NEEDED("key.converter", "Set key.converter to a converter class, e.g. org.apache.kafka.connect.json.JsonConverter",
           TEXT(key_converter.class_name)),
    NEEDED("value.converter",
           "Set value.converter to a converter class, e.g. org.apache.kafka.connect.json.JsonConverter",
           TEXT(value_converter.class_name)),
    OPTION("header.converter", STRING, DEFAULT_HEADER_CONVERTER, mr_check_not_empty, NULL,
           "Remove header.converter, or set it to a header converter class", TEXT(header_converter.class_name)),
    ANY("key.converter.plugin.version", STRING, NULL, NOT_STORED),
    ANY("value.converter.plugin.version", STRING, NULL, NOT_STORED),
    ANY("header.converter.plugin.version", STRING, NULL, NOT_STORED),

    NUMBER("offset.flush.interval.ms", LONG, "60000", not_negative, UINT32(offset_flush_interval_ms)),
    NUMBER("offset.flush.timeout.ms", LONG, "5000", not_negative, UINT32(offset_flush_timeout_ms)),
    NUMBER("task.shutdown.graceful.timeout.ms", LONG, "5000", not_negative, UINT32(task_shutdown_timeout_ms)),
    ANY("topic.creation.enable", BOOLEAN, "true", BOOL(topic_creation_enable)),
    ANY("topic.tracking.enable", BOOLEAN, "true", BOOL(topic_tracking_enable)),
    ANY("topic.tracking.allow.reset", BOOLEAN, "true", BOOL(topic_tracking_allow_reset)),

    ANY("plugin.path", STRING, "", TEXT(plugin_path)),
    CHOICE("plugin.discovery", "hybrid_warn", discoveries, NOT_STORED),
    OPTION("config.providers", LIST, "", mr_check_valid_list, NULL, NULL, NOT_STORED),
    OPTION("connector.client.config.override.policy", STRING, "All", mr_check_not_empty, NULL,
           "Set connector.client.config.override.policy to All, None, Principal, Allowlist or a policy class",
           TEXT(override_policy)),
    OPTION("connector.client.config.override.allowlist", LIST, "", mr_check_valid_list, NULL, NULL, NOT_STORED),

    OPTION("listeners", LIST, "http://:8083", mr_check_valid_list, "not empty",
           "Set listeners to URLs such as http://:8083 or https://10.0.0.1:8443", NOT_STORED),
    ANY("rest.advertised.host.name", STRING, NULL, TEXT(advertised_host)),
    NUMBER("rest.advertised.port", INT, "0", port, UINT16(advertised_port)),
    OPTION("rest.advertised.listener", STRING, "", NULL, schemes, NULL, NOT_STORED),
    ANY("admin.listeners", LIST, NULL, NOT_STORED),
    OPTION("millrace.health.listeners", LIST, "", mr_check_valid_list, NULL, NULL, NOT_STORED),
    NUMBER("millrace.health.stuck.ms", LONG, "30000", stall, UINT32(health_stuck_ms)),
    ANY("access.control.allow.origin", STRING, "", TEXT(access_control_origins)),
    ANY("access.control.allow.methods", STRING, "", TEXT(access_control_methods)),
    ANY("response.http.headers.config", STRING, "", TEXT(response_headers)),
    ANY("rest.extension.classes", LIST, "", TEXT(rest_extensions)),
    NUMBER("millrace.rest.connections.max", INT, "256", connections, UINT32(rest_connections_max)),
    NUMBER("millrace.rest.extension.timeout.ms", LONG, "5000", positive, UINT32(rest_extension_timeout_ms)),
    ANY("millrace.rest.auth.passwords.file", STRING, "", TEXT(rest_auth.passwords_file)),
    ANY("millrace.rest.auth.jaas.file", STRING, "", TEXT(rest_auth.jaas_file)),
    ANY("millrace.rest.auth.certificates", BOOLEAN, "false", BOOL(rest_auth.certificates)),
    ANY("millrace.rest.auth.issuer", STRING, "", TEXT(rest_auth.issuer)),
    OPTION("millrace.rest.auth.audiences", LIST, "", mr_check_valid_list, NULL, NULL, TEXT(rest_auth.audiences)),
    ANY("millrace.rest.auth.keys.url", STRING, "", TEXT(rest_auth.keys_url)),
    ANY("millrace.rest.auth.keys.ca.file", STRING, "", TEXT(rest_auth.keys_ca_file)),
    ANY("millrace.rest.auth.keys.proxy", STRING, "", TEXT(rest_auth.keys_proxy)),
    NUMBER("millrace.rest.auth.keys.refresh.ms", LONG, "600000", stall, UINT32(rest_auth.keys_refresh_ms)),
    OPTION("millrace.rest.auth.name.claim", STRING, "sub", mr_check_not_empty, NULL, NULL, TEXT(rest_auth.name_claim)),
    OPTION("millrace.rest.auth.group.claims", LIST, "groups,roles", mr_check_valid_list, NULL, NULL,
           TEXT(rest_auth.group_claims)),
    NUMBER("millrace.rest.auth.clock.skew.ms", INT, "60000", skew, UINT32(rest_auth.clock_skew_ms)),
    ANY("millrace.rest.bindings.file", STRING, "", TEXT(rest_auth.bindings_file)),
    ANY("millrace.inter.worker.secret", PASSWORD, "", TEXT(inter_worker_secret)),
    CHOICE("ssl.client.auth", "none", client_auths, NOT_STORED),

    ANY("metric.reporters", LIST, DEFAULT_REPORTER, NOT_STORED),
    NUMBER("metrics.num.samples", INT, "2", positive, NOT_STORED),
    NUMBER("metrics.sample.window.ms", LONG, "30000", not_negative, NOT_STORED),
    OPTION("metrics.recording.level", STRING, "INFO", mr_check_one_of, recording_levels, NULL, NOT_STORED),

    ANY("millrace.metrics.listeners", LIST, NULL, NOT_STORED),
    NUMBER("millrace.kafka.credentials.interval.ms", LONG, "10000", positive, UINT32(credentials_interval_ms)),
    NUMBER("millrace.metrics.kafka.interval.ms", LONG, "15000", not_negative, UINT32(metrics_kafka_interval_ms)),
    ANY("millrace.metrics.jvm.names", BOOLEAN, "false", BOOL(metrics_jvm_names)),

    CHOICE("millrace.kafka.preset", "none", presets, NOT_STORED), /* worker_preset.c */
    ANY("client.id", STRING, "", TEXT(client_id)),
    CHOICE("client.dns.lookup", "use_all_dns_ips", dns_lookups, NOT_STORED),
    ANY("connections.max.idle.ms", LONG, "540000", NOT_STORED),
    NUMBER("metadata.max.age.ms", LONG, "300000", not_negative, NOT_STORED),
    CHOICE("metadata.recovery.strategy", "rebootstrap", recoveries, NOT_STORED),
    NUMBER("metadata.recovery.rebootstrap.trigger.ms", LONG, "300000", not_negative, NOT_STORED),
    NUMBER("receive.buffer.bytes", INT, "32768", buffer_size, NOT_STORED),
    NUMBER("send.buffer.bytes", INT, "131072", buffer_size, NOT_STORED),
    NUMBER("reconnect.backoff.ms", LONG, "50", not_negative, NOT_STORED),
    NUMBER("reconnect.backoff.max.ms", LONG, "1000", not_negative, NOT_STORED),
    NUMBER("retry.backoff.ms", LONG, "100", not_negative, NOT_STORED),
    NUMBER("retry.backoff.max.ms", LONG, "1000", not_negative, NOT_STORED),
    NUMBER("request.timeout.ms", INT, "40000", not_negative, NOT_STORED),
    NUMBER("socket.connection.setup.timeout.ms", LONG, "10000", not_negative, NOT_STORED),
    NUMBER("socket.connection.setup.timeout.max.ms", LONG, "30000", not_negative, NOT_STORED),
    CHOICE("security.protocol", "PLAINTEXT", security_protocols, NOT_STORED),

    ANY("millrace.audit.file", STRING, "", TEXT(audit.file)),
    ANY("millrace.audit.topic", STRING, "", TEXT(audit.topic)),
    COUNT("millrace.audit.topic.replication.factor", SHORT, "-1", "Replication factor", INT32(audit.topic_replication_factor)),
    ANY("millrace.audit.hash.key", PASSWORD, "", TEXT(audit.hash_key)),

    NUMBER("millrace.pool.threads.max", INT, "0", not_negative, UINT32(pool_threads_max)),
    NUMBER("millrace.task.buffer.bytes", LONG, "33554432", buffer_bytes, UINT64(task_buffer_bytes)),
    NUMBER("millrace.call.timeout.ms", LONG, "60000", stall, UINT32(call_timeout_ms)),
    NUMBER("millrace.task.stall.ms", LONG, "300000", stall, UINT32(task_stall_ms)),
    OPTION("millrace.restart.policy", STRING, "on-failure", mr_check_one_of, restart_policies, NULL, TEXT(restart.policy)),
    NUMBER("millrace.restart.delay.ms", LONG, "30000", stall, UINT32(restart.delay_ms)),
    NUMBER("millrace.restart.delay.max.ms", LONG, "900000", stall, UINT32(restart.delay_max_ms)),
    NUMBER("millrace.restart.budget", INT, "5", restarts, UINT32(restart.budget)),
    NUMBER("millrace.restart.budget.window.ms", LONG, "3600000", stall, UINT32(restart.window_ms)),
    CHOICE("millrace.log.format", "text", log_formats, TEXT(log.format)),
    OPTION("millrace.log.levels", LIST, "", check_log_levels, NULL, "Set millrace.log.levels to terms like kafka.librdkafka=DEBUG",
           TEXT(log.levels)),
    NUMBER("millrace.log.buffer.bytes", LONG, "1048576", log_bytes, UINT64(log.buffer_bytes)),
    NUMBER("millrace.log.repeats.max", INT, "50", not_negative, UINT32(log.repeats_max)),
    NUMBER("millrace.log.repeats.window.ms", LONG, "10000", stall, UINT32(log.repeats_window_ms)),
    ANY("millrace.crash.file", STRING, "", TEXT(crash_file)),
    OPTION("millrace.placement.labels", STRING, "", check_labels, NULL, "Set millrace.placement.labels to terms like zone=a,disk=ssd",
           TEXT(placement_labels)),
};

static const struct worker_option distributed_options[] = {
    NEEDED("group.id", "Set group.id to the name that all workers of this cluster share", TEXT(group_id)),
    NEEDED("config.storage.topic", "Set config.storage.topic to the topic that keeps connector configurations",
           TEXT(config_topic.name)),
    NEEDED("offset.storage.topic", "Set offset.storage.topic to the topic that keeps source offsets",
           TEXT(offset_topic.name)),
    NEEDED("status.storage.topic", "Set status.storage.topic to the topic that keeps statuses",
           TEXT(status_topic.name)),
    COUNT("config.storage.replication.factor", SHORT, "3", "Replication factor",
          INT32(config_topic.replication_factor)),
    COUNT("offset.storage.partitions", INT, "25", "Number of partitions", INT32(offset_topic.partitions)),
    COUNT("offset.storage.replication.factor", SHORT, "3", "Replication factor",
          INT32(offset_topic.replication_factor)),
    COUNT("status.storage.partitions", INT, "5", "Number of partitions", INT32(status_topic.partitions)),
    COUNT("status.storage.replication.factor", SHORT, "3", "Replication factor",
          INT32(status_topic.replication_factor)),

    CHOICE("millrace.internal.topics.compaction", "required", compactions, NOT_STORED), /* kafka/internal_topics.h */
    NUMBER("millrace.internal.topics.check.interval.ms", LONG, "60000", looks, UINT32(internal_topics_check_ms)),

    NUMBER("session.timeout.ms", INT, "10000", positive, UINT32(session_timeout_ms)),
    NUMBER("heartbeat.interval.ms", INT, "500", positive, UINT32(heartbeat_interval_ms)),
    NUMBER("rebalance.timeout.ms", INT, "60000", positive, UINT32(rebalance_timeout_ms)),
    NUMBER("worker.sync.timeout.ms", INT, "3000", not_negative, UINT32(worker_sync_timeout_ms)),
    NUMBER("worker.unsync.backoff.ms", INT, "300000", not_negative, NOT_STORED),
    CHOICE("connect.protocol", "sessioned", protocols, TEXT(connect_protocol)),
    NUMBER("scheduled.rebalance.max.delay.ms", INT, "0", not_negative, UINT32(rebalance_delay_max_ms)),
    CHOICE("exactly.once.source.support", "disabled", exactly_once, NOT_STORED),
    CHOICE("millrace.leader.fencing", "auto", fencings, NOT_STORED),

    OPTION("inter.worker.key.generation.algorithm", STRING, "HmacSHA256", check_hmac, NULL, NULL, TEXT(key_algorithm)),
    OPTION("inter.worker.key.size", INT, NULL, check_key_size, NULL, NULL, UINT32(key_size_bits)),
    NUMBER("inter.worker.key.ttl.ms", INT, "3600000", not_negative, UINT32(key_ttl_ms)),
    OPTION("inter.worker.signature.algorithm", STRING, "HmacSHA256", check_hmac, NULL, NULL, TEXT(signature_algorithm)),
    OPTION("inter.worker.verification.algorithms", LIST, "HmacSHA256", mr_check_valid_list, "not empty", NULL,
           TEXT(verification_algorithms)),
};

static const struct worker_option standalone_options[] = {
    NEEDED("offset.storage.file.filename", "Set offset.storage.file.filename to the file that keeps source offsets",
           TEXT(offset_file)),
};

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))
#define DEF(table)                                                                                                     \
    {                                                                                                                  \
        .size = sizeof(struct mr_config_def), .row_size = sizeof(struct worker_option), .rows = &(table)[0].row,       \
        .count = COUNT_OF(table)                                                                                       \
    }
static const struct mr_config_def common_def = DEF(common_options), distributed_def = DEF(distributed_options),
                                  standalone_def = DEF(standalone_options);

void worker_option_defs(enum worker_mode mode, const struct mr_config_def *defs[WORKER_DEFS])
{
    defs[0] = mode == WORKER_DISTRIBUTED ? &distributed_def : &standalone_def;
    defs[1] = &common_def;
}

static const struct worker_option *find_in(const struct mr_config_def *def, const char *name)
{
    const struct worker_option *options = (const struct worker_option *)(const void *)def->rows;
    for (size_t i = 0; i < def->count; i++) {
        if (strcmp(options[i].row.name, name) == 0)
            return &options[i];
    }
    return NULL;
}

const struct worker_option *worker_option_find(enum worker_mode mode, const char *name)
{
    const struct mr_config_def *defs[WORKER_DEFS];
    const struct worker_option *found = NULL;
    worker_option_defs(mode, defs);
    for (size_t i = 0; found == NULL && i < WORKER_DEFS; i++)
        found = find_in(defs[i], name);
    return found;
}
