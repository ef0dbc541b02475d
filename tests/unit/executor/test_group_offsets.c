/* Offsets of sinks: which group on which cluster is asked, in which order, and what its refusals become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kafka/admin.h"
#include "kafka/client_config.h"
#include "support/executor_probe.h"

/* The cluster, as it is asked. */
static struct cluster {
    char said[2048]; /* what it was asked, a line each */
    char bootstrap[128];
    int refusals; /* so many answers are refusals */
    enum mr_error_code refusal;
    int opened, closed;
} cluster;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    size_t used = strlen(cluster.said);
    va_list args;
    va_start(args, format);
    vsnprintf(cluster.said + used, sizeof(cluster.said) - used, format, args);
    va_end(args);
}

static int answer(struct mr_error **error)
{
    return cluster.refusals-- > 0 ? mr_error_set(error, cluster.refusal, "the broker says no") : 0;
}

struct admin *__wrap_admin_open(struct client_config *config, struct graveyard *graveyard, struct mr_error **error);
struct admin *__wrap_admin_open(struct client_config *config, struct graveyard *graveyard, struct mr_error **error)
{
    (void)graveyard, (void)error;
    cluster.opened++;
    snprintf(cluster.bootstrap, sizeof(cluster.bootstrap), "%s %s", client_config_client_id(config),
             client_config_get(config, "bootstrap.servers"));
    return (struct admin *)&cluster;
}

void __wrap_admin_close(struct admin *admin);
void __wrap_admin_close(struct admin *admin)
{
    cluster.closed += admin != NULL;
}

int __wrap_admin_list_group_offsets(struct admin *admin, const char *group, struct admin_offsets *offsets,
                                    int64_t deadline_ms, struct mr_error **error);
int __wrap_admin_list_group_offsets(struct admin *admin, const char *group, struct admin_offsets *offsets,
                                    int64_t deadline_ms, struct mr_error **error)
{
    (void)admin, (void)deadline_ms;
    say("list %s\n", group);
    *offsets = (struct admin_offsets){0};
    if (answer(error) != 0)
        return -1;
    offsets->items = mem_calloc(1, sizeof(*offsets->items));
    offsets->items[0] = (struct admin_offset){mem_strdup("t"), 2, 9};
    offsets->count = 1;
    return 0;
}

static int order(const char *what, const char *group, const struct admin_offset *offsets, size_t count,
                 struct mr_error **error)
{
    say("%s %s", what, group);
    for (size_t i = 0; i < count; i++)
        say(" %s-%d:%d", offsets[i].topic, (int)offsets[i].partition, (int)offsets[i].offset);
    say("\n");
    return answer(error);
}

int __wrap_admin_alter_group_offsets(struct admin *admin, const char *group, const struct admin_offset *offsets,
                                     size_t count, int64_t deadline_ms, struct mr_error **error);
int __wrap_admin_alter_group_offsets(struct admin *admin, const char *group, const struct admin_offset *offsets,
                                     size_t count, int64_t deadline_ms, struct mr_error **error)
{
    (void)admin, (void)deadline_ms;
    return order("alter", group, offsets, count, error);
}

int __wrap_admin_delete_group_offsets(struct admin *admin, const char *group, const struct admin_offset *partitions,
                                      size_t count, int64_t deadline_ms, struct mr_error **error);
int __wrap_admin_delete_group_offsets(struct admin *admin, const char *group, const struct admin_offset *partitions,
                                      size_t count, int64_t deadline_ms, struct mr_error **error)
{
    (void)admin, (void)deadline_ms;
    return order("forget", group, partitions, count, error);
}

int __wrap_admin_delete_group(struct admin *admin, const char *group, int64_t deadline_ms, struct mr_error **error);
int __wrap_admin_delete_group(struct admin *admin, const char *group, int64_t deadline_ms, struct mr_error **error)
{
    (void)admin, (void)deadline_ms;
    return order("delete", group, NULL, 0, error);
}

/* Topic t has three partitions, u one, each with the offsets 10 to 99 at as many seconds. */
int __wrap_admin_partition_count(struct admin *admin, const char *topic, int32_t *partitions, int64_t deadline_ms, struct mr_error **error);
int __wrap_admin_partition_count(struct admin *admin, const char *topic, int32_t *partitions, int64_t deadline_ms, struct mr_error **error)
{
    (void)admin, (void)deadline_ms;
    say("count %s\n", topic);
    *partitions = strcmp(topic, "t") == 0 ? 3 : strcmp(topic, "u") == 0 ? 1 : 0;
    return answer(error);
}

