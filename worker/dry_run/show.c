/* A report for people: a block for each record, of each stage what it changed. Made from the JSON, so that both say the same. */
#include "dry_run/dry_run_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/utf8.h"
#include "errors/stage.h"

#include "base/bans.h"

#define DEPTH_MAX 20

static const char *text_in(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text == NULL ? "" : text;
}

/* A line end in a text would look like one of ours. */
static void show_plain(struct str_buffer *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            str_buffer_printf(out, "\\x%02x", (unsigned char)text[i]);
        else
            str_buffer_append_char(out, text[i]);
    }
}

/* "text", cut */
static void show_text(struct str_buffer *out, const json_t *json)
{
    const char *text = json_string_value(json);
    size_t length = json_string_length(json), shown = utf8_cut(text, length, DRY_RUN_CUT_TEXT);
    str_buffer_append_char(out, '"');
    show_plain(out, text, shown);
    str_buffer_append_char(out, '"');
    if (shown < length)
        str_buffer_printf(out, "... (%zu bytes)", length);
}

static void show_hex(struct str_buffer *out, const char *base64)
{
    size_t length = strlen(base64), size = 0;
    unsigned char *bytes = mem_alloc(base64_decoded_max(length) + 1);
    bool fine = bytes != NULL && base64_decode(base64, length, bytes, &size);
    str_buffer_append_text(out, "hex:");
    for (size_t i = 0; fine && i < size && i < DRY_RUN_CUT_TEXT; i++)
        str_buffer_printf(out, "%02x", bytes[i]);
    if (size > DRY_RUN_CUT_TEXT || !fine)
        str_buffer_printf(out, "... (%zu bytes)", size);
    mem_free(bytes);
}

/* Values ------------------------------------------------------------------------------------------------------ */

static void show_value(struct str_buffer *out, const json_t *value, int depth);

static void show_list(struct str_buffer *out, const json_t *list, int depth)
{
    size_t i;
    const json_t *item;
    str_buffer_append_char(out, '[');
    json_array_foreach(list, i, item)
    {
        str_buffer_append_text(out, i == 0 ? "" : ", ");
        show_value(out, item, depth + 1);
    }
    str_buffer_append_char(out, ']');
}

/* Of a map: keys are values; of a struct: names. */
static void show_pairs(struct str_buffer *out, const json_t *list, int depth)
{
    size_t i;
    const json_t *pair;
    str_buffer_append_char(out, '{');
    json_array_foreach(list, i, pair)
    {
        const json_t *key = json_array_get(pair, 0);
        str_buffer_append_text(out, i == 0 ? "" : ", ");
        if (json_is_string(key))
            show_plain(out, json_string_value(key), json_string_length(key));
        else
            show_value(out, key, depth + 1);
        str_buffer_append_text(out, ": ");
        show_value(out, json_array_get(pair, 1), depth + 1);
    }
    str_buffer_append_char(out, '}');
}

static void show_scalar(struct str_buffer *out, const char *tag, const json_t *value)
{
    const json_t *v = json_object_get(value, "v");
    if (strcmp(tag, "string") == 0)
        show_text(out, v);
    else if (json_is_boolean(v))
        str_buffer_append_text(out, json_is_true(v) ? "true" : "false");
    else if (json_is_integer(v))
        str_buffer_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (strcmp(tag, "decimal") == 0)
        str_buffer_printf(out, "%se%" JSON_INTEGER_FORMAT, text_in(value, "unscaled"),
                          -json_integer_value(json_object_get(value, "scale")));
    else if (strcmp(tag, "instant") == 0)
        str_buffer_printf(out, "%s ms", text_in(value, "ms"));
    else if (strcmp(tag, "bytes") == 0 && json_is_string(v))
        show_hex(out, json_string_value(v));
    if (json_is_string(v) && strcmp(tag, "string") != 0 && strcmp(tag, "bytes") != 0)
        str_buffer_append(out, json_string_value(v), utf8_cut(json_string_value(v), json_string_length(v), DRY_RUN_CUT_TEXT));
}

