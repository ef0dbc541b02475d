/* Status records to the byte, the rules of reading and of writing, and sending again. */
#include "store_test.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/clock.h"
#include "base/thread.h"
#include "store/status_store_internal.h"
#include "store/status_table_internal.h"
#include "support/alloc_torture.h"

/* ---- reading ---- */

#define ROW_RECORDS_MAX 8

struct row {
    const char *rule;
    struct text_record records[ROW_RECORDS_MAX];
    const char *shown;   /* of connector "a", as describe() has it */
};

#define UNIT(state, generation)                                                                              \
    "{\"state\":\"" state "\",\"trace\":null,\"worker_id\":\"w:1\",\"generation\":" #generation ",\"version\":null}"

static void describe_unit(struct str_buffer *out, const struct unit_status *status)
{
    str_buffer_printf(out, "%s/%d/%s", unit_state_name(status->state), (int)status->generation, status->worker_id);
    if (status->trace != NULL)
        str_buffer_printf(out, "/%s", status->trace);
    if (status->version != NULL)
        str_buffer_printf(out, "/v%s", status->version);
}

static void describe(struct str_buffer *out, const struct status_table *table, const char *connector)
{
    size_t count;
    struct status_view *view = status_table_view(table, connector);
    struct topic_status *topics = status_table_topics(table, connector, &count);
    if (view->connector != NULL)
        describe_unit(out, view->connector);
    for (size_t i = 0; i < view->task_count; i++) {
        str_buffer_printf(out, " %u:", (unsigned)view->tasks[i].task);
        describe_unit(out, &view->tasks[i].status);
    }
    for (size_t i = 0; i < count; i++)
        str_buffer_printf(out, " [%s %u %d]", topics[i].topic, (unsigned)topics[i].task, (int)topics[i].discovered_ms);
    status_view_destroy(view);
    status_topics_destroy(topics);
}

static const struct row rows[] = {
    {"a connector", {{"status-connector-a", UNIT("RUNNING", 2)}}, "RUNNING/2/w:1"},
    {"trace and version",
     {{"status-connector-a",
       "{\"state\":\"FAILED\",\"trace\":\"x\\n\\ty\",\"worker_id\":\"w\",\"generation\":1,\"version\":\"1.0\"}"}},
     "FAILED/1/w/x\n\ty/v1.0"},
    {"a record of a worker before versions",
     {{"status-task-a-0", "{\"state\":\"PAUSED\",\"worker_id\":\"w\",\"generation\":1}"}},
     " 0:PAUSED/1/w"},
    {"tasks come by number",
     {{"status-task-a-10", UNIT("RUNNING", 1)},
      {"status-task-a-2", UNIT("RUNNING", 1)},
      {"status-task-a-0", UNIT("STOPPED", 1)}},
     " 0:STOPPED/1/w:1 2:RUNNING/1/w:1 10:RUNNING/1/w:1"},
    {"the last one counts",
     {{"status-task-a-0", UNIT("RUNNING", 5)}, {"status-task-a-0", UNIT("FAILED", 1)}},
     " 0:FAILED/1/w:1"},
    {"an UNASSIGNED that says why is believed",
     {{"status-task-a-0", UNIT("RUNNING", 5)},
      {"status-task-a-0", "{\"state\":\"UNASSIGNED\",\"trace\":\"why\",\"worker_id\":\"w:1\",\"generation\":5}"}},
     " 0:UNASSIGNED/5/w:1/why"},
    {"a late UNASSIGNED is not believed",
     {{"status-task-a-0", UNIT("RUNNING", 5)}, {"status-task-a-0", UNIT("UNASSIGNED", 5)}},
     " 0:RUNNING/5/w:1"},
    {"one of a greater generation is",
     {{"status-task-a-0", UNIT("RUNNING", 5)}, {"status-task-a-0", UNIT("UNASSIGNED", 6)}},
     " 0:UNASSIGNED/6/w:1"},
    {"one after something else is",
     {{"status-task-a-0", UNIT("PAUSED", 5)}, {"status-task-a-0", UNIT("UNASSIGNED", 1)}},
     " 0:UNASSIGNED/1/w:1"},
    {"connectors have no such rule",
     {{"status-connector-a", UNIT("RUNNING", 5)}, {"status-connector-a", UNIT("UNASSIGNED", 1)}},
     "UNASSIGNED/1/w:1"},
    {"a task's tombstone",
     {{"status-task-a-0", UNIT("RUNNING", 1)}, {"status-task-a-1", UNIT("RUNNING", 1)}, {"status-task-a-0", NULL}},
     " 1:RUNNING/1/w:1"},
    {"a connector's tombstone takes its tasks along",
     {{"status-connector-a", UNIT("RUNNING", 1)}, {"status-task-a-0", UNIT("RUNNING", 1)}, {"status-connector-a", NULL}},
     ""},
    {"tombstones of nothing", {{"status-connector-a", NULL}, {"status-task-a-0", NULL}, {"status-topic-t:connector-a", NULL}}, ""},
    {"topics",
     {{"status-topic-t:connector-a",
       "{\"topic\":{\"name\":\"t\",\"connector\":\"a\",\"task\":3,\"discoverTimestamp\":7}}"},
      {"status-topic-b:connector-a",
       "{\"topic\":{\"name\":\"b\",\"connector\":\"a\",\"task\":0,\"discoverTimestamp\":8}}"}},
     " [b 0 8] [t 3 7]"},
    {"a topic's tombstone",
     {{"status-topic-t:connector-a",
       "{\"topic\":{\"name\":\"t\",\"connector\":\"a\",\"task\":3,\"discoverTimestamp\":7}}"},
      {"status-topic-t:connector-a", NULL}},
     ""},
    {"bad ones change nothing",
     {{"status-connector-a", "junk"},
      {"status-connector-a", "[]"},
      {"status-connector-a", UNIT("DESTROYED", 1)},
      {"status-connector-a", UNIT("running", 1)},
      {"status-connector-a", "{\"state\":\"RUNNING\",\"worker_id\":\"w\",\"generation\":\"1\"}"},
      {"status-connector-a", "{\"state\":\"RUNNING\",\"worker_id\":\"w\",\"generation\":1,\"trace\":4}"},
      {"status-topic-t:connector-a", "{\"topic\":{\"name\":\"t\"}}"},
      {"status-a", UNIT("RUNNING", 1)}},
     ""},
};

