#include "config_room_test.h"

#include <stdatomic.h>

#include <millrace/config_provider.h>

#include "base/plugin_call.h"
#include "config/reference_internal.h"
#include "config/variables.h"
#include "support/alloc_torture.h"

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

static struct variables *variables_of(const char *text)
{
    struct mr_error *error = NULL;
    struct string_map *properties = properties_of(text);
    struct variables *variables = variables_create(loader, properties, &error);
    if (variables == NULL)
        fail_msg("%s", mr_error_message(error));
    string_map_destroy(properties);
    return variables;
}

static void references_are_found_as_kafka_finds_them(void **state)
{
    (void)state;
    static const struct {
        const char *text, *provider, *path, *key; /* provider NULL: none */
    } cases[] = {
        {"${a:b:c}", "a", "b", "c"},
        {"${a:c}", "a", "", "c"},
        {"x${a:b:c:d}y", "a", "b", "c:d"},
        {"${a::c}", "a", "", "c"},
        {"${a:/etc/x.properties:k}", "a", "/etc/x.properties", "k"},
        {"${}", NULL, NULL, NULL},
        {"${a}", NULL, NULL, NULL},
        {"${a:b", NULL, NULL, NULL},
        {"$a:b}", NULL, NULL, NULL},
        {"${a} ${b:c}", "b", "", "c"},
        {"${x${a:b}", "x${a", "", "b"},
        {"", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reference found;
        bool is_found = reference_find(cases[i].text, &found);
        assert_int_equal(is_found, cases[i].provider != NULL);
        assert_int_equal(variables_has_reference(cases[i].text), is_found);
        if (!is_found)
            continue;
        assert_int_equal(found.provider.length, strlen(cases[i].provider));
        assert_memory_equal(found.provider.at, cases[i].provider, found.provider.length);
        assert_int_equal(found.path.length, strlen(cases[i].path));
        assert_memory_equal(found.path.at, cases[i].path, found.path.length);
        assert_int_equal(found.key.length, strlen(cases[i].key));
        assert_memory_equal(found.key.at, cases[i].key, found.key.length);
    }
    assert_false(variables_has_reference(NULL));
}

/* As a report of a crash would name it. */
static void assert_last_call(const char *call)
{
    assert_null(plugin_call_now.plugin);
    assert_non_null(plugin_call_last.plugin);
    assert_string_equal(plugin_call_last.name, call);
    assert_non_null(strstr(plugin_call_last.plugin->class_name, "SecretConfigProvider"));
}

static void ignore_change(void *argument)
{
    (void)argument;
}

static void every_call_into_a_provider_is_noted(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    struct variables *variables = variables_of(VAULT);
    assert_last_call("create");
    struct string_map *map = properties_of("one=${vault:db:password}\n");
    string_map_destroy(variables_resolve(variables, map, NULL, &error));
    assert_last_call("get");
    struct variables_watch *watch = variables_watch_start(variables, map, ignore_change, NULL, &error);
    assert_non_null(watch);
    assert_last_call("subscribe");
    variables_watch_stop(watch);
    assert_last_call("unsubscribe");
    variables_destroy(variables);
    assert_last_call("destroy");
    string_map_destroy(map);
}

static void references_become_values_and_all_else_stays_text(void **state)
{
    (void)state;
    struct variables *variables = variables_of(VAULT);
    struct string_map *map = properties_of("plain=x\none=${vault:db:password}\n"
                                           "two=<${vault:db:number}|${vault:mail:password}>\n"
                                           "absent=${vault:db:nothing}\nunknown=${safe:db:password}\nno=${vault}\n");
    struct mr_error *error = NULL;
    int64_t ttl_ms = 7;
    struct string_map *resolved = variables_resolve(variables, map, &ttl_ms, &error);
    assert_non_null(resolved);
    assert_string_equal(string_map_get(resolved, "plain"), "x");
    assert_string_equal(string_map_get(resolved, "one"), "s3cr3t-of-db");
    assert_string_equal(string_map_get(resolved, "two"), "<42|s3cr3t-of-mail>");
    assert_string_equal(string_map_get(resolved, "absent"), "${vault:db:nothing}");
    assert_string_equal(string_map_get(resolved, "unknown"), "${safe:db:password}");
    assert_string_equal(string_map_get(resolved, "no"), "${vault}");
    assert_int_equal(ttl_ms, MR_TTL_NONE);
    assert_true(variables_put_back(map, resolved));
    assert_true(string_map_equals(map, resolved));
    string_map_destroy(resolved);
    string_map_destroy(map);
    variables_destroy(variables);
}

static void without_providers_a_map_is_copied(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    struct string_map *map = properties_of("one=${vault:db:password}\n");
    struct string_map *resolved = variables_resolve(NULL, map, NULL, &error);
    assert_true(string_map_equals(map, resolved));
    string_map_destroy(resolved);
    string_map_destroy(map);
}

static void the_shortest_time_to_live_counts(void **state)
{
    (void)state;
    struct variables *variables =
        variables_of("config.providers=slow,fast\nconfig.providers.slow.class=org.acme.SecretConfigProvider\n"
                     "config.providers.slow.param.ttl.ms=9000\nconfig.providers.fast.param.ttl.ms=10\n"
                     "config.providers.fast.class=Secret\nconfig.providers.fast.param.word=abc\n");
    struct string_map *map = properties_of("a=${slow:x:password}\nb=${fast:x:password}\n");
    struct mr_error *error = NULL;
    int64_t ttl_ms = 0;
    struct string_map *resolved = variables_resolve(variables, map, &ttl_ms, &error);
    assert_string_equal(string_map_get(resolved, "b"), "abc-of-x");
    assert_int_equal(ttl_ms, 10);
    string_map_destroy(resolved);
    string_map_destroy(map);
    variables_destroy(variables);
}

static void a_provider_that_fails_is_named_and_no_value_is(void **state)
{
    (void)state;
    struct variables *variables = variables_of(VAULT);
    struct string_map *map = properties_of("a=${vault:db:password}\nb=${vault:broken:password}\n");
    struct mr_error *error = NULL;
    assert_null(variables_resolve(variables, map, NULL, &error));
    assert_string_equal(mr_error_message(error),
                        "Config provider vault could not resolve path 'broken': the vault is sealed");
    mr_error_drop(error);
    string_map_destroy(map);
    variables_destroy(variables);
}

static void providers_that_cannot_start_are_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"config.providers=a\n", "config.providers names a, but config.providers.a.class is missing"},
        {"config.providers=a\nconfig.providers.a.class=Vault\n", "config.providers.a.class: there is no configprovider Vault"},
        {VAULT "config.providers.vault.param.ttl.ms=soon\n",
         "Invalid value soon for configuration config.providers.vault.param.ttl.ms: Not a number of type LONG"},
        {VAULT "config.providers.vault.param.word=refused\n",
         "config.providers.vault.class: that word is not accepted"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mr_error *error = NULL;
        struct string_map *properties = properties_of(cases[i].text);
        assert_null(variables_create(loader, properties, &error));
        assert_contains(mr_error_message(error), cases[i].words);
        assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
        mr_error_drop(error);
        string_map_destroy(properties);
    }
}

