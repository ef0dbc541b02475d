#include "dead_letters/selection.h"

#include <jansson.h>
#include <millrace/error.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "dead_letters/letter.h"
#include "kafka/topic_tail.h"

#include "base/bans.h"

#define PARSE_FLAGS (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)
#define TEXT_MAX 1024

enum member_kind { FLAG, TEXT, NUMBER, PLACES, BYTES, BASE64 };

struct member {
    const char *name;
    enum member_kind kind;
    size_t at, flag_at;
    int64_t least, most;
};

#define AT(field) offsetof(struct selection, field)
static const struct member MEMBERS[] = {
    {"all", FLAG, AT(all), 0, 0, 0},
    {"letters", PLACES, 0, 0, 0, 0},
    {"group", TEXT, AT(group), 0, 0, 0},
    {"stage", TEXT, AT(stage), 0, 0, 0},
    {"class", TEXT, AT(class_name), 0, 0, 0},
    {"exception", TEXT, AT(exception), 0, 0, 0},
    {"topic", TEXT, AT(topic), 0, 0, 0},
    {"header", TEXT, AT(header), 0, 0, 0},
    {"header_value", TEXT, AT(header_value), 0, 0, 0},
    {"since", NUMBER, AT(since_ms), 0, 0, INT64_MAX},
    {"until", NUMBER, AT(until_ms), 0, 0, INT64_MAX},
    {"partition", NUMBER, AT(partition), 0, 0, INT32_MAX},
    {"from", NUMBER, AT(from), 0, 0, INT64_MAX},
    {"before", NUMBER, AT(before), 0, 0, INT64_MAX},
    {"limit", NUMBER, AT(limit), 0, 1, SELECTION_LIMIT_MAX},
    {"rate", NUMBER, AT(rate), 0, 1, SELECTION_RATE_MAX},
    {"attempts", NUMBER, AT(attempts), 0, 1, INT32_MAX - 1},
    {"force", FLAG, AT(force), 0, 0, 0},
    {"again", FLAG, AT(again), 0, 0, 0},
    {"dry_run", FLAG, AT(is_trial), 0, 0, 0},
    {"id", TEXT, AT(id), 0, 0, 0},
    {"to", TEXT, AT(to), 0, 0, 0},
    {"into", TEXT, AT(into), 0, 0, 0},
    {"reason", TEXT, AT(reason), 0, 0, 0},
    {"key", BYTES, AT(key), AT(edits_key), 0, 0},
    {"value", BYTES, AT(value), AT(edits_value), 0, 0},
    {"key_base64", BASE64, AT(key), AT(edits_key), 0, 0},
    {"value_base64", BASE64, AT(value), AT(edits_value), 0, 0},
};

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a selection of letters");
}

/* The body itself: JSON that has been read once, so its form is beyond doubt ------------------------------------- */

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* Behind the string that begins here. */
static const char *skip_string(const char *at)
{
    for (at++; *at != '"'; at++)
        at += *at == '\\';
    return at + 1;
}

/* Behind the value that begins here. */
static const char *skip_value(const char *at)
{
    int depth = 0;
    do {
        if (*at == '"') {
            at = skip_string(at);
            continue;
        }
        size_t word = strcspn(at, "\"{}[],: \t\r\n");
        depth += *at == '{' || *at == '[' ? 1 : *at == '}' || *at == ']' ? -1 : 0;
        at += word == 0 ? 1 : word;
    } while (depth > 0);
    return at;
}

/* What stands behind a member of the object, as it was written. false: no such name, but for its escapes. */
static bool member_text(struct mr_bytes body, const char *name, struct mr_bytes *text)
{
    const char *at = skip_space(body.data);
    for (at = skip_space(at + 1); *at == '"'; at = skip_space(at + (*at == ','))) {
        const char *key = at + 1;
        size_t size = (size_t)(skip_string(at) - key) - 1;
        const char *value = skip_space(skip_space(key + size + 1) + 1);
        const char *end = skip_value(value);
        if (size == strlen(name) && memcmp(key, name, size) == 0) {
            *text = (struct mr_bytes){.data = value, .size = (size_t)(end - value)};
            return true;
        }
        at = skip_space(end);
    }
    return false;
}

