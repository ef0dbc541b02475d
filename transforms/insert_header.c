#include <stdlib.h>
#include <string.h>

#include "literal.h"
#include "transform.h"

/* ConfigDef.NonNullValidator: a second mistake where the option is missing. */
static int check_given(const char *name, const char *text, const struct mr_config *config, const void *argument,
                       struct mr_error **error)
{
    (void)name, (void)config, (void)argument;
    return text != NULL ? 0 : mr_error_set(error, MR_ERR_CONFIG, "entry must be non null");
}

static const struct mr_config_row rows[] = {
    {
        .name = "header",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "The name of the header.",
        .validator = check_given,
    },
    {
        .name = "value.literal",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "What the header gets; text that looks like a number, a date, a list or a map becomes one.",
        .validator = check_given,
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct insert_header {
    struct mr_arena *arena; /* of all below */
    const char *header;
    const struct mr_schema *schema;
    const struct mr_value *value;
};

static void destroy(void *self)
{
    struct insert_header *insert = self;
    if (insert != NULL)
        mr_arena_destroy(insert->arena);
    free(insert);
}

static int configure(struct insert_header *insert, const struct mr_config *config, struct mr_error **error)
{
    const char *text = mr_config_string(config, "value.literal");
    size_t size = strlen(text);
    insert->arena = mr_arena_create(size * 256 + (1u << 20));
    if (insert->arena == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for InsertHeader");
    struct mr_bytes literal = { .data = mr_arena_text(insert->arena, text), .size = size };
    insert->header = mr_arena_text(insert->arena, mr_config_string(config, "header"));
    if (literal.data == NULL || insert->header == NULL)
        return mr_arena_failed(insert->arena, error);
    switch (literal_read(insert->arena, literal, &insert->schema, &insert->value, error)) {
    case LITERAL_READ: return 0;
    case LITERAL_TOO_DEEP: return mr_error_set(error, MR_ERR_CONFIG, "value.literal is nested too deep");
    default: return -1;
    }
}

static void *create(const struct mr_config *config, struct mr_error **error)
{
    struct insert_header *insert = calloc(1, sizeof(*insert));
    if (insert == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for InsertHeader");
    else if (configure(insert, config, error) == 0)
        return insert;
    destroy(insert);
    return NULL;
}

/* A copy: a sink task may keep the record longer than this transform lives. */
static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    const struct insert_header *insert = self;
    struct mr_arena *arena = mr_record_arena(record);
    const struct mr_value *value = mr_value_copy(arena, insert->value);
    if (value == NULL || mr_record_add_header(record, insert->header, insert->schema, value) < 0)
        return mr_arena_failed(arena, error);
    return mr_emit(emitter, record);
}

TRANSFORM_SINGLE(insert_header, "InsertHeader", "Adds a header with a fixed value.", options);
