/* What lies there: a page of letters, all causes with their counts, one letter whole. */
#include "dead_letters/dead_letters_internal.h"

#include <inttypes.h>
#include <millrace/error.h>
#include <string.h>

#include "base/mem.h"
#include "base/ptr_array.h"
#include "dry_run/encode.h"

#include "base/bans.h"

struct group {
    char id[LETTER_GROUP_SIZE];
    char message[CAUSE_MESSAGE_MAX];
    json_t *stage, *class_name, *exception;
    size_t states[MARK_DISCARDED + 1];
    int64_t first_ms, last_ms;
    int32_t partition; /* of the latest letter */
    int64_t offset;
};

/* One list while it is made. */
struct browsing {
    struct dead_letters *letters;
    const struct selection *selection;
    struct marks marks;
    struct ptr_array groups; /* struct group * */
    json_t *index;           /* group id → its number */
    json_t *rows;
    size_t limit;
    size_t states[MARK_DISCARDED + 1]; /* of those that fit */
    size_t seen, ungrouped;
    size_t *seen_of;         /* by partition */
    int32_t partition_count; /* that are counted there */
    bool is_clipped;         /* of one of them only the newest were read */
    bool is_full;            /* a page from an offset on has all its rows */
};

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a list of dead letters");
}

/* Groups ------------------------------------------------------------------------------------------------------ */

static void group_free(void *item)
{
    struct group *group = item;
    json_decref(group->stage);
    json_decref(group->class_name);
    json_decref(group->exception);
    mem_free(group);
}

static struct group *group_create(struct browsing *browsing, const struct letter_view *view)
{
    struct group *group = mem_calloc(1, sizeof(*group));
    if (group == NULL)
        return NULL;
    memcpy(group->id, view->group, sizeof(group->id));
    cause_message(view->fields[LETTER_MESSAGE], group->message);
    group->stage = letter_json_context(view, LETTER_STAGE, DEAD_LETTERS_ROW_TEXT_MAX);
    group->class_name = letter_json_context(view, LETTER_CLASS, DEAD_LETTERS_ROW_TEXT_MAX);
    group->exception = letter_json_context(view, LETTER_EXCEPTION, DEAD_LETTERS_ROW_TEXT_MAX);
    group->first_ms = INT64_MAX;
    group->last_ms = -1;
    if (ptr_array_push(&browsing->groups, group) &&
        json_object_set_new(browsing->index, group->id, json_integer((json_int_t)browsing->groups.count - 1)) == 0)
        return group;
    if (browsing->groups.count == 0 || browsing->groups.items[browsing->groups.count - 1] != group)
        group_free(group);
    return NULL;
}

static int count_in_group(struct browsing *browsing, const struct letter_view *view, enum mark_state state, struct mr_error **error)
{
    const json_t *at = json_object_get(browsing->index, view->group);
    if (at == NULL && browsing->groups.count == DEAD_LETTERS_GROUPS_MAX) {
        browsing->ungrouped++;
        return 0;
    }
    struct group *group = at != NULL ? browsing->groups.items[json_integer_value(at)] : group_create(browsing, view);
    if (group == NULL)
        return no_memory(error);
    int64_t time_ms = view->record->timestamp_ms;
    group->states[state]++;
    if (time_ms >= 0 && time_ms < group->first_ms)
        group->first_ms = time_ms;
    if (time_ms > group->last_ms)
        group->last_ms = time_ms;
    group->partition = view->record->partition;
    group->offset = view->record->offset;
    return 0;
}

/* The largest first. */
static int compare_groups(const void *one, const void *other)
{
    const struct group *a = one, *b = other;
    size_t a_count = a->states[MARK_NONE] + a->states[MARK_REPLAYED] + a->states[MARK_DISCARDED];
    size_t b_count = b->states[MARK_NONE] + b->states[MARK_REPLAYED] + b->states[MARK_DISCARDED];
    if (a->states[MARK_NONE] != b->states[MARK_NONE])
        return a->states[MARK_NONE] > b->states[MARK_NONE] ? -1 : 1;
    return a_count != b_count ? (a_count > b_count ? -1 : 1) : strcmp(a->id, b->id);
}

