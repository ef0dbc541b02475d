#include "snapshot/snapshot_topic.h"

#include <inttypes.h>
#include <millrace/error.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "kafka/topic_tail.h"

#include "base/bans.h"

#define KEY_BYTES_MAX (1u << 20)

struct gathering {
    const struct snapshot_topic *topic;
    json_t *into;
};

static bool is_text(const struct mr_bytes *bytes)
{
    return utf8_valid(bytes->data, bytes->size) && memchr(bytes->data, '\0', bytes->size) == NULL;
}

static int put(json_t *into, const char *key, const struct mr_bytes *value, struct mr_error **error)
{
    json_object_del(into, key); /* what is written again comes last */
    if (value->data == NULL || json_object_set_new(into, key, json_stringn(value->data, value->size)) == 0)
        return 0;
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the records of a topic");
}

static int gather(void *argument, const struct topic_tail_record *record, struct mr_error **error)
{
    struct gathering *gathering = argument;
    if (record->key.data == NULL || record->key.size == 0)
        return 0; /* nobody reads it */
    if (record->key.size > KEY_BYTES_MAX || !is_text(&record->key) || (record->value.data != NULL && !is_text(&record->value)))
        return mr_error_set(error, MR_ERR_DATA, "topic %s: the record at offset %" PRId64 " of partition %" PRId32 " is not text",
                            gathering->topic->name, record->offset, record->partition);
    char *key = mem_alloc(record->key.size + 1);
    if (key == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the records of a topic");
    memcpy(key, record->key.data, record->key.size);
    key[record->key.size] = '\0';
    int status = 0;
    if (gathering->topic->wants == NULL || gathering->topic->wants(key))
        status = put(gathering->into, key, &record->value, error);
    mem_free(key);
    return status;
}

int snapshot_topic_read(const struct snapshot_topic *topic, json_t *into, struct mr_error **error)
{
    struct gathering gathering = {.topic = topic, .into = into};
    struct topic_tail *tail = topic_tail_read(&(struct topic_tail_setup){.config = topic->config,
                                                                         .graveyard = topic->graveyard,
                                                                         .topic = topic->name,
                                                                         .last = SIZE_MAX,
                                                                         .bytes_max = SIZE_MAX,
                                                                         .deadline_ms = topic->deadline_ms,
                                                                         .each = gather,
                                                                         .argument = &gathering},
                                              error);
    topic_tail_destroy(tail);
    return tail == NULL ? -1 : 0;
}
