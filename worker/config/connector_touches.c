#include "config/connector_touches.h"

#include <millrace/config_def.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/connector_config.h"
#include "config/reference_internal.h"
#include "config/variables.h"
#include "loader/loader.h"
#include "sdk/config_host.h"

#include "base/bans.h"

#define GROUP_OVERRIDE "consumer.override.group.id"
#define WORDS_MAX 1024

struct looking {
    struct connector_touches *touches;
    const struct loader *loader;
    const struct string_map *config;
    bool may_be_source, may_be_sink; /* both where the class is not there */
    bool failed;                     /* no memory */
};

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_blank(const char *text)
{
    while (text != NULL && *text != '\0' && (unsigned char)*text <= ' ')
        text++;
    return text == NULL || *text == '\0';
}

static void add(struct looking *looking, struct ptr_array *list, const char *text, size_t length)
{
    char *copy = mem_strndup(text, length);
    if (copy != NULL && ptr_array_push(list, copy))
        return;
    mem_free(copy);
    looking->failed = true;
}

/* The first reason is enough. */
static void set_words(struct looking *looking, char **words, const char *before, const char *option, const char *reason)
{
    if (*words != NULL)
        return;
    struct str_buffer text;
    str_buffer_init(&text, WORDS_MAX);
    str_buffer_printf(&text, "%s%.200s %s%s", before, option, reason, *before == '\0' ? "" : ")");
    *words = str_buffer_take(&text, NULL);
    str_buffer_release(&text);
    looking->failed = looking->failed || *words == NULL;
}

static void set_any_topic(struct looking *looking, const char *option, const char *reason)
{
    set_words(looking, &looking->touches->any_topic, "all topics (", option, reason);
}

/* ---- class ---- */

static void look_at_class(struct looking *looking)
{
    const char *name = string_map_get(looking->config, "connector.class");
    const char *version = string_map_get(looking->config, "connector.plugin.version");
    const struct loader_plugin *plugin = NULL;
    looking->may_be_source = looking->may_be_sink = true;
    if (name == NULL)
        return;
    if (variables_has_reference(name))
        set_words(looking, &looking->touches->unknowable, "", "connector.class", "holds a reference");
    else if (loader_find_connector(looking->loader, name, version, &plugin, NULL) != 0 &&
             loader_find_connector(looking->loader, name, NULL, &plugin, NULL) != 0)
        plugin = NULL;
    if (plugin != NULL) {
        looking->may_be_source = plugin->kind == MR_PLUGIN_SOURCE;
        looking->may_be_sink = !looking->may_be_source;
    }
    looking->touches->class_name = mem_strdup(plugin != NULL ? plugin->class_name : name);
    looking->failed = looking->failed || looking->touches->class_name == NULL;
}

/* ---- topics ---- */

/* Without the blanks around it, as options are read; it is not blank. */
static void add_trimmed(struct looking *looking, struct ptr_array *list, const char *text)
{
    size_t length = strlen(text);
    for (; (unsigned char)*text <= ' '; text++)
        length--;
    while ((unsigned char)text[length - 1] <= ' ')
        length--;
    add(looking, list, text, length);
}

static void add_topic(struct looking *looking, const char *option)
{
    const char *text = string_map_get(looking->config, option);
    if (is_blank(text))
        return;
    if (variables_has_reference(text))
        set_any_topic(looking, option, "holds a reference");
    else
        add_trimmed(looking, &looking->touches->topics, text);
}

static const struct mr_config_row list_row[] = {
    {.name = "list", .type = MR_CONFIG_LIST, .default_text = "", .importance = MR_LOW, .doc = ""}};
static const struct mr_config_def list_def = MR_CONFIG_DEF(list_row);

/* A list as plugins and the worker read it: of the option "list". NULL: no memory. */
static struct mr_config *read_list(struct looking *looking, const char *option)
{
    const char *const name = "list", *text = string_map_get(looking->config, option);
    struct mr_config *list = mr_config_parse(&list_def, &name, &text, text != NULL, NULL);
    looking->failed = looking->failed || list == NULL;
    return list;
}