static void show_value(struct str_buffer *out, const json_t *value, int depth)
{
    const char *tag = text_in(value, "t");
    const json_t *v = json_object_get(value, "v");
    if (json_is_null(value) || value == NULL)
        str_buffer_append_text(out, "null");
    else if (depth > DEPTH_MAX || json_object_get(value, "cut") != NULL)
        str_buffer_append_text(out, "...");
    else if (strcmp(tag, "array") == 0)
        show_list(out, v, depth);
    else if (strcmp(tag, "map") == 0 || strcmp(tag, "struct") == 0)
        show_pairs(out, v, depth);
    else
        show_scalar(out, tag, value);
}

/* A whole value is cut as well: a struct may have a thousand fields. */
static void show_cut(struct str_buffer *out, const struct str_buffer *whole)
{
    const char *text = str_buffer_text(whole);
    size_t most = DRY_RUN_CUT_TEXT * 4, shown = whole->length <= most ? whole->length : utf8_cut(text, whole->length, most);
    str_buffer_append(out, text, shown);
    if (shown < whole->length)
        str_buffer_printf(out, "... (%zu bytes)", whole->length);
    if (str_buffer_failed(whole))
        str_buffer_append_text(out, "...");
}

#define WHOLE_MAX (1u << 20) /* of one value as text, before it is cut */

/* Text that a reader sees as it is; numbers in binary are not. */
static bool is_readable(const json_t *text)
{
    const char *bytes = json_string_value(text);
    for (size_t i = 0; i < json_string_length(text); i++)
        if (((unsigned char)bytes[i] < ' ' && strchr("\t\n\r", bytes[i]) == NULL) || bytes[i] == 0x7f || bytes[i] == '\0')
            return false;
    return true;
}

/* {"text","bytes"}, a value of the corpus, or null. */
static void show_datum(struct str_buffer *out, const json_t *datum)
{
    struct str_buffer whole;
    str_buffer_init(&whole, WHOLE_MAX);
    const json_t *text = json_object_get(datum, "text"), *bytes = json_object_get(datum, "bytes");
    if (json_is_string(text) && (is_readable(text) || !json_is_string(bytes)))
        show_text(&whole, text);
    else if (json_is_string(bytes))
        show_hex(&whole, json_string_value(bytes));
    else
        show_value(&whole, datum, 0);
    show_cut(out, &whole);
    str_buffer_release(&whole);
}

/* "int32", "struct org.acme.Order", "" without one. */
static void show_schema(struct str_buffer *out, const json_t *schema)
{
    const char *name = json_string_value(json_object_get(schema, "name"));
    if (!json_is_object(schema)) {
        str_buffer_append_text(out, " (no schema)");
        return;
    }
    str_buffer_printf(out, " (%s%s%.200s", text_in(schema, "type"), name == NULL ? "" : " ", name == NULL ? "" : name);
    str_buffer_append_text(out, json_is_true(json_object_get(schema, "optional")) ? ", optional)" : ")");
}

/* Records ----------------------------------------------------------------------------------------------------- */

static void show_line(struct str_buffer *out, const char *what, const json_t *datum, const json_t *schema)
{
    str_buffer_printf(out, "    %-10s ", what);
    show_datum(out, datum);
    if (schema != NULL)
        show_schema(out, schema);
    str_buffer_append_char(out, '\n');
}

static void show_place(struct str_buffer *out, const char *what, const json_t *json)
{
    str_buffer_printf(out, "    %-10s ", what);
    if (json_is_integer(json))
        str_buffer_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
    else if (json_is_string(json))
        show_plain(out, json_string_value(json), json_string_length(json));
    else
        str_buffer_append_text(out, "none");
    str_buffer_append_char(out, '\n');
}

static void show_headers(struct str_buffer *out, const json_t *headers)
{
    size_t i;
    const json_t *header;
    json_array_foreach(headers, i, header)
    {
        str_buffer_append_text(out, "    header     ");
        show_plain(out, text_in(header, "key"), strlen(text_in(header, "key")));
        str_buffer_append_text(out, ": ");
        show_datum(out, json_object_get(header, "value"));
        str_buffer_append_char(out, '\n');
    }
}

