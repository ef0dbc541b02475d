/* Offsets of sink connectors, asked for and changed over REST: shapes, order of checks, what the group is told. */
#include "rig.h"

#include <millrace/arena.h>
#include <millrace/json.h>

#define T0 "{\"kafka_topic\":\"t\",\"kafka_partition\":0}"

static struct mr_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = mr_arena_create(1u << 20);
    rig_open(false, 0);
    rig_set(&rig.is_sink, true);
    rig_start();
    put("a", "1");
    expect("status a-0 RUNNING");
    assert_int_equal(ask(herder_stop_connector, "a"), 204);
    expect("status a-0 DESTROYED");
    return 0;
}

static int tear_down(void **state)
{
    rig_teardown(state);
    mr_arena_destroy(arena);
    return 0;
}

/* `json`: [partition, offset, partition, offset, …] */
static int alter(const char *json, struct answer *answer)
{
    struct offset_entry entries[8];
    const struct mr_value *all =
        mr_json_read(arena, (struct mr_bytes){json, strlen(json)}, MR_JSON_COPY_TEXT | MR_JSON_WHOLE_TEXT, NULL);
    size_t count;

    assert_non_null(all);
    count = mr_array_count(all) / 2;
    assert_in_range(count, 1, 8);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct offset_entry){mr_array_at(all, 2 * i), mr_array_at(all, 2 * i + 1)};
    *answer = (struct answer){0};
    alter_unguarded(rig.herder, "a", entries, count, take_answer, answer);
    return answered(answer);
}

static char text_read[1024];

static void take_text(void *argument, const struct herder_reply *reply)
{
    struct mr_bytes text;

    text_read[0] = '\0';
    for (size_t i = 0; i < reply->offset_count; i++) {
        const struct mr_value *both[] = {reply->offsets[i].partition, reply->offsets[i].offset};

        for (size_t k = 0; k < 2; k++) {
            size_t used = strlen(text_read);

            assert_int_equal(mr_json_write(arena, NULL, both[k], 0, &text, NULL), 0);
            snprintf(text_read + used, sizeof(text_read) - used, "%.*s", (int)text.size, (const char *)text.data);
        }
    }
    take_answer(argument, reply);
}

static const char *offsets_read(void)
{
    struct answer answer = {0};

    herder_read_offsets(rig.herder, "a", take_text, &answer);
    assert_int_equal(answered(&answer), 200);
    return text_read;
}

static void offsets_are_those_of_the_group_in_its_own_words(void **state)
{
    struct answer answer;

    (void)state;
    assert_string_equal(offsets_read(), "");
    rig_set(&rig.alter_handles, true);
    assert_int_equal(alter("[" T0 ",{\"kafka_offset\":7}]", &answer), 200);
    assert_string_equal(answer.message, "The offsets for this connector have been altered successfully");
    expect_order("alter 1 | commit a t-0 7");
    assert_string_equal(offsets_read(), T0 "{\"kafka_offset\":7}");
    assert_int_equal(alter("[" T0 ",null]", &answer), 200);
    expect("forget a t-0");
    assert_string_equal(offsets_read(), "");
}

static void numbers_may_be_texts_and_the_last_of_a_partition_counts(void **state)
{
    struct answer answer;

    (void)state;
    assert_int_equal(
        alter("[" T0 ",{\"kafka_offset\":1},"
              "{\"kafka_topic\":5,\"kafka_partition\":\"2\",\"more\":1},{\"kafka_offset\":\"9223372036854775807\"},"
              "{\"kafka_topic\":\"t\",\"kafka_partition\":\"+0\"},{\"kafka_offset\":\"3\"}]",
              &answer),
        200);
    expect_order("alter 2 | commit a 5-2 9223372036854775807 | commit a t-0 3");
    expect_never("commit a t-0 1");
    assert_non_null(strstr(answer.message, "Where the connector keeps offsets elsewhere too"));
}