int __wrap_admin_find_positions(struct admin *admin, struct admin_position *positions, size_t count, int64_t deadline_ms,
                                struct mr_error **error);
int __wrap_admin_find_positions(struct admin *admin, struct admin_position *positions, size_t count, int64_t deadline_ms,
                                struct mr_error **error)
{
    (void)admin, (void)deadline_ms;
    for (size_t i = 0; i < count; i++) {
        int64_t time_ms = positions[i].time_ms;
        say("find %s-%d@%d\n", positions[i].topic, (int)positions[i].partition, (int)time_ms);
        positions[i].offset = time_ms == ADMIN_EARLIEST ? 10 : time_ms == ADMIN_LATEST ? 100 : time_ms > 99000 ? -1 : time_ms / 1000;
    }
    return answer(error);
}

/* --- bench ---- */

#define CLUSTER "bootstrap.servers=127.0.0.1:1\n"

struct bench {
    struct probe probe;
    struct string_map *config;
    struct executor_group group;
};

static int open_with(void **state, const char *worker)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    cluster = (struct cluster){.refusal = MR_ERR_CONNECT};
    probe_open(&bench->probe, worker);
    bench->group = (struct executor_group){.connector = "a", .deadline_ms = deadline_after_ms(60000)};
    *state = bench;
    return 0;
}

static int set_up(void **state)
{
    return open_with(state, PROBE_WORKER CLUSTER);
}

static int set_up_own_group(void **state)
{
    return open_with(state, PROBE_WORKER CLUSTER "consumer.group.id=everybody\n");
}

static int set_up_no_overrides(void **state)
{
    return open_with(state, PROBE_WORKER CLUSTER "connector.client.config.override.policy=None\n");
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(cluster.opened, cluster.closed);
    probe_close(&bench->probe);
    string_map_destroy(bench->config);
    free(bench);
    return 0;
}

static const struct executor_group *of(struct bench *bench, const char *config)
{
    char text[1024];
    snprintf(text, sizeof(text), "connector.class=org.acme.ThingSinkConnector\ntopics=t\n%s", config);
    string_map_destroy(bench->config);
    bench->config = probe_map(text);
    bench->group.config = bench->config;
    return &bench->group;
}

static int take(void *argument, const struct executor_group_offset *offset, struct mr_error **error)
{
    (void)error;
    snprintf(argument, 64, "%s-%d %lld", offset->topic, (int)offset->partition, (long long)offset->offset);
    return 0;
}

static void expect_words(struct mr_error *error, const char *words)
{
    assert_non_null(error);
    if (strstr(mr_error_message(error), words) == NULL)
        fail_msg("%s", mr_error_message(error));
    assert_int_equal(mr_error_code(error), MR_ERR_CONNECT);
    mr_error_drop(error);
}

/* --- tests ---- */

static void the_group_is_the_one_that_the_tasks_join(void **state)
{
    struct bench *bench = *state;
    char found[64];
    assert_int_equal(executor_read_group_offsets(bench->probe.executor, of(bench, ""), take, found, NULL), 0);
    assert_string_equal(found, "t-2 9");
    assert_string_equal(cluster.bootstrap, "connector-worker-adminclient-a 127.0.0.1:1");
    executor_read_group_offsets(bench->probe.executor, of(bench, "consumer.override.group.id=mine\n"), take, found,
                                NULL);
    assert_string_equal(cluster.said, "list connect-a\nlist mine\n");
}

static void the_group_may_be_the_workers_choice(void **state)
{
    struct bench *bench = *state;
    executor_delete_group(bench->probe.executor, of(bench, ""), NULL);
    assert_string_equal(cluster.said, "delete everybody\n");
}

static void the_cluster_is_the_one_of_the_connectors_admin_client(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(
        executor_delete_group(bench->probe.executor,
                              of(bench, "admin.override.bootstrap.servers=there:1\nconsumer.override.group.id="
                                        "${vault:a:number}\n"),
                              NULL),
        0);
    assert_string_equal(cluster.bootstrap, "connector-worker-adminclient-a there:1");
    assert_string_equal(cluster.said, "delete 42\n");
}