/* What differs from `before`; NULL: all of it. false: nothing. */
static bool show_record(struct str_buffer *out, const json_t *record, const json_t *before)
{
    static const char *const places[] = {"topic", "partition", "offset", "timestamp"};
    static const char *const data[][2] = {{"key", "keySchema"}, {"value", "valueSchema"}};
    bool shown = false;
    if (json_is_true(json_object_get(record, "cut"))) {
        str_buffer_append_text(out, "    ... (too much to show)\n");
        return true;
    }
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const json_t *is = json_object_get(record, places[i]);
        if (is == NULL || (before != NULL && json_equal(is, json_object_get(before, places[i]))))
            continue;
        show_place(out, places[i], is);
        shown = true;
    }
    for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        const json_t *is = json_object_get(record, data[i][0]), *schema = json_object_get(record, data[i][1]);
        if (before != NULL && json_equal(is, json_object_get(before, data[i][0])) &&
            json_equal(schema, json_object_get(before, data[i][1])))
            continue;
        show_line(out, data[i][0], is, schema);
        shown = true;
    }
    const json_t *headers = json_object_get(record, "headers");
    if (before != NULL && json_equal(headers, json_object_get(before, "headers")))
        return shown;
    show_headers(out, headers);
    if (before != NULL && json_array_size(headers) == 0)
        str_buffer_append_text(out, "    header     none any more\n");
    return shown || before != NULL || json_array_size(headers) > 0;
}

/* Stages ------------------------------------------------------------------------------------------------------ */

/* Of a class, where it is told. */
static void show_version(struct str_buffer *out, const json_t *json)
{
    const char *version = json_string_value(json_object_get(json, "version"));
    if (version != NULL)
        str_buffer_printf(out, " %.200s", version);
}

static void show_predicate(struct str_buffer *out, const json_t *stage)
{
    const json_t *test = json_object_get(stage, "predicate"), *holds = json_object_get(test, "holds");
    if (test == NULL)
        return;
    str_buffer_printf(out, "    predicate  %s", text_in(test, "class"));
    show_version(out, test);
    str_buffer_printf(out, ": %s%s\n",
                      json_is_null(holds) ? "failed" : json_is_true(holds) ? "true" : "false",
                      json_is_true(json_object_get(test, "negate")) ? ", negated" : "");
}

static void show_transform(struct str_buffer *out, const json_t *stage)
{
    const json_t *list = json_object_get(stage, "out"), *record;
    size_t i;
    show_predicate(out, stage);
    if (json_is_false(json_object_get(stage, "applied")))
        str_buffer_append_text(out, "    not applied\n");
    else if (json_is_array(list) && json_array_size(list) == 0)
        str_buffer_append_text(out, "    dropped\n");
    else if (json_array_size(list) > 1)
        str_buffer_printf(out, "    makes %zu records\n", json_array_size(list));
    json_array_foreach(list, i, record)
    {
        if (json_array_size(list) > 1)
            str_buffer_printf(out, "    - %zu\n", i + 1);
        if (!show_record(out, record, json_object_get(stage, "in")))
            str_buffer_append_text(out, "    unchanged\n");
    }
}

static void show_converter(struct str_buffer *out, const json_t *stage)
{
    const json_t *in = json_object_get(stage, "in"), *made = json_object_get(stage, "out");
    bool is_value = json_object_get(made, "value") != NULL;
    const char *header = json_string_value(json_object_get(stage, "header"));
    if (header != NULL)
        str_buffer_printf(out, "    header     %.200s\n", header);
    if (made == NULL)
        show_line(out, "in", json_object_get(in, "value") != NULL ? json_object_get(in, "value") : in, json_object_get(in, "schema"));
    else
        show_line(out, "out", is_value ? json_object_get(made, "value") : made, json_object_get(made, "schema"));
}

/* Of several records that one transform made only the one that failed is told: by what tells it from that which they were made of. */
static void show_failed(struct str_buffer *out, const json_t *stage, const json_t *split)
{
    str_buffer_append_text(out, "    FAILED\n");
    if (split != NULL)
        show_record(out, json_object_get(stage, "in"), json_object_get(split, "in"));
}

