#include <stdlib.h>
#include <string.h>

#include "support/regex_option.h"
#include "text.h"
#include "transform.h"

#define WHY_BYTES 320

static const struct mr_config_row rows[] = {
    {
        .name = "regex",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "A regular expression in Java's dialect; topics that match it as a whole are renamed.",
        .validator = check_regex,
    },
    {
        .name = "replacement",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "What stands for the first place where the expression is found in the topic: text with $1 and ${name} for groups.",
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct regex_router {
    struct java_regex *regex;
    char *replacement;
};

static void destroy(void *self)
{
    struct regex_router *router = self;
    if (router == NULL)
        return;
    java_regex_destroy(router->regex);
    free(router->replacement);
    free(router);
}

static void *create(const struct mr_config *config, struct mr_error **error)
{
    struct regex_router *router = calloc(1, sizeof(*router));
    if (router != NULL)
        router->replacement = strdup(mr_config_string(config, "replacement"));
    if (router == NULL || router->replacement == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for RegexRouter");
    else
        router->regex = regex_option_create(config, "regex", error);
    if (router != NULL && router->regex != NULL)
        return router;
    destroy(router);
    return NULL;
}

static void put_piece(void *to, const char *bytes, size_t size)
{
    text_add(to, bytes, size);
}

static int rename_topic(struct regex_router *router, struct mr_record *record, const char *topic, struct mr_error **error)
{
    char why[WHY_BYTES];
    struct mr_arena *arena = mr_record_arena(record);
    struct text renamed = { .arena = arena };
    if (!java_regex_replace_first(router->regex, topic, strlen(topic), router->replacement, put_piece, &renamed, why,
                                  sizeof(why)))
        return java_regex_failure(router->regex) != NULL ? regex_option_given_up(router->regex, "regex", topic, error)
                                                         : data_error(error, ILLEGAL_ARGUMENT, "%s", why);
    text_add(&renamed, "", 1);
    if (renamed.failed || mr_record_set_topic(record, renamed.data) < 0)
        return mr_arena_failed(arena, error);
    return 0;
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct regex_router *router = self;
    const char *topic = mr_record_topic(record);
    bool matches;
    if (topic == NULL)
        return data_error(error, NULL_POINTER, "RegexRouter: the record has no topic");
    if (regex_option_matches(router->regex, "regex", topic, &matches, error) < 0)
        return -1;
    if (matches && rename_topic(router, record, topic, error) < 0)
        return -1;
    return mr_emit(emitter, record);
}

TRANSFORM_SINGLE(regex_router, "RegexRouter", "Renames the topics that match a regular expression.", options);
