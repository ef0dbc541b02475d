#include "config_room_test.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log_sink.h"
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

static void put_empty(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

/* In a folder of its own, which is the working folder meanwhile. */
static void own_files_are_known_by_whatever_name(void **state)
{
    static const struct {
        const char *path;
        bool is_own;
    } ROWS[] = {
        {"audit.jsonl", true},          {"./audit.jsonl", true},         {"../$/audit.jsonl", true},
        {".//./audit.jsonl", true},     {"door/audit.jsonl", true},      {"link-to-come", true},
        {"audit.jsonl.1", true},        {"door/audit.jsonl.2.gz", true}, {"audit.jsonl-20261122", true},
        {"audit-20261122.jsonl", true}, {"audit.1.jsonl", true},         {"link-to-former", true},
        {"audit", false},               {"auditors.jsonl", false},       {"audit.txt", false},
        {"audit.jsonlx", false},        {"inner/audit.jsonl", false},    {"inner/audit.jsonl.1", false},
        {"nowhere/audit.jsonl", false}, {"other", false},                {"loop", false},
        {"/dev/null", false},
    };
    char before[500], folder[] = "/tmp/millrace-own-XXXXXX", properties[1000], path[600];
    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(system("mkdir inner; ln -s . door; ln -s door/audit.jsonl link-to-come; ln -s audit.jsonl.1 link-to-former; "
                            "ln -s loop loop"), 0);
    snprintf(properties, sizeof(properties), MINIMAL "millrace.audit.file=%s/audit.jsonl\nssl.keystore.location=/dev/null\n", folder);
    struct worker_config *config = worker_of(properties);
    for (int is_there = 0; is_there < 2; is_there++) {
        for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
            const char *mark = strchr(ROWS[i].path, '$');
            snprintf(path, sizeof(path), "%.*s%s%s", mark == NULL ? 0 : (int)(mark - ROWS[i].path), ROWS[i].path,
                     mark == NULL ? "" : strrchr(folder, '/') + 1, mark == NULL ? ROWS[i].path : mark + 1);
            if (worker_config_owns_file(config, path) != ROWS[i].is_own)
                fail_msg("%s, %s", path, is_there ? "when they are there" : "before they are there");
        }
        put_empty("audit.jsonl");
        put_empty("audit.jsonl.1");
    }
    worker_config_destroy(config);
    assert_int_equal(chdir(before), 0);
    snprintf(path, sizeof(path), "rm -rf %s", folder);
    assert_int_equal(system(path), 0);
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

static void count_line(void *state, const struct log_line *line)
{
    atomic_int *lines = state;
    *lines += strstr(line->message, "stays as text") != NULL;
}

static void what_stays_as_text_is_warned_about_once_and_not_when_it_is_read_again(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    atomic_int lines = 0;
    static const char text[] = VAULT MINIMAL_BUT_GROUP "group.id=${nobody:db:number}\n";
    log_sink_set(&(const struct log_sink){.write = count_line, .state = &lines});
    struct worker_config *config = config_of(text, &error);
    assert_non_null(config);
    assert_int_equal(lines, 1);
    struct string_map *written = properties_of(text), *again = worker_file_resolve(written, loader, &error);
    log_sink_set(NULL);
    assert_non_null(again);
    assert_int_equal(lines, 1);
    string_map_destroy(again);
    string_map_destroy(written);
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
        cmocka_unit_test(own_files_are_known_by_whatever_name),
        cmocka_unit_test(definitions_of_providers_are_taken_as_written_and_are_resolved_for_connectors),
        cmocka_unit_test(a_file_without_providers_is_taken_as_it_is),
        cmocka_unit_test(what_stays_as_text_is_warned_about_once_and_not_when_it_is_read_again),
        cmocka_unit_test(a_secret_that_nothing_answers_refuses_the_file),
        cmocka_unit_test(a_provider_that_fails_refuses_the_file),
        cmocka_unit_test(mistakes_tell_the_reference_and_not_the_value),
        cmocka_unit_test(a_file_is_named_in_what_is_wrong_with_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