static void table_feed(struct status_table *table, const struct text_record *records)
{
    for (int i = 0; i < ROW_RECORDS_MAX && records[i].key != NULL; i++)
        assert_true(status_table_apply(table, bytes_of_text(records[i].key), bytes_of_text(records[i].value)));
}

static void every_reading_rule_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str_buffer shown;
        str_buffer_init(&shown, 10000);
        struct status_table *table = status_table_create();
        table_feed(table, rows[i].records);
        describe(&shown, table, "a");
        status_table_destroy(table);
        if (strcmp(str_buffer_text(&shown), rows[i].shown) != 0)
            fail_msg("%s: %s, not %s", rows[i].rule, str_buffer_text(&shown), rows[i].shown);
        str_buffer_release(&shown);
    }
}

static void names_may_hold_dashes_and_colons(void **state)
{
    static const struct text_record records[ROW_RECORDS_MAX] = {
        {"status-task-a-1-2", UNIT("RUNNING", 1)},
        {"status-task-f\xC3\xA9 \"q\"-7-0", UNIT("RUNNING", 1)},
        {"status-topic-t:connector-x:connector-y",
         "{\"topic\":{\"name\":\"t\",\"connector\":\"x:connector-y\",\"task\":0,\"discoverTimestamp\":7}}"},
        {"status-connector-connector-z", UNIT("RUNNING", 1)},
        {"status-topic-:connector-a", NULL},
        {"status-topic-t:connector-", NULL},
        {"status-topic-t", NULL},
    };
    (void)state;
    size_t count;
    struct status_table *table = status_table_create();
    table_feed(table, records);
    assert_non_null(status_table_task(table, "a-1", 2));
    assert_non_null(status_table_task(table, "f\xC3\xA9 \"q\"-7", 0));
    assert_true(status_table_has_topic(table, "x:connector-y", "t"));
    assert_non_null(status_table_connector(table, "connector-z"));
    char **names = status_table_connectors(table, &count);
    assert_int_equal(count, 3);   /* a topic alone is no status */
    assert_string_equal(names[0], "a-1");
    assert_string_equal(names[1], "connector-z");
    assert_null(names[3]);
    mem_free(names);
    status_table_destroy(table);
}

/* ---- writing ---- */

