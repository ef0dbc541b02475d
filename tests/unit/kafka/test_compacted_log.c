/* compacted_log on the mock cluster: reading from the start, read to end, reading one's own writes, stopping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/lease.h"
#include "base/thread.h"
#include "kafka/compacted_log_internal.h"
#include "kafka/graveyard.h"
#include "mock.h"
#include "support/eventually.h"

#define TOPICS 2
#define SOON_MS 20000

struct seen {
    atomic_int records, bursts, caught_up, lost, tombstones;
    _Atomic int64_t next[8];
    atomic_int disorder;
};

struct fixture {
    struct mock mock;
    struct graveyard *graveyard;
    struct compacted_log *log;
    struct seen seen[TOPICS];
    struct lease lease;
};

static void on_record(void *argument, const struct compacted_log_record *record)
{
    struct seen *seen = argument;
    if (record->offset < seen->next[record->partition])
        seen->disorder++;
    seen->next[record->partition] = record->offset + 1;
    if (record->value.data == NULL)
        seen->tombstones++;
    seen->records++;
}

static void on_burst_end(void *argument)
{
    ((struct seen *)argument)->bursts++;
}

static void on_caught_up(void *argument, size_t topic)
{
    (void)topic;
    ((struct seen *)argument)->caught_up++;
}

static void on_lost(void *argument, size_t topic, int32_t partition, enum compacted_log_loss loss, const char *words)
{
    (void)topic, (void)partition, (void)loss, (void)words;
    ((struct seen *)argument)->lost++;
}

static const struct compacted_log_listener listener = {on_record, on_burst_end, on_caught_up, on_lost};

static void open_log(struct fixture *fixture, struct compacted_log **log, struct seen *seen)
{
    struct client_config *consumer = mock_config(&fixture->mock, CLIENT_INTERNAL_CONSUMER, NULL, "");
    struct client_config *producer = mock_config(&fixture->mock, CLIENT_INTERNAL_PRODUCER, NULL, "");
    struct compacted_log_topic topics[TOPICS] = {{"config", 0, &listener, &seen[0], true},
                                                  {"status", 5000, &listener, &seen[1], false}};
    *log = compacted_log_create(&(struct compacted_log_setup){.consumer = consumer, .producer = producer,
                                                              .topics = topics, .topic_count = TOPICS,
                                                              .graveyard = fixture->graveyard,
                                                              .watch_interval_ms = 50,
                                                              .lease = &fixture->lease}, NULL);
    assert_non_null(*log);
    client_config_drop(consumer);
    client_config_drop(producer);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    mock_open(&fixture.mock);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "config", 1, 1);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "status", 3, 1);
    fixture.graveyard = graveyard_create(NULL);
    lease_set(&fixture.lease, LEASE_FOR_EVER);
    open_log(&fixture, &fixture.log, fixture.seen);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    compacted_log_destroy(fixture->log);
    graveyard_destroy(fixture->graveyard, deadline_after_ms(SOON_MS));
    mock_close(&fixture->mock);
    return 0;
}

static void start(struct compacted_log *log)
{
    struct mr_error *error = NULL;
    if (compacted_log_start(log, deadline_after_ms(SOON_MS), &error) != 0)
        fail_msg("%s", mr_error_message(error));
}

/* A broker that has not heard of it yet. */
static void a_topic_that_was_just_created_is_asked_for_again(void **state)
{
    struct fixture *fixture = *state;
    enum { LIST_OFFSETS = 2, TIMES = 4 };
    rd_kafka_resp_err_t errors[TIMES];
    for (int i = 0; i < TIMES; i++)
        errors[i] = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    rd_kafka_mock_push_request_errors_array(fixture->mock.cluster, LIST_OFFSETS, TIMES, errors);
    start(fixture->log);
    assert_int_equal(compacted_log_read_to_end(fixture->log, 1, deadline_after_ms(SOON_MS), NULL), 0);
}

static struct compacted_log_entry entry_of(size_t topic, const char *key, const char *value)
{
    return (struct compacted_log_entry){topic, {key, strlen(key)}, {value, value != NULL ? strlen(value) : 0}};
}

