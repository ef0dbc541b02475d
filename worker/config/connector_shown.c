#include "config/connector_shown.h"

#include <millrace/override_policy.h>
#include <string.h>
#include <strings.h>

#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/connector_internal.h"
#include "config/reference_internal.h"

#include "base/bans.h"

enum verdict { UNDECLARED, OPEN, SECRET };

static const char *behind(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

static enum verdict in_def(const struct mr_config_def *def, const char *name)
{
    for (size_t i = 0; i < def->count; i++) {
        const struct mr_config_row *row =
            (const struct mr_config_row *)(const void *)((const char *)def->rows + i * def->row_size);
        if (strcmp(row->name, name) == 0)
            return row->type == MR_CONFIG_PASSWORD ? SECRET : OPEN;
    }
    return UNDECLARED;
}

/* ---- parts of a configuration ---- */

struct showing {
    const struct loader *loader;
    const struct string_map *config;
    const struct loader_plugin *plugin; /* of the connector; NULL: not there */
};

static enum verdict of_converter(const struct showing *showing, const char *option)
{
    static const struct {
        const char *option, *prefix;
        enum mr_plugin_kind kind;
    } sides[] = {
        {"key.converter", "key.converter.", MR_PLUGIN_CONVERTER},
        {"value.converter", "value.converter.", MR_PLUGIN_CONVERTER},
        {"header.converter", "header.converter.", MR_PLUGIN_HEADER_CONVERTER},
    };
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
        const char *name = behind(option, sides[i].prefix), *class_name = string_map_get(showing->config, sides[i].option);
        const struct loader_plugin *plugin;
        if (name != NULL && class_name != NULL &&
            loader_find(showing->loader, sides[i].kind, class_name, NULL, &plugin, NULL) == 0)
            return in_def(plugin->config_def, name);
    }
    return UNDECLARED;
}

/* What stands before an option of an alias is "transforms.ALIAS."; an alias may hold dots, so each dot may be its end. */
static enum verdict of_alias(const struct showing *showing, const char *option, const char *list, enum mr_plugin_kind kind)
{
    static const char *const frameworks[] = {"type", "predicate", "negate", "plugin.version"};
    enum verdict verdict = UNDECLARED;
    struct str_buffer type;
    str_buffer_init(&type, 1u << 20);
    for (const char *dot = strchr(option + strlen(list), '.'); verdict == UNDECLARED && dot != NULL; dot = strchr(dot + 1, '.')) {
        const struct loader_plugin *plugin;
        str_buffer_clear(&type);
        str_buffer_printf(&type, "%.*s.type", (int)(dot - option), option);
        const char *class_name =
            str_buffer_failed(&type) ? NULL : string_map_get(showing->config, str_buffer_text(&type));
        if (class_name == NULL)
            continue;
        for (size_t i = 0; i < sizeof(frameworks) / sizeof(frameworks[0]); i++)
            if (strcmp(dot + 1, frameworks[i]) == 0)
                verdict = OPEN;
        if (verdict == UNDECLARED && loader_find(showing->loader, kind, class_name, NULL, &plugin, NULL) == 0)
            verdict = in_def(plugin->config_def, dot + 1);
    }
    str_buffer_release(&type);
    return verdict;
}

static enum verdict of_client(const char *option)
{
    static const struct {
        enum mr_client_kind kind;
        const char *prefix;
    } clients[] = {
        {MR_CLIENT_PRODUCER, "producer.override."},
        {MR_CLIENT_CONSUMER, "consumer.override."},
        {MR_CLIENT_ADMIN, "admin.override."},
    };
    enum verdict verdict = UNDECLARED;
    for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        const char *name = behind(option, clients[i].prefix);
        const struct mr_config_def *defs[CLIENT_DEFS];
        client_defs((int)clients[i].kind, defs);
        for (size_t j = 0; name != NULL && verdict == UNDECLARED && j < CLIENT_DEFS; j++)
            verdict = in_def(defs[j], name);
    }
    return verdict;
}

