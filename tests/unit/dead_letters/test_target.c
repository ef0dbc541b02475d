/* target: which letters do not go back, whatever Kafka says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/connector_config.h"
#include "dead_letters/dead_letters_internal.h"
#include "letters_test.h"

/* Why the letter is refused; the question comes before all that needs a broker. */
static const char *refusal_of(const struct topic_tail_record *record, const struct selection *selection)
{
    static struct connector_config config = {.kind = CONNECTOR_SOURCE, .name = "files"};
    struct dead_letters letters = {.config = &config, .topic = "letters", .marks_topic = "marks"};
    struct letter_view view;
    struct resend_to to = {.partition = -1};
    int status = 0;

    letter_view_read(&view, record);
    return target_find(&letters, &view, selection, &to, &status, NULL);
}

static void a_letter_that_was_cut_goes_back_with_a_value_of_yours_alone(void **state)
{
    const struct topic_tail_header headers[] = {CONTEXT("topic", "t"), CONTEXT("connector.name", "files"),
                                                CONTEXT("value.cut", "{\"bytes\":5000}")};
    const struct topic_tail_record record = RECORD("k", "v", headers);
    struct selection selection = {.attempts = 3, .to = "letters"};

    (void)state;
    assert_non_null(strstr(refusal_of(&record, &selection), "only the beginning of its record"));
    selection.edits_key = true;
    assert_non_null(strstr(refusal_of(&record, &selection), "only the beginning of its record"));
    selection.edits_value = true;
    assert_string_equal("letters do not go back among the letters", refusal_of(&record, &selection));
    selection.edits_value = false;
    selection.force = true;
    assert_string_equal("letters do not go back among the letters", refusal_of(&record, &selection));
}

static void a_header_of_the_record_that_looks_like_a_cut_is_none(void **state)
{
    const struct topic_tail_header headers[] = {CONTEXT("value.cut", "{}"), CONTEXT("topic", "t")};
    const struct topic_tail_record record = RECORD("k", "v", headers);
    const struct selection selection = {.attempts = 3, .to = "letters"};

    (void)state;
    assert_string_equal("letters do not go back among the letters", refusal_of(&record, &selection));
}

static const char *what_keeps(const struct topic_tail_record *record, const struct selection *selection)
{
    static struct connector_config config = {.kind = CONNECTOR_SINK, .name = "cards"};
    const struct dead_letters letters = {.config = &config, .topic = "letters", .marks_topic = "marks"};
    struct letter_view view;

    letter_view_read(&view, record);
    return target_keeps(&letters, &view, selection);
}

static void only_letters_of_its_own_does_a_connector_discard(void **state)
{
    const struct topic_tail_header ours[] = {CONTEXT("topic", "t"), CONTEXT("connector.name", "cards")};
    const struct topic_tail_header theirs[] = {CONTEXT("topic", "t"), CONTEXT("connector.name", "stamps")};
    const struct topic_tail_header nobodys[] = {HEADER("a", "b")};
    const struct topic_tail_record own = RECORD("k", "v", ours), other = RECORD("k", "v", theirs), unknown = RECORD("k", "v", nobodys);
    struct selection selection = {.all = true};

    (void)state;
    assert_null(what_keeps(&own, &selection));
    assert_string_equal("it is another connector's letter", what_keeps(&other, &selection));
    assert_non_null(strstr(what_keeps(&unknown, &selection), "does not say whose it is"));
    selection.force = true;
    assert_string_equal("it is another connector's letter", what_keeps(&other, &selection));
    assert_null(what_keeps(&unknown, &selection));
    selection.force = false;
    selection.place_count = 1; /* named one by one */
    assert_string_equal("it is another connector's letter", what_keeps(&other, &selection));
    assert_null(what_keeps(&unknown, &selection));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_that_was_cut_goes_back_with_a_value_of_yours_alone),
        cmocka_unit_test(a_header_of_the_record_that_looks_like_a_cut_is_none),
        cmocka_unit_test(only_letters_of_its_own_does_a_connector_discard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