static json_t *with_states(json_t *json, const size_t states[MARK_DISCARDED + 1])
{
    json = encode_with(json, "count", json_integer((json_int_t)(states[MARK_NONE] + states[MARK_REPLAYED] + states[MARK_DISCARDED])));
    for (enum mark_state state = MARK_NONE; state <= MARK_DISCARDED; state++)
        json = encode_with(json, mark_state_name(state), json_integer((json_int_t)states[state]));
    return json;
}

static json_t *group_json(const struct group *group)
{
    json_t *json = encode_with(json_object(), "group", json_string(group->id));
    json = encode_with(json, "stage", json_incref(group->stage));
    json = encode_with(json, "class", json_incref(group->class_name));
    json = encode_with(json, "exception", json_incref(group->exception));
    json = encode_with(json, "message", json_string(group->message));
    json = with_states(json, group->states);
    json = encode_with(json, "first", group->last_ms < 0 ? json_null() : json_integer(group->first_ms));
    json = encode_with(json, "last", group->last_ms < 0 ? json_null() : json_integer(group->last_ms));
    json_t *place = encode_with(json_object(), "partition", json_integer(group->partition));
    return encode_with(json, "latest", encode_with(place, "offset", json_integer(group->offset)));
}

static json_t *groups_json(struct browsing *browsing)
{
    json_t *list = json_array();
    ptr_array_sort(&browsing->groups, compare_groups);
    for (size_t i = 0; i < browsing->groups.count; i++)
        list = encode_and(list, group_json(browsing->groups.items[i]));
    return list;
}

/* Rows -------------------------------------------------------------------------------------------------------- */

