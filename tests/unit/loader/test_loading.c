#include "loader_test.h"

#include <millrace/connector.h>
#include <millrace/predicate.h>
#include <millrace/sink_task.h>
#include <millrace/source_task.h>
#include <millrace/transform.h>

#include "support/alloc_torture.h"

static void assert_refused(const struct folder *folder, const char *plugin, const char *words)
{
    char file[256];
    snprintf(file, sizeof(file), "%s.so", plugin);
    put_plugin(folder, plugin);
    struct loader *loader = load(folder->path);
    const char *reason = refusal_of(loader, file);
    assert_non_null(reason);
    if (strstr(reason, words) == NULL)
        fail_msg("%s is refused with '%s', which lacks '%s'", file, reason, words);
    assert_int_equal(1, loader_refusal_count(loader));
    assert_int_equal(0, loader_count(loader));
    loader_destroy(loader);
}

static void an_empty_path_loads_nothing(void **state)
{
    (void)state;
    const char *const paths[] = { NULL, "", " , ," };
    for (size_t i = 0; i < 3; i++) {
        struct loader *loader = load(paths[i]);
        assert_int_equal(0, loader_count(loader));
        assert_int_equal(0, loader_refusal_count(loader));
        loader_destroy(loader);
    }
}

static void every_kind_loads_in_the_order_of_the_rest_api(void **state)
{
    static const char *const expected[] = {
        "sink org.acme.ThingSinkConnector",           "source org.acme.ThingSourceConnector",
        "transformation org.acme.ThingRouter",        "transformation org.acme.Turn$Key",
        "transformation org.acme.Turn$Value",         "predicate org.acme.IsThing",
        "converter org.acme.ThingConverter",          "header_converter org.acme.ThingConverter",
        "configprovider org.acme.SafeConfigProvider",
        "connectorclientconfigoverridepolicy org.acme.SomeConnectorClientConfigOverridePolicy",
        "rest_extension org.acme.PeekRestExtension",
    };
    put_plugin(*state, "gallery");
    struct loader *loader = load(((struct folder *)*state)->path);
    assert_int_equal(sizeof(expected) / sizeof(expected[0]), loader_count(loader));
    for (size_t i = 0; i < loader_count(loader); i++) {
        char line[256];
        const struct loader_plugin *plugin = loader_at(loader, i);
        snprintf(line, sizeof(line), "%s %s", loader_kind_name(plugin->kind), plugin->class_name);
        assert_string_equal(expected[i], line);
        assert_true(ends_with(plugin->path, "/gallery.so"));
        assert_string_equal("gallery", plugin->module_name);
        assert_non_null(plugin->doc);
        assert_non_null(plugin->config_def);
        assert_non_null(plugin->aliases);
    }
    loader_destroy(loader);
}

