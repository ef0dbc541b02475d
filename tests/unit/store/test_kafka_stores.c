/* The three stores over one log, on the mock cluster: what one worker writes, it and another one read. */
#include "store_test.h"

#include <stdatomic.h>

#include <millrace/arena.h>
#include <millrace/value.h>

#include "../kafka/mock.h"
#include "base/clock.h"
#include "base/thread.h"
#include "store/config_listener.h"
#include "store/config_store.h"
#include "store/kafka_stores.h"
#include "store/offset_store.h"
#include "store/status_store.h"
#include "support/eventually.h"

#define SOON_MS 20000
#define API_END_TXN 26

struct worker {
    struct kafka_stores *stores;
    atomic_int changed, tasks, restarts, claims_lost;
};

struct fixture {
    struct mock mock;
    struct worker one, other;
    struct mr_arena *arena;
};

static void on_changed(void *argument, const char *connector)
{
    (void)connector;
    atomic_fetch_add(&((struct worker *)argument)->changed, 1);
}

static void on_tasks(void *argument, const char *connector)
{
    (void)connector;
    atomic_fetch_add(&((struct worker *)argument)->tasks, 1);
}

static void on_restart(void *argument, const char *connector, bool include_tasks, bool only_failed)
{
    (void)connector, (void)include_tasks, (void)only_failed;
    atomic_fetch_add(&((struct worker *)argument)->restarts, 1);
}

static void on_claim_lost(void *argument)
{
    atomic_fetch_add(&((struct worker *)argument)->claims_lost, 1);
}

static const struct config_listener listener = {
    .claim_lost = on_claim_lost,
    .connector_changed = on_changed, .tasks_changed = on_tasks, .restart_requested = on_restart};

static struct kafka_stores *stores_create(struct fixture *fixture)
{
    struct client_config *consumer = mock_config(&fixture->mock, CLIENT_INTERNAL_CONSUMER, NULL, "");
    struct client_config *producer = mock_config(&fixture->mock, CLIENT_INTERNAL_PRODUCER, NULL, "");
    struct kafka_stores *stores = kafka_stores_create(&(struct kafka_stores_setup){.consumer = consumer,
                                                                                   .producer = producer,
                                                                                   .fenced_producer = producer,
                                                                                   .group_id = "g",
                                                                                   .config_topic = "configs",
                                                                                   .offset_topic = "offsets",
                                                                                   .status_topic = "statuses"},
                                                      NULL);
    assert_non_null(stores);
    client_config_drop(consumer);
    client_config_drop(producer);
    return stores;
}

static void worker_start(struct fixture *fixture, struct worker *worker)
{
    struct mr_error *error = NULL;
    worker->stores = stores_create(fixture);
    config_store_set_listener(kafka_stores_configs(worker->stores), &listener, worker);
    kafka_stores_start(worker->stores, deadline_after_ms(SOON_MS), &error);
    assert_no_error(error);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    mock_open(&fixture->mock);
    rd_kafka_mock_topic_create(fixture->mock.cluster, "configs", 1, 1);
    rd_kafka_mock_topic_create(fixture->mock.cluster, "offsets", 5, 1);
    rd_kafka_mock_topic_create(fixture->mock.cluster, "statuses", 3, 1);
    fixture->arena = mr_arena_create(1 << 20);
    worker_start(fixture, &fixture->one);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    kafka_stores_destroy(fixture->one.stores);
    kafka_stores_destroy(fixture->other.stores);
    mr_arena_destroy(fixture->arena);
    mock_close(&fixture->mock);
    free(fixture);
    return 0;
}

static int64_t soon(void)
{
    return deadline_after_ms(SOON_MS);
}

static void write_connector(struct config_store *configs)
{
    struct mr_error *error = NULL;
    struct string_map *map = string_map_create(), *task = string_map_create();
    string_map_put(map, "name", "a");
    string_map_put(task, "id", "0");
    config_store_put_connector(configs, "a", map, NULL, soon(), &error);
    assert_no_error(error);
    config_store_put_tasks(configs, "a", (const struct string_map *const *)&task, 1, soon(), &error);
    assert_no_error(error);
    string_map_destroy(map);
    string_map_destroy(task);
}

static void assert_connector(struct config_store *configs)
{
    struct config_snapshot *snapshot = config_store_snapshot(configs);
    assert_int_equal(config_snapshot_connector_count(snapshot), 1);
    assert_int_equal(config_snapshot_task_count(snapshot, "a"), 1);
    config_snapshot_drop(snapshot);
}

static void a_write_returns_when_it_can_be_read(void **state)
{
    struct fixture *fixture = *state;
    struct config_store *configs = kafka_stores_configs(fixture->one.stores);
    write_connector(configs);
    assert_connector(configs);
    assert_int_equal(atomic_load(&fixture->one.changed), 1);
    assert_int_equal(atomic_load(&fixture->one.tasks), 1);
}

