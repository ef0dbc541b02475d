/* Transactions of a producer, on the mock cluster. What the mock cannot show (what an aborted one leaves for its readers, two producers of
 * one id) is shown with real brokers. */
#include "producer_test.h"

#include "base/clock.h"
#include "kafka/producer_transaction.h"

#define LINES "transactional.id=g-source-0\nenable.idempotence=true\nretries=2147483647\nacks=all\nmax.request.size=20000\n"
#define API_PRODUCE 0
#define API_INIT_PRODUCER_ID 22
#define API_END_TXN 26

static atomic_int fatal_told;

static void on_fatal(void *argument)
{
    (void)argument;
    fatal_told++;
}

static const struct producer_user_listener transactional_listener = {
    on_delivery, on_writable, on_swapped, on_closed, on_fatal};

static struct producer_user *open_user(struct fixture *fixture, struct sender *sender)
{
    struct client_config *config = mock_config(&fixture->mock, CLIENT_PRODUCER, NULL, LINES);
    struct mr_error *error = NULL;
    struct producer_user *user = producer_user_open(
        fixture->pool,
        &(struct producer_user_setup){.config = config, .name = "test", .listener = &transactional_listener, .argument = sender},
        &error);
    if (user == NULL)
        fail_msg("%s", mr_error_message(error));
    client_config_drop(config);
    return user;
}

static void open_sender(struct fixture *fixture, struct sender *sender)
{
    fatal_told = 0;
    *sender = (struct sender){.letters = calloc(RECORDS_MAX, sizeof *sender->letters)};
    for (int i = 0; i < RECORDS_MAX; i++)
        sender->letters[i].number = i;
    sender->user = open_user(fixture, sender);
    sender->topic = producer_user_topic(sender->user, "one");
}

static void expect(enum producer_transaction wanted, enum producer_transaction came, struct mr_error **error)
{
    if (came != wanted)
        fail_msg("%d, not %d: %s", (int)came, (int)wanted, *error == NULL ? "" : mr_error_message(*error));
    mr_error_clear(error);
}

static void begin(struct sender *sender)
{
    struct mr_error *error = NULL;
    expect(PRODUCER_TRANSACTION_DONE, producer_transaction_begin(sender->user, &error), &error);
}

static void open_ready(struct fixture *fixture, struct sender *sender)
{
    struct mr_error *error = NULL;
    open_sender(fixture, sender);
    expect(PRODUCER_TRANSACTION_DONE, producer_transactions_init(sender->user, deadline_after_ms(SOON_MS), &error), &error);
}

static void commit(struct sender *sender, enum producer_transaction wanted)
{
    struct mr_error *error = NULL;
    expect(wanted, producer_transaction_commit(sender->user, deadline_after_ms(SOON_MS), &error), &error);
}

static void abort_it(struct sender *sender, enum producer_transaction wanted)
{
    struct mr_error *error = NULL;
    expect(wanted, producer_transaction_abort(sender->user, deadline_after_ms(SOON_MS), &error), &error);
}

static void what_is_committed_was_acknowledged_before(void **state)
{
    struct sender sender;
    open_ready(*state, &sender);
    for (int i = 0; i < 3; i++) {
        begin(&sender);
        send_from(&sender, i * 500, 500);
        commit(&sender, PRODUCER_TRANSACTION_DONE);
        assert_int_equal(sender.acked, (i + 1) * 500);
        assert_int_equal(producer_user_record_count(sender.user), 0);
    }
    assert_int_equal(sender.disorder, 0);
    sender_close(&sender);
}

static bool all_are_back(void *argument)
{
    return producer_user_record_count(((struct sender *)argument)->user) == 0;
}

static void an_abort_gives_back_what_is_under_way(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    open_ready(fixture, &sender);
    begin(&sender);
    send_from(&sender, 0, 10);
    assert_true(eventually(SOON_MS, all_are_back, &sender));
    rd_kafka_mock_broker_set_rtt(fixture->mock.cluster, 1, 500);
    send_from(&sender, 10, 10);
    abort_it(&sender, PRODUCER_TRANSACTION_DONE);
    rd_kafka_mock_broker_set_rtt(fixture->mock.cluster, 1, 0);
    assert_true(eventually(SOON_MS, all_are_back, &sender));
    assert_int_equal(sender.acked + sender.not_sent, 20);
    assert_int_equal(sender.swapped, 0);
    begin(&sender);
    send_from(&sender, 20, 10);
    commit(&sender, PRODUCER_TRANSACTION_DONE);
    sender_close(&sender);
}

static void a_record_that_the_brokers_refuse_fails_the_commit(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    open_ready(fixture, &sender);
    begin(&sender);
    rd_kafka_mock_push_request_errors(fixture->mock.cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_POLICY_VIOLATION);
    send_from(&sender, 0, 1);
    commit(&sender, PRODUCER_TRANSACTION_ABORT);
    assert_int_equal(sender.failed, 1);
    abort_it(&sender, PRODUCER_TRANSACTION_DONE);
    assert_int_equal(fatal_told, 0);
    sender_close(&sender);
}

