#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mock_plugin.h"

#define CONNECTOR_FAILURE "connector-failure"
#define TASK_FAILURE "task-failure"
#define DELAY_MAX_MS (INT64_C(1) << 53) /* longer than any worker lives, and it can be added to a clock */

static const struct mr_range delay_range = {0, DELAY_MAX_MS};

static const struct mr_config_row rows[] = {
    {.name = "mock_mode",
     .type = MR_CONFIG_STRING,
     .importance = MR_HIGH,
     .doc = "What fails: " CONNECTOR_FAILURE " or " TASK_FAILURE "; anything else: nothing"},
    {.name = "delay_ms",
     .type = MR_CONFIG_LONG,
     .default_text = "15000",
     .importance = MR_MEDIUM,
     .doc = "How long after its start it fails",
     .validator = mr_check_range,
     .validator_argument = &delay_range},
};
const struct mr_config_def mock_config_def = MR_CONFIG_DEF(rows);

static bool has_mode(const struct mr_config *config, const char *mode)
{
    const char *text = mr_config_string(config, "mock_mode");

    return text != NULL && strcmp(text, mode) == 0;
}

/* As Kafka's own mocks throw it; they give no words. */
static int fail_as_told(struct mr_error **error, const char *mode, int64_t delay_ms)
{
    mr_error_set(error, MR_ERR_CONNECT, "mock_mode=%s: failed after %lld ms, as it was told to", mode, (long long)delay_ms);
    if (error != NULL)
        mr_error_set_class_name(*error, "java.lang.RuntimeException");
    return -1;
}

/* --- the connector ------------------------------------------------------------------------------------------------------- */

struct mock {
    struct mr_connector_context *context;
    const struct mr_config *config;
    int64_t delay_ms;
    pthread_mutex_t lock; /* of `is_stopping` */
    pthread_cond_t changed;
    bool is_stopping, has_thread;
    pthread_t thread;
};

void *mock_create(struct mr_connector_context *context, struct mr_error **error)
{
    struct mock *mock = calloc(1, sizeof(*mock));
    pthread_condattr_t attributes;

    if (mock == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the connector");
        return NULL;
    }
    mock->context = context;
    pthread_mutex_init(&mock->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&mock->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return mock;
}

/* thread: the mock's own. false: it was stopped before. */
static bool wait_out(struct mock *mock)
{
    struct timespec until;
    int waited = 0;
    bool is_stopping;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(mock->delay_ms / 1000);
    until.tv_nsec += (long)(mock->delay_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&mock->lock);
    while (!mock->is_stopping && waited == 0)
        waited = pthread_cond_timedwait(&mock->changed, &mock->lock, &until);
    is_stopping = mock->is_stopping;
    pthread_mutex_unlock(&mock->lock);
    return !is_stopping;
}

static void *run(void *argument)
{
    struct mock *mock = argument;
    struct mr_error *error = NULL;

    if (!wait_out(mock))
        return NULL;
    fail_as_told(&error, CONNECTOR_FAILURE, mock->delay_ms);
    mr_connector_context_raise_error(mock->context, error);
    mr_error_drop(error);
    return NULL;
}

int mock_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct mock *mock = self;

    mock->config = config;
    mock->delay_ms = mr_config_integer(config, "delay_ms");
    mock->is_stopping = false;
    if (!has_mode(config, CONNECTOR_FAILURE))
        return 0;
    int failed = pthread_create(&mock->thread, NULL, run, mock);
    if (failed != 0)
        return mr_error_set(error, MR_ERR_CONNECT, "no thread for the failure of the connector: %s", strerror(failed));
    mock->has_thread = true;
    return 0;
}

/* One task, whatever tasks.max says. */
int mock_task_configs(void *self, uint32_t tasks_max, struct mr_task_configs *configs, struct mr_error **error)
{
    (void)tasks_max;
    return mr_task_configs_add_copy(configs, ((struct mock *)self)->config) == 0
               ? 0
               : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the configuration of the task");
}

void mock_stop(void *self)
{
    struct mock *mock = self;

    if (!mock->has_thread)
        return;
    pthread_mutex_lock(&mock->lock);
    mock->is_stopping = true;
    pthread_cond_signal(&mock->changed);
    pthread_mutex_unlock(&mock->lock);
    pthread_join(mock->thread, NULL);
    mock->has_thread = false;
}

void mock_destroy(void *self)
{
    struct mock *mock = self;

    mock_stop(mock);
    pthread_cond_destroy(&mock->changed);
    pthread_mutex_destroy(&mock->lock);
    free(mock);
}

/* --- the tasks ------------------------------------------------------------------------------------------------------------ */

void mock_clock_start(struct mock_clock *clock, const struct mr_config *config)
{
    clock->delay_ms = mr_config_integer(config, "delay_ms");
    clock->fails_at_ms = has_mode(config, TASK_FAILURE) ? mock_host->clock_monotonic_ms() + clock->delay_ms : INT64_MAX;
}

int mock_clock_check(const struct mock_clock *clock, uint32_t *left_ms, struct mr_error **error)
{
    int64_t left = clock->fails_at_ms == INT64_MAX ? INT64_MAX : clock->fails_at_ms - mock_host->clock_monotonic_ms();

    if (left <= 0)
        return fail_as_told(error, TASK_FAILURE, clock->delay_ms);
    *left_ms = left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
    return 0;
}
