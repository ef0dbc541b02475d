/* producer on the mock cluster: what comes back and is sent again: swaps, closing, stuck topics, the lease, topics that are away. */
#include "producer_test.h"

static void after_a_fatal_error_everything_can_be_sent_again_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender, bystander;
    sender_open(fixture, &sender, (struct caps){.lines = "enable.idempotence=true"});
    sender_open(fixture, &bystander, (struct caps){.lines = "enable.idempotence=true"});
    sender.topic = producer_user_topic(sender.user, "one");
    send_from(&sender, 0, 100);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    send_from(&sender, 100, 200);
    rd_kafka_test_fatal_error(sender.user->producer->handle->rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "test");
    assert_true(eventually(SOON_MS, is_swapped, &sender));
    assert_true(eventually(SOON_MS, is_swapped, &bystander));
    assert_int_equal(producer_user_record_count(sender.user), 0);
    assert_int_equal(sender.not_sent, 200);
    assert_int_equal(sender.failed, 0);
    rd_kafka_mock_broker_set_up(fixture->mock.cluster, 1);
    producer_user_rewound(sender.user);
    send_from(&sender, 100, 200);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    assert_int_equal(sender.acked, 300);
    assert_int_equal(sender.disorder, 0);
    assert_int_equal(producer_pool_handle_count(fixture->pool), 1);
    sender_close(&sender);
    sender_close(&bystander);
}

/* Newer records must not overtake those that a swap gave back. */
static void after_a_swap_nothing_is_taken_before_the_user_has_gone_back(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    sender_open(fixture, &sender, (struct caps){.lines = "enable.idempotence=true"});
    sender.topic = producer_user_topic(sender.user, "one");
    send_from(&sender, 0, 10);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    send_from(&sender, 10, 10);
    for (int swaps = 1; swaps <= 2; swaps++) {
        sender.swapped = 0;
        rd_kafka_test_fatal_error(sender.user->producer->handle->rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                  "test");
        assert_true(eventually(SOON_MS, is_swapped, &sender));
        assert_int_equal(try_to_send(&sender, 20), 0);
        assert_int_equal(producer_user_record_count(sender.user), 0);
    }
    rd_kafka_mock_broker_set_up(fixture->mock.cluster, 1);
    producer_user_rewound(sender.user);
    send_from(&sender, 10, 20);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    assert_int_equal(sender.acked, 30);
    assert_int_equal(sender.disorder, 0);
    sender_close(&sender);
}

static void a_close_gives_back_what_cannot_be_delivered(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    sender_open(fixture, &sender, (struct caps){.lines = ""});
    sender.topic = producer_user_topic(sender.user, "one");
    send_from(&sender, 0, 1);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    send_from(&sender, 1, 100);
    assert_false(producer_user_flush(sender.user, deadline_after_ms(50)));
    sender_close(&sender);
    assert_int_equal(sender.not_sent, 100);
}

/* ---- records that come back while others are under way ---- */

/* Sends until `count` are acknowledged; goes back when it is told to. */
struct journey {
    struct sender *sender;
    int next, count;
};

static int first_not_acked(const struct sender *sender)
{
    int number = 0;
    while (sender->letters[number].acked > 0)
        number++;
    return number;
}

static bool has_arrived(void *argument)
{
    struct journey *journey = argument;
    struct sender *sender = journey->sender;
    if (atomic_exchange(&sender->swapped, 0) > 0) {
        journey->next = first_not_acked(sender);
        sender->last_acked = journey->next - 1;
        producer_user_rewound(sender->user);
    }
    for (int i = 0; i < 10 && journey->next < journey->count; i++) {
        struct producer_record record = record_of(sender, journey->next);
        size_t taken = 0;
        if (sender->letters[journey->next].acked == 0 &&
            (producer_send(sender->user, &record, 1, &taken, NULL) != 0 || taken == 0))
            break;
        journey->next++;
    }
    return sender->acked >= journey->count;
}

/* A user whose records cannot leave: the broker that leads its topic is away. */
static void open_stuck(struct fixture *fixture, struct sender *stuck, int records)
{
    sender_open(fixture, stuck, (struct caps){.lines = ""});
    stuck->topic = producer_user_topic(stuck->user, "far");
    send_from(stuck, 0, 1);
    assert_true(producer_user_flush(stuck->user, deadline_after_ms(SOON_MS)));
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 2);
    send_from(stuck, 1, records);
    assert_false(producer_user_flush(stuck->user, deadline_after_ms(50)));
}

