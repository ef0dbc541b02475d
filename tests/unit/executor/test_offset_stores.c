/* Which offset store a source connector gets, and who shares it. Opening one is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <millrace/error.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/properties.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/worker_config.h"
#include "executor/offset_stores.h"
#include "kafka/admin.h"
#include "kafka/client_config.h"
#include "kafka/internal_topics.h"
#include "store/connector_offset_store.h"
#include "store/memory_offset_store.h"
#include "store/offset_store.h"
#include "support/alloc_torture.h"
#include "support/eventually.h"

#define SOON_MS 20000
#define WORKER                                                                                                         \
    "bootstrap.servers=one:1, two:2\ngroup.id=g\nconfig.storage.topic=c\noffset.storage.topic=offsets\n"               \
    "status.storage.topic=s\nkey.converter=org.apache.kafka.connect.storage.StringConverter\n"                         \
    "value.converter=org.apache.kafka.connect.storage.StringConverter\nproducer.transactional.id=mine\n"

/* What is opened, and how. */
static struct cluster {
    atomic_bool hangs, fails, refuses;
    atomic_int opened, ensured, admins;
    struct offset_store *lost;
    char said[1024]; /* of the last store */
} cluster;

struct admin *__wrap_admin_open(struct client_config *config, struct graveyard *graveyard, struct mr_error **error);
struct admin *__wrap_admin_open(struct client_config *config, struct graveyard *graveyard, struct mr_error **error)
{
    (void)graveyard, (void)error;
    assert_int_equal(client_config_kind(config), CLIENT_ADMIN);
    cluster.admins++;
    return (struct admin *)&cluster;
}

void __wrap_admin_close(struct admin *admin);
void __wrap_admin_close(struct admin *admin)
{
    cluster.admins -= admin != NULL;
}

int __wrap_internal_topic_ensure(struct admin *admin, enum internal_topic kind, const struct string_map *worker, int64_t deadline_ms,
                                 struct mr_error **error);
int __wrap_internal_topic_ensure(struct admin *admin, enum internal_topic kind, const struct string_map *worker, int64_t deadline_ms,
                                 struct mr_error **error)
{
    (void)admin, (void)deadline_ms;
    assert_int_equal(kind, INTERNAL_TOPIC_OFFSET);
    assert_non_null(string_map_get(worker, "offset.storage.topic"));
    cluster.ensured++;
    return cluster.refuses ? mr_error_set(error, MR_ERR_CONFIG, "it is not compacted") : 0;
}

struct offset_store *__wrap_connector_offset_store_open(const struct connector_offset_store_setup *setup, int64_t deadline_ms,
                                                        struct mr_error **error);
struct offset_store *__wrap_connector_offset_store_open(const struct connector_offset_store_setup *setup, int64_t deadline_ms,
                                                        struct mr_error **error)
{
    (void)deadline_ms;
    while (cluster.hangs)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    cluster.opened++;
    assert_null(client_config_get(setup->producer, "transactional.id"));
    assert_null(client_config_get(setup->consumer, "group.id"));
    snprintf(cluster.said, sizeof(cluster.said), "%s %s %s %s", setup->topic, setup->read_committed ? "committed" : "all",
             client_config_get(setup->producer, "bootstrap.servers"), client_config_client_id(setup->consumer));
    if (!cluster.fails)
        return memory_offset_store_create(error);
    mr_error_set(error, MR_ERR_TIMEOUT, "no broker");
    return NULL;
}

bool __wrap_offset_store_is_lost(struct offset_store *store);
bool __wrap_offset_store_is_lost(struct offset_store *store)
{
    return store == cluster.lost;
}

struct fixture {
    struct worker_config *worker;
    struct offset_store *offsets;
    struct offset_stores *stores;
    struct string_map *config;
};

static void put_lines(struct string_map *map, const char *lines)
{
    char why[200];
    struct string_map *more = properties_parse(lines, strlen(lines), PROPERTIES_UTF8, why, sizeof(why));
    assert_non_null(more);
    assert_true(string_map_put_all(map, more));
    string_map_destroy(more);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct string_map *properties = string_map_create();
    struct mr_error *error = NULL;
    memset(&cluster, 0, sizeof(cluster));
    put_lines(properties, WORKER);
    fixture->worker = worker_config_create(WORKER_DISTRIBUTED, properties, &error);
    if (error != NULL)
        fail_msg("%s", mr_error_message(error));
    string_map_destroy(properties);
    fixture->offsets = memory_offset_store_create(NULL);
    fixture->stores =
        offset_stores_create(&(struct offset_stores_setup){.worker = fixture->worker, .offsets = fixture->offsets}, NULL);
    fixture->config = string_map_create();
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    offset_stores_destroy(fixture->stores);
    offset_store_destroy(fixture->offsets);
    string_map_destroy(fixture->config);
    worker_config_destroy(fixture->worker);
    assert_int_equal(cluster.admins, 0);
    free(fixture);
    return 0;
}

