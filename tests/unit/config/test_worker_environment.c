#include "config_room_test.h"

#include "config/worker_environment.h"

static struct string_map *read_of(char *const *variables)
{
    struct mr_error *error = NULL;
    struct string_map *properties = worker_environment_read(variables, &error);
    assert_non_null(properties);
    assert_null(error);
    return properties;
}

static void underscores_are_dots(void **state)
{
    (void)state;
    char *variables[] = {"PATH=/bin", "CONNECT_BOOTSTRAP_SERVERS=kafka:9092", "CONNECT_GROUP_ID=", NULL};
    struct string_map *properties = read_of(variables);
    assert_int_equal(string_map_count(properties), 2);
    assert_string_equal(string_map_get(properties, "bootstrap.servers"), "kafka:9092");
    assert_string_equal(string_map_get(properties, "group.id"), "");
    string_map_destroy(properties);
}

static void two_are_an_underscore_and_three_a_dash(void **state)
{
    (void)state;
    char *variables[] = {"CONNECT_CONFIG_PROVIDERS_MY__VAULT_CLASS=a", "CONNECT_X_TOP___SECRET=b", "CONNECT_A____B=c", "CONNECT__A_=d", NULL};
    struct string_map *properties = read_of(variables);
    assert_string_equal(string_map_get(properties, "config.providers.my_vault.class"), "a");
    assert_string_equal(string_map_get(properties, "x.top-secret"), "b");
    assert_string_equal(string_map_get(properties, "a____b"), "c");
    assert_string_equal(string_map_get(properties, "_a_"), "d");
    string_map_destroy(properties);
}

static void values_are_taken_as_they_are(void **state)
{
    (void)state;
    char *variables[] = {"CONNECT_SASL_JAAS_CONFIG= x=\"a\\\\b\";\n=", NULL};
    struct string_map *properties = read_of(variables);
    assert_string_equal(string_map_get(properties, "sasl.jaas.config"), " x=\"a\\\\b\";\n=");
    string_map_destroy(properties);
}

static void other_variables_are_not_read(void **state)
{
    (void)state;
    char *variables[] = {"CONNECT_=a", "CONNECT=b", "connect_group_id=c", "CONNECTOR_NAME=d", "CONNECT_GROUP_ID", NULL};
    struct string_map *properties = read_of(variables);
    assert_int_equal(string_map_count(properties), 0);
    string_map_destroy(properties);
}

static void refuses(char *const *variables, const char *words)
{
    struct mr_error *error = NULL;
    assert_null(worker_environment_read(variables, &error));
    assert_contains(mr_error_message(error), words);
    assert_null(strstr(mr_error_message(error), "s3cr3t"));
    mr_error_drop(error);
}

static void a_property_that_is_set_twice_is_refused_without_its_value(void **state)
{
    (void)state;
    refuses((char *[]){"CONNECT_SSL_KEY_PASSWORD=s3cr3t", "CONNECT_ssl_key_password=s3cr3t-too", NULL}, "ssl.key.password");
}

static void a_name_that_is_too_long_is_refused_without_its_value(void **state)
{
    (void)state;
    char variable[WORKER_ENVIRONMENT_NAME_MAX + 16];
    memset(variable, 'A', sizeof(variable));
    memcpy(variable, "CONNECT_", 8);
    memcpy(variable + WORKER_ENVIRONMENT_NAME_MAX + 1, "=s3cr3t", 8);
    refuses((char *[]){variable, NULL}, "in a file");
    memcpy(variable + WORKER_ENVIRONMENT_NAME_MAX, "=s3cr3t", 8);
    string_map_destroy(read_of((char *[]){variable, NULL}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(underscores_are_dots),
        cmocka_unit_test(two_are_an_underscore_and_three_a_dash),
        cmocka_unit_test(values_are_taken_as_they_are),
        cmocka_unit_test(other_variables_are_not_read),
        cmocka_unit_test(a_property_that_is_set_twice_is_refused_without_its_value),
        cmocka_unit_test(a_name_that_is_too_long_is_refused_without_its_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
