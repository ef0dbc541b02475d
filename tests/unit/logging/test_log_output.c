/* The buffer and its writer, against a pipe that is read, that is not, and that is closed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "logging/log_output.h"
#include "logging/log_ring.h"

#define PATIENCE_MS 5000
#define TEXT_MAX (4u << 20)

static struct log_output *start(int fd, bool is_json, uint32_t repeats_max)
{
    char why[160];
    struct log_output *output = log_output_start(
        &(struct log_output_setup){.fd = fd, .is_json = is_json, .buffer_bytes = LOG_BUFFER_BYTES_LEAST, .repeats_max = repeats_max,
                                   .repeats_window_ms = 600000},
        why, sizeof(why));
    assert_non_null(output);
    return output;
}

static int64_t soon(void)
{
    return clock_monotonic_ms(NULL) + PATIENCE_MS;
}

static char heard[TEXT_MAX];

/* What comes next, behind what is there. Nothing comes any more: false. */
static bool read_more(int fd)
{
    size_t length = strlen(heard);
    struct pollfd look = {.fd = fd, .events = POLLIN};
    if (length == sizeof(heard) - 1 || poll(&look, 1, PATIENCE_MS) != 1)
        return false;
    ssize_t taken = read(fd, heard + length, sizeof(heard) - 1 - length);
    if (taken <= 0)
        return false;
    heard[length + (size_t)taken] = '\0';
    return true;
}

/* All that comes until the end of the text stands there, or nothing comes any more. */
static char *read_until(int fd, const char *end)
{
    heard[0] = '\0';
    while (strstr(heard, end) == NULL && read_more(fd))
        ;
    return heard;
}

static void lines_come_in_order_and_the_last_words_behind_them(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct log_output *output = start(ends[1], false, 0);
    log_info("test.out", "first");
    log_info("test.out", "second");
    log_output_say(output, "the end\n");
    assert_true(log_output_stop(output, soon()));
    char *text = read_until(ends[0], "the end\n");
    char *first = strstr(text, "first (test.out)\n"), *second = strstr(text, "second (test.out)\n");
    assert_true(first != NULL && second != NULL && first < second && second < strstr(text, "the end\n"));
    close(ends[0]);
    close(ends[1]);
}

static void json_names_connector_task_and_worker(void **state)
{
    struct log_context frame;
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct log_output *output = start(ends[1], false, 0);
    log_output_set_form(output, true, 0, 1000);
    log_output_set_worker(output, "host:1");
    log_context_push(&frame, "orders", 4);
    log_stage_set("VALUE_CONVERTER");
    log_warn("test.out", "bad");
    log_context_pop(&frame);
    assert_true(log_output_stop(output, soon()));
    assert_non_null(strstr(read_until(ends[0], "}\n"),
                           "\"level\":\"WARN\",\"logger\":\"test.out\",\"worker\":\"host:1\",\"connector\":\"orders\",\"task\":4,\"stage\":"
                           "\"VALUE_CONVERTER\",\"message\":\"bad\"}\n"));
    close(ends[0]);
    close(ends[1]);
}

static uint64_t dropped_lines_told(void)
{
    static const char WORDS[] = " lines were dropped: ";
    uint64_t sum = 0;
    for (const char *at = heard; (at = strstr(at, WORDS)) != NULL; at++) {
        const char *number = at;
        while (number[-1] >= '0' && number[-1] <= '9')
            number--;
        sum += strtoull(number, NULL, 10);
    }
    return sum;
}

static void whoever_does_not_read_blocks_nobody_and_is_told_what_was_dropped(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct log_output *output = start(ends[1], false, 0);
    int64_t began_ms = clock_monotonic_ms(NULL);
    for (int i = 0; i < 20000; i++) /* far more than pipe and buffer hold together */
        log_info("test.out", "line %d", i);
    assert_true(clock_monotonic_ms(NULL) - began_ms < PATIENCE_MS);
    struct log_output_counts counts = log_output_counts(output);
    assert_true(counts.dropped > 10000);
    assert_false(log_output_flush(output, clock_monotonic_ms(NULL) + 50));
    heard[0] = '\0';
    while (dropped_lines_told() < counts.dropped) /* told of once or more often, as the writer got on in between */
        assert_true(read_more(ends[0]));
    assert_int_equal(dropped_lines_told(), counts.dropped);
    log_info("test.out", "all is well");
    assert_non_null(strstr(read_until(ends[0], "all is well"), "all is well"));
    assert_true(log_output_stop(output, soon()));
    close(ends[0]);
    close(ends[1]);
}

