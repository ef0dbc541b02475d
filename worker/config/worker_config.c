/* From properties to a worker_config: parse by the table, store the fields, look at what goes together. */
#include "config/worker_config_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "sdk/collect.h"

#include "base/bans.h"

#define SESSION_TIMEOUT_MIN_MS 2000 /* of which the lease takes one second */

#define WARNING_MAX 16384
#define POOL_THREADS_LEAST 4

static struct worker_config_box *box_of(const struct worker_config *config)
{
    return (struct worker_config_box *)(void *)config;
}

/* Lines -------------------------------------------------------------------------------------------------------- */

void worker_mistake(struct str_buffer *mistakes, const char *format, ...)
{
    va_list args;
    if (mistakes->length > 0)
        str_buffer_append_char(mistakes, '\n');
    va_start(args, format);
    str_buffer_vprintf(mistakes, format, args);
    va_end(args);
}

/* Callers cut what comes from outside: the line always fits. */
bool worker_warn(struct worker_config_box *box, const char *format, ...)
{
    struct str_buffer line;
    va_list args;
    str_buffer_init(&line, WARNING_MAX);
    va_start(args, format);
    str_buffer_vprintf(&line, format, args);
    va_end(args);
    char *text = str_buffer_take(&line, NULL);
    bool is_kept = text != NULL && ptr_array_push(&box->warnings, text);
    if (!is_kept)
        mem_free(text);
    str_buffer_release(&line);
    return is_kept;
}

/* Parsing ------------------------------------------------------------------------------------------------------ */

static const char *type_remedy(enum mr_config_type type)
{
    switch (type) {
    case MR_CONFIG_BOOLEAN:
        return "Write true or false";
    case MR_CONFIG_INT:
    case MR_CONFIG_SHORT:
    case MR_CONFIG_LONG:
        return "Write a whole number that fits, or remove the property for its default";
    default:
        return "Correct the property, or remove it for its default";
    }
}

static void add_findings(enum worker_mode mode, const struct mr_config_report *report, struct str_buffer *mistakes)
{
    for (size_t i = 0; i < config_report_count(report); i++) {
        const char *name = config_report_option(report, i), *message = config_report_message(report, i);
        const struct worker_option *option = worker_option_find(mode, name);
        const char *remedy = option->row.doc != NULL ? option->row.doc : type_remedy(option->row.type);
        size_t length = strlen(message);
        while (length > 0 && message[length - 1] == '.')
            length--;
        worker_mistake(mistakes, "%s: %.*s. %s", name, (int)length, message, remedy);
    }
}

/* -1: no memory. */
static int box_parse(struct worker_config_box *box, struct str_buffer *mistakes, struct mr_error **error)
{
    const struct mr_config_def *defs[WORKER_DEFS];
    worker_option_defs(box->config.mode, defs);
    struct mr_config_report *report = config_report_create();
    if (report == NULL)
        return -1;
    struct config_source source = {
        .mood = CONFIG_PARSE, .defs = defs, .def_count = WORKER_DEFS, .map = box->properties};
    int status = config_parse(&source, &box->parsed, report, error);
    if (status == 0)
        add_findings(box->config.mode, report, mistakes);
    config_report_destroy(report);
    return status;
}

/* Storing ------------------------------------------------------------------------------------------------------ */

/* As submitted, or as the table has it; NULL where neither has it (a mistake then). */
static const char *list_text(const struct mr_config *parsed, const struct mr_config_row *row)
{
    const char *text = mr_config_text(parsed, row->name);
    return text != NULL || row->default_text == MR_REQUIRED ? text : row->default_text;
}

static void store_field(struct worker_config_box *box, const struct worker_option *option)
{
    char *place = (char *)box + offsetof(struct worker_config_box, config) + option->field;
    const char *name = option->row.name;
    bool is_list = option->row.type == MR_CONFIG_LIST, is_text = option->kind == WORKER_FIELD_TEXT;
    int64_t number = is_text || option->kind == WORKER_FIELD_BOOL || option->kind == WORKER_FIELD_NONE
                         ? 0
                         : mr_config_integer(box->parsed, name);
    switch (option->kind) {
    case WORKER_FIELD_NONE:
        break;
    case WORKER_FIELD_TEXT:
        *(const char **)(void *)place =
            is_list ? list_text(box->parsed, &option->row) : mr_config_string(box->parsed, name);
        break;
    case WORKER_FIELD_UINT32:
        *(uint32_t *)(void *)place = number > INT32_MAX ? INT32_MAX : number < 0 ? 0 : (uint32_t)number;
        break;
    case WORKER_FIELD_INT32:
        *(int32_t *)(void *)place = (int32_t)number;
        break;
    case WORKER_FIELD_UINT16:
        *(uint16_t *)(void *)place = (uint16_t)number;
        break;
    case WORKER_FIELD_UINT64:
        *(uint64_t *)(void *)place = (uint64_t)number;
        break;
    case WORKER_FIELD_BOOL:
        *(bool *)(void *)place = mr_config_boolean(box->parsed, name);
        break;
    }
}