/* A topic that writes down what is sent; sendings can be made to fail or to stay under way. */
struct topic {
    struct status_store *store;
    pthread_mutex_t lock;
    struct str_buffer written;
    int sendings_that_fail;          /* the next so many, by `code` */
    enum mr_error_code code;
    bool refuses_at_once;            /* by the result, else by the report */
    bool holds;                      /* keeps the next one under way */
    status_sent_fn *held;
    void *held_argument;
};

static int topic_send(void *argument, const struct store_record *record, status_sent_fn *sent, void *sent_argument,
                      struct mr_error **error)
{
    struct topic *topic = argument;
    mutex_lock(&topic->lock);
    bool fails = topic->sendings_that_fail > 0, holds = topic->holds;
    topic->sendings_that_fail -= fails;
    if (!fails)
        written_add(&topic->written, record);
    if (holds) {
        topic->held = sent;
        topic->held_argument = sent_argument;
        topic->holds = false;
    }
    mutex_unlock(&topic->lock);
    if (holds)
        return 0;
    struct mr_error *why = NULL;
    if (fails && topic->refuses_at_once)
        return mr_error_set(error, topic->code, "the topic is away");
    if (fails)
        mr_error_set(&why, topic->code, "the topic is away");
    else
        status_store_feed(topic->store, record->key, record->value);
    sent(sent_argument, why);
    mr_error_drop(why);
    return 0;
}

static const struct status_log topic_log = {.send = topic_send};

static int64_t fixed_wall_ms(const struct clock *clock)
{
    (void)clock;
    return 1795314233461;
}

static const struct clock *fixed_clock(void)
{
    static const struct clock clock = {.wall_ms = fixed_wall_ms};
    return &clock;
}

static int with_topic(void **state)
{
    struct topic *topic = calloc(1, sizeof(*topic));
    mutex_init(&topic->lock);
    str_buffer_init(&topic->written, 1 << 20);
    topic->store = status_store_create(&topic_log, topic, fixed_clock(), NULL);
    *state = topic;
    return 0;
}

static int without_topic(void **state)
{
    struct topic *topic = *state;
    status_store_destroy(topic->store);
    str_buffer_release(&topic->written);
    mutex_destroy(&topic->lock);
    free(topic);
    return 0;
}

static void records_are_exact(void **state)
{
    struct topic *topic = *state;
    struct status_store *store = topic->store;
    struct unit_status running = {UNIT_RUNNING, "127.0.0.1:22084", 2, NULL, "1.0-lab"};
    struct unit_status failed = {UNIT_FAILED, "127.0.0.1:22085", 89, "E: lab\n\tat \"x\" \xC3\xA9", "1.0-lab"};
    struct unit_status unassigned = {UNIT_UNASSIGNED, "127.0.0.1:22085", 89, NULL, NULL};
    struct unit_status destroyed = {UNIT_DESTROYED, "127.0.0.1:22085", 89, NULL, NULL};
    status_store_put_connector(store, "src-a", &running, STATUS_CERTAIN);
    status_store_put_task(store, "src-a", 0, &failed, STATUS_SAFE);
    status_store_put_task(store, "src-a", 1, &unassigned, STATUS_CERTAIN);
    status_store_put_task(store, "src-a", 1, &destroyed, STATUS_CERTAIN);
    status_store_put_topic(store, "src-a", "ta", 0);
    status_store_put_topic(store, "src-a", "ta", 1);   /* known by now */
    status_store_remove_topic(store, "src-a", "ta");
    assert_written(&topic->written,
                   "status-connector-src-a={\"state\":\"RUNNING\",\"trace\":null,\"worker_id\":\"127.0.0.1:22084\","
                   "\"generation\":2,\"version\":\"1.0-lab\"}\n"
                   "status-task-src-a-0={\"state\":\"FAILED\",\"trace\":\"E: lab\\n\\tat \\\"x\\\" \xC3\xA9\",\"worker_id\":"
                   "\"127.0.0.1:22085\",\"generation\":89,\"version\":\"1.0-lab\"}\n"
                   "status-task-src-a-1={\"state\":\"UNASSIGNED\",\"trace\":null,\"worker_id\":\"127.0.0.1:22085\","
                   "\"generation\":89,\"version\":null}\n"
                   "status-task-src-a-1=~\n"
                   "status-topic-ta:connector-src-a={\"topic\":{\"name\":\"ta\",\"connector\":\"src-a\",\"task\":0,"
                   "\"discoverTimestamp\":1795314233461}}\n"
                   "status-topic-ta:connector-src-a=~\n");
}

