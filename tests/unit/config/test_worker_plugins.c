#include "config_room_test.h"

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

static void plugins_that_exist_are_fine(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    struct worker_config *worker =
        worker_of(MINIMAL "connector.client.config.override.policy=Allowlist\nrest.extension.classes=org.acme.PeekRestExtension, Peek\n");
    if (worker_config_check_plugins(worker, loader, &error) != 0)
        fail_msg("%s", mr_error_message(error));
    assert_null(error);
    worker_config_destroy(worker);
}

static void all_that_do_not_are_named_with_their_property(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    struct worker_config *worker =
        worker_of(MINIMAL "key.converter=Avro\nvalue.converter=org.acme.ThingConverter\n"
                          "value.converter.plugin.version=[5,)\nconnector.client.config.override.policy=Some\n"
                          "header.converter=HoistField\nrest.extension.classes=Peek,org.acme.Guard\n");
    assert_int_equal(worker_config_check_plugins(worker, loader, &error), -1);
    const char *words = mr_error_message(error);
    assert_contains(words,
                    "key.converter: there is no converter Avro");
    assert_contains(words,
                    "\nvalue.converter: Plugin org.acme.ThingConverter not found that matches the version range [5,)");
    assert_contains(words, "\nheader.converter: there is no header_converter HoistField");
    assert_contains(words, "\nrest.extension.classes: there is no rest_extension org.acme.Guard");
    assert_lacks(words, "override.policy");
    assert_lacks(words, "Peek");
    mr_error_drop(error);
    worker_config_destroy(worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plugins_that_exist_are_fine),
        cmocka_unit_test(all_that_do_not_are_named_with_their_property),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
