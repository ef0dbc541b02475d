/* Providers, and resolving by them: gather what is asked for, ask each provider once per path, put the answers in. */
#include "config/variables_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/secrets.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/plugin_options.h"
#include "config/unknown_plugin.h"
#include "loader/loader.h"
#include "sdk/collect.h"
#include "sdk/config_host.h"

#include "base/bans.h"

#define RESOLVED_MAX (16u << 20) /* bytes of one resolved value */
#define RESOLVED_USUAL 8192      /* as long as none is longer, no piece of a secret is left behind by growing */

/* Providers ---------------------------------------------------------------------------------------------------- */

static void provider_destroy(void *item)
{
    struct provider *provider = item;
    if (provider->self != NULL) {
        const struct plugin_call before = plugin_call_enter(provider->plugin, "destroy");
        provider->ops->destroy(provider->self);
        plugin_call_leave(before);
    }
    mr_config_destroy(provider->config);
    mem_free(provider->name);
    mem_free(provider);
}

/* "config.providers.NAME.rest"; mem_free. */
static char *property_of(const char *name, const char *rest)
{
    struct str_buffer text;
    str_buffer_init(&text, 4096);
    str_buffer_printf(&text, "config.providers.%s.%s", name, rest);
    char *property = str_buffer_take(&text, NULL);
    str_buffer_release(&text);
    return property;
}

struct provider_names {
    char *class_property, *prefix;
};

static int provider_start(struct provider *provider, const struct loader_plugin *plugin,
                          const struct string_map *properties, const char *prefix, struct mr_error **error)
{
    struct string_map *parameters = string_map_with_prefix(properties, prefix);
    if (parameters == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for a config provider");
    provider->config = plugin_options_read(plugin, parameters, prefix, NULL, error);
    string_map_destroy(parameters);
    if (provider->config == NULL)
        return -1;
    const struct plugin_call before = plugin_call_enter(provider->plugin, "create");
    provider->self = provider->ops->create(provider->config, error);
    plugin_call_leave(before);
    if (provider->self == NULL)
        mr_error_set(error, MR_ERR_CONFIG, "the config provider did not start and gave no reason");
    return provider->self != NULL ? 0 : -1;
}

/* The property, then what is wrong with it. -1. */
static int refuse(struct mr_error **error, const char *property, const struct mr_error *reason)
{
    return mr_error_set(error, mr_error_code(reason) == MR_ERR_NO_MEMORY ? MR_ERR_NO_MEMORY : MR_ERR_CONFIG, "%s: %s",
                        property, mr_error_message(reason));
}

static int provider_find(struct provider *provider, const struct loader *loader, const struct string_map *properties,
                         const struct provider_names *names, struct mr_error **error)
{
    const struct loader_plugin *plugin;
    struct mr_error *reason = NULL;
    const char *class_name = string_map_get(properties, names->class_property);
    if (class_name == NULL)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "config.providers names %s, but %s is missing. Set it to the provider's class",
                            provider->name, names->class_property);
    int status = loader_find(loader, MR_PLUGIN_CONFIG_PROVIDER, class_name, NULL, &plugin, &reason);
    if (status != 0) {
        unknown_plugin_explain(loader, MR_PLUGIN_CONFIG_PROVIDER, class_name, &reason);
    } else {
        provider->ops = plugin->config_provider;
        provider->plugin = &plugin->name;
        status = provider_start(provider, plugin, properties, names->prefix, &reason);
    }
    if (status != 0)
        refuse(error, names->class_property, reason);
    mr_error_drop(reason);
    return status;
}

static int provider_add(struct variables *variables, const struct loader *loader, const struct string_map *properties,
                        const char *name, struct mr_error **error)
{
    if (pointer_map_has(variables->providers, name))
        return 0;
    struct provider *provider = mem_calloc(1, sizeof(*provider));
    struct provider_names names = {property_of(name, "class"), property_of(name, "param.")};
    if (provider != NULL)
        provider->name = mem_strdup(name);
    bool is_fine = provider != NULL && provider->name != NULL && names.class_property != NULL && names.prefix != NULL &&
                   pointer_map_put(variables->providers, name, provider);
    int status = is_fine ? provider_find(provider, loader, properties, &names, error)
                         : mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for config provider %s", name);
    if (!is_fine && provider != NULL)
        provider_destroy(provider);
    mem_free(names.class_property);
    mem_free(names.prefix);
    return status;
}

