/* producer on the mock cluster: order, caps, refusals, topics and their limits, refused logins. */
#include "producer_test.h"

static void records_of_one_partition_are_acknowledged_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    sender_open(fixture, &sender, (struct caps){.lines = ""});
    sender.topic = producer_user_topic(sender.user, "one");
    assert_ptr_equal(sender.topic, producer_user_topic(sender.user, "one"));
    send_from(&sender, 0, 5000);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    assert_int_equal(sender.acked, 5000);
    assert_int_equal(sender.disorder, 0);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(sender.letters[i].offset, i);
    sender_close(&sender);
}

static void caps_of_a_user_bound_what_is_outstanding(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    sender_open(fixture, &sender, (struct caps){.lines = "", .records_max = 10});
    sender.topic = producer_user_topic(sender.user, "one");
    send_from(&sender, 0, 1);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    rd_kafka_mock_broker_set_rtt(fixture->mock.cluster, 1, 200);
    struct producer_record records[20];
    size_t taken;
    for (int i = 0; i < 20; i++)
        records[i] = record_of(&sender, i + 1);
    sender.writable = 0;
    assert_int_equal(producer_send(sender.user, records, 20, &taken, NULL), 0);
    assert_int_equal(taken, 10);
    assert_int_equal(producer_user_record_count(sender.user), 10);
    assert_true(eventually(SOON_MS, has_been_woken, &sender));
    send_from(&sender, 11, 50);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    assert_int_equal(sender.acked, 61);
    assert_int_equal(sender.disorder, 0);
    sender_close(&sender);
}

static void one_record_larger_than_the_cap_passes_alone(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    sender_open(fixture, &sender, (struct caps){.lines = "", .bytes_max = 2, .records_max = 1});
    sender.topic = producer_user_topic(sender.user, "one");
    send_from(&sender, 0, 20);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    assert_int_equal(sender.acked, 20);
    sender_close(&sender);
}

static void users_of_equal_settings_share_one_handle(void **state)
{
    struct fixture *fixture = *state;
    struct sender one, other, third;
    sender_open(fixture, &one, (struct caps){.lines = "client.id=a"});
    sender_open(fixture, &other, (struct caps){.lines = "client.id=b"});
    sender_open(fixture, &third, (struct caps){.lines = "linger.ms=7"});
    assert_int_equal(producer_pool_handle_count(fixture->pool), 2);
    sender_close(&one);
    sender_close(&other);
    sender_close(&third);
}

