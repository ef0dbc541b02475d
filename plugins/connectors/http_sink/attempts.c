#include "attempts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t find(const struct attempts *attempts, const struct delivered_place *place)
{
    size_t i = 0;

    while (i < attempts->count &&
           (attempts->items[i].partition != place->partition || strcmp(attempts->items[i].topic, place->topic) != 0))
        i++;
    return i;
}

static void take_out(struct attempts *attempts, size_t index)
{
    attempts->count--;
    memmove(&attempts->items[index], &attempts->items[index + 1], (attempts->count - index) * sizeof(*attempts->items));
}

struct attempt *attempts_of(struct attempts *attempts, const struct delivered_place *place)
{
    size_t index = find(attempts, place);
    struct attempt *item;

    if (attempts->items == NULL && (attempts->items = calloc(ATTEMPTS_MAX, sizeof(*attempts->items))) == NULL)
        return NULL;
    if (index < attempts->count && attempts->items[index].offset == place->offset)
        return &attempts->items[index];
    if (index < attempts->count)
        take_out(attempts, index);
    else if (attempts->count == ATTEMPTS_MAX)
        take_out(attempts, 0);
    item = &attempts->items[attempts->count++];
    *item = (struct attempt){.partition = place->partition, .offset = place->offset};
    snprintf(item->topic, sizeof(item->topic), "%s", place->topic);
    return item;
}

void attempts_forget(struct attempts *attempts, const struct delivered_place *place)
{
    size_t index = find(attempts, place);

    if (index < attempts->count)
        take_out(attempts, index);
}

void attempts_release(struct attempts *attempts)
{
    free(attempts->items);
    *attempts = (struct attempts){0};
}

uint32_t attempts_delay_ms(uint32_t base_ms, uint32_t most_ms, uint32_t failures, int grows, uint32_t dice)
{
    uint64_t delay_ms = base_ms;

    for (uint32_t i = 1; grows && i < failures && delay_ms < most_ms; i++)
        delay_ms *= 2;
    if (delay_ms > most_ms && most_ms >= base_ms)
        delay_ms = most_ms;
    return (uint32_t)(delay_ms - (delay_ms / 2 == 0 ? 0 : dice % (delay_ms / 2)));
}
