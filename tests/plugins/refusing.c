/*
 * A transform, a predicate and a converter that end being set up as `how` says: "fine"; "mute" (nothing, and no words); "words" (those
 * of `words`, as they are); "cause" (the same as a cause); "password" (words with its password); "memory"; "hang"; "crash".
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "idle.h"

static const struct mr_config_row rows[] = {
    {.name = "how", .type = MR_CONFIG_STRING, .default_text = "fine", .importance = MR_HIGH, .doc = "How it ends."},
    {.name = "words", .type = MR_CONFIG_STRING, .default_text = "no", .importance = MR_LOW, .doc = "What it says."},
    {.name = "deep.path", .type = MR_CONFIG_STRING, .importance = MR_LOW, .doc = "To be named."},
    {.name = "password", .type = MR_CONFIG_PASSWORD, .importance = MR_LOW, .doc = "Secret."},
    {.name = "converter.type", .type = MR_CONFIG_STRING, .importance = MR_LOW, .doc = "Side."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

static void *create(const struct mr_config *config, struct mr_error **error)
{
    const char *how = mr_config_string(config, "how"), *words = mr_config_string(config, "words");
    while (strcmp(how, "hang") == 0)
        pause();
    if (strcmp(how, "crash") == 0)
        raise(SIGSEGV);
    if (strcmp(how, "mute") == 0)
        return NULL;
    if (strcmp(how, "words") == 0 || strcmp(how, "cause") == 0)
        mr_error_set(error, MR_ERR_CONFIG, "%s", words);
    else if (strcmp(how, "password") == 0)
        mr_error_set(error, MR_ERR_CONNECT, "%s is no password", mr_config_string(config, "password"));
    else if (strcmp(how, "memory") == 0)
        mr_error_set(error, MR_ERR_NO_MEMORY, "nothing left");
    else
        return &idle_self;
    if (strcmp(how, "cause") == 0)
        mr_error_wrap(error, "It does not work");
    return NULL;
}

static const struct mr_transform_ops transform_ops = {
    .size = sizeof(transform_ops), .create = create, .apply = idle_apply, .destroy = idle_void};
static const struct mr_predicate_ops predicate_ops = {
    .size = sizeof(predicate_ops), .create = create, .test = idle_test, .destroy = idle_void};
static const struct mr_converter_ops converter_ops = {.size = sizeof(converter_ops),
                                                      .create = create,
                                                      .from_connect = idle_from_connect,
                                                      .to_connect = idle_to_connect,
                                                      .destroy = idle_void};

#define REFUSING(kind_, class_, ops_)                                                                                  \
    {.size = sizeof(struct mr_plugin), .kind = (kind_), .class_name = "org.acme." class_, .version = "1.0",             \
     .config_def = &options, .ops = (ops_)}
static const struct mr_plugin transform = REFUSING(MR_PLUGIN_TRANSFORM, "Refusing", &transform_ops);
static const struct mr_plugin predicate = REFUSING(MR_PLUGIN_PREDICATE, "RefusingPredicate", &predicate_ops);
static const struct mr_plugin converter = REFUSING(MR_PLUGIN_CONVERTER, "RefusingConverter", &converter_ops);
static const struct mr_plugin header_converter = REFUSING(MR_PLUGIN_HEADER_CONVERTER, "RefusingHeaderConverter", &converter_ops);

static const struct mr_plugin *const plugins[] = {&transform, &predicate, &converter, &header_converter};
static const struct mr_module module = MR_MODULE("refusing", plugins);

IDLE_ENTRY(module)
