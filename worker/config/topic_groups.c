#include "config/topic_groups.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "regex/java_regex.h"
#include "sdk/config_host.h"

#include "base/bans.h"

#define LOG_NAME "millrace.config"
#define PREFIX "topic.creation."
#define DEFAULT_GROUP "default"
#define GROUPS "topic.creation.groups"
#define INCLUDE "include"
#define EXCLUDE "exclude"
#define REPLICATION_FACTOR "replication.factor"
#define PARTITIONS "partitions"
#define REGEX_BYTES_MAX 65536
#define WHY_BYTES 512

/* A group and what it takes to find its topics. */
struct group {
    struct topic_group public;
    char *name;
    struct string_map *configs;
    struct java_regex *include, *exclude; /* NULL in `default` */
};

struct topic_groups {
    size_t count;         /* without `default` */
    struct group items[]; /* `default` stands behind the last */
};

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the groups of topics to be created");
}

bool topic_groups_are_wished(const struct string_map *connector)
{
    for (size_t i = 0; i < string_map_count(connector); i++)
        if (strncmp(string_map_key(connector, i), PREFIX, strlen(PREFIX)) == 0)
            return true;
    return false;
}

/* Options --------------------------------------------------------------------------------------------------------- */

static int check_count(const char *text, const char *words, struct mr_error **error)
{
    if (text == NULL || strcmp(text, "-1") == 0 || (text[0] != '-' && strcmp(text, "0") != 0))
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG, "%s, or -1 to use the broker's default", words);
}

static int check_partitions(const char *name, const char *text, const struct mr_config *config, const void *argument,
                            struct mr_error **error)
{
    (void)name, (void)config, (void)argument;
    return check_count(text, "Number of partitions must be positive", error);
}

static int check_replication(const char *name, const char *text, const struct mr_config *config, const void *argument,
                             struct mr_error **error)
{
    (void)name, (void)config, (void)argument;
    return check_count(text, "Replication factor must be positive and not larger than the number of brokers in the Kafka "
                             "cluster", error);
}

static int check_expressions(const char *name, const char *text, const struct mr_config *config, const void *argument,
                             struct mr_error **error)
{
    char why[WHY_BYTES];
    (void)text, (void)argument;
    for (size_t i = 0; i < mr_config_list_count(config, name); i++) {
        struct java_regex *regex = java_regex_create(mr_config_list_at(config, name, i), why, sizeof(why));
        if (regex == NULL)
            return mr_error_set(error, MR_ERR_CONFIG, "Syntax error in regular expression: %s", why);
        java_regex_destroy(regex);
    }
    return 0;
}

enum { ROW_INCLUDE, ROW_EXCLUDE, ROW_REPLICATION_FACTOR, ROW_PARTITIONS, ROW_COUNT };

/* What `default` needs, other groups inherit: texts, "" for required. */
struct inherited {
    char replication_factor[16], partitions[16];
};

/* The options of a group; `inherited` NULL: those of `default`, whose expressions are not looked at. */
static struct mr_config *parse(const struct string_map *map, const char *name, const struct inherited *inherited,
                               struct mr_error **error)
{
    const struct mr_config_row rows[ROW_COUNT] = {
        [ROW_INCLUDE] = {.name = INCLUDE, .type = MR_CONFIG_LIST, .default_text = "", .importance = MR_LOW, .doc = "",
                         .validator = inherited == NULL ? NULL : check_expressions},
        [ROW_EXCLUDE] = {.name = EXCLUDE, .type = MR_CONFIG_LIST, .default_text = "", .importance = MR_LOW, .doc = "",
                         .validator = inherited == NULL ? NULL : check_expressions},
        [ROW_REPLICATION_FACTOR] = {.name = REPLICATION_FACTOR, .type = MR_CONFIG_SHORT, .importance = MR_LOW, .doc = "",
                                    .default_text = inherited == NULL ? MR_REQUIRED : inherited->replication_factor,
                                    .validator = check_replication},
        [ROW_PARTITIONS] = {.name = PARTITIONS, .type = MR_CONFIG_INT, .importance = MR_LOW, .doc = "",
                            .default_text = inherited == NULL ? MR_REQUIRED : inherited->partitions,
                            .validator = check_partitions},
    };
    const struct mr_config_def def = MR_CONFIG_DEF(rows), *defs[] = {&def};
    char prefix[256];
    struct mr_config *config = NULL;
    if (snprintf(prefix, sizeof(prefix), PREFIX "%s.", name) >= (int)sizeof(prefix)) {
        mr_error_set(error, MR_ERR_CONFIG, "Invalid value for configuration " GROUPS ": the name %.32s… is too long", name);
        return NULL;
    }
    const struct config_source source = {.mood = CONFIG_PARSE, .defs = defs, .def_count = 1, .map = map, .prefix = prefix,
                                         .naming = CONFIG_NAMES_FULL};
    return config_parse(&source, &config, NULL, error) == 0 ? config : NULL;
}

/* Groups ---------------------------------------------------------------------------------------------------------- */