static void a_bad_file_is_refused_in_words(void **state)
{
    static const char *const cases[][2] = {
        { "wrong_major", "built for plugin ABI 2.0, this worker speaks 1.1" },
        { "newer_minor", "needs plugin ABI 1.2, this worker speaks 1.1; use a newer worker" },
        { "no_entry", "exports no function mr_module_v1" },
        { "refuses_to_load", "does not want to load" },
        { "null_plugin", "plugin 0: struct mr_plugin is NULL" },
        { "missing_ops", "plugin org.acme.Idle: struct mr_transform_ops lacks `apply`" },
        { "missing_task", "plugin org.acme.IdleSource: struct mr_source_task_ops lacks `poll`" },
        { "bad_size", "struct mr_transform_ops says it has 40 bytes, this worker's has 32" },
        { "duplicate_class", "plugin org.acme.Idle is in the list twice as transformation" },
        { "nameless", "plugin 0: class_name is NULL, empty" },
        { "garbage_pointer", "struct mr_transform_ops is at 0x1230, which cannot be read" },
        { "bad_kind", "there is no plugin kind 99" },
        { "bad_option", "Option batch.size is defined with a default that cannot be read: " },
        { "not_elf", "not an ELF file" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        void *folder = NULL;
        assert_int_equal(0, folder_set_up(&folder));
        assert_refused(folder, cases[i][0], cases[i][1]);
        folder_tear_down(&folder);
    }
}

static void a_bad_file_does_not_stop_its_neighbours(void **state)
{
    put_plugin_as(*state, "not_elf", "a.so");
    put_plugin_as(*state, "missing_ops", "b.so");
    put_plugin_as(*state, "gallery", "c.so");
    put_plugin_as(*state, "no_entry", "d.so");
    put_plugin_as(*state, "versioned_1_0", "e.so");
    struct loader *loader = load(((struct folder *)*state)->path);
    assert_int_equal(3, loader_refusal_count(loader));
    assert_int_equal(16, loader_count(loader));
    loader_destroy(loader);
}

static void a_file_that_was_cut_off_is_refused(void **state)
{
    static char content[4096];
    FILE *file = fopen(MR_TEST_PLUGINS "/gallery.so", "r");
    assert_non_null(file);
    size_t size = fread(content, 1, sizeof(content), file);
    fclose(file);
    put_file(*state, "cut.so", content, size);
    put_file(*state, "short.so", content, 20);
    put_file(*state, "empty.so", "", 0);
    struct loader *loader = load(((struct folder *)*state)->path);
    assert_non_null(strstr(refusal_of(loader, "/cut.so"), "cut off after 4096 bytes"));
    assert_non_null(strstr(refusal_of(loader, "/short.so"), "not an ELF file"));
    assert_non_null(strstr(refusal_of(loader, "/empty.so"), "not an ELF file"));
    loader_destroy(loader);
}

static void a_program_for_another_machine_is_refused(void **state)
{
    static char content[4096];
    FILE *file = fopen(MR_TEST_PLUGINS "/gallery.so", "r");
    assert_non_null(file);
    size_t size = fread(content, 1, sizeof(content), file);
    fclose(file);
    content[18] ^= 0x55;   /* e_machine */
    put_file(*state, "other.so", content, size);
    struct loader *loader = load(((struct folder *)*state)->path);
    assert_non_null(strstr(refusal_of(loader, "/other.so"), "another processor"));
    loader_destroy(loader);
}

static void folders_are_searched_one_level_deep_for_so_files(void **state)
{
    put_folder(*state, "vendor");
    put_folder(*state, "vendor/deeper");
    put_folder(*state, ".hidden");
    put_folder(*state, "looks-like-one.so");
    put_plugin_as(*state, "gallery", "vendor/gallery.so");
    put_plugin_as(*state, "versioned_1_0", "vendor/deeper/versioned.so");
    put_plugin_as(*state, "versioned_1_5", ".hidden/versioned.so");
    put_plugin_as(*state, "versioned_2_0", "versioned.so.1");
    put_file(*state, "thing.jar", "PK", 2);
    struct loader *loader = load(((struct folder *)*state)->path);
    assert_int_equal(11, loader_count(loader));
    assert_int_equal(0, loader_refusal_count(loader));
    loader_destroy(loader);
}

static void the_path_names_folders_and_files(void **state)
{
    char path[3 * PATH_MAX];
    const struct folder *folder = *state;
    put_folder(folder, "one");
    put_plugin_as(folder, "versioned_1_0", "one/versioned.so");
    snprintf(path, sizeof(path), " %s/one , %s/versioned_2_0.so,, /nowhere/at/all", folder->path, MR_TEST_PLUGINS);
    struct loader *loader = load(path);
    assert_int_equal(10, loader_count(loader));
    assert_int_equal(0, loader_refusal_count(loader)); /* a place that is not there is no bad file */
    assert_int_equal(1, loader_gap_count(loader));
    assert_string_equal("/nowhere/at/all", loader_gap_path(loader, 0));
    assert_string_equal("No such file or directory", loader_gap_reason(loader, 0));
    loader_destroy(loader);
}

static void a_file_under_two_paths_is_loaded_once(void **state)
{
    put_plugin_as(*state, "gallery", "a.so");
    put_plugin_as(*state, "gallery", "b.so");
    struct loader *loader = load(((struct folder *)*state)->path);
    assert_int_equal(11, loader_count(loader));
    assert_int_equal(0, loader_refusal_count(loader));
    loader_destroy(loader);
}

/* A copy is another file: its plugins are known already. */
static void the_first_of_two_equal_plugins_wins(void **state)
{
    char command[3 * PATH_MAX];
    const struct folder *folder = *state;
    put_plugin_as(folder, "versioned_1_0", "a.so");
    snprintf(command, sizeof(command), "cp '%s/versioned_1_0.so' '%s/b.so'", MR_TEST_PLUGINS, folder->path);
    assert_int_equal(0, system(command));
    struct loader *loader = load(folder->path);
    assert_int_equal(5, loader_count(loader));
    assert_true(ends_with(loader_at(loader, 0)->path, "/a.so"));
    assert_non_null(strstr(refusal_of(loader, "/b.so"), "sink org.acme.VersionedSinkConnector 1.0 is provided by "));
    loader_destroy(loader);
}

static void members_past_an_older_table_are_null(void **state)
{
    put_plugin(*state, "older_tables");
    struct loader *loader = load(((struct folder *)*state)->path);
    assert_int_equal(1, loader_count(loader));
    const struct mr_source_connector_ops *ops = loader_at(loader, 0)->source;
    assert_int_equal(sizeof(*ops), ops->size);
    assert_non_null(ops->task_configs);
    assert_null(ops->exactly_once_support);
    assert_null(ops->can_define_transaction_boundaries);
    assert_int_equal(sizeof(*ops->task), ops->task->size);
    assert_non_null(ops->task->poll);
    assert_null(ops->task->commit_record);
    loader_destroy(loader);
}

static void options_are_copied_at_full_width(void **state)
{
    put_plugin(*state, "gallery");
    struct loader *loader = load(((struct folder *)*state)->path);
    const struct mr_config_def *def = loader_at(loader, 1)->config_def;
    assert_int_equal(4, def->count);
    assert_int_equal(sizeof(struct mr_config_row), def->row_size);
    assert_string_equal("path", def->rows[0].name);
    assert_ptr_equal(MR_REQUIRED, def->rows[0].default_text);
    assert_string_equal("", def->rows[2].doc);
    assert_true(def->rows[3].is_internal);
    assert_int_equal(0, loader_at(loader, 0)->config_def->count);
    loader_destroy(loader);
}

static bool load_and_destroy(void *plugin_path)
{
    struct mr_error *error = NULL;
    struct loader *loader =
        loader_create(&(struct loader_setup){ .plugin_path = plugin_path, .host = loader_host() }, &error);
    assert_true((loader != NULL) == (error == NULL));
    assert_true(error == NULL || mr_error_code(error) == MR_ERR_NO_MEMORY);
    mr_error_drop(error);
    loader_destroy(loader);
    return loader != NULL;
}

static void a_plugin_with_names_of_ours_keeps_calling_its_own(void **state)
{
    put_plugin(*state, "own_names");
    struct loader *loader = load(((struct folder *)*state)->path);
    assert_int_equal(1, loader_count(loader));
    const struct mr_predicate_ops *ops = loader_at(loader, 0)->predicate;
    bool holds = false;
    assert_int_equal(0, ops->test(ops->create(NULL, NULL), NULL, &holds, NULL));
    assert_true(holds);
    loader_destroy(loader);
}

static void a_creation_without_memory_fails_and_leaves_nothing(void **state)
{
    char path[PATH_MAX + 32];
    put_plugin(*state, "gallery");
    put_plugin(*state, "missing_ops");
    put_plugin(*state, "not_elf");
    snprintf(path, sizeof(path), "%s,/nowhere", ((struct folder *)*state)->path);
    assert_true(load_and_destroy(path));   /* the loggers are made once and stay */
    alloc_torture(load_and_destroy, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_path_loads_nothing),
        test_in_folder(every_kind_loads_in_the_order_of_the_rest_api),
        cmocka_unit_test(a_bad_file_is_refused_in_words),
        test_in_folder(a_bad_file_does_not_stop_its_neighbours),
        test_in_folder(a_file_that_was_cut_off_is_refused),
        test_in_folder(a_program_for_another_machine_is_refused),
        test_in_folder(folders_are_searched_one_level_deep_for_so_files),
        test_in_folder(the_path_names_folders_and_files),
        test_in_folder(a_file_under_two_paths_is_loaded_once),
        test_in_folder(the_first_of_two_equal_plugins_wins),
        test_in_folder(members_past_an_older_table_are_null),
        test_in_folder(options_are_copied_at_full_width),
        test_in_folder(a_plugin_with_names_of_ours_keeps_calling_its_own),
        test_in_folder(a_creation_without_memory_fails_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
