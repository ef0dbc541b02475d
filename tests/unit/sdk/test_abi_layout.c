/*
 * The layout of the tables that cross the ABI, as it was frozen with the version that brought them (for machines with 64-bit
 * pointers). A number here never changes within major version 1: tables grow at their end, by rows added here and by a larger SIZE.
 * What a table is made of, and all functions and constants, stand in tests/build/abi-1*.txt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <millrace/millrace.h>

struct place {
    const char *what;
    size_t frozen, now;
};

#define SIZE(table, bytes) { "sizeof(struct " #table ")", bytes, sizeof(struct table) }
#define AT(table, member, bytes) { #table "." #member, bytes, offsetof(struct table, member) }

static const struct place places[] = {
    SIZE(mr_bytes, 16),
    AT(mr_bytes, data, 0),
    AT(mr_bytes, size, 8),
    SIZE(mr_config_row, 104),
    AT(mr_config_row, name, 0),
    AT(mr_config_row, type, 8),
    AT(mr_config_row, default_text, 16),
    AT(mr_config_row, importance, 24),
    AT(mr_config_row, doc, 32),
    AT(mr_config_row, validator, 40),
    AT(mr_config_row, validator_argument, 48),
    AT(mr_config_row, recommender, 56),
    AT(mr_config_row, group, 64),
    AT(mr_config_row, order_in_group, 72),
    AT(mr_config_row, width, 76),
    AT(mr_config_row, display_name, 80),
    AT(mr_config_row, dependents, 88),
    AT(mr_config_row, is_internal, 96),
    SIZE(mr_config_def, 24),
    AT(mr_config_def, size, 0),
    AT(mr_config_def, row_size, 4),
    AT(mr_config_def, rows, 8),
    AT(mr_config_def, count, 16),
    SIZE(mr_range, 16),
    AT(mr_range, least, 0),
    AT(mr_range, most, 8),
    SIZE(mr_host, 48),
    AT(mr_host, size, 0),
    AT(mr_host, abi_major, 4),
    AT(mr_host, abi_minor, 6),
    AT(mr_host, worker_version, 8),
    AT(mr_host, log, 16),
    AT(mr_host, log_is_on, 24),
    AT(mr_host, clock_wall_ms, 32),
    AT(mr_host, clock_monotonic_ms, 40),
    SIZE(mr_plugin, 56),
    AT(mr_plugin, size, 0),
    AT(mr_plugin, kind, 4),
    AT(mr_plugin, class_name, 8),
    AT(mr_plugin, version, 16),
    AT(mr_plugin, doc, 24),
    AT(mr_plugin, config_def, 32),
    AT(mr_plugin, ops, 40),
    AT(mr_plugin, aliases, 48),
    SIZE(mr_module, 32),
    AT(mr_module, size, 0),
    AT(mr_module, abi_major, 4),
    AT(mr_module, abi_minor, 6),
    AT(mr_module, name, 8),
    AT(mr_module, plugins, 16),
    AT(mr_module, plugin_count, 24),
    SIZE(mr_source_connector_ops, 96),
    AT(mr_source_connector_ops, size, 0),
    AT(mr_source_connector_ops, task_class_name, 8),
    AT(mr_source_connector_ops, create, 16),
    AT(mr_source_connector_ops, start, 24),
    AT(mr_source_connector_ops, task_configs, 32),
    AT(mr_source_connector_ops, stop, 40),
    AT(mr_source_connector_ops, destroy, 48),
    AT(mr_source_connector_ops, validate, 56),
    AT(mr_source_connector_ops, alter_offsets, 64),
    AT(mr_source_connector_ops, task, 72),
    AT(mr_source_connector_ops, exactly_once_support, 80),
    AT(mr_source_connector_ops, can_define_transaction_boundaries, 88),
    SIZE(mr_sink_connector_ops, 80),
    AT(mr_sink_connector_ops, size, 0),
    AT(mr_sink_connector_ops, task_class_name, 8),
    AT(mr_sink_connector_ops, create, 16),
    AT(mr_sink_connector_ops, start, 24),
    AT(mr_sink_connector_ops, task_configs, 32),
    AT(mr_sink_connector_ops, stop, 40),
    AT(mr_sink_connector_ops, destroy, 48),
    AT(mr_sink_connector_ops, validate, 56),
    AT(mr_sink_connector_ops, alter_offsets, 64),
    AT(mr_sink_connector_ops, task, 72),
    SIZE(mr_record_metadata, 40),
    AT(mr_record_metadata, size, 0),
    AT(mr_record_metadata, topic, 8),
    AT(mr_record_metadata, partition, 16),
    AT(mr_record_metadata, offset, 24),
    AT(mr_record_metadata, timestamp_ms, 32),
    SIZE(mr_source_task_ops, 80),
    AT(mr_source_task_ops, size, 0),
    AT(mr_source_task_ops, flags, 4),
    AT(mr_source_task_ops, create, 8),
    AT(mr_source_task_ops, prepare, 16),
    AT(mr_source_task_ops, start, 24),
    AT(mr_source_task_ops, poll, 32),
    AT(mr_source_task_ops, commit, 40),
    AT(mr_source_task_ops, commit_record, 48),
    AT(mr_source_task_ops, request_stop, 56),
    AT(mr_source_task_ops, stop, 64),
    AT(mr_source_task_ops, destroy, 72),
    SIZE(mr_sink_task_ops, 96),
    AT(mr_sink_task_ops, size, 0),
    AT(mr_sink_task_ops, flags, 4),
    AT(mr_sink_task_ops, create, 8),
    AT(mr_sink_task_ops, prepare, 16),
    AT(mr_sink_task_ops, start, 24),
    AT(mr_sink_task_ops, open, 32),
    AT(mr_sink_task_ops, put, 40),
    AT(mr_sink_task_ops, flush, 48),
    AT(mr_sink_task_ops, pre_commit, 56),
    AT(mr_sink_task_ops, close, 64),
    AT(mr_sink_task_ops, request_stop, 72),
    AT(mr_sink_task_ops, stop, 80),
    AT(mr_sink_task_ops, destroy, 88),
    SIZE(mr_transform_ops, 32),
    AT(mr_transform_ops, size, 0),
    AT(mr_transform_ops, create, 8),
    AT(mr_transform_ops, apply, 16),
    AT(mr_transform_ops, destroy, 24),
    SIZE(mr_predicate_ops, 32),
    AT(mr_predicate_ops, size, 0),
    AT(mr_predicate_ops, create, 8),
    AT(mr_predicate_ops, test, 16),
    AT(mr_predicate_ops, destroy, 24),
    SIZE(mr_converter_place, 32),
    AT(mr_converter_place, size, 0),
    AT(mr_converter_place, topic, 8),
    AT(mr_converter_place, header_key, 16),
    AT(mr_converter_place, record, 24),
    SIZE(mr_converter_ops, 48),
    AT(mr_converter_ops, size, 0),
    AT(mr_converter_ops, create, 8),
    AT(mr_converter_ops, from_connect, 16),
    AT(mr_converter_ops, to_connect, 24),
    AT(mr_converter_ops, destroy, 32),
    AT(mr_converter_ops, null_schema, 40),
    SIZE(mr_config_provider_ops, 48),
    AT(mr_config_provider_ops, size, 0),
    AT(mr_config_provider_ops, create, 8),
    AT(mr_config_provider_ops, get, 16),
    AT(mr_config_provider_ops, subscribe, 24),
    AT(mr_config_provider_ops, unsubscribe, 32),
    AT(mr_config_provider_ops, destroy, 40),
    SIZE(mr_override_request, 48),
    AT(mr_override_request, size, 0),
    AT(mr_override_request, connector_name, 8),
    AT(mr_override_request, connector_class, 16),
    AT(mr_override_request, client, 24),
    AT(mr_override_request, name, 32),
    AT(mr_override_request, value, 40),
    SIZE(mr_override_policy_ops, 32),
    AT(mr_override_policy_ops, size, 0),
    AT(mr_override_policy_ops, create, 8),
    AT(mr_override_policy_ops, check, 16),
    AT(mr_override_policy_ops, destroy, 24),
    /* since 1.1 */
    SIZE(mr_unit_health, 32),
    AT(mr_unit_health, size, 0),
    AT(mr_unit_health, task, 4),
    AT(mr_unit_health, state, 8),
    AT(mr_unit_health, worker_id, 16),
    AT(mr_unit_health, trace, 24),
    SIZE(mr_rest_extension_ops, 48),
    AT(mr_rest_extension_ops, size, 0),
    AT(mr_rest_extension_ops, create, 8),
    AT(mr_rest_extension_ops, destroy, 16),
    AT(mr_rest_extension_ops, filter, 24),
    AT(mr_rest_extension_ops, serve, 32),
    AT(mr_rest_extension_ops, prefix, 40),
};

static void tables_keep_their_layout(void **state)
{
    (void)state;
    if (sizeof(void *) != 8)
        skip();
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (places[i].frozen != places[i].now)
            fail_msg("%s was frozen as %zu and is %zu", places[i].what, places[i].frozen, places[i].now);
}

/* Enumerations cross the ABI as int32: a compiler that packs them would disagree with every plugin. */
static void enumerations_are_four_bytes(void **state)
{
    (void)state;
    assert_int_equal(4, sizeof(enum mr_plugin_kind));
    assert_int_equal(4, sizeof(enum mr_config_type));
    assert_int_equal(4, sizeof(enum mr_importance));
    assert_int_equal(4, sizeof(enum mr_error_code));
    assert_int_equal(4, sizeof(enum mr_kind));
    assert_int_equal(4, sizeof(enum mr_client_kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_keep_their_layout),
        cmocka_unit_test(enumerations_are_four_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
