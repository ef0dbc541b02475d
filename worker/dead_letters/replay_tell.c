/* What a replay tells of itself: to who asked, and in the topic of the marks. */
#include "dead_letters/replay_internal.h"

#include <millrace/error.h>

#include "base/clock.h"
#include "base/str_buffer.h"
#include "dry_run/encode.h"
#include "task/sink_feed.h"

#include "base/bans.h"

#define WORDS_MAX (16u << 10)

int replay_no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a replay");
}

char *replay_dump(json_t *json)
{
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

/* Sums --------------------------------------------------------------------------------------------------------- */

const char *replay_sum_name(const struct replaying *replaying)
{
    return replaying->discards ? "discarded" : "replayed";
}

static json_t *with_count(json_t *json, const char *name, size_t count)
{
    return encode_with(json, name, json_integer((json_int_t)count));
}

static json_t *with_pipeline(const struct replaying *replaying, json_t *json)
{
    json = encode_with(json, "into", json_string(replaying->selection->into));
    if (replaying->selection->is_trial)
        return json;
    json = with_count(json, "dropped", replaying->dropped_before + replaying->dropped);
    return with_count(json, "failed", replaying->failed_before + replaying->failed);
}

json_t *replay_sum(const struct replaying *replaying, const char *state)
{
    const struct dead_letters *letters = replaying->letters;
    json_t *json = encode_with(json_object(), "id", json_string(replaying->id));
    json = encode_with(json, "state", json_string(state));
    json = encode_with(json, "topic", json_string(letters->topic));
    json = with_count(json, replay_sum_name(replaying), replaying->settled_before + replaying->settled);
    json = with_count(json, "refused", replaying->refused);
    if (replaying->selection->into != NULL)
        json = with_pipeline(replaying, json);
    json = encode_with(json, "began", json_integer(replaying->began_ms));
    json = encode_with(json, "time", json_integer(clock_wall_ms(NULL)));
    json = encode_with(json, "who", encode_text_or_null(letters->who));
    return encode_with(json, "request", encode_text_or_null(letters->request));
}

static size_t count_in(const json_t *sum, const char *name)
{
    return (size_t)json_integer_value(json_object_get(sum, name));
}

void replay_remember(struct replaying *replaying)
{
    const json_t *sum = replaying->marks.replay;
    replaying->settled_before = count_in(sum, replay_sum_name(replaying));
    replaying->failed_before = count_in(sum, "failed");
    replaying->dropped_before = count_in(sum, "dropped");
    if (json_is_integer(json_object_get(sum, "began")))
        replaying->began_ms = json_integer_value(json_object_get(sum, "began"));
}

/* Single letters ------------------------------------------------------------------------------------------------- */

static json_t *place_of(int32_t partition, int64_t offset)
{
    json_t *json = encode_with(json_object(), "partition", json_integer(partition));
    return encode_with(json, "offset", json_integer(offset));
}

int replay_refuse(struct replaying *replaying, int32_t partition, int64_t offset, const char *why, struct mr_error **error)
{
    replaying->refused++;
    if (json_array_size(replaying->refusals) == DEAD_LETTERS_REFUSALS_MAX)
        return 0;
    json_t *json = encode_with(place_of(partition, offset), "why", encode_text_or_null(why));
    return json != NULL && json_array_append_new(replaying->refusals, json) == 0 ? 0 : replay_no_memory(error);
}

int replay_tell_failure(struct replaying *replaying, const struct settled *settled, const struct sink_feed_item *item, struct mr_error **error)
{
    if (json_array_size(replaying->failures) == DEAD_LETTERS_REFUSALS_MAX)
        return 0;
    json_t *json = encode_with(place_of(settled->partition, settled->offset), "stage", json_string(item->stage));
    json = encode_with(json, "why", encode_text_or_null(item->why));
    return json != NULL && json_array_append_new(replaying->failures, json) == 0 ? 0 : replay_no_memory(error);
}

/* The answer ----------------------------------------------------------------------------------------------------- */

static void append_words(struct str_buffer *words, const struct mr_error *failure)
{
    str_buffer_append_text(words, mr_error_message(failure));
    while ((failure = mr_error_cause(failure)) != NULL)
        str_buffer_printf(words, "; caused by: %s", mr_error_message(failure));
}

static json_t *words_of(const struct mr_error *failure)
{
    struct str_buffer words;
    str_buffer_init(&words, WORDS_MAX);
    append_words(&words, failure);
    json_t *json = encode_text_or_null(str_buffer_text(&words));
    str_buffer_release(&words);
    return json;
}

void replay_tell_error(const struct mr_error *failure, enum mr_error_code code, struct mr_error **error)
{
    struct str_buffer words;
    str_buffer_init(&words, WORDS_MAX);
    append_words(&words, failure);
    mr_error_set(error, code, "%s", str_buffer_text(&words));
    str_buffer_release(&words);
}

static json_t *with_tries(const struct replaying *replaying, json_t *json)
{
    static const char *const names[] = {"passed", "dropped", "skipped", "failed"};
    json = with_count(json, "selected", replaying->selected);
    for (size_t i = 0; i <= DRY_RUN_FAILED && !replaying->discards; i++)
        json = with_count(json, names[i], replaying->outcomes[i]);
    return encode_with(json, "letters", json_incref(replaying->tries));
}

json_t *replay_answer(const struct replaying *replaying, const struct mr_error *failure)
{
    bool is_trial = replaying->selection->is_trial;
    const char *state = failure != NULL ? "failed" : is_trial ? "tried" : replaying->is_cut ? "running" : "done";
    json_t *json = replay_sum(replaying, state);
    json = with_count(json, "now", replaying->settled + replaying->failed);
    json = with_count(json, "done_before", replaying->done_before);
    json = encode_with(json, "more", json_boolean(replaying->is_cut));
    json = encode_with(json, "refusals", json_incref(replaying->refusals));
    if (replaying->selection->into != NULL && !is_trial)
        json = encode_with(json, "failures", json_incref(replaying->failures));
    if (is_trial)
        json = with_tries(replaying, json);
    return failure == NULL ? json : encode_with(json, "error", words_of(failure));
}
