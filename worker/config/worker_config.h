/*
 * worker_config: a worker's properties, understood.
 *
 * Names, types and defaults are Kafka Connect's (WorkerConfig, DistributedConfig, StandaloneConfig) but for the defaults that
 * docs/differences.md names (heartbeat.interval.ms 500, scheduled.rebalance.max.delay.ms 0). Own options begin with
 * "millrace.". A JVM worker's file works unchanged: what we do not need is accepted; what cannot be honoured is warned about
 * by name; what protects something and cannot be honoured is an error.
 *
 * References ${provider:path:key} in the worker's own file are resolved before (worker_file.h); what stands here as one stays
 * text.
 *
 * Immutable after creation; any thread may read. Texts live as long as the configuration.
 */
#ifndef CONFIG_WORKER_CONFIG_H
#define CONFIG_WORKER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loader;
struct mr_error;
struct string_map;

enum worker_mode { WORKER_DISTRIBUTED, WORKER_STANDALONE };

struct listener_address {
    bool is_https;
    char *host;    /* "": all interfaces */
    uint16_t port; /* 0: any free one */
};

struct converter_choice {
    const char *class_name;
    struct string_map *options; /* without the prefix, e.g. of key.converter. */
};

enum exactly_once_source { EXACTLY_ONCE_DISABLED, EXACTLY_ONCE_PREPARING, EXACTLY_ONCE_ENABLED };
/* As exactly.once.source.support says it. */
const char *exactly_once_source_name(enum exactly_once_source source);

/* millrace.leader.fencing: how writes of a former leader are refused (store/config_store.h). */
enum leader_fencing { LEADER_FENCING_AUTO, LEADER_FENCING_GENERATION, LEADER_FENCING_TRANSACTION };

struct internal_topic_config {
    const char *name;
    int32_t partitions;               /* -1: broker's default; the config topic: 1 */
    int32_t replication_factor;       /* -1: broker's default */
    struct string_map *topic_configs; /* what else stands under config.storage. and the like */
};

/* Who may log in over REST, and what they may do. Texts are "" where not set. */
struct rest_auth_config {
    const char *passwords_file; /* millrace.rest.auth.passwords.file (access/login_file.h) */
    const char *jaas_file;      /* millrace.rest.auth.jaas.file, or, with the JVM's basic-auth extension, what KAFKA_OPTS names */
    bool certificates;          /* millrace.rest.auth.certificates: a client certificate that TLS has checked is a login */
    const char *issuer;         /* millrace.rest.auth.issuer, of tokens (access/jwt_validator.h) */
    const char *audiences;      /* ….audiences; a comma list */
    const char *keys_url, *keys_ca_file, *keys_proxy; /* ….keys.url and so on (issuer/key_set.h) */
    uint32_t keys_refresh_ms;
    const char *name_claim, *group_claims; /* ….name.claim; ….group.claims, a comma list */
    uint32_t clock_skew_ms;
    const char *bindings_file; /* millrace.rest.bindings.file (access/bindings.h) */
};

/* millrace.audit.…: where changes are recorded (audit/audit.h); "" where not set. */
struct audit_config {
    const char *file, *topic;
    int32_t topic_replication_factor; /* -1: the broker's default */
    const char *hash_key;             /* a secret */
};

/* millrace.log.*: docs/logging.md. */
struct log_config {
    const char *format; /* "text" or "json" */
    const char *levels; /* a comma list of LOGGER=LEVEL; "": none */
    uint64_t buffer_bytes;
    uint32_t repeats_max, repeats_window_ms;
};

/* millrace.restart.*: what fails is started again by itself (docs/self-healing.md). */
struct restart_config {
    const char *policy;    /* "never" or "on-failure", the default; a connector may say otherwise */
    uint32_t delay_ms;     /* before the first; default 30000, 1000 or more */
    uint32_t delay_max_ms; /* doubled up to that; default 900000 */
    uint32_t budget;       /* so many, 1 to 32; default 5 … */
    uint32_t window_ms;    /* … in that time; default 3600000 */
};

struct worker_config {
    enum worker_mode mode;
    const struct string_map *properties; /* all, as written (references of the worker's file resolved) */
    const char *path;                    /* of the worker's file; NULL: from none */

    const char *bootstrap_servers;
    const char *group_id;  /* standalone: "" */
    const char *client_id; /* "": none */
    uint32_t session_timeout_ms, heartbeat_interval_ms, rebalance_timeout_ms, worker_sync_timeout_ms;
    uint32_t rebalance_delay_max_ms; /* scheduled.rebalance.max.delay.ms; our default 0 */
    const char *connect_protocol;    /* standalone: NULL; see worker_config_is_sessioned */
    const char *key_algorithm;       /* inter.worker.key.generation.algorithm; "HmacSHA256" */
    uint32_t key_size_bits;          /* inter.worker.key.size; 0: what the algorithm has */
    uint32_t key_ttl_ms;             /* inter.worker.key.ttl.ms; 0: a key is never too old */
    const char *signature_algorithm, *verification_algorithms; /* inter.worker.…; the latter a comma list */
    struct internal_topic_config config_topic, offset_topic, status_topic;
    uint32_t internal_topics_check_ms; /* millrace.internal.topics.check.interval.ms: how often their cleanup policy is looked at */
    const char *offset_file; /* standalone: offset.storage.file.filename */