/* "a|b|c": as Kafka Connect joins them. No expression matches the empty name only. */
static struct java_regex *join(const struct mr_config *config, const char *list, struct mr_error **error)
{
    struct str_buffer text;
    char why[WHY_BYTES];
    struct java_regex *regex = NULL;
    str_buffer_init(&text, REGEX_BYTES_MAX);
    for (size_t i = 0; i < mr_config_list_count(config, list); i++)
        str_buffer_printf(&text, "%s%s", i == 0 ? "" : "|", mr_config_list_at(config, list, i));
    if (str_buffer_failed(&text))
        snprintf(why, sizeof(why), "more than %d bytes, or no memory", REGEX_BYTES_MAX);
    else
        regex = java_regex_create(str_buffer_text(&text), why, sizeof(why));
    str_buffer_release(&text);
    if (regex == NULL)
        mr_error_set(error, MR_ERR_CONFIG, "Syntax error in regular expression: %s", why);
    return regex;
}

static bool fill_public(struct group *group, const struct mr_config *config, const struct string_map *map, const char *name)
{
    group->name = mem_strdup(name);
    group->configs = string_map_copy(map);
    if (group->name == NULL || group->configs == NULL)
        return false;
    string_map_remove(group->configs, INCLUDE);
    string_map_remove(group->configs, EXCLUDE);
    string_map_remove(group->configs, REPLICATION_FACTOR);
    string_map_remove(group->configs, PARTITIONS);
    group->public = (struct topic_group){.name = group->name,
                                         .partitions = (int32_t)mr_config_integer(config, PARTITIONS),
                                         .replication_factor = (int32_t)mr_config_integer(config, REPLICATION_FACTOR),
                                         .configs = group->configs};
    return true;
}

static int fill(struct group *group, const struct string_map *connector, const char *name, struct inherited *inherited,
                struct mr_error **error)
{
    bool is_default = strcmp(name, DEFAULT_GROUP) == 0;
    struct str_buffer prefix;
    str_buffer_init(&prefix, REGEX_BYTES_MAX);
    str_buffer_printf(&prefix, PREFIX "%s.", name);
    struct string_map *map = string_map_with_prefix(connector, str_buffer_text(&prefix));
    str_buffer_release(&prefix);
    if (map == NULL)
        return no_memory(error);
    struct mr_config *config = parse(map, name, is_default ? NULL : inherited, error);
    int status = config == NULL ? -1 : fill_public(group, config, map, name) ? 0 : no_memory(error);
    if (status == 0 && !is_default) {
        group->include = join(config, INCLUDE, error);
        group->exclude = group->include == NULL ? NULL : join(config, EXCLUDE, error);
        status = group->exclude == NULL ? -1 : 0;
    }
    mr_config_destroy(config);
    string_map_destroy(map);
    return status;
}

static void group_release(struct group *group)
{
    java_regex_destroy(group->include);
    java_regex_destroy(group->exclude);
    string_map_destroy(group->configs);
    mem_free(group->name);
}

/* The names: in order, each once; `default` need not be among them. */
static struct mr_config *parse_names(const struct string_map *connector, struct mr_error **error)
{
    static const struct mr_config_row row = {.name = GROUPS, .type = MR_CONFIG_LIST, .default_text = "", .importance = MR_LOW,
                                             .doc = ""};
    static const struct mr_config_def def = {.size = sizeof(def), .row_size = sizeof(row), .rows = &row, .count = 1};
    return config_create(&def, connector, error);
}

static int fill_all(struct topic_groups *groups, const struct mr_config *names, const struct string_map *connector,
                    struct mr_error **error)
{
    struct group first = {.include = NULL};
    struct inherited inherited;
    if (fill(&first, connector, DEFAULT_GROUP, NULL, error) != 0) {
        group_release(&first);
        return -1;
    }
    snprintf(inherited.replication_factor, sizeof(inherited.replication_factor), "%d", (int)first.public.replication_factor);
    snprintf(inherited.partitions, sizeof(inherited.partitions), "%d", (int)first.public.partitions);
    int status = 0;
    for (size_t i = 0; status == 0 && i < mr_config_list_count(names, GROUPS); i++) {
        const char *name = mr_config_list_at(names, GROUPS, i);
        if (strcmp(name, DEFAULT_GROUP) == 0)
            log_warn(LOG_NAME, "'%s' topic creation group always exists and does not need to be listed explicitly", name);
        else
            status = fill(&groups->items[groups->count++], connector, name, &inherited, error);
    }
    groups->items[groups->count] = first; /* behind those that are there, also when one failed */
    return status;
}

struct topic_groups *topic_groups_create(const struct string_map *connector, struct mr_error **error)
{
    struct mr_config *names = parse_names(connector, error);
    if (names == NULL)
        return NULL;
    size_t count = mr_config_list_count(names, GROUPS) + 1;
    struct topic_groups *groups = mem_calloc(1, sizeof(*groups) + count * sizeof(groups->items[0]));
    if (groups == NULL)
        no_memory(error);
    else if (fill_all(groups, names, connector, error) != 0) {
        topic_groups_destroy(groups);
        groups = NULL;
    }
    mr_config_destroy(names);
    return groups;
}

void topic_groups_destroy(struct topic_groups *groups)
{
    if (groups == NULL)
        return;
    for (size_t i = 0; i <= groups->count; i++)
        group_release(&groups->items[i]);
    mem_free(groups);
}

const struct topic_group *topic_groups_find(const struct topic_groups *groups, const char *topic)
{
    size_t size = strlen(topic);
    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->items[i];
        if (!java_regex_matches(group->exclude, topic, size) && java_regex_matches(group->include, topic, size))
            return &group->public;
    }
    return &groups->items[groups->count].public;
}
