/* Makes a chain of properties: KIP-66 (transforms), KIP-585 (predicates). */
#include <millrace/predicate.h>
#include <millrace/transform.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/plugin_instance.h"
#include "loader/loader.h"
#include "pipeline/chain_internal.h"
#include "pipeline/plugin_config.h"

#include "base/bans.h"

#define NAME_BYTES_MAX 4096

#define TRANSFORMS "transforms"
#define PREDICATES "predicates"

static const struct mr_config_row list_rows[] = {
    { .name = TRANSFORMS, .type = MR_CONFIG_LIST, .default_text = "", .importance = MR_LOW, .doc = "" },
    { .name = PREDICATES, .type = MR_CONFIG_LIST, .default_text = "", .importance = MR_LOW, .doc = "" },
};
static const struct mr_config_def list_options = MR_CONFIG_DEF(list_rows);

#define TYPE "type"
#define VERSION "plugin.version"
#define PREDICATE "predicate"
#define NEGATE "negate"

/* What every transform and predicate has, besides its own options. */
static const struct mr_config_row implicit_rows[] = {
    { .name = TYPE, .type = MR_CONFIG_STRING, .importance = MR_HIGH, .doc = "" },
    { .name = VERSION, .type = MR_CONFIG_STRING, .importance = MR_MEDIUM, .doc = "" },
    { .name = PREDICATE, .type = MR_CONFIG_STRING, .importance = MR_MEDIUM, .doc = "" },
    { .name = NEGATE, .type = MR_CONFIG_BOOLEAN, .default_text = "false", .importance = MR_MEDIUM, .doc = "" },
};
static const struct mr_config_def implicit_options = MR_CONFIG_DEF(implicit_rows);

struct building {
    const struct loader *loader;
    const struct string_map *properties;
    const struct mr_config *lists;
    struct chain *chain;
};

/* A transform or predicate as the properties describe it. */
struct described {
    const struct loader_plugin *plugin;
    struct mr_config *implicit; /* type, predicate, negate */
    struct mr_config *config;   /* its own options */
};

static void described_release(struct described *described)
{
    mr_config_destroy(described->implicit);
    mr_config_destroy(described->config);
    *described = (struct described){ .plugin = NULL };
}

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the transforms");
}

/* Finds and parses; `prefix` is "transforms.a." */
static int describe_by(const struct building *building, enum mr_plugin_kind kind, const char *prefix,
                       struct string_map *map, struct described *described, struct mr_error **error)
{
    struct str_buffer property;
    str_buffer_init(&property, NAME_BYTES_MAX);
    described->implicit = config_parse_by(&implicit_options, map, prefix, error);
    if (described->implicit == NULL)
        return -1;
    if (!str_buffer_printf(&property, "%s" TYPE, prefix))
        return no_memory(error);
    const struct plugin_choice choice = {
        .kind = kind,
        .property = str_buffer_text(&property),
        .class_name = mr_config_string(described->implicit, TYPE),
        .version_range = mr_config_string(described->implicit, VERSION),
    };
    int found = plugin_find(building->loader, &choice, &described->plugin, error);
    str_buffer_release(&property);
    if (found < 0)
        return -1;
    if (kind == MR_PLUGIN_TRANSFORM) { /* these are ours, whatever options the plugin declares */
        string_map_remove(map, PREDICATE);
        string_map_remove(map, NEGATE);
    }
    described->config = plugin_parse(described->plugin, map, prefix, error);
    return described->config == NULL ? -1 : 0;
}

static int describe(const struct building *building, enum mr_plugin_kind kind, const char *alias,
                    struct described *described, struct mr_error **error)
{
    *described = (struct described){ .plugin = NULL };
    struct str_buffer prefix;
    str_buffer_init(&prefix, NAME_BYTES_MAX);
    str_buffer_printf(&prefix, "%s.%s.", kind == MR_PLUGIN_TRANSFORM ? TRANSFORMS : PREDICATES, alias);
    struct string_map *map = str_buffer_failed(&prefix)
        ? NULL : string_map_with_prefix(building->properties, str_buffer_text(&prefix));
    int result = map == NULL ? no_memory(error)
                             : describe_by(building, kind, str_buffer_text(&prefix), map, described, error);
    string_map_destroy(map);
    str_buffer_release(&prefix);
    if (result < 0)
        described_release(described);
    return result;
}

/* Predicates ------------------------------------------------------------------------------------------------- */

static bool is_listed(const struct mr_config *lists, const char *list, const char *alias)
{
    for (size_t i = 0; i < mr_config_list_count(lists, list); i++) {
        if (strcmp(mr_config_list_at(lists, list, i), alias) == 0)
            return true;
    }
    return false;
}

static int check_aliases(const struct mr_config *lists, const char *list, struct mr_error **error)
{
    size_t count = mr_config_list_count(lists, list);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            if (strcmp(mr_config_list_at(lists, list, i), mr_config_list_at(lists, list, j)) == 0)
                return mr_error_set(error, MR_ERR_CONFIG, "Invalid value for configuration %s: Duplicate alias provided: %s",
                                    list, mr_config_list_at(lists, list, i));
        }
    }
    return 0;
}

