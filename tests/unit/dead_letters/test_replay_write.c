/* Batches on their way back: what is marked, what is counted, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "dead_letters/replay_internal.h"
#include "letters_test.h"
#include "sdk/record_layout.h"
#include "task/sink_feed.h"

static struct dead_letters letters;
static struct selection selection;
static struct replaying *replaying;
static struct mr_error *why;

static struct {
    const enum sink_feed_result *results; /* by the letters of the batch */
    bool delivery_fails, write_fails;
    const char *too_large; /* a record of this value is refused, and all that is written with it */
    int64_t topic_letters; /* of partitions 0 and 3, which a list finds */
    int64_t late_at;       /* of the topic's five letters, the one at which the time is over */
    int64_t marked;        /* the letter at this offset of partition 0 has a mark when marks are read; -1: none has */
    char calls[100];
    char written[8192]; /* "key value" lines */
} scripted;

int __wrap_letters_deliver(struct dead_letters *letters, struct sink_feed_item *items, size_t count, int64_t deadline_ms, struct mr_error **error);
int __wrap_fenced_writer_write(struct fenced_writer *writer, const struct fenced_writer_entry *entries, size_t count, int64_t deadline_ms,
                               struct fenced_writer_place *last, struct mr_error **error);

int __wrap_letters_deliver(struct dead_letters *letters, struct sink_feed_item *items, size_t count, int64_t deadline_ms, struct mr_error **error)
{
    (void)letters, (void)deadline_ms;
    strcat(scripted.calls, "deliver ");
    for (size_t i = 0; i < count; i++) {
        assert_string_equal("orders", items[i].origin->topic);
        items[i].result = scripted.results[i];
        if (items[i].result == SINK_FEED_FAILED) {
            items[i].stage = "TRANSFORMATION";
            snprintf(items[i].why, sizeof(items[i].why), "does not fit");
        }
    }
    return scripted.delivery_fails ? mr_error_set(error, MR_ERR_CONNECT, "the target is away") : 0;
}

int __wrap_fenced_writer_write(struct fenced_writer *writer, const struct fenced_writer_entry *entries, size_t count, int64_t deadline_ms,
                               struct fenced_writer_place *last, struct mr_error **error)
{
    (void)writer, (void)deadline_ms, (void)last;
    strcat(scripted.calls, "write ");
    for (size_t i = 0; i < count && scripted.too_large != NULL; i++)
        if (entries[i].topic != NULL && entries[i].value.size == strlen(scripted.too_large) &&
            memcmp(entries[i].value.data, scripted.too_large, entries[i].value.size) == 0)
            return mr_error_set(error, MR_ERR_DATA, "topic orders: message size too large");
    for (size_t i = 0; i < count && !scripted.write_fails; i++) {
        size_t used = strlen(scripted.written);
        if (selection.into != NULL)
            assert_null(entries[i].topic); /* marks and sums alone */
        snprintf(scripted.written + used, sizeof(scripted.written) - used, "%.*s %.*s\n", (int)entries[i].key.size, (const char *)entries[i].key.data,
                 (int)entries[i].value.size, (const char *)entries[i].value.data);
    }
    return scripted.write_fails ? mr_error_set(error, MR_ERR_CONFLICT, "shut out") : 0;
}

void __wrap_fenced_writer_close(struct fenced_writer *writer);
void __wrap_fenced_writer_close(struct fenced_writer *writer)
{
    (void)writer;
    strcat(scripted.calls, "close ");
}

int __wrap_replay_open_writer(struct replaying *owner, struct mr_error **error);
int __wrap_replay_open_writer(struct replaying *owner, struct mr_error **error)
{
    (void)owner, (void)error;
    strcat(scripted.calls, "open ");
    return 0;
}

int __wrap_letters_read_marks(struct dead_letters *owner, struct marks *marks, struct mr_error **error);
int __wrap_letters_read_marks(struct dead_letters *owner, struct marks *marks, struct mr_error **error)
{
    char key[MARKS_KEY_MAX];
    static const char value[] = "{\"state\":\"replayed\",\"id\":\"other\",\"print\":\"0000000000000000\"}";
    (void)owner;
    if (scripted.marked < 0)
        return 0;
    marks_letter_key(key, 0, scripted.marked);
    const struct topic_tail_record record = {.key = bytes_of(key), .value = bytes_of(value)};
    int status = marks_add(marks, &record, error);
    marks_sort(marks);
    return status;
}