static void what_is_no_offset_of_a_sink_is_the_askers_fault(void **state)
{
    static const struct {
        const char *partition, *offset, *words;
    } cases[] = {
        {"null", "null", "The partition for a sink connector offset cannot be null or missing"},
        {"{}", "null", "must contain the keys 'kafka_topic' and 'kafka_partition'"},
        {"{\"kafka_topic\":\"t\"}", "null", "must contain the keys 'kafka_topic' and 'kafka_partition'"},
        {"{\"kafka_topic\":null,\"kafka_partition\":0}", "null", "Kafka topic names must be valid strings"},
        {"{\"kafka_topic\":{},\"kafka_partition\":0}", "null", "Kafka topic names must be valid strings"},
        {"{\"kafka_topic\":\"a\\u0000b\",\"kafka_partition\":0}", "null", "Kafka topic names must be valid strings"},
        {"{\"kafka_topic\":\"t\",\"kafka_partition\":null}", "null", "Kafka partitions must be valid numbers"},
        {"{\"kafka_topic\":\"t\",\"kafka_partition\":1.5}", "null",
         "Kafka partition value in the provided offsets: '1.5'"},
        {"{\"kafka_topic\":\"t\",\"kafka_partition\":2147483648}", "null", "'2147483648'"},
        {"{\"kafka_topic\":\"t\",\"kafka_partition\":\"\"}", "null", "''"},
        {"{\"kafka_topic\":\"t\",\"kafka_partition\":\"0x1\"}", "null", "'0x1'"},
        {"{\"kafka_topic\":\"t\",\"kafka_partition\":\"-\"}", "null", "'-'"},
        {T0, "{}", "should either be null or contain the key 'kafka_offset'"},
        {T0, "{\"kafka_offset\":null}", "Kafka offset value in the provided offsets: 'null'"},
        {T0, "{\"kafka_offset\":true}", "'true'"},
        {T0, "{\"kafka_offset\":1.5}", "'1.5'"},
        {T0, "{\"kafka_offset\":\"9223372036854775808\"}", "'9223372036854775808'"},
    };
    char json[512];
    struct answer answer;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(json, sizeof(json), "[%s,%s]", cases[i].partition, cases[i].offset);
        assert_int_equal(alter(json, &answer), 400);
        if (strstr(answer.message, cases[i].words) == NULL)
            fail_msg("%s: %s", json, answer.message);
    }
    expect_never("alter");
}

static void a_reset_asks_about_every_partition_and_drops_the_group(void **state)
{
    struct answer answer;

    (void)state;
    alter("[" T0 ",{\"kafka_offset\":7},{\"kafka_topic\":\"t\",\"kafka_partition\":1},{\"kafka_offset\":8}]", &answer);
    rig_log_clear();
    assert_int_equal(ask(reset_unguarded, "a"), 200);
    expect_order("alter 2 | drop a");
    assert_string_equal(offsets_read(), "");
    rig_log_clear();
    assert_int_equal(ask(reset_unguarded, "a"), 200);
    expect_order("alter 0 | drop a");
}

static void the_state_is_looked_at_before_the_offsets(void **state)
{
    struct answer answer;

    (void)state;
    assert_int_equal(ask(herder_pause_connector, "a"), 202);
    assert_int_equal(alter("[null,null]", &answer), 400);
    assert_non_null(strstr(answer.message, "Connectors must be in the STOPPED state before"));
    assert_int_equal(ask(reset_unguarded, "a"), 400);
    assert_string_equal(offsets_read(), "");
    expect_never("drop");
}

static void a_connector_that_refuses_keeps_its_offsets(void **state)
{
    struct answer answer;

    (void)state;
    rig_set(&rig.alter_fails, true);
    assert_int_equal(alter("[" T0 ",{\"kafka_offset\":7}]", &answer), 500);
    assert_string_equal(answer.message, "not these offsets");
    assert_int_equal(ask(reset_unguarded, "a"), 500);
    expect_never("commit");
    expect_never("drop");
}

static void a_cluster_that_refuses_is_500_with_its_words(void **state)
{
    struct answer answer = {0};

    (void)state;
    rig_set(&rig.group_fails, true);
    herder_read_offsets(rig.herder, "a", take_answer, &answer);
    assert_int_equal(answered(&answer), 500);
    assert_string_equal(answer.message, "no such cluster");
    assert_int_equal(alter("[" T0 ",{\"kafka_offset\":7}]", &answer), 500);
    expect("alter 1");
    assert_string_equal(answer.message, "no such cluster");
    assert_int_equal(ask(reset_unguarded, "a"), 500);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(offsets_are_those_of_the_group_in_its_own_words),
        TEST(numbers_may_be_texts_and_the_last_of_a_partition_counts),
        TEST(what_is_no_offset_of_a_sink_is_the_askers_fault),
        TEST(a_reset_asks_about_every_partition_and_drops_the_group),
        TEST(the_state_is_looked_at_before_the_offsets),
        TEST(a_connector_that_refuses_keeps_its_offsets),
        TEST(a_cluster_that_refuses_is_500_with_its_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