static bool fatal_is_told(void *argument)
{
    (void)argument;
    return fatal_told > 0;
}

static void who_is_shut_out_is_told_so_once(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    struct mr_error *error = NULL;
    open_ready(fixture, &sender);
    begin(&sender);
    send_from(&sender, 0, 5);
    rd_kafka_mock_push_request_errors(fixture->mock.cluster, API_END_TXN, 1, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
    commit(&sender, PRODUCER_TRANSACTION_FENCED);
    assert_true(eventually(SOON_MS, fatal_is_told, NULL));
    assert_int_equal(producer_transaction_begin(sender.user, &error), PRODUCER_TRANSACTION_FENCED);
    assert_int_equal(mr_error_code(error), MR_ERR_CONFLICT);
    assert_non_null(strstr(mr_error_message(error), "transactional id g-source-0: "));
    mr_error_clear(&error);
    struct producer_ticket ticket = {0};
    struct producer_record late = {.topic = sender.topic, .partition = -1, .timestamp_ms = -1, .ticket = &ticket};
    size_t taken = 0;
    assert_int_equal(producer_send(sender.user, &late, 1, &taken, &error), -1); /* no swap will make it better */
    assert_int_equal(taken, 0);
    mr_error_drop(error);
    assert_int_equal(sender.swapped, 0);
    sender_close(&sender);
    assert_int_equal(fatal_told, 1);
}

static void a_commit_without_an_answer_is_asked_for_again(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    struct mr_error *error = NULL;
    open_ready(fixture, &sender);
    begin(&sender);
    send_from(&sender, 0, 5);
    assert_true(eventually(SOON_MS, all_are_back, &sender));
    rd_kafka_mock_broker_set_rtt(fixture->mock.cluster, 1, 2000);
    expect(PRODUCER_TRANSACTION_AGAIN, producer_transaction_commit(sender.user, deadline_after_ms(200), &error), &error);
    rd_kafka_mock_broker_set_rtt(fixture->mock.cluster, 1, 0);
    commit(&sender, PRODUCER_TRANSACTION_DONE);
    begin(&sender);
    send_from(&sender, 5, 5);
    commit(&sender, PRODUCER_TRANSACTION_DONE);
    sender_close(&sender);
}

static void an_id_that_is_denied_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    struct mr_error *error = NULL;
    open_sender(fixture, &sender);
    rd_kafka_mock_push_request_errors(fixture->mock.cluster, API_INIT_PRODUCER_ID, 1,
                                      RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    assert_int_equal(producer_transactions_init(sender.user, deadline_after_ms(SOON_MS), &error), PRODUCER_TRANSACTION_FAILED);
    assert_int_equal(mr_error_code(error), MR_ERR_NOT_SUPPORTED);
    assert_non_null(strstr(mr_error_message(error), "g-source-0"));
    mr_error_drop(error);
    sender_close(&sender);
}

static void brokers_that_are_away_are_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    struct mr_error *error = NULL;
    open_sender(fixture, &sender);
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    expect(PRODUCER_TRANSACTION_AGAIN, producer_transactions_init(sender.user, deadline_after_ms(200), &error), &error);
    rd_kafka_mock_broker_set_up(fixture->mock.cluster, 1);
    expect(PRODUCER_TRANSACTION_DONE, producer_transactions_init(sender.user, deadline_after_ms(SOON_MS), &error), &error);
    sender_close(&sender);
}

static void two_of_one_id_have_a_producer_each(void **state)
{
    struct fixture *fixture = *state;
    struct sender one, two;
    open_sender(fixture, &one);
    open_sender(fixture, &two);
    assert_int_equal(producer_pool_handle_count(fixture->pool), 2);
    sender_close(&one);
    sender_close(&two);
}

static void whoever_closes_gets_back_what_is_left(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    open_ready(fixture, &sender);
    begin(&sender);
    send_from(&sender, 0, 5);
    assert_true(eventually(SOON_MS, all_are_back, &sender));
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    send_from(&sender, 5, 5);
    sender_close(&sender);
    assert_int_equal(sender.acked + sender.not_sent + sender.failed, 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_committed_was_acknowledged_before),
        TEST(an_abort_gives_back_what_is_under_way),
        TEST(a_record_that_the_brokers_refuse_fails_the_commit),
        TEST(who_is_shut_out_is_told_so_once),
        TEST(a_commit_without_an_answer_is_asked_for_again),
        TEST(an_id_that_is_denied_is_named),
        TEST(brokers_that_are_away_are_waited_for),
        TEST(two_of_one_id_have_a_producer_each),
        TEST(whoever_closes_gets_back_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
