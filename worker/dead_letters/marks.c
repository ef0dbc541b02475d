#include "dead_letters/marks.h"

#include <inttypes.h>
#include <millrace/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dead_letters/letter.h"
#include "kafka/topic_tail.h"

#include "base/bans.h"

#define VALUE_MAX (64u << 10)

const char *mark_state_name(enum mark_state state)
{
    static const char *const names[] = {[MARK_NONE] = "open", [MARK_REPLAYED] = "replayed", [MARK_DISCARDED] = "discarded"};
    return names[state];
}

void marks_letter_key(char key[MARKS_KEY_MAX], int32_t partition, int64_t offset)
{
    snprintf(key, MARKS_KEY_MAX, "letter/%" PRId32 "/%" PRId64, partition, offset);
}

void marks_replay_key(char key[MARKS_KEY_MAX], const char *id)
{
    snprintf(key, MARKS_KEY_MAX, "replay/%.*s", SELECTION_ID_MAX, id);
}

void marks_init(struct marks *marks, const char *replay_id)
{
    *marks = (struct marks){.items = NULL};
    if (replay_id != NULL)
        marks_replay_key(marks->wanted, replay_id);
}

void marks_release(struct marks *marks)
{
    mem_free(marks->items);
    json_decref(marks->replay);
    *marks = (struct marks){.items = NULL};
}

/* Reading ------------------------------------------------------------------------------------------------------ */

/* "letter/P/O", written as we write it; false: it is none. */
static bool read_key(const char *key, struct mark *mark)
{
    char again[MARKS_KEY_MAX];
    char *end;
    if (strncmp(key, "letter/", 7) != 0)
        return false;
    long long partition = strtoll(key + 7, &end, 10);
    long long offset = *end == '/' ? strtoll(end + 1, NULL, 10) : -1;
    if (partition < 0 || partition > INT32_MAX || offset < 0)
        return false;
    mark->partition = (int32_t)partition;
    mark->offset = offset;
    marks_letter_key(again, mark->partition, mark->offset);
    return strcmp(key, again) == 0;
}

/* One that was taken back says nothing. */
static bool says_something(const struct mark *mark)
{
    return mark->state != MARK_NONE || mark->attempts > 0;
}

static bool read_value(const json_t *json, struct mark *mark)
{
    const char *state = json_string_value(json_object_get(json, "state")), *id = json_string_value(json_object_get(json, "id"));
    const char *print = json_string_value(json_object_get(json, "print"));
    if (state == NULL || id == NULL || print == NULL)
        return false;
    json_int_t attempts = json_integer_value(json_object_get(json, "attempt"));
    for (mark->state = MARK_DISCARDED; mark->state > MARK_NONE; mark->state--)
        if (strcmp(state, mark_state_name(mark->state)) == 0)
            break;
    mark->print = strtoull(print, NULL, 16);
    snprintf(mark->id, sizeof(mark->id), "%s", id);
    if (mark->state == MARK_NONE && strcmp(state, mark_state_name(MARK_NONE)) == 0 && attempts > 0 && attempts <= INT32_MAX)
        mark->attempts = (int32_t)attempts;
    return says_something(mark);
}

static int append(struct marks *marks, const struct mark *mark, struct mr_error **error)
{
    if (marks->count == MARKS_MAX)
        return mr_error_set(error, MR_ERR_CONFLICT, "there are more than %d marks: delete the topic of the letters and that of their marks "
                            "when none of the letters is needed any more", MARKS_MAX);
    if (marks->count == marks->capacity) {
        size_t capacity = marks->capacity == 0 ? 64 : marks->capacity * 2;
        struct mark *items = mem_realloc(marks->items, capacity * sizeof(*items));
        if (items == NULL)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the marks of letters");
        marks->items = items;
        marks->capacity = capacity;
    }
    marks->items[marks->count++] = *mark;
    return 0;
}

/* A value without a form, or none, is a mark taken back. */
static int add_value(struct marks *marks, const char *key, const json_t *json, struct mr_error **error)
{
    struct mark mark = {.order = marks->order++};
    if (!read_key(key, &mark))
        return 0;
    if (!read_value(json, &mark))
        mark.state = MARK_NONE;
    return append(marks, &mark, error);
}

int marks_add(struct marks *marks, const struct topic_tail_record *record, struct mr_error **error)
{
    char key[MARKS_KEY_MAX];
    if (record->key.data == NULL || record->key.size >= sizeof(key) || record->value.size > VALUE_MAX)
        return 0;
    memcpy(key, record->key.data, record->key.size);
    key[record->key.size] = '\0';
    json_t *json = record->value.data == NULL ? NULL : json_loadb(record->value.data, record->value.size, 0, NULL);
    if (marks->wanted[0] != '\0' && strcmp(key, marks->wanted) == 0) {
        json_decref(marks->replay);
        marks->replay = json_incref(json);
    }
    int status = add_value(marks, key, json, error);
    json_decref(json);
    return status;
}

static int add_each(void *marks, const struct topic_tail_record *record, struct mr_error **error)
{
    return marks_add(marks, record, error);
}

int marks_read(struct marks *marks, const struct marks_source *source, struct mr_error **error)
{
    struct mr_error *why = NULL;
    struct topic_tail *tail = topic_tail_read(&(struct topic_tail_setup){.config = source->config,
                                                                         .graveyard = source->graveyard,
                                                                         .topic = source->topic,
                                                                         .last = SIZE_MAX,
                                                                         .deadline_ms = source->deadline_ms,
                                                                         .each = add_each,
                                                                         .argument = marks},
                                              &why);
    bool fine = tail != NULL || mr_error_code(why) == MR_ERR_NOT_FOUND;
    topic_tail_destroy(tail);
    if (!fine)
        mr_error_set(error, mr_error_code(why), "the marks of letters cannot be read: %s", mr_error_message(why));
    mr_error_drop(why);
    marks_sort(marks);
    return fine ? 0 : -1;
}

/* Looking ------------------------------------------------------------------------------------------------------ */

static int compare(const void *one, const void *other)
{
    const struct mark *a = one, *b = other;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

void marks_sort(struct marks *marks)
{
    size_t kept = 0;
    if (marks->count == 0)
        return;
    qsort(marks->items, marks->count, sizeof(*marks->items), compare);
    for (size_t i = 0; i < marks->count; i++) {
        const struct mark *next = i + 1 < marks->count ? &marks->items[i + 1] : NULL;
        bool is_last = next == NULL || next->partition != marks->items[i].partition || next->offset != marks->items[i].offset;
        if (is_last && says_something(&marks->items[i]))
            marks->items[kept++] = marks->items[i];
    }
    marks->count = kept;
}

const struct mark *marks_find(const struct marks *marks, const struct letter_view *view)
{
    size_t low = 0, high = marks->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct mark *at = &marks->items[middle];
        if (at->partition == view->record->partition && at->offset == view->record->offset)
            return at->print == view->print ? at : NULL;
        if (at->partition < view->record->partition || (at->partition == view->record->partition && at->offset < view->record->offset))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

int32_t marks_attempts(const struct mark *mark, const struct letter_view *view)
{
    bool counts = mark != NULL && mark->state == MARK_NONE && view->attempts != LETTER_ATTEMPTS_UNKNOWN;
    return counts && mark->attempts > view->attempts ? mark->attempts : view->attempts;
}