/* Members ----------------------------------------------------------------------------------------------------- */

static int read_flag(struct selection *selection, const struct member *member, const json_t *json, struct mr_error **error)
{
    if (!json_is_boolean(json))
        return mr_error_set(error, MR_ERR_CONFIG, "\"%s\" must be true or false", member->name);
    *(bool *)((char *)selection + member->at) = json_is_true(json);
    return 0;
}

static int read_number(struct selection *selection, const struct member *member, const json_t *json, struct mr_error **error)
{
    if (!json_is_integer(json) || json_integer_value(json) < member->least || json_integer_value(json) > member->most)
        return mr_error_set(error, MR_ERR_CONFIG, "\"%s\" must be a whole number from %lld to %lld", member->name,
                            (long long)member->least, (long long)member->most);
    *(int64_t *)(void *)((char *)selection + member->at) = json_integer_value(json);
    return 0;
}

static int read_text(struct selection *selection, const struct member *member, const json_t *json, struct mr_error **error)
{
    size_t size = json_string_length(json);
    if (!json_is_string(json) || size == 0 || size > TEXT_MAX || memchr(json_string_value(json), '\0', size) != NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "\"%s\" must be a text of 1 to %d bytes", member->name, TEXT_MAX);
    char *text = mem_strdup(json_string_value(json));
    if (text == NULL)
        return no_memory(error);
    *(char **)(void *)((char *)selection + member->at) = text;
    return 0;
}

static int twice(const struct member *member, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_CONFIG, "\"%s\": give the bytes once, as they are or in base64", member->name);
}

/* A text stands for its bytes; other JSON for its own text in the body, since writing it anew would change its numbers. */
static int read_bytes(struct selection *selection, const struct member *member, const json_t *json, struct mr_bytes body,
                      struct mr_error **error)
{
    struct mr_bytes own = {.data = json_string_value(json), .size = json_string_length(json)};
    struct mr_bytes *bytes = (struct mr_bytes *)(void *)((char *)selection + member->at);
    bool *is_given = (bool *)((char *)selection + member->flag_at);
    if (*is_given)
        return twice(member, error);
    *is_given = true;
    if (json_is_null(json))
        return 0;
    if (!json_is_string(json) && !member_text(body, member->name, &own))
        return mr_error_set(error, MR_ERR_CONFIG, "write \"%s\" without escapes, or give its bytes as a text", member->name);
    bytes->data = mem_strndup(own.data, own.size);
    if (bytes->data == NULL)
        return no_memory(error);
    bytes->size = own.size;
    return 0;
}

static int read_base64(struct selection *selection, const struct member *member, const json_t *json, struct mr_error **error)
{
    struct mr_bytes *bytes = (struct mr_bytes *)(void *)((char *)selection + member->at);
    bool *is_given = (bool *)((char *)selection + member->flag_at);
    if (*is_given)
        return twice(member, error);
    size_t size = json_string_length(json);
    char *data = json_is_string(json) ? mem_alloc(base64_decoded_max(size) + 1) : NULL;
    if (data == NULL || !base64_decode(json_string_value(json), size, data, &bytes->size)) {
        mem_free(data);
        return mr_error_set(error, MR_ERR_CONFIG, "\"%s\" must be a text in base64", member->name);
    }
    bytes->data = data;
    *is_given = true;
    return 0;
}

