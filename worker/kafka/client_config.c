/* client_config.c: the translation as a whole, the finished object, its identity. */
#include "kafka/client_config_internal.h"
#include "kafka/credentials_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <librdkafka/rdkafka.h>
#include <millrace/error.h>
#include <openssl/evp.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/ptr_array.h"
#include "base/secrets.h"
#include "base/str_buffer.h"
#include "base/string_map.h"

#include "base/bans.h"

#define IDENTITY_TEXT_MAX (4u << 20)
#define REFUSALS_TEXT_MAX 16384

/* ---- text ---- */

bool text_is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n\f")] == '\0';
}

bool text_to_number(const char *text, int64_t *number)
{
    char *end;
    errno = 0;
    long long parsed = strtoll(text, &end, 10);
    if (end == text || errno != 0 || !text_is_blank(end))
        return false;
    *number = parsed;
    return true;
}

bool text_to_boolean(const char *text, bool *boolean)
{
    *boolean = strcasecmp(text, "true") == 0;
    return *boolean || strcasecmp(text, "false") == 0;
}

bool text_ends_with(const char *text, const char *end)
{
    size_t text_length = strlen(text), end_length = strlen(end);
    return text_length >= end_length && strcmp(text + text_length - end_length, end) == 0;
}

/* ---- native settings ---- */

const char *translation_java(const struct translation *translation, const char *property)
{
    return string_map_get(translation->config->java, property);
}

static bool is_secret(const char *native)
{
    static const char *const names[] = {"sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(native, names[i]) == 0)
            return true;
    }
    return false;
}

/* Each setting is tried at once, so that a refusal can name the property it came from. The value is not repeated: it
 * may be a secret. */
void translation_set(struct translation *translation, const char *property, const char *native, const char *value)
{
    char words[512];
    if (is_secret(native))
        secrets_note(value);
    rd_kafka_conf_t *trial = rd_kafka_conf_new();
    rd_kafka_conf_res_t result = rd_kafka_conf_set(trial, native, value, words, sizeof words);
    rd_kafka_conf_destroy(trial);
    if (result == RD_KAFKA_CONF_UNKNOWN)
        translation_warn(translation, property, "%s: librdkafka %s does not know %s; ignored", property,
                         rd_kafka_version_str(), native);
    else if (result == RD_KAFKA_CONF_INVALID)
        translation_refuse(translation, property, "%s: the value is not accepted for librdkafka's %s", property, native);
    else if (!string_map_put(translation->config->native, native, value))
        translation->no_memory = true;
}

void translation_set_number(struct translation *translation, const char *property, const char *native, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    translation_set(translation, property, native, text);
}

/* ---- what is emulated ---- */

static int64_t java_number(const struct client_config *config, const char *property, int64_t otherwise, int64_t min,
                           int64_t max)
{
    const char *text = string_map_get(config->java, property);
    int64_t number;
    if (text == NULL || !text_to_number(text, &number))
        return otherwise;
    return number < min ? min : number > max ? max : number;
}

static void read_emulated(struct client_config *config)
{
    bool member = config->kind == CLIENT_MEMBER;
    config->max_poll_records = (uint32_t)java_number(config, "max.poll.records", 500, 1, INT_MAX);
    config->max_block_ms = java_number(config, "max.block.ms", INT64_MAX, 0, INT64_MAX);
    config->buffer_bytes = (uint64_t)java_number(config, "buffer.memory", 32 << 20, 1 << 16, INT64_MAX);
    config->session_timeout_ms = (uint32_t)java_number(config, "session.timeout.ms", member ? 10000 : 45000, 1, 3600000);
    config->max_poll_interval_ms =
        (uint32_t)(member ? java_number(config, "rebalance.timeout.ms", 60000, config->session_timeout_ms, 86400000)
                          : java_number(config, "max.poll.interval.ms", 300000, 1, 86400000));
    config->retry_backoff_ms = (uint32_t)java_number(config, "retry.backoff.ms", 100, 1, 300000);
    config->api_timeout_ms = (uint32_t)java_number(config, "default.api.timeout.ms", 60000, 1, INT_MAX);
}

/* ---- identity ---- */

static bool append_sized(struct str_buffer *text, const char *part)
{
    return str_buffer_printf(text, "%zu:%s;", strlen(part), part);
}

/* Sorted, so that the order of the user's lines does not matter. */
static bool append_sorted(const struct string_map *map, const char *but, struct str_buffer *text)
{
    struct ptr_array names;
    ptr_array_init(&names, NULL);
    bool ok = str_buffer_append_char(text, ';');
    for (size_t i = 0; ok && map != NULL && i < string_map_count(map); i++)
        ok = ptr_array_push(&names, (void *)(uintptr_t)string_map_key(map, i));
    if (ok)
        ptr_array_sort(&names, ptr_array_compare_text);
    for (size_t i = 0; ok && i < names.count; i++) {
        const char *name = names.items[i];
        if (but == NULL || strcmp(name, but) != 0)
            ok = append_sized(text, name) && append_sized(text, string_map_get_or(map, name, ""));
    }
    ptr_array_release(&names);
    return ok;
}

static bool identity_text(const struct client_config *config, struct str_buffer *text)
{
    return str_buffer_printf(text, "%d;%" PRIu64 ";%d;%d", (int)config->kind, config->buffer_bytes, config->tls_least, config->tls_most) &&
           append_sorted(config->native, "client.id", text) && append_sorted(config->token, NULL, text) &&
           append_sorted(config->extensions, NULL, text);
}

