/*
 * executor_probe: an executor with everything it needs and no cluster, and a listener that remembers what it was told.
 *
 * Include after cmocka.h; the test must see executor, task, config, loader, store, kafka, sdk and base. The worker's
 * properties are given by the test; plugins are the counting source and those it names.
 */
#ifndef SUPPORT_EXECUTOR_PROBE_H
#define SUPPORT_EXECUTOR_PROBE_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <millrace/error.h>

#include "base/lease.h"
#include "base/properties.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/variables.h"
#include "config/worker_config.h"
#include "executor/executor.h"
#include "executor/job_pool.h"
#include "kafka/graveyard.h"
#include "kafka/producer.h"
#include "loader/host.h"
#include "loader/loader.h"
#include "store/memory_offset_store.h"
#include "store/offset_store.h"
#include "support/eventually.h"

#define PROBE_EVENTS_MAX 200
#define PROBE_WAIT_MS 30000
#ifndef PROBE_MORE_PLUGINS
#define PROBE_MORE_PLUGINS "" /* each with a comma before it */
#endif
#define PROBE_PLUGINS                                                                                                  \
    MR_TEST_PLUGINS "/counting_source.so," MR_TEST_PLUGINS "/gallery.so," MR_TEST_PLUGINS                              \
                    "/secret_provider.so," MR_PLUGINS "/override_policies.so," MR_PLUGINS                              \
                    "/string_converter.so," MR_PLUGINS "/simple_header_converter.so," MR_PLUGINS "/transforms.so" PROBE_MORE_PLUGINS
#define PROBE_WORKER                                                                                                   \
    "group.id=g\nconfig.storage.topic=c\noffset.storage.topic=o\nstatus.storage.topic=s\n"                             \
    "key.converter=org.apache.kafka.connect.storage.StringConverter\n"                                                 \
    "value.converter=org.apache.kafka.connect.storage.StringConverter\n"                                               \
    "offset.flush.interval.ms=20\nconfig.providers=vault\nconfig.providers.vault.class=SecretConfigProvider\n"

/* One line an event: "connector NAME RUNNING 1.5", "task NAME-0 FAILED 1.5: trace", "configs NAME 7: 2", … */
struct probe {
    struct worker_config *worker;
    struct loader *loader;
    struct variables *variables;
    struct offset_store *offsets;
    struct graveyard *graveyard;
    struct producer_pool *producers;
    struct job_pool *jobs;
    struct lease lease;
    struct executor *executor;
    char hang_path[64];
    pthread_mutex_t lock;
    char *events[PROBE_EVENTS_MAX]; /* lock */
    size_t event_count;             /* lock */
    struct string_map *last_config; /* of the last task configurations, the first map. lock */
    atomic_bool holds_answers;      /* else each question of a task is answered by yes */
    _Atomic uint64_t last_question; /* its token */
};

static inline void probe_note(struct probe *probe, const char *line)
{
    pthread_mutex_lock(&probe->lock);
    if (probe->event_count < PROBE_EVENTS_MAX)
        probe->events[probe->event_count++] = strdup(line);
    pthread_mutex_unlock(&probe->lock);
}

static inline void probe_on_connector(void *argument, const char *connector, enum connector_state state,
                                      const char *trace, const char *version)
{
    static const char *const names[] = {"RUNNING", "PAUSED", "STOPPED", "FAILED", "ENDED"};
    char line[4096];
    snprintf(line, sizeof(line), "connector %s %s %s: %s", connector, names[state], version == NULL ? "-" : version,
             trace == NULL ? "" : trace);
    probe_note(argument, line);
}

static inline void probe_on_configs(void *argument, const char *connector, uint64_t token,
                                    struct string_map *const *configs, size_t count, const char *trace,
                                    bool is_too_many)
{
    struct probe *probe = argument;
    char line[4096];
    snprintf(line, sizeof(line), "configs %s %llu: %zu%s %s", connector, (unsigned long long)token, count,
             is_too_many ? " TOO MANY" : "", trace == NULL ? "" : trace);
    pthread_mutex_lock(&probe->lock);
    string_map_destroy(probe->last_config);
    probe->last_config = count > 0 ? string_map_copy(configs[0]) : NULL;
    pthread_mutex_unlock(&probe->lock);
    probe_note(probe, line);
}

static inline void probe_on_reconfiguration(void *argument, const char *connector)
{
    char line[256];
    snprintf(line, sizeof(line), "reconfiguration %s", connector);
    probe_note(argument, line);
}

static inline void probe_on_values(void *argument, const char *connector)
{
    char line[256];
    snprintf(line, sizeof(line), "values %s", connector);
    probe_note(argument, line);
}

