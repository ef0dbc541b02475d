#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/log_sink.h"
#include "logging/repeats.h"

#define MAX 3
#define WINDOW_MS 1000

static struct log_line line_of(enum log_level level, const char *context, const char *message)
{
    return (struct log_line){.level = level, .logger = "a", .context = context, .message = message, .message_length = strlen(message)};
}

static bool takes(struct repeats *repeats, const char *message, int64_t now_ms, uint64_t *left_out)
{
    struct log_line line = line_of(LOG_LEVEL_ERROR, "", message);
    return repeats_takes(repeats, &line, now_ms, left_out);
}

static void of_many_alike_some_are_written_and_the_rest_is_counted(void **state)
{
    struct repeats *repeats = repeats_create(MAX, WINDOW_MS);
    char message[64];
    uint64_t left_out;
    (void)state;
    for (int i = 0; i < 10; i++) {
        snprintf(message, sizeof(message), "offset %d of t-1 is bad", i * 123);
        assert_int_equal(takes(repeats, message, 5000, &left_out), i < MAX);
        assert_int_equal(left_out, 0);
    }
    assert_true(takes(repeats, "offset of t-1 is bad", 5000, &left_out)); /* of another kind */
    assert_true(takes(repeats, "offset 1 of t-1 is bad", 5000 + WINDOW_MS, &left_out));
    assert_int_equal(left_out, 10 - MAX);
    assert_int_equal(repeats_left_out(repeats), 10 - MAX);
    assert_false(repeats_pending(repeats));
    repeats_destroy(repeats);
}

static void levels_and_contexts_make_kinds_and_debug_is_never_left_out(void **state)
{
    struct repeats *repeats = repeats_create(1, WINDOW_MS);
    uint64_t left_out;
    (void)state;
    struct log_line lines[] = {line_of(LOG_LEVEL_ERROR, "", "m"), line_of(LOG_LEVEL_WARN, "", "m"),
                               line_of(LOG_LEVEL_ERROR, "[a|task-0]", "m"), line_of(LOG_LEVEL_ERROR, "[a|task-1]", "m")};
    for (size_t i = 0; i < 4; i++) {
        assert_true(repeats_takes(repeats, &lines[i], 0, &left_out));
        assert_false(repeats_takes(repeats, &lines[i], 0, &left_out));
    }
    struct log_line debug = line_of(LOG_LEVEL_DEBUG, "", "m"), fatal = line_of(LOG_LEVEL_FATAL, "", "m");
    for (int i = 0; i < 5; i++) {
        assert_true(repeats_takes(repeats, &debug, 0, &left_out));
        assert_true(repeats_takes(repeats, &fatal, 0, &left_out));
    }
    repeats_set(repeats, 0, WINDOW_MS);
    assert_true(repeats_takes(repeats, &lines[0], 0, &left_out));
    repeats_destroy(repeats);
}

static void a_number_in_a_name_makes_a_kind(void **state)
{
    struct repeats *repeats = repeats_create(1, WINDOW_MS);
    char message[64];
    uint64_t left_out;
    (void)state;
    for (int i = 0; i < 50; i++) {
        snprintf(message, sizeof(message), "connector in-%d is RUNNING", i);
        assert_true(takes(repeats, message, 0, &left_out));
    }
    assert_true(takes(repeats, "{partition=3, offset=12}", 0, &left_out));
    assert_false(takes(repeats, "{partition=4, offset=1}", 0, &left_out));
    repeats_destroy(repeats);
}

struct told {
    int count;
    uint64_t left_out;
    char message[100], context[100], connector[100];
    int task;
};

static void tell(void *argument, const struct log_line *sample, uint64_t left_out)
{
    struct told *told = argument;
    told->count++;
    told->left_out = left_out;
    snprintf(told->message, sizeof(told->message), "%.*s", (int)sample->message_length, sample->message);
    snprintf(told->context, sizeof(told->context), "%s", sample->context);
    snprintf(told->connector, sizeof(told->connector), "%s", sample->frame->connector);
    told->task = sample->frame->task;
}

static void what_nothing_follows_is_told_when_its_window_has_ended(void **state)
{
    struct repeats *repeats = repeats_create(1, WINDOW_MS);
    struct log_context frame = {.text = "[a|task-7]", .connector = "a", .task = 7};
    struct log_line line = line_of(LOG_LEVEL_ERROR, frame.text, "boom");
    struct told told = {0};
    uint64_t left_out;
    (void)state;
    line.frame = &frame;
    for (int i = 0; i < 5; i++)
        repeats_takes(repeats, &line, 0, &left_out);
    assert_true(repeats_sweep(repeats, WINDOW_MS - 1, tell, &told));
    assert_int_equal(told.count, 0);
    assert_false(repeats_sweep(repeats, WINDOW_MS, tell, &told));
    assert_int_equal(told.count, 1);
    assert_int_equal(told.left_out, 4);
    assert_string_equal(told.message, "boom");
    assert_string_equal(told.context, "[a|task-7]");
    assert_string_equal(told.connector, "a");
    assert_int_equal(told.task, 7);
    repeats_destroy(repeats);
}

static void more_kinds_than_there_is_room_for_are_written_rather_than_lost(void **state)
{
    struct repeats *repeats = repeats_create(1, WINDOW_MS);
    char message[8] = "aaaa";
    uint64_t left_out;
    (void)state;
    for (int i = 0; i < 26 * 26 * 26; i++) {
        message[0] = (char)('a' + i / 676);
        message[1] = (char)('a' + i / 26 % 26);
        message[2] = (char)('a' + i % 26);
        assert_true(takes(repeats, message, 0, &left_out));
        takes(repeats, message, 0, &left_out);
    }
    repeats_destroy(repeats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_many_alike_some_are_written_and_the_rest_is_counted),
        cmocka_unit_test(levels_and_contexts_make_kinds_and_debug_is_never_left_out),
        cmocka_unit_test(a_number_in_a_name_makes_a_kind),
        cmocka_unit_test(what_nothing_follows_is_told_when_its_window_has_ended),
        cmocka_unit_test(more_kinds_than_there_is_room_for_are_written_rather_than_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