int __wrap_letters_scan(struct dead_letters *owner, const struct selection *asked, size_t last, topic_tail_each_fn *each, void *argument,
                        struct mr_error **error);
int __wrap_letters_scan(struct dead_letters *owner, const struct selection *asked, size_t last, topic_tail_each_fn *each, void *argument,
                        struct mr_error **error)
{
    int status = 0;
    (void)asked, (void)last;
    for (int64_t i = 0; status == 0 && i < scripted.topic_letters * 2; i++) {
        const struct topic_tail_record record = {.partition = i % 2 == 0 ? 0 : 3, .offset = i / 2, .timestamp_ms = 1, .value = bytes_of("v")};
        status = each(argument, &record, error);
    }
    for (int64_t offset = 0; status == 0 && scripted.topic_letters == 0 && offset < 5; offset++) {
        const struct topic_tail_record record = {.partition = 3, .offset = offset, .timestamp_ms = 1, .value = bytes_of("v")};
        if (offset == scripted.late_at)
            owner->deadline_ms = clock_monotonic_ms(NULL);
        status = each(argument, &record, error);
    }
    return status < 0 ? -1 : 0;
}

/* ---- a replay with a batch of three ---- */

static void add_letter(int64_t offset, const char *value)
{
    const struct topic_tail_header headers[] = {CONTEXT("topic", "orders"), CONTEXT("partition", "1"), CONTEXT("offset", "5")};
    struct topic_tail_record record = RECORD("k", value, headers);
    struct settled *settled = &replaying->batch[replaying->batch_count++];
    struct letter_view view;
    letter_view_read(&view, &record);
    *settled = (struct settled){.resend = resend_create(&view, &selection, &(struct resend_to){"orders", 1, NULL, "bad"}),
                                .partition = 0,
                                .offset = offset,
                                .state = MARK_REPLAYED};
    assert_non_null(settled->resend);
    marks_letter_key(settled->key, 0, offset);
}

static int set_up(void **state)
{
    static const char text[] = "{\"all\":true,\"into\":\"pipeline\"}";
    (void)state;
    memset(&scripted, 0, sizeof(scripted));
    scripted.marked = -1;
    letters = (struct dead_letters){.topic = "bad", .who = "ann", .deadline_ms = deadline_after_ms(60000)};
    assert_int_equal(0, selection_read(&selection, text, strlen(text), NULL));
    replaying = mem_calloc(1, sizeof(*replaying));
    assert_non_null(replaying);
    replaying->letters = &letters;
    replaying->selection = &selection;
    replaying->refusals = json_array();
    replaying->failures = json_array();
    snprintf(replaying->id, sizeof(replaying->id), "night");
    for (int64_t offset = 0; offset < 3; offset++)
        add_letter(offset, ((const char *const[]){"a", "b", "c"})[offset]);
    return 0;
}

/* By way of the topic, where these stand in the batch. */
static void to_the_topic(void)
{
    mem_free(selection.into);
    selection.into = NULL;
}

static int tear_down(void **state)
{
    (void)state;
    replay_clear(replaying);
    marks_release(&replaying->marks);
    json_decref(replaying->refusals);
    json_decref(replaying->failures);
    mem_free(replaying->items);
    mem_free(replaying);
    selection_release(&selection);
    mr_error_clear(&why);
    return 0;
}

/* The member of the JSON behind the key. */
static json_t *value_of(const char *key)
{
    char begin[100];
    snprintf(begin, sizeof(begin), "%s ", key);
    const char *at = strstr(scripted.written, begin);
    return at == NULL ? NULL : json_loadb(at + strlen(begin), strcspn(at + strlen(begin), "\n"), 0, NULL);
}

static void assert_mark(const char *key, const char *state)
{
    json_t *mark = value_of(key);
    assert_string_equal(state, json_string_value(json_object_get(mark, "state")));
    assert_string_equal("night", json_string_value(json_object_get(mark, "id")));
    assert_string_equal("pipeline", json_string_value(json_object_get(mark, "into")));
    assert_int_equal(1, json_integer_value(json_object_get(mark, "attempt")));
    json_decref(mark);
}

