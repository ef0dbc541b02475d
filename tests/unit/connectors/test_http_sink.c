/* What the HTTP sink sends, what becomes of failures, and how it stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_bench.h"
#include "sink.h"

#include <netdb.h>

/* --- requests ---- */

static void records_go_out_in_batches_with_prefix_separator_and_suffix(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(TARGET_OK), "/in",
                LINES("batch.max.size=2", "batch.prefix=<", "batch.separator=|", "batch.suffix=>", "headers=X-A: 1"));
    for (int i = 0; i < 5; i++)
        add(&bench, 0, i, NULL, (const char *const[]){"a", "b", "c", "d", "e"}[i]);
    assert_int_equal(0, put(&bench));
    assert_int_equal(3, bench.target.request_count);
    assert_body(&bench, 0, "<a|b>");
    assert_body(&bench, 1, "<c|d>");
    assert_body(&bench, 2, "<e>");
    assert_true(has_head(&bench, 0, "POST /in HTTP/1.1\r\n") && has_head(&bench, 0, "\r\nX-A: 1\r\n"));
    assert_true(has_head(&bench, 0, "\r\nContent-Type: text/plain; charset=UTF-8\r\n"));
    assert_int_equal(1, bench.target.connection_count); /* it is kept */
    bench_end(&bench);
}

static void a_url_of_its_own_makes_a_request_of_its_own_and_order_stays(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(TARGET_OK), "/${topic}/${key}", LINES("batch.max.size=10", "batch.separator=+"));
    add(&bench, 0, 0, "x", "1");
    add(&bench, 0, 1, "x", "2");
    add(&bench, 0, 2, "y", "3");
    add(&bench, 0, 3, "x", "4"); /* not with the first two: 3 stands between */
    assert_int_equal(0, put(&bench));
    assert_int_equal(3, bench.target.request_count);
    assert_true(has_head(&bench, 0, "POST /t/x "));
    assert_body(&bench, 0, "1+2");
    assert_true(has_head(&bench, 1, "POST /t/y "));
    assert_body(&bench, 2, "4");
    bench_end(&bench);
}

static void a_null_value_may_delete(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(TARGET_OK), "/things", LINES("behavior.on.null.values=delete"));
    add(&bench, 0, 0, "a b", NULL);
    add(&bench, 0, 1, "c", "new");
    assert_int_equal(0, put(&bench));
    assert_true(has_head(&bench, 0, "DELETE /things/a%20b HTTP/1.1\r\n"));
    assert_body(&bench, 0, "");
    assert_true(has_head(&bench, 1, "POST /things HTTP/1.1\r\n"));
    bench_end(&bench);
}

static void headers_of_a_record_go_with_it_but_none_that_frame_or_authenticate(void **state)
{
    struct http_bench bench;
    struct mr_record *record;

    (void)state;
    bench_start(&bench, LINES(TARGET_OK), "/",
                LINES("headers=X: common|X-Tenant: ours", "auth.type=bearer", "bearer.token=real"));
    record = add(&bench, 0, 0, NULL, "v");
    for (size_t i = 0; i < 4; i++)
        give_header(&bench, record, LINES("content-type", "Content-Length", "Authorization", "trace")[i],
                    LINES("c/d", "99", "Bearer fake", "7")[i]);
    assert_int_equal(0, put(&bench));
    assert_true(has_head(&bench, 0, "\r\ncontent-type: c/d\r\n") && has_head(&bench, 0, "\r\nX: common\r\n"));
    assert_true(has_head(&bench, 0, "\r\ntrace: 7\r\n") && has_head(&bench, 0, "\r\nAuthorization: Bearer real\r\n"));
    assert_false(has_head(&bench, 0, "text/plain") || has_head(&bench, 0, ": 99\r\n") || has_head(&bench, 0, "fake"));
    assert_true(has_head(&bench, 0, "\r\nX-Tenant: ours\r\n"));
    bench_end(&bench);
}

static void a_record_changes_no_header_of_the_operator_and_tells_no_mark_of_ours(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(TARGET_OK), "/",
                LINES("headers=X-Tenant: ours|Content-Type: a/b", "batch.max.size=9", "batch.separator=+"));
    for (int i = 0; i < 2; i++) {
        struct mr_record *record = add(&bench, 0, i, NULL, "v");

        give_header(&bench, record, "x-tenant", "somebody-elses");
        give_header(&bench, record, "content-type", "c/d");
        give_header(&bench, record, "millrace.replay", i == 0 ? "{\"id\":\"1\"}" : "{\"id\":\"2\"}");
    }
    assert_int_equal(0, put(&bench));
    assert_int_equal(1, bench.target.request_count); /* the marks do not part them */
    assert_body(&bench, 0, "v+v");
    assert_true(has_head(&bench, 0, "\r\nX-Tenant: ours\r\n") && has_head(&bench, 0, "\r\nContent-Type: a/b\r\n"));
    assert_false(has_head(&bench, 0, "somebody") || has_head(&bench, 0, "c/d") || has_head(&bench, 0, "millrace."));
    bench_end(&bench);
}