static void a_leaders_transactions_are_read_by_all(void **state)
{
    struct fixture *fixture = *state;
    struct config_store *configs = kafka_stores_configs(fixture->one.stores);
    struct mr_error *error = NULL;
    config_store_claim(configs, CONFIG_FENCING_TRANSACTION, soon(), &error);
    assert_no_error(error);
    write_connector(configs);
    assert_connector(configs);
    worker_start(fixture, &fixture->other);
    assert_connector(kafka_stores_configs(fixture->other.stores));
    config_store_renounce(configs);
    assert_int_equal(config_store_put_restart(configs, "a", true, false, soon(), &error), -1);
    assert_error(&error, MR_ERR_CONFLICT, "does not lead");
    config_store_claim(kafka_stores_configs(fixture->other.stores), CONFIG_FENCING_TRANSACTION, soon(), &error);
    assert_no_error(error);
    assert_int_equal(config_store_put_restart(kafka_stores_configs(fixture->other.stores), "a", true, false, soon(), NULL), 0);
}

static void a_leader_that_is_shut_out_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct config_store *configs = kafka_stores_configs(fixture->one.stores);
    struct mr_error *error = NULL;
    config_store_claim(configs, CONFIG_FENCING_TRANSACTION, soon(), &error);
    assert_no_error(error);
    rd_kafka_mock_push_request_errors(fixture->mock.cluster, API_END_TXN, 1, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
    assert_int_equal(config_store_put_restart(configs, "a", true, false, soon(), &error), -1);
    assert_error(&error, MR_ERR_CONFLICT, "transactional id connect-cluster-g");
    assert_int_equal(atomic_load(&fixture->one.claims_lost), 1);
    config_store_claim(configs, CONFIG_FENCING_TRANSACTION, soon(), &error);
    assert_no_error(error);
    assert_int_equal(config_store_put_restart(configs, "a", true, false, soon(), NULL), 0);
}

static void with_too_little_time_no_transaction_is_begun(void **state)
{
    struct fixture *fixture = *state;
    struct config_store *configs = kafka_stores_configs(fixture->one.stores);
    struct mr_error *error = NULL;
    assert_int_equal(config_store_claim(configs, CONFIG_FENCING_TRANSACTION, soon(), NULL), 0);
    assert_int_equal(config_store_put_restart(configs, "a", true, false, deadline_after_ms(500), &error), -1);
    assert_error(&error, MR_ERR_TIMEOUT, "nothing was written");
    assert_int_equal(config_store_put_restart(configs, "a", true, false, soon(), NULL), 0);
}

static bool has_two_changes(void *argument)
{
    return atomic_load(&((struct worker *)argument)->changed) == 2;
}

static void another_worker_reads_history_silently_and_news_aloud(void **state)
{
    struct fixture *fixture = *state;
    struct config_store *configs = kafka_stores_configs(fixture->one.stores);
    write_connector(configs);
    assert_int_equal(config_store_put_restart(configs, "a", true, false, soon(), NULL), 0);
    worker_start(fixture, &fixture->other);
    struct config_store *others = kafka_stores_configs(fixture->other.stores);
    assert_connector(others);
    assert_int_equal(atomic_load(&fixture->other.changed) + atomic_load(&fixture->other.restarts), 0);
    write_connector(others);
    write_connector(configs);
    assert_true(eventually(SOON_MS, has_two_changes, &fixture->other));
    assert_int_equal(config_store_refresh(others, soon(), NULL), 0);
    struct config_snapshot *one = config_store_snapshot(configs), *other = config_store_snapshot(others);
    assert_int_equal(config_snapshot_offset(one), config_snapshot_offset(other));
    assert_int_equal(config_snapshot_offset(one), 10);
    config_snapshot_drop(one);
    config_snapshot_drop(other);
}

static void statuses_come_back_from_the_topic(void **state)
{
    struct fixture *fixture = *state;
    struct status_store *statuses = kafka_stores_statuses(fixture->one.stores);
    struct unit_status running = {UNIT_RUNNING, "w:1", 3, NULL, "1.0"};
    for (uint32_t task = 0; task < 50; task++)
        status_store_put_task(statuses, "a", task, &running, STATUS_CERTAIN);
    status_store_put_topic(statuses, "a", "t", 2);
    assert_int_equal(status_store_flush(statuses, soon(), NULL), 0);
    assert_int_equal(status_store_refresh(statuses, soon(), NULL), 0);
    struct status_view *view = status_store_view(statuses, "a");
    assert_int_equal(view->task_count, 50);
    assert_string_equal(status_view_task(view, 49)->version, "1.0");
    status_view_destroy(view);
    worker_start(fixture, &fixture->other);
    size_t count;
    struct topic_status *topics = status_store_topics(kafka_stores_statuses(fixture->other.stores), "a", &count);
    assert_int_equal(count, 1);
    assert_int_equal(topics[0].task, 2);
    status_topics_destroy(topics);
}

