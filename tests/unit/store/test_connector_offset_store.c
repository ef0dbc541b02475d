/* A connector's own offsets topic on the mock cluster, over the stores of a worker. */
#include "store_test.h"

#include <stdatomic.h>

#include <millrace/arena.h>
#include <millrace/value.h>

#include "../kafka/mock.h"
#include "base/clock.h"
#include "base/thread.h"
#include "store/connector_offset_store.h"
#include "store/kafka_stores.h"
#include "store/offset_store.h"
#include "support/alloc_torture.h"
#include "support/eventually.h"

#define SOON_MS 20000

struct fixture {
    struct mock mock;
    struct kafka_stores *stores;
    struct client_config *consumer, *producer;
    struct mr_arena *arena;
    const struct mr_value *partition;
    atomic_int done;
};

static int64_t soon(void)
{
    return deadline_after_ms(SOON_MS);
}

static void worker_start(struct fixture *fixture)
{
    struct mr_error *error = NULL;
    fixture->stores = kafka_stores_create(&(struct kafka_stores_setup){.consumer = fixture->consumer,
                                                                       .producer = fixture->producer,
                                                                       .config_topic = "configs",
                                                                       .offset_topic = "offsets",
                                                                       .status_topic = "statuses",
                                                                       .read_committed = true},
                                          NULL);
    assert_non_null(fixture->stores);
    kafka_stores_start(fixture->stores, soon(), &error);
    assert_no_error(error);
}

static const struct mr_value *map_of(struct fixture *fixture, const char *key, int64_t number)
{
    struct mr_value *map = mr_map_create(fixture->arena, 1);
    assert_int_equal(mr_map_put_text(fixture->arena, map, key, mr_int64(fixture->arena, number)), 0);
    return map;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    mock_open(&fixture->mock);
    rd_kafka_mock_topic_create(fixture->mock.cluster, "configs", 1, 1);
    rd_kafka_mock_topic_create(fixture->mock.cluster, "offsets", 2, 1);
    rd_kafka_mock_topic_create(fixture->mock.cluster, "statuses", 1, 1);
    rd_kafka_mock_topic_create(fixture->mock.cluster, "own", 3, 1);
    fixture->consumer = mock_config(&fixture->mock, CLIENT_CONSUMER, "connect-a", "");
    fixture->producer = mock_config(&fixture->mock, CLIENT_PRODUCER, NULL, "");
    fixture->arena = mr_arena_create(1 << 20);
    fixture->partition = map_of(fixture, "p", 1);
    worker_start(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    kafka_stores_destroy(fixture->stores);
    client_config_drop(fixture->consumer);
    client_config_drop(fixture->producer);
    mr_arena_destroy(fixture->arena);
    mock_close(&fixture->mock);
    free(fixture);
    return 0;
}

static struct offset_store *open_store(struct fixture *fixture, const char *topic, int64_t deadline_ms, struct mr_error **error)
{
    return connector_offset_store_open(&(struct connector_offset_store_setup){.connector = "a",
                                                                              .topic = topic,
                                                                              .consumer = fixture->consumer,
                                                                              .producer = fixture->producer,
                                                                              .read_committed = true,
                                                                              .worker = kafka_stores_offsets(fixture->stores)},
                                       deadline_ms, error);
}

static struct offset_store *open_own(struct fixture *fixture)
{
    struct mr_error *error = NULL;
    struct offset_store *store = open_store(fixture, "own", soon(), &error);
    assert_no_error(error);
    assert_non_null(store);
    return store;
}

static void on_done(void *argument, const struct mr_error *error)
{
    atomic_store((atomic_int *)argument, error == NULL ? 1 : -1);
}

static bool is_done(void *argument)
{
    return atomic_load((atomic_int *)argument) != 0;
}

/* offset < 0: forget it. */
static void put(struct fixture *fixture, struct offset_store *store, int64_t offset)
{
    struct offset_entry entry = {fixture->partition, offset < 0 ? mr_null() : map_of(fixture, "n", offset)};
    atomic_store(&fixture->done, 0);
    assert_int_equal(offset_store_put(store, "a", &entry, 1, on_done, &fixture->done, NULL), 0);
    assert_true(eventually(SOON_MS, is_done, &fixture->done));
    assert_int_equal(atomic_load(&fixture->done), 1);
}

/* After a refresh; -1: none. */
static int64_t stored(struct fixture *fixture, struct offset_store *store)
{
    struct mr_error *error = NULL;
    assert_int_equal(offset_store_refresh(store, soon(), &error), 0);
    const struct mr_value *offset = offset_store_get(store, "a", fixture->partition, fixture->arena, &error);
    assert_no_error(error);
    return mr_value_is_null(offset) ? -1 : mr_value_integer(mr_map_get(offset, "n"));
}

struct wanted {
    struct fixture *fixture;
    int64_t offset;
};

static bool worker_has(void *argument)
{
    struct wanted *wanted = argument;
    return stored(wanted->fixture, kafka_stores_offsets(wanted->fixture->stores)) == wanted->offset;
}

static void offsets_are_found_again_and_copied_to_the_worker(void **state)
{
    struct fixture *fixture = *state;
    struct offset_store *store = open_own(fixture);
    put(fixture, store, 5);
    assert_int_equal(stored(fixture, store), 5);
    assert_true(eventually(SOON_MS, worker_has, &(struct wanted){fixture, 5}));
    put(fixture, kafka_stores_offsets(fixture->stores), 3); /* the connector's own counts */
    offset_store_destroy(store);
    store = open_own(fixture);
    assert_int_equal(stored(fixture, store), 5);
    atomic_store(&fixture->done, 0);
    offset_store_refresh_then(store, soon(), on_done, &fixture->done);
    assert_true(eventually(SOON_MS, is_done, &fixture->done));
    assert_int_equal(atomic_load(&fixture->done), 1);
    offset_store_destroy(store);
}

static void a_connector_begins_where_the_workers_topic_left_it(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, kafka_stores_offsets(fixture->stores), 3);
    struct offset_store *store = open_own(fixture);
    assert_int_equal(stored(fixture, store), 3);
    put(fixture, store, -1);
    assert_int_equal(stored(fixture, store), -1);
    assert_int_equal(stored(fixture, kafka_stores_offsets(fixture->stores)), -1);
    offset_store_destroy(store);
}

