#include "store/status_records_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include <millrace/arena.h>

#include "base/log.h"
#include "base/str_buffer.h"
#include "base/utf8.h"
#include "base/bans.h"

const char *unit_state_name(enum unit_state state)
{
    static const char *const names[] = {
        [UNIT_UNASSIGNED] = "UNASSIGNED", [UNIT_RUNNING] = "RUNNING", [UNIT_PAUSED] = "PAUSED",
        [UNIT_STOPPED] = "STOPPED",       [UNIT_FAILED] = "FAILED",   [UNIT_RESTARTING] = "RESTARTING",
        [UNIT_DESTROYED] = "DESTROYED"};
    assert(state <= UNIT_DESTROYED);
    return names[state];
}

/* ---- writing ---- */

void status_key_connector(struct str_buffer *out, const char *connector)
{
    str_buffer_append_text(out, STATUS_KEY_CONNECTOR);
    str_buffer_append_text(out, connector);
}

void status_key_task(struct str_buffer *out, const char *connector, uint32_t task)
{
    str_buffer_append_text(out, STATUS_KEY_TASK);
    str_buffer_append_text(out, connector);
    str_buffer_printf(out, "-%" PRIu32, task);
}

void status_key_topic(struct str_buffer *out, const char *connector, const char *topic)
{
    str_buffer_append_text(out, STATUS_KEY_TOPIC);
    str_buffer_append_text(out, topic);
    str_buffer_append_text(out, STATUS_KEY_TOPIC_OF);
    str_buffer_append_text(out, connector);
}

static void put_trace(struct str_buffer *out, const char *trace)
{
    size_t length = trace != NULL ? strlen(trace) : 0;
    if (length > STATUS_TRACE_MAX)
        length = utf8_cut(trace, length, STATUS_TRACE_MAX);
    if (trace == NULL)
        str_buffer_append_text(out, "null");
    else
        record_text_string_n(out, trace, length);
}

void status_value(struct str_buffer *out, const struct unit_status *status)
{
    assert(status->state != UNIT_DESTROYED);
    str_buffer_printf(out, "{\"state\":\"%s\",\"trace\":", unit_state_name(status->state));
    put_trace(out, status->trace);
    str_buffer_append_text(out, ",\"worker_id\":");
    record_text_string(out, status->worker_id);
    str_buffer_printf(out, ",\"generation\":%" PRId32 ",\"version\":", status->generation);
    record_text_string_or_null(out, status->version);
    str_buffer_append_char(out, '}');
}

void status_value_topic(struct str_buffer *out, const char *connector, const struct topic_status *topic)
{
    str_buffer_append_text(out, "{\"topic\":{\"name\":");
    record_text_string(out, topic->topic);
    str_buffer_append_text(out, ",\"connector\":");
    record_text_string(out, connector);
    str_buffer_printf(out, ",\"task\":%" PRIu32 ",\"discoverTimestamp\":%" PRId64 "}}", topic->task,
                      topic->discovered_ms);
}

/* ---- reading ---- */

static enum record_read malformed(struct mr_bytes key, const char *why)
{
    char shown[RECORD_KEY_SHOWN_MAX];
    log_warn("store.status", "status topic: record %s is ignored: %s", record_key_shown(key, shown), why);
    return RECORD_MALFORMED;
}

/* Topic: up to the first colon (topics hold none). Connector: all behind ":connector-", whatever it holds. */
static bool split_topic(struct mr_arena *arena, const char *rest, struct status_record *record)
{
    const char *colon = strchr(rest, ':');
    size_t separator = strlen(STATUS_KEY_TOPIC_OF);
    if (colon == NULL || colon == rest || strncmp(colon, STATUS_KEY_TOPIC_OF, separator) != 0 ||
        colon[separator] == '\0')
        return false;
    record->topic = mr_arena_printf(arena, "%.*s", (int)(colon - rest), rest);
    record->connector = colon + separator;
    return record->topic != NULL;
}

static bool read_key(struct mr_arena *arena, struct mr_bytes key, struct status_record *record)
{
    const char *rest;
    if (record_key_has(key, STATUS_KEY_CONNECTOR)) {
        record->subject = STATUS_OF_CONNECTOR;
        record->connector = record_key_rest(arena, key, STATUS_KEY_CONNECTOR);
        return record->connector != NULL;
    }
    if (record_key_has(key, STATUS_KEY_TASK)) {
        record->subject = STATUS_OF_TASK;
        rest = record_key_rest(arena, key, STATUS_KEY_TASK);
        char *name = rest != NULL ? mr_arena_text(arena, rest) : NULL;
        record->connector = name;
        return name != NULL && record_key_split_number(name, &record->task);
    }
    if (record_key_has(key, STATUS_KEY_TOPIC)) {
        record->subject = STATUS_OF_TOPIC;
        rest = record_key_rest(arena, key, STATUS_KEY_TOPIC);
        return rest != NULL && split_topic(arena, rest, record);
    }
    return false;
}

static bool read_state(const char *text, enum unit_state *state)
{
    for (enum unit_state each = UNIT_UNASSIGNED; text != NULL && each < UNIT_DESTROYED; each++) {
        if (strcmp(text, unit_state_name(each)) == 0) {
            *state = each;
            return true;
        }
    }
    return false;
}

/* Absent and null are the same; false: something else than a text. */
static bool read_optional(struct mr_arena *arena, const struct mr_value *map, const char *member, const char **text)
{
    const struct mr_value *value = mr_map_get(map, member);
    *text = NULL;
    if (value == NULL || mr_value_is_null(value))
        return true;
    *text = record_text_of(arena, value);
    return *text != NULL;
}

static bool read_unit(struct mr_arena *arena, const struct mr_value *map, struct unit_status *status)
{
    int64_t generation;
    if (!read_state(record_text_of(arena, mr_map_get(map, "state")), &status->state) ||
        !read_optional(arena, map, "trace", &status->trace) ||
        !read_optional(arena, map, "version", &status->version) ||
        !record_integer_of(mr_map_get(map, "generation"), &generation))
        return false;
    status->worker_id = record_text_of(arena, mr_map_get(map, "worker_id"));
    status->generation = (int32_t)(uint32_t)generation;
    return status->worker_id != NULL;
}

static bool read_topic(const struct mr_value *map, struct status_record *record)
{
    const struct mr_value *inner = mr_map_get(map, "topic");
    int64_t task;
    if (inner == NULL || mr_value_kind(inner) != MR_KIND_MAP ||
        !record_integer_of(mr_map_get(inner, "task"), &task) || task < 0 || task > INT32_MAX)
        return false;
    record->task = (uint32_t)task;
    return record_integer_of(mr_map_get(inner, "discoverTimestamp"), &record->discovered_ms);
}

enum record_read status_record_read(struct mr_arena *arena, struct mr_bytes key, struct mr_bytes value,
                                    struct status_record *record)
{
    const struct mr_value *map;
    *record = (struct status_record){0};
    enum record_read read = record_text_read(arena, value, &map);
    if (read == RECORD_NO_MEMORY)
        return read;
    if (!read_key(arena, key, record))
        return malformed(key, "unknown key");
    record->is_tombstone = value.data == NULL;
    if (record->is_tombstone)
        return RECORD_READ;
    if (read == RECORD_MALFORMED || mr_value_kind(map) != MR_KIND_MAP)
        return malformed(key, "its value is not a JSON object");
    bool good = record->subject == STATUS_OF_TOPIC ? read_topic(map, record) : read_unit(arena, map, &record->status);
    return good ? RECORD_READ : malformed(key, "a member is missing or of the wrong kind");
}