static enum verdict of_framework(const char *option)
{
    const struct mr_config_def *defs[CONNECTOR_DEFS];
    enum verdict verdict = UNDECLARED;
    for (int kind = CONNECTOR_SOURCE; verdict == UNDECLARED && kind <= CONNECTOR_SINK; kind++) {
        connector_config_defs((enum connector_kind)kind, defs);
        for (size_t i = 0; verdict == UNDECLARED && i < CONNECTOR_DEFS; i++)
            verdict = in_def(defs[i], option);
    }
    if (verdict == UNDECLARED && (connector_config_own_def(option) != NULL || behind(option, "topic.creation.") != NULL ||
                                  strcmp(option, "task.class") == 0))
        verdict = OPEN;
    return verdict;
}

static enum verdict of_option(const struct showing *showing, const char *option)
{
    enum verdict verdict = of_framework(option);
    if (verdict == UNDECLARED && showing->plugin != NULL)
        verdict = in_def(showing->plugin->config_def, option);
    if (verdict == UNDECLARED)
        verdict = of_client(option);
    if (verdict == UNDECLARED && behind(option, "transforms.") != NULL)
        verdict = of_alias(showing, option, "transforms.", MR_PLUGIN_TRANSFORM);
    if (verdict == UNDECLARED && behind(option, "predicates.") != NULL)
        verdict = of_alias(showing, option, "predicates.", MR_PLUGIN_PREDICATE);
    return verdict != UNDECLARED ? verdict : of_converter(showing, option);
}

/* ---- values ---- */

static bool sounds_secret(const char *option)
{
    static const char *const words[] = {"password", "passphrase", "secret",      "credential",
                                        "token",    "api.key",    "private.key", "access.key"};
    for (; *option != '\0'; option++)
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (strncasecmp(option, words[i], strlen(words[i])) == 0)
                return true;
    return false;
}

static bool is_one_reference(const char *text)
{
    struct reference reference;
    return reference_find(text, &reference) && reference.whole.at == text && text[reference.whole.length] == '\0';
}

static bool is_hidden(const struct showing *showing, const char *option, const char *value)
{
    if (value == NULL || *value == '\0' || is_one_reference(value))
        return false;
    enum verdict verdict = of_option(showing, option);
    return verdict != OPEN || (sounds_secret(option) && of_framework(option) == UNDECLARED);
}

struct string_map *connector_shown_create(const struct loader *loader, const struct string_map *config,
                                          const struct string_map *shown)
{
    struct showing showing = {.loader = loader, .config = config};
    struct string_map *result = string_map_create();
    bool is_fine = result != NULL;
    if (connector_config_plugin(loader, config, &showing.plugin, NULL) != 0)
        showing.plugin = NULL;
    for (size_t i = 0; is_fine && i < string_map_count(shown); i++) {
        const char *option = string_map_key(shown, i), *value = string_map_value(shown, i);
        is_fine = string_map_put(result, option, is_hidden(&showing, option, value) ? CONFIG_HIDDEN_TEXT : value);
    }
    if (is_fine)
        return result;
    string_map_destroy(result);
    return NULL;
}

static bool says_hidden(const char *value)
{
    return value != NULL && strcmp(value, CONFIG_HIDDEN_TEXT) == 0;
}

bool connector_shown_restore(struct string_map *config, const struct string_map *present, const char **missing)
{
    *missing = NULL;
    for (size_t i = 0; i < string_map_count(config); i++) {
        const char *option = string_map_key(config, i), *value = string_map_value(config, i), *stored;
        if (!says_hidden(value))
            continue;
        stored = present == NULL ? NULL : string_map_get(present, option);
        if (stored == NULL)
            *missing = option;
        if (stored == NULL || !string_map_put(config, option, stored))
            return false;
    }
    return true;
}

bool connector_shown_stays(const struct loader *loader, const struct string_map *present, const struct string_map *next,
                           const struct string_map *given)
{
    struct string_map *shown = connector_shown_create(loader, present, present);
    bool stays = shown == NULL;
    for (size_t i = 0; !stays && i < string_map_count(shown); i++) {
        const char *option = string_map_key(shown, i);
        bool was_written = given != NULL && string_map_has(given, option) && !says_hidden(string_map_get(given, option));
        stays = says_hidden(string_map_value(shown, i)) && string_map_get(next, option) != NULL && !was_written;
    }
    string_map_destroy(shown);
    return stays;
}