struct attempt {
    struct variables *variables;
    struct string_map *map, *other;
};

static struct string_map *resolved_of(struct variables *variables, const struct string_map *raw)
{
    struct mr_error *error = NULL;
    struct string_map *resolved = variables_resolve(variables, raw, NULL, &error);
    assert_non_null(resolved);
    return resolved;
}

static void words_tell_references_in_place_of_values(void **state)
{
    (void)state;
    static const struct {
        const char *words, *hidden;
    } cases[] = {
        {"no such user as s3cr3t-of-db here", "no such user as ${vault:db:password} here"},
        {"Invalid value 42 for configuration port: too low, 42", "Invalid value ${vault:db:number} for configuration port: too low, 42"},
        {"42 tries", "42 tries"},
        {"plain stays", "plain stays"},
    };
    struct variables *variables = variables_of(VAULT);
    struct string_map *raw = properties_of("a=${vault:db:password}\nport=${vault:db:number}\nb=plain\n");
    struct string_map *resolved = resolved_of(variables, raw);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *hidden = variables_hide(raw, resolved, cases[i].words);
        assert_string_equal(hidden, cases[i].hidden);
        mem_free(hidden);
    }
    struct mr_error *error = NULL;
    mr_error_set(&error, MR_ERR_RETRIABLE, "login s3cr3t-of-db refused");
    mr_error_wrap(&error, "no connection");
    variables_hide_error(raw, resolved, &error);
    assert_string_equal(mr_error_message(error), "no connection");
    assert_string_equal(mr_error_message(mr_error_cause(error)), "login ${vault:db:password} refused");
    assert_int_equal(mr_error_code(error), MR_ERR_RETRIABLE);
    mr_error_drop(error);
    string_map_destroy(resolved);
    string_map_destroy(raw);
    variables_destroy(variables);
}

