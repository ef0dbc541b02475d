/* topic_maker: what is asked of the cluster before the first record of a topic, and what each answer means (KIP-158). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fake_clock.h"
#include "base/pointer_map.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/topic_groups.h"
#include "executor/executor_internal.h"
#include "executor/topic_maker.h"
#include "kafka/admin.h"
#include "kafka/client_config.h"
#include "support/eventually.h"

#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

/* The cluster, as the jobs find it. */
static struct cluster {
    pthread_mutex_t lock;
    pthread_cond_t spoke;
    enum mr_error_code question_fails; /* 0: the question is answered */
    enum admin_created creation;
    enum mr_error_code creation_fails; /* the code of a creation that did not work */
    bool has_topic;
    bool is_silent; /* a question waits until it is not */
    int opened, closed, asked, created;
    char wanted[256]; /* "name partitions factor key=value …" of the last creation */
} cluster;

struct admin *__wrap_admin_open(struct client_config *config, struct graveyard *graveyard, struct mr_error **error);
struct admin *__wrap_admin_open(struct client_config *config, struct graveyard *graveyard, struct mr_error **error)
{
    (void)config, (void)graveyard, (void)error;
    mutex_lock(&cluster.lock);
    cluster.opened++;
    mutex_unlock(&cluster.lock);
    return (struct admin *)&cluster;
}

void __wrap_admin_close(struct admin *admin);
void __wrap_admin_close(struct admin *admin)
{
    mutex_lock(&cluster.lock);
    cluster.closed += admin != NULL;
    mutex_unlock(&cluster.lock);
}

int __wrap_admin_partition_count(struct admin *admin, const char *topic, int32_t *partitions, int64_t deadline_ms,
                                 struct mr_error **error);
int __wrap_admin_partition_count(struct admin *admin, const char *topic, int32_t *partitions, int64_t deadline_ms,
                                 struct mr_error **error)
{
    (void)admin, (void)topic, (void)deadline_ms;
    mutex_lock(&cluster.lock);
    cluster.asked++;
    while (cluster.is_silent)
        cond_wait(&cluster.spoke, &cluster.lock);
    *partitions = cluster.has_topic ? 3 : 0;
    int status = cluster.question_fails == 0 ? 0 : mr_error_set(error, cluster.question_fails, "the broker says no");
    mutex_unlock(&cluster.lock);
    return status;
}

enum admin_created __wrap_admin_create_topic(struct admin *admin, const struct admin_new_topic *topic, int64_t deadline_ms,
                                             struct mr_error **error);
enum admin_created __wrap_admin_create_topic(struct admin *admin, const struct admin_new_topic *topic, int64_t deadline_ms,
                                             struct mr_error **error)
{
    (void)admin, (void)deadline_ms;
    mutex_lock(&cluster.lock);
    cluster.created++;
    int used = snprintf(cluster.wanted, sizeof(cluster.wanted), "%s %d %d", topic->name, (int)topic->partitions,
                        (int)topic->replication_factor);
    for (size_t i = 0; i < string_map_count(topic->configs); i++)
        used += snprintf(cluster.wanted + used, sizeof(cluster.wanted) - (size_t)used, " %s=%s",
                         string_map_key(topic->configs, i), string_map_value(topic->configs, i));
    enum admin_created created = cluster.creation;
    if (created != ADMIN_CREATED && created != ADMIN_EXISTED)
        mr_error_set(error, cluster.creation_fails, "the broker says no");
    mutex_unlock(&cluster.lock);
    return created;
}

/* --- bench ---- */

static struct bench {
    struct executor executor; /* jobs and a count of what lives: no more is asked of it */
    struct fake_clock clock;
    struct source_topics topics;
    _Atomic int wakes, wake_references;
} bench;

static void wake(void *argument)
{
    (void)argument;
    bench.wakes++;
}

static void wake_take(void *argument)
{
    (void)argument;
    bench.wake_references++;
}

