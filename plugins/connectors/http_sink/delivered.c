#include "delivered.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 256u

static uint16_t topic_of(const struct delivered *delivered, const char *topic)
{
    for (size_t i = 0; i < delivered->topic_count; i++)
        if (strcmp(delivered->topics[i], topic) == 0)
            return (uint16_t)(i + 1);
    return 0;
}

static uint16_t add_topic(struct delivered *delivered, const char *topic)
{
    uint16_t known = topic_of(delivered, topic);
    char *copy;

    if (known != 0 || delivered->topic_count == DELIVERED_TOPICS_MAX || (copy = strdup(topic)) == NULL)
        return known;
    delivered->topics[delivered->topic_count++] = copy;
    return (uint16_t)delivered->topic_count;
}

static bool is_same(const struct delivered_entry *a, const struct delivered_entry *b)
{
    return a->offset == b->offset && a->partition == b->partition && a->topic == b->topic && a->number == b->number;
}

/* Where it is, or would be. */
static struct delivered_entry *find(const struct delivered *delivered, const struct delivered_entry *wanted)
{
    uint64_t hash = (uint64_t)wanted->offset * 0x9e3779b97f4a7c15u;
    size_t at;

    hash ^= ((uint64_t)(uint32_t)wanted->partition << 32 | (uint32_t)wanted->topic << 16 | wanted->number) *
            0xc2b2ae3d27d4eb4fu;
    at = (hash ^ hash >> 32) & (delivered->capacity - 1);
    while (delivered->entries[at].topic != 0 && !is_same(&delivered->entries[at], wanted))
        at = (at + 1) & (delivered->capacity - 1);
    return &delivered->entries[at];
}

static struct delivered_entry entry_of(const struct delivered_place *place, uint16_t topic)
{
    return (struct delivered_entry){
        .offset = place->offset, .partition = place->partition, .topic = topic, .number = place->number};
}

bool delivered_has(const struct delivered *delivered, const struct delivered_place *place)
{
    struct delivered_entry wanted;

    if (delivered->count == 0)
        return false;
    wanted = entry_of(place, topic_of(delivered, place->topic));
    return wanted.topic != 0 && find(delivered, &wanted)->topic != 0;
}

static int grow(struct delivered *delivered)
{
    struct delivered larger = *delivered;

    larger.capacity = delivered->capacity == 0 ? CAPACITY_FIRST : delivered->capacity * 2;
    larger.entries = calloc(larger.capacity, sizeof(*larger.entries));
    if (larger.entries == NULL)
        return -1;
    for (size_t i = 0; i < delivered->capacity; i++)
        if (delivered->entries[i].topic != 0)
            *find(&larger, &delivered->entries[i]) = delivered->entries[i];
    free(delivered->entries);
    *delivered = larger;
    return 0;
}

void delivered_add(struct delivered *delivered, const struct delivered_place *place)
{
    struct delivered_entry entry;

    if (delivered->count >= DELIVERED_MAX)
        delivered_clear(delivered);
    entry = entry_of(place, add_topic(delivered, place->topic));
    if (entry.topic == 0 || (delivered->count * 2 >= delivered->capacity && grow(delivered) != 0))
        return;
    if (find(delivered, &entry)->topic == 0)
        delivered->count++;
    *find(delivered, &entry) = entry;
}

void delivered_clear(struct delivered *delivered)
{
    for (size_t i = 0; i < delivered->topic_count; i++)
        free(delivered->topics[i]);
    free(delivered->entries);
    *delivered = (struct delivered){0};
}