/* Those that no transform uses have to be right as well. */
static int check_predicates(const struct building *building, struct mr_error **error)
{
    for (size_t i = 0; i < mr_config_list_count(building->lists, PREDICATES); i++) {
        struct described described;
        const char *alias = mr_config_list_at(building->lists, PREDICATES, i);
        if (describe(building, MR_PLUGIN_PREDICATE, alias, &described, error) < 0)
            return -1;
        described_release(&described);
    }
    return 0;
}

static int add_predicate(const struct building *building, struct chain_stage *stage, const char *alias,
                         struct mr_error **error)
{
    if (!is_listed(building->lists, PREDICATES, alias))
        return mr_error_set(error, MR_ERR_CONFIG, TRANSFORMS ".%s." PREDICATE " names '%s', which is not in the list "
                            "'predicates' of the connector's configuration: add it there", stage->alias, alias);
    struct described described;
    stage->predicate_alias = mem_strdup(alias);
    if (stage->predicate_alias == NULL)
        return no_memory(error);
    if (describe(building, MR_PLUGIN_PREDICATE, alias, &described, error) < 0)
        return -1;
    stage->predicate = described.plugin->predicate;
    stage->predicate_config = described.config;
    described.config = NULL;
    stage->predicate_plugin = &described.plugin->name;
    stage->predicate_version = described.plugin->version;
    stage->predicate_self = plugin_instance_create(described.plugin, stage->predicate_config, "create", error);
    int result = stage->predicate_self == NULL ? -1 : 0;
    if (result < 0)
        mr_error_wrap(error, PREDICATES ".%s: %s cannot be set up with these options", alias, described.plugin->class_name);
    described_release(&described);
    return result;
}

/* Transforms ------------------------------------------------------------------------------------------------- */

static int check_negate(const struct mr_config *implicit, const char *alias, struct mr_error **error)
{
    if (!mr_config_has(implicit, NEGATE) || mr_config_has(implicit, PREDICATE))
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG,
                        "Config '" TRANSFORMS ".%s." NEGATE "' was provided but there is no config '" TRANSFORMS
                        ".%s." PREDICATE "' defining a predicate to be negated.", alias, alias);
}

static int fill_stage(const struct building *building, struct chain_stage *stage, const char *alias,
                      struct described *described, struct mr_error **error)
{
    if (check_negate(described->implicit, alias, error) < 0)
        return -1;
    stage->ops = described->plugin->transform;
    stage->class_name = described->plugin->class_name;
    stage->version = described->plugin->version;
    stage->alias = mem_strdup(alias);
    if (stage->alias == NULL)
        return no_memory(error);
    stage->negate = mr_config_boolean(described->implicit, NEGATE);
    stage->config = described->config;
    described->config = NULL;
    stage->plugin = &described->plugin->name;
    stage->self = plugin_instance_create(described->plugin, stage->config, "create", error);
    if (stage->self == NULL)
        return mr_error_wrap(error, TRANSFORMS ".%s: %s cannot be set up with these options", alias, stage->class_name);
    const char *predicate = mr_config_string(described->implicit, PREDICATE);
    return predicate == NULL ? 0 : add_predicate(building, stage, predicate, error);
}

static int add_stage(const struct building *building, const char *alias, struct mr_error **error)
{
    struct described described;
    if (describe(building, MR_PLUGIN_TRANSFORM, alias, &described, error) < 0)
        return -1;
    /* Counted first: chain_destroy takes care of a stage that is half made. */
    struct chain_stage *stage = &building->chain->stages[building->chain->count++];
    int result = fill_stage(building, stage, alias, &described, error);
    described_release(&described);
    return result;
}

static int add_all(const struct building *building, struct mr_error **error)
{
    if (check_aliases(building->lists, TRANSFORMS, error) < 0 || check_aliases(building->lists, PREDICATES, error) < 0 ||
        check_predicates(building, error) < 0)
        return -1;
    for (size_t i = 0; i < mr_config_list_count(building->lists, TRANSFORMS); i++) {
        if (add_stage(building, mr_config_list_at(building->lists, TRANSFORMS, i), error) < 0)
            return -1;
    }
    return 0;
}

struct chain *chain_create(const struct loader *loader, const struct string_map *properties, struct mr_error **error)
{
    struct mr_config *lists = config_parse_by(&list_options, properties, NULL, error);
    if (lists == NULL)
        return NULL;
    size_t count = mr_config_list_count(lists, TRANSFORMS);
    struct chain *chain = mem_calloc(1, sizeof(*chain) + count * sizeof(chain->stages[0]));
    const struct building building = { .loader = loader, .properties = properties, .lists = lists, .chain = chain };
    if (chain == NULL) {
        no_memory(error);
    } else {
        emitter_init(&chain->emitter);
        if (add_all(&building, error) < 0) {
            chain_destroy(chain);
            chain = NULL;
        }
    }
    mr_config_destroy(lists);
    return chain;
}