static void a_removed_topic_is_to_be_put_again(void **state)
{
    struct topic *topic = *state;
    const _Atomic uint32_t *epoch = status_store_topics_epoch(topic->store);
    uint32_t before = *epoch;
    status_store_put_topic(topic->store, "src-a", "ta", 0);
    assert_int_equal(before, *epoch);
    status_store_remove_topic(topic->store, "src-a", "ta");
    assert_int_equal(before + 1, *epoch);
    status_store_remove_topic(topic->store, "src-a", "ta"); /* nothing is there to forget */
    assert_int_equal(before + 1, *epoch);
}

static void removing_all_takes_tasks_connector_and_topics(void **state)
{
    struct topic *topic = *state;
    struct unit_status running = {UNIT_RUNNING, "w", 2, NULL, NULL};
    status_store_put_connector(topic->store, "a", &running, STATUS_CERTAIN);
    status_store_put_task(topic->store, "a", 1, &running, STATUS_CERTAIN);
    status_store_put_topic(topic->store, "a", "t", 1);
    str_buffer_clear(&topic->written);
    status_store_remove_all(topic->store, "a");
    assert_written(&topic->written, "status-task-a-1=~\nstatus-connector-a=~\nstatus-topic-t:connector-a=~\n");
    status_store_remove_all(topic->store, "a");
    assert_written(&topic->written, "");
}

static void a_safe_put_yields_to_a_greater_generation_of_another(void **state)
{
    struct topic *topic = *state;
    struct status_store *store = topic->store;
    struct unit_status theirs = {UNIT_RUNNING, "other", 5, NULL, NULL}, ours = {UNIT_FAILED, "w", 4, "t", NULL};
    status_store_feed(store, bytes_of_text("status-task-a-0"),
                      bytes_of_text("{\"state\":\"RUNNING\",\"worker_id\":\"other\",\"generation\":5}"));
    status_store_put_task(store, "a", 0, &ours, STATUS_SAFE);
    assert_written(&topic->written, "");
    ours.generation = 5;
    status_store_put_task(store, "a", 0, &ours, STATUS_SAFE);
    assert_true(topic->written.length > 0);
    str_buffer_clear(&topic->written);
    theirs.worker_id = "w";
    theirs.generation = 9;
    status_store_put_task(store, "a", 0, &theirs, STATUS_CERTAIN);
    str_buffer_clear(&topic->written);
    status_store_put_task(store, "a", 0, &ours, STATUS_SAFE);   /* our own greater one */
    assert_true(topic->written.length > 0);
    ours.generation = 1;
    str_buffer_clear(&topic->written);
    status_store_put_connector(store, "a", &ours, STATUS_SAFE);   /* nothing known */
    assert_true(topic->written.length > 0);
}

static void a_trace_too_long_is_cut_at_a_character(void **state)
{
    struct topic *topic = *state;
    char *trace = malloc(STATUS_TRACE_MAX + 10);
    memset(trace, 'x', STATUS_TRACE_MAX - 1);
    memcpy(trace + STATUS_TRACE_MAX - 1, "\xC3\xA9\xC3\xA9", 5);
    struct unit_status failed = {UNIT_FAILED, "w", 1, trace, NULL};
    status_store_put_connector(topic->store, "a", &failed, STATUS_CERTAIN);
    struct status_view *view = status_store_view(topic->store, "a");
    assert_int_equal(strlen(view->connector->trace), STATUS_TRACE_MAX - 1);
    status_view_destroy(view);
    free(trace);
}

/* ---- sending again ---- */

static const struct unit_status one = {UNIT_RUNNING, "w", 1, NULL, NULL}, two = {UNIT_PAUSED, "w", 1, NULL, NULL};

static void check_sent_again(struct topic *topic)
{
    status_store_put_connector(topic->store, "a", &one, STATUS_CERTAIN);
    assert_int_equal(status_store_flush(topic->store, deadline_after_ms(10000), NULL), 0);
    struct status_view *view = status_store_view(topic->store, "a");
    assert_int_equal(view->connector->state, UNIT_RUNNING);
    status_view_destroy(view);
}

