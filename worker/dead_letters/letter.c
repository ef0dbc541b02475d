#include "dead_letters/letter.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "kafka/topic_tail.h"

#include "base/bans.h"

#define MARK_MAX 4096
#define NUMBER_MAX 24

static const char *const NAMES[LETTER_FIELDS] = {
    [LETTER_TOPIC] = "topic",
    [LETTER_PARTITION] = "partition",
    [LETTER_OFFSET] = "offset",
    [LETTER_CONNECTOR] = "connector.name",
    [LETTER_TASK] = "task.id",
    [LETTER_STAGE] = "stage",
    [LETTER_CLASS] = "class.name",
    [LETTER_EXCEPTION] = "exception.class.name",
    [LETTER_MESSAGE] = "exception.message",
    [LETTER_TRACE] = "exception.stacktrace",
};

#define PREFIX_SIZE (sizeof(LETTER_CONTEXT_PREFIX) - 1)

static bool has_prefix(const struct topic_tail_header *header)
{
    return strncmp(header->name, LETTER_CONTEXT_PREFIX, PREFIX_SIZE) == 0;
}

static size_t find_context(const struct topic_tail_record *record)
{
    size_t first = record->header_count;
    for (size_t i = record->header_count; i-- > 0;) {
        if (!has_prefix(&record->headers[i]))
            continue;
        first = i;
        if (strcmp(record->headers[i].name + PREFIX_SIZE, NAMES[LETTER_TOPIC]) == 0)
            break;
    }
    return first;
}

static void read_fields(struct letter_view *view)
{
    for (size_t i = view->context_from; i < view->record->header_count; i++) {
        const struct topic_tail_header *header = &view->record->headers[i];
        for (size_t f = 0; has_prefix(header) && f < LETTER_FIELDS; f++)
            if (strcmp(header->name + PREFIX_SIZE, NAMES[f]) == 0)
                view->fields[f] = header->value;
    }
}

bool letter_topic_is_valid(const char *name, size_t size)
{
    if (size == 0 || size >= LETTER_TOPIC_MAX || (name[0] == '.' && (size == 1 || (size == 2 && name[1] == '.'))))
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

/* Decimal digits alone; -1: it is none, or too large. */
static int64_t number_of(struct mr_bytes text, int64_t most)
{
    int64_t number = 0;
    const char *digits = text.data;
    if (digits == NULL || text.size == 0 || text.size > NUMBER_MAX)
        return -1;
    for (size_t i = 0; i < text.size; i++) {
        if (digits[i] < '0' || digits[i] > '9' || number > (most - (digits[i] - '0')) / 10)
            return -1;
        number = number * 10 + (digits[i] - '0');
    }
    return number;
}

static void read_origin(struct letter_view *view)
{
    struct mr_bytes topic = view->fields[LETTER_TOPIC];
    view->topic[0] = '\0';
    if (topic.data != NULL && letter_topic_is_valid(topic.data, topic.size)) {
        memcpy(view->topic, topic.data, topic.size);
        view->topic[topic.size] = '\0';
    }
    view->partition = (int32_t)number_of(view->fields[LETTER_PARTITION], INT32_MAX);
    view->offset = number_of(view->fields[LETTER_OFFSET], INT64_MAX);
}

static void read_mark_of(struct letter_view *view, struct mr_bytes mark)
{
    json_t *json = mark.data == NULL || mark.size > MARK_MAX ? NULL : json_loadb(mark.data, mark.size, 0, NULL);
    const json_t *attempt = json_object_get(json, "attempt");
    const char *id = json_string_value(json_object_get(json, "id"));
    json_int_t number = json_is_integer(attempt) ? json_integer_value(attempt) : -1;
    view->attempts = number >= 1 && number < INT32_MAX ? (int32_t)number : LETTER_ATTEMPTS_UNKNOWN;
    snprintf(view->replay, sizeof(view->replay), "%s", id == NULL ? "" : id);
    json_decref(json);
}

static void read_mark(struct letter_view *view)
{
    for (size_t i = 0; i < view->record->header_count; i++)
        if (strcmp(view->record->headers[i].name, LETTER_MARK_HEADER) == 0)
            read_mark_of(view, view->record->headers[i].value);
}

static uint64_t hash_sized(uint64_t hash, struct mr_bytes bytes)
{
    int64_t size = bytes.data == NULL ? -1 : (int64_t)bytes.size;
    hash = letter_hash(hash, &size, sizeof(size));
    return bytes.data == NULL ? hash : letter_hash(hash, bytes.data, bytes.size);
}

static uint64_t print_of(const struct topic_tail_record *record)
{
    uint64_t hash = letter_hash(LETTER_HASH_BEGIN, &record->timestamp_ms, sizeof(record->timestamp_ms));
    return hash_sized(hash_sized(hash, record->key), record->value);
}

void letter_view_read(struct letter_view *view, const struct topic_tail_record *record)
{
    *view = (struct letter_view){.record = record, .context_from = find_context(record), .print = print_of(record)};
    read_fields(view);
    read_origin(view);
    read_mark(view);
    cause_id(view, view->group);
}

bool letter_view_is_added(const struct letter_view *view, size_t header)
{
    const struct topic_tail_header *at = &view->record->headers[header];
    return (header >= view->context_from && has_prefix(at)) || strcmp(at->name, LETTER_MARK_HEADER) == 0;
}

const char *letter_view_more_name(const struct letter_view *view, size_t header)
{
    const struct topic_tail_header *at = &view->record->headers[header];
    if (header < view->context_from || !has_prefix(at))
        return NULL;
    for (size_t f = 0; f < LETTER_FIELDS; f++)
        if (strcmp(at->name + PREFIX_SIZE, NAMES[f]) == 0)
            return NULL;
    return at->name + PREFIX_SIZE;
}

bool letter_field_is(const struct letter_view *view, enum letter_field field, const char *text)
{
    struct mr_bytes value = view->fields[field];
    return value.data != NULL && strlen(text) == value.size && memcmp(value.data, text, value.size) == 0;
}
