#include "pipeline_subject.h"

#include <millrace/converter.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/plugin_call.h"
#include "base/string_map.h"
#include "dry_run/decode.h"
#include "pipeline/chain.h"
#include "pipeline/converters.h"
#include "sdk/record_layout.h"
#include "base/bans.h"

#define STRING_CONVERTER "org.apache.kafka.connect.storage.StringConverter"
#define JSON_CONVERTER "org.apache.kafka.connect.json.JsonConverter"
#define TOPIC "orders"
#define PROPERTY_MAX 200
#define INPUT_BYTES ((size_t)16 << 20)

struct datum {
    const struct mr_schema *schema;
    const struct mr_value *value;
};

struct input {
    struct datum key, value;
    struct mr_bytes bytes;
};

struct subject {
    struct chain *chain; /* NULL: a converter */
    struct record_array passed;
    struct converters converters;
    const struct converter *converter;
    bool is_from_connect;
    struct mr_converter_place place;
    struct mr_batch *memory; /* of the inputs */
    struct input inputs[SUBJECT_INPUTS];
    const json_t *headers;
};

/* Set-up ----------------------------------------------------------------------------------------------------- */

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a subject");
}

static const char *text_at(const json_t *test_case, const char *name)
{
    const char *text = json_string_value(json_object_get(test_case, name));
    return text == NULL ? "" : text;
}

/* The case's class and its configuration under a prefix. */
static bool put_plugin(struct string_map *map, const char *class_name, const char *prefix, const json_t *test_case)
{
    char property[PROPERTY_MAX];
    const char *name;
    json_t *value;
    bool fits = string_map_put(map, class_name, text_at(test_case, "class"));
    json_object_foreach(json_object_get(test_case, "config"), name, value)
    {
        snprintf(property, sizeof(property), "%s%s", prefix, name);
        fits = fits && string_map_put(map, property, json_string_value(value));
    }
    return fits;
}

/* A predicate stands before a transform that drops what it is given, which is nothing when the predicate holds. */
static int chain_open(struct subject *subject, const struct loader *loader, const json_t *test_case, struct mr_error **error)
{
    struct string_map *map = string_map_create();
    bool fits = map != NULL && string_map_put(map, "transforms", "a");
    if (strcmp(text_at(test_case, "kind"), "predicate") == 0)
        fits = fits && string_map_put(map, "transforms.a.type", "org.apache.kafka.connect.transforms.Filter") &&
               string_map_put(map, "transforms.a.predicate", "p") && string_map_put(map, "transforms.a.negate", "true") &&
               string_map_put(map, "predicates", "p") && put_plugin(map, "predicates.p.type", "predicates.p.", test_case);
    else
        fits = fits && put_plugin(map, "transforms.a.type", "transforms.a.", test_case);
    subject->chain = fits ? chain_create(loader, map, error) : NULL;
    string_map_destroy(map);
    return subject->chain != NULL ? 0 : fits ? -1 : no_memory(error);
}

static int converters_open(struct converters *converters, const struct loader *loader, struct string_map *map, bool fits,
                           struct mr_error **error)
{
    const struct converters_setup setup = { .loader = loader, .connector = map };
    fits = fits && string_map_put(map, "key.converter", STRING_CONVERTER);
    int result = fits ? converters_init(converters, &setup, error) : no_memory(error);
    string_map_destroy(map);
    return result;
}

static int converter_open(struct subject *subject, const struct loader *loader, const json_t *test_case, struct mr_error **error)
{
    bool is_header = strncmp(text_at(test_case, "kind"), "header_", 7) == 0;
    struct string_map *map = string_map_create();
    bool fits = map != NULL && string_map_put(map, "value.converter", STRING_CONVERTER) &&
                put_plugin(map, is_header ? "header.converter" : "value.converter",
                           is_header ? "header.converter." : "value.converter.", test_case);
    if (converters_open(&subject->converters, loader, map, fits, error) < 0)
        return -1;
    subject->converter = is_header ? &subject->converters.header : &subject->converters.value;
    subject->is_from_connect = strstr(text_at(test_case, "kind"), "from_connect") != NULL;
    subject->place =
        (struct mr_converter_place){ .size = sizeof(subject->place), .topic = TOPIC, .header_key = is_header ? "h" : NULL };
    return 0;
}

/* Inputs ----------------------------------------------------------------------------------------------------- */

/* Absent: null. */
static int read_datum(const struct converter *json, struct mr_arena *arena, const json_t *text, struct datum *datum,
                      struct mr_error **error)
{
    const struct mr_converter_place place = { .size = sizeof(place), .topic = TOPIC };
    *datum = (struct datum){ .value = mr_null() };
    if (text == NULL)
        return 0;
    struct mr_bytes bytes = { .size = json_string_length(text) };
    bytes.data = mr_arena_copy(arena, json_string_value(text), bytes.size);
    return json->ops->to_connect(json->self, &place, bytes, arena, &datum->schema, &datum->value, error);
}