static void a_topic_that_is_missing_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    rd_kafka_mock_topic_set_error(fixture->mock.cluster, "nowhere", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_null(open_store(fixture, "nowhere", deadline_after_ms(500), &error));
    assert_non_null(strstr(mr_error_message(error), "nowhere"));
    mr_error_drop(error);
}

static void a_close_without_brokers_is_short_and_tells_who_waits(void **state)
{
    struct fixture *fixture = *state;
    struct offset_store *store = open_own(fixture);
    struct offset_entry entry = {fixture->partition, map_of(fixture, "n", 1)};
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    assert_int_equal(offset_store_put(store, "a", &entry, 1, on_done, &fixture->done, NULL), 0);
    int64_t before_ms = clock_monotonic_ms(NULL);
    offset_store_destroy(store);
    assert_int_equal(atomic_load(&fixture->done), -1);
    assert_true(clock_monotonic_ms(NULL) - before_ms < 10000);
}

static bool open_and_close(void *argument)
{
    struct mr_error *error = NULL;
    struct offset_store *store = open_store(argument, "own", soon(), &error);
    bool worked = store != NULL;
    assert_true(worked || error != NULL);
    mr_error_drop(error);
    offset_store_destroy(store);
    return worked;
}

static void without_memory_it_is_not_opened_and_nothing_leaks(void **state)
{
    struct fixture *fixture = *state;
    kafka_stores_stop(fixture->stores, 0); /* its threads would allocate besides */
    alloc_torture(open_and_close, fixture);
}

#define ON_MOCK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

RUN_TESTS(ON_MOCK(offsets_are_found_again_and_copied_to_the_worker), ON_MOCK(a_connector_begins_where_the_workers_topic_left_it),
          ON_MOCK(a_topic_that_is_missing_is_named), ON_MOCK(a_close_without_brokers_is_short_and_tells_who_waits),
          ON_MOCK(without_memory_it_is_not_opened_and_nothing_leaks))
