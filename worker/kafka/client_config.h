/*
 * client_config: the settings of one Kafka client, from Java client properties to librdkafka's, by one table.
 *
 * Users write Java's names (`acks`, `sasl.jaas.config`, `ssl.truststore.location`). A client_config is what became of them:
 * a list of librdkafka names and values, and what librdkafka lacks and we emulate (max.poll.records, max.block.ms). It is
 * immutable, refcounted and free to use from any thread.
 *
 * What cannot be honoured: a setting that only tunes gives one warning that names it; a setting that protects something
 * (a login module we do not have, a key store we cannot read, a malformed jaas text) refuses the client with MR_ERR_CONFIG.
 * No message ever holds the value of a secret. Files named in the properties (trust stores) are read at creation.
 *
 * Which properties reach which client: Kafka Connect's rules (WorkerConfig, Worker): producers and consumers get only
 * `bootstrap.servers` of the bare worker properties, then `producer.*` / `consumer.*`, then the connector's
 * `producer.override.*` / `consumer.override.*`; admin clients also inherit the bare ones; group member and internal
 * clients get the bare ones alone.
 */
#ifndef KAFKA_CLIENT_CONFIG_H
#define KAFKA_CLIENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_error;
struct string_map;
struct client_config;

enum client_kind {
    CLIENT_PRODUCER,          /* of source tasks and dead letters */
    CLIENT_CONSUMER,          /* of sink tasks */
    CLIENT_ADMIN,             /* of connectors: topic creation, sink offsets */
    CLIENT_MEMBER,            /* the worker's group member */
    CLIENT_INTERNAL_PRODUCER, /* appends to the internal topics */
    CLIENT_INTERNAL_CONSUMER, /* reads the internal topics */
    CLIENT_INTERNAL_ADMIN,    /* creates and checks the internal topics */
};

/* ---- findings: what a user should be told, one line each, in the order of the properties ---- */

struct client_finding {
    char *property;   /* as the Java name, without prefix */
    char *message;    /* one sentence that names the property and, where there is one, the remedy; no secret */
    bool refuses;     /* true: the client must not start like this */
};

struct client_findings {
    struct client_finding *items;
    size_t count, capacity;
};

void client_findings_init(struct client_findings *findings);
void client_findings_release(struct client_findings *findings);
/* Logs the warnings (not the refusals, which are in the error of the failed creation), each after "what: ". */
void client_findings_log(const struct client_findings *findings, const char *what);

/* ---- creation ---- */

/* The layers above the base settings. All texts and maps are only read during the call. */
struct client_layers {
    const struct string_map *worker;      /* every property of the worker's file; needed */
    const struct string_map *connector;   /* the connector's configuration (its *.override.* are used); NULL: none */
    const char *client_id;                /* used unless a layer sets client.id; needed */
    const char *group_id;                 /* consumers and members: used unless a layer sets group.id; else NULL */
    const char *transactional_id;         /* producers: whatever the layers say, as is idempotence then; NULL: what they say */
};

/* findings may be NULL: warnings are then logged under the client id. NULL: refused (MR_ERR_CONFIG, all refusals in one
 * message, a line each) or no memory. Drop the result with client_config_drop. */
struct client_config *client_config_for(enum client_kind kind, const struct client_layers *layers,
                                        struct client_findings *findings, struct mr_error **error);

/* The effective Java properties such a client would have, before translation. NULL: no memory. */
struct string_map *client_properties_for(enum client_kind kind, const struct client_layers *layers);

/* The consumer group of a sink: connect-NAME, or what the layers say. `config` is the connector's, resolved as far as it can be. NULL: no
 * memory. mem_free. */
char *client_sink_group(const struct string_map *worker, const struct string_map *config, const char *connector);

/* From properties that are effective already. */
struct client_config *client_config_create(enum client_kind kind, const struct string_map *properties,
                                           struct client_findings *findings, struct mr_error **error);

struct client_config *client_config_take(struct client_config *config);
void client_config_drop(struct client_config *config);

/* ---- reading ---- */

enum client_kind client_config_kind(const struct client_config *config);
const char *client_config_client_id(const struct client_config *config);
/* Equal for clients with equal effective settings but for client.id: such producers may be one. A digest: no secrets. */
const char *client_config_identity(const struct client_config *config);
/* An effective Java property, NULL when unset. The value may be a secret. */
const char *client_config_get(const struct client_config *config, const char *java_name);
/* What librdkafka was told; NULL when its default holds. The value may be a secret. */
const char *client_config_get_native(const struct client_config *config, const char *native_name);

/* SASL OAUTHBEARER: where its tokens come from (identity/token_settings.h), and its extensions, name to value; NULL for other logins. The
 * former holds secrets. */
const struct string_map *client_config_token(const struct client_config *config);
const struct string_map *client_config_extensions(const struct client_config *config);

/* Emulated: librdkafka has no such setting. */
uint32_t client_config_max_poll_records(const struct client_config *config);   /* bounds one put; 500 */
int64_t client_config_max_block_ms(const struct client_config *config);        /* INT64_MAX: for ever */
uint64_t client_config_buffer_bytes(const struct client_config *config);       /* buffer.memory; 32 MiB */
uint32_t client_config_max_poll_interval_ms(const struct client_config *config);
uint32_t client_config_session_timeout_ms(const struct client_config *config);
uint32_t client_config_retry_backoff_ms(const struct client_config *config);
uint32_t client_config_api_timeout_ms(const struct client_config *config);     /* default.api.timeout.ms; 60 s */

/* The version of the librdkafka in use, "2.12.0". */
const char *client_library_version(void);

#endif