static int64_t number_in(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

/* The highest offsets first: letters have their records' times, which say nothing about when they were written. */
static bool is_before(const json_t *one, const json_t *other)
{
    int64_t a = number_in(one, "offset"), b = number_in(other, "offset");
    return a != b ? a > b : number_in(one, "partition") > number_in(other, "partition");
}

static int add_row(struct browsing *browsing, json_t *row)
{
    bool is_up = browsing->selection->from != -1;
    size_t at = json_array_size(browsing->rows), count = at;
    while (!is_up && at > 0 && is_before(row, json_array_get(browsing->rows, at - 1)))
        at--;
    if (row == NULL || json_array_insert_new(browsing->rows, at, row) != 0)
        return -1;
    if (count == browsing->limit)
        json_array_remove(browsing->rows, count);
    return 0;
}

/* Rows of a page of newest letters come and go; what could not stay is not made. */
static bool is_wanted(const struct browsing *browsing, const struct letter_view *view)
{
    size_t count = json_array_size(browsing->rows);
    if (count < browsing->limit)
        return true;
    return browsing->selection->from == -1 && count > 0 &&
           view->record->offset >= number_in(json_array_get(browsing->rows, count - 1), "offset");
}

/* The limit is that of a partition. */
static int count_seen(struct browsing *browsing, int32_t partition, struct mr_error **error)
{
    if (partition >= browsing->partition_count) {
        size_t *grown = mem_realloc(browsing->seen_of, ((size_t)partition + 1) * sizeof(*grown));
        if (grown == NULL)
            return no_memory(error);
        browsing->seen_of = grown;
        while (browsing->partition_count <= partition)
            grown[browsing->partition_count++] = 0;
    }
    browsing->seen++;
    if (++browsing->seen_of[partition] >= DEAD_LETTERS_SCAN_MAX && browsing->selection->from == -1)
        browsing->is_clipped = true;
    return 0;
}

static int look(void *argument, const struct topic_tail_record *record, struct mr_error **error)
{
    struct browsing *browsing = argument;
    struct letter_view view;
    if (selection_is_past(browsing->selection, record->partition, record->offset))
        return 1;
    letter_view_read(&view, record);
    if (count_seen(browsing, record->partition, error) != 0)
        return -1;
    if (!selection_fits(browsing->selection, &view))
        return 0;
    const struct mark *mark = marks_find(&browsing->marks, &view);
    enum mark_state state = mark == NULL ? MARK_NONE : mark->state;
    browsing->states[state]++;
    if (count_in_group(browsing, &view, state, error) != 0)
        return -1;
    if (is_wanted(browsing, &view) && add_row(browsing, letter_json_row(&view, mark)) != 0)
        return no_memory(error);
    browsing->is_full = browsing->selection->from != -1 && json_array_size(browsing->rows) == browsing->limit;
    return browsing->is_full ? 1 : 0;
}

/* The list ---------------------------------------------------------------------------------------------------- */

static json_t *list_json(struct browsing *browsing)
{
    bool is_complete = !browsing->is_full && !browsing->is_clipped;
    json_t *json = encode_with(json_object(), "topic", json_string(browsing->letters->topic));
    json = with_states(json, browsing->states);
    json = encode_with(json, "seen", json_integer((json_int_t)browsing->seen));
    json = encode_with(json, "complete", json_boolean(is_complete));
    json = encode_with(json, "groups", groups_json(browsing));
    json = encode_with(json, "ungrouped", json_integer((json_int_t)browsing->ungrouped));
    return encode_with(json, "letters", json_incref(browsing->rows));
}

json_t *dead_letters_list(struct dead_letters *letters, const struct selection *selection, struct mr_error **error)
{
    struct browsing browsing = {.letters = letters, .selection = selection, .index = json_object(), .rows = json_array()};
    json_t *json = NULL;
    browsing.limit = selection->limit == 0 ? DEAD_LETTERS_SHOWN : (size_t)selection->limit;
    if (browsing.limit > DEAD_LETTERS_SHOWN_MAX)
        browsing.limit = DEAD_LETTERS_SHOWN_MAX;
    ptr_array_init(&browsing.groups, group_free);
    marks_init(&browsing.marks, NULL);
    size_t last = selection->from != -1 ? SIZE_MAX : DEAD_LETTERS_SCAN_MAX;
    if (browsing.index == NULL || browsing.rows == NULL)
        no_memory(error);
    else if (letters_read_marks(letters, &browsing.marks, error) == 0 &&
             letters_scan(letters, selection, last, look, &browsing, error) == 0 && (json = list_json(&browsing)) == NULL)
        no_memory(error);
    marks_release(&browsing.marks);
    ptr_array_release(&browsing.groups);
    json_decref(browsing.index);
    json_decref(browsing.rows);
    mem_free(browsing.seen_of);
    return json;
}

/* One letter ---------------------------------------------------------------------------------------------------- */

struct showing {
    struct dead_letters *letters;
    const struct selection *selection;
    struct marks marks;
    json_t *json;
};

/* What the present configuration makes of it; why it could not be tried is told in its place. */
static json_t *tried(struct dead_letters *letters, const struct letter_view *view, const struct selection *selection)
{
    struct mr_error *error = NULL;
    json_t *json = NULL;
    const struct resend_to to = {.topic = view->topic[0] == '\0' ? letters->topic : view->topic, .id = "show", .letters = letters->topic};
    struct resend *resend = resend_create(view, selection, &to);
    if (resend != NULL)
        json = resend_try(letters, resend, NULL, &error);
    if (json == NULL)
        json = encode_with(json_object(), "error", encode_text_or_null(error == NULL ? "no memory" : mr_error_message(error)));
    mr_error_drop(error);
    mem_free(resend);
    return json;
}

static int show_it(void *argument, const struct topic_tail_record *record, struct mr_error **error)
{
    struct showing *showing = argument;
    struct letter_view view;
    letter_view_read(&view, record);
    if (!selection_fits(showing->selection, &view))
        return 1; /* gone: the next one came */
    showing->json = letter_json_whole(&view, marks_find(&showing->marks, &view));
    showing->json = encode_with(showing->json, "pipeline", tried(showing->letters, &view, showing->selection));
    return showing->json == NULL ? no_memory(error) : 1;
}

json_t *dead_letters_show(struct dead_letters *letters, int32_t partition, int64_t offset, struct mr_error **error)
{
    struct selection_place place = {partition, offset};
    struct selection selection;
    struct showing showing = {.letters = letters, .selection = &selection};
    selection_read(&selection, NULL, 0, NULL);
    selection.places = &place;
    selection.place_count = 1;
    marks_init(&showing.marks, NULL);
    if (letters_read_marks(letters, &showing.marks, error) == 0 &&
        letters_scan(letters, &selection, SIZE_MAX, show_it, &showing, error) == 0 && showing.json == NULL)
        mr_error_set(error, MR_ERR_NOT_FOUND, "there is no letter at partition %" PRId32 ", offset %" PRId64 " of topic %s", partition,
                     offset, letters->topic);
    marks_release(&showing.marks);
    return showing.json;
}