static void add_topics(struct looking *looking, const char *option)
{
    if (variables_has_reference(string_map_get(looking->config, option))) {
        set_any_topic(looking, option, "holds a reference");
        return;
    }
    struct mr_config *list = read_list(looking, option);
    for (size_t i = 0; list != NULL && i < mr_config_list_count(list, "list"); i++) {
        const char *topic = mr_config_list_at(list, "list", i);
        if (!is_blank(topic))
            add(looking, &looking->touches->topics, topic, strlen(topic));
    }
    mr_config_destroy(list);
}

/* Ours that never change a record's topic; RegexRouter and TimestampRouter do. */
static bool keeps_topic(const char *class_name)
{
    static const char package[] = "org.apache.kafka.connect.transforms.";
    static const char *const names[] = {"Cast",         "DropHeaders",       "ExtractField",       "Filter",     "Flatten",
                                        "HeaderFrom",   "HoistField",        "InsertField",        "InsertHeader",
                                        "MaskField",    "ReplaceField",      "SetSchemaMetadata",  "TimestampConverter",
                                        "ValueToKey"};
    if (!begins_with(class_name, package))
        return false;
    const char *name = class_name + sizeof(package) - 1;
    size_t length = strcspn(name, "$");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0)
            return true;
    return false;
}

static void look_at_transform(struct looking *looking, const char *alias)
{
    struct str_buffer option;
    str_buffer_init(&option, 1u << 20);
    str_buffer_printf(&option, "transforms.%s.type", alias);
    const char *name = str_buffer_failed(&option) ? NULL : string_map_get(looking->config, str_buffer_text(&option));
    const struct loader_plugin *plugin = NULL;
    if (name == NULL || loader_find(looking->loader, MR_PLUGIN_TRANSFORM, name, NULL, &plugin, NULL) != 0 ||
        !keeps_topic(plugin->class_name))
        set_any_topic(looking, str_buffer_text(&option), "may change the topics of records");
    str_buffer_release(&option);
}

static void look_at_transforms(struct looking *looking)
{
    if (variables_has_reference(string_map_get(looking->config, "transforms"))) {
        set_any_topic(looking, "transforms", "holds a reference");
        return;
    }
    struct mr_config *list = read_list(looking, "transforms");
    for (size_t i = 0; list != NULL && i < mr_config_list_count(list, "list"); i++)
        look_at_transform(looking, mr_config_list_at(list, "list", i));
    mr_config_destroy(list);
}