static void store_all(struct worker_config_box *box)
{
    const struct mr_config_def *defs[WORKER_DEFS];
    worker_option_defs(box->config.mode, defs);
    for (size_t d = 0; d < WORKER_DEFS; d++) {
        const struct worker_option *options = (const struct worker_option *)(const void *)defs[d]->rows;
        for (size_t i = 0; i < defs[d]->count; i++)
            store_field(box, &options[i]);
    }
}

static uint32_t default_threads(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores + 2 > POOL_THREADS_LEAST ? (uint32_t)cores + 2 : POOL_THREADS_LEAST;
}

/* What stands below `prefix` and is not the worker's own. */
static bool store_topic_configs(struct worker_config_box *box, struct internal_topic_config *topic, const char *prefix)
{
    static const char *const own[] = {"topic", "partitions", "replication.factor", "cleanup.policy", "file.filename"};
    topic->topic_configs = string_map_with_prefix(box->properties, prefix);
    for (size_t i = 0; topic->topic_configs != NULL && i < sizeof(own) / sizeof(own[0]); i++)
        string_map_remove(topic->topic_configs, own[i]);
    return topic->topic_configs != NULL;
}

static bool store_maps(struct worker_config_box *box)
{
    struct worker_config *config = &box->config;
    config->key_converter.options = string_map_with_prefix(box->properties, "key.converter.");
    config->value_converter.options = string_map_with_prefix(box->properties, "value.converter.");
    config->header_converter.options = string_map_with_prefix(box->properties, "header.converter.");
    return config->key_converter.options != NULL && config->value_converter.options != NULL &&
           config->header_converter.options != NULL &&
           store_topic_configs(box, &config->config_topic, "config.storage.") &&
           store_topic_configs(box, &config->offset_topic, "offset.storage.") &&
           store_topic_configs(box, &config->status_topic, "status.storage.");
}

static int box_store(struct worker_config_box *box)
{
    struct worker_config *config = &box->config;
    store_all(box);
    if (config->mode == WORKER_STANDALONE)
        config->group_id = "";
    config->config_topic.partitions = 1;
    if (config->pool_threads_max == 0)
        config->pool_threads_max = default_threads();
    if (config->advertised_host != NULL && *config->advertised_host == '\0')
        config->advertised_host = NULL;
    return store_maps(box) ? 0 : -1;
}

/* What goes together ------------------------------------------------------------------------------------------- */

static bool is_same(const char *one, const char *other)
{
    return one != NULL && other != NULL && strcmp(one, other) == 0;
}

static void check_topics(const struct worker_config *config, struct str_buffer *mistakes)
{
    const char *name = is_same(config->config_topic.name, config->offset_topic.name) ||
                               is_same(config->config_topic.name, config->status_topic.name)
                           ? config->config_topic.name
                       : is_same(config->offset_topic.name, config->status_topic.name) ? config->offset_topic.name
                                                                                       : NULL;
    if (name != NULL)
        worker_mistake(
            mistakes,
            "config.storage.topic, offset.storage.topic and status.storage.topic must be three topics, but '%s' "
            "is named twice. Give each a name of its own",
            name);
}

static void check_together(const struct worker_config_box *box, struct str_buffer *mistakes)
{
    const struct worker_config *config = &box->config;
    if (config->mode != WORKER_DISTRIBUTED)
        return;
    check_topics(config, mistakes);
    if (config->session_timeout_ms > 0 && config->heartbeat_interval_ms >= config->session_timeout_ms)
        worker_mistake(
            mistakes,
            "heartbeat.interval.ms (%u) must be lower than session.timeout.ms (%u); a third of it or less is "
            "usual",
            config->heartbeat_interval_ms, config->session_timeout_ms);
    if (config->session_timeout_ms > 0 && config->session_timeout_ms < SESSION_TIMEOUT_MIN_MS)
        worker_mistake(mistakes,
                       "session.timeout.ms (%u) must be at least %d: a worker stops acting a second before its session is over",
                       config->session_timeout_ms, SESSION_TIMEOUT_MIN_MS);
    if (config->advertised_host != NULL && strpbrk(config->advertised_host, "/ @?#") != NULL)
        worker_mistake(mistakes, "rest.advertised.host.name: '%s' is not a host name; scheme and port have properties of their own",
                       config->advertised_host);
    const char *signature = mr_config_string(box->parsed, "inter.worker.signature.algorithm");
    bool is_verified = false;
    for (size_t i = 0; i < mr_config_list_count(box->parsed, "inter.worker.verification.algorithms"); i++)
        is_verified = is_verified ||
                      is_same(signature, mr_config_list_at(box->parsed, "inter.worker.verification.algorithms", i));
    if (signature != NULL && !is_verified && mistakes->length == 0)
        worker_mistake(
            mistakes,
            "inter.worker.signature.algorithm: %s must also be listed in inter.worker.verification.algorithms",
            signature);
}