static void assert_sum(const char *state, int replayed, int dropped, int failed)
{
    json_t *sum = value_of("replay/night");
    assert_string_equal(state, json_string_value(json_object_get(sum, "state")));
    assert_int_equal(replayed, json_integer_value(json_object_get(sum, "replayed")));
    assert_int_equal(dropped, json_integer_value(json_object_get(sum, "dropped")));
    assert_int_equal(failed, json_integer_value(json_object_get(sum, "failed")));
    json_decref(sum);
}

/* ---- */

static void letters_are_marked_after_they_are_safe_and_those_that_failed_stay_open(void **state)
{
    (void)state;
    scripted.results = (const enum sink_feed_result[]){SINK_FEED_TAKEN, SINK_FEED_DROPPED, SINK_FEED_FAILED};
    assert_int_equal(0, replay_write(replaying, "done", &why));
    assert_string_equal("deliver write ", scripted.calls);
    assert_mark("letter/0/0", "replayed");
    assert_mark("letter/0/1", "replayed");
    assert_mark("letter/0/2", "open");
    assert_sum("done", 2, 1, 1);
    json_t *answer = replay_answer(replaying, NULL);
    const json_t *failure = json_array_get(json_object_get(answer, "failures"), 0);
    assert_int_equal(2, json_integer_value(json_object_get(failure, "offset")));
    assert_string_equal("TRANSFORMATION", json_string_value(json_object_get(failure, "stage")));
    assert_string_equal("does not fit", json_string_value(json_object_get(failure, "why")));
    assert_int_equal(3, json_integer_value(json_object_get(answer, "now")));
    json_decref(answer);
}

static void of_a_batch_that_stops_half_way_only_what_is_known_is_marked(void **state)
{
    (void)state;
    scripted.results = (const enum sink_feed_result[]){SINK_FEED_TAKEN, SINK_FEED_OPEN, SINK_FEED_OPEN};
    scripted.delivery_fails = true;
    assert_int_equal(-1, replay_write(replaying, "done", &why));
    assert_string_equal("the target is away", mr_error_message(why));
    assert_mark("letter/0/0", "replayed");
    assert_null(value_of("letter/0/1"));
    assert_sum("running", 1, 0, 0);
    assert_int_equal(0, replaying->batch_count);
}

static void of_a_batch_of_which_nothing_is_known_nothing_is_written(void **state)
{
    (void)state;
    scripted.results = (const enum sink_feed_result[]){SINK_FEED_OPEN, SINK_FEED_OPEN, SINK_FEED_OPEN};
    scripted.delivery_fails = true;
    assert_int_equal(-1, replay_write(replaying, "done", &why));
    assert_string_equal("deliver ", scripted.calls);
    assert_int_equal(0, replaying->settled);
}

static void marks_that_cannot_be_written_count_nothing(void **state)
{
    (void)state;
    scripted.results = (const enum sink_feed_result[]){SINK_FEED_TAKEN, SINK_FEED_DROPPED, SINK_FEED_FAILED};
    scripted.write_fails = true;
    assert_int_equal(-1, replay_write(replaying, "done", &why));
    assert_int_equal(MR_ERR_CONFLICT, mr_error_code(why));
    assert_int_equal(0, replaying->settled + replaying->failed + replaying->dropped);
    assert_int_equal(0, json_array_size(replaying->failures));
}

static void a_replay_that_goes_on_counts_on(void **state)
{
    (void)state;
    scripted.results = (const enum sink_feed_result[]){SINK_FEED_TAKEN, SINK_FEED_DROPPED, SINK_FEED_FAILED};
    replaying->marks.replay = json_pack("{s:i,s:i,s:i,s:I}", "replayed", 10, "dropped", 2, "failed", 3, "began", (json_int_t)77);
    replay_remember(replaying);
    assert_int_equal(0, replay_write(replaying, "done", &why));
    assert_sum("done", 12, 3, 4);
    assert_int_equal(77, replaying->began_ms);
}