static void a_client_that_the_policy_forbids_is_not_made(void **state)
{
    struct bench *bench = *state;
    struct mr_error *error = NULL;
    char found[64];
    assert_int_equal(executor_read_group_offsets(bench->probe.executor,
                                                 of(bench, "admin.override.bootstrap.servers=there:1\n"), take, found,
                                                 &error),
                     -1);
    expect_words(error,
                 "Failed to retrieve consumer group offsets for sink connector a: The 'None' policy does not allow");
    error = NULL;
    assert_int_equal(
        executor_delete_group(bench->probe.executor, of(bench, "consumer.override.group.id=mine\n"), &error), -1);
    expect_words(error, "Failed to reset consumer group offsets for connector a: The 'None' policy");
    assert_int_equal(cluster.opened, 0);
}

static void changes_are_two_orders_and_the_second_does_not_wait_for_the_first(void **state)
{
    struct bench *bench = *state;
    const struct executor_group_offset offsets[] = {{"t", 0, 5, false}, {"t", 1, 0, true}, {"u", 0, 6, false}};
    struct mr_error *error = NULL;
    assert_int_equal(executor_alter_group_offsets(bench->probe.executor, of(bench, ""), offsets, 1, NULL), 0);
    assert_int_equal(executor_alter_group_offsets(bench->probe.executor, of(bench, ""), offsets + 1, 1, NULL), 0);
    assert_string_equal(cluster.said, "alter connect-a t-0:5\nforget connect-a t-1:0\n");
    cluster.said[0] = '\0';
    cluster.refusals = 1;
    assert_int_equal(executor_alter_group_offsets(bench->probe.executor, of(bench, ""), offsets, 3, &error), -1);
    assert_string_equal(cluster.said, "alter connect-a t-0:5 u-0:6\nforget connect-a t-1:0\n");
    expect_words(error, "Failed to alter consumer group offsets for connector a: the broker says no");
}