static bool compute_identity(struct client_config *config)
{
    struct str_buffer text;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    str_buffer_init(&text, IDENTITY_TEXT_MAX);
    bool ok = identity_text(config, &text) &&
              EVP_Digest(str_buffer_text(&text), text.length, digest, &size, EVP_sha256(), NULL) == 1;
    if (text.data != NULL)
        explicit_bzero(text.data, text.length);
    str_buffer_release(&text);
    for (unsigned int i = 0; ok && i < size && i < 32; i++)
        snprintf(config->identity + 2 * (size_t)i, 3, "%02x", digest[i]);
    return ok;
}

/* ---- creation ---- */

static void translate_all(struct translation *translation)
{
    const char *servers = translation_java(translation, "bootstrap.servers");
    if (servers == NULL || text_is_blank(servers))
        translation_refuse(translation, "bootstrap.servers", "bootstrap.servers is missing: name your brokers, "
                           "host:port, separated by commas");
    read_emulated(translation->config);
    client_table_translate(translation);
    client_security_translate(translation);
}

static int refusals_to_error(const struct client_findings *findings, struct mr_error **error)
{
    struct str_buffer text;
    str_buffer_init(&text, REFUSALS_TEXT_MAX);
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].refuses)
            str_buffer_printf(&text, "%s%s", text.length > 0 ? "\n" : "", findings->items[i].message);
    }
    if (text.length > 0)
        mr_error_set(error, MR_ERR_CONFIG, "%s", str_buffer_text(&text));
    int status = text.length > 0 ? -1 : 0;
    str_buffer_release(&text);
    return status;
}

static struct client_config *config_new(enum client_kind kind, const struct string_map *properties)
{
    struct client_config *config = mem_calloc(1, sizeof *config);
    if (config == NULL)
        return NULL;
    refcount_init(&config->refcount);
    config->kind = kind;
    config->java = string_map_copy(properties);
    config->native = string_map_create();
    if (config->java == NULL || config->native == NULL || !credentials_update(config->java)) {
        client_config_drop(config);
        config = NULL;
    }
    return config;
}

static struct client_config *no_memory(struct mr_error **error)
{
    mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the settings of a Kafka client");
    return NULL;
}

struct client_config *client_config_create(enum client_kind kind, const struct string_map *properties,
                                           struct client_findings *findings, struct mr_error **error)
{
    struct client_findings own;
    client_findings_init(&own);
    struct translation translation = {config_new(kind, properties), findings != NULL ? findings : &own, false};
    if (translation.config == NULL)
        return no_memory(error);
    translate_all(&translation);
    int status = refusals_to_error(translation.findings, error);
    if (status == 0 && (translation.no_memory || !compute_identity(translation.config))) {
        no_memory(error);
        status = -1;
    }
    if (findings == NULL && status == 0)
        client_findings_log(&own, string_map_get_or(properties, "client.id", "client"));
    client_findings_release(&own);
    if (status != 0) {
        client_config_drop(translation.config);
        return NULL;
    }
    return translation.config;
}

struct client_config *client_config_for(enum client_kind kind, const struct client_layers *layers,
                                        struct client_findings *findings, struct mr_error **error)
{
    struct string_map *properties = client_properties_for(kind, layers);
    if (properties == NULL)
        return no_memory(error);
    struct client_config *config = client_config_create(kind, properties, findings, error);
    string_map_destroy(properties);
    return config;
}

struct client_config *client_config_take(struct client_config *config)
{
    refcount_take(&config->refcount);
    return config;
}

void client_config_drop(struct client_config *config)
{
    if (config == NULL || !refcount_drop(&config->refcount))
        return;
    string_map_destroy(config->java);
    string_map_destroy(config->native);
    string_map_destroy(config->token);
    string_map_destroy(config->extensions);
    mem_free(config);
}

/* ---- reading ---- */

enum client_kind client_config_kind(const struct client_config *config)
{
    return config->kind;
}

const char *client_config_client_id(const struct client_config *config)
{
    return string_map_get_or(config->java, "client.id", "");
}

const char *client_config_identity(const struct client_config *config)
{
    return config->identity;
}

const char *client_config_get(const struct client_config *config, const char *java_name)
{
    return string_map_get(config->java, java_name);
}

const char *client_config_get_native(const struct client_config *config, const char *native_name)
{
    return string_map_get(config->native, native_name);
}

const struct string_map *client_config_token(const struct client_config *config)
{
    return config->token;
}

const struct string_map *client_config_extensions(const struct client_config *config)
{
    return config->extensions;
}

uint32_t client_config_max_poll_records(const struct client_config *config)
{
    return config->max_poll_records;
}

int64_t client_config_max_block_ms(const struct client_config *config)
{
    return config->max_block_ms;
}

uint64_t client_config_buffer_bytes(const struct client_config *config)
{
    return config->buffer_bytes;
}

uint32_t client_config_max_poll_interval_ms(const struct client_config *config)
{
    return config->max_poll_interval_ms;
}

uint32_t client_config_session_timeout_ms(const struct client_config *config)
{
    return config->session_timeout_ms;
}

uint32_t client_config_retry_backoff_ms(const struct client_config *config)
{
    return config->retry_backoff_ms;
}

uint32_t client_config_api_timeout_ms(const struct client_config *config)
{
    return config->api_timeout_ms;
}

const char *client_library_version(void)
{
    return rd_kafka_version_str();
}