static void an_empty_log_is_caught_up_at_once(void **state)
{
    struct fixture *fixture = *state;
    start(fixture->log);
    for (size_t i = 0; i < TOPICS; i++)
        assert_int_equal(compacted_log_read_to_end(fixture->log, i, deadline_after_ms(SOON_MS), NULL), 0);
    assert_true(compacted_log_is_caught_up(fixture->log, 0) && compacted_log_is_caught_up(fixture->log, 1));
    assert_int_equal(fixture->seen[0].caught_up, 1);
    assert_int_equal(compacted_log_partition_count(fixture->log, 1), 3);
}

static void what_was_appended_is_read_back(void **state)
{
    struct fixture *fixture = *state;
    start(fixture->log);
    struct compacted_log_entry entries[] = {entry_of(0, "a", "1"), entry_of(0, "b", ""), entry_of(0, "a", NULL)};
    assert_int_equal(compacted_log_append_and_read_back(fixture->log, entries, 3, deadline_after_ms(SOON_MS), NULL), 0);
    assert_int_equal(fixture->seen[0].records, 3);
    assert_int_equal(fixture->seen[0].tombstones, 1);
    assert_true(fixture->seen[0].bursts > 0);
    assert_int_equal(compacted_log_position(fixture->log, 0, 0), 3);
}

static void read_to_end_sees_what_others_wrote_before(void **state)
{
    struct fixture *fixture = *state;
    struct compacted_log *other;
    struct seen others[TOPICS] = {0};
    start(fixture->log);
    open_log(fixture, &other, others);
    start(other);
    for (int i = 0; i < 300; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        struct compacted_log_entry entry = entry_of(1, key, "v");
        assert_int_equal(compacted_log_append(other, &entry, 1, NULL, NULL, NULL), 0);
    }
    struct compacted_log_entry last = entry_of(0, "last", "v");
    assert_int_equal(compacted_log_append_and_wait(other, &last, 1, deadline_after_ms(SOON_MS), NULL), 0);
    assert_int_equal(compacted_log_read_to_end(fixture->log, 0, deadline_after_ms(SOON_MS), NULL), 0);
    assert_int_equal(fixture->seen[0].records, 1);
    compacted_log_stop(other, deadline_after_ms(SOON_MS));
    assert_int_equal(compacted_log_read_to_end(fixture->log, 1, deadline_after_ms(SOON_MS), NULL), 0);
    assert_int_equal(fixture->seen[1].records, 300);
    assert_int_equal(fixture->seen[1].disorder, 0);
    compacted_log_destroy(other);
}

static void a_log_starts_at_the_beginning(void **state)
{
    struct fixture *fixture = *state;
    struct compacted_log *second;
    struct seen seen[TOPICS] = {0};
    start(fixture->log);
    struct compacted_log_entry entries[] = {entry_of(0, "a", "1"), entry_of(1, "b", "2")};
    assert_int_equal(compacted_log_append_and_wait(fixture->log, entries, 2, deadline_after_ms(SOON_MS), NULL), 0);
    open_log(fixture, &second, seen);
    start(second);
    for (size_t i = 0; i < TOPICS; i++)
        assert_int_equal(compacted_log_read_to_end(second, i, deadline_after_ms(SOON_MS), NULL), 0);
    assert_int_equal(seen[0].records, 1);
    assert_int_equal(seen[1].records, 1);
    assert_int_equal(seen[0].caught_up, 1);
    compacted_log_destroy(second);
}

struct waiting {
    struct compacted_log *log;
    atomic_int worked;
};

static void *read_many_times(void *argument)
{
    struct waiting *waiting = argument;
    for (int i = 0; i < 50; i++)
        waiting->worked += compacted_log_read_to_end(waiting->log, (size_t)i % TOPICS, deadline_after_ms(SOON_MS), NULL) == 0;
    return NULL;
}

