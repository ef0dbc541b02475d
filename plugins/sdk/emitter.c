#include "sdk/collect.h"

#include "base/mem.h"

#include "base/bans.h"

#define EMITTER_FIRST_ROOM 16

void emitter_init(struct mr_emitter *emitter)
{
    *emitter = (struct mr_emitter){0};
}

void emitter_release(struct mr_emitter *emitter)
{
    mem_free(emitter->records);
    emitter_init(emitter);
}

void emitter_shrink(struct mr_emitter *emitter)
{
    mem_free(emitter->records);
    emitter->records = NULL;
    emitter->capacity = 0;
    emitter->count = 0;
}

static int refused(struct mr_emitter *emitter, enum emitter_failure failure)
{
    if (emitter->failure == EMITTER_FINE)
        emitter->failure = failure;
    return -1;
}

static bool grow(struct mr_emitter *emitter)
{
    size_t capacity = emitter->capacity == 0 ? EMITTER_FIRST_ROOM : emitter->capacity * 2;
    struct mr_record **records = mem_realloc(emitter->records, capacity * sizeof(struct mr_record *));
    if (records == NULL)
        return false;
    emitter->records = records;
    emitter->capacity = capacity;
    return true;
}

int mr_emit(struct mr_emitter *emitter, struct mr_record *record)
{
    if (record == NULL)
        return refused(emitter, EMITTER_NO_RECORD);
    if (emitter->count >= MR_EMIT_MAX)
        return refused(emitter, EMITTER_TOO_MANY);
    if (emitter->count == emitter->capacity && !grow(emitter))
        return refused(emitter, EMITTER_NO_MEMORY);
    emitter->records[emitter->count++] = record;
    return 0;
}

int emitter_failed(const struct mr_emitter *emitter, struct mr_error **error)
{
    switch (emitter->failure) {
    case EMITTER_TOO_MANY:
        return mr_error_set(error, MR_ERR_CONNECT, "A transformation made more than %d records of one", MR_EMIT_MAX);
    case EMITTER_NO_RECORD:
        return mr_error_set(
            error, MR_ERR_CONNECT,
            "A transformation emitted no record where it said it would: the memory of its batch ran out");
    case EMITTER_NO_MEMORY:
    case EMITTER_FINE:
        break;
    }
    return mr_error_set(error, MR_ERR_NO_MEMORY, "Out of memory while collecting the records of a transformation");
}