/* HOST:PORT, with PROTOCOL:// in front at most, as Kafka's own clients want it; librdkafka would take 9092 for a port. */
static bool names_a_port(const char *server)
{
    const char *colon = strrchr(server, ':');
    if (colon == NULL || colon == server || colon[-1] == '/' || strcspn(server, ";|@?# \t") < (size_t)(colon - server))
        return false;
    size_t digits = strspn(colon + 1, "0123456789");
    return digits > 0 && digits <= 5 && colon[1 + digits] == '\0' && strtoul(colon + 1, NULL, 10) <= UINT16_MAX;
}

static void check_servers(const struct worker_config_box *box, struct str_buffer *mistakes)
{
    for (size_t i = 0; i < mr_config_list_count(box->parsed, "bootstrap.servers"); i++) {
        const char *server = mr_config_list_at(box->parsed, "bootstrap.servers", i);
        if (!names_a_port(server))
            worker_mistake(mistakes, "bootstrap.servers: '%s' is not HOST:PORT. Write each broker with its port, e.g. "
                           "broker-1:9092", server);
    }
}

/* Doors -------------------------------------------------------------------------------------------------------- */

static int box_fill(struct worker_config_box *box, struct str_buffer *mistakes, struct mr_error **error)
{
    if (box->properties == NULL || !worker_preset_apply(box) || box_parse(box, mistakes, error) != 0 || box_store(box) != 0 ||
        worker_listeners_read(box, mistakes) != 0 || worker_access_read(box, mistakes) != 0 ||
        worker_notices_read(box, mistakes) != 0)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for the worker's configuration");
    check_servers(box, mistakes);
    worker_audit_check(&box->config, mistakes);
    check_together(box, mistakes);
    if (mistakes->length > 0)
        return mr_error_set(error, MR_ERR_CONFIG, "%s", str_buffer_text(mistakes));
    return mistakes->failed ? mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for the worker's configuration") : 0;
}

struct worker_config *worker_config_create(enum worker_mode mode, const struct string_map *properties,
                                           struct mr_error **error)
{
    struct str_buffer mistakes;
    struct worker_config_box *box = mem_calloc(1, sizeof(*box));
    if (box == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for the worker's configuration");
        return NULL;
    }
    box->config.mode = mode;
    ptr_array_init(&box->warnings, mem_free);
    ptr_array_init(&box->notes, mem_free);
    box->properties = string_map_copy(properties);
    box->config.properties = box->properties;
    str_buffer_init(&mistakes, WORKER_MISTAKES_MAX);
    int status = box_fill(box, &mistakes, error);
    str_buffer_release(&mistakes);
    if (status == 0)
        return &box->config;
    worker_config_destroy(&box->config);
    return NULL;
}

bool worker_config_set_path(struct worker_config *config, const char *path)
{
    struct worker_config_box *box = box_of(config);
    box->path = mem_strdup(path);
    config->path = box->path;
    return box->path != NULL;
}

static void topic_release(struct internal_topic_config *topic)
{
    string_map_destroy(topic->topic_configs);
}

void worker_config_destroy(struct worker_config *config)
{
    if (config == NULL)
        return;
    struct worker_config_box *box = box_of(config);
    for (size_t i = 0; i < config->listener_count; i++)
        mem_free(box->listeners[i].host);
    mem_free(box->listeners);
    for (size_t i = 0; i < config->admin_listener_count; i++)
        mem_free(box->admin_listeners[i].host);
    mem_free(box->admin_listeners);
    for (size_t i = 0; i < config->metrics_listener_count; i++)
        mem_free(box->metrics_listeners[i].host);
    mem_free(box->metrics_listeners);
    for (size_t i = 0; i < config->health_listener_count; i++)
        mem_free(box->health_listeners[i].host);
    mem_free(box->health_listeners);
    mem_free(box->jaas_file);
    mem_free(box->path);
    string_map_destroy(config->key_converter.options);
    string_map_destroy(config->value_converter.options);
    string_map_destroy(config->header_converter.options);
    topic_release(&config->config_topic);
    topic_release(&config->offset_topic);
    topic_release(&config->status_topic);
    ptr_array_release(&box->warnings);
    ptr_array_release(&box->notes);
    mr_config_destroy(box->parsed);
    string_map_destroy(box->properties);
    mem_free(box);
}

bool worker_config_is_sessioned(const struct worker_config *config)
{
    return config->connect_protocol != NULL && strcasecmp(config->connect_protocol, "sessioned") == 0;
}

bool worker_config_wants_leader_transactions(const struct worker_config *config)
{
    return config->leader_fencing == LEADER_FENCING_TRANSACTION ||
           (config->leader_fencing == LEADER_FENCING_AUTO && config->exactly_once_source != EXACTLY_ONCE_DISABLED);
}

size_t worker_config_warning_count(const struct worker_config *config)
{
    return box_of(config)->warnings.count;
}

const char *worker_config_warning(const struct worker_config *config, size_t index)
{
    return ptr_array_at(&box_of(config)->warnings, index);
}

size_t worker_config_note_count(const struct worker_config *config)
{
    return box_of(config)->notes.count;
}

const char *worker_config_note(const struct worker_config *config, size_t index)
{
    return ptr_array_at(&box_of(config)->notes, index);
}
