#include "base_test.h"

#include <pthread.h>

#include "base/log.h"
#include "base/log_sink.h"
#include "base/mem.h"
#include "base/ptr_array.h"
#include "base/thread.h"
#include "base/utf8.h"

/* A sink that remembers the last line. */
static struct {
    _Atomic int lines;
    char message[LOG_LINE_MAX + 1], logger[64], context[LOG_CONTEXT_TEXT_MAX];
    enum log_level level;
} seen;

static void remember(void *state, const struct log_line *line)
{
    (void)state;
    atomic_fetch_add(&seen.lines, 1);
    snprintf(seen.message, sizeof(seen.message), "%s", line->message);
    snprintf(seen.logger, sizeof(seen.logger), "%s", line->logger);
    snprintf(seen.context, sizeof(seen.context), "%s", line->context);
    seen.level = line->level;
    assert_int_equal(strlen(line->message), line->message_length);
    assert_true(line->wall_ms > 0);
}

static void count_only(void *state, const struct log_line *line)
{
    (void)line;
    atomic_fetch_add((_Atomic int *)state, 1);
}

static const struct log_sink remembering = { remember, NULL };

static int fresh(void **state)
{
    (void)state;
    log_sink_set(&remembering);
    seen.lines = 0;
    return !log_level_set("root", LOG_LEVEL_INFO, -1, NULL);
}

static int set_back(void **state)
{
    (void)state;
    log_sink_set(NULL);
    return 0;
}

static int evaluated;

static int count_evaluation(void)
{
    return ++evaluated;
}

static void a_line_reaches_the_sink_with_level_and_logger(void **state)
{
    (void)state;
    log_warn("line.logger", "connector %s: %d", "jdbc", 7);
    assert_int_equal(seen.lines, 1);
    assert_string_equal(seen.message, "connector jdbc: 7");
    assert_string_equal(seen.logger, "line.logger");
    assert_string_equal(seen.context, "");
    assert_int_equal(seen.level, LOG_LEVEL_WARN);
}

static void lines_are_counted_by_level_if_they_are_wanted(void **state)
{
    (void)state;
    uint64_t warnings = log_line_count(LOG_LEVEL_WARN), errors = log_line_count(LOG_LEVEL_ERROR), details = log_line_count(LOG_LEVEL_DEBUG);
    log_warn("line.counted", "one");
    log_warn("line.counted", "two");
    log_error("line.counted", "three");
    log_debug("line.counted", "not wanted");
    assert_int_equal(log_line_count(LOG_LEVEL_WARN), warnings + 2);
    assert_int_equal(log_line_count(LOG_LEVEL_ERROR), errors + 1);
    assert_int_equal(log_line_count(LOG_LEVEL_DEBUG), details);
}

static void a_level_that_is_off_costs_no_arguments(void **state)
{
    (void)state;
    evaluated = 0;
    log_debug("off.logger", "%d", count_evaluation());
    assert_int_equal(evaluated, 0);
    log_info("off.logger", "%d", count_evaluation());
    assert_int_equal(evaluated, 1);
    assert_true(log_level_set("off.logger", LOG_LEVEL_OFF, -1, NULL));
    log_fatal("off.logger", "%d", count_evaluation());
    assert_int_equal(evaluated, 1);
    assert_int_equal(seen.lines, 1);
}

static void one_place_follows_its_level_at_run_time(void **state)
{
    (void)state;
    for (int round = 0; round < 4; round++) {
        log_level_set("place", round % 2 == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, -1, NULL);
        log_debug("place.here", "round %d", round);
    }
    assert_int_equal(seen.lines, 2);
    assert_string_equal(seen.message, "round 2");
}

static void a_new_logger_inherits_from_its_nearest_ancestor(void **state)
{
    (void)state;
    log_level_set("inherit.a", LOG_LEVEL_TRACE, -1, NULL);
    assert_true(logger_enabled(logger_of("inherit.a.b.c"), LOG_LEVEL_TRACE));
    assert_false(logger_enabled(logger_of("inherit.ab"), LOG_LEVEL_TRACE));
    assert_false(logger_enabled(logger_of("inherit"), LOG_LEVEL_DEBUG));
    assert_ptr_equal(logger_of("ROOT"), logger_of("root"));
    assert_ptr_equal(logger_of(""), logger_of("root"));
}