static void what_fails_in_passing_is_sent_again(void **state)
{
    struct topic *topic = *state;
    topic->sendings_that_fail = 2;
    topic->code = MR_ERR_TIMEOUT;
    check_sent_again(topic);
}

static void what_the_buffer_refuses_is_sent_again(void **state)
{
    struct topic *topic = *state;
    topic->sendings_that_fail = 1;
    topic->code = MR_ERR_RETRIABLE;
    topic->refuses_at_once = true;
    check_sent_again(topic);
}

static void what_fails_for_good_is_given_up(void **state)
{
    struct topic *topic = *state;
    topic->sendings_that_fail = 1;
    topic->code = MR_ERR_CONNECT;
    status_store_put_connector(topic->store, "a", &one, STATUS_CERTAIN);
    assert_int_equal(status_store_flush(topic->store, NEVER, NULL), 0);
    assert_written(&topic->written, "");
}

static void an_old_status_is_not_sent_after_a_newer_one(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    topic->holds = true;
    status_store_put_connector(topic->store, "a", &one, STATUS_CERTAIN);
    status_store_put_connector(topic->store, "a", &two, STATUS_CERTAIN);
    str_buffer_clear(&topic->written);
    mr_error_set(&error, MR_ERR_TIMEOUT, "late");
    topic->held(topic->held_argument, error);
    mr_error_clear(&error);
    assert_int_equal(status_store_flush(topic->store, NEVER, NULL), 0);
    assert_written(&topic->written, "");
}

static void flushing_waits_until_its_deadline(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    topic->holds = true;
    status_store_put_connector(topic->store, "a", &one, STATUS_CERTAIN);
    assert_int_equal(status_store_flush(topic->store, clock_monotonic_ms(NULL) + 5, &error), -1);
    assert_error(&error, MR_ERR_TIMEOUT, "not all statuses");
    topic->held(topic->held_argument, NULL);
    assert_int_equal(status_store_flush(topic->store, NEVER, NULL), 0);
}

static void the_end_does_not_wait_for_a_topic_that_is_away(void **state)
{
    struct topic *topic = *state;
    topic->sendings_that_fail = 1000000;
    topic->code = MR_ERR_TIMEOUT;
    status_store_put_connector(topic->store, "a", &one, STATUS_CERTAIN);
    status_store_put_task(topic->store, "a", 0, &one, STATUS_CERTAIN);
}   /* destroyed by the tear-down */

static bool put_and_view(void *argument)
{
    static const struct unit_status failed = {UNIT_FAILED, "w:1", 3, "trace", "1"};
    (void)argument;
    struct status_store *store = memory_status_store_create(NULL);
    if (store == NULL)
        return false;
    size_t count;
    status_store_put_connector(store, "a", &failed, STATUS_SAFE);
    status_store_put_task(store, "a", 1, &failed, STATUS_CERTAIN);
    status_store_put_topic(store, "a", "t", 1);
    struct status_view *view = status_store_view(store, "a");
    struct topic_status *topics = status_store_topics(store, "a", &count);
    char **names = status_store_connectors(store, &count);
    bool worked = view != NULL && topics != NULL && names != NULL && view->task_count == 1;
    status_view_destroy(view);
    status_topics_destroy(topics);
    mem_free(names);
    status_store_destroy(store);
    return worked;
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    alloc_torture(put_and_view, NULL);
}

#define ON_TOPIC(test) cmocka_unit_test_setup_teardown(test, with_topic, without_topic)

RUN_TESTS(cmocka_unit_test(every_reading_rule_holds), cmocka_unit_test(names_may_hold_dashes_and_colons),
          ON_TOPIC(records_are_exact), ON_TOPIC(a_removed_topic_is_to_be_put_again), ON_TOPIC(removing_all_takes_tasks_connector_and_topics),
          ON_TOPIC(a_safe_put_yields_to_a_greater_generation_of_another), ON_TOPIC(a_trace_too_long_is_cut_at_a_character),
          ON_TOPIC(what_fails_in_passing_is_sent_again), ON_TOPIC(what_the_buffer_refuses_is_sent_again),
          ON_TOPIC(what_fails_for_good_is_given_up), ON_TOPIC(an_old_status_is_not_sent_after_a_newer_one),
          ON_TOPIC(flushing_waits_until_its_deadline), ON_TOPIC(the_end_does_not_wait_for_a_topic_that_is_away),
          cmocka_unit_test(without_memory_nothing_leaks))
