/*
 * Records of the three internal topics, as anybody may have written them. Whatever comes, nothing is taken that is not
 * whole: a snapshot answers for all it names, a view is sorted, an offset key that was accepted is found again by its
 * meaning.
 *
 * Input: lines KEY TAB VALUE, or KEY alone for a tombstone; the first byte of a line says which topic it is from: c, s,
 * o.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/arena.h>
#include <millrace/value.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "base/utf8.h"
#include "store/config_listener.h"
#include "store/config_replay_internal.h"
#include "store/config_snapshot.h"
#include "store/offset_codec_internal.h"
#include "store/offset_index_internal.h"
#include "store/status_table_internal.h"

/* A failed check must stop the fuzzer in every build type. */
static void must(int fact)
{
    if (!fact)
        abort();
}

struct stores {
    struct config_replay *configs;
    struct status_table *statuses;
    struct offset_index *offsets;
    struct mr_arena *arena;
    int64_t offset;
};

/* ---- what must hold ---- */

static void check_connector(const struct config_snapshot *snapshot, const char *name)
{
    uint32_t count = config_snapshot_task_count(snapshot, name);
    must(config_snapshot_has(snapshot, name) && config_snapshot_config(snapshot, name) != NULL);
    must(utf8_valid(name, strlen(name)) && name[0] != '\0');
    must(!config_snapshot_is_inconsistent(snapshot, name) || count == 0);
    must(count == 0 || config_snapshot_applied(snapshot, name) != NULL);
    for (uint32_t i = 0; i < count; i++)
        must(config_snapshot_task(snapshot, name, i) != NULL);
    must(config_snapshot_task(snapshot, name, count) == NULL);
}

static void check_configs(struct config_replay *replay)
{
    struct config_snapshot *snapshot = config_replay_snapshot(replay);
    must(snapshot != NULL);
    const char *before = NULL;
    for (size_t i = 0; i < config_snapshot_connector_count(snapshot); i++) {
        const char *name = config_snapshot_connector_at(snapshot, i);
        must(before == NULL || strcmp(before, name) < 0);
        check_connector(snapshot, name);
        before = name;
    }
    config_snapshot_drop(snapshot);
    config_replay_tell(replay, NULL, NULL);
}

static void check_statuses(const struct status_table *table)
{
    size_t count, topic_count;
    char **names = status_table_connectors(table, &count);
    must(names != NULL);
    for (size_t i = 0; i < count; i++) {
        struct status_view *view = status_table_view(table, names[i]);
        struct topic_status *topics = status_table_topics(table, names[i], &topic_count);
        must(view->connector != NULL || view->task_count > 0);
        for (size_t task = 1; task < view->task_count; task++)
            must(view->tasks[task - 1].task < view->tasks[task].task);
        for (size_t topic = 1; topic < topic_count; topic++)
            must(strcmp(topics[topic - 1].topic, topics[topic].topic) < 0);
        status_view_destroy(view);
        status_topics_destroy(topics);
    }
    mem_free(names);
}

static int find_again(void *argument, const struct store_record *record)
{
    struct stores *stores = argument;
    const char *connector;
    const struct mr_value *partition;
    struct str_buffer meaning;
    mr_arena_clear(stores->arena);
    must(offset_key_read(stores->arena, record->key, &connector, &partition) == RECORD_READ);
    str_buffer_init(&meaning, RECORD_TEXT_MAX);
    offset_meaning_write(&meaning, stores->arena, connector, partition);
    must(offset_index_find(stores->offsets, (struct mr_bytes){meaning.data, meaning.length}) != NULL);
    /* What we would write for it means the same. */
    struct mr_bytes key;
    if (offset_check(partition, "partition", connector, NULL) == 0) {
        must(offset_key_write(stores->arena, connector, partition, &key, NULL) == 0);
        const char *again;
        must(offset_key_read(stores->arena, key, &again, &partition) == RECORD_READ && strcmp(again, connector) == 0);
        struct str_buffer same;
        str_buffer_init(&same, RECORD_TEXT_MAX);
        offset_meaning_write(&same, stores->arena, again, partition);
        must(same.length == meaning.length && memcmp(same.data, meaning.data, same.length) == 0);
        str_buffer_release(&same);
    }
    str_buffer_release(&meaning);
    return 0;
}

/* ---- feeding ---- */

static void feed(struct stores *stores, char topic, struct mr_bytes key, struct mr_bytes value)
{
    switch (topic) {
    case 'c':
        must(config_replay_apply(stores->configs, stores->offset++, key, value));
        break;
    case 's':
        must(status_table_apply(stores->statuses, key, value));
        break;
    case 'o':
        must(offset_index_apply(stores->offsets, key, value, -1));
        break;
    default:
        break;
    }
}

static void feed_line(struct stores *stores, const char *line, size_t length)
{
    const char *tab = memchr(line, '\t', length);
    size_t key_length = (tab != NULL ? (size_t)(tab - line) : length) - 1;
    struct mr_bytes key = {line + 1, key_length}, value = {0};
    if (tab != NULL)
        value = (struct mr_bytes){tab + 1, length - key_length - 2};
    feed(stores, line[0], key, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    log_level_set("root", LOG_LEVEL_OFF, -1, NULL);
    struct stores stores = {config_replay_create(), status_table_create(), offset_index_create(),
                            mr_arena_create(1u << 30), 0};
    const char *at = (const char *)bytes, *end = at + length;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t line = (size_t)((line_end != NULL ? line_end : end) - at);
        if (line > 0 && at[0] != '\t')
            feed_line(&stores, at, line);
        if (line > 0 && at[0] == '!')   /* history ends here */
            config_replay_begin_telling(stores.configs);
        at += line + 1;
    }
    check_configs(stores.configs);
    check_statuses(stores.statuses);
    offset_index_each(stores.offsets, find_again, &stores);
    config_replay_destroy(stores.configs);
    status_table_destroy(stores.statuses);
    offset_index_destroy(stores.offsets);
    mr_arena_destroy(stores.arena);
    return 0;
}
