#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/log_sink.h"
#include "base/utf8.h"
#include "logging/line_json.h"

static char text[LINE_JSON_MAX + 1];

static const char *written(const struct log_line *line, uint64_t left_out)
{
    size_t length = line_json_format(line, "host:1", left_out, text, LINE_JSON_MAX);
    assert_true(length > 0 && length <= LINE_JSON_MAX);
    assert_int_equal(text[length - 1], '\n');
    text[length] = '\0';
    return text;
}

static struct log_line line_of(const char *message)
{
    return (struct log_line){.level = LOG_LEVEL_WARN, .logger = "a.b", .context = "", .message = message,
                             .message_length = strlen(message), .wall_ms = 1769860800123};
}

static void a_line_has_what_is_known_of_it(void **state)
{
    (void)state;
    struct log_line line = line_of("two\nlines, \"quoted\" \\ and \x1b[31m \xC2\x9B");
    assert_string_equal(written(&line, 0),
                        "{\"time\":\"2026-01-31T12:00:00.123Z\",\"level\":\"WARN\",\"logger\":\"a.b\",\"worker\":\"host:1\",\"message\":"
                        "\"two\\nlines, \\\"quoted\\\" \\\\ and \\u001b[31m \\u009b\"}\n");
    struct log_context frame = {.connector = "my \"sink\"", .task = 3, .stage = "TASK_PUT"};
    const struct plugin_name plugin = {"com.acme.Sink", "x.so"};
    const struct plugin_call call = {&plugin, "put"};
    line = line_of("m");
    line.frame = &frame;
    line.call = &call;
    assert_string_equal(written(&line, 12),
                        "{\"time\":\"2026-01-31T12:00:00.123Z\",\"level\":\"WARN\",\"logger\":\"a.b\",\"worker\":\"host:1\",\"connector\":"
                        "\"my \\\"sink\\\"\",\"task\":3,\"stage\":\"TASK_PUT\",\"plugin\":\"com.acme.Sink\",\"call\":\"put\",\"message\":\"m\","
                        "\"left_out\":12}\n");
    frame.task = -1;
    assert_null(strstr(written(&line, 0), "\"task\""));
}

static void bytes_that_are_no_text_become_text(void **state)
{
    (void)state;
    struct log_line line = line_of("a\xFF\xC3z");
    assert_non_null(strstr(written(&line, 0), "\"message\":\"a\xEF\xBF\xBD\xEF\xBF\xBDz\"}"));
}

static void what_does_not_fit_is_cut_and_the_object_stays_whole(void **state)
{
    char message[LOG_LINE_MAX + 1], name[3000];
    (void)state;
    memset(message, 1, sizeof(message));
    message[LOG_LINE_MAX] = '\0';
    memset(name, 1, sizeof(name));
    name[sizeof(name) - 1] = '\0';
    struct log_line line = line_of(message);
    const struct log_context frame = {.connector = name, .task = 1, .stage = name};
    const struct plugin_name plugin = {name, name};
    const struct plugin_call call = {&plugin, name};
    static const char END[] = "\xE2\x80\xA6\",\"left_out\":18446744073709551615}\n";
    written(&line, UINT64_MAX);
    assert_string_equal(text + strlen(text) - strlen(END), END);
    line.frame = &frame;
    line.call = &call;
    line.logger = name;
    for (size_t size = 4096; size < 4200; size++) {
        size_t length = line_json_format(&line, name, UINT64_MAX, text, size);
        assert_true(length <= size);
        text[length] = '\0';
        assert_string_equal(text + length - strlen(END), END);
        assert_true(utf8_valid(text, length));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_what_is_known_of_it),
        cmocka_unit_test(bytes_that_are_no_text_become_text),
        cmocka_unit_test(what_does_not_fit_is_cut_and_the_object_stays_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
