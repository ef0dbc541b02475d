/* fenced_writer on the mock cluster. What the mock cannot show (a writer that a later one has shut out, what is aborted not being read)
 * is shown with real brokers: tests/system/test_cluster_failures.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/thread.h"
#include "kafka/fenced_writer.h"
#include "kafka/graveyard.h"
#include "kafka/topic_tail.h"
#include "mock.h"

#define SOON_MS 20000
#define API_PRODUCE 0
#define API_INIT_PRODUCER_ID 22
#define API_END_TXN 26

struct fixture {
    struct mock mock;
    struct fenced_writer *writer;
};

static struct fenced_writer *open_writer(struct fixture *fixture, struct mr_error **error)
{
    /* retries=0 stands in many a worker's file; it would forbid transactions. */
    struct client_config *config = mock_config(&fixture->mock, CLIENT_INTERNAL_PRODUCER, NULL, "retries=0\nmax.request.size=20000\n");
    struct fenced_writer *writer = fenced_writer_open(
        &(struct fenced_writer_setup){.config = config, .transactional_id = "connect-cluster-g", .topic = "configs"},
        deadline_after_ms(SOON_MS), error);
    client_config_drop(config);
    return writer;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    mock_open(&fixture->mock);
    rd_kafka_mock_topic_create(fixture->mock.cluster, "configs", 1, 1);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    fenced_writer_close(fixture->writer);
    mock_close(&fixture->mock);
    free(fixture);
    return 0;
}

static int with_writer(void **state)
{
    set_up(state);
    struct fixture *fixture = *state;
    fixture->writer = open_writer(fixture, NULL);
    assert_non_null(fixture->writer);
    return 0;
}

static struct mr_bytes bytes_of(const char *text)
{
    return (struct mr_bytes){text, text != NULL ? strlen(text) : 0};
}

/* Two records and a tombstone. */
static int write_three(struct fixture *fixture, int64_t deadline_ms, struct fenced_writer_place *last, struct mr_error **error)
{
    const struct fenced_writer_entry entries[] = {
        {.key = bytes_of("a"), .value = bytes_of("1")},
        {.key = bytes_of("b"), .value = bytes_of("2")},
        {.key = bytes_of("a"), .value = bytes_of(NULL)}};
    return fenced_writer_write(fixture->writer, entries, 3, deadline_ms, last, error);
}

static void assert_works(struct fixture *fixture)
{
    struct fenced_writer_place last;
    struct mr_error *error = NULL;
    assert_true(fenced_writer_is_usable(fixture->writer));
    write_three(fixture, deadline_after_ms(SOON_MS), &last, &error);
    if (error != NULL)
        fail_msg("%s", mr_error_message(error));
}

static void assert_refused(struct fixture *fixture, int64_t deadline_ms, enum mr_error_code code, const char *words)
{
    struct fenced_writer_place last;
    struct mr_error *error = NULL;
    assert_int_equal(write_three(fixture, deadline_ms, &last, &error), -1);
    if (mr_error_code(error) != code || strstr(mr_error_message(error), words) == NULL)
        fail_msg("%d %s", (int)mr_error_code(error), mr_error_message(error));
    mr_error_drop(error);
}

static void a_call_says_where_its_last_entry_is(void **state)
{
    struct fixture *fixture = *state;
    struct fenced_writer_place first, second;
    assert_int_equal(write_three(fixture, deadline_after_ms(SOON_MS), &first, NULL), 0);
    assert_int_equal(write_three(fixture, deadline_after_ms(SOON_MS), &second, NULL), 0);
    assert_int_equal(first.partition, 0);
    assert_true(first.offset >= 2);
    assert_true(second.offset >= first.offset + 3);
}

static int look(void *argument, const struct topic_tail_record *record, struct mr_error **error)
{
    (void)error;
    assert_int_equal(1, record->partition);
    assert_int_equal(1700000000000, record->timestamp_ms);
    assert_int_equal(1, record->key.size);
    assert_null(record->value.data);
    assert_int_equal(3, record->header_count);
    assert_string_equal("h", record->headers[0].name);
    assert_int_equal(2, record->headers[0].value.size);
    assert_memory_equal("\0x", record->headers[0].value.data, 2);
    assert_null(record->headers[1].value.data);
    assert_non_null(record->headers[2].value.data);
    assert_int_equal(0, record->headers[2].value.size);
    ++*(int *)argument;
    return 0;
}

