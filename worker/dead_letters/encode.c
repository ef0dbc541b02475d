/* Letters as JSON. */
#include "dead_letters/dead_letters_internal.h"

#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "dry_run/encode.h"

#include "base/bans.h"

#define PREVIEW_MAX 200 /* bytes of a key in a row */

json_t *letter_json_bytes(struct mr_bytes bytes, size_t most)
{
    if (bytes.data == NULL)
        return json_null();
    bool is_text = utf8_valid(bytes.data, bytes.size);
    struct mr_bytes shown = bytes;
    if (shown.size > most)
        shown.size = is_text ? utf8_cut(bytes.data, bytes.size, most) : most;
    json_t *json = json_object();
    json = is_text ? encode_with(json, "text", json_stringn(shown.data, shown.size)) : encode_with(json, "base64", encode_bytes(shown));
    json = encode_with(json, "size", json_integer((json_int_t)bytes.size));
    return shown.size < bytes.size ? encode_with(json, "cut", json_true()) : json;
}

/* null: not said. */
json_t *letter_json_context(const struct letter_view *view, enum letter_field field, size_t most)
{
    struct mr_bytes text = view->fields[field];
    if (text.data == NULL)
        return json_null();
    if (text.size > most)
        text.size = utf8_valid(text.data, text.size) ? utf8_cut(text.data, text.size, most) : most;
    return encode_text(text);
}

static json_t *origin_of(const struct letter_view *view)
{
    json_t *json = encode_with(json_object(), "topic", view->topic[0] == '\0' ? json_null() : json_string(view->topic));
    json = encode_with(json, "partition", view->partition == -1 ? json_null() : json_integer(view->partition));
    return encode_with(json, "offset", view->offset == -1 ? json_null() : json_integer(view->offset));
}

static json_t *with_context(const struct letter_view *view, json_t *json, size_t most)
{
    static const struct {
        const char *name;
        enum letter_field field;
    } fields[] = {{"connector", LETTER_CONNECTOR}, {"task", LETTER_TASK},           {"stage", LETTER_STAGE},
                  {"class", LETTER_CLASS},         {"exception", LETTER_EXCEPTION}, {"message", LETTER_MESSAGE}};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        json = encode_with(json, fields[i].name, letter_json_context(view, fields[i].field, most));
    return json;
}

json_t *letter_json_row(const struct letter_view *view, const struct mark *mark)
{
    const struct topic_tail_record *record = view->record;
    json_t *json = encode_with(json_object(), "partition", json_integer(record->partition));
    json = encode_with(json, "offset", json_integer(record->offset));
    json = encode_with(json, "timestamp", record->timestamp_ms < 0 ? json_null() : json_integer(record->timestamp_ms));
    json = encode_with(json, "state", json_string(mark_state_name(mark == NULL ? MARK_NONE : mark->state)));
    json = encode_with(json, "group", json_string(view->group));
    json = with_context(view, json, DEAD_LETTERS_ROW_TEXT_MAX);
    json = encode_with(json, "original", origin_of(view));
    int32_t attempts = marks_attempts(mark, view);
    json = encode_with(json, "attempts", attempts == LETTER_ATTEMPTS_UNKNOWN ? json_null() : json_integer(attempts));
    json = encode_with(json, "key", letter_json_bytes(record->key, PREVIEW_MAX));
    return encode_with(json, "value_size", record->value.data == NULL ? json_null() : json_integer((json_int_t)record->value.size));
}

static json_t *headers_of(const struct letter_view *view)
{
    json_t *list = json_array();
    for (size_t i = 0; i < view->record->header_count; i++) {
        if (letter_view_is_added(view, i))
            continue;
        json_t *header = encode_with(json_object(), "key", encode_text_or_null(view->record->headers[i].name));
        header = encode_with(header, "value", letter_json_bytes(view->record->headers[i].value, DEAD_LETTERS_VALUE_MAX));
        list = encode_and(list, header);
    }
    return list;
}

/* What is said besides: of a source its partition and offset, in which form its parts are, what was cut. */
static json_t *more_context_of(const struct letter_view *view)
{
    json_t *list = json_array();
    for (size_t i = 0; i < view->record->header_count; i++) {
        const char *name = letter_view_more_name(view, i);
        if (name == NULL)
            continue;
        json_t *header = encode_with(json_object(), "key", encode_text_or_null(name));
        list = encode_and(list, encode_with(header, "value", letter_json_bytes(view->record->headers[i].value, DEAD_LETTERS_VALUE_MAX)));
    }
    return list;
}

json_t *letter_json_whole(const struct letter_view *view, const struct mark *mark)
{
    json_t *json = with_context(view, letter_json_row(view, mark), DEAD_LETTERS_VALUE_MAX);
    json = encode_with(json, "key", letter_json_bytes(view->record->key, DEAD_LETTERS_VALUE_MAX));
    json = encode_with(json, "value", letter_json_bytes(view->record->value, DEAD_LETTERS_VALUE_MAX));
    json = encode_with(json, "headers", headers_of(view));
    json = encode_with(json, "context", more_context_of(view));
    json = encode_with(json, "stacktrace", letter_json_context(view, LETTER_TRACE, DEAD_LETTERS_VALUE_MAX));
    if (mark != NULL)
        json = encode_with(json, "replay", json_string(mark->id));
    return json;
}