static int compare_places(const void *one, const void *other)
{
    const struct selection_place *a = one, *b = other;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static bool read_place(const json_t *json, struct selection_place *place)
{
    const json_t *partition = json_object_get(json, "partition"), *offset = json_object_get(json, "offset");
    if (json_object_size(json) != 2 || !json_is_integer(partition) || !json_is_integer(offset) || json_integer_value(partition) < 0 ||
        json_integer_value(partition) > INT32_MAX || json_integer_value(offset) < 0)
        return false;
    *place = (struct selection_place){(int32_t)json_integer_value(partition), json_integer_value(offset)};
    return true;
}

static int read_places(struct selection *selection, const json_t *json, struct mr_error **error)
{
    size_t count = json_array_size(json);
    if (count == 0 || count > SELECTION_PLACES_MAX)
        return mr_error_set(error, MR_ERR_CONFIG, "\"letters\" must be a list of 1 to %d {\"partition\",\"offset\"}", SELECTION_PLACES_MAX);
    selection->places = mem_calloc(count, sizeof(*selection->places));
    if (selection->places == NULL)
        return no_memory(error);
    for (; selection->place_count < count; selection->place_count++)
        if (!read_place(json_array_get(json, selection->place_count), &selection->places[selection->place_count]))
            return mr_error_set(error, MR_ERR_CONFIG, "letters[%zu] must be {\"partition\":N,\"offset\":N}", selection->place_count);
    qsort(selection->places, count, sizeof(*selection->places), compare_places);
    return 0;
}

static int read_member(struct selection *selection, const char *name, const json_t *json, struct mr_bytes body, struct mr_error **error)
{
    const struct member *member = MEMBERS, *end = MEMBERS + sizeof(MEMBERS) / sizeof(MEMBERS[0]);
    while (member < end && strcmp(member->name, name) != 0)
        member++;
    if (member == end)
        return mr_error_set(error, MR_ERR_CONFIG, "unknown member \"%.100s\"", name);
    switch (member->kind) {
    case FLAG:
        return read_flag(selection, member, json, error);
    case TEXT:
        return read_text(selection, member, json, error);
    case NUMBER:
        return read_number(selection, member, json, error);
    case PLACES:
        return read_places(selection, json, error);
    case BYTES:
        return read_bytes(selection, member, json, body, error);
    case BASE64:
        break;
    }
    return read_base64(selection, member, json, error);
}

/* The whole --------------------------------------------------------------------------------------------------- */

static bool is_id(const char *id)
{
    size_t size = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    return id[size] == '\0' && size <= SELECTION_ID_MAX;
}

static int check(const struct selection *selection, struct mr_error **error)
{
    const char *wrong = NULL;
    if (selection->header_value != NULL && selection->header == NULL)
        wrong = "\"header_value\" goes with \"header\"";
    else if (selection->from != -1 && selection->partition == -1)
        wrong = "\"from\" goes with \"partition\"";
    else if (selection->id != NULL && !is_id(selection->id))
        wrong = "\"id\" has at most 64 letters, digits, dots, dashes and underscores";
    else if (selection->to != NULL && !letter_topic_is_valid(selection->to, strlen(selection->to)))
        wrong = "\"to\" is no name of a topic";
    else if ((selection->edits_key || selection->edits_value) && selection->place_count != 1)
        wrong = "a key or a value is given for one letter: name it in \"letters\"";
    return wrong == NULL ? 0 : mr_error_set(error, MR_ERR_CONFIG, "%s", wrong);
}

static int read_object(struct selection *selection, json_t *json, struct mr_bytes body, struct mr_error **error)
{
    const char *name;
    json_t *value;
    if (!json_is_object(json))
        return mr_error_set(error, MR_ERR_CONFIG, "a selection is a JSON object");
    json_object_foreach(json, name, value)
        if (read_member(selection, name, value, body, error) != 0)
            return -1;
    return check(selection, error);
}

int selection_read(struct selection *selection, const char *text, size_t size, struct mr_error **error)
{
    json_error_t why;
    *selection = (struct selection){.since_ms = INT64_MIN,
                                    .until_ms = INT64_MAX,
                                    .partition = -1,
                                    .from = -1,
                                    .before = -1,
                                    .attempts = SELECTION_ATTEMPTS};
    if (text == NULL)
        return 0;
    json_t *json = json_loadb(text, size, PARSE_FLAGS, &why);
    if (json == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "no JSON: %.200s (line %d, column %d)", why.text, why.line, why.column);
    char *body = mem_strndup(text, size); /* with an end */
    int status = body == NULL ? no_memory(error) : read_object(selection, json, (struct mr_bytes){.data = body, .size = size}, error);
    mem_free(body);
    json_decref(json);
    if (status != 0)
        selection_release(selection);
    return status;
}

void selection_release(struct selection *selection)
{
    for (size_t i = 0; i < sizeof(MEMBERS) / sizeof(MEMBERS[0]); i++)
        if (MEMBERS[i].kind == TEXT)
            mem_free(*(char **)(void *)((char *)selection + MEMBERS[i].at));
    mem_free(selection->places);
    mem_free((void *)(uintptr_t)selection->key.data);
    mem_free((void *)(uintptr_t)selection->value.data);
    *selection = (struct selection){.all = false};
}

bool selection_is_explicit(const struct selection *selection)
{
    const char *const texts[] = {selection->group, selection->stage, selection->class_name,
                                 selection->exception, selection->topic, selection->header};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i] != NULL)
            return true;
    return selection->all || selection->place_count > 0 || selection->since_ms != INT64_MIN || selection->until_ms != INT64_MAX ||
           selection->partition != -1 || selection->before != -1;
}