    uint32_t offset_flush_interval_ms, offset_flush_timeout_ms, task_shutdown_timeout_ms;
    enum exactly_once_source exactly_once_source;
    enum leader_fencing leader_fencing; /* see worker_config_wants_leader_transactions */
    bool topic_creation_enable, topic_tracking_enable, topic_tracking_allow_reset;

    struct converter_choice key_converter, value_converter, header_converter;
    const char *plugin_path; /* comma list; "": only what is shipped */
    const char *override_policy;

    const struct listener_address *listeners;
    size_t listener_count;
    const char *advertised_host;   /* NULL: rest.advertised.host.name not set */
    uint16_t advertised_port;      /* 0: not set */
    const char *advertised_scheme; /* "http" or "https" */

    const char *access_control_origins, *access_control_methods; /* access.control.allow.origin, .methods; "": not set */
    const char *response_headers;                                /* response.http.headers.config; "": none */

    struct rest_auth_config rest_auth;
    uint32_t rest_connections_max;      /* millrace.rest.connections.max: of one listener; default 256 */
    const char *rest_extensions;        /* rest.extension.classes: a comma list */
    uint32_t rest_extension_timeout_ms; /* millrace.rest.extension.timeout.ms: for a call of one; default 5000 */
    bool admin_on_listeners; /* false: admin.listeners is set, so administrative endpoints are not on `listeners` … */
    const struct listener_address *admin_listeners; /* … but on these; none: nowhere */
    size_t admin_listener_count;
    const struct listener_address *metrics_listeners; /* millrace.metrics.listeners: /metrics and nothing else, without a login */
    size_t metrics_listener_count;
    bool metrics_jvm_names;             /* millrace.metrics.jvm.names */
    uint32_t credentials_interval_ms;   /* millrace.kafka.credentials.interval.ms: how often the credentials of Kafka clients are looked at */
    uint32_t metrics_kafka_interval_ms; /* millrace.metrics.kafka.interval.ms: how often Kafka clients tell of themselves; 0: never */
    const struct listener_address *health_listeners; /* millrace.health.listeners: plain http, probes alone; none: only on `listeners` */
    size_t health_listener_count;
    uint32_t health_stuck_ms; /* millrace.health.stuck.ms: a control thread that has not turned for so long is not live; default 30000 */

    struct audit_config audit; /* see worker_config_is_audited */

    uint32_t pool_threads_max;  /* millrace.pool.threads.max; default: cores + 2, at least 4 */
    uint64_t task_buffer_bytes; /* millrace.task.buffer.bytes; default 32 MiB */
    uint32_t call_timeout_ms;   /* millrace.call.timeout.ms: for a call of a connector; default 60000 */
    uint32_t task_stall_ms;     /* millrace.task.stall.ms; default 300000 */
    struct restart_config restart;
    struct log_config log;
    const char *crash_file;     /* millrace.crash.file; "": not set */
    const char *placement_labels; /* millrace.placement.labels; base/placement.h; "": none */
    const char *inter_worker_secret; /* millrace.inter.worker.secret; "": none. A secret */
};

/* All mistakes in one error (MR_ERR_CONFIG), a line each, naming property, value (never of a secret) and remedy. */
struct worker_config *worker_config_create(enum worker_mode mode, const struct string_map *properties,
                                           struct mr_error **error);
void worker_config_destroy(struct worker_config *config);

/* Must whoever asks over REST log in? Then there is a file of bindings, too. */
bool worker_config_needs_login(const struct worker_config *config);
/* Do others than this machine's own processes reach a listener, admin.listeners among them? */
bool worker_config_is_exposed(const struct worker_config *config);

/* Is it one of the worker's own: properties, logins, bindings, key and trust stores, audit record and its former files, offsets, crash
 * note? By whatever name; looks at the files. One that is not there yet is known by its folder and name, whatever leads there. */
bool worker_config_owns_file(const struct worker_config *config, const char *path);

/* Are changes recorded? */
bool worker_config_is_audited(const struct worker_config *config);

/* connect.protocol=sessioned: requests between workers are signed. */
bool worker_config_is_sessioned(const struct worker_config *config);

/* The leader's writes are to be transactions: by millrace.leader.fencing, or, where that says auto, as the JVM worker: with
 * exactly.once.source.support=preparing or enabled. */
bool worker_config_wants_leader_transactions(const struct worker_config *config);

/* The plugins that the properties name: converters and override policy with their options. Before the worker goes on,
 * since every connector would fail otherwise. All mistakes in one error (MR_ERR_CONFIG). */
int worker_config_check_plugins(const struct worker_config *config, const struct loader *loader,
                                struct mr_error **error);

/* What the user should know, one line each: ignored or unknown properties, what differs. */
size_t worker_config_warning_count(const struct worker_config *config);
const char *worker_config_warning(const struct worker_config *config, size_t index);
/* What was set in the user's stead, and what comes of it: for the log, one line each. */
size_t worker_config_note_count(const struct worker_config *config);
const char *worker_config_note(const struct worker_config *config, size_t index);

#endif