static void basic_credentials_are_sent_unasked(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(TARGET_OK), "/", LINES("auth.type=basic", "connection.user=u", "connection.password=p"));
    add(&bench, 0, 0, NULL, "v");
    assert_int_equal(0, put(&bench));
    assert_int_equal(1, bench.target.request_count);
    assert_true(has_head(&bench, 0, "\r\nAuthorization: Basic dTpw\r\n"));
    bench_end(&bench);
}

/* --- failures ---- */

static void what_was_taken_is_not_sent_again(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(TARGET_OK, AWAY, TARGET_OK), "/", LINES("retry.backoff.ms=40"));
    for (int i = 0; i < 3; i++)
        add(&bench, 0, i, NULL, LINES("a", "b", "c")[i]);
    assert_int_equal(-1, put(&bench));
    assert_true(mr_error_is_retriable(bench.error));
    assert_in_range(mr_error_retry_after_ms(bench.error), 20, 40);
    assert_int_equal(2, bench.target.request_count); /* c waits for b */
    assert_int_equal(0, put(&bench));
    assert_int_equal(4, bench.target.request_count);
    assert_body(&bench, 2, "b");
    assert_body(&bench, 3, "c");
    batch_clear(bench.batch);
    add(&bench, 0, 3, NULL, "d");
    assert_int_equal(0, put(&bench));
    bench_end(&bench);
}

static void a_broken_connection_is_tried_again(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(TARGET_RESET, TARGET_OK), "/", LINES("batch.max.size=2"));
    add(&bench, 0, 0, NULL, "a");
    add(&bench, 0, 1, NULL, "b");
    assert_int_equal(-1, put(&bench));
    assert_true(mr_error_is_retriable(bench.error));
    assert_non_null(strstr(mr_error_message(bench.error), "2 record(s) from t-0@0: there is no answer"));
    assert_int_equal(0, put(&bench));
    assert_body(&bench, 1, "a,b");
    bench_end(&bench);
}

static void a_target_says_when_to_come_again_and_that_counts_as_no_attempt(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(
        &bench,
        LINES(ANSWER("429", "Retry-After: 7\r\n", "0\r\n\r\n"),
              ANSWER("503", "Date: Sun, 06 Nov 1994 08:49:30 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:35 GMT\r\n",
                     "0\r\n\r\n"),
              TARGET_OK),
        "/", LINES("max.retries=0"));
    add(&bench, 0, 0, NULL, "a");
    assert_int_equal(-1, put(&bench));
    assert_true(mr_error_is_retriable(bench.error));
    assert_int_equal(7000, mr_error_retry_after_ms(bench.error));
    assert_int_equal(-1, put(&bench));
    assert_int_equal(5000, mr_error_retry_after_ms(bench.error));
    assert_int_equal(0, put(&bench));
    bench_end(&bench);
}

static void an_absent_target_fails_the_task_and_no_record(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(AWAY), "/", LINES("max.retries=1"));
    bench.context.errant = &bench.errant;
    add(&bench, 0, 0, NULL, "a");
    assert_int_equal(-1, put(&bench));
    assert_true(mr_error_is_retriable(bench.error));
    assert_int_equal(-1, put(&bench));
    assert_int_equal(MR_ERR_TIMEOUT,
                     mr_error_code(bench.error)); /* a lost connection: the task is started again until it is back */
    assert_non_null(strstr(mr_error_message(bench.error), "it answered 503 (given up after 2 attempts)"));
    assert_int_equal(0, bench.reports);
    bench_end(&bench);
}

static void refused_records_are_reported_one_by_one_and_the_rest_goes_on(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(REFUSED, TARGET_OK), "/", LINES("batch.max.size=2"));
    bench.context.errant = &bench.errant;
    for (int i = 0; i < 3; i++)
        add(&bench, 0, 10 + i, NULL, "x");
    assert_int_equal(0, put(&bench));
    assert_int_equal(2, bench.reports);
    assert_int_equal(0, strncmp(bench.reported, "10: POST http://127.0.0.1:", 26));
    assert_non_null(strstr(bench.reported, "11: POST"));
    assert_non_null(strstr(bench.reported, "it answered 400: bad\n"));
    assert_int_equal(2, bench.target.request_count);
    bench_end(&bench);
}

