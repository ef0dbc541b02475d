/*
 * client_config's back room: the state of one translation, and what the table's functions may do to it.
 * One thread at a time; everything lives during client_config_create() only, but for struct client_config itself.
 */
#ifndef KAFKA_CLIENT_CONFIG_INTERNAL_H
#define KAFKA_CLIENT_CONFIG_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/refcount.h"
#include "kafka/client_config.h"

struct string_map;
struct mr_error;

#define CLIENT_IDENTITY_SIZE 65   /* SHA-256 in hex and a NUL */
#define CLIENT_FINDINGS_MAX 200   /* more are not kept */

struct client_config {
    struct refcount refcount;
    enum client_kind kind;
    struct string_map *java;       /* effective Java properties */
    struct string_map *native;     /* librdkafka's names and values, in the order they are set */
    struct string_map *token;      /* OAUTHBEARER: settings of a token source (identity/token_settings.h); else NULL, as is the next */
    struct string_map *extensions; /* of SASL, name to value */
    char identity[CLIENT_IDENTITY_SIZE];
    uint32_t max_poll_records;
    int64_t max_block_ms;
    uint64_t buffer_bytes;
    uint32_t max_poll_interval_ms;
    uint32_t session_timeout_ms;
    uint32_t retry_backoff_ms;
    uint32_t api_timeout_ms;
    int tls_least, tls_most;         /* TLS1_2_VERSION, TLS1_3_VERSION; 0: librdkafka's */
    int64_t certificate_expires_s;   /* since 1970, of the client's own; 0: it has none */
    char certificate_end[40];        /* the same for people; "" */
};

/* Bits of kinds, for the table. */
#define FOR_PRODUCER (1u << CLIENT_PRODUCER | 1u << CLIENT_INTERNAL_PRODUCER)
#define FOR_CONSUMER (1u << CLIENT_CONSUMER | 1u << CLIENT_INTERNAL_CONSUMER)
#define FOR_GROUP (1u << CLIENT_CONSUMER | 1u << CLIENT_MEMBER)
#define FOR_ALL 0xffffu

struct translation {
    struct client_config *config;
    struct client_findings *findings;
    bool no_memory;
};

void translation_warn(struct translation *translation, const char *property, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void translation_refuse(struct translation *translation, const char *property, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A native setting; names that this librdkafka does not know are dropped with a warning under `property`. */
void translation_set(struct translation *translation, const char *property, const char *native, const char *value);
void translation_set_number(struct translation *translation, const char *property, const char *native, int64_t value);
const char *translation_java(const struct translation *translation, const char *property);   /* NULL: unset */

/* client_table.c: everything but security. client_security.c: security.protocol, sasl.*, ssl.*. */
void client_table_translate(struct translation *translation);
void client_security_translate(struct translation *translation);

/* A name below ssl., sasl. or security. that some Kafka client has. */
bool client_security_knows(const char *java);

/* Text helpers of both. */
bool text_is_blank(const char *text);
bool text_to_number(const char *text, int64_t *number);
bool text_to_boolean(const char *text, bool *boolean);
bool text_ends_with(const char *text, const char *end);

#endif
