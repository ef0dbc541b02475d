/* sasl.jaas.config: what is understood, what is refused, and that no message repeats a value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "kafka/jaas_internal.h"

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
        struct mr_error *error = NULL;
        if (jaas_parse(&entry, good[i].text, &error) != 0)
            fail_msg("%s: %s", good[i].text, mr_error_message(error));
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
        struct mr_error *error = NULL;
        if (jaas_parse(&entry, refused[i].text, &error) == 0)
            fail_msg("understood: %s", refused[i].text);
        assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
        if (strstr(mr_error_message(error), refused[i].says) == NULL)
            fail_msg("%s: %s", refused[i].text, mr_error_message(error));
        assert_null(strstr(mr_error_message(error), "hidden"));
        assert_null(entry.module);
        mr_error_drop(error);
    }
}

static void module_names_are_cut_to_their_last_part(void **state)
{
    (void)state;
    struct jaas_entry entry;
    assert_int_equal(jaas_parse(&entry, PLAIN ";", NULL), 0);
    assert_string_equal(jaas_entry_module_name(&entry), "PlainLoginModule");
    jaas_entry_release(&entry);
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    for (int64_t successes = 0;; successes++) {
        struct jaas_entry entry;
        mem_watch_start(successes);
        int status = jaas_parse(&entry, good[0].text, NULL);
        if (status == 0)
            jaas_entry_release(&entry);
        assert_int_equal(mem_live(), 0);
        mem_watch_stop();
        if (status == 0)
            return;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts_are_understood),
        cmocka_unit_test(bad_texts_are_refused_without_repeating_values),
        cmocka_unit_test(module_names_are_cut_to_their_last_part),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
