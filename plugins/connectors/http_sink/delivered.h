/* delivered: what of a put that failed the target has already, so that it is not sent again when the same records come again.
 *
 * A record is known by topic, partition, offset, and its number among those that transforms have made of one. Forgetting is
 * harmless: a record is then sent twice. Full (DELIVERED_MAX): all is forgotten. Thread: the task's. */
#ifndef HTTP_SINK_DELIVERED_H
#define HTTP_SINK_DELIVERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DELIVERED_MAX 65536u
#define DELIVERED_TOPICS_MAX 64u

struct delivered {
    struct delivered_entry {
        int64_t offset;
        int32_t partition;
        uint16_t topic; /* from 1; 0: the place is free */
        uint16_t number;
    } * entries;
    size_t capacity, count;
    char *topics[DELIVERED_TOPICS_MAX];
    size_t topic_count;
};

struct delivered_place {
    const char *topic;
    int32_t partition;
    int64_t offset;
    uint16_t number;
};

bool delivered_has(const struct delivered *delivered, const struct delivered_place *place);
void delivered_add(struct delivered *delivered, const struct delivered_place *place);
void delivered_clear(struct delivered *delivered); /* and releases */

#endif
