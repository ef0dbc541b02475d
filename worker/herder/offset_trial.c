/*
 * ?dry_run=true: what a change of a connector's offsets would do. An errand: it changes nothing, and any worker may answer, in any state of
 * the connector. Its class is not asked: Kafka Connect has no trial run of that question, and an answer may have done something already.
 */
#include <inttypes.h>
#include <millrace/arena.h>
#include <millrace/error.h>
#include <millrace/json.h>
#include <millrace/value.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "herder/errand_internal.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define JSON_MAX (64u << 20)
#define ENTRY_ARENA_MAX (4u << 20)
#define WORDS_MAX 512
#define NOT_ASKED                                                                                                      \
    "The connector's own check is not part of a dry run, since its answer may already be a change: it may still refuse"

/* Of a partition, or of all. Both 0: as many records as before. */
struct distance {
    int64_t skipped, again;
};

struct trial {
    struct offset_place place;
    struct offset_list *changes, former;
    struct executor_bounds *bounds; /* of a sink, one a change; else NULL */
    bool starts_at_end;
    char refused[WORDS_MAX]; /* ""; else why it would be now */
};

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a trial of a change of offsets");
}

/* --- how far it is ----------------------------------------------------------------------------------------------------- */

static void refuse(struct trial *trial, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void refuse(struct trial *trial, const char *format, ...)
{
    va_list args;

    if (trial->refused[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(trial->refused, sizeof(trial->refused), format, args);
    va_end(args);
}

/* What Kafka refuses of a real change. */
static void check_place(struct trial *trial, const struct executor_group_offset *offset, const struct executor_bounds *bounds)
{
    if (offset->is_removed)
        return;
    if (bounds->end < 0)
        refuse(trial, "There is no partition %s-%d", offset->topic, (int)offset->partition);
    else if (offset->offset < 0)
        refuse(trial, "The offset of %s-%d is negative", offset->topic, (int)offset->partition);
}

static int find_bounds(struct trial *trial, struct mr_arena *arena, struct mr_error **error)
{
    const struct offset_list *changes = trial->changes;
    struct executor_group_offset *offsets = mem_calloc(changes->count + 1, sizeof(*offsets));
    const struct offset_place *place = &trial->place;
    int status = 0;

    trial->bounds = mem_calloc(changes->count + 1, sizeof(*trial->bounds));
    if (offsets == NULL || trial->bounds == NULL)
        status = no_memory(error);
    for (size_t i = 0; status == 0 && i < changes->count; i++) {
        status = sink_offset_read(arena, &changes->entries[i], &offsets[i], error);
        trial->bounds[i] = (struct executor_bounds){.topic = offsets[i].topic, .partition = offsets[i].partition};
    }
    if (status == 0)
        status = executor_find_bounds(place->herder->executor,
                                      &(struct executor_group){place->connector, place->config, place->deadline_ms - OFFSETS_WORDS_MARGIN_MS}, trial->bounds,
                                      changes->count, &trial->starts_at_end, error);
    for (size_t i = 0; status == 0 && i < changes->count; i++)
        check_place(trial, &offsets[i], &trial->bounds[i]);
    mem_free(offsets);
    return status;
}

/* Where a consumer would begin: without an offset, or with one that is not there (any more), where its settings say. */
static int64_t start_of(const struct trial *trial, const struct executor_bounds *bounds, const struct executor_group_offset *offset)
{
    if (!offset->is_removed && offset->offset >= bounds->begin && offset->offset <= bounds->end)
        return offset->offset;
    return trial->starts_at_end ? bounds->end : bounds->begin;
}

/* false: it cannot be told. */
static bool measure(const struct trial *trial, struct mr_arena *arena, size_t i, struct distance *distance)
{
    const struct executor_bounds *bounds = &trial->bounds[i];
    struct executor_group_offset before, after;
    int64_t from, to;

    if (bounds->end < 0 || sink_offset_read(arena, &trial->former.entries[i], &before, NULL) != 0 ||
        sink_offset_read(arena, &trial->changes->entries[i], &after, NULL) != 0)
        return false;
    from = start_of(trial, bounds, &before);
    to = start_of(trial, bounds, &after);
    *distance = (struct distance){.skipped = to > from ? to - from : 0, .again = from > to ? from - to : 0};
    return true;
}

/* --- in words ---------------------------------------------------------------------------------------------------------- */

static int write_value(struct str_buffer *out, struct mr_arena *arena, const char *before, const struct mr_value *value,
                       struct mr_error **error)
{
    struct mr_bytes text;

    if (mr_json_write(arena, NULL, value, 0, &text, error) != 0)
        return -1;
    str_buffer_append_text(out, before);
    str_buffer_append(out, text.data, text.size);
    return 0;
}

static void write_distance(struct str_buffer *out, bool is_known, const struct distance *distance)
{
    if (is_known)
        str_buffer_printf(out, ",\"skipped\":%" PRId64 ",\"again\":%" PRId64, distance->skipped, distance->again);
    else
        str_buffer_append_text(out, ",\"skipped\":null,\"again\":null");
}

static int write_entry(const struct trial *trial, struct mr_arena *arena, size_t i, struct distance *sum, struct str_buffer *out,
                       struct mr_error **error)
{
    struct distance distance = {0, 0};
    const struct offset_entry *after = &trial->changes->entries[i];
    int status = write_value(out, arena, i == 0 ? "{\"partition\":" : ",{\"partition\":", after->partition, error);

    if (status == 0)
        status = write_value(out, arena, ",\"before\":", trial->former.entries[i].offset, error);
    if (status == 0)
        status = write_value(out, arena, ",\"after\":", after->offset, error);
    if (trial->bounds != NULL)
        write_distance(out, measure(trial, arena, i, &distance), &distance);
    sum->skipped += distance.skipped;
    sum->again += distance.again;
    str_buffer_append_char(out, '}');
    return status;
}

static int write_trial(const struct trial *trial, struct mr_arena *arena, struct str_buffer *out, struct mr_error **error)
{
    struct distance sum = {0, 0};
    const struct mr_value *refused = trial->refused[0] == '\0' ? mr_null() : mr_string(arena, trial->refused);
    int status;

    str_buffer_printf(out, "{\"dry_run\":true,\"type\":\"%s\"", trial->place.is_sink ? "sink" : "source");
    status = write_value(out, arena, ",\"refused\":", refused, error);
    str_buffer_append_text(out, ",\"not_asked\":\"" NOT_ASKED "\",\"offsets\":[");
    for (size_t i = 0; status == 0 && i < trial->changes->count; i++) {
        mr_arena_clear(arena);
        status = write_entry(trial, arena, i, &sum, out, error);
    }
    str_buffer_append_char(out, ']');
    if (trial->bounds != NULL)
        write_distance(out, true, &sum);
    str_buffer_append_char(out, '}');
    if (status == 0 && str_buffer_failed(out))
        return mr_error_set(error, MR_ERR_NO_MEMORY, "The answer is too large, or the worker has no memory left for it");
    return status;
}

/* --- the errand -------------------------------------------------------------------------------------------------------- */

/* What is refused with words, and would be so every time, is for the answer; what went wrong is an error. */
static int find_changes(struct trial *trial, const struct errand *errand, const struct config_snapshot *snapshot, struct mr_error **error)
{
    struct mr_error *why = NULL;

    if (!offset_place_state_allows(snapshot, errand->name))
        refuse(trial, OFFSETS_NEED_STOPPED, errand->name);
    if (offset_changes_find(&trial->place, errand->offsets_verb, snapshot, trial->changes, &why) == 0)
        return offset_place_read_former(&trial->place, trial->changes, &trial->former, error);
    if (errand->offsets_verb != HERDER_OFFSETS_UNDO || mr_error_code(why) != MR_ERR_CONFLICT) {
        *error = why;
        return -1;
    }
    trial->changes->count = 0;
    refuse(trial, "%s", mr_error_message(why));
    mr_error_drop(why);
    return 0;
}

static void check_undo(struct trial *trial, const struct errand *errand)
{
    struct mr_error *why = NULL;

    if (!errand->is_without_undo && offset_undo_check(&trial->place, &trial->former, &why) != 0)
        refuse(trial, "%s", mr_error_message(why));
    mr_error_drop(why);
}

static int try(struct trial *trial, struct errand *errand, const struct config_snapshot *snapshot)
{
    struct mr_arena *arena = mr_arena_create(OFFSETS_ARENA_MAX);
    struct mr_error **error = &errand->error;
    int status = arena == NULL ? no_memory(error) : offset_place_find(&trial->place, error);

    if (status == 0) {
        errand->blames_asker = true;
        status = find_changes(trial, errand, snapshot, error);
    }
    if (status == 0 && trial->place.is_sink)
        status = find_bounds(trial, arena, error);
    if (status == 0) {
        check_undo(trial, errand);
        str_buffer_init(&errand->json, JSON_MAX);
        status = write_trial(trial, arena, &errand->json, error);
    }
    mr_arena_destroy(arena);
    return status;
}

static void trial_run(struct errand *errand)
{
    struct config_snapshot *snapshot = config_store_snapshot(errand->herder->setup.configs);
    const struct string_map *config = config_snapshot_config(snapshot, errand->name);
    struct trial trial = {.place = {errand->herder, errand->name, config, errand->deadline_ms, false}, .changes = &errand->offsets};

    if (config == NULL)
        mr_error_set(&errand->error, MR_ERR_NOT_FOUND, "Connector %s not found", errand->name);
    else
        try(&trial, errand, snapshot);
    offset_list_release(&trial.former);
    mem_free(trial.bounds);
    config_snapshot_drop(snapshot);
}

static void answer_trial(struct errand *errand)
{
    errand_reply(errand, &(struct herder_reply){
                             .status = 200, .json = str_buffer_text(&errand->json), .json_length = errand->json.length});
}

void herder_try_offsets(struct herder *herder, const struct herder_offsets *request, herder_reply_fn *reply, void *argument)
{
    struct errand *errand = errand_create(herder, request->connector, NULL, reply, argument);

    if (errand == NULL)
        return;
    errand->doing = "looking what a change of offsets would do";
    errand->run = trial_run;
    errand->answer = answer_trial;
    errand->missing_is_404 = true;
    errand->offsets_verb = request->verb;
    errand->is_without_undo = request->is_without_undo;
    for (size_t i = 0; i < request->count; i++)
        if (offset_list_add(&errand->offsets, request->changes[i].partition, request->changes[i].offset, NULL) != 0) {
            errand_refuse(errand, 503, "The worker has no memory left for this request");
            return;
        }
    errand_post(errand);
}