/* Options that a source's topics are named by, and those of the framework that are looked at elsewhere or reach none. */
static bool is_accounted_for(const char *option)
{
    static const char *const names[] = {"topic", "topics", "kafka.topic", "offsets.storage.topic"};
    static const char *const prefixes[] = {"topic.creation.",    "errors.deadletterqueue.", "transforms.",       "predicates.", "millrace.errors.",
                                           "key.converter.",     "value.converter.",        "header.converter.",
                                           "producer.override.", "consumer.override.",      "admin.override."};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(option, names[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (begins_with(option, prefixes[i]))
            return true;
    return false;
}

static bool speaks_of_topics(const char *option)
{
    for (; *option != '\0'; option++)
        if (strncasecmp(option, "topic", 5) == 0)
            return true;
    return false;
}

static void look_at_source(struct looking *looking)
{
    size_t before = looking->touches->topics.count;
    add_topic(looking, "topic");
    add_topics(looking, "topics");
    add_topic(looking, "kafka.topic");
    if (looking->touches->topics.count == before)
        set_any_topic(looking, "connector.class", "is a source that names no topic");
    add_topic(looking, "offsets.storage.topic");
    look_at_transforms(looking);
    for (size_t i = 0; i < string_map_count(looking->config); i++) {
        const char *option = string_map_key(looking->config, i);
        if (speaks_of_topics(option) && !is_accounted_for(option))
            set_any_topic(looking, option, "may name further topics");
    }
}

static void look_at_sink(struct looking *looking)
{
    add_topics(looking, "topics");
    if (!is_blank(string_map_get(looking->config, "topics.regex")))
        set_any_topic(looking, "topics.regex", "takes whatever fits");
}

static void look_at_topics(struct looking *looking)
{
    if (looking->may_be_sink)
        look_at_sink(looking);
    if (looking->may_be_source)
        look_at_source(looking);
    add_topic(looking, "errors.deadletterqueue.topic.name");
    add_topic(looking, CONNECTOR_SOURCE_LETTERS);
}

/* ---- files ---- */

static void look_at_file(struct looking *looking)
{
    static const char FILE_CONNECTORS[] = "org.apache.kafka.connect.file.";
    const char *class_name = looking->touches->class_name, *file = string_map_get(looking->config, "file");
    if (class_name == NULL || !begins_with(class_name, FILE_CONNECTORS) || is_blank(file))
        return;
    if (variables_has_reference(file))
        set_words(looking, &looking->touches->unknowable, "", "file", "holds a reference");
    else
        add_trimmed(looking, &looking->touches->files, file);
}

/* ---- clients, references ---- */

static void look_at_group(struct looking *looking)
{
    const char *group = string_map_get(looking->config, GROUP_OVERRIDE);
    if (group == NULL)
        return;
    if (variables_has_reference(group))
        set_words(looking, &looking->touches->unknowable, "", GROUP_OVERRIDE, "holds a reference");
    add(looking, &looking->touches->group_ids, group, strlen(group));
}

static bool is_override(const char *option)
{
    return begins_with(option, "producer.override.") || begins_with(option, "consumer.override.") ||
           begins_with(option, "admin.override.");
}

static void look_at_references(struct looking *looking, const char *text)
{
    struct reference reference;
    for (; text != NULL && reference_find(text, &reference); text = reference.whole.at + reference.whole.length)
        add(looking, &looking->touches->references, reference.whole.at + 2, reference.whole.length - 3);
}

static void look_at_options(struct looking *looking)
{
    for (size_t i = 0; i < string_map_count(looking->config); i++) {
        const char *option = string_map_key(looking->config, i);
        if (is_override(option) && strcmp(option, GROUP_OVERRIDE) != 0)
            add(looking, &looking->touches->overrides, option, strlen(option));
        look_at_references(looking, string_map_value(looking->config, i));
    }
}

/* ---- life ---- */

struct connector_touches *connector_touches_create(const struct loader *loader, const struct string_map *config)
{
    struct connector_touches *touches = mem_calloc(1, sizeof(*touches));
    struct looking looking = {.touches = touches, .loader = loader, .config = config};
    if (touches == NULL)
        return NULL;
    ptr_array_init(&touches->topics, mem_free);
    ptr_array_init(&touches->group_ids, mem_free);
    ptr_array_init(&touches->references, mem_free);
    ptr_array_init(&touches->overrides, mem_free);
    ptr_array_init(&touches->files, mem_free);
    look_at_class(&looking);
    look_at_topics(&looking);
    look_at_file(&looking);
    look_at_group(&looking);
    look_at_options(&looking);
    if (!looking.failed)
        return touches;
    connector_touches_destroy(touches);
    return NULL;
}

void connector_touches_destroy(struct connector_touches *touches)
{
    if (touches == NULL)
        return;
    ptr_array_release(&touches->topics);
    ptr_array_release(&touches->group_ids);
    ptr_array_release(&touches->references);
    ptr_array_release(&touches->overrides);
    ptr_array_release(&touches->files);
    mem_free(touches->class_name);
    mem_free(touches->any_topic);
    mem_free(touches->unknowable);
    mem_free(touches);
}
