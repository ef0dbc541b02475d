/*
 * What the worker does with properties that it does not carry out: accepts in silence what loses its meaning here, warns by
 * name about what is ignored, refuses what protects something.
 */
#include "config/worker_config_internal.h"

#include <string.h>
#include <strings.h>

#include "base/string_map.h"

#include "base/bans.h"

/* Names below these belong to clients, plugins or groups of settings. */
static const char *const known_prefixes[] = {
    "producer.",
    "consumer.",
    "admin.",
    "key.converter.",
    "value.converter.",
    "header.converter.",
    "config.storage.",
    "offset.storage.",
    "status.storage.",
    "config.providers.",
    "ssl.",
    "sasl.",
    "listeners.https.",
    "admin.listeners.https.",
    "metrics.context.",
};

/* Everything about these is warned about in one line of its own. */
struct ignored {
    const char *name;
    bool is_prefix;
    const char *words; /* after the name */
};
static const struct ignored ignored[] = {
    {"internal.key.converter", true, "is ignored: internal topics have one format"},
    {"internal.value.converter", true, "is ignored: internal topics have one format"},
    {"metrics.num.samples", false, "is ignored: metrics are taken over two samples of 30 s"},
    {"metrics.sample.window.ms", false, "is ignored: metrics are taken over two samples of 30 s"},
};

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const struct ignored *find_ignored(const char *name)
{
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        if (ignored[i].is_prefix ? begins_with(name, ignored[i].name) : strcmp(name, ignored[i].name) == 0)
            return &ignored[i];
    }
    return NULL;
}

static bool is_known(const char *name)
{
    /* A file of the other mode is no reason for noise. */
    if (worker_option_find(WORKER_DISTRIBUTED, name) != NULL || worker_option_find(WORKER_STANDALONE, name) != NULL)
        return true;
    for (size_t i = 0; i < sizeof(known_prefixes) / sizeof(known_prefixes[0]); i++) {
        if (begins_with(name, known_prefixes[i]))
            return true;
    }
    return false;
}

/* A misspelt limit must not be no limit: whatever is ours and not known ends the start. */
static void refuse_unknown(const char *name, struct str_buffer *mistakes)
{
    char guess[WORKER_NAME_MAX];
    if (worker_name_guess(name, guess))
        worker_mistake(mistakes, "%.512s: this version does not know it, so nothing would come of it. Did you mean %s?", name, guess);
    else
        worker_mistake(mistakes, "%.512s: this version does not know it, so nothing would come of it. Correct its name", name);
}

static bool warn_of_strange(struct worker_config_box *box, const char *name)
{
    char guess[WORKER_NAME_MAX];
    if (worker_name_guess(name, guess))
        return worker_warn(box, "%.512s: neither listeners nor Kafka clients know it. Did you mean %s?", name, guess);
    return worker_warn(box, "%.512s: neither listeners nor Kafka clients know it", name);
}

static bool read_name(struct worker_config_box *box, const char *name, const char *value, struct str_buffer *unknown,
                      struct str_buffer *mistakes)
{
    const struct ignored *notice = find_ignored(name);
    char guess[WORKER_NAME_MAX];
    if (notice != NULL)
        return value == NULL || *value == '\0' || worker_warn(box, "%.512s %s", name, notice->words);
    if (worker_name_is_strange(name))
        return warn_of_strange(box, name);
    if (is_known(name))
        return true;
    if (worker_name_is_meant_for_us(name)) {
        refuse_unknown(name, mistakes);
        return true;
    }
    str_buffer_printf(unknown, "%s%s", unknown->length > 0 ? ", " : "", name);
    if (worker_name_guess(name, guess))
        str_buffer_printf(unknown, " (did you mean %s?)", guess);
    return true;
}

