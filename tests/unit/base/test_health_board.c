#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/health_board.h"
#include "base/log_sink.h"

static unsigned line_count;

static void count_line(void *state, const struct log_line *line)
{
    (void)state;
    (void)line;
    line_count++;
}

struct seen {
    size_t count;
    char first[64], last[HEALTH_WORDS_MAX];
};

static void see(void *argument, const char *name, const char *words)
{
    struct seen *seen = argument;
    if (seen->count++ == 0)
        snprintf(seen->first, sizeof(seen->first), "%s", name);
    snprintf(seen->last, sizeof(seen->last), "%s", words);
}

static struct seen look(struct health_board *board, enum health_weight weight)
{
    struct seen seen = {0};
    health_board_each(board, weight, see, &seen);
    return seen;
}

static void an_entry_comes_changes_its_words_and_goes_with_a_line_each_but_for_words(void **state)
{
    struct health_board *board = health_board_create();
    (void)state;
    line_count = 0;
    health_board_raise(board, "a", HEALTH_WARNING, "in %d days", 5);
    health_board_raise(board, "a", HEALTH_WARNING, "in %d days", 4);
    assert_int_equal(line_count, 1);
    assert_string_equal(look(board, HEALTH_WARNING).last, "in 4 days");
    assert_int_equal(look(board, HEALTH_NOT_READY).count, 0);
    health_board_raise(board, "a", HEALTH_NOT_READY, "now");
    assert_int_equal(line_count, 2);
    assert_int_equal(look(board, HEALTH_WARNING).count, 0);
    assert_int_equal(look(board, HEALTH_NOT_READY).count, 1);
    health_board_clear(board, "a");
    health_board_clear(board, "a");
    assert_int_equal(line_count, 3);
    assert_int_equal(look(board, HEALTH_NOT_READY).count, 0);
    health_board_destroy(board);
}

static void one_entry_gone_leaves_the_others_in_their_order(void **state)
{
    struct health_board *board = health_board_create();
    (void)state;
    health_board_raise(board, "a", HEALTH_WARNING, "A");
    health_board_raise(board, "b", HEALTH_WARNING, "B");
    health_board_raise(board, "c", HEALTH_WARNING, "C");
    health_board_clear(board, "a");
    struct seen seen = look(board, HEALTH_WARNING);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.first, "b");
    assert_string_equal(seen.last, "C");
    health_board_destroy(board);
}

static void what_does_not_fit_is_said_to_be_missing(void **state)
{
    struct health_board *board = health_board_create();
    char name[16], words[2 * HEALTH_WORDS_MAX];
    (void)state;
    for (int i = 0; i <= HEALTH_ENTRIES_MAX; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        health_board_raise(board, name, HEALTH_WARNING, "w");
    }
    assert_int_equal(look(board, HEALTH_WARNING).count, HEALTH_ENTRIES_MAX + 1);
    health_board_clear(board, "n0");
    assert_int_equal(look(board, HEALTH_WARNING).count, HEALTH_ENTRIES_MAX - 1);
    memset(words, 'x', sizeof(words));
    words[sizeof(words) - 1] = '\0';
    health_board_raise(board, "long", HEALTH_WARNING, "%s", words);
    assert_int_equal(strlen(look(board, HEALTH_WARNING).last), HEALTH_WORDS_MAX - 1);
    assert_int_equal(look(NULL, HEALTH_WARNING).count, 0);
    health_board_destroy(board);
}

int main(void)
{
    static const struct log_sink sink = {count_line, NULL};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_comes_changes_its_words_and_goes_with_a_line_each_but_for_words),
        cmocka_unit_test(one_entry_gone_leaves_the_others_in_their_order),
        cmocka_unit_test(what_does_not_fit_is_said_to_be_missing),
    };
    log_sink_set(&sink);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
