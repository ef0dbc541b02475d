/* graveyard: handles end there, and one that cannot end holds up no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/thread.h"
#include "kafka/graveyard.h"
#include "kafka/native_internal.h"
#include "mock.h"
#include "support/eventually.h"

#define SOON_MS 20000
#define HANDLES 20

struct fixture {
    struct mock mock;
    struct graveyard *graveyard;
    struct client_config *config;
    size_t expected;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    mock_open(&fixture.mock);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "t", 1, 1);
    fixture.graveyard = graveyard_create(NULL);
    fixture.config = mock_config(&fixture.mock, CLIENT_CONSUMER, "g", "");
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    client_config_drop(fixture->config);
    graveyard_destroy(fixture->graveyard, deadline_after_ms(SOON_MS));
    mock_close(&fixture->mock);
    return 0;
}

static struct native_handle *open_handle(struct fixture *fixture, rd_kafka_type_t type)
{
    rd_kafka_conf_t *conf = type == RD_KAFKA_CONSUMER ? native_conf_create(fixture->config, NULL) : rd_kafka_conf_new();
    rd_kafka_t *rk;
    if (type == RD_KAFKA_PRODUCER)
        native_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(fixture->mock.cluster));
    rk = native_open(fixture->config, type, &conf, NULL);
    assert_non_null(rk);
    struct native_handle *handle = native_handle_create(rk, fixture->graveyard);
    assert_non_null(handle);
    return handle;
}

static bool as_many_are_left(void *argument)
{
    struct fixture *fixture = argument;
    return graveyard_count(fixture->graveyard) == fixture->expected;
}

static void await_left(struct fixture *fixture, size_t expected)
{
    fixture->expected = expected;
    assert_true(eventually(SOON_MS, as_many_are_left, fixture));
}

/* Whoever holds it makes the end of its handle wait. */
static rd_kafka_message_t *read_message(struct fixture *fixture, struct native_handle *reader)
{
    struct native_handle *writer = open_handle(fixture, RD_KAFKA_PRODUCER);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_message_t *message = NULL;
    assert_int_equal(rd_kafka_producev(writer->rk, RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_VALUE("x", 1), RD_KAFKA_V_END), 0);
    assert_int_equal(rd_kafka_flush(writer->rk, SOON_MS), 0);
    native_handle_drop(writer);
    rd_kafka_topic_partition_list_add(list, "t", 0)->offset = 0;
    assert_int_equal(rd_kafka_assign(reader->rk, list), 0);
    rd_kafka_topic_partition_list_destroy(list);
    for (int64_t until = eventually_now_ms() + SOON_MS; message == NULL && eventually_now_ms() < until;)
        message = rd_kafka_consumer_poll(reader->rk, 100);
    assert_non_null(message);
    assert_int_equal(message->err, 0);
    return message;
}

static void what_is_buried_is_destroyed(void **state)
{
    struct fixture *fixture = *state;
    struct native_handle *handles[HANDLES];
    for (int i = 0; i < HANDLES; i++)
        handles[i] = open_handle(fixture, RD_KAFKA_PRODUCER);
    assert_int_equal(graveyard_count(fixture->graveyard), HANDLES);
    for (int i = 0; i < HANDLES; i++)
        native_handle_drop(handles[i]);
    await_left(fixture, 0);
}

static void a_destroy_that_blocks_holds_up_no_other(void **state)
{
    struct fixture *fixture = *state;
    struct native_handle *stuck = open_handle(fixture, RD_KAFKA_CONSUMER);
    rd_kafka_message_t *held = read_message(fixture, stuck);
    native_handle_drop(stuck);
    for (int i = 0; i < HANDLES; i++)
        native_handle_drop(open_handle(fixture, RD_KAFKA_PRODUCER));
    await_left(fixture, 1);
    rd_kafka_message_destroy(held);
    await_left(fixture, 0);
}

static void without_threads_handles_end_one_after_another(void **state)
{
    struct fixture *fixture = *state;
    struct native_handle *handles[3];
    for (int i = 0; i < 3; i++)
        handles[i] = open_handle(fixture, RD_KAFKA_PRODUCER);
    thread_fail_after(0);
    for (int i = 0; i < 3; i++)
        native_handle_drop(handles[i]);
    await_left(fixture, 0);
    thread_fail_after(INT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_buried_is_destroyed),
        TEST(a_destroy_that_blocks_holds_up_no_other),
        TEST(without_threads_handles_end_one_after_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
