#include "config_room_test.h"

#include <stdlib.h>
#include <unistd.h>

#include "config/worker_file.h"

static struct loader *loader;

static int set_up(void **state)
{
    (void)state;
    loader = test_loader();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loader_destroy(loader);
    return 0;
}

#define VAULT "config.providers=vault\nconfig.providers.vault.class=SecretConfigProvider\n"
#define MINIMAL_BUT_GROUP                                                                                              \
    "bootstrap.servers=localhost:9092\nconfig.storage.topic=c\noffset.storage.topic=o\nstatus.storage.topic=s\n"       \
    "key.converter=Thing\nvalue.converter=Thing\nheader.converter=Thing\n"

static struct worker_config *config_of(const char *text, struct mr_error **error)
{
    struct string_map *written = properties_of(text);
    struct worker_config *config = worker_file_config("w.properties", WORKER_DISTRIBUTED, written, loader, error);
    string_map_destroy(written);
    return config;
}

static void references_of_the_workers_own_file_are_resolved(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    struct worker_config *config = config_of(VAULT MINIMAL_BUT_GROUP "group.id=g-${vault:db:number}\n"
                                             "sasl.jaas.config=x password=\"${vault:db:password}\";\nother=${safe:a:b}\n",
                                             &error);
    assert_non_null(config);
    assert_string_equal(config->group_id, "g-42");
    assert_true(worker_config_owns_file(config, "w.properties"));
    assert_false(worker_config_owns_file(config, "other.properties"));
    assert_string_equal(string_map_get(config->properties, "sasl.jaas.config"), "x password=\"s3cr3t-of-db\";");
    assert_string_equal(string_map_get(config->properties, "other"), "${safe:a:b}");
    worker_config_destroy(config);
}

static void definitions_of_providers_are_taken_as_written_and_are_resolved_for_connectors(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    struct worker_config *config =
        config_of(VAULT MINIMAL_BUT_GROUP "config.providers.vault.param.word=${vault:db:number}\n"
                                          "group.id=${vault:db:password}\n",
                  &error);
    assert_non_null(config);
    assert_string_equal(config->group_id, "${vault:db:number}-of-db");
    assert_string_equal(string_map_get(config->properties, "config.providers.vault.param.word"), "42");
    worker_config_destroy(config);
}

static void a_file_without_providers_is_taken_as_it_is(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    struct worker_config *config = config_of(MINIMAL_BUT_GROUP "group.id=${vault:db:number}\n", &error);
    assert_string_equal(config->group_id, "${vault:db:number}");
    worker_config_destroy(config);
}

static void a_secret_that_nothing_answers_refuses_the_file(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    assert_null(config_of(MINIMAL "millrace.inter.worker.secret=hush-${file:/run/secrets/worker:secret}\n", &error));
    assert_contains(mr_error_message(error), "millrace.inter.worker.secret: there is no config.providers to answer its reference");
    assert_lacks(mr_error_message(error), "hush");
    mr_error_clear(&error);
    assert_null(config_of(VAULT MINIMAL "millrace.audit.hash.key=${vault:db:password}${vault:db:nothing}\n"
                                        "listeners.https.ssl.key.password=${elsewhere:a:b}\n", &error));
    assert_contains(mr_error_message(error), "millrace.audit.hash.key: no config provider of this file answers its reference");
    assert_contains(mr_error_message(error), "listeners.https.ssl.key.password: no config provider");
    assert_lacks(mr_error_message(error), "s3cr3t");
    mr_error_drop(error);
}

static void a_provider_that_fails_refuses_the_file(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    assert_null(config_of(VAULT MINIMAL "sasl.jaas.config=${vault:broken:password}\n", &error));
    assert_string_equal(mr_error_message(error), "w.properties cannot be used:\n"
                                                 "Config provider vault could not resolve path 'broken': the vault is sealed");
    mr_error_clear(&error);
    assert_null(config_of(MINIMAL "config.providers=a\n", &error));
    assert_contains(mr_error_message(error), "config.providers.a.class is missing");
    mr_error_drop(error);
}

static void mistakes_tell_the_reference_and_not_the_value(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    assert_null(config_of(VAULT MINIMAL "session.timeout.ms=${vault:db:password}\nlisteners=ftp://${vault:db:password}:1\n", &error));
    assert_contains(mr_error_message(error), "session.timeout.ms: Invalid value ${vault:db:password} for configuration");
    assert_lacks(mr_error_message(error), "s3cr3t");
    mr_error_drop(error);
}

static void a_file_is_named_in_what_is_wrong_with_it(void **state)
{
    (void)state;
    char path[] = "/tmp/worker-config-test.XXXXXX";
    int file = mkstemp(path);
    struct mr_error *error = NULL;
    assert_true(file >= 0);
    assert_int_equal(write(file, "group.id=\\u12\n", 14), 14);
    close(file);
    assert_null(worker_file_read(path, &error));
    assert_contains(mr_error_message(error), path);
    assert_contains(mr_error_message(error), "line 1");
    mr_error_clear(&error);
    assert_null(worker_file_read("/nowhere/worker.properties", &error));
    assert_contains(mr_error_message(error), "/nowhere/worker.properties");
    mr_error_drop(error);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_of_the_workers_own_file_are_resolved),
        cmocka_unit_test(definitions_of_providers_are_taken_as_written_and_are_resolved_for_connectors),
        cmocka_unit_test(a_file_without_providers_is_taken_as_it_is),
        cmocka_unit_test(a_secret_that_nothing_answers_refuses_the_file),
        cmocka_unit_test(a_provider_that_fails_refuses_the_file),
        cmocka_unit_test(mistakes_tell_the_reference_and_not_the_value),
        cmocka_unit_test(a_file_is_named_in_what_is_wrong_with_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
