/* One worker in one process: herder, executor, a source that counts, a mock cluster to send to, stores in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "herder/herder.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"
#include "store/status_store.h"
#include "support/executor_probe.h"

struct bench {
    rd_kafka_t *rk; /* owns the cluster */
    char hang_path[64];
    struct worker_config *worker;
    struct loader *loader;
    struct variables *variables;
    struct offset_store *offsets;
    struct graveyard *graveyard;
    struct producer_pool *producers;
    struct job_pool *jobs;
    struct lease lease;
    struct config_store *configs;
    struct status_store *statuses;
    struct herder *herder;
    bool is_stopped;
};

/* --- asking ------------------------------------------------------------------------------------------------------- */

struct answer {
    atomic_int status;
    atomic_int times;
    char message[1024];
};

static void take_answer(void *argument, const struct herder_reply *reply)
{
    struct answer *answer = argument;

    snprintf(answer->message, sizeof(answer->message), "%s", reply->message != NULL ? reply->message : "");
    atomic_store(&answer->status, reply->status);
    atomic_fetch_add(&answer->times, 1);
}

static bool is_answered(void *argument)
{
    return atomic_load(&((struct answer *)argument)->times) > 0;
}

static int answered(struct answer *answer)
{
    assert_true(eventually(PROBE_WAIT_MS, is_answered, answer));
    assert_int_equal(atomic_load(&answer->times), 1);
    return atomic_load(&answer->status);
}

static void ask_put(struct bench *bench, const char *name, const char *options, struct answer *answer)
{
    struct string_map *map = probe_map(options);

    memset(answer, 0, sizeof(*answer));
    if (!string_map_has(map, "connector.class"))
        string_map_put(map, "connector.class", "CountingSource");
    string_map_put(map, "hang.while", bench->hang_path);
    string_map_put(map, "limit", "50");
    string_map_put(map, "name", name);
    herder_put_connector(bench->herder, &(struct herder_put_connector){.name = name, .config = map}, take_answer,
                         answer);
    string_map_destroy(map);
}

static int put(struct bench *bench, const char *name, const char *options)
{
    struct answer answer;

    ask_put(bench, name, options, &answer);
    return answered(&answer);
}

typedef void ask_fn(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument);
static int ask(struct bench *bench, ask_fn *request, const char *name)
{
    struct answer answer = {0};

    request(bench->herder, name, take_answer, &answer);
    return answered(&answer);
}

static void delete_unguarded(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    herder_delete_connector(herder, name, NULL, reply, argument);
}

/* --- waiting for statuses --------------------------------------------------------------------------------------------- */

struct wish {
    struct bench *bench;
    const char *connector;
    enum unit_state state; /* of the connector */
    enum unit_state task_state;
    size_t tasks;
};

static bool comes_true(void *argument)
{
    struct wish *wish = argument;
    struct status_view *view = status_store_view(wish->bench->statuses, wish->connector);
    bool is_true = view->connector != NULL && view->connector->state == wish->state && view->task_count == wish->tasks;

    for (size_t i = 0; is_true && i < view->task_count; i++)
        is_true = view->tasks[i].status.state == wish->task_state;
    status_view_destroy(view);
    return is_true;
}

static void expect_state(struct bench *bench, const char *connector, enum unit_state state, size_t tasks,
                         enum unit_state task_state)
{
    struct wish wish = {bench, connector, state, task_state, tasks};

    assert_true(eventually(PROBE_WAIT_MS, comes_true, &wish));
}

static void expect_running(struct bench *bench, const char *connector, size_t tasks)
{
    expect_state(bench, connector, UNIT_RUNNING, tasks, UNIT_RUNNING);
}

static bool is_forgotten(void *argument)
{
    struct wish *wish = argument;
    size_t count;
    char **names = status_store_connectors(wish->bench->statuses, &count);
    bool is_there = false;

    for (size_t i = 0; i < count; i++)
        is_there = is_there || strcmp(names[i], wish->connector) == 0;
    free(names);
    return !is_there;
}

static bool has_topic(void *argument)
{
    struct wish *wish = argument;
    size_t count;
    struct topic_status *topics = status_store_topics(wish->bench->statuses, wish->connector, &count);

    status_topics_destroy(topics);
    return count == wish->tasks;
}

/* --- life --------------------------------------------------------------------------------------------------------------- */