static void assert_changed(struct ptr_array *changed, const char *names)
{
    char text[500] = "";
    for (size_t i = 0; i < changed->count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ", (const char *)ptr_array_at(changed, i));
    assert_string_equal(text, names);
    ptr_array_clear(changed);
}

static void setting_a_level_tells_which_loggers_changed(void **state)
{
    (void)state;
    struct ptr_array changed;
    ptr_array_init(&changed, NULL);
    logger_of("set.a.bc");
    logger_of("set.a.b.c");
    logger_of("set.z");
    assert_true(log_level_set("set.a.b", LOG_LEVEL_DEBUG, 1000, &changed));
    assert_changed(&changed, "set.a.b set.a.b.c set.a.bc ");
    assert_true(log_level_set("set.a.b", LOG_LEVEL_DEBUG, 2000, &changed));
    assert_changed(&changed, "");
    assert_true(log_level_set("set.new", LOG_LEVEL_INFO, 2000, &changed));
    assert_changed(&changed, "");
    assert_true(log_level_set("set.a.b.c", LOG_LEVEL_WARN, 3000, &changed));
    assert_changed(&changed, "set.a.b.c ");
    struct logger_view view;
    assert_true(log_logger_find("set.a.bc", &view));
    assert_int_equal(view.last_modified_ms, 1000);
    assert_int_equal(view.level, LOG_LEVEL_DEBUG);
    assert_true(log_logger_find("set.new", &view));
    assert_int_equal(view.last_modified_ms, -1);
    assert_false(log_logger_find("set.absent", &view));
    ptr_array_release(&changed);
}

static void setting_root_sets_all(void **state)
{
    (void)state;
    struct ptr_array changed;
    struct logger_view view;
    ptr_array_init(&changed, NULL);
    logger_of("everything");
    assert_true(log_level_set("Root", LOG_LEVEL_ERROR, 5, &changed));
    bool has_root = false, has_other = false;
    for (size_t i = 0; i < changed.count; i++) {
        has_root = has_root || strcmp(ptr_array_at(&changed, i), "root") == 0;
        has_other = has_other || strcmp(ptr_array_at(&changed, i), "everything") == 0;
    }
    assert_true(has_root && has_other);
    assert_true(log_logger_find("ROOT", &view));
    assert_string_equal(view.name, "root");
    assert_int_equal(view.level, LOG_LEVEL_ERROR);
    assert_int_equal(view.last_modified_ms, 5);
    assert_false(logger_enabled(logger_of("born.later"), LOG_LEVEL_WARN));
    ptr_array_release(&changed);
}

static void the_list_is_sorted_and_holds_root(void **state)
{
    (void)state;
    logger_of("zz");
    logger_of("aa");
    size_t count;
    bool has_root = false;
    struct logger_view *views = log_loggers_list(&count);
    for (size_t i = 0; i < count; i++) {
        has_root = has_root || strcmp(views[i].name, "root") == 0;
        assert_true(i == 0 || strcmp(views[i - 1].name, views[i].name) < 0);
    }
    assert_true(has_root);
    mem_free(views);
    mem_watch_start(0);
    assert_null(log_loggers_list(&count));
    struct ptr_array changed;
    ptr_array_init(&changed, NULL);
    assert_false(log_level_set("no.memory", LOG_LEVEL_TRACE, 1, &changed));
    mem_watch_stop();
    struct logger_view view;
    assert_false(log_logger_find("no.memory", &view));
}

static void level_names_are_read_in_any_case(void **state)
{
    (void)state;
    enum log_level level;
    for (int i = LOG_LEVEL_OFF; i <= LOG_LEVEL_ALL; i++) {
        assert_true(log_level_parse(log_level_name((enum log_level)i), &level));
        assert_int_equal(level, i);
    }
    assert_true(log_level_parse("dEbUg", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_false(log_level_parse("LOUD", &level));
    assert_false(log_level_parse("", &level));
}

static void names_out_of_bounds_are_refused(void **state)
{
    (void)state;
    char name[LOG_NAME_MAX + 2];
    memset(name, 'n', sizeof(name) - 1);
    name[LOG_NAME_MAX + 1] = '\0';
    assert_false(log_level_set(name, LOG_LEVEL_INFO, 1, NULL));
    assert_false(log_level_set("", LOG_LEVEL_INFO, 1, NULL));
    assert_ptr_equal(logger_of(name), logger_of("root"));
    name[LOG_NAME_MAX] = '\0';
    assert_true(log_level_set(name, LOG_LEVEL_INFO, 1, NULL));
}

static void a_long_message_is_cut_at_a_character(void **state)
{
    (void)state;
    char text[LOG_LINE_MAX + 4];
    for (size_t i = 0; i + 2 < sizeof(text); i += 3)
        memcpy(text + i, "\xE2\x82\xAC", 3);
    text[LOG_LINE_MAX - 2] = '\0';
    log_info("long", "x%s", text);
    assert_int_equal(strlen(seen.message), LOG_LINE_MAX - 1);
    log_info("long", "xxx%s", text);
    assert_true(strlen(seen.message) <= LOG_LINE_MAX && strlen(seen.message) > LOG_LINE_MAX - 4);
    assert_true(utf8_valid(seen.message, strlen(seen.message)));
    assert_string_equal(seen.message + strlen(seen.message) - 3, "\xE2\x80\xA6");
}

static void the_context_is_that_of_the_innermost_frame(void **state)
{
    (void)state;
    struct log_context outer, inner;
    log_context_push(&outer, "jdbc", -1);
    log_info("context", "one");
    assert_string_equal(seen.context, "[jdbc|worker]");
    log_context_push(&inner, "jdbc", 3);
    log_info("context", "two");
    assert_string_equal(seen.context, "[jdbc|task-3]");
    log_context_pop(&inner);
    assert_string_equal(log_context_text(), "[jdbc|worker]");
    log_context_pop(&outer);
    assert_string_equal(log_context_text(), "");
}

static void nothing_in_a_message_steers_a_terminal(void **state)
{
    (void)state;
    /* CSI in both forms, NEL, DEL; then characters whose bytes look like C1 or begin as it does. */
    static const char message[] = "a\x1b[2Jb\xC2\x9B" "2Jc\xC2\x85" "d\x7f" "e\xC3\x9B\xE2\x82\xAC\xC2\xA0\xC2";
    struct log_line line = {.level = LOG_LEVEL_WARN, .logger = "rest", .context = "", .message = message,
                            .message_length = strlen(message), .wall_ms = 1700000000123};
    char text[LOG_TEXT_MAX];
    log_line_format(&line, text, sizeof(text));
    assert_non_null(strstr(text, "WARN a?[2Jb?2Jc?d?e\xC3\x9B\xE2\x82\xAC\xC2\xA0\xC2 (rest)\n"));
}

static void a_formatted_line_looks_like_kafkas(void **state)
{
    (void)state;
    static const char message[] = "two\nlines\x1b[0m\r";
    struct log_line line = {.level = LOG_LEVEL_INFO, .logger = "herder", .context = "[a|task-0]", .message = message,
                            .message_length = strlen(message), .wall_ms = 1700000000123};
    char text[LOG_TEXT_MAX];
    size_t length = log_line_format(&line, text, sizeof(text));
    assert_int_equal(length, strlen(text));
    assert_int_equal(text[0], '[');
    assert_non_null(strstr(text, ",123] INFO [a|task-0] two\n\tlines?[0m? (herder)\n"));
    for (size_t size = 2; size < 60; size++) {
        length = log_line_format(&line, text, size);
        assert_true(length < size && length == strlen(text));
        assert_int_equal(text[length - 1], '\n');
    }
}

enum { ROUNDS = 2000 };

static void a_connectors_level_decides_alone_for_what_is_logged_on_its_behalf(void **state)
{
    struct log_context context;
    struct logger_view view;
    (void)state;
    assert_true(log_level_set("connector.orders", LOG_LEVEL_DEBUG, -1, NULL));
    seen.lines = 0;
    log_debug("of.connectors", "for nobody");
    log_context_push(&context, "orders-eu", 0);
    log_debug("of.connectors", "for another");
    log_context_pop(&context);
    assert_int_equal(seen.lines, 0);
    log_context_push(&context, "orders", 0);
    log_debug("of.connectors", "for it");
    assert_int_equal(seen.lines, 1);
    log_trace("of.connectors", "more than it wants");
    assert_true(log_level_set("connector.orders", LOG_LEVEL_WARN, -1, NULL));
    log_info("of.connectors", "quieter than the others");
    assert_int_equal(seen.lines, 1);
    log_context_pop(&context);
    log_info("of.connectors", "the others");
    assert_int_equal(seen.lines, 2);
    assert_true(log_logger_find("of.connectors", &view)); /* whose own level is as it was */
    assert_int_equal(view.level, LOG_LEVEL_INFO);
    assert_true(log_level_set("connector.orders", LOG_LEVEL_TRACE, -1, NULL));
    assert_true(log_level_set("connector.orders-eu", LOG_LEVEL_WARN, -1, NULL));
    assert_true(log_level_set("connector.orders", LOG_LEVEL_INFO, -1, NULL)); /* not that of the longer name */
    assert_true(log_logger_find("connector.orders-eu", &view));
    assert_int_equal(view.level, LOG_LEVEL_WARN);
    assert_false(logger_enabled(logger_of("of.connectors"), LOG_LEVEL_DEBUG)); /* the gates are shut again */
    assert_true(log_level_set("root", LOG_LEVEL_INFO, -1, NULL)); /* from now on it is as all others */
    assert_true(log_level_set("of.connectors", LOG_LEVEL_DEBUG, -1, NULL));
    log_context_push(&context, "orders", 0);
    log_debug("of.connectors", "for it");
    log_context_pop(&context);
    assert_int_equal(seen.lines, 3);
}

static void a_stage_belongs_to_its_frame(void **state)
{
    struct log_context outer, inner;
    (void)state;
    assert_null(log_stage_set("NOWHERE"));
    log_context_push(&outer, "a", 0);
    assert_null(log_stage_set("ONE"));
    log_context_push(&inner, "a", 0);
    assert_null(log_stage_set("TWO"));
    log_context_pop(&inner);
    assert_string_equal(log_stage_set(NULL), "ONE");
    log_context_pop(&outer);
}

static void *log_and_look(void *argument)
{
    struct log_context context;
    log_context_push(&context, "many", 0);
    for (int i = 0; i < ROUNDS; i++) {
        char name[32];
        snprintf(name, sizeof(name), "many.%d", i % 50);
        logger_write(logger_of(name), LOG_LEVEL_INFO, "%d", i);
        log_info("many.fixed", "%d", i);
    }
    log_context_pop(&context);
    return argument;
}

static void *change_levels(void *argument)
{
    for (int i = 0; i < ROUNDS; i++)
        log_level_set("many", i % 2 == 0 ? LOG_LEVEL_TRACE : LOG_LEVEL_INFO, i, NULL);
    return argument;
}

static void threads_log_while_levels_change(void **state)
{
    (void)state;
    static _Atomic int lines;
    static const struct log_sink counting = { count_only, (void *)&lines };
    log_sink_set(&counting);
    pthread_t threads[4];
    char why[200];
    for (int i = 0; i < 4; i++) {
        struct thread_setup setup = { "logger", i == 0 ? change_levels : log_and_look, NULL, 0 };
        assert_true(thread_start(&threads[i], &setup, why, sizeof(why)));
    }
    for (int i = 0; i < 4; i++)
        thread_join(threads[i]);
    assert_int_equal(lines, 3 * 2 * ROUNDS);
}

static void loggers_are_limited_in_number(void **state)
{
    (void)state;
    char name[32];
    for (int i = 0; i < LOG_LOGGERS_MAX; i++) {
        snprintf(name, sizeof(name), "crowd.%05d", i);
        logger_of(name);
    }
    assert_false(log_level_set("one.too.many", LOG_LEVEL_INFO, 1, NULL));
    log_info("one.too.many", "still logged");
    assert_string_equal(seen.message, "still logged");
    assert_string_equal(seen.logger, "root");
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, fresh, set_back)
RUN_TESTS(FRESH(a_line_reaches_the_sink_with_level_and_logger), FRESH(a_level_that_is_off_costs_no_arguments),
          FRESH(lines_are_counted_by_level_if_they_are_wanted),
          FRESH(one_place_follows_its_level_at_run_time), FRESH(a_new_logger_inherits_from_its_nearest_ancestor),
          FRESH(setting_a_level_tells_which_loggers_changed), FRESH(setting_root_sets_all),
          FRESH(the_list_is_sorted_and_holds_root), FRESH(level_names_are_read_in_any_case),
          FRESH(names_out_of_bounds_are_refused), FRESH(a_long_message_is_cut_at_a_character),
          FRESH(the_context_is_that_of_the_innermost_frame), FRESH(a_formatted_line_looks_like_kafkas),
          FRESH(nothing_in_a_message_steers_a_terminal),
          FRESH(a_connectors_level_decides_alone_for_what_is_logged_on_its_behalf), FRESH(a_stage_belongs_to_its_frame),
          FRESH(threads_log_while_levels_change), FRESH(loggers_are_limited_in_number))
