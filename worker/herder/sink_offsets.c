/*
 * Offsets of sinks as REST has them, and as a consumer group has them (KIP-875, rest section 13):
 * {"kafka_topic": "t", "kafka_partition": 0} and {"kafka_offset": 3}. Numbers may come as texts, as with Kafka Connect.
 */
#include <errno.h>
#include <inttypes.h>
#include <millrace/arena.h>
#include <millrace/error.h>
#include <millrace/json.h>
#include <millrace/value.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "executor/executor.h"
#include "herder/offsets_internal.h"

#include "base/bans.h"

#define TOPIC "kafka_topic"
#define PARTITION "kafka_partition"
#define OFFSET "kafka_offset"
#define SHOWN_MAX 200 /* bytes of a refused value */

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the offsets of a connector");
}

/* --- from a group ------------------------------------------------------------------------------------------------------ */

static int add(struct offset_list *list, const struct executor_group_offset *offset, struct mr_error **error)
{
    struct mr_arena *arena = offset_list_arena(list, error);
    struct mr_value *partition, *position;

    if (arena == NULL)
        return -1;
    partition = mr_map_create(arena, 2);
    position = mr_map_create(arena, 1);
    if (mr_map_put_text(arena, partition, TOPIC, mr_string(arena, offset->topic)) != 0 ||
        mr_map_put_text(arena, partition, PARTITION, mr_int32(arena, offset->partition)) != 0 ||
        mr_map_put_text(arena, position, OFFSET, mr_int64(arena, offset->offset)) != 0)
        return mr_arena_failed(arena, error);
    return offset_list_append(list, partition, offset->is_removed ? mr_null() : position, error);
}

static int take_offset(void *argument, const struct executor_group_offset *offset, struct mr_error **error)
{
    return add(argument, offset, error);
}

int sink_offsets_read(struct offset_list *list, const struct executor *executor, const struct executor_group *of,
                      struct mr_error **error)
{
    return executor_read_group_offsets(executor, of, take_offset, list, error);
}

/* --- from a user ------------------------------------------------------------------------------------------------------- */

/* As Java prints it where that is simple: a text as it is, else JSON. */
static int text_of(struct mr_arena *arena, const struct mr_value *value, struct mr_bytes *text, struct mr_error **error)
{
    if (mr_value_kind(value) == MR_KIND_STRING) {
        *text = mr_value_bytes(value);
        return 0;
    }
    return mr_json_write(arena, NULL, value, 0, text, error);
}

/* Decimal digits, maybe a sign, and nothing else. */
static bool parse_integer(struct mr_bytes text, int64_t min, int64_t max, int64_t *number)
{
    char digits[24], *end;
    long long parsed;
    bool has_sign = text.size > 0 && (*(const char *)text.data == '-' || *(const char *)text.data == '+');

    if (text.size == (size_t)has_sign || text.size >= sizeof(digits))
        return false;
    memcpy(digits, text.data, text.size);
    digits[text.size] = '\0';
    if (strspn(digits + has_sign, "0123456789") != text.size - has_sign)
        return false;
    errno = 0;
    parsed = strtoll(digits, &end, 10);
    *number = parsed;
    return errno == 0 && parsed >= min && parsed <= max;
}

static int read_integer(struct mr_arena *arena, const struct mr_value *value, const char *what, int64_t max,
                        int64_t *number, struct mr_error **error)
{
    struct mr_bytes text;
    int shown;

    if (text_of(arena, value, &text, error) != 0)
        return -1;
    if (parse_integer(text, -max - 1, max, number))
        return 0;
    shown = text.size > SHOWN_MAX ? SHOWN_MAX : (int)text.size;
    return mr_error_set(
        error, MR_ERR_CONFIG,
        "Failed to parse the following Kafka %s value in the provided offsets: '%.*s'. It needs to be an "
        "integer",
        what, shown, (const char *)text.data);
}

static int read_topic(struct mr_arena *arena, const struct mr_value *value, char **topic, struct mr_error **error)
{
    enum mr_kind kind = mr_value_kind(value);
    struct mr_bytes text;

    if (kind == MR_KIND_NULL || kind == MR_KIND_MAP || kind == MR_KIND_ARRAY)
        return mr_error_set(error, MR_ERR_CONFIG, "Kafka topic names must be valid strings and may not be null");
    if (text_of(arena, value, &text, error) != 0)
        return -1;
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "Kafka topic names must be valid strings without a NUL");
    *topic = mr_arena_printf(arena, "%.*s", (int)text.size, (const char *)text.data);
    return *topic != NULL ? 0 : mr_arena_failed(arena, error);
}