static void on_done(void *argument, const struct mr_error *error)
{
    atomic_store((atomic_int *)argument, error == NULL ? 1 : -1);
}

static bool is_done(void *argument)
{
    return atomic_load((atomic_int *)argument) != 0;
}

static void offsets_are_found_by_the_next_worker(void **state)
{
    struct fixture *fixture = *state;
    struct offset_store *offsets = kafka_stores_offsets(fixture->one.stores);
    struct mr_arena *arena = fixture->arena;
    struct mr_value *partition = mr_map_create(arena, 1), *offset = mr_map_create(arena, 1);
    atomic_int done = 0;
    assert_int_equal(mr_map_put_text(arena, partition, "filename", mr_string(arena, "/x")), 0);
    assert_int_equal(mr_map_put_text(arena, offset, "position", mr_int64(arena, 6)), 0);
    assert_int_equal(
        offset_store_put(offsets, "a", &(struct offset_entry){partition, offset}, 1, on_done, &done, NULL), 0);
    assert_true(eventually(SOON_MS, is_done, &done));
    assert_int_equal(atomic_load(&done), 1);
    worker_start(fixture, &fixture->other);
    const struct mr_value *found =
        offset_store_get(kafka_stores_offsets(fixture->other.stores), "a", partition, arena, NULL);
    assert_int_equal(mr_value_integer(mr_map_get(found, "position")), 6);
    assert_int_equal(offset_store_refresh(offsets, soon(), NULL), 0);
    found = offset_store_get(offsets, "a", partition, arena, NULL);
    assert_int_equal(mr_value_integer(mr_map_get(found, "position")), 6);
    atomic_store(&done, 0);
    offset_store_refresh_then(offsets, soon(), on_done, &done);
    assert_true(eventually(SOON_MS, is_done, &done));
}

static void after_the_stop_reads_answer_and_writes_fail(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    struct unit_status running = {UNIT_RUNNING, "w:1", 3, NULL, NULL};
    struct config_store *configs = kafka_stores_configs(fixture->one.stores);
    struct status_store *statuses = kafka_stores_statuses(fixture->one.stores);
    write_connector(configs);
    kafka_stores_stop(fixture->one.stores, soon());
    kafka_stores_stop(fixture->one.stores, soon());
    assert_connector(configs);
    assert_int_equal(config_store_put_target(configs, "a", TARGET_PAUSED, soon(), &error), -1);
    assert_error(&error, MR_ERR_CONFLICT, "");
    status_store_put_connector(statuses, "a", &running, STATUS_CERTAIN);
    assert_int_equal(status_store_flush(statuses, soon(), NULL), 0);
}

static void a_stop_without_brokers_is_short(void **state)
{
    struct fixture *fixture = *state;
    struct unit_status running = {UNIT_RUNNING, "w:1", 3, NULL, NULL};
    struct mr_error *error = NULL;
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    status_store_put_connector(kafka_stores_statuses(fixture->one.stores), "a", &running, STATUS_CERTAIN);
    assert_int_equal(config_store_put_target(kafka_stores_configs(fixture->one.stores), "a", TARGET_PAUSED,
                                             deadline_after_ms(100), &error),
                     -1);
    assert_error(&error, MR_ERR_TIMEOUT, "nothing was written"); /* nor will be later */
    int64_t before_ms = clock_monotonic_ms(NULL);
    kafka_stores_stop(fixture->one.stores, deadline_after_ms(100));
    assert_true(clock_monotonic_ms(NULL) - before_ms < 5000);
}

static void a_start_without_brokers_ends_at_its_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    fixture->other.stores = stores_create(fixture);
    assert_int_equal(kafka_stores_start(fixture->other.stores, deadline_after_ms(300), &error), -1);
    assert_non_null(error);
    mr_error_drop(error);
}

#define ON_MOCK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

RUN_TESTS(ON_MOCK(a_write_returns_when_it_can_be_read), ON_MOCK(a_leaders_transactions_are_read_by_all),
          ON_MOCK(a_leader_that_is_shut_out_is_told), ON_MOCK(with_too_little_time_no_transaction_is_begun),
          ON_MOCK(another_worker_reads_history_silently_and_news_aloud),
          ON_MOCK(statuses_come_back_from_the_topic), ON_MOCK(offsets_are_found_by_the_next_worker),
          ON_MOCK(after_the_stop_reads_answer_and_writes_fail), ON_MOCK(a_stop_without_brokers_is_short),
          ON_MOCK(a_start_without_brokers_ends_at_its_deadline))
