/* Results per record in the answer to a batch (millrace.batch.results). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_bench.h"
#include "answer.h"

static void of_a_batch_only_the_culprits_are_reported_where_the_target_tells_them(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench,
                LINES(ANSWER("207", "", "46\r\n\r\n[{\"status\":200},{\"status\":422},{\"status\":503}]"),
                      ANSWER("200", "", "16\r\n\r\n[{\"status\":200}]")),
                "/", LINES("batch.max.size=9", "millrace.batch.results=."));
    bench.context.errant = &bench.errant;
    for (int i = 0; i < 3; i++)
        add(&bench, 0, i, NULL, LINES("a", "b", "c")[i]);
    assert_int_equal(-1, put(&bench));
    assert_true(mr_error_is_retriable(bench.error));
    assert_int_equal(1, bench.reports);
    assert_int_equal(0, strncmp(bench.reported, "1: ", 3));
    assert_int_equal(0, put(&bench));
    assert_body(&bench, 1, "c");
    assert_int_equal(1, bench.reports);
    bench_end(&bench);
}

/* Two records, whose results stand at "items"; nothing is tried again. How many were reported. */
static int reports_after(const char *body, const char *words)
{
    struct http_bench bench;
    char *answer = answer_of(body);
    int reports;

    bench_start(&bench, LINES(answer), "/", LINES("batch.max.size=9", "millrace.batch.results=items", "max.retries=0"));
    bench.context.errant = &bench.errant;
    add(&bench, 0, 0, NULL, "a");
    add(&bench, 0, 1, NULL, "b");
    assert_int_equal(0, put(&bench));
    if (words != NULL && strstr(bench.reported, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, bench.reported);
    reports = bench.reports;
    bench_end(&bench);
    free(answer);
    return reports;
}

static void no_record_counts_as_taken_without_a_result_that_can_be_read(void **state)
{
    (void)state;
    assert_int_equal(1, reports_after("{\"items\":[{\"status\":\"200\"},{\"status\":\"422\"}]}", "1: POST"));
    assert_int_equal(1, reports_after("{\"items\":[{\"status\":201},{}]}", "does not say what became of the record"));
    assert_int_equal(1, reports_after("{\"items\":[{\"status\":201},{\"status\":\"fine\"}]}", "1: POST"));
    assert_int_equal(2, reports_after("{\"items\":[{\"status\":422}]}", "a JSON array of 2 results at \"items\""));
    assert_int_equal(2, reports_after("{\"errors\":true}", "millrace.batch.results"));
    assert_int_equal(2, reports_after("{\"items\":{}}", "millrace.batch.results"));
    assert_int_equal(2, reports_after("<html>", "millrace.batch.results"));
    assert_int_equal(2, reports_after("", "it answered 200, but not with"));
}

static void an_answer_without_results_is_asked_for_again_first(void **state)
{
    struct http_bench bench;
    char *fine = answer_of("[{\"status\":200},{\"status\":200}]");

    (void)state;
    bench_start(&bench, LINES(TARGET_OK, fine), "/", LINES("batch.max.size=9", "millrace.batch.results=."));
    bench.context.errant = &bench.errant;
    add(&bench, 0, 0, NULL, "a");
    add(&bench, 0, 1, NULL, "b");
    assert_int_equal(-1, put(&bench));
    assert_true(mr_error_is_retriable(bench.error));
    assert_int_equal(0, put(&bench));
    assert_body(&bench, 1, "a,b");
    assert_int_equal(0, bench.reports);
    bench_end(&bench);
    free(fine);
}

/* An answer of `size` bytes: all are taken but the last one. */
static char *long_answer(int records, size_t size)
{
    char *body = malloc(size + 1), *answer;
    size_t at = 0;

    memset(body, ' ', size);
    for (int i = 0; i < records; i++)
        at += (size_t)sprintf(body + at, "%s{\"status\":%d}", i == 0 ? "[" : ",", i + 1 < records ? 200 : 422);
    body[at] = ' ';
    body[size - 1] = ']';
    body[size] = '\0';
    answer = answer_of(body);
    free(body);
    return answer;
}

static void results_are_kept_as_long_as_the_batch_may_need_and_a_cut_answer_counts_for_nothing(void **state)
{
    const size_t sizes[] = {ANSWER_BODY_KEPT + 60 * ANSWER_RESULT_KEPT, ANSWER_BODY_KEPT + 70 * ANSWER_RESULT_KEPT};
    const int reports[] = {1, 64};

    (void)state;
    for (int k = 0; k < 2; k++) {
        struct http_bench bench;
        char *answer = long_answer(64, sizes[k]);

        bench_start(&bench, LINES(answer), "/",
                    LINES("batch.max.size=64", "millrace.batch.results=.", "max.retries=0"));
        bench.context.errant = &bench.errant;
        for (int i = 0; i < 64; i++)
            add(&bench, 0, i, NULL, "x");
        assert_int_equal(0, put(&bench));
        assert_int_equal(reports[k], bench.reports);
        assert_int_equal(k == 1, strstr(bench.reported, "try a smaller batch.max.size") != NULL);
        bench_end(&bench);
        free(answer);
    }
}

static void a_record_whose_result_stays_bad_is_refused_in_the_end_and_one_that_is_to_wait_is_not(void **state)
{
    struct http_bench bench;
    char *first = answer_of("[{\"status\":200},{\"status\":500}]"), *again = answer_of("[{\"status\":500}]");
    char *later = answer_of("[{\"status\":429}]");

    (void)state;
    bench_start(&bench, LINES(first, again, later, later, later), "/",
                LINES("batch.max.size=9", "millrace.batch.results=.", "max.retries=1", "retry.backoff.ms=1"));
    bench.context.errant = &bench.errant;
    add(&bench, 0, 0, NULL, "a");
    add(&bench, 0, 1, NULL, "b");
    assert_int_equal(-1, put(&bench));
    assert_int_equal(0, put(&bench));
    assert_int_equal(1, bench.reports);
    batch_clear(bench.batch);
    add(&bench, 0, 2, NULL, "c");
    for (int i = 0; i < 3; i++)
        assert_int_equal(-1, put(&bench));
    assert_true(mr_error_is_retriable(bench.error));
    assert_int_equal(1, bench.reports);
    bench_end(&bench);
    free(first);
    free(again);
    free(later);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_batch_only_the_culprits_are_reported_where_the_target_tells_them),
        cmocka_unit_test(no_record_counts_as_taken_without_a_result_that_can_be_read),
        cmocka_unit_test(an_answer_without_results_is_asked_for_again_first),
        cmocka_unit_test(results_are_kept_as_long_as_the_batch_may_need_and_a_cut_answer_counts_for_nothing),
        cmocka_unit_test(a_record_whose_result_stays_bad_is_refused_in_the_end_and_one_that_is_to_wait_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