static void wake_drop(void *argument)
{
    (void)argument;
    bench.wake_references--;
}

static struct topic_groups *groups_of_test(void)
{
    static const char *const texts[] = {"topic.creation.groups",
                                        "compacted",
                                        "topic.creation.default.partitions",
                                        "3",
                                        "topic.creation.default.replication.factor",
                                        "-1",
                                        "topic.creation.compacted.include",
                                        "state-.*",
                                        "topic.creation.compacted.partitions",
                                        "1",
                                        "topic.creation.compacted.cleanup.policy",
                                        "compact"};
    struct string_map *map = string_map_create();
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i += 2)
        assert_true(string_map_put(map, texts[i], texts[i + 1]));
    struct topic_groups *groups = topic_groups_create(map, NULL);
    string_map_destroy(map);
    assert_non_null(groups);
    return groups;
}

static int set_up(void **state)
{
    char why[128];
    struct string_map *map = string_map_create();
    memset(&bench, 0, sizeof(bench));
    memset(&cluster, 0, sizeof(cluster));
    mutex_init(&cluster.lock);
    cond_init(&cluster.spoke);
    mutex_init(&bench.executor.lock);
    cond_init(&bench.executor.changed);
    fake_clock_init(&bench.clock, 1700000000000);
    bench.executor.setup.jobs =
        job_pool_create(&(struct job_pool_setup){.thread_name = "jobs", .threads_max = 2}, why, sizeof(why));
    const struct task_common_setup common = {.connector = "src",
                                             .clock = &bench.clock.clock,
                                             .wake = wake,
                                             .wake_take = wake_take,
                                             .wake_drop = wake_drop};
    assert_true(string_map_put(map, "bootstrap.servers", "127.0.0.1:1"));
    struct client_config *config = client_config_create(CLIENT_ADMIN, map, NULL, NULL);
    assert_int_equal(0, topic_maker_create(&bench.executor, &common, groups_of_test(), config, &bench.topics, NULL));
    client_config_drop(config);
    string_map_destroy(map);
    *state = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (bench.topics.end != NULL)
        bench.topics.end(bench.topics.argument);
    assert_true(job_pool_stop(bench.executor.setup.jobs, INT64_MAX));
    job_pool_destroy(bench.executor.setup.jobs);
    assert_int_equal(0, bench.executor.alive);
    assert_int_equal(0, bench.wake_references);
    assert_int_equal(cluster.opened, cluster.closed);
    cond_destroy(&bench.executor.changed);
    mutex_destroy(&bench.executor.lock);
    cond_destroy(&cluster.spoke);
    mutex_destroy(&cluster.lock);
    return 0;
}

static enum source_topic want(const char *topic, struct mr_error **error)
{
    int64_t again_at_ms = INT64_MAX;
    return bench.topics.want(bench.topics.argument, topic, &again_at_ms, error);
}

static bool is_answered(void *argument)
{
    struct mr_error *error = NULL;
    enum source_topic answer = want(argument, &error);
    mr_error_drop(error);
    return answer != SOURCE_TOPIC_WAITS;
}

static void assert_comes(const char *topic)
{
    assert_true(eventually(10000, is_answered, (void *)(uintptr_t)topic));
    assert_int_equal(SOURCE_TOPIC_THERE, want(topic, NULL));
}

static void assert_fails(const char *topic, const char *words, const char *cause)
{
    struct mr_error *error = NULL;
    assert_true(eventually(10000, is_answered, (void *)(uintptr_t)topic));
    assert_int_equal(SOURCE_TOPIC_FAILED, want(topic, &error));
    if (strstr(mr_error_message(error), words) == NULL)
        fail_msg("%s", mr_error_message(error));
    assert_non_null(strstr(mr_error_message(mr_error_cause(error)), cause));
    mr_error_drop(error);
}

