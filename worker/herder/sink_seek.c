/*
 * Positions by time, as our form of a change of a sink's offsets has them: {"timestamp": 1767225600000} or {"timestamp":
 * "2026-01-01T00:00:00Z"}, {"position": "earliest"}, {"position": "latest"}; of a partition, or of a topic with all of its partitions.
 * Where they are is for the brokers to say (executor_seek).
 */
#include <errno.h>
#include <millrace/arena.h>
#include <millrace/error.h>
#include <millrace/value.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "executor/executor.h"
#include "herder/offsets_internal.h"

#include "base/bans.h"

#define TIMESTAMP "timestamp"
#define POSITION "position"
#define TEXT_MAX 64
#define WHOSE_MAX 300 /* more than a topic's name may have; longer ones are cut */

bool sink_seek_is_meant(const struct offset_entry *entry)
{
    const struct mr_value *offset = entry->offset;

    return mr_value_kind(offset) == MR_KIND_MAP && mr_map_get(offset, "kafka_offset") == NULL &&
           (mr_map_get(offset, TIMESTAMP) != NULL || mr_map_get(offset, POSITION) != NULL);
}

/* ---- times ---- */

/* "Z", "+01:00" or "-0330": minutes before UTC's clock. */
static bool read_zone(const char *text, int64_t *east_min)
{
    unsigned hours, minutes;
    int used = 0;
    char sign = *text;

    *east_min = 0;
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return true;
    if ((sign != '+' && sign != '-') ||
        (sscanf(text + 1, "%2u:%2u%n", &hours, &minutes, &used) != 2 && sscanf(text + 1, "%2u%2u%n", &hours, &minutes, &used) != 2))
        return false;
    *east_min = (int64_t)(hours * 60 + minutes) * (sign == '-' ? -1 : 1);
    return text[1 + used] == '\0' && hours < 24 && minutes < 60;
}

/* ".5", ".123": milliseconds; what follows is left. */
static const char *read_fraction(const char *text, int64_t *ms)
{
    int64_t worth = 100;

    *ms = 0;
    if (*text != '.')
        return text;
    for (text++; *text >= '0' && *text <= '9'; text++, worth /= 10)
        *ms += (*text - '0') * worth;
    return text;
}

/* A day alone is its beginning in UTC; a time needs its zone, lest somebody else's be taken. */
static bool read_iso(const char *text, int64_t *time_ms)
{
    struct tm parts = {.tm_sec = 0}, day;
    const char *rest = strptime(text, "%Y-%m-%d", &parts);
    int64_t ms = 0, east_min = 0;
    time_t seconds;

    if (rest == NULL)
        return false;
    day = parts;
    if (*rest != '\0') {
        rest = *rest == 'T' || *rest == 't' || *rest == ' ' ? strptime(rest + 1, "%H:%M:%S", &parts) : NULL;
        if (rest == NULL || !read_zone(read_fraction(rest, &ms), &east_min))
            return false;
    }
    seconds = timegm(&parts);
    *time_ms = ((int64_t)seconds - east_min * 60) * 1000 + ms;
    return parts.tm_mday == day.tm_mday && *time_ms >= 0; /* there is no 31 February */
}

static bool read_digits(const char *text, int64_t *time_ms)
{
    char *end;

    errno = 0;
    *time_ms = strtoll(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
}

static bool text_of(const struct mr_value *value, char text[TEXT_MAX])
{
    struct mr_bytes bytes;

    if (mr_value_kind(value) != MR_KIND_STRING)
        return false;
    bytes = mr_value_bytes(value);
    if (bytes.size >= TEXT_MAX || (bytes.size > 0 && memchr(bytes.data, '\0', bytes.size) != NULL))
        return false;
    memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    return true;
}

/* `whose`: the topic or partition, for words. */
static int read_timestamp(const struct mr_value *value, const char *whose, int64_t *time_ms, struct mr_error **error)
{
    char text[TEXT_MAX] = "";

    if (mr_value_kind(value) == MR_KIND_INT64 && mr_value_integer(value) >= 0) {
        *time_ms = mr_value_integer(value);
        return 0;
    }
    if (text_of(value, text) && (read_digits(text, time_ms) || read_iso(text, time_ms)))
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG,
                        "The '" TIMESTAMP "'%s%s of %s is no time: give milliseconds since 1970, or ISO 8601 with its zone like "
                        "2026-01-31T12:00:00Z",
                        text[0] == '\0' ? "" : " ", text, whose);
}

static int read_time(const struct mr_value *offset, const char *whose, int64_t *time_ms, struct mr_error **error)
{
    const struct mr_value *timestamp = mr_map_get(offset, TIMESTAMP), *position = mr_map_get(offset, POSITION);
    char text[TEXT_MAX] = "";

    if (timestamp != NULL && position != NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "The offset of %s is found by '" TIMESTAMP "' or by '" POSITION "', not by both", whose);
    if (timestamp != NULL)
        return read_timestamp(timestamp, whose, time_ms, error);
    if (text_of(position, text) && strcmp(text, "earliest") == 0)
        *time_ms = EXECUTOR_EARLIEST;
    else if (text_of(position, text) && strcmp(text, "latest") == 0)
        *time_ms = EXECUTOR_LATEST;
    else
        return mr_error_set(error, MR_ERR_CONFIG, "The '" POSITION "' of %s is to be 'earliest' or 'latest'", whose);
    return 0;
}

/* ---- the whole ---- */

int sink_seek_read(struct mr_arena *arena, const struct offset_entry *entry, struct executor_seek *seek, struct mr_error **error)
{
    struct executor_group_offset at = {.offset = 0};
    char whose[WHOSE_MAX];
    bool is_topic;

    if (sink_partition_read(arena, entry->partition, true, &is_topic, &at, error) != 0)
        return -1;
    if (!is_topic && at.partition < 0)
        return mr_error_set(error, MR_ERR_CONFIG, "There is no partition %s-%d; leave kafka_partition out for all of the topic", at.topic,
                            (int)at.partition);
    *seek = (struct executor_seek){.topic = at.topic, .partition = is_topic ? EXECUTOR_ALL_PARTITIONS : at.partition};
    if (is_topic)
        snprintf(whose, sizeof(whose), "topic %s", at.topic);
    else
        snprintf(whose, sizeof(whose), "%s-%d", at.topic, (int)at.partition);
    return read_time(entry->offset, whose, &seek->time_ms, error);
}
