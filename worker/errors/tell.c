/* Telling the reporters; of a source record a letter is made first. */
#include <millrace/host.h>

#include "errors/tolerance_internal.h"
#include "sdk/future_host.h"

#include "base/bans.h"

/* For all that is made of one record. */
#define LETTER_ARENA_BYTES_MAX ((size_t)256 << 20)

void tolerance_set_letters(struct tolerance *tolerance, tolerance_letter_fn *letter, void *argument)
{
    tolerance->letter = letter;
    tolerance->letter_argument = argument;
}

static bool wants_letter(const struct tolerance *tolerance, const struct report *report)
{
    return report->origin == NULL && report->record != NULL && tolerance->letter != NULL &&
           tolerance->settings.dead_letter_topic != NULL;
}

int tolerance_tell(struct tolerance *tolerance, const struct report *report, struct mr_error **error)
{
    if (!wants_letter(tolerance, report))
        return reporters_run(&tolerance->reporters, report, error);
    struct source_letter letter = { .partition = -1, .timestamp_ms = -1 };
    struct report with_letter = *report;
    struct mr_arena *arena = mr_arena_create(LETTER_ARENA_BYTES_MAX);
    with_letter.letter = &letter;
    int result = arena == NULL ? mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a dead letter")
                               : tolerance->letter(tolerance->letter_argument, report->record, arena, &letter, error);
    if (result == 0)
        result = reporters_run(&tolerance->reporters, &with_letter, error);
    mr_arena_destroy(arena);
    return result;
}

int tolerance_tell_then(struct tolerance *tolerance, const struct report *report, struct mr_future **future,
                        struct mr_error **error)
{
    if (future != NULL)
        *future = NULL;
    if (future == NULL || !wants_letter(tolerance, report))
        return tolerance_tell(tolerance, report, error);
    struct report with_future = *report;
    with_future.future = future_create(1); /* its own part keeps it from being done before all reporters were asked */
    if (with_future.future == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a dead letter");
    int result = tolerance_tell(tolerance, &with_future, error);
    future_complete(with_future.future);
    if (result == 0)
        *future = with_future.future;
    else
        mr_future_drop(with_future.future);
    return result;
}