static void a_refused_record_fails_the_task_where_nothing_tolerates_it(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(REFUSED), "/", LINES("batch.max.size=2"));
    add(&bench, 0, 10, NULL, "x");
    assert_int_equal(-1, put(&bench));
    assert_int_equal(MR_ERR_DATA, mr_error_code(bench.error));
    assert_non_null(strstr(mr_error_message(bench.error), "1 record(s) from t-0@10: it answered 400: bad"));
    bench_end(&bench);
}

/* As a worker does that looks for the culprit of a batch by halves. */
static void what_a_failed_put_delivered_stays_delivered_when_its_rest_comes_again(void **state)
{
    struct http_bench bench;
    struct mr_record *last;

    (void)state;
    bench_start(&bench, LINES(TARGET_OK, REFUSED, TARGET_OK), "/", LINES("headers="));
    add(&bench, 0, 0, NULL, "a");
    add(&bench, 0, 1, NULL, "culprit");
    last = add(&bench, 0, 2, NULL, "b");
    assert_int_equal(-1, put(&bench));
    assert_int_equal(
        0, bench.ops->put(bench.self, (struct mr_record *[]){mr_batch_at(bench.batch, 0), last}, 2, &bench.error));
    assert_int_equal(3, bench.target.request_count);
    assert_body(&bench, 2, "b");
    bench_end(&bench);
}

/* Transforms may make several records of one; a worker that looks for the culprit may put them apart. */
static void a_record_is_not_taken_for_its_sibling_that_was_delivered(void **state)
{
    struct http_bench bench;
    struct mr_record *a, *b, *c;

    (void)state;
    bench_start(&bench, LINES(TARGET_OK, TARGET_OK, REFUSED, TARGET_OK), "/", LINES("headers="));
    a = add(&bench, 0, 4, NULL, "a");
    add(&bench, 0, 5, NULL, "one");
    b = add(&bench, 0, 5, NULL, "two");
    c = add(&bench, 0, 5, NULL, "three");
    assert_int_equal(-1, put(&bench)); /* a and one are there, two is refused */
    assert_false(mr_error_is_retriable(bench.error));
    mr_error_clear(&bench.error);
    assert_int_equal(0, bench.ops->put(bench.self, (struct mr_record *[]){a}, 1, &bench.error));
    assert_int_equal(3, bench.target.request_count);
    assert_int_equal(0, bench.ops->put(bench.self, (struct mr_record *[]){b, c}, 2, &bench.error));
    assert_int_equal(5, bench.target.request_count);
    assert_body(&bench, 3, "two");
    assert_body(&bench, 4, "three");
    bench_end(&bench);
}

static void what_is_known_of_a_part_counts_for_that_part_alone(void **state)
{
    struct http_bench bench;
    struct mr_record *all[6];

    (void)state;
    bench_start(&bench, LINES(TARGET_OK, TARGET_OK, REFUSED, TARGET_OK, AWAY, TARGET_OK), "/", LINES("headers="));
    for (int i = 0; i < 6; i++) /* "one" and "two" were made of the same */
        all[i] = add(&bench, 0, i < 4 ? i : i - 1, NULL, LINES("a", "b", "bad", "one", "two", "last")[i]);
    assert_int_equal(-1, put(&bench)); /* a and b are there */
    mr_error_clear(&bench.error);
    assert_int_equal(0, bench.ops->put(bench.self, all, 1, &bench.error)); /* b is still to come */
    assert_int_equal(-1, bench.ops->put(bench.self, all + 4, 2, &bench.error));
    mr_error_clear(&bench.error);
    assert_int_equal(0, bench.ops->put(bench.self, all + 4, 2, &bench.error));
    assert_int_equal(6, bench.target.request_count); /* "two" went out once */
    assert_body(&bench, 5, "last");
    assert_int_equal(0, bench.ops->put(bench.self, all + 3, 1, &bench.error));
    assert_int_equal(7, bench.target.request_count);
    assert_body(&bench, 6, "one");
    bench_end(&bench);
}

