/* producer on the mock cluster: order, caps, waiting topics, flush, swaps, closing, topics that are away, refused logins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/lease.h"
#include "base/pointer_map.h"
#include "base/thread.h"
#include "kafka/graveyard.h"
#include "kafka/producer.h"
#include "kafka/producer_internal.h"
#include "mock.h"
#include "support/eventually.h"

#define SOON_MS 20000
#define RECORDS_MAX 20000

struct letter {
    struct producer_ticket ticket;
    int number;
    atomic_int acked, failed, not_sent;
    int64_t offset;
    char value[16];
};

struct sender {
    struct producer_user *user;
    struct producer_topic *topic;
    struct letter *letters;
    atomic_int acked, failed, not_sent, writable, swapped, closed;
    int last_acked;
    atomic_int disorder;
};

struct fixture {
    struct mock mock;
    struct graveyard *graveyard;
    struct producer_pool *pool;
};

static void on_delivery(void *argument, const struct producer_delivery *deliveries, size_t count)
{
    struct sender *sender = argument;
    for (size_t i = 0; i < count; i++) {
        struct letter *letter = (struct letter *)(void *)deliveries[i].ticket;
        if (deliveries[i].outcome == PRODUCER_ACKED) {
            if (letter->number < sender->last_acked)
                sender->disorder++;
            sender->last_acked = letter->number;
            letter->offset = deliveries[i].offset;
            letter->acked++;
            sender->acked++;
        } else if (deliveries[i].outcome == PRODUCER_FAILED) {
            letter->failed++;
            sender->failed++;
        } else {
            letter->not_sent++;
            sender->not_sent++;
        }
    }
}

static void on_writable(void *argument)
{
    ((struct sender *)argument)->writable++;
}

static void on_swapped(void *argument)
{
    ((struct sender *)argument)->swapped++;
}

static void on_closed(void *argument)
{
    ((struct sender *)argument)->closed++;
}

static const struct producer_user_listener listener = {on_delivery, on_writable, on_swapped, on_closed};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    mock_open(&fixture.mock);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "one", 1, 1);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "four", 4, 1);
    fixture.graveyard = graveyard_create(NULL);
    fixture.pool = producer_pool_create(fixture.graveyard, NULL);
    *state = &fixture;
    return 0;
}

/* A second broker, and the topic "far" that it leads. */
static int set_up_far(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    mock_open_brokers(&fixture.mock, 2);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "one", 1, 1);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "far", 1, 1);
    rd_kafka_mock_partition_set_leader(fixture.mock.cluster, "one", 0, 1);
    rd_kafka_mock_partition_set_leader(fixture.mock.cluster, "far", 0, 2);
    fixture.graveyard = graveyard_create(NULL);
    fixture.pool = producer_pool_create(fixture.graveyard, NULL);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    producer_pool_destroy(fixture->pool, deadline_after_ms(SOON_MS));
    graveyard_destroy(fixture->graveyard, deadline_after_ms(SOON_MS));
    mock_close(&fixture->mock);
    return 0;
}

struct caps {
    const char *lines;
    uint64_t bytes_max;
    uint32_t records_max;
};

static void sender_open(struct fixture *fixture, struct sender *sender, struct caps caps)
{
    struct client_config *config = mock_config(&fixture->mock, CLIENT_PRODUCER, NULL, caps.lines);
    *sender = (struct sender){.letters = calloc(RECORDS_MAX, sizeof *sender->letters)};
    for (int i = 0; i < RECORDS_MAX; i++)
        sender->letters[i].number = i;
    sender->user = producer_user_open(fixture->pool, &(struct producer_user_setup){.config = config, .name = "test",
                                      .listener = &listener, .argument = sender, .bytes_max = caps.bytes_max,
                                      .records_max = caps.records_max}, NULL);
    assert_non_null(sender->user);
    client_config_drop(config);
}

static bool is_closed(void *argument)
{
    return ((struct sender *)argument)->closed == 1;
}

static void sender_close(struct sender *sender)
{
    producer_user_close(sender->user, deadline_after_ms(100));
    assert_true(eventually(SOON_MS, is_closed, sender));
    free(sender->letters);
}

static struct producer_record record_of(struct sender *sender, int number)
{
    struct letter *letter = &sender->letters[number];
    int length = snprintf(letter->value, sizeof letter->value, "v%d", number);
    return (struct producer_record){.topic = sender->topic, .partition = -1, .timestamp_ms = -1,
                                    .key = {"k", 1}, .value = {letter->value, (size_t)length},
                                    .ticket = &letter->ticket};
}

/* What on_writable is for: counts up to `target` wakings, or nothing taken since. */
static bool has_been_woken(void *argument)
{
    return ((struct sender *)argument)->writable > 0;
}

static void send_from(struct sender *sender, int first, int count)
{
    struct producer_record records[100];
    while (count > 0) {
        int n = count < 100 ? count : 100;
        size_t taken;
        for (int i = 0; i < n; i++)
            records[i] = record_of(sender, first + i);
        sender->writable = 0;
        assert_int_equal(producer_send(sender->user, records, (size_t)n, &taken, NULL), 0);
        first += (int)taken;
        count -= (int)taken;
        if (taken < (size_t)n)
            assert_true(eventually(SOON_MS, has_been_woken, sender));
    }
}

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

struct loss {
    struct sender *sender;
    int next;
    struct mr_error *error;
};

static bool is_refused(void *argument)
{
    struct loss *loss = argument;
    struct producer_record record = record_of(loss->sender, loss->next++);
    size_t taken;
    if (atomic_exchange(&loss->sender->swapped, 0) > 0)
        producer_user_rewound(loss->sender->user);
    return producer_send(loss->sender->user, &record, 1, &taken, &loss->error) != 0;
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

static bool topic_is_ready(void *argument)
{
    return producer_topic_is_ready(argument);
}

static bool is_swapped(void *argument)
{
    return ((struct sender *)argument)->swapped > 0;
}

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

static size_t try_to_send(struct sender *sender, int number)
{
    struct producer_record record = record_of(sender, number);
    size_t taken;
    assert_int_equal(producer_send(sender->user, &record, 1, &taken, NULL), 0);
    return taken;
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
        if (native_login_is_refused(logins[i].code, logins[i].words) != logins[i].is_refused)
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define FAR_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_far, tear_down)

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
        TEST(headers_time_stamps_and_tombstones_arrive),
        TEST(after_a_fatal_error_everything_can_be_sent_again_in_order),
        TEST(after_a_swap_nothing_is_taken_before_the_user_has_gone_back),
        TEST(a_close_gives_back_what_cannot_be_delivered),
        FAR_TEST(records_of_a_stuck_topic_are_given_up_without_harm_to_others),
        FAR_TEST(with_idle_others_a_stuck_topic_costs_no_swap),
        FAR_TEST(a_late_user_does_not_shorten_the_time_of_another_that_closes),
        TEST(when_the_lease_ends_nothing_leaves_any_more),
        FAR_TEST(records_of_a_topic_that_goes_away_are_sent_when_it_is_back),
        TEST(a_topic_that_does_not_come_in_time_is_refused),
        TEST(topics_go_with_their_last_user),
        TEST(a_handle_that_knows_too_many_topics_is_replaced),
        TEST(a_refused_login_is_told_to_those_that_send),
        cmocka_unit_test(a_broken_connection_is_no_refused_login),
        TEST(many_users_share_a_small_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
