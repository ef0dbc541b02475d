#include <millrace/json.h>
#include <stdlib.h>

#include "own/own.h"
#include "own/schema_infer.h"
#include "own/value_rewrite.h"

static int check_schema(const char *name, const char *text, const struct mr_config *config, const void *argument,
                        struct mr_error **error)
{
    (void)name, (void)config, (void)argument;
    if (text == NULL)
        return 0;
    struct mr_error *why = NULL;
    const struct mr_schema *schema = mr_json_schema_read(bytes_of(text), &why);
    if (schema == NULL)
        mr_error_set(error, MR_ERR_CONFIG, "%s", mr_error_message(why));
    mr_error_clear(&why);
    mr_schema_drop(schema);
    return schema == NULL ? -1 : 0;
}

static const struct mr_config_row rows[] = {
    {
        .name = "field",
        .type = MR_CONFIG_STRING,
        .default_text = "",
        .importance = MR_HIGH,
        .doc = "Where the JSON text stands: a path like payload.after; empty: the whole key or value. What it says takes its place.",
        .validator = check_value_path,
    },
    {
        .name = "schema",
        .type = MR_CONFIG_STRING,
        .importance = MR_MEDIUM,
        .doc = "The schema of what the text says, in the form of JsonConverter: {\"type\":\"struct\",\"fields\":[…]}. Without one, where the record "
               "has a schema, it is inferred from each text: all optional, objects as structs, numbers as int64 or float64.",
        .validator = check_schema,
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct parse_json {
    enum side side;
    struct value_path path;
    const struct mr_schema *schema;   /* NULL: inferred, or none */
    const struct mr_schema *inferred; /* the last one; NULL: none yet */
    struct schema_memo memo;
};

/* Of one record. */
struct parsing {
    struct parse_json *parse;
    bool has_schema; /* the record has one */
};

static void destroy(void *self)
{
    struct parse_json *parse = self;
    if (parse == NULL)
        return;
    value_path_release(&parse->path);
    mr_schema_drop(parse->schema);
    mr_schema_drop(parse->inferred);
    schema_memo_release(&parse->memo);
    free(parse);
}

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    struct parse_json *parse = calloc(1, sizeof(*parse));
    const char *schema = mr_config_string(config, "schema");
    if (parse == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for ParseJson");
        return NULL;
    }
    parse->side = side;
    if (value_path_init(&parse->path, mr_config_string(config, "field"), false, error) == 0 &&
        (schema == NULL || (parse->schema = mr_json_schema_read(bytes_of(schema), error)) != NULL))
        return parse;
    destroy(parse);
    return NULL;
}

/* Mostly one text has the members of the one before. */
static const struct mr_schema *infer_schema(struct parse_json *parse, struct mr_arena *arena, const struct mr_value *value,
                                            struct mr_error **error)
{
    if (parse->inferred != NULL && schema_is_of(parse->inferred, value) && mr_arena_keep_schema(arena, parse->inferred) == 0)
        return parse->inferred;
    const struct mr_schema *schema = schema_infer(arena, value, NULL, error);
    if (schema != NULL) {
        mr_schema_drop(parse->inferred);
        parse->inferred = mr_schema_take(schema);
    }
    return schema;
}

/* The text may be a record's own bytes, which live as long as the batch, or another transform's; the arena holds both. */
static int parse_place(void *argument, struct mr_arena *arena, struct typed_value *at, struct mr_error **error)
{
    const struct parsing *parsing = argument;
    const struct mr_schema *schema = parsing->parse->schema;
    enum mr_kind kind = mr_value_kind(at->value);
    if (kind != MR_KIND_STRING && kind != MR_KIND_BYTES)
        return mr_error_set(error, MR_ERR_DATA, "ParseJson: no text but a value of kind %s stands there", mr_kind_name(kind));
    const struct mr_value *value = mr_json_read_as(arena, mr_value_bytes(at->value), schema, MR_JSON_WHOLE_TEXT, error);
    if (value == NULL)
        return failed(arena, error);
    if (schema == NULL && parsing->has_schema) {
        schema = infer_schema(parsing->parse, arena, value, error);
        value = schema == NULL ? NULL : schema_apply(arena, schema, value, NULL, error);
        if (value == NULL)
            return -1;
    }
    *at = (struct typed_value){ schema, value };
    return 0;
}

/* Takes `why`. */
static int say_place(const struct parse_json *parse, struct mr_error *why, struct mr_error **error)
{
    bool is_whole = parse->path.count == 0;
    mr_error_set(error, mr_error_code(why), "%s%s%s", is_whole ? "" : parse->path.text, is_whole ? "" : ": ", mr_error_message(why));
    mr_error_drop(why);
    return -1;
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct parse_json *parse = self;
    struct typed_value top = { operand_schema(record, parse->side), operand_value(record, parse->side) };
    struct parsing parsing = { parse, top.schema != NULL };
    struct value_rewrite rewrite = { .path = &parse->path, .rewrite = parse_place, .argument = &parsing, .memo = &parse->memo };
    struct mr_error *why = NULL;
    if (value_rewrite_run(&rewrite, mr_record_arena(record), &top, &why) < 0)
        return say_place(parse, why, error);
    return operand_emit(record, parse->side, top.schema, top.value, emitter, error);
}

OWN_PAIR(parse_json, "ParseJson", "Puts what a JSON text says in its place.", options);