static void texts_of_more_than_one_put_may_have_come_in_several(void **state)
{
    struct http_bench bench;
    size_t size = PUT_BYTES / 8;
    char *long_key = malloc(size + 1);
    const struct mr_value *key;
    int puts = 1;

    (void)state;
    memset(long_key, 'k', size);
    long_key[size] = '\0';
    bench_start(&bench, LINES(TARGET_OK), "/",
                LINES("batch.max.size=2", "batch.separator=+", "batch.key.pattern=${key}"));
    key = mr_string(mr_batch_arena(bench.batch), long_key);
    for (int i = 0; i < 20; i++)
        assert_int_equal(0, mr_record_set_key(add(&bench, 0, i, NULL, "v"), NULL, key));
    for (; put(&bench) != 0; puts++)
        assert_true(mr_error_is_retriable(bench.error) && mr_error_retry_after_ms(bench.error) == 1);
    assert_in_range(puts, 2, 10);
    assert_in_range(bench.target.request_count, 10, 10 + (size_t)puts); /* none twice */
    bench_end(&bench);
    free(long_key);
}

static void a_status_that_stays_refuses_the_records_in_the_end(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(BROKEN, BROKEN, TARGET_OK), "/", LINES("max.retries=1"));
    bench.context.errant = &bench.errant;
    add(&bench, 0, 0, NULL, "poison");
    add(&bench, 0, 1, NULL, "fine");
    assert_int_equal(-1, put(&bench));
    assert_int_equal(0, put(&bench));
    assert_int_equal(1, bench.reports);
    assert_body(&bench, 2, "fine");
    bench_end(&bench);
}

static void a_redirection_is_not_followed(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(ANSWER("302", "Location: http://elsewhere/\r\n", "0\r\n\r\n")), "/",
                LINES("max.retries=5"));
    add(&bench, 0, 0, NULL, "a");
    assert_int_equal(-1, put(&bench));
    assert_int_equal(MR_ERR_CONNECT, mr_error_code(bench.error));
    bench_end(&bench);
}

static void findings_of_a_validation_stand_at_their_option(void **state)
{
    const struct mr_sink_connector_ops *ops = plugin_at(0)->ops;
    struct mr_config *config = config_of(plugin_at(0)->config_def, LINES("http.api.url=http://h", "auth.type=basic"));
    struct mr_config *store = config_of(plugin_at(0)->config_def,
                                        LINES("http.api.url=http://h", "https.ssl.truststore.location=/none/at/all"));
    struct mr_config_report *report = config_report_create();

    (void)state;
    assert_int_equal(0, ops->validate(config, report, NULL));
    assert_int_equal(1, config_report_count(report));
    assert_string_equal("connection.user", config_report_option(report, 0));
    assert_int_equal(0, ops->validate(store, report, NULL));
    assert_int_equal(2, config_report_count(report));
    assert_non_null(strstr(config_report_message(report, 1), "/none/at/all cannot be read"));
    config_report_destroy(report);
    mr_config_destroy(config);
    mr_config_destroy(store);
}

/* --- stopping ---- */

static int64_t fast_clock_ms(void)
{
    return host_monotonic_ms += 11000;
}

static void a_slow_target_does_not_keep_the_task_in_one_put(void **state)
{
    struct mr_host fast = test_host;
    struct http_bench bench;
    int puts = 1;

    (void)state;
    bench_start(&bench, LINES(TARGET_OK), "/", LINES("headers="));
    fast.clock_monotonic_ms = fast_clock_ms;
    http_host = &fast;
    for (int i = 0; i < 9; i++)
        add(&bench, 0, i, NULL, "x");
    for (; put(&bench) != 0; puts++)
        assert_true(mr_error_is_retriable(bench.error) && mr_error_retry_after_ms(bench.error) == 1);
    assert_in_range(puts, 2, 9);
    assert_int_equal(9, bench.target.request_count); /* none twice */
    http_host = &test_host;
    bench_end(&bench);
}

static void *request_stop(void *argument)
{
    struct http_bench *bench = argument;

    target_wait(&bench->target, 1);
    bench->ops->request_stop(bench->self);
    return NULL;
}

static void a_stop_breaks_a_hanging_transfer_off(void **state)
{
    struct http_bench bench;
    pthread_t thread;

    (void)state;
    bench_start(&bench, LINES(TARGET_HANGS), "/", LINES("headers="));
    add(&bench, 0, 0, NULL, "a");
    pthread_create(&thread, NULL, request_stop, &bench);
    assert_int_equal(-1, put(&bench));
    assert_true(mr_error_is_retriable(bench.error));
    pthread_join(thread, NULL);
    bench_end(&bench);
}

/* --- a look-up of names that hangs; addresses need none ---- */

static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t names_moved = PTHREAD_COND_INITIALIZER;
static int names_asked, names_answered;
static bool names_are_back;

