/* MockSource and MockSink fail when they are told to, and not otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "connector_test.h"
#include "mock_plugin.h"

/* --- connectors ---- */

struct raised {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char class_name[64];
    int count;
};

static void note_raised(void *owner, const struct mr_error *error)
{
    struct raised *raised = owner;

    pthread_mutex_lock(&raised->lock);
    snprintf(raised->class_name, sizeof(raised->class_name), "%s", mr_error_class_name(error));
    raised->count++;
    pthread_cond_signal(&raised->changed);
    pthread_mutex_unlock(&raised->lock);
}

static const struct connector_context_host raising_host = {.raise_error = note_raised};

static void wait_raised(struct raised *raised, int count)
{
    pthread_mutex_lock(&raised->lock);
    while (raised->count < count)
        pthread_cond_wait(&raised->changed, &raised->lock);
    pthread_mutex_unlock(&raised->lock);
}

static void a_connector_fails_after_each_start(void **state)
{
    const struct mr_sink_connector_ops *ops = mock_sink_plugin.ops;
    struct mr_config *config = config_of(&mock_config_def, (const char *const[]){"mock_mode=connector-failure", "delay_ms=1", NULL});
    struct raised raised = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct mr_connector_context context = {.host = &raising_host, .owner = &raised, .name = "test"};
    void *self = ops->create(&context, NULL);

    (void)state;
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(0, ops->start(self, config, NULL));
        wait_raised(&raised, i);
        ops->stop(self);
    }
    assert_int_equal(2, raised.count);
    assert_string_equal("java.lang.RuntimeException", raised.class_name);
    ops->destroy(self);
    mr_config_destroy(config);
}

/* The wait for the default of 15 s, or for centuries, ends with the connector. */
static void a_connector_that_is_stopped_before_does_not_fail(void **state)
{
    static const char *const delays[] = {"delay_ms=15000", "delay_ms=9007199254740992"};
    const struct mr_source_connector_ops *ops = mock_source_plugin.ops;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct mr_config *config = config_of(&mock_config_def, (const char *const[]){"mock_mode=connector-failure", delays[i], NULL});
        struct raised raised = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
        struct mr_connector_context context = {.host = &raising_host, .owner = &raised, .name = "test"};
        struct mr_task_configs *configs = task_configs_create();
        void *self = ops->create(&context, NULL);

        assert_int_equal(0, ops->start(self, config, NULL));
        assert_int_equal(0, ops->task_configs(self, 5, configs, NULL));
        assert_int_equal(1, task_configs_count(configs));
        ops->stop(self);
        ops->destroy(self);
        assert_int_equal(0, raised.count);
        task_configs_destroy(configs);
        mr_config_destroy(config);
    }
}

/* --- tasks ---- */

static void a_source_task_fails_when_its_time_has_come(void **state)
{
    struct source_bench bench;

    (void)state;
    source_bench_init(&bench, &mock_source_plugin, (const char *const[]){"mock_mode=task-failure", "delay_ms=5000", NULL});
    source_bench_start(&bench);
    assert_int_equal(0, source_bench_poll(&bench));
    assert_int_equal(5000, bench.poll_after_ms);
    host_monotonic_ms += 4999;
    assert_int_equal(0, source_bench_poll(&bench));
    assert_int_equal(1, bench.poll_after_ms);
    host_monotonic_ms += 1;
    assert_int_equal(-1, source_bench_poll(&bench));
    assert_string_equal("java.lang.RuntimeException", mr_error_class_name(bench.error));
    assert_false(mr_error_is_retriable(bench.error));
    source_bench_release(&bench);
}

static void a_source_task_in_any_other_mode_goes_on(void **state)
{
    static const char *const modes[] = {"mock_mode=connector-failure", "mock_mode=none", "other=1"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct source_bench bench;

        source_bench_init(&bench, &mock_source_plugin, (const char *const[]){modes[i], "delay_ms=0", NULL});
        source_bench_start(&bench);
        host_monotonic_ms += 1000000;
        assert_int_equal(0, source_bench_poll(&bench));
        assert_int_equal(0, mr_batch_count(bench.batch));
        source_bench_release(&bench);
    }
}

static uint32_t put_after_ms;

static void note_put_after(void *owner, uint32_t delay_ms)
{
    (void)owner;
    put_after_ms = delay_ms;
}

static void a_sink_task_without_records_fails_when_its_time_has_come(void **state)
{
    static const struct sink_context_host host = {.retry_after_ms = note_put_after};
    const struct mr_sink_connector_ops *connector = mock_sink_plugin.ops;
    const struct mr_sink_task_ops *ops = connector->task;
    struct mr_config *config = config_of(&mock_config_def, (const char *const[]){"mock_mode=task-failure", "delay_ms=300", NULL});
    struct mr_sink_context context = {.host = &host, .connector = "test"};
    struct mr_error *error = NULL;
    void *self = ops->create(&context, NULL);

    (void)state;
    assert_int_equal(0, ops->start(self, config, NULL));
    assert_int_equal(0, ops->put(self, NULL, 0, NULL));
    assert_int_equal(250, put_after_ms);
    host_monotonic_ms += 250;
    assert_int_equal(0, ops->put(self, NULL, 0, NULL));
    assert_int_equal(50, put_after_ms);
    host_monotonic_ms += 50;
    assert_int_equal(-1, ops->put(self, NULL, 0, &error));
    assert_non_null(strstr(mr_error_message(error), "mock_mode=task-failure"));
    mr_error_drop(error);
    ops->stop(self);
    ops->destroy(self);
    mr_config_destroy(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connector_fails_after_each_start),
        cmocka_unit_test(a_connector_that_is_stopped_before_does_not_fail),
        cmocka_unit_test(a_source_task_fails_when_its_time_has_come),
        cmocka_unit_test(a_source_task_in_any_other_mode_goes_on),
        cmocka_unit_test(a_sink_task_without_records_fails_when_its_time_has_come),
    };
    mr_module_v1(&test_host);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
