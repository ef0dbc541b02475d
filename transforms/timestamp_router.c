#include <stdlib.h>
#include <string.h>

#include "date_format.h"
#include "transform.h"

static const struct mr_config_row rows[] = {
    {
        .name = "topic.format",
        .type = MR_CONFIG_STRING,
        .default_text = "${topic}-${timestamp}",
        .importance = MR_HIGH,
        .doc = "The new name of the topic, with ${topic} and ${timestamp} for the old one and the formatted timestamp.",
    },
    {
        .name = "timestamp.format",
        .type = MR_CONFIG_STRING,
        .default_text = "yyyyMMdd",
        .importance = MR_HIGH,
        .doc = "How the timestamp is written (in UTC): a pattern of java.text.SimpleDateFormat.",
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

#define TOPIC "${topic}"
#define TIMESTAMP "${timestamp}"

struct timestamp_router {
    char *topic_format;
    bool is_plain;              /* no $ in it but those of placeholders */
    struct date_format *format; /* NULL: a bad pattern, which fails each record and nothing before */
    struct mr_error *why;
};

static void destroy(void *self)
{
    struct timestamp_router *router = self;
    if (router == NULL)
        return;
    date_format_destroy(router->format);
    mr_error_clear(&router->why);
    free(router->topic_format);
    free(router);
}

static size_t placeholder_size(const char *at, const char *placeholder)
{
    size_t size = strlen(placeholder);
    return strncmp(at, placeholder, size) == 0 ? size : 0;
}

static bool is_plain(const char *format)
{
    while ((format = strchr(format, '$')) != NULL) {
        size_t size = placeholder_size(format, TOPIC) + placeholder_size(format, TIMESTAMP);
        if (size == 0)
            return false;
        format += size;
    }
    return true;
}

static void *create(const struct mr_config *config, struct mr_error **error)
{
    struct timestamp_router *router = calloc(1, sizeof(*router));
    if (router != NULL)
        router->topic_format = strdup(mr_config_string(config, "topic.format"));
    if (router != NULL && router->topic_format != NULL) {
        router->is_plain = is_plain(router->topic_format);
        router->format = date_format_create(mr_config_string(config, "timestamp.format"), &router->why);
        if (router->format != NULL || mr_error_code(router->why) == MR_ERR_CONFIG)
            return router;
    }
    destroy(router);
    mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for TimestampRouter");
    return NULL;
}

/* `format` with each `placeholder` replaced. */
static struct mr_bytes fill_in(struct mr_arena *arena, struct mr_bytes format, const char *placeholder,
                               struct mr_bytes replacement)
{
    const char *at = format.data, *end = at + format.size, *found;
    struct text text = { .arena = arena };
    while ((found = memmem(at, (size_t)(end - at), placeholder, strlen(placeholder))) != NULL) {
        text_add(&text, at, (size_t)(found - at));
        text_add(&text, replacement.data, replacement.size);
        at = found + strlen(placeholder);
    }
    text_add(&text, at, (size_t)(end - at));
    return (struct mr_bytes){ .data = text.failed ? NULL : text.size == 0 ? "" : text.data, .size = text.size };
}

/* NUL-terminated, in the arena; NULL: no memory. For a plain format, and a name without $. */
static const char *new_topic_plainly(const struct timestamp_router *router, struct mr_arena *arena, const char *topic, int64_t ms)
{
    struct text text = { .arena = arena };
    for (const char *at = router->topic_format, *next; *at != '\0'; at = next) {
        next = strchrnul(at, '$');
        text_add(&text, at, (size_t)(next - at));
        size_t size = placeholder_size(next, TOPIC);
        if (size > 0) {
            text_add_string(&text, topic);
        } else if (*next != '\0') {
            size = placeholder_size(next, TIMESTAMP);
            date_format_print(router->format, ms, &text);
        }
        next += size;
    }
    text_add(&text, "", 1);
    return text.failed ? NULL : text.data;
}

/* The same for any. A placeholder that came in with the old name counts as well. */
static const char *new_topic(const struct timestamp_router *router, struct mr_arena *arena, const char *topic, int64_t ms)
{
    struct text stamp = { .arena = arena };
    date_format_print(router->format, ms, &stamp);
    struct mr_bytes name = fill_in(arena, bytes_of(router->topic_format), TOPIC, bytes_of(topic));
    if (stamp.failed || name.data == NULL)
        return NULL;
    name = fill_in(arena, name, TIMESTAMP, (struct mr_bytes){ .data = stamp.data, .size = stamp.size });
    struct text text = { .arena = arena };
    text_add(&text, name.data, name.size);
    text_add(&text, "", 1);
    return name.data == NULL || text.failed ? NULL : text.data;
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    const struct timestamp_router *router = self;
    const char *topic = mr_record_topic(record);
    struct mr_arena *arena = mr_record_arena(record);
    if (!mr_record_has_timestamp(record))
        return mr_error_set(error, MR_ERR_DATA, "Timestamp missing on record");
    if (router->format == NULL)
        return data_error(error, ILLEGAL_ARGUMENT, "%s", mr_error_message(router->why));
    if (topic == NULL)
        return data_error(error, NULL_POINTER, "TimestampRouter: the record has no topic");
    bool is_simple = router->is_plain && strchr(topic, '$') == NULL;
    const char *renamed = (is_simple ? new_topic_plainly : new_topic)(router, arena, topic, mr_record_timestamp_ms(record));
    if (renamed == NULL || mr_record_set_topic_ref(record, renamed) < 0) /* as long as the batch */
        return mr_arena_failed(arena, error);
    return mr_emit(emitter, record);
}

TRANSFORM_SINGLE(timestamp_router, "TimestampRouter", "Puts the record's timestamp into the topic's name.", options);