__attribute__((visibility("default"))) /* libcurl is to find it */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    (void)node, (void)service, (void)hints, (void)found;
    pthread_mutex_lock(&names_lock);
    names_asked++;
    pthread_cond_broadcast(&names_moved);
    while (!names_are_back)
        pthread_cond_wait(&names_moved, &names_lock);
    names_answered++;
    pthread_cond_broadcast(&names_moved);
    pthread_mutex_unlock(&names_lock);
    return EAI_AGAIN;
}

static void *request_stop_in_look_up(void *argument)
{
    struct http_bench *bench = argument;

    pthread_mutex_lock(&names_lock);
    while (names_asked == 0)
        pthread_cond_wait(&names_moved, &names_lock);
    pthread_mutex_unlock(&names_lock);
    bench->ops->request_stop(bench->self);
    return NULL;
}

static void a_stop_waits_for_no_look_up_of_names(void **state)
{
    struct http_bench bench;
    pthread_t thread;

    (void)state;
    bench_start(&bench, LINES(TARGET_OK), "/", LINES("http.api.url=http://collector.test/"));
    add(&bench, 0, 0, NULL, "a");
    pthread_create(&thread, NULL, request_stop_in_look_up, &bench);
    assert_int_equal(-1, put(&bench));
    assert_true(mr_error_is_retriable(bench.error));
    pthread_mutex_lock(&names_lock);
    assert_true(names_asked > 0);
    pthread_mutex_unlock(&names_lock);
    pthread_join(thread, NULL);
    bench_end(&bench);
    pthread_mutex_lock(&names_lock); /* only now */
    names_are_back = true;
    pthread_cond_broadcast(&names_moved);
    while (names_answered < names_asked)
        pthread_cond_wait(&names_moved, &names_lock);
    pthread_mutex_unlock(&names_lock);
}

static void a_hanging_target_is_given_up_after_the_request_timeout(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(TARGET_HANGS), "/", LINES("http.request.timeout.ms=50"));
    add(&bench, 0, 0, NULL, "a");
    assert_int_equal(-1, put(&bench));
    assert_true(mr_error_is_retriable(bench.error));
    assert_non_null(strstr(mr_error_message(bench.error), "Timeout"));
    bench_end(&bench);
}

static void a_target_that_does_not_answer_is_a_lost_connection_in_the_end(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(TARGET_HANGS), "/", LINES("http.request.timeout.ms=50", "max.retries=0"));
    add(&bench, 0, 0, NULL, "a");
    assert_int_equal(-1, put(&bench));
    assert_int_equal(MR_ERR_TIMEOUT, mr_error_code(bench.error));
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_go_out_in_batches_with_prefix_separator_and_suffix),
        cmocka_unit_test(a_url_of_its_own_makes_a_request_of_its_own_and_order_stays),
        cmocka_unit_test(a_null_value_may_delete),
        cmocka_unit_test(headers_of_a_record_go_with_it_but_none_that_frame_or_authenticate),
        cmocka_unit_test(basic_credentials_are_sent_unasked),
        cmocka_unit_test(what_was_taken_is_not_sent_again),
        cmocka_unit_test(a_broken_connection_is_tried_again),
        cmocka_unit_test(a_target_says_when_to_come_again_and_that_counts_as_no_attempt),
        cmocka_unit_test(an_absent_target_fails_the_task_and_no_record),
        cmocka_unit_test(refused_records_are_reported_one_by_one_and_the_rest_goes_on),
        cmocka_unit_test(a_refused_record_fails_the_task_where_nothing_tolerates_it),
        cmocka_unit_test(a_status_that_stays_refuses_the_records_in_the_end),
        cmocka_unit_test(a_redirection_is_not_followed),
        cmocka_unit_test(findings_of_a_validation_stand_at_their_option),
        cmocka_unit_test(a_record_changes_no_header_of_the_operator_and_tells_no_mark_of_ours),
        cmocka_unit_test(a_record_is_not_taken_for_its_sibling_that_was_delivered),
        cmocka_unit_test(what_is_known_of_a_part_counts_for_that_part_alone),
        cmocka_unit_test(texts_of_more_than_one_put_may_have_come_in_several),
        cmocka_unit_test(a_stop_waits_for_no_look_up_of_names),
        cmocka_unit_test(what_a_failed_put_delivered_stays_delivered_when_its_rest_comes_again),
        cmocka_unit_test(a_slow_target_does_not_keep_the_task_in_one_put),
        cmocka_unit_test(a_stop_breaks_a_hanging_transfer_off),
        cmocka_unit_test(a_hanging_target_is_given_up_after_the_request_timeout),
        cmocka_unit_test(a_target_that_does_not_answer_is_a_lost_connection_in_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