static int read_partition(struct mr_arena *arena, const struct mr_value *map, struct executor_group_offset *offset,
                          struct mr_error **error)
{
    const struct mr_value *topic, *partition;
    char *name;
    int64_t number;

    if (mr_value_is_null(map))
        return mr_error_set(error, MR_ERR_CONFIG,
                            "The partition for a sink connector offset cannot be null or missing");
    topic = mr_map_get(map, TOPIC);
    partition = mr_map_get(map, PARTITION);
    if (topic == NULL || partition == NULL)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "The partition for a sink connector offset must contain the keys '" TOPIC
                            "' and '" PARTITION "'");
    if (read_topic(arena, topic, &name, error) != 0)
        return -1;
    if (mr_value_is_null(partition))
        return mr_error_set(error, MR_ERR_CONFIG, "Kafka partitions must be valid numbers and may not be null");
    if (read_integer(arena, partition, "partition", INT32_MAX, &number, error) != 0)
        return -1;
    offset->topic = name;
    offset->partition = (int32_t)number;
    return 0;
}

static int read_offset(struct mr_arena *arena, const struct mr_value *map, struct executor_group_offset *offset,
                       struct mr_error **error)
{
    const struct mr_value *position;

    offset->is_removed = mr_value_is_null(map);
    if (offset->is_removed)
        return 0;
    position = mr_map_get(map, OFFSET);
    if (position == NULL)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "The offset for a sink connector should either be null or contain the key '" OFFSET "'");
    return read_integer(arena, position, "offset", INT64_MAX, &offset->offset, error);
}

static int read_entry(struct mr_arena *arena, const struct offset_entry *entry, struct executor_group_offset *offset,
                      struct mr_error **error)
{
    *offset = (struct executor_group_offset){.offset = 0};
    return read_partition(arena, entry->partition, offset, error) == 0
               ? read_offset(arena, entry->offset, offset, error)
               : -1;
}

struct parsed {
    struct executor_group_offset offset;
    size_t place; /* in what the user gave */
};

static int compare_partitions(const struct parsed *a, const struct parsed *b)
{
    int order = strcmp(a->offset.topic, b->offset.topic);

    return order != 0 ? order
                      : (a->offset.partition > b->offset.partition) - (a->offset.partition < b->offset.partition);
}

static int compare(const void *one, const void *other)
{
    const struct parsed *a = one, *b = other;
    int order = compare_partitions(a, b);

    return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

/* Partition 0 and "0" are one, and only here they are seen to be. */
static int replace(struct offset_list *list, struct parsed *parsed, struct mr_error **error)
{
    size_t count = list->count;
    int status = 0;

    qsort(parsed, count, sizeof(*parsed), compare);
    list->count = 0;
    for (size_t i = 0; status == 0 && i < count; i++)
        if (i + 1 == count || compare_partitions(&parsed[i], &parsed[i + 1]) != 0)
            status = add(list, &parsed[i].offset, error);
    return status;
}

int sink_offsets_normalise(struct offset_list *list, struct mr_error **error)
{
    struct parsed *parsed = mem_calloc(list->count + 1, sizeof(*parsed));
    int status = parsed == NULL ? no_memory(error) : 0;

    for (size_t i = 0; status == 0 && i < list->count; i++) {
        parsed[i].place = i;
        status = read_entry(list->arena, &list->entries[i], &parsed[i].offset, error);
    }
    if (status == 0)
        status = replace(list, parsed, error);
    mem_free(parsed);
    return status;
}

int sink_offsets_write(const struct offset_list *list, const struct executor *executor, const struct executor_group *of,
                       struct mr_error **error)
{
    struct executor_group_offset *offsets = mem_calloc(list->count + 1, sizeof(*offsets));
    int status = offsets == NULL ? no_memory(error) : 0;

    for (size_t i = 0; status == 0 && i < list->count; i++)
        status = read_entry(list->arena, &list->entries[i], &offsets[i], error);
    if (status == 0)
        status = executor_alter_group_offsets(executor, of, offsets, list->count, error);
    mem_free(offsets);
    return status;
}