static void many_callers_may_wait_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct waiting waiting = {fixture->log, 0};
    pthread_t threads[4];
    start(fixture->log);
    for (size_t i = 0; i < 4; i++)
        assert_true(thread_start(&threads[i], &(struct thread_setup){"waiter", read_many_times, &waiting, 0}, NULL, 0));
    for (int i = 0; i < 100; i++) {
        struct compacted_log_entry entry = entry_of((size_t)i % TOPICS, "key", "value");
        assert_int_equal(compacted_log_append(fixture->log, &entry, 1, NULL, NULL, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++)
        thread_join(threads[i]);
    assert_int_equal(waiting.worked, 200);
}

static void count_refusals(void *argument, const struct mr_error *error)
{
    if (error != NULL)
        (*(atomic_int *)argument)++;
}

static void a_stop_tells_everybody_who_waits(void **state)
{
    struct fixture *fixture = *state;
    atomic_int refused = 0;
    start(fixture->log);
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    compacted_log_read_to_end_then(fixture->log, 0, DEADLINE_NEVER, count_refusals, &refused);
    struct compacted_log_entry entry = entry_of(0, "a", "1");
    assert_int_equal(compacted_log_append(fixture->log, &entry, 1, count_refusals, &refused, NULL), 0);
    compacted_log_stop(fixture->log, deadline_after_ms(50));
    assert_int_equal(refused, 2);
    compacted_log_read_to_end_then(fixture->log, 0, DEADLINE_NEVER, count_refusals, &refused);
    assert_int_equal(refused, 3);
    struct mr_error *error = NULL;
    assert_int_equal(compacted_log_append(fixture->log, &entry, 1, NULL, NULL, &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_CONFLICT);
    mr_error_drop(error);
}

static void a_missing_answer_ends_at_the_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    start(fixture->log);
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    assert_int_equal(compacted_log_read_to_end(fixture->log, 0, deadline_after_ms(300), &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_TIMEOUT);
    mr_error_drop(error);
    rd_kafka_mock_broker_set_up(fixture->mock.cluster, 1);
    assert_int_equal(compacted_log_read_to_end(fixture->log, 0, deadline_after_ms(SOON_MS), NULL), 0);
}

static bool is_told_of_a_transaction(void *log)
{
    struct mr_error *error = NULL;
    assert_int_equal(compacted_log_read_past(log, 0, 0, 5, deadline_after_ms(2000), &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_TIMEOUT);
    bool is_told = strcmp(mr_error_message(error), "a transaction is still open in partition 0 of topic config, which could not be read to "
                                                   "its end in time") == 0;
    mr_error_drop(error);
    return is_told;
}

/* The mock knows no transactions: a place beyond what it hands out stands for one behind an open transaction. What stands there is known
 * when the broker has said that it hands out no more. */
static void who_waits_behind_an_open_transaction_hears_of_it(void **state)
{
    struct fixture *fixture = *state;
    fixture->log->read_committed = true;
    start(fixture->log);
    struct compacted_log_entry entry = entry_of(0, "a", "1");
    assert_int_equal(compacted_log_append_and_read_back(fixture->log, &entry, 1, deadline_after_ms(SOON_MS), NULL), 0);
    assert_true(eventually(SOON_MS, is_told_of_a_transaction, fixture->log));
}

static void what_was_there_at_the_start_can_be_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct compacted_log *second;
    struct seen seen[TOPICS] = {0};
    start(fixture->log);
    struct compacted_log_entry entries[] = {entry_of(1, "a", "1"), entry_of(1, "b", "2"), entry_of(1, "c", "3")};
    assert_int_equal(compacted_log_append_and_wait(fixture->log, entries, 3, deadline_after_ms(SOON_MS), NULL), 0);
    open_log(fixture, &second, seen);
    second->read_committed = true;
    start(second);
    assert_int_equal(compacted_log_catch_up(second, 0, deadline_after_ms(SOON_MS), NULL), 0);
    assert_int_equal(compacted_log_catch_up(second, 1, deadline_after_ms(SOON_MS), NULL), 0);
    assert_int_equal(seen[1].records, 3);
    assert_int_equal(seen[1].caught_up, 1);
    compacted_log_destroy(second);
}

static void note_code(void *argument, const struct mr_error *error)
{
    atomic_store((atomic_int *)argument, error != NULL ? (int)mr_error_code(error) : -1);
}

static bool has_code(void *argument)
{
    return atomic_load((atomic_int *)argument) != 0;
}

static void what_is_not_written_when_the_lease_ends_is_not_written_later(void **state)
{
    struct fixture *fixture = *state;
    static atomic_int code;
    start(fixture->log);
    struct compacted_log_entry before = entry_of(0, "a", "1"), late = entry_of(0, "a", "2"), after = entry_of(0, "b", "3");
    assert_int_equal(compacted_log_append_and_wait(fixture->log, &before, 1, deadline_after_ms(SOON_MS), NULL), 0);
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    code = 0;
    assert_int_equal(compacted_log_append(fixture->log, &late, 1, note_code, &code, NULL), 0);
    lease_set(&fixture->lease, 0);
    assert_true(eventually(SOON_MS, has_code, &code));
    assert_int_equal(code, MR_ERR_RETRIABLE);
    rd_kafka_mock_broker_set_up(fixture->mock.cluster, 1);
    assert_int_equal(compacted_log_append_and_read_back(fixture->log, &after, 1, deadline_after_ms(SOON_MS), NULL), 0);
    assert_int_equal(fixture->seen[0].records, 2);
}

static bool is_lost(void *argument)
{
    return atomic_load(&((struct seen *)argument)->lost) > 0;
}

static void a_deleted_topic_is_noticed_by_who_only_reads(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    start(fixture->log);
    rd_kafka_mock_topic_set_error(fixture->mock.cluster, "status", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    rd_kafka_mock_topic_set_error(fixture->mock.cluster, "config", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_true(eventually(SOON_MS, is_lost, &fixture->seen[0]));
    assert_false(is_lost(&fixture->seen[1]));   /* is not watched */
    assert_int_equal(compacted_log_read_to_end(fixture->log, 0, deadline_after_ms(SOON_MS), &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_CONFLICT);
    mr_error_drop(error);
    assert_int_equal(fixture->seen[0].lost, 1);
}

#if RD_KAFKA_VERSION >= 0x020300ff
/* The mock never gives a topic another id; so that which was noted of it is another one's. */
static void a_topic_made_anew_with_as_many_records_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct log_topic *topics = fixture->log->topics;
    snprintf(topics[0].id, sizeof topics[0].id, "of a former topic");
    snprintf(topics[1].id, sizeof topics[1].id, "of a former topic");
    start(fixture->log);
    assert_true(eventually(SOON_MS, is_lost, &fixture->seen[0]));
    assert_false(is_lost(&fixture->seen[1]));   /* is not watched */
}

/* Two of a look. */
static bool has_asked_for_metadata_often(void *argument)
{
    size_t count, metadata = 0;
    rd_kafka_mock_request_t **requests = rd_kafka_mock_get_requests(((struct fixture *)argument)->mock.cluster, &count);
    for (size_t i = 0; i < count; i++)
        metadata += rd_kafka_mock_request_api_key(requests[i]) == 3;
    rd_kafka_mock_request_destroy_array(requests, count);
    return metadata >= 10;
}

static void a_watched_topic_is_known_by_its_id(void **state)
{
    struct fixture *fixture = *state;
    start(fixture->log);
    assert_true(fixture->log->topics[0].id[0] != '\0');
    rd_kafka_mock_start_request_tracking(fixture->mock.cluster);
    assert_true(eventually(SOON_MS, has_asked_for_metadata_often, fixture));
    assert_false(is_lost(&fixture->seen[0]));
}
#endif

static void nobody_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    assert_int_equal(compacted_log_start(fixture->log, deadline_after_ms(300), &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_TIMEOUT);
    mr_error_drop(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_log_is_caught_up_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_appended_is_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(read_to_end_sees_what_others_wrote_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_starts_at_the_beginning, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_callers_may_wait_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_tells_everybody_who_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_topic_that_was_just_created_is_asked_for_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_answer_ends_at_the_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_written_when_the_lease_ends_is_not_written_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deleted_topic_is_noticed_by_who_only_reads, set_up, tear_down),
#if RD_KAFKA_VERSION >= 0x020300ff
        cmocka_unit_test_setup_teardown(a_topic_made_anew_with_as_many_records_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_watched_topic_is_known_by_its_id, set_up, tear_down),
#endif
        cmocka_unit_test_setup_teardown(who_waits_behind_an_open_transaction_hears_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_there_at_the_start_can_be_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_is_there, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