static int providers_add(struct variables *variables, const struct loader *loader, const struct string_map *properties,
                         struct mr_error **error)
{
    static const struct mr_config_row row = {
        .name = "config.providers", .type = MR_CONFIG_LIST, .default_text = "", .importance = MR_LOW, .doc = ""};
    static const struct mr_config_def def = {.size = sizeof(def), .row_size = sizeof(row), .rows = &row, .count = 1};
    struct mr_config *names = config_create(&def, properties, error);
    int status = names == NULL ? -1 : 0;
    for (size_t i = 0; status == 0 && i < mr_config_list_count(names, "config.providers"); i++) {
        const char *name = mr_config_list_at(names, "config.providers", i);
        status = *name == '\0' ? 0 : provider_add(variables, loader, properties, name, error);
    }
    mr_config_destroy(names);
    return status;
}

struct variables *variables_create(const struct loader *loader, const struct string_map *worker_properties,
                                   struct mr_error **error)
{
    struct variables *variables = mem_calloc(1, sizeof(*variables));
    if (variables != NULL)
        variables->providers = pointer_map_create(provider_destroy);
    if (variables == NULL || variables->providers == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for config providers");
        mem_free(variables);
        return NULL;
    }
    if (providers_add(variables, loader, worker_properties, error) == 0)
        return variables;
    variables_destroy(variables);
    return NULL;
}

void variables_are_secret(struct variables *variables)
{
    variables->are_secret = true;
}

void variables_destroy(struct variables *variables)
{
    if (variables == NULL)
        return;
    pointer_map_destroy(variables->providers);
    mem_free(variables);
}

/* Questions ---------------------------------------------------------------------------------------------------- */

static void question_destroy(void *item)
{
    struct question *question = item;
    ptr_array_release(&question->keys);
    config_data_destroy(question->data);
    mem_free(question->path);
    mem_free(question);
}

static struct question *question_find(const struct ptr_array *questions, const struct provider *provider,
                                      const struct text_part *path)
{
    for (size_t i = 0; i < questions->count; i++) {
        struct question *question = ptr_array_at(questions, i);
        if (question->provider == provider && strlen(question->path) == path->length &&
            memcmp(question->path, path->at, path->length) == 0)
            return question;
    }
    return NULL;
}

static struct question *question_add(struct ptr_array *questions, struct provider *provider,
                                     const struct text_part *path)
{
    struct question *question = mem_calloc(1, sizeof(*question));
    if (question == NULL)
        return NULL;
    ptr_array_init(&question->keys, mem_free);
    question->provider = provider;
    question->path = mem_strndup(path->at, path->length);
    question->data = config_data_create();
    if (question->path != NULL && question->data != NULL && ptr_array_push(questions, question))
        return question;
    question_destroy(question);
    return NULL;
}

static bool key_add(struct question *question, const struct text_part *part)
{
    for (size_t i = 0; i < question->keys.count; i++) {
        const char *key = ptr_array_at(&question->keys, i);
        if (strlen(key) == part->length && memcmp(key, part->at, part->length) == 0)
            return true;
    }
    char *key = mem_strndup(part->at, part->length);
    if (key != NULL && ptr_array_push(&question->keys, key))
        return true;
    mem_free(key);
    return false;
}

static struct provider *provider_of(const struct variables *variables, const struct reference *reference)
{
    for (size_t i = 0; i < pointer_map_count(variables->providers); i++) {
        struct provider *provider = pointer_map_value(variables->providers, i);
        if (strlen(provider->name) == reference->provider.length &&
            memcmp(provider->name, reference->provider.at, reference->provider.length) == 0)
            return provider;
    }
    return NULL;
}

static bool questions_of_text(struct ptr_array *questions, const struct variables *variables, const char *text)
{
    struct reference reference;
    for (; text != NULL && reference_find(text, &reference); text = reference.whole.at + reference.whole.length) {
        struct provider *provider = provider_of(variables, &reference);
        if (provider == NULL)
            continue;
        struct question *question = question_find(questions, provider, &reference.path);
        if (question == NULL)
            question = question_add(questions, provider, &reference.path);
        if (question == NULL || !key_add(question, &reference.key))
            return false;
    }
    return true;
}

bool questions_gather(struct ptr_array *questions, const struct variables *variables, const struct string_map *map)
{
    ptr_array_init(questions, question_destroy);
    for (size_t i = 0; i < string_map_count(map); i++) {
        if (!questions_of_text(questions, variables, string_map_value(map, i)))
            return false;
    }
    return true;
}