static bool was_asked(void *argument)
{
    mutex_lock(&cluster.lock);
    bool enough = cluster.asked >= *(const int *)argument;
    mutex_unlock(&cluster.lock);
    return enough;
}

static bool was_woken(void *argument)
{
    return bench.wakes >= *(const int *)argument;
}

/* --- what is asked ---- */

static void a_topic_that_is_there_is_not_created_nor_asked_for_again(void **state)
{
    (void)state;
    cluster.has_topic = true;
    assert_int_equal(SOURCE_TOPIC_WAITS, want("t", NULL));
    assert_comes("t");
    assert_int_equal(1, cluster.asked);
    assert_int_equal(0, cluster.created);
    assert_true(bench.wakes > 0);
}

static void a_missing_topic_is_created_by_the_first_group_that_matches(void **state)
{
    (void)state;
    assert_comes("state-eu");
    assert_string_equal("state-eu 1 -1 cleanup.policy=compact", cluster.wanted);
    assert_comes("else");
    assert_string_equal("else 3 -1", cluster.wanted);
}

static void a_topic_that_a_sibling_created_meanwhile_is_fine(void **state)
{
    (void)state;
    cluster.creation = ADMIN_EXISTED;
    assert_comes("t");
}

static void several_topics_are_looked_for_at_once(void **state)
{
    (void)state;
    assert_int_equal(SOURCE_TOPIC_WAITS, want("a", NULL));
    assert_int_equal(SOURCE_TOPIC_WAITS, want("b", NULL));
    assert_int_equal(SOURCE_TOPIC_WAITS, want("c", NULL));
    assert_comes("c");
    assert_comes("a");
    assert_comes("b");
    assert_int_equal(3, cluster.created);
}

/* --- what the answers mean ---- */

static bool all_are_there(void *argument)
{
    char name[16];
    bool are_there = true;
    (void)argument;
    for (int i = 0; i < TOPIC_MAKER_TOPICS_MAX; i++) {
        snprintf(name, sizeof(name), "t-%d", i);
        are_there = want(name, NULL) == SOURCE_TOPIC_THERE && are_there;
    }
    return are_there;
}

static void beyond_the_limit_topics_that_are_not_in_use_are_asked_for_again(void **state)
{
    (void)state;
    cluster.has_topic = true;
    assert_true(eventually(60000, all_are_there, NULL));
    fake_clock_advance_ms(&bench.clock, TOPIC_MAKER_KEPT_MS);
    assert_int_equal(SOURCE_TOPIC_THERE, want("t-0", NULL));
    assert_comes("one more");
    assert_int_equal(TOPIC_MAKER_TOPICS_MAX + 1, cluster.asked);
    assert_int_equal(SOURCE_TOPIC_THERE, want("t-0", NULL));
    assert_int_equal(SOURCE_TOPIC_WAITS, want("t-1", NULL));
    assert_comes("t-1");
    assert_int_equal(TOPIC_MAKER_TOPICS_MAX + 2, cluster.asked);
}

static void a_question_without_answer_is_asked_again_after_a_while(void **state)
{
    int once = 1, twice = 2;
    (void)state;
    cluster.question_fails = MR_ERR_TIMEOUT;
    assert_int_equal(SOURCE_TOPIC_WAITS, want("t", NULL));
    assert_true(eventually(10000, was_woken, &once));
    int64_t again_at_ms = INT64_MAX;
    assert_int_equal(SOURCE_TOPIC_WAITS, bench.topics.want(bench.topics.argument, "t", &again_at_ms, NULL));
    assert_int_equal(clock_monotonic_ms(&bench.clock.clock) + TOPIC_MAKER_AGAIN_MS, again_at_ms);
    assert_int_equal(1, cluster.asked);
    fake_clock_advance_ms(&bench.clock, TOPIC_MAKER_AGAIN_MS);
    mutex_lock(&cluster.lock);
    cluster.question_fails = 0;
    mutex_unlock(&cluster.lock);
    assert_int_equal(SOURCE_TOPIC_WAITS, want("t", NULL));
    assert_true(eventually(10000, was_asked, &twice));
    assert_comes("t");
}

