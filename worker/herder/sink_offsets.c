/*
 * Offsets of sinks as REST has them, and as a consumer group has them (KIP-875):
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

static int read_number_of_partition(struct mr_arena *arena, const struct mr_value *partition,
                                    struct executor_group_offset *offset, struct mr_error **error)
{
    int64_t number;

    if (mr_value_is_null(partition))
        return mr_error_set(error, MR_ERR_CONFIG, "Kafka partitions must be valid numbers and may not be null");
    if (read_integer(arena, partition, "partition", INT32_MAX, &number, error) != 0)
        return -1;
    offset->partition = (int32_t)number;
    return 0;
}

int sink_partition_read(struct mr_arena *arena, const struct mr_value *map, bool may_be_topic, bool *is_topic,
                        struct executor_group_offset *offset, struct mr_error **error)
{
    const struct mr_value *topic, *partition;
    char *name;

    if (mr_value_is_null(map))
        return mr_error_set(error, MR_ERR_CONFIG,
                            "The partition for a sink connector offset cannot be null or missing");
    topic = mr_map_get(map, TOPIC);
    partition = mr_map_get(map, PARTITION);
    *is_topic = may_be_topic && partition == NULL;
    if (topic == NULL || (partition == NULL && !*is_topic))
        return mr_error_set(error, MR_ERR_CONFIG,
                            "The partition for a sink connector offset must contain the keys '" TOPIC
                            "' and '" PARTITION "'");
    if (read_topic(arena, topic, &name, error) != 0)
        return -1;
    offset->topic = name;
    return *is_topic ? 0 : read_number_of_partition(arena, partition, offset, error);
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

int sink_offset_read(struct mr_arena *arena, const struct offset_entry *entry, struct executor_group_offset *offset, struct mr_error **error)
{
    bool is_topic;

    *offset = (struct executor_group_offset){.offset = 0};
    return sink_partition_read(arena, entry->partition, false, &is_topic, offset, error) == 0
               ? read_offset(arena, entry->offset, offset, error)
               : -1;
}

/* --- in one shape ------------------------------------------------------------------------------------------------------ */

struct parsed {
    struct executor_group_offset offset;
    bool is_named; /* the partition itself, not its topic */
    size_t place;  /* in what the user gave */
};

struct wish {
    struct executor_seek seek;
    size_t place;
};

struct parsing {
    struct offset_list *list;
    struct parsed *parsed; /* those that are known */
    size_t count, capacity;
    struct wish *wishes;         /* those that the brokers know */
    struct executor_seek *seeks; /* the same, for the question */
    size_t wish_count;
};

static void parsing_release(struct parsing *parsing)
{
    mem_free(parsing->parsed);
    mem_free(parsing->wishes);
    mem_free(parsing->seeks);
}

static int append(struct parsing *parsing, const struct parsed *parsed, struct mr_error **error)
{
    if (parsing->count == parsing->capacity) {
        size_t capacity = parsing->capacity * 2 + 16;
        struct parsed *grown = mem_realloc(parsing->parsed, capacity * sizeof(*grown));

        if (grown == NULL)
            return no_memory(error);
        parsing->parsed = grown;
        parsing->capacity = capacity;
    }
    parsing->parsed[parsing->count++] = *parsed;
    return 0;
}

static int compare_partitions(const char *topic, int32_t partition, const char *other_topic, int32_t other_partition)
{
    int order = strcmp(topic, other_topic);

    return order != 0 ? order : (partition > other_partition) - (partition < other_partition);
}

static int compare_offsets(const struct executor_group_offset *a, const struct executor_group_offset *b)
{
    return compare_partitions(a->topic, a->partition, b->topic, b->partition);
}