static bool read_names(struct worker_config_box *box, struct str_buffer *mistakes)
{
    struct str_buffer unknown;
    bool is_fine = true;
    str_buffer_init(&unknown, 8192);
    for (size_t i = 0; is_fine && i < string_map_count(box->properties); i++)
        is_fine = read_name(box, string_map_key(box->properties, i), string_map_value(box->properties, i), &unknown,
                            mistakes);
    if (is_fine && unknown.length > 0)
        is_fine = worker_warn(box, "These properties are not the worker's; they are kept for plugins and clients: %s",
                              str_buffer_text(&unknown));
    str_buffer_release(&unknown);
    return is_fine;
}

const char *exactly_once_source_name(enum exactly_once_source source)
{
    static const char *const names[] = {
        [EXACTLY_ONCE_DISABLED] = "disabled", [EXACTLY_ONCE_PREPARING] = "preparing", [EXACTLY_ONCE_ENABLED] = "enabled"};

    return names[source];
}

static void read_exactly_once(struct worker_config_box *box)
{
    const char *wished =
        box->config.mode == WORKER_DISTRIBUTED ? mr_config_string(box->parsed, "exactly.once.source.support") : NULL;
    box->config.exactly_once_source = EXACTLY_ONCE_DISABLED;
    if (wished != NULL && strcasecmp(wished, "enabled") == 0)
        box->config.exactly_once_source = EXACTLY_ONCE_ENABLED;
    else if (wished != NULL && strcasecmp(wished, "preparing") == 0)
        box->config.exactly_once_source = EXACTLY_ONCE_PREPARING;
}

static void read_fencing(struct worker_config_box *box)
{
    const char *wished =
        box->config.mode == WORKER_DISTRIBUTED ? mr_config_string(box->parsed, "millrace.leader.fencing") : NULL;
    box->config.leader_fencing = LEADER_FENCING_AUTO;
    if (wished != NULL && strcasecmp(wished, "generation") == 0)
        box->config.leader_fencing = LEADER_FENCING_GENERATION;
    else if (wished != NULL && strcasecmp(wished, "transaction") == 0)
        box->config.leader_fencing = LEADER_FENCING_TRANSACTION;
}

static bool read_reporters(struct worker_config_box *box)
{
    bool is_fine = true;
    for (size_t i = 0; is_fine && i < mr_config_list_count(box->parsed, "metric.reporters"); i++) {
        const char *name = mr_config_list_at(box->parsed, "metric.reporters", i);
        if (strcmp(name, "org.apache.kafka.common.metrics.JmxReporter") != 0)
            is_fine = worker_warn(box, "metric.reporters: %.512s is a Java class and is not loaded", name);
    }
    return is_fine;
}

/* Another cluster's brokers may want nothing. */
static bool is_open(const struct string_map *properties, const char *protocol, const char *servers)
{
    return !string_map_has(properties, protocol) && !string_map_has(properties, servers);
}

/* Kafka Connect keeps each kind of client apart, and whoever forgets one has tasks that wait for ever. */
static bool read_security(struct worker_config_box *box)
{
    const char *protocol = string_map_get(box->properties, "security.protocol");
    if (protocol == NULL || *protocol == '\0' || strcasecmp(protocol, "PLAINTEXT") == 0)
        return true;
    bool producers = is_open(box->properties, "producer.security.protocol", "producer.bootstrap.servers");
    bool consumers = is_open(box->properties, "consumer.security.protocol", "consumer.bootstrap.servers");
    if (!producers && !consumers)
        return true;
    return worker_warn(box, "security.protocol=%.64s is for the worker's own clients alone; not set: %s%s%s. %s go to the brokers without TLS and "
                       "login, unless connectors override that: write the security of clients under %s%s%s as well", protocol,
                       producers ? "producer.security.protocol" : "", producers && consumers ? ", " : "", consumers ? "consumer.security.protocol" : "",
                       !consumers ? "Source tasks and dead letters" : producers ? "All tasks" : "Sink tasks",
                       producers ? "producer." : "", producers && consumers ? " and " : "", consumers ? "consumer." : "");
}

int worker_notices_read(struct worker_config_box *box, struct str_buffer *mistakes)
{
    read_fencing(box);
    read_exactly_once(box);
    return read_reporters(box) && read_security(box) && read_names(box, mistakes) ? 0 : -1;
}