static void what_was_made_of_a_value_refers_to_it_again(void **state)
{
    (void)state;
    struct variables *variables = variables_of(VAULT);
    struct string_map *raw = properties_of("a=${vault:db:password}\nport=${vault:db:number}\nb=plain text\n");
    struct string_map *resolved = resolved_of(variables, raw);
    struct string_map *made = properties_of("url=db://x:s3cr3t-of-db@h:42/s3cr3t-of-db\nb=plain text\nc=s3cr3t-of-nothing\nn=42\n");
    assert_true(string_map_put_null(made, "null"));
    assert_true(variables_put_back_within(raw, resolved, made));
    assert_string_equal(string_map_get(made, "url"), "db://x:${vault:db:password}@h:42/${vault:db:password}");
    assert_string_equal(string_map_get(made, "b"), "plain text");
    assert_string_equal(string_map_get(made, "c"), "s3cr3t-of-nothing");
    assert_string_equal(string_map_get(made, "n"), "42");
    struct string_map *again = resolved_of(variables, made);
    assert_string_equal(string_map_get(again, "url"), "db://x:s3cr3t-of-db@h:42/s3cr3t-of-db");
    string_map_destroy(again);
    string_map_destroy(made);
    string_map_destroy(resolved);
    string_map_destroy(raw);
    variables_destroy(variables);
}

static void a_print_tells_other_values_and_missing_ones(void **state)
{
    (void)state;
    struct variables *one = variables_of(VAULT), *other = variables_of(VAULT "config.providers.vault.param.word=new\n");
    struct string_map *raw = properties_of("a=x ${vault:db:password}\nb=plain\nc=${vault:db:none} ${safe:x:y}\n");
    struct string_map *first = resolved_of(one, raw), *again = resolved_of(one, raw), *changed = resolved_of(other, raw);
    struct variables_print print = variables_print(raw, first);
    assert_int_equal(print.missing, 2);
    assert_true(print.values == variables_print(raw, again).values);
    assert_true(print.values != variables_print(raw, changed).values);
    string_map_destroy(first);
    string_map_destroy(again);
    string_map_destroy(changed);
    string_map_destroy(raw);
    variables_destroy(one);
    variables_destroy(other);
}

static bool hide_error(void *argument)
{
    struct attempt *attempt = argument;
    struct mr_error *error = NULL;
    mr_error_set(&error, MR_ERR_CONFIG, "wrong: s3cr3t");
    mr_error_wrap(&error, "outer s3cr3t");
    variables_hide_error(attempt->map, attempt->other, &error);
    bool worked = error != NULL && strcmp(mr_error_message(error), "outer ${vault:db:password}") == 0;
    for (const struct mr_error *at = error; at != NULL; at = mr_error_cause(at))
        assert_lacks(mr_error_message(at), "s3cr3t");
    mr_error_drop(error);
    return worked;
}