static inline void probe_on_task(void *argument, const char *connector, uint32_t task, enum task_state state,
                                 const char *trace, const char *version)
{
    char line[4096];
    snprintf(line, sizeof(line), "task %s-%u %s %s: %s", connector, task, task_state_name(state),
             version == NULL ? "-" : version, trace == NULL ? "" : trace);
    probe_note(argument, line);
}

static inline void probe_on_failure(void *argument, const char *connector, int64_t task, const struct failure *failure)
{
    char line[256];
    snprintf(line, sizeof(line), "failure %s %d: %s", connector, (int)task, failure_kind_words(failure->kind));
    probe_note(argument, line);
}

static inline void probe_on_stall(void *argument, const char *connector, uint32_t task, enum task_stall stall,
                                  const char *words, bool has_progressed)
{
    char line[256];
    (void)stall, (void)has_progressed;
    snprintf(line, sizeof(line), "stall %s-%u: %s", connector, task, words);
    probe_note(argument, line);
}

static inline void probe_on_prepared(void *argument, const char *connector, uint32_t task)
{
    char line[256];
    snprintf(line, sizeof(line), "prepared %s-%u", connector, task);
    probe_note(argument, line);
}

static inline void probe_answer(struct probe *probe, const char *connector, const struct mr_error *failure)
{
    executor_answer_task(probe->executor, connector, 0, atomic_load(&probe->last_question), failure);
}

static inline void probe_on_question(void *argument, const char *connector, uint32_t task, enum task_question question,
                                     uint64_t token)
{
    static const char *const names[] = {"round", "owner", "successor"};
    struct probe *probe = argument;
    char line[256];
    atomic_store(&probe->last_question, token);
    snprintf(line, sizeof(line), "asks %s-%u %s %llu", connector, task, names[question], (unsigned long long)token);
    probe_note(probe, line);
    if (!atomic_load(&probe->holds_answers))
        probe_answer(probe, connector, NULL);
}

static inline void probe_on_topic(void *argument, const char *connector, uint32_t task, const char *topic)
{
    char line[512];
    snprintf(line, sizeof(line), "topic %s-%u %s", connector, task, topic);
    probe_note(argument, line);
}

static const struct executor_listener probe_listener = {
    .on_connector_state = probe_on_connector,
    .on_task_configs = probe_on_configs,
    .on_reconfiguration = probe_on_reconfiguration,
    .on_values_changed = probe_on_values,
    .on_failure = probe_on_failure,
    .on_task_stall = probe_on_stall,
    .on_task_state = probe_on_task,
    .on_task_prepared = probe_on_prepared,
    .on_topic = probe_on_topic,
    .on_task_asks = probe_on_question,
};

struct probe_wish {
    struct probe *probe;
    const char *part;
    size_t times;
    char *found; /* a copy of the last one */
};

static inline bool probe_is_told(void *argument)
{
    struct probe_wish *wish = argument;
    size_t times = 0;
    pthread_mutex_lock(&wish->probe->lock);
    for (size_t i = 0; i < wish->probe->event_count; i++) {
        if (strstr(wish->probe->events[i], wish->part) == NULL)
            continue;
        times++;
        free(wish->found);
        wish->found = strdup(wish->probe->events[i]);
    }
    pthread_mutex_unlock(&wish->probe->lock);
    return times >= wish->times;
}

/* Waits until it was told so many times. */
static inline void probe_expect_times(struct probe *probe, const char *part, size_t times)
{
    struct probe_wish wish = {probe, part, times, NULL};
    bool is_told = eventually(PROBE_WAIT_MS, probe_is_told, &wish);
    free(wish.found);
    if (is_told)
        return;
    pthread_mutex_lock(&probe->lock);
    for (size_t i = 0; i < probe->event_count; i++)
        print_message("told: %s\n", probe->events[i]);
    pthread_mutex_unlock(&probe->lock);
    fail_msg("not told: %s", part);
}

static inline void probe_expect(struct probe *probe, const char *part)
{
    probe_expect_times(probe, part, 1);
}

static inline bool probe_was_told(struct probe *probe, const char *part)
{
    struct probe_wish wish = {probe, part, 1, NULL};
    bool is_told = probe_is_told(&wish);
    free(wish.found);
    return is_told;
}

static inline void probe_forget(struct probe *probe)
{
    pthread_mutex_lock(&probe->lock);
    for (size_t i = 0; i < probe->event_count; i++)
        free(probe->events[i]);
    probe->event_count = 0;
    pthread_mutex_unlock(&probe->lock);
}