static void an_entry_goes_where_it_says_as_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct fenced_writer_place last;
    const struct fenced_writer_header headers[] = {{"h", {"\0x", 2}}, {"n", {NULL, 0}}, {"h", {"", 0}}};
    const struct fenced_writer_entry entries[] = {{.key = bytes_of("a"), .value = bytes_of("1")},
                                                  {.key = bytes_of("k"),
                                                   .topic = "elsewhere",
                                                   .partition = 1,
                                                   .timestamp_ms = 1700000000000,
                                                   .headers = headers,
                                                   .header_count = 3}};
    struct client_config *config = mock_config(&fixture->mock, CLIENT_CONSUMER, "g", "fetch.max.wait.ms=10");
    struct graveyard *graveyard = graveyard_create(NULL);
    int seen = 0;
    rd_kafka_mock_topic_create(fixture->mock.cluster, "elsewhere", 2, 1);
    assert_int_equal(0, fenced_writer_write(fixture->writer, entries, 2, deadline_after_ms(SOON_MS), &last, NULL));
    struct topic_tail *tail = topic_tail_read(&(struct topic_tail_setup){.config = config,
                                                                         .graveyard = graveyard,
                                                                         .topic = "elsewhere",
                                                                         .last = SIZE_MAX,
                                                                         .deadline_ms = deadline_after_ms(SOON_MS),
                                                                         .each = look,
                                                                         .argument = &seen},
                                              NULL);
    assert_non_null(tail);
    assert_int_equal(1, seen);
    topic_tail_destroy(tail);
    client_config_drop(config);
    graveyard_destroy(graveyard, deadline_after_ms(SOON_MS));
}

static void what_is_too_large_leaves_nothing_and_the_writer_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct fenced_writer_place last;
    struct mr_error *error = NULL;
    char *large = calloc(1, 30001);
    memset(large, 'x', 30000);
    const struct fenced_writer_entry entries[] = {{.key = bytes_of("a"), .value = bytes_of("1")}, {.key = bytes_of("b"), .value = bytes_of(large)}};
    assert_int_equal(fenced_writer_write(fixture->writer, entries, 2, deadline_after_ms(SOON_MS), &last, &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_DATA);
    mr_error_drop(error);
    free(large);
    assert_works(fixture);
}

static void what_the_brokers_do_not_take_ends_the_writer(void **state)
{
    struct fixture *fixture = *state;
    rd_kafka_mock_push_request_errors(fixture->mock.cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_POLICY_VIOLATION);
    assert_refused(fixture, deadline_after_ms(SOON_MS), MR_ERR_CONNECT, "topic configs: Broker: Policy violation");
    assert_false(fenced_writer_is_usable(fixture->writer));
    fenced_writer_close(fixture->writer);
    fixture->writer = open_writer(fixture, NULL);
    assert_works(fixture);
}

static void a_writer_that_is_shut_out_is_of_no_use_any_more(void **state)
{
    struct fixture *fixture = *state;
    rd_kafka_mock_push_request_errors(fixture->mock.cluster, API_END_TXN, 1, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
    assert_refused(fixture, deadline_after_ms(SOON_MS), MR_ERR_CONFLICT, "transactional id connect-cluster-g");
    assert_false(fenced_writer_is_usable(fixture->writer));
    fenced_writer_close(fixture->writer);
    fixture->writer = open_writer(fixture, NULL);
    assert_works(fixture);
}

static void a_commit_without_an_answer_ends_the_writer(void **state)
{
    struct fixture *fixture = *state;
    rd_kafka_mock_broker_set_rtt(fixture->mock.cluster, 1, 5000);
    assert_refused(fixture, deadline_after_ms(500), MR_ERR_TIMEOUT, "transactional id connect-cluster-g");
    assert_false(fenced_writer_is_usable(fixture->writer));
    rd_kafka_mock_broker_set_rtt(fixture->mock.cluster, 1, 0);
}

static void whoever_is_not_allowed_is_told_so(void **state)
{
    struct fixture *fixture = *state;
    static const rd_kafka_resp_err_t denials[] = {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
                                                  RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED};
    for (size_t i = 0; i < sizeof(denials) / sizeof(denials[0]); i++) {
        struct mr_error *error = NULL;
        rd_kafka_mock_push_request_errors(fixture->mock.cluster, API_INIT_PRODUCER_ID, 1, denials[i]);
        assert_null(open_writer(fixture, &error));
        assert_int_equal(mr_error_code(error), MR_ERR_NOT_SUPPORTED);
        assert_non_null(strstr(mr_error_message(error), "transactional id connect-cluster-g: "));
        assert_non_null(strstr(mr_error_message(error), "uthorization failed"));
        mr_error_drop(error);
    }
}

static void brokers_that_do_not_answer_are_no_denial(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    struct client_config *config = mock_config(&fixture->mock, CLIENT_INTERNAL_PRODUCER, NULL, "");
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    assert_null(fenced_writer_open(
        &(struct fenced_writer_setup){.config = config, .transactional_id = "connect-cluster-g", .topic = "configs"},
        deadline_after_ms(300), &error));
    assert_int_equal(mr_error_code(error), MR_ERR_TIMEOUT);
    mr_error_drop(error);
    client_config_drop(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_call_says_where_its_last_entry_is, with_writer, tear_down),
        cmocka_unit_test_setup_teardown(an_entry_goes_where_it_says_as_it_is, with_writer, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_large_leaves_nothing_and_the_writer_goes_on, with_writer, tear_down),
        cmocka_unit_test_setup_teardown(what_the_brokers_do_not_take_ends_the_writer, with_writer, tear_down),
        cmocka_unit_test_setup_teardown(a_writer_that_is_shut_out_is_of_no_use_any_more, with_writer, tear_down),
        cmocka_unit_test_setup_teardown(a_commit_without_an_answer_ends_the_writer, with_writer, tear_down),
        cmocka_unit_test_setup_teardown(whoever_is_not_allowed_is_told_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(brokers_that_do_not_answer_are_no_denial, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