static void without_memory_nothing_is_told_either(void **state)
{
    (void)state;
    struct attempt attempt = {NULL, properties_of("a=${vault:db:password}\n"), properties_of("a=s3cr3t\n")};
    alloc_torture(hide_error, &attempt);
    string_map_destroy(attempt.map);
    string_map_destroy(attempt.other);
}

static void count_up(void *argument)
{
    atomic_fetch_add((atomic_int *)argument, 1);
}

static void touch(struct variables *variables, const char *reference)
{
    struct mr_error *error = NULL;
    struct string_map *map = string_map_create();
    assert_true(string_map_put(map, "a", reference));
    string_map_destroy(variables_resolve(variables, map, NULL, &error));
    string_map_destroy(map);
}

static void a_watch_tells_of_changes_until_it_is_stopped(void **state)
{
    (void)state;
    struct variables *variables = variables_of(VAULT);
    struct string_map *map = properties_of("a=${vault:db:password}\nb=${vault:db:number}\nc=${safe:db:x}\n");
    struct mr_error *error = NULL;
    atomic_int changes = 0;
    struct variables_watch *watch = variables_watch_start(variables, map, count_up, &changes, &error);
    assert_non_null(watch);
    touch(variables, "${vault:db:touch}");
    assert_int_equal(changes, 1);
    touch(variables, "${vault:other:touch}");
    assert_int_equal(changes, 1);
    variables_watch_stop(watch);
    touch(variables, "${vault:db:touch}");
    assert_int_equal(changes, 1);
    string_map_destroy(map);
    variables_destroy(variables);
}

static void a_provider_that_cannot_tell_of_changes_fails_the_watch(void **state)
{
    (void)state;
    struct variables *variables = variables_of(VAULT);
    struct string_map *map = properties_of("a=${vault:db:password}\nb=${vault:deaf:number}\n");
    struct mr_error *error = NULL;
    atomic_int changes = 0;
    assert_null(variables_watch_start(variables, map, count_up, &changes, &error));
    assert_contains(mr_error_message(error), "cannot tell of changes of path 'deaf': no more subscriptions");
    mr_error_drop(error);
    touch(variables, "${vault:db:touch}");
    assert_int_equal(changes, 0);
    string_map_destroy(map);
    variables_destroy(variables);
}

static bool resolve_and_destroy(void *argument)
{
    struct attempt *attempt = argument;
    struct mr_error *error = NULL;
    struct string_map *resolved = variables_resolve(attempt->variables, attempt->map, NULL, &error);
    bool worked = resolved != NULL;
    assert_int_equal(worked, error == NULL);
    string_map_destroy(resolved);
    mr_error_drop(error);
    return worked;
}

static void memory_may_run_short_anywhere(void **state)
{
    (void)state;
    struct attempt attempt = {variables_of(VAULT), properties_of("a=${vault:db:password}\nb=${vault:x:number}\n"), NULL};
    alloc_torture(resolve_and_destroy, &attempt);
    string_map_destroy(attempt.map);
    variables_destroy(attempt.variables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_are_found_as_kafka_finds_them),
        cmocka_unit_test(every_call_into_a_provider_is_noted),
        cmocka_unit_test(references_become_values_and_all_else_stays_text),
        cmocka_unit_test(without_providers_a_map_is_copied),
        cmocka_unit_test(the_shortest_time_to_live_counts),
        cmocka_unit_test(a_provider_that_fails_is_named_and_no_value_is),
        cmocka_unit_test(providers_that_cannot_start_are_refused_in_words),
        cmocka_unit_test(words_tell_references_in_place_of_values),
        cmocka_unit_test(what_was_made_of_a_value_refers_to_it_again),
        cmocka_unit_test(a_print_tells_other_values_and_missing_ones),
        cmocka_unit_test(without_memory_nothing_is_told_either),
        cmocka_unit_test(a_watch_tells_of_changes_until_it_is_stopped),
        cmocka_unit_test(a_provider_that_cannot_tell_of_changes_fails_the_watch),
        cmocka_unit_test(memory_may_run_short_anywhere),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
