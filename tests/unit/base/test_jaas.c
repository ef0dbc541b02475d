/* JAAS entries and files: what is understood, what is refused, and that no message repeats a value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/jaas.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "support/alloc_torture.h"

#define PLAIN "org.apache.kafka.common.security.plain.PlainLoginModule required "

static const struct good {
    const char *text;
    const char *key;
    const char *value;
    size_t options;
} good[] = {
    {PLAIN "username=\"alice\" password=\"secret\";", "password", "secret", 2},
    {PLAIN "username='alice' password='a \"b\"';", "password", "a \"b\"", 2},
    {PLAIN "username=alice password=secret;", "username", "alice", 2},
    {PLAIN "username=\"$ConnectionString\" password=\"Endpoint=sb://x/;SharedAccessKey=a+/b=\";", "password",
     "Endpoint=sb://x/;SharedAccessKey=a+/b=", 2},
    {PLAIN "password=\"a\\\"b\\\\c\\td\\101\";", "password", "a\"b\\c\tdA", 1},
    {PLAIN "password=\"\\$x\";", "password", "$x", 1},
    {PLAIN "password=\"\";", "password", "", 1},
    {PLAIN "password=123;", "password", "123", 1},
    {PLAIN "password=abc==;", "password", "abc==", 1},
    {PLAIN "a = \"1\"\n  b\t=\r\n\"2\" ;  ", "b", "2", 2},
    {PLAIN "a=1 a=2;", "a", "2", 1},
    {PLAIN "// a comment ; \n a=1 /* another; */ ;", "a", "1", 1},
    {PLAIN "serviceName=\"a//b/*c*/\";", "serviceName", "a//b/*c*/", 1},
    {"x.Module REQUIRED;", "a", NULL, 0},
    {"x.Module Optional a=\"f\xc3\xa9\";", "a", "f\xc3\xa9", 1},
};

static void good_texts_are_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct jaas_entry entry;
        char why[300] = "";
        if (!jaas_parse(&entry, good[i].text, why, sizeof why))
            fail_msg("%s: %s", good[i].text, why);
        assert_int_equal(string_map_count(entry.options), good[i].options);
        if (good[i].value != NULL)
            assert_string_equal(string_map_get(entry.options, good[i].key), good[i].value);
        jaas_entry_release(&entry);
    }
}

static const struct refused {
    const char *text;
    const char *says;
} refused[] = {
    {"", "no login module"},
    {"   ", "no login module"},
    {"; required", "no login module"},
    {"x.Module", "not followed by"},
    {"x.Module maybe a=hidden;", "not followed by"},
    {"x.Module required password=\"hidden\"", "semicolon"},
    {"x.Module required password=\"hidden", "not closed"},
    {"x.Module required password=\"hidden\n\";", "not closed"},
    {"x.Module required password=\"hidden\\", "not closed"},
    {"x.Module required password \"hidden\";", "option password has no value"},
    {"x.Module required password=;", "option password has no value"},
    {"x.Module required password=", "option password has no value"},
    {"x.Module required =\"hidden\";", "no name"},
    {"x.Module required password=\"ok\" \"hidden 1\";", "has no value"},
    {"x.Module required a=\"hidden\"; y.Module required b=\"hidden\";", "exactly one"},
    {"x.Module required a=\"hidden\"; ;", "exactly one"},
    {"x.Module required /* hidden", "comment"},
    {"x.Module required a=\"hidden\\0\";", "NUL"},
};

static void bad_texts_are_refused_without_repeating_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct jaas_entry entry;
        char why[300] = "";
        if (jaas_parse(&entry, refused[i].text, why, sizeof why))
            fail_msg("understood: %s", refused[i].text);
        if (strstr(why, refused[i].says) == NULL)
            fail_msg("%s: %s", refused[i].text, why);
        assert_null(strstr(why, "hidden"));
        assert_null(entry.module);
    }
}

static void module_names_are_cut_to_their_last_part(void **state)
{
    (void)state;
    struct jaas_entry entry;
    char why[300];
    assert_true(jaas_parse(&entry, PLAIN ";", why, sizeof why));
    assert_string_equal(jaas_entry_module_name(&entry), "PlainLoginModule");
    jaas_entry_release(&entry);
}

#define FILE_TEXT \
    "// for the brokers\nKafkaClient { " PLAIN "username=\"u\" password=\"hidden\"; };\n" \
    "KafkaConnect{\n  a.b.PropertyFileLoginModule required\n  file=\"/etc/{x}/logins\";\n};\n"

static void the_entry_of_a_context_is_found_in_a_file(void **state)
{
    (void)state;
    struct jaas_entry entry;
    char why[300] = "";
    if (!jaas_parse_file(&entry, FILE_TEXT, "KafkaConnect", why, sizeof why))
        fail_msg("%s", why);
    assert_string_equal(entry.module, "a.b.PropertyFileLoginModule");
    assert_string_equal(string_map_get(entry.options, "file"), "/etc/{x}/logins");
    jaas_entry_release(&entry);
    assert_false(jaas_parse_file(&entry, FILE_TEXT, "Other", why, sizeof why));
    assert_non_null(strstr(why, "no context Other"));
}

static void a_bad_file_is_refused_with_its_line(void **state)
{
    static const struct refused bad[] = {
        {"", "no context KafkaConnect"},
        {"KafkaConnect", "followed by {"},
        {"KafkaConnect { };", "exactly one"},
        {"KafkaConnect { m required; n required; };", "exactly one"},
        {"KafkaConnect { m required; };\nKafkaConnect { m required; };", "line 2: there must be exactly one"},
        {"KafkaConnect {\n m required\n a=hidden };", "line 3"},
        {"KafkaConnect {\n m required;\n}", "line 3: a context does not end"},
        {"KafkaConnect {\n m required a { b;\n};", "line 2: an option has no value"},
        {"{ m required; };", "no context is named"},
        {"KafkaConnect { m required; }; \"hidden", "not closed"},
        {"KafkaConnect { } };", "does not end"},
        {"Other { m required b=\"hidden\" = ; };", "no name"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct jaas_entry entry;
        char why[300] = "";
        if (jaas_parse_file(&entry, bad[i].text, "KafkaConnect", why, sizeof why))
            fail_msg("understood: %s", bad[i].text);
        if (strstr(why, bad[i].says) == NULL || strstr(why, "hidden") != NULL)
            fail_msg("%s: %s", bad[i].text, why);
        assert_null(entry.module);
    }
}

static bool parse_both(void *argument)
{
    struct jaas_entry entry;
    char why[300] = "";
    (void)argument;
    if (!jaas_parse(&entry, good[0].text, why, sizeof why)) {
        assert_string_equal(why, JAAS_NO_MEMORY);
        return false;
    }
    jaas_entry_release(&entry);
    if (!jaas_parse_file(&entry, FILE_TEXT, "KafkaConnect", why, sizeof why)) {
        assert_string_equal(why, JAAS_NO_MEMORY);
        return false;
    }
    jaas_entry_release(&entry);
    return true;
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    alloc_torture(parse_both, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts_are_understood),
        cmocka_unit_test(bad_texts_are_refused_without_repeating_values),
        cmocka_unit_test(module_names_are_cut_to_their_last_part),
        cmocka_unit_test(the_entry_of_a_context_is_found_in_a_file),
        cmocka_unit_test(a_bad_file_is_refused_with_its_line),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