/* Fitting ------------------------------------------------------------------------------------------------------ */

static bool fits_place(const struct selection *selection, const struct topic_tail_record *record)
{
    const struct selection_place place = {record->partition, record->offset};
    if ((selection->partition != -1 && selection->partition != record->partition) || record->offset < selection->from ||
        (selection->before != -1 && record->offset >= selection->before))
        return false;
    return selection->place_count == 0 ||
           bsearch(&place, selection->places, selection->place_count, sizeof(place), compare_places) != NULL;
}

static bool fits_header(const struct selection *selection, const struct topic_tail_record *record)
{
    for (size_t i = 0; i < record->header_count; i++) {
        struct mr_bytes value = record->headers[i].value;
        const char *wanted = selection->header_value;
        if (strcmp(record->headers[i].name, selection->header) == 0 &&
            (wanted == NULL ||
             (value.data != NULL && value.size == strlen(wanted) && memcmp(value.data, wanted, value.size) == 0)))
            return true;
    }
    return false;
}

static bool fits_field(const char *wanted, const struct letter_view *view, enum letter_field field)
{
    return wanted == NULL || letter_field_is(view, field, wanted);
}

bool selection_fits(const struct selection *selection, const struct letter_view *view)
{
    const struct topic_tail_record *record = view->record;
    return fits_place(selection, record) && record->timestamp_ms >= selection->since_ms && record->timestamp_ms < selection->until_ms &&
           (selection->group == NULL || strcmp(selection->group, view->group) == 0) &&
           fits_field(selection->stage, view, LETTER_STAGE) && fits_field(selection->class_name, view, LETTER_CLASS) &&
           fits_field(selection->exception, view, LETTER_EXCEPTION) && fits_field(selection->topic, view, LETTER_TOPIC) &&
           (selection->header == NULL || fits_header(selection, record));
}

/* They are sorted. */
static bool places_are_of_one(const struct selection *selection)
{
    size_t count = selection->place_count;
    return count > 0 && selection->places[0].partition == selection->places[count - 1].partition;
}

bool selection_is_of_one(const struct selection *selection, int32_t *partition, int64_t *from)
{
    *from = selection->from == -1 ? 0 : selection->from;
    if (places_are_of_one(selection)) {
        *partition = selection->places[0].partition;
        *from = *from < selection->places[0].offset ? selection->places[0].offset : *from;
        return true;
    }
    *partition = selection->partition == -1 ? 0 : (int32_t)selection->partition;
    return selection->partition != -1;
}

bool selection_is_past(const struct selection *selection, int32_t partition, int64_t offset)
{
    int32_t only;
    int64_t from;
    if (!selection_is_of_one(selection, &only, &from) || only != partition)
        return false;
    return (places_are_of_one(selection) && offset > selection->places[selection->place_count - 1].offset) ||
           (selection->before != -1 && offset >= selection->before);
}
