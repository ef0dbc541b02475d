#include <stdlib.h>

#include "own/own.h"

#define TOPIC "${topic}"
#define FIELD "${field}"
#define TOPIC_NAME_MAX 249

static int check_format(const char *name, const char *text, const struct mr_config *config, const void *argument,
                        struct mr_error **error)
{
    (void)name, (void)config, (void)argument;
    if (text != NULL && strstr(text, FIELD) != NULL)
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG, "without " FIELD " all records would go to one topic");
}

static const struct mr_config_row rows[] = {
    {
        .name = "field",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "Where the text stands that chooses the topic: a path like order.region; empty: the whole key or value.",
        .validator = check_value_path,
    },
    {
        .name = "topic.format",
        .type = MR_CONFIG_STRING,
        .default_text = FIELD,
        .importance = MR_HIGH,
        .doc = "The name of the topic, with " TOPIC " and " FIELD " for the record's topic and the field.",
        .validator = check_format,
    },
    MISSING_ROW,
    REPLACE_NULL_ROW,
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct route_by_field {
    enum side side;
    bool with_default;
    enum missing missing;
    struct value_path path;
    char *format;
};

static void destroy(void *self)
{
    struct route_by_field *route = self;
    if (route == NULL)
        return;
    value_path_release(&route->path);
    free(route->format);
    free(route);
}

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    struct route_by_field *route = calloc(1, sizeof(*route));
    if (route == NULL || (route->format = strdup(mr_config_string(config, "topic.format"))) == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for RouteByField");
        destroy(route);
        return NULL;
    }
    route->side = side;
    route->with_default = mr_config_boolean(config, REPLACE_NULL);
    route->missing = missing_of(config);
    if (value_path_init(&route->path, mr_config_string(config, "field"), false, error) == 0)
        return route;
    destroy(route);
    return NULL;
}

struct name_buffer {
    char text[TOPIC_NAME_MAX + 1];
    size_t size;
    bool is_too_long;
};

static void put(struct name_buffer *name, const char *bytes, size_t size)
{
    if (size > TOPIC_NAME_MAX - name->size) {
        name->is_too_long = true;
        return;
    }
    memcpy(name->text + name->size, bytes, size);
    name->size += size;
}

static void fill_in(struct name_buffer *name, const char *format, const char *topic, struct mr_bytes field)
{
    while (*format != '\0') {
        size_t plain = strcspn(format, "$");
        if (plain > 0) {
            put(name, format, plain);
            format += plain;
        } else if (strncmp(format, TOPIC, sizeof(TOPIC) - 1) == 0) {
            put(name, topic, strlen(topic));
            format += sizeof(TOPIC) - 1;
        } else if (strncmp(format, FIELD, sizeof(FIELD) - 1) == 0) {
            put(name, field.data, field.size);
            format += sizeof(FIELD) - 1;
        } else {
            put(name, format++, 1);
        }
    }
    name->text[name->size] = '\0';
}

/* What a broker takes as a topic's name; anything else would end the task when it is sent. */
static bool is_legal(const struct name_buffer *name)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return !name->is_too_long && name->size > 0 && strlen(name->text) == name->size &&
           strspn(name->text, legal) == name->size && strcmp(name->text, ".") != 0 && strcmp(name->text, "..") != 0;
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct route_by_field *route = self;
    const char *topic = mr_record_topic(record);
    const struct mr_value *value = value_path_find(&route->path, operand_value(record, route->side), route->with_default);
    if (value == NULL || mr_value_is_null(value))
        return missing_end(route->missing, &route->path, record, emitter, error);
    struct mr_bytes text = field_text(mr_record_arena(record), &route->path, value, error);
    if (text.data == NULL)
        return -1;
    struct name_buffer name = { .size = 0 };
    fill_in(&name, route->format, topic == NULL ? "" : topic, text);
    if (!is_legal(&name))
        return mr_error_set(error, MR_ERR_DATA, "'%.*s' at %s makes no legal name of a topic (1 to 249 of a-z A-Z 0-9 . _ -)",
                            text.size > 80 ? 80 : (int)text.size, (const char *)text.data, route->path.text);
    if (mr_record_set_topic(record, name.text) < 0)
        return mr_arena_failed(mr_record_arena(record), error);
    return mr_emit(emitter, record);
}

OWN_PAIR(route_by_field, "RouteByField", "Chooses the topic by what stands in a field.", options);
