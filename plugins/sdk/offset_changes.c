#include "sdk/collect.h"


#include "base/mem.h"

#include "base/bans.h"

struct offset_change {
    const struct mr_value *partition, *offset; /* never NULL */
};

struct mr_offset_changes {
    struct offset_change *changes;
    size_t count, capacity;
};

struct mr_offset_changes *offset_changes_create(void)
{
    return mem_calloc(1, sizeof(struct mr_offset_changes));
}

void offset_changes_destroy(struct mr_offset_changes *changes)
{
    if (changes == NULL)
        return;
    mem_free(changes->changes);
    mem_free(changes);
}

int offset_changes_add(struct mr_offset_changes *changes, const struct mr_value *partition,
                       const struct mr_value *offset)
{
    if (changes->count == changes->capacity) {
        size_t capacity = changes->capacity == 0 ? 8 : changes->capacity * 2;
        void *grown = mem_realloc(changes->changes, capacity * sizeof(*changes->changes));
        if (grown == NULL)
            return -1;
        changes->changes = grown;
        changes->capacity = capacity;
    }
    changes->changes[changes->count++] = (struct offset_change){
        .partition = partition == NULL ? mr_null() : partition,
        .offset = offset == NULL ? mr_null() : offset,
    };
    return 0;
}

size_t mr_offset_changes_count(const struct mr_offset_changes *changes)
{
    return changes->count;
}

const struct mr_value *mr_offset_changes_partition(const struct mr_offset_changes *changes, size_t index)
{
    return index < changes->count ? changes->changes[index].partition : NULL;
}

const struct mr_value *mr_offset_changes_offset(const struct mr_offset_changes *changes, size_t index)
{
    return index < changes->count ? changes->changes[index].offset : NULL;
}