static void records_of_a_stuck_topic_are_given_up_without_harm_to_others(void **state)
{
    struct fixture *fixture = *state;
    struct sender stuck, mover;
    struct journey journey = {.sender = &mover, .count = 3000};
    open_stuck(fixture, &stuck, 50);
    sender_open(fixture, &mover, (struct caps){.lines = "", .records_max = 400});
    mover.topic = producer_user_topic(mover.user, "one");
    send_from(&mover, 0, 1);
    rd_kafka_mock_broker_set_rtt(fixture->mock.cluster, 1, 20);
    struct native_handle *former = mover.user->producer->handle;
    journey.next = 1;
    producer_user_close(stuck.user, deadline_after_ms(100));
    assert_true(eventually(SOON_MS, has_arrived, &journey));
    assert_true(eventually(SOON_MS, is_closed, &stuck));
    assert_int_equal(stuck.not_sent, 50);
    assert_int_equal(stuck.failed, 0);
    assert_int_equal(mover.failed, 0);
    assert_int_equal(mover.disorder, 0);
    for (int i = 0; i < journey.count; i++)
        assert_int_equal(mover.letters[i].acked, 1);
    assert_ptr_not_equal(former, mover.user->producer->handle);
    free(stuck.letters);
    sender_close(&mover);
}

static void with_idle_others_a_stuck_topic_costs_no_swap(void **state)
{
    struct fixture *fixture = *state;
    struct sender stuck, idle;
    open_stuck(fixture, &stuck, 50);
    sender_open(fixture, &idle, (struct caps){.lines = ""});
    idle.topic = producer_user_topic(idle.user, "one");
    send_from(&idle, 0, 1);
    assert_true(producer_user_flush(idle.user, deadline_after_ms(SOON_MS)));
    struct native_handle *former = idle.user->producer->handle;
    sender_close(&stuck);
    assert_int_equal(stuck.not_sent, 50);
    assert_ptr_equal(former, idle.user->producer->handle);
    assert_int_equal(idle.swapped, 0);
    send_from(&idle, 1, 10);
    assert_true(producer_user_flush(idle.user, deadline_after_ms(SOON_MS)));
    sender_close(&idle);
}

/* Its others get their time, although one is late. */
static void a_late_user_does_not_shorten_the_time_of_another_that_closes(void **state)
{
    struct fixture *fixture = *state;
    struct sender stuck, patient;
    open_stuck(fixture, &stuck, 50);
    sender_open(fixture, &patient, (struct caps){.lines = ""});
    patient.topic = producer_user_topic(patient.user, "one");
    send_from(&patient, 0, 1);
    assert_true(producer_user_flush(patient.user, deadline_after_ms(SOON_MS)));
    rd_kafka_mock_broker_set_rtt(fixture->mock.cluster, 1, 700);
    send_from(&patient, 1, 10);
    producer_user_close(patient.user, deadline_after_ms(SOON_MS));
    producer_user_close(stuck.user, deadline_after_ms(0));
    assert_true(eventually(SOON_MS, is_closed, &patient));
    assert_int_equal(patient.acked, 11);
    assert_true(eventually(SOON_MS, is_closed, &stuck));
    assert_int_equal(stuck.not_sent, 50);
    free(stuck.letters);
    free(patient.letters);
}

static void when_the_lease_ends_nothing_leaves_any_more(void **state)
{
    struct fixture *fixture = *state;
    static struct lease lease;
    struct sender sender;
    struct journey journey = {.sender = &sender, .count = 300};
    lease_set(&lease, LEASE_FOR_EVER);
    producer_pool_watch_lease(fixture->pool, &lease);
    sender_open(fixture, &sender, (struct caps){.lines = ""});
    sender.topic = producer_user_topic(sender.user, "one");
    send_from(&sender, 0, 100);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    send_from(&sender, 100, 200);
    lease_set(&lease, 0);
    assert_true(eventually(SOON_MS, is_swapped, &sender));
    assert_int_equal(sender.not_sent, 200);
    assert_int_equal(sender.failed, 0);
    rd_kafka_mock_broker_set_up(fixture->mock.cluster, 1);
    assert_int_equal(try_to_send(&sender, 300), 0);
    lease_set(&lease, LEASE_FOR_EVER);
    assert_true(eventually(SOON_MS, has_arrived, &journey));
    assert_int_equal(sender.disorder, 0);
    for (int i = 0; i < journey.count; i++)
        assert_int_equal(sender.letters[i].acked, 1);
    sender_close(&sender);
}