static struct offset_store *try_take(struct fixture *fixture, const char *topic, bool exactly_once, struct mr_error **error)
{
    return offset_stores_take(fixture->stores,
                              &(struct offset_stores_want){.connector = "a",
                                                           .config = fixture->config,
                                                           .topic = topic,
                                                           .exactly_once = exactly_once,
                                                           .deadline_ms = deadline_after_ms(SOON_MS)},
                              error);
}

static struct offset_store *take(struct fixture *fixture, const char *topic, bool exactly_once)
{
    struct mr_error *error = NULL;
    struct offset_store *store = try_take(fixture, topic, exactly_once, &error);
    if (error != NULL)
        fail_msg("%s", mr_error_message(error));
    return store;
}

/* ---- which ---- */

static void most_connectors_use_the_workers_store(void **state)
{
    struct fixture *fixture = *state;
    assert_ptr_equal(take(fixture, NULL, false), fixture->offsets);
    assert_ptr_equal(take(fixture, NULL, true), fixture->offsets);
    assert_ptr_equal(take(fixture, "offsets", true), fixture->offsets);
    put_lines(fixture->config, "producer.override.bootstrap.servers=two:2,one:1\n"); /* the same in another order */
    assert_ptr_equal(take(fixture, "offsets", false), fixture->offsets);
    offset_stores_drop(fixture->stores, fixture->offsets);
    assert_int_equal(cluster.opened, 0);
}

static void a_topic_of_its_own_is_made_and_opened_with_the_connectors_clients(void **state)
{
    struct fixture *fixture = *state;
    put_lines(fixture->config, "producer.override.bootstrap.servers=three:3\n");
    struct offset_store *store = take(fixture, "own", false);
    assert_ptr_not_equal(store, fixture->offsets);
    assert_string_equal(cluster.said, "own committed three:3 connector-consumer-a");
    assert_int_equal(cluster.ensured, 1);
    offset_stores_drop(fixture->stores, store);
}

static void with_exactly_once_the_offsets_are_where_the_records_go(void **state)
{
    struct fixture *fixture = *state;
    put_lines(fixture->config, "producer.override.bootstrap.servers=three:3\nconsumer.override.isolation.level=read_uncommitted\n");
    struct offset_store *store = take(fixture, NULL, true);
    assert_string_equal(cluster.said, "offsets committed three:3 connector-consumer-a");
    offset_stores_drop(fixture->stores, store);
    assert_ptr_equal(take(fixture, NULL, false), fixture->offsets);
}

static void without_it_a_user_may_read_what_is_not_committed(void **state)
{
    struct fixture *fixture = *state;
    put_lines(fixture->config, "consumer.override.isolation.level=read_uncommitted\n");
    struct offset_store *store = take(fixture, "own", false);
    assert_string_equal(cluster.said, "own all one:1, two:2 connector-consumer-a");
    offset_stores_drop(fixture->stores, store);
}

/* ---- sharing ---- */

static void tasks_share_a_store_and_find_it_open_when_they_come_back(void **state)
{
    struct fixture *fixture = *state;
    struct offset_store *one = take(fixture, "own", true), *two = take(fixture, "own", true);
    assert_ptr_equal(one, two);
    offset_stores_drop(fixture->stores, one);
    offset_stores_drop(fixture->stores, two);
    assert_ptr_equal(take(fixture, "own", true), one);
    offset_stores_drop(fixture->stores, one);
    assert_int_equal(cluster.opened, 1);
    assert_int_equal(offset_stores_count(fixture->stores), 1);
}

static bool is_closed(void *argument)
{
    return offset_stores_count(argument) == 0;
}

static void it_is_closed_a_moment_after_its_last_user(void **state)
{
    struct fixture *fixture = *state;
    offset_stores_destroy(fixture->stores);
    fixture->stores = offset_stores_create(
        &(struct offset_stores_setup){.worker = fixture->worker, .offsets = fixture->offsets, .linger_ms = 1}, NULL);
    struct offset_store *store = take(fixture, "own", true);
    offset_stores_drop(fixture->stores, store);
    assert_true(eventually(SOON_MS, is_closed, fixture->stores));
    store = take(fixture, "own", true);
    assert_int_equal(cluster.opened, 2);
    offset_stores_drop(fixture->stores, store);
}

static void other_settings_make_another_store(void **state)
{
    struct fixture *fixture = *state;
    struct offset_store *one = take(fixture, "own", true), *other = take(fixture, "other", true);
    put_lines(fixture->config, "producer.override.linger.ms=7\n");
    struct offset_store *third = take(fixture, "own", true);
    assert_int_equal(cluster.opened, 3);
    offset_stores_drop(fixture->stores, one);
    offset_stores_drop(fixture->stores, other);
    offset_stores_drop(fixture->stores, third);
}

