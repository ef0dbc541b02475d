/* Task configurations, and what a config provider answers. */
#include "config_test.h"

#include "support/alloc_torture.h"

static const struct mr_config_row rows[] = {{.name = "file", .type = MR_CONFIG_STRING}};
static const struct mr_config_def def = MR_CONFIG_DEF(rows);

static void each_task_has_its_own_pairs(void **state)
{
    (void)state;
    struct mr_task_configs *configs = task_configs_create();
    assert_int_equal(mr_task_configs_add(configs), 0);
    assert_int_equal(mr_task_configs_put(configs, "table", "a"), 0);
    assert_int_equal(mr_task_configs_put(configs, "table", "b"), 0);
    assert_int_equal(mr_task_configs_add(configs), 0);
    assert_int_equal(mr_task_configs_put(configs, "table", "c"), 0);
    assert_int_equal(mr_task_configs_put_null(configs, "null"), 0);
    assert_int_equal(task_configs_count(configs), 2);
    assert_string_equal(string_map_get(task_configs_at(configs, 0), "table"), "b");
    assert_string_equal(string_map_get(task_configs_at(configs, 1), "table"), "c");
    assert_true(string_map_has(task_configs_at(configs, 1), "null"));
    assert_int_equal(task_configs_check(configs, NULL), 0);
    struct string_map *taken = task_configs_take_at(configs, 0);
    task_configs_destroy(configs);
    assert_string_equal(string_map_get(taken, "table"), "b");
    string_map_destroy(taken);
}

static void a_copy_has_all_the_connector_was_given(void **state)
{
    (void)state;
    struct parsed parsed = parse(&def, CONFIG_PARSE, map_of("file", " f ", "name", "n", "none", NULL_TEXT, NULL));
    struct mr_task_configs *configs = task_configs_create();
    assert_int_equal(mr_task_configs_add_copy(configs, parsed.config), 0);
    assert_true(string_map_equals(task_configs_at(configs, 0), config_submitted(parsed.config)));
    assert_string_equal(string_map_get(task_configs_at(configs, 0), "file"), " f ");
    task_configs_destroy(configs);
    parsed_release(&parsed);
}

static void what_a_connector_overlooked_is_remembered(void **state)
{
    (void)state;
    struct mr_task_configs *configs = task_configs_create();
    struct mr_error *error = NULL;
    assert_int_equal(mr_task_configs_put(configs, "a", "b"), -1);
    assert_int_equal(mr_task_configs_add(configs), 0);
    assert_int_equal(task_configs_check(configs, &error), -1);
    assert_string_equal(mr_error_message(error), "The connector put an option before it added the first task");
    mr_error_clear(&error);
    task_configs_destroy(configs);
}

static void a_text_that_could_not_be_made_is_no_null_option(void **state)
{
    (void)state;
    struct mr_task_configs *configs = task_configs_create();
    struct mr_error *error = NULL;
    assert_int_equal(mr_task_configs_add(configs), 0);
    assert_int_equal(mr_task_configs_put(configs, "names", NULL), -1);
    assert_false(string_map_has(task_configs_at(configs, 0), "names"));
    assert_int_equal(task_configs_check(configs, &error), -1);
    assert_non_null(strstr(mr_error_message(error), "without a text"));
    mr_error_clear(&error);
    task_configs_destroy(configs);
}

static bool collect(void *argument)
{
    struct mr_task_configs *configs = task_configs_create();
    if (configs == NULL)
        return false;
    bool worked = mr_task_configs_add(configs) == 0;
    worked = mr_task_configs_put(configs, "a", "b") == 0 && worked;
    worked = mr_task_configs_add_copy(configs, argument) == 0 && worked;
    assert_int_equal(task_configs_check(configs, NULL) == 0, worked);
    task_configs_destroy(configs);
    return worked;
}

static void collecting_survives_every_failing_allocation(void **state)
{
    (void)state;
    struct parsed parsed = parse(&def, CONFIG_PARSE, map_of("file", "f", "name", "n", NULL));
    alloc_torture(collect, parsed.config);
    parsed_release(&parsed);
}

static void a_provider_answers_with_keys_and_the_shortest_time(void **state)
{
    (void)state;
    struct mr_config_data *data = config_data_create();
    assert_int_equal(config_data_ttl_ms(data), MR_TTL_NONE);
    assert_int_equal(mr_config_data_put(data, "user", "u"), 0);
    assert_int_equal(mr_config_data_put(data, "password", "p"), 0);
    assert_int_equal(mr_config_data_put(data, "user", "v"), 0);
    mr_config_data_set_ttl_ms(data, 500);
    mr_config_data_set_ttl_ms(data, 900);
    mr_config_data_set_ttl_ms(data, MR_TTL_NONE);
    assert_int_equal(config_data_ttl_ms(data), 500);
    assert_int_equal(config_data_count(data), 2);
    assert_string_equal(config_data_get(data, "user"), "v");
    assert_string_equal(config_data_key(data, 1), "password");
    assert_string_equal(config_data_value(data, 1), "p");
    assert_null(config_data_get(data, "absent"));
    assert_false(config_data_failed(data));
    assert_int_equal(mr_config_data_put(data, "nothing", NULL), -1);
    assert_int_equal(mr_config_data_put(data, NULL, "nowhere"), -1);
    assert_true(config_data_failed(data));
    config_data_destroy(data);
}

static bool answer(void *argument)
{
    (void)argument;
    struct mr_config_data *data = config_data_create();
    bool worked = data != NULL && mr_config_data_put(data, "a", "1") == 0 && mr_config_data_put(data, "b", "2") == 0;
    assert_true(data == NULL || config_data_failed(data) == !worked);
    config_data_destroy(data);
    return worked;
}

static void answering_survives_every_failing_allocation(void **state)
{
    (void)state;
    alloc_torture(answer, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_has_its_own_pairs),
        cmocka_unit_test(a_copy_has_all_the_connector_was_given),
        cmocka_unit_test(what_a_connector_overlooked_is_remembered),
        cmocka_unit_test(a_text_that_could_not_be_made_is_no_null_option),
        cmocka_unit_test(collecting_survives_every_failing_allocation),
        cmocka_unit_test(a_provider_answers_with_keys_and_the_shortest_time),
        cmocka_unit_test(answering_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