static void records_of_a_topic_that_goes_away_are_sent_when_it_is_back(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    struct journey journey = {.sender = &sender, .next = 1, .count = 100};
    sender_open(fixture, &sender, (struct caps){.lines = "metadata.max.age.ms=50"});
    sender.topic = producer_user_topic(sender.user, "far");
    send_from(&sender, 0, 1);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 2);
    rd_kafka_mock_topic_set_error(fixture->mock.cluster, "far", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    send_from(&sender, 1, 20);
    assert_true(eventually(SOON_MS, is_swapped, &sender));
    assert_int_equal(sender.failed, 0);
    assert_int_equal(sender.not_sent, 20);
    rd_kafka_mock_topic_set_error(fixture->mock.cluster, "far", RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_mock_broker_set_up(fixture->mock.cluster, 2);
    assert_true(eventually(SOON_MS, has_arrived, &journey));
    assert_int_equal(sender.failed, 0);
    assert_int_equal(sender.disorder, 0);
    sender_close(&sender);
}

struct wave {
    struct sender *sender;
    int sent;
};

static bool wave_is_acked(void *argument)
{
    struct wave *wave = argument;
    return wave->sender->acked == wave->sent;
}

static bool is_not_owed(void *argument)
{
    return !((struct sender *)argument)->is_owed;
}

#define WAVES 10

/* The user looks at what it has outstanding when a run is not full; one that is full and the last must not leave it waiting. */
static void after_a_full_run_of_deliveries_the_user_hears_once_more(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    struct wave wave = {.sender = &sender};
    sender_open(fixture, &sender, (struct caps){.lines = "linger.ms=300"});
    sender.topic = producer_user_topic(sender.user, "far");
    send_from(&sender, wave.sent++, 1);
    assert_true(eventually(SOON_MS, wave_is_acked, &wave));
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 2);
    send_from(&sender, RECORDS_MAX - 1, 1);   /* stays outstanding */
    sender.topic = producer_user_topic(sender.user, "one");
    for (int i = 0; i < WAVES && sender.full_runs == 0; i++) {
        send_from(&sender, wave.sent, 4 * PRODUCER_RUN_MAX);
        wave.sent += 4 * PRODUCER_RUN_MAX;
        assert_true(eventually(SOON_MS, wave_is_acked, &wave));
    }
    assert_true(sender.full_runs > 0);
    assert_true(eventually(SOON_MS, is_not_owed, &sender));
    rd_kafka_mock_broker_set_up(fixture->mock.cluster, 2);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    sender_close(&sender);
}

static void a_topic_that_does_not_come_in_time_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    struct loss loss = {.sender = &sender};
    rd_kafka_mock_topic_set_error(fixture->mock.cluster, "away", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    sender_open(fixture, &sender, (struct caps){.lines = "max.block.ms=300"});
    sender.topic = producer_user_topic(sender.user, "away");
    assert_true(eventually(SOON_MS, is_refused, &loss));
    assert_non_null(strstr(mr_error_message(loss.error), "max.block.ms"));
    assert_int_equal(mr_error_code(loss.error), MR_ERR_TIMEOUT);
    mr_error_drop(loss.error);
    sender_close(&sender);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(after_a_fatal_error_everything_can_be_sent_again_in_order),
        TEST(after_a_swap_nothing_is_taken_before_the_user_has_gone_back),
        TEST(a_close_gives_back_what_cannot_be_delivered),
        FAR_TEST(records_of_a_stuck_topic_are_given_up_without_harm_to_others),
        FAR_TEST(with_idle_others_a_stuck_topic_costs_no_swap),
        FAR_TEST(a_late_user_does_not_shorten_the_time_of_another_that_closes),
        TEST(when_the_lease_ends_nothing_leaves_any_more),
        FAR_TEST(records_of_a_topic_that_goes_away_are_sent_when_it_is_back),
        FAR_TEST(after_a_full_run_of_deliveries_the_user_hears_once_more),
        TEST(a_topic_that_does_not_come_in_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