static void what_no_cluster_has_changes_nothing(void **state)
{
    struct bench *bench = *state;
    const struct {
        struct executor_group_offset offset;
        const char *words;
    } cases[] = {
        {{"t", -1, 5, false}, "there is no partition t--1"},
        {{"", 0, 5, true}, "there is no partition -0"},
        {{"t", 0, -2, false}, "the offset of t-0 is negative"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct executor_group_offset offsets[] = {{"u", 0, 5, false}, cases[i].offset};
        struct mr_error *error = NULL;
        assert_int_equal(executor_alter_group_offsets(bench->probe.executor, of(bench, ""), offsets, 2, &error), -1);
        expect_words(error, cases[i].words);
    }
    assert_int_equal(cluster.opened, 0);
}

static void a_group_with_members_is_said_to_have_them(void **state)
{
    struct bench *bench = *state;
    const struct executor_group_offset offset = {"t", 0, 5, false};
    struct mr_error *error = NULL;
    cluster.refusals = 2;
    cluster.refusal = MR_ERR_CONFLICT;
    assert_int_equal(executor_alter_group_offsets(bench->probe.executor, of(bench, ""), &offset, 1, &error), -1);
    expect_words(error,
                 "Failed to alter consumer group offsets for connector a either because its tasks haven't stopped");
    error = NULL;
    assert_int_equal(executor_delete_group(bench->probe.executor, of(bench, ""), &error), -1);
    expect_words(error,
                 "Failed to reset consumer group offsets for connector a either because its tasks haven't stopped");
}

static void an_answer_that_says_later_is_asked_for_again(void **state)
{
    struct bench *bench = *state;
    struct mr_error *error = NULL;
    char found[64];
    cluster.refusals = 2;
    cluster.refusal = MR_ERR_RETRIABLE;
    assert_int_equal(executor_read_group_offsets(bench->probe.executor, of(bench, ""), take, found, NULL), 0);
    assert_string_equal(cluster.said, "list connect-a\nlist connect-a\nlist connect-a\n");
    cluster.refusals = 1;
    bench->group.deadline_ms = deadline_after_ms(0);
    assert_int_equal(executor_delete_group(bench->probe.executor, of(bench, ""), &error), -1);
    expect_words(error, "the broker says no");
}

static char sought[256];

static int take_position(void *argument, size_t seek, const struct executor_group_offset *offset, struct mr_error **error)
{
    size_t used = strlen(sought);
    (void)argument, (void)error;
    snprintf(sought + used, sizeof(sought) - used, "%zu %s-%d:%d ", seek, offset->topic, (int)offset->partition, (int)offset->offset);
    return 0;
}

static int seek(struct bench *bench, const struct executor_seek *seeks, size_t count, struct mr_error **error)
{
    sought[0] = '\0';
    return executor_seek(bench->probe.executor, of(bench, ""), seeks, count, take_position, NULL, error);
}

static void times_are_found_for_each_partition_and_the_end_where_none_is_so_late(void **state)
{
    struct bench *bench = *state;
    const struct executor_seek seeks[] = {{"t", EXECUTOR_ALL_PARTITIONS, 99500},
                                          {"t", 2, 50000},
                                          {"u", 0, EXECUTOR_EARLIEST}};
    assert_int_equal(seek(bench, seeks, 3, NULL), 0);
    assert_string_equal(sought, "0 t-0:100 0 t-1:100 0 t-2:100 1 t-2:50 2 u-0:10 ");
    assert_string_equal(cluster.said, "count t\nfind t-0@99500\nfind t-1@99500\nfind t-2@99500\nfind t-0@-1\nfind t-1@-1\nfind t-2@-1\n"
                                      "count u\nfind t-2@50000\nfind u-0@-2\n");
}

static void a_position_in_what_is_not_there_is_the_askers_fault(void **state)
{
    struct bench *bench = *state;
    const struct {
        struct executor_seek seek;
        const char *words;
    } cases[] = {
        {{"t", 3, 1}, "connector a: there is no partition t-3: the topic has those from 0 to 2"},
        {{"v", 0, 1}, "there is no topic 'v'"},
        {{"v", EXECUTOR_ALL_PARTITIONS, 1}, "there is no topic 'v'"},
        {{"", 0, 1}, "there is no topic ''"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mr_error *error = NULL;
        assert_int_equal(seek(bench, &cases[i].seek, 1, &error), -1);
        assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
        if (strstr(mr_error_message(error), cases[i].words) == NULL)
            fail_msg("%s", mr_error_message(error));
        mr_error_drop(error);
    }
    struct mr_error *error = NULL;
    cluster.refusals = 1;
    assert_int_equal(seek(bench, &(struct executor_seek){"t", 0, 1}, 1, &error), -1);
    expect_words(error, "Failed to find positions for sink connector a: the broker says no");
}

static void bounds_of_what_is_not_there_are_unknown(void **state)
{
    struct bench *bench = *state;
    struct executor_bounds bounds[] = {{"t", 1, 0, 0}, {"t", 7, 0, 0}, {"u", -1, 0, 0}, {"v", 0, 0, 0}, {"u", 0, 0, 0}};
    bool at_end = true;
    assert_int_equal(executor_find_bounds(bench->probe.executor, of(bench, ""), bounds, 5, &at_end, NULL), 0);
    assert_false(at_end);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(bounds[i].begin, i == 0 || i == 4 ? 10 : -1);
        assert_int_equal(bounds[i].end, i == 0 || i == 4 ? 100 : -1);
    }
    assert_int_equal(executor_find_bounds(bench->probe.executor, of(bench, "consumer.override.auto.offset.reset=latest\n"), bounds, 1,
                                          &at_end, NULL),
                     0);
    assert_true(at_end);
}

static void memory_that_is_short_is_an_error(void **state)
{
    struct bench *bench = *state;
    const struct executor_group_offset offsets[] = {{"t", 0, 5, false}, {"t", 1, 0, true}};
    const struct executor_group *group = of(bench, "");
    bool has_worked = false;
    for (int64_t successes = 0; !has_worked; successes++) {
        struct mr_error *error = NULL;
        mem_watch_start(successes);
        has_worked = executor_alter_group_offsets(bench->probe.executor, group, offsets, 2, &error) == 0;
        mem_watch_stop();
        assert_true(has_worked == (error == NULL));
        mr_error_drop(error);
    }
}

int main(void)
{
#define TEST(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_group_is_the_one_that_the_tasks_join, set_up),
        TEST(the_group_may_be_the_workers_choice, set_up_own_group),
        TEST(the_cluster_is_the_one_of_the_connectors_admin_client, set_up),
        TEST(a_client_that_the_policy_forbids_is_not_made, set_up_no_overrides),
        TEST(changes_are_two_orders_and_the_second_does_not_wait_for_the_first, set_up),
        TEST(what_no_cluster_has_changes_nothing, set_up),
        TEST(a_group_with_members_is_said_to_have_them, set_up),
        TEST(an_answer_that_says_later_is_asked_for_again, set_up),
        TEST(times_are_found_for_each_partition_and_the_end_where_none_is_so_late, set_up),
        TEST(a_position_in_what_is_not_there_is_the_askers_fault, set_up),
        TEST(bounds_of_what_is_not_there_are_unknown, set_up),
        TEST(memory_that_is_short_is_an_error, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