static void a_stop_before_a_blocked_writer_comes_back(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct log_output *output = start(ends[1], false, 0);
    for (int i = 0; i < 3000; i++)
        log_info("test.out", "line %d of those that nobody reads", i);
    assert_false(log_output_stop(output, clock_monotonic_ms(NULL) + 100));
    close(ends[0]); /* now every write fails, and the writer gets on */
    assert_true(log_output_stop(output, soon()));
    close(ends[1]);
}

static void repeats_are_held_back_and_their_number_is_told_at_the_end(void **state)
{
    int ends[2], count = 0;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct log_output *output = start(ends[1], false, 5);
    for (int i = 0; i < 100; i++)
        log_error("test.out", "record %d is bad", i);
    assert_int_equal(log_output_counts(output).left_out, 95);
    assert_true(log_output_stop(output, soon()));
    char *text = read_until(ends[0], "left out");
    for (char *at = text; (at = strstr(at, "is bad")) != NULL; at++)
        count++;
    assert_int_equal(count, 6);
    assert_non_null(strstr(text, "record 5 is bad (test.out) (and 95 like it were left out)\n"));
    close(ends[0]);
    close(ends[1]);
}

static void the_ring_gives_back_all_bytes_in_order_over_its_end(void **state)
{
    struct log_ring *ring = log_ring_create(100);
    char line[40];
    const char *bytes;
    (void)state;
    size_t next = 0;
    for (int i = 0; i < 1000; i++) {
        size_t length = 1 + (size_t)i % 39;
        memset(line, 'a' + i % 26, sizeof(line));
        assert_true(log_ring_put(ring, line, length));
        for (size_t left = length; left > 0; next++) {
            size_t piece = log_ring_look(ring, 0, &bytes);
            assert_true(piece > 0 && piece <= left);
            for (size_t j = 0; j < piece; j++)
                assert_int_equal(bytes[j], 'a' + i % 26);
            size_t part = piece > 1 ? piece - 1 : piece; /* a write may take less */
            log_ring_done(ring, part);
            left -= part;
        }
    }
    memset(line, 'z', sizeof(line));
    assert_true(log_ring_put(ring, line, 40));
    assert_true(log_ring_put(ring, line, 40));
    assert_false(log_ring_put(ring, line, 40));
    assert_int_equal(log_ring_take_dropped(ring, false), 0); /* no room yet */
    assert_int_equal(log_ring_take_dropped(ring, true), 1);
    log_ring_give_back_dropped(ring, 1);
    assert_int_equal(log_ring_take_dropped(ring, true), 1);
    log_ring_destroy(ring);
}

static void a_wake_up_holds_until_nothing_is_left_to_write(void **state)
{
    struct log_ring *ring = log_ring_create(100);
    const char *bytes;
    (void)state;
    assert_true(log_ring_put(ring, "last words", 10));
    log_ring_wake(ring);
    assert_int_equal(log_ring_look(ring, DEADLINE_NEVER, &bytes), 10);
    log_ring_done(ring, 10);
    assert_int_equal(log_ring_look(ring, clock_monotonic_ms(NULL) + 60000, &bytes), 0);
    assert_true(log_ring_put(ring, "more", 4));
    assert_int_equal(log_ring_look(ring, DEADLINE_NEVER, &bytes), 4);
    log_ring_destroy(ring);
}

static void a_crash_writes_what_is_inside_and_does_not_wait_for_a_reader(void **state)
{
    struct log_ring *ring = log_ring_create(1u << 20);
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_true(log_ring_put(ring, "last\n", 5));
    log_ring_crash(ring, ends[1], 100);
    assert_string_equal(read_until(ends[0], "\n"), "last\n");
    char *much = calloc(1, 500000);
    assert_true(log_ring_put(ring, much, 500000));
    int64_t began_ms = clock_monotonic_ms(NULL);
    log_ring_crash(ring, ends[1], 100);
    assert_true(clock_monotonic_ms(NULL) - began_ms < PATIENCE_MS);
    free(much);
    close(ends[0]);
    close(ends[1]);
    log_ring_destroy(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_in_order_and_the_last_words_behind_them),
        cmocka_unit_test(json_names_connector_task_and_worker),
        cmocka_unit_test(whoever_does_not_read_blocks_nobody_and_is_told_what_was_dropped),
        cmocka_unit_test(a_stop_before_a_blocked_writer_comes_back),
        cmocka_unit_test(repeats_are_held_back_and_their_number_is_told_at_the_end),
        cmocka_unit_test(the_ring_gives_back_all_bytes_in_order_over_its_end),
        cmocka_unit_test(a_wake_up_holds_until_nothing_is_left_to_write),
        cmocka_unit_test(a_crash_writes_what_is_inside_and_does_not_wait_for_a_reader),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