/* The provider's words are passed on: by its contract they hold no value. */
static int question_ask(struct question *question, struct mr_error **error)
{
    const struct provider *provider = question->provider;
    struct mr_error *reason = NULL;
    const struct plugin_call before = plugin_call_enter(provider->plugin, "get");
    int status = provider->ops->get(provider->self, question->path, (const char *const *)question->keys.items,
                                    question->keys.count, question->data, &reason);
    plugin_call_leave(before);
    if (status == 0 && config_data_failed(question->data))
        status = mr_error_set(&reason, MR_ERR_CONNECT, "it answered with too much, or memory was short");
    if (status != 0) {
        if (reason == NULL)
            mr_error_set(&reason, MR_ERR_CONNECT, "it gave no reason");
        mr_error_set(error, mr_error_code(reason), "Config provider %s could not resolve path '%s': %s", provider->name,
                     question->path, mr_error_message(reason));
    }
    mr_error_drop(reason);
    return status;
}

/* Answers ------------------------------------------------------------------------------------------------------ */

/* NULL: stays as text. */
static const char *answer_of(const struct ptr_array *questions, const struct variables *variables,
                             const struct reference *reference)
{
    struct provider *provider = provider_of(variables, reference);
    struct question *question = provider == NULL ? NULL : question_find(questions, provider, &reference->path);
    for (size_t i = 0; question != NULL && i < question->keys.count; i++) {
        const char *key = ptr_array_at(&question->keys, i);
        if (strlen(key) == reference->key.length && memcmp(key, reference->key.at, reference->key.length) == 0)
            return config_data_get(question->data, key);
    }
    return NULL;
}

static void replace(struct str_buffer *out, const struct ptr_array *questions, const struct variables *variables,
                    const char *text)
{
    struct reference reference;
    while (reference_find(text, &reference)) {
        const char *answer = answer_of(questions, variables, &reference);
        if (variables->are_secret)
            secrets_note(answer);
        str_buffer_append(out, text, (size_t)(reference.whole.at - text));
        if (answer != NULL)
            str_buffer_append_text(out, answer);
        else
            str_buffer_append(out, reference.whole.at, reference.whole.length);
        text = reference.whole.at + reference.whole.length;
    }
    str_buffer_append_text(out, text);
}

static bool replace_all(struct string_map *result, const struct ptr_array *questions, const struct variables *variables,
                        const struct string_map *map)
{
    struct str_buffer text;
    bool is_fine = true;
    str_buffer_init(&text, RESOLVED_MAX);
    str_buffer_reserve(&text, RESOLVED_USUAL);
    for (size_t i = 0; is_fine && i < string_map_count(map); i++) {
        const char *value = string_map_value(map, i);
        if (!variables_has_reference(value))
            continue;
        str_buffer_clear(&text);
        replace(&text, questions, variables, value);
        is_fine = !str_buffer_failed(&text) && string_map_put(result, string_map_key(map, i), str_buffer_text(&text));
    }
    if (text.data != NULL)
        explicit_bzero(text.data, text.capacity);
    str_buffer_release(&text);
    return is_fine;
}

static void ttl_note(int64_t *ttl_ms, const struct question *question)
{
    int64_t theirs = config_data_ttl_ms(question->data);
    if (theirs != MR_TTL_NONE && (*ttl_ms == MR_TTL_NONE || theirs < *ttl_ms))
        *ttl_ms = theirs;
}

struct string_map *variables_resolve(const struct variables *variables, const struct string_map *map, int64_t *ttl_ms,
                                     struct mr_error **error)
{
    struct ptr_array questions = {0};
    int64_t ttl = MR_TTL_NONE;
    struct string_map *result = string_map_copy(map);
    bool is_fine = result != NULL && (variables == NULL || questions_gather(&questions, variables, map));
    int status = 0;
    for (size_t i = 0; is_fine && status == 0 && i < questions.count; i++) {
        status = question_ask(ptr_array_at(&questions, i), error);
        ttl_note(&ttl, ptr_array_at(&questions, i));
    }
    if (is_fine && status == 0 && variables != NULL)
        is_fine = replace_all(result, &questions, variables, map);
    ptr_array_release(&questions);
    if (!is_fine)
        status = mr_error_set(error, MR_ERR_NO_MEMORY, "No memory to resolve a configuration");
    if (status != 0) {
        string_map_destroy(result);
        return NULL;
    }
    if (ttl_ms != NULL)
        *ttl_ms = ttl;
    return result;
}

bool variables_has_reference(const char *text)
{
    struct reference reference;
    return text != NULL && reference_find(text, &reference);
}

bool variables_put_back(const struct string_map *raw, struct string_map *config)
{
    for (size_t i = 0; i < string_map_count(raw); i++) {
        const char *name = string_map_key(raw, i), *text = string_map_value(raw, i);
        if (variables_has_reference(text) && string_map_has(config, name) && !string_map_put(config, name, text))
            return false;
    }
    return true;
}