static int read_inputs(struct subject *subject, const struct loader *loader, const json_t *test_case, struct mr_error **error)
{
    struct converters json;
    struct string_map *map = string_map_create();
    bool is_typed = json_is_true(json_object_get(test_case, "typed"));
    bool fits = map != NULL && string_map_put(map, "value.converter", JSON_CONVERTER) &&
                string_map_put(map, "value.converter.schemas.enable", is_typed ? "true" : "false");
    if (converters_open(&json, loader, map, fits, error) < 0)
        return -1;
    struct mr_arena *arena = mr_batch_arena(subject->memory);
    int result = 0;
    for (size_t i = 0; i < SUBJECT_INPUTS && result == 0; i++) {
        struct input *input = &subject->inputs[i];
        result = read_datum(&json.value, arena, json_object_get(test_case, "key"), &input->key, error);
        if (result == 0)
            result = read_datum(&json.value, arena, json_object_get(test_case, "value"), &input->value, error);
        if (result == 0 && json_object_get(test_case, "bytes") != NULL)
            result = decode_bytes(arena, json_object_get(test_case, "bytes"), &input->bytes, error);
    }
    converters_release(&json);
    return result;
}

struct subject *subject_create(const struct loader *loader, const json_t *test_case, struct mr_error **error)
{
    struct subject *subject = mem_calloc(1, sizeof(*subject));
    if (subject == NULL) {
        no_memory(error);
        return NULL;
    }
    const char *kind = text_at(test_case, "kind");
    bool is_chain = strcmp(kind, "transform") == 0 || strcmp(kind, "predicate") == 0;
    record_array_init(&subject->passed);
    subject->headers = json_object_get(test_case, "headers");
    subject->memory = mr_batch_create(INPUT_BYTES);
    int result = subject->memory == NULL ? no_memory(error)
                 : is_chain              ? chain_open(subject, loader, test_case, error)
                                         : converter_open(subject, loader, test_case, error);
    if (result == 0 && read_inputs(subject, loader, test_case, error) == 0)
        return subject;
    subject_destroy(subject);
    return NULL;
}

void subject_destroy(struct subject *subject)
{
    if (subject == NULL)
        return;
    chain_destroy(subject->chain);
    record_array_release(&subject->passed);
    converters_release(&subject->converters);
    mr_batch_drop(subject->memory);
    mem_free(subject);
}

/* Running ---------------------------------------------------------------------------------------------------- */

static int append(const struct subject *subject, struct mr_batch *batch, size_t number)
{
    static const struct record_origin origin = {
        .topic = TOPIC, .offset = 42, .timestamp_ms = 1700000000123, .partition = 3, .timestamp_type = MR_TIMESTAMP_CREATE_TIME
    };
    const struct input *input = &subject->inputs[number % SUBJECT_INPUTS];
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    const char *name;
    json_t *text;
    if (record == NULL || record_set_origin(record, &origin) < 0 ||
        mr_record_set_key(record, input->key.schema, input->key.value) < 0 ||
        mr_record_set_value(record, input->value.schema, input->value.value) < 0)
        return -1;
    json_object_foreach((json_t *)subject->headers, name, text)
    {
        if (mr_record_add_header(record, name, NULL, mr_string(arena, json_string_value(text))) < 0)
            return -1;
    }
    return 0;
}

int subject_fill(const struct subject *subject, struct mr_batch *batch, size_t count, struct mr_error **error)
{
    for (size_t i = 0; subject->chain != NULL && i < count; i++)
        if (append(subject, batch, i) < 0)
            return mr_arena_failed(mr_batch_arena(batch), error);
    return 0;
}

static int run_chain(struct subject *subject, struct mr_batch *batch, struct mr_error **error)
{
    static const struct chain_policy policy = { .recover = NULL };
    uint32_t count = batch_entry_count(batch);
    for (uint32_t i = 0; i < count; i++) {
        subject->passed.count = 0;
        batch_record_begin(batch);
        if (chain_apply(subject->chain, &policy, batch_entry_at(batch, i), &subject->passed, error) == CHAIN_FAILED)
            return -1;
    }
    return 0;
}

static int convert(struct subject *subject, const struct input *input, struct mr_arena *arena, struct mr_error **error)
{
    const struct converter *converter = subject->converter;
    struct datum datum = { .value = NULL };
    struct mr_bytes bytes = { .data = NULL };
    const struct plugin_call before = plugin_call_enter(converter->plugin, "convert");
    int status = subject->is_from_connect
                     ? converter->ops->from_connect(converter->self, &subject->place, input->value.schema, input->value.value,
                                                    arena, &bytes, error)
                     : converter->ops->to_connect(converter->self, &subject->place, input->bytes, arena, &datum.schema,
                                                  &datum.value, error);
    plugin_call_leave(before);
    return status;
}

int subject_run(struct subject *subject, struct mr_batch *batch, size_t count, struct mr_error **error)
{
    if (subject->chain != NULL)
        return run_chain(subject, batch, error);
    for (size_t i = 0; i < count; i++)
        if (convert(subject, &subject->inputs[i % SUBJECT_INPUTS], mr_batch_arena(batch), error) != 0)
            return -1;
    return 0;
}