static void a_topic_that_may_not_be_created_fails_in_words(void **state)
{
    (void)state;
    cluster.creation = ADMIN_NOT_AUTHORISED;
    cluster.creation_fails = MR_ERR_CONNECT;
    assert_fails("state-x",
                 "Task failed to create new topic (name=state-x, numPartitions=1, replicationFactor=-1, "
                 "configs={cleanup.policy=compact}). Ensure that the task is authorized",
                 "the broker says no");
}

static void a_topic_with_impossible_settings_fails_at_once(void **state)
{
    (void)state;
    cluster.creation = ADMIN_CREATE_FAILED;
    cluster.creation_fails = MR_ERR_CONFIG;
    assert_fails("t", "Error while attempting to create/find topic(s) 't'", "the broker says no");
    assert_int_equal(1, cluster.created);
}

static void a_creation_without_answer_is_tried_until_patience_ends(void **state)
{
    int once = 1;
    (void)state;
    cluster.creation = ADMIN_CREATE_FAILED;
    cluster.creation_fails = MR_ERR_TIMEOUT;
    assert_int_equal(SOURCE_TOPIC_WAITS, want("t", NULL));
    assert_true(eventually(10000, was_woken, &once));
    assert_int_equal(SOURCE_TOPIC_WAITS, want("t", NULL));
    fake_clock_advance_ms(&bench.clock, TOPIC_MAKER_PATIENCE_MS);
    assert_fails("t", "Timed out while checking for or creating topic(s) 't'", "the broker says no");
}

static void a_question_that_is_refused_fails(void **state)
{
    (void)state;
    cluster.question_fails = MR_ERR_CONNECT;
    assert_fails("t", "Error while attempting to describe topics 't'", "the broker says no");
}

static void the_end_of_a_task_does_not_wait_for_an_answer(void **state)
{
    (void)state;
    want("a", NULL);
    want("b", NULL);
    bench.topics.end(bench.topics.argument);
    bench.topics.end = NULL; /* what is under way is looked at by tear_down */
}

static bool no_job_is_left(void *argument)
{
    (void)argument;
    return job_pool_count(bench.executor.setup.jobs).running == 0;
}

/* tear_down: whatever was opened is closed. */
static void what_was_opened_is_closed_where_the_pool_takes_no_job_for_the_next_topic(void **state)
{
    int once = 1;
    (void)state;
    cluster.is_silent = true;
    want("a", NULL);
    want("b", NULL);
    assert_true(eventually(10000, was_asked, &once));
    assert_false(job_pool_stop(bench.executor.setup.jobs, 0));
    mutex_lock(&cluster.lock);
    cluster.is_silent = false;
    cond_broadcast(&cluster.spoke);
    mutex_unlock(&cluster.lock);
    assert_true(eventually(10000, no_job_is_left, NULL));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_topic_that_is_there_is_not_created_nor_asked_for_again),
        TEST(a_missing_topic_is_created_by_the_first_group_that_matches),
        TEST(a_topic_that_a_sibling_created_meanwhile_is_fine),
        TEST(several_topics_are_looked_for_at_once),
        TEST(beyond_the_limit_topics_that_are_not_in_use_are_asked_for_again),
        TEST(a_question_without_answer_is_asked_again_after_a_while),
        TEST(a_topic_that_may_not_be_created_fails_in_words),
        TEST(a_topic_with_impossible_settings_fails_at_once),
        TEST(a_creation_without_answer_is_tried_until_patience_ends),
        TEST(a_question_that_is_refused_fails),
        TEST(the_end_of_a_task_does_not_wait_for_an_answer),
        TEST(what_was_opened_is_closed_where_the_pool_takes_no_job_for_the_next_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