/* `split`: an earlier transform that made several records; NULL: none. */
static void show_stage(struct str_buffer *out, const json_t *stage, const json_t *split)
{
    const char *alias = json_string_value(json_object_get(stage, "alias"));
    if (json_is_true(json_object_get(stage, "cut"))) {
        str_buffer_append_text(out, "  ... (too much to show)\n");
        return;
    }
    bool is_transform = strcmp(text_in(stage, "stage"), stage_name(STAGE_TRANSFORMATION)) == 0;
    str_buffer_printf(out, "  %s%s%s %s", text_in(stage, "stage"), alias == NULL ? "" : " ", alias == NULL ? "" : alias,
                      text_in(stage, "class"));
    show_version(out, stage);
    str_buffer_append_char(out, '\n');
    if (is_transform)
        show_transform(out, stage);
    else
        show_converter(out, stage);
    if (json_is_true(json_object_get(stage, "failed")))
        show_failed(out, stage, is_transform ? split : NULL);
}

static void show_stages(struct str_buffer *out, const json_t *stages)
{
    const json_t *stage, *split = NULL;
    size_t i;
    json_array_foreach(stages, i, stage)
    {
        show_stage(out, stage, split);
        if (json_array_size(json_object_get(stage, "out")) > 1)
            split = stage;
    }
}

/* The end ----------------------------------------------------------------------------------------------------- */

static void show_failure(struct str_buffer *out, const json_t *json)
{
    const json_t *error = json_object_get(json, "error"), *how = json_object_get(json, "treatment"), *cause;
    json_int_t retries_ms = json_integer_value(json_object_get(how, "retries_ms"));
    bool is_covered = json_is_true(json_object_get(how, "covers"));
    size_t i;
    if (error == NULL)
        return;
    str_buffer_printf(out, "  error      %s: ", text_in(error, "exception"));
    show_plain(out, text_in(error, "message"), strlen(text_in(error, "message")));
    json_array_foreach(json_object_get(error, "causes"), i, cause)
    {
        str_buffer_append_text(out, "; caused by: ");
        show_plain(out, json_string_value(cause), json_string_length(cause));
    }
    str_buffer_printf(out, "\n  policy     the task %s (%s%s)", text_in(how, "task"),
                      is_covered ? "errors.tolerance=" : "no errors.tolerance covers this", is_covered ? text_in(how, "tolerance") : "");
    if (retries_ms < 0)
        str_buffer_append_text(out, ", after trying again for ever");
    else if (retries_ms > 0)
        str_buffer_printf(out, ", after trying again for %" JSON_INTEGER_FORMAT " ms", retries_ms);
    if (json_is_true(json_object_get(how, "logged")))
        str_buffer_append_text(out, ", an error line in the log");
    if (json_is_string(json_object_get(how, "dead_letter_topic")))
        str_buffer_printf(out, ", a dead letter to %s", text_in(how, "dead_letter_topic"));
    else if (!json_is_true(json_object_get(how, "logged")) && strcmp(text_in(how, "task"), "goes on") == 0)
        str_buffer_append_text(out, ", and nothing tells of the record: there is no dead letter topic, and errors.log.enable is false");
    str_buffer_append_char(out, '\n');
}

static void show_output(struct str_buffer *out, const json_t *json)
{
    const json_t *output = json_object_get(json, "output"), *record;
    size_t i;
    json_array_foreach(output, i, record)
    {
        if (json_array_size(output) > 1)
            str_buffer_printf(out, "  out %zu of %zu\n", i + 1, json_array_size(output));
        else
            str_buffer_append_text(out, "  out\n");
        show_record(out, record, NULL);
    }
}

bool dry_run_report_write_text(const struct dry_run_report *report, struct str_buffer *out)
{
    const json_t *json = report->json;
    const json_t *error = json_object_get(json, "error");
    str_buffer_printf(out, "record %" JSON_INTEGER_FORMAT ": %s", json_integer_value(json_object_get(json, "record")),
                      text_in(json, "outcome"));
    if (json_object_get(json, "dropped_by") != NULL)
        str_buffer_printf(out, " by %s", text_in(json, "dropped_by"));
    if (*text_in(error, "stage") != '\0')
        str_buffer_printf(out, " at %s%s%s", text_in(error, "stage"), *text_in(error, "alias") == '\0' ? "" : " ",
                          text_in(error, "alias"));
    str_buffer_append_text(out, "\n  in\n");
    show_record(out, json_object_get(json, "input"), NULL);
    show_stages(out, json_object_get(json, "stages"));
    show_output(out, json);
    show_failure(out, json);
    return str_buffer_append_char(out, '\n') && !str_buffer_failed(out);
}
