/* Which records a sink task failed at, for its trace and for whoever decides about a restart. */
#include <inttypes.h>
#include <string.h>

#include "base/str_buffer.h"
#include "errors/tolerance.h"
#include "task/sink_task_internal.h"

#include "base/bans.h"

#define WORDS_MAX 1024
#define PLACES_MAX FAILURE_RANGES_MAX

struct put_place {
    const char *topic;
    int32_t partition;
    int64_t first, last;
};

static void places_add(struct put_place *places, size_t *count, const struct record_origin *origin)
{
    for (size_t i = 0; i < *count; i++) {
        if (places[i].partition != origin->partition || strcmp(places[i].topic, origin->topic) != 0)
            continue;
        places[i].first = origin->offset < places[i].first ? origin->offset : places[i].first;
        places[i].last = origin->offset > places[i].last ? origin->offset : places[i].last;
        return;
    }
    if (*count < PLACES_MAX)
        places[(*count)++] =
            (struct put_place){origin->topic, origin->partition, origin->offset, origin->offset};
}

static void append_place(struct str_buffer *words, const struct put_place *place, bool is_first)
{
    str_buffer_printf(words, "%s%s-%d offset%s %" PRId64, is_first ? "" : ", ", place->topic, (int)place->partition,
                      place->first == place->last ? "" : "s", place->first);
    if (place->first != place->last)
        str_buffer_printf(words, " to %" PRId64, place->last);
}

void sink_task_blame_put(struct sink_task *task, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct put_place places[PLACES_MAX];
    struct str_buffer words;
    size_t place_count = 0;

    task->task.is_plugins_fault = true;
    for (size_t i = 0; i < count; i++)
        places_add(places, &place_count, record_origin(records[i]));
    if (place_count == 0)
        return;
    str_buffer_init(&words, WORDS_MAX);
    for (size_t i = 0; i < place_count; i++) {
        failure_add(&task->task.failed, failure_place(places[i].topic, places[i].partition), places[i].first,
                    places[i].last);
        append_place(&words, &places[i], i == 0);
    }
    mr_error_wrap(error, "put failed with %zu record%s of %s", count, count == 1 ? "" : "s", str_buffer_text(&words));
    str_buffer_release(&words);
}

/* Everything taken and not committed: whose letter it was is among that. */
void sink_task_blame_letters(struct sink_task *task)
{
    struct failure *failed = &task->task.failed;

    failed->kind = FAILURE_DEAD_LETTERS;
    for (size_t i = 0; i < task->partition_count; i++) {
        const struct sink_partition *own = &task->partitions[i];

        if (own->committed != OFFSET_UNKNOWN && own->current > own->committed)
            failure_add(failed, failure_place(own->topic, own->partition), own->committed, own->current - 1);
    }
}
