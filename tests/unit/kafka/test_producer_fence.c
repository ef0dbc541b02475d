/* Producers are shut out by their transactional ids, on the mock cluster. That those are of no use any more is shown with real brokers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "kafka/graveyard.h"
#include "kafka/producer_fence.h"
#include "mock.h"

#define API_INIT_PRODUCER_ID 22
#define SOON_MS 20000
#define COUNT 10 /* more than go together */

struct fixture {
    struct mock mock;
    struct graveyard *graveyard;
    struct client_config *configs[COUNT];
    const struct fence_bound *bound;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.bound = NULL;
    mock_open(&fixture.mock);
    fixture.graveyard = graveyard_create(NULL);
    assert_non_null(fixture.graveyard);
    for (int i = 0; i < COUNT; i++) {
        char lines[64];
        snprintf(lines, sizeof lines, "transactional.id=g-source-%d\n", i);
        fixture.configs[i] = mock_config(&fixture.mock, CLIENT_PRODUCER, NULL, lines);
    }
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < COUNT; i++)
        client_config_drop(fixture->configs[i]);
    graveyard_destroy(fixture->graveyard, clock_monotonic_ms(NULL) + SOON_MS);
    mock_close(&fixture->mock);
    return 0;
}

static int shut_out(struct fixture *fixture, size_t count, int64_t within_ms, struct mr_error **error)
{
    return producers_shut_out(fixture->configs, count, fixture->bound, fixture->graveyard, clock_monotonic_ms(NULL) + within_ms, error);
}

#if RD_KAFKA_VERSION >= 0x020c0000
static void watch_requests(struct fixture *fixture)
{
    rd_kafka_mock_start_request_tracking(fixture->mock.cluster);
}

static size_t count_of_ids(struct fixture *fixture)
{
    size_t requests = 0, asked = 0;
    rd_kafka_mock_request_t **seen = rd_kafka_mock_get_requests(fixture->mock.cluster, &requests);
    for (size_t i = 0; i < requests; i++)
        asked += rd_kafka_mock_request_api_key(seen[i]) == API_INIT_PRODUCER_ID;
    rd_kafka_mock_request_destroy_array(seen, requests);
    return asked;
}
#else /* an older mock does not tell what it was asked */
static void watch_requests(struct fixture *fixture)
{
    (void)fixture;
}

static size_t count_of_ids(struct fixture *fixture)
{
    (void)fixture;
    return COUNT;
}
#endif

static void more_ids_than_go_together_are_all_shut_out(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    watch_requests(fixture);
    if (shut_out(fixture, COUNT, SOON_MS, &error) != 0)
        fail_msg("%s", mr_error_message(error));
    assert_int_equal(count_of_ids(fixture), COUNT);
}

static void nothing_to_shut_out_is_no_request(void **state)
{
    assert_int_equal(shut_out(*state, 0, 0, NULL), 0);
}

static void what_passes_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    rd_kafka_mock_push_request_errors(fixture->mock.cluster, API_INIT_PRODUCER_ID, 2, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
                                      RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS);
    if (shut_out(fixture, 2, SOON_MS, &error) != 0)
        fail_msg("%s", mr_error_message(error));
}

static void who_has_no_right_is_told_which_id(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    rd_kafka_mock_push_request_errors(fixture->mock.cluster, API_INIT_PRODUCER_ID, 1,
                                      RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    assert_int_equal(shut_out(fixture, 1, SOON_MS, &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_NOT_SUPPORTED);
    assert_non_null(strstr(mr_error_message(error), "g-source-0"));
    mr_error_drop(error);
}

static void brokers_that_do_not_answer_are_not_waited_for_beyond_the_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    assert_int_equal(shut_out(fixture, 3, 300, &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_TIMEOUT);
    mr_error_drop(error);
}

static const char *who_asked_is_replaced(void *argument)
{
    int *asked = argument;
    return ++*asked < 3 ? NULL : "another one leads";
}

static void who_is_replaced_meanwhile_goes_no_further(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    int asked = 0;
    fixture->bound = &(struct fence_bound){who_asked_is_replaced, &asked};
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    assert_int_equal(shut_out(fixture, 3, SOON_MS, &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_CONFLICT);
    assert_non_null(strstr(mr_error_message(error), "another one leads"));
    assert_int_equal(asked, 3);
    mr_error_drop(error);
}

int main(void)
{
#define ON_MOCK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON_MOCK(more_ids_than_go_together_are_all_shut_out),
        ON_MOCK(nothing_to_shut_out_is_no_request),
        ON_MOCK(what_passes_is_waited_for),
        ON_MOCK(who_has_no_right_is_told_which_id),
        ON_MOCK(who_is_replaced_meanwhile_goes_no_further),
        ON_MOCK(brokers_that_do_not_answer_are_not_waited_for_beyond_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