static void one_letter_that_is_too_large_is_refused_and_holds_up_no_other(void **state)
{
    (void)state;
    to_the_topic();
    scripted.too_large = "b";
    assert_int_equal(0, replay_write(replaying, "done", &why));
    assert_string_equal("write close open write write close open write write ", scripted.calls);
    assert_non_null(strstr(scripted.written, "k a\nletter/0/0 "));
    assert_non_null(strstr(scripted.written, "k c\nletter/0/2 "));
    assert_null(strstr(scripted.written, "letter/0/1"));
    assert_int_equal(2, replaying->settled);
    assert_int_equal(1, replaying->refused);
    const json_t *refusal = json_array_get(replaying->refusals, 0);
    assert_int_equal(1, json_integer_value(json_object_get(refusal, "offset")));
    assert_non_null(strstr(json_string_value(json_object_get(refusal, "why")), "too large"));
    assert_non_null(strstr(scripted.written, "\"state\":\"done\""));
    assert_int_equal(0, replaying->batch_count);
}

static void what_another_replay_marked_meanwhile_is_not_written_again(void **state)
{
    (void)state;
    to_the_topic();
    scripted.too_large = "b";
    scripted.marked = 2;
    assert_int_equal(0, replay_write(replaying, "done", &why));
    assert_null(strstr(scripted.written, "letter/0/2"));
    assert_int_equal(1, replaying->settled);
    assert_int_equal(1, replaying->done_before);
}

static json_t *discard(const char *text)
{
    struct selection asked;
    assert_int_equal(0, selection_read(&asked, text, strlen(text), NULL));
    json_t *answer = dead_letters_discard(&letters, &asked, &why);
    selection_release(&asked);
    return answer;
}

static void a_topic_that_takes_longer_than_there_is_time_is_gone_through_with_progress(void **state)
{
    (void)state;
    scripted.late_at = 2;
    json_t *answer = discard("{\"all\":true,\"force\":true}");
    assert_non_null(answer);
    assert_true(json_is_true(json_object_get(answer, "more")));
    assert_string_equal("running", json_string_value(json_object_get(answer, "state")));
    assert_int_equal(2, json_integer_value(json_object_get(answer, "now")));
    json_decref(answer);
}

static void a_call_that_came_to_no_letter_says_where_to_go_on_and_not_that_there_is_more(void **state)
{
    (void)state;
    scripted.late_at = 2;
    assert_null(discard("{\"group\":\"another\"}"));
    assert_int_equal(MR_ERR_TIMEOUT, mr_error_code(why));
    assert_non_null(strstr(mr_error_message(why), "partition 3 was read up to offset 2"));
}

static bool list_is_complete(int64_t letters_of_each)
{
    struct selection asked;
    scripted.topic_letters = letters_of_each;
    assert_int_equal(0, selection_read(&asked, NULL, 0, NULL));
    json_t *list = dead_letters_list(&letters, &asked, &why);
    assert_non_null(list);
    assert_int_equal(2 * letters_of_each, json_integer_value(json_object_get(list, "seen")));
    bool is_complete = json_is_true(json_object_get(list, "complete"));
    json_decref(list);
    selection_release(&asked);
    return is_complete;
}

static void a_list_is_complete_as_long_as_each_partition_was_seen_whole(void **state)
{
    (void)state;
    assert_true(list_is_complete(DEAD_LETTERS_SCAN_MAX / 2 + 1));
    assert_false(list_is_complete(DEAD_LETTERS_SCAN_MAX));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(letters_are_marked_after_they_are_safe_and_those_that_failed_stay_open),
        TEST(of_a_batch_that_stops_half_way_only_what_is_known_is_marked),
        TEST(of_a_batch_of_which_nothing_is_known_nothing_is_written),
        TEST(marks_that_cannot_be_written_count_nothing),
        TEST(a_replay_that_goes_on_counts_on),
        TEST(one_letter_that_is_too_large_is_refused_and_holds_up_no_other),
        TEST(a_topic_that_takes_longer_than_there_is_time_is_gone_through_with_progress),
        TEST(a_call_that_came_to_no_letter_says_where_to_go_on_and_not_that_there_is_more),
        TEST(a_list_is_complete_as_long_as_each_partition_was_seen_whole),
        TEST(what_another_replay_marked_meanwhile_is_not_written_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