static int compare(const void *one, const void *other)
{
    const struct parsed *a = one, *b = other;
    int order = compare_offsets(&a->offset, &b->offset);

    if (order == 0)
        order = a->is_named - b->is_named;
    return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

static int read_all(struct parsing *parsing, struct mr_error **error)
{
    struct offset_list *list = parsing->list;

    for (size_t i = 0; i < list->count; i++) {
        struct parsed parsed = {.is_named = true, .place = i};

        if (sink_seek_is_meant(&list->entries[i])) {
            if (sink_seek_read(list->arena, &list->entries[i], &parsing->wishes[parsing->wish_count].seek, error) != 0)
                return -1;
            parsing->wishes[parsing->wish_count++].place = i;
        } else if (sink_offset_read(list->arena, &list->entries[i], &parsed.offset, error) != 0 ||
                   append(parsing, &parsed, error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int compare_seeks(const struct wish *a, const struct wish *b)
{
    return compare_partitions(a->seek.topic, a->seek.partition, b->seek.topic, b->seek.partition);
}

static int compare_wishes(const void *one, const void *other)
{
    const struct wish *a = one, *b = other;
    int order = compare_seeks(a, b);

    return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

/* The last of each. */
static void settle_wishes(struct parsing *parsing)
{
    size_t kept = 0;

    qsort(parsing->wishes, parsing->wish_count, sizeof(*parsing->wishes), compare_wishes);
    for (size_t i = 0; i < parsing->wish_count; i++)
        if (i + 1 == parsing->wish_count || compare_seeks(&parsing->wishes[i], &parsing->wishes[i + 1]) != 0) {
            parsing->wishes[kept] = parsing->wishes[i];
            parsing->seeks[kept++] = parsing->wishes[i].seek;
        }
    parsing->wish_count = kept;
}

static int take_position(void *argument, size_t seek, const struct executor_group_offset *offset, struct mr_error **error)
{
    struct parsing *parsing = argument;
    struct parsed parsed = {.offset = *offset,
                            .is_named = parsing->seeks[seek].partition != EXECUTOR_ALL_PARTITIONS,
                            .place = parsing->wishes[seek].place};

    parsed.offset.topic = parsing->seeks[seek].topic; /* that one lives on */
    return append(parsing, &parsed, error);
}

/* Partition 0 and "0" are one, and only here they are seen to be. */
static int replace(struct parsing *parsing, struct mr_error **error)
{
    const struct parsed *parsed = parsing->parsed;
    int status = 0;

    if (parsing->count > 0)
        qsort(parsing->parsed, parsing->count, sizeof(*parsed), compare);
    parsing->list->count = 0;
    for (size_t i = 0; status == 0 && i < parsing->count; i++)
        if (i + 1 == parsing->count || compare_offsets(&parsed[i].offset, &parsed[i + 1].offset) != 0)
            status = add(parsing->list, &parsed[i].offset, error);
    return status;
}

int sink_offsets_normalise(struct offset_list *list, const struct executor *executor, const struct executor_group *of,
                           struct mr_error **error)
{
    struct parsing parsing = {.list = list,
                              .wishes = mem_calloc(list->count + 1, sizeof(*parsing.wishes)),
                              .seeks = mem_calloc(list->count + 1, sizeof(*parsing.seeks))};
    int status = parsing.wishes == NULL || parsing.seeks == NULL ? no_memory(error) : read_all(&parsing, error);

    if (status == 0 && parsing.wish_count > 0) {
        settle_wishes(&parsing);
        status = executor_seek(executor, of, parsing.seeks, parsing.wish_count, take_position, &parsing, error);
    }
    if (status == 0)
        status = replace(&parsing, error);
    parsing_release(&parsing);
    return status;
}

int sink_offsets_match(struct offset_list *former, const struct offset_list *changes, const struct offset_list *current,
                       struct mr_error **error)
{
    struct mr_arena *arena = offset_list_arena(former, error);
    struct executor_group_offset wanted, found;
    size_t k = 0;

    for (size_t i = 0; i < changes->count; i++) {
        int order = 1;

        if (arena == NULL || sink_offset_read(arena, &changes->entries[i], &wanted, error) != 0)
            return -1;
        for (; k < current->count; k++) {
            if (sink_offset_read(arena, &current->entries[k], &found, error) != 0)
                return -1;
            order = compare_offsets(&found, &wanted);
            if (order >= 0)
                break;
        }
        if (offset_list_add(former, changes->entries[i].partition, order == 0 ? current->entries[k].offset : mr_null(), error) != 0)
            return -1;
    }
    return 0;
}

int sink_offsets_write(const struct offset_list *list, const struct executor *executor, const struct executor_group *of,
                       struct mr_error **error)
{
    struct executor_group_offset *offsets = mem_calloc(list->count + 1, sizeof(*offsets));
    int status = offsets == NULL ? no_memory(error) : 0;

    for (size_t i = 0; status == 0 && i < list->count; i++)
        status = sink_offset_read(list->arena, &list->entries[i], &offsets[i], error);
    if (status == 0)
        status = executor_alter_group_offsets(executor, of, offsets, list->count, error);
    mem_free(offsets);
    return status;
}