static inline struct string_map *probe_map(const char *text)
{
    char why[256];
    struct string_map *map = properties_parse(text, strlen(text), PROPERTIES_LATIN1, why, sizeof(why));
    assert_non_null(map);
    return map;
}

static inline void probe_open(struct probe *probe, const char *worker_properties)
{
    struct mr_error *error = NULL;
    char why[256];
    struct string_map *properties = probe_map(worker_properties);
    memset(probe, 0, sizeof(*probe));
    pthread_mutex_init(&probe->lock, NULL);
    snprintf(probe->hang_path, sizeof(probe->hang_path), "/tmp/executor-probe.XXXXXX");
    close(mkstemp(probe->hang_path));
    probe->worker = worker_config_create(WORKER_DISTRIBUTED, properties, &error);
    if (probe->worker == NULL)
        fail_msg("%s", mr_error_message(error));
    string_map_destroy(properties);
    probe->loader = loader_create(&(struct loader_setup){.plugin_path = PROBE_PLUGINS, .host = loader_host()}, &error);
    probe->variables = variables_create(probe->loader, probe->worker->properties, &error);
    probe->offsets = memory_offset_store_create(&error);
    probe->graveyard = graveyard_create(&error);
    probe->producers = producer_pool_create(probe->graveyard, &error);
    probe->jobs = job_pool_create(&(struct job_pool_setup){.thread_name = "jobs", .threads_max = 4}, why, sizeof(why));
    lease_set(&probe->lease, LEASE_FOR_EVER);
    assert_true(probe->variables != NULL && probe->offsets != NULL && probe->producers != NULL && probe->jobs != NULL);
    struct executor_setup setup = {.loader = probe->loader,
                                   .worker = probe->worker,
                                   .variables = probe->variables,
                                   .offsets = probe->offsets,
                                   .producers = probe->producers,
                                   .graveyard = probe->graveyard,
                                   .jobs = probe->jobs,
                                   .lease = &probe->lease,
                                   .listener = &probe_listener,
                                   .listener_argument = probe};
    probe->executor = executor_create(&setup, &error);
    assert_non_null(probe->executor);
}

/* What hangs goes on. */
static inline void probe_release(struct probe *probe)
{
    unlink(probe->hang_path);
}

static inline void probe_close(struct probe *probe)
{
    probe_release(probe);
    assert_true(executor_stop(probe->executor, deadline_after_ms(PROBE_WAIT_MS)));
    executor_destroy(probe->executor);
    assert_true(job_pool_stop(probe->jobs, deadline_after_ms(PROBE_WAIT_MS)));
    job_pool_destroy(probe->jobs);
    producer_pool_destroy(probe->producers, deadline_after_ms(PROBE_WAIT_MS));
    graveyard_destroy(probe->graveyard, deadline_after_ms(PROBE_WAIT_MS));
    offset_store_destroy(probe->offsets);
    variables_destroy(probe->variables);
    loader_destroy(probe->loader);
    worker_config_destroy(probe->worker);
    probe_forget(probe);
    string_map_destroy(probe->last_config);
    pthread_mutex_destroy(&probe->lock);
}

/* `text` of a counting connector; name and what hangs are added. */
static inline struct string_map *probe_connector(const struct probe *probe, const char *name, const char *text)
{
    struct string_map *map = probe_map(text);
    assert_true(string_map_put(map, "name", name));
    assert_true(string_map_put(map, "hang.while", probe->hang_path));
    if (!string_map_has(map, "connector.class"))
        assert_true(string_map_put(map, "connector.class", "CountingSource"));
    return map;
}

static inline void probe_start_connector(struct probe *probe, const char *name, const char *text,
                                         enum connector_target target)
{
    struct mr_error *error = NULL;
    struct string_map *map = probe_connector(probe, name, text);
    assert_int_equal(executor_start_connector(probe->executor, name, map, target, &error), 0);
    string_map_destroy(map);
}

typedef int probe_task_fn(struct executor *executor, const struct executor_task *task, struct mr_error **error);

static inline void probe_give_task(struct probe *probe, probe_task_fn *give, const char *name, const char *text, bool paused)
{
    struct mr_error *error = NULL;
    struct string_map *map = probe_connector(probe, name, text);
    struct executor_task task = {
        .connector = name, .number = 0, .connector_config = map, .task_config = map, .paused = paused};
    assert_int_equal(give(probe->executor, &task, &error), 0);
    string_map_destroy(map);
}

static inline void probe_start_task(struct probe *probe, const char *name, const char *text, bool paused)
{
    probe_give_task(probe, executor_start_task, name, text, paused);
}

static inline void probe_prepare_task(struct probe *probe, const char *name, const char *text)
{
    probe_give_task(probe, executor_prepare_task, name, text, false);
}

#endif