static void a_store_whose_records_are_gone_is_opened_anew(void **state)
{
    struct fixture *fixture = *state;
    struct offset_store *one = take(fixture, "own", true);
    cluster.lost = one;
    struct offset_store *other = take(fixture, "own", true);
    assert_int_equal(cluster.opened, 2);
    assert_ptr_equal(take(fixture, "own", true), other);
    offset_stores_drop(fixture->stores, one);
    offset_stores_drop(fixture->stores, other);
    offset_stores_drop(fixture->stores, other);
}

struct taker {
    struct fixture *fixture;
    struct offset_store *store;
    struct mr_error *error;
    atomic_bool is_in;
    pthread_t thread;
};

static void *take_run(void *argument)
{
    struct taker *taker = argument;
    taker->is_in = true;
    taker->store = try_take(taker->fixture, "own", true, &taker->error);
    return NULL;
}

#define TAKERS 4

static void start_takers(struct fixture *fixture, struct taker takers[TAKERS])
{
    for (int i = 0; i < TAKERS; i++) {
        takers[i] = (struct taker){.fixture = fixture};
        assert_true(thread_start(&takers[i].thread, &(struct thread_setup){"taker", take_run, &takers[i], 0}, NULL, 0));
    }
}

static bool is_opening(void *argument)
{
    return offset_stores_count(argument) == 1;
}

static void those_who_come_together_open_it_once(void **state)
{
    struct fixture *fixture = *state;
    struct taker takers[TAKERS];
    struct mr_error *error = NULL;
    cluster.hangs = true;
    start_takers(fixture, takers);
    assert_true(eventually(SOON_MS, is_opening, fixture->stores));
    struct offset_stores_want want = {.connector = "a", .config = fixture->config, .topic = "own", .exactly_once = true,
                                      .deadline_ms = deadline_after_ms(10)};
    assert_null(offset_stores_take(fixture->stores, &want, &error)); /* who has no time goes without */
    assert_int_equal(mr_error_code(error), MR_ERR_TIMEOUT);
    mr_error_clear(&error);
    cluster.hangs = false;
    for (int i = 0; i < TAKERS; i++) {
        thread_join(takers[i].thread);
        assert_non_null(takers[i].store);
        assert_ptr_equal(takers[i].store, takers[0].store);
    }
    assert_int_equal(cluster.opened, 1);
    for (int i = 0; i < TAKERS; i++)
        offset_stores_drop(fixture->stores, takers[i].store);
}

static void a_failure_is_told_to_all_and_tried_again_by_the_next(void **state)
{
    struct fixture *fixture = *state;
    struct taker takers[TAKERS];
    cluster.fails = true;
    start_takers(fixture, takers);
    for (int i = 0; i < TAKERS; i++) {
        thread_join(takers[i].thread);
        assert_null(takers[i].store);
        assert_string_equal(mr_error_message(takers[i].error),
                            "the offsets topic of connector a (offsets.storage.topic own) cannot be used: no broker");
        mr_error_drop(takers[i].error);
    }
    assert_int_equal(offset_stores_count(fixture->stores), 0);
    cluster.fails = false;
    offset_stores_drop(fixture->stores, take(fixture, "own", true));
}

static void a_topic_that_does_not_fit_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    cluster.refuses = true;
    assert_null(try_take(fixture, "own", false, &error));
    assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
    assert_non_null(strstr(mr_error_message(error), "offsets.storage.topic own) cannot be used: it is not compacted"));
    mr_error_clear(&error);
    assert_int_equal(cluster.opened, 0);
}

static bool take_and_end(void *argument)
{
    struct fixture *fixture = argument;
    struct mr_error *error = NULL;
    struct offset_stores *stores = offset_stores_create(
        &(struct offset_stores_setup){.worker = fixture->worker, .offsets = fixture->offsets}, &error);
    struct offset_stores_want want = {.connector = "a", .config = fixture->config, .topic = "own",
                                      .deadline_ms = deadline_after_ms(SOON_MS)};
    struct offset_store *store = stores != NULL ? offset_stores_take(stores, &want, &error) : NULL;
    assert_true(store != NULL || error != NULL);
    if (stores != NULL)
        offset_stores_drop(stores, store);
    offset_stores_destroy(stores);
    mr_error_drop(error);
    return store != NULL;
}

static void without_memory_nothing_leaks(void **state)
{
    alloc_torture(take_and_end, *state);
}

#define SET_UP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SET_UP(most_connectors_use_the_workers_store),
        SET_UP(a_topic_of_its_own_is_made_and_opened_with_the_connectors_clients),
        SET_UP(with_exactly_once_the_offsets_are_where_the_records_go),
        SET_UP(without_it_a_user_may_read_what_is_not_committed),
        SET_UP(tasks_share_a_store_and_find_it_open_when_they_come_back),
        SET_UP(it_is_closed_a_moment_after_its_last_user),
        SET_UP(other_settings_make_another_store),
        SET_UP(a_store_whose_records_are_gone_is_opened_anew),
        SET_UP(those_who_come_together_open_it_once),
        SET_UP(a_failure_is_told_to_all_and_tried_again_by_the_next),
        SET_UP(a_topic_that_does_not_fit_is_named),
        SET_UP(without_memory_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