static void a_topic_that_cannot_be_reached_keeps_only_its_own_user_waiting(void **state)
{
    struct fixture *fixture = *state;
    struct sender stuck, moving;
    rd_kafka_mock_topic_set_error(fixture->mock.cluster, "away", RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    sender_open(fixture, &stuck, (struct caps){.lines = ""});
    sender_open(fixture, &moving, (struct caps){.lines = ""});
    stuck.topic = producer_user_topic(stuck.user, "away");
    moving.topic = producer_user_topic(moving.user, "four");
    struct producer_record record = record_of(&stuck, 0);
    size_t taken;
    assert_int_equal(producer_send(stuck.user, &record, 1, &taken, NULL), 0);
    assert_int_equal(taken, 0);
    send_from(&moving, 0, 3000);
    assert_true(producer_user_flush(moving.user, deadline_after_ms(SOON_MS)));
    assert_int_equal(stuck.writable, 0);
    rd_kafka_mock_topic_set_error(fixture->mock.cluster, "away", RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_true(eventually(SOON_MS, has_been_woken, &stuck));
    send_from(&stuck, 0, 1);
    assert_true(producer_user_flush(stuck.user, deadline_after_ms(SOON_MS)));
    sender_close(&stuck);
    sender_close(&moving);
}

static void what_can_never_be_sent_is_refused_in_words(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    struct mr_error *error = NULL;
    size_t taken;
    sender_open(fixture, &sender, (struct caps){.lines = "max.request.size=1000"});
    sender.topic = producer_user_topic(sender.user, "one");
    send_from(&sender, 0, 1);
    char large[2000] = "";
    struct producer_record records[2] = {record_of(&sender, 1), record_of(&sender, 2)};
    records[1].value = (struct mr_bytes){large, sizeof large};
    assert_int_equal(producer_send(sender.user, records, 2, &taken, &error), -1);
    assert_int_equal(taken, 1);
    assert_int_equal(mr_error_code(error), MR_ERR_DATA);
    mr_error_clear(&error);
    records[1] = record_of(&sender, 2);
    records[1].partition = 7;
    assert_int_equal(producer_send(sender.user, &records[1], 1, &taken, &error), -1);
    assert_non_null(strstr(mr_error_message(error), "partition 7"));
    mr_error_clear(&error);
    sender_close(&sender);
    assert_int_equal(sender.acked, 2);
}

/* Whatever a record's size, it is either taken or refused: never left to be tried again for ever. */
static void around_the_largest_size_records_are_taken_or_refused(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    size_t taken, refused = 0;
    sender_open(fixture, &sender, (struct caps){.lines = "max.request.size=1000"});
    sender.topic = producer_user_topic(sender.user, "one");
    send_from(&sender, 0, 1);
    char large[1100] = "";
    static const struct producer_header header = {"a", {"1", 1}};
    for (size_t size = 900; size < 1010; size++) {
        struct producer_record record = record_of(&sender, (int)size);
        struct mr_error *error = NULL;
        record.value = (struct mr_bytes){large, size};
        record.headers = &header;
        record.header_count = size % 2;
        int status = producer_send(sender.user, &record, 1, &taken, &error);
        if (status == 0 ? taken != 1 : mr_error_code(error) != MR_ERR_DATA)
            fail_msg("%zu bytes: %s", size, status == 0 ? "neither taken nor refused" : mr_error_message(error));
        refused += status != 0;
        mr_error_drop(error);
    }
    assert_true(refused > 0 && refused < 110);
    sender_close(&sender);
}

/* librdkafka learns it from its own look at the topics: neither we nor it asked for that. */
static void lose_topic(struct fixture *fixture, struct sender *sender, rd_kafka_resp_err_t error)
{
    struct loss loss = {.sender = sender, .next = 1};
    sender_open(fixture, sender, (struct caps){.lines = "metadata.max.age.ms=50"});
    sender->topic = producer_user_topic(sender->user, "one");
    send_from(sender, 0, 1);
    rd_kafka_mock_topic_set_error(fixture->mock.cluster, "one", error);
    assert_true(eventually(SOON_MS, is_refused, &loss));
    assert_non_null(strstr(mr_error_message(loss.error), "topic one"));
    mr_error_drop(loss.error);
    rd_kafka_mock_topic_set_error(fixture->mock.cluster, "one", RD_KAFKA_RESP_ERR_NO_ERROR);
    sender_close(sender);
}

static void a_topic_that_is_taken_away_is_refused_in_words(void **state)
{
    struct sender sender;
    lose_topic(*state, &sender, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION);
#if RD_KAFKA_VERSION >= 0x020c0000   /* before, it believes the mock's partitions more than the error beside them */
    lose_topic(*state, &sender, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
#endif
}

static bool has_taken(void *argument)
{
    struct producer_record *record = argument;
    size_t taken;
    return producer_send(record->ticket->user, record, 1, &taken, NULL) == 0 && taken == 1;
}

static void a_topic_may_grow(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    sender_open(fixture, &sender, (struct caps){.lines = ""});
    sender.topic = producer_user_topic(sender.user, "four");
    send_from(&sender, 0, 1);
    sender.topic->partition_count = 2;   /* as it was, once */
    sender.topic->answered_ms = 0;
    struct producer_record record = record_of(&sender, 1);
    record.partition = 3;
    record.ticket->user = sender.user;
    assert_true(eventually(SOON_MS, has_taken, &record));
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    assert_int_equal(sender.acked, 2);
    sender_close(&sender);
}

/* Records whose partition is by their own keys. */
static void send_keyed(struct sender *sender, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        struct producer_record record = record_of(sender, i);
        record.key = record.value;
        record.ticket->user = sender->user;
        assert_true(eventually(SOON_MS, has_taken, &record));
    }
    assert_true(producer_user_flush(sender->user, deadline_after_ms(SOON_MS)));
}

static bool has_four_partitions(void *argument)
{
    struct producer_topic *topic = argument;
    producer_topic_is_single(topic);   /* as each batch asks */
    return atomic_load(&topic->partition_count) == 4;
}

#define KEYS 40

static void keys_of_a_topic_that_had_one_partition_spread_once_it_has_grown(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    int in_partition[4] = {0};
    sender_open(fixture, &sender, (struct caps){.lines = ""});
    sender.topic = producer_user_topic(sender.user, "four");
    send_from(&sender, 0, 1);
    sender.topic->partition_count = 1;   /* as it was, once */
    send_keyed(&sender, 1, KEYS);
    for (int i = 1; i <= KEYS; i++)
        assert_int_equal(sender.letters[i].partition, 0);
    sender.topic->answered_ms -= 40000;   /* asked anew beside the work, and believed until the answer */
    assert_true(eventually(SOON_MS, has_four_partitions, sender.topic));
    send_keyed(&sender, 1 + KEYS, KEYS);
    for (int i = 1 + KEYS; i <= 2 * KEYS; i++)
        in_partition[sender.letters[i].partition]++;
    for (int i = 0; i < 4; i++)
        assert_true(in_partition[i] > 0);
    sender.topic->partition_count = 1;
    sender.topic->answered_ms -= 100000;   /* nobody has answered for long: librdkafka looks it up */
    send_keyed(&sender, 1 + 2 * KEYS, KEYS);
    for (int i = 1 + 2 * KEYS; i <= 3 * KEYS; i++)
        if (sender.letters[i].partition != 0)
            in_partition[0] = -1;
    assert_int_equal(in_partition[0], -1);
    sender_close(&sender);
}

#define TIMED 600
#define SOME_TIME_MS 1234567890000

/* Of the records in partition 0 of topic one, in order; what the mock answers to producers says nothing of times. */
static void read_times(const struct fixture *fixture, int64_t *times_ms, size_t count)
{
    char words[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(fixture->mock.cluster), NULL, 0);
    rd_kafka_conf_set(conf, "group.id", "times", NULL, 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, words, sizeof words);
    assert_non_null(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "one", 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(rk, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    for (size_t i = 0; i < count;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, SOON_MS);
        assert_non_null(message);
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            times_ms[i++] = rd_kafka_message_timestamp(message, NULL);
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

static void each_record_of_a_batch_has_its_own_time(void **state)
{
    static struct producer_record records[TIMED];
    static int64_t times_ms[1 + TIMED];
    struct fixture *fixture = *state;
    struct sender sender;
    size_t taken;
    sender_open(fixture, &sender, (struct caps){.lines = ""});
    sender.topic = producer_user_topic(sender.user, "one");
    send_from(&sender, TIMED, 1);
    for (int i = 0; i < TIMED; i++) {
        records[i] = record_of(&sender, i);
        records[i].timestamp_ms = i % 100 == 99 ? -1 : SOME_TIME_MS + i;
    }
    int64_t before_ms = (int64_t)time(NULL) * 1000;
    assert_int_equal(producer_send(sender.user, records, TIMED, &taken, NULL), 0);
    assert_int_equal(taken, TIMED);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    read_times(fixture, times_ms, 1 + TIMED);
    for (int i = 0; i < TIMED; i++) {
        if (i % 100 == 99)
            assert_true(times_ms[1 + i] >= before_ms);
        else
            assert_int_equal(times_ms[1 + i], SOME_TIME_MS + i);
    }
    sender_close(&sender);
}

static void headers_time_stamps_and_tombstones_arrive(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    sender_open(fixture, &sender, (struct caps){.lines = ""});
    sender.topic = producer_user_topic(sender.user, "four");
    send_from(&sender, 0, 1);
    static const struct producer_header headers[] = {{"a", {"1", 1}}, {"b", {NULL, 0}}};
    struct producer_record records[3] = {record_of(&sender, 1), record_of(&sender, 2), record_of(&sender, 3)};
    records[0].headers = headers;
    records[0].header_count = 2;
    records[0].partition = 3;
    records[1].timestamp_ms = 1234567890123;
    records[2].value = (struct mr_bytes){NULL, 0};
    size_t taken;
    assert_int_equal(producer_send(sender.user, records, 3, &taken, NULL), 0);
    assert_int_equal(taken, 3);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    assert_int_equal(sender.acked, 4);
    sender_close(&sender);
}

/* ---- topics ---- */

static void topics_go_with_their_last_user(void **state)
{
    struct fixture *fixture = *state;
    struct sender one, other;
    sender_open(fixture, &one, (struct caps){.lines = ""});
    sender_open(fixture, &other, (struct caps){.lines = ""});
    struct producer *producer = one.user->producer;
    one.topic = producer_user_topic(one.user, "one");
    other.topic = producer_user_topic(other.user, "one");
    assert_ptr_equal(one.topic, other.topic);
    assert_ptr_equal(producer_user_topic(one.user, "four"), producer_user_topic(one.user, "four"));
    send_from(&one, 0, 1);
    assert_int_equal(pointer_map_count(producer->topics), 2);
    sender_close(&one);
    assert_int_equal(pointer_map_count(producer->topics), 1);
    send_from(&other, 0, 10);
    assert_true(producer_user_flush(other.user, deadline_after_ms(SOON_MS)));
    sender_close(&other);
}

static void a_handle_that_knows_too_many_topics_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    sender_open(fixture, &sender, (struct caps){.lines = ""});
    sender.topic = producer_user_topic(sender.user, "one");
    send_from(&sender, 0, 1);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    struct producer *producer = sender.user->producer;
    struct native_handle *former = producer->handle;
    producer->handle_topics = PRODUCER_TOPICS_MAX;   /* as if of users before */
    sender.topic = producer_user_topic(sender.user, "four");
    assert_true(eventually(SOON_MS, is_swapped, &sender));
    producer_user_rewound(sender.user);
    send_from(&sender, 1, 100);
    assert_true(producer_user_flush(sender.user, deadline_after_ms(SOON_MS)));
    assert_ptr_not_equal(former, producer->handle);
    assert_int_equal(producer->handle_topics, 2);
    sender_close(&sender);
}

/* ---- login ---- */

static void a_refused_login_is_told_to_those_that_send(void **state)
{
    struct fixture *fixture = *state;
    struct sender sender;
    struct mr_error *error = NULL;
    rd_kafka_mock_topic_set_error(fixture->mock.cluster, "away", RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    sender_open(fixture, &sender, (struct caps){.lines = ""});
    sender.topic = producer_user_topic(sender.user, "away");
    assert_int_equal(try_to_send(&sender, 0), 0);
    struct producer *producer = sender.user->producer;
    snprintf(producer->login_words, sizeof producer->login_words, "SASL authentication error: no such user");
    atomic_store(&producer->login_refused_ms, eventually_now_ms());
    assert_true(eventually(SOON_MS, has_been_woken, &sender));
    struct producer_record record = record_of(&sender, 0);
    size_t taken = 7;
    assert_int_equal(producer_send(sender.user, &record, 1, &taken, &error), -1);
    assert_int_equal(taken, 0);
    assert_non_null(strstr(mr_error_message(error), "no such user"));
    mr_error_drop(error);
    rd_kafka_mock_topic_set_error(fixture->mock.cluster, "away", RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_true(eventually(SOON_MS, topic_is_ready, sender.topic));
    assert_int_equal(try_to_send(&sender, 0), 1);   /* it works again */
    sender_close(&sender);
}

static const struct {
    rd_kafka_resp_err_t code;
    const char *words;
    bool is_refused;
} logins[] = {
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, "b/1: SASL authentication error: Authentication failed: Invalid username", true},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION,
     "b/1: SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: X", true},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION,
     "b/1: SASL PLAIN mechanism handshake failed: Local: Broker transport failure: broker's supported mechanisms: ", false},
    {RD_KAFKA_RESP_ERR__SSL, "b/1: SSL handshake failed: error:1416F086:SSL routines::certificate verify failed: broken", true},
    {RD_KAFKA_RESP_ERR__SSL, "b/1: SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?", false},
    {RD_KAFKA_RESP_ERR__TRANSPORT, "b/1: Connect to ipv4#127.0.0.1:9092 failed: Connection refused", false},
};

static void a_broken_connection_is_no_refused_login(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof logins / sizeof *logins; i++) {
        if (native_login_is_refused(NULL, logins[i].code, logins[i].words) != logins[i].is_refused)
            fail_msg("%s", logins[i].words);
    }
}

static void many_users_share_a_small_buffer(void **state)
{
    struct fixture *fixture = *state;
    enum { USERS = 5 };
    struct sender senders[USERS];
    for (int i = 0; i < USERS; i++) {
        sender_open(fixture, &senders[i], (struct caps){.lines = "buffer.memory=65536"});
        senders[i].topic = producer_user_topic(senders[i].user, i % 2 == 0 ? "one" : "four");
    }
    for (int first = 0; first < 10000; first += 1000) {
        for (int i = 0; i < USERS; i++)
            send_from(&senders[i], first, 1000);
    }
    for (int i = 0; i < USERS; i++) {
        assert_true(producer_user_flush(senders[i].user, deadline_after_ms(SOON_MS)));
        assert_int_equal(senders[i].acked, 10000);
        assert_int_equal(senders[i].disorder, 0);
    }
    for (int i = 0; i < USERS; i++)
        sender_close(&senders[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_of_one_partition_are_acknowledged_in_order),
        TEST(caps_of_a_user_bound_what_is_outstanding),
        TEST(one_record_larger_than_the_cap_passes_alone),
        TEST(users_of_equal_settings_share_one_handle),
        TEST(a_topic_that_cannot_be_reached_keeps_only_its_own_user_waiting),
        TEST(what_can_never_be_sent_is_refused_in_words),
        TEST(around_the_largest_size_records_are_taken_or_refused),
        TEST(a_topic_that_is_taken_away_is_refused_in_words),
        TEST(a_topic_may_grow),
        TEST(keys_of_a_topic_that_had_one_partition_spread_once_it_has_grown),
        TEST(each_record_of_a_batch_has_its_own_time),
        TEST(headers_time_stamps_and_tombstones_arrive),
        TEST(topics_go_with_their_last_user),
        TEST(a_handle_that_knows_too_many_topics_is_replaced),
        TEST(a_refused_login_is_told_to_those_that_send),
        cmocka_unit_test(a_broken_connection_is_no_refused_login),
        TEST(many_users_share_a_small_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