static void open_cluster(struct bench *bench, char *bootstrap, size_t size)
{
    char words[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_mock_cluster_t *cluster;

    rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", words, sizeof(words));
    rd_kafka_conf_set(conf, "log_level", "0", words, sizeof(words));
    bench->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof(words));
    assert_non_null(bench->rk);
    cluster = rd_kafka_handle_mock_cluster(bench->rk);
    assert_int_equal(rd_kafka_mock_topic_create(cluster, "counts", 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    snprintf(bootstrap, size, "%s", rd_kafka_mock_cluster_bootstraps(cluster));
}

static void open_parts(struct bench *bench, const char *bootstrap)
{
    char text[1024], why[256];
    struct mr_error *error = NULL;
    struct string_map *properties;

    snprintf(text, sizeof(text), "%sbootstrap.servers=%s\n", PROBE_WORKER, bootstrap);
    properties = probe_map(text);
    bench->worker = worker_config_create(WORKER_DISTRIBUTED, properties, &error);
    assert_non_null(bench->worker);
    string_map_destroy(properties);
    bench->loader = loader_create(&(struct loader_setup){.plugin_path = PROBE_PLUGINS, .host = loader_host()}, &error);
    bench->variables = variables_create(bench->loader, bench->worker->properties, &error);
    bench->offsets = memory_offset_store_create(&error);
    bench->graveyard = graveyard_create(&error);
    bench->producers = producer_pool_create(bench->graveyard, &error);
    bench->jobs = job_pool_create(&(struct job_pool_setup){.thread_name = "jobs", .threads_max = 4}, why, sizeof(why));
    bench->configs = memory_config_store_create(&error);
    bench->statuses = memory_status_store_create(&error);
    lease_set(&bench->lease, LEASE_FOR_EVER);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct mr_error *error = NULL;
    char bootstrap[256];

    open_cluster(bench, bootstrap, sizeof(bootstrap));
    open_parts(bench, bootstrap);
    snprintf(bench->hang_path, sizeof(bench->hang_path), "/tmp/herder-lifecycle.XXXXXX");
    close(mkstemp(bench->hang_path));
    struct executor_setup executor = {.loader = bench->loader,
                                      .worker = bench->worker,
                                      .variables = bench->variables,
                                      .offsets = bench->offsets,
                                      .producers = bench->producers,
                                      .graveyard = bench->graveyard,
                                      .jobs = bench->jobs,
                                      .lease = &bench->lease};
    bench->herder = herder_create(&(struct herder_setup){.worker = bench->worker,
                                                         .loader = bench->loader,
                                                         .variables = bench->variables,
                                                         .configs = bench->configs,
                                                         .statuses = bench->statuses,
                                                         .offsets = bench->offsets,
                                                         .executor = &executor,
                                                         .jobs = bench->jobs,
                                                         .worker_id = "here:8083"},
                                  &error);
    assert_non_null(bench->herder);
    assert_int_equal(herder_start(bench->herder, &error), 0);
    *state = bench;
    return 0;
}

static void stop(struct bench *bench)
{
    unlink(bench->hang_path);
    if (!bench->is_stopped)
        assert_true(herder_stop(bench->herder, deadline_after_ms(PROBE_WAIT_MS)));
    bench->is_stopped = true;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    stop(bench);
    assert_true(job_pool_stop(bench->jobs, deadline_after_ms(PROBE_WAIT_MS)));
    herder_destroy(bench->herder);
    job_pool_destroy(bench->jobs);
    producer_pool_destroy(bench->producers, deadline_after_ms(PROBE_WAIT_MS));
    graveyard_destroy(bench->graveyard, deadline_after_ms(PROBE_WAIT_MS));
    status_store_destroy(bench->statuses);
    config_store_destroy(bench->configs);
    offset_store_destroy(bench->offsets);
    variables_destroy(bench->variables);
    loader_destroy(bench->loader);
    worker_config_destroy(bench->worker);
    rd_kafka_destroy(bench->rk);
    free(bench);
    return 0;
}

/* --- tests ---------------------------------------------------------------------------------------------------------------- */

static void a_connector_lives_from_its_creation_to_its_deletion(void **state)
{
    struct bench *bench = *state;
    struct answer restart = {0};
    struct wish topics = {.bench = bench, .connector = "a", .tasks = 1};

    assert_int_equal(put(bench, "a", "tasks.max=2\ntasks=2\n"), 201);
    expect_running(bench, "a", 2);
    assert_true(eventually(PROBE_WAIT_MS, has_topic, &topics));
    assert_int_equal(ask(bench, herder_pause_connector, "a"), 202);
    expect_state(bench, "a", UNIT_PAUSED, 2, UNIT_PAUSED);
    assert_int_equal(ask(bench, herder_resume_connector, "a"), 202);
    expect_running(bench, "a", 2);
    assert_int_equal(ask(bench, herder_stop_connector, "a"), 204);
    expect_state(bench, "a", UNIT_STOPPED, 0, UNIT_STOPPED);
    assert_int_equal(ask(bench, herder_resume_connector, "a"), 202);
    expect_running(bench, "a", 2);
    herder_restart_connector(bench->herder, "a", true, false, take_answer, &restart);
    assert_int_equal(answered(&restart), 202);
    expect_running(bench, "a", 2);
    assert_int_equal(ask(bench, delete_unguarded, "a"), 204);
    assert_true(eventually(PROBE_WAIT_MS, is_forgotten, &topics));
}

static void tasks_come_and_go_with_the_configuration(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(put(bench, "a", "tasks.max=3\ntasks=1\n"), 201);
    expect_running(bench, "a", 1);
    assert_int_equal(put(bench, "a", "tasks.max=3\ntasks=3\n"), 200);
    expect_running(bench, "a", 3);
    assert_int_equal(put(bench, "a", "tasks.max=3\ntasks=2\n"), 200);
    expect_running(bench, "a", 2);
}

static void more_tasks_than_allowed_fail_the_connector(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(put(bench, "a", "tasks.max=1\ntasks=2\n"), 201);
    expect_state(bench, "a", UNIT_FAILED, 0, UNIT_FAILED);
    assert_int_equal(put(bench, "a", "tasks.max=2\ntasks=2\n"), 200);
    expect_running(bench, "a", 2);
}

static void an_invalid_configuration_is_refused_with_what_is_wrong(void **state)
{
    struct bench *bench = *state;
    struct answer answer;

    ask_put(bench, "a", "tasks.max=none\n", &answer);
    assert_int_equal(answered(&answer), 400);
    assert_non_null(strstr(answer.message, "Connector configuration is invalid and contains the following"));
    assert_non_null(strstr(answer.message, "tasks.max"));
    ask_put(bench, "a", "connector.class=NoSuchThing\n", &answer);
    assert_int_equal(answered(&answer), 400);
    assert_non_null(strstr(answer.message, "NoSuchThing"));
    assert_int_equal(ask(bench, delete_unguarded, "a"), 404);
}

static void a_connector_that_hangs_disturbs_no_other(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(put(bench, "hung", "misbehave=start:hang\n"), 201);
    assert_int_equal(put(bench, "other", "tasks=1\n"), 201);
    expect_running(bench, "other", 1);
    assert_int_equal(ask(bench, herder_stop_connector, "other"), 204);
    expect_state(bench, "other", UNIT_STOPPED, 0, UNIT_STOPPED);
    unlink(bench->hang_path);
    expect_running(bench, "hung", 1);
}

static void what_fails_to_start_is_failed_with_its_reason(void **state)
{
    struct bench *bench = *state;
    struct answer restart = {0};
    struct status_view *view;

    assert_int_equal(put(bench, "a", "misbehave=start:fail\n"), 201);
    expect_state(bench, "a", UNIT_FAILED, 0, UNIT_FAILED);
    view = status_store_view(bench->statuses, "a");
    assert_non_null(strstr(view->connector->trace, "start was told to fail"));
    status_view_destroy(view);
    herder_restart_connector(bench->herder, "a", false, false, take_answer, &restart);
    assert_int_equal(answered(&restart), 500);
    assert_string_equal(restart.message, "Failed to start connector: a");
    assert_int_equal(put(bench, "b", "misbehave=task.start:fail\n"), 201);
    expect_state(bench, "b", UNIT_RUNNING, 1, UNIT_FAILED);
    assert_int_equal(put(bench, "b", "misbehave=\n"), 200);
    expect_running(bench, "b", 1);
}

static void a_stop_ends_everything_and_answers_what_waits(void **state)
{
    struct bench *bench = *state;
    struct answer restart = {0}, behind = {0};

    assert_int_equal(put(bench, "a", "tasks.max=2\ntasks=2\n"), 201);
    expect_running(bench, "a", 2);
    assert_int_equal(put(bench, "hung", "misbehave=start:hang\n"), 201);
    herder_restart_connector(bench->herder, "hung", false, false, take_answer, &restart);
    herder_pause_connector(bench->herder, "hung", take_answer, &behind);
    assert_false(is_answered(&restart));
    stop(bench);
    assert_int_equal(answered(&restart), 500);
    assert_int_equal(answered(&behind), 500);
    assert_string_equal(behind.message, "Worker is shutting down");
    /* Of tasks the cache keeps RUNNING: an UNASSIGNED of the same generation could come from before a move. */
    expect_state(bench, "a", UNIT_UNASSIGNED, 2, UNIT_RUNNING);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_connector_lives_from_its_creation_to_its_deletion),
        TEST(tasks_come_and_go_with_the_configuration),
        TEST(more_tasks_than_allowed_fail_the_connector),
        TEST(an_invalid_configuration_is_refused_with_what_is_wrong),
        TEST(a_connector_that_hangs_disturbs_no_other),
        TEST(what_fails_to_start_is_failed_with_its_reason),
        TEST(a_stop_ends_everything_and_answers_what_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
