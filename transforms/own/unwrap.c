/* unwrap.c: the row out of a change event (io.debezium.transforms.ExtractNewRecordState of Debezium 3, and the two options of 2). */
#include <stdlib.h>
#include <strings.h>

#include "own/field_reference.h"
#include "own/own.h"
#include "own/schema_memo.h"

#define MODE "delete.tombstone.handling.mode"
#define OLD_TOMBSTONES "drop.tombstones"
#define OLD_DELETES "delete.handling.mode"
#define DELETED "__deleted"
#define ENVELOPE_SUFFIX ".Envelope"

static const char *const modes[] = { "drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone", NULL };
static const char *const old_modes[] = { "drop", "rewrite", "none", NULL };

static const struct mr_config_row rows[] = {
    {
        .name = MODE,
        .type = MR_CONFIG_STRING,
        .default_text = "tombstone",
        .importance = MR_MEDIUM,
        .doc = "What becomes of deletes and the tombstones behind them. drop: nothing; tombstone: of a delete a record with null, tombstones "
               "are dropped; rewrite: the deleted row with " DELETED "=true; rewrite-with-tombstone: the same, and the tombstone; "
               "delete-to-tombstone: a tombstone without a schema.",
        .validator = mr_check_one_of_any_case,
        .validator_argument = modes,
    },
    {
        .name = OLD_TOMBSTONES,
        .type = MR_CONFIG_BOOLEAN,
        .default_text = "true",
        .importance = MR_LOW,
        .doc = "Of Debezium 2: whether tombstones are dropped. Counts where it or " OLD_DELETES " is given and " MODE " is not.",
    },
    {
        .name = OLD_DELETES,
        .type = MR_CONFIG_STRING,
        .default_text = "drop",
        .importance = MR_LOW,
        .doc = "Of Debezium 2: drop deletes, rewrite them with " DELETED "=true, or none: pass them with null.",
        .validator = mr_check_one_of_any_case,
        .validator_argument = old_modes,
    },
    {
        .name = "add.fields",
        .type = MR_CONFIG_LIST,
        .default_text = "",
        .importance = MR_LOW,
        .doc = "What to take over from the event into the row: op, table, source.ts_ms, lsn:position.",
        .validator = check_field_references,
    },
    {
        .name = "add.fields.prefix",
        .type = MR_CONFIG_STRING,
        .default_text = "__",
        .importance = MR_LOW,
        .doc = "What the names of such fields begin with.",
    },
    {
        .name = "add.headers",
        .type = MR_CONFIG_LIST,
        .default_text = "",
        .importance = MR_LOW,
        .doc = "What to take over from the event into headers.",
        .validator = check_field_references,
    },
    {
        .name = "add.headers.prefix",
        .type = MR_CONFIG_STRING,
        .default_text = "__",
        .importance = MR_LOW,
        .doc = "What the names of such headers begin with.",
    },
    {
        .name = "route.by.field",
        .type = MR_CONFIG_STRING,
        .default_text = "",
        .importance = MR_LOW,
        .doc = "A field of the row whose text becomes the topic.",
    },
    {
        .name = "drop.fields.header.name",
        .type = MR_CONFIG_STRING,
        .importance = MR_LOW,
        .doc = "A header whose value lists fields to be left out of the row.",
    },
    {
        .name = "drop.fields.from.key",
        .type = MR_CONFIG_BOOLEAN,
        .default_text = "false",
        .importance = MR_LOW,
        .doc = "Whether they are left out of the key, too.",
    },
    {
        .name = "drop.fields.keep.schema.compatible",
        .type = MR_CONFIG_BOOLEAN,
        .default_text = "true",
        .importance = MR_LOW,
        .doc = "Whether only optional fields may be left out.",
    },
    REPLACE_NULL_ROW,
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

enum delete_action { DELETE_DROP, DELETE_NULL, DELETE_REWRITE, DELETE_TOMBSTONE };

struct unwrap {
    enum delete_action deletes;
    bool keeps_tombstones, with_default;
    struct field_references fields, headers;
    char *route_field, *drop_header; /* NULL: none */
    bool drops_from_key, drops_optional_only;
    struct schema_memo *memo; /* of rows and of optional fields; for change also where the rest is not */
};

/* Numbers in its keys. */
enum { MEMO_OPTIONAL, MEMO_ROW, MEMO_ROW_WITH_DELETED };

/* Life ------------------------------------------------------------------------------------------------------- */

static void destroy(void *self)
{
    struct unwrap *unwrap = self;
    if (unwrap == NULL)
        return;
    field_references_release(&unwrap->fields);
    field_references_release(&unwrap->headers);
    free(unwrap->route_field);
    free(unwrap->drop_header);
    if (unwrap->memo != NULL)
        schema_memo_release(unwrap->memo);
    free(unwrap->memo);
    free(unwrap);
}

static void configure_old(struct unwrap *unwrap, const struct mr_config *config)
{
    const char *mode = mr_config_string(config, OLD_DELETES);
    unwrap->keeps_tombstones = !mr_config_boolean(config, OLD_TOMBSTONES);
    unwrap->deletes = DELETE_DROP;
    if (strcasecmp(mode, "rewrite") == 0)
        unwrap->deletes = DELETE_REWRITE;
    else if (strcasecmp(mode, "none") == 0)
        unwrap->deletes = DELETE_NULL;
}

static void configure_mode(struct unwrap *unwrap, const struct mr_config *config)
{
    const char *mode = mr_config_string(config, MODE);
    if (!mr_config_has(config, MODE) && (mr_config_has(config, OLD_DELETES) || mr_config_has(config, OLD_TOMBSTONES))) {
        configure_old(unwrap, config);
        return;
    }
    unwrap->keeps_tombstones = strcasecmp(mode, "rewrite-with-tombstone") == 0;
    if (strncasecmp(mode, "rewrite", 7) == 0)
        unwrap->deletes = DELETE_REWRITE;
    else if (strcasecmp(mode, "delete-to-tombstone") == 0)
        unwrap->deletes = DELETE_TOMBSTONE;
    else
        unwrap->deletes = strcasecmp(mode, "drop") == 0 ? DELETE_DROP : DELETE_NULL;
}

/* Into `*copy` unless it is empty. */
static bool keep_text(char **copy, const char *text)
{
    if (text == NULL || text[strspn(text, " \t")] == '\0')
        return true;
    *copy = strdup(text);
    return *copy != NULL;
}

static void *create(const struct mr_config *config, struct mr_error **error)
{
    struct unwrap *unwrap = calloc(1, sizeof(*unwrap));
    if (unwrap != NULL && (unwrap->memo = calloc(1, sizeof(*unwrap->memo))) != NULL &&
        field_references_read(&unwrap->fields, config, "add.fields", "add.fields.prefix") &&
        field_references_read(&unwrap->headers, config, "add.headers", "add.headers.prefix") &&
        keep_text(&unwrap->route_field, mr_config_string(config, "route.by.field")) &&
        keep_text(&unwrap->drop_header, mr_config_string(config, "drop.fields.header.name"))) {
        configure_mode(unwrap, config);
        unwrap->with_default = mr_config_boolean(config, REPLACE_NULL);
        unwrap->drops_from_key = mr_config_boolean(config, "drop.fields.from.key");
        unwrap->drops_optional_only = mr_config_boolean(config, "drop.fields.keep.schema.compatible");
        return unwrap;
    }
    mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for Unwrap");
    destroy(unwrap);
    return NULL;
}

/* Events ------------------------------------------------------------------------------------------------------- */

static bool is_envelope(const struct mr_record *record)
{
    const struct mr_schema *schema = mr_record_value_schema(record);
    const char *name = schema == NULL ? NULL : mr_schema_name(schema);
    size_t size = name == NULL ? 0 : strlen(name), suffix = sizeof(ENVELOPE_SUFFIX) - 1;
    return size >= suffix && strcmp(name + size - suffix, ENVELOPE_SUFFIX) == 0 &&
           mr_value_kind(mr_record_value(record)) == MR_KIND_STRUCT;
}

/* before or after; schema NULL: the envelope has no such field. */
static struct reference_found image(const struct mr_value *envelope, const char *name)
{
    const struct mr_schema *schema = mr_struct_schema(envelope);
    int32_t index = mr_schema_field_index(schema, name);
    if (index < 0)
        return (struct reference_found){ NULL, mr_null() };
    return (struct reference_found){ mr_schema_field(schema, (size_t)index), mr_struct_at_or_default(envelope, (size_t)index) };
}

/* Built, kept by the arena and the memo. NULL: *error, or no memory. */
static const struct mr_schema *finish(struct schema_memo *memo, struct mr_arena *arena, struct schema_memo_key key,
                                      struct mr_schema_builder *builder, struct mr_error **error)
{
    const struct mr_schema *made = mr_schema_builder_build(builder, error);
    bool is_kept = made != NULL && mr_arena_keep_schema(arena, made) == 0;
    if (is_kept)
        schema_memo_keep(memo, key, made);
    mr_schema_drop(made);
    return is_kept ? made : NULL;
}

/* The same type, optional, without a default; kept by the arena. NULL: *error, or no memory. */
static const struct mr_schema *optional_of(const struct unwrap *unwrap, struct mr_arena *arena, const struct mr_schema *schema,
                                           struct mr_error **error)
{
    const struct schema_memo_key key = { schema, NULL, MEMO_OPTIONAL };
    const struct mr_schema *known = schema_memo_find(unwrap->memo, arena, key);
    if (known != NULL)
        return known;
    enum mr_type type = mr_schema_type(schema);
    struct mr_schema_builder *builder = mr_schema_builder_from(schema, type);
    mr_schema_builder_set_optional(builder, true);
    if (type == MR_TYPE_MAP && mr_schema_key(schema) != NULL)
        mr_schema_builder_set_key(builder, mr_schema_key(schema));
    if ((type == MR_TYPE_MAP || type == MR_TYPE_ARRAY) && mr_schema_element(schema) != NULL)
        mr_schema_builder_set_element(builder, mr_schema_element(schema));
    for (size_t i = 0; i < mr_schema_field_count(schema); i++)
        mr_schema_builder_add_field(builder, mr_schema_field_name(schema, i), mr_schema_field(schema, i));
    return finish(unwrap->memo, arena, key, builder, error);
}

static int add_headers(const struct unwrap *unwrap, struct mr_record *record, const struct mr_value *envelope, struct mr_error **error)
{
    struct mr_arena *arena = mr_record_arena(record);
    for (size_t i = 0; i < unwrap->headers.count; i++) {
        const struct field_reference *reference = &unwrap->headers.items[i];
        struct reference_found found = { NULL, mr_null() };
        if (envelope != NULL) {
            found = field_reference_find(reference, envelope);
        } else if (strcmp(reference->field, "op") == 0) { /* a tombstone is a delete's */
            found = (struct reference_found){ mr_schema_primitive(MR_TYPE_STRING, false), mr_string_ref(arena, "d", 1) };
        }
        if (found.schema == NULL)
            continue;
        const struct mr_schema *schema = envelope == NULL ? found.schema : optional_of(unwrap, arena, found.schema, error);
        if (schema == NULL || mr_record_add_header(record, reference->name, schema, found.value) < 0)
            return failed(arena, error);
    }
    return 0;
}

static int route(const struct unwrap *unwrap, struct mr_record *record, const struct mr_value *row, struct mr_error **error)
{
    if (unwrap->route_field == NULL)
        return 0;
    int32_t index = mr_schema_field_index(mr_struct_schema(row), unwrap->route_field);
    const struct mr_value *field = index < 0 ? mr_null() : mr_struct_at_or_default(row, (size_t)index);
    struct mr_bytes text = mr_value_kind(field) == MR_KIND_STRING ? mr_value_bytes(field) : (struct mr_bytes){ .size = 0 };
    if (index < 0 || (!mr_value_is_null(field) && text.data == NULL))
        return mr_error_set(error, MR_ERR_DATA, "Unwrap: the row has no text field %s to route by", unwrap->route_field);
    char *topic = mr_arena_printf(mr_record_arena(record), "%.*s", (int)text.size, text.data == NULL ? "" : (const char *)text.data);
    if (topic == NULL)
        return mr_arena_failed(mr_record_arena(record), error);
    if (topic[strspn(topic, " \t\r\n")] == '\0')
        return 0;
    return mr_record_set_topic(record, topic) < 0 ? mr_arena_failed(mr_record_arena(record), error) : 0;
}

/* Rows --------------------------------------------------------------------------------------------------------- */

/* The row with __deleted where deletes are rewritten, and what is taken over from the event. Its schema is as the row's, required. */
struct row_build {
    const struct unwrap *unwrap;
    const struct mr_value *row, *envelope;
    const char *deleted; /* NULL: no such field */
};

static const struct mr_schema *row_schema(const struct row_build *build, struct mr_arena *arena, struct mr_error **error)
{
    const struct mr_schema *from = mr_struct_schema(build->row);
    const struct schema_memo_key key = { from, mr_struct_schema(build->envelope),
                                         build->deleted != NULL ? MEMO_ROW_WITH_DELETED : MEMO_ROW };
    const struct mr_schema *known = schema_memo_find(build->unwrap->memo, arena, key);
    if (known != NULL)
        return known;
    struct mr_schema_builder *builder = mr_schema_builder_from(from, MR_TYPE_STRUCT);
    for (size_t i = 0; i < mr_schema_field_count(from); i++)
        mr_schema_builder_add_field(builder, mr_schema_field_name(from, i), mr_schema_field(from, i));
    if (build->deleted != NULL)
        mr_schema_builder_add_field(builder, DELETED, mr_schema_primitive(MR_TYPE_STRING, true));
    for (size_t i = 0; i < build->unwrap->fields.count; i++) {
        const struct field_reference *reference = &build->unwrap->fields.items[i];
        struct reference_found found = field_reference_find(reference, build->envelope);
        if (found.schema != NULL)
            mr_schema_builder_add_field(builder, reference->name, optional_of(build->unwrap, arena, found.schema, error));
    }
    return finish(build->unwrap->memo, arena, key, builder, error);
}

static int fill(const struct row_build *build, struct mr_arena *arena, struct mr_value *made, struct mr_error **error)
{
    const struct mr_schema *from = mr_struct_schema(build->row);
    size_t at = 0;
    for (; at < mr_schema_field_count(from); at++) {
        bool with_default = build->deleted != NULL && build->unwrap->with_default; /* as InsertField, which adds __deleted there */
        const struct mr_value *field = with_default ? mr_struct_at_or_default(build->row, at) : mr_struct_at(build->row, at);
        if (mr_struct_put(made, at, field, error) < 0)
            return -1;
    }
    if (build->deleted != NULL && mr_struct_put(made, at++, mr_string_ref(arena, build->deleted, strlen(build->deleted)), error) < 0)
        return failed(arena, error);
    for (size_t i = 0; i < build->unwrap->fields.count; i++) {
        struct reference_found found = field_reference_find(&build->unwrap->fields.items[i], build->envelope);
        if (found.schema != NULL && mr_struct_put(made, at++, found.value, error) < 0)
            return -1;
    }
    return 0;
}

static int set_row(const struct row_build *build, struct mr_record *record, struct mr_error **error)
{
    struct mr_arena *arena = mr_record_arena(record);
    const struct mr_schema *schema = row_schema(build, arena, error);
    struct mr_value *made = schema == NULL ? NULL : mr_struct_create(arena, schema);
    if (made == NULL)
        return failed(arena, error);
    if (fill(build, arena, made, error) < 0)
        return -1;
    return mr_record_set_value(record, schema, made) < 0 ? mr_arena_failed(arena, error) : 0;
}

/* Fields that a header names ------------------------------------------------------------------------------------- */

static const struct mr_value *find_header(const struct mr_record *record, const char *name)
{
    for (size_t i = 0; i < mr_record_header_count(record); i++)
        if (strcmp(mr_record_header_key(record, i), name) == 0)
            return mr_record_header_value(record, i);
    return mr_null();
}

static bool is_listed(const struct mr_value *list, const char *name)
{
    for (size_t i = 0; i < mr_array_count(list); i++) {
        const struct mr_value *item = mr_array_at(list, i);
        struct mr_bytes text = mr_value_bytes(item);
        if (mr_value_kind(item) == MR_KIND_STRING && text.size == strlen(name) && memcmp(text.data, name, text.size) == 0)
            return true;
    }
    return false;
}

static bool goes(const struct unwrap *unwrap, const struct mr_value *list, const struct mr_schema *schema, size_t field)
{
    return is_listed(list, mr_schema_field_name(schema, field)) &&
           (!unwrap->drops_optional_only || mr_schema_is_optional(mr_schema_field(schema, field)));
}

static int drop_from(const struct unwrap *unwrap, struct mr_record *record, enum side side, const struct mr_value *list,
                     struct mr_error **error)
{
    const struct mr_value *value = operand_value(record, side);
    struct mr_arena *arena = mr_record_arena(record);
    if (mr_value_kind(value) != MR_KIND_STRUCT)
        return 0;
    const struct mr_schema *from = mr_struct_schema(value);
    struct mr_schema_builder *builder = mr_schema_builder_from(from, MR_TYPE_STRUCT);
    size_t left = 0, at = 0;
    for (size_t i = 0; i < mr_schema_field_count(from); i++) {
        if (goes(unwrap, list, from, i))
            continue;
        mr_schema_builder_add_field(builder, mr_schema_field_name(from, i), mr_schema_field(from, i));
        left++;
    }
    const struct mr_schema *schema = mr_schema_builder_build(builder, error);
    bool is_kept = schema != NULL && mr_arena_keep_schema(arena, schema) == 0;
    mr_schema_drop(schema);
    struct mr_value *made = is_kept ? mr_struct_create(arena, schema) : NULL;
    for (size_t i = 0; made != NULL && i < mr_schema_field_count(from); i++)
        if (!goes(unwrap, list, from, i) && mr_struct_put_unchecked(made, at++, mr_struct_at(value, i)) < 0)
            made = NULL;
    if (made == NULL)
        return failed(arena, error);
    if (left == mr_schema_field_count(from))
        return 0;
    int set = side == SIDE_KEY ? mr_record_set_key(record, schema, made) : mr_record_set_value(record, schema, made);
    return set < 0 ? mr_arena_failed(arena, error) : 0;
}

static int drop_fields(const struct unwrap *unwrap, struct mr_record *record, struct mr_error **error)
{
    const struct mr_value *list = unwrap->drop_header == NULL ? mr_null() : find_header(record, unwrap->drop_header);
    if (mr_value_kind(list) != MR_KIND_ARRAY || mr_array_count(list) == 0)
        return 0;
    if (unwrap->drops_from_key && drop_from(unwrap, record, SIDE_KEY, list, error) < 0)
        return -1;
    return drop_from(unwrap, record, SIDE_VALUE, list, error);
}

/* Records -------------------------------------------------------------------------------------------------------- */

static int end_delete(const struct unwrap *unwrap, struct mr_record *record, const struct mr_value *envelope,
                      struct reference_found before, struct reference_found after, struct mr_error **error)
{
    struct row_build build = { unwrap, before.value, envelope, "true" };
    if (route(unwrap, record, before.value, error) < 0)
        return -1;
    if (unwrap->deletes == DELETE_REWRITE)
        return set_row(&build, record, error) < 0 ? -1 : drop_fields(unwrap, record, error);
    const struct mr_schema *schema = unwrap->deletes == DELETE_TOMBSTONE ? NULL : after.schema;
    return mr_record_set_value(record, schema, mr_null()) < 0 ? mr_arena_failed(mr_record_arena(record), error) : 0;
}

static int unwrap_event(const struct unwrap *unwrap, struct mr_record *record, const struct mr_value *envelope, bool *passes,
                        struct mr_error **error)
{
    struct reference_found before = image(envelope, "before"), after = image(envelope, "after");
    bool has_before = mr_value_kind(before.value) == MR_KIND_STRUCT, has_after = mr_value_kind(after.value) == MR_KIND_STRUCT;
    if (!has_before && !has_after) { /* a truncation, or a message */
        *passes = false;
        return 0;
    }
    if (!has_after) {
        *passes = unwrap->deletes != DELETE_DROP;
        return *passes ? end_delete(unwrap, record, envelope, before, after, error) : 0;
    }
    struct row_build build = { unwrap, after.value, envelope, unwrap->deletes == DELETE_REWRITE ? "false" : NULL };
    if (route(unwrap, record, after.value, error) < 0 || set_row(&build, record, error) < 0)
        return -1;
    return drop_fields(unwrap, record, error);
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    const struct unwrap *unwrap = self;
    bool is_tombstone = mr_value_is_null(mr_record_value(record)), passes = true;
    if (!is_tombstone && !is_envelope(record))
        return mr_emit(emitter, record);
    const struct mr_value *envelope = is_tombstone ? NULL : mr_record_value(record);
    if (is_tombstone)
        passes = unwrap->keeps_tombstones;
    if (passes && add_headers(unwrap, record, envelope, error) < 0)
        return -1;
    if (!is_tombstone && unwrap_event(unwrap, record, envelope, &passes, error) < 0)
        return -1;
    return passes ? mr_emit(emitter, record) : 0;
}

static const struct mr_transform_ops ops = {
    .size = sizeof(ops), .create = create, .apply = apply, .destroy = destroy
};

#define UNWRAP(variable, class)                                                                                        \
    const struct mr_plugin variable = {                                                                                \
        .size = sizeof(variable), .kind = MR_PLUGIN_TRANSFORM, .class_name = class, .version = OWN_VERSION,            \
        .doc = "Puts the row in place of a change event of Debezium's.", .config_def = &options, .ops = &ops           \
    }
UNWRAP(unwrap, OWN_CLASS("Unwrap"));
UNWRAP(unwrap_debezium, "io.debezium.transforms.ExtractNewRecordState");
